"""Journals that an ERP has not got, as `milepost reconcile` and `milepost show` say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from domain.delivery.standings import REFUSED
from milepost.console import amount_text
from milepost.delivered_shown import WORDS, clipped
from milepost.tables import Table

if TYPE_CHECKING:
    from domain.delivery.absent import Absent
    from domain.units import Amount

# Of a company and period.
REASONS_SHOWN: Final = 10


class Lacking(NamedTuple):
    """Journals of a company and period that are absent for one reason; `money` are debits by currency."""

    legal_entity_id: str
    period: str
    standing: str
    why: str
    until: str
    journals: int
    money: Mapping[str, Amount]


def summed(found: Iterable[Absent]) -> list[Lacking]:
    money: dict[tuple[str, ...], Counter[str]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for each in found:
        name = (each.journal.legal_entity_id, each.journal.period, each.standing, each.why, each.until)
        counts[name] += 1
        money.setdefault(name, Counter())[each.journal.currency] += each.debits
    return [
        Lacking(entity, period, standing, why, until, counts[name], money[name])
        for name in sorted(counts)
        for entity, period, standing, why, until in (name,)
    ]


def to_send(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> int:
    """Journals that go by themselves sooner or later, or once the chart is mended."""
    return sum(each.journals for each in _of(lacking, legal_entity_id, period) if each.standing != REFUSED)


def rejected(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> int:
    """Journals that the ERP refused for what they are."""
    return sum(each.journals for each in _of(lacking, legal_entity_id, period) if each.standing == REFUSED)


def _of(lacking: Iterable[Lacking], legal_entity_id: str, period: str) -> Iterable[Lacking]:
    return (each for each in lacking if (each.legal_entity_id, each.period) == (legal_entity_id, period))


def table(lacking: Sequence[Lacking]) -> Table:
    rows: list[tuple[str, ...]] = []
    shown: Counter[tuple[str, str]] = Counter()
    for each in sorted(lacking, key=lambda one: (*one[:2], -one.journals, one.why)):
        shown[each[:2]] += 1
        if shown[each[:2]] <= REASONS_SHOWN:
            money = ", ".join(f"{amount_text(amount)} {currency}" for currency, amount in sorted(each.money.items()))
            word = WORDS[each.standing]
            rows.append((each.legal_entity_id, each.period, word, f"{each.journals:,}", money, clipped(each.why)))
    for (entity, period), count in sorted(shown.items()):
        if count > REASONS_SHOWN:
            rows.append((entity, period, "", "", "", f"{count - REASONS_SHOWN:,} other reasons; --json has them all"))
    columns = ("company", "period", "", "journals", "money", "why")
    return Table("Not in the ERP yet", columns, rows, frozenset({3}))


def as_json(each: Lacking) -> dict[str, Any]:
    """Amounts are decimals as text."""
    money = {currency: amount_text(amount).replace(",", "") for currency, amount in sorted(each.money.items())}
    return {**each._asdict(), "until": each.until or None, "money": money}
