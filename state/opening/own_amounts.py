"""Amounts of balances that a capability has accounts for, such as a provision."""

from itertools import product

from domain.capabilities import BROUGHT_FORWARD
from domain.figure import as_recorded, node_of
from domain.ledger.journal import Leg
from domain.money import convert
from domain.why import exchanged, quoted
from state.draft import Draft
from state.opening.loading import Loading, post
from state.terms.plan import contract_policies


def begin_own(draft: Draft, loading: Loading) -> None:
    """Amounts of capabilities, each by a journal of its own."""
    for one, own in product(loading.lines, BROUGHT_FORWARD):
        amount = getattr(one.balance, own.field)
        if amount:
            policies, slot = contract_policies(draft, loading.contract), loading.slot
            mode = policies.money_mode
            ledger = convert(amount, slot.exchange.numerator, slot.exchange.denominator, slot.entity.currency, mode)
            if draft.why is not None:
                rates = quoted(slot.exchange, policies.exchange_rate_type, slot.accounting_date, slot.entity)
                ledger = as_recorded(ledger, exchanged(node_of(amount, own.field), rates, slot.entity.currency, mode))
            legs = [Leg(own.debit, own.purpose, amount, ledger), Leg(own.credit, own.purpose, -amount, -ledger)]
            rule = f"{own.field}/{one.balance.line_id}"
            post(draft, loading, rule, loading.event.project_id, legs)
