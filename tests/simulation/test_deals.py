"""A firm that sells every kind of terms: in their shares, and with nothing that its own rules refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from connectors.avro_codec import EVENT_CODECS
from domain.events.catalogue import Event
from domain.events.commercial import ContractSigned
from domain.events.common import FixedPrice
from domain.events.delivery import MilestoneAccepted, ProgressReported
from milepost.cli import app
from simulation.plan import ALL, PlanError, plan
from simulation.story import events

FIRM = plan(seed=11, people=60, projects=120, months=3, start=date(2026, 4, 1), deals=ALL)


@pytest.fixture(scope="module")
def all_deals() -> Sequence[Event]:
    return tuple(events(FIRM))


def test_every_kind_of_terms_is_sold_in_its_share(all_deals: Sequence[Event]) -> None:
    signed = [event for event in all_deals if isinstance(event, ContractSigned)]
    kinds = Counter(name for event in signed for name in {type(line.terms).__name__ for line in event.lines})
    share = {name: count / len(signed) for name, count in kinds.items()}
    assert set(share) == {
        *("TimeAndMaterials", "FixedPrice", "Milestones", "Retainer", "Subscription", "CostPlus"),
        *("UnitPrice", "Expenses", "Deposit"),
    }
    assert 0.17 < share["FixedPrice"] < 0.25
    assert 0.11 < share["Milestones"] < 0.17
    assert 0.58 < share["Expenses"] < 0.66


def test_a_schedule_comes_to_its_price(all_deals: Sequence[Event]) -> None:
    prices = [
        line.terms
        for event in all_deals
        if isinstance(event, ContractSigned)
        for line in event.lines
        if isinstance(line.terms, FixedPrice) and line.terms.schedule
    ]
    assert prices
    assert all(sum(each.amount for each in one.schedule) == one.price for one in prices)


def test_events_are_valid_and_stand_in_order(all_deals: Sequence[Event]) -> None:
    for event in all_deals:
        codec = EVENT_CODECS[type(event).__name__]
        assert codec.decode(codec.encode(event)) == event
    assert all((one.recorded_at or 0) <= (other.recorded_at or 0) for one, other in pairwise(all_deals))
    assert len({event.event_id for event in all_deals}) == len(all_deals)
    assert any(isinstance(event, MilestoneAccepted) and event.version == 3 for event in all_deals)
    assert any(isinstance(event, ProgressReported) for event in all_deals)


def test_nothing_of_it_is_refused_and_the_books_hold(tmp_path: Path) -> None:
    """Neither terms nor reference data."""
    runner, source, output = CliRunner(), str(tmp_path / "input"), str(tmp_path / "output")
    sizes = ["--people", "20", "--projects", "30", "--months", "2"]
    for arguments in (
        ["simulate", *sizes, "--out", source],
        ["run", "--input", source, "--output", output],
        ["simulate-invoices", "--input", source, "--output", output],
        ["run", "--input", source, "--output", output],
        ["verify", "--output", output],
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code == 0, result.output
    dumped = runner.invoke(app, ["dump", "exceptions", "--type", "ExceptionRaised", "--json", "--output", output])
    raised = [orjson.loads(line) for line in dumped.stdout.splitlines()]
    assert raised
    assert not [each["message"] for each in raised if each["category"] in {"invalid_terms", "unsupported"}]


def test_only_what_is_known_can_be_sold() -> None:
    with pytest.raises(PlanError, match="deals: expected time or all, got 'some'"):
        plan(seed=1, people=20, projects=10, months=1, start=date(2026, 1, 1), deals="some")
