"""The Containerfile, read as what it says: stages of instructions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.deploy.rendering import ROOT

FILE: Final = ROOT / "Containerfile"


class Instruction(NamedTuple):
    word: str
    rest: str

    @property
    def listed(self) -> list[str]:
        """Of the form that needs no shell. Raises ValueError for the other one."""
        found = json.loads(self.rest)
        if not isinstance(found, list):
            raise ValueError(f"expected a list, got {self.rest}")  # noqa: TRY004
        return found

    @property
    def options(self) -> list[str]:
        return [part for part in self.rest.split() if part.startswith("--")]

    @property
    def paths(self) -> tuple[list[str], str]:
        """Of a COPY: from where, and to where."""
        *sources, target = [part for part in self.rest.split() if not part.startswith("--")]
        return sources, target

    @property
    def pairs(self) -> dict[str, str]:
        """Of ENV and LABEL."""
        return {name: value.strip('"') for name, value in re.findall(r'([\w.]+)=("[^"]*"|\S+)', self.rest)}


class Stage(NamedTuple):
    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[Instruction]:
        return [each for each in self.instructions if each.word == word]

    def only(self, word: str) -> Instruction:
        (found,) = self.all(word)
        return found


def instructions(file: Path = FILE) -> Iterator[Instruction]:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Instruction(word, " ".join(rest.split()) if word != "RUN" else rest)


def stages() -> list[Stage]:
    """With the arguments of the file put in."""
    found: list[list[Instruction]] = []
    arguments: dict[str, str] = {}
    for each in instructions():
        if each.word == "FROM":
            found.append([each])
        elif found:
            found[-1].append(each)
        else:
            arguments.update(each.pairs)
    return [_stage(arguments, each) for each in found]


def _stage(arguments: dict[str, str], found: Sequence[Instruction]) -> Stage:
    base, _, name = found[0].rest.partition(" AS ")
    for argument, value in arguments.items():
        base = base.replace(f"${{{argument}}}", value)
    return Stage(base, name, tuple(found[1:]))
