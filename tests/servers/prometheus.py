"""Prometheus, which reads the metrics pages that it is told of once a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.servers.fetched import environment, program
from tests.servers.server import HOST, Server, ServerFailed, get


class Prometheus(Server):
    """`targets` are host:port of metrics pages; `rules` are files of alert rules."""

    name = "prometheus"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        targets: Sequence[str] = (),
        rules: Sequence[Path] = (),
        owner: int | None = None,
    ) -> None:
        super().__init__(folder, port, owner)
        self._targets = targets
        self._rules = rules

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        """Its file is YAML, and JSON is YAML."""
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path.absolute()) for path in self._rules],
            "scrape_configs": [{"job_name": "milepost", "static_configs": [{"targets": list(self._targets)}]}],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(settings, indent=2), encoding="utf-8")

    def command(self) -> list[str]:
        return [
            program("prometheus"),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--enable-feature=exemplar-storage",
        ]

    def environment(self) -> Mapping[str, str]:
        return environment(program("prometheus"))

    def answers(self) -> bool:
        return get(self.port, "/-/ready")[0] == 200

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that a PromQL expression gives now, each with `metric` and `value`."""
        status, body = get(self.port, f"/api/v1/query?{urlencode({'query': expression})}")
        if status != 200:
            raise ServerFailed(f"prometheus answered {status} to {expression}: {body.decode(errors='replace')}")
        result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
        return result
