"""The events as files, one for each topic: JSON lines to read and edit, Avro containers for size and speed.

Events stand in the order of `recorded_at`, in each file and over all of them, and are counted and written as they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from connectors.avro_codec import EVENT_CODECS
from connectors.containers import ContainerFormat
from connectors.json_records import record_to_json
from domain.events.catalogue import TOPICS, Event
from domain.events.delivery import TimeApproved
from domain.units import HOURS_ONE, Hours
from domain.work.hours import worked_hours
from simulation.entries import SENT_TWICE
from simulation.plan import FORMATS, JSONL, SimulationPlan
from simulation.story import events

# Name before the number of a file that answers a run, and belongs to its simulation.
INVOICES, DECISIONS, RECEIPTS = "finance.invoices", "control.decisions", "finance.receipts"
ANSWERS = (INVOICES, DECISIONS, RECEIPTS)

Add = Callable[[Event], object]


class FolderInUse(ValueError):
    """The folder for the events holds something already."""


def write(
    plan: SimulationPlan, folder: Path, form: str, *, force: bool = False
) -> tuple[SimulationSummary, dict[str, int]]:
    """Simulate and write; gives the summary and the size of each file in bytes."""
    prepare(folder, force=force)
    summary = SimulationSummary(plan)
    with topic_files(folder, form, plan.seed) as add:
        for event in events(plan):
            add(event)
            summary.count(event)
    files = (f"{topic}.{form}" for topic in sorted({TOPICS[name] for name in summary.events}))
    return summary, {name: (folder / name).stat().st_size for name in files}


def prepare(folder: Path, *, force: bool) -> None:
    """Make the folder; with force, files of earlier simulations in it are removed, others never."""
    if folder.exists() and not folder.is_dir():
        raise FolderInUse(f"--out {folder}: expected a folder, found a file; give another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if force:
        for topic in sorted(set(TOPICS.values())):
            for form in FORMATS:
                (folder / f"{topic}.{form}").unlink(missing_ok=True)
        for path in (path for name in ANSWERS for path in folder.glob(f"{name}-[0-9]*.jsonl")):
            path.unlink()
    left = sorted(path.name for path in folder.iterdir())
    if left:
        what = "holds files that are not a simulation's" if force else "is not empty"
        raise FolderInUse(
            f"--out {folder}: expected an empty folder, but it {what} ({left[0]} and {len(left) - 1} more); "
            f"{'give another folder' if force else 'give another folder, or --force to replace an earlier simulation'}"
        )


@contextmanager
def topic_files(folder: Path, form: str, seed: int) -> Iterator[Add]:
    """What adds an event to the file of its topic; a file is made with its first event."""
    files: dict[str, Add] = {}
    with ExitStack() as opened:

        def add(event: Event) -> None:
            topic = TOPICS[type(event).__name__]
            if topic not in files:
                file = opened.enter_context((folder / f"{topic}.{form}").open("wb"))
                files[topic] = _lines(file) if form == JSONL else _container(file, topic, seed)
            files[topic](event)

        yield add


def _lines(file: BinaryIO) -> Add:
    """One event a line; fields without a value are left out."""
    return lambda event: file.write(line(event))


def _container(file: BinaryIO, topic: str, seed: int) -> Add:
    """An Avro container with every type of the topic, one record a block."""
    codecs = {name: EVENT_CODECS[name] for name, of in sorted(TOPICS.items()) if of == topic}
    container = ContainerFormat(tuple(codecs.values()), f"simulation-{seed}", topic)
    file.write(container.header)

    def add(event: Event) -> None:
        name = type(event).__name__
        file.write(container.block(name, codecs[name].encode(event)))

    return add


def line(event: Event) -> bytes:
    return orjson.dumps(stated(record_to_json(event))) + b"\n"


def stated(value: Any) -> Any:
    """What has a value, at every depth; what is left out reads as null."""
    match value:
        case dict():
            return {name: stated(each) for name, each in value.items() if each is not None}
        case list():
            return [stated(each) for each in value]
    return value


@dataclass(slots=True)
class SimulationSummary:
    plan: SimulationPlan
    events: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    hours: Hours = 0

    def count(self, event: Event) -> None:
        """One more event; the first version of a time entry, when it is first sent, gives entries and hours."""
        self.events[type(event).__name__] += 1
        if isinstance(event, TimeApproved) and event.version == 1 and not event.event_id.endswith(SENT_TWICE):
            self.entries += 1
            self.hours += worked_hours(event)

    @property
    def total(self) -> int:
        return self.events.total()


def as_json(summary: SimulationSummary, files: dict[str, int]) -> dict[str, object]:
    """Version 1 of the shape; hours as a string, as everywhere."""
    plan = summary.plan
    return {
        "version": 1,
        "seed": plan.seed,
        "start": plan.start.isoformat(),
        "end": plan.ends_on.isoformat(),
        "months": plan.months,
        "people": plan.people,
        "projects": plan.projects,
        "deals": plan.deals,
        "events": dict(sorted(summary.events.items())),
        "events_total": summary.total,
        "time_entries": summary.entries,
        "hours": hours_text(summary.hours),
        "files": files,
    }


def hours_text(hours: Hours) -> str:
    """Hours with two digits after the point."""
    return f"{hours // HOURS_ONE}.{hours % HOURS_ONE // 10_000:02}"
