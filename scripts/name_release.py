"""Writes what `importlib.metadata` reads the release from, for an image into which nothing is installed.

python name_release.py pyproject.toml PACKAGES
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(project: Path, packages: Path) -> None:
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    folder = packages / f"{told['name']}-{told['version']}.dist-info"
    folder.mkdir()
    text = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    (folder / "METADATA").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
