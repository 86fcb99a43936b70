"""Journals of work entries: postings, exact reversals and differences.

One journal for each entity, currency, accounting date and kind; a reversal mirrors each standing journal with its own lines and rate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import chain, count
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from domain.accounts import (
    CONTRACT_ASSET,
    CONTRACT_LIABILITY,
    CONTRACT_SIDES,
    CURRENCY_ROUNDING,
    EXCHANGE_DIFFERENCE,
    INPUT_TAX,
    UNBILLED,
    UNBILLED_RECEIVABLE,
)
from domain.events.reference import LegalEntityDefined
from domain.explanation import Node, total
from domain.figure import Recorded, as_recorded, called
from domain.ledger.journal import (
    ADJUSTED,
    About,
    Booking,
    Leg,
    journal_by_project,
    journal_entry,
    journal_id_of,
    legs,
    merge,
    negated,
    rounding_beyond,
)
from domain.ledger.position import NOTHING, Balance, relieved
from domain.ledger.recorded import journal_line, record_both, say_lines
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.reference.exchange import Exchange, at_rate
from domain.sums import summed
from domain.terms.kind import NO_REVENUE, OVER_TIME
from domain.tuples import new_tuple
from domain.units import Amount
from domain.work.rows import ADJUSTMENT, COUNTED_ADJUSTMENT, TIME_ENTRY, row_id
from domain.work.transfer import RULE as INTERCOMPANY
from state.books import Cost, Entry, Posted, Price, Receipt, Work
from state.draft import BLOCKED, Draft
from state.ledger import deposit_balance, position, standings
from state.ledger.carried import carried, left_before, of_deposit, say_left
from state.ledger.dimensions import of_projects, of_work, with_place
from state.ledger.rate_record import say_rate
from state.terms.known import Slot, open_day_from, period
from state.terms.plan import LinePlan, plan_of
from state.totals import unbilled_positions
from state.value import Value, plain
from state.work.value_time import journal_reversal_day

Pairs = tuple[tuple[str, str, Amount], ...]

# Purposes of the lines that say what work has earned.
EARNED, GIVEN_UP = "revenue", "write_off"
EARNING = frozenset({EARNED, GIVEN_UP, ADJUSTED})


class Side(Value, frozen=True, array_like=True, gc=False):
    """Lines to book in one slot; `plan` is the contract line of the price side."""

    slot: Slot
    pairs: Pairs
    policies: Resolved
    plan: LinePlan | None = None


def cost_pairs(cost: Cost) -> Pairs:
    """Cost, and the input tax that is recovered, against what they are owed on."""
    owed = cost.amount + cost.tax
    if not cost.tax:
        return ((cost.account, "cost", owed), (cost.against, "cost", -owed)) if owed else ()
    return ((cost.account, "cost", cost.amount), (INPUT_TAX, "tax", cost.tax), (cost.against, "cost", -owed))


def revenue_pairs(price: Price) -> Pairs:
    """What may be billed stands on the price's account, what only earns revenue on 1160. Revenue as billed comes with the invoice."""
    earned = price.earns
    if not earned:
        return ()
    if price.content == COUNTED_ADJUSTMENT:
        return ((price.account, ADJUSTED, earned), (price.revenue, ADJUSTED, -earned))
    if price.drawn is not None and price.earned is not None and price.account != CONTRACT_LIABILITY:
        return _drawn_pairs(price)
    if price.account == price.revenue:
        return ()
    beyond = beyond_billing(price)
    if not beyond:
        return ((price.account, "revenue", earned), (price.revenue, "revenue", -earned))
    return (
        (price.account, "revenue", earned - beyond),
        (CONTRACT_ASSET, "revenue", beyond),
        (price.revenue, "revenue", -earned),
    )


def _drawn_pairs(price: Price) -> Pairs:
    """Of work that was issued before its line earned over time: what is charged beyond stays on the account that invoices relieve."""
    drawn = sum(amount for _, amount in price.drawn.values()) if price.drawn else 0
    beside = (price.account, price.earns - drawn), (CONTRACT_LIABILITY, drawn)
    return (
        *((account, "revenue", amount) for account, amount in beside if amount),
        (price.revenue, "revenue", -price.earns),
    )


def beyond_billing(price: Price) -> Amount:
    """What is earned with the work and may not be billed as things stand."""
    return max(price.recognised - price.allowed, 0) + price.waiting if price.earned is None else 0


def about(draft: Draft, identity: tuple[str, str, int], rule: str) -> About:
    """What a journal of work is about, by kind, id and version, and what the event is."""
    cause = draft.cause
    return new_tuple(About, (draft.engagement_id, *identity, rule, cause.kind, cause.id, cause.version))


class OpenJournal(msgspec.Struct, gc=False):
    """A journal while its lines are gathered; `plan` is the contract line of its revenue."""

    slot: Slot
    booking: Booking
    project_id: str
    plan: LinePlan | None
    policies: Resolved
    lines: tuple[Leg, ...] = ()


def post(draft: Draft, work: Work, sides: Sequence[Side]) -> tuple[Posted, ...]:
    """Book the sides of an entry; those with the same project, entity, currency, date and rate share a journal."""
    opened: list[OpenJournal] = []
    cost_policies = None
    for side in sides:
        plan, slot, policies = side.plan, side.slot, side.policies
        if plan is None and cost_policies is None:
            cost_policies = policies
        if not side.pairs:
            continue
        # Revenue stands in the project of the contract line, cost in that of the work.
        project_id = work.project_id if plan is None else work.earns_in
        for journal in opened:
            is_same = journal.slot is slot or journal.booking == booking_of(slot, "posting")
            if is_same and journal.project_id == project_id:
                break
        else:
            journal = OpenJournal(slot, booking_of(slot, "posting"), project_id, plan, policies)
            opened.append(journal)
        if plan is not None and journal.plan is None:
            journal.plan, journal.policies = plan, policies
        if plan is not None and goes_through_position(plan, work.price):
            if work.subject_kind == ADJUSTMENT:
                position.keep(draft, plan.contract_id)
            journal.lines += position.through(draft, plan, side.pairs, slot.exchange)
        elif plan is not None and plan.timing == NO_REVENUE:
            journal.lines += _kept(draft, work, plan, side)
        else:
            journal.lines += legs(side.pairs, slot.exchange, slot.entity.currency, policies.money_mode)
    identity = work.identity
    rule = _rule_of(identity[0])
    rules = _rules(opened, rule) if len(opened) > 1 else (rule,)
    posted = tuple(
        [
            emit(
                draft,
                work,
                about(draft, identity, of_rule),
                journal.booking,
                merge(journal.lines),
                journal.plan,
                journal.policies,
                cost_policies,
            )
            for of_rule, journal in zip(rules, opened, strict=False)
        ]
    )
    if draft.why is not None:
        for one, journal in zip(posted, opened, strict=True):
            say_rate(draft.why, one.journal_id, journal.slot, journal.plan)
    return posted


def goes_through_position(plan: LinePlan, price: Price | None) -> bool:
    """Whether a row earns over time, also of a line that does not by now, or by hand."""
    stands = price is not None and price.account == CONTRACT_LIABILITY and plan.timing != NO_REVENUE
    return stands or plan.timing == OVER_TIME


def keeps_on_position(draft: Draft, plan: LinePlan, account: str) -> bool:
    """Whether what is kept of a deposit on the account is on the position of its contract, since another line of that earns over time."""
    contract = draft.contract(plan.contract_id) if account == CONTRACT_LIABILITY else None
    return contract is not None and position.is_over_time(draft, contract)


def _kept(draft: Draft, work: Work, plan: LinePlan, side: Side) -> tuple[Leg, ...]:
    """What is kept of a deposit leaves it as it is carried."""
    row, account = row_id(work.subject_kind, work.subject_id), side.pairs[0][0]
    if keeps_on_position(draft, plan, account):
        return position.through(draft, plan, side.pairs, side.slot.exchange)
    contract_id, line_id = plan.contract_id, plan.line.line_id
    had = deposit_balance.balance(draft, contract_id, line_id, account, row)
    if draft.why is not None:
        rows = [one for one in deposit_balance.rows_of(draft, contract_id, line_id) if one.entry_id != row]
        made = of_deposit(draft.why, rows, (contract_id, line_id, account), (plan.currency, plan.entity.currency))
        record_both(draft.why, left_before(row, account), had, made)
    return deposit_balance.kept(plan, had, side.pairs, side.slot.exchange)


def _rules(opened: Iterable[OpenJournal], rule: str) -> list[str]:
    """Cost that differs from revenue in its exchange rate or its project alone is a rule of its own, so that the two have two ids."""
    places = [journal.booking._replace(exchange_rate=0) for journal in opened]
    return [
        "cost" if journal.plan is None and places.count(place) > 1 else rule
        for place, journal in zip(places, opened, strict=True)
    ]


def _rule_of(kind: str) -> str:
    return "time" if kind == TIME_ENTRY else kind


def booking_of(slot: Slot, kind: str) -> Booking:
    entity = slot.entity
    return new_tuple(
        Booking,
        (
            entity.legal_entity_id,
            slot.currency,
            entity.currency,
            slot.exchange.rate,
            slot.accounting_date,
            slot.period,
            kind,
        ),
    )


def booked_back(draft: Draft, entity: LegalEntityDefined, of: Posted | Receipt, day: date) -> Booking:
    """A journal of the company, at its rate."""
    currencies, name = (of.currency, of.ledger_currency), period(draft, entity, day).name
    return Booking(of.legal_entity_id, *currencies, of.exchange_rate, day, name, "reversal")


def emit(
    draft: Draft,
    work: Work,
    of: About,
    booking: Booking,
    all_legs: tuple[Leg, ...],
    plan: LinePlan | None,
    policies: Resolved,
    cost_policies: Resolved | None = None,
    pair_id: str = "",
) -> Posted:
    """`cost_policies` are those of the entity that bears the cost, where some of the lines are cost; `pair_id` ties it to the journal of
    another company."""
    recorded = all_legs
    if draft.why is not None:
        all_legs = plain(all_legs)
    project_id = work.project_id if plan is None else work.earns_in
    contract_id, customer_id = (plan.contract_id, plan.customer_id) if plan is not None else ("", None)
    project = draft.project(project_id)
    project, place = with_place(draft, project, of_work(draft, work, project, policies, of_cost=plan is None))
    cost_place = place
    if plan is not None and cost_policies is not None:
        project, cost_place = with_place(draft, project, of_work(draft, work, project, cost_policies, of_cost=True))
    sets = project.dimension_sets
    entity_id, currency, ledger_currency, rate, day, period_name, kind = booking
    side = work.price or work.cost or work.transfer
    service_day = side.day if side is not None else day
    deliver = not (draft.loads and _is_carried(work))
    record = journal_entry(
        of,
        booking,
        all_legs,
        project_id=project_id,
        dimensions=sets[place],
        of_cost=sets[cost_place],
        service_date=service_day,
        contract_id=contract_id or None,
        customer_id=customer_id,
        deliver=deliver,
    )
    if pair_id:
        record = record._replace(pair_id=pair_id)
    standings.publish(draft, record)
    if currency != ledger_currency:
        note_rounding(draft, record, all_legs, policies.rounding_limit, project_id=project_id)
    if draft.why is not None:
        say_lines(draft.why, record.journal_id, recorded, (currency, ledger_currency))
    return Posted(
        record.journal_id,
        kind,
        entity_id,
        currency,
        ledger_currency,
        rate,
        day,
        period_name,
        service_day,
        place,
        deliver,
        all_legs,
        contract_id,
        "" if project_id == work.project_id else project_id,
        None if cost_place == place else cost_place,
        pair_id,
    )


def emit_placed(
    draft: Draft,
    of: About,
    booking: Booking,
    placed: Sequence[tuple[str | None, Leg]],
    *,
    contract_id: str | None,
    customer_id: str | None,
    deliver: bool = True,
    reverses: str | None = None,
    policies: Resolved | None = None,
) -> JournalEntry:
    """One whose lines are of several projects, with the dimensions of these where `policies` say which."""
    record = journal_by_project(
        of,
        booking,
        placed if draft.why is None else plain(tuple(placed)),
        contract_id=contract_id,
        customer_id=customer_id,
        deliver=deliver,
        reverses=reverses,
    )
    if policies is not None:
        record = of_projects(draft, record, policies)
    standings.publish(draft, record)
    if draft.why is not None:
        say_lines(draft.why, record.journal_id, [leg for _, leg in placed], (booking.currency, booking.ledger_currency))
    return record


def note_rounding(
    draft: Draft,
    record: JournalEntry,
    all_legs: Iterable[Leg],
    limit: Amount,
    *,
    project_id: str | None = None,
    contract_id: str | None = None,
) -> None:
    """A journal whose residual is beyond the limit is posted all the same (R51)."""
    currency = record.ledger_currency
    if excess := rounding_beyond(all_legs, currency, limit):
        message = f"rounding left {format_amount(excess)} {currency}, the limit is {format_amount(limit)}"
        if draft.why is not None:
            excess = Recorded(_rest(record))
        draft.raise_exception(
            "rounding_over_limit",
            "journal",
            record.journal_id,
            message,
            amount=excess,
            currency=currency,
            project_id=project_id,
            contract_id=contract_id,
        )


def _rest(record: JournalEntry) -> Node:
    """What conversion left on 7190, as lines that have explanations of their own."""
    currencies = record.currency, record.ledger_currency
    rests = [
        journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies).ledger
        for number, line in enumerate(record.lines, 1)
        if line.account == CURRENCY_ROUNDING
    ]
    return total(BLOCKED, rests, "amount", record.ledger_currency, rule="R51")


def _is_carried(work: Work) -> bool:
    """The ERP has it as balances state it; what changes of it later it has not."""
    return work.charge is not None and work.charge.carried_on is not None


def reverse(draft: Draft, work: Work, on: date | None = None) -> None:
    """Mirror every standing journal of the work: its own lines, amounts and rate, on its date while that period is open; or on a later day
    that is given."""
    for journal in work.journals:
        entity = draft.reference.known_entity(journal.legal_entity_id)
        day = journal_reversal_day(draft, journal)
        if on is not None:
            day = open_day_from(draft, entity, max(on, journal.accounting_date))
        booking = booked_back(draft, entity, journal, day)
        contract = draft.contract(journal.contract_id)
        project_id = journal.project_id or work.project_id
        sets = draft.project(project_id).dimension_sets
        record = journal_entry(
            about(draft, work.identity, INTERCOMPANY if journal.pair_id else _rule_of(work.subject_kind)),
            booking,
            negated(journal.lines),
            project_id=project_id,
            dimensions=sets[journal.dimensions],
            of_cost=sets[journal.cost_dimensions] if journal.cost_dimensions is not None else None,
            service_date=journal.service_date,
            contract_id=journal.contract_id or None,
            customer_id=contract.terms.customer_id if contract is not None else None,
            deliver=journal.deliver or (_is_carried(work) and not draft.loads),
            reverses=journal.journal_id,
        )
        standings.publish(draft, record._replace(pair_id=journal.pair_id) if journal.pair_id else record)
        if work.is_schedule:
            position.look(draft, journal.contract_id)


def book_difference(
    draft: Draft, entry: Entry, plan: LinePlan, slot: Slot, rule: str, purpose: str = EARNED, *, goes_over: bool = False
) -> Entry:
    """Bring the revenue journals of the entry to what its price now says; only the difference is posted.

    What moves from one account to another does so at the ledger amount that it carries, so that revenue stays as it is. Of a row that
    `goes_over` to another method only what it was accrued with is moved, whatever the contract's position is.
    """
    work = entry.standing
    assert work is not None, "only posted work has a difference"
    price = work.price
    assert price is not None, "only a priced entry has a difference"
    stands = {account: had for (of, account), had in unbilled_positions(entry).items() if of == plan.contract_id}
    of = RevenueDifference(
        entry.entry_id, plan, price.revenue, slot.exchange, purpose, carried_by(work.journals), stands
    )
    if goes_through_position(plan, price) and not goes_over:
        made = of.over_time(revenue_pairs(price), price.earns, partial(position.through, draft, plan))
    else:
        made = of.moved(revenue_pairs(price))
    if not made:
        return entry
    booking = booking_of(slot, "difference")
    posted = emit(draft, work, _about_next(draft, work, rule, booking), booking, merge(made), plan, plan.policies)
    if draft.why is not None:
        say_rate(draft.why, posted.journal_id, slot, plan)
        say_left(draft.why, entry, plan.contract_id, posted.journal_id, (plan.currency, plan.entity.currency))
    return settle_exchange_rests(draft, with_standing(entry, replace(work, journals=(*work.journals, posted))))


def _about_next(draft: Draft, work: Work, rule: str, booking: Booking) -> About:
    """What a cut posted may move again in the same event, with a minimum that follows it: that is a journal of its own."""
    posted = {one.journal_id for one in work.journals}
    rules = chain((rule,), (f"{rule}/{number}" for number in count(2)))
    named = (about(draft, work.identity, each) for each in rules)
    return next(one for one in named if journal_id_of(one, booking) not in posted)


class RevenueDifference(NamedTuple):
    """How what a row earns is brought to what its price says: `carried` by account by its journals, `stands` what invoices left of that."""

    row: str
    plan: LinePlan
    revenue: str
    exchange: Exchange
    purpose: str
    carried: Mapping[str, Balance]
    stands: Mapping[str, Balance]

    def moved(self, pairs: Iterable[tuple[str, str, Amount]]) -> list[Leg]:
        """By account: what takes back uses the ledger amount that is carried there, in proportion; what adds takes over what leaves the
        other account, and the slot's rate beyond that.

            400.00 of 1160, carried at 360.00, move to 1150 with 100.00 that are added at 0.95: Dr 1150 500.00 (455.00)
        """
        target = summed((account, amount) for account, _, amount in pairs if account != self.revenue)
        accounts = sorted({*target, *(account for account in self.carried if account in UNBILLED)})
        deltas = {account: self._delta(account, target.get(account, 0)) for account in accounts}
        made: dict[str, Leg] = {}
        left = NOTHING
        for account, delta in deltas.items():
            had = self._carried(account)[0]
            if delta and had and (had > 0) != (delta > 0):
                made[account] = leg = self._taken_back(account, delta)
                left = left[0] - delta, left[1] - leg.ledger_amount
        for account, delta in deltas.items():
            if delta and account not in made:
                ledger = self._relieved(delta, left)
                made[account] = Leg(account, self.purpose, delta, ledger)
                left = left[0] - delta, left[1] - ledger
        return self._with_revenue([made[account] for account in accounts if account in made])

    def over_time(
        self,
        pairs: Iterable[tuple[str, str, Amount]],
        earns: Amount,
        through: Callable[[Pairs, Exchange], Iterable[Leg]],
    ) -> list[Leg]:
        """What the work earns more or less by now, against the position of the contract; what stood on 1150 leaves it as it is carried
        there, but for what work that was issued so is charged beyond."""
        beside = sum(amount for account, _, amount in pairs if account == UNBILLED_RECEIVABLE)
        moves = self._delta(UNBILLED_RECEIVABLE, beside)
        made = [self._taken_back(UNBILLED_RECEIVABLE, moves)] if moves else []
        earned = sum(self._carried(account)[0] for account in CONTRACT_SIDES)
        if delta := earns - beside - earned:
            made += through(((CONTRACT_LIABILITY, self.purpose, delta),), self.exchange)
        return self._with_revenue(made)

    def _delta(self, account: str, target: Amount) -> Amount:
        title = f"{self.row}: what it is now, less what its journals carry"
        return called(target - self._carried(account)[0], title, "R19")

    def _carried(self, account: str) -> Balance:
        return self.carried.get(account, NOTHING)

    def _taken_back(self, account: str, delta: Amount) -> Leg:
        """From what invoices have left of it, where that is enough, else from what was accrued."""
        left = self.stands.get(account, NOTHING)
        had = left if left[0] * delta < 0 and abs(left[0]) >= abs(delta) else self._carried(account)
        return Leg(account, self.purpose, delta, -self._relieved(-delta, had))

    def _relieved(self, amount: Amount, had: Balance) -> Amount:
        return relieved(amount, had, self.exchange, self.plan.entity.currency, self.plan.policies.money_mode)

    def _with_revenue(self, made: list[Leg]) -> list[Leg]:
        amount, ledger = sum(leg.amount for leg in made), sum(leg.ledger_amount for leg in made)
        return [*made, Leg(self.revenue, self.purpose, -amount, -ledger)] if made else []


def carried_by(journals: Iterable[Posted]) -> dict[str, Balance]:
    """Of revenue, and what of it was given up: what each account carries, in transaction and in ledger currency."""
    sums: dict[str, Balance] = {}
    for journal in journals:
        for line in journal.lines:
            if line.purpose in EARNING:
                had, had_ledger = sums.get(line.account, (0, 0))
                sums[line.account] = had + line.amount, had_ledger + line.ledger_amount
    return sums


def settle_exchange_rests(draft: Draft, entry: Entry, left: Work | None = None) -> Entry:
    """When both 1150 and 1160 of an entry on a contract are zero in contract currency, their ledger rests go to 7110 in the same event.

    `left` is the work that stood before, where the event reversed it.
    """
    if not entry.issued:
        return entry
    for work in (left, entry.standing):
        if work is not None and work.price is not None and (plan := plan_of(draft, work.price)) is not None:
            entry = _settle_exchange_rest(draft, entry, plan, left)
    return entry


def _settle_exchange_rest(draft: Draft, entry: Entry, plan: LinePlan, left: Work | None) -> Entry:
    """The rest belongs to the journals of the work on the contract; where that has left it, it stands by itself."""
    unbilled = {
        account: balance
        for (contract_id, account), balance in sorted(unbilled_positions(entry).items())
        if contract_id == plan.contract_id
    }
    rests = {account: rest for account, (_, rest) in unbilled.items() if rest}
    if not rests or any(amount for amount, _ in unbilled.values()):
        return entry
    standing = entry.standing
    for work in (standing, left):
        last = (
            next((one for one in reversed(work.journals) if one.contract_id == plan.contract_id), None)
            if work
            else None
        )
        if work is None or last is None:
            continue
        if draft.why is not None:
            currencies = plan.currency, plan.entity.currency
            said = {account: carried(draft.why, entry, plan.contract_id, account, currencies) for account in rests}
            rests = {account: as_recorded(rest, said[account].ledger) for account, rest in rests.items()}
        posted = _exchange_rest(draft, work, plan, last, rests)
        if work is standing:
            return with_standing(entry, replace(work, journals=(*work.journals, posted)))
        return replace(entry, rests=(*entry.rests, posted))
    return entry


def _exchange_rest(draft: Draft, work: Work, plan: LinePlan, last: Posted, rests: Mapping[str, Amount]) -> Posted:
    day = open_day_from(draft, plan.entity, last.accounting_date)
    rate = at_rate(last.exchange_rate)
    booking = booking_of(
        Slot(plan.entity, plan.currency, day, period(draft, plan.entity, day).name, rate), "difference"
    )
    made = [Leg(account, "exchange_difference", 0, -rest) for account, rest in rests.items()]
    made.append(Leg(EXCHANGE_DIFFERENCE, "exchange_difference", 0, sum(rests.values())))
    of = about(draft, work.identity, "exchange_rest")
    return emit(draft, work, of, booking, merge(made), plan, plan.policies)


def with_work(entry: Entry, work: Work | None, behind: Work | None = None) -> Entry:
    return replace(entry, work=work, behind=behind)


def with_standing(entry: Entry, work: Work) -> Entry:
    return replace(entry, behind=work) if entry.behind is not None else replace(entry, work=work)
