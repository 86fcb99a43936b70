"""Billing periods close into statements, or a statement is cut because somebody asks for it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import chain

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.events.delivery import StatementRequested
from domain.reference.zones import local_date
from domain.units import Amount
from state.billing import deposit_applications, funding, retention
from state.billing.approval import holds_contract, keep_draft, name_requester
from state.billing.reissue import note_period
from state.books import Contract
from state.caps.repricing import book_repriced
from state.draft import Draft
from state.rerating import overflow
from state.rerating.finals import make_final
from state.rerating.prorate import prorate_at_cut
from state.rerating.rerate import line_ids
from state.revenue import fees, over_time
from state.statements.due import DueShare, by_line, due_by_now, holds, is_held, source_turns
from state.statements.issue import issue, issue_after, nothing_issued
from state.statements.release import asks_approval, releasable_bill_tos, release_on
from state.terms.periods import closing, open_period, schedule, zone_of
from state.terms.plan import LinePlan, line_plan, plan_of, terms_on
from state.totals import standing_price, with_issued


def close_periods(draft: Draft, contract: Contract, zone: str, day: date) -> None:
    """Close, in order, every billing period whose last day plus grace has ended."""
    if not contract.history or contract.invalid is not None:
        return
    if zone_of(draft, contract) != zone:  # its company may have moved to another zone since it was scheduled
        schedule(draft, contract)
        return
    while (period := closing(draft, contract, day)) is not None:
        contract = close_period(draft, contract, period)
    release_on(draft, contract, day)
    schedule(draft, contract)


def close_period(draft: Draft, contract: Contract, period: BillingPeriod) -> Contract:
    used = fees.close_period(draft, contract, period.start, period.to)
    note_period(draft, contract, period)
    cut(draft, contract, period, since=None)
    if used:
        over_time.settle(draft, contract)
    current = replace(draft.contract_in_books(contract.contract_id), period_start=period.to)
    draft.put("contract", contract.contract_id, current)
    note_unpaid(draft, current)
    return current


def serve_waiting(draft: Draft, contract_id: str) -> None:
    """The contract is in force: cut what was requested before, in the order of the log."""
    waiting = [request for request_id in draft.ids("request") for request in (draft.part("request", request_id),)]
    for request in sorted(waiting, key=lambda one: one.log_offset):
        contract = draft.contract(contract_id)
        if request.event.contract_id == contract_id and contract is not None:
            draft.put("request", request.event.request_id, None)
            draft.resolve_exception("unknown_reference", "statement_request", request.event.request_id)
            cut_on_request(draft, contract, request.event)
            name_requester(draft, request.event.requested_by)
    publish(draft)


def cut_on_request(draft: Draft, contract: Contract, event: StatementRequested) -> None:
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
    current = replace(draft.contract_in_books(event.contract_id), requested_to=to)
    draft.put("contract", event.contract_id, current)
    note_unpaid(draft, current)


def publish(draft: Draft) -> None:
    """Send the statements of the event, after the differences that their cuts made."""
    book_repriced(draft)
    draft.outputs += draft.issued
    draft.issued = []


def cut(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> None:
    """Issue what is due with service date before the period's end (and from `since` on); with no line there is no statement."""
    overflow.settle(draft)
    plans = _line_plans(draft, contract)
    if any(limit.split == "prorate" for plan in plans for rule in plan.every_rule for limit in rule.limits):
        prorate_at_cut(draft, contract, period.to)
    has_sources = funding.is_ever_funded(contract)
    if has_sources:
        funding.settle_credited(draft, contract, period.to)
    used = funding.used(draft, contract) if has_sources else {}
    by_payer: dict[str, list[DueShare]] = {}
    for one in due_by_now(draft, contract, period, since):
        by_payer.setdefault(one.share.bill_to, []).append(one)
    free = releasable_bill_tos(draft, contract, retention.falls_free(draft, contract, period))
    drafted: dict[str, list[DueShare]] = {}
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


def note_unpaid(draft: Draft, contract: Contract) -> None:
    """Say what no source is left for, as it would be shared now; where drafts wait, once they are true again (`approvals.after_event`)."""
    if funding.is_ever_funded(contract) and not holds_contract(draft, contract.contract_id):
        funding.note_unpaid(draft, contract, source_turns(draft, contract))


def _line_plans(draft: Draft, contract: Contract) -> list[LinePlan]:
    """Of every line, in every version of the terms that has it."""
    plans = (
        line_plan(draft, contract, stored.version, line.line_id)
        for stored in (*contract.former, *contract.history)
        for line in stored.terms.lines
    )
    return [plan for plan in plans if plan is not None]


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
    is_draft = any(one.plan.policies.statement_approval == "required" for one in due) or (
        not due and asks_approval(draft, contract, period.to - retention.DAY)
    )
    if is_draft:
        rows = (one.entry.entry_id for one in due)
        keep_draft(draft, rows, lambda copy: issue_after(copy, contract, period, bill_to, due, drafted, beside=beside))
    else:
        issue(draft, contract, period, bill_to, due, beside=beside)
    return is_draft


def _close_free(draft: Draft, contract: Contract, period: BillingPeriod, since: date | None) -> None:
    """What is priced at zero has no line on the statement, but its period is cut: a later rate finds it no more."""
    held = holds(draft)
    for line_id in line_ids(contract):
        entries = draft.free_on(
            contract.contract_id, line_id, since.isoformat() if since else "", period.to.isoformat()
        )
        for entry in entries:
            price = standing_price(entry)
            assert price is not None, "an entry priced at zero has a price"
            plan = plan_of(draft, price)
            if plan is not None and not is_held(draft, held, contract, plan, entry):
                place = price.contract_id, price.line_id
                nothing = nothing_issued(draft, *place, price.day, draft.billed_in(entry, *place))
                draft.put_entry(entry, with_issued(entry, replace(nothing, account=price.account)))
