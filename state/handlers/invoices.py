"""The ERP's answer to a statement: an invoice posted moves unbilled to receivables, one that differs or was rejected waits."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import (
    CONTRACT_LIABILITY,
    CURRENCY_ROUNDING,
    EXCHANGE_DIFFERENCE,
    OUTPUT_TAX,
    RECEIVABLE,
    REVENUE,
)
from domain.billing.kind import NO_REVENUE
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.events.reference import LegalEntityDefined
from domain.exchange import Exchange, MissingRate
from domain.identity import composed
from domain.journal import About, Leg, journal_entry, merge
from domain.money import convert, format_amount, round_ratio, smallest_unit
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.position import Balance, moved
from domain.units import Amount
from state.approval import keep_invoice
from state.books import Contract, Entry, InvoiceCredits, Issued, StatementEntry, StatementState
from state.deposit_balance import balance, deposit_row, is_deposit, relieved
from state.draft import AMOUNT_MAX, Draft
from state.exchange_waits import NOTHING_WAITED, Waited, settle_when_day_ends, settled
from state.handlers import payments, write_offs
from state.handlers.retention import Moved
from state.handlers.retention import moved as moved_retention
from state.known import Blocked, Slot, exchange_on, open_day_from, period
from state.payers import invoiced_to, part_of
from state.plan import LinePlan, contract_policies, customer_of, newest_plan
from state.position import is_over_time, standing
from state.posting import booking_of, emit, note_rounding, with_standing
from state.receivables import open_receivable, receivable_of
from state.totals import accrued_positions, issued_on, unbilled_positions

INVOICE = "invoice"
NO_RATE = "no_exchange_rate"


def on_invoice_posted(draft: Draft, event: InvoicePosted) -> None:
    statement = find_statement(draft, event)
    if statement is None:
        _unknown(draft, event, "invoice", event.invoice_id)
        return
    if keep_invoice(draft, statement.statement_id, event):
        return
    if statement.invoice_id is not None:
        if statement.invoice_id != event.invoice_id:
            _differs(draft, statement, event, f"invoice {statement.invoice_id} is posted for it already")
        return
    if event.amount != statement.amount_due:
        draft.put("statement", statement.statement_id, replace(statement, waiting=event))
        _differs(
            draft,
            statement,
            event,
            f"expected {format_amount(statement.amount_due)} {statement.currency} net, "
            f"invoice {event.invoice_id} has {format_amount(event.amount)}",
        )
        return
    post_invoice(draft, statement, event)


def on_invoice_rejected(draft: Draft, event: InvoiceRejected) -> None:
    statement = find_statement(draft, event)
    if statement is None:
        _unknown(draft, event, "statement", event.statement_id or "")
        return
    if statement.invoice_id is None:
        draft.note(
            "posting_rejected",
            "statement",
            statement.statement_id,
            f"the ERP rejected the invoice of statement {statement.statement_id}: {event.code} {event.message}",
            contract_id=statement.contract_id,
            amount=statement.amount_due,
            currency=statement.currency,
        )


def waive_difference(draft: Draft, statement_id: str) -> None:
    """A waived difference posts the statement's amount with the invoice that came."""
    statement = draft.statement(statement_id)
    if statement is not None and statement.waiting is not None and statement.invoice_id is None:
        post_invoice(draft, statement, statement.waiting._replace(amount=statement.amount_due))


def retry_invoice(draft: Draft, statement_id: str) -> None:
    """An exchange rate that the invoice waited for may have come."""
    statement = draft.statement(statement_id)
    if statement is not None and statement.waiting is not None and statement.waiting.amount == statement.amount_due:
        post_invoice(draft, statement, statement.waiting, {INVOICE: NO_RATE})


def retry_unexchanged_invoices(draft: Draft) -> None:
    """The day has ended: invoices that wait for an exchange rate take the nearest of those that have come."""
    for statement_id in draft.ids("statement"):
        retry_invoice(draft, statement_id)


def find_statement(draft: Draft, event: InvoicePosted | InvoiceRejected) -> StatementState | None:
    """By its id, else by contract, period and sequence, which no two statements share; its bill-to is that of its issue."""
    named = event.statement
    if event.statement_id is not None or named is None:
        return draft.statement(event.statement_id or "")
    wanted = (named.contract_id, named.period, named.sequence)
    issued = (draft.part("statement", statement_id) for statement_id in draft.ids("statement"))
    found: StatementState | None = next(
        (one for one in issued if (one.contract_id, one.period, one.sequence) == wanted), None
    )
    return found if found is not None and named.bill_to in (None, found.bill_to) else None


def _unknown(draft: Draft, event: InvoicePosted | InvoiceRejected, kind: str, subject: str) -> None:
    named = event.statement_id or event.statement
    draft.note(
        "unknown_reference",
        kind,
        subject,
        f"no statement {named} was issued",
        project_id=event.project_id,
        contract_id=event.statement.contract_id if event.statement is not None else None,
        field="statement_id",
    )


def _differs(
    draft: Draft, statement: StatementState, event: InvoicePosted, message: str, field: str = "amount"
) -> None:
    draft.note(
        "statement_differs_from_invoice",
        "statement",
        statement.statement_id,
        message,
        contract_id=statement.contract_id,
        amount=event.amount - statement.amount_due,
        currency=statement.currency,
        field=field,
    )


class _Relief(NamedTuple):
    """What an invoice takes from one entry's unbilled balance on one account.

    `legs` where it goes through the contract's position: the first row of a project has those of all its rows, the others none.
    """

    listed: StatementEntry
    entry: Entry
    plan: LinePlan
    account: str
    ledger_amount: Amount
    same_rate: bool
    legs: tuple[Leg, ...] | None = None


def post_invoice(
    draft: Draft, statement: StatementState, event: InvoicePosted, waited: Waited = NOTHING_WAITED
) -> None:
    other = receivable_of(draft, event.invoice_id)
    if other is not None:
        draft.put("statement", statement.statement_id, replace(statement, waiting=event))
        posted = f"invoice {event.invoice_id} is posted for statement {other.statement_id} already"
        _differs(draft, statement, event, posted, "invoice_id")
        return
    contract = draft.contract(statement.contract_id)
    assert contract is not None, "a statement is of a contract in the books"
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    assert entity is not None, "terms of an unknown entity are refused"
    policies = contract_policies(draft, contract)
    day = open_day_from(draft, entity, event.posted_on)
    exchange = _exchange(draft, policies, event, terms.currency, entity.currency, day)
    if isinstance(exchange, MissingRate):
        draft.put("statement", statement.statement_id, replace(statement, waiting=event))
        draft.waits_added |= _waits(statement, entity)
        draft.note(
            exchange.category,
            "statement",
            statement.statement_id,
            f"invoice {event.invoice_id}: {terms.currency} to {entity.currency} on {day}: {exchange.category}",
            contract_id=statement.contract_id,
        )
        return
    if abs(event.amount + event.tax_amount) * exchange.numerator > AMOUNT_MAX * exchange.denominator:
        draft.put("statement", statement.statement_id, replace(statement, waiting=event))
        _differs(draft, statement, event, "at its exchange rate it is more than the ledger holds", "exchange_rate")
        return
    slot = Slot(entity, terms.currency, day, period(draft, entity, day).name, exchange)
    if isinstance(settled(draft, slot, INVOICE, day, policies, waited), Blocked):
        settle_when_day_ends(draft, entity.zone)
        return
    for category in ("statement_differs_from_invoice", "posting_rejected", "no_exchange_rate", "stale_exchange_rate"):
        draft.settle_note(category, "statement", statement.statement_id)
    draft.waits_removed |= _waits(statement, entity)
    reliefs = _reliefs(draft, contract, statement, slot)
    kept = moved_retention(draft, statement, slot, policies.money_mode)
    journal = _journals(draft, statement, event, slot, policies, reliefs, kept)
    open_receivable(draft, statement, event.invoice_id, slot, event.tax_amount, journal)
    if entity.currency != terms.currency:
        # Of a deposit that is billed and set against the same statement what is billed of it, which alone is credited.
        rising = sorted(reliefs, key=lambda one: one.listed.amount)
        taken = {composed(one.entry.entry_id, one.listed.line_id): one.ledger_amount for one in rising}
        draft.put("credits", event.invoice_id, InvoiceCredits(taken))
    for relief in reliefs:
        _relieve(draft, statement, relief)
    draft.put("statement", statement.statement_id, replace(statement, invoice_id=event.invoice_id, waiting=None))
    payments.retry_waiting(draft)
    write_offs.retry_waiting(draft)


def _waits(statement: StatementState, entity: LegalEntityDefined) -> set[tuple[str, str, str]]:
    """A rate of either currency, or another accounting date or policy of the entity."""
    keys = (("exchange", statement.currency), ("exchange", entity.currency), ("period", entity.legal_entity_id))
    return {(kind, key, f"statement:{statement.statement_id}") for kind, key in keys}


def _exchange(
    draft: Draft, policies: Resolved, event: InvoicePosted, currency: str, ledger_currency: str, day: date
) -> Exchange | MissingRate:
    """The rate that the invoice states, else the table's for its date."""
    if event.exchange_rate is not None and currency != ledger_currency:
        return Exchange(event.exchange_rate, 10**12, event.exchange_rate, ())
    return exchange_on(draft, policies, currency, ledger_currency, day, day)


def _reliefs(draft: Draft, contract: Contract, statement: StatementState, slot: Slot) -> list[_Relief]:
    """One for each entry of a contract line; of several lines of an entry each finds what those before it leave."""
    reliefs = []
    carried: dict[tuple[str, str], tuple[Amount, Amount]] = {}
    over_time: list[tuple[StatementEntry, Entry, LinePlan]] = []
    revenue: dict[tuple[str, str], Balance] = {}
    for listed in draft.entries.statement(statement.statement_id):
        entry = draft.entry(listed.entry_id)
        assert entry is not None, "a statement lists entries of the books"
        issued = issued_on(entry, contract.contract_id, listed.line_id)
        assert issued is not None, "the statement issued the entry"
        plan = newest_plan(draft, contract, listed.line_id)
        assert plan is not None, "a line that has issued work stays known"
        if issued.account == CONTRACT_LIABILITY and is_over_time(draft, contract):
            over_time.append((listed, entry, plan))
            continue
        if is_deposit(draft, contract, issued):
            reliefs.append(_of_deposit(draft, listed, entry, plan, issued, slot, carried))
            continue
        if issued.account in REVENUE and plan.currency != slot.entity.currency:
            reliefs.append(_revenue_of(draft, listed, entry, plan, issued, slot, revenue, statement.bill_to))
            continue
        place = entry.entry_id, issued.account
        had = carried.get(place) or _position_of(entry, issued)
        taken = _share_taken(listed.amount, had, entry, issued, slot, plan.policies.money_mode)
        if taken is None:
            taken = _taken(listed.amount, had, slot, plan.policies.money_mode)
        carried[place] = had[0] - listed.amount, had[1] - taken
        relief = _Relief(listed, entry, plan, issued.account, taken, _carried_at(slot, entry, plan))
        reliefs.append(_remeasured(draft, relief, slot))
    return [*reliefs, *_through_position(draft, contract, slot, reliefs, over_time)] if over_time else reliefs


def _revenue_of(
    draft: Draft,
    listed: StatementEntry,
    entry: Entry,
    plan: LinePlan,
    issued: Issued,
    slot: Slot,
    left: dict[tuple[str, str], Balance],
    bill_to: str,
) -> _Relief:
    """Revenue as it is billed: what takes back leaves as the row's own invoices carry it, then as those of its line's other rows do.

    `left` is what this invoice's credits leave of those rows, by line and account.
    """
    mode, exchange, currency = plan.policies.money_mode, slot.exchange, slot.entity.currency
    amount = listed.amount
    part = part_of(issued, bill_to)
    own = -part.invoiced, -part.invoiced_ledger
    from_own = _within(amount, own[0])
    taken = _taken(from_own, own, slot, mode)
    if amount != from_own:
        place = issued.line_id, issued.account
        others = left.get(place) or _invoiced_beside(draft, entry, issued)
        beside = _within(amount - from_own, others[0])
        taken_beside = _taken(beside, others, slot, mode)
        left[place] = others[0] - beside, others[1] - taken_beside
        beyond = amount - from_own - beside
        taken += taken_beside + convert(beyond, exchange.numerator, exchange.denominator, currency, mode)
    return _Relief(listed, entry, plan, issued.account, taken, _at_its_rate(amount, taken, slot, mode))


def _at_its_rate(amount: Amount, taken: Amount, slot: Slot, mode: str) -> bool:
    """Whether the ledger amount is that of the invoice's rate, but for a cent; else the rest is no mere rounding."""
    currency = slot.entity.currency
    return abs(
        taken - convert(amount, slot.exchange.numerator, slot.exchange.denominator, currency, mode)
    ) <= smallest_unit(currency)


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


def _position_of(entry: Entry, issued: Issued) -> tuple[Amount, Amount]:
    """What the entry carries on the account that the invoice relieves."""
    return unbilled_positions(entry).get((issued.contract_id, issued.account), (0, 0))


def _through_position(
    draft: Draft,
    contract: Contract,
    slot: Slot,
    others: list[_Relief],
    over_time: list[tuple[StatementEntry, Entry, LinePlan]],
) -> Iterator[_Relief]:
    """What is billed of lines that earn over time takes what the others leave, by its net, once: a position has one side (R46)."""
    position = standing(draft, contract.contract_id).position
    for relief in others:
        position = position.add(relief.account, -relief.listed.amount, -relief.ledger_amount)
    net = sum(listed.amount for listed, _, _ in over_time)
    mode = contract_policies(draft, contract).money_mode
    exchange, currency = slot.exchange, slot.entity.currency
    legs = moved(position, "billing", -net, exchange, currency, mode)
    taken = -sum(leg.ledger_amount for leg in legs)
    same_rate = _at_its_rate(net, taken, slot, mode)
    by_project = _by_project(over_time, net, legs, smallest_unit(currency), mode)
    for listed, entry, plan in over_time:
        own = tuple(by_project.pop(plan.line.project_id, ()))
        at_its_rate = convert(listed.amount, exchange.numerator, exchange.denominator, currency, mode)
        yield _Relief(listed, entry, plan, CONTRACT_LIABILITY, at_its_rate, same_rate, own)


def _by_project(
    rows: list[tuple[StatementEntry, Entry, LinePlan]], net: Amount, legs: list[Leg], step: Amount, mode: str
) -> dict[str, list[Leg]]:
    """The lines of the position by project: those on the side of the net have them, in order, less what the others take off them."""
    sums: dict[str, Amount] = {}
    for listed, _, plan in rows:
        sums[plan.line.project_id] = sums.get(plan.line.project_id, 0) + listed.amount
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
    return found


def _of_deposit(
    draft: Draft,
    listed: StatementEntry,
    entry: Entry,
    plan: LinePlan,
    issued: Issued,
    slot: Slot,
    carried: dict[tuple[str, str], tuple[Amount, Amount]],
) -> _Relief:
    """All rows of a deposit's line share what stands of it, so that what is set against a statement or given back leaves as it came."""
    mode = plan.policies.money_mode
    place = deposit_row(issued.contract_id, issued.line_id), issued.account
    had = carried.get(place) or balance(draft, issued.contract_id, issued.line_id, issued.account)
    taken = _taken(listed.amount, had, slot, mode)
    carried[place] = had[0] - listed.amount, had[1] - taken
    return _Relief(listed, entry, plan, issued.account, taken, _at_its_rate(listed.amount, taken, slot, mode))


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
    rates = {
        journal.exchange_rate
        for journal in (work.journals if work else ())
        if journal.contract_id == plan.contract_id and any(line.purpose == "revenue" for line in journal.lines)
    }
    return rates <= {slot.exchange.rate} and all(
        _at_its_rate(issued.invoiced, issued.invoiced_ledger, slot, mode)
        for issued in entry.issued
        if issued.contract_id == plan.contract_id
    )


def _remeasured(draft: Draft, relief: _Relief, slot: Slot) -> _Relief:
    """Policy `remeasure_revenue`: accrual and revenue go out at the stored rate and come back at the invoice's, on its date."""
    plan, listed, work = relief.plan, relief.listed, relief.entry.standing
    if plan.policies.fx_policy != "remeasure_revenue" or plan.timing == NO_REVENUE or relief.same_rate:
        return relief
    if work is None or work.price is None:
        return relief
    mode = plan.policies.money_mode
    now = convert(listed.amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
    for way, amount, ledger in (("out", -listed.amount, -relief.ledger_amount), ("in", listed.amount, now)):
        rule = f"remeasure_{way}/{listed.line_id}"  # a statement may list the entry on two lines
        moved = (Leg(relief.account, "revenue", amount, ledger), Leg(work.price.revenue, "revenue", -amount, -ledger))
        posted = emit(draft, work, booking_of(slot, "difference"), moved, plan, rule, plan.policies.rounding_limit)
        work = replace(work, journals=(*work.journals, posted))
    entry = with_standing(relief.entry, work)
    draft.put_entry(relief.entry, entry)
    return relief._replace(entry=entry, ledger_amount=now, same_rate=True)


def _journals(
    draft: Draft,
    statement: StatementState,
    event: InvoicePosted,
    slot: Slot,
    policies: Resolved,
    reliefs: list[_Relief],
    kept: list[Moved],
) -> JournalEntry | None:
    """One billing journal; none where what the statement bills and takes back is equal, on every account."""
    lines = _billing_lines(event, slot, policies, reliefs, kept)
    if not lines:
        return None
    cause = draft.cause
    contract = draft.contract(statement.contract_id)
    assert contract is not None, "a statement is of a contract in the books"
    record = journal_entry(
        About(
            draft.engagement_id, "statement", statement.statement_id, 1, "billing", cause.kind, cause.id, cause.version
        ),
        booking_of(slot, "billing"),
        [leg for _, leg in lines],
        project_id="",
        dimensions={},
        service_date=None,
        contract_id=statement.contract_id,
        customer_id=customer_of(contract, statement.bill_to),
        deliver=policies.ar_journal == "milepost",
    )
    placed = tuple(
        line._replace(project_id=project_id or None) for (project_id, _), line in zip(lines, record.lines, strict=True)
    )
    posted = record._replace(lines=placed)
    draft.emit(posted)
    note_rounding(draft, record, [leg for _, leg in lines], policies.rounding_limit, contract_id=statement.contract_id)
    return posted


def _billing_lines(
    event: InvoicePosted, slot: Slot, policies: Resolved, reliefs: list[_Relief], kept: list[Moved]
) -> list[tuple[str, Leg]]:
    """Receivable and what is retained against what was unbilled, by project, and tax; exchange differences go to 7110, cents to 7190."""
    mode = policies.money_mode
    gross = event.amount + event.tax_amount

    def in_ledger(amount: Amount) -> Amount:
        return convert(amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)

    by_project: dict[str, list[Leg]] = {}
    for relief in reliefs:
        legs_of = relief.legs
        if legs_of is None:
            legs_of = (Leg(relief.account, "billing", -relief.listed.amount, -relief.ledger_amount),)
        by_project.setdefault(relief.plan.line.project_id, []).extend(legs_of)
    for project_id, leg in kept:
        by_project.setdefault(project_id, []).append(leg)
    main = min(by_project, default="")
    legs = by_project.setdefault(main, [])
    legs.insert(0, Leg(RECEIVABLE, "billing", gross, in_ledger(gross)))
    if event.tax_amount:
        legs.append(Leg(OUTPUT_TAX, "tax", -event.tax_amount, -in_ledger(event.tax_amount)))
    rest = sum(leg.ledger_amount for members in by_project.values() for leg in members)
    if rest:
        rounding = all(relief.same_rate for relief in reliefs) and all(
            _at_its_rate(leg.amount, leg.ledger_amount, slot, mode) for _, leg in kept
        )
        legs.append(
            Leg(CURRENCY_ROUNDING, "rounding", 0, -rest)
            if rounding
            else Leg(EXCHANGE_DIFFERENCE, "exchange_difference", 0, -rest)
        )
    return [(project_id, leg) for project_id in sorted(by_project) for leg in merge(by_project[project_id])]


def _relieve(draft: Draft, statement: StatementState, relief: _Relief) -> None:
    entry = draft.entry(relief.entry.entry_id)
    assert entry is not None, "the entry was read for its relief"
    issued = issued_on(entry, statement.contract_id, relief.listed.line_id)
    assert issued is not None, "the statement issued the entry"
    now = invoiced_to(issued, statement.bill_to, relief.listed.amount, relief.ledger_amount)
    others = tuple(one for one in entry.issued if one is not issued)
    draft.put_entry(entry, replace(entry, issued=(*others, now)))
