"""Lines that earn by what is spent: what is said of one that lacks something, and when its work waits for a rate."""

from __future__ import annotations

from collections.abc import Sequence

from domain.outputs import ExceptionRaised
from tests.told import balances, told

FIRM = [
    "entity LE EUR Europe/Berlin",
    "customer C",
    "person ann consultant of LE",
    "cost person ann 50.00 EUR",
    "project P of LE",
]
BY_COST = [
    "  line L P revenue cost_to_cost",
    "    terms FixedPrice price=10,000.00",
    "    each schedule on=2026-06-30 amount=10,000.00",
]
IN_EUR = [*FIRM, "contract K C LE EUR from 2026-01-01", *BY_COST]


def said(lines: Sequence[str]) -> list[str]:
    """What is said of the line, each revision."""
    with told(lines) as books:
        raised = (one for _, one in books.folded if isinstance(one, ExceptionRaised))
        return [one.message for one in raised if one.subject_kind == "contract_line"]


def test_without_an_estimate_it_says_of_which_line_and_what_to_send() -> None:
    (message,) = said([*IN_EUR, "2026-01-20 time T-1 ann 10 h"])
    assert message == (
        "line L of contract K earns by cost spent of all that it takes: expected an estimate of what remains, got none; nothing is earned "
        "before it; send EstimateRevised of project P with line_id L"
    )


def test_more_than_was_estimated_names_both_figures() -> None:
    """22 h of Ann's are 1,100.00; nobody asks in the month that runs."""
    lines = [*IN_EUR, "2026-01-02 estimate P 20 h 1,000.00 line L", "2026-01-20 time T-1 ann 22 h"]
    assert said(lines) == []
    (message,) = said([*lines, "2026-01-31 day ended", "2026-02-10 time T-2 ann 1 h"])
    assert message == (
        "line L of contract K earns by cost spent of all that it takes: expected at most 1000.00 EUR in all, as estimated on 2026-01-02, "
        "got 1100.00 EUR by 2026-01-31; all of it counts as done; send EstimateRevised of project P with line_id L"
    )


def test_more_than_was_budgeted_names_the_budget() -> None:
    """As long as nobody has estimated the line."""
    by_budget = [line.replace("cost_to_cost", "cost_to_cost budget 1,000.00") for line in IN_EUR]
    lines = ["2026-01-20 time T-1 ann 22 h", "2026-01-31 day ended", "2026-02-10 time T-2 ann 1 h"]
    (message,) = said([*by_budget, *lines])
    assert "expected at most 1000.00 EUR in all, by its cost budget, got 1100.00 EUR by 2026-01-31" in message


def test_an_amendment_is_no_estimate_of_the_budget_that_it_keeps() -> None:
    """22 h are 1,100.00 of 1,000.00 estimated, 6 h of them of February, which runs: nobody asks before it ends."""
    by_budget = [line.replace("cost_to_cost", "cost_to_cost budget 1,000.00") for line in (*IN_EUR, *BY_COST)]
    firm, terms = by_budget[: len(IN_EUR)], by_budget[len(IN_EUR) :]
    lines = [
        *("2026-01-02 estimate P 20 h 1,000.00 line L", "2026-01-20 time T-1 ann 16 h", "2026-01-31 day ended"),
        *("2026-02-03 time T-2 ann 6 h", "2026-02-04 amend K from 2026-02-05 treatment prospective"),
        *(line.replace("10,000.00", "11,000.00") for line in terms),
        "2026-02-10 day ended",
    ]
    assert said([*firm, *lines]) == []
    (message,) = said([*firm, *lines, "2026-02-28 day ended"])
    assert "as estimated on 2026-01-02, got 1100.00 EUR by 2026-02-28" in message


def test_more_hours_than_were_estimated() -> None:
    by_hours = [line.replace("cost_to_cost", "hours") for line in IN_EUR]
    lines = ["2026-01-02 estimate P 20 h 1,000.00 line L", "2026-01-20 time T-1 ann 22.5 h", "2026-01-31 day ended"]
    (message,) = said([*by_hours, *lines])
    assert "expected at most 20 h in all, as estimated on 2026-01-02, got 22.5 h by 2026-01-31" in message


def test_an_estimate_of_the_whole_project_says_nothing_of_the_line() -> None:
    (message,) = said([*IN_EUR, "2026-01-19 estimate P 40 h 2,000.00", "2026-01-20 time T-1 ann 10 h"])
    assert "got one of the whole project" in message


def test_an_estimate_of_before_the_balances_does_not_know_what_was_spent_by_then() -> None:
    lines = [
        *IN_EUR,
        "2026-03-01 estimate P 70 h 3,500.00 line L on 2026-02-28",
        "2026-03-31 brought forward P as_of 2026-03-31",
        "  line L hours=20 cost=1,000.00 revenue=2,600.00 billed=2,000.00 paid=2,000.00",
    ]
    (message,) = said(lines)
    assert "got one of 2026-02-28, before its balances of 2026-03-31" in message


def test_what_is_lacking_is_said_again_when_it_is_something_else() -> None:
    lines = [*IN_EUR, "2026-01-20 time T-1 ann 10 h", "2026-01-31 estimate P 30 h 1,500.00 line L in USD"]
    none, other = said(lines)
    assert "got none" in none
    assert other.endswith(
        "expected what remains in EUR, got USD; send EstimateRevised of project P with line_id L in EUR"
    )


def test_hours_do_not_ask_for_the_currency_of_an_estimate() -> None:
    lines = [line.replace("cost_to_cost", "hours") for line in IN_EUR]
    lines += ["2026-01-20 time T-1 ann 10 h", "2026-01-31 estimate P 30 h 1,500.00 line L in USD"]
    with told(lines) as books:
        assert balances(books)["4000"] == -2_500_0000


def test_cost_that_had_no_rate_when_the_line_began_to_earn_by_it_is_named() -> None:
    """By days nobody needed the rate. 500.00 EUR are 600.00 of 3,000.00 USD, once it is known: 20 %."""
    by_days = [line.replace("cost_to_cost", "straight_line_days") for line in BY_COST]
    lines = [
        *FIRM,
        "contract K C LE USD from 2026-01-01 to 2026-12-31 policy rate_staleness_days=9",
        *by_days,
        "2026-01-01 exchange USD EUR 0.80 on 2026-01-31",
        "2026-01-20 time T-1 ann 10 h",
        "2026-01-21 amend K from 2026-01-01 treatment catch_up",
        *BY_COST,
        "2026-01-25 estimate P 48 h 2,400.00 line L",
    ]
    (message,) = said(lines)
    assert "its cost in EUR of 2026-01-20 does not count, for no rate to USD is known; send ExchangeRateSet" in message
    with told([*lines, "2026-01-26 exchange EUR USD 1.20 on 2026-01-20", "2026-01-31 day ended"]) as books:
        assert balances(books, "USD")["4000"] == -2_000_0000


def test_an_hour_waits_for_the_rate_by_which_its_cost_counts() -> None:
    lines = [*FIRM, "contract K C LE USD from 2026-01-01", *BY_COST, "2026-01-20 time T-1 ann 10 h"]
    with told(lines) as books:
        raised = [one.category for _, one in books.folded if isinstance(one, ExceptionRaised)]
    assert "no_exchange_rate" in raised
