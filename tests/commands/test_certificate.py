"""Certificates of a close: written, recomputed from a copy of the log, and what was changed is found and named."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.engagement_log import EngagementLog
from dataflows.certificates import written_certificates
from dataflows.embedded import close, open_accounting, run_plain, store_path
from milepost.certificates.checked import checked_certificates
from milepost.certificates.file import Shape, canonical, digest_of, read
from milepost.cli import app
from state.guards import OUTPUT_UNWRITABLE
from state.store.store import Store
from tests.commands.tiny_firm import write
from tests.finished_run import finished_run, history, reopened_run
from tests.planting import copied_log, rewritten_log, with_another_byte, with_another_line, with_another_rate
from tests.sharded_run import SHARDS, sharded
from tests.thoroughness import THOROUGH

# All fifty in the thorough profile.
PLANTED = 50 if THOROUGH else 8


def milepost(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of BERLIN's January in a file, and beside it `copy`, which has nothing but the log."""
    folder = tmp_path_factory.mktemp("certified")
    written(finished_run(), folder / "january.json")
    copied_log(finished_run(), folder / "copy")
    return folder


def written(output: Path, file: Path, *more: str, period: str = "2026-01") -> Shape:
    done = milepost("period", "certificate", "BERLIN", period, "--out", file, "--output", output, *more)
    assert done.exit_code == 0, done.output
    assert f"sha256 {sha256(file.read_bytes()).hexdigest()}  {file}" in done.stdout
    return read(file.read_bytes())


def found(file: Path, folder: Path) -> list[dict[str, Any]]:
    """What verify finds otherwise; where it finds something it ends with 3."""
    done = milepost("verify", "--certificate", file, "--output", folder, "--json")
    assert done.exit_code in {0, 3}, done.output
    [checked] = json.loads(done.stdout)["certificates"]
    differences: list[dict[str, Any]] = checked["differences"]
    assert (done.exit_code == 3, checked["equal"]) == (bool(differences), not differences)
    return differences


def changed(certified: Path, folder: Path, **fields: Any) -> Path:
    """The certificate with other fields; its digest is what it was."""
    shape = json.loads((certified / "january.json").read_bytes())
    file = folder / "changed.json"
    file.write_bytes(canonical({**shape, **fields}))
    return file


# Written, and recomputed


def test_the_figures_are_those_of_the_trial_balance(certified: Path) -> None:
    shape = read((certified / "january.json").read_bytes())
    balance = json.loads(
        milepost("ledger", "--entity", "BERLIN", "--period", "2026-01", "--json", "--output", finished_run()).stdout
    )
    figures = ("account", "opening", "debits", "credits", "movement", "closing")
    assert [[row[name] for name in figures] for row in shape["books"]["accounts"]] == [
        [row[name] for name in figures] for row in balance["ledger"]
    ]
    assert shape["books"]["journals"] == balance["journals"] == len(shape["journals"])
    assert (shape["number"], shape["previous"], shape["replaces"]) == (1, None, None)
    assert (shape["requested_by"], shape["approved_by"]) == ("CARA", "DAN")
    assert shape["days_ended_to"] == "2026-02-04"


def test_a_certificate_that_cannot_be_written_is_no_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not ours", encoding="utf-8")
    inside = tmp_path / "file" / "january.json"
    done = milepost("period", "certificate", "BERLIN", "2026-01", "--out", inside, "--output", finished_run())
    assert done.exit_code == OUTPUT_UNWRITABLE
    assert "A file stands where a folder should be" in done.stderr


def test_a_copy_of_the_log_gives_the_same_certificate(certified: Path) -> None:
    done = milepost("verify", "--certificate", certified / "january.json", "--output", certified / "copy")
    assert done.exit_code == 0, done.output
    assert "equal in every figure and journal" in done.stdout
    assert not (certified / "copy" / "outputs").exists()


def test_it_is_shown_and_stands_on_a_page(certified: Path, tmp_path: Path) -> None:
    shown = milepost("period", "certificate", "BERLIN", "2026-01", "--output", finished_run())
    shape = read((certified / "january.json").read_bytes())
    assert "Certificate 1 of BERLIN, period 2026-01: 2026-01-01 to 2026-01-31, in EUR" in shown.stdout
    assert shape["digest"] in shown.stdout
    page = tmp_path / "page.html"
    assert (
        milepost("period", "certificate", "BERLIN", "2026-01", "--html", page, "--output", finished_run()).exit_code
        == 0
    )
    text = page.read_text(encoding="utf-8")
    assert "Asked for by CARA, approved by DAN" in text
    assert shape["books"]["digest"] in text


@pytest.mark.parametrize("batch", [1, 7])
def test_other_batches_certify_the_same(batch: int, certified: Path, tmp_path: Path) -> None:
    """Also with the store deleted in the middle: it is made again from the log."""
    folder = copied_log(finished_run(), tmp_path / "again")
    with EngagementLog.open(folder) as log:
        genesis = log.genesis
        half = log.end // 2
        accounting = open_accounting(folder, genesis)
        while (offset := accounting.shard.position[0]) < half:
            mark = accounting.outputs.write(accounting.shard.fold(log.read(offset, batch)))
            assert mark is not None
            accounting.outputs.commit(mark)
            accounting.shard.commit(mark)
        close(accounting)
        if batch == 1:
            Store.delete(store_path(folder, 0))
        accounting = open_accounting(folder, genesis)
        run_plain(accounting, log, max_records=batch)
        close(accounting)
    assert written(folder, tmp_path / "again.json") == read((certified / "january.json").read_bytes())


def test_several_shards_certify_the_same_books(certified: Path, tmp_path: Path) -> None:
    """The digest of the journals too; how the log lies is another thing, and each is recomputed from its own."""
    sharded(finished_run(), tmp_path / "sharded")
    one, several = (
        read((certified / "january.json").read_bytes()),
        written(tmp_path / "sharded", tmp_path / "several.json"),
    )
    assert len(several["log"]["shards"]) == SHARDS
    own = {"log", "digest"}
    assert {name: one[name] for name in one.keys() - own} == {name: several[name] for name in several.keys() - own}
    copy = copied_log(tmp_path / "sharded", tmp_path / "copy")
    assert found(tmp_path / "several.json", copy) == []
    other = found(tmp_path / "several.json", certified / "copy")
    assert other[0]["what"] == "the log: it is another one"
    assert "of 4 shards" in other[0]["stated"]


# A month that is opened again


def test_the_second_certificate_names_the_first_and_the_difference(tmp_path: Path) -> None:
    first = written(reopened_run(), tmp_path / "1.json", "--number", "1")
    second = written(reopened_run(), tmp_path / "2.json")
    assert (first["number"], second["number"]) == (1, 2)
    assert second["previous"] == {"number": 1, "period": "2026-01", "digest": first["digest"]}
    assert second["replaces"] == {
        "number": 1,
        "digest": first["digest"],
        "journals": first["books"]["journals"],
        "journals_since": 1,
        "reopened_by": "CARA",
        "reopen_approved_by": "DAN",
        "reopen_reason": "a forgotten day",
        "reopened_at": "2026-02-20T08:00:00Z",
        "difference": [
            {"account": "1150", "opening": "0.00", "movement": "200.00"},
            {"account": "2150", "opening": "0.00", "movement": "-100.00"},
            {"account": "4000", "opening": "0.00", "movement": "-200.00"},
            {"account": "5000", "opening": "0.00", "movement": "100.00"},
        ],
    }
    copy = copied_log(reopened_run(), tmp_path / "copy")
    files = ("--certificate", tmp_path / "1.json", "--certificate", tmp_path / "2.json")
    done = milepost("verify", *files, "--output", copy)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("equal in every figure") == 2
    shown = milepost("period", "certificate", "BERLIN", "2026-01", "--number", "1", "--output", reopened_run())
    assert "Certificate 2 takes its place: the period was opened again after this one" in shown.stdout
    wrong = milepost("period", "certificate", "BERLIN", "2026-01", "--number", "3", "--output", reopened_run())
    assert "which are 1, 2; got 3" in " ".join(wrong.output.split())


# What is no certificate, or another one


def refused(file: Path, folder: Path) -> str:
    done = milepost("verify", "--certificate", file, "--output", folder)
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


def test_a_file_that_is_cut_off(certified: Path, tmp_path: Path) -> None:
    file = tmp_path / "cut.json"
    file.write_bytes((certified / "january.json").read_bytes()[:-100])
    assert "got one that ends too early; copy it again whole" in refused(file, certified / "copy")


@pytest.mark.parametrize(
    ("content", "expected"), [(b"\xff\x00rubbish", "got something else than JSON"), (b" \n", "got an empty file")]
)
def test_a_file_of_something_else(content: bytes, expected: str, certified: Path, tmp_path: Path) -> None:
    file = tmp_path / "rubbish.json"
    file.write_bytes(content)
    told = refused(file, certified / "copy")
    assert expected in told
    assert "copy it again" not in told


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "invoice"}, "expected a file of kind milepost.close_certificate, got invoice"),
        ({"form": 9}, "expected form 1 of the file, got 9; the release that wrote it reads it"),
        ({"number": "1"}, "number: expected a number, got '1'; copy the file again"),
        ({"journals": [1]}, "journals: expected id and mark of each"),
        ({"log": []}, "log: expected an object, got '[]'"),
    ],
    ids=("kind", "form", "number", "journals", "log"),
)
def test_a_file_that_is_no_certificate(fields: dict[str, Any], expected: str, certified: Path, tmp_path: Path) -> None:
    assert expected in refused(changed(certified, tmp_path, **fields), certified / "copy")


def test_a_folder_without_a_log(certified: Path, tmp_path: Path) -> None:
    assert "expected a folder with the log of a run in log/, found none" in refused(
        certified / "january.json", tmp_path
    )
    alone = milepost("verify", "--certificate", certified / "january.json")
    assert "expected --output beside it, a folder with the log" in " ".join(alone.output.split())


def test_a_changed_file_names_itself_and_the_figure(certified: Path, tmp_path: Path) -> None:
    shape = read((certified / "january.json").read_bytes())
    shape["books"]["accounts"][0]["closing"] = "1.00"
    account = shape["books"]["accounts"][0]["account"]
    first, second = found(changed(certified, tmp_path, books=shape["books"]), certified / "copy")[:2]
    assert first["what"] == "the file: its digest"
    assert (second["what"], second["stated"]) == (f"account {account}.closing", "1.00")


def test_a_figure_that_was_sealed_again_is_named(certified: Path, tmp_path: Path) -> None:
    """Somebody who knows how it is sealed gives it a new digest: the log says otherwise."""
    shape = read((certified / "january.json").read_bytes())
    shape["books"]["accounts"][0]["debits"] = "1.00"
    file = changed(certified, tmp_path, books=shape["books"], digest=digest_of(shape))
    assert [each["what"] for each in found(file, certified / "copy")] == [
        f"account {shape['books']['accounts'][0]['account']}.debits",
        "digest",
    ]


def test_a_journal_that_is_not_in_the_log_is_named(certified: Path, tmp_path: Path) -> None:
    shape = read((certified / "january.json").read_bytes())
    journals = [*shape["journals"][1:], ["BRIDGE.made-up", "0" * 64]]
    differences = found(changed(certified, tmp_path, journals=journals), certified / "copy")
    names = sorted((shape["journals"][0][0], "BRIDGE.made-up"))
    assert [each["what"] for each in differences] == [
        "the file: the digest of its journals",
        *(f"journal {name}" for name in names),
    ]


def test_the_log_of_another_firm(certified: Path, tmp_path: Path) -> None:
    """Its first record is another one, though its generation has the same number."""
    events = history()
    events[0] = {**events[0], "name": "Bern"}
    write(tmp_path / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
    assert milepost("run", "--input", tmp_path / "input", "--output", tmp_path / "output").exit_code == 0
    [difference] = found(certified / "january.json", tmp_path / "output")
    assert difference["what"] == "the log: it is another one, or its beginning was changed (shard 0)"


def test_a_log_that_ends_before_the_close(certified: Path, tmp_path: Path) -> None:
    def few(offset: int, _: object) -> bool:
        return offset < 20

    folder = rewritten_log(finished_run(), tmp_path / "short", few)
    [difference] = found(certified / "january.json", folder)
    assert difference["what"] == "the log: records of shard 0"
    assert difference["found"].startswith("20;")


# Planted changes


def checked(certified: Path, folder: Path) -> int:
    """How many differences are found, without the command around it."""
    file = certified / "january.json"
    [one] = checked_certificates([(file, read(file.read_bytes()))], folder, lambda *_: None)
    return len(one.differences)


def test_a_log_that_is_written_again_as_it_was_is_equal(certified: Path, tmp_path: Path) -> None:
    """So that what follows finds its changes, and not how it plants them."""
    assert checked(certified, rewritten_log(finished_run(), tmp_path / "same", lambda *_: True)) == 0


def january(certified: Path) -> Shape:
    return read((certified / "january.json").read_bytes())


@pytest.mark.parametrize("seed", range(PLANTED))
def test_a_changed_byte_of_the_log_is_found(seed: int, certified: Path, tmp_path: Path) -> None:
    """Anywhere up to the close: in an event, in its engagement, or in what holds the file together."""
    place = with_another_byte(finished_run(), tmp_path, january(certified), Random(seed))
    assert checked(certified, tmp_path) > 0, f"byte {place}"


@pytest.mark.parametrize("seed", range(PLANTED))
def test_a_changed_exchange_rate_is_found(seed: int, certified: Path, tmp_path: Path) -> None:
    """By a millionth of a cent, also of a rate that nothing is converted by."""
    with_another_rate(finished_run(), tmp_path, january(certified), Random(seed))
    assert checked(certified, tmp_path) > 0


@pytest.mark.parametrize("seed", range(PLANTED))
def test_a_changed_line_of_a_written_journal_is_found(seed: int, certified: Path, tmp_path: Path) -> None:
    """Sealed again by somebody who knows how: the certificate names the journal, and none is written from such a folder."""
    folder = tmp_path / "output"
    journal_id = with_another_line(finished_run(), folder, january(certified), Random(seed))
    differences = found(certified / "january.json", folder)
    assert differences[0]["what"] == f"erp.postings in the folder: journal {journal_id}"
    refused_ = milepost("period", "certificate", "BERLIN", "2026-01", "--output", folder)
    assert refused_.exit_code == 2
    assert "their bytes are other ones: the file was changed" in " ".join(refused_.output.split())


def test_a_certificate_follows_from_all_shards(tmp_path: Path) -> None:
    """Where one of them has closed nothing yet there is none."""
    folder = tmp_path / "sharded"
    sharded(finished_run(), folder)
    assert len(written_certificates(folder, folder, "BERLIN")) == 1
    (folder / "progress" / "1.json").unlink()
    assert written_certificates(folder, folder, "BERLIN") == []
    waiting = milepost("period", "certificate", "BERLIN", "2026-01", "--output", folder)
    assert (
        "expected a period of BERLIN with a certificate, got 2026-01, which is closed, but not by every shard yet"
        in (" ".join(waiting.output.split()))
    )
