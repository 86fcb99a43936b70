"""Drafts of a contract that sources fund: whatever is approved first, no source pays above its limit, and in the end all is billed."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import BillingStatement
from tests.audited import violations
from tests.properties.test_bill_tos import LAST, changes, story, works
from tests.properties.test_funding import CUSTOMERS, RULES, limits, terms
from tests.told import all_approved, balances, invoiced, statements, told

ASKS = " policy statement_approval=required"
# In which month it is said, what of which payer and period is decided, of which number and revision, and whether that is approved.
decisions = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from("ABC"),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from((True, True, True, False)),
    ),
    max_size=12,
)
# A limit of G that an amendment brings, and in which month.
amendments = st.none() | st.tuples(st.integers(1, 5), st.integers(0, 900))


def decided(
    lines: list[str], came: list[tuple[int, str, int, int, int, bool]], amended: tuple[int, int] | None, rules: str
) -> list[str]:
    """Decisions about drafts that are not there are refused, and change nothing."""
    found = list(lines)
    for month, payer, period, number, revision, is_approved in came:
        draft = f"K/{payer}/2026-{period:02}-01/{number} revision {revision}"
        found.insert(
            _end(found, month),
            f"{LAST[month]} {'approve' if is_approved else 'return'} {draft}{' carol' if is_approved else ''}",
        )
    if amended is not None:
        month, limit = amended
        funding = terms((limit, limit), rules)
        found.insert(_end(found, month), f"{LAST[month]} amend K from 2026-01-01 {funding} retroactive")
    return found


def _end(lines: list[str], month: int) -> int:
    return lines.index(f"{LAST[month]} day ended") + 1


@given(limits, st.sampled_from(RULES), st.sampled_from(("USD", "JPY")), works, changes, decisions, amendments)
def test_no_source_pays_above_its_limit(
    most: tuple[int, int],
    rules: str,
    code: str,
    came: list[tuple[int, int, int]],
    changed: list[tuple[int, int, int]],
    said: list[tuple[int, str, int, int, int, bool]],
    amended: tuple[int, int] | None,
) -> None:
    highest = [max(limit, amended[1]) if amended is not None else limit for limit in most]
    with told(story("", code, came, changed)) as books:
        whole = sum(one.total for one in statements(books))
    lines = story(f"{terms(most, rules)}{ASKS}", code, came, changed)
    with told(all_approved(decided(lines, said, amended, rules), (6, 7, 8))) as books:
        paid: Counter[str] = Counter()
        newest: dict[str, BillingStatement] = {}
        for statement in statements(books):
            before, newest[statement.statement_id] = newest.get(statement.statement_id), statement
            if statement.status != "issued":
                continue
            assert before is not None
            assert before._replace(status="issued", issued_on=statement.issued_on) == statement
            for line in statement.lines:
                assert sum(one.amount for one in line.sources) == line.amount
                for one in line.sources:
                    assert CUSTOMERS[one.source_id] == statement.bill_to
                    paid[one.source_id] += one.amount
            assert all(paid[source] <= limit * 10_000 for source, limit in zip("GH", highest, strict=True))
        assert "open" not in {one.status for one in newest.values()}
        assert sum(one.total for one in newest.values() if one.status == "issued") == whole
        assert not violations(books)
        invoiced(books, date(2026, 9, 4))
        assert "1150" not in balances(books, code)


@given(limits, st.sampled_from(RULES), works, changes, decisions, amendments)
def test_drafts_together_keep_within_the_limits(
    most: tuple[int, int],
    rules: str,
    came: list[tuple[int, int, int]],
    changed: list[tuple[int, int, int]],
    said: list[tuple[int, str, int, int, int, bool]],
    amended: tuple[int, int] | None,
) -> None:
    """Were all that wait issued as they are, no source would pay above its limit; the books go on from any of their states."""
    lines = decided(story(f"{terms(most, rules)}{ASKS}", "USD", came, changed), said, amended, rules)
    highest = [max(limit, amended[1]) if amended is not None else limit for limit in most]
    with told(lines, reopens=True) as books:
        newest = {one.statement_id: one for one in statements(books)}
        paid: Counter[str] = Counter()
        for statement in newest.values():
            for one in (one for line in statement.lines for one in line.sources):
                paid[one.source_id] += one.amount if statement.status != "superseded" else 0
        assert all(paid[source] <= limit * 10_000 for source, limit in zip("GH", highest, strict=True))
        assert not violations(books)


@given(limits, st.sampled_from(RULES), works, changes, decisions, st.integers(2, 3))
def test_a_source_stays_within_its_limit_where_another_pays_it_from_a_month_on(
    most: tuple[int, int],
    rules: str,
    came: list[tuple[int, int, int]],
    changed: list[tuple[int, int, int]],
    said: list[tuple[int, str, int, int, int, bool]],
    month: int,
) -> None:
    """What one has to give back and the other is to pay of it are on two drafts, which are approved in any order."""
    with told(story("", "USD", came, changed)) as books:
        whole = sum(one.total for one in statements(books))
    lines = decided(story(f"{terms(most, rules)}{ASKS}", "USD", came, changed), said, None, rules)
    first = next(place for place, line in enumerate(lines) if line.startswith("2026"))
    others = f"funding G:B:{most[0]},H:A:{most[1]},O:C,R:B rules {rules}"
    lines.insert(first, f"2026-01-01 amend K from 2026-{month:02}-01 {others}")
    with told(all_approved(lines, (6, 7, 8, 9))) as books:
        paid: Counter[str] = Counter()
        newest = {one.statement_id: one for one in statements(books)}
        for one in (one for one in statements(books) if one.status == "issued"):
            for line in one.lines:
                paid.update({source.source_id: source.amount for source in line.sources})
            assert all(paid[source] <= limit * 10_000 for source, limit in zip("GH", most, strict=True))
        assert "open" not in {one.status for one in newest.values()}
        assert sum(one.total for one in newest.values() if one.status == "issued") == whole
        assert not violations(books)
