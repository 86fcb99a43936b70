"""However a run is cut, and whatever becomes of its store, the outputs are the same bytes and the books the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.log_records import StoredRecord
from dataflows.embedded import close, open_accounting, run_dataflow, run_plain, store_path
from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded
from operators.accounting import AccountingTurn
from state.genesis import Genesis
from state.rules import RULES
from state.store.store import FILES, Store
from tests.folding import GENERATION, MEMORY_DISK, Logged, MemoryLog, dump, log_records
from tests.histories.draw import histories
from tests.histories.log import History, with_days
from tests.histories.scope import Scope

SMALL = Scope(steps=24, currencies=("EUR", "USD", "JPY"))
BATCHES = st.sampled_from([1, 7, 2_000]) | st.integers(2, 60)


class Cut(NamedTuple):
    """A run that ends after some batches: with the last one folded, or written, or committed; and what happens to the store then.
    Until then it followed the outputs so many seconds later."""

    batches: int
    size: int
    reached: str
    store: str
    store_seconds: float


cuts = st.builds(
    Cut,
    st.integers(1, 12),
    BATCHES,
    st.sampled_from(["folded", "written", "committed"]),
    st.sampled_from(["kept", "deleted", "an older copy", "cut short"]),
    st.sampled_from([0.0, 3_600.0]),
)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=MEMORY_DISK))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def little_at_hand() -> Iterator[None]:
    """Of decoded values one each stays, a few rows are kept back, and which ids are stored is forgotten again and again."""
    with (
        patch("state.store.store.DECODED", 1 << 30),
        patch("state.store.store.KEPT_BACK_MAX", 3),
        patch("state.store.recent.IDS_MAX", 8),
        patch("state.store.recent.GROUP_MAX", 4),
    ):
        yield


def run_and_cut(folder: Path, records: Sequence[StoredRecord], cut: Cut) -> None:
    """Fold some batches and leave everything as a crash at that moment would."""
    accounting = open_accounting(folder, Genesis(GENERATION, rules=RULES))
    turn = AccountingTurn(MemoryLog(records), accounting.shard, accounting.outputs, cut.store_seconds)
    for number in range(1, cut.batches + 1):
        batch = turn.log.read(accounting.shard.position[0], cut.size, 4 << 20)
        if not batch:
            break
        mark = accounting.outputs.write(accounting.shard.fold(batch))
        assert mark is not None
        last = number == cut.batches
        if last and cut.reached == "folded":
            break
        if last and cut.reached == "written":
            accounting.outputs.commit(mark)
            break
        turn.commit(mark)
    close(accounting)


def disturb_store(folder: Path, cut: Cut, copies: list[Path]) -> None:
    store = store_path(folder, 0)
    match cut.store:
        case "deleted":
            Store.delete(store)
        case "an older copy" if copies:
            Store.delete(store)
            copy_store(copies[0], store)
        case "cut short":
            store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])
        case _:
            copies.append(folder / f"copy-{len(copies)}.db")
            copy_store(store, copies[-1])


def copy_store(source: Path, target: Path) -> None:
    for suffix in FILES:
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


def written(folder: Path) -> dict[str, bytes]:
    """All that a run leaves but its store."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("outputs", "progress")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def books_in(folder: Path) -> dict[str, list[Any]]:
    store = Store(store_path(folder, 0), GENERATION, 0)
    try:
        return {**dump(store), "meta": [store.meta]}
    finally:
        store.close()


def uninterrupted(folder: Path, records: Sequence[StoredRecord]) -> None:
    accounting = open_accounting(folder, Genesis(GENERATION, rules=RULES))
    run_plain(accounting, MemoryLog(records))
    close(accounting)


def together(*several: History) -> tuple[Logged, ...]:
    """Several engagements in one log."""
    logged = [one for history in several for one in history.logged if not isinstance(one.event, DayEnded)]
    days = [one.event.date for history in several for one in history.logged if isinstance(one.event, DayEnded)]
    return with_days(sorted(logged, key=lambda one: one.event.recorded_at or 0), max(days, default=None))


firms = st.builds(
    together,
    histories(SMALL._replace(name="AX", currencies=("EUR",))),
    histories(SMALL._replace(name="BX", currencies=("EUR",))),
)
logs = st.one_of(histories(SMALL).map(lambda history: history.logged), firms)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(logs, st.lists(cuts, min_size=1, max_size=5), BATCHES, st.sampled_from([1, 2, 500]))
def test_cut_anywhere_and_resumed_the_outputs_are_the_same(
    logged: tuple[Logged, ...], several: list[Cut], size: int, engagements_a_batch: int
) -> None:
    """Cut after fold, write or commit, with batches of any size and little in memory, the store kept, deleted, damaged or an older copy:
    the same bytes."""
    records = log_records(logged)
    views_often = patch("state.shard.VIEW_RUN", 16)
    with views_often, temporary_folder() as whole, temporary_folder() as cut_up:
        uninterrupted(whole, records)
        copies: list[Path] = []
        with patch("state.shard.ENGAGEMENTS_A_BATCH", engagements_a_batch), little_at_hand():
            for cut in several:
                run_and_cut(cut_up, records, cut)
                disturb_store(cut_up, cut, copies)
            accounting = open_accounting(cut_up, Genesis(GENERATION, rules=RULES))
            run_plain(accounting, MemoryLog(records), size)
            close(accounting)
        assert written(cut_up) == written(whole)
        assert books_in(cut_up) == books_in(whole)


@given(histories(SMALL), BATCHES)
def test_the_dataflow_says_what_the_plain_loop_says(history: History, size: int) -> None:
    """With the engine around it, the same shard writes the same bytes and leaves the same books."""
    records = log_records(history.logged)
    with temporary_folder() as plain, temporary_folder() as engine:
        uninterrupted(plain, records)
        accounting = open_accounting(engine, Genesis(GENERATION, rules=RULES))
        run_dataflow(accounting, MemoryLog(records), lambda: False, max_records=size)
        close(accounting)
        assert written(engine) == written(plain)
        assert books_in(engine) == books_in(plain)


@given(histories(SMALL._replace(accounting_periods=False)), st.integers(1, 40))
def test_a_log_of_duplicates_only_commits_and_restarts(history: History, size: int) -> None:
    """Batches without any output still move progress and store, so that a restart does not begin before them.

    A calendar that is refused for closed periods is refused in other words once more of them are closed, so none is.
    """
    events = [one for one in history.logged if not isinstance(one.event, DayEnded | IntakeNoticed)]
    first = log_records(history.logged)
    records = log_records([*history.logged, *events, *events])
    with temporary_folder() as folder:
        uninterrupted(folder, first)
        before = written(folder)
        reached = 0
        for batches in (1, 2, 10_000):
            run_and_cut(folder, records, Cut(batches, size, "committed", "kept", 0.0))
            accounting = open_accounting(folder, Genesis(GENERATION, rules=RULES))
            place = accounting.shard.position, accounting.outputs.progress.offset
            close(accounting)
            assert place == ((min(len(records), place[1]), ""), place[1])
            reached = place[1]
        assert reached == len(records)
        after = written(folder)
        assert {name: after[name] for name in after if name.startswith("outputs")} == {
            name: before[name] for name in before if name.startswith("outputs")
        }
