"""A server as a process of its own on the loopback address, with a folder for its data and its log.

    with Broker(folder) as broker:
        broker.kill()
        broker.restart()    # on the same port, with the same data

A server ends when the process that started it ends, however that ends.
"""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from tests.forked import Forked

HOST: Final = "127.0.0.1"
STOP_SECONDS: Final = 20
PAUSE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 30.0
TAIL_LINES: Final = 30
# Below those that a system gives to the one who connects: such a one could be taken before its server has it.
PORTS: Final = range(15_000, 30_000)

_RESERVED: Final[list[socket.socket]] = []

# Looks every three seconds whether the process $0 still lives, and kills the group $1 when it does not.
LEASH: Final = 'while kill -s 0 -- "-$1"; do kill -s 0 "$0" || kill -s KILL -- "-$1"; sleep 3; done'


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the text ends with the tail of its log."""


class Server(ABC):
    """`owner` is the process at whose end the server is killed, this one by default."""

    name: ClassVar[str]
    start_seconds: ClassVar[float] = 240

    def __init__(self, folder: Path, port: int | None = None, owner: int | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.log = self.folder / f"{self.name}.log"
        self._owner = owner or os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What to run."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does what it is there for; asked until it does."""

    def prepare(self) -> None:  # noqa: B027
        """Write what the command reads; called before each start."""

    def environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def pid(self) -> int:
        """Also that of its process group."""
        if self._process is None:
            raise ServerFailed(f"{self.name} on port {self.port} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Return when it answers."""
        if self.running:
            raise ServerFailed(f"{self.name} runs already, on port {self.port}")
        if listens(self.port):
            raise ServerFailed(f"{self.name} wants port {self.port} of {HOST}, and something else listens there")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with self.log.open("ab") as log:
            self._process = Forked(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._leash = leash(self._owner, self.pid)
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not within `STOP_SECONDS`; nothing when it does not run."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self.kill()

    def kill(self) -> None:
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        if self._leash is not None:
            self._leash.kill()
            self._leash.wait()
            self._leash = None

    def pause(self) -> None:
        """It stands still, all of its threads, with its connections open, until `resume`."""
        self._signal(signal.SIGSTOP)
        until = time.monotonic() + PAUSE_SECONDS
        tasks = Path(f"/proc/{self.pid}/task")
        while tasks.is_dir() and not all(_stands_still(task) for task in tasks.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """On the same port and data."""
        self.stop()
        self.start()

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log_text().splitlines()[-TAIL_LINES:])

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + self.start_seconds
        while not self.answers():
            if (code := self._process.poll()) is not None:
                raise ServerFailed(f"{self.name} ended with {code} instead of answering; {self.log}:\n{self.tail()}")
            if time.monotonic() > until:
                raise ServerFailed(
                    f"{self.name} gave no answer in {self.start_seconds:.0f} s; {self.log}:\n{self.tail()}"
                )
            time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def leash(owner: int, group: int) -> subprocess.Popen[bytes]:
    """A process group is killed when its owner has ended; what looks after it ends with the group."""
    command, nothing = ["sh", "-c", LEASH, str(owner), str(group)], subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def end(pid: int) -> None:
    """Stop a server that another process started and that may have outlived it."""
    for number, seconds in ((signal.SIGCONT, 0), (signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
        until = time.monotonic() + seconds
        while not _gone(pid) and time.monotonic() < until:
            time.sleep(0.05)


def _gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def free_port() -> int:
    """One that nothing listens on now, and that `free_port` gives to nobody else before this process has ended."""
    while True:
        port = secrets.choice(PORTS)
        if not reserved(port):
            continue
        with socket.socket() as one, suppress(OSError):
            one.bind((HOST, port))
            return port


def reserved(port: int) -> bool:
    """Whether it is this process's from now on: held as a name that Linux gives once, and takes back when its holder ends."""
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0milepost-port-{port}")
    except OSError:
        name.close()
        return False
    _RESERVED.append(name)
    return True


def listens(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((HOST, port)) == 0


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of an HTTP answer; status 0 where none comes."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _stands_still(task: Path) -> bool:
    """By the kernel's word for it; a thread that has ended meanwhile does."""
    try:
        return (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in "TtXZ"
    except OSError:
        return True
