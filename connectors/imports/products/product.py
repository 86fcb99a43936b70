"""The products whose time exports are read, and how an export is recognised: by its header, never by its file name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from connectors.imports.refusals import ImportRefused, nearest

APPROVED: Final = "Approved?"
ROUNDED: Final = "Hours Rounded"


class Product(NamedTuple):
    """`required` are the columns without which the file is another export; `export` says how the right one is made.

    `approved` is the column that says what is approved, `rounded` that of the hours that are billed; None where the product exports none.
    """

    key: str
    title: str
    required: tuple[str, ...]
    export: str
    approved: str | None = None
    rounded: str | None = None


HARVEST = Product(
    "harvest",
    "Harvest",
    ("Date", "Client", "Project", "Task", "Hours", "Billable?", "First Name", "Last Name"),
    "in Harvest: Reports, Detailed time, Export, CSV",
    APPROVED,
    ROUNDED,
)
TOGGL = Product(
    "toggl",
    "Toggl",
    ("User", "Email", "Client", "Project", "Description", "Billable", "Start date", "Start time", "Duration"),
    "in Toggl Track: Reports, Detailed, Download CSV",
)
CLOCKIFY = Product(
    "clockify",
    "Clockify",
    ("Project", "Client", "User", "Email", "Billable", "Start Date", "Start Time", "Duration (h)"),
    "in Clockify: Reports, Detailed, Export, Save as CSV",
)
SOLIDTIME = Product(
    "solidtime",
    "solidtime",
    (
        "id",
        "start",
        "end",
        "billable_rate",
        "billable",
        "member_id",
        "client_id",
        "project_id",
        "task_id",
        "updated_at",
    ),
    "in solidtime: Import / Export, Export organization data; give the zip, or time_entries.csv beside its siblings",
)
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
