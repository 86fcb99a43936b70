"""Where the programs of the servers are: on the path, or in build/servers, into which Maven and apt-get bring them.

Kafka and the registry are Java archives that tests/kafka/pom.xml names; they are fetched once for each text of that file.
Redis and Prometheus are Debian's packages, unpacked without being installed, so that none of their services starts.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "tests" / "kafka" / "pom.xml"
BUILD: Final = ROOT / "build" / "servers"
DEBIAN: Final = BUILD / "debian"
# With the libraries of theirs that a small system may lack.
DEBIAN_PACKAGES: Final = ("redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1", "prometheus")
PROGRAMS: Final = ("redis-server", "prometheus", "promtool")
JAVA_VERSION: Final = 17


class Missing(Exception):
    """Something that a server needs is not on this machine; the text says what, and how to get it."""


@cache
def java() -> str:
    """The `java` of JAVA_HOME, else of the path."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which(str(Path(home, "bin", "java")) if home else "java")
    if program is None:
        raise Missing(f"no java here; Kafka and the schema registry need Java {JAVA_VERSION} or newer")
    told = _version(program)
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA_VERSION:
        raise Missing(
            f"Kafka and the schema registry need Java {JAVA_VERSION} or newer; {program} says {told.strip()!r}"
        )
    return program


@cache
def _version(program: str) -> str:
    return subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr


def kept_classes(server: str) -> Path:
    """Where this Java keeps the classes of a server in the form in which it uses them; `tests.servers.kept_classes` makes it."""
    java_of = hashlib.sha256(_version(java()).encode()).hexdigest()[:12]
    return java_archives() / f"{server}-{java_of}.jsa"


def with_kept_classes(server: str) -> list[str]:
    """What Java is told to begin with them, which takes half of the time; nothing where they are not kept. Java passes over those of
    another Java or other archives, and is to say so to nobody who reads what a tool prints.
    """
    kept = kept_classes(server)
    return [f"-XX:SharedArchiveFile={kept}", "-Xlog:disable"] if kept.exists() else []


def kafka_classpath() -> str:
    return f"{java_archives() / 'kafka'}/*"


def registry_archive() -> Path:
    """The jar to start the registry from; its libraries lie beside it."""
    (archive,) = (java_archives() / "registry").glob("*-runner.jar")
    return archive


@cache
def java_archives() -> Path:
    """The folder with `kafka` and `registry`, fetched when it is not there."""
    java()
    folder = BUILD / f"java-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    complete = folder / "complete"
    with alone():
        if not complete.exists():
            if shutil.which("mvn") is None:
                raise Missing("no mvn here; Maven fetches Kafka and the schema registry")
            for other in BUILD.glob("java-*"):
                shutil.rmtree(other)
            _run(["mvn", "-B", "-q", "-ntp", "-f", str(POM), f"-Dfolder={folder}", "package"], BUILD)
            complete.touch()
    return folder


def program(name: str) -> str:
    """Where it is; nothing is fetched."""
    found = shutil.which(name) or shutil.which(name, path=str(DEBIAN / "usr" / "bin"))
    if found is None:
        raise Missing(f"no {name} here; install it, or on Debian bring it with: python -m tests.servers fetch")
    return found


def environment(of: str) -> Mapping[str, str]:
    """What a program needs besides: the libraries that were fetched with it."""
    if not Path(of).is_relative_to(DEBIAN):
        return os.environ
    libraries = [str(folder) for folder in sorted((DEBIAN / "usr" / "lib").glob("*-linux-gnu"))]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join([*libraries, os.environ.get("LD_LIBRARY_PATH", "")])}


def fetch() -> None:
    """Bring what is not here."""
    java_archives()
    with alone():
        try:
            for name in PROGRAMS:
                program(name)
        except Missing:
            _fetch_debian()
    for name in PROGRAMS:
        program(name)


def _fetch_debian() -> None:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Missing(f"no {tool} here to fetch {', '.join(PROGRAMS)} with; install them")
    shutil.rmtree(DEBIAN, ignore_errors=True)
    packages = DEBIAN / "packages"
    packages.mkdir(parents=True)
    download = ["apt-get", "-qq", "download", *DEBIAN_PACKAGES]
    try:
        _run(download, packages)
    except Missing:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "-qq", "update"], packages)
        _run(download, packages)
    for package in sorted(packages.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(DEBIAN)], packages)
    shutil.rmtree(packages)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip().splitlines()
        raise Missing(f"{' '.join(command)} ended with {done.returncode}: {' | '.join(told[:3])}")


@contextmanager
def alone() -> Iterator[None]:
    """One process fetches; others wait for it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
