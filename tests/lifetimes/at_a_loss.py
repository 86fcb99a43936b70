"""Stories of contracts that may cost more than they bring: what remains of each line is estimated again and again, up and down (R44)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.sold import END, START, Sold


class AtALoss(Story):
    KINDS: ClassVar[tuple[str, ...]] = (
        *("fixed", "fixed", "fixed", "milestones", "progress", "budgets", "subscription", "expenses"),
        *("time", "time", "cost_plus"),
    )

    def payers(self) -> str:
        return f"{super().payers()} policy loss_provision=contract"

    def line(self, name: str) -> Sold:
        made = super().line(name)
        return made._replace(options=made.options + self.sometimes(30, f" budget {self.money(1500, 9000)}"))

    def facts(self) -> None:
        super().facts()
        for line in self.sold:
            for _ in range(self.random.choice([0, 1, 2, 4])):
                on = self.day()
                said = max(on, self.day(START, date(2026, 6, 20))) if self.chance(25) else on
                remains = f"{self.of('0', '30', '80')} h {self.money(0, 2000, 6000, 15000)}"
                self.say(said, f"estimate {line.project} {remains} line {line.name} on {on}")

    def end(self) -> list[Block]:
        """Nothing remains of any line."""
        first, *rest = super().end()
        done = [
            Block(f"{first.day} estimate {line.project} 0 h 0 line {line.name} on {END}") for line in self.ever.values()
        ]
        return [first, *done, *rest]
