"""Processes on Kafka, made from the settings; and their flows for Bytewax's own command.

python -m bytewax.run 'milepost.serving:accounting_flow("0,4")'
python -m bytewax.run milepost.serving:intake_flow
"""

from __future__ import annotations

import atexit
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bytewax.dataflow import Dataflow
from confluent_kafka import KafkaException

from connectors.avro_codec import OUTPUT_CODECS
from connectors.files.output_lock import only_writer
from connectors.files.writing import unwritable
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import DEAD_LETTERS, DIRECTORY, ENGAGEMENT_LOG, OVERRIDES, PROGRESS, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import unreachable
from connectors.kafka.registry import schema_ids
from connectors.kafka.settings import KafkaSettings
from dataflows import accounting_kafka, intake
from dataflows.accounting_kafka import Job
from dataflows.intake import IntakeSetup, KafkaIntake
from milepost.console import say
from milepost.settings import Settings, load
from milepost.shards_chosen import chosen
from milepost.stopping import Stop, stopping
from milepost.supervisor import until_told
from operators.accounting import Faults
from state.genesis import Genesis
from state.guards import INTAKE_STATE_LOST, GuardStop
from state.rules import RULES

MINUTE = 60_000_000
INTAKE_TOPICS = (ENGAGEMENT_LOG, DIRECTORY, DEAD_LETTERS)
ACCOUNTING_TOPICS = ("engagement.log", PROGRESS, OVERRIDES, *SHARD_TOPICS)


def account(settings: Settings, shards: Sequence[int]) -> None:
    """Until somebody asks to stop."""
    with stopping() as stop:
        try:
            accounting_kafka.run(accounting_job(settings, shards), until_told(stop), tell=say)
        except KafkaException as fault:
            raise unreachable(fault.args[0].str()) from fault
        except sqlite3.OperationalError as fault:
            raise unwritable(settings.store.folder, str(fault)) from fault


def accounting_flow(shards: str | None = None) -> Dataflow:
    """With the settings that the environment names; all shards, or those that are named. A fault ends the process."""
    settings = load().settings
    numbers = chosen(
        settings.accounting, settings.kafka.partitions, shards, every=shards is None, ordinal=None, of=None
    )
    held = ExitStack()
    atexit.register(held.close)
    stop = held.enter_context(stopping())
    job = accounting_job(settings, numbers)
    turns = held.enter_context(accounting_kafka.opened(job, until_told(stop), say))
    return accounting_kafka.flow_of(job, list(turns.values()), Faults(), until_told(stop), None)


def take_in(settings: Settings) -> None:
    """Until somebody asks to stop. A file at hand that turns out to be damaged is made again, once."""
    with stopping() as stop:
        try:
            _take_in(settings, stop)
        except GuardStop as fault:
            if fault.code != INTAKE_STATE_LOST:
                raise
            say(fault.message)
            _take_in(settings, stop)


def _take_in(settings: Settings, stop: Stop) -> None:
    with opened_intake(settings) as opened:
        intake.run_dataflow(opened, while_wanted(until_told(stop)))


def intake_flow() -> Dataflow:
    """With the settings that the environment names. A fault ends the process."""
    held = ExitStack()
    atexit.register(held.close)
    stop = held.enter_context(stopping())
    opened = held.enter_context(opened_intake(load().settings))
    return intake.flow_of(opened, Faults(), while_wanted(until_told(stop)))


@contextmanager
def opened_intake(settings: Settings) -> Iterator[KafkaIntake]:
    """Nobody else on this machine has its folder meanwhile. Raises GuardStop where something is not as it must be."""
    kafka = settings.kafka
    clients = KafkaClients(kafka)
    asked(lambda: topics.check(clients, kafka, intake_topics(clients, kafka)))
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    folder = settings.store.folder / "intake" / kafka.generation
    with only_writer(folder), ExitStack() as held:
        try:
            yield held.enter_context(KafkaIntake(clients, kafka, ids, intake_setup(settings, folder), say))
        except KafkaException as fault:
            raise unreachable(fault.args[0].str()) from fault


def intake_setup(settings: Settings, folder: Path) -> IntakeSetup:
    outputs = {name: codec.fingerprint for name, codec in sorted(OUTPUT_CODECS.items())}
    told = settings.intake
    return IntakeSetup(
        Genesis(settings.kafka.generation, partitions=settings.kafka.partitions, rules=RULES, outputs=outputs),
        folder,
        ownership=settings.ownership,
        accepted=told.accepted_topics,
        records_max=told.batch_records,
        bytes_max=told.batch_bytes,
        midnight_wait=told.midnight_wait_minutes * MINUTE,
        commit_seconds=told.commit_seconds,
    )


def intake_topics(clients: KafkaClients, kafka: KafkaSettings) -> list[str]:
    """Those that it writes, and of the event topics those that are there: a firm need not have all of them."""
    names = Names.of(kafka)
    there = clients.topics([names.shared(name) for name in topics.INPUT_TOPICS])
    return [*INTAKE_TOPICS, *(name for name in topics.INPUT_TOPICS if there[names.shared(name)] is not None)]


def while_wanted(stopped: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not stopped()


def accounting_job(settings: Settings, shards: Sequence[int]) -> Job:
    """Raises GuardStop where brokers, topics or schemas are not as they must be."""
    kafka = settings.kafka.model_copy(update={"buffer_kib": max(settings.kafka.buffer_kib // len(shards), 1_024)})
    clients = KafkaClients(kafka)
    asked(lambda: topics.check(clients, kafka, ACCOUNTING_TOPICS))
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    return Job(clients, kafka, settings.accounting, settings.store.folder / "shards", shards, ids.frame)


def asked(question: Callable[[], None]) -> None:
    try:
        question()
    except KafkaException as fault:
        raise unreachable(fault.args[0].str()) from fault
