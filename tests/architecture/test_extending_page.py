"""docs/extending.md adds a kind of terms; done to a copy of the sources, its scenario comes out as it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.releases import PACKAGES, ROOT, Release

PAGE = ROOT / "docs" / "extending.md"
FENCE = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def copied(root: Path) -> Release:
    root.mkdir()
    for package in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "rules.lock"):
        shutil.copy(ROOT / file, root)
    return Release(root)


def extended(root: Path) -> Release:
    """As somebody would who follows the page."""
    made = copied(root)
    for language, file, text in FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if language == "diff":
            before = "\n".join(line[2:] for line in text.splitlines() if line.startswith("-"))
            after = "\n".join(line[2:] for line in text.splitlines() if line.startswith("+"))
            made.edit(file, before, after)
        else:
            (made.root / file).write_text(text.replace("~~~", "```"), encoding="utf-8")
    made.edit("domain/billing/methods.py", "    retainer,\n", "    retainer,\n    standby,\n")
    made.edit("domain/billing/methods.py", "    Retainer,\n", "    Retainer,\n    Standby,\n")
    made.done("schemas.generate")
    return made


def test_a_kind_of_terms_is_added_as_the_page_says(tmp_path: Path) -> None:
    made = extended(tmp_path / "copy")
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scenarios", "-k", "standby")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "1 passed" in played.stdout


def test_without_its_line_in_the_table_the_kind_fails_a_test(tmp_path: Path) -> None:
    made = extended(tmp_path / "copy")
    made.edit("domain/billing/methods.py", "    Standby: standby.KIND,\n", "")
    page = "tests/architecture/test_limits_page.py::test_every_kind_of_terms_is_handled"
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", page)
    assert "Standby" in played.stdout
    assert "1 failed" in played.stdout
