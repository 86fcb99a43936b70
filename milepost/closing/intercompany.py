"""What keeps work for another company from being the same in both: no transfer price, or halves of pairs apart.

8 h of Eva of GB for US   GB 1180 1,200.00 of 1 July, as its June is closed     US 2180 1,200.00 of 30 June
June of US                1,200.00 with GB is of GB's 2026-07: the group owes itself 1,200.00 at the end of June
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from connectors.files.written import placed_of
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY
from domain.outputs import JournalEntry
from domain.units import Amount
from milepost.closing.items import Closing, OpenPoint, tallied
from milepost.closing.ledgers import FINANCE, exceptions_in
from milepost.console import shell_word
from milepost.exceptions.words import titled
from state.ledger.standings import REFUSED, REJECTED, TO_SEND

NOWHERE: Final = "no company"
NO_PRICE: Final = "no_transfer_price"


class Half(NamedTuple):
    """What a journal of a pair puts on 1180 or 2180, in the currency of the transfer; `entity_id` is the company whose half it is."""

    journal_id: str
    entity_id: str
    period: str
    day: date
    currency: str
    owed: Amount


class OneSided(NamedTuple):
    """Why halves are apart, with whom, and the command that mends it."""

    why: str
    other: str
    currency: str
    command: str


def find(closing: Closing) -> Iterator[OpenPoint]:
    yield from _without_price(closing)
    found = ((apart, own.owed) for own, other in _pairs(closing) for apart in _apart(closing, own, other))
    for apart, count, amount in tallied(found):
        # What is posted and taken back the same way leaves nothing between both.
        if amount:
            yield OpenPoint(apart.why, count, abs(amount), apart.currency, FINANCE, apart.command)


def _without_price(closing: Closing) -> Iterator[OpenPoint]:
    found = (
        ((*closing.companies_of(each), each.raised.blocks_currency or ""), abs(each.raised.blocks_amount))
        for each in exceptions_in(closing)
        if each.raised.category == NO_PRICE
    )
    for (borrower, lender, currency), count, amount in tallied(found):
        what = f"{titled(NO_PRICE)}: work of {lender or NOWHERE} for {borrower or NOWHERE} is charged by nobody"
        command = closing.command(f"exceptions list --kind {NO_PRICE}")
        yield OpenPoint(what, count, amount if currency else None, currency, FINANCE, command)


def _pairs(closing: Closing) -> Iterator[tuple[Half, Half | None]]:
    """Each half of the company in the period, and the other half, where there is one."""
    if not closing.books.has_account(closing.whose, closing.period.name, tuple(INTERCOMPANY.accounts)):
        return
    made: dict[tuple[str, int, int, bool], list[Half]] = defaultdict(list)
    for position, journal in placed_of(closing.output, JournalEntry):
        if journal.pair_id is not None:
            key = journal.pair_id, position.shard, position.log_offset, journal.kind == "reversal"
            made[key].append(_half(journal))
    for halves in made.values():
        own = [each for each in halves if (each.entity_id, each.period) == (closing.whose, closing.period.name)]
        others = [each for each in halves if each.entity_id != closing.whose]
        for each in own:
            yield each, others[0] if others else None


def _half(journal: JournalEntry) -> Half:
    owed = sum(line.amount for line in journal.lines if line.account in (DUE_FROM, DUE_TO))
    place = journal.legal_entity_id, journal.period, journal.accounting_date
    return Half(journal.journal_id, *place, journal.currency, owed)


def _apart(closing: Closing, own: Half, other: Half | None) -> Iterator[OneSided]:
    if other is None:
        why = f"no other company has the other half of {own.journal_id}"
        yield OneSided(why, "", own.currency, closing.command("verify"))
        return
    if not closing.first <= other.day <= closing.last:
        why = f"with {other.entity_id}, whose half is in its period {other.period}: the group owes itself that much"
        command = closing.command(f"ledger --entity {shell_word(other.entity_id)} --period {other.period}")
        yield OneSided(why, other.entity_id, own.currency, command)
    standing = closing.waiting_journals.get(other.journal_id) if closing.has_an_erp else None
    if standing in {TO_SEND, REJECTED}:
        is_rejected = standing == REJECTED
        why = f"with {other.entity_id}, whose half the ERP {'rejected' if is_rejected else 'does not have'}"
        command = closing.command(f"exceptions list --kind {REFUSED}" if is_rejected else "deliver")
        yield OneSided(why, other.entity_id, own.currency, command)
