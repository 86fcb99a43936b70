"""Business Central's API v2.0, as far as journals and sales invoices need it.

A journal has a code that no other of its company has. Posting moves its lines to the general ledger and leaves the empty journal. Which
dates may be posted to is a range, so closing a month closes all before it.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from domain.delivery.ledgers import LedgerEntry
from domain.money import format_amount, parse_amount
from domain.units import Amount
from simulation.erp.books import account_of, balance, following_month, shown
from simulation.erp.interface import HttpRequest, Interface, Reply, VendorRefusal, taxes
from simulation.erp.odata import condition, decimals, page, written_key
from simulation.erp.troubles import Trouble

TOKEN_PATH: Final = "/tenant/oauth2/v2.0/token"  # noqa: S105  # a path
API: Final = "/api/v2.0/"
CODE_CHARACTERS: Final = 10
NUMBER_CHARACTERS: Final = 20
JOURNAL: Final = "_x0020_"
INVOICE: Final = "Invoice"
TAX_PERCENT: Final[Mapping[str, int]] = {"S": 19}
NO_DAY: Final = "0001-01-01"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, id TEXT, code TEXT NOT NULL, displayName TEXT, UNIQUE (company, code)
) STRICT;
CREATE TABLE IF NOT EXISTS journalLines (
    journal INTEGER NOT NULL, lineNumber INTEGER NOT NULL, accountNumber TEXT NOT NULL, postingDate TEXT NOT NULL,
    documentNumber TEXT NOT NULL, amount TEXT NOT NULL, description TEXT, PRIMARY KEY (journal, lineNumber)
) STRICT;
CREATE TABLE IF NOT EXISTS generalLedgerEntries (
    entryNumber INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, postingDate TEXT NOT NULL, documentNumber TEXT NOT NULL,
    documentType TEXT NOT NULL, accountNumber TEXT NOT NULL, debitAmount TEXT NOT NULL, creditAmount TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_document ON generalLedgerEntries (company, documentNumber);
CREATE TABLE IF NOT EXISTS salesInvoices (
    record INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, id TEXT, number TEXT, externalDocumentNumber TEXT, invoiceDate TEXT,
    postingDate TEXT, dueDate TEXT, customerPurchaseOrderReference TEXT,
    customerNumber TEXT, currencyCode TEXT, totalAmountExcludingTax TEXT, totalTaxAmount TEXT, status TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS invoice_document ON salesInvoices (company, externalDocumentNumber);
CREATE TABLE IF NOT EXISTS salesInvoiceLines (
    invoice INTEGER NOT NULL, sequence INTEGER NOT NULL, lineObjectNumber TEXT, amountExcludingTax TEXT, taxCode TEXT,
    PRIMARY KEY (invoice, sequence)
) STRICT;
"""
AMOUNTS: Final = frozenset(
    {"amount", "debitAmount", "creditAmount", "totalAmountExcludingTax", "totalTaxAmount", "amountExcludingTax"}
)
# By entity: its lines, what lines call it, their order.
LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "journals": ("journalLines", "journal", "lineNumber"),
    "salesInvoices": ("salesInvoiceLines", "invoice", "sequence"),
}
_ENTITY: Final = re.compile(rf"{API}companies\(([^)]+)\)/(\w+)(?:\(([^)]+)\))?(/Microsoft\.NAV\.post)?")


class SimulatedBusinessCentral(Interface):
    """One environment with several companies; it posts when it is asked to, whatever `posting_seconds` says."""

    token_path = TOKEN_PATH

    def written_key(self, asked: HttpRequest) -> str | None:
        return written_key(asked)

    def answer(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        try:
            if asked.path == f"{API}companies":
                named = [{"id": each.id, "name": each.legal_entity_id} for each in self._companies.values()]
                return Reply(200, {"value": named})
            if asked.path == f"{API}$batch":
                return self._batch(asked.json()["requests"], twist)
            if (found := _ENTITY.fullmatch(asked.path)) and found[1] in self._companies:
                return self._entity(asked, *found.groups())
        except VendorRefusal as refusal:
            return _error(400, refusal.code, str(refusal))
        except (sqlite3.Error, ValueError, KeyError) as fault:
            return _error(400, "BadRequest", str(fault))
        return _error(404, "BadRequest_NotFound", f"No HTTP resource was found that matches {asked.path}")

    def unauthorized(self) -> Reply:
        return _error(401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.")

    def duplicate(self, asked: HttpRequest) -> Reply:
        """Of a journal, by its code."""
        del asked
        error = _error(400, "Internal_EntityWithSameKeyExists", "The record already exists").body
        return Reply(200, {"responses": [{"id": "1", "status": 400, "body": error}]})

    def entries(self) -> Iterator[LedgerEntry]:
        """The general ledger, and journals that are not posted; amounts are of the company's currency."""
        database = self._books.database
        posted = database.execute(
            "SELECT company, documentNumber, documentType, postingDate, group_concat(accountNumber) AS accounts, "
            "group_concat(debitAmount) AS debits, group_concat(creditAmount) AS credits "
            "FROM generalLedgerEntries GROUP BY company, documentNumber, documentType, postingDate ORDER BY min(entryNumber)"
        ).fetchall()
        for row in posted:
            sides = zip(*(row[name].split(",") for name in ("accounts", "debits", "credits")), strict=True)
            lines = [(account, balance(debit, credit)) for account, debit, credit in sides]
            yield self._shown(row, row["company"], row["documentNumber"], lines, is_posted=True)
        for row in database.execute("SELECT * FROM journals").fetchall():
            if found := self._lines("journals", row["number"]):
                lines = [(each["accountNumber"], parse_amount(each["amount"])) for each in found]
                yield self._shown(found[0], row["company"], row["code"], lines, is_posted=False)

    def _shown(
        self,
        row: Mapping[str, Any] | sqlite3.Row,
        company: str,
        reference: str,
        lines: Sequence[tuple[str, Amount]],
        *,
        is_posted: bool,
    ) -> LedgerEntry:
        currency, both = self._companies[company].currency, [(account, amount, amount) for account, amount in lines]
        found = shown(row["documentNumber"], reference, row["postingDate"], currency, both, is_posted=is_posted)
        return found._replace(is_in_ledger_currency=True)

    # Writing

    def _batch(self, requests: Sequence[Mapping[str, Any]], twist: Trouble | None) -> Reply:
        """One record with its lines: all of it is kept or nothing."""
        (request,) = requests
        found = _ENTITY.fullmatch(f"{API}{request['url']}")
        if found is None or found[1] not in self._companies or found[2] not in LINES:
            raise ValueError(f"No HTTP resource was found that matches {request['url']}")
        database = self._books.database
        database.execute("SAVEPOINT record")
        try:
            body = request["body"]
            made = (
                self._journal(found[1], body, twist) if found[2] == "journals" else self._invoice(found[1], body, twist)
            )
        except (VendorRefusal, sqlite3.IntegrityError) as fault:
            database.execute("ROLLBACK TO record")
            code = fault.code if isinstance(fault, VendorRefusal) else "Internal_EntityWithSameKeyExists"
            return Reply(200, {"responses": [{"id": "1", "status": 400, "body": _error(400, code, str(fault)).body}]})
        return Reply(200, {"responses": [{"id": "1", "status": 201, "body": made}]})

    def _journal(self, company: str, body: Mapping[str, Any], twist: Trouble | None) -> dict[str, Any]:
        code = str(body["code"])
        if len(code) > CODE_CHARACTERS:
            raise VendorRefusal("Application_StringExceededLength", f"The length of the string is {len(code)}")
        database = self._books.database
        number = self._books.insert(
            "journals", {"company": company, "code": code, "displayName": body.get("displayName")}
        )
        its = _guid(number)
        database.execute("UPDATE journals SET id = ? WHERE number = ?", [its, number])
        for line in body["journalLines"]:
            self._checked(line, "accountNumber")
            if len(line["documentNumber"]) > NUMBER_CHARACTERS:
                raise VendorRefusal("Application_StringExceededLength", "The length of documentNumber is over 20")
            on = str(line["postingDate"])
            on = following_month(on) if twist is Trouble.OTHER_PERIOD else on
            values = (line["lineNumber"], line["accountNumber"], on, line["documentNumber"], str(line["amount"]))
            database.execute(
                "INSERT INTO journalLines VALUES (?, ?, ?, ?, ?, ?, ?)", [number, *values, line.get("description")]
            )
        return {"id": its, "code": code, "journalLines": []}

    def _invoice(self, company: str, body: Mapping[str, Any], twist: Trouble | None) -> dict[str, Any]:
        fields = {name: value for name, value in body.items() if name != "salesInvoiceLines"}
        if self._books.refuses_customer(customer := str(fields["customerNumber"])):
            text = f"The field Sell-to Customer No. contains a value ({customer}) that cannot be found in the related table (Customer)."
            raise VendorRefusal("Internal_InvalidTableRelation", text)
        if twist is Trouble.OTHER_CURRENCY:
            fields["currencyCode"] = "CHF"
        database = self._books.database
        record = self._books.insert("salesInvoices", {"company": company, "status": "Draft", **fields})
        taxed = []
        for sequence, line in enumerate(body["salesInvoiceLines"], start=1):
            self._checked(line, "lineObjectNumber")
            amount = parse_amount(f"{Decimal(line['quantity']) * Decimal(line['unitPrice']):.2f}")
            taxed.append((amount, TAX_PERCENT.get(str(line.get("taxCode")), 0)))
            values = (line["lineObjectNumber"], format_amount(amount), line.get("taxCode"))
            database.execute("INSERT INTO salesInvoiceLines VALUES (?, ?, ?, ?, ?)", [record, sequence, *values])
        its, number = _guid(record), f"INV-{record}"
        net, tax = sum(amount for amount, _ in taxed), sum(taxes(taxed))
        database.execute(
            "UPDATE salesInvoices SET id = ?, number = ?, totalAmountExcludingTax = ?, totalTaxAmount = ? WHERE record = ?",
            [its, number, format_amount(net), format_amount(tax), record],
        )
        return {"id": its, "number": number, "status": "Draft"}

    def _checked(self, line: Mapping[str, Any], field: str) -> None:
        """Raises VendorRefusal."""
        values = [line[field], *(each["valueCode"] for each in line.get("dimensionSetLines", ()))]
        if self._books.refuses(values[0]) or any(map(self._books.refuses_value, values[1:])):
            text = f"The field {field} contains a value ({line[field]}) that cannot be found in the related table."
            raise VendorRefusal("Internal_InvalidTableRelation", text)

    def _entity(self, asked: HttpRequest, company: str, entity: str, its: str | None, post: str | None) -> Reply:
        match asked.method:
            case "GET" if its is None:
                return self._rows(asked, company, entity)
            case "POST" if post and its:
                return self._posted(company, entity, its)
            case "DELETE" if its:
                return self._deleted(company, entity, its)
            case _:
                return _error(405, "BadRequest_MethodNotAllowed", f"{asked.method} {asked.path}")

    def _posted(self, company: str, entity: str, its: str) -> Reply:
        number, head = self._head(company, entity, its)
        lines = self._lines(entity, number)
        on = lines[0]["postingDate"] if entity == "journals" and lines else head.get("postingDate")
        if not lines or on is None:
            raise VendorRefusal("Application_DialogException", "There is nothing to post.")
        if self._books.is_closed(on) or on < self._open_since():
            raise VendorRefusal(
                "Application_DialogException", "Posting Date is not within your range of allowed posting dates."
            )
        database = self._books.database
        if entity == "journals":
            amounts = [(line["accountNumber"], parse_amount(line["amount"])) for line in lines]
            self._book(company, on, lines[0]["documentNumber"], JOURNAL, amounts)
            database.execute("DELETE FROM journalLines WHERE journal = ?", [number])
            return Reply(204)
        amounts = [(account_of(line["lineObjectNumber"]), -parse_amount(line["amountExcludingTax"])) for line in lines]
        amounts.append(("2400", -parse_amount(head["totalTaxAmount"])))
        posted = f"10{number:04}"
        self._book(company, on, posted, INVOICE, [("1100", -sum(amount for _, amount in amounts)), *amounts])
        database.execute("UPDATE salesInvoices SET status = 'Open', number = ? WHERE record = ?", [posted, number])
        return Reply(204)

    def _book(self, company: str, on: str, number: str, kind: str, amounts: Sequence[tuple[str, Amount]]) -> None:
        if sum(amount for _, amount in amounts) != 0:
            raise VendorRefusal("Application_DialogException", f"Document {number} is out of balance.")
        for account, amount in amounts:
            sides = (format_amount(max(amount, 0)), format_amount(max(-amount, 0)))
            self._books.database.execute(
                "INSERT INTO generalLedgerEntries VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                [company, on, number, kind, account, *sides],
            )

    def _deleted(self, company: str, entity: str, its: str) -> Reply:
        number, head = self._head(company, entity, its)
        if head.get("status") == "Open":
            raise VendorRefusal("Application_DialogException", "A posted invoice cannot be deleted.")
        lines, parent, _ = LINES[entity]
        self._books.database.execute(f"DELETE FROM {lines} WHERE {parent} = ?", [number])
        self._books.database.execute(f"DELETE FROM {entity} WHERE company = ? AND id = ?", [company, its])
        return Reply(204)

    # Reading

    def _rows(self, asked: HttpRequest, company: str, entity: str) -> Reply:
        if entity == "generalLedgerSetup":
            currency = self._companies[company].currency
            setup = {"allowPostingFrom": self._open_since(), "allowPostingTo": NO_DAY, "localCurrencyCode": currency}
            return Reply(200, {"value": [setup]})
        where, values = condition(asked.query.get("$filter", ""))
        query = f"SELECT * FROM {entity} WHERE company = ? AND ({where}) ORDER BY 1"
        return page(self._books, asked, query, [company, *values], lambda row: self._expanded(asked, entity, row))

    def _expanded(self, asked: HttpRequest, entity: str, row: Mapping[str, Any]) -> dict[str, Any]:
        shown = decimals({name: value for name, value in row.items() if name != "company"}, AMOUNTS)
        if entity in LINES and asked.query.get("$expand") == LINES[entity][0]:
            number = next(iter(row.values()))
            shown[LINES[entity][0]] = [decimals(line, AMOUNTS) for line in self._lines(entity, number)]
        return shown

    def _head(self, company: str, entity: str, its: str) -> tuple[int, dict[str, Any]]:
        """The number of a record, and its fields. Raises VendorRefusal, ValueError."""
        if entity not in LINES:
            raise ValueError(f"{entity} has no such record")
        found = self._books.rows(f"SELECT * FROM {entity} WHERE company = ? AND id = ?", [company, its])
        if not found:
            raise VendorRefusal("Internal_RecordNotFound", "The record does not exist")
        return int(next(iter(found[0].values()))), found[0]

    def _lines(self, entity: str, number: int) -> list[dict[str, Any]]:
        lines, parent, order = LINES[entity]
        return self._books.rows(f"SELECT * FROM {lines} WHERE {parent} = ? ORDER BY {order}", [number])

    def _open_since(self) -> str:
        """The first day that may be posted to."""
        found = self._books.database.execute(
            "SELECT min(month.starts) AS day FROM month WHERE month.name > (SELECT max(name) FROM closed_month)"
        ).fetchone()
        return found["day"] or NO_DAY


def _guid(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _error(status: int, code: str, text: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": text}})
