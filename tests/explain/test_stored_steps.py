"""Steps of a long history are kept: what is explained from them is what folding everything gives, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import time
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from connectors.files.figure_index import FigureIndex
from connectors.files.moments import Moment
from dataflows import kept_figures, stored_steps
from dataflows.embedded import decode_event
from domain.explanation import Node
from domain.outputs import ProjectView
from domain.why import Disagreement
from milepost.cli import app
from milepost.explain.explainer import Explainer
from milepost.explain.explanations import Explained, Explanations
from milepost.explained import as_json
from state.batch import LogRecord
from state.genesis import Genesis
from state.rules import RULES
from state.store import snapshot
from state.stored_trace import LaterTrace, StoredTrace
from state.trace import GENERATION, Retold, Trace
from state.trace_writer import ENTRIES, checksum_of, keep
from tests.audit.tampering import Told, rewrite
from tests.commands.tiny_firm import Event, write
from tests.explain.simulated_year import milepost
from tests.explained import figures
from tests.finished_run import BRIDGE_FEBRUARY, finished_run, history, worked
from tests.harness import Record
from tests.scenario_play import play
from tests.scenario_text import Scenario
from tests.scenarios.test_scenarios import SCENARIOS
from tests.thoroughness import tried

# One in so many of all.
SCENARIOS_TRIED = 60
# Rules whose arithmetic records itself: their numbers are kept without nodes.
RECORDED = {
    "A minimum beside units with steps over a quarter: 1,100.00 in either order",
    "The same units, of which January's come in March",
}
CHOSEN = [scenario for _, scenario in SCENARIOS if scenario.name in RECORDED or tried(scenario.name, SCENARIOS_TRIED)]
AFTER_ALL = 1 << 40


class Log(NamedTuple):
    """Of a scenario, in memory; every record lies at the place of its offset."""

    records: Sequence[Record]
    genesis: Genesis = Genesis("1", rules=RULES)

    def record(self, offset: int, place: int) -> Record:
        assert offset == place
        return self.records[place]

    def fold(self, trace: Trace, start: int, end: int) -> Retold:
        fold, recorded_at = Retold(trace, self.genesis, decode_event), 0
        for record in self.records[:end]:
            recorded_at = max(recorded_at, record.event.recorded_at or record.event.occurred_at)
            if record.offset >= start:
                fold.follow(record, recorded_at)
        return fold

    def keep(self, fold: Retold, path: Path) -> None:
        keep(fold, {record.offset: record.offset for record in self.records}, path, kept_figures.kept_figures)


@pytest.mark.parametrize("scenario", CHOSEN, ids=[scenario.name for scenario in CHOSEN])
def test_figures_of_scenarios_from_kept_steps_are_those_of_the_whole_fold(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From steps kept at once, with the figures of all statements; from steps of the first half, without, to which the others were added,
    with them; and as of the middle."""
    books = play(scenario)
    log, half = Log(books.log), len(books.log) // 2
    for engagement_id in {record.engagement_id for record in books.log if record.engagement_id}:
        at_once, grown = tmp_path / f"{engagement_id}.db", tmp_path / f"{engagement_id}-grown.db"
        whole = log.fold(Trace(engagement_id, GENERATION, 0), 0, len(log.records))
        log.keep(log.fold(Trace(engagement_id, GENERATION, 0), 0, half), grown)
        before = StoredTrace(engagement_id, grown, log, AFTER_ALL)
        with monkeypatch.context() as patched:
            patched.setattr(kept_figures, "KEPT_FROM", 0)
            log.keep(whole, at_once)
            log.keep(log.fold(LaterTrace(before), half, len(log.records)), grown)
        expected = told(whole.trace)
        assert told(StoredTrace(engagement_id, at_once, log, AFTER_ALL)) == expected
        assert told(StoredTrace(engagement_id, grown, log, AFTER_ALL)) == expected
        then = told(log.fold(Trace(engagement_id, GENERATION, 0), 0, half).trace)
        assert told(StoredTrace(engagement_id, grown, log, half)) == then
    books.close()


def test_a_question_about_a_long_statement_does_not_fold_its_cut_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the 28,000 entries that a cut may bill, what each has on its line, and what is issued of it, is kept with the steps; so is what
    the statement adds to a forecast's months."""
    monkeypatch.setattr(kept_figures, "KEPT_FROM", 1)
    books = play(
        next(
            scenario
            for _, scenario in SCENARIOS
            if scenario.name == "Work that is given back, and other work in its place"
        )
    )
    log, file = Log(books.log), tmp_path / "E.db"
    whole = log.fold(Trace("E", GENERATION, 0), 0, len(log.records))
    log.keep(whole, file)
    trace = StoredTrace("E", file, log, AFTER_ALL)
    [(statement_id, said)] = trace.statements.items()
    forecasts = [f"{project_id}#forecast" for project_id in trace.forecasts]
    for wanted in (f"{statement_id}#1", f"{statement_id}#2", *sorted(trace.entry_ids()), *forecasts):
        found, expected = (Explainer(of).explain(wanted) for of in (trace, whole.trace))
        assert found is not None
        assert expected is not None
        assert text(found) == text(expected)
    assert said[0].step not in trace._refolded
    books.close()


def told(trace: Trace) -> list[str]:
    return [text(node) for node in figures(Explainer(trace))]


def text(node: Node) -> str:
    return json.dumps(as_json(node))


class Answers(NamedTuple):
    """What figures are, what is said beside them, and how many engagements were read from what is kept."""

    figures: dict[str, str]
    notes: list[str]
    stored: int


def ask(output: Path, wanted: Sequence[str], moment: Moment | None = None) -> Answers:
    found: dict[str, str] = {}
    notes: dict[str, None] = {}
    with Explanations(output, lambda *_: None, moment) as explanations:
        for figure in wanted:
            said = explanations.explain(figure)
            found[figure] = text(said.node) if isinstance(said, Explained) else str(said)
            notes.update(dict.fromkeys(said.notes if isinstance(said, Explained) else ()))
        known = [one.retraced.trace for one in explanations._known.values()]
        return Answers(found, list(notes), sum(isinstance(one, StoredTrace) for one in known))


BRIDGE = ["T-1", "T-4", "BRIDGE#recognised", "BRIDGE#eac_cost", BRIDGE_FEBRUARY, "K-1"]


@pytest.fixture(autouse=True)
def every_history_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_steps, "KEPT_FROM", 1)
    monkeypatch.setattr(stored_steps, "AHEAD_FROM", 1)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Steps of BRIDGE are kept."""
    copied = Path(shutil.copytree(finished_run(), tmp_path / "output"))
    ask(copied, BRIDGE[:1])
    return copied


@pytest.fixture
def file(output: Path) -> Path:
    [found] = (output / "index" / "steps").glob("*.db")
    return found


def whole(output: Path, monkeypatch: pytest.MonkeyPatch, moment: Moment | None = None) -> dict[str, str]:
    """As it is where no history is kept."""
    with monkeypatch.context() as patched:
        patched.setattr(stored_steps, "is_kept", lambda *_: False)
        found = ask(output, BRIDGE, moment)
    assert found.stored == 0
    return found.figures


def test_later_questions_read_what_the_first_one_kept(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(output, BRIDGE) == Answers(whole(output, monkeypatch), [], 1)


def test_what_is_kept_answers_as_of_an_earlier_record(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = Moment(offset=30)
    found = ask(output, BRIDGE, then)
    assert found == Answers(whole(output, monkeypatch, then), [], 1)
    assert found.figures != ask(output, BRIDGE).figures


def run(folder: Path, name: str, events: list[Event]) -> Path:
    write(folder / "input", events, name)
    milepost("run", "--input", str(folder / "input"), "--output", str(folder / "output"), "--yes")
    return folder / "output"


def test_of_a_history_that_has_grown_the_new_records_alone_are_folded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-1 is corrected in February, which moves what T-3 and T-4 have of the cap."""
    events = sorted(history(), key=lambda each: str(each["occurred_at"]))
    early = [each for each in events if str(each["occurred_at"]) < "2026-02-01"]
    output = run(tmp_path, "1-early", early)
    ask(output, BRIDGE[:1])
    with FigureIndex(output) as index:
        end = index.end
    run(tmp_path, "2-late", events[len(early) :])
    with monkeypatch.context() as patched:
        folded = counting(patched)
        grown = ask(output, BRIDGE)
        assert folded
        assert min(folded) >= end
    assert grown == Answers(whole(output, monkeypatch), [], 1)
    # As of before it grew, and as of a record after that.
    for offset in (end - 2, end + 5):
        then = Moment(offset=offset)
        assert ask(output, BRIDGE, then) == Answers(whole(output, monkeypatch, then), [], 1)


def test_steps_are_kept_before_anybody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of a history that a question folds whole."""
    output = Path(shutil.copytree(finished_run(), tmp_path / "output"))
    monkeypatch.setattr(stored_steps, "KEPT_FROM", AFTER_ALL)
    assert ask(output, BRIDGE).stored == 0
    ready = json.loads(milepost("explain", "--ahead", "--output", str(output), "--json"))
    assert (ready["kept"], ready["differing"]) == (["BRIDGE", "TUNNEL"], [])
    with monkeypatch.context() as patched:
        folded = counting(patched)
        asked = ask(output, BRIDGE)
        assert folded == []
    assert asked == Answers(whole(output, monkeypatch), [], 1)


def counting(patched: pytest.MonkeyPatch) -> list[int]:
    """Log offsets of what is folded from here on."""
    folded: list[int] = []
    follow = Retold.follow

    def counted(self: Retold, record: LogRecord, recorded_at: int) -> None:
        folded.append(record.offset)
        follow(self, record, recorded_at)

    patched.setattr(Retold, "follow", counted)
    return folded


def test_a_person_who_was_known_before_and_works_here_now_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records of the person come before those that are kept last, and were not read: all is folded again."""
    output = run(tmp_path, "1-early", history())
    ask(output, BRIDGE[:1])
    late = worked("T-9", "2026-03-05", "2", "2026-03-20T18:00:00Z", "BRIDGE", person_id="BOB")
    run(tmp_path, "2-late", [late])
    wanted = [*BRIDGE, "T-9"]
    grown = ask(output, wanted)
    assert "cost rate" in grown.figures["T-9"]
    assert ask(output, wanted) == Answers(grown.figures, [], 1)
    assert {name: grown.figures[name] for name in BRIDGE} == whole(output, monkeypatch)


def test_steps_of_another_history_are_said_and_not_used(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-2 was always 7 hours there."""
    others = [{**each, "hours": "7"} if each.get("entry_id") == "T-2" else each for each in history()]
    other = run(tmp_path / "other", "events", others)
    shutil.copytree(output / "index" / "steps", other / "index" / "steps")
    found = ask(other, BRIDGE)
    assert found.figures == whole(other, monkeypatch) != whole(output, monkeypatch)
    assert (len(found.notes), found.stored) == (1, 0)
    assert "was made of other bytes" in found.notes[0]


def flip_a_bit(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_steps_that_are_not_as_they_were_written_are_said_and_kept_again(
    output: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip_a_bit(file, file.stat().st_size // 2)
    found = ask(output, BRIDGE)
    assert found.figures == whole(output, monkeypatch)
    assert (len(found.notes), found.stored) == (1, 0)
    assert "is not as it was written" in found.notes[0]
    assert ask(output, BRIDGE)[1:] == ([], 1)


def test_steps_of_another_release_are_said_and_not_used(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = whole(output, monkeypatch)
    monkeypatch.setattr(stored_steps, "_code", lambda: 1)
    found = ask(output, BRIDGE)
    assert (found.figures, found.stored) == (expected, 0)
    assert "was made by another release" in found.notes[0]


def test_outputs_that_were_changed_since_are_found(output: Path) -> None:
    def renamed(told: Told) -> Told:
        is_view = isinstance(told.record, ProjectView)
        return told._replace(record=told.record._replace(name="Renamed")) if is_view else told

    rewrite(output, renamed)
    shutil.move(output / "index" / "steps", output / "steps")
    shutil.rmtree(output / "index")
    shutil.copytree(output / "steps", output / "index" / "steps")
    with Explanations(output, lambda *_: None) as explanations:
        found = explanations.explain("T-1")
        assert isinstance(found, Explained)
        assert found.differences
        assert "was made of other bytes than the log and the outputs have" in found.notes[0]


def waive(db: sqlite3.Connection, step: int, data: bytes) -> None:
    waived = replace(snapshot.decode_entry(data), waived=("S-1",))
    sql = "UPDATE kept SET data = ? WHERE kind = ? AND id = 'T-1' AND step = ?"
    db.execute(sql, (snapshot.encode(waived), ENTRIES, step))


def leave_another_entry(db: sqlite3.Connection, step: int, data: bytes) -> None:
    db.execute("UPDATE steps SET entries = entries + 1 WHERE step = ?", (step,))
    db.execute("INSERT INTO kept VALUES (?, 'T-0', ?, ?)", (ENTRIES, step, data))


def leave_another_part(db: sqlite3.Connection, step: int, _data: bytes) -> None:
    db.execute("UPDATE steps SET parts = parts + 1 WHERE step = ?", (step,))


Alter = Callable[[sqlite3.Connection, int, bytes], None]


def alter_first_step(file: Path, alter: Alter) -> None:
    """The first of T-1, and what it left of it; the file fits its checksum."""
    with closing(sqlite3.connect(file)) as db, db:
        sql = "SELECT step, data FROM kept WHERE kind = ? AND id = 'T-1' ORDER BY step LIMIT 1"
        alter(db, *db.execute(sql, (ENTRIES,)).fetchone())
    beside = file.with_suffix(".json")
    said = json.loads(beside.read_bytes())
    beside.write_text(json.dumps({**said, "checksum": checksum_of(file)}))


@pytest.mark.parametrize("alter", [waive, leave_another_entry, leave_another_part])
def test_steps_that_give_other_rows_when_one_is_folded_again_are_dropped(
    output: Path, file: Path, monkeypatch: pytest.MonkeyPatch, alter: Alter
) -> None:
    """Such as by a rule that was changed in place; those of another engagement stay."""
    expected, tunnel = whole(output, monkeypatch), ask(output, ["TUNNEL"])
    assert ask(output, ["TUNNEL"]).stored == 1
    alter_first_step(file, alter)
    found = ask(output, ["TUNNEL", *BRIDGE])
    assert (found.figures, found.stored) == ({**tunnel.figures, **expected}, 1)
    [note] = found.notes
    assert "steps kept of BRIDGE could not be used, all was folded again" in note
    assert not file.exists()
    assert ask(output, ["TUNNEL"]) == Answers(tunnel.figures, [], 1)


def test_outputs_that_were_appended_of_an_old_record_are_found(output: Path) -> None:
    """The bytes that were taken in are as they were; the index has one output more of a record that is kept."""
    with closing(sqlite3.connect(output / "index" / "0.db")) as db, db:
        sql = "INSERT INTO outputs SELECT no, part, max(place) + 1, min(log_offset) FROM outputs GROUP BY no, part"
        db.execute(sql)
    with FigureIndex(output) as index, pytest.raises(stored_steps.Stale, match="before outputs of records that it has"):
        stored_steps.kept_steps(index, "BRIDGE")


def test_log_and_outputs_are_read_once_for_all_groups_until_somebody_writes(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noted(path: Path, length: int | None = None) -> int:
        read.append(path)
        return checksum_of(path, length)

    monkeypatch.setattr(stored_steps, "checksum_of", noted)
    with Explanations(output, lambda *_: None) as explanations:
        assert explanations.keep_ahead().kept == ["BRIDGE", "TUNNEL"]
        of_both = [path for path in read if path.suffix != ".db"]
        assert len(of_both) == len(set(of_both)) > 1
        os.utime(output / "log" / "0.avro", ns=(1, 1))
        assert explanations.keep_ahead().kept == ["BRIDGE", "TUNNEL"]
    assert [path for path in read if path.suffix != ".db"] == [*of_both, output / "log" / "0.avro"]


def test_a_fault_that_folding_everything_has_too_drops_nothing(
    output: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disagree(*_: object) -> None:
        raise Disagreement("T-1#recognised: the rule has 3, its recorded step comes to 5")

    monkeypatch.setattr(Explainer, "explain", disagree)
    with pytest.raises(Disagreement):
        ask(output, BRIDGE)
    assert file.exists()


def test_a_file_that_another_has_written_since_it_was_found_is_not_read(output: Path, file: Path) -> None:
    with FigureIndex(output) as index:
        found = stored_steps.kept_steps(index, "BRIDGE")
        assert found is not None
        with pytest.raises(stored_steps.Stale, match="was written again meanwhile"):
            found._replace(stamp=found.stamp + 1).open(index, AFTER_ALL)


def test_what_could_not_be_written_leaves_nothing(output: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = whole(output, monkeypatch)
    shutil.rmtree(file.parent)

    def fail(fold: Retold, places: object, path: Path, *_: object) -> None:
        path.write_bytes(b"half of it")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(stored_steps, "keep", fail)
        assert ask(output, BRIDGE) == Answers(expected, [], 0)
        assert list(file.parent.iterdir()) == []
        result = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "ready: 0\nNot ready: BRIDGE: database or disk is full\n" in result.stderr
    assert ask(output, BRIDGE).stored == 0
    assert ask(output, BRIDGE) == Answers(expected, [], 1)


def test_what_a_killed_writer_left_goes_with_what_is_written_a_day_later(output: Path, file: Path) -> None:
    """A writer that may be at work is left alone."""
    killed, at_work = file.parent / "unfinished-killed", file.parent / "unfinished-now"
    for folder in (killed, at_work):
        folder.mkdir()
        (folder / file.name).write_bytes(b"half of it")
    yesterday = time() - 25 * 3600
    os.utime(killed, (yesterday, yesterday))
    file.unlink()
    ask(output, BRIDGE[:1])
    assert {path.name for path in file.parent.iterdir() if path.is_dir()} == {"unfinished-now"}
    assert file.exists()


def test_what_cannot_be_kept_ahead_is_said(tmp_path: Path) -> None:
    """A file stands where the folder should be: of all of the index, or of the steps alone."""
    for name, why, code in (
        ("index", "the folder of the index cannot be written", 12),
        ("index/steps", "File exists", 1),
    ):
        output = Path(shutil.copytree(finished_run(), tmp_path / name))
        shutil.rmtree(output / name, ignore_errors=True)
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_text("a file where the folder should be")
        result = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output), "--json"])
        said = json.loads(result.stdout)
        assert (result.exit_code, said["kept"], list(said["not_kept"])) == (code, [], ["BRIDGE", "TUNNEL"])
        assert all(why in each for each in said["not_kept"].values())


def test_where_nothing_can_be_kept_it_is_said_without_long_groups_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Path(shutil.copytree(finished_run(), tmp_path / "output"))
    monkeypatch.setattr(stored_steps, "AHEAD_FROM", 1_000_000)
    shutil.rmtree(output / "index", ignore_errors=True)
    ready = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output)])
    assert (ready.exit_code, ready.stderr) == (0, "Long contract groups that are ready: 0\n")
    shutil.rmtree(output / "index")
    (output / "index").write_text("a file where the folder should be")
    result = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output)])
    assert result.exit_code == 12
    assert (
        f"ready: 0\nNothing can be kept ready: {output}/index/0.db: cannot be written: File exists. Make room"
        in result.stderr
    )
    told = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["unwritable"]) == (
        12,
        [f"{output}/index/0.db: cannot be written: File exists"],
    )


@pytest.mark.parametrize("other", [["--html", "page.html"], ["--as-of", "2026-02-09"], ["--depth", "2"], ["--all"]])
def test_ahead_goes_with_nothing_that_shows_a_figure(output: Path, other: list[str]) -> None:
    result = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output), *other])
    assert result.exit_code == 2
    assert "expected one of --ahead and" in result.stderr
