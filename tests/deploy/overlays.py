"""Objects of the overlays, by what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.deploy.rendering import OVERLAYS, Object, containers, name_of, pod_of, rendered

NAMES: Final = [path.name for path in OVERLAYS]


class Process(NamedTuple):
    """A container of Milepost's, with the workload and the pod that it is in."""

    overlay: str
    workload: Object
    pod: Object
    container: Object

    @property
    def label(self) -> str:
        return f"{self.overlay}-{name_of(self.workload)}-{self.container['name']}"

    @property
    def environment(self) -> Mapping[str, str]:
        return {each["name"]: each["value"] for each in self.container["env"]}

    @property
    def mounts(self) -> Mapping[str, str]:
        """What lies where."""
        return {each["mountPath"]: each["name"] for each in self.container["volumeMounts"]}

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.workload["spec"]["template"]["metadata"]["labels"]
        return found

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]


@cache
def objects(overlay: str) -> tuple[Object, ...]:
    (folder,) = [path for path in OVERLAYS if path.name == overlay]
    return tuple(rendered(folder))


def one(overlay: str, kind: str, name: str) -> Any:
    (found,) = [each for each in objects(overlay) if each["kind"] == kind and name_of(each) == name]
    return found


def processes() -> Iterator[Process]:
    for overlay in NAMES:
        for each in objects(overlay):
            pod = pod_of(each)
            if pod is not None:
                for container in containers(each):
                    if container["image"].partition(":")[0] == "milepost":
                        yield Process(overlay, each, pod, container)


PROCESSES: Final = list(processes())
SERVING: Final = [each for each in PROCESSES if each.container["args"][0] == "serve"]


def settings_text(overlay: str) -> str:
    text: str = one(overlay, "ConfigMap", "milepost")["data"]["milepost.toml"]
    return text


def folder_of(overlay: str) -> Path:
    return next(path for path in OVERLAYS if path.name == overlay)
