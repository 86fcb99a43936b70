"""What is open of work for another company, and of revaluation, before a period closes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_recording import milepost
from tests.commands.tiny_firm import Event, event, founding, run, worked, write

BERLIN = founding()[0]
AT = ("--at", "2026-04-20T08:00:00Z")


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def made(
    firm: Path, *more: Event, until: str = "2026-04-10", policies: Event | None = None, currency: str = "EUR"
) -> None:
    """Eva of PARIS costs 50.00 an hour and works for BERLIN, whose project is billed in `currency`."""
    berlin, *rest = founding()
    berlin = {**berlin, "policies": policies} if policies else berlin
    rest = [{**each, "currency": currency} if each["type"] == "ContractSigned" else each for each in rest]
    paris = {**BERLIN, "event_id": "paris", "legal_entity_id": "PARIS", "name": "Paris", "zone": "Europe/Paris"}
    person = {"person_id": "EVA", "version": 1, "legal_entity_id": "PARIS", "role": "senior", "cost_center": "1"}
    cost = {"cost_rate_id": "EVA", "version": 1, "person_id": "EVA", "currency": "EUR", "rate": "50"}
    at = "2026-03-01T08:00:06Z"
    people = [event("PersonDefined", at, **person), event("CostRateSet", at, effective_from="2026-01-01", **cost)]
    events = [berlin, paris, *rest, *people, *more]
    write(firm / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
    run(firm, "--until", until)


def of_eva(entry_id: str, day: int, at: str | None = None) -> Event:
    found = worked(entry_id, day, person_id="EVA")
    return {**found, "occurred_at": at, "event_id": entry_id} if at else found


def price(at: str = "2026-03-01T09:00:00Z", **way: str) -> Event:
    stated = {"transfer_price_id": "TP", "version": 1, "lending_entity_id": "PARIS", "borrowing_entity_id": "BERLIN"}
    return event(
        "TransferPriceSet", at, **stated, currency="EUR", effective_from="2026-01-01", **(way or {"rate": "70"})
    )


def rate(day: str, value: str, at: str | None = None) -> Event:
    stated = {"rate_type": "spot", "from_currency": "USD", "to_currency": "EUR", "version": 1}
    return event("ExchangeRateSet", at or f"{day}T06:00:00Z", **stated, date=day, rate=value)


def closed(company: str, at: str, period: str = "2026-03", **more: Any) -> Event:
    said = {"legal_entity_id": company, "period": period, "version": 1, "requested_by": "ann", "approved_by": "ben"}
    return event("AccountingPeriodClosed", at, **{**said, **more})


def checked(company: str = "BERLIN", period: str = "2026-03") -> dict[str, dict[str, Any]]:
    done = milepost("period", "check", company, period, "--json")
    found = json.loads(done.stdout)
    assert found["may_close"] is (done.exit_code == 0)
    return {each["check"]: each for each in found["checks"]}


def items(check: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in ("what", "count", "amount", "currency")) for each in check["items"]]


# Work for another company


@pytest.mark.parametrize("company", ["BERLIN", "PARIS"])
def test_work_without_a_transfer_price_forbids_both(company: str, firm: Path) -> None:
    """8 h of Eva cost 400.00; it is in the way of who sells and of who lends, and stands once."""
    made(firm, of_eva("T-1", 2))
    found = checked(company)
    what = "no transfer price (no_transfer_price): work of PARIS for BERLIN is charged by nobody"
    assert items(found["intercompany"]) == [(what, 1, "400.00", "EUR")]
    assert found["intercompany"]["state"] == "forbids"
    assert found["intercompany"]["items"][0]["command"].startswith("milepost exceptions list --kind no_transfer_price")
    assert found["exceptions"]["items"] == []
    assert items(found["parked"]) == [("BRIDGE: 8 h are approved and wait", 1, "400.00", "EUR")]


def test_an_exception_is_the_matter_of_its_subject(firm: Path) -> None:
    """A transfer price to a company that nobody has defined is finance's, other records that are missing are not."""
    made(firm, {**price(), "borrowing_entity_id": "LYON"})
    of_unknown = [item for item in checked()["exceptions"]["items"] if "unknown_reference" in item["what"]]
    assert [(item["count"], item["owner"]) for item in of_unknown] == [(1, "finance")]


@pytest.mark.parametrize("company", ["BERLIN", "PARIS"])
def test_parked_work_for_another_company_forbids_both(company: str, firm: Path) -> None:
    """Fay of PARIS has no cost rate: 8 h are approved, and PARIS, which pays her, has not booked what they cost."""
    fay = {"person_id": "FAY", "version": 1, "legal_entity_id": "PARIS", "role": "senior", "cost_center": "1"}
    made(firm, price(), event("PersonDefined", "2026-03-01T08:00:07Z", **fay), worked("T-1", 2, person_id="FAY"))
    found = checked(company)
    assert items(found["parked"]) == [("BRIDGE: 8 h are approved and wait", 1, None, None)]
    assert found["parked"]["state"] == "forbids"


def unpriced(firm: Path, policies: Event | None = None, **way: str) -> None:
    """8 h of Eva, for whose work the contract of BERLIN states no rate."""
    line = {"line_id": "L-1", "project_id": "BRIDGE", "terms": {"type": "TimeAndMaterials"}}
    stated = {**founding()[-1], "event_id": "again", "occurred_at": "2026-03-01T08:00:08Z", "version": 2}
    made(firm, price(**way), {**stated, "lines": [line]}, of_eva("T-1", 2), policies=policies)


def test_work_that_waits_for_a_bill_rate_alone_is_open_where_it_is_sold(firm: Path) -> None:
    """PARIS has booked what the 8 h cost, 400.00, and charged 560.00 for them; BERLIN does not know what it bills."""
    unpriced(firm)
    found = checked("BERLIN")
    assert items(found["parked"]) == [("BRIDGE: 8 h are approved and wait", 1, "400.00", "EUR")]
    assert found["parked"]["state"] == "forbids"
    found = checked("PARIS")
    assert (items(found["parked"]), items(found["exceptions"])) == ([], [])
    assert items(found["intercompany"]) == []


@pytest.mark.parametrize("company", ["BERLIN", "PARIS"])
def test_work_that_is_charged_at_a_part_of_its_bill_rate_waits_for_that_in_both(company: str, firm: Path) -> None:
    unpriced(firm, {"intercompany_transfer": "percent_of_bill"}, bill_percent="70")
    assert items(checked(company)["intercompany"]) == []
    assert items(checked(company)["parked"]) == [("BRIDGE: 8 h are approved and wait", 1, "400.00", "EUR")]


def test_a_bill_rate_in_another_currency_waits_for_its_exchange_rate_where_it_is_sold(firm: Path) -> None:
    """100.00 USD an hour, and nobody knows what a dollar is: PARIS has cost and charge in EUR."""
    made(firm, price(), of_eva("T-1", 2), currency="USD")
    assert checked("BERLIN")["exchange_rates"]["state"] == "forbids"
    assert checked("PARIS")["exchange_rates"]["state"] == "holds"
    assert checked("PARIS")["parked"]["state"] == "holds"


@pytest.mark.parametrize("company", ["BERLIN", "PARIS"])
def test_halves_of_one_month_are_one(company: str, firm: Path) -> None:
    made(firm, price(), of_eva("T-1", 2))
    assert checked(company)["intercompany"]["state"] == "holds"


def test_a_half_in_another_month_is_named_in_both(firm: Path) -> None:
    """PARIS closed March before T-2 came: 8 h at 70.00 are of its April, and of March in BERLIN. T-1 is of March in both."""
    late = of_eva("T-2", 3, at="2026-04-03T10:00:00Z")
    made(firm, price(), of_eva("T-1", 2), closed("PARIS", "2026-04-02T08:00:00Z"), late)
    found = checked("BERLIN")["intercompany"]
    what = "with PARIS, whose half is in its period 2026-04: the group owes itself that much"
    assert items(found) == [(what, 1, "560.00", "EUR")]
    assert found["items"][0]["command"].startswith("milepost ledger --entity PARIS --period 2026-04")
    other = checked("PARIS", "2026-04")["intercompany"]
    what = "with BERLIN, whose half is in its period 2026-03: the group owes itself that much"
    assert items(other) == [(what, 1, "560.00", "EUR")]


def test_what_was_taken_back_the_same_way_leaves_nothing(firm: Path) -> None:
    """T-2 is withdrawn: both halves go, each where it was."""
    late = of_eva("T-2", 3, at="2026-04-03T10:00:00Z")
    gone = event("TimeWithdrawn", "2026-04-04T10:00:00Z", entry_id="T-2", version=2, approved_by="CARA")
    made(firm, price(), closed("PARIS", "2026-04-02T08:00:00Z"), late, gone)
    assert items(checked("BERLIN")["intercompany"]) == []


def test_a_half_that_the_erp_rejected(firm: Path) -> None:
    """It has BERLIN's half and not that of PARIS: 1180 there is missing."""
    made(firm, price(), of_eva("T-1", 2))
    dumped = map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
    for place, each in enumerate(dumped):
        is_half = each["legal_entity_id"] == "PARIS" and each["pair_id"]
        kind, more = ("PostingRejected", {"code": "X", "message": "no", "because": "data"}) if is_half else (
            "PostingAccepted", {"document_id": f"D-{place}"}
        )  # fmt: skip
        answer = {"erp": "netsuite", "attempt": 1, "journal_id": each["journal_id"], **more}
        write(firm / "input", [event(kind, f"2026-04-11T08:00:0{place}Z", **answer)], f"answer-{place}")
    run(firm)
    what = "with PARIS, whose half the ERP rejected"
    assert items(checked("BERLIN")["intercompany"]) == [(what, 1, "560.00", "EUR")]


# Revaluation

REVALUED = {"fx_revaluation": "reversing", "unbilled_is_monetary": True}


def test_what_has_no_rate_at_the_end_of_the_month(firm: Path) -> None:
    """8 h at 100.00 USD are unbilled; the rate of 2 March is 29 days old at its end."""
    made(firm, rate("2026-03-02", "0.90"), worked("T-1", 2), policies=REVALUED, currency="USD")
    found = checked()
    what = "1150 800.00 USD at 2026-03-31: not revalued, exchange rate too old (stale_exchange_rate)"
    assert items(found["revaluation"]) == [(what, 1, None, None)]
    assert found["revaluation"]["state"] == "forbids"
    # The project's forecast lacks a rate too, which forbids nothing; that of revaluation stands once.
    assert items(found["exchange_rates"]) == []
    assert "no exchange rate (no_exchange_rate)" in {row[0] for row in items(found["exceptions"])}
    assert checked("PARIS")["revaluation"]["state"] == "holds"
    assert checked(period="2026-04")["exchange_rates"]["items"] == []


def test_the_rate_that_comes_mends_it(firm: Path) -> None:
    late = rate("2026-03-31", "0.95", at="2026-04-02T06:00:00Z")
    made(firm, rate("2026-03-02", "0.90"), worked("T-1", 2), late, policies=REVALUED, currency="USD")
    assert checked()["revaluation"]["state"] == "holds"


def test_a_month_that_has_not_ended(firm: Path) -> None:
    events = rate("2026-03-02", "0.90"), worked("T-1", 2)
    made(firm, *events, policies=REVALUED, currency="USD", until="2026-03-24")
    found = checked()["revaluation"]
    assert items(found) == [("1150 800.00 USD at 2026-03-31: not revalued, the day has not ended", 1, None, None)]
    assert found["items"][0]["command"].startswith("milepost run --until 2026-03-31")


def test_a_company_that_asks_for_none(firm: Path) -> None:
    made(firm, rate("2026-03-02", "0.90"), worked("T-1", 2), currency="USD")
    assert checked()["revaluation"]["state"] == "holds"


def test_a_company_that_asks_for_none_since_a_later_day(firm: Path) -> None:
    """March ended before it did, without a rate: it waits for one still."""
    none = {**REVALUED, "fx_revaluation": "none"}
    again = {**BERLIN, "version": 2, "event_id": "v2", "occurred_at": "2026-04-05T08:00:00Z", "policies": none}
    made(firm, rate("2026-03-02", "0.90"), worked("T-1", 2), again, policies=REVALUED, currency="USD")
    what = "1150 800.00 USD at 2026-03-31: not revalued, exchange rate too old (stale_exchange_rate)"
    assert items(checked()["revaluation"]) == [(what, 1, None, None)]
    assert checked(period="2026-04")["revaluation"]["state"] == "holds"


def test_a_company_that_asks_for_it_since_a_later_day(firm: Path) -> None:
    """March ended before it did: nothing is posted there, and somebody says so."""
    again = {**BERLIN, "version": 2, "event_id": "v2", "occurred_at": "2026-04-05T08:00:00Z", "policies": REVALUED}
    events = rate("2026-03-02", "0.90"), rate("2026-03-31", "0.95"), worked("T-1", 2), again
    made(firm, *events, currency="USD")
    [(what, *_)] = items(checked()["revaluation"])
    assert what == "1150 800.00 USD at 2026-03-31: not revalued, the company asks for it since a later day"


# What was certified


def test_an_earlier_month_that_is_not_what_was_certified(firm: Path) -> None:
    """The ERP's March is closed to T-1's journal, after Milepost's: a memo takes it out of March, and it is of April."""
    made(firm, worked("T-1", 2), closed("BERLIN", "2026-04-02T08:00:00Z"), until="2026-05-05")
    assert checked(period="2026-04")["earlier"]["state"] == "holds"
    [journal] = map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
    refusal = {"erp": "netsuite", "attempt": 1, "journal_id": journal["journal_id"], "code": "CLOSED", "message": "no"}
    write(firm / "input", [event("PostingRejected", "2026-05-06T08:00:00Z", **refusal, because="period")], "no")
    run(firm)
    found = checked(period="2026-04")["earlier"]
    what = "period 2026-03 is not as certified: 1 journal then, 2 now; open and close it again"
    assert items(found) == [(what, 1, None, None)]
    assert found["items"][0]["command"].startswith("milepost period reopen BERLIN 2026-03")


def test_a_certificate_says_that_it_does_not_follow_from_the_last(firm: Path) -> None:
    """April opens without the 800.00 that March was certified with. March, opened and closed again, is certified without them."""
    made(firm, worked("T-1", 2), closed("BERLIN", "2026-04-02T08:00:00Z"), until="2026-05-05")
    [journal] = map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
    refusal = {"erp": "netsuite", "attempt": 1, "journal_id": journal["journal_id"], "code": "CLOSED", "message": "no"}
    write(firm / "input", [event("PostingRejected", "2026-05-06T08:00:00Z", **refusal, because="period")], "no")
    run(firm)
    write(firm / "input", [closed("BERLIN", "2026-05-06T09:00:00Z", "2026-04")], "april")
    run(firm)
    shown = milepost("period", "certificate", "BERLIN", "2026-04")
    assert (
        "It does not open with what certificate 1 of period 2026-03 closed with, but with what was posted before it since then too: "
        "1150 by -800.00, 2150 by 320.00, 4000 by 800.00, 5000 by -320.00"
    ) in " ".join(shown.output.split())
    who = {"requested_by": "ann", "approved_by": "ben", "legal_entity_id": "BERLIN"}
    reopened = event("AccountingPeriodReopened", "2026-05-07T08:00:00Z", period="2026-03", version=2, **who)
    again = closed("BERLIN", "2026-05-07T09:00:00Z", version=3)
    write(firm / "input", [reopened, again], "march")
    run(firm)
    assert "It does not open" not in milepost("period", "certificate", "BERLIN", "2026-03").output
