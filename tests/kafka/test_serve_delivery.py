"""`milepost serve delivery` between a real broker and a simulated ERP: each journal is in the ERP's ledger once, whatever happens."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from milepost import exit_codes
from state.guards import FENCED
from tests.kafka.delivering_site import Delivering, account_for, expected, firm
from tests.kafka.killed_delivery import STEPS
from tests.kafka.reading_delivery import READS
from tests.kafka.servers import PATIENCE, Start, until
from tests.servers.erp import ErpServer
from tests.servers.kafka import Broker
from tests.servers.server import free_port

# Of ten answers three are lost after the journal was posted.
TROUBLE = ["--kind", "netsuite", "--trouble", "lost=30"]
WAITED_FOR = "calls that it had begun may go on"
# A process looks up once, and publishes once a second: all may be delivered within the first.
SEVERAL_TIMES = {"before intent", "after intent", "before call", "after call"}
LOOKED_UP = "another store has delivered to simulated since"


@pytest.fixture
def delivering(broker: Broker, own_name: str, tmp_path: Path, started: Start) -> Delivering:
    """257 journals, of the first month of a small firm the first two fifths of its log."""
    site = firm(broker, own_name, tmp_path / "site", up_to=0.4)
    return Delivering(site, started(ErpServer(tmp_path / "erp", TROUBLE)))


def ended(process: subprocess.Popen[bytes], code: int) -> str:
    """What it said. One that goes on says where, and is killed in the end."""
    assert process.stderr is not None
    late = threading.Timer(PATIENCE, process.send_signal, [signal.SIGABRT])
    late.start()
    said = process.stderr.read().decode()
    found = process.wait(PATIENCE)
    is_in_time = late.is_alive()
    late.cancel()
    assert is_in_time, f"expected exit code {code} within {PATIENCE} s, and killed it; it said: {said}"
    assert found == code, f"expected exit code {code}, found {found}; it said: {said}"
    return said


def awaited(process: subprocess.Popen[bytes], words: str) -> None:
    """Until it says them."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline().decode()
        assert line, said
        said += line


def killed(delivering: Delivering, step: str, times: int, store: Path | None = None) -> None:
    with delivering.start(dies=step, after=times, store=store) as process:
        ended(process, -signal.SIGKILL)


def delivered(delivering: Delivering, process: subprocess.Popen[bytes]) -> str:
    """All journals are in the ledger once, and answered; the process ends in order. What it said."""
    journals = delivering.journals()

    def is_done() -> bool:
        assert process.poll() is None, ended(process, exit_codes.DONE)
        return (
            delivering.is_ready()
            and len(delivering.entries()) >= len(journals)
            and len(delivering.answers()) >= len(journals)
        )

    until(is_done)
    process.send_signal(signal.SIGTERM)
    said = ended(process, exit_codes.DONE)
    assert "SIGTERM: ends in order" in said
    assert delivering.ledger() == (len(journals), expected(journals))
    assert delivering.writes() == len(journals), "an answer that was lost is looked up, and nothing is sent again"
    assert sorted(each.journal_id or "" for each in delivering.answers()) == sorted(
        each.journal_id for each in journals
    )
    return said


def test_killed_at_every_step_it_sends_nothing_twice_and_forgets_nothing(delivering: Delivering) -> None:
    """Before what may be there is looked up, before an intent is kept, before the account is claimed, before and after a call, before and
    after an answer is published.
    """
    for step in STEPS:
        killed(delivering, step, 3 if step in SEVERAL_TIMES else 1)
    with delivering.start() as process:
        said = delivered(delivering, process)
    assert WAITED_FOR not in said, "its own store knows which calls those were"


def test_an_end_in_order_leaves_nothing_to_wait_for(delivering: Delivering) -> None:
    with delivering.start() as process:
        until(lambda: len(delivering.entries()) > 50)
        process.send_signal(signal.SIGTERM)
        ended(process, exit_codes.DONE)
    there = delivering.entries()
    assert len(there) < len(delivering.journals()), "it was to end in the middle"
    assert len(delivering.answers()) >= len(there) * 0.5, "what was answered is published"
    shutil.rmtree(delivering.site.folder / "delivery")
    with delivering.start() as process:
        assert WAITED_FOR not in delivered(delivering, process)


def test_a_store_that_is_lost_is_made_again_from_answers_and_the_ledger(delivering: Delivering) -> None:
    """Killed once more before it has begun to look up, it still does."""
    killed(delivering, "after call", 100)
    shutil.rmtree(delivering.site.folder / "delivery")
    killed(delivering, "before it looks up", 1)
    with delivering.start() as process:
        assert WAITED_FOR in delivered(delivering, process)


def test_who_is_stopped_while_it_waits_for_calls_leaves_that_to_the_next_one(delivering: Delivering) -> None:
    killed(delivering, "after call", 20)
    shutil.rmtree(delivering.site.folder / "delivery")
    there = len(delivering.entries())
    with delivering.start() as process:
        awaited(process, WAITED_FOR)
        process.send_signal(signal.SIGTERM)
        ended(process, exit_codes.DONE)
    assert len(delivering.entries()) == there, "nothing was begun"
    with delivering.start() as process:
        assert WAITED_FOR in delivered(delivering, process)


def test_who_is_stopped_while_it_reads_a_long_log_ends_at_once(delivering: Delivering) -> None:
    """A new store is filled from the log's answers first."""
    with delivering.start(module="tests.kafka.reading_delivery") as process:
        awaited(process, READS)
        process.send_signal(signal.SIGTERM)
        assert "SIGTERM: ends in order" in ended(process, exit_codes.DONE)
    assert delivering.entries() == []


def test_a_second_process_takes_over_and_the_first_one_s_store_counts_no_more(
    broker: Broker, own_name: str, tmp_path: Path, started: Start
) -> None:
    """Each has a store of its own, as where two machines deliver by mistake. The first learns of it when it next writes: more is told
    afterwards, for it may have delivered everything by the time that the second has begun.
    """
    site = firm(broker, own_name, tmp_path / "site", up_to=0.3)
    delivering = Delivering(site, started(ErpServer(tmp_path / "erp", TROUBLE)))
    with delivering.start(store=tmp_path / "first") as first:
        until(lambda: len(delivering.entries()) > 50)
        delivering.port = free_port()
        with delivering.start(store=tmp_path / "second") as second:
            until(delivering.is_ready)
            account_for(site, 1, 0.3, 0.4)
            ended(first, FENCED)
            delivered(delivering, second)
    with delivering.start(store=tmp_path / "first") as first:
        assert LOOKED_UP in delivered(delivering, first)


def test_an_older_copy_of_a_store_is_not_believed(delivering: Delivering, tmp_path: Path) -> None:
    folder = delivering.site.folder / "delivery"
    killed(delivering, "after call", 20)
    shutil.copytree(folder, tmp_path / "copy")
    killed(delivering, "after call", 100)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    with delivering.start() as process:
        assert LOOKED_UP in delivered(delivering, process)
