"""Stories of who pays: sources with limits or shares, which versions change, and drafts, holds and refunds that come between."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import ClassVar

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.sold import END, START, Sold

PAYERS = ("B", "C", "D")
WHOLE = "funding OWN:C rules OWN"


class PaidByOthers(Story):
    # Of the others, the terms say what is refused with sources (docs/limits.md).
    KINDS: ClassVar[tuple[str, ...]] = (
        *("time", "time", "time", "expenses", "expenses", "expenses", "cost_plus"),
        *("fixed", "progress", "milestones", "units", "retainer", "subscription", "package"),
    )

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.approved = self.chance(65)
        self.is_funded = self.chance(80)

    def setup(self) -> list[Block]:
        *found, contract = super().setup()
        return [*found, Block("customer D"), contract]

    def _time(self, line: Sold) -> Sold:
        made = super()._time(line)
        return made._replace(options=made.options.replace(" policy rounding_scope=line", ""))

    def payers(self) -> str:
        return f" {self.paid_by()}{self.sometimes(20, f' order PO-1:{self.money(3000, 9000)}')}"

    def paid_by(self) -> str:
        if not self.is_funded:
            one, other = self.random.sample(PAYERS, 2)
            return f"bill_to {self.of(f'{one}:60:rounding,{other}:40', f'{one}:33.33:rounding,{other}:66.67', f'{one}:100:rounding')}"
        limits = self.money(300, 700, 1500), self.money(200, 1000)
        sources = (
            f"GRANT:{self.of(*PAYERS)}:{limits[0]},STATE:{self.of(*PAYERS)}:{limits[1]},MAIN:{self.of('C', 'B')},OWN:C"
        )
        rules = self.of(
            *("GRANT,OWN", "GRANT,STATE,OWN", "GRANT:60+OWN:40,OWN", "MAIN:50+GRANT:50,OWN", "GRANT:50+STATE:50,MAIN"),
            *("STATE:33.33+GRANT:66.67,GRANT:20+OWN:80,OWN", "GRANT,STATE", "GRANT:70+STATE:30,STATE,OWN"),
        )
        return f"funding {sources} rules {rules}"

    # What happens

    def fact(self, line: Sold, number: int, on: date, said: date) -> None:
        super().fact(line, number, on, said)
        words = self.blocks[-1].words
        if words[0] != "expense":
            return
        later, drawn = min(said + timedelta(days=self.random.choice([0, 5, 35, 70])), END), self.random.random()
        if drawn < 0.25:
            self.say(later, f"withdraw_expense {words[1]}")
        elif drawn < 0.45:
            words[3] = f"{self.of('', '', '-')}{self.money(50, 120, 300)}"
            self.say(later, " ".join(words))

    def changes(self) -> None:
        super().changes()
        for _ in range(self.random.choice([0, 1, 1, 2]) if "reissue" not in self.terms else 0):
            on = self.day(date(2026, 1, 20), date(2026, 6, 20))
            since = max(on + timedelta(days=self.random.choice([0, 0, -12, -40, 5])), START)
            self.say(on, f"amend K from {since} {self.paid_by()}{self.sometimes(30, ' retroactive')}")
        for number in range(self.random.choice([0, 1, 2, 3])):
            self.hold_one(f"H{number}")
        for _ in range(self.random.choice([0, 1, 2])):
            kind = self.of("error_rebill", "price_concession")
            on = self.day(date(2026, 2, 10), date(2026, 7, 20))
            self.say(on, f"credited {kind} {self.random.randrange(100)} {self.of('100', '50', '13')}")

    def hold_one(self, name: str) -> None:
        on = self.day(date(2026, 1, 15))
        entries = [one.words[1] for one in self.blocks if one.words[0] in ("time", "expense") and one.day <= f"{on}"]
        what = [f"bill_to {self.of(*PAYERS)}"] * 2 + [f"line {self.random.choice(self.sold).name}"]
        what += [f"entry {self.of(*entries)}"] * 2 if entries else []
        self.say(on, f"hold {name} {self.of(*what)}")
        self.say(min(END, on + timedelta(days=self.random.choice([3, 20, 40, 80]))), f"release {name}")

    def after(self, month: date) -> None:
        """Drafts are approved one after the other, some of them later or not before the next month; some are returned."""
        for days in sorted(self.random.sample((1, 2, 4, 9, 20), 3)) if self.approved else ():
            later = month + timedelta(days=days)
            if self.chance(15):
                self.say(later, f"returned {self.random.randrange(100)}")
            self.say(later, f"approved {self.random.randrange(64)}")
        if self.chance(80):
            self.say(month + timedelta(days=self.random.choice([1, 3, 8, 20])), "invoiced")

    def end(self) -> list[Block]:
        """Who pays what no rule was left for is agreed."""
        whole = [Block(f"2026-07-01 amend K from {END} {WHOLE} retroactive")] if "funding" in self.terms else []
        return [*whole, *super().end()]
