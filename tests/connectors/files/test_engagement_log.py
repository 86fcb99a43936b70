"""The log of an embedded run: appended, cut back, and read from any offset."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.files import log_format
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import LogEnd, log_path
from domain.events.catalogue import Event
from state.genesis import Genesis
from state.guards import LOG_DAMAGED, LOG_MISSING, OUTPUT_UNWRITABLE, GuardStop
from tests.intake_inputs import activated, signed, worked

GENESIS = Genesis("1", rules={"accounting": 3}, outputs={"JournalEntry": "ab"})


@pytest.fixture(autouse=True)
def small_index(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("connectors.files.engagement_log", "connectors.files.log_appender"):
        monkeypatch.setattr(f"{module}.INDEXED_EVERY", 10)


def event(number: int) -> Event:
    return worked("2026-03-02 09:00", f"T-{number}", "P-1", description="x" * (number * 37 % 400))


@pytest.fixture
def appender(tmp_path: Path) -> Iterator[LogAppender]:
    found = LogAppender.open(tmp_path, GENESIS, None)
    yield found
    found.close()


def fill(appender: LogAppender, count: int) -> LogEnd:
    for number in range(appender.offset, appender.offset + count):
        appender.append("P-1", event(number))
    end = appender.sync()
    appender.publish()
    return end


def entries(log: EngagementLog, offset: int, count: int) -> list[str]:
    return [f"{record.offset} {record.event.entry_id}" for record in log.read(offset, count)]  # type: ignore[union-attr]


def test_what_was_appended_is_read(tmp_path: Path, appender: LogAppender) -> None:
    contract = signed("2026-03-02 09:00", "C-1", "P-1", "P-2")
    appender.append("", activated("2026-03-02 08:00", "P-1"))
    appender.append("P-1", contract, ("P-1",))
    appender.append("P-2", contract, ())
    appender.sync()
    appender.publish()
    with EngagementLog.open(tmp_path) as log:
        first, second, third = log.read(0)
    assert (first.engagement_id, first.type_name, first.own) == ("", "ProjectActivated", None)
    assert (second.offset, second.engagement_id, second.event, second.own) == (1, "P-1", contract, ("P-1",))
    assert (third.engagement_id, third.own) == ("P-2", ())
    assert EVENT_CODECS[third.type_name].decode(third.body) == contract


def test_the_genesis_stands_at_its_head(tmp_path: Path, appender: LogAppender) -> None:
    with EngagementLog.open(tmp_path) as log:
        assert log.genesis == GENESIS
        assert log.end == 0
        assert log.read(0) == []
    with log_path(tmp_path).open("rb") as file:
        assert json.loads(fastavro.reader(file).metadata["milepost.genesis"])["generation"] == "1"


def test_any_avro_reader_reads_it(tmp_path: Path, appender: LogAppender) -> None:
    fill(appender, 3)
    with log_path(tmp_path).open("rb") as file:
        found: list[Any] = list(fastavro.reader(file))
    assert [record["type"] for record in found] == ["TimeApproved"] * 3
    assert [set(record) for record in found] == [{"engagement_id", "type", "schema", "body", "own"}] * 3


def test_reading_begins_at_any_offset(tmp_path: Path, appender: LogAppender) -> None:
    fill(appender, 57)
    with EngagementLog.open(tmp_path) as log:
        for offset in (0, 56, 9, 10, 11, 55, 20, 21):
            assert entries(log, offset, 2) == [f"{n} T-{n}" for n in range(offset, min(offset + 2, 57))]
        assert len(log.read(0, max_records=1_000)) == 57
        assert log.read(57) == []
        assert [record.offset for record in log.records(50)] == list(range(50, 57))


def test_reading_is_bounded_in_bytes(tmp_path: Path, appender: LogAppender) -> None:
    """A record that is larger than the bound still comes, alone."""
    appender.append("P-1", worked("2026-03-02 09:00", "T-0", "P-1", description="x" * 500_000))
    fill(appender, 400)
    with EngagementLog.open(tmp_path) as log:
        assert len(log.read(0, max_bytes=1)) == 1
        assert 1 < len(log.read(1, max_bytes=1)) < 400


def test_readers_see_what_is_committed_and_no_more(tmp_path: Path, appender: LogAppender) -> None:
    fill(appender, 5)
    with EngagementLog.open(tmp_path) as log:
        appender.append("P-1", event(5))
        appender.sync()
        assert log.refresh() == 5
        appender.publish()
        assert log.end == 5
        assert log.refresh() == 6
        assert entries(log, 5, 10) == ["5 T-5"]


def test_without_its_index_and_end_it_is_read_the_same(tmp_path: Path, appender: LogAppender) -> None:
    fill(appender, 57)
    log_path(tmp_path).with_suffix(".index").unlink()
    log_path(tmp_path).with_suffix(".end").unlink()
    with EngagementLog.open(tmp_path) as log:
        assert log.end == 57
        assert entries(log, 43, 1) == ["43 T-43"]


def test_a_start_cuts_off_what_was_not_committed(tmp_path: Path, appender: LogAppender) -> None:
    """The bytes are then the same as if it had never been there."""
    committed = fill(appender, 33)
    fill(appender, 24)
    whole = log_path(tmp_path).read_bytes()
    again = LogAppender.open(tmp_path, Genesis("other"), committed)
    assert again.genesis == GENESIS
    with EngagementLog.open(tmp_path) as log:
        assert log.end == 33
    fill(again, 24)
    again.close()
    assert log_path(tmp_path).read_bytes() == whole
    assert log_format.read_index(log_path(tmp_path)) == indexed(tmp_path)


def test_a_start_makes_a_lost_index_again(tmp_path: Path, appender: LogAppender) -> None:
    committed = fill(appender, 57)
    before = log_format.read_index(log_path(tmp_path))
    log_path(tmp_path).with_suffix(".index").write_bytes(b"half")
    LogAppender.open(tmp_path, GENESIS, committed).close()
    assert log_format.read_index(log_path(tmp_path)) == before == indexed(tmp_path)


@pytest.mark.parametrize("entry", [0, 2, 5])
@pytest.mark.parametrize("place", [-1, 0, 17, 12_345, 2**62])
def test_an_index_that_does_not_fit_is_not_read_and_made_again(
    tmp_path: Path, appender: LogAppender, entry: int, place: int
) -> None:
    """The log is whole, so nobody is sent to a backup of it; `0.end` may be lost as well."""
    committed = fill(appender, 57)
    path = log_path(tmp_path).with_suffix(".index")
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[8 * entry : 8 * entry + 8] = place.to_bytes(8, "little", signed=True)
    path.write_bytes(damaged)
    for _ in range(2):
        for offset in (0, 5, 9, 19, 25, 43, 56):
            with EngagementLog.open(tmp_path) as log:
                assert entries(log, offset, 2) == [f"{n} T-{n}" for n in range(offset, min(offset + 2, 57))]
                assert log.end == 57
                assert [record.offset for record in log.records(offset)] == list(range(offset, 57))
        log_path(tmp_path).with_suffix(".end").unlink(missing_ok=True)
    LogAppender.open(tmp_path, GENESIS, committed).close()
    assert path.read_bytes() == whole


def test_an_index_that_lost_its_first_entry_is_not_read(tmp_path: Path, appender: LogAppender) -> None:
    """Records begin at each of its places, but others."""
    fill(appender, 57)
    path = log_path(tmp_path).with_suffix(".index")
    path.write_bytes(path.read_bytes()[8:])
    with EngagementLog.open(tmp_path) as log:
        assert entries(log, 43, 1) == ["43 T-43"]


def indexed(folder: Path) -> list[int]:
    """Found by reading from the beginning."""
    with EngagementLog.open(folder) as log:
        log._index.clear()
        return [log.place_of(offset) for offset in range(0, log.end, 10)]


def test_a_record_is_found_by_its_place_before_it_is_committed(appender: LogAppender) -> None:
    places = [appender.append("P-1", event(number)) for number in range(3)]
    assert [appender.event_at(place) for place in places] == [event(number) for number in range(3)]


def test_a_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(GuardStop, match="milepost run") as stop:
        EngagementLog.open(tmp_path)
    assert stop.value.code == LOG_MISSING


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.9])
def test_damage_stops_with_the_place(tmp_path: Path, appender: LogAppender, place: float) -> None:
    fill(appender, 40)
    path = log_path(tmp_path)
    data = bytearray(path.read_bytes())
    for at in range(int(len(data) * place), int(len(data) * place) + 24):
        data[at] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(GuardStop, match="is damaged") as stop, EngagementLog.open(tmp_path) as log:
        list(log.records())
    assert stop.value.code == LOG_DAMAGED


def test_a_log_shorter_than_its_commits_is_damaged(tmp_path: Path, appender: LogAppender) -> None:
    end = fill(appender, 5)
    os.truncate(log_path(tmp_path), end.length - 1)
    with pytest.raises(GuardStop, match="shorter"):
        EngagementLog.open(tmp_path)
    with pytest.raises(GuardStop, match="shorter"):
        LogAppender.open(tmp_path, GENESIS, end)


def test_a_full_disk_is_told_and_nothing_is_half_done(tmp_path: Path, appender: LogAppender) -> None:
    committed = fill(appender, 5)
    appender.append("P-1", event(5))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, appender._file)
    os.close(full)
    with pytest.raises(GuardStop, match="No space left on device") as stop:
        appender.sync()
    assert stop.value.code == OUTPUT_UNWRITABLE
    with EngagementLog.open(tmp_path) as log:
        assert log.end == committed.offset == 5
