"""Delivered, reconciled and run again: what somebody does in the ERP is an exception until it is undone."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.written import read_topic
from domain.delivery.chart import ENTITY_DAY, ENTRY
from domain.outputs import TOPICS, JournalEntry
from milepost.cli import app
from simulation.erp.books import FILE
from simulation.erp.troubles import parsed
from tests.commands.tiny_firm import write
from tests.delivery.test_deliver import Firm, delivering_to
from tests.finished_run import history


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with delivering_to(tmp_path, ENTITY_DAY) as found:
        assert found.deliver().exit_code == 0
        assert found.run().exit_code == 0
        yield found


def reconcile(firm: Firm, *options: str) -> Result:
    folders = ["--output", str(firm.output), "--accounts", str(firm.accounts)]
    return CliRunner().invoke(app, ["reconcile", *folders, *options])


def book(firm: Firm, *statements: str) -> None:
    with sqlite3.connect(firm.folder.parent / "books" / FILE, timeout=20) as books:
        for each in statements:
            books.execute(each)
    books.close()


def differing(firm: Firm) -> dict[str, str]:
    """Cause and money of open exceptions, after a run."""
    ran = firm.run()
    assert ran.exit_code == 0, ran.output
    arguments = ["exceptions", "list", "--kind", "ledger_differs", "--all", "--json", "--output", str(firm.output)]
    listed = json.loads(CliRunner().invoke(app, arguments).stdout)["exceptions"]
    return {each["message"].partition(":")[0]: f"{each['blocks_amount']} {each['blocks_currency']}" for each in listed}


def test_what_changes_in_the_erp_is_an_exception_until_it_is_undone(firm: Firm) -> None:
    """The first line of the first journal moves to account 9999; another journal goes on the next day."""
    clean = reconcile(firm)
    assert clean.exit_code == 0, clean.output
    assert "Both ledgers agree" in clean.stdout
    assert differing(firm) == {}

    lines = 'UPDATE transactionaccountingline SET account = {} WHERE "transaction" = 1 AND transactionline = 1'
    day = "UPDATE \"transaction\" SET trandate = date(trandate, '{}') WHERE id = 2"
    with sqlite3.connect(firm.folder.parent / "books" / FILE) as books:
        (was,) = books.execute(
            'SELECT account FROM transactionaccountingline WHERE "transaction" = 1 AND transactionline = 1'
        ).fetchone()
    books.close()
    book(firm, lines.format("'9999'"), day.format("+1 day"))
    changed = reconcile(firm)
    assert changed.exit_code == 3, changed.output
    found = differing(firm)
    assert set(found) == {"account", "date"}
    assert all(float(money.split()[0]) > 0 for money in found.values())

    book(firm, lines.format(f"'{was}'"))
    assert reconcile(firm).exit_code == 3
    assert set(differing(firm)) == {"date"}, "one is put right"
    book(firm, day.format("-1 day"))
    assert reconcile(firm).exit_code == 0
    assert differing(firm) == {}


def test_what_somebody_accepted_is_no_verdict(firm: Firm) -> None:
    """A journal on the next day, which finance resolves; on another day than that it differs again."""
    day = "UPDATE \"transaction\" SET trandate = date(trandate, '+1 day') WHERE id = 2"
    book(firm, day)
    assert reconcile(firm).exit_code == 3
    assert set(differing(firm)) == {"date"}
    asked = [
        "--kind",
        "ledger_differs",
        "--reason",
        "right",
        "--as",
        "ADA",
        "--approved-by",
        "BO",
        "--yes",
        "--at",
        "2026-03-06T18:00:00Z",
    ]
    resolved = CliRunner().invoke(app, ["exceptions", "resolve", *asked, "--output", str(firm.output)])
    assert resolved.exit_code == 0, resolved.output
    assert firm.run().exit_code == 0

    again = reconcile(firm)
    assert again.exit_code == 0, again.output
    assert "Both ledgers agree, but for what is accepted" in again.stdout
    assert "Accepted, for somebody resolved them as they are: 1 difference" in again.stdout
    months = json.loads(reconcile(firm, "--look", "--json").stdout)["reconciled"]
    assert [one["accepted"] for month in months for one in month["differences"]] == [True]

    book(firm, day)
    other = reconcile(firm, "--look")
    assert other.exit_code == 3
    assert "Found 1 difference in 1 company" in other.stdout


def test_invoices_are_listed_and_compared_as_journals_are(tmp_path: Path) -> None:
    """Four statements, none of them invoiced before. The ERP has closed January when the first two come; it posts February's.

    Then people add 100.00 to what the customer owes of one.
    """
    history_ = sorted(
        (each for each in history() if each["type"] != "InvoicePosted"), key=lambda each: str(each["occurred_at"])
    )
    source, output = write(tmp_path / "run" / "input", history_), tmp_path / "run" / "output"
    assert CliRunner().invoke(app, ["run", "--input", str(source), "--output", str(output)]).exit_code == 0
    with delivering_to(tmp_path, ENTRY, run=tmp_path / "run") as firm:
        assert firm.deliver().exit_code == 0
        journals = agreed(firm)
        firm.issue_invoices_from("2026-01-01")
        found = json.loads(reconcile(firm, "--look", "--json").stdout)
        waiting = [each for each in found["not_in_erp"] if each["invoices"]]
        assert [(each["period"], each["standing"], each["invoices"]) for each in waiting] == [
            ("2026-01", "to_send", 2),
            ("2026-02", "to_send", 2),
        ]
        assert money_of(waiting) == {each["currency"]: Decimal(each["to_invoice"]) for each in found["sold"]}

        firm.act("close=2026-01")
        assert firm.deliver("--until-done").exit_code == 0
        found = json.loads(reconcile(firm, "--look", "--json").stdout)
        assert [month["rejected"] for month in found["reconciled"]] == [2, 0, 0]
        assert agreed(firm) == {**journals, "2026-02": journals["2026-02"] + 2}
        (refused,) = [each for each in found["not_in_erp"] if each["invoices"]]
        assert (refused["period"], refused["standing"], refused["invoices"]) == ("2026-01", "rejected", 2)
        assert money_of([refused]) == {each["currency"]: Decimal(each["to_invoice"]) for each in found["sold"]}
        said = reconcile(firm, "--look").stdout
        assert "2 invoices" in said
        assert "You cannot create or change a transaction in a closed period" in said
        assert said.splitlines()[-3:] == [
            "Both ledgers agree",
            "Not in the ERP yet, for the reasons above: 2 invoices",
            "What is rejected goes again a day later, and at once after a change of its company in accounts.toml",
        ]

        book(
            firm,
            'UPDATE transactionline SET foreignamount = foreignamount + 100 WHERE ("transaction", id) = (SELECT "transaction", '
            'transactionline FROM transactionaccountingline JOIN "transaction" t ON t.id = "transaction" '
            "WHERE type = 'CustInvc' AND account = '1100' ORDER BY CAST(debit AS REAL) DESC LIMIT 1)",
        )
        changed = reconcile(firm, "--json")
        assert changed.exit_code == 3, changed.output
        (one,) = [each for month in json.loads(changed.stdout)["reconciled"] for each in month["differences"]]
        assert (one["cause"], one["amount"]) == ("amount", "100.00")
        assert reconcile(firm, "--look").stdout.splitlines()[-3] == (
            f"Found 1 difference in 1 company, 100.00 {one['currency']} in all. docs/reconciliation.md says by cause what to do"
        )


def agreed(firm: Firm) -> dict[str, int]:
    months = json.loads(reconcile(firm, "--look", "--json").stdout)["reconciled"]
    return {each["period"]: each["agreed"] for each in months}


def money_of(absent: list[dict[str, Any]]) -> dict[str, Decimal]:
    currencies = {currency for each in absent for currency in each["money"]}
    return {name: sum((Decimal(each["money"].get(name, 0)) for each in absent), Decimal(0)) for name in currencies}


def test_a_closed_period_leaves_nothing_behind(tmp_path: Path) -> None:
    """January closes with the third write. W-1 was booked and reversed in it: of both nothing goes to the ERP, and nothing waits.

    Whatever was never accepted is taken back in our books, so that all journals but those of invoices sum to the ERP's ledger.
    """
    with delivering_to(tmp_path, ENTRY, parsed("close=2026-01@3")) as firm:
        # One at a time: of several that are under way the third may be the first that is done.
        firm.accounts.write_text(firm.accounts.read_text().replace("concurrent = 4", "concurrent = 1"))
        for _ in range(2):
            done = firm.deliver()
            assert done.exit_code == 0, done.output
            assert firm.run().exit_code == 0
        (told,) = json.loads(firm.deliver("--json").stdout)["erps"]
        assert told["is_done"]
        result = reconcile(firm, "--json")
        assert result.exit_code == 0, result.output
        months = json.loads(result.stdout)["reconciled"]
        assert [each["to_send"] for each in months] == [0, 0, 0]
        assert months[0]["agreed"] == 2
        assert min(each["agreed"] for each in months) > 0
        ours: Counter[str] = Counter()
        for written in read_topic(firm.output, TOPICS["JournalEntry"]):
            if isinstance(written.record, JournalEntry) and written.record.kind != "billing":
                for line in written.record.lines:
                    ours[line.account] += line.ledger_amount
        assert firm.theirs() == Counter({account: amount for account, amount in ours.items() if amount})
