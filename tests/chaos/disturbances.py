"""What is done to processes, stores and the broker; each comes back as it was, and nobody repairs anything by hand."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from connectors.kafka.names import Names
from connectors.kafka.partitions import Place
from state import guards
from tests.chaos.hanging import all_places, await_all_ended, places_of_intake, places_of_shards
from tests.chaos.processes import Ended, Worker
from tests.chaos.site import Site
from tests.chaos.watching import await_broadcast

BROADCAST_SECONDS: Final = 15.0
# Pages of a store that are overwritten, and with how much.
DAMAGES: Final = 12
DAMAGE_BYTES: Final = 64
# A broker that stands still for so much longer than a transaction may take.
ASLEEP_MARGIN_SECONDS: Final = 1.5
# What was sent before everybody stood still has arrived.
SETTLED_SECONDS: Final = 1.0
FENCED_SECONDS: Final = 20.0
# Less than a run waits for progress: calls into Kafka's client that wait at this moment wait by the wall clock, and so much longer.
SET_BACK_SECONDS: Final = 40.0
SQLITE_FILES: Final = ("", "-wal", "-shm", "-pages")


class Stage(NamedTuple):
    """Who and what there is to disturb; `beside` are workers that a disturbance has brought.

    `one_of_accounting` gives a worker that has committed something since the last disturbance, `await_taken_over` waits until
    one that is new has its shards, `await_progress` until one has committed more; `produce_more` lets events come in any case.
    """

    site: Site
    accounting: Sequence[Worker]
    intake: Worker
    beside: list[Worker]
    chance: Random
    one_of_accounting: Callable[[], Worker]
    await_taken_over: Callable[[Worker], None]
    await_progress: Callable[[Worker], None]
    produce_more: Callable[[], None]
    shards_of: Callable[[Worker], Sequence[int]]
    reached: set[str]


Disturbance = Callable[[Stage], str]


def _signal(worker: Worker, number: signal.Signals) -> str:
    return f"{number.name} to {worker.name}" if worker.send(number) else f"{worker.name} was away already"


# Accounting


def accounting_killed(stage: Stage) -> str:
    return _signal(stage.one_of_accounting(), signal.SIGKILL)


def accounting_told_to_end(stage: Stage) -> str:
    return _signal(stage.one_of_accounting(), signal.SIGTERM)


def supervisor_killed(stage: Stage) -> str:
    worker = next(each for each in stage.accounting if each.supervised)
    worker.kill_whole()
    return f"the supervisor of {worker.name} is killed; its process ends by itself"


def accounting_asleep(stage: Stage) -> str:
    worker = stage.one_of_accounting()
    return _asleep(stage, worker, places_of_shards(stage.site, stage.shards_of(worker)))


def _asleep(stage: Stage, worker: Worker, places: Sequence[Place]) -> str:
    """Whatever it had open is ended by the brokers meanwhile."""
    began = time.monotonic()
    told = _signal(worker, signal.SIGSTOP)
    await_all_ended(stage.site, places, stage.site.transaction_timeout)
    worker.send(signal.SIGCONT)
    return f"{told}, and SIGCONT after {time.monotonic() - began:.1f} s"


def zombie(stage: Stage) -> str:
    """A process stands still, another takes its shards on another disk, the first one wakes up: it must write nothing."""
    asleep = next(each for each in stage.accounting if not each.supervised)
    elsewhere = stage.site.folder / "elsewhere"
    name = f"{asleep.name}-elsewhere-{len(stage.beside) + 1}"
    arguments = [*asleep.arguments, "--set", f"store.folder={elsewhere}"]
    other = Worker(name, arguments, stage.site.folder, environment=stage.site.environment)
    stage.await_progress(asleep)
    if not asleep.send(signal.SIGSTOP):
        return f"{asleep.name} was away already"
    stage.beside.append(other)
    try:
        stage.await_taken_over(other)
        stage.await_progress(other)
        asleep.send(signal.SIGCONT)
        stage.produce_more()
        ended = _ended_within(asleep, FENCED_SECONDS)
        if ended is None:
            return f"SIGSTOP to {asleep.name}, a successor on another disk, SIGCONT: it has had nothing to write"
        if ended.code == guards.FENCED:
            stage.reached.add("a zombie was fenced")
        return f"SIGSTOP to {asleep.name}, a successor on another disk, SIGCONT: {ended}"
    finally:
        other.retire()
        stage.reached.add("shards were taken over by another process")
        shutil.rmtree(elsewhere, ignore_errors=True)


def _ended_within(worker: Worker, seconds: float) -> Ended | None:
    """It is not started again meanwhile."""
    until = time.monotonic() + seconds
    while (ended := worker.collect()) is None and time.monotonic() < until:
        time.sleep(0.05)
    return ended


def shards_moved(stage: Stage) -> str:
    """Both processes end, and each goes on with the other's shards."""
    one, two = stage.accounting
    exchange_shards(one, two)
    return f"{one.name} and {two.name} end and exchange their shards"


def exchange_shards(one: Worker, two: Worker) -> None:
    """Neither runs; each is started with the other's shards by the one who keeps it going."""
    for worker in (one, two):
        worker.stop()
        worker.collect()
    at = one.arguments.index("--shards") + 1
    one.arguments[at], two.arguments[at] = two.arguments[at], one.arguments[at]


def shard_store_deleted(stage: Stage) -> str:
    worker, shard = _killed_with_shard(stage)
    shutil.rmtree(stage.site.shard_store(shard), ignore_errors=True)
    return f"SIGKILL to {worker.name}, the store of shard {shard} is deleted"


def shard_store_damaged(stage: Stage) -> str:
    worker, shard = _killed_with_shard(stage)
    return f"SIGKILL to {worker.name}, the store of shard {shard}: {_damage(stage, stage.site.shard_store(shard) / 'books.db')}"


def shard_store_older(stage: Stage) -> str:
    """A copy is taken, some progress is made, and the copy is put in its place."""
    worker, shard = _killed_with_shard(stage)
    folder, kept = stage.site.shard_store(shard), stage.site.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    if not folder.is_dir():
        return f"SIGKILL to {worker.name}, whose shard {shard} had no store yet"
    shutil.copytree(folder, kept)
    worker.start()
    stage.await_progress(worker)
    _kill(worker)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return f"SIGKILL to {worker.name} twice, the store of shard {shard} is that of the first time"


def _killed_with_shard(stage: Stage) -> tuple[Worker, int]:
    worker = stage.one_of_accounting()
    _kill(worker)
    there = [shard for shard in stage.shards_of(worker) if stage.site.shard_store(shard).is_dir()]
    return worker, stage.chance.choice(there or list(stage.shards_of(worker)))


def _kill(worker: Worker) -> None:
    """Also the supervisor, which would start the process again while its store is in our hands."""
    worker.kill_whole()
    worker.collect()


def _damage(stage: Stage, file: Path) -> str:
    size = file.stat().st_size if file.exists() else 0
    if size == 0:
        return "is not there, so it cannot be damaged"
    with file.open("r+b") as opened:
        for _ in range(DAMAGES):
            opened.seek(stage.chance.randrange(max(size - DAMAGE_BYTES, 1)))
            opened.write(stage.chance.randbytes(DAMAGE_BYTES))
    return f"{DAMAGES} times {DAMAGE_BYTES} bytes are overwritten"


# Intake


def intake_killed(stage: Stage) -> str:
    return _signal(stage.intake, signal.SIGKILL)


def intake_told_to_end(stage: Stage) -> str:
    return _signal(stage.intake, signal.SIGTERM)


def intake_asleep(stage: Stage) -> str:
    return _asleep(stage, stage.intake, places_of_intake(stage.site))


def intake_killed_in_broadcast(stage: Stage) -> str:
    """As soon as the first of the records for all partitions is on one of them."""
    found = await_broadcast(stage.site, BROADCAST_SECONDS)
    _signal(stage.intake, signal.SIGKILL)
    if found is None:
        return "SIGKILL to intake; no broadcast came meanwhile"
    if not _is_committed(stage.site, *found):
        stage.reached.add("intake died within a broadcast")
    return f"SIGKILL to intake within a broadcast: partition {found[0]} has offset {found[1]}"


def _is_committed(site: Site, partition: int, offset: int) -> bool:
    stable, _ = site.clients.last_stable(Names.of(site.kafka).log, partition)
    return stable > offset


def intake_store_deleted(stage: Stage) -> str:
    _kill(stage.intake)
    shutil.rmtree(stage.site.intake_store, ignore_errors=True)
    return "SIGKILL to intake, its store is deleted"


def intake_store_damaged(stage: Stage) -> str:
    _kill(stage.intake)
    return f"SIGKILL to intake, its store: {_damage(stage, stage.site.intake_store / 'intake.db')}"


def intake_store_older(stage: Stage) -> str:
    _kill(stage.intake)
    folder, kept = stage.site.intake_store, stage.site.folder / "kept-intake"
    shutil.rmtree(kept, ignore_errors=True)
    if not folder.is_dir():
        return "SIGKILL to intake, which had no store yet"
    shutil.copytree(folder, kept)
    stage.intake.start()
    stage.await_progress(stage.intake)
    _kill(stage.intake)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return "SIGKILL to intake twice, its store is that of the first time"


# The broker


def broker_killed(stage: Stage) -> str:
    stage.site.broker.kill()
    stage.site.broker.start()
    return "SIGKILL to the broker, which starts again"


def broker_restarted(stage: Stage) -> str:
    """While everybody stands still and every transaction has run out: see tests/chaos/hanging.py."""
    workers = (*stage.accounting, stage.intake)
    for worker in workers:
        worker.send_whole(signal.SIGSTOP)
    await_all_ended(stage.site, all_places(stage.site), SETTLED_SECONDS)
    stage.site.broker.restart()
    for worker in workers:
        worker.send_whole(signal.SIGCONT)
    return "the broker ends in order while everybody stands still, and starts again"


def broker_asleep(stage: Stage) -> str:
    seconds = stage.site.transaction_timeout + ASLEEP_MARGIN_SECONDS
    stage.site.broker.pause()
    time.sleep(seconds)
    stage.site.broker.resume()
    return f"SIGSTOP to the broker, and SIGCONT after {seconds:g} s"


# The clock


def clock_set_back(stage: Stage) -> str:
    """Of all processes at once, while they run."""
    assert stage.site.clock is not None, "processes of a run have a clock that can be moved"
    stage.site.clock.move(-SET_BACK_SECONDS)
    for worker in (stage.intake, *stage.accounting):
        stage.await_progress(worker)
    stage.reached.add("work went on after the clock was set back")
    return f"the clock of all processes is set back by {SET_BACK_SECONDS:g} s"


# How often each is done in a run of the full length; the short form does each once.
OFTEN: Final[Mapping[Disturbance, int]] = {
    accounting_killed: 10,
    accounting_told_to_end: 3,
    accounting_asleep: 3,
    supervisor_killed: 1,
    zombie: 2,
    shards_moved: 1,
    shard_store_deleted: 3,
    shard_store_damaged: 3,
    shard_store_older: 2,
    intake_killed: 6,
    intake_told_to_end: 1,
    intake_asleep: 2,
    intake_killed_in_broadcast: 4,
    intake_store_deleted: 2,
    intake_store_damaged: 2,
    intake_store_older: 1,
    broker_killed: 3,
    broker_restarted: 2,
    broker_asleep: 1,
    clock_set_back: 2,
}


def programme(chance: Random, *, each_once: bool) -> list[Disturbance]:
    drawn = [what for what, often in OFTEN.items() for _ in range(1 if each_once else often)]
    chance.shuffle(drawn)
    return drawn
