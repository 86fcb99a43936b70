"""Exceptions as the topics have them, and decisions about them, which go to their topic as any producer's events."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson
import typer

from connectors.event_bodies import WRITERS
from connectors.files.found_exceptions import KnownException, closings
from connectors.files.input_reader import fault_of_line
from connectors.files.lookup import hint
from connectors.json_records import event_from_json_line
from connectors.json_values import instant_text
from connectors.kafka.clients import KafkaClients
from connectors.kafka.event_sender import Sent, send
from connectors.kafka.found_on_topics import (
    DECISIONS,
    Decision,
    contracts_on,
    decided_in_log,
    decided_on,
    exceptions_on,
)
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import Names
from connectors.kafka.registry import SchemaIds, schema_ids
from domain.events.catalogue import Event
from domain.events.control import ExceptionAssigned
from milepost.console import say
from milepost.days import now
from milepost.deciding import Outcome, Person
from milepost.exceptions.effects import refusal_of
from milepost.exceptions.plan import DecisionPlan, plan_of
from milepost.exceptions.shown import ClosedExceptions, HeldBalances
from milepost.settings import Settings


class ExceptionTopics:
    """What is asked of the brokers, and sent to them. Raises GuardStop and KafkaException where they do not answer, or refuse."""

    outcome = Outcome(
        "Send", "sent", "topic", "milepost exceptions list --kafka, when intake and accounting have taken it in"
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clients = KafkaClients(settings.kafka)
        self.names = Names.of(settings.kafka)
        self.timeout = settings.kafka.request_timeout_seconds
        self.as_of = now()

    @cached_property
    def known(self) -> dict[str, KnownException]:
        return exceptions_on(self.clients, self.names, self.timeout)

    def contracts(self, project_id: str) -> frozenset[str]:
        return contracts_on(self.clients, self.names, project_id, self.timeout)

    def closings(self, known: Iterable[KnownException]) -> Mapping[str, Event]:
        return closings(known, lambda shard: KafkaLog(self.clients, self.names.log, shard, self.timeout))

    def decided(self, known: Iterable[KnownException]) -> ClosedExceptions:
        """Without what is still over a cap, which the books say."""
        decided = [each for each in known if each.is_decided]
        return ClosedExceptions(decided, self.closings(decided), {})

    def held(self, _known: Iterable[KnownException]) -> Mapping[str, Sequence[HeldBalances]]:
        """The books have them alone."""
        return {}

    def unknown(self, exception_id: str) -> typer.BadParameter:
        return typer.BadParameter(
            f"expected the id of an exception, got {exception_id or '(nothing)'}"
            f"{hint(exception_id, frozenset(self.known))}. `milepost exceptions list --kafka --state all` lists them",
            param_hint="ID",
        )

    def plan(
        self, type_name: str, found: Sequence[KnownException], _who: Person, _approved_by: str | None
    ) -> DecisionPlan:
        """Own work and limits are looked at by the fold alone."""
        plan = plan_of(type_name, found, lambda raised: refusal_of(raised, type_name))
        return plan._replace(warnings=_decided_before(plan.taken, self._last_decisions(plan.taken)))

    def versions(self, taken: Sequence[KnownException]) -> Mapping[str, int]:
        return {exception_id: last.version for exception_id, last in self._last_decisions(taken).items()}

    def add(self, events: Sequence[dict[str, Any]]) -> str:
        return self.send(events)

    def _last_decisions(self, known: Sequence[KnownException]) -> dict[str, Decision]:
        """Of each, taken in or not; of what the topic does not keep any more the log tells."""
        shards = {each.raised.exception_id: each.position.shard for each in known}
        last: dict[str, Decision] = {}
        for each in self._decisions(frozenset(shards.values())):
            before = last.get(each.exception_id)
            if each.exception_id in shards and (before is None or each.version > before.version):
                last[each.exception_id] = each
        return last

    def _decisions(self, shards: Collection[int]) -> list[Decision]:
        decided = decided_on(self.clients, self.names, self.schemas(), self.timeout)
        of_log = () if decided.is_whole else shards
        return [*decided.decisions, *decided_in_log(self.clients, self.names, of_log, self.timeout)]

    def send(self, events: Sequence[dict[str, Any]], to: str = DECISIONS, keyed: str = "exception_id") -> str:
        """To the topic whose name is the answer. Raises DecodeError where one would become a dead letter."""
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
        send(self.clients, topic, framed, self.timeout)
        return topic

    def schemas(self) -> SchemaIds:
        settings = self.settings
        return schema_ids(settings.registry, settings.kafka.prefix, settings.registry_cache, say)


def _decided_before(taken: Sequence[KnownException], last: Mapping[str, Decision]) -> list[str]:
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
