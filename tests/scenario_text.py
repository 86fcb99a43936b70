"""Scenarios as text: Markdown with events and what comes out of them, as docs/scenarios.md describes it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FENCE = "```"
ARROW = "=>"
# Lines that go on with what the statement above them began.
CONTINUING = frozenset(
    {"difference", "line", "rate", "cap", "shared", "terms", "variable", "each", "receivable", "and"}
)
WHEN = re.compile(r"\d{4}-\d{2}-\d{2}(T\S+)?")
# What shlex parts plain words at, and where words are not plain: quoted, escaped, before a comment.
PLAIN = re.compile(r"[^ \t\r\n]+")
NOT_PLAIN = re.compile(r"""["'\\#]""")


class ScenarioError(Exception):
    """The text cannot be read; the message begins with file and line."""


class Line(NamedTuple):
    """One line of the text, with where it stands."""

    path: str
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        try:
            return list(_words(self.text))
        except ValueError as error:
            raise self.wrong(f"{error}; close the quotation") from None

    def wrong(self, message: str) -> ScenarioError:
        return ScenarioError(f"{self.path}:{self.number}: {message}\n    {self.text.strip()}")


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    """Those of shlex, which takes ten times as long; most lines stand in many scenarios."""
    return tuple(shlex.split(text, comments=True) if NOT_PLAIN.search(text) else PLAIN.findall(text))


class Block(NamedTuple):
    """A line with those that belong to it: terms of a contract, rows of a statement."""

    head: Line
    rest: tuple[Line, ...]


class Step(NamedTuple):
    """A statement and what is expected of it; without `when` it belongs to the setup."""

    when: str | None
    words: tuple[str, ...]
    statement: Block
    expected: tuple[Block, ...]

    @property
    def subject(self) -> tuple[str, ...]:
        """What a setup statement is about; the same subject again takes its place."""
        match self.words:
            case ("exchange", from_currency, to_currency, _, *day):
                return "exchange", from_currency, to_currency, *day
            case ("cost", kind, whose, *_):
                return "cost", kind, whose
            case (kind, name, *_):
                return kind, name
            case _:
                return self.words


class Scenario(NamedTuple):
    name: str
    head: Line
    steps: tuple[Step, ...]


def read_scenarios(path: Path) -> list[Scenario]:
    """Scenarios of one file, a heading of level two or three each; blocks before the first such heading are the setup of all."""
    return list(_scenarios(path.name, path.read_text(encoding="utf-8")))


# The pages that there are, and some; tests of properties tell thousands, each once.
@lru_cache(maxsize=100)
def _scenarios(file: str, text: str) -> tuple[Scenario, ...]:
    """Several tests of one run read the same files."""
    common: list[Step] = []
    found: list[Scenario] = []
    for heading, lines in _sections(file, text):
        steps = list(_steps(lines))
        if heading is None:
            common = steps
        elif steps:
            found.append(Scenario(heading.text.lstrip("#").strip(), heading, tuple(_with_setup(common, steps))))
    if not found:
        raise ScenarioError(f"{file}:1: expected a heading '## name' with a fenced block of events, found none")
    return tuple(found)


def _sections(file: str, page: str) -> Iterator[tuple[Line | None, list[Line]]]:
    """Each heading of level two or three with the lines of its fenced blocks; those of another language are prose."""
    heading: Line | None = None
    inside: list[Line] = []
    fenced: Line | None = None
    for number, text in enumerate(page.splitlines(), 1):
        line = Line(file, number, text)
        if text.startswith(FENCE):
            fenced = line if fenced is None else None
        elif fenced is not None:
            if fenced.text.rstrip() == FENCE:
                inside.append(line)
        elif text.startswith(("## ", "### ")):
            yield heading, inside
            heading, inside = line, []
    if fenced is not None:
        raise fenced.wrong("the block is not closed")
    yield heading, inside


def read_step(lines: Sequence[str]) -> Step:
    """One statement with its indented lines, as it is told by a test."""
    (step,) = _steps([Line("told", number, text) for number, text in enumerate(lines, 1)])
    return step


def _steps(lines: list[Line]) -> Iterator[Step]:
    head: Line | None = None
    rest: list[Line] = []
    expected: list[tuple[Line, list[Line]]] = []
    for line in lines:
        words = line.words
        if not words:
            continue
        if words[0] == ARROW:
            if head is None:
                raise line.wrong("expected an event before what comes out of it")
            expected.append((line, []))
        elif line.text[0].isspace() and expected:
            expected[-1][1].append(line)
        elif line.text[0].isspace() and head is not None and words[0] in CONTINUING:
            rest.append(line)
        elif line.text[0].isspace():
            raise line.wrong(f"expected {ARROW} or one of {', '.join(sorted(CONTINUING))} on an indented line")
        else:
            if head is not None:
                yield _step(head, rest, expected)
            head, rest, expected = line, [], []
    if head is not None:
        yield _step(head, rest, expected)


def _step(head: Line, rest: list[Line], expected: list[tuple[Line, list[Line]]]) -> Step:
    words = head.words
    when = words.pop(0) if WHEN.fullmatch(words[0]) else None
    if len(words) < 2:
        raise head.wrong("expected a statement such as: time T-1 bob 8 h")
    blocks = tuple(Block(line, tuple(rows)) for line, rows in expected)
    return Step(when, tuple(words), Block(head, tuple(rest)), blocks)


def _with_setup(common: list[Step], steps: list[Step]) -> Iterator[Step]:
    """The file's setup with what the scenario states instead, then the scenario's own, then its events."""
    own = [step for step in steps if step.when is None]
    events = [step for step in steps if step.when is not None]
    dropped = [other.words[1:] for other in own if other.words[0] == "without"]
    for step in common:
        instead = [other for other in own if other.subject == step.subject]
        if instead or not any(step.words[: len(words)] == words for words in dropped):
            yield from instead or (step,)
    stated = {step.subject for step in common}
    yield from (step for step in own if step.words[0] != "without" and step.subject not in stated)
    yield from events
