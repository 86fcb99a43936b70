"""How many calls an ERP gets at once, and when."""

from domain.delivery.pace import Pace, seconds


def at_once(pace: Pace) -> int:
    return next(count for count in range(100) if not pace.has_room(count))


def test_an_erp_that_throttles_soon_again_gets_half_as_many_calls_at_once_and_then_more_one_by_one() -> None:
    pace = Pace(per_minute=0, concurrent=8)
    for _ in range(8):
        pace.answered()
    pace.throttled(seconds(1), seconds(2), 1.0)
    assert pace.has_room(99), "it asks for a rest, not for less at once: how many it takes is for its limits to say"
    for _ in range(7):
        pace.answered()
    pace.throttled(seconds(3), seconds(4), 1.0)
    assert at_once(pace) == 4
    pace.throttled(seconds(3), seconds(5), 1.0)
    assert at_once(pace) == 4, "it was under way when the one before was throttled"
    for _ in range(5):
        pace.answered()
    assert at_once(pace) == 5
    for _ in range(30):
        pace.answered()
    assert pace.has_room(99)
    for now in range(6, 12):
        pace.throttled(seconds(now), seconds(now), 1.0)
    assert at_once(pace) == 1, "one call always may go"


def test_a_stated_wait_holds_for_the_account() -> None:
    pace = Pace(per_minute=0, concurrent=8)
    pace.throttled(seconds(1), seconds(2), 7.0)
    assert [pace.may_call(seconds(now), 0) for now in (2, 8, 9)] == [False, False, True]
    assert pace.next_at(seconds(2)) == seconds(9)


def test_an_hour_that_the_erp_asks_for_is_an_hour() -> None:
    pace = Pace(per_minute=0, concurrent=8)
    pace.throttled(seconds(1), seconds(2), 3_600.0)
    assert [pace.may_call(seconds(now), 0) for now in (302, 3_601, 3_602)] == [False, False, True]
