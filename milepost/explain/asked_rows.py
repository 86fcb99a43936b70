"""Rows of the books with figures for their numbers, each made when somebody asks for it."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from domain.billing.shares import Party
from domain.explanation import Node
from domain.figure import later
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from state.billing.funding_record import with_numbers
from state.billing.issued_record import conceded_at
from state.billing.shares_record import falls_to, shares_in_terms
from state.books import Cost, Entry, Issued, PayerPart, Posted, Price, Work


class AskedRows(Nodes):
    def all_at(self, step: int) -> Iterator[Entry]:
        found = (self.at(entry_id, step) for entry_id in sorted(self.sources.trace.entry_ids()))
        yield from (entry for entry in found if entry is not None)

    def at(self, entry_id: str, step: int) -> Entry | None:
        entry = self.sources.trace.entry_at(entry_id, step)
        if entry is None:
            return None
        work = entry.standing
        made = self._work(VersionStanding(step, entry, work)) if work is not None else None
        issued = tuple(self.issued(entry_id, one, step) for one in entry.issued)
        return replace(entry, work=made, behind=None, issued=issued)

    def _work(self, at: VersionStanding) -> Work:
        work = at.work
        cost, price = work.cost, work.price
        return replace(
            work,
            cost=self._cost(at, cost) if cost is not None else None,
            price=self._price(at, price) if price is not None else None,
            journals=tuple(map(self._journal, work.journals)),
            faults=(),
        )

    def number(
        self, at: VersionStanding, name: str, number: int, currency: str, make: Callable[..., Node], *of: object
    ) -> int:
        return later(number, self._named_or_made, at, name, number, currency, make, of)

    def _named_or_made(
        self,
        at: VersionStanding,
        name: str,
        number: int,
        currency: str,
        make: Callable[..., Node],
        of: tuple[object, ...],
    ) -> Node:
        """Of very many rows what makes it is only named."""
        return self.sources.named_part(at.entry.entry_id, name, number, currency, at.step) or make(at, *of)

    def _cost(self, at: VersionStanding, cost: Cost) -> Cost:
        hours, amount = cost.hours, cost.amount
        return replace(
            cost,
            hours=later(hours, self.nodes.records.worked, at, hours),
            amount=self.number(at, "cost", amount, cost.currency, self.nodes.entries.cost, cost),
        )

    def _price(self, at: VersionStanding, price: Price) -> Price:
        records, entries, row, step = self.nodes.records, self.nodes.entries, at.entry.entry_id, at.step
        drawing, written_off = self.nodes.drawing, self.nodes.given_up.written_off
        drawn = price.drawn and {
            name: (later(quantity, drawing.quantity, at, name), later(earned, drawing.earned, at, name))
            for name, (quantity, earned) in price.drawn.items()
        }
        return replace(
            price,
            hours=later(price.hours - price.passed_hours, records.hours_here, at, price),
            passed_hours=0,
            value=self.number(at, "value", price.value, price.currency, entries.value),
            passed=later(price.passed, entries.passed, at),
            memo=self.number(at, "value_not_charged", price.memo, price.currency, entries.memo),
            recognised=later(price.recognised, records.recognised_alone, at, price),
            billable=self.number(at, "billable", price.billable, price.currency, entries.billable),
            rounding=later(price.rounding, entries.rounding, row, step),
            written_off=self.number(at, "written_off", price.written_off, price.currency, written_off),
            drawn=drawn,
        )

    def issued(self, row: str, issued: Issued, step: int) -> Issued:
        records, place = self.nodes.records, (issued.contract_id, issued.line_id)
        known = issued
        if issued.funded or issued.freed or issued.payers:
            known = with_numbers(row, issued, lambda number, address: later(number, self.recorded.known, address, step))
        if issued.conceded or issued.conceded_ledger:
            conceded, title = conceded_at((*place, row)), f"{row}: conceded"
            known = replace(
                known,
                conceded=later(issued.conceded, self.recorded.sum, f"{conceded}/credited", title, step),
                conceded_ledger=later(issued.conceded_ledger, self.recorded.sum, f"{conceded}/back", title, step),
            )
        return replace(
            known,
            amount=later(issued.amount, records.issued, row, step, place),
            invoiced=later(issued.invoiced, self._invoiced, row, step, place, issued),
            invoiced_ledger=later(issued.invoiced_ledger, records.invoiced_in_ledger, row, place, step),
            payers=self._payers(row, known, step),
        )

    def _invoiced(self, row: str, step: int, place: tuple[str, str], issued: Issued) -> Node:
        return self.nodes.records.invoiced(row, step, place, conceded=bool(issued.conceded))

    def _payers(self, row: str, issued: Issued, step: int) -> tuple[PayerPart, ...]:
        if not issued.payers:
            return ()
        place = issued.contract_id, issued.line_id, row
        parties = [Party(part.customer_id, part.share, part.rounding) for part in issued.payers]
        contract = self.sources.draft(step).contract(issued.contract_id)
        if contract is not None and not issued.is_funded:
            parties = list(shares_in_terms(contract, parties))
        return tuple(
            replace(
                part,
                share=party.share,
                amount=later(part.amount, self.recorded.known, self._falls_to(row, issued, part), step),
                issued=later(part.issued, self.nodes.statements.issued, place, step, None, part.customer_id),
            )
            for part, party in zip(issued.payers, parties, strict=True)
        )

    @staticmethod
    def _falls_to(row: str, issued: Issued, part: PayerPart) -> str:
        return falls_to(issued.contract_id, issued.line_id, row, part.customer_id)

    def _journal(self, journal: Posted) -> Posted:
        """Only what is converted is added up by journals."""
        if journal.currency == journal.ledger_currency:
            return journal
        return replace(journal, lines=self.nodes.lines.legs(journal))
