"""What `milepost deliver` says at its end and by `--status`: each journal and statement that was read, in one line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from connectors.delivery_lines import DeliveryLine, is_done
from connectors.delivery_store import READ
from domain.delivery import standings
from domain.delivery.absent import FREE
from domain.money import format_amount
from milepost.console import aligned, money_text, shape
from milepost.delivery.lacking import CompanyWithoutChart

# As people say it, in the order in which it is shown.
WORDS: Final[Mapping[str, str]] = {
    standings.POSTED: "posted",
    standings.TAKEN: "accepted, not posted yet",
    standings.SENT: "sent, no answer yet",
    standings.TO_SEND: "to send",
    standings.PROBE: "to look up",
    standings.WAITING: "waits for day or period",
    standings.UNMAPPED: "waits for the chart",
    standings.REFUSED: "rejected",
    standings.REPLACED: "replaced",
    standings.WITHDRAWN: "withdrawn",
    standings.INVOICED_BY_HAND: "invoiced by hand",
    standings.NOT_DELIVERED: "not to deliver",
    READ: "read",
}
_WHY: Final[Mapping[str, str]] = {
    standings.TAKEN: "it is posted in the ERP, by its people or by a job of theirs",
    standings.PROBE: "the ERP is asked for it by its key before it is sent, so that it has it once",
    standings.REPLACED: "refused for its period: the books post it in the first open one",
    standings.WITHDRAWN: "taken back in the books before it was sent",
    standings.INVOICED_BY_HAND: "the books have an invoice of theirs that delivery did not send",
    standings.NOT_DELIVERED: "memos that stay in the books",
}
RETRIED: Final = "What is rejected goes again a day later, and at once after a change of its company in accounts.toml"
# Of a standing; the rest are one line.
REASONS_SHOWN: Final = 10


class DeliveredSummary(NamedTuple):
    """`is_sent`: nothing is left that could be done now. `is_read`: the run has written nothing since that delivery has not read."""

    erp: str
    lines: Sequence[DeliveryLine]
    is_sent: bool
    is_read: bool = True

    @property
    def is_done(self) -> bool:
        """Whether nothing waits for anything."""
        return self.is_sent and self.is_read and is_done(self.lines)


def as_json(found: Sequence[DeliveredSummary], without_chart: Sequence[CompanyWithoutChart]) -> dict[str, Any]:
    """Amounts are decimals as text."""
    return shape(
        1,
        companies_without_chart=[each.as_json() for each in without_chart],
        erps=[
            {
                "erp": each.erp,
                "is_done": each.is_done,
                "is_read": each.is_read,
                "is_sent": each.is_sent,
                "documents": {
                    standing: {**_figures(_summed(some)), "reasons": [_reason(line) for line in some if _why(line)]}
                    for standing in WORDS
                    if (some := [line for line in each.lines if line.standing == standing])
                },
            }
            for each in found
        ],
    )


def as_lines(found: Sequence[DeliveredSummary]) -> list[str]:
    """`posted` and `read` also where there is nothing."""
    rows: list[tuple[str, ...]] = [("ERP", "", "documents", "journals and statements", "money", "")]
    for each in found:
        for standing, word in WORDS.items():
            some = [line for line in each.lines if line.standing == standing]
            if not some and standing == standings.POSTED:
                some = [DeliveryLine(standing, "", "", 0, 0, {})]
            rows += [_row(each.erp, word, line) for line in _bounded(some)]
    return aligned(rows, right=(2, 3))


def is_all_sent(lines: Sequence[DeliveryLine]) -> bool:
    """Whether nothing is left that the next delivery could do, apart from what it has not read."""
    return not any(
        each.standing in {standings.SENT, standings.PROBE} or (each.standing == standings.TO_SEND and each.why == FREE)
        for each in lines
    )


def waits_for_chart(found: Sequence[DeliveredSummary]) -> bool:
    return any(line.standing == standings.UNMAPPED for each in found for line in each.lines)


def notes(found: Sequence[DeliveredSummary]) -> list[str]:
    """What the lines do not say: how to go on."""
    said = [
        f"{each.erp}: the run has written more since; `milepost deliver` reads it" for each in found if not each.is_read
    ]
    is_rejected = any(line.standing == standings.REFUSED for each in found for line in each.lines)
    return [*said, *([RETRIED] if is_rejected else [])]


def day_to_end(found: Sequence[DeliveredSummary], today: date) -> date | None:
    """The last day that something waits for and that is over by the calendar, though not in the books."""
    days = [_day(line.until) for each in found for line in each.lines if line.standing == standings.WAITING]
    return max((day for day in days if day is not None and day < today), default=None)


def _day(until: str) -> date | None:
    """None of an accounting period."""
    try:
        return date.fromisoformat(until)
    except ValueError:
        return None


def _bounded(some: Sequence[DeliveryLine]) -> Iterator[DeliveryLine]:
    """Those with the most journals first."""
    ordered = sorted(some, key=lambda each: (each.until, -each.members, each.why))
    yield from ordered[:REASONS_SHOWN]
    if len(ordered) > REASONS_SHOWN:
        rest = ordered[REASONS_SHOWN:]
        yield _summed(rest)._replace(why=f"{len(rest):,} other reasons; --json has them all")


def _summed(some: Sequence[DeliveryLine]) -> DeliveryLine:
    money: Counter[str] = Counter()
    for each in some:
        money.update(each.money)
    documents, members = sum(each.documents for each in some), sum(each.members for each in some)
    return DeliveryLine(some[0].standing, "", "", documents, members, money)


def _row(erp: str, word: str, line: DeliveryLine) -> tuple[str, ...]:
    documents = f"{_documents(line):,}" if _documents(line) or line.standing == standings.POSTED else ""
    return erp, word, documents, f"{line.members:,}", money_text(line.money), _why(line)


def _documents(line: DeliveryLine) -> int:
    """None are made of what the chart has no place for: each journal waits alone."""
    return 0 if line.standing == standings.UNMAPPED else line.documents


def _why(line: DeliveryLine) -> str:
    if line.standing == standings.WAITING:
        return f"until {line.until} is over" if line.until else "until the company's first day is over"
    return line.why or _WHY.get(line.standing, "")


def _reason(line: DeliveryLine) -> dict[str, Any]:
    return {"why": _why(line), "until": line.until or None, **_figures(line)}


def _figures(line: DeliveryLine) -> dict[str, Any]:
    return {
        "documents": _documents(line),
        "journals_and_statements": line.members,
        "money": {name: format_amount(sum_) for name, sum_ in sorted(line.money.items())},
    }
