"""How a contract is priced, capped and billed: each kind of deal that the firm makes, and how often."""

from collections.abc import Sequence
from datetime import date
from random import Random

from domain.events.common import BillingCycle, Cap, LineRate, Policies, SharedCap
from domain.units import AMOUNT_ONE, HOURS_ONE, PERCENT_ONE, RATE_ONE, Amount
from simulation.chance import between
from simulation.people import ROLES
from simulation.prices import price

# Pricing of a line.
CARDS, BY_ROLE, BLANKET, BY_TASK, NAMED_CARD = "cards", "roles", "blanket", "tasks", "named card"
PRICING = ((CARDS, 34), (BY_ROLE, 36), (BLANKET, 10), (BY_TASK, 8), (NAMED_CARD, 12))

# Cap of a contract.
NO_CAP, HARD, SOFT = "none", "hard", "soft"
HARD_HOURS, SOFT_HOURS, HARD_MONTH = "hard hours", "soft hours", "hard month"
SHARED, WHOLE, PRORATE = "shared", "reject whole", "prorate"
CAPS = (
    (NO_CAP, 40),
    (HARD, 20),
    (SOFT, 12),
    (HARD_HOURS, 5),
    (SOFT_HOURS, 3),
    (HARD_MONTH, 7),
    (SHARED, 7),
    (WHOLE, 4),
    (PRORATE, 2),
)

MONTHLY = BillingCycle("monthly")
CUT_OFF = BillingCycle("monthly", cut_off_day=25)
SEMI_MONTHLY = BillingCycle("semi_monthly")
WEEKLY = BillingCycle("weekly")
FOUR_FOUR_FIVE = BillingCycle("four_four_five")
ON_REQUEST = BillingCycle("on_request")
CYCLES = ((MONTHLY, 68), (CUT_OFF, 6), (SEMI_MONTHLY, 8), (WEEKLY, 6), (FOUR_FOUR_FIVE, 6), (ON_REQUEST, 6))
SHORT_CYCLES = {"semi_monthly", "weekly"}

GRACE_DAYS: Sequence[tuple[int, int]] = ((0, 50), (2, 18), (3, 20), (5, 12))

STEPS_OF_A_QUARTER = Policies(increment_minutes=15, increment_mode="up", increment_scope="entry")
STEPS_OF_A_DAY = Policies(increment_minutes=30, increment_mode="nearest", increment_scope="person_day")
POLICIES: Sequence[tuple[Policies | None, int]] = (
    (None, 58),
    (STEPS_OF_A_QUARTER, 14),
    (Policies(money_mode="half_even"), 10),
    (Policies(rounding_scope="line"), 5),
    (Policies(cap_order="approval"), 4),
    (STEPS_OF_A_DAY, 4),
    (Policies(quantity_decimals=3, cap_thresholds=(50 * PERCENT_ONE, 80 * PERCENT_ONE, 100 * PERCENT_ONE)), 5),
)

OVERTIME_MARKUPS = (None, None, 25 * PERCENT_ONE, 50 * PERCENT_ONE)
# A whole-term cap is a share of what the work of the simulation would come to: a third of them is reached.
CAP_PERCENT = (45, 60, 75, 90, 105, 120, 140, 160, 200)


def rates(pricing: str, currency: str, tasks: Sequence[str], begins: date, random: Random) -> tuple[LineRate, ...]:
    """The rates that a line states itself; none where it goes by card."""
    percent = between(random, 90, 110)
    overtime = OVERTIME_MARKUPS[between(random, 0, len(OVERTIME_MARKUPS) - 1)]
    senior = ROLES[3]
    if pricing == BY_ROLE:
        return tuple(
            LineRate(price(role, currency, percent), role=role.name, overtime_markup=overtime, effective_from=begins)
            for role in ROLES
        )
    blanket = LineRate(price(senior, currency, percent), overtime_markup=overtime)
    if pricing == BLANKET:
        return (blanket,)
    if pricing == BY_TASK:
        dear = LineRate(price(senior, currency, percent + 15), task=tasks[0], overtime_markup=overtime)
        return (dear, blanket)
    return ()


def cap(kind: str, value: int, hours: int, months: int, random: Random) -> Cap | None:
    """The cap of a line whose work would come to such a value, in currency units, and hours."""
    percent = CAP_PERCENT[between(random, 0, len(CAP_PERCENT) - 1)]
    amount = rounded(value * percent // 100)
    match kind:
        case "hard":
            return Cap("hard", amount=amount)
        case "soft":
            return Cap("soft", amount=amount)
        case "hard hours":
            return Cap("hard", hours=max(8, hours * between(random, 20, 60) // 100) * HOURS_ONE)
        case "soft hours":
            return Cap("soft", hours=max(8, hours * between(random, 20, 60) // 100) * HOURS_ONE)
        case "hard month":
            return Cap("hard", amount=rounded(value // months * between(random, 75, 115) // 100), period="month")
        case "reject whole":
            return Cap("hard", amount=amount, split="reject_whole")
        case "prorate":
            return Cap("hard", amount=rounded(value * 60 // 100), split="prorate")
        case _:
            return None


def shared_cap(cap_id: str, lines: Sequence[str], value: int, random: Random) -> SharedCap:
    """A cap over the first two lines of a contract."""
    percent = CAP_PERCENT[between(random, 0, len(CAP_PERCENT) - 1)]
    return SharedCap(cap_id, lines=tuple(lines[:2]), kind="hard", amount=rounded(value * percent // 100))


def rounded(value: int) -> Amount:
    """Currency units to whole five hundreds, as caps are agreed."""
    amount: Amount = max(500, value // 500 * 500) * AMOUNT_ONE
    return amount


def raised(rate: LineRate, percent: int, begins: date) -> LineRate:
    """A dearer rate from a day on, to whole currency units."""
    return rate._replace(rate=rate.rate * percent // 100 // RATE_ONE * RATE_ONE, effective_from=begins)
