"""A fact on the page of its exception reads as words, however deep its records are."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.events.catalogue import Event
from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, CreditMemoLine, LineRate, TimeAndMaterials
from domain.events.finance import CreditMemoIssued, WrittenOff
from milepost.exceptions.shown import fact_table

HEAD: dict[str, Any] = {"event_id": "e", "occurred_at": 0, "source": "erp"}
DAY = date(2026, 6, 20)


def rows_of(event: Event) -> dict[str, str]:
    return {row[0]: row[1] for row in fact_table(event).rows}


def test_each_line_of_a_credit_memo_is_a_row() -> None:
    lines = (CreditMemoLine(entry_id="T-1", amount=50_0000), CreditMemoLine(line_id="L", hours=2_000000))
    memo = CreditMemoIssued(
        **HEAD,
        credit_memo_id="CM-1",
        invoice_id="INV-1",
        kind="goodwill",
        lines=lines,
        issued_on=DAY,
        requested_by="ann",
    )
    rows = rows_of(memo)
    assert rows["lines 1"] == "entry_id T-1, amount 50.00"
    assert rows["lines 2"] == "line_id L, hours 2"


def test_a_list_of_ids_is_one_row() -> None:
    given_up = WrittenOff(
        **HEAD,
        write_off_id="W-1",
        what="unbilled",
        amount=5_0000,
        currency="USD",
        written_off_on=DAY,
        reason="old",
        requested_by="ann",
        entries=("T-1", "T-2"),
    )
    assert rows_of(given_up)["entries"] == "T-1, T-2"


def test_records_within_records_stand_in_brackets() -> None:
    line = ContractLine("L", "P", TimeAndMaterials(rates=(LineRate(200_000000),)))
    signed = ContractSigned(
        **HEAD,
        contract_id="K",
        version=1,
        customer_id="C",
        legal_entity_id="LE",
        currency="USD",
        signed_on=DAY,
        starts_on=DAY,
        lines=(line,),
    )
    assert "terms (type TimeAndMaterials, rates (rate 200))" in rows_of(signed)["lines 1"]
