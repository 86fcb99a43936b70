"""A project's forecast (R57, R58): what its rules made, asked again with books of which each number says how it came about."""

from __future__ import annotations

from typing import NamedTuple

from domain.explanation import Node, most
from domain.figure import as_recorded, node_of
from domain.forecast.completion import percent
from domain.money import format_amount
from domain.outputs import ForecastUpdate
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.draft import Draft
from state.forecast.bases import Weighed, weigh
from state.forecast.caps import caps_of
from state.forecast.figures import figures_of, shape_of
from state.forecast.shapes import Shape
from state.trace import TracedOutput

FIGURES = (
    *("burn_hours", "burn_cost", "burn_revenue", "etc_hours", "etc_cost", "etc_revenue", "eac_hours", "eac_cost", "eac_revenue"),
    *("backlog", "unbilled_backlog", "margin", "margin_percent", "percent_complete"),
)  # fmt: skip


class Made(NamedTuple):
    """What a forecast's rules made of the books that it was published from."""

    draft: Draft
    weighed: Weighed
    shape: Shape
    update: ForecastUpdate


class ForecastNodes(Nodes):
    def begin(self) -> None:
        self._made: dict[tuple[int, str, int], Made] = {}

    def forecast(self, said: TracedOutput) -> Node:
        """Every figure of the update, and what changed it by cause."""
        update: ForecastUpdate = said.record
        facts = (
            ("as of", update.as_of.isoformat()),
            ("in", update.project.currency),
            *(
                (f"change by {delta.cause.replace('_', ' ')}", _delta(delta.cost, delta.revenue, delta.margin))
                for delta in update.deltas
            ),
        )
        figures = (self.figure(said, name) for name in FIGURES)
        cause = Node("published upon", event=self.sources.cause(said.step))
        title = f"Forecast {update.sequence} of project {update.project_id}"
        why = (*(node for node in figures if node is not None), cause)
        return Node(title, facts=facts, why=why, id=f"{update.project_id}#forecast")

    def figure(self, said: TracedOutput, name: str) -> Node | None:
        """In project currency."""
        of_update = () if name == "percent_complete" else ("project",)
        made = self.node(said, *of_update, name) if name in FIGURES else None
        project_id = said.record.project_id
        return made and made._replace(title=f"{project_id}: {_words(name)}", id=f"{project_id}#{name}")

    def node(self, said: TracedOutput, *path: str | int) -> Node | None:
        """Of a number of the update, by the fields that lead to it; None where that says nothing."""
        published: object = said.record
        made: object = self.made(said).update
        unit_of = ""
        currency = said.record.project.currency
        for part in path:
            published, found = _field(published, part), _field(made, part)
            if published is None:
                return None
            made = given(found, f"{part}")
            currency = getattr(published, "currency", currency)
            unit_of = part if isinstance(part, str) else unit_of
        assert isinstance(published, int), "the path leads to a number"
        assert isinstance(made, int), "and so it does in what is made again"
        unit = "hours" if unit_of.endswith("hours") else "percent" if "percent" in unit_of else "amount"
        node = node_of(made, _words(unit_of), unit, currency if unit == "amount" else "")
        return self.recorded.bound(as_recorded(published, node).node)

    def revenue_max(self, said: TracedOutput, *, by_cap: bool) -> Node:
        """Revenue at completion, or the most that caps allow."""
        figure = given(self.figure(said, "burn_revenue" if by_cap else "eac_revenue"), "revenue at completion")
        if not by_cap:
            return figure
        ceiling = given(self.made(said).weighed.forecast.ceiling, "the most that caps allow")
        made = self.recorded.bound(node_of(ceiling, ""))
        return most("the most that caps allow", made, figure)

    def made(self, said: TracedOutput) -> Made:
        key = said.step, said.record.project_id, said.record.sequence
        if key not in self._made:
            self._made[key] = self._ask(said)
        return self._made[key]

    def _ask(self, said: TracedOutput) -> Made:
        update: ForecastUpdate = said.record
        draft, title = self.nodes.books.of_forecast(said), f"forecast {update.sequence} of {update.project_id}"
        weighed = given(weigh(draft, update.project_id, update.as_of, "volume"), title)
        project = draft.project(update.project_id)
        shape = shape_of(draft, project, weighed, update.as_of)
        made = given(figures_of(draft, project, weighed, shape, update.as_of), title)
        caps = caps_of(draft, weighed, shape, update.as_of)
        complete = percent(made.project.burn_cost, made.project.eac_cost)
        figures = update._replace(project=made.project, ledger=made.ledger, group=made.group)
        said_of = figures._replace(percent_complete=complete, caps=caps, demand=weighed.planned.demand)
        return Made(draft, weighed, shape, said_of)


def _field(of: object, part: str | int) -> object:
    if isinstance(part, int):
        assert isinstance(of, tuple), "a place is one of several"
        return of[part] if part < len(of) else None
    return getattr(of, part)


def _words(name: str) -> str:
    return (
        name.replace("_", " ")
        .replace("etc", "to complete,")
        .replace("eac", "at completion,")
        .replace("burn", "booked,")
    )


def _delta(cost: int, revenue: int, margin: int) -> str:
    return ", ".join(
        f"{name} {format_amount(value)}" for name, value in (("cost", cost), ("revenue", revenue), ("margin", margin))
    )
