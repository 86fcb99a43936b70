"""Options that several commands have, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from milepost.console import LOCALE


def known_locale(name: str) -> str:
    """Raises BadParameter, also where nothing of what is asked for is written in it."""
    if name != LOCALE:
        from milepost.locales import writing

        writing(name, "EUR")
    return name


Output = Annotated[Path, typer.Option("--output", help="Output folder of a run.")]
Input = Annotated[
    Path | None,
    typer.Option("--input", help="Its input folder, which gets one more file; without it `input` beside the output."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]
Approver = Annotated[str, typer.Option("--approved-by", help="Who approves; not the one who asks.")]
MayApprove = Annotated[str | None, typer.Option("--approved-by", help="Who approves; not the one who asks.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write it without asking.")]
Locale = Annotated[
    str, typer.Option("--locale", callback=known_locale, help="How a page writes amounts and dates, such as de_DE.")
]
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
SummaryJson = Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")]


def checked_name(name: str, what: str = "a name", option: str | None = None) -> str:
    """Names are compared as written. Raises BadParameter where it is none, or nobody could see how it is written."""
    if not name or name != name.strip() or not name.isprintable():
        raise typer.BadParameter(f"expected {what}, without blanks around it, got {name!r}", param_hint=option)
    return name
