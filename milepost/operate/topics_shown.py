"""What `milepost topics` and `milepost lag` say: what stands on the brokers, what is missing, what is not as it must be, and what waits
there."""

from collections.abc import Sequence
from typing import Final

import typer
from confluent_kafka import KafkaException

from connectors.kafka.clients import KafkaClients, TopicAdmin
from connectors.kafka.lag import DELIVERED, Lag, lags, looked_at
from connectors.kafka.lost_topics import Lost, lost_topics
from connectors.kafka.names import Names
from connectors.kafka.partitions import failed
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import TOPICS, PlannedTopic, Topic, create, faults, missing, partition_count
from domain.counting import counted
from milepost.console import aligned, echo, say, shape, write_json
from milepost.settings import Settings
from state.guards import TOPIC_CHANGED, WRONG_TOPIC_SETTINGS

FAULT_HEAD: Final = ("topic", "setting", "found", "needed", "what follows")
HEAD: Final = ("topic", "kind", "partitions", "kept", "written by", "read by")


def make(settings: KafkaSettings, *, dry_run: bool, json: bool) -> None:
    admin = admin_of(settings)
    plans = missing(admin, settings)
    if not dry_run:
        create(admin, plans)
    kept = len(TOPICS) - len(plans)
    if json:
        planned = [{**plan._asdict(), "settings": dict(plan.settings)} for plan in plans]
        write_json(shape(1, dry_run=dry_run, topics=planned, left_as_they_are=kept))
        return
    for plan in plans:
        echo(f"{'would make' if dry_run else 'made'} {_plan_text(plan)}")
    said = f"{counted(len(plans), 'topic')} {'would be made' if dry_run else 'made'}"
    say(f"{said}, {kept} were there and stay as they are; `milepost topics check` looks at their settings")


def compare(settings: KafkaSettings, *, json: bool) -> None:
    found = faults(admin_of(settings), settings)
    wrong = sum(1 for fault in found if not fault.is_harmless)
    if json:
        write_json(shape(1, topics=len(TOPICS), faults=[fault._asdict() for fault in found]))
    else:
        if found:
            rows = [(*fault[:-1], "nothing" if fault.is_harmless else "no start") for fault in found]
            echo("\n".join(aligned([FAULT_HEAD, *rows], indent="")))
        if wrong:
            say(f"\n{wrong} settings could lose or repeat records; Milepost does not start with them")
        else:
            echo(f"{len(TOPICS)} topics are as they must be" + ", but for what does no harm" * bool(found))
    if wrong:
        raise typer.Exit(WRONG_TOPIC_SETTINGS)


def table(settings: KafkaSettings, *, json: bool) -> None:
    names = Names.of(settings)
    if json:
        write_json(shape(1, topics=[_topic_shape(topic, names, settings) for topic in TOPICS]))
        return
    rows = [
        (
            topic.full_name(names),
            str(topic.kind),
            str(partition_count(topic, settings)),
            "compacted" if topic.compacted else topic.kept.partition(":")[0],
            topic.written_by,
            topic.read_by,
        )
        for topic in TOPICS
    ]
    echo("\n".join(aligned([HEAD, *rows], indent="")))


def admin_of(settings: KafkaSettings) -> TopicAdmin:
    try:
        clients = KafkaClients(settings)
        _ = clients.admin
    except OSError as fault:
        raise typer.BadParameter(
            f"{fault.filename}: {fault.strerror}; kafka.security_files names it", param_hint="--settings"
        ) from fault
    except KafkaException as fault:
        raise typer.BadParameter(
            f"librdkafka does not take kafka.security: {fault.args[0].str()}", param_hint="--settings"
        ) from fault
    return clients


def _plan_text(plan: PlannedTopic) -> str:
    told = ", ".join(f"{name}={value}" for name, value in plan.settings.items())
    return f"{plan.topic}: {plan.partitions} partitions, {plan.replication} copies, {told}"


def _topic_shape(topic: Topic, names: Names, settings: KafkaSettings) -> dict[str, object]:
    return {
        "topic": topic.full_name(names),
        "kind": str(topic.kind),
        "carries": topic.carries,
        "key": topic.key,
        "partitions": partition_count(topic, settings),
        "compacted": topic.compacted,
        "kept": topic.kept,
        "written_by": topic.written_by,
        "read_by": topic.read_by,
        "needs": {need.name: need.told for need in topic.needs},
    }


LAG_HEAD: Final = ("dataflow", "topic", "partition", "end", "place", "records behind", "seconds behind")
NUMBERS: Final = range(2, 7)


def tell_lags(settings: Settings, *, every: bool, json: bool) -> None:
    """Ends with the code that intake and accounting end with where a topic is not the one that they read."""
    found, lost = asked(settings)
    if json:
        totals = {
            name: sum(each.records for each in found if each.dataflow.partition("/")[0] == name)
            for name in ("intake", "accounting", DELIVERED)
        }
        told = shape(1, lags=[each._asdict() for each in found], records_behind=totals)
        write_json({**told, "lost": [each._asdict() for each in lost]})
    else:
        _show(found, every=every, is_lost=bool(lost))
    for each in lost:
        say(str(each))
    if lost:
        raise typer.Exit(TOPIC_CHANGED)


def _show(found: Sequence[Lag], *, every: bool, is_lost: bool) -> None:
    shown = [each for each in found if every or each.records]
    if shown:
        echo("\n".join(aligned([LAG_HEAD, *map(_row, shown)], right=NUMBERS, indent="")))
    at_end = len(found) - len(shown)
    if at_end and not is_lost:
        echo(f"{at_end} of {len(found)} partitions are at their end")


def asked(settings: Settings) -> tuple[list[Lag], list[Lost]]:
    """With topics that are not those that were read. Raises GuardStop where the brokers do not answer, or hold no log."""
    kafka, names = settings.kafka, Names.of(settings.kafka)
    admin_of(kafka)
    # What fails is said once and by us, not by each client on the screen.
    clients = KafkaClients(kafka.model_copy(update={"security": {**kafka.security, "log_level": "0"}}))
    timeout = kafka.request_timeout_seconds
    try:
        lost = lost_topics(clients, names, looked_at(names), timeout, settings.intake.accepted_topics)
        return lags(clients, names, timeout, lost=lost), lost
    except KafkaException as fault:
        raise failed(fault) from fault


def _row(each: Lag) -> Sequence[str]:
    numbers = (each.partition, each.end, each.place, each.records)
    seconds = f"{each.seconds:,.1f}" if each.seconds < 10 else f"{each.seconds:,.0f}"
    return each.dataflow, each.topic, *(f"{number:,}" for number in numbers), seconds
