"""Oracle Fusion's adapter against the simulated Fusion, in what only an import has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx2

from domain.delivery.documents import DocumentLine, JournalDocument, key_of
from domain.delivery.outcomes import Outcome, RejectedData, Submitted, Taken, Uncertain
from domain.units import AMOUNT_ONE
from simulation.erp.troubles import Trouble
from tests.erp.contract import SCOPE
from tests.erp.plugs import ORACLE_FUSION
from tests.erp.simulated import Simulated, simulated

OPTIONS = {**ORACLE_FUSION.settings["options"], "settle_seconds": 0}  # type: ignore[dict-item]


def journals(count: int) -> list[JournalDocument]:
    whole = ORACLE_FUSION.document("journal")
    assert isinstance(whole, JournalDocument)
    return [whole._replace(key=key_of("journal", [f"J-{at}"]), members=(f"J-{at}",)) for at in range(count)]


def sent(found: Simulated, documents: Sequence[JournalDocument]) -> Sequence[Outcome]:
    """What became of them in one import."""
    submitted = found.erp.send(documents)
    (ticket,) = {each.ticket for each in submitted if isinstance(each, Submitted)}
    outcomes = None
    while outcomes is None:
        outcomes = found.erp.poll(ticket, documents)
    return outcomes


def test_one_bad_journal_holds_up_the_others_of_its_import_and_they_go_again(tmp_path: Path) -> None:
    first, wrong, last = journals(3)
    lines = tuple(line._replace(account="66") if line.account == "58" else line for line in wrong.lines)
    wrong = wrong._replace(lines=lines)
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": OPTIONS}) as found:
        found.act("refuse=66")
        outcomes = sent(found, [first, wrong, last])
        assert [type(each) for each in outcomes] == [Uncertain, RejectedData, Uncertain]
        assert found.keys() == {}
        assert [type(each) for each in sent(found, [first, last])] == [Taken, Taken]
        assert found.keys() == {first.key: 1, last.key: 1}


def test_an_import_that_does_not_say_what_is_wrong_is_taken_apart(tmp_path: Path) -> None:
    documents = journals(2)
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": OPTIONS}) as found:
        found.meets(Trouble.PARTIAL)
        assert [type(each) for each in sent(found, documents)] == [Uncertain, Uncertain]
        for document in documents:
            assert isinstance(found.settled(document), Taken)
        assert found.keys() == {document.key: 1 for document in documents}


def test_while_an_import_that_may_hold_it_runs_a_journal_is_neither_there_nor_missing(tmp_path: Path) -> None:
    """Its answer was lost; sent again, it would be there twice."""
    (document,) = journals(1)
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": OPTIONS}, posting_seconds=600) as found:
        found.meets(Trouble.LOST)
        assert isinstance(found.send(document), Uncertain)
        assert isinstance(found.erp.look_up([document]), Uncertain)
        assert found.keys() == {}


def test_a_file_for_another_account_of_the_content_server_is_not_imported(tmp_path: Path) -> None:
    (document,) = journals(1)
    options = {**OPTIONS, "document_account": "fin/payables/import"}
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": options}) as found:
        (outcome,) = sent(found, [document])
        assert isinstance(outcome, Uncertain)
        assert found.keys() == {}


def test_autopost_posts_what_was_imported(tmp_path: Path) -> None:
    (document,) = journals(1)
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": {**OPTIONS, "autopost": "11,2001"}}) as found:
        found.meets(Trouble.UNPOSTED)
        (outcome,) = sent(found, [document])
        assert isinstance(outcome, Taken)
        assert not outcome.is_posted
        there = found.erp.look_up([document])
        assert isinstance(there, dict)
        assert there[document.key].is_posted


def test_a_journal_of_many_lines_is_read_whole(tmp_path: Path) -> None:
    """61 lines: 60 debits of 1.00 and one credit of 60.00; 25 come with the journal."""
    (document,) = journals(1)
    debits = [DocumentLine("58", AMOUNT_ONE, AMOUNT_ONE, "1150") for _ in range(60)]
    document = document._replace(lines=(*debits, DocumentLine("4010", -60 * AMOUNT_ONE, -60 * AMOUNT_ONE, "4000")))
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": OPTIONS}) as found:
        assert isinstance(found.settled(document), Taken)
        (entry,) = found.erp.ledger(SCOPE)
        assert (len(entry.lines), sum(line.amount for line in entry.lines)) == (61, 0)
        assert entry.lines == found.books.entries()[0].lines


def test_an_invoice_whose_answer_was_lost_has_each_line_once(tmp_path: Path) -> None:
    """10 hours at 150.00 and travel of 80.00 are two billing events, made together; Fusion has not invoiced them yet."""
    invoice = ORACLE_FUSION.document("invoice")
    with simulated(ORACLE_FUSION, tmp_path, settings={"options": OPTIONS}) as found:
        found.act("refuse=Milepost Time")
        assert isinstance(found.send(invoice), RejectedData)
        found.act("take=Milepost Time")
        found.meets(Trouble.LOST)
        assert isinstance(found.send(invoice), Uncertain)
        taken = found.settled(invoice)
        assert isinstance(taken, Taken)
        assert (taken.is_posted, taken.is_duplicate) == (False, True)
        answer = httpx2.get(
            f"{found.serving.url}/fscmRestApi/resources/11.13.18.05/projectBillingEvents",
            headers={"authorization": f"Bearer {found.books.token}"},
            trust_env=False,
        )
        assert [(each["SourceReference"], each["BillTrnsAmount"]) for each in answer.json()["items"]] == [
            (f"{invoice.key}-1", 1_500),
            (f"{invoice.key}-2", 80),
        ]
