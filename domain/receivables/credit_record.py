"""What is left to be credited of rows of an invoice, and what a recorder has of what lines of a memo take of them (`credit_memo.py`)."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.events.finance import CreditMemoIssued
from domain.explanation import Node, Parameter, constant, evaluated, least, less, total
from domain.money import HALF_UP
from domain.units import AMOUNT_ONE, HOURS_ONE, RATE_ONE, Amount, Hours, Rate
from domain.why import in_event, rounding


class CreditableRow(NamedTuple):
    """What is left to be credited of one entry on one contract line of an invoice; `hourly` is what an hour of it was billed at, where
    that is a rate, else None: then its hours have what they were billed with. `finer` are microseconds that its hours leave out."""

    entry_id: str
    line_id: str
    amount: Amount
    hours: Hours
    hourly: Rate | None = None
    finer: int = 0

    def less(self, amount: Amount, hours: Hours) -> "CreditableRow":
        """What is left of it when that much is taken."""
        left = self.hours - hours
        return self._replace(amount=self.amount - amount, hours=left, finer=self.finer if left else 0)

    @property
    def worth(self) -> tuple[Amount, Hours]:
        """An amount, and the hours that come to it."""
        if self.hourly is None:
            return self.amount, self.hours
        return self.hourly * AMOUNT_ONE, RATE_ONE * HOURS_ONE


class CreditRecord:
    """`left` is what is left of each row of the invoice, and `hours` of its hours; lines of the memo take of them in turn."""

    def __init__(
        self, event: CreditMemoIssued, left: Sequence[Node], hours: Sequence[Node], currency: str, mode: str
    ) -> None:
        self.event = event
        self.currency = currency
        self.mode = mode
        self._left = list(left)
        self._hours_left = list(hours)
        # By line of the memo: places of rows, with what is taken of each, and of its hours.
        self.lines: list[list[tuple[int, Node, Node]]] = []

    def whole(self, number: int, places: Sequence[int], *, hours: bool) -> None:
        """All that is left, since that is what the line asks for."""
        asked = self._hours(number) if hours else self._amount(number)
        of_rows = [self._hours_left[place] for place in places]
        if not hours and len(places) == 1:
            self._take(places, [asked], of_rows)
        else:
            self._take(places, [self._left[place]._replace(why=(asked,)) for place in places], of_rows)

    def by_amount(self, number: int, places: Sequence[int]) -> None:
        """In proportion to what is left of each row."""
        weights = [self._left[place] for place in places]
        nodes = spread_nodes(self._amount(number), weights, rounding(self.currency, self.mode))
        self._take(places, nodes, [self._hours_with(place, node) for place, node in zip(places, nodes, strict=True)])

    def by_hours(
        self,
        number: int,
        places: Sequence[int],
        rows: Sequence[CreditableRow],
        parts: Sequence[Hours],
        amounts: Sequence[Amount],
    ) -> None:
        """At what an hour of each row was billed at, all together rounded once; cents that one cannot give come from others."""
        weights = [self._hours_left[place] for place in places]
        hours = spread_nodes(self._hours(number), weights, {"step": "0.000001", "mode": HALF_UP})
        operands: list[Node] = []
        taken: list[Node] = []
        upto = nothing = constant("none of its hours", 0, "amount", self.currency)
        for place, row, part, asked in zip(places, rows, parts, hours, strict=True):
            made = nothing
            if part:
                operands += self._worth(self._left[place], row, asked)
                operation = "proportion" if len(operands) == 3 else "proportions"
                parameters = rounding(self.currency, self.mode)
                upto = evaluated(
                    "at the billed rate", operation, operands, parameters, "amount", self.currency, rule="R14"
                )
                before = [one for one in taken if one.value]
                made = less("its part", upto, *before, rule="R12") if before else upto
            taken.append(made if (made.value or 0) <= row.amount else self._left[place])
        for at, (place, amount) in enumerate(zip(places, amounts, strict=True)):
            if amount != taken[at].value:
                cents = less("what others cannot give", upto, *taken)
                more = least(
                    "cents that others cannot give",
                    [cents, less("what else is left of it", self._left[place], taken[at])],
                )
                taken[at] = total("with cents that others cannot give", [taken[at], more], "amount", self.currency)
        self._take(places, taken, hours)

    def of_row(self, place: int) -> Node:
        """What all lines take of it."""
        parts = [node for line in self.lines for at, node, _ in line if at == place and node.value]
        return parts[0] if len(parts) == 1 else total("credited", parts, "amount", self.currency)

    def hours_of_row(self, place: int) -> Node:
        parts = [hours for line in self.lines for at, _, hours in line if at == place and hours.value]
        return parts[0] if len(parts) == 1 else total("hours credited", parts, "hours")

    def of_line(self, number: int) -> Node:
        return total("of the line", [node for _, node, _ in self.lines[number]], "amount", self.currency)

    def _take(self, places: Sequence[int], nodes: Sequence[Node], hours: Sequence[Node]) -> None:
        taken = list(zip(places, nodes, hours, strict=True))
        for place, node, of_hours in taken:
            self._left[place] = less("left of it", self._left[place], node)
            self._hours_left[place] = less("hours left of it", self._hours_left[place], of_hours)
        self.lines.append(taken)

    def _hours_with(self, place: int, amount: Node) -> Node:
        """Of a row, in proportion to what an amount takes of what is left."""
        if not amount.value or not self._left[place].value:
            return constant("none of its hours", 0, "hours")
        operands = self._hours_left[place], amount, self._left[place]
        return evaluated("its hours", "proportion", operands, {"step": "0.000001", "mode": HALF_UP}, "hours")

    def _hours(self, number: int) -> Node:
        hours = self.event.lines[number].hours or 0
        return in_event("hours credited", hours, "hours", self.event, f"lines[{number}].hours")

    def _amount(self, number: int) -> Node:
        amount = self.event.lines[number].amount or 0
        return in_event("amount credited", amount, "amount", self.event, f"lines[{number}].amount", self.currency)

    def _worth(self, left: Node, row: CreditableRow, part: Node) -> list[Node]:
        """An amount, the hours that are taken, and those that come to it."""
        if row.hourly is not None:
            rate = constant("billed rate", row.hourly, "rate", self.currency)
            return [rate, part, constant("an hour", HOURS_ONE, "hours")]
        return [left, part, constant("hours left on the invoice", row.hours, "hours")]


def spread_nodes(whole: Node, weights: Sequence[Node], parameters: dict[str, Parameter]) -> list[Node]:
    """In proportion to the weights that are above zero, each the difference of two rounded sums (`shares`, R12)."""
    if len(weights) == 1:
        return [whole]
    given = [one if (one.value or 0) > 0 else constant("nothing left", 0, one.unit, one.currency) for one in weights]
    return [
        evaluated(
            "its part",
            "spread",
            (whole, *given),
            {**parameters, "party": str(place)},
            whole.unit,
            whole.currency,
            rule="R12",
        )
        for place in range(len(weights))
    ]
