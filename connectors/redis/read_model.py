"""The newest view of each project in Redis, with the places up to which the topic is in it.

A view is a hash `<prefix>project:<id>` {generation, version, view}, where `view` is the JSON that `milepost dump` prints;
`<prefix>engagement:<id>` is the set of an engagement's projects; `<prefix>places` says for each partition how far it is
taken in. Views and place move in one call of one function, so that Redis can be lost, emptied or put back from an older
copy: what it holds and how far it is are always of one moment, and the reader goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import orjson
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut

from connectors.project_views import View
from connectors.redis.settings import RedisSettings

FUNCTIONS: Final = Path(__file__).with_name("read_model.lua")
TAKE: Final = "milepost_take"
# What passes when Redis is back: no connection, no answer, still loading, no memory, no replica.
PASSING: Final = (NoConnection, TimedOut)
SCANNED_AT_ONCE: Final = 1_000


class MovedElsewhere(Exception):
    """Redis is at another place than the reader takes it to be: emptied, put back, or written by another reader."""


class ReadModel:
    """Raises RedisError for whatever Redis answers with; `PASSING` are those that a later call may not meet."""

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self._redis = _connected(settings)

    def close(self) -> None:
        self._redis.close()

    def prepare(self) -> None:
        """Loads the function that takes views, as this release has it."""
        self._redis.function_load(FUNCTIONS.read_text(encoding="utf-8"), replace=True)

    def ping(self) -> str:
        """Redis's version."""
        return str(self._redis.info("server")["redis_version"])

    def places(self) -> dict[int, str]:
        """By partition; one with nothing taken in is left out."""
        found = cast("dict[bytes, bytes]", self._redis.hgetall(self._key("places")))
        return {int(partition): place.decode() for partition, place in found.items()}

    def take(self, partition: int, place: str, following: str, views: Sequence[View]) -> int:
        """How many were newer than what was there. Raises MovedElsewhere, and nothing is changed."""
        keys = [self._key("places")]
        values: list[str | int | bytes] = [str(partition), place, following]
        for view in views:
            keys += (self._key(f"project:{view.project_id}"), self._key(f"engagement:{view.engagement_id}"))
            values += (view.project_id, view.generation, view.version, view.json)
        try:
            return int(self._redis.fcall(TAKE, len(keys), *keys, *values))
        except NoPermissionError:
            raise
        except ResponseError as fault:
            if "MOVED_ELSEWHERE" in str(fault):
                raise MovedElsewhere(str(fault)) from fault
            raise

    def view(self, project_id: str) -> dict[str, Any] | None:
        found = cast("bytes | None", self._redis.hget(self._key(f"project:{project_id}"), "view"))
        return None if found is None else orjson.loads(found)

    def projects_of(self, engagement_id: str) -> list[str]:
        """In the order of their ids."""
        found = cast("set[bytes]", self._redis.smembers(self._key(f"engagement:{engagement_id}")))
        return sorted(member.decode() for member in found)

    def project_ids(self) -> Iterator[str]:
        """In no order."""
        start = self._key("project:")
        for key in self._redis.scan_iter(match=_literal(start) + "*", count=SCANNED_AT_ONCE):
            yield cast("bytes", key).decode().removeprefix(start)

    def clear(self) -> int:
        """Forgets all, places too, so that readers begin again; how many keys there were."""
        gone = 0
        batch: list[bytes] = []
        for key in self._redis.scan_iter(match=_literal(self.settings.prefix) + "*", count=SCANNED_AT_ONCE):
            batch.append(cast("bytes", key))
            if len(batch) >= SCANNED_AT_ONCE:
                gone += self._redis.unlink(*batch)
                batch.clear()
        return gone + (self._redis.unlink(*batch) if batch else 0)

    def _key(self, name: str) -> str:
        return f"{self.settings.prefix}{name}"


def is_passing(fault: RedisError) -> bool:
    """Whether the same call may go through later."""
    words = str(fault).split(" ", 1)[0]
    return isinstance(fault, PASSING) or words in {
        "LOADING",
        "OOM",
        "MASTERDOWN",
        "READONLY",
        "TRYAGAIN",
        "BUSY",
        "MISCONF",
    }


def is_without_function(fault: RedisError) -> bool:
    """Redis came back without its functions."""
    return isinstance(fault, ResponseError) and "Function not found" in str(fault)


def _connected(settings: RedisSettings) -> Redis:
    """Connects with the first call. Raises OSError where the file with the password cannot be read."""
    trusted = {} if settings.ca_file is None else {"ssl_ca_certs": str(settings.ca_file)}
    return Redis.from_url(
        settings.url,
        username=settings.username or None,
        password=settings.password(),
        socket_timeout=settings.timeout_seconds,
        socket_connect_timeout=settings.timeout_seconds,
        **trusted,
    )


def _literal(text: str) -> str:
    """Where a pattern is expected."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)
