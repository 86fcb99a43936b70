"""A release whose rules are frozen, and the next one: copies of the sources, changed as docs/upgrades.md says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

from tests import forked

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "state", "operators", "connectors", "dataflows", "milepost", "schemas", "simulation", "tests")
# Another process may be about to rename it; what is compiled is copied, for compiling all again takes ten seconds.
BEING_COMPILED = "*.pyc.*"
# Among them is one with more hours on a day than the next release takes.
RECORDED_SCENARIOS = ("parking.md",)
LIMIT = "worker_on(draft, event.person_id, day), plan.policies.hours_max_per_entry"
LOWER = "worker_on(draft, event.person_id, day), min(plan.policies.hours_max_per_entry, 16_000_000)"
LOWER_SINCE_2 = (
    "worker_on(draft, event.person_id, day), min(plan.policies.hours_max_per_entry, "
    "16_000_000 if draft.reference.rules >= 2 else plan.policies.hours_max_per_entry)"
)


class Release(NamedTuple):
    """A copy of the sources, and how it is run."""

    root: Path
    is_edited: bool = True

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        if not self.is_edited:
            return forked.run(command, cwd=self.root, text=True)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def as_it_is(self) -> Release:
        """Nothing is edited any more: its processes fork from one that has imported it."""
        return self._replace(is_edited=False)

    def milepost(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "milepost", *arguments)

    def lock(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "schemas.rules_lock", *arguments)

    def done(self, *arguments: str | Path) -> str:
        """The output of a module that has to succeed."""
        made = self.python("-m", *arguments)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def edit(self, file: str, before: str, after: str) -> None:
        assert self.is_edited, f"{file} may be imported already"
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{file}: {text.count(before)} times {before!r}"
        path.write_text(text.replace(before, after), encoding="utf-8")
        # What was compiled counts as this text's by its size and the second of its change.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)

    def copied(self, root: Path) -> Release:
        shutil.copytree(self.root, root)
        return Release(root)


def copied(root: Path) -> Release:
    """These sources, with all of their tests."""
    root.mkdir()
    for package in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns(BEING_COMPILED))
    for file in ("pyproject.toml", "rules.lock"):
        shutil.copy(ROOT / file, root)
    return Release(root)


def frozen_release(root: Path) -> Release:
    """These sources with version 1 of the rules frozen."""
    root.mkdir()
    for package in PACKAGES:
        left_out = shutil.ignore_patterns(BEING_COMPILED, *_other_scenarios())
        shutil.copytree(ROOT / package, root / package, ignore=left_out)
    shutil.copy(ROOT / "rules.lock", root)
    made = Release(root)
    made.done("schemas.rules_lock", "--freeze")
    return made


def next_release(before: Release, root: Path) -> Release:
    """With version 2 in work: journals say in words what they are about, and an entry has at most 16 hours unless less is agreed."""
    made = before.copied(root)
    schema = made.root / "schemas" / "avro" / "outputs" / "JournalEntry.avsc"
    journal = json.loads(schema.read_text(encoding="utf-8"))
    text = {"name": "text", "doc": "Posting text.", "type": ["null", "string"], "default": None}
    journal["fields"].append(text)
    schema.write_text(json.dumps(journal, indent=2), encoding="utf-8")
    made.done("schemas.generate")
    made.done("milepost", "schemas", "freeze")
    made.edit("domain/ledger/journal.py", "            None,\n        ),\n", WITH_TEXT)
    made.edit("state/work/hour_terms.py", LIMIT, LOWER_SINCE_2)
    made.edit("state/rules.py", "{ACCOUNTING: 1}", "{ACCOUNTING: 2}")
    lock = made.root / "rules.lock"
    kept = json.loads(lock.read_text(encoding="utf-8"))
    kept["accounting"]["2"] = None
    lock.write_text(json.dumps(kept), encoding="utf-8")
    return made


WITH_TEXT = """            None,
            f"{rule} of {kind} {affected_id}",
        ),
"""


def _other_scenarios() -> list[str]:
    """Recording all of them takes long, and proves no more."""
    return [path.name for path in (ROOT / "tests" / "scenarios").glob("*.md") if path.name not in RECORDED_SCENARIOS]
