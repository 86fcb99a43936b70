"""A walk over blocks of consumers asks those whom a walk over each of them asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.caps import consumption
from domain.caps.consume import EMPTY, Bucket, BucketKey, Order
from domain.caps.consumption import FIRST_OF_ALL, LAST_OF_ALL, CapConsumer, ConsumptionOrder, KeptShare, TakenShares

CAP: BucketKey = ("C", "")
MONTHS: tuple[BucketKey, ...] = (("M", "2026-03"), ("M", "2026-04"))


def at(place: int, entry_id: str) -> Order:
    return f"{place:02d}", "", entry_id


def all_of(place: int, entry_id: str, amount: int, limit: int = 1_000) -> CapConsumer:
    return CapConsumer(at(place, entry_id), entry_id, False, {CAP: KeptShare(True, amount, 0, limit)})


def nothing_of(place: int, entry_id: str, limit: int = 1_000) -> CapConsumer:
    return CapConsumer(at(place, entry_id), entry_id, False, {CAP: KeptShare(used_up=limit)})


def asked(order: ConsumptionOrder, free: int, start: Order = FIRST_OF_ALL) -> list[str]:
    """Who is asked after a place, with so much taken by all."""
    taken = TakenShares(lambda _: Bucket(free_amount=free))
    order.give_back(start, taken)
    found, place = [], start
    while (one := order.next_to_ask(place, LAST_OF_ALL, taken)) is not None:
        found.append(one.entry_id)
        place = one.order
    return found


def test_who_keeps_all_or_nothing_is_passed_by() -> None:
    """Cap 1,000: A to C hold 400, 500 and 100, D nothing; 100 more before them reach into C."""
    order = ConsumptionOrder([all_of(1, "A", 400), all_of(2, "B", 500), all_of(3, "C", 100), nothing_of(4, "D")])
    assert asked(order, 1_000) == []
    assert asked(order, 1_100) == ["C"]
    assert asked(order, 1_100, at(1, "A")) == ["C"]
    assert asked(order, 900) == ["D"], "100 are left for D"


def test_who_leaves_and_comes_back_with_more_is_asked_at_its_place() -> None:
    order = ConsumptionOrder([all_of(1, "A", 400), all_of(2, "B", 500)])
    order.leave_out("A")
    assert [one.entry_id for one in order] == ["B"]
    assert order.rows == {"A": None}
    order.put("A", all_of(3, "A", 600))
    assert asked(order, 1_100) == ["A"]


def test_a_row_is_known_once_it_is_in_the_books_as_it_stands_here() -> None:
    order, row = ConsumptionOrder([all_of(1, "A", 400)]), object()
    order.rows = {"A": row}
    order.written({"A": row, "B": row})
    assert order.rows == {"B": None}


# What is not said here Hypothesis would draw of any size, below zero too: of a named tuple it takes nothing for granted.
KEPT = st.one_of(
    st.builds(
        KeptShare,
        st.just(value=True),
        st.integers(0, 30),
        st.integers(0, 3),
        st.sampled_from([None, 60, 90]),
        most_hours=st.none(),
        used_up=st.none(),
    ),
    st.builds(
        KeptShare,
        st.just(value=False),
        st.just(0),
        st.just(0),
        most=st.none(),
        most_hours=st.none(),
        used_up=st.sampled_from([60, 90]),
    ),
)
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(0, 60), st.booleans(), st.dictionaries(st.sampled_from((CAP, *MONTHS)), KEPT)
    ),
    max_size=60,
)


@given(CHANGES, st.integers(0, 40), st.integers(0, 90), st.integers(2, 6))
def test_blocks_ask_whom_a_walk_over_everybody_asks(
    changes: list[tuple[int, int, bool, dict[BucketKey, KeptShare]]], start: int, free: int, block: int
) -> None:
    """Of one who comes or goes again and again the last change counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumption, "BLOCK", 2 * block)
        half = len(changes) // 2
        known = {str(entry): consumer(place, entry, asks, kept) for entry, place, asks, kept in changes[:half]}
        order, flat = ConsumptionOrder(known.values()), ConsumptionOrder(known.values(), flat=True)
        for entry, place, asks, kept in changes[half:]:
            entry_id = str(entry)
            known[entry_id] = consumer(place, entry, asks, kept)
            gone = known.pop(entry_id) if place > 40 else None
            for each in (order, flat):
                each.put(entry_id, known[entry_id] if gone is None else None)
        assert [*order] == [*flat] == sorted(known.values(), key=lambda one: one.order)
        assert len(order) == len(known)
        begin = at(start, "")
        assert asked(order, free, begin) == asked(flat, free, begin) == plainly(known, free, begin)


def consumer(place: int, entry: int, asks: bool, kept: dict[BucketKey, KeptShare]) -> CapConsumer:
    return CapConsumer(at(place, str(entry)), str(entry), asks, kept)


def plainly(known: dict[str, CapConsumer], free: int, start: Order) -> list[str]:
    """By the words of the rule, with sums of its own."""
    later = sorted((one for one in known.values() if one.order > start), key=lambda one: one.order)
    amounts = {key: free - sum(one.kept[key].amount for one in later if key in one.kept) for key in (CAP, *MONTHS)}
    found = []
    for one in later:
        stays = not one.asks and all(
            (kept.most is None or amounts[key] + kept.amount <= kept.most)
            and (kept.used_up is None or amounts[key] >= kept.used_up)
            for key, kept in one.kept.items()
        )
        if not stays:
            found.append(one.entry_id)
            continue
        for key, kept in one.kept.items():
            amounts[key] += kept.amount
    return found


def test_an_empty_bucket_is_read_once() -> None:
    read: list[BucketKey] = []

    def stored(key: BucketKey) -> Bucket:
        read.append(key)
        return EMPTY

    taken = TakenShares(stored)
    assert taken.pass_by({CAP: KeptShare(True, 300, 0, 1_000)})
    assert taken.pass_by({CAP: KeptShare(True, 700, 0, 1_000)})
    assert not taken.pass_by({CAP: KeptShare(True, 1, 0, 1_000)})
    taken.settle()
    assert taken.buckets == {CAP: Bucket(free_amount=1_000)}
    assert read == [CAP]
