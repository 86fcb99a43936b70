"""Runs one kind of source, moves the clock of this process while the source is idle, and ends when it was asked often enough since.

python -m tests.dataflows.sources_with_moved_clock KIND FILE SECONDS
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.run import cli_main

from operators import accounting, intake
from operators.polling import CalledSink, PolledSource

ASKED_BEFORE = 5
ASKED_SINCE = 20


class Asked:
    """Something to read that has nothing, whoever asks."""

    def __init__(self) -> None:
        self.count = 0
        self.most = sys.maxsize

    def nothing(self, *_: Any) -> Sequence[Any]:
        self.count += 1
        return ()

    def read(self, *_: Any) -> Any:
        time.sleep(0.01)
        self.count += 1
        return None

    def is_over(self) -> bool:
        return self.count > self.most

    def is_wanted(self) -> bool:
        return not self.is_over()


class _Log:
    def __init__(self, asked: Asked) -> None:
        self.read = asked.nothing


class _Shard:
    position = (0, "")

    def __init__(self, number: int) -> None:
        self.number = number


def polled(asked: Asked) -> Source[Any]:
    return PolledSource(asked.nothing, asked.is_over)


def log(asked: Asked) -> Source[Any]:
    turns: list[Any] = [accounting.AccountingTurn(_Log(asked), _Shard(number), None) for number in (0, 1)]  # type: ignore[arg-type]
    reading = accounting.Reading(idle_seconds=0.01)
    return accounting.LogSource(accounting.Steps(turns, accounting.Faults()), asked.is_wanted, reading)


def inputs(asked: Asked) -> Source[Any]:
    return intake.InputSource(intake.IntakeTurn(asked, accounting.Faults(), asked.is_wanted))  # type: ignore[arg-type]


SOURCES: dict[str, Callable[[Asked], Source[Any]]] = {each.__name__: each for each in (polled, log, inputs)}


def main(kind: str, file: str, seconds: str) -> None:
    asked = Asked()

    def move() -> None:
        while asked.count < ASKED_BEFORE:
            time.sleep(0.01)
        before = time.time()
        with Path(file).open("r+b") as opened:
            opened.write(struct.pack("d", float(seconds)))
        print(f"the clock moved by {time.time() - before:.0f} s")
        asked.most = asked.count + ASKED_SINCE

    Thread(target=move, daemon=True).start()
    flow = Dataflow("idle")
    op.output("nowhere", op.input("source", flow, SOURCES[kind](asked)), CalledSink(lambda _: None))
    cli_main(flow)


if __name__ == "__main__":
    main(*sys.argv[1:])
