"""Which partition a key belongs to, as the Java client computes it; librdkafka's default differs."""

from __future__ import annotations

from typing import Final

SEED: Final = 0x9747B28C
FACTOR: Final = 0x5BD1E995
MASK: Final = 0xFFFFFFFF


def partition_of(key: str, partitions: int) -> int:
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """As `org.apache.kafka.common.utils.Utils.murmur2`, a signed number of 32 bits."""
    length = len(data)
    whole = length & ~3
    mixed = SEED ^ length
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * FACTOR & MASK
        word = (word ^ word >> 24) * FACTOR & MASK
        mixed = mixed * FACTOR & MASK ^ word
    if length > whole:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * FACTOR & MASK
    mixed = (mixed ^ mixed >> 13) * FACTOR & MASK
    mixed ^= mixed >> 15
    return mixed - (1 << 32) if mixed >> 31 else mixed
