"""The page that Prometheus reads, and what Kubernetes asks: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from connectors.metrics.health import Health

OK: Final = 200
NOT_FOUND: Final = 404
UNWELL: Final = 503
PLAIN: Final = "text/plain; charset=utf-8"


class _Asked(BaseHTTPRequestHandler):
    """Anyone who is silent for longer is left alone."""

    timeout = 10.0
    registry: ClassVar[CollectorRegistry]
    health: ClassVar[Health]

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(OK, content_type, encode(self.registry))
            case "/healthz":
                self._say(self.health.stuck())
            case "/readyz":
                self._say(self.health.stuck() or self.health.unready())
            case _:
                self._answer(NOT_FOUND, PLAIN, b"expected /metrics, /healthz or /readyz\n")

    def _say(self, faults: Sequence[str]) -> None:
        self._answer(UNWELL if faults else OK, PLAIN, "".join(f"{each}\n" for each in faults or ["ok"]).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "milepost"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        """Nothing: somebody asks every few seconds."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the caller has gone away."""


@contextmanager
def page(host: str, port: int, registry: CollectorRegistry, health: Health) -> Iterator[int]:
    """The port, also where 0 was given for any that is free. Raises OSError where it cannot be listened on."""
    answering = type("Asked", (_Asked,), {"registry": registry, "health": health})
    server = _Server((host, port), answering)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
