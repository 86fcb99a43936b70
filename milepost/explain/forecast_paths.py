"""Every figure of a forecast by its place in `milepost forecast --json`.

| behind `PRJ-1#` | figure |
|---|---|
| `eac_cost` | one of the latest forecast, in project currency; `ledger/eac_cost` and `group/eac_cost` in the others |
| `months/2026-03/cost`, `ledger/months/2026-03/cost` | of a month: hours, cost, revenue, billings, cash, `burn_cost` |
| `burned/2026-03/cost`, `to_come/2026-03/cost` | what of the month is done, and what is not |
| `caps/L-1/used_amount`, `caps/L-1/exhausts_on` | of a cap; `caps/K-1/line:L-1/...` where several contracts have one of the name |
| `demand/2026-03/senior` | hours that assignments plan of a role in a month |
| `previous/eac_cost` | of the forecast that it is compared with |
| `deltas/volume/cost` | what one cause changed: cost, revenue, margin |
| `since/4/volume/cost` | the same of all forecasts after number 4 |
| `forecast/4/...` | any of these of forecast number 4 |
"""

import re
from collections.abc import Sequence
from typing import Final

from domain.explanation import Arithmetic, Node, constant, less, total
from domain.figure import as_recorded
from domain.identity import unescape
from domain.outputs import ForecastDelta, ForecastFigures, ForecastUpdate, PreviousFigures
from milepost.explain.forecasts import CAP_FIGURES, EXHAUSTS, FIGURES
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.trace import TracedOutput

FORECAST: Final = "forecast"
MONTH: Final = r"\d{4}-(0[1-9]|1[0-2])"
MEASURES: Final = ("hours", "cost", "revenue", "billings", "cash", "burn_hours", "burn_cost", "burn_revenue")
SHEETS: Final = ("project", "ledger", "group")
OF_SHEETS: Final = (*FIGURES[:-1], "budget_used_percent")
CHANGED: Final = ("cost", "revenue", "margin")


class ForecastPaths(Nodes):
    def node(self, project_id: str, path: str) -> Node | None:
        """None where the project has no forecast, or the forecast no such figure."""
        published = self.sources.trace.forecasts.get(project_id)
        if not published:
            return None
        said, parts = published[-1], path.split("/")
        if parts[0] == FORECAST and len(parts) > 1:
            found = next((one for one in published if str(one.record.sequence) == parts[1]), None)
            if found is None:
                return None
            said, parts = found, parts[2:] or [FORECAST]
        whose = f"{project_id}#{path}"
        if parts == [FORECAST]:
            return self._forecast(said)._replace(id=whose)
        made = self._cap(said, parts, whose) or self._of(said, parts)
        return made._replace(id=whose) if made is not None else None

    def ids(self, project_id: str) -> list[str]:
        """Of the latest forecast, its figures at completion and so far, and what moved it since the first; empty where there is none."""
        published = self.sources.trace.forecasts.get(project_id)
        if not published:
            return []
        figures = published[-1].record.project
        names = (name for name in FIGURES if getattr(figures, name, None) is not None)
        causes = sorted({delta.cause for said in published[1:] for delta in said.record.deltas})
        since = f"since/{published[0].record.sequence}"
        moved = (f"{since}/{cause}/{measure}" for cause in causes for measure in CHANGED)
        return [f"{project_id}#{name}" for name in (FORECAST, *names, *moved)]

    def _forecast(self, said: TracedOutput) -> Node:
        """Everything that it says."""
        update: ForecastUpdate = said.record
        whole = self.nodes.forecasts.forecast(said)
        head = f"{update.project_id}#{FORECAST}/{update.sequence}"
        parts = []
        for which in SHEETS:
            figures = getattr(update, which)
            if figures is not None and (which == "project" or figures != update.project):
                parts += self._sheet(said, which, head)
        caps = tuple(
            self.nodes.forecast_caps.cap(said, one, f"{head}/caps/{name}")
            for name, one in self.nodes.forecast_caps.published(said).items()
        )
        heads = [*parts, *([Node("caps", why=caps)] if caps else [])]
        return whole._replace(why=(*whole.why[:-1], *heads, whole.why[-1]))

    def _sheet(self, said: TracedOutput, which: str, head: str) -> list[Node]:
        figures: ForecastFigures = getattr(said.record, which)
        place = f"{head}/{which}"
        months = tuple(
            node._replace(id=f"{place}/months/{row.month}/{name}")
            for row in figures.months
            for name in MEASURES
            if (node := self._month(said, which, row.month, name)) is not None
        )
        by_month = Node(f"by month, in {figures.currency}", why=months)
        if which == "project":
            return [by_month]
        named = tuple(
            node._replace(title=name.replace("_", " "), id=f"{place}/{name}")
            for name in OF_SHEETS
            if (node := self.nodes.forecasts.node(said, which, name)) is not None
        )
        return [Node(f"in {which} currency", why=named), by_month]

    def _cap(self, said: TracedOutput, parts: Sequence[str], whose: str) -> Node | None:
        if parts[0] != "caps" or len(parts) < 2:
            return None
        for name, one in self.nodes.forecast_caps.published(said).items():
            rest = "/".join(parts[1:]).removeprefix(name)
            if "/".join(parts[1:]) == name:
                return self.nodes.forecast_caps.cap(said, one, whose)
            figure = rest.removeprefix("/")
            if rest.startswith("/") and figure in (*CAP_FIGURES, EXHAUSTS) and getattr(one.cap, figure) is not None:
                return self.nodes.forecast_caps.figure(said, one, figure)
        return None

    def _of(self, said: TracedOutput, parts: Sequence[str]) -> Node | None:
        match parts:
            case [("project" | "ledger" | "group") as which, name]:
                return self._figure(said, which, name)
            case [("project" | "ledger" | "group") as which, "months", month, measure]:
                return self._month(said, which, month, measure)
            case ["months", month, measure]:
                return self._month(said, "project", month, measure)
            case [("burned" | "to_come") as part, month, measure]:
                return self._part_of_month(said, part, month, measure)
            case ["demand", month, role] | ["demand", month, role, "hours"]:
                return self._demand(said, month, unescape(role))
            case ["previous", name]:
                return self._previous(said, name)
            case ["deltas", cause, measure] if measure in CHANGED:
                return self._delta(said, cause, measure)
            case ["since", sequence, cause, measure] if measure in CHANGED and sequence.isdigit():
                return self._since(said, int(sequence), cause, measure)
            case [name]:
                return self.nodes.forecasts.figure(said, name) or self._figure(said, "project", name)
            case _:
                return None

    def _figure(self, said: TracedOutput, which: str, name: str) -> Node | None:
        if getattr(said.record, which) is None or name not in OF_SHEETS:
            return None
        node = self.nodes.forecasts.node(said, which, name)
        return node and node._replace(title=f"{said.record.project_id}: {name.replace('_', ' ')}")

    def _month(self, said: TracedOutput, which: str, month: str, measure: str) -> Node | None:
        """Nothing in a month that the forecast does not name."""
        figures: ForecastFigures | None = getattr(said.record, which)
        if figures is None or measure not in MEASURES or re.fullmatch(MONTH, month) is None:
            return None
        place = next((at for at, row in enumerate(figures.months) if row.month == month), None)
        if place is None:
            return _nothing(month, measure, figures.currency)
        node = given(self.nodes.forecasts.node(said, which, "months", place, measure), month)
        return node._replace(title=f"{measure.replace('burn_', 'booked ')} of {month}", rule="R57")

    def _part_of_month(self, said: TracedOutput, part: str, month: str, measure: str) -> Node | None:
        burned = self._month(said, "project", month, f"burn_{measure}")
        whole = self._month(said, "project", month, measure) if burned is not None else None
        if burned is None or whole is None:
            return None
        if part == "burned":
            return burned._replace(title=f"burned of {month}")
        return self.recorded.bound(less(f"to come of {month}", whole, burned))

    def _demand(self, said: TracedOutput, month: str, role: str) -> Node | None:
        update: ForecastUpdate = said.record
        published = next((one for one in update.demand if (one.month, one.role) == (month, role)), None)
        if published is None:
            return None
        return self.nodes.forecasts.node(said, "demand", update.demand.index(published), "hours")

    # What changed

    def _previous(self, said: TracedOutput, name: str) -> Node | None:
        """As the forecast said it that this one is compared with."""
        before: PreviousFigures | None = said.record.previous
        value = getattr(before, name, None)
        if before is None or value is None or name not in PreviousFigures._fields or name == "sequence":
            return None
        published = self._published(said, before.sequence)
        node = self.nodes.forecasts.figure(published, name) if published is not None else None
        title = f"forecast {before.sequence}: {name.replace('_', ' ')}"
        currency = said.record.project.currency
        node = given(node, title)
        return as_recorded(value, Node(title, node.value, "amount", currency, Arithmetic("same", (node,)))).node

    def _published(self, said: TracedOutput, sequence: int) -> TracedOutput | None:
        published = self.sources.trace.forecasts[said.record.project_id]
        return next((one for one in published if one.record.sequence == sequence), None)

    def _delta(self, said: TracedOutput, cause: str, measure: str) -> Node | None:
        """Of the only cause the whole change; of one among several what each event changed by it."""
        deltas: tuple[ForecastDelta, ...] = said.record.deltas
        delta = next((one for one in deltas if one.cause == cause), None)
        if delta is None:
            return None
        value, currency = getattr(delta, measure), said.record.project.currency
        title = f"change of {measure} by {cause.replace('_', ' ')}"
        if measure == "margin":
            cost, revenue = (self._delta(said, cause, name) for name in ("cost", "revenue"))
            if cost is not None and revenue is not None:
                return less(title, revenue, cost)
        if not value:
            return constant(title, 0, "amount", currency)
        if sum(1 for one in deltas if getattr(one, measure)) == 1:
            name = f"eac_{measure}"
            now, before = self.nodes.forecasts.figure(said, name), self._previous(said, name)
            return as_recorded(value, less(title, given(now, title), given(before, title))).node
        compared = self._published(said, said.record.previous.sequence)
        return self.nodes.changes.by(said, given(compared, title), cause, measure, value, title)

    def _since(self, said: TracedOutput, sequence: int, cause: str, measure: str) -> Node | None:
        currency = said.record.project.currency
        nodes = []
        for one in self.sources.trace.forecasts[said.record.project_id]:
            if sequence < one.record.sequence <= said.record.sequence and one.record.project.currency == currency:
                node = self._delta(one, cause, measure)
                if node is not None:
                    whose = f"{one.record.project_id}#{FORECAST}/{one.record.sequence}/deltas/{cause}/{measure}"
                    nodes.append(node._replace(title=f"forecast {one.record.sequence}", id=whose))
        title = f"change of {measure} by {cause.replace('_', ' ')} since forecast {sequence}"
        return total(title, nodes, "amount", currency) if nodes else None


def _nothing(month: str, measure: str, currency: str) -> Node:
    unit, own = ("hours", "") if measure.endswith("hours") else ("amount", currency)
    return constant(f"nothing in {month}", 0, unit, own)
