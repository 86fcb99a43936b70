"""Delivery to one ERP account on Kafka, made from the settings."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from connectors.delivery_store import SUFFIXES, DeliveryStore
from connectors.erp.adapter import Erp
from connectors.erp.adapters import opened as opened_erp
from connectors.files.holder import LockToken
from connectors.files.output_lock import only_writer
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import DELIVERY as DELIVERY_TOPIC
from connectors.kafka.names import ENGAGEMENT_LOG, Names
from connectors.kafka.registry import schema_ids
from connectors.kafka.rights import ANSWERS
from connectors.metrics import catalogue
from connectors.metrics.health import Health
from connectors.metrics.registry import Metrics
from dataflows.delivery import opened, run_dataflow, terms_of
from dataflows.delivery_calls import CallPool, now
from dataflows.delivery_kafka import KafkaBooks
from dataflows.delivery_measured import MeasuredDelivery
from dataflows.measured import DELIVERY, ends_followed
from domain.delivery.documents import DELIVERED
from domain.outputs import JournalEntry, Output
from milepost.console import say
from milepost.delivery.delivered_account import Account
from milepost.delivery.delivering import companies_of, say_left_out
from milepost.delivery.lacking import nothing_is_sent
from milepost.operate.serving import asked, check_topics, either, faults_named, tell_end, topics_watched
from milepost.operate.serving_metrics import Measured, serving_metrics
from milepost.operate.stopping import Stop, stopping
from milepost.operate.supervisor import until_told
from milepost.settings import Settings

STORE: Final = "delivery.db"
HOLDER: Final = "holder"
TOPICS: Final = (DELIVERY_TOPIC, ENGAGEMENT_LOG, *ANSWERS, *DELIVERED)


def deliver(settings: Settings, account: Account) -> None:
    """Until somebody asks to stop, or changes a topic so that records could be lost."""
    with stopping() as stop, serving_metrics(settings, DELIVERY) as measured, faults_named(settings):
        stop.starts()
        with (
            topics_watched(settings, lambda _: TOPICS) as topics_now,
            closing(opened_erp(account.erp, account.connection)) as adapter,
        ):
            _deliver(settings, account, adapter, measured, stop, either(until_told(stop), topics_now.is_wrong))
            topics_now.check()
    tell_end(stop)


def _deliver(
    settings: Settings, account: Account, adapter: Erp, measured: Measured, stop: Stop, is_over: Callable[[], bool]
) -> None:
    kafka = settings.kafka
    clients = KafkaClients(kafka)
    asked(lambda: check_topics(clients, settings, TOPICS))
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    names = Names.of(kafka)
    places = [(names.shared(topic), shard) for topic in DELIVERED for shard in range(kafka.partitions)]
    folder = settings.store.folder / "delivery" / kafka.generation / account.erp
    with (
        only_writer(folder),
        KafkaBooks(clients, kafka, ids, account.erp, say) as books,
        ends_followed(measured.metrics, clients, DELIVERY, places) as ends,
        _store(folder, books, account) as store,
        CallPool(adapter) as pool,
    ):
        if store.is_new:
            books.await_calls(terms_of(adapter.limits).call_seconds, is_over)
        if is_over():
            # Of the calls that were waited for the next process knows nothing else.
            return
        hooks = ServedDelivery(account, measured.metrics, measured.health, say)
        hooks.reads(lambda: books.unread(ends.of), kafka.prefix)
        here = opened(account.erp, books, store, account.charts, adapter.limits, pool, now, hooks)
        stop.started()
        run_dataflow(here, is_over)
        here.end()
        books.ended()
        say_left_out(here, account.charts)


class ServedDelivery(MeasuredDelivery):
    """Says once of each company without a chart that nothing of it is sent, when its first journal comes."""

    def __init__(self, account: Account, metrics: Metrics, health: Health, tell: Callable[[str], None]) -> None:
        super().__init__(account.erp, metrics, health)
        self._known = account.companies
        self._missing: set[str] = set()
        self._tell = tell
        metrics.ask(catalogue.ERP_COMPANIES_MISSING, lambda: [((account.erp,), float(len(self._missing)))])

    def came(self, records: Sequence[Output]) -> None:
        for record in records:
            if isinstance(record, JournalEntry) and record.deliver:
                company = record.legal_entity_id
                if company not in self._known and company not in self._missing:
                    self._missing.add(company)
                    self._tell(nothing_is_sent(company))


def _store(folder: Path, books: KafkaBooks, account: Account) -> DeliveryStore:
    """That of this account, if it is the one that delivered last: what another has sent meanwhile it does not know."""
    path, token = folder / STORE, LockToken(folder / HOLDER)
    if path.exists() and books.holder not in token.known():
        say(
            f"{path}: another store has delivered to {account.erp} since; all is read from the start, and looked up before it is sent"
        )
        for suffix in SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    store = DeliveryStore(path, books.generation, companies_of(account.charts))
    if store.dropped:
        say(f"{path}: made again, and all is looked up before it is sent: {store.dropped}")
    token.renew(books.hold)
    return store
