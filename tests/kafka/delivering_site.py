"""A firm's journals on a broker, a simulated ERP, and processes that deliver the ones to the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from connectors.erp.adapter import TraceContext
from connectors.kafka import topics
from connectors.kafka.registry import SchemaIds
from connectors.kafka.rights import ANSWERS
from dataflows.accounting_kafka import run
from dataflows.delivery_kafka import KafkaBooks
from domain.events.finance import PostingAccepted
from domain.outputs import JournalEntry
from domain.units import AMOUNT_ONE
from tests.forked import Forked
from tests.kafka.firm import ROOT, Site, Until, simulated, site
from tests.kafka.given_log import divided
from tests.kafka.servers import until
from tests.servers.kafka import Broker
from tests.servers.server import free_port, get

ERP: Final = "simulated"
# Milepost's account, and the ERP's.
ACCOUNTS: Final[Mapping[str, str]] = {
    "1150": "11",
    "1180": "18",
    "2150": "21",
    "2180": "28",
    "4000": "40",
    "4100": "41",
    "5000": "50",
    "5050": "55",
}
CURRENCIES: Final[Mapping[str, str]] = {"USD": "1", "EUR": "2", "GBP": "3"}
COMPANIES: Final[Mapping[str, str]] = {"LE-DE": "1", "LE-US": "2"}


def charts(grain: str) -> str:
    """The companies of the simulated firm, as accounts.toml has them."""
    return "\n".join(
        f'[entities.{company}]\nerp = "{ERP}"\ngrain = "{grain}"\nsubsidiary = "{subsidiary}"\n'
        f"accounts = {_inline(ACCOUNTS)}\ncurrencies = {_inline(CURRENCIES)}\n"
        for company, subsidiary in COMPANIES.items()
    )


def _inline(table: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name} = "{value}"' for name, value in table.items()) + "}"


class Sums(NamedTuple):
    """What stands in a ledger: documents, and by account and currency the sum."""

    documents: int
    amounts: Mapping[tuple[str, str], Decimal]


class Sent(NamedTuple):
    record: JournalEntry
    trace: TraceContext


class Reached(Protocol):
    """An ERP that listens on a port, and the file that says how it is reached."""

    @property
    def accounts(self) -> Path: ...

    @property
    def port(self) -> int: ...


class Delivering:
    """One ERP account, and the firm whose journals go there.

    A call may have an effect for `call_seconds`: so long as none takes on a machine that has other things to do as well.
    """

    def __init__(self, of: Site, erp: Reached, grain: str = "entry", call_seconds: float = 5.0) -> None:
        self.site = of
        self.erp = erp
        self.accounts = of.folder / "accounts.toml"
        self.port = free_port()
        told = erp.accounts.read_text(encoding="utf-8").partition("[entities")[0]
        told = re.sub(r"(?m)^call_seconds = .*\n", "", told)
        told = told.replace(f"[erp.{ERP}]\n", f"[erp.{ERP}]\ncall_seconds = {call_seconds}\n")
        of.folder.mkdir(parents=True, exist_ok=True)
        self.accounts.write_text(told + charts(grain), encoding="utf-8")

    @contextmanager
    def start(
        self, *, store: Path | None = None, dies: str = "", after: int = 1, module: str = "milepost"
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`dies` names the step of `killed_delivery` at which it kills itself, the `after`-th time. A failed test ends it."""
        program = ["tests.kafka.killed_delivery", dies, str(after)] if dies else [module]
        told = {
            "delivery.accounts": self.accounts,
            "store.folder": store or self.site.folder,
            "metrics.port": self.port,
        }
        sets = [part for name, value in told.items() for part in ("--set", f"{name}={value}")]
        command = [sys.executable, "-m", *program, "serve", "delivery", "--alone", "--erp", ERP]
        # One that hangs says where, when it is sent SIGABRT.
        environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
        whole = [*command, *self.site.options(), *sets]
        with Forked(whole, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
            try:
                yield process
            finally:
                process.kill()

    def is_ready(self) -> bool:
        """Whether a process has read all that stood on the topics when it began."""
        return get(self.port, "/readyz")[0] == 200

    def entries(self) -> list[dict[str, Any]]:
        """As the ERP has them."""
        found: list[dict[str, Any]] = json.loads(get(self.erp.port, "/simulated/ledger")[1])
        return found

    def ledger(self) -> Sums:
        found = self.entries()
        assert len({each["key"] for each in found}) == len(found), "a key stands twice"
        amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for each in found:
            for line in each["lines"]:
                amounts[line["account"], each["currency"]] += Decimal(line["amount"])
        return Sums(len(found), _but_noughts(amounts))

    def writes(self) -> int:
        """Journals that the ERP was sent; one that comes again with its key counts again, and changes nothing there."""
        count: int = json.loads(get(self.erp.port, "/simulated/counts")[1])["writes"]
        return count

    def books(self) -> KafkaBooks:
        """Of an account that nobody delivers to."""
        kafka = self.site.settings
        return KafkaBooks(self.site.clients, kafka, SchemaIds.fixed(kafka.prefix), "nobody", lambda _: None)

    def came(self) -> list[Sent]:
        """The journals that are to be delivered, of all shards, with their traces."""
        found: list[Sent] = []
        with self.books() as books:
            books.begin({})

            def read() -> bool:
                found.extend(
                    Sent(each.record, each.trace) for each in books.read() if isinstance(each.record, JournalEntry)
                )
                return books.is_at_end

            until(read)
        return [each for each in found if each.record.deliver]

    def journals(self) -> list[JournalEntry]:
        return [each.record for each in self.came()]

    def answers(self) -> list[PostingAccepted]:
        """Posted, by any of the deliveries; each event once."""
        with self.books() as books:
            return [each for each in books.answered() if isinstance(each, PostingAccepted) and each.state == "posted"]


def expected(journals: Iterable[JournalEntry]) -> Mapping[tuple[str, str], Decimal]:
    amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for journal in journals:
        for line in journal.lines:
            amounts[ACCOUNTS[line.account], journal.currency] += Decimal(line.amount) / AMOUNT_ONE
    return _but_noughts(amounts)


def _but_noughts(amounts: Mapping[tuple[str, str], Any]) -> Mapping[tuple[str, str], Decimal]:
    return {place: amount for place, amount in amounts.items() if amount}


def firm(broker: Broker, own_name: str, folder: Path, months: int = 1, up_to: float = 1.0, **settings: Any) -> Site:
    """Two shards whose journals stand on the topics; `up_to` is the part of their logs that is told so far."""
    made = site(broker, own_name, folder, **settings)
    wanted = ["delivery", *ANSWERS]
    topics.create(made.clients, [topics.planned(topics.BY_NAME[name], made.settings) for name in wanted])
    account_for(made, months, 0.0, up_to)
    return made


def account_for(of: Site, months: int, begin: float, end: float) -> None:
    """A part of each shard's log is told, and its journals come onto the topics."""
    giver, ends = of.giver(), {}
    for number, records in enumerate(divided(simulated(months), 2)):
        ends[number] = int(len(records) * end)
        giver.give(number, records[int(len(records) * begin) : ends[number]])
    reached = Until(ends)
    run(of.job(), reached.reached, reached.on_commit)
