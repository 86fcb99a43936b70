"""Statements that late work makes again (policy `late_line=reissue`): what the books remember of them until their invoice comes.

With a statement goes what it did to each of its entries, so that it can be taken back exactly. A row that changes what is to be billed
for a closed period, or of such a statement, is late and is looked at when the day ends (state/statements/late.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.shares import parties_of
from domain.contract import line_policies
from domain.events.common import Deposit, Policies
from domain.identity import composed
from domain.outputs import BillingStatement
from domain.policies import Resolved, resolve
from domain.reference.zones import local_date
from domain.refusals import words_of
from domain.units import Amount, Hours
from state.books import (
    Contract,
    CutPeriod,
    Entry,
    Issued,
    IssuedPiece,
    IssuedStatement,
    LateRow,
    Reissues,
    TermsVersion,
)
from state.draft import Draft
from state.terms.periods import zone_of
from state.terms.plan import billing_cycle, contract_policies
from state.totals import DUE, issued_on, open_keys, price_and_issued

ISSUED_STATEMENT, PERIODS, LATE = "issued", "reissues", "late"
REISSUE = "reissue"

# An entry on a contract line.
Place = tuple[str, str]


class Before(NamedTuple):
    """What a statement will change, as it stands before."""

    issued: Mapping[Place, Issued | None]
    cents: Mapping[Place, Amount]
    shown: Mapping[str, tuple[Hours, Hours]]


def note_period(draft: Draft, contract: Contract, period: BillingPeriod) -> None:
    """The period closes; by the terms in force on its first day, as its cycle is."""
    if contract_policies(draft, contract, period.start).late_line == REISSUE:
        kept: Reissues = draft.part(PERIODS, contract.contract_id) or Reissues()
        periods = (*kept.periods, CutPeriod(period.start, period.to))
        draft.put(PERIODS, contract.contract_id, replace(kept, periods=periods))


def is_reissued(draft: Draft, contract: Contract, period: BillingPeriod, sequence: int | None) -> bool:
    """Whether what is issued is the statement of such a period: its first, or that again; not one that is requested besides."""
    kept: Reissues | None = draft.part(PERIODS, contract.contract_id)
    return kept is not None and any(
        (one.start, one.to) == (period.start, period.to) and (sequence is not None or not one.statement_id)
        for one in kept.periods
    )


def before_issue(draft: Draft, contract: Contract, places: Sequence[Place]) -> Before:
    rows = {place: draft.entry(place[0]) for place in places}
    return Before(
        {
            place: issued_on(entry, contract.contract_id, place[1]) if entry is not None else None
            for place, entry in rows.items()
        },
        {place: _cents(entry, contract, place[1]) for place, entry in rows.items()},
        {line_id: _shown(draft, contract, line_id) for _, line_id in places},
    )


def keep(draft: Draft, contract: Contract, statement_id: str, before: Before) -> None:
    """The statement is out, and may be issued again."""
    pieces = []
    for place, had in before.issued.items():
        entry, now = draft.issued_in_books(place[0], contract.contract_id, place[1])
        cents = _cents(entry, contract, place[1]) - before.cents[place]
        pieces.append(IssuedPiece(*place, had, now, cents))
    shown = {}
    for line_id, (hours, quantity) in before.shown.items():
        hours_now, quantity_now = _shown(draft, contract, line_id)
        shown[line_id] = hours_now - hours, quantity_now - quantity
    published = tuple(part for part in draft.issued if part.statement_id == statement_id)
    draft.put(
        ISSUED_STATEMENT,
        statement_id,
        IssuedStatement(statement_id, contract.contract_id, published, tuple(pieces), shown),
    )
    _name_statement(draft, contract, published[0])


def _name_statement(draft: Draft, contract: Contract, first: BillingStatement) -> None:
    kept: Reissues = draft.part(PERIODS, contract.contract_id)
    periods = tuple(
        replace(one, statement_id=first.statement_id) if one.start == first.period else one for one in kept.periods
    )
    draft.put(PERIODS, contract.contract_id, replace(kept, periods=periods))


def stands_for_good(draft: Draft, statement_id: str) -> None:
    """An invoice has come for the statement: late work goes to the next."""
    if draft.part(ISSUED_STATEMENT, statement_id) is not None:
        draft.put(ISSUED_STATEMENT, statement_id, None)


def _cents(entry: Entry | None, contract: Contract, line_id: str) -> Amount:
    price = price_and_issued(entry, contract.contract_id, line_id)[0] if entry is not None else None
    return price.rounding if price is not None else 0


def _shown(draft: Draft, contract: Contract, line_id: str) -> tuple[Hours, Hours]:
    totals = draft.line(contract.contract_id, line_id)
    return totals.shown_hours, totals.shown_quantity


# What is late


def after_event(draft: Draft) -> None:
    """Of every event but the end of a day, which looks at them itself."""
    for contract_id in sorted(draft.before.ids.get(PERIODS, ())):
        contract = draft.contract_in_books(contract_id)
        if mark_late(draft, contract):
            look_again(draft, contract)


def mark_late(draft: Draft, contract: Contract) -> bool:
    """Whether rows of the event have something to bill for a closed period, or of a statement that is out."""
    late = [entry.entry_id for entry in draft.rows.values() if _is_late(contract, entry)]
    for entry_id in late:
        draft.put(LATE, composed(contract.contract_id, entry_id), LateRow(contract.contract_id, entry_id))
    return bool(late)


def _is_late(contract: Contract, entry: Entry) -> bool:
    start = contract.period_start.isoformat() if contract.period_start is not None else ""
    return any(
        day < start or issued_on(entry, contract.contract_id, line_id) is not None
        for line_id, day in due_lines(contract, entry)
    )


def due_lines(contract: Contract, entry: Entry) -> Iterator[tuple[str, str]]:
    """Lines of the contract on which the row has something to bill, with the service date."""
    for contract_id, name, day, *_ in open_keys(entry):
        if contract_id == contract.contract_id and name.endswith(DUE):
            yield name.removesuffix(DUE), day


def look_again(draft: Draft, contract: Contract) -> None:
    """When the day ends in the contract's billing zone."""
    zone = zone_of(draft, contract)
    draft.due.add((zone, local_date(draft.cause.recorded_at, zone).isoformat()))


def late_rows(draft: Draft, contract: Contract) -> list[LateRow]:
    rows: Iterable[LateRow] = (draft.part(LATE, part_id) for part_id in draft.ids(LATE))
    return [row for row in rows if row.contract_id == contract.contract_id]


# What it does not go with


def refused_with_reissue(contract: Contract, kept: Policies | None) -> list[tuple[str, str]]:
    """What a statement cannot be issued again with, also where another version of the terms has it."""
    versions = (*contract.former, *contract.history)
    of_contract = [resolve(stored.terms.policies, stored.defaults, kept) for stored in versions]
    of_lines = [
        (stored, whole, line_policies(stored.terms, line, stored.defaults, kept))
        for stored, whole in zip(versions, of_contract, strict=True)
        for line in stored.terms.lines
    ]
    if any(own.late_line != whole.late_line for _, whole, own in of_lines):
        return [("policies.late_line", words_of("late_line_of_a_line"))]
    if all(policies.late_line != REISSUE for policies in of_contract):
        return []
    found = [*_refused_terms(versions), *_refused_policies([own for _, _, own in of_lines])]
    if any(
        billing_cycle(stored.terms, policies).kind == "on_request"
        for stored, policies in zip(versions, of_contract, strict=True)
    ):
        found.append("statements on request")
    return [("policies.late_line", words_of("reissue", what=what)) for what in found]


def _refused_terms(versions: Sequence[TermsVersion]) -> Iterator[str]:
    payers = {party.customer_id for stored in versions for party in parties_of(stored.terms)}
    if len(payers) > 1:
        yield "several bill-tos"
    if any(stored.terms.funding is not None for stored in versions):
        yield "funding"
    if any(stored.terms.retention is not None for stored in versions):
        yield "retention"
    if any(isinstance(line.terms, Deposit) for stored in versions for line in stored.terms.lines):
        yield "a deposit"
    own = (getattr(line.terms, "cap", None) for stored in versions for line in stored.terms.lines)
    shared = (cap for stored in versions for cap in stored.terms.shared_caps)
    if any(cap is not None and cap.split == "prorate" for cap in (*own, *shared)):
        yield "a prorated cap"


def _refused_policies(policies: Sequence[Resolved]) -> Iterator[str]:
    if any(one.statement_approval == "required" for one in policies):
        yield "statement_approval=required"
    if other := sorted({one.overflow or "hold" for one in policies} - {"hold"}):
        yield " and ".join(f"overflow={one}" for one in other)
    if any("prorate" in (one.cap_split, one.cap_split_billing) for one in policies):
        yield "cap_split=prorate"
