"""Registers what is missing of our schemas, oldest version first, and says how each subject may change."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple, Protocol

from connectors.kafka.pinned_schemas import Pinned, pinned_schemas


class Registry(Protocol):
    """What is asked of a registry."""

    def id_of(self, subject: str, text: str) -> int | None: ...
    def register(self, subject: str, text: str) -> int: ...
    def disagreements(self, subject: str, text: str) -> list[str]: ...
    def compatibility(self, subject: str) -> str | None: ...
    def set_compatibility(self, subject: str, level: str) -> None: ...


class RegistrationStep(NamedTuple):
    """`did` is registered, set or there; `what` is the version with its id, or the level."""

    subject: str
    did: str
    what: str
    disagreements: tuple[str, ...] = ()


def register_schemas(registry: Registry, prefix: str, *, dry_run: bool) -> Iterator[RegistrationStep]:
    """What is there stays as it is. Raises RegistryRefused where the registry finds a version incompatible."""
    subjects = sorted((subject, pinned) for pinned in pinned_schemas() for subject in pinned.subjects(prefix))
    for subject, versions in groupby(subjects, key=lambda each: each[0]):
        yield from _subject(registry, subject, [pinned for _, pinned in versions], dry_run=dry_run)


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
