"""Writes docs/topics.md, every topic with what it carries and must have: `python -m schemas.topics_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from connectors.kafka.rights import RIGHTS
from connectors.kafka.topics import TOPICS, Need, Partitions, Topic, TopicKind
from domain.events.catalogue import EVENTS
from domain.outputs import OUTPUTS
from schemas.files import keep_page

PAGE: Final = Path(__file__).parent.parent / "docs" / "topics.md"
INTRODUCTION: Final = Path(__file__).parent / "topics_intro.md"
TITLES: Final = {
    TopicKind.INPUT: "Events that you send",
    TopicKind.OWN: "Milepost's own",
    TopicKind.OUTPUT: "Outputs that you read",
}
# What is alike for all of a kind, and said once.
BEFORE: Final = {
    TopicKind.INPUT: """
Your producers write these, intake reads them. The number of partitions (`kafka.input_partitions` when made) and the keys are yours.
They keep 90 days, at least 7: longer than intake may ever stand still.
""",
    TopicKind.OWN: "",
    TopicKind.OUTPUT: """
Accounting writes these, in `kafka.partitions` partitions; `dead-letters` is intake's and has one.
""",
}
COLUMNS: Final = {
    TopicKind.INPUT: ("topic", "carries"),
    TopicKind.OWN: ("topic", "carries", "key", "partitions", "kept", "written by", "read by"),
    TopicKind.OUTPUT: ("topic", "carries", "key", "kept", "read by"),
}
COUNTS: Final = {
    Partitions.SHARDS: "`kafka.partitions`",
    Partitions.ONE: "1",
    Partitions.ANY: "any; `kafka.input_partitions` when made",
}
WHO: Final = """Give each process a user of its own with exactly these rights, and nobody else a right to write: postings could be forged.
Topics, groups and transactional ids have the prefix before them, Milepost's own topics the generation after them.
Read and Write include Describe.

| who | may | on |
|---|---|---|
"""
BESIDES: Final = """
Operators need more:

| command | rights |
|---|---|
| `milepost topics create` | Create |
| `milepost topics check`, `milepost doctor` | DescribeConfigs on all topics; `milepost doctor --for view` on those of the view alone |
| `milepost doctor` | Read on those of engagement log, `directory` and `shard.progress` that the processes of `--for` may read |
| `milepost skip` | what accounting needs, and Write on `overrides` |
| what only reads, such as `milepost lag` | Read on what it reads, Describe on the group `milepost` |
"""
SETTINGS: Final = """A start compares these, and ends with code 26 where one differs. In brackets is what topics are made with.

| topics | settings |
|---|---|"""
EVENT_TOPICS: Final = "all event topics"


def main(arguments: list[str]) -> int:
    differs = "differs from connectors/kafka/topics.py; run `python -m schemas.topics_page`"
    return keep_page(PAGE, page(), differs, arguments)


def page() -> str:
    blocks = [INTRODUCTION.read_text(encoding="utf-8")]
    for kind, title in TITLES.items():
        rows = [_row(topic) for topic in TOPICS if topic.kind is kind]
        blocks.append(f"## {title}\n{BEFORE[kind]}")
        blocks.append("\n".join([*_head(COLUMNS[kind]), *rows]) + "\n")
    blocks.append(f"## Settings\n\n{SETTINGS}")
    blocks.append("\n".join(_settings()) + "\n")
    blocks.append("## Who may do what\n\n" + WHO + "\n".join(_rights()) + "\n" + BESIDES)
    return "\n".join(blocks)


def _head(columns: tuple[str, ...]) -> tuple[str, str]:
    return f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"


def _row(topic: Topic) -> str:
    cells = {
        "topic": f"`{topic.name}`" if topic.kind is not TopicKind.OWN else f"`{topic.name}.<generation>`",
        "carries": ", ".join(_linked(kind) for kind in topic.carries),
        "key": topic.key,
        "partitions": COUNTS[topic.partitions],
        "kept": "the latest of each key" if topic.compacted else "for ever",
        "written by": topic.written_by,
        "read by": topic.read_by,
    }
    return f"| {' | '.join(cells[column] for column in COLUMNS[topic.kind])} |"


def _settings() -> Iterator[str]:
    """A row for topics with the same settings; what a topic is made with stands where that is not all that is needed."""
    for (needs, advised), names in _alike().items():
        needed = [f"`{need.name}` {need.told}{'' if need.told == need.value else f' ({need.value})'}" for need in needs]
        made = [f"`{name}` ({value})" for name, value in advised]
        yield f"| {_names(names)} | {', '.join([*needed, *made])} |"


def _names(names: Sequence[str]) -> str:
    """The topics of events are named once, in their table."""
    events = {topic.name for topic in TOPICS if topic.kind is TopicKind.INPUT}
    all_events = [EVENT_TOPICS] if events <= set(names) else []
    return ", ".join([*all_events, *(f"`{name}`" for name in names if not (all_events and name in events))])


def _linked(kind: str) -> str:
    return f"[{kind}](events.md#{kind.lower()})" if kind in EVENTS else f"`{kind}`" if kind in OUTPUTS else kind


def _alike() -> dict[tuple[tuple[Need, ...], tuple[tuple[str, str], ...]], list[str]]:
    """Topics by the settings that they have in common."""
    found: dict[tuple[tuple[Need, ...], tuple[tuple[str, str], ...]], list[str]] = {}
    for topic in TOPICS:
        found.setdefault((topic.needs, topic.advised), []).append(topic.name)
    return found


def _rights() -> Iterator[str]:
    """The rows of the table of access rights: who, what, on what."""
    for right in RIGHTS:
        names = _names(right.names)
        on = "" if names.startswith(EVENT_TOPICS) else f"{right.on if len(right.names) == 1 else right.on + 's'} "
        yield f"| {right.who} | {', '.join(right.may)} | {on}{names} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
