"""The view dataflow: project.views in, Redis out; the newest version of each project wins.

Nothing depends on it. Where Redis is away it waits and goes on; where Redis is another than it was (emptied, put back
from an older copy) it begins again at what Redis says of itself.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from redis.exceptions import RedisError

from connectors.kafka.clients import Clients
from connectors.kafka.names import Names
from connectors.kafka.views import Views, ViewTopic
from connectors.redis.read_model import MovedElsewhere, ReadModel, is_passing, is_without_function
from operators.accounting import Faults
from operators.polling import CalledSink, PolledSource

WAIT_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# How often a quiet Redis is asked whether it still is where it was.
LOOK_SECONDS: Final = 5.0
ALONE: Final = 0

Answer = TypeVar("Answer")


def build(source: PolledSource, sink: CalledSink) -> Dataflow:
    """Every batch of views, in the order of its partition, to the read model."""
    flow = Dataflow("view")
    views = op.input("views", flow, source)
    op.output("read_model", views, sink)
    return flow


class ViewFlow:
    """From the topic to Redis until `is_over`; `tell` hears of what keeps it waiting, `on_taken` of what is kept, and
    `on_polled` each time that it was looked for more, of the topic and whether any came.
    """

    def __init__(
        self,
        clients: Clients,
        names: Names,
        model: ReadModel,
        is_over: Callable[[], bool],
        tell: Callable[[str], None],
        on_taken: Callable[[Views, int], None] | None = None,
        on_polled: Callable[[ViewTopic, bool], None] | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._clients = clients
        self._names = names
        self._model = model
        self._is_over = is_over
        self._tell = tell
        self._on_taken = on_taken
        self._on_polled = on_polled
        self._look_seconds = look_seconds
        self._look_at = 0.0
        self._is_elsewhere = True
        self._faults = Faults()
        self.topic: ViewTopic | None = None

    def flow(self) -> Dataflow:
        """For Bytewax's own command; a fault goes through the engine."""
        return build(PolledSource(self._poll, self._is_left), CalledSink(self._keep))

    def run(self) -> None:
        """Raises what the brokers refuse, and what Redis refuses for good; Redis is waited for."""
        self._faults = Faults(keep=True)
        try:
            cli_main(self.flow())
        finally:
            self.close()
        if self._faults.fault is not None:
            raise self._faults.fault

    def close(self) -> None:
        if self.topic is not None:
            self.topic.close()
            self.topic = None

    @property
    def is_filled(self) -> bool:
        """Whether Redis holds what the topic held when reading it began."""
        topic = self.topic
        return topic is not None and not self._is_elsewhere and topic.is_caught_up and topic.kept == topic.places

    def _poll(self) -> list[Views]:
        with self._faults.at(ALONE):
            return self._found()
        return []

    def _found(self) -> list[Views]:
        if self._is_elsewhere or self._was_moved():
            self._begin()
        topic = self.topic
        if topic is None or self._is_elsewhere:
            return []
        found = topic.poll()
        if found:
            self._look_later()
        if self._on_polled is not None:
            self._on_polled(topic, bool(found))
        return found

    def _begin(self) -> None:
        """Where Redis is; nothing of it where it is over before Redis answers."""
        self.close()
        places = self._answered(self._prepared)
        if places is None:
            return
        self.topic = ViewTopic(self._clients, self._names, places, self._tell)
        self._is_elsewhere = False
        self._look_later()

    def _was_moved(self) -> bool:
        """Looked for now and then while nothing comes, so that a Redis that lost all is filled although no project moves."""
        topic = self.topic
        if topic is None or time.monotonic() < self._look_at:
            return False
        found = self._answered(self._model.places)
        if found is None:
            return False
        self._look_later()
        if all(found.get(partition, "") == place for partition, place in topic.kept.items()):
            return False
        self._tell("Redis is at another place than it was; going on from where it is")
        return True

    def _look_later(self) -> None:
        self._look_at = time.monotonic() + self._look_seconds

    def _prepared(self) -> Mapping[int, str]:
        self._model.prepare()
        return self._model.places()

    def _keep(self, batch: Views) -> None:
        with self._faults.at(ALONE):
            self._take(batch)

    def _take(self, batch: Views) -> None:
        """Nothing more of what was read counts once Redis has turned out to be elsewhere."""
        topic = self.topic
        if topic is None or self._is_elsewhere:
            return
        try:
            newer = self._answered(lambda: self._model.take(batch.partition, batch.place, batch.following, batch.views))
        except MovedElsewhere as fault:
            self._is_elsewhere = True
            self._tell(f"{fault}; going on from where Redis is")
            return
        if newer is None:
            self._is_elsewhere = True
            return
        topic.kept[batch.partition] = batch.following
        if self._on_taken is not None:
            self._on_taken(batch, newer)

    def _is_left(self) -> bool:
        return self._faults.fault is not None or self._is_over()

    def _answered(self, call: Callable[[], Answer]) -> Answer | None:
        """What the call answers, made again while Redis is away; None where it is over before."""
        tried = 0
        while True:
            try:
                return call()
            except RedisError as fault:
                if is_without_function(fault):
                    self._model.prepare()
                elif not is_passing(fault):
                    raise
                if not tried:
                    self._tell(f"waiting for Redis: {fault}")
            if self._is_over():
                return None
            time.sleep(WAIT_SECONDS[min(tried, len(WAIT_SECONDS) - 1)])
            tried += 1
