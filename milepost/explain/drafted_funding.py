"""What sources pay of drafts, and what drafts keep of the sources for themselves until they are issued (R26, R33)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.billing.funding import FundsDrawn, Portion, by_source, kept_by_draft
from domain.explanation import Node, total
from domain.figure import Recorded, called, node_of
from milepost.explain.nodes import Nodes, once
from state.billing.approval import PART, PendingCut, by_cut, cut_of, drafts_of
from state.billing.funding import FundingTurn
from state.billing.payers import is_funded
from state.books import OpenStatement
from state.statements.due import source_turns
from state.totals import issued_on, outstanding, standing_price

# Entry and contract line.
Place = tuple[str, str]
# By source what drafts keep of it.
Claims = Mapping[str, Sequence[Node]]
NO_CLAIMS: Claims = {}


def places_of(turn: FundingTurn) -> list[Place]:
    return [(one.entry.entry_id, one.piece.line_id) for one in turn.due]


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
        due = self.due(contract_id, cut, step)
        for row in sorted(rows):
            entry = self.sources.trace.entry_at(row, step)
            if entry is not None:
                for line_id in self._lines(row, contract_id, step):
                    is_due = outstanding(entry, contract_id, line_id) or (row, line_id) in due
                    if is_due and self.is_funded(row, contract_id, line_id, step):
                        yield row, line_id

    def due(self, contract_id: str, cut: PendingCut, step: int) -> list[Place]:
        """What drafts of a cut share by the books, also with who gives back though nothing of it is outstanding."""
        draft = self.sources.draft(step)
        contract = draft.contract(contract_id)
        turns = source_turns(draft, contract) if contract is not None else []
        return [place for turn in turns if turn.cut == cut for place in places_of(turn)]

    def claims(self, contract_id: str, cut: PendingCut | None, step: int) -> Claims:
        """Beyond what is used, by drafts of cuts before one, or of all; and what later ones have still to give back."""
        found: dict[str, list[Node]] = {}
        for of_cut in by_cut(drafts_of(self.sources.draft(step), contract_id)):
            for opened in of_cut if cut_of(of_cut[0]) != cut else ():
                is_before = cut is None or cut_of(opened) < cut
                for source_id, kept in self._claims_of(opened, step, is_before=is_before).items():
                    title = f"{source_id}: kept by the draft {opened.statement_id}"
                    node = node_of(kept, title)._replace(title=title, rule="R26")
                    found.setdefault(source_id, []).append(node)
        return found

    def _claims_of(self, opened: OpenStatement, step: int, *, is_before: bool) -> Mapping[str, int]:
        contract_id, cut = opened.contract_id, cut_of(opened)
        published = self.sources.trace.listing_step(opened.statement_id, step)
        walked = self._walk(contract_id, cut, published) if is_before else {}
        drawn, used, stands = (dict[str, list[Node]]() for _ in range(3))
        for place in self.places(contract_id, cut, published):
            if place[0] in opened.rows:
                _add(drawn, walked[place].portions if place in walked else (), opened.bill_to)
                _add(used, self.nodes.funding.portions(place[0], contract_id, place[1], step), opened.bill_to)
                _add(stands, self._billed(place, opened, step), opened.bill_to)
        bills, back = dict[str, int](), dict[str, int]()
        for source_id in sorted({*drawn, *used, *stands}):
            now, had, billed = (self._sum(source_id, of.get(source_id, ()), opened) for of in (drawn, used, stands))
            bills[source_id] = called(now - billed, f"{source_id}: billed more by the draft") if is_before else 0
            back[source_id] = called(billed - had, f"{source_id}: given back by the draft")
        return kept_by_draft(bills, back)

    def _sum(self, source_id: str, nodes: Sequence[Node], opened: OpenStatement) -> Recorded:
        currency = opened.published[0].currency
        return Recorded(total(f"{source_id}: of its entries", list(nodes), "amount", currency, rule="R33"))

    def _billed(self, place: Place, opened: OpenStatement, step: int) -> tuple[Portion, ...]:
        """As the payer's last statement left them."""
        listed = self.nodes.statements.listed_of(place[0], opened.contract_id, place[1], step)
        own = [one for one in listed if self.nodes.statements.payer_of(one) == opened.bill_to]
        return self.nodes.funding.portions(place[0], opened.contract_id, place[1], own[-1].step) if own else ()

    @once
    def _walk(self, contract_id: str, cut: PendingCut, step: int) -> Mapping[Place, FundsDrawn]:
        places, claims = list(self.places(contract_id, cut, step)), self.claims(contract_id, cut, step)
        return self.nodes.funding.walk(contract_id, step, step, places, claims)

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
