"""What Milepost costs: `python -m benchmarks`; `--sizes 20k --parts firm` for a first look, `--write` for RESULTS.md."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks import firm, over_time, real_data, report
from benchmarks.child import ROOT, Failed, measured
from benchmarks.command import milepost
from benchmarks.engagement import CAPPED, UNCAPPED
from benchmarks.machine import on_one_core
from simulation.plan import ALL, TIME_ALONE

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PARTS = ("firm", "mix", "over_time", "engagement", "records", "explain", "grain", "real")
# Of the firm whose journals are put together for an ERP.
GRAIN_PEOPLE, GRAIN_MONTHS = 300, 3
PASSES = ("run", "dataflow", "plain", "stages")
MULTIPLES = {"k": 1_000, "m": 1_000_000}


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    core = on_one_core()
    _say(f"On core {core}" if core is not None else "On any core: this system does not let a process choose")
    kept = asked.work / "results.json"
    results: dict[str, Any] = orjson.loads(kept.read_bytes()) if kept.exists() else {}
    results["machine"] = measured("machine")
    results["date"] = datetime.now(UTC).date().isoformat()
    command = " ".join(["python -m benchmarks", *arguments])
    results["commands"] = [*(one for one in results.get("commands", []) if one != command), command]
    asked.work.mkdir(parents=True, exist_ok=True)
    try:
        for part in asked.parts:
            _measure(part, asked, results)
            kept.write_bytes(orjson.dumps(results))
    except Failed as fault:
        _say(str(fault))
        return 1
    if asked.write:
        RESULTS.write_text(report.markdown(results), encoding="utf-8")
        _say(f"Written: {RESULTS}")
    print(orjson.dumps(results).decode() if asked.json else report.text(results))
    return 0


def _measure(part: str, asked: argparse.Namespace, results: dict[str, Any]) -> None:
    match part:
        case "firm":
            for entries in asked.sizes:
                found = _firm(entries, asked)
                results.setdefault("firms", {})[str(entries)] = found
        case "mix":
            results["mix"] = [_mixed(entries, asked) for entries in asked.sizes]
        case "over_time":
            results["over_time"] = [_over_time(entries, asked) for entries in asked.sizes]
        case "engagement":
            folder = asked.work / "engagement"
            results["engagement"] = {
                kind: [
                    _told(f"one engagement, {kind}, {held:,} entries", "engagement", kind, held, asked.weeks, folder)
                    for held in asked.engagement
                ]
                for kind in (UNCAPPED, CAPPED)
            }
            shutil.rmtree(folder)
        case "records":
            results["records"] = _told("one record", "records", asked.samples)
        case "explain":
            results["explain"] = [_explained(entries, asked) for entries in asked.sizes]
            folder = asked.work / "giant"
            for entries in asked.giants:
                title = f"one engagement, cap used up, {entries:,} entries"
                found = _told(f"{title}: explain", "giant", entries, folder)
                results["explain"].append({"title": title, **found})
            shutil.rmtree(folder, ignore_errors=True)
        case "grain":
            folder = asked.work / "grain"
            shutil.rmtree(folder, ignore_errors=True)
            size = ("--people", GRAIN_PEOPLE, "--projects", GRAIN_PEOPLE // 2, "--months", GRAIN_MONTHS)
            _say(f"a firm of {GRAIN_PEOPLE} people: simulate and run")
            milepost("simulate", *size, "--seed", firm.SEED, "--format", "avro", "--out", folder / "input")
            milepost("run", "--input", folder / "input", "--output", folder / "output", "--yes")
            found = _told("journals for an ERP by grain", "grain", folder / "output")
            results["grain"] = {"people": GRAIN_PEOPLE, "found": found}
            shutil.rmtree(folder)
        case "real" if os.environ.get(real_data.VARIABLE):
            data = Path(os.environ[real_data.VARIABLE])
            folder = asked.work / "real"
            results["real"] = [
                _told(f"real data, {limit:,} hours", "real", data, limit, folder) for limit in real_data.LIMITS
            ]
            shutil.rmtree(folder)
        case _:
            _say(f"Left out: real data, for {real_data.VARIABLE} names no folder")


def _firm(entries: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Every job over the same input, each in an empty folder; the log that intake makes is the one that is folded."""
    size = firm.size_of(entries)
    folder = asked.work / str(entries)
    shutil.rmtree(folder, ignore_errors=True)
    title = f"{entries:,} time entries"
    found: dict[str, Any] = {"size": size._asdict()}
    found["input"] = _told(f"{title}: simulate", "input", entries, folder / "input")
    found["intake"] = _told(f"{title}: intake", "intake", folder / "input", folder / "intake")
    chains = set()
    for job in asked.passes:
        output = folder / job
        if job == "run":
            _say(f"{title}: run")
            ran = milepost("run", "--input", folder / "input", "--output", output, "--yes")
            found[job] = {"said": ran.said, "spent": ran.spent._asdict()}
            chains.add(measured("chain", output))
        else:
            output.mkdir()
            (output / "log").symlink_to((folder / "intake" / "log").resolve())
            found[job] = _told(f"{title}: {job}", job, output)
            chains.add(found[job].get("accounted", found[job])["chain"])
        shutil.rmtree(output)
    found["agree"] = len(chains) <= 1
    if not asked.keep:
        shutil.rmtree(folder)
    return found


def _mixed(entries: int, asked: argparse.Namespace) -> dict[str, Any]:
    """`milepost run` over a firm that sells time alone, and over the same people with all kinds of terms; twice each, in turn."""
    size = firm.size_of(entries)
    folder = asked.work / f"mix-{entries}"
    sizes = ("--people", size.people, "--projects", size.projects, "--months", size.months, "--seed", firm.SEED)
    found: dict[str, Any] = {"entries": entries, TIME_ALONE: [], ALL: []}
    for deals in (TIME_ALONE, ALL) * 2:
        _say(f"{entries:,} time entries: run, --deals {deals}")
        shutil.rmtree(folder, ignore_errors=True)
        milepost("simulate", *sizes, "--deals", deals, "--format", "avro", "--out", folder / "input")
        ran = milepost("run", "--input", folder / "input", "--output", folder / "output", "--yes")
        found[deals].append({"events": ran.said["events"], "cpu": ran.spent.cpu})
    shutil.rmtree(folder)
    return found


def _over_time(entries: int, asked: argparse.Namespace) -> dict[str, Any]:
    """`milepost run` over a firm that is paid by the hour, and over it with fixed fees that earn over time; twice each, in turn."""
    folder = asked.work / f"over-time-{entries}"
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Any] = {"entries": entries, "months": over_time.MONTHS}
    for firm_of in (over_time.BY_THE_HOUR, over_time.WITH_FEES):
        _told(
            f"{entries:,} time entries over {over_time.MONTHS} months: {firm_of}",
            "over_time",
            firm_of,
            entries,
            folder / firm_of,
        )
        found[firm_of] = []
    for firm_of in (over_time.BY_THE_HOUR, over_time.WITH_FEES) * 2:
        _say(f"{entries:,} time entries: run, {firm_of}")
        ran = milepost("run", "--input", folder / firm_of, "--output", folder / "output", "--yes")
        found[firm_of].append({"events": ran.said["events"], "cpu": ran.spent.cpu})
        shutil.rmtree(folder / "output")
    shutil.rmtree(folder)
    return found


def _explained(entries: int, asked: argparse.Namespace) -> dict[str, Any]:
    folder = asked.work / f"explain-{entries}"
    shutil.rmtree(folder, ignore_errors=True)
    title = f"a firm of {entries:,} time entries"
    _told(f"{title}: simulate", "input", entries, folder / "input")
    _say(f"{title}: run")
    milepost("run", "--input", folder / "input", "--output", folder / "output", "--yes")
    found = _told(f"{title}: explain", "explain", folder / "output", asked.questions)
    if not asked.keep:
        shutil.rmtree(folder)
    return {"title": title, **found}


def _told(title: str, task: str, *arguments: object) -> Any:
    _say(title)
    return measured(task, *arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What Milepost costs on one core.")
    parser.add_argument("--sizes", type=_counts, default="100k,1m,5m", help="Time entries of the simulated firms.")
    parser.add_argument("--parts", type=_names(PARTS), default=",".join(PARTS), help=f"Of {', '.join(PARTS)}.")
    parser.add_argument("--passes", type=_names(PASSES), default=",".join(PASSES), help=f"Of {', '.join(PASSES)}.")
    parser.add_argument("--engagement", type=_counts, default="2k,200k", help="Entries held by one engagement.")
    parser.add_argument("--weeks", type=_count, default="3", help="Weeks that are measured once it holds them.")
    parser.add_argument("--giants", type=_counts, default="4k,28k", help="Entries of engagements that are explained.")
    parser.add_argument("--questions", type=_count, default="12", help="Figures of each kind that are explained.")
    parser.add_argument("--samples", type=_count, default="20k", help="Records that are read and written.")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "benchmarks", help="Folder for input and outputs."
    )
    parser.add_argument("--keep", action="store_true", help="Keep the input and the log of the firms.")
    parser.add_argument("--json", action="store_true", help="All figures as one JSON object.")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"Write {RESULTS.name}, also with what earlier commands measured in the same folder.",
    )
    return parser


def _counts(text: str) -> list[int]:
    return [_count(one) for one in text.split(",")]


def _count(text: str) -> int:
    """Such as 20k or 1m."""
    multiple = MULTIPLES.get(text[-1:].lower(), 1)
    digits = text if multiple == 1 else text[:-1]
    if not digits.isdecimal() or not int(digits):
        raise argparse.ArgumentTypeError(f"expected a number such as 2000, 20k or 1m, got {text!r}")
    return int(digits) * multiple


def _names(known: Sequence[str]) -> Any:
    def read(text: str) -> list[str]:
        asked = text.split(",")
        wrong = [name for name in asked if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, got {wrong[0]!r}")
        return asked

    return read


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
