"""Writes docs/settings.md, every setting with default and meaning: `python -m schemas.settings_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from milepost.settings import Settings

PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"
INTRODUCTION: Final = Path(__file__).parent / "settings_intro.md"
BOUNDS: Final = {"minimum": "from {}", "maximum": "to {}", "exclusiveMinimum": "above {}", "pattern": "`{}`"}


def main(arguments: list[str]) -> int:
    text = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print("docs/settings.md: differs from the settings; run `python -m schemas.settings_page`")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print("docs/settings.md: written")
    return 0


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
    yield f"{' '.join(section['description'].split())}\n\n| setting | built in | values | meaning |\n|---|---|---|---|"
    for key, found in section["properties"].items():
        default = orjson.dumps(found.get("default")).decode()
        shown = "not set" if found.get("default") is None else f"`{default}`"
        yield f"| `{name}.{key}` | {shown} | {_values(found)} | {found.get('description', '')} |"


def _values(found: dict[str, Any]) -> str:
    kind = found.get("type") or next(each["type"] for each in found["anyOf"] if each["type"] != "null")
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "table",
        "array": "list",
    }
    bounds = " ".join(text.format(found[key]) for key, text in BOUNDS.items() if key in found)
    return f"{words[kind]} {bounds}".strip().replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
