"""What each entry has accrued, and what of it is billed and invoiced, worked out again from journals and statements alone.

A statement line names its entries and one amount. In the ordinary case every entry brings all that it has accrued and
not billed, so its portion is known; where several pay, that of a line with one entry is. Where billing is allotted apart
from revenue, or a line is cut by a cap that lets revenue pass, the portion of a line with several entries is not: such
entries are `vague` and left out of what needs it. A row that balances brought forward may be billed in part by then: its first
statement says what was left of it, at most all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeVar

from domain.accounts import UNBILLED, UNBILLED_RECEIVABLE
from domain.audit.credits import RowCredit, credit_of
from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import BILLED_ONCE, Checked, SeenOutput, Violation, violation
from domain.audit.shared_cuts import ApprovedShares, Brings, SharedCut
from domain.audit.terms import AuditedTerms
from domain.billing.statement import ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER, ISSUED, SUPERSEDED
from domain.ledger.journal import BILLING
from domain.money import format_amount
from domain.outputs import BillingStatement, JournalEntry, StatementLine
from domain.units import Amount
from domain.work.rows import (
    COUNTED_TIME,
    EXPENSE,
    FEE,
    OPENING,
    ROWS,
    counted_as,
    is_for_expenses,
    may_be_billed_in_part,
    row_id,
)

# The rule of journals by which work is given up, before the write-off.
BY_WRITE_OFF = "write_off/"
ADJUSTED = frozenset({ADJUSTED_FOR_CAP, ADJUSTED_FOR_ORDER})
# Contract and entry, by the id of its row.
EntryKey = tuple[str, str]
R = TypeVar("R")


class Doubt(NamedTuple):
    """What is wrong unless the entry has left the lines that it was billed on."""

    violation: Violation
    lines: frozenset[str]


@dataclass(slots=True)
class EntryAccount:
    """Grows while the outputs are read; amounts on 1150 and 1160 are in contract and in ledger currency. `before` is what is taken to be
    billed of a row `in_part` when the books begin; `posted_in` is the project of a posting after it was billed, which may be on another
    line; `doubt` is of what was given up then. `brought` is what balances state of it, in the version `brought_by` of a project's, or
    0 where a rate has loaded whichever there was."""

    currency: str
    accrued: dict[str, list[Amount]] = field(default_factory=dict)
    issued: dict[str, Amount] = field(default_factory=dict)
    invoiced: dict[str, Amount] = field(default_factory=dict)
    day: date | None = None
    person_id: str | None = None
    vague: bool = False
    content: str = COUNTED_TIME
    conceded: Amount = 0
    in_part: bool = False
    before: Amount = 0
    posted_in: str | None = None
    doubt: Doubt | None = None
    brought: Amount = 0
    brought_by: tuple[str, int] | None = None

    def amount(self, account: str) -> Amount:
        return self.accrued[account][0] if account in self.accrued else 0

    @property
    def total(self) -> Amount:
        return sum(sums[0] for sums in self.accrued.values())

    @property
    def billed(self) -> Amount:
        return sum(self.issued.values())

    def billable(self, terms: AuditedTerms) -> Amount:
        """What is accrued; where a cap lets revenue pass, what of it stands on 1150 if the line's account is that."""
        beside = terms.revenue_beyond_cap and UNBILLED_RECEIVABLE in self.accrued
        return self.amount(UNBILLED_RECEIVABLE) if beside else self.total

    def left(self, terms: AuditedTerms) -> Amount:
        return self.billable(terms) - self.billed - self.before

    @property
    def is_first(self) -> bool:
        """Whether nothing says yet what of it was billed before."""
        return self.in_part and not self.issued


class Portion(NamedTuple):
    """What one entry has on one line of a statement."""

    key: EntryKey
    line_id: str
    amount: Amount


class AuditedEntries(NamedTuple):
    """The accounts of the engagement's entries after its last output; vague portions are not listed."""

    entries: dict[EntryKey, EntryAccount]
    checked: Checked


def accounts_of(engagement: AuditedEngagement) -> AuditedEntries:
    entries: dict[EntryKey, EntryAccount] = {}
    portions: dict[str, list[Portion]] = {}
    found: list[Violation] = []
    count = 0
    cut, approved = SharedCut(), ApprovedShares()
    by_payer: dict[tuple[str, str, str], Amount] = {}
    for seen in engagement.booked.outputs:
        record = seen.record
        if not cut.goes_on(record):
            found += cut.violations()
            cut = SharedCut()
        if isinstance(record, JournalEntry):
            if record.kind == BILLING:
                _invoice(entries, record, portions.pop(record.affected_id, []))
            elif record.affected_kind in ROWS:
                _accrue(entries, record)
                if record.kind == "difference" and record.rule.startswith(BY_WRITE_OFF):
                    count += 1
                    found += _given_up(entries, seen, record, engagement)
            elif (credit := credit_of(record)) is not None:
                _credit(entries, record, credit)
                if credit.reopens:
                    approved.credit(record.contract_id or "", credit.entry_id)
        elif isinstance(record, BillingStatement) and record.status == SUPERSEDED:
            _take_back(entries, portions.pop(record.statement_id, []))
        elif isinstance(record, BillingStatement) and record.status == ISSUED:
            terms = engagement.terms_of(record.contract_id)
            if terms.sources and terms.same_allotment and not engagement.has_holds:
                for line in record.lines:
                    left, beside = _left_of(entries, record, line, terms), 0
                    if terms.approved:
                        left = {entry_id: amount and max(amount, 0) for entry_id, amount in left.items()}
                        beside = _of_others(by_payer, record, line)
                    cut.add_funded(seen, record, line, left, beside)
                for line in record.lines:
                    payer = record.contract_id, line.line_id, record.bill_to
                    by_payer[payer] = by_payer.get(payer, 0) + max(line.amount, 0)
            elif terms.several_payers and terms.same_allotment and terms.approved:
                approved.see(record)
                for line in record.lines:
                    found += approved.add(seen, record, line, _accrued(entries, record, line, terms), terms)
            elif terms.several_payers and terms.same_allotment and not engagement.has_holds:
                for line in record.lines:
                    cut.add(seen, record, line, _may_bring(entries, record, line, terms))
            for line in record.lines:
                count += 1
                found += _bill(entries, seen, record, line, terms, portions.setdefault(record.statement_id, []))
            if not engagement.has_holds and record.part >= record.parts:
                found += _over_billed(entries, seen, record, terms, portions.get(record.statement_id, ()))
                found += _not_moved(entries, portions.get(record.statement_id, ()))
    found += cut.violations()
    return AuditedEntries(entries, Checked(BILLED_ONCE, count, tuple(found)))


def _of_others(
    billed: Mapping[tuple[str, str, str], Amount], statement: BillingStatement, line: StatementLine
) -> Amount:
    """What other payers were charged of a contract line by then."""
    place = statement.contract_id, line.line_id
    return sum(amount for key, amount in billed.items() if key[:2] == place and key[2] != statement.bill_to)


def _take_back(entries: dict[EntryKey, EntryAccount], portions: Sequence[Portion]) -> None:
    """A revision that was issued is superseded by the next, which bills all of it again; a draft billed nothing."""
    for key, line_id, amount in portions:
        issued = entries[key].issued
        issued[line_id] -= amount
        if not issued[line_id]:
            del issued[line_id]


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
    entries: Mapping[EntryKey, EntryAccount], statement: BillingStatement, line: StatementLine, terms: AuditedTerms
) -> dict[str, Brings | None]:
    """What the statements of all payers may bring for each entry of a line; None where that is not known."""
    return _by_entry(entries, statement, line, terms, lambda entry: _brings(entry, line.line_id, terms))


def _accrued(
    entries: Mapping[EntryKey, EntryAccount], statement: BillingStatement, line: StatementLine, terms: AuditedTerms
) -> dict[str, Amount | None]:
    """By entry of the line; None where that is not known, as of what was billed in part before: nobody says of whom."""

    def known(entry: EntryAccount) -> Amount | None:
        return None if entry.in_part else entry.billable(terms)

    return _by_entry(entries, statement, line, terms, known, even_vague=True)


def _brings(entry: EntryAccount, line_id: str, terms: AuditedTerms) -> Brings:
    left, on_line = entry.left(terms), entry.issued.get(line_id, 0)
    if not entry.issued:
        return Brings(left, left, frozenset())
    here = entry.billable(terms) - on_line
    return Brings(left, here, frozenset({-on_line, here}))


def _left_of(
    entries: Mapping[EntryKey, EntryAccount], statement: BillingStatement, line: StatementLine, terms: AuditedTerms
) -> dict[str, Amount | None]:
    """By entry of the line what it has accrued and not billed; None where that is not known."""
    return _by_entry(
        entries, statement, line, terms, lambda entry: entry.left(terms) if len(entry.issued) <= 1 else None
    )


def _by_entry(
    entries: Mapping[EntryKey, EntryAccount],
    statement: BillingStatement,
    line: StatementLine,
    terms: AuditedTerms,
    known: Callable[[EntryAccount], R | None],
    *,
    even_vague: bool = False,
) -> dict[str, R | None]:
    """What is known of each entry of a line; None where its portion may not be known."""
    unknown = line.line_id in terms.as_billed or terms.revenue_beyond_cap
    found = {entry_id: entries.get((statement.contract_id, entry_id)) for entry_id in line.entries}
    return {
        entry_id: None
        if unknown or entry is None or entry.is_first or (entry.vague and not even_vague)
        else known(entry)
        for entry_id, entry in found.items()
    }


def content_of(kind: str, row: str) -> str:
    """What caps count the row as, whatever its category."""
    return counted_as(EXPENSE if is_for_expenses(row) else kind).partition("/")[0]


def _accrue(entries: dict[EntryKey, EntryAccount], journal: JournalEntry) -> None:
    for line in journal.lines:
        if line.account in UNBILLED:
            key = (journal.contract_id or "", row_id(journal.affected_kind, journal.affected_id))
            entry = entries.setdefault(
                key, EntryAccount(journal.currency, content=content_of(journal.affected_kind, key[1]))
            )
            sums = entry.accrued.setdefault(line.account, [0, 0])
            sums[0] += line.amount
            sums[1] += line.ledger_amount
            entry.day = journal.service_date
            if journal.kind == "posting":
                entry.posted_in, entry.doubt = line.project_id, None
            if journal.deliver or journal.affected_kind not in (OPENING, FEE):
                continue
            # The ERP has what balances state, whether they or a rate that they waited for loads it.
            entry.brought += line.amount
            entry.brought_by = line.project_id or "", journal.cause_version if journal.cause_kind == OPENING else 0
            if may_be_billed_in_part(journal.affected_kind, journal.affected_id):
                entry.in_part = True
                entry.vague = entry.vague or bool(entry.issued)  # loaded again, with another part of it billed before


def _given_up(
    entries: Mapping[EntryKey, EntryAccount], seen: SeenOutput, journal: JournalEntry, engagement: AuditedEngagement
) -> Iterator[Violation]:
    """No more is given up than is accrued and not billed. Of an entry that has moved to another line all is unbilled there.

    333.33 billed on line K, then 2 h at 100.00 on line L of another project: 200.00 may be given up, and K gives 333.33 back. Where several
    lines of a project may have it, the next statement says which has.
    """
    entry = entries.get((journal.contract_id or "", row_id(journal.affected_kind, journal.affected_id)))
    terms = engagement.terms_of(journal.contract_id or "")
    taken = -sum(line.amount for line in journal.lines if line.account in UNBILLED)
    if entry is None or entry.vague or terms.several_payers or not terms.same_allotment or taken <= 0:
        return
    left, elsewhere = min(entry.left(terms), entry.total - entry.billed), _billed_elsewhere(entry, terms)
    least, most = left + min(elsewhere), left + max(elsewhere)
    if least >= 0:
        return
    allowed = format_amount(taken + (most if most < 0 else least))
    expected = f"at most {allowed} {journal.currency} given up, which is accrued and not billed"
    wrong = violation(BILLED_ONCE, seen, journal.journal_id, expected, format_amount(taken))
    if most < 0:
        yield wrong
    elif not engagement.has_holds:
        entry.doubt = Doubt(wrong, frozenset(line_id for line_id, amount in entry.issued.items() if amount))


def _billed_elsewhere(entry: EntryAccount, terms: AuditedTerms) -> set[Amount]:
    """For each line that the entry may stand on what is billed on others, which give it back."""
    lines = terms.lines.get(entry.posted_in or "", frozenset())
    return {entry.billed - entry.issued.get(line_id, 0) for line_id in lines} or {0}


def _not_moved(entries: Mapping[EntryKey, EntryAccount], portions: Sequence[Portion]) -> Iterator[Violation]:
    """Entries that are still billed on a line that should give all of them back."""
    for key in dict.fromkeys(portion.key for portion in portions):
        entry = entries[key]
        if entry.doubt is not None and any(entry.issued.get(line_id) for line_id in entry.doubt.lines):
            yield entry.doubt.violation
        entry.posted_in = entry.doubt = None


def _bill(
    entries: dict[EntryKey, EntryAccount],
    seen: SeenOutput,
    statement: BillingStatement,
    line: StatementLine,
    terms: AuditedTerms,
    portions: list[Portion],
) -> Iterator[Violation]:
    keys = [(statement.contract_id, entry_id) for entry_id in line.entries]
    if line.line_id in terms.as_billed:  # nothing is accrued before the invoice, but under other terms of the line
        for key in keys:
            if key in entries:
                entries[key].issued.setdefault(line.line_id, 0)
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
    if len(keys) > 1 and sum(wanted) != line.amount:
        wanted = [_moved_here(entry, line, terms) for entry in brought]
    exact = (
        terms.same_allotment
        and not terms.several_payers
        and not (terms.revenue_beyond_cap and not ADJUSTED.isdisjoint(line.flags))
    )
    if len(keys) == 1:
        before = wanted[0] - line.amount
        if brought[0].is_first and (0 < line.amount < wanted[0] or line.amount < 0 < before <= brought[0].brought):
            brought[0].before = before
        elif exact and not _fits(brought[0], line, terms):
            yield _differs(seen, statement, line, wanted[0])
        wanted = [line.amount]
    elif any(entry.vague or entry.is_first for entry in brought) or not exact:
        for entry in brought:
            entry.vague = True
        return
    elif sum(wanted) != line.amount:
        yield _differs(seen, statement, line, sum(wanted))
    for key, entry, amount in zip(keys, brought, wanted, strict=True):
        entry.issued[line.line_id] = entry.issued.get(line.line_id, 0) + amount
        entry.person_id = line.person_id
        portions.append(Portion(key, line.line_id, amount))


def _fits(entry: EntryAccount, line: StatementLine, terms: AuditedTerms) -> bool:
    """An entry that moved to another contract line is taken back on the one and billed again on the other."""
    on_line = entry.issued.get(line.line_id, 0)
    if line.amount == entry.left(terms) or entry.vague:
        return True
    return bool(entry.issued) and line.amount in {-on_line, entry.billable(terms) - on_line}


def _moved_here(entry: EntryAccount, line: StatementLine, terms: AuditedTerms) -> Amount:
    """All of an entry that left another line after its issue; that line takes it back, which `_over_billed` sees to."""
    return entry.billable(terms) - entry.issued.get(line.line_id, 0)


def _differs(seen: SeenOutput, statement: BillingStatement, line: StatementLine, expected: Amount) -> Violation:
    return violation(
        BILLED_ONCE,
        seen,
        f"{statement.statement_id} line {line.line_id} of {line.person_id}, entries {', '.join(line.entries[:5])}",
        f"{format_amount(expected)} {statement.currency} accrued and not billed before",
        format_amount(line.amount),
    )


def _over_billed(
    entries: dict[EntryKey, EntryAccount],
    seen: SeenOutput,
    statement: BillingStatement,
    terms: AuditedTerms,
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
    for key, _, amount in portions:
        entry = entries[key]
        account = next(iter(accounts), UNBILLED_RECEIVABLE)
        if len(accounts) > 1:
            entry.vague = True
        entry.invoiced[account] = entry.invoiced.get(account, 0) + amount
