"""Milepost's spine beside its peers, on one broker, in one turn: `python -m benchmarks.peers --write`.

Each peer does the reference job (`job.py`) in a process of its own, over the same two logs. What it takes is processor time,
user and system, of its process; the difference of the two logs leaves out what starting takes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from venv import EnvBuilder

from benchmarks.child import ROOT, Failed
from benchmarks.machine import machine
from benchmarks.peers import spine
from benchmarks.peers.entries import fill, last_sums, made_topics
from benchmarks.peers.job import COMMIT_MS, OUTPUT_SCHEMA, ProjectHours, Task, read_hours
from benchmarks.peers.page import Cost, page
from connectors.avro_codec import EVENT_CODECS
from connectors.log_records import LOG_RECORD
from tests.servers.fetched import java
from tests.servers.kafka import Broker

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "PEERS.md"
BUILD: Final = ROOT / "build" / "peers"
QUIX: Final = BUILD / "quix-environment"
STREAMS: Final = BUILD / "streams"
SIZES: Final = (100_000, 1_100_000)


class Peer(NamedTuple):
    """How it is started, and how one of its outputs is read."""

    name: str
    command: Callable[[Task], Sequence[str]]
    topic: Callable[[Task], str] = lambda task: task.hours
    read: Callable[[bytes], ProjectHours] = read_hours


def by_python(module: str, python: str = sys.executable) -> Callable[[Task], Sequence[str]]:
    return lambda task: (python, "-m", f"benchmarks.peers.{module}", *map(str, task))


def by_java(task: Task) -> Sequence[str]:
    return java(), "-cp", f"{STREAMS}/*", "milepost.peers.Streams", *map(str, task), str(STREAMS), str(COMMIT_MS)


PEERS: Final = (
    Peer("plain", by_python("plain_loop")),
    Peer("spine", by_python("spine"), spine.topic_of, spine.read_output),
    Peer("quix", by_python("quix", str(QUIX / "bin" / "python"))),
    Peer("streams", by_java),
)


def prepare(names: Sequence[str]) -> None:
    """Builds what the peers need that Milepost does not: an environment of Quix Streams, and the program in Java."""
    if "quix" in names and not QUIX.exists():
        EnvBuilder(with_pip=True).create(QUIX)
        pip = [str(QUIX / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _called([*pip, "--require-hashes", "-r", str(HERE / "requirements.txt")])
    if "streams" in names:
        _called(["mvn", "-B", "-q", "-ntp", "-f", str(HERE / "streams" / "pom.xml"), f"-Dfolder={BUILD}", "package"])
        read = {"LogRecord": LOG_RECORD, "TimeApproved": EVENT_CODECS["TimeApproved"].schema}
        for name, schema in {**read, "ProjectHours": OUTPUT_SCHEMA}.items():
            (STREAMS / f"{name}.avsc").write_text(json.dumps(schema), encoding="utf-8")


def seconds_of(peer: Peer, task: Task) -> float:
    """Of the processor, user and system. Raises Failed."""
    process = subprocess.Popen(peer.command(task), cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{peer.name}: ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def measured(brokers: str, prefix: str, peers: Sequence[Peer], sizes: Sequence[int], rounds: int) -> dict[str, Cost]:
    """By peer, the lowest of all rounds. Raises Failed where one ends with a fault or sums differ."""
    logs = {size: fill(brokers, f"{prefix}-{size}", size) for size in sizes}
    spent: dict[tuple[str, int], float] = {}
    for number in range(rounds):
        for size in sizes:
            sums: dict[str, Mapping[str, ProjectHours]] = {}
            for peer in peers:
                task = Task(brokers, logs[size], size, f"{prefix}-{peer.name}-{size}-{number}")
                made_topics(task)
                seconds = seconds_of(peer, task)
                spent[peer.name, size] = min(seconds, spent.get((peer.name, size), seconds))
                sums[peer.name] = last_sums(brokers, peer.topic(task), peer.read)
                _say(f"{peer.name}: {size:,} entries, {seconds:.1f} s of the processor")
            _check_equal(sums, size)
    small, large = min(sizes), max(sizes)
    return {
        peer.name: Cost.between((small, spent[peer.name, small]), (large, spent[peer.name, large])) for peer in peers
    }


def _check_equal(sums: Mapping[str, Mapping[str, ProjectHours]], entries: int) -> None:
    for name, found in sums.items():
        if sum(one.entries for one in found.values()) != entries or found != next(iter(sums.values())):
            raise Failed(f"{name}: its sums over {entries:,} entries are not those of {next(iter(sums))}")


def _called(command: Sequence[str]) -> None:
    ended = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own command
    if ended.returncode:
        raise Failed(f"{' '.join(command)}: ended with {ended.returncode}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--sizes", nargs=2, type=int, default=SIZES, help="entries of the two logs")
    parser.add_argument("--rounds", type=int, default=2, help="the lowest figure of all counts")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args(arguments)
    prepare(asked.peers)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="milepost-peers-")))
        broker = held.enter_context(Broker(folder / "kafka", tuned=True))
        chosen = [peer for peer in PEERS if peer.name in asked.peers]
        costs = measured(broker.bootstrap, "peers", chosen, asked.sizes, asked.rounds)
    for name, cost in costs.items():
        print(f"{name}: {cost}")
    if asked.write:
        text = page(costs, machine(), datetime.now(UTC).date(), asked.sizes, asked.rounds)
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
