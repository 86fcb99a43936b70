"""Amounts in ledger currency: at the rate of a date along its path, or at the rate that an earlier journal carries (R51 to R53)."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.events.finance import InvoicePosted, PaymentReceived
from domain.explanation import Arithmetic, Node, stated, step_of
from domain.ledger.clearing import CLEARED
from domain.ledger.journal import BILLING
from domain.money import convert
from domain.outputs import JournalEntry, JournalLine
from domain.policies import Resolved
from domain.reference.exchange import Exchange
from domain.units import EXCHANGE_RATE_ONE
from milepost.explain.entries import VersionStanding
from milepost.explain.journal_lines import JournalLines, journals_until
from milepost.explain.rating import Rating
from milepost.explain.sources import Sources
from state.terms.known import entity_policies, open_day_from
from state.terms.plan import LinePlan, plan_of

IN_LEDGER = "in ledger currency"
ONE_RATE = ("times",)


def along(
    amount: Node,
    exchange: Exchange,
    way: tuple[tuple[Node, ...], tuple[str, ...]],
    currency: str,
    mode: str,
    title: str = IN_LEDGER,
) -> Node:
    """At quoted rates; `way` is what `Rating.legs` says of the exchange."""
    rates, legs = way
    made = convert(amount.value or 0, exchange.numerator, exchange.denominator, currency, mode)
    return _node(title, made, currency, (amount, *rates), legs, mode, "R53")


def at_rate(amount: Node, rate: Node, currency: str, mode: str, title: str = IN_LEDGER) -> Node:
    """At one rate that something carries."""
    made = convert(amount.value or 0, rate.value or 0, EXCHANGE_RATE_ONE, currency, mode)
    return _node(title, made, currency, (amount, rate), ONE_RATE, mode, "R52")


def unchanged(amount: Node, currency: str, title: str = IN_LEDGER) -> Node:
    """Of an amount in that currency already."""
    return Node(title, amount.value, "amount", currency, Arithmetic("same", (amount,)))


def _node(
    title: str, value: int, currency: str, operands: tuple[Node, ...], legs: tuple[str, ...], mode: str, rule: str
) -> Node:
    parameters: dict[str, Any] = {"legs": legs, "step": step_of(currency), "mode": mode}
    return Node(title, value, "amount", currency, Arithmetic("convert", operands, parameters), rule)


class Exchanges:
    def __init__(self, sources: Sources, rating: Rating, lines: JournalLines) -> None:
        self.sources = sources
        self.rating = rating
        self.lines = lines

    def plan(self, at: VersionStanding) -> LinePlan | None:
        return (
            plan_of(self.sources.draft(at.step), at.work.price)
            if at.work.price is not None and at.work.price.line_id
            else None
        )

    def at_rate_of(self, amount: Node, journal: JournalEntry, at: VersionStanding) -> Node | None:
        """A part of a line, at the journal's rate."""
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency)
        return self._exchanged(amount, journal, None, at)

    def converted(self, amount: Node, journal: JournalEntry, line: JournalLine, at: VersionStanding) -> Node | None:
        if journal.currency == journal.ledger_currency:
            return unchanged(amount, journal.ledger_currency) if line.ledger_amount == amount.value else None
        return self._exchanged(amount, journal, line.ledger_amount, at)

    def _exchanged(self, amount: Node, journal: JournalEntry, ledger: int | None, at: VersionStanding) -> Node | None:
        draft = self.sources.draft(at.step)
        entity = draft.reference.entity(journal.legal_entity_id)
        if entity is None:
            return None
        plan = self.plan(at)
        of_price = journal.contract_id is not None and plan is not None
        policies = plan.policies if of_price and plan is not None else entity_policies(draft, entity)
        names = ("exchange_rate_type", "fx_date", "rate_staleness_days", "money_mode")
        used = (
            self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)
            if of_price and plan is not None
            else self.sources.entity_policies(entity, *names)
        )
        days = [journal.accounting_date]
        if policies.fx_date == "service" and journal.service_date is not None:
            days.insert(0, journal.service_date)
        days.append(open_day_from(draft, entity, journal.service_date or journal.accounting_date))
        mode = policies.money_mode
        kind = policies.exchange_rate_type
        found = self.rating.exchange(
            draft,
            kind,
            (journal.currency, journal.ledger_currency),
            tuple(days),
            policies.rate_staleness_days,
            journal.exchange_rate,
        )
        return self.by_path(amount, journal, ledger, mode, kind, found, used) or self._by_carried(
            amount, journal, ledger, mode, at
        )

    def of_document(
        self,
        amount: Node,
        journal: JournalEntry,
        ledger: int | None,
        step: int,
        policies: Resolved,
        event: InvoicePosted | PaymentReceived,
        title: str,
    ) -> Node | None:
        """At the rate that an invoice or a payment states, else the table's for the journal's day."""
        mode = policies.money_mode
        if event.exchange_rate is not None:
            rate = self.sources.field(title, event.exchange_rate, "exchange_rate", event, "exchange_rate")
            return at_rate(amount, rate, journal.ledger_currency, mode)
        draft = self.sources.draft(step)
        kind = policies.exchange_rate_type
        found = self.rating.exchange(
            draft,
            kind,
            (journal.currency, journal.ledger_currency),
            (journal.accounting_date,),
            policies.rate_staleness_days,
            journal.exchange_rate,
        )
        entity = draft.reference.entity(journal.legal_entity_id)
        used = self.sources.entity_policies(entity, "exchange_rate_type", "rate_staleness_days")
        return self.by_path(amount, journal, ledger, mode, kind, found, used)

    def by_path(
        self,
        amount: Node,
        journal: JournalEntry,
        ledger: int | None,
        mode: str,
        kind: str,
        found: tuple[Exchange, date] | None,
        used: Any,
    ) -> Node | None:
        if found is None:
            return None
        exchange, day = found
        made = along(amount, exchange, self.rating.legs(exchange, kind, day), journal.ledger_currency, mode)
        if ledger is not None and made.value != ledger:
            return None
        return made._replace(policies=used, facts=(("rate of", day.isoformat()),))

    def _by_carried(
        self, amount: Node, journal: JournalEntry, ledger: int | None, mode: str, at: VersionStanding
    ) -> Node | None:
        """At the rate that an earlier journal of the entry carries, where its date has none."""
        earlier = next(
            (
                posted
                for posted in journals_until(at.work.journals, journal.journal_id)
                if posted.exchange_rate == journal.exchange_rate
            ),
            None,
        )
        if earlier is None:
            return None
        made = at_rate(amount, self.rate_of(earlier.journal_id, earlier.exchange_rate), journal.ledger_currency, mode)
        return made if ledger is None or made.value == ledger else None

    def rate_of(self, journal_id: str, rate: int) -> Node:
        """The rate on an earlier journal: that of its path, to the twelve decimals that are kept."""
        title = f"rate that journal {journal_id} carries"
        said = self.sources.trace.journals[journal_id]
        if said.record.rule == CLEARED:
            # What is left of an invoice is at the rate of the invoice.
            theirs = self.sources.trace.journals_of[said.record.affected_id]
            said = next((one for one in theirs if one.step == said.step and one.record.kind == BILLING), said)
        for number in range(1, len(said.record.lines) + 1):
            arithmetic = self.lines.figures(said.record.journal_id, number)[1].arithmetic
            if arithmetic is not None and arithmetic.operation == "convert":
                parameters = {"legs": arithmetic.parameters["legs"], "step": "0.000000000001"}
                path = Arithmetic("exchange", arithmetic.operands[1:], parameters)
                return Node(title, rate, "exchange_rate", "", path, "R52", id=journal_id)
        return stated(title, rate, "exchange_rate")
