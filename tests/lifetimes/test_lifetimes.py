"""Contracts from signing to their last cent, drawn by chance: nothing is left that was not earned for good, and an audit finds nothing.

The same stories on every run. Many more, and those that break made small: python -m tests.lifetimes 1000 3000
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.events.commercial import ContractSigned
from domain.events.common import HoldScope
from domain.events.delivery import BillingHoldPlaced, TimeApproved
from domain.events.finance import PaymentReceived
from domain.events.reference import CustomerDefined
from domain.outputs import JournalEntry
from tests.lifetimes.__main__ import fault_of, smallest
from tests.lifetimes.charged import not_as_worked
from tests.lifetimes.draw import Block
from tests.lifetimes.hold import (
    Played,
    above_limits,
    charged_though_held,
    differs_by_arrival,
    not_delivered,
    shown,
    stuck_as_used,
    waiting_entries,
)
from tests.lifetimes.owed import not_as_paid
from tests.lifetimes.story import story
from tests.thoroughness import THOROUGH

TENTH = range(0, 2_000 if THOROUGH else 20, 10)
OPENED = (*TENTH, 3, 7, 15)


@pytest.mark.parametrize("seed", range(2_000 if THOROUGH else 20))
def test_nothing_is_left_of_a_contract_that_is_over(seed: int) -> None:
    assert fault_of(story(seed), explained=seed in TENTH) == ""


@pytest.mark.parametrize("seed", [*TENTH, 3])
def test_what_stands_in_the_end_is_the_same_whenever_facts_arrive(seed: int) -> None:
    assert differs_by_arrival(story(seed)) == ""


@pytest.mark.parametrize("seed", OPENED)
def test_books_that_are_opened_again_after_each_event_say_the_same(seed: int, tmp_path: Path) -> None:
    usual, reopened = Played(story(seed)), Played(story(seed), folder=tmp_path)
    assert [one.body for one in reopened.books.encoded] == [one.body for one in usual.books.encoded]
    for played in (usual, reopened):
        played.books.close()


def test_bills_that_never_come_are_found_and_shown_in_few_lines() -> None:
    """Without invoices what was worked stands on 1150."""
    blocks = [one for one in story(5) if one.words != ["invoiced"]]
    assert fault_of(blocks).startswith("left: {'1150'")
    assert len(smallest(blocks, fault_of, "left")) < len(blocks) / 3


def test_what_is_charged_above_a_limit_or_though_it_is_held_is_found() -> None:
    """Of 100.00 that OWN does not pay GRANT pays 60.00; then the log is changed, and not what came out of it."""
    said = "entity LE USD Europe/Berlin", "customer C", "customer B", "project P of LE"
    contract = Block(
        "contract K C LE USD funding GRANT:B:60,OWN:C rules GRANT,OWN", ("  line L P", "    terms Expenses")
    )
    done = "2026-06-10 expense E-1 travel 100.00 USD", "2026-06-11 customer D", "2026-06-30 day ended"
    played = Played([*map(Block, said), contract, *map(Block, done)])
    books = played.books
    assert not [*above_limits(books), *charged_though_held(books), *stuck_as_used(books)]

    was = list(books.log)
    for place, record in enumerate(was):
        if isinstance(record.event, ContractSigned):
            assert record.event.funding is not None
            grant, own = record.event.funding.sources
            lower = record.event.funding._replace(sources=(grant._replace(limit=50_0000), own))
            books.log[place] = record._replace(event=record.event._replace(funding=lower))
        elif isinstance(record.event, CustomerDefined) and record.event.customer_id == "D":
            hold = BillingHoldPlaced(
                "h", record.event.occurred_at, "erp", "H", 1, HoldScope("bill_to", "B"), date(2026, 6, 11), ""
            )
            books.log[place] = record._replace(event=hold)
    assert len([*above_limits(books)]) == 1
    assert [*charged_though_held(books)] == ["held: bill_to B on E.K/B/2026-06-01/1"]
    books.folded = [one for one in books.folded if getattr(one.record, "bill_to", "") != "B"]
    assert [*stuck_as_used(books)] == ["stuck: GRANT 600000 used, 0 on statements"]
    books.close()


def test_cash_that_is_not_in_the_books_is_found() -> None:
    """100.00 with 19.00 of tax are paid; then the log says that 9.00 less came."""
    said = "entity LE USD Europe/Berlin region DE", "customer C", "tax_policy DE *=19", "project P of LE"
    contract = Block("contract K C LE USD", ("  line L P", "    terms Expenses"))
    done = (
        "2026-06-10 expense E-1 travel 100.00 USD",
        "2026-06-30 day ended",
        "2026-07-01 invoiced",
        "2026-07-02 settled",
    )
    played = Played([*map(Block, said), contract, *map(Block, done)])
    books = played.books
    assert [*not_as_paid(books, played.owed())] == []

    (place,) = (number for number, one in enumerate(books.log) if isinstance(one.event, PaymentReceived))
    paid = books.log[place].event
    assert isinstance(paid, PaymentReceived)
    (applied,) = paid.applications
    less = paid._replace(amount=110_0000, applications=(applied._replace(amount=110_0000),))
    books.log[place] = books.log[place]._replace(event=less)
    assert [*not_as_paid(books, played.owed())] == [
        "owed: 1100 0 where it is 90000",
        "owed: 1010 1190000 where it is 1100000",
        "open: Counter({'INV-1': 90000})",
    ]
    books.close()


def test_work_of_another_company_that_is_charged_otherwise_is_found() -> None:
    """8 h at 150.00; then the log says that there were 7 h, or that a price of 140.00 was stated."""
    said = "entity LE USD Europe/Berlin", "entity GB USD Europe/London", "customer C", "person eve lead of GB"
    priced = "cost person eve 80.00 USD", "transfer T GB LE 150.00 USD", "project P of LE"
    contract = Block("contract K C LE USD", ("  line L P", "    rate 200.00"))
    played = Played([*map(Block, (*said, *priced)), contract, Block("2026-06-10 time T-1 eve 8 h")])
    books = played.books
    assert [*not_as_worked(books, frozenset())] == []

    *others, worked = books.log
    assert isinstance(worked.event, TimeApproved)
    books.log = [*others, worked._replace(event=worked.event._replace(hours=7_000000))]
    assert [*not_as_worked(books, frozenset())] == [
        "worked: T-1 costs 6400000, and 0 elsewhere",
        "worked: T-1 is charged 12000000",
    ]
    books.close()


def test_a_provision_that_stays_and_work_that_the_erp_never_gets_are_found() -> None:
    """300.00 of cost and 1,200.00 to come for a price of 1,000.00, and nobody says that it is done; then a journal is no longer sent."""
    said = "entity LE USD Europe/Berlin", "customer C", "project P of LE"
    terms = (
        "  line L P revenue cost_to_cost",
        "    terms FixedPrice price=1000",
        "    each schedule on=2026-06-30 amount=1000",
    )
    contract = Block("contract K C LE USD policy loss_provision=contract", terms)
    done = (
        "2026-06-10 expense E-1 travel 300.00 USD",
        "2026-06-11 estimate P 0 h 1200.00 line L",
        "2026-06-30 day ended",
    )
    books = Played([*map(Block, said), contract, *map(Block, done)]).books
    assert shown(books) == [("1300", (0, 0)), ("2350", (-4000000, -4000000)), ("5900", (4000000, 4000000))]
    assert not [*not_delivered(books)]
    assert waiting_entries(books) == frozenset()

    kept = [
        one.record._replace(deliver=False) if isinstance(one.record, JournalEntry) else one.record
        for one in books.folded
    ]
    books.folded = [one._replace(record=record) for one, record in zip(books.folded, kept, strict=True)]
    assert "memo: 3000000 on 5100 of E-1 is not delivered" in [*not_delivered(books)]
    books.close()
