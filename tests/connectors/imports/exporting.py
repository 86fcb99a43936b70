"""Exports go through files, as they do for people."""

from __future__ import annotations

import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.imports.products.choices import Choices
from connectors.imports.products.import_export import ImportedExport, import_export
from connectors.imports.products.product import Product
from connectors.imports.readings import read_instant
from tests.connectors.imports.made_exports import ZONE

# After all that the tests import.
NOW = read_instant("2027-01-01T00:00:00Z", ("iso",), "UTC")
# The least that a mapping of time says.
FIELDS = """
source = "timesheets"
zone = "Europe/Berlin"
[time]
entry_id = "Id"
project_id = "Project"
person_id = "Person"
worked_on = "Date"
hours = "Hours"
approved_by = { value = "ada" }
"""
COMPANY = {"entity": "studio", "zone": ZONE, "bootstrap": True}


def imported(
    folder: Path, content: str | bytes, product: Product | None, name: str = "march", **said: Any
) -> ImportedExport:
    """`said` are choices and what is wanted, by their names; the company is the studio, in EUR and Berlin."""
    path = folder / f"{name}.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_file(path, folder / "out", product, name, **said)


def import_file(path: Path, out: Path, product: Product | None, name: str = "march", **said: Any) -> ImportedExport:
    now = said.pop("now", NOW)
    choices = Choices(**{"currency": "EUR", "cost_rate": Decimal(50), **COMPANY, **said})
    return import_export(path, product, choices, out, name, now)


def events(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Of all files, in the order of their names."""
    paths = sorted(path for path in folder.rglob("*.jsonl") if not path.name.endswith(".rejected.jsonl"))
    records = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [record for record in records if kind in (None, record["type"])]


def entries(result: ImportedExport) -> list[dict[str, Any]]:
    """What this import wrote of time."""
    if result.events_path is None:
        return []
    return [json.loads(line) for line in result.events_path.read_bytes().splitlines()]


def listed(result: ImportedExport) -> list[dict[str, Any]]:
    if result.listed_path is None:
        return []
    return [json.loads(line) for line in result.listed_path.read_bytes().splitlines()]


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()
