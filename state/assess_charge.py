"""Can this charge be posted, and as what? Reads only; what it finds is posted by `state/posting.py`.

A charge has a price side, as time has, and a cost side only where somebody spent money (an expense). What terms charge by themselves is
placed where it comes from; everything else looks for the line that takes it.
"""

from domain.accounts import SERVICE_REVENUE
from domain.rows import REVENUE
from domain.units import AMOUNT_SCALE, QUANTITY_ONE, QUANTITY_SCALE
from state.assess import Assessment, PricePlan, reversal_day
from state.books import Charge, Price, Work
from state.draft import Draft
from state.exchange_waits import Waited, settled
from state.known import Blocked, slot_for
from state.plan import LinePlan, line_plan, version_on


def assess_charge(draft: Draft, charge: Charge, standing: Work | None, waited: Waited) -> Assessment:
    """Judge one version of a charge of the terms; `standing` is the posted version it would replace."""
    return Assessment(None, None, _of_terms(draft, charge, standing, waited))


def _of_terms(draft: Draft, charge: Charge, standing: Work | None, waited: Waited) -> PricePlan | Blocked:
    """What the terms charge or earn by themselves."""
    plan = plan_of_charge(draft, charge)
    if plan is None:
        message = f"contract {charge.contract_id} has no line {charge.line_id} on {charge.day}"
        return Blocked("price", "no_contract_line", message, field="line_id")
    price = Price(
        plan.contract_id,
        plan.line.line_id,
        plan.currency,
        charge.day,
        charge.approved_at,
        "",
        shown_rate(charge.amount, charge.quantity or QUANTITY_ONE),
        0,
        "",
        0,
        charge.amount,
        0,
        account=plan.account_for(SERVICE_REVENUE),
        earned=plan.earned if charge.kind != REVENUE else charge.earned,
        quantity=charge.quantity or QUANTITY_ONE,
        unit=charge.unit,
    )
    return priced(draft, plan, price, standing, waited)


def plan_of_charge(draft: Draft, charge: Charge) -> LinePlan | None:
    contract = draft.contract(charge.contract_id or "")
    if contract is None or not contract.history or charge.line_id is None:
        return None
    return line_plan(draft, contract, version_on(contract, charge.day), charge.line_id)


def priced(draft: Draft, plan: LinePlan, price: Price, standing: Work | None, waited: Waited) -> PricePlan | Blocked:
    """The price where it is booked, on its day or the next that is open; a version that replaces another takes over its date."""
    day, policies = price.day, plan.policies
    kept = standing is not None and standing.price is not None and standing.price.day == day
    instead = reversal_day(draft, standing, "revenue", plan.entity) if kept and standing is not None else None
    slot = slot_for(draft, "price", plan.entity, plan.currency, day, instead, day, policies)
    slot = settled(draft, slot, "price", day, policies, waited)
    return slot if isinstance(slot, Blocked) else PricePlan(price, plan, slot, None)


def shown_rate(amount: int, quantity: int) -> int:
    """For printing: what one unit comes to, in 10^-6."""
    scale = 10 ** (QUANTITY_SCALE + QUANTITY_SCALE - AMOUNT_SCALE)
    return amount * scale // quantity if quantity else 0
