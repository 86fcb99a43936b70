"""What terms call their own charges on a statement, in English; a page in another language reads it and says it in its own words.

said("fee", first="2026-02-01", last="2026-02-28") is "Fee, 2026-02-01 to 2026-02-28"
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

CHARGES: Final[Mapping[str, str]] = {
    "fee": "Fee, {first} to {last}",
    "minimum": "Minimum of {amount}, {days} of {of} days",
    "instalment": "Instalment {place} of {number}",
    "price_lowered": "Price lowered",
    "progress": "Progress, {percent} % in all",
    "progress_by_cost": "Progress by cost",
    "deposit": "Deposit",
    "deposit_refund": "Refund of the deposit",
    "deposit_used": "Deposit that was used",
    "top_up": "Top-up of {day}",
    "unused_refund": "Refund of what is unused",
    "brought_forward": "Brought forward",
    "brought_forward_of": "Brought forward, {of}",
    "variable": "Settled: {item}",
    "settlement": "Settlement, earned by {day}",
}


def said(name: str, **facts: object) -> str:
    return CHARGES[name].format(**facts)


# Where several pay, what stands after it in brackets: the share that the line is, or who pays it.
BESIDE: Final = "beside"


def read(description: str) -> tuple[str, Mapping[str, str]] | None:
    """Which charge it is, with its facts as they were written; None of any other text."""
    for name, pattern in _patterns():
        if found := pattern.fullmatch(description):
            return name, {fact: value for fact, value in found.groupdict().items() if value is not None}
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (
            name,
            re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^,]+?)", re.escape(text)) + rf"(?: \((?P<{BESIDE}>.+)\))?"),
        )
        for name, text in CHARGES.items()
    )
