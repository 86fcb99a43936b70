"""The trace of a producer's message goes with its journal all the way to the call to the ERP."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from connectors.log_records import StoredRecord
from domain.delivery.documents import JOURNAL, key_of
from milepost import exit_codes
from simulation.erp.accounts import written
from simulation.erp.interface import Does, HttpRequest
from simulation.erp.serving import serving
from simulation.erp.simulated import SimulatedErp
from tests.kafka import given_log
from tests.kafka.delivering_site import Delivering, firm
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker


class Listening(SimulatedErp):
    """Keeps the trace of each journal that it was sent, by key."""

    def __init__(self, folder: Path) -> None:
        super().__init__("netsuite", folder)
        self.traces: dict[str, str] = {}

    def does(self, asked: HttpRequest) -> Does:
        if asked.method == "PUT":
            self.traces[asked.path.rpartition("eid:")[2]] = asked.headers.get("traceparent", "")
        return super().does(asked)


class InHere(NamedTuple):
    """An ERP in this process, as `Delivering` wants it."""

    accounts: Path
    port: int


def parent_of(record: StoredRecord) -> str:
    """As the producer of an event might have said it; another one for each record."""
    return f"00-{record.offset + 1:032x}-00f067aa0ba902b7-01"


def test_each_call_has_the_trace_of_the_event_that_its_journal_follows_from(
    broker: Broker, own_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = given_log.numbered

    def traced(record: StoredRecord) -> list[tuple[str, bytes]]:
        return [*plain(record), ("traceparent", parent_of(record).encode())]

    monkeypatch.setattr(given_log, "numbered", traced)
    site = firm(broker, own_name, tmp_path / "site")
    erp = Listening(tmp_path / "books")
    with serving(erp) as served:
        accounts = written(tmp_path / "erp", "netsuite", served.url, erp.token_path, 0)
        delivering = Delivering(site, InHere(accounts, served.port))
        came = delivering.came()
        with delivering.start() as process:
            until(lambda: len(erp.traces) >= len(came) and delivering.is_ready())
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == exit_codes.DONE
    said = {key_of(JOURNAL, [each.record.journal_id]): each.trace.traceparent for each in came}
    assert erp.traces == said
    assert len(set(said.values())) > len(said) / 2, "most journals follow from an event of their own"
    assert all(each.startswith("00-") for each in said.values())
