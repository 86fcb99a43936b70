"""Numbers of statements have no gap and come once, also where two shards bill for one company and both are killed again and again.

Eight projects of one company, billed weekly over New Year, are spread over two partitions. Each partition counts a series of its own.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.log_records import StoredRecord
from dataflows.embedded import close, open_accounting, store_path
from state.store.store import FILES, Store
from tests.folding import MemoryLog
from tests.numbered_firm import SHARDS, check_gapless, folded, genesis, issued, logs, numbered, told


def killed(folder: Path, shard: int, records: Sequence[StoredRecord], chance: random.Random) -> None:
    """Batches, then an end with the last one folded, written, or committed; the store is kept, lost or an older copy."""
    accounting = open_accounting(folder, genesis(shard))
    reached = chance.choice(["folded", "written", "committed"])
    for last in (*(False for _ in range(chance.randrange(6))), True):
        batch = MemoryLog(records).read(accounting.shard.position[0], chance.randrange(1, 90), 4 << 20)
        if not batch:
            break
        mark = accounting.outputs.write(accounting.shard.fold(batch))
        assert mark is not None
        if last and reached == "folded":
            break
        accounting.outputs.commit(mark)
        if last and reached == "written":
            break
        accounting.shard.commit(mark)
    close(accounting)
    store, copy = store_path(folder, shard), folder / f"copy-{shard}.db"
    match chance.choice(["kept", "lost", "copied", "an older copy"]):
        case "lost":
            Store.delete(store)
        case "copied":
            copy_store(store, copy)
        case "an older copy" if copy.exists():
            copy_store(copy, store)


def copy_store(source: Path, target: Path) -> None:
    Store.delete(target)
    for suffix in FILES:
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    for shard, records in enumerate(logs()):
        folded(folder, shard, records)
    return folder


def test_every_series_counts_from_its_first_number_without_a_gap(plain: Path) -> None:
    check_gapless(numbered(issued(plain)))


def test_no_two_statements_of_the_company_have_one_number(plain: Path) -> None:
    numbers = [one.number for one in issued(plain) if one.status == "issued"]
    assert len(numbers) == len(set(numbers)) > 60
    assert None not in numbers


def test_the_year_is_that_of_the_day_of_issue_and_a_new_format_counts_on(plain: Path) -> None:
    numbers = [
        one.number or "" for one in issued(plain) if one.number_place and one.number_place.range_id == "INVOICES"
    ]
    first = [one for one in numbers if "/" not in one]
    assert first[0] == "INV-2026-1-0041"
    assert "INV-2027-1-0001" in first
    later = [one for one in numbers if one.startswith("I2027/1/")]
    last = max(int(one.rsplit("-", 1)[1]) for one in first if one.startswith("INV-2027-1-"))
    assert later[0] == f"I2027/1/{last + 1}"


def test_a_statement_that_is_issued_again_takes_the_next_number_and_names_the_former(plain: Path) -> None:
    by_revision = {(one.statement_id, one.revision, one.status): one for one in issued(plain)}
    again = [one for one in by_revision.values() if one.status == "issued" and one.revision > 1]
    assert again
    for one in again:
        former = by_revision[one.statement_id, one.revision - 1, "superseded"]
        assert one.replaces_number == former.number != one.number
        assert former.number == by_revision[one.statement_id, one.revision - 1, "issued"].number


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_both_shards_give_the_same_numbers(plain: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    several = logs()
    for _ in range(25):
        shard = chance.randrange(SHARDS)
        killed(tmp_path, shard, several[shard], chance)
    for shard, records in enumerate(several):
        folded(tmp_path, shard, records, chance.randrange(1, 200))
    assert told(issued(tmp_path)) == told(issued(plain))
