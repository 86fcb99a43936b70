"""What a transaction is going to take, as it stands on the topic."""

from __future__ import annotations

from connectors.kafka.domain_messages import DomainMessage
from connectors.kafka.intake_plan import IntakePlan, RecordStretch, Unread, from_bytes, stretches, to_bytes, unread
from connectors.unreadable import unreadable

TIME, CONTRACTS = ("psa.time", 3), ("crm.contracts", 0)


def given(place: tuple[str, int], offset: int, reason: str | None = None) -> DomainMessage:
    wrong = None if reason is None else unreadable(reason, "hours", b"?", "TimeApproved")
    return DomainMessage(*place, offset, None, None, wrong, 1)


def test_what_is_taken_comes_back_in_its_order() -> None:
    """Of one partition and then another; after a gap, as producers' transactions leave them, a new stretch begins."""
    inputs = [given(TIME, 7), given(TIME, 8), given(CONTRACTS, 0, "no hours"), given(TIME, 9), given(TIME, 11)]
    plan = IntakePlan(5, stretches(inputs), unread(inputs), 1_772_400_000_000_000, ("psa.time",), ("hr.people",))
    read = from_bytes(to_bytes(plan))
    assert read == plan
    assert read.stretches == (
        RecordStretch(TIME, 7, 2),
        RecordStretch(CONTRACTS, 0, 1),
        RecordStretch(TIME, 9, 1),
        RecordStretch(TIME, 11, 1),
    )
    assert list(read.offsets) == [((each.topic, each.partition), each.offset) for each in inputs]
    assert read.unread == {2: Unread("no hours", "hours", "TimeApproved", "malformed")}


def test_the_largest_batch_fits_into_a_record() -> None:
    """100,000 events, each of another partition than the one before: under a megabyte, of two that a producer may send."""
    inputs = [given((f"topic-{number % 7}", number % 11), 10**12 + number) for number in range(100_000)]
    assert len(to_bytes(IntakePlan(10**9, stretches(inputs)))) < 1_000_000


def test_reasons_are_cut() -> None:
    (why,) = unread([given(TIME, 1, "x" * 2_000)]).values()
    assert why.reason == "x" * 500
