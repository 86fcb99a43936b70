"""Revenue adjusted by hand, in any order and whatever a line earns besides: what reverses itself leaves nothing, what stays is revenue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, SERVICE_REVENUE
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.auditing import check_journals
from tests.harness import Books
from tests.told import told

FIRM = (
    "entity LE EUR Europe/Berlin policy rate_staleness_days=40",
    "customer C",
    "project P of LE",
    "contract K C LE USD from 2026-01-01 to 2026-04-30",
    "  line L P revenue straight_line_days",
    "    terms FixedPrice price=12,000.00",
    "    each schedule on=2026-02-10 amount=12,000.00",
    "2025-12-31 exchange USD EUR 0.90 on 2025-12-31",
)
RATES = tuple(
    f"2026-0{month}-{day} exchange USD EUR 0.{rate} on 2026-0{month}-{day}"
    for month, day, rate in ((1, 31, 91), (2, 28, 87), (3, 31, 93), (4, 30, 89))
)


class Adjusted(NamedTuple):
    number: int
    month: int
    amount: int
    reverse_in: int

    @property
    def line(self) -> str:
        back = f" reverse_on 2026-0{self.month + self.reverse_in}-01" if self.reverse_in else ""
        return f"adjust revenue A-{self.number} K L {self.amount}.00 USD on 2026-0{self.month}-15{back}"


amounts = st.integers(-9_000, 9_000).filter(bool)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Adjusted], list[Adjusted]]:
    """Once in the order of their days, once as they come: all after the last month."""
    made = draw(st.lists(st.tuples(st.integers(1, 3), amounts, st.integers(0, 2)), min_size=1, max_size=5))
    found = [Adjusted(number, *one) for number, one in enumerate(made)]
    return sorted(found, key=lambda one: one.month), draw(st.permutations(found))


def _played(adjusted: Sequence[Adjusted], *, late: bool) -> list[str]:
    lines = [*FIRM]
    for month, rate in enumerate(RATES, 1):
        lines += [] if late else [f"2026-0{month}-15 {one.line}" for one in adjusted if one.month == month]
        last = rate[:10]
        lines += [rate, f"{last} day ended"]
    lines += [f"2026-05-02 {one.line}" for one in adjusted] if late else []
    return [*lines, "2026-05-31 day ended"]


def journals(books: Books) -> list[JournalEntry]:
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


def _on(books: Books, *accounts: str) -> tuple[Amount, Amount]:
    lines = [line for journal in journals(books) for line in journal.lines if line.account in accounts]
    return sum(line.amount for line in lines), sum(line.ledger_amount for line in lines)


@given(stories())
def test_what_reverses_itself_leaves_nothing(story: tuple[list[Adjusted], list[Adjusted]]) -> None:
    in_order, as_they_come = story
    stays = sum(one.amount for one in in_order if not one.reverse_in) * 10_000
    for adjusted, late in ((in_order, False), (as_they_come, True)):
        with told(_played(adjusted, late=late)) as books:
            check_journals(journals(books))
            earned = 12_000_0000 + stays
            assert _on(books, SERVICE_REVENUE)[0] == -earned
            assert _on(books, CONTRACT_ASSET, CONTRACT_LIABILITY)[0] == earned
            sides = [_on(books, account)[0] for account in (CONTRACT_ASSET, CONTRACT_LIABILITY)]
            assert sides[0] >= 0 >= sides[1], "an asset is a debit, a liability a credit"
            assert not all(sides), "the position is on one side only"
            for one in in_order:
                own = [journal for journal in journals(books) if journal.affected_id == f"A-{one.number}"]
                assert len(own) == (2 if one.reverse_in else 1)
                if one.reverse_in:
                    assert not sum(
                        line.ledger_amount for journal in own for line in journal.lines if line.account == "4000"
                    )
