"""Dynamics 365 Finance's OData entities, as far as journals and free text invoices need them; filters are answered by SQLite.

Without `cross-company=true` a query sees the first company alone. Some enums in a filter give no rows and no error. A journal that is
whole and balances is posted by a job some time later, and may be deleted until then.
"""

import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from email.parser import BytesParser
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from domain.delivery.ledgers import LedgerEntry
from domain.money import HALF_UP, convert, format_amount, parse_amount
from domain.units import Amount
from simulation.erp.books import ErpBooks, ErpCompany, balance, following_month, shown
from simulation.erp.interface import HttpRequest, Interface, Reply, VendorRefusal, taxes
from simulation.erp.odata import condition, decimals, page, written_key
from simulation.erp.troubles import Trouble

TOKEN_PATH: Final = "/tenant/oauth2/v2.0/token"  # noqa: S105  # a path
DATA: Final = "/data/"
SERVICES: Final = "/api/services/"
# Filters by them give nothing.
BLIND: Final = ("AccountType", "JournalCategory")
TAX_PERCENT: Final[Mapping[str, int]] = {"FULL": 19}
ROUNDING: Final = "7190"
RATE_ONE: Final = 10**8
NEVER: Final = 1e18
NUMBERS: Final = frozenset(
    {
        "ExchRate", "DebitAmount", "CreditAmount", "ExchangeRate", "Quantity", "UnitPrice", "TransactionCurrencyAmount",
        "AccountingCurrencyAmount", "SalesTaxAmount",
    }
)  # fmt: skip

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS company (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS number (last INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
CREATE TABLE IF NOT EXISTS to_post (headers TEXT NOT NULL, number ANY PRIMARY KEY, due REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS to_post_due ON to_post (due);
CREATE TABLE IF NOT EXISTS LedgerJournalHeaders (
    dataAreaId TEXT, JournalBatchNumber TEXT PRIMARY KEY, JournalName TEXT, Description TEXT, IsPosted TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS journal_description ON LedgerJournalHeaders (Description);
CREATE INDEX IF NOT EXISTS journal_open ON LedgerJournalHeaders (JournalBatchNumber) WHERE IsPosted = 'No';
CREATE TABLE IF NOT EXISTS LedgerJournalLines (
    dataAreaId TEXT, JournalBatchNumber TEXT, LineNumber INTEGER, Document TEXT, Voucher TEXT, AccountType TEXT,
    AccountDisplayValue TEXT, TransDate TEXT, CurrencyCode TEXT, ExchRate TEXT, DebitAmount TEXT, CreditAmount TEXT, Text TEXT,
    PRIMARY KEY (JournalBatchNumber, LineNumber)
) STRICT;
CREATE TABLE IF NOT EXISTS FreeTextInvoiceHeaders (
    dataAreaId TEXT, InvoiceIdentifier INTEGER PRIMARY KEY, CustomerReference TEXT, CustomerRequisition TEXT, FreeTextNumber TEXT,
    IsPosted TEXT, InvoiceDate TEXT,
    DueDate TEXT, CurrencyCode TEXT, ExchangeRate TEXT, CustomerAccount TEXT, InvoiceAccount TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS invoice_reference ON FreeTextInvoiceHeaders (CustomerReference);
CREATE TABLE IF NOT EXISTS FreeTextInvoiceLines (
    dataAreaId TEXT, ParentRecId INTEGER, LineNumber INTEGER, MainAccountDisplayValue TEXT, Description TEXT, InvoiceText TEXT,
    Quantity TEXT, UnitPrice TEXT, TransactionCurrencyAmount TEXT, BillingCode TEXT, DefaultDimensionDisplayValue TEXT,
    SalesTaxItemGroupId TEXT, SalesTaxAmount TEXT, PRIMARY KEY (ParentRecId, LineNumber)
) STRICT;
CREATE TABLE IF NOT EXISTS GeneralJournalEntryBiEntities (
    SourceKey INTEGER PRIMARY KEY, JournalNumber TEXT, DocumentNumber TEXT, AccountingDate TEXT, JournalCategory TEXT,
    SubledgerVoucherDataAreaId TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS entry_date ON GeneralJournalEntryBiEntities (SubledgerVoucherDataAreaId, AccountingDate);
CREATE TABLE IF NOT EXISTS GeneralJournalAccountEntryBiEntities (
    GeneralJournalEntry INTEGER, LedgerAccount TEXT, TransactionCurrencyCode TEXT, TransactionCurrencyAmount TEXT,
    AccountingCurrencyAmount TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS account_entry ON GeneralJournalAccountEntryBiEntities (GeneralJournalEntry);
CREATE VIEW IF NOT EXISTS JournalNames AS SELECT id AS dataAreaId, 'GenJrn' AS Name FROM company;
CREATE VIEW IF NOT EXISTS FiscalPeriods AS
    SELECT 'Fiscal' AS Calendar, substr(name, 1, 4) AS FiscalYear, 'Period ' || CAST(substr(name, 6) AS INTEGER) AS PeriodName,
        starts || 'T00:00:00Z' AS StartDate, ends || 'T00:00:00Z' AS EndDate FROM month;
CREATE VIEW IF NOT EXISTS LedgerFiscalPeriods AS
    SELECT company.id AS LegalEntityId, company.id AS LedgerName, 'Fiscal' AS Calendar, substr(month.name, 1, 4) AS YearName,
        'Period ' || CAST(substr(month.name, 6) AS INTEGER) AS PeriodName,
        iif(closed_month.name IS NULL, 'Open', 'Closed') AS PeriodStatus, 'All' AS LedgerAccessLevel, 'All' AS CustAccessLevel
    FROM company CROSS JOIN month LEFT JOIN closed_month ON closed_month.name = month.name;
"""
ENTITIES: Final = (
    "LedgerJournalHeaders", "LedgerJournalLines", "FreeTextInvoiceHeaders", "FreeTextInvoiceLines", "JournalNames", "FiscalPeriods",
    "LedgerFiscalPeriods", "GeneralJournalEntryBiEntities", "GeneralJournalAccountEntryBiEntities",
)  # fmt: skip
# By kind of document: lines, what names the header, what lines call it, where a key stands.
HEADERS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "LedgerJournalHeaders": ("LedgerJournalLines", "JournalBatchNumber", "JournalBatchNumber", "Description"),
    "FreeTextInvoiceHeaders": ("FreeTextInvoiceLines", "InvoiceIdentifier", "ParentRecId", "CustomerReference"),
}
HEADERS_OF: Final = {lines: headers for headers, (lines, _, _, _) in HEADERS.items()}

_DELETED: Final = re.compile(r"(\w+)\(dataAreaId='([^']*)',(\w+)='?([^')]*)'?\)")


class SimulatedDynamicsFinance(Interface):
    """One environment with several companies; what is complete is posted so many seconds later."""

    token_path = TOKEN_PATH

    def __init__(self, books: ErpBooks, companies: Sequence[ErpCompany], posting_seconds: float) -> None:
        super().__init__(books, companies, posting_seconds)
        with books.open() as database:
            database.executemany("INSERT OR IGNORE INTO company VALUES (?)", [(each.id,) for each in companies])
            self._columns = {
                entity: [row["name"] for row in database.execute("SELECT name FROM pragma_table_info(?)", [entity])]
                for entity in ENTITIES
            }

    def written_key(self, asked: HttpRequest) -> str | None:
        return written_key(asked)

    def answer(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        self.advance()
        if asked.path.startswith(SERVICES):
            return self._post_service(asked)
        entity = asked.path.removeprefix(DATA)
        try:
            match asked.method:
                case "GET" if entity in ENTITIES:
                    return self._rows(asked, entity)
                case "POST" if entity in HEADERS:
                    return self._header(entity, asked.json(), twist)
                case "POST" if entity == "$batch":
                    return self._batch(asked, twist)
                case "DELETE":
                    return self._deleted(entity)
                case _:
                    return _error(404, "", f"No HTTP resource was found that matches {asked.path}", "")
        except (sqlite3.Error, ValueError, KeyError) as fault:
            return _error(400, "BadRequest", str(fault), "Microsoft.OData.ODataException")
        except VendorRefusal as refusal:
            return _refused(400, refusal)

    def unauthorized(self) -> Reply:
        return Reply(401, b"", {"www-authenticate": "Bearer"})

    def duplicate(self, asked: HttpRequest) -> Reply:
        del asked
        return _refused(400, VendorRefusal("LedgerJournalLineEntity", "The record already exists", "LineNumber"))

    def entries(self) -> Iterator[LedgerEntry]:
        """The general ledger, and journals that are not posted."""
        self.advance()
        database = self._books.database
        for entry in database.execute("SELECT * FROM GeneralJournalEntryBiEntities ORDER BY SourceKey").fetchall():
            lines = database.execute(
                "SELECT * FROM GeneralJournalAccountEntryBiEntities WHERE GeneralJournalEntry = ? ORDER BY rowid",
                [entry["SourceKey"]],
            ).fetchall()
            posted = (
                (
                    line["LedgerAccount"].split("-")[0],
                    parse_amount(line["TransactionCurrencyAmount"]),
                    parse_amount(line["AccountingCurrencyAmount"]),
                )
                for line in lines
            )
            named = entry["DocumentNumber"], entry["JournalNumber"], entry["AccountingDate"]
            yield shown(*named, lines[0]["TransactionCurrencyCode"], posted, is_posted=True)
        for header in database.execute("SELECT * FROM LedgerJournalHeaders WHERE IsPosted = 'No'").fetchall():
            if lines := self._lines("LedgerJournalHeaders", header["JournalBatchNumber"]):
                waiting = ((line["AccountDisplayValue"].split("-")[0], _signed(line), _signed(line)) for line in lines)
                named = header["Description"], header["JournalBatchNumber"], lines[0]["TransDate"]
                yield shown(*named, lines[0]["CurrencyCode"], waiting, is_posted=False)

    # Writing

    def _header(self, entity: str, body: Mapping[str, Any], twist: Trouble | None) -> Reply:
        company = self._company(entity, str(body["dataAreaId"]), twist)
        if entity == "LedgerJournalHeaders" and body["JournalName"] != "GenJrn":
            raise VendorRefusal(
                "LedgerJournalHeaderEntity", f"The value '{body['JournalName']}' is not found.", "JournalName"
            )
        if self._books.refuses_customer(customer := str(body.get("CustomerAccount", ""))):
            said = f"The value '{customer}' in field 'Customer account' is not found in the related table 'Customers'."
            raise VendorRefusal("FreeTextInvoiceHeaderEntity", said, "CustomerAccount")
        (number,) = self._books.database.execute("INSERT INTO number VALUES (NULL) RETURNING last").fetchone()
        name = HEADERS[entity][1]
        own: dict[str, Any] = {"dataAreaId": company, "IsPosted": "No"}
        if entity == "LedgerJournalHeaders":
            own[name] = f"{number:06}"
        else:
            own |= {
                name: 5_637_144_575 + number,
                "FreeTextNumber": body.get("FreeTextNumber", ""),
                "ExchangeRate": "100",
            }
        made = self._insert(entity, {**body, **own})
        return Reply(201, {"@odata.etag": 'W/"Jzk="', **made})

    def _company(self, entity: str, given: str, twist: Trouble | None) -> str:
        if given not in self._companies:
            raise VendorRefusal(f"{entity.removesuffix('s')}Entity", f"Company {given} does not exist.", "dataAreaId")
        if twist is Trouble.OTHER_SUBSIDIARY:
            return self._other_than(given).id
        return given

    def _batch(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        """One change set: all of it is kept or nothing."""
        writes = list(_writes(asked))
        database = self._books.database
        database.execute("SAVEPOINT change_set")
        kept = writes[: len(writes) // 2] if twist is Trouble.PARTIAL else writes
        numbers = set()
        for at, (entity, body) in enumerate(kept, start=1):
            try:
                numbers.add((HEADERS_OF[entity], self._line(entity, _twisted(body, twist))))
            except VendorRefusal as refusal:
                database.execute("ROLLBACK TO change_set")
                return _multipart([(at, _refused(500, refusal))])
        if twist is Trouble.PARTIAL:
            return Reply(500, b"")
        for headers, number in numbers:
            due = NEVER if twist is Trouble.UNPOSTED else time.time() + self._posting_seconds
            database.execute("INSERT OR IGNORE INTO to_post VALUES (?, ?, ?)", [headers, number, due])
        return _multipart([(at, Reply(201, {"LineNumber": at})) for at in range(1, len(writes) + 1)])

    def _line(self, entity: str, body: Mapping[str, Any]) -> str | int:
        """The number of its header."""
        headers, technical = HEADERS_OF[entity], f"{entity.removesuffix('s')}Entity"
        _, name, parent, _ = HEADERS[headers]
        number: str | int = body[parent]
        head = self._head(headers, number)
        if head is None or head["IsPosted"] != "No":
            raise VendorRefusal(technical, f"{name} {number} must exist and be unposted.", parent)
        on = body["TransDate"] if "TransDate" in body else head["InvoiceDate"]
        if self._books.is_closed(on):
            raise VendorRefusal(technical, f"Fiscal period for {on[:10]} is not open.", "TransDate")
        field = "AccountDisplayValue" if entity == "LedgerJournalLines" else "MainAccountDisplayValue"
        account, *dimensions = str(body[field]).split("-")
        if not account or self._books.refuses(account) or any(map(self._books.refuses_value, filter(None, dimensions))):
            raise VendorRefusal(technical, f"The value '{body[field]}' in field 'Account' is suspended.", field)
        defaults = {"DebitAmount": "0", "CreditAmount": "0"} if entity == "LedgerJournalLines" else {}
        self._insert(entity, {**defaults, **body, "dataAreaId": head["dataAreaId"]})
        return number

    def _insert(self, entity: str, body: Mapping[str, Any]) -> dict[str, Any]:
        columns = self._columns[entity]
        if unknown := sorted(body.keys() - set(columns)):
            raise ValueError(f"The property '{unknown[0]}' does not exist on type '{entity}'.")
        values = {name: str(value) if isinstance(value, Decimal) else value for name, value in body.items()}
        values |= {name: str(values[name]) for name in NUMBERS & values.keys()}
        self._books.insert(entity, values)
        return decimals({name: values.get(name) for name in columns}, NUMBERS)

    def _deleted(self, path: str) -> Reply:
        found = _DELETED.fullmatch(path)
        if found is None or found[1] not in HEADERS:
            return _error(404, "", f"No HTTP resource was found that matches {path}", "")
        lines, name, parent, _ = HEADERS[found[1]]
        head = self._head(found[1], found[4])
        if head is None or head["dataAreaId"] != found[2]:
            return _error(404, "", "No resources were found when selecting for update.", "")
        if head["IsPosted"] != "No":
            raise VendorRefusal(f"{found[1].removesuffix('s')}Entity", "A posted journal cannot be deleted.", name)
        database = self._books.database
        database.execute(f"DELETE FROM {lines} WHERE {parent} = ?", [head[name]])
        database.execute(f"DELETE FROM {found[1]} WHERE {name} = ?", [head[name]])
        database.execute("DELETE FROM to_post WHERE number = ?", [head[name]])
        return Reply(204)

    # Posting

    def advance(self) -> None:
        """What is due is posted."""
        due = self._books.database.execute("SELECT * FROM to_post WHERE due <= ?", [time.time()]).fetchall()
        for each in due:
            self._post(each["headers"], each["number"])

    def _post(self, headers: str, number: str | int) -> bool:
        """Whether it is posted now. What does not balance, or is of a closed month, waits for somebody."""
        head, lines = self._head(headers, number), self._lines(headers, number)
        if head is None or not lines or head["IsPosted"] != "No":
            return head is not None and head["IsPosted"] == "Yes"
        self._books.database.execute("DELETE FROM to_post WHERE number = ?", [number])
        is_journal = headers == "LedgerJournalHeaders"
        postings = _journal(lines) if is_journal else self._invoice(head, lines)
        on = lines[0]["TransDate"] if is_journal else head["InvoiceDate"]
        if sum(amount for _, amount, _ in postings) != 0 or self._books.is_closed(on):
            return False
        self._book(head, lines, postings)
        self._books.database.execute(f"UPDATE {headers} SET IsPosted = 'Yes' WHERE {HEADERS[headers][1]} = ?", [number])
        return True

    def _invoice(self, head: sqlite3.Row, lines: Sequence[sqlite3.Row]) -> list[tuple[str, Amount, str]]:
        database = self._books.database
        database.execute(
            "UPDATE FreeTextInvoiceHeaders SET FreeTextNumber = ? WHERE InvoiceIdentifier = ?",
            [
                head["FreeTextNumber"] or f"FTI-{head['InvoiceIdentifier'] - 5_637_144_575:05}",
                head["InvoiceIdentifier"],
            ],
        )
        postings = []
        nets = [parse_amount(line["TransactionCurrencyAmount"]) for line in lines]
        percents = [TAX_PERCENT.get(line["SalesTaxItemGroupId"] or "", 0) for line in lines]
        taxed = taxes(zip(nets, percents, strict=True))
        for line, net, tax in zip(lines, nets, taxed, strict=True):
            database.execute(
                "UPDATE FreeTextInvoiceLines SET SalesTaxAmount = ? WHERE ParentRecId = ? AND LineNumber = ?",
                [format_amount(tax), line["ParentRecId"], line["LineNumber"]],
            )
            postings.append((line["MainAccountDisplayValue"], -net, head["ExchangeRate"]))
        if any(taxed):
            postings.append(("2400", -sum(taxed), head["ExchangeRate"]))
        return [("1100", -sum(amount for _, amount, _ in postings), head["ExchangeRate"]), *postings]

    def _book(
        self, head: sqlite3.Row, lines: Sequence[sqlite3.Row], postings: Sequence[tuple[str, Amount, str]]
    ) -> None:
        database, company = self._books.database, self._companies[head["dataAreaId"]]
        is_journal = "JournalBatchNumber" in head.keys()  # noqa: SIM118  # of a row, `in` looks at values
        made = database.execute(
            "INSERT INTO GeneralJournalEntryBiEntities VALUES (NULL, ?, ?, ?, ?, ?)",
            [
                head["JournalBatchNumber"] if is_journal else f"FTI{head['InvoiceIdentifier']}",
                lines[0]["Document"] if is_journal else head["CustomerReference"],
                lines[0]["TransDate"] if is_journal else head["InvoiceDate"],
                "GeneralJournal" if is_journal else "Cust",
                company.id,
            ],
        )
        currency = lines[0]["CurrencyCode"] if is_journal else head["CurrencyCode"]
        left = 0
        rows = []
        for account, amount, rate in postings:
            in_ledger = convert(amount, int(Decimal(rate) * RATE_ONE / 100), RATE_ONE, company.currency, HALF_UP)
            left += in_ledger
            rows.append((account, amount, in_ledger))
        if left:
            rows.append((ROUNDING, 0, -left))
        database.executemany(
            "INSERT INTO GeneralJournalAccountEntryBiEntities VALUES (?, ?, ?, ?, ?)",
            [
                (made.lastrowid, account, currency, format_amount(amount), format_amount(in_ledger))
                for account, amount, in_ledger in rows
            ],
        )

    def _post_service(self, asked: HttpRequest) -> Reply:
        request = asked.json()["_request"]
        headers = "LedgerJournalHeaders" if request["Kind"] == "Journal" else "FreeTextInvoiceHeaders"
        if self._post(headers, request["Number"]):
            return Reply(200, {"$id": "1", "IsPosted": True})
        return Reply(200, {"$id": "1", "IsPosted": False, "Code": "NotPosted", "Message": "It was not posted"})

    # Reading

    def _rows(self, asked: HttpRequest, entity: str) -> Reply:
        columns = asked.query.get("$select", ",".join(self._columns[entity])).split(",")
        if unknown := sorted(set(columns) - set(self._columns[entity])):
            raise ValueError(f"Could not find a property named '{unknown[0]}' on type '{entity}'.")
        where, values = condition(asked.query.get("$filter", ""))
        if any(name in where for name in BLIND):
            return Reply(200, {"value": []})
        if asked.query.get("cross-company") != "true" and "dataAreaId" in self._columns[entity]:
            where, values = f"({where}) AND dataAreaId = ?", [*values, next(iter(self._companies))]
        query = f"SELECT {', '.join(columns)} FROM {entity} WHERE {where}"
        return page(self._books, asked, query, values, lambda row: decimals(row, NUMBERS))

    def _head(self, headers: str, number: str | int) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._books.database.execute(
            f"SELECT * FROM {headers} WHERE {HEADERS[headers][1]} = ?", [number]
        ).fetchone()
        return found

    def _lines(self, headers: str, number: str | int) -> list[sqlite3.Row]:
        lines, _, parent, _ = HEADERS[headers]
        return self._books.database.execute(
            f"SELECT * FROM {lines} WHERE {parent} = ? ORDER BY LineNumber", [number]
        ).fetchall()


def _writes(asked: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Entity and fields of each POST in a change set."""
    head = f"content-type: {asked.headers.get('content-type', '')}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + asked.body).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload.startswith(b"POST "):
            first, _, body = payload.partition(b"\r\n\r\n")
            entity = unquote(urlsplit(first.split()[1].decode()).path).removeprefix(DATA)
            if entity not in HEADERS_OF:
                raise ValueError(f"No HTTP resource was found that matches {entity}")
            yield entity, json.loads(body, parse_float=Decimal)


def _twisted(body: dict[str, Any], twist: Trouble | None) -> dict[str, Any]:
    if twist is Trouble.OTHER_CURRENCY and "CurrencyCode" in body:
        return {**body, "CurrencyCode": "CHF"}
    if twist is Trouble.OTHER_PERIOD and "TransDate" in body:
        return {**body, "TransDate": f"{following_month(body['TransDate'])}T12:00:00Z"}
    return body


def _journal(lines: Sequence[sqlite3.Row]) -> list[tuple[str, Amount, str]]:
    return [(line["AccountDisplayValue"], _signed(line), line["ExchRate"] or "100") for line in lines]


def _signed(line: sqlite3.Row) -> Amount:
    return balance(line["DebitAmount"], line["CreditAmount"])


def _refused(status: int, refusal: VendorRefusal) -> Reply:
    """Its code is the type of the record."""
    text = (
        f"Write failed for table row of type '{refusal.code}'. Infolog: Warning: {refusal}; "
        f"Warning: validateField failed on field '{refusal.code}.{refusal.path}'."
    )
    return _error(status, "", text, "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataWriteException")


def _error(status: int, code: str, text: str, kind: str) -> Reply:
    inner = {"message": text, "type": kind}
    return Reply(status, {"error": {"code": code, "message": "An error has occurred.", "innererror": inner}})


def _multipart(answers: Sequence[tuple[int, Reply]]) -> Reply:
    chunks = [b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"]
    for number, answer in answers:
        head = (
            f"--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n"
            f"HTTP/1.1 {answer.status} Answered\r\nContent-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n\r\n"
        )
        chunks += [head.encode(), answer.content(), b"\r\n"]
    chunks.append(b"--changesetresponse_1--\r\n--batchresponse_1--\r\n")
    return Reply(200, b"".join(chunks), {"content-type": "multipart/mixed; boundary=batchresponse_1"})
