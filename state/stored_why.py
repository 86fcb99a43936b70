"""The recorder of a fold that lies in a file: which step recorded a figure is looked up, and that step alone is folded again.

The node that a step gives is one object however often it is asked for, as it is where everything was folded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from domain.explanation import Node
from domain.why import Addends, Deferred, Later, PlacedPart, Why
from state.store.snapshot import Damaged
from state.stored_nodes import Place, added_at, is_shared, node_of, placed_at

# What is held of something, by address.
Held = dict[str, Deferred]
# A step folded again, with what it recorded.
Refold = Callable[[int], "StepWhy"]


# Until then something is held of which no step has said yet that it is not.
AFTER_ALL: Final = 1 << 60


class StoredWhy(Why):
    """As the steps before `now` left it."""

    __slots__ = ("_addends", "_db", "_nodes", "_placed_known", "_refold", "asked", "asked_beside")

    def __init__(self, db: sqlite3.Connection, now: int, turn: int, refold: Refold) -> None:
        super().__init__()
        self.now, self.turn = now, turn
        self._db, self._refold = db, refold
        self._placed_known: set[str] = set()
        self._addends: dict[int, StoredAddends] = {}
        self._nodes: dict[Place, Node | None] = {}
        # What was given, by its place, and nodes of sums and of what is placed: what comes later may be made of them.
        self.asked: dict[Place, Node | Later] = {}
        self.asked_beside: list[Node] = []

    def step_of(self, address: str, step: int) -> int | None:
        sql = "SELECT max(step) FROM figures WHERE address = ? AND step <= ?"
        at: int | None = self._db.execute(sql, (address, min(step, self.now - 1))).fetchone()[0]
        return at

    def _found(self, address: str, step: int) -> tuple[int, Node | Later] | None:
        at = self.step_of(address, step)
        if at is None:
            return None
        found: Node | Later | None = self._kept(address, at)
        if found is None:
            recorded = self._refold(at)._figures.get(address)
            if not recorded:
                raise Damaged(f"step {at} folded again does not record {address}")
            found = recorded[-1][1]
        self.asked[address, at] = found
        return at, found

    def _kept(self, address: str, step: int) -> Node | None:
        """Of a step that issued very many entries."""
        place = address, step
        if place not in self._nodes:
            sql = "SELECT data FROM nodes WHERE address = ? AND step = ?"
            row = self._db.execute(sql, place).fetchone()
            self._nodes[place] = node_of(row[0], self._named) if row is not None else None
        return self._nodes[place]

    def _named(self, address: str, step: int) -> Node:
        shared = self._kept(address, step) if is_shared(address) else None
        return shared or self.known(address, step)

    def parts_at(self, address: str, step: int) -> list[Node]:
        sql = "SELECT step FROM sums WHERE address = ? AND step <= ? ORDER BY step"
        steps = self._db.execute(sql, (address, min(step, self.now - 1))).fetchall()
        found = [part for (at,) in steps for part in self._added(address, at)]
        self.asked_beside += found
        return found

    def _added(self, address: str, step: int) -> list[Node]:
        """By one step."""
        found: list[Node] = []
        while (node := self._kept(added_at(address, len(found)), step)) is not None:
            found.append(node)
        return found or [part for _, part in self._refold(step)._parts.get(address, ())]

    def kept_part(self, address: str, of: str, step: int, place: int, name: str) -> Node | None:
        """What one put into a sum by the name, where that is kept."""
        return self._kept(placed_at(address, of, place, name), step)

    def within_before(self, of: str, step: int) -> list[tuple[str, Node]]:
        sql = "SELECT max(step) FROM marks WHERE of = ? AND step < ?"
        at = self._db.execute(sql, (of, step)).fetchone()[0]
        found = self._refold(at)._marked[of] if at is not None else []
        self.asked_beside += (part for _, part in found)
        return found

    def _within(self, of: str) -> list[tuple[str, Node]]:
        return self.within_before(of, self.now)

    def held_before(self, of: str, step: int) -> dict[str, Deferred]:
        """What an earlier step holds of it still."""
        sql = "SELECT since FROM held WHERE of = ? AND since < ? AND until >= ?"
        found = self._db.execute(sql, (of, step, step)).fetchone()
        return dict(self._refold(found[0])._held.get(of, {})) if found is not None else {}

    def still_held(self) -> dict[str, int]:
        """After all steps, and since which."""
        return dict(self._db.execute("SELECT of, since FROM held WHERE until = ?", (AFTER_ALL,)).fetchall())

    def know_placed(self, address: str) -> None:
        if address in self._placed_known:
            return
        self._placed_known.add(address)
        sql = "SELECT of, step, turn, place, parts, data FROM placed WHERE address = ? AND step < ? ORDER BY seq"
        known: dict[str, list[PlacedPart]] = {}
        turns: list[int] = []
        for of, step, turn, *made in self._db.execute(sql, (address, self.now)):
            known.setdefault(of, []).append(self._part(address, of, step, turn, *made))
            turns.append(turn)
        self._placed[address] = known
        self._changes[address] = sorted(turns)

    def _part(self, address: str, of: str, step: int, turn: int, place: int, number: int, data: bytes) -> PlacedPart:
        order, values = msgspec.msgpack.decode(data)
        if values is None:
            return PlacedPart(step, turn, of, tuple(order), None)
        if number not in self._addends:
            self._addends[number] = StoredAddends(number, values, (address, of, step, place), self)
        return PlacedPart(step, turn, of, tuple(order), self._addends[number])

    def placed(self, address: str, name: str, *, turn: int | None = None, step: int | None = None) -> list[PlacedPart]:
        self.know_placed(address)
        return super().placed(address, name, turn=turn, step=step)

    def placed_of(
        self, address: str, of: str, *, turn: int | None = None, step: int | None = None
    ) -> PlacedPart | None:
        self.know_placed(address)
        return super().placed_of(address, of, turn=turn, step=step)

    def turns_of(self, address: str, of: str, name: str, step: int) -> list[int]:
        self.know_placed(address)
        return super().turns_of(address, of, name, step)

    def changes(self, address: str, turn: int) -> int:
        self.know_placed(address)
        return super().changes(address, turn)

    def last_placed(self, address: str, of: str, step: int) -> PlacedPart | None:
        """Up to a step, for a step after it: what it is to be compared with."""
        if address in self._placed_known:
            return super().placed_of(address, of, step=step)
        sql = "SELECT step, turn, place, parts, data FROM placed WHERE address = ? AND of = ? AND step <= ? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(sql, (address, of, step)).fetchone()
        return self._part(address, of, *row) if row is not None else None

    def all_placed(self, address: str) -> list[str]:
        self.know_placed(address)
        return list(self._placed[address])


class StoredAddends:
    """What is put into sums, by its values; how it came about as its step says."""

    __slots__ = ("_of", "_whole", "number", "values")

    def __init__(self, number: int, values: dict[str, int], of: tuple[str, str, int, int], whole: StoredWhy) -> None:
        self.number, self.values = number, values
        # Address, whose it is, the step that placed it, and as which of its places.
        self._of = of
        self._whole = whole

    def node(self, name: str) -> Node:
        address, of, step, place = self._of
        if (kept := self._whole.kept_part(address, of, step, place, name)) is not None:
            self._whole.asked_beside.append(kept)
            return kept
        made = self._whole._refold(step).made_places(address, of)
        parts: Addends | None = made[place].parts if place < len(made) else None
        if parts is None or dict(parts.values) != self.values:
            raise Damaged(f"step {step} folded again puts something else into {address}")
        found = parts.node(name)
        self._whole.asked_beside.append(found)
        return found

    def made(self) -> tuple[Node, ...]:
        """Its recorder has them."""
        return ()


class StepWhy(Why):
    """The recorder of one step that is folded again, over what all before it recorded; what is made of it later finds all there is."""

    __slots__ = ("_step", "_whole", "is_done")

    def __init__(self, whole: StoredWhy, step: int, turn: int) -> None:
        super().__init__()
        self._whole, self._step, self.is_done = whole, step, False
        self.now, self.turn = step, turn
        self._held = _Held(whole, step)

    def done(self) -> None:
        self.is_done = True
        self.now, self.turn = self._whole.now, self._whole.turn

    def made_places(self, address: str, of: str) -> list[PlacedPart]:
        """What the step itself placed."""
        return [one for one in self._placed.get(address, {}).get(of, ()) if one.step == self._step]

    def _before(self, step: int) -> int:
        return min(step, self._step - 1)

    def step_of(self, address: str, step: int) -> int | None:
        if self.is_done:
            return self._whole.step_of(address, step)
        own = super().step_of(address, step)
        return own if own is not None else self._whole.step_of(address, self._before(step))

    def _found(self, address: str, step: int) -> tuple[int, Node | Later] | None:
        if self.is_done:
            return self._whole._found(address, step)
        return super()._found(address, step) or self._whole._found(address, self._before(step))

    def parts_at(self, address: str, step: int) -> list[Node]:
        if self.is_done:
            return self._whole.parts_at(address, step)
        return [*self._whole.parts_at(address, self._before(step)), *super().parts_at(address, step)]

    def _within(self, of: str) -> list[tuple[str, Node]]:
        if self.is_done or of in self._marked:
            return self._marked.get(of, []) if of in self._marked else self._whole._within(of)
        return self._whole.within_before(of, self._step)

    def place(self, address: str, of: str, order: tuple[str, ...], parts: Addends | None) -> None:
        self._know(address, of)
        super().place(address, of, order, parts)

    def _putting_in(self, address: str) -> dict[str, None]:
        for of in self._whole.all_placed(address):
            self._know(address, of)
        return super()._putting_in(address)

    def _know(self, address: str, of: str) -> None:
        """What it had placed last."""
        own = self._placed.setdefault(address, {})
        if of not in own:
            last = self._whole.last_placed(address, of, self._step - 1)
            own[of] = [last] if last is not None else []

    def placed(self, address: str, name: str, *, turn: int | None = None, step: int | None = None) -> list[PlacedPart]:
        if self.is_done:
            return self._whole.placed(address, name, turn=turn, step=step)
        for of in self._whole.all_placed(address):
            self._know(address, of)
        return super().placed(address, name, turn=turn, step=step)

    def placed_of(
        self, address: str, of: str, *, turn: int | None = None, step: int | None = None
    ) -> PlacedPart | None:
        if self.is_done:
            return self._whole.placed_of(address, of, turn=turn, step=step)
        self._know(address, of)
        return super().placed_of(address, of, turn=turn, step=step)

    def turns_of(self, address: str, of: str, name: str, step: int) -> list[int]:
        return self._whole.turns_of(address, of, name, step)

    def changes(self, address: str, turn: int) -> int:
        return self._whole.changes(address, turn)


class LaterWhy(StepWhy):
    """The same of all steps from one on, in a fold that goes on from what is kept."""

    __slots__ = ()

    def __init__(self, whole: StoredWhy, step: int, turn: int) -> None:
        super().__init__(whole, step, turn)
        self.held_since = whole.still_held()

    def places(self) -> Iterator[tuple[str, PlacedPart]]:
        return ((address, one) for address, one in super().places() if one.step >= self._step)

    def recorded(self) -> Iterator[tuple[str, int, Node | Later]]:
        """With what it has asked of the steps before."""
        yield from super().recorded()
        yield from ((*place, figure) for place, figure in self._whole.asked.items())

    def earlier_addends(self) -> list[Node]:
        return self._whole.asked_beside


class _Held(dict[str, dict[str, Deferred]]):
    """What the step holds, and what steps before it hold still."""

    def __init__(self, whole: StoredWhy, step: int) -> None:
        super().__init__()
        self._whole, self._step = whole, step
        self._asked: set[str] = set()

    def _ask(self, of: str) -> None:
        if of not in self._asked:
            self._asked.add(of)
            if found := self._whole.held_before(of, self._step):
                self[of] = found

    def get(self, of: str, default: Held | None = None) -> Held | None:  # type: ignore[override]
        self._ask(of)
        return super().get(of, default)

    def pop(self, of: str, default: Held | None = None) -> Held | None:  # type: ignore[override]
        self._ask(of)
        return super().pop(of, default)

    def setdefault(self, of: str, default: Held | None = None) -> Held:
        self._ask(of)
        return super().setdefault(of, default if default is not None else {})
