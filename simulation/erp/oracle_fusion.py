"""Oracle Fusion's REST resources, as far as journals by file and billing events need them; their queries are answered by SQLite.

An import takes all rows of its group that lie in the interface, also those that an earlier one left there, or none of them: a wrong row
gets a code, the others stay. It knows no duplicates. A file for another UCM account is taken and nothing is done with it.
"""

import base64
import csv
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO, StringIO
from itertools import groupby
from typing import Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from domain.delivery.ledgers import LedgerEntry
from domain.money import HALF_UP, convert, format_amount, parse_decimal
from domain.units import EXCHANGE_RATE_ONE, EXCHANGE_RATE_SCALE, Amount
from simulation.erp.books import CURRENCIES, ErpBooks, ErpCompany, balance, following_month, shown, sides
from simulation.erp.interface import HttpRequest, Interface, Reply
from simulation.erp.troubles import Trouble

TOKEN_PATH: Final = "/oauth2/v1/token"  # noqa: S105  # a path
RESOURCES: Final = "/fscmRestApi/resources/11.13.18.05/"
REQUESTS: Final = "/ess/rest/scheduler/v1/requests"
ACCOUNT: Final = "fin/generalLedger/import"
LOADER: Final = "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader"
IMPORTER: Final = "/oracle/apps/ess/financials/generalLedger/programs/common"
COLUMNS: Final = 149
SEGMENTS: Final = slice(8, 38)
# How many lines come with their journal; the rest has a link.
LINES_WITH_IT: Final = 25
# A process has this number, the two that it starts the following ones.
PROCESSES_APART: Final = 3

SCHEMA: Final = """
PRAGMA case_sensitive_like = ON;
CREATE TABLE IF NOT EXISTS process (
    number INTEGER PRIMARY KEY, group_id TEXT, due REAL NOT NULL, state TEXT NOT NULL, twist TEXT, has_import INTEGER NOT NULL, output TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS process_running ON process (due) WHERE state = 'RUNNING';
CREATE TABLE IF NOT EXISTS interface_row (group_id TEXT NOT NULL, status TEXT NOT NULL, fields TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS interface_group ON interface_row (group_id);
CREATE TABLE IF NOT EXISTS batch (
    JeBatchId INTEGER PRIMARY KEY AUTOINCREMENT, BatchName TEXT NOT NULL, Status TEXT NOT NULL, DefaultPeriodName TEXT NOT NULL,
    RunningTotalDr TEXT NOT NULL, RunningTotalCr TEXT NOT NULL, ours TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS batch_name ON batch (BatchName);
CREATE INDEX IF NOT EXISTS batch_period ON batch (DefaultPeriodName, JeBatchId);
CREATE TABLE IF NOT EXISTS header (
    JeHeaderId INTEGER PRIMARY KEY AUTOINCREMENT, JeBatchId INTEGER NOT NULL, JournalName TEXT NOT NULL, LedgerName TEXT NOT NULL,
    CurrencyCode TEXT NOT NULL, PeriodName TEXT NOT NULL, DefaultEffectiveDate TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS header_batch ON header (JeBatchId);
CREATE TABLE IF NOT EXISTS line (
    JeHeaderId INTEGER NOT NULL, JeLineNumber INTEGER NOT NULL, AccountCombination TEXT NOT NULL, account TEXT NOT NULL,
    EnteredDr TEXT, EnteredCr TEXT, AccountedDr TEXT, AccountedCr TEXT, PRIMARY KEY (JeHeaderId, JeLineNumber)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS projectBillingEvents (
    EventId INTEGER PRIMARY KEY AUTOINCREMENT, SourceName TEXT, SourceReference TEXT, BusinessUnitName TEXT, ContractTypeName TEXT,
    ContractNumber TEXT, ContractLineNumber TEXT, ProjectNumber TEXT, TaskNumber TEXT, EventTypeName TEXT, EventDescription TEXT,
    CompletionDate TEXT, BillTrnsCurrencyCode TEXT, BillTrnsAmount TEXT, Invoiced TEXT NOT NULL DEFAULT 'U'
) STRICT;
CREATE INDEX IF NOT EXISTS event_reference ON projectBillingEvents (SourceReference);
CREATE TABLE IF NOT EXISTS ledger (LedgerId INTEGER PRIMARY KEY, Name TEXT NOT NULL) STRICT;
CREATE VIEW IF NOT EXISTS ledgersLOV AS SELECT LedgerId, Name FROM ledger;
CREATE VIEW IF NOT EXISTS accountingPeriodStatusLOV AS
    SELECT ledger.LedgerId, 101 AS ApplicationId, 0 AS AdjustmentPeriodFlag, substr(month.title, 1, 4) || substr(month.title, 7) AS title,
        substr(month.title, 1, 3) || '-' || substr(month.name, 3, 2) AS PeriodNameId, month.starts AS StartDate, month.ends AS EndDate,
        iif(closed_month.name IS NULL, 'O', 'C') AS ClosingStatus
    FROM ledger CROSS JOIN month LEFT JOIN closed_month ON closed_month.name = month.name;
"""
LISTED: Final = ("ledgersLOV", "accountingPeriodStatusLOV")
_CHILD: Final = re.compile(r"journalBatches/\d+/child/journalHeaders/(\d+)/child/journalLines")
_REQUEST: Final = re.compile(r"requestId=(\d+)")


class FileRow(NamedTuple):
    """One line of a journal file."""

    ledger_id: str
    on: str
    currency: str
    segments: tuple[str, ...]
    entered: Amount
    accounted: Amount | None
    rate: int
    batch: str
    journal: str
    source: str
    group: str


class SimulatedOracleFusion(Interface):
    """One environment with several ledgers; an import ends so many seconds after it began."""

    token_path = TOKEN_PATH

    def __init__(self, books: ErpBooks, companies: Sequence[ErpCompany], posting_seconds: float) -> None:
        super().__init__(books, companies, posting_seconds)
        self._names = {company.id: ledger_name(company) for company in companies}
        with books.open() as database:
            database.executemany("INSERT OR IGNORE INTO ledger VALUES (?, ?)", list(self._names.items()))

    def written_key(self, asked: HttpRequest) -> str | None:
        """The keys of a file, which another submission of the same journals has too."""
        if asked.method != "POST":
            return None
        try:
            body = asked.json()
            return " ".join(sorted({row.batch for row in _rows(body)})) or str(body)[:200]
        except (ValueError, KeyError, AttributeError, BadZipFile):
            return "a request that is not understood"

    def answer(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        self.advance()
        resource = asked.path.removeprefix(RESOURCES)
        try:
            if asked.method == "POST" and resource == "erpintegrations":
                return self._submitted(asked.json(), twist)
            if asked.method == "POST" and f"{asked.path}/" == RESOURCES:
                return self._billed(asked.json()["parts"], twist)
            if resource == "projectBillingEvents":
                return self._events(asked)
            if asked.path == REQUESTS:
                return self._processes(int(asked.query.get("limit", 500)))
            if resource == "erpintegrations":
                return self._process(asked.query["finder"])
            if resource == "journalBatches":
                return self._batches(asked)
            if child := _CHILD.fullmatch(resource):
                return self._more_lines(int(child[1]), int(asked.query.get("offset", 0)), int(asked.query["limit"]))
            if resource in LISTED:
                limit = int(asked.query.get("limit", 25))
                where = asked.query.get("q", "1")
                return _listed(self._books.rows(f"SELECT * FROM {resource} WHERE {where} LIMIT {limit}"))
        except (sqlite3.Error, ValueError, KeyError, BadZipFile) as fault:
            return _refused(400, "27024", str(fault))
        return _refused(404, "27001", f"{asked.path} is not found")

    def unauthorized(self) -> Reply:
        return Reply(401, b"<html>401 Unauthorized</html>", {"content-type": "text/html", "www-authenticate": "Basic"})

    def duplicate(self, asked: HttpRequest) -> Reply:
        """Nothing here knows duplicates; a gateway that sends again gets a conflict."""
        del asked
        return Reply(409, {"title": "Conflict", "status": "409"})

    def entries(self) -> Iterator[LedgerEntry]:
        self.advance()
        rows = self._books.database.execute(
            "SELECT batch.ours, batch.JeBatchId, batch.Status, header.*, line.* FROM batch JOIN header USING (JeBatchId) "
            "JOIN line USING (JeHeaderId) ORDER BY JeHeaderId, JeLineNumber"
        )
        for _, group in groupby(rows, key=lambda row: int(row["JeHeaderId"])):
            lines = list(group)
            head = lines[0]
            posted = (
                (
                    line["account"],
                    balance(line["EnteredDr"], line["EnteredCr"]),
                    balance(line["AccountedDr"], line["AccountedCr"]),
                )
                for line in lines
            )
            named = head["ours"], head["JeBatchId"], head["DefaultEffectiveDate"], head["CurrencyCode"]
            yield shown(*named, posted, is_posted=head["Status"] == "P")

    # Imports

    def _submitted(self, body: Mapping[str, Any], twist: Trouble | None) -> Reply:
        database = self._books.database
        if body["OperationName"] == "submitESSJobRequest":
            database.execute("UPDATE batch SET Status = 'P' WHERE RunningTotalDr = RunningTotalCr")
            return Reply(201, {"ReqstId": str(self._began("", None, has_import=False))})
        rows = _raw_rows(body)
        if any(len(row) != COLUMNS for row in rows):
            raise ValueError(f"GlInterface.csv: expected {COLUMNS} columns")
        is_known = body["DocumentAccount"] == ACCOUNT
        group = body["ParameterList"].split(",")[3]
        if is_known:
            database.executemany(
                "INSERT INTO interface_row VALUES (?, 'NEW', ?)", [(group, json.dumps(row)) for row in rows]
            )
        number = self._began(group, twist, has_import=is_known)
        return Reply(201, {"OperationName": "importBulkData", "DocumentId": None, "ReqstId": str(number)})

    def _began(self, group: str, twist: Trouble | None, *, has_import: bool) -> int:
        database = self._books.database
        (last,) = database.execute("SELECT coalesce(max(number), 9000) FROM process").fetchone()
        number = int(last) + PROCESSES_APART
        database.execute(
            "INSERT INTO process VALUES (?, ?, ?, 'RUNNING', ?, ?, NULL)",
            [number, group, time.time() + self._posting_seconds, twist, int(has_import)],
        )
        return number

    def advance(self) -> None:
        """Imports that are due are done."""
        due = self._books.database.execute(
            "SELECT * FROM process WHERE state = 'RUNNING' AND due <= ? ORDER BY number", [time.time()]
        ).fetchall()
        for process in due:
            state, output = self._import(process) if process["has_import"] else ("SUCCEEDED", "")
            self._books.database.execute(
                "UPDATE process SET state = ?, output = ? WHERE number = ?", [state, output, process["number"]]
            )

    def _import(self, process: sqlite3.Row) -> tuple[str, str]:
        """How it ended, and its report of rows."""
        database = self._books.database
        if process["twist"] == Trouble.PARTIAL:
            return "ERROR", ""
        found = database.execute("SELECT fields FROM interface_row WHERE group_id = ?", [process["group_id"]])
        rows = [_row(json.loads(each["fields"])) for each in found]
        codes = [self._code(row) for row in rows]
        if any(codes):
            report = [f"{code or 'P'},{row.ledger_id},{row.batch}" for row, code in zip(rows, codes, strict=True)]
            database.execute("UPDATE interface_row SET status = 'P' WHERE group_id = ?", [process["group_id"]])
            return "WARNING", "STATUS,LEDGER_ID,REFERENCE4\n" + "\n".join(report)
        for _, batch in groupby(sorted(rows, key=lambda row: row.batch), key=lambda row: row.batch):
            self._keep(list(batch), process)
        database.execute("DELETE FROM interface_row WHERE group_id = ?", [process["group_id"]])
        return "SUCCEEDED", ""

    def _code(self, row: FileRow) -> str:
        """What is wrong with it; empty: nothing."""
        if row.ledger_id not in self._companies:
            return "EM13"
        if row.currency not in CURRENCIES:
            return "EC08"
        if self._books.is_closed(row.on):
            return "EP01"
        account = _account(row)
        is_refused = self._books.refuses(account) or any(
            map(self._books.refuses_value, (each for each in row.segments if each != account))
        )
        return "EF04" if is_refused else ""

    def _keep(self, rows: Sequence[FileRow], process: sqlite3.Row) -> None:
        """A batch of one journal. One that does not balance is kept too, and never posted."""
        twist, first, database = process["twist"], rows[0], self._books.database
        on = date.fromisoformat(following_month(first.on) if twist == Trouble.OTHER_PERIOD else first.on)
        company = self._companies[first.ledger_id]
        if twist == Trouble.OTHER_SUBSIDIARY:
            company = self._other_than(first.ledger_id)
        currency = "CHF" if twist == Trouble.OTHER_CURRENCY else first.currency
        debited = sum(row.entered for row in rows if row.entered > 0)
        credited = -sum(row.entered for row in rows if row.entered < 0)
        is_posted = debited == credited and twist != Trouble.UNPOSTED
        period = f"{on:%b-%y}"
        batch = database.execute(
            "INSERT INTO batch VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            [
                f"{first.batch} {first.source} A {first.group} {process['number']} N",
                "P" if is_posted else "U",
                period,
                format_amount(debited),
                format_amount(credited),
                first.batch,
            ],
        ).lastrowid
        header = database.execute(
            "INSERT INTO header VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            [batch, f"{first.journal} {currency}", self._names[company.id], currency, period, on.isoformat()],
        ).lastrowid
        for number, row in enumerate(rows, start=1):
            accounted = row.accounted
            if accounted is None:
                accounted = convert(row.entered, row.rate, EXCHANGE_RATE_ONE, company.currency, HALF_UP)
            database.execute(
                "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [header, number, "-".join(row.segments), _account(row), *sides(row.entered), *sides(accounted)],
            )

    # Processes

    def _process(self, finder: str) -> Reply:
        found = _REQUEST.search(finder)
        number = int(found[1]) if found else 0
        process = self._books.database.execute(
            "SELECT * FROM process WHERE ? BETWEEN number AND number + 2", [number]
        ).fetchone()
        if process is None:
            return _listed([])
        match finder.partition(";")[0]:
            case "ESSJobStatusRF":
                return _listed([{"OperationName": None, "RequestStatus": process["state"]}])
            case "ESSExecutionDetailsRF":
                return _listed([{"RequestStatus": json.dumps({"JOBS": _jobs(process)})}])
            case "ESSJobExecutionDetailsRF":
                packed = base64.b64encode(_packed(process["output"] or "")).decode()
                return _listed([{"DocumentContent": packed, "FileName": f"{number}.zip"}])
            case name:
                return _refused(400, "27002", f"there is no finder {name}")

    def _processes(self, limit: int) -> Reply:
        """Those that are not over."""
        rows = self._books.database.execute("SELECT * FROM process WHERE state = 'RUNNING' LIMIT ?", [limit])
        return _listed(
            [
                {
                    "requestId": row["number"],
                    "absParentRequestId": row["number"],
                    "state": row["state"],
                    "jobDefinitionId": f"JobDefinition:/{LOADER}/InterfaceLoaderController",
                    "requestParameters": [{"name": "submit.argument4", "value": row["group_id"]}],
                }
                for row in rows
            ]
        )

    # Journals

    def _batches(self, asked: HttpRequest) -> Reply:
        expands = asked.query.get("expand", "").split(".")
        rows, has_more = self._page(asked, "batch")
        items = []
        for row in rows:
            del row["ours"]
            batch = _numbers(row, "RunningTotalDr", "RunningTotalCr")
            if "journalHeaders" in expands:
                batch["journalHeaders"] = self._headers(asked, row["JeBatchId"], with_lines="journalLines" in expands)
            items.append(batch)
        return _listed(items, has_more=has_more)

    def _page(self, asked: HttpRequest, table: str) -> tuple[list[dict[str, Any]], bool]:
        """Rows of a query in the order they were made, and whether there are more."""
        limit, offset = int(asked.query.get("limit", 25)), int(asked.query.get("offset", 0))
        where = asked.query.get("q", "1")
        rows = self._books.rows(f"SELECT * FROM {table} WHERE {where} ORDER BY 1 LIMIT {limit + 1} OFFSET {offset}")
        return rows[:limit], len(rows) > limit

    def _headers(self, asked: HttpRequest, batch: int, *, with_lines: bool) -> dict[str, Any]:
        headers = []
        for row in self._books.rows("SELECT * FROM header WHERE JeBatchId = ?", [batch]):
            if with_lines:
                path = f"{RESOURCES}journalBatches/{batch}/child/journalHeaders/{row['JeHeaderId']}/child/journalLines"
                row["journalLines"] = self._lines(row["JeHeaderId"], 0, LINES_WITH_IT)
                row["links"] = [{"name": "journalLines", "href": f"http://{asked.headers.get('host', '')}{path}"}]
            headers.append(row)
        return {"items": headers, "count": len(headers), "hasMore": False}

    def _more_lines(self, header: int, offset: int, limit: int) -> Reply:
        found = self._lines(header, offset, limit)
        return _listed(found["items"], has_more=found["hasMore"])

    def _lines(self, header: int, offset: int, limit: int) -> dict[str, Any]:
        rows = self._books.rows(
            "SELECT JeLineNumber, AccountCombination, EnteredDr, EnteredCr, AccountedDr, AccountedCr FROM line "
            "WHERE JeHeaderId = ? ORDER BY JeLineNumber LIMIT ? OFFSET ?",
            [header, limit + 1, offset],
        )
        items = [_numbers(row, "EnteredDr", "EnteredCr", "AccountedDr", "AccountedCr") for row in rows[:limit]]
        return {"items": items, "count": len(items), "hasMore": len(rows) > limit}

    # Billing events

    def _billed(self, parts: Sequence[Mapping[str, Any]], twist: Trouble | None) -> Reply:
        """One transaction: all events are made or none."""
        for part in parts:
            event = part["payload"]
            if self._books.refuses(event["EventTypeName"]):
                return _refused(400, "PJB_EVT_INVALID_TYPE", "The event type name is not valid.")
            if self._books.refuses_customer(event["ContractNumber"]):
                return _refused(400, "PJB_EVT_INVALID_CONTRACT", "The contract number is not valid.")
        made = []
        for part in parts:
            event = {name: str(value) for name, value in part["payload"].items()}
            if twist is Trouble.OTHER_CURRENCY:
                event["BillTrnsCurrencyCode"] = "CHF"
            number = self._books.insert("projectBillingEvents", event)
            made.append({"id": part["id"], "path": part["path"], "payload": {"EventId": number}})
        return Reply(200, {"parts": made}, {"content-type": "application/vnd.oracle.adf.batch+json"})

    def _events(self, asked: HttpRequest) -> Reply:
        rows, has_more = self._page(asked, "projectBillingEvents")
        return _listed([_numbers(row, "BillTrnsAmount") for row in rows], has_more=has_more)


def ledger_name(company: ErpCompany) -> str:
    return f"{company.legal_entity_id} Primary Ledger"


def _raw_rows(body: Mapping[str, Any]) -> list[list[str]]:
    """Raises BadZipFile, ValueError."""
    with ZipFile(BytesIO(base64.b64decode(body["DocumentContent"]))) as archive:
        return list(csv.reader(StringIO(archive.read("GlInterface.csv").decode())))


def _rows(body: Mapping[str, Any]) -> list[FileRow]:
    return [_row(each) for each in _raw_rows(body)] if "DocumentContent" in body else []


def _row(fields: Sequence[str]) -> FileRow:
    accounted = [fields[40], fields[41]]
    return FileRow(
        ledger_id=fields[1],
        on=fields[2].replace("/", "-"),
        currency=fields[5],
        segments=tuple(each for each in fields[SEGMENTS] if each),
        entered=balance(fields[38], fields[39]),
        accounted=balance(*accounted) if any(accounted) else None,
        rate=parse_decimal(fields[65] or "1", EXCHANGE_RATE_SCALE),
        batch=fields[42],
        journal=fields[45],
        source=fields[3],
        group=fields[66],
    )


def _account(row: FileRow) -> str:
    """The natural account: the second segment, or the only one."""
    return row.segments[min(1, len(row.segments) - 1)]


def _jobs(process: sqlite3.Row) -> dict[str, Any]:
    """The load, and the import that it began."""
    number, state = process["number"], process["state"]
    is_over = state != "RUNNING"
    load = {"JOBPATH": LOADER, "REQUESTID": str(number + 1), "STATUS": "SUCCEEDED" if is_over else state}
    imported = {"JOBPATH": IMPORTER, "REQUESTID": str(number + 2), "STATUS": state}
    children = [load, imported] if process["has_import"] else [load]
    return {"JOBPATH": LOADER, "REQUESTID": str(number), "STATUS": state, "CHILD": children}


def _packed(report: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        archive.writestr("GL_INTERFACE.csv", report)
    return made.getvalue()


def _numbers(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return row | {name: None if row[name] is None else float(row[name]) for name in names}


def _listed(items: Sequence[Mapping[str, Any]], *, has_more: bool = False) -> Reply:
    return Reply(200, {"items": list(items), "count": len(items), "hasMore": has_more, "links": []})


def _refused(status: int, code: str, detail: str) -> Reply:
    error = {"detail": detail, "o:errorCode": code}
    return Reply(status, {"title": "Bad Request", "status": str(status), "o:errorDetails": [error]})
