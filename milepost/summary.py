"""What a run has come to: the whole output folder, and what this run added."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from connectors.files.written import read_file
from dataflows.embedded_intake import LateLines
from domain.counting import counted, named
from domain.money import format_amount
from domain.outputs import TOPICS, ExceptionClosed, ExceptionRaised
from milepost.console import aligned, amount_text, shape
from milepost.exceptions.words import title_of
from milepost.words import label_words
from state.store.sums import BooksSums

CATEGORIES_SHOWN = 3
FILES_SHOWN = 5


class RunSummary(NamedTuple):
    """`unrouted_first` are some that wait; `dead_letters_sent` those of them that were sent again; `not_read` are files of the input;
    `events_read`, `late_lines` and `seconds` are this run's, all else is what the folder holds now."""

    output: Path
    generation: str
    is_complete: bool
    events: int
    events_read: int
    log_records: int
    unrouted: int
    unrouted_first: tuple[str, ...]
    dead_letters: int
    dead_letters_sent: int
    not_read: tuple[str, ...]
    late_lines: LateLines
    sums: BooksSums
    exceptions: Mapping[str, int]
    seconds: float

    @property
    def events_per_second(self) -> int:
        return round(self.events_read / self.seconds) if self.seconds else 0


def open_exceptions(output: Path) -> dict[str, int]:
    """How many of each category were raised and not closed since, the most first."""
    standing: dict[str, str] = {}
    for written in read_file(output, TOPICS["ExceptionRaised"], 0):
        match written.record:
            case ExceptionRaised(exception_id=exception_id, category=category):
                standing[exception_id] = category
            case ExceptionClosed(exception_id=exception_id):
                standing.pop(exception_id, None)
    return dict(sorted(Counter(standing.values()).items(), key=lambda found: (-found[1], found[0])))


def as_json(summary: RunSummary) -> dict[str, Any]:
    """Version 3 of the shape; amounts are decimals as text."""
    money, before = (
        {
            currency: {name: format_amount(amount) for name, amount in of._asdict().items()}
            for currency, of in found.items()
        }
        for found in (summary.sums.money, summary.sums.brought_forward)
    )
    return shape(
        3,
        output=str(summary.output),
        generation=summary.generation,
        complete=summary.is_complete,
        events=summary.events,
        events_read=summary.events_read,
        log_records=summary.log_records,
        unrouted=summary.unrouted,
        unrouted_first=summary.unrouted_first,
        journals=summary.sums.journals,
        statements=summary.sums.statements,
        exceptions_open=sum(summary.exceptions.values()),
        exceptions_by_category=dict(summary.exceptions),
        dead_letters=summary.dead_letters,
        dead_letters_sent=summary.dead_letters_sent,
        files_not_read=summary.not_read,
        late_lines=summary.late_lines.lines,
        late_lines_first=summary.late_lines.first or None,
        money=money,
        brought_forward=before,
        seconds=round(summary.seconds, 3),
        events_per_second=summary.events_per_second,
    )


def as_text(summary: RunSummary) -> str:
    """For people, with what to do next."""
    counts = [
        ("events", f"{summary.events:,}", f"{summary.events_read:,} of them new"),
        ("journals", f"{summary.sums.journals:,}", ""),
        ("statements", f"{summary.sums.statements:,}", ""),
        ("exceptions open", f"{sum(summary.exceptions.values()):,}", categories_text(summary.exceptions)),
        ("unreadable", f"{summary.dead_letters:,}", _unreadable_text(summary)),
        ("waiting", f"{summary.unrouted:,}", _unrouted_text(summary)),
    ]
    if summary.not_read:
        counts.append(("files not read", f"{len(summary.not_read):,}", not_read_text(summary.not_read)))
    if summary.late_lines.lines:
        counts.append(("out of order", f"{summary.late_lines.lines:,}", late_text(summary.late_lines)))
    money = [
        (f"{currency}{told}", *(amount_text(amount) for amount in of))
        for found, told in ((summary.sums.money, ""), (summary.sums.brought_forward, " brought forward"))
        for currency, of in found.items()
    ]
    speed = f", {counted(summary.events_per_second, 'event')} a second" if summary.events_per_second else ""
    lines = aligned(counts, right=(1,))
    if money:
        lines += ["", *aligned([("", "recognised", "issued less credits"), *money], right=(1, 2))]
    return "\n".join([*lines, "", f"  {summary.seconds:,.1f} seconds{speed}"])


def _unreadable_text(summary: RunSummary) -> str:
    """How many of them were sent again, where any was."""
    if not summary.dead_letters:
        return ""
    if summary.dead_letters_sent == summary.dead_letters:
        return f"{'it was' if summary.dead_letters == 1 else 'all of them were'} sent again"
    if not summary.dead_letters_sent:
        return "see milepost dead-letters list"
    return f"{summary.dead_letters_sent:,} of them sent again; see milepost dead-letters list --waiting"


def _unrouted_text(summary: RunSummary) -> str:
    if not summary.unrouted:
        return ""
    more = summary.unrouted - len(summary.unrouted_first)
    named = "; ".join([*map(label_words, summary.unrouted_first), *([f"{more:,} more"] if more else [])])
    return f"for a project or contract that is not known yet: {named}"


def not_read_text(names: Sequence[str]) -> str:
    return (
        f"{named(names, FILES_SHOWN)}: events are in .jsonl and .avro files. Name a file of JSON events, one a line, .jsonl; "
        "`milepost import` makes events of CSV; keep other files elsewhere"
    )


def late_text(late: LateLines) -> str:
    return (
        f"after a line of a later day in the same file, the first at {late.first}: they count as recorded then, so statements of periods "
        "that had ended are without them. Sort files by `recorded_at`, else `occurred_at`, before they are read; "
        "to have these in order, sort them and run into an empty output folder"
    )


def categories_text(exceptions: Mapping[str, int]) -> str:
    """The most frequent first; all of them are in the JSON form."""
    shown = [f"{title_of(category)} {count:,}" for category, count in list(exceptions.items())[:CATEGORIES_SHOWN]]
    more = sum(exceptions.values()) - sum(list(exceptions.values())[:CATEGORIES_SHOWN])
    return ", ".join([*shown, *([f"others {more:,}"] if more else [])])
