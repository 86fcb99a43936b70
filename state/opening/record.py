"""What a recorder has of balances that were brought forward: each figure is a field of the event, less what of it other rows have.

The event has one figure a line; where a row or a bill has a part of it, the explanation names the field and what is not this part.
"""

from collections.abc import Mapping, Sequence

from domain.accounts import RECEIVABLE, UNBILLED
from domain.events.commercial import BalancesBroughtForward
from domain.explanation import Node, constant, less, total
from domain.identity import composed
from domain.ledger.journal import Leg
from domain.ledger.recorded import Carried, LineParts
from domain.terms.deposit import left_in_all, left_to
from domain.terms.kind import IN_MONEY
from domain.terms.retainer import QUANTITY_PER_AMOUNT
from domain.units import Amount
from domain.why import Why, in_event
from state.billing.clearing_record import piece_at
from state.books import Charge, StatementState
from state.handlers.retention import carried_at, issued_of
from state.ledger.deposit_balance import deposit_row
from state.opening.faults import Stated, row_of


def figure_of(row: str, version: int, name: str) -> str:
    """Address of the value, the cost, the hours or the revenue of a version of a row."""
    return f"opening/{row}@{version}#{name}"


def month_of_opening(project_id: str, name: str, month: str) -> str:
    """Address of what bills of before add to a month of the forecast (`2026-05|USD`): `billed`, `due`."""
    return f"opening/{project_id}#{name}/{month}"


def load_of(event: BalancesBroughtForward) -> str:
    """What a recorder takes back of a load that another corrects."""
    return f"opening/{event.project_id}@{event.version}"


def falls_to(row: str, bill_to: str) -> str:
    """Address of what of a row falls to one of several bill-tos."""
    return f"opening/{row}#falls/{bill_to}"


def say_months(why: Why, event: BalancesBroughtForward, name: str, months: Mapping[str, Amount], sign: int) -> None:
    for month, amount in months.items():
        whole = field(event, 0, "billed", event.lines[0].billed, month[8:])
        why.add(
            month_of_opening(event.project_id, name, month), part_of(whole, sign * amount, f"{name} in {month[:7]}")
        )


def field(
    event: BalancesBroughtForward, place: int, name: str, value: int, currency: str = "", unit: str = "amount"
) -> Node:
    """A field of a line, with the row of the file that it was taken from."""
    balance = event.lines[place]
    title = f"line {balance.line_id}: {name.replace('_', ' ')}{row_of(balance.source_row)}"
    return in_event(title, value, unit, event, f"lines[{place}].{name}", currency)


def field_of_payer(event: BalancesBroughtForward, place: int, name: str, currency: str, bill_to: str) -> Node:
    """What is stated of the bill-to, else the line's."""
    balance = event.lines[place]
    for number, payer in enumerate(balance.payers):
        if payer.customer_id == bill_to:
            title = f"line {balance.line_id}, {bill_to}: {name.replace('_', ' ')}{row_of(payer.source_row)}"
            at = f"lines[{place}].payers[{number}].{name}"
            return in_event(title, getattr(payer, name), "amount", event, at, currency)
    return field(event, place, name, getattr(balance, name), currency)


def say_falls(why: Why, row: str, stated: Stated, event: BalancesBroughtForward, bill_to: str, amount: Amount) -> None:
    """What of a row falls to a bill-to whose unbilled work is stated."""
    currency = stated.plan.currency
    if any(each.customer_id == bill_to and each.unbilled is not None for each in stated.balance.payers):
        whole = field_of_payer(event, stated.place, "unbilled", currency, bill_to)
    else:
        whole = constant(f"unbilled of {bill_to}: none is stated", 0, "amount", currency)
    why.record(falls_to(row, bill_to), amount, part_of(whole, amount, f"{row}: falls to {bill_to}"))


def part_of(whole: Node, value: int, title: str) -> Node:
    """The figure, or what of it other rows, charges and bills of the balances do not have."""
    if whole.value == value:
        return whole
    beside = constant(
        "on other rows, charges and bills of the balances", (whole.value or 0) - value, whole.unit, whole.currency
    )
    return less(title, whole, beside)


def say_row(why: Why, row: str, stated: Stated, event: BalancesBroughtForward, charge: Charge, part: str) -> None:
    opening, balance, place = charge.opening, stated.balance, stated.place
    assert opening is not None, "it is the work of a line"
    ledger = stated.plan.entity.currency
    name = "revenue" if part or not balance.billed else "billed"
    whole = field(event, place, name, getattr(balance, name), charge.currency)
    why.record(figure_of(row, charge.version, "value"), charge.amount, part_of(whole, charge.amount, f"{row}: value"))
    name = "expenses" if charge.category is not None else "cost"
    whole = field(event, place, name, getattr(balance, name), ledger)
    hours = field(event, place, "hours", balance.hours, unit="hours")
    of_costs = (opening.currency or ledger), opening.billable
    if opening.currency or not opening.billable:
        whole = _cost_in(event, place, name, of_costs)
        hours = _cost_in(event, place, "hours", of_costs, unit="hours") if not opening.billable else hours
    if opening.currency:
        carried = _cost_in(event, place, f"ledger_{name}", of_costs, ledger)
        of = f"{row}: cost, as the ledger carries it"
        why.record(figure_of(row, charge.version, "ledger_cost"), opening.ledger, part_of(carried, opening.ledger, of))
    why.record(figure_of(row, charge.version, "cost"), opening.cost, part_of(whole, opening.cost, f"{row}: cost"))
    whole = hours
    why.record(figure_of(row, charge.version, "hours"), opening.hours, part_of(whole, opening.hours, f"{row}: hours"))
    name = "hours" if balance.billable_hours is None else "billable_hours"
    whole = field(event, place, name, balance.billable_hours or balance.hours, unit="hours")
    billable = opening.billable_hours
    why.record(
        figure_of(row, charge.version, "billable_hours"), billable, part_of(whole, billable, f"{row}: billable hours")
    )
    if balance.units is not None:
        whole = field(event, place, "units", balance.units, unit="quantity")
        units = charge.quantity or 0
        why.record(figure_of(row, charge.version, "units"), units, part_of(whole, units, f"{row}: units"))
    for store, (quantity, made) in (opening.drawn or {}).items():
        _say_drawn(why, figure_of(row, charge.version, f"drawn/{store}"), stated, event, (store, quantity, made))
    earned = charge.earned or 0
    whole = field(event, place, "revenue", balance.revenue, charge.currency)
    why.record(figure_of(row, charge.version, "earned"), earned, part_of(whole, earned, f"{row}: revenue"))


def _cost_in(
    event: BalancesBroughtForward,
    place: int,
    name: str,
    of_costs: tuple[str, bool],
    ledger: str = "",
    unit: str = "amount",
) -> Node:
    """What was spent in a currency, on work that is billable or not."""
    balance = event.lines[place]
    number = next(at for at, each in enumerate(balance.costs) if (each.currency, each.billable) == of_costs)
    stated, (currency, is_billable) = balance.costs[number], of_costs
    what = name if is_billable else f"{name} that is not billable"
    title = f"line {balance.line_id}: {what} in {currency}{row_of(stated.source_row)}"
    currency = (ledger or currency) if unit == "amount" else ""
    return in_event(title, getattr(stated, name), unit, event, f"lines[{place}].costs[{number}].{name}", currency)


def _say_drawn(why: Why, of: str, stated: Stated, event: BalancesBroughtForward, used: tuple[str, int, Amount]) -> None:
    """What is used of what was bought: all of it, less what is left and what had expired."""
    store, quantity, earned = used
    balance, currency = stated.balance, stated.plan.currency
    in_money = stated.plan.draws == IN_MONEY
    unit = "amount" if in_money else "hours"
    made = constant(f"bought of {store} and used", quantity, unit, currency if in_money else "")
    for number, each in enumerate(balance.retainer):
        if each.starts_on.isoformat() != store:
            continue
        unused = []
        for name, of_it in (("left", each.left), ("expired", each.expired)):
            rest = of_it // QUANTITY_PER_AMOUNT if in_money else of_it
            title = f"line {balance.line_id}: {name} of {store}{row_of(each.source_row)}"
            at = f"lines[{stated.place}].retainer[{number}].{name}"
            unused += [in_event(title, rest, unit, event, at, made.currency)] if rest else []
        if unused:
            whole = quantity + sum(one.value or 0 for one in unused)
            made = less(made.title, made._replace(title=f"bought of {store}", value=whole), *unused)
    why.record(of, quantity, made)
    revenue = field(event, stated.place, "revenue", balance.revenue, currency)
    why.record(f"{of}/earned", earned, part_of(revenue, earned, f"{store}: revenue"))


def say_pieces(
    why: Why, made: str, event: BalancesBroughtForward, pieces: Sequence[tuple[Stated, str, Amount]], bill_to: str
) -> None:
    """What a bill of before lists, by line and row; below zero what of a deposit was set against others."""
    for number, (stated, row, amount) in enumerate(pieces):
        contract_id, line_id = stated.contract.contract_id, stated.balance.line_id
        currency = stated.plan.currency
        whole = field_of_payer(event, stated.place, "billed", currency, bill_to)
        node = part_of(whole, amount, f"{row}: billed by then")
        why.record(piece_at(made, number), amount, node)
        if amount > 0 or row != deposit_row(contract_id, line_id):
            why.add(issued_of(contract_id, line_id), node)
        why.add(left_to(contract_id, line_id, bill_to), node)
        why.add(left_in_all(contract_id, line_id), node)


def say_bill(
    why: Why,
    made: str,
    event: BalancesBroughtForward,
    amounts: tuple[Amount, Amount, Amount, Amount],
    place: int,
    bill_to: str,
) -> None:
    """Net, tax, what was retained and what it was retained from; of a receivable at its `place`, else of what was settled (-1)."""
    net, tax, kept, gross = amounts
    currency = ""
    if place >= 0:
        one = event.receivables[place]
        of = f"invoice {one.invoice_id}{row_of(one.source_row)}"
        why.record(f"{made}#net", net, in_event(f"{of}: net", net, "amount", event, f"receivables[{place}].net"))
        why.record(f"{made}#tax", tax, in_event(f"{of}: tax", tax, "amount", event, f"receivables[{place}].tax"))
        node = in_event(f"{of}: retention", kept, "amount", event, f"receivables[{place}].retention")
        why.record(f"{made}#retained", kept, node)
    else:
        whole = field_of_payer(event, 0, "billed", currency, bill_to)
        why.record(f"{made}#net", net, part_of(whole, net, "settled by then, net"))
        whole = field_of_payer(event, 0, "tax", currency, bill_to)
        why.record(f"{made}#tax", tax, part_of(whole, tax, "tax of what was settled by then"))
        whole = field_of_payer(event, 0, "retention", currency, bill_to)
        why.record(f"{made}#retained", kept, part_of(whole, kept, "retained by then"))
    why.record(f"{made}#released", 0, constant("nothing is released", 0, "amount", currency))
    whole = field_of_payer(event, 0, "billed", currency, bill_to)
    why.record(f"{made}#gross", gross, part_of(whole, gross, "billed by then"))


def say_payment(
    why: Why,
    journal_id: str,
    event: BalancesBroughtForward,
    lines: Sequence[tuple[str, Leg]],
    currencies: tuple[str, str],
    of: tuple[int, str],
) -> None:
    """Lines of what was paid, given up or provided for: a field of the first of the lines that have it, or a part of it."""
    parts = LineParts(*currencies)
    place, name = of
    whole = field(event, place, name, getattr(event.lines[place], name), currencies[0])
    for project_id, leg in lines:
        title = f"{leg.account} of {composed(RECEIVABLE, event.project_id)}"
        amount = part_of(whole, leg.amount, title)
        ledger = amount
        if currencies[0] != currencies[1] or leg.ledger_amount != leg.amount:
            ledger = part_of(amount._replace(currency=currencies[1]), leg.ledger_amount, f"{title}, in ledger currency")
        parts.debit((project_id, leg.account, leg.purpose), Carried(amount, ledger))
    parts.record(why, journal_id, lines)


def say_revenue(
    why: Why, address: str, event: BalancesBroughtForward, place: tuple[int, int], part: Amount, currency: str
) -> None:
    """What an invoice has of a row as revenue, in ledger currency."""
    at, number = place
    each = event.lines[at].invoiced[number]
    title = f"invoice {each.invoice_id} of line {event.lines[at].line_id}{row_of(each.source_row)}: ledger revenue"
    where = f"lines[{at}].invoiced[{number}].ledger_revenue"
    whole = in_event(title, each.ledger_revenue or 0, "amount", event, where, currency)
    why.record(address, part, part_of(whole, part, title))


def say_retained(why: Why, event: BalancesBroughtForward, state: StatementState, part: Amount, currency: str) -> None:
    """What 1170 carries of a bill in ledger currency beside the rate of the day, of what is stated of its invoice, else of a line."""
    of = f"{state.statement_id}: on 1170, as the ledger carries it"
    for place, one in enumerate(event.receivables):
        if one.invoice_id == state.invoice_id and one.ledger_retention is not None:
            title, at = f"invoice {one.invoice_id}{row_of(one.source_row)}: ledger retention", f"receivables[{place}]"
            whole = in_event(title, one.ledger_retention, "amount", event, f"{at}.ledger_retention", currency)
            break
    else:
        ledgers = ((place, each.ledger) for place, each in enumerate(event.lines) if each.ledger is not None)
        place, ledger = next((each for each in ledgers if each[1].retention), (0, None))
        whole = field(event, place, "ledger.retention", ledger.retention if ledger is not None else 0, currency)
    why.add(f"{carried_at(state.statement_id)}/ledger", part_of(whole, part, of))


def say_exchange(
    why: Why,
    journal_id: str,
    event: BalancesBroughtForward,
    place: int,
    lines: tuple[str, Sequence[Leg]],
    currencies: tuple[str, str],
    part: str | None = None,
) -> None:
    """In ledger currency alone: what the ledger is stated to carry, less what the rate of the day makes of it."""
    parts = LineParts(*currencies)
    project_id, legs = lines
    ledger = event.lines[place].ledger
    assert ledger is not None, "it was stated"
    whole = field(event, place, "ledger.revenue", ledger.revenue, currencies[1])
    of_accounts = {leg.account: _account(event, place, leg.account, part, currencies[1]) for leg in legs}
    for leg in legs:
        nothing = constant("nothing in contract currency", 0, "amount", currencies[0])
        amount = part_of(of_accounts[leg.account] or whole, leg.ledger_amount, f"{leg.account}, in ledger currency")
        parts.debit((project_id, leg.account, leg.purpose), Carried(nothing, amount))
    parts.record(why, journal_id, [(project_id, leg) for leg in legs])


def _account(event: BalancesBroughtForward, place: int, account: str, part: str | None, currency: str) -> Node | None:
    """What is stated of the account: of the part, of the line, else of all lines that have it."""
    stated = [
        (at, number, each)
        for at, balance in enumerate(event.lines)
        for number, each in enumerate(balance.accounts)
        if each.account == account
    ]
    own = [one for one in stated if one[0] == place and one[2].part == part] or [
        one for one in stated if one[0] == place
    ]
    nodes = []
    for at, number, each in own if account in UNBILLED and own else stated:
        of = f"account {account}" if each.part is None else f"account {account}, {each.part}"
        title = f"line {event.lines[at].line_id}: {of}{row_of(each.source_row)}"
        where = f"lines[{at}].accounts[{number}].ledger_amount"
        nodes.append(in_event(title, each.ledger_amount, "amount", event, where, currency))
    if len(nodes) < 2:
        return nodes[0] if nodes else None
    return total(f"account {account} of all lines", nodes, currency=currency)
