"""Every company's sums of journals by accounting period, and what is certified of them when a period closes.

Held in memory whole: a few kB a company and period. What changed is kept in the store with the batch.
"""

from collections.abc import Callable, Mapping
from datetime import date

from domain.events.reference import AccountingPeriodClosed
from domain.ledger.period_sums import ClosingPlace, PeriodSums, certificate, certified_as
from domain.outputs import CloseCertificate, JournalEntry
from domain.reference.book import ReferenceBook
from domain.reference.fiscal import period_named
from domain.units import Amount
from state.store.store import Store


class PeriodBooks:
    """Owner: the shard."""

    __slots__ = ("_changed", "_ended", "_moved", "_store", "_sums")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sums = store.period_sums()
        self._changed: set[tuple[str, str]] = set()
        self._ended = store.ended_days()
        # Zones of which days have ended.
        self._moved: set[str] = set()

    def add(self, journal: JournalEntry, content: bytes) -> None:
        key = journal.legal_entity_id, journal.period
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = PeriodSums()
        sums.add(journal, content)
        self._changed.add(key)

    def totals(self) -> dict[tuple[str, str], tuple[int, Amount, Amount]]:
        """By company and transaction currency: journals, debits and credits of all periods."""
        found: dict[tuple[str, str], tuple[int, Amount, Amount]] = {}
        for (company, _), sums in self._sums.items():
            for currency, (count, debits, credits_) in sums.currencies.items():
                had = found.get((company, currency), (0, 0, 0))
                found[company, currency] = had[0] + count, had[1] + debits, had[2] + credits_
        return found

    def end_day(self, zone: str, day: date) -> None:
        """A day that ended before, and is said again, moves nothing."""
        ended = day.isoformat()
        if ended > self._ended.get(zone, ""):
            self._ended[zone] = ended
            self._moved.add(zone)

    def keep(self) -> None:
        """What the batch has changed."""
        if self._changed:
            self._store.keep_period_sums((key, self._sums[key]) for key in sorted(self._changed))
            self._changed.clear()
        if self._moved:
            self._store.keep_ended((zone, self._ended[zone]) for zone in sorted(self._moved))
            self._moved.clear()

    def certify(
        self,
        event: AccountingPeriodClosed,
        before: ReferenceBook,
        now: ReferenceBook,
        chains: tuple[bytes, bytes, int],
        encode: Callable[[CloseCertificate], bytes],
    ) -> CloseCertificate | None:
        """None where nothing closes: the period was closed already, or nobody has defined the company."""
        entity_id, name = event.legal_entity_id, event.period
        entity = now.entity(entity_id)
        closed = now.closed_periods(entity_id)
        if entity is None or name not in closed or name in before.closed_periods(entity_id):
            return None
        period = period_named(entity.fiscal_calendar, name)
        if period is None:
            return None
        ended = self._ended.get(entity.zone)
        place = ClosingPlace(date.fromisoformat(ended) if ended is not None else None, *chains)
        had = before.periods.get(entity_id, {}).get(name)
        made = certificate(event, period, entity.currency, self._of(entity_id), closed, had, place)
        sums = self._sums.setdefault((entity_id, name), PeriodSums())
        sums.certified = certified_as(made, encode(made))
        self._changed.add((entity_id, name))
        return made

    def _of(self, entity_id: str) -> Mapping[str, PeriodSums]:
        return {name: sums for (company, name), sums in self._sums.items() if company == entity_id}
