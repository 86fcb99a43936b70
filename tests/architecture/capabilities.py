"""Which files of the product know of a capability: name something that is its own, and would have to be touched to add or remove it.

    python -m tests.architecture.capabilities [NAME]         the files of each, and what they name; * marks those that are its own

Names count in code and in texts that are one name (`"no_transfer_price"`), not in comments and prose. What is made from the schemas is
not counted; the schemas themselves are counted apart.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.architecture.ratchets import ROOT

# What ships: the simulated firm and the monitoring are not.
PRODUCT: Final = ("domain", "state", "operators", "connectors", "dataflows", "milepost", "schemas")
GENERATED: Final = re.compile(r"^domain/(events/|outputs\.py)")
NAME: Final = re.compile(r"[\w/-]+")


class Names(NamedTuple):
    """`own` are its files, whatever they name; `words` is what names it elsewhere, `modules` what imports it."""

    own: frozenset[str]
    words: re.Pattern[str]
    modules: frozenset[str] = frozenset()


def _names(own: str, words: str, *, modules: str = "") -> Names:
    files = frozenset(f"{each}.py" for each in own.split())
    imported = frozenset(each.replace("/", ".") for each in (*own.split(), *modules.split()))
    return Names(files, re.compile(words), imported)


CAPABILITIES: Final = {
    "intercompany": _names(
        "domain/reference/transfer_prices domain/work/transfer domain/audit/pairs domain/ledger/group state/ledger/transfers "
        "state/work/value_transfer milepost/glance/group milepost/closing/intercompany",
        r"(?i).*transfer_?price.*|.*intercompany.*|transfers?|transferplan|transferred|pair_id|due_from|due_to|"
        r"post_transfer|transfer_of|(?-i:PAIRS)",
    ),
    "revaluation": _names(
        "domain/ledger/revaluation domain/audit/revaluation state/ledger/foreign state/ledger/revaluation "
        "state/ledger/revaluation_journals milepost/closing/revaluation",
        r"(?i).*revalu.*|(?!legal).*monetary.*|unrealised",
    ),
    "provision": _names(
        "domain/revenue/provision domain/audit/provisions state/revenue/provision state/revenue/provided milepost/explain/provisions",
        r"(?i)(loss_|is_)?provisions?|provided|onerous_loss|provisionnodes",
    ),
    "variable consideration": _names(
        "domain/revenue/variable_price domain/revenue/refund domain/audit/refunds state/handlers/variable_consideration "
        "state/charges/rebates state/revenue/refunds milepost/explain/variable_price milepost/explain/refunds",
        r"(?i).*variable_?consideration.*|.*variable_price.*|itemrevisions|refund_?liability|is_refund|refunds|refundnodes|"
        r"expected_unit_price|considerationoutcome",
    ),
    # Without what is spent of an estimate, on which the method by hours and losses of other methods rest as well.
    "cost to cost with its loss": _names(
        "domain/revenue/cost_to_cost domain/revenue/provision domain/audit/provisions state/revenue/provision state/revenue/provided "
        "milepost/explain/provisions",
        r"(?i)cost_to_cost|(loss_|is_)?provisions?|provided|onerous_loss|provisionnodes",
    ),
    "what is spent": _names(
        "domain/revenue/spent state/charges/spent state/charges/estimates milepost/explain/spending",
        r"(?i)poc_exclusions|forecast_denominator|spending|spentinmonth|spent_in_month|spentwork|estimatesofline|"
        r"estimatesaid|line_estimates|known_spent|is_spent|by_spending|spendingnodes",
    ),
}


class Known(NamedTuple):
    """By file, what of the capability it names; `schemas` are those that do."""

    own: dict[str, list[str]]
    others: dict[str, list[str]]
    schemas: list[str]

    @property
    def files(self) -> int:
        return len(self.own) + len(self.others)


def known(capability: str) -> Known:
    names = CAPABILITIES[capability]
    found = Known({}, {}, [])
    for path in (path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))):
        file = path.relative_to(ROOT).as_posix()
        if GENERATED.search(file):
            continue
        words, modules = _said(path)
        named = sorted({each for each in words if names.words.fullmatch(each)} | (modules & names.modules))
        if file in names.own:
            found.own[file] = named
        elif named:
            found.others[file] = named
    for path in sorted((ROOT / "schemas" / "avro").rglob("*.avsc")):
        file = path.relative_to(ROOT).as_posix()
        if "/history/" not in file and any(map(names.words.fullmatch, _of_schema(path))):
            found.schemas.append(file)
    return found


def counted() -> dict[str, int]:
    return {name: known(name).files for name in CAPABILITIES}


@cache
def _said(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Names in code, and the modules that it imports."""
    words: set[str] = set()
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words.update(_words(node))
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.update({node.module, *(f"{node.module}.{each.name}" for each in node.names)})
    return frozenset(words), frozenset(modules)


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(name=name, asname=other):
            yield from (name, other or name)
        case ast.Constant(value=str(text)) if NAME.fullmatch(text):
            yield text


def _of_schema(path: Path) -> Iterator[str]:
    def names(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (value for key, value in node.items() if key == "name" and isinstance(value, str))
            yield from (name for value in node.values() for name in names(value))
        elif isinstance(node, list):
            yield from (name for value in node for name in names(value))

    yield from names(json.loads(path.read_text(encoding="utf-8")))


def main(wanted: list[str]) -> int:
    for name in wanted or CAPABILITIES:
        found = known(name)
        print(
            f"{name}: {found.files} files, {len(found.own)} of them its own; schemas {', '.join(found.schemas) or 'none'}"
        )
        for file, named in (*found.own.items(), *found.others.items()):
            print(f"  {'*' if file in found.own else ' '} {file}: {', '.join(named)}"[:160])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
