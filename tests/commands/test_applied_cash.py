"""Cash that is applied later, in a run over two engagements: intake finds where, the books foot, and the audit finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.test_contract_position import ledger, milepost
from tests.commands.tiny_firm import Event, event, founding, worked, write


def of_road(events: list[Event]) -> list[Event]:
    """The same firm's other project, of the same customer."""
    of_bridge = {one["type"]: one for one in events}
    project = {**of_bridge["ProjectActivated"], "event_id": "road", "project_id": "ROAD", "name": "Road"}
    contract = {**of_bridge["ContractSigned"], "event_id": "k-2", "contract_id": "K-2"}
    line = {**contract["lines"][0], "line_id": "L-2", "project_id": "ROAD"}
    return [project, {**contract, "lines": [line]}]


def invoice(at: str, name: str, statement: str) -> Event:
    return event(
        "InvoicePosted",
        f"{at}T10:00:00Z",
        statement_id=f"{statement}/ACME/2026-03-01/1",
        invoice_id=name,
        posted_on=at,
        amount="800",
        tax_amount="160",
    ) | {"event_id": name}


def applied(at: str, name: str, **amounts: str) -> Event:
    return event(
        "PaymentApplied",
        f"{at}T11:00:00Z",
        application_id=name,
        payment_id="PAY",
        customer_id="ACME",
        currency="EUR",
        applied_on=at,
        applications=[{"invoice_id": invoice_id, "amount": amount} for invoice_id, amount in amounts.items()],
    )


def ran(tmp_path: Path, *more: Event) -> str:
    """960.00 are owed of each project; 1,500.00 come before anybody says what for. 960.00 settle ROAD and 300.00 BRIDGE, of which 100.00
    are taken off again."""
    events = [
        *founding(),
        *of_road(founding()),
        worked("T-1", 2),
        worked("T-2", 3, project_id="ROAD"),
        event(
            "PaymentReceived",
            "2026-03-20T09:00:00Z",
            payment_id="PAY",
            customer_id="ACME",
            amount="1500",
            currency="EUR",
            received_on="2026-03-20",
        ),
        applied("2026-04-01", "PA-1", ROAD="960", BRIDGE="300"),
        invoice("2026-04-02", "BRIDGE", "BRIDGE.K-1"),
        invoice("2026-04-03", "ROAD", "ROAD.K-2"),
        applied("2026-04-10", "PA-2", BRIDGE="-100"),
        *more,
    ]
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-05-31")
    milepost("verify", "--output", output)
    return output


def closing(output: str, period: str) -> tuple[str, ...]:
    found = {line["account"]: line["closing"] for line in ledger(output, period)["ledger"]}
    return tuple(found.get(account, "0.00") for account in ("1010", "1100", "1120"))


def test_cash_of_one_project_settles_an_invoice_of_another(tmp_path: Path) -> None:
    output = ran(tmp_path)
    assert closing(output, "2026-03") == ("1500.00", "0.00", "-1500.00")
    assert closing(output, "2026-04") == ("1500.00", "760.00", "-340.00")
    owed = {one["contract_id"]: (one["paid"], one["owed"]) for one in ledger(output, "2026-04")["contracts"]}
    assert owed == {"K-1": ("200.00", "760.00"), "K-2": ("960.00", "0.00")}


def test_taken_back_both_are_owed_again(tmp_path: Path) -> None:
    taken_back = event("PaymentReversed", "2026-05-04T09:00:00Z", payment_id="PAY", received_on="2026-05-04")
    late = applied("2026-05-05", "PA-3", ROAD="10")
    output = ran(tmp_path, taken_back, late)
    assert closing(output, "2026-05") == ("0.00", "1920.00", "0.00")
    listed = milepost("dump", "exceptions", "--output", output).stdout
    assert listed.count("payment PAY was taken back") == 1


@pytest.mark.parametrize("figure", ["BRIDGE#paid", "ROAD#paid"])
def test_what_is_paid_is_explained(figure: str, tmp_path: Path) -> None:
    told = milepost("explain", figure, "--output", ran(tmp_path)).stdout
    assert ("200.00" if figure.startswith("BRIDGE") else "960.00") in told
    assert "PA-1" in told
