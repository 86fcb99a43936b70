"""Verbs that show the firm: projects, clients, what is owed, statements, forecasts, the ledger."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount
from milepost.verb_groups import ShowingGroup


def mount_projects(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "projects",
        glance.at_a_glance(glance.projects),
        "Each project: budget, margin, unbilled, forecast.",
        example="milepost projects --open --sort unbilled --output build/try/output",
        then="milepost show on a project, or the same with --xlsx projects.xlsx",
    )


def mount_clients(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "clients",
        glance.at_a_glance(glance.clients),
        "Each client: revenue, unbilled, owed, overdue.",
        example="milepost clients --sort owed --output build/try/output",
        then="milepost receivables --client C-00001 --output build/try/output",
    )


def mount_receivables(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "receivables",
        glance.at_a_glance(glance.receivables),
        "What customers owe, by invoice and age.",
        example="milepost receivables --sort days_overdue --output build/try/output",
        then="milepost explain on an invoice that it names",
    )


def mount_unbilled(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "unbilled",
        glance.at_a_glance(glance.unbilled),
        "What is earned and not invoiced, and why.",
        example="milepost unbilled --as-of 2026-02-28 --output build/try/output",
        then="approve, release or request what waits; milepost run, which cuts statements as days end",
    )


def mount_prepaid(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "prepaid",
        glance.at_a_glance(glance.prepaid),
        "Retainers and deposits: granted, used, left.",
        example="milepost prepaid --since 2026-01-01 --output build/try/output",
        then="milepost explain on an id that --json or a page names",
    )


def mount_people(on: typer.Typer) -> None:
    from milepost.commands import glance

    mount(
        on,
        "people",
        glance.at_a_glance(glance.people),
        "Hours, billable share, cost and capacity.",
        example="milepost people --from 2026-02 --to 2026-02 --output build/try/output",
        then="the same with --by-project, or --csv people.csv",
    )


def mount_statement(on: typer.Typer) -> None:
    from milepost.as_of import looking_back
    from milepost.commands import statement, statement_decision

    group = group_of(
        on,
        "statement",
        "Show statements; approve or return drafts.\n\n`milepost statement ID` shows one.",
        ShowingGroup,
    )
    mount(
        group,
        "show",
        looking_back(statement.statement),
        "One as the customer gets it; without an id all.",
        example="milepost statement show K-00003.K-00003/C-00001/2026-02-16/1 --html statement.html --locale de_DE "
        "--output build/small/output",
        then="open the page and print it; or the same with --group-by week, --no-names, or --diff previous",
    )
    mount(
        group,
        "approve",
        statement_decision.approve,
        "Approve drafts, which issues them.",
        example="milepost statement approve K-00003.K-00003/C-00001/2026-02-16/1 --as ben --output build/small/output",
        then="milepost run, which issues them",
    )
    mount(
        group,
        "return",
        statement_decision.return_,
        "Return drafts, with what is to be corrected.",
        example="milepost statement return K-00003.K-00003/C-00001/2026-02-16/1 --reason 'hours of 3 March' --output build/small/output",
        then="correct the work; milepost run, which drafts the next revision",
    )


def mount_forecast(on: typer.Typer) -> None:
    from milepost.as_of import looking_back
    from milepost.commands import forecast
    from milepost.for_period import forecast_for

    mount(
        on,
        "forecast",
        looking_back(forecast.forecast, "project_id", forecast_for),
        "Show where a project is heading, and why that changed.",
        example="milepost forecast PRJ-00004 --since 2026-02-15 --output build/try/output",
        then="the same with --html forecast.html for a page with charts",
    )


def mount_ledger(on: typer.Typer) -> None:
    from milepost.as_of import looking_back
    from milepost.commands import ledger

    mount(
        on,
        "ledger",
        looking_back(ledger.ledger),
        "Show trial balance and roll-forwards of a company.",
        example="milepost ledger --entity LE-DE --period 2026-02 --output build/try/output",
        then="the same with --csv for a spreadsheet, or milepost verify --output build/try/output",
    )


def mount_show(on: typer.Typer) -> None:
    from milepost.as_of import looking_back
    from milepost.commands import show
    from milepost.for_period import show_for

    mount(
        on,
        "show",
        looking_back(show.show, "id_", show_for),
        "Explain a project, a contract group or a statement.",
        example="milepost show PRJ-00004 --output build/try/output",
        then="milepost show on a statement that it names, or milepost forecast PRJ-00004 --output build/try/output",
    )
