"""The index of figures is extended by one at a time, and once; a run extends it by what it commits, as a reader of it all would."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.containers import read_container
from connectors.files import figure_index
from connectors.files.figure_index import FOLDER, FigureIndex
from dataflows.embedded import run_dataflow
from domain.ledger.trial_balance import PostedSum
from milepost import rounds
from milepost.cli import app
from milepost.operate.stopping import Stop
from milepost.rounds import run_rounds
from tests.finished_run import finished_run

AT_ONCE = 4
ENTITY = "BERLIN"
BATCH = 300
TABLES = "records persons runs facts outputs forecasts sums activated taken_back".split()


def test_sums_are_the_same_however_many_ask_first_at_once(tmp_path: Path) -> None:
    """Each has opened an index that is empty before any of them fills it."""
    output = tmp_path / "output"
    shutil.copytree(finished_run(), output)
    shutil.rmtree(output / FOLDER, ignore_errors=True)
    ready = Barrier(AT_ONCE)

    def extended(_number: int) -> list[PostedSum]:
        with FigureIndex(output) as index:
            ready.wait(240)
            index.extend(lambda *_: None)
            return index.sums(ENTITY)

    with ThreadPoolExecutor(AT_ONCE) as several:
        sums = list(several.map(extended, range(AT_ONCE)))
    with FigureIndex(finished_run()) as alone:
        alone.extend(lambda *_: None)
        assert alone.sums(ENTITY), "there is something to double"
        assert sums == [alone.sums(ENTITY)] * AT_ONCE


def test_a_question_reads_into_memory_what_the_disk_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    shutil.copytree(finished_run(), output)
    shutil.rmtree(output / FOLDER, ignore_errors=True)
    with FigureIndex(output) as empty:
        assert empty.is_kept
    connect = sqlite3.connect

    def full(path: Path | str, *given: Any, **options: Any) -> sqlite3.Connection:
        db = connect(path, *given, **options)
        if path != ":memory:":
            db.execute("PRAGMA max_page_count = 1")  # no more than it has
        return db

    monkeypatch.setattr(sqlite3, "connect", full)
    with FigureIndex(output) as index:
        with pytest.raises(sqlite3.OperationalError, match="full"):
            index.extend_kept(lambda *_: None)
        index.extend(lambda *_: None)
        assert not index.is_kept
        assert index.sums(ENTITY)


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The events of a firm that sells in every way."""
    folder: Path = tmp_path_factory.mktemp("firm") / "input"
    options = ["--people", "12", "--projects", "24", "--months", "2", "--out", str(folder)]
    assert CliRunner().invoke(app, ["simulate", *options]).exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "run_dataflow", partial(run_dataflow, max_records=BATCH))


def rows_of(output: Path) -> dict[str, list[Any]]:
    """All rows, with the ids of engagements for their numbers."""
    with closing(sqlite3.connect(output / FOLDER / "0.db")) as db:
        ids: dict[int, str] = dict(db.execute("SELECT no, id FROM engagements"))
        found = {}
        for table in TABLES:
            asked = db.execute(f"SELECT * FROM {table}")
            names = [name for name, *_ in asked.description]
            rows = [dict(zip(names, row, strict=True)) for row in asked]
            found[table] = sorted(
                tuple(ids[value] if name == "no" else value for name, value in row.items()) for row in rows
            )
        (found["meta"],) = db.execute("SELECT data FROM meta").fetchall()
    return found


def read_anew(output: Path) -> dict[str, list[Any]]:
    figure_index.delete(output)
    with FigureIndex(output) as index:
        index.extend(lambda *_: None)
    return rows_of(output)


@pytest.mark.parametrize("written_every", [100, 20_000])
def test_a_run_notes_what_a_reader_of_its_outputs_would(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_every: int
) -> None:
    """And reads none of it again."""
    read: list[str] = []

    def noted(path: Path, *others: Any) -> Any:
        read.append(path.parent.name)
        return read_container(path, *others)

    monkeypatch.setattr(figure_index, "WRITTEN_EVERY", written_every)
    monkeypatch.setattr(figure_index, "read_container", noted)
    output = tmp_path / "output"
    run_rounds(firm, output, None, Stop(), follow=False)
    assert read == []
    of_the_run = rows_of(output)
    assert len(of_the_run["outputs"]) > 1_000
    assert len(of_the_run["sums"]) > 100
    assert of_the_run == read_anew(output)
    assert "erp.postings" in read


def test_what_somebody_else_took_in_meanwhile_is_not_counted_twice(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that came during the run has read what was committed by then; the run leaves the rest to be read."""
    output = tmp_path / "output"
    take = figure_index.Following.take
    asked: list[int] = []

    def asking(self: Any, *given: Any) -> None:
        take(self, *given)
        if not asked:
            with FigureIndex(output) as index:
                index.extend(lambda *_: None)
                asked.append(index.end)

    monkeypatch.setattr(figure_index.Following, "take", asking)
    run_rounds(firm, output, None, Stop(), follow=False)
    of_the_run = rows_of(output)
    assert 0 < asked[0] < len(of_the_run["records"]), "the question came in the middle"
    assert of_the_run == read_anew(output)


def test_what_was_committed_behind_its_back_is_read(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a run is killed between a commit and the index, or an index is deleted: the next round begins by reading."""
    output = tmp_path / "output"
    take = figure_index.Following.take
    seen: list[int] = []

    def missing_the_second(self: Any, *given: Any) -> None:
        seen.append(1)
        if len(seen) != 2:
            take(self, *given)

    monkeypatch.setattr(figure_index.Following, "take", missing_the_second)
    run_rounds(firm, output, None, Stop(), follow=False)
    assert len(seen) > 2, "there were batches behind it"
    assert rows_of(output) == read_anew(output)
