"""The lines of a contract as its provision looks at them (`domain/revenue/provision.py`)."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.revenue.over_time import Earning, earning
from domain.revenue.provision import LineOutlook, outlook
from domain.terms.kind import LineHistory
from state.books import Contract
from state.charges.terms_known import known_of
from state.draft import Draft
from state.rerating.rerate import line_ids

KIND: Final = "provision"
# So far ahead prices begin that may be lost on before they do.
AHEAD: Final = timedelta(days=400)


class KnownLine(NamedTuple):
    line_id: str
    known: LineHistory
    earns: Earning


def lines_of(draft: Draft, contract: Contract, until: date) -> list[KnownLine]:
    """Of which something may be required by a day."""
    found = []
    for line_id in line_ids(contract):
        known = known_of(draft, contract, line_id)
        if known.held:
            found.append(KnownLine(line_id, known, earning(known, until + AHEAD)))
    return found


def outlooks(lines: Iterable[KnownLine], day: date) -> list[LineOutlook]:
    found = (outlook(one.line_id, one.known, one.earns, day) for one in lines)
    return [one for one in found if one is not None]
