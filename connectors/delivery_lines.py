"""Where everything stands that delivery has read: each journal and statement in one line, so that the lines add up to what was read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from connectors.delivery_store import READ, decoded_member, group_rows_in, money_of, parcels_in, reading
from domain.delivery import answers, standings
from domain.delivery.absent import FREE, in_its_words, why_to_send
from domain.delivery.chart import EntityChart
from domain.delivery.groups import OpenGroups
from domain.delivery.standings import Parcel
from domain.units import Amount

# Nothing is left to do about these.
DONE: Final = frozenset(
    {standings.POSTED, standings.REPLACED, standings.WITHDRAWN, standings.INVOICED_BY_HAND, standings.NOT_DELIVERED}
)
# Of a document under way, by its own standing.
_UNDER_WAY: Final[Mapping[str, str]] = {
    standings.OPEN: "a call is under way",
    standings.UNKNOWN: "no answer; looked up before anything is sent again",
    standings.SUBMITTED: "the ERP works on its batch",
}


class DeliveryLine(NamedTuple):
    """`documents` is 0 of what was not put together yet; `money` are debits, or what statements come to, by currency.

    `until` is the day or accounting period that has to end first, of what waits for that.
    """

    standing: str
    why: str
    until: str
    documents: int
    members: int
    money: Mapping[str, Amount]


@dataclass(slots=True)
class _Sum:
    documents: int = 0
    members: int = 0
    money: Counter[str] = field(default_factory=Counter)


_Name = tuple[str, str, str]


def lines_of(path: Path, charts: Mapping[str, EntityChart]) -> list[DeliveryLine]:
    """What a store says, also of a delivery that runs; the last one is all that was read. Raises sqlite3.Error."""
    sums: dict[_Name, _Sum] = {}
    with reading(path) as db:
        _add_ended(db, sums)
        # Of companies that the chart still has.
        waiting = list(OpenGroups(1, charts, group_rows_in(db)).waits())
        _add_parcels(db, {journal.journal_id for journal, _ in waiting}, sums)
    for journal, until in waiting:
        found = sums.setdefault((standings.WAITING, "", until), _Sum())
        found.members += 1
        found.money.update(money_of(journal))
    everything = sums.pop((READ, "", ""), _Sum())
    lines = [DeliveryLine(*name, each.documents, each.members, each.money) for name, each in sorted(sums.items())]
    return [*lines, DeliveryLine(READ, "", "", 0, everything.members, everything.money)]


def is_done(lines: Iterable[DeliveryLine]) -> bool:
    """Whether nothing of it waits for anything."""
    return all(each.standing in {READ, *DONE} for each in lines)


def _add_ended(db: sqlite3.Connection, sums: dict[_Name, _Sum]) -> None:
    for standing, currency, documents, members, money in db.execute(
        "SELECT standing, currency, documents, members, money FROM totals"
    ):
        found = sums.setdefault((standing, "", ""), _Sum())
        found.documents += documents
        found.members += members
        found.money[currency] += money


def _add_parcels(db: sqlite3.Connection, to_come: Collection[str], sums: dict[_Name, _Sum]) -> None:
    parcels = parcels_in(db)
    states = dict(db.execute("SELECT key, state FROM documents").fetchall())
    why = why_to_send(parcels, dict(db.execute("SELECT journal, named FROM closed").fetchall()), to_come)
    for parcel in parcels:
        found = sums.setdefault((*_standing(parcel, states, why), ""), _Sum())
        found.documents += max(1, len(parcel.keys))
        found.members += len(parcel.members)
        for kind, data in db.execute("SELECT kind, data FROM members WHERE parcel = ?", (parcel.number,)):
            found.money.update(money_of(decoded_member(kind, data)))


def _standing(parcel: Parcel, states: Mapping[str, str], why: Mapping[int, str]) -> tuple[str, str]:
    match parcel.state:
        case standings.REFUSED if parcel.rejection is not None:
            if parcel.rejection.because == answers.ACCOUNT:
                return standings.UNMAPPED, parcel.rejection.message
            return parcel.state, in_its_words(parcel.rejection.code, parcel.rejection.message)
        case standings.SENT:
            under_way = [_UNDER_WAY[states[key]] for key in parcel.keys if states[key] in _UNDER_WAY]
            # Of a call that came to nothing the ERP has none.
            return (parcel.state, under_way[0]) if under_way else (standings.TO_SEND, FREE)
        case _:
            return parcel.state, why.get(parcel.number, "")


def read_to(path: Path) -> tuple[str, Mapping[str, str]]:
    """How far a delivery has read, by its store, also while it runs.

    The generation of what it read, and what follows in each partition. Raises sqlite3.Error.
    """
    with reading(path) as db:
        (generation,) = db.execute("SELECT generation FROM meta").fetchone() or ("",)
        return generation, dict(db.execute("SELECT name, following FROM places").fetchall())
