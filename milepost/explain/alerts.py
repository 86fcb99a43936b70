"""An alert: how much of a cap was taken when a threshold was crossed, and of what limit."""

from __future__ import annotations

from domain.explanation import Arithmetic, Node
from domain.money import HALF_UP, format_decimal, round_ratio
from domain.outputs import Alert
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE
from milepost.explain.nodes import Nodes

FIGURES = ("used_amount", "limit_amount", "used_hours", "limit_hours")


class AlertNodes(Nodes):
    def begin(self) -> None:
        self._of = {said.record.alert_id: said for said in self.sources.trace.said_of(Alert)}

    def alert(self, alert_id: str) -> Node | None:
        said = self._of.get(alert_id)
        if said is None:
            return None
        alert: Alert = said.record
        figures = tuple(node for name in FIGURES if (node := self.figure(alert_id, name)) is not None)
        shares = tuple(node for measure in ("amount", "hours") if (node := self._share(alert_id, measure)) is not None)
        facts = (
            *((("threshold", f"{format_decimal(alert.threshold, PERCENT_SCALE)} %"),) if alert.threshold else ()),
            *((("contract", alert.contract_id),) if alert.contract_id else ()),
            *((("project", alert.project_id),) if alert.project_id else ()),
        )
        policies = tuple(dict.fromkeys(used for figure in figures for used in figure.policies))
        cause = Node("published upon", event=self.sources.cause(said.step))
        return Node(
            alert.message, rule="R23", policies=policies, facts=facts, why=(*shares, *figures, cause), id=alert_id
        )

    def figure(self, alert_id: str, name: str) -> Node | None:
        """As the rule recorded it that published the alert; None where that does not say it."""
        said, whose = self._of.get(alert_id), f"{alert_id}#{name}"
        value = getattr(said.record, name) if said is not None and name in FIGURES else None
        if said is None or value is None:
            return None
        title = f"{said.record.subject_id}: {name.replace('_', ' ')}"
        return self.recorded.of(whose, said.step, value)._replace(title=title, id=whose)

    def _share(self, alert_id: str, measure: str) -> Node | None:
        """What is taken in per cent of the limit."""
        used, limit = self.figure(alert_id, f"used_{measure}"), self.figure(alert_id, f"limit_{measure}")
        if used is None or limit is None or not limit.value:
            return None
        value = round_ratio((used.value or 0) * HUNDRED_PERCENT, limit.value, 1, HALF_UP)
        return Node(
            f"used of the {measure}", value, "percent", "", Arithmetic("percent", (used, limit), {"step": "0.000001"})
        )
