"""Brokers that are away are told of once in a while and not as often as a client tries to reach them."""

from __future__ import annotations

import logging
import subprocess
import sys

from connectors.kafka.client_log import OncePerMinute
from tests.commands.documents import ROOT

REFUSED = (
    "[thrd:{0}:9092/bootstrap]: {0}:9092/bootstrap: Connect to ipv4#{0}:9092 failed: Connection refused "
    "(after {1}ms in state CONNECT)"
)
GONE = "[thrd:{0}:9092/1]: {0}:9092/1: Disconnected: connection closed by peer (after {1}ms in state UP)"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def line(client: int, text: str, broker: str = "10.0.0.1", after: int = 0) -> logging.LogRecord:
    args = ("FAIL", f"milepost#consumer-{client}", text.format(broker, after))
    return logging.LogRecord("x", logging.ERROR, "", 0, "%s [%s] %s", args, None)


def test_lines_that_are_alike_are_told_once_a_minute_with_how_many_were_not() -> None:
    """Of four clients that try fifty times, 200 lines: one is told, and after a minute one with the 199 others."""
    clock = Clock()
    calm = OncePerMinute(clock)
    told = [calm.filter(line(client, REFUSED, after=tried)) for tried in range(50) for client in range(4)]
    assert (told[0], sum(told)) == (True, 1)
    clock.now += 59
    assert not calm.filter(line(1, REFUSED))
    clock.now += 1
    last = line(2, REFUSED)
    assert calm.filter(last)
    assert last.getMessage() == (
        "Kafka's client: FAIL [milepost#consumer-2] 10.0.0.1:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: "
        "Connection refused (after 0ms in state CONNECT) (200 lines like it since the last one that was told)"
    )


def test_another_broker_and_another_reason_are_told_at_once() -> None:
    calm = OncePerMinute(Clock())
    assert calm.filter(line(1, REFUSED))
    assert calm.filter(line(1, REFUSED, "10.0.0.2"))
    assert calm.filter(line(1, GONE, after=17_000))
    assert not calm.filter(line(1, GONE, after=18_000))


def test_connections_of_one_client_to_one_broker_are_told_of_together() -> None:
    """The first, the broker's own and that of a coordinator; the client counts what it left out by itself, too."""
    calm = OncePerMinute(Clock())
    assert calm.filter(line(1, REFUSED))
    assert not calm.filter(line(1, REFUSED.replace("/bootstrap", "/1")))
    assert not calm.filter(line(1, REFUSED.replace("CONNECT)", "CONNECT, 30 identical error(s) suppressed)")))
    coordinator = "[thrd:GroupCoordinator]: GroupCoordinator: {0}:9092: Connect to ipv4#{0}:9092 failed: Connection refused (after {1}ms)"
    assert not calm.filter(line(1, coordinator))


def test_clients_of_a_process_say_it_with_the_time_and_not_by_themselves() -> None:
    """Two that look for a broker where none is, until the first is told of and for a second and a half more."""
    script = (
        "import logging, time; from connectors.kafka.client_log import NAME; from connectors.kafka.clients import KafkaClients;"
        " from connectors.kafka.settings import KafkaSettings;"
        "clients = KafkaClients(KafkaSettings(brokers='127.0.0.1:1')); both = [clients.consumer(), clients.consumer()];"
        "said = []; logging.getLogger(NAME).addFilter(lambda record: said.append(record) or True)\n"
        "while not said: [each.poll(0.05) for each in both]\n"
        "until = time.monotonic() + 1.5\n"
        "while time.monotonic() < until: [each.poll(0.05) for each in both]"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    said = done.stderr.splitlines()
    assert len(said) == 1
    time, _, rest = said[0].partition(" ")
    assert (time[4], time[10], time[-1]) == ("-", "T", "Z")
    assert rest.startswith("Kafka's client: FAIL [milepost#consumer-")
    assert "Connection refused" in rest
