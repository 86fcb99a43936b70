"""Redis, which writes each command to its file before it answers, so that a killed one remembers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.fetched import environment, program
from tests.servers.server import HOST, Server, listens


class RedisServer(Server):
    """`settings` are those of redis.conf, such as {"maxmemory": "64mb"}."""

    name = "redis"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        owner: int | None = None,
    ) -> None:
        super().__init__(folder, port, owner)
        self._settings = {"appendonly": "yes", "save": "", **(settings or {})}

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> list[str]:
        settings = {"bind": HOST, "port": str(self.port), "dir": str(self.folder), **self._settings}
        arguments = [text for name, value in settings.items() for text in (f"--{name}", value)]
        return [program("redis-server"), *arguments]

    def environment(self) -> Mapping[str, str]:
        return environment(program("redis-server"))

    def answers(self) -> bool:
        if not listens(self.port):
            return False
        client = Redis(host=HOST, port=self.port, socket_timeout=2, password=self._settings.get("requirepass"))
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()
