from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from milepost import exit_codes
from tests import forked
from tests.forked import Forked

MODULE = """
import json, os, sys
from pathlib import Path
from state import rules

left = getattr(rules, "left_over", None)
rules.left_over = "something"
told = [sys.argv[1:], sys.stdin.read(), os.environ["SAID"], Path.cwd().name, os.getppid(), __name__, left]
print(json.dumps(told))
print("a fault", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "shown.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "waiting.py").write_text("print('here', flush=True)\nimport signal\nsignal.pause()\n", encoding="utf-8")
    return [sys.executable, "-m", "shown", "one", "two words"]


def test_a_fork_has_what_it_was_started_with_and_nothing_of_the_one_before(tmp_path: Path, command: list[str]) -> None:
    for said in ("first", "second"):
        environment, pipe = {**os.environ, "SAID": said}, subprocess.PIPE
        with Forked(command, cwd=tmp_path, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            output, errors = process.communicate(f"given {said}")
        expected = [["one", "two words"], f"given {said}", said, tmp_path.name, os.getpid(), "__main__", None]
        assert json.loads(output) == expected
        assert (process.returncode, errors) == (3, "a fault\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_fork_ends_by_a_signal_as_any_process(tmp_path: Path, command: list[str], number: signal.Signals) -> None:
    with Forked([*command[:2], "waiting"], cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        assert os.getsid(process.pid) == process.pid
        process.send_signal(number)
        assert process.wait() == -number


def test_a_fault_that_nobody_catches_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text("1 / 0\n", encoding="utf-8")
    done = forked.run([sys.executable, "-m", "faulty"], cwd=tmp_path, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_what_python_reads_when_it_begins_is_as_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "zoned.py").write_text(
        "import sys, time\nprint(time.tzname[0], sys.flags.hash_randomization)\n", encoding="utf-8"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "0"}
    done = forked.run([sys.executable, "-m", "zoned"], cwd=tmp_path, env=environment, text=True)
    assert done.stdout == "JST 0\n"


SUPERVISING = """
import os, subprocess
from milepost.operate.supervisor import again

with subprocess.Popen(again("--version")) as child: ...
with subprocess.Popen(again("serve", "--nothing")) as refused: ...
reading, writing = os.pipe()
os.set_blocking(writing, False)
while not os.get_blocking(writing):
    try:
        os.write(writing, bytes(1024))
    except BlockingIOError:
        os.set_blocking(writing, True)
with subprocess.Popen(again("--version"), stdout=writing) as waiting:
    is_fork = open(f"/proc/{waiting.pid}/cmdline").read() == open("/proc/self/cmdline").read()
    waiting.kill()
print(is_fork, flush=True)
with subprocess.Popen(again("--version"), stdout=writing) as waiting:
    waiting.terminate()
print(child.returncode, refused.returncode, waiting.returncode)
"""


def test_what_a_fork_supervises_is_a_fork_of_it(tmp_path: Path) -> None:
    """With words, files and an end of its own; asked to end it ends, however early."""
    (tmp_path / "supervising.py").write_text(SUPERVISING, encoding="utf-8")
    done = forked.run([sys.executable, "-m", "supervising"], cwd=tmp_path, text=True)
    *said, codes = done.stdout.splitlines()
    assert codes == f"{exit_codes.DONE} {exit_codes.USAGE} {-signal.SIGTERM}", done.stderr
    assert "True" in said
    assert [line for line in said if line.startswith("milepost ")]
    assert "No such option: --nothing" in done.stderr
