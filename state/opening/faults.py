"""What is wrong with balances that are to be brought forward, all of it at once; nothing of balances with a fault is in the books.

First what of their days is in the books already, so that it would count twice; then contracts: their period, their exchange rate and their
sums; then lines by their terms, and rows that these leave no place for.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from domain.billing.shares import parties_of, shared
from domain.contract import included_id
from domain.counting import counted
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, Deposit, Milestones, ReceivableForward
from domain.exceptions import UNKNOWN
from domain.identity import composed
from domain.money import format_amount
from domain.receivables.opening import owed_and_settled, parts_of_payers, unlike_the_line
from domain.receivables.stated import StatedLine, stated_faults
from domain.reference.exchange import MISSING_RATE, NO_RATE, STALE_RATE, MissingRate
from domain.reference.zones import midnight
from domain.refusals import UNSUPPORTED, words_of
from domain.terms import methods
from domain.terms.kind import NO_REVENUE, WITH_INVOICE
from domain.units import Amount
from domain.waiting import waits_for_exchange_rate
from domain.work.rows import fee_row
from state.books import Acceptance, BroughtForward, Contract, Receivable, RetentionAccount, Work
from state.draft import Draft
from state.opening.stated import (
    DIFFERS,
    SHARED,
    OpeningFault,
    Stated,
    contracts_of,
    former_terms,
    is_stated,
    row_of,
    stated_lines,
)
from state.terms.known import exchange_on, period
from state.terms.opening import IN_BALANCES
from state.terms.periods import zone_of
from state.terms.plan import contract_policies
from state.work.exchange_waits import is_of_day, may_come_nearer, only_older
from state.work.placing import taken_projects

CLOSED: Final = "period_closed_no_open_period"
DAY = timedelta(days=1)
# Entries that a message names.
NAMED_MOST = 5


def faults_of(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event = known.event
    yield from _unknown(draft, event)
    stated = stated_lines(draft, event)
    alone = [
        StatedLine(one.place, one.balance, one.contract.contract_id, one.plan.currency, one.plan.entity.currency)
        for one in stated
    ]
    for each in stated_faults(event, alone):
        message = f"{each.of}{row_of(each.source_row)}: {each.message}"
        yield OpeningFault(DIFFERS, message, each.field, each.contract_id)
    yield from _work_before(draft, known)
    yield from _released_since(draft, known)
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = [one for one in stated if one.contract.contract_id == contract_id]
        yield from _faults_of_contract(draft, known, own)
    for one in stated:
        yield from _faults_of_line(draft, one, event.as_of)
        yield from _faults_of_milestones(draft, known, one)
    yield from _invoices(draft, known)
    yield from _beside_terms(event, stated)


def _unknown(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    for place, balance in enumerate(event.lines):
        named = contracts_of(draft, event, balance)
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


def _invoices(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event, stated = known.event, stated_lines(draft, known.event)
    contracts = {one.contract.contract_id for one in stated}
    payers = {party.customer_id for each in stated for party in parties_of(each.contract.terms)}
    own = {one.invoice_id for one in known.receivables}
    for place, one in enumerate(event.receivables):
        of, at = f"invoice {one.invoice_id}{row_of(one.source_row)}", f"receivables[{place}]"
        if one.contract_id not in contracts and (one.contract_id is not None or len(contracts) > 1):
            those, got = ", ".join(sorted(contracts)) or "none", one.contract_id or "none"
            message = f"{of}: expected one of the contracts of the lines, {those}, got {got}"
            yield OpeningFault(UNKNOWN, message, f"{at}.contract_id", one.contract_id)
        if one.bill_to is not None and one.bill_to not in payers:
            message = f"{of}: expected a bill-to of the contract, {', '.join(sorted(payers))}, got {one.bill_to}"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
        if one.bill_to is None and len(payers) > 1:
            message = f"{of}: expected the bill-to that it was sent to, one of {', '.join(sorted(payers))}, got none"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
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


def _faults_of_contract(draft: Draft, known: BroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
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
        has_waited = known.category in MISSING_RATE
        if not is_of_day(exchange, event.as_of) and (is_running or (has_waited and may_come_nearer(draft, zone))):
            message = only_older(terms.currency, entity.currency, event.as_of)
            yield OpeningFault(
                STALE_RATE if known.category == STALE_RATE else NO_RATE,
                message,
                "as_of",
                contract.contract_id,
                waits,
                zone,
            )
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


def _faults_of_line(draft: Draft, stated: Stated, as_of: date) -> Iterator[OpeningFault]:
    balance, plan, fault = stated.balance, stated.plan, stated.differs
    currency, contract_id = plan.currency, stated.contract.contract_id
    if stated.contract.terms.funding is not None or balance.funding:
        words = words_of("balances_in_parts", line=balance.line_id, contract=contract_id, what="funding")
        yield OpeningFault(UNSUPPORTED, f"{words}{row_of(balance.source_row)}", f"lines[{stated.place}]", contract_id)
    is_of_former = former_terms(draft, stated, as_of) is not None
    if plan.timing == WITH_INVOICE and balance.revenue != balance.billed and not is_of_former:
        revenue, billed = format_amount(balance.revenue, currency), format_amount(balance.billed, currency)
        yield fault("revenue", f"it earns as it is billed: expected {billed}, as billed, got {revenue} {currency}")
    if balance.unbilled and (plan.timing != WITH_INVOICE or is_of_former):
        got = format_amount(balance.unbilled, currency)
        yield fault(
            "unbilled", f"it does not earn as it is billed: expected 0, as revenue less billed says it, got {got}"
        )
    yield from _caps(stated)
    yield from _payers(stated)
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
    own = (line for line in stated.contract.every_line if line.line_id == balance.line_id)
    varies = any(line.variable_consideration for line in own)
    if balance.rebates_given and not varies:
        got = format_amount(balance.rebates_given, currency)
        yield fault(
            "rebates_given", f"no variable part of its price provides for rebates: expected 0, got {got} {currency}"
        )
    elif not 0 <= balance.rebates_given <= max(balance.billed, 0):
        most, got = format_amount(max(balance.billed, 0), currency), format_amount(balance.rebates_given, currency)
        yield fault("rebates_given", f"expected from 0 to the {most} that were billed, got {got} {currency}")
    if balance.deposit and plan.timing != NO_REVENUE:
        yield fault(
            "deposit", f"it is no deposit: expected 0, got {format_amount(balance.deposit, currency)} {currency}"
        )


def _caps(stated: Stated) -> Iterator[OpeningFault]:
    caps = stated.balance.caps
    known = {rule.cap_id for rule in stated.plan.every_rule}
    known |= {cap_id.removeprefix(SHARED) for cap_id in known}
    if isinstance(stated.plan.line.terms, Milestones) and stated.plan.draws is not None:
        known.add(included_id(stated.balance.line_id))
    for cap in caps:
        if cap.cap_id not in known:
            of = f"cap {cap.cap_id}{row_of(cap.source_row)}"
            yield stated.differs("caps", f"{of} is unknown, the line has {', '.join(sorted(known)) or 'none'}")


def _payers(stated: Stated) -> Iterator[OpeningFault]:
    """They are bill-tos of the contract, each once, and together have what the line has."""
    balance, currency = stated.balance, stated.plan.currency
    may = sorted(party.customer_id for party in parties_of(stated.contract.terms))
    for customer_id, number in Counter(each.customer_id for each in balance.payers).items():
        if customer_id not in may:
            yield stated.differs("payers", f"expected a bill-to of the contract, {', '.join(may)}, got {customer_id}")
        elif number > 1:
            yield stated.differs("payers", f"bill-to {customer_id}: expected once, stated {number} times")
    for name, whole, parts in unlike_the_line(balance):
        expected, got = format_amount(whole, currency), format_amount(parts, currency)
        yield stated.differs(
            f"payers.{name}", f"{name} of its bill-tos: expected {expected}, as of the line, got {got} {currency}"
        )


def _faults_of_milestones(draft: Draft, known: BroughtForward, stated: Stated) -> Iterator[OpeningFault]:
    terms = stated.plan.line.terms
    listed = {each.milestone_id for each in terms.milestones} if isinstance(terms, Milestones) else set()
    for each in stated.balance.milestones:
        field = f"lines[{stated.place}].milestones"
        of = f"line {stated.balance.line_id}{row_of(each.source_row or stated.balance.source_row)}"
        if each.milestone_id not in listed:
            names = ", ".join(sorted(listed)) or "none"
            message = f"{of}: milestone {each.milestone_id} is unknown, the line has {names}"
            yield OpeningFault(UNKNOWN, message, field, stated.contract.contract_id)
        fact: Acceptance | None = draft.part("milestone", each.milestone_id)
        if fact is not None and fact.accepted_on is not None and each.milestone_id not in known.milestones:
            message = f"{of}: milestone {each.milestone_id} was accepted here on {fact.accepted_on}, too"
            yield OpeningFault(IN_BALANCES, message, field, stated.contract.contract_id)
        elif known.loaded is None and (billed := _billed_here(draft, stated, each.milestone_id)):
            message = (
                f"{of}: {format_amount(billed, stated.plan.currency)} {stated.plan.currency} of milestone {each.milestone_id} are billed "
                "here, too; the next statement gives them back"
            )
            yield OpeningFault(IN_BALANCES, message, field, stated.contract.contract_id)
    yield from _not_accepted(stated)


def _billed_here(draft: Draft, stated: Stated, milestone_id: str) -> Amount:
    row = fee_row(stated.contract.contract_id, stated.balance.line_id, f"milestone/{milestone_id}")
    entry = draft.entry(row)
    return sum(issued.amount for issued in entry.issued) if entry is not None else 0


def _not_accepted(stated: Stated) -> Iterator[OpeningFault]:
    """Where nothing but milestones is billed, each that was billed is stated; or it would be billed again when it is accepted."""
    line, balance, currency = stated.plan.line, stated.balance, stated.plan.currency
    if not isinstance(line.terms, Milestones) or line.terms.overage_rate is not None or line.variable_consideration:
        return
    if methods.takes(line, "units"):
        return
    prices: dict[str, int] = {}
    for version in stated.contract.history:
        for each in version.terms.lines:
            if each.line_id == line.line_id and isinstance(each.terms, Milestones):
                for one in each.terms.milestones:
                    prices[one.milestone_id] = max(one.amount, prices.get(one.milestone_id, 0))
    accepted = [one.milestone_id for one in balance.milestones]
    most = sum(prices.get(milestone_id, 0) for milestone_id in accepted)
    if balance.billed > most:
        names = ", ".join(accepted) or "none is"
        expected, got = format_amount(most, currency), format_amount(balance.billed, currency)
        message = (
            f"expected at most {expected} {currency} billed, the price of milestones that are stated as accepted ({names}), got {got} "
            f"{currency}; state each that was accepted"
        )
        yield stated.differs("milestones", message)


def _beside_terms(event: BalancesBroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    """What rows of a line state that its contract, or its terms, leave no place for. An invoice that was paid may have given back, where
    one bill-to has all; a deposit is not given back, but set against others."""
    for one in stated:
        currency, found = one.plan.currency, list[tuple[str, str, str]]()
        several, is_open = parties_of(one.contract.terms), {each.invoice_id for each in event.receivables}
        for number, bill in enumerate(one.balance.invoiced):
            message = ""
            gave_back = bill.invoice_id not in is_open and bill.amount < 0
            if gave_back and one.plan.timing == NO_REVENUE:
                message = (
                    "expected none, as a deposit is set against invoices: deposit of the line says what is left of it"
                )
            elif gave_back and len(several) > 1:
                payers = ", ".join(sorted(party.customer_id for party in several))
                message = (
                    f"expected an open invoice, as nothing says to whom of {payers} a paid one gave back; leave out the rows invoiced of "
                    "the contract, and its open invoices bill the newest work"
                )
            elif bill.ledger_revenue is not None and currency == one.plan.entity.currency:
                message = f"ledger_revenue: expected none, as the contract is in {currency} like the ledger"
            elif bill.ledger_revenue is not None and bill.invoice_id not in is_open:
                message = "ledger_revenue: expected none, as the invoice is paid"
            if message:
                found.append((f"invoice {bill.invoice_id}{row_of(bill.source_row)}", f"invoiced[{number}]", message))
        for number, entry in enumerate(one.balance.entries):
            if entry.category is not None and not methods.takes(one.plan.line, "expense"):
                message = f"category: expected none, as the line takes no expenses, got {entry.category}"
                found.append((f"entry {entry.entry_id}{row_of(entry.source_row)}", f"entries[{number}]", message))
        for of, at, message in found:
            whole = f"line {one.balance.line_id}: {of}: {message}"
            yield OpeningFault(DIFFERS, whole, f"lines[{one.place}].{at}", one.contract.contract_id)


def _work_before(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    """Work that is in the books and in the balances would count twice; what waits whole is not in them."""
    event = known.event
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
            f"project {event.project_id} has {counted(len(found), 'entry')} of days until {event.as_of} here: "
            f"{', '.join(found[:NAMED_MOST])}{more}; withdraw {'it' if len(found) == 1 else 'them'}, or state balances of an earlier day"
        )
        yield OpeningFault(IN_BALANCES, message, "as_of")
    for statement_id in draft.ids("statement"):
        statement = draft.statement(statement_id)
        if statement is None or statement.sequence <= 0 or statement.period > event.as_of or not event.lines:
            continue
        bills_before = statement.to <= event.as_of or (known.loaded is None and _bills(draft, statement_id, event))
        if statement.contract_id in taken_projects(draft).get(event.project_id, ()) and bills_before:
            billed = f"{format_amount(statement.amount_due, statement.currency)} {statement.currency}"
            message = (
                f"project {event.project_id}: statement {statement_id} over {billed} was issued here for days until "
                f"{min(statement.to - DAY, event.as_of)}, which the balances include: a run came before them; begin again in new folders, "
                "with contracts and balances before the first run, or state balances of an earlier day"
            )
            yield OpeningFault(IN_BALANCES, message, "as_of", statement.contract_id)


def _bills(draft: Draft, statement_id: str, event: BalancesBroughtForward) -> bool:
    """Whether it has what terms of the project charged of days that the balances include."""
    works = [draft.entry_in_books(one.entry_id).work for one in draft.listed(statement_id)]
    own = [work for work in works if work is not None and work.project_id == event.project_id]
    return any(_day_of(work) <= event.as_of.isoformat() for work in own)


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
