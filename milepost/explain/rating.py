"""Exchange rates with their path."""

from __future__ import annotations

from datetime import date

from domain.explanation import FIELD, Arithmetic, Node
from domain.reference.exchange import Exchange
from milepost.explain.sources import Sources


class Rating:
    """Rates that one engagement's books use."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def legs(self, exchange: Exchange, rate_type: str, day: date) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        """The quoted rates on the way, and whether each multiplies or divides."""
        rates = []
        for leg in exchange.path:
            pair = (leg.to_currency, leg.from_currency) if leg.inverted else (leg.from_currency, leg.to_currency)
            record = self._sources.trace.quote(rate_type, *pair, leg.date, leg.version)
            title = f"{pair[0]} to {pair[1]}, quoted on {leg.date}"
            event = self._sources.ref(record) if record is not None else None
            facts = (
                ("asked for", day.isoformat()),
                ("kind", rate_type),
                ("way", "inverse" if leg.inverted else "direct"),
            )
            rates.append(
                Node(title, leg.rate, "exchange_rate", "", Arithmetic(FIELD), "R53", (), facts, (), event, "rate")
            )
        return tuple(rates), tuple("divided" if leg.inverted else "times" for leg in exchange.path)
