"""Adapters against simulated ERPs: each misbehaviour has its outcome, and each journal stands in the books once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import RSAKey

from domain.delivery.documents import InvoiceDocument, JournalDocument, key_of
from domain.delivery.outcomes import (
    CREDENTIALS,
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.units import AMOUNT_ONE, QUANTITY_ONE
from simulation.erp.books import FILE
from simulation.erp.troubles import Trouble
from tests.erp.contract import SCOPE, Plug, called
from tests.erp.plugs import BUSINESS_CENTRAL, DYNAMICS_FINANCE, NETSUITE, ORACLE_FUSION
from tests.erp.simulated import Simulated, simulated

ORACLE_OPTIONS = {**ORACLE_FUSION.settings["options"], "settle_seconds": 0}  # type: ignore[dict-item]
# An import whose answer was lost is among the processes at once here.
ORACLE = ORACLE_FUSION._replace(settings={"options": ORACLE_OPTIONS})
PLUGS = (NETSUITE, DYNAMICS_FINANCE, BUSINESS_CENTRAL, ORACLE)
BY_NAME = pytest.mark.parametrize("plug", PLUGS, ids=lambda plug: plug.name)
SENT = 1_000 * AMOUNT_ONE

# Of one journal: trouble, what the adapter says, how often it stands in the books then.
OUTCOMES: tuple[tuple[Plug, Trouble, type[Outcome], int], ...] = (
    (NETSUITE, Trouble.FAILS, Uncertain, 0),
    (NETSUITE, Trouble.CUT, Uncertain, 0),
    (NETSUITE, Trouble.THROTTLED, Throttled, 0),
    (NETSUITE, Trouble.LOST, Uncertain, 1),
    (NETSUITE, Trouble.FAILS_AFTER, Uncertain, 1),
    (NETSUITE, Trouble.HUGE, Uncertain, 1),
    # What is read back says more than the answer.
    (NETSUITE, Trouble.GARBAGE, Taken, 1),
    (NETSUITE, Trouble.DUPLICATE, Taken, 1),
    (NETSUITE, Trouble.OTHER_CURRENCY, RejectedData, 1),
    (NETSUITE, Trouble.OTHER_SUBSIDIARY, RejectedData, 1),
    (NETSUITE, Trouble.OTHER_PERIOD, Taken, 1),
    (NETSUITE, Trouble.UNPOSTED, Taken, 1),
    # Of a header; where its answer is lost it is looked for at once, and gets its lines.
    (DYNAMICS_FINANCE, Trouble.FAILS, Uncertain, 0),
    (DYNAMICS_FINANCE, Trouble.CUT, Uncertain, 0),
    (DYNAMICS_FINANCE, Trouble.THROTTLED, Throttled, 0),
    (DYNAMICS_FINANCE, Trouble.LOST, Taken, 1),
    (DYNAMICS_FINANCE, Trouble.FAILS_AFTER, Taken, 1),
    (DYNAMICS_FINANCE, Trouble.HUGE, Taken, 1),
    (DYNAMICS_FINANCE, Trouble.GARBAGE, Taken, 1),
    # Of the journal with its lines, which is posted by a second call.
    (BUSINESS_CENTRAL, Trouble.FAILS, Uncertain, 0),
    (BUSINESS_CENTRAL, Trouble.CUT, Uncertain, 0),
    (BUSINESS_CENTRAL, Trouble.THROTTLED, Throttled, 0),
    (BUSINESS_CENTRAL, Trouble.LOST, Taken, 1),
    (BUSINESS_CENTRAL, Trouble.FAILS_AFTER, Taken, 1),
    (BUSINESS_CENTRAL, Trouble.HUGE, Taken, 1),
    (BUSINESS_CENTRAL, Trouble.GARBAGE, Taken, 1),
    # It looks again before it believes a refusal.
    (BUSINESS_CENTRAL, Trouble.DUPLICATE, Taken, 1),
    # An import is taken and done later.
    (ORACLE, Trouble.FAILS, Uncertain, 0),
    (ORACLE, Trouble.CUT, Uncertain, 0),
    (ORACLE, Trouble.THROTTLED, Throttled, 0),
    (ORACLE, Trouble.LOST, Uncertain, 1),
    (ORACLE, Trouble.FAILS_AFTER, Uncertain, 1),
    (ORACLE, Trouble.HUGE, Uncertain, 1),
    (ORACLE, Trouble.GARBAGE, Uncertain, 1),
    (ORACLE, Trouble.UNPOSTED, Submitted, 1),
)
# The same of its lines, the second write.
OF_LINES: tuple[tuple[Trouble, type[Outcome], int], ...] = (
    (Trouble.FAILS, Uncertain, 0),
    (Trouble.CUT, Uncertain, 0),
    (Trouble.THROTTLED, Throttled, 0),
    (Trouble.LOST, Taken, 1),
    (Trouble.FAILS_AFTER, Taken, 1),
    (Trouble.HUGE, Taken, 1),
    (Trouble.GARBAGE, Taken, 1),
    (Trouble.PARTIAL, Uncertain, 1),
    (Trouble.UNPOSTED, Taken, 1),
)


def journal(plug: Plug) -> JournalDocument:
    found = plug.document("journal")
    assert isinstance(found, JournalDocument)
    return found


def journals(plug: Plug, count: int) -> list[JournalDocument]:
    members = [f"J-{number}" for number in range(count)]
    return [journal(plug)._replace(key=key_of("journal", [each]), members=(each,)) for each in members]


@pytest.fixture
def netsuite(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(NETSUITE, tmp_path) as found:
        yield found


@BY_NAME
def test_journals_stand_in_the_books_as_they_were_sent(plug: Plug, tmp_path: Path) -> None:
    """1,000.00 USD; 1,000.00 EUR at 1.10 = 1,100.00 USD, which is all that lines of Business Central know."""
    currency, in_it = ("USD", 11_000_000) if plug is BUSINESS_CENTRAL else ("EUR", SENT)
    with simulated(plug, tmp_path) as found:
        for name in ("journal", "journal_eur"):
            taken = found.settled(plug.document(name))
            assert isinstance(taken, Taken)
            assert taken.period == "2026-06"
        assert [
            (entry.currency, entry.is_posted, [(line.account, line.amount, line.ledger_amount) for line in entry.lines])
            for entry in found.books.entries()
        ] == [
            ("USD", True, [("58", SENT, SENT), ("4010", -SENT, -SENT)]),
            (currency, True, [("58", in_it, 11_000_000), ("4010", -in_it, -11_000_000)]),
        ]


@BY_NAME
def test_the_ledger_that_the_adapter_reads_is_that_of_the_books(plug: Plug, tmp_path: Path) -> None:
    with simulated(plug, tmp_path) as found:
        for name in ("journal", "journal_eur"):
            found.settled(plug.document(name))
        read = [(entry.key, entry.currency, entry.lines) for entry in found.erp.ledger(SCOPE)]
        assert read == [(entry.key, entry.currency, entry.lines) for entry in found.books.entries()]
        findings = called(found.erp, "check", [])
        assert isinstance(findings, list)
        assert [finding for finding in findings if not finding.is_right] == []


@BY_NAME
def test_sent_twice_it_is_there_once(plug: Plug, tmp_path: Path) -> None:
    document = journal(plug)
    with simulated(plug, tmp_path) as found:
        first = found.settled(document)
        there = found.erp.look_up([document, plug.document("journal_eur")])
        assert isinstance(first, Taken)
        assert isinstance(there, dict)
        assert list(there) == [document.key]
        assert there[document.key].reference == first.reference
        again = found.settled(document)
        assert isinstance(again, Taken)
        assert again.reference == first.reference
        assert found.keys() == {document.key: 1}
        assert len(found.books.entries()[0].lines) == 2


@pytest.mark.parametrize(
    ("plug", "trouble", "kind", "times"), OUTCOMES, ids=[f"{each[0].name}-{each[1]}" for each in OUTCOMES]
)
def test_each_trouble_has_its_outcome(
    plug: Plug, trouble: Trouble, kind: type[Outcome], times: int, tmp_path: Path
) -> None:
    document = journal(plug)
    with simulated(plug, tmp_path) as found:
        found.meets(trouble)
        outcome = found.send(document)
        assert isinstance(outcome, kind), outcome
        assert found.keys() == ({document.key: times} if times else {})
        match trouble, outcome:
            case Trouble.OTHER_PERIOD, Taken():
                assert outcome.period == "Jul 2026"
            case Trouble.UNPOSTED, Taken():
                assert not outcome.is_posted
            case Trouble.DUPLICATE, Taken():
                assert outcome.is_duplicate
            case ((Trouble.OTHER_CURRENCY | Trouble.OTHER_SUBSIDIARY), RejectedData()):
                assert outcome.code == trouble.value.upper()
        assert isinstance(found.settled(document), Taken)
        assert found.keys() == {document.key: 1}


@pytest.mark.parametrize(("trouble", "kind", "times"), OF_LINES, ids=[each[0] for each in OF_LINES])
def test_a_header_without_its_lines_is_no_journal(
    trouble: Trouble, kind: type[Outcome], times: int, tmp_path: Path
) -> None:
    document = journal(DYNAMICS_FINANCE)
    with simulated(DYNAMICS_FINANCE, tmp_path) as found:
        found.meets(None, trouble)
        outcome = found.send(document)
        assert isinstance(outcome, kind), outcome
        assert found.keys() == ({document.key: times} if times else {})
        settled = found.settled(document)
        assert isinstance(settled, Taken)
        assert found.keys() == {document.key: 1}
        assert [len(entry.lines) for entry in found.books.entries()] == [2]


def test_a_header_is_taken_back_although_the_answers_of_its_deletion_are_lost(tmp_path: Path) -> None:
    document = journal(DYNAMICS_FINANCE)
    with simulated(DYNAMICS_FINANCE, tmp_path) as found:
        found.meets(None, Trouble.FAILS)
        assert isinstance(found.send(document), Uncertain)
        found.meets(Trouble.LOST, Trouble.CUT)
        assert found.erp.look_up([document]) == {}
        assert isinstance(found.send(document), Taken)
        assert found.keys() == {document.key: 1}


def test_what_is_due_is_posted_before_a_month_is_closed(tmp_path: Path) -> None:
    with simulated(DYNAMICS_FINANCE, tmp_path) as found:
        assert isinstance(taken := found.send(journal(DYNAMICS_FINANCE)), Taken)
        assert not taken.is_posted
        found.act("close=2026-06")
        assert [entry.is_posted for entry in found.books.entries()] == [True]


@pytest.mark.parametrize(
    ("trouble", "code"), [(Trouble.OTHER_CURRENCY, "OTHER_CURRENCY"), (Trouble.OTHER_SUBSIDIARY, "OTHER_COMPANY")]
)
def test_a_journal_that_dynamics_has_otherwise_is_rejected_by_name(trouble: Trouble, code: str, tmp_path: Path) -> None:
    document = journal(DYNAMICS_FINANCE)
    with simulated(DYNAMICS_FINANCE, tmp_path) as found:
        found.meets(*((trouble,) if trouble is Trouble.OTHER_SUBSIDIARY else (None, trouble)))
        found.send(document)
        outcome = found.send(document)
        assert isinstance(outcome, RejectedData)
        assert outcome.code == code
        assert found.keys() == {document.key: 1}


@BY_NAME
def test_a_closed_month_is_told_from_other_mistakes(plug: Plug, tmp_path: Path) -> None:
    with simulated(plug, tmp_path) as found:
        found.act("close=2026-06")
        assert isinstance(found.settled(journal(plug)), RejectedPeriod)
        assert found.keys() == {}
        found.act("open=2026-06")
        assert isinstance(found.settled(journal(plug)), Taken)


@BY_NAME
def test_a_refused_account_and_a_refused_department_are_rejected_data(plug: Plug, tmp_path: Path) -> None:
    with simulated(plug, tmp_path) as found:
        found.act("refuse=58", "refuse=department=12")
        first = found.settled(journal(plug))
        found.act("take=58")
        second = found.settled(journal(plug))
        assert [type(each) for each in (first, second)] == [RejectedData] * 2
        if plug is NETSUITE:
            assert [getattr(each, "field", None) for each in (first, second)] == [
                "line.items[0].account",
                "line.items[1].department",
            ]
        assert found.keys() == {}
        found.act("take=department=12")
        assert isinstance(found.settled(journal(plug)), Taken)
        assert found.keys() == {journal(plug).key: 1}


@BY_NAME
def test_an_unknown_customer_is_rejected_data_and_journals_go_on(plug: Plug, tmp_path: Path) -> None:
    """Until somebody has entered him there."""
    invoice = plug.document("invoice")
    assert isinstance(invoice, InvoiceDocument)
    with simulated(plug, tmp_path) as found:
        found.act(f"refuse=customer={invoice.customer}")
        refused = found.settled(invoice)
        assert isinstance(refused, RejectedData)
        assert isinstance(found.settled(journal(plug)), Taken)
        found.act(f"take=customer={invoice.customer}")
        assert isinstance(found.settled(invoice), Taken)


@BY_NAME
def test_expired_credentials_are_renewed(plug: Plug, tmp_path: Path) -> None:
    with simulated(plug, tmp_path) as found:
        found.settled(journal(plug))
        found.act("expire")
        assert isinstance(found.send(plug.document("journal_eur")), Taken | Submitted)


@BY_NAME
def test_a_wrong_secret_gets_no_token_and_a_wrong_token_no_answer(plug: Plug, tmp_path: Path) -> None:
    """The first call and the check say that the credentials are wrong; nothing stands in the books."""
    with simulated(plug, tmp_path) as found:
        secret = next(path for name in ("rsa.pem", "client_secret") if (path := tmp_path / name).exists())
        right = secret.read_text()
        secret.write_text(
            RSAKey.generate_key(2_048, private=True).as_pem(private=True).decode()
            if secret.name == "rsa.pem"
            else "of another client"
        )
        outcome = found.send(journal(plug))
        assert isinstance(outcome, NotSent)
        assert (outcome.why, "invalid_client" in outcome.message) == (CREDENTIALS, True)
        assert {
            "credentials" in each.remedy
            for each in found.erp.check([SCOPE.subsidiary], SCOPE.until)
            if not each.is_right
        } == {True}
        assert found.keys() == {}
        secret.write_text(right)
        assert isinstance(found.settled(journal(plug)), Taken)
        answers = {
            httpx2.get(f"{found.serving.url}/api/v2.0/companies", headers=headers, trust_env=False).status_code
            for headers in ({}, {"authorization": "Bearer simulated-7"}, {"authorization": "Basic of somebody"})
        }
        assert answers == {401}


@BY_NAME
def test_while_it_is_down_nothing_is_known_and_while_it_is_away_nothing_was_sent(plug: Plug, tmp_path: Path) -> None:
    document = journal(plug)
    with simulated(plug, tmp_path) as found:
        found.act("down=600")
        assert isinstance(found.send(document), NotSent | Uncertain)
        found.act("down=0", "away=600")
        outcome = found.send(document)
        assert isinstance(outcome, NotSent)
        assert outcome.why == UNREACHABLE
        found.act("away=0")
        assert isinstance(found.settled(document), Taken)
        assert found.keys() == {document.key: 1}


@BY_NAME
def test_books_outlive_their_process(plug: Plug, tmp_path: Path) -> None:
    with simulated(plug, tmp_path) as found:
        found.settled(journal(plug))
        found.act("close=2026-06")
    with simulated(plug, tmp_path) as found:
        assert found.keys() == {journal(plug).key: 1}
        assert isinstance(found.settled(plug.document("journal_eur")), RejectedPeriod)


@BY_NAME
def test_a_bad_day_leaves_each_journal_once(plug: Plug, tmp_path: Path) -> None:
    """Of a hundred writes 30 are lost after they were done; calls fail, are cut, throttled and answered with garbage."""
    troubles = ("lost=30", "throttled=10", "fails=5", "cut=5", "garbage=3", "fails_after=5", "away=0@25")
    documents = journals(plug, 60)
    with simulated(plug, tmp_path, troubles=troubles, seed=11) as found:
        outcomes = [found.settled(document) for document in documents]
        assert {type(each) for each in outcomes} == {Taken}
        assert found.keys() == {document.key: 1 for document in documents}
        debits = [line.amount for entry in found.books.entries() for line in entry.lines if line.amount > 0]
        assert debits == [SENT] * 60
        met = found.books.troubles.met
    assert met[Trouble.LOST] > 10
    assert met[Trouble.THROTTLED] > 5


def test_an_invoice_gets_its_tax_from_the_erp(netsuite: Simulated) -> None:
    """1,500.00 of services and 80.00 of travel with 19 % = 1,880.20."""
    outcome = netsuite.send(NETSUITE.document("invoice"))
    assert isinstance(outcome, Taken)
    assert (outcome.tax_amount, outcome.exchange_rate) == (3_002_000, 10**12)
    assert [(line.account, line.ledger_amount) for line in netsuite.books.entries()[0].lines] == [
        ("1100", 18_802_000),
        ("901", -15_000_000),
        ("902", -800_000),
        ("2400", -3_002_000),
    ]


@pytest.mark.parametrize("plug", [NETSUITE, DYNAMICS_FINANCE, BUSINESS_CENTRAL], ids=lambda plug: plug.name)
def test_tax_of_a_simulated_erp_is_in_whole_cents_of_the_sum(plug: Plug, tmp_path: Path) -> None:
    """19 % of 5.03 twice is 1.9114, so 1.91; rounded by line it would be 1.92."""
    invoice = plug.document("invoice")
    assert isinstance(invoice, InvoiceDocument)
    line = invoice.lines[0]._replace(amount=50_300, quantity=QUANTITY_ONE, rate=5_030_000)
    invoice = invoice._replace(lines=(line, line), amount=100_600)
    with simulated(plug, tmp_path) as found:
        found.settled(invoice)
        there = found.erp.look_up([invoice])
        assert isinstance(there, dict)
        assert there[invoice.key].tax_amount == 19_100


def test_dynamics_numbers_and_taxes_an_invoice_when_it_posts_it(tmp_path: Path) -> None:
    invoice = DYNAMICS_FINANCE.document("invoice")
    with simulated(DYNAMICS_FINANCE, tmp_path) as found:
        sent = found.send(invoice)
        assert isinstance(sent, Taken)
        assert not sent.is_posted
        there = found.erp.look_up([invoice])
        assert isinstance(there, dict)
        posted = there[invoice.key]
        assert (posted.is_posted, posted.reference[:4], posted.tax_amount) == (True, "FTI-", 3_002_000)


@pytest.mark.parametrize(
    ("plug", "options", "asked", "stands"),
    [
        (NETSUITE, {}, 'SELECT tranid, memo FROM "transaction"', ("INV-2026-00017", "INV-2026-00017, Milepost S-1")),
        (NETSUITE, {"own_numbers": False}, 'SELECT tranid FROM "transaction"', (None,)),
        (DYNAMICS_FINANCE, {}, "SELECT CustomerRequisition FROM FreeTextInvoiceHeaders", ("INV-2026-00017",)),
        (BUSINESS_CENTRAL, {}, "SELECT customerPurchaseOrderReference FROM salesInvoices", ("INV-2026-00017",)),
        (
            ORACLE,
            {},
            "SELECT EventDescription FROM projectBillingEvents WHERE EventId = 1",
            ("INV-2026-00017, Consulting",),
        ),
    ],
    ids=lambda each: each.name if isinstance(each, Plug) else None,
)
def test_the_erp_has_the_number_that_the_client_holds(
    plug: Plug, options: Mapping[str, object], asked: str, stands: tuple[object, ...], tmp_path: Path
) -> None:
    plug = plug._replace(settings={"options": {**plug.settings["options"], **options}})  # type: ignore[dict-item]
    with simulated(plug, tmp_path) as found:
        assert isinstance(found.settled(plug.document("invoice_numbered")), Taken)
        with closing(sqlite3.connect(tmp_path / "books" / FILE)) as books:
            assert books.execute(asked).fetchall() == [stands]


def test_dynamics_keeps_a_number_that_is_the_invoices_own(tmp_path: Path) -> None:
    options = {**DYNAMICS_FINANCE.settings["options"], "own_numbers": True}  # type: ignore[dict-item]
    plug = DYNAMICS_FINANCE._replace(settings={"options": options})
    invoice = plug.document("invoice_numbered")
    with simulated(plug, tmp_path) as found:
        found.send(invoice)
        there = found.erp.look_up([invoice])
        assert isinstance(there, dict)
        assert there[invoice.key].reference == "INV-2026-00017"


def test_without_replace_lines_are_added_to_those_that_are_there(netsuite: Simulated) -> None:
    """What the adapter is careful about: the same record by a careless client has four lines."""
    url = f"{netsuite.serving.url}/services/rest"
    token = netsuite.books.token
    sides = [{"account": {"id": "58"}, "debit": 5}, {"account": {"id": "4010"}, "credit": 5}]
    body = {"subsidiary": {"id": "1"}, "tranDate": "2026-06-30", "line": {"items": sides}}
    for _ in range(2):
        answer = httpx2.put(
            f"{url}/record/v1/journalEntry/eid:K-1",
            json=body,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert answer.status_code == 204
    assert [(entry.key, len(entry.lines)) for entry in netsuite.books.entries()] == [("K-1", 4)]


def test_what_is_done_after_the_caller_has_gone_is_done_once(tmp_path: Path) -> None:
    document = journal(NETSUITE)
    with simulated(NETSUITE, tmp_path, call_seconds=0.3, late_seconds=0.6) as found:
        found.meets(Trouble.LATE)
        assert isinstance(found.send(document), Uncertain)
        assert found.keys() == {}
        assert isinstance(found.send(document), Taken)
        until = time.monotonic() + 20
        while found.books.at_once and time.monotonic() < until:
            time.sleep(0.01)
        assert found.keys() == {document.key: 1}
        assert len(found.books.entries()[0].lines) == 2


def test_more_calls_at_once_than_it_takes_are_throttled(tmp_path: Path) -> None:
    with simulated(NETSUITE, tmp_path, concurrent=2, latency_seconds=0.2) as found:
        found.send(journal(NETSUITE))
        with ThreadPoolExecutor(6) as threads:
            outcomes = list(threads.map(found.send, journals(NETSUITE, 6)))
    assert Throttled in {type(each) for each in outcomes} <= {Throttled, Taken, Uncertain}


def test_a_delivery_meets_the_same_troubles_again(tmp_path: Path) -> None:
    met = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with simulated(NETSUITE, tmp_path / name, troubles=("lost=30", "fails=20"), seed=3) as found:
            met.append([type(found.send(document)) for document in journals(NETSUITE, 20)])
    assert met[0] == met[1]
    assert {Uncertain, Taken} == set(met[0])


def test_it_is_told_from_outside_what_goes_wrong(netsuite: Simulated) -> None:
    document = journal(NETSUITE)
    url = f"{netsuite.serving.url}/simulated"
    told = httpx2.post(f"{url}/troubles", json={"add": ["close=2026-05"], "next_writes": ["lost"]}, trust_env=False)
    assert told.status_code == 200
    assert isinstance(netsuite.send(document), Uncertain)
    assert [each["key"] for each in httpx2.get(f"{url}/ledger", trust_env=False).json()] == [document.key]
    assert httpx2.get(f"{url}/counts", trust_env=False).json()["troubles"] == {"lost": 1}
    wrong = httpx2.post(f"{url}/troubles", json={"add": ["rain=3"]}, trust_env=False)
    assert wrong.status_code == 400
    assert "rain=3: expected one of fails, cut" in wrong.json()["error"]
