"""The topics: what each carries, who writes and reads it, and the settings that it must have.

A wrong setting does harm long after it was made: the default retention of a week takes away the outputs of a quiet firm,
after which all would be written again; compaction of an event topic loses facts; an unclean election loses what was
acknowledged. So settings are compared at every start, and a process that finds one wrong does not begin.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from connectors.kafka.clients import Clients, TopicAdmin, TopicFound
from connectors.kafka.names import (
    DEAD_LETTERS,
    DELIVERY,
    DIRECTORY,
    ENGAGEMENT_LOG,
    FORECAST_CURRENT,
    OVERRIDES,
    PROGRESS,
    Names,
)
from connectors.kafka.settings import KafkaSettings
from domain.events import catalogue
from domain.outputs import TOPICS as OUTPUT_TOPICS
from state.guards import WRONG_TOPIC_SETTINGS, GuardStop

FOR_EVER: Final = -1
TIMESTAMPS: Final = "message.timestamp.type"
HOUR_MS: Final = 60 * 60 * 1000
# A topic is made by one broker, and the others hear of it a moment later.
SEEN_SECONDS_MAX: Final = 30.0
SEEN_PAUSE_SECONDS: Final = 0.1
DAY_MS: Final = 24 * HOUR_MS
# An outage of intake may last as long; made with more, so that there is time to notice it.
INPUT_KEPT_MS_MIN: Final = 7 * DAY_MS
INPUT_KEPT_MS: Final = 90 * DAY_MS
# Our producer sends requests of at most 2,100,000 bytes; a record batch has a header around them.
RECORD_BYTES_MIN: Final = 2_200_000
INPUT_RECORD_BYTES_MIN: Final = 1_000_000
# What a consumer takes from producers that batch more than they should.
INPUT_RECORD_BYTES_MAX: Final = 8 * 1024 * 1024


class TopicKind(StrEnum):
    """Whose a topic is: those who tell Milepost what happened, Milepost alone, or those who read what it says."""

    INPUT = "input"
    OWN = "own"
    OUTPUT = "output"


class Partitions(StrEnum):
    """One a shard, exactly one, or as many as its producers like."""

    SHARDS = "one a shard"
    ONE = "one"
    ANY = "any number"


class Need(NamedTuple):
    """A setting that a topic must have: exactly `value`, or at least, or at most so much; -1 is without limit."""

    name: str
    value: str
    at_most: int | None = None
    at_least: int | None = None

    def met_by(self, found: str) -> bool:
        if self.at_least is None and self.at_most is None:
            return found == self.value
        if not re.fullmatch(r"-?\d+", found):
            return False
        number = float("inf") if found == str(FOR_EVER) else int(found)
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    @property
    def told(self) -> str:
        match self.at_least, self.at_most:
            case None, None:
                return self.value
            case _, None:
                return f"at least {self.at_least}"
            case None, _:
                return f"at most {self.at_most}"
        return f"{self.at_least} to {self.at_most}"


class Topic(NamedTuple):
    """`name` is without prefix and generation; `advised` settings are given to a new topic and never looked at again."""

    name: str
    kind: TopicKind
    carries: tuple[str, ...]
    key: str
    partitions: Partitions
    compacted: bool
    written_by: str
    read_by: str
    kept: str
    needs: tuple[Need, ...]
    advised: tuple[tuple[str, str], ...] = ()

    def full_name(self, names: Names) -> str:
        return names.own(self.name) if self.kind is TopicKind.OWN else names.shared(self.name)


PARTITIONS: Final = "partitions"


class SettingFault(NamedTuple):
    """A setting of a topic that is not as it must be; a topic that is not there has the setting `topic`.

    `is_harmless`: nothing can be lost or repeated by it, so that it stops no start.
    """

    topic: str
    setting: str
    found: str
    needed: str
    is_harmless: bool = False

    def __str__(self) -> str:
        return f"topic {self.topic}: {self.setting} is {self.found}, needed {self.needed}"

    @property
    def way_out(self) -> str:
        if self.is_harmless:
            return "nothing has to be done: what is more stays empty; never add partitions"
        if self.setting == PARTITIONS:
            return "never add partitions; see docs/operations.md, code 26"
        return "change it with the tools of the brokers"


class PlannedTopic(NamedTuple):
    """A topic that would be made."""

    topic: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


def _input(name: str, key: str) -> Topic:
    return Topic(
        name=name,
        kind=TopicKind.INPUT,
        carries=tuple(sorted(kind for kind, named in catalogue.TOPICS.items() if named == name)),
        key=key,
        partitions=Partitions.ANY,
        compacted=False,
        written_by="the producers of these events",
        read_by="intake",
        kept="90 days, at least 7: longer than intake may ever stand still",
        needs=(
            Need("cleanup.policy", "delete"),
            Need("retention.ms", str(INPUT_KEPT_MS), at_least=INPUT_KEPT_MS_MIN),
            Need("retention.bytes", str(FOR_EVER)),
            Need(TIMESTAMPS, "LogAppendTime"),
            Need(
                "max.message.bytes",
                str(INPUT_RECORD_BYTES_MAX // 4),
                at_least=INPUT_RECORD_BYTES_MIN,
                at_most=INPUT_RECORD_BYTES_MAX,
            ),
            Need("unclean.leader.election.enable", "false"),
        ),
    )


_OURS: Final = (
    Need(TIMESTAMPS, "LogAppendTime"),
    Need("max.message.bytes", str(RECORD_BYTES_MIN), at_least=RECORD_BYTES_MIN),
    Need("unclean.leader.election.enable", "false"),
)
_KEPT_FOR_EVER: Final = (
    Need("cleanup.policy", "delete"),
    Need("retention.ms", str(FOR_EVER)),
    Need("retention.bytes", str(FOR_EVER)),
    *_OURS,
)
_COMPACTED: Final = (Need("cleanup.policy", "compact"), *_OURS)


def _output(name: str, key: str, read_by: str) -> Topic:
    return Topic(
        name=name,
        kind=TopicKind.OUTPUT,
        carries=tuple(sorted(kind for kind, topic in OUTPUT_TOPICS.items() if topic == name)),
        key=key,
        partitions=Partitions.SHARDS,
        compacted=False,
        written_by="accounting",
        read_by=read_by,
        kept="for ever: the last outputs are compared with the progress at every start",
        needs=_KEPT_FOR_EVER,
    )


def _latest(topic: Topic) -> Topic:
    return topic._replace(compacted=True, kept=_LATEST, needs=_COMPACTED)


def _own(
    name: str,
    carries: str,
    key: str,
    *,
    by: str,
    read_by: str,
    partitions: Partitions = Partitions.SHARDS,
    advised: tuple[tuple[str, str], ...] = (),
) -> Topic:
    """Compacted, as nearly all of them are."""
    return Topic(name, TopicKind.OWN, (carries,), key, partitions, True, by, read_by, _LATEST, _COMPACTED, advised)


_PROJECT: Final = "the project's id is a good one; order counts by version, not by place"
_OWN_ID: Final = "the id of what the event is about is a good one"
_LATEST: Final = "the latest of each key"
# Of a topic that is written all the time and read to its end at every start, so that it has to stay small.
_SMALL: Final = (("segment.bytes", "4194304"), ("segment.ms", "3600000"), ("min.cleanable.dirty.ratio", "0.1"))

TOPICS: Final[tuple[Topic, ...]] = (
    _input("finance.reference", _OWN_ID),
    _input("hr.people", _OWN_ID),
    _input("crm.contracts", _OWN_ID),
    _input("psa.projects", _PROJECT),
    _input("psa.time", _PROJECT),
    _input("psa.expenses", _PROJECT),
    _input("psa.milestones", _PROJECT),
    _input("psa.estimates", _PROJECT),
    _input("finance.invoices", _OWN_ID),
    _input("erp.results", _OWN_ID),
    _input("control.decisions", _OWN_ID),
    _own(
        ENGAGEMENT_LOG,
        "LogRecord",
        "the engagement's id; empty for what concerns all of them",
        by="intake",
        read_by="accounting, verify, explain",
    )._replace(compacted=False, kept="for ever: everything else follows from it", needs=_KEPT_FOR_EVER),
    _own(
        DIRECTORY,
        "what intake remembers",
        "what is remembered, such as a project's link",
        by="intake",
        read_by="intake",
        partitions=Partitions.ONE,
        advised=(
            ("segment.bytes", "67108864"),
            ("min.cleanable.dirty.ratio", "0.2"),
            ("delete.retention.ms", str(7 * DAY_MS)),
        ),
    )._replace(
        # What a part of a transaction replaced has to be there at the next start (docs/decisions/part-of-a-transaction.md).
        needs=(*_COMPACTED, Need("min.compaction.lag.ms", str(HOUR_MS), at_least=HOUR_MS))
    ),
    _own(
        PROGRESS,
        "how far a shard is",
        "the generation",
        by="accounting",
        read_by="accounting, status, lag",
        advised=_SMALL,
    ),
    _own(
        OVERRIDES,
        "records that an operator passes over",
        "the offset in the shard's log",
        by="the operator, with milepost skip",
        read_by="accounting, verify",
    ),
    _own(
        DELIVERY,
        "what is under way to an ERP account",
        "the name of the ERP account",
        by="delivery",
        read_by="delivery, lag",
        partitions=Partitions.ONE,
        advised=_SMALL,
    ),
    _output("erp.postings", "the contract's id, else the company's", "delivery, the finance warehouse"),
    _output("billing.statements", "the contract's id", "delivery, billing"),
    _output("forecast.updates", "the project's id", "planning"),
    _latest(_output(FORECAST_CURRENT, "the project's id", "planning")._replace(carries=("ForecastUpdate",))),
    _latest(_output("project.views", "the project's id", "view")),
    _output(
        "exceptions", "the id of the project, contract or engagement that it is about", "those who clear exceptions"
    ),
    _output("alerts", "the project's or the contract's id", "those who are warned"),
    _output("system.updates", "the project's or the contract's id", "nobody yet: nothing is written to it"),
    _output("control.totals", "the company's id", "delivery, the finance warehouse, verify"),
    _output("control.certificates", "the company's id", "the finance warehouse, verify"),
    _output("control.reconciliations", "the company's id", "the finance warehouse"),
    _output(DEAD_LETTERS, "topic, partition and offset of the input", "those who mend producers")._replace(
        partitions=Partitions.ONE, written_by="intake", kept="for ever"
    ),
)
BY_NAME: Final[Mapping[str, Topic]] = {topic.name: topic for topic in TOPICS}
INPUT_TOPICS: Final = tuple(topic.name for topic in TOPICS if topic.kind is TopicKind.INPUT)


def planned(topic: Topic, settings: KafkaSettings) -> PlannedTopic:
    """As it is made when it is not there."""
    return PlannedTopic(
        topic.full_name(Names.of(settings)),
        partition_count(topic, settings),
        settings.replication,
        {**{need.name: need.value for need in _needs(topic, settings)}, **dict(topic.advised)},
    )


def partition_count(topic: Topic, settings: KafkaSettings) -> int:
    match topic.partitions:
        case Partitions.SHARDS:
            return settings.partitions
        case Partitions.ONE:
            return 1
    return settings.input_partitions


def missing(admin: TopicAdmin, settings: KafkaSettings) -> list[PlannedTopic]:
    """What `create` would make, in the order of the table."""
    plans = [planned(topic, settings) for topic in TOPICS]
    found = admin.found_topics([plan.topic for plan in plans])
    return [plan for plan in plans if found[plan.topic] is None]


def create(admin: TopicAdmin, plans: Sequence[PlannedTopic]) -> None:
    """Makes them one by one, so that what a broker refuses is reported with its topic, and waits until clients see them.

    Raises KafkaException.
    """
    for plan in plans:
        admin.create_topic(plan.topic, plan.partitions, plan.replication, plan.settings)
    until = time.monotonic() + SEEN_SECONDS_MAX
    while None in admin.found_topics([plan.topic for plan in plans]).values() and time.monotonic() < until:
        time.sleep(SEEN_PAUSE_SECONDS)


def faults(admin: TopicAdmin, settings: KafkaSettings, only: Sequence[str] = ()) -> list[SettingFault]:
    """Every setting that is not as it must be; `only` names topics of the table, none means all of them. Raises KafkaException."""
    names = Names.of(settings)
    looked_at = [BY_NAME[name] for name in only] if only else list(TOPICS)
    found = admin.found_topics([topic.full_name(names) for topic in looked_at])
    return [
        fault
        for topic in looked_at
        for fault in _faults_of(admin, topic, topic.full_name(names), found[topic.full_name(names)], settings)
    ]


def check(admin: TopicAdmin, settings: KafkaSettings, only: Sequence[str] = ()) -> list[SettingFault]:
    """At start-up, and every so often: faults that are harmless.

    Raises GuardStop where a topic is missing or has a setting that could lose or repeat records, and KafkaException.
    """
    faulty = faults(admin, settings, only)
    if found := [fault for fault in faulty if not fault.is_harmless]:
        told = "\n".join(f"  {fault}" for fault in found)
        raise GuardStop(
            WRONG_TOPIC_SETTINGS,
            f"{len(found):,} settings of topics could lose or repeat records:\n{told}\n"
            "`milepost topics create` makes what was never there; a topic that held something is put back from its copy. Settings are "
            "changed with the tools of the brokers, but for the number of partitions; then `milepost topics check` should find nothing",
        )
    return faulty


def is_empty(admin: TopicAdmin | Clients, name: str, partitions: Iterable[int]) -> bool:
    """Whether nothing was ever written there. Raises KafkaException."""
    return all(admin.last_stable(name, partition)[1] == 0 for partition in partitions)


def _faults_of(
    admin: TopicAdmin, topic: Topic, name: str, found: TopicFound | None, settings: KafkaSettings
) -> Iterator[SettingFault]:
    if found is None:
        yield SettingFault(name, "topic", "not there, or not to be seen by this user", "a topic")
        return
    wanted = partition_count(topic, settings)
    if topic.partitions is not Partitions.ANY and found.partitions != wanted:
        more = range(wanted, found.partitions)
        if topic.kind is TopicKind.OUTPUT and more and is_empty(admin, name, more):
            told = f"{wanted}; what is more is empty, and nothing is written there"
            yield SettingFault(name, PARTITIONS, str(found.partitions), told, is_harmless=True)
        else:
            yield SettingFault(name, PARTITIONS, str(found.partitions), _partitions_told(topic, wanted))
    if found.replication < settings.replication:
        yield SettingFault(name, "replication", str(found.replication), f"at least {settings.replication}")
    for need in _checked(topic, settings):
        value = found.settings.get(need.name)
        if value is None:
            yield SettingFault(name, need.name, "not told by the brokers", need.told)
        elif not need.met_by(value):
            yield SettingFault(name, need.name, value, need.told)


def _partitions_told(topic: Topic, wanted: int) -> str:
    """The tools of the brokers could add some, which would be the one mistake that cannot be taken back."""
    if topic.partitions is Partitions.ONE:
        return f"{wanted}, which never changes"
    return f"{wanted}, as the settings say; topics stay as they were made, so never add partitions: set [kafka] {PARTITIONS} back"


def _needs(topic: Topic, settings: KafkaSettings) -> tuple[Need, ...]:
    in_sync = Need("min.insync.replicas", str(settings.min_in_sync), at_least=settings.min_in_sync)
    return (*topic.needs, in_sync)


def _checked(topic: Topic, settings: KafkaSettings) -> Iterator[Need]:
    """In development event topics may keep the times of what was simulated or recorded elsewhere."""
    for need in _needs(topic, settings):
        if not (settings.development and topic.kind is TopicKind.INPUT and need.name == TIMESTAMPS):
            yield need
