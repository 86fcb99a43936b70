"""Can this be posted, and as what? Time and charges are judged apart and posted alike."""

from datetime import date

from state.books import Entry, Work
from state.draft import Draft
from state.work.exchange_waits import NOTHING_WAITED, Waited
from state.work.placing import day_in
from state.work.value_charge import value_charge
from state.work.value_part import value_part
from state.work.value_time import Valuation, value_time


def value_work(
    draft: Draft, entry: Entry, work: Work, standing: Work | None, waited: Waited = NOTHING_WAITED
) -> Valuation:
    """One version of an entry; `standing` is the posted version it would replace, whose dates it takes over."""
    if work.time is not None and work.part_of is not None:
        return value_part(draft, entry, work.time, work.part_of, standing, waited)
    if work.time is not None:
        return value_time(draft, entry, work.time, standing, waited)
    assert work.charge is not None, "an entry is time or a charge"
    return value_charge(draft, entry, work.charge, standing, waited)


def first_day(work: Work, zone: str) -> date:
    """The day from which an accounting date is looked for."""
    return work.charge.day if work.charge is not None else day_in(work.event, zone)
