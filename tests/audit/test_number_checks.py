"""Numbers of statements that were tampered with: a gap, one that comes twice, another format, a number on a draft."""

from __future__ import annotations

from datetime import date

import pytest

from domain.audit.findings import NUMBERS, SeenOutput, Violation
from domain.audit.numbering import StatementNumbers
from domain.audit.reference import ReferenceSoFar
from domain.events.common import FiscalCalendar, NumberRange
from domain.events.reference import LegalEntityDefined
from domain.outputs import BillingStatement, Position, StatementNumber

DAY = date(2026, 6, 30)
POSITION = Position("g-1", 0, 0, 0, 0, "e-1", 0, 0, None, "1")


def firm(version: int, *ranges: NumberRange) -> LegalEntityDefined:
    calendar = FiscalCalendar("calendar_month", "01-01")
    made = LegalEntityDefined(f"e-{version}", 0, "erp", "LE", version, "Firm", "EUR", "UTC", calendar)
    return made._replace(number_ranges=ranges)


def numbers(reference: ReferenceSoFar | None = None) -> StatementNumbers:
    reference = reference or ReferenceSoFar()
    reference.learn(firm(1, NumberRange("R", "R-{number}")))
    return StatementNumbers(reference)


def statement(number: int, text: str | None = None) -> BillingStatement:
    """The statement of an engagement of its own."""
    plain = BillingStatement(
        f"E{number}.K/C/2026-06-01/1", 1, "K", "C", "EUR", "LE", DAY, DAY, "issued", (), 100, 0, 0, 0, 100, "", 0, 100
    )
    place = StatementNumber("R", 1, "", number)
    return plain._replace(number=text or f"R-{number}", number_place=place, issued_on=DAY)


def seen_by(checked: StatementNumbers, *statements: BillingStatement) -> list[Violation]:
    seen = (checked.see(SeenOutput("billing.statements", POSITION, one), one) for one in statements)
    return [violation for each in seen for violation in each]


def found(*statements: BillingStatement) -> list[str]:
    violations = seen_by(numbers(), *statements)
    assert all(violation.check == NUMBERS for violation in violations)
    return [f"expected {violation.expected}, found {violation.found}" for violation in violations]


def test_numbers_without_a_gap_hold() -> None:
    assert found(statement(1), statement(2), statement(3)) == []


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (statement(3), ["expected 2 after 1, found 3"]),
        (statement(2, "R-1"), ["expected a number of its own, found R-1", "R-2 of range R in the place of None"]),
        (
            statement(2, "X-2"),
            ["expected R-2 of range R in the place of None, found X-2 of range R in the place of None"],
        ),
        (statement(2)._replace(number=None, number_place=None), ["expected a number of range R, found number None"]),
        (statement(2)._replace(status="open"), ["expected number None, found number R-2"]),
    ],
)
def test_every_other_number_is_found(second: BillingStatement, said: list[str]) -> None:
    told = found(statement(1), second)
    assert len(told) == len(said)
    for one, expected in zip(told, said, strict=True):
        assert expected in one


def test_a_range_begins_with_its_first_number() -> None:
    """401 follows what another program numbered; each later year begins with 1."""
    by_year = NumberRange("R", "R-{year}-{number}", restarts="year", first_number=401)
    next_year = date(2027, 1, 31)

    def given(number: int, year: str, day: date = DAY) -> BillingStatement:
        place = StatementNumber("R", 1, year, number)
        return statement(number, f"R-{year}-{number}")._replace(number_place=place, issued_on=day)

    def expected(*statements: BillingStatement) -> list[tuple[str, str]]:
        reference = ReferenceSoFar()
        reference.learn(firm(1, by_year))
        return [(one.expected, one.found) for one in seen_by(StatementNumbers(reference), *statements)]

    assert expected(given(401, "2026"), given(402, "2026"), given(1, "2027", next_year)) == []
    assert expected(given(1, "2026")) == [("401 as the first of range R", "1")]
    assert expected(given(401, "2026"), given(403, "2027", next_year)) == [("1 as the first of range R", "403")]


def test_what_is_issued_again_names_the_former_number() -> None:
    first, again = statement(1), statement(2)._replace(statement_id="E1.K/C/2026-06-01/1", revision=2)
    former = first._replace(status="superseded")
    assert found(first, former, again._replace(replaces_number="R-1")) == []
    assert found(first, former, again) == [
        "expected R-2 of range R in the place of R-1, found R-2 of range R in the place of None"
    ]


def test_a_revision_without_a_number_leaves_the_number_that_the_next_one_takes_the_place_of() -> None:
    """The company had no range while the second was issued; the customer holds R-1."""
    reference = ReferenceSoFar()
    checked, first = numbers(reference), statement(1)
    second = first._replace(revision=2, number=None, number_place=None)
    third = statement(2)._replace(statement_id=first.statement_id, revision=3, replaces_number="R-1")
    found_before = [*seen_by(checked, first, first._replace(status="superseded"))]
    reference.learn(firm(2))
    found_without = [*seen_by(checked, second, second._replace(status="superseded"))]
    reference.learn(firm(3, NumberRange("R", "R-{number}")))
    assert [*found_before, *found_without, *seen_by(checked, third)] == []
