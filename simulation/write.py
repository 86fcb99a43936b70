"""The events as files, one for each topic: JSON lines to read and edit, Avro containers for size and speed.

Events stand in the order of `recorded_at`, in each file and over all of them, and are counted and written as they are made.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from connectors.avro_codec import EVENT_CODECS
from connectors.containers import ContainerFormat
from connectors.json_records import record_to_json
from domain.events.catalogue import TOPICS, Event
from domain.events.delivery import TimeApproved
from domain.units import HOURS_ONE, Hours
from simulation.calendar import HOUR, SECOND
from simulation.entries import SENT_TWICE
from simulation.plan import FORMATS, JSONL, SimulationPlan
from simulation.story import events

# Name before the number of a file that answers a run, and belongs to its simulation.
INVOICES, DECISIONS, RECEIPTS = "finance.invoices", "control.decisions", "finance.receipts"
ANSWERS = (INVOICES, DECISIONS, RECEIPTS)


class FolderInUse(ValueError):
    """The folder for the events holds something already."""


class Sink(Protocol):
    """A file that takes events."""

    def write(self, event: Event) -> None:
        """Add one event at the end."""


def write(
    plan: SimulationPlan, folder: Path, form: str, *, force: bool = False
) -> tuple[SimulationSummary, dict[str, int]]:
    """Simulate and write; gives the summary and the size of each file in bytes."""
    prepare(folder, force=force)
    summary = SimulationSummary(plan)
    with ExitStack() as opened:
        sinks: dict[str, Sink] = {}
        for event in events(plan):
            topic = TOPICS[type(event).__name__]
            if topic not in sinks:
                file = opened.enter_context((folder / f"{topic}.{form}").open("wb"))
                sinks[topic] = sink(file, topic, form, plan.seed)
            sinks[topic].write(event)
            summary.count(event)
    return summary, {f"{topic}.{form}": (folder / f"{topic}.{form}").stat().st_size for topic in sorted(sinks)}


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


def sink(file: BinaryIO, topic: str, form: str, seed: int) -> Sink:
    """A file of a topic, in a format."""
    return JsonLines(file) if form == JSONL else Container(file, topic, seed)


class JsonLines:
    """One event a line; fields without a value are left out."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, event: Event) -> None:
        self.file.write(line(event))


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


class Container:
    """An Avro container with every type of the topic, one record a block."""

    def __init__(self, file: BinaryIO, topic: str, seed: int) -> None:
        """To an open file, which begins with the schemas."""
        codecs = {name: EVENT_CODECS[name] for name, of in sorted(TOPICS.items()) if of == topic}
        self.encoders = {name: codec.encode for name, codec in codecs.items()}
        self.format = ContainerFormat(tuple(codecs.values()), f"simulation-{seed}", topic)
        self.file = file
        self.file.write(self.format.header)

    def write(self, event: Event) -> None:
        name = type(event).__name__
        self.file.write(self.format.block(name, self.encoders[name](event)))


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
            self.hours += worked(event)

    @property
    def total(self) -> int:
        return self.events.total()


def worked(event: TimeApproved) -> Hours:
    """Hours as stated, or as the clock says."""
    if event.hours is not None:
        return event.hours
    if event.started_at is None or event.ended_at is None:
        return 0
    hours: Hours = (event.ended_at - event.started_at) * HOURS_ONE // (HOUR * SECOND)
    return hours


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
