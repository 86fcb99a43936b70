"""Stories of what comes after the invoice: tax, cash in parts and at other rates, on account, taken back, applied later, and bad debt.

What is open then `tests.lifetimes.owed` knows: it turns `cash`, `applied`, `unapplied`, `bounced`, `lost` and `settled` into events.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.sold import START, Sold

FIRST, LAST_PAID = date(2026, 2, 1), date(2026, 7, 25)


class Settled(Story):
    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.is_foreign = False

    def setup(self) -> list[Block]:
        company, *found = super().setup()
        self.is_foreign = company.words[2] != self.currency
        more = self.sometimes(75, " region DE")
        if "fx_revaluation" not in company.head:
            more += self.sometimes(60, f" policy fx_revaluation={self.of('cumulative', 'reversing')}")
        tax = Block(f"tax_policy DE *={self.of('19', '7.7')} *=16:2026-04-15 export=reverse_charge")
        abroad = Block(f"customer B region DE{self.sometimes(50, ' parent C')}")
        return [Block(company.head + more), tax, *(abroad if one.head == "customer B" else one for one in found)]

    def payers(self) -> str:
        said = super().payers() + self.sometimes(25, f" policy tax_point={self.of('service', 'payment')}")
        return said + self.sometimes(30, " policy ar_journal=milepost policy cash_journal=milepost")

    def line(self, name: str) -> Sold:
        made = super().line(name)
        return made._replace(options=made.options + self.sometimes(20, " tax export"))

    # What happens

    def rate(self) -> str:
        """The bank's, where the company keeps its books in another currency."""
        usual = {"USD": "0.9", "JPY": "0.006", "KWD": "2.9", "EUR": "1.0"}[self.currency]
        return f" rate {usual}{self.random.randrange(100):02}" if self.is_foreign and self.chance(60) else ""

    def after(self, month: date) -> None:
        later = month + timedelta(days=self.random.choice([1, 3, 8, 20]))
        if self.approved:
            self.say(later, "approved")
        if self.chance(80):
            self.say(later, f"invoiced{self.rate()}")

    def changes(self) -> None:
        super().changes()
        kept = {one.words[2] if one.words[0] == "credited" else place: one for place, one in enumerate(self.blocks)}
        self.blocks = [one for one in kept.values() if one.words[0] not in ("paid", "given_up")]
        for number in range(self.random.randint(2, 9)):
            self.money_moves(self.day(FIRST, LAST_PAID), f"{number}", f"{self.random.randrange(100)}")

    def money_moves(self, on: date, name: str, which: str) -> None:
        part, drawn = self.of("100", "40", "33"), self.random.random()
        payer = self.of("C", "C", "B")
        if drawn < 0.4:
            self.say(on, f"cash PAY-{name} {which} {part} {self.of('0', '0', self.money(50))}{self.rate()}")
        elif drawn < 0.5:
            self.say(
                self.day(START, LAST_PAID),
                f"pay PAY-{name} {payer} {self.money(300, 1000)} {self.currency}{self.rate()}",
            )
        elif drawn < 0.6:
            amount, invoice = self.money(70, 400), f"INV-{self.random.randint(1, 4)}"
            self.say(on, f"pay PAY-{name} {payer} {amount} {self.currency}{self.rate()} for {invoice}={amount}")
        elif drawn < 0.72:
            self.say(on, f"applied AP-{name} {which} {part}")
        elif drawn < 0.8:
            self.say(on, f"unapplied AP-{name} {which} {part}")
        elif drawn < 0.9:
            self.say(on, f"bounced {which}")
        else:
            self.say(on, f"lost WR-{name} {which} {part}")

    # The end

    def end(self) -> list[Block]:
        """All that is open is paid."""
        return [*super().end(), Block(f"2026-10-05 settled{self.rate()}"), Block("2026-11-30 day ended")]
