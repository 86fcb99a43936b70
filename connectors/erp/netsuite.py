"""NetSuite by its REST services: journal entries and invoices by external id, SuiteQL to look up and to read the ledger.

A document is written by `PUT .../eid:KEY?replace=line`: a second one with the same body leaves one record with the same lines, where a
`POST` would be refused by codes that differ by release, and a `PUT` without `replace` would add the lines once more. The answer has no
body, so what NetSuite made of it is read back: a preference may have moved it to another period, which `Taken.period` then says.

A closed period is refused like any other mistake (USER_ERROR), so after a refusal without a telling code the period itself is asked.
Nothing is called rejected before the key was looked up: what an earlier attempt has left there is taken, whatever this one brought.

A journal with exchange differences has lines without an amount in its currency, which NetSuite does not know: the whole journal goes in
the ledger currency of the subsidiary. Lines of currency rounding are left out; NetSuite converts and rounds by itself.

  1,000.00 EUR at 1.10: Dr 1150 1,000.00, Cr 4000 1,000.00     sent in EUR with exchangeRate 1.1
  Dr 1100 1,000.00 EUR = 1,100.00 USD, Cr 1150 1,000.00 EUR = 1,090.00 USD, Cr 7110 0.00 EUR = 10.00 USD     sent in USD
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote, urlsplit

from pydantic import Field

from connectors.erp.adapter import ErpFinding, ErpUnreadable, Limits, TraceContext, period_found, read_whole, readable
from connectors.erp.answers import (
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    OTHER_SUBSIDIARY,
    UNSENDABLE,
    Answer,
    ErpRefusal,
    NotJson,
    amount_of,
    day_of,
    decimal_of,
    differs,
    in_doubt,
    listed,
    member,
    quoted,
    refused,
    rejected,
    retry_after,
    scaled,
    text_of,
    words,
)
from connectors.erp.connection import Connection, OAuth1Auth
from connectors.erp.session import AtOnce, Session, is_one_call, opened
from connectors.section import Section
from domain.delivery.documents import (
    Document,
    DocumentLine,
    InvoiceDocument,
    InvoiceLine,
    JournalDocument,
    fitting,
    is_key,
    posting_date,
)
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope
from domain.delivery.outcomes import NOT_PERMITTED, NotSent, Outcome, RejectedData, Taken, Throttled, Trouble, Uncertain
from domain.units import EXCHANGE_RATE_SCALE, QUANTITY_SCALE, RATE_SCALE, ExchangeRate

# NetSuite recommends 200 lines a journal. An account without SuiteCloud Plus has 5 calls at once, of all its integrations.
LIMITS: Final = Limits(lines=200, documents=1, concurrent=4, per_minute=0, call_seconds=120.0)

TOKEN_PATH: Final = "/services/rest/auth/oauth2/v1/token"  # noqa: S105  # a path
SCOPE: Final = "rest_webservices"
QUERY_PATH: Final = "/services/rest/query/v1/suiteql"
GOVERNANCE_PATH: Final = "/services/rest/system/v1/governanceLimits"
RECORD_PATH: Final = "/services/rest/record/v1"
PAGE_ROWS: Final = 1_000
KEYS_A_QUERY: Final = 200
LONGEST_MEMO: Final = 999
LONGEST_NUMBER: Final = 45
EDITED_AFTER: Final = timedelta(minutes=1)

PERIOD_CODES: Final = frozenset({"CLOSED_TRAN_PRD", "TRAN_PRD_CLOSED", "TRAN_PERIOD_CLOSED"})
THROTTLE_CODES: Final = frozenset(
    {"SSS_REQUEST_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT_EXCEEDED", "WS_CONCUR_SESSION_DISALLWD", "WS_REQUEST_BLOCKED"}
)
UNCERTAIN_CODES: Final = frozenset({"UNEXPECTED_ERROR", "RCRD_HAS_BEEN_CHANGED", "SERVER_ERROR"})
# A refusal with another path than these is not about the period.
PERIOD_PATHS: Final = ("", "postingPeriod", "tranDate")

_LOOKED_UP: Final = (
    "FROM transaction t {line}LEFT JOIN accountingperiod p ON p.id = t.postingperiod LEFT JOIN currency c ON c.id = t.currency "
    "WHERE t.externalid IN ({keys})"
)
_LOOKED_AT: Final = (
    "SELECT t.id, t.externalid, t.type, t.posting, t.currency, c.symbol, t.postingperiod, p.periodname, "
    "TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, TO_CHAR(p.startdate, 'YYYY-MM-DD') AS startdate, "
    "TO_CHAR(p.enddate, 'YYYY-MM-DD') AS enddate"
)
# A bare date comes in the form that the user has chosen; the subsidiary stands on lines.
LOOK_UP_ALONE: Final = f"{_LOOKED_AT} {_LOOKED_UP.replace('{line}', '')}"
LOOK_UP: Final = (
    f"{_LOOKED_AT}, MIN(tl.subsidiary) AS subsidiary "
    f"{_LOOKED_UP.replace('{line}', 'JOIN transactionline tl ON tl.transaction = t.id ')} "
    "GROUP BY t.id, t.externalid, t.type, t.posting, t.currency, c.symbol, t.postingperiod, p.periodname, "
    "TO_CHAR(t.trandate, 'YYYY-MM-DD'), TO_CHAR(p.startdate, 'YYYY-MM-DD'), TO_CHAR(p.enddate, 'YYYY-MM-DD')"
)
LEDGER: Final = (
    "SELECT t.id, tl.id AS line, t.externalid, t.posting, t.postingperiod, c.symbol, tal.account, tl.foreignamount, tal.debit, "
    "tal.credit, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, TO_CHAR(t.createddate, 'YYYY-MM-DD HH24:MI:SS') AS createddate, "
    "TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS lastmodifieddate "
    "FROM transaction t JOIN transactionline tl ON tl.transaction = t.id "
    "JOIN transactionaccountingline tal ON tal.transaction = t.id AND tal.transactionline = tl.id {book}"
    "LEFT JOIN currency c ON c.id = t.currency "
    "WHERE {wanted} AND t.voided = 'F' {subsidiary}"
    "AND t.trandate >= TO_DATE('{since}', 'YYYY-MM-DD') AND t.trandate <= TO_DATE('{until}', 'YYYY-MM-DD') "
)

_ID: Final = re.compile(r"[0-9]{1,18}")
_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")

Row: TypeAlias = Mapping[str, str]


class NetSuiteOptions(Section):
    """`[erp.NAME.options]`."""

    one_world: bool = Field(True, description="The account has subsidiaries.")
    accounting_book: Annotated[str, Field(pattern=r"^[0-9]+$")] | None = Field(
        None, description="Id of the primary book, where the account has several."
    )
    own_numbers: bool = Field(
        True, description="A statement's number is NetSuite's invoice number; false: NetSuite numbers invoices."
    )
    tax_codes: dict[str, str] = Field({}, description="By our tax category, the id of NetSuite's tax code.")


def open_erp(name: str, connection: Connection) -> NetSuite:
    options = connection.checked_options(name, NetSuiteOptions)
    limits = connection.limits(LIMITS)
    token_url = f"{connection.url}{TOKEN_PATH}"
    session = opened(name, connection, limits, token_url=token_url, scope=SCOPE, scope_in_assertion=True)
    return NetSuite(session, connection, limits, options)


class NetSuite(AtOnce):
    """One account."""

    ERP = "NetSuite"

    def __init__(self, session: Session, connection: Connection, limits: Limits, options: NetSuiteOptions) -> None:
        super().__init__(session, limits)
        self._url = connection.url
        self._is_signed = isinstance(connection.auth, OAuth1Auth)
        self._options = options

    @is_one_call
    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Taken] | Outcome:
        del accepted  # a record is there whole or not at all
        found: dict[str, Taken] = {}
        for start in range(0, len(documents), KEYS_A_QUERY):
            taken = self._taken(documents[start : start + KEYS_A_QUERY])
            if not isinstance(taken, dict):
                return taken
            # One that differs from what was sent is written again, which the upsert makes harmless, and is then rejected by name.
            found |= {key: each._replace(is_duplicate=True) for key, each in taken.items() if isinstance(each, Taken)}
        return found

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        for _, rows in groupby(self._ledger_rows(scope), key=lambda row: row["id"]):
            yield _entry(list(rows))

    def check(self, subsidiaries: Sequence[str], on: date) -> Iterator[ErpFinding]:
        host = urlsplit(self._url).hostname or ""
        subject = f"NetSuite at {host}"
        wanted = (
            "SELECT id, name FROM subsidiary ORDER BY id"
            if self._options.one_world
            else "SELECT id FROM account ORDER BY id"
        )
        rows = self._query(wanted)
        if not isinstance(rows, list):
            yield readable(subject, rows, self._url, "give the role the permissions that the page on NetSuite names")
            return
        if self._options.one_world:
            seen = ", ".join(f"{row.get('id')} {words(row.get('name'))}" for row in rows[:20])
            yield ErpFinding(
                f"{subject}, subsidiaries", bool(rows), seen or "none", "" if rows else "give the role a subsidiary"
            )
        else:
            yield ErpFinding(
                subject, bool(rows), f"{len(rows)} accounts", "" if rows else "give the role Lists > Accounts"
            )
        if self._is_signed:
            yield ErpFinding(
                f"{subject}, auth",
                True,
                "oauth1",
                "no new integrations from release 2027.1: move to oauth2_certificate",
            )
        for record in ("journalEntry", "invoice"):
            yield self._record(f"{subject}, {record}", record)
        yield self._governance(subject)
        closed = self._is_closed(_period_of(on), ())
        yield from (period_found(subject, subsidiary, on, closed, self._url) for subsidiary in subsidiaries)

    def _record(self, subject: str, record: str) -> ErpFinding:
        right = f"give the role Transactions > {record}, Full"
        answer = self._session.call("GET", f"{self._url}{RECORD_PATH}/{record}?limit=1")
        match _fault(answer) if isinstance(answer, Answer) else answer:
            case ErpRefusal(code, message):
                return ErpFinding(subject, False, f"{code}: {message}", right)
            case fault:
                return readable(subject, fault or [], self._url, right)

    # Sending

    def _send(self, document: Document, trace: TraceContext) -> Outcome:
        try:
            if isinstance(document, JournalDocument):
                kind, sublist, body = "journalEntry", "line", self._journal(document)
            else:
                kind, sublist, body = "invoice", "item", self._invoice(document)
        except ValueError as wrong:
            return RejectedData(UNSENDABLE, str(wrong), "")
        url = f"{self._url}{RECORD_PATH}/{kind}/eid:{quote(document.key, safe='')}?replace={sublist}"
        answer = self._session.call("PUT", url, json=body, trace=trace)
        if not isinstance(answer, Answer):
            return answer
        fault = _fault(answer)
        if fault is not None and not isinstance(fault, ErpRefusal):
            return fault
        taken = self._taken([document])
        if not isinstance(taken, dict):
            what = "took it" if fault is None else f"refused it ({fault.code})"
            return in_doubt(f"NetSuite {what}, and could not be asked what it has by this key", taken)
        if found := taken.get(document.key):
            return found._replace(is_duplicate=True) if fault is not None and isinstance(found, Taken) else found
        if fault is None:
            return Uncertain("NetSuite took it and has nothing by this key; the role may not see the subsidiary")
        return self._rejected(document, fault)

    def _rejected(self, document: Document, fault: ErpRefusal) -> Outcome:
        if fault.code in PERIOD_CODES or fault.field.split(".")[0] not in PERIOD_PATHS:
            return rejected(fault, fault.code in PERIOD_CODES)
        is_known = _ID.fullmatch(document.period_id)
        closed = self._is_closed(
            f"id = {document.period_id}" if is_known else _period_of(posting_date(document)),
            ("arlocked",) if isinstance(document, InvoiceDocument) else (),
        )
        return rejected(fault, closed)

    def _journal(self, document: JournalDocument) -> dict[str, Any]:
        body = self._head(document) | {"currency": {"id": document.currency_id}}
        if document.currency != document.ledger_currency:
            body["exchangeRate"] = scaled(document.exchange_rate, EXCHANGE_RATE_SCALE)
        return {**body, "line": {"items": [_journal_line(each) for each in document.lines if each.amount]}}

    def _invoice(self, document: InvoiceDocument) -> dict[str, Any]:
        body = self._head(document) | {"entity": {"id": document.customer}, "currency": {"id": document.currency_id}}
        if document.due_date is not None:
            body["dueDate"] = document.due_date.isoformat()
        if self._options.own_numbers and (number := fitting(document.number, LONGEST_NUMBER)):
            body["tranId"] = number
        return {**body, "item": {"items": [self._invoice_line(each) for each in document.lines]}}

    def _invoice_line(self, line: InvoiceLine) -> dict[str, Any]:
        made = _segments(line.segments) | {
            "item": {"id": line.item},
            "quantity": scaled(line.quantity, QUANTITY_SCALE),
            # No price level: the rate is ours.
            "price": {"id": "-1"},
            "rate": scaled(line.rate, RATE_SCALE),
            "amount": decimal_of(line.amount),
            "description": line.text[:LONGEST_MEMO],
        }
        if line.tax_category in self._options.tax_codes:
            made["taxCode"] = {"id": self._options.tax_codes[line.tax_category]}
        return made

    def _head(self, document: Document) -> dict[str, Any]:
        body: dict[str, Any] = {
            "externalId": document.key,
            "tranDate": posting_date(document).isoformat(),
            "memo": document.text[:LONGEST_MEMO],
        }
        if self._options.one_world:
            body["subsidiary"] = {"id": document.subsidiary}
        if _ID.fullmatch(document.period_id):
            body["postingPeriod"] = {"id": document.period_id}
        return body

    # Asking

    def _taken(self, documents: Sequence[Document]) -> dict[str, Taken | RejectedData] | Trouble:
        """What NetSuite has by our keys, compared with what was sent."""
        keys = ", ".join(quoted(document.key) for document in documents)
        rows = self._query((LOOK_UP if self._options.one_world else LOOK_UP_ALONE).format(keys=keys))
        if not isinstance(rows, list):
            return rows
        by_key = {(row.get("externalid"), row.get("type")): row for row in rows}
        found: dict[str, Taken | RejectedData] = {}
        for document in documents:
            kind = "Journal" if isinstance(document, JournalDocument) else "CustInvc"
            if (row := by_key.get((document.key, kind))) is not None:
                taken = self._compared(document, row)
                if isinstance(taken, Trouble):
                    return taken
                found[document.key] = taken
        return found

    def _compared(self, document: Document, row: Row) -> Taken | RejectedData | Trouble:
        number, posted_on = row.get("id", ""), day_of(row.get("trandate"))
        if not _ID.fullmatch(number) or posted_on is None:
            return Uncertain("NetSuite's answer to a look-up has a row without an id or a date")
        has = f"NetSuite's {row.get('type')} {number} has our key and"
        if self._options.one_world and row.get("subsidiary") != document.subsidiary:
            return differs(OTHER_SUBSIDIARY, f"{has} another subsidiary than {document.subsidiary}", "subsidiary")
        if document.currency_id not in {row.get("currency"), row.get("symbol")}:
            return differs(OTHER_CURRENCY, f"{has} another currency than was sent", "currency")
        taken = Taken(number, posted_on, row.get("posting") != "F", period=_period(document, row, posted_on))
        return self._billed(document, taken, has) if isinstance(document, InvoiceDocument) else taken

    def _billed(self, document: InvoiceDocument, taken: Taken, has: str) -> Taken | RejectedData | Trouble:
        """With the tax and the exchange rate that NetSuite has put on the invoice."""
        answer = self._session.call("GET", f"{self._url}{RECORD_PATH}/invoice/{taken.reference}")
        if not isinstance(answer, Answer):
            return answer
        if answer.status != 200:
            return refused(answer) or Uncertain(f"invoice {taken.reference} could not be read ({answer.status})")
        try:
            fields = answer.fields()
            tax, net = (
                None if (each := fields.get(name)) is None else amount_of(each) for name in ("taxTotal", "subtotal")
            )
            rate = fields.get("exchangeRate")
            exchange_rate = None if rate is None else _exchange_rate(rate)
        except (NotJson, ValueError):
            return Uncertain(f"invoice {taken.reference} could not be read: its amounts are none")
        if net is not None and net != document.amount:
            found, ours = decimal_of(net), decimal_of(document.amount)
            return differs(OTHER_AMOUNT, f"{has} {found} net of tax where {ours} was sent", "item")
        return taken._replace(tax_amount=tax, exchange_rate=exchange_rate)

    def _is_closed(self, where: str, locks: Sequence[str]) -> bool | Trouble:
        """Whether a period takes nothing more; `locks` are what may close it for a kind of document alone."""
        flags = ("closed", "alllocked", *locks)
        rows = self._query(f"SELECT {', '.join(flags)} FROM accountingperiod WHERE {where}")
        return any(row.get(flag) == "T" for row in rows for flag in flags) if isinstance(rows, list) else rows

    def _query(self, text: str, *, again: bool = False) -> list[Row] | Trouble:
        """The rows of one page of SuiteQL, every value as text; `again`: asked again for a while where that may help."""
        call = self._session.read if again else self._session.call
        answer = call(
            "POST", f"{self._url}{QUERY_PATH}?limit={PAGE_ROWS}", json={"q": text}, headers={"prefer": "transient"}
        )
        if not isinstance(answer, Answer):
            return answer
        fault = _fault(answer)
        if isinstance(fault, ErpRefusal):
            return NotSent(
                NOT_PERMITTED,
                f"NetSuite refused a query ({fault.code}): {fault.message}; check the role's SuiteQL permissions",
            )
        if fault is not None:
            return fault
        try:
            items = answer.fields().get("items")
        except NotJson as wrong:
            return Uncertain(f"NetSuite's answer to a query: {wrong}")
        if not isinstance(items, list):
            return Uncertain("NetSuite's answer to a query has no items")
        return [{name: text_of(value) for name, value in row.items()} for row in items if isinstance(row, dict)]

    def _ledger_rows(self, scope: LedgerScope) -> Iterator[Row]:
        """Line by line, page after page by where the last one ended: offsets would slip while people post."""
        options = self._options
        scoped = LEDGER.format(
            book=f"AND tal.accountingbook = {options.accounting_book} " if options.accounting_book else "",
            subsidiary=f"AND tl.subsidiary = {quoted(scope.subsidiary)} " if options.one_world else "",
            since=scope.since.isoformat(),
            until=scope.until.isoformat(),
            wanted=_wanted(scope.accounts),
        )
        last, line = "0", "-1"
        while True:
            after = f"AND (t.id > {last} OR (t.id = {last} AND tl.id > {line})) ORDER BY t.id, tl.id"
            rows = read_whole(self.ERP, self._query(f"{scoped}{after}", again=True))
            for row in rows:
                at = row.get("id", ""), row.get("line", "")
                if not all(_ID.fullmatch(each) for each in at) or (int(at[0]), int(at[1])) <= (int(last), int(line)):
                    raise ErpUnreadable(
                        "NetSuite's ledger could not be read: rows without ids, twice or out of order; "
                        "with several books set options.accounting_book"
                    )
                last, line = at
                yield row
            if len(rows) < PAGE_ROWS:
                return

    def _governance(self, subject: str) -> ErpFinding:
        subject, ours = f"{subject}, calls at once", self._limits.concurrent
        answer = self._session.call("GET", f"{self._url}{GOVERNANCE_PATH}")
        fields = answer.stated() if isinstance(answer, Answer) and answer.status == 200 else {}
        allowed = fields.get("integrationConcurrencyLimit", fields.get("accountConcurrencyLimit"))
        if not isinstance(allowed, int):
            return ErpFinding(subject, True, f"{ours} are used; NetSuite shows its limit to administrators alone")
        remedy = (
            ""
            if ours <= allowed
            else f"set concurrent = {allowed} or less: other integrations share the account's limit"
        )
        return ErpFinding(subject, ours <= allowed, f"{ours} are used, {allowed} are allowed", remedy)


def _journal_line(line: DocumentLine) -> dict[str, Any]:
    side = "debit" if line.amount > 0 else "credit"
    made = _segments(line.segments) | {"account": {"id": line.account}, side: decimal_of(abs(line.amount))}
    return made | ({"memo": line.text[:LONGEST_MEMO]} if line.text else {})


def _segments(segments: Sequence[Any]) -> dict[str, Any]:
    """Department, class, location, entity and custom segments are all references by name. Raises ValueError."""
    for segment in segments:
        if not _FIELD.fullmatch(segment.name):
            raise ValueError(
                f"segment {segment.name}: expected the name of a field of NetSuite, such as department or cseg_practice"
            )
    return {segment.name: {"id": segment.value} for segment in segments}


def _period_of(on: date) -> str:
    day = f"TO_DATE('{on.isoformat()}', 'YYYY-MM-DD')"
    return f"startdate <= {day} AND enddate >= {day} AND isyear = 'F' AND isquarter = 'F' AND isadjust = 'F'"


def _period(document: Document, row: Row, posted_on: date) -> str | None:
    """Ours, where NetSuite posted to the one that was meant; NetSuite's name of the other where it moved the document."""
    name = row.get("periodname") or row.get("postingperiod") or None
    if _ID.fullmatch(document.period_id):
        return document.period if row.get("postingperiod") == document.period_id else name
    first, last = day_of(row.get("startdate")), day_of(row.get("enddate"))
    return document.period if first is None or last is None or first <= posted_on <= last else name


def _wanted(accounts: Collection[str]) -> str:
    """Journals and invoices whole; of bills, credits and whatever else is posted, the lines on these accounts."""
    ours = "t.type IN ('Journal', 'CustInvc')"
    if not accounts:
        return ours
    return f"({ours} OR (t.posting = 'T' AND tal.account IN ({', '.join(map(quoted, sorted(accounts)))})))"


def _entry(rows: Sequence[Row]) -> LedgerEntry:
    """Raises ErpUnreadable."""
    head = rows[0]
    posted_on = day_of(head.get("trandate"))
    try:
        lines = tuple(
            LedgerLine(
                row.get("account", ""),
                amount_of(row.get("foreignamount") or "0"),
                amount_of(row.get("debit") or "0") - amount_of(row.get("credit") or "0"),
            )
            for row in rows
            if row.get("account")
        )
    except ValueError:
        posted_on = None
        lines = ()
    if posted_on is None:
        raise ErpUnreadable(
            f"NetSuite's transaction {head.get('id')} could not be read: expected dates and amounts; try again"
        )
    key = head.get("externalid", "")
    return LedgerEntry(
        key=key if is_key(key) else "",
        reference=head.get("id", ""),
        posted_on=posted_on,
        period=head.get("postingperiod", ""),
        currency=head.get("symbol", ""),
        is_posted=head.get("posting") != "F",
        lines=lines,
        is_changed=_edited(head),
    )


def _edited(row: Row) -> bool:
    try:
        made, changed = (datetime.fromisoformat(row.get(name, "")) for name in ("createddate", "lastmodifieddate"))
        return changed - made > EDITED_AFTER
    except (ValueError, TypeError):
        return False


def _fault(answer: Answer) -> ErpRefusal | Trouble | None:
    """None: it was done. Decided by status and `o:errorCode`."""
    if 200 <= answer.status < 300:
        return None
    details = listed(answer.stated().get("o:errorDetails")) if answer.status < 500 else []
    codes = [text_of(member(each, "o:errorCode")) for each in details]
    if THROTTLE_CODES.intersection(codes):
        return Throttled(retry_after(answer))
    if (trouble := refused(answer)) is not None:
        return trouble
    if not any(codes) or UNCERTAIN_CODES.intersection(codes):
        return Uncertain(f"NetSuite answered {answer.status} without a code that says what happened")
    if answer.status == 404:
        return NotSent(NOT_PERMITTED, f"NetSuite answered 404 ({codes[0]}); check the url and the role's permissions")
    code, detail = next((code, each) for code, each in zip(codes, details, strict=True) if code)
    return ErpRefusal(code, words(member(detail, "detail")), words(member(detail, "o:errorPath")))


def _exchange_rate(value: object) -> ExchangeRate:
    """As it stands there, whether or not it is one that we take. Raises ValueError."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not -(10**12) < value < 10**12:
        raise ValueError("expected an exchange rate")
    return int(Decimal(value).scaleb(EXCHANGE_RATE_SCALE).to_integral_value())
