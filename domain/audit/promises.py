"""Everything that must hold within one engagement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Final

from domain.audit.balances import ledger_rests, positions
from domain.audit.caps import caps_kept
from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import AuditedEntries
from domain.audit.findings import Checked
from domain.audit.funding import sources_kept
from domain.audit.invoices import invoices_match
from domain.audit.prices import prices_kept
from domain.audit.revaluation import revalued
from domain.audit.reversals import journals_once, reversals_mirror
from domain.audit.statements import statements_foot
from domain.audit.views import views_agree
from domain.capabilities import PROMISES

Promised = Callable[[AuditedEngagement], Checked]


def _own(name: str) -> Promised:
    """Of a capability: the function `check` of the module of the promise's name."""
    found: Promised = import_module(f"domain.audit.{name}").check
    return found


OWN: Final = tuple(_own(promise.name) for promise in PROMISES)


def check(engagement: AuditedEngagement, by_journals: AuditedEntries) -> Iterator[Checked]:
    """`by_journals` is what `accounts_of` makes of the engagement."""
    yield journals_once(engagement)
    yield reversals_mirror(engagement)
    yield views_agree(engagement)
    engagement = engagement.booked
    yield statements_foot(engagement)
    yield by_journals.checked
    yield invoices_match(engagement)
    yield positions(engagement)
    yield ledger_rests(engagement, by_journals.entries)
    yield revalued(engagement)
    for find in OWN:
        yield find(engagement)
    yield prices_kept(engagement)
    yield caps_kept(engagement, by_journals.entries)
    yield sources_kept(engagement)
