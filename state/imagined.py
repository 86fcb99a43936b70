"""Books on which records are tried that no log has: what is said is kept, and nothing is numbered, encoded or committed.

The fold is the one that makes the outputs. The store is a copy that its owner throws away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.billing.statement import SUPERSEDED
from domain.events.catalogue import Event
from domain.outputs import BillingStatement, ForecastCap, ForecastFigures, ProjectView
from domain.units import Amount, Hours, Instant
from state.batch import LogRecord, Mark, OutputProgress
from state.books import IssuedStatement, OpenStatement
from state.draft import Cause, Draft, nothing_known
from state.forecast.bases import weigh
from state.forecast.caps import caps_of
from state.forecast.figures import figures_of, shape_of
from state.forecast.outlook import project_zone, today
from state.genesis import Genesis
from state.overrides import Overrides
from state.shard import Shard
from state.store.store import Engagement, Store
from state.totals import standing_price
from state.trace import SILENT, works_of
from state.views import project_view
from state.work.valuation import price_side
from state.work.value_time import PricePlan


class ImaginedOutput(NamedTuple):
    """An output, and the offset that the record after it would have in the log."""

    offset: int
    record: Any


class ImaginedForecast(NamedTuple):
    """A project's forecast in project currency, as of a day."""

    figures: ForecastFigures
    caps: tuple[ForecastCap, ...]
    as_of: date


class BilledWork(NamedTuple):
    """Work on issued statements: what they bill, its value before caps, and what that would be had none of it been issued (R8)."""

    project_id: str
    contract_id: str
    currency: str
    hours: Hours
    billed: Amount
    value: Amount
    otherwise: Amount


class ImaginedStore(Store):
    """With `only`, what concerns many engagements concerns none but these."""

    def __init__(self, path: Path, generation: str, shard: int, only: frozenset[str] | None = None) -> None:
        super().__init__(path, generation, shard)
        self.touched: set[str] = set()
        self._only = only

    def apply(self, engagement_id: str, engagement: Engagement, change: Draft, log_offset: int) -> None:
        self.touched.add(engagement_id)
        super().apply(engagement_id, engagement, change, log_offset)

    def due(self, zone: str, day: str, after: str) -> list[str]:
        return self._those(super().due(zone, day, after))

    def waiting(self, keys: Iterable[tuple[str, str]], after: str) -> list[str]:
        return self._those(super().waiting(keys, after))

    def changed(self, after: str) -> list[str]:
        return self._those(super().changed(after))

    def everyone(self) -> list[str]:
        """All engagements, ascending; what belongs to none is left out."""
        rows = self.db.execute("SELECT id FROM engagements WHERE id > '' ORDER BY id")
        return [engagement_id for (engagement_id,) in rows]

    def has(self, engagement_id: str) -> bool:
        """Asking for one that is not there would make it."""
        rows = self.db.execute("SELECT 1 FROM engagements WHERE id = ?", (engagement_id,))
        return rows.fetchone() is not None

    def _those(self, found: list[str]) -> list[str]:
        return found if self._only is None else [each for each in found if each in self._only]


class ImaginedShard(Shard):
    """`said` is what the records folded since `listen` would have put out."""

    store: ImaginedStore

    def __init__(
        self, store: ImaginedStore, genesis: Genesis, decode: Callable[[str, bytes], Event], passed_over: Overrides
    ) -> None:
        super().__init__(store, SILENT, genesis, OutputProgress(), decode, passed_over)
        self.said: list[ImaginedOutput] = []

    def listen(self) -> None:
        self.said.clear()
        self.store.touched.clear()

    def catch_up(self, read: Callable[[int], Sequence[LogRecord]], tell: Callable[[int], None]) -> None:
        """To the end of the log, batch by batch; the copy keeps it."""
        while records := read(self.offset):
            mark = self.fold(records)[-1]
            assert isinstance(mark, Mark), "a folded batch ends with its mark"
            self.commit(mark)
            tell(self.offset)
            self.listen()

    def imagine(self, records: Sequence[LogRecord]) -> None:
        """Records that follow the log, all of them; nothing of it is committed."""
        begin = self.offset
        while self.offset - begin < len(records):
            self.fold(records[self.offset - begin :])

    def views(self, engagement_id: str, recorded_at: Instant) -> dict[str, ProjectView]:
        """Of each project of the engagement, as it stands."""
        drafts = self._drafts(engagement_id, recorded_at)
        return {project_id: project_view(draft, project_id) for project_id, draft in drafts}

    def foreseen(
        self, engagement_id: str, recorded_at: Instant, days: Mapping[str, date] | None
    ) -> dict[str, ImaginedForecast]:
        """Of the projects named, as of their days; without `days` of each, as of the one of `recorded_at` in its zone.

        Of one that has none, or waits for an exchange rate, nothing.
        """
        found: dict[str, ImaginedForecast] = {}
        for project_id, draft in self._drafts(engagement_id, recorded_at):
            zone = project_zone(draft, draft.project(project_id))
            day = today(draft, zone) if days is None else days.get(project_id)
            made = _foreseen(draft, project_id, day) if day is not None else None
            if made is not None:
                found[project_id] = made
        return found

    def billed_work(self, engagement_id: str, recorded_at: Instant) -> dict[str, BilledWork]:
        """By entry, hours on issued statements, as far as the terms of now have a rate for them."""
        found: dict[str, BilledWork] = {}
        for _, draft in islice(self._drafts(engagement_id, recorded_at), 1):
            for entry in draft.everything():
                work, price = entry.standing, standing_price(entry)
                if work is None or work.time is None or price is None or not price.decision:
                    continue
                if not any(issued.amount for issued in entry.issued):
                    continue
                billed = sum(one.amount for one in entry.issued if one.contract_id == price.contract_id)
                rated = price_side(draft, replace(entry, issued=()), work, work)
                if isinstance(rated, PricePlan):
                    said = price.project_id or work.project_id, price.contract_id, price.currency
                    made = BilledWork(*said, price.hours, billed, price.value, rated.price.value)
                    found[entry.entry_id] = made
        return found

    def _drafts(self, engagement_id: str, recorded_at: Instant) -> Iterator[tuple[str, Draft]]:
        """The books to read in, for each project again, as what is worked out is not kept."""
        engagement = self.store.engagement(engagement_id)
        cause = Cause("day", "", 0, "", recorded_at, recorded_at, None, self.offset)
        for project_id in sorted(engagement.parts.ids.get("project", ())):
            entries = self.store.entries(engagement)
            plans = nothing_known()
            yield (
                project_id,
                Draft(engagement_id, engagement.parts, entries, self.reference, cause, plans, is_copy=True),
            )

    def open_exceptions(self, engagement_id: str) -> set[str]:
        """Of entries that wait and of everything else."""
        engagement = self.store.engagement(engagement_id)
        found = {getattr(part, "exception_id", None) for part in engagement.parts.values()}
        entries = self.store.entries(engagement)
        for entry_id in entries.parked():
            if (entry := entries.get(entry_id)) is not None:
                found.update(fault.exception_id for work in works_of(entry) for fault in work.faults)
        return {each for each in found if each is not None}

    def open_statements(self, engagement_id: str) -> list[BillingStatement]:
        """As they were said last: drafts, and those that late work may make again, in all their parts."""
        found: list[BillingStatement] = []
        for part in self.store.engagement(engagement_id).parts.values():
            match part:
                case OpenStatement() if part.returned == part.revision:
                    found += [published._replace(status=SUPERSEDED) for published in part.published]
                case OpenStatement() | IssuedStatement():
                    found += part.published
                case _:
                    pass
        return found

    def certify(self, *_: object) -> None:
        """What comes next closes no period for good."""

    def publish(self, _cause: Cause, outputs: Sequence[object]) -> None:
        self.said += [ImaginedOutput(self.offset, record) for record in outputs]


def _foreseen(draft: Draft, project_id: str, day: date) -> ImaginedForecast | None:
    weighed = weigh(draft, project_id, day)
    if weighed is None:
        return None
    project = draft.project(project_id)
    shape = shape_of(draft, project, weighed, day)
    made = figures_of(draft, project, weighed, shape, day)
    return ImaginedForecast(made.project, caps_of(draft, weighed, shape, day), day) if made is not None else None
