"""A store may follow the outputs of its shard later: it moves when it is due, after many records, and when the log ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from bytewax.run import cli_main

from dataflows.accounting import build
from dataflows.embedded import Accounting, close, open_accounting
from domain.events.reference import DayEnded
from domain.reference.book import EMPTY_BOOK
from operators.accounting import AccountingTurn, CommittingSink, Effects, Faults, LogSource, Reading, Steps
from state.batch import Mark
from state.draft import Cause, Draft, nothing_known
from state.genesis import Genesis
from state.rules import RULES
from state.store.store import Meta, Store
from tests.folding import GENERATION, Logged, MemoryLog, log_records

GENESIS = Genesis(GENERATION, rules=RULES)
FIRST = date(2026, 1, 1)
NOON = 1_767_268_800_000_000
LOG = MemoryLog(
    log_records(
        Logged("", DayEnded(f"day-{day}", NOON + day, "milepost", date=FIRST + timedelta(day), zone="UTC"))
        for day in range(100)
    )
)


@pytest.fixture
def accounting(tmp_path: Path) -> Iterator[Accounting]:
    opened = open_accounting(tmp_path, GENESIS)
    yield opened
    close(opened)


def turn_of(accounting: Accounting, store_seconds: float) -> AccountingTurn:
    return AccountingTurn(LOG, accounting.shard, accounting.outputs, store_seconds)


def fold(turn: AccountingTurn, records: int) -> None:
    batch = LOG.read(turn.shard.position[0], records, 1 << 20)
    mark = turn.outputs.write(turn.shard.fold(batch))
    assert mark is not None
    turn.commit(mark)


def test_a_store_without_a_delay_moves_with_every_batch(accounting: Accounting) -> None:
    turn = turn_of(accounting, 0.0)
    fold(turn, 10)
    assert accounting.shard.store.meta.offset == 10


def test_it_moves_once_its_seconds_have_passed(accounting: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("operators.accounting.time.monotonic", lambda: clock[0])
    turn = turn_of(accounting, 1.0)
    stored = []
    for clock[0] in (100.3, 100.9, 101.0, 101.5, 102.0, 102.1):
        fold(turn, 10)
        stored.append(accounting.shard.store.meta.offset)
    assert stored == [0, 0, 30, 30, 50, 50]
    clock[0] = 103.1
    assert turn.store_is_due
    turn.store()
    assert accounting.shard.store.meta.offset == 60


def test_it_moves_after_many_records(accounting: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.accounting.STORE_RECORDS", 25)
    turn = turn_of(accounting, 3_600.0)
    stored = []
    for _ in range(6):
        fold(turn, 10)
        stored.append(accounting.shard.store.meta.offset)
    assert stored == [0, 0, 30, 30, 30, 60]


def test_it_moves_where_the_books_that_wait_take_much_memory(
    accounting: Accounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a batch is no longer than the memory for books."""
    turn = turn_of(accounting, 3_600.0)
    fold(turn, 10)
    monkeypatch.setattr(Store, "holds_much", True)
    fold(turn, 10)
    assert accounting.shard.store.meta.offset == 11


def test_books_touched_since_a_commit_are_much_at_half_the_memory_for_books(tmp_path: Path) -> None:
    """4,096 bytes of an engagement take 32,768 in memory."""
    with closing(Store(tmp_path / "0.db", "g", 0, engagements_kib=64)) as store:
        found = []
        for offset in (1, 2):
            store.begin()
            store.engagement("E-1").stored = 4_096
            found.append(store.holds_much)
            store.commit(Meta(offset))
            found.append(store.holds_much)
        assert found == [False, False, True, False]


def test_engagements_that_are_new_fill_memory_too(tmp_path: Path) -> None:
    """What they take is known once they are written; until then they count as 16,384 bytes each."""
    with closing(Store(tmp_path / "0.db", "g", 0, engagements_kib=64)) as store:
        store.begin()
        found = []
        for each in ("E-1", "E-1", "E-2"):
            store.engagement(each)
            found.append(store.holds_much)
    assert found == [False, False, True]


def test_what_the_fold_asks_for_counts_at_once(tmp_path: Path) -> None:
    """An open entry's place takes 150 bytes: 300 places are 45,000, of 32,768 that are much."""
    places = [("K", "L", "2026-01-05", f"T-{number}", "P-1") for number in range(300)]
    with closing(Store(tmp_path / "0.db", "g", 0, engagements_kib=64)) as store:
        store.begin()
        store.apply("E-1", store.engagement("E-1"), opened(store, places), 0)
        store.commit(Meta(1))
    found = []
    with closing(Store(tmp_path / "0.db", "g", 0, engagements_kib=64)) as store:
        store.begin()
        entries = store.entries(store.engagement("E-1"))
        found.append(store.holds_much)
        assert entries.open_on("K", "L", "2026-02", "9999", "") == []
        found.append(store.holds_much)
    assert found == [False, True]


def opened(store: Store, places: list[tuple[str, str, str, str, str]]) -> Draft:
    books = store.engagement("E-1")
    cause = Cause("time_entry", "T-0", 1, "e-0", 0, 0, None, 0)
    draft = Draft("E-1", books.parts, store.entries(books), EMPTY_BOOK, cause, nothing_known())
    draft.open_added.update(places)
    return draft


def test_what_was_not_stored_is_folded_again_and_the_same_is_not_written_twice(tmp_path: Path) -> None:
    first = open_accounting(tmp_path, GENESIS)
    turn = turn_of(first, 3_600.0)
    fold(turn, 40)
    close(first)
    again = open_accounting(tmp_path, GENESIS)
    assert again.shard.position == (0, "")
    assert again.shard.progress.offset == 40
    fold(turn_of(again, 0.0), 60)
    assert again.shard.store.meta.offset == 60
    close(again)


def test_it_moves_when_the_log_ends(accounting: Accounting) -> None:
    seen: list[int] = []

    def committed(_effects: Effects, _mark: Mark) -> None:
        seen.append(accounting.shard.store.meta.offset)

    steps = Steps([turn_of(accounting, 3_600.0)], Faults(keep=True), committed)
    source = LogSource(steps, lambda: False, Reading(max_records=30))
    cli_main(build(source, steps.fold, CommittingSink(steps)))
    assert seen == [0, 0, 0, 0]
    assert accounting.shard.store.meta.offset == 100
