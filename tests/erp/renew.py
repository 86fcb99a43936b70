"""Writes into golden files what an adapter sends and gives now: `python -m tests.erp.renew NAME [CASE ...]`; read them then."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.erp import contract, plugs


def main(name: str, cases: Sequence[str]) -> None:
    plug = next(each for each in plugs.PLUGS if each.name == name)
    for path in sorted(plug.folder.glob("*.json")):
        if not cases or path.stem in cases:
            with TemporaryDirectory() as folder:
                renew(plug, path, Path(folder))


def renew(plug: contract.Plug, path: Path, folder: Path) -> None:
    whole = json.loads(path.read_text(encoding="utf-8"))
    comes, script = contract.play(plug, contract.read(path), folder)
    for exchange, request in zip(whole["exchanges"], script.requests, strict=False):
        answer = exchange.pop("answer")
        exchange |= {"request": request, "answer": answer}
    if script.too_many or len(script.requests) < len(whole["exchanges"]):
        print(
            f"{path.stem}: {len(script.requests)} of {len(whole['exchanges'])} exchanges were made, and {script.too_many}"
        )
    whole["comes"] = comes
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
