"""What stands on balance sheet accounts while billing is held, and that nothing is left there once it is released.

A story of five months is drawn: work, expenses or milestones beside a retainer, a subscription, a price over time or a deposit, with holds,
retention, several payers or sources that fund the contract, a purchase order's limit, corrections and credit memos. Every
statement is invoiced. Then all holds are lifted, the contract is over, and what is left comes with the statements after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts import (
    CONTRACT_ASSET,
    CONTRACT_LIABILITY,
    CUSTOMER_DEPOSIT,
    RETENTION_RECEIVABLE,
    UNBILLED_RECEIVABLE,
)
from domain.events.finance import InvoicePosted
from domain.money import format_amount
from domain.outputs import BillingStatement, ProjectView
from tests.audited import violations
from tests.harness import Books
from tests.scenario_events import Teller
from tests.scenario_text import read_scenarios
from tests.thoroughness import EXAMPLES
from tests.told import balances, statements

POSITION = {UNBILLED_RECEIVABLE, CONTRACT_ASSET, CONTRACT_LIABILITY, CUSTOMER_DEPOSIT, RETENTION_RECEIVABLE}
CENT = 100
LAST_DAYS = [date(2026, month + 1, 1) - timedelta(days=1) for month in range(1, 10)]
RELEASED = date(2026, 6, 20)

LINES = {
    "retainer": [
        "  line R P  takes expense",
        "    terms Retainer fee=500.01 unit=money quantity=300.00 refundable=yes",
    ],
    "subscription": ["  line S P", "    terms Subscription fee=310.01 in_advance=yes"],
    "over time": [
        "  line F P  revenue straight_line_days",
        "    terms FixedPrice price=3,000.01",
        "    each schedule on=2026-02-28 amount=1,000.00",
        "    each schedule on=2026-04-30 amount=2,000.01",
    ],
    "milestones": [
        "  line M P  takes expense",
        "    terms Milestones",
        "    each milestones milestone_id=M1 name=A amount=700.07 due_on=2026-12-31",
    ],
}
PAYERS = ["", "bill_to C:60:rounding,B:40", "bill_to C:33.3333,B:66.6667:rounding"]
SOURCES = "funding G:B:900.00,O:C rules G:60+O:40,O"
RETAINED = ["", "retention 10", "retention 0/10/0,50/5/50"]
ORDERS = ["", "order PO-1:900.00"]
HELD = ["contract K", "bill_to C", "bill_to B", "project P", "entry T-0", "line T", "line D"]
KINDS = ["error_rebill", "price_concession", "goodwill"]


class Story(NamedTuple):
    """`told` are the events by their day; of each statement `credited` takes the next kind back, None none."""

    setup: list[str]
    told: list[tuple[date, str]]
    credited: list[str | None]

    @property
    def has_order(self) -> bool:
        return any(" order " in line for line in self.setup)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    beside = draw(st.lists(st.sampled_from(sorted(LINES)), max_size=2, unique=True))
    if {"retainer", "milestones"} <= set(beside):
        beside = beside[:1]
    payers = draw(st.sampled_from([*PAYERS, SOURCES]))
    has_deposit = payers != SOURCES and draw(st.booleans())
    head = " ".join((payers, draw(st.sampled_from(ORDERS)), draw(st.sampled_from(RETAINED))))
    deposit = draw(st.sampled_from(["300.01", "1,500.00"])), draw(st.sampled_from([" refundable=yes", ""]))
    setup = [
        *("entity LE USD America/New_York", "customer C", "customer B", "person bob consultant of LE"),
        *("cost person bob 50.00 USD", "project P of LE", f"contract K C LE USD to 2026-05-31 {head}"),
        *("  line T P  takes time", "    rate 100.07", "    cap hard 2,500.00"),
        *(line for kind in beside for line in LINES[kind]),
        *(
            ("  line D P", f"    terms Deposit amount={deposit[0]} due_on=2026-01-20{deposit[1]}")
            if has_deposit
            else ()
        ),
    ]
    days = st.integers(0, 140).map(lambda days: date(2026, 1, 2) + timedelta(days=days))
    hours = st.integers(1, 1200).map(lambda hundredths: f"{hundredths / 100:.2f} h")
    told = [(day, f"time T-{number} bob {size}") for number, (day, size) in enumerate(draw(_some(days, hours, 1, 5)))]
    told += [(date(2026, 6, 1), f"correct T-{len(told) - 1} {draw(hours)}")] if draw(st.booleans()) else []
    told += [(draw(days), "milestone M1")] if "milestones" in beside else []
    told += (
        [(draw(days), "expense E-1 travel 123.45 USD person bob")] if {"retainer", "milestones"} & set(beside) else []
    )
    told += [
        (day, f"hold H-{number} {what}")
        for number, (day, what) in enumerate(draw(_some(days, st.sampled_from(HELD), 0, 2)))
    ]
    return Story(setup, sorted(told), draw(st.lists(st.sampled_from([None, None, *KINDS]), max_size=4)))


def _some(
    days: st.SearchStrategy[date], what: st.SearchStrategy[str], least: int, most: int
) -> st.SearchStrategy[list[tuple[date, str]]]:
    return st.lists(st.tuples(days, what), min_size=least, max_size=most)


class _Told:
    """Books of a story; the ERP posts each statement on the second of the next month."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.books = Books(folder)
        self._page, self._teller = folder / "told.md", Teller({})
        self._posted: set[str] = set()
        self._credited = [*story.credited]
        lifted = [(RELEASED, f"release {what.split()[1]}") for _, what in story.told if what.startswith("hold")]
        self._coming = [*story.told, *lifted]
        self._tell(story.setup, date(2026, 1, 1))

    def until(self, last: date) -> None:
        """The month's events, its end, and the invoices of what was billed by then."""
        while self._coming and self._coming[0][0] <= last:
            day, what = self._coming.pop(0)
            self._tell([what], day)
        self.books.end_day(last)
        for statement in statements(self.books):
            if statement.status == "issued" and statement.statement_id not in self._posted:
                self._invoice(statement, last + timedelta(days=2))

    def _tell(self, lines: Iterable[str], day: date) -> None:
        self._page.write_text("\n".join(("## told", "```", *lines, f"{day} day ended", "```", "")), encoding="utf-8")
        (scenario,) = read_scenarios(self._page)
        for step in scenario.steps[:-1]:
            self.books.fold(self._teller.event(step, datetime(day.year, day.month, day.day, 12, tzinfo=UTC)))

    def _invoice(self, statement: BillingStatement, day: date) -> None:
        number = len(self._posted)
        self._posted.add(statement.statement_id)
        at = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * 1_000_000
        posted = InvoicePosted(
            event_id=f"i-{number}",
            occurred_at=at,
            source="erp",
            statement_id=statement.statement_id,
            invoice_id=f"INV-{number}",
            posted_on=day,
            amount=statement.amount_due,
        )
        self.books.fold(posted)
        kind = self._credited.pop(0) if self._credited else None
        most = min(statement.amount_due, statement.lines[0].amount if statement.lines else 0)
        if kind is not None and most > 0:
            what = f"entry {statement.lines[0].entries[0]} {format_amount(most // CENT // 2 * CENT)}"
            if most >= 2 * CENT:
                self._tell([f"credit CM-{number} INV-{number} {kind} {what}"], day)


@settings(max_examples=max(EXAMPLES // 4, 3))
@given(stories())
def test_nothing_is_left_once_nothing_is_held(story: Story) -> None:
    """What is over a purchase order waits on 1160; nothing else stays anywhere."""
    with TemporaryDirectory() as name:
        told = _Told(Path(name), story)
        for last in LAST_DAYS:
            told.until(last)
            _agrees_while_held(told.books)
        left = {account for account, amount in balances(told.books).items() if amount}
        assert left & POSITION <= ({CONTRACT_ASSET} if story.has_order else set())
        assert not violations(told.books)
        told.books.close()


def _agrees_while_held(books: Books) -> None:
    """After a cut all that is accrued is held, payer by payer, and liabilities never stand on the other side."""
    views = [one.record for one in books.folded if isinstance(one.record, ProjectView)]
    for one in views[-1].balances if views else ():
        # What sources of a held payer will pay is known from its first statement on (docs/limits.md).
        assert one.accrued == one.held or one.sources, one
    on = balances(books)
    assert on.get(CUSTOMER_DEPOSIT, 0) <= 0, on
    assert on.get(CONTRACT_LIABILITY, 0) <= 0, on
