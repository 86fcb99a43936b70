"""What contracts provide for losses that are expected of them, brought to what is required as periods end (`domain/revenue/provision.py`).

Every period that has ended, after the last one that is closed, is brought to its figure on its last day, whatever changed. What comes late
for a closed period moves the first one that ends after it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.capabilities import PROVISION
from domain.events.reference import DayEnded, LegalEntityDefined
from domain.exceptions import NO_ESTIMATE, ExceptionCategory
from domain.figure import Recorded, RecordedRate
from domain.identity import composed, parts_of
from domain.ledger.journal import journal_id_of
from domain.ledger.position import standing_at, with_move
from domain.ledger.recorded import Carried, add_both, all_of, journal_line, parts_of_both
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.reference import fiscal
from domain.reference.exchange import MISSING_RATE, NO_RATE, MissingRate
from domain.reference.fiscal import AccountingPeriod
from domain.reference.zones import local_date
from domain.refusals import LINE
from domain.revenue import spent
from domain.revenue.method import ALL_COST
from domain.revenue.provision import (
    OF_A_CONTRACT,
    RULE,
    KnownLine,
    LineAtCompletion,
    counts,
    course_of,
    foreseen_on,
    lines_at_completion,
    moved,
    required,
)
from domain.units import Amount
from domain.waiting import WaitKey, waits_for_exchange_rate
from domain.why import Why, elsewhere, quoted
from state.books import Contract, Provided
from state.charges.estimates import found_instead, other_currency
from state.charges.spent import LINE as SPENDING
from state.charges.spent import MONTH as SPENT_IN_MONTH
from state.charges.spent import take_in
from state.draft import Draft
from state.ledger.posting import about, booking_of, emit_placed
from state.rerating.rerate import line_ids
from state.revenue.provided import KIND, begin_to_keep, lines_of
from state.terms.known import Slot, exchange_on, period
from state.terms.plan import contract_policies
from state.totals import month_of

# What changes what is required; work does where its period has ended.
WATCHED: Final = frozenset(
    {
        "contract",
        "fees",
        "reports",
        "line_estimates",
        "milestone",
        SPENDING,
        "brought_forward",
        "variable_consideration",
    }
)
DAY = timedelta(days=1)


class Provider(NamedTuple):
    """A contract that provides for its loss, and who keeps its books."""

    contract: Contract
    entity: LegalEntityDefined
    policies: Resolved

    @property
    def contract_id(self) -> str:
        return self.contract.contract_id

    @property
    def currency(self) -> str:
        return self.contract.terms.currency


def after_event(draft: Draft, ended: DayEnded | None) -> None:
    take_in(draft)
    _take_in(draft)
    for contract in list(draft.contracts()):
        provider = _provider(draft, contract)
        if provider is not None and _is_concerned(draft, provider, ended):
            _settle(draft, provider, ended)


def retry(draft: Draft, contract_id: str) -> None:
    """A rate came that it waits for."""
    contract = draft.contract(contract_id)
    provider = _provider(draft, contract) if contract is not None else None
    if provider is not None:
        _settle(draft, provider, None)


def may_arise(draft: Draft, contract: Contract) -> bool:
    """Whether the contract provides for its loss."""
    return bool(contract.history) and contract_policies(draft, contract).loss_provision == OF_A_CONTRACT


def _provider(draft: Draft, contract: Contract) -> Provider | None:
    """None where nobody asks for it, or ever did; nor of a contract of which each engagement knows but its own part."""
    entity = draft.reference.entity(contract.terms.legal_entity_id) if contract.history else None
    if entity is None or contract.divided or not (may_arise(draft, contract) or provided(draft, contract).is_kept):
        return None
    return Provider(contract, entity, contract_policies(draft, contract))


def provided(draft: Draft, contract: Contract) -> Provided:
    return draft.part(KIND, contract.contract_id) or Provided()


def _is_concerned(draft: Draft, of: Provider, ended: DayEnded | None) -> bool:
    if ended is not None and ended.zone == of.entity.zone:
        return True
    if draft.kinds & WATCHED:
        return True
    running = period(draft, of.entity, local_date(draft.cause.recorded_at, of.entity.zone))
    last = month_of(running.start - DAY)
    return any(kind == SPENT_IN_MONTH and parts_of(part_id)[2] <= last for kind, part_id in draft.parts)


# What stands


def _take_in(draft: Draft) -> None:
    """What the event's journals moved, also those of balances brought forward."""
    for record in draft.outputs:
        if isinstance(record, JournalEntry) and record.contract_id is not None:
            for number, line in enumerate(record.lines, 1):
                if line.account == PROVISION:
                    _keep(draft, record, number)


def _keep(draft: Draft, record: JournalEntry, number: int) -> None:
    contract_id, line = record.contract_id or "", record.lines[number - 1]
    known: Provided = draft.part(KIND, contract_id) or Provided()
    project_id = line.project_id or ""
    moves = known.moves.get(project_id, {})
    by = {**known.moves, project_id: with_move(moves, record.period, (-line.amount, -line.ledger_amount))}
    draft.put(KIND, contract_id, replace(known, moves=dict(sorted(by.items()))))
    if draft.why is not None:
        currencies = record.currency, record.ledger_currency
        leg = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
        add_both(draft.why, _moves_of(contract_id, project_id, record.period), leg.taken_back("provided"))


def _moves_of(contract_id: str, project_id: str, name: str) -> str:
    return f"provided/{composed(contract_id, project_id, name)}"


# What is required


def _settle(draft: Draft, of: Provider, ended: DayEnded | None) -> None:
    today = local_date(draft.cause.recorded_at, of.entity.zone)
    is_own = ended is not None and ended.zone == of.entity.zone
    yesterday = max(today - DAY, ended.date) if ended is not None and is_own else today - DAY
    last = fiscal.last_ended(of.entity.fiscal_calendar, yesterday)
    lines = _lines(draft, of, yesterday)
    _note_estimates(draft, of, lines, last.to - DAY)
    if _waits_for_cost(draft, of, lines):
        return
    for each in _periods(draft, of, lines, last):
        if not _bring(draft, of, each, lines_at_completion(lines, each.to - DAY, of.currency)):
            return
    _go_on(draft, of, ())
    if lines and not all(yesterday >= one.known.held[-1].before for one in lines):
        draft.due.add((of.entity.zone, (fiscal.period_after(of.entity.fiscal_calendar, last).to - DAY).isoformat()))


def _lines(draft: Draft, of: Provider, yesterday: date) -> list[KnownLine]:
    if not may_arise(draft, of.contract):
        return []
    begin_to_keep(draft, of.contract)
    return lines_of(draft, of.contract, yesterday)


def _periods(
    draft: Draft, of: Provider, lines: Sequence[KnownLine], last: AccountingPeriod
) -> Iterator[AccountingPeriod]:
    """From the first in which anything is known to the last that has ended; none up to one that is closed, nor those that balances
    include."""
    calendar = of.entity.fiscal_calendar
    closed = max(draft.reference.closed_periods(of.entity.legal_entity_id), default="")
    begins = max((one.known.opening.as_of for one in lines if one.known.opening is not None), default=date.min)
    names = sorted(name for moves in provided(draft, of.contract).moves.values() for name in moves)
    days = [one.known.estimates[0].as_of for one in lines if one.known.estimates]
    firsts = [fiscal.period_of(calendar, day) for day in days]
    firsts += [own for name in names[:1] if (own := fiscal.period_named(calendar, name)) is not None]
    following = min(firsts, key=lambda one: one.start, default=None)
    while following is not None and following.start <= last.start:
        if following.name > closed and following.to - DAY > begins:
            yield following
        following = fiscal.period_after(calendar, following)


def _bring(draft: Draft, of: Provider, ends: AccountingPeriod, lines: Sequence[LineAtCompletion]) -> bool:
    """What is provided at a period's end to what is required then; whether that was possible."""
    day, known, mode = ends.to - DAY, provided(draft, of.contract), of.policies.money_mode
    wanted = required(lines, of.currency, mode)
    standing = {each: standing_at(known.moves.get(each, {}), ends.name) for each in sorted({*known.moves, *wanted})}
    if all(had == (wanted.get(each, 0), had[1]) and (had[0] or not had[1]) for each, had in standing.items()):
        return True
    exchange = exchange_on(draft, of.policies, of.currency, of.entity.currency, day, day)
    if isinstance(exchange, MissingRate):
        staleness = of.policies.rate_staleness_days
        keys = waits_for_exchange_rate(of.currency, of.entity.currency, of.entity.legal_entity_id, {day}, staleness)
        amount = format_amount(sum(wanted.values()), of.currency)
        what = f"{amount} {of.currency} of contract {of.contract_id} at the end of {ends.name}"
        _wait(draft, of, exchange.category, f"{exchange.message}; until then nothing is provided for: {what}", keys)
        return False
    whose = about(draft, ("contract", of.contract_id, of.contract.version), f"{RULE}{ends.name}")
    booking = booking_of(Slot(of.entity, of.currency, day, ends.name, exchange), "posting")
    if draft.why is not None:
        journal_id = journal_id_of(whose, booking)
        wanted = {each: _said_wanted(of, ends, each, wanted.get(each, 0), journal_id) for each in standing}
        standing = {each: _said_standing(draft.why, of, ends, known, each).of(had) for each, had in standing.items()}
        rates = quoted(exchange, of.policies.exchange_rate_type, day, of.entity)
        exchange = RecordedRate.along(rates, exchange)
    legs = {each: moved(wanted.get(each, 0), had, exchange, of.entity.currency, mode) for each, had in standing.items()}
    record = emit_placed(
        draft,
        whose,
        booking,
        [(project_id, leg) for project_id, own in legs.items() for leg in own],
        contract_id=of.contract_id,
        customer_id=of.contract.terms.customer_id,
        policies=of.policies,
    )
    for number, line in enumerate(record.lines, 1):
        if line.account == PROVISION:
            _keep(draft, record, number)
    known = provided(draft, of.contract)
    if not known.is_kept:
        draft.put(KIND, of.contract_id, replace(known, is_kept=True))
    return True


def _said_wanted(of: Provider, ends: AccountingPeriod, project_id: str, amount: Amount, journal_id: str) -> Amount:
    """It has an explanation of its own."""
    address = composed(KIND, journal_id, project_id)
    return Recorded(elsewhere(f"to be provided for in {ends.name}", amount, address, of.currency))


def _said_standing(why: Why, of: Provider, ends: AccountingPeriod, known: Provided, project_id: str) -> Carried:
    parts = [
        part
        for name in known.moves.get(project_id, {})
        if name <= ends.name
        for part in parts_of_both(why, _moves_of(of.contract_id, project_id, name))
    ]
    return all_of("provided before", parts, (of.currency, of.entity.currency))


# What is lacking


def _waits_for_cost(draft: Draft, of: Provider, lines: Sequence[KnownLine]) -> bool:
    """Whether cost of a line does not count yet, for want of a rate: nothing moves until it does."""
    lacking = {each for one in lines for each in one.lacking}
    if not lacking:
        return False
    staleness, entity_id = of.policies.rate_staleness_days, of.entity.legal_entity_id
    by: dict[str, set[date]] = {}
    for day, currency in lacking:
        by.setdefault(currency, set()).add(day)
    keys = {
        key
        for currency, days in by.items()
        for key in waits_for_exchange_rate(currency, of.currency, entity_id, days, staleness)
    }
    shown = ", ".join(f"{currency} of {day}" for day, currency in sorted(lacking)[:3])
    message = (
        f"no rate to {of.currency} for cost of contract {of.contract_id} in {shown}; until then its provision stays as it is; "
        "send ExchangeRateSet"
    )
    _wait(draft, of, NO_RATE, message, keys)
    return True


def _wait(draft: Draft, of: Provider, category: ExceptionCategory, message: str, keys: Iterable[WaitKey]) -> None:
    _go_on(draft, of, keys, category)
    draft.raise_exception(
        category, KIND, of.contract_id, message, contract_id=of.contract_id, field="rate", revises=True
    )


def _go_on(draft: Draft, of: Provider, keys: Iterable[WaitKey], category: ExceptionCategory | None = None) -> None:
    """Wait for these alone."""
    known = provided(draft, of.contract)
    waits, name = tuple(sorted(set(keys))), f"{KIND}:{of.contract_id}"
    draft.waits_added |= {(kind, key, name) for kind, key in waits if (kind, key) not in known.waits}
    draft.waits_removed |= {(kind, key, name) for kind, key in known.waits if (kind, key) not in waits}
    if waits != known.waits:
        draft.put(KIND, of.contract_id, replace(known, waits=waits))
    for each in MISSING_RATE:
        if each != category:
            draft.resolve_exception(each, KIND, of.contract_id)


def _note_estimates(draft: Draft, of: Provider, lines: Sequence[KnownLine], day: date) -> None:
    """Lines of which nobody knows what remains, or that have cost more than was ever said; but those whose revenue asks for it."""
    for line_id in line_ids(of.contract):
        one = next((each for each in lines if each.line_id == line_id), None)
        lacks = _lacks(draft, of, one, day) if one is not None else None
        subject = composed(of.contract_id, line_id)
        asked = draft.open_exception(NO_ESTIMATE, LINE, subject) is not None
        if one is None or lacks is None or asked:
            draft.resolve_exception(NO_ESTIMATE, KIND, subject)
        else:
            field, message = lacks
            project_id = one.known.held[-1].line.project_id
            draft.raise_exception(
                NO_ESTIMATE,
                KIND,
                subject,
                message,
                project_id=project_id,
                contract_id=of.contract_id,
                field=field,
                revises=True,
            )


def _lacks(draft: Draft, of: Provider, line: KnownLine, day: date) -> tuple[str, str] | None:
    """The field, and what to send."""
    agreed, opening = counts(line, day), line.known.opening
    stated = opening is not None and opening.as_of <= day and line.provided
    if agreed is None or not (stated or any(one.day <= day for one in line.known.spent[:1])):
        return None
    project_id, line_id = agreed.line.project_id, line.line_id
    of_line = f"line {line_id} of contract {of.contract_id}"
    send = f"send EstimateRevised of project {project_id} with line_id {line_id} in {of.currency}"
    known = foreseen_on(line.known, day)
    if known is None:
        so = "its provision stays as its balances state it" if stated else "nothing is provided for its loss"
        expected = f"{of_line}: expected an estimate of the cost that remains in {of.currency}, got"
        other = other_currency(draft, of.contract, project_id, line_id)
        if other is not None:
            return "currency", f"{expected} one in {other} by {day}; {so}; {send}"
        got = found_instead(draft, of.contract, project_id, line_id, opening)
        return "remaining", f"{expected} {got} by {day}; {so}; {send}"
    course, at_completion = course_of(line.known), known[0]
    cost = spent.by(course, day, ALL_COST)
    if cost <= at_completion:
        return None
    got, foreseen = (format_amount(amount, of.currency) for amount in (cost, at_completion))
    by_what = spent.by_what(course, day, ALL_COST)
    return "remaining", (
        f"{of_line}: expected a cost of {foreseen} {of.currency} at completion, {by_what}, got {got} by {day}; "
        f"nothing more is provided for; {send}"
    )
