"""A contract from signing to its last cent, drawn by chance, as the text of a scenario (docs/scenarios.md).

What depends on statements is said in words that `play` turns into events: `invoiced`, `approved`, `credited`, `paid`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from tests.lifetimes.sold import END, LAST, MONTHS, OVER_TIME, SPENT, START, Seller, Sold


class Block(NamedTuple):
    """A line of the story with those that belong to it."""

    head: str
    below: tuple[str, ...] = ()

    @property
    def day(self) -> str:
        """Empty of the setup."""
        return self.head[:10] if self.head[0] == "2" else ""

    @property
    def words(self) -> list[str]:
        """Without the day."""
        return self.head.split()[1 if self.day else 0 :]


class Story(Seller):
    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.blocks: list[Block] = []
        self.terms = ""
        self.extra: list[str] = []
        self.ever: dict[str, Sold] = {}
        self.settles: list[str] = []
        self.approved = self.chance(15)

    def say(self, on: date | str, head: str, *below: str) -> None:
        self.blocks.append(Block(f"{on} {head}", below))

    # The contract

    def whole(self) -> list[Block]:
        number = self.random.choice([1, 1, 2, 2, 3, 4])
        for place in range(1, number + 1):
            self.sold.append(self.line(f"L{place}"))
        if self.chance(10) and self.sold[0].kind == "time":
            self.chained()
        if self.chance(10):
            self.sold = [self.alone(line) for line in self.sold]
        self.sold = [self.with_part(line) if self.chance(25) else line for line in self.sold]
        if len(self.sold) > 1 and self.chance(15):
            kind = self.of("hard", "hard", "soft")
            limit = self.of(self.money(2000, 5000), f"hours {self.random.choice([10, 30])}")
            named = [line.name for line in self.sold if line.kind in ("time", "cost_plus")]
            if len(named) > 1:
                self.extra.append(f"  shared cap S {kind} {limit} lines {','.join(named)}")
        setup = self.setup()
        self.ever |= {line.name: line for line in self.sold}
        self.facts()
        self.changes()
        for month in MONTHS:
            self.say(month, "day ended")
            self.after(month)
        return [*setup, *_by_day(self.blocks), *self.end()]

    def after(self, month: date) -> None:
        later = month + timedelta(days=self.random.choice([1, 3, 8, 20]))
        if self.approved:
            self.say(later, "approved")
        if self.chance(80):
            self.say(later, "invoiced")

    def setup(self) -> list[Block]:
        ledger = self.of("EUR", self.currency)
        rates = [("EUR", "1")] if ledger == self.currency else []
        found = [
            f"entity LE {ledger} Europe/Berlin policy rate_staleness_days=400"
            + self.sometimes(15, " policy fx_revaluation=cumulative policy unbilled_is_monetary=yes")
            + self.sometimes(10, " policy cost_policy=wip"),
            "customer C",
            "customer B",
            "person bob consultant of LE",
            "person eve lead of LE",
            f"cost person bob {self.money(100)} {self.currency}",
            f"cost person eve {self.money(150)} {self.currency}",
            "project P of LE",
            "project Q of LE",
        ]
        if not rates:
            usual = {"USD": 90, "JPY": 60, "KWD": 290, "EUR": 100}[self.currency]
            for month in range(1, 10):
                rate = usual + self.random.choice([0, 0, 3, -4, 7])
                figure = f"0.00{rate}" if self.currency == "JPY" else f"{rate / 100:.2f}"
                found.append(f"exchange {self.currency} EUR {figure} on 2026-{month:02}-01")
        terms = "" if self.chance(80) else f" cycle {self.of('weekly', 'semi_monthly', 'on_request')}"
        if (
            not terms
            and not self.approved
            and self.chance(12)
            and not any(line.kind == "deposit" for line in self.sold)
        ):
            terms = " policy late_line=reissue"
        terms += self.sometimes(15, f" grace {self.of('2', '5')}")
        if "reissue" not in terms:
            terms += self.payers()
            terms += self.sometimes(15, f" retention {self.of('10', '0/10/0,50/5/50', '5')}")
        terms += " policy statement_approval=required" if self.approved else ""
        terms += self.sometimes(8, " policy cap_includes=time,expense,fee")
        terms += self.sometimes(4, " policy cap_split=prorate") + self.sometimes(4, " policy cap_order=approval")
        terms += self.sometimes(4, " policy unbilled_account=contract_asset") + self.sometimes(
            4, " policy fx_policy=remeasure_revenue"
        )
        terms += self.sometimes(8, " policy concession_returns_cap_room=yes")
        self.terms = terms
        contract = Block(f"contract K C LE {self.currency} from {START} to {END}{terms}", tuple(self.lines()))
        return [*map(Block, found), contract]

    def payers(self) -> str:
        drawn = self.random.random()
        if drawn < 0.15:
            return f" bill_to {self.of('C:60:rounding,B:40', 'C:33.33:rounding,B:66.67')}"
        if drawn < 0.25 and not any(line.kind == "deposit" for line in self.sold):
            return (
                f" funding GRANT:B:{self.money(1000, 4000)},OWN:C rules {self.of('GRANT,OWN', 'GRANT:60+OWN:40,OWN')}"
            )
        if drawn < 0.33:
            return f" order PO-1:{self.money(3000, 9000)}"
        return ""

    def lines(self) -> list[str]:
        return [told for line in self.sold for told in line.told] + self.extra

    # What happens

    def facts(self) -> None:
        for number in range(self.random.randint(6, 36)):
            line = self.random.choice(self.sold)
            on = self.day()
            said = min(on + timedelta(days=self.random.choice([0, 0, 0, 1, 9, 40])), END)
            self.fact(line, number, on, said)
        for line in self.sold:
            if any(term.startswith("variable") for term in line.terms):
                for _ in range(self.random.choice([0, 1, 2])):
                    self.say(
                        self.day(date(2026, 2, 1)),
                        f"revise {line.name}-V of K {line.name} {self.of('', '-')}{self.money(300, 700)}",
                    )
                self.settles.append(
                    f"revise {line.name}-V of K {line.name} {self.of('0', '450', '-350')} on {END} settled"
                )
            if line.method in SPENT and self.chance(85):
                on = self.day(START, date(2026, 3, 1))
                self.say(
                    on, f"estimate {line.project} {self.of('40', '100')} h {self.money(4000, 9000)} line {line.name}"
                )

    def fact(self, line: Sold, number: int, on: date, said: date) -> None:
        if line.kind == "units":
            self.say(said, f"units D-{number} {line.name} {self.of('40', '120', '7')} on {on} project {line.project}")
        elif line.kind == "expenses" or ((line.kind == "budgets" or "expense" in line.options) and self.chance(50)):
            back = self.of("", "", "", "-")
            named = f" line {line.name}" if self.chance(70) else ""
            task = f" task {line.task}" if line.task else ""
            spent = f"{back}{self.money(100, 63, 240)} {self.currency}"
            self.say(said, f"expense E-{number} travel {spent} on {on} person bob project {line.project}{named}{task}")
        elif line.kind == "milestones" and self.chance(50):
            self.say(said, f"milestone {line.name}-M{self.of('1', '1', '2')} on {on}")
            if self.chance(15):
                self.say(min(END, said + timedelta(days=20)), f"revoke milestone {line.name}-M1")
        elif (line.kind == "progress" or line.method in ("reported", "completed")) and self.chance(70):
            self.say(said, f"progress {line.name} {self.of('20', '50', '80', '33.3', '100')} on {on}")
        elif line.method in SPENT and self.chance(20):
            self.say(
                said,
                f"estimate {line.project} {self.of('0', '20', '60')} h {self.money(0, 2000, 6000)} line {line.name}",
            )
        else:
            self.work(line, number, on, said)

    def work(self, line: Sold, number: int, on: date, said: date) -> None:
        name, person = f"T-{number}", self.of("bob", "bob", "eve")
        hours = self.of("8", "4", "2.5", "1", "7.333333", "12")
        options = f" on {on}" if on != said else ""
        options += f" project {line.project}" + self.sometimes(60, f" line {line.name}")
        options += f" task {line.task}" if line.task else self.sometimes(30, " task design")
        options += self.sometimes(5, " billable 6") + self.sometimes(5, " not_billable")
        self.say(said, f"time {name} {person} {hours} h{options}")
        drawn = self.random.random()
        later = min(said + timedelta(days=self.random.choice([0, 5, 35, 70])), END)
        other = self.random.choice(self.sold)
        if drawn < 0.12:
            self.say(later, f"correct {name} {self.of('2', '6', '10.25')} h")
        elif drawn < 0.18:
            self.say(later, f"withdraw {name}")
        elif drawn < 0.26:
            self.say(later, f"correct {name} line {other.name} project {other.project} task {other.task or 'design'}")
        elif drawn < 0.30:
            self.say(later, f"correct {name} on {self.day()}")
        elif drawn < 0.35:
            self.say(later, f"write_off unbilled W-{number} {name} {self.money(100, 300)} {self.currency}")

    def changes(self) -> None:
        first, last = date(2026, 1, 20), date(2026, 6, 1)
        for on in sorted(self.day(first, last) for _ in range(self.random.choice([0, 1, 1, 2, 2, 3]))):
            self.amend(on)
        for _ in range(self.random.choice([0, 0, 1, 2, 3])):
            on = self.day(date(2026, 2, 10), date(2026, 7, 20))
            kind = self.of("error_rebill", "error_rebill", "price_concession", "goodwill")
            self.say(on, f"credited {kind} {self.random.randrange(100)} {self.of('100', '50', '13')}")
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.say(self.day(date(2026, 2, 10)), f"paid {self.random.randrange(100)} {self.of('100', '40')}")
        if self.chance(25):
            self.hold()
        if "on_request" in self.terms:
            for number in range(4):
                self.say(
                    self.day(date(2026, 2, 1)),
                    f"request statement R-{number} K" + self.sometimes(30, f" to {self.day()}"),
                )
        if self.chance(10):
            self.say(self.day(date(2026, 4, 1)), f"given_up {self.random.randrange(100)} {self.of('100', '40')}")
        if self.chance(20):
            line = self.random.choice(self.sold)
            reverse = f" reverse_on {self.day(date(2026, 4, 1))}" if self.chance(40) else ""
            amount = f"{self.of('', '-')}{self.money(500, 120)}"
            self.say(
                self.day(START, date(2026, 3, 31)),
                f"adjust revenue A-1 K {line.name} {amount} {self.currency}{reverse}",
            )
        for month in range(1, 6):
            if self.chance(12):
                self.say(f"2026-{month + 1:02}-{self.random.randrange(4, 25):02}", f"close period LE 2026-{month:02}")
        # What such a line was billed ahead of a termination stays (docs/limits.md).
        ahead = any(line.kind in ("progress", "budgets") and line.method for line in self.ever.values())
        if self.chance(12) and not ahead:
            self.say(self.day(date(2026, 3, 1)), "terminate K")

    def hold(self) -> None:
        on = self.day()
        what = self.of("contract K", "project P", f"line {self.random.choice(self.sold).name}", "bill_to C")
        self.say(on, f"hold H {what}")
        self.say(min(END, on + timedelta(days=self.random.choice([10, 40, 80]))), "release H")

    def amend(self, on: date) -> None:
        since = on + timedelta(days=self.random.choice([0, 0, -12, -40, 5]))
        place = self.random.randrange(len(self.sold))
        line = self.sold[place]
        change: Callable[[Sold], Sold | None] = self.random.choice(
            [self.retermed, self.retermed, self.remethod, self.ended, self.added]
        )
        made = change(line)
        after = list(self.sold)
        if made is None:
            after.pop(place)
        elif made.name != line.name:
            after.append(made)
        else:
            after[place] = made
        if not after:
            return
        treatment = self.of(
            "", "", " retroactive", " treatment catch_up" if any(one.method in OVER_TIME for one in after) else ""
        )
        self.sold = after
        for one in after:
            # A line whose method changes may have to be measured by both.
            self.ever[f"{one.name} {one.method}"] = one
        self.say(on, f"amend K from {max(since, START)}{treatment}", *self.lines())

    def retermed(self, line: Sold) -> Sold:
        """The same kind of terms with other figures."""
        made: Sold = getattr(self, f"_{line.kind}")(line)
        parts = tuple(term for term in line.terms if term.startswith("variable"))
        return made._replace(method=line.method, options=line.options, terms=(*made.terms, *parts))

    def remethod(self, line: Sold) -> Sold:
        if line.kind == "fixed":
            return line._replace(method=self.of("", *OVER_TIME))
        if line.kind in ("time", "cost_plus", "units", "expenses"):
            return line._replace(method="" if line.method else "as_billed")
        if line.method in OVER_TIME and line.kind in ("milestones", "progress", "budgets"):
            return line._replace(method=self.of(*OVER_TIME))
        return self.retermed(line)

    def ended(self, line: Sold) -> Sold | None:
        return (
            None
            if line.kind in ("time", "cost_plus", "units", "expenses", "retainer", "subscription", "deposit")
            else line
        )

    def added(self, _: Sold) -> Sold:
        return self.line(f"N{self.random.randrange(1000)}")

    # The end

    def end(self) -> list[Block]:
        """All is done, accepted, released and billed."""
        found = [f"amend K from {END} order PO-1"] if "order PO-1" in self.terms else []
        found += [f"release {one.words[1]}" for one in self.blocks if one.words[0] == "hold"]
        found += self.settles
        for line in self.ever.values():
            where = f"on {END} project {line.project} line {line.name}"
            if line.kind == "progress" or line.method in ("reported", "completed"):
                found.append(f"progress {line.name} 100 on {END}")
            if line.kind == "budgets":
                found.append(f"expense {line.name}-X travel 2000 {self.currency} {where}")
            if line.kind == "budgets" or line.method in SPENT:
                found.append(f"time {line.name}-T bob 24 h {where} task {line.task or 'design'}")
                found.append(f"estimate {line.project} 0 h 0 line {line.name} on {END}")
            if line.kind == "milestones":
                found += [f"milestone {line.name}-M{number} on {END} version 900" for number in (1, 2, 3)]
        blocks = [Block(f"{LAST} {said}") for said in dict.fromkeys(found)]
        for month in (date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30)):
            if "on_request" in self.terms:
                blocks.append(Block(f"{month} request statement R-{month} K"))
            blocks.append(Block(f"{month} day ended"))
            after = month + timedelta(days=1)
            blocks += [Block(f"{after} approved")] * self.approved + [Block(f"{after} invoiced")]
            if month.month == 8:
                blocks += [Block(f"{after} end_project {project} on {after}") for project in ("P", "Q")]
        return blocks


# The same facts, early or late

# What depends on what was billed by then: the order of arrival matters to it.
ON_BILLS = frozenset(
    "credited paid given_up write_off correct adjust estimate tax_policy pay cash applied unapplied bounced lost".split()
)
FACTS = ("time", "expense", "units", "milestone", "progress")


def quiet(blocks: Sequence[Block]) -> list[Block]:
    """Without what depends on bills, and without amendments of days before."""
    kept = [one for one in blocks if one.words[0] not in ON_BILLS and not _is_of_days_before(one)]
    return _with_versions([one for one in kept if not _is_of_prices(one)])


def _is_of_prices(block: Block) -> bool:
    """A price of an hour holds for work that comes later: all that counts here is known before, or in the end."""
    return block.words[0] in ("transfer", "cost") and "" < block.day < LAST


def _with_versions(blocks: Sequence[Block]) -> list[Block]:
    """Of several reports, or acceptances, the highest version counts: each states its own, whenever it arrives."""
    seen: Counter[str] = Counter()
    return [_with_version(one, seen) for one in blocks]


def _with_version(block: Block, seen: Counter[str]) -> Block:
    words = block.words
    if words[0] not in ("progress", "milestone", "revoke") or "version" in words:
        return block
    subject = words[2] if words[0] == "revoke" else words[1]
    seen[subject] += 1
    return block._replace(head=f"{block.head} version {seen[subject]}")


def _is_of_days_before(block: Block) -> bool:
    words = block.words
    return words[0] == "amend" and block.day < LAST and (words[3] < block.day or len(words) > 4)


def in_time(blocks: Sequence[Block]) -> list[Block]:
    """Each fact is said on its own day."""
    setup = [one for one in blocks if not one.day]
    return [*setup, *_by_day(_on_its_day(one) for one in blocks if one.day)]


def _on_its_day(block: Block) -> Block:
    on = re.search(r" on (2026-\S+)", block.head)
    if on is None or block.words[0] not in FACTS or block.day > f"{END}":
        return block
    return Block(f"{on[1]} {block.head[11:]}", block.below)


def _by_day(blocks: Iterable[Block]) -> list[Block]:
    """Drafts are approved and statements invoiced after the facts of the day, and before it ends."""
    late = {"returned": 1, "approved": 1, "invoiced": 2, "day": 3}
    return sorted(blocks, key=lambda one: (one.day, late.get(one.words[0], 0)))
