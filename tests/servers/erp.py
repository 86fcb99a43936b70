"""A simulated ERP as a process, which can be killed and started again on its books."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.money import parse_amount
from simulation.erp.simulated import CONTROL
from tests.servers.server import ANSWER_SECONDS, HOST, Server, ServerFailed, get


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

    def entries(self) -> list[LedgerEntry]:
        """What stands in its books."""
        return [_entry(each) for each in self._asked("GET", "ledger")]

    def counts(self) -> dict[str, Any]:
        """`calls`, `writes`, `most_at_once`, and `troubles` that were met."""
        found: dict[str, Any] = self._asked("GET", "counts")
        return found

    def tell(self, *add: str, next_writes: Sequence[str] = ()) -> None:
        """Shares and turns, such as lost=30 or close=2026-06, and what happens to the next writes one by one."""
        self._asked("POST", "troubles", {"add": add, "next_writes": next_writes})

    def _asked(self, method: str, name: str, body: object = None) -> Any:
        """Raises ServerFailed."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, f"{CONTROL}{name}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as fault:
            raise ServerFailed(f"{self.name} on port {self.port}: {fault!r}; {self.log}:\n{self.tail()}") from fault
        finally:
            connection.close()
        if answer.status != 200:
            raise ServerFailed(f"{self.name}: {method} {name} was answered {answer.status}: {text.decode()}")
        return json.loads(text)

    def answers(self) -> bool:
        return self.accounts.exists() and get(self.port, "/simulated/counts")[0] == 200


def _entry(shown: Mapping[str, Any]) -> LedgerEntry:
    lines = [(each["account"], each["amount"], each["ledger_amount"]) for each in shown["lines"]]
    return LedgerEntry(
        key=shown["key"],
        reference=shown["reference"],
        posted_on=date.fromisoformat(shown["posted_on"]),
        period=shown["period"],
        currency=shown["currency"],
        is_posted=shown["is_posted"],
        lines=tuple(
            LedgerLine(account, parse_amount(amount), parse_amount(in_ledger)) for account, amount, in_ledger in lines
        ),
    )
