"""The products whose time exports are read, each by its TOML file; an export is recognised by its header, never by its file name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from connectors.imports.products import solidtime
from connectors.imports.refusals import ImportRefused, nearest

# Stands for the code in a column's name.
CURRENCY = "{currency}"
_CODE = re.compile(r" ?[(（]([A-Z]{3})[)）]$")


class Columns(NamedTuple):
    """Which column of a report says what; None where the report has none.

    `person`: the places of a person's id, of which the first counts that is filled; the columns of a place are one name.
    An entry is of a `day`, or from `start` to `end`, each by date and clock, or as an instant; then these say its hours. `kind` says where
    a row is a break. `id` and `changed` are the vendor's.
    `rounded` are the hours that are billed; `more_numbers` show how numbers are written, and so does a row in which one of
    `multiplied`, the first column that is there, times the rate is the amount.
    An amount without a rate gives the rate.
    `fixed`: where it says a price, that is the whole entry's. `until` is the clock of the end, on the same day or the next; with it
    hours are written coarsely, and the time to the second follows from clock or amount.
    """

    person: Sequence[Sequence[str]]
    billable: str
    note: str
    hours: str = ""
    client: str = "Client"
    project: str = "Project"
    task: str = "Task"
    id: str | None = None
    changed: str | None = None
    person_name: str | None = None
    project_code: str | None = None
    roles: str | None = None
    kind: str | None = None
    day: str | None = None
    start: Sequence[str] = ()
    end: Sequence[str] = ()
    until: str | None = None
    rounded: str | None = None
    must_say_billable: bool = False
    invoiced: str | None = None
    approved: str | None = None
    currency: str | None = None
    rate: str | None = None
    in_cents: bool = False
    amount: str | None = None
    fixed: str | None = None
    cost_rate: str | None = None
    more_numbers: Sequence[str] = ()
    multiplied: Sequence[str] = ()

    @property
    def has_instants(self) -> bool:
        return len(self.start) == 1


class BudgetColumns(NamedTuple):
    """Which column of the export of projects says what; `hours`, `fees` and `none` are what `by` may say."""

    export: str
    client: str
    project: str
    by: str
    budget: str
    hours: Sequence[str]
    fees: Sequence[str]
    none: Sequence[str]


class Product(NamedTuple):
    """`required` are the columns without which the file is another export; `export` says how the right one is made.

    `words`: by column, what it is called in other languages. An archive has `siblings` beside its entries: `names` says by column which of
    them has the names of its ids, and `beside` what stands there in place of the column's text.
    """

    key: str
    title: str
    export: str
    required: Sequence[str]
    columns: Columns
    words: Mapping[str, Sequence[str]] = {}
    budgets: BudgetColumns | None = None
    siblings: Sequence[str] = ()
    names: Mapping[str, str] = {}
    beside: Mapping[str, Callable[[solidtime.Cells, solidtime.Beside], str]] = {}

    def in_english(self, header: Sequence[str]) -> tuple[str, ...]:
        """The header with the names by which the columns are known here; a currency in brackets stays."""
        return tuple(self._known_as(column) for column in header)

    def _known_as(self, column: str) -> str:
        code = _CODE.search(column)
        pattern = column if code is None else f"{column[: code.start()]} ({{currency}})"
        if pattern in self.words:
            return column
        known = next((name for name, words in self.words.items() if pattern in words), None)
        if known is None:
            return column
        return known if code is None else known.replace("{currency}", code[1])


def _product(key: str) -> Product:
    """Raises TypeError at a key of its file that is not known."""
    said = tomllib.loads(Path(__file__).with_name(f"{key}.toml").read_text(encoding="utf-8"))
    budgets = said.pop("budgets", None)
    columns = Columns(**said.pop("columns"))
    return Product(key=key, columns=columns, budgets=budgets and BudgetColumns(**budgets), **said)


HARVEST = _product("harvest")
TOGGL = _product("toggl")
CLOCKIFY = _product("clockify")
SOLIDTIME = _product("solidtime")._replace(beside=solidtime.BESIDE)
KIMAI = _product("kimai")
PRODUCTS = (HARVEST, TOGGL, CLOCKIFY, SOLIDTIME, KIMAI)


def recognised(header: Sequence[str]) -> Product | None:
    return next((product for product in PRODUCTS if not missing(product, header)), None)


def missing(product: Product, header: Sequence[str]) -> list[str]:
    known = product.in_english(header)
    return [column for column in product.required if column not in known]


def lacks_client(product: Product, header: Sequence[str], line: int, client: str | None) -> Iterator[str]:
    """Work without any customer could not be billed."""
    column = product.columns.client
    if column not in header and client is None:
        yield (
            f'line {line}: expected the column "{column}", which says who pays, and it is not there; say --client NAME'
            f" where all rows are of one, or export again with it ({product.export})"
        )


def check_product(named: Product | None, header: Sequence[str], file: str) -> Product:
    """The product of the file: `named` where the columns are its own, else a refusal that says what the file is."""
    found = recognised(header)
    if named is None:
        if found is None:
            raise ImportRefused(_unknown(header, file))
        return found
    if not missing(named, header):
        return named
    if found is not None:
        raise ImportRefused(
            f"{file}: this looks like a {found.title} detailed export, not one of {named.title};"
            f" use milepost import {found.key}"
        )
    raise ImportRefused(
        f"{file}: not a detailed time export of {named.title}: without {_listed(missing(named, header))}"
        f"{nearest(missing(named, header)[0], header)}; it has {', '.join(header[:24])}. A summary does not say who worked on"
        f" which day; make the detailed export ({named.export}) or write a mapping for milepost import csv"
    )


def lacks_approval(product: Product, header: Sequence[str], line: int, take_unapproved: bool) -> Iterator[str]:
    """Rows that nobody approved are not billed in silence, because the column that tells them is missing or renamed."""
    if take_unapproved or product.columns.approved in header:
        return
    strange = next((column for column in header if "approv" in column.casefold()), None)
    if product.columns.approved is not None:
        hint = f'; "{strange}" may be meant' if strange else ""
        yield (
            f'line {line}: expected the column "{product.columns.approved}", which tells what is approved, and it is not'
            f" there{hint}; export again with it ({product.export}), give it this name, or say --take-unapproved if all"
            " rows count as approved"
        )
    elif strange is not None:
        yield (
            f'line {line}: column "{strange}": exports of {product.title} are not known to say what is approved,'
            " so this column cannot be read; take rows that are not approved out, and then the column, or say"
            " --take-unapproved if all rows count as approved"
        )


def _unknown(header: Sequence[str], file: str) -> str:
    nearest = min(PRODUCTS, key=lambda product: len(missing(product, header)) / len(product.required))
    lacks = missing(nearest, header)
    hint = ""
    if len(lacks) <= len(nearest.required) // 2:
        hint = (
            f" It is nearest to {nearest.title}, without {_listed(lacks)}: make the detailed export ({nearest.export})."
        )
    return (
        f"{file}: not a detailed time export of {', '.join(product.title for product in PRODUCTS)};"
        f" it has {', '.join(header[:24])}.{hint} Any other CSV goes by milepost import csv and a mapping"
    )


def _listed(columns: Sequence[str]) -> str:
    return f"the column{'s' if len(columns) > 1 else ''} " + ", ".join(f'"{column}"' for column in columns)
