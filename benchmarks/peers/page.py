"""`PEERS.md`: what each peer costs, and what it does for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple, Self

from benchmarks.machine import Machine

HERE: Final = Path(__file__).parent
MILLION: Final = 1_000_000


class Cost(NamedTuple):
    """Microseconds of the processor an event, and seconds of it before the first one."""

    event: float
    start: float

    @classmethod
    def between(cls, small: tuple[int, float], large: tuple[int, float]) -> Self:
        """From two runs, each so many events in so many seconds."""
        event = (large[1] - small[1]) / (large[0] - small[0])
        return cls(event * MILLION, small[1] - event * small[0])

    def __str__(self) -> str:
        return f"{self.event:.1f} us an event, {self.start:.1f} s to start"


TITLES: Final = {
    "plain": "a plain loop over confluent-kafka",
    "spine": "Milepost's spine",
    "quix": "Quix Streams, exactly once",
    "streams": "Kafka Streams, exactly once (v2)",
}
DOES: Final = {
    "plain": "Offsets and outputs in one transaction. Nothing else: who starts it again has lost the sums, a lost or doubled record "
    "passes, and an output does not say what it follows from.",
    "spine": "Each record's number is checked against the one before; each output has its position, number and CloudEvents headers; "
    "chains over all input and all output; progress in the transaction of the outputs. After a crash it looks at what "
    "readers see, folds again and compares byte for byte. The sums are in memory and made again from the log.",
    "quix": "Sums in RocksDB, with a changelog topic; changelog, outputs and offsets in one transaction.",
    "streams": "The same in Java. What the JVM's compiler takes stands mostly in the start: a short run costs far more an event.",
}


def page(costs: Mapping[str, Cost], on: Machine, day: date, sizes: Sequence[int], rounds: int) -> str:
    rows = [
        f"| {TITLES[name]} | {cost.event:.1f} | {cost.start:.1f} | {DOES[name]} |"
        for name, cost in sorted(costs.items(), key=lambda each: each[1].event)
    ]
    return f"""# Milepost's spine beside others

Measured on {day} by `python -m benchmarks.peers --write`, which writes this page, so run it again rather than edit it. One broker,
one topic, each in its turn: read a time entry (Avro in Avro, as the engagement log has it), add it to the hours of its
project, write one output for each entry, exactly once. The spine is all that `milepost serve accounting` runs but the
accounting: `benchmarks/peers/spine.py` puts the sum in its place.

| | us of processor an event | s to start | what it does |
| --- | --- | --- | --- |
{chr(10).join(rows)}

Processor time is user and system time of the process, the client's threads included, the broker's not. Two logs of
{min(sizes):,} and {max(sizes):,} entries: their difference is the cost of an event, what is left of the smaller one the start;
rounds: {rounds}, of which the lowest counts. All wrote one output for each entry, counted without a gap by a reader of
committed records, and the same sums. Python peers share one Avro reader, Milepost's own; a loop with fastavro's would
take longer. Peers commit every 100 ms, the spine every 2,000 records at most.

- {on.processor}, {on.cores} cores, {on.memory_gb:g} GB, {on.system}; calibration {on.calibration} ms: divide by it to compare
  with other machines and days ([RESULTS.md](RESULTS.md))
- Python {on.python}, bytewax {version("bytewax")}, confluent-kafka {version("confluent-kafka")}
- Quix Streams {_pinned("quixstreams")} with confluent-kafka {_pinned("confluent-kafka")}
- Kafka Streams {_built("kafka.version")} and Avro {_built("avro.version")}; `benchmarks/peers/streams/pom.xml` pins them

It needs Java 17, Maven and a network for the first run: jars go to `build/peers`, Quix Streams into an environment there, from
`benchmarks/peers/requirements.txt`. A quick look: `python -m benchmarks.peers --peers plain spine --sizes 20000 220000 --rounds 1`.
"""


def _pinned(package: str) -> str:
    text = (HERE / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    assert found is not None, f"requirements.txt names {package}"
    return found[1]


def _built(name: str) -> str:
    text = (HERE / "streams" / "pom.xml").read_text(encoding="utf-8")
    found = re.search(rf"<{name}>([^<]+)<", text)
    assert found is not None, f"pom.xml names {name}"
    return found[1]
