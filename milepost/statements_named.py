"""A statement as somebody names it who records something about it: by its id, or by the number that the customer sees."""

from __future__ import annotations

from pathlib import Path

import typer

from connectors.files.lookup import newest_statements
from connectors.files.no_outputs import NoOutputs
from domain.outputs import BillingStatement
from milepost.unknown_id import unknown_id


def newest_statement(output: Path, wanted: str) -> BillingStatement:
    """Its newest revision. Raises BadParameter where there is none."""
    try:
        found = [issued.statement for issued in newest_statements(output)]
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    for each in found:
        if wanted in (each.statement_id, each.number):
            return each
    known = frozenset(each.statement_id for each in found) | {each.number for each in found if each.number is not None}
    raise unknown_id(output, wanted, "a statement", known, "milepost statement", "STATEMENT")
