"""docs/events.md is the schemas', and its examples are events that Milepost reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.json_records import event_from_json_line
from domain.event_faults import first_fault
from domain.events.catalogue import ENTITIES, EVENTS
from domain.reference_faults import faults as reference_faults
from domain.terms.methods import KINDS
from milepost.cli import app
from schemas import generate
from schemas.events_page import AFTER, EXAMPLES, PAGE, page
from schemas.files import read_schemas

ROOT = Path(generate.__file__).parent.parent
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
LINES = EXAMPLES.read_text(encoding="utf-8").splitlines()


def test_the_page_is_current() -> None:
    """After a change of a schema: `python -m schemas.generate`."""
    assert page(read_schemas()) == TEXT


def test_every_event_has_one_example() -> None:
    assert sorted(json.loads(line)["type"] for line in LINES) == sorted(EVENTS)


@pytest.mark.parametrize(
    "line", dict.fromkeys(re.findall(r"```json\n(.*)\n```", TEXT)), ids=lambda line: json.loads(line)["type"]
)
def test_an_example_on_the_page_is_an_event(line: str) -> None:
    event = event_from_json_line(line.encode())
    assert list(reference_faults(event)) == []
    assert first_fault(event) is None


@pytest.mark.parametrize("name", EVENTS)
def test_every_field_is_on_the_page(name: str) -> None:
    section = TEXT.split(f"### {name}\n")[1].split("\n###")[0]
    common = TEXT.split("## On every event\n")[1].split("\n## ")[0]
    identity = next(line for line in section.splitlines() if "Identity: " in line)
    for field in EVENTS[name]._fields:
        row = re.search(rf"^- [^:\n]*`{field}`", section + common, re.MULTILINE)
        assert row or f"`{field}`" in identity
    assert all(f"`{field}`" in identity for field in ENTITIES[name].id_fields)


def test_every_link_leads_to_a_heading() -> None:
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in TEXT.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings


def test_a_run_reads_all_examples(tmp_path: Path) -> None:
    """But what only intake and the clock write."""
    (tmp_path / "in").mkdir()
    lines = [line for line in LINES if json.loads(line)["type"] not in {"IntakeNoticed", "DayEnded"}]
    (tmp_path / "in" / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = CliRunner().invoke(
        app, ["run", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["events"], told["dead_letters"]) == (len(lines), 0)


def test_what_lines_take_by_their_terms_is_what_the_rules_take() -> None:
    """A new kind of terms is named here too."""
    said = {
        name: tuple(re.findall(r"`(\w+)`", takes))
        for takes, names in re.findall(r"((?:`\w+`(?: and )?)+) \(([A-Z][\w, ]+)\)", AFTER["ContractLine"])
        for name in names.split(", ")
    }
    assert said == {of.__name__: kind.takes for of, kind in KINDS.items()}
