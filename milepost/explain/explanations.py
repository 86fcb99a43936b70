"""Finds a figure by its id and explains it: from the index to the engagement, folded once more up to now, to the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, Self

from connectors.files.figure_index import FigureIndex, Tell
from connectors.files.written import shards
from dataflows.embedded import seldom_collecting
from dataflows.retrace import Retraced, retrace
from domain.explanation import Node
from domain.identity import engagement_of
from domain.trial_balance import PostedSum
from milepost.explain.explainer import Explainer
from milepost.explain.ledger import LedgerFigure, explain_ledger, ledger_figure, of_engagement

# Kinds of facts by whose id a figure may be asked for, in this order.
NAMED: Final = ("time_entry", "project", "contract", "invoice")
NEAREST_MAX: Final = 5


class Explained(NamedTuple):
    """A figure's tree; `differences` are outputs of its engagement that are not what the log makes."""

    node: Node
    engagement_id: str | None
    differences: tuple[str, ...] = ()


class NotFound(NamedTuple):
    nearest: tuple[str, ...]


class _Known(NamedTuple):
    retraced: Retraced
    explainer: Explainer


class Explanations:
    """Explanations of one output folder; engagements that were asked for stay at hand."""

    def __init__(self, output: Path, tell: Tell) -> None:
        [shard] = shards(output)
        self._index = FigureIndex(output, shard)
        self._index.extend(tell)
        self._known: dict[str, _Known] = {}
        self._sums: dict[str, list[PostedSum]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._index.close()

    def explain(self, wanted: str) -> Explained | NotFound:
        """Raises ContainerDamaged and GuardStop."""
        with seldom_collecting():
            return self._explain(wanted)

    def _explain(self, wanted: str) -> Explained | NotFound:
        of_ledger = ledger_figure(wanted)
        if of_ledger is not None and of_ledger.entity_id in self._index.entities():
            return self._of_ledger(of_ledger)
        for engagement_id in self._candidates(wanted.split("#", 1)[0]):
            found = self.engagement(engagement_id)
            node = found.explainer.explain(wanted)
            if node is not None:
                return Explained(node, engagement_id, _told(found.retraced))
        return NotFound(tuple(self._index.like(wanted.split("#", 1)[0][:-1] or wanted, NEAREST_MAX)))

    def _candidates(self, whole: str) -> list[str]:
        """Engagements that may know the id, the likeliest first."""
        found: list[str] = []
        if "." in whole:
            found.append(engagement_of(whole))
        if whole:
            found.append(whole)
        for name in (whole, whole.rpartition("/")[0]):
            for kind in NAMED:
                found += self._index.engagements_of(kind, name)
        return [each for each in dict.fromkeys(found) if self._index.has_engagement(each)]

    def engagement(self, engagement_id: str) -> _Known:
        if engagement_id not in self._known:
            retraced = retrace(self._index, engagement_id)
            self._known[engagement_id] = _Known(retraced, Explainer(retraced.trace))
        return self._known[engagement_id]

    # Ledgers

    def _of_ledger(self, wanted: LedgerFigure) -> Explained | NotFound:
        sums = self._sums.setdefault(wanted.entity_id, []) or self._index.sums(wanted.entity_id)
        self._sums[wanted.entity_id] = sums
        node = explain_ledger(wanted, sums)
        if node is None:
            return NotFound(tuple(_accounts(wanted, sums)))
        if wanted.engagement_id is None or not wanted.figure or node.value is None:
            return Explained(node, wanted.engagement_id)
        if wanted.figure in ("closing", "movement"):
            return Explained(node, wanted.engagement_id)
        found = self.engagement(wanted.engagement_id)
        made = of_engagement(wanted, found.explainer, node.value)
        return Explained(made, wanted.engagement_id, _told(found.retraced))


def _told(retraced: Retraced) -> tuple[str, ...]:
    return tuple(difference.what for difference in retraced.differences)


def _accounts(wanted: LedgerFigure, sums: list[PostedSum]) -> list[str]:
    """Accounts of the period, where the one that was asked for has nothing."""
    accounts = sorted({posted.account for posted in sums if posted.period == wanted.period})
    return [wanted._replace(account=account, figure="", engagement_id=None).id for account in accounts][:NEAREST_MAX]
