"""Whatever happens: over all months a forecast expects as much cash as it expects to be billed, less what deposits pay of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import ContractLine, Deposit, Retention, RetentionStep
from domain.outputs import BillingStatement, ForecastUpdate
from domain.units import AMOUNT_ONE, PERCENT_ONE
from tests.properties.test_forecasts_add_up import history, played, steps, terms

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
