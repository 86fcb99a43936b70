"""What belongs to an accounting period: a project's or contract's balances in it, and a forecast as it stood at its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from milepost.console import asked_folder, echo, say, shape, shell_word, tell, write_json
from milepost.tables import completion_table, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.ledger.trial_balance import TrialBalance
    from domain.outputs import ForecastUpdate, JournalEntry


def show_for(wanted: str, output: Path, period: str, json: bool) -> None:  # as an option has it
    """Trial balance and roll-forwards of the lines that journals have on a project, a contract or an engagement."""
    from domain.ledger.trial_balance import LedgerSums
    from milepost.commands.ledger import as_json, feet_text, tables
    from milepost.unknown_id import unknown_id

    check_period(period)
    sums: dict[str, LedgerSums] = {}
    for journal in _journals(output, wanted):
        sums.setdefault(journal.legal_entity_id, LedgerSums(journal.legal_entity_id)).add(journal)
    if not sums:
        kinds = "a project, a contract or a contract group with journals"
        raise unknown_id(output, wanted, kinds, _with_journals(output), "milepost dump project.views")
    balances: list[TrialBalance] = [sums[entity].trial_balance(period) for entity in sorted(sums)]
    if json:
        write_json(shape(1, kind="period", id=wanted, period=period, balances=[as_json(each) for each in balances]))
        return
    echo(f"{wanted} in accounting period {period}\n")
    for balance in balances:
        show(*tables(balance))
        tell("\n" + "\n".join(feet_text(balance)))


def _journals(output: Path, wanted: str) -> Iterator[JournalEntry]:
    """With the lines alone that are of it."""
    from connectors.files.lookup import project_ids
    from connectors.files.written import records_of
    from domain.identity import engagement_of
    from domain.outputs import JournalEntry

    # Engagements are often called after their first project, and `show` takes such an id for the project's.
    is_project = wanted in project_ids(output)
    for journal in records_of(output, JournalEntry):
        if not is_project and wanted in (journal.contract_id, engagement_of(journal.journal_id)):
            yield journal
        else:
            lines = tuple(line for line in journal.lines if line.project_id == wanted)
            if lines:
                yield journal._replace(lines=lines)


def _with_journals(output: Path) -> frozenset[str]:
    """Projects, contracts and engagements."""
    from connectors.files.written import records_of
    from domain.identity import engagement_of
    from domain.outputs import JournalEntry

    found: set[str | None] = set()
    for journal in records_of(output, JournalEntry):
        found |= {journal.contract_id, engagement_of(journal.journal_id), *(line.project_id for line in journal.lines)}
    return frozenset(each for each in found if each)


def forecast_for(wanted: str, output: Path, period: str, json: bool) -> None:  # as an option has it
    """The last forecast of a day in the period, or before it."""
    from connectors.files.lookup import projects_with_forecasts
    from connectors.json_records import record_to_json
    from milepost.forecasts.as_posted import as_posted
    from milepost.unknown_id import unknown_id

    check_period(period)
    update = _last_in(output, wanted, period)
    if update is None:
        known = projects_with_forecasts(output)
        if wanted not in known:
            kinds = "a project that has a forecast"
            raise unknown_id(output, wanted, kinds, known, "milepost dump forecast.current", "PROJECT")
        raise typer.BadParameter(f"project {wanted} has no forecast up to the end of {period}", param_hint="PROJECT")
    if json:
        write_json(shape(1, period=period, forecast=record_to_json(update)))
        return
    now = update.project
    title = f"Forecast of project {wanted} as of {update.as_of}, the last of {period}, in {now.currency}"
    show(completion_table(title, now, as_posted(update)))
    say(
        f"\nNext: milepost forecast {shell_word(wanted)} --as-of {update.as_of}"
        f" --output {shell_word(asked_folder(output))} for all of what was known then"
    )


def _last_in(output: Path, project_id: str, period: str) -> ForecastUpdate | None:
    from connectors.files.written import records_of
    from domain.outputs import ForecastUpdate

    last = None
    named = _periods_of(output, project_id)
    for record in records_of(output, ForecastUpdate):
        if record.project_id == project_id and named(record.as_of) <= period:
            last = record
    return last


def _periods_of(output: Path, project_id: str) -> Any:
    """Names of the periods of the project's company by day; calendar months where no company is known."""
    from connectors.files.engagement_log import EngagementLog
    from connectors.files.lookup import ProjectFound, find
    from domain.events.reference import LegalEntityDefined
    from domain.reference.fiscal import period_of

    found = find(output, project_id)
    entity_id = found.viewed.view.legal_entity_id if isinstance(found, ProjectFound) else None
    calendar = None
    with EngagementLog.open(output) as log:
        for record in log.records():
            event = record.event
            if isinstance(event, LegalEntityDefined) and event.legal_entity_id == entity_id:
                calendar = event.fiscal_calendar
    if calendar is None:
        return lambda day: day.isoformat()[:7]
    return lambda day: period_of(calendar, day).name


def check_period(period: str) -> None:
    from domain.ledger.trial_balance import is_period

    if not is_period(period):
        raise typer.BadParameter(f"expected an accounting period such as 2026-03, got {period}", param_hint="--for")
