"""Servers to develop against: `python -m tests.servers` runs a broker and a registry until it is stopped, `fetch` brings them.

With --redis and --prometheus those run beside them. `python -m tests.servers kafka-transactions ...` is one of Kafka's own commands.
"""

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

from tests.servers.fetched import ROOT, Missing, fetch, program
from tests.servers.kafka import Broker
from tests.servers.kept_classes import keep_classes
from tests.servers.prometheus import Prometheus
from tests.servers.redis import RedisServer
from tests.servers.registry import Registry
from tests.servers.server import HOST, Server, ServerFailed
from tests.servers.tools import TOOLS, run_tool, tool_of

RULES = ROOT / "monitoring" / "rules.yml"


def main(arguments: Sequence[str]) -> int:
    try:
        if arguments and (tool := tool_of(arguments[0])) is not None:
            return run_tool(tool, arguments[1:])
        asked = _parser().parse_args(arguments)
        if asked.verb == "fetch":
            fetch()
            keep_classes()
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
    for name in ("redis-server",) * asked.redis + ("prometheus",) * asked.prometheus:
        program(name)
    broker = Broker(asked.data / "kafka", asked.kafka_port, tuned=asked.tuned)
    registry = Registry(asked.data / "registry", asked.registry_port)
    told = {f"bootstrap.servers={broker.bootstrap}": broker, f"schema.registry.url={registry.url}": registry}
    told |= _besides(asked)
    servers: tuple[Server, ...] = tuple(told.values())
    with ExitStack() as running:
        try:
            for server in servers:
                running.enter_context(server)
            for line in told:
                _say(line)
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


def _besides(asked: argparse.Namespace) -> dict[str, Server]:
    """What views and measurements need, by the line that says where it is."""
    found: dict[str, Server] = {}
    if asked.redis:
        redis = RedisServer(asked.data / "redis", asked.redis_port)
        found[f"redis.url={redis.url}"] = redis
    if asked.prometheus:
        pages = [f"{HOST}:{port}" for port in asked.metrics_port]
        prometheus = Prometheus(asked.data / "prometheus", asked.prometheus_port, targets=pages, rules=[RULES])
        found[f"prometheus.url={prometheus.url}"] = prometheus
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers", description=__doc__, epilog=f"Kafka's commands: {', '.join(TOOLS)}"
    )
    parser.add_argument("verb", nargs="?", choices=["run", "fetch"], default="run")
    parser.add_argument("--data", type=Path, default=Path("build/kafka"), help="kept from one run to the next")
    parser.add_argument("--fresh", action="store_true", help="begin with nothing")
    parser.add_argument("--tuned", action="store_true", help="for measuring: a larger heap, all of Java's optimisation")
    parser.add_argument("--kafka-port", type=int, default=9092)
    parser.add_argument("--registry-port", type=int, default=8081)
    parser.add_argument("--redis", action="store_true", help="run Redis besides")
    parser.add_argument("--redis-port", type=int, default=6379)
    parser.add_argument("--prometheus", action="store_true", help="run Prometheus besides, with Milepost's alerts")
    parser.add_argument("--prometheus-port", type=int, default=9090)
    parser.add_argument(
        "--metrics-port", type=int, nargs="+", default=[9464], help="of the metrics pages that Prometheus reads"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
