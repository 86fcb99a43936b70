"""What `rules.lock` keeps of each version of the rules that was released, and whether the files here are still those.

Read when Milepost starts; `schemas.rules_lock` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
LOCK: Final = ROOT / "rules.lock"
# All that decides what comes out of a log. Intake decides what goes in, and is not run again; audit only looks.
FOLDERS: Final = ("domain", "state")
LEFT_OUT: Final = ("domain/audit/", "state/intake/")
REMEDY: Final = (
    "logs are folded again with it. Put the file back, and write the change under the next version (docs/upgrades.md); "
    "where all versions decide as before, `python -m schemas.rules_lock --accept` takes the edit"
)


class Frozen(NamedTuple):
    """`files` and `recorded` are SHA-256: of a file, and of all that comes out of a recorded log. `outputs` are the numbers
    of the released schemas that outputs are written with.
    """

    files: Mapping[str, str]
    outputs: Mapping[str, int]
    recorded: Mapping[str, str]


# By rule and version; None for a version that may still change.
Lock = Mapping[str, Mapping[int, Frozen | None]]


def read_lock() -> Lock:
    found: Mapping[str, Mapping[str, Any]] = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    return {
        rule: {int(number): None if told is None else Frozen(**told) for number, told in versions.items()}
        for rule, versions in found.items()
    }


@cache
def kept_lock() -> Lock:
    """That of this release."""
    return read_lock()


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of each file of the rules, by its path."""
    files = sorted(each for folder in FOLDERS for each in (root / folder).rglob("*.py"))
    named = {each.relative_to(root).as_posix(): each for each in files}
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name, file in named.items()
        if not name.startswith(LEFT_OUT)
    }


def differences(rule: str, number: int, files: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """Of the files of a frozen version, those that are other ones now."""
    version = f"version {number} of rule {rule}, which is frozen"
    for name, digest in sorted(files.items()):
        if name not in found:
            yield f"{name}: is gone, and belongs to {version}: {REMEDY}"
        elif found[name] != digest:
            yield f"{name}: was edited, and belongs to {version}: {REMEDY}"


def edited(lock: Lock, root: Path = ROOT) -> list[str]:
    """Of a release, whose versions are all frozen; while one is in work its files may change, and the check of the sources tells."""
    frozen = {(rule, number): told for rule, versions in lock.items() for number, told in versions.items()}
    if not frozen or None in frozen.values():
        return []
    found = digests(root)
    return [
        fault
        for (rule, number), told in sorted(frozen.items(), key=lambda each: each[0])
        if told is not None
        for fault in differences(rule, number, told.files, found)
    ]
