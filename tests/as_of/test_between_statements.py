"""`milepost between`: what statements of a window are due with adds up, whatever was issued again or waited for approval."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.files.lookup import statement_revisions
from dataflows.between import taken_back
from domain.outputs import BillingStatement, StatementTax
from domain.units import AMOUNT_ONE
from milepost.cli import app
from state.billing import statement_lines
from tests.commands.tiny_firm import Event, event, founding, run, worked, write
from tests.finished_run import TUNNEL_JANUARY, finished_run

MARCH = "BRIDGE.K-1/ACME/2026-03-01/1"


def asked(output: Path, since: str, until: str, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["between", since, until, "--output", str(output), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def between(output: Path, since: str, until: str) -> Any:
    return json.loads(asked(output, since, until, "--json"))


def due(found: Any) -> Decimal:
    """The sum of what the statements are due with, which is what the sums say."""
    listed = sum((Decimal(one["amount_due"]) for one in found["statements"]), Decimal())
    assert listed == sum((Decimal(one["net"]) for one in found["statement_sums"]), Decimal())
    return listed


def listed(found: Any) -> list[tuple[int, str, str]]:
    return [(one["revision"], one["status"], one["amount_due"]) for one in found["statements"]]


def account(found: Any, number: str) -> Decimal:
    return sum((Decimal(one["net"]) for one in found["accounts"] if one["account"] == number), Decimal())


def ran(folder: Path, policies: dict[str, str], *events: Event) -> Path:
    said = [*founding(), worked("T-1", 2), *events]
    next(one for one in said if one["type"] == "ContractSigned")["policies"] = policies
    write(folder / "input", said)
    run(folder, "--until", "2026-04-30")
    return folder / "output"


def late(entry_id: str, day: int, hours: str, at: str) -> Event:
    """Work of March that is approved in April."""
    return worked(entry_id, day, hours) | {"event_id": entry_id, "occurred_at": f"{at}T09:00:00Z"}


@pytest.fixture(scope="module")
def reissued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 h at 100.00 make March 800.00. 2 h come on 3 April and 1 h on the 4th: 1,000.00, then 1,100.00, which is invoiced on the 6th."""
    invoice = event(
        "InvoicePosted",
        "2026-04-06T10:00:00Z",
        statement_id=MARCH,
        invoice_id="INV-1",
        posted_on="2026-04-06",
        amount="1100",
    )
    two, one = late("T-2", 20, "2", "2026-04-03"), late("T-3", 23, "1", "2026-04-04")
    return ran(tmp_path_factory.mktemp("reissued"), {"late_line": "reissue"}, two, one, invoice)


def test_a_window_has_what_a_statement_that_is_issued_anew_changes(reissued: Path) -> None:
    """On 3 April 1,000.00 take the place of 800.00: 200.00, which the work of that day put on 1150."""
    found = between(reissued, "2026-04-02", "2026-04-03")
    assert listed(found) == [(1, "superseded", "-800.00"), (2, "issued", "1000.00")]
    assert found["statement_sums"] == [
        {"legal_entity_id": "BERLIN", "currency": "EUR", "issued": "1000.00", "replaced": "-800.00", "net": "200.00"}
    ]
    assert account(found, "1150") == due(found) == 200


def test_of_two_revisions_in_a_window_the_last_counts(reissued: Path) -> None:
    found = between(reissued, "2026-04-02", "2026-04-05")
    assert listed(found) == [(1, "superseded", "-800.00"), (3, "issued", "1100.00")]
    assert account(found, "1150") == due(found) == 300
    assert listed(between(reissued, "2026-03-01", "2026-04-30")) == [(3, "issued", "1100.00")]


def test_windows_add_up_to_the_invoice(reissued: Path) -> None:
    """800.00, 200.00, 100.00 and nothing are the 1,100.00 of 1100."""
    moments = ("2026-02-01", "2026-04-02", "2026-04-03", "2026-04-05", "2026-04-30")
    windows = [between(reissued, *pair) for pair in pairwise(moments)]
    assert [due(each) for each in windows] == [800, 200, 100, 0]
    assert sum(account(each, "1100") for each in windows) == 1_100


def test_the_log_may_be_cut_anywhere(reissued: Path) -> None:
    whole = between(reissued, "offset:0", "2026-04-30")
    for offset in range(whole["until"]["log_offset"] + 1):
        halves = between(reissued, "offset:0", f"offset:{offset}"), between(reissued, f"offset:{offset}", "2026-04-30")
        assert sum(map(due, halves)) == due(whole) == 1_100


def test_people_see_what_is_replaced_and_the_net(reissued: Path) -> None:
    said = asked(reissued, "2026-04-02", "2026-04-03").splitlines()
    start = said.index("Statements")
    assert [line.split() for line in said[start + 2 : start + 4]] == [
        [MARCH, "1,", "replaced", "2026-03-01", "to", "2026-03-31", "EUR", "-800.00"],
        [MARCH, "2", "2026-03-01", "to", "2026-03-31", "EUR", "1,000.00"],
    ]
    start = said.index("Amount due by statements")
    assert said[start + 2].split() == ["BERLIN", "EUR", "1,000.00", "-800.00", "200.00"]
    assert "Amount due by statements" not in asked(reissued, "2026-04-05", "2026-04-30")


def test_a_statement_of_several_parts_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks are two lines, each a part of its own: 800.00 and 100.00, then 800.00 and 300.00."""
    monkeypatch.setattr(statement_lines, "LINES_A_PART", 1)
    task = {"task": "design"}
    other = worked("T-2", 20, "1", **task)
    output = ran(tmp_path, {"late_line": "reissue"}, other, late("T-3", 23, "2", "2026-04-03") | task)
    found = between(output, "2026-04-02", "2026-04-03")
    assert [one["parts"] for one in found["statements"]] == [2, 2]
    assert listed(found) == [(1, "superseded", "-900.00"), (2, "issued", "1100.00")]
    assert listed(between(output, "2026-02-01", "2026-04-30")) == [(2, "issued", "1100.00")]


def test_a_draft_counts_when_it_is_issued(tmp_path: Path) -> None:
    """800.00 are drafted, replaced by a draft of 600.00, and that is approved on 3 April."""
    corrected = worked("T-1", 2, "6", version=2) | {"event_id": "T-1/2", "occurred_at": "2026-04-02T09:00:00Z"}
    approved = event("StatementApproved", "2026-04-03T09:00:00Z", statement_id=MARCH, revision=2, approved_by="CARA")
    output = ran(tmp_path, {"statement_approval": "required"}, corrected, approved)
    moments = ("2026-02-01", "2026-04-01", "2026-04-02", "2026-04-03", "2026-04-30")
    windows = [between(output, *pair) for pair in pairwise(moments)]
    assert [listed(each) for each in windows] == [[], [], [(2, "issued", "600.00")], []]
    assert listed(between(output, "2026-02-01", "2026-04-30")) == [(2, "issued", "600.00")]


def test_what_is_taken_back_is_taken_back_whole() -> None:
    """Amounts and the basis of tax, so that whichever is summed comes out right."""
    issued = statement_revisions(finished_run(), TUNNEL_JANUARY)[-1].statement
    taxed = issued._replace(
        retained=200 * AMOUNT_ONE,
        released=50 * AMOUNT_ONE,
        deposits_applied=100 * AMOUNT_ONE,
        amount_due=1_750 * AMOUNT_ONE,
        tax=(StatementTax("services", 1_900 * AMOUNT_ONE, 19, 361 * AMOUNT_ONE, "output", date(2026, 1, 31)),),
    )
    back = taken_back(taxed)
    assert _amounts(back) == [-each for each in _amounts(taxed)]
    assert (back.statement_id, back.revision, back.period) == (taxed.statement_id, taxed.revision, taxed.period)


def _amounts(one: BillingStatement) -> list[int]:
    sums = [one.total, one.retained, one.released, one.deposits_applied, one.amount_due, one.control_total]
    return sums + [amount for tax in one.tax for amount in (tax.base, tax.amount)]
