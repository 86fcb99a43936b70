"""The partition of a key is the one that the Java client computes."""

from __future__ import annotations

import pytest

from state.intake.partition import murmur2, partition_of

# The first six are the vectors of Kafka's own test of `Utils.murmur2`.
VECTORS = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
    "": 275646681,
}


@pytest.mark.parametrize(("key", "expected"), VECTORS.items())
def test_murmur2_is_that_of_java(key: str, expected: int) -> None:
    assert murmur2(key.encode()) == expected


def test_a_partition_is_the_positive_hash_modulo_the_count() -> None:
    assert [partition_of(key, 16) for key in VECTORS] == [(value & 0x7FFFFFFF) % 16 for value in VECTORS.values()]
    assert partition_of("Straße", 16) == partition_of("Straße", 16)
    assert partition_of("anything", 1) == 0
