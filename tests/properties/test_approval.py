"""Drafts that are approved at once leave the books that statements without approval leave, and what is approved is what is true."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.told import balances, invoiced, statements, told

WORKS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 240)), max_size=6)
ENDS = {1: "2026-01-31", 2: "2026-02-28", 3: "2026-03-31"}


def _lines(currency: str, policies: str, works: list[tuple[int, int, int]], *, approved: bool) -> list[str]:
    asks = " policy statement_approval=required" if approved else ""
    found = [
        f"entity LE {currency} America/New_York",
        "customer C",
        "person bob consultant of LE",
        f"cost person bob 100 {currency}",
        "project P of LE",
        f"contract K C LE {currency} from 2026-01-01{asks}{policies}",
        "  line L P takes time",
        "    rate 77.77",
        "    cap hard 900",
        "  line D P",
        "    terms Deposit amount=150 due_on=2026-01-10 refundable=no applied=oldest",
    ]
    for month, last in ENDS.items():
        days = sorted((day, number, minutes) for number, (of, day, minutes) in enumerate(works) if of == month)
        found += [f"2026-{month:02}-{day:02} time T-{number} bob {minutes / 60:.6f} h" for day, number, minutes in days]
        found.append(f"{last} day ended")
        if approved:  # a month without a draft has nothing to approve, which is an exception and no more
            found.append(f"{last} approve K/C/2026-{month:02}-01/1 revision 1 carol")
    return found


@given(st.sampled_from(("USD", "JPY", "KWD")), st.sampled_from(("", " policy rounding_scope=line")), WORKS)
def test_approved_at_once_is_as_without_approval(
    currency: str, policies: str, works: list[tuple[int, int, int]]
) -> None:
    found = []
    for approved in (False, True):
        with told(_lines(currency, policies, works, approved=approved)) as books:
            issued = [one for one in statements(books) if one.status == "issued"]
            found.append((balances(books), [(one.statement_id, one.lines, one.amount_due) for one in issued]))
    assert found[0] == found[1]


@given(
    st.sampled_from(("", " policy rounding_scope=line")),
    WORKS,
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=4),
)
def test_what_is_issued_is_the_newest_draft_and_true(
    policies: str, works: list[tuple[int, int, int]], corrections: list[tuple[int, int]]
) -> None:
    """Entries are corrected or withdrawn while drafts wait; every draft is then approved in its newest revision, and invoiced."""
    lines = _lines("USD", policies, works, approved=True)
    lines = [line for line in lines if " approve " not in line]
    gone: set[int] = set()
    for number, minutes in corrections:
        if number >= len(works) or number in gone:
            continue
        if minutes:
            lines.append(f"2026-04-02 correct T-{number} {minutes / 60:.6f} h")
        else:
            gone.add(number)
            lines.append(f"2026-04-02 withdraw T-{number}")
    with told(lines) as books:
        said = statements(books)
    newest = {one.statement_id: one for one in said}
    drafts = [one for one in newest.values() if one.status == "open"]
    for draft in drafts:
        name = draft.statement_id.partition(".")[2]
        lines += [f"2026-04-03 approve {name} revision {number} carol" for number in range(draft.revision, 12)]
    with told(lines) as books:
        issued = [one for one in statements(books) if one.status == "issued"]
        assert {one.statement_id for one in issued} == {one.statement_id for one in drafts}
        for one in issued:
            before = [it for it in statements(books) if it.statement_id == one.statement_id and it.status == "open"][-1]
            assert before._replace(status="issued") == one
        invoiced(books, date(2026, 4, 5))
        found = balances(books)
        assert {"1150", "1160"}.isdisjoint(found)
        assert found.get("1100", 0) == -found.get("4000", 0) - found.get("2300", 0) - found.get("2310", 0)
