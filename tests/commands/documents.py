"""What stands in the documents' fenced blocks: commands with what they print, and files to save."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Blocks of a page are fenced by as many backquotes as it takes to hold those inside.
BLOCK = re.compile(r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
COMMANDS = ("milepost ", "make ")


class Typed(NamedTuple):
    """A command, where its output goes, and what the page says it prints; None where it says nothing."""

    command: str
    target: str | None
    said: str | None

    @property
    def line(self) -> str:
        return self.command if self.target is None else f"{self.command} > {self.target}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def typed(page: Path) -> Iterator[Typed]:
    """In their order. Behind a prompt anything may stand, else what begins with milepost or make."""
    for info, text in _blocks(page):
        if info == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, said = part.partition("\n")
                yield _typed(command, said)
        elif not info:
            for line in text.splitlines():
                if line.startswith(COMMANDS):
                    yield _typed(line.partition("  #")[0].strip(), None)


def saved(page: Path) -> dict[str, str]:
    """Texts of blocks that have a file's name after the language, such as `toml accounts.toml`."""
    return {info.split()[1]: text for info, text in _blocks(page) if len(info.split()) == 2}


def _blocks(page: Path) -> Iterator[tuple[str, str]]:
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield found["info"].strip(), found["text"]


def _typed(line: str, said: str | None) -> Typed:
    command, _, target = line.partition(" > ")
    return Typed(command, target or None, said or None)


def stands_in(said: str, printed: str) -> bool:
    """Every line of the page is printed, in this order; `...` stands for lines that are left out."""
    if "..." not in said.splitlines():
        return _lines(said) == _lines(printed)
    lines = iter(_lines(printed))
    return all(wanted == "..." or any(wanted == line for line in lines) for wanted in _lines(said))


def _lines(text: str) -> list[str]:
    """However wide their columns are and without the time they took."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and "events a second" not in line]
