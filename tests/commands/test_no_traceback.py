"""Every command that reads answers, or says what is missing, over whatever `run` has written, be it every scenario or an odd folder.

Scenarios are played together, several to a folder, each with ids of its own; a command that asks about one thing asks about the next one in
each folder. Odd folders see every command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import pytest
from typer.testing import CliRunner, Result

from connectors.files.no_outputs import NoOutputs
from connectors.files.written import read_shard, shards
from domain.outputs import BillingStatement, ExceptionRaised, JournalEntry, ProjectView
from milepost.cli import app
from milepost.console import UNSEEN
from tests.commands.tiny_firm import Event, event, founding, worked
from tests.fuzz.corpus import Line, firm, together
from tests.fuzz.play import write
from tests.scenarios.test_scenarios import SCENARIOS
from tests.thoroughness import THOROUGH

# Each is accounted for and audited, half a minute of processor: one scenario in so many is there, all with
# HYPOTHESIS_PROFILE=thorough.
FOLDERS, TRIED = (12, 1) if THOROUGH else (2, 18)
UNKNOWN = "NOBODY-KNOWS-IT"
# Stories that go on for years are left here: each day's end of all of them takes time.
LAST_DAY = "2028-01-31"
# Answered; usage: there is no such thing; guard: there is no log.
ANSWERED, USAGE, NO_LOG = 0, 2, 16
LISTS = (
    ("verify",),
    ("ledger",),
    ("ledger", "--csv"),
    ("ledger", "--json"),
    ("statement",),
    ("exceptions", "list"),
    ("exceptions", "list", "--state", "all", "--all"),
    ("exceptions", "list", "--json"),
    ("dead-letters", "list"),
    ("dead-letters", "list", "--json"),
    ("dump", "erp.postings"),
    ("dump", "project.views", "--json", "--limit", "3"),
    ("dump", "dead-letters"),
    ("between", "2026-01-31", "2026-06-30"),
    ("between", "2026-01-31", "2026-06-30", "--json"),
    ("whatif", "--on", "2026-12-31"),
    ("exceptions", "list", "--as-of", "2026-06-15"),
    ("ledger", "--as-of", "2026-06-15"),
)
ABOUT = (
    ("show", "project"),
    ("show", "project", "--json"),
    ("show", "project", "--as-of", "2026-06-15"),
    ("show", "project", "--for", "2026-06"),
    ("forecast", "project"),
    ("forecast", "project", "--html", "-"),
    ("forecast", "project", "--json"),
    ("show", "statement"),
    ("statement", "statement"),
    ("statement", "statement", "--html", "-"),
    ("statement", "statement", "--csv", "--group-by", "week"),
    ("explain", "statement", "--depth", "2"),
    ("explain", "entry"),
    ("explain", "entry", "--json"),
    ("explain", "journal"),
    ("explain", "exception", "--depth", "1"),
    ("exceptions", "show", "exception"),
    ("ledger", "--entity", "entity"),
    ("ledger", "--entity", "entity", "--period", "period", "--csv"),
    ("dead-letters", "show", "letter"),
)


class Known(NamedTuple):
    """Ids of each kind that a folder has."""

    project: Sequence[str]
    statement: Sequence[str]
    entry: Sequence[str]
    journal: Sequence[str]
    exception: Sequence[str]
    entity: Sequence[str]
    period: Sequence[str]
    letter: Sequence[str] = ()


def ask(output: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--output", str(output)])


def run(folder: Path, lines: Sequence[Event | Line], *more: str) -> Path:
    (folder / "in").mkdir()
    write(folder / "in" / "events.jsonl", lines)
    result = ask(folder / "out", "run", "--input", str(folder / "in"), "--yes", *more)
    assert result.exit_code == 0, result.output
    return folder / "out"


def known(output: Path) -> Known:
    found: dict[str, dict[str, None]] = {name: {} for name in Known._fields}
    try:
        told = [each.record for shard in shards(output) for each in read_shard(output, shard)]
    except NoOutputs:
        told = []
    for record in told:
        match record:
            case ProjectView():
                found["project"][record.project_id] = None
            case BillingStatement():
                found["statement"][record.statement_id] = None
            case JournalEntry():
                found["journal"][record.journal_id] = None
                found["entity"][record.legal_entity_id] = None
                found["period"][record.period] = None
                if record.affected_kind == "time_entry":
                    found["entry"][record.affected_id] = None
            case ExceptionRaised():
                found["exception"][record.exception_id] = None
            case _:
                pass
    return Known(**{name: list(ids) for name, ids in found.items()})


def walk(output: Path, things: Known, codes: set[int], which: Callable[[Sequence[str]], str]) -> None:
    about = [tuple(which(getattr(things, word)) if word in Known._fields else word for word in each) for each in ABOUT]
    asked: list[tuple[str, ...]] = [*LISTS, *about]
    for words in asked:
        result = ask(output, *_whole(words, output))
        text = f"milepost {' '.join(words)}: {result.exit_code}\n{result.output[-2_000:]}"
        assert result.exception is None or isinstance(result.exception, SystemExit), text
        assert result.exit_code in codes, text
        assert "milepost stopped" not in result.output, text
        assert UNSEEN.search(result.output) is None, text


def _whole(words: Sequence[str], output: Path) -> Sequence[str]:
    """A change for `whatif`."""
    if words[0] != "whatif":
        return words
    path = output.parent / "change.jsonl"
    write(path, [worked("T-NEW", 3)])
    return (*words, "--change", str(path))


@pytest.mark.parametrize("group", range(FOLDERS))
def test_scenarios(tmp_path: Path, group: int) -> None:
    """A thing of the next scenario in each question, and one that there is not where the folder has none."""
    places = [place for place, (_, scenario) in enumerate(SCENARIOS) if _folder(scenario.name) == group]
    lines = [line for line in together(places, [True] * len(places)) if str(line["occurred_at"])[:10] <= LAST_DAY]
    last = max(str(line["occurred_at"])[:10] for line in lines)
    until = min(date.fromisoformat(last) + timedelta(days=20), date.fromisoformat(LAST_DAY))
    output = run(tmp_path, lines, "--until", until.isoformat())
    turns = cycle(range(97))
    walk(output, known(output), {ANSWERED, USAGE}, lambda ids: ids[next(turns) % len(ids)] if ids else UNKNOWN)


def _folder(name: str) -> int | None:
    """Whatever scenarios there are besides."""
    digest = crc32(name.encode())
    return digest // TRIED % FOLDERS if digest % TRIED == 0 else None


FIRM = 7
ODD: dict[str, Callable[[], list[Event | Line]]] = {
    "nothing": list,
    "only a company": lambda: [founding()[0]],
    "only reference data": lambda: founding()[:4],
    "no work": founding,
    "no company": lambda: [*founding()[1:], worked("T-1", 2)],
    "no contract": lambda: [*founding()[:5], worked("T-1", 2)],
    "only work": lambda: [worked("T-1", 2), worked("T-2", 3)],
    "only dead letters": lambda: [{"type": "Nonsense"}, {"type": "TimeApproved", "hours": "many"}],
    "a contract that is only amended": lambda: [
        *founding()[:5],
        event(
            "ContractAmended",
            "2026-03-02T08:00:00Z",
            contract_id="K-1",
            version=2,
            replaces_version=1,
            effective_on="2026-03-20",
            treatment="prospective",
            approved_by="BEN",
            lines=founding()[5]["lines"],
        ),
        worked("T-1", 2),
    ],
    "names that act": lambda: [
        {**each, "name": "Re\x1b[31md\x07 \u202eevil\u2066 \x00\x9b\x7f"} if "name" in each else each
        for each in [*founding(), worked("T-1", 2, description="\x1b]0;title\x07\u202e001", task="b\u200build")]
    ],
    "the first half of a firm": lambda: list(firm(FIRM)[: len(firm(FIRM)) // 8]),
    "the second half of a firm": lambda: list(firm(FIRM)[-len(firm(FIRM)) // 8 :]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_folders(tmp_path: Path, name: str) -> None:
    """What is there is asked about, or what is not."""
    output = run(tmp_path, ODD[name](), *(("--until", "2026-04-02") if name != "only dead letters" else ()))
    things = known(output)
    walk(output, things, {ANSWERED, USAGE, NO_LOG}, lambda ids: ids[0] if ids else UNKNOWN)


def test_a_folder_without_what_can_be_made_again(tmp_path: Path) -> None:
    output = run(tmp_path, [*founding(), worked("T-1", 2)], "--until", "2026-04-02")
    for name in ("store", "index"):
        for path in (output / name).iterdir():
            path.unlink()
    walk(output, known(output), {ANSWERED, USAGE}, lambda ids: ids[0] if ids else UNKNOWN)


def test_json_says_a_name_that_acts_as_it_is(tmp_path: Path) -> None:
    """ESC, BEL, C1 and U+202E come out of every JSON as they went in, by their escapes."""
    name = "Re\x1b[31md\x07 \u202eevil\u2066 \x9b\x7f\U000e0041"
    firm_of_it = [{**each, "name": name} if each["type"] == "ProjectActivated" else each for each in founding()]
    output = run(tmp_path, [*firm_of_it, worked("T-1", 2, description=name)], "--until", "2026-04-02")
    shown = ask(output, "show", "BRIDGE", "--json").stdout
    assert json.loads(shown)["project"]["name"] == name
    assert "\\u202eevil" in shown
    statement = known(output).statement[0]
    for words in (("statement", statement), ("statement", statement, "--html", "-"), ("statement", statement, "--csv")):
        text = ask(output, *words).stdout
        assert "\\u202eevil" in text or words[-1] == statement, text
        assert UNSEEN.search(text) is None
