"""What somebody does in an ERP by hand: changes in the books of a simulated one, by the key of a document."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from simulation.erp.books import FILE

NETSUITE: Final = """(SELECT id FROM "transaction" WHERE externalid = '{key}')"""
DYNAMICS: Final = "(SELECT SourceKey FROM GeneralJournalEntryBiEntities WHERE DocumentNumber = '{key}')"
ORACLE: Final = "(SELECT JeHeaderId FROM header JOIN batch USING (JeBatchId) WHERE ours = '{key}')"

# 1,000.00 become 1,200.00 on both sides.
AMOUNT: Final[Mapping[str, Sequence[str]]] = {
    "netsuite": [
        f"""UPDATE transactionline SET foreignamount = replace(foreignamount, '1000', '1200') WHERE "transaction" = {NETSUITE}""",
        (
            "UPDATE transactionaccountingline SET debit = replace(debit, '1000', '1200'), credit = replace(credit, '1000', '1200') "
            f'WHERE "transaction" = {NETSUITE}'
        ),
    ],
    "dynamics365_finance": [
        (
            "UPDATE GeneralJournalAccountEntryBiEntities "
            "SET TransactionCurrencyAmount = replace(TransactionCurrencyAmount, '1000', '1200') "
            f"WHERE GeneralJournalEntry = {DYNAMICS}"
        )
    ],
    "business_central": [
        (
            "UPDATE generalLedgerEntries SET debitAmount = replace(debitAmount, '1000', '1200'), "
            "creditAmount = replace(creditAmount, '1000', '1200') WHERE documentNumber = '{key}'"
        )
    ],
    "oracle_fusion": [
        (
            "UPDATE line SET EnteredDr = replace(EnteredDr, '1000', '1200'), EnteredCr = replace(EnteredCr, '1000', '1200') "
            f"WHERE JeHeaderId = {ORACLE}"
        )
    ],
}
DELETED: Final[Mapping[str, Sequence[str]]] = {
    "netsuite": ["""DELETE FROM "transaction" WHERE externalid = '{key}'"""],
    "dynamics365_finance": ["DELETE FROM GeneralJournalEntryBiEntities WHERE DocumentNumber = '{key}'"],
    "business_central": ["DELETE FROM generalLedgerEntries WHERE documentNumber = '{key}'"],
    "oracle_fusion": ["DELETE FROM batch WHERE ours = '{key}'"],
}
# To pounds; the ledger of Business Central has one currency, that of its company.
CURRENCY: Final[Mapping[str, Sequence[str]]] = {
    "netsuite": [
        f"""UPDATE "transaction" SET currency = (SELECT id FROM currency WHERE symbol = 'GBP') WHERE id = {NETSUITE}"""
    ],
    "dynamics365_finance": [
        (
            "UPDATE GeneralJournalAccountEntryBiEntities SET TransactionCurrencyCode = 'GBP' "
            f"WHERE GeneralJournalEntry = {DYNAMICS}"
        )
    ],
    "business_central": [],
    "oracle_fusion": [f"UPDATE header SET CurrencyCode = 'GBP' WHERE JeHeaderId = {ORACLE}"],
}


def changed(folder: Path, kind: str, *, amount: str, deleted: str, currency: str) -> None:
    """Keys of the documents whose amount changes, that are deleted, whose currency changes."""
    with sqlite3.connect(folder / FILE, timeout=20) as books:
        for changes, key in ((AMOUNT, amount), (DELETED, deleted), (CURRENCY, currency)):
            for change in changes[kind]:
                assert books.execute(change.format(key=key)).rowcount > 0, change
    books.close()
