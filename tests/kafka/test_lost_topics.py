"""A topic that held something and was deleted is told from one that was never made, by what is asked and by what starts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost import exit_codes
from milepost.cli import app
from state.guards import TOPIC_CHANGED, WRONG_TOPIC_SETTINGS
from tests.commands.documents import ROOT
from tests.forked import Forked
from tests.intake_inputs import activated, entity, worked
from tests.kafka.intake_world import World
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker

WHEN = "2026-03-02 09:00"


class Firm:
    """With all topics made, three events taken in, and the log folded."""

    def __init__(self, broker: Broker, prefix: str, folder: Path) -> None:
        self.world = World(broker.bootstrap, prefix, folder / "intake", partitions=1)
        self.file = folder / "milepost.toml"
        self.write_settings("")
        assert self.run("topics", "create").exit_code == 0
        self.world.send(entity(WHEN), activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1"))
        self.world.run(now=lambda: time.time_ns() // 1_000)
        self.serve_until_at_end()

    def write_settings(self, accepted: str) -> None:
        kafka = self.world.kafka
        self.file.write_text(
            f'[kafka]\ndevelopment = true\nbrokers = "{kafka.brokers}"\nprefix = "{kafka.prefix}"\npartitions = 1\n'
            f'[registry]\nfixed_ids = true\n[store]\nfolder = "{self.file.parent}/store"\n'
            f"[intake]\naccepted_topics = {{{accepted}}}\n",
            encoding="utf-8",
        )

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--settings", str(self.file)])

    def lag(self) -> tuple[int, Any]:
        result = self.run("lag", "--json")
        return result.exit_code, json.loads(result.stdout)

    def doctor(self) -> dict[str, list[Any]]:
        """What fails, by check."""
        found: dict[str, list[Any]] = {}
        for finding in json.loads(
            self.run("doctor", "--timeout", "60", "--json", "--for", "intake", "--for", "accounting").stdout
        )["findings"]:
            if finding["state"] == "fail":
                found.setdefault(finding["check"], []).append(finding)
        return found

    def serve(self, *what: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "milepost", "serve", *what, "--alone", "--settings", str(self.file)]
        return Forked(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def serve_until_at_end(self) -> None:
        process = self.serve("accounting", "--all-shards")
        try:
            until(lambda: self.lag()[1]["records_behind"]["accounting"] == 0)
            process.terminate()
            assert process.wait(PATIENCE) == exit_codes.DONE
        finally:
            process.kill()
            process.communicate()

    def ends(self, *what: str) -> tuple[int, str]:
        process = self.serve(*what)
        try:
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return process.returncode, said

    def delete(self, topic: str) -> None:
        admin = self.world.clients.admin
        admin.delete_topics([topic])[topic].result()
        until(lambda: topic not in admin.list_topics(timeout=PATIENCE).topics)


@pytest.fixture
def firm(broker: Broker, own_name: str, tmp_path: Path) -> Firm:
    return Firm(broker, own_name, tmp_path)


def test_an_event_topic_that_was_made_again_is_not_at_its_end(firm: Firm) -> None:
    """What stands on the new one waits, until the settings accept it."""
    topic = firm.world.names.shared("psa.time")
    assert firm.lag()[0] == exit_codes.DONE
    assert firm.doctor() == {}
    firm.delete(topic)
    assert firm.run("topics", "create").exit_code == 0
    firm.world.send(worked(WHEN, "T-2", "P-1"))
    code, told = firm.lag()
    assert code == TOPIC_CHANGED
    assert [(each["topic"], each["is_there"]) for each in told["lost"]] == [(topic, True)]
    assert told["records_behind"]["intake"] == 1
    (finding,) = firm.doctor()["topics"]
    assert f"{topic} was deleted and made again" in finding["said"]
    assert "accepted_topics" in finding["next"]
    shown = firm.run("lag")
    assert "at their end" not in shown.output
    assert f"topic {topic} was deleted and made again" in shown.output
    found = firm.world.clients.topics([topic])[topic]
    assert found is not None
    firm.write_settings(f'"{topic}" = "{found.id}"')
    code, told = firm.lag()
    assert (code, told["lost"]) == (exit_codes.DONE, [])
    assert firm.doctor() == {}


def test_a_log_that_was_deleted_is_not_to_be_made_anew(firm: Firm) -> None:
    """Missing and then empty, it is met with where its copy is put back, never with how to make another one."""
    log = firm.world.names.log
    firm.delete(log)
    shown = firm.run("lag")
    assert shown.exit_code == TOPIC_CHANGED
    for _ in range(2):
        told = firm.doctor()["topics"]
        assert [finding["said"].split()[0] for finding in told] == [log]
        assert "The log is lost" in told[0]["next"]
        for what in (("accounting", "--all-shards"), ("intake",)):
            code, said = firm.ends(*what)
            assert code == TOPIC_CHANGED, said
            assert "topics create" not in said
        firm.run("topics", "create")
    code, told = firm.lag()
    assert (code, [each["topic"] for each in told["lost"]]) == (TOPIC_CHANGED, [log])


def test_progress_that_was_deleted_is_named(firm: Firm) -> None:
    progress = firm.world.names.progress
    firm.delete(progress)
    shown = firm.run("lag")
    assert shown.exit_code == TOPIC_CHANGED
    assert f"topic {progress} was deleted" in shown.output
    assert "code 22" in shown.output
    (finding,) = firm.doctor()["topics"]
    assert "milepost topics create" not in finding["next"]
    code, said = firm.ends("accounting", "--all-shards")
    assert code == WRONG_TOPIC_SETTINGS
    assert "makes what was never there; a topic that held something is put back from its copy" in said


def test_what_was_never_made_is_named_and_made(broker: Broker, own_name: str, tmp_path: Path) -> None:
    """Each that is missing, and no other."""
    world = World(broker.bootstrap, own_name, tmp_path)
    world.make_log()
    told = ["--set", f"kafka.brokers={broker.bootstrap}", "--set", f"kafka.prefix={world.kafka.prefix}"]
    shown = CliRunner().invoke(app, ["lag", *told])
    assert f"there is no topic {world.names.progress};" in shown.output
    assert "milepost topics create" in shown.output
    assert world.names.log not in shown.output
