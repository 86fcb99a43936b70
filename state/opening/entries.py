"""Work that balances state entry by entry: what of each waits for room under a cap, and which rows open invoices bill."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.caps.consume import is_prorated, limit_on
from domain.events.common import BalanceForward, EntryForward, Expenses, InvoicedForward
from domain.identity import composed
from domain.terms import methods
from domain.work.rows import BEFORE_MONTH, INVOICED
from state.books import WorkedBy
from state.opening.caps import last_day_full_for_billing, last_day_with_room, same_limits
from state.opening.loading import Loading, WaitsForRoom
from state.opening.stated import SHARED, Stated, is_of_whole_line
from state.terms.plan import LinePlan


def over_cap_by_entry(loading: Loading, plan: LinePlan, balance: BalanceForward) -> dict[str, WaitsForRoom]:
    """By entry what of it is over the line's own caps; nothing where those cannot leave each entry what is stated of it, so that all that
    is over stands apart.

    They do where room ran out in the order of days, and where a cut prorated it.

        cap 1,000.00 left, entries of 600.00 and 700.00: over 0.00 and 300.00
        prorated by a cut: 461.54 and 538.46, over 138.46 and 161.54
    """
    listed = [one for one in balance.entries if one.over_cap]
    as_of = loading.event.as_of
    rules = [rule for rule in plan.every_rule if is_of_whole_line(rule.cap_id, balance.line_id)]
    if not listed or any(rule.cap_id.startswith(SHARED) for rule in rules):
        return {}
    if last_day_full_for_billing(loading, plan) is not None or last_day_with_room(loading, plan) < as_of:
        return {}
    if not rules or not all((limit := limit_on(rule, as_of)).hard and limit.limits_revenue for rule in rules):
        return {}
    if not all(same_limits(plan, one.worked_on, as_of, in_its_month=False) for one in balance.entries):
        return {}
    is_given = not _is_in_turn(balance.entries)
    if is_given and not all(is_prorated(rule, as_of) for rule in rules):
        return {}
    return {
        one.entry_id: WaitsForRoom(one.over_cap, one.over_cap_hours, one.amount if is_given else 0)
        for one in (balance.entries if is_given else listed)
    }


def _is_in_turn(entries: Sequence[EntryForward]) -> bool:
    """Whether each has all of its value until one has a part of it, and those of later days nothing."""
    in_order = sorted(entries, key=turn)
    crossing = next(place for place, one in enumerate(in_order) if one.over_cap)
    return not any(one.amount for one in in_order[crossing + 1 :])


def turn(one: EntryForward) -> tuple[date, bool, bool, str]:
    """Within a day first those that are under the cap."""
    return one.worked_on, one.over_cap != 0, one.amount == 0, one.entry_id


def worked_by(one: EntryForward) -> WorkedBy | None:
    if one.person_id is None or one.rate is None:
        return None
    return WorkedBy(one.person_id, one.task, one.role or "", one.rate, one.markup_percent or 0)


def category_apart(plan: LinePlan, one: EntryForward) -> str | None:
    """The category whose limit counts the entry; none (empty) of an expense of a line that charges for work."""
    if one.category is not None and not isinstance(plan.line.terms, Expenses):
        return ""
    return one.category if one.category in methods.limits(plan.line.terms) else None


def by_category_apart(plan: LinePlan, balance: BalanceForward) -> Counter[str]:
    """What entries have of each of these."""
    found: Counter[str] = Counter()
    for one in balance.entries:
        if (category := category_apart(plan, one)) is not None:
            found[category] += one.amount
    return found


def invoiced_part(one: InvoicedForward) -> str:
    """How the row of an entry on an open invoice is called within its line."""
    assert one.entry_id is not None, "the invoice is stated entry by entry"
    return f"{INVOICED}/{composed(one.invoice_id, one.entry_id)}"


def listed_of(balance: BalanceForward) -> list[InvoicedForward]:
    """What open invoices bill of single entries, in the order in which they are stated."""
    return [one for one in balance.invoiced if one.entry_id is not None]


def invoiced_rows(loading: Loading, stated: Stated) -> dict[str, InvoicedForward]:
    """The same by row; some are of earlier months."""
    rows, found = set(loading.rows), dict[str, InvoicedForward]()
    for one in listed_of(stated.balance):
        part = invoiced_part(one)
        of_then = f"{stated.row}/{BEFORE_MONTH}/{part}"
        found[of_then if of_then in rows else f"{stated.row}/{part}"] = one
    return found


class Uncounted(NamedTuple):
    """What no cap counts of what was billed and no open invoice lists, of each entry that one lists, of what an ended period left
    unbilled, and of the rest; amounts or hours."""

    billed: int
    invoiced: list[int]
    ended: int
    rest: int


def uncounted_of(whole: int, billed: int, invoiced: Sequence[tuple[str | None, int]], ended: int) -> Uncounted:
    """The oldest first. What an invoice gives back no cap counts, nor what it gives it back of: the same entry on another invoice, where
    its value has room for it, else the oldest.

    350, with 100 billed before, and entries of 100, 200 and 300: 100, then 100, 150 and 0
    0, with an entry of 1,160 on one invoice and -160 of it on the next: caps count 1,000 of the one and nothing of the other
    """
    own = [min(value, 0) for _, value in invoiced]
    left = whole - sum(own)
    for entry_id, back in invoiced:
        if back >= 0:
            continue
        for place, (other, value) in enumerate(invoiced):
            if other == entry_id and value >= own[place] - back:
                own[place], left = own[place] - back, left + back
                break
    first = min(left, max(billed, 0))
    left -= first
    for place, (_, value) in enumerate(invoiced):
        more = max(min(left, value - own[place]), 0) if value > 0 else 0
        own[place], left = own[place] + more, left - more
    of_ended = max(min(left, ended), 0)
    return Uncounted(first, own, of_ended, left - of_ended)


def from_last(whole: int, parts: Sequence[int]) -> list[int]:
    """What each part has of the whole, the last ones first; the first has what is left.

    350 of parts of 100, 200 and 300: 0, 50 and 300
    """
    found: list[int] = []
    for part in reversed(parts[1:]):
        found.append(own := max(min(whole, part), 0))
        whole -= own
    return [whole, *reversed(found)]
