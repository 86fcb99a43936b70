"""What a C compiler makes is used where one is, and nothing needs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from connectors.compiled import INTERPRETED, native

WHICH = "from connectors.avro_codec import EVENT_CODECS; print(type(EVENT_CODECS['TimeApproved'].decode).__name__)"


def printed(program: str, **environment: str) -> str:
    left = {name: value for name, value in os.environ.items() if name != INTERPRETED}
    asked = [sys.executable, "-c", program]
    return subprocess.run(asked, env={**left, **environment}, capture_output=True, text=True, check=True).stdout.strip()


def test_the_environment_has_what_is_compiled() -> None:
    if shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("no cc here, or no headers of this Python")
    assert native is not None, "make it with: make setup"
    assert printed(WHICH) == "Reader"


def test_it_can_be_left_out() -> None:
    assert printed(WHICH, **{INTERPRETED: "1"}) == "function"


NAMED = """
import dataflows.embedded
from domain.ledger.journal import Leg
from domain.outputs import JournalEntry
for of in (Leg, JournalEntry):
    made = of._make(range(len(of._fields)))
    assert [getattr(made, name) for name in of._fields] == [*made], made
    assert made._replace(**{of._fields[-1]: -1})[-1] == -1
print(type(vars(Leg)["amount"]).__name__)
try:
    Leg("1150", "revenue", 100, 100).amount = 200
except AttributeError:
    print("refused")
"""


@pytest.mark.skipif(native is None, reason="nothing is compiled here")
def test_fields_of_named_tuples_are_slots() -> None:
    """Each reads the value in its own place, and none can be changed."""
    assert printed(NAMED) == "member_descriptor\nrefused"


def test_python_reads_them_by_itself() -> None:
    assert printed(NAMED, **{INTERPRETED: "1"}) == "_tuplegetter\nrefused"


HELD = """
import gc, re, resource
from connectors import huge_pages
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

huge_pages.ask()
huge_pages.ask()
before = resident()
texts = [f"entry {number}" for number in range(1_000_000)]
held = resident() - before
del texts
gc.collect()
left = resident() - before
asked = re.findall("VmFlags:.* hg", Path("/proc/self/smaps").read_text())
print(bool(asked), held > 40_000_000, left < held / 4)
"""


@pytest.mark.skipif(native is None, reason="nothing is compiled here")
@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="a system without /proc")
def test_memory_is_asked_for_in_huge_pages_and_given_back() -> None:
    """A million texts take 60 MB and more; once nobody has them, less than a fourth of it stays."""
    assert printed(HELD) == "True True True"
