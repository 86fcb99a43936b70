"""HTTP to an ERP: what was sent for certain, what may have been, and what nobody gets to see."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore2
import pytest
import stamina

from connectors.erp.adapter import TraceContext
from connectors.erp.answers import Answer, NotJson, amount_of, decimal_of, json_body, retry_after, scaled, words
from connectors.erp.oauth import Anonymous
from connectors.erp.session import Session
from connectors.erp.transport import Transport
from domain.delivery.outcomes import UNREACHABLE, NotSent, Uncertain
from tests.erp.server import Behaviour, Dripping, Endless, HungUp, Reply, serving


def asked_once(does: Behaviour, *, call_seconds: float = 20.0, answer_bytes: int = 1_000) -> object:
    with serving(lambda _: does) as server:
        transport = Transport(["127.0.0.1"], call_seconds, insecure_loopback=True, answer_bytes=answer_bytes)
        found = transport.call("POST", server.url, headers={}, body=b"{}")
        transport.close()
        assert len(server.asked) == 1, "nothing is sent again by itself"
    return found


def test_an_answer_is_read_whole() -> None:
    found = asked_once(Reply(200, {"total": 1}))
    assert isinstance(found, Answer)
    assert found.fields() == {"total": 1}
    assert repr(found) == "Answer(status=200, 12 bytes)"


@pytest.mark.parametrize(
    ("does", "message"),
    [
        (HungUp(), "the connection ended or the answer was not HTTP after the request was sent"),
        (Dripping(), "no answer in time after the request was sent"),
        (Dripping(head=b"HTTP/1.1 200 OK\r\nx: "), "no answer in time after the request was sent"),
        (Dripping(head=b"ca va\r\n\r\n"), "the connection ended or the answer was not HTTP after the request was sent"),
        (Endless(50_000_000), "answered more than 1000 bytes; the rest was not read"),
        (Reply(200, b"x" * 1_001), "answered more than 1000 bytes; the rest was not read"),
        (Reply(200, b"\x1f\x8b", {"content-encoding": "gzip"}), "answered compressed, which was not asked for"),
    ],
)
def test_what_fails_after_sending_began_is_uncertain(does: Behaviour, message: str) -> None:
    found = asked_once(does, call_seconds=0.4 if isinstance(does, Dripping) else 20.0)
    assert isinstance(found, Uncertain)
    assert message in found.message


def test_what_a_url_may_not_have_is_escaped() -> None:
    """A next page's address is the ERP's own."""
    with serving(lambda _: Reply(200, {})) as server:
        transport = Transport(["127.0.0.1"], 20.0, insecure_loopback=True)
        transport.call("GET", f"{server.url}/rows?$skiptoken=a b%20c\"{{d}}'e'", headers={})
        transport.close()
        (asked,) = server.asked
    assert asked.path == "/rows?$skiptoken=a%20b%20c%22%7Bd%7D'e'"
    assert (asked.headers["host"], asked.body) == (server.url.removeprefix("http://"), b"")


def test_without_a_connection_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        found = transport.call("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/", headers={})
    assert found == NotSent(UNREACHABLE, "127.0.0.1: no connection before anything was sent")


MADE = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"


@contextmanager
def answering_raw(segments: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that answers each request on any connection with the next segment, and what it has received."""
    received: list[bytes] = []
    following = iter(segments)

    def serve(connection: socket.socket) -> None:
        with connection:
            while asked := connection.recv(65_536):
                received.append(asked)
                connection.sendall(next(following))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/", received
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_an_answer_that_came_before_its_request_is_none() -> None:
    """A proxy answers A twice: B is not sent, not then and not with C."""
    with answering_raw([MADE + MADE, MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        found = [transport.call("POST", f"{url}{name}", headers={}, body=b"{}") for name in "ABC"]
        transport.close()
        assert [asked.split()[1] for asked in received] == [b"/A", b"/C"]
        assert all(asked.count(b"POST") == 1 for asked in received)
    assert [type(each) for each in found] == [Answer, NotSent, Answer]


def test_the_rest_of_an_earlier_answer_is_none() -> None:
    """What came of it with A is not to be completed by what comes after B was sent."""
    with answering_raw([MADE + MADE[:20], MADE[20:] + MADE, MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        found = [transport.call("POST", f"{url}{name}", headers={}, body=b"{}") for name in "ABC"]
        transport.close()
        assert [asked.split()[1] for asked in received] == [b"/A", b"/B", b"/C"]
    assert [type(each) for each in found] == [Answer, Uncertain, Answer]


class Keeping(httpcore2.NetworkStream):
    """Keeps each write."""

    def __init__(self, inner: httpcore2.NetworkStream, written: list[bytes]) -> None:
        self._inner = inner
        self._written = written

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._written.append(buffer)
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def test_head_and_body_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests on one connection, two writes."""
    written: list[bytes] = []
    connect = httpcore2.SyncBackend.connect_tcp
    monkeypatch.setattr(
        httpcore2.SyncBackend, "connect_tcp", lambda *args, **options: Keeping(connect(*args, **options), written)
    )
    with answering_raw([MADE, MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        for body in (b"{}", b"x" * 10_000):
            assert isinstance(transport.call("POST", url, headers={}, body=body), Answer)
        transport.close()
    assert [len(each.partition(b"\r\n\r\n")[2]) for each in written] == [2, 10_000]
    assert b"".join(received) == b"".join(written)


def test_a_call_whose_time_is_over_before_it_is_written_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting took all of it."""
    connect = httpcore2.SyncBackend.connect_tcp

    def slow(*args: Any, **options: Any) -> httpcore2.NetworkStream:
        found = connect(*args, **options)
        threading.Event().wait(0.6)
        return found

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", slow)
    with answering_raw([MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 0.5, insecure_loopback=True)
        found = transport.call("POST", url, headers={}, body=b"{}")
        transport.close()
    assert (found, received) == (NotSent(UNREACHABLE, "127.0.0.1: no answer in time before anything was sent"), [])


@pytest.mark.parametrize(
    "url", ["https://erp.example:99999/", "https://erp.example:abc/", "https://b\u00fccher.example/", "https://[::1/"]
)
def test_an_address_that_is_none_sends_nothing(url: str) -> None:
    found = Transport(["erp.example", "b\u00fccher.example"], 5.0).call("GET", url, headers={})
    assert found == NotSent(UNREACHABLE, "its address or a header has what no request may have; nothing was sent")


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "\u00e4", "\u20ac"])
def test_a_header_with_what_none_may_have_sends_nothing(value: str) -> None:
    with answering_raw([MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        assert isinstance(transport.call("POST", url, headers={"x-name": value}, body=b"{}"), NotSent)
        assert isinstance(transport.call("POST", url, headers={}, body=b"{}"), Answer)
        transport.close()
    assert len(received) == 1
    assert b"x-name" not in received[0]


def test_who_is_named_in_an_address_is_not_sent() -> None:
    with answering_raw([MADE]) as (url, received):
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        transport.call("GET", url.replace("://", "://me:secret@"), headers={})
        transport.close()
    assert f"host: {url.removeprefix('http://').rstrip('/')}\r\n".encode() in received[0]
    assert b"secret" not in received[0]


def test_asking_again_writes_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Between the lines of `milepost reconcile` stood `stamina.retry_scheduled`."""
    caplog.set_level(logging.DEBUG)
    with serving(lambda _: Reply(429, {})) as server, stamina.set_testing(True, attempts=2):
        session = Session(Transport(["127.0.0.1"], 5.0, insecure_loopback=True), Anonymous())
        assert isinstance(session.read("GET", server.url), Answer)
        session.close()
        assert len(server.asked) == 2
    assert "retry" not in caplog.text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://elsewhere.example/x", "elsewhere.example is not among the hosts that may be called: erp.example"),
        ("https://erp.example@elsewhere.example/", "elsewhere.example is not among the hosts"),
        ("http://erp.example/x", "erp.example: expected https"),
        ("/x", "no host is not among the hosts"),
    ],
)
def test_hosts_that_are_not_listed_are_not_called(url: str, message: str) -> None:
    found = Transport(["erp.example"], 5.0).call("GET", url, headers={})
    assert isinstance(found, NotSent)
    assert message in found.message


def test_http_to_this_machine_wants_its_setting() -> None:
    found = Transport(["127.0.0.1"], 5.0).call("GET", "http://127.0.0.1:1/", headers={})
    assert found == NotSent(UNREACHABLE, "127.0.0.1: expected https")


def test_a_server_whose_certificate_nobody_signed_gets_nothing() -> None:
    """Plain HTTP is no TLS either: the handshake fails before anything is sent."""
    with serving(lambda _: Reply(200, {})) as server:
        found = Transport(["127.0.0.1"], 5.0).call("GET", server.url.replace("http:", "https:"), headers={})
        assert server.asked == []
    assert found == NotSent(
        UNREACHABLE, "127.0.0.1: its TLS certificate or protocol was not accepted before anything was sent"
    )


def test_redirects_are_answers_and_cookies_are_forgotten() -> None:
    with serving(lambda _: Reply(302, {}, {"location": "https://elsewhere.example/", "set-cookie": "a=b"})) as server:
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        for _ in range(2):
            found = transport.call("GET", server.url, headers={})
            assert isinstance(found, Answer)
            assert found.status == 302
        transport.close()
        assert [each.headers.get("cookie") for each in server.asked] == [None, None]


def test_the_trace_travels_and_what_is_malformed_stays() -> None:
    whole = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1", "engagement/7")
    broken = TraceContext("00-xyz", "a=1", "two\r\nlines: x")
    with serving(lambda _: Reply(200, {})) as server:
        transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
        for trace in (whole, broken):
            transport.call("GET", server.url, headers={}, trace=trace)
        transport.close()
        names = ("traceparent", "tracestate", "x-correlation-id")
        assert [[each.headers.get(name) for name in names] for each in server.asked] == [
            [whole.traceparent, "a=1", "engagement/7"],
            [None, None, None],
        ]


def test_nothing_of_headers_and_bodies_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for does in (Reply(500, b"canary"), HungUp(), Reply(200, {}, {"set-cookie": "canary"})):
        with serving(lambda _, does=does: does) as server:  # type: ignore[misc]
            transport = Transport(["127.0.0.1"], 5.0, insecure_loopback=True)
            found = transport.call("POST", server.url, headers={"authorization": "canary"}, body=b"canary")
            transport.close()
            assert "canary" not in repr(found)
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, b'{"a": NaN}', b"\xff", b'{"a": 1e9999999999999999999999}']
)
def test_garbage_is_no_json(body: bytes) -> None:
    with pytest.raises(NotJson, match="expected JSON, found"):
        Answer(200, {}, body).json()


def test_a_list_is_no_object() -> None:
    with pytest.raises(NotJson, match="expected a JSON object"):
        Answer(200, {}, b"[]").fields()


def test_amounts_are_exact_numbers() -> None:
    """187.00 is 1 870 000 of 10^-4."""
    assert json_body({"debit": decimal_of(1_870_000)}) == b'{"debit":187.00}'
    assert json_body({"debit": decimal_of(-123_456)}) == b'{"debit":-12.3456}'
    assert json_body({"hours": scaled(100_000_000, 6), "rate": scaled(1_500_000, 6)}) == b'{"hours":100,"rate":1.5}'
    assert json_body({"none": scaled(0, 6)}) == b'{"none":0}'
    assert json_body({"debit": decimal_of(10_000_000_000_000)}) == b'{"debit":1000000000.00}'
    assert amount_of(Answer(200, {}, b'{"a": 187.1}').fields()["a"]) == 1_871_000
    assert amount_of("0.30000000000000004") == 3_000
    assert amount_of(-2) == -20_000


@pytest.mark.parametrize("value", [True, None, "x", "1e15", "NaN", "1e999999999", [], {}])
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected an amount"):
        amount_of(value)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("999999999", 86_400.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(stated: str, seconds: float | None) -> None:
    assert retry_after(Answer(429, {"retry-after": stated}, b"")) == seconds


def test_words_of_an_erp_are_one_line() -> None:
    assert words("Period\x00 is\r\nclosed" + " x" * 5_000)[:20] == "Period is closed x x"
    assert len(words("y" * 10_000)) == 500
    assert words({"no": "text"}) == ""
