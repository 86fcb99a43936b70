"""The products whose time exports are read, and how an export is recognised: by its header, never by its file name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connectors.imports.refusals import ImportRefused


class Product(NamedTuple):
    """`required` are the columns without which the file is another export; `export` says how the right one is made."""

    key: str
    title: str
    required: tuple[str, ...]
    export: str


HARVEST = Product(
    "harvest",
    "Harvest",
    ("Date", "Client", "Project", "Task", "Hours", "Billable?", "First Name", "Last Name"),
    "in Harvest: Reports, Detailed time, Export, CSV",
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
        f"{file}: not a detailed time export of {named.title}: without {_listed(missing(named, header))};"
        f" it has {', '.join(header[:24])}. A summary does not say who worked on which day; make the detailed export"
        f" ({named.export}) or write a mapping for milepost import csv"
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
