"""Verbs of daily work: invoices, payments, contracts, periods, exceptions, dead letters."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs
from milepost.plain_words import SignedAmounts

VERBS: Final[Verbs] = {
    "invoice": VerbGroup(
        "Invoices of statements that are posted elsewhere.",
        {
            "mark": Verb(
                "invoice.mark",
                "Say that a statement's invoice is posted.",
                "milepost invoice mark K-00003.K-00003/C-00001/2026-02-16/1 --posted-on 2026-03-02 --output build/small/output",
                "milepost run, which books what is owed",
            )
        },
    ),
    "payment": VerbGroup(
        "What customers have paid.",
        {
            "add": Verb(
                "payment.add",
                "Say that a customer has paid.",
                "milepost payment add C-00001 1190.00 EUR --on 2026-03-20 --oldest --output build/try/output",
                "milepost run, which books the cash",
                of=SignedAmounts,
            ),
            "apply": Verb(
                "payment_application.apply",
                "Say which invoices a payment is for.",
                "milepost payment apply PAY-000001 --for INV-000042 --output build/try/output",
                "milepost run, then milepost receivables",
            ),
        },
    ),
    "contract": VerbGroup(
        "Contracts signed and amended, with their effects first.",
        {
            "sign": Verb(
                "contract_sign.sign",
                "Sign a contract from a file, after a look at what it does.",
                "milepost contract sign contract.toml --output build/try/output",
                "milepost run, which takes the contract in",
            ),
            "amend": Verb(
                "contract.amend",
                "Change the terms, after a look at what that does.",
                "milepost contract amend K-00003 --effective-on 2026-04-01 --set lines[0].cost_budget=9000 --reason 'new scope' "
                "--approved-by ben --output build/try/output",
                "milepost run, which takes the new terms in",
            ),
        },
    ),
    "revenue": VerbGroup(
        "Revenue that is adjusted by hand.",
        {
            "adjust": Verb(
                "revenue.adjust",
                "Add to what a contract line earned, or take away.",
                "milepost revenue adjust K-00003 1 1000.00 --on 2026-03-31 --reverse-on 2026-04-01 --reason 'bonus for March' "
                "--approved-by ben --output build/try/output",
                "milepost run, which posts it",
                of=SignedAmounts,
            )
        },
    ),
    "period": VerbGroup(
        "Accounting periods: closed, open again.",
        {
            "list": Verb(
                "glance.periods",
                "Which are closed, since when, and by whom.",
                "milepost period list --company LE-DE --output build/try/output",
                "milepost period close, or milepost period reopen",
            ),
            "check": Verb(
                "period_check.check",
                "What is open before one closes, and what mends it.",
                "milepost period check LE-DE 2026-02 --output build/try/output",
                "milepost period close, which checks it again",
            ),
            "close": Verb(
                "period.close",
                "Later work is posted on the next open day.",
                "milepost period close LE-DE 2026-02 --reason 'February is reported' --approved-by ben --output build/try/output",
                "milepost run, which closes it",
            ),
            "reopen": Verb(
                "period.reopen",
                "What comes later may take its days again.",
                "milepost period reopen LE-DE 2026-01 --reason 'late invoice of the auditor' --approved-by ben --output build/try/output",
                "milepost run, which opens it",
            ),
            "certificate": Verb(
                "period_certificate.certificate",
                "What a close certified, to be recomputed anywhere.",
                "milepost period certificate LE-DE 2026-01 --out build/try/2026-01.json --output build/try/output",
                "milepost verify --certificate build/try/2026-01.json --output build/try/output",
            ),
        },
    ),
    "exceptions": VerbGroup(
        "What waits for somebody, and decisions about it.",
        {
            "list": Verb(
                "exceptions.list_",
                "Exceptions by cause, with the money at risk.",
                "milepost exceptions list --kind no_rate --output build/try/output",
                "milepost exceptions show on one of them, or assign, waive and resend",
            ),
            "show": Verb(
                "exceptions.show",
                "One with its fact, its history and its way out.",
                "milepost exceptions show PRJ-00004.1f0c2a9b77d1e2f300112233 --output build/try/output",
                "send what is missing, milepost exceptions resend what is wrong, or waive it",
            ),
            "assign": Verb(
                "exceptions.assign",
                "Say who takes care of exceptions.",
                "milepost exceptions assign --kind no_rate --to ann --yes --output build/try/output",
                "milepost run, which names the person in each exception",
            ),
            "resolve": Verb(
                "exceptions.resolve",
                "Say that exceptions are settled outside.",
                "milepost exceptions resolve --kind over_cap --reason 'agreed' --approved-by ben --output build/try/output",
                "milepost run, which closes them, and raises again what is still missing",
            ),
            "waive": Verb(
                "exceptions.waive",
                "Let faults pass, such as too many hours.",
                "milepost exceptions waive PRJ-00004.1f0c2a9b77d1e2f300112233 --reason 'on call' --approved-by ben "
                "--output build/try/output",
                "milepost run, which posts what waited",
            ),
            "resend": Verb(
                "exceptions.resend",
                "Send its fact again, corrected.",
                "milepost exceptions resend PRJ-00004.1f0c2a9b77d1e2f300112233 --set hours=8 --approved-by ben --output build/try/output",
                "milepost run, which reverses what was posted and posts what is right",
            ),
        },
    ),
    "dead-letters": VerbGroup(
        "What could not be read, and sending it again.",
        {
            "list": Verb(
                "dead_letters.list_",
                "What could not be read, by reason.",
                "milepost dead-letters list --type TimeApproved --output build/try/output",
                "milepost dead-letters show on one of them",
            ),
            "show": Verb(
                "dead_letters.show",
                "One message as it came, and what is wrong.",
                "milepost dead-letters show time.jsonl:17 --output build/try/output",
                "milepost dead-letters resend, with what is right",
            ),
            "resend": Verb(
                "dead_letters.resend",
                "Send them again, put right.",
                "milepost dead-letters resend time.jsonl:17 --set worked_on=2026-03-04 --output build/try/output",
                "milepost run, which takes the new event in",
            ),
        },
    ),
}
