"""What sources that fund a contract pay of an entry (R33): their rule asked again, with numbers that say how they came about; and what they
pay of drafts, which keep that for themselves until they are issued (R26)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from domain.billing.funding import (
    RULE,
    DueOfSources,
    FundsDrawn,
    Paid,
    Portion,
    SourceLimits,
    by_source,
    drawn_in_turn,
    freed_by,
    kept_by_draft,
    limits_of,
    paid_of,
    still_billed,
    take,
)
from domain.caps.consume import Order, order_of
from domain.contract import BEGINNING
from domain.events.commercial import ContractSigned
from domain.events.common import Funding
from domain.explanation import Node, total
from domain.figure import Recorded, called, node_of, node_titled, titled
from domain.numbered import in_a_contract
from milepost.explain.nodes import Nodes, once
from milepost.explain.sources import nothing
from state.billing.approval import NOBODY, PART, PendingCut, by_cut, cut_of, drafts_of
from state.billing.funding import USED_OF_SOURCE, FundingTurn, not_credited, only_drawn, terms_of
from state.billing.payers import funded_terms, is_funded
from state.books import Contract, Issued, OpenStatement
from state.statements.due import payers_held, source_turns
from state.totals import issued_on, outstanding, standing_price

# Entry and contract line.
Place = tuple[str, str]
# By source what drafts keep of it, and who is not credited yet.
Claims = Mapping[str, Sequence[Node]]
NO_CLAIMS: Claims = {}
# What is drawn together, each with the payers who have no statement of it.
Drawn = Mapping[Place, frozenset[str]]
NOTHING_DRAWN: Drawn = {}


def drawn_in(turn: FundingTurn) -> dict[Place, frozenset[str]]:
    return {(one.entry.entry_id, one.piece.line_id): one.apart for one in turn.due}


class DraftedFunding(Nodes):
    def is_funded(self, entry_id: str, contract_id: str, line_id: str, step: int) -> bool:
        """Whether sources pay the entry of a draft, of which nobody may be billed yet."""
        contract = self.sources.draft(step).contract(contract_id)
        entry = self.sources.trace.entry_at(entry_id, step)
        if contract is None or entry is None:
            return False
        return is_funded(contract, entry, issued_on(entry, contract_id, line_id))

    def portions(self, statement_id: str, place: Place, step: int) -> tuple[Portion, ...]:
        """Of an entry of the draft, as it was drafted by a step."""
        opened: OpenStatement | None = self.sources.draft(step).part(PART, statement_id)
        if opened is None:  # it was drafted and taken back by one event
            return ()
        drawn = self._walk(opened.contract_id, cut_of(opened), step).get(place)
        return drawn.portions if drawn is not None else ()

    def approved_at(self, contract_id: str, step: int) -> PendingCut | None:
        """The cut of which a step issued a draft."""
        if step < 1:
            return None
        issued = self.sources.draft(step)
        for opened in drafts_of(self.sources.draft(step - 1), contract_id):
            if issued.part(PART, opened.statement_id) is None and issued.statement(opened.statement_id) is not None:
                return cut_of(opened)
        return None

    def places(self, contract_id: str, cut: PendingCut, step: int) -> Iterator[Place]:
        """What drafts of a cut hold that is still to be billed to somebody."""
        draft = self.sources.draft(step)
        rows = {row for one in drafts_of(draft, contract_id) if cut_of(one) == cut for row in one.rows}
        due = self.drawn(contract_id, cut, step)
        for row in sorted(rows):
            entry = self.sources.trace.entry_at(row, step)
            if entry is not None:
                for line_id in self._lines(row, contract_id, step):
                    is_due = outstanding(entry, contract_id, line_id) or (row, line_id) in due
                    if is_due and self.is_funded(row, contract_id, line_id, step):
                        yield row, line_id

    @once
    def drawn(self, contract_id: str, cut: PendingCut, step: int) -> Drawn:
        """What drafts of a cut share by the books, also with who gives back though nothing of it is outstanding."""
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        turns = source_turns(draft, contract) if contract is not None else []
        return {place: apart for turn in turns if turn.cut == cut for place, apart in drawn_in(turn).items()}

    def claims(self, contract_id: str, cut: PendingCut | None, step: int, drawn: Drawn = NOTHING_DRAWN) -> Claims:
        """Beyond what is used, by drafts of cuts before one, or of all; what later ones have still to give back; and what is to be credited
        and is neither on a draft nor `drawn`."""
        found: dict[str, list[Node]] = {}
        for of_cut in by_cut(drafts_of(self.sources.draft(step), contract_id)):
            for opened in of_cut if cut_of(of_cut[0]) != cut else ():
                is_before = cut is None or cut_of(opened) < cut
                for source_id, kept in self._claims_of(opened, step, is_before=is_before).items():
                    title = f"{source_id}: kept by the draft {opened.statement_id}"
                    node = node_of(kept, title)._replace(title=title, rule="R26")
                    found.setdefault(source_id, []).append(node)
        for source_id, node in self._not_credited(contract_id, cut, step, drawn):
            found.setdefault(source_id, []).append(node)
        return found

    def _not_credited(
        self, contract_id: str, cut: PendingCut | None, step: int, drawn: Drawn
    ) -> Iterator[tuple[str, Node]]:
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        for row, issued, payers in not_credited(draft, contract, drawn, cut) if contract is not None else ():
            billed = self.stands((row, issued.line_id), contract_id, payers, step)
            portions = self.nodes.funding.portions(row, contract_id, issued.line_id, step)
            for source_id, kept in still_billed(billed, portions, payers).items():
                title = f"{source_id}: kept until {row} is credited"
                yield source_id, node_of(kept, title)._replace(title=title, rule="R33")

    def stands(self, place: Place, contract_id: str, payers: Iterable[str], step: int) -> Portion:
        """What is on statements of the payers, by source."""
        return tuple(
            Paid(source_id, payer, amount)
            for payer in sorted(payers)
            for source_id, amount in by_source(self._billed(place, contract_id, payer, step), payer).items()
        )

    def _claims_of(self, opened: OpenStatement, step: int, *, is_before: bool) -> Mapping[str, int]:
        contract_id, cut = opened.contract_id, cut_of(opened)
        published = self.sources.trace.listing_step(opened.statement_id, step)
        walked = self._walk(contract_id, cut, published) if is_before else {}
        drawn, used, stands = (dict[str, list[Node]]() for _ in range(3))
        for place in self.places(contract_id, cut, published):
            if place[0] in opened.rows:
                _add(drawn, walked[place].portions if place in walked else (), opened.bill_to)
                _add(used, self.nodes.funding.portions(place[0], contract_id, place[1], step), opened.bill_to)
                _add(stands, self._billed(place, contract_id, opened.bill_to, step), opened.bill_to)
        bills, back = dict[str, int](), dict[str, int]()
        for source_id in sorted({*drawn, *used, *stands}):
            now, had, billed = (self._sum(source_id, of.get(source_id, ()), opened) for of in (drawn, used, stands))
            bills[source_id] = called(now - billed, f"{source_id}: billed more by the draft") if is_before else 0
            back[source_id] = called(billed - had, f"{source_id}: given back by the draft")
        return kept_by_draft(bills, back)

    def _sum(self, source_id: str, nodes: Sequence[Node], opened: OpenStatement) -> Recorded:
        currency = opened.published[0].currency
        return Recorded(total(f"{source_id}: of its entries", list(nodes), "amount", currency, rule="R33"))

    def _billed(self, place: Place, contract_id: str, payer: str, step: int) -> tuple[Portion, ...]:
        """As the payer's last statement left them."""
        listed = self.nodes.statements.listed_of(place[0], contract_id, place[1], step)
        own = [one for one in listed if self.nodes.statements.payer_of(one) == payer]
        return self.nodes.funding.portions(place[0], contract_id, place[1], own[-1].step) if own else ()

    @once
    def _walk(self, contract_id: str, cut: PendingCut, step: int) -> Mapping[Place, FundsDrawn]:
        drawn = self.drawn(contract_id, cut, step)
        places, claims = list(self.places(contract_id, cut, step)), self.claims(contract_id, cut, step, drawn)
        return self.nodes.funding.walk(contract_id, step, step, places, claims, drawn)

    def _lines(self, row: str, contract_id: str, step: int) -> list[str]:
        """Contract lines on which the entry has a price or is issued."""
        entry = self.sources.trace.entry_at(row, step)
        if entry is None:
            return []
        price = standing_price(entry)
        own = [price.line_id] if price is not None and price.contract_id == contract_id and price.line_id else []
        return list(dict.fromkeys((*own, *(one.line_id for one in entry.issued if one.contract_id == contract_id))))


def _add(found: dict[str, list[Node]], portions: Sequence[Portion], customer_id: str) -> None:
    for source_id, paid in by_source(portions, customer_id).items():
        title = f"{source_id} pays"
        found.setdefault(source_id, []).append(node_of(paid, title))


class FundingNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[USED_OF_SOURCE] = lambda of, source_id, step: self.used(of, source_id, int(step))
        self._terms: dict[tuple[str, int], Funding | None] = {}

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
            portions = self.nodes.drafted.portions(drafted, (entry_id, line_id), step)
        paid = [part.amount for portion in portions for part in portion if part.customer_id == payer]
        title, currency = f"{entry_id}: falls to {payer}", self._currency(contract_id, step)
        nodes = [node_of(amount, title, currency=currency) for amount in paid]
        if not nodes:
            return nothing(title, "amount", currency)
        return nodes[0] if len(nodes) == 1 else total(title, nodes, "amount", currency, rule=RULE)

    def portions(self, entry_id: str, contract_id: str, line_id: str, step: int) -> tuple[Portion, ...]:
        """As the last cut up to a step made them that gave the entry something or took it back."""
        changed, had = -1, cast("tuple[Any, ...]", ())
        for number, entry in self.sources.trace.entry_steps(entry_id):
            issued = issued_on(entry, contract_id, line_id)
            has = issued.funded if issued is not None else ()
            if number <= step and has != had:
                changed, had = number, has
        return self._cut(contract_id, changed)[entry_id, line_id].portions if changed >= 0 else ()

    # How far a source is used

    def used(self, contract_id: str, source_id: str, step: int) -> Node:
        """Over all entries, less what price concessions gave back."""
        paid = self._paid(contract_id, step).get(source_id, [])
        return total(f"{source_id}: used", paid, "amount", self._currency(contract_id, step), rule=RULE)

    def uses(self, contract_id: str, step: int, claims: Claims = NO_CLAIMS) -> dict[str, int]:
        """Of each source, with what drafts keep of it."""
        currency, found = self._currency(contract_id, step), dict[str, int]()
        for source_id in {**self._paid(contract_id, step), **claims}:
            used = self.used(contract_id, source_id, step)
            if kept := claims.get(source_id):
                used = total(f"{source_id}: used, or not free yet", (used, *kept), "amount", currency)
            found[source_id] = Recorded(used)
        return found

    def limit(self, contract_id: str, source_id: str, step: int) -> Node | None:
        """By the newest terms."""
        contract = self.sources.draft(step).contract(contract_id)
        funding = self.in_terms(contract.terms) if contract is not None else None
        limits = (source.limit for source in (funding.sources if funding else ()) if source.source_id == source_id)
        limit = next(limits, None)
        return node_of(limit, "limit") if limit is not None else None

    def unpaid(self, contract_id: str, step: int) -> Node | None:
        """What no rule is left for of all that was due when a step had ended."""
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        if contract is None:
            return None
        currency, rests = contract.terms.currency, []
        for turn in source_turns(draft, contract):
            drawn = drawn_in(turn)
            claims = self.nodes.drafted.claims(contract_id, turn.cut, step, drawn) if turn.claims else NO_CLAIMS
            for (entry_id, _), one in self.walk(contract_id, step, step, drawn, claims, drawn).items():
                if one.rest:
                    rests.append(node_titled(one.rest, f"{entry_id}: nobody pays", currency=currency))
        return total("nobody pays", rests, "amount", currency, rule=RULE)

    # A cut

    @once
    def _cut(self, contract_id: str, step: int) -> Mapping[Place, FundsDrawn]:
        """Of the entries of which a step billed somebody, or gave something back, and of those that drew before these."""
        places = [
            (entry_id, issued.line_id)
            for entry_id in self.sources.trace.entry_ids()
            for issued in self._all_issued(entry_id, contract_id, step)
            if self._funded(issued) != self._funded(self._issued(entry_id, contract_id, issued.line_id, step - 1))
        ]
        drawn = self.sources.trace.why.parts_at(only_drawn(contract_id, step), step)
        places += [(row.title, dict(row.facts)["line"]) for row in drawn]
        cut = self.nodes.drafted.approved_at(contract_id, step)
        if cut is not None:
            apart = self.nodes.drafted.drawn(contract_id, cut, step - 1)
            places = list(dict.fromkeys((*places, *self.nodes.drafted.places(contract_id, cut, step - 1))))
        else:
            apart = dict.fromkeys(places, payers_held(self.sources.draft(step)))
        claims = self.nodes.drafted.claims(contract_id, cut, step - 1, apart)
        return self.walk(contract_id, step - 1, step, places, claims, apart)

    def walk(
        self, contract_id: str, before: int, step: int, places: Iterable[Place], claims: Claims, drawn: Drawn
    ) -> dict[Place, FundsDrawn]:
        """What entries draw that are due in a step, of what was used before it; with the payers who have no statement of them."""
        ordered = sorted(places, key=lambda place: self._order(place, contract_id, step))
        uses, limits = self.uses(contract_id, before, claims), self._limits(contract_id, step)
        due = [self._due(place, contract_id, before, step, drawn.get(place, NOBODY)) for place in ordered]
        if any(uses.get(source_id, 0) > limit for source_id, limit in limits.highest.items()):
            due = [self._with_billed(one, place, contract_id, before) for one, place in zip(due, ordered, strict=True)]
        found = drawn_in_turn(due, uses, limits, self._currency(contract_id, step))
        return dict(zip(ordered, found, strict=True))

    def _with_billed(self, one: DueOfSources, place: Place, contract_id: str, before: int) -> DueOfSources:
        """Also what payers have who have a statement of it now."""
        payers = one.apart.union(paid.customer_id for portion in (*one.portions, one.stands) for paid in portion)
        return one._replace(stands=self.nodes.drafted.stands(place, contract_id, payers, before))

    def _limits(self, contract_id: str, step: int) -> SourceLimits:
        contract = self.sources.draft(step).contract(contract_id)
        every = (self.in_terms(terms) for terms in terms_of(contract)) if contract is not None else ()
        return limits_of(funding for funding in every if funding is not None)

    def _due(self, place: Place, contract_id: str, before: int, step: int, apart: frozenset[str]) -> DueOfSources:
        entry_id, line_id = place
        due = self.nodes.statements.due(entry_id, contract_id, line_id, step, self._currency(contract_id, step))
        had = self.portions(entry_id, contract_id, line_id, before)
        freed, terms = self.freed(place, contract_id, before), self._terms_of(place, contract_id, step)
        pays = self.in_terms(terms) if terms is not None else None
        issued = self._issued(place[0], contract_id, place[1], before)
        parts = issued.payers if issued is not None and issued.is_funded else ()
        below = (part.customer_id for part in parts if any(amount < 0 for _, amount in part.sources))
        stands = self.nodes.drafted.stands(place, contract_id, apart.union(below) if parts else (), before)
        apart = apart if issued is not None else NOBODY
        return DueOfSources(Recorded(due), had, list(freed.items()), pays, entry_id, stands, apart)

    def _order(self, place: Place, contract_id: str, step: int) -> tuple[Order, str]:
        entry_id, line_id = place
        entry = self.sources.trace.entry_at(entry_id, step)
        price = standing_price(entry) if entry is not None else None
        if price is None or (price.contract_id, price.line_id) != (contract_id, line_id):
            issued = self._issued(entry_id, contract_id, line_id, step)
            return order_of(issued.day if issued is not None else BEGINNING, 0, entry_id, by_approval=False), line_id
        return order_of(price.day, price.approved_at, entry_id, by_approval=False), line_id

    # What it reads

    @once
    def _paid(self, contract_id: str, step: int) -> Mapping[str, Sequence[Node]]:
        """By source, of each entry that it pays."""
        found: dict[str, list[Node]] = {}
        for entry_id in sorted(self.sources.trace.entry_ids()):
            for issued in self._all_issued(entry_id, contract_id, step):
                for source_id, node in self._paid_of((entry_id, issued.line_id), issued, step):
                    found.setdefault(source_id, []).append(node)
        return found

    def _paid_of(self, place: Place, issued: Issued, step: int) -> Iterator[tuple[str, Node]]:
        if issued.funded:
            portions = self.portions(place[0], issued.contract_id, place[1], step)
            freed = self.freed(place, issued.contract_id, step)
            for source_id, paid in paid_of(portions, freed.items()).items():
                title = f"{place[0]}: {source_id} pays"
                yield source_id, node_of(paid, title)

    def freed(self, place: Place, contract_id: str, step: int) -> dict[str, int]:
        """By price concessions up to a step, each by what the payer's sources had paid of the entry when it came."""
        memos, found = self.nodes.credits, dict[str, int]()
        for credit in memos.returning(place[0], contract_id, place[1], step):
            portions = self.portions(place[0], contract_id, place[1], credit.said.step - 1)
            amount, currency = memos.amount(credit), credit.journal.currency
            back = freed_by(portions, memos.payer(credit), Recorded(amount), currency)
            title = f"has back of {credit.journal.affected_id}"
            take(found, {one: titled(part, f"{place[0]}: {one} {title}") for one, part in back.items()})
        return found

    def in_terms(self, terms: ContractSigned) -> Funding | None:
        """With numbers that say where the terms state them."""
        key = terms.contract_id, terms.version
        if key not in self._terms:
            self._terms[key] = in_a_contract(terms, self.recorded.bound).funding
        return self._terms[key]

    def _terms_of(self, place: Place, contract_id: str, step: int) -> ContractSigned | None:
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

    def _funded(self, issued: Issued | None) -> Any:
        """What sources pay, and what of it each payer has."""
        return (issued.funded, issued.is_funded and issued.payers) if issued is not None else ((), False)

    def _currency(self, contract_id: str, step: int) -> str:
        contract = self.sources.draft(step).contract(contract_id)
        return contract.terms.currency if contract is not None else ""
