"""A firm of which three contracts in ten are fixed fees that earn over time, by cost and by hours, each line estimated every month.

It is the simulated firm of time and materials: the same people, hours and projects. Lines of every third, sixth and tenth of ten contracts
get a price instead of rates; what they are estimated to take fades out over the months.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.firm import START, Input, Size, write_input
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import ContractLine, FixedPrice, RemainingWork, ScheduledAmount
from domain.events.delivery import EstimateRevised
from domain.months import month_end
from domain.units import AMOUNT_ONE, HOURS_ONE, Amount
from simulation.calendar import add_months, instant
from simulation.plan import PEOPLE_MIN, PROJECTS_MIN

BY_THE_HOUR, WITH_FEES = "by_the_hour", "with_fees"
MONTHS = 12
# Entries of a person in those months; two people a project.
ENTRIES_A_PERSON = 330
FEES = frozenset({3, 6, 9})
METHODS = ("cost_to_cost", "hours")
HOUR_COSTS = 60
DAY = timedelta(days=1)
EVENING = 20 * 3600


def size_of(entries: int) -> Size:
    """A year, so that lines have many days and estimates."""
    people = max(PEOPLE_MIN, entries // ENTRIES_A_PERSON)
    return Size(entries, people, max(PROJECTS_MIN, people // 2), MONTHS)


def write(firm_of: str, entries: int, folder: Path) -> Input:
    size = size_of(entries)
    if firm_of == WITH_FEES:
        return write_input(size, folder, partial(with_fees, months=size.months))
    return write_input(size, folder)


def with_fees(story: Iterable[Event], months: int) -> Iterator[Event]:
    """Fees stay as they are signed; estimates come with the signing and on the evening of each month's last day."""
    ends = [month_end(add_months(START, number)) for number in range(months)]
    fees: list[ContractSigned] = []
    said, number = 0, 0
    for event in story:
        recorded = event.recorded_at or event.occurred_at
        while said < months and recorded > instant(ends[said], EVENING, "UTC"):
            said += 1
            yield from (one for fee in fees for one in estimates(fee, said, months, ends[said - 1]))
        if isinstance(event, ContractSigned):
            number += 1
            if number % 10 in FEES:
                fees.append(fee := as_fees(event, months))
                yield fee
                yield from estimates(fee, said, months, fee.starts_on - DAY, recorded)
                continue
        if isinstance(event, ContractAmended) and any(fee.contract_id == event.contract_id for fee in fees):
            continue
        yield event


def as_fees(signed: ContractSigned, months: int) -> ContractSigned:
    lines = tuple(_as_fee(line, place, months) for place, line in enumerate(signed.lines))
    return signed._replace(lines=lines, shared_caps=(), policies=None, billing_cycle=None)


def _as_fee(line: ContractLine, place: int, months: int) -> ContractLine:
    each = price_of(line) // months // AMOUNT_ONE * AMOUNT_ONE
    schedule = tuple(ScheduledAmount(month_end(add_months(START, number)), each) for number in range(months))
    terms = FixedPrice(each * months, schedule)
    return line._replace(terms=terms, takes=("time",), revenue_policy=METHODS[place % len(METHODS)], policies=None)


def price_of(line: ContractLine) -> Amount:
    return line.revenue_budget or 10_000 * AMOUNT_ONE


def estimates(
    fee: ContractSigned, said: int, months: int, as_of: date, recorded: int | None = None
) -> Iterator[EstimateRevised]:
    """Half a fee is what its hours cost; what remains of that after so many months is spread over those to come."""
    at = recorded if recorded is not None else instant(as_of, EVENING, "UTC")
    left = [add_months(START, number) for number in range(said, months)]
    for line in fee.lines:
        units = price_of(line) // AMOUNT_ONE // 2 // months
        yield EstimateRevised(
            event_id=f"estimate-{fee.contract_id}-{line.line_id}-{said}",
            occurred_at=at,
            source="kantata",
            project_id=line.project_id,
            version=1_000 + said,
            as_of=as_of,
            remaining=tuple(
                RemainingWork(f"{month:%Y-%m}", units // HOUR_COSTS * HOURS_ONE, units * AMOUNT_ONE) for month in left
            ),
            recorded_at=at,
            line_id=line.line_id,
            contract_id=fee.contract_id,
            currency=fee.currency,
        )
