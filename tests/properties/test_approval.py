"""Drafts that are approved at once leave the books that statements without approval leave, and what is approved is what is true."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.audited import violations
from tests.told import all_approved, balances, invoiced, statements, told

# Several payers do not go with lines that are rounded as a whole.
POLICIES_OR_PAYERS = st.sampled_from(
    (
        "",
        " policy rounding_scope=line",
        " bill_to C:60:rounding,B:40",
        " bill_to B:99.99:rounding,C:0.01",
        " bill_to A:50,B:30,C:20:rounding",
    )
)
WORKS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 240)), max_size=6)
ENDS = {1: "2026-01-31", 2: "2026-02-28", 3: "2026-03-31"}


# The day of release, or the end of the contract, is within the months of work, or after them.
RETENTIONS = st.sampled_from(
    (
        "",
        " retention 10",
        " retention 0/10/0,50/5/50,90/0/100",
        " retention 10 release_on 2026-03-10",
        " to 2026-02-20 retention 0/10/0,50/5/50",
    )
)


def _lines(currency: str, terms: str, works: list[tuple[int, int, int]], *, approved: bool) -> list[str]:
    asks = " policy statement_approval=required" if approved else ""
    found = [
        f"entity LE {currency} America/New_York",
        *(f"customer {each}" for each in "ABC"),
        "person bob consultant of LE",
        f"cost person bob 100 {currency}",
        "project P of LE",
        f"contract K C LE {currency} from 2026-01-01{terms}{asks}",
        "  line L P takes time",
        "    rate 77.77",
        "    cap hard 900",
        "  line D P",
        "    terms Deposit amount=150 due_on=2026-01-10 refundable=no applied=oldest",
    ]
    for month, last in ENDS.items():
        if month == 3:
            found.append("2026-03-10 day ended")
            found += _approvals("2026-03-10", "2026-03-10", terms) if approved and "release_on" in terms else []
        days = sorted((day, number, minutes) for number, (of, day, minutes) in enumerate(works) if of == month)
        found += [f"2026-{month:02}-{day:02} time T-{number} bob {minutes / 60:.6f} h" for day, number, minutes in days]
        found.append(f"{last} day ended")
        found += _approvals(last, f"2026-{month:02}-01", terms) if approved else []
    return found


def _approvals(day: str, period: str, terms: str) -> list[str]:
    """What is not drafted has nothing to approve, which is an exception and no more."""
    several = "bill_to" in terms
    return [
        f"{day} approve K/{payer}/{period}/{number} revision {revision} carol"
        for number in ((1, 2, 3) if several else (1,))
        for payer in ("ABC" if several else "C")
        for revision in (1, 2)
    ]


@given(st.sampled_from(("USD", "JPY", "KWD")), POLICIES_OR_PAYERS, RETENTIONS, WORKS)
def test_approved_at_once_is_as_without_approval(
    currency: str, policies: str, retention: str, works: list[tuple[int, int, int]]
) -> None:
    """Of several payers an entry of which one has no cent is not named once the others have theirs; amounts are the same."""
    found = []
    for approved in (False, True):
        with told(_lines(currency, f"{retention}{policies}", works, approved=approved)) as books:
            issued = [one for one in statements(books) if one.status == "issued"]
            lines = [one.lines for one in issued if "bill_to" not in policies]
            amounts = [[(line.line_id, line.amount) for line in one.lines] for one in issued]
            dues = [(one.statement_id, one.amount_due) for one in issued]
            found.append((balances(books), dues, amounts, lines))
    assert found[0] == found[1]


@given(POLICIES_OR_PAYERS, RETENTIONS, WORKS, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=4))
def test_what_is_issued_is_the_newest_draft_and_true(
    policies: str, retention: str, works: list[tuple[int, int, int]], corrections: list[tuple[int, int]]
) -> None:
    """Entries are corrected or withdrawn while drafts wait; every draft is then approved in its newest revision, and invoiced."""
    lines = _lines("USD", f"{retention}{policies}", works, approved=True)
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
    with told(all_approved(lines, (4, 5, 6))) as books:
        newest = {one.statement_id: one for one in statements(books)}
        assert "open" not in {one.status for one in newest.values()}
        issued = [one for one in statements(books) if one.status == "issued"]
        assert len({one.statement_id for one in issued}) == len(issued)
        for one in issued:
            before = [it for it in statements(books) if it.statement_id == one.statement_id and it.status == "open"][-1]
            assert before._replace(status="issued", issued_on=one.issued_on) == one
        assert not violations(books)
        invoiced(books, date(2026, 7, 5))
        found = balances(books)
        assert {"1150", "1160"}.isdisjoint(found)
        assert found.get("1170", 0) == sum(one.retained - one.released for one in issued)
        owed = found.get("1100", 0) + found.get("1170", 0)
        assert owed == -found.get("4000", 0) - found.get("2300", 0) - found.get("2310", 0)
