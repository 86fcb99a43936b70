"""How far the sources that fund a contract are used, by the names that `milepost show` prints."""

from __future__ import annotations

import pytest

from domain.explanation import ELSEWHERE, Arithmetic
from domain.figure import Recorded
from domain.units import AMOUNT_ONE
from domain.why import elsewhere
from milepost.explain import sources
from milepost.explain.recompute import everything, recompute, unexplained
from state.billing.payers import held_of
from tests.explained import engagements, explainer_of, figures
from tests.harness import Books
from tests.scenario_play import play
from tests.scenario_text import read_scenarios
from tests.scenarios.test_scenarios import FOLDER, SCENARIOS

TITLE = "Two drafts do not use the same room, whichever is approved first"


def drafted() -> Books:
    """June's 1,000.00 on two drafts: 600.00 of GRANT's limit of 1,000.00 are kept, and nothing is used."""
    (scenario,) = [one for one in read_scenarios(FOLDER / "approval_funding.md") if one.name == TITLE]
    days = [step for step in scenario.steps if step.when is None or step.when <= "2026-06-30"]
    return play(scenario._replace(steps=tuple(days)))


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("P#sources/GRANT/limit", 1_000),
        ("P#sources/GRANT/used", 0),
        ("P#sources/GRANT/left", 400),
        ("P/K#sources/OWN/used", 0),
    ],
)
def test_a_figure_of_a_source(wanted: str, value: int) -> None:
    books = drafted()
    (engagement_id,) = {record.engagement_id for record in books.log if record.engagement_id}
    found = explainer_of(books, engagement_id).explain(wanted)
    assert found is not None
    assert found.value == value * AMOUNT_ONE
    assert recompute(found) == []
    assert unexplained(found) == []
    books.close()


def test_a_source_without_a_limit_has_none_left() -> None:
    books = drafted()
    (engagement_id,) = {record.engagement_id for record in books.log if record.engagement_id}
    explainer = explainer_of(books, engagement_id)
    assert explainer.explain("P#sources/OWN/left") is None
    assert explainer.explain("P#sources/NOBODY") is None
    source = explainer.explain("P#sources/OWN")
    assert source is not None
    assert [node.title for node in source.why] == ["source OWN: used"]
    books.close()


@pytest.mark.parametrize(("held", "waits"), [({"M"}, 0), ({"A", "M"}, 1_000)])
def test_what_waits_for_those_held_before_the_first_cut(held: set[str], waits: int) -> None:
    """What of 1,000.00 is whose nobody knows by then: it waits where all who may pay are held."""
    name = "Before its first cut work waits where all who may pay are held"
    (scenario,) = [one for one in read_scenarios(FOLDER / "funding.md") if one.name == name]
    books = play(scenario)
    (engagement_id,) = {record.engagement_id for record in books.log if record.engagement_id}
    explainer = explainer_of(books, engagement_id)
    last = explainer.sources.trace.entry_steps("T-1")[-1][0]
    draft = explainer.books.at(last)
    contract, entry = draft.contract("K"), draft.entry("T-1")
    assert contract is not None
    assert entry is not None
    found = held_of(draft, contract, entry, "L", frozenset(held))
    assert found == waits * AMOUNT_ONE
    assert isinstance(found, Recorded) == bool(waits)
    books.close()


def test_parts_that_a_large_engagement_only_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut at nothing, lines whose cents are rounded, what was spent: each part that is named is found by its name."""
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    wanted = {
        "Work at a rate of zero is rated again until its period is cut",
        "Policy rounding_scope: line",
        "PUB-16 Hours: 40 of 100",
        "PUB-16 Cost to cost: hours, then travel besides",
        "Of lines under a cap the cents of statements are revenue",
    }
    chosen = [scenario for _, scenario in SCENARIOS if scenario.name in wanted]
    assert len(chosen) == len(wanted)
    for scenario in chosen:
        books = play(scenario)
        for engagement_id in engagements(books):
            for figure in figures(explainer_of(books, engagement_id)):
                assert recompute(figure) == []
                assert unexplained(figure) == []
        books.close()


@pytest.mark.parametrize(("name", "figure"), [("Policy rounding_scope: line", ""), ("With tax", "#undetermined_tax/1")])
def test_a_statement_of_very_many_entries_only_names_its_lines(
    monkeypatch: pytest.MonkeyPatch, name: str, figure: str
) -> None:
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    (scenario,) = [one for _, one in SCENARIOS if one.name == name]
    books = play(scenario)
    explainer = explainer_of(books, engagements(books)[0])
    (statement_id, *_) = explainer.sources.trace.statements
    found = explainer.explain(f"{statement_id}{figure}")
    assert found is not None
    lines = [node for node in everything(found) if node.id.partition("#")[2].isdigit()]
    assert lines
    assert sum(node.value or 0 for node in lines) == found.value
    for node in lines:
        assert node.arithmetic == Arithmetic(ELSEWHERE)
        asked = explainer.explain(node.id)
        assert asked is not None
        assert asked.value == node.value
    books.close()


def test_only_parts_that_are_named_explain_themselves() -> None:
    """An operand of a kind that nothing resolves is a mistake of the rule that names it."""
    books = drafted()
    (engagement_id,) = engagements(books)
    explainer = explainer_of(books, engagement_id)
    named = explainer.sources.part("T-1", "hours", 7, "hours", "", 0)
    assert explainer.recorded.bound(named) is named
    with pytest.raises(KeyError, match="no_such_kind"):
        explainer.recorded.bound(elsewhere("paid", 7, "no_such_kind/a/b", "EUR"))
    books.close()
