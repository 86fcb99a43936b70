"""The official rules of e-invoices, run by Java: XSD of UBL 2.1, EN 16931 and Peppol BIS Billing 3; Maven fetches them once."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.servers.fetched import ROOT, Missing, java

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
PROGRAM = HERE / "Validate.java"
BUILD = ROOT / "build" / "e-invoices"
# It runs for some seconds: code that is made once and quickly is the fastest.
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# XSD, EN 16931, Peppol.
CHECKS = 3


class Finding(NamedTuple):
    file: str
    rule: str
    message: str


def findings(files: Sequence[Path]) -> list[Finding]:
    """What the rules say against the files, warnings too; every file is checked by all of them."""
    folder = _fetched()
    classes = f"{folder / 'rules'}/*:{folder / 'classes'}"
    made = subprocess.run(
        [java(), *QUICK, "-cp", classes, "Validate", *map(str, files)], capture_output=True, text=True, check=True
    )
    told = [line.split("\t") for line in made.stdout.splitlines()]
    checked = {file: int(count) for file, kind, count, *_ in told if kind == "checked"}
    assert checked == {str(file): CHECKS for file in files}, made.stdout + made.stderr
    return [Finding(Path(file).name, rule, message) for file, kind, rule, *more in told for message in more]


def _fetched() -> Path:
    java()
    folder = BUILD / hashlib.sha256(POM.read_bytes() + PROGRAM.read_bytes()).hexdigest()[:12]
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for program in ("mvn", "javac"):
                if shutil.which(program) is None:
                    raise Missing(f"no {program} here; it fetches and compiles the rules of e-invoices")
            subprocess.run(["mvn", "-B", "-q", "-ntp", "-f", str(POM), f"-Dfolder={folder}", "package"], check=True)
            classes = str(folder / "classes")
            subprocess.run(["javac", "-cp", f"{folder / 'rules'}/*", "-d", classes, str(PROGRAM)], check=True)
            (folder / "complete").touch()
    return folder
