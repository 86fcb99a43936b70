"""A server on loopback that answers as it is told and keeps what it was asked; it can misbehave in the ways that servers do."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """`path` with its query, as it came; headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int
    body: object = b""
    headers: Mapping[str, str] = {}


class HungUp(NamedTuple):
    """The connection ends after the request was read, before any answer."""


class Dripping(NamedTuple):
    """An answer that comes byte by byte and has no end; `head` is what comes first."""

    head: bytes = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


class Endless(NamedTuple):
    """So many bytes of answer."""

    size: int


Behaviour = Reply | HungUp | Dripping | Endless
Answering = Callable[[Asked], Behaviour]


@dataclass
class Server:
    url: str
    answering: Answering
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(answering: Answering, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    listening.daemon_threads = True
    listening.block_on_close = False
    server = Server(f"http{'s' if tls else ''}://127.0.0.1:{listening.server_address[1]}", answering)
    listening.server = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The body does not wait until the client has acknowledged the head.
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        server: Server = self.server.server  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with server.lock:
            server.asked.append(asked)
            does = server.answering(asked)
        try:
            self._do(does, server.stopped)
        except OSError:
            self.close_connection = True

    def _do(self, does: Behaviour, stopped: threading.Event) -> None:
        match does:
            case Reply(status, body, headers):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(data)
            case HungUp():
                self.close_connection = True
            case Dripping(head):
                self.close_connection = True
                self.wfile.write(head)
                while not stopped.wait(0.02):
                    self.wfile.write(b" ")
            case Endless(size):
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
                for _ in range(size // 65_536):
                    self.wfile.write(b" " * 65_536)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass
