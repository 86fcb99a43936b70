"""Can this charge be posted, and as what? Reads only; what it finds is posted by `state/ledger/posting.py`.

A charge has a price side, as time has, and a cost side only where somebody spent money (an expense). What terms charge by themselves is
placed where it comes from; everything else looks for the line that takes it.

An expense costs what was spent, net of the tax that is recovered, in the legal entity of the person who spent it, else of the contract,
else of the project; in the currency in which it was spent. What it is charged with is in contract currency, by the rate of its day.
"""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from domain.accounts import (
    CONTRACT_LIABILITY,
    EXPENSE_CLEARING,
    EXPENSE_COST,
    LABOR_ABSORPTION,
    LABOR_COST,
    REIMBURSABLE_REVENUE,
    SERVICE_REVENUE,
)
from domain.billing.statement import HOUR
from domain.events.common import Expenses, PriceTier
from domain.events.reference import LegalEntityDefined
from domain.exceptions import OUT_OF_RANGE
from domain.money import format_amount, format_decimal, is_currency, round_ratio, smallest_unit
from domain.policy_faults import ENTRY_MOST
from domain.reference.exchange import Exchange
from domain.refusals import UNSUPPORTED, words_of
from domain.terms import methods
from domain.terms.deposit import DEPOSIT
from domain.terms.kind import NO_REVENUE, OVER_TIME, Passed
from domain.terms.tiers import PER_AMOUNT, graduated
from domain.terms.unit_price import is_shared, prices
from domain.units import (
    AMOUNT_SCALE,
    EXCHANGE_RATE_ONE,
    HUNDRED_PERCENT,
    QUANTITY_ONE,
    QUANTITY_SCALE,
    RATE_SCALE,
    Amount,
    Quantity,
)
from domain.work.rows import (
    ADJUSTMENT,
    COUNTED_ADJUSTMENT,
    COUNTED_FEE,
    COUNTED_TIME,
    DELIVERY,
    EXPENSE,
    OPENING,
    SCHEDULED_REVENUE,
    counted_as,
    fee_row,
    is_conceded,
    is_over_former,
    row_id,
)
from state.books import Charge, Cost, Entry, Price, Work
from state.draft import Draft
from state.terms.known import Blocked, Worker, entity_policies, slot_for, worker_on
from state.terms.plan import LinePlan, as_earned, line_plan, plan_on, version_on
from state.totals import issued_on
from state.work import charge_record
from state.work.exchange_waits import Waited, settled
from state.work.placing import Placed, place, taken_projects
from state.work.value_time import (
    CostPlan,
    PricePlan,
    Sides,
    ended_or_far_off,
    into_contract,
    is_beyond,
    reversal_day,
    unknown_worker,
)

UNITS_MOST: Quantity = 1_000_000_000 * QUANTITY_ONE


def value_charge(draft: Draft, entry: Entry, charge: Charge, standing: Work | None, waited: Waited) -> Sides:
    """Judge one version of a charge; `standing` is the posted version it would replace."""
    if charge.kind == EXPENSE:
        return _of_expense(draft, entry, charge, standing, waited)
    if charge.kind == DELIVERY:
        return _of_delivery(draft, entry, charge, standing, waited)
    if charge.kind == OPENING:
        return _of_opening(draft, charge, standing, waited)
    if charge.kind == ADJUSTMENT:
        return Sides(None, None, _of_adjustment(draft, charge, standing, waited))
    return Sides(None, None, _of_terms(draft, charge, standing, waited))


def _of_terms(draft: Draft, charge: Charge, standing: Work | None, waited: Waited) -> PricePlan | Blocked:
    """What the terms charge or earn by themselves."""
    plan = plan_of_charge(draft, charge)
    if plan is None:
        message = f"contract {charge.contract_id} has no line {charge.line_id} on {charge.day}"
        return Blocked("price", "no_contract_line", message, field="line_id")
    over_time = charge.kind == SCHEDULED_REVENUE and plan.draws is None and plan.timing != NO_REVENUE
    price = replace(
        _at_zero(charge, plan),
        rate=shown_rate(charge.amount, charge.quantity or QUANTITY_ONE),
        value=charge.amount,
        account=CONTRACT_LIABILITY if over_time else _account_of(draft, plan),
        earned=plan.earned if charge.kind != SCHEDULED_REVENUE else charge.earned,
        quantity=charge.quantity or QUANTITY_ONE,
        unit=charge.unit,
        content=plan.content,
    )
    if draft.why is not None:
        price = charge_record.of_terms(draft, charge, price)
    return priced(draft, plan, price, standing, waited, charge.carried_on)


def _account_of(draft: Draft, plan: LinePlan) -> str:
    """Where invoices take from. A deposit stays where it was billed, also once its terms make it refundable, or no more."""
    contract_id, line_id = plan.contract_id, plan.line.line_id
    deposit = draft.entry(fee_row(contract_id, line_id, DEPOSIT)) if plan.timing == NO_REVENUE else None
    issued = issued_on(deposit, contract_id, line_id) if deposit is not None else None
    return issued.account if issued is not None else plan.account_for(SERVICE_REVENUE)


def _of_adjustment(draft: Draft, charge: Charge, standing: Work | None, waited: Waited) -> PricePlan | Blocked:
    """Revenue by hand: nothing is billed of it, and it stands on the position of the contract."""
    contract = draft.contract(charge.contract_id or "")
    plan = (
        plan_on(draft, contract, charge.day, charge.line_id or "", COUNTED_ADJUSTMENT) if contract is not None else None
    )
    assert plan is not None, "an adjustment of an unknown line waits"
    content = {"content": COUNTED_ADJUSTMENT, "quantity": QUANTITY_ONE, "unit": charge.unit}
    price = replace(_at_zero(charge, plan), account=CONTRACT_LIABILITY, earned=charge.earned, **content)
    if draft.why is not None:
        price = charge_record.of_terms(draft, charge, price)
    return priced(draft, plan, price, standing, waited)


def _of_opening(draft: Draft, charge: Charge, standing: Work | None, waited: Waited) -> Sides:
    """What was brought forward is as it was stated: nothing of it follows from a rate."""
    contract, line_id = draft.contract_in_books(charge.contract_id or ""), charge.line_id
    opening = charge.opening
    assert line_id is not None, "balances are of a line"
    assert opening is not None, "it is the work of a line"
    plan = plan_on(draft, contract, charge.day, line_id, counted_as(charge.kind))
    assert plan is not None, "balances of an unknown line are refused"
    entity, day = plan.entity, charge.carried_on or charge.day
    policies = entity_policies(draft, entity)
    slot = slot_for(draft, "cost", entity, entity.currency, day, None, day, policies)
    if isinstance(slot, Blocked):
        return Sides(None, slot, slot)
    if opening.currency:
        rate = opening.ledger * EXCHANGE_RATE_ONE // opening.cost
        stated = Exchange(abs(opening.ledger), abs(opening.cost), rate, ())
        slot = replace(slot, currency=opening.currency, exchange=stated)
    is_spent = charge.category is not None
    account, against = (EXPENSE_COST, EXPENSE_CLEARING) if is_spent else (LABOR_COST, LABOR_ABSORPTION)
    cost = Cost(
        entity.legal_entity_id,
        slot.currency,
        "",
        0,
        shown_rate(opening.cost, opening.hours),
        opening.hours,
        opening.cost,
        charge.day,
        account,
        against,
    )
    if draft.why is not None:
        cost = charge_record.cost(draft, charge, cost)
    if not opening.billable:
        nothing = Price("", "", "", charge.day, charge.approved_at, "", 0, 0, "", 0, 0, 0)
        return Sides(None, CostPlan(cost, slot, policies), PricePlan(nothing, None, None))
    plan = _counting(draft, charge, plan)
    if is_spent or opening.currency:
        nothing = _at_zero(charge, plan)
        if draft.why is not None:
            nothing = charge_record.opened(draft, charge, nothing)
        spent = priced(draft, plan, nothing, standing, waited, charge.carried_on)
        return Sides(None, CostPlan(cost, slot, policies), spent)
    units = methods.units(plan.line.terms)
    is_expense = isinstance(plan.line.terms, Expenses) or opening.category is not None
    revenue = REIMBURSABLE_REVENUE if is_expense else SERVICE_REVENUE
    price = replace(
        _at_zero(charge, plan),
        rate=shown_rate(charge.amount, opening.billable_hours),
        hours=opening.billable_hours,
        value=charge.amount,
        account=plan.account_for(revenue),
        revenue=revenue,
        earned=charge.earned if plan.timing == OVER_TIME else plan.earned,
        quantity=charge.quantity or QUANTITY_ONE,
        unit=units.unit if units is not None and charge.quantity is not None else charge.unit,
        content=plan.content,
        stepped=units is not None and is_shared(units) and bool(charge.quantity),
        returned=opening.uncounted,
        returned_hours=opening.uncounted_hours,
        drawn=opening.drawn,
        given=opening.given,
        within=0 if is_over_former(row_id(OPENING, charge.charge_id)) else None,
    )
    if opening.by is not None:
        price = replace(price, role=opening.by.role, rate=opening.by.rate, markup=opening.by.markup, unit=HOUR)
    if draft.why is not None:
        price = charge_record.opened(draft, charge, price)
    return Sides(None, CostPlan(cost, slot, policies), priced(draft, plan, price, standing, waited, charge.carried_on))


def _counting(draft: Draft, charge: Charge, plan: LinePlan) -> LinePlan:
    """The plan of the line for what its caps count of that work; what a price earns over time is no time's, unless hours
    draw on it or it was conceded."""
    content = COUNTED_TIME
    is_conceded_before = is_conceded(row_id(OPENING, charge.charge_id))
    if plan.timing == OVER_TIME and plan.draws is None and not is_conceded_before:
        content = COUNTED_FEE
    elif methods.units(plan.line.terms) is not None:
        content = counted_as(DELIVERY)
    elif isinstance(plan.line.terms, Expenses) or (charge.opening is not None and charge.opening.category is not None):
        content = counted_as(EXPENSE, charge.opening.category if charge.opening is not None else None)
    contract = draft.contract_in_books(plan.contract_id)
    return line_plan(draft, contract, version_on(contract, charge.day), plan.line.line_id, content) or plan


def plan_of_charge(draft: Draft, charge: Charge) -> LinePlan | None:
    contract = draft.contract(charge.contract_id or "")
    if contract is None or not contract.history or charge.line_id is None:
        return None
    plan = line_plan(draft, contract, version_on(contract, charge.day), charge.line_id, counted_as(charge.kind))
    return as_earned(draft, contract, plan) if plan is not None else None


def priced(
    draft: Draft, plan: LinePlan, price: Price, standing: Work | None, waited: Waited, carried_on: date | None = None
) -> PricePlan | Blocked:
    """The price where it is booked, on its day or the next that is open; a version that replaces another takes over its date. What is of
    before the books begin is booked on the day on which it is carried."""
    day, policies = carried_on or price.day, plan.policies
    kept = standing is not None and standing.price is not None and standing.price.day == day
    instead = reversal_day(draft, standing, "revenue", plan.entity) if kept and standing is not None else None
    slot = slot_for(draft, "price", plan.entity, plan.currency, day, instead, day, policies)
    slot = settled(draft, slot, "price", day, policies, waited)
    return slot if isinstance(slot, Blocked) else PricePlan(price, plan, slot)


def shown_rate(amount: int, quantity: int) -> int:
    """For printing: what one unit comes to, in 10^-6."""
    scale = 10 ** (QUANTITY_SCALE + QUANTITY_SCALE - AMOUNT_SCALE)
    return amount * scale // quantity if quantity else 0


# Expenses


def _of_expense(draft: Draft, entry: Entry, charge: Charge, standing: Work | None, waited: Waited) -> Sides:
    worker = worker_on(draft, charge.person_id, charge.day) if charge.person_id is not None else None
    whole = _validity(entry, charge, _amount_fault(charge))
    if whole is None and charge.person_id is not None and worker is None:
        whole = unknown_worker(draft, charge.person_id, charge.day)
    if whole is None:
        whole = ended_or_far_off(draft, entry, charge)
    if whole is not None:
        return Sides(whole, whole, whole)
    placed = place(draft, charge, entry.waived)
    return Sides(
        None, _cost(draft, charge, placed, worker, standing, waited), _price(draft, charge, placed, standing, waited)
    )


def _validity(entry: Entry, charge: Charge, out_of_range: tuple[str, str] | None) -> Blocked | None:
    if out_of_range is not None:
        return Blocked("whole", OUT_OF_RANGE, out_of_range[1], field=out_of_range[0])
    is_own = charge.submitted_by is not None and charge.submitted_by == charge.approved_by
    if is_own and "self_approved" not in entry.waived:
        message = f"{charge.approved_by} submitted and approved the {charge.kind}"
        return Blocked("whole", "self_approved", message, field="approved_by")
    if entry.conflict is not None:
        return Blocked("whole", "conflicting_version", "the version came twice with different content", field="version")
    return None


def _amount_fault(charge: Charge) -> tuple[str, str] | None:
    """Field and message. A negative amount gives back: what a supplier credits, or a person returns."""
    stated = (("amount", charge.amount), ("tax_amount", charge.tax), ("tax_recoverable", charge.tax_recoverable))
    for field, amount in stated:
        if abs(amount) > ENTRY_MOST:
            return field, f"expected at most {format_amount(ENTRY_MOST)}, got {format_amount(amount)}"
        if is_currency(charge.currency) and amount % smallest_unit(charge.currency):
            return field, f"{format_amount(amount)} is finer than {charge.currency} can be paid"
    if charge.tax * charge.amount < 0:
        side = "zero or more" if charge.amount > 0 else "zero or less"
        return (
            "tax_amount",
            f"expected tax of {side} on {format_amount(charge.amount)}, got {format_amount(charge.tax)}",
        )
    if not min(charge.tax, 0) <= charge.tax_recoverable <= max(charge.tax, 0):
        message = (
            f"expected at most the tax of {format_amount(charge.tax)}, got {format_amount(charge.tax_recoverable)}"
        )
        return "tax_recoverable", message
    return None


def _cost(
    draft: Draft, charge: Charge, placed: Placed | Blocked, worker: Worker | None, standing: Work | None, waited: Waited
) -> CostPlan | Blocked:
    entity = worker.entity if worker is not None else _bearer(draft, charge, placed)
    if isinstance(entity, Blocked):
        return entity
    day, policies = charge.day, entity_policies(draft, entity)
    kept = standing is not None and standing.cost is not None and standing.cost.day == day
    instead = reversal_day(draft, standing, "cost", entity) if kept and standing is not None else None
    slot = slot_for(draft, "cost", entity, charge.currency, day, instead, day, policies)
    slot = settled(draft, slot, "cost", day, policies, waited)
    if isinstance(slot, Blocked):
        return slot
    amount = spent(charge)
    if is_beyond(amount, slot) or is_beyond(charge.tax_recoverable, slot):
        return _beyond("cost", amount, charge.currency)
    cost = Cost(
        entity.legal_entity_id,
        charge.currency,
        "",
        0,
        0,
        0,
        amount,
        day,
        EXPENSE_COST,
        EXPENSE_CLEARING,
        charge.tax_recoverable,
    )
    if draft.why is not None:
        cost = charge_record.cost(draft, charge, cost)
    return CostPlan(cost, slot, policies)


def spent(charge: Charge) -> Amount:
    """What the expense cost: tax that is not recovered is part of it."""
    return charge.amount + charge.tax - charge.tax_recoverable


def _bearer(draft: Draft, charge: Charge, placed: Placed | Blocked) -> LegalEntityDefined | Blocked:
    """The company that bears what nobody of its people spent: the contract's, else the project's."""
    if isinstance(placed, Placed):
        return placed.plan.entity
    contracts = (draft.contract(each) for each in taken_projects(draft).get(charge.project_id, ()))
    names = [contract.terms.legal_entity_id for contract in contracts if contract is not None and contract.history]
    activated = draft.project(charge.project_id).activated
    if activated is not None:
        names.append(activated.legal_entity_id)
    for name in names:
        entity = draft.reference.entity(name)
        if entity is not None:
            return entity
    message = f"project {charge.project_id} has no contract and is not activated: no legal entity bears the cost"
    if names:
        message = f"legal entity {names[0]} of project {charge.project_id} is not defined"
    return Blocked("cost", "unknown_reference", message, tuple(("entity", name) for name in names), "project_id")


def _price(
    draft: Draft, charge: Charge, placed: Placed | Blocked, standing: Work | None, waited: Waited
) -> PricePlan | Blocked:
    content = counted_as(charge.kind, charge.category)
    if not charge.billable:
        nothing = Price("", "", "", charge.day, charge.approved_at, "", 0, 0, "", 0, 0, 0, content=content)
        return PricePlan(nothing, None, None)
    if isinstance(placed, Blocked):
        return placed
    plan, day = placed.plan, placed.day
    passed = methods.expense(plan.line.terms, charge.category or "")
    if passed is None:
        return _included(draft, charge, plan, content, waited)
    if plan.policies.expenses_revenue == "net":
        return Blocked("price", UNSUPPORTED, words_of("expenses_net"), field="policies.expenses_revenue")
    price = replace(
        _at_zero(charge, plan),
        day=day,
        markup=passed.markup,
        account=plan.account_for(REIMBURSABLE_REVENUE),
        revenue=REIMBURSABLE_REVENUE,
        earned=plan.earned,
        quantity=QUANTITY_ONE,
        unit=passed.unit,
        content=content,
    )
    exchange = None if passed.tiers else into_contract(draft, plan, charge.currency, charge.day, waited)
    if isinstance(exchange, Blocked):
        return exchange
    valued = _by_table(charge, passed, plan, price) if exchange is None else _at_cost(charge, plan, price, exchange)
    if isinstance(valued, Blocked):
        return valued
    if draft.why is not None:
        valued = charge_record.expense(draft, charge, passed, plan, exchange, valued)
    return _within_bounds(priced(draft, plan, valued, standing, waited))


def _included(draft: Draft, charge: Charge, plan: LinePlan, content: str, waited: Waited) -> PricePlan | Blocked:
    """The charges of the terms are for it: it is the line's, at a price of zero, and posts nothing.

    Where it counts as spent, that needs the day's rate.
    """
    if methods.needs_cost(plan.line, plan.policies):
        exchange = into_contract(draft, plan, charge.currency, charge.day, waited)
        if isinstance(exchange, Blocked):
            return exchange
    revenue = REIMBURSABLE_REVENUE if charge.kind == EXPENSE else SERVICE_REVENUE
    price = replace(_at_zero(charge, plan), revenue=revenue, quantity=QUANTITY_ONE, unit="each", content=content)
    return PricePlan(charge_record.included(price) if draft.why is not None else price, plan, None)


def _at_zero(charge: Charge, plan: LinePlan) -> Price:
    """On its line and day, without rate, hours and value: what a charge has of these is put in its place."""
    return Price(
        contract_id=plan.contract_id,
        line_id=plan.line.line_id,
        currency=plan.currency,
        day=charge.day,
        approved_at=charge.approved_at,
        role="",
        rate=0,
        markup=0,
        decision="",
        hours=0,
        value=0,
        memo=0,
    )


def _by_table(charge: Charge, passed: Passed, plan: LinePlan, price: Price) -> Price | Blocked:
    quantity = charge.quantity
    if quantity is None:
        message = f"category {charge.category} has fixed prices on line {plan.line.line_id}: expected a quantity"
        return Blocked("price", OUT_OF_RANGE, message, field="quantity")
    value = _rounded(graduated(passed.tiers, quantity), PER_AMOUNT, plan)
    return of_quantity(price, value, quantity, passed.tiers)


def of_quantity(price: Price, value: Amount, quantity: Quantity, tiers: Sequence[PriceTier]) -> Price:
    """The rate to print is the price of a unit, or where steps have several what a unit comes to."""
    rate = tiers[0].unit_price if len(tiers) == 1 else shown_rate(value, quantity)
    return replace(price, rate=rate, value=value, quantity=quantity)


def _at_cost(charge: Charge, plan: LinePlan, price: Price, exchange: Exchange) -> Price:
    """Cost and markup, rounded once, in contract currency by the rate of the day."""
    base, below = spent(charge) * exchange.numerator, exchange.denominator
    rate = round_ratio(base * 10 ** (RATE_SCALE - AMOUNT_SCALE), below, 1, plan.policies.money_mode)
    value = _rounded(base * (HUNDRED_PERCENT + price.markup), below * HUNDRED_PERCENT, plan)
    return replace(price, rate=rate, value=value)


def _rounded(numerator: int, denominator: int, plan: LinePlan) -> Amount:
    return round_ratio(numerator, denominator, plan.step, plan.policies.money_mode)


def _within_bounds(found: PricePlan | Blocked) -> PricePlan | Blocked:
    if isinstance(found, PricePlan) and found.slot is not None and is_beyond(found.price.value, found.slot):
        return _beyond("price", found.price.value, found.price.currency)
    return found


def _beyond(side: str, amount: Amount, currency: str) -> Blocked:
    message = (
        f"expected at most {format_amount(ENTRY_MOST)} for one entry, in its currency and in the ledger's, "
        f"got {format_amount(amount, currency)} {currency}"
    )
    return Blocked(side, OUT_OF_RANGE, message, field="amount")


# Deliveries of units


def _of_delivery(draft: Draft, entry: Entry, charge: Charge, standing: Work | None, waited: Waited) -> Sides:
    whole = _validity(entry, charge, _units_fault(charge)) or ended_or_far_off(draft, entry, charge)
    if whole is not None:
        return Sides(whole, None, whole)
    placed = place(draft, charge, entry.waived)
    if isinstance(placed, Blocked):
        return Sides(None, None, placed)
    price = delivered(charge, placed.plan)
    if isinstance(price, Blocked):
        return Sides(None, None, price)
    if draft.why is not None:
        terms = methods.units(placed.plan.line.terms)
        assert terms is not None, "the units have a price"
        price = charge_record.delivered(charge, placed.plan, prices(terms), price)
    return Sides(None, None, _within_bounds(priced(draft, placed.plan, price, standing, waited)))


def _units_fault(charge: Charge) -> tuple[str, str] | None:
    """What was delivered is taken back by its next version, never by another delivery."""
    units = charge.quantity or 0
    if not 0 <= units <= UNITS_MOST:
        most, got = (format_decimal(each, QUANTITY_SCALE) for each in (UNITS_MOST, units))
        return "units", f"expected 0 to {most}, got {got}"
    return None


def delivered(charge: Charge, plan: LinePlan) -> Price | Blocked:
    """The price of the units by themselves; where deliveries share steps or a number `state/charges/shared_price.py` has the rest."""
    terms = methods.units(plan.line.terms)
    if terms is None:
        message = f"line {plan.line.line_id} of contract {plan.contract_id} has no price for units"
        return Blocked("price", "no_contract_line", message, field="line_id")
    units, tiers = charge.quantity or 0, prices(terms)
    price = replace(
        _at_zero(charge, plan),
        account=plan.account_for(SERVICE_REVENUE),
        earned=plan.earned,
        unit=terms.unit,
        content=counted_as(charge.kind),
    )
    value = _rounded(graduated(tiers, units), PER_AMOUNT, plan)
    return of_quantity(price, value, units, tiers)
