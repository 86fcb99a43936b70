"""What `milepost lag` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer
from confluent_kafka import KafkaException

from connectors.kafka.clients import KafkaClients
from connectors.kafka.lag import DELIVERED, Lag, lags, looked_at
from connectors.kafka.lost_topics import Lost, lost_topics
from connectors.kafka.names import Names
from connectors.kafka.partitions import failed
from milepost.console import aligned, echo, say, shape, write_json
from milepost.operate.topics_shown import admin_of
from milepost.settings import Settings
from state.guards import TOPIC_CHANGED

HEAD: Final = ("dataflow", "topic", "partition", "end", "place", "records behind", "seconds behind")
NUMBERS: Final = range(2, 7)


def tell(settings: Settings, *, every: bool, json: bool) -> None:
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
        echo("\n".join(aligned([HEAD, *map(_row, shown)], right=NUMBERS, indent="")))
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
