"""A finished run passes the audit; what was tampered with fails exactly the promise that it breaks.

Each case knows how outputs are sealed and renews chains and lengths, so that only the promise itself can tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.avro_codec import output_versions
from connectors.containers import ContainerRecord, read_container
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path
from connectors.files.no_outputs import NoOutputs
from connectors.files.outputs import topic_file
from dataflows.audit import audit
from dataflows.embedded import store_path
from domain.audit.about import about as in_words
from domain.audit.findings import PROMISES, Report, Violation
from domain.events.commercial import ContractSigned
from domain.events.common import TimeAndMaterials
from domain.outputs import (
    Alert,
    BillingStatement,
    ControlTotals,
    ExceptionClosed,
    ForecastUpdate,
    JournalEntry,
    ProjectView,
    StatementTax,
)
from state.chain import chained
from state.guards import LOG_MISSING, GuardStop
from state.store.store import Store
from tests.audit.tampering import (
    Told,
    about,
    at,
    copied,
    outputs,
    read_progress,
    rewrite,
    seq_of,
    with_line,
    write_progress,
)
from tests.finished_run import BRIDGE_JANUARY, TUNNEL_JANUARY, finished_run, group_run


def audited(folder: Path, *, fold_again: bool = False) -> Report:
    return audit(folder, fold_again=fold_again, tell=lambda *_: None)


def broken(report: Report) -> set[str]:
    return {finding.check for finding in report.findings if finding.violations}


def only(report: Report, check: str) -> Violation:
    """The first violation, of the one promise that does not hold."""
    assert broken(report) == {check}, report.first
    assert report.first is not None
    return report.first


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(finished_run(), tmp_path)


def test_a_finished_run_holds_and_everything_was_looked_at() -> None:
    report = audited(group_run(), fold_again=True)
    assert report.first is None
    assert [finding.check for finding in report.findings] == list(PROMISES)
    assert all(finding.checked for finding in report.findings), report


def test_what_is_looked_at_is_counted() -> None:
    """Two entries of Eva are two pairs; two months of SHAFT two provisions; the rebate of PIER is owed back once. Without them there is
    nothing of the kind."""
    grouped, alone = (
        {finding.check: finding.checked for finding in audited(folder).findings}
        for folder in (group_run(), finished_run())
    )
    names = ("pairs", "provisions", "refunds")
    assert tuple(grouped[name] for name in names) == (4, 2, 1)
    assert tuple(alone[name] for name in names) == (0, 0, 0)


def test_the_first_violation_names_the_business_and_not_the_chain(folder: Path) -> None:
    """Somebody who does not know how outputs are sealed changes an amount: the chain breaks too, and says nothing."""
    seq = seq_of(folder, JournalEntry, about("T-2"))
    chain = read_progress(folder)["output_chain"]
    rewrite(folder, at(seq, lambda journal: with_line(journal, 0, amount=900_0000)))
    write_progress(folder, {**read_progress(folder), "output_chain": chain})
    report = audited(folder, fold_again=True)
    assert {"journals", "output_chain", "refold"} <= broken(report)
    assert report.first is not None
    assert report.first.check == "journals"
    assert "posting for time entry T-2 version 1, " in report.first.output
    differing = next(finding for finding in report.findings if finding.check == "refold").first
    again = next(each for each in differing if each.topic == "erp.postings")
    assert (again.expected, again.found) == ("lines[0].amount 320.00", "lines[0].amount 900.00")
    assert again.output == report.first.output


def test_a_journal_that_still_balances_is_named_with_what_it_said(folder: Path) -> None:
    """By folding again; a view that no longer agrees with it stands after it."""
    seq = seq_of(folder, JournalEntry, about("T-2"))
    rewrite(folder, at(seq, _dearer))
    report = audited(folder, fold_again=True)
    assert {"views", "refold"} <= broken(report)
    assert report.first is not None
    assert (report.first.check, report.first.output_seq) == ("refold", seq)
    assert "posting for time entry T-2 version 1, " in report.first.output
    assert "lines[0].amount 320.00" in report.first.expected
    assert "lines[0].amount 320.01" in report.first.found


def _dearer(journal: JournalEntry) -> JournalEntry:
    """One cent on both sides, in both currencies."""
    for place, line in enumerate(journal.lines):
        cent = 100 if line.amount > 0 else -100
        journal = with_line(journal, place, amount=line.amount + cent, ledger_amount=line.ledger_amount + cent)
    return journal


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM entries WHERE id = 'T-2'", "entry T-2 of engagement BRIDGE"),
        ("UPDATE entries SET data = x'00' WHERE id = 'T-2'", "entry T-2 of engagement BRIDGE"),
        ("DELETE FROM parts WHERE kind = 'statement'", "statement BRIDGE."),
        ("DELETE FROM due WHERE day = (SELECT max(day) FROM due)", "the end of "),
    ],
)
def test_a_store_that_does_not_hold_what_the_log_gives(folder: Path, statement: str, named: str) -> None:
    with sqlite3.connect(store_path(folder, 0)) as db:
        assert db.execute(statement).rowcount > 0
    db.close()
    found = only(audited(folder, fold_again=True), "store")
    assert found.subject.startswith(named)
    assert found.expected != "no such row"


def test_a_store_that_cannot_be_read(folder: Path) -> None:
    store_path(folder, 0).write_bytes(b"no database " * 1_000)
    found = only(audited(folder, fold_again=True), "store")
    assert found.subject.endswith("0.db")


def test_a_folder_without_its_store(folder: Path) -> None:
    Store.delete(store_path(folder, 0))
    assert audited(folder, fold_again=True).first is None


def test_every_output_is_named_in_words() -> None:
    named = {type(told.record).__name__: in_words(told.record) for told in outputs(finished_run())}
    assert named["BillingStatement"] == (
        "statement TUNNEL.K-2/ACME/2026-02-01/1 revision 1 of contract K-2, 400.00 EUR due by ACME"
    )
    assert named["ExceptionClosed"].startswith("the end of exception ")
    assert set(named) >= {"JournalEntry", "ForecastUpdate", "ProjectView", "ExceptionRaised", "Alert", "ControlTotals"}
    assert all(len(text) > 15 and "(" not in text for text in named.values())


def test_a_page_of_the_store_that_no_row_is_read_from(folder: Path) -> None:
    """A byte of the header that SQLite does not look at; the rows are all there."""
    path = store_path(folder, 0)
    data = bytearray(path.read_bytes())
    data[72] ^= 1
    path.write_bytes(data)
    found = only(audited(folder, fold_again=True), "store")
    assert (found.subject, "page 1 is not the one" in found.found) == (str(path), True)


def test_checksums_of_pages_that_are_gone(folder: Path) -> None:
    Path(f"{store_path(folder, 0)}-pages").unlink()
    assert "has no checksums" in only(audited(folder, fold_again=True), "store").found


@pytest.mark.parametrize(
    ("was", "becomes", "subject"),
    [
        (b'"JournalEntry":', b'"JournalEntrx":', "schema of JournalEntrx"),
        (b'"accounting":', b'"accountinx":', "rule accountinx"),
        (b'"partition":0,', b'"partition":7,', "generation and shard"),
        (b'"zone_database":"2', b'"zone_database":"3', "rounds.jsonl"),
    ],
)
def test_a_genesis_that_names_something_else(folder: Path, was: bytes, becomes: bytes, subject: str) -> None:
    path = folder / "log" / "0.avro"
    data = path.read_bytes()
    assert data.count(was) == 1
    path.write_bytes(data.replace(was, becomes))
    found = audited(folder)
    assert "genesis" in broken(found)
    assert any(each.subject == f"genesis of the log: {subject}" for each in of(found, "genesis"))


def of(report: Report, check: str) -> tuple[Violation, ...]:
    return next(finding.first for finding in report.findings if finding.check == check)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE progress SET log_offset = log_offset - 1", "at record "),
        ("UPDATE progress SET round = 2", "1 rounds"),
        ("UPDATE files SET length = length + 1", "bytes with digest"),
        (
            "UPDATE links SET engagement = 'TUNNEL' WHERE kind = 'project' AND id = 'BRIDGE'",
            "project BRIDGE of engagement TUNNEL",
        ),
        ("DELETE FROM entries WHERE id = 'T-1'", "nothing of it"),
        ("DROP TABLE links", "no such table"),
    ],
)
def test_a_memory_of_intake_that_does_not_say_what_the_log_says(folder: Path, statement: str, told: str) -> None:
    with closing(sqlite3.connect(folder / "intake.db")) as db, db:
        db.execute(statement)
    found = only(audited(folder, fold_again=True), "intake")
    assert told in found.found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: "", "0 rounds"),
        (lambda text: text.replace('"number":1', '"number":2'), "found round 2"),
        (lambda text: text.replace('"digest":"', '"digest":"00'), "bytes with digest 00"),
        (lambda text: text.replace('"length":', '"length":1'), "bytes with digest"),
        (lambda text: text[:40] + "\n", "cannot be read"),
    ],
)
def test_rounds_that_are_not_those_that_were_read(folder: Path, change: Callable[[str], str], told: str) -> None:
    path = folder / "rounds.jsonl"
    path.write_text(change(path.read_text()))
    assert told in only(audited(folder, fold_again=True), "intake").found


def test_rounds_that_are_gone(folder: Path) -> None:
    (folder / "rounds.jsonl").unlink()
    assert "0 rounds" in only(audited(folder), "intake").found


def test_without_folding_again_the_books_are_not_looked_at() -> None:
    report = audited(finished_run())
    assert [finding.check for finding in report.findings if finding.checked is None] == ["books", "store", "refold"]


def test_what_was_written_after_the_last_commit_does_not_count(folder: Path) -> None:
    with topic_file(folder, "erp.postings", 0).open("ab") as file:
        file.write(b"half a block")
    assert audited(folder, fold_again=True).first is None


# Numbers and chains


def test_a_gap_in_the_numbers(folder: Path) -> None:
    """The last output has a number too high; progress has been moved with it."""
    last = outputs(folder)[-1].position.output_seq
    rewrite(folder, lambda told: told._replace(position=_renumbered(told, last)))
    progress = read_progress(folder)
    topics = {topic: seq + (seq == last) for topic, seq in progress["topics"].items()}
    write_progress(folder, {**progress, "next_output_seq": progress["next_output_seq"] + 1, "topics": topics})
    found = only(audited(folder), "output_seq")
    assert (found.topic, found.output_seq) == ("erp.postings", last + 1)
    assert (found.expected, found.found) == (str(last), str(last + 1))


def _renumbered(told: Told, last: int) -> Any:
    position = told.position
    return position._replace(output_seq=position.output_seq + (position.output_seq == last))


def test_an_output_left_out_at_the_end(folder: Path) -> None:
    last = outputs(folder)[-1].position.output_seq
    rewrite(folder, lambda told: [] if told.position.output_seq == last else told)
    found = only(audited(folder), "output_seq")
    assert (found.topic, found.subject, found.expected) == ("erp.postings", "last output_seq", f"{last} by progress")


def test_an_output_of_another_cause(folder: Path) -> None:
    seq = seq_of(folder, Alert)
    rewrite(
        folder,
        lambda told: (
            told._replace(position=told.position._replace(event_id="made up"))
            if told.position.output_seq == seq
            else told
        ),
    )
    found = only(audited(folder), "causes")
    assert (found.topic, found.output_seq) == ("alerts", seq)
    assert "made up" in found.found


@pytest.mark.parametrize(("field", "check"), [("input_chain", "input_chain"), ("output_chain", "output_chain")])
def test_a_chain_that_is_another(folder: Path, field: str, check: str) -> None:
    write_progress(folder, {**read_progress(folder), field: "00" * 16})
    found = only(audited(folder), check)
    assert found.expected == f"{'00' * 16} by progress"


def test_a_log_of_which_one_bit_is_another_is_named_and_not_folded_again(folder: Path) -> None:
    """Europe/Berlin becomes a zone that nothing can be worked out with."""
    path = log_path(folder, 0)
    bits = bytearray(path.read_bytes())
    at_zone = bits.index(b"Europe/Berlin") + len("Europe/Be")
    bits[at_zone] ^= 4
    path.write_bytes(bits)
    report = audited(folder, fold_again=True)
    assert "input_chain" in broken(report)
    assert {each.check for each in report.findings if each.checked is None} == {"books", "store", "refold"}


# Journals


def test_a_journal_that_does_not_balance_in_the_ledger(folder: Path) -> None:
    seq = seq_of(folder, JournalEntry, about("T-2"))
    rewrite(folder, at(seq, lambda journal: with_line(journal, 0, ledger_amount=320_0100)))
    found = only(audited(folder), "journals")
    assert (found.topic, found.output_seq) == ("erp.postings", seq)
    assert (found.expected, found.found) == (
        "lines that sum to 0",
        "0.01 EUR in the ledger: debits 320.01, credits 320.00",
    )
    assert found.output.endswith(", posting for time entry T-2 version 1, 320.00 EUR on 2026-01-06")


def test_a_journal_in_a_closed_period(folder: Path) -> None:
    seq = seq_of(folder, JournalEntry, about("U-4"))
    rewrite(folder, at(seq, lambda journal: journal._replace(accounting_date=date(2026, 1, 20), period="2026-01")))
    found = only(audited(folder), "periods")
    assert (found.output_seq, found.found) == (seq, "2026-01 of BERLIN, which is closed")


def test_a_journal_in_the_wrong_period(folder: Path) -> None:
    seq = seq_of(folder, JournalEntry, about("U-5"))
    rewrite(folder, at(seq, lambda journal: journal._replace(period="2026-04")))
    found = only(audited(folder), "periods")
    assert (found.expected, found.found) == ("period 2026-03 of 2026-03-05", "period 2026-04")


def test_two_journals_with_one_id(folder: Path) -> None:
    first, second = (seq_of(folder, JournalEntry, about(entry_id)) for entry_id in ("T-2", "T-3"))
    taken = next(told.record.journal_id for told in outputs(folder) if told.position.output_seq == first)
    rewrite(folder, at(second, lambda journal: journal._replace(journal_id=taken)))
    found = only(audited(folder), "journal_ids")
    assert (found.output_seq, found.subject, found.found) == (second, taken, "another one with other content")
    assert found.expected == f"one journal of this id, at output_seq {first}"


def test_a_reversal_that_is_no_mirror(folder: Path) -> None:
    seq = seq_of(folder, JournalEntry, about("T-1", "reversal"))
    rewrite(folder, at(seq, lambda journal: with_line(journal, 0, dimensions={"practice": "another"})))
    found = only(audited(folder), "reversals")
    assert found.output_seq == seq
    assert "with opposite sign" in found.expected


def test_a_journal_reversed_twice(folder: Path) -> None:
    """The reversal of T-1's revenue names the journal of its cost, which is reversed already."""
    cost, revenue = (seq_of(folder, JournalEntry, about("T-1", "reversal", account)) for account in ("5000", "4000"))
    taken = next(told.record.reverses for told in outputs(folder) if told.position.output_seq == cost)
    rewrite(folder, at(revenue, lambda journal: journal._replace(reverses=taken)))
    report = audited(folder)
    assert broken(report) == {"reversals"}
    found = [(each.expected, each.found) for finding in report.findings for each in finding.first]
    assert (f"one reversal of {taken}, at output_seq {cost}", "a second one") in found


def test_an_exception_closed_that_was_not_open(folder: Path) -> None:
    seq = seq_of(folder, ExceptionClosed)
    rewrite(folder, at(seq, lambda closed: closed._replace(exception_id="BRIDGE.unknown")))
    found = only(audited(folder), "exceptions")
    assert (found.subject, found.found) == ("BRIDGE.unknown", "category none that is open")


# Billing


def test_a_statement_that_does_not_foot(folder: Path) -> None:
    seq = seq_of(folder, BillingStatement, lambda one: one.statement_id == BRIDGE_JANUARY)
    rewrite(folder, at(seq, lambda one: one._replace(control_total=2000_0100)))
    found = only(audited(folder), "statements")
    assert (found.topic, found.subject) == ("billing.statements", BRIDGE_JANUARY)
    assert (found.expected, found.found) == ("control total 2000.00 USD", "2000.01")


def test_tax_of_which_no_policy_speaks(folder: Path) -> None:
    def taxed(one: BillingStatement) -> BillingStatement:
        (group,) = one.undetermined_tax
        known = StatementTax(group.category, group.base, 19_000_000, 380_0000, "output", group.tax_point_date)
        return one._replace(tax=(known,), undetermined_tax=())

    seq = seq_of(folder, BillingStatement, lambda one: one.statement_id == TUNNEL_JANUARY)
    rewrite(folder, at(seq, taxed))
    found = only(audited(folder), "tax")
    assert found.expected == "services: undetermined on 2000.00, no rule"
    assert found.found == "services: 380.00 on 2000.00, output 19 %"


def test_a_part_that_is_missing(folder: Path) -> None:
    seq = seq_of(folder, BillingStatement, lambda one: one.statement_id == TUNNEL_JANUARY)
    rewrite(folder, at(seq, lambda one: one._replace(parts=2)))
    report = audited(folder)
    assert "statements" in broken(report)
    assert any(each.expected == "2 parts" for finding in report.findings for each in finding.first)


def test_one_line_bills_what_another_should(folder: Path) -> None:
    """The total is right, but U-3 is billed with more than it has accrued."""

    def moved(one: BillingStatement) -> BillingStatement:
        first, second = one.lines
        lines = (first._replace(amount=first.amount - 1_0000), second._replace(amount=second.amount + 1_0000))
        return one._replace(lines=lines)

    seq = seq_of(folder, BillingStatement, lambda one: one.statement_id == TUNNEL_JANUARY)
    rewrite(folder, at(seq, moved))
    found = only(audited(folder), "billed_once")
    assert "entries U-1, U-2" in found.subject
    assert (found.expected, found.found) == ("1200.00 EUR accrued and not billed before", "1199.00")


def test_a_billing_journal_of_another_amount(folder: Path) -> None:
    """A cent of the receivable is booked as an exchange difference."""

    def short(journal: JournalEntry) -> JournalEntry:
        receivable = journal.lines[0]
        cent = receivable._replace(account="7110", purpose="exchange_difference", amount=100, ledger_amount=100)
        less = receivable._replace(amount=receivable.amount - 100, ledger_amount=receivable.ledger_amount - 100)
        return journal._replace(lines=(less, *journal.lines[1:], cent))

    seq = seq_of(folder, JournalEntry, lambda one: one.affected_id == TUNNEL_JANUARY)
    rewrite(folder, at(seq, short))
    report = audited(folder)
    assert broken(report) == {"invoices", "views"}  # which show what is owed
    (found,) = (one for finding in report.findings if finding.check == "invoices" for one in finding.first)
    assert (found.expected, found.found) == (f"2000.00 EUR due by {TUNNEL_JANUARY}", "1999.99 on 1100 less tax")


def test_revenue_that_is_booked_elsewhere(folder: Path) -> None:
    seq = seq_of(folder, JournalEntry, about("U-5"))
    rewrite(folder, at(seq, lambda journal: with_line(journal, 3, account="2310")))
    found = only(audited(folder), "position")
    assert found.subject == "contract K-2"
    assert (found.expected, found.found) == ("0.00 EUR = recognised - invoiced", "300.00 on 1150, 1160, 2300, 2310")


def test_a_rest_in_the_ledger_of_a_contract_that_is_settled(folder: Path) -> None:
    def left(journal: JournalEntry) -> JournalEntry:
        unbilled, difference = journal.lines[1], journal.lines[2]
        other = with_line(journal, 1, ledger_amount=unbilled.ledger_amount + 100)
        return with_line(other, 2, ledger_amount=difference.ledger_amount - 100)

    seq = seq_of(folder, JournalEntry, lambda one: one.affected_id == BRIDGE_JANUARY)
    rewrite(folder, at(seq, left))
    found = only(audited(folder), "ledger_rest")
    assert (found.subject, found.found) == ("contract K-1, account 1150", "0.01")


def test_a_cap_that_was_lower_than_what_is_billed(folder: Path) -> None:
    """The log is put in the place of one whose contract had a cap of 1,000."""
    with EngagementLog.open(folder) as log:
        records, genesis = list(log.records()), log.genesis
    appender = LogAppender.open(folder, genesis, None)
    for record in records:
        appender.append(record.engagement_id, _lower(record.event), record.own)
    appender.sync()
    appender.publish()
    appender.close()
    chain = b""
    with EngagementLog.open(folder) as log:
        for record in log.records():
            chain = chained(chain, record.body)
    write_progress(folder, {**read_progress(folder), "input_chain": chain.hex()})
    found = only(audited(folder), "caps")
    assert found.subject == "contract K-1, cap line:L-1"
    assert (found.expected, found.found) == ("at most 1000.00 billed", "1900.00")


def _lower(event: Any) -> Any:
    if not isinstance(event, ContractSigned) or event.contract_id != "K-1":
        return event
    line = event.lines[0]
    assert isinstance(line.terms, TimeAndMaterials)
    assert line.terms.cap is not None
    terms = line.terms._replace(cap=line.terms.cap._replace(amount=1000_0000))
    return event._replace(lines=(line._replace(terms=terms),))


# What is told of it


def test_a_view_that_says_something_else(folder: Path) -> None:
    def other(view: ProjectView) -> ProjectView:
        return view._replace(balances=(view.balances[0]._replace(billed=1_0000),))

    seq = seq_of(folder, ProjectView, lambda view: view.project_id == "BRIDGE", last=True)
    rewrite(folder, at(seq, other))
    found = only(audited(folder), "views")
    assert (found.topic, found.subject) == ("project.views", "BRIDGE")
    assert (found.expected, found.found) == ("billed 1900.00 USD of contract K-1", "1.00")


def test_a_forecast_that_does_not_add_up(folder: Path) -> None:
    seq = seq_of(folder, ForecastUpdate, last=True)
    rewrite(folder, at(seq, lambda update: update._replace(project=update.project._replace(etc_cost=1))))
    found = only(audited(folder), "forecasts")
    assert found.expected == "cost at completion = burn + to complete = 1040.0001 EUR"
    assert found.found == "4000.00 EUR"


def test_a_forecast_whose_months_do_not_add_up(folder: Path) -> None:
    """A cent of the last month's cost is lost on the way."""

    def a_cent_less(update: ForecastUpdate) -> ForecastUpdate:
        *months, last = update.project.months
        short = last._replace(cost=last.cost - 100)
        return update._replace(project=update.project._replace(months=(*months, short)))

    seq = seq_of(folder, ForecastUpdate, last=True)
    rewrite(folder, at(seq, a_cent_less))
    found = only(audited(folder), "forecasts")
    assert "months that sum to the cost at completion" in found.expected


def test_a_forecast_that_expects_more_cash_than_is_billed(folder: Path) -> None:
    """By more than the cent a month that other currencies may leave."""

    def an_euro_more(update: ForecastUpdate) -> ForecastUpdate:
        *months, last = update.project.months
        more = last._replace(cash=sum(month.billings - month.cash for month in months) + last.billings + 10_000)
        return update._replace(project=update.project._replace(months=(*months, more)))

    seq = seq_of(folder, ForecastUpdate, last=True)
    rewrite(folder, at(seq, an_euro_more))
    found = only(audited(folder), "forecasts")
    assert "cash of no more than what is billed" in found.expected


def test_a_forecast_that_is_compared_with_none_before(folder: Path) -> None:
    """Whatever event it is of: only another currency begins the comparison again."""
    seq = seq_of(folder, ForecastUpdate, last=True)
    alone = {"previous": None, "baseline_sequence": None, "deltas": (), "cause_kind": "contract"}
    rewrite(folder, at(seq, lambda update: update._replace(**alone)))
    found = only(audited(folder), "forecasts")
    assert found.expected.startswith("previous figures of sequence")
    assert found.found == "none"


def test_hours_of_a_forecast_that_do_not_add_up(folder: Path) -> None:
    seq = seq_of(folder, ForecastUpdate, last=True)

    def an_hour_less(update: ForecastUpdate) -> ForecastUpdate:
        figures = update.project._replace(burn_hours=1_500_000, etc_hours=1_000_000, eac_hours=2_250_000)
        return update._replace(project=figures, ledger=figures, group=figures)

    rewrite(folder, at(seq, an_hour_less))
    found = only(audited(folder), "forecasts")
    assert found.expected.startswith("hours at completion = burn + to complete = 2.5 h")
    assert found.found.startswith("2.25 h")


def test_control_totals_that_are_not_those_of_the_journals(folder: Path) -> None:
    seq = seq_of(folder, ControlTotals, last=True)
    rewrite(folder, at(seq, lambda told: told._replace(journal_count=told.journal_count + 1)))
    assert only(audited(folder), "control_totals").output_seq == seq


def test_control_totals_of_another_chain(folder: Path) -> None:
    seq = seq_of(folder, ControlTotals, last=True)
    rewrite(folder, at(seq, lambda told: told._replace(output_chain="00" * 16)), totals=False)
    assert only(audited(folder), "control_totals").found == "00" * 16


# Files, and the log folded again


def test_a_word_in_a_message_is_found_by_folding_again(folder: Path) -> None:
    seq = seq_of(folder, Alert)
    rewrite(folder, at(seq, lambda alert: alert._replace(message="all is well")))
    assert audited(folder).first is None
    report = audited(folder, fold_again=True)
    found = report.first
    assert found is not None
    assert (found.check, found.topic, found.output_seq) == ("refold", "alerts", seq)
    assert (found.expected, found.found) == (
        "message 75 % of cap line:L-1 of contract K-1 is used",
        "message all is well",
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def drop_a_block(path: Path) -> None:
    """The journal in the middle, with nothing left of it."""
    blocks = [found for found in read_container(path, output_versions()) if isinstance(found, ContainerRecord)]
    data, place = path.read_bytes(), len(blocks) // 2
    path.write_bytes(data[: blocks[place - 1].block_end] + data[blocks[place].block_end :])


def test_a_journal_cut_out_of_its_file_is_named_and_the_rest_looked_at(folder: Path) -> None:
    drop_a_block(topic_file(folder, "erp.postings", 0))
    report = audited(folder, fold_again=True)
    assert {"files", "output_seq", "refold"} <= broken(report)
    assert all(finding.checked is not None for finding in report.findings)
    assert report.first is not None
    assert report.first.check == "refold"
    assert report.first.output.startswith("journal ")


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_output_file_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    path = topic_file(folder, "erp.postings", 0)
    damage(path)
    report = audited(folder)
    found = report.first
    assert found is not None
    assert found.check == "files"
    assert found.subject == str(path)


@pytest.mark.parametrize("damage", [cut, flip])
def test_a_damaged_log_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "log" / "0.avro")
    found = only(audited(folder), "files")
    assert "the log is damaged" in found.found


def test_without_outputs_or_without_a_log_nothing_is_looked_at(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NoOutputs, match="milepost run"):
        audited(tmp_path / "nowhere")
    (folder / "log" / "0.avro").unlink()
    with pytest.raises(GuardStop) as stopped:
        audited(folder)
    assert stopped.value.code == LOG_MISSING
