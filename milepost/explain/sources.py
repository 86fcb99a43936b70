"""Where a figure ends: fields of events, and policies with the level that states them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, TypeVar

from domain.contract import line_named
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import ContractLine, Policies
from domain.events.reference import LegalEntityDefined
from domain.explanation import ELSEWHERE, FIELD, Arithmetic, EventRef, Node, PolicyUse, constant
from domain.money import format_decimal
from domain.policies import DEFAULTS, PRESETS
from domain.tuples import new_tuple
from milepost.words import figure_words
from state.batch import LogRecord
from state.draft import Draft
from state.trace import Trace, TraceStep, event_ref

Of = TypeVar("Of")
TermsEvent = ContractSigned | ContractAmended
# Of an engagement with more entries a sum over them names its parts; each of them is a figure of its own.
ENTRIES_FOLLOWED = 1_000
# Of every such part.
NAMED: Final = Arithmetic(ELSEWHERE)


class Sources:
    """Leaves of one engagement's explanations."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._drafts: dict[int, Draft] = {}
        self._refs: dict[int, EventRef] = {}
        self._refs_with: dict[str, EventRef | None] = {}
        # Parts that sums of this explanation name: their own ids explain them.
        self.named: set[str] = set()
        # What comes after an entry's id in the id and in the title of such a part, by its name and the step.
        self._called: dict[tuple[str, int], tuple[str, str]] = {}

    def draft(self, step: int) -> Draft:
        """The books after a step; they are read many times, and never changed."""
        if step not in self._drafts:
            self._drafts[step] = self.trace.draft_at(step)
        return self._drafts[step]

    def step(self, number: int) -> TraceStep:
        return self.trace.steps[number]

    # Events

    def events(self, of: type[Of], until: int | None = None) -> list[Of]:
        """Those of a type in log order, up to an offset."""
        records = self.trace.records_of(of)
        known = (record.event for record in records if until is None or record.offset <= until)
        return [event for event in known if isinstance(event, of)]

    def ref(self, record: LogRecord) -> EventRef:
        found = self._refs.get(record.offset)
        if found is None:
            found = self._refs[record.offset] = event_ref(record.offset, record.event)
        return found

    def ref_with(self, event_id: str) -> EventRef | None:
        """The first event of the id."""
        if event_id not in self._refs_with:
            found = self.trace.ref_with(event_id)
            self._refs_with[event_id] = self._refs.setdefault(found.log_offset, found) if found is not None else None
        return self._refs_with[event_id]

    def cause(self, step: int) -> EventRef:
        """The event that a step is of."""
        return self.ref(self.step(step).record)

    def ref_of(self, event: Event) -> EventRef | None:
        record = self.trace.record_of(event)
        return self.ref(record) if record is not None else None

    def field(
        self, title: str, value: int, unit: str, event: Event, path: str, currency: str = "", **more: Any
    ) -> Node:
        """A leaf: what an event states in a field."""
        return Node(title, value, unit, currency, Arithmetic(FIELD), event=self.ref_of(event), field=path, **more)

    # Sums over many entries

    @cached_property
    def are_many(self) -> bool:
        """Whether the parts of sums over entries are named and not followed."""
        return not self.are_followed(len(list(self.trace.entry_ids())))

    def are_followed(self, entries: int) -> bool:
        return entries <= ENTRIES_FOLLOWED

    def named_part(self, entry_id: str, name: str, value: int, currency: str, step: int) -> Node | None:
        """A figure of an entry where they are many; None where it is followed. Hours have no currency."""
        if not self.are_many:
            return None
        return self.part(entry_id, name, value, "amount" if currency else "hours", currency, step)

    def part(self, entry_id: str, name: str, value: int, unit: str, currency: str, step: int) -> Node:
        """A figure of an entry as a step left it, to be asked for by itself."""
        of = self._called.get((name, step))
        if of is None:
            of = self._called[name, step] = f"#{name}@{self.trace.offset_of(step)}", f": {figure_words(name)}"
        wanted = entry_id + of[0]
        self.named.add(wanted)
        currency = "" if unit == "hours" else currency
        return new_tuple(Node, (entry_id + of[1], value, unit, currency, NAMED, "", (), (), (), None, "", wanted))

    def figure(self, wanted: str, title: str, value: int, currency: str) -> Node:
        """An amount with an explanation of its own."""
        self.named.add(wanted)
        return Node(title, value, "amount", currency, NAMED, id=wanted)

    # Contracts

    @cached_property
    def _terms(self) -> dict[tuple[str, int], TermsEvent]:
        """Events that state terms, by contract and version, as far as they were ever in force; the first of a version counts."""
        found: dict[tuple[str, int], TermsEvent] = {}
        for record in self.trace.records_of(ContractSigned, ContractAmended):
            event = record.event
            if (
                isinstance(event, ContractSigned | ContractAmended)
                and record.engagement_id == self.trace.engagement_id
                and event.version in self.trace.versions_in_force(event.contract_id)
            ):
                found.setdefault((event.contract_id, event.version), event)
        return found

    def terms_event(self, contract_id: str, version: int, field: str) -> TermsEvent | None:
        """Which event states a field of the terms that hold in a version: the version's own, else the one that it inherits from."""
        stated = [
            (number, event) for (of, number), event in self._terms.items() if of == contract_id and number <= version
        ]
        for _, event in sorted(stated, key=lambda each: each[0], reverse=True):
            if getattr(event, field) is not None or isinstance(event, ContractSigned):
                return event
        return None

    def line_field(self, contract_id: str, version: int, line_id: str) -> tuple[TermsEvent, ContractLine, str] | None:
        """The event that states a line in a version, the line, and the path of it in the event."""
        event = self.terms_event(contract_id, version, "lines")
        for place, line in enumerate(getattr(event, "lines", None) or ()):
            if event is not None and line.line_id == line_id:
                return event, line, f"lines[{place}]"
        return None

    # Policies

    def policies(
        self, draft: Draft, contract_id: str, version: int, line_id: str, *names: str
    ) -> tuple[PolicyUse, ...]:
        """Values and levels of the policies as a contract line resolves them."""
        contract = draft.contract(contract_id)
        stored = (
            next((one for one in contract.history if one.version == version), None) if contract is not None else None
        )
        if stored is None:
            return ()
        entity = draft.reference.entity(stored.terms.legal_entity_id)
        return self._line_policies(stored.terms, version, line_id, entity, names)

    def line_policies(
        self, contract_id: str, version: int, line_id: str, entity: LegalEntityDefined | None, *names: str
    ) -> tuple[PolicyUse, ...]:
        """The same by a version of the legal entity, of the newest terms under the version."""
        contract = self.trace.contract_at(contract_id, len(self.trace.steps))
        assert contract is not None, "terms in force are in the books"
        of_version = (one.terms for one in (*contract.history, *contract.former) if one.version == version)
        return self._line_policies(next(of_version), version, line_id, entity, names)

    def _line_policies(
        self,
        terms: ContractSigned,
        version: int,
        line_id: str,
        entity: LegalEntityDefined | None,
        names: tuple[str, ...],
    ) -> tuple[PolicyUse, ...]:
        contract_id, line = terms.contract_id, line_named(terms, line_id)
        found = self.line_field(contract_id, version, line_id)
        levels = [
            ("contract line", line.policies if line is not None else None, self.ref_of(found[0]) if found else None),
            ("contract", terms.policies, self._stating(contract_id, version)),
            *self._entity_level(entity),
        ]
        return tuple(_use(name, levels) for name in names)

    def entity_policies(self, entity: LegalEntityDefined | None, *names: str) -> tuple[PolicyUse, ...]:
        return tuple(_use(name, list(self._entity_level(entity))) for name in names)

    def _stating(self, contract_id: str, version: int) -> EventRef | None:
        event = self.terms_event(contract_id, version, "policies")
        return self.ref_of(event) if event is not None else None

    def _entity_level(
        self, entity: LegalEntityDefined | None
    ) -> Iterator[tuple[str, Policies | None, EventRef | None]]:
        if entity is not None:
            yield "legal entity", entity.policies, self.ref_of(entity)


def _use(name: str, levels: list[tuple[str, Policies | None, EventRef | None]]) -> PolicyUse:
    for level, policies, event in levels:
        if policies is None:
            continue
        if (value := getattr(policies, name)) is not None:
            return PolicyUse(name, policy_text(name, value), level, event)
        if policies.preset is not None and (value := getattr(PRESETS[policies.preset], name)) is not None:
            return PolicyUse(name, policy_text(name, value), f"preset {policies.preset} of the {level}", event)
    return PolicyUse(name, policy_text(name, getattr(DEFAULTS, name)), "built-in default")


_AMOUNTS = frozenset({"rounding_limit", "approval_limit"})
_MILLIONTHS = frozenset({"hours_max_per_entry", "cap_thresholds"})


def policy_text(name: str, value: object) -> str:
    """As a person would write it in an event."""
    if value is None:
        return "not stated"
    if isinstance(value, tuple):
        return ", ".join(policy_text(name, one) for one in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return format_decimal(value, 4 if name in _AMOUNTS else 6 if name in _MILLIONTHS else 0)
    return str(value)


def nothing(title: str, unit: str = "amount", currency: str = "") -> Node:
    return constant(title, 0, unit, currency)
