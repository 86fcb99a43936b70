"""Terms of a line as an explanation asks their rules again: each number says where the terms state it (`domain.figure`).

What the rules make of such numbers says how: of 100,000.00 in `lines[0].terms.price` 15 % in `percent` of a report are 15,000.00.
"""

from domain.events.common import Deposit, FixedPrice, Milestones, Subscription, Terms
from domain.figure import Recorded
from domain.terms.kind import TermsInForce
from domain.units import Amount
from domain.why import in_terms


def recorded(agreed: TermsInForce) -> TermsInForce:
    def amount(title: str, number: Amount, path: str) -> Recorded:
        return Recorded(in_terms(title, number, "amount", agreed.contract, path, agreed.line.line_id))

    def of(terms: Terms) -> Terms:
        match terms:
            case FixedPrice():
                schedule = tuple(
                    one._replace(amount=amount(f"instalment of {one.on}", one.amount, f"terms.schedule[{at}].amount"))
                    for at, one in enumerate(terms.schedule)
                )
                return terms._replace(price=amount("price", terms.price, "terms.price"), schedule=schedule)
            case Milestones():
                milestones = tuple(
                    one._replace(amount=amount(f"milestone {one.name}", one.amount, f"terms.milestones[{at}].amount"))
                    for at, one in enumerate(terms.milestones)
                )
                return terms._replace(milestones=milestones)
            case Subscription():
                fee, minimum = amount(f"fee for a {terms.per}", terms.fee, "terms.fee"), terms.minimum
                if minimum is not None:
                    minimum = amount(f"minimum for a {terms.per}", minimum, "terms.minimum")
                return terms._replace(fee=fee, minimum=minimum)
            case Deposit():
                return terms._replace(amount=amount("Deposit", terms.amount, "terms.amount"))
            case _:
                return terms

    budgets = tuple(
        one._replace(
            revenue=amount(f"{one.category}: price", one.revenue, f"budgets[{at}].revenue"),
            cost=amount(f"{one.category}: cost budget", one.cost, f"budgets[{at}].cost"),
        )
        for at, one in enumerate(agreed.line.budgets)
    )
    return agreed._replace(line=agreed.line._replace(terms=of(agreed.line.terms), budgets=budgets))
