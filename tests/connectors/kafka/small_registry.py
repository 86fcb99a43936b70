"""A schema registry of a few lines: subjects, texts, ids; and it can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class SmallRegistry:
    """`asked` are method and path of each request; `misbehave` is redirect, large, slow, broken or closed."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.subjects: dict[str, list[str]] = {}
        self.levels: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.misbehave = ""
        self.url = ""

    def register(self, subject: str, text: str) -> int:
        versions = self.subjects.setdefault(subject, [])
        if text not in versions:
            versions.append(text)
        return self.ids.setdefault(text, len(self.ids) + 100)

    def answer(self, method: str, path: str, body: dict[str, str]) -> tuple[int, object]:
        match method, [unquote(part) for part in path.partition("?")[0].strip("/").split("/")]:
            case "GET", ["subjects"]:
                return 200, list(self.subjects)
            case "POST", ["subjects", subject]:
                if body["schema"] in self.subjects.get(subject, []):
                    return 200, {"subject": subject, "id": self.ids[body["schema"]]}
                return 404, {"error_code": 40403, "message": "Schema not found"}
            case "POST", ["subjects", subject, "versions"]:
                return 200, {"id": self.register(subject, body["schema"])}
            case "GET", ["config", subject] if subject in self.levels:
                return 200, {"compatibilityLevel": self.levels[subject]}
            case "PUT", ["config", subject]:
                self.levels[subject] = body["compatibility"]
                return 200, body
            case _, ["subjects" | "config" | "compatibility", *_]:
                return 404, {"error_code": 40401, "message": "Subject not found"}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


@contextmanager
def served(registry: SmallRegistry) -> Iterator[SmallRegistry]:
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        def _serve(self) -> None:
            registry.asked.append((self.command, self.path))
            registry.headers.append(dict(self.headers))
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            match registry.misbehave:
                case "redirect":
                    self.send_response(302)
                    self.send_header("Location", f"{registry.url}/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                case "large":
                    status, data = 200, b'{"id": 1, "more": "' + b"x" * 300_000 + b'"}'
                case "slow":
                    over.wait()
                    return
                case "broken":
                    status, data = 500, b"{}"
                case "no registry":
                    status, data = 200, b"<html>welcome</html>"
                case "refuses":
                    status, data = 401, b'{"error_code": 40101, "message": "Unauthorized"}'
                case _:
                    status, shape = registry.answer(self.command, self.path, body)
                    data = json.dumps(shape).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        over.set()
        server.shutdown()
        server.server_close()
