"""Oracle Fusion beyond single calls: what it remembers from call to call, and what an import's output says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from connectors.erp import oracle_journal_file as journal_file
from domain.delivery.outcomes import RejectedData, RejectedPeriod, Submitted, Uncertain
from tests.erp.contract import opened
from tests.erp.plugs import ORACLE_FUSION, without_packing
from tests.erp.server import Asked, Behaviour, HungUp, Reply

JOURNAL = ORACLE_FUSION.document("journal")
IN_EURO = ORACLE_FUSION.document("journal_eur")
FAILED = {
    "JOBS": {
        "JOBPATH": "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader",
        "REQUESTID": "9000",
        "STATUS": "SUCCEEDED",
        "CHILD": {
            "JOBPATH": "/oracle/apps/ess/financials/generalLedger/programs/common",
            "REQUESTID": "9002",
            "STATUS": "WARNING",
        },
    }
}


def rows_of(*items: Mapping[str, object]) -> Reply:
    return Reply(200, {"items": list(items), "hasMore": False})


def without_an_output(asked: Asked) -> Behaviour:
    """A Fusion where every import fails and says nothing of why."""
    if asked.method == "POST":
        return Reply(201, {"ReqstId": "9000"})
    if "ESSJobStatusRF" in asked.path:
        return rows_of({"RequestStatus": "WARNING"})
    if "ESSExecutionDetailsRF" in asked.path:
        return rows_of({"RequestStatus": json.dumps(FAILED)})
    return rows_of()


def keys_of(asked: Asked) -> list[str]:
    """Of the journals in an import's file."""
    body = without_packing({"body": json.loads(asked.body)})["body"]
    return list(dict.fromkeys(row["45"] for row in body["DocumentContent"]["rows"]))


def packed(**files: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def test_a_group_that_failed_without_a_reason_is_taken_apart(tmp_path: Path) -> None:
    """First both in one import, then each in one of its own."""
    with opened(ORACLE_FUSION, tmp_path, without_an_output) as found:
        (sent, _) = found.erp.send([JOURNAL, IN_EURO])
        assert isinstance(sent, Submitted)
        polled = found.erp.poll(sent.ticket, [JOURNAL, IN_EURO])
        assert polled is not None
        assert all(isinstance(each, Uncertain) for each in polled)
        assert found.erp.look_up([JOURNAL, IN_EURO]) == {}
        found.erp.send([JOURNAL, IN_EURO])
        imports = [keys_of(each) for each in found.asked if each.method == "POST"]
    assert imports == [[JOURNAL.key, IN_EURO.key], [JOURNAL.key], [IN_EURO.key]]


def test_every_import_has_a_group_of_its_own(tmp_path: Path) -> None:
    """Rows of an import that failed are in another group than those of the next, also where nobody purged them."""
    with opened(ORACLE_FUSION, tmp_path, without_an_output) as found:
        for _ in range(2):
            found.erp.send([JOURNAL])
        parameters = [json.loads(each.body)["ParameterList"] for each in found.asked if each.method == "POST"]
    groups = [each.split(",")[3] for each in parameters]
    assert len(set(groups)) == 2
    assert all(each.isdigit() and len(each) == 18 for each in groups)


def test_an_answer_that_was_lost_a_moment_ago_may_still_become_an_import(tmp_path: Path) -> None:
    """Fusion knows no batch and no process yet: that says nothing before it had the time to make one."""

    def lost(asked: Asked) -> Behaviour:
        return HungUp() if asked.method == "POST" else rows_of()

    with opened(ORACLE_FUSION, tmp_path, lost) as found:
        (sent,) = found.erp.send([JOURNAL])
        assert isinstance(sent, Uncertain)
        assert isinstance(found.erp.look_up([JOURNAL]), Uncertain)
        assert found.erp.look_up([IN_EURO]) == {}
    soon = {"options": {**_options(), "settle_seconds": 0}}
    with opened(ORACLE_FUSION, tmp_path, lost, settings=soon) as found:
        found.erp.send([JOURNAL])
        assert found.erp.look_up([JOURNAL]) == {}


def test_an_import_of_other_journals_delays_no_look_up(tmp_path: Path) -> None:
    """The process is the one that took the journal in euro: it cannot bring the other one."""
    running = {"requestId": 9002, "absParentRequestId": 9000, "state": "RUNNING", "jobDefinitionId": "JournalImport"}

    def under_way(asked: Asked) -> Behaviour:
        return rows_of(running) if "/ess/rest/" in asked.path else without_an_output(asked)

    with opened(ORACLE_FUSION, tmp_path, under_way) as found:
        found.erp.send([IN_EURO])
        assert found.erp.look_up([JOURNAL]) == {}
        assert isinstance(found.erp.look_up([IN_EURO]), Uncertain)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (f"EF04,1,{JOURNAL.key}", {JOURNAL.key: "EF04"}),
        (f'"EP01,EF04",1,{JOURNAL.key}', {JOURNAL.key: "EF04"}),
        (f"EP01,1,{JOURNAL.key}\nEC06,1,{JOURNAL.key}\nP,1,{IN_EURO.key}", {JOURNAL.key: "EC06"}),
        (f"   EU02   Milepost  {JOURNAL.key} Milepost A", {JOURNAL.key: "EU02"}),
        (f'"{JOURNAL.key}\nEF04 was found', {}),
        (f"WEF04X,1,{JOURNAL.key}", {}),
        ("EF04,1,MPNOKEY", {}),
    ],
)
def test_a_mistake_is_known_by_the_key_and_the_code_in_its_row(text: str, errors: dict[str, str]) -> None:
    found = journal_file.row_errors(packed(**{"report.txt": text}))
    assert {key: each.code for key, each in found.items()} == errors


def test_a_mistake_has_the_words_of_its_row() -> None:
    text = f'STATUS,REFERENCE1,STATUS_DESCRIPTION\nEF04,{JOURNAL.key},"No value, 4010"\n'
    found = journal_file.row_errors(packed(**{"GL_INTERFACE.csv": text}))
    assert found == {JOURNAL.key: RejectedData("EF04", "No value, 4010", "account")}


def test_a_period_is_blamed_only_where_nothing_else_is() -> None:
    assert isinstance(journal_file.rejected("EP01"), RejectedPeriod)
    assert isinstance(journal_file.rejected("EP04"), RejectedData)


@pytest.mark.parametrize(
    "output",
    [b"", b"PK\x03\x04", b"no ZIP", packed(a="EF04")[:-5], packed(a='"' * 200_000 + JOURNAL.key)],
    ids=["empty", "begun", "text", "cut", "a long field"],
)
def test_an_output_that_is_none_says_nothing(output: bytes) -> None:
    assert journal_file.row_errors(output) == {}


def test_an_output_that_swells_is_read_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "LARGEST_OUTPUT", 1_000)
    swollen = packed(a="x\n" * 10_000 + f"EF04,{JOURNAL.key}\n", b=f"EF04,{JOURNAL.key}\n")
    assert journal_file.row_errors(swollen) == {}


def _options() -> Mapping[str, object]:
    options = ORACLE_FUSION.settings["options"]
    assert isinstance(options, dict)
    return options
