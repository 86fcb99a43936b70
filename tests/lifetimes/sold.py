"""Contract lines of all kinds of terms, by chance."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import ClassVar, NamedTuple

START, END = date(2026, 1, 1), date(2026, 6, 30)
# From then on all is done, accepted and billed.
LAST = "2026-07-01"
MONTHS = [date(2026, month + 1, 1) - timedelta(days=1) for month in range(1, 7)]
OVER_TIME = ("straight_line_days", "reported", "completed", "cost_to_cost", "hours")
SPENT = ("cost_to_cost", "hours")


class Sold(NamedTuple):
    """A contract line: what it is, by which method it earns where it does not by its kind's own, and its terms."""

    name: str
    kind: str
    project: str
    options: str = ""
    method: str = ""
    terms: tuple[str, ...] = ()
    task: str = ""

    @property
    def told(self) -> list[str]:
        method = f" revenue {self.method}" if self.method else ""
        tasks = f" tasks {self.task}" if self.task else ""
        return [
            f"  line {self.name} {self.project}{tasks}{self.options}{method}",
            *(f"    {term}" for term in self.terms),
        ]


class Seller:
    """Draws the terms of a contract in one currency."""

    KINDS: ClassVar[tuple[str, ...]] = (
        *(
            "time",
            "time",
            "time",
            "cost_plus",
            "fixed",
            "fixed",
            "progress",
            "milestones",
            "milestones",
            "units",
            "expenses",
        ),
        *("retainer", "subscription", "deposit", "budgets", "package"),
    )

    def __init__(self, random: Random) -> None:
        self.random = random
        self.currency = random.choice(["USD", "USD", "EUR", "EUR", "JPY", "KWD"])
        self.decimals = {"JPY": 0, "KWD": 3}.get(self.currency, 2)
        self.sold: list[Sold] = []

    def chance(self, percent: int) -> bool:
        return self.random.random() * 100 < percent

    def of(self, *choices: str) -> str:
        return self.random.choice(choices)

    def money(self, *units: int) -> str:
        """One of the amounts, at times with odd smallest units."""
        odd = self.random.choice([0, 0, 0, 1, 33, 67])
        whole = self.random.choice(units)
        return f"{whole}" if not self.decimals else f"{whole}.{odd:0{self.decimals}}"

    def day(self, first: date = START, last: date = END) -> date:
        return first + timedelta(days=self.random.randrange((last - first).days + 1))

    def sometimes(self, percent: int, words: str) -> str:
        return words if self.chance(percent) else ""

    # Lines

    def line(self, name: str) -> Sold:
        kind = self.of(*self.KINDS)
        if kind == "deposit" and any(line.kind == kind for line in self.sold):
            kind = "time"
        # Two lines of a project take work of different tasks.
        project = self.of("P", "P", "P", "Q")
        task = name if any(line.project == project for line in self.sold) else ""
        if kind == "budgets" and task:
            kind = "fixed"
        made: Sold = getattr(self, f"_{kind}")(Sold(name, kind, project, task=task))
        return made

    def alone(self, line: Sold) -> Sold:
        if line.kind in ("fixed", "milestones") and line.method in OVER_TIME:
            return line._replace(options=f"{line.options} standalone {self.money(3000, 7000)}")
        return line

    def chained(self) -> None:
        """What is over the first line's cap goes on to the next."""
        first = Sold(
            "L1",
            "time",
            "P",
            " policy overflow=next_rule",
            "",
            (f"rate {self.money(200, 133)}", f"cap hard {self.money(1000, 3000)}"),
        )
        self.sold = [line for line in self.sold[1:] if line.project != "P"]
        self.sold = [first, self._time(Sold("N2", "time", "P")), *self.sold]

    def with_part(self, line: Sold) -> Sold:
        if line.kind in ("fixed", "milestones", "progress", "subscription") and line.method in OVER_TIME:
            said = self.of(self.money(500), f"-{self.money(500)}", "60:400 40:0 expected_value") + self.sometimes(
                20, " not_included"
            )
            return line._replace(terms=(*line.terms, f"variable {line.name}-V {said}"))
        return line

    def cap(self) -> str:
        limit = self.of(self.money(1000, 3000), self.money(2000), f"hours {self.of('5', '12.5')}")
        words = f"cap {self.of('hard', 'hard', 'hard', 'soft')} {limit}"
        words += self.sometimes(20, " per month") + self.sometimes(15, " split reject_whole")
        return words + self.sometimes(15, " limits_revenue no")

    def _time(self, line: Sold) -> Sold:
        terms = [f"rate {self.money(200, 133)}"]
        if self.chance(20):
            terms.append(f"rate {self.money(250)} person eve")
        if self.chance(45):
            terms.append(self.cap())
        options = self.sometimes(10, " policy increment_minutes=15") + self.sometimes(10, " policy rounding_scope=line")
        method = "as_billed" if self.chance(25) else ""
        return line._replace(
            options=options + self.sometimes(25, " takes time,expense"), method=method, terms=tuple(terms)
        )

    def _cost_plus(self, line: Sold) -> Sold:
        terms = ["terms CostPlus fee_percent=10"]
        if self.chance(25):
            terms.append(f"cap hard {self.money(1000, 2500)}")
        return line._replace(method="as_billed" if self.chance(20) else "", terms=tuple(terms))

    def _fixed(self, line: Sold) -> Sold:
        parts = [self.random.choice([1000, 2500, 3333]) for _ in range(self.random.randint(1, 4))]
        terms = [f"terms FixedPrice price={sum(parts)}"]
        terms += [f"each schedule on={self.random.choice(MONTHS)} amount={part}" for part in parts]
        return line._replace(method=self.of("", *OVER_TIME), terms=tuple(terms))

    def _progress(self, line: Sold) -> Sold:
        terms = (f"terms FixedPrice price={self.money(5000, 12000)} by_progress=yes",)
        return line._replace(method=self.of("", "", *OVER_TIME), terms=terms)

    def _budgets(self, line: Sold) -> Sold:
        """Billed by the cost spent of each category; time's is its task."""
        terms = ("terms FixedPrice price=6000 by_progress=yes",)
        budgets = (
            "each budgets category=travel revenue=2000 cost=500",
            "each budgets category=design revenue=4000 cost=1600",
        )
        return line._replace(
            options=" takes time,expense", method=self.of("", "", *OVER_TIME), terms=(*terms, *budgets)
        )

    def _milestones(self, line: Sold) -> Sold:
        terms = ["terms Milestones"]
        for number in range(1, self.random.randint(2, 3) + 1):
            amount = self.money(1000, 1800)
            terms.append(
                f"each milestones milestone_id={line.name}-M{number} name=M amount={amount} due_on={self.random.choice(MONTHS)}"
            )
        return line._replace(method=self.of("", "", *OVER_TIME), terms=tuple(terms))

    def _package(self, line: Sold) -> Sold:
        terms = [f"terms Milestones overage_rate={self.money(150)}"]
        terms += [
            f"each milestones milestone_id={line.name}-M{number} name=M amount=1500 due_on={MONTHS[-1]} included_hours={hours}"
            for number, hours in ((1, 10), (2, 5))
        ]
        return line._replace(kind="milestones", method=self.of("", "", "as_billed"), terms=tuple(terms))

    def _units(self, line: Sold) -> Sold:
        price = self.of(
            "unit_price=2 units=150", "unit_price=2", "tiers.1.unit_price=3 tiers.1.up_to=100 tiers.2.unit_price=1"
        )
        if "tiers" in price:
            price += f" tier_mode={self.of('graduated', 'volume')} tier_period={self.of('billing_period', 'contract', 'month')}"
        return line._replace(
            method="as_billed" if self.chance(20) else "", terms=(f"terms UnitPrice unit=call {price}",)
        )

    def _expenses(self, line: Sold) -> Sold:
        terms = [f"terms Expenses markup={self.of('0', '5')}"]
        if self.chance(30):
            terms.append("each limits category=travel amount=300")
        return line._replace(method="as_billed" if self.chance(20) else "", terms=tuple(terms))

    def _retainer(self, line: Sold) -> Sold:
        words = self.of("unit=hours quantity=10", "unit=hours quantity=10 rollover=2", "unit=money quantity=1000")
        words += self.sometimes(50, f" overage_rate={self.money(150)}") if "hours" in words else self.sometimes(0, "")
        words += (
            self.sometimes(40, " in_advance=yes")
            + self.sometimes(25, " refundable=yes")
            + self.sometimes(20, " per=quarter")
        )
        words += self.sometimes(15, " top_up.below=2 top_up.amount=5") if "hours" in words else ""
        return line._replace(terms=(f"terms Retainer fee={self.money(1000, 900)} {words}",))

    def _subscription(self, line: Sold) -> Sold:
        words = (
            self.sometimes(40, " in_advance=yes")
            + self.sometimes(20, " per=quarter")
            + self.sometimes(20, " minimum=2000")
        )
        words += self.sometimes(30, " refund_on_termination=yes")
        method = self.of("", "", "as_billed", "right_to_invoice")
        return line._replace(method=method, terms=(f"terms Subscription fee={self.money(1000, 700)}{words}",))

    def _deposit(self, line: Sold) -> Sold:
        words = self.sometimes(50, " refundable=yes") + self.of("", "", " applied=percent percent=50", " applied=end")
        return line._replace(
            terms=(f"terms Deposit amount={self.money(1000, 3000)} due_on={self.day(START, date(2026, 3, 1))}{words}",)
        )
