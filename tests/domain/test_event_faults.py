"""What nobody could compute with is told by field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.event_faults import first_fault
from domain.events.common import BillRate, ContractLine, PlannedHours, Policies, RemainingWork, TimeAndMaterials
from domain.events.delivery import EstimateRevised, ResourceAssigned
from domain.events.finance import InvoicePosted, PostingAccepted, WrittenOff
from tests.intake_inputs import DAY, at, customer, head, signed, worked

HEAD = head("2026-03-02 09:00")
NINE, TEN = at("2026-03-02 09:00"), at("2026-03-02 10:00")


def time(**more: Any) -> Any:
    return worked("2026-03-02 09:00", "T-1", "P-1", **more)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hours": 0},
        {"hours": None, "started_at": NINE, "ended_at": TEN},
        {"worked_on": None, "started_at": NINE},
        {"worked_on": None, "hours": None, "started_at": NINE, "ended_at": NINE},
        {"zone": "America/New_York"},
    ],
)
def test_work_needs_a_day_and_hours(given: dict[str, Any]) -> None:
    assert first_fault(time(**given)) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"hours": None}, "hours"),
        ({"hours": None, "started_at": NINE}, "hours"),
        ({"worked_on": None}, "worked_on"),
        ({"started_at": TEN, "ended_at": NINE}, "ended_at"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"rate": -1}, "rate"),
    ],
)
def test_work_without_them_is_refused(given: dict[str, Any], field: str) -> None:
    fault = first_fault(time(**given))
    assert fault is not None
    assert fault[0] == field


def fault_of(event: Any) -> str | None:
    fault = first_fault(event)
    return None if fault is None else fault[0]


def test_currencies_zones_and_months_are_known_ones() -> None:
    contract = signed("2026-03-02 09:00", "C-1", "P-1")
    line = ContractLine("1", "P", TimeAndMaterials(), policies=Policies(group_currency="XXX"))
    assignment = ResourceAssigned(
        **HEAD, assignment_id="A", version=1, project_id="P", person_id="ADA", role="senior", starts_on=DAY
    )
    estimate = EstimateRevised(
        **HEAD,
        project_id="P",
        version=1,
        as_of=DAY,
        remaining=(RemainingWork("2026-03", 1, 1), RemainingWork("03", 1, 1)),
    )
    assert fault_of(contract) is None
    assert fault_of(contract._replace(currency="EURO")) == "currency"
    assert fault_of(contract._replace(billing_zone="Mars")) == "billing_zone"
    assert fault_of(contract._replace(policies=Policies(billing_zone="Mars"))) == "policies.billing_zone"
    assert fault_of(contract._replace(lines=(*contract.lines, line))) == "lines[1].policies.group_currency"
    assert fault_of(assignment._replace(planned=(PlannedHours("2026-13", 1),))) == "planned[0].month"
    assert fault_of(assignment._replace(bill_rate=BillRate(1, "DEM"))) == "bill_rate.currency"
    assert fault_of(estimate) == "remaining[1].month"


def test_finance_names_what_it_is_about() -> None:
    invoice = InvoicePosted(**HEAD, invoice_id="I", posted_on=DAY, amount=1)
    posting = PostingAccepted(**HEAD, erp="sap", attempt=1, erp_reference="1", posted_on=DAY)
    lost = WrittenOff(
        **HEAD,
        write_off_id="W",
        what="receivable",
        amount=1,
        currency="EUR",
        written_off_on=date(2026, 3, 1),
        reason="r",
        requested_by="ADA",
    )
    assert fault_of(invoice) == "statement_id"
    assert fault_of(invoice._replace(statement_id="E.1")) is None
    assert fault_of(invoice._replace(statement_id="E.1", exchange_rate=0)) == "exchange_rate"
    assert fault_of(posting) == "journal_id"
    assert fault_of(posting._replace(journals=("E.1",))) is None
    assert fault_of(lost) == "invoice_id"
    assert fault_of(lost._replace(what="unbilled")) == "entries"


def test_other_events_have_no_such_faults() -> None:
    assert first_fault(customer("2026-03-02 09:00")) is None
