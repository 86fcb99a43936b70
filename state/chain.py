"""The chain over everything that a shard has read, or written: two that end alike have held the same, in the same order."""

from hashlib import blake2b

CHAIN_BYTES = 16


_empty = blake2b(digest_size=CHAIN_BYTES).copy


def chained(chain: bytes, *bodies: bytes) -> bytes:
    """With these records at its end, one after the other."""
    for body in bodies:
        link = _empty()
        link.update(chain + body)
        chain = link.digest()
    return chain
