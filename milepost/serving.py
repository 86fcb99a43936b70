"""Processes on Kafka, made from the settings; and their flows for Bytewax's own command.

python -m bytewax.run 'milepost.serving:accounting_flow("0,4")'
"""

from __future__ import annotations

import atexit
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bytewax.dataflow import Dataflow
from confluent_kafka import KafkaException

from connectors.files.writing import unwritable
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import OVERRIDES, PROGRESS
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import unreachable
from connectors.kafka.registry import schema_ids
from dataflows import accounting_kafka
from dataflows.accounting_kafka import Job
from milepost.console import say
from milepost.settings import Settings, load
from milepost.shards_chosen import chosen
from milepost.stopping import stopping
from milepost.supervisor import until_told
from operators.accounting import Faults

ACCOUNTING_TOPICS = ("engagement.log", PROGRESS, OVERRIDES, *SHARD_TOPICS)


def account(settings: Settings, shards: Sequence[int]) -> None:
    """Until somebody asks to stop."""
    with stopping() as stop:
        try:
            accounting_kafka.run(accounting_job(settings, shards), until_told(stop), tell=say)
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
