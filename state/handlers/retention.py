"""What customers retain of the statements of a contract, and what is released to them (R32): one account for each bill-to.

A statement decides when it is cut (`decide`), keeps that on the bill-to's account once it has its name (`keep`), and its invoice moves it
between 1100 and 1170 (`moved`): what is withheld at the invoice's rate, what leaves 1170 as the statement that withheld it carries it. A
credit memo gives back the part of it that is retained (`credit`).

    10,000.00 retained at 0.90 are carried at 9,000.00; 4,000.00 of them leave at 3,600.00, whatever the rate is by then
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RETENTION_RECEIVABLE
from domain.billing import retention as rule
from domain.billing.periods import BillingPeriod
from domain.events.common import Retention
from domain.identity import composed, parts_of
from domain.ledger.journal import Leg
from domain.ledger.position import relieved
from domain.reference.zones import local_date
from domain.units import Amount, Percent
from state.books import Contract, RetentionAccount, StatementState, Withheld
from state.charges.terms_known import last_day
from state.draft import Draft
from state.terms.known import Slot
from state.terms.periods import zone_of
from state.terms.plan import contract_policies, terms_on

DAY = timedelta(days=1)
# By the statement that withheld it and the project of its lines; above zero what is withheld, below what leaves.
Pieces = tuple[tuple[str, str, Amount], ...]


class Kept(NamedTuple):
    """What a statement withholds, below zero where it takes back, and what it releases of what was retained before."""

    retained: Amount = 0
    released: Amount = 0
    gross: Amount = 0
    reached: Percent | None = None
    counts: bool = False


NOTHING = Kept()


def account_of(draft: Draft, contract_id: str, bill_to: str) -> RetentionAccount:
    found: RetentionAccount | None = draft.part("retention", composed(contract_id, bill_to))
    return found or RetentionAccount()


def holders(draft: Draft, contract_id: str) -> list[str]:
    """Bill-tos of whose statements something is retained."""
    places = ((part_id, parts_of(part_id)) for part_id in draft.ids("retention"))
    return sorted(
        bill_to for part_id, (of, bill_to) in places if of == contract_id and draft.part("retention", part_id).left
    )


def decide(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    lines: Mapping[str, Amount],
    beside: Mapping[str, Amount],
) -> Kept:
    """Of a bill that has these amounts of contract lines before tax, deposits left out; `beside` are those of bills to others that the
    same cut brings after it, which complete the price for all alike."""
    day, gross = period.to - DAY, sum(lines.values())
    agreed = terms_on(contract, day).retention
    account = account_of(draft, contract.contract_id, bill_to)
    before = account.left
    if agreed is None or has_ended(draft, contract, period, agreed):
        # A day that is named releases with a statement of its own; a draft of before it was agreed releases nothing of it.
        frees = agreed.release_on is None if agreed is not None else not _is_agreed_since(contract, day)
        return Kept(released=before, gross=gross) if before and frees else NOTHING
    mode, currency = contract_policies(draft, contract, day).money_mode, contract.terms.currency
    if gross < 0:
        back = rule.taken_back(gross, before, account.billed, currency, mode)
        return Kept(-back, 0, gross, account.reached, counts=True)
    steps = rule.reached(agreed.steps, *completion(draft, contract, day, lines, beside))
    if not steps:
        return Kept(gross=gross, reached=account.reached, counts=True)
    step = steps[-1]
    retained = rule.withheld(step, gross, currency, mode)
    if account.reached is not None and step.at_percent <= account.reached:
        return Kept(retained, 0, gross, account.reached, counts=True)
    return Kept(retained, rule.released(step, before, currency, mode), gross, step.at_percent, counts=True)


def _is_agreed_since(contract: Contract, day: date) -> bool:
    """Whether terms after the day retain, of which a period is cut."""
    cut = contract.period_start or contract.requested_to or day
    return any(stored.terms.retention is not None and day < stored.effective_on < cut for stored in contract.history)


def completion(
    draft: Draft, contract: Contract, day: date, lines: Mapping[str, Amount], beside: Mapping[str, Amount]
) -> tuple[Amount, Amount]:
    """What is billed of the lines that have a price, this cut included, and their prices by the terms of the day."""
    priced = rule.priced_lines(terms_on(contract, day))
    billed = sum(
        draft.line(contract.contract_id, line.line_id).issued + lines.get(line.line_id, 0) + beside.get(line.line_id, 0)
        for line, _, _ in priced
    )
    return billed, sum(price for _, price, _ in priced)


def has_ended(draft: Draft, contract: Contract, period: BillingPeriod, agreed: Retention) -> bool:
    """Whether nothing is withheld any more: the day of release is over, or without one the contract."""
    today = local_date(draft.cause.recorded_at, zone_of(draft, contract))
    if agreed.release_on is not None:
        return agreed.release_on < today
    last = last_day(contract)
    return last is not None and last < min(period.to, today)


def falls_free(draft: Draft, contract: Contract, period: BillingPeriod) -> list[str]:
    """Bill-tos to whom the cut of a period releases, also where nothing is billed: the contract is over and names no day."""
    held = holders(draft, contract.contract_id)
    if not held:
        return []
    agreed = terms_on(contract, period.to - DAY).retention
    if agreed is not None and (agreed.release_on is not None or not has_ended(draft, contract, period, agreed)):
        return []
    last = last_day(contract)
    return held if agreed is not None or (last is not None and last < period.to) else []


def released_on(contract: Contract, day: date) -> date | None:
    """The day, by the terms in force on `day`, on which all is released if it is over by then."""
    agreed = terms_on(contract, day).retention
    on = agreed.release_on if agreed is not None else None
    return on if on is not None and on <= day else None


def is_over(draft: Draft, contract: Contract, period: BillingPeriod) -> bool:
    """Whether the period's statement withholds nothing any more."""
    agreed = terms_on(contract, period.to - DAY).retention
    return agreed is not None and has_ended(draft, contract, period, agreed)


def is_free(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str) -> bool:
    """Whether a statement without lines releases to the bill-to: the day that is named is over, or the contract."""
    if bill_to in falls_free(draft, contract, period):
        return True
    today = local_date(draft.cause.recorded_at, zone_of(draft, contract))
    return released_on(contract, today) is not None and bill_to in holders(draft, contract.contract_id)


def all_released(draft: Draft, contract: Contract, bill_to: str) -> Kept:
    return Kept(released=account_of(draft, contract.contract_id, bill_to).left)


def keep(draft: Draft, contract_id: str, bill_to: str, statement_id: str, project_id: str, kept: Kept) -> Pieces:
    """Bring the account to what the statement says; of what was retained the oldest goes first."""
    if kept == NOTHING:
        return ()
    account = account_of(draft, contract_id, bill_to)
    pieces: list[tuple[str, str, Amount]] = []
    held: list[Withheld] = []
    goes = kept.released + max(-kept.retained, 0)
    for one in account.withheld:
        taken = min(one.left, goes)
        goes -= taken
        if taken:
            pieces.append((one.statement_id, one.project_id, -taken))
        held.append(replace(one, left=one.left - taken))
    if kept.retained > 0:
        pieces.append((statement_id, project_id, kept.retained))
        held.append(Withheld(statement_id, project_id, kept.retained))
    billed = account.billed + kept.gross if kept.counts else account.billed
    reached = kept.reached if kept.counts else account.reached
    now = RetentionAccount(_open(held), max(billed, 0), reached)
    draft.put("retention", composed(contract_id, bill_to), now)
    return tuple(pieces)


def _open(held: list[Withheld]) -> tuple[Withheld, ...]:
    """What is over is kept no longer; an invoice that comes later finds it anew."""
    return tuple(one for one in held if one.left or one.posted or one.posted_ledger)


class Moved(NamedTuple):
    project_id: str
    leg: Leg


def moved(draft: Draft, statement: StatementState, slot: Slot, mode: str) -> list[Moved]:
    """The invoice of the statement is posted: what it moves on 1170, by statement that withheld it."""
    return list(_moved(draft, statement, slot, mode)) if statement.retention else []


def _moved(draft: Draft, statement: StatementState, slot: Slot, mode: str) -> Iterator[Moved]:
    for withheld_by, project_id, amount in statement.retention:
        account = account_of(draft, statement.contract_id, statement.bill_to)
        found = next((one for one in account.withheld if one.statement_id == withheld_by), None)
        had = found or Withheld(withheld_by, project_id, 0)
        ledger = -relieved(-amount, (had.posted, had.posted_ledger), slot.exchange, slot.entity.currency, mode)
        now = replace(had, posted=had.posted + amount, posted_ledger=had.posted_ledger + ledger)
        held = [now if one is found else one for one in account.withheld] + ([now] if found is None else [])
        part_id = composed(statement.contract_id, statement.bill_to)
        draft.put("retention", part_id, replace(account, withheld=_open(held)))
        yield Moved(project_id, Leg(RETENTION_RECEIVABLE, "retention", amount, ledger))


def left_of(draft: Draft, statement: StatementState) -> Amount:
    """What the statement withheld, and nothing released or took back."""
    account = account_of(draft, statement.contract_id, statement.bill_to)
    return sum(one.left for one in account.withheld if one.statement_id == statement.statement_id)


def credit(
    draft: Draft, statement: StatementState, gross: Amount, kept_back: Amount, slot: Slot, mode: str
) -> Moved | None:
    """A credit memo takes back of the statement's bill, and of that what is retained; it leaves 1170 as it is carried there."""
    account = account_of(draft, statement.contract_id, statement.bill_to)
    billed = max(account.billed - gross, 0) if statement.is_retained_from else account.billed
    had = next((one for one in account.withheld if one.statement_id == statement.statement_id), None)
    held, leaves = list(account.withheld), None
    if had is not None and kept_back:
        ledger = relieved(kept_back, (had.posted, had.posted_ledger), slot.exchange, slot.entity.currency, mode)
        posted, posted_ledger = had.posted - kept_back, had.posted_ledger - ledger
        now = replace(had, left=had.left - kept_back, posted=posted, posted_ledger=posted_ledger)
        held = [now if one is had else one for one in held]
        leaves = Moved(had.project_id, Leg(RETENTION_RECEIVABLE, "retention", -kept_back, -ledger))
    after = RetentionAccount(_open(held), billed, account.reached)
    if after != account:
        draft.put("retention", composed(statement.contract_id, statement.bill_to), after)
    return leaves


def balance(draft: Draft, contract_id: str, project_id: str) -> Amount:
    """What stands on 1170 of the contract in a project."""
    found = [
        draft.part("retention", part_id) for part_id in draft.ids("retention") if parts_of(part_id)[0] == contract_id
    ]
    return sum(one.posted for account in found for one in account.withheld if one.project_id == project_id)
