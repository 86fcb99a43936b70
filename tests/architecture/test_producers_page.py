"""docs/producers.md names every topic that a producer may write to."""

from __future__ import annotations

import re
from pathlib import Path

from domain.events.catalogue import TOPICS
from state.facts import TRACE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "producers.md").read_text(encoding="utf-8")
# Written by intake and the clock alone.
OURS = {"engagement.log"}


def test_every_topic_is_in_the_table() -> None:
    table = PAGE.split("## Topics and files\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([a-z.]+)`", "".join(rows))) == set(TOPICS.values()) - OURS


def test_what_tells_two_deliveries_apart_is_named() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("- Content is compared without"))
    assert set(re.findall(r"`([a-z_]+)`", line.partition(". ")[0])) == TRACE
