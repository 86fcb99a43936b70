"""A dead letter: all that is wrong with it, the fields that its event has, the command that puts it right, and whether it was sent again:
the id of an event that replaces one begins with the digest of its letter."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from connectors.decode_error import DecodeError
from connectors.files.added_events import RESENT, dated_events
from connectors.files.dead_letters import letters_of
from connectors.json_records import MISSING, faults_of_line, fields_of_event
from domain.outputs import DeadLetter
from milepost.console import shell_word

DIGEST_CHARACTERS: Final = 32


def mark_of(letter: DeadLetter) -> str:
    return f"milepost.dead-letter.{letter.digest[:DIGEST_CHARACTERS]}"


def sent_at(input_dir: Path) -> dict[str, datetime | None]:
    """When each was sent last, by mark; empty where the folder is not known."""
    return {event.event_id.rpartition(".")[0]: at for at, event in dated_events(input_dir, RESENT)}


def sent_of(output: Path, input_dir: Path) -> int:
    """How many letters of the output were sent again."""
    sent = sent_at(input_dir)
    return sum(mark_of(letter) in sent for letter in letters_of(output).values()) if sent else 0


# What `--set` can name and take away.
_FIELD: Final = re.compile(r"[A-Za-z_]\w*")


def faults_of_letter(letter: DeadLetter) -> list[DecodeError]:
    """What its record says alone where that is not among them: of a message that is no JSON, or of another release."""
    faults = faults_of_line(letter.raw.strip()) if letter.raw is not None else []
    recorded = letter.field_path, letter.reason
    is_among = any((each.field_path, each.reason) == recorded for each in faults)
    return faults if is_among else [DecodeError(letter.reason, letter.field_path)]


def fault_lines(letter: DeadLetter) -> list[str]:
    faults = faults_of_letter(letter)
    lines = [f"{each.field_path or 'the message as a whole'}: {each.reason}" for each in faults]
    if any(each.nearest is not None or each.reason == MISSING for each in faults):
        needed, others = fields_of_event(letter.event_type or "")
        lines += (
            [f"{letter.event_type} needs {', '.join(needed)}", f"and may have {', '.join(others)}"] if needed else []
        )
    return lines


def next_step(name: str, letter: DeadLetter, output: Path) -> str:
    """Each field set, or taken away, that is at fault; a whole event where that does not do."""
    said = event_of(letter)
    settings: dict[str, str] = {}
    for fault in faults_of_letter(letter):
        field, meant = fault.field_path, fault.nearest
        if field == "type" or (field and meant is None):
            settings.setdefault(field, meant or "VALUE")
        elif _FIELD.fullmatch(field):
            settings[field] = "null"
            if meant and meant not in said:
                settings[meant] = _typed(said.get(field))
        else:
            return f"milepost dead-letters resend {shell_word(name)} --edited FILE --output {shell_word(output)}"
    how = " ".join(f"--set {shell_word(f'{field}={value}')}" for field, value in settings.items())
    return f"milepost dead-letters resend {shell_word(name)} {how} --output {shell_word(output)}"


def _typed(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def event_of(letter: DeadLetter) -> dict[str, object]:
    """Its fields, where it is an object."""
    try:
        found = json.loads(letter.raw or b"", parse_float=str)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
