"""Apicurio Registry, asked as Confluent's schema registry is; what it holds lies in a file of its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tests.servers.fetched import java, registry_archive, with_kept_classes
from tests.servers.server import HOST, Server, get

PATH = "/apis/ccompat/v7"


class Registry(Server):
    name = "registry"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{PATH}"

    def prepare(self) -> None:
        (self.folder / "java").mkdir(exist_ok=True)

    def command(self) -> list[str]:
        quick = [*with_kept_classes("registry"), "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return [java(), *quick, "-XX:-UsePerfData", "-Djava.io.tmpdir=java", "-jar", str(registry_archive())]

    def environment(self) -> Mapping[str, str]:
        # Written at once, so that a registry that was killed remembers what it had answered.
        kept = f"jdbc:h2:file:{self.folder / 'schemas'};DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0"
        return {
            **os.environ,
            "QUARKUS_HTTP_HOST": HOST,
            "QUARKUS_HTTP_PORT": str(self.port),
            "APICURIO_DATASOURCE_URL": kept,
        }

    def answers(self) -> bool:
        return get(self.port, f"{PATH}/subjects")[0] == 200
