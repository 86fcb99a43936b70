"""What a provision lacks is named: the field, what was expected, what was found, and what to send."""

from __future__ import annotations

import pytest

from domain.outputs import ExceptionRaised
from tests.told import told

FIRM = (
    "entity LE USD America/New_York policy rate_staleness_days=10",
    "customer C",
    "person ann consultant of LE",
    "cost person ann 500.00 USD",
    "project P of LE",
    "contract K C LE USD from 2026-01-01 policy loss_provision=contract",
    "  line L P",
    "    rate 1000.00",
    "    cap hard 10000.00",
)
EXPECTED = "line L of contract K: expected an estimate of the cost that remains in USD, got"
MORE = "line L of contract K: expected a cost of 500.00 USD at completion"
SEND = "send EstimateRevised of project P with line_id L in USD"
NOTHING = "nothing is provided for its loss"


def raised(*lines: str, firm: tuple[str, ...] = FIRM) -> ExceptionRaised:
    with told((*firm, *lines)) as books:
        found = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
    (one,) = (each for each in found if each.subject_kind == "provision")
    assert one.contract_id == "K"
    return one


@pytest.mark.parametrize(
    ("estimate", "field", "message"),
    [
        (None, "remaining", f"{EXPECTED} none by 2026-01-31; {NOTHING}; {SEND}"),
        ("P 9 h 4500.00", "remaining", f"{EXPECTED} one of the whole project by 2026-01-31; {NOTHING}; {SEND}"),
        ("P 9 h 4500.00 line L in EUR", "currency", f"{EXPECTED} one in EUR by 2026-01-31; {NOTHING}; {SEND}"),
        (
            "P 1 h 500.00 line L on 2026-01-10",
            "remaining",
            f"{MORE}, as estimated on 2026-01-10, got 2000.00 by 2026-01-31; nothing more is provided for; {SEND}",
        ),
    ],
    ids=["none", "of the project", "in another currency", "less than is spent"],
)
def test_an_estimate_is_asked_for(estimate: str | None, field: str, message: str) -> None:
    said = [f"2026-01-12 estimate {estimate}"] if estimate else []
    one = raised(*said, "2026-01-20 time T-1 ann 4 h", "2026-01-31 day ended")
    assert (one.owner_role, one.field, one.message) == ("delivery", field, message)


def test_what_balances_provide_for_stays_until_an_estimate_comes() -> None:
    one = raised(
        "2026-01-15 brought forward P",
        "  line L hours=1 cost=500.00 revenue=1000.00 cap_used=1000.00 provision=300.00",
        "2026-01-31 day ended",
    )
    assert one.message == f"{EXPECTED} none by 2026-01-31; its provision stays as its balances state it; {SEND}"


def test_the_rate_of_the_last_day_is_asked_for() -> None:
    """The ledger is in EUR: the rate of 10 January is too old at the end of the month."""
    one = raised(
        "2026-01-10 exchange USD EUR 0.80 on 2026-01-10",
        "2026-01-12 estimate P 30 h 15000.00 line L",
        "2026-01-31 day ended",
        firm=tuple(line.replace("entity LE USD America/New_York", "entity LE EUR Europe/Berlin") for line in FIRM),
    )
    assert (one.category, one.owner_role, one.field) == ("stale_exchange_rate", "finance", "rate")
    assert "until then nothing is provided for: 5000.00 USD of contract K at the end of 2026-01" in one.message
