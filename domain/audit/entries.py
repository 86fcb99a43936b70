"""What each entry has accrued, and what of it is billed and invoiced, told again from journals and statements alone.

A statement line names its entries and one amount. In the ordinary case every entry brings all that it has accrued and
not billed, so its portion is known; where several pay, that of a line with one entry is. Where billing is allotted apart
from revenue, or a line is cut by a cap that lets revenue pass, the portion of a line with several entries is not: such
entries are `vague` and left out of what needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from domain.accounts import UNBILLED, UNBILLED_RECEIVABLE
from domain.audit.credits import RowCredit, credit_of
from domain.audit.engagement import ISSUED, Engagement
from domain.audit.findings import BILLED_ONCE, Checked, Seen, Violation, violation
from domain.audit.shared_cuts import SharedCut
from domain.audit.terms import Terms
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.rows import CHARGES, COUNTED_TIME, TIME_ENTRY, counted_as, row_id
from domain.units import Amount

CORRECTION = "correction"
ADJUSTED_FOR_CAP = "adjusted_for_cap"
# Kinds of rows that accrue something.
ROWS = frozenset({TIME_ENTRY, *CHARGES})
# Contract and entry, by the id of its row.
EntryKey = tuple[str, str]


@dataclass(slots=True)
class EntryAccount:
    """Grows while the outputs are read; amounts on 1150 and 1160 are in contract and in ledger currency."""

    currency: str
    accrued: dict[str, list[Amount]] = field(default_factory=dict)
    issued: dict[str, Amount] = field(default_factory=dict)
    invoiced: dict[str, Amount] = field(default_factory=dict)
    day: date | None = None
    person_id: str | None = None
    vague: bool = False
    content: str = COUNTED_TIME
    conceded: Amount = 0

    def amount(self, account: str) -> Amount:
        return self.accrued[account][0] if account in self.accrued else 0

    @property
    def total(self) -> Amount:
        return sum(sums[0] for sums in self.accrued.values())

    @property
    def billed(self) -> Amount:
        return sum(self.issued.values())

    def billable(self, terms: Terms) -> Amount:
        """What is accrued; where a cap lets revenue pass, what of it stands on 1150 if the line's account is that."""
        beside = terms.revenue_beyond_cap and UNBILLED_RECEIVABLE in self.accrued
        return self.amount(UNBILLED_RECEIVABLE) if beside else self.total

    def left(self, terms: Terms) -> Amount:
        return self.billable(terms) - self.billed


class Portion(NamedTuple):
    """What one entry has on one statement."""

    key: EntryKey
    amount: Amount


class Retold(NamedTuple):
    """The accounts of the engagement's entries after its last output; vague portions are not listed."""

    entries: dict[EntryKey, EntryAccount]
    checked: Checked


def retell(engagement: Engagement) -> Retold:
    entries: dict[EntryKey, EntryAccount] = {}
    portions: dict[str, list[Portion]] = {}
    found: list[Violation] = []
    count = 0
    cut = SharedCut()
    for seen in engagement.outputs:
        record = seen.record
        if not cut.goes_on(record):
            found += cut.violations()
            cut = SharedCut()
        if isinstance(record, JournalEntry):
            if record.kind == "billing":
                _invoice(entries, record, portions.pop(record.affected_id, []))
            elif record.affected_kind in ROWS:
                _accrue(entries, record)
            elif (credit := credit_of(record)) is not None:
                _credit(entries, record, credit)
        elif isinstance(record, BillingStatement) and record.status == ISSUED:
            terms = engagement.terms_of(record.contract_id)
            if terms.several_payers and terms.same_allotment and not engagement.has_holds:
                cut.add(
                    seen,
                    record,
                    {place: _may_bring(entries, record, line, terms) for place, line in enumerate(record.lines)},
                )
            for line in record.lines:
                count += 1
                found += _bill(entries, seen, record, line, terms, portions.setdefault(record.statement_id, []))
            if not engagement.has_holds and record.part >= record.parts:
                found += _over_billed(entries, seen, record, terms, portions.get(record.statement_id, ()))
    found += cut.violations()
    return Retold(entries, Checked(BILLED_ONCE, count, tuple(found)))


def _credit(entries: dict[EntryKey, EntryAccount], journal: JournalEntry, credit: RowCredit) -> None:
    """What is billed in error goes back to unbilled; what is conceded stays billed, and caps may have it again."""
    entry = entries.get((journal.contract_id or "", credit.entry_id))
    if entry is None:
        return
    if credit.reopens:
        entry.issued[credit.line_id] = entry.issued.get(credit.line_id, 0) - credit.net
        for line in journal.lines:
            if line.account in UNBILLED:
                entry.invoiced[line.account] = entry.invoiced.get(line.account, 0) - line.amount
    elif credit.concedes:
        entry.conceded += credit.net


def _may_bring(
    entries: Mapping[EntryKey, EntryAccount], statement: BillingStatement, line: StatementLine, terms: Terms
) -> frozenset[Amount]:
    """What the statements of all payers may bring for the entries of a line; empty where that is not known."""
    found = [entries.get((statement.contract_id, entry_id)) for entry_id in line.entries]
    brought = [entry for entry in found if entry is not None and not entry.vague]
    if len(brought) < len(found) or line.line_id in terms.as_billed or terms.revenue_beyond_cap:
        return frozenset()
    left = sum(entry.left(terms) for entry in brought)
    if len(brought) > 1 or not brought[0].issued:
        return frozenset({left})
    on_line = brought[0].issued.get(line.line_id, 0)
    return frozenset({left, -on_line, brought[0].billable(terms) - on_line})


def content_of(kind: str) -> str:
    """What caps count rows of a kind as, whatever their category."""
    return counted_as(kind).partition("/")[0]


def _accrue(entries: dict[EntryKey, EntryAccount], journal: JournalEntry) -> None:
    for line in journal.lines:
        if line.account in UNBILLED:
            key = (journal.contract_id or "", row_id(journal.affected_kind, journal.affected_id))
            entry = entries.setdefault(key, EntryAccount(journal.currency, content=content_of(journal.affected_kind)))
            sums = entry.accrued.setdefault(line.account, [0, 0])
            sums[0] += line.amount
            sums[1] += line.ledger_amount
            entry.day = journal.service_date


def _bill(
    entries: dict[EntryKey, EntryAccount],
    seen: Seen,
    statement: BillingStatement,
    line: StatementLine,
    terms: Terms,
    portions: list[Portion],
) -> Iterator[Violation]:
    keys = [(statement.contract_id, entry_id) for entry_id in line.entries]
    if line.line_id in terms.as_billed:  # nothing is accrued before the invoice
        return
    unknown = [key[1] for key in keys if key not in entries]
    if unknown or not keys:
        # Where billing is allotted apart, an entry may be billed of which nothing is recognised.
        if terms.same_allotment or not keys:
            expected = f"line {line.line_id} of entries that have accrued something"
            yield violation(BILLED_ONCE, seen, statement.statement_id, expected, f"entries {unknown or 'none'}")
        return
    brought = [entries[key] for key in keys]
    wanted = [entry.left(terms) for entry in brought]
    exact = (
        terms.same_allotment
        and not terms.several_payers
        and not (terms.revenue_beyond_cap and ADJUSTED_FOR_CAP in line.flags)
    )
    if len(keys) == 1:
        if exact and not _fits(brought[0], line, terms):
            yield _differs(seen, statement, line, wanted[0])
        wanted = [line.amount]
    elif any(entry.vague for entry in brought) or not exact:
        for entry in brought:
            entry.vague = True
        return
    elif sum(wanted) != line.amount:
        yield _differs(seen, statement, line, sum(wanted))
    for key, entry, amount in zip(keys, brought, wanted, strict=True):
        entry.issued[line.line_id] = entry.issued.get(line.line_id, 0) + amount
        entry.person_id = line.person_id
        portions.append(Portion(key, amount))


def _fits(entry: EntryAccount, line: StatementLine, terms: Terms) -> bool:
    """An entry that moved to another contract line is taken back on the one and billed anew on the other."""
    on_line = entry.issued.get(line.line_id, 0)
    if line.amount == entry.left(terms) or entry.vague:
        return True
    return bool(entry.issued) and line.amount in {-on_line, entry.billable(terms) - on_line}


def _differs(seen: Seen, statement: BillingStatement, line: StatementLine, expected: Amount) -> Violation:
    return violation(
        BILLED_ONCE,
        seen,
        f"{statement.statement_id} line {line.line_id} of {line.person_id}, entries {', '.join(line.entries[:5])}",
        f"{format_amount(expected)} {statement.currency} accrued and not billed before",
        format_amount(line.amount),
    )


def _over_billed(
    entries: dict[EntryKey, EntryAccount],
    seen: Seen,
    statement: BillingStatement,
    terms: Terms,
    portions: Sequence[Portion],
) -> Iterator[Violation]:
    """Over all lines of a contract no entry is billed more than it has accrued."""
    for key in dict.fromkeys(portion.key for portion in portions):
        entry = entries[key]
        if not entry.vague and not terms.several_payers and len(entry.issued) > 1 and entry.left(terms):
            wanted = format_amount(entry.billable(terms))
            expected = f"entry {key[1]} billed with {wanted} {entry.currency} over all lines"
            yield violation(BILLED_ONCE, seen, statement.statement_id, expected, format_amount(entry.billed))


def _invoice(entries: dict[EntryKey, EntryAccount], journal: JournalEntry, portions: Sequence[Portion]) -> None:
    accounts = {line.account for line in journal.lines if line.account in UNBILLED}
    for key, amount in portions:
        entry = entries[key]
        account = next(iter(accounts), UNBILLED_RECEIVABLE)
        if len(accounts) > 1:
            entry.vague = True
        entry.invoiced[account] = entry.invoiced.get(account, 0) + amount
