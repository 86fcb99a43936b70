"""What is open in another currency than the ledger's, by company and currency, and by account, contract and project.

Journals say what is open, by their accounting periods.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.accounts import UNAPPLIED_CASH
from domain.events.reference import LegalEntityDefined
from domain.explanation import total
from domain.figure import as_recorded
from domain.identity import composed, parts_of
from domain.ledger.position import Balance, standing_at, with_move
from domain.ledger.recorded import add_both, all_of, journal_line, parts_of_both
from domain.ledger.revaluation import ACCOUNTS, CUMULATIVE, RULE, is_held
from domain.outputs import JournalEntry
from domain.policies import Resolved
from domain.reference import fiscal
from domain.reference.fiscal import AccountingPeriod
from domain.units import Amount
from state.books import Monetary
from state.draft import Draft
from state.terms.known import entity_policies

KIND: Final = "monetary"
# Periods by company and currency: those that are revalued, and those that wait for a rate. Of both the ones with what is earned and not
# invoiced, and the ones of which the unrealised amounts stand (policy `cumulative`).
VALUED, LACKING, EARNED, LEFT = "revalued", "not_revalued", "earned_revalued", "left_unrealised"
# After every period.
FOREVER: Final = "9999"


class ForeignBalances(NamedTuple):
    """What is revalued together: one company and currency."""

    entity: LegalEntityDefined
    currency: str
    policies: Resolved

    @property
    def key(self) -> str:
        return composed(self.entity.legal_entity_id, self.currency)

    @property
    def is_revalued(self) -> bool:
        return self.policies.fx_revaluation != "none"

    def holds(self, account: str) -> bool:
        return is_held(account, self.policies)


class Moved(NamedTuple):
    """What the event moved of a balance, by period, and the last accounting date of it."""

    periods: Mapping[str, Balance]
    last: date


NOTHING_MOVED: Final[Mapping[str, Moved]] = {}


class Change(NamedTuple):
    """What of a part goes to 7100."""

    part_id: str
    amount: Amount


def group_key(part_id: str) -> str:
    return composed(*parts_of(part_id)[:2])


def group_of(draft: Draft, key: str) -> ForeignBalances | None:
    """None where nobody has defined the company."""
    entity_id, currency = parts_of(key)
    entity = draft.reference.entity(entity_id)
    policies = entity_policies(draft, entity)
    if entity is None:
        return None
    return ForeignBalances(entity, currency, policies)


def parts_of_group(draft: Draft, key: str) -> list[str]:
    return [part_id for part_id in draft.ids(KIND) if group_key(part_id) == key]


def named_period(group: ForeignBalances, name: str) -> AccountingPeriod:
    found = fiscal.period_named(group.entity.fiscal_calendar, name)
    assert found is not None, "the period is one of the calendar"
    return found


def periods_of(draft: Draft, which: str, key: str) -> tuple[str, ...]:
    kept: dict[str, tuple[str, ...]] = draft.part("index", which) or {}
    return kept.get(key, ())


def put_periods(draft: Draft, which: str, key: str, names: Iterable[str]) -> None:
    kept: dict[str, tuple[str, ...]] = dict(draft.part("index", which) or {})
    kept.pop(key, None)
    if found := tuple(sorted(names)):
        kept[key] = found
    if kept != (draft.part("index", which) or {}):
        draft.put("index", which, kept or None)


def known_periods(draft: Draft, key: str) -> list[str]:
    """Those that are revalued, or wait for a rate; by the policies of their ends, whatever the company asks for by now."""
    return sorted({*periods_of(draft, VALUED, key), *periods_of(draft, LACKING, key)})


def begin_period(draft: Draft, group: ForeignBalances, name: str) -> None:
    """Keep by which policies a period is revalued: those of its end, whatever comes later; before the first that is known, as that one."""
    known = known_periods(draft, group.key)
    if name in known:
        return
    following = next((each for each in known if each > name), None)
    by_policy = ((EARNED, group.policies.unbilled_is_monetary), (LEFT, group.policies.fx_revaluation == CUMULATIVE))
    for which, is_now in by_policy:
        kept = periods_of(draft, which, group.key)
        if is_now if following is None else following in kept:
            put_periods(draft, which, group.key, {*kept, name})


def left_periods(draft: Draft, group: ForeignBalances) -> list[str]:
    """Revalued periods of which the unrealised amounts stand until the next; the last is the one that stands now."""
    valued = periods_of(draft, VALUED, group.key)
    return [name for name in periods_of(draft, LEFT, group.key) if name in valued]


# What is open


def take_in(draft: Draft) -> Mapping[str, Moved]:
    """What the event's journals moved, by balance, put into the books; journals of revaluation move nothing of it."""
    found: dict[str, tuple[dict[str, Balance], date]] = {}
    for record in draft.outputs:
        if not isinstance(record, JournalEntry) or record.currency == record.ledger_currency:
            continue
        if record.rule.startswith(RULE):
            continue
        for number, line in enumerate(record.lines, 1):
            if line.account not in ACCOUNTS:
                continue
            of = ("", "") if line.account == UNAPPLIED_CASH else (record.contract_id or "", line.project_id or "")
            part_id = composed(record.legal_entity_id, record.currency, line.account, *of)
            periods, last = found.setdefault(part_id, ({}, record.accounting_date))
            periods = with_move(periods, record.period, (line.amount, line.ledger_amount))
            found[part_id] = periods, max(last, record.accounting_date)
            if draft.why is not None:
                currencies = record.currency, record.ledger_currency
                leg = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
                add_both(draft.why, _moves_of(part_id, record.period), leg)
    for part_id, (periods, _) in found.items():
        known: Monetary = draft.part(KIND, part_id) or Monetary()
        moves = known.moves
        for name, move in periods.items():
            moves = with_move(moves, name, move)
        draft.put(KIND, part_id, replace(known, moves=moves))
    return {part_id: Moved(*one) for part_id, one in found.items()} if found else NOTHING_MOVED


def _moves_of(part_id: str, name: str) -> str:
    return f"monetary/{part_id}/{name}"


def open_at(draft: Draft, group: ForeignBalances, part_id: str, name: str) -> Balance:
    """At a period's end."""
    known: Monetary = draft.part(KIND, part_id)
    balance = standing_at(known.moves, name)
    if draft.why is None:
        return balance
    parts = [
        part
        for period in known.moves
        if period <= name
        for part in parts_of_both(draft.why, _moves_of(part_id, period))
    ]
    return all_of(f"open at the end of {name}", parts, (group.currency, group.entity.currency)).of(balance)


def unrealised_of(part_id: str, name: str) -> str:
    """Where a recorder has what was unrealised of a part at a period's end."""
    return f"unrealised/{part_id}/{name}"


def valued_of(part_id: str, name: str) -> str:
    """Where it has the amount that was valued then."""
    return f"valued/{part_id}/{name}"


# What revaluation has posted


def posted_by(draft: Draft, group: ForeignBalances, part_id: str, name: str) -> Amount:
    """By a period's end."""
    known: Monetary = draft.part(KIND, part_id)
    of = [period for period in known.posted if period <= name]
    amount = sum(known.posted[period] for period in of)
    if draft.why is None:
        return amount
    lines = [node for period in of for node in draft.why.parts_at(posted_of(part_id, period), draft.why.now)]
    return as_recorded(amount, total("posted by revaluation until then", lines, "amount", group.entity.currency))


def keep_posted(draft: Draft, part_id: str, name: str, amount: Amount) -> None:
    known: Monetary = draft.part(KIND, part_id)
    has = {**known.posted, name: known.posted.get(name, 0) + amount}
    draft.put(KIND, part_id, replace(known, posted={of: has[of] for of in sorted(has) if has[of]}))


def posted_of(part_id: str, name: str) -> str:
    """Where a recorder has the lines that moved a part in a period."""
    return f"revalued/{part_id}/{name}"
