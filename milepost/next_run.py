"""The `milepost run` that a command names as the next, so that it can be typed as it stands."""

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import log_path
from domain.events.reference import DayEnded
from domain.months import month_end
from milepost.console import shell_word
from milepost.days import furthest_day
from state.guards import GuardStop

RECORDS_AT_ONCE = 2_000


def run_text(input_dir: Path, output: Path, until: date | None = None) -> str:
    """Without a day where a run would refuse it."""
    ends = f" --until {until}" if until is not None and until <= furthest_day() else ""
    return f"milepost run --input {shell_word(input_dir)} --output {shell_word(output)}{ends}"


def output_beside(input_dir: Path) -> Path:
    """Where runs of the folder write, if it goes by the usual name."""
    return input_dir.parent / ("books" if input_dir.name == "output" else "output")


def until_month_of(day: date, output: Path) -> date:
    """The end of its month; where that is over in the books, their first day that is not, since what waits goes on when a day ends."""
    return max(month_end(day), a_day_later(output) or day)


def a_day_later(output: Path) -> date | None:
    """The first day that has not ended in the books; what waits for a day's end goes on with it."""
    last = last_ended(output)
    return None if last is None else last + timedelta(days=1)


def last_ended(output: Path) -> date | None:
    """The last day that ended in the books; None where there are none yet, or the log cannot be read: a hint stops no command."""
    if not log_path(output).exists():
        return None
    try:
        return _last_ended(output)
    except GuardStop:
        return None


def _last_ended(output: Path) -> date | None:
    with closing(EngagementLog.open(output)) as log:
        for end in range(log.end, 0, -RECORDS_AT_ONCE):
            begin = max(0, end - RECORDS_AT_ONCE)
            events = (record.event for record in log.read(begin, end - begin))
            if ended := [event.date for event in events if isinstance(event, DayEnded)]:
                return max(ended)
    return None
