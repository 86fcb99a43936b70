"""The reference job of the peers, on a real broker; how fast any of them is, no test says."""

from __future__ import annotations

from benchmarks.peers import spine
from benchmarks.peers.__main__ import PEERS, measured
from benchmarks.peers.entries import fill, last_sums, made_topics
from benchmarks.peers.job import Task
from benchmarks.peers.page import Cost
from tests.servers.kafka import Broker


def test_spine_and_plain_loop_come_to_the_same_sums(broker: Broker, own_name: str) -> None:
    ours = [peer for peer in PEERS if peer.name in {"plain", "spine"}]
    costs = measured(broker.bootstrap, own_name, ours, (500, 3_000), 1)
    assert set(costs) == {"plain", "spine"}


def test_the_spine_started_again_goes_on_behind_its_outputs(broker: Broker, own_name: str) -> None:
    """Its sums are made again from the log; nothing is written twice."""
    log = fill(broker.bootstrap, own_name, 9_000)
    task = Task(broker.bootstrap, log, 1_000, f"{own_name}-out")
    made_topics(task)
    spine.run(task)
    spine.run(task._replace(entries=9_000))
    found = last_sums(broker.bootstrap, spine.topic_of(task), spine.read_output)
    assert sum(one.entries for one in found.values()) == 9_000


def test_what_starting_takes_is_left_out_of_the_cost_of_an_event() -> None:
    assert Cost.between((100, 3.0), (300, 5.0)) == Cost(event=10_000.0, start=2.0)
