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
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import certifi
import httpcore2
import httpx2

from connectors.erp.adapter import NO_TRACE, Trace
from connectors.erp.answers import Answer
from connectors.erp.connection import is_loopback
from domain.delivery.outcomes import UNREACHABLE, NotSent, Uncertain

ANSWER_BYTES: Final = 10_000_000
KEPT_OPEN_SECONDS: Final = 30.0
_MOST_CONNECTIONS: Final = 256

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_LONGEST_TRACESTATE: Final = 512
_LONGEST_CORRELATION: Final = 200


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
        for name in ("httpx2", "httpcore2", "oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._hosts = frozenset(hosts)
        self.call_seconds = call_seconds
        self._insecure_loopback = insecure_loopback
        self._answer_bytes = answer_bytes
        self._http = _Timed(trusted() if tls is None else tls)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        trace: Trace = NO_TRACE,
    ) -> Answer | NotSent | Uncertain:
        """One request, never again by itself."""
        host = urlsplit(url).hostname or ""
        if forbidden := self._forbidden(url, host):
            return NotSent(UNREACHABLE, forbidden)
        sent = {"accept": "application/json", **headers, **trace_headers(trace), "accept-encoding": "identity"}
        left = min(self.call_seconds, _call.until - (now := time.monotonic()))
        if left <= 0:
            return NotSent(UNREACHABLE, f"{host}: the time of the call was over before anything was sent")
        _call.deadline = now + left
        _call.began = False
        try:
            limit = dict.fromkeys(("connect", "read", "write", "pool"), left)
            request = httpx2.Request(method, url, headers=sent, content=body, extensions={"timeout": limit})
            response = self._http.handle_request(request)
            try:
                return self._answer(host, response)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as fault:
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
        if scheme == "https" or (scheme == "http" and self._insecure_loopback and is_loopback(url)):
            return None
        return f"{host}: expected https"

    def _answer(self, host: str, response: httpx2.Response) -> Answer | Uncertain:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            return Uncertain(f"{host}: answered compressed, which was not asked for")
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > self._answer_bytes:
                return Uncertain(f"{host}: answered more than {self._answer_bytes} bytes; the rest was not read")
            chunks.append(chunk)
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, found, b"".join(chunks))


def trusted() -> ssl.SSLContext:
    """The machine's certificate authorities (`SSL_CERT_FILE` names others), and the usual public ones."""
    found = ssl.create_default_context()
    found.load_verify_locations(certifi.where())
    return found


def trace_headers(trace: Trace) -> dict[str, str]:
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
    """Every read and write ends with the call's time, so that an answer in drops lasts no longer than one at once."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _call.began = True
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
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


class _Timed(httpx2.HTTPTransport):
    """httpx2's own transport over streams that know the call's deadline; no proxy or netrc of the environment."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_CONNECTIONS,
            keepalive_expiry=KEPT_OPEN_SECONDS,
            network_backend=_Backend(),
        )


def _said(fault: Exception) -> str:
    """By class; messages of libraries may hold what was sent."""
    match fault:
        case httpx2.TimeoutException():
            return "no answer in time"
        case httpx2.ConnectError():
            cause: BaseException | None = fault
            while cause is not None:
                if isinstance(cause, ssl.SSLError):
                    return "its TLS certificate or protocol was not accepted"
                cause = cause.__cause__ or cause.__context__
            return "no connection"
        case httpx2.RemoteProtocolError():
            return "the connection ended or the answer was not HTTP"
        case httpx2.NetworkError() | OSError():
            return "the connection broke"
        case _:
            return f"the request could not be made ({type(fault).__name__})"
