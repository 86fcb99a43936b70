"""Everything that must hold within one engagement."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.balances import ledger_rests, positions
from domain.audit.caps import caps_kept
from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import AuditedEntries
from domain.audit.findings import Checked
from domain.audit.funding import sources_kept
from domain.audit.invoices import invoices_match
from domain.audit.pairs import pairs_match
from domain.audit.provision import provisions_stand
from domain.audit.refund import refunds_stand
from domain.audit.revaluation import revalued
from domain.audit.reversals import journals_once, reversals_mirror
from domain.audit.statements import statements_foot
from domain.audit.views import views_agree


def check(engagement: AuditedEngagement, retold: AuditedEntries) -> Iterator[Checked]:
    """`retold` is what `retell` makes of the engagement."""
    yield journals_once(engagement)
    yield reversals_mirror(engagement)
    yield views_agree(engagement)
    engagement = engagement.booked
    yield pairs_match(engagement)
    yield statements_foot(engagement)
    yield retold.checked
    yield invoices_match(engagement)
    yield positions(engagement)
    yield ledger_rests(engagement, retold.entries)
    yield revalued(engagement)
    yield provisions_stand(engagement)
    yield refunds_stand(engagement)
    yield caps_kept(engagement, retold.entries)
    yield sources_kept(engagement)
