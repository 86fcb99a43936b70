"""What answers an event is called `on_` and stands in `state/handlers/`, where a reader looks for it."""

from __future__ import annotations

import ast

from tests.architecture.ratchets import ROOT


def test_only_handlers_answer_events() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted((ROOT / "state").rglob("*.py"))
        if path.parent.name != "handlers"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("on_")
    ]
    assert not found, f"expected in state/handlers/, got {', '.join(found)}"
