"""The trial balance of another ledger, from any CSV by a mapping; every row is read, or none is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from connectors.imports.cells import CellPart, CurrencyCell, IdCell, NumberCell
from connectors.imports.csv_rows import Broken, open_text, read_table
from connectors.imports.csv_time import check_columns
from connectors.imports.mapping import FileForm, TableMapping
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import CellFault, CsvRow, RejectedRow
from connectors.imports.said import amount_of, currency_in, id_in, money_in, required
from domain.ledger.against import OtherBalance
from domain.units import Amount

ROWS_SHOWN = 20
# Of the documents, and of the ledger with `ledger_` before them.
AMOUNTS = ("amount", "debit", "credit")


class BalanceFields(CellPart):
    """The fields of a row: one amount, debit positive, or debit and credit; in the documents' currency, the ledger's, or both."""

    legal_entity_id: IdCell
    account: IdCell
    project_id: IdCell | None = None
    currency: CurrencyCell | None = None
    amount: NumberCell | None = None
    debit: NumberCell | None = None
    credit: NumberCell | None = None
    ledger_amount: NumberCell | None = None
    ledger_debit: NumberCell | None = None
    ledger_credit: NumberCell | None = None

    @model_validator(mode="after")
    def _has_an_amount(self) -> Self:
        in_documents = self.amount, self.debit, self.credit
        in_ledger = self.ledger_amount, self.ledger_debit, self.ledger_credit
        if not any((*in_documents, *in_ledger)):
            raise ValueError("expected amount, or debit and credit, or the same with ledger_ before it; came none")
        for prefix, (amount, debit, credit) in (("", in_documents), ("ledger_", in_ledger)):
            if amount is not None and (debit is not None or credit is not None):
                raise ValueError(f"expected {prefix}amount, or {prefix}debit and {prefix}credit; came both")
            if (debit is None) != (credit is None):
                raise ValueError(f"expected {prefix}debit and {prefix}credit, came one of them")
        if any(in_documents) and self.currency is None:
            raise ValueError(
                "currency: expected it beside amounts in the currency of documents; for the ledger's alone write ledger_amount"
            )
        return self


class TrialBalanceMapping(TableMapping):
    """A mapping of a trial balance."""

    source: Annotated[str, Field(min_length=1, max_length=128)] = "the other ledger"
    balance: BalanceFields


def read_trial_balance(path: Path, mapped: TrialBalanceMapping, mapping_name: str) -> list[OtherBalance]:
    """Raises ImportRefused with all rows that cannot be read, as far as a screen has room."""
    found: list[OtherBalance] = []
    faults: list[RejectedRow] = []
    with open_text(path, mapped.file.encoding) as file:
        table = read_table(file, path, mapped.file)
        check_columns(table.header, mapped, mapping_name, path)
        for row in table.rows:
            try:
                found += _taken(row, mapped)
            except CellFault as fault:
                faults.append(RejectedRow(row.line, "", fault.column, fault.value, fault.reason, None))
    if faults:
        more = [f"and {len(faults) - ROWS_SHOWN:,} more rows"] if len(faults) > ROWS_SHOWN else []
        sentences = [f"{path}: {fault.sentence()}" for fault in faults[:ROWS_SHOWN]]
        raise ImportRefused("\n".join([*sentences, *more, "Nothing was compared; correct the rows or the mapping"]))
    if not found:
        raise ImportRefused(f"{path}: no rows to compare: a header and nothing below it, or all left out by [[skip]]")
    return found


def _taken(row: CsvRow | Broken, mapped: TrialBalanceMapping) -> Iterator[OtherBalance]:
    if isinstance(row, Broken):
        raise CellFault("", row.value, row.reason)
    if mapped.left_out_by(row.cells) is not None:
        return
    fields = mapped.balance
    currency = currency_in(fields.currency, row)
    amount = _side(fields.amount, fields.debit, fields.credit, row, mapped.file, currency)
    ledger_amount = _side(fields.ledger_amount, fields.ledger_debit, fields.ledger_credit, row, mapped.file, None)
    if amount is not None and currency is None:
        required(currency, fields.currency, "currency")
    if amount is None and ledger_amount is None:
        labels = ", ".join(cell.label() for name, cell, _ in fields.cells if name.endswith(AMOUNTS))
        raise CellFault(labels, "", "expected an amount, nothing is there; write 0 where the balance is zero")
    yield OtherBalance(
        required(id_in(fields.legal_entity_id, row), fields.legal_entity_id, "legal_entity_id"),
        required(id_in(fields.account, row), fields.account, "account"),
        currency,
        id_in(fields.project_id, row) or "",
        amount,
        ledger_amount,
    )


def _side(
    whole: NumberCell | None,
    debit: NumberCell | None,
    credit: NumberCell | None,
    row: CsvRow,
    form: FileForm,
    currency: str | None,
) -> Amount | None:
    """Debit positive; None where all of its cells are empty."""
    stated = [(whole, 1), (debit, 1), (credit, -1)]
    read = [(money_in(cell, row, form, currency), cell, sign) for cell, sign in stated]
    if all(number is None for number, _, _ in read):
        return None
    return sum(amount_of(number or Decimal(0), cell, currency) * sign for number, cell, sign in read)
