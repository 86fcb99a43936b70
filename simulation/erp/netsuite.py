"""NetSuite's REST services, as far as journals and invoices need them; SuiteQL is answered by SQLite over tables named as NetSuite's.

A `PUT` by external id makes the record or changes it. Without `replace` the lines of a second one are added to those of the first.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.money import HALF_UP, convert, format_amount, parse_amount, parse_decimal
from domain.units import EXCHANGE_RATE_ONE, EXCHANGE_RATE_SCALE, Amount
from simulation.erp.books import CURRENCIES, ErpBooks, ErpCompany, account_of, balance, now, shown, sides
from simulation.erp.interface import HttpRequest, Interface, Reply, VendorRefusal, taxes
from simulation.erp.troubles import Trouble

TOKEN_PATH: Final = "/services/rest/auth/oauth2/v1/token"  # noqa: S105  # a path
RECORDS: Final = "/services/rest/record/v1/"
QUERY_PATH: Final = "/services/rest/query/v1/suiteql"
GOVERNANCE_PATH: Final = "/services/rest/system/v1/governanceLimits"
TYPES: Final[Mapping[str, str]] = {"journalEntry": "Journal", "invoice": "CustInvc"}
# What an item's tax code adds, in per cent.
TAX_PERCENT: Final[Mapping[str, int]] = {"7": 19}
RECEIVABLE: Final = "1100"
OUTPUT_TAX: Final = "2400"
ROUNDING: Final = "7190"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS "transaction" (
    id INTEGER PRIMARY KEY AUTOINCREMENT, externalid TEXT, type TEXT NOT NULL, posting TEXT NOT NULL, voided TEXT NOT NULL,
    currency INTEGER NOT NULL, exchangerate TEXT NOT NULL, postingperiod INTEGER NOT NULL, trandate TEXT NOT NULL, memo TEXT NOT NULL,
    createddate TEXT NOT NULL, lastmodifieddate TEXT NOT NULL, tranid TEXT, UNIQUE (externalid, type)
);
CREATE TABLE IF NOT EXISTS transactionline (
    "transaction" INTEGER NOT NULL, id INTEGER NOT NULL, subsidiary TEXT NOT NULL, foreignamount TEXT, PRIMARY KEY ("transaction", id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transactionaccountingline (
    "transaction" INTEGER NOT NULL, transactionline INTEGER NOT NULL, accountingbook INTEGER NOT NULL, account TEXT NOT NULL,
    debit TEXT, credit TEXT, PRIMARY KEY ("transaction", transactionline)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS currency (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS subsidiary (id INTEGER PRIMARY KEY, name TEXT NOT NULL, currency TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS accountingperiod AS
    SELECT month.id, month.title AS periodname, month.starts AS startdate, month.ends AS enddate,
        iif(closed_month.name IS NULL, 'F', 'T') AS closed, 'F' AS alllocked, 'F' AS arlocked,
        'F' AS isyear, 'F' AS isquarter, 'F' AS isadjust
    FROM month LEFT JOIN closed_month ON closed_month.name = month.name;
CREATE VIEW IF NOT EXISTS account AS SELECT DISTINCT account AS id FROM transactionaccountingline;
"""

_KINDS: Final = "|".join(TYPES)
_BY_EXTERNAL_ID: Final = re.compile(rf"{RECORDS}({_KINDS})/eid:(.+)")
_BY_ID: Final = re.compile(rf"{RECORDS}({_KINDS})/(\d+)")
_LIST: Final = re.compile(rf"{RECORDS}({_KINDS})")
_LINE_FIELDS: Final = frozenset({"account", "debit", "credit", "memo", "item", "quantity", "price", "rate", "amount"})


class SimulatedNetSuite(Interface):
    """One account with several subsidiaries; it posts at once, whatever `posting_seconds` says."""

    token_path = TOKEN_PATH

    def __init__(self, books: ErpBooks, companies: Sequence[ErpCompany], posting_seconds: float) -> None:
        super().__init__(books, companies, posting_seconds)
        database = books.database
        database.create_function("TO_CHAR", 2, _to_char, deterministic=True)
        database.create_function("TO_DATE", 2, lambda text, _: text, deterministic=True)
        with books.open():
            named = [(each.id, each.legal_entity_id, each.currency) for each in companies]
            database.executemany("INSERT OR IGNORE INTO subsidiary VALUES (?, ?, ?)", named)
            database.executemany("INSERT OR IGNORE INTO currency VALUES (?, ?)", enumerate(CURRENCIES, start=1))

    def written_key(self, asked: HttpRequest) -> str | None:
        if asked.method == "PUT" and (found := _BY_EXTERNAL_ID.fullmatch(asked.path)):
            return found[2]
        return "a record without an external id" if asked.method == "POST" and _LIST.fullmatch(asked.path) else None

    def answer(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        if asked.path == QUERY_PATH and asked.method == "POST":
            return self._queried(asked)
        if asked.path == GOVERNANCE_PATH:
            return Reply(200, {"accountConcurrencyLimit": 15, "accountUnallocatedConcurrencyLimit": 15})
        try:
            if found := _BY_EXTERNAL_ID.fullmatch(asked.path):
                return self._put(asked, found[1], found[2], twist)
            if found := _LIST.fullmatch(asked.path):
                return self._put(asked, found[1], None, twist) if asked.method == "POST" else self._listed(found[1])
        except VendorRefusal as refusal:
            return _refused(400, refusal.code, str(refusal), refusal.path)
        if found := _BY_ID.fullmatch(asked.path):
            return self._shown(found[2])
        return _refused(404, "NONEXISTENT_ID", f"there is nothing at {asked.path}")

    def throttled(self, count: int) -> Reply:
        """By either way that NetSuite has."""
        if count % 2:
            return _refused(429, "CONCURRENCY_LIMIT_EXCEEDED", "Too many requests", headers={"retry-after": "1"})
        return _refused(400, "SSS_REQUEST_LIMIT_EXCEEDED", "Request Limit Exceeded")

    def unauthorized(self) -> Reply:
        return _refused(401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail.")

    def duplicate(self, asked: HttpRequest) -> Reply:
        del asked
        return _refused(400, "DUP_RCRD", "This record already exists")

    def entries(self) -> Iterator[LedgerEntry]:
        rows = self._books.database.execute(
            "SELECT t.id, t.externalid, t.trandate, t.posting, month.name AS month, currency.symbol, tal.account, tl.foreignamount, "
            'tal.debit, tal.credit FROM "transaction" t JOIN transactionline tl ON tl."transaction" = t.id '
            'JOIN transactionaccountingline tal ON tal."transaction" = t.id AND tal.transactionline = tl.id '
            "JOIN month ON month.id = t.postingperiod JOIN currency ON currency.id = t.currency ORDER BY t.id, tl.id"
        )
        for _, group in groupby(rows, key=lambda row: int(row["id"])):
            lines = list(group)
            head = lines[0]
            posted = (
                (row["account"], parse_amount(row["foreignamount"] or "0"), balance(row["debit"], row["credit"]))
                for row in lines
            )
            named = head["externalid"] or "", head["id"], head["trandate"], head["symbol"]
            yield shown(*named, posted, is_posted=head["posting"] == "T")._replace(period=head["month"])

    # Records

    def _put(self, asked: HttpRequest, kind: str, key: str | None, twist: Trouble | None) -> Reply:
        try:
            body = asked.json()
        except ValueError:
            raise VendorRefusal("INVALID_CONTENT", "the body is not JSON") from None
        company = self._company(_id(body, "subsidiary"), twist)
        currency = self._currency(body, company, twist)
        rate = parse_decimal(str(body.get("exchangeRate", 1)), EXCHANGE_RATE_SCALE)
        period, posted_on = self._period(body, twist)
        lines = self._journal(body, company, rate) if kind == "journalEntry" else self._invoice(body, company, rate)
        record = self._kept(kind, key, body, (currency, rate, period, posted_on, twist is Trouble.UNPOSTED))
        self._keep_lines(record, company, lines, replaces="replace" in asked.query)
        return Reply(204, headers={"location": f"http://{asked.headers.get('host', '')}{RECORDS}{kind}/{record}"})

    def _company(self, given: str, twist: Trouble | None) -> ErpCompany:
        if given not in self._companies:
            raise VendorRefusal("INVALID_CONTENT", f"Invalid reference key {given} for subsidiary", "subsidiary")
        if twist is Trouble.OTHER_SUBSIDIARY:
            return self._other_than(given)
        return self._companies[given]

    def _currency(self, body: Mapping[str, Any], company: ErpCompany, twist: Trouble | None) -> int:
        given = _id(body, "currency") or company.currency
        numbers = {symbol: number for number, symbol in enumerate(CURRENCIES, start=1)}
        number = numbers.get(given) or (int(given) if given in {str(each) for each in numbers.values()} else None)
        if number is None:
            raise VendorRefusal("INVALID_CONTENT", f"Invalid reference key {given} for currency", "currency")
        return number % len(CURRENCIES) + 1 if twist is Trouble.OTHER_CURRENCY else number

    def _period(self, body: Mapping[str, Any], twist: Trouble | None) -> tuple[int, str]:
        """Of `postingPeriod`, else of the date."""
        posted_on, stated = str(body.get("tranDate", "")), _id(body, "postingPeriod")
        found = self._books.database.execute(
            "SELECT id, starts FROM month WHERE id = ? OR (? = '' AND ? BETWEEN starts AND ends)",
            [stated, stated, posted_on],
        ).fetchone()
        if found is None:
            raise VendorRefusal("INVALID_CONTENT", f"Invalid reference key {stated} for postingPeriod", "postingPeriod")
        if self._books.is_closed(found["starts"]):
            raise VendorRefusal("USER_ERROR", "You cannot create or change a transaction in a closed period")
        return found["id"] + (twist is Trouble.OTHER_PERIOD), posted_on

    def _journal(self, body: Mapping[str, Any], company: ErpCompany, rate: int) -> list[LedgerLine]:
        made = []
        for at, item in enumerate(body.get("line", {}).get("items", [])):
            account = self._checked(item, f"line.items[{at}]", _id(item, "account"))
            signed = balance(str(item.get("debit", 0)), str(item.get("credit", 0)))
            made.append(LedgerLine(account, signed, _converted(signed, rate, company)))
        if not made or sum(line.amount for line in made) != 0:
            raise VendorRefusal("USER_ERROR", "Please enter a balancing amount")
        return _balanced(made)

    def _invoice(self, body: Mapping[str, Any], company: ErpCompany, rate: int) -> list[LedgerLine]:
        customer = _id(body, "entity")
        if not customer:
            raise VendorRefusal("INVALID_CONTENT", "Please enter a value for entity", "entity")
        if self._books.refuses_customer(customer):
            raise VendorRefusal("INVALID_CONTENT", f"Invalid reference key {customer} for entity", "entity")
        made, taxed = [], []
        for at, item in enumerate(body.get("item", {}).get("items", [])):
            account = account_of(self._checked(item, f"item.items[{at}]", _id(item, "item")))
            net = parse_amount(str(item.get("amount", 0)))
            made.append(LedgerLine(account, -net, -_converted(net, rate, company)))
            taxed.append((net, TAX_PERCENT.get(_id(item, "taxCode"), 0)))
        if tax := sum(taxes(taxed)):
            made.append(LedgerLine(OUTPUT_TAX, -tax, -_converted(tax, rate, company)))
        due = -sum(line.amount for line in made)
        return _balanced([LedgerLine(RECEIVABLE, due, _converted(due, rate, company)), *made])

    def _checked(self, item: Mapping[str, Any], path: str, account: str) -> str:
        """Raises VendorRefusal for an account or a dimension that is refused."""
        field = "item" if "item" in item else "account"
        if not account.isdecimal() or self._books.refuses(account):
            raise VendorRefusal(
                "INVALID_CONTENT", f"Invalid Field Value {account} for the following field: {field}", f"{path}.{field}"
            )
        for name in item.keys() - _LINE_FIELDS:
            if self._books.refuses(f"{name}={_id(item, name)}"):
                raise VendorRefusal(
                    "INVALID_CONTENT",
                    f"Invalid Field Value {_id(item, name)} for the following field: {name}",
                    f"{path}.{name}",
                )
        return account

    def _kept(self, kind: str, key: str | None, body: Mapping[str, Any], how: tuple[int, int, int, str, bool]) -> int:
        """The number of the record, made or changed."""
        currency, rate, period, posted_on, is_unposted = how
        at, database = now(), self._books.database
        found = database.execute(
            'SELECT id, postingperiod FROM "transaction" WHERE externalid = ? AND type = ?', [key, TYPES[kind]]
        ).fetchone()
        memo, number = str(body.get("memo", "")), body.get("tranId")
        fields = (currency, str(rate), period, posted_on, memo, "F" if is_unposted else "T", at, number)
        if found is not None:
            database.execute(
                'UPDATE "transaction" SET currency = ?, exchangerate = ?, postingperiod = ?, trandate = ?, memo = ?, posting = ?, '
                "lastmodifieddate = ?, tranid = ? WHERE id = ?",
                [*fields, found["id"]],
            )
            return int(found["id"])
        made = database.execute(
            'INSERT INTO "transaction" (externalid, type, voided, currency, exchangerate, postingperiod, trandate, memo, posting, '
            "lastmodifieddate, tranid, createddate) VALUES (?, ?, 'F', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [key, TYPES[kind], *fields, at],
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _keep_lines(self, record: int, company: ErpCompany, lines: Sequence[LedgerLine], *, replaces: bool) -> None:
        database = self._books.database
        if replaces:
            database.execute('DELETE FROM transactionline WHERE "transaction" = ?', [record])
            database.execute('DELETE FROM transactionaccountingline WHERE "transaction" = ?', [record])
        (first,) = database.execute(
            'SELECT coalesce(max(id) + 1, 0) FROM transactionline WHERE "transaction" = ?', [record]
        ).fetchone()
        for at, line in enumerate(lines, start=first):
            database.execute(
                "INSERT INTO transactionline VALUES (?, ?, ?, ?)", [record, at, company.id, format_amount(line.amount)]
            )
            database.execute(
                "INSERT INTO transactionaccountingline VALUES (?, ?, 1, ?, ?, ?)",
                [record, at, line.account, *sides(line.ledger_amount)],
            )

    # Reading

    def _queried(self, asked: HttpRequest) -> Reply:
        try:
            query = re.sub(r"\btransaction\b", '"transaction"', str(asked.json()["q"]))
            rows = self._books.rows(f"{query} LIMIT {int(asked.query.get('limit', '1000'))}")
        except (ValueError, KeyError, sqlite3.Error) as fault:
            return _refused(400, "INVALID_PARAMETER", f"Invalid search query. {fault}")
        items = [{name: str(value) for name, value in row.items() if value is not None} for row in rows]
        return Reply(200, {"count": len(items), "hasMore": False, "items": [{"links": [], **item} for item in items]})

    def _listed(self, kind: str) -> Reply:
        rows = self._books.database.execute('SELECT id FROM "transaction" WHERE type = ? LIMIT 1', [TYPES[kind]])
        return Reply(200, {"items": [{"id": str(row["id"])} for row in rows]})

    def _shown(self, record: str) -> Reply:
        database = self._books.database
        found = database.execute('SELECT * FROM "transaction" WHERE id = ?', [record]).fetchone()
        if found is None:
            return _refused(404, "NONEXISTENT_ID", "The record instance does not exist")
        sums = {
            row["account"]: parse_amount(row["foreignamount"])
            for row in database.execute(
                "SELECT tal.account, tl.foreignamount FROM transactionline tl JOIN transactionaccountingline tal "
                'ON tal."transaction" = tl."transaction" AND tal.transactionline = tl.id WHERE tl."transaction" = ? '
                "AND tal.account IN (?, ?)",
                [record, RECEIVABLE, OUTPUT_TAX],
            )
        }
        total, tax = sums.get(RECEIVABLE, 0), -sums.get(OUTPUT_TAX, 0)
        amounts = {"subtotal": total - tax, "taxTotal": tax, "total": total}
        rate = int(found["exchangerate"]) / EXCHANGE_RATE_ONE
        return Reply(
            200,
            {
                "id": record,
                "externalId": found["externalid"],
                # Without a number of ours it numbers by itself.
                "tranId": found["tranid"] or f"INV{record}",
                **{name: float(format_amount(each)) for name, each in amounts.items()},
                "exchangeRate": rate,
            },
        )


def _id(body: Mapping[str, Any], name: str) -> str:
    """Of a reference `{"id": "7"}`; empty where there is none."""
    found = body.get(name)
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _converted(amount: Amount, rate: int, company: ErpCompany) -> Amount:
    return convert(amount, rate, EXCHANGE_RATE_ONE, company.currency, HALF_UP)


def _balanced(lines: list[LedgerLine]) -> list[LedgerLine]:
    """NetSuite books what rounding leaves by itself."""
    left = sum(line.ledger_amount for line in lines)
    return [*lines, LedgerLine(ROUNDING, 0, -left)] if left else lines


def _to_char(value: str | None, form: str) -> str | None:
    return None if value is None else value[: len(form.replace("HH24", "HH"))]


def _refused(status: int, code: str, detail: str, path: str = "", headers: Mapping[str, str] = {}) -> Reply:
    error = {"detail": detail, "o:errorCode": code} | ({"o:errorPath": path} if path else {})
    return Reply(status, {"title": "Bad Request", "status": status, "o:errorDetails": [error]}, headers)
