"""Time by stage: callables are watched, and each stage is charged with what it does itself, not with what it calls."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import NamedTuple, ParamSpec, TypeVar

REST = "rest"
TRIES = 20_000

P = ParamSpec("P")
R = TypeVar("R")


class Charge:
    """Seconds of a stage, how often it was entered, and how often it entered another."""

    __slots__ = ("entered", "entering", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.entered = 0
        self.entering = 0


class Stage(NamedTuple):
    seconds: float
    calls: int


class Stopwatch:
    """What is not watched is the stage `rest`. Reading the clock is left out of all stages as far as it can be told."""

    def __init__(self) -> None:
        self._charges = {REST: Charge()}
        self._stack = [REST]
        self._last = process_time()

    def watch(self, stage: str, function: Callable[P, R]) -> Callable[P, R]:
        charges, stack = self._charges, self._stack
        charge = charges.setdefault(stage, Charge())

        def watched(*args: P.args, **named: P.kwargs) -> R:
            if stack[-1] == stage:
                return function(*args, **named)
            outer = charges[stack[-1]]
            outer.seconds += process_time() - self._last
            outer.entering += 1
            charge.entered += 1
            stack.append(stage)
            self._last = process_time()
            try:
                return function(*args, **named)
            finally:
                charge.seconds += process_time() - self._last
                stack.pop()
                self._last = process_time()

        return watched

    def reset(self) -> None:
        """Count from here on."""
        for charge in self._charges.values():
            charge.seconds, charge.entered, charge.entering = 0.0, 0, 0
        self._last = process_time()

    def stages(self) -> dict[str, Stage]:
        """As of now, for the one that asks from outside all stages."""
        self._charges[REST].seconds += process_time() - self._last
        self._last = process_time()
        inside, outside = _costs()
        return {
            name: Stage(max(0.0, of.seconds - inside * of.entered - outside * of.entering), of.entered)
            for name, of in self._charges.items()
        }


def _costs() -> tuple[float, float]:
    """What watching a call adds to the stage that is called, and to the one that calls."""

    def nothing() -> None: ...

    start = process_time()
    for _ in range(TRIES):
        nothing()
    plain = (process_time() - start) / TRIES
    watch = Stopwatch()
    watched = watch.watch("nothing", nothing)
    for _ in range(TRIES):
        watched()
    charges = watch._charges
    inside = charges["nothing"].seconds / TRIES - plain
    charges[REST].seconds += process_time() - watch._last
    return max(0.0, inside), max(0.0, charges[REST].seconds / TRIES)
