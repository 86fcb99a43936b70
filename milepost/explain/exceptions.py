"""Exceptions: what raised them, what they block, and what closed them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain import capabilities
from domain.accounts import CURRENCY_ROUNDING
from domain.caps.consume import is_limited, limit_of, period_of
from domain.caps.purchase_order import OVER_CAP, OVER_ORDER, SUBJECT_KIND
from domain.contract import line_named
from domain.events.catalogue import ENTITIES
from domain.events.common import FixedPrice, Milestones
from domain.events.delivery import ExpenseApproved
from domain.events.finance import ControlTotal, CreditMemoIssued
from domain.explanation import Node, less, total
from domain.figure import node_titled
from domain.identity import parts_of, unescape
from domain.ledger.journal import debits
from domain.money import format_decimal
from domain.outputs import ExceptionClosed, ExceptionRaised, JournalLine
from domain.receivables.credit_memo import KIND as CREDIT_MEMO
from domain.reference.book import owner_key
from domain.terms import methods
from domain.units import HOURS_SCALE
from domain.work.rows import ADJUSTMENT, CHARGES, ROWS, TIME_ENTRY, row_id
from milepost.exception_titles import titled
from milepost.exception_words import message_text, subject_text
from milepost.explain.at_stake import TITLE, AtStakeNodes
from milepost.explain.balances import BalanceNodes
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.forecasts import ForecastNodes
from milepost.explain.journals import JournalNodes
from milepost.explain.published import as_published, given
from milepost.explain.receivable_stakes import OWNED, ReceivableStakes
from milepost.explain.records import RecordNodes
from milepost.explain.refunds import RefundNodes
from milepost.explain.sources import Sources
from milepost.explain.statements import StatementNodes
from state.books import Price
from state.caps.claims import allotments
from state.caps.notices import is_over
from state.forecast import loss
from state.handlers import source_totals
from state.terms.plan import line_plan
from state.trace import TracedOutput

# What the blocked amount was found by.
BASES: Final = {
    "price": "the rate that would be used",
    "cost": "cost, as no rate is known",
    "fact": "what the event or the books say",
}


class ExceptionNodes:
    def __init__(
        self,
        sources: Sources,
        entries: EntryNodes,
        statements: StatementNodes,
        journals: JournalNodes,
        records: RecordNodes,
        at_stake: AtStakeNodes,
        balances: BalanceNodes,
        forecasts: ForecastNodes,
        refunds: RefundNodes,
    ) -> None:
        self.sources = sources
        self.entries = entries
        self.statements = statements
        self.journals = journals
        self.records = records
        self.at_stake = at_stake
        self.balances = balances
        self.forecasts = forecasts
        self.refunds = refunds
        self.of_receivables = ReceivableStakes(sources, journals.lines.recorded, entries.given_up)

    def exception(self, exception_id: str) -> Node:
        """Its life, the last time it was raised at the head."""
        said = self.sources.trace.exceptions[exception_id]
        raised = [one for one in said if isinstance(one.record, ExceptionRaised)]
        last: ExceptionRaised = raised[-1].record
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
        said = [one for one in self.sources.trace.exceptions[exception_id] if isinstance(one.record, ExceptionRaised)][
            -1
        ]
        record: ExceptionRaised = said.record
        if not record.blocks_amount or record.blocks_currency is None:
            return None
        made = self._amount(said, record)
        made = as_published(made, TITLE, record.blocks_amount, "amount", record.blocks_currency)
        return made._replace(title=TITLE, id=f"{exception_id}#amount")

    def _amount(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        row = row_id(record.subject_kind, record.subject_id)
        own = record.subject_kind in CHARGES or record.blocks_basis in ("price", "cost")
        if record.subject_kind in ROWS and own and record.category not in (OVER_CAP, OVER_ORDER):
            found = self.at_stake.of_entry(row, self._first(record), record.blocks_basis or "", record.category)
            if found is not None or record.subject_kind == TIME_ENTRY:
                return found
        if record.subject_kind == CREDIT_MEMO:
            return self._asked(said, record)
        if record.subject_kind in (*OWNED, ADJUSTMENT):
            return self.of_receivables.stake(said, record)
        match record.category:
            case "over_cap" | "over_purchase_order":
                return self._over_cap(said, record)
            case "over_funding":
                return self.statements.funding.unpaid(record.subject_id, said.step)
            case "statement_differs_from_invoice":
                return self._difference(said, record)
            case "milestone_overdue":
                return self._milestone(said, record)
            case "source_differs":
                return self._beside_source(said, record)
            case "posting_rejected" | "posted_twice" | "unmapped_account" if record.subject_kind != "statement":
                return self._debits(record)
            case "posting_rejected" | "unmapped_account":
                return self.statements.statement(self.sources.trace.revision_at(record.subject_id, said.step))
            case "cap_below_consumption" if record.subject_kind in ("cap", SUBJECT_KIND):
                return self._below(said, record)
            case "cap_below_consumption" if record.subject_kind == "contract_line":
                return self._price_below(said, record)
            case "unsupported":
                return self._refused(said, record)
            case "outside_contract_dates" if record.subject_kind != "time_entry":
                values = [self.entries.value(at) for at in self._listed(said, record) if at.work.price is not None]
                return total(TITLE, values, "amount", record.blocks_currency or "")
            case "loss_making":
                return self._loss(said, record)
            case capabilities.BEYOND_ESTIMATE:
                contract_id, line_id = parts_of(record.subject_id)
                return self.refunds.given_beyond(contract_id, line_id, self._first(record))
            case "tax_undetermined":
                return self.statements.taxes.undetermined(said, self._raised(record), record)
            case "tax_differs":
                return self.statements.taxes.difference(said, record)
            case "rounding_over_limit" if record.subject_id in self.sources.trace.journals:
                return self._rounding(record)
            case _:
                return None

    def _beside_source(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """What the source says of its expenses, less what is here of them; the other way round where that is more."""
        draft, currency = self.sources.draft(said.step), record.blocks_currency or ""
        event: ControlTotal = draft.part(record.subject_kind, record.subject_id).event
        said_by = self.sources.field("what the source has", event.amount or 0, "amount", event, "amount", currency)
        known = {each.expense_id: each for each in self._expenses(said)}
        here = [
            self.sources.field(
                f"expense {each.charge_id}", each.amount, "amount", known[each.charge_id], "amount", currency
            )
            for each in source_totals.charges(draft, event)
        ]
        held = total("what is here", here, "amount", currency)
        return less(TITLE, said_by, held) if (said_by.value or 0) >= (held.value or 0) else less(TITLE, held, said_by)

    def _expenses(self, said: TracedOutput) -> Iterator[ExpenseApproved]:
        """In the order of the log, up to the step."""
        last = self.sources.trace.steps[said.step].record.offset
        for known in self.sources.trace.records_of(ExpenseApproved):
            if isinstance(known.event, ExpenseApproved) and known.offset <= last:
                yield known.event

    def _debits(self, record: ExceptionRaised) -> Node:
        """Of the journals that do not stand in the ERP as they should; in ledger currency, where they are nothing in their own."""
        found: list[Node] = []
        for journal_id in record.entries:
            lines: Sequence[JournalLine] = self.sources.trace.journals[journal_id].record.lines
            in_ledger = not debits(lines)
            found += [
                self.journals.figures(journal_id, number)[in_ledger]
                for number, line in enumerate(lines, 1)
                if (line.ledger_amount if in_ledger else line.amount) > 0
            ]
        return total(TITLE, found, "amount", record.blocks_currency or "")

    def _asked(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """What the lines of a credit memo that waits ask for by amount."""
        waiting = self.sources.trace.part_at("credit_memo", record.subject_id, said.step)
        currency = record.blocks_currency or ""
        for known in self.sources.trace.records_of(CreditMemoIssued):
            event = known.event
            if isinstance(event, CreditMemoIssued) and waiting is not None and event == waiting.event:
                asked = [
                    self.sources.field(TITLE, line.amount, "amount", event, f"lines[{number}].amount", currency)
                    for number, line in enumerate(event.lines)
                    if line.amount is not None
                ]
                return total(TITLE, asked, "amount", currency)
        return None

    def _raised(self, record: ExceptionRaised) -> int:
        """The step that raised it, from which on it counts."""
        said = self.sources.trace.exceptions[record.exception_id]
        raised = (one for one in said if isinstance(one.record, ExceptionRaised))
        return next(one.step for one in raised if one.record.raised_at == record.raised_at)

    def _first(self, record: ExceptionRaised) -> int:
        """The step that found the amount: the first revision that says it, after any with another; later ones repeat that."""
        found = -1
        for one in reversed(self.sources.trace.exceptions[record.exception_id]):
            if not isinstance(one.record, ExceptionRaised):
                continue
            if _amount_said(one.record) != _amount_said(record):
                break
            found = one.step
        return found

    def _milestone(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """The price of the milestone, by the newest terms that list it."""
        contract = self.sources.draft(said.step).contract(record.contract_id or "")
        _, line_id, milestone_id = parts_of(record.subject_id)
        for stored in reversed(contract.history if contract is not None else ()):
            found = self.sources.line_field(record.contract_id or "", stored.version, line_id)
            terms = found[1].terms if found is not None else None
            for place, one in enumerate(terms.milestones if isinstance(terms, Milestones) else ()):
                if found is not None and one.milestone_id == milestone_id:
                    path = f"{found[2]}.terms.milestones[{place}].amount"
                    return self.sources.field(TITLE, one.amount, "amount", found[0], path, record.blocks_currency or "")
        return None

    def _refused(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """Amounts of the events that the rules in force do not handle, each by its newest version."""
        draft = self.sources.draft(said.step)
        counted = {
            part_id: part
            for part_id in sorted(draft.ids("refused"))
            if (part := draft.part("refused", part_id)).exception_id == record.exception_id
        }
        nodes = []
        for known in self.sources.trace.all_records():
            kind, fact_id = owner_key(known.event)
            part = counted.get(f"{kind}/{fact_id}")
            field = ENTITIES[type(known.event).__name__].version_field
            version = getattr(known.event, field) if field is not None else 0
            if part is not None and part.amount and part.version == version:
                del counted[f"{kind}/{fact_id}"]
                title = f"{type(known.event).__name__} {fact_id}"
                nodes.append(
                    self.sources.field(title, part.amount, "amount", known.event, "amount", part.currency or "")
                )
        return total(TITLE, nodes, "amount", record.blocks_currency or "") if nodes else None

    def _loss(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """Cost at completion less the most that is earned by then, by the newest forecasts of the contract's projects."""
        draft, currency = self.sources.draft(said.step), record.blocks_currency or ""
        costs, revenues = [], []
        for project_id in loss.projects_of(draft, record.subject_id):
            published = [one for one in self.sources.trace.forecasts.get(project_id, ()) if one.step <= said.step]
            share = draft.part("forecast", project_id).share
            if published:
                costs.append(given(self.forecasts.figure(published[-1], "eac_cost"), TITLE))
                revenues.append(self.forecasts.revenue_max(published[-1], by_cap=share.by_cap))
        cost = total("cost at completion", costs, "amount", currency)
        return less(TITLE, cost, total("the most that is earned", revenues, "amount", currency))

    def _listed(self, said: TracedOutput, record: ExceptionRaised) -> list[VersionStanding]:
        found = (self.entries.standing(entry_id, said.step) for entry_id in record.entries)
        return [at for at in found if at is not None]

    def _below(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """What is taken less what the newest version of the cap allows the bucket."""
        draft = self.sources.draft(said.step)
        contract = draft.contract(record.contract_id or "")
        if contract is None:
            return None
        _, escaped, *period = record.subject_id.split("/", 2)
        cap_id = unescape(escaped)
        bucket = (cap_id, period[0] if period else "")
        for stored in reversed(contract.history):
            for line in stored.terms.lines:
                plan = line_plan(draft, contract, stored.version, line.line_id)
                for rule in plan.rules if plan is not None else ():
                    same = rule.cap_id == cap_id and rule.period == period_of(bucket)
                    if plan is not None and same and is_limited(limit_of(rule, bucket)):
                        excess: Node = self.entries.caps.beyond(plan, rule, bucket, allotments(plan)[-1], said.step)
                        return excess
        return None

    def _price_below(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """What is billed or earned of a price, whichever is more, less the newest price; of a line that earns otherwise what is billed."""
        contract_id, line_id = parts_of(record.subject_id)
        draft, currency = self.sources.draft(said.step), record.blocks_currency or ""
        contract = draft.contract(contract_id)
        assert contract is not None, "the line is of it"
        line_sums = self.balances.books.at(said.step).line(contract_id, line_id)
        bound, title = self.entries.recorded.bound, f"line {line_id}: "
        of_parts = self.refunds.issued_of_parts(draft, contract, line_id, said.step)
        sums = [bound(node_titled(line_sums.issued, f"{title}billed", "amount", currency))]
        if of_parts:
            sums = [less(f"line {line_id}: billed of the price", *sums, *of_parts)]
        line = line_named(contract.terms, line_id)
        if line is None or not methods.earns_apart(line):
            sums.append(bound(node_titled(line_sums.recognised, f"{title}recognised", "amount", currency)))
        more = max(sums, key=lambda node: node.value or 0)
        for stored in reversed(contract.history):
            found = self.sources.line_field(contract_id, stored.version, line_id)
            terms = found[1].terms if found is not None else None
            if found is not None and isinstance(terms, FixedPrice):
                price = self.sources.field(
                    "price", terms.price, "amount", found[0], f"{found[2]}.terms.price", currency
                )
                return less(TITLE, more, price)
        return None

    def _rounding(self, record: ExceptionRaised) -> Node:
        """What conversion left on 7190."""
        journal = self.sources.trace.journals[record.subject_id].record
        nodes = [
            self.journals.figures(record.subject_id, number)[1]
            for number, line in enumerate(journal.lines, 1)
            if line.account == CURRENCY_ROUNDING
        ]
        return total(TITLE, nodes, "amount", record.blocks_currency or "", rule="R51")

    def _over_cap(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """What entries have over the cap (R15) or purchase order, at the moment at which it was raised."""
        contract_id, cap_id = parts_of(record.subject_id)
        found = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            at = self.entries.standing(entry_id, said.step)
            price = at.work.price if at is not None else None
            if at is None or price is None or (price.contract_id, price.binding) != (contract_id, cap_id):
                continue
            if is_over(price):
                found.append(self._over(at, price))
        return total(TITLE, found, "amount", record.blocks_currency or "", rule="R15")

    def _over(self, at: VersionStanding, price: Price) -> Node:
        """Final work waits for no more than it kept."""
        if not price.final:
            return self.records.over(at.entry.entry_id, at.step)
        kept, passed = self.entries.caps.counted(at, price), [self.entries.passing.passed(at)] if price.passed else []
        return less(f"{at.entry.entry_id}: kept and not billable", kept, self.entries.billable(at), *passed, rule="R15")

    def _difference(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        event = self.sources.step(said.step).record.event
        opened = self.sources.trace.part_at("draft", record.subject_id, said.step - 1)
        if opened is not None and opened.invoice is not None:
            event = opened.invoice  # it came while the statement was a draft
        amount = getattr(event, "amount", None)
        if amount is None or record.subject_id not in self.sources.trace.statements:
            return None
        currency = record.blocks_currency or ""
        if record.field == "tax_amount":
            return self.sources.field("the invoice, tax", record.blocks_amount, "amount", event, "tax_amount", currency)
        invoice = self.sources.field("the invoice, net", amount, "amount", event, "amount", currency)
        if record.field == "clears_unbilled":
            return total(TITLE, [invoice], "amount", currency)
        return less(
            TITLE, invoice, self.statements.statement(self.sources.trace.revision_at(record.subject_id, said.step))
        )


def _amount_said(raised: ExceptionRaised) -> tuple[object, ...]:
    return raised.raised_at, raised.blocks_amount, raised.blocks_currency, raised.blocks_basis, raised.blocks_hours
