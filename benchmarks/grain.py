"""How many journals an ERP gets of a firm by each grain, and what putting them together costs."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from connectors.files.written import read_topic, shards
from domain.accounts import NAMES
from domain.delivery.chart import GRAINS, AccountRule, EntityChart
from domain.delivery.documents import JournalDocument
from domain.delivery.groups import OpenGroups
from domain.delivery.journals import documents
from domain.outputs import TOPICS, ControlTotals, JournalEntry, Position

# Of NetSuite, the fewest lines of all that are served.
LINES = 200


class Grained(NamedTuple):
    """`documents` are all, `a_month` those of the busiest month; `microseconds` a journal of ours, in groups and as documents."""

    grain: str
    journals: int
    documents: int
    a_month: int
    lines_most: int
    microseconds: float


def measure(output: Path) -> list[Grained]:
    """Of all companies together."""
    records = [
        (written.position, written.record)
        for name in ("JournalEntry", "ControlTotals")
        for written in read_topic(output, TOPICS[name])
        if isinstance(written.record, JournalEntry | ControlTotals)
    ]
    return [_grained(grain, records, len(shards(output))) for grain in GRAINS]


def _grained(grain: str, records: list[tuple[Position, JournalEntry | ControlTotals]], count: int) -> Grained:
    companies = {record.legal_entity_id for _, record in records}
    accounts = {role: (AccountRule(role),) for role in NAMES}
    charts = {each: EntityChart(each, "books", grain, each, accounts=accounts) for each in companies}
    groups = OpenGroups(count, charts)
    begun = time.process_time()
    made = [
        document
        for position, record in records
        for group in groups.add(position, record)
        for document in documents(group, charts[group.legal_entity_id], LINES)
        if isinstance(document, JournalDocument)
    ]
    spent = time.process_time() - begun
    journals = sum(isinstance(record, JournalEntry) for _, record in records)
    months = Counter(f"{document.accounting_date:%Y-%m}" for document in made)
    lines = max(len(document.lines) for document in made)
    return Grained(grain, journals, len(made), max(months.values()), lines, spent * 1e6 / journals)
