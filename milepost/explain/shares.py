"""What of an entry falls to one of several payers (R12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from domain.billing.funding import FIELD
from domain.billing.shares import Party, expected_parties, rounding_place
from domain.explanation import Node, evaluated, negated, step_of, total
from milepost.explain.sources import Sources
from state.billing.payers import parties_for
from state.books import Issued, PayerPart, TermsVersion
from state.totals import issued_on

# One party's share of an amount.
Sharing = Callable[[str, Node], Node]


class ShareNodes:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources

    def issued_at(self, entry_id: str, contract_id: str, line_id: str, step: int) -> Issued | None:
        entry = self.sources.trace.entry_at(entry_id, step)
        return issued_on(entry, contract_id, line_id) if entry is not None else None

    def parts_at(self, entry_id: str, contract_id: str, line_id: str, step: int) -> tuple[PayerPart, ...]:
        """Empty where one pays all."""
        issued = self.issued_at(entry_id, contract_id, line_id, step)
        return issued.payers if issued is not None else ()

    def parties(self, entry_id: str, contract_id: str, line_id: str, step: int) -> tuple[Party, ...]:
        """Who pays for the entry at a step."""
        entry = self.sources.trace.entry_at(entry_id, step)
        contract = self.sources.draft(step).contract(contract_id)
        if entry is None or contract is None or not contract.history:
            return ()
        return parties_for(contract, entry, line_id)

    def sharing(self, contract_id: str, parties: Sequence[Party], payer: str, step: int) -> Sharing:
        """Of any amount what falls to the payer, by the shares of the terms that state them."""
        first = rounding_place(parties)
        order = [first, *(place for place in range(len(parties)) if place != first)]
        own = next(place for place, party in enumerate(parties) if party.customer_id == payer)
        weights = [self._share(contract_id, parties, place, step) for place in order]

        def share(title: str, amount: Node) -> Node:
            if (amount.value or 0) < 0:
                return negated(title, share(title, negated(f"{amount.title}, taken back", amount)))
            parameters: dict[str, Any] = {"step": step_of(amount.currency), "party": str(order.index(own))}
            operands = (amount, *weights)
            return evaluated(title, "share", operands, parameters, "amount", amount.currency, rule="R12")

        return share

    def _share(self, contract_id: str, parties: Sequence[Party], place: int, step: int) -> Node:
        party = parties[place]
        title = f"share of {party.customer_id}"
        contract = self.sources.draft(step).contract(contract_id)
        wanted = [(one.customer_id, one.share) for one in parties]
        for version in reversed((*contract.former, *contract.history) if contract is not None else ()):
            if version.terms.funding is not None and expected_parties(version.terms) == tuple(parties):
                return self._funded_share(title, contract_id, version, party)
            if [(one.customer_id, one.share) for one in version.terms.bill_to] != wanted:
                continue
            found = self.sources.terms_event(contract_id, version.version, "bill_to")
            if found is not None:
                return self.sources.field(title, party.share, "percent", found, f"bill_to[{place}].share")
        raise AssertionError(f"expected terms of {contract_id} that state the {title}")

    def _funded_share(self, title: str, contract_id: str, version: TermsVersion, party: Party) -> Node:
        """Of the sources that bill the customer by the first rule."""
        funding = version.terms.funding
        found = self.sources.terms_event(contract_id, version.version, FIELD)
        assert funding is not None, "the terms are funded"
        assert found is not None, "an event states their funding"
        billed = {source.source_id for source in funding.sources if source.bill_to == party.customer_id}
        place, first = min(enumerate(funding.rules), key=lambda one: one[1].priority)
        fields = [
            self.sources.field(
                f"share of {share.source_id}",
                share.percent,
                "percent",
                found,
                f"{FIELD}.rules[{place}].shares[{at}].percent",
            )
            for at, share in enumerate(first.shares)
            if share.source_id in billed
        ]
        return fields[0]._replace(title=title) if len(fields) == 1 else total(title, fields, "percent")
