"""The chain over everything that a shard has read, or written: two that end alike have held the same, in the same order."""

from hashlib import blake2b

CHAIN_BYTES = 16


def chained(chain: bytes, body: bytes) -> bytes:
    """With one more record at its end."""
    return blake2b(chain + body, digest_size=CHAIN_BYTES).digest()
