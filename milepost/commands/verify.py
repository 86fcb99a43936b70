"""`milepost verify`: does everything hold that must hold?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.files.output_lock import only_writer
from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, write_json
from milepost.options import Json
from milepost.tables import Table, show

if TYPE_CHECKING:
    from connectors.telling import Tell
    from dataflows.audit_kafka import ShardComparison
    from domain.audit.findings import Finding, Report, Violation
    from milepost.settings import Settings


def verify(
    output: Annotated[Path | None, typer.Option("--output", help="Output folder of a run.")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Do not recompute from the log, which takes as long as the run did.")
    ] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="Audit what stands on the topics instead.")] = False,
    shards: Annotated[str | None, typer.Option("--shards", help="With --kafka, these alone, such as 0,4.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="With --kafka, go on with what comes, until SIGTERM or Ctrl-C.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            help="With --kafka, keep log and outputs in this folder: the next time goes on from it, and other commands read it.",
        ),
    ] = None,
    certificate: Annotated[
        list[Path] | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="Recompute this certificate of a close instead, from the log in --output alone; may be repeated.",
        ),
    ] = None,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Audit an output folder, or the topics: journals, statements, caps, periods, chains, and the same bytes from the log again."""
    if certificate:
        from milepost.certificates.checked import check_certificates

        if output is None:
            raise typer.BadParameter("expected --output beside it, a folder with the log", param_hint="--certificate")
        check_certificates(certificate, output, json=json)
        return
    if (output is None) != kafka:
        raise typer.BadParameter("expected one of --output and --kafka", param_hint="--output")
    if output is None:
        report = of_topics(given.settings, shards, keep, follow=follow)
        where = keep or Path("kafka")
    else:
        if follow or keep is not None or shards is not None:
            raise typer.BadParameter("expected it beside --follow, --keep and --shards", param_hint="--kafka")
        where = output
        report = audited(output, fold_again=not fast)
    if json:
        write_json(as_json(where, report))
    else:
        tell(report)
    if report.first is not None:
        raise typer.Exit(exit_codes.VIOLATION)


def of_topics(settings: Settings, shards: str | None, keep: Path | None, *, follow: bool) -> Report:
    """All shards unless some are named; what is kept on the way is gone in the end unless `keep` says where.

    Raises BadParameter where nothing is folded yet, so that nothing could be looked at; an audit that follows waits for it.
    """
    from domain.audit.findings import AuditTally
    from milepost.operate import serving, shards_chosen
    from milepost.operate.following import Auditors, follow_on
    from milepost.operate.stopping import stopping, unwinding

    numbers = shards_chosen.chosen(
        settings.accounting, settings.kafka.partitions, shards, every=shards is None, ordinal=None, of=None
    )
    with ExitStack() as held:
        held.enter_context(unwinding())
        folder = keep or Path(held.enter_context(TemporaryDirectory(prefix="milepost-verify-")))
        folder.mkdir(parents=True, exist_ok=True)
        held.enter_context(only_writer(folder))
        auditors = held.enter_context(Auditors(serving.audit_job(settings, numbers), folder))
        if follow:
            with stopping() as stop:
                compared = follow_on(auditors, stop, lambda *_: None)
        else:
            with shown() as bar:
                compared = auditors.catch_up(bar)
        if not any(each.offset or each.outputs or each.violations for each in compared):
            if follow:
                return AuditTally().report()
            kafka = settings.kafka
            raise typer.BadParameter(
                f"nothing was looked at: generation {kafka.generation} at {kafka.brokers} has no outputs, as none of its shards has "
                "processed a record yet. Expected the generation that accounting writes: see [kafka] generation and prefix, or start "
                "`milepost serve accounting`",
                param_hint="--kafka",
            )
        outputs, found = summed(compared)
        return with_topics(audited(folder, fold_again=False), outputs, found)


def summed(compared: list[ShardComparison]) -> tuple[int, tuple[Violation, ...]]:
    """Outputs that were compared, and what differs."""
    violations = tuple(violation for each in compared for violation in each.violations)
    return sum(each.outputs for each in compared), violations


def with_topics(report: Report, outputs: int, found: tuple[Violation, ...]) -> Report:
    """The report of what was folded again, with what stands on the topics beside it."""
    from domain.audit.findings import REFOLD, AuditTally

    tally = AuditTally()
    tally.count(REFOLD, outputs)
    tally.add(found)
    compared = {finding.check: finding for finding in tally.report().findings}
    return report._replace(
        findings=tuple(
            compared[each.check]
            if each.check == REFOLD
            else each._replace(
                violations=each.violations + compared[each.check].violations,
                first=(*compared[each.check].first, *each.first),
            )
            for each in report.findings
        )
    )


@contextmanager
def shown() -> Iterator[Tell]:
    """A progress bar on a terminal, by what is done."""
    from milepost.printer import progress_bar

    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def tell_bar(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done, total=total)

        yield tell_bar


def audited(output: Path, *, fold_again: bool) -> Report:
    """With a progress bar on a terminal."""
    from dataflows.audit import audit

    with shown() as bar:
        return audit(output, fold_again=fold_again, tell=bar)


def tell(report: Report) -> None:
    rows = [(finding.check, looked_at(finding), result(finding), finding.promise) for finding in report.findings]
    show(Table("What must hold", ("check", "looked at", "result", "promise"), rows, frozenset({1})))
    first = report.first
    if first is None:
        looked = any(finding.checked for finding in report.findings)
        say("\nEverything that was looked at holds" if looked else "\nNothing was looked at")
        return
    promise = next(finding.promise for finding in report.findings if finding.check == first.check)
    echo("\n" + "\n".join(violation_text(first, promise)))
    more = report.violations - 1
    if more:
        say(f"\nand {more:,} more; --json lists the first of each check")


def looked_at(finding: Finding) -> str:
    return "-" if finding.checked is None else f"{finding.checked:,}"


def result(finding: Finding) -> str:
    if finding.violations:
        return f"{finding.violations:,} violated"
    if finding.checked is None:
        return "not checked"
    return "holds" if finding.checked else "nothing to check"


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


def as_json(output: Path, report: Report) -> dict[str, object]:
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
