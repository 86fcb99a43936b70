"""What work on a line came to by the day of its balances: billed, and not, and over caps; and how a row of it is put into the books, under
a name within its line."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate

from msgspec.structs import replace

from domain.contract import category_of
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.figure import as_kept, in_part
from domain.reference.zones import universal_midnight
from domain.terms import methods, spoken
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.terms.unit_price import is_shared
from domain.units import MICROSECONDS_A_DAY, QUANTITY_ONE, Amount, Hours, Quantity
from domain.work.rows import BEFORE_MONTH, ENTRY, EXPENSE, OPENING, OVER_BILLING, OVER_CAP, UNITS, counted_as, named
from state.billing.issued_record import issued_by_now, rounding_at
from state.books import Charge, Contract, Entry, OpeningWork, Work
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.opening.caps import DAY, last_day_with_room, over_revenue
from state.opening.loading import LineLoad, Loading, Worked
from state.opening.record import known_elsewhere, say_row
from state.opening.running import beyond, draws_of
from state.opening.stated import Stated, former_terms, is_of_whole_line
from state.rerating.versions import take
from state.terms.periods import open_period
from state.terms.plan import LinePlan, line_plan, version_on
from state.totals import issued_on, price_and_issued, standing_price
from state.value import plain

EXPENSES, INCLUDED = "expenses", "included"
UNBILLED_ENDED, LABOR, NON_BILLABLE = "ended", "labor", "non_billable"
GIVEN_BACK = "given_back"
# Of what was billed what a cap let through that was raised since; of what was not, what it let through before.
SINCE, FORMER = "since", "former"


def carried_rows(draft: Draft, contract: Contract, line_id: str, event: BalancesBroughtForward) -> list[Entry]:
    """What the line has charged and earned by itself, oldest first."""
    known = line_fees(draft, contract, line_id)
    found = (draft.entry(row) for row in (*known.rows, *known.earned))
    carried = (
        entry
        for entry in found
        if entry is not None
        and entry.work is not None
        and entry.work.charge is not None
        and entry.work.charge.carried_on == event.as_of
        and standing_price(entry) is not None
    )
    return sorted(carried, key=lambda entry: (day_of(entry), entry.entry_id))


def rows_of_line(draft: Draft, loading: Loading, stated: Stated) -> list[Entry]:
    """What the line has charged and earned by itself, then what work on it came to."""
    return [
        *carried_rows(draft, loading.contract, stated.balance.line_id, loading.event),
        *opening_rows(draft, loading, stated),
    ]


def day_of(entry: Entry) -> object:
    price = standing_price(entry)
    assert price is not None, "it is priced"
    return price.day


def due_in_all(draft: Draft, stated: Stated, entry: Entry) -> Amount:
    """What is billed of the row, and what has to be."""
    why, (price, _) = draft.why, price_and_issued(entry, stated.contract.contract_id, stated.balance.line_id)
    if price is None:
        return 0
    due = known_elsewhere(why, "due", entry.entry_id, stated, price.billable, "to be billed")
    cents = price.rounding
    return due + (as_kept(why, cents, rounding_at(entry.entry_id)) if why is not None else cents)


def due_of(draft: Draft, stated: Stated, entry: Entry) -> Amount:
    """What no statement has of the row."""
    place = stated.contract.contract_id, stated.balance.line_id
    due, issued = due_in_all(draft, stated, entry), issued_on(entry, *place)
    if issued is None:
        return due
    return due - issued_by_now(draft.why, (*place, entry.entry_id), issued.amount, stated.plan.currency)


def _plan_on(draft: Draft, contract: Contract, stated: Stated, day: date) -> LinePlan:
    """By the terms of the day, where the line has any then; later ones may be agreed already."""
    return line_plan(draft, contract, version_on(contract, day), stated.balance.line_id) or stated.plan


def _billable_hours(balance: BalanceForward) -> Hours:
    """Where nothing is stated, all but those of work that is not billable."""
    if balance.billable_hours is not None:
        return balance.billable_hours
    return balance.hours - sum(one.hours for one in balance.costs)


def _hours_over(balance: BalanceForward, hours: Hours, value: Amount, over: Amount) -> Hours:
    """Of the hours those that are over a cap: those of entries, else what it has not taken, without what of the `value` it does not count;
    else by what they are worth.

    26 h worth 5,200.00, of which a cap has taken 9.5 h and 1,900.00, and 152.00 were conceded: of 16.5 h 15.74 h are over it with 3,148.00
    """
    if not over:
        return 0
    if sum(one.over_cap for one in balance.entries) == balance.over_cap:
        return sum(one.over_cap_hours for one in balance.entries)
    used = max((one for one in balance.caps if one.month is None), key=lambda one: one.hours, default=None)
    if used is not None and 0 < used.hours <= hours:
        taken = used.amount or balance.cap_used
        beside = max(value - taken, 0) if taken else 0
        left = hours - used.hours
        return in_part(left, over, over + beside, "hours over the cap") if beside else left
    whole = value + over
    return in_part(hours, over, whole, "hours over the cap") if whole else 0


def beside_caps(
    draft: Draft, contract: Contract, worked: Worked, of_categories: Mapping[str, Amount]
) -> Iterator[Amount]:
    """What is for expenses that no cap of the line counts."""
    line_id = worked.plan.line.line_id
    for category, amount in of_categories.items():
        plan = line_plan(draft, contract, worked.plan.version, line_id, counted_as(EXPENSE, category))
        if plan is None or not any(is_of_whole_line(rule.cap_id, line_id) for rule in plan.rules):
            yield amount


def categories_of(worked: Worked, balance: BalanceForward) -> dict[str, Amount]:
    """What of the work is for expenses of categories that are limited: what the limits have taken; of no category what a line that charges
    for work has for expenses."""
    found: dict[str, Amount] = {}
    left = worked.value
    if balance.reimbursed:
        found[""] = part = min(balance.reimbursed, left)
        left -= part
    for cap in balance.caps:
        category = category_of(cap.cap_id, balance.line_id)
        if category is not None and cap.amount and left > 0:
            found[category] = part = min(cap.amount, left)
            left -= part
    return found


def last_of_ended(draft: Draft, loading: Loading) -> date | None:
    """The last day of the billing period that had ended and is not billed yet; None where the one that runs is the first to be billed."""
    found = open_period(draft, loading.contract)
    return found.to - DAY if found is not None and found.to <= loading.event.as_of else None


def billed_of(amounts: Sequence[Amount], billed: Amount, beyond: Amount = 0) -> list[Amount]:
    """What of each amount is billed, the oldest first.

    Those up to which they come to what was billed, but for as much as work came to `beyond` them; else all, where that is no more; else
    what is above zero, the last in part.

        of 2,500.00, 2,500.00, 2,500.00 and -3,108.55 the first two where 5,000.00 were billed; all where 4,391.45 were
        of 1,000.00 and 1,000.00 the first where 1,300.00 were, of 450.00 beyond fees
    """
    whole = [place for place, until in enumerate(accumulate(amounts), 1) if 0 <= billed - until <= beyond]
    if whole:
        place = whole[-1] if beyond else whole[0]
        return [*amounts[:place], *(0 for _ in amounts[place:])]
    if sum(amounts) <= billed:
        return list(amounts)
    found = []
    for amount in amounts:
        found.append(part := min(max(amount, 0), billed))
        billed -= part
    return found


def worked_of(draft: Draft, loading: Loading, stated: Stated) -> Worked:
    contract, balance, event = loading.contract, stated.balance, loading.event
    charged = carried_rows(draft, contract, balance.line_id, event)
    due = [due_of(draft, stated, entry) for entry in charged]
    earned = sum(
        known_elsewhere(draft.why, "recognised", entry.entry_id, stated, price.earns, "revenue")
        for entry in charged
        if (price := standing_price(entry)) is not None
    )
    gross, drawn = balance.billed + balance.conceded, draws_of(draft, stated, event)
    beyond_fees = beyond(stated, drawn) if drawn is not None else 0
    billed = gross - sum(billed_of(due, gross, beyond_fees))
    former = former_terms(draft, stated, event.as_of)
    if former is not None:
        plan, day = former
    else:
        plan = _plan_on(draft, contract, stated, event.as_of)
        day = last_day_with_room(loading, plan)
    rest, earns = 0, None
    if former is not None:
        rest = balance.revenue - balance.billed
    elif drawn is not None and plan.timing == OVER_TIME:
        # What expired is in what is used.
        earns = balance.revenue + balance.conceded
        rest = max(beyond_fees - billed, 0)
    elif plan.timing == OVER_TIME:
        earns = balance.revenue + balance.conceded - earned
    elif plan.timing == WITH_INVOICE:
        rest = balance.unbilled
    elif plan.timing != NO_REVENUE:
        rest = balance.revenue + balance.conceded - earned - billed
    hours = _billable_hours(balance)
    made = Worked(plan, day, billed, rest, earns, hours, 0, not charged, drawn)
    over = over_revenue(loading, stated, made)
    value = made.value - sum(beside_caps(draft, contract, made, categories_of(made, balance)))
    over_hours = _hours_over(balance, hours, value, over)
    return made._replace(hours=hours - over_hours, over=over, over_hours=over_hours)


def take_row(
    at: LineLoad,
    worked: Worked,
    part: str,
    amount: Amount,
    work: OpeningWork,
    *,
    earned: Amount | None = None,
    quantity: Quantity | None = None,
    number: int = 0,
) -> None:
    draft, loading, stated = at
    contract, event, balance = loading.contract, loading.event, stated.balance
    row = f"{stated.row}/{part}" if part else stated.row
    _, charge_id = named(row)
    entry = draft.entry(row)
    if quantity is None:
        terms = methods.units(worked.plan.line.terms)
        of_work = 0 if part or terms is None or is_shared(terms) else balance.units or 0
        quantity = QUANTITY_ONE if terms is None else of_work
    begins = universal_midnight(event.as_of)
    charge = Charge(
        OPENING,
        charge_id,
        entry.version + 1 if entry is not None else 1,
        event.project_id,
        worked.day,
        begins + MICROSECONDS_A_DAY - 1 if part.startswith((OVER_CAP, OVER_BILLING)) else begins + number,
        contract.terms.currency,
        amount,
        contract.contract_id,
        balance.line_id,
        description=_called(contract, balance.line_id, worked.plan, part) if work.by is None else None,
        category=EXPENSES if part.split("/", maxsplit=1)[0] == EXPENSES else None,
        quantity=quantity,
        earned=earned,
        carried_on=event.as_of,
        opening=work,
    )
    if draft.why is not None:
        say_row(draft.why, row, stated, charge)
    take(draft, row, Work(None, draft.cause.log_offset, charge=plain(charge)))
    loading.rows.append(row)


def take_by_month(
    at: LineLoad,
    worked: Worked,
    part: str,
    amount: Amount,
    work: OpeningWork,
    earlier: tuple[Amount, Hours],
    *,
    earned: Amount | None,
) -> tuple[Amount, Hours]:
    """Two rows where some of it is of `earlier` months, which caps by month have counted then; what of these is left for rows after it.

    1,000.00 of which 800.00 are of earlier months: rows of 800.00 and 200.00
    """
    counted, counted_hours = amount - work.uncounted, work.billable_hours - work.uncounted_hours
    then = max(min(counted, earlier[0]), 0)
    if not then:
        take_row(at, worked, part, amount, work, earned=earned)
        return earlier
    hours = min(counted_hours, earlier[1])
    of_then = f"{BEFORE_MONTH}/{part}" if part else BEFORE_MONTH
    earned_then = 0 if earned is not None else None
    take_row(at, worked, of_then, then, OpeningWork(0, hours), earned=earned_then)
    now = replace(work, billable_hours=work.billable_hours - hours)
    if amount - then or earned or now != OpeningWork() or not part:
        take_row(at, worked, part, amount - then, now, earned=earned)
    return earlier[0] - then, earlier[1] - hours


def _called(contract: Contract, line_id: str, plan: LinePlan, part: str) -> str:
    """On a statement: of which line, where there are several, or were, and of which expenses or units."""
    units, (kind, category, *_) = methods.units(plan.line.terms), (*part.split("/"), "", "")
    what = category if kind == EXPENSE else units.unit if kind == UNITS and units is not None else ""
    several = len({line.line_id for line in contract.every_line}) > 1
    of = [line_id if several else "", what]
    return (
        spoken.said("brought_forward_of", of=" ".join(filter(None, of))) if any(of) else spoken.said("brought_forward")
    )


def opening_rows(draft: Draft, loading: Loading, stated: Stated) -> list[Entry]:
    """Of work on the line, in the order in which they are billed."""
    own = stated.row
    found = (draft.entry(row) for row in loading.rows if row == own or row.startswith(f"{own}/"))
    return [entry for entry in found if entry is not None and entry.work is not None]


def is_part(row: Entry, stated: Stated, part: str) -> bool:
    """Whether a row of the line has this of its balances."""
    return row.entry_id == f"{stated.row}/{part}"


def is_of_part(row: Entry, part: str) -> bool:
    """Whether a row of a line is of a part of its unbilled work: a milestone, an entry, or what a billing period that has ended left
    (`ended`)."""
    if part == UNBILLED_ENDED:
        return row.entry_id.startswith(f"{OPENING}/") and row.entry_id.endswith(f"/{UNBILLED_ENDED}")
    return row.entry_id.endswith((f"/milestone/{part}", f"/{ENTRY}/{part}"))
