"""What events are called where finance reads them."""

from __future__ import annotations

from domain.events.catalogue import TOPICS
from milepost.words import GERMAN, event_name, label_words


def test_every_event_has_a_german_name() -> None:
    assert set(GERMAN) == set(TOPICS)


def test_an_event_is_named_in_the_language_of_the_page() -> None:
    assert event_name("PaymentReceived") == "payment received"
    assert event_name("PaymentReceived", "de") == "Zahlung eingegangen"
    assert label_words("TimeApproved T-17 version 2", "de") == "Zeit genehmigt T-17 Fassung 2"
