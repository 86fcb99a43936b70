"""A deposit: an advance that is set against the statement that bills it and later ones (R31).

It is charged on its day and is no revenue: what was invoiced of it stands on 2310 if it is refundable when it is billed, else on 2300, and
leaves it with the invoices that it is set against: all of the oldest statements first, a percentage of each, or the last ones, when the
contract is over. What is left then is given back where the deposit is refundable; else it is kept, as revenue. Where less was billed of it
in the end than was set against statements, that is charged.

A statement below zero takes back in the reverse order: what the payer was asked for beside deposits is owed to it, and only the rest goes
back to those that pay the oldest first, no more than statements have had of them. So these have paid, of all that was billed, what they
would have paid of it on one statement. A percentage has its percentage back.

    5,000.00 in January; of the 3,000.00 and 4,000.00 of the next months 0.00 and 2,000.00 are due
    3,000.00 of them are corrected before April: of its statement of -3,000.00 2,000.00 are owed, and 1,000.00 of the deposit are left
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.accounts import CONTRACT_LIABILITY, CUSTOMER_DEPOSIT
from domain.events.commercial import ContractSigned
from domain.events.common import Deposit
from domain.explanation import Node, negated
from domain.figure import at_least, called, lesser
from domain.identity import composed
from domain.money import format_decimal
from domain.outputs import JournalEntry
from domain.policy_faults import Fault, price_faults
from domain.terms import spoken
from domain.terms.kind import Fee, Kind, LineHistory, TermsInForce
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount
from domain.why import Why
from domain.work.rows import FEE, SCHEDULED_REVENUE, fee_row, named

OLDEST, PERCENT, AT_END = "oldest", "percent", "end"
# Names of its fees.
DEPOSIT, REFUND, KEPT = "deposit", "refund", "kept"
DAY = timedelta(days=1)


def is_named(row: str) -> bool:
    """Whether a row of the books is what a deposit charges or gives back, by its name: contract, line, and which of them."""
    kind, fact_id = named(row)
    return kind == FEE and fact_id.split("/", 2)[2:] in ([DEPOSIT], [REFUND])


def is_kept(journal: JournalEntry) -> bool:
    """Whether it is of what is kept of a deposit."""
    return journal.affected_kind == SCHEDULED_REVENUE and journal.affected_id.split("/", 2)[2:] == [KEPT]


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    terms = _terms(agreed)
    if terms.due_on <= until:
        yield Fee(DEPOSIT, terms.due_on, terms.amount, spoken.said("deposit"))
    if known.left is None or agreed != _last_held(known):
        return
    over, rest = known.left
    day = max(min(over, agreed.before - DAY), agreed.since)
    if day > until:
        return
    if terms.refundable or rest < 0:
        yield Fee(REFUND, day, -rest, spoken.said("deposit_refund" if rest > 0 else "deposit_used"))
    else:
        yield Fee(KEPT, day, 0, "Deposit that was not used", earned=rest)


def _last_held(known: LineHistory) -> TermsInForce | None:
    """The newest terms that have the deposit say what becomes of its rest, on the contract's last day or the last on which they hold."""
    return next((agreed for agreed in reversed(known.held) if isinstance(agreed.line.terms, Deposit)), None)


def _terms(agreed: TermsInForce) -> Deposit:
    terms = agreed.line.terms
    assert isinstance(terms, Deposit), "the kind of the terms chose this module"
    return terms


# Where a recorder adds what is billed of a deposit and takes off what it pays


def left_to(contract_id: str, line_id: str, bill_to: str) -> str:
    """What a payer was billed of it and did not use, what was given back taken off."""
    return composed("deposit", contract_id, line_id, bill_to)


def left_of_row(row: str, bill_to: str) -> str:
    """The same of one of its rows: of what it charges, or of what it gives back."""
    return composed("deposit_row", row, bill_to)


def left_in_all(contract_id: str, line_id: str) -> str:
    """Of all payers, before anything is given back."""
    return composed("deposit", contract_id, line_id)


def used_by(contract_id: str, line_id: str, bill_to: str) -> str:
    """What statements of a payer had of it, less what they gave back."""
    return composed("deposit_used", contract_id, line_id, bill_to)


def asked_of(contract_id: str, bill_to: str) -> str:
    """What statements asked a payer for beside deposits, credit memos taken off."""
    return composed("asked_beside", contract_id, bill_to)


def say_used(why: Why, place: tuple[str, str], row: str, bill_to: str, part: Node) -> None:
    """What is set against a statement, below zero, or goes back."""
    say_left(why, place, row, bill_to, part)
    why.add(used_by(*place, bill_to), negated(part.title, part))
    why.add(asked_of(place[0], bill_to), part)


def say_left(why: Why, place: tuple[str, str], row: str, bill_to: str, part: Node) -> None:
    """What is billed of a row, or paid by it, is that much more or less of the deposit from then on."""
    why.add(left_to(*place, bill_to), part)
    why.add(left_of_row(row, bill_to), part)
    if row == fee_row(*place, DEPOSIT):
        why.add(left_in_all(*place), part)


class DepositBefore(NamedTuple):
    """A deposit before a statement of a payer: what is left of it, what of it statements had, and its percentage of this one, rounded."""

    terms: Deposit
    left: Amount
    used: Amount
    share: Amount


def set_against(
    held: Sequence[DepositBefore], bill: Amount, asked: Amount, *, is_last: bool
) -> Iterator[tuple[int, Amount]]:
    """What of each deposit, by its place, is set against a statement of `bill`, below zero what goes back to it; the first pays first, and
    has back last, those that pay the oldest after all others, since only what is left is owed in cash. `asked` is what the payer was asked
    for beside them, `is_last` the contract's end."""
    places, left = range(len(held)), bill
    back = sorted(places, key=lambda place: (held[place].terms.applied == OLDEST, -place))
    for place in places if bill > 0 else back:
        if amount := _applied(held[place], left, asked, is_last=is_last):
            left = called(left - amount, "left of the statement")
            yield place, amount


def _applied(one: DepositBefore, left: Amount, asked: Amount, *, is_last: bool) -> Amount:
    rule = one.terms.applied
    if not left or (rule == AT_END and not is_last):
        return 0
    bill, share, has = (left, one.share, one.left) if left > 0 else (-left, -one.share, one.used)
    title = "set against the bill" if left > 0 else "given back to the deposit"
    if rule == PERCENT and not is_last:
        bill = lesser(share, bill, "of the bill")
    elif rule == OLDEST and left < 0:
        in_cash = at_least(asked, 0, "asked for beside deposits")
        bill = at_least(called(bill - in_cash, "beyond what is owed in cash"), 0, "nothing is beyond")
    amount = at_least(lesser(bill, has, title), 0, title, "R31")
    return amount if left > 0 else -amount


def account(terms: Deposit) -> str:
    return CUSTOMER_DEPOSIT if terms.refundable else CONTRACT_LIABILITY


def faults(terms: Deposit, contract: ContractSigned) -> Iterable[Fault]:
    yield from price_faults("amount", terms.amount, contract.currency)
    if not terms.amount:
        yield "amount", "a deposit needs an amount above zero"
    if terms.applied == PERCENT and terms.percent is None:
        yield "percent", "a share of each statement needs a percent"
    if terms.applied != PERCENT and terms.percent is not None:
        yield "percent", f"a percent is of a deposit that is applied as percent, not {terms.applied}"
    if terms.percent is not None and not 0 < terms.percent <= HUNDRED_PERCENT:
        yield "percent", f"expected above 0 to 100, got {format_decimal(terms.percent, PERCENT_SCALE)}"
    if contract.ends_on is not None and terms.due_on > contract.ends_on:
        yield "due_on", f"the deposit is due on {terms.due_on}, after the contract ends on {contract.ends_on}"


KIND = Kind(takes=("fee",), revenue={}, fees=fees, faults=faults, account=account)
