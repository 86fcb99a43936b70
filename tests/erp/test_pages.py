"""What the pages on ERPs say to write into accounts.toml opens."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.erp import adapters
from connectors.erp.connection import Connection

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("erp-*.md"))
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def accounts(page: Path) -> Iterator[Mapping[str, Any]]:
    """Of each block that has a whole account, and of each with another `auth`, in place of the one before."""
    account: Mapping[str, Any] = {}
    for block in TOML.findall(page.read_text(encoding="utf-8")):
        for tables in tomllib.loads(block).get("erp", {}).values():
            account = tables if "kind" in tables else account | tables
            if "kind" in tables or "auth" in tables:
                yield account


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_opens_an_account(page: Path) -> None:
    for account in accounts(page):
        adapters.opened("books", Connection.model_validate(account)).close()


def test_every_erp_has_a_page() -> None:
    told = {account["kind"] for page in PAGES for account in accounts(page)}
    assert adapters.OPENERS.keys() - told == set()
