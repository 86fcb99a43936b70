"""What a firm of some projects sends in a month, with all that makes intake remember, wait and tell again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

from domain.events.catalogue import Event
from domain.events.common import HoldScope
from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.events.reference import ExchangeRateSet, IdentityLinked
from tests.intake_inputs import activated, amended, customer, entity, head, signed, withdrawn, worked

WHEN = "2026-03-02 09:00"
DOMAIN = ("finance.reference", "crm.contracts", "psa.projects", "psa.time")


def story(seed: int, events: int) -> Iterator[Event]:
    """In no good order: work comes before its project, amendments before what they amend."""
    rng = random.Random(seed)
    yield entity(WHEN)
    for number in range(events):
        project = f"P-{rng.randrange(30)}"
        yield rng.choice(_KINDS)(rng, number, project)


def _worked(rng: random.Random, number: int, project: str) -> Event:
    return worked(
        WHEN, f"T-{rng.randrange(400)}", project, rng.choice(("test", "kantata")), version=rng.randrange(1, 4)
    )


def _withdrawn(rng: random.Random, number: int, project: str) -> Event:
    return withdrawn(WHEN, f"T-{rng.randrange(400)}")


def _activated(rng: random.Random, number: int, project: str) -> Event:
    return activated(WHEN, project, rng.choice((None, None, f"E-{rng.randrange(5)}")))


def _signed(rng: random.Random, number: int, project: str) -> Event:
    return signed(WHEN, f"C-{rng.randrange(10)}", project, f"P-{rng.randrange(30)}")


def _amended(rng: random.Random, number: int, project: str) -> Event:
    return amended(WHEN, f"C-{rng.randrange(10)}", project, version=number + 2)


def _hold(rng: random.Random, number: int, project: str) -> Event:
    contract, hold = f"C-{rng.randrange(10)}", f"H-{rng.randrange(4)}"
    if rng.random() < 0.3:
        return BillingHoldReleased(**head(WHEN), hold_id=hold, version=number)
    scope = HoldScope("contract", contract)
    placed = date(2026, 3, 2)
    return BillingHoldPlaced(
        **head(WHEN), hold_id=hold, version=number, scope=scope, placed_on=placed, reason="dispute"
    )


def _linked(rng: random.Random, number: int, project: str) -> Event:
    linked = f"P-{rng.randrange(30)}"
    return IdentityLinked(
        **head(WHEN, "kantata"), kind="project", canonical_id=linked, source_id=project, version=number
    )


def _rate(rng: random.Random, number: int, project: str) -> Event:
    return ExchangeRateSet(
        **head(WHEN),
        rate_type="spot",
        from_currency="USD",
        to_currency="EUR",
        date=date(2026, 3, 2),
        rate=9 * 10**11,
        version=number + 1,
    )


def _customer(rng: random.Random, number: int, project: str) -> Event:
    return customer(WHEN, f"K-{rng.randrange(9)}")


_KINDS = (*(_worked,) * 12, _withdrawn, *(_activated,) * 2, _signed, _amended, _hold, _linked, _rate, _customer)
