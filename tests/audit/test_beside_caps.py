"""Of work of before a cap has taken what balances state; all else is beside it, and what comes since is found if it is too much."""

from __future__ import annotations

from typing import Any

import pytest

from domain.audit.caps import caps_kept
from domain.audit.entries import accounts_of
from domain.outputs import BillingStatement, JournalEntry
from tests.audit.test_planted_figures import moved
from tests.audited import engagement_of
from tests.told import told


def story(contract: str, cap: str, *stated: str) -> list[str]:
    """1,000.00 of before on line L, 200.00 of them unbilled; then 12 h at 100.00 on line M."""
    return [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100.00 USD",
        "project P of LE",
        "project Q of LE",
        f"contract K C LE USD from 2026-01-01 {contract}",
        "  line L P",
        "    rate 200.00",
        "  line M Q",
        "    rate 100.00",
        *([f"  shared cap S hard {cap} lines L,M"] if cap else []),
        "2026-06-16 brought forward P as_of 2026-06-15",
        "  line L hours=5 cost=500.00 revenue=1,000.00 billed=800.00 paid=800.00",
        *(f"    each {one}" for one in stated),
        "2026-06-20 time T-1 bob 12 h project Q",
        "2026-06-30 day ended",
    ]


def beyond(engagement: Any) -> list[str]:
    return [each.expected for each in caps_kept(engagement, accounts_of(engagement).entries).violations]


def more(record: Any, amount: int, hours: int) -> Any:
    """So much more of T-1 is earned, and so much more of line M billed."""
    if isinstance(record, JournalEntry) and record.affected_id == "T-1":
        return moved("1150", "4000", amount, amount)(record)
    if isinstance(record, BillingStatement):
        lines = tuple(
            line._replace(amount=line.amount + amount, quantity=line.quantity + hours) if line.line_id == "M" else line
            for line in record.lines
        )
        return record._replace(lines=lines)
    return record


ENTRY = "entries entry_id=T-0 worked_on=2026-06-14 amount=200.00 hours=1 person_id=bob rate=200.00"
BILLED, RECOGNISED, PRINTED = (f"at most 1000.00 {what}" for what in ("billed", "recognised", "on statements"))


@pytest.mark.parametrize(
    ("terms", "stated", "found"),
    [
        (("", "1,000.00"), (), [BILLED, RECOGNISED, PRINTED]),
        (("", "1,000.00"), ("caps cap_id=S amount=600.00",), [RECOGNISED]),
        (("", "1,000.00"), ("caps cap_id=S amount=900.00",), [RECOGNISED]),
        (("", "1,000.00 per month"), (ENTRY,), [f"{BILLED} in 2026-06", f"{RECOGNISED} in 2026-06"]),
        (
            ("", "1,000.00 per month"),
            (ENTRY, "caps cap_id=S amount=200.00"),
            [f"{BILLED} in 2026-06", f"{RECOGNISED} in 2026-06"],
        ),
        (("", "1,000.00 hours 10"), ("caps cap_id=S hours=3",), [RECOGNISED]),
        (("", "1,000.00"), ("caps cap_id=S hours=3",), [RECOGNISED]),
        (("", "1,000.00 hours 10"), ("caps cap_id=S amount=600.00 hours=3",), [RECOGNISED]),
        (("order PO-1:1,000", ""), (), [BILLED, PRINTED]),
        (("", "hours 10"), (), ["at most 10 h on statements"]),
        (("", "hours 10"), (ENTRY,), ["at most 10 h on statements"]),
    ],
)
def test_a_cap_has_taken_what_balances_state(terms: tuple[str, str], stated: tuple[str, ...], found: list[str]) -> None:
    """1.00 and half an hour above it are found, where work of before is among what counts."""
    with told(story(*terms, *stated)) as books:
        engagement = engagement_of(books)
    assert not beyond(engagement)
    outputs = tuple(seen._replace(record=more(seen.record, 10_000, 500_000)) for seen in engagement.outputs)
    assert beyond(engagement._replace(outputs=outputs)) == found
