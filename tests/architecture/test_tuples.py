"""`new_tuple` takes any tuple for any class: each call has as many values as the class has fields, and none named as another field."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.ratchets import ROOMS, ROOT

# Made of a tuple of the same class, whose length is its own.
COPIES = ("domain/numbered.py",)


class Call(NamedTuple):
    path: Path
    line: int
    of: str
    # None where it is not known how many.
    values: list[ast.expr] | None

    @property
    def fields(self) -> tuple[str, ...]:
        module = import_module(self.path.with_suffix("").as_posix().replace("/", "."))
        found: tuple[str, ...] = getattr(module, self.of)._fields
        return found


def calls() -> list[Call]:
    return [
        call
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "new_tuple(" in (text := path.read_text(encoding="utf-8"))
        and path.relative_to(ROOT).as_posix() not in COPIES
        for call in calls_in(path.relative_to(ROOT), ast.parse(text))
    ]


def calls_in(path: Path, tree: ast.Module) -> list[Call]:
    found = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        # A tuple that is named before it is given.
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Tuple)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "new_tuple":
                of, given = node.args
                given = named.get(given.id, given) if isinstance(given, ast.Name) else given
                values = given.elts if isinstance(given, ast.Tuple) else None
                found[node.lineno] = Call(path, node.lineno, ast.unparse(of), values)
    return list(found.values())


def name_of(value: ast.expr) -> str:
    return getattr(value, "attr", getattr(value, "id", ""))


def places(call: Call, values: list[ast.expr]) -> dict[str, str]:
    """By field what is given for it, as far as its place is known: before the first sequence that is unpacked, and after the last."""
    stars = [place for place, value in enumerate(values) if isinstance(value, ast.Starred)]
    names, fields = [name_of(value) for value in values], call.fields
    if not stars:
        assert len(values) == len(fields), f"{call.of} has {fields}"
        return dict(zip(fields, names, strict=True))
    before, after = names[: stars[0]], names[stars[-1] + 1 :]
    assert len(values) <= len(fields), f"{call.of} has {fields}"
    return {**dict(zip(fields, before, strict=False)), **dict(zip(reversed(fields), reversed(after), strict=False))}


def has_the_fields(call: Call) -> None:
    at = f"{call.path}:{call.line}: {call.of}"
    assert call.values is not None, f"{at}: expected a tuple written out, so that it can be checked"
    given = places(call, call.values)
    # `entity.currency` is a fine ledger_currency, unless something called ledger_currency is given for another field.
    moved = [
        f"{name} for {field}"
        for field, name in given.items()
        if name != field and name in given and field in given.values()
    ]
    assert not moved, f"{at}: expected each value in its own place, got {', '.join(moved)}"


def test_a_tuple_by_place_has_the_fields_of_its_class() -> None:
    found = calls()
    assert len(found) > 20
    for call in found:
        has_the_fields(call)


def test_two_values_that_changed_places_are_found() -> None:
    text = "def made():\n    return new_tuple(Leg, (purpose, account, amount, amount))"
    (call,) = calls_in(Path("domain/ledger/journal.py"), ast.parse(text))
    with pytest.raises(AssertionError, match="purpose for account, account for purpose"):
        has_the_fields(call)
