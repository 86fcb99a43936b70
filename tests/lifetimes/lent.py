"""Stories of several companies: eve works for GB, which charges LE for her; what nobody is billed for is for the company of the project."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.sold import END, START, Sold

IN_EUROS = {"GBP": 117, "USD": 91, "JPY": 60, "KWD": 290}
PAIRS = ("GB LE", "LE GB")


class Lent(Story):
    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.way = self.of("rate", "rate", "rate", "cost_plus", "percent_of_bill")

    def setup(self) -> list[Block]:
        company, *found = super().setup()
        how = self.sometimes(100 if self.way != "rate" else 0, f" policy intercompany_transfer={self.way}")
        revalued = " policy fx_revaluation=cumulative" if self.chance(20) and "fx_" not in company.head else ""
        zone = self.of("Europe/London", "America/New_York", "Asia/Tokyo")
        lender = f"entity GB {self.of('GBP', 'GBP', self.currency, 'EUR')} {zone} policy rate_staleness_days=400{how}{revalued}"
        instead = {
            "person eve lead of LE": "person eve lead of GB",
            "project Q of LE": self.of("project Q of GB", "project Q of LE"),
        }
        found = [one._replace(head=instead.get(one.head, one.head)) for one in found]
        if self.chance(70):
            cost = f"cost person eve {self.pounds(80)} GBP"
            found = [one._replace(head=cost) if one.head.startswith("cost person eve") else one for one in found]
        said = {one.words[1] for one in found if one.words[0] == "exchange"}
        rates = [
            Block(f"exchange {currency} EUR {self.in_euros(currency, month)} on 2026-{month:02}-01")
            for currency in {"GBP": "", self.currency: ""}
            for month in range(1, 10)
            if currency not in said and currency != "EUR"
        ]
        prices = [Block(f"{self.price(pair)} from {START}") for pair in PAIRS if self.chance(70)]
        prices += [Block(f"{self.price(PAIRS[0], 'R')} role lead from {START}")] if self.chance(25) else []
        return [Block(company.head + how + revalued), Block(lender), *found[:-1], *rates, *prices, found[-1]]

    def in_euros(self, currency: str, month: int) -> str:
        hundredths = IN_EUROS[currency] + month % 4
        return f"0.00{hundredths}" if currency == "JPY" else f"{hundredths / 100:.2f}"

    def pounds(self, whole: int) -> str:
        return f"{whole + self.random.choice([0, 0, 7])}.{self.random.choice([0, 0, 33])}"

    def price(self, pair: str, name: str = "T") -> str:
        currency = self.of("GBP", "EUR", self.currency)
        ways = {"cost_plus": f"markup {self.of('10', '7.5')}", "percent_of_bill": "of_bill 75"}
        amount = ways.get(self.way, self.of("120", "150", "33"))
        return f"transfer {name}{pair[:2]} {pair} {amount} {currency}"

    # What happens

    def work(self, line: Sold, number: int, on: date, said: date) -> None:
        place = len(self.blocks)
        super().work(line, number, on, said)
        drawn, words = self.random.random(), self.blocks[place].words
        if drawn < 0.15 and "not_billable" not in words:
            self.blocks[place] = self.blocks[place]._replace(head=f"{self.blocks[place].head} not_billable")
        later = min(said + timedelta(days=self.random.choice([0, 5, 35, 70])), END)
        if 0.15 < drawn < 0.35:
            change = self.of("person bob", "person eve", "not_billable", "charged", "role consultant", "role lead")
            self.say(later, f"correct T-{number} {change}")

    def fact(self, line: Sold, number: int, on: date, said: date) -> None:
        super().fact(line, number, on, said)
        last = self.blocks[-1]
        if last.words[0] == "expense":
            who = self.of("person bob", "person eve") + self.sometimes(20, " not_billable")
            self.blocks[-1] = last._replace(head=last.head.replace("person bob", who))
            if self.chance(20):
                self.say(
                    min(said + timedelta(days=self.random.choice([0, 5, 40])), END), f"withdraw_expense {last.words[1]}"
                )

    def changes(self) -> None:
        super().changes()
        for month in range(1, 6):
            if self.chance(12):
                self.say(f"2026-{month + 1:02}-{self.random.randrange(4, 25):02}", f"close period GB 2026-{month:02}")
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.say(self.day(), f"{self.price(self.of(*PAIRS))} from {self.day()}")
        if self.chance(25):
            self.say(self.day(), f"cost person eve {self.pounds(90)} GBP from {self.day()}")

    # The end

    def end(self) -> list[Block]:
        """Every price is known by then."""
        first, *rest = super().end()
        return [*(Block(f"{first.day} {self.price(pair, 'Z')} from {START}") for pair in PAIRS), first, *rest]
