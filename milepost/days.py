"""Days and the clock, for the commands at the edge."""

from datetime import UTC, date, datetime, timedelta

import typer

from domain.units import Instant

# Further ahead days end only where somebody says that it is meant.
DAYS_AHEAD_MAX = 31
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment() -> datetime:
    """Now, in UTC: what the other functions, and lines of a log, are made of."""
    return datetime.now(UTC)


def now() -> Instant:
    return (moment() - _EPOCH) // timedelta(microseconds=1)


def instant_day(at: Instant) -> date:
    """In UTC, as `--as-of` counts days."""
    return (_EPOCH + timedelta(microseconds=at)).date()


def period_text(first: date, end: date) -> str:
    """`2026-03-01 to 2026-03-31`: with its last day, of a period whose stored end is the day after."""
    return f"{first} to {last_day(end)}"


def last_day(end: date) -> date:
    """Of a range whose end is excluded."""
    return end - timedelta(days=1)


def today() -> date:
    return moment().date()


def furthest_day() -> date:
    """The last day that a run lets end unless it is told to."""
    return today() + timedelta(days=DAYS_AHEAD_MAX)


def day(text: str) -> date:
    """A day such as 2026-03-31; wrong usage where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise typer.BadParameter(f"expected a day such as 2026-03-31, got {text or '(nothing)'}") from None


def month(text: str) -> date:
    """The first day of a month such as 2026-03; wrong usage where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise typer.BadParameter(f"expected a month such as 2026-03, got {text or '(nothing)'}") from None


def day_option(name: str, help_: str, metavar: str = "DAY") -> object:
    return typer.Option(name, parser=day, metavar=metavar, help=help_)


def month_option(name: str, help_: str) -> object:
    return typer.Option(name, parser=month, metavar="MONTH", help=help_)
