"""What is owed back of each contract line with variable parts that take from its price (2320; `domain/revenue/refund.py`).

Brought to what it has to be at the end of each event that invoices, estimates or settles, before the position of the contract is settled.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.capabilities import BEYOND_ESTIMATE, REBATES_GIVEN, REFUND_LIABILITY
from domain.explanation import constant, negated
from domain.figure import Recorded, RecordedRate, called, node_of, titled
from domain.identity import composed, parts_of
from domain.ledger.journal import Booking, journal_id_of, merge
from domain.ledger.position import Balance
from domain.ledger.recorded import Currencies, add_both, all_of, journal_line, nodes_of, parts_of_both, position_before
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.reference.zones import local_date
from domain.refusals import LINE
from domain.revenue.allocation import AllocatedPrice, PricedItem
from domain.revenue.refund import RULE, Reduction, given_beyond, moved, owed_back
from domain.revenue.variable_price import given_by_memos, settled
from domain.terms.kind import LineHistory, on_day
from domain.units import Amount
from domain.why import Rates, elsewhere
from state.books import Contract, RefundLiability
from state.charges.rebates import KIND, charge_row, issued_of_item, provides, standing
from state.charges.terms_known import known_of
from state.draft import Draft
from state.ledger import position
from state.ledger.posting import about, emit_placed
from state.rerating.rerate import line_ids
from state.revenue.beside import place_beside
from state.terms.plan import LinePlan, newest_plan
from state.value import plain

# What credit memos gave of a line that nobody expects, as after a step, which has an explanation of its own.
GIVEN_BEYOND: Final = "given_beyond"

# The rule of journals of balances, before the line.
OF_BALANCES: Final = f"{REBATES_GIVEN}/"
# What changes what is owed back, with what is invoiced.
WATCHED: Final = frozenset({"contract", "variable_consideration", "line", "fees", KIND})


def after_event(draft: Draft, *, has_ended: bool) -> None:
    """`has_ended`: a day has, after which another estimate may hold."""
    _take_in(draft)
    if not has_ended and not draft.kinds & WATCHED:
        return
    for contract in list(draft.contracts()):
        if contract.in_force and may_arise(draft, contract):
            _settle(draft, contract)


def may_arise(draft: Draft, contract: Contract) -> bool:
    """Whether any version of the contract has a line with variable parts."""
    return draft.of_terms("varies", contract, lambda _, of: provides(of))


def give(draft: Draft, contract_id: str, line_id: str, project_id: str, back: Balance, currencies: Currencies) -> None:
    """A credit memo gives a rebate: what it debits 2320 with, in contract and in ledger currency."""
    place = composed(contract_id, line_id)
    known = standing(draft, contract_id, line_id)
    now = _less(known, project_id, plain(back))
    draft.put(KIND, place, replace(now, given=known.given + int(back[0])))
    if draft.why is not None:
        part = nodes_of(back, currencies)
        add_both(draft.why, _stands(place), part.taken_back("given by a credit memo"))
        draft.why.add(given_of(contract_id, line_id), part.amount)


def state_given(draft: Draft, contract_id: str, line_id: str, given: Amount) -> None:
    """Balances state what memos gave before, in place of what they stated until now; a journal of theirs takes it off 2320."""
    known = standing(draft, contract_id, line_id)
    if not given and not known.stated:
        return
    place, of = composed(contract_id, line_id), given_of(contract_id, line_id)
    now = replace(known, given=known.given - known.stated + plain(given), stated=plain(given))
    draft.put(KIND, place, now if now != RefundLiability() else None)
    if draft.why is not None:
        if known.stated:
            draft.why.add(of, negated("stated before", draft.why.figure(_stated(place))))
        node = node_of(given, "given by credit memos before") if given else constant("given before", 0, "amount")
        draft.why.add(of, node)
        draft.why.record(_stated(place), plain(given), node)


def _stated(place: str) -> str:
    return f"rebates_stated/{place}"


def _take_in(draft: Draft) -> None:
    """What journals of balances that were brought forward moved."""
    for record in draft.outputs:
        if not isinstance(record, JournalEntry) or not record.rule.startswith(OF_BALANCES):
            continue
        for number, line in enumerate(record.lines, 1):
            if line.account == REFUND_LIABILITY:
                _keep(draft, record.contract_id or "", record.rule.removeprefix(OF_BALANCES), record, number)


def _less(known: RefundLiability, project_id: str, taken: Balance) -> RefundLiability:
    in_project = known.projects.get(project_id, 0) - taken[0]
    projects = {name: amount for name, amount in (known.projects | {project_id: in_project}).items() if amount}
    return replace(known, amount=known.amount - taken[0], ledger=known.ledger - taken[1], projects=projects)


def owed_in(draft: Draft, contract_id: str, project_id: str) -> Amount:
    """What of the contract stands on 2320 in a project, credit positive."""
    parts = (draft.part(KIND, part_id) for part_id in draft.ids(KIND) if parts_of(part_id)[0] == contract_id)
    return sum(known.projects.get(project_id, 0) for known in parts if known is not None)


def _stands(place: str) -> str:
    return f"owed_back/{place}"


def given_of(contract_id: str, line_id: str) -> str:
    """What credit memos gave of rebates, as a recorder sums it."""
    return f"rebates_given/{composed(contract_id, line_id)}"


# What is expected to go back


def _reductions_of(
    draft: Draft, contract: Contract, line_id: str, history: LineHistory, owed: Mapping[str, Amount]
) -> list[Reduction]:
    """As the event left them. Of lines before this one is `owed`."""
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    if entity is None or not history.held:
        return []
    day = local_date(draft.cause.recorded_at, entity.zone)
    price = on_day(history.held, day).allocated
    if price is None:
        return []
    due = {item_id for item_id, said in settled(history.revised).items() if said.as_of <= day}
    shared = [line.line_id for line in price.lines]
    together, beside = 0, 0
    if len(shared) > 1 and (beside := called(sum(owed.get(each, 0) for each in shared), "owed back of other lines")):
        together = called(sum(_price_invoiced(draft, contract, each) for each in shared), "invoiced of all lines")
    found = []
    for item in _items(history, price, due):
        if item.amount < 0 or item.item_id in due:
            of, name = (price.own,) if item.alone else price.lines, item.item_id
            ids = [line.line_id for line in of] or [line_id]
            expected = titled(-item.amount, f"{name}: expected to go back")
            credited = titled(-_charged(draft, contract, line_id, name), f"{name}: credited")
            invoiced = called(sum(_price_invoiced(draft, contract, each) for each in ids), "invoiced of the price")
            less = sum(draft.line(contract.contract_id, each).conceded for each in ids)
            whole = called(sum(line.price for line in of), "price")
            found.append(Reduction(name, expected, name in due, credited, whole, invoiced, beside, together, less))
    return found


def _items(history: LineHistory, price: AllocatedPrice, due: set[str]) -> list[PricedItem]:
    """Of a contract that is over only what is settled counts."""
    if not price.is_final:
        return list(price.own.items)
    said = settled(history.revised)
    return [PricedItem(one, said[one].amount or 0, said[one].version) for one in sorted(due)]


def charge_rows(history: LineHistory, contract_id: str, line_id: str) -> dict[str, str]:
    """Rows that charge what is settled of variable parts, by item."""
    items = dict.fromkeys(item.item_id for one in history.held for item in one.line.variable_consideration)
    return {item_id: charge_row(contract_id, line_id, item_id) for item_id in items}


def _charged(draft: Draft, contract: Contract, line_id: str, item_id: str) -> Amount:
    """What invoices have of what is settled of an item."""
    return sum(one.invoiced for one in issued_of_item(draft, contract.contract_id, line_id, item_id))


def _price_invoiced(draft: Draft, contract: Contract, line_id: str) -> Amount:
    history = known_of(draft, contract, line_id)
    items = charge_rows(history, contract.contract_id, line_id)
    charged = sum(_charged(draft, contract, line_id, item_id) for item_id in items)
    return called(draft.line(contract.contract_id, line_id).invoiced - charged, f"line {line_id}: invoiced")


# Bringing it there


def _settle(draft: Draft, contract: Contract) -> None:
    """What falls comes first: no more stands on 2320 than is invoiced, at any time."""
    falls: list[OwedBack] = []
    rises: list[OwedBack] = []
    for one in owed_of_lines(draft, contract, partial(known_of, draft, contract), partial(_given, draft, contract)):
        line_id = one.plan.line.line_id
        if one.given and _parts_of(contract, line_id):
            _report(draft, contract, one.plan, one.reductions)
        (falls if one.wanted < standing(draft, contract.contract_id, line_id).amount else rises).append(one)
    for one in falls + rises:
        _bring(draft, contract, one.plan, one.wanted)


class OwedBack(NamedTuple):
    """`wanted` of a contract line is to stand on 2320, of which credit memos have `given` some."""

    plan: LinePlan
    reductions: list[Reduction]
    given: Amount
    wanted: Amount


def owed_of_lines(
    draft: Draft, contract: Contract, history_of: Callable[[str], LineHistory], given: Callable[[str], Amount]
) -> Iterator[OwedBack]:
    """As the event left them, in their order: what is owed of a line is not owed of the next that shares its price."""
    owed: dict[str, Amount] = {}
    for line_id in line_ids(contract):
        plan = newest_plan(draft, contract, line_id)
        if plan is None:
            continue
        reductions, has = _reductions_of(draft, contract, line_id, history_of(line_id), owed), given(line_id)
        wanted = owed_back(reductions, has, contract.terms.currency, plan.policies.money_mode)
        owed[line_id] = wanted + has
        yield OwedBack(plan, reductions, has, wanted)


def _given(draft: Draft, contract: Contract, line_id: str) -> Amount:
    return standing(draft, contract.contract_id, line_id).given


def _bring(draft: Draft, contract: Contract, plan: LinePlan, wanted: Amount) -> None:
    line_id = plan.line.line_id
    known = standing(draft, contract.contract_id, line_id)
    mode, had = plan.policies.money_mode, (known.amount, known.ledger)
    if wanted == known.amount and (wanted or not known.ledger):
        return
    found = position.standing(draft, contract.contract_id)
    place = place_beside(draft, contract, found.posted_on)
    before, exchange, booking = found.position, place.exchange, place.booking
    of = about(draft, ("contract", contract.contract_id, contract.version), f"{RULE}{line_id}")
    if draft.why is not None:
        journal_id, currencies = journal_id_of(of, booking), (booking.currency, booking.ledger_currency)
        wanted = Recorded(elsewhere("to be owed back", wanted, composed(KIND, journal_id), booking.currency))
        parts = parts_of_both(draft.why, _stands(composed(contract.contract_id, line_id)))
        had = all_of("on 2320 before", parts, currencies).of(had)
        before = position_before(before, journal_id, currencies)
        exchange = RecordedRate.along(_rates_of(booking), exchange)
    legs = merge(moved(wanted, had, before, exchange, booking.ledger_currency, mode))
    record = emit_placed(
        draft,
        of,
        booking,
        [(plan.line.project_id, leg) for leg in legs],
        contract_id=contract.contract_id,
        customer_id=contract.terms.customer_id,
        # The ERP has what was brought forward.
        deliver=contract.contract_id not in draft.loaded,
        policies=plan.policies,
    )
    for number, line in enumerate(record.lines, 1):
        if line.account == REFUND_LIABILITY:
            _keep(draft, contract.contract_id, line_id, record, number)


def _report(draft: Draft, contract: Contract, plan: LinePlan, reductions: list[Reduction]) -> None:
    """What memos gave beyond what is expected. Who settled the exception hears of it again when that changes."""
    line_id, currency = plan.line.line_id, contract.terms.currency
    place, known = composed(contract.contract_id, line_id), standing(draft, contract.contract_id, line_id)
    beyond = given_beyond(reductions, known.given)
    if beyond == known.beyond:
        return
    draft.put(KIND, place, replace(known, beyond=beyond))
    if not beyond:
        draft.resolve_exception(BEYOND_ESTIMATE, LINE, place)
        return
    given, left, rest = (format_amount(amount, currency) for amount in (known.given, known.given - beyond, beyond))
    message = (
        f"line {line_id} of contract {contract.contract_id}: credit memos gave {given} {currency} of rebates, expected at most {left} by "
        f"{_parts_of(contract, line_id)}; "
    )
    if sum(given_by_memos(known_of(draft, contract, line_id)).values()) == known.given:
        message += f"the next statement asks {rest} {currency} back, unless it is settled at what was given"
    else:
        message += "raise the estimate, or settle it at what was given"
    draft.raise_exception(
        BEYOND_ESTIMATE,
        LINE,
        place,
        message,
        project_id=plan.line.project_id,
        contract_id=contract.contract_id,
        amount=_named(draft, place, beyond, currency),
        currency=currency,
        revises=True,
    )


def _named(draft: Draft, place: str, beyond: Amount, currency: str) -> Amount:
    """What an explanation asks for again."""
    if draft.why is None:
        return beyond
    address = composed(GIVEN_BEYOND, *parts_of(place), str(draft.why.now))
    return Recorded(elsewhere("given, and not expected to go back", beyond, address, currency))


def _parts_of(contract: Contract, line_id: str) -> str:
    """Names of the variable parts that the line has, or had, by its terms."""
    lines = (line for line in contract.every_line if line.line_id == line_id)
    return ", ".join(dict.fromkeys(item.item_id for line in lines for item in line.variable_consideration))


def _rates_of(booking: Booking) -> Rates:
    if booking.currency == booking.ledger_currency:
        return Rates()
    return Rates((constant("rate of the day", booking.exchange_rate, "exchange_rate"),), ("times",))


def _keep(draft: Draft, contract_id: str, line_id: str, record: JournalEntry, number: int) -> None:
    line, place = record.lines[number - 1], composed(contract_id, line_id)
    known = standing(draft, contract_id, line_id)
    now = _less(known, line.project_id or "", (line.amount, line.ledger_amount))
    draft.put(KIND, place, now if now != RefundLiability() else None)
    if draft.why is not None:
        currencies = record.currency, record.ledger_currency
        leg = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
        add_both(draft.why, _stands(place), leg.taken_back("owed back"))
