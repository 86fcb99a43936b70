"""Dead letters as their topic has them."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import KafkaException

from connectors.json_records import record_to_json
from connectors.kafka.clients import KafkaClients
from connectors.kafka.found_on_topics import letters_on
from connectors.kafka.names import Names
from connectors.kafka.partitions import failed
from domain.outputs import DeadLetter
from milepost.console import echo, say, shape, write_json
from milepost.settings import Settings
from milepost.tables import Table
from milepost.tables import show as show_tables

REASON_SHOWN = 100

# Topic, type, field and reason.
Cause = tuple[str, str, str, str]


def list_letters(settings: Settings, type_: str | None, limit: int | None, *, json: bool) -> None:
    kafka = settings.kafka
    try:
        letters = letters_on(KafkaClients(kafka), Names.of(kafka), kafka.request_timeout_seconds)
    except KafkaException as fault:
        raise failed(fault) from fault
    found = {name: each for name, each in letters.items() if type_ in (None, each.event_type)}
    causes = Counter(map(_cause, found.values()))
    groups = sorted(causes.items(), key=lambda group: (-group[1], group[0]))
    if json:
        told = [
            dict(zip(("topic", "type", "field", "reason"), cause, strict=True), letters=count)
            for cause, count in groups
        ]
        each_one = [{**record_to_json(each), "id": name} for name, each in found.items()]
        write_json(shape(1, count=len(found), groups=told, dead_letters=each_one))
        return
    rows = [(*cause, f"{count:,}") for cause, count in groups]
    sums = [("all", "", "", "", f"{len(found):,}")] if rows else []
    shown = list(found.items())[:limit]
    more = f", {len(shown):,} of {len(found):,} (--all shows them)" if len(shown) < len(found) else ""
    singles = [(name, each.event_type or "", each.field_path, each.reason[:REASON_SHOWN]) for name, each in shown]
    columns = ("topic", "type", "field", "reason", "letters")
    show_tables(
        Table("By reason", columns, [*rows, *sums], frozenset({4}), len(sums)),
        Table(f"Dead letters{more}", ("id", "type", "field", "reason"), singles),
    )
    if found:
        echo()
        say("Next: the same with --json shows each message as it came; its producer sends the event again, put right")


def _cause(letter: DeadLetter) -> Cause:
    """The reason without the value that stood there."""
    return letter.topic, letter.event_type or "", letter.field_path, letter.reason.partition(": ")[0][:REASON_SHOWN]
