"""Exactly once on a real broker: processes, stores and the broker are killed while a firm's events come, and the log decides.

python -m tests.chaos --seed 7 --events 100000 --shards 16 --minutes 10
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.processes import Ended
from tests.chaos.run import Broken, Outcome, Plan, Stuck, run
from tests.servers.fetched import Missing
from tests.servers.server import ServerFailed


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    folder: Path = asked.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plan = Plan(asked.seed, asked.events, asked.shards, asked.minutes, asked.short, asked.hostile)
    _say(f"seed {plan.seed}: {plan.events:,} events, {plan.shards} shards, about {plan.minutes:g} minutes, in {folder}")
    try:
        outcome = run(plan, folder.absolute(), _say)
    except (Missing, ServerFailed, Stuck, Broken) as failed:
        _say(f"{type(failed).__name__}: {failed}")
        _say("0 passed, 1 failed")
        return 1
    return _told(outcome)


def _told(outcome: Outcome) -> int:
    _say(
        f"\n{outcome.disturbances} disturbances, {len(outcome.ends)} ends of processes ({_ends(outcome.ends)}), "
        f"{outcome.outputs:,} records on output topics, {outcome.seconds:.0f} s"
    )
    for what in outcome.reached:
        _say(f"reached: {what}")
    for invariant in outcome.invariants:
        _say(
            f"{'passed' if invariant.holds else 'FAILED'}  {invariant.name:9} {invariant.what} ({invariant.looked_at})"
        )
        for fault in invariant.faults[:10]:
            _say(f"        {fault}")
        if len(invariant.faults) > 10:
            _say(f"        and {len(invariant.faults) - 10:,} more")
    failed = sum(not invariant.holds for invariant in outcome.invariants)
    _say(f"{len(outcome.invariants) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _ends(ends: Sequence[Ended]) -> str:
    counted = Counter(str(ended).partition(" ended with ")[2] for ended in ends)
    return "; ".join(f"{count} with {what}" for what, count in sorted(counted.items()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument(
        "--minutes", type=float, default=10, help="about how long; events are produced in three quarters of it"
    )
    parser.add_argument("--hostile", type=int, default=12, help="messages that nobody could read")
    parser.add_argument("--short", action="store_true", help="each disturbance once")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/chaos"), help="broker, stores and what processes said; made anew"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
