"""Events that a person records for a system that does not send them: an invoice, a payment, an approval, an amendment.

They go where decisions about exceptions go: into a file of the input folder, or to their topic. Each is refused before it is written
where the books say already that it cannot be; the fold looks at it in any case. Ids are derived from what is recorded, so that the same
command typed twice says that it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import orjson
import typer

from milepost.commands.given_settings import File, GivenSettings
from milepost.console import say, shape, write_json
from milepost.deciding import Outcome, Person, into_a_file
from milepost.options import Input, Json, Output, Verb, sharing

if TYPE_CHECKING:
    from domain.events.catalogue import Event
    from domain.units import Instant
    from milepost.settings import Settings
    from state.store.reader import StoreReader

SOURCE: Final = "milepost"
DAYS_BACK_MAX: Final = 3_660

Kafka = Annotated[
    bool, typer.Option("--kafka", help="Send it to its topic; --output is a folder that `verify --kafka --keep` keeps.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the event, and write nothing.")]
Asker = Annotated[str | None, typer.Option("--as", help="Who says it; without it your login.")]
At = Annotated[str | None, typer.Option("--at", help="When it was said, such as 2026-04-30T17:00:00Z; else now.")]


class RecordOptions(NamedTuple):
    """What all such commands take. What is known is read from `output`; what is recorded goes to the input folder, or to a topic."""

    output: Output
    input_: Input = None
    as_: Asker = None
    at: At = None
    kafka: Kafka = False
    file: File = None
    dry_run: DryRun = False
    json: Json = False


def rate_option(of: str) -> object:
    help_ = f"Ledger currency for 1 of the {of}'s; else the newest rate known by then."
    return typer.Option("--exchange-rate", help=help_)


def records(verb: Callable[..., None]) -> Verb:
    """The command that gives `verb` a recording, and its own options."""
    return sharing(RecordOptions, verb, lambda options, recorded: recorded(Recording(options)))


class Recording:
    """One command that records something: who, when, what is known, and where it goes."""

    def __init__(self, options: RecordOptions) -> None:
        from connectors.files.found_exceptions import latest_of
        from milepost.deciding import decided_at, person

        if options.kafka and options.input_ is not None:
            raise typer.BadParameter("expected it or --kafka, got both", param_hint="--input")
        self.output = options.output
        self.is_dry_run = options.dry_run
        self.is_json = options.json
        self._options = options
        self.who: Person = person(options.as_)
        self.at: Instant = decided_at(options.at, latest_of(options.output))

    @contextmanager
    def books(self) -> Iterator[StoreReader]:
        """Of all shards. Raises BadParameter where there are none: nothing is recorded unseen."""
        from dataflows.books_read import reading_books

        with reading_books(self.output) as reader:
            if not reader.is_there:
                raise typer.BadParameter(
                    f"{self.output}: the books are not there, so nobody can say what is open; `milepost run` makes them again",
                    param_hint="--output",
                )
            yield reader

    @cached_property
    def folder(self) -> Path:
        from milepost.deciding import input_folder

        return input_folder(self._options.input_, self.output)

    @cached_property
    def recorded(self) -> tuple[Event, ...]:
        """What such commands have written, taken in or not; on topics that is not known."""
        from connectors.files.added_events import RECORDED, added_events

        return () if self._options.kafka else tuple(added_events(self.folder, RECORDED))

    @cached_property
    def settings(self) -> Settings:
        return GivenSettings(self._options.file).settings

    def day(self, given: date | None, option: str, ahead: int = 1) -> str:
        """The day that was given, else that on which it is said, as events write it; at most `ahead` days after that, as zones differ.

        Raises BadParameter."""
        from connectors.json_values import instant_text
        from milepost.days import instant_day

        if given is None:
            return instant_text(self.at)[:10]
        first = instant_day(self.at) - timedelta(days=DAYS_BACK_MAX)
        last = instant_day(self.at) + timedelta(days=ahead)
        if not first <= given <= last:
            raise typer.BadParameter(
                f"expected a day from {first} to {last}, near to that on which it is said; got {given}. "
                "--at says when it was said",
                param_hint=option,
            )
        return given.isoformat()

    def event(self, type_name: str, **fields: object) -> dict[str, object]:
        """With what stands on every event."""
        from connectors.files.added_events import new_event_id
        from connectors.json_values import instant_text

        said = {"requested_by": self.who.name, **fields}
        return {
            "type": type_name,
            "event_id": new_event_id(f"{SOURCE}.recorded"),
            "occurred_at": instant_text(self.at),
            "source": SOURCE,
            **{name: value for name, value in said.items() if value is not None},
        }

    def send(self, events: Sequence[dict[str, object]], keyed: str) -> None:
        """Or only shows them. Raises BadParameter where one would become a dead letter."""
        from connectors.files.input_reader import fault_of_line

        for event in events:
            if fault := fault_of_line(orjson.dumps(event)):
                raise typer.BadParameter(fault.reason, param_hint=_option_of(str(event["type"]), fault.field_path))
        if self.is_dry_run:
            for event in events:
                write_json(event)
            return
        outcome, place = self._sent(events, keyed)
        outcome.tell(events, place, json=self.is_json)

    def _sent(self, events: Sequence[dict[str, object]], keyed: str) -> tuple[Outcome, str]:
        from milepost.days import moment

        if not self._options.kafka:
            from connectors.files.added_events import RECORDED, add_events

            return into_a_file(self.folder, self.output), str(add_events(self.folder, RECORDED, events, moment()))
        from domain.events.catalogue import TOPICS
        from milepost.exceptions.on_kafka import ExceptionTopics

        topics = ExceptionTopics(self.settings)
        [topic] = {TOPICS[str(event["type"])] for event in events}
        then = "milepost lag, until intake has taken it in"
        return Outcome("Send", "sent", "topic", then), topics.send(events, topic, keyed)

    def done_before(self, message: str) -> typer.Exit:
        """To be raised where the same is recorded already: a repeat changes nothing, and is no fault."""
        if self.is_json:
            write_json(shape(1, events=[]))
        say(f"{message}. Nothing was written")
        return typer.Exit(0)


# Options that are not called as the field that they fill.
_OPTIONS: Final = {
    "tax_amount": "--tax",
    "requested_by": "--as",
    "occurred_at": "--at",
    "received_on": "--on",
    "applied_on": "--on",
    "customer_id": "CUSTOMER",
    "currency": "CURRENCY",
}
_AMENDED: Final = frozenset({"effective_on", "treatment", "retroactive", "approved_by", "reason"})


def _option_of(type_name: str, field_path: str) -> str:
    field = field_path.partition(".")[0].partition("[")[0]
    if (type_name, field) == ("StatementApproved", "approved_by"):
        return "--as"
    if type_name == "ContractAmended" and field not in _AMENDED | _OPTIONS.keys():
        return "--set"
    return _OPTIONS.get(field) or f"--{field.replace('_', '-')}"


def stated_reason(reason: str) -> str:
    """Raises BadParameter where it says nothing."""
    if not reason.strip():
        raise typer.BadParameter(
            "expected a reason in words, for those who read it later, got none", param_hint="--reason"
        )
    return reason.strip()
