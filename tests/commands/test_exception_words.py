"""Exceptions say in finance's words what their outputs say with ids and names of events."""

from __future__ import annotations

import pytest

from milepost.exceptions.words import message_text


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        (
            "TimeApproved T-0000333 of 2026-01-13 waits: no engagement is known for project OLD-0040",
            "time approved T-0000333 of 2026-01-13 waits: no contract group is known for project OLD-0040",
        ),
        ("600.00 USD is over cap line:L of contract K", "600.00 USD is over cap of line L of contract K"),
        ("600.00 USD is over cap shared:budget of contract K", "600.00 USD is over shared cap budget of contract K"),
        (
            "13.00 USD is over cap limit:X:meals of contract K",
            "13.00 USD is over limit of meals of line X of contract K",
        ),
        ("5.00 USD is over cap units:L of contract K", "5.00 USD is over agreed units of line L of contract K"),
        ("over cap line:L/2026-06 of contract K", "over cap of line L in 2026-06 of contract K"),
        ("person P-1 has no cost rate on 2026-03-02", "person P-1 has no cost rate on 2026-03-02"),
    ],
)
def test_a_message_is_shown_in_words(published: str, shown: str) -> None:
    assert message_text(published) == shown
