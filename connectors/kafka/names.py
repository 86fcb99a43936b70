"""What topics and transactional ids are called. Topics of our own carry the generation of the log; what others write and read does not."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from connectors.kafka.settings import KafkaSettings

ENGAGEMENT_LOG: Final = "engagement.log"
DIRECTORY: Final = "directory"
PROGRESS: Final = "shard.progress"
OVERRIDES: Final = "overrides"
DELIVERY: Final = "delivery"
DEAD_LETTERS: Final = "dead-letters"
FORECAST_CURRENT: Final = "forecast.current"
# The key of the log's first record. Keys of engagements are text without control characters, so none of them is this one.
GENESIS_KEY: Final = b"\x00genesis"
# The header with a record's number in its partition of the log.
NUMBER_HEADER: Final = "n"


class Names(NamedTuple):
    """`prefix` ends with a dot where there is one."""

    prefix: str
    generation: str

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        return cls(settings.prefix, settings.generation)

    def shared(self, topic: str) -> str:
        """A topic that producers write or readers read."""
        return f"{self.prefix}{topic}"

    @property
    def log(self) -> str:
        return self.own(ENGAGEMENT_LOG)

    @property
    def directory(self) -> str:
        return self.own(DIRECTORY)

    @property
    def progress(self) -> str:
        return self.own(PROGRESS)

    @property
    def overrides(self) -> str:
        return self.own(OVERRIDES)

    def shard_writer(self, shard: int) -> str:
        """The transactional id of the one who writes a shard's outputs; who takes it fences who had it.

        It is that of every generation, as all of them write to the same output topics: the first start of a new one ends the old.
        """
        return f"{self.prefix}milepost/{shard}"

    @property
    def delivery(self) -> str:
        return self.own(DELIVERY)

    def delivery_writer(self, erp: str) -> str:
        """The transactional id of what delivers to an ERP account; of every generation, as all of them deliver to the same books."""
        return f"{self.prefix}milepost/delivery/{erp}"

    @property
    def delivery_group(self) -> str:
        return f"{self.prefix}milepost.delivery"

    @property
    def intake_writer(self) -> str:
        return f"{self.prefix}milepost/intake"

    @property
    def intake_group(self) -> str:
        """The consumer group under which lag tools find how far intake is."""
        return f"{self.prefix}milepost.intake.{self.generation}"

    def own(self, topic: str) -> str:
        """A topic of one generation of the log."""
        return f"{self.prefix}{topic}.{self.generation}"
