"""What an invoice takes from where the rows of its statement stand: what they carry, or what the invoice's rate makes of them (R14).

What is unbilled goes out as it is carried, revenue as billed comes back as it was invoiced, deposits share what stands of theirs, and what
is earned over time goes through the contract's position, by its net.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import CONTRACT_LIABILITY, REVENUE, UNBILLED
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, moved, relieved
from domain.ledger.recorded import Carried
from domain.money import convert, round_ratio, smallest_unit
from domain.terms.kind import NO_REVENUE
from domain.units import Amount
from state.billing.clearing_record import Cleared, ClearingRecord
from state.billing.payers import invoiced_to, part_of
from state.books import Contract, Entry, Issued, StatementEntry, StatementState
from state.draft import Draft
from state.ledger.carried import say_invoiced
from state.ledger.deposit_balance import balance, deposit_row, is_deposit, rows_of
from state.ledger.position import is_over_time, standing
from state.ledger.posting import about, booking_of, emit, with_standing
from state.terms.known import Slot
from state.terms.plan import LinePlan, contract_policies, newest_plan
from state.totals import accrued_positions, issued_on, unbilled_positions, with_issued

# Purposes of lines of revenue that stand at a rate: also of what the ledger carries of balances that were brought forward.
AT_A_RATE = ("revenue", "exchange_difference")


class _Row(NamedTuple):
    """An entry on a line of the statement, at a place of what that lists, with what is issued of it there."""

    place: int
    listed: StatementEntry
    entry: Entry
    plan: LinePlan
    issued: Issued


class Clearing(NamedTuple):
    """What an invoice takes from one entry's unbilled balance on one account.

    `legs` where it goes through the contract's position: the first row of a project has those of all its rows, the others none. `cleared`
    is what a recorder has of it.
    """

    listed: StatementEntry
    entry: Entry
    plan: LinePlan
    account: str
    ledger_amount: Amount
    same_rate: bool
    legs: tuple[Leg, ...] | None = None
    cleared: Cleared | None = None


class _Revenue(NamedTuple):
    """Revenue as billed so far: what its credits leave of what other rows were invoiced, by line and account, and what is new, by project
    and account."""

    left: dict[tuple[str, str], Balance]
    new: dict[tuple[str, str], Amount]


def clear_unbilled(
    draft: Draft, contract: Contract, statement: StatementState, slot: Slot, say: ClearingRecord | None
) -> list[Clearing]:
    """One for each entry of a contract line; of several lines of an entry each finds what those before it leave."""
    reliefs = []
    carried: dict[tuple[str, str], tuple[Amount, Amount]] = {}
    over_time: list[_Row] = []
    revenue = _Revenue({}, {})
    for place, listed in enumerate(draft.listed(statement.statement_id)):
        entry = draft.entry(listed.entry_id)
        assert entry is not None, "a statement lists entries of the books"
        issued = issued_on(entry, contract.contract_id, listed.line_id)
        assert issued is not None, "the statement issued the entry"
        plan = newest_plan(draft, contract, listed.line_id)
        assert plan is not None, "a line that has issued work stays known"
        row = _Row(place, listed, entry, plan, issued)
        if issued.account == CONTRACT_LIABILITY and is_over_time(draft, contract):
            over_time.append(row)
            continue
        if is_deposit(draft, contract, issued):
            reliefs.append(_of_deposit(draft, row, slot, carried, say))
            continue
        if issued.account in REVENUE and plan.currency != slot.entity.currency:
            reliefs.append(_revenue_of(draft, row, slot, revenue, statement.bill_to, say))
            continue
        on, mode = (entry.entry_id, issued.account), plan.policies.money_mode
        had = carried.get(on) or _position_of(entry, issued)
        shared = _share_taken(listed.amount, had, entry, issued, slot, mode)
        taken = _taken(listed.amount, had, slot, mode) if shared is None else shared
        carried[on] = had[0] - listed.amount, had[1] - taken
        said = say.unbilled(place, entry, issued, taken, mode, is_share=shared is not None) if say is not None else None
        relief = Clearing(listed, entry, plan, issued.account, taken, _carried_at(slot, entry, plan), cleared=said)
        reliefs.append(_remeasured(draft, relief, slot, say))
    return (
        [*reliefs, *_through_position(draft, contract, slot, reliefs, over_time, statement.bill_to, say)]
        if over_time
        else reliefs
    )


def relieve(draft: Draft, statement: StatementState, relief: Clearing) -> None:
    entry = draft.entry(relief.entry.entry_id)
    assert entry is not None, "the entry was read for its relief"
    issued = issued_on(entry, statement.contract_id, relief.listed.line_id)
    assert issued is not None, "the statement issued the entry"
    now = invoiced_to(issued, statement.bill_to, relief.listed.amount, relief.ledger_amount)
    draft.put_entry(entry, with_issued(entry, now))
    if draft.why is not None and relief.cleared is not None:
        say_invoiced(draft.why, issued, entry.entry_id, statement.bill_to, relief.cleared.part)


def at_its_rate(amount: Amount, taken: Amount, slot: Slot, mode: str) -> bool:
    """Whether the ledger amount is that of the invoice's rate, but for a cent; else the rest is no mere rounding."""
    currency = slot.entity.currency
    return abs(
        taken - convert(amount, slot.exchange.numerator, slot.exchange.denominator, currency, mode)
    ) <= smallest_unit(currency)


def _position_of(entry: Entry, issued: Issued) -> tuple[Amount, Amount]:
    """What the entry carries on the account that the invoice relieves."""
    return unbilled_positions(entry).get((issued.contract_id, issued.account), (0, 0))


def _taken(listed: Amount, had: tuple[Amount, Amount], slot: Slot, mode: str) -> Amount:
    """Ledger amount of what is relieved: what the account carries, in proportion; what goes beyond that at the invoice's rate."""
    return relieved(listed, had, slot.exchange, slot.entity.currency, mode)


def _share_taken(amount: Amount, had: Balance, entry: Entry, issued: Issued, slot: Slot, mode: str) -> Amount | None:
    """Where several pay and the entry has less left than one of them is invoiced, since another has something to get back: as all that
    was accrued is carried. None where what is left is enough, or nothing is accrued."""
    if not issued.payers or (had[0] and (had[0] > 0) == (amount > 0) and abs(amount) <= abs(had[0])):
        return None
    accrued, ledger = accrued_positions(entry).get((issued.contract_id, issued.account), (0, 0))
    if not accrued:
        accrued, ledger = had
    return round_ratio(ledger * amount, accrued, smallest_unit(slot.entity.currency), mode) if accrued else None


def _carried_at(slot: Slot, entry: Entry, plan: LinePlan) -> bool:
    """Whether all that the entry carries on the contract was posted at the invoice's rate, and what was invoiced of it before was
    carried at that, but for a cent; else the rest is no mere rounding."""
    work, mode = entry.standing, plan.policies.money_mode
    if work is not None and work.charge is not None and work.charge.carried_on is not None:
        # What was brought forward carries what was stated, at whatever rates.
        positions = unbilled_positions(entry)
        on_accounts = (positions.get((plan.contract_id, account), (0, 0)) for account in UNBILLED)
        return all(at_its_rate(*position, slot, mode) for position in on_accounts)
    rates = {
        journal.exchange_rate
        for journal in (work.journals if work else ())
        if journal.contract_id == plan.contract_id
        and any(line.purpose in AT_A_RATE and line.account in REVENUE for line in journal.lines)
    }
    return rates <= {slot.exchange.rate} and all(
        at_its_rate(issued.invoiced, issued.invoiced_ledger, slot, mode)
        for issued in entry.issued
        if issued.contract_id == plan.contract_id
    )


def _revenue_of(
    draft: Draft, row: _Row, slot: Slot, revenue: _Revenue, bill_to: str, say: ClearingRecord | None
) -> Clearing:
    """Revenue as it is billed: what takes back leaves as the row's own invoices carry it, then as those of its line's other rows do; the
    rest is converted once a line of the journal, and each row has what it adds to that (R12)."""
    place, listed, entry, plan, issued = row
    mode, exchange, currency = plan.policies.money_mode, slot.exchange, slot.entity.currency
    amount, beside = listed.amount, 0
    at = draft.billed_in(entry, plan.contract_id, listed.line_id), issued.account
    part = part_of(issued, bill_to)
    own = -part.invoiced, -part.invoiced_ledger
    from_own = _within(amount, own[0])
    taken = _taken(from_own, own, slot, mode)
    if amount != from_own:
        on = issued.line_id, issued.account
        others = revenue.left.get(on) or _invoiced_beside(draft, entry, issued)
        beside = _within(amount - from_own, others[0])
        taken_beside = _taken(beside, others, slot, mode)
        revenue.left[on] = others[0] - beside, others[1] - taken_beside
        before = revenue.new.get(at, 0)
        after = revenue.new[at] = before + amount - from_own - beside
        up_to, so_far = (
            convert(one, exchange.numerator, exchange.denominator, currency, mode) for one in (after, before)
        )
        taken += taken_beside + up_to - so_far
    said = None
    if say is not None:
        parts = from_own, beside, amount - from_own - beside
        said = say.revenue(place, entry, issued, draft.everything(), parts, taken, at, mode)
    same_rate = at_its_rate(amount, taken, slot, mode)
    return Clearing(listed, entry, plan, issued.account, taken, same_rate, cleared=said)


def _within(amount: Amount, had: Amount) -> Amount:
    """As much of the amount as there is, if it is on the same side."""
    if not had or (had > 0) != (amount > 0):
        return 0
    return had if abs(had) < abs(amount) else amount


def _invoiced_beside(draft: Draft, entry: Entry, issued: Issued) -> Balance:
    """What credits of the line may take back: what was invoiced of its other rows, in contract and in ledger currency."""
    amount = ledger = 0
    for row in draft.everything():
        found = issued_on(row, issued.contract_id, issued.line_id) if row.entry_id != entry.entry_id else None
        if found is not None and found.account == issued.account:
            amount -= found.invoiced
            ledger -= found.invoiced_ledger
    return amount, ledger


def _of_deposit(
    draft: Draft,
    row: _Row,
    slot: Slot,
    carried: dict[tuple[str, str], tuple[Amount, Amount]],
    say: ClearingRecord | None,
) -> Clearing:
    """All rows of a deposit's line share what stands of it, so that what is set against a statement or given back leaves as it came."""
    place, listed, entry, plan, issued = row
    mode = plan.policies.money_mode
    on = deposit_row(issued.contract_id, issued.line_id), issued.account
    had = carried.get(on) or balance(draft, issued.contract_id, issued.line_id, issued.account)
    taken = _taken(listed.amount, had, slot, mode)
    carried[on] = had[0] - listed.amount, had[1] - taken
    rows = rows_of(draft, issued.contract_id, issued.line_id) if say is not None else []
    said = say.deposit(place, rows, issued, taken, mode) if say is not None else None
    same_rate = at_its_rate(listed.amount, taken, slot, mode)
    return Clearing(listed, entry, plan, issued.account, taken, same_rate, cleared=said)


def _through_position(
    draft: Draft,
    contract: Contract,
    slot: Slot,
    others: list[Clearing],
    over_time: list[_Row],
    bill_to: str,
    say: ClearingRecord | None,
) -> Iterator[Clearing]:
    """What is billed of lines that earn over time takes what the others leave, by its net, once: a position has one side (R46)."""
    position = before = standing(draft, contract.contract_id).position
    for relief in others:
        position = position.add(relief.account, -relief.listed.amount, -relief.ledger_amount)
    net = sum(row.listed.amount for row in over_time)
    mode = contract_policies(draft, contract).money_mode
    exchange, currency = slot.exchange, slot.entity.currency
    legs = moved(position, "billing", -net, exchange, currency, mode)
    taken = -sum(leg.ledger_amount for leg in legs)
    same_rate = at_its_rate(net, taken, slot, mode)
    places = [draft.billed_in(row.entry, row.plan.contract_id, row.listed.line_id) for row in over_time]
    sums: dict[str, Amount] = {}
    for place, row in zip(places, over_time, strict=True):
        sums[place] = sums.get(place, 0) + row.listed.amount

    def at_rate(amount: Amount) -> Amount:
        return convert(amount, exchange.numerator, exchange.denominator, currency, mode)

    by_project = _by_project(sums, net, legs, smallest_unit(currency), mode, at_rate)
    recorded: dict[str, list[tuple[str, Carried]]] = {}
    if say is not None:
        listed_at: dict[str, list[int]] = {}
        for project_id, row in zip(places, over_time, strict=True):
            listed_at.setdefault(project_id, []).append(row.place)
        taken_before = [(one.account, one.cleared.part) for one in others if one.cleared is not None]
        recorded = say.through_position(before, taken_before, listed_at, mode)
    for project_id, (number, listed, entry, plan, issued) in zip(places, over_time, strict=True):
        own = tuple(by_project.pop(project_id, ()))
        part = part_of(issued, bill_to)
        # Of what a row takes back its own invoices say the rate, as the position does.
        asked = _taken(listed.amount, (-part.invoiced, -part.invoiced_ledger), slot, mode)
        said = say.over_time(number, entry, issued, mode, recorded.pop(project_id, ())) if say is not None else None
        yield Clearing(listed, entry, plan, CONTRACT_LIABILITY, asked, same_rate, own, said)


def _by_project(
    sums: Mapping[str, Amount],
    net: Amount,
    legs: list[Leg],
    step: Amount,
    mode: str,
    at_rate: Callable[[Amount], Amount],
) -> dict[str, list[Leg]]:
    """The lines of the position by project: those on the side of the net have them, in order, less what the others take off them.

    `sums` are what the invoice bills in each. What is taken off goes from one project to another on 2300, so that each has its own sum.
    """
    own = {project_id: abs(sums[project_id]) for project_id in sorted(sums) if sums[project_id] * net > 0}
    off = sum(own.values()) - abs(net)
    for project_id, has in own.items():
        less = min(off, has)
        own[project_id], off = has - less, off - less
    found: dict[str, list[Leg]] = {}
    for leg in legs:
        before, left, whole = 0, leg, abs(leg.amount)
        for project_id, has in own.items():
            part = min(has, whole - before)
            if not part:
                continue
            before += part
            own[project_id] = has - part
            upto = leg.ledger_amount if before == whole else round_ratio(leg.ledger_amount * before, whole, step, mode)
            ledger = upto - (leg.ledger_amount - left.ledger_amount)
            amount = part if leg.amount > 0 else -part
            found.setdefault(project_id, []).append(leg._replace(amount=amount, ledger_amount=ledger))
            left = left._replace(amount=left.amount - amount, ledger_amount=left.ledger_amount - ledger)
        if left.amount or left.ledger_amount:
            found.setdefault(min(sums), []).append(left)
    over: Amount = 0
    for project_id in sorted(sums):
        lacks = -sums[project_id] - sum(leg.amount for leg in found.get(project_id, ()))
        if lacks:
            ledger = at_rate(over + lacks) - at_rate(over)
            found.setdefault(project_id, []).append(Leg(CONTRACT_LIABILITY, "billing", lacks, ledger))
            over += lacks
    return found


def _remeasured(draft: Draft, relief: Clearing, slot: Slot, say: ClearingRecord | None) -> Clearing:
    """Policy `remeasure_revenue`: accrual and revenue go out at the stored rate and come back at the invoice's, on its date."""
    plan, listed, work = relief.plan, relief.listed, relief.entry.standing
    if plan.policies.fx_policy != "remeasure_revenue" or plan.timing == NO_REVENUE or relief.same_rate:
        return relief
    if work is None or work.price is None:
        return relief
    mode = plan.policies.money_mode
    now = convert(listed.amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
    cleared = relief.cleared
    for way, amount, ledger in (("out", -listed.amount, -relief.ledger_amount), ("in", listed.amount, now)):
        rule = f"remeasure_{way}/{listed.line_id}"  # a statement may list the entry on two lines
        moved = (Leg(relief.account, "revenue", amount, ledger), Leg(work.price.revenue, "revenue", -amount, -ledger))
        of = about(draft, work.identity, rule)
        posted = emit(draft, work, of, booking_of(slot, "difference"), moved, plan, plan.policies)
        work = replace(work, journals=(*work.journals, posted))
        if say is not None and cleared is not None:
            cleared = say.remeasured(cleared, posted, is_in=way == "in", mode=mode)
    entry = with_standing(relief.entry, work)
    draft.put_entry(relief.entry, entry)
    return relief._replace(entry=entry, ledger_amount=now, same_rate=True, cleared=cleared)
