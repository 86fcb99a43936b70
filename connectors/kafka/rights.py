"""What each process needs to be allowed on the brokers, and no more: the operator's ACLs follow from it, and docs/topics.md tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from connectors.kafka.names import DEAD_LETTERS, DELIVERY, DIRECTORY, ENGAGEMENT_LOG, OVERRIDES, PROGRESS
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.topics import INPUT_TOPICS
from connectors.kafka.topics import TOPICS as ALL_TOPICS
from domain.delivery.documents import DELIVERED
from domain.events.catalogue import TOPICS as EVENT_TOPICS
from domain.outputs import TOPICS

TOPIC: Final = "topic"
GROUP: Final = "group"
TRANSACTIONAL_ID: Final = "transactional id"
# Who may read or write may describe, too; that is said of no topic again.
READ: Final = "Read"
WRITE: Final = "Write"
DESCRIBE: Final = "Describe"
DESCRIBE_CONFIGS: Final = "DescribeConfigs"


class Right(NamedTuple):
    """`names` of topics are without prefix and generation, as `milepost topics list` has them; others as they are built."""

    who: str
    may: tuple[str, ...]
    on: str
    names: tuple[str, ...]


INTAKE_WRITES: Final = (ENGAGEMENT_LOG, DIRECTORY, DEAD_LETTERS)
VIEWS: Final = TOPICS["ProjectView"]
ANSWERS: Final = (EVENT_TOPICS["PostingAccepted"], EVENT_TOPICS["InvoicePosted"])

RIGHTS: Final = (
    Right("intake", (WRITE, DESCRIBE_CONFIGS), TOPIC, INTAKE_WRITES),
    Right("intake", (READ, DESCRIBE_CONFIGS), TOPIC, (*INPUT_TOPICS, ENGAGEMENT_LOG, DIRECTORY)),
    Right("intake", (WRITE,), TRANSACTIONAL_ID, ("milepost/intake",)),
    Right("intake", (READ,), GROUP, ("milepost.intake.<generation>",)),
    # Nobody joins these; the client asks for whatever group it is given.
    Right("intake", (DESCRIBE,), GROUP, ("milepost",)),
    Right("accounting", (WRITE, READ, DESCRIBE_CONFIGS), TOPIC, (PROGRESS, *SHARD_TOPICS)),
    Right("accounting", (READ, DESCRIBE_CONFIGS), TOPIC, (ENGAGEMENT_LOG, OVERRIDES)),
    Right("accounting", (WRITE,), TRANSACTIONAL_ID, ("milepost/<shard>",)),
    Right("accounting", (DESCRIBE,), GROUP, ("milepost",)),
    Right("delivery", (WRITE, READ, DESCRIBE_CONFIGS), TOPIC, (DELIVERY, *ANSWERS)),
    Right("delivery", (READ, DESCRIBE_CONFIGS), TOPIC, (*DELIVERED, ENGAGEMENT_LOG)),
    Right("delivery", (WRITE,), TRANSACTIONAL_ID, ("milepost/delivery/<erp>",)),
    Right("delivery", (DESCRIBE,), GROUP, ("milepost", "milepost.delivery")),
    Right("view", (READ, DESCRIBE_CONFIGS), TOPIC, (VIEWS,)),
    Right("view", (DESCRIBE,), GROUP, ("milepost.view",)),
)


def topics_of(parts: Sequence[str]) -> list[str]:
    """Those that these processes read or write, in the order of the table of topics."""
    needed = {name for right in RIGHTS if right.who in parts and right.on == TOPIC for name in right.names}
    return [topic.name for topic in ALL_TOPICS if topic.name in needed]
