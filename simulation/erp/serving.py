"""A simulated ERP on a port of this machine."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from simulation.erp.interface import ConnectionCut, Huge, Reply, asked
from simulation.erp.simulated import SimulatedErp

HOST: Final = "127.0.0.1"
LAST_PORT: Final = 65_535
POLL_SECONDS: Final = 0.05
CHUNK: Final = 65_536


class Serving:
    """Listens from when it is made until it is closed, on the same port also after it was away."""

    def __init__(self, erp: SimulatedErp, port: int = 0) -> None:
        self._erp = erp
        self._lock = threading.Lock()
        self._is_closed = False
        self._back: threading.Timer | None = None
        self._listening = _Listening(erp, port)
        self.port = int(self._listening.server_address[1])
        erp.away = self._away

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._back is not None:
                self._back.cancel()
            self._listening.end()

    def _away(self, seconds: float) -> None:
        """Connections end and none is taken for so long; with 0 they end."""
        with self._lock:
            self._listening.end()
            if self._back is not None:
                self._back.cancel()
            if not seconds:
                self._listening = _Listening(self._erp, self.port)
                return
            self._back = threading.Timer(seconds, self._again)
            self._back.daemon = True
            self._back.start()

    def _again(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._listening = _Listening(self._erp, self.port)


def served(erp: SimulatedErp, kept: Path, port: int = 0) -> Serving:
    """On the port that is kept there from an earlier start, where none is given and it is free. Raises OSError."""
    text = "" if port or not kept.exists() else kept.read_text(encoding="utf-8").strip()
    found = None
    if text.isdecimal() and 0 < int(text) <= LAST_PORT:
        with suppress(OSError):
            found = Serving(erp, int(text))
    found = found or Serving(erp, port)
    kept.write_text(f"{found.port}\n", encoding="utf-8")
    return found


@contextmanager
def serving(erp: SimulatedErp, port: int = 0) -> Iterator[Serving]:
    served = Serving(erp, port)
    try:
        yield served
    finally:
        served.close()
        erp.close()


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, erp: SimulatedErp, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.erp = erp
        self._connections: set[socket.socket] = set()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changing:
            for each in self._connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changing:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._changing:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that has gone is no news; anything else is a fault of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer: two would wait for each other.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Listening

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        does = self.server.erp.does(asked(self.command, self.path, headers, body))
        match does:
            case Reply(status, _, headers_out):
                content = does.content()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers_out}.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            case Huge(size):
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
                for _ in range(size // CHUNK):
                    self.wfile.write(b" " * CHUNK)
            case ConnectionCut():
                self.close_connection = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass
