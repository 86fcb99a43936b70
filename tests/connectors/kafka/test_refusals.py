"""What brokers say is a stop that passes, or one for a person."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.partitions import failed
from milepost.operate.supervisor import FOR_A_PERSON
from state.guards import BROKER_UNREACHABLE, REFUSED_BY_BROKER


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "See user, password and certificate in [kafka]"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "See user, password and certificate in [kafka]"),
        (KafkaError.MSG_SIZE_TOO_LARGE, "`milepost topics check` says what max.message.bytes has to be"),
        (KafkaError.UNSUPPORTED_VERSION, "`milepost doctor` says what is needed of the brokers"),
    ],
)
def test_a_refusal_is_for_a_person(code: int, advice: str) -> None:
    stop = failed(KafkaException(KafkaError(code, "no")))
    assert (stop.code, advice in stop.message) == (REFUSED_BY_BROKER, True)
    assert stop.code in FOR_A_PERSON


@pytest.mark.parametrize("code", [KafkaError._ALL_BROKERS_DOWN, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError._TIMED_OUT])
def test_what_passes_is_tried_again(code: int) -> None:
    stop = failed(KafkaException(KafkaError(code, "not now")))
    assert stop.code == BROKER_UNREACHABLE
    assert stop.code not in FOR_A_PERSON
