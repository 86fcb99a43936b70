"""What changed between two statements, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.json_records import head_to_json
from domain.money import format_amount
from domain.outputs import StatementLine
from milepost.console import amount_text, shape
from milepost.statements.data import line_json, plain_quantity
from milepost.statements.diff import LineChange, RevisionDifference, taxes_text
from milepost.statements.sheet import status_word
from milepost.tables import Table, hours_text, short_text


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
