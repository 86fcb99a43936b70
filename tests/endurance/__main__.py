"""Exactly once into an ERP: a delivery is killed, the ERP loses answers, and in the end both ledgers agree.

python -m tests.endurance --erp netsuite --journals 20000 --seed 7
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.delivery.chart import ENTITY_DAY, ENTRY
from simulation.erp.simulated import INTERFACES
from tests.endurance.run import Broken, Outcome, Plan, run

SHOWN: Final = 20


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    failed = 0
    for kind in asked.erp or INTERFACES:
        folder: Path = asked.folder / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        plan = Plan(kind, asked.journals, asked.seed, asked.lose_store, asked.twice, grain=asked.grain)
        _say(f"{kind}, seed {plan.seed}: about {plan.journals:,} journals, in {folder}")
        try:
            outcome = run(plan, folder.absolute(), lambda line: _say(f"  {line}"))
        except Broken as broken:
            _say(f"FAILED  {broken}")
            failed += 1
            continue
        _told(outcome)
        failed += bool(outcome.faults)
    return 1 if failed else 0


def _told(outcome: Outcome) -> None:
    met = ", ".join(f"{name} {count:,}" for name, count in sorted(outcome.met.items()))
    _say(
        f"  {outcome.journals:,} journals, {outcome.moved:,} of them in place of some of {outcome.closed}; {outcome.calls:,} calls in "
        f"{outcome.seconds:.0f} s; met: {met}; killed {outcome.killed} times"
    )
    for fault in outcome.faults[:SHOWN]:
        _say(f"  {fault}")
    if len(outcome.faults) > SHOWN:
        _say(f"  and {len(outcome.faults) - SHOWN:,} more")
    _say("FAILED  the ledgers differ" if outcome.faults else "passed  each journal is in the ERP's ledger once")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument(
        "--erp", action="append", choices=sorted(INTERFACES), help="repeat it; all where it is left out"
    )
    parser.add_argument("--journals", type=int, default=20_000, help="about so many")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--grain", choices=(ENTRY, ENTITY_DAY), default=ENTRY, help="what a journal of the ERP is made of"
    )
    parser.add_argument("--lose-store", action="store_true", help="delete the store of intents after the kills")
    parser.add_argument("--twice", action="store_true", help="start a second delivery beside the first")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/endurance"), help="books of both sides, one folder an ERP; replaced"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
