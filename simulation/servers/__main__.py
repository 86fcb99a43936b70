"""Servers to develop against: `python -m simulation.servers` runs a broker and a registry until it is stopped, `fetch` brings them."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from simulation.servers.fetched import Missing, fetch
from simulation.servers.kafka import Broker
from simulation.servers.registry import Registry
from simulation.servers.server import Server, ServerFailed


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        if asked.verb == "fetch":
            fetch()
            return 0
        return _run(asked)
    except (Missing, ServerFailed) as failed:
        sys.stderr.write(f"{failed}\n")
        return 1


def _run(asked: argparse.Namespace) -> int:
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if asked.fresh:
        shutil.rmtree(asked.data, ignore_errors=True)
    broker = Broker(asked.data / "kafka", asked.kafka_port, tuned=asked.tuned)
    registry = Registry(asked.data / "registry", asked.registry_port)
    servers: tuple[Server, ...] = (broker, registry)
    with ExitStack() as running:
        try:
            for server in servers:
                running.enter_context(server)
            _say(f"bootstrap.servers={broker.bootstrap}")
            _say(f"schema.registry.url={registry.url}")
            _say(f"data and logs in {asked.data}; Ctrl-C stops")
            while all(server.running for server in servers):
                stopped.wait(0.5)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _say("stopping")
            return 0
        ended = next(server for server in servers if not server.running)
        raise ServerFailed(f"{ended.name} ended by itself; {ended.log}:\n{ended.tail()}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulation.servers", description=__doc__)
    parser.add_argument("verb", nargs="?", choices=["run", "fetch"], default="run")
    parser.add_argument("--data", type=Path, default=Path("build/kafka"), help="kept from one run to the next")
    parser.add_argument("--fresh", action="store_true", help="begin with nothing")
    parser.add_argument("--tuned", action="store_true", help="for measuring: a larger heap, all of Java's optimisation")
    parser.add_argument("--kafka-port", type=int, default=9092)
    parser.add_argument("--registry-port", type=int, default=8081)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
