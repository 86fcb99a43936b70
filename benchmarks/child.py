"""Every measurement runs in a process of its own, so that its memory is its own: `python -m benchmarks.child TASK ARGUMENT...`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from connectors.compiled import ask_for_huge_pages

ROOT = Path(__file__).resolve().parent.parent


class Failed(Exception):
    """A measurement ended with a fault; the message is its own."""


def measured(task: str, *arguments: object) -> Any:
    """What the task found, as plain values."""
    command = [sys.executable, "-m", "benchmarks.child", task, *(str(argument) for argument in arguments)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own command
    if ended.returncode:
        raise Failed(f"{' '.join(command[3:])}: ended with {ended.returncode}")
    return orjson.loads(ended.stdout.splitlines()[-1])


def _tasks() -> Mapping[str, Callable[..., object]]:
    """Imported only here, so that who starts a child stays small."""
    from benchmarks import (  # noqa: PLC0415
        accounting,
        codec,
        engagement,
        explaining,
        firm,
        grain,
        intake,
        machine,
        over_time,
        real_data,
        way,
    )

    return {
        "machine": machine.machine,
        "input": lambda entries, folder: firm.write_input(firm.size_of(int(entries)), Path(folder)),
        "intake": lambda source, folder: intake.take_in(Path(source), Path(folder)),
        "over_time": lambda firm_of, entries, folder: over_time.write(firm_of, int(entries), Path(folder)),
        "dataflow": lambda folder: accounting.by_dataflow(Path(folder)),
        "plain": lambda folder: accounting.by_plain_loop(Path(folder)),
        "stages": lambda folder: accounting.staged(Path(folder)),
        "chain": lambda folder: accounting.chain(Path(folder)),
        "engagement": lambda kind, entries, weeks, folder: engagement.measure(
            kind, int(entries), int(weeks), Path(folder)
        ),
        "late": lambda rivals, entries, folder: engagement.measure_late(int(rivals), int(entries), Path(folder)),
        "explain": lambda output, questions: explaining.measure(Path(output), int(questions)),
        "giant": lambda entries, folder: explaining.giant(int(entries), Path(folder)),
        "grain": lambda output: grain.measure(Path(output)),
        "way": lambda folder, after, entries: way.measure(Path(folder), int(after), int(entries)),
        "records": lambda samples: codec.figures(int(samples)),
        "real": lambda data, limit, folder: real_data.measure(Path(data), int(limit), Path(folder)),
    }


def main() -> None:
    ask_for_huge_pages()
    task, *arguments = sys.argv[1:]
    sys.stdout.buffer.write(orjson.dumps(_plain(_tasks()[task](*arguments))) + b"\n")


def _plain(value: Any) -> Any:
    """Named tuples as objects, so that a name says what a figure is."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


if __name__ == "__main__":
    main()
