"""`milepost dead-letters`: what could not be read, why, and how it is sent again."""

from __future__ import annotations

import json as json_text
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import orjson
import typer

from milepost.commands.exceptions import All, Input, Json, Output, Plan, Yes
from milepost.console import say, shape, write_json

if TYPE_CHECKING:
    from domain.outputs import DeadLetter
    from milepost.tables import Table

REASON_SHOWN = 100
RAW_SHOWN = 4_000
DIGEST_SHOWN = 32


Type = Annotated[str | None, typer.Option("--type", help="Only those that claimed to be of this type.")]
File = Annotated[str | None, typer.Option("--file", help="Only those of this input file.")]


class Again(NamedTuple):
    """A dead letter put right, and what is still wrong with it."""

    name: str
    letter: DeadLetter
    event: dict[str, Any]
    fault: str | None


def list_(
    output: Output,
    type_: Type = None,
    file: File = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that were not sent again.")] = False,
    input_: Input = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to list one by one.")] = 20,
    all_: All = False,
    json: Json = False,
) -> None:
    """List what could not be read, by reason and one by one, and what of it was sent again."""
    from milepost.tables import Table
    from milepost.tables import show as show_tables

    resent = _resent(output, input_)
    letters = _fitting(_letters(output), resent, type_, file, waiting=waiting)
    if json:
        groups = [group._asdict() for group in _groups(letters, resent)]
        write_json(
            shape(
                1,
                count=len(letters),
                groups=groups,
                dead_letters=[_json(name, one, resent) for name, one in letters.items()],
            )
        )
        return
    shown = list(letters.items())[: None if all_ else limit]
    rows = [
        (
            name,
            one.event_type or "",
            one.field_path,
            one.reason[:REASON_SHOWN],
            "sent again" if _is(one, resent) else "",
        )
        for name, one in shown
    ]
    more = f", {len(shown):,} of {len(letters):,} (--all shows them)" if len(shown) < len(letters) else ""
    show_tables(
        _group_table(letters, resent),
        *([Table(f"Dead letters{more}", ("id", "type", "field", "reason", ""), rows)] if shown or not letters else []),
    )
    if letters:
        say(f"\nNext: milepost dead-letters show '{next(iter(letters))}' --output {output}")


class LetterGroup(NamedTuple):
    """Letters of one file with one fault."""

    file: str
    type: str
    field: str
    reason: str
    letters: int
    resent: int


def _groups(letters: dict[str, DeadLetter], resent: frozenset[str]) -> list[LetterGroup]:
    """Those with the most letters first."""
    found: dict[tuple[str, str, str, str], list[DeadLetter]] = {}
    for one in letters.values():
        key = (one.source_file or one.topic, one.event_type or "", one.field_path, _cause(one))
        found.setdefault(key, []).append(one)
    groups = [LetterGroup(*key, len(each), sum(_is(one, resent) for one in each)) for key, each in found.items()]
    return sorted(groups, key=lambda group: (-group.letters, group))


def _group_table(letters: dict[str, DeadLetter], resent: frozenset[str], title: str = "By reason") -> Table:
    from milepost.tables import Table

    rows = [(*group[:4], f"{group.letters:,}", f"{group.resent:,}") for group in _groups(letters, resent)]
    sums = ("all", "", "", "", f"{len(letters):,}", f"{sum(_is(one, resent) for one in letters.values()):,}")
    columns = ("file", "type", "field", "reason", "letters", "sent again")
    return Table(title, columns, [*rows, *([sums] if rows else [])], frozenset({4, 5}), 1 if rows else 0)


def _fitting(
    letters: dict[str, DeadLetter], resent: frozenset[str], type_: str | None, file: str | None, *, waiting: bool
) -> dict[str, DeadLetter]:
    return {
        name: letter
        for name, letter in letters.items()
        if type_ in (None, letter.event_type)
        and file in (None, letter.source_file)
        and not (waiting and _is(letter, resent))
    }


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
    output: Output,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Dead letters, such as time.jsonl:17.", show_default=False),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="What is right: field=value, lines[0].terms.price=120; may be repeated."),
    ] = None,
    edited: Annotated[
        Path | None, typer.Option("--edited", help="A file with the whole event as one JSON object, put right.")
    ] = None,
    type_: Type = None,
    file: File = None,
    input_: Input = None,
    yes: Yes = False,
    plan: Plan = False,
    json: Json = False,
) -> None:
    """Send dead letters again, put right, as new events; the messages themselves stay as they came."""
    from connectors.files.added_events import RESENT, add_events
    from milepost.deciding import confirmed, input_folder

    folder = input_folder(input_, output)
    letters = _chosen(output, folder, ids or (), type_, file)
    if not set_ and edited is None:
        raise typer.BadParameter("say what is right with --set field=value, or give the whole event with --edited FILE")
    if edited is not None and len(letters) != 1:
        raise typer.BadParameter(f"one event replaces one letter, got {len(letters):,} of them", param_hint="--edited")
    again = (
        [_again(name, letter, set_ or (), edited) for name, letter in letters.items()]
        if len(letters) == 1
        else [_again_or_fault(name, letter, set_ or ()) for name, letter in letters.items()]
    )
    taken = [each for each in again if each.fault is None]
    if not taken:
        raise typer.BadParameter(f"it still cannot be read: {again[0].fault}", param_hint="--set")
    if plan or type_ is not None or file is not None or len(letters) > 1:
        _tell_plan(again, output, folder, json=json)
        if plan:
            return
        confirmed(f"Send {len(taken):,} again?", yes=yes)
    events = [each.event for each in taken]
    path = add_events(folder, RESENT, events, datetime.now(UTC))
    if json:
        write_json(shape(1, file=str(path), events=events))
        return
    typer.echo(f"{len(events):,} event{'s' * (len(events) != 1)} written to {path}")
    say(f"\nNext: milepost run --input {folder} --output {output}")


def _chosen(
    output: Path, folder: Path, ids: Sequence[str], type_: str | None, file: str | None
) -> dict[str, DeadLetter]:
    """Those that are named, else all that fit and were not sent again."""
    if bool(ids) == (type_ is not None or file is not None):
        raise typer.BadParameter("name dead letters by id, or by --type and --file", param_hint="ID")
    if ids:
        return {name: _letter(output, name) for name in ids}
    found = _fitting(_letters(output), _resent(output, folder), type_, file, waiting=True)
    if not found:
        raise typer.BadParameter("no dead letter that waits fits", param_hint="--type" if type_ else "--file")
    return found


def _again(name: str, letter: DeadLetter, settings: Sequence[str], edited: Path | None) -> Again:
    from connectors.files.added_events import new_event_id
    from connectors.files.input_reader import fault_of_line
    from milepost.corrected import with_fields

    said = _parsed(edited.read_bytes(), f"{edited}", "--edited") if edited is not None else _said(letter, name)
    event = with_fields(said, settings)
    event["event_id"] = new_event_id(_mark(letter))
    fault = fault_of_line(orjson.dumps({field: value for field, value in event.items() if value is not None}))
    return Again(name, letter, event, str(fault) if fault else None)


def _again_or_fault(name: str, letter: DeadLetter, settings: Sequence[str]) -> Again:
    """Of several, one that cannot be put right keeps no other back."""
    try:
        return _again(name, letter, settings, None)
    except typer.BadParameter as fault:
        return Again(name, letter, {}, fault.message)


def _tell_plan(again: Sequence[Again], output: Path, folder: Path, *, json: bool) -> None:
    """On stderr where stdout is for a machine."""
    from milepost.tables import plain
    from milepost.tables import show as show_tables

    taken = {each.name: each.letter for each in again if each.fault is None}
    table = _group_table(taken, _resent(output, folder), f"Plan: {len(taken):,} dead letters are sent again")
    if json:
        say("\n".join(plain(table)))
    else:
        show_tables(table)
    left_out = Counter(each.fault for each in again if each.fault is not None)
    for fault, count in left_out.most_common():
        say(f"{count:,} are left out, since they still cannot be read: {fault}")


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
        text.encode()
    except (ValueError, RecursionError):
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
    except (ValueError, RecursionError) as fault:
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
