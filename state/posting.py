"""Journals of work entries: postings, exact reversals and differences.

One journal for each entity, currency, accounting date and kind; a reversal mirrors each standing journal with its own lines and rate.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from domain.accounts import (
    CONTRACT_ASSET,
    EXCHANGE_DIFFERENCE,
    LABOR_ABSORPTION,
    SERVICE_REVENUE,
    UNBILLED,
)
from domain.events.common import Policies
from domain.journal import (
    About,
    Booking,
    Leg,
    journal_entry,
    legs,
    merge,
    negated,
    rounding_beyond,
)
from domain.money import format_amount, round_ratio, smallest_unit
from domain.units import Amount
from state.assess import PricePlan, journal_reversal_day
from state.books import Entry, Posted, Price, Work
from state.draft import Draft
from state.known import Slot, open_day_from, period
from state.plan import LinePlan
from state.totals import unbilled_position
from state.value import Value

# A journal of an entry with one of these is about its contract; cost alone is not.
OF_CONTRACT = ("revenue", "exchange_difference")

Pairs = tuple[tuple[str, str, Amount], ...]


class Side(Value, frozen=True, array_like=True, gc=False):
    """Lines to book in one slot; `plan` is the contract line of the price side."""

    slot: Slot
    pairs: Pairs
    policies: Policies
    plan: LinePlan | None = None


def cost_pairs(amount: Amount, account: str) -> Pairs:
    return ((account, "cost", amount), (LABOR_ABSORPTION, "cost", -amount)) if amount else ()


def revenue_pairs(account: str, price: Price) -> Pairs:
    """What may be billed stands on the line's unbilled account, what only earns revenue on 1160."""
    earned = price.recognised + price.rounding
    if not earned:
        return ()
    if price.recognised <= price.allowed:
        return ((account, "revenue", earned), (SERVICE_REVENUE, "revenue", -earned))
    return (
        (account, "revenue", price.allowed + price.rounding),
        (CONTRACT_ASSET, "revenue", price.recognised - price.allowed),
        (SERVICE_REVENUE, "revenue", -earned),
    )


def about(draft: Draft, entry_id: str, version: int, rule: str) -> About:
    cause = draft.cause
    return About(draft.engagement_id, "time_entry", entry_id, version, rule, cause.kind, cause.id, cause.version)


def post(draft: Draft, work: Work, sides: Sequence[Side]) -> tuple[Posted, ...]:
    """Book the sides of an entry; those with the same entity, currency, date and rate share a journal."""
    booked: dict[Booking, tuple[list[Leg], Side]] = {}
    for side in sides:
        if not side.pairs:
            continue
        booking = booking_of(side.slot, "posting")
        gathered, about_it = booked.setdefault(booking, ([], side))
        gathered += legs(side.pairs, side.slot.exchange, booking.ledger_currency, side.policies.money_mode or "half_up")
        if side.plan is not None and about_it.plan is None:
            booked[booking] = (gathered, side)
    rules = _rules({booking: side for booking, (_, side) in booked.items()})
    return tuple(
        emit(draft, work, booking, merge(gathered), side.plan, rule, side.policies.rounding_limit or 0)
        for rule, (booking, (gathered, side)) in zip(rules, booked.items(), strict=True)
    )


def _rules(booked: Mapping[Booking, Side]) -> list[str]:
    """Cost that differs from revenue in its exchange rate alone is a rule of its own, so that the two have two ids."""
    if len(booked) == 1:
        return ["time"]
    places = [booking._replace(exchange_rate=0) for booking in booked]
    return [
        "cost" if side.plan is None and places.count(place) > 1 else "time"
        for place, side in zip(places, booked.values(), strict=True)
    ]


def booking_of(slot: Slot, kind: str) -> Booking:
    entity = slot.entity
    return Booking(
        entity.legal_entity_id,
        slot.currency,
        entity.currency,
        slot.exchange.rate,
        slot.accounting_date,
        slot.period,
        kind,
    )


def emit(
    draft: Draft,
    work: Work,
    booking: Booking,
    all_legs: tuple[Leg, ...],
    plan: LinePlan | None,
    rule: str,
    limit: Amount,
) -> Posted:
    event = work.event
    place = dimension_set(draft, work)
    service_day = (
        work.price.day
        if work.price is not None
        else work.cost.day
        if work.cost is not None
        else booking.accounting_date
    )
    record = journal_entry(
        about(draft, event.entry_id, event.version, rule),
        booking,
        all_legs,
        project_id=event.project_id,
        dimensions=draft.project(event.project_id).dimension_sets[place],
        service_date=service_day,
        contract_id=plan.contract_id if plan is not None else None,
        customer_id=plan.customer_id if plan is not None else None,
    )
    draft.outputs.append(record)
    if excess := rounding_beyond(all_legs, booking.ledger_currency, limit):
        draft.note(
            "rounding_over_limit",
            "journal",
            record.journal_id,
            f"rounding left {format_amount(excess)} {booking.ledger_currency}, the limit is {format_amount(limit)}",
            project_id=event.project_id,
            amount=excess,
            currency=booking.ledger_currency,
        )
    return Posted(
        record.journal_id,
        booking.kind,
        booking.legal_entity_id,
        booking.currency,
        booking.ledger_currency,
        booking.exchange_rate,
        booking.accounting_date,
        booking.period,
        service_day,
        place,
        True,
        all_legs,
    )


def dimension_set(draft: Draft, work: Work) -> int:
    """Place of the work's dimensions among those its project has used: what the entry states, then the project's own."""
    project = draft.project(work.event.project_id)
    own = project.activated.dimensions if project.activated is not None else {}
    stated = work.event.dimensions
    if not stated and own == project.dimension_sets[-1]:
        return len(project.dimension_sets) - 1
    wanted = {**own, **stated} if stated else own
    if wanted in project.dimension_sets:
        return project.dimension_sets.index(wanted)
    sets = (*project.dimension_sets, dict(sorted(wanted.items())))
    draft.put_project(replace(project, dimension_sets=sets))
    return len(sets) - 1


def reverse(draft: Draft, work: Work) -> None:
    """Mirror every standing journal of the work: its own lines, amounts and rate, on its date while that period is open."""
    for journal in work.journals:
        day = journal_reversal_day(draft, journal)
        entity = draft.reference.entity(journal.legal_entity_id)
        assert entity is not None, "a journal was posted in this entity"
        booking = Booking(
            journal.legal_entity_id,
            journal.currency,
            journal.ledger_currency,
            journal.exchange_rate,
            day,
            period(draft, entity, day).name,
            "reversal",
        )
        price = work.price if work.price is not None and work.price.line_id else None
        contract = draft.contract(price.contract_id) if price is not None else None
        of_contract = any(line.purpose in OF_CONTRACT for line in journal.lines)
        draft.emit(
            journal_entry(
                about(draft, work.event.entry_id, work.event.version, "time"),
                booking,
                negated(journal.lines),
                project_id=work.event.project_id,
                dimensions=draft.project(work.event.project_id).dimension_sets[journal.dimensions],
                service_date=journal.service_date,
                contract_id=price.contract_id if price is not None and of_contract else None,
                customer_id=contract.terms.customer_id if contract is not None and of_contract else None,
                deliver=journal.deliver,
                reverses=journal.journal_id,
            )
        )


def book_difference(draft: Draft, work: Work, plan: LinePlan, price: Price, slot: Slot, rule: str) -> Work:
    """Bring the revenue journals of the work to what `price` now says; only the difference is posted.

    What takes back uses the ledger amount that the account carries, in proportion; what adds uses the slot's rate.
    """
    carried = _carried(work.journals)
    target: dict[str, Amount] = {}
    for account, _, amount in revenue_pairs(plan.account, price):
        if account != SERVICE_REVENUE:
            target[account] = target.get(account, 0) + amount
    made: list[Leg] = []
    for account in sorted({*target, *(account for account in carried if account in UNBILLED)}):
        had, had_ledger = carried.get(account, (0, 0))
        delta = target.get(account, 0) - had
        if delta:
            made.append(Leg(account, "revenue", delta, difference_ledger(had, had_ledger, delta, slot, plan.policies)))
    if not made:
        return work
    amount, ledger = sum(leg.amount for leg in made), sum(leg.ledger_amount for leg in made)
    made.append(Leg(SERVICE_REVENUE, "revenue", -amount, -ledger))
    booking = booking_of(slot, "difference")
    posted = emit(draft, work, booking, merge(made), plan, rule, plan.policies.rounding_limit or 0)
    return Work(work.event, work.log_offset, work.cost, price, (*work.journals, posted), work.faults)


def _carried(journals: Iterable[Posted]) -> dict[str, tuple[Amount, Amount]]:
    """Revenue purpose only: what each account carries, in transaction and in ledger currency."""
    sums: dict[str, tuple[Amount, Amount]] = {}
    for journal in journals:
        for line in journal.lines:
            if line.purpose == "revenue":
                had, had_ledger = sums.get(line.account, (0, 0))
                sums[line.account] = had + line.amount, had_ledger + line.ledger_amount
    return sums


def difference_ledger(had: Amount, had_ledger: Amount, delta: Amount, slot: Slot, policies: Policies) -> Amount:
    takes_back = had and (had > 0) != (delta > 0) and abs(delta) <= abs(had)
    mode = policies.money_mode or "half_up"
    if takes_back:
        if delta == -had:
            return -had_ledger
        return round_ratio(had_ledger * delta, had, smallest_unit(slot.entity.currency), mode)
    return round_ratio(
        delta * slot.exchange.numerator, slot.exchange.denominator, smallest_unit(slot.entity.currency), mode
    )


def settle_exchange_rest(draft: Draft, entry: Entry, plan: LinePlan) -> Entry:
    """When the unbilled balance of an entry becomes zero in contract currency, its ledger rest goes to 7110 in the same event."""
    amount, rest = unbilled_position(entry)
    work = entry.standing
    if amount or not rest or work is None or not work.journals:
        return entry
    last = work.journals[-1]
    day = open_day_from(draft, plan.entity, last.accounting_date)
    booking = Booking(
        plan.entity.legal_entity_id,
        plan.currency,
        plan.entity.currency,
        last.exchange_rate,
        day,
        period(draft, plan.entity, day).name,
        "difference",
    )
    made = (
        Leg(plan.account, "exchange_difference", 0, -rest),
        Leg(EXCHANGE_DIFFERENCE, "exchange_difference", 0, rest),
    )
    posted = emit(draft, work, booking, made, plan, "exchange_rest", plan.policies.rounding_limit or 0)
    settled = Work(work.event, work.log_offset, work.cost, work.price, (*work.journals, posted), work.faults)
    return replace(entry, behind=settled) if entry.behind is not None else replace(entry, work=settled)


def explain(draft: Draft, plan: PricePlan) -> None:
    """Keep the decision behind the rate once, whatever number of entries it rates."""
    if plan.decision is not None:
        draft.explanations[plan.price.decision] = plan.decision


def with_work(entry: Entry, work: Work | None, behind: Work | None = None) -> Entry:
    return Entry(entry.entry_id, entry.version, work, behind, entry.issued, entry.waived, entry.conflict)
