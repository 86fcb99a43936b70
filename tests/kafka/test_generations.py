"""What receivers have to post after a log was made again from its copy: by id, with the amounts of both generations."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka import topics
from connectors.kafka.frame import FRAME
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.published import about, headers
from domain.outputs import TOPICS, BillingStatement, JournalEntry, JournalLine, Output, Position
from domain.units import AMOUNT_ONE
from milepost import exit_codes
from milepost.cli import app
from tests.kafka.firm import Site
from tests.kafka.intake_world import MORNING, World
from tests.servers.kafka import Broker

MARCH = dt.date(2026, 3, 31)
KEYS = ("journal_id", "account", "before", "after", "to_post")


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "intake", partitions=2, generation="2")
    made.make_topics()
    wanted = ("shard.progress", "overrides", *SHARD_TOPICS)
    topics.create(made.clients, [topics.planned(topics.BY_NAME[name], made.kafka) for name in wanted])
    yield made
    made.delete()


def journal(journal_id: str, *lines: tuple[str, str, int], deliver: bool = True) -> JournalEntry:
    return JournalEntry(
        journal_id=journal_id,
        kind="posting",
        legal_entity_id="LE",
        currency="EUR",
        ledger_currency="EUR",
        exchange_rate=10**12,
        accounting_date=MARCH,
        period="2026-03",
        rule="time",
        affected_kind="entry",
        affected_id="T-1",
        affected_version=1,
        cause_kind="event",
        cause_id="T-1",
        cause_version=1,
        deliver=deliver,
        lines=tuple(
            JournalLine(account, purpose, euros * AMOUNT_ONE, euros * AMOUNT_ONE, "P-1")
            for account, purpose, euros in lines
        ),
    )


def statement(statement_id: str, euros: int) -> BillingStatement:
    amount = euros * AMOUNT_ONE
    return BillingStatement(
        statement_id=statement_id,
        revision=1,
        contract_id="K-1",
        bill_to="ACME",
        currency="EUR",
        legal_entity_id="LE",
        period=dt.date(2026, 3, 1),
        to=MARCH,
        status="issued",
        lines=(),
        total=amount,
        retained=0,
        released=0,
        deposits_applied=0,
        amount_due=amount,
        rounding="half_up",
        line_count=0,
        control_total=amount,
    )


def write(of: World, generation: str, partition: int, *outputs: Output) -> None:
    for number, output in enumerate(outputs):
        name = type(output).__name__
        body = OUTPUT_CODECS[name].encode(
            Position(generation, partition, number, 0, number, "E-1", MORNING, MORNING, None, "1"), output
        )
        of.producer.produce(
            of.names.shared(TOPICS[name]),
            FRAME.pack(0, 1) + body,
            b"K-1",
            partition=partition,
            headers=list(headers(about(generation, partition, name), number, number - 1)),
        )
    of.flush()


def compared(of: World, *more: str, before: str = "1") -> Result:
    line = f"log compare --before {before}"
    return CliRunner().invoke(app, [*shlex.split(line), *more, *Site(of.kafka, of.clients, of.folder).options()])


COST = (("5100", "cost", 30), ("2200", "cost", -30))
BILLED = (("1150", "revenue", 54), ("4000", "revenue", -54))


def test_what_stands_otherwise_is_listed_with_what_is_to_be_posted(world: World) -> None:
    """A cap had room for one of two entries: T-1 was cost alone and is billed now, the other way around for T-2."""
    write(world, "1", 0, journal("T-1", *COST), journal("T-2", *COST, *BILLED), journal("T-3", *COST))
    write(world, "1", 1, journal("T-4", *BILLED), statement("S-1", 540), statement("S-2", 10))
    write(world, "2", 0, journal("T-3", *COST), journal("T-1", *COST, *BILLED), journal("T-2", *COST))
    write(world, "2", 1, statement("S-1", 594), statement("S-2", 10), journal("T-5", *COST))
    told = compared(world, "--json")
    assert told.exit_code == exit_codes.VIOLATION, told.output
    found = json.loads(told.stdout)
    assert (found["journals"], found["statements"], found["records_waiting"]) == (4, 2, 0)
    assert (found["new_journals"], found["new_statements"]) == (["T-5"], [])
    changed = [tuple(each[key] for key in KEYS) for each in found["to_post"] if each["to_post"] != "0.00"]
    assert changed == [
        ("T-1", "1150", "0.00", "54.00", "54.00"),
        ("T-1", "4000", "0.00", "-54.00", "-54.00"),
        ("T-2", "1150", "54.00", "0.00", "-54.00"),
        ("T-2", "4000", "-54.00", "0.00", "54.00"),
        ("T-4", "1150", "54.00", "0.00", "-54.00"),
        ("T-4", "4000", "-54.00", "0.00", "54.00"),
    ]
    [asked] = found["to_ask"]
    assert (asked["statement_id"], asked["before"]["amount_due"], asked["after"]["amount_due"]) == (
        "S-1",
        "540.00",
        "594.00",
    )
    told = compared(world)
    assert told.stdout.startswith(
        "4 journals of generation 1: 3 stand otherwise in generation 2 or are gone; 1 are new there\n"
    )


def test_nothing_is_to_be_posted_where_the_ledger_is_the_same(world: World) -> None:
    """What was caused by something else, or is not delivered, is the same to the ERP."""
    write(world, "1", 0, journal("T-1", *COST), journal("T-2", *COST, deliver=False))
    write(world, "2", 0, journal("T-1", *COST)._replace(cause_id="T-9"))
    told = compared(world)
    assert told.exit_code == exit_codes.DONE, told.output
    assert "have nothing to do" in told.stderr


def test_a_generation_that_has_written_nothing(world: World) -> None:
    write(world, "1", 0, journal("T-1", *COST))
    told = compared(world, before="7")
    assert told.exit_code == exit_codes.USAGE
    assert "no journal or statement of generation 7 is on the topics; there are 1" in told.output
