"""docs/policies.md is the code's: each policy once, with the default that the schema says, and only idle ones are called idle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from connectors.json_records import event_from_json
from domain.event_faults import first_fault
from domain.events.commercial import ContractSigned
from domain.events.common import Policies
from domain.policies import DEFAULTS, resolve
from schemas import policies_page
from schemas.events_page import EXAMPLES
from schemas.files import read_schemas
from schemas.policies_page import BUILT_IN, GROUPS, IDLE, PAGE, page

ROOT = Path(policies_page.__file__).parent.parent
FIELDS = {field["name"]: field for field in read_schemas()["milepost.common.Policies"]["fields"]}
# Generated, or the tables themselves.
TABLES = {
    ROOT / "domain" / "policies.py",
    ROOT / "domain" / "policy_faults.py",
    ROOT / "domain" / "refusals.py",
    ROOT / "domain" / "events" / "common.py",
}


def test_the_page_is_current() -> None:
    assert page(read_schemas()) == PAGE.read_text(encoding="utf-8")


def test_every_policy_stands_once() -> None:
    named = [*(name for group in GROUPS.values() for name in group), *IDLE]
    assert sorted([*named, "preset"]) == sorted(Policies._fields)


def test_the_example_is_read() -> None:
    stated = json.loads(PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0])
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    contract = next(each for line in lines if (each := json.loads(line))["type"] == "ContractSigned")
    event = event_from_json({**contract, "policies": stated})
    assert isinstance(event, ContractSigned)
    assert first_fault(event) is None
    assert resolve(event.policies).cap_split == "reject_whole"


def test_idle_is_what_no_rule_looks_at() -> None:
    rules = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("domain", "state")
        for path in (ROOT / folder).rglob("*.py")
        if path not in TABLES
    )
    looked_at = {name for name in Policies._fields if re.search(rf'\.{name}\b|"{name}"', rules)}
    assert looked_at.isdisjoint(IDLE)
    assert looked_at | set(IDLE) | {"preset"} == set(Policies._fields)


@pytest.mark.parametrize("name", [name for name in FIELDS if getattr(DEFAULTS, name) is not None])
def test_the_schema_says_the_default_of_the_code(name: str) -> None:
    """Where it says one in words."""
    said = BUILT_IN.search(FIELDS[name]["doc"])
    if said is None or name in {"rate_precedence", "dimensions_from"}:
        return
    value = getattr(DEFAULTS, name)
    words = {True: "yes", False: "no"}[value] if isinstance(value, bool) else policies_page._built_in(FIELDS[name])
    assert said[1].partition(" (")[0].partition(", at least")[0] == words.replace("`", "")


def test_check_says_when_the_page_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(policies_page, "PAGE", tmp_path / "policies.md")
    assert policies_page.main(["--check"]) == 1
    assert "python -m schemas.policies_page" in capsys.readouterr().out
    assert policies_page.main([]) == 0
    assert policies_page.main(["--check"]) == 0
