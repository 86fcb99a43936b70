"""How many files of the product know of a capability, as docs/extending.md has it."""

from __future__ import annotations

import re

from tests.architecture.capabilities import known
from tests.architecture.ratchets import ROOT

PAGE = ROOT / "docs" / "extending.md"
ROW = re.compile(r"^\| (?P<name>[a-z][^|]*) \| (?P<files>\d+) \| (?P<own>\d+) \|$", re.MULTILINE)


def test_files_that_know_of_a_capability_are_as_many_as_the_page_says() -> None:
    counted = {
        name: (found.files, len(found.own))
        for name, found in (
            ("work between companies", known("intercompany")),
            ("revaluation", known("revaluation")),
            ("cost to cost, and its loss", known("cost to cost with its loss")),
        )
    }
    page = PAGE.read_text(encoding="utf-8")
    assert {row["name"]: (int(row["files"]), int(row["own"])) for row in ROW.finditer(page)} == counted
