"""Which journals go together, whatever order shards are read in."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery.chart import EntityChart
from domain.delivery.groups import JournalGroup, OpenGroups, Row
from domain.outputs import BillingStatement, ControlTotals, JournalEntry
from domain.units import EXCHANGE_RATE_ONE
from tests.domain.delivery.journals import Came, chart, journal, line, mark, position

D3, D4, D30 = date(2026, 6, 3), date(2026, 6, 4), date(2026, 6, 30)
MAY = "2026-05"


def read(came: list[Came], shards: int = 2, found: EntityChart | None = None) -> list[JournalGroup]:
    groups = OpenGroups(shards, {"DE": found or chart()})
    return [group for each in came for group in groups.add(each.position, each.record)]


def members(groups: list[JournalGroup]) -> list[tuple[str, ...]]:
    return [group.ids for group in groups]


# Two shards of one company, two days; shard 1 posts in two currencies on the second day.
SHARD_0 = [
    Came(position(0, 0), journal("J-1", day=D3)),
    Came(position(0, 1), journal("J-2", day=D4)),
    Came(position(0, 2), mark(D3, 2)),
    Came(position(0, 3), journal("J-3", day=D3)),
    Came(position(0, 4), mark(D4, 3)),
]
SHARD_1 = [
    Came(position(1, 0), journal("J-4", day=D3)),
    Came(position(1, 1), journal("J-5", day=D3, deliver=False)),
    Came(position(1, 2), mark(D3, 2)),
    Came(position(1, 3), journal("J-6", day=D4)),
    Came(position(1, 4), journal("J-7", day=D3, currency="USD", exchange_rate=EXCHANGE_RATE_ONE * 9 // 10)),
    Came(position(1, 5), mark(D4, 3, currencies=2)),
    Came(position(1, 6), mark(D4, 1, currency="USD", currencies=2)),
]


def test_a_day_closes_with_the_last_shards_mark() -> None:
    """J-3 came after its day was closed and goes with the next; J-5 is ours alone; J-7 has another currency."""
    groups = read([*SHARD_0, *SHARD_1])
    assert members(groups) == [("J-1", "J-4"), ("J-2",), ("J-3",), ("J-7",), ("J-6",)]
    assert members(read([*SHARD_0, *SHARD_1[:2]])) == []
    first = groups[0]
    assert (first.accounting_date, first.correlation_ids) == (D3, ("correlation-0-0", "correlation-1-0"))


@given(st.data())
def test_any_interleaving_of_shards_and_of_marks_gives_the_same_groups(data: st.DataObject) -> None:
    """Journals and marks of a shard come from partitions of their own, each in its order; groups are kept on the way as rows."""
    streams = [
        [each for each in shard if is_mark == (type(each.record).__name__ == "ControlTotals")]
        for shard in (SHARD_0, SHARD_1)
        for is_mark in (False, True)
    ]
    groups = OpenGroups(2, {"DE": chart()})
    rows: dict[str, Row] = {}
    found: list[JournalGroup] = []
    while left := [stream for stream in streams if stream]:
        came = data.draw(st.sampled_from(left)).pop(0)
        found += groups.add(came.position, came.record)
        if data.draw(st.booleans()):
            changes = groups.changes()
            rows = {name: row for name, row in {**rows, **dict(changes.kept)}.items() if name not in changes.gone}
            groups = OpenGroups(2, {"DE": chart()}, rows.items())
        if data.draw(st.booleans()):
            assert groups.add(came.position, came.record) == []
    assert members(found) == members(read([*SHARD_0, *SHARD_1]))
    assert groups.waiting == 0
    groups.changes()
    assert not [name for name in rows if name.startswith("part")]


def test_by_project_and_day_each_project_has_its_own() -> None:
    of_two = journal("J-3", [line("1150", 100, project="A"), line("4000", -100, project="B")])
    came = [
        Came(position(0, 0), journal("J-1", [line("1150", 100, project="A"), line("4000", -100, project="A")])),
        Came(position(0, 1), journal("J-2", [line("1150", 100, project="B"), line("4000", -100, project="B")])),
        Came(position(0, 2), of_two),
        Came(position(0, 3), journal("J-4", [line("1150", 10, project="A"), line("4000", -10, project="A")])),
        Came(position(0, 4), mark(D3, 4)),
    ]
    assert members(read(came, 1, chart(grain="project_day"))) == [("J-3",), ("J-1", "J-4"), ("J-2",)]


def test_by_entry_each_goes_at_once() -> None:
    groups = read(SHARD_0[:2], 2, chart(grain="entry"))
    assert members(groups) == [("J-1",), ("J-2",)]
    assert groups[0].kind == "entry"


def test_by_period_journals_wait_until_it_is_over() -> None:
    """What is posted into a period that is over goes with the day it came."""
    came = [
        Came(position(0, 0), journal("J-1", day=D3)),
        Came(position(0, 1), mark(D3, 1, ended=MAY)),
        Came(position(0, 2), journal("J-2", day=D30)),
        Came(position(0, 3), mark(D30, 2, ended="2026-06")),
        Came(position(0, 4), journal("J-3", day=D30)),
        Came(position(0, 5), journal("J-4", day=date(2026, 7, 1))),
        Came(position(0, 6), mark(date(2026, 7, 1), 4, ended="2026-06")),
    ]
    groups = read(came, 1, chart(grain="period"))
    assert members(groups) == [("J-1", "J-2"), ("J-3",)]
    assert groups[0].accounting_date == D30


def test_a_company_that_moved_to_another_zone_ends_a_day_twice_or_never() -> None:
    """The second end of 3 June counts no more, and where a shard never ended it the next day takes its journals."""
    came = [
        Came(position(0, 0), journal("J-1")),
        Came(position(0, 1), mark(D3, 1)),
        Came(position(0, 2), journal("J-2")),
        Came(position(0, 3), mark(D3, 2)),
        Came(position(0, 4), mark(D4, 2)),
        Came(position(1, 0), journal("J-3")),
        Came(position(1, 1), mark(D4, 1)),
    ]
    assert members(read(came)) == [("J-1",), ("J-2", "J-3")]


@given(st.permutations(range(6)))
def test_a_day_that_ends_twice_gives_the_same_groups_whatever_comes_first(order: list[int]) -> None:
    """Journals come in their order and so do marks."""
    journals = [Came(position(0, seq), journal(f"J-{seq}")) for seq in (0, 2, 5)]
    marks = [Came(position(0, seq), found) for seq, found in ((1, mark(D3, 1)), (3, mark(D3, 2)), (6, mark(D4, 3)))]
    came = [(journals if place < 3 else marks).pop(0) for place in order]
    assert members(read(came, 1)) == [("J-0",), ("J-2", "J-5")]


def test_what_is_reversed_goes_before_unless_it_is_in_the_same_group() -> None:
    reversal = journal("J-2", kind="reversal", reverses="J-1")
    came = [
        Came(position(0, 0), journal("J-1")),
        Came(position(0, 1), mark(D3, 1)),
        Came(position(0, 2), reversal),
        Came(position(0, 3), mark(D4, 2)),
    ]
    first, second = read(came, 1)
    assert (first.reverses, second.reverses) == (frozenset(), frozenset({"J-1"}))
    (both,) = read([came[0], Came(position(0, 1), reversal), Came(position(0, 2), mark(D3, 2))], 1)
    assert both.reverses == frozenset()


def test_companies_of_other_accounts_and_marks_that_say_too_little_are_passed_over() -> None:
    groups = OpenGroups(1, {"DE": chart()})
    assert groups.add(position(0, 0), journal("J-1", legal_entity_id="US")) == []
    assert groups.add(position(0, 1), mark(D3, 0, currencies=0)) == []
    assert groups.changes() == ((), ())


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_a_statement_in_parts_is_whole_with_its_last(order: tuple[int, ...]) -> None:
    def part(number: int, status: str = "issued") -> BillingStatement:
        return BillingStatement(
            "S-1", 2, "K-1", "C-1", "EUR", "DE", D3, D30, status, (), 0, 0, 0, 0, 0, "", 0, 0, part=number, parts=3
        )

    groups = OpenGroups(1, {"DE": chart()})
    rows = {}
    found = [groups.add_part(position(0, number), part(number)) for number in order[:2]]
    rows = dict(groups.changes().kept)
    groups = OpenGroups(1, {"DE": chart()}, rows.items())
    found.append(groups.add_part(position(0, order[2]), part(order[2])))
    assert found[:2] == [None, None]
    assert found[2] is not None
    assert found[2].parts == 1
    assert sorted(groups.changes().gone) == sorted(rows)
    assert groups.add_part(position(0, 9), part(1, "open")) is None


def test_a_journal_is_kept_by_itself_however_many_came_before() -> None:
    groups = OpenGroups(1, {"DE": chart()})
    for seq in range(1_000):
        groups.add(position(0, seq), journal(f"J-{seq}"))
    groups.changes()
    groups.add(position(0, 1_000), journal("J-1000"))
    assert sorted(name for name, _ in groups.changes().kept) == ["journal/0/1000", "seen/0/1000"]


def test_a_group_says_which_of_its_journals_the_books_have_taken_back() -> None:
    """A store is lost, and shard 0 is read up to the memo that takes J-1 back before shard 1's mark closes the day; then a process dies."""
    groups, kept = OpenGroups(2, {"DE": chart()}), dict[str, Row]()

    def keep() -> None:
        changes = groups.changes()
        kept.update(changes.kept)
        for name in changes.gone:
            del kept[name]

    memo = journal("J-2", day=D4, deliver=False, kind="reversal", reverses="J-1", rule="never_accepted")
    records: list[JournalEntry | ControlTotals] = [journal("J-1", day=D3), journal("J-3", day=D3), mark(D3, 2), memo]
    for at, record in enumerate(records):
        assert groups.add(position(0, at), record) == []
        keep()
    groups = OpenGroups(2, {"DE": chart()}, kept.items())
    (found,) = groups.add(position(1, 0), mark(D3, 0))
    assert (found.ids, found.withdrawn) == (("J-1", "J-3"), ("J-1",))
    keep()
    assert not [name for name in kept if name.startswith("journal")]
