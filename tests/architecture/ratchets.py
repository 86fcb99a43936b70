"""What the house still has that it should not: lists that only get shorter.

    python -m tests.architecture.ratchets            takes off the lists what is mended, and prints the lines of each folder

Nothing is ever added by hand: a new import against the grain, a second class of a name, or one more `Any` is mended where it is.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import grimp

ROOT: Final = Path(__file__).resolve().parents[2]
LISTS: Final = Path(__file__).with_suffix(".json")
ROOMS: Final = (
    "domain",
    "state",
    "operators",
    "connectors",
    "dataflows",
    "milepost",
    "schemas",
    "monitoring",
    "simulation",
)
# Who should not know whom: explanation and forecast are no second handlers, and a handler sequences by itself.
AGAINST_THE_GRAIN: Final = (
    ("milepost.explain", "state.handlers"),
    ("state.forecast", "state.handlers"),
    ("state.handlers", "state.handlers"),
)
# What explanation could do where no rule recorded a figure: take what is published as it is.
TRIED: Final = ("stated",)
# A folder of its own in the count of lines.
PARTS: Final = (
    "domain/audit",
    "domain/delivery",
    "state/forecast",
    "state/handlers",
    "state/intake",
    "milepost/explain",
    "connectors/erp",
    "connectors/imports",
)


class Lists(NamedTuple):
    """`imports` as `a -> b`; `classes` by public name, the modules that have one; `any`, how often a room writes `Any`; `tried`, how often
    explanation does."""

    imports: list[str]
    classes: dict[str, list[str]]
    any: dict[str, int]
    tried: dict[str, int]


@cache
def found() -> Lists:
    classes: defaultdict[str, set[str]] = defaultdict(set)
    loose: Counter[str] = Counter()
    for room in ROOMS:
        for path, tree in _trees(room):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    classes[node.name].add(path.with_suffix("").as_posix().replace("/", "."))
                loose[room] += isinstance(node, ast.Name) and node.id == "Any"
    return Lists(
        _imports(),
        {name: sorted(modules) for name, modules in sorted(classes.items()) if len(modules) > 1},
        {room: count for room, count in loose.items() if count},
        _tried(),
    )


def listed() -> Lists:
    return Lists(**json.loads(LISTS.read_text(encoding="utf-8")))


def beyond(now: Lists, allowed: Lists) -> list[str]:
    """What there is that the lists do not have."""
    return [
        *(f"{each}: it should not be imported there" for each in now.imports if each not in allowed.imports),
        *(
            f"class {name} of {module}: another class has the name ({', '.join(each for each in modules if each != module)})"
            for name, modules in now.classes.items()
            for module in modules
            if module not in allowed.classes.get(name, ())
        ),
        *(
            f"{room}: Any {count} times, expected {allowed.any.get(room, 0)} at most"
            for room, count in now.any.items()
            if count > allowed.any.get(room, 0)
        ),
        *(
            f"milepost/explain: {name} {count} times, expected {allowed.tried.get(name, 0)} at most; let the rule record the figure"
            for name, count in now.tried.items()
            if count > allowed.tried.get(name, 0)
        ),
    ]


def lines() -> dict[str, int]:
    counts: Counter[str] = Counter()
    for room in (*ROOMS, "benchmarks", "tests"):
        for path, _ in _trees(room):
            part = next((each for each in PARTS if path.as_posix().startswith(f"{each}/")), room)
            counts[part] += len((ROOT / path).read_text(encoding="utf-8").splitlines())
    return dict(sorted(counts.items()))


@cache
def _trees(room: str) -> list[tuple[Path, ast.Module]]:
    paths = sorted((ROOT / room).rglob("*.py"))
    return [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def _tried() -> dict[str, int]:
    calls = (
        node.func.id
        for path, tree in _trees("milepost")
        if path.as_posix().startswith("milepost/explain/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    return dict(sorted(Counter(name for name in calls if name in TRIED).items()))


def _imports() -> list[str]:
    graph = grimp.build_graph(*ROOMS)
    return [
        f"{importer} -> {imported}"
        for ours, theirs in AGAINST_THE_GRAIN
        for importer in sorted(graph.find_descendants(ours))
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported == theirs or imported.startswith(f"{theirs}.")
    ]


def main() -> int:
    now = found()
    if wrong := beyond(now, listed()):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    LISTS.write_text(json.dumps(now._asdict(), indent=1) + "\n", encoding="utf-8")
    for folder, count in lines().items():
        print(f"{count:>8,}  {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
