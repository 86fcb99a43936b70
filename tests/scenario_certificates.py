"""What a scenario asks of the certificate that a close gave last: `certificate LE 2026-05  number 1  journals 2  moved  Dr 5000 ...`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from domain.outputs import CertifiedAccount, CloseCertificate
from tests.scenario_events import Words

# Which figures of each account; `since` is what moved after the certificate that it takes the place of.
FIGURES = ("opening", "moved", "closing", "since")


class Certificate(NamedTuple):
    """`figures` are balances by account, debits positive; none where there is no certificate. `replaces` is 0 of a first one."""

    entity: str
    period: str
    number: int
    journals: int
    replaces: int
    open_before: tuple[str, ...]
    which: str
    figures: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        replaces = f"  replaces {self.replaces}" if self.replaces else ""
        before = f"  open {','.join(self.open_before)}" if self.open_before else ""
        sides = [f"{'Dr' if amount > 0 else 'Cr'} {account} {abs(amount)}" for account, amount in self.figures]
        head = f"certificate {self.entity} {self.period}  number {self.number}  journals {self.journals}"
        return "  ".join([f"{head}{replaces}{before}  {self.which}", *sides])


def asked_of(words: Words, legs: Callable[[Words], Iterable[tuple[str, int]]]) -> Certificate:
    """After the word `certificate`; `legs` reads accounts with their balances to the end."""
    entity, period = words.take("a legal entity"), words.take("an accounting period")
    stated = {"number": 0, "journals": 0, "replaces": 0}
    before: tuple[str, ...] = ()
    while (name := words.take("number, journals, replaces, open, opening, moved, closing or since")) not in FIGURES:
        if name == "open":
            before = tuple(words.take("accounting periods").split(","))
        elif name in stated:
            stated[name] = int(words.take("a number"))
        else:
            raise words.line.wrong(f"expected one of {', '.join(stated)}, open, {', '.join(FIGURES)}, got '{name}'")
    number, journals, replaces = stated.values()
    return Certificate(entity, period, number, journals, replaces, before, name, tuple(legs(words)))


def answered(outputs: Iterable[object], asked: Certificate) -> Certificate:
    """By the certificate of the period that came last."""
    found = [
        one
        for one in outputs
        if isinstance(one, CloseCertificate) and (one.legal_entity_id, one.period) == (asked.entity, asked.period)
    ]
    if not found:
        return asked._replace(number=0, journals=0, replaces=0, open_before=(), figures=())
    last = found[-1]
    balances = ((each.account, _figure(each, asked.which)) for each in last.accounts)
    figures = tuple((account, amount) for account, amount in balances if amount)
    return asked._replace(
        number=last.number,
        journals=last.journal_count,
        replaces=last.replaces or 0,
        open_before=last.open_before,
        figures=figures,
    )


def _figure(of: CertifiedAccount, which: str) -> int:
    moved = of.debits - of.credits
    match which:
        case "opening":
            return of.opening
        case "moved":
            return moved
        case "closing":
            return of.opening + moved
        case _:
            return moved - (of.certified_movement or 0)
