"""The domain and the fold are pure: what they may import and call, read from their source."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = ("domain", "state")
PACKAGES = (*PURE, "operators", "connectors", "dataflows", "milepost", "simulation", "benchmarks", "schemas")

# The checkpoint store needs msgspec, the reference book maps that share what stays as it was; nothing else of the fold comes from
# outside the standard library.
THIRD_PARTY = {"domain": frozenset({"immutables"}), "state": frozenset({"msgspec"})}
FIRST_PARTY = {"domain": frozenset({"domain"}), "state": frozenset({"domain", "state"})}

IMPORTED_AS = {"fpdf2": "fpdf"}
# redis before Python 3.11.3 wants the one, the standard library's zones the other.
NEEDED_BY_OTHERS = {"async-timeout", "tzdata"}

# Clocks, chance, the network, other processes and threads: nothing that can differ from one run to the next.
NEVER_IMPORTED = frozenset(
    {"asyncio", "getpass", "http", "locale", "logging", "multiprocessing", "platform", "random", "secrets", "socket"}
    | {"subprocess", "tempfile", "threading", "time", "urllib"}
)
# What only the store, never a rule, may touch.
ONLY_STATE = frozenset({"fcntl", "io", "os", "pathlib", "shutil", "sqlite3"})

NEVER_NAMED = frozenset(
    {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "date.fromtimestamp"}
    | {"os.environ", "os.getenv", "os.getpid", "os.urandom", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4"}
)
# hash() of text differs from process to process, id() from object to object.
NEVER_CALLED = frozenset({"hash", "id", "input", "print"})
ONLY_STATE_CALLS = frozenset({"open"})


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`datetime.datetime.now` for that attribute chain, '' for anything that is not a chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def impure_imports(package: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    banned = NEVER_IMPORTED | (ONLY_STATE if package == "domain" else frozenset())
    allowed = (frozenset(sys.stdlib_module_names) | THIRD_PARTY[package] | FIRST_PARTY[package]) - banned
    for line, module in imported_modules(tree):
        if module.split(".", 1)[0] not in allowed or module in NEVER_NAMED:
            yield line, f"imports {module}"


def impure_names(package: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    calls = NEVER_CALLED | (ONLY_STATE_CALLS if package == "domain" else frozenset())
    for node in ast.walk(tree):
        name = dotted(node)
        if name and (name in NEVER_NAMED or ".".join(name.split(".")[-2:]) in NEVER_NAMED):
            yield getattr(node, "lineno", 0), f"uses {name}"
        if isinstance(node, ast.Call) and dotted(node.func) in calls:
            yield node.lineno, f"calls {dotted(node.func)}()"


def impurities(package: str, tree: ast.AST) -> list[tuple[int, str]]:
    return sorted({*impure_imports(package, tree), *impure_names(package, tree)})


def floats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"writes {node.value}"
        elif isinstance(node, ast.Call) and dotted(node.func) == "float":
            yield node.lineno, "calls float()"


def findings(package: str, check: str) -> list[str]:
    found = []
    for path in sources(package):
        tree = parsed(path)
        hits = impurities(package, tree) if check == "purity" else sorted(set(floats(tree)))
        found += [f"{path.relative_to(ROOT)}:{line} {what}" for line, what in hits]
    return found


@pytest.mark.parametrize("package", PURE)
def test_the_fold_reads_no_clock_no_chance_and_no_environment(package: str) -> None:
    """So the whole result is a pure function of the log."""
    assert sources(package), f"{package}/ holds no source"
    assert findings(package, "purity") == []


@pytest.mark.parametrize("package", PURE)
def test_money_and_hours_are_never_floats(package: str) -> None:
    assert findings(package, "floats") == []


@pytest.mark.parametrize("package", PACKAGES)
def test_package_markers_are_empty(package: str) -> None:
    """What a name means stands where it is defined, and importing a package does nothing."""
    folders = {path.parent for path in sources(package)}
    markers = [folder / "__init__.py" for folder in sorted(folders)]
    assert [str(marker.relative_to(ROOT)) for marker in markers if not marker.exists()] == []
    assert [str(marker.relative_to(ROOT)) for marker in markers if marker.read_text(encoding="utf-8").strip()] == []


def test_what_is_installed_to_run_is_what_the_product_imports() -> None:
    """What only tests, benchmarks and examples import is in requirements-dev.in."""
    imported = {
        module.split(".", 1)[0]
        for package in (*PURE, "operators", "connectors", "dataflows", "milepost", "schemas")
        for path in sources(package)
        for _, module in imported_modules(parsed(path))
    }
    stated = re.findall(r"^[a-z][a-z0-9-]*", (ROOT / "requirements.in").read_text(encoding="utf-8"), re.MULTILINE)
    modules = {name: IMPORTED_AS.get(name, name.replace("-", "_")) for name in stated}
    assert {name for name, module in modules.items() if module not in imported} == NEEDED_BY_OTHERS


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import time", "imports time"),
        ("from time import monotonic", "imports time"),
        ("import bytewax", "imports bytewax"),
        ("import connectors.files", "imports connectors.files"),
        ("from . import rates", "imports ."),
        ("import os", "imports os"),
        ("from uuid import uuid4", "imports uuid.uuid4"),
        ("import datetime\ndatetime.datetime.now(datetime.UTC)", "uses datetime.datetime.now"),
        ("from datetime import datetime\nnow = datetime.now", "uses datetime.now"),
        ("from datetime import date\ndate.today()", "uses date.today"),
        ("hash('a')", "calls hash()"),
        ("open('books')", "calls open()"),
    ],
)
def test_the_check_sees_what_it_is_there_for(source: str, expected: str) -> None:
    assert expected in [what for _, what in impurities("domain", ast.parse(source))]


def test_the_check_lets_the_standard_library_and_own_modules_pass() -> None:
    source = "import hashlib\nfrom datetime import date\nfrom domain.units import Hours\ndate(2026, 3, 4)"
    assert impurities("domain", ast.parse(source)) == []
    assert impurities("state", ast.parse("import sqlite3\nimport msgspec\nfrom domain import units")) == []


def test_the_check_sees_floats() -> None:
    assert [what for _, what in floats(ast.parse("rate = 0.5\nfloat('1')"))] == ["writes 0.5", "calls float()"]
