"""Statements as files to send: the PDF of each, and the e-invoice beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.lookup import FoundStatement
from connectors.files.writing import replace_file
from domain.billing.statement import ISSUED
from milepost.e_invoice import NoEInvoice, e_invoice
from milepost.folders import firms_settings
from milepost.statement_pdf import statement_pdf, unwritten_told
from milepost.statement_sheet import Logo, StatementSheet

# What a file's name may not have everywhere.
_NOT_IN_A_NAME: Final = re.compile(r"[^\w.,@#()+-]+")
LOGOS: Final = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


class SentFiles(NamedTuple):
    """`lacking` says of which statements no e-invoice could be made or the PDF lacks letters, and why."""

    pdfs: int
    e_invoices: int
    lacking: tuple[str, ...]


def write_files(sheets: Sequence[StatementSheet], pdf: Path | None, invoices: Path | None) -> SentFiles:
    """Into folders, by number or id. What one lacks for an e-invoice holds up no other, nor its own PDF."""
    counts = [0, 0]
    lacking: list[str] = []
    for sheet in sheets:
        name = file_name(sheet)
        if pdf is not None:
            paper = statement_pdf(sheet)
            replace_file(pdf / f"{name}.pdf", paper.content)
            lacking += unwritten_told(name, paper, sheet)
            counts[0] += 1
        if invoices is not None:
            try:
                made = e_invoice(sheet)
            except NoEInvoice as fault:
                lacking.append(str(fault))
                continue
            replace_file(invoices / f"{name}.xml", made)
            counts[1] += 1
    return SentFiles(counts[0], counts[1], tuple(lacking))


def file_name(sheet: StatementSheet) -> str:
    """The number, else the id."""
    return _NOT_IN_A_NAME.sub("_", sheet.statement.number or sheet.statement.statement_id).strip("._") or "statement"


def of_period(several: Sequence[FoundStatement], period: str, entity: str | None) -> list[FoundStatement]:
    """Those issued whose billing period ends in the month `2026-06`, or begins on the day `2026-06-16`. Raises ValueError."""
    fits = _fits(period)
    return [
        one
        for one in several
        if one.statement.status == ISSUED
        and (entity is None or one.statement.legal_entity_id == entity)
        and fits(one.statement.period, one.statement.to - timedelta(days=1))
    ]


def _fits(period: str) -> Callable[[date, date], bool]:
    try:
        if len(period) == len("2026-06"):
            date.fromisoformat(f"{period}-01")
            return lambda _first, last: last.isoformat().startswith(period)
        begins = date.fromisoformat(period)
    except ValueError:
        raise ValueError(f"expected a month such as 2026-03, or a first day such as 2026-03-16, got {period}") from None
    return lambda first, _last: first == begins


def logo_of(legal_entity_id: str) -> Logo | None:
    """`<legal entity>.png` or `.jpg` in the folder `logos` of the settings; none where there is no such file."""
    folder = firms_settings().logos
    if folder is None:
        return None
    for suffix, kind in LOGOS.items():
        path = folder / f"{legal_entity_id}{suffix}"
        if path.is_file():
            return Logo(kind, path.read_bytes())
    return None
