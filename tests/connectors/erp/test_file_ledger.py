"""A file ledger writes each key once, wherever it dies, and knows what people answer."""

from __future__ import annotations

import os
import threading
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from connectors.erp import file_manifest
from connectors.erp.adapter import ErpUnreadable, Limits
from connectors.erp.connection import Connection, WrongConnection
from connectors.erp.fallback import BesideFiles
from connectors.erp.file_ledger import FileLedger, FileOptions, open_erp
from connectors.files.writing import write_all
from domain.delivery.documents import Document, JournalDocument
from domain.delivery.ledgers import LedgerScope
from domain.delivery.outcomes import UNREACHABLE, NotSent, RejectedData, RejectedPeriod, Submitted, Taken, Uncertain
from tests.connectors.erp.file_samples import INVOICE, MADE, REVENUE, journal, line

OTHER = journal(line("1410", "5"), line("4400", "-5"), name="other")
TODAY = date(2026, 7, 1)
JUNE = LedgerScope("55003", date(2026, 6, 1), date(2026, 6, 30))


def ledger(folder: Path, means: str = "accepted") -> FileLedger:
    options = FileOptions.model_validate(
        {
            "folder": folder,
            "layout": "netsuite_csv",
            "written_means": means,
            "netsuite_csv": {"segments": {"department": "Department"}},
        }
    )
    return FileLedger(options, lambda: MADE.at)


def keys_in(folder: Path) -> list[str]:
    """Of all files, each document once where it is written once."""
    found = []
    for path in sorted(folder.glob("*_*.csv")):
        rows = path.read_text().splitlines()[1:]
        found += list(dict.fromkeys(row.partition(",")[0] for row in rows))
    return found


def answer(folder: Path, name: str, *rows: str) -> None:
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers" / name).write_text("".join(f"{row}\n" for row in ("key,reference,date,code,message", *rows)))


def test_a_call_is_one_file_and_the_manifest_names_its_rows(tmp_path: Path) -> None:
    outcomes = ledger(tmp_path).send([REVENUE, OTHER])
    name = "journals_55003_2026-06_000001.csv"
    assert outcomes == [Taken(name, date(2026, 6, 30), is_posted=False)] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "manifest.jsonl"]
    manifest = file_manifest.Manifest(tmp_path, 1.0)
    with manifest.held():
        (file,) = manifest.files
    assert file.sha256 == file_manifest.digest((tmp_path / name).read_bytes())
    assert [(each.key, each.first_row, each.last_row) for each in file.documents] == [
        (REVENUE.key, 2, 3),
        (OTHER.key, 4, 5),
    ]


def test_limits_are_those_of_the_account(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path), "layout": "netsuite_csv", "documents_a_file": 20}
    stated = Connection.model_validate({"kind": "files", "lines": 50, "call_seconds": 5, "options": options})
    limits = open_erp("books", stated).limits
    assert (limits.lines, limits.call_seconds, limits.documents, limits.concurrent) == (50, 5.0, 20, 1)


def test_journals_and_invoices_have_files_of_their_own(tmp_path: Path) -> None:
    ledger(tmp_path).send([REVENUE, INVOICE])
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == [
        "invoices_55003_2026-06_000002.csv",
        "journals_55003_2026-06_000001.csv",
    ]


def test_what_was_written_is_a_duplicate_also_where_its_file_was_moved_away(tmp_path: Path) -> None:
    (before,) = ledger(tmp_path).send([REVENUE])
    assert isinstance(before, Taken)
    (tmp_path / before.reference).unlink()
    again = ledger(tmp_path)
    assert again.send([REVENUE]) == [before._replace(is_duplicate=True)]
    assert again.look_up([REVENUE, OTHER]) == {REVENUE.key: before._replace(is_duplicate=True)}
    assert keys_in(tmp_path) == []


def test_a_manifest_that_another_process_holds_is_waited_for_a_quarter_of_a_call(tmp_path: Path) -> None:
    """A call may last 2 seconds here. Nothing is written then, and what asks for the answers asks again."""
    waiting = FileLedger(FileOptions(folder=tmp_path, layout="netsuite_csv"), limits=Limits(call_seconds=2.0))
    with file_manifest.Manifest(tmp_path, 1.0).held():
        (outcome,) = waiting.send([REVENUE])
        assert waiting.poll("", [REVENUE]) is None
        (finding,) = waiting.check([], date(2026, 6, 30))
    assert outcome == NotSent(UNREACHABLE, f"{tmp_path}: another process has held manifest.jsonl for 0.5 seconds")
    assert (finding.found, finding.remedy) == (
        "another process has held manifest.jsonl for 0.5 seconds",
        "see which, and ask again",
    )
    assert waiting.look_up([REVENUE]) == {}


def test_a_key_with_another_body_is_refused(tmp_path: Path) -> None:
    ledger(tmp_path).send([REVENUE])
    (outcome,) = ledger(tmp_path).send([REVENUE._replace(text="another")])
    assert isinstance(outcome, RejectedData)
    assert outcome.code == "WRITTEN_OTHERWISE"


def test_what_the_layout_cannot_say_is_rejected_and_the_rest_is_written(tmp_path: Path) -> None:
    wrong = journal(line("=1", "5"), line("4400", "-5"), name="wrong")
    rejected, taken = ledger(tmp_path).send([wrong, REVENUE])
    assert isinstance(rejected, RejectedData)
    assert rejected.field == "Account"
    assert isinstance(taken, Taken)
    assert keys_in(tmp_path) == [REVENUE.key]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(7))
def test_a_process_that_dies_at_any_step_leaves_each_key_once(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its nth call that changes the folder; another process goes on."""
    calls = count()

    def dying(real):
        def call(*args, **options):
            if next(calls) == step:
                raise Killed
            return real(*args, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("fsync", "ftruncate"):
            patched.setattr(os, name, dying(getattr(os, name)))
        patched.setattr("connectors.erp.file_manifest.write_all", dying(write_all))
        patched.setattr(Path, "rename", dying(Path.rename))
        died = False
        try:
            ledger(tmp_path).send([REVENUE, OTHER])
        except Killed:
            died = True
    # fsync of the file, line, its fsync, fsync of the folder, name, fsync of the folder.
    assert died == (step < 6)
    next_one = ledger(tmp_path)
    found = next_one.look_up([REVENUE, OTHER])
    assert isinstance(found, dict)
    outcomes = next_one.send([REVENUE, OTHER])
    assert [isinstance(outcome, Taken) for outcome in outcomes] == [True, True]
    assert keys_in(tmp_path) == [REVENUE.key, OTHER.key]
    assert not list(tmp_path.glob(".*.part"))


def test_half_a_line_of_the_manifest_does_not_count(tmp_path: Path) -> None:
    ledger(tmp_path).send([REVENUE])
    manifest = tmp_path / "manifest.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + b'{"number":2,"file":"x.csv","sha')
    assert isinstance(ledger(tmp_path).send([OTHER])[0], Taken)
    assert keys_in(tmp_path) == [REVENUE.key, OTHER.key]
    assert manifest.read_bytes().startswith(whole)


def test_a_damaged_manifest_stops_everything(tmp_path: Path) -> None:
    """What was written is not known, so nothing is written and nothing is said not to be there."""
    used = ledger(tmp_path)
    used.send([REVENUE])
    with (tmp_path / "manifest.jsonl").open("ab") as manifest:
        manifest.write(b"{}\n")
    for each in (used, ledger(tmp_path)):
        (outcome,) = each.send([OTHER])
        assert isinstance(outcome, Uncertain)
        assert isinstance(each.look_up([OTHER]), Uncertain)
        (polled,) = each.poll("a.csv", [REVENUE]) or ()
        assert isinstance(polled, NotSent), "what was submitted stays so until there is an answer"
        assert "manifest.jsonl: line 2: " in polled.message
        with pytest.raises(ErpUnreadable):
            list(each.ledger(JUNE))
        assert [finding.is_right for finding in each.check([], TODAY)] == [False]
    assert keys_in(tmp_path) == [REVENUE.key]


def test_files_without_their_manifest_stop_everything(tmp_path: Path) -> None:
    """Numbers would begin again, and a file that nobody has imported yet would be written over."""
    ledger(tmp_path).send([REVENUE])
    manifest = tmp_path / "manifest.jsonl"
    kept = manifest.read_bytes()
    manifest.unlink()
    for _ in range(2):
        (outcome,) = ledger(tmp_path).send([OTHER])
        assert isinstance(outcome, Uncertain)
        assert "put back a copy" in outcome.message
    assert keys_in(tmp_path) == [REVENUE.key]
    manifest.write_bytes(kept)
    assert isinstance(ledger(tmp_path).send([OTHER])[0], Taken)
    assert keys_in(tmp_path) == [REVENUE.key, OTHER.key]


def test_a_folder_that_cannot_be_written_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "in_the_way").write_text("")
    (outcome,) = ledger(tmp_path / "in_the_way").send([REVENUE])
    assert isinstance(outcome, NotSent)
    assert "make room or give access" in outcome.message


def test_several_threads_and_processes_write_each_key_once(tmp_path: Path) -> None:
    documents = [journal(line("1410", "5"), line("4400", "-5"), name=str(number)) for number in range(20)]
    shared = ledger(tmp_path)
    threads = [
        threading.Thread(target=each.send, args=(documents[start::2],))
        for start in (0, 1)
        for each in (shared, ledger(tmp_path))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(keys_in(tmp_path)) == sorted(document.key for document in documents)


def test_a_written_file_is_posted_where_the_option_says_so(tmp_path: Path) -> None:
    (outcome,) = ledger(tmp_path, "posted").send([REVENUE])
    assert isinstance(outcome, Taken)
    assert outcome.is_posted


def test_answers_are_polled(tmp_path: Path) -> None:
    """One imported, one refused, one of a closed period, one not yet answered."""
    documents: list[Document] = [REVENUE, OTHER, INVOICE, closed()]
    waiting = ledger(tmp_path, "submitted")
    outcomes = waiting.send(documents)
    assert all(isinstance(outcome, Submitted) for outcome in outcomes)
    assert isinstance(outcomes[0], Submitted)
    ticket = outcomes[0].ticket
    assert waiting.poll(ticket, [REVENUE, OTHER]) is None
    answer(
        tmp_path,
        "june.csv",
        f"{REVENUE.key},JE-1042,2026-07-02,,",
        f'{OTHER.key},,,ACCOUNT,"4400, inactive"',
        f"{closed().key},,,period,June is closed",
    )
    assert waiting.poll(ticket, documents) == [
        Taken("JE-1042", date(2026, 7, 2)),
        RejectedData("ACCOUNT", "4400, inactive"),
        Submitted("invoices_55003_2026-06_000002.csv"),
        RejectedPeriod("period", "June is closed"),
    ]


def closed() -> JournalDocument:
    return journal(line("1410", "7"), line("4400", "-7"), name="closed")


def test_of_what_is_accepted_a_rejection_is_heard(tmp_path: Path) -> None:
    """Nobody is asked for an answer here, and one comes all the same; so of an invoice that stands in for a billing platform."""
    written = ledger(tmp_path, "accepted")
    written.send([REVENUE, closed(), INVOICE])
    answer(
        tmp_path,
        "june.csv",
        f"{REVENUE.key},,,ACCOUNT,account is inactive",
        f"{closed().key},,,PERIOD,June is closed",
        f"{INVOICE.key},,,CUSTOMER,no such customer",
    )
    assert written.look_up([REVENUE, closed()]) == {
        REVENUE.key: RejectedData("ACCOUNT", "account is inactive"),
        closed().key: RejectedPeriod("PERIOD", "June is closed"),
    }
    platform = ledger(tmp_path / "platform", "accepted")
    assert BesideFiles(platform, written).look_up([INVOICE]) == {
        INVOICE.key: RejectedData("CUSTOMER", "no such customer")
    }


def test_what_a_person_rejected_is_written_again_and_the_old_answer_counts_no_more(tmp_path: Path) -> None:
    waiting = ledger(tmp_path, "submitted")
    waiting.send([REVENUE])
    answer(tmp_path, "first.csv", f"{REVENUE.key},,,ACCOUNT,4400 is inactive")
    assert waiting.look_up([REVENUE]) == {REVENUE.key: RejectedData("ACCOUNT", "4400 is inactive")}
    mended = REVENUE._replace(text="mended")
    assert waiting.send([mended]) == [Submitted("journals_55003_2026-06_000002.csv")]
    assert ledger(tmp_path, "submitted").poll("journals_55003_2026-06_000002.csv", [mended]) is None
    answer(tmp_path, "second.csv", f"{REVENUE.key},JE-7,,,")
    assert waiting.poll("journals_55003_2026-06_000002.csv", [mended]) == [Taken("JE-7", date(2026, 6, 30))]


def test_what_is_posted_stays_so_whatever_is_answered_after_that(tmp_path: Path) -> None:
    waiting = ledger(tmp_path, "submitted")
    waiting.send([REVENUE])
    answer(tmp_path, "a.csv", f"{REVENUE.key},JE-7,,,")
    answer(tmp_path, "b.csv", f"{REVENUE.key},,,DUPLICATE,there already")
    assert waiting.send([REVENUE]) == [Taken("JE-7", date(2026, 6, 30), is_duplicate=True)]


def test_answers_that_say_nothing_are_named_and_the_others_count(tmp_path: Path) -> None:
    waiting = ledger(tmp_path, "submitted")
    waiting.send([REVENUE, OTHER])
    answer(
        tmp_path,
        "june.csv",
        f"{OTHER.key},JE-1,31.12.2026,,",
        f"{OTHER.key},JE-1,,ACCOUNT,both",
        "MPUNKNOWN,JE-9,,,",
        f"{REVENUE.key},JE-8,,,",
    )
    (tmp_path / "answers" / "copied.csv").write_text(f"key;reference\n{OTHER.key};JE-1")
    (tmp_path / "answers" / "other.csv").write_text("id,number\n1,2\n")
    assert waiting.poll("journals_55003_2026-06_000001.csv", [REVENUE]) == [Taken("JE-8", date(2026, 6, 30))]
    assert waiting.poll("journals_55003_2026-06_000001.csv", [OTHER]) is None
    assert [finding.found for finding in waiting.check([], TODAY) if not finding.is_right] == [
        "answers/copied.csv: its last line has no end yet",
        "answers/june.csv:2: expected a date such as 2026-06-30, found '31.12.2026'",
        "answers/june.csv:3: expected a key, and either a reference or a code",
        "answers/other.csv: expected the columns key, reference, date, code, message, key and reference are missing",
        "1 for keys never written, the first MPUNKNOWN",
    ]


def test_the_ledger_is_what_was_written_and_says_where_a_file_was_changed(tmp_path: Path) -> None:
    books = ledger(tmp_path)
    books.send([REVENUE])
    books.send([OTHER])
    books.send([OTHER._replace(key="MPMAY", accounting_date=date(2026, 5, 31))])
    answer(tmp_path, "june.csv", f"{REVENUE.key},JE-1,,,")
    changed = tmp_path / "journals_55003_2026-06_000002.csv"
    changed.write_text(changed.read_text().replace("5.00", "6.00"))
    first, second = books.ledger(JUNE)
    assert (first.key, first.reference, first.is_posted, first.is_changed) == (REVENUE.key, "JE-1", True, False)
    assert [(each.account, each.amount) for each in first.lines] == [("1410", 11_900_000), ("4400", -11_900_000)]
    assert (second.key, second.is_posted, second.is_changed, second.lines) == (OTHER.key, False, True, ())


def test_a_rejected_document_is_not_in_the_ledger(tmp_path: Path) -> None:
    books = ledger(tmp_path)
    books.send([REVENUE])
    answer(tmp_path, "june.csv", f"{REVENUE.key},,,ACCOUNT,inactive")
    assert list(books.ledger(JUNE)) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"\[erp.books.options\] folder: expected this key, it is missing"),
        ({"folder": "x", "layout": "datev"}, "add a table options.datev"),
        ({"folder": "x", "layout": "datev", "datev": {"consultant": 1}}, "datev.consultant: expected greater"),
        (
            {"folder": "x", "layout": "fixed_width", "fixed_width": {"template": "nowhere.toml"}},
            "expected a TOML of columns",
        ),
        ({"folder": "x", "layout": "netsuite_csv", "foldr": "y"}, "foldr: not a key that is known"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(WrongConnection, match=message):
        open_erp("books", Connection(kind="files", options=options))
