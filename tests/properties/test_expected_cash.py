"""Whatever happens: over all months a forecast expects as much cash as it expects to be billed, less what deposits pay of it and credit
memos take off it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.common import ContractLine, CreditMemoLine, Deposit, Retention, RetentionStep
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.events.finance import CreditMemoIssued, InvoicePosted
from domain.money import smallest_unit
from domain.outputs import BillingStatement, ForecastUpdate, JournalEntry
from domain.units import AMOUNT_ONE, HOURS_ONE, PERCENT_ONE
from tests.harness import Books
from tests.properties.test_forecasts_add_up import history, played, steps, terms
from tests.told import statements, told

LAST = date(2026, 8, 31)


def _step(at: int, withhold: int, release: int) -> RetentionStep:
    return RetentionStep(at * PERCENT_ONE, withhold * PERCENT_ONE, release * PERCENT_ONE)


retentions = st.sampled_from(
    [
        Retention((_step(0, 10, 0),)),
        Retention((_step(0, 10, 0),), release_on=date(2026, 4, 15)),
        Retention((_step(0, 33, 0), _step(50, 5, 50))),
    ]
)
deposits = st.builds(
    lambda amount, day, rule: ContractLine(
        "D",
        "PR",
        Deposit(amount * AMOUNT_ONE, day, applied=rule, percent=20 * PERCENT_ONE if rule == "percent" else None),
    ),
    st.integers(1, 3_000),
    st.sampled_from([date(2026, 3, 2), date(2026, 5, 10)]),
    st.sampled_from(["oldest", "percent", "end"]),
)
# An amendment states all lines, so that it would take the deposit out.
unamended = steps.filter(lambda step: step[0] not in {"amend", "refused"})


def forecasts(outputs: list[Any]) -> list[ForecastUpdate]:
    return [one for one in outputs if isinstance(one, ForecastUpdate)]


@given(
    st.builds(
        history, terms, st.just("EUR"), st.just(LAST), st.lists(steps, min_size=3, max_size=15), st.none() | retentions
    ).filter(lambda taken: any(isinstance(step, date) for step in taken[:-1]))
)
def test_what_is_retained_is_paid_in_the_end(taken: list[Any]) -> None:
    """The contract has an end, or the terms a day, so that all of it is released."""
    outputs, _ = played(taken)
    for update in forecasts(outputs):
        billings, cash = (sum(getattr(month, name) for month in update.project.months) for name in ("billings", "cash"))
        assert cash == billings


@given(st.data(), terms, deposits, st.none() | retentions)
def test_what_a_deposit_pays_is_not_paid_again(
    data: st.DataObject, lines: tuple[ContractLine, ...], deposit: ContractLine, retention: Retention | None
) -> None:
    """No more than the deposit, and no less than what statements took of it."""
    some = data.draw(st.lists(unamended, min_size=3, max_size=15))
    outputs, _ = played(history((*lines, deposit), "EUR", LAST, some, retention))
    paid = 0
    assert isinstance(deposit.terms, Deposit)
    for output in outputs:
        if isinstance(output, BillingStatement):
            paid += output.deposits_applied
        elif isinstance(output, ForecastUpdate):
            months = output.project.months
            kept = sum(month.billings for month in months) - sum(month.cash for month in months)
            assert paid <= kept <= deposit.terms.amount


# Of each: what happens, to which entry or invoice, and how much.
memos = st.sampled_from(["error_rebill", "price_concession", "goodwill", "rebate"])
moves = st.one_of(
    st.tuples(st.just("time"), st.integers(0, 5), st.integers(1, 40)),
    st.tuples(st.just("withdraw"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("bill"), st.just(0), st.just(0)),
    st.tuples(memos, st.integers(0, 9), st.integers(1, 10)),
)
AGREED = st.sampled_from(["", "retention 10", "retention 10 release_on 2026-03-15", "retention 0/33/0,50/5/50"])
PAYERS = st.sampled_from(["", "bill_to A:60:rounding,B:40"])
ADVANCES = st.none() | st.tuples(
    st.sampled_from([500, 1_500, 5_000]), st.sampled_from(["oldest", "percent percent=20", "end"]), st.booleans()
)
Advance = tuple[int, str, bool] | None
Move = tuple[str, int, int]


def setup(currency: str, agreed: str, payers: str, advance: Advance, projects: str) -> list[str]:
    """A line on which hours earn in each project; deposits are billed in P."""
    lines = [f"entity LE {currency} America/New_York policy hours_max_per_entry=100"]
    lines += [*(f"customer {each}" for each in "CAB"), "person bob consultant of LE", f"cost person bob 100 {currency}"]
    lines += [f"project {each} of LE from 2026-01-01 to 2026-08-31" for each in projects]
    lines.append(f"contract K C LE {currency} to 2026-08-31 {payers} {agreed}")
    for each in projects:
        lines += [f"  line L{each} {each} takes time", "    rate 100", "    cap soft 10,000"]
    if advance is not None:
        amount, applied, refundable = advance
        back = "yes" if refundable else "no"
        lines += [
            "  line D P",
            f"    terms Deposit amount={amount} due_on=2026-02-02 applied={applied} refundable={back}",
        ]
    return [*lines, *(f"2026-01-01 estimate {each} 40 h 4,000" for each in projects)]


def play(books: Books, taken: Sequence[Move], projects: str, currency: str) -> None:
    """Every bill is invoiced as it is cut."""
    today = date(2026, 1, 1)
    for number, (what, place, size) in enumerate(taken, 1):
        today += timedelta(days=3)
        head: dict[str, Any] = {"event_id": f"e-{number}", "occurred_at": noon(today), "source": "test"}
        match what:
            case "time":
                own: dict[str, Any] = {
                    "project_id": projects[place % len(projects)],
                    "person_id": "bob",
                    "approved_by": "boss",
                }
                work = {"entry_id": f"T-{place}", "version": number, "worked_on": today, "hours": size * HOURS_ONE}
                books.fold(TimeApproved(**head, **own, **work))
            case "withdraw":
                books.fold(TimeWithdrawn(**head, entry_id=f"T-{place}", version=number))
            case "bill":
                today = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
                books.end_day(today - timedelta(days=1))
                invoice(books, today)
            case kind:
                credit(books, head, kind, place, size, currency)
    books.end_day(today + timedelta(days=3))


def noon(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000_000 + 43_200_000_000


def invoice(books: Books, today: date) -> None:
    """Every statement that has none."""
    for one in statements(books):
        if books.part("statement", one.statement_id).invoice_id is None:
            head: dict[str, Any] = {"event_id": "i", "occurred_at": noon(today), "source": "erp"}
            named: dict[str, Any] = {"statement_id": one.statement_id, "invoice_id": f"INV-{one.statement_id}"}
            books.fold(InvoicePosted(**head, **named, posted_on=today, amount=one.amount_due))


def credit(books: Books, head: dict[str, Any], kind: str, place: int, tenths: int, currency: str) -> None:
    """Some tenths of a line of an invoice."""
    lines = [(one.statement_id, line) for one in statements(books) for line in one.lines if line.amount > 0]
    if not lines:
        return
    statement_id, line = lines[place % len(lines)]
    step = smallest_unit(currency)
    taken = CreditMemoLine(line_id=line.line_id, amount=max(line.amount * tenths // 10 // step * step, step))
    invoice_id = f"INV-{statement_id}"
    who: dict[str, Any] = {"requested_by": "ann", "approved_by": "controller"}
    day = date.fromordinal(date(1970, 1, 1).toordinal() + head["occurred_at"] // 86_400_000_000)
    memo: dict[str, Any] = {"credit_memo_id": head["event_id"], "kind": kind, "lines": (taken,), "issued_on": day}
    books.fold(CreditMemoIssued(**head, **memo, **who, invoice_id=invoice_id))


@settings(max_examples=100)
@given(
    st.sampled_from(["USD", "JPY"]),
    AGREED,
    PAYERS,
    ADVANCES,
    st.sampled_from(["P", "PQ"]),
    st.lists(moves, min_size=4, max_size=16),
)
def test_cash_is_what_is_billed_less_what_deposits_pay_and_memos_take_off(
    currency: str, agreed: str, payers: str, advance: Advance, projects: str, taken: list[Move]
) -> None:
    """In each project, whatever is credited, withdrawn and billed again: all that is retained is released in the end."""
    with told(setup(currency, agreed, payers, advance, projects)) as books:
        play(books, taken, projects, currency)
        records = [folded.record for folded in books.folded]
    conceded: Counter[str] = Counter()
    applied: Counter[str] = Counter()
    most = {"P": advance[0] * AMOUNT_ONE if advance is not None else 0}
    for record in records:
        if isinstance(record, BillingStatement):
            applied["P"] += record.deposits_applied
        elif isinstance(record, JournalEntry) and record.affected_kind == "credit_memo":
            if not record.rule.startswith("credit/error_rebill"):
                conceded[record.lines[0].project_id or ""] += credited_by(record)
        elif isinstance(record, ForecastUpdate):
            months, own = record.project.months, record.project_id
            off = sum(month.billings - month.cash for month in months) - conceded[own]
            assert applied[own] <= off <= most.get(own, 0)


def credited_by(journal: JournalEntry) -> int:
    """Without tax, there is none."""
    return -sum(line.amount for line in journal.lines if line.account in {"1100", "1170"})


@settings(max_examples=50)
@given(st.sampled_from(["USD", "JPY"]), AGREED, PAYERS, ADVANCES, st.lists(moves, min_size=4, max_size=16))
def test_nobody_is_expected_to_be_paid_where_no_work_is_taken_back(
    currency: str, agreed: str, payers: str, advance: Advance, taken: list[Move]
) -> None:
    """But for what is left of a deposit when the contract is over, which comes after these months."""
    forward = [(what, number if what == "time" else place, size) for number, (what, place, size) in enumerate(taken)]
    with told(setup(currency, agreed, payers, advance, "P")) as books:
        play(books, [move for move in forward if move[0] != "withdraw"], "P", currency)
        updates = forecasts([folded.record for folded in books.folded])
    for update in updates:
        if update.as_of < LAST:
            assert all(month.cash >= 0 for month in update.project.months)
