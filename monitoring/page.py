"""Writes docs/monitoring.md, every metric and every alert: `python -m monitoring.page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from connectors.metrics.catalogue import BUILD_INFO, MEASURES, NUMBERS, OF_THE_BUILD, VOCABULARIES, Measure

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "monitoring.md"
INTRODUCTION: Final = HERE / "intro.md"
RULES: Final = HERE / "rules.yml"
LONG: Final = 8


def text() -> str:
    return "\n".join([INTRODUCTION.read_text(encoding="utf-8"), *_metrics(), *_labels(), *_alerts()]) + "\n"


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield "Durations are in seconds, sizes in bytes.\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for measure in MEASURES:
        labels = ", ".join(f"`{label}`" for label in measure.labels) or "–"
        yield f"| `{measure.name}` | {measure.kind} | {labels} | {measure.meaning}{_buckets(measure)} |"
    yield "| `process_*` | | – | memory, processor time, open files and start of the process, as Prometheus names them |\n"


def _buckets(measure: Measure) -> str:
    if not measure.buckets:
        return ""
    return f". Buckets: {', '.join(f'{bound:,g}' if bound < 1_000 else f'{bound:,.0f}' for bound in measure.buckets)}"


def _labels() -> Iterator[str]:
    yield "Labels, and all that they may say; whatever else comes is `other`:\n"
    yield "| label | values |"
    yield "|---|---|"
    for label, words in VOCABULARIES.items():
        many = len(words) > LONG and label != "guard"
        told = {"topic": "the topics of `milepost topics list`, without prefix and generation"} | {
            "category": "the categories of [exceptions](exceptions.md)"
        }
        yield f"| `{label}` | {told.get(label, '') if many else ', '.join(f'`{word}`' for word in sorted(words))} |"
    for label in sorted(NUMBERS):
        yield f"| `{label}` | the number of a {label}, up to 1,023 |"
    yield "| `erp` | the name of the ERP account in accounts.toml; a process has one |"
    yield "| `currency` | an ISO 4217 code |"
    yield f"| {', '.join(f'`{label}`' for label in sorted(OF_THE_BUILD))} | one value each, on `{BUILD_INFO}` alone |\n"


def _alerts() -> Iterator[str]:
    yield "## Alerts\n"
    yield "`page` wakes somebody, `ticket` waits for the morning; `owner` says who."
    for rule in alerts():
        told = rule["annotations"]
        labels = rule["labels"]
        waits = f", for {rule['for']}" if "for" in rule else ""
        yield f"\n### {rule['alert']}\n"
        yield f"{told['summary']}: {labels['severity']}, {labels['owner']}.\n"
        yield f"    {rule['expr']}{waits}\n"
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
