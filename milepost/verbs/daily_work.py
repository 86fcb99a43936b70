"""Verbs of daily work: invoices, payments, contracts, periods, exceptions, dead letters."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount


def mount_invoice(on: typer.Typer) -> None:
    from milepost.commands import invoice

    group = group_of(on, "invoice", "Invoices of statements that are posted elsewhere.")
    mount(
        group,
        "mark",
        invoice.mark,
        "Say that a statement's invoice is posted.",
        example="milepost invoice mark K-00003.K-00003/C-00001/2026-02-16/1 --posted-on 2026-03-02 --output build/small/output",
        then="milepost run, which books what is owed",
    )


def mount_payment(on: typer.Typer) -> None:
    from milepost.commands import payment, payment_application

    group = group_of(on, "payment", "What customers have paid.")
    mount(
        group,
        "add",
        payment.add,
        "Say that a customer has paid.",
        example="milepost payment add C-00001 1190.00 EUR --on 2026-03-20 --oldest --output build/try/output",
        then="milepost run, which books the cash",
    )
    mount(
        group,
        "apply",
        payment_application.apply,
        "Say which invoices a payment is for.",
        example="milepost payment apply PAY-000001 --for INV-000042 --output build/try/output",
        then="milepost run, then milepost receivables",
    )


def mount_contract(on: typer.Typer) -> None:
    from milepost.commands import contract, contract_sign

    group = group_of(on, "contract", "Contracts signed and amended, with their effects first.")
    mount(
        group,
        "sign",
        contract_sign.sign,
        "Sign a contract from a file, after a look at what it does.",
        example="milepost contract sign contract.toml --output build/try/output",
        then="milepost run, which takes the contract in",
    )
    mount(
        group,
        "amend",
        contract.amend,
        "Change the terms, after a look at what that does.",
        example="milepost contract amend K-00003 --effective-on 2026-04-01 --set lines[0].cost_budget=9000 --reason 'new scope' "
        "--approved-by ben --output build/try/output",
        then="milepost run, which takes the new terms in",
    )


def mount_revenue(on: typer.Typer) -> None:
    from milepost.commands import revenue

    group = group_of(on, "revenue", "Revenue that is adjusted by hand.")
    mount(
        group,
        "adjust",
        revenue.adjust,
        "Add to what a contract line earned, or take away.",
        example="milepost revenue adjust K-00003 1 1000.00 --on 2026-03-31 --reverse-on 2026-04-01 --reason 'bonus for March' "
        "--approved-by ben --output build/try/output",
        then="milepost run, which posts it",
        of=revenue.SignedAmounts,
    )


def mount_period(on: typer.Typer) -> None:
    from milepost.commands import glance, period, period_certificate, period_check

    group = group_of(on, "period", "Accounting periods: closed, open again.")
    mount(
        group,
        "list",
        glance.at_a_glance(glance.periods),
        "Which are closed, since when, and by whom.",
        example="milepost period list --company LE-DE --output build/try/output",
        then="milepost period close, or milepost period reopen",
    )
    mount(
        group,
        "check",
        period_check.check,
        "What is open before one closes, and what mends it.",
        example="milepost period check LE-DE 2026-02 --output build/try/output",
        then="milepost period close, which checks it again",
    )
    mount(
        group,
        "close",
        period.close,
        "Later work is posted on the next open day.",
        example="milepost period close LE-DE 2026-02 --reason 'February is reported' --approved-by ben --output build/try/output",
        then="milepost run, which closes it",
    )
    mount(
        group,
        "reopen",
        period.reopen,
        "What comes later may take its days again.",
        example="milepost period reopen LE-DE 2026-01 --reason 'late invoice of the auditor' --approved-by ben --output build/try/output",
        then="milepost run, which opens it",
    )
    mount(
        group,
        "certificate",
        period_certificate.certificate,
        "What a close certified, to be recomputed anywhere.",
        example="milepost period certificate LE-DE 2026-01 --out build/try/2026-01.json --output build/try/output",
        then="milepost verify --certificate build/try/2026-01.json --output build/try/output",
    )


def mount_exceptions(on: typer.Typer) -> None:
    from milepost.as_of import looking_back
    from milepost.commands import exceptions

    group = group_of(on, "exceptions", "What waits for somebody, and decisions about it.")
    mount(
        group,
        "list",
        looking_back(exceptions.list_),
        "Exceptions by cause, with the money at risk.",
        example="milepost exceptions list --kind no_rate --output build/try/output",
        then="milepost exceptions show on one of them, or assign, waive and resend",
    )
    mount(
        group,
        "show",
        looking_back(exceptions.show),
        "One with its fact, its history and its way out.",
        example="milepost exceptions show PRJ-00004.1f0c2a9b77d1e2f300112233 --output build/try/output",
        then="send what is missing, milepost exceptions resend what is wrong, or waive it",
    )
    mount(
        group,
        "assign",
        exceptions.assign,
        "Say who takes care of exceptions.",
        example="milepost exceptions assign --kind no_rate --to ann --yes --output build/try/output",
        then="milepost run, which names the person in each exception",
    )
    mount(
        group,
        "resolve",
        exceptions.resolve,
        "Say that exceptions are settled outside.",
        example="milepost exceptions resolve --kind over_cap --reason 'agreed' --approved-by ben --output build/try/output",
        then="milepost run, which closes them, and raises again what is still missing",
    )
    mount(
        group,
        "waive",
        exceptions.waive,
        "Let faults pass, such as too many hours.",
        example="milepost exceptions waive PRJ-00004.1f0c2a9b77d1e2f300112233 --reason 'on call' --approved-by ben "
        "--output build/try/output",
        then="milepost run, which posts what waited",
    )
    mount(
        group,
        "resend",
        exceptions.resend,
        "Send its fact again, corrected.",
        example="milepost exceptions resend PRJ-00004.1f0c2a9b77d1e2f300112233 --set hours=8 --approved-by ben "
        "--output build/try/output",
        then="milepost run, which reverses what was posted and posts what is right",
    )


def mount_dead_letters(on: typer.Typer) -> None:
    from milepost.commands import dead_letters

    group = group_of(on, "dead-letters", "What could not be read, and sending it again.")
    mount(
        group,
        "list",
        dead_letters.list_,
        "What could not be read, by reason.",
        example="milepost dead-letters list --type TimeApproved --output build/try/output",
        then="milepost dead-letters show on one of them",
    )
    mount(
        group,
        "show",
        dead_letters.show,
        "One message as it came, and what is wrong.",
        example="milepost dead-letters show time.jsonl:17 --output build/try/output",
        then="milepost dead-letters resend, with what is right",
    )
    mount(
        group,
        "resend",
        dead_letters.resend,
        "Send them again, put right.",
        example="milepost dead-letters resend time.jsonl:17 --set worked_on=2026-03-04 --output build/try/output",
        then="milepost run, which takes the new event in",
    )
