"""Processes on Kafka, made from the settings; and their flows for Bytewax's own command.

python -m bytewax.run 'milepost.operate.serving:accounting_flow("0,4")'
python -m bytewax.run milepost.operate.serving:intake_flow
python -m bytewax.run milepost.operate.serving:view_flow
"""

from __future__ import annotations

import atexit
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bytewax.dataflow import Dataflow
from confluent_kafka import KafkaException

from connectors.files.output_lock import only_writer
from connectors.files.writing import NO_ROOM, unwritable
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.ends import KnownEnds
from connectors.kafka.lost_topics import check_not_lost
from connectors.kafka.names import DEAD_LETTERS, DIRECTORY, ENGAGEMENT_LOG, OVERRIDES, PROGRESS, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import failed
from connectors.kafka.registry import schema_ids
from connectors.kafka.topics import SettingFault
from connectors.output_schemas import check_files, todays_fingerprints
from dataflows import accounting_kafka, intake
from dataflows.accounting_kafka import AskedToStop, Job, store_path
from dataflows.intake import IntakeSetup, KafkaIntake
from dataflows.measured import (
    ACCOUNTING,
    INTAKE,
    VIEW,
    MeasuredAccounting,
    MeasuredIntake,
    MeasuredView,
    ends_followed,
    exceptions_followed,
)
from domain.outputs import TOPICS
from milepost.console import say, stamp_lines
from milepost.operate.serving_metrics import Measured, serving_metrics
from milepost.operate.shards_chosen import chosen
from milepost.operate.stopping import Stop, stopping
from milepost.operate.supervisor import until_told
from milepost.operate.topics_watched import WatchedTopics, watched
from milepost.settings import Settings, load
from operators.accounting import Faults
from state.genesis import Genesis
from state.guards import INTAKE_STATE_LOST, GuardStop
from state.rules import RULES

if TYPE_CHECKING:
    from dataflows.view import ViewFlow

MINUTE = 60_000_000
INTAKE_TOPICS = (ENGAGEMENT_LOG, DIRECTORY, DEAD_LETTERS)
VIEW_TOPICS = (TOPICS["ProjectView"],)
ACCOUNTING_TOPICS = ("engagement.log", PROGRESS, OVERRIDES, *SHARD_TOPICS)


def account(settings: Settings, shards: Sequence[int]) -> None:
    """Until somebody asks to stop, or changes a topic so that records could be lost."""
    with stopping() as stop, serving_metrics(settings, ACCOUNTING) as measured, faults_named(settings):
        with accounting_ends(settings, measured, shards) as ends:
            job = accounting_job(settings, shards)
            hooks = MeasuredAccounting(measured.metrics, measured.health, partial(store_path, job), end_of=ends.of)
            with (
                exceptions_followed(measured.metrics, job.clients, job.names, shards),
                topics_watched(settings, lambda _: ACCOUNTING_TOPICS) as topics_now,
            ):
                is_over = either(until_told(stop), topics_now.is_wrong)
                accounting_kafka.run(job, is_over, on_commit=hooks.on_commit, tell=say, on_open=hooks.on_open)
            topics_now.check()
        tell_end(stop)


@contextmanager
def faults_named(settings: Settings) -> Iterator[None]:
    """Brokers that refuse and a folder of stores that cannot be written raise GuardStop."""
    try:
        yield
    except KafkaException as fault:
        raise failed(fault) from fault
    except sqlite3.OperationalError as fault:
        raise unwritable(settings.store.folder, str(fault)) from fault
    except OSError as fault:
        if fault.errno not in NO_ROOM:
            raise
        raise unwritable(settings.store.folder, os.strerror(fault.errno)) from fault


def accounting_ends(settings: Settings, measured: Measured, shards: Sequence[int]) -> AbstractContextManager[KnownEnds]:
    """Of the logs that these shards read."""
    places = [(Names.of(settings.kafka).log, shard) for shard in shards]
    return ends_followed(measured.metrics, KafkaClients(settings.kafka), ACCOUNTING, places)


def accounting_flow(shards: str | None = None) -> Dataflow:
    """With the settings that the environment names; all shards, or those that are named. A fault ends the process."""
    stamp_lines()
    settings = load().settings
    numbers = chosen(
        settings.accounting, settings.kafka.partitions, shards, every=shards is None, ordinal=None, of=None
    )
    held = ExitStack()
    atexit.register(held.close)
    stop = held.enter_context(stopping())
    measured = held.enter_context(serving_metrics(settings, ACCOUNTING))
    ends = held.enter_context(accounting_ends(settings, measured, numbers))
    job = accounting_job(settings, numbers)
    hooks = MeasuredAccounting(measured.metrics, measured.health, partial(store_path, job), end_of=ends.of)
    topics_now = held.enter_context(topics_watched(settings, lambda _: ACCOUNTING_TOPICS))
    is_over = either(until_told(stop), topics_now.ends_by_raising)
    try:
        turns = held.enter_context(accounting_kafka.opened(job, is_over, say))
    except AskedToStop:
        raise SystemExit(0) from None
    hooks.on_open(turns)
    return accounting_kafka.flow_of(job, list(turns.values()), Faults(), is_over, hooks.on_commit)


def take_in(settings: Settings) -> None:
    """Until somebody asks to stop. A file at hand that turns out to be damaged is made again, once."""
    with stopping() as stop, serving_metrics(settings, INTAKE) as measured:
        try:
            _take_in(settings, stop, measured)
        except GuardStop as fault:
            if fault.code != INTAKE_STATE_LOST:
                raise
            say(fault.message)
            _take_in(settings, stop, measured)
    tell_end(stop)


def tell_end(stop: Stop) -> None:
    """After the last batch, so that a log shows who ended in order and who was killed."""
    if stop.requested:
        say(f"{stop.name}: ends in order; what was in flight is finished")


def _take_in(settings: Settings, stop: Stop, measured: Measured) -> None:
    stop.starts()
    with measured_intake(settings, measured) as desk, topics_watched(settings, intake_topics) as topics_now:
        stop.started()
        intake.run_dataflow(desk, while_wanted(either(until_told(stop), topics_now.is_wrong)))
        topics_now.check()


@contextmanager
def measured_intake(settings: Settings, measured: Measured) -> Iterator[MeasuredIntake]:
    ours = [(Names.of(settings.kafka).directory, 0)]
    with (
        ends_followed(measured.metrics, KafkaClients(settings.kafka), INTAKE, ours) as ends,
        opened_intake(settings) as opened,
    ):
        ends.ask_for(lambda: opened.places)
        yield MeasuredIntake(opened, measured.metrics, measured.health, end_of=ends.of)


def keep_views(settings: Settings) -> None:
    """Until somebody asks to stop, or changes the topic so that records could be lost. Redis is waited for."""
    with stopping() as stop, topics_watched(settings, lambda _: VIEW_TOPICS) as topics_now:
        with opened_view(settings, either(until_told(stop), topics_now.is_wrong)) as flow:
            asked(flow.run)
        topics_now.check()
        tell_end(stop)


def view_flow() -> Dataflow:
    """With the settings that the environment names. A fault ends the process."""
    stamp_lines()
    held = ExitStack()
    atexit.register(held.close)
    stop = held.enter_context(stopping())
    settings = load().settings
    topics_now = held.enter_context(topics_watched(settings, lambda _: VIEW_TOPICS))
    return held.enter_context(opened_view(settings, either(until_told(stop), topics_now.ends_by_raising))).flow()


@contextmanager
def opened_view(settings: Settings, is_told: Callable[[], bool]) -> Iterator[ViewFlow]:
    from connectors.redis.read_model import ReadModel
    from dataflows.view import ViewFlow

    kafka = settings.kafka
    topic = Names.of(kafka).shared(TOPICS["ProjectView"])
    places = [(topic, partition) for partition in range(kafka.partitions)]
    with (
        serving_metrics(settings, VIEW) as measured,
        closing(ReadModel(settings.redis)) as model,
        ends_followed(measured.metrics, KafkaClients(kafka), VIEW, places) as ends,
    ):
        clients = KafkaClients(kafka)
        asked(lambda: topics.check(clients, kafka, VIEW_TOPICS))
        hooks = MeasuredView(measured.metrics, measured.health, ends.of)

        def is_over() -> bool:
            """Also asked while Redis is waited for, which a new start would not shorten: so that is no being stuck."""
            hooks.turned()
            return is_told()

        yield ViewFlow(clients, Names.of(kafka), model, is_over, say, hooks.on_taken, hooks.on_polled)


def rebuild_views(settings: Settings) -> tuple[int, int] | None:
    """Keys that were taken away, and projects there are now; None where somebody asked to stop before all were."""
    from connectors.redis.read_model import ReadModel
    from dataflows.view import ViewFlow

    kafka = settings.kafka
    with stopping() as stop, closing(ReadModel(settings.redis)) as model:
        clients = KafkaClients(kafka)
        asked(lambda: topics.check(clients, kafka, VIEW_TOPICS))
        gone = model.clear()
        flow = ViewFlow(clients, Names.of(kafka), model, lambda: stop.requested or flow.is_filled, say)
        asked(flow.run)
        tell_end(stop)
        return None if stop.requested else (gone, sum(1 for _ in model.project_ids()))


def intake_flow() -> Dataflow:
    """With the settings that the environment names. A fault ends the process."""
    stamp_lines()
    held = ExitStack()
    atexit.register(held.close)
    stop = held.enter_context(stopping())
    settings = load().settings
    measured = held.enter_context(serving_metrics(settings, INTAKE))
    desk = held.enter_context(measured_intake(settings, measured))
    topics_now = held.enter_context(topics_watched(settings, intake_topics))
    return intake.flow_of(desk, Faults(), while_wanted(either(until_told(stop), topics_now.ends_by_raising)))


@contextmanager
def opened_intake(settings: Settings) -> Iterator[KafkaIntake]:
    """Nobody else on this machine has its folder meanwhile. Raises GuardStop where something is not as it must be."""
    kafka = settings.kafka
    clients = KafkaClients(kafka)
    asked(lambda: check_topics(clients, settings, intake_topics(clients)))
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    folder = settings.store.folder / "intake" / kafka.generation
    with only_writer(folder), ExitStack() as held:
        try:
            yield held.enter_context(KafkaIntake(clients, kafka, ids, intake_setup(settings, folder), say))
        except KafkaException as fault:
            raise failed(fault) from fault


def intake_setup(settings: Settings, folder: Path) -> IntakeSetup:
    told = settings.intake
    return IntakeSetup(
        Genesis(
            settings.kafka.generation, partitions=settings.kafka.partitions, rules=RULES, outputs=todays_fingerprints()
        ),
        folder,
        ownership=settings.ownership,
        accepted=told.accepted_topics,
        records_max=told.batch_records,
        bytes_max=told.batch_bytes,
        midnight_wait=told.midnight_wait_minutes * MINUTE,
        # Recordings have times of their own, which development allows.
        days_at_once=None if settings.kafka.development else told.days_at_once,
        commit_seconds=told.commit_seconds,
    )


def intake_topics(clients: KafkaClients) -> list[str]:
    """Those that it writes, and of the event topics those that are there: a firm need not have all of them."""
    names = Names.of(clients.settings)
    there = clients.topics([names.shared(name) for name in topics.INPUT_TOPICS])
    return [*INTAKE_TOPICS, *(name for name in topics.INPUT_TOPICS if there[names.shared(name)] is not None)]


def while_wanted(stopped: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not stopped()


def accounting_job(settings: Settings, shards: Sequence[int]) -> Job:
    """Raises GuardStop where brokers, topics or schemas are not as they must be."""
    kafka = settings.kafka.model_copy(update={"buffer_kib": max(settings.kafka.buffer_kib // len(shards), 1_024)})
    check_files()
    clients = KafkaClients(kafka)
    asked(lambda: check_topics(clients, settings, ACCOUNTING_TOPICS))
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    return Job(clients, kafka, settings.accounting, settings.store.folder / "shards", shards, ids.frame)


def audit_job(settings: Settings, shards: Sequence[int]) -> Job:
    """For reading alone: nothing is written, so no schema is asked for."""
    kafka = settings.kafka.model_copy(update={"buffer_kib": max(settings.kafka.buffer_kib // len(shards), 1_024)})
    return Job(KafkaClients(kafka), kafka, settings.accounting, settings.store.folder / "shards", shards, no_frame)


def no_frame(topic: str, type_name: str, _schema: str | None = None) -> bytes:
    raise NotImplementedError(f"{type_name} is not written to {topic} by a reader")


@contextmanager
def topics_watched(settings: Settings, short_names: Callable[[KafkaClients], Sequence[str]]) -> Iterator[WatchedTopics]:
    """Settings that a start refuses are noticed within a minute, too."""
    clients = KafkaClients(settings.kafka)
    with watched(lambda: check_topics(clients, settings, short_names(clients)), say) as found:
        yield found


def either(is_told: Callable[[], bool], is_wrong: Callable[[], bool]) -> Callable[[], bool]:
    """Whether to end."""
    return lambda: is_told() or is_wrong()


def check_topics(clients: KafkaClients, settings: Settings, short_names: Sequence[str]) -> list[SettingFault]:
    """What is harmless. Raises GuardStop; of a missing topic that held something, it says what became of it."""
    kafka, names = settings.kafka, Names.of(settings.kafka)
    try:
        return topics.check(clients, kafka, short_names)
    except GuardStop:
        full = [topics.BY_NAME[name].full_name(names) for name in short_names]
        check_not_lost(clients, names, full, kafka.request_timeout_seconds, settings.intake.accepted_topics)
        raise


def asked(question: Callable[[], object]) -> None:
    try:
        question()
    except KafkaException as fault:
        raise failed(fault) from fault
