"""Secrets stand in files or in the environment; settings say where, and messages say where, never what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator

from connectors.section import Section

# A private key has less than 4 KB; more is not a secret but the wrong file.
LARGEST_SECRET: Final = 65_536

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class CredentialsMissing(Exception):
    """A secret is not where it was looked for; the message names the place."""


class SecretPlace(Section):
    """Where a secret stands: `{file = "/run/secrets/key"}` or `{env = "ERP_KEY"}`."""

    file: Path | None = None
    env: EnvironmentName | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError('expected either {file = "/path"} or {env = "NAME"}')
        return self

    def __str__(self) -> str:
        return f"the environment's {self.env}" if self.file is None else f"the file {self.file}"

    def read(self) -> SecretStr:
        """As it stands now, so that a secret that was rotated counts at the next use. Raises CredentialsMissing."""
        if self.file is None:
            found = os.environ.get(self.env or "", "")
        else:
            try:
                with self.file.open(encoding="utf-8") as opened:
                    found = opened.read(LARGEST_SECRET + 1)
            except (OSError, UnicodeDecodeError) as fault:
                why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
                raise CredentialsMissing(f"expected a secret in {self}: {why}") from None
            if len(found) > LARGEST_SECRET:
                raise CredentialsMissing(f"expected a secret in {self}: it has more than {LARGEST_SECRET} characters")
        if not (found := found.strip()):
            raise CredentialsMissing(f"expected a secret in {self}: it is empty or not there")
        return SecretStr(found)
