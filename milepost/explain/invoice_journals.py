"""Journals of invoices: the receivable, tax, and what leaves the unbilled balances of the entries on the statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.accounts import (
    CONTRACT_LIABILITY,
    CUSTOMER_DEPOSIT,
    EXCHANGE_DIFFERENCE,
    OUTPUT_TAX,
    RECEIVABLE,
    RETENTION_RECEIVABLE,
    REVENUE,
    UNBILLED,
)
from domain.events.finance import InvoicePosted
from domain.explanation import (
    Arithmetic,
    Node,
    agreeing,
    constant,
    in_proportion,
    less,
    negated,
    stated,
    step_of,
    total,
)
from domain.ledger.clearing import OWED, account_of, is_of_invoice
from domain.ledger.position import as_carried
from domain.money import round_ratio, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.arithmetic import in_units
from milepost.explain.entries import VersionStanding
from milepost.explain.exchanges import Exchanges, unchanged
from milepost.explain.journal_lines import JournalLines
from milepost.explain.positions import SIDES, PositionAmounts, PositionNodes
from milepost.explain.sources import Sources
from milepost.explain.statements import Listed, StatementNodes
from state.billing.payers import part_of
from state.books import Entry, Posted
from state.charges.terms_known import line_fees
from state.ledger.deposit_balance import is_deposit
from state.ledger.position import is_over_time as earns_over_time
from state.terms.plan import LinePlan, contract_policies, newest_plan
from state.totals import issued_on
from state.trace import TracedOutput, row_of

# What an invoice takes: what was accrued, the position, deposits, revenue that comes with it.
RELIEVED = (*UNBILLED, CONTRACT_LIABILITY, CUSTOMER_DEPOSIT, *REVENUE)


class BilledRevenue(NamedTuple):
    """Of one row: project and account, what its own invoices carry, what it takes back in ledger currency, and what of it is new."""

    at: tuple[str, str]
    own: Node
    back: tuple[Node, ...]
    new: Node | None


class InvoiceJournals:
    def __init__(
        self,
        sources: Sources,
        statements: StatementNodes,
        lines: JournalLines,
        exchanges: Exchanges,
        positions: PositionNodes,
    ) -> None:
        self.sources = sources
        self.statements = statements
        self.lines = lines
        self.exchanges = exchanges
        self.positions = positions
        # Filled by the nodes of credit memos, which need these.
        self.credits: Any = None
        # By statement and step.
        self._revenue: dict[tuple[str, int], dict[tuple[int, int], BilledRevenue]] = {}

    def unbilled(self, journals: Sequence[Posted], contract_id: str, account: str) -> list[tuple[Node, Node]]:
        """What journals have on an unbilled account of a contract."""
        return [
            self.lines.leg(posted, number)
            for posted in journals
            if posted.contract_id == contract_id
            for number, leg in enumerate(posted.lines, 1)
            if leg.account == account and account in UNBILLED
        ]

    def left_before(self, said: TracedOutput, posted: Sequence[Posted], account: str) -> PositionAmounts:
        """What is left on an unbilled account before one of an entry's journals: what those before it posted, less what invoices took."""
        journal: JournalEntry = said.record
        row, place = row_of(journal) or journal.affected_id, (journal.contract_id or "", account)
        accrued = self.unbilled(posted, *place)
        accrued += [
            (self.credits.amount(one), self.credits.back(one))
            for one in self.credits.rebilled(row, place[0], said.step)
            if self.place_of(self.credits.listed(one), said.step) == place and self._comes_before(one.said, said)
        ]
        taken = [
            self.relief(other, other.record, listed)
            for listed in self.statements.all_listed(row)
            if self.place_of(listed, said.step) == place
            for other in self._posted(listed.statement_id)
            if self._comes_before(other, said)
        ]
        return _left(f"{row}: left on {account}", journal, accrued, taken)

    def _comes_before(self, other: TracedOutput, said: TracedOutput) -> bool:
        if other.step != said.step:
            return other.step < said.step
        return next(one for one in self.sources.trace.said if one is other or one is said) is other

    def place_of(self, listed: Listed, step: int) -> tuple[str, str]:
        """Contract and account of what a statement lists; invoices relieve the account that it was issued on."""
        contract_id = self.statements.contract_of(listed)
        entry = self.sources.trace.entry_at(listed.entry.entry_id, step)
        issued = issued_on(entry, contract_id, listed.entry.line_id) if entry is not None else None
        return contract_id, issued.account if issued is not None else ""

    def _project_of(self, listed: Listed, step: int) -> str:
        """In which the statement has it."""
        entry = self.sources.trace.entry_at(listed.entry.entry_id, step)
        assert entry is not None, "a statement lists entries of the books"
        return self.sources.draft(step).billed_in(entry, self.statements.contract_of(listed), listed.entry.line_id)

    def remeasured(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, at: VersionStanding, number: int
    ) -> tuple[Node | None, Node | None]:
        """Policy `fx_policy: remeasure_revenue`: out at the stored rate, back at the invoice's."""
        if line.account in REVENUE:
            return self.lines.balancing(journal, number)
        way, _, line_id = journal.rule.partition("/")
        listed = self._invoiced_by(said, at.entry.entry_id, line_id)
        if listed is None:
            return None, None
        piece = self.statements.piece(listed)
        if way == "remeasure_in":
            return piece, self._invoice_rate(said, journal, piece, line.ledger_amount)
        _, taken = self._carried_relief(said, journal, listed, at.step)
        return negated("amount", piece), negated("in ledger currency", taken) if taken is not None else None

    def _invoiced_by(self, said: TracedOutput, entry_id: str, line_id: str) -> Listed | None:
        of_line = [one for one in self.statements.all_listed(entry_id) if one.entry.line_id == line_id]
        for listed in of_line:
            if any(other.step == said.step for other in self._posted(listed.statement_id)):
                return listed
        return next((one for one in reversed(of_line) if one.step <= said.step), None)

    def _posted(self, statement_id: str) -> Iterator[TracedOutput]:
        """What the books did for its invoice; of one that clears the unbilled receivable the first of the two journals."""
        steps = set()
        for said in self.sources.trace.journals_of.get(statement_id, ()):
            if is_of_invoice(said.record) and said.step not in steps:
                steps.add(said.step)
                yield said

    def billing(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        event = self._invoice(said, journal)
        if event is not None and event.clears_unbilled and line.account not in OWED and not journal.deliver:
            return self._cleared(said, journal, line, number)
        return self._booked(said, journal, line, number, event)

    def _cleared(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        """What the ERP's invoice has on an account that it clears, at its rate; cents of conversion are on the first of these lines."""
        if line.account == RETENTION_RECEIVABLE:
            amount: Node | None = self.statements.retention.moved(said, line)[0]
        else:
            pieces = [
                self._piece(one)
                for one in self._of_statement(journal.affected_id)
                if account_of(one.entry.entry_id) == line.account
                and self._project_of(one, said.step) == line.project_id
            ]
            amount = negated("amount", total("billed", pieces, "amount", journal.currency))
        if amount is None:
            return None, None
        if journal.currency != journal.ledger_currency and all(
            each.account in OWED for each in journal.lines[: number - 1]
        ):
            return amount, self.lines.rest_of_lines(journal, number)
        return amount, self._invoice_rate(said, journal, amount, line.ledger_amount)

    def left_to_deliver(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        """What the books do for the invoice on an account, less what the ERP's invoice does there by itself."""
        if line.account == EXCHANGE_DIFFERENCE:
            return constant("amount", 0, "amount", journal.currency), self.lines.rest_of_lines(journal, number)
        invoice = next((one for one in self._posted(journal.affected_id) if one.step == said.step), said)
        booked = self._booked(invoice, journal, line, number, self._invoice(said, journal))
        cleared = [
            self.lines.figures(invoice.record.journal_id, place)
            for place, each in enumerate(invoice.record.lines, 1)
            if invoice is not said and (each.account, each.project_id) == (line.account, line.project_id)
        ]
        if None in booked or not cleared:
            return booked
        amount, ledger = (
            less("beyond the invoice", had, one) for had, one in zip(booked, cleared[0], strict=True) if had is not None
        )
        return amount, ledger

    def _booked(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int, event: InvoicePosted | None
    ) -> tuple[Node | None, Node | None]:
        if line.account in RELIEVED:
            return self._relief_of_line(said, journal, line)
        if line.account == RETENTION_RECEIVABLE:
            return self.statements.retention.moved(said, line)
        if line.account == RECEIVABLE and event is not None:
            amount = self._gross(event, journal)
            return amount, self._invoice_rate(said, journal, amount, line.ledger_amount)
        if line.account == OUTPUT_TAX and event is not None:
            tax = self._tax(event, journal)
            made = self._invoice_rate(said, journal, tax, -line.ledger_amount)
            return negated("amount", tax), negated("in ledger currency", made) if made is not None else None
        if not line.amount:
            return constant("amount", 0, "amount", journal.currency), self.lines.rest_of_lines(journal, number)
        return None, None

    def _invoice(self, said: TracedOutput, journal: JournalEntry) -> InvoicePosted | None:
        """The invoice that was posted: the event itself, or the one that waited for it."""
        event = self.sources.step(said.step).record.event
        if isinstance(event, InvoicePosted):
            return event
        state = self.sources.trace.part_at("statement", journal.affected_id, said.step - 1)
        waiting = state.waiting if state is not None else None
        if waiting is None:
            opened = self.sources.trace.part_at("draft", journal.affected_id, said.step - 1)
            waiting = opened.invoice if opened is not None else None
        for record in self.sources.trace.events:
            if isinstance(record.event, InvoicePosted) and record.event == waiting:
                return record.event
        return None

    def _gross(self, event: InvoicePosted, journal: JournalEntry) -> Node:
        state = self.sources.trace.part_at("statement", journal.affected_id, len(self.sources.trace.steps))
        amount = self.sources.field("net", event.amount, "amount", event, "amount", journal.currency)
        if state is not None and state.amount_due != event.amount:
            amount = self.statements.statement(journal.affected_id)
        return total("gross", (amount, self._tax(event, journal)), "amount", journal.currency)

    def _tax(self, event: InvoicePosted, journal: JournalEntry) -> Node:
        return in_units(self.sources.field("tax", event.tax_amount, "amount", event, "tax_amount", journal.currency))

    def _invoice_rate(self, said: TracedOutput, journal: JournalEntry, amount: Node, ledger: int | None) -> Node | None:
        """The rate that the invoice states, else the table's for its date."""
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        event = self._invoice(said, journal)
        draft = self.sources.draft(said.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        contract = draft.contract(journal.contract_id or "")
        if event is None or entity is None or contract is None:
            return None
        policies = contract_policies(draft, contract)
        return self.exchanges.of_document(amount, journal, ledger, said.step, policies, event, "the invoice's rate")

    def _relief_of_line(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine
    ) -> tuple[Node | None, Node | None]:
        """What the invoice takes from each entry's unbilled balance."""
        statement = journal.affected_id
        if line.account in REVENUE and journal.currency != journal.ledger_currency:
            return self._revenue_of_line(said, journal, line)
        amounts, ledgers = [], []
        for listed in (*self.statements.of_statement(statement), *self.statements.applied_on(statement)):
            account = self.place_of(listed, said.step)[1]
            if self.is_over_time(listed, said.step):
                continue
            if account == line.account and self._project_of(listed, said.step) == line.project_id:
                amount, ledger = self.relief(said, journal, listed)
                amounts.append(amount)
                ledgers.append(ledger)
        moves = self._through_position(said, journal) if line.account in SIDES else {}
        if line.account in moves.get(line.project_id or "", {}):
            moved = moves[line.project_id or ""][line.account]
            amounts.append(negated("taken", moved.amount))
            ledgers.append(negated("taken", moved.ledger))
        return (
            negated("amount", total("unbilled that is invoiced", amounts, "amount", journal.currency)),
            negated(
                "in ledger currency", total("unbilled that is invoiced", ledgers, "amount", journal.ledger_currency)
            ),
        )

    def _revenue_of_line(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine
    ) -> tuple[Node, Node | None]:
        """What is taken back as it was invoiced, and what is new at the invoice's rate, once."""
        rows = self._billed_revenue(said, journal, journal.affected_id)
        listed = [one for one in self._of_statement(journal.affected_id) if (one.number, one.place) in rows]
        of_line = [one for one in listed if rows[one.number, one.place].at == (line.project_id, line.account)]
        billed = total("revenue that is billed", [self._piece(one) for one in of_line], "amount", journal.currency)
        parts = [node for one in of_line for node in rows[one.number, one.place].back]
        news = [new for one in of_line if (new := rows[one.number, one.place].new) is not None]
        if news:
            new = news[0] if len(news) == 1 else total("revenue that is new", news, "amount", journal.currency)
            made = self._invoice_rate(said, journal, new, None)
            if made is None:
                return negated("amount", billed), None
            parts.append(made)
        ledger = total("revenue that is billed, in ledger currency", parts, "amount", journal.ledger_currency)
        return negated("amount", billed), negated("in ledger currency", ledger)

    def is_over_time(self, listed: Listed, step: int) -> bool:
        draft = self.sources.draft(step)
        contract_id, account = self.place_of(listed, step)
        contract = draft.contract(contract_id)
        return account == CONTRACT_LIABILITY and contract is not None and earns_over_time(draft, contract)

    def _through_position(self, said: TracedOutput, journal: JournalEntry) -> dict[str, dict[str, PositionAmounts]]:
        """What is billed of lines that earn over time takes, by its net, what the others leave of the position; by project."""
        listed = self._of_statement(journal.affected_id)
        over_time = [one for one in listed if self.is_over_time(one, said.step)]
        if not over_time:
            return {}
        balances = self.positions.before(said)
        for one in listed:
            account = self.place_of(one, said.step)[1]
            if one not in over_time and account in SIDES:
                amount, ledger = self.relief(said, journal, one)
                taken = PositionAmounts(negated("taken", amount), negated("taken", ledger))
                balances = balances.after({account: taken})
        pieces: dict[str, list[Node]] = {}
        for one in over_time:
            pieces.setdefault(self._project_of(one, said.step), []).append(self._piece(one))
        billed = {project: total("billed", nodes, "amount", journal.currency) for project, nodes in pieces.items()}
        net = total("billed of what is earned over time", tuple(billed.values()), "amount", journal.currency)

        def at_rate(rest: Node) -> Node | None:
            return self._invoice_rate(said, journal, rest, None)

        legs = self.positions.legs(said, balances, negated("billed", net), at_rate)
        return self.positions.by_project(said, legs, net, billed, at_rate) if legs is not None else {}

    def _of_statement(self, statement_id: str) -> list[Listed]:
        """What is billed and what is set against it, in order."""
        found = (*self.statements.of_statement(statement_id), *self.statements.applied_on(statement_id))
        return sorted(found, key=lambda one: one.place)

    def _listed_plan(self, listed: Listed, step: int) -> LinePlan | None:
        draft = self.sources.draft(step)
        contract = draft.contract(self.statements.contract_of(listed))
        return newest_plan(draft, contract, listed.entry.line_id) if contract is not None else None

    def relief(self, said: TracedOutput, journal: JournalEntry, listed: Listed) -> tuple[Node, Node]:
        """The entry's issued amount, and the ledger amount that leaves with it."""
        piece = self._piece(listed)
        value = self._relieved_by(listed, said.step)
        made = (
            self._remeasured_in(said, listed, piece, value) or self._carried_relief(said, journal, listed, said.step)[1]
        )
        if made is not None and self._is_twice(listed):
            return piece, made
        title = f"{listed.entry.entry_id}: leaves in ledger currency"
        made = agreeing(made, stated(title, value, "amount", journal.ledger_currency))
        return piece, made

    def _piece(self, listed: Listed) -> Node:
        return self.statements.piece(listed) if listed.line is not None else self.statements.applied(listed)

    def _remeasured_in(self, said: TracedOutput, listed: Listed, piece: Node, value: int) -> Node | None:
        for other in self.sources.trace.journals_of.get(listed.entry.entry_id, ()):
            if other.step == said.step and other.record.rule == f"remeasure_in/{listed.entry.line_id}":
                return self._invoice_rate(said, said.record, piece, value)
        return None

    def _is_twice(self, listed: Listed) -> bool:
        """Whether the statement bills the row, of a deposit, and has it set against it: what its invoice takes is of both."""
        whose = (listed.entry.entry_id, listed.entry.line_id)
        on_statement = self._of_statement(listed.statement_id)
        return sum((one.entry.entry_id, one.entry.line_id) == whose for one in on_statement) > 1

    def _relieved_by(self, listed: Listed, step: int) -> int:
        """By how much the entry's invoiced ledger amount rose at the step."""
        trace = self.sources.trace
        contract_id, payer = self.statements.contract_of(listed), self.statements.payer_of(listed)
        now, before = (trace.entry_at(listed.entry.entry_id, at) for at in (step, step - 1))
        rose = _invoiced_ledger(now, contract_id, listed, payer) - _invoiced_ledger(before, contract_id, listed, payer)
        put_back: int = self.credits.put_back_at(listed, contract_id, payer, step)
        return rose + put_back

    def _carried_relief(
        self, said: TracedOutput, journal: JournalEntry, listed: Listed, step: int
    ) -> tuple[Node | None, Node | None]:
        """All that the entry carries where all of it is invoiced; a part in proportion; what it does not carry at the invoice's rate."""
        piece = self._piece(listed)
        shared = self._shared(said, journal, listed, step)
        if shared is not None:
            return shared
        unbilled, in_ledger = self._balance_before(journal, listed, step)
        had, wanted = unbilled.value or 0, listed.entry.amount
        if wanted == had:
            return unbilled, in_ledger
        as_accrued = self._as_accrued(journal, listed, step, (unbilled, in_ledger))
        if as_accrued is not None:
            return unbilled, as_accrued
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

    def _as_accrued(self, journal: JournalEntry, listed: Listed, step: int, left: tuple[Node, Node]) -> Node | None:
        """Where several pay and the entry has less left than one is invoiced: in proportion to all that was accrued of it."""
        contract_id, account = place = self.place_of(listed, step)
        before = self.sources.trace.entry_at(listed.entry.entry_id, step - 1)
        issued = issued_on(before, contract_id, listed.entry.line_id) if before is not None else None
        had, wanted = left[0].value or 0, listed.entry.amount
        if before is None or issued is None or not issued.payers or account not in UNBILLED:
            return None
        if had and (had > 0) == (wanted > 0) and abs(wanted) <= abs(had):
            return None
        journals = (*(before.standing.journals if before.standing is not None else ()), *before.rests)
        accrued = self.unbilled(journals, *place)
        whole = total("accrued", [one for one, _ in accrued], "amount", journal.currency)
        ledger = total("accrued in ledger currency", [one for _, one in accrued], "amount", journal.ledger_currency)
        if not whole.value:
            whole, ledger = left
        if not whole.value:
            return None
        title = f"{listed.entry.entry_id}: as what was accrued is carried"
        return in_proportion(title, ledger, self._piece(listed), whole, self._mode_of(listed, step), rule="R52")

    def _shared(
        self, said: TracedOutput, journal: JournalEntry, listed: Listed, step: int
    ) -> tuple[Node | None, Node | None] | None:
        """A deposit, and revenue in another currency: what leaves is carried by all rows of the line."""
        draft = self.sources.draft(step)
        contract_id, account = self.place_of(listed, step)
        contract, entry = draft.contract(contract_id), self.sources.trace.entry_at(listed.entry.entry_id, step)
        issued = issued_on(entry, contract_id, listed.entry.line_id) if entry is not None else None
        if contract is None or issued is None:
            return None
        piece, mode = self._piece(listed), self._mode_of(listed, step)
        if is_deposit(draft, contract, issued):
            rows = line_fees(draft, contract, listed.entry.line_id).rows
            had = self._carried_by(journal, listed, step, rows, same_statement=True)
            return had.amount, self.left_as_carried(said, journal, piece, had, mode)
        if account not in REVENUE or journal.currency == journal.ledger_currency:
            return None
        billed = self._billed_revenue(said, journal, listed.statement_id)
        row = billed[listed.number, listed.place]
        added = self._added(said, journal, listed, billed)
        if row.new is not None and added is None:
            return row.own, None
        title = "as its invoices and those of its line carry it"
        parts = row.back if added is None else (*row.back, added)
        return row.own, total(title, parts, "amount", journal.ledger_currency, rule="R52")

    def _added(
        self, said: TracedOutput, journal: JournalEntry, listed: Listed, rows: Mapping[tuple[int, int], BilledRevenue]
    ) -> Node | None:
        """What a row adds to revenue that a line of the journal converts once: with it, less what those before it come to."""
        row = rows[listed.number, listed.place]
        if row.new is None:
            return None
        own = self._invoice_rate(said, journal, row.new, None)
        before = [
            one.new
            for place, one in rows.items()
            if place < (listed.number, listed.place) and one.at == row.at and one.new is not None
        ]
        if not before or own is None:
            return own
        so_far = total("revenue of the line before it", before, "amount", journal.currency)
        up_to = total("revenue of the line up to it", (*before, row.new), "amount", journal.currency)
        less_it = self._invoice_rate(said, journal, so_far, None)
        with_it = self._invoice_rate(said, journal, up_to, None)
        if less_it is None or with_it is None:
            return None
        return less("what it adds to the line, which is converted once", with_it, less_it, rule="R12")

    def _billed_revenue(
        self, said: TracedOutput, journal: JournalEntry, statement_id: str
    ) -> Mapping[tuple[int, int], BilledRevenue]:
        """What an invoice in another currency does to revenue as billed, row by row: a credit takes what those before it leave."""
        key = (statement_id, said.step)
        if key not in self._revenue:
            found = self._revenue[key] = {}
            left: dict[tuple[str, str], PositionAmounts] = {}
            for listed in self._of_statement(statement_id):
                if self.place_of(listed, said.step)[1] in REVENUE:
                    found[listed.number, listed.place] = self._revenue_of(said, journal, listed, left)
        return self._revenue[key]

    def _revenue_of(
        self, said: TracedOutput, journal: JournalEntry, listed: Listed, left: dict[tuple[str, str], PositionAmounts]
    ) -> BilledRevenue:
        """`left` is what the credits before it leave of what the other rows of each line were invoiced."""
        piece, step, mode = self._piece(listed), said.step, self._mode_of(listed, said.step)
        _, account = self.place_of(listed, step)
        at = self._project_of(listed, step), account
        own = self._carried_by(journal, listed, step, (listed.entry.entry_id,), same_statement=False)
        from_own = _within(piece, own.amount)
        back = [] if from_own is None else [self.left_as_carried(said, journal, from_own, own, mode) or own.ledger]
        if from_own is piece:
            return BilledRevenue(at, own.amount, tuple(back), None)
        rest = less("beyond what its own invoices carry", piece, own.amount) if from_own is not None else piece
        line = listed.entry.line_id, account
        if line not in left:
            rows = [row for row in sorted(self.sources.trace.entry_ids()) if row != listed.entry.entry_id]
            left[line] = self._carried_by(journal, listed, step, rows, same_statement=False)
        others = left[line]
        beside = _within(rest, others.amount)
        if beside is not None:
            taken = self.left_as_carried(said, journal, beside, others, mode) or others.ledger
            back.append(taken)
            left[line] = PositionAmounts(
                less("left of it", others.amount, beside), less("left of it", others.ledger, taken)
            )
            rest = less("beyond what the line's invoices carry", rest, beside)
        return BilledRevenue(at, own.amount, tuple(back), rest if rest.value else None)

    def left_as_carried(
        self, said: TracedOutput, journal: JournalEntry, piece: Node, had: PositionAmounts, mode: str
    ) -> Node | None:
        return as_carried(
            piece, had.amount, had.ledger, mode, lambda beyond: self._invoice_rate(said, journal, beyond, None)
        )

    def _carried_by(
        self, journal: JournalEntry, listed: Listed, step: int, rows: Iterable[str], *, same_statement: bool
    ) -> PositionAmounts:
        """What rows of a line have on the account before the invoice takes this, debit positive."""
        contract_id, account = place = self.place_of(listed, step)
        line_id, trace = listed.entry.line_id, self.sources.trace
        accrued: list[tuple[Node, Node]] = []
        invoiced: list[tuple[Node, Node]] = []
        for row in rows:
            before = trace.entry_at(row, step - 1)
            work = before.standing if before is not None else None
            if account not in REVENUE:
                accrued += [
                    self.lines.leg(posted, number)
                    for posted in (work.journals if work is not None else ())
                    for number, leg in enumerate(posted.lines, 1)
                    if posted.contract_id == contract_id and leg.account == account
                ]
            accrued += self._given_back(row, place, step, line_id)
            invoiced += [
                (self._piece(one), self.relief(other, other.record, one)[1])
                for one in (*self.statements.all_listed(row), *self.statements.all_applied(row))
                if one.entry.line_id == line_id and self.place_of(one, step) == place
                if same_statement or row != listed.entry.entry_id or self._has_payer_of(one, listed)
                for other in self._posted(one.statement_id)
                if other.step < step or (same_statement and other.step == step and _comes_first(one, listed))
            ]
        return _left(f"{line_id}: carried on {account}", journal, accrued, invoiced)

    def _given_back(
        self, entry_id: str, place: tuple[str, str], step: int, line_id: str | None = None
    ) -> list[tuple[Node, Node]]:
        """What credit memos put back on an account of the contract before the step."""
        return [
            (self.credits.amount(one), self.credits.back(one))
            for one in self.credits.rebilled(entry_id, place[0], step - 1, line_id)
            if self.place_of(self.credits.listed(one), step) == place
        ]

    def _has_payer_of(self, one: Listed, other: Listed) -> bool:
        return self.statements.payer_of(one) == self.statements.payer_of(other)

    def _mode_of(self, listed: Listed, step: int) -> str:
        plan = self._listed_plan(listed, step)
        return (plan.policies.money_mode if plan is not None else None) or "half_up"

    def _balance_before(self, journal: JournalEntry, listed: Listed, step: int) -> PositionAmounts:
        """What the entry has on the account of the contract before the invoice takes this."""
        entry_id, place = listed.entry.entry_id, self.place_of(listed, step)
        before = self.sources.trace.entry_at(entry_id, step - 1)
        work = before.standing if before is not None else None
        journals = (
            *(work.journals if work is not None else ()),
            *(before.rests if before is not None else ()),
        )
        accrued = [*self.unbilled(journals, *place), *self._given_back(entry_id, place, step)]
        earlier = [
            (self._piece(one), self.relief(other, other.record, one)[1])
            for one in (*self.statements.all_listed(entry_id), *self.statements.all_applied(entry_id))
            if self.place_of(one, step) == place
            for other in self._posted(one.statement_id)
            if other.step < step or (other.step == step and _comes_first(one, listed))
        ]
        return _left(f"{entry_id}: unbilled", journal, accrued, earlier)


def _left(
    title: str, journal: JournalEntry, accrued: Sequence[tuple[Node, Node]], taken: Sequence[tuple[Node, Node]]
) -> PositionAmounts:
    """What was accrued less what was taken, in the journal's currency and in the ledger's."""
    return PositionAmounts(
        less(
            title,
            total("accrued", [one for one, _ in accrued], "amount", journal.currency),
            *(one for one, _ in taken),
        ),
        less(
            f"{title} in ledger currency",
            total("accrued", [one for _, one in accrued], "amount", journal.ledger_currency),
            *(one for _, one in taken),
        ),
    )


def _within(piece: Node, had: Node) -> Node | None:
    """As much of it as there is, if it is on the same side."""
    if not had.value or not piece.value or (had.value > 0) != (piece.value > 0):
        return None
    return had if abs(had.value) < abs(piece.value) else piece


def _invoiced_ledger(entry: Entry | None, contract_id: str, listed: Listed, payer: str) -> int:
    issued = issued_on(entry, contract_id, listed.entry.line_id) if entry is not None else None
    return part_of(issued, payer).invoiced_ledger if issued is not None else 0


def _comes_first(one: Listed, other: Listed) -> bool:
    """Whether an entry's line stands before another of its lines on the same statement."""
    return one.number == other.number and one.place < other.place
