"""A simulated ERP as a process, which can be killed and started again on its books."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from simulation.servers.server import Server, get


class ErpServer(Server):
    """`arguments` as `milepost simulate-erp` takes them, such as --kind netsuite --trouble lost=30."""

    name: ClassVar[str] = "erp"
    start_seconds: ClassVar[float] = 60

    def __init__(
        self, folder: Path, arguments: Sequence[str] = (), port: int | None = None, owner: int | None = None
    ) -> None:
        super().__init__(folder, port, owner)
        self._arguments = arguments

    @property
    def accounts(self) -> Path:
        return self.folder / "accounts.toml"

    def command(self) -> list[str]:
        place = ["--folder", str(self.folder), "--port", str(self.port)]
        return [sys.executable, "-m", "milepost", "simulate-erp", *place, *self._arguments]

    def answers(self) -> bool:
        return self.accounts.exists() and get(self.port, "/simulated/counts")[0] == 200
