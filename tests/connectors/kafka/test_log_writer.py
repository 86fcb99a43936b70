"""Which partition a record goes to, and its number there."""

from __future__ import annotations

from connectors.kafka.log_writer import LogWriter
from connectors.log_records import read_stored
from domain.events.catalogue import Event
from state.intake.partition import partition_of
from tests.intake_inputs import activated, customer, worked

WHEN = "2026-03-02 09:00"


class Bodies:
    def __init__(self) -> None:
        self.kept: dict[int, Event] = {}

    def appended(self, place: int, event: Event) -> None:
        self.kept[place] = event

    def event_at(self, place: int) -> Event:
        return self.kept[place]


def test_an_engagement_has_its_partition_and_reference_data_goes_to_all() -> None:
    log = LogWriter(Bodies(), (7, 0, 0), 40)
    own = partition_of("P-1", 3)
    assert log.append("P-1", activated(WHEN, "P-1")) == 40
    assert log.append("", customer(WHEN)) == 41
    assert log.append("P-1", worked(WHEN, "T-1", "P-1"), ("P-1",)) == 42
    first, everywhere, last = log.take_batch()
    begin = [7, 0, 0]
    assert first.numbers == [(own, begin[own])]
    assert everywhere.numbers == [(at, number + (at == own)) for at, number in enumerate(begin)]
    assert last.numbers == [(own, begin[own] + 2)]
    assert log.following == [number + 1 + 2 * (at == own) for at, number in enumerate(begin)]
    assert [each.key for each in (first, everywhere, last)] == [b"P-1", b"", b"P-1"]
    assert read_stored(last.value, 0)[0].own == ("P-1",)
    records = list(everywhere.records("log"))
    assert [(each.partition, each.headers) for each in records] == [
        (at, [("n", b"%d" % number)]) for at, number in everywhere.numbers
    ]
    assert log.take_batch() == []


def test_what_was_appended_can_be_told_again() -> None:
    log = LogWriter(Bodies(), (0,), 0)
    event = activated(WHEN, "P-1")
    assert log.event_at(log.append("P-1", event)) == event
