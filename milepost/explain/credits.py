"""What of an entry is given up before it is billed, by which write-offs, and how much of these still counts; and what credit memos take
back of each row of an invoice, as their rule recorded it."""

from itertools import takewhile
from typing import NamedTuple

from domain.events.finance import CreditMemoIssued, WrittenOff
from domain.explanation import Node, constant, less, most, total
from domain.figure import Recorded, as_recorded, node_titled
from domain.identity import composed, parts_of
from domain.outputs import JournalEntry
from domain.receivables.credit_memo import CONCESSIONS, ERROR_REBILL, RULE
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from milepost.explain.statements import Listed
from state.books import Entry, GivenUp, Price, Receivable
from state.caps.given_up import LEFT_TO_GIVE_UP, given_up_by, given_up_of, rows_of, that_counts
from state.terms.plan import newest_plan
from state.trace import TracedOutput


class GivenUpNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[LEFT_TO_GIVE_UP] = self._left

    def chargeable(self, at: VersionStanding, turn: int | None = None) -> Node:
        """What of the value is not given up, by the end of the step or by a turn of it."""
        price = at.price
        value = self.nodes.entries.value(at)
        if not price.written_off:
            return value
        off = self.written_off(at) if turn is None else self.by(at, price, turn)
        return less(f"{at.entry.entry_id}: not given up", value, off, rule="R15") if off.value else value

    def written_off(self, at: VersionStanding) -> Node:
        """What write-offs gave up of the entry, no more than its version is worth and not issued."""
        price = at.price
        return as_recorded(price.written_off, self.by(at, price)).node

    def by(self, at: VersionStanding, price: Price, turn: int | None = None) -> Node:
        """The same by a turn of the step."""
        title, entry_id, why = f"{at.entry.entry_id}: written off", at.entry.entry_id, self.recorded.why
        own = [
            self._part(at.entry, one)
            for one in at.entry.given_up
            if one.currency == price.currency
            and (turn is None or why.placed_of(given_up_of(entry_id), one.write_off_id, turn=turn) is not None)
        ]
        asked = total(title, own, "amount", price.currency)
        counts = that_counts(Recorded(asked), Recorded(self._not_issued(at)))
        return node_titled(counts, title, currency=price.currency)

    def _not_issued(self, at: VersionStanding) -> Node:
        """By the step that priced the version: what is issued later was not given up."""
        entry_id, value = at.entry.entry_id, self.nodes.entries.value(at)
        then = self.nodes.entries.standing(entry_id, self.nodes.entries.priced_at(at))
        issued = self.nodes.caps.issued(then) if then is not None else None
        return less(f"{entry_id}: not issued", value, issued) if issued is not None and issued.value else value

    def left_of(self, event: WrittenOff, step: int) -> Node:
        """What could be given up of the entries that a write-off names, which it is not."""
        rows = dict.fromkeys(row for name in event.entries for row in rows_of(name))
        found = [at for row in rows if (at := self.nodes.entries.standing(row, step)) is not None]
        left = [self._left_now(at, price) for at in found if (price := at.work.price) is not None and price.line_id]
        return total("left of them", left, "amount", event.currency)

    def _left_now(self, at: VersionStanding, price: Price) -> Node:
        chargeable = self.chargeable(at)
        issued = self.nodes.caps.issued(at)
        if not issued.value:
            return chargeable
        left = less(f"{at.entry.entry_id}: left", chargeable, issued)
        return (
            most(left.title, left, constant("nothing", 0, "amount", price.currency)) if (left.value or 0) < 0 else left
        )

    # What one write-off gave up of an entry

    def _part(self, entry: Entry, own: GivenUp) -> Node:
        return self.recorded.known(given_up_by(entry.entry_id, own.write_off_id))

    def _left(self, entry_id: str, write_off_id: str, step: str) -> Node | None:
        """What of the entry was worth something, not issued and not given up before."""
        at = self.nodes.entries.standing(entry_id, int(step))
        if at is None or at.work.price is None:
            return None
        value = self.nodes.entries.value(at)
        before = takewhile(lambda one: one.write_off_id != write_off_id, at.entry.given_up)
        off = [self._part(at.entry, one) for one in before]
        issued = self.nodes.caps.issued(at)
        if issued.value:
            off.insert(0, issued)
        return less(f"{entry_id}: left of it", value, *off) if off else value


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


class CreditNodes(Nodes):
    def begin(self) -> None:
        self._amounts: dict[int, Node] = {}
        self._of_row: dict[tuple[str, str, str], list[Credit]] = {}
        for number, said in enumerate(self.sources.trace.journals_by.get(RULE, ())):
            _, kind, key = said.record.rule.split("/", 2)
            entry_id, line_id = parts_of(key)
            of = entry_id, said.record.contract_id, line_id
            self._of_row.setdefault(of, []).append(Credit(number, said, kind, entry_id, line_id))

    # What is credited of a row

    def of_row(self, entry_id: str, contract_id: str, line_id: str, step: int, *kinds: str) -> list[Credit]:
        """Up to a step, of these kinds."""
        found = self._of_row.get((entry_id, contract_id, line_id), ())
        return [one for one in found if one.said.step <= step and one.kind in kinds]

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
        for said in self.sources.trace.said_in(credit.said.step):
            if said.record is credit.journal:
                return True
            if said.step == listed.step and getattr(said.record, "statement_id", None) == listed.statement_id:
                return False
        return False

    def returned(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """What price concessions gave back to the caps."""
        return [self.amount(one) for one in self.returning(entry_id, contract_id, line_id, step)]

    def returned_hours(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        found = [
            self.recorded.figure(f"credited_hours/{self._of(one)}")
            for one in self.returning(entry_id, contract_id, line_id, step)
        ]
        return [hours for hours in found if hours is not None]

    def returning(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Credit]:
        """Price concessions that gave caps and sources their room back."""
        found = self.of_row(entry_id, contract_id, line_id, step, CONCESSIONS[0])
        return [one for one in found if self.listed_plan_returns(one)]

    def payer(self, credit: Credit) -> str:
        """Whose invoice it is of."""
        return self.receivable(credit).bill_to

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

    def conceded_in_ledger(self, entry_id: str, contract_id: str, line_id: str, step: int) -> list[Node]:
        """The same as the journals have it."""
        given_back = self.of_row(entry_id, contract_id, line_id, step, *CONCESSIONS)
        return [self.recorded.known(f"back/{self._of(one)}") for one in given_back]

    def amount(self, credit: Credit) -> Node:
        """Net of tax."""
        if credit.number not in self._amounts:
            found = self.recorded.known(f"credited/{self._of(credit)}")
            self._amounts[credit.number] = found._replace(id=credit.journal.journal_id)
        return self._amounts[credit.number]

    def _event(self, credit: Credit) -> CreditMemoIssued:
        """The memo that was posted: the event itself, or the one that waited."""
        event = self.sources.step(credit.said.step).record.event
        if isinstance(event, CreditMemoIssued):
            return event
        waiting = self.sources.trace.part_at("credit_memo", credit.journal.affected_id, credit.said.step - 1)
        assert waiting is not None, f"credit memo {credit.journal.affected_id} is in the books"
        posted: CreditMemoIssued = waiting.event
        return posted

    def receivable(self, credit: Credit) -> Receivable:
        found: Receivable = self.sources.trace.part_at("receivable", self._event(credit).invoice_id, credit.said.step)
        return found

    @staticmethod
    def _of(credit: Credit) -> str:
        """The memo with the row that it credits, as the rules name them."""
        return composed(credit.journal.affected_id, credit.entry_id, credit.line_id)
