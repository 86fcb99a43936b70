"""Billing periods close into statements; the ERP's invoice moves what was unbilled to receivables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.billing.kind import NO_REVENUE
from domain.billing_periods import BillingPeriod
from domain.events.delivery import StatementRequested
from domain.identity import composed, statement_id
from domain.money import HALF_UP, format_decimal, round_ratio
from domain.outputs import BillingStatement, StatementLine
from domain.shares import Party
from domain.statement import (
    ADJUSTED_FOR_CAP,
    CORRECTION,
    PRIOR_PERIOD,
    Group,
    Piece,
    Printed,
    grouped,
    is_at_its_rate,
    line_amount,
    line_hours,
    one_piece,
    printed_charge,
    rounding_note,
    shown_quantity,
)
from domain.units import PERCENT_SCALE, Amount, Percent, Quantity, Rate
from domain.zones import local_date
from state.allot import repin
from state.approval import holds_contract, keep_draft, name_requester, reserved
from state.books import Contract, Entry, Hold, Issued, Price, StatementEntry, StatementState, WaitingRequest
from state.claims import stake_of, stands_on
from state.draft import Draft
from state.facts import happens
from state.handlers import deposits, fees, retention, revenue
from state.payers import Billed, Share, issued_to, parties_for, payers_of, shares
from state.periods import closes_on, open_period, schedule, zone_of
from state.plan import LinePlan, contract_policies, line_plan, plan_of, plan_on, terms_on
from state.prorate import prorate_at_cut
from state.repricing import book_repriced, reprice
from state.rerate import in_order, line_ids
from state.totals import is_due, issued_on, outstanding, standing_price

HOUR = "hour"
LINES_A_PART = 2_000
ENTRIES_A_PART = 4_000
NOTHING_BESIDE: Final[Mapping[str, Amount]] = MappingProxyType({})


def close_periods(draft: Draft, contract: Contract, zone: str, day: date) -> None:
    """Close, in order, every billing period whose last day plus grace has ended."""
    if not contract.history or contract.invalid is not None:
        return
    if zone_of(draft, contract) != zone:  # its company may have moved to another zone since it was scheduled
        schedule(draft, contract)
        return
    period = open_period(draft, contract)
    while period is not None and closes_on(draft, contract, period) <= day.isoformat():
        contract = close_period(draft, contract, period)
        period = open_period(draft, contract)
    _release(draft, contract, day)
    schedule(draft, contract)


def close_period(draft: Draft, contract: Contract, period: BillingPeriod) -> Contract:
    used = fees.close_period(draft, contract, period.start, period.to)
    cut(draft, contract, period, since=None)
    if used:
        revenue.settle(draft, contract)
    current = draft.contract(contract.contract_id)
    assert current is not None, "the contract is in the books"
    current = replace(current, period_start=period.to)
    draft.put("contract", contract.contract_id, current)
    return current


def on_statement_requested(draft: Draft, event: StatementRequested) -> None:
    """Cut the statement now; a request for a contract that is not in force yet waits for it. A request happens once."""
    if not happens(draft, "statement_request", event.request_id):
        return
    contract = draft.contract(event.contract_id)
    if contract is None or not contract.history or contract.invalid is not None:
        draft.put("request", event.request_id, WaitingRequest(event, draft.cause.log_offset))
        draft.note(
            "unknown_reference",
            "statement_request",
            event.request_id,
            f"a statement of contract {event.contract_id} is requested, which is not in force",
            contract_id=event.contract_id,
        )
        return
    _cut_on_request(draft, contract, event)
    name_requester(draft, event.requested_by)
    publish(draft)


def serve_waiting(draft: Draft, contract_id: str) -> None:
    """The contract is in force: cut what was requested before, in the order of the log."""
    waiting = [request for request_id in draft.ids("request") for request in (draft.part("request", request_id),)]
    for request in sorted(waiting, key=lambda one: one.log_offset):
        contract = draft.contract(contract_id)
        if request.event.contract_id == contract_id and contract is not None:
            draft.put("request", request.event.request_id, None)
            draft.settle_note("unknown_reference", "statement_request", request.event.request_id)
            _cut_on_request(draft, contract, request.event)
            name_requester(draft, request.event.requested_by)
    publish(draft)


def _cut_on_request(draft: Draft, contract: Contract, event: StatementRequested) -> None:
    """With a cycle the oldest open period closes early; else what the request says, by default everything so far."""
    fees.settle(draft, contract)
    period = open_period(draft, contract)
    today = local_date(event.occurred_at, zone_of(draft, contract))
    if period is not None and (period.start <= today or period.start == contract.period_start):
        schedule(draft, close_period(draft, contract, period))
        return
    to = event.to or today + timedelta(days=1)
    start = event.period or contract.requested_to or terms_on(contract, today).starts_on
    cut(draft, contract, BillingPeriod(start, to), since=event.period)
    current = draft.contract(event.contract_id)
    assert current is not None, "the contract is in the books"
    draft.put("contract", event.contract_id, replace(current, requested_to=to))


class _Due(NamedTuple):
    """What is due of an entry; `share` is what of it one payer is billed."""

    entry: Entry
    plan: LinePlan
    piece: Piece
    parties: tuple[Party, ...]
    share: Share | None = None

    @property
    def bill_to(self) -> str:
        assert self.share is not None, "it is shared before it is billed"
        return self.share.bill_to


def publish(draft: Draft) -> None:
    """Send the statements of the event, after the differences that their cuts made."""
    book_repriced(draft)
    draft.outputs += draft.issued
    draft.issued = []


def cut(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> None:
    """Issue what is due with service date before the period's end (and from `since` on); with no line there is no statement."""
    plans = line_plans(draft, contract)
    if any(limit.split == "prorate" for plan in plans for rule in plan.every_rule for limit in rule.limits):
        prorate_at_cut(draft, contract, period.to)
    due = _shared(draft, contract, list(_due(draft, contract, period, since)))
    for bill_to in sorted({*(one.bill_to for one in due), *retention.falls_free(draft, contract, period)}):
        beside = _by_line(one for one in due if one.bill_to > bill_to)
        _issue_or_draft(draft, contract, period, bill_to, [one for one in due if one.bill_to == bill_to], beside)
    _close_free(draft, contract, period, since)
    if any(plan.policies.overflow == "non_billable" for plan in plans):
        _make_final(draft, contract, period.to, since)
    if not holds_contract(draft, contract.contract_id) and deposits.close(draft, contract, period):
        cut(draft, contract, period, since)


def line_plans(draft: Draft, contract: Contract) -> list[LinePlan]:
    """Of every line, in every version of the terms that has it."""
    plans = (
        line_plan(draft, contract, stored.version, line.line_id)
        for stored in (*contract.former, *contract.history)
        for line in stored.terms.lines
    )
    return [plan for plan in plans if plan is not None]


def due_of(draft: Draft, contract: Contract, period: BillingPeriod, rows: frozenset[str], bill_to: str) -> list[_Due]:
    """What a draft of the period may have of the rows that it holds."""
    due = _shared(draft, contract, list(_due(draft, contract, period, None, rows)))
    return [one for one in due if one.bill_to == bill_to]


def _due(
    draft: Draft, contract: Contract, period: BillingPeriod, since: date | None, only: frozenset[str] | None = None
) -> Iterable[_Due]:
    """Of `only` these rows, else of all that no draft holds."""
    holds = _holds(draft)
    elsewhere = reserved(draft, contract.contract_id) if only is None else frozenset()
    for line_id in line_ids(contract):
        entries = draft.due_on(contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat())
        for entry in in_order(entries):
            if entry.entry_id in elsewhere or (only is not None and entry.entry_id not in only):
                continue
            amount = outstanding(entry, contract.contract_id, line_id)
            plan = _plan(draft, contract, entry, line_id)
            if plan is None or not is_due(entry, contract.contract_id, line_id):
                continue
            if _ratable(entry, plan) and not _held(holds, contract, plan, entry):
                piece = _piece(entry, plan, line_id, amount, period)
                yield _Due(entry, plan, piece, parties_for(contract, entry, line_id))


def _shared(draft: Draft, contract: Contract, due: Sequence[_Due]) -> list[_Due]:
    """By payer; holds of one keep its statement alone."""
    held = frozenset(hold.scope_id for hold in _holds(draft) if hold.scope == "bill_to")
    billed = [
        Billed(one.entry, one.piece, issued_on(one.entry, contract.contract_id, one.piece.line_id), one.parties)
        for one in due
    ]
    return [
        due[share.place]._replace(piece=share.piece, share=share) for share in shares(draft, contract, billed, held)
    ]


def _ratable(entry: Entry, plan: LinePlan) -> bool:
    """Work of a line whose terms are not handled waits for an amendment that rates it; what is issued of it is corrected."""
    return plan.refused is None or issued_on(entry, plan.contract_id, plan.line.line_id) is not None


def _plan(draft: Draft, contract: Contract, entry: Entry, line_id: str) -> LinePlan | None:
    """The plan of the entry's price where that is on this line, else of the line it was issued on."""
    price = standing_price(entry)
    if price is not None and price.line_id == line_id and price.contract_id == contract.contract_id:
        return plan_of(draft, price)
    issued = issued_on(entry, contract.contract_id, line_id)
    assert issued is not None, "an open entry has a price or was issued on the line"
    return plan_on(draft, contract, issued.day, line_id)


def _holds(draft: Draft) -> list[Hold]:
    return [hold for hold_id in draft.ids("hold") if not (hold := draft.part("hold", hold_id)).released]


def _held(holds: list[Hold], contract: Contract, plan: LinePlan, entry: Entry) -> bool:
    if not holds:
        return False
    standing = entry.standing
    names = {
        ("contract", contract.contract_id),
        ("line", plan.line.line_id),
        ("project", plan.line.project_id),
        ("entry", entry.entry_id),
        ("project", standing.project_id if standing is not None else ""),
    }
    held = {(hold.scope, hold.scope_id) for hold in holds}
    payers = payers_of(contract, entry, plan.line.line_id)
    return bool(held & names) or all(("bill_to", payer) in held for payer in payers)


def _piece(entry: Entry, plan: LinePlan, line_id: str, amount: Amount, period: BillingPeriod) -> Piece:
    """What the entry brings; a correction stands under the new version's person and rate, a withdrawn one under what was issued."""
    price = standing_price(entry)
    issued = issued_on(entry, plan.contract_id, line_id)
    own = price is not None and price.line_id == line_id and price.contract_id == plan.contract_id
    work = entry.standing
    day = price.day if price is not None and own else issued.day if issued is not None else period.start
    hours = 0
    flags = []
    if price is not None and own:
        hours = price.billable_hours
        if price.billable < price.value:
            flags.append(ADJUSTED_FOR_CAP)
    if issued is not None:
        hours -= issued.hours
        if issued.amount or issued.hours:
            flags.append(CORRECTION)
    if day < period.start:
        flags.append(PRIOR_PERIOD)
    quantity = (billed_quantity(price) if price is not None and own else 0) - (issued.quantity if issued else 0)
    unit = price.unit if price is not None and own else issued.unit if issued is not None else "hour"
    return Piece(
        entry.entry_id,
        line_id,
        plan.line.project_id,
        *_printed(entry, price if own else None, issued),
        day,
        amount,
        hours,
        _is_whole(price, unit) if own and issued is None else False,
        tuple(sorted(flags)),
        work.subject.description if work is not None else issued.description if issued is not None else None,
        quantity,
        unit,
    )


def _is_whole(price: Price | None, unit: str) -> bool:
    """Whether the price is that of its hours alone, so that a line's hours may be rounded in place of them."""
    return price is not None and unit == HOUR and price.billable == price.value and price.drawn is None


def billed_quantity(price: Price) -> Quantity:
    """Of a charge, to show: in proportion where a cap lets only a part of its value be billed (R17)."""
    if price.billable == price.value or not price.value:
        return price.quantity
    return round_ratio(price.quantity * price.billable, price.value, 1, HALF_UP)


def _printed(
    entry: Entry, price: Price | None, issued: Issued | None
) -> tuple[str, str | None, str | None, Rate, Percent]:
    """Person, task, role, rate and markup to print: of the price on the line, else of what was issued there."""
    work = entry.standing
    if price is not None and work is not None:
        return work.person_id, work.subject.task, price.role, price.rate, price.markup
    assert issued is not None, "an open entry has a price or was issued on the line"
    return issued.person_id, issued.task, issued.role, issued.rate, issued.markup


def _by_line(due: Iterable[_Due]) -> dict[str, Amount]:
    found: dict[str, Amount] = {}
    for one in due:
        found[one.piece.line_id] = found.get(one.piece.line_id, 0) + one.piece.amount
    return found


def _issue_or_draft(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[_Due],
    beside: Mapping[str, Amount],
) -> None:
    """One line that asks for approval makes the whole statement a draft (policy `statement_approval`)."""
    if any(one.plan.policies.statement_approval == "required" for one in due):
        rows = (one.entry.entry_id for one in due)
        keep_draft(draft, rows, lambda copy: issue(copy, contract, period, bill_to, due))
    else:
        issue(draft, contract, period, bill_to, due, beside=beside)


def issue(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[_Due],
    sequence: int | None = None,
    beside: Mapping[str, Amount] = NOTHING_BESIDE,
) -> None:
    """`sequence` of a statement that was a draft, else the next of the period; `beside` is what others will be billed by the same cut."""
    by_entry = {(one.entry.entry_id, one.piece.line_id): one for one in due}
    groups = [
        (group, plan, line_amount(group, plan.policies, plan.currency))
        for group in grouped([one.piece for one in due])
        for plan in (by_entry[group.first.entry_id, group.first.line_id].plan,)
    ]
    earning: dict[str, Amount] = {}
    for _, plan, amount in groups:
        if plan.timing != NO_REVENUE:
            earning[plan.line.line_id] = earning.get(plan.line.line_id, 0) + amount
    kept = retention.decide(draft, contract, period, bill_to, earning, beside)
    deposits_applied = deposits.apply(draft, contract, period, bill_to, sum(earning.values()), kept.retained)
    lines: list[StatementLine] = []
    listed: list[StatementEntry] = []
    for group, plan, amount in groups:
        rest = amount - group.amount
        lines.append(_line(draft, contract, plan, group, amount))
        for place, piece in enumerate(group.pieces):
            extra = rest if place == len(group.pieces) - 1 else 0
            _pin(draft, contract, by_entry[piece.entry_id, piece.line_id], extra)
            listed.append(StatementEntry(piece.entry_id, piece.line_id, piece.amount + extra, piece.hours))
    if lines or kept.released:
        _emit(draft, contract, period, bill_to, lines, [*listed, *deposits_applied], kept, sequence)


def _release(draft: Draft, contract: Contract, day: date) -> None:
    """The day has ended on which all that is retained is released: a statement of its own, without lines."""
    on = retention.released_on(contract, day)
    for bill_to in retention.holders(draft, contract.contract_id) if on is not None else ():
        assert on is not None, "the day is over"
        kept = retention.all_released(draft, contract, bill_to)
        _emit(draft, contract, BillingPeriod(on, on + timedelta(days=1)), bill_to, [], [], kept)


def _close_free(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> None:
    """What is priced at zero has no line on the statement, but its period is cut: a later rate finds it no more."""
    holds = _holds(draft)
    for line_id in line_ids(contract):
        entries = draft.free_on(
            contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat()
        )
        for entry in entries:
            price = standing_price(entry)
            assert price is not None, "an entry priced at zero has a price"
            plan = plan_of(draft, price)
            if plan is not None and not _held(holds, contract, plan, entry):
                nothing = Issued(price.contract_id, price.line_id, 0, 0, price.day, account=price.account)
                draft.put_entry(entry, replace(entry, issued=(*entry.issued, nothing)))


def _line(draft: Draft, contract: Contract, plan: LinePlan, group: Group, amount: Amount) -> StatementLine:
    first = group.first
    if first.unit != HOUR:
        printed = printed_charge(first, amount, plan.currency, plan.policies.money_mode)
    elif is_at_its_rate(group, amount, plan.policies, plan.currency):
        printed = Printed(_shown(draft, contract, plan, group), HOUR, first.rate, first.markup)
    else:
        printed = one_piece(amount)
    what = first.task or first.role or ("Time" if first.unit == HOUR else first.unit.capitalize())
    return StatementLine(
        line_id=first.line_id,
        project_id=first.project_id,
        description=_described(first, (first.description or what) if len(group.pieces) == 1 else what),
        quantity=printed.quantity,
        unit=printed.unit,
        rate=printed.rate,
        amount=amount,
        service_from=min(piece.day for piece in group.pieces),
        service_to=max(piece.day for piece in group.pieces),
        markup_percent=printed.markup,
        person_id=first.person_id or None,
        task=first.task,
        role=first.role or None,
        entries=tuple(piece.entry_id for piece in group.pieces),
        flags=first.flags,
    )


def _described(piece: Piece, what: str) -> str:
    """Where several pay, with the share that the line is."""
    return f"{what} ({format_decimal(piece.share, PERCENT_SCALE)} %)" if piece.share else what


def _shown(draft: Draft, contract: Contract, plan: LinePlan, group: Group) -> Quantity:
    """Hours to print, rounded over all that the line ever showed."""
    first = group.first
    totals = draft.line(contract.contract_id, first.line_id, first.project_id)
    hours = line_hours(group, plan.policies)
    quantity = shown_quantity(totals.shown_hours, totals.shown_quantity, hours, plan.policies.quantity_decimals)
    draft.put(
        "line",
        composed(contract.contract_id, first.line_id),
        replace(totals, shown_hours=totals.shown_hours + hours, shown_quantity=totals.shown_quantity + quantity),
    )
    return quantity


def _pin(draft: Draft, contract: Contract, due: _Due, extra: Amount) -> None:
    """The entry's due part is issued: it no longer competes for room, and cents of the line's rounding are posted on it."""
    entry = draft.rows.get(due.entry.entry_id, due.entry)
    before = stake_of(entry)
    price = standing_price(entry)
    own = price is not None and (price.contract_id, price.line_id) == (contract.contract_id, due.piece.line_id)
    if extra:
        assert price is not None, "only a priced entry takes the rounding of its line"
        entry_with = reprice(draft, entry, due.plan, replace(price, rounding=price.rounding + extra), "rounding")
        draft.put_entry(entry, entry_with)
        entry = entry_with
    piece = due.piece
    had = issued_on(entry, contract.contract_id, piece.line_id) or Issued(
        contract.contract_id, piece.line_id, 0, 0, piece.day
    )
    now = Issued(
        contract.contract_id,
        piece.line_id,
        had.amount + piece.amount + extra,
        had.hours + piece.hours,
        piece.day,
        had.invoiced,
        had.invoiced_ledger,
        piece.person_id,
        piece.task,
        piece.role,
        piece.rate,
        piece.markup,
        price.account if price is not None and own else had.account,
        due.bill_to if len(due.parties) == 1 else "",
        had.quantity + piece.quantity,
        piece.unit,
        piece.description if piece.unit != HOUR else None,
        had.applied,
        had.conceded,
        had.returned,
        had.returned_hours,
        issued_to(had, due.share, due.parties) if due.share is not None else had.payers,
    )
    others = tuple(
        one for one in entry.issued if (one.contract_id, one.line_id) != (contract.contract_id, piece.line_id)
    )
    after = replace(entry, issued=(*others, now))
    draft.put_entry(entry, after)
    stake = stake_of(after)
    if before is not None and stake is not None and stake.price.line_id == piece.line_id:
        repin(draft, due.plan, before, stake)


def _emit(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    lines: Sequence[StatementLine],
    listed: Sequence[StatementEntry],
    kept: retention.Kept = retention.NOTHING,
    sequence: int | None = None,
) -> None:
    terms = contract.terms
    name = period.start.isoformat()
    current = draft.contract(contract.contract_id)
    assert current is not None, "the contract is in the books"
    if sequence is None:
        sequence = current.sequences.get(name, 0) + 1
        draft.put("contract", contract.contract_id, replace(current, sequences={**current.sequences, name: sequence}))
    made = statement_id(draft.engagement_id, contract.contract_id, bill_to, name, sequence)
    total = sum(line.amount for line in lines)
    deposits_applied = total - sum(one.amount for one in listed)
    amount_due = total - kept.retained + kept.released - deposits_applied
    project_id = min((line.project_id for line in lines), default="")
    pieces = retention.keep(draft, contract.contract_id, bill_to, made, project_id, kept)
    entity = draft.reference.entity(terms.legal_entity_id)
    policies = contract_policies(draft, contract, period.start)
    parts = _parts(lines)
    for number, part in enumerate(parts, 1):
        draft.issued.append(
            BillingStatement(
                statement_id=made,
                revision=1,
                contract_id=contract.contract_id,
                bill_to=bill_to,
                currency=terms.currency,
                legal_entity_id=entity.legal_entity_id if entity is not None else terms.legal_entity_id,
                period=period.start,
                to=period.to,
                status="issued",
                lines=tuple(part),
                total=total,
                retained=kept.retained,
                released=kept.released,
                deposits_applied=deposits_applied,
                amount_due=amount_due,
                rounding=rounding_note(policies, terms.currency),
                line_count=len(lines),
                control_total=total,
                part=number,
                parts=len(parts),
            )
        )
    draft.statements[made] = tuple(listed)
    draft.put(
        "statement",
        made,
        StatementState(
            made,
            contract.contract_id,
            bill_to,
            period.start,
            period.to,
            sequence,
            terms.currency,
            amount_due,
            retention=pieces,
        ),
    )


def _parts(lines: Sequence[StatementLine]) -> list[list[StatementLine]]:
    """Records of at most so many lines and entries; all but the longest statements are one."""
    parts: list[list[StatementLine]] = [[]]
    entries = 0
    for line in lines:
        if parts[-1] and (len(parts[-1]) >= LINES_A_PART or entries + len(line.entries) > ENTRIES_A_PART):
            parts.append([])
            entries = 0
        parts[-1].append(line)
        entries += len(line.entries)
    return parts


# Caps at the cut


def _make_final(draft: Draft, contract: Contract, to: date, since: date | None) -> None:
    """Policy `overflow: non_billable`: what is over the cap when its period is issued stays over it."""
    for line_id in line_ids(contract):
        for entry in draft.open_on(contract.contract_id, line_id, since.isoformat() if since else "", to.isoformat()):
            stake = stake_of(entry)
            plan = plan_of(draft, stake.price) if stake is not None else None
            if (
                stake is None
                or plan is None
                or plan.policies.overflow != "non_billable"
                or not stands_on(stake, contract.contract_id, line_id)
            ):
                continue
            price = stake.price
            if price.billable < price.value and not price.final:
                final = replace(price, final=True, kept=price.billable, kept_hours=price.billable_hours)
                repin(draft, plan, stake, replace(stake, price=final))
                work = entry.standing
                assert work is not None, "a stake has standing work"
                settled = replace(work, price=final)
                draft.put_entry(
                    entry, replace(entry, behind=settled) if entry.behind is not None else replace(entry, work=settled)
                )
