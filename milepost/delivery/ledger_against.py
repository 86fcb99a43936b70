"""`milepost ledger --against`: our balances beside those of the system that Milepost replaces, account by account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from domain.counting import counted
from domain.money import format_amount
from milepost import exit_codes
from milepost.console import amount_text, echo, no_formula, shape, tell, write_json
from milepost.delivery.accounts_given import given_accounts
from milepost.tables import Table, csv_text, show

if TYPE_CHECKING:
    from domain.ledger.against import AccountThere, Compared, ComparedDays, Comparison, OurBalances
    from domain.outputs import JournalEntry, JournalLine

COLUMNS = ("basis", "legal_entity_id", "account", "name", "project_id", "currency", "old", "ours", "difference")
TYPED = frozenset({"legal_entity_id", "account", "project_id"})
NOT_OURS = "not_ours"
WAITING_NAMED = 5
BASES = {"ledger": "In ledger currency", "transaction": "In the currency of the documents"}


class AgainstAsked(NamedTuple):
    """What was asked for. `on` alone: balances at the end of a day; `first` and `last`: what moved in those days."""

    file: Path
    mapping: Path | None
    overrides: Sequence[str]
    accounts: Path | None
    on: date | None
    first: date | None
    last: date | None
    entity: str | None


def against(output: Path, asked: AgainstAsked, *, as_csv: bool, json: bool) -> None:
    """Exit code 3 where anything differs."""
    from connectors.imports.mapping import read_table_mapping
    from connectors.imports.trial_balance import TrialBalanceMapping, read_trial_balance
    from domain.ledger.against import compare

    span = _span(asked)
    if asked.mapping is None:
        raise typer.BadParameter(
            "expected it beside --against: a TOML file that says which column is what, such as docs/mappings/trial-balance.toml",
            param_hint="--map",
        )
    mapped = read_table_mapping(asked.mapping, asked.overrides, TrialBalanceMapping)
    theirs = read_trial_balance(asked.file, mapped, str(asked.mapping))
    ours, known = _ours(output, asked, span)
    if asked.entity is not None:
        theirs = [each for each in theirs if each.legal_entity_id == asked.entity]
    _check_companies({each.legal_entity_id for each in theirs}, ours, asked, output)
    found = compare(theirs, ours, known)
    if as_csv:
        echo(csv_text(COLUMNS, _csv_rows(found)), nl=False)
    elif json:
        write_json(as_json(found, span))
    else:
        _show(found, span, asked.file)
        if found.differing and (waiting := balances_that_wait(output)):
            tell(waiting)
    if found.differing:
        raise typer.Exit(exit_codes.VIOLATION)


def _span(asked: AgainstAsked) -> ComparedDays:
    from domain.ledger.against import ComparedDays

    if asked.on is not None and (asked.first or asked.last) is None:
        return ComparedDays(None, asked.on)
    if asked.on is None and asked.first is not None and asked.last is not None:
        if asked.first > asked.last:
            raise typer.BadParameter(
                f"expected the first day first, got {asked.first} and then {asked.last}", param_hint="--from"
            )
        return ComparedDays(asked.first, asked.last)
    raise typer.BadParameter(
        "expected --on DAY for balances at the end of a day, or --from DAY and --to DAY for what moved in those days",
        param_hint="--on",
    )


def _ours(output: Path, asked: AgainstAsked, span: ComparedDays) -> tuple[OurBalances, frozenset[tuple[str, str]]]:
    """Also the accounts that Milepost could post to: its own roles, or those of the chart."""
    from connectors.files.written import records_of
    from domain.ledger.against import OurBalances
    from domain.outputs import JournalEntry

    there, of_chart = _account_there(asked.accounts)
    ours = OurBalances(span, there, asked.entity)
    for journal in records_of(output, JournalEntry):
        ours.add(journal)
    return ours, of_chart or _own_accounts(ours)


def _own_accounts(ours: OurBalances) -> frozenset[tuple[str, str]]:
    from domain.accounts import NAMES

    return frozenset((entity, account) for entity in ours.ledger_currencies for account in NAMES)


def _account_there(path: Path | None) -> tuple[AccountThere, frozenset[tuple[str, str]]]:
    """By accounts.toml; without one the accounts are Milepost's own, and the mapping says which of the other ledger they are."""
    from domain.delivery.chart import ErpAccount, dimensions_of

    if path is None:
        return lambda _journal, line: line.account, frozenset()
    charts = given_accounts(path).charts
    accounts = frozenset(
        (chart.legal_entity_id, rule.account)
        for chart in charts.values()
        for rules in chart.accounts.values()
        for rule in rules
    )

    def there(journal: JournalEntry, line: JournalLine) -> str:
        chart = charts.get(journal.legal_entity_id)
        mapped = None if chart is None else chart.mapped(line.account, dimensions_of(journal, line))
        return mapped.account if isinstance(mapped, ErpAccount) else f"{line.account} (not in {path.name})"

    return there, accounts


def _check_companies(theirs: Iterable[str], ours: OurBalances, asked: AgainstAsked, output: Path) -> None:
    """A company of another name on one side would be a difference in every account."""
    from connectors.imports.refusals import nearest

    if not ours.ledger_currencies:
        waiting = balances_that_wait(output)
        raise typer.BadParameter(
            "expected journals of Milepost beside it, but nothing is posted yet"
            + (f". {waiting}" if waiting else "; import the balances and run, then compare"),
            param_hint="--against",
        )
    for entity in sorted(theirs):
        if entity not in ours.ledger_currencies:
            known = ", ".join(sorted(ours.ledger_currencies)) or "none"
            raise typer.BadParameter(
                f'{asked.file}: expected a company with journals ({known}), got "{entity}"{nearest(entity, ours.ledger_currencies)};'
                " name it in the mapping: legal_entity_id = { column = ..., map = { there = here } }, or leave its rows out with [[skip]]",
                param_hint="--against",
            )


# For people


def _show(found: Comparison, span: ComparedDays, file: Path) -> None:
    tell(f"{file.name} and the journals of Milepost, {_when(span)}; difference = ours less old\n")
    show(*tables(found))
    tell(f"\n{verdict(found)}")


def _when(span: ComparedDays) -> str:
    if span.first is None:
        return f"balances at the end of {span.last}"
    return f"what moved from {span.first} to {span.last}"


def tables(found: Comparison) -> list[Table]:
    """The accounts that differ come first in each, then those that agree; accounts that Milepost has no part in stand apart."""
    from domain.ledger.against import totals

    made = []
    columns = ("company", "account", "name", "project", "currency", "old", "ours", "difference")
    for basis, title in BASES.items():
        rows = [row for row in found.compared if row.key.basis == basis]
        if rows:
            ordered = sorted(rows, key=lambda row: not row.difference)
            sums = totals(rows)
            made.append(_table(title, columns, [*map(_cells, ordered), *map(_cells, sums)], len(sums)))
    if found.not_ours:
        cells = [_cells(row)[:6] for row in found.not_ours]
        made.append(_table("Not compared: accounts that Milepost does not post to", columns[:6], cells))
    return made


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], sums: int = 0) -> Table:
    """Without the column of projects where no row has one."""
    shown = [place for place, column in enumerate(columns) if column != "project" or any(row[place] for row in rows)]
    kept = tuple(columns[place] for place in shown)
    cells = [tuple(row[place] for place in shown) for row in rows]
    right = frozenset(place for place, column in enumerate(kept) if column in {"old", "ours", "difference"})
    return Table(title, kept, cells, right, sums, spare=("name",))


def _cells(row: Compared) -> tuple[str, ...]:
    from domain.accounts import name_of

    key = row.key
    figures = map(amount_text, (row.old, row.ours, row.difference))
    return (key.legal_entity_id, key.account or "total", name_of(key.account), key.project_id, key.currency, *figures)


def verdict(found: Comparison) -> str:
    compared = f"{len(found.compared):,} balances compared"
    if not found.differing:
        return f"Equal to the cent: {compared}"
    return f"{compared}, {found.differing:,} differ; milepost explain on a journal of the account says where ours comes from"


def balances_that_wait(output: Path) -> str:
    """Nothing of them is in the journals until their exceptions are over."""
    from connectors.files.found_exceptions import exceptions_of
    from domain.work.rows import OPENING

    raised = [each.raised for each in exceptions_of(output).values() if each.is_open]
    projects = sorted({each.subject_id for each in raised if each.subject_kind == OPENING})
    if not projects:
        return ""
    named = ", ".join(projects[:WAITING_NAMED]) + (", ..." if len(projects) > WAITING_NAMED else "")
    balances = f"The balances of {counted(len(projects), 'project wait', 'projects wait')}"
    return f"{balances} and are not in ours: {named}; milepost exceptions list says for what"


# For machines


def as_json(found: Comparison, span: ComparedDays) -> dict[str, object]:
    """Version 1 of the shape; amounts are decimals as text, debit positive."""
    return shape(
        1,
        first=span.first,
        last=span.last,
        compared=[dict(_fields(row)) for row in found.compared],
        not_ours=[dict(_fields(row)) for row in found.not_ours],
        differing=found.differing,
    )


def _fields(row: Compared) -> Iterator[tuple[str, str]]:
    from domain.accounts import name_of

    key = row.key
    texts = (key.basis, key.legal_entity_id, key.account, name_of(key.account), key.project_id, key.currency)
    yield from zip(COLUMNS, (*texts, *map(format_amount, (row.old, row.ours, row.difference))), strict=True)


def _csv_rows(found: Comparison) -> Iterator[list[str]]:
    for row in found.compared:
        yield _typed(dict(_fields(row)))
    for row in found.not_ours:
        yield _typed(dict(_fields(row)) | {"basis": NOT_OURS, "ours": "", "difference": ""})


def _typed(fields: dict[str, str]) -> list[str]:
    """Texts that people typed are no formulas."""
    return [no_formula(value) if name in TYPED else value for name, value in fields.items()]
