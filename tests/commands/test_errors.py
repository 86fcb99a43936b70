"""How faults end a command."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError, KafkaException
from redis.exceptions import NoPermissionError
from typer.testing import CliRunner

from connectors.kafka.clients import KafkaClients
from milepost import exit_codes
from milepost.cli import app
from milepost.errors import causes, ending_of
from state.guards import BROKER_UNREACHABLE, REFUSED_BY_BROKER


def test_a_fault_that_names_itself_as_its_cause_comes_to_an_end() -> None:
    """Clients of brokers raise such; the process has to end, so that somebody starts it again."""
    fault = ValueError("no answer")
    fault.__cause__ = fault
    assert list(causes(fault)) == [fault]
    assert ending_of(fault)[0] == exit_codes.FAILURE


def test_brokers_that_go_away_in_the_middle_of_a_command_are_said_to() -> None:
    """As of `skip` and `repair`, which ask them many times; code 28 says that it may be tried again."""
    code, message = ending_of(KafkaException(KafkaError(KafkaError._TRANSPORT, "127.0.0.1:9092 is down")))
    assert code == BROKER_UNREACHABLE
    assert message.startswith("the brokers cannot be reached: 127.0.0.1:9092 is down. Check [kafka] brokers")


def test_what_brokers_refuse_in_the_middle_of_a_command_needs_a_person() -> None:
    code, message = ending_of(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    assert (code, "not allowed" in message) == (REFUSED_BY_BROKER, True)


def test_a_permission_that_redis_does_not_give_leads_to_the_rights_of_its_users() -> None:
    code, message = ending_of(NoPermissionError("this user has no permissions to run the 'unlink' command"))
    assert code == exit_codes.FAILURE
    assert "'unlink' command. docs/views.md has the rights that each user needs" in message


@pytest.mark.parametrize("words", ["topics create", "topics check", "lag"])
def test_what_brokers_refuse_to_a_command_is_no_brokers_that_cannot_be_reached(words: str) -> None:
    refused = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with (
        patch.object(KafkaClients, "found_topics", side_effect=refused),
        patch.object(KafkaClients, "topics", side_effect=refused),
    ):
        ended = CliRunner().invoke(app, words.split())
    assert (ended.exit_code, "not allowed" in ended.stderr) == (REFUSED_BY_BROKER, True)
