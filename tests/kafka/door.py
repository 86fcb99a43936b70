"""A port that leads to a server while it is open, so that a server can be away without being stopped."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any, Final, Self

from tests.servers.server import HOST, free_port

PIECE: Final = 65_536


class Door:
    """Closed, nobody listens at its port, and who was inside is out."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self._to = to
        self._server: socketserver.ThreadingTCPServer | None = None
        self._inside: set[socket.socket] = set()

    def open(self) -> Self:
        door = self

        class Passing(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection((HOST, door._to)) as server:
                    both = {self.request, server}
                    door._inside |= both
                    back = threading.Thread(target=_carry, args=(server, self.request), daemon=True)
                    back.start()
                    _carry(self.request, server)
                    back.join()
                    door._inside -= both

        class Listening(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Listening((HOST, self.port), Passing)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for one in list(self._inside):
            _shut(one)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: Any) -> None:
        self.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    _shut(target)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
