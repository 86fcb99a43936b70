"""docs/limits.md names what the rules refuse: all of it, and nothing that they handle by now."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from domain import reference
from domain.billing import methods
from domain.events.catalogue import EVENTS
from domain.events.common import Terms
from state import fold, refusal

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
# Intake resolves the one, the shard checks the other; neither reaches an engagement.
ELSEWHERE = {"IdentityLinked", "RulesActivated"}


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def cases(function: Callable[..., object]) -> set[str]:
    """The event types that its `match` names."""
    return set(re.findall(r"\b([A-Z][A-Za-z]+)\(\)", inspect.getsource(function)))


def test_every_event_that_is_refused_is_named() -> None:
    refused = set(EVENTS) - cases(fold.apply) - cases(reference.apply) - ELSEWHERE
    table = [line.split("|")[1] for line in section("Events").splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", "".join(table))) == refused


def test_every_kind_of_terms_that_is_refused_is_named() -> None:
    refused = {kind.__name__ for kind in get_args(Terms) if kind not in methods.KINDS}
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", section("Lines of a contract"))) == refused


def test_no_policy_is_refused_whatever_else_the_contract_says() -> None:
    named = set(re.findall(r"policy `([a-z_]+)=([a-z_]+)`", section("Contracts")))
    assert named == {("cap_split_billing", "prorate")}


def test_every_part_of_a_contract_that_is_refused_is_named() -> None:
    """As the handler says it in its messages."""
    source = inspect.getsource(refusal)
    for field in ("funding", "purchase_order.limit", "cap_split_billing"):
        assert field in source, f"{field} is refused no more: take it out of docs/limits.md and of this list"
        assert f"`{field}" in section("Contracts") or f"policy `{field}" in section("Contracts")
