"""Dimensions of journal lines: whose cost centre, practice and region a line has (policy `dimensions_from`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.accounts import PROJECT_COST
from domain.capabilities import PROVISION
from domain.outputs import JournalEntry
from tests.auditing import check_journals
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

STORY = """# Dimensions

## Story

```
entity    LE  USD  America/New_York{policy}
customer  C
person    ada  consultant of LE cost_center 110 practice data region emea
cost      person ada 100.00 USD
project   P of LE cost_center 900 region apac
contract  K C LE USD{policy}
  line L P
    rate 200.00

"""


def journals(folder: Path, *events: str, policy: str = "") -> list[JournalEntry]:
    story = folder / "story.md"
    story.write_text("\n".join([STORY.format(policy=policy), *events, "```", ""]))
    (scenario,) = read_scenarios(story)
    books = play(scenario, folder)
    books.close()
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


def of_cost_and_revenue(journal: JournalEntry) -> tuple[dict[str, str], dict[str, str]]:
    """Dimensions of cost and of what is earned, alike on both sides of each."""
    cost, revenue = (
        [dict(line.dimensions) for line in journal.lines if (line.purpose == "cost") is is_cost]
        for is_cost in (True, False)
    )
    assert all(one == cost[0] for one in cost)
    assert all(one == revenue[0] for one in revenue)
    return cost[0], revenue[0]


WORK = "2026-06-03  time T-1 ada 8 h{more}\n  => ..."


def test_cost_has_the_cost_centre_of_the_person_and_revenue_that_of_the_project(tmp_path: Path) -> None:
    """The practice, which the project does not state, is the person's; the region is the project's."""
    (journal,) = journals(tmp_path, WORK.format(more=""))
    assert of_cost_and_revenue(journal) == (
        {"cost_center": "110", "practice": "data", "region": "apac"},
        {"cost_center": "900", "practice": "data", "region": "apac"},
    )


def test_what_the_entry_states_comes_first(tmp_path: Path) -> None:
    (journal,) = journals(tmp_path, WORK.format(more=" dimension cost_center=555"))
    assert [one["cost_center"] for one in of_cost_and_revenue(journal)] == ["555", "555"]


@pytest.mark.parametrize(
    ("order", "wanted"), [("project,entry", ["900", "900"]), ("project", ["900", "900"]), ("entry", ["555", "555"])]
)
def test_the_order_of_the_policy_decides(tmp_path: Path, order: str, wanted: list[str]) -> None:
    more = " dimension cost_center=555"
    (journal,) = journals(tmp_path, WORK.format(more=more), policy=f" policy dimensions_from={order}")
    assert [one["cost_center"] for one in of_cost_and_revenue(journal)] == wanted


def test_a_company_is_taken_without_an_order_that_names_a_task(tmp_path: Path) -> None:
    """A task states no dimensions: the order that is built in holds, and the value is refused by name."""
    (journal,) = journals(
        tmp_path,
        "2026-06-02  entity LE USD America/New_York policy dimensions_from=task,project\n  => raised unsupported LE",
        WORK.format(more=""),
    )
    assert [one["cost_center"] for one in of_cost_and_revenue(journal)] == ["110", "900"]


def test_a_reversal_has_the_dimensions_of_its_journal(tmp_path: Path) -> None:
    """The project moves to cost centre 901 before the work is corrected."""
    first, back, again = journals(
        tmp_path,
        WORK.format(more=""),
        "2026-06-04  project P of LE cost_center 901 region apac\n  => ...",
        "2026-06-05  correct T-1 6 h\n  => ...",
    )
    assert of_cost_and_revenue(back) == of_cost_and_revenue(first)
    assert [one["cost_center"] for one in of_cost_and_revenue(again)] == ["110", "901"]
    check_journals([first, back, again])


def test_the_journal_of_an_invoice_has_those_of_the_project(tmp_path: Path) -> None:
    """It is of all entries of the statement, so that what one of them states stands empty."""
    *_, billing = journals(
        tmp_path,
        WORK.format(more=" dimension client=acme"),
        "2026-06-30  day ended\n  => ...",
        "2026-07-03  invoice INV-1 K/C/2026-06-01/1 1,600.00\n  => ...",
    )
    assert {line.account for line in billing.lines}.isdisjoint(PROJECT_COST)
    assert [dict(line.dimensions) for line in billing.lines] == [{"cost_center": "900", "region": "apac"}] * 2


def test_a_provision_has_those_of_the_projects_of_its_lines(tmp_path: Path) -> None:
    """2,000.00 of what 12,000.00 of cost lose fall to P, 1,000.00 to Q; when P moves to cost centre 901, what is released there has it."""
    story = journals(
        tmp_path,
        "2026-06-01  project Q of LE region emea\n  => ...",
        "2026-06-01  contract K C LE USD policy loss_provision=contract",
        "  line L P revenue cost_to_cost",
        "    terms FixedPrice price=10,000.00",
        "    each schedule on=2026-12-31 amount=10,000.00",
        "  line M Q revenue cost_to_cost",
        "    terms FixedPrice price=5,000.00",
        "    each schedule on=2026-12-31 amount=5,000.00",
        "  => ...",
        "2026-06-02  estimate P 120 h 12,000.00 line L\n  => ...",
        "2026-06-02  estimate Q 60 h 6,000.00 line M\n  => ...",
        "2026-06-30  day ended\n  => ...",
        "2026-07-01  project P of LE cost_center 901 region apac\n  => ...",
        "2026-07-02  estimate P 100 h 10,000.00 line L\n  => ...",
        "2026-07-31  day ended\n  => ...",
    )
    made, released = (
        [(line.project_id, line.amount, dict(line.dimensions)) for line in journal.lines if line.account == PROVISION]
        for journal in story
    )
    of_p, of_q = {"cost_center": "900", "region": "apac"}, {"region": "emea"}
    assert made == [("P", -2_000_0000, of_p), ("Q", -1_000_0000, of_q)]
    assert released == [("P", 2_000_0000, {"cost_center": "901", "region": "apac"})]
