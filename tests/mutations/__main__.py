"""Changes one line in each of some twenty rules and looks whether explanations follow, and who notices.

    python -m tests.mutations                 all of them, some ten seconds each
    python -m tests.mutations 3 7             by number

Explanations follow where every figure is still explained, without a change anywhere else. A recorded step whose arithmetic is no more the
rule's is refused, which ends an explanation with the rule's name. A change that no output shows proves nothing and counts as a difference.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.why import Disagreement
from tests.mutations.changes import CHANGES, FOLLOW, REFUSED, Change
from tests.releases import Release, copied

Seen = dict[str, dict[str, Any]]
ALL: Final = 1_000
# An explanation that derives the rule by itself says something else, or no output shows the change.
DIFFER: Final = "differ"


class Result(NamedTuple):
    """Of the scenarios whose outputs the change moved: their figures, those that are not explained any more, and who noticed."""

    change: Change
    moved: int
    figures: int
    not_explained: int
    noticed: tuple[str, ...]

    @property
    def ends(self) -> str:
        """What explanations did with the change (`changes.py`)."""
        if self.not_explained or not self.moved:
            return DIFFER
        return REFUSED if Disagreement.__name__ in self.noticed else FOLLOW

    def __str__(self) -> str:
        of = f" in {self.not_explained} of {self.figures} figures" if self.not_explained else ""
        by = f"; noticed by {', '.join(self.noticed)}" if self.noticed else ""
        return f"{self.change.rule}: {self.moved} scenarios are other, explanations {self.ends}{of}{by}"


def results(changes: Sequence[Change], folder: Path, first: int = ALL) -> list[Result]:
    """Over a copy of the sources in the folder; of each file of scenarios the first."""
    sources = copied(folder / "sources")
    as_they_are: Seen = {}
    found = []
    for change in changes:
        for file in change.scenarios:
            if not any(name.startswith(file) for name in as_they_are):
                as_they_are |= _looked(sources, (file,), first)
        sources.edit(change.file, change.before, change.after)
        found.append(_result(change, as_they_are, _looked(sources, change.scenarios, first)))
        sources.edit(change.file, change.after, change.before)
    return found


def _looked(sources: Release, files: Sequence[str], first: int) -> Seen:
    found: Seen = json.loads(sources.done("tests.mutations.look", str(first), *files))
    return found


def _result(change: Change, before: Seen, after: Seen) -> Result:
    moved = [seen for name, seen in after.items() if seen["outputs"] != before[name]["outputs"]]
    promises = {promise for seen in moved for promise in seen["promises"]}
    failed = {seen["failed"].partition(":")[0] for seen in moved if seen["failed"]}
    return Result(
        change,
        len(moved),
        sum(seen["figures"] for seen in moved),
        sum(seen["not_explained"] for seen in moved),
        tuple(sorted(promises | failed)),
    )


def main(arguments: Sequence[str]) -> int:
    chosen = [CHANGES[int(number) - 1] for number in arguments] or list(CHANGES)
    with tempfile.TemporaryDirectory() as folder:
        found = results(chosen, Path(folder))
    for result in found:
        print(f"{CHANGES.index(result.change) + 1:2} {result}")
    for ends, count in Counter(result.ends for result in found).most_common():
        print(f"{count} of {len(found)} {ends}")
    others = [result for result in found if result.ends != result.change.ends]
    for result in others:
        print(f"tests/mutations/changes.py says that explanations {result.change.ends}: {result.change.rule}")
    return int(bool(others))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
