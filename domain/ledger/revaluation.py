"""Revaluation at a period's end (R53 to R56): what is open in another currency, at the period's last rate, less what it is carried at.

Ledger amounts alone move, against 7100; what is carried stays as it was booked, so that what a settlement realises (7110) counts nothing
twice. A period's end posts what is unrealised then, less what revaluation has posted by then. Policy `fx_revaluation`: `reversing` takes
that back on the first day of the next period; `cumulative` leaves it until the next revaluation, and takes back what is settled meanwhile,
in proportion. Where nothing is open any more, what is still carried is unrealised as a whole.

    1,000.00 USD owed, booked at 0.90 (900.00); at the end of June 1 USD is 0.94: Dr 1100 40.00, Cr 7100 40.00
    reversing    on 1 July Dr 7100 40.00, Cr 1100 40.00
    cumulative   400.00 USD are paid in July: Dr 7100 16.00, Cr 1100 16.00; at 0.93 at its end 18.00 of 24.00 are left: 6.00 back
"""

from typing import Final

from domain import capabilities
from domain.accounts import RECEIVABLE, RETENTION_RECEIVABLE, UNAPPLIED_CASH, UNBILLED
from domain.figure import called, carried_at, converted
from domain.ledger.position import Balance
from domain.policies import Resolved
from domain.reference.exchange import Exchange
from domain.units import Amount

# The rule of its journals, before the period; and the purpose of their lines.
RULE: Final = "revaluation/"
REVALUED: Final = "revaluation"
REVERSING, CUMULATIVE = "reversing", "cumulative"
# What is revalued where it is in another currency than the ledger's (R55): what is owed, and balances between companies; what is earned
# and not invoiced, or retained, where policy `unbilled_is_monetary` says so. Never what was paid ahead (IFRIC 22), nor cost.
OWED: Final = (RECEIVABLE, UNAPPLIED_CASH, *capabilities.OWED)
EARNED: Final = (*UNBILLED, RETENTION_RECEIVABLE)
ACCOUNTS: Final = frozenset({*OWED, *EARNED})


def is_held(account: str, policies: Resolved) -> bool:
    """Whether a balance on the account is revalued by the company's policies."""
    return account in OWED or bool(policies.unbilled_is_monetary)


def unrealised(balance: Balance, exchange: Exchange, ledger_currency: str, mode: str) -> Amount:
    """What the balance is worth more at the rate than it is carried at."""
    amount, ledger = balance
    return called(converted(amount, exchange, ledger_currency, mode) - ledger, "unrealised", "R55")


def left_after(left: Amount, moved: Amount) -> Amount:
    """What is left of the amount that was valued: what settles it takes it down to nothing, what adds to the balance adds nothing."""
    if not left or (left > 0) == (moved > 0):
        return left
    return max(left + moved, 0) if left > 0 else min(left + moved, 0)


def standing_for(valued: Amount, left: Amount, of: Amount, ledger_currency: str, mode: str) -> Amount:
    """What stands of an unrealised amount for what is left of the balance."""
    return carried_at(left, (of, valued), ledger_currency, mode, "R56")
