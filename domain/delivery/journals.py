"""A group of journals as journals of the ERP: its accounts, lines that are alike summed, never more lines than the ERP takes.

Debits and credits of an account are summed apart, so that the ERP's debits and credits of an account are ours, and a journal that is
reversed within its group still stands there.

An ERP converts each line at the document's rate. What journals carry at another one, such as work that leaves as it was recognised, and
exchange differences, which are nothing in their own currency, go beside it as a document in the ledger's currency:

    carried at 0.90, 840.00 USD (756.00 EUR) in a document at 0.95    840.00 USD, which the ERP has at 798.00 EUR
    beside it                                                         -42.00 EUR

A group that has too many lines is halved until its parts fit, always at the same places: whichever chart and limit it is sent under, and
whether it was halved for its lines or to find the one that the ERP rejects, the same journals have the same key. A single journal with
too many lines is taken apart into sets of lines that balance.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from domain.accounts import CURRENCY_ROUNDING
from domain.delivery.chart import EntityChart, Unmapped, dimensions_of
from domain.delivery.contra_accounts import Match, matches
from domain.delivery.documents import JOURNAL, DocumentLine, JournalDocument, Segment, key_of
from domain.delivery.groups import JournalGroup
from domain.ledger.journal import Unbalanced
from domain.money import HALF_UP, convert, smallest_unit
from domain.outputs import JournalEntry
from domain.units import EXCHANGE_RATE_ONE, Amount

# A debit and a credit.
LEAST_LINES = 2
# In keys of documents in the ledger's currency that go beside one in another.
IN_LEDGER = "ledger"

_Alike: TypeAlias = tuple[str, tuple[Segment, ...], str, bool]


def documents(
    group: JournalGroup, chart: EntityChart, limit_lines: int
) -> tuple[JournalDocument, ...] | tuple[Unmapped, ...]:
    """What the ERP gets of the group; where the chart lacks something, all that it lacks and no document."""
    if limit_lines < LEAST_LINES:
        raise ValueError(
            f"lines a journal: expected {LEAST_LINES} or more, since a journal has two sides, got {limit_lines}"
        )
    lines, missing = _mapped(group, chart)
    if missing:
        return missing
    at_rate, beside = _by_currency(group, lines) if any(map(is_carried, group.members)) else (lines, ())
    if len(at_rate) <= limit_lines and len(beside) <= limit_lines:
        if not at_rate:
            return (_in_ledger_currency(group, chart, beside),)
        made = _document(group, chart, at_rate)
        return (made, _in_ledger_currency(group, chart, beside, IN_LEDGER)) if beside else (made,)
    if len(group.members) > 1:
        found: list[JournalDocument] = []
        for half in halves(group):
            for each in documents(half, chart, limit_lines):
                assert isinstance(each, JournalDocument), "what the group has mapped its halves have"
                found.append(each)
        return tuple(found)
    parts, rest = _parts(at_rate, limit_lines), _parts(beside, limit_lines)
    return (
        *(_document(group, chart, part, f"{number}/{len(parts)}") for number, part in enumerate(parts, start=1)),
        *(
            _in_ledger_currency(group, chart, part, f"{IN_LEDGER} {number}/{len(rest)}")
            for number, part in enumerate(rest, start=1)
        ),
    )


def halves_of(ids: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of two or more."""
    middle = len(ids) // 2
    return ids[:middle], ids[middle:]


def halves(group: JournalGroup) -> tuple[JournalGroup, JournalGroup]:
    first, second = halves_of(group.ids)
    return of_members(group, first), of_members(group, second)


def of_members(group: JournalGroup, ids: Iterable[str]) -> JournalGroup:
    """The group of some of its journals; its accounting date is the last of theirs."""
    wanted = frozenset(ids)
    places = [place for place, each in enumerate(group.members) if each.journal_id in wanted]
    members = tuple(group.members[place] for place in places)
    return group._replace(
        accounting_date=max(each.accounting_date for each in members),
        members=members,
        correlation_ids=tuple(group.correlation_ids[place] for place in places),
    )


def _mapped(group: JournalGroup, chart: EntityChart) -> tuple[tuple[DocumentLine, ...], tuple[Unmapped, ...]]:
    sums: dict[_Alike, tuple[Amount, Amount]] = {}
    texts: dict[_Alike, set[str]] = {}
    missing: dict[Unmapped, dict[str, None]] = {}
    for journal in group.members:
        unnamed = [*chart.unnamed(journal.currency, journal.period)]
        if is_carried(journal):
            unnamed += chart.unnamed(journal.ledger_currency)
        for what in unnamed:
            missing.setdefault(what, {})[journal.journal_id] = None
        for line in journal.lines:
            place = chart.mapped(line.account, dimensions_of(journal, line))
            if isinstance(place, Unmapped):
                missing.setdefault(place, {})[journal.journal_id] = None
                continue
            is_debit = (line.amount, line.ledger_amount) > (0, 0)
            alike = (place.account, place.segments, line.account, is_debit)
            amount, ledger = sums.get(alike, (0, 0))
            sums[alike] = (amount + line.amount, ledger + line.ledger_amount)
            texts.setdefault(alike, set()).add(line.project_id or "")
    lines = tuple(
        DocumentLine(account, *sums[alike], role, segments, texts[alike].pop() if len(texts[alike]) == 1 else "")
        for alike in sorted(sums, key=lambda each: (*each[:3], not each[3]))
        for account, segments, role, _ in (alike,)
    )
    return lines, tuple(what._replace(journals=tuple(which)) for what, which in sorted(missing.items()))


def is_carried(journal: JournalEntry) -> bool:
    """Whether a line is worth another amount in the ledger's currency than the journal's rate makes of it, but for rounding."""
    if journal.currency == journal.ledger_currency:
        return False
    near = smallest_unit(journal.ledger_currency)
    return any(
        abs(line.ledger_amount - _converted(line.amount, journal)) > near
        if line.amount
        else line.account != CURRENCY_ROUNDING
        for line in journal.lines
    )


def _converted(amount: Amount, journal: JournalEntry) -> Amount:
    return convert(amount, journal.exchange_rate, EXCHANGE_RATE_ONE, journal.ledger_currency, HALF_UP)


def _by_currency(
    group: JournalGroup, lines: Sequence[DocumentLine]
) -> tuple[tuple[DocumentLine, ...], tuple[DocumentLine, ...]]:
    """What goes at the document's rate, and in the ledger's currency what the lines are worth beside it; both balance.

    Cents that conversion leaves are on the largest line.
    """
    at_rate = [line._replace(ledger_amount=_converted(line.amount, group.members[0])) for line in lines if line.amount]
    if at_rate:
        largest = max(range(len(at_rate)), key=lambda place: abs(at_rate[place].amount))
        rest = sum(line.ledger_amount for line in at_rate)
        at_rate[largest] = at_rate[largest]._replace(ledger_amount=at_rate[largest].ledger_amount - rest)
    sent = iter(at_rate)
    beside = []
    for line in lines:
        left = line.ledger_amount - (next(sent).ledger_amount if line.amount else 0)
        if left:
            beside.append(line._replace(amount=left, ledger_amount=left))
    return tuple(at_rate), tuple(beside)


def _parts(lines: Sequence[DocumentLine], limit: int) -> list[tuple[DocumentLine, ...]]:
    """Each with at most `limit` lines, and balanced."""
    found: list[list[Match]] = [[]]
    used: set[DocumentLine] = set()
    for match in matches(lines, lambda _debit, _credit: True):
        both = {match.debit, match.credit}
        if len(used | both) > limit:
            found.append([])
            used = set()
        found[-1].append(match)
        used |= both
    return [_summed(each) for each in found if each]


def _summed(some: Iterable[Match]) -> tuple[DocumentLine, ...]:
    sums: dict[DocumentLine, tuple[Amount, Amount]] = {}
    for debit, credit, amount, ledger in some:
        for line, sign in ((debit, 1), (credit, -1)):
            had, had_ledger = sums.get(line, (0, 0))
            sums[line] = (had + sign * amount, had_ledger + sign * ledger)
    return tuple(
        line._replace(amount=amount, ledger_amount=ledger)
        for line, (amount, ledger) in sums.items()
        if amount or ledger
    )


def _document(
    group: JournalGroup, chart: EntityChart, lines: tuple[DocumentLine, ...], part: str = ""
) -> JournalDocument:
    key = key_of(JOURNAL, group.ids, part)
    rest, ledger_rest = sum(line.amount for line in lines), sum(line.ledger_amount for line in lines)
    if rest or ledger_rest:
        raise Unbalanced(
            f"document {key} of {', '.join(group.ids[:3])}: lines sum to {rest} and {ledger_rest} in ledger currency (10^-4), expected zero"
        )
    first = group.members[0]
    return JournalDocument(
        key=key,
        legal_entity_id=group.legal_entity_id,
        subsidiary=chart.subsidiary,
        currency=first.currency,
        currency_id=chart.currencies.get(first.currency, first.currency),
        ledger_currency=first.ledger_currency,
        exchange_rate=first.exchange_rate,
        accounting_date=group.accounting_date,
        period=first.period,
        period_id=chart.periods.get(first.period, first.period),
        text=_text(group),
        lines=lines,
        members=group.ids,
        correlation_id=group.correlation_ids[0],
    )


def _in_ledger_currency(
    group: JournalGroup, chart: EntityChart, lines: tuple[DocumentLine, ...], part: str = ""
) -> JournalDocument:
    currency = group.members[0].ledger_currency
    made = _document(group, chart, lines, part)
    return made._replace(
        currency=currency, currency_id=chart.currencies.get(currency, currency), exchange_rate=EXCHANGE_RATE_ONE
    )


def _text(group: JournalGroup) -> str:
    if len(group.members) > 1:
        return f"Milepost, {len(group.members)} journals"
    only = group.members[0]
    return f"Milepost, {only.kind} {only.affected_kind} {only.affected_id}"
