"""Views of a generation, as they come from their topic, until another generation takes its place; on a model of brokers."""

from __future__ import annotations

from random import Random

import pytest

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka.names import Names
from connectors.kafka.published import about, headers
from connectors.kafka.registry import SchemaIds
from connectors.kafka.views import ViewTopic
from domain.outputs import Position
from state.guards import OTHER_GENERATION, GuardStop
from tests.brokers import Brokers, ModelClients
from tests.kafka.given_views import TEN, project

TOPIC = "project.views"
FRAME = SchemaIds.fixed("").frame(TOPIC, "ProjectView")


class Topic:
    """With two partitions."""

    def __init__(self) -> None:
        self.brokers = Brokers(Random(1))
        self.brokers.create(TOPIC, 2)
        self.places: dict[int, str] = {}

    def say(self, generation: str, version: int, shard: int = 0) -> None:
        position = Position(generation, shard, 10, 0, version, "ev-1", TEN, TEN, None, "1")
        body = OUTPUT_CODECS["ProjectView"].encode(position, project(f"P-{shard}", version))
        told = headers(about(generation, shard, "ProjectView"), version, version - 1)
        self.brokers.append(TOPIC, shard, b"P", FRAME + body, told)

    def taken(self, generation: str = "1") -> list[int]:
        """Versions that a start takes from where the last one was, until there are no more."""
        topic = ViewTopic(ModelClients(self.brokers), Names("", generation), self.places, pytest.fail)
        found = []
        for _ in range(8):
            for each in topic.poll():
                found += [view.version for view in each.views]
                self.places[each.partition] = each.following
        return found


def test_views_are_read_on_from_where_they_were() -> None:
    of = Topic()
    of.say("1", 1)
    assert of.taken() == [1]
    of.say("1", 2)
    assert of.taken() == [2]


def test_what_is_read_and_not_kept_is_still_behind() -> None:
    """Three views of one project; the first two are in flight when the third comes."""
    of = Topic()
    of.say("1", 1)
    of.say("1", 2)
    topic = ViewTopic(ModelClients(of.brokers), Names("", "1"), {}, pytest.fail)
    [batch] = topic.poll()
    of.say("1", 3)
    assert topic.behind({(TOPIC, 0): 3, (TOPIC, 1): 0}.__getitem__) == {0: 3, 1: 0}
    topic.kept[batch.partition] = batch.following
    assert topic.behind({(TOPIC, 0): 3, (TOPIC, 1): 0}.__getitem__) == {0: 1, 1: 0}


def test_the_view_of_a_generation_that_was_replaced_stops_at_every_start() -> None:
    """Also where it had read everything of its own before; the new generation's view reads from the beginning."""
    of = Topic()
    of.say("1", 1)
    assert of.taken() == [1]
    of.say("2", 1)
    for _ in range(2):
        with pytest.raises(GuardStop, match="generation 2 has written after generation 1") as stop:
            of.taken()
        assert stop.value.code == OTHER_GENERATION
    assert of.taken("2") == [1]


def test_what_was_said_before_it_was_replaced_is_taken() -> None:
    of = Topic()
    of.say("1", 1)
    of.say("2", 1)
    topic = ViewTopic(ModelClients(of.brokers), Names("", "1"), {}, pytest.fail)
    assert [view.version for each in topic.poll() for view in each.views] == [1]
    with pytest.raises(GuardStop):
        topic.poll()


def test_the_generation_before_may_still_write_where_the_new_one_has_not_begun() -> None:
    """Shards are taken over one after the other; the view of the new generation may be there first."""
    of = Topic()
    of.say("1", 1)
    assert of.taken("2") == []
    of.say("1", 2)
    of.say("2", 1, shard=1)
    of.say("1", 3)
    assert of.taken("2") == [1]
    of.say("2", 2)
    assert of.taken("2") == [2]
