"""What stands in an ERP is found by its key and by the ERP's number, with what the books say of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.added_events import add_events, added_events
from connectors.files.delivered import ANSWERS
from connectors.json_records import record_to_json
from domain.delivery.chart import ENTITY_DAY, ENTRY
from domain.delivery.documents import INVOICE, JOURNAL, key_of
from domain.events.finance import InvoicePosted, PostingAccepted, PostingRejected
from milepost.cli import app
from milepost.days import moment
from milepost.exit_codes import VIOLATION
from simulation.erp.books import FILE
from tests.delivery.test_deliver import Firm, delivering_to, invoicing, waiting_for_the_chart
from tests.erp.changes import DELETED
from tests.finished_run import BRIDGE_JANUARY


@pytest.fixture(scope="module", params=[ENTRY, ENTITY_DAY])
def invoiced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """Everything is in the ERP, by journal or by day, and its answers are in the books."""
    with delivering_to(tmp_path_factory.mktemp("firm"), request.param) as firm:
        invoicing(firm)
        assert firm.deliver("--until-done").exit_code == 0
        assert firm.run().exit_code == 0
        yield firm


def asked(firm: Firm, command: str, wanted: str, *options: str) -> Result:
    return CliRunner().invoke(app, [command, wanted, "--output", str(firm.output), *options])


def shown(firm: Firm, wanted: str) -> dict[str, Any]:
    result = asked(firm, "show", wanted, "--accounts", str(firm.accounts), "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def number_of(firm: Firm) -> str:
    posted = [each for each in added_events(firm.input, ANSWERS) if isinstance(each, InvoicePosted)]
    return next(each.invoice_id for each in posted if each.statement_id == BRIDGE_JANUARY)


def test_an_invoice_is_found_as_its_statement(invoiced: Firm) -> None:
    """2,000.00 USD of January: by our key and by the ERP's number, shown and explained, also without accounts.toml."""
    key = key_of(INVOICE, [BRIDGE_JANUARY])
    for wanted in (key, number_of(invoiced)):
        assert shown(invoiced, wanted)["statement"]["statement_id"] == BRIDGE_JANUARY
        assert f"Statement {BRIDGE_JANUARY}, revision 1, issued" in asked(invoiced, "show", wanted).stdout
        explained = asked(invoiced, "explain", wanted, "--json")
        assert explained.exit_code == 0, explained.output
        found = json.loads(explained.stdout)
        assert found["nodes"][found["root"]]["id"] == BRIDGE_JANUARY
    said = asked(invoiced, "show", key).stderr
    assert f"{key} is the ERP's invoice of revision 1 of statement {BRIDGE_JANUARY}" in said
    posted = asked(invoiced, "explain", number_of(invoiced), "--depth", "0").stderr
    assert "is an invoice; what it posted: milepost explain BRIDGE." in posted


def test_a_document_is_found_as_its_journals(invoiced: Firm) -> None:
    """A document of one journal is explained by it; of several each is named, and `show` has their lines."""
    several = 0
    for answer in invoiced.answers():
        number, key, journals = getattr(answer, "erp_reference", ""), answer.batch_id or "", list(answer.journals)
        assert shown(invoiced, number)["key"] == key
        assert shown(invoiced, number)["journals"] == journals
        for wanted in (number, key):
            explained = asked(invoiced, "explain", wanted, "--depth", "0")
            if len(journals) == 1:
                assert explained.exit_code == 0, explained.output
                assert journals[0] in explained.stdout
            else:
                several += 1
                assert explained.exit_code == 2
                said = " ".join(explained.stderr.replace("│", " ").split())
                assert (
                    f"{wanted}, which is a document of an ERP with {len(journals)} journals: milepost explain" in said
                )
    assert (several > 0) == ("entity_day" in invoiced.accounts.read_text())


def test_a_number_that_no_answer_has_is_refused(invoiced: Firm) -> None:
    for command in ("show", "explain"):
        refused = asked(invoiced, command, "JE-4711")
        assert refused.exit_code == 2
        assert "got JE-4711" in " ".join(refused.stderr.replace("│", " ").split())


def test_a_document_whose_period_was_refused_names_what_replaces_it(tmp_path: Path) -> None:
    with delivering_to(tmp_path, ENTRY) as firm:
        firm.act("close=2026-01")
        for _ in range(2):
            assert firm.deliver("--until-done").exit_code == 0
            assert firm.run().exit_code == 0
        refused = {each.journals[0] for each in firm.answers() if isinstance(each, PostingRejected)}
        by = {each.replaces: each.journal_id for each in firm.journals() if each.replaces}
        assert by
        assert by.keys() <= refused
        for journal_id in sorted(by)[:3]:
            found = shown(firm, journal_id)
            assert found["state"] == "period"
            again = key_of(JOURNAL, [by[journal_id]])
            assert found["replaced_by"] == [{"journal": journal_id, "by": by[journal_id], "document": again}]
            text = asked(firm, "show", journal_id, "--accounts", str(firm.accounts)).stdout
            assert by[journal_id] in text
            assert again in text


def test_a_document_and_its_journal_show_what_reconciliation_found(tmp_path: Path) -> None:
    """Somebody deletes one document in the ERP: its page and its journal's have the open exception, the others' none."""
    with delivering_to(tmp_path, ENTRY) as firm:
        assert firm.deliver().exit_code == 0
        assert firm.run().exit_code == 0
        deleted, other = firm.answers()[:2]
        with closing(sqlite3.connect(tmp_path / "books" / FILE, timeout=20)) as books, books:
            for change in DELETED["netsuite"]:
                books.execute(change.format(key=deleted.batch_id))
        reconciled = CliRunner().invoke(
            app, ["reconcile", "--output", str(firm.output), "--accounts", str(firm.accounts)]
        )
        assert reconciled.exit_code == 3, reconciled.output
        assert firm.run().exit_code == 0
        for wanted in (deleted.batch_id or "", deleted.journals[0]):
            (raised,) = shown(firm, wanted)["exceptions"]
            assert (raised["category"], raised["entries"]) == ("ledger_differs", list(deleted.journals))
            text = asked(firm, "show", wanted, "--accounts", str(firm.accounts)).stdout
            assert "Open exceptions" in text
            assert raised["exception_id"] in text
        assert shown(firm, other.batch_id or "")["exceptions"] == []


def test_a_journal_that_waits_for_the_chart_shows_its_exception(tmp_path: Path) -> None:
    """Without account 1150 revenue has no place: one exception a project and currency, and each of its journals shows it."""
    with delivering_to(tmp_path, ENTRY) as firm:
        charted = firm.accounts.read_text().splitlines()
        firm.accounts.write_text("\n".join(line for line in charted if not line.startswith("1150 ")))
        assert firm.deliver().exit_code == VIOLATION
        assert firm.run().exit_code == 0
        raised = waiting_for_the_chart(firm)
        assert {each.blocks_currency for each in raised} == {"EUR", "USD"}
        for each in raised:
            (shown_one,) = shown(firm, each.entries[0])["exceptions"]
            assert shown_one["exception_id"] == each.exception_id


def test_a_number_of_an_invoice_and_of_a_journal_names_both(invoiced: Firm, tmp_path: Path) -> None:
    """A second ERP has a journal under the number of the first one's invoice: neither is shown as if it were the only one."""
    number = number_of(invoiced)
    posted = next(each for each in invoiced.answers() if isinstance(each, PostingAccepted))
    firm = Firm(shutil.copytree(invoiced.folder, tmp_path / "firm"), invoiced.erp, invoiced.accounts)
    other = posted._replace(event_id="other", source="other", erp="other", erp_reference=number)
    add_events(firm.input, ANSWERS, [{"type": "PostingAccepted", **record_to_json(other)}], moment())
    assert asked(firm, "explain", number).exit_code == 2
    refused = asked(firm, "show", number, "--accounts", str(firm.accounts))
    assert refused.exit_code == 2
    shown_by = " ".join(refused.stderr.split())
    assert f"the ERP's invoice of statement {BRIDGE_JANUARY} and a document of an ERP with" in shown_by
    assert posted.journals[0] in shown_by
