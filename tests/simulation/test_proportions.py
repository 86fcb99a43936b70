"""How often things happen: near enough to life that figures made with them mean something."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.reference.zones import local_date
from simulation import amendments, deals, receivables, terms
from simulation.calendar import last_workdays, workdays
from simulation.plan import SimulationPlan, plan
from simulation.story import events

README = Path(receivables.__file__).with_name("README.md")
Every = Callable[[type[Any]], list[Any]]


@pytest.fixture(scope="module")
def year() -> Sequence[Any]:
    """A firm that is large enough for shares to be steady."""
    large = plan(seed=11, people=300, projects=120, months=3, start=date(2026, 4, 1))
    return [event for event in events(large) if isinstance(event, TimeApproved | TimeWithdrawn)]


@pytest.fixture(scope="module", params=["quarter", "larger"])
def entries(request: pytest.FixtureRequest, every: Every, year: Sequence[Any]) -> list[Any]:
    """Approvals and withdrawals of the usual quarter, and of a larger one."""
    return [*every(TimeApproved), *every(TimeWithdrawn)] if request.param == "quarter" else list(year)


def first_versions(entries: list[Any]) -> dict[str, TimeApproved]:
    found: dict[str, TimeApproved] = {}
    for entry in entries:
        if isinstance(entry, TimeApproved) and entry.version == 1:
            found.setdefault(entry.entry_id, entry)
    return found


def approvals(entries: list[Any]) -> Iterator[tuple[date, date]]:
    """Day of work and day of approval of each entry."""
    for entry in first_versions(entries).values():
        worked_on = entry.worked_on or local_date(entry.started_at or 0, entry.zone or "UTC")
        yield worked_on, local_date(entry.occurred_at, "America/New_York")


def share(entries: list[Any], of: Callable[[TimeApproved], bool]) -> float:
    first = first_versions(entries)
    return sum(of(entry) for entry in first.values()) / len(first)


def test_people_work_about_22_days_with_one_point_six_entries(every: Every, quarter_plan: SimulationPlan) -> None:
    days = len(workdays(quarter_plan.start, quarter_plan.ends_on))
    assert 1.45 < len(first_versions(every(TimeApproved))) / quarter_plan.people / days < 1.65


def test_four_in_a_hundred_are_corrected(entries: list[Any]) -> None:
    corrected = {entry.entry_id for entry in entries if isinstance(entry, TimeApproved) and entry.version > 1}
    assert 0.035 < len(corrected) / len(first_versions(entries)) < 0.048


def test_one_in_two_hundred_is_withdrawn(entries: list[Any]) -> None:
    withdrawn = sum(isinstance(entry, TimeWithdrawn) for entry in entries)
    assert 0.003 < withdrawn / len(first_versions(entries)) < 0.008


def test_two_in_a_hundred_come_after_their_month(entries: list[Any]) -> None:
    late = sum((approved.year, approved.month) > (worked.year, worked.month) for worked, approved in approvals(entries))
    assert 0.016 < late / len(first_versions(entries)) < 0.032


def test_a_third_of_a_month_is_approved_on_its_last_two_working_days(entries: list[Any]) -> None:
    per_day = Counter(approved for _, approved in approvals(entries))
    months = {day.replace(day=1) for day in per_day}
    for month in sorted(months)[:3]:
        total = sum(count for day, count in per_day.items() if day.replace(day=1) == month)
        rush = sum(per_day[day] for day in last_workdays(month, 2))
        assert 0.31 < rush / total < 0.39, month


def test_one_in_twenty_is_not_billable(entries: list[Any]) -> None:
    assert 0.035 < share(entries, lambda entry: not entry.billable) < 0.07


def test_most_entries_are_in_quarter_hours(entries: list[Any]) -> None:
    assert 0.95 < share(entries, lambda entry: (entry.hours or 0) % 250_000 == 0) < 0.99


def test_some_are_written_up_or_down_and_some_are_overtime(entries: list[Any]) -> None:
    assert 0.015 < share(entries, lambda entry: entry.billable_hours is not None) < 0.035
    assert 0.008 < share(entries, lambda entry: entry.overtime) < 0.025


def test_rare_things_are_rare(entries: list[Any]) -> None:
    for of in (
        lambda entry: entry.submitted_by == entry.approved_by,
        lambda entry: entry.project_id.startswith("OLD-"),
        lambda entry: (entry.hours or 0) > 24_000_000,
    ):
        assert 0 < share(entries, of) < 0.002


@pytest.mark.parametrize(
    ("row", "shares"),
    [
        ("terms of the first line", deals.KINDS),
        ("cap", terms.CAPS),
        ("billed", deals.CONDITIONS),
        ("change of a contract with a cap", amendments.OF_CAPPED),
        ("change of one with rates", amendments.OF_RATED),
        ("change of one with a price, fee or units", amendments.OF_PRICED),
        ("change of one by card", amendments.OF_CARDED),
        ("what becomes of an invoice", receivables.FATES),
    ],
)
def test_the_table_says_what_the_code_does(row: str, shares: Sequence[tuple[str, int]]) -> None:
    """The table of simulation/README.md, most frequent first."""
    (told,) = (line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {row} |"))
    often = told.removesuffix(" |").split(" | ")[2]
    assert sum(share for _, share in shares) == 100
    assert sorted(shares) == sorted(
        (name, int(share)) for name, share in re.findall(r"([a-z_ ,]+?) (\d+)(?:, |$)", often)
    )


def test_work_is_spread_over_projects_as_in_a_real_firm(year: Sequence[Any]) -> None:
    per_project = Counter(entry.project_id for entry in first_versions(list(year)).values())
    total = per_project.total()
    shares = [count / total for _, count in per_project.most_common()]
    assert shares[0] < 0.08
    assert sum(shares[:12]) > 0.25
