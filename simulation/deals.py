"""What the firm sells besides time: the kind of terms of each contract, and how often; and how contracts are billed beyond their lines:
several payers, what they keep back, drafts that somebody has to approve."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from domain.events.common import (
    BillTo,
    ContractLine,
    CostPlus,
    Deposit,
    ExpenseLimit,
    Expenses,
    FixedPrice,
    Milestone,
    Milestones,
    PerDiem,
    Policies,
    PriceTier,
    Retainer,
    Retention,
    RetentionStep,
    ScheduledAmount,
    Subscription,
    Terms,
    UnitPrice,
)
from domain.units import AMOUNT_ONE, HOURS_ONE, PERCENT_ONE, QUANTITY_ONE, RATE_ONE, Amount, Percent, Rate
from simulation import terms
from simulation.calendar import last_day
from simulation.chance import between, deal, pick, stream
from simulation.contracts import SignedContract
from simulation.customers import Customer
from simulation.plan import SimulationPlan
from simulation.prices import CURRENCY_PERCENT
from simulation.projects import PRICE_OF_AN_HOUR, weekday

TIME, SCHEDULE, PROGRESS, MILESTONES = "time", "schedule", "progress", "milestones"
RETAINER, SUBSCRIPTION, COST_PLUS, UNITS = "retainer", "subscription", "cost plus", "units"
KINDS = (
    (TIME, 42),
    (SCHEDULE, 12),
    (MILESTONES, 14),
    (PROGRESS, 9),
    (RETAINER, 8),
    (SUBSCRIPTION, 6),
    (COST_PLUS, 5),
    (UNITS, 4),
)
WITH_EXPENSES = ((True, 62), (False, 38))
WITH_DEPOSIT = ((False, 91), (True, 9))

# Line ids of what is added to a contract.
EXPENSES_LINE, DEPOSIT_LINE, SUBSCRIPTION_LINE, UNITS_LINE = "E", "D", "S", "U"
TRAVEL, HOTEL, MEALS, LICENCES = "travel", "hotel", "meals", "licences"
TICKET = "ticket"
MILESTONE_NAMES = ("Concept", "Design", "Build", "Test", "Handover")
MARKUPS = (0, 0, 5, 10)


def dealt(plan: SimulationPlan, contracts: Sequence[SignedContract]) -> tuple[SignedContract, ...]:
    """The same contracts, of every kind in its share."""
    random = stream(plan.seed, "deals")
    count = len(contracts)
    decks = zip(
        contracts,
        deal(random, count, KINDS),
        deal(random, count, WITH_EXPENSES),
        deal(random, count, WITH_DEPOSIT),
        strict=True,
    )
    return tuple(
        _with_lines(contract, lines_of(plan, contract, kind, random, expenses=expenses, deposit=deposit))
        for contract, kind, expenses, deposit in decks
    )


def _with_lines(contract: SignedContract, lines: tuple[ContractLine, ...]) -> SignedContract:
    """A cap that lines of one kind share does not outlast a change of the first of them."""
    signed = contract.signed
    changed = lines[0].terms != signed.lines[0].terms
    return replace(contract, signed=signed._replace(lines=lines, shared_caps=() if changed else signed.shared_caps))


def lines_of(
    plan: SimulationPlan, contract: SignedContract, kind: str, random: Random, *, expenses: bool, deposit: bool
) -> tuple[ContractLine, ...]:
    first, *others = contract.signed.lines
    made, revenue = _terms(plan, contract, first, kind, random)
    if made is not None:
        first = first._replace(terms=made, takes=("time",), revenue_policy=revenue)
    added = []
    if kind == SUBSCRIPTION:
        added.append(_added(contract, SUBSCRIPTION_LINE, _subscription(plan, first, random), revenue))
    if kind == UNITS:
        added.append(_added(contract, UNITS_LINE, _tickets(contract), None))
    if expenses:
        added.append(_added(contract, EXPENSES_LINE, _expenses(contract, first, random), None))
    if deposit:
        added.append(_added(contract, DEPOSIT_LINE, _deposit(contract, first), None))
    return (first, *others, *added)


def _added(contract: SignedContract, name: str, made: Terms, revenue: str | None) -> ContractLine:
    return ContractLine(
        line_id=f"{contract.bid.contract_id}-{name}",
        project_id=contract.bid.projects[0].project_id,
        terms=made,
        revenue_policy=revenue,
    )


def _terms(
    plan: SimulationPlan, contract: SignedContract, line: ContractLine, kind: str, random: Random
) -> tuple[Terms | None, str | None]:
    """Other terms for a line, and how they earn where that is not the usual way."""
    days = instalment_days(plan, contract)
    worth = line.revenue_budget or 0
    price = terms.rounded(worth // AMOUNT_ONE)
    evenly = "straight_line_days" if contract.signed.ends_on else "as_billed"
    match kind:
        case "schedule":
            parts = shares(price, len(days))
            schedule = tuple(ScheduledAmount(day, amount) for day, amount in zip(days, parts, strict=True))
            return FixedPrice(price, schedule), evenly
        case "progress":
            return FixedPrice(price, by_progress=True), "as_billed"
        case "milestones":
            return _milestones(plan, contract, price, random), "milestone"
        case "retainer":
            return _retainer(plan, contract, price, random), None
        case "cost plus":
            return CostPlus(fee_percent=between(random, 60, 120) * PERCENT_ONE), None
        case "subscription":
            return None, evenly
    return None, None


def instalment_days(plan: SimulationPlan, contract: SignedContract) -> list[date]:
    """Last days of the months of the simulation, from the contract's first on."""
    return [last_day(month) for month in plan.month_starts if last_day(month) >= contract.signed.starts_on]


def shares(price: Amount, count: int) -> list[Amount]:
    """Whole currency units, the rest on the last."""
    each = price // count // AMOUNT_ONE * AMOUNT_ONE
    return [each] * (count - 1) + [price - each * (count - 1)]


def _milestones(plan: SimulationPlan, contract: SignedContract, price: Amount, random: Random) -> Milestones:
    count = between(random, 3, len(MILESTONE_NAMES))
    begins = contract.signed.starts_on
    step = (plan.ends_on - begins) // count
    hours = price // AMOUNT_ONE // hour_price(contract) * HOURS_ONE // count
    with_hours = contract.bid.number % 3 == 0
    return Milestones(
        tuple(
            Milestone(
                milestone_id=f"{contract.bid.contract_id}-M{number}",
                name=name,
                amount=amount,
                due_on=weekday(begins + step * number),
                included_hours=hours if with_hours else None,
            )
            for number, (name, amount) in enumerate(zip(MILESTONE_NAMES[:count], shares(price, count), strict=True), 1)
        ),
        overage_rate=hour_price(contract) * RATE_ONE if with_hours else None,
    )


def _retainer(plan: SimulationPlan, contract: SignedContract, price: Amount, random: Random) -> Retainer:
    """Hours at a tenth less than their price; a quarter of them goes over for two periods."""
    fee = shares(price, plan.months)[0]
    hours = fee // AMOUNT_ONE * 10 // 9 // hour_price(contract) * HOURS_ONE
    quantity = max(hours, 8 * HOURS_ONE)
    return Retainer(
        fee=fee,
        unit="hours",
        quantity=quantity,
        in_advance=contract.bid.number % 2 == 0,
        rollover=quantity // 4,
        expiry=2,
        overage_rate=hour_price(contract) * RATE_ONE * between(random, 100, 115) // 100,
    )


def _subscription(plan: SimulationPlan, line: ContractLine, random: Random) -> Subscription:
    worth = (line.revenue_budget or 0) // AMOUNT_ONE // plan.months // 10
    return Subscription(fee=max(100, worth // 100 * 100) * AMOUNT_ONE, in_advance=between(random, 0, 1) == 1)


def _tickets(contract: SignedContract) -> UnitPrice:
    percent = CURRENCY_PERCENT[contract.signed.currency]
    dear, cheap = (price * percent * RATE_ONE // 100 for price in (38, 29))
    return UnitPrice(TICKET, tiers=(PriceTier(dear, 100 * QUANTITY_ONE), PriceTier(cheap)), tier_period="month")


def _expenses(contract: SignedContract, line: ContractLine, random: Random) -> Expenses:
    markup = MARKUPS[between(random, 0, len(MARKUPS) - 1)] * PERCENT_ONE
    percent = CURRENCY_PERCENT[contract.signed.currency]
    limit = ExpenseLimit(HOTEL, terms.rounded((line.revenue_budget or 0) // AMOUNT_ONE // 40))
    return Expenses(
        markup=markup,
        limits=(limit,) if contract.bid.number % 4 == 0 else (),
        per_diems=(PerDiem(MEALS, 42 * percent * RATE_ONE // 100),),
    )


def _deposit(contract: SignedContract, line: ContractLine) -> Deposit:
    """A tenth of the first line, due when the contract starts."""
    return Deposit(
        amount=terms.rounded((line.revenue_budget or 0) // AMOUNT_ONE // 10),
        due_on=contract.signed.starts_on,
        refundable=contract.bid.number % 2 == 0,
    )


def hour_price(contract: SignedContract) -> Rate:
    """Of an hour, in whole units of the contract's currency."""
    return PRICE_OF_AN_HOUR * CURRENCY_PERCENT[contract.signed.currency] // 100


PLAIN, DRAFTS, TWO_PAYERS, THREE_PAYERS = "plain", "drafts", "two payers", "three payers"
RETAINED, IN_STEPS, SHARED_AND_RETAINED = "retained", "retained in steps", "two payers who retain"
# So that each is seen by itself a contract has approval, several payers or retention.
CONDITIONS = (
    (PLAIN, 61),
    (DRAFTS, 20),
    (TWO_PAYERS, 8),
    (RETAINED, 5),
    (IN_STEPS, 3),
    (THREE_PAYERS, 2),
    (SHARED_AND_RETAINED, 1),
)
SHARES = {
    TWO_PAYERS: ((60, 40), (50, 50), (70, 30), (75, 25)),
    THREE_PAYERS: ((50, 30, 20), (34, 33, 33)),
    SHARED_AND_RETAINED: ((60, 40), (80, 20)),
}
WITHHELD_PERCENT = 10
# From half of the price on half as much is withheld, and half of what was is released.
STEPS = ((0, 10, 0), (50, 5, 50))
DAYS_TO_RELEASE = 30


def conditioned(
    plan: SimulationPlan, contracts: Sequence[SignedContract], customers: Sequence[Customer]
) -> tuple[SignedContract, ...]:
    """The same contracts, each with the conditions that it was dealt."""
    random = stream(plan.seed, "conditions")
    dealt = deal(random, len(contracts), CONDITIONS)
    return tuple(_with(kind, contract, customers, random) for contract, kind in zip(contracts, dealt, strict=True))


def _with(kind: str, contract: SignedContract, customers: Sequence[Customer], random: Random) -> SignedContract:
    signed = contract.signed
    if kind == DRAFTS:
        signed = signed._replace(policies=(signed.policies or Policies())._replace(statement_approval="required"))
    if kind in SHARES:
        signed = signed._replace(bill_to=_payers(contract, pick(random, SHARES[kind]), customers, random))
    if kind in {RETAINED, SHARED_AND_RETAINED}:
        signed = signed._replace(retention=_until_the_end(contract))
    if kind == IN_STEPS:
        signed = signed._replace(retention=Retention(tuple(RetentionStep(*map(_percent, step)) for step in STEPS)))
    return replace(contract, signed=signed)


def _payers(
    contract: SignedContract, shares: Sequence[int], customers: Sequence[Customer], random: Random
) -> tuple[BillTo, ...]:
    """The customer first, who takes the cents; then companies of its group, then others that pay in its currency.

    One payer where there are too few of them, or where lines are rounded as a whole, which goes with one alone.
    """
    buyer, policies = contract.bid.customer, contract.signed.policies
    others = [one for one in customers if one.market.currency == buyer.market.currency and one is not buyer]
    if len(others) < len(shares) - 1 or (policies is not None and policies.rounding_scope == "line"):
        return contract.signed.bill_to
    random.shuffle(others)
    others.sort(key=lambda one: not _of_one_group(one, buyer))
    return tuple(
        BillTo(one.customer_id, _percent(share), rounding_party=one is buyer)
        for one, share in zip((buyer, *others), shares, strict=False)
    )


def _of_one_group(one: Customer, other: Customer) -> bool:
    return one.customer_id == other.parent or other.customer_id == one.parent


def _until_the_end(contract: SignedContract) -> Retention:
    """A tenth of each bill, some weeks after the last day of the contract; of one without, when it is over."""
    ends_on = contract.signed.ends_on
    return Retention(
        (RetentionStep(0, _percent(WITHHELD_PERCENT), 0),),
        release_on=ends_on + timedelta(days=DAYS_TO_RELEASE) if ends_on else None,
    )


def _percent(number: int) -> Percent:
    percent: Percent = number * PERCENT_ONE
    return percent
