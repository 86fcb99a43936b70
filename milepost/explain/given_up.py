"""What of an entry is given up before it is billed, by which write-offs, and how much of these still counts."""

from itertools import takewhile

from domain.events.finance import WrittenOff
from domain.explanation import Node, constant, less, most, total
from domain.figure import Recorded, as_recorded, node_titled
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes
from state.books import Entry, GivenUp, Price
from state.caps.given_up import LEFT_TO_GIVE_UP, given_up_by, given_up_of, rows_of, that_counts


class GivenUpNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[LEFT_TO_GIVE_UP] = self._left

    def chargeable(self, at: VersionStanding, turn: int | None = None) -> Node:
        """What of the value is not given up, by the end of the step or by a turn of it."""
        price = at.price
        value = self.nodes.entries.value(at)
        if not price.written_off:
            return value
        off = self.written_off(at) if turn is None else self.by(at, price, turn)
        return less(f"{at.entry.entry_id}: not given up", value, off, rule="R15") if off.value else value

    def written_off(self, at: VersionStanding) -> Node:
        """What write-offs gave up of the entry, no more than its version is worth and not issued."""
        price = at.price
        return as_recorded(price.written_off, self.by(at, price)).node

    def by(self, at: VersionStanding, price: Price, turn: int | None = None) -> Node:
        """The same by a turn of the step."""
        title, entry_id, why = f"{at.entry.entry_id}: written off", at.entry.entry_id, self.recorded.why
        own = [
            self._part(at.entry, one)
            for one in at.entry.given_up
            if one.currency == price.currency
            and (turn is None or why.placed_of(given_up_of(entry_id), one.write_off_id, turn=turn) is not None)
        ]
        asked = total(title, own, "amount", price.currency)
        counts = that_counts(Recorded(asked), Recorded(self._not_issued(at)))
        return node_titled(counts, title, currency=price.currency)

    def _not_issued(self, at: VersionStanding) -> Node:
        """By the step that priced the version: what is issued later was not given up."""
        entry_id, value = at.entry.entry_id, self.nodes.entries.value(at)
        then = self.nodes.entries.standing(entry_id, self.nodes.entries.priced_at(at))
        issued = self.nodes.caps.issued(then) if then is not None else None
        return less(f"{entry_id}: not issued", value, issued) if issued is not None and issued.value else value

    def left_of(self, event: WrittenOff, step: int) -> Node:
        """What could be given up of the entries that a write-off names, which it is not."""
        rows = dict.fromkeys(row for name in event.entries for row in rows_of(name))
        found = [at for row in rows if (at := self.nodes.entries.standing(row, step)) is not None]
        left = [self._left_now(at, price) for at in found if (price := at.work.price) is not None and price.line_id]
        return total("left of them", left, "amount", event.currency)

    def _left_now(self, at: VersionStanding, price: Price) -> Node:
        chargeable = self.chargeable(at)
        issued = self.nodes.caps.issued(at)
        if not issued.value:
            return chargeable
        left = less(f"{at.entry.entry_id}: left", chargeable, issued)
        return (
            most(left.title, left, constant("nothing", 0, "amount", price.currency)) if (left.value or 0) < 0 else left
        )

    # What one write-off gave up of an entry

    def _part(self, entry: Entry, own: GivenUp) -> Node:
        return self.recorded.known(given_up_by(entry.entry_id, own.write_off_id))

    def _left(self, entry_id: str, write_off_id: str, step: str) -> Node | None:
        """What of the entry was worth something, not issued and not given up before."""
        at = self.nodes.entries.standing(entry_id, int(step))
        if at is None or at.work.price is None:
            return None
        value = self.nodes.entries.value(at)
        before = takewhile(lambda one: one.write_off_id != write_off_id, at.entry.given_up)
        off = [self._part(at.entry, one) for one in before]
        issued = self.nodes.caps.issued(at)
        if issued.value:
            off.insert(0, issued)
        return less(f"{entry_id}: left of it", value, *off) if off else value
