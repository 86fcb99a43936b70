"""Where Redis is; a section of the settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from connectors.section import Section, has_port


class RedisSettings(Section):
    """What `view` writes for others to read; the password stands in a file."""

    url: str = Field(
        "redis://127.0.0.1:6379/0", description="`redis://host:port/db`, or `rediss://` for TLS; no credentials in it."
    )
    username: str = Field("", description="User of its ACL; empty is the default user.")
    password_file: Path | None = Field(None, description="File with the password.")
    ca_file: Path | None = Field(None, description="Certificates that are trusted, instead of the system's.")
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9{][A-Za-z0-9_.:{}-]{0,62}$")] = Field(
        "milepost:",
        description="Stands before every key; its user needs no other keys. In a Redis cluster with a hash tag: `{milepost}:`.",
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        5.0, description="The longest that an answer may take."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        found = urlsplit(self.url)
        is_place = found.hostname and has_port(found) and (found.path.removeprefix("/") or "0").isdecimal()
        if found.scheme not in {"redis", "rediss"} or not is_place:
            raise ValueError("url: expected redis://host:port/db or rediss://host:port/db")
        if found.username is not None or found.password is not None or found.query:
            raise ValueError("url: has credentials or options in it; use username and password_file")
        return self

    def password(self) -> str | None:
        """Read again each time. Raises OSError."""
        return None if self.password_file is None else self.password_file.read_text(encoding="utf-8").strip()
