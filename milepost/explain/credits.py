"""What credit memos take back of each row of an invoice, and the lines of their journals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from domain.accounts import OUTPUT_TAX, RECEIVABLE, RETENTION_RECEIVABLE
from domain.events.finance import CreditMemoIssued
from domain.explanation import Node, constant, evaluated, in_proportion, least, less, negated, step_of, total
from domain.identity import composed, parts_of
from domain.ledger.journal import BILLING
from domain.ledger.position import Balance
from domain.ledger.recorded import SIDES
from domain.money import HALF_UP, round_ratio
from domain.outputs import JournalEntry, JournalLine
from domain.receivables.credit_memo import CONCESSIONS, ERROR_REBILL, CreditableRow, hourly, hours_left, is_named
from domain.units import HOURS_ONE
from milepost.explain.exchanges import at_rate, unchanged
from milepost.explain.journal_lines import JournalLines
from milepost.explain.positions import PositionNodes
from milepost.explain.sources import Sources
from milepost.explain.statements import Listed, StatementNodes
from state.books import Entry, InvoiceCredits, Receivable, StatementState
from state.handlers.credit_memos import RULE
from state.ledger.deposit_balance import is_deposit
from state.ledger.position import is_over_time
from state.terms.plan import contract_policies, newest_plan
from state.totals import issued_on
from state.trace import TracedOutput
from state.work.value_time import finer_of


class Credit(NamedTuple):
    """One row's part of a credit memo, `number` in the order of all."""

    number: int
    said: TracedOutput
    kind: str
    entry_id: str
    line_id: str

    @property
    def journal(self) -> JournalEntry:
        journal: JournalEntry = self.said.record
        return journal


class CreditNodes:
    def __init__(
        self,
        sources: Sources,
        statements: StatementNodes,
        lines: JournalLines,
        positions: PositionNodes,
    ) -> None:
        self.sources = sources
        self.statements = statements
        self.lines = lines
        self.positions = positions
        self.all = list(self._all())
        self._memo: dict[tuple[str, int], Node] = {}
        statements.credits = self
        statements.recorded.resolvers["credited"] = self._credited

    def _all(self) -> Iterator[Credit]:
        number = 0
        for said in self.sources.trace.journals.values():
            mark, _, rest = said.record.rule.partition("/")
            if mark == RULE:
                kind, _, key = rest.partition("/")
                entry_id, line_id = parts_of(key)
                yield Credit(number, said, kind, entry_id, line_id)
                number += 1

    # What is credited of a row

    def of_row(self, entry_id: str, contract_id: str, line_id: str, step: int, *kinds: str) -> list[Credit]:
        """Up to a step, of these kinds."""
        return [
            one
            for one in self.all
            if one.said.step <= step
            and one.kind in kinds
            and (one.entry_id, one.journal.contract_id, one.line_id) == (entry_id, contract_id, line_id)
        ]

    def reopened(
        self, entry_id: str, contract_id: str, line_id: str, step: int, payer: str | None = None
    ) -> list[Node]:
        """What is billed no more, since it is billed again, to any payer or to one."""
        return [self.amount(one) for one in self._reopened(entry_id, contract_id, line_id, step, payer)]

    def reopened_before(self, listed: Listed, contract_id: str, payer: str | None = None) -> list[Node]:
        """The same before a statement, which may have been made in the step of a memo."""
        entry_id, line_id, step = listed.entry.entry_id, listed.entry.line_id, listed.step
        found = self._reopened(entry_id, contract_id, line_id, step, payer)
        return [self.amount(one) for one in found if one.said.step < step or self._is_first(one, listed)]

    def _reopened(self, entry_id: str, contract_id: str, line_id: str, step: int, payer: str | None) -> list[Credit]:
        found = self.of_row(entry_id, contract_id, line_id, step, ERROR_REBILL)
        return [one for one in found if payer is None or self.payer(one) == payer]

    def _is_first(self, credit: Credit, listed: Listed) -> bool:
        """Of two outputs of one step."""
        for said in self.sources.trace.said:
            if said.record is credit.journal:
                return True
            if said.step == listed.step and getattr(said.record, "statement_id", None) == listed.statement_id:
                return False
        return False

    def returned(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """What price concessions gave back to the caps."""
        return [self.amount(one) for one in self.returning(entry_id, contract_id, line_id, step)]

    def returning(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Credit]:
        """Price concessions that gave caps and sources their room back."""
        found = self.of_row(entry_id, contract_id, line_id, step, CONCESSIONS[0])
        return [one for one in found if self.listed_plan_returns(one)]

    def payer(self, credit: Credit) -> str:
        """Whose invoice it is of."""
        return self._receivable(credit).bill_to

    def listed_plan_returns(self, credit: Credit) -> bool:
        """Policy `concession_returns_cap_room`, as it was when the memo was posted."""
        draft = self.sources.draft(credit.said.step)
        contract = draft.contract(credit.journal.contract_id or "")
        plan = newest_plan(draft, contract, credit.line_id) if contract is not None else None
        return plan is not None and bool(plan.policies.concession_returns_cap_room)

    def conceded(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """What was taken off the price."""
        found = self.of_row(entry_id, contract_id, line_id, step, *CONCESSIONS)
        return [self.amount(one) for one in found]

    def amount(self, credit: Credit) -> Node:
        """Net of tax."""
        key = ("amount", credit.number)
        if key not in self._memo:
            made = self._amount(credit)
            title = f"{credit.entry_id}: credited by {credit.journal.affected_id}"
            self._memo[key] = made._replace(title=title, id=credit.journal.journal_id)
        return self._memo[key]

    def _amount(self, credit: Credit) -> Node:
        event, rows = self._event(credit), self._rows(credit)
        mine = next(place for place, (one, _) in enumerate(rows) if self._is(one, credit))
        left = [row for _, row in rows]
        nodes = [self._left(one, credit) for one, _ in rows]
        parts: list[Node] = []
        for number, line in enumerate(event.lines):
            places = [place for place, row in enumerate(left) if is_named(row, line)]
            made = self._of_line(credit, event, number, places, left, nodes)
            for place, node, hours in made:
                left[place] = left[place].less(node.value or 0, hours)
                nodes[place] = less("left of it", nodes[place], node)
                if place == mine and node.value:
                    parts.append(node)
        return parts[0] if len(parts) == 1 else total("credited", parts, "amount", credit.journal.currency)

    def _of_line(
        self,
        credit: Credit,
        event: CreditMemoIssued,
        number: int,
        places: Sequence[int],
        left: Sequence[CreditableRow],
        nodes: Sequence[Node],
    ) -> list[tuple[int, Node, int]]:
        """By place: what a line of the memo takes, with its hours."""
        line, path, mode = event.lines[number], f"lines[{number}]", self._mode(credit)
        if line.hours is not None:
            asked = self.sources.field("hours credited", line.hours, "hours", event, f"{path}.hours")
            if line.hours >= hours_left([left[place] for place in places])[0]:
                return [(place, self._same(nodes[place], asked), left[place].hours) for place in places]
            parts = _shared(asked, [max(left[place].hours, 0) for place in places], "hours", "", "half_up")
            taken = [(left[place], nodes[place], part) for place, part in zip(places, parts, strict=True)]
            made = _at_rates(taken, credit.journal.currency, mode)
            return [(place, node, part.value or 0) for place, node, part in zip(places, made, parts, strict=True)]
        currency = credit.journal.currency
        amount = self.sources.field("amount credited", line.amount or 0, "amount", event, f"{path}.amount", currency)
        if line.amount == sum(left[place].amount for place in places):
            if len(places) == 1:
                return [(places[0], amount, left[places[0]].hours)]
            return [(place, self._same(nodes[place], amount), left[place].hours) for place in places]
        weights = [max(left[place].amount, 0) for place in places]
        shares = _shared(amount, weights, "amount", currency, mode)
        return [
            (place, part, _hours_of(left[place], part.value or 0)) for place, part in zip(places, shares, strict=True)
        ]

    def _same(self, left: Node, asked: Node) -> Node:
        """All that is left, since that is what the memo asks for."""
        return left._replace(why=(*left.why, asked))

    def _event(self, credit: Credit) -> CreditMemoIssued:
        """The memo that was posted: the event itself, or the one that waited."""
        event = self.sources.step(credit.said.step).record.event
        if isinstance(event, CreditMemoIssued):
            return event
        waiting = self.sources.trace.part_at("credit_memo", credit.journal.affected_id, credit.said.step - 1)
        for record in self.sources.trace.events:
            if isinstance(record.event, CreditMemoIssued) and waiting is not None and record.event == waiting.event:
                return record.event
        raise AssertionError(f"credit memo {credit.journal.affected_id} is in the log")

    def _rows(self, credit: Credit) -> list[tuple[Listed, CreditableRow]]:
        """What was left of the invoice's rows before the memo."""
        receivable, found = self._receivable(credit), []
        before = self.sources.trace.part_at("credits", receivable.invoice_id, credit.said.step - 1) or InvoiceCredits()
        taken = {key: (amount, hours) for key, (amount, hours, _) in before.taken.items()}
        for one in sorted(self.statements.of_statement(receivable.statement_id), key=lambda one: one.place):
            amount, hours = taken.get(_key(one), (0, 0))
            found.append((one, self._row(credit, one).less(amount, hours)))
        return found

    def _row(self, credit: Credit, listed: Listed) -> CreditableRow:
        """As billed, with what an hour of it was billed at, where that is a rate."""
        one = listed.entry
        entry = self.sources.trace.entry_at(one.entry_id, credit.said.step)
        finer = finer_of(one.hours, entry)
        return CreditableRow(
            one.entry_id, one.line_id, one.amount, one.hours, self._hourly(credit, listed, entry, finer), finer
        )

    def _hourly(self, credit: Credit, listed: Listed, entry: Entry | None, finer: int) -> int | None:
        one, currency = listed.entry, credit.journal.currency
        issued = issued_on(entry, credit.journal.contract_id or "", one.line_id) if entry is not None else None
        if issued is None:
            return None
        return hourly(one.amount, one.hours, issued.rate, issued.markup, currency, self._mode(credit), finer)

    def _left(self, listed: Listed, credit: Credit) -> Node:
        """What was left of a row before the memo."""
        piece = self.statements.piece(listed)
        before = [
            self.amount(one)
            for one in self.all
            if one.number < credit.number
            and one.journal.affected_id != credit.journal.affected_id
            and self._is(listed, one)
            and self._receivable(one).statement_id == listed.statement_id
        ]
        return less(f"{listed.entry.entry_id}: left on the invoice", piece, *before) if before else piece

    def _is(self, listed: Listed, credit: Credit) -> bool:
        return (listed.entry.entry_id, listed.entry.line_id) == (credit.entry_id, credit.line_id)

    def _receivable(self, credit: Credit) -> Receivable:
        found: Receivable = self.sources.trace.part_at("receivable", self._event(credit).invoice_id, credit.said.step)
        return found

    def listed(self, credit: Credit) -> Listed:
        of = self.statements.of_statement(self._receivable(credit).statement_id)
        return next(one for one in of if self._is(one, credit))

    def _mode(self, credit: Credit) -> str:
        contract = self.sources.draft(credit.said.step).contract(credit.journal.contract_id or "")
        return contract_policies(self.sources.draft(credit.said.step), contract).money_mode if contract else "half_up"

    # Tax

    def tax(self, credit: Credit) -> Node:
        """The row's part of the memo's tax."""
        memo = [one for one in self.all if one.journal.affected_id == credit.journal.affected_id]
        whole = self._tax_of_memo(credit, memo)
        if len(memo) == 1:
            return whole
        weights = [max(self.amount(one).value or 0, 0) for one in memo]
        parts = _shared(whole, weights, "amount", credit.journal.currency, self._mode(credit))
        return parts[next(place for place, one in enumerate(memo) if one.number == credit.number)]

    def _tax_of_memo(self, credit: Credit, memo: Sequence[Credit]) -> Node:
        event, receivable, currency = self._event(credit), self._receivable(credit), credit.journal.currency
        if event.tax_amount is not None:
            return self.sources.field("tax credited", event.tax_amount, "amount", event, "tax_amount", currency)
        of_invoice = self._invoice_line(receivable, OUTPUT_TAX, currency)
        net = total("credited", [self.amount(one) for one in memo], "amount", currency)
        earlier = [
            one
            for one in self._of_invoice(receivable)
            if one.number < memo[0].number and one.journal.affected_id != credit.journal.affected_id
        ]
        left = of_invoice
        taken = [self.tax(one) for one in earlier]
        if any(node.value for node in taken):
            left = less("tax that is not credited yet", of_invoice, *taken)
        gone = sum(self.amount(one).value or 0 for one in earlier)
        whole = less("net of the invoice", self._invoice_line(receivable, RECEIVABLE, currency), of_invoice)
        if kept := self._state(receivable).kept:
            retained = constant("retained less released", kept, "amount", currency, id=receivable.statement_id)
            whole = total("net of tax, gross of retention", (whole, retained), "amount", currency)
        if net.value == (whole.value or 0) - gone:
            return left
        mode = self._mode(credit)
        lines = [
            in_proportion("tax of the line", of_invoice, part, whole, mode, rule="R11")
            for part in self._by_line(credit, event, net)
        ]
        made = total("tax of each line", lines, "amount", currency) if len(lines) > 1 else lines[0]
        return left if (made.value or 0) > (left.value or 0) else made

    def _by_line(self, credit: Credit, event: CreditMemoIssued, net: Node) -> list[Node]:
        """What each line of the memo takes, net."""
        if len(event.lines) == 1:
            return [net]
        rows = self._rows(credit)
        left = [row for _, row in rows]
        nodes = [self._left(one, credit) for one, _ in rows]
        found = []
        for number, line in enumerate(event.lines):
            places = [place for place, row in enumerate(left) if is_named(row, line)]
            made = self._of_line(credit, event, number, places, left, nodes)
            for place, node, hours in made:
                left[place] = left[place].less(node.value or 0, hours)
                nodes[place] = less("left of it", nodes[place], node)
            found.append(total("of the line", [node for _, node, _ in made], "amount", credit.journal.currency))
        return found

    def _of_invoice(self, receivable: Receivable) -> list[Credit]:
        return [one for one in self.all if self._receivable(one).invoice_id == receivable.invoice_id]

    def _billing(self, receivable: Receivable) -> TracedOutput:
        return next(
            said
            for said in self.sources.trace.journals_of.get(receivable.statement_id, ())
            if said.record.kind == BILLING
        )

    def _invoice_line(self, receivable: Receivable, account: str, currency: str, which: int = 0) -> Node:
        """The invoice's receivable or its tax, positive; `which` 1 in ledger currency."""
        journal: JournalEntry = self._billing(receivable).record
        for number, line in enumerate(journal.lines, 1):
            if line.account == account:
                node = self.lines.figures(journal.journal_id, number)[which]
                return negated("tax of the invoice", node) if account == OUTPUT_TAX else node
        return constant("tax of the invoice", 0, "amount", currency)

    # What is retained

    @staticmethod
    def retained_in(credit: Credit) -> str | None:
        """The project of what a memo takes off what is retained; None where it takes nothing."""
        lines = (line for line in credit.journal.lines if line.account == RETENTION_RECEIVABLE)
        return next((line.project_id for line in lines), None)

    def kept_back(self, credit: Credit) -> Node:
        """The row's part of what of a memo was retained."""
        found = self._recorded(f"kept_back/{self._of(credit)}")
        return (
            found if found is not None else constant("nothing of it is retained", 0, "amount", credit.journal.currency)
        )

    def _recorded(self, address: str) -> Node | None:
        return self.statements.recorded.figure(address)

    @staticmethod
    def _of(credit: Credit) -> str:
        """The memo with the row that it credits, as the rules name them."""
        return composed(credit.journal.affected_id, credit.entry_id, credit.line_id)

    def _credited(self, memo_id: str, entry_id: str, line_id: str) -> Node | None:
        of_row = (one for one in self.all if one.journal.affected_id == memo_id)
        credit = next((one for one in of_row if (one.entry_id, one.line_id) == (entry_id, line_id)), None)
        return self.amount(credit) if credit is not None else None

    def _is_deposit(self, credit: Credit, listed: Listed) -> bool:
        draft = self.sources.draft(credit.said.step)
        contract = draft.contract(credit.journal.contract_id or "")
        entry = self.sources.trace.entry_at(listed.entry.entry_id, credit.said.step)
        issued = issued_on(entry, contract.contract_id, listed.entry.line_id) if entry and contract else None
        return contract is not None and issued is not None and is_deposit(draft, contract, issued)

    def _state(self, receivable: Receivable) -> StatementState:
        found: StatementState = self.sources.trace.part_at(
            "statement", receivable.statement_id, len(self.sources.trace.steps)
        )
        return found

    # Journals

    def line(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        credit = next(one for one in self.all if one.journal is journal)
        if line.account == RECEIVABLE:
            gross = self._gross(credit)
            return negated("amount", gross), negated("in ledger currency", self._off(credit)[1])
        if line.account == OUTPUT_TAX:
            return self.tax(credit), self._tax_ledger(credit)
        if line.account == RETENTION_RECEIVABLE:
            return negated("amount", self.kept_back(credit)), self._recorded(f"kept_back/{self._of(credit)}/ledger")
        if not line.amount:
            return constant("amount", 0, "amount", journal.currency), self.lines.rest_of_lines(journal, number)
        amount = self.amount(credit)
        if credit.kind in CONCESSIONS:
            return amount, self.back(credit)
        if credit.kind != ERROR_REBILL:
            return amount, self.lines.balancing(journal, number)[1]
        draft = self.sources.draft(said.step)
        contract = draft.contract(journal.contract_id or "")
        if line.account in SIDES and contract is not None and is_over_time(draft, contract):
            moved = self.positions.moved(said, amount, lambda rest: self._at_rate(credit, rest))
            found = moved.get(line.account)
            return found if found is not None else (None, None)
        return amount, self.back(credit)

    def _gross(self, credit: Credit) -> Node:
        tax, kept_back = self.tax(credit), self.kept_back(credit)
        parts = [self.amount(credit)]
        parts += [negated("retained", kept_back)] if kept_back.value else []
        parts += [tax] if tax.value else []
        return total("gross", parts, "amount", credit.journal.currency)

    def _at_rate(self, credit: Credit, amount: Node) -> Node:
        """At the invoice's exchange rate."""
        journal, receivable = credit.journal, self._receivable(credit)
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        billing = self._billing(receivable)
        rate = constant("the invoice's rate", receivable.exchange_rate, "exchange_rate", id=billing.record.journal_id)
        return at_rate(amount, rate, journal.ledger_currency, self._mode(credit))

    def back(self, credit: Credit) -> Node | None:
        """Ledger amount of what the invoice took, as it left (R14)."""
        return self._recorded(f"back/{self._of(credit)}")

    def _off(self, credit: Credit) -> tuple[Node, Node]:
        """What leaves the receivable, and as what: what is open as it is carried, what goes beyond that as the invoice was."""
        gross, currency = self._gross(credit), credit.journal.currency
        if currency == credit.journal.ledger_currency:
            return gross, unchanged(gross, currency)
        receivable, mode = self._receivable(credit), self._mode(credit)
        owed = [self._invoice_line(receivable, RECEIVABLE, currency, which) for which in (0, 1)]
        open_amount, open_ledger = self._open(credit, receivable, owed)
        stands, asked = open_amount.value or 0, gross.value or 0
        if asked == stands:
            return gross, open_ledger
        if 0 < asked < stands:
            return gross, in_proportion(
                "as the receivable is carried", open_ledger, gross, open_amount, mode, rule="R14"
            )
        if stands <= 0:
            return gross, in_proportion("as the invoice was", owed[1], gross, owed[0], mode, rule="R14")
        beyond = in_proportion(
            "beyond that as the invoice was", owed[1], less("beyond it", gross, open_amount), owed[0], mode, rule="R14"
        )
        return gross, total("what is open, and beyond", (open_ledger, beyond), "amount", open_ledger.currency)

    def _open(self, credit: Credit, receivable: Receivable, owed: Sequence[Node]) -> tuple[Node, Node]:
        """What of the receivable was open before, in contract and in ledger currency."""
        earlier = [one for one in self._of_invoice(receivable) if one.number < credit.number]
        journal = credit.journal
        gone: list[Balance] = [receivable.paid, receivable.written_off]
        paid = [sum(one[which] for one in gone) for which in (0, 1)]
        currencies = journal.currency, journal.ledger_currency
        amounts = [[self._gross(one) for one in earlier], [self._off(one)[1] for one in earlier]]
        found = []
        for which in (0, 1):
            others = list(amounts[which])
            if paid[which]:
                others.append(constant("paid or written off", paid[which], "amount", currencies[which]))
            found.append(less("open", owed[which], *others) if others else owed[which])
        return found[0], found[1]

    def _tax_ledger(self, credit: Credit) -> Node:
        """Its part of the invoice's tax as the ledger has it."""
        tax, currency = self.tax(credit), credit.journal.currency
        if currency == credit.journal.ledger_currency:
            return unchanged(tax, currency)
        receivable = self._receivable(credit)
        whole = [self._invoice_line(receivable, OUTPUT_TAX, currency, which) for which in (0, 1)]
        earlier = [one for one in self._of_invoice(receivable) if one.number < credit.number]
        amounts, ledgers = [self.tax(one) for one in earlier], [self._tax_ledger(one) for one in earlier]
        left = less("tax left", whole[0], *amounts) if earlier else whole[0]
        left_ledger = less("tax left in ledger currency", whole[1], *ledgers) if earlier else whole[1]
        if tax.value == left.value:
            return left_ledger
        return in_proportion("as the tax is carried", left_ledger, tax, left, self._mode(credit), rule="R14")


def _key(listed: Listed) -> str:
    return composed(listed.entry.entry_id, listed.entry.line_id)


def _hours_of(row: CreditableRow, amount: int) -> int:
    return round_ratio(row.hours * amount, row.amount, 1, HALF_UP) if row.amount and amount else 0


def _shared(whole: Node, weights: Sequence[int], unit: str, currency: str, mode: str) -> list[Node]:
    """In proportion to the weights, each the difference of two rounded sums (R12)."""
    if len(weights) == 1:
        return [whole]
    found: list[Node] = []
    before: Node | None = None
    reached, of = 0, sum(weights)
    all_of: Any = constant("left in all", of, unit, currency)
    for weight in weights:
        reached += weight
        upto = whole if reached == of else _part(whole, reached, all_of, unit, currency, mode)
        found.append(less("its part", upto, before, rule="R12") if before is not None else upto)
        before = upto
    return found


def _at_rates(taken: Sequence[tuple[CreditableRow, Node, Node]], currency: str, mode: str) -> list[Node]:
    """Of each row with what is left of it: the hours taken at the rate they were billed at, all rounded together, the cents shared."""
    parameters: dict[str, Any] = {"step": step_of(currency), "mode": mode}
    operands: list[Node] = []
    found: list[Node] = []
    upto = constant("none before", 0, "amount", currency)
    for row, left, part in taken:
        if not part.value:
            found.append(constant("none of its hours", 0, "amount", currency))
            continue
        operands += [*_worth(row, left, currency)[:1], part, *_worth(row, left, currency)[1:]]
        title, operation = ("at the billed rate", "proportion") if len(operands) == 3 else ("up to it", "proportions")
        upto = evaluated(title, operation, operands, parameters, "amount", currency, rule="R14")
        before = [node for node in found if node.value]
        made = less("its part", upto, *before, rule="R12") if before else upto
        found.append(made if (made.value or 0) <= row.amount else left)
    for place, (_, left, part) in enumerate(taken):
        cents = less("what others cannot give", upto, *found)
        room = less("what else is left of it", left, found[place])
        more = least("cents that others cannot give", [cents, room])
        if part.value and more.value:
            found[place] = total("with cents that others cannot give", [found[place], more], "amount", currency)
    return found


def _worth(row: CreditableRow, left: Node, currency: str) -> tuple[Node, Node]:
    """An amount, and the hours that come to it."""
    if row.hourly is not None:
        return constant("billed rate", row.hourly, "rate", currency), constant("an hour", HOURS_ONE, "hours")
    return left, constant("hours left on the invoice", row.hours, "hours")


def _part(whole: Node, reached: int, of: Node, unit: str, currency: str, mode: str) -> Node:
    step = "0.000001" if unit == "hours" else step_of(currency)
    part = constant("left up to it", reached, unit, currency)
    parameters: dict[str, Any] = {"step": step, "mode": mode}
    return evaluated("with those before it", "proportion", (whole, part, of), parameters, unit, currency)
