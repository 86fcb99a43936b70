"""A file of dead letters that Milepost wrote, whole."""

from __future__ import annotations

from pathlib import Path

from connectors.avro_codec import DEAD_LETTER_CODEC
from connectors.containers import Damage, read_container
from domain.outputs import DeadLetter


def decode_dead_letters(path: Path) -> list[DeadLetter]:
    found = list(read_container(path, {DEAD_LETTER_CODEC.fingerprint: DEAD_LETTER_CODEC}))
    assert not any(isinstance(one, Damage) for one in found)
    return [one.record for one in found if not isinstance(one, Damage)]
