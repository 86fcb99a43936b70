"""What tables of settings have in common."""

import ipaddress

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of settings: every key is known, and messages never repeat a value, for it may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def is_loopback(host: str | None) -> bool:
    """Whether it is this machine itself."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
