"""A log is only folded by code that has the rules it was kept under."""

from pathlib import Path

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.event_bodies import READERS
from connectors.log_records import StoredRecord
from dataflows.embedded import ENCODERS, decode_event
from domain.events.reference import AccountingPeriodClosed, RulesActivated
from state.batch import Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop
from state.overrides import Override, by_place
from state.rules import RULES, check_genesis, check_rules
from state.shard import Shard
from state.store.store import Store
from tests.folding import GENERATION, Logged, fold_on, log_records, new_shard
from tests.intake_inputs import head


def test_the_rules_in_force_are_accepted() -> None:
    check_rules(RULES)
    check_rules({})


@pytest.mark.parametrize("wanted", [{"accounting": 2}, {"revenue": 1}])
def test_rules_that_this_code_does_not_have_stop_the_shard(wanted: dict[str, int]) -> None:
    with pytest.raises(GuardStop, match="asks for version") as stop:
        check_rules(wanted)
    assert stop.value.code == RULES_MISSING


def test_another_zone_database_stops_the_shard() -> None:
    check_genesis(Genesis("1", rules=RULES))
    with pytest.raises(GuardStop, match="zone database 1999a"):
        check_genesis(Genesis("1", rules=RULES, zone_database="1999a"))


def test_an_activation_of_rules_that_nobody_has_can_be_passed_over(tmp_path: Path) -> None:
    """The shard stops at it at every start, until an operator takes it out of what is folded."""
    events = (RulesActivated(**head("2026-04-01 09:00"), rule="acounting", version=2),)
    [record] = log_records([Logged("", event) for event in events])
    with pytest.raises(GuardStop, match="version 2 of rule acounting, this code has none") as stop:
        new_shard(tmp_path / "books.db").fold([record])
    assert stop.value.code == RULES_MISSING
    passed_over = by_place([Override(0, "", "a slip of the pen", "ann", "ben")])
    store = Store(tmp_path / "again.db", GENERATION, 0)
    shard = Shard(store, ENCODERS, Genesis(GENERATION, rules=RULES), OutputProgress(), decode_event, passed_over)
    [said, mark] = shard.fold([record])
    assert isinstance(said, Encoded)
    assert isinstance(mark, Mark)
    assert (said.type_name, mark.offset, mark.rules) == ("ExceptionRaised", 1, 1)
    store.close()


def test_a_store_keeps_reference_data_of_an_earlier_schema_by_todays(tmp_path: Path) -> None:
    """Version 1 of a closed period states no reason: a shard that is opened again reads it from its store."""
    event = AccountingPeriodClosed(
        **head("2026-04-01 09:00"),
        legal_entity_id="LE",
        period="2026-03",
        version=1,
        requested_by="ann",
        approved_by="ben",
    )
    name = "AccountingPeriodClosed"
    body = EVENT_CODECS[name].encode(event).removesuffix(b"\0")  # no reason is stated last, as one byte
    record = StoredRecord(0, "", name, body, READERS[name, 1](body))
    shard = new_shard(tmp_path / "books.db")
    fold_on(shard, [record])
    shard.store.close()
    shard = new_shard(tmp_path / "books.db")
    assert shard.reference.closed_periods("LE") == {"2026-03"}
    shard.store.close()
