"""The forms of a table at a glance: plain text, CSV, JSON, a page and a spreadsheet. Each is written once, for all tables."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from domain.money import format_amount, format_decimal
from domain.units import HOURS_SCALE, PERCENT_SCALE, Amount
from milepost import pages
from milepost.console import amount_text, no_formula, shape, shell_word
from milepost.glance.sheet import FILES_ONLY, Cell, CellKind, Glance, GlanceColumn, GlanceReport, GlanceRow
from milepost.locales import Writing
from milepost.pages import Html, markup, tag
from milepost.tables import Table, csv_text, hours_text, percent_text, short_text

IN_LEDGER: Final = frozenset({"ledger_currency", "in_ledger"})
WRONG: Final = "DOES NOT FOOT"
STYLE: Final = """
main { max-width: 1320px; padding: 10mm 8mm; }
table { font-size: 12.5px; }
td { min-width: 0; padding: 5px; overflow-wrap: break-word; }
th { padding: 5px; font-size: 11.5px; }
th.right { white-space: normal; }
td small, th small { display: block; max-width: 24em; color: var(--soft); font-size: 11.5px; }
th small { font-weight: 400; }
td.text { min-width: 7em; max-width: 20em; }
@media screen and (min-width: 721px) { td.id small { width: max-content; max-width: 11em; } }
.id { overflow-wrap: normal; }
.id > span { white-space: nowrap; }
.total td { font-weight: 600; border-top: 2px solid var(--ink); border-bottom: 0; }
.total + .total td { border-top: 0; }
[title] { text-decoration: underline dotted 1px; text-decoration-color: var(--soft); text-underline-offset: 3px; cursor: help; }
.negative { color: var(--warn); }
.notes p { margin: 0 0 4px; }
@media (max-width: 720px) { main { max-width: none; padding: 18px 14px; } td, th { padding: 5px 6px; } td:first-child, th:first-child {
  position: sticky; left: 0; background: var(--paper); } }
@media print { table { font-size: 7.5pt; } th { font-size: 7pt; } td, th { padding: 2.5px 4px; }
  td.text { min-width: 0; } td small, th small { font-size: 6.5pt; }
  [title] { text-decoration: none; } }
"""


def head(glance: Glance) -> str:
    """The moment is in the title of what is asked of a period."""
    return f"{glance.title} as of {glance.as_of}" if glance.as_of else glance.title


def notes_of(glance: Glance) -> list[str]:
    """Whether it foots, what columns mean, and how a figure is explained."""
    return [*_feet(glance), *glance.notes]


def _feet(glance: Glance) -> list[str]:
    said = []
    for what in dict.fromkeys(each.what for each in glance.feet):
        of = [each for each in glance.feet if each.what == what]
        sums = ", ".join(f"{each.legal_entity_id} {_side(each.in_ledger)} {each.currency}" for each in of)
        wrong = [each for each in of if not each.holds]
        accounts = " + ".join(of[0].accounts)
        if not wrong:
            said.append(f"Foots to the ledger, {what} ({accounts}): {sums}")
        said += [
            f"{WRONG}: {what} of {each.legal_entity_id} is {amount_text(each.in_table)}, accounts {accounts} have "
            f"{amount_text(each.in_ledger)} {each.currency}"
            for each in wrong
        ]
    return said


def _side(balance: Amount) -> str:
    return f"{amount_text(balance)} Dr" if balance >= 0 else f"{amount_text(-balance)} Cr"


def seen(glance: Glance) -> Glance:
    """As people look at it: without columns that nothing fills, without the company where there is one, and without ledger amounts where
    they are those of the transaction. CSV, JSON and spreadsheet have all of it."""
    rows = glance.rows
    left_out = {each.name for each in glance.columns if all(row.cells.get(each.name) is None for row in rows)}
    if len({row.cells.get("company") for row in rows}) == 1:
        left_out.add("company")
    if all(row.cells.get("ledger_currency") in {None, row.cells.get("currency")} for row in rows):
        left_out |= IN_LEDGER
    columns = tuple(each for each in glance.columns if each.name not in left_out)
    figures = [each.name for each in columns if each.kind.is_figure]
    totals = [row for row in glance.totals if any(row.cells.get(name) is not None for name in figures)]
    return glance._replace(columns=columns, totals=totals)


# Text


def as_table(glance: Glance) -> Table:
    """Without columns that stand in files alone."""
    glance = seen(glance)
    every = [*glance.rows, *glance.totals]
    columns = [column for column in glance.columns if column.spare < FILES_ONLY]
    spare = sorted((column for column in columns if column.spare), key=lambda column: -column.spare)
    return Table(
        head(glance),
        tuple(column.title for column in columns),
        [[cell_text(row.cells.get(column.name), column) for column in columns] for row in every] if glance.rows else [],
        frozenset(place for place, column in enumerate(columns) if column.kind.is_figure),
        len(glance.totals),
        tuple(column.title for column in spare),
        frozenset(place for place, column in enumerate(columns) if column.kind in {CellKind.ID, CellKind.DAY}),
    )


def cell_text(cell: Cell, column: GlanceColumn) -> str:
    match cell:
        case None:
            return ""
        case int():
            return _figure_text(cell, column.kind)
        case date():
            return f"{cell}"
        case _:
            return cell if column.kind is CellKind.ID else short_text(cell)


def _figure_text(figure: int, kind: CellKind) -> str:
    match kind:
        case CellKind.AMOUNT:
            return amount_text(figure)
        case CellKind.HOURS:
            return hours_text(round(figure, 2 - HOURS_SCALE))
        case CellKind.PERCENT:
            return percent_text(figure)
        case _:
            return f"{figure:,}"


# For machines


def as_csv(glance: Glance | GlanceReport) -> str:
    """All columns, figures plain and exact; `row` says which rows are sums. Tables of a report each have a header, and an empty line
    between them."""
    if isinstance(glance, GlanceReport):
        return "\n".join(as_csv(table) for _, table in glance.tables)
    rows = (
        ["total" if row.is_sum else what, *(_plain(row, column) for column in glance.columns)]
        for what, of in (("item", glance.rows), ("total", glance.totals))
        for row in of
    )
    return csv_text(["row", *(column.name for column in glance.columns)], rows)


def _plain(row: GlanceRow, column: GlanceColumn) -> str:
    exact = _exact(row.cells.get(column.name), column)
    return no_formula(exact) if not column.kind.is_figure else exact


def _exact(cell: Cell, column: GlanceColumn) -> str:
    match cell:
        case int() if column.kind is CellKind.AMOUNT:
            return format_amount(cell)
        case int() if column.kind is CellKind.HOURS:
            return format_decimal(cell, HOURS_SCALE)
        case int() if column.kind is CellKind.PERCENT:
            return format_decimal(cell, PERCENT_SCALE)
        case None:
            return ""
        case _:
            return f"{cell}"


def as_json(glance: Glance | GlanceReport) -> dict[str, object]:
    """Version 2 of the shape; amounts, hours and percents are decimals as text, `explain` has of each figure the id that `milepost explain`
    takes. A report is version 3, and has each of its tables so."""
    if isinstance(glance, GlanceReport):
        tables = [as_json(table) for _, table in glance.tables]
        return shape(3, kind=glance.kind, tables=tables, notes=list(glance.notes))
    return shape(
        2,
        kind=glance.kind,
        as_of=glance.as_of,
        columns=[{"name": each.name, "title": each.title, "kind": each.kind} for each in glance.columns],
        rows=[_row_json(glance, row) for row in glance.rows],
        totals=[_row_json(glance, row) for row in glance.totals],
        feet=[
            each._asdict()
            | {"in_table": format_amount(each.in_table), "in_ledger": format_amount(each.in_ledger)}
            | {"holds": each.holds}
            for each in glance.feet
        ],
        notes=list(glance.notes),
        empty=glance.empty if not glance.rows else None,
    )


def _row_json(glance: Glance, row: GlanceRow) -> dict[str, object]:
    cells: dict[str, object] = {each.name: _json_cell(row.cells.get(each.name), each) for each in glance.columns}
    ids = {each.name: id_ for each in glance.columns if (id_ := glance.id_of(row, each.name))}
    return {**cells, "explain": ids} if ids else cells


def _json_cell(cell: Cell, column: GlanceColumn) -> object:
    if cell is None or (isinstance(cell, int) and column.kind is CellKind.COUNT):
        return cell
    return _exact(cell, column)


# A page


def as_page(glance: Glance | GlanceReport, writing: Writing) -> str:
    """For the screen, the phone and paper across; what a figure is explained by shows under the pointer. Tables of a report are below one
    another."""
    if isinstance(glance, GlanceReport):
        tables = [markup(tag("h2", name.capitalize()), _body(table, writing)[0]) for name, table in glance.tables]
        return _page(glance.title, markup(*tables), glance.notes, writing)
    body, columns = _body(glance, writing)
    as_of = tag("p", f"As of {glance.as_of}", class_="soft") if glance.as_of else ""
    return _page(glance.title, markup(as_of, body), notes_of(glance), writing, _on_a_phone(columns))


def _page(title: str, body: Html, notes: Sequence[str], writing: Writing, style: str = "") -> str:
    return pages.page(
        title,
        tag("h1", title),
        [tag("p", said, class_="banner") for said in notes if said.startswith(WRONG)],
        body,
        tag("h2", "Notes"),
        tag("section", (tag("p", note, class_="soft small") for note in notes), class_="notes"),
        language=writing.language,
        paper=f"{writing.paper} landscape",
        style=STYLE + style,
    )


def _body(glance: Glance, writing: Writing) -> tuple[Html, Sequence[GlanceColumn]]:
    """A table with its columns, or why there is none."""
    shown = seen(glance)
    there = {each.name for each in shown.columns}
    below = {each.under: each for each in shown.columns if each.under in there}
    columns = [each for each in shown.columns if each.spare < FILES_ONLY and each.under not in there]
    if not glance.rows:
        return tag("p", f"None: {glance.empty}."), columns

    def row_of(row: GlanceRow, class_: str | None) -> Html:
        cells = (_html_cell(shown, row, column, below.get(column.name), writing) for column in columns)
        return tag("tr", cells, class_=class_)

    rows = (row_of(row, "total" if row.is_sum else None) for row in shown.rows)
    totals = (row_of(row, "total") for row in shown.totals)
    heads = [(_head(column, below.get(column.name)), column.kind.is_figure) for column in columns]
    return pages.table(heads, tag("tbody", rows), tag("tbody", totals)), columns


def _head(column: GlanceColumn, below: GlanceColumn | None) -> Html:
    """A figure that stands below another has its own title; names need none."""
    if below is None or not below.kind.is_figure:
        return markup(column.title)
    return markup(column.title, tag("small", below.title.removeprefix(column.title).strip()))


def _on_a_phone(columns: Sequence[GlanceColumn]) -> str:
    """Without the columns that a terminal leaves out first; files have them."""
    places = [place for place, column in enumerate(columns, 1) if column.spare]
    hidden = ", ".join(f"th:nth-child({place}), td:nth-child({place})" for place in places)
    return f"@media screen and (max-width: 720px) {{ {hidden} {{ display: none; }} }}\n" if places else ""


def _html_cell(
    glance: Glance, row: GlanceRow, column: GlanceColumn, below: GlanceColumn | None, writing: Writing
) -> Html:
    """What stands below is a name, what else the thing is known by, or what of a figure is of before."""
    cell = row.cells.get(column.name)
    classes = [_CLASSES.get(column.kind, "right")]
    if isinstance(cell, int) and cell < 0:
        classes.append("negative")
    said, explained = _written(cell, column, writing), _explained(glance, row, column)
    inside = tag("span", said, title=explained) if explained or column.kind is CellKind.ID else said
    under = _written(row.cells.get(below.name), below, writing) if below is not None else ""
    small = (
        tag("small", tag("span", under, title=_explained(glance, row, below))) if below is not None and under else ""
    )
    return tag("td", markup(inside, small), class_=" ".join(classes))


def _explained(glance: Glance, row: GlanceRow, column: GlanceColumn) -> str | None:
    id_ = glance.id_of(row, column.name) if row.cells.get(column.name) is not None else ""
    return f"milepost explain {shell_word(id_)}" if id_ else None


_CLASSES: Final[Mapping[CellKind, str]] = {CellKind.TEXT: "text", CellKind.ID: "id", CellKind.DAY: "nowrap"}


def _written(cell: Cell, column: GlanceColumn, writing: Writing) -> str:
    match cell:
        case int() if column.kind is CellKind.AMOUNT:
            return writing.amount(cell)
        case int() if column.kind is CellKind.HOURS:
            return writing.hours(round(cell, 2 - HOURS_SCALE))
        case int() if column.kind is CellKind.PERCENT:
            return writing.percent(round(cell, 1 - PERCENT_SCALE), 1)
        case date():
            return writing.short_day(cell)
        case _:
            return cell_text(cell, column)
