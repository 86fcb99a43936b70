"""`milepost accounts`: whether accounts.toml can be used, and what a run has posted that it has no place for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from domain.money import format_amount
from milepost import exit_codes
from milepost.console import amount_text, echo, say, shape, tell, write_json
from milepost.delivery.accounts_given import DEFAULT, AccountsFile, given_accounts
from milepost.options import Json, Output
from milepost.tables import Table, show

if TYPE_CHECKING:
    from connectors.accounts_file import Accounts
    from connectors.erp.adapter import ErpFinding
    from domain.delivery.lacks import Lacks

# Of docs/erp-NAME.md, where it is not that of the kind.
PAGES = {"dynamics365_finance": "dynamics", "business_central": "dynamics", "oracle_fusion": "oracle"}


def check(
    accounts: AccountsFile = DEFAULT,
    output: Annotated[
        Path | None, typer.Option("--output", help="Output folder of a run, to look up all that it posted.")
    ] = None,
    reach: Annotated[
        bool, typer.Option("--reach", help="Also reach each ERP: who we are there, and what we may.")
    ] = False,
    json: Json = False,
) -> None:
    """Check accounts.toml, and with a run's folder that it has a place for all that was posted and issued.

    Without --reach it calls no ERP and reads no secret. Ends with 3 where something has no place or is not as it must be.
    """
    from milepost.delivery.lacking import lacks

    found = given_accounts(accounts)
    looked_up = None if output is None else lacks(found, output)
    lacking = [] if looked_up is None else looked_up.found
    findings = _reached(found) if reach else []
    if json:
        write_json(as_json(found, looked_up, findings))
    else:
        _tell(found, looked_up, findings)
    if lacking or not all(each.is_right for _, each in findings):
        raise typer.Exit(exit_codes.VIOLATION)


def new(
    output: Output, kind: Annotated[str, typer.Option("--kind", help="Which ERP: netsuite, files, ...")] = "netsuite"
) -> None:
    """Write a beginning of accounts.toml to stdout: the companies of a run with the accounts and currencies that it used.

    Fill in the ERP's accounts between the quotes, and the connection as the ERP's page says; `accounts check` says what is left.
    """
    from connectors.erp.adapters import OPENERS
    from connectors.files.written import records_of
    from domain.accounts import name_of
    from domain.outputs import JournalEntry

    if kind not in OPENERS:
        raise typer.BadParameter(f"expected one of {', '.join(sorted(OPENERS))}, got {kind}", param_hint="--kind")
    used: dict[str, tuple[set[str], set[str]]] = {}
    for journal in records_of(output, JournalEntry):
        if journal.deliver:
            roles, currencies = used.setdefault(journal.legal_entity_id, (set(), set()))
            roles.update(line.account for line in journal.lines)
            currencies.add(journal.currency)
    lines = _connection(kind)
    for number, company in enumerate(sorted(used), start=1):
        roles, currencies = used[company]
        table = _key(company)
        lines += [
            "",
            f"[entities.{table}]",
            'erp = "main"',
            f'subsidiary = "{number}"  # the ERP\'s id of the company',
            'grain = "entity_day"',
        ]
        lines += ["", f"[entities.{table}.currencies]", *(f'{each} = "{each}"' for each in sorted(currencies))]
        lines += ["", f"[entities.{table}.accounts]"]
        lines += [f'{role} = ""{f"  # {name_of(role)}" if name_of(role) else ""}' for role in sorted(roles)]
    echo("\n".join(lines))


def _connection(kind: str) -> list[str]:
    """For files all that they need; for others the page that says it."""
    from connectors.erp.file_ledger import LAYOUTS

    if kind != "files":
        page = PAGES.get(kind, kind)
        return ["[erp.main]", f'kind = "{kind}"', f"# url, and [erp.main.auth]: as docs/erp-{page}.md says"]
    first, *others = LAYOUTS
    return [
        "[erp.main]",
        f'kind = "{kind}"',
        "",
        "[erp.main.options]",
        'folder = "ledger"  # where the files are written',
        f'layout = "{first}"  # or {", ".join(others)}: see docs/erp-files.md',
    ]


def _key(name: str) -> str:
    """As TOML takes it for one key."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else orjson.dumps(name).decode()


def _reached(accounts: Accounts) -> list[tuple[str, ErpFinding]]:
    from milepost.operate.doctoring_erps import checked

    today = datetime.now(UTC).date()
    return [(erp, each) for erp in sorted(accounts.erps) for each in checked(accounts, erp, today)]


def _tell(accounts: Accounts, looked_up: Lacks | None, findings: list[tuple[str, ErpFinding]]) -> None:
    from milepost.delivery.lacking import where

    charts = [
        (entity, chart.erp, accounts.erps[chart.erp].kind, chart.grain, f"{len(chart.accounts)}")
        for entity, chart in sorted(accounts.charts.items())
    ]
    tables = [
        Table("Companies", ("company", "ERP account", "kind", "grain", "accounts mapped"), charts, frozenset({4}))
    ]
    if looked_up is not None:
        rows = [
            (
                lack.legal_entity_id,
                f"{lack.missing} {lack.name}",
                ", ".join(f"{name} {value or '(none)'}" for name, value in lack.dimensions),
                f"{consumption.documents:,}",
                lack.currency,
                amount_text(consumption.amount),
                where(lack),
            )
            for lack, consumption in looked_up.found
        ]
        columns = ("company", "missing", "of lines with", "documents", "currency", "waits", "write it under")
        tables.append(Table("What the charts have no place for", columns, rows, frozenset({3, 5})))
    if looked_up is not None and looked_up.left_out:
        before = [
            (
                each.legal_entity_id,
                each.invoices_from.isoformat(),
                f"{consumption.documents:,}",
                each.currency,
                amount_text(consumption.amount),
            )
            for each, consumption in looked_up.left_out
        ]
        names = ("company", "invoices_from", "statements", "currency", "money")
        tables.append(
            Table("Statements that are not sent, as their period ended before", names, before, frozenset({2, 4}))
        )
    if findings:
        seen = [
            (name, each.subject, "right" if each.is_right else "wrong", each.found, each.remedy)
            for name, each in findings
        ]
        tables.append(Table("ERP accounts", ("ERP account", "what", "", "found", "remedy"), seen))
    show(*tables)
    if looked_up is None:
        say("\nNext: milepost accounts check --output FOLDER looks up all that a run has posted")
    elif not looked_up.found:
        tell("\nEverything that was posted has a place")


def as_json(accounts: Accounts, looked_up: Lacks | None, findings: list[tuple[str, ErpFinding]]) -> dict[str, Any]:
    """Version 1 of the shape; amounts are decimals as text."""
    from milepost.delivery.lacking import where

    return shape(
        1,
        companies=[
            {"legal_entity_id": entity, "erp": chart.erp, "grain": chart.grain, "accounts": len(chart.accounts)}
            for entity, chart in sorted(accounts.charts.items())
        ],
        lacking=[
            {
                "legal_entity_id": lack.legal_entity_id,
                "missing": lack.missing,
                "name": lack.name,
                "dimensions": dict(lack.dimensions),
                "documents": consumption.documents,
                "currency": lack.currency,
                "waits": format_amount(consumption.amount),
                "write": where(lack),
            }
            for lack, consumption in (looked_up.found if looked_up else ())
        ],
        statements_not_sent=[
            {
                "legal_entity_id": each.legal_entity_id,
                "invoices_from": each.invoices_from.isoformat(),
                "statements": consumption.documents,
                "currency": each.currency,
                "amount": format_amount(consumption.amount),
            }
            for each, consumption in (looked_up.left_out if looked_up else ())
        ],
        erps=[{"erp": name, **each._asdict()} for name, each in findings],
    )
