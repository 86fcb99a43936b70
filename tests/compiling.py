"""In a fresh copy nothing is compiled yet, and each worker would compile all of it for itself: each begins with a share instead.

The same with the constants of our code, of which Hypothesis makes examples: it keeps them by the text of a file.
"""

from __future__ import annotations

import compileall
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.assertion import rewrite
from hypothesis.internal.constants_ast import constants_from_module

ROOT = Path(__file__).parents[1]


def compile_share(config: pytest.Config, number: int, workers: int) -> None:
    """Code of pytest's is what it does itself when it imports a test; it still looks whether what is kept is of this text."""
    files = sorted(path for folder in ROOT.iterdir() if _is_ours(folder) for path in folder.rglob("*.py"))
    for path in files[number::workers]:
        if not path.name.startswith("test_"):
            compileall.compile_file(path, quiet=2)
            if ROOT / "tests" not in path.parents:
                _keep_constants(path)
        elif not (kept := _kept(path)).exists() or kept.stat().st_mtime < path.stat().st_mtime:
            source, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source, kept)


def _keep_constants(path: Path) -> None:
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    constants_from_module(module)


def _is_ours(folder: Path) -> bool:
    return (folder / "__init__.py").exists() or folder.name == "tests"


def _kept(path: Path) -> Path:
    folder = rewrite.get_cache_dir(path)
    rewrite.try_makedirs(folder)
    return folder / f"{path.stem}{rewrite.PYC_TAIL}"
