"""Which table an id is of, and the table itself: `people?from=2026-01/BERLIN/ADA#hours` is a figure of the people from January on."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

import typer

from domain.explanation import Node
from domain.identity import unescape
from domain.ledger.trial_balance import PostedSum
from domain.months import month_end
from domain.outputs import JournalEntry
from milepost.glance.clients import clients
from milepost.glance.explained import FigureNodes
from milepost.glance.financial import STATEMENT, financial_statement, ledger_moves
from milepost.glance.firm import FirmAtMoment
from milepost.glance.group import GROUP, group_report
from milepost.glance.people import MonthSpan, people
from milepost.glance.prepaid import prepaid
from milepost.glance.projects import projects
from milepost.glance.receivables import receivables
from milepost.glance.sheet import Glance, GlanceReport
from milepost.glance.unbilled import unbilled
from milepost.glance.wanted import Wanted

# Tables that ask for nothing besides.
PLAIN: Final[Mapping[str, Callable[[FirmAtMoment, Wanted], Glance]]] = {
    "projects": projects,
    "clients": clients,
    "receivables": receivables,
    "unbilled": unbilled,
}
KINDS: Final = (*PLAIN, "prepaid", "people")
_CHOOSING: Final = Wanted._fields[:-1]
# Reports of all journals, or of those of a period.
OF_JOURNALS: Final[Mapping[str, Callable[[Iterable[JournalEntry], str | None], GlanceReport]]] = {GROUP: group_report}
# What a table's ids may ask for before their row.
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "projects": (*_CHOOSING, "open"),
    "clients": ("company", "client", "open"),
    "receivables": _CHOOSING,
    "unbilled": _CHOOSING,
    "prepaid": ("since", *_CHOOSING, "open"),
    "people": ("from", "to", "by-project", *_CHOOSING),
    STATEMENT: (),
    **dict.fromkeys(OF_JOURNALS, ("period",)),
}
_WITHOUT_VALUE: Final = frozenset({"open", "by-project"})
_ID: Final = re.compile(rf"({'|'.join((*KINDS, STATEMENT, *OF_JOURNALS))})(?:\?([^/]*))?/(.+)#([a-z0-9_]+)")


class TableFigureId(NamedTuple):
    """What an id asks for: the figure of a column in the row of a key. `unknown` is the first option that its table does not take, or not
    so."""

    kind: str
    options: Mapping[str, str]
    key: str
    column: str
    unknown: str = ""

    @property
    def whose(self) -> tuple[str, str]:
        """Company and period of a financial statement."""
        company, period, *_ = (*self.key.split("/"), "")
        return unescape(company), period


def table_figure(wanted: str) -> TableFigureId | None:
    """None where the id is none of a table."""
    found = _ID.fullmatch(wanted)
    if found is None:
        return None
    options: dict[str, str] = {}
    unknown = ""
    for each in (found[2] or "").split("&") if found[2] is not None else ():
        name, is_stated, value = each.partition("=")
        if name not in OPTIONS[found[1]] or name in options or bool(is_stated) is (name in _WITHOUT_VALUE):
            unknown = unknown or each or "(nothing)"
        options[name] = unescape(value)
    return TableFigureId(found[1], options, found[3], found[4], unknown)


def options_text(kind: str) -> str:
    """As an id states them: `since=..., company=..., open`."""
    said = (name if name in _WITHOUT_VALUE else f"{name}=..." for name in OPTIONS[kind])
    return ", ".join(said) or "none"


def table_of(firm: FirmAtMoment, kind: str, options: Mapping[str, str]) -> Glance | None:
    """The table that the options ask for. None where they are none of it."""
    given = dict(options)
    wanted = Wanted(**{name: given.pop(name, None) for name in _CHOOSING}, only_open="open" in given)
    try:
        if kind == "prepaid":
            return prepaid(firm, wanted, date.fromisoformat(given["since"]))
        if kind == "people":
            first, last = (_month(given.get(name)) for name in ("from", "to"))
            span = MonthSpan(first, month_end(last) if last is not None else None)
            return people(firm, wanted, span, by_project="by-project" in given)
        return PLAIN[kind](firm, wanted)
    except (KeyError, ValueError, typer.BadParameter):
        return None


def _month(stated: str | None) -> date | None:
    return date.fromisoformat(f"{stated}-01") if stated is not None else None


class TablesExplained:
    """Figures of the tables of one firm at a moment; a table that was asked for stays at hand."""

    def __init__(self, firm: FirmAtMoment) -> None:
        self._firm = firm
        self._tables: dict[tuple[str, str], Glance | None] = {}

    def explain(self, wanted: TableFigureId) -> Node | None:
        return _figure(self._firm, self._table(wanted), wanted)

    def there_are(self, wanted: TableFigureId) -> list[str]:
        """Ids of the figures of the row that is asked for; where there is no such row of one figure of each that there is."""
        table = self._table(wanted)
        if table is None:
            return []
        rows = [[each for name in row.figures if (each := table.id_of(row, name))] for row in table.rows]
        own = [ids for row, ids in zip(table.rows, rows, strict=True) if row.key == wanted.key]
        return own[0] if own else [ids[0] for ids in rows if ids]

    def _table(self, wanted: TableFigureId) -> Glance | None:
        key = wanted.kind, str(wanted.options)
        if key not in self._tables:
            self._tables[key] = table_of(self._firm, wanted.kind, wanted.options)
        return self._tables[key]


def explained_statement(posted: Iterable[PostedSum], wanted: TableFigureId) -> Node | None:
    company, period = wanted.whose
    sums = [*posted]
    if not sums:
        return None
    moves = ledger_moves(company, sums[-1].ledger_currency, (each.moved for each in sums))
    return _of_report(financial_statement(moves, period), wanted)


def explained_of_journals(journals: Iterable[JournalEntry], wanted: TableFigureId) -> Node | None:
    return _of_report(OF_JOURNALS[wanted.kind](journals, wanted.options.get("period")), wanted)


def _of_report(report: GlanceReport, wanted: TableFigureId) -> Node | None:
    return next((node for _, table in report.tables if (node := _figure(None, table, wanted)) is not None), None)


def _figure(firm: FirmAtMoment | None, table: Glance | None, wanted: TableFigureId) -> Node | None:
    for row in (*table.rows, *table.totals) if table is not None else ():
        if table is not None and row.key == wanted.key and table.id_of(row, wanted.column):
            return FigureNodes(firm, table).explain(row, wanted.column)
    return None
