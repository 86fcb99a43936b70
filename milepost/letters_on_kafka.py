"""Dead letters as their topic has them."""

from __future__ import annotations

from connectors.kafka.clients import KafkaClients
from connectors.kafka.found_on_topics import letters_on
from connectors.kafka.names import Names
from domain.outputs import DeadLetter
from milepost.settings import Settings


def letters_on_topics(settings: Settings) -> dict[str, DeadLetter]:
    """By their names."""
    kafka = settings.kafka
    return letters_on(KafkaClients(kafka), Names.of(kafka), kafka.request_timeout_seconds)
