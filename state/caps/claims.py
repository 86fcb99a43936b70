"""What an entry claims from the caps of its line, and what a grant makes of its price.

One allotment says what is earned and billed, or two do where revenue and billing go apart: by policy `cap_split_billing`, or because of the
caps on one line only some limit revenue.
"""

from msgspec.structs import replace

from domain.caps.consume import (
    MONTH,
    Billable,
    BucketKey,
    CapRequest,
    CapRule,
    Order,
    bucket_key,
    counting,
    limit_on,
    order_of,
)
from domain.caps.recorded import CapFigures, bucket_of, say_kept
from domain.contract import units_id
from domain.figure import at_least
from domain.identity import composed
from domain.money import round_ratio
from domain.tuples import new_tuple
from domain.units import Amount, Hours
from domain.why import Why
from domain.work.rows import is_of_earlier_month, is_over_former, is_over_former_billing
from state.books import Entry, Price
from state.draft import Draft
from state.terms.plan import LinePlan
from state.totals import issued_of, issued_on
from state.value import Value

MAIN, FOR_REVENUE, FOR_BILLING = "", "revenue", "billing"


class Consumption(Value, frozen=True, array_like=True, gc=False):
    """An entry's price with what its claim on the caps needs besides: who worked, and what is issued already."""

    entry_id: str
    person_id: str
    price: Price
    issued: Amount


class GrantedRequest(Value, frozen=True, array_like=True, gc=False):
    claim: CapRequest
    granted: Billable

    @property
    def lacks(self) -> tuple[Amount, Hours]:
        """What of the claim was refused."""
        return max(self.claim.amount - self.granted.amount, 0), max(self.claim.hours - self.granted.hours, 0)


def consumption_of(entry: Entry) -> Consumption | None:
    work = entry.standing
    price = work.price if work is not None else None
    if price is None or work is None or not price.line_id:
        return None
    issued = issued_on(entry, price.contract_id, price.line_id)
    return Consumption(entry.entry_id, work.person_id, price, issued_of(price, issued))


def stands_on(consumption: Consumption, contract_id: str, line_id: str) -> bool:
    """Whether the entry's price is on this line; one that has moved stays listed on its former line until that is credited."""
    return consumption.price.contract_id == contract_id and consumption.price.line_id == line_id


def allotments(plan: LinePlan) -> tuple[str, ...]:
    """One for all, or revenue and billing apart."""
    return (FOR_REVENUE, FOR_BILLING) if plan.apart else (MAIN,)


def rules_for(plan: LinePlan, allotment: str) -> tuple[CapRule, ...]:
    if allotment == FOR_REVENUE:
        return plan.revenue_rules
    return plan.billing_rules if allotment == FOR_BILLING else plan.rules


def claim_of(plan: LinePlan, allotment: str, consumption: Consumption) -> CapRequest:
    price = consumption.price
    settled = _settled(plan, allotment, consumption)
    amount, hours = price.claimed
    hours = hours if amount else 0
    pinned = min(max(settled, 0), amount)
    rules = counting(rules_for(plan, allotment), price.day)
    if is_of_earlier_month(consumption.entry_id):
        rules = tuple(rule for rule in rules if rule.period != MONTH)
    within: tuple[Amount, str] | None = None
    if price.within is not None and not is_over_former(consumption.entry_id):
        within = price.within, units_id(price.line_id)
    elif (
        price.within is not None
        and rules  # what no cap limits has all of its room
        and not (allotment == FOR_REVENUE and is_over_former_billing(consumption.entry_id))
    ):
        within = price.within, rules[0].cap_id
    if _is_counted_otherwise(price):
        back, hours_back = _not_counted(price)
        amount, hours, pinned = amount - back, hours - hours_back, max(pinned - back, 0)
        within = (within[0] - back, within[1]) if within is not None else None
    if within is not None:  # which units are within those agreed does not depend on what is issued
        pinned = min(pinned, max(within[0], 0))
    under = tuple([(bucket_key(rule, price.day, consumption.person_id), rule) for rule in rules])
    request = (consumption.entry_id, price.day, consumption.person_id, amount, hours, pinned, under, within)
    return new_tuple(CapRequest, request)


def _settled(plan: LinePlan, allotment: str, consumption: Consumption) -> Amount:
    """What is issued, and what a cut gave; of revenue apart only that, unless the splits are the same. Nothing of what has its room by
    day."""
    if consumption.price.by_day:
        return 0
    if allotment == FOR_BILLING:
        return consumption.issued
    if allotment == FOR_REVENUE and not plan.settles_alike:
        return consumption.price.given
    return max(consumption.issued, consumption.price.given)


def _is_counted_otherwise(price: Price) -> bool:
    return bool(price.returned or price.returned_hours or price.rounding)


def _not_counted(price: Price) -> tuple[Amount, Hours]:
    """What caps do not count of a price: what a concession gave back to them, as far as the price still reaches (R20), less the cents of
    its statement line, which are billed too."""
    amount, hours = price.claimed
    returned = min(price.returned, max(amount + price.rounding, 0))
    return returned - price.rounding, min(price.returned_hours, max(hours, 0))


def keeping(draft: Draft, plan: LinePlan, entry_id: str, before: Price, price: Price) -> Price:
    """The next price of work that is final keeps the same part of its value."""
    if not before.final:
        return price
    mode = plan.policies.money_mode
    kept = round_ratio(price.value * before.kept, before.value, plan.step, mode) if before.value else 0
    kept_hours = price.hours * before.kept_hours // before.hours if before.hours else 0
    if draft.why is not None and before.value:
        figures, was = figures_of(draft.why, plan, MAIN), (before.value, before.hours)
        say_kept(figures, entry_id, (kept, kept_hours), (price.value, price.hours), was)
    return replace(
        price,
        billable=min(price.billable, kept),
        billable_hours=min(price.billable_hours, kept_hours),
        final=True,
        kept=kept,
        kept_hours=kept_hours,
    )


def granted_of(allotment: str, consumption: Consumption) -> Billable:
    """What the price says was granted in this allotment."""
    price = consumption.price
    back, hours_back = _not_counted(price) if _is_counted_otherwise(price) else (0, 0)
    if allotment == FOR_REVENUE:
        return Billable(price.allowed - back, price.allowed_hours - hours_back, price.binding)
    return new_tuple(Billable, (price.billable - back, price.billable_hours - hours_back, price.binding))


def order_key(plan: LinePlan, price: Price, entry_id: str) -> Order:
    return order_of(price.day, price.approved_at, entry_id, by_approval=plan.policies.cap_order == "approval")


def recorder(draft: Draft, plan: LinePlan, allotment: str) -> CapFigures | None:
    """What takes what the plan's caps allow, where there is an explanation."""
    return figures_of(draft.why, plan, allotment) if draft.why is not None else None


def figures_of(why: Why, plan: LinePlan, allotment: str) -> CapFigures:
    return CapFigures(why, plan.contract_id, allotment, plan.currency, plan.policies.money_mode, why.now, why.turn)


def keys_of(claim: CapRequest) -> set[BucketKey]:
    """Of the caps and periods that count it."""
    return {key for key, _ in claim.under}


def bucket_id(plan: LinePlan, allotment: str, key: BucketKey) -> str:
    return bucket_of(plan.contract_id, allotment, key)


def buckets_of(draft: Draft, contract_id: str) -> list[str]:
    """Ids of all buckets of a contract."""
    beginning = f"{composed(contract_id)}/"
    return [part_id for part_id in draft.ids("bucket") if part_id.startswith(beginning)]


def uncapped(price: Price) -> Price:
    amount, hours = price.claimed
    return replace(
        price,
        allowed=amount,
        billable=amount,
        recognised=amount if price.earned is None else price.earned,
        binding=None,
        allowed_hours=hours,
        billable_hours=hours,
        waiting=0,
    )


def with_returned(price: Price, granted: Billable) -> Billable:
    """With what is billed and not counted by caps."""
    if not _is_counted_otherwise(price):
        return granted
    back, hours_back = _not_counted(price)
    return granted._replace(amount=granted.amount + back, hours=granted.hours + hours_back)


def with_grant(plan: LinePlan, price: Price, allotment: str, granted: Billable) -> Price:
    granted = with_returned(price, granted)
    amount, hours = granted.amount, granted.hours
    allowed, allowed_hours, billable = price.allowed, price.allowed_hours, price.billable
    billable_hours, binding = price.billable_hours, price.binding
    if allotment != FOR_BILLING:
        allowed, allowed_hours = amount, hours
    if allotment != FOR_REVENUE:
        billable, billable_hours, binding = amount, hours, granted.binding
    recognised, waiting = price.recognised, price.waiting
    if allotment != FOR_BILLING or plan.some_bind_billing_alone:
        recognised, waiting = earned_within(plan, price, price.chargeable, allowed, billable)
    return replace(
        price,
        allowed=allowed,
        allowed_hours=allowed_hours,
        billable=billable,
        billable_hours=billable_hours,
        binding=binding,
        recognised=recognised,
        waiting=waiting,
    )


def earned_within(
    plan: LinePlan, price: Price, chargeable: Amount, allowed: Amount, billable: Amount
) -> tuple[Amount, Amount]:
    """What is revenue, and what waits on 1160 because caps bind billing alone. Revenue follows the cap unless every hard cap says that it
    does not limit revenue (R22), or it is apart from billing."""
    if price.earned is not None:
        return price.earned, price.waiting
    if plan.some_bind_billing_alone:
        return allowed, max(allowed - billable, 0)
    if allowed == chargeable:
        return allowed, 0
    in_force = [limit_on(rule, price.day) for rule in plan.rules]
    # A retroactive number is agreed on earlier days too, whose terms have none.
    agreed = any(
        rule.cap_id == units_id(price.line_id) and limit.version
        for rule, limit in zip(plan.rules, in_force, strict=True)
    )
    is_of_units = price.within is not None and agreed
    limits = is_of_units or any(limit.hard and limit.limits_revenue for limit in in_force)
    return allowed if limits else at_least(allowed, chargeable, "recognised"), 0
