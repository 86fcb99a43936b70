"""`milepost simulate-erp` as a process: what it writes is enough to deliver with, and a kill loses nothing of its books."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from connectors.accounts_file import read_accounts
from connectors.erp import adapters
from connectors.erp.adapter import Erp
from domain.accounts import NAMES
from domain.delivery.outcomes import Taken, Throttled, Uncertain
from domain.units import AMOUNT_ONE
from milepost.commands.simulate import KINDS
from simulation.erp.accounts import written
from simulation.erp.serving import served
from simulation.erp.simulated import INTERFACES, SimulatedErp
from simulation.erp.troubles import Act, Trouble, Troubles, TroubleShare, TroubleTurn, parsed
from tests.erp.contract import DOCUMENTS
from tests.servers.erp import ErpServer

JOURNAL = DOCUMENTS["journal"]._replace(subsidiary="2")


def opened(accounts: Path) -> Erp:
    return adapters.opened("simulated", read_accounts(accounts).erps["simulated"])


def test_killed_after_it_has_posted_it_still_has_the_journal(tmp_path: Path) -> None:
    with ErpServer(tmp_path, ["--kind", "netsuite", "--trouble", "lost=100"]) as server:
        erp = opened(server.accounts)
        assert isinstance(erp.send([JOURNAL])[0], Uncertain)
        server.kill()
        server.start()
        found = erp.look_up([JOURNAL])
        assert isinstance(found, dict)
        assert isinstance(found[JOURNAL.key], Taken)
        (entry,) = server.entries()
        assert (entry.key, entry.period, entry.lines[0].amount) == (JOURNAL.key, "2026-06", 1_000 * AMOUNT_ONE)
        server.tell("lost=0", next_writes=["throttled"])
        assert isinstance(erp.send([JOURNAL])[0], Throttled)
        assert server.counts()["troubles"] == {"throttled": 1}
        erp.close()


def test_it_starts_again_on_its_port_unless_another_has_it(tmp_path: Path) -> None:
    """So that a copy of its accounts.toml goes on to reach it."""
    kept = tmp_path / "port"
    with closing(SimulatedErp("netsuite", tmp_path / "books")) as erp:
        first = served(erp, kept)
        first.close()
        again = served(erp, kept)
        assert again.port == first.port
        other = served(erp, kept)
        assert other.port != first.port
        for each in (again, other):
            each.close()
        given = served(erp, kept, first.port)
        assert (given.port, kept.read_text()) == (first.port, f"{first.port}\n")
        given.close()
        kept.write_text("70000")
        beyond = served(erp, kept)
        assert 0 < beyond.port < 65_536
        beyond.close()


def test_the_command_offers_every_kind() -> None:
    assert tuple(INTERFACES) == KINDS


@pytest.mark.parametrize("kind", INTERFACES)
def test_its_accounts_have_every_account_of_both_companies(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind, "http://127.0.0.1:15001", "/token", 7)
    found = read_accounts(path)
    assert opened(path).limits.concurrent == 7
    assert [(chart.legal_entity_id, chart.subsidiary) for chart in found.charts.values()] == [
        ("LE-DE", "1"),
        ("LE-US", "2"),
    ]
    assert {name for chart in found.charts.values() for name in chart.accounts} == set(NAMES)


def test_shares_and_turns_are_read_from_text() -> None:
    assert parsed("lost=30") == TroubleShare(Trouble.LOST, 30)
    assert parsed("down=20@3000") == TroubleTurn(Act.DOWN, "20", 3_000)
    assert parsed("close=2026-06") == TroubleTurn(Act.CLOSE, "2026-06", 0)
    assert parsed("refuse=department=12@5") == TroubleTurn(Act.REFUSE, "department=12", 5)


@pytest.mark.parametrize(
    "text", ["lost", "lost=x", "lost=101", "lost=3@7", "down=soon", "close=2026-06@x", "rain=1", ""]
)
def test_what_nobody_understands_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parsed(text)


def test_of_a_thousand_writes_the_shares_are_what_they_say() -> None:
    troubles = Troubles([TroubleShare(Trouble.LOST, 30), TroubleShare(Trouble.THROTTLED, 10)], seed=1)
    met = [troubles.of(f"key-{number}") for number in range(1_000)]
    assert 70 <= met.count(Trouble.THROTTLED) <= 130
    assert 230 <= met.count(Trouble.LOST) <= 310


def test_another_attempt_is_another_draw() -> None:
    troubles = Troubles([TroubleShare(Trouble.LOST, 30)], seed=1)
    assert {troubles.of("key") for _ in range(50)} == {None, Trouble.LOST}


def test_turns_come_once_and_in_their_time() -> None:
    troubles = Troubles([parsed("close=2026-06@2"), parsed("down=1@3")])
    due = []
    for number in range(5):
        troubles.of(f"key-{number}")
        due.append([turn.act for turn in troubles.turns()])
    assert due == [[], [Act.CLOSE], [Act.DOWN], [], []]
