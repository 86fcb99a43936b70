"""Writes docs/monitoring.md, every metric and every alert: `python -m monitoring.page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from connectors.metrics.catalogue import BUILD_INFO, GUARDS, MEASURES, NUMBERS, OF_THE_BUILD, VOCABULARIES

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "monitoring.md"
INTRODUCTION: Final = HERE / "intro.md"
RULES: Final = HERE / "rules.yml"
# Labels whose values are listed on another page.
ELSEWHERE: Final[Mapping[str, str]] = {
    "topic": "the [topics](topics.md), without prefix and generation",
    "category": "the categories of [exceptions](exceptions.md)",
}
# The exit code of each guard, by which docs/operations.md lists them.
CODES: Final = {name: code for code, name in GUARDS.items()}


def text() -> str:
    return "\n".join([INTRODUCTION.read_text(encoding="utf-8"), *_metrics(), *_labels(), *_alerts()]) + "\n"


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield "Durations are in seconds, sizes in bytes.\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for measure in MEASURES:
        labels = ", ".join(f"`{label}`" for label in measure.labels) or "–"
        yield f"| `{measure.name}` | {measure.kind} | {labels} | {measure.meaning} |"
    yield "| `process_*` | | – | memory, processor time, open files and start time, as Prometheus names them |\n"


def _labels() -> Iterator[str]:
    yield "Labels and all their values; anything else is `other`:\n"
    yield "| label | values |"
    yield "|---|---|"
    for label, words in VOCABULARIES.items():
        named = [
            f"`{word}` {CODES[word]}" if label == "guard" and word in CODES else f"`{word}`" for word in sorted(words)
        ]
        yield f"| `{label}` | {ELSEWHERE.get(label) or ', '.join(named)} |"
    for label in sorted(NUMBERS):
        yield f"| `{label}` | the number of a {label}, up to 1,023 |"
    yield "| `erp` | the ERP account in accounts.toml |"
    yield "| `currency` | an ISO 4217 code |"
    yield f"| {', '.join(f'`{label}`' for label in sorted(OF_THE_BUILD))} | one value each, on `{BUILD_INFO}` alone |\n"


def _alerts() -> Iterator[str]:
    yield "## Alerts\n"
    yield "`page` wakes somebody, `ticket` waits for the morning; then who owns it. [rules.yml](../monitoring/rules.yml) has the limits."
    for rule in alerts():
        told = rule["annotations"]
        labels = rule["labels"]
        yield f"\n### {rule['alert']}\n"
        yield f"{told['summary']}: {labels['severity']}, {labels['owner']}.\n"
        yield told["action"]


def alerts() -> list[Mapping[str, Any]]:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def main(arguments: Sequence[str]) -> int:
    found = text()
    if "--check" not in arguments:
        PAGE.write_text(found, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == found:
        return 0
    print(f"{PAGE.name} is not what monitoring/page.py makes; run `python -m monitoring.page`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
