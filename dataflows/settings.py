"""What the dataflows are given; sections of the settings file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from connectors.section import Section

MIB = 1024 * 1024


class StoreSettings(Section):
    """Where a process keeps what it could make again."""

    folder: Path = Field(
        Path("milepost-store"),
        description="Stores of the shards, intake's cache, ids of schemas. One process at a time; losing it costs time only.",
    )


class IntakeSettings(Section):
    """How intake takes events in."""

    batch_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        2_000, description="Events of one transaction, at most."
    )
    batch_bytes: Annotated[int, Field(ge=MIB, le=64 * MIB)] = Field(4 * MIB, description="Their bytes, at most.")
    midnight_wait_minutes: Annotated[int, Field(ge=1, le=120)] = Field(
        120,
        description="How long a day's end waits for events that stood on the topics at midnight; then the exception "
        "`intake_behind` is raised.",
    )
    commit_seconds: Annotated[float, Field(ge=0, le=10)] = Field(
        0.025, description="Once the topics are read to their ends, intake commits at most this often."
    )
    days_at_once: Annotated[int, Field(ge=1, le=3_660)] = Field(
        5,
        description="Days that may pass while intake stands still and nothing comes: a long weekend. Where it would be more, "
        "intake stops (code 32), as clocks may have jumped; raise it where the date is right.",
    )
    accepted_topics: Mapping[str, str] = Field(
        {},
        description="Event topics that were deleted and made again, each with the id that the stop named: everything that "
        "the old one held was taken in, and the new one is read from its beginning.",
    )


class AccountingSettings(Section):
    """How the log is folded, and which shards this process takes."""

    batch_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        2_000, description="Log records of one transaction, at most."
    )
    batch_bytes: Annotated[int, Field(ge=MIB, le=64 * MIB)] = Field(4 * MIB, description="Their bytes, at most.")
    batch_engagements: Annotated[int, Field(ge=1, le=100_000)] = Field(
        500, description="Engagements that one transaction touches, at most."
    )
    commit_seconds: Annotated[float, Field(ge=0, le=10)] = Field(
        0.04, description="Once its log is read to the end, a shard commits at most this often."
    )
    store_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        1.0,
        description="How long a shard's store may be behind its outputs; where much waits for it, it follows sooner. After a crash the "
        "events between are processed again, and their outputs compared with those on the topics.",
    )
    idle_seconds: Annotated[float, Field(ge=0.001, le=1)] = Field(
        0.01, description="How long a shard waits before it asks again whether something has come."
    )
    cache_engagements_kib: Annotated[int, Field(ge=1_024)] = Field(
        98_304,
        description="Memory for engagements that stay decoded, 25 to 70 kB each; divided among the shards of the process, as all caches "
        "are. Where more are worked on than fit, an event costs up to half as much again.",
    )
    cache_rows_kib: Annotated[int, Field(ge=1_024)] = Field(
        49_152, description="Memory for rows of entries that stay decoded, 5 kB each."
    )
    cache_pages_kib: Annotated[int, Field(ge=1_024)] = Field(24_576, description="Pages of stores in memory.")
    processes: Annotated[int, Field(ge=1, le=1024)] = Field(1, description="How many processes share the shards.")
    process: Annotated[int, Field(ge=0, le=1023)] = Field(
        0, description="Which of them this is, from 0: it takes the shards whose number modulo `processes` is this."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.process >= self.processes:
            raise ValueError(f"process is {self.process}, expected less than processes, {self.processes}")
        return self

    def shards(self, partitions: int) -> tuple[int, ...]:
        """That this process takes; none where there are more processes than partitions."""
        return tuple(range(self.process, partitions, self.processes))


class DeliverySettings(Section):
    """Where postings and statements are delivered to."""

    accounts: Path | None = Field(
        None, description="accounts.toml: the ERP accounts, and each company's chart. None where nothing is delivered."
    )
    idle_seconds: Annotated[float, Field(ge=0.001, le=10)] = Field(
        0.2, description="How long delivery waits before it asks the topics again whether something has come."
    )


class MetricsSettings(Section):
    """Where measurements are read."""

    host: str = Field("127.0.0.1", description="Address that is listened on.")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(0, description="Port; 0 is none, so nothing is listened on.")
    stuck_seconds: Annotated[float, Field(ge=5, le=3_600)] = Field(
        60.0, description="A process that has work and commits nothing for so long is not well: `/healthz` says so."
    )
    addresses: tuple[str, ...] = Field(
        ("127.0.0.1:9464", "127.0.0.1:9465", "127.0.0.1:9466"),
        description="Where `milepost status` asks the processes, host:port each.",
    )

    @field_validator("addresses")
    @classmethod
    def _places(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for address in given:
            host, _, port = address.rpartition(":")
            if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
                raise ValueError("expected host:port of each process, such as 127.0.0.1:9464")
        return given
