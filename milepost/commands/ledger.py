"""`milepost ledger`: the trial balance of a company and period, how unbilled work moved, and a comparison with another ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.counting import counted
from domain.money import format_amount
from milepost.as_of import looking_back
from milepost.console import amount_text, echo, no_formula, say, shape, shell_word, tell, write_json
from milepost.days import day_option
from milepost.delivery.ledger_against import AgainstAsked, against
from milepost.html_file import STANDARD_OUTPUT, HtmlFile, XlsxFile
from milepost.options import Json, Output, one_form
from milepost.tables import Table, csv_text, show

if TYPE_CHECKING:
    from domain.ledger.trial_balance import AccountBalance, ContractMoves, LedgerSums, Moves, RollForward, TrialBalance
    from milepost.glance.sheet import GlanceReport

ROLL_TITLES = {
    "unbilled": "Unbilled (1150 + 1160)",
    "contract_position": "Contract balance (1150 + 1160 - 2300)",
    "retention": "Retained by customers (1170)",
    "deposit": "Customer deposits (2310)",
}
# Of each contract: how its position moved, then what is owed.
CONTRACT_MOVES = (
    *("opening", "earned", "invoiced", "other", "closing"),
    *("owed_before", "charged", "paid", "owed_other", "owed"),
)
FIGURES = ("opening", "debits", "credits", "movement", "closing")
MOVES = ("opening", "added", "invoiced", "corrected", "closing")
CSV_COLUMNS = (
    *("section", "legal_entity_id", "period", "account", "name", "contract_id", "currency"),
    *("opening", "debits", "credits", "added", "invoiced", "corrected", "closing"),
)


@looking_back
def ledger(
    output: Output,
    entity: Annotated[str | None, typer.Option("--entity", help="Legal entity; without it all are listed.")] = None,
    period: Annotated[
        str | None, typer.Option("--period", "--for", help="Such as 2026-03; without it all are listed.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, one row an account or contract.")] = False,
    json: Json = False,
    statement: Annotated[
        bool, typer.Option("--statement", help="Profit and loss and balance sheet, with subtotals.")
    ] = False,
    group: Annotated[
        bool, typer.Option("--group", help="What companies charge and owe each other, and what the group makes.")
    ] = False,
    html: HtmlFile = None,
    xlsx: XlsxFile = None,
    other: Annotated[
        Path | None, typer.Option("--against", help="CSV with the balances of another ledger, to compare.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", help="With --against: which column is what, as TOML.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="With --against: key=value over the mapping's; may be repeated.")
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option("--accounts", help="With --against: accounts.toml, where the CSV has the ERP's accounts."),
    ] = None,
    on: Annotated[date | None, day_option("--on", "With --against: balances at the end of the day.")] = None,
    first: Annotated[date | None, day_option("--from", "With --against: what moved from this day ...")] = None,
    last: Annotated[date | None, day_option("--to", "... to this one, both included.")] = None,
) -> None:
    """Show a company's trial balance for an accounting period, with roll-forwards that foot; or compare it with another ledger's."""
    from milepost.unknown_id import unknown_id

    one_form(csv=as_csv, html=html is not None, xlsx=xlsx is not None, json=json)
    for option, file in (("--html", html), ("--xlsx", xlsx)):
        if file is not None and not statement and not group:
            raise typer.BadParameter("expected --statement, or --group, beside it", param_hint=option)
    if other is not None:
        if period is not None:
            raise typer.BadParameter("expected --on, or --from and --to, beside --against", param_hint="--period")
        asked = AgainstAsked(other, mapping, overrides or (), accounts, on, first, last, entity)
        against(output, asked, as_csv=as_csv, json=json)
        return
    _check_no_comparison(
        {"--map": mapping, "--set": overrides, "--accounts": accounts, "--on": on, "--from": first, "--to": last}
    )
    if group:
        for option, given in (("--entity", entity), ("--statement", statement)):
            if given:
                raise typer.BadParameter("expected --group without it, of all companies together", param_hint=option)
        _write(_group(output, period), output, as_csv=as_csv, json=json, html=html, xlsx=xlsx)
        return
    sums = ledger_sums(output)
    if statement and entity is None and len(sums) == 1:
        entity = next(iter(sums))
    if entity is None:
        if statement or period is not None:
            what = "statement" if statement else f"period {period}"
            raise typer.BadParameter(f"whose {what}? Give --entity too{_known(sums)}", param_hint="--entity")
        _entities(sums, output, as_csv=as_csv, json=json)
        return
    if entity not in sums:
        kinds = "a company with journals"
        raise unknown_id(output, entity, kinds, frozenset(sums), "milepost ledger", "--entity")
    if period is not None:
        _check_period(sums[entity], period)
    if statement:
        report = _financial_statement(sums[entity], period)
        _write(report, output, as_csv=as_csv, json=json, html=html, xlsx=xlsx)
        return
    if period is None:
        _periods(sums[entity], output, as_csv=as_csv, json=json)
        return
    _trial_balance(sums[entity].trial_balance(period), as_csv=as_csv, json=json)


def _write(
    report: GlanceReport, output: Path, *, as_csv: bool, json: bool, html: Path | None, xlsx: Path | None
) -> None:
    from milepost.commands.glance import GlanceOptions, write_glance

    csv = STANDARD_OUTPUT if as_csv else None
    write_glance(report, GlanceOptions(output, csv=csv, html=html, xlsx=xlsx, json=json))


def _financial_statement(sums: LedgerSums, period: str | None) -> GlanceReport:
    """Of the period, or of the last one with journals."""
    from milepost.glance.financial import financial_statement, ledger_moves

    moves = ledger_moves(sums.legal_entity_id, sums.ledger_currency, sums.moved())
    return financial_statement(moves, period or sums.periods()[-1].period)


def _group(output: Path, period: str | None) -> GlanceReport:
    """Of the journals of a period, or of all."""
    from connectors.files.written import records_of
    from domain.outputs import JournalEntry
    from milepost.glance.tables import OF_JOURNALS

    known: set[str] = set()

    def journals() -> Iterator[JournalEntry]:
        for journal in records_of(output, JournalEntry):
            known.add(journal.period)
            yield journal

    shown = OF_JOURNALS["group"](journals(), period)
    if known and period not in (None, *known):
        message = f"expected an accounting period such as {max(known)}, got {period}; companies have journals in "
        raise typer.BadParameter(message + ", ".join(sorted(known)), param_hint="--period")
    return shown


def _check_no_comparison(options: Mapping[str, object]) -> None:
    """What would be passed over."""
    for option, given in options.items():
        if given:
            raise typer.BadParameter("expected --against FILE.csv beside it", param_hint=option)


def ledger_sums(output: Path) -> dict[str, LedgerSums]:
    """By legal entity, over all journals."""
    from connectors.files.written import records_of
    from domain.ledger.trial_balance import LedgerSums
    from domain.outputs import JournalEntry

    sums: dict[str, LedgerSums] = {}
    for journal in records_of(output, JournalEntry):
        entity_id = journal.legal_entity_id
        if entity_id not in sums:
            sums[entity_id] = LedgerSums(entity_id)
        sums[entity_id].add(journal)
    return sums


def _known(sums: dict[str, LedgerSums]) -> str:
    return f"; entities with journals: {', '.join(sorted(sums)) or 'none'}"


def _check_period(sums: LedgerSums, period: str) -> None:
    """One without journals still has balances, if it lies between or after the others."""
    from domain.ledger.trial_balance import is_period

    known = [each.period for each in sums.periods()]
    if not is_period(period) or period < known[0]:
        message = (
            f"expected an accounting period such as {known[-1]}, got {period}; {sums.legal_entity_id} has journals in "
        )
        raise typer.BadParameter(message + ", ".join(known), param_hint="--period")


# Lists


def _entities(sums: dict[str, LedgerSums], output: Path, *, as_csv: bool, json: bool) -> None:
    rows = [(entity_id, sums[entity_id].ledger_currency, sums[entity_id].periods()) for entity_id in sorted(sums)]
    cells = [
        (entity_id, currency, f"{sum(each.journals for each in periods)}", periods[0].period, periods[-1].period)
        for entity_id, currency, periods in rows
    ]
    columns = ("legal_entity_id", "ledger_currency", "journals", "first_period", "last_period")
    if as_csv:
        echo(csv_text(columns, [(no_formula(entity_id), *rest) for entity_id, *rest in cells]), nl=False)
    elif json:
        write_json(shape(1, entities=[dict(zip(columns, each, strict=True)) for each in cells]))
    else:
        titles = ("entity", "ledger currency", "journals", "first period", "last period")
        if not cells:
            say(f"No journals yet; `milepost run` has posted nothing to {shell_word(output)}")
            return
        show(Table("Companies with journals; a period is a fiscal year and its number", titles, cells, frozenset({2})))
        say(f"\nNext: milepost ledger --entity {shell_word(min(sums))} --output {shell_word(output)}")


def _periods(sums: LedgerSums, output: Path, *, as_csv: bool, json: bool) -> None:
    columns = ("period", "journals", "debits", "credits")
    found = sums.periods()
    exact = [(each.period, f"{each.journals}", *map(format_amount, (each.debits, each.credits))) for each in found]
    if as_csv:
        echo(csv_text(columns, exact), nl=False)
    elif json:
        listed = [dict(zip(columns, each, strict=True)) for each in exact]
        write_json(shape(1, legal_entity_id=sums.legal_entity_id, ledger_currency=sums.ledger_currency, periods=listed))
    else:
        cells = [
            (each.period, f"{each.journals:,}", amount_text(each.debits), amount_text(each.credits)) for each in found
        ]
        title = f"Accounting periods of {sums.legal_entity_id} in {sums.ledger_currency}, by fiscal year and number"
        show(Table(title, columns, cells, frozenset({1, 2, 3})))
        say(
            f"\nNext: milepost ledger --entity {shell_word(sums.legal_entity_id)} --period {shell_word(found[-1].period)}"
            f" --output {shell_word(output)}"
        )


# Trial balance


def _trial_balance(balance: TrialBalance, *, as_csv: bool, json: bool) -> None:
    if as_csv:
        echo(csv_text(CSV_COLUMNS, _csv_rows(balance)), nl=False)
    elif json:
        write_json(as_json(balance))
    else:
        show(*tables(balance))
        tell("\n" + "\n".join(feet_text(balance)))


def tables(balance: TrialBalance) -> list[Table]:
    from domain.ledger.trial_balance import OCCASIONAL

    whose = f"{balance.legal_entity_id} {balance.period}"
    title = f"Trial balance of {whose} in {balance.ledger_currency}, {counted(balance.journals, 'journal')}"
    told_of = {roll.balance for roll in balance.rolls}
    return [
        _accounts(title, balance.ledger),
        *(
            _accounts(
                f"In transaction currency {currency}, {whose}",
                [line for line in balance.transaction if line.currency == currency],
            )
            for currency in sorted({line.currency for line in balance.transaction})
        ),
        *(
            _roll(balance, name, f"{told}, {whose}")
            for name, told in ROLL_TITLES.items()
            if name not in OCCASIONAL or name in told_of
        ),
        *(
            [_contracts(balance.contracts, f"Contracts: balance, and what is owed, {whose}")]
            if balance.contracts
            else []
        ),
    ]


def _contracts(contracts: Sequence[ContractMoves], title: str) -> Table:
    rows = [
        (moves.contract_id, moves.currency, *(amount_text(getattr(moves, name)) for name in CONTRACT_MOVES))
        for moves in contracts
    ]
    titles = ("contract", "currency", *(name.replace("_", " ") for name in CONTRACT_MOVES))
    return Table(title, titles, rows, frozenset(range(2, len(titles))))


def _accounts(title: str, lines: Sequence[AccountBalance]) -> Table:
    from domain.accounts import name_of

    rows = [
        (line.account, name_of(line.account), line.currency, *(amount_text(getattr(line, name)) for name in FIGURES))
        for line in lines
    ]
    sums = [("", "", currency, *figures) for currency, figures in _account_sums(lines)]
    columns = ("account", "name", "currency", *FIGURES)
    return Table(title, columns, [*rows, *sums], frozenset(range(3, 8)), len(sums), spare=("movement", "currency"))


def _account_sums(lines: Sequence[AccountBalance]) -> Iterator[tuple[str, list[str]]]:
    for currency in sorted({line.currency for line in lines}):
        of = [line for line in lines if line.currency == currency]
        yield currency, [amount_text(sum(getattr(line, name) for line in of)) for name in FIGURES]


def _roll(balance: TrialBalance, name: str, title: str) -> Table:
    from domain.ledger.trial_balance import total

    rolls = [roll for roll in balance.rolls if roll.balance == name]
    rows = [(roll.contract_id or "(no contract)", roll.currency, *_moves(roll.amounts)) for roll in rolls]
    sums = [
        ("all contracts", currency, *_moves(total(name, rolls, currency)))
        for currency in sorted({roll.currency for roll in rolls})
    ]
    if rolls:
        sums.append(("in the ledger", balance.ledger_currency, *_moves(total(name, rolls))))
    return Table(title, ("contract", "currency", *MOVES), [*rows, *sums], frozenset(range(2, 7)), len(sums))


def _moves(moves: Moves) -> tuple[str, ...]:
    return tuple(map(amount_text, (*moves, moves.closing)))


def feet_text(balance: TrialBalance) -> list[str]:
    """That the figures foot, or where they do not."""
    from domain.ledger.trial_balance import feet

    found = feet(balance)
    wrong = [foot for foot in found if not foot.holds]
    if not wrong:
        return [
            f"Everything foots: {len(found)} sums agree (debits and credits, roll-forwards and their accounts)",
            "That the outputs are those of the log says `milepost verify`",
        ]
    return [
        f"Does not foot: {foot.what}, {foot.currency}: expected {amount_text(foot.expected)}, found {amount_text(foot.found)}"
        for foot in wrong
    ]


# For machines


def as_json(balance: TrialBalance) -> dict[str, Any]:
    """Version 3 of the shape; amounts are decimals as text."""
    from domain.ledger.trial_balance import feet

    return shape(
        3,
        legal_entity_id=balance.legal_entity_id,
        period=balance.period,
        ledger_currency=balance.ledger_currency,
        journals=balance.journals,
        ledger=[_account_json(line) for line in balance.ledger],
        transaction=[_account_json(line) for line in balance.transaction],
        roll_forward=[_roll_json(roll) for roll in balance.rolls],
        contracts=[_contract_json(moves) for moves in balance.contracts],
        foots=all(foot.holds for foot in feet(balance)),
        feet=[
            {"what": f.what, "currency": f.currency}
            | {"expected": format_amount(f.expected), "found": format_amount(f.found)}
            for f in feet(balance)
        ],
    )


def _account_json(line: AccountBalance) -> dict[str, str]:
    from domain.accounts import name_of

    amounts = {name: format_amount(getattr(line, name)) for name in FIGURES}
    return {"account": line.account, "name": name_of(line.account), "currency": line.currency, **amounts}


def _roll_json(roll: RollForward) -> dict[str, Any]:
    return {
        "balance": roll.balance,
        "contract_id": roll.contract_id,
        "currency": roll.currency,
        **_moves_json(roll.amounts),
        "ledger": _moves_json(roll.ledger),
    }


def _contract_json(moves: ContractMoves) -> dict[str, str]:
    figures = {name: format_amount(getattr(moves, name)) for name in CONTRACT_MOVES}
    return {"contract_id": moves.contract_id, "currency": moves.currency, **figures}


def _moves_json(moves: Moves) -> dict[str, str]:
    return {name: format_amount(amount) for name, amount in zip(MOVES, (*moves, moves.closing), strict=True)}


def _csv_rows(balance: TrialBalance) -> Iterator[tuple[str, ...]]:
    from domain.accounts import name_of

    head = (no_formula(balance.legal_entity_id), balance.period)
    for section, lines in (("ledger", balance.ledger), ("transaction", balance.transaction)):
        for line in lines:
            opening, debits, credits_ = map(format_amount, (line.opening, line.debits, line.credits))
            figures = (opening, debits, credits_, "", "", "", format_amount(line.closing))
            yield (section, *head, line.account, name_of(line.account), "", line.currency, *figures)
    for roll in balance.rolls:
        opening, *changed = map(format_amount, (*roll.amounts, roll.amounts.closing))
        yield (roll.balance, *head, "", "", no_formula(roll.contract_id), roll.currency, opening, "", "", *changed)
