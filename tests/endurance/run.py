"""One run: a firm's journals go to a simulated ERP that loses answers, throttles, is away and closes a month.

The delivery is killed at each point of a round.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from connectors.accounts_file import read_accounts
from connectors.delivery_lines import DONE, lines_of
from connectors.delivery_store import READ
from domain.delivery.chart import ENTRY
from domain.outputs import JournalEntry
from milepost import exit_codes
from milepost.delivery import delivering
from simulation.erp.accounts import NAME, written
from simulation.erp.serving import serving
from simulation.erp.simulated import SimulatedErp
from simulation.erp.troubles import Trouble, parsed
from tests import forked
from tests.endurance.doomed import Point
from tests.endurance.verdict import books, faults
from tests.forked import Forked

ROOT: Final = Path(__file__).parents[2]
# What a simulated project posts in a month.
JOURNALS_A_PROJECT: Final = 80
MOST_MONTHS: Final = 4
# Where journals are imported, so many imports at least, that each trouble comes between some.
FEWEST_IMPORTS: Final = 80
MOST_IN_AN_IMPORT: Final = 50
# After a closed month: what is posted in its place goes in the next round, and that all is answered is seen in the one after.
MOST_ROUNDS: Final = 8
# A process that has not ended by then hangs.
PATIENCE_SECONDS: Final = 3_600
CALL_SECONDS: Final = 5
TAIL_LINES: Final = 15
# All is done, or as much as can be for now.
ENDS: Final = (exit_codes.DONE, exit_codes.TRY_AGAIN)

Tell = Callable[[str], None]


class Plan(NamedTuple):
    """`loses_store`: after the kills the store of intents is deleted; `is_twice`: another delivery is started beside."""

    kind: str
    journals: int
    seed: int
    loses_store: bool = False
    is_twice: bool = False
    lost_percent: int = 30
    throttled_percent: int = 10
    outage_seconds: int = 5
    concurrent: int = 10
    grain: str = ENTRY


class Outcome(NamedTuple):
    """`seconds` are those of deliveries."""

    journals: int
    moved: int
    closed: str
    killed: int
    seconds: float
    calls: int
    met: Mapping[Trouble, int]
    faults: Sequence[str]


class Broken(Exception):
    """A process ended otherwise than it had to."""


def run(plan: Plan, folder: Path, say: Tell) -> Outcome:
    firm = _Firm(plan, folder)
    firm.simulate()
    firm.account()
    journals = list(books(firm.output).to_deliver.values())
    month = _busiest_after_half(journals)
    say(f"{len(journals):,} journals; {month} is closed in the ERP at half of them")
    count = _groups(plan.grain, journals)
    documents = _documents(plan.kind, count)
    half = count // documents // 2
    troubles = [
        f"lost={plan.lost_percent}",
        f"throttled={plan.throttled_percent}",
        f"down={plan.outage_seconds}@{half // 2}",
        f"close={month}@{half}",
        f"away={plan.outage_seconds}@{half + half // 2}",
    ]
    erp = SimulatedErp(
        plan.kind, folder / "erp" / "books", troubles=[parsed(each) for each in troubles], seed=plan.seed
    )
    with serving(erp) as served:
        where = (folder / "erp", plan.kind, served.url, erp.token_path, plan.concurrent)
        firm.connect(written(*where, grain=plan.grain, documents=documents))
        began = time.monotonic()
        killed = _killed(firm, count, say)
        if plan.loses_store:
            firm.lose_store()
            say("the store of intents is deleted")
        if plan.is_twice:
            _twice(firm, lambda: erp.troubles.writes, say)
        rounds = _rounds(firm, say)
        seconds = time.monotonic() - began
        ours = books(firm.output)
        found = [*faults(ours, erp.entries(), plan.grain), *rounds, *firm.left()]
        return Outcome(
            len(ours.to_deliver),
            ours.replacements,
            month,
            killed,
            seconds,
            erp.troubles.calls,
            dict(erp.troubles.met),
            found,
        )


def _killed(firm: _Firm, documents: int, say: Tell) -> int:
    """One delivery for each point, each of which gets some way."""
    stretch = max(1, documents // (2 * len(Point)))
    for point in Point:
        ended = firm.deliver(doomed=(point, stretch))
        if ended.returncode != -signal.SIGKILL:
            raise Broken(f"delivery had to die {point} after {stretch} documents, and ended with {_end(ended)}")
        say(f"killed {point}, after {stretch:,} more documents")
    return len(Point)


def _twice(firm: _Firm, writes: Callable[[], int], say: Tell) -> None:
    """While one is at work another has to end at once, and has to have sent nothing. The one stands still meanwhile: it could be done."""
    before = writes()
    with firm.start() as first:
        while writes() == before and first.poll() is None:
            time.sleep(0.05)
        first.send_signal(signal.SIGSTOP)
        try:
            second = firm.deliver()
        finally:
            first.send_signal(signal.SIGCONT)
        if second.returncode == exit_codes.DONE or first.poll() is not None:
            raise Broken(f"of two deliveries the second had to end first, with an error, and ended with {_end(second)}")
        say(f"a second delivery ended with {second.returncode}: {_last_line(second.stderr)}")
        first.communicate(timeout=PATIENCE_SECONDS)
    if first.returncode not in ENDS:
        raise Broken(f"the first of two deliveries ended with {first.returncode}")


def _rounds(firm: _Firm, say: Tell) -> list[str]:
    """Deliver and take the answers in, until the books say nothing new."""
    before = books(firm.output)
    for number in range(1, MOST_ROUNDS + 1):
        ended = firm.deliver()
        if ended.returncode not in ENDS:
            raise Broken(f"delivery ended with {_end(ended)}")
        firm.account(days=number + 1)
        ours = books(firm.output)
        say(f"round {number}: {ours.replacements:,} of {len(ours.to_deliver):,} journals in place of others")
        if ours == before and ended.returncode == exit_codes.DONE:
            return []
        before = ours
    return [f"after {MOST_ROUNDS} rounds the books still change"]


class _Firm:
    """The commands that a firm gives, in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._input = folder / "input"
        self._accounts = folder / "accounts.toml"
        self.output = folder / "output"
        self._today = datetime.now(UTC).date()
        self._months = max(1, min(MOST_MONTHS, plan.journals // (10 * JOURNALS_A_PROJECT)))

    def simulate(self) -> None:
        projects = max(5, plan_projects(self._plan.journals, self._months))
        self._done(
            "simulate", "--seed", str(self._plan.seed), "--people", str(max(10, 2 * projects)), "--projects", str(projects),
            "--months", str(self._months), "--out", str(self._input),
        )  # fmt: skip

    def account(self, days: int = 1) -> None:
        """So many days from today, since answers are of today; or to the end of what is simulated, where that is later.

        One more each time: what is posted in place of others goes when the day is over that it was posted on.
        """
        ends = date(2026, self._months + 2, 1) - timedelta(days=1)
        until = max(ends, self._today + timedelta(days=days)).isoformat()
        self._done("run", "--input", str(self._input), "--output", str(self.output), "--until", until, "--yes")

    def connect(self, accounts: Path) -> None:
        """With calls whose end is soon certain, so that what a kill leaves open is soon sent again."""
        text = accounts.read_text(encoding="utf-8")
        self._accounts.write_text(
            text.replace("insecure_loopback = true", f"insecure_loopback = true\ncall_seconds = {CALL_SECONDS}"),
            encoding="utf-8",
        )

    def left(self) -> Iterator[str]:
        """What delivery still has before it."""
        charts = read_accounts(self._accounts).charts
        for line in lines_of(delivering.store_path(self.output, NAME), charts):
            if line.standing not in {READ, *DONE}:
                yield f"delivery has {line.members:,} journals that are {line.standing} {line.why}"

    def lose_store(self) -> None:
        for path in (self.output / delivering.FOLDER).glob(f"{NAME}.db*"):
            path.unlink()

    def deliver(self, doomed: tuple[Point, int] | None = None) -> subprocess.CompletedProcess[str]:
        started = self.start(doomed)
        said, erred = started.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(started.args, started.returncode, said, erred)

    def start(self, doomed: tuple[Point, int] | None = None) -> subprocess.Popen[str]:
        module = ["milepost"] if doomed is None else ["tests.endurance.doomed", doomed[0], str(doomed[1])]
        asked = ["deliver", "--output", str(self.output), "--accounts", str(self._accounts), "--until-done"]
        return Forked(
            [sys.executable, "-m", *module, *asked], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def _done(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "milepost", *arguments]
        ended = forked.run(command, cwd=ROOT, text=True)
        if ended.returncode != exit_codes.DONE:
            raise Broken(f"milepost {arguments[0]} ended with {_end(ended)}")


def _groups(grain: str, journals: Sequence[JournalEntry]) -> int:
    """Journals of the ERP that ours make, about: more where exchange rates differ within a day."""
    if grain == ENTRY:
        return len(journals)
    return len({(each.legal_entity_id, each.currency, each.accounting_date) for each in journals})


def _documents(kind: str, groups: int) -> int:
    """A call."""
    return min(MOST_IN_AN_IMPORT, max(1, groups // FEWEST_IMPORTS)) if kind == "oracle_fusion" else 1


def plan_projects(journals: int, months: int) -> int:
    return -(-journals // (JOURNALS_A_PROJECT * months))


def _busiest_after_half(journals: Sequence[JournalEntry]) -> str:
    """The month of which the most is still to send when half is sent."""
    later = Counter(f"{journal.accounting_date:%Y-%m}" for journal in journals[len(journals) // 2 :])
    return later.most_common(1)[0][0]


def _end(ended: subprocess.CompletedProcess[str]) -> str:
    said = f"{ended.stdout}\n{ended.stderr}".strip().splitlines()[-TAIL_LINES:]
    return "\n".join((str(ended.returncode), *said))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
