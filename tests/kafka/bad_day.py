"""A firm whose events come while intake, accounting and view serve it, each under its supervisor; and what must hold in the end.

Nobody does anything by hand: a supervisor that ended by itself would be a person called.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson
from confluent_kafka import OFFSET_BEGINNING

from connectors.kafka.partitions import read_to_end
from connectors.kafka.published import published
from connectors.kafka.registry import SchemaIds, schema_ids
from connectors.kafka.settings import RegistrySettings
from connectors.project_views import view_of
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from tests import forked
from tests.chaos.hanging import all_places, still_open
from tests.chaos.processes import Worker
from tests.chaos.producing import Producing
from tests.chaos.site import Site, settled
from tests.chaos.verdict import judged
from tests.chaos.watching import Watching
from tests.kafka.firm import ROOT
from tests.servers.kafka import Broker

SHARDS: Final = 2
TRANSACTION_TIMEOUT: Final = 3.0
PATIENCE: Final = 600.0
SEED: Final = 4
EVENTS_A_SECOND: Final = 400
READER_SECONDS: Final = 1.0
DATAFLOWS: Final = ("intake", "accounting", "view")
VIEWS: Final = "project.views"
NONE: Final[Mapping[str, Any]] = {}


class BadDay:
    """`site` has its topics. By process: `within` is a command that runs it, `settings` are its own file, `more` its own settings."""

    def __init__(
        self,
        site: Site,
        events: int,
        *,
        redis: RedisSettings | None = None,
        dataflows: Sequence[str] = DATAFLOWS,
        within: Mapping[str, Sequence[str]] = NONE,
        settings: Mapping[str, Path] = NONE,
        more: Mapping[str, Sequence[str]] = NONE,
    ) -> None:
        self.site = site
        self.events = events
        self.redis = redis
        self.watching = Watching(site)
        self.producing = Producing(site, SEED, events, events / EVENTS_A_SECOND, hostile=3)
        self.workers = {
            name: self._worker(name, within.get(name, ()), settings.get(name, site.settings_file), more.get(name, ()))
            for name in dataflows
        }
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        self._ending.callback(self._end)
        self.watching.start()
        self.producing.start()
        for worker in self.workers.values():
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            for worker in self.workers.values():
                print(f"--- {worker.name}\n{worker.tail()}")
        self._ending.close()

    # The course of the day

    def produce(self, number: int) -> None:
        """So many events in all from now on."""
        self.producing.allow(number)

    def taken(self, number: int) -> None:
        """Waits until so many events, and the hostile messages among them, are taken in and folded: nothing is under way."""
        inputs = self.producing.inputs_of(number)
        self.until(lambda: self.watching.taken >= inputs and self._is_folded())

    def ended_all(self) -> None:
        """Waits until no transaction is open: their last partitions may have their marks a moment after the first."""
        self.until(lambda: not still_open(self.site, all_places(self.site)))

    def taken_about(self, number: int) -> None:
        """Waits until so many events are taken in; there is work under way."""
        inputs = self.producing.inputs_of(number)
        self.until(lambda: self.watching.taken >= inputs)

    def said(self, name: str, words: str, times: int = 1) -> None:
        """Waits until a process has said it, so many times."""
        self.until(lambda: self.log_of(name).count(words) >= times)

    def log_of(self, name: str) -> str:
        log = self.workers[name].log
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def until(self, happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
        last = time.monotonic() + seconds
        while not happened():
            for fault in (self.watching.fault, self.producing.fault):
                assert fault is None, f"the reader or the producer failed: {fault!r}"
            for worker in self.workers.values():
                assert worker.is_running, f"{worker.name} needs a person"
            assert time.monotonic() < last, f"did not happen within {seconds:g} s; {self.watching.taken} taken in"
            time.sleep(0.05)

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the process that works."""
        assert self.workers[name].send(number), f"{name} is not there"

    # The end of it

    def check(self, store: Path | None = None) -> None:
        """Ends everybody when all is taken in and folded: outputs are those of the plain loop, the log is what was sent, Redis holds
        the newest. `store` is where this process sees the store of one that was on a disk of its own.
        """
        self.produce(self.events)
        self.until(lambda: self.producing.is_done)
        self.taken(self.events)
        if "view" in self.workers:
            newest = newest_views(self.site)
            assert newest
            self.until(lambda: in_redis(self.redis) == newest)
        for worker in self.workers.values():
            worker.stop()
            ended = worker.keep_going()
            assert ended is not None
            assert ended.code == 0, str(ended)
        self._await_reader()
        self.watching.end()
        if store is not None:
            shutil.copytree(store, self.site.folder / "store", dirs_exist_ok=True)
        found = judged(
            self.site, self.watching.seen, self.producing.sent, self.producing.hostile, [], [], is_settled=True
        )
        assert [(each.name, each.faults[:3]) for each in found if not each.holds] == []

    def _await_reader(self) -> None:
        """Until nothing new has come to it for a while."""
        before = -1
        while before != self.watching.count:
            before = self.watching.count
            time.sleep(READER_SECONDS)

    def _is_folded(self) -> bool:
        return all(self.watching.folded[shard] >= number for shard, number in enumerate(self.watching.following))

    def _end(self) -> None:
        for worker in self.workers.values():
            worker.kill_whole()
        if self.watching.is_alive():
            self.watching.end()

    def _worker(self, name: str, within: Sequence[str], settings: Path, more: Sequence[str]) -> Worker:
        told = ["--settings", str(settings), *(part for each in more for part in ("--set", each))]
        shards = ["--all-shards"] if name == "accounting" else []
        return Worker(
            name, ["milepost", "serve", name, *told, *shards], self.site.folder, supervised=True, within=within
        )


def site_on(broker: Broker, folder: Path, more: str = "") -> Site:
    """With its topics; `more` stands after the settings of the file."""
    folder.mkdir(exist_ok=True)
    made = settled(folder, broker, SHARDS, TRANSACTION_TIMEOUT)
    with made.settings_file.open("a", encoding="utf-8") as file:
        file.write(more)
    return made


class Registered(Site):
    """Its producers write the ids of a registry."""

    ids: SchemaIds

    @property
    def schemas(self) -> SchemaIds:
        return self.ids


def registered(site: Site, url: str, folder: Path) -> Registered:
    """With the schemas registered, and the registry in the settings."""
    text = site.settings_file.read_text(encoding="utf-8")
    site.settings_file.write_text(text.replace("fixed_ids = true", f'url = "{url}"'), encoding="utf-8")
    ran = milepost("schemas", "register", "--settings", str(site.settings_file))
    assert ran.returncode == 0, ran.stderr
    made = Registered(*site)
    made.ids = schema_ids(RegistrySettings(url=url), site.kafka.prefix, folder / "ids.json", print)
    return made


def milepost(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run([sys.executable, "-m", "milepost", *arguments], cwd=ROOT, text=True)


def redis_section(settings: RedisSettings) -> str:
    return f'\n[redis]\nurl = "{settings.url}"\nprefix = "{settings.prefix}"\n'


def newest_views(site: Site) -> dict[str, Any]:
    """As the topic has them."""
    topic = site.names.shared(VIEWS)
    consumer = site.clients.consumer()
    try:
        found = read_to_end(consumer, {(topic, shard): OFFSET_BEGINNING for shard in range(site.kafka.partitions)})
    finally:
        consumer.close()
    outputs = [published(message) for messages in found.values() for message in messages]
    views = [view_of(one.type_name, one.body) for one in outputs]
    return {view.project_id: orjson.loads(view.json) for view in views}


def in_redis(settings: RedisSettings | None) -> dict[str, Any]:
    assert settings is not None, "who has a view has a Redis"
    model = ReadModel(settings)
    try:
        return {project: model.view(project) for project in model.project_ids()}
    finally:
        model.close()
