"""Keeps versions of the rules as they were released: `python -m schemas.rules_lock [--check | --freeze | --accept]`.

A log is folded again with the rules that it was kept under. So of a version that was released `rules.lock` has the
digests of its files, the schemas that its outputs are written with, and the digests of all that comes out of logs which
were recorded then. An edited file is refused, until the recorded logs have shown that every version still gives what it
gave (`--accept`). A version that is not released yet stands in `rules.lock` as null, and may change.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from connectors.avro_codec import OUTPUT_CODECS, released_outputs
from schemas import recorded_logs
from schemas.frozen_rules import LOCK, ROOT, Frozen, Lock, differences, digests, read_lock
from schemas.recorded_logs import recording
from state.rules import RULES

OUTCOMES_TOLD: Final = 5


class NotFrozen(Exception):
    """Something is not as it must be for a release, so nothing was frozen."""


def main(arguments: list[str]) -> int:
    lock = read_lock()
    if "--freeze" in arguments:
        return _freeze(lock)
    if "--accept" in arguments:
        return _accept(lock)
    for rule, number in open_versions(lock):
        print(
            f"version {number} of rule {rule} is open: logs that are kept under it may be folded otherwise by the next release"
        )
    return _told([*check(lock, RULES, digests(ROOT)), *outcome_faults(lock)])


def _freeze(lock: Lock) -> int:
    try:
        outputs = written_with()
    except NotFrozen as fault:
        return _told([str(fault)])
    recorded = {}
    for rule, version in RULES.items():
        if lock.get(rule, {}).get(version) is None:
            path = recording(version)
            subprocess.run([sys.executable, "-m", "tests.recordings", path], cwd=ROOT, check=True)
            recorded[rule] = dict(recorded_logs.digests(path))
            print(f"{path.relative_to(ROOT)}: {len(recorded[rule])} logs recorded; commit it with rules.lock")
    _write(frozen(lock, RULES, digests(ROOT), outputs, recorded))
    return 0


def _accept(lock: Lock) -> int:
    faults = list(outcome_faults(lock))
    if faults:
        return _told([*faults, "nothing was accepted: an edit may not change what a frozen version makes of its logs"])
    _write(accepted(lock, digests(ROOT)))
    return 0


def _told(faults: list[str]) -> int:
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _write(lock: Lock, path: Path = LOCK) -> None:
    plain = {
        rule: {str(number): told._asdict() if told is not None else None for number, told in versions.items()}
        for rule, versions in lock.items()
    }
    path.write_text(json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def open_versions(lock: Lock) -> list[tuple[str, int]]:
    return [(rule, number) for rule, versions in lock.items() for number, told in versions.items() if told is None]


def check(lock: Lock, rules: Mapping[str, int], found: Mapping[str, str]) -> Iterator[str]:
    """What is not as the lock has it."""
    for rule, newest in sorted(rules.items()):
        for version in range(1, newest + 1):
            if version not in lock.get(rule, {}):
                yield f"rules.lock: version {version} of rule {rule} is missing; add it with null until it is released"
    for rule, versions in sorted(lock.items()):
        for number, told in sorted(versions.items()):
            if told is not None:
                yield from differences(rule, number, told.files, found)
            elif number < rules.get(rule, 0):
                yield f"rules.lock: version {number} of rule {rule} was followed by another and is not frozen"


def outcome_faults(lock: Lock) -> Iterator[str]:
    """Of each frozen version, the recorded logs that do not give what they gave."""
    for rule, versions in sorted(lock.items()):
        for number, told in sorted(versions.items()):
            if told is not None:
                yield from _outcomes(rule, number, told)


def _outcomes(rule: str, number: int, told: Frozen) -> Iterator[str]:
    path = recording(number)
    if not path.exists():
        yield f"{path}: is gone, and holds the logs recorded with version {number} of rule {rule}: put the file back"
        return
    found = dict(recorded_logs.digests(path))
    wrong = sorted(name for name in found.keys() | told.recorded.keys() if found.get(name) != told.recorded.get(name))
    if wrong:
        named = ", ".join(f'"{name}"' for name in wrong[:OUTCOMES_TOLD])
        more = f" and {len(wrong) - OUTCOMES_TOLD} more" if len(wrong) > OUTCOMES_TOLD else ""
        yield (
            f"version {number} of rule {rule}, which is frozen, gives other outputs than it gave, of the recorded logs {named}{more}: "
            "ask for the version in force where the rule changes (docs/upgrades.md)"
        )


def written_with() -> dict[str, int]:
    """Numbers of today's schemas of outputs. Raises NotFrozen where one was not released."""
    numbers = {}
    for name, codec in OUTPUT_CODECS.items():
        alike = [number for number, each in released_outputs()[name].items() if each.fingerprint == codec.fingerprint]
        if not alike:
            raise NotFrozen(f"the schema of {name} was not released; run `milepost schemas freeze` first")
        numbers[name] = max(alike)
    return numbers


def frozen(
    lock: Lock,
    rules: Mapping[str, int],
    found: Mapping[str, str],
    outputs: Mapping[str, int],
    recorded: Mapping[str, Mapping[str, str]],
) -> Lock:
    """With the versions in force fixed to these files; what is frozen stays as it is."""
    made: dict[str, dict[int, Frozen | None]] = {rule: dict(versions) for rule, versions in lock.items()}
    for rule, version in rules.items():
        versions = made.setdefault(rule, {})
        if versions.get(version) is None:
            versions[version] = Frozen(dict(found), dict(outputs), dict(recorded.get(rule, {})))
    return made


def accepted(lock: Lock, found: Mapping[str, str]) -> Lock:
    """With the files of frozen versions as they are now."""
    return {
        rule: {
            number: None
            if told is None
            else told._replace(files={name: found[name] for name in told.files if name in found})
            for number, told in versions.items()
        }
        for rule, versions in lock.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
