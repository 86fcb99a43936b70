"""What `milepost lag` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer
from confluent_kafka import KafkaException

from connectors.kafka.clients import KafkaClients
from connectors.kafka.lag import Lag, lags
from connectors.kafka.names import Names
from connectors.kafka.settings import KafkaSettings
from milepost.console import aligned, shape, write_json
from milepost.topics_told import admin_of, unanswered

HEAD: Final = ("dataflow", "topic", "partition", "end", "place", "records behind", "seconds behind")
NUMBERS: Final = range(2, 7)


def tell(settings: KafkaSettings, *, every: bool, json: bool) -> None:
    found = asked(settings)
    if json:
        totals = {
            name: sum(each.records for each in found if each.dataflow == name) for name in ("intake", "accounting")
        }
        write_json(shape(1, lags=[each._asdict() for each in found], records_behind=totals))
        return
    shown = [each for each in found if every or each.records]
    if shown:
        typer.echo("\n".join(aligned([HEAD, *map(_row, shown)], right=NUMBERS, indent="")))
    at_end = len(found) - len(shown)
    if at_end:
        typer.echo(f"{at_end} of {len(found)} partitions are at their end")


def asked(settings: KafkaSettings) -> list[Lag]:
    """Raises GuardStop where the brokers do not answer, or hold no log."""
    admin_of(settings)
    # What fails is said once and by us, not by each client on the screen.
    quiet = settings.model_copy(update={"security": {**settings.security, "log_level": "0"}})
    try:
        return lags(KafkaClients(quiet), Names.of(settings), settings.request_timeout_seconds)
    except KafkaException as fault:
        raise unanswered(settings, fault) from fault


def _row(each: Lag) -> Sequence[str]:
    numbers = (each.partition, each.end, each.place, each.records)
    seconds = f"{each.seconds:,.1f}" if each.seconds < 10 else f"{each.seconds:,.0f}"
    return each.dataflow, each.topic, *(f"{number:,}" for number in numbers), seconds
