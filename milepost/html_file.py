"""`--html FILE` and `--xlsx FILE`, the same with every command: a page in a file, or on standard output; a spreadsheet in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from milepost.console import echo, say

STANDARD_OUTPUT: Final = Path("-")


def target(html: Path | None) -> Path | None:
    """An option that follows is no file: `--html` alone was a page on standard output once."""
    return _file(html, "a file, or - for standard output")


def _file(given: Path | None, expected: str) -> Path | None:
    if given is not None and given != STANDARD_OUTPUT and str(given).startswith("-"):
        raise typer.BadParameter(f"expected {expected}, got the option {given}")
    if given is not None and given.is_dir():
        raise typer.BadParameter(f"expected {expected}, found a folder at {given}")
    return given


def named_file(given: Path | None) -> Path | None:
    return _file(given, "a file")


def file_option(name: str, check: Callable[[Path | None], Path | None], help_: str) -> object:
    return typer.Option(name, metavar="FILE", callback=check, help=help_)


HtmlFile = Annotated[
    Path | None, file_option("--html", target, "Write it as a page into this file; - is standard output.")
]


def spreadsheet_target(xlsx: Path | None) -> Path | None:
    """Never standard output, where its bytes would be seen."""
    if xlsx == STANDARD_OUTPUT:
        raise typer.BadParameter("expected a file: a spreadsheet is not written to standard output")
    return named_file(xlsx)


XlsxFile = Annotated[
    Path | None, file_option("--xlsx", spreadsheet_target, "Write it as a spreadsheet into this file.")
]


def write_page(html: Path, page: str) -> None:
    """Whole or not at all; missing folders are made."""
    write_text(html, page, ": open it in any browser")


def write_text(file: Path, text: str, then: str = "") -> None:
    """Into the file, or to standard output."""
    if file == STANDARD_OUTPUT:
        echo(text, nl=False)
        return
    from connectors.files.writing import replace_file

    replace_file(file, text.encode())
    say(f"Written to {file}{then}")
