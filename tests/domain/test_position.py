"""What a contract's position takes and gives, in contract and in ledger currency."""

from __future__ import annotations

from decimal import Decimal

from domain.ledger.journal import Leg
from domain.ledger.position import ContractPosition, moved, settled
from domain.reference.exchange import Exchange

AT_095 = Exchange(95, 100, 950_000_000_000, ())


def eur(amount: str) -> int:
    return int(Decimal(amount) * 10_000)


def legs(position: ContractPosition, amount: str) -> list[tuple[str, int, int]]:
    made = moved(position, "revenue", eur(amount), AT_095, "EUR", "half_up")
    return [(leg.account, leg.amount, leg.ledger_amount) for leg in made]


def test_revenue_takes_what_was_billed_ahead_as_it_is_carried() -> None:
    """900.00 stand on 2300 at 0.90, 100.00 more are earned at 0.95."""
    billed = ContractPosition(liability=(eur("-900"), eur("-810")))
    assert legs(billed, "1000") == [("2300", eur("900"), eur("810")), ("1160", eur("100"), eur("95"))]
    assert legs(billed, "300") == [("2300", eur("300"), eur("270"))]


def test_an_invoice_takes_what_was_earned_first() -> None:
    earned = ContractPosition(asset=(eur("100"), eur("80")))
    assert legs(earned, "-250") == [("1160", eur("-100"), eur("-80")), ("2300", eur("-150"), eur("-142.50"))]


def test_what_is_below_zero_is_filled_first() -> None:
    """A reversal took 40.00 from 1160 that an invoice had taken before."""
    position = ContractPosition(asset=(eur("-40"), eur("-36")), liability=(eur("-10"), eur("-8")))
    assert legs(position, "60") == [
        ("1160", eur("40"), eur("36")),
        ("2300", eur("10"), eur("8")),
        ("1160", eur("10"), eur("9.50")),
    ]


def test_the_side_that_goes_does_so_as_it_carries() -> None:
    both = ContractPosition(asset=(eur("100"), eur("92")), liability=(eur("-500"), eur("-450")))
    assert settled(both) == [
        Leg("1160", "revenue", eur("-100"), eur("-92")),
        Leg("2300", "revenue", eur("100"), eur("92")),
    ]
    assert both.after(settled(both)) == ContractPosition(liability=(eur("-400"), eur("-358")))


def test_what_is_left_of_nothing_is_an_exchange_difference() -> None:
    even = ContractPosition(asset=(eur("100"), eur("92")), liability=(eur("-100"), eur("-90")))
    assert even.after(settled(even)) == ContractPosition()
    assert settled(even)[-1] == Leg("7110", "exchange_difference", 0, eur("2"))


def test_one_side_stays_as_it_is() -> None:
    assert settled(ContractPosition(asset=(eur("100"), eur("92")))) == []
    assert settled(ContractPosition(liability=(eur("-100"), eur("-92")))) == []
