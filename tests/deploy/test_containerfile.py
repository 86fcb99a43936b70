"""The image: locked and hashed requirements, the code that runs and no other, no root, no shell, nothing to install with.

There is no container engine in the tests, so the steps that build it are done in an empty folder, and what they make is run.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.deploy.containerfile import FILE, Stage, instructions, stages
from tests.deploy.overlays import PROCESSES, SERVING
from tests.deploy.rendering import ROOT
from tests.made_once import read_together

PROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOT_SHIPPED: Final = {"simulation", "benchmarks", "monitoring"}
BUILT_WITH: Final = {"requirements.txt", "pyproject.toml", "scripts/name_release.py"}
COMPILED_WITH: Final = {"requirements-build.txt", "setup.py"}
# Without it nobody knows which schemas frozen rules write with, nor whether their files are as they were.
KEPT_BESIDE: Final = {"rules.lock"}
INDEX_MISSING: Final = "the package index is not reached: THE STEPS OF THE CONTAINERFILE WERE NOT RUN"
COMPILE, BUILD, FINAL = stages()


def sources(stage: Stage) -> list[str]:
    """What is copied from the folder that is built from."""
    return [
        source
        for each in stage.all("COPY")
        if not any(option.startswith("--from=") for option in each.options)
        for source in each.paths[0]
    ]


def environment() -> dict[str, str]:
    return {name: value for each in FINAL.all("ENV") for name, value in each.pairs.items()}


def test_the_base_is_one_version_of_a_python_that_milepost_runs_on() -> None:
    assert BUILD.base == FINAL.base == COMPILE.base.replace("-", "-slim-")
    found = re.fullmatch(r"python:(3\.(\d+)\.\d+)-slim-\w+", FINAL.base)
    assert found is not None, FINAL.base
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.13"
    assert int(found[2]) in {11, 12}
    ours = [each.rest for each in FINAL.instructions if "/usr/local/lib/python" in each.rest]
    assert all(f"/usr/local/lib/python3.{found[2]}/" in each for each in ours)


def test_what_ships_is_what_runs() -> None:
    packages = set(PROJECT["tool"]["setuptools"]["packages"])
    assert set(sources(BUILD)) == (packages - NOT_SHIPPED) | BUILT_WITH | KEPT_BESIDE
    assert sources(FINAL) == []
    assert {each for each in sources(COMPILE) if not each.endswith(".pyx")} == COMPILED_WITH
    for source in (*sources(COMPILE), *sources(BUILD)):
        assert (ROOT / source).exists(), source


def test_the_builder_gets_no_more_than_it_copies() -> None:
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    first, *rest = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == set(sources(BUILD)) | COMPILED_WITH


def test_requirements_are_locked_with_hashes_and_no_package_runs_code_while_it_is_installed() -> None:
    for stage, file, least in ((BUILD, "requirements.txt", 20), (COMPILE, "requirements-build.txt", 2)):
        (install,) = [each.listed for each in stage.all("RUN") if "install" in each.listed]
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:", f"--requirement={file}"} <= set(install)
        locked = re.split(r"\n(?=[a-z])", (ROOT / file).read_text(encoding="utf-8"))
        pinned = [each for each in locked if not each.startswith("#")]
        assert len(pinned) >= least
        assert all(re.match(r"[a-z0-9._-]+==\S+ ", each) and "--hash=sha256:" in each for each in pinned)


def test_nothing_is_installed_behind_the_build() -> None:
    runs = [each.listed for each in FINAL.all("RUN")]
    assert not any("install" in run for run in runs)
    assert any(run[:4] == ["python", "-m", "pip", "uninstall"] and run[-1] == "pip" for run in runs)


def test_no_shell_stands_between_the_kubelet_and_milepost() -> None:
    for stage in (COMPILE, BUILD, FINAL):
        assert all(each.listed for each in stage.all("RUN"))
    assert FINAL.only("ENTRYPOINT").listed == ["python", "-m", "milepost"]
    assert FINAL.only("CMD").listed == ["--help"]
    assert FINAL.only("STOPSIGNAL").rest == "SIGTERM"


def test_it_runs_as_the_user_that_kubernetes_is_told() -> None:
    user = FINAL.only("USER").rest
    assert [each.word for each in FINAL.instructions].index("USER") > max(
        at for at, each in enumerate(FINAL.instructions) if each.word in {"RUN", "COPY"}
    )
    told = {
        f"{each.pod['securityContext']['runAsUser']}:{each.pod['securityContext']['runAsGroup']}" for each in PROCESSES
    }
    assert told == {user}
    assert not user.startswith("0")


def test_folders_and_ports_are_those_of_the_manifests() -> None:
    (folder,) = FINAL.only("VOLUME").listed
    assert environment()["MILEPOST__STORE__FOLDER"] == folder
    assert {each.environment["MILEPOST__STORE__FOLDER"] for each in PROCESSES} == {folder}
    assert {str(each.container["ports"][0]["containerPort"]) for each in SERVING} == {FINAL.only("EXPOSE").rest}


def test_no_secret_and_no_address_is_in_it() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"password|secret|token|api[-_]?key|index-url|trusted-host", text, re.IGNORECASE)
    assert not [each for each in instructions() if each.word == "ADD"]


def test_its_labels_say_what_it_is() -> None:
    labels = FINAL.only("LABEL").pairs
    assert labels["org.opencontainers.image.version"] == PROJECT["project"]["version"]
    assert {"title", "description", "revision"} <= {name.rpartition(".")[2] for name in labels}


class Tree(NamedTuple):
    """What the image would have under `/`, and who runs in it."""

    root: Path
    python: list[str]

    def run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        variables = {name: self._inside(value) for name, value in environment().items()}
        return subprocess.run(
            [*self.python, *arguments],
            env={"PATH": os.environ["PATH"], **variables},
            cwd=self._inside(FINAL.only("WORKDIR").rest),
            capture_output=True,
            text=True,
            check=False,
        )

    def _inside(self, value: str) -> str:
        return re.sub(r"(?<![^:])/", f"{self.root}/", value)


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """With this Python instead of the image's, and without this environment's packages."""
    with read_together("image", make_image) as made:
        yield Tree(made / "root", [*unprivileged(), getattr(sys, "_base_executable", sys.executable), "-S"])


def make_image(folder: Path) -> None:
    """By the steps of the Containerfile."""
    build, root = folder / "build", folder / "root"
    build.mkdir()
    build_in(build)
    for each in FINAL.all("COPY"):
        (source,), target = each.paths
        shutil.copytree(build / Path(source).relative_to("/build"), root / target.lstrip("/"))
    (root / "tmp").mkdir()
    shutil.rmtree(build)
    for path in (root / "opt", *(root / "opt").rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def build_in(folder: Path) -> None:
    def inside(path: str) -> Path:
        return folder / Path(path).relative_to("/build")

    for each in (*COMPILE.instructions, *BUILD.instructions):
        match each.word:
            case "COPY" if each.options:
                (source,), target = each.paths
                shutil.copytree(inside(source), inside(target), dirs_exist_ok=True)
            case "COPY":
                given, target = each.paths
                for source in given:
                    copy(ROOT / source, folder / Path(source).name if target == "./" else inside(target))
            case "RUN":
                command = [part.replace("/build", str(folder)) for part in each.listed]
                command = [{"python": sys.executable}.get(part, part) for part in command]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                if "NewConnectionError" in done.stderr or "NameResolutionError" in done.stderr:
                    pytest.skip(INDEX_MISSING)
                assert done.returncode == 0, done.stderr


def copy(source: Path, target: Path) -> None:
    """Without what this environment has compiled."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.so"), dirs_exist_ok=True)
    else:
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)


def unprivileged() -> list[str]:
    """Root writes where it may not; without its capabilities it is a user as any other."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def test_what_the_steps_make_runs_with_no_rights_in_a_tree_that_cannot_be_written(tree: Tree) -> None:
    entrypoint = FINAL.only("ENTRYPOINT").listed[1:]
    shown = tree.run([*entrypoint, *FINAL.only("CMD").listed])
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("Usage: milepost")
    assert "milepost simulate" not in shown.stdout
    for command in (
        "serve accounting --help",
        "topics list",
        "schemas ids --set registry.fixed_ids=true",
        "doctor --help",
    ):
        done = tree.run([*entrypoint, *command.split()])
        assert done.returncode == 0, done.stderr
    store = tree.run([*entrypoint, "settings", "show", "--json"])
    assert f'"store.folder":"{tree.root}/var/lib/milepost"' in store.stdout


def test_what_it_reads_and_writes_records_with_is_compiled(tree: Tree) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no cc here")
    done = tree.run(["-c", "from connectors.compiled import native; print(native.__file__)"])
    assert done.stdout.strip().endswith(".so"), done.stdout + done.stderr


def test_it_knows_its_release(tree: Tree) -> None:
    done = tree.run(["-c", "from importlib.metadata import version; print(version('milepost'))"])
    assert done.stdout.strip() == PROJECT["project"]["version"]


def test_its_code_is_compiled_and_stays_as_it_is(tree: Tree) -> None:
    """Or every start would compile it again."""
    app = tree.root / "opt" / "milepost" / "app"
    for module in app.rglob("*.py"):
        assert list((module.parent / "__pycache__").glob(f"{module.stem}.*.pyc")), module
    done = tree.run(["-c", "open('milepost/new.py', 'w')"])
    assert done.returncode == 1
    assert "Permission denied" in done.stderr


def test_there_is_nothing_in_it_to_test_or_to_simulate_with(tree: Tree) -> None:
    for package in ("tests", "simulation", "benchmarks", "pytest", "pip", "kubernetes_validate"):
        assert tree.run(["-c", f"import {package}"]).stderr.rstrip().endswith(f"No module named '{package}'")
