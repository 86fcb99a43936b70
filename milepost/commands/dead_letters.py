"""`milepost dead-letters`: what could not be read, why, and how it is sent again."""

from __future__ import annotations

import json as json_text
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from milepost.commands.exceptions import Input, Json, Output
from milepost.console import say, shape, write_json

if TYPE_CHECKING:
    from domain.outputs import DeadLetter

REASON_SHOWN = 100
RAW_SHOWN = 4_000
DIGEST_SHOWN = 32


def list_(
    output: Output,
    type_: Annotated[str | None, typer.Option("--type", help="Only those that claimed to be of this type.")] = None,
    file: Annotated[str | None, typer.Option("--file", help="Only those of this input file.")] = None,
    input_: Input = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to list one by one.")] = 20,
    json: Json = False,
) -> None:
    """List what could not be read, by reason and one by one, and what of it was sent again."""
    from milepost.tables import Table
    from milepost.tables import show as show_tables

    letters = {
        name: letter
        for name, letter in _letters(output).items()
        if type_ in (None, letter.event_type) and file in (None, letter.source_file)
    }
    resent = _resent(output, input_)
    if json:
        write_json(
            shape(1, count=len(letters), dead_letters=[_json(name, one, resent) for name, one in letters.items()])
        )
        return
    causes = Counter((one.event_type or "", one.field_path, _cause(one)) for one in letters.values())
    groups = [(*cause, f"{number:,}") for cause, number in causes.most_common()]
    rows = [
        (
            name,
            one.event_type or "",
            one.field_path,
            one.reason[:REASON_SHOWN],
            "sent again" if _is(one, resent) else "",
        )
        for name, one in list(letters.items())[:limit]
    ]
    title = "Dead letters" + (f", {limit:,} of {len(letters):,}" if len(letters) > limit else "")
    show_tables(
        Table("By reason", ("type", "field", "reason", "letters"), groups, frozenset({3})),
        *([Table(title, ("id", "type", "field", "reason", ""), rows)] if limit else []),
    )
    if letters:
        say(f"\nNext: milepost dead-letters show '{next(iter(letters))}' --output {output}")


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A dead letter, such as time.jsonl:17.", show_default=False)],
    output: Output,
    input_: Input = None,
    json: Json = False,
) -> None:
    """Show a dead letter: the message as it came, where it stood, and what is wrong with it."""
    letter, resent = _letter(output, id_), _resent(output, input_)
    if json:
        write_json(shape(1, dead_letter=_json(id_, letter, resent)))
        return
    claimed = letter.event_type or "unknown"
    typer.echo(
        f"Dead letter {id_}: {letter.size:,} bytes of type {claimed}" + (", sent again" if _is(letter, resent) else "")
    )
    typer.echo(f"{letter.field_path or 'the message as a whole'}: {letter.reason}")
    typer.echo()
    typer.echo(_text(letter))
    how = f"--set {letter.field_path}=VALUE" if letter.field_path else "--edited FILE"
    say(f"\nNext: milepost dead-letters resend '{id_}' {how} --output {output}")


def resend(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A dead letter, such as time.jsonl:17.", show_default=False)],
    output: Output,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="What is right: field=value, lines[0].terms.price=120; may be repeated."),
    ] = None,
    edited: Annotated[
        Path | None, typer.Option("--edited", help="A file with the whole event as one JSON object, put right.")
    ] = None,
    input_: Input = None,
    json: Json = False,
) -> None:
    """Send a dead letter again, put right, as a new event; the message itself stays as it came."""
    from connectors.decode_error import DecodeError
    from connectors.files.added_events import RESENT, add_events, new_event_id
    from milepost.corrected import with_fields
    from milepost.deciding import input_folder

    letter, folder = _letter(output, id_), input_folder(input_, output)
    if not set_ and edited is None:
        raise typer.BadParameter("say what is right with --set field=value, or give the whole event with --edited FILE")
    said = _parsed(edited.read_bytes(), f"{edited}", "--edited") if edited is not None else _said(letter, id_)
    event = with_fields(said, set_ or ())
    event["event_id"] = new_event_id(_mark(letter))
    try:
        path = add_events(folder, RESENT, [event], datetime.now(UTC))
    except DecodeError as fault:
        raise typer.BadParameter(f"it still cannot be read: {fault}", param_hint="--set") from fault
    if json:
        write_json(shape(1, file=str(path), events=[event]))
        return
    typer.echo(f"1 event written to {path}")
    say(f"\nNext: milepost run --input {folder} --output {output}")


def _letters(output: Path) -> dict[str, DeadLetter]:
    from connectors.files.found_letters import letters_of
    from connectors.files.written import NoOutputs

    try:
        return letters_of(output)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault


def _letter(output: Path, wanted: str) -> DeadLetter:
    from milepost.unknown_id import unknown_id

    letters = _letters(output)
    if wanted not in letters:
        raise unknown_id(output, wanted, "a dead letter", frozenset(letters), "milepost dead-letters list")
    return letters[wanted]


# The id of an event that was sent again begins with the digest of its letter


def _resent(output: Path, input_dir: Path | None) -> frozenset[str]:
    """Marks of what was sent again; empty where the input folder is not known."""
    from connectors.files.added_events import RESENT, added_events
    from milepost.deciding import beside

    resent = added_events(beside(input_dir, output), RESENT)
    return frozenset(event.event_id.rpartition(".")[0] for event in resent)


def _mark(letter: DeadLetter) -> str:
    return f"milepost.dead-letter.{letter.digest[:DIGEST_SHOWN]}"


def _is(letter: DeadLetter, resent: frozenset[str]) -> bool:
    return _mark(letter) in resent


# What it says


def _cause(letter: DeadLetter) -> str:
    """The reason without the value that stood there, so that equal faults stand together."""
    return letter.reason.partition(": ")[0][:REASON_SHOWN]


def _text(letter: DeadLetter) -> str:
    """As JSON where it is any, else as escaped text."""
    if letter.raw is None:
        return "The message was not kept"
    try:
        text = json_text.dumps(json_text.loads(letter.raw), indent=2, ensure_ascii=False)
    except ValueError:
        text = repr(letter.raw)[2:-1]
    return text if len(text) <= RAW_SHOWN else f"{text[:RAW_SHOWN]}... ({len(text):,} characters)"


def _said(letter: DeadLetter, name: str) -> dict[str, Any]:
    if letter.raw is None or len(letter.raw) < letter.size:
        raise typer.BadParameter(f"{name} was not kept whole; give the event with --edited FILE", param_hint="ID")
    return _parsed(letter.raw, name, "ID")


def _parsed(data: bytes, name: str, hint: str) -> dict[str, Any]:
    """Numbers stay as they were written."""
    try:
        found = json_text.loads(data, parse_float=str)
    except ValueError as fault:
        raise typer.BadParameter(
            f"{name} is not one JSON object ({fault}); give the event with --edited FILE", param_hint=hint
        ) from fault
    if not isinstance(found, dict):
        raise typer.BadParameter(
            f"{name}: expected one JSON object; give the event with --edited FILE", param_hint=hint
        )
    return found


def _json(name: str, letter: DeadLetter, resent: Sequence[str] | frozenset[str]) -> dict[str, Any]:
    from connectors.json_records import record_to_json

    return {**record_to_json(letter), "id": name, "resent": _mark(letter) in resent}
