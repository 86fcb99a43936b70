"""Stories of contracts that ran elsewhere for three months: their balances are brought forward, and the rest is billed to the last cent."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import ClassVar

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.sold import END, OVER_TIME, START, Sold

AS_OF, FIRST = date(2026, 3, 31), date(2026, 4, 1)


class BroughtForward(Story):
    KINDS: ClassVar[tuple[str, ...]] = (
        *("time", "time", "time", "cost_plus", "expenses", "fixed", "fixed", "milestones", "progress"),
        *("units", "subscription"),
    )

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.opened: dict[str, list[str]] = {}
        self.waits = False

    def day(self, first: date = START, last: date = END) -> date:
        return super().day(min(max(first, FIRST), last), last)

    def say(self, on: date | str, head: str, *below: str) -> None:
        """What was before is in the balances. They state what was billed by the terms of their day: while they wait for a rate nothing is
        agreed from an earlier day on."""
        if f"{on}" > f"{AS_OF}":
            if self.waits:
                amend = r"(amend K from) (\S+)(?: retroactive)?"
                head = re.sub(amend, lambda one: f"{one[1]} {max(one[2], f'{FIRST}')}", head)
            super().say(on, head, *below)

    def setup(self) -> list[Block]:
        for line in self.sold:
            self.opened.setdefault(line.project, []).extend(self.stands(line) if self.chance(85) else ())
        self.say(FIRST, "customer D")
        said = [
            Block(f"brought forward {project} as_of {AS_OF}", tuple(rows))
            for project, rows in self.opened.items()
            if rows
        ]
        setup = super().setup()
        self.waits = any(block.words[0] == "exchange" for block in setup)
        return [*setup, *said]

    def payers(self) -> str:
        return self.of("", "", " bill_to C:60:rounding,B:40")

    def stands(self, line: Sold) -> list[str]:
        """What was done, earned and billed of it until then; of what was billed all is paid."""
        terms = " ".join(line.terms)
        revenue, billed, more, rows = Decimal(0), Decimal(0), "", list[str]()
        if "cap" in terms or self.extra or "minimum" in terms or "tiers" in terms:
            return []
        match line.kind:
            case "time" | "cost_plus" | "expenses":
                revenue = Decimal(self.random.choice([600, 800]))
                billed = revenue - self.random.choice([0, 0, 200, 600])
                more = f" unbilled={revenue - billed}" if line.method else ""
                revenue = billed if line.method else revenue
            case "units":
                revenue = billed = Decimal(80)
                more = " units=40"
            case "fixed":
                found = re.findall(r"on=(\S+) amount=(\d+)", terms)
                billed = sum((Decimal(amount) for on, amount in found if on <= f"{AS_OF}"), Decimal(0))
                revenue = self.earned(line, sum((Decimal(amount) for _, amount in found), Decimal(0)), billed)
                more = " percent=40" if line.method == "reported" else ""
            case "progress":
                price = Decimal(re.findall(r"price=(\S+)", terms)[0])
                billed, more = self.of_price(price, 40), " percent=40"
                revenue = self.earned(line, price, billed)
            case "milestones":
                found = re.findall(r"milestone_id=(\S+) name=M amount=(\S+)", terms)
                number = self.random.choice([0, 1, 2])
                billed = sum((Decimal(amount) for _, amount in found[:number]), Decimal(0))
                revenue = self.earned(line, sum((Decimal(amount) for _, amount in found), Decimal(0)), billed)
                rows = [f"    each milestones milestone_id={name} accepted_on=2026-02-10" for name, _ in found[:number]]
                more = " percent=40" if line.method == "reported" else ""
            case "subscription":
                fee = Decimal(re.findall(r"fee=(\S+)", terms)[0].replace(",", ""))
                revenue = billed = fee if "quarter" in terms else 3 * fee
            case _:
                return []
        worked = f"hours={self.of('12', '7.5')} cost={self.of('900', '400')}"
        return [f"  line {line.name} {worked} revenue={revenue} billed={billed} paid={billed}{more}", *rows]

    def earned(self, line: Sold, price: Decimal, billed: Decimal) -> Decimal:
        if line.method not in OVER_TIME:
            return billed
        return Decimal(0) if line.method == "completed" else self.of_price(price, 40)

    def of_price(self, price: Decimal, percent: int) -> Decimal:
        return (price * percent / 100).quantize(Decimal(10) ** -self.decimals, ROUND_HALF_UP)
