"""Topics that were deleted, or deleted and made again, although progress knows what they held: from the brokers alone.

A topic that is missing was either never made, which `milepost topics create` mends, or it held something, and one that is made
under its name would be empty. Intake's progress and that of each shard remember the ids of the topics that they read or write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from connectors.kafka import intake_progress, progress
from connectors.kafka.clients import Clients, Message, TopicState
from connectors.kafka.ends import Ends
from connectors.kafka.names import Names
from connectors.kafka.topics import INPUT_TOPICS
from state.guards import TOPIC_CHANGED, GuardStop

TAIL: Final = 16.0
LOG_LOST: Final = 'see docs/operations.md, "The log is lost"; never begin it again from nothing'
PROGRESS_LOST: Final = "put it back from its copy, or see docs/operations.md, code 22"
OUTPUTS_LOST: Final = "put it back from its copy, or see docs/operations.md, code 21"


class Lost(NamedTuple):
    """`what` happened to the topic, and what is to be done `next`. `is_there`: another one has its name."""

    topic: str
    is_there: bool
    what: str
    next: str

    def __str__(self) -> str:
        return f"topic {self.topic} {self.what}: {self.next}"


class _Known(NamedTuple):
    """Ids of topics as progress has them, and whether there is any of intake and of the shards."""

    ids: Mapping[str, str]
    intake: bool
    shards: bool


def lost_topics(
    clients: Clients, names: Names, topics: Sequence[str], timeout: float, accepted: Mapping[str, str]
) -> list[Lost]:
    """Of these topics; only progress that is among them is read. `accepted` are ids by event topic that the settings let pass.

    Raises GuardStop where the brokers do not answer, and KafkaException.
    """
    there = clients.topics(topics)
    known = _known(clients, names, there, timeout)
    found = [
        _lost(names, name, known.ids[name], state, accepted)
        for name, state in there.items()
        if name in known.ids and (state is None or known.ids[name] != state.id)
    ]
    # What knows of the others does not know of itself.
    if names.progress in there and there[names.progress] is None and known.intake:
        found.append(Lost(names.progress, is_there=False, what="was deleted", next=PROGRESS_LOST))
    if names.directory in there and there[names.directory] is None and known.shards:
        found.append(Lost(names.directory, is_there=False, what="was deleted", next=LOG_LOST))
    return [each for each in found if each is not None]


def check_not_lost(
    clients: Clients, names: Names, topics: Sequence[str], timeout: float, accepted: Mapping[str, str]
) -> None:
    """Raises GuardStop where one of these topics held something and is not there."""
    gone = [each for each in lost_topics(clients, names, topics, timeout, accepted) if not each.is_there]
    if gone:
        raise GuardStop(TOPIC_CHANGED, ". ".join(map(str, gone)))


def _lost(names: Names, name: str, was: str, state: TopicState | None, accepted: Mapping[str, str]) -> Lost | None:
    if state is None:
        what = "was deleted, and it held what counts"
    elif accepted.get(name) == state.id:
        return None
    else:
        what = f"was deleted and made again (its id was {was} and is {state.id})"
    return Lost(name, state is not None, what, _advice(names, name, state))


def _advice(names: Names, name: str, state: TopicState | None) -> str:
    if name in (names.log, names.directory):
        return LOG_LOST
    if name == names.progress:
        return PROGRESS_LOST
    if name not in map(names.shared, INPUT_TOPICS):
        return OUTPUTS_LOST
    if state is None:
        return "bring it back"
    return (
        "bring the old one back; or, where everything that it held was taken in, let the settings accept the new one: "
        f'[intake] accepted_topics = {{"{name}" = "{state.id}"}}'
    )


def _known(clients: Clients, names: Names, there: Mapping[str, TopicState | None], timeout: float) -> _Known:
    """A record that cannot be read tells nothing here; a start says what is wrong with it."""
    shards, directory = there.get(names.progress), there.get(names.directory)
    by_key = {(names.progress, shard): names.generation.encode() for shard in range(shards.partitions if shards else 0)}
    if directory is not None:
        by_key[names.directory, 0] = intake_progress.KEY
    if not by_key:
        return _Known({}, intake=False, shards=False)
    with closing(Ends(clients, list(by_key), timeout, TAIL)) as ends:
        records = {place: found[0] for place, key in by_key.items() if (found := ends.since(place, key))}
    ids: dict[str, str] = {}
    for (topic, _), record in records.items():
        ids.update(_ids_in(record, of_intake=topic == names.directory))
    return _Known(
        ids, intake=(names.directory, 0) in records, shards=any(topic == names.progress for topic, _ in records)
    )


def _ids_in(record: Message, *, of_intake: bool) -> Mapping[str, str]:
    value = record.value() or b""
    try:
        return intake_progress.from_bytes(value).topic_ids if of_intake else progress.from_bytes(value).topic_ids
    except (ValueError, GuardStop):
        return {}
