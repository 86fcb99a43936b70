"""Exceptions as the topics have them, and decisions about them, which go to their topic as any producer's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
import typer
from confluent_kafka import KafkaException

from connectors.event_bodies import WRITERS
from connectors.files.added_events import new_event_id
from connectors.files.found_exceptions import Known
from connectors.files.input_reader import fault_of_line
from connectors.files.lookup import hint
from connectors.json_records import event_from_json_line
from connectors.json_values import instant_text
from connectors.kafka.clients import KafkaClients
from connectors.kafka.event_sender import Sent, send
from connectors.kafka.found_on_topics import (
    DECISIONS,
    Decision,
    Found,
    closings_on,
    contracts_on,
    decided_in_log,
    decided_on,
    exceptions_on,
)
from connectors.kafka.names import Names
from connectors.kafka.partitions import failed
from connectors.kafka.registry import SchemaIds, schema_ids
from domain.events.control import ExceptionAssigned
from domain.units import Instant
from milepost.commands.exceptions import Asked
from milepost.console import echo, say, shape, write_json
from milepost.days import now
from milepost.deciding import Person, confirmed, decided_at, other_person, person
from milepost.exceptions_decided import SOURCE, Wanted, check_moment, fitting, is_named_one_way
from milepost.exceptions_effects import refusal_of
from milepost.exceptions_json import list_json
from milepost.exceptions_plan import plan_of, show_plan, tell_plan
from milepost.exceptions_shown import Decided, decided_table, ended_text, group_table, single_table
from milepost.settings import Settings
from milepost.tables import show as show_tables

Answer = TypeVar("Answer")


class Topics:
    """What is asked of the brokers. Raises GuardStop where they do not answer, or refuse."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clients = KafkaClients(settings.kafka)
        self.names = Names.of(settings.kafka)
        self.timeout = settings.kafka.request_timeout_seconds

    def exceptions(self) -> dict[str, Found]:
        return self._asked(lambda: exceptions_on(self.clients, self.names, self.timeout))

    def wanted(self, wanted: Wanted) -> Wanted:
        """With the contracts of the project that is named."""
        project_id = wanted.project_id
        if project_id is None:
            return wanted
        found = self._asked(lambda: contracts_on(self.clients, self.names, project_id, self.timeout))
        return wanted._replace(contracts=found)

    def closings(self, found: Iterable[Found]) -> Mapping[str, Any]:
        return self._asked(lambda: closings_on(self.clients, self.names, found, self.timeout))

    def decisions(self, found: Sequence[Found]) -> dict[str, Decision]:
        """The last one of each, taken in or not; of what the topic does not keep any more the log tells."""
        ids = {each.known.raised.exception_id for each in found}

        def read() -> list[Decision]:
            decided = decided_on(self.clients, self.names, self.schemas(), self.timeout)
            shards = () if decided.is_whole else {each.shard for each in found}
            return [*decided.decisions, *decided_in_log(self.clients, self.names, shards, self.timeout)]

        last: dict[str, Decision] = {}
        for each in self._asked(read):
            before = last.get(each.exception_id)
            if each.exception_id in ids and (before is None or each.version > before.version):
                last[each.exception_id] = each
        return last

    def send(self, events: Sequence[dict[str, Any]], to: str = DECISIONS, keyed: str = "exception_id") -> str:
        """To the topic whose name is the answer. Raises DecodeError where one would become a dead letter, and GuardStop."""
        ids, topic = self.schemas(), self.names.shared(to)
        framed = []
        for each in events:
            line = orjson.dumps({name: value for name, value in each.items() if value is not None})
            if fault := fault_of_line(line):
                raise fault
            event = event_from_json_line(line)
            writer = WRITERS[type(event)]
            value = ids.frame(to, writer.type_name) + writer.encode(event)
            framed.append(Sent(str(each[keyed]).encode(), value))
        self._asked(lambda: send(self.clients, topic, framed, self.timeout))
        return topic

    def schemas(self) -> SchemaIds:
        settings = self.settings
        return schema_ids(settings.registry, settings.kafka.prefix, settings.registry_cache, say)

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except KafkaException as fault:
            raise failed(fault) from fault


def list_exceptions(
    topics: Topics,
    wanted: Wanted,
    ordered: Callable[[list[Known], Instant], list[Known]],
    *,
    groups: int | None,
    singles: int | None,
    json: bool,
) -> None:
    """`ordered` takes those whose state is asked for; so many groups and single ones are shown."""
    everything, as_of = topics.exceptions(), now()
    known = fitting((each.known for each in everything.values()), topics.wanted(wanted))
    found = ordered(known, as_of)
    decided = [each for each in known if each.is_decided]
    shown = found[:singles]
    ended = topics.closings(everything[each.raised.exception_id] for each in (*decided, *shown))
    told = Decided(decided, ended, {})
    if json:
        write_json(list_json(found, as_of, told))
        return
    show_tables(
        group_table(found, as_of, groups),
        *([decided_table(told)] if decided else []),
        *([single_table(found, as_of, singles, ended)] if singles != 0 else []),
    )


def decide(
    topics: Topics,
    type_name: str,
    wanted: Wanted,
    fields: dict[str, Any],
    asked: Asked,
) -> None:
    """Several are shown as a plan first, and sent with a yes. What needs the books is looked at by the fold alone."""
    everything, latest = topics.exceptions(), now()
    found = _chosen(topics, everything, topics.wanted(wanted))
    who = person(asked.who)
    when, approver = decided_at(asked.at, latest), other_person(asked.approved_by, who)
    plan = plan_of(type_name, [each.known for each in found], lambda raised: refusal_of(raised, type_name))
    if not plan.taken:
        raise typer.BadParameter(plan.left_out_text or "no open exception fits", param_hint="ID")
    check_moment(plan.taken, when)
    last = topics.decisions(found)
    plan = plan._replace(warnings=_decided_before(plan.taken, last))
    if asked.plan:
        show_plan(plan, latest, json=asked.json)
        return
    are_several = wanted.is_filter or len(found) > 1
    if are_several:
        tell_plan(plan, latest, json=asked.json)
        confirmed(f"Send {len(plan.taken):,} decisions?", yes=asked.yes)
    events = [
        _event(each, last.get(each.raised.exception_id), type_name, {**fields, "approved_by": approver}, who, when)
        for each in plan.taken
    ]
    topic = topics.send(events)
    if asked.json:
        write_json(shape(1, topic=topic, events=events))
        return
    echo(f"{len(events):,} event{'s' * (len(events) != 1)} sent to {topic}")
    if not are_several:
        say("\n".join((*plan.effect_lines, *plan.warnings)))
    say("\nNext: milepost exceptions list --kafka, when intake and accounting have taken it in")


def _chosen(topics: Topics, everything: Mapping[str, Found], wanted: Wanted) -> list[Found]:
    """Open ones only. Raises BadParameter where an id is unknown or over, or nothing is named."""
    is_named_one_way(wanted)
    if not wanted.ids:
        still_open = (each.known for each in everything.values() if each.known.is_open)
        return [everything[each.raised.exception_id] for each in fitting(still_open, wanted)]
    found = []
    for exception_id in dict.fromkeys(wanted.ids):
        if exception_id not in everything:
            raise typer.BadParameter(
                f"expected the id of an exception, got {exception_id or '(nothing)'}"
                f"{hint(exception_id, frozenset(everything))}. `milepost exceptions list --kafka --state all` lists them",
                param_hint="ID",
            )
        each = everything[exception_id]
        if each.known.closed is not None:
            how = ended_text(each.known, topics.closings([each]).get(exception_id))
            raise typer.BadParameter(
                f"exception {exception_id} is over since {instant_text(each.known.closed.closed_at)}: {how}",
                param_hint="ID",
            )
        found.append(each)
    return found


def _decided_before(taken: Sequence[Known], last: Mapping[str, Decision]) -> list[str]:
    """Of what settles them: it may be on its way, or the fold has refused it."""
    told = []
    for each in taken:
        before = last.get(each.raised.exception_id)
        if before is not None and not isinstance(before, ExceptionAssigned) and before.occurred_at >= each.since:
            told.append(
                f"Mind: {each.raised.exception_id} has a decision already, {type(before).__name__} by {before.requested_by} on "
                f"{instant_text(before.occurred_at)}, and is open: it is on its way, or was refused. This one comes after it"
            )
    return told


def _event(
    known: Known, before: Decision | None, type_name: str, fields: dict[str, Any], who: Person, at: Instant
) -> dict[str, Any]:
    return {
        "type": type_name,
        "event_id": new_event_id(f"{SOURCE}.decision"),
        "occurred_at": instant_text(at),
        "source": SOURCE,
        "exception_id": known.raised.exception_id,
        "version": (before.version if before is not None else 0) + 1,
        "requested_by": who.name,
        "identified_by": who.identified_by,
        **fields,
    }
