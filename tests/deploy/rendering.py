"""What `kubectl kustomize` makes of an overlay, for as much of Kustomize as k8s/ uses; anything else is refused by name.

Names of generated ConfigMaps stay without the digest of their content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
K8S: Final = ROOT / "k8s"
OVERLAYS: Final = sorted(path.parent for path in K8S.glob("overlays/*/kustomization.yaml"))

# Every worker reads them to know what to test; libyaml takes a tenth of the time.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Object = dict[str, Any]


def rendered(folder: Path) -> list[Object]:
    """The objects of an overlay, a base or a component alone."""
    file = folder / "kustomization.yaml"
    told: Object = yaml.load(file.read_text(encoding="utf-8"), LOADER)
    if unknown := set(told) - {"apiVersion", "kind", *STEPS}:
        raise ValueError(f"{file}: {sorted(unknown)} is not known here; add it to {Path(__file__).name}")
    objects: list[Object] = []
    for key, step in STEPS.items():
        if key in told:
            objects = step(objects, told[key], folder)
    return objects


def _resources(objects: list[Object], paths: Sequence[str], folder: Path) -> list[Object]:
    found = [each for path in paths for each in _read((folder / path).resolve())]
    return [*objects, *found]


def _read(path: Path) -> list[Object]:
    if path.is_dir():
        return rendered(path)
    return [each for each in yaml.load_all(path.read_text(encoding="utf-8"), LOADER) if each]


def _config_maps(objects: list[Object], given: Sequence[Object], folder: Path) -> list[Object]:
    made = []
    for each in given:
        if set(each) != {"name", "files"}:
            raise ValueError(f"{folder}: expected name and files of a configMapGenerator, got {sorted(each)}")
        data = {file: (folder / file).read_text(encoding="utf-8") for file in each["files"]}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": each["name"]}, "data": data})
    return [*objects, *made]


def _patches(objects: list[Object], given: Sequence[Object], folder: Path) -> list[Object]:
    for each in given:
        text = each["patch"] if "patch" in each else (folder / each["path"]).read_text(encoding="utf-8")
        patch = yaml.load(text, LOADER)
        if isinstance(patch, list):
            for target in _selected(objects, each["target"]):
                for operation in patch:
                    _operate(target, operation)
        else:
            (target,) = _selected(objects, {"kind": patch["kind"], "name": patch["metadata"]["name"]})
            target.update(_merged(target, patch))
    return objects


def _operate(target: Object, operation: Object) -> None:
    *way, last = operation["path"].strip("/").split("/")
    holder: Any = target
    for part in way:
        holder = holder[int(part) if isinstance(holder, list) else part]
    if operation["op"] != "replace" or last not in holder:
        raise ValueError(f"expected to replace what is there, got {operation}")
    holder[last] = operation["value"]


def _merged(old: Any, new: Any) -> Any:
    """Strategically: tables by their keys, lists of named things by name, all else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list) and all("name" in each for each in (*old, *new)):
        changed = {each["name"]: each for each in new}
        kept = [_merged(each, changed.pop(each["name"], {})) for each in old]
        return [*kept, *changed.values()]
    return new


def _replicas(objects: list[Object], given: Sequence[Object], folder: Path) -> list[Object]:
    for each in given:
        for target in _selected(objects, {"name": each["name"]}):
            if "replicas" in target.get("spec", {}):
                target["spec"]["replicas"] = each["count"]
    return objects


def _namespace(objects: list[Object], name: str, folder: Path) -> list[Object]:
    for each in objects:
        each["metadata"]["namespace"] = name
    return objects


def _images(objects: list[Object], given: Sequence[Object], folder: Path) -> list[Object]:
    for image in given:
        for container in (found for each in objects for found in containers(each)):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    return objects


def _replacements(objects: list[Object], given: Sequence[Object], folder: Path) -> list[Object]:
    for each in given:
        source = dict(each["source"])
        (value,) = [_at(found, source.pop("fieldPath")) for found in _selected(objects, source)]
        for to in each["targets"]:
            for target in _selected(objects, to["select"]):
                for path in to["fieldPaths"]:
                    way, _, last = path.rpartition(".")
                    holder = _at(target, way)
                    place = int(last) if isinstance(holder, list) else last
                    holder[place] = type(holder[place])(value)
    return objects


def _at(found: Any, path: str) -> Any:
    for part in path.split("."):
        if named := re.fullmatch(r"\[name=(.+)\]", part):
            (found,) = [each for each in found if each["name"] == named[1]]
        else:
            found = found[int(part) if isinstance(found, list) else part]
    return found


def _selected(objects: Sequence[Object], by: Mapping[str, str]) -> list[Object]:
    found = [
        each
        for each in objects
        if by.get("kind", each["kind"]) == each["kind"] and by.get("name", each["metadata"]["name"]) == name_of(each)
    ]
    if not found:
        raise ValueError(f"expected an object of {dict(by)}, found none")
    return found


def name_of(found: Object) -> str:
    name: str = found["metadata"]["name"]
    return name


def pod_of(found: Object) -> Object | None:
    """The pod that a workload makes."""
    pod: Object | None = found.get("spec", {}).get("template", {}).get("spec")
    return pod


def containers(found: Object) -> Iterator[Object]:
    """Those that come first too."""
    pod = pod_of(found) or {}
    yield from (*pod.get("initContainers", ()), *pod.get("containers", ()))


# In the order in which Kustomize takes them.
STEPS: Final[Mapping[str, Callable[[list[Object], Any, Path], list[Object]]]] = {
    "resources": _resources,
    "configMapGenerator": _config_maps,
    "components": _resources,
    "patches": _patches,
    "namespace": _namespace,
    "replicas": _replicas,
    "images": _images,
    "replacements": _replacements,
}
