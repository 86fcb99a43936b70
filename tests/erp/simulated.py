"""An adapter against a simulated ERP."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.erp.adapter import Erp
from domain.delivery.documents import Document
from domain.delivery.outcomes import (
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from simulation.erp.books import ErpCompany
from simulation.erp.clients import Client
from simulation.erp.serving import Serving, serving
from simulation.erp.simulated import SimulatedErp
from simulation.erp.troubles import Trouble, TroubleTurn, parsed
from tests.erp.contract import Plug, adapter

AWAY_SECONDS = 0.02
COMPANIES = (ErpCompany("1", "USD", "US"), ErpCompany("2", "EUR", "DE"))


@dataclass
class Simulated:
    erp: Erp
    books: SimulatedErp
    serving: Serving

    def meets(self, *following: Trouble | None) -> None:
        """The next writes, one by one."""
        self.books.troubles.next_writes.extend(following)

    def act(self, *turns: str) -> None:
        for text in turns:
            turn = parsed(text)
            assert isinstance(turn, TroubleTurn)
            self.books.act(turn)

    def keys(self) -> Counter[str]:
        """How often each stands in the books."""
        return Counter(entry.key for entry in self.books.entries())

    def send(self, document: Document) -> Outcome:
        (found,) = self.erp.send([document])
        return found

    def settled(self, document: Document, attempts: int = 50) -> Outcome:
        """As a delivery goes about it: what is not certain is looked up, what is not there is sent again."""
        outcome = None
        for _ in range(attempts):
            outcome = self.send(document)
            while isinstance(outcome, Submitted):
                found = self.erp.poll(outcome.ticket, [document])
                outcome = outcome if found is None else found[0]
            if isinstance(outcome, Taken | RejectedData | RejectedPeriod):
                return outcome
            if there := self._looked_up(document, attempts):
                return there
        raise AssertionError(f"after {attempts} attempts still {outcome}")

    def _looked_up(self, document: Document, attempts: int) -> Outcome | None:
        said: Outcome | None = None
        for _ in range(attempts):
            found = self.erp.look_up([document])
            said = found.get(document.key) if isinstance(found, Mapping) else found
            if not isinstance(said, Throttled | NotSent | Uncertain):
                return said
            if isinstance(said, NotSent):
                # A site that was away listens again as soon as its thread gets to it.
                time.sleep(AWAY_SECONDS)
        raise AssertionError(f"after {attempts} attempts it still cannot be asked: {said}")


def client_of(auth: Mapping[str, Any]) -> Client:
    """As the ERP has it; a delivery reads it from files of its own."""

    def read(name: str) -> str:
        return Path(auth[name]["file"]).read_text(encoding="utf-8").strip()

    if auth["kind"] == "oauth2_certificate":
        return Client(read("client_id"), read("private_key"))
    return Client(read("client_id"), secret=read("client_secret"))


@contextmanager
def simulated(
    plug: Plug,
    folder: Path,
    *,
    troubles: Sequence[str] = (),
    seed: int = 7,
    call_seconds: float = 20.0,
    settings: Mapping[str, Any] = {},
    companies: Sequence[ErpCompany] = COMPANIES,
    **how: Any,
) -> Iterator[Simulated]:
    books = SimulatedErp(
        plug.name, folder / "books", companies=companies, troubles=[parsed(text) for text in troubles], seed=seed, **how
    )
    with serving(books) as served:
        auth = plug.auth(folder)
        books.client = client_of(auth)
        with closing(adapter(plug, served.url, auth, call_seconds, settings)) as erp:
            yield Simulated(erp, books, served)
