"""Writes docs/topics.md, every topic with what it carries and must have: `python -m schemas.topics_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.kafka.topics import TOPICS, Kind, Need, Partitions, Topic
from domain.events.catalogue import EVENTS
from domain.outputs import OUTPUTS

PAGE: Final = Path(__file__).parent.parent / "docs" / "topics.md"
INTRODUCTION: Final = Path(__file__).parent / "topics_intro.md"
TITLES: Final = {
    Kind.INPUT: "What others tell",
    Kind.OWN: "Milepost's own",
    Kind.OUTPUT: "What Milepost says",
}
COUNTS: Final = {
    Partitions.SHARDS: "`kafka.partitions`",
    Partitions.ONE: "1",
    Partitions.ANY: "any; `kafka.input_partitions` when made",
}
RIGHTS: Final = """A forged posting is the worst that could happen, so nobody but these may write. Besides, a transactional
writer needs Write and Describe on its transactional id (`milepost/<generation>/intake`, `milepost/<generation>/<shard>`, with the
prefix before it) and IdempotentWrite on the cluster; intake needs Read on the group `milepost`, in which it shows how far it is;
`milepost topics check` and `milepost doctor` need DescribeConfigs on all topics.

| who | may | on |
|---|---|---|
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
    blocks.append("## Who may do what\n\n" + RIGHTS + "\n".join(_rights()) + "\n")
    return "\n".join(blocks)


def _row(topic: Topic) -> str:
    name = topic.name if topic.kind is not Kind.OWN else f"{topic.name}.<generation>"
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
    """The rows of the table of access rights: who, what, on which topics."""
    for role in ("intake", "accounting"):
        writes = [topic.name for topic in TOPICS if topic.written_by == role]
        reads = [topic.name for topic in TOPICS if role in topic.read_by.split(", ")]
        yield f"| {role} | Write, Describe | {', '.join(f'`{name}`' for name in writes)} |"
        yield f"| {role} | Read, Describe | {', '.join(f'`{name}`' for name in reads)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
