"""How a row of what work on a line came to is put into the books, under a name within its line."""

from msgspec.structs import replace

from domain.reference.zones import universal_midnight
from domain.terms import methods, spoken
from domain.terms.unit_price import is_shared
from domain.units import MICROSECONDS_A_DAY, QUANTITY_ONE, Amount, Hours, Quantity
from domain.work.rows import BEFORE_MONTH, ENTRY, EXPENSE, OPENING, OVER_BILLING, OVER_CAP, UNITS, named
from state.books import Charge, Contract, Entry, OpeningWork, Work
from state.draft import Draft
from state.opening.loading import LineLoad, Loading, Worked
from state.opening.record import say_row
from state.opening.stated import Stated
from state.rerating.versions import take
from state.terms.plan import LinePlan
from state.value import plain

EXPENSES, INCLUDED = "expenses", "included"
UNBILLED_ENDED, LABOR, NON_BILLABLE = "ended", "labor", "non_billable"
GIVEN_BACK = "given_back"
# Of what was billed what a cap let through that was raised since; of what was not, what it let through before.
SINCE, FORMER = "since", "former"


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
