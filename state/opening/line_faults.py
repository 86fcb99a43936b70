"""What is wrong with the balances of a line by its terms: amounts, caps, bill-tos, milestones, and rows that these leave no place for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from domain.billing.shares import parties_of
from domain.contract import included_id
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import Deposit, Milestones
from domain.exceptions import UNKNOWN
from domain.money import format_amount
from domain.receivables.opening import unlike_the_line
from domain.refusals import UNSUPPORTED, words_of
from domain.terms import methods
from domain.terms.kind import NO_REVENUE, WITH_INVOICE
from state.books import Acceptance, BroughtForward
from state.draft import Draft
from state.opening.stated import DIFFERS, SHARED, OpeningFault, Stated, former_terms, row_of
from state.terms.opening import IN_BALANCES


def faults_of_line(draft: Draft, stated: Stated, as_of: date) -> Iterator[OpeningFault]:
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


def faults_of_milestones(draft: Draft, known: BroughtForward, stated: Stated) -> Iterator[OpeningFault]:
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
    yield from _not_accepted(stated)


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


def beside_terms(event: BalancesBroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
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
