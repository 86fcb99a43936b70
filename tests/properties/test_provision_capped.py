"""Work up to a cap, whatever is worked, corrected and estimated: at each month's end the whole loss is in the books, and the provision ends
at nothing (R22, R44)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.audit import provisions
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.audit.test_engagement_checks import engagement
from tests.auditing import check_journals
from tests.harness import Books
from tests.told import told

LINES: Final = {"L": "P", "M": "Q"}
MONTHS: Final = (1, 2, 3, 4)
CAPS: Final = (5_000, 3_000)


class Month(NamedTuple):
    """By line hours worked, in quarters, and what remained at its end, in units of 10.00; hours in place of those of the month before, 0:
    these are withdrawn, None: they stay. `is_late`: it comes in the month after."""

    worked: tuple[int, int]
    remains: tuple[int, int]
    corrected: int | None
    is_late: bool


class Story(NamedTuple):
    months: tuple[Month, ...]
    rate: int


month = st.builds(
    Month,
    st.tuples(st.integers(1, 96), st.integers(1, 96)),
    st.tuples(st.integers(0, 600), st.integers(0, 600)),
    st.none() | st.integers(0, 96),
    st.booleans(),
)
stories = st.builds(Story, st.tuples(*[month] * 4), st.integers(7_000, 40_000))


def ends(month: int) -> date:
    return date(2026, month + 1, 1) - timedelta(days=1)


def played(story: Story) -> list[str]:
    """Ann costs 66.67 an hour. In May it turns out that nothing remains."""
    lines = [
        "entity LE USD America/New_York",
        "customer C",
        "person ann consultant of LE",
        "cost person ann 66.67 USD",
        *(f"project {project} of LE" for project in LINES.values()),
        "contract K C LE USD from 2026-01-01 policy loss_provision=contract",
    ]
    for (line, project), cap in zip(LINES.items(), CAPS, strict=True):
        lines += [f"  line {line} {project}", f"    rate {story.rate / 100:.2f}", f"    cap hard {cap}.00"]
    waiting: list[str] = []
    for month, one in zip(MONTHS, story.months, strict=True):
        facts = []
        for (line, project), quarters, remains in zip(LINES.items(), one.worked, one.remains, strict=True):
            facts.append(f"time T-{line}{month} ann {quarters / 4} h project {project} on 2026-{month:02}-05")
            facts.append(f"estimate {project} {remains} h {remains * 10}.00 line {line} on {ends(month)}")
        if one.corrected is not None and month > 1:
            before = f"T-L{month - 1}"
            facts.append(f"correct {before} {one.corrected / 4} h" if one.corrected else f"withdraw {before}")
        came = [f"2026-{month:02}-12 {fact}" for fact in waiting]
        waiting = facts if one.is_late else []
        here = [] if one.is_late else [f"{ends(month)} {fact}" for fact in facts]
        lines += [*came, *here, f"{ends(month)} day ended"]
    lines += [f"2026-05-12 {fact}" for fact in waiting]
    lines += [f"2026-05-20 estimate {project} 0 h 0.00 line {line}" for line, project in LINES.items()]
    return [*lines, "2026-05-31 day ended"]


def balance(books: Books, account: str, until: date, project_id: str | None = None) -> Amount:
    return sum(
        line.amount
        for one in books.folded
        if isinstance(one.record, JournalEntry) and one.record.accounting_date <= until
        for line in one.record.lines
        if line.account == account and project_id in (None, line.project_id)
    )


def still_lost(books: Books, story: Story, month: int) -> Amount:
    """Of each line that costs more than its cap: the loss in all, less what of it shows."""
    found = 0
    for place, (project_id, cap) in enumerate(zip(LINES.values(), CAPS, strict=True)):
        cost = balance(books, "5000", ends(month), project_id)
        earned = -balance(books, "4000", ends(month), project_id)
        at_completion = cost + story.months[month - 1].remains[place] * 10_0000
        if at_completion > cap * 1_0000:
            found += at_completion - cap * 1_0000 - (cost - earned)
    return found


@given(stories)
def test_the_whole_loss_is_in_the_books_at_each_months_end(story: Story) -> None:
    with told(played(story)) as books:
        for month in MONTHS:
            provided = -balance(books, "2350", ends(month))
            assert provided == max(still_lost(books, story, month), 0)
            assert provided == balance(books, "5900", ends(month))
        assert balance(books, "2350", date.max) == balance(books, "5900", date.max) == 0
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
        assert provisions.check(engagement(*journals)).violations == ()
        check_journals(journals)
