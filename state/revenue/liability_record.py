"""What a recorder takes of a contract liability (state/revenue/liability.py): what lines are ahead of their revenue, and how 2300 moved."""

from collections.abc import Mapping
from typing import Final

from domain.explanation import Node, constant
from domain.figure import Recorded, RecordedRate, as_recorded, node_of
from domain.identity import composed, parts_of
from domain.ledger.position import Balance
from domain.units import Amount
from domain.why import Rates, Why, elsewhere
from state.books import Contract, Liability
from state.revenue.beside import PlaceBeside

# What entries bring to an account of a contract line, and the rate of a journal, which have explanations of their own.
OF_ACCOUNT, JOURNAL_RATE = "of_account", "journal_rate"
RECOGNISED, BILLABLE, INVOICED = "recognised", "billable", "invoiced"
RULE: Final = "R46"


class LiabilityFigures:
    """Of one contract, as its rule brings 2300 to what it has to be."""

    def __init__(self, why: Why, contract: Contract) -> None:
        self.why = why
        self.contract = contract
        self.currency = contract.terms.currency

    def on_account(self, line_id: str, account: str, sums: tuple[Amount, Amount, Amount]) -> tuple[Amount, ...]:
        """Recognised, billable and invoiced."""
        of = self.contract.contract_id, line_id, account, str(self.why.now)
        named = zip((RECOGNISED, BILLABLE, INVOICED), sums, strict=True)
        return tuple(
            Recorded(
                elsewhere(f"{name_of(line_id, account)}: {name}", value, composed(OF_ACCOUNT, name, *of), self.currency)
            )
            for name, value in named
        )

    def held(self, known: Liability) -> dict[str, tuple[Amount, Amount]]:
        """What stands there by the moves before."""
        return {key: self._held(key, *sums) for key, sums in known.lines.items()}

    def _held(self, key: str, amount: Amount, ledger: Amount) -> tuple[Amount, Amount]:
        address = held_at(self.contract.contract_id, key)
        return as_recorded(amount, self.why.figure(address)), as_recorded(ledger, self.why.figure(f"{address}/ledger"))

    def rate(self, place: PlaceBeside) -> RecordedRate:
        if place.booking.currency == place.booking.ledger_currency:
            return RecordedRate.along(Rates(), place.exchange)
        rate = place.exchange.rate
        node: Node = constant("rate of the day", rate, "exchange_rate")
        if place.beside:
            node = elsewhere("rate", rate, composed(JOURNAL_RATE, place.beside), "", "exchange_rate")
        return RecordedRate.along(Rates((node,), ("times",)), place.exchange)

    def record(self, stands: Mapping[str, Balance]) -> None:
        """What stands there now."""
        for key, sums in stands.items():
            address = held_at(self.contract.contract_id, key)
            for of, amount in zip((address, f"{address}/ledger"), sums, strict=True):
                title = f"{name_of(*parts_of(key))}: on 2300"
                self.why.record(of, int(amount), node_of(amount, title))


def held_at(contract_id: str, key: str) -> str:
    """Address of what stands on 2300 of a contract line and the account that it was taken from (composed)."""
    return f"liability/{contract_id}#{key}"


def name_of(line_id: str, account: str) -> str:
    return f"line {line_id} on {account}"
