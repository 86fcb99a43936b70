"""The files of a simulation: what is in the folder, and what is never touched in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.containers import ContainerRecord, read_container
from connectors.json_records import event_from_json_line
from domain.events.catalogue import TOPICS
from simulation.plan import SimulationPlan, format_for
from simulation.write import FolderInUse, write

KNOWN = {codec.fingerprint: codec for codec in EVENT_CODECS.values()}


def test_containers_hold_what_the_lines_hold(tmp_path: Path, quarter_plan: SimulationPlan) -> None:
    write(quarter_plan, tmp_path / "jsonl", "jsonl")
    write(quarter_plan, tmp_path / "avro", "avro")
    names = {path.stem for path in (tmp_path / "jsonl").iterdir()}
    assert names == {path.stem for path in (tmp_path / "avro").iterdir()}
    for name in names:
        lines = (tmp_path / "jsonl" / f"{name}.jsonl").read_bytes().splitlines()
        records = []
        for found in read_container(tmp_path / "avro" / f"{name}.avro", KNOWN):
            assert isinstance(found, ContainerRecord), found
            records.append(found.record)
        assert records == [event_from_json_line(line) for line in lines]


def test_the_summary_counts_what_is_written(tmp_path: Path, quarter_plan: SimulationPlan) -> None:
    summary, files = write(quarter_plan, tmp_path, "jsonl")
    assert files == {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(files) == {f"{TOPICS[name]}.jsonl" for name in summary.events}
    assert summary.total == sum(path.read_bytes().count(b"\n") for path in tmp_path.iterdir())
    assert summary.entries < summary.events["TimeApproved"]


def test_a_large_firm_is_written_as_avro_when_nothing_is_said(quarter_plan: SimulationPlan) -> None:
    small, large = (
        quarter_plan,
        SimulationPlan(seed=1, people=20_000, projects=10_000, months=1, start=quarter_plan.start),
    )
    assert (format_for(small), format_for(large)) == ("jsonl", "avro")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, quarter_plan: SimulationPlan) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(FolderInUse, match=r"notes\.txt"):
            write(quarter_plan, tmp_path, "jsonl", force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_force_replaces_an_earlier_simulation(tmp_path: Path, quarter_plan: SimulationPlan) -> None:
    write(quarter_plan, tmp_path, "jsonl")
    with pytest.raises(FolderInUse, match="--force"):
        write(quarter_plan, tmp_path, "avro")
    (tmp_path / "finance.invoices-0001.jsonl").write_text("")
    write(quarter_plan, tmp_path, "avro", force=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".avro"}
