"""How long a question takes: `milepost explain` of a sample of figures, by kind.

A figure is chosen with a seed from all that the folder's outputs hold, and asked for with nothing at hand but the index, as the command
does: find it, fold what is needed, make the tree and recompute it. The start of the process comes to that once, and is told apart.
Of one large engagement the same figures are asked for at the beginning, in the middle and at the end of its history: lines of journals and
of statements in all of it, views and forecasts as of then.
"""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks import engagement
from benchmarks.child import ROOT
from benchmarks.command import milepost
from benchmarks.machine import calibration, peak_mb
from connectors.files.figure_index import FigureIndex, delete
from connectors.files.moments import Moment
from connectors.files.written import WrittenOutput, read_file, shards
from dataflows.embedded import not_collecting
from domain.outputs import TOPICS as OUTPUT_TOPICS
from domain.outputs import BillingStatement, ExceptionRaised, ForecastUpdate, JournalEntry, Output, ProjectView
from milepost.explain.balances import FIGURES as BALANCES
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.forecasts import FIGURES as FORECASTS
from milepost.explain.ledger import ACCOUNT_FIGURES
from milepost.explain.recompute import everything, recompute
from simulation.plan import AVRO
from simulation.write import topic_files

SEED = 2026
KINDS = (JournalEntry, BillingStatement, ExceptionRaised, ProjectView, ForecastUpdate)
TARGET_SECONDS = 2.0
PLACES = ("beginning", "middle", "end")
LEAST_DAYS = 8


class Asked(NamedTuple):
    """`until`: the first log offset that is not known."""

    kind: str
    id: str
    until: int | None = None


class Answered(NamedTuple):
    """Seconds of the processor and on the clock, and how many nodes the tree has."""

    kind: str
    id: str
    cpu: float
    wall: float
    nodes: int


class Speed(NamedTuple):
    """Seconds of the processor over questions of a kind; `slowest` is the id of the one that took longest."""

    kind: str
    questions: int
    median: float
    percentile_95: float
    most: float
    over_target: int
    slowest: str


class Explaining(NamedTuple):
    """`first`: the first question of its engagement; `again`: the same one once more."""

    events: int
    starting: float
    indexing: float
    first: tuple[Speed, ...]
    again: tuple[Speed, ...]
    wrong: int
    peak_mb: float
    calibration: float


def write_giant(entries: int, folder: Path) -> None:
    """One engagement whose cap is reached in the first week, as input of a run; a small one has eight days too, so that a week is
    billed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    a_day = min(engagement.ENTRIES_A_DAY, entries // LEAST_DAYS)
    days = -(-entries // a_day)
    number = len(list(engagement.opening(engagement.CAPPED))) + days * (a_day + 1)
    with topic_files(folder, AVRO, SEED) as add:
        for event in islice(engagement.events(engagement.CAPPED, a_day), number):
            add(event)


def giant(entries: int, folder: Path) -> Explaining:
    write_giant(entries, folder / "input")
    milepost("run", "--input", folder / "input", "--output", folder / "output")
    return _measured(folder / "output", through(folder / "output"))


def measure(output: Path, questions: int) -> Explaining:
    """So many figures of each kind."""
    return _measured(output, sample(output, questions))


def _measured(output: Path, figures: Sequence[Asked]) -> Explaining:
    [shard] = shards(output)
    delete(output, shard)
    begin = process_time()
    with FigureIndex(output, shard) as index:
        index.extend(_silent)
        events = index.end
    made = process_time() - begin
    wrong = 0
    first: list[Answered] = []
    again: list[Answered] = []
    for asked in figures:
        for answers in (first, again):
            answered, holds = _ask(output, asked)
            answers.append(answered)
            wrong += not holds
    return Explaining(events, _start(), round(made, 2), _speeds(first), _speeds(again), wrong, peak_mb(), calibration())


def _ask(output: Path, asked: Asked) -> tuple[Answered, bool]:
    gc.collect()
    cpu, wall = process_time(), perf_counter()
    moment = Moment(offset=asked.until) if asked.until is not None else None
    with not_collecting(), Explanations(output, _silent, moment) as explanations:
        found = explanations.explain(asked.id)
        holds = isinstance(found, Explained) and not found.differences and not recompute(found.node)
    spent = process_time() - cpu, perf_counter() - wall
    nodes = sum(1 for _ in everything(found.node)) if isinstance(found, Explained) else 0
    return Answered(asked.kind, asked.id, *spent, nodes), holds


def _silent(_what: str, _done: int, _of: int) -> None:
    """Nobody is told how far the index is."""


def _start() -> float:
    """Seconds on the clock until the command can begin: a question that needs no books."""
    begin = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "milepost", "explain", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
    )
    return round(perf_counter() - begin, 2)


def sample(output: Path, questions: int) -> list[Asked]:
    random = Random(SEED)
    kept: dict[str, list[Asked]] = defaultdict(list)
    met: dict[str, int] = defaultdict(int)
    for asked in _figures(output):
        met[asked.kind] += 1
        if len(kept[asked.kind]) < questions:
            kept[asked.kind].append(asked)
        elif (place := random.randrange(met[asked.kind])) < questions:
            kept[asked.kind][place] = asked
    return [asked for kind in sorted(kept) for asked in kept[kind]]


def through(output: Path) -> list[Asked]:
    """The first, the middle and the last of each kind of figure."""
    known: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for written in _written(output):
        record, until = written.record, written.position.log_offset + 1
        match record:
            case JournalEntry():
                known["journal line"].append((f"{record.journal_id}#1/ledger", None))
            case BillingStatement():
                known["statement line"] += [
                    (f"{record.statement_id}#{at}", None) for at, _ in enumerate(record.lines, 1)
                ]
            case ProjectView():
                known["view"].append((f"{record.project_id}#recognised", until))
            case ForecastUpdate() if record.project.eac_cost is not None:
                known["forecast"].append((f"{record.project_id}#eac_cost", until))
            case _:
                pass
    places = ((kind, found, (0, len(found) // 2, -1)) for kind, found in sorted(known.items()))
    return [
        Asked(f"{kind}, {place}", *found[at])
        for kind, found, chosen in places
        for place, at in zip(PLACES, chosen, strict=True)
    ]


def _figures(output: Path) -> Iterator[Asked]:
    latest: dict[tuple[str, str], Output] = {}
    entries: dict[str, None] = {}
    accounts: set[tuple[str, str, str]] = set()
    for record in (written.record for written in _written(output)):
        match record:
            case JournalEntry():
                for number, line in enumerate(record.lines, 1):
                    yield Asked("journal line", f"{record.journal_id}#{number}/ledger")
                    accounts.add((record.legal_entity_id, record.period, line.account))
                if record.affected_kind == "time_entry":
                    entries[record.affected_id] = None
            case BillingStatement():
                yield Asked("statement", record.statement_id)
                for number in range(1, len(record.lines) + 1):
                    yield Asked("statement line", f"{record.statement_id}#{number}")
            case ExceptionRaised() if record.blocks_amount:
                latest["exception", record.exception_id] = record
            case ProjectView() | ForecastUpdate():
                latest[type(record).__name__, record.project_id] = record
            case _:
                pass
    for entry_id in entries:
        yield Asked("time entry", entry_id)
    for entity_id, period, account in sorted(accounts):
        for name in ACCOUNT_FIGURES:
            yield Asked("account", f"{entity_id}/{period}/{account}#{name}")
    for (kind, _), known in latest.items():
        yield from _latest(kind, known)


def _latest(kind: str, record: Output) -> Iterator[Asked]:
    match record:
        case ExceptionRaised():
            yield Asked(kind, f"{record.exception_id}#amount")
        case ProjectView():
            yield Asked("burn", f"{record.project_id}#hours")
            for balance in record.balances:
                whose = f"{record.project_id}/{balance.contract_id}" if len(record.balances) > 1 else record.project_id
                for name in BALANCES:
                    yield Asked("balance", f"{whose}#{name}")
        case ForecastUpdate():
            for name in FORECASTS:
                if getattr(record if name == "percent_complete" else record.project, name) is not None:
                    yield Asked("forecast", f"{record.project_id}#{name}")
        case _:
            pass


def _written(output: Path) -> Iterator[WrittenOutput]:
    for shard in shards(output):
        for topic in sorted({OUTPUT_TOPICS[kind.__name__] for kind in KINDS}):
            yield from read_file(output, topic, shard)


def _speeds(answers: Sequence[Answered]) -> tuple[Speed, ...]:
    """By kind, and of all together."""
    kinds: dict[str, list[Answered]] = defaultdict(list)
    for answered in answers:
        kinds[answered.kind].append(answered)
        kinds["all"].append(answered)
    return tuple(_speed(kind, kinds[kind]) for kind in sorted(kinds))


def _speed(kind: str, answers: Sequence[Answered]) -> Speed:
    inorder = sorted(answers, key=lambda answered: answered.cpu)
    last = inorder[-1]
    return Speed(
        kind,
        len(inorder),
        round(median(answered.cpu for answered in inorder), 3),
        round(inorder[min(len(inorder) - 1, len(inorder) * 95 // 100)].cpu, 3),
        round(last.cpu, 3),
        sum(answered.cpu > TARGET_SECONDS for answered in inorder),
        last.id,
    )
