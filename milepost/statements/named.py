"""A statement as somebody names it: by its id, or by the number that the customer sees."""

from pathlib import Path

import typer

from connectors.files.lookup import (
    FoundStatement,
    statement_names,
    statement_revisions,
    statements_called,
    statements_of,
)
from domain.outputs import BillingStatement
from milepost.console import amount_text
from milepost.unknown_id import unknown_id


def named_statement(output: Path, wanted: str, param_hint: str = "ID") -> FoundStatement:
    """By its id the newest revision, by a number the one that has it. Raises BadParameter where that is none or several, and NoOutputs."""
    found = statements_called(output, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        raise unknown_id(output, wanted, "a statement", statement_names(output), "milepost statement", param_hint)
    told = "; ".join(_told(each.statement) for each in found)
    raise typer.BadParameter(
        f"{wanted} is the number of {len(found)} statements: {told}. Name the one you mean by its id",
        param_hint=param_hint,
    )


def figure_by_number(output: Path, wanted: str) -> str | None:
    """The id of a statement, or of a figure of one (`INV-1#tax/1`), that is asked for by its number; None where none or several have it."""
    name, mark, figure = wanted.partition("#")
    found = statements_called(output, name)
    if len(found) != 1 or found[0].statement.statement_id == name:
        return None
    one = found[0].statement
    newest = statement_revisions(output, one.statement_id)[-1].statement
    revision = "" if one.revision == newest.revision else f"@{one.revision}"
    return f"{one.statement_id}{revision}{mark}{figure}"


def newest_statement(output: Path, wanted: str) -> BillingStatement:
    """For somebody who records something about it. Raises BadParameter where none, several or an earlier revision is named."""
    named = named_statement(output, wanted, "STATEMENT").statement
    newest = statement_revisions(output, named.statement_id)[-1].statement
    if named.revision != newest.revision:
        raise typer.BadParameter(
            f"{wanted} is the number of revision {named.revision}, which was replaced: {_told(newest)}, is revision "
            f"{newest.revision}, number {newest.number or '(none yet)'}. Name that one",
            param_hint="STATEMENT",
        )
    return newest


def _told(one: BillingStatement) -> str:
    return f"{one.statement_id} of {one.legal_entity_id}, {amount_text(one.amount_due)} {one.currency}"


def of_revision(
    output: Path, issued: FoundStatement, revision: int | None, param_hint: str = "--revision"
) -> FoundStatement:
    """As it was found where None is asked for. Raises BadParameter where there is no such revision."""
    if revision in {None, issued.statement.revision}:
        return issued
    revisions = statement_revisions(output, issued.statement.statement_id)
    for each in revisions:
        if each.statement.revision == revision:
            return each
    known = ", ".join(str(each.statement.revision) for each in revisions)
    raise typer.BadParameter(f"expected one of its revisions, {known}; got {revision}", param_hint=param_hint)


def before(output: Path, issued: FoundStatement) -> FoundStatement:
    """The revision before, else the contract's statement before. Raises BadParameter where it is the first."""
    own = issued.statement
    earlier = [each for each in statement_revisions(output, own.statement_id) if each.statement.revision < own.revision]
    if not earlier:
        others = (
            each
            for each in statements_of(output, own.contract_id)
            if each.position.output_seq < issued.position.output_seq
        )
        earlier = [each for each in others if each.statement.statement_id != own.statement_id]
    if not earlier:
        message = f"{own.statement_id} is the first statement of contract {own.contract_id}, and has one revision"
        raise typer.BadParameter(message, param_hint="--diff")
    return earlier[-1]
