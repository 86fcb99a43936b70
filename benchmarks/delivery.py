"""Delivery: `python -m benchmarks.delivery`, what a journal costs beside the ERP's own time, and how busy an ERP is kept.

The ERP is a sleep: nothing is measured but delivery itself, with its store on a disk. It answers at once, for the processor's time, also
of a tenth of the journals, since a journal must cost the same; at once and in trouble; and as an ERP does, in 200 ms with 10 calls at once,
for how much of what it could do it does. Then each vendor's interface, simulated by a process of its own, for what HTTP adds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from benchmarks.child import ROOT
from benchmarks.machine import machine
from connectors.accounts_file import read_accounts
from connectors.delivery_store import Arrived, DeliveryStore
from connectors.erp.adapter import NO_TRACE, Erp, ErpFinding, Limits, TraceContext
from connectors.erp.adapters import opened as open_erp
from dataflows.delivery import Came, DeliveryAccount, opened, run_dataflow
from dataflows.delivery_calls import CallPool, now
from domain.delivery.answers import Answer
from domain.delivery.calls import Intent
from domain.delivery.chart import ENTRY, AccountRule, EntityChart
from domain.delivery.documents import Document, JournalDocument
from domain.delivery.groups import GroupChanges as Changed
from domain.delivery.groups import JournalGroup
from domain.delivery.journals import documents
from domain.delivery.ledgers import LedgerEntry, LedgerScope
from domain.delivery.outcomes import Outcome, RejectedPeriod, Taken, Throttled, Uncertain
from domain.delivery.standings import Changes
from domain.outputs import JournalEntry, JournalLine, Position
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE
from tests.servers.erp import ErpServer

RESULTS: Final = ROOT / "benchmarks" / "RESULTS_DELIVERY.md"
DAY: Final = date(2026, 6, 30)
CLOSED: Final = date(2026, 5, 31)
READ_AT_ONCE: Final = 1_000
CONCURRENT: Final = 10
ANSWERS_IN: Final = 0.2
LOST: Final = 0.3
# Every fourth journal is of a period that the ERP has closed; its replacement comes when all others are answered.
CLOSED_EVERY: Final = 4
# 10 % of the calls, in bursts.
BURST: Final = 8
HTTP_CONCURRENT: Final = 4
INTERFACES: Final = ("netsuite", "dynamics365_finance", "business_central")
# Of the simulated ERPs' books.
COMPANY: Final = "LE-DE"
BURST_BEGINS: Final = 0.1 / (0.9 * BURST)
THROTTLED_SECONDS: Final = 0.1


class Sleeping:
    """An ERP that takes everything, after a while; one in trouble loses answers, throttles and has closed a period."""

    def __init__(self, seconds: float, *, is_in_trouble: bool) -> None:
        self.limits = Limits(concurrent=CONCURRENT)
        self.busy = 0.0
        self._seconds = seconds
        self._lock = threading.Lock()
        self._is_in_trouble = is_in_trouble
        self._random = Random(7)
        self._burst = 0
        self._there: dict[str, Taken] = {}

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        del trace
        if self._seconds:
            time.sleep(self._seconds)
            with self._lock:
                self.busy += self._seconds
        taken = [Taken(each.key, DAY) for each in documents]
        if not self._is_in_trouble:
            return taken
        with self._lock:
            if self._burst == 0 and self._random.random() < BURST_BEGINS:
                self._burst = BURST
            if self._burst:
                self._burst -= 1
                return [Throttled(THROTTLED_SECONDS) for _ in documents]
            if any(isinstance(each, JournalDocument) and each.accounting_date == CLOSED for each in documents):
                return [RejectedPeriod("CLOSED", "the period is closed") for _ in documents]
            self._there |= {each.reference: each for each in taken}
            is_lost = self._random.random() < LOST
        return [Uncertain("no answer") for _ in documents] if is_lost else taken

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Taken]:
        del accepted
        return {each.key: self._there[each.key] for each in documents if each.key in self._there}

    def poll(self, ticket: str, documents: Sequence[Document]) -> None:
        raise NotImplementedError

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        raise NotImplementedError

    def check(self) -> Iterator[ErpFinding]:
        yield from ()

    def close(self) -> None: ...


class ListedBooks:
    """Journals from a list, and some more when these are answered; answers are counted."""

    generation = "1"
    shards = 1

    def __init__(self, journals: Sequence[Came], later: Sequence[Came]) -> None:
        self._journals = list(journals)
        self._later = list(later)
        self._next = 0
        self.answers = 0

    def begin(self, places: Mapping[str, str]) -> None:
        del places

    def read(self) -> Sequence[Came]:
        if self._later and self.answers == len(self._journals):
            self._journals += self._later
            self._later = []
        found = self._journals[self._next : self._next + READ_AT_ONCE]
        self._next += len(found)
        return found

    @property
    def is_at_end(self) -> bool:
        return self._next >= len(self._journals) and not self._later

    def answered(self) -> Iterable[Answer]:
        return ()

    def claim(self, intents: Sequence[Intent]) -> None:
        del intents

    def publish(self, answers: Sequence[Answer]) -> None:
        self.answers += len(answers)

    def close(self) -> None: ...


class Measured(NamedTuple):
    """`busy`: of the calls that the ERP could have had under way all the time, the share that it had."""

    journals: int
    seconds: float
    processor_seconds: float
    busy: float

    @property
    def processor_ms(self) -> float:
        return 1_000 * self.processor_seconds / self.journals


def measured(count: int, answers_in: float, folder: Path, *, is_in_trouble: bool = False) -> Measured:
    """All is new, and it is known that nothing was sent before."""
    erp = Sleeping(answers_in, is_in_trouble=is_in_trouble)
    closed = range(0, count, CLOSED_EVERY) if is_in_trouble else range(0)
    later = [_came(count + number, replaces=number) for number in closed]
    books = ListedBooks([_came(number, CLOSED if number in closed else DAY) for number in range(count)], later)
    count += len(later)
    rules = {role: (AccountRule(role),) for role in ("1150", "4000", "5000", "2150")}
    charts = {"DE": EntityChart("DE", "sleeping", ENTRY, accounts=rules)}
    with DeliveryStore(folder / "sleeping.db", "1", "DE") as store, CallPool(erp) as pool:
        seconds, processor = _delivered(opened("sleeping", books, _begun(store), charts, erp.limits, pool, now))
    assert books.answers == count, f"{books.answers:,} of {count:,} journals were answered"
    return Measured(count, seconds, processor, erp.busy / (seconds * CONCURRENT))


class OverHttp(NamedTuple):
    """`adapter_ms`: of the adapter alone, one journal after the other."""

    kind: str
    journals: int
    requests: int
    processor_ms: float
    adapter_ms: float


def over_http(kind: str, count: int, folder: Path) -> OverHttp:
    """With tokens, without TLS; the ERP's own time is that of another process."""
    with ErpServer(folder / kind, ["--kind", kind, "--grain", ENTRY]) as server:
        accounts = read_accounts(server.accounts)
        ((name, stated),) = accounts.erps.items()
        stated = stated.model_copy(update={"concurrent": HTTP_CONCURRENT, "per_minute": 0})
        charts = {COMPANY: accounts.charts[COMPANY]}
        came = [_came(number, entity=COMPANY) for number in range(2 * count + 1)]
        books = ListedBooks(came[:count], [])
        with (
            closing(open_erp(name, stated)) as erp,
            DeliveryStore(folder / f"{kind}.db", "1", COMPANY) as store,
            CallPool(erp) as pool,
        ):
            first, *others = (_document(each.record, charts[COMPANY]) for each in came[count:])
            alone = _sent_alone(erp, first, others)
            before = server.counts()["calls"]
            _, seconds = _delivered(opened(name, books, _begun(store), charts, erp.limits, pool, now))
            requests = server.counts()["calls"] - before
    assert books.answers >= count, f"{books.answers:,} of {count:,} journals were answered"
    return OverHttp(kind, count, requests, 1_000 * seconds / count, 1_000 * alone / count)


def _sent_alone(erp: Erp, first: Document, documents: Sequence[Document]) -> float:
    """Seconds of the processor; the first fetches a token and opens a connection before."""
    erp.send([first])
    began = time.process_time()
    for document in documents:
        (outcome,) = erp.send([document])
        assert isinstance(outcome, Taken), outcome
    return time.process_time() - began


def _document(journal: object, chart: EntityChart) -> Document:
    assert isinstance(journal, JournalEntry)
    group = JournalGroup(ENTRY, COMPANY, journal.accounting_date, (journal,), (None,), 0)
    (made,) = documents(group, chart, 200)
    assert isinstance(made, JournalDocument)
    return made


def _begun(store: DeliveryStore) -> DeliveryStore:
    """It is known that nothing was sent before."""
    store.begin(0)
    store.keep(Changes(), Arrived({}, Changed((), ()), is_all=True))
    return store


def _delivered(here: DeliveryAccount) -> tuple[float, float]:
    """Seconds on the clock and of this process."""
    began, processor = time.monotonic(), time.process_time()
    run_dataflow(here, lambda: here.is_idle)
    return time.monotonic() - began, time.process_time() - processor


def _came(number: int, day: date = DAY, replaces: int | None = None, entity: str = "DE") -> Came:
    amount = (100 + number % 900) * AMOUNT_ONE
    lines = tuple(
        JournalLine(role, "revenue", sign * amount, sign * amount, f"P-{number % 40}", None, {"practice": "structures"})
        for role, sign in (("1150", 1), ("4000", -1), ("5000", 1), ("2150", -1))
    )
    journal = JournalEntry(
        _id(number),
        "accrual",
        entity,
        "EUR",
        "EUR",
        EXCHANGE_RATE_ONE,
        day,
        f"{day:%Y-%m}",
        "1",
        "time_entry",
        f"T-{number}",
        1,
        "time_entry",
        f"T-{number}",
        1,
        deliver=True,
        replaces=None if replaces is None else _id(replaces),
        lines=lines,
    )
    position = Position("1", 0, number, 0, number, f"event-{number}", 0, 0, None, "1")
    return Came("erp.postings/0", str(number + 1), position, journal)


def _id(number: int) -> str:
    return f"E-{number % 40}.{number:016x}"


def markdown(
    at_once: Sequence[Measured], in_trouble: Sequence[Measured], slowly: Measured, http: Sequence[OverHttp]
) -> str:
    here = machine()
    system = f"{here.system}, {here.processor}, {here.cores} cores"
    libraries = ", ".join(f"{name} {version}" for name, version in here.libraries.items())
    rows = "\n".join(
        f"| {name} | {found.journals:,} | {found.journals / found.seconds:,.0f} | {found.processor_ms:.2f} | {busy} |"
        for name, found, busy in (
            *(("at once", each, "-") for each in at_once),
            *(("at once, in trouble", each, "-") for each in in_trouble),
            (f"in 200 ms, {CONCURRENT} calls at once", slowly, f"{slowly.busy:.1%}"),
        )
    )
    over = "\n".join(
        f"| {each.kind} | {each.journals:,} | {each.requests / each.journals:.1f} | {each.processor_ms:.2f} | {each.adapter_ms:.2f} |"
        for each in http
    )
    return f"""# What delivery costs

`python -m benchmarks.delivery --write`, {datetime.now(UTC).date()}: {system},
Python {here.python}, SQLite {here.sqlite}, {libraries}.
The ERP is a sleep in the same process, the store is on a disk; one journal of four lines is one document. In trouble 30 % of its
answers are lost, 10 % of calls are throttled, and a quarter of the journals are of a closed period and replaced.

| ERP answers | journals | journals/s | processor ms a journal | kept busy |
| --- | --- | --- | --- | --- |
{rows}

Targets: under 1 ms of processor time a journal beside the ERP's, and the same for ten times as many; the last kind of ERP
at least 90 % busy.

With each vendor's interface, simulated by another process of the same machine and called by HTTP with {HTTP_CONCURRENT} calls at once:

| interface | journals | requests a journal | processor ms a journal | of it the adapter |
| --- | --- | --- | --- | --- |
{over}

The adapter is measured by itself, one journal after the other, without TLS. A request costs it about 0.4 ms, nearly all of that in
httpcore2 {version("httpcore2")} and h11 {version("h11")}, which speak HTTP in Python. The rest is delivery itself, in rounds of the few
documents whose calls end together, and threads that wait for the interpreter's lock. An interface that takes several requests
a journal stays above 1 ms.
"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journals", type=int, default=20_000)
    parser.add_argument("--slow-journals", type=int, default=2_000)
    parser.add_argument("--write", action="store_true", help=f"Write {RESULTS.name}.")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="milepost-delivery-") as folder:
        counts = (asked.journals // 10, asked.journals)
        at_once = [measured(each, 0.0, Path(folder) / f"at-once-{each}") for each in counts]
        in_trouble = [measured(each, 0.0, Path(folder) / f"lost-{each}", is_in_trouble=True) for each in counts]
        slowly = measured(asked.slow_journals, ANSWERS_IN, Path(folder) / "slowly")
        http = [over_http(kind, asked.slow_journals, Path(folder)) for kind in INTERFACES]
    text = markdown(at_once, in_trouble, slowly, http)
    if asked.write:
        RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
