"""The base of the small values of `state`: frozen, compact, and cheap to make, since the fold makes some dozens for every event."""

from typing import TypeVar

import msgspec

from domain.figure import Recorded

T = TypeVar("T")


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Plain data. What is stored is stored as an array, so a new field goes to the end and has a default."""


def plain(kept: T) -> T:
    """Without nodes: a number, or whatever is made of such."""
    if isinstance(kept, Recorded):
        return int(kept)  # type: ignore[return-value]
    if isinstance(kept, tuple):
        made = [plain(each) for each in kept]
        return kept._make(made) if hasattr(kept, "_make") else tuple(made)  # type: ignore[return-value]
    if isinstance(kept, msgspec.Struct):
        return type(kept)(*(plain(getattr(kept, name)) for name in kept.__struct_fields__))
    if isinstance(kept, list):
        return [plain(each) for each in kept]  # type: ignore[return-value]
    if isinstance(kept, dict):
        return {name: plain(each) for name, each in kept.items()}  # type: ignore[return-value]
    return kept
