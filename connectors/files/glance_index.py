"""Tables beside the index of figures from which the firm at a glance is summed, at any moment of the log.

A moment is a log offset: what a table says is a sum over what the records before it caused, as the outputs have it. Nothing is folded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from connectors.files.glance_rows import APPLIED, GlanceRows, Noted, Row
from domain.accounts import LABOR_COST, RECEIVABLE, UNBILLED
from domain.units import Amount, Hours

TABLES: Final = """
CREATE TABLE IF NOT EXISTS words(no INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS posted(seq INTEGER, log_offset INTEGER, entity INTEGER, currency INTEGER, ledger_currency INTEGER,
    account INTEGER, project INTEGER, contract INTEGER, customer INTEGER, about INTEGER, kind INTEGER, rule INTEGER,
    period INTEGER, engagement INTEGER, day INTEGER, accounted INTEGER, amount INTEGER, ledger INTEGER);
CREATE TABLE IF NOT EXISTS worked(row INTEGER, version INTEGER, log_offset INTEGER, person INTEGER, project INTEGER, day INTEGER,
    hours INTEGER, billable INTEGER, line INTEGER, PRIMARY KEY(row, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS published(statement INTEGER, revision INTEGER, seq INTEGER, log_offset INTEGER, status INTEGER, contract INTEGER,
    bill_to INTEGER, entity INTEGER, currency INTEGER, period INTEGER, until INTEGER, total INTEGER, due INTEGER, due_on INTEGER);
CREATE TABLE IF NOT EXISTS listed(statement INTEGER, revision INTEGER, status INTEGER, row INTEGER, line INTEGER, project INTEGER);
CREATE TABLE IF NOT EXISTS waits(exception INTEGER, log_offset INTEGER, seq INTEGER, is_open INTEGER, category INTEGER, severity INTEGER,
    project INTEGER, contract INTEGER, amount INTEGER, currency INTEGER, engagement INTEGER);
CREATE TABLE IF NOT EXISTS named(kind TEXT, id TEXT, version INTEGER, log_offset INTEGER, noted TEXT);
"""
# Of each table the columns that are words.
_POSTED: Final = (*range(2, 14),)
_WORKED: Final = (0, 3, 4, 8)
_PUBLISHED: Final = (0, 4, 5, 6, 7, 8)
_LISTED: Final = (0, 2, 3, 4, 5)
_WAITS: Final = (0, 4, 5, 6, 7, 9, 10)
# A line of a journal that no statement has: it is about none, and none was issued after it with its row.
_IS_ON_NONE: Final = """about NOT IN (SELECT statement FROM newest_statement)
    AND NOT EXISTS (SELECT 1 FROM current_row c WHERE c.row = posted.about AND c.seq >= posted.seq)"""


class AccountSum(NamedTuple):
    """What journals before the moment post on an account, by all that they name; debits are positive."""

    entity_id: str
    ledger_currency: str
    currency: str
    account: str
    project_id: str
    contract_id: str
    customer_id: str
    amount: Amount
    ledger: Amount


class AboutSum(NamedTuple):
    """The same by what the journals are about: a row of the books, or what happened (`payment/PAY-1`); `day` is the first service date.

    `is_off` is asked for of cash alone: whether it is what was taken off an invoice again.
    """

    entity_id: str
    ledger_currency: str
    currency: str
    account: str
    project_id: str
    contract_id: str
    customer_id: str
    about: str
    rule: str
    day: int
    amount: Amount
    ledger: Amount
    is_off: int = 0


class PublishedStatement(NamedTuple):
    """A statement as last published before the moment; days are ordinals, `to` is the first day after the period."""

    statement_id: str
    revision: int
    seq: int
    log_offset: int
    status: str
    contract_id: str
    bill_to: str
    entity_id: str
    currency: str
    period: int
    to: int
    total: Amount
    amount_due: Amount
    due_on: int | None


class WaitingException(NamedTuple):
    """An exception that is open at the moment."""

    exception_id: str
    category: str
    severity: str
    project_id: str
    contract_id: str
    amount: Amount
    currency: str
    engagement_id: str


class HoursWorked(NamedTuple):
    """Hours of a person on a project in a month, as approved; of those `waiting` there is no journal."""

    person_id: str
    project_id: str
    month: str
    hours: Hours
    billable: Hours
    waiting: Hours


class CostOfHours(NamedTuple):
    """What stands on 5000 of a person's hours on a project, in ledger currency; without a person what is no time."""

    person_id: str
    project_id: str
    entity_id: str
    ledger_currency: str
    cost: Amount


class GlanceTables:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[str, int] = {}

    # Writing them

    def write(self, rows: GlanceRows) -> None:
        """Within the transaction of the index."""
        last = self._db.execute("SELECT coalesce(max(no), 0) FROM words").fetchone()[0]
        if last != len(self._numbers):  # somebody else has written, or nobody has read
            self._numbers = dict(self._db.execute("SELECT text, no FROM words"))
        new = len(self._numbers)
        made = [
            ("posted", self._numbered(rows.posted, _POSTED)),
            ("worked", self._numbered(rows.worked, _WORKED)),
            ("published", self._numbered(rows.published, _PUBLISHED)),
            ("listed", self._numbered(rows.listed, _LISTED)),
            ("waits", self._numbered(rows.waits, _WAITS)),
            ("named", rows.named),
        ]
        added = list(self._numbers.items())[new:]
        self._db.executemany("INSERT INTO words(text, no) VALUES (?, ?)", added)
        for table, each in made:
            if each:
                marks = ", ".join("?" * len(each[0]))
                self._db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", each)  # noqa: S608

    def _numbered(self, rows: Iterable[Row], words: tuple[int, ...]) -> list[Row]:
        """With the numbers of words in their place, which are given as they come."""
        known, made = self._numbers, []
        for row in rows:
            cells = list(row)
            for place in words:
                word = str(cells[place])
                number = known.get(word)
                if number is None:
                    number = known[word] = len(known) + 1
                cells[place] = number
            made.append(tuple(cells))
        return made

    # Asking them

    def accounts(self, cut: int) -> list[AccountSum]:
        """Sums of all accounts that tables show, of what the records before a log offset caused."""
        sql = f"""
            SELECT {_texts("entity", "ledger_currency", "currency", "account", "project", "contract", "customer")}, amount, ledger FROM
            (SELECT entity, ledger_currency, currency, account, project, contract, customer, sum(amount) AS amount, sum(ledger) AS ledger
            FROM posted WHERE log_offset < ? GROUP BY 1, 2, 3, 4, 5, 6, 7)"""  # noqa: S608
        return [AccountSum._make(row) for row in self._db.execute(sql, (cut,))]

    def about(self, cut: int, accounts: Iterable[str], since: int, until: int) -> list[AboutSum]:
        """Sums of some accounts by what the journals are about, of accounting dates from a day to before another; those that are not 0."""
        return self._about(cut, accounts, f"accounted >= {since:d} AND accounted < {until:d}")

    def receivables(self, cut: int) -> list[AboutSum]:
        """Sums of 1100 by what the journals are about; what a payment settles apart from what is taken off an invoice for another."""
        is_off = "(amount > 0) <> (kind = (SELECT no FROM words WHERE text = 'reversal'))"
        return self._about(cut, (RECEIVABLE,), "TRUE", is_off)

    def unbilled(self, cut: int) -> tuple[list[AboutSum], list[AboutSum]]:
        """What stands on 1150 and 1160 by row: of what no issued statement has, and of what one has, that by statement.

        A line of a journal is on the first statement that was issued after it with the journal's row; an invoice's journals are its
        statement's. Both of what the records before a log offset caused.
        """
        self._make_current(cut)
        return self._about(cut, UNBILLED, _IS_ON_NONE), self._covered(cut)

    def drafted(self, cut: int) -> dict[str, str]:
        """Rows on a draft that waits for approval, each with its statement."""
        self._make_current(cut)
        sql = f"""SELECT DISTINCT {_texts("l.row", "l.statement")} FROM listed l JOIN newest_statement t
            ON (t.statement, t.revision, t.status) = (l.statement, l.revision, l.status)
            WHERE l.status = (SELECT no FROM words WHERE text = 'open')"""  # noqa: S608
        return dict(self._db.execute(sql))

    def statements(self, cut: int) -> list[PublishedStatement]:
        """Every statement as last published."""
        self._make_current(cut)
        names = "statement", "revision", "seq", "log_offset", "status", "contract", "bill_to", "entity", "currency"
        words = {"statement", "status", "contract", "bill_to", "entity", "currency"}
        columns = ", ".join(_text(name) if name in words else name for name in names)
        sql = f"SELECT {columns}, period, until, total, due, due_on FROM newest_statement ORDER BY seq"  # noqa: S608
        return [PublishedStatement._make(row) for row in self._db.execute(sql)]

    def with_refunds(self) -> list[str]:
        """Statements that list what is given back of a retainer or a deposit."""
        sql = f"""SELECT DISTINCT {_text("statement")} FROM listed WHERE row IN
            (SELECT no FROM words WHERE text LIKE 'fee/%/%/refund%')"""  # noqa: S608
        return [statement for (statement,) in self._db.execute(sql)]

    def open_exceptions(self, cut: int) -> list[WaitingException]:
        columns = _texts("exception", "category", "severity", "project", "contract")
        sql = f"""SELECT {columns}, amount, {_text("currency")}, {_text("engagement")} FROM (SELECT *, max(seq) FROM waits
            WHERE log_offset < ? GROUP BY exception) WHERE is_open"""  # noqa: S608
        return [WaitingException._make(row) for row in self._db.execute(sql, (cut,))]

    def hours(self, cut: int, first: int = 0, last: int = 1 << 40) -> list[HoursWorked]:
        """By person, project and month, of days from one to another; what was approved in its highest version before a log offset."""
        self._make_worked(cut)
        sql = f"""SELECT {_texts("person", "project")}, month, hours, billable, waiting FROM (SELECT person, project,
            strftime('%Y-%m', day + 1721424.5) AS month, sum(hours) AS hours, sum(billable) AS billable,
            sum(CASE WHEN row IN (SELECT about FROM posted WHERE log_offset < :cut) THEN 0 ELSE hours END) AS waiting
            FROM current_worked WHERE day BETWEEN :first AND :last GROUP BY 1, 2, 3)"""  # noqa: S608
        rows = self._db.execute(sql, {"cut": cut, "first": first, "last": last})
        return [HoursWorked._make(row) for row in rows]

    def cost_of_hours(self, cut: int, first: int = 0, last: int = 1 << 40) -> list[CostOfHours]:
        """Of service dates from one day to another."""
        self._make_worked(cut)
        sql = f"""SELECT coalesce({_text("person")}, ''), {_texts("project", "entity", "ledger_currency")}, ledger FROM (
            SELECT w.person AS person, p.project AS project, p.entity AS entity, p.ledger_currency AS ledger_currency,
            sum(p.ledger) AS ledger FROM posted p LEFT JOIN newest_worked w ON w.row = p.about
            WHERE p.log_offset < :cut AND p.account = (SELECT no FROM words WHERE text = :account) AND p.day BETWEEN :first AND :last
            GROUP BY 1, 2, 3, 4 HAVING sum(p.ledger) <> 0)"""  # noqa: S608
        rows = self._db.execute(sql, {"cut": cut, "account": LABOR_COST, "first": first, "last": last})
        return [CostOfHours._make(row) for row in rows]

    def lines_of_hours(self, cut: int) -> dict[str, str]:
        """The contract line that an entry names, where it names one."""
        sql = f"""SELECT {_texts("row", "line")}, max(version) FROM worked WHERE log_offset < ?
            AND line <> (SELECT no FROM words WHERE text = '') GROUP BY row"""  # noqa: S608
        return {row: line for row, line, _ in self._db.execute(sql, (cut,))}

    def engagements(self, cut: int) -> list[tuple[str, str]]:
        """Projects with the engagement that posts to them."""
        sql = f"""SELECT {_texts("project", "engagement")} FROM (SELECT DISTINCT project, engagement FROM posted
            WHERE log_offset < ?) WHERE project <> (SELECT no FROM words WHERE text = '')"""  # noqa: S608
        return self._db.execute(sql, (cut,)).fetchall()

    def last_periods(self, cut: int) -> list[tuple[str, str]]:
        """Companies with the last period that a journal is in."""
        sql = f"""SELECT {_text("entity")}, max(text) FROM (SELECT DISTINCT entity, period FROM posted WHERE log_offset < ?)
            JOIN words ON no = period GROUP BY entity"""  # noqa: S608
        return self._db.execute(sql, (cut,)).fetchall()

    def named(self, kind: str, cut: int) -> dict[str, Noted]:
        """What is noted of each id by its highest version before a log offset; what a version leaves out stays as it was."""
        found: dict[str, tuple[int, dict[str, object]]] = {}
        sql = "SELECT id, version, noted FROM named WHERE kind = ? AND log_offset < ? ORDER BY id, version, log_offset"
        for id_, version, noted in self._db.execute(sql, (kind, cut)):
            known = found.get(id_)
            if known is None or version > known[0] or kind == APPLIED:
                found[id_] = version, {**(known[1] if known is not None else {}), **orjson.loads(noted)}
        return {id_: noted for id_, (_, noted) in found.items()}

    def _about(self, cut: int, accounts: Iterable[str], which: str, is_off: str = "0") -> list[AboutSum]:
        marks = ", ".join(f"'{account}'" for account in accounts)
        columns = "entity", "ledger_currency", "currency", "account", "project", "contract", "customer", "about", "rule"
        sql = f"""SELECT {_texts(*columns)}, day, amount, ledger, is_off FROM (
            SELECT entity, ledger_currency, currency, account, project, contract, customer, about, rule, min(day) AS day,
            sum(amount) AS amount, sum(ledger) AS ledger, coalesce({is_off}, amount > 0) AS is_off FROM posted
            WHERE log_offset < ? AND account IN (SELECT no FROM words WHERE text IN ({marks})) AND {which}
            GROUP BY entity, ledger_currency, currency, account, project, contract, customer, about, coalesce({is_off}, amount > 0)
            HAVING sum(amount) <> 0 OR sum(ledger) <> 0)"""  # noqa: S608
        return [AboutSum._make(row) for row in self._db.execute(sql, (cut,))]

    def _covered(self, cut: int) -> list[AboutSum]:
        """By statement: what rows had when it was issued, less what its invoice took."""
        marks = ", ".join(f"'{account}'" for account in UNBILLED)
        columns = "entity", "ledger_currency", "currency", "account", "project", "contract", "customer", "statement"
        sql = f"""SELECT {_texts(*columns)}, '', day, amount, ledger FROM (
            SELECT entity, ledger_currency, currency, account, project, contract, customer, statement, min(day) AS day,
            sum(amount) AS amount, sum(ledger) AS ledger FROM (
                SELECT p.*, coalesce(s.statement, (SELECT c.statement FROM current_row c WHERE c.row = p.about AND c.seq >= p.seq
                ORDER BY c.seq LIMIT 1)) AS statement FROM posted p LEFT JOIN newest_statement s ON s.statement = p.about
                WHERE p.log_offset < ? AND p.account IN (SELECT no FROM words WHERE text IN ({marks})))
            WHERE statement IS NOT NULL GROUP BY entity, ledger_currency, currency, account, project, contract, customer, statement
            HAVING sum(amount) <> 0 OR sum(ledger) <> 0)"""  # noqa: S608
        return [AboutSum(*row) for row in self._db.execute(sql, (cut,))]

    def _make_current(self, cut: int) -> None:
        """Temporary tables: each statement as last published, and of each row the issued statement that had it last."""
        self._db.executescript(
            f"""
            DROP TABLE IF EXISTS temp.newest_statement; DROP TABLE IF EXISTS temp.current_row;
            CREATE TEMP TABLE newest_statement AS SELECT *, max(seq) FROM published WHERE log_offset < {int(cut)} GROUP BY statement;
            CREATE UNIQUE INDEX temp.by_statement ON newest_statement(statement);
            CREATE TEMP TABLE current_row AS SELECT DISTINCT l.row AS row, t.seq AS seq, t.statement AS statement FROM listed l
                JOIN newest_statement t ON (t.statement, t.revision, t.status) = (l.statement, l.revision, l.status)
                WHERE l.status = (SELECT no FROM words WHERE text = 'issued');
            CREATE INDEX temp.by_row ON current_row(row, seq, statement);
            """  # noqa: S608
        )

    def _make_worked(self, cut: int) -> None:
        self._db.executescript(
            f"""
            DROP TABLE IF EXISTS temp.newest_worked; DROP VIEW IF EXISTS temp.current_worked;
            CREATE TEMP TABLE newest_worked AS SELECT *, max(version) FROM worked WHERE log_offset < {int(cut)} GROUP BY row;
            CREATE UNIQUE INDEX temp.by_entry ON newest_worked(row);
            CREATE TEMP VIEW current_worked AS SELECT * FROM newest_worked WHERE hours IS NOT NULL;
            """  # noqa: S608
        )


def _text(column: str) -> str:
    return f"(SELECT text FROM words WHERE no = {column})"  # noqa: S608


def _texts(*columns: str) -> str:
    return ", ".join(map(_text, columns))
