"""Ids are those of our own schemas; neither an outage nor a message makes us ask for anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.decode_error import DecodeError
from connectors.event_bodies import read_event
from connectors.kafka.frame import framed, unframed
from connectors.kafka.pinned_schemas import fixed_id, pinned_schemas
from connectors.kafka.registry import SchemaIds, register_schemas, schema_ids
from connectors.kafka.registry_client import RegistryClient, RegistryRefused, RegistryUnreachable
from connectors.kafka.settings import RegistrySettings
from domain.events.delivery import TimeWithdrawn
from state.guards import REGISTRY_UNREACHABLE, SCHEMA_UNKNOWN, GuardStop
from tests.connectors.kafka.small_registry import SmallRegistry, served

PINNED = pinned_schemas()
WITHDRAWN = next(each for each in PINNED if each.type_name == "TimeWithdrawn")
SUBJECT = "psa.time-milepost.events.TimeWithdrawn"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registry() -> Iterator[SmallRegistry]:
    with served(SmallRegistry()) as running:
        yield running


def filled(registry: SmallRegistry) -> SmallRegistry:
    for pinned in PINNED:
        for subject in pinned.subjects(""):
            registry.register(subject, pinned.text)
    return registry


# In which whoever answers at all has answered; who waits for it in vain is kept for so long.
PATIENCE = 2.0


def ids_of(
    registry: SmallRegistry,
    cache: Path,
    clock: Clock | None = None,
    said: list[str] | None = None,
    seconds: float = 30.0,
) -> SchemaIds:
    settings = RegistrySettings(url=registry.url, timeout_seconds=seconds)
    return schema_ids(settings, "", cache, (said if said is not None else []).append, clock or Clock())


def test_an_event_in_its_frame_is_read_with_the_schema_that_it_was_written_with(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    ids = ids_of(filled(registry), tmp_path / "ids.json")
    event = TimeWithdrawn(event_id="e", occurred_at=1_800_000_000_000_000, source="psa", entry_id="T-1", version=2)
    value = framed(registry.ids[WITHDRAWN.text], EVENT_CODECS["TimeWithdrawn"].encode(event))
    pinned, body = ids.read(value)
    assert read_event(pinned.type_name, pinned.number, body) == event


def test_earlier_versions_have_ids_of_their_own(registry: SmallRegistry, tmp_path: Path) -> None:
    ids = ids_of(filled(registry), tmp_path / "ids.json")
    versions = [each for each in PINNED if each.type_name == "ExceptionWaived"]
    assert [ids.schema(registry.ids[each.text]) for each in versions] == versions
    assert len(versions) == 2


def test_outputs_are_framed_with_the_id_of_todays_schema(registry: SmallRegistry, tmp_path: Path) -> None:
    ids = ids_of(filled(registry), tmp_path / "ids.json")
    raised = max((each for each in PINNED if each.type_name == "ExceptionRaised"), key=lambda each: each.number)
    assert ids.frame("exceptions", "ExceptionRaised") == b"\x00" + registry.ids[raised.text].to_bytes(4, "big")
    assert ids.frame("forecast.current", "ForecastUpdate") == ids.frame("forecast.updates", "ForecastUpdate")


def test_an_output_of_earlier_rules_is_framed_with_the_id_of_its_schema(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    ids = ids_of(filled(registry), tmp_path / "ids.json")
    first = next(each for each in PINNED if each.type_name == "ExceptionRaised" and each.number == 1)
    framed = ids.frame("exceptions", "ExceptionRaised", first.fingerprint)
    assert framed == b"\x00" + registry.ids[first.text].to_bytes(4, "big")
    assert framed != ids.frame("exceptions", "ExceptionRaised")


def test_an_output_that_is_not_registered_stops_with_what_to_do(registry: SmallRegistry, tmp_path: Path) -> None:
    registry.register(SUBJECT, WITHDRAWN.text)
    with pytest.raises(GuardStop, match="milepost schemas register") as stop:
        ids_of(registry, tmp_path / "ids.json").frame("erp.postings", "JournalEntry")
    assert stop.value.code == SCHEMA_UNKNOWN


def test_a_restart_needs_no_registry(registry: SmallRegistry, tmp_path: Path) -> None:
    cache = tmp_path / "store" / "ids.json"
    before = ids_of(filled(registry), cache)
    registry.misbehave = "broken"
    said: list[str] = []
    after = ids_of(registry, cache, said=said)
    assert after.rows() == before.rows()
    assert "Going on with the" in said[0]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1, "registry": "x", "ids": 3}'])
def test_a_damaged_cache_is_none(registry: SmallRegistry, tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "ids.json"
    cache.write_bytes(damage)
    assert not ids_of(filled(registry), cache).missing
    assert json.loads(cache.read_bytes())["format"] == 1


def test_without_registry_and_cache_nothing_begins(registry: SmallRegistry, tmp_path: Path) -> None:
    """One that is away comes back by itself, so that is another stop than one that needs a person."""
    registry.misbehave = "broken"
    with pytest.raises(GuardStop, match="Start the registry") as stop:
        ids_of(registry, tmp_path / "ids.json")
    assert stop.value.code == REGISTRY_UNREACHABLE


def test_the_cache_of_another_registry_is_not_used(registry: SmallRegistry, tmp_path: Path) -> None:
    cache = tmp_path / "ids.json"
    ids_of(filled(registry), cache)
    with served(SmallRegistry()) as other:
        other.misbehave = "broken"
        with pytest.raises(GuardStop):
            ids_of(other, cache)


def shifted() -> SmallRegistry:
    """Made again: something else was registered first."""
    found = SmallRegistry()
    found.register("others-value", '"string"')
    return found


def test_another_address_with_other_ids_stops_however_often_it_is_asked(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    """What is on the topics was written with the ids that the file keeps, and it goes on to keep them."""
    cache = tmp_path / "ids.json"
    before = ids_of(filled(registry), cache)
    with served(filled(shifted())) as other:
        for _ in range(2):
            with pytest.raises(GuardStop, match=f"had 100 in the registry at {registry.url}") as stop:
                ids_of(other, cache)
            assert stop.value.code == SCHEMA_UNKNOWN
            assert str(cache) in stop.value.message
    assert ids_of(registry, cache).rows() == before.rows()


def test_another_address_with_the_same_ids_is_gone_on_with(registry: SmallRegistry, tmp_path: Path) -> None:
    cache = tmp_path / "ids.json"
    before = ids_of(filled(registry), cache)
    with served(filled(SmallRegistry())) as other:
        assert ids_of(other, cache).rows() == before.rows()
        assert "earlier" not in json.loads(cache.read_bytes())
        other.misbehave = "broken"
        assert ids_of(other, cache).rows() == before.rows()


def test_what_an_empty_registry_is_filled_with_later_is_compared_too(registry: SmallRegistry, tmp_path: Path) -> None:
    """The first start writes nothing with ids of the registry before, and keeps them for the one after `register`."""
    cache = tmp_path / "ids.json"
    clock = Clock()
    ids_of(filled(registry), cache)
    with served(shifted()) as other:
        ids = ids_of(other, cache, clock)
        assert len(ids.missing) == len([row for row in ids.rows() if row[1].is_current])
        with pytest.raises(GuardStop, match="milepost schemas register"):
            ids.frame("erp.postings", "JournalEntry")
        filled(other)
        clock.now = 61
        with pytest.raises(GuardStop, match="the registry was made again"):
            ids.schema(101)
        with pytest.raises(GuardStop, match="the registry was made again"):
            ids_of(other, cache)


def test_an_id_that_was_another_schemas_stops_although_the_new_one_is_new_here(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    cache = tmp_path / "ids.json"
    absent = WITHDRAWN
    for pinned in PINNED:
        for subject in pinned.subjects(""):
            if pinned != absent:
                registry.register(subject, pinned.text)
    ids_of(registry, cache)
    with served(SmallRegistry()) as other:
        other.register(SUBJECT, absent.text)
        with pytest.raises(GuardStop, match=f"has id 100, and 100 was that of {PINNED[0].type_name}"):
            ids_of(other, cache)


def test_where_the_other_address_does_not_answer_the_ids_of_the_first_are_not_used(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    cache = tmp_path / "ids.json"
    ids_of(filled(registry), cache)
    with served(SmallRegistry()) as other:
        other.misbehave = "broken"
        with pytest.raises(GuardStop, match=f"are of the registry at {registry.url}") as stop:
            ids_of(other, cache)
    assert stop.value.code == REGISTRY_UNREACHABLE


def test_a_path_without_a_registry_is_told_apart_from_an_empty_one(registry: SmallRegistry) -> None:
    wrong = RegistrySettings(url=f"{registry.url}/somewhere")
    with RegistryClient(wrong) as client, pytest.raises(RegistryUnreachable, match="at /apis/ccompat/v7"):
        list(register_schemas(client, "", dry_run=True))
    with RegistryClient(RegistrySettings(url=registry.url)) as client:
        assert any(step.did == "registered" for step in register_schemas(client, "", dry_run=True))


def test_an_unknown_id_asks_at_most_once_a_minute_and_only_for_what_is_missing(
    registry: SmallRegistry, tmp_path: Path
) -> None:
    clock = Clock()
    absent = WITHDRAWN
    for pinned in PINNED:
        for subject in pinned.subjects(""):
            if pinned != absent:
                registry.register(subject, pinned.text)
    ids = ids_of(registry, tmp_path / "ids.json", clock)
    new = registry.register(SUBJECT, absent.text)
    registry.asked.clear()
    clock.now = 59
    assert ids.schema(new) is None
    assert registry.asked == []
    clock.now = 61
    assert ids.schema(new) == absent
    assert registry.asked == [("POST", f"/subjects/{SUBJECT}")]
    clock.now = 200
    assert ids.schema(7_777) is None
    assert len(registry.asked) == 1


def test_an_outage_while_running_changes_nothing(registry: SmallRegistry, tmp_path: Path) -> None:
    clock, said = Clock(), list[str]()
    registry.register(SUBJECT, WITHDRAWN.text)
    ids = ids_of(registry, tmp_path / "ids.json", clock, said, PATIENCE)
    registry.misbehave = "slow"
    clock.now = 100
    assert ids.schema(7_777) is None
    assert ids.schema(registry.ids[WITHDRAWN.text]) == WITHDRAWN
    assert "does not answer in time" in said[0]


def test_nothing_is_ever_asked_by_id(registry: SmallRegistry, tmp_path: Path) -> None:
    clock = Clock()
    ids = ids_of(registry, tmp_path / "ids.json", clock)
    clock.now = 100
    ids.schema(1)
    assert {method for method, _ in registry.asked} == {"POST"}
    assert all(path.startswith("/subjects/") for _, path in registry.asked)


def test_a_registry_that_was_made_anew_stops_the_start(registry: SmallRegistry, tmp_path: Path) -> None:
    cache = tmp_path / "ids.json"
    ids_of(filled(registry), cache)
    registry.ids = {text: number + 1_000 for text, number in registry.ids.items()}
    with pytest.raises(GuardStop, match="was made again") as stop:
        ids_of(registry, cache)
    assert stop.value.code == SCHEMA_UNKNOWN


def test_one_id_for_two_schemas_stops_the_start(registry: SmallRegistry, tmp_path: Path) -> None:
    registry.ids = dict.fromkeys(filled(registry).ids, 5)
    with pytest.raises(GuardStop, match="schema id 5 stands for"):
        ids_of(registry, tmp_path / "ids.json")


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("redirect", "answers with status 302"),
        ("large", "more than 262,144 bytes"),
        ("slow", "does not answer in time"),
        ("broken", "answers with status 500"),
        ("no registry", "expected JSON"),
    ],
)
def test_a_registry_that_misbehaves_is_unreachable(registry: SmallRegistry, behaviour: str, said: str) -> None:
    registry.misbehave = behaviour
    with (
        RegistryClient(RegistrySettings(url=registry.url, timeout_seconds=PATIENCE)) as client,
        pytest.raises(RegistryUnreachable, match=said),
    ):
        client.id_of(SUBJECT, WITHDRAWN.text)
    assert all("elsewhere" not in path for _, path in registry.asked)


def test_credentials_come_from_a_file_and_are_never_said(registry: SmallRegistry, tmp_path: Path) -> None:
    secret = tmp_path / "registry"
    secret.write_text("ann:canary-7f3\n")
    settings = RegistrySettings(url=registry.url, credentials_file=secret)
    registry.misbehave = "refuses"
    with RegistryClient(settings) as client, pytest.raises(RegistryRefused) as refused:
        client.id_of(SUBJECT, WITHDRAWN.text)
    assert registry.headers[0]["Authorization"] == "Basic YW5uOmNhbmFyeS03ZjM="
    assert "canary" not in f"{refused.value!r} {settings!r} {client!r}"
    assert "see credentials_file" in str(refused.value)


@pytest.mark.parametrize("value", [b"", b"\x00\x00", b"\x01\x00\x00\x00\x07abc", b"{}"])
def test_what_has_no_frame_is_said_so(value: bytes) -> None:
    with pytest.raises(DecodeError, match="expected the frame of the schema registry"):
        unframed(value)


def test_fixed_ids_need_no_registry_and_are_pinned() -> None:
    """As producers have them in their own settings."""
    ids = schema_ids(RegistrySettings(fixed_ids=True), "acme.", Path("nowhere"), print)
    assert ids.missing == []
    assert len({fixed_id(each) for each in PINNED}) == len(PINNED)
    assert ids.frame("forecast.updates", "ForecastUpdate") == framed(492064527, b"")


def test_neither_registry_nor_fixed_ids_is_refused() -> None:
    with pytest.raises(GuardStop, match="url is not set"):
        schema_ids(RegistrySettings(), "", Path("nowhere"), print)


def test_registering_sets_the_promise_of_each_subject_and_leaves_what_is_there(registry: SmallRegistry) -> None:
    with RegistryClient(RegistrySettings(url=registry.url)) as client:
        planned = list(register_schemas(client, "", dry_run=True))
        assert registry.subjects == {}
        first = list(register_schemas(client, "", dry_run=False))
        again = list(register_schemas(client, "", dry_run=False))
    assert [step[:2] for step in planned] == [step[:2] for step in first]
    assert {step.did for step in again} == {"there"}
    assert registry.levels[SUBJECT] == "BACKWARD_TRANSITIVE"
    assert registry.levels["erp.postings-milepost.outputs.JournalEntry"] == "FULL_TRANSITIVE"
    assert len(registry.subjects["exceptions-milepost.outputs.ExceptionRaised"]) == 2


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        (b'{"type": 1}', "JSON, which belongs into files"),
        (b"Obj\x01abc", "an Avro container"),
        (b"\x1f\x8babc", "gzip"),
    ],
)
def test_what_has_another_frame_is_named(value: bytes, looks: str) -> None:
    with pytest.raises(DecodeError, match=f"begin with {value[0]:#04x}: .*{looks}"):
        unframed(value)
