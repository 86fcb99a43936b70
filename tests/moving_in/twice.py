"""The same firm twice: from its beginning, and moved in on a day. What comes out after that day has to be the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from domain.outputs import BillingStatement, ExceptionRaised, ForecastUpdate, JournalEntry, Output, ProjectView
from tests.harness import Books
from tests.scenario_events import Teller
from tests.scenario_outputs import Expectation, Facts
from tests.scenario_play import _last_day, _now
from tests.scenario_text import Step, read_scenarios


class Firm(NamedTuple):
    """As text: what is defined, what happened until the day, what is brought forward of it, and what happens after it."""

    setup: str
    before: str
    balances: str
    after: str


class Told(NamedTuple):
    """What one of both said: balances of the day by company, currency and account, the rest by step of what came after, and how each
    project stands at last."""

    opening: Mapping[tuple[str, ...], tuple[int, int]]
    steps: list[dict[str, Any]]
    views: Mapping[str, Any]
    books: Books


def both(firm: Firm, as_of: str) -> tuple[Told, Told]:
    """The firm from its beginning, and moved in."""
    return _told(firm.setup, firm.before, firm.after, as_of), told(firm, as_of)


def told(firm: Firm, as_of: str) -> Told:
    """The firm moved in."""
    return _told(firm.setup, firm.balances, firm.after, as_of)


def _told(setup: str, first: str, after: str, as_of: str) -> Told:
    steps = _steps(setup, first, after)
    number = len(_steps(setup, first, "")) if after.strip() else len(steps)
    books = Books()
    entity = next(step.words[1] for step in steps if step.words[0] == "entity")
    facts = Facts(entity)
    teller = Teller(facts.exceptions, facts.journals)
    opened = next(step for step in steps if step.when)
    assert opened.when is not None
    start = datetime.fromisoformat(f"{opened.when[:10]}T12:00:00+00:00")
    journals: list[JournalEntry] = []
    said: list[dict[str, Any]] = []
    forecasts: dict[str, Any] = {}
    for place, step in enumerate(steps):
        if step.words == ("day", "ended"):
            outputs = books.end_day(_last_day(step, books))
        else:
            outputs = books.fold(teller.event(step, _now(step, books) if step.when else start))
        facts.of(outputs, Expectation())
        forecasts |= {one.project_id: _forecast(one) for one in outputs if isinstance(one, ForecastUpdate)}
        journals += [one for one in outputs if isinstance(one, JournalEntry)]
        if place >= number:
            said.append(_of_step(step, outputs))
            said[-1]["forecasts"] = dict(forecasts)
            if place == number:
                said[0]["balances"] = balances(journals)
    opening = balances((one for one in journals if one.accounting_date <= date.fromisoformat(as_of)), as_of)
    views = {one.project_id: one for _, one in books.folded if isinstance(one, ProjectView)}
    return Told(opening, said, {project_id: _view(one) for project_id, one in views.items()}, books)


def _steps(setup: str, first: str, after: str) -> list[Step]:
    text = f"# Twice\n\n```\n{setup}\n```\n\n## Once\n\n```\n{first}\n{after}\n```\n"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "twice.md"
        path.write_text(text, encoding="utf-8")
        return list(read_scenarios(path)[0].steps)


def balances(journals: Any, _: str = "") -> dict[tuple[str, ...], tuple[int, int]]:
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for journal in journals:
        for line in journal.lines:
            key = journal.legal_entity_id, journal.currency, line.account
            had = found.get(key, (0, 0))
            found[key] = had[0] + line.amount, had[1] + line.ledger_amount
    return {key: both for key, both in sorted(found.items()) if any(both)}


def _of_step(step: Step, outputs: list[Output]) -> dict[str, Any]:
    journals = [one for one in outputs if isinstance(one, JournalEntry)]
    return {
        "at": " ".join((step.when or "", *step.words)),
        "balances": balances(journals),
        "statements": [
            (
                one.statement_id,
                one.status,
                one.total,
                one.retained,
                one.released,
                one.deposits_applied,
                one.amount_due,
                _of_lines(one),
                tuple((tax.category, tax.base, tax.amount) for tax in one.tax),
            )
            for one in outputs
            if isinstance(one, BillingStatement)
        ],
        "exceptions": sorted((one.category, one.blocks_amount) for one in outputs if isinstance(one, ExceptionRaised)),
    }


def _of_lines(one: BillingStatement) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for line in one.lines:
        found[line.line_id] = found.get(line.line_id, 0) + line.amount
    return tuple(sorted(found.items()))


def _view(one: ProjectView) -> dict[str, Any]:
    """Without what work that was included would have been worth, which balances do not say."""
    of_contracts = {balance.contract_id: balance._asdict() for balance in one.balances}
    waits = sorted(each.category for each in one.open_exceptions)
    cash = {"open statements": one.open_statements, "unapplied": one.unapplied, "retainers": one.retainers}
    burn = {"hours": one.burn.hours, "hours charged": one.burn.billable_hours, "cost": one.burn.cost}
    return {"burn": burn, "exceptions": waits, **cash, **of_contracts}


def _forecast(one: ForecastUpdate) -> dict[str, Any]:
    """Sums, and what is still to come by month."""
    figures = one.project
    found = {name: getattr(figures, name) for name in figures._fields if name != "months"}
    months = [tuple(month) for month in figures.months if month.month > "2026-06"]
    # The day on which a cap runs out follows from what the last 28 days took of it, and of what was brought forward nobody knows those.
    caps = [cap._replace(exhausts_on=None) if one.as_of < date(2026, 7, 28) else cap for cap in one.caps]
    return {**found, "months": months, "caps": caps}


def differences(one: Mapping[str, Any], other: Mapping[str, Any], of: str = "") -> list[str]:
    """What is not the same, by its name: here, moved in."""
    found = []
    for name in {**one, **other}:
        had, has = one.get(name), other.get(name)
        at = f"{of}{name}"
        if isinstance(had, Mapping) and isinstance(has, Mapping):
            found += differences(had, has, f"{at} ")
        elif isinstance(had, list) and isinstance(has, list) and len(had) == len(has):
            found += differences(_by_place(had), _by_place(has), f"{at} ")
        elif had != has:
            found.append(f"{at}: {had} here, {has} moved in")
    return found


def _by_place(listed: list[Any]) -> dict[str, Any]:
    return {str(place): each for place, each in enumerate(listed)}
