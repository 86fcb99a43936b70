"""Writes docs/topics.md, every topic with what it carries and must have: `python -m schemas.topics_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.kafka.rights import RIGHTS
from connectors.kafka.topics import TOPICS, Need, Partitions, Topic, TopicKind
from domain.events.catalogue import EVENTS
from domain.outputs import OUTPUTS

PAGE: Final = Path(__file__).parent.parent / "docs" / "topics.md"
INTRODUCTION: Final = Path(__file__).parent / "topics_intro.md"
TITLES: Final = {
    TopicKind.INPUT: "What others tell",
    TopicKind.OWN: "Milepost's own",
    TopicKind.OUTPUT: "What Milepost says",
}
COUNTS: Final = {
    Partitions.SHARDS: "`kafka.partitions`",
    Partitions.ONE: "1",
    Partitions.ANY: "any; `kafka.input_partitions` when made",
}
WHO: Final = """A forged posting is the worst that could happen, so nobody but these may write. Each process can have a user of its own;
this is all that each needs, and a test runs them with exactly these rights. Topics, groups and transactional ids have the prefix
before them, our own topics the generation behind. Who may read or write may describe, too. Nobody joins the groups; intake shows
in its own how far it is.

| who | may | on |
|---|---|---|
"""
BESIDES: Final = """
Operators need more: `milepost topics create` Create; `milepost topics check` and `milepost doctor` DescribeConfigs on all topics
(`milepost doctor --for view`: on those of the view alone); `milepost doctor` Read on the engagement log, `directory` and
`shard.progress`, of which it looks at those that the processes of `--for` may read; `milepost skip` what accounting needs, and Write
on `overrides`; what only reads, such as `milepost lag`, Read on what it reads and Describe on the group `milepost`.
"""


def main(arguments: list[str]) -> int:
    text = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print("docs/topics.md: differs from connectors/kafka/topics.py; run `python -m schemas.topics_page`")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("docs/topics.md: written")
    return 0


def page() -> str:
    blocks = [INTRODUCTION.read_text(encoding="utf-8")]
    for kind, title in TITLES.items():
        topics = [topic for topic in TOPICS if topic.kind is kind]
        head = "| topic | carries | key | partitions | kept | written by | read by |\n|---|---|---|---|---|---|---|"
        rows = "\n".join(_row(topic) for topic in topics)
        blocks.append(f"## {title}\n\n{head}\n{rows}\n")
    blocks.append("## Settings\n\nA start compares these, and ends with code 26 where one differs.\n")
    for (needs, advised), names in _alike().items():
        told = "\n".join(f"| `{need.name}` | {need.told} | `{need.value}` |" for need in needs)
        told += "".join(f"\n| `{name}` | | `{value}` |" for name, value in advised)
        head = "| setting | needed | when made |\n|---|---|---|"
        blocks.append(f"{', '.join(f'`{name}`' for name in names)}:\n\n{head}\n{told}\n")
    blocks.append("## Who may do what\n\n" + WHO + "\n".join(_rights()) + "\n" + BESIDES)
    return "\n".join(blocks)


def _row(topic: Topic) -> str:
    name = topic.name if topic.kind is not TopicKind.OWN else f"{topic.name}.<generation>"
    carries = ", ".join(_linked(kind) for kind in topic.carries)
    kept = f"compacted: {topic.kept}" if topic.compacted else topic.kept
    return f"| `{name}` | {carries} | {topic.key} | {COUNTS[topic.partitions]} | {kept} | {topic.written_by} | {topic.read_by} |"


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
        names = ", ".join(f"`{name}`" for name in right.names)
        yield f"| {right.who} | {', '.join(right.may)} | {right.on if len(right.names) == 1 else right.on + 's'} {names} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
