"""The benchmark runs and its figures make sense; how fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks import grain, report
from benchmarks.child import ROOT
from benchmarks.explaining import PLACES
from benchmarks.firm import size_of
from benchmarks.profile import group_of
from benchmarks.stopwatch import REST, Stopwatch
from tests.finished_run import finished_run

ENTRIES = 400
GIANT = 120
# Whole weeks of 1,400 entries.
HELD = (1_400,)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    work = tmp_path_factory.mktemp("benchmarks")
    firms = ["--sizes", str(ENTRIES), "--samples", "50", "--giants", str(GIANT), "--questions", "1"]
    sizes = [*firms, "--engagement", ",".join(map(str, HELD)), "--weeks", "1"]
    parts = ["--parts", "firm,engagement,records,explain", "--work", str(work)]
    command = [sys.executable, "-m", "benchmarks", *sizes, *parts]
    ended = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_all_ways_give_the_same_bytes(results: dict[str, Any]) -> None:
    firm = results["firms"][str(ENTRIES)]
    assert firm["agree"]
    assert firm["input"]["entries"] == ENTRIES
    assert firm["dataflow"]["chain"] == firm["plain"]["accounted"]["chain"] == firm["stages"]["chain"]
    assert firm["run"]["said"]["events"] == firm["input"]["events"] == firm["intake"]["events"]


def test_every_job_has_its_time_and_memory(results: dict[str, Any]) -> None:
    firm = results["firms"][str(ENTRIES)]
    for spent in (firm["run"], firm["intake"], firm["dataflow"], firm["plain"]["accounted"]):
        assert spent["spent"]["cpu"] > 0
        assert 20 < spent["spent"]["peak_mb"] < 1_000
        assert spent["spent"]["calibration"] > 0


def test_every_stage_is_charged(results: dict[str, Any]) -> None:
    """Decoding is called once a batch; a fold, a write and a commit of the outputs belong to each."""
    stages = results["firms"][str(ENTRIES)]["stages"]["stages"]
    assert set(stages) == {*report.STAGES}
    assert all(stages[name]["seconds"] > 0 for name in ("decode", "fold", "encode", "store", "write"))
    batches = stages["fold"]["calls"]
    assert stages["decode"]["calls"] == batches + 1
    assert stages["write"]["calls"] == 2 * batches
    assert stages["encode"]["calls"] > ENTRIES


def test_the_store_holds_the_entries(results: dict[str, Any]) -> None:
    stored = results["firms"][str(ENTRIES)]["plain"]["accounted"]["stored"]
    assert ENTRIES - 10 <= stored["entry_rows"] <= ENTRIES, "a few are for projects that nobody knows"
    assert 0 < stored["part_bytes"] < stored["bytes"]
    assert stored["entry_bytes"] < stored["bytes"] < stored["output_bytes"] * 10


def test_one_engagement_is_filled_before_it_is_measured(results: dict[str, Any]) -> None:
    for costs in results["engagement"].values():
        assert [cost["held"] for cost in costs] == [*HELD]
        assert all(cost["microseconds"] > 0 for cost in costs)


def test_figures_of_every_kind_are_explained(results: dict[str, Any]) -> None:
    firm, giant = results["explain"]
    assert giant["events"] > GIANT
    assert {"account", "balance", "forecast", "journal line", "time entry"} <= {one["kind"] for one in firm["first"]}
    places = {(kind, place) for kind in ("forecast", "journal line", "statement line", "view") for place in PLACES}
    assert {f"{kind}, {place}" for kind, place in places} | {"all"} == {one["kind"] for one in giant["first"]}
    for of in (firm, giant):
        assert of["wrong"] == 0
        assert [one["questions"] for one in of["first"]] == [one["questions"] for one in of["again"]]


def test_the_report_says_machine_targets_and_profile(results: dict[str, Any]) -> None:
    written = report.markdown(results)
    for title in ("Machine", "Against the targets", "Throughput and memory", "Where the time of accounting goes"):
        assert f"## {title}" in written
    assert f"{report.TARGET_ENTRIES:,} time entries a second" in written
    assert "python -m benchmarks" in written
    assert results["machine"]["python"] in written
    shares = results["firms"][str(ENTRIES)]["plain"]["shares"]
    assert 99 < sum(share["percent"] for share in shares) < 101


def test_a_large_firm_has_ten_thousand_projects() -> None:
    assert size_of(100_000)[:3] == (100_000, 2_000, 1_000)
    assert size_of(1_000_000)[:3] == (1_000_000, 20_000, 10_000)
    assert size_of(5_000_000)[:3] == (5_000_000, 20_000, 10_000)


def test_a_stage_is_not_charged_for_what_it_calls() -> None:
    """Counted, for time has no place in a test."""
    watch = Stopwatch()
    inner = watch.watch("inner", lambda: None)
    outer = watch.watch("outer", lambda: [inner() for _ in range(3)])
    again = watch.watch("outer", outer)
    watch.reset()
    again()
    found = watch.stages()
    assert {name: of.calls for name, of in found.items()} == {REST: 0, "inner": 3, "outer": 1}


def test_the_innermost_function_says_the_group() -> None:
    assert group_of("/any/state/store/store.py", "commit") == "store: commit"
    assert group_of("/any/state/store/store.py", "entry") == "store: read and keep rows"
    assert group_of("/any/domain/money.py", "round_ratio") is None


def test_journals_are_counted_by_grain() -> None:
    """20 of the run's 24 journals are sent; 12 of them in January."""
    found = {each.grain: each for each in grain.measure(finished_run())}
    assert (found["entry"].journals, found["entry"].documents, found["entry"].a_month) == (24, 20, 12)
    assert found["entry"].documents >= found["project_day"].documents >= found["entity_day"].documents
    assert all(each.lines_most >= 2 for each in found.values())
