"""What of a payment is on 1120 and may be applied to invoices, and what of it invoices have, each in the payment's currency and as the
ledger carries it.

The engagement in which the payment's unapplied cash was booked watches over how much of it there is, for all engagements; the others know
what their own invoices take. What invoices of another engagement take is Dr 1120 there, so that 1120 of the company is what is left.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from domain.accounts import UNAPPLIED_CASH
from domain.figure import Recorded, later, node_of
from domain.ledger.position import Balance
from domain.ledger.recorded import journal_line
from domain.outputs import ViewUnapplied
from domain.units import Amount
from domain.why import Why
from state.books import CashApplication, Contract, Payment, Project, Receipt
from state.draft import Draft
from state.receivables.cash_record import APPLICATION, elsewhere_at, taken_of, unapplied_at
from state.terms.plan import bill_tos
from state.value import plain

# The list of payments with something unapplied, for views, and how many a view has at most.
INDEX, LISTED = "unapplied", "payment"
SHOWN = 200


def applications_of(draft: Draft, payment: Payment | None) -> Iterator[CashApplication]:
    """Those that are posted, in the order in which they were."""
    for application_id in payment.applications if payment is not None else ():
        yield draft.part(APPLICATION, application_id)


def is_home(payment: Payment | None) -> bool:
    """Whether its unapplied cash is booked in this engagement."""
    if payment is None or payment.event is None:
        return False
    named = payment.event.applications
    return payment.own is None or not named or named[0].invoice_id in payment.own


def unapplied(draft: Draft, payment: Payment) -> dict[str, Amount]:
    """By company; what other engagements took is of the company of the first journal."""
    found: Counter[str] = Counter()
    for receipt in _receipts(draft, payment):
        found[receipt.legal_entity_id] += unapplied_balance(receipt, draft.why)[0]
    if payment.receipts:
        found[payment.receipts[0].legal_entity_id] -= sum(
            _elsewhere(draft, each) for each in applications_of(draft, payment)
        )
    return dict(found)


def _elsewhere(draft: Draft, known: CashApplication) -> Amount:
    if draft.why is None:
        return known.elsewhere
    return later(known.elsewhere, draft.why.figure, elsewhere_at(known.event.application_id))


def remember(draft: Draft, payment_id: str) -> None:
    """The payment is listed as long as something of it is unapplied, and views of its customer's projects go out again."""
    payment: Payment | None = draft.part("payment", payment_id)
    if payment is None or payment.event is None:
        return
    had = _listed(draft)
    by_company = {} if payment.is_reversed or not is_home(payment) else unapplied(draft, payment)
    left = any(by_company.values())
    if draft.why is not None:
        for legal_entity_id, amount in by_company.items():
            node = node_of(amount, "unapplied", currency=payment.event.currency)
            draft.why.record(unapplied_at(payment_id, legal_entity_id), amount, node)
    if not left and payment_id not in had:
        return
    now = {*had, payment_id} if left else {each for each in had if each != payment_id}
    draft.put("index", INDEX, {LISTED: tuple(sorted(now))} if now else None)
    for contract in draft.contracts():
        if contract.history and payment.event.customer_id in customers_of(draft, contract):
            _show_again(draft, contract)


def customers_of(draft: Draft, contract: Contract) -> set[str]:
    """Whose cash settles invoices of the contract: its customer, who is billed, and what they belong to."""
    named = {contract.terms.customer_id, *bill_tos(contract)}
    return named.union(*(draft.reference.customer_chain(each) for each in named))


def unapplied_of(draft: Draft, contracts: Iterable[Contract]) -> tuple[ViewUnapplied, ...]:
    """Cash of the customers of these, by payment."""
    listed = _listed(draft)
    customers = set().union(*(customers_of(draft, contract) for contract in contracts)) if listed else set()
    found: list[ViewUnapplied] = []
    for payment_id in listed:
        payment: Payment = draft.part("payment", payment_id)
        event = payment.event
        if event is not None and event.customer_id in customers:
            found += [
                ViewUnapplied(payment_id, event.customer_id, legal_entity_id, event.currency, plain(amount))
                for legal_entity_id, amount in unapplied(draft, payment).items()
                if amount
            ]
    return tuple(found[:SHOWN])


def _listed(draft: Draft) -> tuple[str, ...]:
    found: dict[str, tuple[str, ...]] = draft.part("index", INDEX) or {}
    return found.get(LISTED, ())


def _show_again(draft: Draft, contract: Contract) -> None:
    for project_id in draft.projects_of(contract.contract_id):
        known: Project | None = draft.part("project", project_id)
        if known is not None and not known.changed:
            draft.put_project(replace(known, changed=True))


def carried(draft: Draft, payment: Payment | None, legal_entity_id: str) -> Balance:
    """On 1120 of the company, by journals of this engagement."""
    receipts = _receipts(draft, payment)
    return _summed(
        unapplied_balance(receipt, draft.why) for receipt in receipts if receipt.legal_entity_id == legal_entity_id
    )


def unapplied_balance(receipt: Receipt, why: Why | None = None) -> Balance:
    """Of a journal on 1120, credit positive."""
    amount, ledger = _summed(
        _posted(why, receipt, number, (leg.amount, leg.ledger_amount))
        for number, (_, leg) in enumerate(receipt.lines, 1)
        if leg.account == UNAPPLIED_CASH
    )
    return -amount, -ledger


def _posted(why: Why | None, receipt: Receipt, number: int, amounts: Balance) -> Balance:
    if why is None:
        return amounts
    currencies = receipt.currency, receipt.ledger_currency
    amount, ledger = map(Recorded, journal_line(receipt.journal_id, number, amounts, currencies))
    return amount, ledger


def held_of(draft: Draft, payment: Payment | None, invoice_id: str) -> Balance:
    """What the payment has settled of an invoice, and not taken off again."""
    taken = [*taken_of(draft.why, payment)] if payment is not None else []
    taken += [one for each in applications_of(draft, payment) for one in taken_of(draft.why, each)]
    return _summed((amount, ledger) for named, amount, ledger in taken if named == invoice_id)


def booked_as(payment: Payment | None, legal_entity_id: str) -> Receipt | None:
    """The payment's first journal in a company."""
    receipts = payment.receipts if payment is not None else ()
    return next((receipt for receipt in receipts if receipt.legal_entity_id == legal_entity_id), None)


def _receipts(draft: Draft, payment: Payment | None) -> Iterator[Receipt]:
    if payment is not None:
        yield from payment.receipts
    for each in applications_of(draft, payment):
        yield from each.receipts


def _summed(balances: Iterable[Balance]) -> Balance:
    found = list(balances)
    return sum(amount for amount, _ in found), sum(ledger for _, ledger in found)
