"""What `milepost status` says: the metrics pages of the processes beside what the brokers have."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from connectors.kafka.lag import DELIVERED, Lag
from connectors.metrics import catalogue, guard_stops
from connectors.metrics.scraped import Page, scrape
from milepost.console import shape, write_json
from milepost.operate.stopping import stopping
from milepost.operate.topics_shown import asked
from milepost.printer import Printer
from milepost.settings import Settings
from state.guards import GuardStop

WIDTH: Final = 110
NONE: Final = "-"
MESSAGE_SHOWN: Final = 200


class Look(NamedTuple):
    """At one moment; `brokers` is why they said nothing."""

    at: float
    pages: Sequence[Page]
    lags: Sequence[Lag]
    brokers: str


class ShardStatus(NamedTuple):
    """`records_a_second` and what only its process knows are None where that does not answer."""

    shard: int
    place: int
    records_behind: int
    seconds_behind: float
    records_a_second: float | None
    commit_age_seconds: float | None
    store_bytes: int | None


class TopicStatus(NamedTuple):
    """`event_time_lag_seconds` is the age of the newest fact that came since intake's start, None where none did."""

    topic: str
    records_behind: int
    seconds_behind: float
    records_a_second: float | None
    event_time_lag_seconds: float | None


class ErpStatus(NamedTuple):
    """Records that delivery has not read; journals that wait for their day; documents by standing; all but the records None where the
    process does not answer.
    """

    erp: str
    records_behind: int
    waiting: int | None
    unmapped: int | None
    to_send: int | None
    sent: int | None
    accepted: int | None
    rejected: int | None
    oldest_seconds: float | None
    posted_a_second: float | None
    quota_left: float | None
    is_paused: bool | None


class Status(NamedTuple):
    shards: Sequence[ShardStatus]
    topics: Sequence[TopicStatus]
    erps: Sequence[ErpStatus]
    intake: Mapping[str, float | None]
    view: Mapping[str, float | None]
    exceptions: Mapping[str, int]
    last_stop: Mapping[str, Any] | None
    unanswered: Mapping[str, str]


def tell_once(settings: Settings, seconds: float, *, json: bool) -> None:
    before = _look(settings)
    time.sleep(seconds)
    found = status_of(before, _look(settings), settings.store.folder)
    if json:
        write_json(shape(1, **_plain(found)))
        return
    console = Printer()
    if not console.is_terminal:
        console = Printer(width=WIDTH)
    console.print(screen(found))


def watch(settings: Settings, seconds: float) -> None:
    """Until Ctrl-C."""
    console = Printer()
    looking = Live(Text("looking..."), console=console, auto_refresh=False, screen=console.is_terminal)
    with stopping() as stop, looking as live:
        before = _look(settings)
        while not stop.requested:
            stop.within(seconds)
            now = _look(settings)
            live.update(screen(status_of(before, now, settings.store.folder)), refresh=True)
            before = now


def status_of(before: Look, now: Look, folder: Path) -> Status:
    """`folder` keeps the guard stops of processes on this machine, also of those that are down."""
    pages, was = [page for page in now.pages if not page.fault], {page.address: page for page in before.pages}
    rates = _Rates(was, now.at - before.at)
    unanswered = {page.address: page.fault for page in now.pages if page.fault}
    if now.brokers:
        unanswered["brokers"] = now.brokers
    return Status(
        _shards(pages, now.lags, rates),
        _topics(pages, now.lags, rates),
        _erps(pages, now.lags, rates),
        _intake(pages),
        _view(pages),
        _exceptions(pages),
        _last_stop(pages, folder),
        unanswered,
    )


def screen(found: Status) -> Group:
    parts: list[Any] = [_shard_table(found.shards), _topic_table(found.topics)]
    if found.erps:
        parts.append(_erp_table(found.erps))
    told = [("intake", found.intake), ("view", found.view)]
    parts += [Text(f"{name}: {_told(values)}") for name, values in told if values]
    parts.append(Text("exceptions open: " + (_counts(found.exceptions) or "none known")))
    if found.last_stop is not None:
        stop = found.last_stop
        at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(stop["at"]))
        parts.append(Text(f"last stop: {stop['guard']} ({stop['dataflow']}), {at}  {stop['message'][:MESSAGE_SHOWN]}"))
    parts += [Text(f"no answer from {who}: {why}") for who, why in found.unanswered.items()]
    return Group(*parts)


def _look(settings: Settings) -> Look:
    pages = scrape(settings.metrics.addresses)
    try:
        (found, _), fault = asked(settings), ""
    except GuardStop as stop:
        found, fault = [], stop.message
    return Look(time.time(), pages, found, fault)


class _Rates:
    def __init__(self, before: Mapping[str, Page], seconds: float) -> None:
        self._before = before
        self._seconds = max(seconds, 0.001)

    def of(self, page: Page, name: str, **labels: str) -> float | None:
        """None where the process was not there before, or has begun again."""
        was = self._before.get(page.address)
        if was is None or was.fault:
            return None
        more = page.sum(name, **labels) - was.sum(name, **labels)
        return round(more / self._seconds, 1) if more >= 0 else None


def _shards(pages: Sequence[Page], lags: Iterable[Lag], rates: _Rates) -> list[ShardStatus]:
    known = {each.partition: each for each in lags if each.dataflow == "accounting"}
    owners = {
        int(sample.labels["shard"]): page
        for page in pages
        for sample in page.of(catalogue.LOG_PLACE)
        if sample.labels["shard"].isdigit()
    }
    return [_shard(number, known.get(number), owners.get(number), rates) for number in sorted({*known, *owners})]


def _shard(number: int, lag: Lag | None, page: Page | None, rates: _Rates) -> ShardStatus:
    labels = {"shard": str(number)}
    if page is None:
        assert lag is not None, "a shard is known from the brokers or from its process"
        return ShardStatus(number, lag.place, lag.records, lag.seconds, None, None, None)
    behind = page.sum(catalogue.KAFKA_LAG, dataflow="accounting", partition=str(number))
    return ShardStatus(
        number,
        int(page.sum(catalogue.LOG_PLACE, **labels)) if lag is None else lag.place,
        int(behind) if lag is None else lag.records,
        0.0 if lag is None else lag.seconds,
        rates.of(page, catalogue.LOG_PLACE, **labels),
        round(page.sum(catalogue.COMMIT_AGE, dataflow="accounting", **labels), 1),
        int(page.sum(catalogue.STORE_BYTES, dataflow="accounting", **labels)),
    )


def _topics(pages: Sequence[Page], lags: Iterable[Lag], rates: _Rates) -> list[TopicStatus]:
    found: dict[str, list[Lag]] = {}
    for each in lags:
        if each.dataflow == "intake":
            found.setdefault(each.topic, []).append(each)
    intake = next((page for page in pages if any(page.of(catalogue.READY, dataflow="intake"))), None)
    return [_topic(topic, each, intake, rates) for topic, each in found.items()]


def _topic(topic: str, lags: Sequence[Lag], page: Page | None, rates: _Rates) -> TopicStatus:
    records, seconds = sum(each.records for each in lags), max(each.seconds for each in lags)
    if page is None:
        return TopicStatus(topic, records, seconds, None, None)
    age = next((round(sample.value, 1) for sample in page.of(catalogue.EVENT_TIME_LAG, topic=topic)), None)
    return TopicStatus(
        topic, records, seconds, rates.of(page, catalogue.EVENTS_CONSUMED, dataflow="intake", topic=topic), age
    )


def _erps(pages: Sequence[Page], lags: Iterable[Lag], rates: _Rates) -> list[ErpStatus]:
    """An ERP account is known from its process, or from what that said on its topic before it ended."""
    behind: dict[str, int] = {}
    for each in lags:
        dataflow, _, erp = each.dataflow.partition("/")
        if dataflow == DELIVERED:
            behind[erp] = behind.get(erp, 0) + each.records
    owners = {sample.labels["erp"]: page for page in pages for sample in page.of(catalogue.ERP_PAUSED)}
    return [_erp(erp, behind.get(erp, 0), owners.get(erp), rates) for erp in sorted({*behind, *owners})]


def _erp(erp: str, behind: int, page: Page | None, rates: _Rates) -> ErpStatus:
    if page is None:
        return ErpStatus(erp, behind, *(None,) * 10)
    documents = {sample.labels["standing"]: int(sample.value) for sample in page.of(catalogue.ERP_DOCUMENTS, erp=erp)}
    return ErpStatus(
        erp,
        behind,
        **{standing: documents.get(standing, 0) for standing in catalogue.STANDINGS},
        oldest_seconds=round(page.sum(catalogue.ERP_OLDEST, erp=erp), 1),
        posted_a_second=rates.of(page, catalogue.ERP_ATTEMPTS, erp=erp, outcome="posted"),
        quota_left=round(page.sum(catalogue.ERP_QUOTA_LEFT, erp=erp), 2),
        is_paused=page.sum(catalogue.ERP_PAUSED, erp=erp) > 0,
    )


def _intake(pages: Sequence[Page]) -> dict[str, float | None]:
    for page in pages:
        if any(page.of(catalogue.READY, dataflow="intake")):
            return {
                "unrouted": page.sum(catalogue.UNROUTED_WAITING),
                "dead_letters": page.sum(catalogue.RECORDS_REJECTED, dataflow="intake"),
                "days_ended": page.sum(catalogue.DAYS_ENDED),
                "commit_age_seconds": round(page.sum(catalogue.COMMIT_AGE, dataflow="intake"), 1),
            }
    return {}


def _view(pages: Sequence[Page]) -> dict[str, float | None]:
    for page in pages:
        if any(page.of(catalogue.READY, dataflow="view")):
            return {
                "ready": page.sum(catalogue.READY, dataflow="view"),
                "views_taken": page.sum(catalogue.EVENTS_CONSUMED, dataflow="view"),
                "commit_age_seconds": round(page.sum(catalogue.COMMIT_AGE, dataflow="view"), 1),
            }
    return {}


def _exceptions(pages: Sequence[Page]) -> dict[str, int]:
    found: dict[str, int] = {}
    for page in pages:
        for sample in page.of(catalogue.EXCEPTIONS_OPEN):
            if sample.value:
                category = sample.labels["category"]
                found[category] = found.get(category, 0) + int(sample.value)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _last_stop(pages: Sequence[Page], folder: Path) -> dict[str, Any] | None:
    stops = [
        {"guard": sample.labels["guard"], "dataflow": sample.labels["dataflow"], "at": sample.value, "message": ""}
        for page in pages
        for sample in page.of(catalogue.LAST_GUARD_STOP)
    ]
    for dataflow in catalogue.DATAFLOWS:
        found = guard_stops.last(guard_stops.read(folder, dataflow))
        if found is not None:
            guard, last = found
            stops.append({"guard": guard, "dataflow": dataflow, "at": last.last_at, "message": last.last_message})
    return max(stops, key=lambda stop: (stop["at"], stop["message"]), default=None)


# Shown


def _shard_table(shards: Sequence[ShardStatus]) -> Table:
    head = ("shard", "place", "behind", "seconds", "records/s", "commit age", "store MiB")
    rows = [
        (
            str(each.shard),
            f"{each.place:,}",
            f"{each.records_behind:,}",
            f"{each.seconds_behind:,.1f}",
            _number(each.records_a_second),
            _number(each.commit_age_seconds),
            NONE if each.store_bytes is None else f"{each.store_bytes / (1 << 20):,.1f}",
        )
        for each in shards
    ]
    return _table(head, rows)


def _topic_table(topics: Sequence[TopicStatus]) -> Table:
    head = ("intake topic", "behind", "seconds", "records/s", "newest fact, s ago")
    rows = [
        (
            each.topic,
            f"{each.records_behind:,}",
            f"{each.seconds_behind:,.1f}",
            _number(each.records_a_second),
            _number(each.event_time_lag_seconds),
        )
        for each in topics
    ]
    return _table(head, rows)


def _erp_table(erps: Sequence[ErpStatus]) -> Table:
    head = ("ERP", "behind", *(name.replace("_", " ") for name in catalogue.STANDINGS), "oldest, s", "posted/s", "")
    rows = [
        (
            each.erp,
            f"{each.records_behind:,}",
            *(
                _whole(value)
                for value in (each.waiting, each.unmapped, each.to_send, each.sent, each.accepted, each.rejected)
            ),
            _number(each.oldest_seconds),
            _number(each.posted_a_second),
            "no answer" if each.is_paused is None else "paused" if each.is_paused else "",
        )
        for each in erps
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(head):
        table.add_column(name, justify="right" if at else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}"


def _told(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_whole(value)}" for name, value in values.items())


def _whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}".removesuffix(".0")


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{category} {number:,}" for category, number in found.items())


def _plain(found: Status) -> dict[str, Any]:
    return {
        **found._asdict(),
        "shards": [each._asdict() for each in found.shards],
        "topics": [each._asdict() for each in found.topics],
        "erps": [each._asdict() for each in found.erps],
    }
