"""A source's ids become ours wherever they stand in an event."""

from __future__ import annotations

from typing import Any

from domain.events.common import (
    BillTo,
    ContractLine,
    CreditMemoLine,
    Funding,
    FundingSource,
    HoldScope,
    LineRate,
    PaymentApplication,
    RateCardLine,
    RateCardScope,
    SharedCap,
    TimeAndMaterials,
)
from domain.events.delivery import BillingHoldPlaced
from domain.events.finance import CreditMemoIssued, PaymentReceived, WrittenOff
from domain.events.reference import IdentityLinked, RateCardPublished
from state.intake.identities import canonical
from tests.intake_inputs import DAY, head, signed, worked

HEAD = head("2026-03-02 09:00")
LINKS = {
    ("customer", "7"): "ACME",
    ("person", "7"): "ADA",
    ("project", "7"): "P-1",
    ("line", "7"): "L-1",
    ("contract", "7"): "C-1",
    ("time_entry", "7"): "T-1",
    ("expense", "8"): "X-1",
    ("invoice", "7"): "I-1",
}


def test_work() -> None:
    event = worked("2026-03-02 09:00", "7", "7", person_id="7", approved_by="7", line_id="7", task="7", description="7")
    found = canonical(event, LINKS)
    assert found == worked(
        "2026-03-02 09:00", "T-1", "P-1", person_id="ADA", approved_by="ADA", line_id="L-1", task="7", description="7"
    )


def test_a_contract_with_all_that_is_in_it() -> None:
    rate = LineRate(100, person_id="7")
    event = signed("2026-03-02 09:00", "7")._replace(
        customer_id="7",
        bill_to=(BillTo("7", 100), BillTo("9", 0)),
        funding=Funding((FundingSource("S", "7"),), ()),
        lines=(ContractLine("7", "7", TimeAndMaterials(rates=(rate,))), ContractLine("8", "8", TimeAndMaterials())),
        shared_caps=(SharedCap("7", ("7", "8"), "hard"),),
    )
    found: Any = canonical(event, LINKS)
    assert (found.contract_id, found.customer_id) == ("C-1", "ACME")
    assert found.bill_to == (BillTo("ACME", 100), BillTo("9", 0))
    assert found.funding == Funding((FundingSource("S", "ACME"),), ())
    assert found.shared_caps == (SharedCap("7", ("L-1", "8"), "hard"),)
    first, second = found.lines
    assert first == ContractLine("L-1", "P-1", TimeAndMaterials(rates=(LineRate(100, person_id="ADA"),)))
    assert second is event.lines[1]


def test_finance() -> None:
    payment = PaymentReceived(
        **HEAD,
        payment_id="P",
        customer_id="7",
        amount=1,
        currency="EUR",
        received_on=DAY,
        applications=(PaymentApplication("7", 1),),
    )
    assert canonical(payment, LINKS) == payment._replace(
        customer_id="ACME", applications=(PaymentApplication("I-1", 1),)
    )
    memo = CreditMemoIssued(
        **HEAD,
        credit_memo_id="M",
        invoice_id="7",
        kind="goodwill",
        lines=(CreditMemoLine(entry_id="8"), CreditMemoLine(line_id="7")),
        issued_on=DAY,
        requested_by="7",
    )
    assert canonical(memo, LINKS) == memo._replace(
        invoice_id="I-1", requested_by="ADA", lines=(CreditMemoLine(entry_id="X-1"), CreditMemoLine(line_id="L-1"))
    )
    lost = WrittenOff(
        **HEAD,
        write_off_id="W",
        what="unbilled",
        amount=1,
        currency="EUR",
        written_off_on=DAY,
        reason="7",
        requested_by="9",
        entries=("7", "8", "9"),
    )
    assert canonical(lost, LINKS) == lost._replace(entries=("T-1", "X-1", "9"))


def test_scopes() -> None:
    hold = BillingHoldPlaced(**HEAD, hold_id="7", version=1, scope=HoldScope("bill_to", "7"), placed_on=DAY, reason="7")
    assert canonical(hold, LINKS) == hold._replace(scope=HoldScope("bill_to", "ACME"))
    card = RateCardPublished(
        **HEAD,
        rate_card_id="7",
        version=1,
        scope=RateCardScope("global"),
        currency="EUR",
        effective_from=DAY,
        lines=(RateCardLine(1, person_id="7"),),
    )
    assert canonical(card, LINKS) == card._replace(lines=(RateCardLine(1, person_id="ADA"),))


def test_what_is_not_linked_stays_the_same_object() -> None:
    event = signed("2026-03-02 09:00", "C-9", "P-9")
    assert canonical(event, LINKS) is event
    link = IdentityLinked(**HEAD, kind="project", canonical_id="7", source_id="7", version=1)
    assert canonical(link, LINKS) is link
