"""Where the read model is; a section of the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RedisSettings(BaseModel):
    """`password_file` holds the password of the ACL user, so that none stands in the settings.

    In a Redis cluster the prefix needs a hash tag, `{milepost}:`, since one call writes many keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 6379
    database: Annotated[int, Field(ge=0, le=15)] = 0
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_{}-]{1,64}:$")] = "milepost:"
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
