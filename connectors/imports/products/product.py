"""The products whose time exports are read, each by its TOML file; an export is recognised by its header, never by its file name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from connectors.imports.refusals import ImportRefused, nearest


class Columns(NamedTuple):
    """Which column of a report says what; None where the report has none.

    `person`: the places of a person's id, of which the first counts that is filled; the columns of a place are one name.
    An entry is of a `day`, or from `start` to `end`, each by date and clock. `kind` says where a row is a break.
    `rounded` are the hours that are billed; `more_numbers` show how numbers are written, and so does a row in which one of
    `multiplied`, the first column that is there, times the rate is the amount.
    `{currency}` stands for the code in a column's name. Where amounts stand without rates, the rates follow from them.
    """

    person: Sequence[Sequence[str]]
    hours: str
    billable: str
    note: str
    client: str = "Client"
    project: str = "Project"
    task: str = "Task"
    person_name: str | None = None
    project_code: str | None = None
    roles: str | None = None
    kind: str | None = None
    day: str | None = None
    start: Sequence[str] = ()
    end: Sequence[str] = ()
    rounded: str | None = None
    must_say_billable: bool = False
    invoiced: str | None = None
    approved: str | None = None
    currency: str | None = None
    rate: str | None = None
    amount: str | None = None
    cost_rate: str | None = None
    more_numbers: Sequence[str] = ()
    multiplied: Sequence[str] = ()


class Product(NamedTuple):
    """`required` are the columns without which the file is another export; `export` says how the right one is made.

    `columns` is None where the export has a reader of its own.
    """

    key: str
    title: str
    export: str
    required: Sequence[str]
    columns: Columns | None = None

    @property
    def approved(self) -> str | None:
        """The column that says what is approved."""
        return None if self.columns is None else self.columns.approved

    @property
    def rounded(self) -> str | None:
        """The column of the hours that are billed, where the tracker rounds those that were worked."""
        return None if self.columns is None else self.columns.rounded


def _product(key: str) -> Product:
    """Raises TypeError at a key of its file that is not known."""
    said = tomllib.loads(Path(__file__).with_name(f"{key}.toml").read_text(encoding="utf-8"))
    columns = said.pop("columns", None)
    return Product(key=key, columns=None if columns is None else Columns(**columns), **said)


HARVEST, TOGGL, CLOCKIFY, SOLIDTIME = map(_product, ("harvest", "toggl", "clockify", "solidtime"))
PRODUCTS = (HARVEST, TOGGL, CLOCKIFY, SOLIDTIME)


def recognised(header: Sequence[str]) -> Product | None:
    return next((product for product in PRODUCTS if not missing(product, header)), None)


def missing(product: Product, header: Sequence[str]) -> list[str]:
    return [column for column in product.required if column not in header]


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
    if take_unapproved or product.approved in header:
        return
    strange = next((column for column in header if "approv" in column.casefold()), None)
    if product.approved is not None:
        hint = f'; "{strange}" may be meant' if strange else ""
        yield (
            f'line {line}: expected the column "{product.approved}", which tells what is approved, and it is not'
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
