"""What an invoice takes from where the rows of its statement stand: what they carry, or what the invoice's rate makes of them (R14).

What is unbilled goes out as it is carried, revenue as billed comes back as it was invoiced, deposits share what stands of theirs, and what
is earned over time goes through the contract's position, by its net.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import CONTRACT_LIABILITY, REVENUE, UNBILLED
from domain.figure import called, carried_at, converted, lesser
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, moved, relieved
from domain.ledger.recorded import add_both, nodes_of
from domain.money import convert, smallest_unit
from domain.reference.exchange import Exchange
from domain.sums import summed
from domain.terms.kind import NO_REVENUE
from domain.units import Amount
from state.billing.clearing_record import ClearingRecord
from state.billing.payers import invoiced_to, part_of
from state.books import Contract, Entry, Issued, StatementEntry, StatementState
from state.draft import Draft
from state.ledger.carried import say_invoiced, taken_of
from state.ledger.deposit_balance import balance, deposit_row, is_deposit, rows_of
from state.ledger.position import is_over_time, standing
from state.ledger.posting import about, booking_of, emit, with_standing
from state.terms.known import Slot
from state.terms.plan import LinePlan, contract_policies, newest_plan
from state.totals import accrued_positions, issued_on, unbilled_positions, with_issued
from state.value import plain

# Purposes of lines of revenue that stand at a rate: also of what the ledger carries of balances that were brought forward.
AT_A_RATE = ("revenue", "exchange_difference")


class _Row(NamedTuple):
    """An entry on a line of the statement, with what is issued of it there."""

    listed: StatementEntry
    entry: Entry
    plan: LinePlan
    issued: Issued
    is_set_against: bool


class Clearing(NamedTuple):
    """What an invoice takes from one entry's unbilled balance on one account.

    `legs` where it goes through the contract's position: the first row of a project has those of all its rows, the others none.
    `is_set_against` where it is of a deposit that pays the statement, or has back what it paid.
    """

    listed: StatementEntry
    entry: Entry
    plan: LinePlan
    account: str
    ledger_amount: Amount
    same_rate: bool
    legs: tuple[Leg, ...] | None = None
    is_set_against: bool = False


class _Revenue(NamedTuple):
    """Revenue as billed so far: what its credits leave of what other rows were invoiced, by line and account, and what is new, by project
    and account."""

    left: dict[tuple[str, str], Balance]
    new: dict[tuple[str, str], Amount]


def clear_unbilled(
    draft: Draft, contract: Contract, statement: StatementState, slot: Slot, say: ClearingRecord | None
) -> list[Clearing]:
    """One for each entry of a contract line; of several lines of an entry each finds what those before it leave. A recorder says of numbers
    how they came about, as the slot's exchange does."""
    reliefs = []
    carried: dict[tuple[str, str], Balance] = {}
    over_time: list[_Row] = []
    revenue = _Revenue({}, {})
    rows = draft.listed(statement.statement_id)
    for place, listed in enumerate(rows):
        entry, issued = draft.issued_in_books(listed.entry_id, contract.contract_id, listed.line_id)
        plan = newest_plan(draft, contract, listed.line_id)
        assert plan is not None, "a line that has issued work stays known"
        is_set_against = place >= len(rows) - statement.set_against
        row = _Row(listed if say is None else say.listed(place, listed), entry, plan, issued, is_set_against)
        if issued.account == CONTRACT_LIABILITY and is_over_time(draft, contract):
            over_time.append(row)
            continue
        if is_deposit(draft, contract, issued):
            reliefs.append(_of_deposit(draft, row, slot, carried, say))
            continue
        if issued.account in REVENUE and plan.currency != slot.entity.currency:
            reliefs.append(_revenue_of(draft, row, slot, revenue, statement.bill_to, say))
            continue
        on = entry.entry_id, issued.account
        had = carried.get(on) or _position_of(entry, issued, say)
        taken = _share_taken(row, had, slot, say)
        if taken is None:
            taken = _taken(row.listed.amount, had, slot, plan.policies.money_mode)
        carried[on] = _left(had, row.listed.amount, taken)
        relief = Clearing(row.listed, entry, plan, issued.account, taken, _carried_at(slot, entry, plan))
        reliefs.append(_remeasured(draft, relief, slot))
    return (
        [*reliefs, *_through_position(draft, contract, slot, reliefs, over_time, statement.bill_to, say)]
        if over_time
        else reliefs
    )


def relieve(draft: Draft, statement: StatementState, relief: Clearing) -> None:
    entry, issued = draft.issued_in_books(relief.entry.entry_id, statement.contract_id, relief.listed.line_id)
    part = relief.listed.amount, relief.ledger_amount
    after = invoiced_to(issued, statement.bill_to, *plain(part))
    if relief.is_set_against:
        after = replace(after, taken=(issued.taken[0] - int(part[0]), issued.taken[1] - int(part[1])))
    draft.put_entry(entry, with_issued(entry, after))
    if draft.why is not None:
        currencies = relief.plan.currency, relief.plan.entity.currency
        say_invoiced(draft.why, issued, entry.entry_id, statement.bill_to, nodes_of(part, currencies))
        if relief.is_set_against:
            add_both(draft.why, taken_of(issued, entry.entry_id), nodes_of(part, currencies))


def at_its_rate(amount: Amount, taken: Amount, slot: Slot, mode: str) -> bool:
    """Whether the ledger amount is that of the invoice's rate, but for a cent; else the rest is no mere rounding."""
    currency = slot.entity.currency
    return abs(
        taken - convert(amount, slot.exchange.numerator, slot.exchange.denominator, currency, mode)
    ) <= smallest_unit(currency)


def _position_of(entry: Entry, issued: Issued, say: ClearingRecord | None) -> Balance:
    """What the entry carries on the account that the invoice relieves."""
    had = unbilled_positions(entry).get((issued.contract_id, issued.account))
    if had is None or say is None:
        return had or (0, 0)
    return say.unbilled(entry, issued, had)


def _taken(amount: Amount, had: Balance, slot: Slot, mode: str) -> Amount:
    """Ledger amount of what is relieved: what the account carries, in proportion; what goes beyond that at the invoice's rate."""
    return relieved(amount, had, slot.exchange, slot.entity.currency, mode)


def _left(had: Balance, amount: Amount, taken: Amount) -> Balance:
    if not amount and not taken:
        return had
    return called(had[0] - amount, "left of it"), called(had[1] - taken, "left of it, in ledger currency")


def _share_taken(row: _Row, had: Balance, slot: Slot, say: ClearingRecord | None) -> Amount | None:
    """Where several pay and the entry has less left than one of them is invoiced, since another has something to get back: as all that
    was accrued is carried. None where what is left is enough, or nothing is accrued."""
    amount, entry, issued = row.listed.amount, row.entry, row.issued
    if not issued.payers or (had[0] and (had[0] > 0) == (amount > 0) and abs(amount) <= abs(had[0])):
        return None
    accrued = accrued_positions(entry).get((issued.contract_id, issued.account), (0, 0))
    if not accrued[0]:
        accrued = had
    elif say is not None:
        accrued = say.accrued(entry, issued, accrued)
    mode = row.plan.policies.money_mode
    return carried_at(amount, accrued, slot.entity.currency, mode, "R52") if accrued[0] else None


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
    """Revenue as it is billed: what takes back leaves as the row's own invoices carry it, then as the payer's of its line's other rows do;
    the rest is converted once a line of the journal, and each row has what it adds to that (R12)."""
    listed, entry, plan, issued, _ = row
    mode, exchange, currency = plan.policies.money_mode, slot.exchange, slot.entity.currency
    at = draft.billed_in(entry, plan.contract_id, listed.line_id), issued.account
    own = _own(row, bill_to, say)
    from_own = _within(listed.amount, own[0])
    taken = _taken(from_own, own, slot, mode)
    if rest := called(listed.amount - from_own, "beyond what its own invoices carry"):
        on = issued.line_id, issued.account
        others = revenue.left.get(on) or _invoiced_beside(draft, entry, issued, bill_to, say)
        beside = _within(rest, others[0])
        taken_beside = _taken(beside, others, slot, mode)
        revenue.left[on] = _left(others, beside, taken_beside)
        before, new = revenue.new.get(at, 0), called(rest - beside, "beyond what the line's invoices carry")
        after = revenue.new[at] = called(before + new, "revenue of the line up to it")
        up_to, so_far = (converted(one, exchange, currency, mode) for one in (after, before))
        adds = called(up_to - so_far, "what it adds to the line, which is converted once", "R12")
        taken = called(taken + taken_beside + adds, "as its invoices and those of its line carry it, and what is new")
    same_rate = at_its_rate(listed.amount, taken, slot, mode)
    return Clearing(listed, entry, plan, issued.account, taken, same_rate)


def _own(row: _Row, bill_to: str, say: ClearingRecord | None) -> Balance:
    """What the payer's invoices of the row carry, which a credit takes back."""
    part = part_of(row.issued, bill_to)
    own = -part.invoiced, -part.invoiced_ledger
    return own if say is None else say.own(row.entry, row.issued, own)


def _within(amount: Amount, had: Amount) -> Amount:
    """As much of the amount as there is, if it is on the same side."""
    if not had or (had > 0) != (amount > 0):
        return 0
    return had if abs(had) < abs(amount) else amount


def _invoiced_beside(draft: Draft, entry: Entry, issued: Issued, bill_to: str, say: ClearingRecord | None) -> Balance:
    """What credits of the line may take back: what the payer was invoiced of its other rows, in contract and in ledger currency."""
    amount = ledger = 0
    others = [row for row in draft.everything() if row.entry_id != entry.entry_id]
    for row in others:
        found = issued_on(row, issued.contract_id, issued.line_id)
        if found is not None and found.account == issued.account:
            part = part_of(found, bill_to)
            amount -= part.invoiced
            ledger -= part.invoiced_ledger
    return (amount, ledger) if say is None else say.beside(others, issued, (amount, ledger))


def _of_deposit(
    draft: Draft, row: _Row, slot: Slot, carried: dict[tuple[str, str], Balance], say: ClearingRecord | None
) -> Clearing:
    """All rows of a deposit's line share what stands of it, so that what is set against a statement or given back leaves as it came. What a
    statement gives back comes as invoices took it (R14)."""
    listed, entry, plan, issued, is_set_against = row
    mode = plan.policies.money_mode
    on = deposit_row(issued.contract_id, issued.line_id), issued.account
    had = carried.get(on)
    if had is None:
        had = balance(draft, issued.contract_id, issued.line_id, issued.account)
        if say is not None:
            had = say.deposit(rows_of(draft, issued.contract_id, issued.line_id), issued, had)
    stands = had
    if is_set_against and listed.amount > 0:
        stands = issued.taken if say is None else say.taken(entry, issued)
    taken = _taken(listed.amount, stands, slot, mode)
    carried[on] = _left(had, listed.amount, taken)
    same_rate = at_its_rate(listed.amount, taken, slot, mode)
    return Clearing(listed, entry, plan, issued.account, taken, same_rate, is_set_against=is_set_against)


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
    position = standing(draft, contract.contract_id).position
    if say is not None:
        position = say.position(position)
    for relief in others:
        position = position.add(relief.account, -relief.listed.amount, -relief.ledger_amount)
    places = [draft.billed_in(row.entry, row.plan.contract_id, row.listed.line_id) for row in over_time]
    sums = summed((place, row.listed.amount) for place, row in zip(places, over_time, strict=True))
    net = called(sum(sums.values()), "billed of what is earned over time")
    mode, currency = contract_policies(draft, contract).money_mode, slot.entity.currency
    legs = moved(position, "billing", -net, slot.exchange, currency, mode)
    same_rate = at_its_rate(net, -sum(leg.ledger_amount for leg in legs), slot, mode)
    by_project = _by_project(sums, net, legs, slot.exchange, currency, mode)
    for project_id, row in zip(places, over_time, strict=True):
        own = tuple(by_project.pop(project_id, ()))
        # Of what a row takes back its own invoices say the rate, as the position does.
        asked = _taken(row.listed.amount, _own(row, bill_to, say), slot, mode)
        yield Clearing(row.listed, row.entry, row.plan, CONTRACT_LIABILITY, asked, same_rate, own, row.is_set_against)


def _by_project(
    sums: Mapping[str, Amount], net: Amount, legs: list[Leg], exchange: Exchange, currency: str, mode: str
) -> dict[str, list[Leg]]:
    """The lines of the position by project: those on the side of the net have them, in order, less what the others take off them.

    `sums` are what the invoice bills in each. What is taken off goes from one project to another on 2300, so that each has its own sum.
    """
    if len(sums) == 1:
        return dict.fromkeys(sums, legs)
    own = {each: called(abs(sums[each]), "billed of it") for each in sorted(sums) if sums[each] * net > 0}
    off = called(sum(own.values()) - abs(net), "taken off by others")
    for project_id, has in own.items():
        less = lesser(off, has, "taken off it")
        own[project_id], off = called(has - less, "left of it"), called(off - less, "left to take off")
    found: dict[str, list[Leg]] = {}
    for leg in legs:
        whole, before, given = abs(leg.amount), 0, 0
        for project_id, has in own.items():
            part = lesser(has, whole - before, "its part")
            if not part:
                continue
            own[project_id] = called(has - part, "left of it")
            before = called(before + part, "with those before it")
            upto = carried_at(before, (whole, leg.ledger_amount), currency, mode, "R12")
            ledger = called(upto - given, "its part, in ledger currency")
            given = upto
            found.setdefault(project_id, []).append(
                leg._replace(amount=part if leg.amount > 0 else -part, ledger_amount=ledger)
            )
        rest, ledger = whole - before, leg.ledger_amount - given
        if rest or ledger:
            found.setdefault(min(sums), []).append(
                leg._replace(amount=rest if leg.amount > 0 else -rest, ledger_amount=ledger)
            )
    over: Amount = 0
    for project_id in sorted(sums):
        lacks = called(-sums[project_id] - sum(leg.amount for leg in found.get(project_id, ())), "goes over")
        if lacks:
            upto = called(over + lacks, "with those before it")
            at_rate, before = (converted(one, exchange, currency, mode) for one in (upto, over))
            found.setdefault(project_id, []).append(Leg(CONTRACT_LIABILITY, "billing", lacks, at_rate - before))
            over = upto
    return found


def _remeasured(draft: Draft, relief: Clearing, slot: Slot) -> Clearing:
    """Policy `remeasure_revenue`: accrual and revenue go out at the stored rate and come back at the invoice's, on its date."""
    plan, listed, work = relief.plan, relief.listed, relief.entry.standing
    if plan.policies.fx_policy != "remeasure_revenue" or plan.timing == NO_REVENUE or relief.same_rate:
        return relief
    if work is None or work.price is None:
        return relief
    now = converted(listed.amount, slot.exchange, slot.entity.currency, plan.policies.money_mode)
    for way, amount, ledger in (("out", -listed.amount, -relief.ledger_amount), ("in", listed.amount, now)):
        rule = f"remeasure_{way}/{listed.line_id}"  # a statement may list the entry on two lines
        moved = (Leg(relief.account, "revenue", amount, ledger), Leg(work.price.revenue, "revenue", -amount, -ledger))
        of = about(draft, work.identity, rule)
        posted = emit(draft, work, of, booking_of(slot, "difference"), moved, plan, plan.policies)
        work = replace(work, journals=(*work.journals, posted))
    entry = with_standing(relief.entry, work)
    draft.put_entry(relief.entry, entry)
    return relief._replace(entry=entry, ledger_amount=now, same_rate=True)
