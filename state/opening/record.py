"""What a recorder has of balances that were brought forward: each number of the event as a figure, and where the load records what it
makes of them."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from domain.billing.shares import Party, shared
from domain.capabilities import BROUGHT_FORWARD
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, ReceivableForward, UnitPrice
from domain.explanation import Parameter, constant, evaluated, step_of
from domain.figure import Recorded, as_recorded, node_of
from domain.ledger.recorded import journal_line
from domain.money import format_decimal
from domain.terms.deposit import asked_of, say_left, say_used
from domain.terms.kind import IN_MONEY
from domain.terms.unit_price import VOLUME, path_of_prices, prices
from domain.units import EXCHANGE_RATE_ONE, EXCHANGE_RATE_SCALE, QUANTITY_SCALE, Amount, Quantity
from domain.why import Why, elsewhere, in_event, in_version
from domain.work.recorded import known_of
from state.billing.issued_record import piece_at
from state.billing.retention import issued_of
from state.billing.shares_record import shares_in_terms
from state.books import Charge, Contract
from state.ledger.deposit_balance import deposit_row
from state.opening.stated import Stated, row_of
from state.terms.opening import figure_of
from state.terms.plan import LinePlan
from state.value import plain

Row = TypeVar("Row", bound=NamedTuple)

# Numbers of a line, and of what it has lists of: those in contract and in ledger currency, and those in no currency with their unit.
OF_PAYERS: Final = ("billed", "paid", "tax", "retention", "written_off", "deposit", "unbilled")
IN_CONTRACT: Final = {
    "lines": (
        *OF_PAYERS,
        "revenue",
        "cap_used",
        *(own.field for own in BROUGHT_FORWARD),
        "over_cap",
        "reimbursed",
        "unbilled_ended",
        "conceded",
        "given_back",
    ),
    "caps": ("amount",),
    "payers": OF_PAYERS,
    "spent": ("spent",),
    "invoiced": ("amount",),
    "entries": ("amount", "over_cap"),
    "receivables": ("net", "open", "tax", "retention"),
}
IN_LEDGER: Final = {
    "lines": ("cost", "expenses"),
    "costs": ("ledger_cost", "ledger_expenses"),
    "accounts": ("ledger_amount",),
    "invoiced": ("ledger_revenue",),
    "ledger": ("revenue", "unbilled", "tax", "paid", "written_off", "retention", "deposit"),
    "receivables": ("ledger_open", "ledger_retention"),
}
OF_COSTS: Final = ("cost", "expenses")
IN_UNITS: Final = {
    "lines": {"hours": "hours", "billable_hours": "hours", "units": "quantity"},
    "caps": {"hours": "hours"},
    "costs": {"hours": "hours"},
    "entries": {"hours": "hours", "over_cap_hours": "hours", "rate": "rate", "markup_percent": "percent"},
    "invoiced": {"hours": "hours"},
}


def recorded(event: BalancesBroughtForward, lines: Sequence[Stated]) -> BalancesBroughtForward:
    """The same with figures for its numbers: each has the field as its node."""
    return event._replace(
        lines=tuple(_line(event, one) for one in lines),
        receivables=tuple(_receivable(event, place, one, lines) for place, one in enumerate(event.receivables)),
    )


def _line(event: BalancesBroughtForward, stated: Stated) -> BalanceForward:
    at, balance, plan = f"lines[{stated.place}]", stated.balance, stated.plan
    of, currencies = f"line {balance.line_id}", (plan.currency, plan.entity.currency)

    def each_of(name: str, rows: Sequence[Row], called: Callable[[Row], str]) -> tuple[Row, ...]:
        return tuple(
            _figures(event, name, each, f"{at}.{name}[{number}]", f"{of}, {called(each)}", currencies)
            for number, each in enumerate(rows)
        )

    made = _figures(event, "lines", balance, at, of, currencies)
    ledger = balance.ledger
    return made._replace(
        caps=each_of("caps", balance.caps, lambda each: f"cap {each.cap_id}"),
        payers=each_of("payers", balance.payers, lambda each: each.customer_id),
        costs=each_of(
            "costs", balance.costs, lambda each: each.currency if each.billable else f"{each.currency}, not billable"
        ),
        accounts=each_of(
            "accounts", balance.accounts, lambda each: " ".join(filter(None, (f"account {each.account}", each.part)))
        ),
        invoiced=each_of("invoiced", balance.invoiced, lambda each: f"invoice {each.invoice_id}"),
        spent=each_of("spent", balance.spent, lambda each: each.category),
        entries=each_of("entries", balance.entries, lambda each: f"entry {each.entry_id}"),
        ledger=_figures(event, "ledger", ledger, f"{at}.ledger", f"{of}, in the ledger", currencies, balance.source_row)
        if ledger is not None
        else None,
    )


def _receivable(
    event: BalancesBroughtForward, place: int, one: ReceivableForward, lines: Sequence[Stated]
) -> ReceivableForward:
    of = [each for each in lines if one.contract_id in (None, each.contract.contract_id)]
    currencies = (of[0].plan.currency, of[0].plan.entity.currency) if of else ("", "")
    at, of_it = f"receivables[{place}]", f"invoice {one.invoice_id}"
    return _figures(event, "receivables", one, at, of_it, currencies)


def _figures(
    event: BalancesBroughtForward,
    kind: str,
    one: Row,
    at: str,
    of: str,
    currencies: tuple[str, str],
    source_row: str | None = None,
) -> Row:
    """`source_row` of what has none of its own."""
    units = {
        **dict.fromkeys(IN_CONTRACT.get(kind, ()), ("amount", currencies[0])),
        **dict.fromkeys(IN_LEDGER.get(kind, ()), ("amount", currencies[1])),
        **{name: (unit, "") for name, unit in IN_UNITS.get(kind, {}).items()},
        **(dict.fromkeys(OF_COSTS, ("amount", str(getattr(one, "currency", "")))) if kind == "costs" else {}),
    }
    row = row_of(getattr(one, "source_row", source_row))
    made = {}
    for name, (unit, currency) in units.items():
        value = getattr(one, name)
        if value is not None:
            title = f"{of}: {name.replace('_', ' ')}{row}"
            made[name] = Recorded(in_event(title, value, unit, event, f"{at}.{name}", currency))
    return one._replace(**made)


def load_of(event: BalancesBroughtForward) -> str:
    """What a recorder takes back of a load that another corrects."""
    return f"opening/{event.project_id}@{event.version}"


def carried_by_loads(project_id: str, key: str) -> str:
    """Address of what balances have brought an account of a contract, or of a row, to in the ledger."""
    return f"opening/{project_id}#carried/{key}"


def known_elsewhere(why: Why | None, kind: str, row: str, stated: Stated, amount: Amount, title: str) -> int:
    """What is `due` of a row, or `recognised`, which has an explanation of its own."""
    if why is None or not amount:
        return amount
    currency = stated.plan.currency
    of = known_of(kind, row, (stated.contract.contract_id, stated.balance.line_id), why.now, currency)
    return Recorded(elsewhere(f"{row}: {title}", amount, of, currency))


def recorded_units(plan: LinePlan, terms: UnitPrice, amount: Amount, units: Quantity) -> Amount:
    """What units come to at their prices."""
    if not isinstance(units, Recorded):
        return amount
    tiers, path = prices(terms), f"terms{path_of_prices(terms)}"
    line = plan.currency, plan.contract_id, plan.version
    each = [
        in_version("price of a unit", tier.unit_price, "rate", *line, path.format(place=place), plan.line.line_id)
        for place, tier in enumerate(tiers)
    ]
    is_volume = terms.tier_mode == VOLUME
    parameters: dict[str, Parameter] = {
        "by": VOLUME if is_volume else "graduated",
        "up_to": tuple(format_decimal(tier.up_to, QUANTITY_SCALE) for tier in tiers if tier.up_to is not None),
        "step": step_of(plan.currency),
        "mode": plan.policies.money_mode,
    }
    first = units.node if is_volume else constant("before it", 0, "quantity")
    title = "units at their prices"
    operands = first, units.node, *each
    return as_recorded(amount, evaluated(title, "steps", operands, parameters, "amount", plan.currency, rule="R10"))


def to_parties(why: Why | None, contract: Contract, amount: Amount, parties: Sequence[Party]) -> tuple[Amount, ...]:
    """What of the amount falls to each by the shares of the contract's terms."""
    if len(parties) < 2 or why is None:
        return shared(plain(amount), parties, contract.terms.currency)
    return shared(amount, shares_in_terms(contract, parties), contract.terms.currency)


def say_row(why: Why, row: str, stated: Stated, charge: Charge) -> None:
    opening, balance = charge.opening, stated.balance
    assert opening is not None, "it is the work of a line"
    ledger = stated.plan.entity.currency

    def say(name: str, value: int, called: str, unit: str = "amount", currency: str = charge.currency) -> None:
        why.record(figure_of(row, charge.version, name), value, node_of(value, f"{row}: {called}", unit, currency))

    say("value", charge.amount, "value")
    say("earned", charge.earned or 0, "revenue")
    say("uncounted", opening.uncounted, "counted by no cap")
    say("uncounted_hours", opening.uncounted_hours, "hours counted by no cap", "hours", "")
    say("cost", opening.cost, "cost", currency=opening.currency or ledger)
    if opening.currency:
        say("ledger_cost", opening.ledger, "cost, as the ledger carries it", currency=ledger)
    say("hours", opening.hours, "hours", "hours", "")
    say("billable_hours", opening.billable_hours, "billable hours", "hours", "")
    if opening.by is not None:
        say("rate", opening.by.rate, "rate", "rate")
        say("markup", opening.by.markup, "overtime markup", "percent", "")
    if balance.units is not None:
        say("units", charge.quantity or 0, "units", "quantity", "")
    for category, spent in opening.spent.items():
        say(f"spent/{category}", spent, f"{category}: spent before")
    in_money = stated.plan.draws == IN_MONEY
    for store, (used, earned) in (opening.drawn or {}).items():
        unit, currency = ("amount", charge.currency) if in_money else ("hours", "")
        say(f"drawn/{store}", used, f"used of {store}", unit, currency)
        say(f"drawn/{store}/earned", earned, f"earned by {store}")


def say_pieces(why: Why, made: str, pieces: Sequence[tuple[Stated, str, Amount]], bill_to: str) -> None:
    """What a bill of before lists, by line and row; below zero what of a deposit was set against others."""
    for number, (stated, row, amount) in enumerate(pieces):
        contract_id, line_id = stated.contract.contract_id, stated.balance.line_id
        node = node_of(amount, f"{row}: billed by then", currency=stated.plan.currency)
        why.record(piece_at(made, number), amount, node)
        if amount > 0 or row != deposit_row(contract_id, line_id):
            why.add(issued_of(contract_id, line_id), node)
        if row != deposit_row(contract_id, line_id):
            why.add(asked_of(contract_id, bill_to), node)
            continue
        say = say_left if amount > 0 else say_used
        say(why, (contract_id, line_id), row, bill_to, node)


def say_bill(why: Why, made: str, amounts: tuple[Amount, Amount, Amount, Amount], currency: str) -> None:
    """Net, tax, what was retained and what it was retained from."""
    titles = "net", "tax", "retained by then", "billed by then"
    for name, title, amount in zip(("net", "tax", "retained", "gross"), titles, amounts, strict=True):
        why.record(f"{made}#{name}", amount, node_of(amount, title, currency=currency))
    why.record(f"{made}#released", 0, constant("nothing is released", 0, "amount", currency))


def say_rate(why: Why, address: str, stated: ReceivableForward, rate: int) -> None:
    """At which the ledger carries what is open of an invoice."""
    one = constant("one", EXCHANGE_RATE_ONE, "exchange_rate")
    operands = one, node_of(stated.ledger_open or 0, "in the ledger"), node_of(stated.open, "open")
    parameters: dict[str, Parameter] = {"step": format_decimal(1, EXCHANGE_RATE_SCALE), "mode": "down"}
    title = "the rate of what is open"
    why.record(address, rate, evaluated(title, "proportion", operands, parameters, "exchange_rate"))


def recorded_leg(
    why: Why | None, journal_id: str, number: int, amounts: tuple[Amount, Amount], currencies: tuple[str, str]
) -> Amount:
    """What a line of another journal has in ledger currency."""
    if why is None:
        return amounts[1]
    return Recorded(journal_line(journal_id, number, amounts, currencies).ledger)
