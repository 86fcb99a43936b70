"""Journals: each line in transaction and in ledger currency, from the entry, the statement or the journal that it mirrors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import takewhile
from typing import Any

from domain.accounts import (
    CONTRACT_ASSET,
    CURRENCY_ROUNDING,
    OUTPUT_TAX,
    RECEIVABLE,
    SERVICE_REVENUE,
    UNBILLED,
    name_of,
)
from domain.events.finance import InvoicePosted
from domain.exchange import Exchange
from domain.explanation import Arithmetic, Node, constant, less, negated, stated, total
from domain.money import convert, format_decimal, round_ratio, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.entries import EntryNodes, Standing, step_of
from milepost.explain.rating import Rating
from milepost.explain.sources import Sources
from milepost.explain.statements import Listed, StatementNodes
from state.books import Entry, Posted, Work
from state.known import entity_policies, open_day_from
from state.plan import LinePlan, contract_policies, newest_plan, plan_of
from state.totals import issued_on
from state.trace import Said, works_of

Key = tuple[str, str, str | None]


class JournalNodes:
    def __init__(self, sources: Sources, rating: Rating, entries: EntryNodes, statements: StatementNodes) -> None:
        self.sources = sources
        self.rating = rating
        self.entries = entries
        self.statements = statements
        self._lines: dict[tuple[str, int], tuple[Node, Node]] = {}
        # Filled by the nodes of contract liabilities, which need these.
        self.liability: Any = None

    def journal(self, journal_id: str) -> Node:
        """A heading over its lines; they sum to zero in both currencies."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        lines = tuple(self.line(journal_id, number) for number in range(1, len(journal.lines) + 1))
        return Node(
            f"Journal {journal_id}: {journal.kind} of {journal.affected_kind} {journal.affected_id} version {journal.affected_version}",
            facts=self._facts(journal),
            why=(*lines, *self._rooms(said, journal), *self._lineage(said, journal)),
            rule=f"rule {journal.rule}",
            id=journal_id,
        )

    def _rooms(self, said: Said, journal: JournalEntry) -> tuple[Node, ...]:
        """What caps had left for the entry before and after its posting; a difference says so with its amount."""
        at = self._work_of(said, journal) if journal.kind == "posting" else None
        if at is None or not any(line.purpose == "revenue" for line in journal.lines):
            return ()
        rooms: tuple[Node, ...] = self.entries.caps.room_around(at)
        return rooms

    def _facts(self, journal: JournalEntry) -> tuple[tuple[str, str], ...]:
        rate = format_decimal(journal.exchange_rate, 12)
        return (
            ("company", journal.legal_entity_id),
            ("accounting date", f"{journal.accounting_date}, period {journal.period}"),
            *((("service date", journal.service_date.isoformat()),) if journal.service_date else ()),
            (
                "currency",
                journal.currency
                + (f" at {rate} {journal.ledger_currency}" if journal.currency != journal.ledger_currency else ""),
            ),
            *((("delivered", "no, for the record only"),) if not journal.deliver else ()),
        )

    def _lineage(self, said: Said, journal: JournalEntry) -> tuple[Node, ...]:
        """What caused it, and what it takes back or was taken back by."""
        found = [Node("caused by", event=self.sources.cause(said.step))]
        if journal.reverses:
            found.append(
                Node(
                    f"takes back journal {journal.reverses}",
                    event=self.sources.cause(self.sources.trace.journals[journal.reverses].step),
                    id=journal.reverses,
                )
            )
        found += [
            Node(
                f"taken back by journal {other.record.journal_id}",
                event=self.sources.cause(other.step),
                id=other.record.journal_id,
            )
            for other in self.sources.trace.journals_of.get(journal.affected_id, ())
            if other.record.reverses == journal.journal_id
        ]
        return tuple(found)

    def line(self, journal_id: str, number: int) -> Node:
        """`number` counts from 1."""
        journal: JournalEntry = self.sources.trace.journals[journal_id].record
        line = journal.lines[number - 1]
        amount, ledger = self.figures(journal_id, number)
        side = "debit" if line.amount > 0 or (not line.amount and line.ledger_amount > 0) else "credit"
        return Node(
            f"line {number}: {side} {line.account} {name_of(line.account)}, {line.purpose}",
            why=(amount, ledger),
            facts=((("project", line.project_id),) if line.project_id else ()),
            id=f"{journal_id}#{number}",
        )

    def figures(self, journal_id: str, number: int) -> tuple[Node, Node]:
        """The line's amount, in transaction and in ledger currency."""
        key = (journal_id, number)
        if key not in self._lines:
            said = self.sources.trace.journals[journal_id]
            journal: JournalEntry = said.record
            line = journal.lines[number - 1]
            amount, ledger = self._figures(said, journal, line, number)
            self._lines[key] = (
                _holds(amount, "amount", line.amount, journal.currency),
                _holds(ledger, "in ledger currency", line.ledger_amount, journal.ledger_currency),
            )
        return self._lines[key]

    def _figures(
        self, said: Said, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        if journal.reverses in self.sources.trace.journals and journal.kind == "reversal":
            return self._mirrored(journal.reverses or "", number)
        if line.account == CURRENCY_ROUNDING and not line.amount:
            nothing = constant("amount", 0, "amount", journal.currency)
            return nothing, self._rest_of_lines(journal, number)
        if journal.rule == "exchange_rest":
            return self._exchange_rest(said, journal, line)
        if journal.affected_kind == "time_entry":
            return self._of_entry(said, journal, line, number)
        if journal.affected_kind == "statement" and journal.kind == "billing":
            return self._billing(said, journal, line, number)
        if journal.rule == "contract_liability":
            found: tuple[Node | None, Node | None] = self.liability.figures(said, line)
            return found
        return None, None

    # Reversals

    def _mirrored(self, reversed_id: str, number: int) -> tuple[Node, Node]:
        """R14: the original's rounded amounts and its rate, never recomputed."""
        amount, ledger = self.figures(reversed_id, number)
        return negated("amount, taken back", amount, rule="R14"), negated(
            "in ledger currency, taken back", ledger, rule="R52"
        )

    def _rest_of_lines(self, journal: JournalEntry, number: int) -> Node:
        """What converting line by line leaves (R51)."""
        others = [
            self.figures(journal.journal_id, place)[1] for place in range(1, len(journal.lines) + 1) if place != number
        ]
        rest = total("sum of the other lines", others, "amount", journal.ledger_currency)
        return negated("what conversion leaves", rest, rule="R51")

    # Entries

    def _of_entry(
        self, said: Said, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        at = self._work_of(said, journal)
        if at is None:
            return None, None
        if line.purpose == "cost":
            amount = self._cost(at)
        elif journal.kind == "difference" and journal.rule.startswith("remeasure"):
            return self._remeasured(said, journal, line, at, number)
        elif journal.kind == "difference":
            return self._difference(said, journal, line, at, number)
        elif line.purpose == "revenue":
            amount = self._revenue(at, line)
        else:
            amount = None
        if amount is None:
            return None, None
        amount = _signed(amount, line.amount)
        return amount, self._converted(amount, journal, line, at)

    def _work_of(self, said: Said, journal: JournalEntry) -> Standing | None:
        """The version of the entry that keeps the journal, at the step that posted it."""
        entry = self.sources.trace.entry_at(journal.affected_id, said.step)
        for work in works_of(entry) if entry is not None else ():
            if any(posted.journal_id == journal.journal_id for posted in work.journals):
                assert entry is not None, "the work is the entry's"
                return Standing(said.step, entry, work)
        return None

    def _cost(self, at: Standing) -> Node | None:
        return self.entries.cost(at, at.work.cost) if at.work.cost is not None else None

    def _revenue(self, at: Standing, line: JournalLine) -> Node | None:
        """What the entry has on the account: 1160 has what only earns revenue, the line's own account the rest."""
        price = at.work.price
        if price is None:
            return None
        rounding = self.entries.rounding(at.entry.entry_id, at.step) if price.rounding else None
        recognised = self.entries.recognised(at)
        if line.account == SERVICE_REVENUE or price.recognised <= price.allowed:
            base = recognised
        elif line.account == CONTRACT_ASSET and price.account != CONTRACT_ASSET:
            return less(
                f"{at.entry.entry_id}: beyond what caps allow", recognised, self.entries.allowed(at), rule="R22"
            )
        else:
            base = self.entries.allowed(at)
        if rounding is not None:
            base = total(f"{at.entry.entry_id}: with cents of lines", (base, rounding), "amount", price.currency)
        return base

    def _plan(self, at: Standing) -> LinePlan | None:
        return (
            plan_of(self.sources.draft(at.step), at.work.price)
            if at.work.price is not None and at.work.price.line_id
            else None
        )

    # Into ledger currency

    def _converted(self, amount: Node, journal: JournalEntry, line: JournalLine, at: Standing) -> Node | None:
        if journal.currency == journal.ledger_currency:
            return (
                Node(
                    "in ledger currency", amount.value, "amount", journal.ledger_currency, Arithmetic("same", (amount,))
                )
                if line.ledger_amount == amount.value
                else None
            )
        return self._exchanged(amount, journal, line.ledger_amount, at)

    def _exchanged(self, amount: Node, journal: JournalEntry, ledger: int, at: Standing) -> Node | None:
        draft = self.sources.draft(at.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        if entity is None:
            return None
        plan = self._plan(at)
        of_price = journal.contract_id is not None and plan is not None
        policies = plan.policies if of_price and plan is not None else entity_policies(draft, entity)
        names = ("exchange_rate_type", "fx_date", "rate_staleness_days", "money_mode")
        used = (
            self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)
            if of_price and plan is not None
            else self.sources.entity_policies(entity, *names)
        )
        days = [journal.accounting_date]
        if policies.fx_date == "service" and journal.service_date is not None:
            days.insert(0, journal.service_date)
        days.append(open_day_from(draft, entity, journal.service_date or journal.accounting_date))
        mode = policies.money_mode
        kind = policies.exchange_rate_type
        found = self.rating.exchange(
            draft,
            kind,
            (journal.currency, journal.ledger_currency),
            tuple(days),
            policies.rate_staleness_days,
            journal.exchange_rate,
        )
        return self._by_path(amount, journal, ledger, mode, kind, found, used) or self._by_carried(
            amount, journal, ledger, mode, at
        )

    def _by_path(
        self,
        amount: Node,
        journal: JournalEntry,
        ledger: int,
        mode: str,
        kind: str,
        found: tuple[Exchange, date] | None,
        used: Any,
    ) -> Node | None:
        if found is None:
            return None
        exchange, day = found
        made = convert(amount.value or 0, exchange.numerator, exchange.denominator, journal.ledger_currency, mode)
        if made != ledger:
            return None
        rates, legs = self.rating.legs(exchange, kind, day)
        parameters: dict[str, Any] = {"legs": legs, "step": step_of(journal.ledger_currency), "mode": mode}
        return Node(
            "in ledger currency",
            made,
            "amount",
            journal.ledger_currency,
            Arithmetic("convert", (amount, *rates), parameters),
            "R53",
            used,
            (("rate of", day.isoformat()),),
        )

    def _by_carried(self, amount: Node, journal: JournalEntry, ledger: int, mode: str, at: Standing) -> Node | None:
        """At the rate that an earlier journal of the entry carries, where its date has none."""
        made = convert(amount.value or 0, journal.exchange_rate, 10**12, journal.ledger_currency, mode)
        earlier = next(
            (
                posted
                for posted in at.work.journals
                if posted.exchange_rate == journal.exchange_rate and posted.journal_id != journal.journal_id
            ),
            None,
        )
        if made != ledger or earlier is None:
            return None
        rate = self.rate_of(earlier.journal_id, earlier.exchange_rate)
        parameters: dict[str, Any] = {"legs": ("times",), "step": step_of(journal.ledger_currency), "mode": mode}
        return Node(
            "in ledger currency",
            made,
            "amount",
            journal.ledger_currency,
            Arithmetic("convert", (amount, rate), parameters),
            "R52",
        )

    def rate_of(self, journal_id: str, rate: int) -> Node:
        """The rate on an earlier journal: that of its path, to the twelve decimals that are kept."""
        title = f"rate that journal {journal_id} carries"
        said = self.sources.trace.journals[journal_id]
        for number in range(1, len(said.record.lines) + 1):
            arithmetic = self.figures(journal_id, number)[1].arithmetic
            if arithmetic is not None and arithmetic.operation == "convert":
                parameters = {"legs": arithmetic.parameters["legs"], "step": "0.000000000001"}
                path = Arithmetic("exchange", arithmetic.operands[1:], parameters)
                return Node(title, rate, "exchange_rate", "", path, "R52", id=journal_id)
        return stated(title, rate, "exchange_rate")

    # Differences

    def _difference(
        self, said: Said, journal: JournalEntry, line: JournalLine, at: Standing, number: int
    ) -> tuple[Node | None, Node | None]:
        """What the price says now, less what the entry's journals carry."""
        if line.account == SERVICE_REVENUE:
            return self._balancing(journal, number)
        before = self._before(at.work, journal.journal_id)
        carried = self._carried(before, line.account, "revenue")
        target = self._target(at, line.account, journal.currency)
        amount = less(
            f"{at.entry.entry_id}: what it is now, less what its journals carry", target, carried[0], rule="R19"
        )
        why = (
            (Node("moved by", event=self.sources.cause(said.step)), *self.entries.caps.room_around(at))
            if journal.rule == "cap"
            else (Node("moved by", event=self.sources.cause(said.step)),)
        )
        amount = amount._replace(why=why)
        return amount, self._difference_ledger(amount, carried, journal, line, at)

    def _balancing(self, journal: JournalEntry, number: int) -> tuple[Node, Node]:
        others = [
            self.figures(journal.journal_id, place) for place in range(1, len(journal.lines) + 1) if place != number
        ]
        amount = total("sum of the other lines", [one for one, _ in others], "amount", journal.currency)
        ledger = total("sum of the other lines", [one for _, one in others], "amount", journal.ledger_currency)
        return negated("amount", amount), negated("in ledger currency", ledger)

    def _target(self, at: Standing, account: str, currency: str) -> Node:
        price = at.work.price
        if price is None or not price.line_id:
            return constant("nothing now", 0, "amount", currency)
        beyond = price.recognised > price.allowed
        if account == price.account:
            line = JournalLine(account, "revenue", 0, 0)
            made = self._revenue(at, line)
            assert made is not None, "the work has a price"
            if beyond and account == CONTRACT_ASSET:
                more = less("beyond what caps allow", self.entries.recognised(at), self.entries.allowed(at), rule="R22")
                made = total("on 1160", (made, more), "amount", currency)
            return made
        if account == CONTRACT_ASSET and beyond:
            return less(
                f"{at.entry.entry_id}: beyond what caps allow",
                self.entries.recognised(at),
                self.entries.allowed(at),
                rule="R22",
            )
        return constant("nothing on this account now", 0, "amount", currency)

    def _before(self, work: Work, journal_id: str) -> list[Posted]:
        return _until(work.journals, journal_id)

    def _carried(self, journals: list[Posted], account: str, purpose: str) -> tuple[Node, Node]:
        """Sums of the lines that journals have on an account."""
        amounts, ledgers = [], []
        for posted in journals:
            for number, leg in enumerate(posted.lines, 1):
                if leg.account == account and leg.purpose == purpose:
                    amount, ledger = self._leg(posted, number)
                    amounts.append(amount)
                    ledgers.append(ledger)
        return (
            total("carried by its journals", amounts, "amount", amounts[0].currency if amounts else ""),
            total(
                "carried by its journals, in ledger currency",
                ledgers,
                "amount",
                ledgers[0].currency if ledgers else "",
            ),
        )

    def _leg(self, posted: Posted, number: int) -> tuple[Node, Node]:
        """A journal's line with its name, so that it can be asked for."""
        amount, ledger = self.figures(posted.journal_id, number)
        whose = f"{posted.journal_id}#{number}"
        return (
            Node(
                f"journal line {whose}",
                amount.value,
                "amount",
                posted.currency,
                Arithmetic("same", (amount,)),
                id=whose,
            ),
            Node(
                f"journal line {whose}",
                ledger.value,
                "amount",
                posted.ledger_currency,
                Arithmetic("same", (ledger,)),
                id=whose,
            ),
        )

    def _difference_ledger(
        self, amount: Node, carried: tuple[Node, Node], journal: JournalEntry, line: JournalLine, at: Standing
    ) -> Node | None:
        """What takes back uses the ledger amount that is carried, in proportion; what adds the rate of the date."""
        had, had_ledger = carried[0].value or 0, carried[1].value or 0
        delta = amount.value or 0
        if had and (had > 0) != (delta > 0) and abs(delta) <= abs(had):
            if delta == -had:
                return negated("in ledger currency, all that is carried", carried[1], rule="R52")
            plan = self._plan(at)
            mode = (plan.policies.money_mode if plan is not None else None) or "half_up"
            made = round_ratio(had_ledger * delta, had, smallest_unit(journal.ledger_currency), mode)
            parameters: dict[str, Any] = {"step": step_of(journal.ledger_currency), "mode": mode}
            return Node(
                "in ledger currency, in proportion to what is carried",
                made,
                "amount",
                journal.ledger_currency,
                Arithmetic("proportion", (carried[1], amount, carried[0]), parameters),
                "R52",
            )
        return self._converted(amount, journal, line, at)

    def _exchange_rest(self, said: Said, journal: JournalEntry, line: JournalLine) -> tuple[Node, Node]:
        """The ledger amount that is left on unbilled accounts when nothing is left in contract currency."""
        nothing = constant("amount", 0, "amount", journal.currency)
        if line.account in UNBILLED:
            return nothing, negated("in ledger currency", self._left(said, journal, line.account))
        accounts = [one.account for one in journal.lines if one.account in UNBILLED]
        rests = [self._left(said, journal, account) for account in accounts]
        if len(rests) == 1:
            return nothing, rests[0]
        return nothing, total("left in ledger currency", rests, "amount", journal.ledger_currency)

    def _left(self, said: Said, journal: JournalEntry, account: str) -> Node:
        entry = self.sources.trace.entry_at(journal.affected_id, said.step)
        work = entry.standing if entry is not None else None
        before = [
            *_until(work.journals if work is not None else (), journal.journal_id),
            *_until(entry.rests if entry is not None else (), journal.journal_id),
        ]
        parts = [ledger for _, ledger in self._unbilled(before, journal.contract_id or "", account)]
        accrued = total("accrued by its journals", parts, "amount", journal.ledger_currency)
        relieved = self._relieved(journal.affected_id, (journal.contract_id or "", account), said.step)
        return less("left in ledger currency", accrued, *relieved)

    def _unbilled(self, journals: Sequence[Posted], contract_id: str, account: str) -> list[tuple[Node, Node]]:
        """What journals have on an unbilled account of a contract."""
        return [
            self._leg(posted, number)
            for posted in journals
            if posted.contract_id == contract_id
            for number, leg in enumerate(posted.lines, 1)
            if leg.account == account
        ]

    def _relieved(self, entry_id: str, place: tuple[str, str], step: int) -> list[Node]:
        """What billing journals took from the entry's balance on a contract and account, in ledger currency."""
        return [
            relief
            for listed in self.statements.all_listed(entry_id)
            if self._place_of(listed, step) == place
            for relief in self._reliefs_of(listed, step)
        ]

    def _place_of(self, listed: Listed, step: int) -> tuple[str, str]:
        """Contract and account of what a statement lists; invoices relieve the account that it was issued on."""
        contract_id = self.statements.contract_of(listed)
        entry = self.sources.trace.entry_at(listed.entry.entry_id, step)
        issued = issued_on(entry, contract_id, listed.entry.line_id) if entry is not None else None
        return contract_id, issued.account if issued is not None else ""

    def _reliefs_of(self, listed: Listed, step: int) -> list[Node]:
        return [
            self._relief(said, said.record, listed)[1]
            for said in self.sources.trace.journals_of.get(listed.statement_id, ())
            if said.record.kind == "billing" and said.step <= step
        ]

    def _remeasured(
        self, said: Said, journal: JournalEntry, line: JournalLine, at: Standing, number: int
    ) -> tuple[Node | None, Node | None]:
        """Policy `fx_policy: remeasure_revenue`: out at the stored rate, back at the invoice's."""
        if line.account == SERVICE_REVENUE:
            return self._balancing(journal, number)
        way, _, line_id = journal.rule.partition("/")
        listed = self._invoiced_by(said, at.entry.entry_id, line_id)
        if listed is None:
            return None, None
        piece = self.statements.piece(listed)
        if way == "remeasure_in":
            return piece, self._invoice_rate(said, journal, piece, line.ledger_amount)
        _, taken = self._carried_relief(said, journal, listed, at.step)
        return negated("amount", piece), negated("in ledger currency", taken) if taken is not None else None

    def _invoiced_by(self, said: Said, entry_id: str, line_id: str) -> Listed | None:
        event = self.sources.step(said.step).record.event
        of_line = [one for one in self.statements.all_listed(entry_id) if one.entry.line_id == line_id]
        for listed in of_line:
            if isinstance(event, InvoicePosted) and event.statement_id == listed.statement_id:
                return listed
        return next((one for one in reversed(of_line) if one.step <= said.step), None)

    # Billing

    def _billing(
        self, said: Said, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        event = self._invoice(said, journal)
        if line.account in UNBILLED:
            return self._relief_of_line(said, journal, line)
        if line.account == RECEIVABLE and event is not None:
            amount = self._gross(event, journal)
            return amount, self._invoice_rate(said, journal, amount, line.ledger_amount)
        if line.account == OUTPUT_TAX and event is not None:
            tax = self.sources.field("tax", event.tax_amount, "amount", event, "tax_amount", journal.currency)
            made = self._invoice_rate(said, journal, tax, -line.ledger_amount)
            return negated("amount", tax), negated("in ledger currency", made) if made is not None else None
        if not line.amount:
            return constant("amount", 0, "amount", journal.currency), self._rest_of_lines(journal, number)
        return None, None

    def _invoice(self, said: Said, journal: JournalEntry) -> InvoicePosted | None:
        """The invoice that was posted: the event itself, or the one that waited for it."""
        event = self.sources.step(said.step).record.event
        if isinstance(event, InvoicePosted):
            return event
        state = self.sources.trace.part_at("statement", journal.affected_id, said.step - 1)
        waiting = state.waiting if state is not None else None
        for record in self.sources.trace.events:
            if isinstance(record.event, InvoicePosted) and record.event == waiting:
                return record.event
        return None

    def _gross(self, event: InvoicePosted, journal: JournalEntry) -> Node:
        state = self.sources.trace.part_at("statement", journal.affected_id, len(self.sources.trace.steps))
        amount = self.sources.field("net", event.amount, "amount", event, "amount", journal.currency)
        if state is not None and state.amount_due != event.amount:
            amount = self.statements.statement(journal.affected_id)
        tax = self.sources.field("tax", event.tax_amount, "amount", event, "tax_amount", journal.currency)
        return total("gross", (amount, tax), "amount", journal.currency)

    def _invoice_rate(self, said: Said, journal: JournalEntry, amount: Node, ledger: int) -> Node | None:
        """The rate that the invoice states, else the table's for its date."""
        if journal.currency == journal.ledger_currency:
            return Node(
                "in ledger currency", amount.value, "amount", journal.ledger_currency, Arithmetic("same", (amount,))
            )
        event = self._invoice(said, journal)
        draft = self.sources.draft(said.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        contract = draft.contract(journal.contract_id or "")
        if event is None or entity is None or contract is None:
            return None
        policies = contract_policies(draft, contract)
        mode = policies.money_mode
        if event.exchange_rate is not None:
            made = convert(amount.value or 0, event.exchange_rate, 10**12, journal.ledger_currency, mode)
            rate = self.sources.field(
                "the invoice's rate", event.exchange_rate, "exchange_rate", event, "exchange_rate"
            )
            parameters: dict[str, Any] = {"legs": ("times",), "step": step_of(journal.ledger_currency), "mode": mode}
            return Node(
                "in ledger currency",
                made,
                "amount",
                journal.ledger_currency,
                Arithmetic("convert", (amount, rate), parameters),
                "R52",
            )
        kind = policies.exchange_rate_type
        found = self.rating.exchange(
            draft,
            kind,
            (journal.currency, journal.ledger_currency),
            (journal.accounting_date,),
            policies.rate_staleness_days,
            journal.exchange_rate,
        )
        used = self.sources.entity_policies(entity, "exchange_rate_type", "rate_staleness_days")
        return self._by_path(amount, journal, ledger, mode, kind, found, used)

    def _relief_of_line(self, said: Said, journal: JournalEntry, line: JournalLine) -> tuple[Node | None, Node | None]:
        """What the invoice takes from each entry's unbilled balance."""
        amounts, ledgers = [], []
        for listed in self.statements.of_statement(journal.affected_id):
            plan = self._listed_plan(listed, said.step)
            account = self._place_of(listed, said.step)[1]
            if plan is not None and account == line.account and plan.line.project_id == line.project_id:
                amount, ledger = self._relief(said, journal, listed)
                amounts.append(amount)
                ledgers.append(ledger)
        return (
            negated("amount", total("unbilled that is invoiced", amounts, "amount", journal.currency)),
            negated(
                "in ledger currency", total("unbilled that is invoiced", ledgers, "amount", journal.ledger_currency)
            ),
        )

    def _listed_plan(self, listed: Listed, step: int) -> LinePlan | None:
        draft = self.sources.draft(step)
        contract = draft.contract(self.statements.contract_of(listed))
        return newest_plan(draft, contract, listed.entry.line_id) if contract is not None else None

    def _relief(self, said: Said, journal: JournalEntry, listed: Listed) -> tuple[Node, Node]:
        """The entry's issued amount, and the ledger amount that leaves with it."""
        piece = self.statements.piece(listed)
        value = self._relieved_by(listed, said.step)
        made = (
            self._remeasured_in(said, listed, piece, value) or self._carried_relief(said, journal, listed, said.step)[1]
        )
        if made is None or made.value != value:
            title = f"{listed.entry.entry_id}: leaves in ledger currency"
            made = stated(title, value, "amount", journal.ledger_currency)
        return piece, made

    def _remeasured_in(self, said: Said, listed: Listed, piece: Node, value: int) -> Node | None:
        for other in self.sources.trace.journals_of.get(listed.entry.entry_id, ()):
            if other.step == said.step and other.record.rule == f"remeasure_in/{listed.entry.line_id}":
                return self._invoice_rate(said, said.record, piece, value)
        return None

    def _relieved_by(self, listed: Listed, step: int) -> int:
        """By how much the entry's invoiced ledger amount rose at the step."""
        trace = self.sources.trace
        contract_id = self.statements.contract_of(listed)
        return _invoiced_ledger(trace.entry_at(listed.entry.entry_id, step), contract_id, listed) - _invoiced_ledger(
            trace.entry_at(listed.entry.entry_id, step - 1), contract_id, listed
        )

    def _carried_relief(
        self, said: Said, journal: JournalEntry, listed: Listed, step: int
    ) -> tuple[Node | None, Node | None]:
        """All that the entry carries where all of it is invoiced; a part in proportion; what it does not carry at the invoice's rate."""
        piece = self.statements.piece(listed)
        unbilled, in_ledger = self._balance_before(journal, listed, step)
        had, wanted = unbilled.value or 0, listed.entry.amount
        if wanted == had:
            return unbilled, in_ledger
        if not had or (had > 0) != (wanted > 0):
            return unbilled, self._invoice_rate(said, journal, piece, self._relieved_by(listed, step))
        if abs(wanted) < abs(had):
            plan = self._listed_plan(listed, step)
            mode = (plan.policies.money_mode if plan is not None else None) or "half_up"
            made = round_ratio((in_ledger.value or 0) * wanted, had, smallest_unit(journal.ledger_currency), mode)
            parameters: dict[str, Any] = {"step": step_of(journal.ledger_currency), "mode": mode}
            arithmetic = Arithmetic("proportion", (in_ledger, piece, unbilled), parameters)
            title = f"{listed.entry.entry_id}: its part"
            return unbilled, Node(title, made, "amount", journal.ledger_currency, arithmetic)
        beyond = less("beyond what is carried", piece, unbilled)
        rest = self._relieved_by(listed, step) - (in_ledger.value or 0)
        at_rate = self._invoice_rate(said, journal, beyond, rest)
        if at_rate is None:
            return unbilled, None
        title = "what is carried, and what goes beyond that"
        return unbilled, total(title, (in_ledger, at_rate), "amount", journal.ledger_currency, rule="R52")

    def _balance_before(self, journal: JournalEntry, listed: Listed, step: int) -> tuple[Node, Node]:
        """What the entry has on the account of the contract before the invoice takes this."""
        entry_id, place = listed.entry.entry_id, self._place_of(listed, step)
        before = self.sources.trace.entry_at(entry_id, step - 1)
        work = before.standing if before is not None else None
        journals = (
            *(work.journals if work is not None else ()),
            *(before.rests if before is not None else ()),
        )
        accrued = self._unbilled(journals, *place)
        earlier = [
            (self.statements.piece(one), self._relief(other, other.record, one)[1])
            for one in self.statements.all_listed(entry_id)
            if self._place_of(one, step) == place
            for other in self.sources.trace.journals_of.get(one.statement_id, ())
            if other.record.kind == "billing"
            and (other.step < step or (other.step == step and _comes_first(one, listed)))
        ]
        return (
            less(
                f"{entry_id}: unbilled",
                total("accrued", [one for one, _ in accrued], "amount", journal.currency),
                *(one for one, _ in earlier),
            ),
            less(
                f"{entry_id}: unbilled in ledger currency",
                total("accrued", [one for _, one in accrued], "amount", journal.ledger_currency),
                *(one for _, one in earlier),
            ),
        )


def _holds(node: Node | None, title: str, value: int, currency: str) -> Node:
    """The node where it says the figure, else the figure as it stands."""
    if node is None or node.value != value:
        return stated(title, value, "amount", currency)
    return node


def _signed(node: Node, value: int) -> Node:
    return node if node.value == value else negated("amount", node)


def _invoiced_ledger(entry: Entry | None, contract_id: str, listed: Listed) -> int:
    issued = issued_on(entry, contract_id, listed.entry.line_id) if entry is not None else None
    return issued.invoiced_ledger if issued is not None else 0


def _comes_first(one: Listed, other: Listed) -> bool:
    """Whether an entry's line stands before another of its lines on the same statement."""
    return one.number == other.number and one.place < other.place


def _until(journals: Iterable[Posted], journal_id: str) -> list[Posted]:
    """Those before one; all where it is not among them."""
    return list(takewhile(lambda posted: posted.journal_id != journal_id, journals))
