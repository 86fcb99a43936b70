"""Journals of revaluation: one a contract, in ledger currency alone, and what takes them back on the next period's first day.

With policy `cumulative` what is settled while it stands takes its part of the unrealised amount with it. What stands when the company has
chosen another policy is taken back as a whole, when the next period ends.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec.structs import replace

from domain.accounts import RECEIVABLE, UNAPPLIED_CASH
from domain.capabilities import UNREALISED
from domain.explanation import constant
from domain.figure import Recorded, as_recorded, called
from domain.identity import parts_of
from domain.ledger.journal import Leg
from domain.ledger.recorded import journal_line
from domain.ledger.revaluation import REVALUED, RULE, left_after, standing_for
from domain.outputs import JournalEntry
from domain.reference import fiscal
from domain.reference.exchange import Exchange, at_rate
from domain.reference.fiscal import AccountingPeriod
from domain.units import EXCHANGE_RATE_ONE
from state.books import Monetary
from state.draft import Draft
from state.ledger.foreign import (
    FOREVER,
    KIND,
    LEFT,
    Change,
    ForeignBalances,
    Moved,
    keep_posted,
    left_periods,
    named_period,
    parts_of_group,
    posted_by,
    posted_of,
    put_periods,
    unrealised_of,
    valued_of,
)
from state.ledger.posting import about, booking_of, emit_placed
from state.terms.known import Slot, exchange_on, open_day_from
from state.terms.known import period as period_of
from state.terms.plan import contract_policies

DAY = timedelta(days=1)


def post(
    draft: Draft,
    group: ForeignBalances,
    what: str,
    day: date,
    rate: int,
    changes: Iterable[Change],
    back: date | None = None,
) -> None:
    """A journal a contract, and one where the ERP has what is revalued by itself; what takes it `back` with it."""
    by_journal: dict[tuple[str, bool], list[Change]] = {}
    for one in changes:
        _, _, account, contract_id, _ = parts_of(one.part_id)
        by_journal.setdefault((contract_id, _is_delivered(draft, group, account, contract_id)), []).append(one)
    for (contract_id, deliver), own in sorted(by_journal.items()):
        record = _journal(draft, group, what, day, rate, contract_id, own, deliver=deliver)
        _keep(draft, record, own)
        if back is not None:
            _keep(draft, _reversal(draft, group, record, back), own)


def _keep(draft: Draft, record: JournalEntry, changes: Iterable[Change]) -> None:
    numbered = {(line.project_id or "", line.account): (number, line) for number, line in enumerate(record.lines, 1)}
    for one in changes:
        number, line = numbered[_place(one.part_id)]
        keep_posted(draft, one.part_id, record.period, line.ledger_amount)
        if draft.why is not None:
            currencies = record.currency, record.ledger_currency
            said = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
            draft.why.add(posted_of(one.part_id, record.period), said.ledger)


def _journal(
    draft: Draft,
    group: ForeignBalances,
    what: str,
    day: date,
    rate: int,
    contract_id: str,
    changes: list[Change],
    *,
    deliver: bool,
) -> JournalEntry:
    entity, lines = group.entity, _lines(changes)
    slot = Slot(entity, group.currency, day, period_of(draft, entity, day).name, at_rate(rate))
    kind, subject = ("contract", contract_id) if contract_id else ("legal_entity", entity.legal_entity_id)
    rule = f"{RULE}{what}" if deliver else f"{RULE}{what}/memo"
    contract = draft.contract(contract_id) if contract_id else None
    return emit_placed(
        draft,
        about(draft, (kind, subject, 0), rule),
        booking_of(slot, "posting"),
        lines,
        contract_id=contract_id or None,
        customer_id=contract.terms.customer_id if contract is not None else None,
        deliver=deliver,
    )


def _place(part_id: str) -> tuple[str, str]:
    """Project and account."""
    _, _, account, _, project_id = parts_of(part_id)
    return project_id, account


def _lines(changes: list[Change]) -> list[tuple[str, Leg]]:
    by_project: dict[str, list[Leg]] = {}
    for one in sorted(changes, key=lambda each: _place(each.part_id)):
        project_id, account = _place(one.part_id)
        by_project.setdefault(project_id, []).append(Leg(account, REVALUED, 0, one.amount))
    for legs in by_project.values():
        if rest := sum(leg.ledger_amount for leg in legs):
            legs.append(Leg(UNREALISED, REVALUED, 0, -called(rest, "of its accounts")))
    return [(project_id, leg) for project_id, legs in sorted(by_project.items()) for leg in legs]


def _is_delivered(draft: Draft, group: ForeignBalances, account: str, contract_id: str) -> bool:
    """Who owns the receivable, or the bank, revalues it there; what is unbilled, owed back, or between companies, is ours."""
    if account not in (RECEIVABLE, UNAPPLIED_CASH):
        return True
    contract = draft.contract(contract_id) if contract_id else None
    policies = contract_policies(draft, contract) if contract is not None else group.policies
    return (policies.cash_journal if account == UNAPPLIED_CASH else policies.ar_journal) == "milepost"


def _reversal(draft: Draft, group: ForeignBalances, record: JournalEntry, day: date) -> JournalEntry:
    """Its own lines, back (R14)."""
    entity = group.entity
    slot = Slot(entity, group.currency, day, period_of(draft, entity, day).name, at_rate(record.exchange_rate))
    return emit_placed(
        draft,
        about(draft, (record.affected_kind, record.affected_id, 0), record.rule),
        booking_of(slot, "reversal"),
        [
            (line.project_id, Leg(line.account, line.purpose, -line.amount, -line.ledger_amount))
            for line in record.lines
        ],
        contract_id=record.contract_id,
        customer_id=record.customer_id,
        deliver=record.deliver,
        reverses=record.journal_id,
    )


# What is settled


def count_settled(draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved]) -> None:
    """Of the amount that was valued last."""
    for name in left_periods(draft, group)[-1:]:
        for part_id, one in moved.items():
            known: Monetary = draft.part(KIND, part_id)
            net = sum(amount for of, (amount, _) in one.periods.items() if of > name)
            draft.put(KIND, part_id, replace(known, left=left_after(known.left, net)))


def take_back_settled(
    draft: Draft, group: ForeignBalances, moved: Mapping[str, Moved], part_ids: Iterable[str]
) -> None:
    """On the day of what settles it; what a closed period could not post is posted on the next open day as well."""
    for name in left_periods(draft, group)[-1:]:
        valued = named_period(group, name)
        changes: dict[date, list[Change]] = {}
        for part_id in sorted({*moved, *part_ids}):
            if (change := _standing(draft, group, name, part_id)).amount:
                last = moved[part_id].last if part_id in moved else valued.to
                day = open_day_from(draft, group.entity, max(last, valued.to))
                changes.setdefault(day, []).append(change)
        for day, own in sorted(changes.items()):
            post(draft, group, f"{name}/settled", day, _rate_of(draft, group, valued), own)


def _standing(draft: Draft, group: ForeignBalances, name: str, part_id: str) -> Change:
    """What stands of what was unrealised at the period's end, less what is posted."""
    known: Monetary = draft.part(KIND, part_id)
    valued, left, of = known.valued.get(name, 0), known.left, known.of
    if draft.why is not None and valued:
        valued = as_recorded(valued, draft.why.figure(unrealised_of(part_id, name)))
        of = as_recorded(of, draft.why.figure(valued_of(part_id, name)))
        left = Recorded(constant("left of what was valued", left, "amount", group.currency))
    stands = standing_for(valued, left, of, group.entity.currency, group.policies.money_mode)
    more = stands - posted_by(draft, group, part_id, FOREVER)
    return Change(part_id, called(more, "unrealised of what is left, less what stands"))


def take_back_standing(draft: Draft, group: ForeignBalances, valued: str, yesterday: date) -> None:
    """`yesterday` is the last day that has ended: nothing is taken back while that is in the period after the one `valued` last."""
    last = fiscal.last_ended(group.entity.fiscal_calendar, yesterday)
    if last.name <= valued:
        return
    changes: list[Change] = []
    for part_id in parts_of_group(draft, group.key):
        known: Monetary = draft.part(KIND, part_id)
        draft.put(KIND, part_id, replace(known, left=0, of=0))
        if back := -posted_by(draft, group, part_id, FOREVER):
            title = f"policy {group.policies.fx_revaluation} leaves nothing"
            changes.append(Change(part_id, called(back, title)))
    for name in left_periods(draft, group)[-1:]:
        day = open_day_from(draft, group.entity, last.to - DAY)
        post(draft, group, f"{name}/settled", day, _rate_of(draft, group, named_period(group, name)), changes)
    put_periods(draft, LEFT, group.key, ())


def _rate_of(draft: Draft, group: ForeignBalances, valued: AccountingPeriod) -> int:
    """Of the period's last day."""
    ends = valued.to - DAY
    exchange = exchange_on(draft, group.policies, group.currency, group.entity.currency, ends, ends)
    return exchange.rate if isinstance(exchange, Exchange) else EXCHANGE_RATE_ONE
