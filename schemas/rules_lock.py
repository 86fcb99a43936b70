"""Which files a version of the rules consists of, with their digests: `python -m schemas.rules_lock [--check | --freeze]`.

A log is folded again with the rules that it was kept under, so a version that was released does not change any more: an
edited or removed file is refused, and a change goes into a new version, in files beside it. A version that is not released
yet stands in `rules.lock` without files, and may change.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from state.rules import RULES

ROOT: Final = Path(__file__).parent.parent
LOCK: Final = ROOT / "rules.lock"
# All that decides what comes out of a log. Intake decides what goes in, and is not run again; audit only looks.
FOLDERS: Final = ("domain", "state")
LEFT_OUT: Final = ("domain/audit/", "state/intake/")

# By rule and version: digests by file; None for a version that may still change.
Lock = Mapping[str, Mapping[str, Mapping[str, str] | None]]


def main(arguments: list[str]) -> int:
    lock = read_lock()
    if "--freeze" in arguments:
        LOCK.write_text(
            json.dumps(frozen(lock, RULES, digests(ROOT)), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        return 0
    faults = list(check(lock, RULES, digests(ROOT)))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def read_lock(path: Path = LOCK) -> Lock:
    found: Lock = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of each file of the rules, by its path."""
    files = sorted(each for folder in FOLDERS for each in (root / folder).rglob("*.py"))
    named = {each.relative_to(root).as_posix(): each for each in files}
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name, file in named.items()
        if not name.startswith(LEFT_OUT)
    }


def check(lock: Lock, rules: Mapping[str, int], found: Mapping[str, str]) -> Iterator[str]:
    """What is not as the lock has it."""
    for rule, version in sorted(rules.items()):
        if str(version) not in lock.get(rule, {}):
            yield f"rules.lock: version {version} of rule {rule} is missing; add it with null until it is released"
    for rule, versions in sorted(lock.items()):
        for number, files in sorted(versions.items()):
            if files is None and int(number) < rules.get(rule, 0):
                yield f"rules.lock: version {number} of rule {rule} was followed by another and is not frozen"
            elif files is not None:
                yield from _differences(f"version {number} of rule {rule}", files, found)


def _differences(version: str, files: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    remedy = "logs are folded again with it; put the file back and write the change as a new version beside it"
    for name, digest in sorted(files.items()):
        if name not in found:
            yield f"{name}: is gone, and belongs to {version}, which is frozen: {remedy}"
        elif found[name] != digest:
            yield f"{name}: was edited, and belongs to {version}, which is frozen: {remedy}"


def frozen(
    lock: Lock, rules: Mapping[str, int], found: Mapping[str, str]
) -> dict[str, dict[str, Mapping[str, str] | None]]:
    """With the versions in force fixed to these files; what is frozen stays as it is."""
    made: dict[str, dict[str, Mapping[str, str] | None]] = {rule: dict(versions) for rule, versions in lock.items()}
    for rule, version in rules.items():
        versions = made.setdefault(rule, {})
        if versions.get(str(version)) is None:
            versions[str(version)] = dict(found)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
