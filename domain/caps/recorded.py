"""What a recorder takes of caps: limits, what others have taken, and what these leave of a request (R15 to R18).

What is granted to an entry is recorded with what bound it. What it has since, by what of that is settled and what it takes beside that, is
placed under every cap that counts it, so that what others have is one sum: all that is settled, and what those before have taken. Steps are
made when somebody asks for them.

    cap 1,000.00: T-1 has 800.00 of it, which are settled; of T-2's 600.00 the lesser of 600.00 and 1,000.00 - 800.00 - 0.00 is granted
"""

from collections.abc import Collection
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.caps.purchase_order import is_order, spoken
from domain.explanation import (
    Arithmetic,
    Node,
    Parameter,
    constant,
    evaluated,
    in_proportion,
    least,
    less,
    most,
    step_of,
    total,
)
from domain.identity import composed
from domain.units import Amount, Hours
from domain.why import Later, Why, elsewhere, in_order, in_version, node_kept, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.caps.consume import Billable, Bucket, BucketKey, CapLimit, CapRequest, CapRule, Order

    _Bound = tuple[CapRule, CapLimit, BucketKey, Bucket, str, str]

GRANTED, CLAIMED, SHARE, SETTLED, TAKEN = "granted", "claimed", "share", "settled", "taken"
# What is settled and taken as the books have it, where a turn found more settled than there is room for.
PINNED, FREE = "pinned", "free"
WITHIN, GIVEN, KEPT, VALUE, CHARGEABLE, ISSUED = "within", "given", "kept", "value", "chargeable", "issued"
_DOWN: Final[dict[str, Parameter]] = {"step": "0.000001", "mode": "down"}
HOURS: Final = "_hours"
BOOKS: Final = "cap"
# How a request is bound: by a limit in money, by one in hours, or all of it is refused because a part would be.
AMOUNT, WHOLE = "amount", "whole"
ORDERS: Final = "#orders"


class CapFigures(NamedTuple):
    """Figures of a contract's caps in its currency: for all they allow, or for revenue or billing apart; in the books, or `whose` else."""

    why: Why
    contract_id: str
    allotment: str
    currency: str
    mode: str
    now: int
    turn: int
    whose: str = BOOKS
    # So many steps before what is settled stands as the rule has it.
    back: int = 0
    # Value and hours of requests that may have no more than a prorated cap gives them.
    limited: "Mapping[str, tuple[Node, Node]]" = MappingProxyType({})

    def of(self, entry_id: str) -> str:
        return figures_of(self.whose, self.contract_id, self.allotment, entry_id)

    def under(self, key: "BucketKey") -> str:
        """Where what is taken of a cap in one of its periods is summed."""
        bucket = bucket_of(self.contract_id, self.allotment, key)
        return bucket if self.whose == BOOKS else f"{self.whose}/{bucket}"

    # Operands

    def claimed(self, claim: "CapRequest", *, by_hours: bool = False) -> Node:
        if claim.entry_id in self.limited:
            return self.limited[claim.entry_id][by_hours]
        value, name = (claim.hours, CLAIMED + HOURS) if by_hours else (claim.amount, CLAIMED)
        return self.of_entry(claim.entry_id, name, value, by_hours=by_hours)

    def settled(self, claim: "CapRequest") -> Node:
        kept = self.kept_back(claim.entry_id)
        if kept is not None and kept.value == claim.pinned:
            return kept
        return self.of_entry(claim.entry_id, SETTLED, claim.pinned, back=self.back)

    def settled_hours(self, claim: "CapRequest") -> Node:
        title, whole = f"{claim.entry_id}: hours settled", self.claimed(claim, by_hours=True)
        return _down(title, whole, self.settled(claim), self.claimed(claim))

    def free(self, claim: "CapRequest") -> Node:
        """What of it is not settled."""
        whole = self.claimed(claim)
        return less("not settled yet", whole, self.settled(claim)) if claim.pinned else whole

    def free_hours(self, claim: "CapRequest") -> Node:
        whole = self.claimed(claim, by_hours=True)
        return less("hours not settled yet", whole, self.settled_hours(claim)) if claim.pinned else whole

    def within(self, claim: "CapRequest") -> Node:
        """What of it may have room at all, such as the units agreed, and is not settled."""
        assert claim.within is not None, "units are agreed, or it is over a cap of before"
        made = self.of_entry(claim.entry_id, WITHIN, claim.within[0])
        if not claim.pinned:
            return most("left of it", made, self._nothing())
        return most("left of it", less("not settled yet", made, self.settled(claim)), self._nothing())

    def all_settled(
        self, key: "BucketKey", value: int, turn: int, before: str = "", *, by_hours: bool = False, name: str = ""
    ) -> Node:
        name = name or self._names(key)[0]
        title = f"settled under {spoken_period(key)}{', before ' + before if before else ''}"
        return self._taken(key, title, name, value, turn, before, by_hours=by_hours)

    def taken_before(self, key: "BucketKey", value: int, turn: int, before: str, *, by_hours: bool = False) -> Node:
        title = f"taken before {before}" if before else f"taken under {spoken_period(key)}"
        return self._taken(key, title, self._names(key)[1], value, turn, before, by_hours=by_hours)

    def used(self, key: "BucketKey", taken: "Bucket", *, by_hours: bool) -> Node:
        """All that is taken of a cap in one of its periods."""
        settled, free = (taken.pinned_hours, taken.free_hours) if by_hours else (taken.pinned_amount, taken.free_amount)
        parts, after = [], self._replace(turn=self.turn + 1)
        if settled:
            parts.append(after.all_settled(key, settled, self.turn, by_hours=by_hours))
        if free:
            parts.append(after.taken_before(key, free, self.turn, "", by_hours=by_hours))
        unit, currency = ("hours", "") if by_hours else ("amount", self.currency)
        return total(f"taken from {spoken_period(key)}", parts, unit, currency, rule="R16")

    def left(
        self,
        rule: "CapRule",
        limit: "CapLimit",
        key: "BucketKey",
        claim: "CapRequest",
        taken: "Bucket",
        until: str,
        *,
        by_hours: bool,
    ) -> Node:
        """The limit less what is settled, of work up to a day if one is named, and what comes before."""
        title = f"room under {spoken_period(key)}"
        if is_order(rule.cap_id):
            title = f"{title}, where billing stops"
        settled, free = (taken.pinned_hours, taken.free_hours) if by_hours else (taken.pinned_amount, taken.free_amount)
        operands = []
        if settled:
            before = self._first_settled(key, until, by_hours=by_hours) if until else ""
            operands.append(self.all_settled(key, settled, self.turn, before, by_hours=by_hours))
        if free:
            operands.append(self.taken_before(key, free, self.turn, claim.entry_id, by_hours=by_hours))
        limited = limit_node(self.contract_id, self.currency, rule, limit, by_hours=by_hours)
        stands = less("limit less what is taken", limited, *operands)
        return most(title, stands, constant("nothing", 0, stands.unit, stands.currency), rule="R18")

    def _first_settled(self, key: "BucketKey", since: str, *, by_hours: bool) -> str:
        """The first entry from a day on of which something is settled."""
        name = self._names(key)[0] + (HOURS if by_hours else "")
        placed = self.why.placed(self.under(key), name, turn=self.turn)
        return next(one.of for one in placed if one.order[0] >= since)

    def of_entry(self, entry_id: str, name: str, value: int, *, by_hours: bool = False, back: int = 0) -> Node:
        """As the entry stands after the step, or so many steps before."""
        step, turn = str(self.now - back), str(self.turn)
        address = composed(self.whose, name, self.contract_id, self.allotment, entry_id, step, turn)
        title = f"{entry_id}: {name.replace('_', ' ')}"
        return elsewhere(title, value, address, *(("", "hours") if by_hours else (self.currency,)))

    def _taken(
        self, key: "BucketKey", title: str, name: str, value: int, turn: int, before: str, *, by_hours: bool
    ) -> Node:
        unit, currency, name = ("hours", "", name + HOURS) if by_hours else ("amount", self.currency, name)
        made = Node(title, value, unit, currency)
        return in_order(made, self.under(key), name, turn, self.of(ORDERS), before)

    def _nothing(self) -> Node:
        return constant("nothing", 0, "amount", self.currency)

    # What is recorded

    def give(self, entry_id: str, given: Amount, chargeable: Amount) -> None:
        """What a cut gave is given for good, as far as the next version's value reaches."""
        address = given_of(self.contract_id, entry_id)
        made = least("given by a cut", [self.why.figure(address), self.of_entry(entry_id, CHARGEABLE, chargeable)])
        if made.value == given:
            self.why.record(address, given, made)

    def keep_issue(
        self, entry_id: str, kept: Amount, issued: Amount, chargeable: Amount, left: "Sequence[Node]"
    ) -> None:
        """Of the next version of issued work the lesser of issued and new, as far as cuts did not give it to others."""
        operands = (self.of_entry(entry_id, ISSUED, issued), self.of_entry(entry_id, CHARGEABLE, chargeable), *left)
        made = least(f"{entry_id}: kept of what is issued", operands, rule="R16")
        if (made.value or 0) < 0:
            made = most(made.title, made, self._nothing())
        self.why.record(given_of(self.contract_id, entry_id), kept, made)

    def left_by_others(
        self, rule: "CapRule", limit: "CapLimit", key: "BucketKey", others: Amount, own: "CapRequest | None"
    ) -> Node:
        """What a prorated cap leaves beside what cuts gave to others."""
        limited = limit_node(self.contract_id, self.currency, rule, limit, by_hours=False)
        settled = self.all_settled(key, others + (own.pinned if own is not None else 0), self.turn, name=PINNED)
        if own is not None and own.pinned:
            settled = less("settled of others", settled, self.of_entry(own.entry_id, SETTLED, own.pinned, back=1))
        return less("left by what cuts gave to others", limited, settled)

    def prorated(
        self,
        rule: "CapRule",
        limit: "CapLimit",
        key: "BucketKey",
        taken: tuple[Amount, Amount],
        sharing: "Sequence[CapRequest]",
        first: str,
    ) -> list[Node]:
        """What a cut gives each, of the limit less what is settled and what comes before the `first` that shares (R12)."""
        settled = self.all_settled(key, taken[0], self.turn)
        before = self.taken_before(key, taken[1], self.turn, first)
        stands = less(
            "limit less what is taken",
            limit_node(self.contract_id, self.currency, rule, limit, by_hours=False),
            settled,
            before,
        )
        room = most("room that is shared", stands, self._nothing(), rule="R18")
        wanted = [self.free(claim) for claim in sharing]
        found = []
        for place, claim in enumerate(sharing):
            share = wanted[place]
            if sum(one.value or 0 for one in wanted) > (room.value or 0):
                title, parameters = (
                    f"{claim.entry_id}: its share",
                    {"step": step_of(self.currency), "party": str(place)},
                )
                share = evaluated(title, "share", (room, *wanted), parameters, "amount", self.currency, rule="R12")
            if claim.pinned:
                share = total(
                    f"{claim.entry_id}: with its share", (self.settled(claim), share), "amount", self.currency
                )
            found.append(share)
        return found

    def limit_to(self, shares: "Mapping[str, tuple[CapRequest, list[Node]]]") -> "CapFigures":
        """Figures, recorded apart, of requests that have the least of their shares; hours are in proportion."""
        limited = {}
        for entry_id, (claim, nodes) in shares.items():
            amount, hours = least(f"{entry_id}: given by a cut", nodes, rule="R12"), self.claimed(claim, by_hours=True)
            if amount.value != claim.amount:
                hours = _down("hours in proportion", hours, amount, self.claimed(claim))
            limited[entry_id] = (amount, hours)
        return self._replace(why=self.why.fork(), limited=limited)

    def take(self, limited: "CapFigures", entry_id: str, given: Amount) -> None:
        """What a cut gives the entry, as it was recorded apart, is what it has."""
        of = self.of(entry_id)
        self.why.take(limited.why, f"{of}#{GRANTED}")
        self.why.record(given_of(self.contract_id, entry_id), given, self.why.figure(f"{of}#{GRANTED}"))

    def hold(self, claim: "CapRequest", granted: "Billable", keys: "set[BucketKey]", order: "Order") -> None:
        """What the entry has of its caps from now on."""
        held = Held(self, claim, granted)
        for key in keys:
            self.why.place(self.under(key), claim.entry_id, order, held)
        self.why.place(self.of(ORDERS), claim.entry_id, order, held)

    def kept_back(self, entry_id: str) -> Node | None:
        """What of it is settled and kept, where the same turn found too much settled."""
        return self.why.figure_at(self._kept(entry_id), self.now)

    def give_back(
        self,
        claim: "CapRequest",
        back: Amount,
        above: "Mapping[BucketKey, tuple[CapRule, CapLimit]]",
        buckets: "Mapping[BucketKey, Bucket]",
        most_settled: "Mapping[BucketKey, Amount]",
    ) -> None:
        """Of what is settled is above limits by now: those after it in order have given back theirs."""
        excess = [self._above(key, *ruled, buckets[key], most_settled[key]) for key, ruled in above.items()]
        own, whole = self.settled(claim), excess[0]
        for one in excess[1:]:
            whole = most("settled above the limits", whole, one)
        returned = least("gives back", [whole, own])
        assert returned.value == back, "what is above is given back, as far as it is settled"
        for key, _ in claim.under:
            self.why.add(self._backs(key), returned)
            self.why.add(f"{self.under(key)}#back", returned)
        self.why.record(self._kept(claim.entry_id), claim.pinned - back, less("settled and kept", own, returned))

    def _above(self, key: "BucketKey", rule: "CapRule", limit: "CapLimit", taken: "Bucket", held: Amount) -> Node:
        allowed = limit_node(self.contract_id, self.currency, rule, limit, by_hours=False)
        if allowed.value != held:
            had = {name: self._sum(key, name) for name in (SETTLED, TAKEN)}
            turn = self.turn - 1
            before = [self._taken(key, name, name, value, turn, "", by_hours=False) for name, value in had.items()]
            allowed = total("taken before the limit was lowered", before, "amount", self.currency)
        settled = self.all_settled(key, taken.pinned_amount, self.turn, name=PINNED)
        backs = self.why.parts_at(self._backs(key), self.now)
        stands = less("settled less the limit", settled, allowed, *backs)
        return most("settled above the limit", stands, self._nothing())

    def _sum(self, key: "BucketKey", name: str) -> Amount:
        placed = self.why.placed(self.under(key), name, turn=self.turn - 1)
        return sum(one.parts.values[name] for one in placed if one.parts is not None)

    def _backs(self, key: "BucketKey") -> str:
        return f"{self.under(key)}#back/{self.turn}"

    def _names(self, key: "BucketKey") -> tuple[str, str]:
        """What is settled and what is taken are called so in the turn that gives back; after it the books have all that was
        issued, and less beside it."""
        gives_back, gave_back = (
            self.why.parts_at(of, self.now) for of in (self._backs(key), f"{self.under(key)}#back")
        )
        return (PINNED, FREE) if gave_back and not gives_back else (SETTLED, TAKEN)

    def _kept(self, entry_id: str) -> str:
        return f"{self.of(entry_id)}#kept/{self.turn}"

    def release(self, entry_id: str, keys: "set[BucketKey]", order: "Order") -> None:
        """The entry has nothing of these caps any more."""
        for key in keys:
            self.why.place(self.under(key), entry_id, order, None)


class Held:
    """What an entry has of its caps: what of that is settled, and what it takes beside that, in money and in hours."""

    __slots__ = ("_claim", "_figures", "_granted", "_hours", "_settled", "_share", "values")

    def __init__(self, figures: CapFigures, claim: "CapRequest", granted: "Billable") -> None:
        self._figures, self._claim, self._granted = figures, claim, granted
        self._share = self._recorded(GRANTED, granted.amount, claim.amount)
        self._hours = self._recorded(GRANTED + HOURS, granted.hours, claim.hours)
        kept = figures.kept_back(claim.entry_id) if claim.pinned else None
        is_less = kept is not None and (kept.value or 0) < claim.pinned
        self._settled = settled = claim._replace(pinned=kept.value or 0) if kept is not None and is_less else claim
        settled_hours = settled.pinned_hours if settled.pinned else 0
        pinned_hours = claim.pinned_hours if claim.pinned else 0
        self.values = {
            CLAIMED: claim.amount,
            CLAIMED + HOURS: claim.hours,
            SHARE: granted.amount,
            SETTLED: settled.pinned,
            TAKEN: granted.amount - settled.pinned,
            PINNED: claim.pinned,
            FREE: granted.amount - claim.pinned,
            SETTLED + HOURS: settled_hours,
            TAKEN + HOURS: granted.hours - settled_hours,
            PINNED + HOURS: pinned_hours,
            FREE + HOURS: granted.hours - pinned_hours,
        }

    def _recorded(self, name: str, value: int, claimed: int) -> Node | Later | None:
        """What was recorded of it last; None where it has all that it claims."""
        if value == claimed:
            return None
        return self._figures.why.kept_at(f"{self._figures.of(self._claim.entry_id)}#{name}", self._figures.now)

    def node(self, name: str) -> Node:
        figures, by_hours = self._figures, name.endswith(HOURS)
        what = name.removesuffix(HOURS)
        settled = self._claim if what in {PINNED, FREE} else self._settled
        part = figures.settled_hours(settled) if by_hours else figures.settled(settled)
        if what in {SETTLED, PINNED}:
            return part
        whole = self._all_of_it(by_hours=by_hours)
        if what == SHARE or not part.value:
            return whole
        return less(f"{settled.entry_id}: beside what is settled", whole, part)

    def made(self) -> tuple[Node, ...]:
        """Each question makes its own, or takes a figure."""
        return ()

    def _all_of_it(self, *, by_hours: bool) -> Node:
        """All that is claimed, or what was recorded."""
        claim, granted = self._claim, self._granted
        value, claimed = (granted.hours, claim.hours) if by_hours else (granted.amount, claim.amount)
        if value == claimed:
            return self._figures.claimed(claim, by_hours=by_hours)
        kept = self._hours if by_hours else self._share
        found = node_kept(kept) if kept is not None else None
        if found is not None and found.value == value:
            return found
        return self._figures.of_entry(claim.entry_id, GRANTED, value, by_hours=by_hours)


class Kept:
    """What final work keeps, or a write-off gives up, by name."""

    __slots__ = ("_nodes", "values")

    def __init__(self, **nodes: Node) -> None:
        self._nodes, self.values = nodes, {name: node.value or 0 for name, node in nodes.items()}

    def node(self, name: str) -> Node:
        return self._nodes[name]

    def made(self) -> Collection[Node]:
        return self._nodes.values()


def kept_in(contract_id: str) -> str:
    """Where it is recorded what final work of a contract kept."""
    return f"{composed(BOOKS, contract_id)}#{KEPT}"


def say_final(figures: CapFigures, entry_id: str, kept: Amount, kept_hours: Hours, *, whole: bool) -> None:
    """Work that becomes final keeps what caps allow of it by then, or its `whole` value."""
    figures.why.turn += 1
    placed = figures.why.placed_of(figures.of(ORDERS), entry_id)
    share = placed.parts.node(SHARE) if placed is not None and placed.parts is not None else None
    hours = placed.parts.node(SHARE + HOURS) if placed is not None and placed.parts is not None else None
    if whole or share is None or share.value != kept:
        share = figures.of_entry(entry_id, VALUE, kept)
    if whole or hours is None or hours.value != kept_hours:
        hours = figures.of_entry(entry_id, VALUE + HOURS, kept_hours, by_hours=True)
    figures.why.place(kept_in(figures.contract_id), entry_id, (), Kept(kept=share, kept_hours=hours))


def say_kept(
    figures: CapFigures,
    entry_id: str,
    kept: tuple[Amount, Hours],
    now: tuple[Amount, Hours],
    before: tuple[Amount, Hours],
) -> None:
    """Final work that is rated again keeps the same part of its value, and of its hours."""
    figures.why.turn += 1
    address = kept_in(figures.contract_id)
    had = figures.why.placed_of(address, entry_id)
    if had is not None and had.parts is not None:
        was, value = figures.of_entry(entry_id, VALUE, before[0], back=1), figures.of_entry(entry_id, VALUE, now[0])
        made = in_proportion("the same part of its value", value, had.parts.node(KEPT), was, figures.mode)
        assert made.value == kept[0], "it keeps the same part"
        hours, had_hours = (
            figures.of_entry(entry_id, VALUE + HOURS, each[1], by_hours=True, back=back)
            for each, back in ((now, 0), (before, 1))
        )
        hours = _down("the same part of its hours", hours, had.parts.node(KEPT + HOURS), had_hours)
        assert hours.value == kept[1], "it keeps the same part of its hours"
        figures.why.place(address, entry_id, (), Kept(kept=made, kept_hours=hours))


class Rooms:
    """What caps leave of a request: what bound it is kept while they are gone through, and its steps are made when somebody asks."""

    __slots__ = ("_bounds", "_claim", "_figures", "_made")

    def __init__(self, figures: CapFigures, claim: "CapRequest") -> None:
        self._figures, self._claim = figures, claim
        self._bounds: list[list[_Bound]] = [[]]
        self._made: tuple[Node, Node] | None = None

    def bound(
        self, rule: "CapRule", limit: "CapLimit", key: "BucketKey", taken: "Bucket", how: str, until: str = ""
    ) -> None:
        """By a limit in money or in hours, or refused whole; what is settled is that of work `until` a day, if one is named."""
        self._bounds[-1].append((rule, limit, key, taken, how, until))

    def end(self) -> None:
        """With the cap."""
        if self._bounds[-1]:
            self._bounds.append([])

    def granted(self, granted: "Billable") -> None:
        figures, of = self._figures, self._figures.of(self._claim.entry_id)
        figures.why.later(f"{of}#{GRANTED}", granted.amount, lambda: self._steps()[0])
        figures.why.later(f"{of}#{GRANTED}{HOURS}", granted.hours, lambda: self._steps()[1])

    def _steps(self) -> tuple[Node, Node]:
        """Of the amount, and of the hours."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> tuple[Node, Node]:
        figures, claim = self._figures, self._claim
        free, free_hours = figures.free(claim), figures.free_hours(claim)
        amounts, all_hours = [free], [free_hours]
        for bounds in self._bounds:
            left, left_hours = free, free_hours
            for bound in bounds:
                left, left_hours = self._left(bound, free, free_hours, left, left_hours)
            amounts += [left] if left is not free else []
            all_hours += [left_hours] if left_hours is not free_hours else []
        if claim.within is not None:
            amounts.append(within := figures.within(claim))
            all_hours.append(_down("its hours", free_hours, within, free))
        title, room = f"{claim.entry_id}: what caps allow", least("room", amounts, rule="R18")
        hours = least("hours of room", all_hours, rule="R18")
        if claim.pinned:
            room = total(title, (figures.settled(claim), room), "amount", figures.currency, rule="R16")
            hours = total("hours", (figures.settled_hours(claim), hours), "hours")
        return room._replace(title=title), hours

    def _left(self, bound: "_Bound", free: Node, free_hours: Node, left: Node, left_hours: Node) -> tuple[Node, Node]:
        """What one limit leaves of what is not settled; the other measure is in proportion."""
        figures, (rule, limit, key, taken, how, until) = self._figures, bound
        if how == WHOLE:
            title = f"room under {spoken_period(key)}, all or nothing"
            return _all_or_nothing(title, free, left), _all_or_nothing(title, free_hours, left_hours)
        room = figures.left(rule, limit, key, self._claim, taken, until, by_hours=how == HOURS)
        if how != HOURS:
            return room, _down("its hours", free_hours, room, free)
        operands, parameters = (free, room, free_hours), rounding(figures.currency, figures.mode)
        worth = evaluated("its value", "proportion", operands, parameters, "amount", figures.currency, rule="R17")
        return least("room", [left, worth]), room


def _all_or_nothing(title: str, free: Node, left: Node) -> Node:
    return Node(title, 0, free.unit, free.currency, Arithmetic("all_or_nothing", (free, left)), "R17")


def figures_of(whose: str, contract_id: str, allotment: str, entry_id: str) -> str:
    return composed(whose, contract_id, allotment, entry_id)


def given_of(contract_id: str, entry_id: str) -> str:
    """What cuts gave an entry, whether revenue and billing were apart or are by now."""
    return f"{composed(BOOKS, contract_id, entry_id)}#{GIVEN}"


def name_of(name: str, allotment: str) -> str:
    """Such as `taken`, `taken_hours`, `settled_of_revenue`: as figures of an entry are called."""
    return f"{name}_of_{allotment}" if allotment else name


def bucket_of(contract_id: str, allotment: str, key: "BucketKey") -> str:
    """Where the books have what is taken of a cap in one of its periods."""
    cap_id, period = key
    return f"{composed(contract_id, allotment, cap_id)}/{period}"


def _down(title: str, hours: Node, part: Node, of: Node) -> Node:
    """Hours in proportion to an amount, as whole millionths below it."""
    value = (hours.value or 0) * (part.value or 0) // (of.value or 1)
    return Node(title, value, "hours", "", Arithmetic("proportion", (hours, part, of), _DOWN))


def spoken_period(key: "BucketKey") -> str:
    """A cap with the period that it is taken in."""
    return f"{spoken(key[0])}{' ' + key[1] if key[1] else ''}"


def limit_node(contract_id: str, currency: str, rule: "CapRule", limit: "CapLimit", *, by_hours: bool) -> Node:
    """The limit of the contract version in force on the service date (R21)."""
    kind, _, named = rule.cap_id.partition(":")
    value, unit, measure = (limit.hours, "hours", "hours") if by_hours else (limit.amount, "amount", "amount")
    assert value is not None, "the cap is limited in the measure"
    line_id = named.partition(":")[0] if kind in {"line", "limit"} else None
    path = f"{limit.stated}.{'limit' if is_order(rule.cap_id) else measure}"
    made = in_version(
        f"limit of {spoken(rule.cap_id)}",
        value,
        unit,
        "" if by_hours else currency,
        contract_id,
        limit.version,
        path,
        line_id,
    )
    since = "the beginning" if limit.effective_on == date.min else limit.effective_on.isoformat()
    facts: tuple[tuple[str, str], ...] = (("split", limit.split), ("period", rule.period), ("in force from", since))
    if is_order(rule.cap_id):
        facts = (("binds", "billing of all lines; revenue goes on"),)
    return made._replace(rule="R21", facts=facts)
