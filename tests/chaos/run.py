"""One run: events are produced and taken in, processes fold them, everything is disturbed, and in the end the log decides."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from milepost.operate import supervisor
from state import guards
from tests.chaos.disturbances import Stage, programme
from tests.chaos.hanging import end_left_out, places_of_intake, places_of_shards
from tests.chaos.processes import Ended, Worker
from tests.chaos.producing import Producing
from tests.chaos.site import BROKER, Site, settled
from tests.chaos.verdict import Invariant, judged
from tests.chaos.watching import Watching
from tests.servers.kafka import Broker

TICK_SECONDS: Final = 0.05
# The longest that a worker may do nothing although there is something to do.
STUCK_SECONDS: Final = 300.0
SETTLE_SECONDS: Final = 600.0
READER_SECONDS: Final = 2.0
# What part of the time production takes.
PRODUCING: Final = 0.75
TRANSACTION_TIMEOUT: Final = 3.0

Tell = Callable[[str], None]


class Plan(NamedTuple):
    """What is asked for; `each_once` is the short form."""

    seed: int
    events: int
    shards: int
    minutes: float
    each_once: bool
    hostile: int


class Outcome(NamedTuple):
    invariants: Sequence[Invariant]
    reached: Sequence[str]
    disturbances: int
    ends: Sequence[Ended]
    outputs: int
    seconds: float


class Broken(AssertionError):
    """The run itself failed, not what it looks at."""


class Stuck(AssertionError):
    """A process goes on without getting any further."""


def run(plan: Plan, folder: Path, tell: Tell) -> Outcome:
    """Raises Stuck and Broken where it makes no sense to go on; whatever it started has ended then."""
    began = time.monotonic()
    with ExitStack() as ending:
        broker = ending.enter_context(Broker(folder / "kafka", settings=BROKER))
        site = settled(folder, broker, plan.shards, TRANSACTION_TIMEOUT)
        course = Course(plan, site, tell)
        ending.callback(course.end)
        course.disturb()
        is_settled = course.settle()
        tell("everything is told to end; the log is read once and folded by a plain loop")
        course.stop()
        invariants = judged(
            site,
            course.watching.seen,
            course.producing.sent,
            course.producing.hostile,
            course.everybody,
            course.needs_person(),
            is_settled,
        )
        ends = [ended for worker in course.everybody for ended in worker.ended]
        return Outcome(
            invariants,
            sorted(course.stage.reached),
            course.count,
            ends,
            course.watching.count,
            time.monotonic() - began,
        )


class Course:
    """Who takes part, and how far it is."""

    def __init__(self, plan: Plan, site: Site, tell: Tell) -> None:
        self.plan = plan
        self.site = site
        self.count = 0
        self._tell = tell
        self._began = time.monotonic()
        self._chance = Random(plan.seed)
        settings = ["--settings", str(site.settings_file)]
        shards = [",".join(map(str, range(first, plan.shards, 2))) for first in (0, 1)]
        serve = ["milepost", "serve", "accounting", *settings, "--shards"]
        clock = site.environment
        self.accounting = [
            Worker("accounting-1", [*serve, shards[0]], site.folder, supervised=True, environment=clock),
            Worker("accounting-2", [*serve, shards[1]], site.folder, environment=clock),
        ]
        self.intake = Worker("intake", ["milepost", "serve", "intake", *settings], site.folder, environment=clock)
        self.workers = [self.intake, *self.accounting]
        self.watching = Watching(site)
        seconds = plan.minutes * 60 * PRODUCING
        self.producing = Producing(site, plan.seed, plan.events, seconds, plan.hostile)
        self._kafkas: list[Ended] = []
        self._stood = {worker.name: 0 for worker in self.workers}
        self.stage = Stage(
            site,
            self.accounting,
            self.intake,
            [],
            self._chance,
            self._one_of_accounting,
            self._await_taken_over,
            self._await_progress,
            self._produce_more,
            self._shards_of,
            set(),
        )

    @property
    def everybody(self) -> list[Worker]:
        """Also whom a disturbance has brought."""
        return [*self.workers, *self.stage.beside]

    # The course of a run

    def disturb(self) -> None:
        """Each at a moment that is drawn, and only after some progress since the last."""
        drawn = programme(self._chance, each_once=self.plan.each_once)
        step = self.plan.events * 0.9 / len(drawn)
        moments = [round(step * (number + self._chance.uniform(0.2, 0.8))) for number in range(len(drawn))]
        self.watching.start()
        self.producing.start()
        for worker in self.workers:
            worker.start()
        for moment, what in zip(moments, drawn, strict=True):
            self.producing.allow(round(moment + step))
            self._produce_more()
            self._until(partial(self._has_taken, moment), f"{moment:,} events taken in")
            self._until(lambda: self._is_ready(self.intake), "progress of intake")
            told = what(self.stage)
            self._stood = {worker.name: self._progress_of(worker) for worker in self.workers}
            self.count += 1
            self._say(f"{self.count:3}. {told}")

    def settle(self) -> bool:
        """Everything that was produced is taken in and folded, within its time."""
        self.producing.allow(self.plan.events)
        self._until(lambda: self.producing.is_done, "everything produced", self.plan.minutes * 60 + STUCK_SECONDS)
        self._say(f"nothing is disturbed any more; {self.plan.events:,} events are produced")
        try:
            self._until(self._is_settled, "everything folded", SETTLE_SECONDS)
        except Stuck as stuck:
            self._say(str(stuck))
            return False
        return True

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()
            self._note(worker.collect())
        self._await_reader()
        self.watching.end()
        self._check_threads()

    def end(self) -> None:
        """Whatever happened."""
        for worker in self.everybody:
            worker.kill_whole()
        if self.watching.is_alive():
            self.watching.end()

    def needs_person(self) -> list[str]:
        """Ends after which somebody would have had to look; who has no supervisor is started again, also when it was fenced.

        Where Kafka itself has left a transaction open somebody did.
        """
        return [
            str(ended)
            for worker in self.everybody
            for ended in worker.ended
            if ended.code in supervisor.FOR_A_PERSON
            and (worker.supervised or ended.code != guards.FENCED)
            and not any(ended is each for each in self._kafkas)
        ]

    # Waiting

    def _until(self, happened: Callable[[], bool], what: str, seconds: float = 0.0) -> None:
        """Keeps everybody going meanwhile. Raises Stuck where nothing moves."""
        longest = seconds or STUCK_SECONDS
        until, before = time.monotonic() + longest, self._standing()
        while not happened():
            self._check_threads()
            for worker in self.everybody:
                self._keep_going(worker)
            time.sleep(TICK_SECONDS)
            if not seconds and (now := self._standing()) != before:
                until, before = time.monotonic() + longest, now
            if time.monotonic() > until:
                for worker in self.everybody:
                    worker.send(signal.SIGABRT)
                    worker.send(signal.SIGCONT)
                time.sleep(1)
                raise Stuck(f"waited for {what} for {longest:g} seconds without progress\n{self._tails()}")

    def _await_reader(self) -> None:
        """Until nothing new has come to it for a while."""
        before = -1
        while before != self.watching.count:
            before = self.watching.count
            time.sleep(READER_SECONDS)

    def _standing(self) -> tuple[int, int]:
        return self.watching.taken, sum(self.watching.folded.values())

    def _await_taken_over(self, worker: Worker) -> None:
        """It says so of each of its shards."""
        said = [f"shard {shard}: goes on at record " for shard in self._shards_of(worker)]
        self._until(lambda: all(each in worker.tail() for each in said), f"{worker.name} to take over its shards")

    def _await_progress(self, worker: Worker) -> None:
        """It has committed something from now on, unless there is nothing left for it to do."""
        before = self._progress_of(worker)
        self._produce_more()
        is_done = self._has_taken_all if worker is self.intake else self._is_settled
        self._until(lambda: self._progress_of(worker) > before or is_done(), f"progress of {worker.name}")

    def _produce_more(self) -> None:
        """From what was sent on, so that something comes: what is known to be taken lags behind, and the last disturbance may
        have let more come than the next one waits for.
        """
        self.producing.allow(len(self.producing.sent) + self.plan.events // 50)

    def _one_of_accounting(self) -> Worker:
        """One that is at work and has committed something since the last disturbance; a supervisor may be waiting meanwhile."""
        self._until(lambda: any(map(self._is_ready, self.accounting)), "progress of accounting")
        return self._chance.choice([worker for worker in self.accounting if self._is_ready(worker)])

    def _is_ready(self, worker: Worker) -> bool:
        is_done = self._has_taken_all() if worker is self.intake else self._is_settled()
        return is_done or (worker.pid != 0 and self._progress_of(worker) > self._stood[worker.name])

    def _progress_of(self, worker: Worker) -> int:
        if worker is self.intake:
            return self.watching.taken
        return sum(self.watching.folded[shard] for shard in self._shards_of(worker))

    def _shards_of(self, worker: Worker) -> list[int]:
        return [int(each) for each in worker.arguments[worker.arguments.index("--shards") + 1].split(",")]

    def _has_taken(self, least: int) -> bool:
        return self.watching.taken >= least

    def _has_taken_all(self) -> bool:
        return self.producing.is_done and self.watching.taken >= self.plan.events + len(self.producing.hostile)

    def _has_folded_all(self) -> bool:
        following = self.watching.following
        return all(self.watching.folded[shard] >= number for shard, number in enumerate(following))

    def _is_settled(self) -> bool:
        return self._has_taken_all() and self._has_folded_all()

    def _keep_going(self, worker: Worker) -> None:
        """Where Kafka has left a transaction open for ever, that is ended first, as the runbook says."""
        ended = worker.keep_going()
        self._note(ended)
        if ended is not None and ended.code == guards.HANGING_TRANSACTION:
            of_intake = worker is self.intake
            places = places_of_intake(self.site) if of_intake else places_of_shards(self.site, self._shards_of(worker))
            if found := end_left_out(self.site, places):
                self._kafkas.append(ended)
                self.stage.reached.add("Kafka left a transaction open, which was ended as the runbook says")
                self._say(f"     Kafka left a transaction open on {', '.join(f'{at[0]}-{at[1]}' for at in found)}")

    # Telling

    def _note(self, ended: Ended | None) -> None:
        if ended is not None:
            self._say(f"     {ended}")

    def _say(self, what: str) -> None:
        taken, folded = self._standing()
        self._tell(f"{time.monotonic() - self._began:6.1f} s  {taken:9,} taken in  {folded:9,} folded  {what}")

    def _check_threads(self) -> None:
        for fault in (self.watching.fault, self.producing.fault):
            if fault is not None:
                raise Broken(f"the reader or the producer failed: {fault!r}") from fault

    def _tails(self) -> str:
        return "\n".join(f"--- {worker.name}\n{worker.tail()}" for worker in self.everybody)
