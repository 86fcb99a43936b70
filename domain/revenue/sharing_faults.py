"""What contradicts in terms whose lines share a price by stand-alone prices, or a measure of their work (exception `invalid_terms`)."""

from collections.abc import Iterator, Mapping

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine
from domain.money import format_amount
from domain.policies import Resolved
from domain.policy_faults import Fault
from domain.revenue.allocation import residual
from domain.terms import methods
from domain.terms.kind import LineHistory, TermsInForce


def sharing_faults(terms: ContractSigned, policies_of: Mapping[str, Resolved]) -> Iterator[Fault]:
    """Of several lines with a price each has a stand-alone price, or one of them what the others leave."""
    shared = [line for line in terms.lines if methods.is_shared(line) and methods.may_earn_apart(line)]
    if not shared:
        return
    leaves = [line for line in shared if line.standalone_residual]
    for place, line in enumerate(terms.lines):
        where = f"lines[{place}]"
        if line.standalone_price is not None and line.standalone_price <= 0:
            yield f"{where}.standalone_price", f"expected more than zero, got {format_amount(line.standalone_price)}"
        if line.standalone_price is not None and line.standalone_residual:
            got = format_amount(line.standalone_price)
            yield f"{where}.standalone_residual", f"a stand-alone price is stated, {got}, or what the others leave"
        elif line in leaves and line is not leaves[0]:
            yield (
                f"{where}.standalone_residual",
                f"lines {leaves[0].line_id} and {line.line_id} cannot both have what the others leave",
            )
        elif not methods.is_shared(line) and methods.may_earn_apart(line):
            others = ", ".join(other.line_id for other in shared)
            what = f"expected the stand-alone price of line {line.line_id}, for those of {others} are stated, got none"
            yield f"{where}.standalone_price", f"{what}; where nobody sells it alone, state standalone_residual"
    if len(leaves) == 1:
        yield from _residual_faults(terms, leaves[0], shared, policies_of)


def _residual_faults(
    terms: ContractSigned, line: ContractLine, shared: list[ContractLine], policies_of: Mapping[str, Resolved]
) -> Iterator[Fault]:
    where = f"lines[{terms.lines.index(line)}].standalone_residual"
    known = [other.standalone_price for other in shared if other.standalone_price is not None]
    if not known:
        yield where, f"line {line.line_id} has what the others leave, but no other line has a standalone_price"
        return
    if any(methods.needs_an_end(other, policies_of[other.line_id]) for other in shared) and terms.ends_on is None:
        return
    prices = [_price(terms, other, policies_of[other.line_id]) for other in shared]
    if residual(prices, known) <= 0:
        together, alone = (format_amount(sum(amounts), terms.currency) for amounts in (prices, known))
        what = f"expected more than zero for line {line.line_id}, got {together} of all lines less {alone} of the others alone"
        yield where, what


def obligation_faults(terms: ContractSigned, policies_of: Mapping[str, Resolved]) -> Iterator[Fault]:
    """Lines of one performance obligation are one piece of work, measured in one way."""
    first: dict[str, ContractLine] = {}
    for place, line in enumerate(terms.lines):
        if line.performance_obligation is None or not methods.by_spending(line, policies_of[line.line_id]):
            continue
        other = first.setdefault(line.performance_obligation, line)
        asked, got = (_measured(each, policies_of[each.line_id]) for each in (other, line))
        for name, expected in asked.items():
            if got[name] != expected:
                what = f"expected {expected} on line {line.line_id}, as on line {other.line_id} of {line.performance_obligation}"
                yield f"lines[{place}].{name}", f"{what}: their work is measured together; got {got[name]}"


def _measured(line: ContractLine, policies: Resolved) -> dict[str, str]:
    """By field."""
    return {
        "revenue_policy": methods.revenue_method(line, policies),
        "policies.poc_precision": "exact" if policies.poc_precision is None else str(policies.poc_precision),
        "policies.poc_exclusions": ", ".join(sorted(policies.poc_exclusions or ())) or "none",
        "policies.forecast_denominator": str(policies.forecast_denominator),
    }


def _price(terms: ContractSigned, line: ContractLine, policies: Resolved) -> int:
    held = [TermsInForce(line, terms, terms.ends_on, policies, starts_on=terms.starts_on)]
    return methods.comes_to(held, LineHistory())
