"""What `milepost deliver` does with one ERP account after the other, and what it says while it runs: on a terminal one line every some
seconds."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from connectors.accounts_file import Accounts
from connectors.delivery_lines import lines_of, read_to
from connectors.delivery_store import DeliveryStore
from connectors.erp.adapter import Calls
from connectors.erp.adapters import opened as open_erp
from connectors.erp.answers import said
from connectors.erp.fallback import BesideFiles, InFiles
from dataflows.delivery import DeliveryAccount, opened, run_dataflow
from dataflows.delivery_calls import CallPool, now
from dataflows.delivery_files import FileBooks
from dataflows.delivery_watched import AccountStand, Watch
from domain.counting import counted
from domain.delivery.chart import EntityChart
from domain.delivery.documents import INVOICE
from domain.delivery.outcomes import NOT_PERMITTED, NotSent, Trouble
from domain.delivery.pace import seconds
from domain.units import Instant
from milepost.console import say
from milepost.deciding import found_at
from milepost.delivery.delivered_shown import WORDS, DeliveredSummary, is_all_sent
from milepost.operate.stopping import Stop

EVERY_SECONDS: Final = 5


class Heard(Watch):
    """`trouble` is what came of the last call that nothing is known of, with the ERP's address; empty once one was answered.

    That a company is not permitted stays, for what is answered may be another company's.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.trouble = ""
        self._is_of_a_company = False

    def troubled(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self.trouble = f"{self._url}: {said(trouble)}" if self._url else said(trouble)
            self._is_of_a_company = isinstance(trouble, NotSent) and trouble.why == NOT_PERMITTED
        elif not self._is_of_a_company:
            self.trouble = ""


class DeliveryProgress(Heard):
    """The first line comes after some seconds too: a short delivery says nothing but its summary."""

    def __init__(self, erp: str, url: str, say: Callable[[str], None], now: Callable[[], Instant]) -> None:
        super().__init__(url)
        self._erp = erp
        self._say = say
        self._now = now
        self._posted = 0
        self._due = now() + seconds(EVERY_SECONDS)

    def acknowledged(self, recorded_at: Sequence[Instant]) -> None:
        self._posted += len(recorded_at)

    def stands(self, stand: AccountStand, is_caught_up: bool) -> None:
        now = self._now()
        if now < self._due:
            return
        self._due = now + seconds(EVERY_SECONDS)
        counts = [f"{WORDS[name]} {count:,}" for name, count in sorted(stand.documents.items()) if count]
        left = f"; left: {', '.join(counts)}" if counts else ""
        reading = "" if is_caught_up else "; more is being read"
        paused = f"; the ERP is away: {self.trouble}" if stand.is_paused else ""
        self._say(
            f"{self._erp}: {counted(self._posted, 'journal or statement', 'journals and statements')} posted{left}{reading}{paused}"
        )


FOLDER: Final = "delivery"
# An ERP that cannot be called for so long is left for the next time.
PATIENCE_SECONDS: Final = 60


def store_path(output: Path, erp: str) -> Path:
    return output / FOLDER / f"{erp}.db"


def deliver(
    output: Path, input_dir: Path, accounts: Accounts, erp: str, stop: Stop, *, until_done: bool, in_files: bool
) -> DeliveredSummary:
    """`in_files` writes invoices alone, into the account's fallback. Raises GuardStop, OutputInUse and NoOutputs."""
    charts = accounts.charts_of(erp)
    books = FileBooks(output, input_dir, lambda: found_at(output))
    with (
        closing(_open(erp, accounts, in_files=in_files)) as adapter,
        DeliveryStore(store_path(output, erp), books.generation, companies_of(charts)) as store,
    ):
        if store.dropped:
            say(f"{erp}: what delivery kept was dropped: {store.dropped}. What may have been sent is looked up first")
        only = INVOICE if in_files else None
        url = accounts.erps[erp].url
        is_sent = _run(erp, books, store, charts, adapter, stop, url=url, until_done=until_done, only=only)
    return DeliveredSummary(erp, lines_of(store_path(output, erp), charts), is_sent)


def delivered(output: Path, accounts: Accounts, erp: str) -> DeliveredSummary | None:
    """As far as the store says, also of a delivery that runs; None before the first. Raises NoOutputs and sqlite3.Error."""
    path = store_path(output, erp)
    if not path.exists():
        return None
    lines = lines_of(path, accounts.charts_of(erp))
    books = FileBooks(output, output)
    generation, places = read_to(path)
    books.begin(places)
    has_read = generation == books.generation and books.is_at_end
    return DeliveredSummary(erp, lines, has_read and is_all_sent(lines), has_read)


def companies_of(charts: Mapping[str, EntityChart]) -> str:
    """In words; others mean that there is something to send which was passed over before."""
    said = [
        entity if chart.invoices_from is None else f"{entity} with invoices from {chart.invoices_from}"
        for entity, chart in sorted(charts.items())
    ]
    return ", ".join(said)


def _run(
    erp: str,
    books: FileBooks,
    store: DeliveryStore,
    charts: Mapping[str, EntityChart],
    adapter: Calls,
    stop: Stop,
    *,
    url: str,
    until_done: bool,
    only: str | None,
) -> bool:
    with CallPool(adapter) as pool:
        watch = DeliveryProgress(erp, url, say, now) if sys.stderr.isatty() else Heard(url)
        here = opened(erp, books, store, charts, adapter.limits, pool, now, watch, only)
        patience = _Patience(here)

        def is_over() -> bool:
            if stop.requested or (not until_done and patience.is_over()):
                return True
            return here.is_idle and not (until_done and here.queue.awaits_the_erp)

        run_dataflow(here, is_over)
        here.end()
        say_left_out(here, charts)
        if here.queue.troubled_since is not None:
            say(f"{erp}: the ERP cannot be used now. {watch.trouble}")
        return here.is_idle and not (only and _say_in_doubt(erp, here, only))


def say_left_out(here: DeliveryAccount, charts: Mapping[str, EntityChart]) -> None:
    """Of what was read this time."""
    for entity, count in sorted(here.left_out.items()):
        since = charts[entity].invoices_from
        said = counted(count, "statement is not sent, since its period", "statements are not sent, since their period")
        say(f"{entity}: {said} ended before {since}, its invoices_from")


def _say_in_doubt(erp: str, delivery: DeliveryAccount, kind: str) -> bool:
    """Whether there is some that may have been sent by a delivery whose store is lost."""
    count = delivery.queue.count_to_look_up(kind)
    if count:
        say(
            f"{erp}: {counted(count, kind)} may have been sent before what delivery kept was lost, and {'is' if count == 1 else 'are'} "
            "not written as files. Run `milepost deliver` without --fallback when the ERP is there again: it looks for them there"
        )
    return count > 0


def _open(erp: str, accounts: Accounts, *, in_files: bool) -> Calls:
    connection = accounts.erps[erp]
    fallback = connection.fallback
    if fallback is None:
        return open_erp(erp, connection)
    files = open_erp(fallback, accounts.erps[fallback])
    return InFiles(files) if in_files else BesideFiles(open_erp(erp, connection), files)


class _Patience:
    """With an ERP that is away, or that does not let us in."""

    def __init__(self, delivery: DeliveryAccount) -> None:
        self._queue = delivery.queue

    def is_over(self) -> bool:
        since = self._queue.troubled_since
        return since is not None and now() - since > seconds(PATIENCE_SECONDS)
