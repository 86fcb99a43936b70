"""What is expected to go back to a client, beside its project: 2,000.00 of a price of 10,000.00, of which 5,000.00 are invoiced.

1,000.00 are owed back from the invoice on; a credit memo gives 400.00 of them in April.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import event, founding, run, said, write

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("owed-back")
    *firm, contract = founding()
    halves = [{"on": "2026-03-15", "amount": "5000"}, {"on": "2026-12-31", "amount": "5000"}]
    price = {"type": "FixedPrice", "price": "10000", "schedule": halves}
    rebate = {"item_id": "REBATE", "kind": "rebate", "method": "most_likely", "amount": "-2000", "included": True}
    line = {"line_id": "L-1", "project_id": "BRIDGE", "revenue_policy": "reported", "terms": price}
    monthly = {"billing_cycle": {"kind": "monthly"}}
    invoice = {"statement_id": "BRIDGE.K-1/ACME/2026-03-01/1", "invoice_id": "INV-1", "posted_on": "2026-04-02"}
    who = {"requested_by": "ANN", "approved_by": "BEN", "issued_on": "2026-04-20"}
    memo = {"credit_memo_id": "CM-1", "invoice_id": "INV-1", "kind": "rebate", **who}
    write(
        folder / "input",
        [
            *firm,
            {**contract, **monthly, "lines": [{**line, "variable_consideration": [rebate]}]},
            event("InvoicePosted", "2026-04-02T12:00:00Z", amount="5000", **invoice),
            event("CreditMemoIssued", "2026-04-20T12:00:00Z", lines=[{"line_id": "L-1", "amount": "400"}], **memo),
        ],
    )
    run(folder, "--until", "2026-04-30")
    return folder / "output"


@pytest.mark.parametrize("table", ["projects", "clients"])
@pytest.mark.parametrize(
    ("as_of", "owed"), [("2026-04-01", "0.00"), ("2026-04-10", "1000.00"), ("2026-05-01", "600.00")]
)
def test_what_is_owed_back_foots_to_2320_as_of_any_moment(output: Path, table: str, as_of: str, owed: str) -> None:
    result = RUNNER.invoke(app, [table, "--json", "--as-of", as_of, "--output", str(output)])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = said(result)
    ([row], [total]) = found["rows"], found["totals"]
    assert (row["owed_back"], total["owed_back"]) == (owed, owed)
    feet = [(foot["accounts"], foot["in_ledger"], foot["holds"]) for foot in found["feet"] if "owed" in foot["what"]]
    back = [foot for foot in feet if foot[0] == ["2320"]]
    assert back == ([(["2320"], f"-{owed}", True)] if owed != "0.00" else [])


def test_it_is_explained_down_to_the_journals(output: Path) -> None:
    result = RUNNER.invoke(app, ["explain", "projects/BERLIN/BRIDGE#owed_back", "--all", "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert "600.00 EUR" in result.stdout
    assert "1,000.00 EUR" in result.stdout
