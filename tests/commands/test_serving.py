"""Which shards a process takes, and what its supervisor makes of its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import typer

from dataflows.settings import AccountingSettings
from milepost.exit_codes import INTERRUPTED
from milepost.operate.shards_chosen import chosen
from milepost.operate.supervisor import FOR_A_PERSON, PASSING, supervise
from state import guards

ROOT = Path(__file__).parents[2]


def shards(
    named: str | None = None, *, every: bool = False, ordinal: int | None = None, of: int | None = None
) -> tuple[int, ...]:
    return chosen(AccountingSettings(), 8, named, every=every, ordinal=ordinal, of=of)


def test_shards_are_named_or_all_or_divided() -> None:
    assert shards("4,0") == (0, 4)
    assert shards(every=True) == tuple(range(8))
    assert shards(ordinal=2, of=3) == (2, 5)
    assert shards() == tuple(range(8))
    divided = AccountingSettings(processes=4, process=3)
    assert chosen(divided, 8, None, every=False, ordinal=None, of=None) == (3, 7)


def test_several_processes_take_every_shard_once() -> None:
    assert sorted(number for ordinal in range(3) for number in shards(ordinal=ordinal, of=3)) == list(range(8))


def test_the_host_name_says_which_of_several_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "accounting-2.milepost.svc")
    assert shards(of=4) == (2, 6)
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    with pytest.raises(typer.BadParameter, match="does not end with a number"):
        shards(of=4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"named": "8"},
        {"named": "1,1"},
        {"named": "a"},
        {"ordinal": 1},
        {"ordinal": 4, "of": 4},
        {"ordinal": 9, "of": 12},
        {"named": "1", "every": True},
    ],
)
def test_a_wrong_choice_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(typer.BadParameter):
        shards(**wrong)  # type: ignore[arg-type]


def child(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.mark.parametrize("code", [0, guards.TORN_OUTPUTS, guards.FENCED, guards.POISON, guards.OUTPUTS_DIFFER])
def test_an_end_in_order_and_a_guard_are_final(code: int) -> None:
    assert supervise(child(f"raise SystemExit({code})"), [0.0]) == code


def test_a_crash_is_not(tmp_path: Path) -> None:
    """Twice killed, twice started again; then brokers that do not answer; then it ends in order."""
    count = tmp_path / "count"
    count.write_text("")
    script = (
        f"import os, pathlib, sys; p = pathlib.Path({str(count)!r}); p.write_text(p.read_text() + '.');"
        f"n = len(p.read_text()); os.kill(os.getpid(), 9) if n < 3 else sys.exit({guards.BROKER_UNREACHABLE} if n == 3 else 0)"
    )
    assert supervise(child(script), [0.0]) == 0
    assert count.read_text() == "...."


@pytest.mark.parametrize(("fenced", "code"), [(2, 0), (3, guards.FENCED)])
def test_fenced_once_or_twice_is_a_standstill_and_again_is_somebody_else(
    tmp_path: Path, fenced: int, code: int
) -> None:
    """Brokers fence whoever stood still within a transaction; two who take a shard from each other never come to an end."""
    count = tmp_path / "count"
    count.write_text("")
    script = (
        f"import pathlib, sys; p = pathlib.Path({str(count)!r}); p.write_text(p.read_text() + '.');"
        f"sys.exit({guards.FENCED} if len(p.read_text()) <= {fenced} else 0)"
    )
    assert supervise(child(script), [0.0]) == code
    assert count.read_text() == "..."


def test_what_passes_by_itself_needs_nobody() -> None:
    assert PASSING.isdisjoint(FOR_A_PERSON)
    assert {guards.TOPIC_CHANGED, guards.PROGRESS_MISSING, guards.HANGING_TRANSACTION} <= FOR_A_PERSON


def test_who_does_not_end_is_killed(tmp_path: Path) -> None:
    """As a client does that waits for brokers without a limit."""
    ready = tmp_path / "ready"
    script = (
        f"import pathlib, signal, time; signal.signal(signal.SIGTERM, lambda *_: None);"
        f"pathlib.Path({str(ready)!r}).touch(); [time.sleep(1) for _ in range(60)]"
    )
    supervising = f"from milepost.operate import supervisor as it; it.END_SECONDS = 0.5; raise SystemExit(it.supervise({child(script)!r}))"
    with subprocess.Popen(child(supervising), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        while not ready.exists():
            assert process.poll() is None, "it ended before it was asked to"
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 1


def test_the_first_process_of_a_container_is_ended_while_it_starts(tmp_path: Path) -> None:
    """To it Linux gives only signals that it handles, so it must not leave this one to Linux."""
    ready = tmp_path / "ready"
    script = (
        "import os, pathlib, sys, time, types; os.getpid = lambda: 1;"
        f"start = lambda _: (pathlib.Path({str(ready)!r}).touch(), time.sleep(60));"
        "sys.modules['milepost.command_line'] = types.SimpleNamespace(command_line=start);"
        "from milepost.__main__ import main; main()"
    )
    with subprocess.Popen(child(script), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        while not ready.exists():
            assert process.poll() is None, "it ended before it was asked to"
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("lambda *_: sys.exit(0)", 0),
        ("signal.SIG_DFL", 0),
        (f"lambda *_: sys.exit({guards.BROKER_UNREACHABLE})", 0),
        (f"lambda *_: sys.exit({guards.FENCED})", 0),
        (f"lambda *_: sys.exit({guards.TORN_OUTPUTS})", guards.TORN_OUTPUTS),
    ],
    ids=["in order", "it does not listen yet", "brokers are away", "taken over once", "for a person"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_end_hands_it_on_and_waits(
    tmp_path: Path, number: signal.Signals, ends: str, code: int
) -> None:
    """Where it would be started again, the end is one in order. A terminal gives its Ctrl-C to both."""
    ready = tmp_path / "ready"
    script = (
        f"import pathlib, signal, sys, time; ends = {ends}; signal.signal(signal.SIGTERM, ends);"
        f"signal.signal(signal.SIGINT, ends); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    supervising = (
        "from milepost.console import stamp_lines; from milepost.operate.supervisor import supervise; stamp_lines();"
        f"raise SystemExit(supervise({child(script)!r}))"
    )
    environment, pipe = {**os.environ, "PYTHONPATH": str(ROOT)}, subprocess.PIPE
    with subprocess.Popen(
        child(supervising), cwd=ROOT, env=environment, stderr=pipe, text=True, start_new_session=True
    ) as process:
        while not ready.exists():
            assert process.poll() is None, "it ended before it was asked to"
            time.sleep(0.02)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, said = process.communicate(timeout=240)
    assert process.returncode == code
    if number == signal.SIGTERM:
        moment, _, told = said.partition(" ")
        assert abs(datetime.fromisoformat(moment).timestamp() - time.time()) < 60
        assert told == "SIGTERM: it is asked to end, and has 100 seconds to finish what is in flight\n"


def test_ctrl_c_while_it_loads_is_no_fault_of_ours() -> None:
    script = (
        "import signal, sys, types; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "start = lambda _: signal.raise_signal(signal.SIGINT);"
        "sys.modules['milepost.command_line'] = types.SimpleNamespace(command_line=start);"
        "from milepost.__main__ import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(child(script), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (INTERRUPTED, "")
