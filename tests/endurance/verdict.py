"""Whether the ERP's ledger is ours: each journal that goes there stands there once, as it is in our books, and balances are equal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from connectors.files.written import read_topic
from domain.delivery.chart import ENTRY
from domain.delivery.documents import JOURNAL, key_of
from domain.delivery.journals import IN_LEDGER, is_carried
from domain.delivery.ledgers import LedgerEntry
from domain.money import format_amount, smallest_unit
from domain.outputs import TOPICS, JournalEntry
from domain.units import Amount

POSTINGS: Final = TOPICS["JournalEntry"]

# By currency and account; of a whole ledger by day as well.
Balances: TypeAlias = Mapping[tuple[str, ...], Amount]
Sum: TypeAlias = tuple[tuple[str, ...], Amount]


class Books(NamedTuple):
    """Our side. `to_deliver` by the key of the ERP's journal, with grain `entry`; balances are those of all that was posted.

    `ledger_balances` are in the ledger's currency, for an ERP that keeps journals in that alone. `carried` are balances of the ledger's
    currency to which documents of journals in other currencies come, of what those carry at another rate.
    """

    to_deliver: Mapping[str, JournalEntry]
    balances: Balances
    ledger_balances: Balances
    carried: frozenset[tuple[str, ...]] = frozenset()

    @property
    def replacements(self) -> int:
        return sum(journal.replaces is not None for journal in self.to_deliver.values())


def books(output: Path) -> Books:
    """What goes there is all that is to be delivered, less what was taken back since by a journal that is not."""
    found: dict[str, JournalEntry] = {}
    taken_back: set[str] = set()
    posted: dict[bool, list[Sum]] = {False: [], True: []}
    for written in read_topic(output, POSTINGS):
        record = written.record
        if not isinstance(record, JournalEntry):
            continue
        day = record.accounting_date.isoformat()
        for in_ledger, sums in posted.items():
            sums += [((*place, day), amount) for place, amount in _lines(record, in_ledger=in_ledger)]
        if record.deliver and record.lines:
            found[record.journal_id] = record
        elif record.reverses is not None:
            taken_back.add(record.reverses)
    to_deliver = {key_of(JOURNAL, [name]): record for name, record in found.items() if name not in taken_back}
    # With one that is carried go the cents of those that it is grouped with.
    groups = {
        (each.legal_entity_id, each.currency, each.accounting_date) for each in found.values() if is_carried(each)
    }
    carried = frozenset(
        (each.ledger_currency, line.account, each.accounting_date.isoformat())
        for each in found.values()
        if (each.legal_entity_id, each.currency, each.accounting_date) in groups
        for line in each.lines
    )
    return Books(to_deliver, _summed(posted[False]), _summed(posted[True]), carried)


def faults(ours: Books, ledger: Sequence[LedgerEntry], grain: str = ENTRY) -> Iterator[str]:
    """Every journal that is missing there, there too often, there and not of ours, or there otherwise; balances that differ.

    Where the ERP's journals are sums of ours, a key that is there twice, and balances of each day.
    """
    there: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in ledger:
        there[entry.key].append(entry)
    if grain == ENTRY:
        yield from _by_key(ours, there)
    else:
        yield from (
            f"{key} is {len(found)} times in the ERP's ledger" for key, found in there.items() if len(found) > 1
        )
        yield from (f"{entry.reference} is in the ERP, and not posted" for entry in ledger if not entry.is_posted)
    theirs = _summed(
        ((entry.currency, line.account, entry.posted_on.isoformat()), line.amount)
        for entry in ledger
        for line in entry.lines
    )
    in_ledger = any(entry.is_in_ledger_currency for entry in ledger)
    if in_ledger:
        yield from _unequal("balance", ours.ledger_balances, theirs)
    else:
        yield from _unequal("balance", *(_without(ours.carried, each) for each in (ours.balances, theirs)))


def _by_key(ours: Books, there: Mapping[str, Sequence[LedgerEntry]]) -> Iterator[str]:
    for key in sorted(ours.to_deliver.keys() - there.keys()):
        yield f"{ours.to_deliver[key].journal_id} ({key}) is not in the ERP's ledger"
    beside = {
        key: key_of(JOURNAL, [each.journal_id], IN_LEDGER) for key, each in ours.to_deliver.items() if is_carried(each)
    }
    for key in sorted(there.keys() - ours.to_deliver.keys() - set(beside.values())):
        yield f"{key or 'a journal without a key'} is in the ERP's ledger, and none of ours"
    for key in sorted(there.keys() & ours.to_deliver.keys()):
        journal = ours.to_deliver[key]
        for entries in (there[key], there.get(beside.get(key, ""), ())):
            yield from _stands(journal, entries)
        if key in beside:
            yield from _worth(journal, (*there[key], *there.get(beside[key], ())))
        else:
            yield from _differences(journal, there[key][0])


def _stands(journal: JournalEntry, entries: Sequence[LedgerEntry]) -> Iterator[str]:
    name = journal.journal_id
    if len(entries) > 1:
        yield f"{name} is {len(entries)} times in the ERP's ledger: {', '.join(each.reference for each in entries)}"
    for entry in entries:
        if not entry.is_posted:
            yield f"{name} is in the ERP as {entry.reference}, and not posted"
        if entry.posted_on != journal.accounting_date:
            yield f"{name} is of {journal.accounting_date}, in the ERP of {entry.posted_on}"


def _differences(journal: JournalEntry, entry: LedgerEntry) -> Iterator[str]:
    ours = _summed(_lines(journal, in_ledger=entry.is_in_ledger_currency))
    theirs = _summed(((entry.currency, line.account), line.amount) for line in entry.lines)
    yield from _unequal(journal.journal_id, ours, theirs)


def _worth(journal: JournalEntry, entries: Sequence[LedgerEntry]) -> Iterator[str]:
    """In the ledger's currency, both documents together; a cent a line is the ERP's own conversion."""
    ours = _summed(_lines(journal, in_ledger=True))
    lines = [line for entry in entries for line in entry.lines]
    theirs = _summed(((journal.ledger_currency, line.account), line.ledger_amount) for line in lines)
    room = len(lines) * smallest_unit(journal.ledger_currency)
    if any(abs(ours.get(place, 0) - theirs.get(place, 0)) > room for place in ours.keys() | theirs.keys()):
        yield from _unequal(journal.journal_id, ours, theirs)


def _lines(journal: JournalEntry, *, in_ledger: bool) -> Iterator[Sum]:
    for line in journal.lines:
        if in_ledger:
            yield (journal.ledger_currency, line.account), line.ledger_amount
        else:
            yield (journal.currency, line.account), line.amount


def _without(places: Collection[tuple[str, ...]], balances: Balances) -> Balances:
    return {place: amount for place, amount in balances.items() if place not in places}


def _unequal(what: str, ours: Balances, theirs: Balances) -> Iterator[str]:
    for place in sorted(ours.keys() | theirs.keys()):
        said, found = (format_amount(each.get(place, 0)) for each in (ours, theirs))
        if said != found:
            yield f"{what} of {' '.join(place)}: {said}, in the ERP {found}"


def _summed(lines: Iterable[Sum]) -> Balances:
    sums: Counter[tuple[str, ...]] = Counter()
    for place, amount in lines:
        sums[place] += amount
    return {place: amount for place, amount in sums.items() if amount}
