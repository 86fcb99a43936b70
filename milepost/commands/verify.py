"""`milepost verify`: does everything hold that must hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from milepost import exit_codes
from milepost.console import progress_bar, say, shape, write_json

if TYPE_CHECKING:
    from domain.audit.findings import Violation
    from domain.audit.report import Finding, Report


def verify(
    output: Annotated[Path, typer.Option("--output", help="Output folder of a run.", show_default=False)],
    fast: Annotated[
        bool, typer.Option("--fast", help="Do not fold the log again, which takes as long as the run did.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Audit an output folder: journals, statements, caps, periods, chains, and the same bytes from the log again."""
    from connectors.files.written import NoOutputs

    try:
        report = audited(output, fold_again=not fast)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    if json:
        write_json(as_json(output, report))
    else:
        tell(report)
    if report.first is not None:
        raise typer.Exit(exit_codes.VIOLATION)


def audited(output: Path, *, fold_again: bool) -> Report:
    """With a progress bar on a terminal."""
    from dataflows.audit import audit

    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def tell_bar(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done, total=total)

        return audit(output, fold_again=fold_again, tell=tell_bar)


def tell(report: Report) -> None:
    from milepost.tables import Table, show

    rows = [(finding.check, looked_at(finding), result(finding), finding.promise) for finding in report.findings]
    show(Table("What must hold", ("check", "looked at", "result", "promise"), rows, frozenset({1})))
    first = report.first
    if first is None:
        say("\nEverything that was looked at holds")
        return
    promise = next(finding.promise for finding in report.findings if finding.check == first.check)
    typer.echo("\n" + "\n".join(violation_text(first, promise)))
    more = report.violations - 1
    if more:
        say(f"\nand {more:,} more; --json lists the first of each check")


def looked_at(finding: Finding) -> str:
    return "-" if finding.checked is None else f"{finding.checked:,}"


def result(finding: Finding) -> str:
    if finding.violations:
        return f"{finding.violations:,} violated"
    return "not checked" if finding.checked is None else "holds"


def violation_text(found: Violation, promise: str) -> list[str]:
    where = ", ".join(
        [
            *([found.topic] if found.topic else []),
            *([f"output_seq {found.output_seq}"] if found.output_seq is not None else []),
        ]
    )
    return [
        f"First violation: {found.check}, {promise}",
        *([f"  where     {where}"] if where else []),
        *([f"  output    {found.output}"] if found.output else []),
        f"  what      {found.subject}",
        f"  expected  {found.expected}",
        f"  found     {found.found}",
    ]


def as_json(output: Path, report: Report) -> dict[str, Any]:
    """Version 1 of the shape."""
    first = report.first
    return shape(
        1,
        output=str(output),
        holds=first is None,
        violations=report.violations,
        first=first._asdict() if first is not None else None,
        checks=[
            {
                "check": finding.check,
                "promise": finding.promise,
                "looked_at": finding.checked,
                "violations": finding.violations,
                "first": [each._asdict() for each in finding.first],
            }
            for finding in report.findings
        ],
    )
