"""What nobody could compute with is told by field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.event_faults import first_fault
from domain.events.commercial import ContractAmended, ContractSigned, VariableConsiderationRevised
from domain.events.common import (
    BillRate,
    ConsiderationOutcome,
    ContractLine,
    CreditMemoLine,
    PaymentApplication,
    PlannedHours,
    Policies,
    ProjectBudget,
    RemainingWork,
    TimeAndMaterials,
)
from domain.events.delivery import EstimateRevised, ResourceAssigned, StatementRequested
from domain.events.finance import CreditMemoIssued, InvoicePosted, PaymentApplied, PostingAccepted, WrittenOff
from domain.money import parse_amount
from domain.units import HOURS_ONE
from tests.intake_inputs import DAY, activated, amended, at, customer, head, signed, worked

HEAD = head("2026-03-02 09:00")
NINE, TEN = at("2026-03-02 09:00"), at("2026-03-02 10:00")


def time(**more: Any) -> Any:
    return worked("2026-03-02 09:00", "T-1", "P-1", **more)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hours": 0},
        {"hours": 1_125_833, "seconds": 4053},
        {"hours": None, "started_at": NINE, "ended_at": TEN},
        {"worked_on": None, "started_at": NINE},
        {"worked_on": None, "hours": None, "started_at": NINE, "ended_at": NINE},
        {"zone": "America/New_York"},
        {"billable": False, "billed_elsewhere": True},
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
        ({"hours": 1_125_834, "seconds": 4053}, "seconds"),
        ({"hours": None, "started_at": NINE, "ended_at": TEN, "seconds": 3600}, "seconds"),
        ({"billed_elsewhere": True}, "billed_elsewhere"),
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


def test_cash_is_applied_to_an_invoice() -> None:
    applied = PaymentApplied(
        **HEAD,
        application_id="A",
        payment_id="P",
        customer_id="C",
        currency="EUR",
        applied_on=DAY,
        applications=(PaymentApplication("I", 1),),
    )
    assert fault_of(applied) is None
    assert fault_of(applied._replace(applications=())) == "applications"
    assert fault_of(applied._replace(currency="EURO")) == "currency"


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


def test_a_write_off_is_of_an_invoice_or_of_work_and_never_of_both() -> None:
    """What it named besides would be given up by nobody, and looked as if it was."""
    stated: dict[str, Any] = {"amount": 1, "currency": "EUR", "written_off_on": DAY, "reason": "r"}
    lost = WrittenOff(**HEAD, write_off_id="W", what="unbilled", **stated, requested_by="ADA")
    both = lost._replace(entries=("T-1", "T-2"), invoice_id="INV-1")
    assert first_fault(both._replace(invoice_id=None)) is None
    assert first_fault(both) == (
        "invoice_id",
        "expected none for what is unbilled, got INV-1; what stands on an invoice is given up as its receivable, or credited",
    )
    assert first_fault(both._replace(what="receivable", entries=())) is None
    assert first_fault(both._replace(what="receivable")) == (
        "entries",
        "expected none for a receivable, got T-1, T-2; an invoice is given up by its amount, work that is on none with what: unbilled",
    )


def test_a_contract_has_lines() -> None:
    """Nothing could be priced or billed by one that has none; an amendment that states none would end them all."""
    signed = ContractSigned(
        **HEAD,
        contract_id="K",
        version=1,
        customer_id="C",
        legal_entity_id="LE",
        currency="EUR",
        signed_on=DAY,
        starts_on=DAY,
        lines=(),
    )
    amended = ContractAmended(
        **HEAD, contract_id="K", version=2, replaces_version=1, effective_on=DAY, treatment="prospective", lines=()
    )
    assert first_fault(signed) == ("lines", "expected at least one line, got none")
    assert first_fault(amended._replace(lines=None)) is None
    assert first_fault(amended) == (
        "lines",
        "expected at least one line, got none; leave lines out to keep them, end a contract by ContractTerminated",
    )


def estimate(*remaining: RemainingWork) -> Any:
    return EstimateRevised(**HEAD, project_id="P", version=1, as_of=DAY, remaining=remaining)


def month(hours: str = "1", cost: str = "1", revenue: str | None = None, name: str = "2026-03") -> RemainingWork:
    stated = parse_amount(revenue) if revenue is not None else None
    return RemainingWork(name, int(hours) * HOURS_ONE, parse_amount(cost), stated)


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [
        ((month("-1"),), ("remaining[0].hours", "expected 0 to 10000000, got -1")),
        ((month(name="9999-12"),), ("remaining[0].month", "expected a month such as 2026-03, got '9999-12'")),
        (
            (month(cost="-5"), month(cost="4")),
            ("remaining", "in all of its months together expected 0 to 100000000000, got -1"),
        ),
        ((month(cost="99999999999999"),), ("remaining[0].cost", "expected 0 to 100000000000, got 99999999999999")),
        (
            (month("6000000"), month("6000000")),
            ("remaining", "in all of its months together expected 0 to 10000000, got 12000000"),
        ),
    ],
)
def test_what_remains_is_what_a_project_can_have(
    remaining: tuple[RemainingWork, ...], expected: tuple[str, str]
) -> None:
    assert first_fault(estimate(*remaining)) == expected


def test_a_month_may_take_back_what_another_has() -> None:
    assert first_fault(estimate(month(cost="-4", revenue="-3"), month(cost="5"))) is None


def test_what_is_planned_has_an_end_and_hours() -> None:
    project = activated("2026-03-02 09:00", "P")
    assignment = ResourceAssigned(
        **HEAD, assignment_id="A", version=1, project_id="P", person_id="ADA", role="senior", starts_on=DAY
    )
    assert first_fault(project._replace(ends_on=DAY)) is None
    assert first_fault(project._replace(ends_on=date(2026, 3, 1))) == (
        "ends_on",
        "expected 2026-03-02 or later, got 2026-03-01",
    )
    assert fault_of(project._replace(budget=ProjectBudget(hours=-1))) == "budget.hours"
    assert fault_of(project._replace(budget=ProjectBudget(cost=parse_amount("99999999999999")))) == "budget.cost"
    assert fault_of(assignment._replace(ends_on=date(2026, 3, 1))) == "ends_on"
    assert fault_of(assignment._replace(planned=(PlannedHours("2026-03", -1),))) == "planned[0].hours"


@pytest.mark.parametrize("nobody", ["", " "])
def test_nobody_approves_nothing(nobody: str) -> None:
    """A blank name would be another person than the one who asks."""
    expected = f"expected the name of a person, got {nobody!r}"
    given_up: dict[str, Any] = {
        "what": "unbilled",
        "amount": 1,
        "currency": "EUR",
        "written_off_on": DAY,
        "reason": "r",
        "entries": ("T",),
    }
    lost = WrittenOff(**HEAD, write_off_id="W", **given_up, requested_by="ADA", approved_by="BOB")
    assert first_fault(lost) is None
    assert first_fault(lost._replace(approved_by=nobody)) == ("approved_by", expected)
    assert first_fault(lost._replace(requested_by=nobody)) == ("requested_by", expected)
    assert first_fault(time(approved_by=nobody)) == ("approved_by", expected)
    assert first_fault(time(rate=1, rate_approved_by=nobody)) == ("rate_approved_by", expected)
    amendment = amended("2026-03-02 09:00", "K", "P")
    assert first_fault(amendment._replace(approved_by=nobody)) == ("approved_by", expected)
    assert first_fault(amendment._replace(requested_by=nobody, approved_by="BOB")) is None


def test_an_amendment_replaces_a_version_before_it() -> None:
    amendment = amended("2026-03-02 09:00", "K", "P")
    assert first_fault(amendment) is None
    assert first_fault(amendment._replace(replaces_version=2)) == (
        "replaces_version",
        "expected a version before 2, got 2",
    )


def test_a_requested_period_has_days() -> None:
    request = StatementRequested(**HEAD, request_id="R", contract_id="K", period=DAY, to=date(2026, 3, 3))
    assert first_fault(request) is None
    assert first_fault(request._replace(to=DAY)) == (
        "to",
        "expected a day after 2026-03-02, on which the period begins, got 2026-03-02",
    )


def test_other_events_have_no_such_faults() -> None:
    assert first_fault(customer("2026-03-02 09:00")) is None


def revision(**given: Any) -> VariableConsiderationRevised:
    stated = {
        "event_id": "e",
        "occurred_at": 0,
        "source": "crm",
        "contract_id": "K",
        "line_id": "L",
        "item_id": "BONUS",
        "version": 1,
    }
    who = {"as_of": date(2026, 3, 2), "included": True, "reason": "test", "requested_by": "ann", "approved_by": "ben"}
    return VariableConsiderationRevised(**{**stated, **who, **given})


def outcomes(*said: tuple[int, str]) -> tuple[ConsiderationOutcome, ...]:
    return tuple(ConsiderationOutcome(percent * 1_000_000, parse_amount(amount)) for percent, amount in said)


@pytest.mark.parametrize(
    "given",
    [
        {"amount": parse_amount("-500")},
        {"amount": parse_amount("500"), "settled": True},
        {"amount": 0, "settled": True},
        {"outcomes": outcomes((60, "500"), (40, "0"))},
        {"included": False},
    ],
)
def test_a_variable_part_is_an_amount_or_outcomes(given: dict[str, Any]) -> None:
    assert first_fault(revision(**given)) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("amount", "expected an amount or outcomes of what is included, got neither")),
        (
            {"amount": parse_amount("5"), "outcomes": outcomes((100, "5"))},
            ("amount", "expected an amount or outcomes, got 5.00 and 1 outcomes"),
        ),
        ({"outcomes": outcomes((60, "5"))}, ("outcomes", "expected probabilities that sum to 100, got 60")),
        (
            {"outcomes": outcomes((120, "5"), (-20, "0"))},
            ("outcomes", "expected probabilities that sum to 100, got 120, -20"),
        ),
        (
            {"outcomes": outcomes((100, "-999999999999"))},
            ("outcomes[0].amount", "expected at most 100000000000.00, got -999999999999.00"),
        ),
        (
            {"included": False, "settled": True},
            ("amount", "expected the amount that is due, got none; state it, or leave settled out"),
        ),
        (
            {"amount": parse_amount("5"), "included": False, "settled": True},
            ("included", "expected true, for what is settled is due, got false"),
        ),
        ({"amount": 0, "approved_by": " "}, ("approved_by", "expected the name of a person, got ' '")),
    ],
)
def test_a_variable_part_that_contradicts_is_refused(given: dict[str, Any], expected: tuple[str, str]) -> None:
    assert first_fault(revision(**given)) == expected


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ({}, {}, ("lines[0].amount", "expected hours or amount, one of them, got neither")),
        (
            {"hours": HOURS_ONE, "amount": parse_amount("5")},
            {},
            ("lines[0].amount", "expected hours or amount, one of them, got both"),
        ),
        ({"hours": -HOURS_ONE}, {}, ("lines[0].hours", "expected more than zero, got -1")),
        ({"amount": 0}, {}, ("lines[0].amount", "expected more than zero, got 0.00")),
        (
            {"amount": parse_amount("5")},
            {"tax_amount": parse_amount("-0.95")},
            ("tax_amount", "expected zero or more, got -0.95"),
        ),
    ],
)
def test_a_credit_memo_says_what_it_credits_once(
    line: dict[str, Any], more: dict[str, Any], expected: tuple[str, str]
) -> None:
    lines = (CreditMemoLine(line_id="L", **line),)
    who: dict[str, Any] = {"requested_by": "dan", "approved_by": "cfo"}
    memo: dict[str, Any] = {"credit_memo_id": "CM-1", "invoice_id": "INV-1", "kind": "goodwill", "issued_on": DAY}
    assert first_fault(CreditMemoIssued(**head("2026-03-02 09:00"), **memo, **who, lines=lines, **more)) == expected
