"""What speaks against terms of a contract: they contradict each other, or the rules in force do not handle them together."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from domain.billing.funding import FIELD as FUNDING
from domain.billing.shares import refused_with_shares
from domain.caps.consume import splits_billing
from domain.caps.purchase_order import deposit_faults, has_limit
from domain.contract import bind_billing_alone, cap_group, cap_rules, contradictions, line_named, line_policies
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import ContractLine, Deposit
from domain.exceptions import ExceptionCategory
from domain.money import is_currency
from domain.overflow import refused_overflow
from domain.policies import Resolved, bookkeeping, resolve
from domain.reference.zones import is_zone
from domain.refusals import UNSUPPORTED, of_contract, refused_of_contract, words_of
from domain.terms import methods
from domain.terms.kind import OVER_TIME, obliged_with
from state.billing.reissue import refused_with_reissue
from state.books import Contract, TermsVersion
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import billing_zone, terms_on, versions
from state.totals import cut_at_zero, standing_price


class TermsRefused(NamedTuple):
    """Why terms do not come into force: the exception's category, field and message."""

    category: ExceptionCategory
    field: str
    message: str


def terms_refused(draft: Draft, contract: Contract) -> TermsRefused | None:
    """What speaks against the newest terms."""
    terms = contract.terms
    entity = draft.reference.known_entity(terms.legal_entity_id)
    defaults = contract.history[-1].defaults, bookkeeping(entity.policies)
    policies = {line.line_id: line_policies(terms, line, *defaults) for line in terms.lines}
    faults = contradictions(terms, policies, divided=contract.divided)
    if not is_currency(terms.currency):
        faults.append(("currency", f"expected an ISO 4217 code, got {terms.currency}"))
    zone = billing_zone(terms, entity, resolve(terms.policies, *defaults))
    if not is_zone(zone):
        faults.append(("billing_zone", f"expected an IANA zone such as Europe/Berlin, got {zone}"))
    faults += deposit_faults(terms, contract.history[-1].effective_on)
    faults += _unit_faults(draft, contract)
    if faults:
        return TermsRefused("invalid_terms", faults[0][0], "; ".join(f"{field}: {what}" for field, what in faults))
    refused: list[tuple[str, str]] = []
    if contract.divided and has_limit(terms):
        refused.append(("purchase_order.limit", words_of("order_over_engagements")))
    if contract.divided and any(methods.is_shared(line) for line in terms.lines):
        refused.append(("lines", words_of("shared_over_engagements", field="standalone_price")))
    if contract.divided and any(obliged_with(line, terms.lines) for line in terms.lines):
        refused.append(("lines", words_of("shared_over_engagements", field="performance_obligation")))
    refused += [*refused_of_contract(terms.policies), *_refused_funding(contract), *_refused_sharing(contract)]
    for line_id, resolved in policies.items():
        refused += [(f"lines[{line_id}].policies", policy) for policy in refused_with_shares(terms, resolved)]
    refused += refused_with_reissue(contract, bookkeeping(entity.policies))
    refused += [
        *_refused_caps(contract),
        *refused_overflow(versions(contract), line_ids(contract)),
        *_refused_revenue(contract, policies),
    ]
    if refused:
        return TermsRefused(UNSUPPORTED, refused[0][0], of_contract(what for _, what in refused))
    return None


def _unit_faults(draft: Draft, contract: Contract) -> list[tuple[str, str]]:
    """Work that drew hours, and that a statement or its period has, cannot have drawn money instead; nor the other way round."""
    before = draft.contract(contract.contract_id)
    if before is None or not before.in_force:
        return []
    found: list[tuple[str, str]] = []
    for line in contract.terms.lines:
        unit, line_id = methods.draws_in(line.terms), line.line_id
        if unit is None or all(_unit_of(stored.terms, line_id) in (None, unit) for stored in before.history):
            continue
        for entry in draft.drawing_on(contract.contract_id, line_id, ""):
            price = standing_price(entry)
            if price is None or not price.drawn:
                continue
            if not (any(one.amount for one in entry.issued) or cut_at_zero(entry, price)):
                continue
            had, has = (_unit_of(terms_on(one, price.day), line_id) for one in (before, contract))
            if None not in (had, has) and had != has:
                what = f"expected {had} on {price.day}, as {entry.entry_id} is billed, got {has}"
                where = f"lines[{line_id}].terms.unit"
                found.append((where, f"{what}; state {has} from a later day, or on another line"))
                break
    return found


def _unit_of(terms: ContractSigned, line_id: str) -> str | None:
    line = line_named(terms, line_id)
    return methods.draws_in(line.terms) if line is not None else None


def refused_treatment(contract: Contract, event: ContractAmended, amended: ContractSigned) -> str | None:
    """Why revenue cannot follow the amendment as it says; `prospective` is what all terms do.

    Engagements of a divided contract cannot see whether a line of another goes on, so none of them catches up.
    """
    before, defaults = contract.terms, contract.history[-1].defaults
    timings = {line.line_id: methods.timing(line, line_policies(before, line, defaults)) for line in before.lines}
    after = {line.line_id: line for line in amended.lines}
    if event.treatment == "catch_up" and contract.divided:
        return words_of("catch_up", where="of a contract over several engagements")
    if event.treatment == "catch_up":
        goes_on = (
            line_id in timings
            and OVER_TIME in (timings[line_id], methods.timing(line, line_policies(amended, line, defaults)))
            for line_id, line in after.items()
        )
        return None if any(goes_on) else words_of("catch_up", where="where no line goes on that earns over time")
    if event.treatment == "separate":
        moved = {
            line.line_id
            for line in before.lines
            if timings[line.line_id] == OVER_TIME and methods.earns_to_the_end(line)
        }
        for line in before.lines:
            joined = obliged_with(line, amended.lines) != obliged_with(line, before.lines)
            longer = before.ends_on != amended.ends_on and line.line_id in moved
            if after.get(line.line_id) != line or longer or joined:
                return words_of("separate", line=line.line_id)
    return None


def _refused_sharing(contract: Contract) -> list[tuple[str, str]]:
    """A line shares a price as long as its contract lasts: what it leaves to the others would have to be shared again."""
    found = []
    for before, after in pairwise(contract.history):
        for line in before.terms.lines:
            goes_on = line_named(after.terms, line.line_id)
            if _is_shared(before, line) != (goes_on is not None and _is_shared(after, goes_on)):
                found.append((f"lines[{line.line_id}].standalone_price", words_of("shared_ends", line=line.line_id)))
            elif goes_on is not None and _begins_to_vary(line, goes_on):
                found.append(
                    (f"lines[{line.line_id}].variable_consideration", words_of("part_begins", line=line.line_id))
                )
            if _is_left_for_one(before, after, line):
                where = f"lines[{line.line_id}].variable_consideration"
                found.append((where, words_of("alone_for_what_is_left", line=line.line_id)))
    return found


def _begins_to_vary(before: ContractLine, after: ContractLine) -> bool:
    """Whether the line would be earned as one price from then on, or no more."""
    varies = bool(before.variable_consideration) != bool(after.variable_consideration)
    return varies and not methods.is_shared(after) and not methods.earns_to_the_end(after)


def _is_left_for_one(before: TermsVersion, after: TermsVersion, line: ContractLine) -> bool:
    """Whether an amendment shares what is left of a price again of which the line has a part for itself."""
    has_own = any(item.of_line_alone for item in line.variable_consideration)
    shared = [one for one in before.terms.lines if _is_shared(before, one)]
    changes = any(one not in after.terms.lines for one in shared)
    return has_own and not after.catches_up and len(shared) > 1 and line in shared and changes


def _is_shared(stored: TermsVersion, line: ContractLine) -> bool:
    """Whether the line shares a price by the terms; one that is refused does not."""
    policies = line_policies(stored.terms, line, stored.defaults)
    return methods.is_shared(line) and methods.timing(line, policies) == OVER_TIME


def _refused_funding(contract: Contract) -> list[tuple[str, str]]:
    """A deposit is set against statements of who paid it, and a limit is known to one engagement alone."""
    funding = contract.terms.funding
    if funding is None:
        return []
    versions_of = (*contract.former, *contract.history)
    deposits = [line for stored in versions_of for line in stored.terms.lines if isinstance(line.terms, Deposit)]
    found = [(FUNDING, words_of("funding_with_deposit", line=line.line_id)) for line in deposits[:1]]
    if contract.divided and any(source.limit is not None for source in funding.sources):
        found.append((FUNDING, words_of("funding_over_engagements")))
    return found


def _refused_caps(contract: Contract) -> list[tuple[str, str]]:
    """Combinations of caps that the rules in force do not allot."""
    refused = []
    history = versions(contract)
    rules = {line_id: cap_rules(history, line_id) for line_id in line_ids(contract)}
    apart = {line_id for line_id, own in rules.items() if any(splits_billing(rule) for rule in own)}
    for line in contract.terms.lines:
        field = f"lines[{line.line_id}].terms.cap"
        hard = [rule.limits[-1] for rule in rules[line.line_id] if rule.limits[-1].hard]
        prorated = any(limit.split_billing == "prorate" for limit in hard)
        group = cap_group(history, line.line_id) if prorated else frozenset()
        if not apart.isdisjoint(group):
            refused.append((field, words_of("prorate_billing_alone")))
        elif prorated and bind_billing_alone(history, group):
            refused.append((field, words_of("prorate_beside_billing_caps")))
    return refused


def _refused_revenue(contract: Contract, policies: Mapping[str, Resolved]) -> list[tuple[str, str]]:
    """A line under way goes over to a method of its kind of terms alone, one whose terms include hours, or were bought, to none."""
    if len(contract.history) < 2:
        return []
    before = contract.history[-2]
    refused = []
    for line in contract.terms.lines:
        had = line_named(before.terms, line.line_id)
        if had is None or not methods.are_of_a_kind(had.terms, line.terms):
            continue
        own, before_it = policies[line.line_id], line_policies(before.terms, had, before.defaults)
        field = f"lines[{line.line_id}].revenue_policy"
        draws = methods.draws_in(line.terms) is not None or methods.draws_in(had.terms) is not None
        if methods.has_its_method(had, before_it) and not methods.has_its_method(line, own):
            method, terms = methods.revenue_method(line, own), type(line.terms).__name__
            words = words_of("method_without_price", line=line.line_id, method=method, terms=terms)
            refused.append((field, words))
        elif draws and methods.timing(had, before_it) != methods.timing(line, own):
            refused.append((field, words_of("revenue_under_way", line=line.line_id)))
    return refused
