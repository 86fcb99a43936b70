"""An alert: how much of a cap was taken when a threshold was crossed, and of what limit."""

from __future__ import annotations

from typing import NamedTuple

from domain.caps.consume import BucketKey, CapRule, is_limited, limit_of, period_of
from domain.contract import cap_rules
from domain.explanation import Arithmetic, Node, PolicyUse, agreeing, stated
from domain.identity import parts_of
from domain.money import HALF_UP, format_decimal, round_ratio
from domain.outputs import Alert
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE
from milepost.explain.caps import CapNodes
from milepost.explain.funding import FundingNodes
from milepost.explain.sources import Sources
from state.caps.claims import allotments
from state.terms.plan import LinePlan, line_plan, versions
from state.trace import TracedOutput

FIGURES = ("used_amount", "limit_amount", "used_hours", "limit_hours")


class WatchedBucket(NamedTuple):
    plan: LinePlan
    rule: CapRule
    bucket: BucketKey


class AlertNodes:
    def __init__(self, sources: Sources, caps: CapNodes, funding: FundingNodes) -> None:
        self.sources = sources
        self.caps = caps
        self.funding = funding
        self._of = {said.record.alert_id: said for said in sources.trace.said_of(Alert)}

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
        watched = self._watched(said)
        policies: tuple[PolicyUse, ...] = ()
        if watched is not None:
            plan = watched.plan
            draft = self.sources.draft(said.step)
            line = (plan.contract_id, plan.version, plan.line.line_id)
            policies = self.sources.policies(draft, *line, "cap_thresholds")
        cause = Node("published upon", event=self.sources.cause(said.step))
        return Node(
            alert.message, rule="R23", policies=policies, facts=facts, why=(*shares, *figures, cause), id=alert_id
        )

    def figure(self, alert_id: str, name: str) -> Node | None:
        said = self._of.get(alert_id)
        value = getattr(said.record, name, None) if said is not None and name in FIGURES else None
        if said is None or value is None:
            return None
        hours = name.endswith("hours")
        unit, currency = ("hours", "") if hours else ("amount", said.record.currency or "")
        title = f"{said.record.subject_id}: {name.replace('_', ' ')}"
        made = self._made(said, name, by_hours=hours)
        made = agreeing(made, stated(title, value, unit, currency))
        return made._replace(title=title, id=f"{alert_id}#{name}")

    def _made(self, said: TracedOutput, name: str, *, by_hours: bool) -> Node | None:
        if said.record.kind == "funding":
            contract_id, source_id = parts_of(said.record.subject_id)
            figure = self.funding.used if name.startswith("used") else self.funding.limit
            return figure(contract_id, source_id, said.step)
        watched = self._watched(said)
        if watched is None:
            return None
        plan, rule, bucket = watched
        if name.startswith("used"):
            return self.caps.taken(plan, rule, bucket, allotments(plan)[-1], said.step, by_hours=by_hours)
        return self.caps.newest_limit(plan, rule, bucket, by_hours=by_hours)

    def _share(self, alert_id: str, measure: str) -> Node | None:
        """What is taken in per cent of the limit."""
        used, limit = self.figure(alert_id, f"used_{measure}"), self.figure(alert_id, f"limit_{measure}")
        if used is None or limit is None or not limit.value:
            return None
        value = round_ratio((used.value or 0) * HUNDRED_PERCENT, limit.value, 1, HALF_UP)
        return Node(
            f"used of the {measure}", value, "percent", "", Arithmetic("percent", (used, limit), {"step": "0.000001"})
        )

    def _watched(self, said: TracedOutput) -> WatchedBucket | None:
        """A line under the cap, and the cap's rule by the terms that hold after the event."""
        alert: Alert = said.record
        contract_id, cap_id, *period = parts_of(alert.subject_id)
        draft = self.sources.draft(said.step)
        contract = draft.contract(contract_id)
        if contract is None:
            return None
        key = (cap_id, "/".join(period))
        history = versions(contract)
        for line in contract.terms.lines:
            for rule in cap_rules(history, line.line_id):
                plan = line_plan(draft, contract, contract.history[-1].version, line.line_id)
                wanted = rule.cap_id == cap_id and rule.period == period_of(key)
                if plan is not None and wanted and is_limited(limit_of(rule, key)):
                    return WatchedBucket(plan, rule, key)
        return None
