"""A log that is lost with its brokers is made again from its copy: the same numbers, journals and ids under another generation."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.avro_codec import OUTPUT_CODECS
from connectors.json_records import event_from_json_line
from connectors.kafka import topics
from connectors.kafka.outputs import SHARD_TOPICS
from dataflows.accounting_kafka import run as account
from domain.events.catalogue import TOPICS, Event
from milepost import exit_codes
from milepost.cli import app
from state.guards import LOG_DAMAGED, OTHER_GENERATION, TOPIC_CHANGED, TORN_OUTPUTS
from tests import forked
from tests.folding import without_chains
from tests.intake_inputs import activated, at, worked
from tests.kafka.firm import ROOT, Site, Until
from tests.kafka.intake_world import World
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker

DOMAIN = sorted({topic for topic in TOPICS.values() if topic})
MADE = ("engagement.log", "directory", "shard.progress", "overrides")
AFTER_APRIL = at("2026-05-01 09:00")


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "intake", partitions=2)
    made.make_topics(DOMAIN, partitions=1)
    make_topics(made, "shard.progress", "overrides", *SHARD_TOPICS)
    yield made
    made.delete()


def make_topics(of: World, *names: str) -> None:
    topics.create(of.clients, [topics.planned(topics.BY_NAME[name], of.kafka) for name in names])


def again(of: World, generation: str, folder: Path) -> World:
    """The same site in another generation, with fresh topics of its own."""
    made = World(of.kafka.brokers, of.kafka.prefix.rstrip("."), folder, of.kafka.partitions, generation)
    make_topics(made, *MADE)
    made._at = of._at
    return made


def site_of(of: World, folder: Path) -> Site:
    return Site(of.kafka, of.clients, folder)


def simulated_events(folder: Path) -> list[Event]:
    made = ["simulate", "--seed", "11", "--people", "12", "--projects", "10", "--months", "1", "--out", str(folder)]
    forked.run([sys.executable, "-m", "milepost", *made], cwd=ROOT).check_returncode()
    files = sorted(folder.glob("**/*.jsonl"), key=lambda file: (DOMAIN_ORDER.get(file.stem, 9), file.name))
    return [event_from_json_line(line) for file in files for line in file.read_bytes().splitlines()]


DOMAIN_ORDER = {"finance.reference": 0, "hr.people": 1, "crm.contracts": 2, "psa.projects": 3}


def accounted(of: World, folder: Path) -> dict[tuple[int, str], list[object]]:
    """All outputs by shard and topic, without the generation in their positions and the chains over them."""
    site = site_of(of, folder)
    end = Until({number: len(part) for number, part in enumerate(of.log())})
    account(site.job(), end.reached, end.on_commit)
    found: dict[tuple[int, str], list[object]] = {}
    for shard in range(of.kafka.partitions):
        for topic, outputs in site.read(shard).items():
            own = [one for one in outputs if one.generation == of.kafka.generation]
            decoded = [OUTPUT_CODECS[one.type_name].decode(one.body) for one in own]
            assert {position.generation for position, _ in decoded} <= {of.kafka.generation}
            found[shard, topic] = [
                (one.key, one.output_seq, position._replace(generation=""), without_chains(record))
                for one, (position, record) in zip(own, decoded, strict=True)
            ]
    return found


def run(line: str, of: World) -> Result:
    return CliRunner().invoke(app, [*shlex.split(line)[1:], *site_of(of, of.folder).options()])


def test_a_lost_log_is_made_again(world: World, tmp_path: Path) -> None:
    events = simulated_events(tmp_path / "events")
    late = [each for each in events if type(each).__name__ == "TimeApproved"][-40:]
    world.send(*[each for each in events if each not in late], spread=False)
    world.run(now=lambda: AFTER_APRIL)
    first = accounted(world, tmp_path / "first")
    posted = sum(len(outputs) for (_, topic), outputs in first.items() if topic == "erp.postings")
    assert posted > 100
    told = run(f"milepost log export --out {tmp_path / 'copy'} --json", world)
    assert told.exit_code == 0, told.output
    counts = [len(part) for part in world.log()]
    assert [each["records"] for each in json.loads(told.stdout)["partitions"]] == counts
    kept = world.bodies()
    before = {table: world.rows(table) for table in ("links", "waiting", "identities", "days", "notices")}

    for topic in (world.names.log, world.names.directory):
        world.clients.admin.delete_topics([topic])[topic].result()
    second = again(world, "2", tmp_path / "intake-2")
    told = run(f"milepost log import --in {tmp_path / 'copy'}", second)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{sum(counts):,} records in 2 partitions are made again, generation 2\n"
    assert second.bodies() == kept
    assert [[each.number for each in part] for part in second.log()] == [list(range(count)) for count in counts]
    assert accounted(second, tmp_path / "second") == first

    second.send(*late, spread=False)
    second.run(now=lambda: AFTER_APRIL)
    assert {table: second.rows(table) for table in before} | {"waiting": before["waiting"]} == before
    after = [[each.stored.type for each in part[count:]] for part, count in zip(second.log(), counts, strict=True)]
    assert sum(map(len, after)) == 40
    assert {name for part in after for name in part} == {"TimeApproved"}
    more = accounted(second, tmp_path / "second")
    assert all(more[place][: len(outputs)] == outputs for place, outputs in first.items() if "." not in place[1])
    assert len(more[0, "erp.postings"]) + len(more[1, "erp.postings"]) > posted


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Path:
    """Of a log with four records."""
    world.send(activated("2026-03-02 09:00", "P-1"), activated("2026-03-02 09:00", "P-2"))
    world.send(worked("2026-03-02 09:00", "T-1", "P-1"), worked("2026-03-02 09:00", "T-2", "P-2"))
    world.run()
    assert run(f"milepost log export --out {tmp_path / 'copy'}", world).exit_code == 0
    return tmp_path / "copy"


@pytest.mark.parametrize("name", ["log/0.avro", "log/1.avro", "directory.jsonl", "progress.json", "overrides.jsonl"])
def test_a_changed_or_missing_file_is_named_with_its_digest(
    world: World, copied: Path, tmp_path: Path, name: str
) -> None:
    """And nothing is written, so that the same topics take a good copy."""
    second = again(world, "2", tmp_path / "intake-2")
    spoiled = shutil.copytree(copied, tmp_path / "spoiled")
    data = (spoiled / name).read_bytes()
    (spoiled / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"x")
    told = run(f"milepost log import --in {spoiled}", second)
    assert told.exit_code == LOG_DAMAGED
    digest = json.loads((copied / "manifest.json").read_bytes())["files"][name][0]
    assert name in told.output
    assert f"SHA-256 {digest}" in told.output
    (spoiled / name).unlink()
    told = run(f"milepost log import --in {spoiled}", second)
    assert (told.exit_code, "found no file" in told.output) == (LOG_DAMAGED, True)
    assert run(f"milepost log import --in {copied}", second).exit_code == 0


def test_an_export_that_did_not_end_is_refused(world: World, copied: Path, tmp_path: Path) -> None:
    (copied / "manifest.json").unlink()
    told = run(f"milepost log import --in {copied}", again(world, "2", tmp_path / "intake-2"))
    assert told.exit_code == LOG_DAMAGED
    assert "an export did not end" in told.output


def test_a_copy_goes_into_fresh_topics_of_another_generation_alone(world: World, copied: Path, tmp_path: Path) -> None:
    told = run(f"milepost log import --in {copied}", world)
    assert told.exit_code == OTHER_GENERATION
    assert "expected another [kafka] generation" in told.output
    second = again(world, "2", tmp_path / "intake-2")
    wrong = [*site_of(second, tmp_path).options(), "--set", "kafka.partitions=3"]
    told = CliRunner().invoke(app, ["log", "import", "--in", str(copied), *wrong])
    assert (told.exit_code, "the copy has 2 partitions" in told.output) == (OTHER_GENERATION, True)
    assert run(f"milepost log import --in {copied}", second).exit_code == 0
    told = run(f"milepost log import --in {copied}", second)
    assert told.exit_code == TOPIC_CHANGED
    assert "holds records already" in told.output


def test_an_export_goes_into_an_empty_folder(world: World, copied: Path) -> None:
    before = {file.name: file.read_bytes() for file in copied.glob("*.json*")}
    told = run(f"milepost log export --out {copied}", world)
    assert told.exit_code == exit_codes.USAGE
    assert "expected an empty folder" in told.output
    assert {file.name: file.read_bytes() for file in copied.glob("*.json*")} == before


def test_a_log_that_has_lost_its_end_is_not_copied(world: World, copied: Path, tmp_path: Path) -> None:
    """It is made again without its last records, as brokers that lost their disks may come back."""
    names = [world.names.log]
    genesis = [partition[0] for partition in world.read(world.names.log, 2)]
    for done in world.clients.admin.delete_topics(names).values():
        done.result()
    until(lambda: world.names.log not in world.clients.admin.list_topics(timeout=PATIENCE).topics)
    make_topics(world, "engagement.log")
    until(lambda: world.names.log in world.clients.admin.list_topics(timeout=PATIENCE).topics)
    for partition, first in enumerate(genesis):
        world.producer.produce(world.names.log, first.value(), first.key(), partition=partition)
    world.flush()
    told = run(f"milepost log export --out {tmp_path / 'later'}", world)
    assert told.exit_code == TORN_OUTPUTS, told.output
    assert "the log has lost its end" in told.output
    assert not (tmp_path / "later" / "manifest.json").exists()
