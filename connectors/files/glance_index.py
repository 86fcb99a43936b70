"""Tables beside the index of figures from which the firm at a glance is summed, at any moment of the log.

A moment is a log offset: what a table says is a sum over what the records before it caused, as the outputs have it. Nothing is folded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import orjson

from connectors.files.glance_rows import AGAIN, BROUGHT_FORWARD, OPENED, RETAINERS, SINCE, GlanceRows, Noted, Row
from domain.accounts import LABOR_COST, RECEIVABLE, UNBILLED
from domain.exceptions import BEHIND_A_GAP, REFUSED
from domain.identity import parts_of
from domain.units import Amount, Hours, Quantity

TABLES: Final = """
CREATE TABLE IF NOT EXISTS words(no INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS headings(no INTEGER PRIMARY KEY, entity INTEGER, ledger_currency INTEGER, currency INTEGER, account INTEGER,
    project INTEGER, contract INTEGER, customer INTEGER);
CREATE TABLE IF NOT EXISTS posted(heading INTEGER, seq INTEGER, line INTEGER, log_offset INTEGER, about INTEGER, rule INTEGER,
    period INTEGER, engagement INTEGER, day INTEGER, accounted INTEGER, amount INTEGER, ledger INTEGER, opening INTEGER,
    PRIMARY KEY(heading, seq, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS worked(row INTEGER, version INTEGER, log_offset INTEGER, person INTEGER, project INTEGER, day INTEGER,
    hours INTEGER, billable INTEGER, line INTEGER, task INTEGER, PRIMARY KEY(row, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS charged(row INTEGER, version INTEGER, log_offset INTEGER, project INTEGER, line INTEGER, task INTEGER,
    PRIMARY KEY(row, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS published(statement INTEGER, revision INTEGER, seq INTEGER, log_offset INTEGER, status INTEGER, contract INTEGER,
    bill_to INTEGER, entity INTEGER, currency INTEGER, total INTEGER, due_on INTEGER);
CREATE TABLE IF NOT EXISTS listed(statement INTEGER, revision INTEGER, status INTEGER, row INTEGER, amount INTEGER);
CREATE TABLE IF NOT EXISTS waits(exception INTEGER, log_offset INTEGER, seq INTEGER, is_open INTEGER, category INTEGER, subject INTEGER,
    project INTEGER, contract INTEGER, amount INTEGER, currency INTEGER, engagement INTEGER, basis INTEGER);
CREATE TABLE IF NOT EXISTS named(kind TEXT, id TEXT, version INTEGER, log_offset INTEGER, noted TEXT);
"""
# So many take about 30 MB.
WORDS_AT_HAND: Final = 200_000
# What `headings` has of each line of a journal, and the first columns of `AccountSum` and `AboutSum`.
_HEADING: Final = 7
# Of each table the columns that are words.
_POSTED: Final = (*range(7), 10, 11, 12, 13)
# A line of a journal, or several as one.
_LINE: Final = "heading, about, rule, day, amount, ledger"
# Of balances: what they post, and what terms had charged by themselves of the time that they include, which they take back.
_OF_BEFORE: Final = "(p.opening OR (p.log_offset <= l.first AND p.day <= l.as_of))"
# The same of journals of projects without balances, too.
_LOADED: Final = " LEFT JOIN temp.loads l ON l.project = h.project"
_IS_OF_BEFORE: Final = f"(l.project IS NOT NULL AND {_OF_BEFORE})"
_WORKED: Final = (0, 3, 4, 8, 9)
_CHARGED: Final = (0, 3, 4, 5)
_PUBLISHED: Final = (0, 4, 5, 6, 7, 8)
_LISTED: Final = (0, 2, 3)
_WAITS: Final = (0, 4, 5, 6, 7, 9, 10, 11)


class AccountSum(NamedTuple):
    """What journals before the moment post on an account, by all that they name; debits are positive. `opening` is what balances brought
    forward of `ledger`."""

    entity_id: str
    ledger_currency: str
    currency: str
    account: str
    project_id: str
    contract_id: str
    customer_id: str
    amount: Amount
    ledger: Amount
    opening: Amount


class AboutSum(NamedTuple):
    """The same by what the journals are about: a row of the books, or what happened (`payment/PAY-1`); `day` is the first service date."""

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


class SharedRow(NamedTuple):
    """A row of which statements list something else than its journals come to: both with their output_seq, in order. `listed` has
    statement and amount, none where the statement does not say it."""

    posted: list[tuple[int, AboutSum]]
    listed: list[tuple[int, str, Amount | None]]


class UnbilledSums(NamedTuple):
    """What is on one statement stands by statement and day; of invoiced ones all that a payer has, under the first of them."""

    on_none: list[AboutSum]
    on_one: list[AboutSum]
    shared: list[SharedRow]


class PublishedStatement(NamedTuple):
    """A statement as last published before the moment; `due_on` is an ordinal."""

    statement_id: str
    revision: int
    seq: int
    log_offset: int
    status: str
    contract_id: str
    bill_to: str
    entity_id: str
    currency: str
    total: Amount
    due_on: int | None


class WaitingException(NamedTuple):
    """An exception that is open at the moment."""

    exception_id: str
    category: str
    project_id: str
    contract_id: str
    amount: Amount
    currency: str
    engagement_id: str
    basis: str

    @property
    def is_at_cost(self) -> bool:
        """Whether its amount is what the work cost, since nobody knows its value."""
        return self.basis == "cost"

    @property
    def at_risk(self) -> Amount:
        """Its amount without its sign; 0 of cost alone."""
        return 0 if self.is_at_cost else abs(self.amount)


class RetainerShown(NamedTuple):
    """What a retainer has left to draw, and what of it expires next; quantities of hours, or of money. `expires_on` is 2026-03-31."""

    contract_id: str
    line_id: str
    unit: str
    left: Quantity
    expires: Quantity
    expires_on: str | None


class HoursWorked(NamedTuple):
    """Hours of a person on a project in a month, as approved; of those `waiting` nothing is booked. `day` is 0 but where each was asked
    for."""

    person_id: str
    project_id: str
    month: str
    day: int
    hours: Hours
    billable: Hours
    waiting: Hours


class CostOfHours(NamedTuple):
    """What stands on 5000 of a person's hours on a project, in ledger currency; without a person what is no time, and apart from that what
    balances brought forward (`is_opening`)."""

    person_id: str
    project_id: str
    entity_id: str
    ledger_currency: str
    is_opening: bool
    cost: Amount


class WorkedEntry(NamedTuple):
    """An entry as it counts; `is_waiting` where nothing of it is booked, `was_booked` where something ever was."""

    row: str
    log_offset: int
    day: int
    hours: Hours
    billable: Hours
    is_waiting: bool
    was_booked: bool


class StatedWork(NamedTuple):
    """Where an entry, an expense or units were worked; contract line and task are empty where it names none."""

    row: str
    project_id: str
    line_id: str
    task: str


# Lines on 1150 and 1160 that are on no issued statement, or on one.
ON_NONE, ON_ONE = "on none", "on one"


class LinesAsked(NamedTuple):
    """Which lines of journals: of headings, about something, in days, of a person's hours (empty of no entry's)."""

    heading: Mapping[str, str]
    about: str | None = None
    since: int = 0
    before: int = 1 << 40
    # Of what balances brought forward alone, or without that.
    is_opening: bool | None = None
    # Of one journal, by its output_seq, and of one of its lines.
    seq: int | None = None
    line: int | None = None
    placed: str = ""
    statements: tuple[str, ...] = ()
    # The first service date of what is about one row or on one statement.
    day: int | None = None
    by_person: str | None = None
    first: int = 0
    last: int = 1 << 40


class IndexedLine(NamedTuple):
    """`line` is its place among those of its journal that tables show."""

    seq: int
    line: int
    log_offset: int
    engagement_id: str
    amount: Amount
    ledger: Amount
    about: str
    day: int


class GlanceTables:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        # Of words those that were written lately, as long as the last one is this.
        self._numbers: dict[str, int] = {}
        self._last_word = 0
        self._heading_numbers: dict[Row, int] = {}
        # By name the log offset that temporary tables are of.
        self._made: dict[str, int] = {}
        self._passed: tuple[int, frozenset[tuple[int, str]]] | None = None
        # As far as they were asked for.
        self._texts: dict[int, str] = {}
        self._headings: dict[int, tuple[str, ...]] = {}

    # Writing them

    def write(self, rows: GlanceRows) -> None:
        """Within the transaction of the index."""
        self._made.clear()
        self._passed = None
        if self._last("headings") != len(self._heading_numbers):
            self._heading_numbers = {tuple(heading): no for no, *heading in self._db.execute("SELECT * FROM headings")}
        of_words = [
            ("posted", rows.posted, _POSTED),
            ("worked", rows.worked, _WORKED),
            ("charged", rows.charged, _CHARGED),
            ("published", rows.published, _PUBLISHED),
            ("listed", rows.listed, _LISTED),
            ("waits", rows.waits, _WAITS),
        ]
        self._number_words({str(row[place]) for _, each, places in of_words for row in each for place in places})
        for table, each, places in of_words:
            numbered = self._numbered(each, places)
            insert(self._db, table, self._with_headings(numbered) if table == "posted" else numbered)
        insert(self._db, "named", rows.named)

    def _number_words(self, words: set[str]) -> None:
        """Numbers of these words, given to those that have none; there is a word for every entry, so that not all are kept."""
        known, last = self._numbers, self._last("words")
        if last != self._last_word or len(known) > WORDS_AT_HAND:  # somebody else has written, or they are too many
            known.clear()
        unknown = sorted(words - known.keys())
        sql = "SELECT text, no FROM words WHERE text IN (SELECT value FROM json_each(?))"
        known.update(self._db.execute(sql, (_listed(unknown),)))
        new = {word: number for number, word in enumerate((each for each in unknown if each not in known), last + 1)}
        self._db.executemany("INSERT INTO words(text, no) VALUES (?, ?)", new.items())
        known.update(new)
        self._last_word = last + len(new)

    def _numbered(self, rows: Iterable[Row], places: tuple[int, ...]) -> list[Row]:
        """With the numbers of words in their places."""
        known, made = self._numbers, []
        for row in rows:
            cells = list(row)
            for place in places:
                cells[place] = known[str(cells[place])]
            made.append(tuple(cells))
        return made

    def _with_headings(self, rows: Iterable[Row]) -> list[Row]:
        """With the number of its heading for what each line begins with; in the order in which they lie."""
        known, made = self._heading_numbers, []
        new = len(known)
        for row in rows:
            heading = row[:_HEADING]
            number = known.get(heading)
            if number is None:
                number = known[heading] = len(known) + 1
            made.append((number, *row[_HEADING:]))
        insert(self._db, "headings", [(no, *heading) for heading, no in islice(known.items(), new, None)])
        return sorted(made)

    def forget(self) -> None:
        """What was written since the transaction began was taken back."""
        self._numbers.clear()
        self._heading_numbers.clear()

    def _last(self, table: str) -> int:
        found: int = self._db.execute(f"SELECT coalesce(max(no), 0) FROM {table}").fetchone()[0]  # noqa: S608
        return found

    # Asking them

    def accounts(self, cut: int) -> list[AccountSum]:
        """Sums of all accounts that tables show, of what the records before a log offset caused."""
        self._make_loads(cut)
        sums = self._db.execute(
            "SELECT heading, sum(amount), sum(ledger) FROM posted WHERE log_offset < ? GROUP BY heading", (cut,)
        ).fetchall()
        sql = f"""SELECT heading, sum(ledger) FROM temp.loads l JOIN headings h ON h.project = l.project JOIN posted p ON p.heading = h.no
            WHERE log_offset < ? AND {_OF_BEFORE} GROUP BY heading"""  # noqa: S608
        opening = dict(self._db.execute(sql, (cut,)))
        headings = self._headings_of(heading for heading, *_ in sums)
        return [AccountSum._make((*headings[heading], *of, opening.get(heading, 0))) for heading, *of in sums]

    def about(self, cut: int, accounts: Iterable[str], since: int, until: int) -> list[AboutSum]:
        """Sums of some accounts by what the journals are about, of accounting dates from a day to before another; those that are not 0."""
        return self._about(cut, accounts, f"accounted >= {since:d} AND accounted < {until:d}")

    def unbilled(self, cut: int, invoiced: Iterable[str]) -> UnbilledSums:
        """What stands on 1150 and 1160, of what the records before a log offset caused: what no issued statement bills, by row; what one
        does, by statement, less what its invoice took.

        A statement has of a row what it lists: of a line of a journal, the first one that was issued after it. Where a row's journals
        come to something else than its statements list (several pay it, or it is earned and not billed whole), `shared` has them.
        """
        self._make_placed(cut)
        return UnbilledSums(self._placed("about", "statement IS NULL"), self._stated([*invoiced]), self._shared())

    def listed_to(self, cut: int, contracts: Iterable[str]) -> dict[str, frozenset[str]]:
        """To whom each row of some contracts is billed by an issued statement."""
        self._make_current(cut)
        sql = f"""SELECT {_texts("c.row", "s.bill_to")} FROM current_row c JOIN newest_statement s ON s.statement = c.statement
            WHERE s.contract IN ({_among("?")})"""  # noqa: S608
        found: dict[str, frozenset[str]] = {}
        for row, bill_to in self._db.execute(sql, (_listed(contracts),)):
            found[row] = found.get(row, frozenset()) | {bill_to}
        return found

    def drafted(self, cut: int) -> dict[tuple[str, str], str]:
        """Rows on a draft that waits for approval and to whom it bills them, each with the statement."""
        self._make_current(cut)
        sql = f"""SELECT DISTINCT {_texts("l.row", "t.bill_to", "l.statement")} FROM listed l JOIN newest_statement t
            ON (t.statement, t.revision, t.status) = (l.statement, l.revision, l.status)
            WHERE l.status = (SELECT no FROM words WHERE text = 'open')"""  # noqa: S608
        return {(row, bill_to): statement for row, bill_to, statement in self._db.execute(sql)}

    def statements(self, cut: int) -> list[PublishedStatement]:
        """Every statement as last published."""
        self._make_current(cut)
        names = "statement", "revision", "seq", "log_offset", "status", "contract", "bill_to", "entity", "currency"
        words = {"statement", "status", "contract", "bill_to", "entity", "currency"}
        columns = ", ".join(_text(name) if name in words else name for name in names)
        sql = f"SELECT {columns}, total, due_on FROM newest_statement ORDER BY seq"  # noqa: S608
        return [PublishedStatement._make(row) for row in self._db.execute(sql)]

    def with_refunds(self) -> list[str]:
        """Statements that list what is given back of a retainer or a deposit."""
        sql = f"""SELECT DISTINCT {_text("statement")} FROM listed WHERE row IN
            (SELECT no FROM words WHERE text LIKE 'fee/%/%/refund%')"""  # noqa: S608
        return [statement for (statement,) in self._db.execute(sql)]

    def open_exceptions(self, cut: int) -> list[WaitingException]:
        columns = _texts("exception", "category", "project", "contract")
        sql = f"""SELECT {columns}, amount, {_texts("currency", "engagement", "basis")} FROM (SELECT *, max(seq) FROM waits
            WHERE log_offset < ? GROUP BY exception) WHERE is_open"""  # noqa: S608
        return [WaitingException._make(row) for row in self._db.execute(sql, (cut,))]

    def hours(self, cut: int, first: int = 0, last: int = 1 << 40, by_day: Iterable[str] = ()) -> list[HoursWorked]:
        """By person, project and month, of days from one to another; what was approved in its highest version before a log offset. Of
        some people by day."""
        self._make_worked(cut)
        sql = f"""SELECT {_texts("person", "project")}, month, at, hours, billable, waiting FROM (SELECT person, project,
            strftime('%Y-%m', day + 1721424.5) AS month,
            CASE WHEN person IN ({_among(":people")}) THEN day ELSE 0 END AS at,
            sum(hours) AS hours, sum(billable) AS billable,
            sum(CASE WHEN row IN (SELECT about FROM posted JOIN headings ON no = heading WHERE log_offset < :cut
                GROUP BY about, entity, account HAVING sum(amount) <> 0 OR sum(ledger) <> 0) THEN 0 ELSE hours END) AS waiting
            FROM current_worked WHERE day BETWEEN :first AND :last GROUP BY 1, 2, 3, 4)"""  # noqa: S608
        rows = self._db.execute(sql, {"cut": cut, "first": first, "last": last, "people": _listed(by_day)})
        return [HoursWorked._make(row) for row in rows]

    def days_of(self, cut: int, rows: Iterable[str]) -> list[tuple[str, str, int, Hours]]:
        """Of some rows of time: the row, its project, the day of the work as an ordinal, and the hours."""
        self._make_worked(cut)
        sql = f"SELECT {_texts('row', 'project')}, day, hours FROM current_worked WHERE row IN ({_among(':rows')})"  # noqa: S608
        return self._db.execute(sql, {"rows": _listed(rows)}).fetchall()

    def hours_of_projects(self, cut: int) -> list[tuple[str, Hours]]:
        """By project the hours of entries of which something was booked."""
        self._make_worked(cut)
        sql = f"""SELECT {_text("project")}, hours FROM (SELECT project, sum(hours) AS hours FROM current_worked
            WHERE row IN (SELECT about FROM posted WHERE log_offset < ?) GROUP BY project)"""  # noqa: S608
        return self._db.execute(sql, (cut,)).fetchall()

    def entries(self, cut: int, project: str, person: str | None, first: int, last: int) -> list[WorkedEntry]:
        """Entries of a project, in days from one to another, of everybody or of a person, as `hours` counts them."""
        self._make_worked(cut)
        sql = f"""SELECT {_text("row")}, log_offset, day, hours, billable,
                row NOT IN (SELECT about FROM posted JOIN headings ON no = heading WHERE log_offset < :cut
                GROUP BY about, entity, account HAVING sum(amount) <> 0 OR sum(ledger) <> 0),
                row IN (SELECT about FROM posted WHERE log_offset < :cut) FROM current_worked
            WHERE project IN ({_among(":projects")}) AND (:person IS NULL OR person IN ({_among(":people")}))
            AND day BETWEEN :first AND :last ORDER BY day, 1"""  # noqa: S608
        given = {"cut": cut, "projects": _listed([project]), "person": person, "people": _listed([person or ""])}
        rows = self._db.execute(sql, {**given, "first": first, "last": last})
        return [WorkedEntry._make(row) for row in rows]

    def lines(self, cut: int, of: LinesAsked) -> list[IndexedLine]:
        """Each line of a journal of which a sum is, in order."""
        if of.placed:
            self._make_placed(cut)
        if of.by_person is not None:
            self._make_worked(cut)
        which = ["p.log_offset < :cut", "p.accounted >= :since", "p.accounted < :before"]
        which += [_is_word(f"h.{name}", name) for name in of.heading]
        if of.about is not None:
            which.append(_is_word("p.about", "about"))
        if of.statements:
            which.append(f"x.statement IN ({_among(':statements')})")
        if of.is_opening is not None:
            self._make_loads(cut)
            which.append(_IS_OF_BEFORE if of.is_opening else f"NOT {_IS_OF_BEFORE}")
        if of.seq is not None:
            which.append("p.seq = :seq")
        if of.line is not None:
            which.append("p.line = :line")
        if of.placed:
            which += [
                "p.about NOT IN (SELECT row FROM shared_row)",
                *(["x.statement IS NULL"] if of.placed == ON_NONE else []),
            ]
        if of.by_person is not None:
            which += [
                "p.day BETWEEN :first AND :last",
                _is_word("w.person", "by_person") if of.by_person else "w.person IS NULL",
            ]
        joined = _LOADED if of.is_opening is not None else ""
        joined += " LEFT JOIN newest_worked w ON w.row = p.about" if of.by_person is not None else ""
        if of.placed:
            joined += " JOIN temp.placed x ON (x.heading, x.seq, x.line) = (p.heading, p.seq, p.line)"
        sql = f"""SELECT p.seq, p.line, p.log_offset, {_text("p.engagement")}, p.amount, p.ledger, {_text("p.about")}, p.day
            FROM headings h JOIN posted p ON p.heading = h.no{joined}
            WHERE {" AND ".join(which)} ORDER BY p.seq, p.line"""  # noqa: S608
        given = {
            "cut": cut,
            "seq": of.seq,
            "line": of.line,
            "statements": _listed(of.statements),
            "since": of.since,
            "before": of.before,
            "about": of.about,
            "by_person": of.by_person,
        }
        rows = self._db.execute(sql, {**given, "first": of.first, "last": of.last, **of.heading})
        found = [IndexedLine._make(row) for row in rows]
        return _of_first_day(found, of.day) if of.day is not None else found

    def stated_at(self, kind: str, id_: str, cut: int, field: str) -> int | None:
        """Log offset of the version that counts last of those that say what a field is."""
        found = self.all_stated_at(kind, id_, cut, field)
        return found[-1][1] if found else None

    def all_stated_at(self, kind: str, id_: str, cut: int, field: str) -> list[tuple[str, int]]:
        """First day (empty: from the beginning) and log offset of each version that says what a field is and counts, the lowest first."""
        counting = {offset for _, offset, _ in self._versions(kind, cut, id_).get(id_, ())}
        sql = "SELECT log_offset, noted FROM named WHERE kind = ? AND id = ? ORDER BY version, log_offset"
        found = [
            (int(offset), orjson.loads(noted))
            for offset, noted in self._db.execute(sql, (kind, id_))
            if offset in counting
        ]
        return [(noted.get(SINCE) or "", offset) for offset, noted in found if field in noted]

    def cost_of_hours(self, cut: int, first: int = 0, last: int = 1 << 40) -> list[CostOfHours]:
        """Of service dates from one day to another."""
        self._make_worked(cut)
        self._make_loads(cut)
        sql = f"""SELECT coalesce({_text("person")}, ''), {_texts("project", "entity", "ledger_currency")}, is_opening, ledger FROM (
            SELECT w.person AS person, h.project AS project, h.entity AS entity, h.ledger_currency AS ledger_currency,
            w.person IS NULL AND {_IS_OF_BEFORE} AS is_opening, sum(p.ledger) AS ledger
            FROM headings h JOIN posted p ON p.heading = h.no LEFT JOIN newest_worked w ON w.row = p.about{_LOADED}
            WHERE p.log_offset < :cut AND h.account IN ({_among(":accounts")}) AND p.day BETWEEN :first AND :last
            GROUP BY 1, 2, 3, 4, 5 HAVING sum(p.ledger) <> 0)"""  # noqa: S608
        rows = self._db.execute(sql, {"cut": cut, "accounts": _listed([LABOR_COST]), "first": first, "last": last})
        return [CostOfHours._make((*head, bool(is_opening), cost)) for *head, is_opening, cost in rows]

    def work(self, cut: int, rows: Iterable[str]) -> list[StatedWork]:
        """Of some rows what time, expenses and units say of themselves."""
        asked = f"row IN ({_among(':rows')}) AND log_offset < :cut GROUP BY row"
        sql = f"""SELECT {_texts("row", "project", "line", "task")} FROM (
            SELECT row, project, line, task, max(version) FROM worked WHERE {asked}
            UNION ALL SELECT row, project, line, task, max(version) FROM charged WHERE {asked})"""  # noqa: S608
        return [StatedWork._make(row) for row in self._db.execute(sql, {"rows": _listed(rows), "cut": cut})]

    def named(self, kind: str, cut: int) -> dict[str, list[Noted]]:
        """What is noted of each id by its versions before a log offset, the lowest first; what a version leaves out stays as it was.

        A version that was refused, or waits for another, says nothing of an id of which something is known.
        """
        found = self._versions(kind, cut)
        return {id_: [noted for _, _, noted in versions] for id_, versions in found.items() if versions}

    def _versions(self, kind: str, cut: int, only: str | None = None) -> dict[str, list[tuple[int, int, Noted]]]:
        """Of each id, or of one, its versions that count: number, log offset, and what is noted with what it leaves out."""
        found: dict[str, list[tuple[int, int, Noted]]] = {}
        passed_over = self._passed_over(cut)
        which = "" if only is None else " AND id = :only"
        sql = f"""SELECT id, version, log_offset, noted FROM named WHERE kind = :kind AND log_offset < :cut{which}
            ORDER BY id, version, log_offset"""  # noqa: S608
        for id_, version, log_offset, noted in self._db.execute(sql, {"kind": kind, "cut": cut, "only": only}):
            known = found.setdefault(id_, [])
            if (known or kind == OPENED) and (log_offset, id_) in passed_over:
                continue
            if known and version <= known[-1][0] and kind not in AGAIN:
                continue
            known.append((version, log_offset, {**(known[-1][2] if known else {}), **orjson.loads(noted)}))
        return found

    def _passed_over(self, cut: int) -> frozenset[tuple[int, str]]:
        """Records that were refused: by offset and what they name, as they raised why; those after a gap and balances that wait as long as
        that is open."""
        if self._passed is not None and self._passed[0] == cut:
            return self._passed[1]
        subject = _text("w.subject")
        sql = f"""SELECT w.log_offset, {subject} FROM waits w WHERE w.log_offset < :cut AND w.is_open
            AND w.category IN ({_among(":refused")})
            UNION SELECT w.log_offset, {subject} FROM waits w JOIN (SELECT exception, is_open, max(seq) FROM waits WHERE log_offset < :cut
            GROUP BY exception) n ON n.exception = w.exception AND n.is_open AND w.log_offset < :cut
            AND (w.category = (SELECT no FROM words WHERE text = :gap) OR {subject} LIKE :balances)"""  # noqa: S608
        given = {"cut": cut, "refused": _listed(REFUSED), "gap": BEHIND_A_GAP, "balances": f"{BROUGHT_FORWARD}/%"}
        found = set[tuple[int, str]]()
        for log_offset, subject in self._db.execute(sql, given):
            found |= {(log_offset, subject), (log_offset, parts_of(subject)[-1])}
        self._passed = cut, frozenset(found)
        return self._passed[1]

    def retainers(self, cut: int) -> dict[str, list[RetainerShown]]:
        """By project what its view showed last."""
        sql = "SELECT id, noted, max(version) FROM named WHERE kind = ? AND log_offset < ? GROUP BY id"
        rows = self._db.execute(sql, (RETAINERS, cut))
        return {id_: [RetainerShown._make(each) for each in orjson.loads(noted)] for id_, noted, _ in rows}

    def payments(self, cut: int) -> list[tuple[int, int, AboutSum]]:
        """Lines on 1100 of journals of payments, and of cash that is applied later, as they stand there, with the journal's output_seq
        and the line's place in it."""
        sql = f"""SELECT seq, line, {_LINE} FROM posted WHERE log_offset < ? AND heading IN ({_headings_with("?")})
            AND about IN (SELECT no FROM words WHERE text LIKE 'payment/%' OR text LIKE 'payment_application/%')
            ORDER BY seq, line"""  # noqa: S608
        rows = self._db.execute(sql, (cut, _listed([RECEIVABLE]))).fetchall()
        sums = self._sums(row[2:] for row in rows)
        return [(seq, line, one) for (seq, line, *_), one in zip(rows, sums, strict=True)]

    def billed_in(self, cut: int) -> list[tuple[int, str, AboutSum]]:
        """Of contracts over several projects what journals on 1100 have on the other accounts, by journal: its output_seq, what it has on
        1100 for, and the sum."""
        sql = f"""WITH of AS MATERIALIZED (SELECT * FROM headings WHERE contract IN (SELECT contract FROM headings
                WHERE project <> (SELECT no FROM words WHERE text = '') GROUP BY contract HAVING count(DISTINCT project) > 1)),
            owed AS MATERIALIZED (SELECT DISTINCT p.seq, p.about FROM of JOIN posted p ON p.heading = of.no
                WHERE of.account IN ({_among(":accounts")}) AND p.log_offset < :cut)
            SELECT owed.seq, {_text("owed.about")}, p.heading, p.about, p.rule, min(p.day), sum(p.amount), sum(p.ledger)
            FROM of JOIN posted p ON p.heading = of.no JOIN owed ON owed.seq = p.seq
            WHERE of.account NOT IN ({_among(":accounts")}) GROUP BY owed.seq, owed.about, p.heading, p.about
            HAVING sum(p.amount) <> 0 ORDER BY owed.seq"""  # noqa: S608
        rows = self._db.execute(sql, {"cut": cut, "accounts": _listed([RECEIVABLE])}).fetchall()
        sums = self._sums(row[2:] for row in rows)
        return [(seq, about, one) for (seq, about, *_), one in zip(rows, sums, strict=True)]

    def _about(self, cut: int, accounts: Iterable[str], which: str) -> list[AboutSum]:
        sql = f"""SELECT heading, about, rule, min(day), sum(amount), sum(ledger) FROM posted
            WHERE log_offset < ? AND heading IN ({_headings_with("?")}) AND {which} GROUP BY heading, about
            HAVING sum(amount) <> 0 OR sum(ledger) <> 0"""  # noqa: S608
        return _in_order(self._sums(self._db.execute(sql, (cut, _listed(accounts)))))

    def _placed(self, by: str, which: str) -> list[AboutSum]:
        return _in_order(self._sums(self._db.execute(_by_day(by, which))))

    def _stated(self, invoiced: list[str]) -> list[AboutSum]:
        """Most statements are invoiced, and their journals come to nothing together."""
        sql = f"""WITH invoiced AS MATERIALIZED ({_among(":invoiced")}),
            stated AS MATERIALIZED ({_by_day("statement", "statement IS NOT NULL")})
            SELECT heading, statement, rule, day, amount, ledger FROM stated WHERE statement NOT IN invoiced
            UNION ALL SELECT heading, statement, rule, day, amount, ledger FROM (
                SELECT heading, o.statement, rule, day, min(day << 40 | t.seq), sum(amount) AS amount, sum(ledger) AS ledger FROM stated o
                JOIN newest_statement t ON t.statement = o.statement WHERE o.statement IN invoiced GROUP BY heading, t.bill_to)"""  # noqa: S608
        return _in_order(self._sums(self._db.execute(sql, {"invoiced": _listed(invoiced)})))

    def _shared(self) -> list[SharedRow]:
        """By row its journals' lines and what statements list of it, in the order in which they came."""
        found: dict[str, SharedRow] = {}
        sql = f"SELECT seq, {_LINE} FROM placed WHERE about IN (SELECT row FROM shared_row) ORDER BY seq, line"  # noqa: S608
        rows = self._db.execute(sql).fetchall()
        for (seq, *_), one in zip(rows, self._sums(row[1:] for row in rows), strict=True):
            found.setdefault(one.about, SharedRow([], [])).posted.append((seq, one))
        sql = f"""SELECT {_texts("row", "statement")}, seq, amount FROM current_row WHERE row IN (SELECT row FROM shared_row)
            ORDER BY seq"""  # noqa: S608
        for row, statement, seq, amount in self._db.execute(sql):
            found[row].listed.append((seq, statement, amount))
        return list(found.values())

    def _sums(self, rows: Iterable[tuple[int, ...]]) -> list[AboutSum]:
        """Of rows as `_LINE` has them, in their order."""
        found = list(rows)
        headings = self._headings_of(row[0] for row in found)
        texts = self._texts_of(number for row in found for number in row[1:3])
        return [
            AboutSum._make((*headings[heading], texts[about], texts[rule], *figures))
            for heading, about, rule, *figures in found
        ]

    def _headings_of(self, numbers: Iterable[int]) -> Mapping[int, tuple[str, ...]]:
        """In words, at least those of these numbers."""
        known = self._headings
        sql = "SELECT * FROM headings WHERE no IN (SELECT value FROM json_each(?))"
        rows = self._db.execute(sql, (orjson.dumps([*{*numbers} - known.keys()]).decode(),)).fetchall()
        texts = self._texts_of(number for _, *heading in rows for number in heading)
        known.update((no, tuple(texts[number] for number in heading)) for no, *heading in rows)
        return known

    def _texts_of(self, numbers: Iterable[int]) -> Mapping[int, str]:
        """At least those of these numbers."""
        known = self._texts
        sql = "SELECT no, text FROM words WHERE no IN (SELECT value FROM json_each(?))"
        known.update(self._db.execute(sql, (orjson.dumps([*{*numbers} - known.keys()]).decode(),)))
        return known

    def _make(self, name: str, cut: int, script: str) -> None:
        """Once for a log offset, until more is written."""
        if self._made.get(name) != cut:
            self._db.executescript(script)
            self._made[name] = cut

    def _make_current(self, cut: int) -> None:
        """Temporary tables: each statement as last published, and of each row what issued statements list."""
        self._make(
            "current",
            cut,
            f"""
            DROP TABLE IF EXISTS temp.newest_statement; DROP TABLE IF EXISTS temp.current_row;
            CREATE TEMP TABLE newest_statement AS SELECT *, max(seq) FROM published WHERE log_offset < {int(cut)} GROUP BY statement;
            CREATE UNIQUE INDEX temp.by_statement ON newest_statement(statement);
            CREATE TEMP TABLE current_row(row INTEGER, seq INTEGER, statement INTEGER, amount INTEGER, PRIMARY KEY(row, seq)) WITHOUT ROWID;
            INSERT INTO current_row SELECT l.row, t.seq, t.statement,
                CASE WHEN count(l.amount) = count(*) THEN sum(l.amount) END FROM listed l
                JOIN newest_statement t ON (t.statement, t.revision, t.status) = (l.statement, l.revision, l.status)
                WHERE l.status = (SELECT no FROM words WHERE text = 'issued') GROUP BY l.row, t.seq;
            """,  # noqa: S608
        )

    def _make_loads(self, cut: int) -> None:
        """Projects with balances that are booked: the log offset at which they first were, and their last day."""
        if self._made.get("loads") == cut:
            return
        last_days = [
            (noted["as_of"], project_id, cut)
            for project_id, versions in self.named(OPENED, cut).items()
            for noted in versions[-1:]
        ]
        self._db.execute("DROP TABLE IF EXISTS temp.loads")
        self._db.execute("CREATE TEMP TABLE loads(project INTEGER PRIMARY KEY, first INTEGER, as_of INTEGER)")
        self._db.executemany(
            """INSERT INTO temp.loads SELECT h.project, min(p.log_offset), ? FROM headings h JOIN posted p ON p.heading = h.no
            WHERE h.project = (SELECT no FROM words WHERE text = ?) AND p.opening AND p.log_offset < ? GROUP BY h.project""",
            last_days,
        )
        self._made["loads"] = cut

    def _make_placed(self, cut: int) -> None:
        """Temporary tables: each line of a journal on 1150 and 1160 with its statement; rows of which statements list something else than
        that comes to."""
        self._make_current(cut)
        accounts = _listed(UNBILLED)
        self._make(
            "placed",
            cut,
            f"""
            DROP TABLE IF EXISTS temp.placed; DROP TABLE IF EXISTS temp.shared_row;
            CREATE TEMP TABLE placed AS SELECT heading, p.seq, line, about, rule, day, amount, ledger, coalesce(s.statement, (
                SELECT c.statement FROM current_row c WHERE c.row = p.about
                AND c.seq >= p.seq ORDER BY c.seq LIMIT 1)) AS statement
                FROM posted p LEFT JOIN newest_statement s ON s.statement = p.about
                WHERE p.log_offset < {int(cut)} AND p.heading IN ({_headings_with(f"'{accounts}'")});
            CREATE TEMP TABLE shared_row AS SELECT DISTINCT c.row AS row FROM current_row c JOIN (SELECT DISTINCT about FROM placed) r
                ON r.about = c.row LEFT JOIN (SELECT about, statement, sum(amount) AS amount FROM placed GROUP BY 1, 2) p
                ON (p.about, p.statement) = (c.row, c.statement) WHERE c.amount <> coalesce(p.amount, 0);
            CREATE UNIQUE INDEX temp.by_shared ON shared_row(row);
            """,  # noqa: S608
        )

    def _make_worked(self, cut: int) -> None:
        self._make(
            "worked",
            cut,
            f"""
            DROP TABLE IF EXISTS temp.newest_worked; DROP VIEW IF EXISTS temp.current_worked;
            CREATE TEMP TABLE newest_worked AS SELECT *, max(version) FROM worked WHERE log_offset < {int(cut)} GROUP BY row;
            CREATE UNIQUE INDEX temp.by_entry ON newest_worked(row);
            CREATE TEMP VIEW current_worked AS SELECT * FROM newest_worked WHERE hours IS NOT NULL;
            """,  # noqa: S608
        )


def insert(db: sqlite3.Connection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Those that are not there yet."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _in_order(sums: list[AboutSum]) -> list[AboutSum]:
    """By what they name, the oldest first: numbers of words are of the moment at which each came into the index."""
    return sorted(sums, key=lambda one: (one[:_HEADING], one.day, one.about))


def _by_day(by: str, which: str) -> str:
    """What is placed, of rows that are not shared. Rows of one statement stand apart by their days, of which a row has the first."""
    return f"""SELECT heading, {by}, rule, day, sum(amount) AS amount, sum(ledger) AS ledger FROM (
            SELECT heading, {by}, rule, min(day) AS day, sum(amount) AS amount, sum(ledger) AS ledger FROM placed
            WHERE about NOT IN (SELECT row FROM shared_row) AND {which} GROUP BY heading, {by}, about)
        GROUP BY heading, {by}, day HAVING sum(amount) <> 0 OR sum(ledger) <> 0"""  # noqa: S608


def _headings_with(mark: str) -> str:
    """Headings of the accounts that are bound at the mark as `_listed`."""
    return f"SELECT no FROM headings WHERE account IN ({_among(mark)})"  # noqa: S608


def _among(mark: str) -> str:
    """Numbers of the words that are bound at the mark as `_listed`."""
    return f"SELECT no FROM words WHERE text IN (SELECT value FROM json_each({mark}))"  # noqa: S608


def _is_word(column: str, bound: str) -> str:
    return f"{column} = (SELECT no FROM words WHERE text = :{bound})"  # noqa: S608


def _of_first_day(lines: Iterable[IndexedLine], day: int) -> list[IndexedLine]:
    """Of the rows whose first line is of the day."""
    first: dict[str, int] = {}
    for line in lines:
        first[line.about] = min(line.day, first.get(line.about, line.day))
    return [line for line in lines if first[line.about] == day]


def _listed(words: Iterable[str]) -> str:
    return orjson.dumps([*words]).decode()


def _text(column: str) -> str:
    return f"(SELECT text FROM words WHERE no = {column})"  # noqa: S608


def _texts(*columns: str) -> str:
    return ", ".join(map(_text, columns))
