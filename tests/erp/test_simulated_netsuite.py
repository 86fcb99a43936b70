"""NetSuite's adapter against the simulated NetSuite: each misbehaviour has its outcome, and each journal stands in the books once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from domain.delivery.documents import JournalDocument, key_of
from domain.delivery.outcomes import (
    CREDENTIALS,
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Taken,
    Throttled,
    Uncertain,
)
from domain.units import AMOUNT_ONE
from simulation.erp.troubles import Trouble
from tests.erp.contract import DOCUMENTS, SCOPE
from tests.erp.plugs import NETSUITE
from tests.erp.simulated import Simulated, simulated

JOURNAL = DOCUMENTS["journal"]
IN_EURO = DOCUMENTS["journal_eur"]
INVOICE = DOCUMENTS["invoice"]


@pytest.fixture
def netsuite(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(NETSUITE, tmp_path) as found:
        yield found


def journals(count: int) -> list[JournalDocument]:
    assert isinstance(JOURNAL, JournalDocument)
    members = [f"J-{number}" for number in range(count)]
    return [JOURNAL._replace(key=key_of("journal", [each]), members=(each,)) for each in members]


def test_journals_and_invoices_stand_in_the_books_as_they_were_sent(netsuite: Simulated) -> None:
    """1,000.00 USD; 1,000.00 EUR at 1.10; 1,580.00 of services and travel with 19 % tax = 1,880.20."""
    outcomes = [netsuite.send(document) for document in (JOURNAL, IN_EURO, INVOICE)]
    assert [(type(each), getattr(each, "is_duplicate", None)) for each in outcomes] == [(Taken, False)] * 3
    assert [getattr(each, "period", None) for each in outcomes] == ["2026-06"] * 3
    assert getattr(outcomes[2], "tax_amount", None) == 3_002_000
    euro, invoice = netsuite.books.entries()[1:]
    assert [(line.account, line.amount, line.ledger_amount) for line in euro.lines] == [
        ("58", 1_000 * AMOUNT_ONE, 1_100 * AMOUNT_ONE),
        ("4010", -1_000 * AMOUNT_ONE, -1_100 * AMOUNT_ONE),
    ]
    assert [(line.account, line.ledger_amount) for line in invoice.lines] == [
        ("1100", 18_802_000),
        ("901", -15_000_000),
        ("902", -800_000),
        ("2400", -3_002_000),
    ]


def test_the_ledger_that_the_adapter_reads_is_that_of_the_books(netsuite: Simulated) -> None:
    for document in (JOURNAL, IN_EURO):
        netsuite.send(document)
    found = [(entry.key, entry.lines) for entry in netsuite.erp.ledger(SCOPE)]
    assert found == [(entry.key, entry.lines) for entry in netsuite.books.entries()]
    assert [finding for finding in netsuite.erp.check() if not finding.is_right] == []


def test_sent_twice_it_is_there_once(netsuite: Simulated) -> None:
    first = netsuite.send(JOURNAL)
    again = netsuite.erp.look_up([JOURNAL, IN_EURO])
    assert isinstance(first, Taken)
    assert again == {JOURNAL.key: first._replace(is_duplicate=True)}
    netsuite.send(JOURNAL)
    assert len(netsuite.books.entries()[0].lines) == 2
    assert netsuite.keys() == {JOURNAL.key: 1}


@pytest.mark.parametrize(
    ("trouble", "kind", "is_there"),
    [
        (Trouble.FAILS, Uncertain, False),
        (Trouble.CUT, Uncertain, False),
        (Trouble.THROTTLED, Throttled, False),
        (Trouble.LOST, Uncertain, True),
        (Trouble.FAILS_AFTER, Uncertain, True),
        (Trouble.HUGE, Uncertain, True),
        (Trouble.GARBAGE, Taken, True),
        (Trouble.DUPLICATE, Taken, True),
        (Trouble.OTHER_CURRENCY, RejectedData, True),
        (Trouble.OTHER_SUBSIDIARY, RejectedData, True),
        (Trouble.OTHER_PERIOD, Taken, True),
        (Trouble.UNPOSTED, Taken, True),
    ],
)
def test_each_trouble_has_its_outcome(
    netsuite: Simulated, trouble: Trouble, kind: type[Outcome], is_there: bool
) -> None:
    netsuite.meets(trouble)
    outcome = netsuite.send(JOURNAL)
    assert isinstance(outcome, kind), outcome
    assert netsuite.keys() == ({JOURNAL.key: 1} if is_there else {})
    match trouble, outcome:
        case Trouble.OTHER_PERIOD, Taken():
            assert outcome.period == "Jul 2026"
        case Trouble.UNPOSTED, Taken():
            assert not outcome.is_posted
        case Trouble.DUPLICATE, Taken():
            assert outcome.is_duplicate
        case ((Trouble.OTHER_CURRENCY | Trouble.OTHER_SUBSIDIARY), RejectedData()):
            assert outcome.code == trouble.value.upper()
            assert isinstance(netsuite.send(JOURNAL), Taken), "written again as it should be"
    assert netsuite.settled(JOURNAL)
    assert netsuite.keys() == {JOURNAL.key: 1}


def test_what_is_done_after_the_caller_has_gone_is_done_once(tmp_path: Path) -> None:
    with simulated(NETSUITE, tmp_path, call_seconds=0.3, late_seconds=0.6) as netsuite:
        netsuite.meets(Trouble.LATE)
        assert isinstance(netsuite.send(JOURNAL), Uncertain)
        assert netsuite.keys() == {}
        assert isinstance(netsuite.send(JOURNAL), Taken)
        until = time.monotonic() + 20
        while netsuite.books.at_once and time.monotonic() < until:
            time.sleep(0.01)
        assert netsuite.keys() == {JOURNAL.key: 1}
        assert len(netsuite.books.entries()[0].lines) == 2


def test_a_closed_month_is_told_from_other_mistakes(netsuite: Simulated) -> None:
    netsuite.act("close=2026-06")
    assert isinstance(netsuite.send(JOURNAL), RejectedPeriod)
    assert isinstance(netsuite.send(INVOICE), RejectedPeriod)
    netsuite.act("open=2026-06")
    assert isinstance(netsuite.send(JOURNAL), Taken)


def test_a_refused_account_and_a_refused_department_name_their_field(netsuite: Simulated) -> None:
    netsuite.act("refuse=58", "refuse=department=12")
    first = netsuite.send(JOURNAL)
    netsuite.act("take=58")
    second = netsuite.send(JOURNAL)
    assert [getattr(each, "field", None) for each in (first, second)] == [
        "line.items[0].account",
        "line.items[1].department",
    ]
    assert netsuite.keys() == {}


def test_expired_credentials_are_renewed_and_refused_ones_send_nothing(netsuite: Simulated) -> None:
    netsuite.act("expire")
    assert isinstance(netsuite.send(JOURNAL), Taken)


def test_while_it_is_down_nothing_is_known_and_while_it_is_away_nothing_was_sent(netsuite: Simulated) -> None:
    netsuite.act("down=600")
    assert isinstance(netsuite.send(JOURNAL), NotSent | Uncertain)
    netsuite.act("down=0", "away=600")
    outcome = netsuite.send(JOURNAL)
    assert isinstance(outcome, NotSent)
    assert outcome.why in {UNREACHABLE, CREDENTIALS}
    netsuite.act("away=0")
    assert isinstance(netsuite.settled(JOURNAL), Taken)
    assert netsuite.keys() == {JOURNAL.key: 1}


def test_books_outlive_their_process(tmp_path: Path) -> None:
    with simulated(NETSUITE, tmp_path) as netsuite:
        netsuite.send(JOURNAL)
        netsuite.act("close=2026-06")
    with simulated(NETSUITE, tmp_path) as netsuite:
        assert netsuite.keys() == {JOURNAL.key: 1}
        assert isinstance(netsuite.send(IN_EURO), RejectedPeriod)


def test_more_calls_at_once_than_it_takes_are_throttled(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with simulated(NETSUITE, tmp_path, concurrent=2, latency_seconds=0.2) as netsuite:
        netsuite.send(JOURNAL)
        with ThreadPoolExecutor(6) as threads:
            outcomes = list(threads.map(netsuite.send, journals(6)))
    assert Throttled in {type(each) for each in outcomes} <= {Throttled, Taken, Uncertain}


def test_a_bad_day_leaves_each_journal_once(tmp_path: Path) -> None:
    """Of a hundred writes 30 are lost after they were done; calls fail, are cut, throttled and answered with garbage."""
    troubles = ("lost=30", "throttled=10", "fails=5", "cut=5", "garbage=3", "fails_after=5", "away=0@25")
    documents = journals(60)
    with simulated(NETSUITE, tmp_path, troubles=troubles, seed=11) as netsuite:
        outcomes = [netsuite.settled(document) for document in documents]
        assert {type(each) for each in outcomes} == {Taken}
        assert netsuite.keys() == {document.key: 1 for document in documents}
        assert sum(line.amount for entry in netsuite.books.entries() for line in entry.lines if line.amount > 0) == (
            60_000 * AMOUNT_ONE
        )
        met = netsuite.books.troubles.met
    assert met[Trouble.LOST] > 10
    assert met[Trouble.THROTTLED] > 5


def test_a_delivery_meets_the_same_troubles_again(tmp_path: Path) -> None:
    met = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with simulated(NETSUITE, tmp_path / name, troubles=("lost=30", "fails=20"), seed=3) as netsuite:
            met.append([type(netsuite.send(document)) for document in journals(20)])
    assert met[0] == met[1]
    assert {Uncertain, Taken} == set(met[0])


def test_it_is_told_from_outside_what_goes_wrong(netsuite: Simulated) -> None:
    url = f"{netsuite.serving.url}/simulated"
    told = httpx2.post(f"{url}/troubles", json={"add": ["close=2026-05"], "next_writes": ["lost"]}, trust_env=False)
    assert told.status_code == 200
    assert isinstance(netsuite.send(JOURNAL), Uncertain)
    assert [each["key"] for each in httpx2.get(f"{url}/ledger", trust_env=False).json()] == [JOURNAL.key]
    assert httpx2.get(f"{url}/counts", trust_env=False).json()["troubles"] == {"lost": 1}
    wrong = httpx2.post(f"{url}/troubles", json={"add": ["rain=3"]}, trust_env=False)
    assert wrong.status_code == 400
    assert "rain=3: expected one of fails, cut" in wrong.json()["error"]
