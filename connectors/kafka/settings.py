"""Where the brokers are and how they are spoken to; a section of the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

GENERATION_PATTERN: Final = r"^[A-Za-z0-9_-]{1,32}$"
PREFIX_PATTERN: Final = r"^([A-Za-z0-9][A-Za-z0-9_-]{0,62}[.])?$"


class KafkaSettings(BaseModel):
    """`security` goes to librdkafka as it is (`security.protocol`, `sasl.mechanism`, `ssl.ca.location`, ...);
    `security_files` names files that hold a value, so that no secret stands in the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brokers: str = "127.0.0.1:9092"
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN)] = ""
    generation: Annotated[str, Field(pattern=GENERATION_PATTERN)] = "1"
    partitions: Annotated[int, Field(ge=1, le=1024)] = 16
    input_partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    replication: Annotated[int, Field(ge=1, le=9)] = 3
    min_in_sync: Annotated[int, Field(ge=1, le=9)] = 2
    transaction_timeout_seconds: Annotated[float, Field(ge=1, le=900)] = 60.0
    request_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0
    buffer_kib: Annotated[int, Field(ge=1_024, le=1_048_576)] = 16_384
    security: Mapping[str, str] = {}
    security_files: Mapping[str, Path] = {}
