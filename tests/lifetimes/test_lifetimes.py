"""Contracts from signing to their last cent, drawn by chance: nothing is left that was not earned for good, and an audit finds nothing.

The same stories on every run. Many more, and those that break made small: python -m tests.lifetimes 1000 3000
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.events.commercial import ContractSigned
from domain.events.common import HoldScope
from domain.events.delivery import BillingHoldPlaced
from domain.events.reference import CustomerDefined
from tests.lifetimes.__main__ import fault_of, smallest
from tests.lifetimes.draw import Block
from tests.lifetimes.hold import Played, above_limits, charged_though_held, differs_by_arrival, stuck_as_used
from tests.lifetimes.story import story
from tests.thoroughness import THOROUGH

TENTH = range(0, 2_000 if THOROUGH else 20, 10)


@pytest.mark.parametrize("seed", range(2_000 if THOROUGH else 20))
def test_nothing_is_left_of_a_contract_that_is_over(seed: int) -> None:
    assert fault_of(story(seed), explained=seed in TENTH) == ""


@pytest.mark.parametrize("seed", TENTH)
def test_what_stands_in_the_end_is_the_same_whenever_facts_arrive(seed: int) -> None:
    assert differs_by_arrival(story(seed)) == ""


@pytest.mark.parametrize("seed", TENTH)
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
