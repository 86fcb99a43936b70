"""What tables of settings have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of settings: every key is known, and messages never repeat a value, for it may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
