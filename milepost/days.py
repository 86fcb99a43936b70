"""Options that name a day."""

from __future__ import annotations

from datetime import datetime

import typer


def day(text: str) -> datetime:
    """The beginning of a day such as 2026-03-31; wrong usage where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise typer.BadParameter(f"expected a day such as 2026-03-31, got {text or '(nothing)'}") from None
