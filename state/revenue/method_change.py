"""A line goes over from revenue as it is billed, or charged, to a method over time, or back: what its rows have earned goes with it.

From the day of the change all of the line earns by the new method alone, so that no row of before is left to earn by the old one. What rows
were accrued with is taken back, or accrued; what is invoiced of them moves between revenue, or 1150, and the position of the contract, at
the ledger amount of its invoices. What is earned over time by then is a row of its own (`state/revenue/over_time.py`): both together are
the difference.

    4,000.00 invoiced as billed, 6,000.00 earned by cost to cost: Dr 4000 4,000.00 Cr 2300; Dr 2300 4,000.00 Dr 1160 2,000.00 Cr 4000

Work that was withdrawn keeps its way until it is credited: it earns nothing in the end.
"""

from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, EXCHANGE_DIFFERENCE, REVENUE
from domain.explanation import in_proportion
from domain.figure import Recorded, RecordedRate
from domain.identity import composed
from domain.ledger.journal import Leg, journal_id_of, merge
from domain.ledger.position import Balance, ContractPosition, moved, relieved
from domain.ledger.recorded import position_before, say_lines, sum_of
from domain.reference.exchange import Exchange, carried_at
from domain.terms import methods
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_CHARGE
from domain.why import quoted
from domain.work.recorded import VALUE
from domain.work.rows import EXPENSE, TIME_ENTRY
from state.books import Charge, Contract, Entry, Issued, LineFees, Price
from state.caps.repricing import carrying_slot
from state.charges.terms_known import by_the_end
from state.draft import Draft
from state.ledger import position
from state.ledger.carried import invoiced
from state.ledger.posting import EARNED, about, book_difference, booking_of, emit_placed, with_standing
from state.terms.known import Blocked, Slot, open_day_from, period, slot_for
from state.terms.plan import LinePlan, goes_over, line_plan, plan_of, version_on
from state.totals import issued_on, price_and_issued, with_issued
from state.value import plain
from state.work.charge_record import of_row

RULE: Final = "revenue_method"
AT_INVOICES: Final = "at the rate of its invoices"


def charge_id(contract_id: str, line_id: str, day: date) -> str:
    """Of the row that has what a method over time had earned before the day of the change."""
    return f"{composed(contract_id, line_id)}/method/{day}"


def is_change(charge: Charge) -> bool:
    return charge.charge_id == charge_id(charge.contract_id or "", charge.line_id or "", charge.day)


def settle(draft: Draft, contract: Contract, line_id: str, today: date) -> None:
    """Bring all rows of a line to the way in which it earns on a day, or earned on the last day of a terminated contract."""
    version = version_on(contract, by_the_end(contract, today))
    day = _goes_over_on(draft, contract, line_id, version)
    place = "fees", composed(contract.contract_id, line_id)
    known: LineFees = draft.part(*place) or LineFees()
    # It goes back over where the termination leaves a change no day.
    has_gone_over = day is not None or known.earns_by > version
    if not has_gone_over and not _is_signed_again(draft, contract):
        return
    if has_gone_over:
        if known.earns_by != version:
            draft.put(*place, replace(known, earns_by=version))
        elif draft.cause.kind in (TIME_ENTRY, EXPENSE):
            return  # what was worked or spent is valued as the line earns by now
    for entry in list(draft.everything()):
        price, _ = price_and_issued(entry, contract.contract_id, line_id)
        if price is not None:
            plan = plan_of(draft, price)
            if plan is not None and not _stays(entry, price, plan):
                _go_over(draft, entry, price, plan, day or today)


def _goes_over_on(draft: Draft, contract: Contract, line_id: str, version: int) -> date | None:
    """The last day by a version on which the line went over; None where it never did."""
    found: date | None = None
    before: list[LinePlan] = []
    for stored in contract.history:
        plan = line_plan(draft, contract, stored.version, line_id)
        if plan is None:
            continue
        went = next((one for one in reversed(before) if methods.go_on(one.line, plan.line)), None)
        if went is not None and goes_over(went, plan):
            found = stored.effective_on
        before.append(plan)
        if stored.version == version:
            break
    return found


def _is_signed_again(draft: Draft, contract: Contract) -> bool:
    """Whether the event corrects the terms from the beginning."""
    before: Contract | None = draft.before.get(("contract", contract.contract_id))
    return before is not None and before.in_force and before.history[0].version != contract.history[0].version


def _stays(entry: Entry, price: Price, plan: LinePlan) -> bool:
    """What only earns, work that a price includes, what is drawn of what was bought, and deposits."""
    work = entry.standing
    included = work is None or work.is_schedule or price.account == ""
    return included or plan.draws is not None or plan.timing == NO_REVENUE


def _go_over(draft: Draft, entry: Entry, price: Price, plan: LinePlan, day: date) -> None:
    account, over_time = plan.account_for(price.revenue), plan.timing == OVER_TIME
    # What balances state that was earned over time is taken back with the rest.
    if (price.account == CONTRACT_LIABILITY) != over_time and not (price.earned and not over_time):
        earned = price.allowed if plan.earned is None else plan.earned
        fresh = replace(price, account=account, earned=plan.earned, recognised=earned, waiting=0)
        slot = slot_for(draft, "price", plan.entity, plan.currency, day, None, day, plan.policies)
        work = entry.standing
        assert work is not None, "a priced row has work"
        if isinstance(slot, Blocked):
            slot = carrying_slot(draft, work, plan)
        changed = with_standing(entry, replace(work, price=fresh))
        draft.put_entry(entry, changed)
        entry = _booked(draft, changed, fresh, plan, slot)
        draft.put_booked(changed, entry)
    issued = issued_on(entry, plan.contract_id, plan.line.line_id)
    if issued is not None and (issued.account == CONTRACT_LIABILITY) != over_time:
        if issued.invoiced and CONTRACT_ASSET not in (issued.account, account):
            _move_invoiced(draft, entry, issued, account, plan, day)
        draft.put_entry(entry, with_issued(entry, replace(issued, account=account)))


def _booked(draft: Draft, entry: Entry, price: Price, plan: LinePlan, slot: Slot) -> Entry:
    """What is invoiced already is accrued at the rate of its invoices (IFRIC 22), so that the row carries what these take; where less is
    earned than is invoiced, in proportion, as a credit will leave it."""
    issued = issued_on(entry, plan.contract_id, plan.line.line_id)
    currency, mode = plan.entity.currency, plan.policies.money_mode
    is_carried = plan.timing == WITH_CHARGE and plan.currency != currency and price.earns
    if not is_carried or issued is None or not issued.invoiced:
        return book_difference(draft, entry, plan, slot, RULE, goes_over=True)
    earned, whole, exchange = price.earns, (issued.invoiced, issued.invoiced_ledger), slot.exchange
    if draft.why is not None:
        earned = Recorded(of_row(draft.why, entry.entry_id, VALUE, earned, plan.currency))
        whole = sum_of("invoiced", invoiced(draft.why, entry.entry_id, issued), (plan.currency, currency)).of(whole)
        rates = quoted(exchange, plan.policies.exchange_rate_type, slot.accounting_date, plan.entity)
        exchange = RecordedRate.along(rates, exchange)
    ledger = relieved(earned, whole, exchange, currency, mode)
    blended = replace(slot, exchange=carried_at(price.earns, plain(ledger)))
    booked = book_difference(draft, entry, plan, blended, RULE, goes_over=True)
    if draft.why is not None and booked is not entry and booked.standing is not None:
        accrued = merge((Leg(price.account, EARNED, earned, ledger), Leg(price.revenue, EARNED, -earned, -ledger)))
        say_lines(draft.why, booked.standing.journals[-1].journal_id, accrued, (plan.currency, currency))
    return booked


def _move_invoiced(draft: Draft, entry: Entry, issued: Issued, account: str, plan: LinePlan, day: date) -> None:
    """Between the position and what invoices took it from, at their ledger amount; 1160 of work and of the position are one."""
    work = entry.standing
    assert work is not None, "what was withdrawn keeps its way"
    to_position, contract = account == CONTRACT_LIABILITY, draft.contract_in_books(plan.contract_id)
    currency, mode = plan.entity.currency, plan.policies.money_mode
    whole: Balance = issued.invoiced, issued.invoiced_ledger
    exchange, open_day = carried_at(*whole), open_day_from(draft, plan.entity, day)
    slot = Slot(plan.entity, plan.currency, open_day, period(draft, plan.entity, open_day).name, exchange)
    booking = booking_of(slot, "difference")
    of = about(draft, ("contract", plan.contract_id, contract.version), f"{RULE}/{entry.entry_id}")
    before = position.standing(draft, plan.contract_id).position
    if draft.why is not None:
        said = sum_of("invoiced", invoiced(draft.why, entry.entry_id, issued), (plan.currency, currency))
        whole = said.of(whole)
        exchange = RecordedRate.by(
            lambda rest, *_: in_proportion(AT_INVOICES, said.ledger, rest, said.amount, mode, rule="R52")
        )
        before = position_before(before, journal_id_of(of, booking), (plan.currency, currency))
    other = issued.account if to_position else account
    legs = _moved(before, whole, other, exchange, currency, mode, to_position=to_position)
    emit_placed(
        draft,
        of,
        booking,
        [(work.earns_in, leg) for leg in legs],
        contract_id=plan.contract_id,
        customer_id=plan.customer_id,
        policies=plan.policies,
    )
    position.look(draft, plan.contract_id)


def _moved(
    before: ContractPosition,
    invoiced: Balance,
    other: str,
    exchange: Exchange,
    currency: str,
    mode: str,
    *,
    to_position: bool,
) -> tuple[Leg, ...]:
    """What is invoiced against the position; an account of revenue takes the ledger amount that this comes to."""
    amount, ledger = invoiced if to_position else (-invoiced[0], -invoiced[1])
    legs = moved(before, EARNED, -amount, exchange, currency, mode)
    taken = -sum(leg.ledger_amount for leg in legs)
    on_other = taken if other in REVENUE else ledger
    legs.append(Leg(other, EARNED, amount, on_other))
    if rest := taken - on_other:
        legs.append(Leg(EXCHANGE_DIFFERENCE, "exchange_difference", 0, rest))
    return merge(legs)
