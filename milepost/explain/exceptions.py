"""Exceptions: what raised them, what they block, and what closed them. Alerts: how much of a cap was taken when a threshold was crossed."""

from collections.abc import Sequence
from typing import Final

from domain.explanation import Node, evaluated, less, total
from domain.figure import as_recorded, node_of
from domain.identity import parts_of
from domain.ledger.journal import debits
from domain.money import format_decimal
from domain.outputs import Alert, ExceptionClosed, ExceptionRaised, JournalLine
from domain.units import HOURS_SCALE, PERCENT_SCALE
from domain.work.rows import ROWS, row_id
from milepost.exceptions.words import message_text, subject_text, titled
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from milepost.explain.published import given
from state.billing.statement_lines import STATEMENT_AT
from state.books import Price, WriteOff
from state.caps.notices import is_over
from state.draft import BLOCKED, blocked_at
from state.forecast import loss
from state.receivables.write_offs import LEFT_OF
from state.terms import price_notices
from state.trace import TracedOutput

# What the blocked amount was found by.
BASES: Final = {
    "price": "the rate that would be used",
    "cost": "cost, as no rate is known",
    "fact": "what the event or the books say",
}


class ExceptionNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers |= {
            STATEMENT_AT: self._statement_at,
            LEFT_OF: self._left_of,
            price_notices.BEYOND_PRICE: self._beyond_price,
        }

    def exception(self, exception_id: str) -> Node:
        """Its life, the last time it was raised at the head."""
        said = self.sources.trace.exceptions[exception_id]
        last: ExceptionRaised = self._raisings(exception_id)[-1].record
        facts = (
            ("severity", last.severity),
            ("owner", last.owner_role),
            ("about", subject_text(last)),
            ("says", message_text(last.message)),
            ("way out", last.resolution),
            ("state", "closed" if isinstance(said[-1].record, ExceptionClosed) else "open"),
            *((("entries", ", ".join(last.entries)),) if last.entries else ()),
            *((("field", last.field),) if last.field else ()),
            *((("blocks", f"{last.blocks_count:,}"),) if last.blocks_count > 1 else ()),
            *((("hours blocked", format_decimal(last.blocks_hours, HOURS_SCALE)),) if last.blocks_hours else ()),
            *((("blocked at", BASES.get(last.blocks_basis, last.blocks_basis)),) if last.blocks_basis else ()),
            *((("taken care of by", last.assignee),) if last.assignee else ()),
        )
        blocks = self.blocks(exception_id)
        life = tuple(self._happened(one) for one in said)
        why = (*((blocks,) if blocks is not None else ()), Node("What happened to it", why=life), *self._entries(last))
        return Node(f"Exception {titled(last.category)}, {exception_id}", facts=facts, why=why, id=exception_id)

    def _entries(self, raised: ExceptionRaised) -> tuple[Node, ...]:
        if raised.subject_kind not in ROWS:
            return ()
        row = row_id(raised.subject_kind, raised.subject_id)
        return (Node(f"{raised.subject_kind.replace('_', ' ')} {raised.subject_id}", id=row),)

    def _happened(self, said: TracedOutput) -> Node:
        record = said.record
        event = self.sources.cause(said.step)
        if isinstance(record, ExceptionClosed):
            return Node(f"closed: {record.reason}", event=event)
        again = f", revision {record.revision}" if record.revision > 1 else ""
        return Node(f"raised{again}: {message_text(record.message)}", event=event)

    def blocks(self, exception_id: str) -> Node | None:
        """The amount that it says is blocked, as it was raised last; None where it says none."""
        said = self._raisings(exception_id)[-1]
        record: ExceptionRaised = said.record
        if not record.blocks_amount or record.blocks_currency is None:
            return None
        made = as_recorded(record.blocks_amount, given(self._amount(said, record), BLOCKED)).node
        if made.title != BLOCKED:
            made = total(BLOCKED, (made,), "amount", record.blocks_currency)
        return made._replace(id=f"{exception_id}#amount")

    def _amount(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """As it was recorded where the exception was raised, else as the books of the step have it."""
        recorded = self.recorded.figure(blocked_at(record.exception_id), said.step)
        if recorded is not None:
            return recorded
        match record.category:
            case "over_cap" | "over_purchase_order":
                return self._over_cap(said, record)
            case "posting_rejected" | "posted_twice" | "unmapped_account" if record.subject_kind != "statement":
                return self._debits(record)
            case "posting_rejected" | "unmapped_account":
                return self._statement_at(record.subject_id, f"{said.step}")
            case "loss_making":
                return self._loss(said, record)
            case _:
                return None

    # What rules name that is explained here

    def _statement_at(self, statement_id: str, step: str) -> Node:
        return self.nodes.statements.statement(self.sources.trace.revision_at(statement_id, int(step)))

    def _left_of(self, write_off_id: str, step: str) -> Node:
        known: WriteOff = self.sources.trace.part_at("write_off", write_off_id, int(step))
        return self.nodes.given_up.left_of(known.event, int(step))

    def _beyond_price(self, contract_id: str, line_id: str, step: str) -> Node:
        draft = self.nodes.books.at(int(step))
        contract = draft.contract_in_books(contract_id)
        made = price_notices.beyond(draft, contract, line_id)
        return self.recorded.bound(node_of(made, BLOCKED, currency=contract.terms.currency))

    # What no rule has recorded yet

    def _debits(self, record: ExceptionRaised) -> Node:
        """Of the journals that do not stand in the ERP as they should; in ledger currency, where they are nothing in their own."""
        found: list[Node] = []
        for journal_id in record.entries:
            lines: Sequence[JournalLine] = self.sources.trace.journals[journal_id].record.lines
            in_ledger = not debits(lines)
            found += [
                self.nodes.lines.figures(journal_id, number)[in_ledger]
                for number, line in enumerate(lines, 1)
                if (line.ledger_amount if in_ledger else line.amount) > 0
            ]
        return total(BLOCKED, found, "amount", record.blocks_currency or "")

    def _raisings(self, exception_id: str) -> list[TracedOutput]:
        said = self.sources.trace.exceptions[exception_id]
        return [one for one in said if isinstance(one.record, ExceptionRaised)]

    def _loss(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """Cost at completion less the most that is earned by then, by the newest forecasts of the contract's projects."""
        draft, currency = self.sources.draft(said.step), record.blocks_currency or ""
        costs, revenues = [], []
        for project_id in loss.projects_of(draft, record.subject_id):
            published = [one for one in self.sources.trace.forecasts.get(project_id, ()) if one.step <= said.step]
            share = draft.part("forecast", project_id).share
            if published:
                costs.append(given(self.nodes.forecasts.figure(published[-1], "eac_cost"), BLOCKED))
                revenues.append(self.nodes.forecasts.revenue_max(published[-1], by_cap=share.by_cap))
        cost = total("cost at completion", costs, "amount", currency)
        return less(BLOCKED, cost, total("the most that is earned", revenues, "amount", currency))

    def _over_cap(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """What entries have over the cap (R15) or purchase order, at the moment at which it was raised."""
        contract_id, cap_id = parts_of(record.subject_id)
        priced = self.nodes.entries.priced_in(contract_id, said.step)
        found = [self._over(at, at.price) for at in priced if at.price.binding == cap_id and is_over(at.price)]
        return total(BLOCKED, found, "amount", record.blocks_currency or "", rule="R15")

    def _over(self, at: VersionStanding, price: Price) -> Node:
        """Final work waits for no more than it kept."""
        if not price.final:
            return self.nodes.records.over(at.entry.entry_id, at.step)
        kept, passed = self.nodes.caps.counted(at, price), [self.nodes.entries.passed(at)] if price.passed else []
        return less(
            f"{at.entry.entry_id}: kept and not billable", kept, self.nodes.entries.billable(at), *passed, rule="R15"
        )


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
        return evaluated(f"used of the {measure}", "percent", (used, limit), {"step": "0.000001"}, "percent")
