"""Exactly once by chance, over a model of brokers; and the harness itself, by mistakes that it must find."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from connectors.kafka.clients import KafkaClients
from connectors.kafka.settings import KafkaSettings
from tests.brokers import Chances, ModelClients, ModelConsumer
from tests.exactly_once import NAMES, RARE, SHARD, World, Wrong, play, play_many
from tests.reliability import deliberate_mistakes
from tests.thoroughness import THOROUGH

SEEDS = 4_000 if THOROUGH else 100
CHUNK = 100
SEEDS_TO_FIND_A_MISTAKE = 300
SEEDS_WITH_ONE_SAFEGUARD = 300 if THOROUGH else 50
PAGE = Path("docs/reliability.md")

# Worlds that hold no mistake that readers see: what has happened to a log, and what another safeguard makes good.
WITHOUT = (deliberate_mistakes.LostRecord, deliberate_mistakes.ProgressApartAlone, deliberate_mistakes.AskedAgainAlone)
MISTAKES = sorted(
    (
        found
        for _, found in inspect.getmembers(deliberate_mistakes, inspect.isclass)
        if issubclass(found, World) and found not in (World, *WITHOUT)
    ),
    key=lambda found: found.__name__,
)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_outputs_are_those_of_a_plain_loop_whatever_goes_wrong(first: int) -> None:
    reached, wrong = play_many(range(first, first + CHUNK))
    assert wrong == {}
    assert [name for name in RARE if not reached[name]] == [], "what is never reached is not shown"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda found: found.__name__)
def test_a_mistake_is_found(mistake: type[World]) -> None:
    for seed in range(SEEDS_TO_FIND_A_MISTAKE):
        try:
            play(seed, mistake)
        except Wrong:
            return
    pytest.fail(f"{SEEDS_TO_FIND_A_MISTAKE} seeds, and nobody has noticed: {inspect.getdoc(mistake)}")


@pytest.mark.parametrize("alone", WITHOUT[1:], ids=lambda found: found.__name__)
def test_one_safeguard_makes_good_what_the_other_would_prevent(alone: type[World]) -> None:
    """Progress last, and a look at the ends of the topics: either is enough against these, so a mistake takes both away.

    Where every mark arrives: progress apart from its outputs may be aborted alone.
    """

    def marks_arrive(seed: int) -> World:
        world = alone(seed)
        world.chances = world.chances._replace(left_out=0.0)
        return world

    assert play_many(range(SEEDS_WITH_ONE_SAFEGUARD), marks_arrive)[1] == {}


def test_a_record_that_the_log_has_lost_stops_the_shard() -> None:
    with pytest.raises(Wrong, match="stopped with 13"):
        play(1, deliberate_mistakes.LostRecord)


def test_without_its_number_nobody_would_notice_a_lost_record() -> None:
    with pytest.raises(Wrong, match=r"with the books of another|are visible, wrong from"):
        play(1, deliberate_mistakes.DensityUnchecked)


def test_a_reader_whose_place_is_gone_is_told() -> None:
    """Without the setting librdkafka goes on from the end, and the numbers of the records alone would tell."""
    with patch("connectors.kafka.clients.RealConsumer") as made:
        KafkaClients(KafkaSettings(brokers="localhost:9092")).consumer()
    assert made.call_args.args[0]["auto.offset.reset"] == "error"


def test_the_page_lists_every_mistake() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted([*(found.__name__ for found in MISTAKES), "FromTheEnd"])


class CutLog(World):
    """Retention takes away the log up to its middle, and every store is lost."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.chances = Chances()
        partition = self.brokers.partition(NAMES.log, SHARD)
        partition.start = partition.high // 2


class FromTheEndConsumer(ModelConsumer):
    """What librdkafka does with `auto.offset.reset` at its default."""

    def _read(self, place: tuple[str, int], room: int) -> list:
        partition = self._brokers.partition(*place)
        if self._next[place] < partition.start:
            self._next[place] = partition.high
        return super()._read(place, room)


class FromTheEndClients(ModelClients):
    def consumer(self, *, committed: bool = True, group: str | None = None) -> ModelConsumer:
        return FromTheEndConsumer(self.brokers, committed=committed)


def test_a_log_that_was_cut_stops_the_shard() -> None:
    with pytest.raises(Wrong, match="stopped with 21"):
        play(1, CutLog)


def test_a_reader_that_jumps_to_the_end_is_stopped_by_the_numbers() -> None:
    """The genesis is not where it should be; and a record that is not the next one is refused."""

    class FromTheEnd(CutLog):
        def __init__(self, seed: int) -> None:
            super().__init__(seed)
            self.clients = FromTheEndClients(self.brokers)

    with pytest.raises(Wrong, match=r"stopped with (21|16)"):
        play(1, FromTheEnd)


def test_nothing_goes_wrong_where_nothing_may() -> None:
    class Quiet(World):
        def __init__(self, seed: int) -> None:
            super().__init__(seed)
            self.chances = Chances()

    assert play(3, Quiet)["crash"] == 0
