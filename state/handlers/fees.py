"""What terms charge by themselves: milestones, instalments, progress, fees of a period.

The terms and what is known of a line say which fees there are up to a day (`domain/billing`). The rows are brought to that, whatever
changed: a new fee is charged, one that reads otherwise now is reversed and charged again, one that is found no more is taken back. So
an amendment, a milestone that is revoked and a day that ends are one thing.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.billing import methods
from domain.billing.kind import Fee, Known
from domain.contract import line_named
from domain.events.common import Milestones
from domain.events.delivery import MilestoneAccepted, MilestoneRevoked, ProgressReported
from domain.identity import composed
from domain.rows import FEE, REVENUE, row_id
from domain.units import Amount
from domain.zones import local_date
from state import drawing, milestones_due
from state.books import Acceptance, Charge, ClosedPeriod, Contract, Entry, Reports, Work
from state.draft import Draft
from state.facts import is_new
from state.handlers.work import take, withdraw
from state.periods import zone_of
from state.rerate import line_ids
from state.terms_known import known_on, line_fees

# How far ahead the next fee is looked for.
HORIZON = timedelta(days=400)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MICROSECONDS_A_DAY = 86_400_000_000


def on_milestone_accepted(draft: Draft, event: MilestoneAccepted) -> None:
    if is_new(draft, "milestone", event.milestone_id, event.version, event):
        _take_milestone(draft, event, event.accepted_on)


def on_milestone_revoked(draft: Draft, event: MilestoneRevoked) -> None:
    if is_new(draft, "milestone", event.milestone_id, event.version, event):
        _take_milestone(draft, event, None)


def _take_milestone(draft: Draft, event: MilestoneAccepted | MilestoneRevoked, accepted_on: date | None) -> None:
    known: Acceptance | None = draft.part("milestone", event.milestone_id)
    contract_id = event.contract_id or (known.contract_id if known is not None else None)
    line_id = event.line_id or (known.line_id if known is not None else None)
    draft.put("milestone", event.milestone_id, Acceptance(accepted_on, contract_id, line_id))
    for contract in draft.contracts():
        settle(draft, contract)
    note_unknown_milestones(draft)


def on_progress_reported(draft: Draft, event: ProgressReported) -> None:
    part_id = composed(event.contract_id or "", event.line_id)
    if not is_new(draft, "progress", part_id, event.version, event):
        return
    reports: Reports = draft.part("reports", part_id) or Reports()
    draft.put("reports", part_id, Reports((*reports.said, (event.version, event.as_of, event.percent))))
    for contract in draft.contracts():
        settle(draft, contract)


def note_unknown_milestones(draft: Draft) -> None:
    """An acceptance that no contract line lists waits, and somebody has to look at it."""
    for milestone_id in draft.ids("milestone"):
        fact: Acceptance = draft.part("milestone", milestone_id)
        if fact.accepted_on is None or any(_lists(contract, milestone_id, fact) for contract in draft.contracts()):
            draft.settle_note("unknown_milestone", "milestone", milestone_id)
            continue
        draft.note(
            "unknown_milestone",
            "milestone",
            milestone_id,
            f"milestone {milestone_id} was accepted on {fact.accepted_on}, but no contract line lists it",
            contract_id=fact.contract_id,
            field="milestone_id",
        )


def _lists(contract: Contract, milestone_id: str, fact: Acceptance) -> bool:
    return any(
        isinstance(line.terms, Milestones)
        and fact.contract_id in (None, contract.contract_id)
        and fact.line_id in (None, line.line_id)
        and any(milestone.milestone_id == milestone_id for milestone in line.terms.milestones)
        for stored in contract.history
        for line in stored.terms.lines
    )


# Bringing the rows to what the terms say


def settle(draft: Draft, contract: Contract, until: date | None = None, *, ended: bool = False) -> None:
    """Everything that the contract charges by itself up to a day, by default the day of the event where the contract is billed.

    `ended`: that day has ended there, so that what was due on it is overdue.
    """
    if not contract.in_force or not _charges(draft, contract):
        return
    zone = zone_of(draft, contract)
    day = until if until is not None else local_date(draft.cause.recorded_at, zone)
    upcoming: list[date] = []
    for line_id in line_ids(contract):
        known = known_on(draft, contract, line_id)
        fees = list(_fees(known, day + HORIZON))
        upcoming += [fee.day for fee in fees if fee.day > day]
        _bring(draft, contract, line_id, fees, day)
        milestones_due.watch(draft, contract, line_id, known, day, zone, ended=ended)
        drawing.settle(draft, contract, line_id)
    if upcoming:
        draft.due.add((zone, min(upcoming).isoformat()))


def close_period(draft: Draft, contract: Contract, start: date, to: date) -> None:
    """Keep what lines had used that charge by it, before the period is cut."""
    for line_id in line_ids(contract):
        line = line_named(contract.terms, line_id)
        if line is not None and methods.unsupported(line.terms) is None and methods.kind_of(line.terms).by_period(line):
            part_id = composed(contract.contract_id, line_id)
            known = line_fees(draft, contract, line_id)
            closed = ClosedPeriod(start, to, _cost_by_category(draft, contract, line_id, to))
            draft.put("fees", part_id, replace(known, closed=(*known.closed, closed)))
            settle(draft, contract, to - timedelta(days=1))


def _charges(draft: Draft, contract: Contract) -> bool:
    """Whether any version of the contract has a line that charges by itself."""
    key = ("charges", contract.contract_id, contract.version, len(contract.history))
    if key not in draft.plans:
        draft.plans[key] = any(
            methods.charges(line.terms) for stored in contract.history for line in stored.terms.lines
        )
    found: bool = draft.plans[key]
    return found


def _fees(known: Known, until: date) -> Iterator[Fee]:
    """Each version of the terms charges what falls due while it holds; a cumulative fee charges what those before it did not."""
    charged: Amount = 0
    for agreed, since, before in known.held:
        for fee in methods.fees(agreed, known, min(until, before - timedelta(days=1))):
            if fee.day < since:
                continue
            amount = fee.amount - charged if fee.cumulative else fee.amount
            charged += amount if fee.cumulative else 0
            if amount or fee.earned:
                yield fee._replace(amount=amount)


def _bring(draft: Draft, contract: Contract, line_id: str, fees: list[Fee], day: date) -> None:
    """Charge what is due by the day; what was charged ahead, for a statement that was asked for early, stays charged."""
    known = line_fees(draft, contract, line_id)
    found = {row_id(FEE if fee.earned is None else REVENUE, _fee_id(contract, line_id, fee)): fee for fee in fees}
    charged = {row for row in known.rows if (entry := draft.entry(row)) is not None and entry.work is not None}
    wanted = {row: fee for row, fee in found.items() if fee.day <= day or row in charged}
    for row in known.rows:
        if row in charged and row not in wanted:
            entry = draft.entry(row)
            assert entry is not None, "it is charged"
            withdraw(draft, row, entry.version + 1)
    for row, fee in wanted.items():
        _charge(draft, contract, line_id, row, fee)
    rows = (*known.rows, *(row for row in wanted if row not in known.rows))
    if rows != known.rows:
        draft.put("fees", composed(contract.contract_id, line_id), replace(known, rows=rows))


def _charge(draft: Draft, contract: Contract, line_id: str, row: str, fee: Fee) -> None:
    entry = draft.entry(row)
    charge = _charge_of(contract, line_id, fee, entry)
    work = entry.work if entry is not None else None
    if work is None or work.charge is None or _content(work.charge) != _content(charge):
        take(draft, row, Work(None, draft.cause.log_offset, charge=charge))


def _fee_id(contract: Contract, line_id: str, fee: Fee) -> str:
    return f"{composed(contract.contract_id, line_id)}/{fee.name}"


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
    )


def _charge_of(contract: Contract, line_id: str, fee: Fee, entry: Entry | None) -> Charge:
    """In consumption order a fee comes first on its day, whenever it became known."""
    line = next(line for stored in reversed(contract.history) for line in stored.terms.lines if line.line_id == line_id)
    return Charge(
        FEE if fee.earned is None else REVENUE,
        _fee_id(contract, line_id, fee),
        entry.version + 1 if entry is not None else 1,
        line.project_id,
        fee.day,
        (fee.day.toordinal() - EPOCH_ORDINAL) * MICROSECONDS_A_DAY,
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


def _cost_by_category(draft: Draft, contract: Contract, line_id: str, to: date) -> dict[str, Amount]:
    """What the line's work before a day cost, in contract currency; an hour's category is its task, an expense's its own."""
    found: dict[str, Amount] = {}
    seen = set(draft.rows)
    rows = (*draft.rows.values(), *(entry for entry in draft.entries.everything() if entry.entry_id not in seen))
    for entry in rows:
        work = entry.standing
        price = work.price if work is not None else None
        if work is None or work.cost is None or price is None or price.day >= to:
            continue
        if (price.contract_id, price.line_id) == (contract.contract_id, line_id):
            subject = work.subject
            category = (subject.category if isinstance(subject, Charge) else subject.task) or ""
            if work.cost.currency == contract.terms.currency:
                found[category] = found.get(category, 0) + work.cost.amount
    return found
