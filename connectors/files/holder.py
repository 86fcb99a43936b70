"""The token by which a store knows that it was the last to be used, beside the store; what was used last is said elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from connectors.files.writing import replace_file


class LockToken:
    """One line, or two while it changes: whichever of both the other side has, the store is the last."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self) -> list[str]:
        try:
            return self._path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            return []

    def renew(self, say: Callable[[str], None]) -> None:
        """`say` tells the other side, and returns when that has it."""
        token = uuid4().hex
        self._keep([*self.known()[:1], token])
        say(token)
        self._keep([token])

    def _keep(self, tokens: list[str]) -> None:
        replace_file(self._path, "\n".join(tokens).encode() + b"\n")
