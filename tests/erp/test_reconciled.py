"""What adapters read of an ERP's ledger is what was sent: both sides agree, and what somebody does there is found by its cause."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.erp import adapters
from connectors.erp.connection import Connection
from domain.delivery.chart import AccountRule, EntityChart
from domain.delivery.documents import JournalDocument, key_of
from domain.delivery.expected import DocumentState
from domain.delivery.ledgers import LedgerScope
from domain.delivery.outcomes import Taken
from domain.delivery.reconciled import reconcile
from domain.delivery.reconciliation import ErpPeriod, ExpectedDocument, Reconciliation, compare
from domain.units import AMOUNT_ONE
from simulation.erp.books import FILE, ErpCompany
from simulation.erp.troubles import Trouble
from tests.erp.changes import changed
from tests.erp.contract import Plug
from tests.erp.plugs import BUSINESS_CENTRAL, DYNAMICS_FINANCE, NETSUITE
from tests.erp.simulated import Simulated, simulated
from tests.erp.test_simulated import BY_NAME

# With what lies beside it.
SCOPE = LedgerScope("1", date(2026, 4, 27), date(2026, 8, 5))
CHART = EntityChart("US", "main", subsidiary="1")


def documents(plug: Plug) -> list[JournalDocument]:
    """Three in dollars, one in euros at 1.10."""
    made = []
    for name, members in (("journal", "J-1"), ("journal", "J-2"), ("journal", "J-3"), ("journal_eur", "J-4")):
        found = plug.document(name)
        assert isinstance(found, JournalDocument)
        made.append(found._replace(key=key_of("journal", [members]), members=(members,)))
    return made


def compared(found: Simulated, sent: list[JournalDocument]) -> Reconciliation:
    june = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06", sent[0].period_id}))
    return compare(CHART, june, [ExpectedDocument(each, is_posted=True) for each in sent], found.erp.ledger(SCOPE))


@BY_NAME
def test_what_was_sent_and_what_the_adapter_reads_agree(plug: Plug, tmp_path: Path) -> None:
    """Dr 58 and Cr 4010: 3,000.00 USD, and 1,000.00 EUR, which Business Central has as 1,100.00 USD."""
    sent = documents(plug)
    with simulated(plug, tmp_path) as found:
        for each in sent:
            assert isinstance(found.settled(each), Taken)
        both = compared(found, sent)
    assert (both.differences, both.agreed) == ((), 4)
    debits = {each.currency: each.ours_debits // AMOUNT_ONE for each in both.sums if each.ours_debits}
    assert debits == ({"USD": 4_100} if plug.name == "business_central" else {"EUR": 1_000, "USD": 3_000})
    assert all(each[2:6] == each[6:10] for each in both.sums)


@BY_NAME
def test_one_that_is_not_there_and_one_that_nobody_knows_are_found(plug: Plug, tmp_path: Path) -> None:
    sent = documents(plug)
    with simulated(plug, tmp_path) as found:
        for each in sent[1:]:
            found.settled(each)
        both = compared(found, sent[:3])
    assert {each.key: each.cause for each in both.differences} == {sent[0].key: "missing", sent[3].key: "unknown"}


@BY_NAME
def test_what_somebody_changes_in_the_erp_is_found(plug: Plug, tmp_path: Path) -> None:
    """1,000.00 become 1,200.00; another is deleted; a third is in pounds, but for Business Central, whose ledger has one currency."""
    sent = documents(plug)
    with simulated(plug, tmp_path) as found:
        for each in sent:
            assert isinstance(found.settled(each), Taken)
        changed(tmp_path / "books", plug.name, amount=sent[0].key, deleted=sent[1].key, currency=sent[2].key)
        both = compared(found, sent)
    wanted = {sent[0].key: ("amount", 200), sent[1].key: ("missing", 1_000), sent[2].key: ("currency", 1_000)}
    if plug is BUSINESS_CENTRAL:
        del wanted[sent[2].key]
    assert {each.key: (each.cause, each.amount // AMOUNT_ONE) for each in both.differences} == wanted
    assert both.agreed == 4 - len(wanted)


def test_a_company_of_business_central_in_another_currency_is_found(tmp_path: Path) -> None:
    sent = documents(BUSINESS_CENTRAL)
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        for each in sent:
            found.settled(each)
    with simulated(BUSINESS_CENTRAL, tmp_path, companies=(ErpCompany("1", "GBP", "US"),)) as found:
        both = compared(found, sent)
    assert {each.key: each.cause for each in both.differences} == {each.key: "currency" for each in sent}


def test_a_file_that_somebody_edits_and_one_that_is_rejected_are_found(tmp_path: Path) -> None:
    """Both journals were posted; nobody can say what the ERP read of an edited file."""
    sent = documents(NETSUITE)[:3]
    options = {"folder": tmp_path, "layout": "netsuite_csv", "written_means": "posted"}
    erp = adapters.opened("books", Connection.model_validate({"kind": "files", "options": options}))
    for each in sent:
        assert [type(outcome) for outcome in erp.send([each])] == [Taken]
    june = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06", sent[0].period_id}))
    expected = [ExpectedDocument(each, is_posted=True) for each in sent]
    assert compare(CHART, june, expected, erp.ledger(SCOPE)).agreed == 3
    first = min(tmp_path.glob("*_000001.csv"))
    first.write_text(first.read_text().replace("1000", "1200"))
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "june.csv").write_text(
        f"key,reference,date,code,message\n{sent[1].key},,,ACCOUNT,inactive\n"
    )
    both = compare(CHART, june, expected, erp.ledger(SCOPE))
    assert {each.key: each.cause for each in both.differences} == {sent[0].key: "changed", sent[1].key: "missing"}
    assert both.agreed == 1


@pytest.mark.parametrize(
    ("trouble", "cause"), [(Trouble.UNPOSTED, "not_posted"), (Trouble.OTHER_PERIOD, "period")], ids=str
)
def test_one_that_netsuite_keeps_otherwise_than_it_was_sent_is_found(
    trouble: Trouble, cause: str, tmp_path: Path
) -> None:
    """Not approved for posting, or moved by a preference of the account to the next open period."""
    sent = documents(NETSUITE)[:2]
    with simulated(NETSUITE, tmp_path) as found:
        found.settled(sent[0])
        found.meets(trouble)
        found.settled(sent[1])
        both = compared(found, sent)
    assert [(each.key, each.cause) for each in both.differences] == [(sent[1].key, cause)]


def test_a_vendor_bill_in_netsuite_on_an_account_that_only_milepost_posts_to_is_found(tmp_path: Path) -> None:
    """500.00 of project cost that somebody entered as a bill. What a purchase order of 700.00 will cost is posted nowhere."""
    sent = documents(NETSUITE)[:1]
    with simulated(NETSUITE, tmp_path) as found:
        found.settled(sent[0])
        with sqlite3.connect(tmp_path / "books" / FILE, timeout=20) as books:
            for kind, posting, amount in (("VendBill", "T", 500), ("PurchOrd", "F", 700), ("VendPymt", "T", 900)):
                (number,) = books.execute(
                    'INSERT INTO "transaction" (externalid, type, voided, currency, exchangerate, postingperiod, trandate, memo, posting, '
                    "createddate, lastmodifieddate) SELECT NULL, ?, 'F', currency, exchangerate, postingperiod, trandate, '', ?, "
                    'createddate, lastmodifieddate FROM "transaction" WHERE externalid = ? RETURNING id',
                    [kind, posting, sent[0].key],
                ).fetchone()
                debited = "2000" if kind == "VendPymt" else "58"
                for at, (account, debit, credit) in enumerate(((debited, amount, None), ("1010", None, amount))):
                    foreign = amount if debit else -amount
                    books.execute("INSERT INTO transactionline VALUES (?, ?, '1', ?)", [number, at, foreign])
                    books.execute(
                        "INSERT INTO transactionaccountingline VALUES (?, ?, 1, ?, ?, ?)",
                        [number, at, account, debit, credit],
                    )
        books.close()
        ours = CHART._replace(accounts={"5000": (AccountRule("58"),)})
        june = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06", sent[0].period_id}))
        answered = [DocumentState(each, "posted") for each in sent]
        ((_, _, _, both),) = reconcile(ours, [june], answered, found.erp.ledger)
    assert [(each.cause, each.amount, each.account) for each in both.differences] == [
        ("by_hand", 500 * AMOUNT_ONE, "58")
    ]
    assert both.agreed == 1


@pytest.mark.parametrize(
    ("plug", "settings", "troubles", "lines"),
    [
        (DYNAMICS_FINANCE, {}, (None, Trouble.UNPOSTED), "LedgerJournalLines WHERE Document"),
        (BUSINESS_CENTRAL, {"options": {"tenant": "tenant", "post": False}}, (), "journalLines WHERE documentNumber"),
    ],
    ids=["dynamics365_finance", "business_central"],
)
def test_a_line_that_somebody_deletes_of_an_accepted_journal_is_found(
    plug: Plug, settings: dict[str, Any], troubles: tuple[Trouble | None, ...], lines: str, tmp_path: Path
) -> None:
    """Of debit and credit of 1,000.00 the debit goes. The ERP is asked again and again whether the journal is posted; the rest stays."""
    sent = documents(plug)[0]
    with simulated(plug, tmp_path, settings=settings) as found:
        found.meets(*troubles)
        outcome = found.send(sent)
        assert isinstance(outcome, Taken)
        assert not outcome.is_posted
        with sqlite3.connect(tmp_path / "books" / FILE, timeout=20) as books:
            assert books.execute(f"DELETE FROM {lines} = '{sent.key}' AND lineNumber IN (1, 10000)").rowcount == 1
        books.close()
        writes = found.books.troubles.writes
        assert found.erp.look_up([sent], {sent.key}) == {}
        assert found.books.troubles.writes == writes
        june = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06", sent.period_id}))
        (difference,) = compare(
            CHART, june, [ExpectedDocument(sent, is_posted=False)], found.erp.ledger(SCOPE)
        ).differences
        assert (difference.key, difference.cause, difference.amount) == (sent.key, "amount", 1_000 * AMOUNT_ONE)
        assert found.erp.look_up([sent]) == {}
        assert list(found.erp.ledger(SCOPE)) == [], "of one that did not arrive whole the rest goes"
