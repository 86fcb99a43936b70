"""`milepost dump`: the records of any file of ours, one a line."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from milepost.console import echo
from milepost.folders import FolderName, firms_folder

if TYPE_CHECKING:
    from connectors.files.dumped import Dumped

# Longer text stands last on its line, so that what is short can be compared below each other.
PLAIN_WIDTH = 60
# More is no sentence for people.
TEXT_WIDTH = 2_000


def dump(
    path: Annotated[str, typer.Argument(metavar="PATH", help="An Avro file; with --output the name of a topic.")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Output folder of a run: PATH is a topic such as erp.postings.")
    ] = None,
    of_type: Annotated[
        str | None, typer.Option("--type", help="Only records of this type, such as ExceptionRaised.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many records.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line; without it a short line for people.")
    ] = False,
) -> None:
    """Print records as lines: outputs, dead letters, the engagement log, or events for input."""
    from connectors.files.dumped import topics

    if output is None and path in topics() and not Path(path).exists():
        output = firms_folder(FolderName.OUTPUT)
    check_names(path, output, of_type)
    for line in lines(limited(records(path, output), of_type, limit), json=json):
        echo(line)


def check_names(path: str, output: Path | None, of_type: str | None) -> None:
    """A topic and a type that there are."""
    from connectors.files.dumped import topics, types_in

    if output is not None and path not in topics():
        raise typer.BadParameter(f"expected a topic, one of {', '.join(topics())}; got {path}", param_hint="PATH")
    if output is None and path in topics() and not Path(path).exists():
        raise typer.BadParameter(f"{path} is a topic: give the folder of a run with --output too", param_hint="PATH")
    known = types_in(path if output is not None else None)
    if of_type is not None and of_type not in known:
        where = f"a type that {path} holds" if output is not None else "the name of an event or output"
        near = f"; the nearest is {close[0]}" if (close := difflib.get_close_matches(of_type, known, 1)) else ""
        raise typer.BadParameter(
            f"expected {where}, one of {', '.join(known)}; got {of_type}{near}", param_hint="--type"
        )


def records(path: str, output: Path | None) -> Iterator[Dumped]:
    from connectors.containers import ContainerDamaged
    from connectors.files.dumped import dump_file, dump_topic

    try:
        yield from dump_topic(output, path) if output is not None else dump_file(Path(path))
    except OSError as fault:
        raise typer.BadParameter(f"{fault.filename}: cannot be read: {fault.strerror}", param_hint="PATH") from fault
    except ContainerDamaged as fault:
        if fault.damage.byte_offset == 0:
            raise typer.BadParameter(f"{path}: {fault.damage.reason}", param_hint="PATH") from fault
        raise


def limited(found: Iterable[Dumped], of_type: str | None, limit: int | None) -> Iterator[Dumped]:
    of_it = (each for each in found if of_type is None or each.type_name == of_type)
    return islice(of_it, None if limit is None else min(limit, sys.maxsize))


def lines(found: Iterable[Dumped], *, json: bool) -> Iterator[str]:
    for each in found:
        yield orjson.dumps(each.json).decode() if json else plain(each)


def plain(each: Dumped) -> str:
    """Type, place and the plain fields, sentences last and whole; what is nested is counted."""
    stated = {
        name: _cell(value) for name, value in each.json.items() if name != "type" and value not in (None, [], {}, "")
    }
    sentences_last = sorted(stated.items(), key=lambda field: field[1].startswith('"'))
    return f"{each.type_name:<16} " + " ".join(f"{name}={text}" for name, text in sentences_last)


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"({len(value)})"
    text = str(value)
    if len(text) <= PLAIN_WIDTH:
        return text
    if " " not in text:  # a digest or bytes
        return f"{text[:PLAIN_WIDTH]}..."
    shown = " ".join(text[:TEXT_WIDTH].splitlines())
    more = f"... ({len(text):,} characters, --json has all)" if len(text) > TEXT_WIDTH else ""
    return f'"{shown}{more}"'
