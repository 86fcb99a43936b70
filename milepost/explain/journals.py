"""Journals: each line in transaction and in ledger currency, from the entry, the statement or the journal that it mirrors, at the rate of a
date or of an earlier journal (R51 to R53); lines against a contract's position as journals so far have it (R46,
domain/ledger/position.py)."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile

from domain.accounts import CONTRACT_SIDES, CURRENCY_ROUNDING, name_of
from domain.capabilities import is_unrealised
from domain.explanation import Arithmetic, Node, constant, negated, total
from domain.figure import RecordedRate, as_recorded, later, node_of, titled
from domain.ledger.clearing import CLEARED, is_of_invoice
from domain.ledger.journal import BILLING, Leg
from domain.ledger.position import ContractPosition, settled
from domain.ledger.recorded import line_of, title_of_line
from domain.money import format_decimal
from domain.outputs import JournalEntry, JournalLine
from domain.receivables.credit_memo import RULE
from domain.work.rows import spoken
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from state.books import Posted
from state.ledger.rate_record import STEP, in_ledger, rate_at
from state.ledger.standings import TO_SEND
from state.terms.known import entity_policies
from state.terms.plan import plan_of
from state.trace import TracedOutput, row_of


class JournalNodes(Nodes):
    def journal(self, journal_id: str) -> Node:
        """A heading over its lines; they sum to zero in both currencies."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        lines = tuple(self.line(journal_id, number) for number in range(1, len(journal.lines) + 1))
        affected = f"{spoken(journal.affected_kind)} {journal.affected_id} version {journal.affected_version}"
        return Node(
            f"Journal {journal_id}: {journal.kind} of {affected}",
            facts=self._facts(journal),
            why=(*lines, *self._rooms(said, journal), *self._lineage(said, journal)),
            rule=f"rule {journal.rule}",
            id=journal_id,
        )

    def _rooms(self, said: TracedOutput, journal: JournalEntry) -> tuple[Node, ...]:
        """What caps had left for the entry before and after its posting; a difference says so with its amount."""
        at = self.nodes.entry_journals.work_of(said, journal) if journal.kind == "posting" else None
        if at is None or not any(line.purpose == "revenue" for line in journal.lines):
            return ()
        return self.nodes.caps.room_around(at)

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
            *self._in_the_erp(journal.journal_id),
        )

    def _in_the_erp(self, journal_id: str) -> tuple[tuple[str, str], ...]:
        """Where it stands at the end, once the ERP has answered."""
        stands = self.sources.draft(len(self.sources.trace.steps) - 1).journal(journal_id)
        if stands is None or stands.standing == TO_SEND:
            return ()
        attempt = f"attempt {stands.attempt}" if stands.attempt else ""
        said = (
            ("in the ERP", stands.standing),
            ("answered by", ", ".join(filter(None, (stands.erp, attempt)))),
            ("the ERP's number", ", ".join(stands.posted or stands.accepted)),
            ("posted there on", f"{stands.posted_on or ''}{f', period {stands.period}' if stands.period else ''}"),
            ("the ERP says", f"{stands.code} {stands.message}".strip()),
        )
        return tuple((name, value) for name, value in said if value)

    def _lineage(self, said: TracedOutput, journal: JournalEntry) -> tuple[Node, ...]:
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
        if journal.replaces:
            found.append(Node(f"replaces journal {journal.replaces}", id=journal.replaces, rule="R48"))
        found += [
            Node(
                f"{'taken back' if other.record.reverses == journal.journal_id else 'replaced'} by journal {other.record.journal_id}",
                event=self.sources.cause(other.step),
                id=other.record.journal_id,
            )
            for other in self.sources.trace.following.get(journal.journal_id, ())
        ]
        return tuple(found)

    def line(self, journal_id: str, number: int) -> Node:
        """`number` counts from 1."""
        journal: JournalEntry = self.sources.trace.journals[journal_id].record
        line = journal.lines[number - 1]
        amount, ledger = self.nodes.lines.figures(journal_id, number)
        side = "debit" if line.amount > 0 or (not line.amount and line.ledger_amount > 0) else "credit"
        return Node(
            f"line {number}: {side} {line.account} {name_of(line.account)}, {line.purpose}",
            why=(amount, ledger),
            facts=((("project", line.project_id),) if line.project_id else ()),
            id=f"{journal_id}#{number}",
        )

    def made(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        if journal.reverses in self.sources.trace.journals and journal.kind == "reversal":
            return self.nodes.lines.mirrored(journal.reverses or "", number)
        if journal.replaces is not None:
            return self.nodes.lines.same(journal.replaces, number)
        if not line.amount and line.account == CURRENCY_ROUNDING:
            nothing = constant("amount", 0, "amount", journal.currency)
            return nothing, self.nodes.lines.rest_of_lines(journal, number)
        if row_of(journal) is not None:
            return self._of_legs(
                journal, line, self.nodes.entry_journals.legs(said), self.nodes.entry_journals.why(said)
            )
        if journal.rule == "contract_position":
            return self._of_legs(journal, line, self.nodes.positions.settled(said))
        return None, None

    def _of_legs(
        self, journal: JournalEntry, line: JournalLine, legs: Sequence[Leg], why: tuple[Node, ...] = ()
    ) -> tuple[Node | None, Node | None]:
        """As the rule that posts it has the line."""
        leg = next((one for one in legs if (one.account, one.purpose) == (line.account, line.purpose)), None)
        if leg is None:
            return None, None
        amount, ledger = (
            (made := node_of(value, title, currency=currency))._replace(why=(*made.why, *why))
            for value, title, currency in (
                (leg.amount, "amount", journal.currency),
                (leg.ledger_amount, IN_LEDGER, journal.ledger_currency),
            )
        )
        return amount, ledger if journal.currency != journal.ledger_currency else unchanged(amount, amount.currency)


class JournalLines(Nodes):
    """Figures of lines, each made once: as their rule recorded them, else as those of journals make them."""

    def begin(self) -> None:
        self.recorded.resolvers["journal_line"] = self._line_of

    @once
    def figures(self, journal_id: str, number: int) -> tuple[Node, Node]:
        """The line's amount, in transaction and in ledger currency."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        line = journal.lines[number - 1]
        amount, ledger = (self.recorded.figure(address) for address in line_of(journal_id, number))
        if amount is None:
            amount, ledger = self.nodes.journals.made(said, journal, line, number)
        of = f"{journal_id}#{number}"
        return (
            as_recorded(line.amount, given(amount, of)).node,
            as_recorded(line.ledger_amount, given(ledger, f"{of}/ledger")).node,
        )

    def _line_of(self, journal_id: str, number: str, which: str) -> Node:
        amount, ledger = self.named(journal_id, int(number))
        return amount if which == "amount" else ledger

    def mirrored(self, reversed_id: str, number: int) -> tuple[Node, Node]:
        """R14: the original's rounded amounts and its rate, never recomputed."""
        amount, ledger = self.figures(reversed_id, number)
        return negated("amount, taken back", amount, rule="R14"), negated(
            "in ledger currency, taken back", ledger, rule="R52"
        )

    def same(self, replaced_id: str, number: int) -> tuple[Node, Node]:
        """R48: a replacement has the lines of what it replaces."""
        amount, ledger = self.figures(replaced_id, number)
        return amount._replace(rule="R48"), ledger._replace(rule="R48")

    def rest_of_lines(self, journal: JournalEntry, number: int) -> Node:
        """What converting line by line leaves (R51)."""
        others = [
            self.figures(journal.journal_id, place)[1] for place in range(1, len(journal.lines) + 1) if place != number
        ]
        rest = total("sum of the other lines", others, "amount", journal.ledger_currency)
        return negated("what conversion leaves", rest, rule="R51")

    def named(self, journal_id: str, number: int) -> tuple[Node, Node]:
        """A journal's line with its name, so that it can be asked for."""
        whose = f"{journal_id}#{number}"
        amount, ledger = (
            Node(title_of_line(whose), one.value, "amount", one.currency, Arithmetic("same", (one,)), id=whose)
            for one in self.figures(journal_id, number)
        )
        return amount, ledger

    def legs(self, posted: Posted) -> tuple[Leg, ...]:
        """All lines of a journal, each named when somebody asks for it."""

        def of(number: int, side: int) -> Node:
            return self.named(posted.journal_id, number)[side]

        return tuple(
            Leg(leg.account, leg.purpose, later(leg.amount, of, number, 0), later(leg.ledger_amount, of, number, 1))
            for number, leg in enumerate(posted.lines, 1)
        )

    def leg(self, journal: JournalEntry, number: int) -> tuple[Node, Node]:
        """The same; of very many it is only named."""
        if not self.sources.are_many:
            return self.named(journal.journal_id, number)
        whose, line = f"{journal.journal_id}#{number}", journal.lines[number - 1]
        title = title_of_line(whose)
        return (
            self.sources.figure(f"{whose}/amount", title, line.amount, journal.currency),
            self.sources.figure(f"{whose}/ledger", title, line.ledger_amount, journal.ledger_currency),
        )


def journals_until(journals: Iterable[Posted], journal_id: str) -> list[Posted]:
    """Those before one; all where it is not among them."""
    return list(takewhile(lambda posted: posted.journal_id != journal_id, journals))


IN_LEDGER = "in ledger currency"


def unchanged(amount: Node, currency: str, title: str = IN_LEDGER) -> Node:
    """Of an amount in that currency already."""
    return Node(title, amount.value, "amount", currency, Arithmetic("same", (amount,)))


class Exchanges(Nodes):
    def rate(self, journal: JournalEntry, at: VersionStanding) -> RecordedRate:
        """Of a journal of a row: by policies of its contract line, else of the legal entity."""
        draft = self.sources.draft(at.step)
        price = at.work.price if journal.contract_id is not None else None
        plan = plan_of(draft, price) if price is not None and price.line_id else None
        policies = plan.policies if plan else entity_policies(draft, draft.reference.entity(journal.legal_entity_id))
        return RecordedRate.by(
            lambda amount, *_: given(self._in_ledger(amount, journal, policies.money_mode), "exchange rate")
        )

    def _in_ledger(self, amount: Node, journal: JournalEntry, mode: str) -> Node | None:
        """Along the path of its rate, or at the rate that something states or carries; None where no rule recorded it."""
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        rate = self.recorded.figure(rate_at(journal.journal_id))
        return in_ledger(amount, rate, journal.ledger_currency, mode) if rate is not None else None

    def rate_of(self, journal_id: str) -> Node | None:
        """The rate on a journal: as it was recorded, else that of its first line that is converted."""
        found = self.recorded.figure(rate_at(journal_id))
        if found is not None:
            return found
        said = self.sources.trace.journals[journal_id]
        rate = said.record.exchange_rate
        if said.record.rule == CLEARED:
            # What is left of an invoice is at the rate of the invoice.
            theirs = self.sources.trace.journals_of[said.record.affected_id]
            said = next((one for one in theirs if one.step == said.step and one.record.kind == BILLING), said)
        for number in range(1, len(said.record.lines) + 1):
            arithmetic = self.nodes.lines.figures(said.record.journal_id, number)[1].arithmetic
            if arithmetic is not None and arithmetic.operation == "convert":
                path = Arithmetic(
                    "exchange", arithmetic.operands[1:], {"legs": arithmetic.parameters["legs"], "step": STEP}
                )
                title = f"rate that journal {journal_id} carries"
                return Node(title, rate, "exchange_rate", "", path, "R52", id=journal_id)
        return None


class PositionNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers["position"] = self._on

    def before(self, journal: JournalEntry) -> ContractPosition:
        """What the contract's journals before this one left on either side."""
        position = ContractPosition()
        for said in self.sources.trace.said_of(JournalEntry):
            other: JournalEntry = said.record
            if other is journal:
                break
            if other.contract_id != journal.contract_id or is_unrealised(other.rule):
                continue
            for number, line in enumerate(other.lines, 1):
                if line.account in CONTRACT_SIDES:
                    position = position.add(line.account, *self._leg(other, number))
        return ContractPosition(
            *(
                (titled(amount, f"on {on} before"), titled(ledger, f"on {on} before, in ledger currency"))
                for on, (amount, ledger) in zip(CONTRACT_SIDES, position, strict=True)
            )
        )

    def _leg(self, journal: JournalEntry, number: int) -> tuple[int, int]:
        line = journal.lines[number - 1]
        of = partial(self._of_leg, journal, number)
        return later(line.amount, of, 0), later(line.ledger_amount, of, 1)

    def _of_leg(self, journal: JournalEntry, number: int, side: int) -> Node:
        return self.nodes.lines.leg(journal, number)[side]

    def _on(self, account: str, of: str, which: str) -> Node | None:
        """What the contract's journals before one left on a side: of an invoice, of a credit memo and its row, or named."""
        theirs = self.sources.trace.journals_of.get(of, ())
        of_rows = (one for one in self.sources.trace.journals.values() if _credited_row(one.record) == of)
        said = next((one for one in theirs if is_of_invoice(one.record)), None) or next(of_rows, None)
        said = said or self.sources.trace.journals.get(of)
        if said is None:
            return None
        had = self.before(said.record)[CONTRACT_SIDES.index(account)]
        return node_of(had[which == "ledger"], f"on {account} before")

    def settled(self, said: TracedOutput) -> list[Leg]:
        """A side that goes over to the other as it carries, and cents left where nothing is (rule `contract_position`)."""
        return settled(self.before(said.record))


def _credited_row(journal: JournalEntry) -> str:
    """The memo with the row that it credits; empty of other journals."""
    mark, _, rest = journal.rule.partition("/")
    return f"{journal.affected_id}/{rest.partition('/')[2]}" if mark == RULE else ""
