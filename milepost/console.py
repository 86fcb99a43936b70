"""What people see: data on stdout, progress and messages on stderr, and nothing but plain text where no terminal is.

A name can hold characters that nobody sees and that act all the same: ESC moves a terminal's cursor or names its window, U+202E turns
what follows around, so that 100 reads 001. Each is written as JSON writes it, such as `\\u202e`: visible for people, and in JSON the
same text for machines. Line breaks and tabs stay; a caller that needs one line takes them out first.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import typer

from domain.units import AMOUNT_ONE, Amount
from milepost.days import moment

# What is made before a terminal is asked how wide it is.
WIDTH: Final = 80
# Of help, which stands two further to the right.
HELP_WIDTH: Final = WIDTH - 2

# How pages write amounts and dates where no reader is named.
LOCALE: Final = "en_GB"

# What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = "=+-@\t\r"

# Words of a line, texts in quotes whole; of a command line options with their values.
_WORD: Final = re.compile(r'(?:[^\s"]*"[^"]*"[^\s"]*|\S)+')
_OPTION: Final = re.compile(r"(?:--[a-z-]+ +(?!--))?(?:'[^']*'|\S)+")
_COMMAND: Final = re.compile(r" *(?:Next: +)?milepost ")

# Between a folder and the earlier moment that is shown of it.
EARLIER: Final = " --as-of "

# Folders that people know by another name, such as one that shows an earlier moment.
_KNOWN_AS: dict[str, str] = {}

# Not empty where lines have the time before them.
_STAMPED: set[bool] = set()


def say(message: str) -> None:
    """For people: on stderr, so that it never mixes with data."""
    for folder, name in _KNOWN_AS.items():
        message = message.replace(folder, name)
    tell(f"{_now()} {message}" if _STAMPED else message, err=True)


def tell(text: str, *, err: bool = False) -> None:
    """On a terminal no line is longer than it is wide, as far as no figure, date or id has to be divided for that."""
    stream = sys.stderr if err else sys.stdout
    seen = printable(text)
    if stream.isatty():
        # It takes as long to load as a short command runs.
        from milepost.printer import Printer

        seen = fitted(seen, Printer(stderr=err).width)
    echo(seen, err=err)


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Whatever is written to a terminal, a pipe or a file; JSON too, which stays the same text by what is escaped."""
    typer.echo(printable(text), err=err, nl=nl)


def fitted(text: str, width: int) -> str:
    """Lines broken between words and not within quotes; a command so that a shell still takes it for one line."""
    return "\n".join(broken for line in text.split("\n") for broken in _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    if len(line) <= width:
        yield line
        return
    is_command = _COMMAND.match(line) is not None
    indent = line[: len(line) - len(line.lstrip())]
    further = f"{indent}  "
    mark = " \\" if is_command else ""
    made, at = "", len(indent)
    for found in (_OPTION if is_command else _WORD).finditer(line.rstrip(), at):
        word, blanks, at = found[0], found.start() - at, found.end()
        if made and len(indent) + len(made) + blanks + len(word) + len(mark) > width:
            yield f"{indent}{made}{mark}"
            indent, made = further, word
        else:
            made += " " * blanks + word
    yield f"{indent}{made}"


def stamp_lines() -> None:
    """From now on what is said has the time before it: of a process that serves, whose lines are read when it was."""
    _STAMPED.add(True)


def _now() -> str:
    """In UTC, to the millisecond."""
    return moment().isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def known_as(folder: Path, name: str) -> Iterator[None]:
    """What is said names the folder so."""
    _KNOWN_AS[str(folder)] = name
    try:
        yield
    finally:
        del _KNOWN_AS[str(folder)]


def folder_named(folder: Path) -> str:
    """As people name it; of one that shows an earlier moment the folder that it shows."""
    return _KNOWN_AS.get(str(folder), str(folder)).partition(EARLIER)[0]


def is_known_as(folder: Path) -> bool:
    """Whether the folder stands for another one, of which nothing more can be asked."""
    return str(folder) in _KNOWN_AS


def shell_word(value: object) -> str:
    """As any shell takes it for one word; zsh takes a leading `=` for the name of a command."""
    text = str(value)
    return f"'{text}'" if text.startswith("=") and shlex.quote(text) == text else shlex.quote(text)


def asked_folder(folder: Path) -> str:
    """The folder that was named, also where one stands for an earlier moment of it."""
    return _KNOWN_AS.get(str(folder), str(folder)).partition(" --as-of ")[0]


def write_json(shape: object) -> None:
    """One JSON object on one line of stdout."""
    echo(orjson.dumps(shape).decode())


def amount_text(amount: Amount) -> str:
    """With thousands separated, two decimals or as many as there are: `-1,234.50`."""
    units, rest = divmod(abs(amount), AMOUNT_ONE)
    fraction = f"{rest:04d}"
    fraction = fraction[:2] + fraction[2:].rstrip("0")
    return f"{'-' if amount < 0 else ''}{units:,}.{fraction}"


def money_text(money: Mapping[str, Amount]) -> str:
    """By currency: `1,234.50 EUR, 80.00 USD`."""
    return ", ".join(f"{amount_text(amount)} {currency}" for currency, amount in sorted(money.items()))


def no_formula(typed: str | None) -> str:
    """A text for a cell of a CSV, with an apostrophe before what a spreadsheet would calculate."""
    text = printable(typed or "")
    return f"'{text}" if text and text[0] in _FORMULA else text


def aligned(rows: Iterable[Sequence[str]], right: Iterable[int] = (), indent: str = "  ") -> list[str]:
    """Columns as wide as their widest cell; those in `right` stand to the right."""
    cells = [list(row) for row in rows]
    to_the_right = set(right)
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))] if cells else []
    return [
        indent
        + "  ".join(
            cell.rjust(widths[at]) if at in to_the_right else cell.ljust(widths[at]) for at, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def shape(version: int, **fields: Any) -> dict[str, Any]:
    """A summary for machines; its version goes up when a field changes its meaning or goes away."""
    return {"version": version, **fields}


# Control characters but tab and line feed, separators of lines and paragraphs, marks of direction, and format characters that show nothing.
# Joiners (U+200C, U+200D) stay: Persian, Hindi and families of emoji are written with them.
UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)


def printable(text: str) -> str:
    return UNSEEN.sub(_as_json_writes_it, text)


def _as_json_writes_it(found: re.Match[str]) -> str:
    """Above U+FFFF in two halves."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
