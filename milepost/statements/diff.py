"""What changed between two statements: revisions of one, or one and a later one of the same contract.

Lines are the same where they have contract line, project, person, task, role, rate and markup in common. Between two
different statements only corrections touch the earlier one; all else is new work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from domain.billing.statement import CORRECTION
from domain.billing.tax import groups_of
from domain.money import format_amount
from domain.outputs import BillingStatement, StatementLine
from domain.units import Amount, Hours

LineKey = tuple[object, ...]


class LineChange(NamedTuple):
    """`kind` is changed, added, removed; between two statements corrected, corrects another (a still earlier one) or new.

    Of a corrected line `before` are the lines that billed its entries.
    """

    kind: str
    line: StatementLine
    before: tuple[StatementLine, ...]
    after: tuple[StatementLine, ...]

    @property
    def quantity(self) -> Hours:
        return _quantity(self.after) - (0 if self.kind == "corrected" else _quantity(self.before))

    @property
    def amount(self) -> Amount:
        """What it adds to the later statement, less what the earlier revision had."""
        return _amount(self.after) - (0 if self.kind == "corrected" else _amount(self.before))


class RevisionDifference(NamedTuple):
    """`changes` sum to the difference of the totals between revisions, else to the later total."""

    before: BillingStatement
    after: BillingStatement
    fields: tuple[tuple[str, str, str], ...]
    changes: tuple[LineChange, ...]

    @property
    def is_of_revisions(self) -> bool:
        return self.before.statement_id == self.after.statement_id

    @property
    def amount(self) -> Amount:
        return sum(change.amount for change in self.changes)


HEADER = ("bill_to", "currency", "legal_entity_id", "period", "to", "status", "rounding", "tax_region")


def difference(before: BillingStatement, after: BillingStatement) -> RevisionDifference:
    of_revisions = before.statement_id == after.statement_id
    changes = tuple(_revised(before, after) if of_revisions else _followed(before, after))
    names = HEADER if of_revisions else ("bill_to", "currency", "legal_entity_id")
    fields = tuple(
        (name, f"{getattr(before, name)}", f"{getattr(after, name)}")
        for name in names
        if getattr(before, name) != getattr(after, name)
    )
    if of_revisions and (before.tax or after.tax) and groups_of(before) != groups_of(after):
        fields = (*fields, ("tax", taxes_text(before, format_amount), taxes_text(after, format_amount)))
    found = RevisionDifference(before, after, fields, changes)
    expected = after.total - before.total if of_revisions else after.total
    assert found.amount == expected, f"{after.statement_id}: changes sum to {found.amount}, expected {expected}"
    return found


def _revised(before: BillingStatement, after: BillingStatement) -> Iterator[LineChange]:
    """Lines of the later revision in its order, then those that are gone."""
    old, new = _by_key(before.lines), _by_key(after.lines)
    for key, lines in new.items():
        was = old.get(key, ())
        if _told(was) != _told(lines):
            yield LineChange("changed" if was else "added", lines[0], was, lines)
    for key, lines in old.items():
        if key not in new:
            yield LineChange("removed", lines[0], lines, ())


def _followed(before: BillingStatement, after: BillingStatement) -> Iterator[LineChange]:
    """Corrections of what the earlier one billed, then all else."""
    corrections = {place: _billed(before, line) for place, line in enumerate(after.lines) if CORRECTION in line.flags}
    corrected = [place for place, was in corrections.items() if was]
    for place in corrected:
        line = after.lines[place]
        yield LineChange("corrected", line, corrections[place], (line,))
    for place, line in enumerate(after.lines):
        if place not in corrected:
            yield LineChange("corrects another" if CORRECTION in line.flags else "new", line, (), (line,))


def _billed(statement: BillingStatement, correction: StatementLine) -> tuple[StatementLine, ...]:
    """The lines that listed one of the correction's entries."""
    entries = set(correction.entries)
    return tuple(line for line in statement.lines if line.line_id == correction.line_id and entries & set(line.entries))


def _by_key(lines: Sequence[StatementLine]) -> dict[LineKey, tuple[StatementLine, ...]]:
    found: dict[LineKey, tuple[StatementLine, ...]] = {}
    for line in lines:
        key = (line.line_id, line.project_id, line.person_id, line.task, line.role, line.rate, line.markup_percent)
        found[key] = (*found.get(key, ()), line)
    return found


def _told(lines: Sequence[StatementLine]) -> tuple[object, ...]:
    """What of lines with one key may differ."""
    entries = sorted({entry_id for line in lines for entry_id in line.entries})
    flags = sorted({flag for line in lines for flag in line.flags})
    return _quantity(lines), _amount(lines), tuple(entries), tuple(flags)


def taxes_text(statement: BillingStatement, written: Callable[[Amount], str]) -> str:
    """By category, with amounts as `written`."""
    groups = groups_of(statement)
    known = [f"{tax.category} {written(tax.amount)} on {written(tax.base)}" for tax in groups.known]
    missing = [f"{tax.category} undetermined on {written(tax.base)}" for tax in groups.undetermined]
    return ", ".join([*known, *missing])


def _quantity(lines: Sequence[StatementLine]) -> Hours:
    return sum(line.quantity for line in lines)


def _amount(lines: Sequence[StatementLine]) -> Amount:
    return sum(line.amount for line in lines)
