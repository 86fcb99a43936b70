"""Which dead letters were sent again: the id of an event that replaces one begins with the digest of its letter."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from connectors.files.added_events import RESENT, dated_events
from connectors.files.dead_letters import letters_of
from domain.outputs import DeadLetter

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
