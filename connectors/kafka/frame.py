"""The frame of a message by which the schema registry knows its schema: a zero byte and the id, four bytes, big-endian."""

from __future__ import annotations

from struct import Struct
from typing import Final

from connectors.decode_error import DecodeError

FRAME: Final = Struct(">BI")
# By their first bytes: what producers send that do not know the frame.
_OTHERS: Final = {
    b"{": "JSON, which belongs into files",
    b"[": "JSON, which belongs into files",
    b"Obj\x01": "an Avro container, which belongs into files",
    b"\x1f\x8b": "packed by gzip: packing is the client's own, compression.type",
}


def framed(schema_id: int, body: bytes) -> bytes:
    return FRAME.pack(0, schema_id) + body


def unframed(value: bytes) -> tuple[int, bytes]:
    """The schema's id and the body. Raises DecodeError."""
    if len(value) < FRAME.size or value[0] != 0:
        looks = next((f": {what}" for first, what in _OTHERS.items() if value.startswith(first)), "")
        raise DecodeError(
            f"expected the frame of the schema registry (a zero byte and the schema's id) and Avro, got {len(value)} bytes"
            + (f" that begin with {value[0]:#04x}{looks}" if value else "")
        )
    _, schema_id = FRAME.unpack_from(value)
    return schema_id, value[FRAME.size :]
