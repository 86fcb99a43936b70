"""What is wrong with balances that are to be brought forward, all of it at once: line, field, figures, and what to do.

Nothing of balances with a fault is in the books.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from domain.billing.shares import parties_of, shared
from domain.contract import category_of, held, included_id
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, Deposit, Expenses, Milestones, ReceivableForward
from domain.identity import composed
from domain.money import format_amount, format_decimal
from domain.receivables.opening import owed_and_settled, parts_of_payers, unlike_the_line
from domain.reference.exchange import MissingRate
from domain.reference.zones import midnight
from domain.refusals import UNSUPPORTED, words_of
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.units import HOURS_SCALE
from domain.waiting import waits_for_exchange_rate
from state.books import Acceptance, BroughtForward, Contract, Receivable, RetentionAccount, Work
from state.draft import Draft
from state.terms.known import exchange_on, period
from state.terms.opening import IN_BALANCES
from state.terms.periods import zone_of
from state.terms.plan import LinePlan, contract_policies, line_plan, newest_plan, versions
from state.work.exchange_waits import EXCHANGE_FAULTS, NO_RATE, is_of_day, may_come_nearer, only_older
from state.work.placing import taken_projects

DIFFERS = "balances_differ"
UNKNOWN = "unknown_reference"
CLOSED = "period_closed_no_open_period"
# Before the id of a shared cap.
SHARED = "shared:"
DAY = timedelta(days=1)
# Entries that a message names.
NAMED_MOST = 5


class OpeningFault(NamedTuple):
    """`waits` are the keys of what would mend it; `settles_in` is the zone whose day's end mends it, whatever comes."""

    category: str
    message: str
    field: str
    contract_id: str | None = None
    waits: tuple[tuple[str, str], ...] = ()
    settles_in: str | None = None


class Stated(NamedTuple):
    """The balances of a line that is known."""

    place: int
    balance: BalanceForward
    contract: Contract
    plan: LinePlan


def stated_lines(draft: Draft, event: BalancesBroughtForward) -> tuple[Stated, ...]:
    """Those of the event's lines that are in force, in its order."""
    found = []
    for place, balance in enumerate(event.lines):
        named = _contracts(draft, event, balance)
        plan = newest_plan(draft, named[0], balance.line_id) if len(named) == 1 else None
        if plan is not None:
            found.append(Stated(place, balance, named[0], plan))
    return tuple(found)


def faults_of(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event = known.event
    yield from _unknown(draft, event)
    stated = stated_lines(draft, event)
    yield from _twice(event)
    yield from _work_before(draft, event)
    yield from _released_since(draft, known)
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = [one for one in stated if one.contract.contract_id == contract_id]
        yield from _of_contract(draft, known, own)
    if any(one.balance.ledger is None for one in stated) and any(one.balance.ledger is not None for one in stated):
        without = ", ".join(one.balance.line_id for one in stated if one.balance.ledger is None)
        yield OpeningFault(
            DIFFERS, f"expected ledger of every line or of none, line {without} has none", "lines.ledger"
        )
    for one in stated:
        yield from _of_line(draft, one, event.as_of)
        yield from _milestones(draft, known, one)
    yield from _invoices(draft, known)
    yield from _invoiced(event, stated)
    yield from _entries(event, stated)


def former_terms(draft: Draft, stated: Stated, as_of: date) -> tuple[LinePlan, date] | None:
    """The terms of another kind that held before those of the line, with their last day, where the line has revenue of theirs: it earns as
    it is billed by now, and has earned more than was billed."""
    balance, contract = stated.balance, stated.contract
    if stated.plan.timing != WITH_INVOICE or balance.revenue <= balance.billed:
        return None
    before = date.max
    for version, since in reversed(held(versions(contract), balance.line_id)):
        plan = line_plan(draft, contract, version.number, balance.line_id)
        if plan is not None and plan.timing not in (WITH_INVOICE, OVER_TIME, NO_REVENUE) and before > since:
            return plan, min(before - DAY, as_of)
        before = since
    return None


def is_of_whole_line(cap_id: str, line_id: str) -> bool:
    """Whether all work on the line takes room of the cap, not expenses of a category or hours that are included."""
    return category_of(cap_id, line_id) is None and cap_id != included_id(line_id)


def _invoiced(event: BalancesBroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    """What open invoices bill of lines: of each line once, and of all lines together what the invoice has. Of a paid one what it gave back,
    where one bill-to has all; a deposit is not given back, but set against others."""
    sums = Counter[str]()
    for one in stated:
        contract_id, listed = (
            one.contract.contract_id,
            [(each.invoice_id, each.entry_id) for each in one.balance.invoiced],
        )
        known = {each.invoice_id for each in event.receivables if each.contract_id in (None, contract_id)}
        others = {each.invoice_id for each in event.receivables} - known
        gives_back = len(one.contract.terms.bill_to) <= 1 and one.plan.timing != NO_REVENUE
        for number, each in enumerate(one.balance.invoiced):
            sums[each.invoice_id] += each.amount
            message = ""
            if each.invoice_id not in known and (each.amount > 0 or not gives_back or each.invoice_id in others):
                message = (
                    f"expected one of the contract's open invoices, {', '.join(sorted(known)) or 'none'}, got another"
                )
            elif (each.invoice_id, each.entry_id) in listed[:number]:
                message = "expected once, stated twice"
            elif each.entry_id is not None and (each.invoice_id, None) in listed:
                message = (
                    f"expected the line as one amount or entry by entry, got both, entry {each.entry_id} beside it"
                )
            elif not each.amount:
                message = f"expected another amount than 0, got {format_amount(each.amount)}"
            elif each.ledger_revenue is not None and one.plan.currency == one.plan.entity.currency:
                message = f"ledger_revenue: expected none, as the contract is in {one.plan.currency} like the ledger"
            elif each.ledger_revenue is not None and each.invoice_id not in known:
                message = "ledger_revenue: expected none, as the invoice is paid"
            if message:
                of = f"line {one.balance.line_id}: invoice {each.invoice_id}{row_of(each.source_row)}"
                yield OpeningFault(DIFFERS, f"{of}: {message}", f"lines[{one.place}].invoiced[{number}]", contract_id)
    for place, bill in enumerate(event.receivables):
        if bill.invoice_id in sums and sums[bill.invoice_id] != bill.net + bill.retention:
            whole, got = format_amount(bill.net + bill.retention), format_amount(sums[bill.invoice_id])
            of = f"invoice {bill.invoice_id}{row_of(bill.source_row)}"
            message = f"{of}: expected lines that come to {whole}, its net and retention, got {got}"
            yield OpeningFault(DIFFERS, message, f"receivables[{place}].net", bill.contract_id)


def _entries(event: BalancesBroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    """Each entry of unbilled work once, above zero or over a cap, of a day up to that of the balances; together no more over caps than the
    line."""
    for one in stated:
        listed = [each.entry_id for each in one.balance.entries]
        for number, each in enumerate(one.balance.entries):
            message = ""
            if each.entry_id in listed[:number]:
                message = "expected once, stated twice"
            elif (
                min(each.amount, each.over_cap) < 0
                or not each.amount + each.over_cap
                or min(each.hours, each.over_cap_hours) < 0
            ):
                got = f"{format_amount(each.amount)} and {format_decimal(each.hours, HOURS_SCALE)} h"
                got += f", over a cap {format_amount(each.over_cap)} and {format_decimal(each.over_cap_hours, HOURS_SCALE)} h"
                message = f"expected an amount above 0, to be billed or over a cap, and hours of 0 or more, got {got}"
            elif each.worked_on > event.as_of:
                message = f"worked_on: expected {event.as_of} or before, got {each.worked_on}"
            elif (each.person_id is None) != (each.rate is None):
                got = "a rate" if each.person_id is None else f"person {each.person_id}"
                message = f"expected the person who worked and the rate, or neither, got {got} alone"
            elif each.category is not None and not isinstance(one.plan.line.terms, Expenses):
                message = f"category: expected none on a line whose terms are not for expenses, got {each.category}"
            if message:
                of = f"line {one.balance.line_id}: entry {each.entry_id}{row_of(each.source_row)}"
                at = f"lines[{one.place}].entries[{number}]"
                yield OpeningFault(DIFFERS, f"{of}: {message}", at, one.contract.contract_id)
        if (over := sum(each.over_cap for each in one.balance.entries)) > one.balance.over_cap:
            most, got = format_amount(one.balance.over_cap), format_amount(over)
            message = (
                f"line {one.balance.line_id}: over_cap of entries: expected at most {most}, as the line has, got {got}"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{one.place}].entries", one.contract.contract_id)


def is_stated(opened: Receivable) -> bool:
    """Not what stands for all that was paid."""
    return opened.invoiced_on is not None


def row_of(source_row: str | None) -> str:
    """Where the source states it, in brackets."""
    return f" ({source_row})" if source_row is not None else ""


def _contracts(draft: Draft, event: BalancesBroughtForward, balance: BalanceForward) -> list[Contract]:
    """Contracts in force that have the line, in the project of the event."""
    found = []
    for contract_id in taken_projects(draft).get(event.project_id, ()):
        contract = draft.contract(contract_id)
        if contract is None or not contract.in_force or balance.contract_id not in (None, contract_id):
            continue
        plan = newest_plan(draft, contract, balance.line_id)
        if plan is not None and plan.line.project_id == event.project_id:
            found.append(contract)
    return found


def _unknown(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    for place, balance in enumerate(event.lines):
        named = _contracts(draft, event, balance)
        if len(named) == 1:
            continue
        of = f" of contract {balance.contract_id}" if balance.contract_id is not None else ""
        what = f"line {balance.line_id}{of}{row_of(balance.source_row)}"
        if named:
            several = ", ".join(contract.contract_id for contract in named)
            message = f"{what}: expected the contract, as {several} of project {event.project_id} have such a line"
            yield OpeningFault(UNKNOWN, message, f"lines[{place}].contract_id")
            continue
        known = taken_projects(draft).get(event.project_id, ())
        has = f"contracts {', '.join(known)} have none" if known else "it has no contract"
        message = f"{what}: expected a line in force of project {event.project_id}, {has}"
        yield OpeningFault(UNKNOWN, message, f"lines[{place}].line_id", balance.contract_id)


def _twice(event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    lines = Counter((one.contract_id, one.line_id) for one in event.lines)
    for (_, line_id), number in lines.items():
        if number > 1:
            yield OpeningFault(DIFFERS, f"line {line_id}: expected once, stated {number} times", "lines")
    milestones = Counter((each.milestone_id) for one in event.lines for each in one.milestones)
    for milestone_id, number in milestones.items():
        if number > 1:
            message = f"milestone {milestone_id}: expected once, stated {number} times"
            yield OpeningFault(DIFFERS, message, "lines.milestones")
    for invoice_id, number in Counter(one.invoice_id for one in event.receivables).items():
        if number > 1:
            yield OpeningFault(DIFFERS, f"invoice {invoice_id}: expected once, stated {number} times", "receivables")


def _work_before(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    """Work that is in the books and in the balances would count twice; what waits whole is not in them."""
    standing = ((entry.entry_id, entry.standing) for entry in draft.everything())
    found = sorted(
        entry_id
        for entry_id, work in standing
        if work is not None
        and (work.cost is not None or work.price is not None)
        and _is_work(work, event)
        and _day_of(work) <= event.as_of.isoformat()
    )
    if found:
        more = f" and {len(found) - NAMED_MOST} more" if len(found) > NAMED_MOST else ""
        message = (
            f"project {event.project_id} has {len(found)} entries of days until {event.as_of} here: "
            f"{', '.join(found[:NAMED_MOST])}{more}; withdraw them, or state balances of an earlier day"
        )
        yield OpeningFault(IN_BALANCES, message, "as_of")
    for statement_id in draft.ids("statement"):
        statement = draft.statement(statement_id)
        if statement is None or statement.sequence <= 0 or statement.period > event.as_of or not event.lines:
            continue
        if statement.contract_id in taken_projects(draft).get(event.project_id, ()) and statement.to <= event.as_of:
            billed = f"{format_amount(statement.amount_due, statement.currency)} {statement.currency}"
            message = (
                f"project {event.project_id}: statement {statement_id} over {billed} was issued here for days until "
                f"{statement.to - DAY}, which the balances include: a run came before them; begin again in new folders, with contracts and "
                "balances before the first run, or state balances of an earlier day"
            )
            yield OpeningFault(IN_BALANCES, message, "as_of", statement.contract_id)


def _released_since(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    """What bills of an earlier load retained, and was released or credited here since, cannot be loaded again."""
    for made in known.statements:
        state = draft.statement(made)
        if state is None or not state.retention:
            continue
        account: RetentionAccount | None = draft.part("retention", composed(state.contract_id, state.bill_to))
        left = sum(one.left for one in account.withheld if one.statement_id == made) if account is not None else 0
        kept = sum(amount for withheld_by, _, amount in state.retention if withheld_by == made)
        if left != kept:
            gone, currency = format_amount(kept - left, state.currency), state.currency
            message = (
                f"contract {state.contract_id}: of what invoice {state.invoice_id or made} retained {gone} {currency} left it here since, "
                "so that its balances stay as they are; send what is missing as facts of today: hours and cost as time and expenses "
                "that are not billable, what was billed too much as a credit memo"
            )
            yield OpeningFault(IN_BALANCES, message, "lines.retention", state.contract_id)


def _is_work(work: Work, event: BalancesBroughtForward) -> bool:
    charge = work.charge
    if charge is not None and charge.kind not in ("expense", "delivery"):
        return False
    return work.project_id == event.project_id


def _day_of(work: Work) -> str:
    side = work.price or work.cost
    if side is not None:
        return side.day.isoformat()
    if work.charge is not None:
        return work.charge.day.isoformat()
    worked_on = work.event.worked_on
    return worked_on.isoformat() if worked_on is not None else "9999"


def _of_contract(draft: Draft, known: BroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    event, contract = known.event, stated[0].contract
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    if entity is None:
        return
    own = period(draft, entity, event.as_of)
    if own.name in draft.reference.closed_periods(entity.legal_entity_id):
        message = (
            f"accounting period {own.name} of {entity.legal_entity_id} is closed, expected an open one on {event.as_of}"
        )
        reopened = (("period", entity.legal_entity_id),)
        yield OpeningFault(CLOSED, message, "as_of", contract.contract_id, waits=reopened)
    policies = contract_policies(draft, contract)
    exchange = exchange_on(draft, policies, terms.currency, entity.currency, event.as_of, event.as_of)
    staleness = policies.rate_staleness_days
    waits = waits_for_exchange_rate(terms.currency, entity.currency, entity.legal_entity_id, {event.as_of}, staleness)
    if isinstance(exchange, MissingRate):
        yield OpeningFault(exchange.category, exchange.message, "as_of", contract.contract_id, waits=waits)
    else:
        zone = _ends_first(draft, event, entity.zone)
        is_running = draft.cause.recorded_at < midnight(event.as_of + DAY, zone)
        has_waited = known.category in EXCHANGE_FAULTS
        if not is_of_day(exchange, event.as_of) and (is_running or (has_waited and may_come_nearer(draft, zone))):
            category = known.category if has_waited else NO_RATE
            message = only_older(terms.currency, entity.currency, event.as_of)
            yield OpeningFault(category, message, "as_of", contract.contract_id, waits, zone)
    yield from _sums(event, contract, stated)


def _ends_first(draft: Draft, event: BalancesBroughtForward, zone: str) -> str:
    """The company's zone, or that of a contract whose day ends earlier, so that none is billed without its balances."""
    zones = {zone, *(zone_of(draft, one.contract) for one in stated_lines(draft, event))}
    return min(zones, key=lambda one: (midnight(event.as_of + DAY, one), one))


def _sums(event: BalancesBroughtForward, contract: Contract, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    """Billed and tax, less what was kept back or set against it, is paid, given up or open: of all bill-tos, and of each."""
    lines = [one.balance for one in stated]
    own = [one for one in event.receivables if one.contract_id in (None, contract.contract_id)]
    whole = list(_sum(contract, stated, lines, own, ""))
    yield from whole
    parties = parties_of(contract.terms)
    if len(parties) == 1 or whole:
        return
    share = partial(shared, parties=parties, currency=contract.terms.currency)
    parts = [parts_of_payers(one, parties, share) for one in lines]
    for place, party in enumerate(parties):
        of_payer = [one for one in own if one.bill_to == party.customer_id]
        yield from _sum(contract, stated, [part[place] for part in parts], of_payer, party.customer_id)


def _sum(
    contract: Contract,
    stated: Sequence[Stated],
    lines: Sequence[BalanceForward],
    own: Sequence[ReceivableForward],
    bill_to: str,
) -> Iterator[OpeningFault]:
    """`lines` are what the bill-to has of them, where one is named; what it paid has to be stated where its parts are."""
    currency, contract_id = contract.terms.currency, contract.contract_id
    of = f"{contract_id}, bill-to {bill_to}" if bill_to else contract_id
    deposits = {one.balance.line_id for one in stated if one.plan.timing == NO_REVENUE}
    found = owed_and_settled(lines, deposits, own)
    net = found.billed - found.deposits_used
    beyond = sum(one.net + one.retention for one in own) - net, sum(one.tax for one in own) - found.tax
    retained, kept = sum(one.retention for one in own), sum(one.retention for one in lines)
    if retained > kept:
        most, got = format_amount(kept, currency), format_amount(retained, currency)
        message = f"contract {of}: retention of its open invoices: expected at most {most}, as its lines have it, got {got} {currency}"
        yield OpeningFault(DIFFERS, message, "receivables", contract_id)
    if max(beyond) > 0:
        what, whole = ("net", net) if beyond[0] > 0 else ("tax", found.tax)
        most, got = format_amount(whole, currency), format_amount(whole + max(beyond), currency)
        message = (
            f"contract {of}: {what} of its open invoices: expected at most {most}, as billed, got {got} {currency}"
        )
        yield OpeningFault(DIFFERS, message, "receivables", contract_id)
    is_stated_by_payer = any(one.balance.payers for one in stated)
    if found.difference if not bill_to or is_stated_by_payer else found.open > found.unpaid_most:
        rows = "".join(row_of(one.source_row) for one in lines)
        yield OpeningFault(DIFFERS, f"{found.sentence(of, currency)}{rows}", "lines", contract_id)


def _of_line(draft: Draft, stated: Stated, as_of: date) -> Iterator[OpeningFault]:
    balance, plan = stated.balance, stated.plan
    currency, at = plan.currency, f"lines[{stated.place}]"
    of = f"line {balance.line_id}{row_of(balance.source_row)}"

    def fault(field: str, message: str) -> OpeningFault:
        contract_id = stated.contract.contract_id
        return OpeningFault(DIFFERS, f"{of}: {message}", f"{at}.{field}", contract_id)

    terms, what = stated.contract.terms, ""
    if terms.funding is not None or balance.funding:
        what = "funding"
    if what:
        contract_id = stated.contract.contract_id
        words = words_of("balances_in_parts", line=balance.line_id, contract=contract_id, what=what)
        yield OpeningFault(UNSUPPORTED, f"{words}{row_of(balance.source_row)}", at, contract_id)
    if not 0 <= balance.expenses <= max(balance.cost, 0):
        cost, spent = format_amount(balance.cost), format_amount(balance.expenses)
        yield fault("expenses", f"expected 0 to the cost of {cost}, got {spent}")
    is_of_former = former_terms(draft, stated, as_of) is not None
    if plan.timing == WITH_INVOICE and balance.revenue != balance.billed and not is_of_former:
        revenue, billed = format_amount(balance.revenue, currency), format_amount(balance.billed, currency)
        yield fault(
            "revenue",
            f"it earns as it is billed: expected {billed}, as billed, got {revenue} {currency}",
        )
    if balance.unbilled and (plan.timing != WITH_INVOICE or is_of_former):
        got = format_amount(balance.unbilled, currency)
        yield fault(
            "unbilled", f"it does not earn as it is billed: expected 0, as revenue less billed says it, got {got}"
        )
    for name in ("billed", "paid", "tax", "retention", "deposit", "written_off", "over_cap", "cap_used", "unbilled"):
        if (amount := getattr(balance, name)) < 0:
            yield fault(name, f"expected 0 or more, got {format_amount(amount, currency)} {currency}")
    yield from _caps(stated, fault)
    yield from _payers(stated, fault)
    if isinstance(plan.line.terms, Deposit):
        due = plan.line.terms.amount if plan.line.terms.due_on <= as_of else 0
        if balance.billed not in (0, due):
            whole, billed = format_amount(due, currency), format_amount(balance.billed, currency)
            yield fault(
                "billed", f"of the deposit {whole} is due by {as_of}: expected that or 0, got {billed} {currency}"
            )
        if balance.deposit > balance.billed:
            billed, left = format_amount(balance.billed, currency), format_amount(balance.deposit, currency)
            yield fault("deposit", f"expected at most the {billed} that were billed, got {left} {currency}")
        if balance.revenue or balance.cost or balance.hours:
            yield fault(
                "revenue", "a deposit has neither revenue nor cost nor hours; state them on the line of the work"
            )
    if balance.deposit and plan.timing != NO_REVENUE:
        yield fault(
            "deposit", f"it is no deposit: expected 0, got {format_amount(balance.deposit, currency)} {currency}"
        )


def _caps(stated: Stated, fault: Callable[[str, str], OpeningFault]) -> Iterator[OpeningFault]:
    caps = stated.balance.caps
    known = {rule.cap_id for rule in stated.plan.every_rule}
    known |= {cap_id.removeprefix(SHARED) for cap_id in known}
    if isinstance(stated.plan.line.terms, Milestones) and stated.plan.draws is not None:
        known.add(included_id(stated.balance.line_id))
    for cap in caps:
        if cap.cap_id not in known:
            yield fault("caps", f"cap {cap.cap_id} is unknown, the line has {', '.join(sorted(known)) or 'none'}")


def _payers(stated: Stated, fault: Callable[[str, str], OpeningFault]) -> Iterator[OpeningFault]:
    """They are bill-tos of the contract, each once, and together have what the line has."""
    balance, currency = stated.balance, stated.plan.currency
    may = sorted(party.customer_id for party in parties_of(stated.contract.terms))
    for customer_id, number in Counter(each.customer_id for each in balance.payers).items():
        if customer_id not in may:
            yield fault("payers", f"expected a bill-to of the contract, {', '.join(may)}, got {customer_id}")
        elif number > 1:
            yield fault("payers", f"bill-to {customer_id}: expected once, stated {number} times")
    for name, whole, parts in unlike_the_line(balance):
        expected, got = format_amount(whole, currency), format_amount(parts, currency)
        yield fault(
            f"payers.{name}", f"{name} of its bill-tos: expected {expected}, as of the line, got {got} {currency}"
        )


def _milestones(draft: Draft, known: BroughtForward, stated: Stated) -> Iterator[OpeningFault]:
    terms, event = stated.plan.line.terms, known.event
    listed = {each.milestone_id for each in terms.milestones} if isinstance(terms, Milestones) else set()
    for each in stated.balance.milestones:
        field = f"lines[{stated.place}].milestones"
        of = f"line {stated.balance.line_id}{row_of(stated.balance.source_row)}"
        if each.milestone_id not in listed:
            names = ", ".join(sorted(listed)) or "none"
            message = f"{of}: milestone {each.milestone_id} is unknown, the line has {names}"
            yield OpeningFault(UNKNOWN, message, field, stated.contract.contract_id)
        fact: Acceptance | None = draft.part("milestone", each.milestone_id)
        if fact is not None and fact.accepted_on is not None and each.milestone_id not in known.milestones:
            message = f"{of}: milestone {each.milestone_id} was accepted here on {fact.accepted_on}, too"
            yield OpeningFault(IN_BALANCES, message, field, stated.contract.contract_id)
        if each.accepted_on > event.as_of:
            message = f"{of}: milestone {each.milestone_id}: expected a day until {event.as_of}, got {each.accepted_on}"
            yield OpeningFault(DIFFERS, message, field, stated.contract.contract_id)


def _invoices(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event, stated = known.event, stated_lines(draft, known.event)
    contracts = {one.contract.contract_id for one in stated}
    payers = {party.customer_id for each in stated for party in parties_of(each.contract.terms)}
    own = {one.invoice_id for one in known.receivables}
    for place, one in enumerate(event.receivables):
        of, at = f"invoice {one.invoice_id}{row_of(one.source_row)}", f"receivables[{place}]"
        gross = one.net + one.tax
        if one.contract_id not in contracts and (one.contract_id is not None or len(contracts) > 1):
            message = f"{of}: expected one of the contracts of the lines, {', '.join(sorted(contracts)) or 'none'}, got {one.contract_id}"
            yield OpeningFault(UNKNOWN, message, f"{at}.contract_id", one.contract_id)
        if one.bill_to is not None and one.bill_to not in payers:
            message = f"{of}: expected a bill-to of the contract, {', '.join(sorted(payers))}, got {one.bill_to}"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
        if one.bill_to is None and len(payers) > 1:
            message = f"{of}: expected the bill-to that it was sent to, one of {', '.join(sorted(payers))}, got none"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
        if not min(gross, 0) <= one.open <= max(gross, 0) or not (one.open or one.retention):
            got = format_amount(one.open)
            message = f"{of}: expected open of more than 0, or retention, and at most {format_amount(gross)}, got {got}"
            yield OpeningFault(DIFFERS, message, f"{at}.open", one.contract_id)
        if one.retention < 0 or (one.retention and one.net < 0):
            kept = format_amount(one.retention)
            message = f"{of}: expected a retention of 0 or more, and none of an invoice that gives back, got {kept}"
            yield OpeningFault(DIFFERS, message, f"{at}.retention", one.contract_id)
        if one.invoiced_on > event.as_of:
            message = f"{of}: expected a day until {event.as_of}, got {one.invoiced_on}"
            yield OpeningFault(DIFFERS, message, f"{at}.invoiced_on", one.contract_id)
        found: Receivable | None = draft.part("receivable", one.invoice_id)
        if found is not None and one.invoice_id not in own:
            message = f"{of}: it is posted here for statement {found.statement_id} already"
            yield OpeningFault(IN_BALANCES, message, f"{at}.invoice_id", one.contract_id)
    named = {one.invoice_id for one in event.receivables}
    for opened in known.receivables:
        now: Receivable | None = draft.part("receivable", opened.invoice_id)
        if now is not None and now != opened and now.invoice_id not in named and is_stated(opened):
            message = f"invoice {opened.invoice_id}: it was paid or credited here since, so that it has to stay in the balances"
            yield OpeningFault(DIFFERS, message, "receivables", opened.contract_id)
