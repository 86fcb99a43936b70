from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, Phase, settings

from connectors.compiled import ask_for_huge_pages
from tests import in_memory, made_once
from tests.compiling import compile_share
from tests.order import in_turn

# Real servers: broker, registry, redis_server, promtool, started, new_topic.
pytest_plugins = ["tests.kafka.servers"]

# Making `milepost` out of its verbs takes longer than most of them, and thousands of tests call one in this process.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]  # its own import

ask_for_huge_pages()  # as a command does
# Before anybody asks for a temporary file; workers have it from the process that starts them.
IN_MEMORY = None if "PYTEST_XDIST_WORKER" in os.environ else in_memory.begin()

ROOT = Path(__file__).parents[1]
# What tools keep there, besides what begins with a dot.
TOOLS = frozenset({"build", "__pycache__"})

# Looking for garbage as often as Python does is a twentieth of the time of all tests; as seldom as a command does it would keep clients of
# Kafka, with their threads and connections, long after their test.
COLLECTED = (20_000, 10, 10)
FAILED = pytest.StashKey[bool]()

# No test may depend on how fast the machine is, so neither profile has a deadline or minds slow examples.
UNTIMED = (HealthCheck.too_slow,)

# The same examples on every run, so that a red build is red again when it is looked into. A failing one is shown as it was found:
# making it small can take longer than all tests together.
settings.register_profile(
    "ci",
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=UNTIMED,
    phases=(Phase.explicit, Phase.generate),
)
# New examples on every run, for a night: make test HYPOTHESIS_PROFILE=thorough
settings.register_profile(
    "thorough", max_examples=2_000, derandomize=False, deadline=None, print_blob=True, suppress_health_check=UNTIMED
)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[made_once.FOLDER] = tempfile.mkdtemp(prefix="milepost-made-once-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """What failed tests have left stays until the next run."""
    if not hasattr(config, "workerinput"):
        with suppress(OSError):
            made_once.clear(Path(os.environ.pop(made_once.FOLDER)))
        if IN_MEMORY is not None and not config.stash.get(FAILED, False):
            shutil.rmtree(IN_MEMORY, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[FAILED] = session.testsfailed > 0


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is imported and collected for 15,000 tests stays: nobody looks for garbage among it, now or later."""
    gc.disable()
    if told := getattr(session.config, "workerinput", None):
        compile_share(session.config, int(told["workerid"].removeprefix("gw")), told["workercount"])
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    items[:] = in_turn(items, workers, lambda item: _below_tests(item.path))


@cache
def _below_tests(path: Path) -> Path:
    return path.relative_to(ROOT / "tests")


@pytest.fixture(autouse=True)
def nothing_new_beside_the_code() -> Iterator[None]:
    """A process without a folder of its own would write there what somebody then commits."""
    before = _beside_the_code()
    yield
    left = sorted(_beside_the_code() - before)
    assert not left, f"{', '.join(left)} came into {ROOT} meanwhile; give what wrote it a folder of the test's own"


def _beside_the_code() -> set[str]:
    return {each.name for each in os.scandir(ROOT) if not each.name.startswith(".") and each.name not in TOOLS}


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the public data sets that are not part of the project."""
    folder = os.environ.get("MILEPOST_REAL_DATA")
    if not folder:
        pytest.skip("MILEPOST_REAL_DATA names no folder with the public data sets")
    return Path(folder)
