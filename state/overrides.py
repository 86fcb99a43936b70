"""Records that an operator lets the fold pass over, because the fold itself fails on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

# An offset of the log, and where in its record: an engagement's id, or nothing for the whole record.
Place = tuple[int, str]


class Override(NamedTuple):
    """Who passes over what, and why. `engagement` is empty for the whole record."""

    offset: int
    engagement: str
    reason: str
    requested_by: str
    approved_by: str

    @property
    def place(self) -> Place:
        return self.offset, self.engagement


Overrides = Mapping[Place, Override]


def by_place(several: Iterable[Override]) -> Overrides:
    return {one.place: one for one in several}


def digest_before(overrides: Overrides, offset: int, engagement: str) -> str:
    """Of those that the books up to a position were made with; empty for none."""
    counted = sorted(
        place
        for place in overrides
        if place[0] < offset or (engagement and place[0] == offset and place[1] <= engagement)
    )
    if not counted:
        return ""
    text = "\x1e".join("\x1f".join(map(str, overrides[place])) for place in counted)
    return blake2b(text.encode(), digest_size=16).hexdigest()
