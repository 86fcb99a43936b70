"""How accounting works through its logs; a section of the settings file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class AccountingSettings(BaseModel):
    """`batch_*` bound a batch in flight. Where logs are read to their end a shard commits at most every `commit_seconds`.

    `cache_*` are for a process, and divided among its shards: engagements and rows of entries that stay decoded, and
    pages of stores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_records: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    batch_bytes: Annotated[int, Field(ge=1_048_576, le=67_108_864)] = 4_194_304
    batch_engagements: Annotated[int, Field(ge=1, le=100_000)] = 500
    commit_seconds: Annotated[float, Field(ge=0, le=10)] = 0.05
    idle_seconds: Annotated[float, Field(ge=0.001, le=1)] = 0.01
    cache_engagements: Annotated[int, Field(ge=100)] = 2_000
    cache_rows: Annotated[int, Field(ge=100)] = 5_000
    cache_pages_kib: Annotated[int, Field(ge=1_024)] = 24_576
