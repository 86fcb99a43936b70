from __future__ import annotations

from pathlib import Path

import pytest

# As text: there are fifty times as many tests elsewhere.
HERE = f"{Path(__file__).parent}/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The thorough profile takes its time here."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.timeout(7_200))
