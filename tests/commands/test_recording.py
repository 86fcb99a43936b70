"""What people record for a system that sends nothing: invoices, payments, approvals, amendments; typed twice it is recorded once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.log_appender import LogAppender
from connectors.files.lookup import newest_statements
from milepost import deciding
from milepost.cli import app
from milepost.exceptions.on_kafka import ExceptionTopics
from state.intake.partition import partition_of
from tests.commands.tiny_firm import event, founding, run, said, worked, write
from tests.commands.two_companies import BERLINS, WIENS, two_companies
from tests.histories.log import with_days
from tests.reliability.test_statement_numbers import SHARDS, folded, genesis
from tests.reliability.test_statement_numbers import firm as numbered_firm
from tests.reliability.test_statement_numbers import logs as shard_logs
from tests.reliability.test_statement_numbers import work as its_work

MARCH = "BRIDGE.K-1/ACME/2026-03-01/1"
AT = ("--at", "2026-04-03T09:00:00Z")


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """12 hours at 100.00 in March, on an issued statement of 1,200.00."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "4")])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


@pytest.fixture
def drafting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of which the statement waits for approval; Ann asked for it."""
    *before, contract = founding()
    request = event(
        "StatementRequested",
        "2026-03-04T08:00:00Z",
        request_id="R",
        contract_id="K-1",
        requested_by="ann",
        to="2026-04-01",
    )
    drafts = {**contract, "policies": {"statement_approval": "required"}}
    write(tmp_path / "input", [*before, drafts, worked("T-1", 2), worked("T-2", 3, "4"), request])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def milepost(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(result: Result) -> str:
    return re.sub(r"\s+", " ", result.stderr)


def refused(*words: str) -> str:
    result = milepost(*words)
    assert result.exit_code == 2, result.output
    return told(result)


def recorded(firm: Path) -> list[dict[str, Any]]:
    files = sorted((firm / "input" / "recorded").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def owed() -> str:
    """On 1100, all that was posted."""
    lines = (
        line
        for journal in milepost("dump", "erp.postings", "--json").stdout.splitlines()
        for line in json.loads(journal)["lines"]
        if line["account"] == "1100"
    )
    return f"{sum(float(line['amount']) for line in lines):.2f}"


def test_an_invoice_is_owed_and_a_payment_pays_it(firm: Path) -> None:
    """1,200.00 invoiced, 500.00 and then 900.00 paid: nothing is owed, and 200.00 is for no invoice."""
    assert milepost("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT).exit_code == 0
    early = refused("payment", "add", "ACME", "500", "EUR", "--for", "INV-1", *AT)
    assert (
        "invoice INV-1 is recorded and waits for the next run. milepost run takes it in; then it can be paid" in early
    )
    run(firm)
    assert owed() == "1200.00"
    assert milepost("payment", "add", "ACME", "500", "EUR", "--for", "INV-1", *AT).exit_code == 0
    rest = milepost("payment", "add", "ACME", "900", "EUR", "--oldest", *AT)
    assert "It pays 700.00 EUR for INV-1" in told(rest)
    assert "200.00 EUR of it is for no invoice yet" in told(rest)
    run(firm)
    assert owed() == "0.00"
    invoice, first, second = recorded(firm)
    assert (invoice["amount"], invoice["posted_on"], invoice["tax_amount"]) == ("1200.00", "2026-04-03", "0.00")
    assert first["applications"] == [{"invoice_id": "INV-1", "amount": "500.00"}]
    assert second["applications"] == [{"invoice_id": "INV-1", "amount": "700.00"}]
    assert {each["requested_by"] for each in recorded(firm)} == {deciding.person(None).name}


@pytest.mark.parametrize(
    "words",
    [
        ("invoice", "mark", MARCH, "--invoice-id", "INV-1"),
        ("payment", "add", "ACME", "500.00", "EUR", "--on", "2026-04-02"),
    ],
    ids=" ".join,
)
def test_the_same_twice_is_recorded_once(words: tuple[str, ...], firm: Path) -> None:
    """Before the run that takes it in, and after."""
    assert milepost(*words, *AT).exit_code == 0
    for _ in range(2):
        again = milepost(*words, *AT)
        assert (again.exit_code, "Nothing was written" in told(again)) == (0, True)
        run(firm)
    assert len(recorded(firm)) == 1


def test_what_is_wrong_with_an_invoice_is_said_before_anything_is_written(firm: Path) -> None:
    assert "got BRIDGE, which is a project" in refused("invoice", "mark", "BRIDGE", *AT)
    assert f"the nearest are {MARCH}" in refused("invoice", "mark", f"{MARCH}0", *AT)
    assert "--amount: expected" in refused("invoice", "mark", MARCH, "--amount", "1.200,00", *AT)
    assert "Invalid value for --tax: expected" in refused("invoice", "mark", MARCH, "--tax", "abc", *AT)
    milepost("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    assert "the next run posts it; got invoice INV-2 over 1,200.00 EUR" in refused(
        "invoice", "mark", MARCH, "--invoice-id", "INV-2", *AT
    )
    assert len(recorded(firm)) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ACM", "5", "EUR"), "expected the id of a customer, got ACM; the nearest are ACME"),
        (("ACME", "5,50", "EUR"), "AMOUNT: expected an amount in EUR above zero such as 1190.00"),
        (("ACME", "-5", "EUR"), "AMOUNT: expected an amount in EUR above zero such as 1190.00"),
        (
            ("ACME", "5", "EUR", "--for", "INV-9"),
            "expected an open invoice of the customer, got INV-9; the nearest are INV-1",
        ),
        (("ACME", "5", "EUR", "--for", "INV-1=2", "--for", "INV-1=1"), "expected each invoice once, got INV-1 twice"),
        (("ACME", "5", "USD", "--for", "INV-1"), "expected an invoice in USD; INV-1 is in EUR"),
        (("ACME", "2000", "EUR", "--for", "INV-1=1300"), "open of INV-1, 1,200.00 EUR"),
        (("ACME", "5", "EUR", "--for", "INV-1=6"), "left of the payment, 5.00 EUR; got 6.00"),
        (("ACME", "5", "EURO"), "CURRENCY: expected a currency such as EUR, got EURO"),
        (("ACME", "5", "eur"), "got eur; it may be EUR"),
        (("ACME", "10.005", "EUR"), "such as 1190.00, with a point and at most 2 decimals; got 10.005"),
        (("ACME", "10.5", "JPY"), "expected an amount in JPY above zero such as 1190, without decimals; got 10.5"),
        (("ACME", "5", "EUR", "--on", "2026-02-30"), "expected a day such as 2026-03-31, got 2026-02-30"),
        (("ACME", "5", "EUR", "--on", "2062-04-03"), "--on: expected a day from 2016-03-26 to 2026-04-04"),
        (("ACME", "5", "EUR", "--on", "0206-04-03"), "near to that on which it is said; got 0206-04-03"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_payment_that_cannot_be_is_refused(words: tuple[str, ...], expected: str, firm: Path) -> None:
    milepost("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    run(firm)
    assert expected in refused("payment", "add", *AT, *words)
    assert len(recorded(firm)) == 1


def test_another_payment_of_the_day_and_amount_has_an_id_of_its_own(firm: Path) -> None:
    milepost("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    run(firm)
    pay = ("payment", "add", "ACME", "100", "EUR", *AT)
    assert milepost(*pay).exit_code == 0
    assert "is recorded already, for no invoice; got 100.00 EUR for INV-1" in refused(*pay, "--for", "INV-1")
    assert milepost(*pay, "--for", "INV-1", "--payment-id", "B-7").exit_code == 0
    run(firm)
    assert owed() == "1100.00"


def test_a_draft_is_approved_by_somebody_else_than_who_asked(drafting: Path) -> None:
    assert "expected an issued statement" in refused("invoice", "mark", MARCH, *AT)
    assert "ann asked for" in refused("statement", "approve", MARCH, "--as", "ann", *AT)
    assert milepost("statement", "approve", MARCH, "--as", "ben", *AT).exit_code == 0
    assert "approved already" in told(milepost("statement", "approve", MARCH, *AT)).lower()
    assert f"{MARCH} is approved" in refused("statement", "return", MARCH, "--reason", "late", *AT)
    run(drafting)
    [one] = said(milepost("statement", "--json"))["statements"]
    assert (one["status"], one["amount_due"]) == ("issued", "1200.00")
    assert [each["approved_by"] for each in recorded(drafting)] == ["ben"]


def test_a_draft_is_returned_with_a_reason_by_somebody(drafting: Path) -> None:
    assert "Invalid value for --reason: expected a reason in words" in refused(
        "statement", "return", MARCH, "--reason", " ", *AT
    )
    assert "Invalid value for --as: expected" in refused("statement", "approve", MARCH, "--as", "", *AT)
    assert recorded(drafting) == []


def test_a_returned_draft_comes_again_when_its_work_is_corrected(drafting: Path) -> None:
    assert milepost("statement", "return", MARCH, "--reason", "T-1 was six hours", *AT).exit_code == 0
    run(drafting)
    [returned] = recorded(drafting)
    assert (returned["reason"], returned["revision"]) == ("T-1 was six hours", 1)
    assert f"{MARCH} 1 returned" in " ".join(milepost("statement").stdout.split())
    shown = milepost("statement", MARCH).stdout
    assert f"Returned by {returned['requested_by']}: T-1 was six hours. Its work comes on another statement." in shown
    again = milepost("statement", "return", MARCH, "--reason", "T-1 was six hours", *AT)
    assert (again.exit_code, "Nothing was written" in told(again)) == (0, True)


def test_show_may_be_left_out_of_statement(firm: Path) -> None:
    del firm
    assert milepost("statement", MARCH).stdout == milepost("statement", "show", MARCH).stdout
    assert milepost("statement", "--json").stdout == milepost("statement", "show", "--json").stdout


AMEND = (
    "contract",
    "amend",
    "K-1",
    "--effective-on",
    "2026-04-01",
    "--reason",
    "new rate",
    "--approved-by",
    "ben",
    *AT,
)
RATE = ("--set", "lines[0].terms.rates[0].rate=130")


def test_new_terms_hold_after_a_look_at_what_they_do(firm: Path) -> None:
    """8 hours of 8 April at 130.00 instead of 100.00."""
    later = {**worked("T-3", 8), "worked_on": "2026-04-08", "occurred_at": "2026-04-03T08:00:00Z"}
    write(firm / "input", [later], "april")
    run(firm)
    assert "nothing is written without a yes" in refused(*AMEND, *RATE)
    shown = milepost(*AMEND, *RATE, "--yes")
    assert re.search(r"1150 .* 240\.00", shown.stdout), shown.stdout
    assert "version 2 of contract K-1 is recorded and waits" in refused(*AMEND, *RATE, "--yes")
    run(firm)
    again = milepost(*AMEND, *RATE, "--yes")
    assert (again.exit_code, "terms of contract K-1 are these already" in told(again)) == (0, True)
    [amended] = recorded(firm)
    assert (amended["version"], amended["replaces_version"], amended["reason"]) == (2, 1, "new rate")
    assert set(amended) & {"starts_on", "policies", "currency"} == set()


def test_a_dry_run_prints_the_event_and_writes_nothing(firm: Path) -> None:
    printed = json.loads(milepost(*AMEND, *RATE, "-n").stdout)
    assert printed["lines"][0]["terms"]["rates"][0]["rate"] == "130"
    assert recorded(firm) == []


def test_the_terms_as_text_say_what_each_is_and_may_be_given_back(firm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that saves what it was given changes nothing; one that changes a rate amends it."""
    seen = firm / "seen.toml"
    (firm / "editor").write_text(f'#!/bin/sh\ncp "$1" {seen}\n', encoding="utf-8")
    (firm / "editor").chmod(0o755)
    monkeypatch.setenv("EDITOR", str(firm / "editor"))
    monkeypatch.setattr(deciding, "is_terminal", lambda: True)
    assert "these already" in told(milepost(*AMEND))
    text = seen.read_text(encoding="utf-8")
    assert "# Price of one hour in contract currency. (rate)\nrate = " in text
    (firm / "new.toml").write_text(re.sub(r'rate = "100.*"', "rate = 130.0", text), encoding="utf-8")
    assert milepost(*AMEND, "--file", str(firm / "new.toml"), "--yes").exit_code == 0
    [amended] = recorded(firm)
    assert amended["lines"][0]["terms"]["rates"][0]["rate"] == "130"


def test_a_contract_gets_its_first_policy(firm: Path) -> None:
    assert milepost(*AMEND, "--set", "policies.statement_approval=required", "--yes").exit_code == 0
    [amended] = recorded(firm)
    assert {name: value for name, value in amended["policies"].items() if value is not None} == {
        "statement_approval": "required"
    }


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("lines = [", "expected terms as TOML"),
        ("", "lines, starts_on cannot be taken away, only get another value; a file states all terms"),
        ('currency = "USD"', "cannot be taken away"),
    ],
)
def test_terms_that_are_none_are_refused(terms: str, expected: str, firm: Path) -> None:
    (firm / "new.toml").write_text(terms, encoding="utf-8")
    assert expected in refused(*AMEND, "--file", str(firm / "new.toml"), "--yes").replace(
        "starts_on, lines", "lines, starts_on"
    )
    assert recorded(firm) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--set", "grace_day=2"), "got grace_day"),
        (("--set", "currency=USD"), "got currency"),
        (("--set", "lines[0].terms.rates[0].rate=dear"), "lines[0].terms.rates[0].rate"),
        (("--set", "lines[1].terms.rates[0].rate=5"), "lines[1].terms.rates[0].rate: expected 0, got 1"),
        (("--treatment", "separate", *RATE), "it would be refused"),
    ],
    ids=" ".join,
)
def test_an_amendment_that_would_be_refused_is_not_written(words: tuple[str, ...], expected: str, firm: Path) -> None:
    assert expected in refused(*AMEND, *words, "--yes")
    assert recorded(firm) == []


def test_who_asks_for_an_amendment_does_not_approve_it(firm: Path) -> None:
    del firm
    assert "ben asks for it and cannot approve it" in refused(*AMEND, *RATE, "--as", "ben", "--yes")
    assert "got K-9; the nearest are K-1" in refused("contract", "amend", "K-9", *AMEND[3:], *RATE)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("contract", "amend", "K-1", *RATE, "--yes"), "--effective-on"),
        (("revenue", "adjust", "K-1", "L-1", "250.00", "--on", "2026-03-31"), "--reverse-on"),
    ],
    ids=["amendment", "reversal"],
)
def test_a_day_of_a_mistyped_year_is_refused(words: tuple[str, ...], option: str, firm: Path) -> None:
    """Said on 3 April 2026: 731 days on is 3 April 2028, as far as a what-if lets days end; 3,660 days back is 26 March 2016."""
    asked = (*words, "--reason", "x", "--approved-by", "ben", *AT, "-n", option)
    assert milepost(*asked, "2028-04-03").exit_code == 0
    for mistyped in ("2028-04-04", "9999-12-31"):
        expected = "expected a day from 2016-03-26 to 2028-04-03, near to that on which it is said"
        assert f"{option}: {expected}; got {mistyped}" in refused(*asked, mistyped)
    assert "got 1900-01-01" in refused(*asked, "1900-01-01")
    assert recorded(firm) == []


def test_on_kafka_it_goes_to_its_topic(firm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str, str]] = []

    def send(_self: ExceptionTopics, events: Sequence[dict[str, Any]], to: str, keyed: str) -> str:
        sent.extend((to, each["type"], each[keyed]) for each in events)
        return f"books.{to}"

    monkeypatch.setattr(ExceptionTopics, "send", send)
    told_of = milepost("invoice", "mark", MARCH, "--kafka", "--invoice-id", "INV-1", *AT)
    assert "1 event sent to books.finance.invoices" in told_of.stdout
    milepost(*AMEND, *RATE, "--yes", "--kafka")
    assert sent == [("finance.invoices", "InvoicePosted", "INV-1"), ("crm.contracts", "ContractAmended", "K-1")]
    assert recorded(firm) == []


def test_an_invoice_of_another_amount_is_put_right_by_marking_it_again(firm: Path) -> None:
    """1,100.00 for a statement of 1,200.00 posts nothing; marked again, 1,200.00 is owed, and the exception is over."""
    mark = ("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    wrong = milepost(*mark, "--amount", "1100")
    assert "comes to 1,200.00 EUR, not 1,100.00: the next run posts no invoice" in told(wrong)
    run(firm)
    assert (owed(), exceptions()) == ("0.00", ["statement_differs_from_invoice"])
    right = milepost(*mark)
    assert (right.exit_code, "It replaces invoice INV-1 over 1,100.00 EUR, which is not posted" in told(right)) == (
        0,
        True,
    )
    run(firm)
    assert (owed(), exceptions()) == ("1200.00", [])
    assert "invoice INV-1 over 1,200.00 EUR; got invoice INV-1 over 1,100.00" in refused(*mark, "--amount", "1100")


def test_what_is_on_its_way_is_replaced_only_where_it_posts_nothing(firm: Path) -> None:
    mark = ("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    milepost(*mark, "--amount", "1100")
    assert milepost(*mark).exit_code == 0
    assert "over 1,200.00 EUR is recorded already" in refused(*mark, "--tax", "19")
    run(firm)
    assert (owed(), exceptions(), len(recorded(firm))) == ("1200.00", [], 2)


def exceptions() -> list[str]:
    listed = said(milepost("exceptions", "list", "--json"))["exceptions"]
    return [each["category"] for each in listed]


def test_one_invoice_id_is_not_recorded_for_two_statements(firm: Path) -> None:
    """Nor before the run that takes in the first."""
    april = {**worked("T-3", 3), "worked_on": "2026-04-03", "occurred_at": "2026-04-03T18:00:00Z"}
    write(firm / "input", [april], "april")
    run(firm, "--until", "2026-05-02")
    at = ("--invoice-id", "INV-1", "--at", "2026-05-03T09:00:00Z")
    assert milepost("invoice", "mark", MARCH, *at).exit_code == 0
    assert f"INV-1 is that of statement {MARCH}" in refused("invoice", "mark", MARCH.replace("-03-", "-04-"), *at)
    assert len(recorded(firm)) == 1


def test_each_shard_of_a_folder_is_asked(tmp_path: Path) -> None:
    """Of two shards: a contract is amended, an invoice marked and paid in part, wherever it is."""
    output = tmp_path / "output"
    logged = with_days([*numbered_firm(), *its_work()])
    for shard, records in enumerate(shard_logs()):
        folded(output, shard, records)
        with closing(LogAppender.open(output, genesis(shard), None)) as log:
            for one in logged:
                if not one.engagement_id or partition_of(one.engagement_id, SHARDS) == shard:
                    log.append(one.engagement_id, one.event)
            log.sync()
            log.publish()
    (tmp_path / "input").mkdir()
    where = ("--output", str(output), "--at", "2027-02-01T09:00:00Z", "--dry-run")
    terms = ("--effective-on", "2027-03-01", "--reason", "x", "--approved-by", "ben", RATE[0], RATE[1])
    for shard in range(SHARDS):
        issued = next(each for each in newest_statements(output) if each.position.shard == shard).statement
        amended = json.loads(milepost("contract", "amend", issued.contract_id, *terms, *where).stdout)
        assert (amended["contract_id"], amended["replaces_version"]) == (issued.contract_id, 1)
        marked = json.loads(milepost("invoice", "mark", issued.statement_id, *where).stdout)
        assert Decimal(marked["amount"]) == Decimal(issued.amount_due) / 10_000


def test_where_two_companies_have_one_number_the_id_stands_for_the_invoice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """800.00 of BERLIN and 400.00 of WIEN, both INV-2026-0001; the 400.00 are paid, and 800.00 are owed still."""
    monkeypatch.setenv("MILEPOST_OUTPUT", str(two_companies(tmp_path)))
    for named in (BERLINS, WIENS):
        assert milepost("invoice", "mark", named, *AT).exit_code == 0
    run(tmp_path)
    assert (owed(), [each["invoice_id"] for each in recorded(tmp_path)]) == ("1200.00", [BERLINS, WIENS])
    assert milepost("payment", "add", "ACME", "400", "EUR", "--for", WIENS, *AT).exit_code == 0
    run(tmp_path)
    assert (owed(), exceptions()) == ("800.00", [])


def test_the_tax_of_a_category_without_a_rule_has_to_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,200.00 of services in a region whose policy has no rule for them; the invoice has 228.00 of tax."""
    entity, *others = founding()
    policy = event("TaxPolicyDefined", "2026-03-01T07:00:00Z", tax_region="DE", version=1, rules=[])
    firm = [policy, {**entity, "tax_region": "DE"}, *others]
    write(tmp_path / "input", [*firm, worked("T-1", 2), worked("T-2", 3, "4")])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    assert "--tax: nobody knows the tax" in refused("invoice", "mark", MARCH, *AT)
    assert milepost("invoice", "mark", MARCH, "--tax", "228", *AT).exit_code == 0
    run(tmp_path)
    assert owed() == "1428.00"


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (("--for", "INV-1=500"), "200.00 EUR for INV-1; got 500.00 EUR for INV-1"),
        (("--for", "INV-1"), "200.00 EUR for INV-1; got 500.00 EUR for INV-1"),
        (("--oldest",), "200.00 EUR for INV-1; got 500.00 EUR for INV-1"),
        ((), "200.00 EUR for INV-1; got for no invoice"),
    ],
    ids=" ".join,
)
def test_a_payment_said_again_otherwise_is_refused(again: tuple[str, ...], expected: str, firm: Path) -> None:
    """500.00, of which 200.00 were for INV-1: before the run that takes it in, and after."""
    milepost("invoice", "mark", MARCH, "--invoice-id", "INV-1", *AT)
    run(firm)
    pay = ("payment", "add", "ACME", "500", "EUR", *AT)
    assert milepost(*pay, "--for", "INV-1=200").exit_code == 0
    for _ in range(2):
        assert expected in refused(*pay, *again)
        repeated = told(milepost(*pay, "--for", "INV-1=200"))
        assert "Payment ACME/2026-04-03/500.00-EUR is recorded already" in repeated
        run(firm)
    assert (owed(), len(recorded(firm))) == ("1000.00", 2)


def test_a_payments_id_stands_for_one_amount(firm: Path) -> None:
    pay = ("payment", "add", "ACME")
    assert milepost(*pay, "100", "EUR", "--payment-id", "B-7", *AT).exit_code == 0
    assert "100.00 EUR of ACME on 2026-04-03; got 200.00 EUR" in refused(*pay, "200", "EUR", "--payment-id", "B-7", *AT)
    assert "AMOUNT: expected an amount in EUR above zero" in refused(*pay, "1e999999", "EUR", *AT)


def test_a_statement_that_asked_for_no_approval_is_not_called_approved(firm: Path) -> None:
    for verb in (("approve",), ("return", "--reason", "late")):
        assert "is issued, and asked for no approval" in refused("statement", *verb, MARCH, *AT)


@pytest.mark.parametrize(
    ("script", "options", "expected"),
    [
        ('echo "lines = [ my edit" > "$1"; [ ! -f {seen} ] && touch {seen}', (), "lines = [ my edit"),
        ('sed -i \'s/rate = "100.*/rate = "130"/\' "$1"', ("--treatment", "separate", "--yes"), 'rate = "130"'),
        ('sed -i \'s/rate = "100.*/rate = "130"/\' "$1"', ("--dry-run",), 'rate = "130"'),
        ('rm "$1"', (), 'rate = "100'),
    ],
    ids=["the editor fails", "refused", "dry run", "removed"],
)
def test_edited_terms_are_kept_until_they_are_written(
    script: str, options: tuple[str, ...], expected: str, firm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (firm / "editor").write_text(f"#!/bin/sh\n{script.replace('{seen}', str(firm / 'seen'))}\n", encoding="utf-8")
    (firm / "editor").chmod(0o755)
    monkeypatch.setenv("EDITOR", str(firm / "editor"))
    monkeypatch.setattr(deciding, "is_terminal", lambda: True)
    result = CliRunner().invoke(app, [*AMEND, *options], input="y\n")
    assert (result.exit_code == 0) == (options == ("--dry-run",)), result.output
    kept = re.search(r"--file\s+(\S+)", result.stderr.split("edited terms are kept")[1])
    assert kept is not None
    path = Path(kept[1])
    assert expected in path.read_text(encoding="utf-8")
    assert recorded(firm) == []
    path.unlink()
    path.parent.rmdir()


ACCRUAL = ("revenue", "adjust", "K-1", "L-1", "250.00", "--on", "2026-03-31", "--reverse-on", "2026-04-01")
WHY = ("--reason", "bonus for March", "--as", "ann", *AT)


def test_revenue_is_adjusted_and_reverses_itself(firm: Path) -> None:
    """250.00 for March; as many are taken away again when 1 April has ended."""
    assert milepost(*ACCRUAL, *WHY, "--approved-by", "ben").exit_code == 0
    again = milepost(*ACCRUAL, *WHY, "--approved-by", "ben")
    assert again.exit_code == 0
    assert "Adjustment K-1/L-1/2026-03-31/250.00 is recorded already" in told(again)
    (event,) = recorded(firm)
    assert event["adjustment_id"] == "K-1/L-1/2026-03-31/250.00"
    assert (event["amount"], event["currency"], event["adjusted_on"]) == ("250.00", "EUR", "2026-03-31")
    assert (event["reverse_on"], event["reason"]) == ("2026-04-01", "bonus for March")
    assert (event["requested_by"], event["approved_by"]) == ("ann", "ben")
    run(firm, "--until", "2026-04-30")
    journals = [json.loads(one) for one in milepost("dump", "erp.postings", "--json").stdout.splitlines()]
    own = [
        (one["accounting_date"], one["kind"])
        for one in journals
        if one["affected_kind"] == "revenue_adjustment" and one["deliver"]
    ]
    assert own == [("2026-03-31", "posting"), ("2026-04-01", "reversal")]
    assert milepost("verify").exit_code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("adjust", "K-2", "L", "1.00"), "expected a contract that is in force, got K-2; the nearest are K-1"),
        (("adjust", "K-1", "M", "1.00"), "expected a line of contract K-1, got M; there are L-1"),
        (("adjust", "K-1", "L-1", "0.001"), "expected an amount in EUR above or below zero, such as 1190.00"),
        (("adjust", "K-1", "L-1", "1.00", "--approved-by", "ann"), "ann asks for it and cannot approve it"),
        (
            ("adjust", "K-1", "L-1", "1.00", "--on", "2026-03-31", "--reverse-on", "2026-03-31"),
            "expected a day after 2026-03-31, got 2026-03-31",
        ),
        (
            ("adjust", "K-1", "L-1", "1.00", "--on", "2020-03-31"),
            "expected a day from 2026-01-01 on, on which contract K-1 starts; got 2020-03-31",
        ),
    ],
)
def test_an_adjustment_that_cannot_be_is_refused(words: tuple[str, ...], expected: str, firm: Path) -> None:
    assert expected in refused("revenue", *words, *WHY)
    assert recorded(firm) == []


def test_revenue_that_is_added_is_unbilled_and_says_why(firm: Path) -> None:
    assert milepost(*ACCRUAL[:7], *WHY).exit_code == 0
    run(firm)
    assert "adjusted by hand" in milepost("unbilled").stdout
    named = milepost("explain", "K-1/L-1/2026-03-31/250.00")
    [posted] = [
        one
        for one in map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
        if one["affected_kind"] == "revenue_adjustment"
    ]
    assert posted["journal_id"] in named.output
    assert "bonus for March" in milepost("explain", posted["journal_id"]).stdout


def test_revenue_is_taken_away_and_stays(firm: Path) -> None:
    assert milepost("revenue", "adjust", "K-1", "L-1", "-100.00", *WHY, "--on", "2026-03-31").exit_code == 0
    (event,) = recorded(firm)
    assert (event["amount"], event["adjustment_id"]) == ("-100.00", "K-1/L-1/2026-03-31/-100.00")
    assert "reverse_on" not in event
    run(firm)
    assert milepost("verify").exit_code == 0
    typed = refused("revenue", "adjust", "K-1", "L-1", "-100.00", *WHY, "--onn", "2026-03-31")
    assert "--onn" in typed
    other = refused(
        "revenue", "adjust", *WHY, "--on", "2026-03-31", "--reverse-on", "2026-04-01", "--", "K-1", "L-1", "-100.00"
    )
    assert "is recorded already: -100.00 EUR on line L-1 of contract K-1 on 2026-03-31" in other


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same firm; above 100.00 a second person approves."""
    *others, contract = founding()
    write(tmp_path / "input", [*others, {**contract, "policies": {"approval_limit": "100"}}, worked("T-1", 2)])
    run(tmp_path, "--until", "2026-04-02")
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def adjusted(firm: Path) -> list[str]:
    """What is posted of adjustments, on 4000."""
    return [
        line["amount"]
        for one in map(json.loads, milepost("dump", "erp.postings", "--json").stdout.splitlines())
        if one["affected_kind"] == "revenue_adjustment"
        for line in one["lines"]
        if line["account"] == "4000"
    ]


@pytest.mark.parametrize("is_run_between", [True, False])
def test_an_adjustment_above_the_limit_is_approved_by_the_same_command(limited: Path, is_run_between: bool) -> None:
    """250.00 are above 100.00: told when they are written, refused by the run, posted once Ben approves."""
    alone = milepost(*ACCRUAL[:7], *WHY)
    assert alone.exit_code == 0
    assert (
        "It is above policy approval_limit of contract K-1, 100.00 EUR: nothing is posted, and the next run raises "
        "self_approved, until somebody other than ann approves it. The same command with --approved-by NAME"
        in told(alone)
    )
    assert "is recorded already" in told(milepost(*ACCRUAL[:7], *WHY))
    if is_run_between:
        run(limited)
        assert adjusted(limited) == []
    approved = milepost(*ACCRUAL[:7], *WHY, "--approved-by", "ben")
    assert approved.exit_code == 0
    assert "approval_limit" not in told(approved)
    assert [each.get("approved_by") for each in recorded(limited)] == [None, "ben"]
    run(limited)
    assert adjusted(limited) == ["-250.00"]
    again = milepost(*ACCRUAL[:7], *WHY, "--approved-by", "ben")
    assert "is recorded already" in told(again)
    assert len(recorded(limited)) == 2
    assert not json.loads(milepost("exceptions", "list", "--json").stdout)["exceptions"]


def test_what_needs_nobody_is_not_approved_afterwards(firm: Path) -> None:
    assert "approval_limit" not in told(milepost(*ACCRUAL[:7], *WHY))
    assert "is recorded already" in told(milepost(*ACCRUAL[:7], *WHY, "--approved-by", "ben"))


def test_a_refused_adjustment_is_sent_again_with_who_approved(limited: Path) -> None:
    assert milepost(*ACCRUAL[:7], *WHY).exit_code == 0
    run(limited)
    [raised] = json.loads(milepost("exceptions", "list", "--json").stdout)["exceptions"]
    assert raised["resolution"].startswith("Have another person approve it and send it again, under the same id")
    sent = milepost("exceptions", "resend", raised["exception_id"], "--set", "approved_by=ben", "--as", "ann", *AT)
    assert sent.exit_code == 0, sent.output
    run(limited)
    assert adjusted(limited) == ["-250.00"]
