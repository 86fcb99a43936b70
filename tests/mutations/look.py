"""What becomes of scenarios under rules that somebody changed: their outputs, whether each figure is explained, and what an audit says.

python -m tests.mutations.look caps.md tax.md        one JSON object, by scenario
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from domain.why import Disagreement
from milepost.explain.recompute import recompute, unexplained
from tests import scenario_play
from tests.audited import violations
from tests.explained import explainer_of, figures
from tests.harness import Books
from tests.scenario_text import Scenario, read_scenarios
from tests.scenarios.test_scenarios import FOLDER, NOT_FOLLOWED


def look(first: int, files: list[str]) -> dict[str, dict[str, Any]]:
    # What a scenario says of figures holds under the rules as they are.
    scenario_play.compare = scenario_play.check_journals = _whatever_came  # type: ignore[assignment]
    return {
        f"{file}: {scenario.name}": _seen(scenario)
        for file in files
        for scenario in read_scenarios(FOLDER / file)[:first]
        if scenario.name not in NOT_FOLLOWED
    }


def _whatever_came(*_: object) -> None:
    """Instead of comparing."""


def _seen(scenario: Scenario) -> dict[str, Any]:
    found: dict[str, Any] = {"outputs": "", "figures": 0, "not_explained": 0, "failed": "", "promises": []}
    try:
        books = scenario_play.play(scenario)
    except Exception as failed:  # noqa: BLE001  # whatever a changed rule ends in: it was noticed
        return found | {"failed": f"{type(failed).__name__}: {failed}"[:200]}
    digest = blake2b(digest_size=16)
    for encoded in books.encoded:
        digest.update(encoded.body)
    found["outputs"] = digest.hexdigest()
    found["promises"] = sorted({violation.check for violation in violations(books)})
    try:
        for is_explained in _explained(books):
            found["figures"] += 1
            found["not_explained"] += not is_explained
    except Disagreement as differs:
        found["failed"] = f"{type(differs).__name__}: {differs}"[:200]
    finally:
        books.close()
    return found


def _explained(books: Books) -> Iterator[bool]:
    for engagement_id in sorted({record.engagement_id for record in books.log if record.engagement_id}):
        for figure in figures(explainer_of(books, engagement_id)):
            yield recompute(figure) == [] and unexplained(figure) == []


if __name__ == "__main__":
    print(json.dumps(look(int(sys.argv[1]), sys.argv[2:])))
