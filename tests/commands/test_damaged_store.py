"""A store whose bytes have changed on the disk is dropped and made again from the log, and the books come out as without it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dataflows import embedded
from milepost.cli import app
from state.guards import STORE_DAMAGED
from state.store.snapshot import VERSION, Damaged
from state.store.store import FILES, Store
from tests.commands.tiny_firm import founding, worked, write

DAY_2 = [*founding(), *(worked(f"T-{number}", 2) for number in range(1, 9))]
DAY_3 = [worked(f"T-{number}", 3, "2") for number in range(9, 17)]


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """A folder with one day accounted for and a second one that waits."""
    write(tmp_path / "in", DAY_2, "monday")
    assert run(tmp_path).exit_code == 0
    write(tmp_path / "in", DAY_3, "tuesday")
    return tmp_path


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What comes out where nothing is damaged."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder / "in", DAY_2, "monday")
    run(folder)
    write(folder / "in", DAY_3, "tuesday")
    assert run(folder).exit_code == 0
    return written(folder)


def run(folder: Path) -> Result:
    return CliRunner().invoke(
        app, ["run", "--input", str(folder / "in"), "--output", str(folder / "out"), "--until", "2026-03-31"]
    )


def written(folder: Path) -> dict[str, bytes]:
    made = folder / "out" / "outputs"
    return {str(path.relative_to(made)): path.read_bytes() for path in sorted(made.rglob("*.avro"))}


def store_of(folder: Path) -> Path:
    return embedded.store_path(folder / "out", 0)


@pytest.mark.parametrize("table", ["parts", "reference", "meta"])
def test_a_row_that_was_changed_is_noticed_when_it_is_read(firm: Path, expected: dict[str, bytes], table: str) -> None:
    column = "body" if table == "reference" else "data"
    with sqlite3.connect(store_of(firm)) as db:
        for rowid, data in db.execute(f"SELECT {_key(table)}, {column} FROM {table}").fetchall():
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {_key(table)} = ?", (_flipped(data), rowid))
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert "made again from the log" in result.stderr
    assert written(firm) == expected


def test_a_row_that_only_the_summary_reads_is_noticed_too(firm: Path, expected: dict[str, bytes]) -> None:
    assert run(firm).exit_code == 0
    with sqlite3.connect(store_of(firm)) as db:
        db.execute("UPDATE parts SET data = x'00' WHERE kind = 'line'")
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert "made again from the log" in result.stderr
    assert written(firm) == expected
    assert "made again" not in run(firm).stderr


def _key(table: str) -> str:
    return {"parts": "kind || id", "reference": "seq", "meta": "id"}[table]


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


def test_pages_that_were_overwritten_are_noticed(firm: Path, expected: dict[str, bytes]) -> None:
    """Every page after the first, so that the store still opens and breaks while it is used."""
    path = store_of(firm)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    pages = range(8192, len(data), 8192)
    for page in pages:
        data[page : page + 512] = bytes(byte ^ 0xFF for byte in data[page : page + 512])
    path.write_bytes(data)
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert "made again from the log" in result.stderr
    assert written(firm) == expected


@pytest.mark.parametrize("page", range(1, 12))
def test_any_single_page_that_was_overwritten_changes_no_output(
    firm: Path, expected: dict[str, bytes], page: int
) -> None:
    """Its table may not be read again, so that nobody notices; what comes out is right in any case."""
    path = store_of(firm)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    start = page * 8192
    assert start < len(data)
    data[start : start + 8192] = bytes(byte ^ 0xFF for byte in data[start : start + 8192])
    path.write_bytes(data)
    assert run(firm).exit_code == 0
    assert written(firm) == expected


@pytest.mark.parametrize("seed", range(16))
def test_a_bit_that_was_turned_changes_no_output(firm: Path, expected: dict[str, bytes], seed: int) -> None:
    """Somewhere in the file; a value is good only under the key that it was written for."""
    path = store_of(firm)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    place = chance.choice([at for at, byte in enumerate(data) if byte])
    data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert written(firm) == expected


def test_a_store_that_is_damaged_again_ends_with_its_own_code(firm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Damaged("a stored row of 40 bytes does not match its checksum")

    monkeypatch.setattr("milepost.rounds.run_dataflow", fails)
    result = run(firm)
    assert result.exit_code == STORE_DAMAGED
    assert "made again from the log and is damaged once more" in result.stderr


def test_a_store_of_other_outputs_is_dropped(firm: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same place in the log, other books: another firm's store was copied here."""
    other = tmp_path_factory.mktemp("other")
    changed = [{**event, "rate": "50"} if event["type"] == "CostRateSet" else event for event in DAY_2]
    write(other / "in", changed, "monday")
    assert run(other).exit_code == 0
    _copy(store_of(other), store_of(firm))
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert "belongs to other outputs" in result.stderr


def test_a_store_that_another_release_wrote_is_dropped(
    tmp_path: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this one sums is not in it, so it is folded again: the same outputs, and nothing is missing in the sums."""
    with monkeypatch.context() as earlier:
        earlier.setattr("state.store.snapshot.VERSION", VERSION - 1)
        write(tmp_path / "in", DAY_2, "monday")
        assert run(tmp_path).exit_code == 0
    write(tmp_path / "in", DAY_3, "tuesday")
    result = run(tmp_path)
    assert result.exit_code == 0, result.stderr
    assert f"is of form {VERSION - 1}, this release has form {VERSION}" in result.stderr
    assert "made again from the log" in result.stderr
    assert written(tmp_path) == expected
    assert "made again" not in run(tmp_path).stderr


def test_an_older_store_of_other_outputs_is_found_when_they_are_compared(
    firm: Path, expected: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    changed = [{**event, "rate": "50"} if event["type"] == "CostRateSet" else event for event in DAY_2[:-4]]
    write(other / "in", changed, "monday")
    CliRunner().invoke(app, ["run", "--input", str(other / "in"), "--output", str(other / "out")])
    _copy(store_of(other), store_of(firm))
    result = run(firm)
    assert result.exit_code == 0, result.stderr
    assert "made again from the log" in result.stderr
    assert written(firm) == expected


def _copy(source: Path, target: Path) -> None:
    Store.delete(target)
    for suffix in FILES:
        if Path(f"{source}{suffix}").exists():
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")
