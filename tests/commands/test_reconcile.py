"""`milepost reconcile`: a run's postings beside the ledger of an ERP that somebody has been in."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.accounts_file import read_accounts
from connectors.erp import adapters
from connectors.erp.adapter import NO_TRACE, ErpFinding, ErpUnreadable, Limits, TraceContext
from connectors.files.added_events import add_events, added_events
from connectors.files.delivered import ANSWERS, read_delivered
from connectors.json_records import record_to_json
from domain.delivery.absent import AFTER_OTHER, UNANSWERED
from domain.delivery.documents import Document, JournalDocument
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope
from domain.delivery.outcomes import Outcome, Taken
from domain.events.finance import LedgerReconciled, PostingAccepted
from domain.units import AMOUNT_ONE
from milepost.cli import app
from milepost.days import moment
from tests.commands.documents import ROOT, saved
from tests.finished_run import finished_run


class Keeping:
    """An ERP that keeps what it is given, and whose people change it."""

    limits = Limits(lines=200)

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}
        self.scopes: list[LedgerScope] = []

    def take(self, document: JournalDocument) -> Taken:
        lines = tuple(LedgerLine(each.account, each.amount, each.ledger_amount) for each in document.lines)
        reference = f"JE-{len(self.entries) + 1}"
        self.entries[reference] = LedgerEntry(
            document.key, reference, document.accounting_date, document.period_id, document.currency, True, lines
        )
        return Taken(reference, document.accounting_date)

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        self.scopes.append(scope)
        yield from (each for each in self.entries.values() if scope.since <= each.posted_on <= scope.until)

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        raise NotImplementedError

    def poll(self, ticket: str, documents: Sequence[Document]) -> None:
        raise NotImplementedError

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Taken]:
        raise NotImplementedError

    def check(self) -> Iterator[ErpFinding]:
        yield from ()

    def close(self) -> None: ...


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Keeping:
    kept = Keeping()
    monkeypatch.setitem(adapters.OPENERS, "keeping", lambda _name, _connection: kept)
    return kept


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.toml"
    text = saved(ROOT / "docs/accounts.md")["accounts.toml"]
    path.write_text(text.replace('"files"', '"keeping"').replace('"entity_day"', '"entry"'))
    return path


@pytest.fixture
def delivered(erp: Keeping, accounts: Path, tmp_path: Path) -> list[JournalDocument]:
    """Each journal of the run is in the ERP, which has answered."""
    (tmp_path / "input").mkdir()
    charts = read_accounts(accounts).charts
    found = read_delivered(finished_run(), tmp_path / "input", charts, {"BERLIN": 200})
    documents = [each.document for each in found.ledger.found()]
    answers = []
    for document in documents:
        taken = erp.take(document)
        answer = PostingAccepted(
            f"{document.key}.1.posted", 1_767_225_600_000_000, "books", "books", 1, taken.reference, taken.posted_on,
            batch_id=document.key, journals=document.members,
        )  # fmt: skip
        answers.append({"type": "PostingAccepted", **record_to_json(answer)})
    add_events(tmp_path / "input", ANSWERS, answers, moment())
    return documents


@pytest.fixture
def reconcile(accounts: Path, tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        folders = ["--output", str(finished_run()), "--input", str(tmp_path / "input")]
        return CliRunner().invoke(app, ["reconcile", "--accounts", str(accounts), *folders, *arguments])

    return run


def test_both_ledgers_agree(reconcile: Callable[..., Result], delivered: list[JournalDocument], tmp_path: Path) -> None:
    """20 journals of three months are sent; the four billing journals are ours alone."""
    result = reconcile()
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()[2:5]] == [
        ["BERLIN", "2026-01", "books", "12", "0", "0", "0", "0"],
        ["BERLIN", "2026-02", "books", "7", "0", "0", "0", "0"],
        ["BERLIN", "2026-03", "books", "1", "0", "0", "0", "0"],
    ]
    assert "Both ledgers agree" in result.stdout
    told = [line.split() for line in result.stdout.splitlines()]
    assert [row[1:] for row in told[-4:-2]] == [
        ["EUR", "2,700.00", "2,400.00", "0.00", "300.00", "0.00", "2,400.00", "0.00", "0"],
        ["USD", "1,900.00", "1,900.00", "0.00", "0.00", "0.00", "1,900.00", "0.00", "0"],
    ], "all but the three hours of U-5"
    events = [each for each in added_events(tmp_path / "input", ANSWERS) if isinstance(each, LedgerReconciled)]
    assert [(each.period, each.differences) for each in events] == [("2026-01", ()), ("2026-02", ()), ("2026-03", ())]


def test_what_was_changed_in_the_erp_is_listed_and_told_to_the_next_run(
    reconcile: Callable[..., Result], delivered: list[JournalDocument], erp: Keeping, tmp_path: Path
) -> None:
    one, other = list(erp.entries)[:2]
    del erp.entries[one]
    moved = erp.entries[other]
    erp.entries[other] = moved._replace(posted_on=date(2026, 3, 9), period="2026-03")
    hand = (LedgerLine("400", 50 * AMOUNT_ONE, 50 * AMOUNT_ONE), LedgerLine("999", -50 * AMOUNT_ONE, -50 * AMOUNT_ONE))
    erp.entries["JE-hand"] = LedgerEntry("", "JE-hand", date(2026, 2, 3), "2026-02", "EUR", True, hand)
    result = reconcile("--json")
    assert result.exit_code == 3, result.output
    shape = json.loads(result.stdout)
    found = {each["key"]: each["cause"] for month in shape["reconciled"] for each in month["differences"]}
    keys = {f"JE-{number}": each.key for number, each in enumerate(delivered, start=1)}
    assert found == {keys[one]: "missing", keys[other]: "period", "JE-hand": "by_hand"}
    events = [each for each in added_events(tmp_path / "input", ANSWERS) if isinstance(each, LedgerReconciled)]
    assert {each.key for event in events for each in event.differences} == set(found)
    assert Path(shape["written"]).is_file()


def test_one_company_and_period_is_asked_for_alone_and_looking_writes_nothing(
    reconcile: Callable[..., Result], delivered: list[JournalDocument], erp: Keeping, tmp_path: Path
) -> None:
    before = sorted(path.name for path in (tmp_path / "input" / ANSWERS).iterdir())
    result = reconcile("--entity", "BERLIN", "--period", "2026-02", "--csv", "--look")
    assert result.exit_code == 0, result.output
    (scope,) = erp.scopes
    assert scope == LedgerScope("3", date(2025, 12, 28), date(2026, 4, 5), scope.accounts)
    assert "400" in scope.accounts, "revenue, which only Milepost posts to"
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {(row["section"], row["period"]) for row in rows} == {("sum", "2026-02")}
    assert all(
        row["ours_digest"] == row["theirs_digest"] and row["ours_debits"] == row["theirs_debits"] for row in rows
    )
    assert sorted(path.name for path in (tmp_path / "input" / ANSWERS).iterdir()) == before


def test_an_erp_that_cannot_be_read_to_the_end_is_compared_another_time(
    reconcile: Callable[..., Result], delivered: list[JournalDocument], erp: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scope: LedgerScope) -> Iterator[LedgerEntry]:
        yield next(iter(erp.entries.values()))
        raise ErpUnreadable("the ledger ends in the middle; try again")

    monkeypatch.setattr(erp, "ledger", broken)
    result = reconcile("--json")
    assert result.exit_code == 75
    assert json.loads(result.stdout)["reconciled"] == []
    assert "BERLIN: the ledger ends in the middle; try again" in result.stderr
    shown = reconcile()
    assert (shown.exit_code, shown.stdout) == (75, ""), "nothing is said of ledgers that were not compared"


def test_journals_whose_account_left_the_chart_are_not_passed_over(
    reconcile: Callable[..., Result], delivered: list[JournalDocument], erp: Keeping, accounts: Path
) -> None:
    """They should be in the ERP, and somebody has deleted them there; without the account nobody can say."""
    keys = {each.key for each in delivered if any(line.role == "5000" for line in each.lines)}
    assert keys
    for reference in [name for name, entry in erp.entries.items() if entry.key in keys]:
        del erp.entries[reference]
    charted = accounts.read_text().splitlines()
    accounts.write_text("\n".join(line for line in charted if not line.startswith("5000")))
    result = reconcile()
    assert "BERLIN: the ERP has journals that cannot be compared" in result.stderr
    assert "no account of the ERP for 5000" in result.stderr
    assert (result.exit_code, result.stdout) == (75, "")
    assert json.loads(reconcile("--json").stdout)["reconciled"] == [], "the next run does not hear that all is well"


def test_before_the_first_answer_there_is_nothing_to_compare(
    reconcile: Callable[..., Result], erp: Keeping, tmp_path: Path
) -> None:
    """The run has 24 journals: 20 that go, and four of invoices that stay here."""
    (tmp_path / "input").mkdir()
    result = reconcile()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2:] == [
        "Nothing was compared: the ERPs have answered nothing yet",
        "Not in the ERP yet, for the reasons above: 20 journals",
    ]
    assert "agree" not in result.stdout
    absent = json.loads(reconcile("--json").stdout)["not_in_erp"]
    journals = Counter[str]()
    for each in absent:
        journals[each["period"]] += each["journals"]
    assert journals == {"2026-01": 12, "2026-02": 7, "2026-03": 1}
    assert {each["why"] for each in absent} == {UNANSWERED, AFTER_OTHER}, "two reversals go after their originals"


def test_a_period_without_anything_is_not_said_to_agree(
    reconcile: Callable[..., Result], delivered: list[JournalDocument]
) -> None:
    result = reconcile("--period", "2026-05", "--look")
    assert result.exit_code == 0
    assert "Nothing was compared: neither ledger has anything posted of ours in these periods" in result.stdout
    both = reconcile("--look")
    assert both.stdout.splitlines()[-1] == "Both ledgers agree"


def test_what_the_chart_has_no_place_for_is_to_send_and_says_why(
    reconcile: Callable[..., Result], erp: Keeping, accounts: Path, tmp_path: Path
) -> None:
    """Without account 2150 no labor has a place; nothing has been sent."""
    (tmp_path / "input").mkdir()
    charted = accounts.read_text().splitlines()
    accounts.write_text("\n".join(line for line in charted if not line.startswith("2150")))
    lacks = {"BERLIN": read_accounts(accounts).charts["BERLIN"]}
    wanted = {
        each.journal.journal_id: each.debits
        for each in read_delivered(finished_run(), tmp_path / "input", lacks, {"BERLIN": 200}).ledger.absent()
        if any(line.account == "2150" for line in each.journal.lines)
    }
    rows = [
        row for row in json.loads(reconcile("--json", "--look").stdout)["not_in_erp"] if row["standing"] == "unmapped"
    ]
    assert {row["why"] for row in rows} == {"no account of the ERP for 2150"}
    assert sum(row["journals"] for row in rows) == len(wanted)
    money = sum(Decimal(amount) for row in rows for amount in row["money"].values())
    assert money == Decimal(sum(wanted.values())) / AMOUNT_ONE

    asked = ["show", min(wanted), "--output", str(finished_run()), "--accounts", str(accounts)]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert f"{min(wanted)} is in no document of an ERP" in shown.stdout
    assert "waits for the chart" in shown.stdout
    assert "no account of the ERP for 2150" in shown.stdout
    by_machine = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert by_machine["reasons"][0]["standing"] == "unmapped"


def test_invoices_are_looked_for_where_the_ledger_can_have_them_under_our_key(
    reconcile: Callable[..., Result], delivered: list[JournalDocument], erp: Keeping, accounts: Path
) -> None:
    """Four invoices were posted, each in the month after its own; none is there. Others made January's where the ERP begins with February.

    A ledger that has no invoices, as that of Oracle Fusion, says so.
    """
    text = accounts.read_text()
    for since, reads_invoices, missing in (
        ("2026-01-01", True, [0, 2, 2]),
        ("2026-02-01", True, [0, 0, 2]),
        ("2026-01-01", False, [0, 0, 0]),
    ):
        erp.limits = Limits(lines=200, reads_invoices=reads_invoices)
        accounts.write_text(text.replace("[entities.BERLIN]", f"[entities.BERLIN]\ninvoices_from = {since}"))
        months = json.loads(reconcile("--look", "--json").stdout)["reconciled"]
        causes = [[each["cause"] for each in month["differences"]] for month in months]
        assert causes == [["missing"] * count for count in missing]


def test_an_unknown_company_or_period_is_wrong_usage(
    reconcile: Callable[..., Result], delivered: list[JournalDocument]
) -> None:
    for arguments, said in (
        (("--entity", "PARIS"), "one of BERLIN, got PARIS"),
        (("--period", "June"), "such as 2026-03, got June"),
        (("--csv", "--json"), "expected one of --csv and --json"),
        (("--input", "nowhere", "--look"), "nowhere: expected the input folder of the run"),
    ):
        result = reconcile(*arguments)
        assert result.exit_code == 2
        assert said in " ".join(result.output.replace("│", " ").split())


def test_a_document_names_its_journals_and_a_journal_its_document(
    accounts: Path, delivered: list[JournalDocument]
) -> None:
    document = delivered[0]

    def show(wanted: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["show", wanted, "--output", str(finished_run()), *arguments])

    for wanted in (document.key, document.members[0]):
        shape = json.loads(show(wanted, "--accounts", str(accounts), "--json").stdout)
        assert (shape["key"], shape["journals"]) == (document.key, list(document.members))
        assert sum(float(each["amount"]) for each in shape["lines"]) == 0
    result = show(document.key, "--accounts", str(accounts))
    assert f"Document {document.key} of BERLIN for books: to send" in result.stdout
    assert show(document.key).exit_code == 2
