"""What work costs and what companies charge each other for it, from the newest version of each entry and prices that were ever stated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.accounts import EXPENSE_COST, LABOR_COST, WORK_IN_PROGRESS
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY_COST, INTERCOMPANY_REVENUE
from domain.events.commercial import ContractSigned
from domain.events.delivery import ExpenseApproved, ExpenseWithdrawn, ProjectActivated, TimeApproved, TimeWithdrawn
from domain.events.reference import CostRateSet, PersonDefined, TransferPriceSet
from domain.money import HALF_UP, extend
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.harness import Books

Work = TimeApproved | ExpenseApproved
COST = (LABOR_COST, EXPENSE_COST, WORK_IN_PROGRESS)


class Stated(NamedTuple):
    """Reference data as the log has it: companies of people, projects and contracts, and every price of an hour."""

    people: dict[str, str]
    projects: dict[str, str]
    contract: str
    costs: list[CostRateSet]
    prices: list[TransferPriceSet]


def not_as_worked(books: Books, waits: frozenset[str]) -> Iterator[str]:
    """Entries that wait for something are left out."""
    events = [record.event for record in books.log]
    stated = Stated(
        {one.person_id: one.legal_entity_id for one in events if isinstance(one, PersonDefined)},
        {one.project_id: one.legal_entity_id for one in events if isinstance(one, ProjectActivated)},
        next((one.legal_entity_id for one in events if isinstance(one, ContractSigned)), ""),
        [one for one in events if isinstance(one, CostRateSet)],
        [one for one in events if isinstance(one, TransferPriceSet)],
    )
    newest: dict[str, Work | None] = {}
    for event in events:
        match event:
            case TimeApproved() | TimeWithdrawn():
                newest[event.entry_id] = event if isinstance(event, TimeApproved) else None
            case ExpenseApproved() | ExpenseWithdrawn():
                newest[event.expense_id] = event if isinstance(event, ExpenseApproved) else None
            case _:
                pass
    booked: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in newest}
    for journal in (one.record for one in books.folded if isinstance(one.record, JournalEntry)):
        for line in journal.lines if journal.affected_id in booked else ():
            booked[journal.affected_id][journal.legal_entity_id, line.account] += line.amount
    for name, work in newest.items():
        if name not in waits:
            yield from (f"worked: {name} {found}" for found in _wrong(booked[name], work, stated))


def _wrong(booked: Counter[tuple[str, str]], work: Work | None, stated: Stated) -> Iterator[str]:
    lender = stated.people.get(work.person_id or "", stated.contract) if work is not None else ""
    cost = sum(amount for (company, account), amount in booked.items() if company == lender and account in COST)
    elsewhere = sum(
        abs(amount) for (company, account), amount in booked.items() if company != lender and account in COST
    )
    if elsewhere or (work is not None and cost not in _costs(work, stated)):
        yield f"costs {cost}, and {elsewhere} elsewhere"
    borrower = "" if work is None else stated.contract if work.billable else stated.projects.get(work.project_id, "")
    charged = booked[lender, DUE_FROM]
    lent = {(lender, DUE_FROM): charged, (lender, INTERCOMPANY_REVENUE): -charged}
    expected = lent | {(borrower, DUE_TO): -charged, (borrower, INTERCOMPANY_COST): charged} if charged else {}
    paired = (DUE_FROM, DUE_TO, INTERCOMPANY_COST, INTERCOMPANY_REVENUE)
    has = {key: amount for key, amount in booked.items() if key[1] in paired and amount}
    if has != expected or (charged and lender == borrower):
        yield f"is charged as {has} from {lender} to {borrower}"
    elif (
        work is not None
        and lender != borrower
        and charged not in (_prices(work, lender, borrower, stated) or {charged})
    ):
        yield f"is charged {charged}"


def _worth(work: Work, rates: Iterable[CostRateSet | TransferPriceSet]) -> set[Amount]:
    """By each of the rates that is a rate of hours; what is spent is worth its amount."""
    if isinstance(work, ExpenseApproved):
        return {work.amount}
    assert work.hours is not None
    return {extend(work.hours, one.rate, 0, one.currency, HALF_UP) for one in rates if one.rate is not None}


def _costs(work: Work, stated: Stated) -> set[Amount]:
    return _worth(work, (one for one in stated.costs if one.person_id == work.person_id))


def _prices(work: Work, lender: str, borrower: str, stated: Stated) -> set[Amount]:
    """Nothing is known of prices that follow cost or bill rates."""
    pair = (lender, borrower)
    return _worth(work, (one for one in stated.prices if (one.lending_entity_id, one.borrowing_entity_id) == pair))
