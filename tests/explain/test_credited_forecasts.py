"""Whatever is credited, conceded, withdrawn and corrected under a hard cap: every figure of a forecast is explained down to events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import CreditMemoLine
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.events.finance import CreditMemoIssued, InvoicePosted
from domain.outputs import ForecastUpdate
from domain.units import AMOUNT_ONE, HOURS_ONE
from milepost.explain.recompute import recompute, unexplained
from tests.explained import explainer_of
from tests.harness import Books
from tests.told import statements, told

FIRST = date(2026, 1, 1)
DAY = 86_400_000_000
START = (FIRST - date(1970, 1, 1)).days * DAY + DAY // 2
Step = tuple[str, int, int]
steps = st.one_of(
    st.tuples(st.just("time"), st.integers(0, 4), st.integers(1, 12)),
    st.tuples(st.just("withdraw"), st.integers(0, 4), st.just(0)),
    st.tuples(st.sampled_from(("error_rebill", "price_concession")), st.integers(0, 4), st.integers(1, 12)),
    st.tuples(st.sampled_from(("bill", "day")), st.just(0), st.just(0)),
)


@given(
    st.sampled_from(("yes", "no")),
    st.sampled_from(("split", "reject_whole")),
    st.integers(5, 30),
    st.sampled_from(("", "retention 10")),
    st.lists(steps, min_size=4, max_size=16),
)
def test_forecasts_are_explained_whatever_is_credited(
    returns: str, split: str, cap: int, retention: str, taken: Sequence[Step]
) -> None:
    """Every other entry is of another project on the same bill."""
    setup = (
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 USD",
        "project P of LE from 2026-01-01 to 2026-12-31",
        "project Q of LE from 2026-01-01 to 2026-12-31",
        f"contract K C LE USD from 2026-01-01 to 2026-12-31 cycle weekly {retention} policy concession_returns_cap_room={returns}",
        "  line L P",
        "    rate 100.00",
        f"    cap hard {cap}00.00 split {split}",
        "  line M Q",
        "    rate 100.00",
        f"{FIRST} estimate P 60 h 6000",
    )
    with told(setup) as books:
        _play(books, taken)
        explainer = explainer_of(books, next(record.engagement_id for record in books.log if record.engagement_id))
        for said in explainer.trace.said:
            if isinstance(said.record, ForecastUpdate):
                figure = explainer.explain(f"{said.record.project_id}#forecast/{said.record.sequence}")
                assert figure is not None
                assert recompute(figure) == []
                assert unexplained(figure) == []


def _play(books: Books, taken: Sequence[Step]) -> None:
    """Each on a day of its own; weeks are billed and invoiced."""
    today = FIRST
    for number, (what, place, size) in enumerate(taken, 1):
        today += timedelta(days=2)
        now = START + (today - FIRST).days * DAY
        common: dict[str, Any] = {"event_id": f"e{number}", "occurred_at": now, "source": "test"}
        match what:
            case "time":
                books.fold(
                    TimeApproved(
                        **common,
                        entry_id=f"T-{place}",
                        version=number,
                        project_id="PQ"[place % 2],
                        person_id="bob",
                        worked_on=today,
                        hours=size * HOURS_ONE,
                        approved_by="boss",
                    )
                )
            case "withdraw":
                books.fold(TimeWithdrawn(**common, entry_id=f"T-{place}", version=number))
            case "bill":
                today += timedelta(days=7)
                books.end_day(today)
                _invoice(books, {**common, "occurred_at": now + 7 * DAY}, today)
            case "day":
                books.end_day(today - timedelta(days=1))
            case kind:
                for statement in statements(books)[-1:]:
                    line = CreditMemoLine(entry_id=f"T-{place}", amount=size * 50 * AMOUNT_ONE)
                    books.fold(
                        CreditMemoIssued(
                            **common,
                            credit_memo_id=f"CM-{number}",
                            invoice_id=f"INV-{statement.statement_id}",
                            kind=kind,
                            lines=(line,),
                            issued_on=today,
                            requested_by="ann",
                            approved_by="controller",
                        )
                    )
    books.end_day(today + timedelta(days=10))


def _invoice(books: Books, common: dict[str, Any], today: date) -> None:
    """Every statement that has no invoice yet."""
    for statement in statements(books):
        if books.part("statement", statement.statement_id).invoice_id is None:
            invoice: dict[str, Any] = {
                "statement_id": statement.statement_id,
                "invoice_id": f"INV-{statement.statement_id}",
            }
            books.fold(InvoicePosted(**common, **invoice, posted_on=today, amount=statement.amount_due))
