"""What tables of settings have in common."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import get_args
from urllib.parse import SplitResult

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A table of settings: every key is known, and messages never repeat a value, for it may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _name_places(cls, given: object) -> object:
        """A path of no words would be the folder here."""
        for name, value in given.items() if isinstance(given, Mapping) else ():
            field = cls.model_fields.get(name)
            named = value.values() if isinstance(value, Mapping) else (value,)
            if field is not None and Path in (field.annotation, *get_args(field.annotation)) and "" in named:
                raise ValueError(f"{name}: expected a path, got (nothing)")
        return given


def has_port(url: SplitResult) -> bool:
    """Whether it has one that there can be, or none."""
    try:
        return url.port is None or url.port > 0
    except ValueError:
        return False


def is_loopback(host: str | None) -> bool:
    """Whether it is this machine itself."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
