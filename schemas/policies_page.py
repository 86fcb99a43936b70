"""Writes docs/policies.md, every policy with its values, default and levels: `python -m schemas.policies_page [--check]`.

It reads `domain/policies.py`, which needs the classes that `python -m schemas.generate` writes; so it runs after that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from domain.capabilities import OF_BOOKS, OF_CONTRACT, OF_WORK, POLICIES
from domain.events.common import Policies
from domain.policies import DEFAULTS, PRESETS
from domain.refusals import ACCEPTED
from domain.terms import methods
from schemas.events_page import PRIMITIVES, UNITS
from schemas.files import Schema, keep_page, read_schemas, short_name

PAGE: Final = Path(__file__).parent.parent / "docs" / "policies.md"
INTRODUCTION: Final = Path(__file__).parent / "policies_intro.md"
SCHEMA: Final = "milepost.common.Policies"
BUILT_IN: Final = re.compile(r";? built in (?:is )?(.+?)\.(?=\s|$)")

# The marks that the introduction explains; a policy without one counts on line, contract and company.
LINE: Final = ""
POSTED: Final = " ¹"
FORECAST: Final = " ²"
COMPANY: Final = " ³"
WORK: Final = " ⁴"
CONTRACT: Final = " ⁵"
MARKS: Final = {OF_CONTRACT: CONTRACT, OF_WORK: " ⁶", OF_BOOKS: " ⁷"}
# Where each policy counts, as the fold looks it up.
GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Rates": {"rate_precedence": LINE, "rate_date": LINE, "no_rate": LINE},
    "Hours and money": {
        "increment_minutes": LINE,
        "increment_mode": LINE,
        "increment_scope": LINE,
        "minimum_minutes": LINE,
        "hours_decimals": LINE,
        "quantity_decimals": LINE,
        "hours_max_per_entry": WORK,
        "money_mode": POSTED,
        "rounding_scope": LINE,
    },
    "Caps": {
        "cap_split": LINE,
        "cap_split_billing": LINE,
        "cap_includes": LINE,
        "cap_order": LINE,
        "cap_limits_revenue": LINE,
        "cap_thresholds": LINE,
        "overflow": LINE,
        "concession_returns_cap_room": LINE,
    },
    "Statements": {
        "billing_zone": CONTRACT,
        "billing_cycle": CONTRACT,
        "cut_off_day": CONTRACT,
        "grace_days": CONTRACT,
        "late_line": CONTRACT,
        "statement_approval": LINE,
        "approval_limit": CONTRACT,
    },
    "Books and currencies": {
        "revenue_method": LINE,
        "poc_precision": LINE,
        "poc_exclusions": LINE,
        "forecast_denominator": LINE,
        "expenses_revenue": LINE,
        "unbilled_account": LINE,
        "cost_policy": COMPANY,
        **{policy.name: MARKS[policy.counts_on] for policy in POLICIES},
        "closed_period": POSTED,
        "ar_journal": CONTRACT,
        "cash_journal": CONTRACT,
        "exchange_rate_type": POSTED,
        "fx_date": POSTED,
        "rate_staleness_days": POSTED,
        "fx_policy": LINE,
        "rounding_limit": POSTED,
        "tax_point": LINE,
        "dimensions_from": POSTED,
    },
    "Forecasts": {"forecast_threshold": FORECAST, "group_currency": FORECAST},
}
# No rule looks at them; a value of which nothing would follow is refused.
IDLE: Final = tuple(name for name in ACCEPTED if not any(name in group for group in GROUPS.values()))
DECIMALS: Final = {"amount": 4, "hours": 6, "percent": 6}


def main(arguments: list[str]) -> int:
    differs = "differs from domain/policies.py or the schema; run `python -m schemas.policies_page`"
    return keep_page(PAGE, page(read_schemas()), differs, arguments)


def page(schemas: Mapping[str, Schema]) -> str:
    """The whole page. Raises KeyError for a policy that the groups name and the schema has not."""
    fields = {field["name"]: field for field in schemas[SCHEMA]["fields"]}
    blocks = [INTRODUCTION.read_text(encoding="utf-8")]
    for title, levels in GROUPS.items():
        rows = "\n".join(_row(fields[name], level, schemas) for name, level in levels.items())
        head = "| policy | values | built in | meaning |\n|---|---|---|---|"
        blocks.append(f"## {title}\n\n{head}\n{rows}\n")
    idle = "\n".join(f"- `{name}`: {_taken(name)}" for name in IDLE)
    blocks.append(
        "## Refused\n\nNo rule follows these. Any value but the one listed raises `unsupported`; "
        "[Limits](limits.md#policies) says what to do instead.\n\n"
        f"{idle}\n"
    )
    blocks.append("## Presets\n\nHow a vendor's product behaves, where that differs from what is built in.\n")
    blocks.append("| preset | states |\n|---|---|\n" + "\n".join(_presets()) + "\n")
    return "\n".join(blocks)


def _row(field: Schema, level: str, schemas: Mapping[str, Schema]) -> str:
    meaning = f"{_meaning(field)}{_more(field['name'])}"
    return f"| `{field['name']}`{level} | {_values(field, schemas)} | {_built_in(field)} | {meaning} |"


def _values(field: Schema, schemas: Mapping[str, Schema]) -> str:
    return _values_of(field["type"], UNITS.get(field.get("unit", ""), "").partition(":")[0], schemas)


def _values_of(node: Any, unit: str, schemas: Mapping[str, Schema]) -> str:
    match node:
        case ["null", inner]:
            return _values_of(inner, unit, schemas)
        case {"type": "array", "items": items}:
            return f"list of {_values_of(items, unit, schemas)}"
        case {"type": "enum", "symbols": symbols}:
            return ", ".join(f"`{symbol}`" for symbol in symbols)
        case {"logicalType": "decimal"}:
            return unit
        case str() if "." in node and schemas[node]["type"] == "enum":
            return _values_of(schemas[node], unit, schemas)
        case str() if "." in node:
            return f"[{short_name(node)}](events.md#{short_name(node).lower()})"
    return PRIMITIVES[str(node)]


def _built_in(field: Schema) -> str:
    """As the code has it; where it has no value, as the schema's text says."""
    value = getattr(DEFAULTS, field["name"])
    if value is not None:
        return _shown(value, field.get("unit", ""))
    said = BUILT_IN.search(field["doc"])
    return said[1] if said else "none"


def _shown(value: object, unit: str) -> str:
    match value:
        case bool():
            return "`true`" if value else "`false`"
        case tuple():
            return ", ".join(_shown(item, unit) for item in value)
        case int() if unit in DECIMALS:
            whole, part = divmod(value, 10 ** DECIMALS[unit])
            return f"{whole}.{part:0{DECIMALS[unit]}}".rstrip("0").rstrip(".")
        case int():
            return str(value)
    return f"`{value}`"


def _more(name: str) -> str:
    """Values that no terms handle, and what else is so; of most policies there is nothing."""
    if name == "revenue_method":
        handled = sorted({method for kind in methods.KINDS.values() for method in kind.revenue})
        return f" Refused: all but {', '.join(f'`{method}`' for method in handled)}, each for some kinds of terms."
    if name == "approval_limit":
        return " So do adjustments of revenue by hand."
    if name == "expenses_revenue":
        return " Refused: `net`, of lines that charge expenses."
    return ""


def _taken(name: str) -> str:
    return (
        ", ".join(_shown(value, "") if value != () else "an empty list" for value in ACCEPTED.get(name, ())) or "none"
    )


def _meaning(field: Schema) -> str:
    """Without the default, which has a column of its own."""
    text = BUILT_IN.sub(".", field["doc"], count=1)
    return text.replace("..", ".").replace("|", "\\|")


def _presets() -> Iterator[str]:
    for name, stated in PRESETS.items():
        values = [f"`{policy}={value}`" for policy, value in zip(Policies._fields, stated, strict=True) if value]
        yield f"| `{name}` | {', '.join(values) or 'nothing'} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
