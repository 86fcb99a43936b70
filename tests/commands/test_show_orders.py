"""`milepost show` tells of a purchase order what is used and left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from domain.outputs import ForecastCap
from domain.units import AMOUNT_ONE, PERCENT_ONE
from milepost.cap_words import cap_kind, cap_name
from milepost.commands.show import _orders

ORDER = ForecastCap(
    "PO-1",
    850 * AMOUNT_ONE,
    0,
    85 * PERCENT_ONE,
    limit_amount=1_000 * AMOUNT_ONE,
    contract_id="K",
    kind="purchase_order",
    period="whole_term",
)


def test_an_order_is_shown_with_what_is_left() -> None:
    """Caps stand in the forecast alone."""
    update: Any = SimpleNamespace(caps=(ORDER, ORDER._replace(cap_id="S", kind="hard")))
    (table,) = _orders(update)
    assert [list(row) for row in table.rows] == [["K", "PO-1", "1,000.00", "850.00", "150.00", "85.0 %"]]
    assert _orders(SimpleNamespace(caps=())) == []  # type: ignore[arg-type]


def test_an_order_is_named_as_such() -> None:
    assert (cap_name(ORDER), cap_kind(ORDER)) == ("purchase order PO-1 of contract K", "purchase order")
