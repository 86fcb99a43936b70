"""Journals of revaluation: one a contract, in ledger currency alone, and what takes them back on the next period's first day."""

from collections.abc import Iterable
from datetime import date

from domain.accounts import RECEIVABLE, UNAPPLIED_CASH
from domain.capabilities import UNREALISED
from domain.identity import parts_of
from domain.ledger.journal import Leg, journal_by_project
from domain.ledger.recorded import journal_line
from domain.ledger.revaluation import REVALUED, RULE, record_lines
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.units import EXCHANGE_RATE_ONE
from state.draft import Draft
from state.ledger import standings
from state.ledger.foreign import Change, ForeignBalances, keep_posted, posted_of
from state.ledger.posting import about, booking_of
from state.terms.known import Slot
from state.terms.known import period as period_of
from state.terms.plan import contract_policies


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
        _publish(draft, record, own)
        if back is not None:
            _publish(draft, _reversal(draft, group, record, back), own)


def _publish(draft: Draft, record: JournalEntry, changes: Iterable[Change]) -> None:
    standings.publish(draft, record)
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
    exchange = Exchange(rate, EXCHANGE_RATE_ONE, rate, ())
    slot = Slot(entity, group.currency, day, period_of(draft, entity, day).name, exchange)
    kind, subject = ("contract", contract_id) if contract_id else ("legal_entity", entity.legal_entity_id)
    rule = f"{RULE}{what}" if deliver else f"{RULE}{what}/memo"
    contract = draft.contract(contract_id) if contract_id else None
    record = journal_by_project(
        about(draft, (kind, subject, 0), rule),
        booking_of(slot, "posting"),
        lines,
        contract_id=contract_id or None,
        customer_id=contract.terms.customer_id if contract is not None else None,
        deliver=deliver,
    )
    if draft.why is not None:
        parts = {_place(one.part_id): one.made for one in changes if one.made is not None}
        record_lines(draft.why, record.journal_id, lines, parts, (group.currency, entity.currency))
    return record


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
            legs.append(Leg(UNREALISED, REVALUED, 0, -rest))
    return [(project_id, leg) for project_id, legs in sorted(by_project.items()) for leg in legs]


def _is_delivered(draft: Draft, group: ForeignBalances, account: str, contract_id: str) -> bool:
    """Who owns the receivable, or the bank, revalues it there; what is unbilled, or between companies, is ours."""
    if account not in (RECEIVABLE, UNAPPLIED_CASH):
        return True
    contract = draft.contract(contract_id) if contract_id else None
    policies = contract_policies(draft, contract) if contract is not None else group.policies
    return (policies.cash_journal if account == UNAPPLIED_CASH else policies.ar_journal) == "milepost"


def _reversal(draft: Draft, group: ForeignBalances, record: JournalEntry, day: date) -> JournalEntry:
    """Its own lines, back (R14)."""
    slot = Slot(
        group.entity,
        group.currency,
        day,
        period_of(draft, group.entity, day).name,
        Exchange(record.exchange_rate, EXCHANGE_RATE_ONE, record.exchange_rate, ()),
    )
    return journal_by_project(
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
