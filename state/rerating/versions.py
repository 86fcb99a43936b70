"""Approved work, time or a charge: the newest version of an entry wins; a finished one stands until the next can replace it whole.

A version is finished when both its sides are posted. What replaces a finished version reverses and reposts in one event; what replaces
an unfinished one reverses it at once and posts what it can (RULES section 6, Parking).
"""

from collections.abc import Container, Iterable
from datetime import date
from operator import itemgetter
from typing import Final

from msgspec.structs import replace

from domain.accounts import WORK_IN_PROGRESS, cost_account
from domain.events.delivery import ProjectActivated, TimeApproved
from domain.exceptions import OUTSIDE
from domain.figure import record
from domain.ledger.journal import Leg
from domain.reference.exchange import MISSING_RATE, Exchange
from domain.work.rows import FEE, TAKEN_AS, named, row_id, spoken
from state.books import TRANSFER, AtStake, Charge, Contract, Cost, Entry, Fault, Posted, Price, Work
from state.caps import sharers
from state.caps.allot import consume_caps, release_caps, with_issue_kept
from state.caps.claims import Consumption, consumption_of
from state.caps.given_up import fitted
from state.charges import drawing, shared_price
from state.draft import Draft, blocked_at
from state.facts import TRACE
from state.ledger.posting import Side, cost_pairs, post, revenue_pairs, reverse, settle_exchange_rests, with_work
from state.ledger.transfers import post_transfer
from state.rerating.rerate import cut_while_included, in_order, line_ids, ratable
from state.terms.known import Blocked, Slot, entity_policies, period
from state.terms.plan import LinePlan, plan_of
from state.totals import issued_on
from state.value import plain
from state.work.at_stake import at_stake
from state.work.exchange_waits import settle_when_day_ends
from state.work.placing import takes
from state.work.price_record import booked, booked_cost
from state.work.valuation import Valuation, value_work
from state.work.value_charge import plan_of_charge
from state.work.value_time import CostPlan, PricePlan, journal_reversal_day

# Ends the message of a side whose amount another side's exception has.
STAKE_ELSEWHERE: Final = "; the amount at risk stands in its other exception"
# What tells a new version from a mere repeat.
_REPEATED = TRACE | {"version", "occurred_at", "approved_at"}
_content = itemgetter(*(place for place, name in enumerate(TimeApproved._fields) if name not in TRACE))
_substance = itemgetter(*(place for place, name in enumerate(TimeApproved._fields) if name not in _REPEATED))


def take(draft: Draft, row: str, work: Work) -> None:
    """A version of the entry is approved: a lower one than known changes nothing, the same with other content is a conflict."""
    version = work.subject.version
    before = draft.entry(row)
    if before is None:
        advance(draft, None, Entry(row, version), work, fresh=True)
        return
    if version < before.version:
        return
    newest = before.work
    if version == before.version:
        if newest is None or not _is_same(work, newest):
            conflict(draft, before)
        return
    if newest is not None and _repeats(work, newest):
        repeated = replace(resolved(draft, before), version=version)
        if before.conflict is not None and newest.faults:
            advance(draft, before, repeated, newest, fresh=False)
        else:
            draft.put_entry(before, repeated)
        return
    entry = replace(resolved(draft, before), version=version, waived=())
    advance(draft, before, entry, work, fresh=True)


def _is_same(work: Work, newest: Work) -> bool:
    """Whether a version that comes again says what it said; one that is kept for a later repeat is compared by its substance."""
    if work.time is None or newest.time is None:
        return work.charge is not None and newest.charge is not None and work.charge.digest == newest.charge.digest
    if work.time.version == newest.time.version:
        return bool(_content(work.time) == _content(newest.time))
    return bool(_substance(work.time) == _substance(newest.time))


def _repeats(work: Work, newest: Work) -> bool:
    """Whether a higher version says nothing new."""
    if work.time is not None and newest.time is not None:
        return bool(_substance(work.time) == _substance(newest.time))
    if work.charge is None or newest.charge is None:
        return False
    return _substance_of(work.charge) == _substance_of(newest.charge)


def _substance_of(charge: Charge) -> Charge:
    return replace(charge, version=0, approved_at=0, digest="", recorded_at=None)


def withdraw(draft: Draft, row: str, version: int, day: date | None = None) -> None:
    """Its journals are reversed on their own dates while these are open, or no earlier than a day."""
    before = draft.entry(row)
    if before is None:
        draft.put_entry(None, Entry(row, version))
        return
    if version < before.version:
        return
    if version == before.version:
        if before.work is not None:
            conflict(draft, before)
        return
    entry = replace(resolved(draft, before), version=version)
    undo(draft, entry, day)
    close_faults(draft, before.work.faults if before.work is not None else (), "withdrawn", _project_id(before))
    after = settle_exchange_rests(draft, with_work(replace(entry, waived=()), None), entry.standing)
    draft.put_entry(before, after)
    if stepped(before):
        settle_days(draft, before, after)


def conflict(draft: Draft, before: Entry) -> None:
    """The newest version came again with other content: the first stays, unfinished work waits for a higher version."""
    if before.conflict is not None:
        return
    kind, subject = _named(before)
    exception_id = draft.exception_id("conflicting_version", kind, f"{subject}/whole")
    entry = replace(before, conflict=exception_id)
    if before.work is not None and (before.behind is not None or not before.work.finished):
        advance(draft, before, entry, before.work, fresh=False)
        return
    draft.raise_exception(
        "conflicting_version",
        kind,
        subject,
        f"version {before.version} of {spoken(kind)} {subject} came twice with different content; the first one stands",
        side="/whole",
        project_id=_project_id(before),
        entries=(before.entry_id,),
    )
    draft.put_entry(before, entry)


def resolved(draft: Draft, entry: Entry) -> Entry:
    """A higher version ends a conflict; one that parked the work is closed, or was never raised, with the work's faults."""
    if entry.conflict is None:
        return entry
    if entry.work is None or not entry.work.faults:
        draft.close_exception(entry.conflict, "superseded")
    return replace(entry, conflict=None)


def _named(entry: Entry) -> tuple[str, str]:
    """Kind and id of the fact behind the entry, also of one that is withdrawn."""
    return named(entry.entry_id)


def _project_id(entry: Entry) -> str | None:
    work = entry.work or entry.behind
    return work.project_id if work is not None else None


def retry(draft: Draft, entry_id: str) -> None:
    """Something that the entry may have waited for has come."""
    entry = draft.entry(entry_id)
    if entry is not None and entry.work is not None and entry.work.faults:
        advance(draft, entry, entry, entry.work, fresh=False)


def retry_unexchanged(draft: Draft) -> None:
    """The day has ended: what waits for an exchange rate takes the nearest of those that have come."""
    for entry_id in draft.entries.parked():
        entry = draft.entry(entry_id)
        faults = entry.work.faults if entry is not None and entry.work is not None else ()
        if any(fault.category in MISSING_RATE for fault in faults):
            retry(draft, entry_id)


def retry_parked(draft: Draft, persons: Container[str] | None = None) -> None:
    """Something changed that waiting entries of the engagement may have waited for; with `persons` only their hours may have."""
    if any(draft.project(project_id).waiting for project_id in draft.ids("project")):
        for entry_id in draft.entries.parked():
            if persons is None or _person_of(draft, entry_id) in persons:
                retry(draft, entry_id)


def _person_of(draft: Draft, entry_id: str) -> str | None:
    entry = draft.entry(entry_id)
    hours = entry.work.time if entry is not None and entry.work is not None else None
    return hours.person_id if hours is not None else None


def charge_company(draft: Draft, event: ProjectActivated) -> None:
    """Work that nobody is billed for is for the project's company, which is known from now on: it owes the other companies for theirs."""
    project = draft.project(event.project_id)
    if not project.burn.hours and not project.months:
        return
    for entry_id in sorted(entry.entry_id for entry in draft.entries.everything()):
        entry = draft.entry(entry_id)
        work = entry.work if entry is not None and entry.behind is None else None
        if entry is None or work is None or work.cost is None or work.transfer is not None:
            continue
        is_of_project = work.project_id == event.project_id and not work.subject.billable
        if is_of_project and work.cost.legal_entity_id != event.legal_entity_id:
            advance(draft, entry, entry, work, fresh=False)


def advance(draft: Draft, before: Entry | None, entry: Entry, work: Work, *, fresh: bool) -> None:
    """Bring an entry as far as it can go: `work` is its newest version, new (`fresh`) or waiting."""
    standing = entry.behind or (entry.work if fresh and entry.work is not None and entry.work.finished else None)
    faults_before = entry.work.faults if entry.work is not None else ()
    waited = {} if fresh else {one.side: one.category for one in faults_before if one.category in MISSING_RATE}
    verdict = value_work(draft, entry, work, standing or entry.work, waited)
    is_complete = verdict.complete
    if not is_complete:
        for side in verdict.blocked:
            if side.settles_in is not None:
                settle_when_day_ends(draft, side.settles_in)
    if standing is not None and not is_complete:
        waiting = replace(
            work,
            cost=None,
            price=None,
            transfer=None,
            journals=(),
            faults=faults_of(draft, entry, work, verdict, faults_before, fresh=fresh),
        )
        after = with_work(entry, waiting, standing)
        if after != before:
            draft.put_entry(before, after)
        return
    replaces = fresh or standing is not None
    after = _booked(draft, entry, work, verdict, faults_before, fresh=fresh, replaces=replaces, is_complete=is_complete)
    _put(draft, before, after)


def _booked(
    draft: Draft,
    entry: Entry,
    work: Work,
    verdict: Valuation,
    faults_before: tuple[Fault, ...],
    *,
    fresh: bool,
    replaces: bool,
    is_complete: bool,
) -> Entry:
    """The entry with what can be posted of the work; with `replaces` what the entry has in the books is taken out of them."""
    left = entry.standing if replaces else None
    if left is not None:
        old = undo_claim(draft, entry)
        reverse(draft, left)
        posted = book(draft, entry, _unposted(work), verdict, old)
    else:
        posted = book(draft, entry, work, verdict, None)
    if faults_before or not is_complete:
        faults = faults_of(draft, entry, posted, verdict, faults_before, fresh=fresh)
        posted = replace(posted, faults=faults) if faults != posted.faults else posted
    after = with_work(entry, posted)
    return settle_exchange_rests(draft, after, left) if after.issued else after


def _put(draft: Draft, before: Entry | None, after: Entry) -> None:
    if after == before:
        return
    draft.put_entry(before, after)
    if (before is not None and stepped(before)) or stepped(after):
        settle_days(draft, before, after)


def leave_line(draft: Draft, contract: Contract, since: date | None) -> None:
    """Work that is not issued, and that no line of the new terms takes, is placed as if it had come after them: another contract
    takes it, or it waits. What lines charged goes.

    The last leaves first, so that room that it frees goes to none that leaves after it.
    """
    included, first = cut_while_included(draft, contract, since), since.isoformat() if since is not None else ""
    for line_id in line_ids(contract):
        found = in_order((*ratable(draft, contract, line_id, first), *included.get(line_id, ())))
        for entry_id in [entry.entry_id for entry in reversed(found)]:
            entry = draft.entry_in_books(entry_id)
            work = entry.work
            if any(issued.amount for issued in entry.issued) or entry.behind is not None or entry.given_up:
                continue
            if work is None or work.price is None:
                continue
            if work.part_of is not None or work.is_schedule or work.price.contract_id != contract.contract_id:
                continue
            if not _leaves(draft, contract, work):
                continue
            verdict = value_work(draft, entry, work, work)
            if verdict.whole is not None:
                continue
            if work.subject_kind == FEE:
                withdraw(draft, entry_id, entry.version + 1)
            else:
                is_complete = verdict.complete
                after = _booked(
                    draft, entry, work, verdict, work.faults, fresh=False, replaces=True, is_complete=is_complete
                )
                _put(draft, entry, after)


def _leaves(draft: Draft, contract: Contract, work: Work) -> bool:
    charge = work.charge
    if charge is None or charge.kind in TAKEN_AS:
        return not takes(draft, contract, charge or work.event)
    return charge.kind == FEE and plan_of_charge(draft, charge) is None


def _unposted(work: Work) -> Work:
    if work.journals or work.cost or work.price or work.transfer:
        return replace(work, cost=None, price=None, transfer=None, journals=())
    return work


def stepped(entry: Entry) -> bool:
    work = entry.standing
    return work is not None and work.price is not None and work.price.stepped


def settle_days(draft: Draft, before: Entry | None, after: Entry) -> None:
    """Where entries share their price, the others of those that the entry left or came to."""
    left: dict[sharers.SharedPool, LinePlan] = {}
    lines: set[tuple[str, str]] = set()
    for entry in (before, after):
        work = entry.standing if entry is not None else None
        if work is not None and work.price is not None and work.price.drawn is not None:
            lines.add((work.price.contract_id, work.price.line_id))
        elif work is not None and work.price is not None and work.price.stepped:
            plan = plan_of(draft, work.price)
            if plan is not None:
                left[sharers.pool_of(draft, plan, work.person_id, work.price)] = plan
    for pool, plan in sorted(left.items(), key=itemgetter(0)):
        shared_price.settle(draft, plan, pool)
    for contract_id, line_id in sorted(lines):
        drawing.settle(draft, draft.contract_in_books(contract_id), line_id)


def undo(draft: Draft, entry: Entry, day: date | None = None) -> None:
    """Take everything of the entry out of the books."""
    undo_journals(draft, entry, day)
    release_caps(draft, undo_claim(draft, entry))


def undo_journals(draft: Draft, entry: Entry, day: date | None = None) -> None:
    if entry.standing is not None:
        reverse(draft, entry.standing, day)


def undo_claim(draft: Draft, entry: Entry) -> tuple[LinePlan, Consumption] | None:
    """The claim that the entry has on the caps of its line, to be given up."""
    consumption = consumption_of(entry)
    if consumption is None:
        return None
    plan = plan_of(draft, consumption.price)
    return (plan, consumption) if plan is not None else None


def book(draft: Draft, entry: Entry, work: Work, verdict: Valuation, old: tuple[LinePlan, Consumption] | None) -> Work:
    """Post the sides that can be and are not; `old` is the claim on caps that the new one replaces."""
    if verdict.whole is not None:
        release_caps(draft, old)
        return work
    sides: list[Side] = []
    cost, price = work.cost, work.price
    if cost is None and isinstance(verdict.cost, CostPlan):
        waits = price is None and isinstance(verdict.price, Blocked)
        cost = _cost_side(draft, entry.entry_id, verdict.cost, sides, waits=waits)
    if price is None and isinstance(verdict.price, PricePlan):
        price = _price_side(draft, entry, work, verdict.price, old, sides)
        if work.cost is not None and work.cost.account == WORK_IN_PROGRESS:
            cost = _out_of_progress(draft, work, work.cost, sides)
    else:
        release_caps(draft, old)
    if cost is not work.cost or price is not work.price or sides:
        work = replace(work, cost=cost, price=price)
        if posted := post(draft, work, sides):
            work = replace(work, journals=(*work.journals, *posted))
    if verdict.transfer is not None and work.transfer is None and not isinstance(verdict.transfer, Blocked):
        work = post_transfer(draft, work, verdict.transfer)
    return work


def _cost_side(draft: Draft, row: str, plan: CostPlan, sides: list[Side], *, waits: bool) -> Cost:
    policies, cost = plan.policies, plan.cost
    if draft.why is not None:
        cost = booked_cost(draft.why, row, cost)
    if waits and policies.cost_policy == "wip":
        cost = replace(cost, account=WORK_IN_PROGRESS)
    sides.append(Side(plan.slot, cost_pairs(cost), policies))
    return cost


def _out_of_progress(draft: Draft, work: Work, cost: Cost, sides: list[Side]) -> Cost:
    """Policy `wip`: once revenue is recognised, the cost leaves 1300 for 5000 (an expense's for 5100) as it stands there, whatever a cost
    rate says by now."""
    account = cost_account(cost.against)
    for journal in work.journals:
        for leg in journal.lines:
            if leg.account == WORK_IN_PROGRESS:
                pairs = ((account, "cost", leg.amount), (WORK_IN_PROGRESS, "cost", -leg.amount))
                slot = _carried_slot(draft, journal, leg)
                sides.append(Side(slot, pairs, entity_policies(draft, slot.entity)))
    return replace(cost, account=account)


def _carried_slot(draft: Draft, journal: Posted, leg: Leg) -> Slot:
    """The date that the journal's reversal would take, and the rate that makes of the line's amount the ledger amount it carries (R14)."""
    entity = draft.reference.known_entity(journal.legal_entity_id)
    day = journal_reversal_day(draft, journal)
    carried = Exchange(leg.ledger_amount, leg.amount, journal.exchange_rate, (), journal_id=journal.journal_id)
    return Slot(entity, journal.currency, day, period(draft, entity, day).name, carried)


def _price_side(
    draft: Draft, entry: Entry, work: Work, plan: PricePlan, old: tuple[LinePlan, Consumption] | None, sides: list[Side]
) -> Price:
    line = plan.line
    price = plan.price
    if line is None or plan.slot is None:
        release_caps(draft, old)
        return booked(draft.why, entry.entry_id, price) if draft.why is not None else price
    issued = issued_on(entry, price.contract_id, price.line_id) if entry.issued else None
    if issued is not None:
        price = line.as_issued(price, issued)
    if line.shares_price:
        price = shared_price.stepped_price(draft, entry, work, price, line)
    if draft.why is not None:
        price = booked(draft.why, entry.entry_id, price)
    subject = work.subject
    if line.line.project_id != subject.project_id:
        price = replace(price, project_id=line.line.project_id)
    if issued is not None:
        back = price.returned + issued.returned, price.returned_hours + issued.returned_hours
        price = replace(price, returned=back[0], returned_hours=back[1])
    if entry.given_up:
        price = fitted(entry, price)
    consumption = Consumption(entry.entry_id, subject.person_id or "", price, issued.amount if issued else 0)
    if consumption.issued > 0:
        consumption = with_issue_kept(draft, line, old, consumption)
    allotted = consume_caps(draft, old, (line, consumption))
    sides.append(Side(plan.slot, revenue_pairs(allotted), line.policies, line))
    return allotted


def faults_of(
    draft: Draft, entry: Entry, work: Work, verdict: Valuation, before: tuple[Fault, ...], *, fresh: bool
) -> tuple[Fault, ...]:
    """Exceptions of what still waits: new reasons are raised, reasons that are gone or may pass are closed.

    Of a new version (`fresh`) a reason that stands says what it is by now, and what is at stake, in its next revision. Cost and price may
    wait for rates of their own, so each has its exception; the amount at risk of an expense is one, and stands in the first of them.
    """
    blocked = [side for side in verdict.blocked if not _posted(work, side.side)]
    open_before = {fault.exception_id: fault for fault in before}
    faults: list[Fault] = []
    for side in blocked:
        exception_id = draft.exception_id(side.category, work.subject_kind, f"{work.subject_id}/{side.side}")
        standing = open_before.pop(exception_id, None)
        if standing is None:
            message, consumption, elsewhere = _counted_once(draft, work, side, exception_id, faults)
            standing = Fault(
                side.side,
                side.category,
                exception_id,
                side.waits,
                message,
                side.field,
                consumption,
                raised_at=draft.cause.recorded_at,
                is_counted_elsewhere=elsewhere,
            )
            publish_fault(draft, work, standing)
        elif fresh or (not faults and standing.is_counted_elsewhere) or _is_priced_again(draft, side):
            message, consumption, elsewhere = _counted_once(draft, work, side, exception_id, faults)
            now = replace(
                standing, message=message, field=side.field, at_stake=consumption, is_counted_elsewhere=elsewhere
            )
            if now != standing:
                standing = replace(now, revision=standing.revision + 1)
                publish_fault(draft, work, standing)
        faults.append(standing if standing.waits == side.waits else replace(standing, waits=side.waits))
    for fault in open_before.values():
        reason = "waived" if fault.category in entry.waived else "resolved"
        close_faults(draft, (fault,), reason, work.project_id)
    return tuple(faults)


def _is_priced_again(draft: Draft, side: Blocked) -> bool:
    """Whether what is outside the dates of a contract may have another price now: its terms have changed."""
    return side.category == OUTSIDE and "contract" in draft.kinds


def _counted_once(
    draft: Draft, work: Work, side: Blocked, exception_id: str, others: Iterable[Fault]
) -> tuple[str, AtStake, bool]:
    """What its exception says, with the amount unless that of another side has the same, and whether it has."""
    found = at_stake(draft, work, side)
    if found.amount and any(plain(found) == other.at_stake for other in others):
        return f"{side.message}{STAKE_ELSEWHERE}", AtStake(currency=found.currency), True
    if draft.why is not None:
        record(draft.why, blocked_at(exception_id), found.amount)
        found = plain(found)
    return side.message, found, False


def publish_fault(draft: Draft, work: Work, fault: Fault) -> None:
    """Raise the exception of a side that waits, or its next revision."""
    draft.publish_exception(
        fault.exception_id,
        fault.category,
        work.subject_kind,
        work.subject_id,
        fault.message,
        at_stake=fault.at_stake,
        revision=fault.revision,
        project_id=work.project_id,
        person_id=work.person_id or None,
        field=fault.field,
        entries=(row_id(work.subject_kind, work.subject_id),),
        raised_at=fault.raised_at,
        assignee=fault.assignee,
    )


def replace_fault(draft: Draft, entry: Entry, work: Work, fault: Fault) -> None:
    """What is said of a side that waits goes on as its next revision."""
    after = replace(fault, revision=fault.revision + 1)
    publish_fault(draft, work, after)
    faults = tuple(after if one.exception_id == fault.exception_id else one for one in work.faults)
    draft.put_entry(entry, replace(entry, work=replace(work, faults=faults)))


def _posted(work: Work, side: str) -> bool:
    if side == TRANSFER:
        return work.transfer is not None
    return (side == "cost" and work.cost is not None) or (side == "price" and work.price is not None)


def close_faults(draft: Draft, faults: tuple[Fault, ...], reason: str, project_id: str | None) -> None:
    for fault in faults:
        draft.publish_closed(fault.exception_id, fault.category, reason, project_id)
