"""Measurements of one process: what is counted, what stands on the page, and what never can."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from connectors.metrics import catalogue, guard_stops
from connectors.metrics.catalogue import (
    COUNTER,
    FORMS,
    HISTOGRAM,
    MEASURES,
    NUMBER_MAX,
    NUMBERS,
    OF_THE_BUILD,
    VOCABULARIES,
)
from connectors.metrics.health import Health, Pulse
from connectors.metrics.page import page
from connectors.metrics.registry import HistogramBatch, Metrics
from connectors.metrics.scraped import scrape
from state.guards import BROKER_UNREACHABLE, POISON

VALUES = st.lists(st.floats(0, 20) | st.sampled_from(catalogue.LOG_BUCKETS), max_size=50)
NAMES = st.text(max_size=20)
# A process has one ERP account; a firm may keep books in some currencies.
MANY_OF_A_FORM = {"erp": 1, "currency": 20}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3", "1")


class Moment:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(VALUES, max_size=4))
def test_a_batch_counts_as_its_values_do(batches: list[list[float]]) -> None:
    at_once, single = HistogramBatch(catalogue.LOG_BUCKETS), HistogramBatch(catalogue.LOG_BUCKETS)
    for batch in batches:
        at_once.add_all(batch)
        for value in batch:
            single.add(value)
    assert at_once.counts == single.counts
    assert at_once.total == pytest.approx(single.total)


def test_a_value_at_a_bound_counts_below_it() -> None:
    """0.1 s is not above 0.1 s; 11 s is above everything."""
    spread = HistogramBatch((0.1, 1.0, 10.0))
    spread.add_all([0.1, 0.5, 1.0, 11.0])
    assert spread.cumulative() == [("0.1", 1), ("1.0", 3), ("10.0", 3), ("+Inf", 4)]
    assert spread.total == pytest.approx(12.6)


# The labels


def label_values(measure: catalogue.Measure) -> int:
    """How many series a metric can have at most, but for its buckets."""
    series = 1
    for label in measure.labels:
        if label in FORMS:
            series *= MANY_OF_A_FORM[label]
        else:
            series *= (
                NUMBER_MAX + 2 if label in NUMBERS else 1 if label in OF_THE_BUILD else len(VOCABULARIES[label]) + 1
            )
    return series


def test_no_label_can_name_a_project_or_an_engagement() -> None:
    """Each is a word of a short list, the number of a shard or partition, a currency, or the one ERP account of a process."""
    for measure in MEASURES:
        for label in measure.labels:
            assert label in {*VOCABULARIES, *NUMBERS, *OF_THE_BUILD, *MANY_OF_A_FORM}, measure.name
    assert max(len(words) for words in VOCABULARIES.values()) < 50


@pytest.mark.parametrize("measure", [each for each in MEASURES if each.labels and each.kind in {COUNTER, HISTOGRAM}])
@given(data=st.data())
def test_what_a_firm_calls_its_things_makes_no_series(measure: catalogue.Measure, data: st.DataObject) -> None:
    """However many names come, those that are not known are one, `other`."""
    metrics = Metrics("1", "1")
    for named in data.draw(st.lists(st.tuples(*[NAMES for _ in measure.labels]), min_size=3, max_size=10)):
        if measure.kind == COUNTER:
            metrics.count(measure.name, named)
        else:
            metrics.spread(measure.name, named).add(1)
    (family,) = [each for each in metrics.collect() if each.name == measure.name.removesuffix("_total")]
    for sample in family.samples:
        for label in measure.labels:
            value = sample.labels[label]
            assert (
                value == catalogue.OTHER
                or value in VOCABULARIES.get(label, ())
                or (label in FORMS and FORMS[label].fullmatch(value))
                or (label in NUMBERS and (value == "" or int(value) < NUMBER_MAX))
            )


def test_all_labels_that_may_be_are_few() -> None:
    """Series that depend on neither shards nor partitions, counted as if every word could stand beside every other."""
    small = sum(label_values(each) for each in MEASURES if not NUMBERS & set(each.labels))
    assert small < 1_100


# The page


@pytest.fixture
def served(metrics: Metrics) -> Iterator[tuple[Metrics, Health, Moment, int]]:
    moment = Moment()
    health = Health(60.0, moment)
    with page("127.0.0.1", 0, metrics.registry, health) as port:
        yield metrics, health, moment, port


Served = tuple[Metrics, Health, Moment, int]


def get(port: int, path: str, accept: str = "") -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def test_prometheus_gets_the_form_that_it_asks_for(served: Served) -> None:
    metrics, _, _, port = served
    metrics.count(catalogue.EVENTS_CONSUMED, ("intake", "psa.time"), 5)
    line = 'milepost_events_consumed_total{dataflow="intake",topic="psa.time"} 5.0'
    status, kind, text = get(port, "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert (status, kind.partition(";")[0]) == (200, "application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert line in text
    assert {family.name for family in open_metrics(text)} >= {"milepost_events_consumed", "process_start_time_seconds"}
    status, kind, text = get(port, "/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert "# EOF" not in text
    assert line in text


def test_no_series_say_when_a_counter_began(served: Served) -> None:
    """They would double the page."""
    metrics, _, _, port = served
    metrics.count(catalogue.DAYS_ENDED)
    metrics.spread(catalogue.LOG_TO_VISIBLE).add(0.2)
    assert "_created" not in get(port, "/metrics")[2]
    assert "_created" not in get(port, "/metrics", "application/openmetrics-text;version=1.0.0")[2]


def test_metrics_of_two_processes_do_not_meet(metrics: Metrics) -> None:
    """Nothing is in the registry that the library shares."""
    other = Metrics("1", "1")
    metrics.count(catalogue.DAYS_ENDED, (), 3)
    assert metrics.registry.get_sample_value("milepost_days_ended_total") == 3
    assert other.registry.get_sample_value("milepost_days_ended_total") == 0


def test_other_paths_are_named(served: Served) -> None:
    assert get(served[3], "/")[0] == 404


def test_what_is_asked_is_asked_anew_each_time(metrics: Metrics) -> None:
    waiting = 3.0
    end = metrics.ask(catalogue.UNROUTED_WAITING, lambda: [((), waiting)])
    assert metrics.registry.get_sample_value("milepost_unrouted_waiting") == 3
    waiting = 4.0
    assert metrics.registry.get_sample_value("milepost_unrouted_waiting") == 4
    end()
    assert metrics.registry.get_sample_value("milepost_unrouted_waiting") is None


# Health


def test_a_process_that_resumes_is_well_and_not_ready(served: Served) -> None:
    _, _, _, port = served
    assert get(port, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert get(port, "/readyz")[::2] == (503, "it has not taken over yet\n")


def test_a_start_that_does_not_end_is_not_well(served: Served) -> None:
    """Half an hour is allowed; then a restart may help."""
    _, health, moment, port = served
    moment.now += 30 * 60
    assert get(port, "/healthz")[0] == 200
    moment.now += 1
    assert get(port, "/healthz")[::2] == (503, "it has not taken over within 1801 seconds of its start\n")
    health.watch({"shard 3": Pulse(moment)})
    assert get(port, "/healthz")[0] == 200


def test_healthz_is_about_progress(served: Served) -> None:
    """60 s are allowed: first work without a commit, then a loop that does not turn."""
    _, health, moment, port = served
    pulse = Pulse(moment)
    health.watch({"shard 3": pulse})
    moment.now += 59
    pulse.turned()
    assert get(port, "/healthz")[0] == 200
    moment.now += 2
    pulse.turned()
    assert get(port, "/healthz")[::2] == (503, "shard 3 has work and has not committed for 61 seconds\n")
    pulse.settled()
    assert get(port, "/healthz")[0] == 200
    moment.now += 61
    assert get(port, "/healthz")[::2] == (503, "shard 3 has not turned for 61 seconds\n")


def test_who_waits_for_another_is_not_stuck_as_long_as_it_turns(served: Served) -> None:
    """The view, while Redis is away: a restart would not help."""
    _, health, moment, port = served
    pulse = Pulse(moment, may_wait=True)
    health.watch({"view": pulse})
    moment.now += 300
    pulse.turned()
    assert get(port, "/healthz")[0] == 200
    assert pulse.unsettled_seconds == 300
    moment.now += 61
    assert get(port, "/healthz")[0] == 503


def test_readyz_waits_for_every_shard(served: Served) -> None:
    _, health, moment, port = served
    first, second = Pulse(moment), Pulse(moment)
    health.watch({"shard 0": first, "shard 1": second})
    first.is_ready = True
    assert get(port, "/readyz")[::2] == (503, "shard 1 has not reached what is visible\n")
    second.is_ready = True
    assert get(port, "/readyz")[0] == 200
    moment.now += 61
    assert get(port, "/readyz")[0] == 503


# Guard stops


def test_guard_stops_are_kept_over_restarts(tmp_path: Path) -> None:
    guard_stops.add(tmp_path, "accounting", POISON, "record 5 cannot be folded", at=100.0)
    guard_stops.add(tmp_path, "accounting", POISON, "record 5 cannot be folded", at=200.0)
    guard_stops.add(tmp_path, "accounting", BROKER_UNREACHABLE, "no answer", at=150.0)
    guard_stops.add(tmp_path, "intake", None, "KeyError: 7", at=300.0)
    found = guard_stops.read(tmp_path, "accounting")
    assert {guard: each.number for guard, each in found.items()} == {"poison": 2, "broker_unreachable": 1}
    assert guard_stops.last(found) == ("poison", guard_stops.Stops(2, 200.0, "record 5 cannot be folded"))
    assert set(guard_stops.read(tmp_path, "intake")) == {catalogue.FAULT}


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b'{"poison": 3}', b'{"poison": {"number": 1}}'])
def test_a_file_of_stops_that_is_broken_counts_from_none(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "guard-stops-intake.json").write_bytes(left)
    assert guard_stops.read(tmp_path, "intake") == {}
    guard_stops.add(tmp_path, "intake", POISON, "again", at=1.0)
    assert guard_stops.read(tmp_path, "intake")["poison"].number == 1


def test_a_folder_that_cannot_be_written_hides_no_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    guard_stops.add(tmp_path / "file", "intake", POISON, "not kept")


# Reading pages of others


def test_a_page_is_read_and_a_silence_is_told(served: Served) -> None:
    metrics, _, _, port = served
    metrics.count(catalogue.EVENTS_CONSUMED, ("intake", "psa.time"), 5)
    metrics.count(catalogue.EVENTS_CONSUMED, ("intake", "hr.people"), 2)
    answered, silent = scrape([f"127.0.0.1:{port}", "127.0.0.1:1"])
    assert answered.sum(catalogue.EVENTS_CONSUMED, dataflow="intake") == 7
    assert answered.sum(catalogue.EVENTS_CONSUMED, topic="psa.time") == 5
    assert silent.samples == ()
    assert silent.fault
