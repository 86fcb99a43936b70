"""Delivered, reconciled and run again: what somebody does in the ERP is an exception until it is undone."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.files.written import read_topic
from domain.delivery.chart import ENTITY_DAY, ENTRY
from domain.outputs import TOPICS, JournalEntry
from milepost.cli import app
from simulation.erp.books import FILE
from simulation.erp.troubles import parsed
from tests.delivery.test_deliver import Firm, delivering_to


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


def test_a_closed_period_leaves_nothing_behind(tmp_path: Path) -> None:
    """January closes after three writes. W-1 was booked and reversed in it: of both nothing goes to the ERP, and nothing waits.

    Whatever was never accepted is taken back in our books, so that all journals but those of invoices sum to the ERP's ledger.
    """
    with delivering_to(tmp_path, ENTRY, parsed("close=2026-01@3")) as firm:
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
        assert min(each["agreed"] for each in months) > 0
        ours: Counter[str] = Counter()
        for written in read_topic(firm.output, TOPICS["JournalEntry"]):
            if isinstance(written.record, JournalEntry) and written.record.kind != "billing":
                for line in written.record.lines:
                    ours[line.account] += line.ledger_amount
        assert firm.theirs() == Counter({account: amount for account, amount in ours.items() if amount})
