"""Views on their topic, as shards write them, from what a test says of projects."""

from __future__ import annotations

from confluent_kafka import Producer

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka.published import about, headers
from domain.outputs import CurrencyAmount, Position, ProjectView, ViewBalance, ViewBurn, ViewException, ViewForecast
from tests.kafka.firm import Site
from tests.kafka.servers import PATIENCE

TEN = 1_772_445_600_000_000  # 2026-03-02T10:00:00Z
HOUR = 3_600_000_000


def balance(contract_id: str, accrued: int) -> ViewBalance:
    """All of it unbilled."""
    return ViewBalance(contract_id, "EUR", accrued, 0, 0, accrued, 0, 0, 0, 0, accrued, accrued)


def project(project_id: str, version: int, engagement_id: str = "E-1", accrued: int = 1_000_000) -> ProjectView:
    return ProjectView(
        project_id,
        engagement_id,
        version,
        ViewBurn(8_000_000, 8_000_000, (CurrencyAmount("EUR", 4_000_000),)),
        "LE-DE",
        f"Work on {project_id}",
        (balance("C-1", accrued),),
        (f"{engagement_id}.C-1/1",),
        ViewForecast(version, 20_000_000, 30_000_000, 10_000_000, 40_000_000),
        (ViewException(f"{engagement_id}.x1", "no_rate", "delivery", 500_000, ("T-1",), "EUR"),),
        1,
    )


class ViewGiver:
    """Numbers what it writes as a shard does."""

    def __init__(self, of: Site, generation: str | None = None) -> None:
        self.of = of
        self.generation = generation or of.names.generation
        self._producer = Producer({"bootstrap.servers": of.settings.brokers})
        self._seq = 0

    def give(self, *views: ProjectView, shard: int = 0) -> None:
        topic = self.of.names.shared("project.views")
        frame = self.of.job().frame_of("project.views", "ProjectView", None)
        for view in views:
            position = Position(
                self.generation, shard, 10 + self._seq, 0, self._seq, "ev-1", TEN, TEN + self._seq * HOUR, None, "1"
            )
            body = OUTPUT_CODECS["ProjectView"].encode(position, view)
            told: list[tuple[str, str | bytes | None]] = [
                *headers(about(self.generation, shard, "ProjectView"), self._seq, self._seq - 1)
            ]
            self._producer.produce(topic, frame + body, view.project_id.encode(), partition=shard, headers=told)
            self._seq += 1
        assert self._producer.flush(PATIENCE) == 0
