"""docs/limits.md names what the rules refuse: all of it, and nothing that they handle by now."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from domain import refusals
from domain.capabilities import OWN_REFERENCE
from domain.events.catalogue import EVENTS
from domain.events.common import Policies, Terms
from domain.policies import DEFAULTS, PRESETS
from domain.reference import book as reference
from domain.refusals import ACCEPTED, REFUSALS, is_accepted
from domain.terms import methods
from schemas import limits_page
from schemas.limits_page import PAGE, TABLES, page
from state import fold

ROOT = PAGE.parent.parent
LIST = ROOT / "domain" / "refusals.py"
# The list itself, and the catalogue of categories with their ways out, aside.
MODULES = [
    path
    for folder in ("domain", "state")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in (LIST, ROOT / "domain" / "exceptions.py")
]
# Intake resolves the one, the shard checks the other; neither reaches an engagement.
ELSEWHERE = {"IdentityLinked", "RulesActivated"}


def cases(function: Callable[..., object]) -> set[str]:
    """The event types that its `match` names."""
    return set(re.findall(r"\b([A-Z][A-Za-z]+)\(\)", inspect.getsource(function)))


def named(stops: str) -> set[str]:
    return {name for name, one in REFUSALS.items() if one.stops == stops}


def test_the_tables_are_those_of_the_list() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


def test_every_refusal_stands_in_one_table() -> None:
    found = re.findall(r"<!-- refused: (\w+) -->", PAGE.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(TABLES)
    stops = [one for held in TABLES.values() for one in held]
    assert sorted(stops) == sorted({one.stops for one in REFUSALS.values()})


def test_no_event_is_refused() -> None:
    own = {event.__name__ for event in OWN_REFERENCE}
    assert set(EVENTS) == cases(fold.apply) | cases(reference.apply) | own | ELSEWHERE


def test_every_kind_of_terms_is_handled() -> None:
    assert set(get_args(Terms)) == set(methods.KINDS)


def test_what_is_built_in_and_in_presets_is_never_refused() -> None:
    for stated in (DEFAULTS, *PRESETS.values()):
        for name in ACCEPTED:
            assert (value := getattr(stated, name)) is None or is_accepted(name, value), name


def test_every_policy_that_is_refused_is_one() -> None:
    assert {f"Policies.{name}" for name in ACCEPTED} == named(refusals.COMPANY)
    assert {*ACCEPTED, *refusals.NOT_OF_A_LINE} <= set(Policies._fields)


def test_every_entry_of_the_list_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (LIST, *MODULES))
    used = set(re.findall(r'words_of\(\s*"(\w+)"', code))
    by_name = {name for name in REFUSALS if name.startswith(("Policies.", "PriceFeature."))}
    assert used | by_name == set(REFUSALS)


def test_nothing_is_refused_that_the_list_has_not() -> None:
    """Who refuses takes the category and the words from domain/refusals.py."""
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert '"unsupported"' not in text, path
        assert not [word for word in words_of_refusals(ast.parse(text)) if " " in word.strip()], path


def words_of_refusals(module: ast.Module) -> Iterator[str]:
    """Texts in calls that are given the category, and in what was last assigned to their names before."""
    for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
        assigned = sorted(
            (node for node in ast.walk(function) if isinstance(node, ast.Assign)), key=lambda node: node.lineno
        )
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            values = (*call.args, *(keyword.value for keyword in call.keywords))
            names = [each.id for each in values if isinstance(each, ast.Name)]
            if "UNSUPPORTED" in names:
                given = {ast.unparse(each.targets[0]): each.value for each in assigned if each.lineno < call.lineno}
                parts = [call, *(given[name] for name in names if name in given)]
                texts = (node for part in parts for node in ast.walk(part) if isinstance(node, ast.Constant))
                yield from (text.value for text in texts if isinstance(text.value, str))


@pytest.mark.parametrize(
    "call", ["note(UNSUPPORTED, 'contract', said)", "note(category=UNSUPPORTED, kind='contract', message=said)"]
)
def test_words_of_its_own_are_found(call: str) -> None:
    own = f"def refuse():\n    said = f'terms {{kind}} are not handled'\n    {call}\n"
    assert [*words_of_refusals(ast.parse(own))] == ["contract", "terms ", " are not handled"]


def test_check_says_when_the_page_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "limits.md"
    stale.write_text("<!-- refused: work -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(limits_page, "PAGE", stale)
    assert limits_page.main(["--check"]) == 1
    assert "python -m schemas.limits_page" in capsys.readouterr().out
    assert limits_page.main([]) == 0
    assert limits_page.main(["--check"]) == 0
