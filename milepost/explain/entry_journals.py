"""Journals of rows: cost, revenue, and what changed of it, by the rules that post them, of numbers that say how they came about."""

from collections.abc import Sequence

from msgspec.structs import replace

from domain.accounts import CONTRACT_SIDES, REVENUE, UNBILLED, WORK_IN_PROGRESS, cost_account
from domain.explanation import Node, constant
from domain.figure import Recorded, converted, later
from domain.ledger.journal import COST_PURPOSES, Leg, merge, negated
from domain.ledger.position import NOTHING, Balance
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.terms.kind import NO_REVENUE
from milepost.explain.entries import VersionStanding
from milepost.explain.journals import journals_until
from milepost.explain.nodes import Nodes
from state.books import Posted, Price
from state.ledger.carried import left_before
from state.ledger.deposit_balance import kept
from state.ledger.position import against
from state.ledger.posting import (
    EARNING,
    Pairs,
    RevenueDifference,
    carried_by,
    cost_pairs,
    goes_through_position,
    keeps_on_position,
    revenue_pairs,
)
from state.revenue.method_change import RULE as METHOD_CHANGE
from state.terms.plan import LinePlan, plan_of
from state.trace import TracedOutput, row_of, works_of
from state.work.passed_record import came_to


class EntryJournals(Nodes):
    def legs(self, said: TracedOutput) -> Sequence[Leg]:
        """As the rules make them of what the entry is now."""
        journal: JournalEntry = said.record
        at = self.work_of(said, journal)
        if at is None:
            return self._went_back(said, journal)
        return merge((*self._cost(at, journal), *self._revenue(said, journal, at)))

    def why(self, said: TracedOutput) -> tuple[Node, ...]:
        """What moved a row, and what caps had left for it."""
        journal: JournalEntry = said.record
        if journal.kind != "difference":
            return ()
        at = self.work_of(said, journal) if journal.rule.partition("/")[0] == "cap" else None
        rooms = self.nodes.caps.room_around(at) if at is not None else ()
        return (Node("moved by", event=self.sources.cause(said.step)), *rooms)

    def work_of(self, said: TracedOutput, journal: JournalEntry) -> VersionStanding | None:
        """The version of the entry that keeps the journal, at the step that posted it."""
        entry = self.sources.trace.entry_at(row_of(journal) or journal.affected_id, said.step)
        for work in works_of(entry) if entry is not None else ():
            if any(posted.journal_id == journal.journal_id for posted in work.journals):
                assert entry is not None, "the work is the entry's"
                return VersionStanding(said.step, entry, work)
        return None

    def _went_back(self, said: TracedOutput, journal: JournalEntry) -> Sequence[Leg]:
        """Of a part that the same event rated again and then took back, as the line that it came from had room for all."""
        part = self.nodes.entries.standing(row_of(journal) or journal.affected_id, said.step - 1)
        price = part.work.price if part is not None and part.work.part_of is not None else None
        plan = plan_of(self.sources.draft(said.step - 1), price) if price is not None else None
        if part is None or price is None or plan is None or journal.kind != "difference":
            return ()
        of = self._difference(journal, part, plan, part.work.journals)
        target = Recorded(self.recorded.known(came_to(journal.journal_id), said.step))
        return of.moved(((price.account, of.purpose, target),))

    def _cost(self, at: VersionStanding, journal: JournalEntry) -> Sequence[Leg]:
        """What work cost, in its own currency or where that has the journal's, and what is owed for it."""
        cost = at.work.cost
        if cost is None or not any(line.purpose in COST_PURPOSES for line in journal.lines):
            return ()
        before = journals_until(at.work.journals, journal.journal_id)
        progress = [
            leg for posted in before for leg in self.nodes.lines.legs(posted) if leg.account == WORK_IN_PROGRESS
        ]
        if progress:
            # It leaves 1300 as it stands there (policy `cost_policy`).
            account = cost_account(cost.against)
            return [one for leg in progress for one in (leg._replace(account=account), *negated((leg,)))]
        pairs = cost_pairs(
            replace(
                cost,
                amount=later(cost.amount, self.nodes.entries.cost, at, cost),
                tax=later(cost.tax, self.nodes.entries.tax, at, cost),
            )
        )
        carried = self.nodes.charges.hours(at.work, "ledger_cost")
        if carried is None:
            return self._at_rate(journal, at, pairs)
        ledger = Recorded(carried)
        return [Leg(*pair, ledger if (pair[2] > 0) == (ledger > 0) else -ledger) for pair in pairs]

    def _revenue(self, said: TracedOutput, journal: JournalEntry, at: VersionStanding) -> Sequence[Leg]:
        draft, price = self.sources.draft(said.step), at.work.price
        plan = plan_of(draft, price) if price is not None else None
        if price is None or plan is None or not any(line.purpose in EARNING for line in journal.lines):
            return ()
        before = journals_until(at.work.journals, journal.journal_id)
        is_through = goes_through_position(plan, price) and journal.rule != METHOD_CHANGE
        later_on = self._posted_after(said, at.work.journals[len(before) + 1 :])
        if is_through:  # whichever side of the position they moved
            later_on = tuple(
                (price.account if account in CONTRACT_SIDES else account, purpose, amount)
                for account, purpose, amount in later_on
            )
        made = self._price(at, price)
        summed = merge([Leg(*pair, 0) for pair in (*revenue_pairs(made), *later_on)])
        pairs = tuple((leg.account, leg.purpose, leg.amount) for leg in summed)
        earns = made.earns + sum(amount for account, _, amount in later_on if account not in REVENUE)

        def through(pairs: Pairs, exchange: Exchange) -> Sequence[Leg]:
            return against(self.nodes.positions.before(journal), plan, pairs, exchange)

        if journal.kind == "difference":
            of = self._difference(journal, at, plan, before)
            return of.over_time(pairs, earns, through) if is_through else of.moved(pairs)
        exchange = self.nodes.exchanges.rate(journal, at)
        if plan.timing == NO_REVENUE and pairs:
            is_through = keeps_on_position(draft, plan, price.account)
            if not is_through:
                return kept(plan, self._left(at.entry.entry_id, price.account, said.step), pairs, exchange)
        return through(pairs, exchange) if is_through else self._at_rate(journal, at, pairs)

    def _difference(
        self, journal: JournalEntry, at: VersionStanding, plan: LinePlan, before: Sequence[Posted]
    ) -> RevenueDifference:
        row, price = at.entry.entry_id, at.work.price
        assert price is not None, "it has a plan"
        purpose = next((line.purpose for line in journal.lines if line.purpose in EARNING), "")
        carried = carried_by([replace(posted, lines=self.nodes.lines.legs(posted)) for posted in before])
        stands = {account: self._left(journal.journal_id, account) for account in UNBILLED}
        return RevenueDifference(
            row, plan, price.revenue, self.nodes.exchanges.rate(journal, at), purpose, carried, stands
        )

    def _price(self, at: VersionStanding, price: Price) -> Price:
        """With numbers that say how they came about."""
        entries, entry_id = self.nodes.entries, at.entry.entry_id
        recognised, waiting = entries.earning(at)
        drawn = {
            store: (quantity, later(earned, self.nodes.drawing.earned, at, store))
            for store, (quantity, earned) in (price.drawn or {}).items()
        }
        return replace(
            price,
            recognised=recognised,
            waiting=waiting,
            allowed=later(price.allowed, entries.allowed, at) if price.earned is None else price.allowed,
            rounding=later(price.rounding, entries.rounding, entry_id, at.step),
            drawn=drawn if price.drawn is not None else None,
        )

    def _posted_after(self, said: TracedOutput, journals: Sequence[Posted]) -> Pairs:
        """An event may post an entry more than once, and what the entry is now comes with the last: less what was posted after it."""
        purpose = next(line.purpose for line in said.record.lines if line.purpose in EARNING)
        return tuple(
            (leg.account, purpose, Recorded(constant(_after(posted, number), -leg.amount, "amount", posted.currency)))
            for posted in journals
            if self.sources.trace.journals[posted.journal_id].step == said.step
            for number, leg in enumerate(posted.lines, 1)
            if leg.purpose in EARNING
        )

    def _at_rate(self, journal: JournalEntry, at: VersionStanding, pairs: Pairs) -> Sequence[Leg]:
        rate = self.nodes.exchanges.rate(journal, at)
        return [Leg(*pair, converted(pair[2], rate, "", "")) for pair in pairs]

    def _left(self, of: str, account: str, step: int | None = None) -> Balance:
        """What was on the account before the journal, or what the row was taken from at the step."""
        address = left_before(of, account)
        amount, ledger = (self.recorded.figure(one, step) for one in (address, f"{address}/ledger"))
        if amount is None or ledger is None:
            return NOTHING
        return Recorded(amount), Recorded(ledger)


def _after(posted: Posted, number: int) -> str:
    return f"less journal line {posted.journal_id}#{number}, after it"
