"""Tax of statements: bases are what is billed, each group at the rate of its day and rounded once, whatever is corrected or advanced."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.billing.tax import Taxable, by_table
from domain.outputs import BillingStatement
from tests.told import statements, told

CATEGORIES = {"L": "services", "M": "travel"}
# Of services from the days on, of all else always.
RATES = (("2026-01-01", "19"), ("2026-01-15", "7.5"), ("2026-02-10", "16.25"))
REST = "3"
DAYS = {1: 31, 2: 28, 3: 31}


def rate_on(category: str, day: date) -> Decimal:
    if category != "services":
        return Decimal(REST)
    return Decimal([rate for since, rate in RATES if since <= day.isoformat()][-1])


def half_up(base: int, percent: Decimal, step: int) -> int:
    units = (Decimal(base) * percent / 100 / step).quantize(Decimal(1), ROUND_HALF_UP)
    return int(units) * step


Work = tuple[str, int, int, int]


@given(
    st.sampled_from((("USD", 100), ("JPY", 10_000), ("KWD", 10))),
    st.sampled_from(("invoice", "payment", "service")),
    st.lists(
        st.tuples(st.sampled_from("LM"), st.integers(1, 3), st.integers(1, 28), st.integers(1, 600)),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 3),
    st.sampled_from(("", "retention 10 release_on 2026-04-30", "bill_to C:33.3:rounding,D:66.7")),
    st.booleans(),
)
def test_bases_are_what_is_billed_at_the_rate_of_their_day(
    currency: tuple[str, int], point: str, works: list[Work], corrected: int, terms: str, has_deposit: bool
) -> None:
    code, step = currency
    rules = " ".join(f"services={rate}:{since}" for since, rate in RATES)
    lines = [
        f"entity LE {code} America/New_York region HOME",
        "customer C",
        "customer D region HOME",
        "person bob consultant of LE",
        f"cost person bob 100 {code}",
        "project P of LE",
        "project Q of LE",
        f"tax_policy HOME *={REST} {rules}",
        f"contract K C LE {code} {terms} policy tax_point={point}",
        *("  line L P", "    rate 77.77", "  line M Q tax travel", "    rate 33.33"),
        *(("  line D P", "    terms Deposit amount=500 due_on=2026-01-05") if has_deposit else ()),
    ]
    for month, last in DAYS.items():
        for number, (line, of, day, minutes) in sorted(enumerate(works), key=lambda one: one[1][2]):
            if of == month:
                project = "P" if line == "L" else "Q"
                lines.append(f"2026-{month:02}-{day:02} time T-{number} bob {minutes / 60:.6f} h project {project}")
        if month == 3:
            lines += [f"2026-03-30 correct T-{number} 1 h" for number in range(min(corrected, len(works)))]
        lines.append(f"2026-{month:02}-{last} day ended")
    with told([*lines, "2026-04-30 day ended"]) as books:
        billed: Counter[str] = Counter()
        taxed: Counter[str] = Counter()
        for statement in statements(books):
            assert sum(group.base for group in statement.tax) == statement.total - statement.deposits_applied
            _look_at(statement, point, step)
            for printed in statement.lines:
                billed[CATEGORIES.get(printed.line_id, "services")] += printed.amount
            billed["services"] -= statement.deposits_applied
            for group in statement.tax:
                taxed[group.category] += group.base
        assert {key: base for key, base in taxed.items() if base} == {key: one for key, one in billed.items() if one}


def _look_at(statement: BillingStatement, point: str, step: int) -> None:
    last = date.fromordinal(statement.to.toordinal() - 1)
    for group in statement.tax:
        day = group.tax_point_date or last
        assert (group.tax_point_date is None) == (point == "payment")
        assert day == last or point == "service"
        percent = rate_on(group.category, day)
        assert (group.kind, Decimal(group.percent).scaleb(-6)) == ("output", percent)
        assert group.amount == half_up(group.base, percent, step)
    if point != "service":
        assert len({group.category for group in statement.tax}) == len(statement.tax)


TAXABLES = st.lists(
    st.builds(
        Taxable,
        st.sampled_from(("a", "b")),
        st.sampled_from(("invoice", "payment", "service")),
        st.dates(date(2026, 1, 1), date(2026, 1, 9)),
        st.integers(-(10**9), 10**9).map(lambda cents: cents * 100),
    ),
    max_size=12,
)


@given(TAXABLES, st.randoms())
def test_groups_do_not_depend_on_the_order(taxables: list[Taxable], random: Random) -> None:
    groups = by_table(taxables, None, "USD")
    turned = list(taxables)
    random.shuffle(turned)
    assert by_table(turned, None, "USD") == groups
    assert groups.known == ()
    assert sum(group.base for group in groups.undetermined) == sum(one.amount for one in taxables)
