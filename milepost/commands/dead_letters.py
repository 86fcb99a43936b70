"""`milepost dead-letters`: what could not be read, why, and how it is sent again."""

from __future__ import annotations

import json as json_text
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import orjson
import typer

from domain.counting import counted, named
from milepost.commands.exceptions import All, Folder, Future, Kafka, Plan, Yes, is_of_topics
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, shell_word, write_json
from milepost.days import moment
from milepost.options import Input, Json, Output
from milepost.tables import Table, plain
from milepost.tables import show as show_tables

if TYPE_CHECKING:
    from connectors.decode_error import DecodeError
    from domain.outputs import DeadLetter
    from domain.units import Instant

TORN_SHOWN = 100
RAW_SHOWN = 4_000
NAMES_SHOWN = 5
_HALF = re.compile("[\ud800-\udfff]")


Type = Annotated[str | None, typer.Option("--type", help="Only those that claimed to be of this type.")]
File = Annotated[str | None, typer.Option("--file", help="Only those of this input file.")]


class LetterFault(NamedTuple):
    """Why a letter is not sent again: `cause` is what several have in common."""

    cause: str
    text: str


class Again(NamedTuple):
    """A dead letter put right, and what is still wrong with it."""

    name: str
    letter: DeadLetter
    event: dict[str, Any]
    fault: LetterFault | None


# Long by its options: each is a parameter.
def list_(
    output: Folder = None,
    type_: Type = None,
    file: File = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that were not sent again.")] = False,
    input_: Input = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to list one by one.")] = 20,
    all_: All = False,
    kafka: Kafka = False,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """List what could not be read, by reason and one by one, and what of it was sent again."""
    from connectors.files.lookup import hint

    resent: frozenset[str] | None = None
    if is_of_topics(output, kafka=kafka):
        from connectors.kafka.clients import KafkaClients
        from connectors.kafka.found_on_topics import letters_on
        from connectors.kafka.names import Names

        for option, is_given in (("--file", file), ("--waiting", waiting), ("--input", input_)):
            if is_given:
                raise typer.BadParameter("expected --output with it: topics do not tell", param_hint=option)
        kafka_settings = given.settings.kafka
        timeout = kafka_settings.request_timeout_seconds
        letters = letters_on(KafkaClients(kafka_settings), Names.of(kafka_settings), timeout)
    else:
        assert output is not None, "a folder is named where the topics are not"
        resent, letters = _resent(output, input_), _letters(output)
    every = letters
    letters = _fitting(letters, resent or frozenset(), type_, file, waiting=waiting)
    if json:
        groups = [_group_json(group, resent) for group in _groups(letters, resent)]
        found = [_json(name, one, resent) for name, one in letters.items()]
        write_json(shape(1, count=len(letters), groups=groups, dead_letters=found))
        return
    shown = list(letters.items())[: None if all_ else limit]
    again = ["" if resent is None or not _is(one, resent) else "sent again" for _, one in shown]
    width = 4 if resent is None else 5
    rows = [
        (name, one.event_type or "", one.field_path, _reason(one), sent)[:width]
        for (name, one), sent in zip(shown, again, strict=True)
    ]
    more = f", {len(shown):,} of {len(letters):,} (--all shows them)" if len(shown) < len(letters) else ""
    columns = ("id", "type", "field", "reason", "")[:width]
    show_tables(
        _group_table(letters, resent), *([Table(f"Dead letters{more}", columns, rows)] if shown or not letters else [])
    )
    for what, wanted, known in (
        ("type", type_, {one.event_type for one in every.values()}),
        ("file", file, {one.source_file for one in every.values()}),
    ):
        if wanted is not None and wanted not in known:
            there = frozenset(each for each in known if each is not None)
            say(f"\nNo dead letter is of {what} {wanted or '(nothing)'}{hint(wanted, there)}")
    if letters and output is None:
        say("\nNext: the same with --json shows each message as it came; its producer sends the event again, put right")
    elif letters and output is not None:
        say(f"\nNext: milepost dead-letters show {shell_word(next(iter(letters)))} --output {shell_word(output)}")


class LetterGroup(NamedTuple):
    """Letters of one file or topic with one fault."""

    place: str
    type: str
    field: str
    reason: str
    letters: int
    resent: int


def _groups(letters: dict[str, DeadLetter], resent: frozenset[str] | None) -> list[LetterGroup]:
    """Those with the most letters first. What was sent again is not known of topics."""
    found: dict[tuple[str, str, str, str], list[DeadLetter]] = {}
    for one in letters.values():
        key = (one.source_file or one.topic, one.event_type or "", one.field_path, _cause(one))
        found.setdefault(key, []).append(one)
    groups = [
        LetterGroup(*key, len(each), sum(_is(one, resent or frozenset()) for one in each))
        for key, each in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.letters, group))


def _group_json(group: LetterGroup, resent: frozenset[str] | None) -> dict[str, Any]:
    place, *_ = group
    said = {"topic" if resent is None else "file": place, **group._asdict()}
    return {name: value for name, value in said.items() if name != "place" and (name != "resent" or resent is not None)}


def _group_table(letters: dict[str, DeadLetter], resent: frozenset[str] | None, title: str = "By reason") -> Table:
    width = 5 if resent is None else 6
    groups = _groups(letters, resent)
    rows = [(*group[:4], f"{group.letters:,}", f"{group.resent:,}")[:width] for group in groups]
    sums = ("all", "", "", "", f"{len(letters):,}", f"{sum(group.resent for group in groups):,}")[:width]
    columns = ("topic" if resent is None else "file", "type", "field", "reason", "letters", "sent again")[:width]
    numbers = frozenset({4} if resent is None else {4, 5})
    return Table(title, columns, [*rows, *([sums] if rows else [])], numbers, 1 if rows else 0)


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
    id_: Annotated[str, typer.Argument(metavar="ID", help="A dead letter, such as time.jsonl:17.")],
    output: Output,
    input_: Input = None,
    json: Json = False,
) -> None:
    """Show a dead letter: the message as it came, where it stood, and all that is wrong with it."""
    from milepost.letters import fault_lines, next_step

    letter, resent = _letter(output, id_), _resent(output, input_)
    if json:
        write_json(shape(1, dead_letter=_json(id_, letter, resent), faults=_faults(letter)))
        return
    claimed = letter.event_type or "unknown"
    echo(
        f"Dead letter {id_}: {letter.size:,} bytes of type {claimed}" + (", sent again" if _is(letter, resent) else "")
    )
    echo("\n".join(fault_lines(letter)))
    echo()
    echo(_text(letter))
    say(f"\nNext: {next_step(id_, letter, output)}")


# Long by its options: each is a parameter.
def resend(
    output: Output,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Dead letters, such as time.jsonl:17.")] = None,
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
    allow_future: Future = False,
    again: Annotated[bool, typer.Option("--again", help="Once more also those that were sent again before.")] = False,
    yes: Yes = False,
    plan: Plan = False,
    json: Json = False,
) -> None:
    """Send dead letters again, put right, as new events; the messages themselves stay as they came."""
    from connectors.files.added_events import RESENT, add_events
    from connectors.files.found_exceptions import latest_of
    from domain.happened import HAPPENED
    from milepost.corrected import fields_of
    from milepost.deciding import confirmed, input_folder, into_a_file

    folder = input_folder(input_, output)
    letters = _chosen(output, folder, ids or (), type_, file, again=again)
    if not set_ and edited is None:
        raise typer.BadParameter("say what is right with --set field=value, or give the whole event with --edited FILE")
    if edited is not None and len(letters) != 1:
        raise typer.BadParameter(f"one event replaces one letter, got {len(letters):,} of them", param_hint="--edited")
    sent = {} if again else _sent_at(output, folder)
    latest = latest_of(output)
    stated = HAPPENED if edited is not None else fields_of(set_ or ())
    repaired = [
        _not_ahead(each, stated, latest, allow_future=allow_future)
        for each in (
            [_again(name, letter, set_ or (), edited, sent) for name, letter in letters.items()]
            if len(letters) == 1
            else [_again_or_fault(name, letter, set_ or (), sent) for name, letter in letters.items()]
        )
    ]
    taken = [each for each in repaired if each.fault is None]
    if not taken:
        said = [each.fault.text for each in repaired if each.fault is not None]
        raise typer.BadParameter(said[0] if len(said) == 1 else "; ".join(_left_out_lines(repaired)), param_hint="ID")
    if plan or type_ is not None or file is not None or len(letters) > 1:
        _tell_plan(repaired, output, folder, json=json)
        if plan:
            return
        confirmed(f"Send {len(taken):,} again?", yes=yes)
    events = [each.event for each in taken]
    path = add_events(folder, RESENT, events, moment())
    into_a_file(folder, output).tell(events, str(path), json=json)


def _chosen(
    output: Path, folder: Path, ids: Sequence[str], type_: str | None, file: str | None, *, again: bool
) -> dict[str, DeadLetter]:
    """Those that are named, else all that fit and were not sent again; with `again` these too."""
    if bool(ids) == (type_ is not None or file is not None):
        raise typer.BadParameter("name dead letters by id, or by --type and --file", param_hint="ID")
    if ids:
        return {name: _letter(output, name) for name in ids}
    found = _fitting(_letters(output), _resent(output, folder), type_, file, waiting=not again)
    if not found:
        raise typer.BadParameter(
            f"no dead letter{'' if again else ' that waits'} fits", param_hint="--type" if type_ else "--file"
        )
    return found


def _again(
    name: str, letter: DeadLetter, settings: Sequence[str], edited: Path | None, sent: Mapping[str, datetime | None]
) -> Again:
    from connectors.files.added_events import new_event_id
    from connectors.files.input_reader import fault_of_line
    from connectors.json_records import faults_of_line
    from milepost.corrected import with_fields
    from milepost.letters import mark_of

    if mark_of(letter) in sent:
        return Again(name, letter, {}, _sent_before(sent[mark_of(letter)]))
    said = _parsed(edited.read_bytes(), f"{edited}", "--edited") if edited is not None else _said(letter, name)
    event = with_fields(said, settings)
    event["event_id"] = new_event_id(mark_of(letter))
    if torn := _torn(event):
        where, text = torn
        told = f"{where}: expected whole characters, got half of one in {text}; set it again"
        return Again(name, letter, event, LetterFault("half of a character", told))
    stated = {field: value for field, value in event.items() if value is not None}
    line = orjson.dumps(stated)
    found = fault_of_line(line)
    return Again(name, letter, event, _unreadable(found, faults_of_line(line)) if found is not None else None)


def _again_or_fault(
    name: str, letter: DeadLetter, settings: Sequence[str], sent: Mapping[str, datetime | None]
) -> Again:
    """Of several, one that cannot be put right keeps no other back."""
    try:
        return _again(name, letter, settings, None, sent)
    except typer.BadParameter as fault:
        text = fault.message.replace(f"{name} ", "it ", 1)
        return Again(name, letter, {}, LetterFault(text.partition(" (")[0], text))


def _not_ahead(again: Again, stated: Collection[str], latest: Instant, *, allow_future: bool) -> Again:
    """Days that the letter stated itself are let in, as a run would."""
    from milepost.corrected import ahead_text

    ahead = ahead_text(again.event, stated, latest, allow_future=allow_future) if again.fault is None else None
    return again if ahead is None else again._replace(fault=LetterFault("a day that has not come", ahead))


def _unreadable(fault: DecodeError, all_: Sequence[DecodeError]) -> LetterFault:
    """The first is the cause; `all_` are the faults of its fields, none where something else is wrong."""
    cause = str(fault).removesuffix(fault.reason) + fault.reason.partition(": ")[0]
    return LetterFault(
        f"it still cannot be read: {cause}", f"it still cannot be read: {'; '.join(map(str, all_ or (fault,)))}"
    )


def _sent_before(at: datetime | None) -> LetterFault:
    when = f" on {at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else ""
    way = "; --again sends it once more"
    return LetterFault(f"it was sent again before{way}", f"it was sent again before{when}{way}")


def _left_out_lines(repaired: Sequence[Again]) -> list[str]:
    """By what they have in common, with their names."""
    found: dict[str, list[tuple[str, LetterFault]]] = {}
    for each in repaired:
        if each.fault is not None:
            found.setdefault(each.fault.cause, []).append((each.name, each.fault))
    lines = []
    for cause, members in sorted(found.items(), key=lambda group: -len(group[1])):
        names = named([name for name, _ in members], NAMES_SHOWN)
        if len(members) == 1:
            lines.append(f"1 is left out, {names}: {members[0][1].text}")
        else:
            lines.append(f"{len(members):,} are left out, {names}: {cause}")
    return lines


def _tell_plan(again: Sequence[Again], output: Path, folder: Path, *, json: bool) -> None:
    """On stderr where stdout is for a machine."""
    taken = {each.name: each.letter for each in again if each.fault is None}
    table = _group_table(taken, _resent(output, folder), f"Plan: {len(taken):,} dead letters are sent again")
    if json:
        say("\n".join(plain(table)))
    else:
        show_tables(table)
    for line in _left_out_lines(again):
        say(line)


def _letters(output: Path) -> dict[str, DeadLetter]:
    from connectors.files.dead_letters import letters_of

    return letters_of(output)


def _letter(output: Path, wanted: str) -> DeadLetter:
    from milepost.unknown_id import unknown_id

    letters = _letters(output)
    if wanted not in letters:
        raise unknown_id(output, wanted, "a dead letter", frozenset(letters), "milepost dead-letters list")
    return letters[wanted]


def _resent(output: Path, input_dir: Path | None) -> frozenset[str]:
    """Marks of what was sent again; empty where the input folder is not known."""
    return frozenset(_sent_at(output, input_dir))


def _sent_at(output: Path, input_dir: Path | None) -> dict[str, datetime | None]:
    """The same with when it was sent last."""
    from milepost.deciding import beside
    from milepost.letters import sent_at

    return sent_at(beside(input_dir, output))


def _is(letter: DeadLetter, resent: frozenset[str]) -> bool:
    from milepost.letters import mark_of

    return mark_of(letter) in resent


# What it says


def _reason(letter: DeadLetter) -> str:
    """Of the first fault, and how many more `show` names."""
    from milepost.letters import faults_of_letter

    more = len(faults_of_letter(letter)) - 1
    return letter.reason + (f"; {counted(more, 'more fault')}" if more else "")


def _faults(letter: DeadLetter) -> list[dict[str, str]]:
    """All of them, for machines."""
    from milepost.letters import faults_of_letter

    return [{"field": each.field_path, "reason": each.reason} for each in faults_of_letter(letter)]


def _cause(letter: DeadLetter) -> str:
    """The reason without the value that stood there, so that equal faults stand together."""
    return letter.reason.partition(": ")[0]


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


def _torn(value: Any, where: str = "") -> tuple[str, str] | None:
    """The first place with half of a pair of surrogates, which JSON can escape and no file can hold; and its text."""
    if isinstance(value, str):
        return None if value.isascii() or not _HALF.search(value) else (where, _cut(ascii(value)))
    if isinstance(value, dict):
        pairs = [(f"{where}.{key}" if where else str(key), each) for key, each in value.items()]
        torn_key = next((key for key in value if _HALF.search(key)), None)
        if torn_key is not None:
            return where or "the message", _cut(ascii(torn_key))
    else:
        pairs = [(f"{where}[{place}]", each) for place, each in enumerate(value)] if isinstance(value, list) else []
    return next((torn for place, each in pairs if (torn := _torn(each, place))), None)


def _cut(text: str) -> str:
    return text if len(text) <= TORN_SHOWN else f"{text[:TORN_SHOWN]}..."


def _json(name: str, letter: DeadLetter, resent: frozenset[str] | None) -> dict[str, Any]:
    from connectors.json_records import record_to_json

    said = {**record_to_json(letter), "id": name, "faults": _faults(letter)}
    return said if resent is None else {**said, "resent": _is(letter, resent)}
