"""Documents hold together: links lead somewhere, and the rules that a page names are rules that the code names."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
RULE = re.compile(r"\bR\d+\b")


def prose(page: Path) -> str:
    """Without fenced blocks."""
    return re.sub(r"^(`{3,}).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {link}, which is not there"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {link}; {path.name} has no such heading"


def test_the_rules_on_the_page_are_those_of_the_code() -> None:
    sources = chain((ROOT / "domain").rglob("*.py"), (ROOT / "state").rglob("*.py"), (ROOT / "tests").rglob("*.md"))
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    named = {
        f"R{number}"
        for first, last in re.findall(r"R(\d+)(?:-| to )R(\d+)", text)
        for number in range(int(first), int(last) + 1)
    }
    page = RULE.findall(prose(ROOT / "docs" / "rules.md"))
    assert set(page) <= named | set(RULE.findall(text))
