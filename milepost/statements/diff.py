"""What changed between two statements: revisions of one, or one and a later one of the same contract; as text and as JSON.

Lines are the same where they have contract line, project, person, task, role, rate and markup in common. Between two
different statements only corrections touch the earlier one; all else is new work.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from connectors.json_records import head_to_json
from domain.billing.statement import CORRECTION
from domain.billing.tax import groups_of
from domain.money import format_amount
from domain.outputs import BillingStatement, StatementLine
from domain.units import Amount, Hours
from milepost.console import amount_text, shape
from milepost.statements.data import line_json, plain_quantity
from milepost.statements.sheet import status_word
from milepost.tables import Table, hours_text, short_text

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


def difference_head(found: RevisionDifference) -> list[str]:
    before, after = found.before, found.after
    if found.is_of_revisions:
        return [f"Statement {after.statement_id}, from revision {before.revision} to {after.revision}"]
    sums = {
        kind: amount_text(sum(change.amount for change in found.changes if change.kind == kind))
        for kind in ("corrected", "corrects another", "new")
        if any(change.kind == kind for change in found.changes)
    }
    told = ", ".join(f"{kind} {amount}" for kind, amount in sums.items())
    return [f"From statement {before.statement_id} to {after.statement_id}", f"in {after.currency}: {told}"]


def difference_tables(found: RevisionDifference, *, names: bool = True) -> list[Table]:
    rows = [_change_row(change, names=names) for change in found.changes]
    totals = (amount_text(found.before.total), "", amount_text(found.after.total))
    sums = ("", "", "total", "", totals[0], "", totals[2], amount_text(found.amount))
    columns = (
        "change",
        "who",
        "what",
        "hours before",
        "before",
        "hours after",
        "after",
        f"adds {found.after.currency}",
    )
    tables = [Table("Changes", columns, [*rows, sums] if rows else [], frozenset(range(3, 8)), 1)]
    if found.fields:
        tables.insert(
            0, Table("Head", ("field", "before", "after"), [_head_row(found, *each) for each in found.fields])
        )
    return tables


def _head_row(found: RevisionDifference, name: str, before: str, after: str) -> tuple[str, str, str]:
    if name == "status":
        return name, status_word(found.before), status_word(found.after)
    if name == "tax":
        return name, taxes_text(found.before, amount_text), taxes_text(found.after, amount_text)
    return name, before, after


def _change_row(change: LineChange, *, names: bool) -> tuple[str, ...]:
    line = change.line
    cells = [
        text
        for lines in (change.before, change.after)
        for text in (
            (hours_text(sum(one.quantity for one in lines)), amount_text(sum(one.amount for one in lines)))
            if lines
            else ("", "")
        )
    ]
    person = line.person_id or "" if names else ""
    who = f"{person} ({line.role})" if person and line.role else line.role or person
    return (change.kind, who, f"{line.line_id}, {short_text(line.description)}", *cells, amount_text(change.amount))


def difference_json(found: RevisionDifference, *, names: bool = True) -> dict[str, Any]:
    """Version 1 of the shape."""

    def told(lines: Sequence[StatementLine]) -> list[dict[str, object]]:
        return [
            {
                "line_id": line.line_id,
                "person_id": line.person_id if names else None,
                **line_json(line),
                "flags": list(line.flags),
                "entries": list(line.entries),
            }
            for line in lines
        ]

    return shape(
        1,
        kind="statement_difference",
        before=head_to_json(found.before),
        after=head_to_json(found.after),
        fields=[{"field": name, "before": before, "after": after} for name, before, after in found.fields],
        changes=[
            {
                "kind": change.kind,
                "quantity": plain_quantity(change.quantity),
                "amount": format_amount(change.amount),
                "before": told(change.before),
                "after": told(change.after),
            }
            for change in found.changes
        ],
        amount=format_amount(found.amount),
    )
