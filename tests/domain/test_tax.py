"""Tax by a region's table: which rule holds, what is one group, and tables that contradict themselves."""

from __future__ import annotations

from datetime import date

import pytest

from domain.billing.tax import Taxable, by_table, rule_on, tax_of
from domain.events.common import TaxRule
from domain.events.reference import TaxPolicyDefined
from domain.outputs import StatementTax, UndeterminedTax
from domain.reference_faults import faults
from domain.units import PERCENT_ONE

MAY, JUNE, JULY = date(2026, 5, 31), date(2026, 6, 30), date(2026, 7, 31)
SINCE = date(2026, 7, 1)
UNIT = 10_000


def rule(category: str, percent: int, kind: str = "output", since: date | None = None) -> TaxRule:
    return TaxRule(category, percent * PERCENT_ONE, kind, since)


def policy(*rules: TaxRule) -> TaxPolicyDefined:
    return TaxPolicyDefined(event_id="e", occurred_at=1, source="test", tax_region="DE", version=1, rules=rules)


@pytest.mark.parametrize(
    ("category", "day", "percent"),
    [("services", JUNE, 19), ("services", JULY, 16), ("books", JUNE, 7), ("books", JULY, 7), ("food", JUNE, None)],
)
def test_the_latest_rule_of_the_category_holds_else_that_of_the_rest(
    category: str, day: date, percent: int | None
) -> None:
    """Food has a rule of its own from July on, and until then no rule for the rest."""
    table = policy(
        rule("services", 16, since=SINCE), rule("services", 19), rule("books", 7), rule("food", 5, since=SINCE)
    )
    found = rule_on(table, category, day)
    assert (found.percent if found is not None else None) == (percent * PERCENT_ONE if percent is not None else None)


def test_a_rule_that_has_not_begun_leaves_its_category_to_the_rest() -> None:
    table = policy(rule("food", 5, since=SINCE), rule("*", 19))
    assert rule_on(table, "food", JUNE) == rule("*", 19)
    assert rule_on(table, "food", SINCE) == rule("food", 5, since=SINCE)


def test_equal_rates_are_one_group_and_what_is_paid_later_another() -> None:
    """8.00 and 0.93 at 20 % are 1.79; the tax point is the last of their days."""
    table = policy(rule("*", 20), rule("*", 20, since=SINCE))
    taxables = [
        Taxable("services", "service", JULY, 9_300),
        Taxable("services", "service", JUNE, 8 * UNIT),
        Taxable("services", "payment", JUNE, UNIT),
    ]
    assert by_table(taxables, table, "EUR").known == (
        StatementTax("services", 8 * UNIT + 9_300, 20 * PERCENT_ONE, 17_900, "output", JULY),
        StatementTax("services", UNIT, 20 * PERCENT_ONE, 2_000, "output", None),
    )


def test_what_is_not_charged_has_no_rate() -> None:
    table = policy(rule("export", 19, "reverse_charge"))
    groups = by_table([Taxable("export", "invoice", MAY, UNIT)], table, "EUR")
    assert groups.known == (StatementTax("export", UNIT, 0, 0, "reverse_charge", MAY),)
    assert groups.total == 0


def test_what_nobody_defined_has_neither_a_rate_nor_an_amount() -> None:
    table = policy(rule("export", 19))
    groups = by_table([Taxable(category, "invoice", MAY, UNIT) for category in ("export", "food")], table, "EUR")
    assert [group.category for group in groups.known] == ["export"]
    assert groups.undetermined == (UndeterminedTax("food", UNIT, MAY),)
    assert groups.total is None


def test_half_a_cent_goes_away_from_zero() -> None:
    assert (tax_of(5_000, 5 * PERCENT_ONE, "EUR"), tax_of(-5_000, 5 * PERCENT_ONE, "EUR")) == (300, -300)
    assert tax_of(1_005 * UNIT, 10 * PERCENT_ONE, "JPY") == 101 * UNIT


def test_a_table_that_contradicts_itself_is_refused() -> None:
    assert faults(policy(rule("*", 19), rule("*", 16, since=SINCE), rule("books", 7))) == ()
    wrong = policy(rule("*", 101), rule("*", 19), rule("books", -1, since=SINCE), rule("books", 7, since=SINCE))
    assert faults(wrong) == (
        ("rules[0].percent", "expected 0 to 100, got 101"),
        ("rules[1].category", "* from the beginning is rules[0] already"),
        ("rules[2].percent", "expected 0 to 100, got -1"),
        ("rules[3].category", "books from 2026-07-01 is rules[2] already"),
    )


@pytest.mark.parametrize("kind", ["reverse_charge", "exempt"])
def test_what_is_not_charged_states_no_rate(kind: str) -> None:
    """Nobody can tell whether 19 % are to be charged or nothing."""
    assert faults(policy(rule("*", 0, kind))) == ()
    assert faults(policy(rule("*", 19, kind))) == (
        ("rules[0].percent", f"expected 0, since {kind} charges no tax, got 19"),
    )
