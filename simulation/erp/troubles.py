"""What goes wrong with a simulated ERP, how often and when.

A share of the writes is drawn by seed, key and attempt, so that a delivery meets the same troubles whatever its threads do:

    lost=30             of 100 writes 30 are done and their answers lost
    throttled=10        of 100 calls 10 are refused for now, in bursts that pass
    down=20@3000        from the 3,000th write on it is down for 20 seconds
    close=2026-06@9000  from the 9,000th write on June takes nothing more
"""

import time
from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

# A burst of throttling is over after so many calls or so long.
BURST: Final = 8
BURST_SECONDS: Final = 0.1


class Trouble(StrEnum):
    # Nothing is done.
    FAILS = "fails"
    CUT = "cut"
    THROTTLED = "throttled"
    # It is done, and the answer does not say so.
    LOST = "lost"
    FAILS_AFTER = "fails_after"
    GARBAGE = "garbage"
    HUGE = "huge"
    DUPLICATE = "duplicate"
    # It is done when the caller has gone.
    LATE = "late"
    # Something else is done than was asked.
    OTHER_CURRENCY = "other_currency"
    OTHER_SUBSIDIARY = "other_subsidiary"
    OTHER_PERIOD = "other_period"
    UNPOSTED = "unposted"
    PARTIAL = "partial"


# What may happen to a call that reads.
OF_READS: Final = (Trouble.FAILS, Trouble.CUT, Trouble.GARBAGE, Trouble.HUGE)
# What the interface itself does otherwise.
TWISTS: Final = (
    Trouble.OTHER_CURRENCY,
    Trouble.OTHER_SUBSIDIARY,
    Trouble.OTHER_PERIOD,
    Trouble.UNPOSTED,
    Trouble.PARTIAL,
)


class Act(StrEnum):
    """Done once: to be down or away for seconds, to close or open a month, to refuse an account, a value or a customer or take it again."""

    DOWN = "down"
    AWAY = "away"
    CLOSE = "close"
    OPEN = "open"
    REFUSE = "refuse"
    TAKE = "take"
    EXPIRE = "expire"


class TroubleShare(NamedTuple):
    trouble: Trouble
    percent: int


class TroubleTurn(NamedTuple):
    """`at`: the count of writes from which on it holds."""

    act: Act
    value: str
    at: int = 0


def parsed(text: str) -> TroubleShare | TroubleTurn:
    """`lost=30` or `down=20@3000`. Raises ValueError."""
    name, _, rest = text.partition("=")
    value, _, at = rest.partition("@")
    if name in set(Act):
        if at and not at.isdecimal():
            raise ValueError(f"{text}: expected a count of writes after @, got {at!r}")
        if name in {Act.DOWN, Act.AWAY} and not value.isdecimal():
            raise ValueError(f"{text}: expected seconds, such as {name}=20, got {value!r}")
        return TroubleTurn(Act(name), value, int(at or 0))
    if name not in set(Trouble):
        raise ValueError(f"{text}: expected one of {', '.join((*Trouble, *Act))}, got {name!r}")
    if at or not value.isdecimal() or int(value) > 100:
        raise ValueError(f"{text}: expected of 100, such as {name}=30, got {rest!r}")
    return TroubleShare(Trouble(name), int(value))


class Troubles:
    """Asked once a call, by one thread at a time."""

    def __init__(self, given: Iterable[TroubleShare | TroubleTurn] = (), seed: int = 7) -> None:
        self._seed = seed
        self._shares: dict[Trouble, int] = {}
        self._turns: list[TroubleTurn] = []
        self._attempts: Counter[str] = Counter()
        self._burst_left = 0
        self._burst_until = 0.0
        self.next_writes: deque[Trouble | None] = deque()
        self.calls = 0
        self.writes = 0
        self.met: Counter[Trouble] = Counter()
        self.add(given)

    def add(self, given: Iterable[TroubleShare | TroubleTurn]) -> None:
        """A share of 0 ends one that was given before."""
        for each in given:
            if isinstance(each, TroubleShare):
                self._shares[each.trouble] = each.percent
            else:
                self._turns.append(each)

    def turns(self) -> list[TroubleTurn]:
        """What is due now; each comes once."""
        due = [each for each in self._turns if each.at <= self.writes]
        self._turns = [each for each in self._turns if each.at > self.writes]
        return due

    def of(self, key: str | None) -> Trouble | None:
        """What happens to this call; `key` is of what it writes, None where it reads."""
        met = self._of_write(key) if key is not None else self._of_read()
        self.calls += 1
        if met is not None:
            self.met[met] += 1
        return met

    def _of_write(self, key: str) -> Trouble | None:
        self.writes += 1
        if self.next_writes:
            return self.next_writes.popleft()
        if self._is_throttled():
            return Trouble.THROTTLED
        self._attempts[key] += 1
        return self._drawn(tuple(self._shares), key, self._attempts[key])

    def _of_read(self) -> Trouble | None:
        if self._is_throttled():
            return Trouble.THROTTLED
        return self._drawn(OF_READS, "read", self.calls)

    def _is_throttled(self) -> bool:
        if self._burst_left and time.monotonic() < self._burst_until:
            self._burst_left -= 1
            return True
        percent = self._shares.get(Trouble.THROTTLED, 0)
        # So that with what follows in the burst the share comes out.
        if _draw(self._seed, "burst", self.calls) * (BURST * (100 - percent) + percent) >= 100 * percent:
            return False
        self._burst_left, self._burst_until = BURST - 1, time.monotonic() + BURST_SECONDS
        return True

    def _drawn(self, among: Iterable[Trouble], *what: object) -> Trouble | None:
        drawn, limit = _draw(self._seed, *what), 0
        for trouble in among:
            if trouble is not Trouble.THROTTLED:
                limit += self._shares.get(trouble, 0)
                if drawn < limit:
                    return trouble
        return None


def _draw(*what: object) -> float:
    """From 0 up to 100."""
    digest = blake2b("/".join(map(str, what)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * 100 / 2**64
