"""Whatever methods a line goes over to, and whatever comes late: revenue is what the last one comes to, and the position the rest."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import HALF_UP, format_amount, round_ratio
from domain.outputs import JournalEntry, ProjectView
from tests.audited import violations
from tests.explained import not_explained
from tests.harness import Books
from tests.thoroughness import EXAMPLES
from tests.told import balances, invoiced, statements, told

FIRST, LAST, END = date(2026, 1, 1), date(2026, 12, 31), date(2026, 6, 30)
PRICE, PARTS = 36_500_0000, (14_600_0000, 21_900_0000)
OVER_TIME, AS_BILLED = ("straight_line_days", "hours", "cost_to_cost"), "as_billed"


class Step(NamedTuple):
    """From a day on by a method, which is said so many days later."""

    on: date
    method: str
    late: int


class Worked(NamedTuple):
    on: date
    hours: int
    late: int
    is_withdrawn: bool


days = st.integers(5, 150).map(lambda after: FIRST + timedelta(days=after))
late = st.sampled_from([0, 0, 10, 40])
steps = st.lists(
    st.builds(Step, days, st.sampled_from([*OVER_TIME, AS_BILLED, AS_BILLED]), late), min_size=1, max_size=3
)
works = st.lists(st.builds(Worked, days, st.integers(1, 20), late, st.booleans()), max_size=4)


def _line(method: str) -> list[str]:
    terms = ["    terms FixedPrice price=36,500.00"]
    return [
        f"  line L P revenue {method}",
        *terms,
        "    each schedule on=2026-01-31 amount=14,600.00",
        "    each schedule on=2026-04-30 amount=21,900.00",
    ]


def _lines(first: str, changes: list[Step], worked: list[Worked], ledger: str) -> list[str]:
    happened: list[tuple[date, int, list[str]]] = [
        (date(2026, month + 1, 1) - timedelta(days=1), 9, ["day ended"]) for month in range(1, 6)
    ]
    said = FIRST
    for step in changes:
        said = max(said, step.on + timedelta(days=step.late))
        happened.append((said, 0, [f"amend K from {step.on}", *_line(step.method)]))
    for number, work in enumerate(worked):
        on = work.on + timedelta(days=work.late)
        happened.append((on, 1, [f"time T-{number} ann {work.hours} h on {work.on}"]))
        if work.is_withdrawn:
            happened.append((on + timedelta(days=5), 2, [f"withdraw T-{number}"]))
    rates = [f"exchange USD EUR 0.{70 + after % 29} on {FIRST + timedelta(days=7 * after)}" for after in range(30)]
    found = [
        f"entity LE {ledger} Europe/Berlin",
        "customer C",
        "person ann consultant of LE",
        "cost person ann 50.00 USD",
        "project P of LE",
        *(rates if ledger == "EUR" else ()),
        f"contract K C LE USD from {FIRST} to {LAST}",
        *_line(first),
        "2026-01-02 estimate P 60 h 3,000.00 line L",
    ]
    for day, _, said_then in sorted(happened, key=lambda one: one[:2]):
        head, *below = said_then
        found += [f"{day} {head}", *below]
    return found


def _earned(method: str, worked: list[Worked], billed: int) -> int:
    if method == AS_BILLED:
        return billed
    done = sum(work.hours for work in worked if not work.is_withdrawn)
    part, whole = (done, max(done, 60)) if method != "straight_line_days" else ((END - FIRST).days + 1, 365)
    return round_ratio(PRICE * part, whole, 100, HALF_UP)


@given(
    st.sampled_from([*OVER_TIME, AS_BILLED]), steps, works, st.sampled_from(["USD", "EUR"]), st.sampled_from([3, 5, 6])
)
def test_all_of_a_line_earns_by_its_last_method(
    first: str, changes: list[Step], worked: list[Worked], ledger: str, month: int
) -> None:
    went, kept = first, list[Step]()
    for step in sorted({step.on: step for step in changes}.values()):
        # From one method over time to another what was earned stays (R41): see `test_over_time.py`.
        if (step.method == AS_BILLED) != (went == AS_BILLED):
            kept.append(step)
            went = step.method
    with told(_lines(first, kept, worked, ledger)) as books:
        if month < 6:
            invoiced(books, date(2026, 6, 1))
        books.end_day(END)
        if month == 6:
            invoiced(books, END)
        _holds(books, went, worked)


def _holds(books: Books, method: str, worked: list[Worked]) -> None:
    earned = _earned(method, worked, PRICE)
    found = balances(books)
    assert -found.get("4000", 0) == earned
    asset, liability = found.get("1160", 0), found.get("2300", 0)
    assert (asset + liability, asset >= 0, liability <= 0) == (earned - PRICE, True, True)
    assert not (asset and liability)
    assert not violations(books)
    assert not_explained(books, "4000", "1160", "2300") == []


# What is invoiced at one rate and taken back at another

CHANGES = [("straight_line_days", "as_billed"), ("straight_line_days", "right_to_invoice")]


def _refunded(
    methods: tuple[str, str], fee: str, memo: tuple[str, int] | None, rates: tuple[str, str, str], asked: str
) -> list[str]:
    """1,000.00 of January are invoiced; then the fee is another from January on, and its difference is invoiced with February. The method
    changes with March."""
    (first, last), (january, february, march) = methods, rates
    credit = [f"2026-02-06 credit CM-1 INV-1 {memo[0]} line L {memo[1]}.00"] if memo is not None else []
    invoice = [f"2026-03-02 invoice INV-2 K/C/2026-02-01/1 {asked} rate {february}"] if asked else []
    line = "  line L P revenue {}", "    terms Subscription fee={}"
    return [
        "entity LE EUR Europe/Berlin",
        "customer C",
        "project P of LE",
        f"exchange USD EUR {january} on 2026-01-01",
        "contract K C LE USD from 2026-01-01 to 2026-12-31",
        *(line[0].format(first), line[1].format("1,000.00")),
        f"2026-01-31 exchange USD EUR {january}",
        "2026-01-31 day ended",
        f"2026-02-03 invoice INV-1 K/C/2026-01-01/1 1,000.00 rate {january}",
        f"2026-02-04 exchange USD EUR {february}",
        *credit,
        "2026-02-10 amend K from 2026-01-01 retroactive",
        *(line[0].format(first), line[1].format(fee)),
        f"2026-02-28 exchange USD EUR {february}",
        "2026-02-28 day ended",
        *invoice,
        f"2026-03-03 exchange USD EUR {march}",
        "2026-03-10 amend K from 2026-03-01",
        *(line[0].format(last), line[1].format(fee)),
        f"2026-03-31 exchange USD EUR {march}",
        "2026-03-31 day ended",
    ]


@given(
    st.sampled_from([*CHANGES, *((last, first) for first, last in CHANGES)]),
    st.sampled_from(["50.00", "400.00", "950.00", "1,000.00", "1,600.00"]),
    st.none() | st.tuples(st.sampled_from(["price_concession", "error_rebill"]), st.sampled_from([100, 600, 1000])),
    st.permutations(["0.5", "0.7", "0.9"]),
    st.booleans(),
)
def test_what_goes_over_keeps_its_sign(
    methods: tuple[str, str], fee: str, memo: tuple[str, int] | None, rates: list[str], is_invoiced: bool
) -> None:
    """No debit is a credit in the ledger: a fee of 50.00 of which 1,000.00 were invoiced at 0.70 and -950.00 at 0.90 is 35.00."""
    january, february, march = rates
    asked = ""
    if is_invoiced:
        until = _refunded(methods, fee, memo, (january, february, march), "")
        with told(until[: until.index("2026-02-28 day ended") + 1]) as books:
            asked = next(
                (format_amount(one.amount_due, "USD") for one in statements(books) if one.period == date(2026, 2, 1)),
                "",
            )
    with told(_refunded(methods, fee, memo, (january, february, march), asked)) as books:
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
        moved = [one for one in journals if one.rule.startswith("revenue_method")]
        legs = [(line.amount, line.ledger_amount) for journal in moved for line in journal.lines]
        assert all(amount * ledger > 0 or not amount for amount, ledger in legs), legs
        assert not violations(books)
        assert not_explained(books, "4000", "1150", "1160", "2300") == []


# What is issued, and valued again by other terms


class Sold(NamedTuple):
    """Terms by which each of a size is worth 100.00, how they earn that, and how a size is said, put right and taken back."""

    methods: tuple[str, str]
    terms: str
    said: str
    again: str
    back: str


ACCRUED, ACCEPTED = ("right_to_invoice", AS_BILLED), ("milestone", AS_BILLED)
HOURS = "time T-1 ann {} h on 2026-01-10", "correct T-1 {} h", "withdraw T-1"
SPENT, DELIVERED = "expense E-1 travel {}00.00 USD on 2026-01-10 person ann", "units D-1 L {} on 2026-01-10"
MILESTONE = "    terms Milestones\n    each milestones milestone_id=A name=A amount={}00.00 due_on=2026-12-31"
SOLD = {
    "time": Sold(ACCRUED, "    rate 100.00", *HOURS),
    "cost plus": Sold(ACCRUED, "    terms CostPlus fee_percent=100", *HOURS),
    "expenses": Sold(ACCRUED, "    terms Expenses markup=0", SPENT, SPENT, "withdraw_expense E-1"),
    "units": Sold(
        ACCRUED, "    terms UnitPrice unit=call unit_price=100.00", DELIVERED, DELIVERED, DELIVERED.format(0)
    ),
    "milestone": Sold(ACCEPTED, MILESTONE, "milestone A on 2026-01-10", "", "revoke milestone A"),
}
# Four hours of January are bought for 300.00, what goes beyond is charged.
RETAINER = "  line L P\n    terms Retainer fee=300.00 unit=hours quantity=4 overage_rate=100.00"
# What is said on the first of these days is billed on the second.
MONTHS = (("2026-01-20", "2026-01-31"), ("2026-02-10", "2026-02-28"), ("2026-03-10", "2026-03-31"))
DAYS, SIZES = [day for day, _ in MONTHS], st.sampled_from([0, 7, 12])


def _valued_again(
    sold: Sold, methods: tuple[str, str], sizes: dict[str, int], *, is_bought: bool
) -> tuple[list[str], int]:
    """10 in January, which are invoiced; other sizes, none being taken back; in February the other method, or a retainer. A milestone is
    another size by an amendment. With what all is worth: what is issued draws on a retainer once it is valued again (R8)."""
    method, size, drawn, worth = methods[0], 10, 0, 0

    def line() -> list[str]:
        draws = is_bought and method == methods[1]
        return (RETAINER if draws else f"  line L P revenue {method}\n{sold.terms.format(size)}").split("\n")

    found = [
        "entity LE USD America/New_York",
        "customer C",
        "person ann consultant of LE",
        "cost person ann 50.00 USD",
        "project P of LE",
        "contract K C LE USD from 2026-01-01 to 2026-01-31",
        *line(),
        f"2026-01-10 {sold.said.format(10)}",
    ]
    for day, end in MONTHS:
        if size and sizes.get(day, size) != size:
            size = sizes[day]
            said = sold.again.format(size) if size else sold.back
            found += [f"{day} {said}"] if said else [f"{day} amend K from {FIRST}", *line()]
            drawn = 4 if is_bought and method == methods[1] else 0
        if day == DAYS[1]:
            method = methods[1]
            found += [f"{day} amend K from {FIRST}", *line()]
        found.append(f"{end} day ended")
        worth = 100 * max(size - drawn, 0) + (300 if is_bought and method == methods[1] else 0)
        if (day, end) == MONTHS[0] and worth:
            found.append(f"2026-02-03 invoice JAN K/C/2026-01-01/1 {worth}.00")
    return found, worth


@pytest.mark.parametrize("kind", SOLD)
@settings(max_examples=EXAMPLES // 3)
@given(st.booleans(), st.booleans(), st.fixed_dictionaries({DAYS[2]: SIZES}, optional=dict.fromkeys(DAYS[:2], SIZES)))
def test_issued_work_is_revenue_once_whatever_its_line_earns_by_since(
    kind: str, accrues: bool, goes_on: bool, sizes: dict[str, int]
) -> None:
    """And once all is invoiced nothing is left on any account of the contract."""
    sold = SOLD[kind]
    methods = sold.methods if accrues else (sold.methods[1], sold.methods[0])
    is_bought = goes_on and kind in ("time", "cost plus")
    story, worth = _valued_again(sold, methods, sizes, is_bought=is_bought)
    with told(story) as books:
        invoiced(books, date(2026, 4, 3))
        books.end_day(date(2026, 4, 3))
        found = balances(books)
        assert {account: found.get(account, 0) for account in ("1100", "1150", "1160", "2300")} == {
            "1100": worth * 10_000,
            "1150": 0,
            "1160": 0,
            "2300": 0,
        }
        assert -found.get("4000", 0) - found.get("4050", 0) == worth * 10_000
        views = [one.record for one in books.folded if isinstance(one.record, ProjectView)]
        assert sum(balance.recognised for balance in views[-1].balances) == worth * 10_000
        assert not violations(books)
        assert not_explained(books, "4000", "4050", "1150", "1160", "2300") == []
