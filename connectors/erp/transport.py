"""HTTPS to an ERP: hosts that are listed, verified TLS, no redirects, no cookies, answers of bounded size in bounded time.

A call says for certain whether anything was sent: what fails before the first byte is `NotSent`, what fails after it `Uncertain`.
Nothing of a body or a header gets into an exception or a log; the libraries' own debug logs are switched off, for they have headers.
"""

from __future__ import annotations

import logging
import math
import re
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

import certifi
import httpcore2

from connectors.erp.adapter import NO_TRACE, TraceContext
from connectors.erp.answers import Answer
from connectors.section import is_loopback
from domain.delivery.outcomes import UNREACHABLE, NotSent, Uncertain

ANSWER_BYTES: Final = 10_000_000
KEPT_OPEN_SECONDS: Final = 30.0
_MOST_CONNECTIONS: Final = 256

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_LONGEST_TRACESTATE: Final = 512
_LONGEST_CORRELATION: Final = 200
# Of a url as an ERP may have written it, such as of its next page; what no request may have is escaped.
_AS_IT_IS: Final = "!#$%&'()*+,-./:;=?@[]_~"
_BEGINS: Final = b"HTTP/"
_WITH_A_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_FAULTS: Final = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    OSError,
)


class Transport:
    """Connections to the hosts of one ERP account; used by several threads at once."""

    def __init__(
        self,
        hosts: Iterable[str],
        call_seconds: float,
        *,
        insecure_loopback: bool = False,
        answer_bytes: int = ANSWER_BYTES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        for name in ("httpcore2", "oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._hosts = frozenset(hosts)
        self.call_seconds = call_seconds
        self._insecure_loopback = insecure_loopback
        self._answer_bytes = answer_bytes
        self._http = httpcore2.ConnectionPool(
            ssl_context=trusted() if tls is None else tls,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_CONNECTIONS,
            keepalive_expiry=KEPT_OPEN_SECONDS,
            network_backend=_Backend(),
        )

    def call(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", trace: TraceContext = NO_TRACE
    ) -> Answer | NotSent | Uncertain:
        """One request, never again by itself."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            if forbidden := self._forbidden(url, host):
                return NotSent(UNREACHABLE, forbidden)
            request = _request(method, parts, {**headers, **trace_headers(trace)}, body)
        except (ValueError, TypeError):
            return NotSent(UNREACHABLE, "its address or a header has what no request may have; nothing was sent")
        left = min(self.call_seconds, _call.until - (now := time.monotonic()))
        if left <= 0:
            return NotSent(UNREACHABLE, f"{host}: the time of the call was over before anything was sent")
        _call.deadline = now + left
        _call.began = False
        try:
            request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
            with closing(self._http.handle_request(request)) as response:
                if not _call.began:
                    response.extensions["network_stream"].close()
                    return NotSent(UNREACHABLE, f"{host}: its connection held an answer to nothing; nothing was sent")
                return self._answer(host, response)
        except _FAULTS as fault:
            what = _said(fault)
            if _call.began:
                return Uncertain(f"{host}: {what} after the request was sent; whether it was done is not known")
            return NotSent(UNREACHABLE, f"{host}: {what} before anything was sent")
        finally:
            _call.deadline = None

    def close(self) -> None:
        self._http.close()

    def _forbidden(self, url: str, host: str) -> str | None:
        if host not in self._hosts:
            return f"{host or 'no host'} is not among the hosts that may be called: {', '.join(sorted(self._hosts))}"
        scheme = urlsplit(url).scheme
        if scheme == "https" or (scheme == "http" and self._insecure_loopback and is_loopback(urlsplit(url).hostname)):
            return None
        return f"{host}: expected https"

    def _answer(self, host: str, response: httpcore2.Response) -> Answer | Uncertain:
        found: dict[str, str] = {}
        for raw_name, raw in response.headers:
            name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
            found[name] = f"{found[name]}, {value}" if name in found else value
        if found.get("content-encoding", "identity").lower() != "identity":
            return Uncertain(f"{host}: answered compressed, which was not asked for")
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_stream():
            size += len(chunk)
            if size > self._answer_bytes:
                return Uncertain(f"{host}: answered more than {self._answer_bytes} bytes; the rest was not read")
            chunks.append(chunk)
        return Answer(response.status, found, b"".join(chunks))


def _request(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> httpcore2.Request:
    """Raises ValueError and TypeError."""
    host = parts.hostname or ""
    place = httpcore2.URL(scheme=parts.scheme, host=host, port=parts.port, target=_target(parts))
    named = f"[{host}]" if ":" in host else host
    sent = {"host": named if parts.port is None else f"{named}:{parts.port}", "accept": "application/json", **headers}
    sent["accept-encoding"] = "identity"
    if body or method in _WITH_A_BODY:
        sent["content-length"] = str(len(body))
    return httpcore2.Request(method, place, headers=list(sent.items()), content=body)


def _target(parts: SplitResult) -> str:
    asked = f"?{parts.query}" if parts.query else ""
    return quote(f"{parts.path or '/'}{asked}", safe=_AS_IT_IS)


@cache
def trusted() -> ssl.SSLContext:
    """The machine's certificate authorities (`SSL_CERT_FILE` names others), and the usual public ones: read once, which takes 40 ms."""
    found = ssl.create_default_context()
    found.load_verify_locations(certifi.where())
    return found


def trace_headers(trace: TraceContext) -> dict[str, str]:
    """What is malformed is left out: it came from outside, and a header is no place for it."""
    made = {}
    if _TRACEPARENT.fullmatch(trace.traceparent):
        made["traceparent"] = trace.traceparent
        if len(trace.tracestate) <= _LONGEST_TRACESTATE and _HEADER_VALUE.fullmatch(trace.tracestate):
            made["tracestate"] = trace.tracestate
    if len(trace.correlation_id) <= _LONGEST_CORRELATION and _HEADER_VALUE.fullmatch(trace.correlation_id):
        made["x-correlation-id"] = trace.correlation_id
    return made


class _Call(threading.local):
    """Of this thread: until when all that it asks may last, until when its one request may, and whether a byte of that left."""

    until: float = math.inf
    deadline: float | None = None
    began: bool = False


_call: Final = _Call()


@contextmanager
def in_all(seconds: float) -> Iterator[None]:
    """The requests that this thread makes meanwhile last so long together; the shorter time counts where one stands in another."""
    before = _call.until
    _call.until = min(before, time.monotonic() + seconds)
    try:
        yield
    finally:
        _call.until = before


def _left(timeout: float | None) -> float | None:
    if _call.deadline is None:
        return timeout
    left = _call.deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time of the call is over")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore2.NetworkStream):
    """Every read and write ends with the call's time, so that an answer in drops lasts no longer than one at once.

    A request is written as a whole, before the first read of its answer: what came before is no answer to it, and what comes first
    must begin one. Where a proxy has lost count, the rest of an earlier answer would be taken for this one's.
    """

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._unsent:
            return self._inner.read(max_bytes, _left(timeout))
        left = _left(timeout)
        unsent, self._unsent = self._unsent, b""
        _call.began = True
        # An ERP that hangs up while it is written to may have answered.
        with suppress(httpcore2.WriteError):
            self._inner.write(unsent, left)
        found = self._inner.read(max_bytes, _left(timeout))
        if not found.startswith(_BEGINS[: len(found)]):
            raise httpcore2.RemoteProtocolError("expected an answer from its beginning")
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._unsent += buffer

    def close(self) -> None:
        self._unsent = b""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(self, *args: Any, **options: Any) -> httpcore2.NetworkStream:
        return _Stream(super().connect_tcp(*args, **options))


def _said(fault: Exception) -> str:
    """By class; messages of libraries may hold what was sent."""
    match fault:
        case httpcore2.TimeoutException():
            return "no answer in time"
        case httpcore2.ConnectError():
            cause: BaseException | None = fault
            while cause is not None:
                if isinstance(cause, ssl.SSLError):
                    return "its TLS certificate or protocol was not accepted"
                cause = cause.__cause__ or cause.__context__
            return "no connection"
        case httpcore2.RemoteProtocolError():
            return "the connection ended or the answer was not HTTP"
        case httpcore2.NetworkError() | OSError():
            return "the connection broke"
        case _:
            return f"the request could not be made ({type(fault).__name__})"
