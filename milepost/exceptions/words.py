"""What an exception is about and says, in finance's words; outputs, JSON and options have ids and names of events as they are."""

from __future__ import annotations

import re
from typing import Final

from domain.events.catalogue import ENTITIES
from domain.identity import parts_of
from domain.outputs import ExceptionClosed, ExceptionRaised
from milepost.event_words import event_name

EVENT: Final = re.compile(rf"\b({'|'.join(sorted(ENTITIES, key=len, reverse=True))})\b")
# A cap's id says what it limits: a line, lines that share it, a category of a line's expenses, or units that were agreed.
CAP: Final = re.compile(r"\bcap (line|shared|limit|units):([^\s/:]+)(?::([^\s/]+))?(?:/(\d{4}-\d{2}(?:-\d{2})?))?")
# Kinds of subjects whose ids are made of several.
COMPOSED: Final = frozenset({"contract_line", "contract_version"})


def subject_text(raised: ExceptionRaised) -> str:
    """With ids as people wrote them; an id that commands take stays as it is."""
    kind, subject = raised.subject_kind, raised.subject_id
    if kind == "cap":
        contract_id, cap_id, *period = parts_of(subject)
        cap = "/".join((cap_id, *period))
        return f"{_caps_named(f'cap {cap}')} of contract {contract_id}"
    if subject in ENTITIES:
        # What no rule handles is counted by the type of its events.
        return kind.replace("_", " ")
    return f"{kind.replace('_', ' ')} {'/'.join(parts_of(subject)) if kind in COMPOSED else subject}"


def message_text(message: str) -> str:
    """`time approved T-1 waits: no contract group is known`, where the output says `TimeApproved T-1 waits: no engagement is known`."""
    words = EVENT.sub(lambda found: event_name(found[1]), _caps_named(message))
    return re.sub(r"\bengagement(s?)\b", r"contract group\1", words)


def said_text(said: ExceptionRaised | ExceptionClosed) -> str:
    """What one says, or why it closed."""
    return message_text(said.message) if isinstance(said, ExceptionRaised) else said.reason


def _caps_named(text: str) -> str:
    return CAP.sub(_cap_named, text)


def _cap_named(found: re.Match[str]) -> str:
    kind, cap_id, category, period = found.groups()
    of = f":{category}" if category and kind != "limit" else ""
    named = {
        "line": f"cap of line {cap_id}{of}",
        "shared": f"shared cap {cap_id}{of}",
        "limit": f"limit of {category or 'expenses'} of line {cap_id}",
        "units": f"agreed units of line {cap_id}{of}",
    }[kind]
    return f"{named} in {period}" if period else named
