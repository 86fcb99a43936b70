"""`milepost explain`: what people and machines read, and what it says of a folder that was changed."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.engagement_log import EngagementLog
from connectors.files.figure_index import FigureIndex
from domain.events.delivery import EstimateRevised
from milepost.cli import app
from state.trace import event_ref
from tests.audit.tampering import Told, rewrite
from tests.commands.tiny_firm import event, founding, run, worked, write
from tests.finished_run import BRIDGE_FEBRUARY, finished_run

DIFFERENCE = "BRIDGE.b9dff40d1caddc35177d782f"
FIRST_DAY = 2
REVERSAL = "BRIDGE.207714c735bd34eec1f6bf52"


def explain(wanted: str, *arguments: str, output: Path | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", wanted, "--output", str(output or finished_run()), *arguments])


def as_json(wanted: str, output: Path | None = None) -> Any:
    result = explain(wanted, "--json", output=output)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def value(wanted: str) -> tuple[str, str]:
    found = as_json(wanted)
    root = found["nodes"][found["root"]]
    return root["value"], root.get("currency", "")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("T-1#cost", ("40", "EUR")),
        ("T-1#issued", ("100", "USD")),
        ("T-3#value", ("800", "USD")),
        (f"{DIFFERENCE}#1/amount", ("400", "USD")),
        (f"{DIFFERENCE}#1/ledger", ("333.33", "EUR")),
        (f"{REVERSAL}#1/ledger", ("-727.27", "EUR")),
        (BRIDGE_FEBRUARY, ("-100", "USD")),
        (f"{BRIDGE_FEBRUARY}#1", ("-700", "USD")),
        ("BRIDGE#billed", ("1900", "USD")),
        ("BRIDGE#hours", ("19", "")),
        ("BRIDGE#eac_revenue", ("2000", "USD")),
        ("BERLIN/2026-02/1150#closing", ("256.06", "EUR")),
        ("BERLIN/2026-02/1150/USD#opening", ("2000", "USD")),
        ("BERLIN/2026-02/unbilled/K-1/USD#opening", ("2000", "USD")),
        ("BERLIN/2026-01/1150#debits@BRIDGE", ("1818.18", "EUR")),
    ],
)
def test_figures_by_their_ids(wanted: str, expected: tuple[str, str]) -> None:
    assert value(wanted) == expected


def test_a_reversal_names_what_it_takes_back_and_who_caused_it() -> None:
    text = explain(REVERSAL).stdout
    assert "takes back journal BRIDGE.5b86f178f84b9c5f6cf71138" in text
    assert "time approved T-1 version 2, TimeApproved at log offset" in text
    assert "taken back by journal BRIDGE.207714c735bd34eec1f6bf52" in explain("BRIDGE.5b86f178f84b9c5f6cf71138").stdout


def test_an_entry_with_everything_that_happened_to_it() -> None:
    text = explain("T-3").stdout
    assert "room before: 900.00 USD" in text
    assert re.search(r"1\. posted\n.*time approved T-3 version 1", text)
    assert "difference cap, 400.00 USD" in text


def test_an_exception_with_its_amount_and_its_end() -> None:
    over = next(
        node["id"]
        for node in as_json("BRIDGE.b8698dcf73a43dffb141110f")["nodes"]
        if node["title"].startswith("Exception over the cap (over_cap)")
    )
    text = explain(over).stdout
    assert "raised: " in text
    assert "closed: resolved" in text
    assert "blocked at: what the event or the books say" in text
    assert value(f"{over}#amount") == ("600", "USD")


def test_an_engagement_and_a_contract() -> None:
    assert [node["id"] for node in as_json("K-2")["nodes"] if node["title"] == "Contract K-2"] == ["K-2"]
    assert "BRIDGE: issued: 1,900.00 USD" in explain("BRIDGE", "--depth", "2").stdout


def test_policies_say_who_states_them() -> None:
    rate = next(node for node in as_json("T-3#value")["nodes"] if node["title"] == "bill rate")
    assert rate["policies"][0]["level"] == "built-in default"
    assert rate["rule"] == "R5"
    assert {"name": "level", "value": "line_role: contract line, by role or for all"} in rate["facts"]


class Page(HTMLParser):
    """What a browser would need besides, and how many figures can be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opens = 0
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opens += tag == "details"
        for name, text in attrs:
            if name == "id" and text:
                self.ids.add(text)
            elif name == "href" and text and text.startswith("#"):
                self.links.add(text[1:])
            elif name in {"src", "href"}:
                self.outside.append(text or "")


def test_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    result = explain("BRIDGE", "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.opens > 50
    assert page.outside == []
    assert page.links <= page.ids
    assert "://" not in text
    assert "default-src 'none'" in text
    assert "1,900.00 USD" in text
    assert "@media print" in text
    assert "beforeprint" in text


def test_names_in_a_page_are_no_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    source = write(tmp_path / "input", [*founding(), worked("T-1", 4, description=evil, task=evil)])
    run = CliRunner().invoke(app, ["run", "--input", str(source), "--output", str(tmp_path / "output")])
    assert run.exit_code == 0, run.output
    explain("T-1", "--html", str(tmp_path / "page.html"), output=tmp_path / "output")
    assert evil not in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("T-33", "got T-33"),
        ("BRIDGE#nothing", "BRIDGE#cost"),
        (f"{BRIDGE_FEBRUARY}#9", f"its figures are {BRIDGE_FEBRUARY}#1"),
        ("BERLIN/2026-02/9999#closing", "BERLIN/2026-02/9999#closing"),
        ("#", "got #"),
        ("", "got (nothing)"),
    ],
)
def test_what_there_is_not(wanted: str, shown: str) -> None:
    result = explain(wanted)
    assert result.exit_code == 2
    assert shown in result.stderr


def test_nearest_ids_are_named() -> None:
    assert "the nearest are T-1, T-2, T-3, T-4" in explain("T-9").stderr


def test_the_nearest_journal_of_the_engagement_is_named() -> None:
    assert f"the nearest are {DIFFERENCE}" in explain(f"{DIFFERENCE[:-1]}x").stderr


def test_figures_that_there_are_are_named() -> None:
    shown = explain("T-1#worth").stderr
    assert "its figures are T-1#hours_worked, T-1#cost, T-1#hours_billable, T-1#value, T-1#billable" in shown
    assert "T-1#forecast" not in shown


def test_figures_of_a_forecast_are_named_among_those_of_its_project() -> None:
    shown = explain("BRIDGE#eac").stderr
    assert "no figure is called BRIDGE#eac; its figures are BRIDGE#hours, " in shown
    assert "BRIDGE#forecast, BRIDGE#burn_hours, " in shown
    assert "BRIDGE#eac_cost, " in shown


@pytest.mark.parametrize("period", ["2025-12", "2026-13", "2031-01"])
def test_periods_that_there_are_are_named(period: str) -> None:
    """Work of January to March 2026 is all there is."""
    shown = explain(f"BERLIN/{period}/1150#closing").stderr
    assert f"no figure is called BERLIN/{period}/1150#closing; BERLIN has journals in 2026-01 to 2026-03" in shown


def test_an_entry_as_a_record_left_it() -> None:
    """T-1 has eight hours until record 66 corrects it to one."""
    assert value("T-1#value@65") == ("800", "USD")
    assert value("T-1#value@66") == value("T-1#value") == ("100", "USD")


def test_as_it_was_known_before_the_correction() -> None:
    """T-1 is corrected on 10 February; until then its eight hours leave T-3 room for half of its value."""
    assert answered("T-1#value", "2026-02-09") == answered("T-1#value", "offset:66") == ("800", "USD")
    assert answered("T-3#billable", "2026-02-09") == ("400", "USD")
    assert answered("BRIDGE#billed", "2026-02-09") == ("2000", "USD")
    assert answered("BERLIN/2026-01/1150#debits@BRIDGE", "2026-02-09") == ("1818.18", "EUR")
    assert answered("BERLIN/2026-01/1150#closing", "2026-02-09") == ("3818.18", "EUR")


def test_what_came_later_is_no_figure_then() -> None:
    shown = explain(f"{DIFFERENCE}#1/ledger", "--as-of", "2026-02-09").stderr
    assert f"no figure is called {DIFFERENCE}#1/ledger as of 2026-02-09" in shown


def answered(wanted: str, as_of: str) -> tuple[str, str]:
    found = json.loads(explain(wanted, "--json", "--as-of", as_of).stdout)
    root = found["nodes"][found["root"]]
    return root["value"], root.get("currency", "")


def test_a_folder_that_is_not_of_a_run(tmp_path: Path) -> None:
    result = explain("T-1", output=tmp_path)
    assert result.exit_code == 2
    assert "expected the output folder of `milepost run`" in result.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    copy = tmp_path / "output"
    shutil.copytree(finished_run(), copy)
    shutil.rmtree(copy / "index", ignore_errors=True)
    return copy


def test_an_output_that_is_not_what_the_log_makes_is_said_loudly(copied: Path) -> None:
    """Somebody makes 333.33 of the difference 433.33, on both sides."""

    def larger(shown: Told) -> Told:
        position, record = shown
        if getattr(record, "journal_id", None) != DIFFERENCE:
            return shown
        lines = tuple(
            line._replace(ledger_amount=line.ledger_amount + (1_000_000 if line.ledger_amount > 0 else -1_000_000))
            for line in record.lines
        )
        return Told(position, record._replace(lines=lines))

    rewrite(copied, larger)
    result = explain(DIFFERENCE, output=copied)
    assert result.exit_code == 3
    assert "Differs from what the log makes: log offset 66, JournalEntry: lines" in result.stderr
    assert explain("U-1", output=copied).exit_code == 0, "the other engagement is whole"


def run_of(folder: Path, days: range) -> Path:
    """A folder of books with a day's work a file, the days up to the last one accounted for."""
    first = [] if days[0] > FIRST_DAY else founding()
    for day in days:
        write(folder / "input", [*(first if day == days[0] else []), worked(f"T-{day}", day)], f"{day}")
        run = CliRunner().invoke(app, ["run", "--input", str(folder / "input"), "--output", str(folder / "output")])
        assert run.exit_code == 0, run.output
    return folder / "output"


def test_the_index_grows_with_the_folder(tmp_path: Path) -> None:
    """It is the same as one that is made at once, whenever it was asked for before."""
    output = run_of(tmp_path, range(FIRST_DAY, 4))
    assert explain("T-2", output=output).exit_code == 0
    assert explain("T-5", output=output).exit_code == 2
    run_of(tmp_path, range(4, 6))
    grown = as_json("BERLIN/2026-03/1150#debits", output)
    assert explain("T-5", output=output).exit_code == 0
    shutil.rmtree(output / "index")
    assert as_json("BERLIN/2026-03/1150#debits", output) == grown


def test_a_run_leaves_an_index_that_knows_all(tmp_path: Path) -> None:
    """So that the first question does not wait for it."""
    output = run_of(tmp_path, range(FIRST_DAY, 4))
    with FigureIndex(output) as index, EngagementLog.open(output) as log:
        assert index.end == log.end > 0


def test_a_run_goes_on_where_no_index_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "index").write_text("a file where the folder would be", encoding="utf-8")
    output = run_of(tmp_path, range(FIRST_DAY, 4))
    assert explain("T-2", output=output).exit_code == 0
    assert (output / "index").is_file()


def test_a_damaged_index_is_made_anew(copied: Path) -> None:
    explain("T-1", output=copied)
    (copied / "index" / "0.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    assert explain("T-1", output=copied).exit_code == 0


def test_an_index_that_cannot_be_written_is_kept_in_memory(copied: Path) -> None:
    (copied / "index").write_text("a file where the folder should be")
    assert explain("T-1", output=copied).exit_code == 0
    assert (copied / "index").is_file()


def test_an_index_that_is_ahead_of_the_folder_is_made_anew(tmp_path: Path) -> None:
    """As where an earlier copy of the outputs was put back."""
    output = run_of(tmp_path, range(FIRST_DAY, 4))
    explain("T-1", output=finished_run())
    shutil.copytree(finished_run() / "index", output / "index", dirs_exist_ok=True)
    assert explain("T-3", output=output).exit_code == 0


def test_a_credit_names_what_took_the_work_back_and_where_it_was_billed(tmp_path: Path) -> None:
    """T-1 is billed for March and withdrawn in April; the day that cuts April's statement decided nothing."""
    withdrawn = event("TimeWithdrawn", "2026-04-10T09:00:00Z", entry_id="T-1", version=2, project_id="BRIDGE")
    write(tmp_path / "input", [*founding(), worked("T-1", 4), worked("T-2", 5), withdrawn])
    output = tmp_path / "output"
    arguments = ["run", "--input", str(tmp_path / "input"), "--output", str(output), "--until", "2026-04-30"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    credit, march = (f"BRIDGE.K-1/ACME/2026-{month}-01/1" for month in ("04", "03"))
    shown = explain(f"{credit}#1", output=output)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    (gone,) = (number for number, line in enumerate(lines) if "time withdrawn" in line)
    assert "TimeWithdrawn" in "".join(lines[gone : gone + 2]), shown.stdout
    assert f"{march}#1" in shown.stdout
    assert "DayEnded" not in shown.stdout, shown.stdout


def test_work_that_is_billed_again_was_billed_on_statements_only(tmp_path: Path) -> None:
    """Of T-1's 800.00 CM-1 reopens 100.00; the work is withdrawn, so that 700.00 go back. A memo bills nothing."""
    statement, at = "BRIDGE.K-1/ACME/2026-03-01/1", "2026-04-0{}T09:00:00Z".format
    posted = {"invoice_id": "INV-1", "statement_id": statement, "posted_on": "2026-04-01", "amount": "1600"}
    memo = {"credit_memo_id": "CM-1", "invoice_id": "INV-1", "kind": "error_rebill", "issued_on": "2026-04-02"}
    by = {"requested_by": "ANN", "approved_by": "BEN"}
    events = [
        event("InvoicePosted", at(1), **posted),
        event("CreditMemoIssued", at(2), **memo, **by, lines=[{"entry_id": "T-1", "amount": "100"}]),
        event("TimeWithdrawn", at(3), entry_id="T-1", version=2, project_id="BRIDGE"),
    ]
    write(tmp_path / "input", [*founding(), worked("T-1", 4), worked("T-2", 5), *events])
    run(tmp_path, "--until", "2026-04-30")
    found = as_json("BRIDGE.K-1/ACME/2026-04-01/1#1", tmp_path / "output")
    assert found["nodes"][found["root"]]["value"] == "-700"
    facts = [fact for node in found["nodes"] for fact in node.get("facts", [])]
    billed = {fact["value"] for fact in facts if fact["name"] == "billed on"}
    assert billed == {f"{statement}#1"}


def test_an_estimate_of_a_whole_project_names_no_line() -> None:
    at: dict[str, Any] = {
        "event_id": "E",
        "occurred_at": 0,
        "source": "psa",
        "version": 1,
        "as_of": date(2026, 3, 1),
        "remaining": (),
    }
    assert event_ref(7, EstimateRevised(project_id="PRJ-00037", **at)).id == "PRJ-00037"
    assert event_ref(7, EstimateRevised(project_id="PRJ-00037", line_id="L", **at)).id == "PRJ-00037/L"


def test_what_happened_to_an_entry_names_the_statements_that_have_it(tmp_path: Path) -> None:
    """8 hours are billed with March, and two more that come late with April."""
    late = {**worked("T-1", 2, "10"), "version": 2, "event_id": "T-1/2", "occurred_at": "2026-04-03T09:00:00Z"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), late])
    run(tmp_path, "--until", "2026-05-01")
    told = explain("T-1", output=tmp_path / "output").stdout
    assert re.findall(r"[├└]── (\d\. .*)", told) == [
        "1. posted",
        "2. issued on statement BRIDGE.K-1/ACME/2026-03-01/1",
        "3. posted",
        "4. issued on statement BRIDGE.K-1/ACME/2026-04-01/1",
    ]
