"""OData of Microsoft's ERPs: filters, change sets and errors, also those that no ERP should send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.erp.answers import Answer, ErpRefusal, day_of, quoted
from connectors.erp.odata import Row, Write, any_of, change_set, changed, fault, looked_up, query, rows, transacted
from domain.delivery.documents import Document, JournalDocument
from domain.delivery.outcomes import UNREACHABLE, NotSent, RejectedData, Taken, Throttled, Trouble, Uncertain
from domain.units import EXCHANGE_RATE_ONE

WROTE = "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataWriteException"
MAY = date(2026, 5, 31)
KIND = {"content-type": "multipart/mixed; boundary=b"}


def refusal(status: int, code: str = "", kind: str = "", message: str = "no") -> Answer:
    error = {"code": code, "message": "An error has occurred.", "innererror": {"message": message, "type": kind}}
    return Answer(status, {}, json.dumps({"error": error}).encode())


def parts(*statuses: int) -> Answer:
    """As Dynamics answers a change set."""
    inside = "".join(
        f"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {each} X\r\n\r\n{{}}\r\n" for each in statuses
    )
    body = f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{inside}--c--\r\n--b--\r\n"
    return Answer(200, KIND, body.encode())


@given(st.text(max_size=40))
def test_a_value_of_a_filter_stays_one_value(value: str) -> None:
    where = f"Name eq {quoted(value)}"
    url = query("https://erp.example/data/Names?cross-company=true", where=where, top="1")
    asked = parse_qs(urlsplit(url).query, keep_blank_values=True, errors="surrogatepass")
    assert asked == {"cross-company": ["true"], "$filter": [where], "$top": ["1"]}
    assert where.count("'") % 2 == 0


def test_several_values_are_asked_for_one_by_one() -> None:
    assert any_of("code", map(quoted, ["a", "b'c"])) == "code eq 'a' or code eq 'b''c'"


def test_a_change_set_is_one_whole_with_its_writes_in_order() -> None:
    kind, body = change_set("MPK", [Write("POST", "https://erp.example/data/L", {"n": n}) for n in (1, 2)])
    assert kind == "multipart/mixed; boundary=batch_MPK"
    assert body.count(b"--set_MPK\r\n") == 2
    assert body.index(b'{"n":1}') < body.index(b'{"n":2}') < body.index(b"--set_MPK--")
    assert body.endswith(b"--batch_MPK--\r\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (parts(201, 201), None),
        (parts(201), Uncertain),
        (parts(201, 201, 201), Uncertain),
        (parts(201, 500), Uncertain),
        (parts(201, 429), Throttled),
        (Answer(200, KIND, b""), Uncertain),
        (Answer(200, {"content-type": "application/json"}, b"[]"), Uncertain),
        (Answer(200, {"content-type": "multipart/mixed"}, b"--\r\n\r\n"), Uncertain),
        (Answer(503, {}, b""), Uncertain),
        (refusal(400, kind=WROTE), ErpRefusal),
    ],
)
def test_two_records_are_written_only_if_two_are_answered(answer: Answer, expected: type | None) -> None:
    found = changed(answer, 2)
    assert found is None if expected is None else isinstance(found, expected)


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize(
    "kind", ["multipart/mixed; boundary=c", 'multipart/mixed; boundary="c"', "multipart/mixed;{} boundary=c"]
)
def test_parts_are_read_however_their_boundary_is_written(kind: str, line_end: str) -> None:
    said = parts(201, 201).body.decode().replace("multipart/mixed; boundary=c", kind.format("\r\n"))
    assert changed(Answer(200, KIND, said.replace("\r\n", line_end).encode()), 2) is None


def test_parts_in_parts_without_end_are_no_answer() -> None:
    deep = b"".join(b"--%d\r\ncontent-type: multipart/mixed; boundary=%d\r\n\r\n" % (n, n + 1) for n in range(5_000))
    answer = Answer(200, {"content-type": "multipart/mixed; boundary=0"}, deep)
    assert isinstance(changed(answer, 1), Uncertain)


@pytest.mark.parametrize("head", [b"content-type:multipart/", b"content-type:multipart/\r\n"])
@pytest.mark.parametrize("end", [b"", b"\r\n\r\nx\r\n--b--"])
def test_a_part_with_a_head_without_end_is_no_answer(head: bytes, end: bytes) -> None:
    """Searched for a boundary from each of its content types, five megabytes take hours."""
    answer = Answer(200, KIND, b"--b\r\n" + head * 220_000 + end)
    assert isinstance(changed(answer, 1), Uncertain)


@given(st.binary(max_size=400))
def test_nothing_is_concluded_from_bytes(body: bytes) -> None:
    for kind in ("multipart/mixed; boundary=b", "application/json", body[:30].decode("latin-1")):
        answer = Answer(200, {"content-type": kind}, body)
        assert isinstance(changed(answer, 1), Uncertain)
        assert isinstance(transacted(answer), Uncertain)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # The class says that the record was not written, whatever the status.
        (refusal(500, kind=WROTE), ErpRefusal("AxODataWriteException", "no", "")),
        (refusal(500, kind="System.NullReferenceException"), Uncertain),
        (refusal(400, kind="Microsoft.OData.ODataException"), ErpRefusal("ODataException", "no", "")),
        (refusal(400, "Application_DialogException"), ErpRefusal("Application_DialogException", "no", "")),
        (refusal(404, "Internal_RecordNotFound"), ErpRefusal("Internal_RecordNotFound", "no", "")),
        (refusal(404, "BadRequest_ResourceNotFound"), NotSent),
        (refusal(409, "Request_EntityChanged"), Uncertain),
        (refusal(400, "Internal_ServerError"), Uncertain),
        (refusal(400), Uncertain),
        (refusal(403, kind=""), NotSent),
        (refusal(429), Throttled),
    ],
)
def test_a_refusal_is_decided_by_code_and_class(answer: Answer, expected: object) -> None:
    found = fault(answer)
    assert isinstance(found, expected) if isinstance(expected, type) else found == expected


@pytest.mark.parametrize("words", ["field 'X' is wrong", "das Feld 'LedgerJournalLineEntity.Voucher' ist falsch"])
def test_the_field_is_told_by_its_technical_name_in_any_language(words: str) -> None:
    found = fault(refusal(400, kind=WROTE, message=words))
    assert isinstance(found, ErpRefusal)
    assert found.field == ("Voucher" if "Entity" in words else "")


def _asked(keys: str) -> list[JournalDocument]:
    money = ("EUR", "EUR", "EUR", EXCHANGE_RATE_ONE)
    return [JournalDocument(key, "DE", "1", *money, MAY, "2026-05", "2026-05", "", (), (key,)) for key in keys]


@pytest.mark.parametrize("trouble", [Throttled(5.0), NotSent(UNREACHABLE, "no connection"), Uncertain("no answer")])
def test_what_the_first_query_found_stays_when_the_second_fails(trouble: Trouble) -> None:
    """A is there and B is not; of C and D nothing is known, and D is not asked for."""
    asked = []

    def there(some: Sequence[Document]) -> dict[str, Taken | RejectedData] | Trouble:
        asked.append("".join(each.key for each in some))
        return {"A": Taken("A", MAY)} if len(asked) == 1 else trouble

    found = looked_up([_asked("AB"), _asked("C"), _asked("D")], there, lambda _, held: held)
    assert found == {"A": Taken("A", MAY), "C": trouble, "D": trouble}
    assert asked == ["AB", "C"]


def test_without_any_answer_all_that_is_found_is_the_trouble() -> None:
    assert looked_up([_asked("A"), _asked("B")], lambda _: Throttled(5.0), lambda *_: Throttled()) == Throttled(5.0)


def test_pages_end_where_the_erp_has_no_further_one() -> None:
    def call(method: str, url: str) -> Answer:
        number = int(url.rpartition("=")[2])
        following = {"@odata.nextLink": f"https://erp.example/data/L?p={number + 1}"} if number < 3 else {}
        return Answer(200, {}, json.dumps({"value": [{"n": number, "m": method}], **following}).encode())

    found = rows(call, "https://erp.example/data/L?p=1", "https://erp.example/data/")
    assert found == [{"n": 1, "m": "GET"}, {"n": 2, "m": "GET"}, {"n": 3, "m": "GET"}]


def test_a_page_that_leads_to_itself_ends_too() -> None:
    def call(method: str, url: str) -> Answer:
        return Answer(200, {}, json.dumps({"value": [], "@odata.nextLink": url, "m": method}).encode())

    assert isinstance(rows(call, "https://erp.example/data/L", "https://erp.example/data/"), Uncertain)


def test_days_are_read_of_dates_and_of_noon() -> None:
    said: Row = {"date": "2026-06-30", "noon": "2026-06-30T12:00:00Z", "none": "0001-01-01", "other": 7}
    assert [day_of(value) for value in said.values()] == [date(2026, 6, 30), date(2026, 6, 30), date(1, 1, 1), None]
