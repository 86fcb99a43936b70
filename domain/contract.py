"""What a contract says on a day: which version of its terms, which line takes the work, which caps bind it.

A version of the terms holds from its `effective_on`; of several that do, the highest. A second `ContractSigned` is a correction from the
beginning. Lines match by id; one that a version no longer has ended the day before it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import product
from operator import itemgetter
from typing import NamedTuple

from domain.billing import retention
from domain.billing.funding import funding_faults
from domain.billing.shares import party_faults
from domain.caps import purchase_order
from domain.caps.consume import CapLimit, CapRule, are_mixed
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Cap, ContractLine, Policies, SharedCap, TimeAndMaterials
from domain.line_faults import line_faults
from domain.money import format_amount, is_currency, smallest_unit
from domain.policies import NEXT_RULE, Resolved, resolve
from domain.policy_faults import Fault, cycle_faults, grace_faults, line_rate_faults, policy_faults, threshold_faults
from domain.revenue.sharing_faults import obligation_faults, sharing_faults
from domain.terms import methods
from domain.units import Quantity
from domain.work.rows import COUNTED_EXPENSE, COUNTED_FEE, COUNTED_TIME

INHERITED = tuple(
    name
    for name in ContractSigned._fields
    if name in ContractAmended._fields
    and name
    not in (
        "event_id",
        "occurred_at",
        "source",
        "recorded_at",
        "correlation_id",
        "requested_by",
        "approved_by",
        "contract_id",
        "version",
        "engagement_id",
        "project_id",
    )
)
BEGINNING = date(1, 1, 1)
# What is before the colon of a cap's id: the cap of a line's terms, one that lines share, a limit of a category, agreed units.
LINE, SHARED, LIMIT, UNITS, INCLUDED = "line", "shared", "limit", "units", "included"
# What lines take; which line takes it must be clear.
TAKEN = ("time", "expense", "units")
_TAKEN_SPOKEN = {"time": "work without a listed task", "expense": "expenses", "units": "units"}


class Version(NamedTuple):
    """Terms as one contract event left them, and the first service date they apply to.

    `defaults` are the policies that the terms took from their legal entity for good.
    """

    number: int
    effective_on: date
    retroactive: bool
    terms: ContractSigned
    defaults: Policies | None


def amend(terms: ContractSigned, event: ContractAmended) -> ContractSigned:
    """The new terms; what the amendment does not state is inherited, but for shares that funding takes the place of, or the other way."""
    stated = {name: value for name in INHERITED if (value := getattr(event, name)) is not None}
    if event.funding is not None and event.bill_to is None:
        stated["bill_to"] = ()
    elif event.bill_to and event.funding is None:
        stated["funding"] = None
    return terms._replace(version=event.version, **stated)


def in_force(history: Sequence[Version], day: date) -> Version:
    """The version whose terms hold on a service date; before the first, the first."""
    for version in reversed(history):
        if version.effective_on <= day:
            return version
    return history[0]


def covers(terms: ContractSigned, terminated_on: date | None, day: date) -> bool:
    """Whether the contract's dates include the day; the day of termination is the first without effect."""
    return (
        terms.starts_on <= day
        and (terms.ends_on is None or day <= terms.ends_on)
        and (terminated_on is None or day < terminated_on)
    )


def line_for(
    lines: Iterable[ContractLine], project_id: str, task: str | None, what: str = "time"
) -> ContractLine | None:
    """The first line of the project that takes `what` and lists the task, else the first without tasks."""
    found = None
    for line in lines:
        if line.project_id == project_id and methods.takes(line, what):
            if line.tasks:
                if task in line.tasks:
                    return line
            else:
                found = found or line
    return found


def line_named(terms: ContractSigned, line_id: str) -> ContractLine | None:
    return next((line for line in terms.lines if line.line_id == line_id), None)


def line_policies(terms: ContractSigned, line: ContractLine | None, *defaults: Policies | None) -> Resolved:
    return resolve(line.policies if line else None, terms.policies, *defaults)


def cap_rules(history: Sequence[Version], line_id: str, content: str | None = None) -> tuple[CapRule, ...]:
    """Every cap that binds the line in any version, with its limits over the versions; the line's own cap first.

    `content` is what the caps have to count (`domain.work.rows`); None: whatever they count.
    """
    seen: dict[tuple[str, str], list[_StatedCap]] = {}
    for version in history:
        line = line_named(version.terms, line_id)
        caps = tuple(_caps_of(version.terms, line, line_id))
        if not caps:
            continue
        policies = line_policies(version.terms, line, version.defaults)
        for cap_id, cap, path in caps:
            if content is None or _counts(cap_id, cap, line, policies, content):
                seen.setdefault((cap_id, cap.period), []).append(_StatedCap(version, cap, path, policies))
    if not seen:
        return _order_rules(history, line_id)
    versions = held(history, line_id)
    return tuple(_rule(*key, stated, versions) for key, stated in seen.items()) + _order_rules(history, line_id)


def _order_rules(history: Sequence[Version], line_id: str) -> tuple[CapRule, ...]:
    """The purchase orders that bind billing of the line. A retroactive version says for every line which order holds on every date
    before the next."""
    limits = purchase_order.limits(version.terms for version in history)
    if not limits:
        return ()
    naming = {version.terms.purchase_order.number: version for version in history if version.terms.purchase_order}
    first = next((place for place in range(len(history) - 1, -1, -1) if history[place].retroactive), 0)
    newest = next((line for version in reversed(history) if (line := line_named(version.terms, line_id))), None)
    rules = []
    for number, amount in limits.items():
        held = []
        for version in history[first:]:
            order, line = version.terms.purchase_order, line_named(version.terms, line_id) or newest
            binds = order is not None and order.number == number and purchase_order.covers(line)
            since = BEGINNING if version is history[first] and version.retroactive else version.effective_on
            by, path = naming[number].number, purchase_order.SUBJECT_KIND
            limit = CapLimit(since, amount, None, True, limits_revenue=False, version=by, stated=path)
            held.append(limit if binds else CapLimit(since))
        if any(limit.hard for limit in held):
            thresholds = line_policies(history[-1].terms, None, history[-1].defaults).cap_thresholds
            rules.append(CapRule(purchase_order.order_id(number), "whole_term", tuple(held), tuple(thresholds), True))
    return tuple(rules)


def _counts(cap_id: str, cap: Cap | SharedCap, line: ContractLine | None, policies: Resolved, content: str) -> bool:
    """As the cap says, else policy; the own cap of a line counts in any case what its terms are for."""
    what = content.partition("/")[0]
    kind = cap_id.partition(":")[0]
    if kind == LIMIT:
        return cap_id == limit_id(line.line_id if line is not None else "", content.partition("/")[2])
    if kind == UNITS:
        return what == COUNTED_FEE
    own = methods.counted(line.terms) if kind == LINE and line is not None and not cap.includes else ()
    return what in (*(cap.includes or policies.cap_includes), *own)


def limit_id(line_id: str, category: str) -> str:
    """The cap that limits a category of the line's expenses."""
    return f"{LIMIT}:{line_id}:{category}"


def included_id(line_id: str) -> str:
    """What the line's milestones include of hours, as balances that are brought forward name it; it is no cap."""
    return f"{INCLUDED}:{line_id}"


def category_of(cap_id: str, line_id: str) -> str | None:
    """The category of expenses that the cap limits on the line; None where it is no such limit."""
    beginning = f"{LIMIT}:{line_id}:"
    return cap_id.removeprefix(beginning) if cap_id.startswith(beginning) else None


def units_id(line_id: str) -> str:
    """The cap that the agreed number of the line's units is. Its room is not in its bucket: each delivery says what of it is within."""
    return f"{UNITS}:{line_id}"


def bound_lines(history: Sequence[Version], cap_id: str) -> frozenset[str]:
    """The lines that the cap binds in any version."""
    if purchase_order.is_order(cap_id):
        return _every_line(history)
    return frozenset(
        line_id
        for version in history
        for line_id in {
            *(line.line_id for line in version.terms.lines),
            *(member for cap in version.terms.shared_caps for member in cap.lines),
        }
        for each, _, _ in _caps_of(version.terms, line_named(version.terms, line_id), line_id)
        if each == cap_id
    )


def contents(history: Sequence[Version], line_id: str) -> tuple[str, ...]:
    """Everything that caps of the line tell apart, in any version."""
    lines = (line_named(version.terms, line_id) for version in history)
    categories = {category for line in lines if line is not None for category in methods.limits(line.terms)}
    return (
        COUNTED_TIME,
        COUNTED_FEE,
        COUNTED_EXPENSE,
        *(f"{COUNTED_EXPENSE}/{category}" for category in sorted(categories)),
    )


def bind_billing_alone(history: Sequence[Version], group: Collection[str]) -> bool:
    """Whether of the caps that bind the same work on one of the lines only some limit revenue, by any version; agreed units always do."""
    every_rule = [rule for line_id in group for rule in cap_rules(history, line_id)]
    if all(limit.limits_revenue for rule in every_rule for limit in rule.limits if limit.hard):
        return False
    return any(
        are_mixed(rules) or any(rule.cap_id == units_id(line_id) for rule in rules)
        for line_id in group
        for content in contents(history, line_id)
        for rules in (cap_rules(history, line_id, content),)
    )


def is_capped(line: ContractLine) -> bool:
    """Whether the line's own terms limit what is charged."""
    return (
        getattr(line.terms, "cap", None) is not None
        or bool(methods.limits(line.terms))
        or methods.agreed_units(line.terms) is not None
    )


def agreed_units(history: Sequence[Version], line_id: str, day: date) -> Quantity | None:
    """How many units of the line are agreed on a day; None where any number is. Like a cap, a retroactive number holds on every day."""
    versions = held(history, line_id)
    version = held_on(versions, day) or versions[0][0]
    line = line_named(version.terms, line_id)
    return methods.agreed_units(line.terms) if line is not None else None


def held(history: Sequence[Version], line_id: str) -> list[tuple[Version, date]]:
    """The versions by which a line goes, each with its first day; the first holds on the days before it too.

    A retroactive version that has the line stands in place of those before it, as far back as the line was of its kind: earlier days of
    another kind keep their terms. A retainer of hours and one of money are of two kinds: what is drawn of one is not drawn of the other.
    """
    found: list[tuple[Version, date]] = []
    for version in history:
        since = version.effective_on
        reaches_back = version.retroactive and line_named(version.terms, line_id) is not None
        while reaches_back and found and (found[-1][1] >= since or _keeps_its_kind(found[-1][0], version, line_id)):
            _, first_day = found.pop()
            since = min(since, first_day) if found else BEGINNING
        found.append((version, since))
    return found


def held_on(goes_by: Sequence[tuple[Version, date]], day: date) -> Version | None:
    """The version by which a line goes on the day, of those that it is `held` by; None before the first."""
    return next((version for version, since in reversed(goes_by) if since <= day), None)


def _keeps_its_kind(one: Version, other: Version, line_id: str) -> bool:
    had, has = line_named(one.terms, line_id), line_named(other.terms, line_id)
    return had is not None and has is not None and methods.are_of_a_kind(had.terms, has.terms)


class _StatedCap(NamedTuple):
    """A cap as a version has it, and the path of it in the line or in the terms."""

    version: Version
    cap: Cap | SharedCap
    path: str
    policies: Resolved


def _caps_of(
    terms: ContractSigned, line: ContractLine | None, line_id: str
) -> Iterator[tuple[str, Cap | SharedCap, str]]:
    """Their ids, and where the line or the terms state them."""
    own = getattr(line.terms, "cap", None) if line is not None else None
    if own is not None:
        yield f"{LINE}:{line_id}", own, "terms.cap"
    if line is not None:
        limits = methods.limits(line.terms)
        for place, category in sorted(enumerate(limits), key=itemgetter(1)):
            yield limit_id(line_id, category), Cap("hard", limits[category]), f"terms.limits[{place}]"
        if methods.agreed_units(line.terms) is not None:
            yield units_id(line_id), Cap("soft"), ""
    for place, cap in enumerate(terms.shared_caps):
        if line_id in cap.lines:
            yield f"{SHARED}:{cap.cap_id}", cap, f"shared_caps[{place}]"


def _rule(cap_id: str, period: str, stated: Sequence[_StatedCap], versions: Sequence[tuple[Version, date]]) -> CapRule:
    """`versions` are those by which the line goes, with their first days."""
    by_version = {one.version.number: one for one in stated}
    limits = [_limit(since, by_version.get(version.number)) for version, since in versions]
    newest = stated[-1]
    thresholds = newest.cap.thresholds or newest.policies.cap_thresholds
    return CapRule(cap_id, period, tuple(limits), tuple(thresholds) if period != "day" else ())


def _limit(effective_on: date, stated: _StatedCap | None) -> CapLimit:
    if stated is None:
        return CapLimit(effective_on)
    cap, policies = stated.cap, stated.policies
    hard = cap.kind == "hard"
    split = cap.split or policies.cap_split
    limits_revenue = policies.cap_limits_revenue if cap.limits_revenue is None else cap.limits_revenue
    return CapLimit(
        effective_on,
        cap.amount,
        cap.hours,
        hard,
        split,
        policies.cap_split_billing or split,
        hard if limits_revenue is None else bool(limits_revenue),
        stated.version.number,
        stated.path,
    )


def cap_group(history: Sequence[Version], line_id: str) -> frozenset[str]:
    """The lines whose work competes with the line's for a cap, through shared caps of any version; for a purchase order all do."""
    group, grew = {line_id}, True
    if purchase_order.limits(version.terms for version in history):
        group |= _every_line(history)
    while grew:
        shared = {
            member
            for version in history
            for cap in version.terms.shared_caps
            if group & set(cap.lines)
            for member in cap.lines
        }
        grew = not shared <= group
        group |= shared
    return frozenset(group)


def _every_line(history: Sequence[Version]) -> frozenset[str]:
    return frozenset(line.line_id for version in history for line in version.terms.lines)


def contradictions(
    terms: ContractSigned, policies_of: dict[str, Resolved], *, divided: bool = False
) -> list[tuple[str, str]]:
    """Fields of the terms that contradict each other, with what is wrong (exception `invalid_terms`); of a contract over several
    engagements (`divided`) those of one."""
    return [
        *_date_faults(terms),
        *party_faults(terms),
        *funding_faults(terms.funding, shared=bool(terms.bill_to), currency=terms.currency),
        *_number_faults(terms),
        *_line_faults(terms, policies_of),
        *_revenue_faults(terms, policies_of),
        *sharing_faults(terms, policies_of),
        *obligation_faults(terms, policies_of),
        *_cap_faults(terms, policies_of, divided=divided),
        *(retention.faults(terms.retention, terms) if terms.retention is not None else ()),
    ]


def _date_faults(terms: ContractSigned) -> list[tuple[str, str]]:
    faults = []
    if terms.ends_on is not None and terms.ends_on < terms.starts_on:
        faults.append(("ends_on", f"the contract ends on {terms.ends_on}, before it starts on {terms.starts_on}"))
    cycle = terms.billing_cycle
    if cycle is not None and cycle.kind == "every_n_weeks" and cycle.n is None:
        faults.append(("billing_cycle.n", "a cycle of every n weeks needs n of at least 1"))
    return faults


def _number_faults(terms: ContractSigned) -> list[Fault]:
    faults = [*grace_faults("grace_days", terms.grace_days)]
    if terms.billing_cycle is not None:
        faults += cycle_faults("billing_cycle", terms.billing_cycle)
    if terms.policies is not None:
        faults += policy_faults("policies", terms.policies)
    for place, line in enumerate(terms.lines):
        if line.policies is not None:
            faults += policy_faults(f"lines[{place}].policies", line.policies)
        if isinstance(line.terms, TimeAndMaterials):
            for number, rate in enumerate(line.terms.rates):
                faults += line_rate_faults(f"lines[{place}].terms.rates[{number}]", rate)
        faults += [(f"lines[{place}].terms.{field}", what) for field, what in methods.faults(line, terms)]
        faults += line_faults(f"lines[{place}]", line, terms.currency)
    return faults


def _line_faults(terms: ContractSigned, policies_of: dict[str, Resolved]) -> list[tuple[str, str]]:
    """No two lines take the same work, but where the first passes on to the other what is over its cap."""
    faults = []
    ids: set[str] = set()
    claims: dict[tuple[str, str, str | None], int] = {}
    for place, line in enumerate(terms.lines):
        if line.line_id in ids:
            faults.append((f"lines[{place}].line_id", f"line {line.line_id} stands twice"))
        ids.add(line.line_id)
        for what, task in product(TAKEN, line.tasks or (None,)):
            if not methods.takes(line, what):
                continue
            first = claims.setdefault((what, line.project_id, task), place)
            other = terms.lines[first]
            if what == "time" and _passes_on(other, line, policies_of):
                claims[what, line.project_id, task] = place
            elif other.line_id != line.line_id:
                said = f"task {task}" if task else _TAKEN_SPOKEN[what]
                message = f"lines {other.line_id} and {line.line_id} both take {said} of project {line.project_id}"
                field, way_out = _way_out(terms.lines, (first, place), what, task)
                faults.append((field, message + way_out))
    return faults


def _way_out(lines: Sequence[ContractLine], places: tuple[int, int], what: str, task: str | None) -> tuple[str, str]:
    """The field that tells two lines apart: `takes` of one that takes more than expenses or units, else `tasks` of the second."""
    for place in places if task is None and what != "time" else ():
        if left := [each for each in methods.taken(lines[place]) if each != what]:
            others = next(lines[each].line_id for each in places if each != place)
            way_out = f"; to leave them to line {others}, state takes of line {lines[place].line_id} as {' and '.join(left)} alone"
            return f"lines[{place}].takes", way_out
    return f"lines[{places[1]}].tasks", ""


def _passes_on(line: ContractLine, other: ContractLine, policies_of: dict[str, Resolved]) -> bool:
    """Whether time over the cap of one line may go on to another."""
    are_rated = isinstance(line.terms, TimeAndMaterials) and isinstance(other.terms, TimeAndMaterials)
    return are_rated and policies_of[line.line_id].overflow == NEXT_RULE


def _revenue_faults(terms: ContractSigned, policies_of: dict[str, Resolved]) -> list[Fault]:
    if terms.ends_on is not None:
        return []
    return [
        ("ends_on", f"line {line.line_id} earns its price evenly to the contract's last day, which is not stated")
        for line in terms.lines
        if methods.needs_an_end(line, policies_of[line.line_id])
    ]


def _cap_faults(terms: ContractSigned, policies_of: dict[str, Resolved], *, divided: bool) -> list[tuple[str, str]]:
    faults = []
    lines = {line.line_id for line in terms.lines}
    for place, line in enumerate(terms.lines):
        own = getattr(line.terms, "cap", None)
        if own is not None:
            faults += _one_cap(f"lines[{place}].terms.cap", own, terms.currency, policies_of[line.line_id])
    for place, cap in enumerate(terms.shared_caps):
        where = f"shared_caps[{place}]"
        if any(other.cap_id == cap.cap_id for other in terms.shared_caps[:place]):
            faults.append((f"{where}.cap_id", f"cap {cap.cap_id} stands twice"))
        if not cap.lines:
            faults.append(
                (f"{where}.lines", f"cap {cap.cap_id} binds no line: expected the ids of those that share it")
            )
        if twice := sorted({line for line in cap.lines if cap.lines.count(line) > 1}):
            faults.append((f"{where}.lines", f"cap {cap.cap_id} names line {', '.join(twice)} twice"))
        missing = sorted(set(cap.lines) - lines)
        if missing and divided:
            faults.append((f"{where}.lines", _over_engagements(cap.cap_id, missing)))
        else:
            faults += [
                (f"{where}.lines", f"cap {cap.cap_id} names line {line}, which the contract does not have")
                for line in missing
            ]
        known = [line for line in cap.lines if line in lines]
        if known:
            faults += _one_cap(where, cap, terms.currency, policies_of[known[0]])
        for policy in ("cap_order", "cap_split_billing"):
            if len({getattr(policies_of[line], policy) for line in known}) > 1:
                faults.append((f"{where}.lines", f"lines of cap {cap.cap_id} have to agree on policy {policy}"))
    return [*faults, *_order_faults(terms, policies_of)]


def _over_engagements(cap_id: str, missing: Sequence[str]) -> str:
    return (
        f"expected a cap over lines of one engagement, which sees its own lines alone; cap {cap_id} also names "
        f"{', '.join(missing)}, which is no line of this engagement: mend its id, state a cap for the lines of each engagement, or give "
        "their projects one engagement_id"
    )


def _order_faults(terms: ContractSigned, policies_of: dict[str, Resolved]) -> list[Fault]:
    order = terms.purchase_order
    faults = purchase_order.number_faults(terms)
    if order is None or order.limit is None:
        return faults
    if order.limit < 0:
        faults.append(("purchase_order.limit", f"expected no less than zero, got {format_amount(order.limit)}"))
    if is_currency(terms.currency) and order.limit % smallest_unit(terms.currency):
        what = f"a limit of {format_amount(order.limit)} is finer than {terms.currency} can be paid"
        faults.append(("purchase_order.limit", what))
    if any(each.increment_minutes and each.increment_scope == "statement_line" for each in policies_of.values()):
        what = "the limit of a purchase order cannot be held when quantities are rounded only on the statement line"
        faults.append(("purchase_order.limit", what))
    if len({each.cap_order for each in policies_of.values()}) > 1:
        faults.append(("purchase_order.limit", "lines under a purchase order have to agree on policy cap_order"))
    return faults


def _one_cap(where: str, cap: Cap | SharedCap, currency: str, policies: Resolved) -> list[tuple[str, str]]:
    faults = []
    if cap.amount is None and cap.hours is None:
        faults.append((where, "a cap needs an amount, hours or both"))
    if any(limit is not None and limit < 0 for limit in (cap.amount, cap.hours)):
        faults.append((where, "a cap cannot be negative"))
    for threshold in cap.thresholds or ():
        faults += threshold_faults(f"{where}.thresholds", threshold)
    if cap.amount is not None and is_currency(currency) and cap.amount % smallest_unit(currency):
        faults.append((f"{where}.amount", f"a cap of {format_amount(cap.amount)} is finer than {currency} can be paid"))
    split = cap.split or policies.cap_split
    if cap.hours is not None and "prorate" in (split, policies.cap_split_billing):
        faults.append((f"{where}.split", "a cap in hours cannot be prorated"))
    if cap.kind == "hard" and policies.increment_minutes and policies.increment_scope == "statement_line":
        faults.append((where, "a hard cap cannot be held when quantities are rounded only on the statement line"))
    return faults
