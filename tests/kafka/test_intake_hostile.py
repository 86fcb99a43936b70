"""Messages that have crashed, stalled or misled readers: each becomes a dead letter with place and reason, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.avro_codec import EVENT_CODECS
from connectors.avro_walk import long_bytes
from connectors.kafka.pinned_schemas import fixed_id, pinned_schemas
from domain.events.common import HoldScope, Policies
from domain.events.delivery import BillingHoldPlaced
from domain.events.reference import LegalEntityDefined
from tests.intake_inputs import activated, entity, head, signed, worked
from tests.kafka.intake_story import DOMAIN
from tests.kafka.intake_world import World, types_of
from tests.servers.kafka import Broker

WHEN = "2026-03-02 09:00"
FRAME = 5
GOOD = worked(WHEN, "T-1", "P-1")


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store", partitions=1)
    made.make_topics(DOMAIN, partitions=1)
    yield made
    made.delete()


def framed(world: World, event: Any) -> bytes:
    return world.framed(event)


def where(event: Any, **other: Any) -> tuple[bytes, int]:
    """The body, and the byte at which it begins to be another when a field has another value."""
    codec = EVENT_CODECS[type(event).__name__]
    body, changed = codec.encode(event), codec.encode(event._replace(**other))
    return body, next(at for at, (one, two) in enumerate(zip(body, changed, strict=False)) if one != two)


def with_bytes(event: Any, data: bytes, cut: int, **other: Any) -> bytes:
    """The body with other bytes at a field."""
    body, at = where(event, **other)
    return body[:at] + data + body[at + cut :]


def hold(kind: str = "contract") -> BillingHoldPlaced:
    scope = HoldScope(kind, "C-1")
    return BillingHoldPlaced(
        **head(WHEN), hold_id="H-1", version=1, scope=scope, placed_on=date(2026, 3, 2), reason="dispute"
    )


def grace(days: int) -> LegalEntityDefined:
    """A legal entity whose policies have a whole number of 32 bits."""
    return entity(WHEN)._replace(policies=Policies(grace_days=days))


def attacks(world: World) -> dict[str, tuple[str, bytes | None, str]]:
    """Topic, value and what the reason says, by name."""
    time, good = "psa.time", framed(world, GOOD)
    frame, body = good[:FRAME], good[FRAME:]
    contract = signed(WHEN, "C-1", "P-1")
    contract_frame, hold_frame = framed(world, contract)[:FRAME], framed(world, hold())[:FRAME]
    entity_frame = framed(world, grace(2))[:FRAME]
    letter = next(fixed_id(each) for each in pinned_schemas() if each.type_name == "DeadLetter")
    return {
        "no value": (time, None, "without a value"),
        "empty": (time, b"", "got 0 bytes"),
        "text": (time, b"hello", "expected the frame of the schema registry"),
        "JSON": (time, b'{"type": "TimeApproved"}', "expected the frame of the schema registry"),
        "half a frame": (time, good[:4], "expected the frame of the schema registry"),
        "a frame alone": (time, frame, "ends"),
        "unknown id": (time, b"\x00\x7f\xff\xff\xff" + body, "schema id 2147483647 stands for none"),
        "an output's id": (time, b"\x00" + letter.to_bytes(4, "big") + body, "belongs on dead-letters"),
        "another topic's event": (
            time,
            framed(world, contract),
            "ContractSigned belongs on crm.contracts, not on psa.time",
        ),
        "cut off": (time, good[:-3], "ends"),
        "more behind it": (time, good + b"\x00", "1 bytes after the end"),
        "a long string": (time, frame + long_bytes(2**40) + body[1:], "bytes"),
        "a string of negative length": (time, frame + long_bytes(-5) + body[1:], "length"),
        "no UTF-8": (time, frame + long_bytes(2) + b"\xff\xfe" + body[body[0] // 2 + 1 :], "UTF-8"),
        "a number without end": (time, frame + with_bytes(GOOD, b"\xff" * 19 + b"\x01", 1, version=2), "10 bytes"),
        "union index -1": (time, frame + with_bytes(GOOD, b"\x01", 1, task="x"), "union index"),
        "union index 2": (time, frame + with_bytes(GOOD, b"\x04", 1, task="x"), "union index"),
        "enum index -1": (
            "psa.projects",
            hold_frame + with_bytes(hold(), b"\x01", 1, scope=hold("project").scope),
            "enum index",
        ),
        "enum index 99": (
            "psa.projects",
            hold_frame + with_bytes(hold(), b"\xc6\x01", 1, scope=hold("project").scope),
            "enum index",
        ),
        "2^40 lines": ("crm.contracts", contract_frame + with_bytes(contract, long_bytes(2**40), 1, lines=()), "items"),
        "a date of the year 5,881,580": (
            *(time, frame + with_bytes(GOOD, long_bytes(2**31 - 1), 3, worked_on=date(2026, 3, 3)), "1990"),
        ),
        "the eight bytes of NaN for hours": (
            time,
            frame + with_bytes(GOOD, b"\x10\x7f\xf8" + bytes(6), 4, hours=0),
            "digits",
        ),
        "a boolean 7": (time, frame + with_bytes(GOOD, b"\x07", 1, billable=not GOOD.billable), "neither 0 nor 1"),
        "2^40 days in 32 bits": (
            *(
                "finance.reference",
                entity_frame + with_bytes(grace(2), long_bytes(2**40), 1, policies=grace(3).policies),
            ),
            "a number over 32 bits: 1099511627776",
        ),
        "100 KB of nested markers": (time, frame + b"\x02" * 100_000, ""),
        "the same under an id of theirs": (
            time,
            b"\x00\x00\x0f\x42\x40" + b"\x02" * 100_000,
            "schema id 1000000 stands",
        ),
        "a decimal of a megabyte": (
            time,
            frame + with_bytes(GOOD, long_bytes(900_000) + b"\x7f" * 900_000, 4, hours=0),
            "bytes",
        ),
        "over a megabyte": (time, frame + b"x" * 1_000_001, "1000006 bytes, at most 1000005 are read"),
        "an id with a control character": (time, framed(world, GOOD._replace(entry_id="T\x00")), "control character"),
    }


def test_each_is_a_dead_letter_and_the_rest_goes_on(world: World) -> None:
    """All on one run, a good event behind each."""
    found = attacks(world)
    world.send(activated(WHEN, "P-1"))
    for number, (topic, value, _) in enumerate(found.values()):
        world.send_raw(topic, value, b"key")
        world.send(worked(WHEN, f"T-{number}", "P-1"))
    world.run()
    letters = {(each.topic, each.offset): each for each in world.letters()}
    taken = types_of(world.log())[0].count("P-1 TimeApproved")
    assert taken == len(found)
    assert len(letters) == len(found)
    offsets: dict[str, int] = {"psa.projects": 1}
    wrong = []
    for name, (topic, value, reason) in found.items():
        at = offsets.setdefault(topic, 0)
        letter = letters[world.names.shared(topic), at]
        if reason not in letter.reason:
            wrong.append((name, reason, letter.reason))
        assert letter.size == len(value or b""), name
        assert letter.partition == 0
        offsets[topic] = at + 1
        offsets["psa.time"] = offsets.get("psa.time", 0) + 1
    assert wrong == []


def test_a_key_is_not_needed(world: World) -> None:
    world.send(activated(WHEN, "P-1"))
    world.send_raw("psa.time", framed(world, GOOD), None)
    world.flush()
    world.run()
    assert types_of(world.log()) == [["P-1 ProjectActivated", "P-1 TimeApproved"]]
    assert world.letters() == []


@pytest.mark.parametrize("packed", ["gzip", "lz4", "zstd"])
def test_what_unpacks_to_a_hundred_megabytes_is_a_dead_letter(world: World, packed: str) -> None:
    """The client unpacks 17 MB of zstd and no more; of the others it makes the whole, and 64 KB are kept."""
    world.send(activated(WHEN, "P-1"))
    settings = {"bootstrap.servers": world.kafka.brokers, "compression.type": packed, "message.max.bytes": 200_000_000}
    bomb = Producer(settings)
    bomb.produce(world.names.shared("psa.time"), bytes(100_000_000))
    assert bomb.flush(60) == 0
    world.send(GOOD)
    world.run()
    assert types_of(world.log()) == [["P-1 ProjectActivated", "P-1 TimeApproved"]]
    (letter,) = world.letters()
    assert "could not be unpacked" in letter.reason or (letter.size, len(letter.raw or b"")) == (100_000_000, 65_536)


def test_a_broker_that_unpacks_refuses_it(world: World) -> None:
    """With compression.type=uncompressed the limit of the topic holds for what was packed."""
    world.make_topic("psa.expenses", 1, **{"compression.type": "uncompressed"})
    bomb = Producer(
        {"bootstrap.servers": world.kafka.brokers, "compression.type": "gzip", "message.max.bytes": 200_000_000}
    )
    refused: list[Any] = []
    bomb.produce(
        world.names.shared("psa.expenses"), bytes(2_000_000), on_delivery=lambda fault, _: refused.append(fault)
    )
    bomb.flush(60)
    assert [fault.name() for fault in refused] == ["MSG_SIZE_TOO_LARGE"]
