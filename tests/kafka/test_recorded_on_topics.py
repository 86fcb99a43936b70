"""What people record goes to its topic, and through intake to the shard that it is about; what is known is asked of all shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from typer.testing import CliRunner, Result

from connectors.json_records import event_from_json_line
from connectors.kafka import topics
from connectors.kafka.outputs import SHARD_TOPICS
from dataflows.accounting_kafka import run as account
from domain.events.commercial import ContractAmended
from milepost.cli import app
from state.intake.partition import partition_of
from tests.commands.tiny_firm import founding, worked
from tests.intake_inputs import customer
from tests.kafka.firm import Site, Until
from tests.kafka.intake_world import World
from tests.servers.kafka import Broker

# One on each partition of the log, with contracts of their own and the same customer.
PROJECTS = {"BRIDGE": "K-1", "TOWER": "K-2"}
SHARDS = 2
AT = ("--at", "2026-04-03T09:00:00Z")


def founded() -> list[dict[str, Any]]:
    """8 hours in March at 100.00 on each project."""
    *reference, project, contract = founding()
    events = list(reference)
    for name, contract_id in PROJECTS.items():
        told = json.dumps([project, contract, worked(f"T-{name}", 3)])
        told = told.replace("BRIDGE", name).replace("K-1", contract_id).replace("@", f"@{name}-")
        events += json.loads(told)
    return events


class TopicsAndBooks(NamedTuple):
    """What intake and accounting share, and the folder in which the books of all shards are kept."""

    world: World
    of: Site
    books: Path

    def take_in(self) -> None:
        """Takes in what the topics hold, accounts for it, and keeps the books."""
        self.world.run()
        assert self.world.letters() == []
        ends = {shard: len(records) for shard, records in enumerate(self.world.log())}
        written = {shard: self.of.written(shard) for shard in ends}
        more = {shard: end for shard, end in ends.items() if (found := written[shard]) is None or found.offset < end}
        end = Until(more)
        account(self.of.job(*more), end.reached, end.on_commit)
        done("verify", "--kafka", "--keep", str(self.books))

    def sent_to(self, topic: str) -> str:
        return f"1 event sent to {self.of.names.shared(topic)}"


@pytest.fixture
def firm(broker: Broker, own_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TopicsAndBooks:
    """March is over, and its statements are issued."""
    world = World(broker.bootstrap, own_name, tmp_path / "intake", partitions=SHARDS)
    world.make_topics(
        ["finance.reference", "hr.people", "psa.projects", "crm.contracts", "psa.time", "finance.invoices"]
    )
    of = Site(world.kafka, world.clients, tmp_path / "stores")
    wanted = [*SHARD_TOPICS, "shard.progress", "overrides"]
    topics.create(of.clients, [topics.planned(topics.BY_NAME[name], of.settings) for name in wanted])
    for name, value in {
        "KAFKA__BROKERS": of.settings.brokers,
        "KAFKA__PREFIX": of.settings.prefix,
        "KAFKA__PARTITIONS": str(SHARDS),
        "KAFKA__DEVELOPMENT": "true",
        "REGISTRY__FIXED_IDS": "true",
        "STORE__FOLDER": str(of.folder),
    }.items():
        monkeypatch.setenv(f"MILEPOST__{name}", value)
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "books"))
    world.send(*(event_from_json_line(orjson.dumps(each)) for each in founded()))
    world.send_at(31 * 86_400, "finance.reference", customer("2026-04-02 08:00", "LATER"))
    made = TopicsAndBooks(world, of, tmp_path / "books")
    made.take_in()
    return made


def asked(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def done(*words: str) -> str:
    result = asked(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def owed() -> dict[str, str]:
    """By project, on 1100 what was posted."""
    found = dict.fromkeys(PROJECTS, 0.0)
    for journal in asked("dump", "erp.postings", "--json").stdout.splitlines():
        for line in json.loads(journal)["lines"]:
            if line["account"] == "1100":
                found[line["project_id"]] += float(line["amount"])
    return {project: f"{amount:.2f}" for project, amount in found.items()}


def test_invoices_and_a_payment_reach_the_shards_of_their_projects(firm: TopicsAndBooks) -> None:
    """800.00 is invoiced on each; a payment of 1,000.00 pays the one of the second shard, and 200.00 of the other."""
    assert [partition_of(project, SHARDS) for project in PROJECTS] == [0, 1]
    marks = {
        project: ("invoice", "mark", f"{project}.{contract}/ACME/2026-03-01/1", "--kafka", *AT)
        for project, contract in PROJECTS.items()
    }
    for project, mark in marks.items():
        assert firm.sent_to("finance.invoices") in done(*mark, "--invoice-id", f"INV-{project}")
    firm.take_in()
    assert owed() == {"BRIDGE": "800.00", "TOWER": "800.00"}
    for project, mark in marks.items():
        assert f"has its invoice already, INV-{project}" in " ".join(asked(*mark).output.split())
    paid = done("payment", "add", "ACME", "1000", "EUR", "--for", "INV-TOWER", "--oldest", "--kafka", *AT)
    assert firm.sent_to("finance.invoices") in paid
    firm.take_in()
    assert owed() == {"BRIDGE": "600.00", "TOWER": "0.00"}


def test_the_amendment_of_a_contract_reaches_its_shard(firm: TopicsAndBooks) -> None:
    """The one of the second shard; another amendment is the next version."""
    amend = ("contract", "amend", "K-2", "--effective-on", "2026-05-01", "--reason", "new rate", "--approved-by", "ben")
    changed = (*amend, "--set", "lines[0].terms.rates[0].rate=120", "--kafka", *AT)
    assert firm.sent_to("crm.contracts") in done(*changed, "--yes")
    firm.take_in()
    taken = firm.world.log()[1][-1].event
    assert isinstance(taken, ContractAmended)
    assert (taken.contract_id, taken.version, taken.approved_by) == ("K-2", 2, "ben")
    again = asked(*amend, "--set", "lines[0].terms.rates[0].rate=130", "--dry-run", "--kafka", *AT)
    assert json.loads(again.stdout)["version"] == 3
