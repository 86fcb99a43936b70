"""What sources that fund a contract pay of an entry (R33): `domain/billing/funding.py` once more, with nodes for amounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from domain.billing.funding import FIELD, rules_of, scarcest
from domain.caps.consume import Order, order_of
from domain.contract import BEGINNING
from domain.events.commercial import ContractSigned
from domain.events.common import FundingRule
from domain.explanation import Node, evaluated, less, most, negated, step_of, total
from domain.money import smallest_unit
from milepost.explain.drafted_funding import NO_CLAIMS, Claims, DraftedFunding, DraftedPortion, Place, Portion
from milepost.explain.sources import Sources, nothing
from state.billing.payers import funded_terms
from state.books import Contract, Issued
from state.handlers.statements import source_turns
from state.totals import issued_on, standing_price

if TYPE_CHECKING:
    from milepost.explain.statements import StatementNodes

RULE = "R33"


class Walked(NamedTuple):
    """An entry in the walk of a cut: portions that stay, and those that are drawn."""

    kept: tuple[Portion, ...]
    drawn: tuple[Portion, ...] = ()


class FundingNodes:
    def __init__(self, sources: Sources, statements: StatementNodes) -> None:
        self.sources = sources
        self.statements = statements
        self.drafts = DraftedFunding(sources, self)
        self._cuts: dict[tuple[str, int], Mapping[Place, tuple[Portion, ...]]] = {}

    def is_funded(self, entry_id: str, contract_id: str, line_id: str, step: int) -> bool:
        issued = self._issued(entry_id, contract_id, line_id, step)
        return issued is not None and issued.is_funded

    def falls(
        self, entry_id: str, contract_id: str, line_id: str, payer: str, step: int, drafted: str | None = None
    ) -> Node:
        """What sources of a payer pay of the entry, as a step left it; on a draft as that was `drafted`."""
        if drafted is None:
            portions = self.portions(entry_id, contract_id, line_id, step)
        else:
            portions = self.drafts.portions(drafted, (entry_id, line_id), step)
        parts = [part.node for portion in portions for part in portion if part.customer_id == payer]
        title, currency = f"{entry_id}: falls to {payer}", self._currency(contract_id, step)
        if not parts:
            return nothing(title, "amount", currency)
        return parts[0] if len(parts) == 1 else total(title, parts, "amount", currency, rule=RULE)

    def portions(self, entry_id: str, contract_id: str, line_id: str, step: int) -> tuple[Portion, ...]:
        """As the last cut up to a step made them that gave the entry something or took it back."""
        changed, had = -1, cast("tuple[Any, ...]", ())
        for number, entry in self.sources.trace.entry_steps(entry_id):
            issued = issued_on(entry, contract_id, line_id)
            has = issued.funded if issued is not None else ()
            if number <= step and has != had:
                changed, had = number, has
        return self._cut(contract_id, changed)[entry_id, line_id] if changed >= 0 else ()

    # How far a source is used

    def used(self, contract_id: str, source_id: str, step: int) -> Node:
        """Over all entries, less what price concessions gave back."""
        title, currency = f"{source_id}: used", self._currency(contract_id, step)
        return total(title, list(self._uses(contract_id, source_id, step, ())), "amount", currency, rule=RULE)

    def limit(self, contract_id: str, source_id: str, step: int) -> Node | None:
        """By the newest terms."""
        contract = self.sources.draft(step).contract(contract_id)
        return self.limit_of(contract.terms, contract_id, source_id) if contract is not None else None

    def unpaid(self, contract_id: str, step: int) -> Node | None:
        """What no rule is left for of all that was due when a step had ended."""
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        if contract is None:
            return None
        rests = []
        for turn in source_turns(draft, contract):
            places = [(one.entry.entry_id, one.piece.line_id) for one in turn.due]
            claims = self.drafts.claims(contract_id, turn.cut, step) if turn.claims else NO_CLAIMS
            rests += [
                less(f"{entry_id}: nobody pays", self._total((entry_id, line_id), contract_id, step), *_nodes(portions))
                for (entry_id, line_id), portions in self.walk(contract_id, step, step, places, claims).items()
            ]
        return total("nobody pays", [one for one in rests if one.value], "amount", contract.terms.currency, rule=RULE)

    # The walk

    def _cut(self, contract_id: str, step: int) -> Mapping[Place, tuple[Portion, ...]]:
        """Portions of the entries to which a step gave something, or took it back."""
        key = (contract_id, step)
        if key not in self._cuts:
            places = [
                (entry_id, issued.line_id)
                for entry_id in self.sources.trace.entry_ids()
                for issued in self._all_issued(entry_id, contract_id, step)
                if issued.funded != self._funded(entry_id, contract_id, issued.line_id, step - 1)
            ]
            cut = self.drafts.approved_at(contract_id, step)
            if cut is not None:
                places = list(dict.fromkeys((*places, *self.drafts.places(contract_id, cut, step - 1))))
            claims = self.drafts.claims(contract_id, cut, step - 1)
            self._cuts[key] = self.walk(contract_id, step - 1, step, places, claims)
        return self._cuts[key]

    def walk(
        self, contract_id: str, before: int, step: int, places: Iterable[Place], claims: Claims
    ) -> dict[Place, tuple[Portion, ...]]:
        """First whatever became less gives back, then each draws in consumption order (R16), beside what drafts of others keep."""
        ordered = sorted(places, key=lambda place: self._order(place, contract_id, step))
        found = {
            place: Walked(self._kept(self.portions(place[0], contract_id, place[1], before), place, contract_id, step))
            for place in ordered
        }
        for place in ordered:
            kept = found[place].kept
            rest = less(f"{place[0]}: not paid yet", self._total(place, contract_id, step), *_nodes(kept))
            terms = self._terms(place, contract_id, step)
            if rest.value and terms is not None and terms.funding is not None:
                drawn = _Drawing(self, contract_id, terms, before, found, place, claims).draw(rest)
                found[place] = Walked(kept, tuple(drawn))
        return {place: _joined(one.kept, one.drawn) for place, one in found.items()}

    def draw(
        self, terms: ContractSigned, step: int, drawn: Mapping[Place, tuple[Portion, ...]], place: Place, rest: Node
    ) -> tuple[Portion, ...]:
        """Of a bill that is expected, beside what is `drawn` by those before it."""
        if not rest.value:
            return ()
        walked = {each: Walked((), portions) for each, portions in drawn.items()}
        return tuple(_Drawing(self, terms.contract_id, terms, step, walked, place).draw(rest))

    def _order(self, place: Place, contract_id: str, step: int) -> tuple[Order, str]:
        entry_id, line_id = place
        entry = self.sources.trace.entry_at(entry_id, step)
        price = standing_price(entry) if entry is not None else None
        if price is None or (price.contract_id, price.line_id) != (contract_id, line_id):
            issued = self._issued(entry_id, contract_id, line_id, step)
            return order_of(issued.day if issued is not None else BEGINNING, 0, entry_id, by_approval=False), line_id
        return order_of(price.day, price.approved_at, entry_id, by_approval=False), line_id

    def _total(self, place: Place, contract_id: str, step: int) -> Node:
        entry_id, line_id = place
        return self.statements.due(entry_id, contract_id, line_id, step, self._currency(contract_id, step))

    def _kept(self, portions: tuple[Portion, ...], place: Place, contract_id: str, step: int) -> tuple[Portion, ...]:
        """What is taken back is of the last portion first, and in one in proportion to what each source paid."""
        now, entry_id = self._total(place, contract_id, step), place[0]
        nodes = _nodes(portions)
        drawn = total(f"{entry_id}: paid before", nodes, "amount", now.currency) if nodes else nothing("", "amount")
        sign = 1 if (drawn.value or 0) > 0 else -1
        if (drawn.value or 0) * (now.value or 0) <= 0:
            return ()
        excess = less(f"{entry_id}: less than before", drawn, now)
        kept = list(portions)
        while sign * (excess.value or 0) > 0:
            last = kept.pop()
            whole = total(f"{entry_id}: of the last portion", _nodes((last,)), "amount", now.currency)
            if abs(whole.value or 0) > abs(excess.value or 0):
                kept.append(_less(last, excess, entry_id))
            excess = less(f"{entry_id}: less than before, besides", excess, whole)
        return tuple(kept)

    # What it reads

    def uses_but(self, contract_id: str, source_id: str, before: int, found: Mapping[Place, Walked]) -> Iterator[Node]:
        """Of a source, before a step by entries that it leaves as they are, and in it by those that it has walked so far."""
        yield from self._uses(contract_id, source_id, before, found)
        for place, one in found.items():
            yield from self._used_of(one.kept, place, contract_id, source_id, before)
            yield from _paid_by(one.drawn, source_id)

    def _uses(self, contract_id: str, source_id: str, step: int, but: Iterable[Place]) -> Iterator[Node]:
        left_out = frozenset(but)
        for entry_id in sorted(self.sources.trace.entry_ids()):
            for issued in self._all_issued(entry_id, contract_id, step):
                place = entry_id, issued.line_id
                if place not in left_out and issued.funded:
                    portions = self.portions(entry_id, contract_id, issued.line_id, step)
                    yield from self._used_of(portions, place, contract_id, source_id, step)

    def _used_of(
        self, portions: Iterable[Portion], place: Place, contract_id: str, source_id: str, step: int
    ) -> list[Node]:
        """What a source pays of an entry, less what price concessions up to a step gave back to it: no more than it pays."""
        paid = _paid_by(portions, source_id)
        if sum(node.value or 0 for node in paid) <= 0:
            return paid
        back = list(self._freed(place, contract_id, source_id, step))
        if not back:
            return paid
        title, currency = f"{place[0]}: {source_id} pays, less what was conceded", paid[0].currency
        left = less(title, _one_of(f"{place[0]}: {source_id} pays", paid), *back, rule="R20")
        return [left if (left.value or 0) >= 0 else most(title, left, nothing("nothing", "amount", currency))]

    def _freed(self, place: Place, contract_id: str, source_id: str, step: int) -> Iterator[Node]:
        """Of each price concession for a payer, by what his sources had paid of the entry when it came."""
        memos, (entry_id, line_id) = self.statements.credits, place
        for credit in memos.returning(entry_id, contract_id, line_id, step):
            payer, paid = memos.payer(credit), dict[str, list[Node]]()
            for portion in self.portions(entry_id, contract_id, line_id, credit.said.step - 1):
                for part in portion:
                    if part.customer_id == payer:
                        paid.setdefault(part.source_id, []).append(part.node)
            weights = {one: _one_of(f"{entry_id}: {one} pays", nodes) for one, nodes in paid.items()}
            weights = {one: node for one, node in weights.items() if node.value}
            if source_id in weights and sum(node.value or 0 for node in weights.values()) > 0:
                title = f"{entry_id}: {source_id} has back of {credit.journal.affected_id}"
                party = list(weights).index(source_id)
                yield _share(title, memos.amount(credit), list(weights.values()), party)

    def limit_of(self, terms: ContractSigned, contract_id: str, source_id: str) -> Node | None:
        event = self.sources.terms_event(contract_id, terms.version, FIELD)
        for place, source in enumerate(terms.funding.sources if terms.funding is not None else ()):
            if source.source_id == source_id and source.limit is not None and event is not None:
                path = f"{FIELD}.sources[{place}].limit"
                return self.sources.field(f"{source_id}: limit", source.limit, "amount", event, path, terms.currency)
        return None

    def percents(self, terms: ContractSigned, contract_id: str, rule: FundingRule) -> list[Node]:
        event = self.sources.terms_event(contract_id, terms.version, FIELD)
        assert event is not None, "the terms that fund were stated"
        assert terms.funding is not None, "they fund the contract"
        at = terms.funding.rules.index(rule)
        return [
            self.sources.field(
                f"percent of {share.source_id}, rule {rule.priority}",
                share.percent,
                "percent",
                event,
                f"{FIELD}.rules[{at}].shares[{place}].percent",
            )
            for place, share in enumerate(rule.shares)
        ]

    def _terms(self, place: Place, contract_id: str, step: int) -> ContractSigned | None:
        contract: Contract | None = self.sources.draft(step).contract(contract_id)
        entry = self.sources.trace.entry_at(place[0], step)
        price = standing_price(entry) if entry is not None else None
        issued = self._issued(place[0], contract_id, place[1], step)
        day = price.day if price is not None else issued.day if issued is not None else BEGINNING
        return funded_terms(contract, day) if contract is not None else None

    def _all_issued(self, entry_id: str, contract_id: str, step: int) -> list[Issued]:
        entry = self.sources.trace.entry_at(entry_id, step)
        return [one for one in entry.issued if one.contract_id == contract_id] if entry is not None else []

    def _issued(self, entry_id: str, contract_id: str, line_id: str, step: int) -> Issued | None:
        return next((one for one in self._all_issued(entry_id, contract_id, step) if one.line_id == line_id), None)

    def _funded(self, entry_id: str, contract_id: str, line_id: str, step: int) -> Any:
        issued = self._issued(entry_id, contract_id, line_id, step)
        return issued.funded if issued is not None else ()

    def _currency(self, contract_id: str, step: int) -> str:
        contract = self.sources.draft(step).contract(contract_id)
        return contract.terms.currency if contract is not None else ""


class _Drawing:
    """One entry's turn: the rules one after the other, up to what each source has left."""

    def __init__(
        self,
        nodes: FundingNodes,
        contract_id: str,
        terms: ContractSigned,
        before: int,
        found: Mapping[Place, Walked],
        place: Place,
        claims: Claims = NO_CLAIMS,
    ) -> None:
        self._nodes = nodes
        self._contract_id = contract_id
        self._terms = terms
        self._before = before
        self._found = found
        self._claims = claims
        self._entry_id = place[0]
        self._drawn: list[Portion] = []

    def draw(self, rest: Node) -> list[Portion]:
        funding = self._terms.funding
        assert funding is not None, "sources pay the entry"
        for rule in rules_of(funding):
            paid = self._by_percent(rest, rule) if (rest.value or 0) < 0 else self._taken(rest, rule)
            if portion := self._portion(rule, paid):
                self._drawn.append(portion)
                rest = less(f"{self._entry_id}: left after rule {rule.priority}", rest, *_nodes((portion,)))
            if not rest.value:
                break
        return self._drawn

    def _taken(self, rest: Node, rule: FundingRule) -> list[Node]:
        left = self._left(rule)
        amounts = {source_id: max(node.value or 0, 0) for source_id, node in left.items()}
        scarce, lasts = scarcest(rule, amounts, smallest_unit(rest.currency))
        if scarce is None or lasts >= (rest.value or 0):
            return self._by_percent(rest, rule)
        if not lasts:
            return [nothing("", "amount", rest.currency)] * len(rule.shares)
        room, percents = left[rule.shares[scarce].source_id], self._nodes.percents(self._terms, self._contract_id, rule)
        parameters: dict[str, Any] = {"step": step_of(rest.currency), "mode": "down"}
        every = total("percents of the rule", percents, "percent")
        title = f"{self._entry_id}: what rule {rule.priority} lasts for"
        whole = evaluated(title, "proportion", (room, every, percents[scarce]), parameters, "amount", rest.currency)
        others = [place for place in range(len(percents)) if place != scarce]
        title = f"{self._entry_id}: beside {rule.shares[scarce].source_id} by rule {rule.priority}"
        shared = iter(self._shares(less(title, whole, room), rule, [percents[place] for place in others], others))
        return [room if place == scarce else next(shared) for place in range(len(percents))]

    def _left(self, rule: FundingRule) -> dict[str, Node]:
        """Of sources with a limit."""
        left = {}
        for share in rule.shares:
            limit = self._nodes.limit_of(self._terms, self._contract_id, share.source_id)
            if limit is not None:
                uses = [
                    *self._nodes.uses_but(self._contract_id, share.source_id, self._before, self._found),
                    *self._claims.get(share.source_id, ()),
                    *(part.node for portion in self._drawn for part in portion if part.source_id == share.source_id),
                ]
                title = f"{share.source_id}: left for {self._entry_id}"
                left[share.source_id] = less(title, limit, *uses, rule=RULE)
        return left

    def _by_percent(self, rest: Node, rule: FundingRule) -> list[Node]:
        percents = self._nodes.percents(self._terms, self._contract_id, rule)
        return self._shares(rest, rule, percents, range(len(percents)))

    def _shares(self, amount: Node, rule: FundingRule, percents: Sequence[Node], places: Iterable[int]) -> list[Node]:
        return [
            _share(
                f"{self._entry_id}: {rule.shares[place].source_id} pays by rule {rule.priority}", amount, percents, at
            )
            for at, place in enumerate(places)
        ]

    def _portion(self, rule: FundingRule, paid: Sequence[Node]) -> Portion:
        assert self._terms.funding is not None, "sources pay the entry"
        customers = {source.source_id: source.bill_to for source in self._terms.funding.sources}
        each = zip(rule.shares, paid, strict=True)
        return tuple(
            DraftedPortion(share.source_id, customers[share.source_id], node) for share, node in each if node.value
        )


def _share(title: str, amount: Node, weights: Sequence[Node], party: int) -> Node:
    if (amount.value or 0) < 0:
        return negated(title, _share(title, negated(f"{amount.title}, taken back", amount), weights, party))
    parameters: dict[str, Any] = {"step": step_of(amount.currency), "party": str(party)}
    return evaluated(title, "share", (amount, *weights), parameters, "amount", amount.currency, rule="R12")


def _less(portion: Portion, excess: Node, entry_id: str) -> Portion:
    weights = [part.node if (part.node.value or 0) > 0 else negated(part.node.title, part.node) for part in portion]
    found = []
    for place, part in enumerate(portion):
        back = _share(f"{entry_id}: {part.source_id} has back", excess, weights, place)
        node = less(f"{entry_id}: {part.source_id} still pays", part.node, back, rule=RULE)
        found.append(part._replace(node=node))
    return tuple(part for part in found if part.node.value)


def _joined(portions: Sequence[Portion], more: Sequence[Portion]) -> tuple[Portion, ...]:
    """As they are kept: portions of the same sources that follow each other are one."""
    found = list(portions)
    for portion in more:
        if found and [part[:2] for part in found[-1]] == [part[:2] for part in portion]:
            pairs = zip(found.pop(), portion, strict=True)
            found.append(tuple(had._replace(node=_sum(had.node, has.node)) for had, has in pairs))
        else:
            found.append(portion)
    return tuple(found)


def _sum(one: Node, other: Node) -> Node:
    return total(one.title, (one, other), "amount", one.currency)


def _paid_by(portions: Iterable[Portion], source_id: str) -> list[Node]:
    return [part.node for portion in portions for part in portion if part.source_id == source_id]


def _one_of(title: str, nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else total(title, nodes, "amount", nodes[0].currency)


def _nodes(portions: Iterable[Portion]) -> list[Node]:
    return [part.node for portion in portions for part in portion]
