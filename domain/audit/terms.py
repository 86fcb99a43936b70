"""What the terms in the log promise for as long as a contract runs: the most that each cap ever allowed, and the prices that were in force
on which days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.billing.shares import parties_of, several_pay
from domain.caps.purchase_order import covers, has_limit
from domain.contract import amend, line_policies
from domain.events.commercial import ContractAmended, ContractSigned, VariableConsiderationRevised
from domain.events.common import Cap, ContractLine, Policies, SharedCap, VariableConsideration
from domain.outputs import ExceptionRaised
from domain.refusals import UNSUPPORTED
from domain.terms import methods
from domain.units import Amount, Hours, Percent
from domain.work.rows import COUNTED_EXPENSE, COUNTED_FEE, COUNTED_TIME

TermsEvent = ContractSigned | ContractAmended
# Raised about terms that are not, or not yet, in force.
OF_TERMS: Final = {"invalid_terms", UNSUPPORTED, "unknown_reference", "amendment_gap", "conflicting_version"}


class PricedEvent(NamedTuple):
    """Terms, or an estimate of a variable part, with their place in the log."""

    offset: int
    event: ContractSigned | ContractAmended | VariableConsiderationRevised


class PricedVersion(NamedTuple):
    """Terms that hold on the days of [since, before)."""

    since: date
    before: date
    terms: ContractSigned


class PricedTerms:
    """What a price is by the terms that the log had stated by a place in it: which of them were in force in which days.

    Where terms were refused, or wait, nobody here knows which of them are in force: then any of them is.

    Of a contract, by what the log had stated of it; `certain` where nothing of that was refused.
    """

    def __init__(self, stated: Sequence[PricedEvent], *, certain: bool) -> None:
        events = [each.event for each in stated]
        self._terms = [one for one in events if isinstance(one, ContractSigned | ContractAmended)]
        self._revised = [one for one in events if isinstance(one, VariableConsiderationRevised)]
        any_of_them = (PricedVersion(date.min, date.max, terms) for terms in _every_version(self._terms))
        self._held = self._in_force() if certain else list(any_of_them)

    def sharing(self, line_id: str) -> frozenset[str]:
        """The lines that have a price with it; none where one of them ever was without one."""
        lines = [line for held in self._held for line in held.terms.lines]
        shared = {line.line_id for line in lines if methods.is_shared(line)}
        names = shared if line_id in shared else {line_id}
        own = [line for line in lines if line.line_id in names]
        priced = own and all(methods.price(line.terms) is not None for line in own)
        return frozenset(names if priced else ())

    def most(self, lines: frozenset[str], first: date, last: date) -> Amount:
        """The highest that the lines are worth on any day, with the most that each variable part may add."""
        return sum(self._price(line_id, first, last) for line_id in lines) + self.parts(lines)

    def parts(self, lines: frozenset[str]) -> Amount:
        """The most that variable parts may add to the price of the lines."""
        return sum(self._variable(line_id) for line_id in lines)

    def _price(self, line_id: str, first: date, last: date) -> Amount:
        """Of a line that is over, what it was worth last."""
        newest, most = 0, None
        for held in (held for held in self._held if held.since <= last):
            price = next((methods.price(one.terms) for one in held.terms.lines if one.line_id == line_id), None)
            if price is not None:
                newest = price
                if held.before > first:
                    most = max(price, most or 0)
        return newest if most is None else most

    def _variable(self, line_id: str) -> Amount:
        most: dict[str, Amount] = {}
        of_line = (line for held in self._held for line in held.terms.lines if line.line_id == line_id)
        for item in (item for line in of_line for item in line.variable_consideration):
            most[item.item_id] = max(most.get(item.item_id, 0), *_amounts(item))
        for said in (said for said in self._revised if said.line_id == line_id):
            most[said.item_id] = max(most.get(said.item_id, 0), *_amounts(said))
        return sum(most.values())

    def _in_force(self) -> list[PricedVersion]:
        found: list[PricedVersion] = []
        version = 0
        for event in self._terms:
            if event.version <= version:
                continue
            if isinstance(event, ContractSigned):
                version = event.version
                found = [PricedVersion(date.min, date.max, event)]
            elif found and _is_approved(event):
                version, since = event.version, event.effective_on
                found = [each._replace(before=min(each.before, since)) for each in found]
                found.append(
                    PricedVersion(date.min if event.retroactive else since, date.max, amend(found[-1].terms, event))
                )
        return found


class CapBound(NamedTuple):
    """A hard cap; `whole` where it binds every line of the contract, and `limits_revenue` also revenue.

    It counts rows of the `contents`; `everything` where the lines take nothing else.
    """

    cap_id: str
    lines: frozenset[str]
    period: str
    amount: Amount | None
    hours: Hours | None
    whole: bool
    limits_revenue: bool
    contents: frozenset[str] = frozenset({COUNTED_TIME})
    everything: bool = True


class SourceBound(NamedTuple):
    """A source that funds the contract: everyone ever billed for it, and the most that it ever paid; None where it had no limit."""

    customers: frozenset[str]
    limit: Amount | None


class AuditedTerms(NamedTuple):
    """`same_allotment`: what may be billed is what is recognised; else only the order of magnitude is known.

    With `several_payers` an entry stands on a statement for each, with a share.
    `quantity_decimals` are those of the coarsest line; with `stepped_lines` the hours of a line may not be those of its entries.
    `as_billed` are the lines that accrue nothing before their invoice, `tax_categories` those that a line ever had. `approved` where any
    line asked for approval of statements; `shares` are those that each payer ever had. `deposits`: projects with one. `lines` are all that
    a project ever had.
    """

    contract_id: str
    caps: tuple[CapBound, ...] = ()
    same_allotment: bool = True
    revenue_beyond_cap: bool = False
    quantity_decimals: int = 2
    stepped_lines: bool = False
    as_billed: frozenset[str] = frozenset()
    several_payers: bool = False
    tax_categories: Mapping[str, frozenset[str]] = {}
    sources: Mapping[str, SourceBound] = {}
    approved: bool = False
    shares: Mapping[str, tuple[Percent, ...]] = {}
    deposits: frozenset[str] = frozenset()
    lines: Mapping[str, frozenset[str]] = {}


UNKNOWN = AuditedTerms("", same_allotment=False, revenue_beyond_cap=True)


def terms_of(events: Iterable[TermsEvent], entities: Mapping[str, Sequence[Policies]]) -> Mapping[str, AuditedTerms]:
    """By contract; `entities` are the policies that legal entities ever had, for terms keep those of the day on which they were taken."""
    by_contract: dict[str, list[TermsEvent]] = {}
    for event in events:
        by_contract.setdefault(event.contract_id, []).append(event)
    return {
        contract_id: _terms(contract_id, versions, entities.get(versions[0].legal_entity_id) or (Policies(),))
        for contract_id, stated in by_contract.items()
        if (versions := tuple(_every_version(stated)))
    }


def _every_version(stated: Sequence[TermsEvent]) -> Iterator[ContractSigned]:
    """Every reading that could be in force: each signed one, and what approved amendments make of it. Two amendments may have one version;
    later ones go on from the first.
    """
    signed = [event for event in stated if isinstance(event, ContractSigned)]
    amendments: dict[int, list[ContractAmended]] = {}
    for event in stated:
        if isinstance(event, ContractAmended) and _is_approved(event):
            amendments.setdefault(event.version, []).append(event)
    for terms in signed:
        yield terms
        amended = terms
        for version in sorted(amendments):
            if version > terms.version:
                readings = [amend(amended, one) for one in amendments[version]]
                yield from readings
                amended = readings[0]


def _is_approved(event: ContractAmended) -> bool:
    return event.approved_by is not None and event.approved_by != event.requested_by


def _terms(contract_id: str, versions: Sequence[ContractSigned], defaults: Sequence[Policies]) -> AuditedTerms:
    policies = [line_policies(terms, line, had) for terms in versions for line in terms.lines for had in defaults]
    caps = (*_caps(versions, defaults), *_orders(versions))
    stated = [cap for terms in versions for cap in _all_caps(terms).values()]
    beyond = any(cap.limits_revenue is False for cap in stated) or any(
        each.cap_limits_revenue is False for each in policies
    )
    return AuditedTerms(
        contract_id,
        caps,
        same_allotment=all(each.cap_split_billing is None for each in policies)
        and not any(_some_bind_billing_alone(terms, defaults) for terms in versions)
        and not (_orders_change(versions) and any(_may_limit(terms) for terms in versions)),
        revenue_beyond_cap=beyond or any(has_limit(terms) for terms in versions),
        quantity_decimals=min((each.quantity_decimals for each in policies), default=2),
        stepped_lines=any(each.increment_scope == "statement_line" for each in policies),
        as_billed=frozenset(
            line.line_id
            for terms in versions
            for line in terms.lines
            for had in defaults
            if not methods.is_accrued(line, line_policies(terms, line, had))
        ),
        several_payers=any(several_pay(terms) for terms in versions),
        tax_categories=_tax_categories(versions),
        sources=_sources(versions),
        approved=any(each.statement_approval == "required" for each in policies),
        shares=_shares(versions),
        deposits=frozenset(line.project_id for terms in versions for line in terms.lines if not covers(line)),
        lines=_lines_by_project(versions),
    )


def _lines_by_project(versions: Sequence[ContractSigned]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in (line for terms in versions for line in terms.lines):
        found.setdefault(line.project_id, set()).add(line.line_id)
    return {project_id: frozenset(lines) for project_id, lines in found.items()}


def _shares(versions: Sequence[ContractSigned]) -> Mapping[str, tuple[Percent, ...]]:
    """By payer, as any version has them; none of whom sources of any version bill."""
    found: dict[str, set[Percent]] = {}
    for terms in versions:
        for party in parties_of(terms) if terms.funding is None else ():
            found.setdefault(party.customer_id, set()).add(party.share)
    billed = {source.bill_to for terms in versions if terms.funding is not None for source in terms.funding.sources}
    return {customer_id: tuple(sorted(shares)) for customer_id, shares in found.items() if customer_id not in billed}


def _tax_categories(versions: Sequence[ContractSigned]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for terms in versions:
        for line in terms.lines:
            found.setdefault(line.line_id, set()).add(line.tax_category)
    return {line_id: frozenset(categories) for line_id, categories in found.items()}


def _sources(versions: Sequence[ContractSigned]) -> dict[str, SourceBound]:
    every = [source for terms in versions if terms.funding is not None for source in terms.funding.sources]
    return {
        source_id: SourceBound(frozenset(one.bill_to for one in same), _highest([one.limit for one in same]))
        for source_id in dict.fromkeys(source.source_id for source in every)
        for same in ([one for one in every if one.source_id == source_id],)
    }


def _caps(versions: Sequence[ContractSigned], defaults: Sequence[Policies]) -> Iterator[CapBound]:
    every_line = {line.line_id for terms in versions for line in terms.lines}
    by_version = [_all_caps(terms) for terms in versions]
    for cap_id in sorted(by_version[0].keys()):
        caps = [found[cap_id] for found in by_version if cap_id in found]
        if (
            len(caps) < len(versions)
            or not all(cap.kind == "hard" for cap in caps)
            or len({cap.period for cap in caps}) > 1
        ):
            continue
        lines = frozenset.intersection(*(_lines(cap_id, cap) for cap in caps))
        contents = frozenset.intersection(
            *(_contents(cap_id, cap, terms, had) for cap, terms in zip(caps, versions, strict=True) for had in defaults)
        )
        if not contents:
            continue
        charged = {
            content for terms in versions for line in terms.lines if line.line_id in lines for content in _charged(line)
        }
        yield CapBound(
            cap_id,
            lines,
            caps[0].period,
            _highest([cap.amount for cap in caps]),
            _highest([cap.hours for cap in caps]),
            whole=lines >= every_line,
            limits_revenue=all(
                _limits_revenue(cap, terms, defaults) for cap, terms in zip(caps, versions, strict=True)
            ),
            contents=contents,
            everything=charged <= contents,
        )


def _orders(versions: Sequence[ContractSigned]) -> Iterator[CapBound]:
    """What may be billed under all purchase orders together, where there never was work without the limit of one."""
    if not all(has_limit(terms) for terms in versions):
        return
    highest: dict[str, Amount] = {}
    for order in (terms.purchase_order for terms in versions):
        if order is not None and order.limit is not None:
            highest[order.number] = max(order.limit, highest.get(order.number, 0))
    every_line = {line.line_id for terms in versions for line in terms.lines}
    deposits = {line.line_id for terms in versions for line in terms.lines if not covers(line)}
    yield CapBound(
        f"purchase order {' and '.join(highest)}",
        frozenset(every_line - deposits),
        "whole_term",
        sum(highest.values()),
        None,
        whole=True,
        limits_revenue=False,
        contents=frozenset({COUNTED_TIME, COUNTED_EXPENSE, COUNTED_FEE}),
    )


def _orders_change(versions: Sequence[ContractSigned]) -> bool:
    """Whether some work may wait for its order while later work is billed under another, or under none."""
    return (
        len({terms.purchase_order.number if has_limit(terms) and terms.purchase_order else None for terms in versions})
        > 1
    )


def _may_limit(terms: ContractSigned) -> bool:
    """Whether anything beside a purchase order keeps work from being billed."""
    return bool(_all_caps(terms)) or any(
        methods.limits(line.terms) or methods.agreed_units(line.terms) is not None for line in terms.lines
    )


def _some_bind_billing_alone(terms: ContractSigned, defaults: Sequence[Policies]) -> bool:
    """Whether of the hard caps only some limit revenue; limits of categories and agreed units do unless policy says otherwise."""
    limiting = {_limits_revenue(cap, terms, defaults) for cap in _all_caps(terms).values() if cap.kind == "hard"}
    if any(methods.limits(line.terms) or methods.agreed_units(line.terms) is not None for line in terms.lines):
        limiting.add(True)
    return len(limiting) > 1


def _all_caps(terms: ContractSigned) -> dict[str, Cap | SharedCap]:
    own = {
        f"line:{line.line_id}": cap for line in terms.lines if isinstance(cap := getattr(line.terms, "cap", None), Cap)
    }
    return {**own, **{f"shared:{cap.cap_id}": cap for cap in terms.shared_caps}}


def _lines(cap_id: str, cap: Cap | SharedCap) -> frozenset[str]:
    return frozenset(cap.lines) if isinstance(cap, SharedCap) else frozenset({cap_id.removeprefix("line:")})


def _contents(cap_id: str, cap: Cap | SharedCap, terms: ContractSigned, had: Policies) -> frozenset[str]:
    """What the cap counts on each of its lines."""
    lines = [line for line in terms.lines if line.line_id in _lines(cap_id, cap)]
    counted = [
        {
            *(cap.includes or line_policies(terms, line, had).cap_includes),
            *(methods.counted(line.terms) if isinstance(cap, Cap) and not cap.includes else ()),
        }
        for line in lines
    ]
    return frozenset(set.intersection(*counted)) if counted else frozenset()


def _charged(line: ContractLine) -> Iterator[str]:
    """What the line may charge, as caps count it."""
    for content, what in ((COUNTED_TIME, "time"), (COUNTED_EXPENSE, "expense"), (COUNTED_FEE, "units")):
        if methods.takes(line, what):
            yield content
    if methods.charges(line.terms):
        yield COUNTED_FEE


def _limits_revenue(cap: Cap | SharedCap, terms: ContractSigned, defaults: Sequence[Policies]) -> bool:
    if cap.limits_revenue is not None:
        return cap.limits_revenue
    stated = (line_policies(terms, line, had).cap_limits_revenue for line in terms.lines for had in defaults)
    return all(value is not False for value in stated)


def _highest(limits: Sequence[int | None]) -> int | None:
    """None where a version has no limit in this measure."""
    stated = [limit for limit in limits if limit is not None]
    return max(stated) if len(stated) == len(limits) else None


def is_of_terms(raised: ExceptionRaised) -> bool:
    return raised.category in OF_TERMS and raised.contract_id is not None


def _amounts(said: VariableConsideration | VariableConsiderationRevised) -> Iterator[Amount]:
    yield said.amount or 0
    yield from (outcome.amount for outcome in said.outcomes)
