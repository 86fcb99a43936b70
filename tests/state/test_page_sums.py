"""Whatever of a store is turned, cut or removed behind its back: it is found at opening, or the store is as some commit left it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest

from state.store import page_sums
from state.store.snapshot import Damaged
from state.store.store import FILES, Meta, Store

COMMITS = 12
ROWS = 40
TABLES = ("engagements", "parts", "entries", "open_entries", "parked", "waits", "due", "statements", "numbers")
Rows = list[tuple[str, bytes]]


class Images(NamedTuple):
    """Files of one store as crashes left them, and what was in it after each commit."""

    crashed: tuple[Path, ...]
    closed: Path
    commits: dict[int, Rows]


def opened(folder: Path) -> Store:
    return Store(folder / "0.db", "g", 0)


def opened_whole(folder: Path) -> Store | None:
    """None where it is found damaged."""
    try:
        return opened(folder)
    except Damaged:
        return None


def rows(store: Store) -> Rows:
    return [(key, bytes(data)) for key, data in store.db.execute("SELECT id, data FROM numbers")]


def copied(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for suffix in FILES:
        if suffix != "-shm" and (source / f"0.db{suffix}").exists():
            shutil.copyfile(source / f"0.db{suffix}", target / f"0.db{suffix}")
    return target


@cache
def images() -> Images:
    """Of a store that is sealed every few commits, after every commit and in the middle of every sealing."""
    root = Path(mkdtemp(prefix="milepost-pages-"))
    crashed: list[Path] = []
    commits: dict[int, Rows] = {0: []}

    class Crashing(page_sums.PageSums):
        def _prepare(self) -> None:
            super()._prepare()
            crashed.append(copied(root / "live", root / f"sealing-{len(crashed)}"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("state.store.store.PageSums", Crashing)
        patch.setattr(page_sums, "SEAL_ABOVE", 30 * page_sums.PAGE)
        (root / "live").mkdir()
        store = opened(root / "live")
        chance = random.Random(7)
        for number in range(1, COMMITS + 1):
            store.begin()
            store.engagement(f"E-{number}")
            for row in range(ROWS):
                key = f"{chance.randrange(400)}"
                store.db.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (key, b"%d" % row * 200))
                if row % 8 == 0:
                    fill(store.db, number * ROWS + row)
            store.commit(Meta(offset=number))
            commits[number] = rows(store)
            crashed.append(copied(root / "live", root / f"committed-{number}"))
        store.close()
    return Images(tuple(crashed), root / "live", commits)


def fill(db: sqlite3.Connection, number: int) -> None:
    """A row in every table that has no checksum of its own."""
    db.execute("INSERT INTO parts VALUES (1, 'line', ?, x'00')", (f"{number}",))
    db.execute("INSERT INTO entries VALUES (1, ?, x'00')", (f"{number}",))
    db.execute("INSERT INTO open_entries VALUES (1, 'K/L', '2026-03-02', ?, 'P')", (f"{number}",))
    db.execute("INSERT INTO parked VALUES (1, ?, ?)", (number, f"{number}"))
    db.execute("INSERT INTO waits VALUES ('rate', ?, 1, 'entry', 1)", (f"{number}",))
    db.execute("INSERT INTO due VALUES ('UTC', ?, 1)", (f"{number}",))
    db.execute("INSERT INTO statements VALUES (1, ?, x'00')", (f"{number}",))


def turned(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def test_a_closed_store_opens_as_it_was() -> None:
    for _ in range(2):
        store = opened(images().closed)
        assert store.meta.offset == COMMITS
        assert rows(store) == images().commits[COMMITS]
        store.close()


def test_every_crash_leaves_the_last_commit(tmp_path: Path) -> None:
    assert any("sealing" in image.name for image in images().crashed)
    for number, image in enumerate(images().crashed):
        store = opened(copied(image, tmp_path / f"{number}"))
        assert rows(store) == images().commits[store.meta.offset]
        if image.name.startswith("committed"):
            assert store.meta.offset == int(image.name.removeprefix("committed-"))
        store.close()
        opened(tmp_path / f"{number}").close()


def test_any_bit_that_was_turned_in_the_store_is_found(tmp_path: Path) -> None:
    """In used pages as in what is free: there is none that SQLite may not use."""
    for seed in range(300):
        folder = copied(images().closed, tmp_path / f"turned-{seed}")
        turned(folder / "0.db", random.Random(seed))
        assert opened_whole(folder) is None, seed
        shutil.rmtree(folder)


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_were_deleted_are_found(tmp_path: Path, table: str) -> None:
    folder = copied(images().closed, tmp_path / "less")
    with sqlite3.connect(folder / "0.db") as db:
        column = next(name for _, name, *_ in db.execute(f"PRAGMA table_info({table})").fetchall() if name != "no")
        assert db.execute(f"DELETE FROM {table} WHERE {column} = (SELECT max({column}) FROM {table})").rowcount > 0
    db.close()
    with pytest.raises(Damaged):
        opened(folder)


@pytest.mark.parametrize("suffix", ["", "-wal", "-pages"])
def test_what_a_crash_left_and_a_bit_was_turned_in(tmp_path: Path, suffix: str) -> None:
    """Found, or what some commit left: then the fold goes on from there, as from any older copy."""
    for seed in range(150):
        chance = random.Random(f"{seed}{suffix}")
        image = chance.choice([each for each in images().crashed if _size(each / f"0.db{suffix}")])
        folder = copied(image, tmp_path / f"turned-{seed}")
        turned(folder / f"0.db{suffix}", chance)
        if (store := opened_whole(folder)) is not None:
            assert rows(store) == images().commits[store.meta.offset], seed
            store.close()
        shutil.rmtree(folder)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("suffix", ["", "-pages"])
def test_a_store_that_was_cut_short_is_found(tmp_path: Path, suffix: str) -> None:
    folder = copied(images().closed, tmp_path / "cut")
    path = folder / f"0.db{suffix}"
    path.write_bytes(path.read_bytes()[:-8192] if not suffix else path.read_bytes()[:-4])
    with pytest.raises(Damaged):
        opened(folder)


def test_a_store_without_its_sums_is_made_again(tmp_path: Path) -> None:
    folder = copied(images().closed, tmp_path / "bare")
    (folder / "0.db-pages").unlink()
    with pytest.raises(Damaged, match="has no checksums of its pages"):
        opened(folder)


def test_who_reads_meanwhile_does_not_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log stays as long as somebody reads an older state of the store."""
    folder = copied(images().closed, tmp_path / "read")
    store = opened(folder)
    store.db.execute("PRAGMA busy_timeout = 10")
    reader = sqlite3.connect(folder / "0.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM parts").fetchone()[0] > 0
    monkeypatch.setattr(page_sums, "SEAL_ABOVE", 1)
    for number in range(3):
        store.begin()
        fill(store.db, 100_000 + number)
        store.commit(Meta(offset=COMMITS + 1 + number))
    crashed = copied(folder, tmp_path / "crashed")
    reader.close()
    store.close()
    for left in (crashed, folder):
        again = opened(left)
        assert again.meta.offset == COMMITS + 3
        again.close()
