"""The base of the small values of `state`: frozen, compact, and cheap to make, since the fold makes some dozens for every event."""

import msgspec


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Plain data. What is stored is stored as an array, so a new field goes to the end and has a default."""
