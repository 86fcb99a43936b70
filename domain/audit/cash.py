"""Unapplied cash of payments from their journals, and what was applied of it later: nothing is left of a payment in the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from domain.accounts import UNAPPLIED_CASH
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import SeenOutput
from domain.outputs import JournalEntry
from domain.sums import summed
from domain.units import Amount

PAYMENT, APPLICATION = "payment", "payment_application"


class OnAccount(NamedTuple):
    """Of a payment in a company on 1120, debit positive, and the journal that touched it last."""

    last: SeenOutput
    amount: Amount
    ledger: Amount


def on_account(engagement: AuditedEngagement) -> dict[tuple[str, str], OnAccount]:
    """By payment and company."""
    found: dict[tuple[str, str], OnAccount] = {}
    for seen, journal in records(engagement.outputs, JournalEntry):
        payment_id = payment_of(journal)
        if payment_id is None:
            continue
        key = (payment_id, journal.legal_entity_id)
        for line in journal.lines:
            if line.account == UNAPPLIED_CASH:
                had = found.get(key, OnAccount(seen, 0, 0))
                found[key] = OnAccount(seen, had.amount + line.amount, had.ledger + line.ledger_amount)
    return found


def payment_of(journal: JournalEntry) -> str | None:
    """The payment whose cash it moves: an application's rule is `application/<payment>/<contract>`."""
    if journal.affected_kind == PAYMENT:
        return journal.affected_id
    if journal.affected_kind == APPLICATION:
        return journal.rule.removeprefix("application/").removesuffix(f"/{journal.contract_id}")
    return None


def taken_off(engagement: AuditedEngagement) -> Mapping[str, Amount]:
    """By payment what applications take off invoices: off another engagement's no journal of this one puts it on 1120 again."""
    newest = {applied.application_id: applied for applied in engagement.applications}
    return summed(
        (applied.payment_id, -sum(min(each.amount, 0) for each in applied.applications)) for applied in newest.values()
    )
