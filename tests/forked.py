"""`python -m` of modules that need no process of their own from the first import on: one process imports, and forks for each start.

To import what a command is made of takes half a second of processor, and to read its schemas a fifth, which is longer than most commands
take. A fork has the arguments, the environment, the folder and the files that it is started with, is a child of who started it, and ends as
Python does; nothing but these two has happened in it. Variables that Python, its locale or the loader read when a process begins have a
process to fork from of their own.

    with Forked([sys.executable, "-m", "milepost", "serve", "delivery"], stderr=subprocess.PIPE) as process:
        process.kill()

What a fork begins as `supervisor.again` says it forks from itself, for the same reason.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from connectors.event_bodies import schema_number
from connectors.kafka.pinned_schemas import pinned_schemas
from milepost.operate import supervisor

ROOT: Final = Path(__file__).parents[1]
# A folder that has it has sources of its own, all of them.
OURS: Final = Path("tests", "forked.py")
IMPORTED: Final = """
    milepost.cli milepost.operate.serving milepost.operate.serving_delivery milepost.rounds milepost.delivery.delivering
    connectors.erp.adapters connectors.redis.read_model dataflows.view
""".split()
READ_AT_THE_BEGINNING: Final = ("PYTHON", "LD_", "LC_", "LANG", "TZ")
# All that is started so has our folder on its path; who is told to print its stack when it fails does so.
READ_BY_A_FORK: Final = {"PYTHONPATH", "PYTHONFAULTHANDLER"}
# Each has some 100 MB.
KEPT_MAX: Final = 3
MESSAGE_MAX: Final = 1 << 20
PR_SET_CHILD_SUBREAPER: Final = 36
TOLD_TO_END: Final = (signal.SIGTERM, signal.SIGINT)
LIBC: Final = ctypes.CDLL(None)


class Start(NamedTuple):
    """Of a fork, with its standard input, output and errors beside it."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    is_own_session: bool


class Origin:
    """The process that has imported, and forks; it ends with who started it."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def start(self, start: Start, files: tuple[int, int, int]) -> int:
        """The process id of a child of this process."""
        # A process whose parent has ended is the child of the next above who takes such ones in.
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._ours, [json.dumps(start).encode()], files)
            return int(self._ours.recv(MESSAGE_MAX))
        finally:
            LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._ours.close()
        self._process.wait()


_ORIGINS: OrderedDict[tuple[Path, frozenset[tuple[str, str]]], Origin] = OrderedDict()


@atexit.register
def _end_all() -> None:
    while _ORIGINS:
        _ORIGINS.popitem()[1].end()


def _origin(environment: Mapping[str, str], folder: Path) -> Origin:
    read = frozenset(
        (name, value)
        for name, value in environment.items()
        if name.startswith(READ_AT_THE_BEGINNING) and name not in READ_BY_A_FORK
    )
    key = (folder if (folder / OURS).exists() else ROOT, read)
    if key not in _ORIGINS or not _ORIGINS[key].is_running:
        _ORIGINS[key] = Origin(key[0], environment)
    _ORIGINS.move_to_end(key)
    if len(_ORIGINS) > KEPT_MAX:
        _ORIGINS.popitem(last=False)[1].end()
    return _ORIGINS[key]


class Forked(subprocess.Popen[Any]):
    """A `Popen` that forks what is `[sys.executable, "-m", module, ...]`, and begins anything else as ever."""

    def _execute_child(self, *how: Any) -> None:
        """All that a start may ask for, in the order in which Popen hands it on."""
        args, _executable, before, _close, pass_fds, cwd, env, *_windows, _shell = how[:10]
        pipes, is_own_session = how[10:16], how[-2]
        words = [str(word) for word in args]
        is_module = sys.platform == "linux" and words[:2] == [sys.executable, "-m"]
        if not is_module or before is not None or pass_fds:
            super()._execute_child(*how)  # type: ignore[misc]  # not in the stubs
            return
        environment = dict(os.environ if env is None else env)
        folder = Path(cwd or Path.cwd())
        start = Start(words[2], words[3:], environment, str(folder), is_own_session)
        self.pid = _origin(environment, folder).start(start, _files(pipes))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


class Begun(BaseException):
    """Unwinds in a fork what the one that it is a fork of was doing."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.start = start


class ForkedAgain(subprocess.Popen[Any]):
    """Of a fork: forks what is `supervisor.again(...)`, and begins anything else as ever."""

    def _execute_child(self, *how: Any) -> None:
        args, _executable, _before, _close, _pass_fds, cwd, env = how[:7]
        words, first = [str(word) for word in args], supervisor.again()
        if words[: len(first)] != first:
            super()._execute_child(*how)  # type: ignore[misc]  # not in the stubs
            return
        environment = dict(os.environ if env is None else env)
        start = Start(first[-1], words[len(first) :], environment, str(cwd or Path.cwd()), is_own_session=False)
        sys.stdout.flush()
        sys.stderr.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, TOLD_TO_END)
        self.pid = os.fork()
        if not self.pid:
            for each in TOLD_TO_END:
                signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if not self.pid:
            for number, file in enumerate(_files(how[10:16])):
                os.dup2(file, number)
            raise Begun(start)
        self._child_created = True
        self._close_pipe_fds(*how[10:16])  # type: ignore[attr-defined]


def _files(pipes: Sequence[int]) -> tuple[int, int, int]:
    """What a child has as its standard input, output and errors."""
    own = pipes[0], pipes[3], pipes[5]
    given, said, erred = (number if at < 0 else at for number, at in enumerate(own))
    return given, said, erred


def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[Any]:
    """As `subprocess.run` where output is captured."""
    with Forked(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as process:
        output, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _read_schemas() -> None:
    """What each process works out once: how every record is read and written, under which number and id."""
    pinned_schemas()
    for name, event in EVENT_CODECS.items():
        schema_number(name)
        _ = event.decode, event.encode
    for output in OUTPUT_CODECS.values():
        _ = output.decode, output.encode_body


def _fork_for_each(asked: socket.socket) -> Start:
    """Returns in each fork."""
    while True:
        message, files, _, _ = socket.recv_fds(asked, MESSAGE_MAX, 3)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            if child := os.fork():
                os.write(writing, b"%d" % child)
                os._exit(0)
            asked.close()
            os.close(reading)
            os.close(writing)
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            return Start(*json.loads(message))
        os.waitpid(between, 0)
        asked.send(os.read(reading, 20))
        for file in (reading, writing, *files):
            os.close(file)


def _become(start: Start) -> None:
    os.environ.clear()
    os.environ.update(start.environment)
    os.chdir(start.folder)
    if start.is_own_session:
        os.setsid()
    if "PYTHONFAULTHANDLER" in start.environment:
        faulthandler.enable()
    sys.path[0] = start.folder
    sys.argv[1:] = start.arguments


def main() -> None:
    asked = socket.socket(fileno=int(sys.argv[1]))
    for name in IMPORTED:
        importlib.import_module(name)
    _read_schemas()
    gc.freeze()
    start: Start | None = _fork_for_each(asked)
    subprocess.Popen = ForkedAgain  # type: ignore[misc]
    while start:
        start = _done(start)


def _done(start: Start) -> Start | None:
    """What a fork of it is to do, there."""
    _become(start)
    try:
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)
    except Begun as begun:
        return begun.start
    return None


if __name__ == "__main__":
    main()
