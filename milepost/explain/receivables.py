"""What customers owe of an invoice, as journals so far have it, and the journals that take it: payments and write-offs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from domain.accounts import BAD_DEBT, BANK, EXCHANGE_DIFFERENCE, RECEIVABLE, UNAPPLIED_CASH
from domain.events.finance import CreditMemoIssued, PaymentApplied, PaymentReceived
from domain.explanation import Arithmetic, Node, constant, in_proportion, less, negated, total
from domain.identity import returned_cash
from domain.outputs import ExceptionRaised, JournalEntry, JournalLine
from milepost.explain.arithmetic import in_units
from milepost.explain.exchanges import Exchanges
from milepost.explain.journal_lines import JournalLines
from milepost.explain.sources import Sources
from state.books import BroughtForward, CashApplication, Payment, Receivable, WriteOff
from state.opening.billed import PAID as SETTLED
from state.receivables.cash_record import OPEN_FOR, SETTLED_FOR, UNAPPLIED_FOR, fits_at
from state.receivables.receivables import within
from state.terms.known import entity_policies
from state.terms.opening import KIND as BROUGHT_FORWARD
from state.terms.plan import contract_policies
from state.trace import Said, TracedOutput

PAYMENT = "payment"
APPLICATION = "payment_application"
PAID = (PAYMENT, APPLICATION)
OWNED = (*PAID, "write_off")
CREDIT_MEMO = "credit_memo"


# One of the applications of a payment, or of what was applied of it later: kind, id, and place among those that fit.
Place = tuple[str, str, int]
Posted = Payment | CashApplication


class ReceivableAmounts(NamedTuple):
    """In the invoice's and in ledger currency."""

    amount: Node
    ledger: Node


class ReceivableNodes:
    def __init__(self, sources: Sources, lines: JournalLines, exchanges: Exchanges) -> None:
        self.sources = sources
        self.lines = lines
        self.exchanges = exchanges
        self._taken: dict[Place, ReceivableAmounts] = {}
        lines.recorded.resolvers |= {
            OPEN_FOR: self._open_for,
            SETTLED_FOR: self._settled_for,
            UNAPPLIED_FOR: self._unapplied_for,
        }

    def figures(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        """Of one line of a payment's or a write-off's journal, debit positive."""
        if line.account == EXCHANGE_DIFFERENCE:
            return constant("amount", 0, "amount", journal.currency), self.lines.rest_of_lines(journal, number)
        if journal.affected_kind == "write_off":
            taken = self._written_off(said, journal)
            if taken is None or line.account == BAD_DEBT:
                return taken if taken is not None else (None, None)
            return negated("amount", taken.amount), negated("in ledger currency", taken.ledger)
        posted = self._posted(journal.affected_kind, journal.affected_id, said.step)
        if posted is None or posted.event is None:
            return None, None
        if line.account == RECEIVABLE:
            return self._applied(said, journal, number, posted)
        if isinstance(posted, CashApplication):
            return self._cash_applied(said, journal, posted) if line.account == UNAPPLIED_CASH else (None, None)
        return self._cash_received(said, journal, number, posted, posted.event)

    # Payments

    def _posted(self, kind: str, affected_id: str, step: int) -> Posted | None:
        found: Posted | None = self.sources.trace.part_at(kind, affected_id, step)
        return found

    def _cash_received(
        self, said: TracedOutput, journal: JournalEntry, number: int, payment: Payment, event: PaymentReceived
    ) -> tuple[Node | None, Node | None]:
        line = journal.lines[number - 1]
        if line.account == BANK:
            cash = self._cash(journal, event, number)
            return cash, self._at_rate(said, journal, cash)
        if line.account == UNAPPLIED_CASH:
            left = self._unapplied(journal, payment, event)
            made = self._at_rate(said, journal, left)
            return negated("amount", left), negated("in ledger currency", made) if made is not None else None
        return None, None

    def _cash(self, journal: JournalEntry, event: PaymentReceived, number: int) -> Node:
        """All that was paid; where the payment has several journals, what this one applies and leaves."""
        paid = self._paid(event)
        if journal.lines[number - 1].amount == paid.value:
            return paid
        parts = [
            negated(
                "applied" if line.account == RECEIVABLE else "not applied",
                self.lines.figures(journal.journal_id, place)[0],
            )
            for place, line in enumerate(journal.lines, 1)
            if line.account in (RECEIVABLE, UNAPPLIED_CASH)
        ]
        return total("what this journal has of the payment", parts, "amount", journal.currency)

    def _paid(self, event: PaymentReceived) -> Node:
        return in_units(self.sources.field("paid", event.amount, "amount", event, "amount", event.currency))

    def _unapplied(self, journal: JournalEntry, payment: Payment, event: PaymentReceived) -> Node:
        paid = self._paid(event)
        others = [
            self._field(event, place)
            for place, each in enumerate(event.applications)
            if payment.own is not None and each.invoice_id not in payment.own
        ]
        own = [self.taken((PAYMENT, event.payment_id, place)).amount for place in range(len(payment.applied))]
        if payment.own is not None and event.applications[0].invoice_id not in payment.own:
            # What else is left is in the engagement of the first application.
            named = (place for place, each in enumerate(event.applications) if each.invoice_id in payment.own)
            stated = total("applied", [self._field(event, place) for place in named], "amount", journal.currency)
            return less("does not fit", stated, *own)
        return less("not applied", paid, *own, *others) if own or others else paid

    def _applied(
        self, said: TracedOutput, journal: JournalEntry, number: int, payment: Posted
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
        found = self.taken((journal.affected_kind, journal.affected_id, places[before]))
        return negated("amount", found.amount), negated("in ledger currency", found.ledger)

    def _stands_in(self, invoice_id: str, step: int) -> tuple[str, str]:
        known: Receivable | None = self.sources.trace.part_at("receivable", invoice_id, step)
        return (known.contract_id, known.project_id) if known is not None else ("", "")

    def taken(self, which: Place) -> ReceivableAmounts:
        """What was taken of an invoice by one of the applications that fit; below zero what was taken off it."""
        if which not in self._taken:
            kind, affected_id, place = which
            journals = self.sources.trace.journals_of[affected_id]
            said = next(one for one in journals if one.record.affected_kind == kind and not one.record.reverses)
            posted = self._posted(kind, affected_id, said.step)
            assert posted is not None, "its journal was posted"
            invoice_id, amount, _ = posted.applied[place]
            of = self.owed(invoice_id, said, which)
            if isinstance(posted, CashApplication) and self._is_taken_off(invoice_id, amount, said.step):
                of = self.settled(posted.event, invoice_id, said, place)
            if isinstance(posted, CashApplication) and returned_cash(affected_id) is not None:
                applied = self._overpaid(said, which, of.amount)
            else:
                applied = self.lines.recorded.known(fits_at(*which))
            self._taken[which] = ReceivableAmounts(applied, self._left(said, invoice_id, applied, of))
        return self._taken[which]

    # What there was before cash was applied, or before it began to wait

    def _before(self, kind: str, affected_id: str, step: int) -> TracedOutput:
        for said in self.sources.trace.said_in(step):
            record = said.record
            is_posted = isinstance(record, JournalEntry) and not record.reverses
            about = (record.affected_kind, record.affected_id) if is_posted else ()
            if isinstance(record, ExceptionRaised):
                about = record.subject_kind, record.subject_id
            if about == (kind, affected_id):
                return said
        return Said(step, None)

    def _open_for(self, kind: str, affected_id: str, invoice_id: str, step: str) -> Node:
        """Before the first application to the invoice."""
        said = self._before(kind, affected_id, int(step))
        if isinstance(said.record, JournalEntry):
            posted = self._posted(kind, affected_id, said.step)
            applied = posted.applied if posted is not None else ()
            places = (place for place, (named, _, _) in enumerate(applied) if named == invoice_id)
            return self.owed(invoice_id, said, (kind, affected_id, next(places, 0))).amount
        return self.owed(invoice_id, said).amount

    def _settled_for(self, application_id: str, invoice_id: str, step: str) -> Node:
        said = self._before(APPLICATION, application_id, int(step))
        event = self._posted(APPLICATION, application_id, said.step)
        assert isinstance(event, CashApplication), "it is in the books"
        return self.settled(event.event, invoice_id, said).amount

    def _unapplied_for(self, payment_id: str, application_id: str, legal_entity_id: str, step: str) -> Node:
        said = self._before(APPLICATION, application_id, int(step))
        left = self.on_account(said, payment_id, legal_entity_id).amount
        before = Said(said.step - 1, said.record)
        others = self.elsewhere(self.sources.trace.part_at(PAYMENT, payment_id, before.step), before)
        return less("unapplied", left, *others) if others else left

    def _overpaid(self, said: TracedOutput, which: Place, settled: Node) -> Node:
        """What was paid beyond an invoice that balances restate, less what was beyond it before; at most all that the payment settled."""
        invoice_id = self._invoice_of(which[1], said.step, which[2])
        owed = self.owed(invoice_id, said, which).amount
        first = self.sources.trace.said_in(said.step)[0]
        before = self.owed(invoice_id, Said(said.step - 1, first.record)).amount
        title = "paid beyond what was owed"
        made = Node(title, owed.value, "amount", owed.currency, Arithmetic("same", (owed,)))
        if (before.value or 0) * (owed.value or 0) > 0:
            made = less(title, owed, before)
        if within(made.value or 0, settled.value or 0):
            return made
        all_of_it = "all that the payment settled of it"
        return Node(all_of_it, settled.value, "amount", settled.currency, Arithmetic("same", (settled,)))

    # Cash that is applied later

    def _is_taken_off(self, invoice_id: str, amount: int, step: int) -> bool:
        known: Receivable | None = self.sources.trace.part_at("receivable", invoice_id, step)
        return known is not None and (amount > 0) != (known.gross[0] > 0)

    def settled(self, event: PaymentApplied, invoice_id: str, said: TracedOutput, until: int = 0) -> ReceivableAmounts:
        """Below zero, what the payment had of an invoice before an output, and before one of an application's places."""
        found = [
            self.taken((journal.affected_kind, journal.affected_id, place))
            for journal, posted in self._of_cash(event.payment_id, said)
            for place, (named, _, _) in enumerate(posted.applied)
            if named == invoice_id and self._stands_in(invoice_id, said.step)[0] == journal.contract_id
        ]
        found += [
            self.taken((APPLICATION, event.application_id, place))
            for place in range(until)
            if self._invoice_of(event.application_id, said.step, place) == invoice_id
        ]
        journal = said.record
        ledger_currency = journal.ledger_currency if isinstance(journal, JournalEntry) else event.currency
        title = f"payment {event.payment_id}: settled of invoice {invoice_id}"
        return ReceivableAmounts(
            negated("to be taken off", total(title, [one.amount for one in found], "amount", event.currency)),
            negated("to be taken off", total(title, [one.ledger for one in found], "amount", ledger_currency)),
        )

    def _invoice_of(self, application_id: str, step: int, place: int) -> str:
        known = self._posted(APPLICATION, application_id, step)
        return known.applied[place][0] if known is not None else ""

    def on_account(self, said: TracedOutput, payment_id: str, legal_entity_id: str) -> ReceivableAmounts:
        """What a company has of the payment on 1120 before an output."""
        legs = [
            self.leg(journal, number)
            for journal, _ in self._of_cash(payment_id, said)
            if journal.legal_entity_id == legal_entity_id
            for number, line in enumerate(journal.lines, 1)
            if line.account == UNAPPLIED_CASH
        ]
        title = f"payment {payment_id}: unapplied"
        currency, ledger_currency = "", ""
        for journal, _ in self._of_cash(payment_id, said):
            currency, ledger_currency = journal.currency, journal.ledger_currency
        return ReceivableAmounts(
            negated(title, total("on 1120", [one.amount for one in legs], "amount", currency)),
            negated(title, total("on 1120", [one.ledger for one in legs], "amount", ledger_currency)),
        )

    def applied(self, event: PaymentReceived | PaymentApplied, place: int) -> Node:
        one = event.applications[place]
        title = f"applied to invoice {one.invoice_id}"
        return self.sources.field(title, one.amount, "amount", event, f"applications[{place}].amount", event.currency)

    def elsewhere(self, payment: Payment | None, said: TracedOutput) -> list[Node]:
        """What invoices of other engagements took of the payment before."""
        found: list[Node] = []
        for application_id in payment.applications if payment is not None else ():
            known: CashApplication = self.sources.trace.part_at(APPLICATION, application_id, said.step)
            others = enumerate(known.event.applications) if known.elsewhere else ()
            found += [
                self.applied(known.event, place) for place, one in others if one.invoice_id not in (known.own or ())
            ]
        return found

    def _of_cash(self, payment_id: str, said: TracedOutput) -> Iterator[tuple[JournalEntry, Posted]]:
        """Journals of the payment, and of what was applied of it later, that stand before an output."""
        before = list(self.sources.trace.journals_before(said))
        gone = {one.record.reverses for one in before}
        for other in before:
            journal: JournalEntry = other.record
            if journal.affected_kind not in PAID or journal.reverses:
                continue
            if journal.journal_id in gone:
                continue
            posted = self._posted(journal.affected_kind, journal.affected_id, other.step)
            if posted is not None and posted.event is not None and posted.event.payment_id == payment_id:
                yield journal, posted

    def _cash_applied(
        self, said: TracedOutput, journal: JournalEntry, posted: CashApplication
    ) -> tuple[Node | None, Node | None]:
        """What its invoices take; the ledger amount at the rate of the payment, of all that is left as it is carried."""
        event = posted.event
        taken = [
            self.lines.figures(journal.journal_id, place)[0]
            for place, other in enumerate(journal.lines, 1)
            if other.account == RECEIVABLE
        ]
        net = negated("applied", total("on 1100", taken, "amount", journal.currency))
        left = self.on_account(said, event.payment_id, journal.legal_entity_id)
        if left.amount.value == net.value:
            return net, left.ledger
        return net, self._at_rate(said, journal, net)

    def _field(self, event: PaymentReceived | PaymentApplied, place: int) -> Node:
        one = event.applications[place]
        title = f"applied to invoice {one.invoice_id}"
        field = f"applications[{place}].amount"
        return in_units(self.sources.field(title, one.amount, "amount", event, field, event.currency))

    def _left(self, said: TracedOutput, invoice_id: str, piece: Node, owed: ReceivableAmounts) -> Node:
        """The ledger amount of a part: all that is carried, or in proportion to it."""
        if piece.value == owed.amount.value:
            return owed.ledger
        known: Receivable = self.sources.draft(said.step).part("receivable", invoice_id)
        mode = self._mode(known.contract_id, said.step)
        return in_proportion(f"invoice {invoice_id}: its part", owed.ledger, piece, owed.amount, mode, rule="R56")

    def _mode(self, contract_id: str, step: int) -> str:
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        return contract_policies(draft, contract).money_mode if contract is not None else "half_up"

    def _at_rate(self, said: TracedOutput, journal: JournalEntry, amount: Node) -> Node | None:
        """The rate that the bank states, else the table's for the day; of cash that is applied later that of its payment."""
        draft = self.sources.draft(said.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        contract = draft.contract(journal.contract_id or "")
        policies = contract_policies(draft, contract) if contract is not None else entity_policies(draft, entity)
        return self.exchanges.in_ledger(amount, journal, policies.money_mode)

    # Write-offs

    def _written_off(self, said: TracedOutput, journal: JournalEntry) -> ReceivableAmounts | None:
        known: WriteOff | None = self.sources.trace.part_at("write_off", journal.affected_id, said.step)
        if known is None or known.event.invoice_id is None:
            return None
        event, invoice_id = known.event, known.event.invoice_id or ""
        amount = self.sources.field("given up", event.amount, "amount", event, "amount", journal.currency)
        return ReceivableAmounts(amount, self._left(said, invoice_id, amount, self.owed(invoice_id, said)))

    # What is owed

    def owed(self, invoice_id: str, said: TracedOutput, until: Place | None = None) -> ReceivableAmounts:
        """Of an invoice before an output, or before one of a payment's applications."""
        trace = self.sources.trace
        last = said.step
        known: Receivable | None = trace.part_at("receivable", invoice_id, last)
        assert known is not None, "the invoice is posted"
        charged: list[ReceivableAmounts] = []
        gone: list[ReceivableAmounts] = []
        for other in trace.journals_before(said) if until is None else trace.said_of(JournalEntry):
            journal: JournalEntry = other.record
            if other.step > last:
                break
            own = (
                until is not None and (journal.affected_kind, journal.affected_id) == until[:2] and not journal.reverses
            )
            if journal.affected_kind == "statement" and journal.affected_id == known.statement_id:
                charged += self._on_receivable(journal)
            elif journal.affected_kind in PAID:
                taken = self._of_payment(
                    journal, other.step, invoice_id, until[2] if own and until is not None else None
                )
                (charged if journal.reverses else gone).extend(taken)
                if own and journal.contract_id == known.contract_id:
                    break
            elif self._is_about(journal, invoice_id, other.step) or self._is_settled_before(journal, invoice_id, last):
                gone += [
                    ReceivableAmounts(negated("taken", one.amount), negated("taken", one.ledger))
                    for one in self._on_receivable(journal)
                ]
        title = f"invoice {invoice_id}: open"
        return ReceivableAmounts(
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

    def _of_payment(
        self, journal: JournalEntry, step: int, invoice_id: str, before: int | None
    ) -> list[ReceivableAmounts]:
        """What a payment's journal took of the invoice, by its applications before one of them where that is named."""
        payment = self._posted(journal.affected_kind, journal.affected_id, step)
        if payment is None:
            return []
        places = range(len(payment.applied)) if before is None else range(before)
        return [
            self.taken((journal.affected_kind, journal.affected_id, place))
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
            for record in self.sources.trace.records_of(CreditMemoIssued)
        )

    def _is_settled_before(self, journal: JournalEntry, invoice_id: str, step: int) -> bool:
        """Whether it is what was paid, or given up, of an open invoice by the day of the balances that stand."""
        if journal.affected_kind != BROUGHT_FORWARD or journal.rule != f"{SETTLED}/{invoice_id}":
            return False
        loaded: BroughtForward | None = self.sources.trace.part_at(BROUGHT_FORWARD, journal.affected_id, step)
        return loaded is not None and any(one.receipt.journal_id == journal.journal_id for one in loaded.journals)

    def _on_receivable(self, journal: JournalEntry) -> list[ReceivableAmounts]:
        return [self.leg(journal, number) for number, line in enumerate(journal.lines, 1) if line.account == RECEIVABLE]

    def leg(self, journal: JournalEntry, number: int) -> ReceivableAmounts:
        """A line of another journal, with its name."""
        whose, line = f"{journal.journal_id}#{number}", journal.lines[number - 1]
        title = f"journal line {whose}"
        if self.sources.are_many:
            return ReceivableAmounts(
                self.sources.figure(f"{whose}/amount", title, line.amount, journal.currency),
                self.sources.figure(f"{whose}/ledger", title, line.ledger_amount, journal.ledger_currency),
            )
        amount, ledger = self.lines.figures(journal.journal_id, number)
        return ReceivableAmounts(
            Node(title, amount.value, "amount", amount.currency, Arithmetic("same", (amount,)), id=whose),
            Node(title, ledger.value, "amount", ledger.currency, Arithmetic("same", (ledger,)), id=whose),
        )

    def on_project(
        self, account: str, project_id: str, contract_id: str, step: int, purpose: str | None = None
    ) -> list[Node]:
        """Lines on an account of a contract in a project up to a step, of one purpose or all."""
        return [
            self.leg(said.record, number).amount
            for said in self.sources.trace.said_of(JournalEntry)
            if said.step <= step and said.record.contract_id == contract_id
            for number, line in enumerate(said.record.lines, 1)
            if line.account == account and (line.project_id or "") == project_id and purpose in (None, line.purpose)
        ]
