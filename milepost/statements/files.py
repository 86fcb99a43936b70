"""Statements written as files to send, one or those of a period into a folder: the PDF of each, and the e-invoice beside it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Final, NamedTuple

import typer

from connectors.files.lookup import FoundStatement, newest_statements
from connectors.files.writing import replace_file
from domain.billing.statement import ISSUED
from domain.counting import counted, named
from milepost.console import say
from milepost.exit_codes import FAILURE
from milepost.folders import firms_settings
from milepost.statements.e_invoice import NoEInvoice, e_invoice
from milepost.statements.pdf import statement_pdf, unwritten_told
from milepost.statements.sheet import Logo, StatementSheet

# Statements that a sentence names.
NAMED_MOST: Final = 3
# What a file's name may not have everywhere.
_NOT_IN_A_NAME: Final = re.compile(r"[^\w.,@#()+-]+")
LOGOS: Final = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


class UnreadableLogo(ValueError):
    """The file of a company's logo is no picture."""


class SentFiles(NamedTuple):
    """`lacking` says of which statements no e-invoice could be made or the PDF lacks letters, and why."""

    pdfs: int
    e_invoices: int
    lacking: tuple[str, ...]


def write_files(sheets: Sequence[StatementSheet], pdf: Path | None, invoices: Path | None) -> SentFiles:
    """Into folders, by number or id, each under a name of its own. What one lacks for an e-invoice holds up no other, nor its own PDF."""
    counts = [0, 0]
    lacking: list[str] = []
    faults: dict[str, list[str]] = {}
    for sheet, name in zip(sheets, file_names(sheets), strict=True):
        if pdf is not None:
            paper = statement_pdf(sheet)
            replace_file(pdf / f"{name}.pdf", paper.content)
            lacking += unwritten_told(name, paper, sheet)
            counts[0] += 1
        if invoices is not None:
            try:
                made = e_invoice(sheet)
            except NoEInvoice as fault:
                for lack in fault.lacks:
                    faults.setdefault(lack, []).append(sheet.statement.number or sheet.statement.statement_id)
                continue
            replace_file(invoices / f"{name}.xml", made)
            counts[1] += 1
    lacking += [f"no e-invoice of {named(of, NAMED_MOST)}: {lack}" for lack, of in faults.items()]
    return SentFiles(counts[0], counts[1], tuple(lacking))


def file_names(sheets: Sequence[StatementSheet]) -> list[str]:
    """The number, else the id; after the company where two companies give the same number, after a count where two names still meet."""
    names = [_file_name(sheet.statement.number or sheet.statement.statement_id) for sheet in sheets]
    meet = Counter(name.casefold() for name in names)
    used: set[str] = set()
    for place, (name, sheet) in enumerate(zip(names, sheets, strict=True)):
        own = name if meet[name.casefold()] == 1 else _file_name(f"{sheet.statement.legal_entity_id}_{name}")
        free = next(each for each in chain((own,), (f"{own}_{n}" for n in count(2))) if each.casefold() not in used)
        used.add(free.casefold())
        names[place] = free
    return names


def _file_name(text: str) -> str:
    return _NOT_IN_A_NAME.sub("_", text).strip("._") or "statement"


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
    """`<legal entity>.png` or `.jpg` in the folder `logos` of the settings; none where there is no such file. Raises UnreadableLogo."""
    folder = firms_settings().logos
    if folder is None:
        return None
    for suffix, kind in LOGOS.items():
        path = folder / f"{legal_entity_id}{suffix}"
        if path.is_file():
            content = path.read_bytes()
            _check_picture(path, kind, content)
            return Logo(kind, content)
    return None


def _check_picture(path: Path, kind: str, content: bytes) -> None:
    """Read as the PDF reads it."""
    from fpdf.image_parsing import get_img_info

    try:
        get_img_info(path, BytesIO(content))
    except (OSError, ValueError, SyntaxError) as fault:
        raise UnreadableLogo(
            f"{path}: expected a {kind.upper()} picture, got {len(content):,} bytes that cannot be read as one; save it again as PNG or "
            "JPEG, or take it out of the folder"
        ) from fault


class SentAs(NamedTuple):
    """The file, or the folder of a period, for each form; None is not wanted."""

    pdf: Path | None
    e_invoice: Path | None


class WantedPeriod(NamedTuple):
    """The month that billing periods end in, of all legal entities or of one."""

    month: str
    entity: str | None


def send_one(sheet: StatementSheet, to: SentAs) -> None:
    """The PDF first: what is missing for an e-invoice does not hold it up. Raises Exit where something is missing."""
    lacking: list[str] = []
    if to.pdf is not None:
        made = statement_pdf(sheet)
        replace_file(to.pdf, made.content)
        say(f"Written to {to.pdf}")
        lacking += unwritten_told(sheet.statement.number or sheet.statement.statement_id, made, sheet)
    if to.e_invoice is not None:
        try:
            replace_file(to.e_invoice, e_invoice(sheet))
        except NoEInvoice as fault:
            say(str(fault))
            raise typer.Exit(FAILURE) from fault
        say(f"Written to {to.e_invoice}")
    for lack in lacking:
        say(lack)
    if lacking:
        raise typer.Exit(FAILURE)


def send_period(
    output: Path,
    wanted: WantedPeriod,
    to: SentAs,
    sheets: Callable[[Sequence[FoundStatement]], Sequence[StatementSheet]],
) -> None:
    """Raises BadParameter where nothing is to be sent, Exit where an e-invoice lacks something, and NoOutputs."""
    try:
        found = of_period(newest_statements(output), wanted.month, wanted.entity)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--period") from fault
    if not found:
        whose = f" of {wanted.entity}" if wanted.entity is not None else ""
        raise typer.BadParameter(
            f"no statement{whose} is issued for a billing period that ends in {wanted.month}; milepost statement lists all",
            param_hint="--period",
        )
    made = write_files(sheets(found), to.pdf, to.e_invoice)
    for lack in made.lacking:
        say(lack)
    written = [f"{counted(made.pdfs, 'PDF')} in {to.pdf}"] if to.pdf is not None else []
    written += [f"{counted(made.e_invoices, 'e-invoice')} in {to.e_invoice}"] if to.e_invoice is not None else []
    say(f"{counted(len(found), 'statement')}: {', '.join(written)}")
    if made.lacking:
        raise typer.Exit(FAILURE)
