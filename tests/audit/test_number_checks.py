"""Numbers of statements that were tampered with: a gap, one that comes twice, another format, a number on a draft."""

from __future__ import annotations

from datetime import date

import pytest

from domain.audit.findings import NUMBERS, SeenOutput
from domain.audit.numbering import StatementNumbers
from domain.audit.reference import ReferenceSoFar
from domain.events.common import FiscalCalendar, NumberRange
from domain.events.reference import LegalEntityDefined
from domain.outputs import BillingStatement, Position, StatementNumber

DAY = date(2026, 6, 30)
POSITION = Position("g-1", 0, 0, 0, 0, "e-1", 0, 0, None, "1")


def numbers() -> StatementNumbers:
    reference = ReferenceSoFar()
    calendar = FiscalCalendar("calendar_month", "01-01")
    firm = LegalEntityDefined("e-1", 0, "erp", "LE", 1, "Firm", "EUR", "UTC", calendar)
    reference.learn(firm._replace(number_ranges=(NumberRange("R", "R-{number}"),)))
    return StatementNumbers(reference)


def statement(number: int, text: str | None = None) -> BillingStatement:
    """The statement of an engagement of its own."""
    plain = BillingStatement(
        f"E{number}.K/C/2026-06-01/1", 1, "K", "C", "EUR", "LE", DAY, DAY, "issued", (), 100, 0, 0, 0, 100, "", 0, 100
    )
    place = StatementNumber("R", 1, "", number)
    return plain._replace(number=text or f"R-{number}", number_place=place, issued_on=DAY)


def found(*statements: BillingStatement) -> list[str]:
    checked = numbers()
    seen = (checked.see(SeenOutput("billing.statements", POSITION, one), one) for one in statements)
    violations = [violation for each in seen for violation in each]
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


def test_what_is_issued_again_names_the_former_number() -> None:
    first, again = statement(1), statement(2)._replace(statement_id="E1.K/C/2026-06-01/1", revision=2)
    former = first._replace(status="superseded")
    assert found(first, former, again._replace(replaces_number="R-1")) == []
    assert found(first, former, again) == [
        "expected R-2 of range R in the place of R-1, found R-2 of range R in the place of None"
    ]
