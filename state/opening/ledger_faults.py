"""What is wrong with what balances say of other currencies: cost that was spent in one, and accounts of a contract that is in one.

Over the lines of a contract, accounts of revenue come to `ledger.revenue`, those of what is unbilled to `ledger.unbilled`:

    4000 -11,000.00 and 4050 -500.00 where `ledger.revenue` is 11,500.00
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from domain.accounts import CONTRACT_POSITION, CURRENCY_ROUNDING, REVENUE, UNBILLED
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import CostForward, ReceivableForward
from domain.money import format_amount, format_decimal, smallest_unit
from domain.terms.kind import NO_REVENUE
from domain.units import HOURS_SCALE, Amount
from state.draft import Draft
from state.opening.stated import OpeningFault, Stated, row_of, stated_lines
from state.opening.worked import UNBILLED_ENDED
from state.terms.opening import loaded_of

# What a line states in contract currency, and by the same name in the ledger's.
IN_LEDGER = ("revenue", "tax", "paid", "written_off", "retention", "deposit")
# What a ledger may be stated to carry by account.
BY_ACCOUNT = (*REVENUE, *CONTRACT_POSITION, CURRENCY_ROUNDING)


def ledger_faults(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    stated = stated_lines(draft, event)
    for one in stated:
        yield from _costs(one)
        yield from _accounts(one)
        yield from _left_out(one)
        yield from _not_again(draft, one, event)
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = [one for one in stated if one.contract.contract_id == contract_id]
        if any(one.balance.accounts for one in own):
            yield from _sums(own)
        yield from _retained(own, [one for one in event.receivables if one.contract_id in (None, contract_id)])


def _not_again(draft: Draft, stated: Stated, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    """Without what the ledger carries a line would stay as the load before has it, and not come to the rate of the day."""
    had = loaded_of(draft, stated.contract.contract_id, event.project_id, stated.balance.line_id)
    if stated.balance.ledger is None and any(one.ledger is not None for one in had):
        yield stated.differs(
            "ledger", "expected what the ledger carries, as the load that this one corrects states it, got none"
        )


def _costs(stated: Stated) -> Iterator[OpeningFault]:
    balance, currency = stated.balance, stated.plan.entity.currency
    for (name, is_billable), number in Counter((each.currency, each.billable) for each in balance.costs).items():
        if name == currency and is_billable:
            message = "expected another currency than the ledger's, or work that is not billable"
            yield stated.differs("costs", f"cost in {currency}: {message}")
        elif number > 1:
            yield stated.differs("costs", f"cost in {name}: expected once, stated {number} times")
    hours = sum(each.hours for each in balance.costs)
    for each in balance.costs:
        if each.hours < 0 or (each.hours and each.billable):
            expected = "0 or more" if each.hours < 0 else "0, as they are stated of work that is not billable"
            of = f"cost in {each.currency}{row_of(each.source_row)}"
            message = f"{of}: hours: expected {expected}, got {format_decimal(each.hours, HOURS_SCALE)}"
            yield stated.differs("costs", message)
    if hours > balance.hours:
        expected, got = format_decimal(balance.hours, HOURS_SCALE), format_decimal(hours, HOURS_SCALE)
        yield stated.differs("costs", f"hours not billable: expected at most {expected}, as the line has, got {got}")
    for each in balance.costs:
        of = f"cost in {each.currency}{row_of(each.source_row)}"
        for what, amount, ledger in _sides(each):
            if (amount > 0) != (ledger > 0) or min(amount, ledger) < 0:
                got, carried = format_amount(amount, each.currency), format_amount(ledger, currency)
                message = f"{of}: {what}: expected an amount above 0 with its ledger amount, or neither, got {got} and {carried}"
                yield stated.differs("costs", message)
            elif each.currency == currency and amount != ledger:
                got, carried = format_amount(amount, currency), format_amount(ledger, currency)
                message = (
                    f"{of}: {what}: it is the ledger's currency: expected the ledger amount of {carried}, got {got}"
                )
                yield stated.differs("costs", message)
    whole = balance.cost - balance.expenses, balance.expenses
    for place, (what, _, _) in enumerate(_sides(CostForward(""))):
        most, found = whole[place], sum(_sides(each)[place][2] for each in balance.costs)
        if found > most:
            expected, got = format_amount(most, currency), format_amount(found, currency)
            of = "in other currencies and not billable"
            yield stated.differs("costs", f"{what} {of}: expected at most {expected}, as the line has, got {got}")


def _sides(each: CostForward) -> Sequence[tuple[str, Amount, Amount]]:
    """What, in its currency, in the ledger's."""
    labor = each.cost - each.expenses, each.ledger_cost - each.ledger_expenses
    return ("labor", *labor), ("expenses", each.expenses, each.ledger_expenses)


def _left_out(stated: Stated) -> Iterator[OpeningFault]:
    """Amounts whose ledger amount is 0 where those beside them say that it is not; exchange differences would take all of it."""
    balance, ledger = stated.balance, stated.balance.ledger
    if ledger is None or stated.plan.currency == stated.plan.entity.currency:
        return
    sides = [(name, getattr(balance, name), getattr(ledger, name)) for name in IN_LEDGER]
    whole = sum(abs(amount) for _, amount, carried in sides if carried)
    of_whole = sum(abs(carried) for _, _, carried in sides)
    step = smallest_unit(stated.plan.entity.currency)
    for name, amount, carried in sides:
        if amount and not carried and (not whole or abs(amount) * of_whole >= step * whole):
            expected = (
                f"what the ledger carries of {format_amount(amount, stated.plan.currency)} {stated.plan.currency}"
            )
            message = (
                f"ledger_{name}: expected {expected}, got 0; state the ledger amount of all that the line states, or of nothing: "
                "then the rate of the day counts"
            )
            yield stated.differs(f"ledger.{name}", message)


def _retained(own: Sequence[Stated], invoices: Sequence[ReceivableForward]) -> Iterator[OpeningFault]:
    """What the ledger carries of each invoice's retention is no more than of all, and all of it where nothing is retained of others."""
    carried = [one.ledger_retention for one in invoices if one.ledger_retention is not None]
    ledgers = [one.balance.ledger for one in own if one.balance.ledger is not None]
    if not carried:
        return
    whole, got, currency = sum(each.retention for each in ledgers), sum(carried), own[0].plan.entity.currency
    kept = sum(one.balance.retention for one in own)
    is_all = kept == sum(one.retention for one in invoices if one.ledger_retention is not None)
    if got > whole or min(carried) < 0 or (is_all and got != whole):
        expected = f"{'' if is_all else 'at most '}{format_amount(whole, currency)}, as ledger retention of the lines"
        found = f"{format_amount(got, currency)} {currency}"
        if (least := min(carried)) < 0:
            expected, found = "0 or more of each", f"{format_amount(least, currency)} {currency}"
        yield own[0].differs("ledger.retention", f"ledger_retention of invoices: expected {expected}, got {found}")


def _accounts(stated: Stated) -> Iterator[OpeningFault]:
    balance, plan = stated.balance, stated.plan
    if balance.accounts and (plan.currency == plan.entity.currency or balance.ledger is None):
        message = f"accounts: expected none, as they are for contracts in another currency than {plan.entity.currency}, with ledger amounts"
        yield stated.differs("accounts", message)
    if balance.accounts and plan.timing == NO_REVENUE:
        yield stated.differs("accounts", "accounts of a deposit: expected none; state them on the line of the work")
    for (account, part), number in Counter((each.account, each.part) for each in balance.accounts).items():
        of = f"account {account}" if part is None else f"account {account}, part {part}"
        if account not in BY_ACCOUNT:
            yield stated.differs("accounts", f"expected one of the accounts {', '.join(BY_ACCOUNT)}, got {account}")
        elif number > 1:
            yield stated.differs("accounts", f"{of}: expected once, stated {number} times")
        elif part is not None:
            yield from _part(stated, account, part)


def _part(stated: Stated, account: str, part: str) -> Iterator[OpeningFault]:
    """A part of unbilled work is a milestone that is stated as accepted, an entry, or what `unbilled_ended` states."""
    of, milestones, entries = f"account {account}, part {part}", stated.balance.milestones, stated.balance.entries
    if account not in UNBILLED:
        yield stated.differs("accounts", f"{of}: expected no part, as only {' and '.join(UNBILLED)} are stated by part")
    elif part == UNBILLED_ENDED:
        if not stated.balance.unbilled_ended:
            yield stated.differs("accounts", f"{of}: expected unbilled_ended beside it, got none")
    elif part not in (known := [each.milestone_id for each in milestones] + [each.entry_id for each in entries]):
        message = f"{of}: expected {UNBILLED_ENDED}, a milestone that is stated as accepted, or an entry ({', '.join(known) or 'none'})"
        yield stated.differs("accounts", message)


def _sums(own: Sequence[Stated]) -> Iterator[OpeningFault]:
    currency = own[0].plan.entity.currency
    ledgers = [one.balance.ledger for one in own if one.balance.ledger is not None]
    revenue, unbilled = sum(each.revenue for each in ledgers), sum(each.unbilled for each in ledgers)
    for name, accounts, expected in (("revenue", REVENUE, -revenue), ("unbilled", CONTRACT_POSITION, unbilled)):
        got = sum(each.ledger_amount for one in own for each in one.balance.accounts if each.account in accounts)
        if got != expected:
            whole, found = format_amount(expected, currency), format_amount(got, currency)
            named = ", ".join(accounts)
            of = f"accounts {named} of contract {own[0].contract.contract_id}"
            message = f"{of}: expected {whole}, as ledger {name} says, got {found} {currency}"
            yield own[0].differs("accounts", message)
