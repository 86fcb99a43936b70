"""What the kinds of terms are asked with: a contract line under each version of its terms, and what has happened on it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from domain.contract import BEGINNING, held
from domain.events.common import ContractLine, Deposit
from domain.identity import composed
from domain.policies import Resolved
from domain.revenue.allocation import Revision
from domain.revenue.method import Opening, Reported
from domain.revenue.shared_price import with_shares
from domain.revenue.variable_price import Revisions, is_payable
from domain.terms import methods, milestones
from domain.terms.kind import OVER_TIME, Closed, LineHistory, PeriodLeft, TermsInForce, obliged_with, on_day
from domain.units import Amount
from domain.work.rows import OPENING, SCHEDULED_REVENUE, fee_row, row_id
from state.books import Acceptance, Charge, ClosedPeriod, Contract, ItemRevisions, LineFees, Reports, TermsVersion
from state.charges.estimates import known_estimates
from state.charges.rebates import rebates_of
from state.charges.spent import is_spent, known_spent
from state.charges.unissued import minimum_rows, moved_by_issue
from state.draft import Draft
from state.terms.opening import earned_before, expired_before, rest_id
from state.terms.plan import line_plan, versions
from state.totals import month_of, standing_price

DAY = timedelta(days=1)


def known_of(draft: Draft, contract: Contract, line_id: str) -> LineHistory:
    found = by_itself(draft, contract, line_id)
    if not found.held or not earns_apart(draft, contract):
        return found
    return found._replace(held=shares_of(draft, contract).get(line_id, found.held))


def earns_apart(draft: Draft, contract: Contract) -> bool:
    """Whether a line earns a share of a price, or a price with variable parts, in any version of the terms."""
    return draft.of_terms("earns apart", contract, lambda *_: any(map(methods.earns_apart, contract.every_line)))


def shares_of(draft: Draft, contract: Contract) -> Mapping[str, Sequence[TermsInForce]]:
    """What lines of the contract earn apart from what they charge; found again as long as nothing happens on them."""
    ids = list(dict.fromkeys(line.line_id for line in contract.every_line))
    histories = {line_id: by_itself(draft, contract, line_id) for line_id in ids}
    key = ("shares", contract.contract_id)
    kept: tuple[object, Mapping[str, Sequence[TermsInForce]]] | None = draft.memo.lines.get(key)
    if kept is None or kept[0] != histories:
        kept = draft.memo.lines[key] = (histories, with_shares(histories))
    return kept[1]


def by_itself(draft: Draft, contract: Contract, line_id: str) -> LineHistory:
    """Without the price that lines share."""
    found = _alone(draft, contract, line_id)
    others = every_obliged(found.held)
    return found._replace(together={other: _alone(draft, contract, other) for other in others}) if others else found


def every_obliged(held: Sequence[TermsInForce]) -> list[str]:
    """Other lines that are of its performance obligation under any version of its terms."""
    return list(dict.fromkeys(other for agreed in held for other in agreed.obliged_with))


def _alone(draft: Draft, contract: Contract, line_id: str) -> LineHistory:
    fees, held = line_fees(draft, contract, line_id), agreed_versions(draft, contract, line_id)
    spends, revised = is_spent(held), _revised(draft, contract, line_id, held)
    project_id = held[-1].line.project_id if held else ""
    begins_after = draft.project(project_id).begins_after if held else None
    opening = _opening(draft, contract.contract_id, line_id, held) if spends else None
    return LineHistory(
        _accepted(draft, contract, line_id),
        reported_of(contract, _reports(draft, contract, line_id)),
        _closed(contract, fees.closed, begins_after),
        held,
        [PeriodLeft(one.start, one.to, one.limits, one.over) for one in fees.ended],
        fees.topped_up,
        draft.line(contract.contract_id, line_id).drawn,
        left_of(contract, fees),
        charged_beside(draft, contract, line_id) if any(methods.has_minimum(one.line.terms) for one in held) else {},
        begins_after,
        expired_before(draft, contract.contract_id, project_id, line_id) if held else {},
        known_spent(draft, contract, line_id, held).spent if spends else (),
        known_estimates(draft, contract, line_id, held, opening) if spends else (),
        opening,
        revised=revised,
        rebates=rebates_of(draft, contract.contract_id, line_id, revised),
    )


def reported_of(contract: Contract, reports: Reports) -> list[Reported]:
    """By version. What balances state, which is version 0, was so by the last day of a contract that had ended by theirs, whichever came
    first."""
    return [
        Reported(version, day if version else by_the_end(contract, day), percent)
        for version, day, percent in sorted(reports.said)
    ]


def _closed(contract: Contract, closed: Iterable[ClosedPeriod], begins_after: date | None) -> list[Closed]:
    """The day that balances close was spent by the contract's last one, too."""
    found = [Closed(one.start, one.to, one.cost) for one in closed]
    return [
        one._replace(ended=by_the_end(contract, one.last)) if one.start == one.last == begins_after else one
        for one in found
    ]


def by_the_end(contract: Contract, day: date) -> date:
    """The day, or the last one of a contract that was terminated before it."""
    return day if contract.terminated_on is None else min(day, contract.terminated_on - DAY)


def _revised(draft: Draft, contract: Contract, line_id: str, held: Sequence[TermsInForce]) -> Revisions:
    """Of items that some version of the terms states; what the contract's currency cannot be paid in does not count."""
    found: dict[str, Sequence[Revision]] = {}
    for item_id in dict.fromkeys(item.item_id for one in held for item in one.line.variable_consideration):
        part_id = composed(contract.contract_id, line_id, item_id)
        known: ItemRevisions = draft.part("variable_consideration", part_id) or ItemRevisions()
        said = [one for one in known.said if is_payable(one, contract.terms.currency)]
        found |= {item_id: said} if said else {}
    return found


def _opening(draft: Draft, contract_id: str, line_id: str, held: Sequence[TermsInForce]) -> Opening | None:
    """With what their row of the line has earned over time."""
    project_id = held[-1].line.project_id
    found = earned_before(draft, contract_id, project_id, line_id)
    if found is None:
        return None
    if not _earned_over_time(held, found.as_of):
        return found._replace(earned=0)
    rows = (row_id(OPENING, composed(contract_id, line_id)), row_id(SCHEDULED_REVENUE, rest_id(contract_id, line_id)))
    entries = (draft.entry(row) for row in rows)
    prices = (standing_price(entry) for entry in entries if entry is not None)
    return found._replace(beyond=sum(price.earns for price in prices if price is not None))


def _earned_over_time(held: Sequence[TermsInForce], day: date) -> bool:
    """Whether the line earned over time by the terms of a day."""
    agreed = on_day(held, day)
    return methods.timing(agreed.line, agreed.policies) == OVER_TIME


def charged_beside(draft: Draft, contract: Contract, line_id: str) -> dict[str, Amount]:
    """What the contract's other lines have to bill for days of each month, whatever is issued; minimums apart."""
    found: Counter[str] = Counter()
    others = lines_beside(contract, line_id)
    for other in others:
        found.update(draft.line(contract.contract_id, other).by_month)
        found.subtract(_minimums(draft, contract, other))
    found.update(moved_by_issue(draft, contract, others))
    return {month: amount for month, amount in found.items() if amount}


def lines_beside(contract: Contract, line_id: str) -> list[str]:
    """The contract's other lines: a deposit only pays ahead for what these charge."""
    return sorted({line.line_id for line in contract.every_line if not isinstance(line.terms, Deposit)} - {line_id})


def _minimums(draft: Draft, contract: Contract, line_id: str) -> Counter[str]:
    found: Counter[str] = Counter()
    beginning = minimum_rows(contract.contract_id, line_id)
    for row in line_fees(draft, contract, line_id).rows:
        entry = draft.entry(row) if row.startswith(beginning) else None
        price = standing_price(entry) if entry is not None else None
        if price is not None:
            found[month_of(price.day)] += price.billable + price.rounding
    return found


def line_fees(draft: Draft, contract: Contract, line_id: str) -> LineFees:
    return draft.part("fees", composed(contract.contract_id, line_id)) or LineFees()


def left_of(contract: Contract, fees: LineFees) -> tuple[date, Amount] | None:
    """What was left of a deposit, unless the contract goes on after that day by now."""
    last = last_day(contract)
    return fees.left if fees.left is not None and last is not None and last <= fees.left[0] else None


def last_day(contract: Contract) -> date | None:
    """By the newest terms and the termination."""
    ends = [contract.terms.ends_on] if contract.terms.ends_on is not None else []
    if contract.terminated_on is not None:
        ends.append(contract.terminated_on - DAY)
    return min(ends, default=None)


def _reports(draft: Draft, contract: Contract, line_id: str) -> Reports:
    """Those that name the contract, where any does; versions count for each apart. What balances state comes before either."""
    own: Reports = draft.part("reports", composed(contract.contract_id, line_id)) or Reports()
    if any(version for version, _, _ in own.said):
        return own
    unnamed: Reports = draft.part("reports", composed("", line_id)) or Reports()
    return Reports((*own.said, *unnamed.said))


def _accepted(draft: Draft, contract: Contract, line_id: str) -> dict[str, date]:
    """Of the milestones whose line is this one; nothing is charged of one that several lines may have."""
    found: dict[str, date] = {}
    if not contract.in_force:
        return found
    for milestone_id in _of_line(draft, contract, line_id):
        fact: Acceptance | None = draft.part("milestone", milestone_id)
        if fact is None or fact.accepted_on is None:
            continue
        of = [(one.contract_id, one.line_id) for one in takers(draft, milestone_id, fact)]
        if of == [(contract.contract_id, line_id)]:
            found[milestone_id] = fact.accepted_on
    return found


def _of_line(draft: Draft, contract: Contract, line_id: str) -> list[str]:
    """Milestones that the line lists under any version of its terms, ascending."""
    lists = _lists(draft, contract)
    return sorted(each for each, listing in lists.items() if any(of == line_id for of, _ in listing)) if lists else []


class Taker(NamedTuple):
    """A line that lists a milestone, and the day on which it is charged; `is_over` where its contract was terminated by then."""

    contract_id: str
    line_id: str
    project_id: str
    day: date
    is_over: bool


def takers(draft: Draft, milestone_id: str, fact: Acceptance) -> list[Taker]:
    """Lines of which the acceptance may be: the one on which it is charged already, else those in force, the earliest first to hold it.

    A project that it names decides between several.
    """
    found = list(_listing(draft, milestone_id, fact))
    name = f"milestone/{milestone_id}"
    standing = [one for one in found if not one.is_over]
    in_force = [one for one in standing if is_charged(draft, one.contract_id, one.line_id, name)] or standing or found
    first = min((one.day for one in in_force), default=None)
    earliest = [one for one in in_force if one.day == first]
    return [one for one in earliest if one.project_id == fact.project_id] or earliest


def is_charged(draft: Draft, contract_id: str, line_id: str, name: str) -> bool:
    return _charge(draft, contract_id, line_id, name) is not None


def is_over(draft: Draft, contract: Contract, line_id: str, name: str, day: date) -> bool:
    """Whether nothing is charged of a day since the contract was terminated by then; a charge of such a day that was there before stays."""
    ended = contract.terminated_on
    if ended is None or day < ended:
        return False
    charge = _charge(draft, contract.contract_id, line_id, name)
    return charge is None or (charge.earned_from or charge.day) < ended


def _charge(draft: Draft, contract_id: str, line_id: str, name: str) -> Charge | None:
    entry = draft.entry(fee_row(contract_id, line_id, name))
    return entry.work.charge if entry is not None and entry.work is not None else None


def _listing(draft: Draft, milestone_id: str, fact: Acceptance) -> Iterator[Taker]:
    if fact.accepted_on is None:
        return
    for contract in draft.contracts():
        if fact.contract_id not in (None, contract.contract_id) or not contract.in_force:
            continue
        found: dict[str, Taker] = {}
        for line_id, agreed in _lists(draft, contract).get(milestone_id, ()):
            day = milestones.charged_on(agreed, fact.accepted_on)
            if day is not None and fact.line_id in (None, line_id):
                is_late = is_over(draft, contract, line_id, f"milestone/{milestone_id}", day)
                found.setdefault(line_id, Taker(contract.contract_id, line_id, agreed.line.project_id, day, is_late))
        yield from found.values()


def _lists(draft: Draft, contract: Contract) -> dict[str, list[tuple[str, TermsInForce]]]:
    """Lines that have a milestone under any version of the terms, as if the contract was not terminated."""
    return draft.of_terms("milestones", contract, _listed)


def _listed(draft: Draft, contract: Contract) -> dict[str, list[tuple[str, TermsInForce]]]:
    found: dict[str, list[tuple[str, TermsInForce]]] = {}
    for line_id in sorted({line.line_id for line in contract.every_line}):
        for agreed in agreed_versions(draft, replace(contract, terminated_on=None), line_id):
            for milestone_id in milestones.listed(agreed):
                found.setdefault(milestone_id, []).append((line_id, agreed))
    return found


def agreed_versions(draft: Draft, contract: Contract, line_id: str) -> Sequence[TermsInForce]:
    """The line under each version by which it goes; neighbours that say the same of it are one, as the later has it."""
    key = ("agreed", contract.contract_id, contract.version, contract.terminated_on, line_id)
    known: _Versions | None = draft.memo.lines.get(key)
    if known is None or known.history is not contract.history:
        known = draft.memo.lines[key] = _Versions(contract.history, _agreed_versions(draft, contract, line_id))
    return known.agreed


class _Versions(NamedTuple):
    """Versions of a line's terms, as they follow from one history of its contract."""

    history: tuple[TermsVersion, ...]
    agreed: Sequence[TermsInForce]


def _agreed_versions(draft: Draft, contract: Contract, line_id: str) -> tuple[TermsInForce, ...]:
    stored_by = {stored.version: stored for stored in contract.history}
    ends = contract.terminated_on or date.max
    found: list[TermsInForce] = []
    goes_by = held(versions(contract), line_id)
    for place, (version, first_day) in enumerate(goes_by):
        stored, since = stored_by[version.number], first_day if place else BEGINNING
        before = min(ends, *(later for _, later in goes_by[place + 1 :]), date.max)
        if since >= before:
            continue
        went_before = found[-1] if found and found[-1].before == since else None
        plan = line_plan(draft, contract, stored.version, line_id)
        if plan is None or plan.refused is not None:
            if went_before is not None:
                found[-1] = went_before._replace(ends_on=since - DAY)
            continue
        last = ends - DAY if ends < date.max else None
        end = min((day for day in (stored.terms.ends_on, last) if day is not None), default=None)
        goes_on = went_before is not None and methods.go_on(went_before.line, plan.line)
        starts_on = went_before.starts_on if went_before is not None and goes_on else max(since, stored.terms.starts_on)
        separate = found[-1].separate if found else stored.version if stored.separate else 0
        agreed = TermsInForce(
            plan.line,
            stored.terms,
            end,
            plan.policies,
            since,
            before,
            starts_on,
            _catches_up(contract, stored, plan.line, plan.policies),
            separate=separate,
        )
        if went_before is not None and _says_the_same(went_before, agreed):
            found[-1] = agreed._replace(since=went_before.since, catches_up=went_before.catches_up)
        else:
            found.append(agreed)
    return tuple(found)


def _catches_up(contract: Contract, stored: TermsVersion, line: ContractLine, policies: Resolved) -> bool:
    """By the treatment of the version that made the line what it is: one that leaves it as it was treats only what it changes (R41)."""
    so_far = contract.history[: contract.history.index(stored) + 1]
    for after, before in pairwise(reversed(so_far)):
        new, old = after.terms, before.terms
        ends = new.ends_on != old.ends_on and methods.needs_an_end(line, policies)
        joined = obliged_with(line, new.lines) != obliged_with(line, old.lines)
        if line not in old.lines or new.policies != old.policies or ends or joined:
            return after.catches_up
    return so_far[0].catches_up


def _says_the_same(one: TermsInForce, other: TermsInForce) -> bool:
    if (one.line, one.policies, one.obliged_with) != (other.line, other.policies, other.obliged_with):
        return False
    if other.contract.ends_on is not None and other.contract.ends_on < other.since:
        return False
    return one.contract.ends_on == other.contract.ends_on or not methods.needs_an_end(other.line, other.policies)
