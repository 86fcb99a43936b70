"""A statement is issued: its lines, what each entry has on it, what is retained, and what deposits pay."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.statement import HOUR, grouped
from domain.identity import composed
from domain.outputs import StatementLine
from domain.sums import summed
from domain.terms.deposit import is_named, say_left
from domain.terms.kind import NO_REVENUE
from domain.units import Amount, Hours, Quantity
from domain.why import Why
from state.billing import deposit_applications, funding_record, retention
from state.billing.approval import tried
from state.billing.issued_record import piece_at, say_applied, say_cents, say_piece
from state.billing.payers import issued_to
from state.billing.reissue import before_issue, is_reissued, keep
from state.billing.shares_record import DueRow, say_falls
from state.billing.statement_lines import line_at, printed_amount, printed_line, say_line
from state.books import Contract, Issued, LineTotals, StatementEntry
from state.caps.allot import settle_consumption
from state.caps.claims import consumption_of
from state.caps.repricing import reprice
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.statements.due import DueShare
from state.statements.emit import emit, name_of
from state.totals import price_and_issued, with_issued

NOTHING_BESIDE: Final[Mapping[str, Amount]] = MappingProxyType({})


def issue_after(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[DueShare],
    drafted: Mapping[str, Sequence[DueShare]],
    sequence: int | None = None,
    beside: Mapping[str, Amount] = NOTHING_BESIDE,
) -> None:
    """As `issue`, where `drafted` by the same cut for payers before it are not issued: the hours that these show count as shown, so
    that their approval leaves this one as it is."""
    if not drafted:
        issue(draft, contract, period, bill_to, due, sequence, beside)
        return
    before = {line_id: draft.line(contract.contract_id, line_id) for line_id in line_ids(contract)}
    copy = tried(draft)
    for other, of_other in drafted.items():
        issue(copy, contract, period, other, of_other)
    shown = {line_id: _shown_since(had, copy, contract, line_id) for line_id, had in before.items()}
    count_shown(draft, contract, shown, 1)
    issue(draft, contract, period, bill_to, due, sequence, beside)
    count_shown(draft, contract, shown, -1)


def count_shown(draft: Draft, contract: Contract, shown: Mapping[str, tuple[Hours, Quantity]], sign: int) -> None:
    for line_id, (hours, quantity) in shown.items():
        totals = draft.line(contract.contract_id, line_id)
        now = replace(
            totals,
            shown_hours=totals.shown_hours + sign * hours,
            shown_quantity=totals.shown_quantity + sign * quantity,
        )
        if now != totals:
            draft.put("line", composed(contract.contract_id, line_id), now)


def _shown_since(had: LineTotals, draft: Draft, contract: Contract, line_id: str) -> tuple[Hours, Quantity]:
    now = draft.line(contract.contract_id, line_id)
    return now.shown_hours - had.shown_hours, now.shown_quantity - had.shown_quantity


def issue(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    due: Sequence[DueShare],
    sequence: int | None = None,
    beside: Mapping[str, Amount] = NOTHING_BESIDE,
) -> None:
    """`sequence` of a statement that was a draft, else the next of the period; `beside` is what others will be billed by the same cut."""
    by_entry = {(one.entry.entry_id, one.piece.line_id): one for one in due}
    cents: Counter[str] = Counter()
    groups = [
        (group, plan, printed_amount(draft, group, plan, cents))
        for group in grouped([one.piece for one in due])
        for plan in (by_entry[group.first.entry_id, group.first.line_id].plan,)
    ]
    earning = summed((plan.line.line_id, amount) for _, plan, amount in groups if plan.timing != NO_REVENUE)
    of = name_of(draft, contract, period, bill_to, sequence)
    kept = retention.decide(draft, contract, period, bill_to, earning, beside, of)
    before = before_issue(draft, contract, list(by_entry)) if is_reissued(draft, contract, period, sequence) else None
    lines: list[StatementLine] = []
    listed: list[StatementEntry] = []
    for number, (group, plan, amount) in enumerate(groups, 1):
        rest = amount - group.amount
        lines.append(printed_line(draft, contract, plan, group, amount))
        if draft.why is not None and rest:
            say_line(draft.why, line_at(of, number), group, plan, amount)
            say_cents(draft.why, of, number, group, amount, len(listed) + len(group.pieces) - 1)
        for place, piece in enumerate(group.pieces):
            extra = rest if place == len(group.pieces) - 1 else 0
            due_share = by_entry[piece.entry_id, piece.line_id]
            listed.append(StatementEntry(piece.entry_id, piece.line_id, piece.amount + extra, piece.hours))
            if draft.why is not None:
                _say_piece(draft, draft.why, contract, (of, len(listed) - 1), due_share, extra)
            pin(draft, contract, due_share, extra)
    of_deposits = sum(amount for _, plan, amount in groups if plan.timing == NO_REVENUE)
    deposits_applied = deposit_applications.apply(
        draft, contract, period, bill_to, sum(earning.values()), kept, of, of_deposits=of_deposits
    )
    if draft.why is not None:
        say_applied(draft.why, of, len(listed), deposits_applied, contract.terms.currency)
        funding_record.say_billed(draft.why, of, [group for group, *_ in groups])
    if lines or kept.released:
        made = emit(draft, contract, period, bill_to, lines, [*listed, *deposits_applied], kept, sequence)
        if before is not None:
            keep(draft, contract, made, before)


def _say_piece(draft: Draft, why: Why, contract: Contract, on: tuple[str, int], due: DueShare, extra: Amount) -> None:
    """With what falls to each, where several pay, or sources."""
    share = due.share
    if share.falls:
        falls = {party.customer_id: amount for party, amount in zip(due.parties, share.falls, strict=True)}
        row = DueRow(due.entry.entry_id, due.piece.line_id, sum(map(int, share.falls)))
        say_falls(why, contract, row, falls, (on[0], share.bill_to), by_sources=bool(share.funded))
    entry = draft.rows.get(due.entry.entry_id, due.entry)
    say_piece(why, contract, on, entry, due.piece, share, extra)
    if is_named(entry.entry_id):
        place = contract.contract_id, due.piece.line_id
        say_left(why, place, entry.entry_id, share.bill_to, why.figure(piece_at(*on)))


def issue_nothing(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int) -> None:
    """The statement under that number bills nothing any more."""
    made = emit(draft, contract, period, bill_to, [], [], sequence=sequence)
    keep(draft, contract, made, before_issue(draft, contract, ()))


def pin(draft: Draft, contract: Contract, due: DueShare, extra: Amount) -> None:
    """The entry's due part is issued: it no longer competes for room, and cents of the line's rounding are posted on it."""
    entry = draft.rows.get(due.entry.entry_id, due.entry)
    before = consumption_of(entry) if due.plan.rules else None
    piece, share = due.piece, due.share
    price, issued = price_and_issued(entry, contract.contract_id, piece.line_id)
    if extra:
        assert price is not None, "only an entry that is priced on the line takes its rounding"
        entry_with = reprice(draft, entry, due.plan, replace(price, rounding=price.rounding + extra), "rounding")
        draft.put_entry(entry, entry_with)
        entry = entry_with
    had = issued or nothing_issued(draft, contract.contract_id, piece.line_id, piece.day, piece.project_id)
    had = funding_record.recorded(draft, entry.entry_id, had)
    payers = issued_to(had, share, due.parties)
    now = replace(
        had,
        amount=had.amount + piece.amount + extra,
        hours=had.hours + piece.hours,
        day=piece.day,
        person_id=piece.person_id,
        task=piece.task,
        role=piece.role,
        rate=piece.rate,
        markup=piece.markup,
        # Work that its line's price includes by now stands on no account of its own.
        account=(price.account if price is not None else "") or had.account,
        bill_to=share.bill_to if not payers else "",
        quantity=had.quantity + piece.quantity,
        unit=piece.unit,
        description=piece.description if piece.unit != HOUR else None,
        payers=payers,
        funded=share.funded,
        rest=0,
    )
    after = with_issued(entry, funding_record.say(draft, entry.entry_id, issued, now) if share.falls else now)
    draft.put_entry(entry, after)
    consumption = consumption_of(after) if before is not None else None
    if before is not None and consumption is not None and consumption.price.line_id == piece.line_id:
        settle_consumption(draft, due.plan, before, consumption)


def nothing_issued(draft: Draft, contract_id: str, line_id: str, day: date, project_id: str) -> Issued:
    """Only a project that the line moved to is named."""
    moved = project_id if project_id != draft.line(contract_id, line_id).project_id else ""
    return Issued(contract_id, line_id, 0, 0, day, project_id=moved)
