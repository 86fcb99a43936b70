"""Writes docs/settings.md, every setting with default and meaning: `python -m schemas.settings_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from milepost.settings import Settings
from schemas.files import keep_page

PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"
INTRODUCTION: Final = Path(__file__).parent / "settings_intro.md"
BOUNDS: Final = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "pattern": "`{}`"}
WORDS: Final = {
    "object": "table",
    "array": "list",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


def main(arguments: list[str]) -> int:
    differs = "differs from the settings; run `python -m schemas.settings_page`"
    return keep_page(PAGE, page(), differs, arguments)


def page() -> str:
    shape = Settings.model_json_schema()
    blocks = [INTRODUCTION.read_text(encoding="utf-8")]
    for name, field in shape["properties"].items():
        blocks.append(f"## [{name}]\n\n" + "\n".join(_section(name, field, shape["$defs"])) + "\n")
    return "\n".join(blocks)


def _section(name: str, field: dict[str, Any], sections: dict[str, Any]) -> Iterator[str]:
    reference = field.get("$ref")
    if reference is None:
        yield field["description"]
        return
    section = sections[reference.rpartition("/")[2]]
    yield f"{' '.join(section['description'].split())}\n\n| setting | built in | meaning |\n|---|---|---|"
    for key, found in section["properties"].items():
        yield f"| `{name}.{key}` | {_built_in(found)} | {found.get('description', '')} |"


def _built_in(found: dict[str, Any]) -> str:
    """The value, which shows its type; where there is none, the type. Bounds stand with it."""
    bounds = " ".join(text.format(found[key]) for key, text in BOUNDS.items() if key in found).replace("|", "\\|")
    if found.get("default") is not None:
        return f"`{orjson.dumps(found['default']).decode()}`{f', {bounds}' if bounds else ''}"
    kind = found.get("type") or next(each["type"] for each in found["anyOf"] if each["type"] != "null")
    words = " ".join(word for word in (WORDS.get(kind, ""), bounds) if word)
    return f"not set{f', {words}' if words else ''}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
