"""What customers owe of an invoice, as journals so far have it, and the journals that take it: payments and write-offs."""

from __future__ import annotations

from typing import NamedTuple

from domain.accounts import BAD_DEBT, BANK, EXCHANGE_DIFFERENCE, RECEIVABLE, UNAPPLIED_CASH
from domain.events.finance import CreditMemoIssued, PaymentReceived
from domain.explanation import Arithmetic, Node, constant, less, negated, total
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.arithmetic import in_proportion
from milepost.explain.exchanges import Exchanges, unchanged
from milepost.explain.journal_lines import JournalLines
from milepost.explain.sources import Sources
from state.books import Payment, Receivable, WriteOff
from state.known import entity_policies
from state.plan import contract_policies
from state.trace import Said

OWNED = ("payment", "write_off")
CREDIT_MEMO = "credit_memo"


class Figures(NamedTuple):
    """In the invoice's and in ledger currency."""

    amount: Node
    ledger: Node


class ReceivableNodes:
    def __init__(self, sources: Sources, lines: JournalLines, exchanges: Exchanges) -> None:
        self.sources = sources
        self.lines = lines
        self.exchanges = exchanges
        self._taken: dict[tuple[str, int], Figures] = {}

    def figures(
        self, said: Said, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        """Of one line of a payment's or a write-off's journal, debit positive."""
        if line.account == EXCHANGE_DIFFERENCE:
            return constant("amount", 0, "amount", journal.currency), self.lines.rest_of_lines(journal, number)
        if journal.affected_kind == "write_off":
            taken = self._written_off(said, journal)
            if taken is None or line.account == BAD_DEBT:
                return taken if taken is not None else (None, None)
            return negated("amount", taken.amount), negated("in ledger currency", taken.ledger)
        payment = self._payment(journal.affected_id, said.step)
        if payment is None or payment.event is None:
            return None, None
        if line.account == RECEIVABLE:
            return self._applied(said, journal, number, payment)
        if line.account == BANK:
            cash = self._cash(journal, payment.event, number)
            return cash, self._at_rate(said, journal, payment.event, cash, line.ledger_amount)
        if line.account == UNAPPLIED_CASH:
            left = self._unapplied(journal, payment, payment.event)
            made = self._at_rate(said, journal, payment.event, left, -line.ledger_amount)
            return negated("amount", left), negated("in ledger currency", made) if made is not None else None
        return None, None

    # Payments

    def _payment(self, payment_id: str, step: int) -> Payment | None:
        found: Payment | None = self.sources.trace.part_at("payment", payment_id, step)
        return found

    def _cash(self, journal: JournalEntry, event: PaymentReceived, number: int) -> Node:
        """All that was paid; where the payment has several journals, what this one applies and leaves."""
        if journal.lines[number - 1].amount == event.amount:
            return self.sources.field("paid", event.amount, "amount", event, "amount", journal.currency)
        parts = [
            negated(
                "applied" if line.account == RECEIVABLE else "not applied",
                self.lines.figures(journal.journal_id, place)[0],
            )
            for place, line in enumerate(journal.lines, 1)
            if line.account in (RECEIVABLE, UNAPPLIED_CASH)
        ]
        return total("what this journal has of the payment", parts, "amount", journal.currency)

    def _unapplied(self, journal: JournalEntry, payment: Payment, event: PaymentReceived) -> Node:
        paid = self.sources.field("paid", event.amount, "amount", event, "amount", journal.currency)
        others = [
            self._field(event, place)
            for place, each in enumerate(event.applications)
            if payment.own is not None and each.invoice_id not in payment.own
        ]
        own = [self.taken(event.payment_id, place).amount for place in range(len(payment.applied))]
        if payment.own is not None and event.applications[0].invoice_id not in payment.own:
            # What else is left is in the engagement of the first application.
            named = (place for place, each in enumerate(event.applications) if each.invoice_id in payment.own)
            stated = total("applied", [self._field(event, place) for place in named], "amount", journal.currency)
            return less("does not fit", stated, *own)
        return less("not applied", paid, *own, *others) if own or others else paid

    def _applied(
        self, said: Said, journal: JournalEntry, number: int, payment: Payment
    ) -> tuple[Node | None, Node | None]:
        """Each application has a line, in order, among those of its project."""
        line = journal.lines[number - 1]
        before = sum(
            one.account == RECEIVABLE and one.project_id == line.project_id for one in journal.lines[: number - 1]
        )
        places = [
            place
            for place, (invoice_id, _, _) in enumerate(payment.applied)
            if self._stands_in(invoice_id, said.step) == (journal.contract_id, line.project_id or "")
        ]
        if before >= len(places):
            return None, None
        found = self.taken(journal.affected_id, places[before])
        return negated("amount", found.amount), negated("in ledger currency", found.ledger)

    def _stands_in(self, invoice_id: str, step: int) -> tuple[str, str]:
        known: Receivable | None = self.sources.trace.part_at("receivable", invoice_id, step)
        return (known.contract_id, known.project_id) if known is not None else ("", "")

    def taken(self, payment_id: str, place: int) -> Figures:
        """What the payment took of an invoice by one of its applications, by its place among those that fit."""
        key = (payment_id, place)
        if key not in self._taken:
            journals = self.sources.trace.journals_of[payment_id]
            said = next(one for one in journals if one.record.affected_kind == "payment" and not one.record.reverses)
            payment = self._payment(payment_id, said.step)
            assert payment is not None, "its journal was posted"
            assert payment.event is not None, "its journal was posted"
            invoice_id, amount, _ = payment.applied[place]
            owed = self.owed(invoice_id, said, (payment_id, place))
            applied = self._application(payment, payment.event, place)
            if applied is None:
                applied = Node(
                    "as much as is open", amount, "amount", owed.amount.currency, Arithmetic("same", (owed.amount,))
                )
            self._taken[key] = Figures(applied, self._left(said, invoice_id, applied, owed))
        return self._taken[key]

    def _application(self, payment: Payment, event: PaymentReceived, wanted: int) -> Node | None:
        """The field that says it; None where only a part of what is stated fits."""
        left = list(range(len(event.applications)))
        for place, (invoice_id, amount, _) in enumerate(payment.applied):
            fields = (one for one in left if event.applications[one] == (invoice_id, amount))
            found = next(fields, None)
            if found is not None:
                left.remove(found)
            if place == wanted:
                return self._field(event, found) if found is not None else None
        return None

    def _field(self, event: PaymentReceived, place: int) -> Node:
        one = event.applications[place]
        title = f"applied to invoice {one.invoice_id}"
        return self.sources.field(title, one.amount, "amount", event, f"applications[{place}].amount", event.currency)

    def _left(self, said: Said, invoice_id: str, piece: Node, owed: Figures) -> Node:
        """The ledger amount of a part: all that is carried, or in proportion to it."""
        if piece.value == owed.amount.value:
            return owed.ledger
        draft = self.sources.draft(said.step)
        known: Receivable = draft.part("receivable", invoice_id)
        contract = draft.contract(known.contract_id)
        mode = contract_policies(draft, contract).money_mode if contract is not None else "half_up"
        return in_proportion(f"invoice {invoice_id}: its part", owed.ledger, piece, owed.amount, mode, rule="R56")

    def _at_rate(
        self, said: Said, journal: JournalEntry, event: PaymentReceived, amount: Node, ledger: int
    ) -> Node | None:
        """The rate that the bank states, else the table's for the day."""
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        draft = self.sources.draft(said.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        contract = draft.contract(journal.contract_id or "")
        policies = contract_policies(draft, contract) if contract is not None else entity_policies(draft, entity)
        return self.exchanges.of_document(amount, journal, ledger, said.step, policies, event, "the bank's rate")

    # Write-offs

    def _written_off(self, said: Said, journal: JournalEntry) -> Figures | None:
        known: WriteOff | None = self.sources.trace.part_at("write_off", journal.affected_id, said.step)
        if known is None or known.event.invoice_id is None:
            return None
        event, invoice_id = known.event, known.event.invoice_id or ""
        amount = self.sources.field("given up", event.amount, "amount", event, "amount", journal.currency)
        return Figures(amount, self._left(said, invoice_id, amount, self.owed(invoice_id, said)))

    # What is owed

    def owed(self, invoice_id: str, said: Said, until: tuple[str, int] | None = None) -> Figures:
        """Of an invoice before an output, or before one of a payment's applications."""
        trace = self.sources.trace
        last = said.step
        known: Receivable | None = trace.part_at("receivable", invoice_id, last)
        assert known is not None, "the invoice is posted"
        charged: list[Figures] = []
        gone: list[Figures] = []
        for other in trace.said:
            journal = other.record
            if until is None and journal is said.record:
                break
            if not isinstance(journal, JournalEntry):
                continue
            if other.step > last:
                break
            own = until is not None and journal.affected_id == until[0] and not journal.reverses
            if journal.affected_kind == "statement" and journal.affected_id == known.statement_id:
                charged += self._on_receivable(journal)
            elif journal.affected_kind == "payment":
                taken = self._of_payment(
                    journal, other.step, invoice_id, until[1] if own and until is not None else None
                )
                (charged if journal.reverses else gone).extend(taken)
                if own and journal.contract_id == known.contract_id:
                    break
            elif self._is_about(journal, invoice_id, other.step):
                gone += [
                    Figures(negated("taken", one.amount), negated("taken", one.ledger))
                    for one in self._on_receivable(journal)
                ]
        title = f"invoice {invoice_id}: open"
        return Figures(
            less(
                title,
                total("charged", [one.amount for one in charged], "amount", known.currency),
                *(one.amount for one in gone),
            ),
            less(
                f"{title}, in ledger currency",
                total("charged", [one.ledger for one in charged], "amount", known.ledger_currency),
                *(one.ledger for one in gone),
            ),
        )

    def _of_payment(self, journal: JournalEntry, step: int, invoice_id: str, before: int | None) -> list[Figures]:
        """What a payment's journal took of the invoice, by its applications before one of them where that is named."""
        payment = self._payment(journal.affected_id, step)
        if payment is None:
            return []
        places = range(len(payment.applied)) if before is None else range(before)
        return [
            self.taken(journal.affected_id, place)
            for place in places
            if payment.applied[place][0] == invoice_id and self._stands_in(invoice_id, step)[0] == journal.contract_id
        ]

    def _is_about(self, journal: JournalEntry, invoice_id: str, step: int) -> bool:
        """Whether it is a write-off or a credit of the invoice."""
        if journal.affected_kind == "write_off":
            known: WriteOff | None = self.sources.trace.part_at("write_off", journal.affected_id, step)
            return known is not None and known.event.invoice_id == invoice_id
        return journal.affected_kind == CREDIT_MEMO and any(
            isinstance(record.event, CreditMemoIssued)
            and record.event.credit_memo_id == journal.affected_id
            and record.event.invoice_id == invoice_id
            for record in self.sources.trace.events
        )

    def _on_receivable(self, journal: JournalEntry) -> list[Figures]:
        return [self.leg(journal, number) for number, line in enumerate(journal.lines, 1) if line.account == RECEIVABLE]

    def leg(self, journal: JournalEntry, number: int) -> Figures:
        """A line of another journal, with its name."""
        whose, line = f"{journal.journal_id}#{number}", journal.lines[number - 1]
        title = f"journal line {whose}"
        if self.sources.are_many:
            return Figures(
                self.sources.figure(f"{whose}/amount", title, line.amount, journal.currency),
                self.sources.figure(f"{whose}/ledger", title, line.ledger_amount, journal.ledger_currency),
            )
        amount, ledger = self.lines.figures(journal.journal_id, number)
        return Figures(
            Node(title, amount.value, "amount", amount.currency, Arithmetic("same", (amount,)), id=whose),
            Node(title, ledger.value, "amount", ledger.currency, Arithmetic("same", (ledger,)), id=whose),
        )

    def on_project(self, project_id: str, contract_id: str, step: int, purpose: str | None = None) -> list[Node]:
        """Lines on 1100 of a contract in a project up to a step, of one purpose or all."""
        return [
            self.leg(said.record, number).amount
            for said in self.sources.trace.said
            if said.step <= step and isinstance(said.record, JournalEntry) and said.record.contract_id == contract_id
            for number, line in enumerate(said.record.lines, 1)
            if line.account == RECEIVABLE and (line.project_id or "") == project_id and purpose in (None, line.purpose)
        ]
