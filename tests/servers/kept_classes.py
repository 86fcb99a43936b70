"""Classes of Kafka and of the registry as Java uses them, kept beside their archives, so that each start takes half of the time.

Java makes the file (class data sharing) when a server ends that ran with it as `written`.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.fetched import BUILD, alone, kept_classes
from tests.servers.kafka import Broker
from tests.servers.registry import Registry
from tests.servers.server import Server


class _WritingBroker(Broker):
    def java(self) -> list[str]:
        program, *rest = super().java()
        return [program, *_written(self), *rest] if self._meta.exists() else [program, *rest]


class _WritingRegistry(Registry):
    def command(self) -> list[str]:
        program, *rest = super().command()
        return [program, *_written(self), *rest]


def keep_classes() -> None:
    """Those that are not kept yet: each server is started once and ended in order. Raises ServerFailed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=BUILD) as folder:
        for server in (_WritingBroker(Path(folder, "kafka")), _WritingRegistry(Path(folder, "registry"))):
            kept = kept_classes(server.name)
            if not kept.exists():
                with server:
                    pass
                # As a whole or not at all; a Java that cannot make it has said why in the log, and starts as before.
                with alone(), suppress(FileNotFoundError):
                    _target(server).rename(kept)


def _written(server: Server) -> list[str]:
    return [f"-XX:ArchiveClassesAtExit={_target(server)}"]


def _target(server: Server) -> Path:
    return server.folder / "classes.jsa"
