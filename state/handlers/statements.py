"""Billing periods close into statements; the ERP's invoice moves what was unbilled to receivables."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, timedelta
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.billing.holds import BILL_TO, CONTRACT, Scope, keeps_back, places
from domain.billing.periods import BillingPeriod
from domain.billing.retention import NOTHING, Retained
from domain.billing.shares import Party
from domain.billing.statement import HOUR, ISSUED, Piece, due_on, grouped, rounding_note
from domain.events.delivery import StatementRequested
from domain.identity import composed, statement_id
from domain.outputs import BillingStatement, StatementLine
from domain.reference.zones import local_date
from domain.terms.kind import NO_REVENUE
from domain.units import Amount, Hours, Quantity
from domain.why import Why
from state.billing import deposit_applications, funding, retention
from state.billing.approval import (
    NOBODY,
    PendingCut,
    Reserved,
    by_cut,
    cut_of,
    drafts_of,
    holds_contract,
    keep_draft,
    name_requester,
    releasing,
    reserved,
    tried,
)
from state.billing.clearing_record import say_rows
from state.billing.held import scopes_of
from state.billing.payers import Billed, PayerShare, is_funded, issued_to, parties_for, payers_of, shares
from state.billing.pieces import piece_of
from state.billing.reissue import before_issue, is_reissued, keep, note_period
from state.billing.shares_record import DueRow, say_falls
from state.billing.statement_lines import in_parts, line_at, printed_amount, printed_line, say_cents, say_line
from state.billing.statement_tax import Taxed, note_undetermined, say_groups, taxed
from state.books import (
    Contract,
    Entry,
    Hold,
    Issued,
    LineTotals,
    OpenStatement,
    StatementEntry,
    StatementState,
    WaitingRequest,
)
from state.caps.allot import settle_consumption
from state.caps.claims import stake_of
from state.caps.repricing import book_repriced, reprice
from state.draft import Draft
from state.facts import happens
from state.forecast.expected import expected_on
from state.rerating import overflow
from state.rerating.finals import make_final
from state.rerating.prorate import prorate_at_cut
from state.rerating.rerate import in_order, line_ids
from state.revenue import fees, over_time
from state.terms.periods import closes_on, open_period, schedule, zone_of
from state.terms.plan import LinePlan, bill_tos, contract_policies, line_plan, plan_of, plan_on, terms_on
from state.totals import is_due, issued_on, outstanding, standing_price, with_issued

NOTHING_RESERVED: Final[Reserved] = MappingProxyType({})
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
    note_period(draft, contract, period)
    cut(draft, contract, period, since=None)
    if used:
        over_time.settle(draft, contract)
    current = draft.contract(contract.contract_id)
    assert current is not None, "the contract is in the books"
    current = replace(current, period_start=period.to)
    draft.put("contract", contract.contract_id, current)
    note_unpaid(draft, current)
    return current


def on_statement_requested(draft: Draft, event: StatementRequested) -> None:
    """Cut the statement now; a request for a contract that is not in force yet waits for it. A request happens once."""
    if not happens(draft, "statement_request", event.request_id):
        return
    contract = draft.contract(event.contract_id)
    if contract is None or not contract.history or contract.invalid is not None:
        draft.put("request", event.request_id, WaitingRequest(event, draft.cause.log_offset))
        draft.raise_exception(
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
            draft.resolve_exception("unknown_reference", "statement_request", request.event.request_id)
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
    current = replace(current, requested_to=to)
    draft.put("contract", event.contract_id, current)
    note_unpaid(draft, current)


class DueShare(NamedTuple):
    """What is due of an entry; `share` is what of it one payer is billed."""

    entry: Entry
    plan: LinePlan
    piece: Piece
    parties: tuple[Party, ...]
    share: PayerShare | None = None

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
    overflow.settle(draft)
    plans = line_plans(draft, contract)
    if any(limit.split == "prorate" for plan in plans for rule in plan.every_rule for limit in rule.limits):
        prorate_at_cut(draft, contract, period.to)
    has_sources = funding.is_ever_funded(contract)
    used = funding.used(draft, contract) if has_sources else {}
    elsewhere = reserved(drafts_of(draft, contract.contract_id))
    shared = _shared(draft, contract, list(_due(draft, contract, period, since, elsewhere)))
    due = [one for one in shared if one.bill_to not in elsewhere.get(one.entry.entry_id, NOBODY)]
    free = _releasable_bill_tos(draft, contract, retention.falls_free(draft, contract, period))
    drafted: dict[str, list[DueShare]] = {}
    by_payer: dict[str, list[DueShare]] = {}
    for one in due:
        by_payer.setdefault(one.bill_to, []).append(one)
    for bill_to in sorted({*by_payer, *free}):
        others = (each for payer, each in by_payer.items() if payer > bill_to or payer in drafted)
        beside = by_line(chain.from_iterable(others))
        own = by_payer.get(bill_to, [])
        if _issue_or_draft(draft, contract, period, bill_to, own, beside, drafted):
            drafted[bill_to] = own
    _close_free(draft, contract, period, since)
    if any(plan.policies.overflow == "non_billable" for plan in plans):
        make_final(draft, contract, period.to, since)
    if has_sources:
        funding.alert(draft, contract, used)
    if not holds_contract(draft, contract.contract_id) and deposit_applications.close(draft, contract, period):
        fees.settle(draft, contract)
        cut(draft, contract, period, since)


def source_turns(draft: Draft, contract: Contract) -> list[funding.FundingTurn]:
    """All that is due of periods that are cut, and not held: first what drafts hold, cut by cut."""
    drafts = drafts_of(draft, contract.contract_id)
    found = []
    for of_cut in by_cut(drafts):
        cut = cut_of(of_cut[0])
        due = _due(draft, contract, BillingPeriod(cut.period, cut.to), None, only=frozenset(reserved(of_cut)))
        found.append(funding.FundingTurn(cut, _by_sources(contract, due), funding.claimed(draft, contract, cut)))
    to = contract.period_start or contract.requested_to
    if to is not None:
        due = _due(draft, contract, BillingPeriod(to, to), None, reserved(drafts))
        found.append(funding.FundingTurn(None, _by_sources(contract, due), funding.claimed(draft, contract)))
    return found


def _by_sources(contract: Contract, due: Iterable[DueShare]) -> list[Billed]:
    return [one for one in _billed(contract, list(due)) if one.by_sources]


def note_unpaid(draft: Draft, contract: Contract) -> None:
    """Say what no source is left for, as it would be shared now; where drafts wait, once they are true again (`approvals.after_event`)."""
    if funding.is_ever_funded(contract) and not holds_contract(draft, contract.contract_id):
        funding.note_unpaid(draft, contract, source_turns(draft, contract))


def line_plans(draft: Draft, contract: Contract) -> list[LinePlan]:
    """Of every line, in every version of the terms that has it."""
    plans = (
        line_plan(draft, contract, stored.version, line.line_id)
        for stored in (*contract.former, *contract.history)
        for line in stored.terms.lines
    )
    return [plan for plan in plans if plan is not None]


def due_of(draft: Draft, contract: Contract, period: BillingPeriod, drafts: Sequence[OpenStatement]) -> list[DueShare]:
    """What drafts of one cut may have of the rows that they hold, which are shared together as they were by the cut."""
    held = reserved(drafts)
    rows = list(_due(draft, contract, period, None, only=frozenset(held)))
    due = _shared(draft, contract, rows, cut_of(drafts[0]))
    return [one for one in due if one.bill_to in held[one.entry.entry_id]]


def due_again(draft: Draft, contract: Contract, period: BillingPeriod, rows: frozenset[str]) -> list[DueShare]:
    """What the period's statement has when it is issued again: no hold calls back what was issued."""
    return _shared(draft, contract, list(_due(draft, contract, period, None, only=rows, was_issued=True)))


def _due(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    since: date | None,
    elsewhere: Reserved = NOTHING_RESERVED,
    *,
    only: frozenset[str] | None = None,
    was_issued: bool = False,
) -> Iterable[DueShare]:
    """Of `only` these rows, else of all that drafts do not hold for all of their payers."""
    held = set() if was_issued else _holds(draft)
    for line_id in line_ids(contract):
        if held and keeps_back(held, places(contract.contract_id, line_id, ()), bill_tos(contract)):
            continue
        entries = draft.due_on(contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat())
        for entry in in_order(entries):
            if only is not None and entry.entry_id not in only:
                continue
            if entry.entry_id in elsewhere and _is_drafted(contract, entry, line_id, elsewhere[entry.entry_id]):
                continue
            amount = outstanding(entry, contract.contract_id, line_id)
            plan = _plan(draft, contract, entry, line_id)
            if plan is None or not (amount or is_due(entry, contract.contract_id, line_id)):
                continue
            if (was_issued or _ratable(entry, plan)) and not _held(draft, held, contract, plan, entry):
                piece = piece_of(draft, entry, plan, line_id, amount, period)
                yield DueShare(entry, plan, piece, parties_for(contract, entry, line_id))


def _is_drafted(contract: Contract, entry: Entry, line_id: str, payers: frozenset[str]) -> bool:
    """Whether drafts to these payers keep the entry from the next cut: what sources pay is drawn once, by the cut that holds it."""
    return is_funded(contract, entry, line_id) or payers_of(contract, entry, line_id) <= payers


def _shared(
    draft: Draft, contract: Contract, due: Sequence[DueShare], of_cut: PendingCut | None = None
) -> list[DueShare]:
    """By payer; holds of one keep its statement alone. `of_cut` made the drafts that hold what is due."""
    held = frozenset(name for scope, name in _holds(draft) if scope == BILL_TO)
    billed = _billed(contract, due)
    found = list(shares(draft, contract, billed, held))
    if any(one.by_sources for one in billed):
        claims = funding.claimed(draft, contract, of_cut)
        found = sorted((*found, *funding.shares(draft, contract, billed, held, claims)), key=lambda share: share.place)
    whole = [due[share.place] for share in found]
    return [
        DueShare(one.entry, one.plan, share.piece, one.parties, share) for one, share in zip(whole, found, strict=True)
    ]


def _billed(contract: Contract, due: Sequence[DueShare]) -> list[Billed]:
    may_be_funded = funding.is_ever_funded(contract)
    return [
        Billed(
            one.entry,
            one.piece,
            issued_on(one.entry, contract.contract_id, one.piece.line_id),
            one.parties,
            may_be_funded and is_funded(contract, one.entry, one.piece.line_id),
        )
        for one in due
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


def _holds(draft: Draft) -> set[Scope]:
    """What holds that are not released name."""
    holds: list[Hold] = [draft.part("hold", hold_id) for hold_id in draft.ids("hold")]
    return {(hold.scope, hold.scope_id) for hold in holds if not hold.released}


def _releasable_bill_tos(draft: Draft, contract: Contract, holders: Iterable[str]) -> list[str]:
    """Bill-tos to whom what is retained may be released: no hold keeps it back, and no draft releases it already."""
    waiting = releasing(draft, contract.contract_id)
    return [bill_to for bill_to in _bill_tos_not_held(draft, contract, holders) if bill_to not in waiting]


def _bill_tos_not_held(draft: Draft, contract: Contract, holders: Iterable[str]) -> list[str]:
    """Bill-tos of whom neither a hold of the contract nor of the bill-to keeps back what is retained."""
    held = _holds(draft)
    if (CONTRACT, contract.contract_id) in held:
        return []
    return [bill_to for bill_to in holders if (BILL_TO, bill_to) not in held]


def is_kept_back(draft: Draft, contract: Contract, entry: Entry, line_id: str) -> bool:
    """Whether a statement cut now would leave out what is due of the entry."""
    plan = _plan(draft, contract, entry, line_id)
    return plan is None or not _ratable(entry, plan) or _held(draft, _holds(draft), contract, plan, entry)


def _held(draft: Draft, held: Set[Scope], contract: Contract, plan: LinePlan, entry: Entry) -> bool:
    """A hold of a project keeps back what is billed in it and what was worked there."""
    if not held:
        return False
    standing = entry.standing
    billed_in = draft.billed_in(entry, contract.contract_id, plan.line.line_id)
    worked_in = standing.project_id if standing is not None else ""
    names = places(contract.contract_id, plan.line.line_id, (billed_in, worked_in)) | scopes_of(draft, entry.entry_id)
    return keeps_back(held, names, payers_of(contract, entry, plan.line.line_id))


def by_line(due: Iterable[DueShare]) -> dict[str, Amount]:
    found: dict[str, Amount] = {}
    for one in due:
        found[one.piece.line_id] = found.get(one.piece.line_id, 0) + one.piece.amount
    return found


def _issue_or_draft(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[DueShare],
    beside: Mapping[str, Amount],
    drafted: Mapping[str, Sequence[DueShare]],
) -> bool:
    """One line that asks for approval makes the whole statement a draft (policy `statement_approval`); whether it is one."""
    is_approved = any(one.plan.policies.statement_approval == "required" for one in due) or (
        not due and _is_release_approved(draft, contract, period.to - retention.DAY)
    )
    if is_approved:
        rows = (one.entry.entry_id for one in due)
        keep_draft(draft, rows, lambda copy: issue_after(copy, contract, period, bill_to, due, drafted, beside=beside))
    else:
        issue(draft, contract, period, bill_to, due, beside=beside)
    return is_approved


def _is_release_approved(draft: Draft, contract: Contract, day: date) -> bool:
    """A release has no lines: any line of the terms in force may ask for its approval."""
    plans = (plan_on(draft, contract, day, line.line_id) for line in terms_on(contract, day).lines)
    return any(plan is not None and plan.policies.statement_approval == "required" for plan in plans)


def issue_after(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[DueShare],
    drafted: Mapping[str, Sequence[DueShare]],
    sequence: int | None = None,
    beside: Mapping[str, Amount] = NOTHING_BESIDE,
) -> None:
    """As `issue`, where `drafted` by the same cut for payers before it are not issued: the hours that these show count as shown, so
    that their approval leaves this one as it is."""
    if not drafted:
        issue(draft, contract, period, bill_to, due, sequence, beside)
        return
    before = {line_id: draft.line(contract.contract_id, line_id) for line_id in line_ids(contract)}
    copy = tried(draft)
    for other, of_other in drafted.items():
        issue(copy, contract, period, other, of_other)
    shown = {line_id: _shown_since(had, copy, contract, line_id) for line_id, had in before.items()}
    _count_shown(draft, contract, shown, 1)
    issue(draft, contract, period, bill_to, due, sequence, beside)
    _count_shown(draft, contract, shown, -1)


def _count_shown(draft: Draft, contract: Contract, shown: Mapping[str, tuple[Hours, Quantity]], sign: int) -> None:
    for line_id, (hours, quantity) in shown.items():
        totals = draft.line(contract.contract_id, line_id)
        now = replace(
            totals,
            shown_hours=totals.shown_hours + sign * hours,
            shown_quantity=totals.shown_quantity + sign * quantity,
        )
        if now != totals:
            draft.put("line", composed(contract.contract_id, line_id), now)


def _shown_since(had: LineTotals, draft: Draft, contract: Contract, line_id: str) -> tuple[Hours, Quantity]:
    now = draft.line(contract.contract_id, line_id)
    return now.shown_hours - had.shown_hours, now.shown_quantity - had.shown_quantity


def issue(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[DueShare],
    sequence: int | None = None,
    beside: Mapping[str, Amount] = NOTHING_BESIDE,
) -> None:
    """`sequence` of a statement that was a draft, else the next of the period; `beside` is what others will be billed by the same cut."""
    by_entry = {(one.entry.entry_id, one.piece.line_id): one for one in due}
    cents: Counter[str] = Counter()
    groups = [
        (group, plan, printed_amount(draft, group, plan, cents))
        for group in grouped([one.piece for one in due])
        for plan in (by_entry[group.first.entry_id, group.first.line_id].plan,)
    ]
    earning: dict[str, Amount] = {}
    for _, plan, amount in groups:
        if plan.timing != NO_REVENUE:
            earning[plan.line.line_id] = earning.get(plan.line.line_id, 0) + amount
    of = _name(draft, contract, period, bill_to, sequence) if draft.why is not None else ""
    kept = retention.decide(draft, contract, period, bill_to, earning, beside, of)
    deposits_applied = deposit_applications.apply(
        draft, contract, period, bill_to, sum(earning.values()), kept.retained, of
    )
    before = before_issue(draft, contract, list(by_entry)) if is_reissued(draft, contract, period, sequence) else None
    lines: list[StatementLine] = []
    listed: list[StatementEntry] = []
    for number, (group, plan, amount) in enumerate(groups, 1):
        rest = amount - group.amount
        lines.append(printed_line(draft, contract, plan, group, amount))
        if draft.why is not None and rest:
            say_line(draft.why, line_at(of, number), group, plan, amount)
            say_cents(draft.why, of, number, group, amount, plan.currency)
        for place, piece in enumerate(group.pieces):
            extra = rest if place == len(group.pieces) - 1 else 0
            pin(draft, contract, by_entry[piece.entry_id, piece.line_id], extra)
            listed.append(StatementEntry(piece.entry_id, piece.line_id, piece.amount + extra, piece.hours))
            if draft.why is not None:
                deposit_applications.say_billed(draft.why, contract, of, bill_to, listed[-1])
                _say_falls(draft.why, contract, of, by_entry[piece.entry_id, piece.line_id])
    if draft.why is not None:
        say_rows(draft.why, of, listed, deposits_applied, contract.terms.currency)
    if lines or kept.released:
        made = _emit(draft, contract, period, bill_to, lines, [*listed, *deposits_applied], kept, sequence)
        if before is not None:
            keep(draft, contract, made, before)


def _say_falls(why: Why, contract: Contract, of: str, due: DueShare) -> None:
    """Where several pay by shares."""
    share = due.share
    if share is not None and share.falls and not share.funded:
        falls = {party.customer_id: amount for party, amount in zip(due.parties, share.falls, strict=True)}
        row = DueRow(due.entry.entry_id, due.piece.line_id, sum(map(int, share.falls)))
        say_falls(why, contract, row, falls, (of, share.bill_to))


def issue_nothing(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int) -> None:
    """The statement under that number bills nothing any more."""
    made = _emit(draft, contract, period, bill_to, [], [], sequence=sequence)
    keep(draft, contract, made, before_issue(draft, contract, ()))


def _release(draft: Draft, contract: Contract, day: date) -> None:
    """The day has ended on which all that is retained is released: a statement of its own, without lines; what a hold keeps back
    comes once that is released."""
    on = retention.released_on(contract, day)
    if on is None:
        return
    period = BillingPeriod(on, on + retention.DAY)
    is_approved = _is_release_approved(draft, contract, day)
    for bill_to in _releasable_bill_tos(draft, contract, retention.holders(draft, contract.contract_id)):
        if is_approved:
            keep_draft(draft, (), partial(_emit_release, contract=contract, period=period, bill_to=bill_to))
        else:
            _emit_release(draft, contract, period, bill_to)


def _emit_release(
    draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int | None = None
) -> None:
    of = _name(draft, contract, period, bill_to, sequence) if draft.why is not None else ""
    kept = retention.all_released(draft, contract, period, bill_to, of)
    _emit(draft, contract, period, bill_to, [], [], kept, sequence)


def release_held(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int) -> None:
    """What a draft without lines releases, as far as it is still to be released and no hold keeps it back."""
    is_free = retention.is_free(draft, contract, period, bill_to)
    if is_free and bill_to in _bill_tos_not_held(draft, contract, [bill_to]):
        _emit_release(draft, contract, period, bill_to, sequence)


def _close_free(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> None:
    """What is priced at zero has no line on the statement, but its period is cut: a later rate finds it no more."""
    held = _holds(draft)
    for line_id in line_ids(contract):
        entries = draft.free_on(
            contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat()
        )
        for entry in entries:
            price = standing_price(entry)
            assert price is not None, "an entry priced at zero has a price"
            plan = plan_of(draft, price)
            if plan is not None and not _held(draft, held, contract, plan, entry):
                place = price.contract_id, price.line_id
                nothing = _nothing_issued(draft, *place, price.day, draft.billed_in(entry, *place))
                draft.put_entry(entry, with_issued(entry, replace(nothing, account=price.account)))


def _nothing_issued(draft: Draft, contract_id: str, line_id: str, day: date, project_id: str) -> Issued:
    """Only a project that the line moved to is named."""
    moved = project_id if project_id != draft.line(contract_id, line_id).project_id else ""
    return Issued(contract_id, line_id, 0, 0, day, project_id=moved)


def pin(draft: Draft, contract: Contract, due: DueShare, extra: Amount) -> None:
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
    had = issued_on(entry, contract.contract_id, piece.line_id) or _nothing_issued(
        draft, contract.contract_id, piece.line_id, piece.day, piece.project_id
    )
    payers = issued_to(had, due.share, due.parties) if due.share is not None else had.payers
    now = replace(
        had,
        amount=had.amount + piece.amount + extra,
        hours=had.hours + piece.hours,
        day=piece.day,
        person_id=piece.person_id,
        task=piece.task,
        role=piece.role,
        rate=piece.rate,
        markup=piece.markup,
        account=price.account if price is not None and own else had.account,
        bill_to=due.bill_to if not payers else "",
        quantity=had.quantity + piece.quantity,
        unit=piece.unit,
        description=piece.description if piece.unit != HOUR else None,
        payers=payers,
        funded=due.share.funded if due.share is not None else had.funded,
        rest=0,
    )
    after = with_issued(entry, now)
    draft.put_entry(entry, after)
    stake = stake_of(after)
    if before is not None and stake is not None and stake.price.line_id == piece.line_id:
        settle_consumption(draft, due.plan, before, stake)


def _emit(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    lines: Sequence[StatementLine],
    listed: Sequence[StatementEntry],
    kept: Retained = NOTHING,
    sequence: int | None = None,
) -> str:
    current = draft.contract(contract.contract_id)
    assert current is not None, "the contract is in the books"
    if sequence is None:
        sequence = _next_sequence(draft, current, period)
    made = statement_id(draft.engagement_id, contract.contract_id, bill_to, period.start.isoformat(), sequence)
    project_id = min((line.project_id for line in lines), default="")
    pieces = retention.keep(draft, contract.contract_id, bill_to, made, project_id, kept)
    if draft.why is not None:
        _say_issued(draft.why, made, contract, lines)
    tax = taxed(draft, current, bill_to, period, listed)
    if draft.why is not None:
        say_groups(draft, draft.why, made, current, listed, sum(len(line.entries) for line in lines), tax)
    note_undetermined(draft, made, current, tax)
    deposits_applied = sum(line.amount for line in lines) - sum(one.amount for one in listed)
    whole = _told(draft, contract, period, bill_to, made, lines, kept, deposits_applied, tax)
    draft.issued += in_parts(whole)
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
            whole.currency,
            whole.amount_due,
            expected_on(draft, whole),
            retention=pieces,
            is_retained_from=kept.counts,
            tax=tax.total,
        ),
    )
    return made


def _say_issued(why: Why, made: str, contract: Contract, lines: Sequence[StatementLine]) -> None:
    sums: dict[str, Amount] = {}
    for line in lines:
        sums[line.line_id] = sums.get(line.line_id, 0) + line.amount
    for line_id, amount in sums.items():
        part = retention.of_line(made, line_id, amount, contract.terms.currency)
        why.add(retention.issued_of(contract.contract_id, line_id), part)


def _name(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int | None) -> str:
    """Under which the statement will be issued."""
    start = period.start.isoformat()
    if sequence is None:
        current = draft.contract(contract.contract_id) or contract
        sequence = current.sequences.get(start, 0) + 1
    return statement_id(draft.engagement_id, contract.contract_id, bill_to, start, sequence)


def _next_sequence(draft: Draft, contract: Contract, period: BillingPeriod) -> int:
    """Of the contract's statements that begin on the day, to whomever they are billed."""
    name = period.start.isoformat()
    sequence = contract.sequences.get(name, 0) + 1
    draft.put("contract", contract.contract_id, replace(contract, sequences={**contract.sequences, name: sequence}))
    return sequence


def _told(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    made: str,
    lines: Sequence[StatementLine],
    kept: Retained,
    deposits_applied: Amount,
    tax: Taxed,
) -> BillingStatement:
    """With all its lines."""
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    total = sum(line.amount for line in lines)
    amount_due = total - kept.retained + kept.released - deposits_applied
    day = local_date(draft.cause.recorded_at, entity.zone) if entity is not None else None
    return BillingStatement(
        statement_id=made,
        revision=1,
        contract_id=contract.contract_id,
        bill_to=bill_to,
        currency=terms.currency,
        legal_entity_id=entity.legal_entity_id if entity is not None else terms.legal_entity_id,
        period=period.start,
        to=period.to,
        status=ISSUED,
        lines=tuple(lines),
        total=total,
        retained=kept.retained,
        released=kept.released,
        deposits_applied=deposits_applied,
        amount_due=amount_due,
        rounding=rounding_note(contract_policies(draft, contract, period.start), terms.currency),
        line_count=len(lines),
        control_total=total,
        tax=tax.groups.known,
        undetermined_tax=tax.groups.undetermined,
        tax_region=tax.region,
        issued_on=day,
        due_on=due_on(day, draft.reference.customer(bill_to), amount_due + (tax.groups.total or 0)),
    )
