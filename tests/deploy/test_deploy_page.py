"""What docs/deploy.md says of the manifests is so."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.deploy.commands import assert_is_a_command
from tests.deploy.overlays import NAMES, objects, one, settings_text
from tests.deploy.rendering import ROOT, name_of

TEXT: Final = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
COMMANDS: Final = re.findall(r"kubectl .*?(?=[`\n])", TEXT)
# As kubectl names them in short; those of a claim and a pod begin with what makes them.
KINDS: Final = {"deployment": "Deployment", "statefulset": "StatefulSet", "job": "Job"}


def test_what_its_commands_name_is_there() -> None:
    named = [
        (kind, name)
        for command in COMMANDS
        for kind, name in re.findall(r"\b(deployment|statefulset|job)/([a-z-]+)", command)
    ]
    assert len(named) >= 8
    for kind, name in named:
        assert one("prod", KINDS[kind], name)


def test_verbs_that_run_in_pods_are_verbs() -> None:
    found = re.findall(r"-- python -m milepost (.+)", TEXT)
    assert found
    for line in found:
        assert_is_a_command(line.split())


def test_pods_and_claims_are_called_as_it_says() -> None:
    claim = one("prod", "StatefulSet", "accounting")["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    found = set(re.findall(r"\b([a-z]+)-accounting-\d", TEXT))
    assert found == {claim}
    assert one("prod", "PersistentVolumeClaim", "intake-store")


def test_labels_by_which_it_selects_are_those_of_pods() -> None:
    chosen = set(re.findall(r"--selector=app.kubernetes.io/component=([a-z]+)", TEXT))
    pods = [each["spec"]["template"]["metadata"] for each in objects("prod") if "template" in each.get("spec", {})]
    assert chosen
    assert chosen <= {pod["labels"]["app.kubernetes.io/component"] for pod in pods}


def test_folders_and_namespaces_are_those_of_the_overlays() -> None:
    assert set(re.findall(r"k8s/overlays/([a-z]+)", TEXT)) == set(NAMES)
    assert {each["metadata"]["namespace"] for each in objects("prod")} == set(re.findall(r"kubectl -n ([a-z-]+)", TEXT))
    assert {each["metadata"]["namespace"] for each in objects("dev")} == {"milepost-dev"}


def test_the_secrets_have_the_files_that_the_settings_name() -> None:
    ours, of_erps = [each for each in COMMANDS if "create secret" in each]
    assert " milepost " in ours
    assert " milepost-erp " in of_erps
    accounts = one("prod", "ConfigMap", "milepost")["data"]["accounts.toml"]
    for command, named in ((ours, settings_text("prod")), (of_erps, accounts)):
        given = set(re.findall(r"--from-file=(\S+)", command))
        assert given == set(re.findall(r"/run/secrets/(?:milepost|erp)/([a-z.-]+)\"", named))


@pytest.mark.parametrize("overlay", NAMES)
def test_the_table_names_every_workload(overlay: str) -> None:
    for each in objects(overlay):
        if each["kind"] in KINDS.values() and name_of(each) != "redis":
            assert f"| {each['kind']} `{name_of(each)}`" in TEXT
