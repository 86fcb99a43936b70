"""A simulated ERP: an interface over books, with troubles. A path of its own sets what is to go wrong.

GET  /simulated/ledger      what stands in the books, journal by journal
GET  /simulated/counts      calls, writes, troubles met, most calls at once
POST /simulated/troubles    {"add": ["lost=30", "close=2026-06@9000"], "next_writes": ["lost", "garbage"]}
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, assert_never

from domain.delivery.ledgers import LedgerEntry
from domain.money import format_amount
from simulation.erp import business_central, dynamics_finance, netsuite, oracle_fusion
from simulation.erp.books import COMPANIES, ErpBooks, ErpCompany
from simulation.erp.clients import Client
from simulation.erp.interface import ConnectionCut, Does, HttpRequest, Huge, Interface, Reply
from simulation.erp.troubles import TWISTS, Act, Trouble, Troubles, TroubleShare, TroubleTurn, parsed

CONTROL: Final = "/simulated/"
HUGE_BYTES: Final = 50_000_000
TOKEN_SECONDS: Final = 3_600


# Tables and interface.
INTERFACES: Final[Mapping[str, tuple[str, type[Interface]]]] = {
    "netsuite": (netsuite.SCHEMA, netsuite.SimulatedNetSuite),
    "dynamics365_finance": (dynamics_finance.SCHEMA, dynamics_finance.SimulatedDynamicsFinance),
    "business_central": (business_central.SCHEMA, business_central.SimulatedBusinessCentral),
    "oracle_fusion": (oracle_fusion.SCHEMA, oracle_fusion.SimulatedOracleFusion),
}


class SimulatedErp:
    """Several threads ask it; the books are open for one at a time, the latency passes for all at once."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        *,
        companies: Sequence[ErpCompany] = COMPANIES,
        troubles: Iterable[TroubleShare | TroubleTurn] = (),
        seed: int = 7,
        latency_seconds: float = 0.0,
        late_seconds: float = 2.0,
        posting_seconds: float = 0.0,
        concurrent: int = 0,
    ) -> None:
        schema, made = INTERFACES[kind]
        self.troubles = Troubles(troubles, seed)
        self.away: Callable[[float], None] = lambda _: None
        # Returns when what is late is done.
        self.late: Callable[[], object] = lambda: time.sleep(late_seconds)
        # The one client that may call, by tokens; None: any client may, also with a password or signatures.
        self.client: Client | None = None
        self._books = ErpBooks(folder, schema)
        self._interface = made(self._books, companies, posting_seconds)
        self._latency_seconds = latency_seconds
        self._concurrent = concurrent
        self._lock = threading.Lock()
        self._at_once = 0
        self._most_at_once = 0
        self._down_until = 0.0

    @property
    def token_path(self) -> str:
        return self._interface.token_path

    @property
    def token(self) -> str:
        """That counts now."""
        with self._books.open():
            return self._books.token

    @property
    def at_once(self) -> int:
        """Calls that are not answered yet."""
        return self._at_once

    def close(self) -> None:
        self._books.close()

    def entries(self) -> list[LedgerEntry]:
        with self._books.open():
            return list(self._interface.entries())

    def act(self, turn: TroubleTurn) -> None:
        with self._books.open():
            match turn.act:
                case Act.DOWN:
                    self._down_until = time.monotonic() + float(turn.value)
                case Act.AWAY:
                    self.away(float(turn.value))
                case Act.CLOSE:
                    # What is due was posted before; of a closed month it would wait for somebody.
                    self._interface.advance()
                    self._books.close_month(turn.value)
                case Act.OPEN:
                    self._books.open_month(turn.value)
                case Act.REFUSE:
                    self._books.refuse(turn.value)
                case Act.TAKE:
                    self._books.take(turn.value)
                case Act.EXPIRE:
                    self._books.expire_tokens()
                case _:
                    assert_never(turn.act)

    def does(self, asked: HttpRequest) -> Does:
        if asked.path.startswith(CONTROL):
            return self._controlled(asked)
        with self._lock:
            self._at_once += 1
            self._most_at_once = max(self._most_at_once, self._at_once)
            is_too_many = 0 < self._concurrent < self._at_once
        try:
            if time.monotonic() < self._down_until:
                return Reply(503, b"down for maintenance")
            time.sleep(self._latency_seconds)
            if asked.path == self._interface.token_path:
                return self._token(asked)
            if is_too_many:
                return self._interface.throttled(1)
            return self._answered(asked)
        finally:
            with self._lock:
                self._at_once -= 1

    def _answered(self, asked: HttpRequest) -> Does:
        if not self._is_known(asked):
            return self._interface.unauthorized()
        with self._lock:
            trouble = self.troubles.of(self._interface.written_key(asked))
            due = self.troubles.turns()
            count = self.troubles.calls
        for turn in due:
            self.act(turn)
        return self._troubled(asked, trouble, count)

    def _troubled(self, asked: HttpRequest, trouble: Trouble | None, count: int) -> Does:
        match trouble:
            case Trouble.FAILS:
                return Reply(500, {"error": "internal"})
            case Trouble.CUT:
                return ConnectionCut()
            case Trouble.THROTTLED:
                return self._interface.throttled(count)
            case Trouble.LATE:
                self.late()
        reply = self._done(asked, trouble if trouble in TWISTS else None)
        match trouble:
            case Trouble.LOST:
                return ConnectionCut()
            case Trouble.FAILS_AFTER:
                return Reply(500, {"error": "internal"})
            case Trouble.GARBAGE:
                return Reply(200, b"<html>Please sign in</html>", {"content-type": "text/html"})
            case Trouble.HUGE:
                return Huge(HUGE_BYTES)
            case Trouble.DUPLICATE:
                return self._interface.duplicate(asked)
            case _:
                return reply

    def _done(self, asked: HttpRequest, twist: Trouble | None) -> Reply:
        with self._books.open():
            return self._interface.answer(asked, twist)

    def _token(self, asked: HttpRequest) -> Reply:
        if b"grant_type=client_credentials" not in asked.body:
            return Reply(400, {"error": "unsupported_grant_type"})
        if self.client is not None and not self.client.is_it(asked):
            return Reply(401, {"error": "invalid_client", "error_description": "Client authentication failed."})
        return Reply(200, {"access_token": self.token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    def _is_known(self, asked: HttpRequest) -> bool:
        """By the token that counts now."""
        kind, _, value = asked.headers.get("authorization", "").partition(" ")
        if kind != "Bearer":
            return bool(value) and self.client is None
        return value == self.token

    def _controlled(self, asked: HttpRequest) -> Reply:
        match asked.method, asked.path.removeprefix(CONTROL):
            case "GET", "ledger":
                return Reply(200, [_shown(entry) for entry in self.entries()])
            case "GET", "counts":
                with self._lock:
                    met = {str(name): count for name, count in sorted(self.troubles.met.items())}
                    counts = {"calls": self.troubles.calls, "writes": self.troubles.writes}
                    return Reply(200, {**counts, "most_at_once": self._most_at_once, "troubles": met})
            case "POST", "troubles":
                try:
                    said = asked.json()
                    added = [parsed(text) for text in said.get("add", [])]
                    following = [Trouble(name) if name else None for name in said.get("next_writes", [])]
                except (ValueError, AttributeError, TypeError) as fault:
                    return Reply(400, {"error": str(fault)})
                return self._told(added, following)
            case _:
                return Reply(404, {"error": f"{asked.path}: expected ledger, counts or troubles"})

    def _told(self, added: list[TroubleShare | TroubleTurn], following: list[Trouble | None]) -> Reply:
        with self._lock:
            self.troubles.add(added)
            self.troubles.next_writes.extend(following)
            due = self.troubles.turns()
        for turn in due:
            self.act(turn)
        return Reply(200, {})


def _shown(entry: LedgerEntry) -> dict[str, Any]:
    """Amounts as decimals in text, so that nothing is lost on the way."""
    return {
        "key": entry.key,
        "reference": entry.reference,
        "posted_on": entry.posted_on.isoformat(),
        "period": entry.period,
        "currency": entry.currency,
        "is_posted": entry.is_posted,
        "lines": [
            {
                "account": line.account,
                "amount": format_amount(line.amount),
                "ledger_amount": format_amount(line.ledger_amount),
            }
            for line in entry.lines
        ],
    }
