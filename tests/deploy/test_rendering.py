"""The tests see what a cluster would be given: their own rendering is that of Kustomize, and Kubernetes takes each object."""

from __future__ import annotations

import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.deploy.overlays import NAMES, folder_of, objects
from tests.deploy.rendering import K8S, Object, name_of, rendered

KUBERNETES = "1.37"
# Of an operator, so Kubernetes itself has no schema of it.
FOREIGN = {"ServiceMonitor"}
KUSTOMIZE_MISSING = "no kustomize and no kubectl here: RENDERING IS NOT COMPARED with theirs"
OBJECTS = {f"{overlay}-{each['kind']}-{name_of(each)}": each for overlay in NAMES for each in objects(overlay)}


def kustomized(overlay: str) -> list[Object]:
    if shutil.which("kustomize"):
        command = ["kustomize", "build"]
    elif shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    else:
        pytest.skip(KUSTOMIZE_MISSING)
    done = subprocess.run([*command, str(folder_of(overlay))], capture_output=True, text=True, check=True)
    return [_without_digest(each) for each in yaml.safe_load_all(done.stdout)]


def _without_digest(found: Object) -> Object:
    text = yaml.safe_dump(found)
    plain: Object = yaml.safe_load(
        re.sub(r"\bname: milepost-[0-9a-z]{10}$", "name: milepost", text, flags=re.MULTILINE)
    )
    return plain


@pytest.mark.parametrize("overlay", NAMES)
def test_kustomize_renders_the_same(overlay: str) -> None:
    ours = {(each["kind"], name_of(each)): each for each in objects(overlay)}
    theirs = {(each["kind"], name_of(each)): each for each in kustomized(overlay)}
    assert ours == theirs


@pytest.mark.parametrize("named", OBJECTS)
def test_kubernetes_would_take_every_object(named: str) -> None:
    found = OBJECTS[named]
    if found["kind"] in FOREIGN:
        assert found["apiVersion"] == "monitoring.coreos.com/v1"
        assert set(found["spec"]) == {"selector", "endpoints", "jobLabel"}
    else:
        assert kubernetes_validate.validate(found, KUBERNETES, strict=True) == KUBERNETES


def test_a_wrong_object_is_noticed() -> None:
    """A word that Kubernetes does not know would else be left out silently by some clients."""
    found = deepcopy(OBJECTS["prod-StatefulSet-accounting"])
    found["spec"]["template"]["spec"]["terminationGracePeriod"] = 120
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_what_is_not_known_of_kustomize_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: other-\n", encoding="utf-8")
    with pytest.raises(ValueError, match="namePrefix"):
        rendered(tmp_path)


def test_every_file_is_used() -> None:
    for file in K8S.rglob("kustomization.yaml"):
        text = file.read_text(encoding="utf-8")
        for beside in file.parent.iterdir():
            assert beside == file or beside.is_dir() or beside.name in text, f"{beside} is not named in {file}"
