"""Prices are kept: no event takes what a line has earned over time above its price, with all that its variable parts may add.

Looked at is what stands after each event, by the terms that the log has stated by then, day by day: up to each day for which something is
earned it is at most the highest price in force since the one before. What was earned by an earlier, higher price may stay, and so may
what balances state.

    100,000.00, of which 40 % are reported by February; 130,000.00 from March on: 40,000.00 of 100,000.00, then at most 130,000.00
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from domain.accounts import REVENUE
from domain.audit.engagement import AuditedEngagement, records
from domain.audit.findings import PRICES, Checked, SeenOutput, Violation, violation
from domain.audit.terms import PricedTerms, is_of_terms
from domain.identity import parts_of
from domain.money import format_amount
from domain.outputs import ExceptionRaised, JournalEntry
from domain.units import Amount
from domain.work.rows import OPENING, SCHEDULED_REVENUE

DAY: Final = timedelta(days=1)
COUNTED: Final = (SCHEDULED_REVENUE, OPENING)


class _Row(NamedTuple):
    """What stands of revenue of a line up to a day; `stated` by its balances."""

    line_id: str
    day: date
    amount: Amount
    stated: bool


def prices_kept(engagement: AuditedEngagement) -> Checked:
    """By contract, lines that share their prices together. Counted are events after which something else is earned over time."""
    uncertain = {one.contract_id for _, one in records(engagement.outputs, ExceptionRaised) if is_of_terms(one)}
    rows: dict[str, dict[str, _Row]] = {}
    found: list[Violation] = []
    count = 0
    for offset, contract_id, journals in _by_event(engagement):
        own = rows.setdefault(contract_id, {})
        moved = {_add(own, journal) for _, journal in journals}
        stated = [one for one in engagement.priced if one.offset <= offset and one.event.contract_id == contract_id]
        terms = PricedTerms(stated, certain=contract_id not in uncertain)
        for lines in {terms.sharing(line_id) for line_id in moved} - {frozenset()}:
            count += 1
            seen, newest = journals[-1]
            of_lines = [row for row in own.values() if row.line_id in lines]
            found += _within(seen, f"contract {contract_id}, {_named(lines)}", newest.currency, of_lines, terms, lines)
    return Checked(PRICES, count, tuple(found))


def _journals(engagement: AuditedEngagement) -> Iterator[tuple[SeenOutput, JournalEntry]]:
    """Of what balances bring only what is of a line."""
    for seen, journal in records(engagement.outputs, JournalEntry):
        if journal.affected_kind in COUNTED and len(parts_of(journal.affected_id)) > 1:
            yield seen, journal


def _by_event(engagement: AuditedEngagement) -> Iterator[tuple[int, str, list[tuple[SeenOutput, JournalEntry]]]]:
    """With the event's place in the log, and the contract; others of the event may come between."""
    for offset, made in groupby(_journals(engagement), key=lambda each: each[0].position.log_offset):
        found: dict[str, list[tuple[SeenOutput, JournalEntry]]] = {}
        for seen, journal in made:
            found.setdefault(journal.contract_id or "", []).append((seen, journal))
        for contract_id, journals in found.items():
            yield offset, contract_id, journals


def _add(rows: dict[str, _Row], journal: JournalEntry) -> str:
    """The line whose revenue it moves."""
    line_id = parts_of(journal.affected_id)[1]
    earned = -sum(line.amount for line in journal.lines if line.account in REVENUE)
    day = journal.service_date or journal.accounting_date
    had = rows.get(journal.affected_id, _Row(line_id, day, 0, journal.affected_kind == OPENING))
    rows[journal.affected_id] = had._replace(amount=had.amount + earned, day=day)
    return line_id


def _within(
    seen: SeenOutput, subject: str, currency: str, rows: Sequence[_Row], terms: PricedTerms, lines: frozenset[str]
) -> Iterator[Violation]:
    by_day: Counter[date] = Counter()
    for row in rows:
        by_day[row.day] += row.amount
    stated = {row.day for row in rows if row.stated}
    earned = most = stays = 0
    first = date.min
    for day in sorted(by_day):
        earned += by_day[day]
        price = terms.most(lines, first, day)
        # What stays of a higher price has variable parts as they were estimated: what they are settled at may be more.
        stays = (stays or most + terms.parts(lines)) if most > price else 0
        ceiling = max(price, stays)
        if earned > ceiling and day not in stated:
            expected = f"at most {format_amount(ceiling)} {currency} earned over time by {day}"
            yield violation(PRICES, seen, subject, expected, format_amount(earned))
            return
        # It may have come to a price that fell before the day; no more than that price is looked at after it, since rows do not say when.
        fell = price if terms.most(lines, day, day) < price else 0
        most, first = max(most, earned, fell), day + DAY


def _named(lines: frozenset[str]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(sorted(lines))}"
