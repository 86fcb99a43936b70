"""What stands of a deposit, and at what ledger amount: what was invoiced of all rows of its line, and what was kept of it.

What leaves a deposit leaves it as it is carried, at the exchange rate of its own invoice (IFRIC 22), whether it is set against a statement,
given back or kept.

    500.00 invoiced at 0.90 are carried at 450.00; 200.00 of them leave it at 180.00, the other 300.00 at 270.00
"""

from collections.abc import Sequence

from domain.accounts import CONTRACT_LIABILITY, CUSTOMER_DEPOSIT
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, relieved
from domain.reference.exchange import Exchange
from domain.terms.deposit import DEPOSIT
from domain.terms.kind import NO_REVENUE
from domain.units import Amount
from domain.work.rows import fee_row
from state.books import Contract, Entry, Issued
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.terms.plan import LinePlan, plan_on


def deposit_row(contract_id: str, line_id: str) -> str:
    return fee_row(contract_id, line_id, DEPOSIT)


def is_deposit(draft: Draft, contract: Contract, issued: Issued) -> bool:
    if issued.account not in (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT):
        return False
    plan = plan_on(draft, contract, issued.day, issued.line_id)
    return plan is not None and plan.timing == NO_REVENUE


def balance(draft: Draft, contract_id: str, line_id: str, account: str, without: str = "") -> Balance:
    """On the account, in contract and in ledger currency, debit positive; `without` what the journals of a row moved."""
    amount = ledger = 0
    for entry in rows_of(draft, contract_id, line_id):
        for issued in entry.issued:
            if (issued.contract_id, issued.line_id, issued.account) == (contract_id, line_id, account):
                amount, ledger = amount - issued.invoiced, ledger - issued.invoiced_ledger
        journals = entry.standing.journals if entry.standing is not None and entry.entry_id != without else ()
        for line in (line for journal in journals for line in journal.lines if line.account == account):
            amount, ledger = amount + line.amount, ledger + line.ledger_amount
    return amount, ledger


def rows_of(draft: Draft, contract_id: str, line_id: str) -> list[Entry]:
    contract = draft.contract_in_books(contract_id)
    found = (draft.entry(row) for row in line_fees(draft, contract, line_id).rows)
    return [entry for entry in found if entry is not None]


def kept(plan: LinePlan, had: Balance, pairs: Sequence[tuple[str, str, Amount]], exchange: Exchange) -> tuple[Leg, ...]:
    """Lines of what is kept: from the deposit as it is carried, which is the revenue."""
    (account, purpose, amount), (revenue, _, _) = pairs
    ledger = -relieved(-amount, had, exchange, plan.entity.currency, plan.policies.money_mode)
    return Leg(account, purpose, amount, ledger), Leg(revenue, purpose, -amount, -ledger)
