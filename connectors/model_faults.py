"""What a model says of a value that it refuses, as all other messages say it."""

from __future__ import annotations

from typing import Final

_OURS: Final = {
    "Value error, ": "",
    "Input should be ": "expected ",
    "String should match pattern ": "expected a text of the form ",
    "Extra inputs are not permitted": "not a key that is known",
    "Field required": "expected this key, it is missing",
    "String should have ": "expected a text with ",
}


def in_our_words(said: str) -> str:
    return next((ours + said.removeprefix(theirs) for theirs, ours in _OURS.items() if said.startswith(theirs)), said)
