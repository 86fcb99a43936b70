"""Lines that are rounded as a whole, under a cap: what is billed is never above it, and all of it as soon as work is over it."""

from __future__ import annotations

from calendar import monthrange

from hypothesis import given
from hypothesis import strategies as st

from domain.money import format_amount
from tests.audited import violations
from tests.explained import not_explained
from tests.told import statements, told

# Of each month; at 33.33 they come to parts of a cent.
hours = st.lists(st.sampled_from(["0.331", "0.335", "0.5", "0.667"]), max_size=5)


def _told(months: list[list[str]], kind: str, most: str, *, is_corrected: bool) -> list[str]:
    order, cap = (f" order PO-1:{most}", []) if kind == "order" else ("", [f"    cap hard {most}"])
    found = [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100.00 USD",
        "project P of LE",
        f"contract K C LE USD from 2026-01-01 policy rounding_scope=line{order}",
        *("  line L P", "    rate 33.33", *cap),
    ]
    for month, worked in enumerate(months, 1):
        found += [f"2026-{month:02}-{day:02} time T-{month}{day} bob {each} h" for day, each in enumerate(worked, 2)]
        if is_corrected and month == 2 and months[0]:
            found.append("2026-02-20 correct T-12 0.667 h")
        found.append(f"2026-{month:02}-{monthrange(2026, month)[1]} day ended")
    return found


@given(
    st.lists(hours, min_size=2, max_size=3),
    st.sampled_from(["cap", "order"]),
    st.integers(1_000, 12_000),
    st.booleans(),
)
def test_a_cap_is_billed_to_the_cent(months: list[list[str]], kind: str, cents: int, is_corrected: bool) -> None:
    most = cents * 100
    with told(_told(months, kind, format_amount(most, "USD"), is_corrected=is_corrected)) as books:
        line = books.part("line", "K/L")
        billed = sum(one.total for one in statements(books) if one.status == "issued")
        assert billed == (line.issued if line is not None else 0)
        assert billed <= most
        if line is not None and line.over:
            assert line.billable == most
        assert not violations(books)
        assert not_explained(books, "1150", "4000") == []
