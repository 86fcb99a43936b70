"""The books of a simulated ERP: one SQLite file, which outlives its process."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.money import format_amount, parse_amount
from domain.units import Amount

FILE: Final = "books.sqlite"
FIRST_YEAR: Final = 2020
YEARS: Final = 16
# So that June 2026 is 145.
PERIOD_IDS_BEFORE: Final = 67
ACCOUNT_DIGITS: Final = 4
CURRENCIES: Final = ("USD", "EUR", "GBP", "CHF", "JPY")

_COMMON: Final = """
CREATE TABLE IF NOT EXISTS closed_month (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS refused (what TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS tokens (generation INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS month (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, starts TEXT NOT NULL, ends TEXT NOT NULL
) STRICT;
"""


def account_of(item: str) -> str:
    """Where an item posts to: SALES-1150 and 771150 to 1150. One without four digits at its end is an account."""
    return item[-ACCOUNT_DIGITS:] if item[-ACCOUNT_DIGITS:].isdecimal() else item


class ErpCompany(NamedTuple):
    """A subsidiary, a company or a ledger, as the ERP calls it; `legal_entity_id` is ours."""

    id: str
    currency: str
    legal_entity_id: str


COMPANIES: Final = (ErpCompany("1", "EUR", "LE-DE"), ErpCompany("2", "USD", "LE-US"))


class ErpBooks:
    """`lock` is held by who reads or writes; what is not committed when it is let go is taken back."""

    def __init__(self, folder: Path, schema: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self.database = sqlite3.connect(folder / FILE, check_same_thread=False)
        self.database.row_factory = sqlite3.Row
        # A killed process loses nothing this way, and a killed machine is not simulated.
        self.database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _COMMON + schema)
        with self.database:
            self.database.executemany("INSERT OR IGNORE INTO month VALUES (?, ?, ?, ?, ?)", _months())

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self.database:
            yield self.database

    def close(self) -> None:
        with self._lock:
            self.database.close()

    # The rest is called with the books open.

    def rows(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Raises sqlite3.Error, also where the query changes something."""
        self.database.execute("PRAGMA query_only = ON")
        try:
            return [dict(row) for row in self.database.execute(query, values)]
        finally:
            self.database.execute("PRAGMA query_only = OFF")

    def insert(self, table: str, values: Mapping[str, object]) -> int:
        """The number of the row."""
        marks = ", ".join("?" * len(values))
        made = self.database.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values())
        )
        return made.lastrowid or 0

    def close_month(self, name: str) -> None:
        self.database.execute("INSERT OR IGNORE INTO closed_month VALUES (?)", [name])

    def open_month(self, name: str) -> None:
        self.database.execute("DELETE FROM closed_month WHERE name = ?", [name])

    def is_closed(self, day: str) -> bool:
        """`day` as 2026-06-30."""
        return self._has("SELECT 1 FROM closed_month WHERE name = ?", day[:7])

    def refuse(self, what: str) -> None:
        """An account, a dimension's value as `department=12`, or a customer as `customer=ACME`."""
        self.database.execute("INSERT OR IGNORE INTO refused VALUES (?)", [what])

    def take(self, what: str) -> None:
        self.database.execute("DELETE FROM refused WHERE what = ?", [what])

    def refuses(self, what: str) -> bool:
        return self._has("SELECT 1 FROM refused WHERE what = ?", what)

    def refuses_value(self, value: str) -> bool:
        """Of any dimension."""
        return self._has("SELECT 1 FROM refused WHERE what LIKE '%=' || ? AND what NOT LIKE 'customer=%'", value)

    def refuses_customer(self, customer: str) -> bool:
        """Whether it knows none of this id."""
        return self.refuses(f"customer={customer}")

    def expire_tokens(self) -> None:
        self.database.execute("INSERT INTO tokens VALUES (1)")

    @property
    def token(self) -> str:
        (generation,) = self.database.execute("SELECT count(*) FROM tokens").fetchone()
        return f"simulated-{generation}"

    def _has(self, query: str, value: str) -> bool:
        return self.database.execute(query, [value]).fetchone() is not None


def shown(
    key: str, reference: object, on: str, currency: str, lines: Iterable[tuple[str, Amount, Amount]], *, is_posted: bool
) -> LedgerEntry:
    """`on` begins as 2026-06-30; lines are accounts with their amounts, the second in ledger currency."""
    posted_on, made = date.fromisoformat(on[:10]), tuple(LedgerLine(*line) for line in lines)
    return LedgerEntry(key, str(reference), posted_on, on[:7], currency, is_posted, made)


def balance(debit: str | None, credit: str | None) -> Amount:
    return parse_amount(debit or "0") - parse_amount(credit or "0")


def sides(amount: Amount) -> tuple[str | None, str | None]:
    """Debit and credit."""
    return (format_amount(amount), None) if amount >= 0 else (None, format_amount(-amount))


def following_month(on: str) -> str:
    """Its first day."""
    return ((date.fromisoformat(on[:7] + "-01")) + timedelta(days=32)).replace(day=1).isoformat()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _months() -> Iterator[tuple[int, str, str, str, str]]:
    for count in range(12 * YEARS):
        starts = date(FIRST_YEAR + count // 12, count % 12 + 1, 1)
        ends = (starts + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        yield (
            PERIOD_IDS_BEFORE + count + 1,
            f"{starts:%Y-%m}",
            f"{starts:%b %Y}",
            starts.isoformat(),
            ends.isoformat(),
        )
