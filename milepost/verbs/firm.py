"""Verbs that show the firm: projects, clients, what is owed, statements, forecasts, the ledger."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs
from milepost.verb_groups import ShowingGroup

VERBS: Final[Verbs] = {
    "projects": Verb(
        "glance.projects",
        "Each project: budget, margin, unbilled, forecast.",
        "milepost projects --open --sort unbilled --output build/try/output",
        "milepost show on a project, or the same with --xlsx projects.xlsx",
    ),
    "clients": Verb(
        "glance.clients",
        "Each client: revenue, unbilled, owed, overdue.",
        "milepost clients --sort owed --output build/try/output",
        "milepost receivables --client C-00001 --output build/try/output",
    ),
    "receivables": Verb(
        "glance.receivables",
        "What customers owe, by invoice and age.",
        "milepost receivables --sort days_overdue --output build/try/output",
        "milepost explain on an invoice that it names",
    ),
    "unbilled": Verb(
        "glance.unbilled",
        "What is earned and not invoiced, and why.",
        "milepost unbilled --as-of 2026-02-28 --output build/try/output",
        "approve, release or request what waits; milepost run, which cuts statements as days end",
    ),
    "prepaid": Verb(
        "glance.prepaid",
        "Retainers and deposits: granted, used, left.",
        "milepost prepaid --since 2026-01-01 --output build/try/output",
        "milepost explain on an id that --json or a page names",
    ),
    "people": Verb(
        "glance.people",
        "Hours, billable share, cost and capacity.",
        "milepost people --from 2026-02 --to 2026-02 --output build/try/output",
        "the same with --by-project, or --csv people.csv",
    ),
    "statement": VerbGroup(
        "Show statements; approve or return drafts.\n\n`milepost statement ID` shows one.",
        {
            "show": Verb(
                "statement.statement",
                "One as the customer gets it; without an id all.",
                "milepost statement show K-00003.K-00003/C-00001/2026-02-16/1 --html statement.html --locale de_DE "
                "--output build/small/output",
                "open the page and print it; or the same with --group-by week, --no-names, or --diff previous",
            ),
            "approve": Verb(
                "statement_decision.approve",
                "Approve drafts, which issues them.",
                "milepost statement approve K-00003.K-00003/C-00001/2026-02-16/1 --as ben --output build/small/output",
                "milepost run, which issues them",
            ),
            "return": Verb(
                "statement_decision.return_",
                "Return drafts, with what is to be corrected.",
                "milepost statement return K-00003.K-00003/C-00001/2026-02-16/1 --reason 'hours of 3 March' --output build/small/output",
                "correct the work; milepost run, which drafts the next revision",
            ),
        },
        ShowingGroup,
    ),
    "forecast": Verb(
        "forecast.forecast",
        "Show where a project is heading, and why that changed.",
        "milepost forecast PRJ-00004 --since 2026-02-15 --output build/try/output",
        "the same with --html forecast.html for a page with charts",
    ),
    "ledger": Verb(
        "ledger.ledger",
        "Show trial balance and roll-forwards of a company.",
        "milepost ledger --entity LE-DE --period 2026-02 --output build/try/output",
        "the same with --csv for a spreadsheet, or milepost verify --output build/try/output",
    ),
    "show": Verb(
        "show.show",
        "Explain a project, a contract group or a statement.",
        "milepost show PRJ-00004 --output build/try/output",
        "milepost show on a statement that it names, or milepost forecast PRJ-00004 --output build/try/output",
    ),
}
