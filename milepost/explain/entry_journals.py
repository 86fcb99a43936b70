"""Journals of rows: cost, revenue, and what changed of it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.accounts import (
    CONTRACT_ASSET,
    CONTRACT_LIABILITY,
    CONTRACT_POSITION,
    EXPENSE_CLEARING,
    INPUT_TAX,
    REVENUE,
    UNBILLED_RECEIVABLE,
)
from domain.explanation import Node, constant, least, less, negated, total
from domain.ledger.journal import ADJUSTED
from domain.ledger.position import as_carried
from domain.ledger.recorded import Carried
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.exchanges import Exchanges
from milepost.explain.journal_lines import JournalLines, journals_until
from milepost.explain.positions import PositionNodes, summed
from milepost.explain.sources import Sources
from state.books import Posted, Price, Work
from state.ledger.carried import left_before
from state.ledger.position import is_over_time
from state.ledger.posting import EARNED, EARNING, beyond_billing
from state.revenue.method_change import RULE as METHOD_CHANGE
from state.trace import TracedOutput, row_of, works_of
from state.work.passed_record import came_to


class EntryJournals:
    def __init__(
        self, sources: Sources, entries: EntryNodes, lines: JournalLines, exchanges: Exchanges, positions: PositionNodes
    ) -> None:
        self.sources = sources
        self.entries = entries
        self.lines = lines
        self.exchanges = exchanges
        self.positions = positions

    def of_entry(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        at = self.work_of(said, journal)
        if at is None:
            return self._went_back(said, journal, line, number)
        if line.purpose == "cost" or line.account == INPUT_TAX:
            amount = self._cost(at, line)
        elif journal.rule != METHOD_CHANGE and self._goes_through_position(at, journal):
            return self._through_position(said, journal, line, at, number)
        elif journal.kind == "difference":
            return self._difference(said, journal, line, at, number)
        elif line.purpose == "revenue":
            amount = self._revenue(at, line)
            if amount is not None:
                amount = self._without_later(said, journal, line, at, amount)
        else:
            amount = None
        if amount is None:
            return None, None
        amount = _signed(amount, line.amount)
        if line.purpose == "cost" and (carried := self.entries.charges.hours(at.work, "ledger_cost")) is not None:
            return amount, _signed(carried, line.ledger_amount)
        return amount, self.exchanges.converted(amount, journal, at)

    def work_of(self, said: TracedOutput, journal: JournalEntry) -> VersionStanding | None:
        """The version of the entry that keeps the journal, at the step that posted it."""
        entry = self.sources.trace.entry_at(row_of(journal) or journal.affected_id, said.step)
        for work in works_of(entry) if entry is not None else ():
            if any(posted.journal_id == journal.journal_id for posted in work.journals):
                assert entry is not None, "the work is the entry's"
                return VersionStanding(said.step, entry, work)
        return None

    def _went_back(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        """Of a part that the same event rated again and then took back, as the line that it came from had room for all."""
        part = self.entries.standing(row_of(journal) or journal.affected_id, said.step - 1)
        if part is None or part.work.part_of is None or part.work.price is None or journal.kind != "difference":
            return None, None
        if line.account in REVENUE:
            return self.lines.balancing(journal, number)
        target = self.entries.recorded.known(came_to(journal.journal_id), said.step)
        carried = self._carried(part.work.journals, line.account, journal)
        title = f"{part.entry.entry_id}: what it came to, less what its journals carry"
        amount = less(title, target, carried[0], rule="R19")
        amount = amount._replace(why=(Node("moved by", event=self.sources.cause(said.step)),))
        return amount, self._difference_ledger(amount, [*part.work.journals], journal, line, part)

    def _cost(self, at: VersionStanding, line: JournalLine) -> Node | None:
        """Cost, the tax on it that is recovered, and what is owed for both."""
        own = at.work.cost
        if own is None:
            return None
        if line.account == INPUT_TAX:
            return self.entries.tax(at, own)
        cost = self.entries.cost(at, own)
        if line.account != EXPENSE_CLEARING or not own.tax:
            return cost
        return total("owed", (cost, self.entries.tax(at, own)), "amount", own.currency)

    # Against the position of a contract that earns over time

    def _goes_through_position(self, at: VersionStanding, journal: JournalEntry) -> bool:
        price = at.work.price
        if price is None or price.earned is None:
            return False
        is_over_time = price.account == CONTRACT_LIABILITY or _is_drawn_beside(price)
        return is_over_time and any(
            line.account in CONTRACT_POSITION and line.purpose in (EARNED, ADJUSTED) for line in journal.lines
        )

    def _through_position(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, at: VersionStanding, number: int
    ) -> tuple[Node | None, Node | None]:
        """What is earned takes what was billed ahead, and stands on 1160 beyond that; 1150 is left, but for what is charged beside."""
        earned, beside = self.entries.recognised(at), self._charged_beside(at)
        before = self._before(at.work, journal.journal_id) if journal.kind == "difference" else []
        carried = [self._carried(before, account, journal)[0] for account in CONTRACT_POSITION]
        title = f"{at.entry.entry_id}: earned by now, less what its journals carry"
        if line.account in REVENUE:
            return negated("amount", _less(title, earned, carried)), self.lines.balancing(journal, number)[1]
        if line.account == UNBILLED_RECEIVABLE:
            title = f"{at.entry.entry_id}: charged beside, less what its journals carry"
            amount = _signed(_less(title, beside, carried[:1]), line.amount)
            if not before:
                return amount, self.exchanges.converted(amount, journal, at)
            return amount, self._difference_ledger(amount, before, journal, line, at)
        earned = _less(title, earned, [beside, *carried[1:]])

        def at_rate(rest: Node) -> Node:
            return self.exchanges.converted(rest, journal, at) or Node("no exchange rate")

        moves = self.positions.moved(said, earned, at_rate)
        if CONTRACT_ASSET in moves and not self._is_over_time(said, journal):
            # What is kept of a deposit before its invoice came stands on its own account.
            moves = {CONTRACT_LIABILITY: summed(list(moves.values()), CONTRACT_LIABILITY)}
        found = moves.get(line.account)
        return found if found is not None else (None, None)

    def _charged_beside(self, at: VersionStanding) -> Node:
        """Beyond what is drawn, of work that was issued before its line earned over time."""
        price = at.work.price
        assert price is not None, "the work is priced"
        if not _is_drawn_beside(price):
            return constant("charged beside", 0, "amount", price.currency)
        return self.entries.value(at._replace(step=self.entries.priced_at(at)))

    def _is_over_time(self, said: TracedOutput, journal: JournalEntry) -> bool:
        draft = self.sources.draft(said.step)
        contract = draft.contract(journal.contract_id or "")
        return contract is not None and is_over_time(draft, contract)

    def _revenue(self, at: VersionStanding, line: JournalLine) -> Node | None:
        """What the entry has on the account: 1160 has what only earns revenue, the line's own account the rest."""
        price = at.work.price
        if price is None:
            return None
        rounding = self.entries.rounding(at.entry.entry_id, at.step) if price.rounding else None
        recognised = self.entries.recognised(at)
        if line.account in REVENUE or price.account == CONTRACT_ASSET or not beyond_billing(price):
            base = recognised
        elif line.account == CONTRACT_ASSET:
            return self._beyond(at, price)
        else:
            base = self._within(at, price)
        if rounding is not None:
            base = total(f"{at.entry.entry_id}: with cents of lines", (base, rounding), "amount", price.currency)
        return base

    def _difference(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, at: VersionStanding, number: int
    ) -> tuple[Node | None, Node | None]:
        """What the price says now, less what the entry's journals carry."""
        if line.account in REVENUE:
            return self.lines.balancing(journal, number)
        before = self._before(at.work, journal.journal_id)
        carried = self._carried(before, line.account, journal)
        target = self._target(at, line.account, journal.currency)
        amount = less(
            f"{at.entry.entry_id}: what it is now, less what its journals carry", target, carried[0], rule="R19"
        )
        why = (
            (Node("moved by", event=self.sources.cause(said.step)), *self.entries.caps.room_around(at))
            if journal.rule.partition("/")[0] == "cap"
            else (Node("moved by", event=self.sources.cause(said.step)),)
        )
        amount = amount._replace(why=why)
        amount = self._without_later(said, journal, line, at, amount)
        return amount, self._difference_ledger(amount, before, journal, line, at)

    def _without_later(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, at: VersionStanding, amount: Node
    ) -> Node:
        """An event may post an entry more than once, and what the entry is now comes with the last: without those after this one."""
        journals = self.sources.trace.journals
        behind = at.work.journals[len(self._before(at.work, journal.journal_id)) + 1 :]
        later = [
            constant(f"journal line {posted.journal_id}#{number}, after it", leg.amount, "amount", posted.currency)
            for posted in behind
            if journals[posted.journal_id].step == said.step
            for number, leg in enumerate(posted.lines, 1)
            if leg.account == line.account and leg.purpose in EARNING
        ]
        if not later:
            return amount
        title = f"{at.entry.entry_id}: before what the same event posted after it"
        if line.account in REVENUE:
            return total(title, (amount, *later), "amount", journal.currency)
        return less(title, amount, *later)

    def _target(self, at: VersionStanding, account: str, currency: str) -> Node:
        price = at.work.price
        if price is None or not price.line_id:
            return constant("nothing now", 0, "amount", currency)
        if account == price.account:
            line = JournalLine(account, "revenue", 0, 0)
            made = self._revenue(at, line)
            assert made is not None, "the work has a price"
            return made
        if account == CONTRACT_ASSET and beyond_billing(price):
            return self._beyond(at, price)
        return constant("nothing on this account now", 0, "amount", currency)

    def _beyond(self, at: VersionStanding, price: Price) -> Node:
        """What is earned and may not be billed."""
        title = f"{at.entry.entry_id}: beyond what caps allow"
        return less(title, self.entries.recognised(at), self._within(at, price), rule="R22")

    def _within(self, at: VersionStanding, price: Price) -> Node:
        """What is earned and may be billed."""
        if not price.waiting:
            return self.entries.allowed(at)
        allowed, billable = self.entries.allowed(at), self.entries.billable(at)
        return least(f"{at.entry.entry_id}: earned and billable", [allowed, billable], rule="R22")

    def _before(self, work: Work, journal_id: str) -> list[Posted]:
        return journals_until(work.journals, journal_id)

    def _carried(self, journals: Sequence[Posted], account: str, journal: JournalEntry) -> tuple[Node, Node]:
        """Sums of the lines of what is earned that journals before this one have on an account."""
        amounts, ledgers = [], []
        for posted in journals:
            for number, leg in enumerate(posted.lines, 1):
                if leg.account == account and leg.purpose in EARNING:
                    amount, ledger = self.lines.named(posted.journal_id, number)
                    amounts.append(amount)
                    ledgers.append(ledger)
        return (
            total("carried by its journals", amounts, "amount", journal.currency),
            total("carried by its journals, in ledger currency", ledgers, "amount", journal.ledger_currency),
        )

    def _difference_ledger(
        self, amount: Node, before: list[Posted], journal: JournalEntry, line: JournalLine, at: VersionStanding
    ) -> Node | None:
        """What takes back uses the ledger amount that is carried, in proportion; what adds takes over what leaves the other account of
        the journal, and the rate of the date beyond that."""
        if journal.currency == journal.ledger_currency:
            return self.exchanges.converted(amount, journal, at)
        plan = self.exchanges.plan(at)
        mode = (plan.policies.money_mode if plan is not None else None) or "half_up"

        def at_rate(beyond: Node) -> Node | None:
            return self.exchanges.converted(beyond, journal, at)

        carried = Carried(*self._carried(before, line.account, journal))
        had, delta = carried.amount.value or 0, amount.value or 0
        if had and (had > 0) != (delta > 0):
            own = self._left(journal, line.account) or carried
            stands = own.amount.value or 0
            own = own if stands * delta < 0 and abs(stands) >= abs(delta) else carried
            taken = as_carried(negated("taken back", amount), own.amount, own.ledger, mode, at_rate)
            return negated("in ledger currency, taken back", taken, rule="R52") if taken is not None else None
        moved = self._leaves_others(journal, line)
        if moved is None:
            return self.exchanges.converted(amount, journal, at)
        return as_carried(amount, moved.amount, moved.ledger, mode, at_rate)

    def _left(self, journal: JournalEntry, account: str) -> Carried | None:
        """What the row had on an unbilled account before the journal; None on other accounts."""
        address = left_before(journal.journal_id, account)
        amount, ledger = (self.lines.recorded.figure(one) for one in (address, f"{address}/ledger"))
        return Carried(amount, ledger) if amount is not None and ledger is not None else None

    def _leaves_others(self, journal: JournalEntry, line: JournalLine) -> Carried | None:
        """What the journal takes from the other accounts that a line adds to."""
        taken = [
            self.lines.figures(journal.journal_id, number)
            for number, other in enumerate(journal.lines, 1)
            if other.account not in REVENUE and other.account != line.account and other.amount * line.amount < 0
        ]
        if not taken:
            return None
        return Carried(
            negated("leaves", total("taken", [one for one, _ in taken], "amount", journal.currency)),
            negated("leaves as carried", total("taken", [one for _, one in taken], "amount", journal.ledger_currency)),
        )


def _is_drawn_beside(price: Price) -> bool:
    return price.drawn is not None and price.account not in (CONTRACT_LIABILITY, price.revenue)


def _less(title: str, whole: Node, parts: Sequence[Node]) -> Node:
    taken = [one for one in parts if one.value]
    return less(title, whole, *taken) if taken else whole


def _signed(node: Node, value: int) -> Node:
    return node if node.value == value else negated("amount", node)
