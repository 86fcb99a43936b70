"""What terms charge by themselves: milestones, instalments, progress, fees of a period.

The terms and what is known of a line say which fees there are up to a day (`domain/terms`). The rows are brought to that, whatever
changed: a new fee is charged, one that reads otherwise now is reversed and charged again, one that is found no more is taken back. So
an amendment, a milestone that is revoked and a day that ends are one thing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import filterfalse

from msgspec.structs import replace

from domain.contract import BEGINNING
from domain.counting import counted
from domain.events.common import ContractLine
from domain.identity import composed, parts_of
from domain.reference.zones import local_date, universal_midnight
from domain.terms import methods
from domain.terms.kind import Fee, LineHistory
from domain.work.rows import FEE, SCHEDULED_REVENUE, row_id
from state.books import Charge, ClosedPeriod, Contract, Cost, Entry, LineFees, LineTotals, Work
from state.charges import drawing, milestones_due, own_periods
from state.charges.budgets_spent import by_category, spent_of_budgets
from state.charges.fees_due import fees_due
from state.charges.rebates import given_now
from state.charges.settlement import settlement
from state.charges.spent import category_of
from state.charges.spent_record import say_spent, spent_row
from state.charges.terms_known import known_of, line_fees
from state.charges.unissued import is_moved
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.rerating.versions import take, withdraw
from state.terms.opening import carried
from state.terms.periods import zone_of
from state.terms.plan import newest_plan, version_on
from state.totals import month_of
from state.value import plain

# How far ahead the next fee is looked for.
HORIZON = timedelta(days=400)
FEE_ROWS = row_id(FEE, "")


def settle(draft: Draft, contract: Contract, until: date | None = None, *, ended: bool = False) -> None:
    """Everything that the contract charges by itself up to the day of the event where the contract is billed, or to a later one.

    A day's end may come after events of the next day, which it does not undo, nor what balances include. `ended`: the day `until` has
    ended, so that what was due on it is overdue.
    """
    if not contract.in_force or not _charges(draft, contract):
        return
    zone = zone_of(draft, contract)
    today = max(until or BEGINNING, local_date(draft.cause.recorded_at, zone))
    upcoming: list[date] = []
    for line_id in line_ids(contract):
        drawing.settle(draft, contract, line_id, until if ended else None)
        known = known_of(draft, contract, line_id)
        day = max(today, known.begins_after or BEGINNING)
        fees = list(fees_due(draft, contract, line_id, known, day + HORIZON))
        fees += settlement(contract, known, fees)
        upcoming += [fee.day for fee in fees if fee.day > day]
        upcoming += own_periods.upcoming(draft, contract, known, day, day + HORIZON)
        if ended and until is not None:
            _show_periods(draft, contract, line_id, known, (until, day))
        _bring_fees(draft, contract, line_id, fees, day)
        milestones_due.watch(draft, contract, line_id, known, zone, day, until if ended else None)
        if ended and own_periods.is_below_top_up(draft, contract, line_id, day):
            draft.due.add((zone, ""))
    look_again(draft, contract, zone, today, upcoming)


def after_revision(draft: Draft, contract_id: str) -> None:
    """A variable part of a price may be due."""
    contract = draft.contract(contract_id)
    if contract is not None:
        settle(draft, contract)


def _show_periods(draft: Draft, contract: Contract, line_id: str, known: LineHistory, days: tuple[date, date]) -> None:
    """A period of the terms' own that ends or begins moves what is left to draw, even where nothing is posted."""
    fees = ("fees", composed(contract.contract_id, line_id))
    if draft.part(*fees) != draft.before.get(fees) or own_periods.begins(known, *days):
        project_id = known.held[-1].line.project_id
        draft.put_project(replace(draft.project(project_id), changed=True))


def look_again(draft: Draft, contract: Contract, zone: str, day: date, upcoming: Sequence[date]) -> None:
    """On the next day on which something is charged or earned; where none is in sight at its end, until the contract is over."""
    ends = [each for each in (contract.terminated_on, contract.terms.ends_on) if each is not None]
    if upcoming or day < min(ends, default=date.max):
        draft.due.add((zone, min(upcoming, default=day + HORIZON).isoformat()))


def after_event(draft: Draft) -> None:
    """Where what is drawn has changed: what is expired of it, and whether a line has to fill up when the day ends.

    Where a fee waited and does no more: what would have taken it back. Where what was spent of budgets by the end of a period has changed:
    what it charges. Where a credit memo gave a rebate: what is left of it to be credited.
    """
    for contract_id in sorted(_no_more_waiting(draft) | set(_recounted(draft)) | given_now(draft)):
        contract = draft.contract(contract_id)
        if contract is not None:
            settle(draft, contract)
    if not draft.draws:
        return
    for part_id in [part_id for kind, part_id in draft.parts if kind == "line"]:
        had: LineTotals | None = draft.before.get(("line", part_id))
        has: LineTotals | None = draft.parts["line", part_id]
        if has is None or has.drawn == (had.drawn if had is not None else {}):
            continue
        contract_id, line_id = parts_of(part_id)
        contract = draft.contract(contract_id)
        if contract is not None and contract.in_force:
            if _moves_what_ended(draft, part_id, had, has):
                settle(draft, contract)
            zone = zone_of(draft, contract)
            if own_periods.is_below_top_up(draft, contract, line_id, local_date(draft.cause.recorded_at, zone)):
                draft.due.add((zone, ""))


def settle_minimums(draft: Draft) -> list[Contract]:
    """Where work of closed periods has a minimum beside it: what it lacks by now, of what all lines come to.

    The contracts are those, whose revenue over time follows.
    """
    moved = [contract for contract in draft.contracts() if _moves_minimums(draft, contract)]
    for contract in moved:
        settle(draft, contract)
    return moved


def _moves_minimums(draft: Draft, contract: Contract) -> bool:
    """Whether the event changed what lines charge for months of closed periods, beside a line with a minimum."""
    return contract.in_force and any(
        _moves_closed(draft, contract, line_fees(draft, contract, line_id).closed, line_id)
        for line_id in _with_minimum(draft, contract)
    )


def _with_minimum(draft: Draft, contract: Contract) -> tuple[str, ...]:
    """Lines that have a minimum in any version of the terms."""
    return draft.of_terms(
        "minimums",
        contract,
        lambda *_: tuple(
            dict.fromkeys(line.line_id for line in contract.every_line if methods.has_minimum(line.terms))
        ),
    )


def _moves_closed(draft: Draft, contract: Contract, closed: Sequence[ClosedPeriod], line_id: str) -> bool:
    if not closed:
        return False
    others = [other for other in line_ids(contract) if other != line_id]
    months: set[str] = set()
    for other in others:
        key = "line", composed(contract.contract_id, other)
        if key in draft.parts:
            had, has = draft.before.get(key) or LineTotals(""), draft.parts[key] or LineTotals("")
            months |= {month for month, _ in had.by_month.items() ^ has.by_month.items()}
    last = month_of(closed[-1].to - timedelta(days=1))
    return any(month <= last for month in months) or is_moved(draft, contract, others, last)


def _moves_what_ended(draft: Draft, part_id: str, had: LineTotals | None, has: LineTotals) -> bool:
    """Whether more or less is drawn of a store that a period has ended with, so that other parts of it expire, or the line filled up on
    other days."""
    known, before = draft.part("fees", part_id) or LineFees(), draft.before.get(("fees", part_id)) or LineFees()
    if (known.ended, known.topped_up) != (before.ended, before.topped_up):
        return True
    drawn = had.drawn if had is not None else {}
    stores = {store for ended in known.ended for store in ended.limits}
    return any(drawn.get(store) != has.drawn.get(store) for store in stores)


def _no_more_waiting(draft: Draft) -> set[str]:
    """Contracts of fees that are charged by now and were not before the event."""
    found = set()
    for row, entry in draft.rows.items():
        if row.startswith(FEE_ROWS) and entry.work is not None and entry.work.charge is not None and not _waits(entry):
            before = draft.entries.get(row)
            if before is not None and _waits(before) and entry.work.charge.contract_id is not None:
                found.add(entry.work.charge.contract_id)
    return found


def close_period(draft: Draft, contract: Contract, start: date, to: date) -> bool:
    """Keep what lines had used that charge by it, before the period is cut; whether there are any."""
    plans = (newest_plan(draft, contract, line_id) for line_id in line_ids(contract))
    lines = [plan.line for plan in plans if plan is not None and plan.refused is None]
    lines = [line for line in lines if methods.kind_of(line.terms).by_period(line)]
    if not lines:
        return False
    settle(draft, contract, to - timedelta(days=1))
    # What the period's spending charges counts towards its minimums.
    for closing in (list(filter(methods.by_budgets, lines)), list(filterfalse(methods.by_budgets, lines))):
        for line in closing:
            known = line_fees(draft, contract, line.line_id)
            _close(draft, contract, line, (*known.closed, ClosedPeriod(start, to)))
        if closing:
            settle(draft, contract, to - timedelta(days=1))
    return True


def _close(draft: Draft, contract: Contract, line: ContractLine, closed: Sequence[ClosedPeriod]) -> None:
    """With what the line's own work cost by the end of each period, as far as it is known by now, where it charges by that."""
    if methods.by_budgets(line):
        spent, lacking = spent_of_budgets(draft, contract, line.line_id, closed[-1].to)
        _note_uncounted(draft, contract, line.line_id, closed[-1].to, lacking)
        closed = [replace(one, cost=by_category(spent, one.to)) for one in closed]
        if draft.why is not None:
            rows = [spent_row(draft.why, draft.why.now, row) for row in spent]
            say_spent(draft.why, contract, line.line_id, closed, rows)
    known = line_fees(draft, contract, line.line_id)
    draft.put("fees", composed(contract.contract_id, line.line_id), replace(known, closed=tuple(closed)))


def _recounted(draft: Draft) -> Iterator[str]:
    """Contracts of which the event changed what was spent of budgets before the end of a period that is closed."""
    moved: dict[tuple[str, str], Counter[tuple[date, str, Cost]] | None] = {}
    for entry, sign in draft.worked:
        work = entry.standing
        price = work.price if work is not None else None
        if work is None or work.cost is None or price is None:
            continue
        place = price.contract_id, price.line_id
        if place not in moved:
            moved[place] = Counter() if _by_budgets(draft, *place) is not None else None
        spent = moved[place]
        if spent is not None:
            spent[price.day, category_of(work), work.cost] += sign
    for (contract_id, line_id), spent in moved.items():
        contract, line = draft.contract(contract_id), _by_budgets(draft, contract_id, line_id)
        if contract is None or line is None or spent is None:
            continue
        closed = line_fees(draft, contract, line_id).closed
        if closed and any(number and day < closed[-1].to for (day, _, _), number in spent.items()):
            _close(draft, contract, line, closed)
            yield contract_id


def _by_budgets(draft: Draft, contract_id: str, line_id: str) -> ContractLine | None:
    """The line, where it is billed as its budgets are spent."""
    contract = draft.contract(contract_id)
    plan = newest_plan(draft, contract, line_id) if contract is not None and contract.in_force else None
    return plan.line if plan is not None and plan.refused is None and methods.by_budgets(plan.line) else None


def _charges(draft: Draft, contract: Contract) -> bool:
    """Whether any version of the contract has a line that charges by itself."""
    return draft.of_terms(
        "charges", contract, lambda *_: any(methods.charges(line.terms) for line in contract.every_line)
    )


def _bring_fees(draft: Draft, contract: Contract, line_id: str, fees: list[Fee], day: date) -> None:
    """Charge what is due by the day; what was charged ahead, for a statement that was asked for early, stays charged."""
    known = line_fees(draft, contract, line_id)
    charged = {row for row in known.rows if (entry := draft.entry(row)) is not None and entry.work is not None}
    charges = {
        row_id(charge.kind, charge.charge_id): charge
        for charge in map(partial(_charge_of, draft, contract, line_id), fees)
    }
    wanted = {row: charge for row, charge in charges.items() if charge.day <= day or row in charged}
    rows = bring(draft, known.rows, _without_early(draft, wanted, fees))
    # What was just brought may wait, or wait no more: then more or less comes too early.
    rows = bring(draft, rows, _without_early(draft, wanted, fees))
    if rows != known.rows:
        draft.put("fees", composed(contract.contract_id, line_id), replace(known, rows=rows))


def _without_early(draft: Draft, wanted: Mapping[str, Charge], fees: Sequence[Fee]) -> dict[str, Charge]:
    """What is taken back is not charged before what it takes back is, which may wait for an exchange rate (`after_event`)."""
    cumulative = any(fee.cumulative for fee in fees)
    found: dict[str, Charge] = {}
    waits = False
    for row, charge in wanted.items():
        entry = draft.entry(row)
        if cumulative and waits and charge.amount < 0 and (entry is None or not entry.issued):
            continue
        found[row] = charge
        waits = waits or (entry is not None and _waits(entry))
    return found


def _waits(entry: Entry) -> bool:
    return entry.work is not None and entry.standing is not None and entry.standing.price is None


def bring(draft: Draft, rows: tuple[str, ...], wanted: Mapping[str, Charge]) -> tuple[str, ...]:
    """Make rows read as they are wanted, and take back those that are wanted no more; returns all that there ever were."""
    for row in rows:
        entry = draft.entry(row)
        if row not in wanted and entry is not None and entry.work is not None:
            withdraw(draft, row, entry.version + 1)
    for row, charge in wanted.items():
        entry = draft.entry(row)
        work = entry.work if entry is not None else None
        if work is None or work.charge is None or _content(work.charge) != _content(charge):
            version = entry.version + 1 if entry is not None else 1
            take(
                draft,
                row,
                Work(
                    None, draft.cause.log_offset, charge=replace(charge, version=version, amount=plain(charge.amount))
                ),
            )
    return (*rows, *(row for row in wanted if row not in rows))


def _content(charge: Charge) -> tuple[object, ...]:
    return (
        charge.project_id,
        charge.day,
        charge.amount,
        charge.earned,
        charge.description,
        charge.quantity,
        charge.unit,
        charge.earned_from,
        charge.earned_to,
        charge.carried_on,
        charge.opening,
    )


def _charge_of(draft: Draft, contract: Contract, line_id: str, fee: Fee) -> Charge:
    """In consumption order a fee comes first on its day, whenever it became known."""
    charge = Charge(
        FEE if fee.earned is None else SCHEDULED_REVENUE,
        f"{composed(contract.contract_id, line_id)}/{fee.name}",
        0,
        project_of(contract, line_id, fee.day),
        fee.day,
        universal_midnight(fee.day),
        contract.terms.currency,
        fee.amount,
        contract.contract_id,
        line_id,
        description=fee.description,
        quantity=fee.quantity,
        unit=fee.unit,
        earned=fee.earned,
        earned_from=fee.earned_from,
        earned_to=fee.earned_to,
    )
    return carried(draft, charge)


def project_of(contract: Contract, line_id: str, day: date) -> str:
    """In the terms of the day; where these do not have the line, in the newest that do."""
    number = version_on(contract, day)
    held = [stored for stored in contract.history if stored.version == number]
    lines = (line for stored in (*held, *reversed(contract.history)) for line in stored.terms.lines)
    return next(line for line in lines if line.line_id == line_id).project_id


def _note_uncounted(draft: Draft, contract: Contract, line_id: str, to: date, lacking: list[str]) -> None:
    """Work needs the rate of its day to be priced. What was priced while the line had no budgets may lack it: it is named, and counts at
    the next close."""
    subject = composed(contract.contract_id, line_id)
    if not lacking:
        draft.resolve_exception("no_exchange_rate", "contract_line", subject)
        return
    draft.raise_exception(
        "no_exchange_rate",
        "contract_line",
        subject,
        f"no rate into {contract.terms.currency} for the cost of {counted(len(lacking), 'entry')} before {to}: it counts as spent of the "
        "budgets when a billing period closes and the rates of their days are known",
        project_id=project_of(contract, line_id, to - timedelta(days=1)),
        contract_id=contract.contract_id,
        blocks=len(lacking),
        entries=tuple(lacking),
    )
