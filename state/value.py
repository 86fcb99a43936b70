"""The base of the small values of `state`: frozen, compact, and cheap to make, since the fold makes some dozens for every event."""

from datetime import date
from typing import Final, TypeVar

import msgspec
from msgspec.structs import astuple

from domain.figure import Recorded

T = TypeVar("T")
# What most fields are: nothing of it is a figure.
_AS_IT_IS: Final = frozenset({int, str, bool, type(None), date})


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Plain data. What is stored is stored as an array, so a new field goes to the end and has a default."""


def plain(kept: T) -> T:
    """Without nodes: a number, or whatever is made of such."""
    if type(kept) in _AS_IT_IS:
        return kept
    if isinstance(kept, Recorded):
        return int(kept)  # type: ignore[return-value]
    if isinstance(kept, tuple):
        made = [plain(each) for each in kept]
        return kept._make(made) if hasattr(kept, "_make") else tuple(made)  # type: ignore[return-value]
    if isinstance(kept, msgspec.Struct):
        return type(kept)(*[each if type(each) in _AS_IT_IS else plain(each) for each in astuple(kept)])
    if isinstance(kept, list):
        return [plain(each) for each in kept]  # type: ignore[return-value]
    if isinstance(kept, dict):
        return {name: plain(each) for name, each in kept.items()}  # type: ignore[return-value]
    return kept
