"""Which id stands for which schema of ours, in the frame that registries put before a body: 0, four bytes of id.

An id is known only because the registry named it for one of the schemas that we ship. The map is kept in a file, so that
neither a running process nor a restart needs the registry; it is asked again at most once a minute.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self

from connectors.avro_codec import event_versions
from connectors.decode_error import DecodeError
from connectors.files.writing import replace_file
from connectors.kafka.frame import framed, unframed
from connectors.kafka.pinned_schemas import Pinned, fixed_id, pinned_schemas, subject
from connectors.kafka.registry_client import RegistryClient, RegistryRefused, RegistryUnreachable
from connectors.kafka.settings import RegistrySettings
from domain.events.catalogue import Event
from state.guards import REGISTRY_UNREACHABLE, SCHEMA_UNKNOWN, GuardStop

ASKED_SECONDS: Final = 60.0
CACHE_FORMAT: Final = 1


class RegistrationStep(NamedTuple):
    """`did` is registered, set or there; `what` is the version with its id, or the level."""

    subject: str
    did: str
    what: str
    disagreements: tuple[str, ...] = ()


class Lookup(Protocol):
    """What is asked of a registry."""

    def id_of(self, subject: str, text: str) -> int | None: ...


class Registry(Lookup, Protocol):
    """The same where schemas are registered."""

    def register(self, subject: str, text: str) -> int: ...
    def disagreements(self, subject: str, text: str) -> list[str]: ...
    def compatibility(self, subject: str) -> str | None: ...
    def set_compatibility(self, subject: str, level: str) -> None: ...


class SchemaPlace(NamedTuple):
    """A schema under a subject: what has an id."""

    subject: str
    digest: str


Ids = Mapping[SchemaPlace, int]


class KnownIds(NamedTuple):
    """What the file holds: ids of this registry, and of another one those that this one has not confirmed, with its address."""

    ids: Ids
    earlier: Ids
    earlier_url: str


NOTHING_KEPT: Final = KnownIds({}, {}, "")


class SchemaIds:
    """Ids of the schemas that we ship, both ways."""

    def __init__(
        self,
        prefix: str,
        ids: Ids,
        renew: Callable[[Ids], Ids] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`renew` asks for what is missing, at most once a minute and only after an id was not known."""
        self._prefix = prefix
        self._ids = ids
        self._renew = renew
        self._now = now
        self._asked_at = now()
        self._by_id = _by_id(prefix, ids)
        self._frames: dict[tuple[str, str, str | None], bytes] = {}

    @classmethod
    def fixed(cls, prefix: str) -> Self:
        """Without a registry; see `pinned_schemas.fixed_id`."""
        return cls(prefix, {place: fixed_id(pinned) for place, pinned in _places(prefix)})

    def schema(self, schema_id: int) -> Pinned | None:
        """The schema behind an id; None for one that is none of ours."""
        found = self._by_id.get(schema_id)
        if found is None and self._may_ask():
            self._ids = self._renew(self._ids) if self._renew else self._ids
            self._by_id = _by_id(self._prefix, self._ids)
            found = self._by_id.get(schema_id)
        return found

    def read(self, value: bytes) -> tuple[Pinned, bytes]:
        """Schema and body of a framed value. Raises DecodeError where it has no frame or an id that is none of ours."""
        schema_id, body = unframed(value)
        found = self.schema(schema_id)
        if found is None:
            raise DecodeError(f"schema id {schema_id} stands for none of the schemas that milepost schemas ids shows")
        return found, body

    def event(self, value: bytes | None) -> Event | None:
        """None for what cannot be read, which is a dead letter of intake, or will be."""
        try:
            found, body = self.read(value or b"")
            return event_versions()[found.fingerprint].decode(body)
        except (DecodeError, KeyError):
            return None

    def frame(self, topic: str, type_name: str, fingerprint: str | None = None) -> bytes:
        """Before the bodies of an output, or of an event of ours, with an earlier schema where one is named.

        Raises GuardStop where the schema has no id.
        """
        found = self._frames.get((topic, type_name, fingerprint))
        if found is None:
            found = self._frames[topic, type_name, fingerprint] = self._frame(topic, type_name, fingerprint)
        return found

    def _frame(self, topic: str, type_name: str, fingerprint: str | None) -> bytes:
        of_type = [each for each in pinned_schemas() if each.type_name == type_name and topic in each.topics]
        # Versions that differ in their wording alone have one fingerprint; the last of them is the one that is written.
        pinned = next(
            each
            for each in reversed(of_type)
            if (each.is_current if fingerprint is None else each.fingerprint == fingerprint)
        )
        place = SchemaPlace(subject(self._prefix, topic, pinned.name), pinned.digest)
        if (found := self._ids.get(place)) is not None:
            return framed(found, b"")
        raise GuardStop(
            SCHEMA_UNKNOWN,
            f"subject {place.subject}: the registry has not version {pinned.number} of {type_name}, so nothing "
            "can be written with it; `milepost schemas register` registers what is missing",
        )

    @property
    def missing(self) -> list[tuple[SchemaPlace, Pinned]]:
        """Of today's schemas, those without an id."""
        return [
            (place, pinned) for place, pinned in _places(self._prefix) if pinned.is_current and place not in self._ids
        ]

    def rows(self) -> list[tuple[SchemaPlace, Pinned, int | None]]:
        return [(place, pinned, self._ids.get(place)) for place, pinned in _places(self._prefix)]

    def _may_ask(self) -> bool:
        if self._renew is None or self._now() - self._asked_at < ASKED_SECONDS:
            return False
        self._asked_at = self._now()
        return True


def schema_ids(
    settings: RegistrySettings,
    prefix: str,
    cache: Path,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> SchemaIds:
    """At start-up: asks for every schema, and goes on with the cache where the registry does not answer.

    Raises GuardStop where neither is there, or where an id stands for another schema than it did.
    """
    if settings.fixed_ids:
        return SchemaIds.fixed(prefix)
    if not settings.url:
        raise GuardStop(
            SCHEMA_UNKNOWN,
            "[registry] url is not set: set the address of the schema registry, or fixed_ids = true to do without one",
        )
    kept = _read_cache(cache, settings.url)
    try:
        with RegistryClient(settings) as client:
            ids = renewed(client, _places(prefix), kept.ids, ask_all=True)
    except (RegistryUnreachable, RegistryRefused, OSError) as fault:
        if not kept.ids:
            raise _no_ids(fault, cache, kept) from fault
        say(f"{fault}. Going on with the {len(kept.ids)} schema ids that {cache} keeps")
        ids = kept.ids
    _check_same(prefix, kept, ids, cache)
    _write_cache(cache, settings.url, ids, kept)

    def renew(known: Ids) -> Ids:
        try:
            with RegistryClient(settings) as client:
                found = renewed(client, _places(prefix), known, ask_all=False)
        except (RegistryUnreachable, RegistryRefused, OSError) as fault:
            say(f"{fault}. Going on with the {len(known)} schema ids that are known")
            return known
        _check_same(prefix, kept, found, cache)
        _write_cache(cache, settings.url, found, kept)
        return found

    return SchemaIds(prefix, ids, renew, now)


def _no_ids(fault: Exception, cache: Path, kept: KnownIds) -> GuardStop:
    """A registry that is away comes back by itself; one that refuses does not."""
    said = f"no schema ids: {fault}. None are kept in {cache} either"
    if kept.earlier:
        said = f"no schema ids: {fault}. Those that {cache} keeps are of the registry at {kept.earlier_url}"
    if isinstance(fault, RegistryUnreachable):
        return GuardStop(REGISTRY_UNREACHABLE, f"{said}. Start the registry, or mend [registry] url")
    return GuardStop(SCHEMA_UNKNOWN, said)


def renewed(client: Lookup, places: Iterable[tuple[SchemaPlace, Pinned]], known: Ids, *, ask_all: bool) -> Ids:
    """What is known and what the registry adds. Raises GuardStop where it contradicts what was known."""
    found = dict(known)
    for place, pinned in places:
        if not ask_all and place in found:
            continue
        schema_id = client.id_of(place.subject, pinned.text)
        if schema_id is not None and found.setdefault(place, schema_id) != schema_id:
            raise GuardStop(
                SCHEMA_UNKNOWN,
                f"subject {place.subject}: version {pinned.number} of {pinned.type_name} has id {schema_id} and had "
                f"{found[place]}: the registry was made again. Records on the topics were written with the old ids: put "
                "its backup back; or, where no topic holds older records, remove the cached ids and start again",
            )
    return found


def _places(prefix: str) -> list[tuple[SchemaPlace, Pinned]]:
    return [
        (SchemaPlace(named, pinned.digest), pinned) for pinned in pinned_schemas() for named in pinned.subjects(prefix)
    ]


def _by_id(prefix: str, ids: Ids) -> dict[int, Pinned]:
    """Raises GuardStop where one id stands for two schemas."""
    found: dict[int, Pinned] = {}
    for place, pinned in _places(prefix):
        schema_id = ids.get(place)
        if schema_id is not None:
            other = found.setdefault(schema_id, pinned)
            if (other.name, other.fingerprint) != (pinned.name, pinned.fingerprint):
                raise GuardStop(
                    SCHEMA_UNKNOWN,
                    f"schema id {schema_id} stands for {other.type_name} {other.number} and for {pinned.type_name} "
                    f"{pinned.number}; the registry, or the file with cached ids, is damaged",
                )
    return found


def _check_same(prefix: str, kept: KnownIds, ids: Ids, cache: Path) -> None:
    """Another address may be of the same registry, or of one that took the ids over. Raises GuardStop where it is neither.

    `kept` has the ids that records on the topics were written with, whatever the address was.
    """
    known = {**kept.earlier, **kept.ids}
    of_known = _by_id(prefix, known)
    for place, pinned in _places(prefix):
        found, had = ids.get(place), known.get(place)
        if found is None:
            continue
        other = of_known.get(found, pinned)
        if had in {None, found} and (other.name, other.fingerprint) == (pinned.name, pinned.fingerprint):
            continue
        before = f"had {had}" if had not in {None, found} else f"{found} was that of {other.type_name}"
        where = f" in the registry at {kept.earlier_url}" if kept.earlier_url else ""
        raise GuardStop(
            SCHEMA_UNKNOWN,
            f"subject {place.subject}: version {pinned.number} of {pinned.type_name} has id {found}, and {before}{where}, as "
            f"{cache} keeps it: the registry was made again. Records on the topics were written with the old ids: put "
            f"its backup back; or, where no topic holds older records, remove {cache} and start again",
        )


def check_kept(settings: RegistrySettings, prefix: str, cache: Path, ids: Ids) -> None:
    """What a start would find of what the registry answers. Raises GuardStop where it contradicts what is kept."""
    _check_same(prefix, _read_cache(cache, settings.url), ids, cache)


def kept_ids(settings: RegistrySettings, cache: Path) -> int:
    """How many ids of this registry a start would find without it."""
    return len(_read_cache(cache, settings.url).ids)


def _read_cache(path: Path, url: str) -> KnownIds:
    """Nothing where there is none, or where it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != CACHE_FORMAT:
            return NOTHING_KEPT
        ids, earlier = _ids_of(found["ids"]), _ids_of(found.get("earlier", []))
        if found["registry"] == url:
            return KnownIds(ids, earlier, str(found.get("earlier_registry", "")))
        return KnownIds({}, {**earlier, **ids}, str(found["registry"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return NOTHING_KEPT


def _ids_of(rows: Iterable[Any]) -> dict[SchemaPlace, int]:
    return {SchemaPlace(str(named), str(digest)): int(number) for named, digest, number in rows}


def _rows_of(ids: Ids) -> list[Any]:
    return [[place.subject, place.digest, number] for place, number in sorted(ids.items())]


def _write_cache(path: Path, url: str, ids: Ids, kept: KnownIds) -> None:
    """What only another registry has said stays beside, until this one says it too."""
    told: dict[str, Any] = {"format": CACHE_FORMAT, "registry": url, "ids": _rows_of(ids)}
    if earlier := {place: number for place, number in kept.earlier.items() if place not in ids}:
        told |= {"earlier_registry": kept.earlier_url, "earlier": _rows_of(earlier)}
    data = json.dumps(told, indent=1).encode()
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)


def register_schemas(registry: Registry, prefix: str, *, dry_run: bool) -> Iterator[RegistrationStep]:
    """Registers what is missing of our schemas, oldest version first, and says how each subject may change.

    What is there stays as it is. Raises RegistryRefused where the registry finds a version incompatible.
    """
    subjects = sorted((named, pinned) for pinned in pinned_schemas() for named in pinned.subjects(prefix))
    for named, versions in groupby(subjects, key=lambda each: each[0]):
        yield from _subject(registry, named, [pinned for _, pinned in versions], dry_run=dry_run)


def _subject(registry: Registry, subject: str, versions: list[Pinned], *, dry_run: bool) -> Iterator[RegistrationStep]:
    """The level stands before the second version, so that the registry compares; some have none for an empty subject."""
    level = versions[0].compatibility
    for index, pinned in enumerate(versions):
        yield _version(registry, subject, pinned, dry_run=dry_run)
        if index == 0:
            if registry.compatibility(subject) == level:
                yield RegistrationStep(subject, "there", str(level))
            else:
                if not dry_run:
                    registry.set_compatibility(subject, level)
                yield RegistrationStep(subject, "set", str(level))


def _version(registry: Registry, subject: str, pinned: Pinned, *, dry_run: bool) -> RegistrationStep:
    schema_id = registry.id_of(subject, pinned.text)
    if schema_id is not None:
        return RegistrationStep(subject, "there", f"version {pinned.number} has id {schema_id}")
    if dry_run:
        broken = registry.disagreements(subject, pinned.text)
        return RegistrationStep(subject, "registered", f"version {pinned.number}", tuple(broken))
    return RegistrationStep(
        subject, "registered", f"version {pinned.number} has id {registry.register(subject, pinned.text)}"
    )
