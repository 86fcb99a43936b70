"""What a line earns in all where that is not its own price: its share of the price of several lines, with variable parts (R42, R43)."""

from collections.abc import Sequence
from datetime import date, timedelta

from domain.explanation import Node, Parameter, constant, evaluated, in_proportion, less, negated, step_of, total
from domain.revenue.allocation import AllocatedPrice, SharingLine, weights
from domain.revenue.variable_price import settled
from domain.terms import methods
from domain.terms.kind import TermsInForce
from milepost.explain.fees import LineAtStep, line_at
from milepost.explain.nodes import Nodes
from state.charges.terms_known import agreed_versions, by_itself

DAY = timedelta(days=1)


class AllocationNodes(Nodes):
    """As `domain/revenue/shared_price.py` shares it."""

    def earns(self, place: LineAtStep, agreed: TermsInForce) -> Node:
        found = agreed.allocated
        assert found is not None, "the line earns apart from what it charges"
        if found.is_final:
            return self._by_itself(place, agreed)
        if found.is_alone:
            return self._comes_to(place, found.own, found.since)
        return self._share(place, agreed, found)

    def _by_itself(self, place: LineAtStep, agreed: TermsInForce) -> Node:
        """What the line had earned of its own price by the last day of a terminated contract."""
        known = by_itself(place.draft, place.contract, place.line_id)
        alone = place._replace(known=known, foreseen=None)
        own = self.nodes.over_time.by(alone, agreed.since)._replace(title="by itself, for the contract is over")
        due = [self.nodes.variable.due(place, item_id) for item_id in settled(known.revised)]
        return total("by itself, with what is settled", (own, *due), "amount", own.currency, rule="R42") if due else own

    def _share(self, place: LineAtStep, agreed: TermsInForce, found: AllocatedPrice) -> Node:
        currency = agreed.contract.currency
        places = [self.place_of(place, line) for line in found.lines]
        each = [
            self._comes_to(at, line, found.since, shared=True) for at, line in zip(places, found.lines, strict=True)
        ]
        left = total("price of all lines together", each, "amount", currency)
        earned = [
            self.nodes.over_time.by(at, found.since - DAY)._replace(
                title=f"line {line.line_id}: earned before {found.since}"
            )
            for at, line in zip(places, found.lines, strict=True)
            if line.before
        ]
        if earned:
            left = less("left of it", left, *earned)
        by = self._weights(places, found)
        sign = -1 if (left.value or 0) < 0 else 1
        whole = left if sign > 0 else negated("below zero", left)
        parameters: dict[str, Parameter] = {"step": step_of(currency), "party": str(found.place)}
        share = evaluated(
            f"share of line {place.line_id}", "share", (whole, *by), parameters, "amount", currency, rule="R43"
        )
        share = share if sign > 0 else negated(share.title, share)
        alone = [self.nodes.variable.item(place, item, agreed.since) for item in found.own.items if item.alone]
        with_before = [line for line in found.lines if line.before]
        before = [node for node, line in zip(earned, with_before, strict=True) if line is found.own]
        if not before and not alone:
            return share
        title = f"earned before, and the share of line {place.line_id}" if before else f"line {place.line_id}: all"
        return total(title, (*before, share, *alone), "amount", currency)

    def _weights(self, places: Sequence[LineAtStep], found: AllocatedPrice) -> list[Node]:
        stands = weights(found.lines) == [line.standalone for line in found.lines]
        nodes = []
        for at, line in zip(places, found.lines, strict=True):
            whole = self._standalone(at, line, found)
            if line.remaining is not None and not stands:
                part, of = (
                    constant(what, value, "count")
                    for what, value in zip(("left", "of all"), line.remaining, strict=True)
                )
                mode = _terms_on(at, found.since).policies.money_mode
                whole = in_proportion(f"line {line.line_id}: what is left, alone", whole, part, of, mode)
            nodes.append(whole)
        return nodes

    def _standalone(self, at: LineAtStep, line: SharingLine, found: AllocatedPrice) -> Node:
        agreed = _terms_on(at, found.since)
        title = f"line {line.line_id}: stand-alone price"
        if agreed.line.standalone_price is not None:
            return self.nodes.fees.line_field(at, agreed, title, line.standalone, "standalone_price")
        others = [
            self._standalone(self.place_of(at, other), other, found)
            for other in found.lines
            if other.line_id != line.line_id
        ]
        prices = [self.price(self.place_of(at, other), other, found.since) for other in found.lines]
        if len(found.lines) == 1:
            return prices[0]
        together = total("price of all lines, without variable parts", prices, "amount", agreed.contract.currency)
        return less(f"line {line.line_id}: what the others leave", together, *others)

    def _comes_to(self, at: LineAtStep, line: SharingLine, since: date, *, shared: bool = False) -> Node:
        """The line's own price, with its variable parts; without those for it alone where the others share it."""
        price = self.price(at, line, since)
        items = [self.nodes.variable.item(at, item, since) for item in line.items if not (shared and item.alone)]
        title = f"line {line.line_id}: price with its variable parts"
        return total(title, (price, *items), "amount", price.currency, rule="R42") if items else price

    def price(self, at: LineAtStep, line: SharingLine, since: date) -> Node:
        held = [agreed for agreed in _own_terms(at) if agreed.since <= since]
        price = methods.comes_to([self.nodes.fees.terms(at, agreed) for agreed in held], at.known)
        made = self.nodes.fees.figure(price, "all that it charges", held[-1])
        return made._replace(title=f"line {line.line_id}: {made.title}")

    def place_of(self, place: LineAtStep, line: SharingLine) -> LineAtStep:
        if line.line_id == place.line_id:
            return place
        return line_at(place.draft, place.contract, line.line_id, place.step)


def _own_terms(at: LineAtStep) -> Sequence[TermsInForce]:
    return agreed_versions(at.draft, at.contract, at.line_id)


def _terms_on(at: LineAtStep, day: date) -> TermsInForce:
    return next(agreed for agreed in reversed(_own_terms(at)) if agreed.since <= day)
