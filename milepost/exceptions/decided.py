"""Decisions about exceptions: which ones, what would come of it, and the events that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import typer

from connectors.files.added_events import DECISIONS, RESENT, added_events, events_to_come, new_event_id
from connectors.files.engagement_log import EngagementLog
from connectors.files.found_exceptions import KnownException, closings, events_of
from connectors.files.lookup import hint, over_caps
from connectors.json_records import event_from_json, record_to_json
from connectors.json_values import instant_text
from domain.events.catalogue import ENTITIES, Event
from domain.events.commercial import BalancesBroughtForward
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived
from domain.events.finance import (
    CreditMemoIssued,
    InvoicePosted,
    InvoiceRejected,
    PaymentApplied,
    PaymentReceived,
    RevenueAdjusted,
    WrittenOff,
)
from domain.exceptions import CATALOGUE, EVERY_CATEGORY
from domain.identity import engagement_of
from domain.outputs import ExceptionRaised
from domain.reference.book import owner_key
from domain.units import Amount, Instant
from domain.work.rows import OVERFLOW, TIME_ENTRY, origin, row_id
from milepost.corrected import fields_of, with_fields
from milepost.deciding import Person
from milepost.exceptions.effects import OVER, refusal_to_waive
from milepost.exceptions.shown import ClosedExceptions, HeldBalances, ended_text, held_by
from state.books import BroughtForward, CapState, Fact
from state.store.reader import StoreReader

if TYPE_CHECKING:
    from milepost.commands.exceptions import Filters
    from milepost.exceptions.port import ExceptionsPort

DECISION_TYPES: Final = (ExceptionAssigned, ExceptionResolved, ExceptionWaived)
SOURCE: Final = "milepost"
BALANCES: Final = "brought_forward"
Said = TypeVar("Said", bound=Mapping[str, object])


class ExceptionSelection(NamedTuple):
    """Which exceptions: by id, or all open ones that fit the filters."""

    ids: Sequence[str] = ()
    kinds: Sequence[str] = ()
    project_id: str | None = None
    owner: str | None = None
    contract_id: str | None = None
    # Of the project: what is about one of them as a whole, such as its cap, is about the project too.
    contracts: frozenset[str] = frozenset()

    @property
    def is_filter(self) -> bool:
        return bool(self.kinds) or any(each is not None for each in (self.project_id, self.contract_id, self.owner))


def wanted_of(port: ExceptionsPort, ids: Sequence[str] | None, filters: Filters) -> ExceptionSelection:
    """Raises BadParameter where a category or a project is none."""
    kinds, project_id, contract_id, owner = filters
    for kind in kinds or ():
        if kind not in EVERY_CATEGORY:
            raise typer.BadParameter(
                f"no category is called {kind or '(nothing)'}{hint(kind, frozenset(EVERY_CATEGORY))}",
                param_hint="--kind",
            )
    contracts = frozenset[str]() if project_id is None else port.contracts(project_id)
    return ExceptionSelection(ids or (), kinds or (), project_id, owner, contract_id, contracts)


def fitting(known: Iterable[KnownException], wanted: ExceptionSelection) -> list[KnownException]:
    """An owner is a role, or the person who takes care."""
    return [
        each
        for each in known
        if (not wanted.kinds or each.raised.category in wanted.kinds)
        and (wanted.project_id in (None, each.raised.project_id) or _is_of_contracts(each, wanted.contracts))
        and wanted.contract_id in (None, each.raised.contract_id)
        and wanted.owner in (None, each.raised.owner_role, each.raised.assignee)
    ]


def nobody_with(owner: str) -> str:
    """Of an owner who has no exception, open or closed."""
    roles = sorted({each.owner_role for each in CATALOGUE.values()})
    near = hint(owner, frozenset(roles))
    wanted = f"expected one of {', '.join(roles)}, or a person to whom one is assigned"
    return f"No exception is or was with {owner or '(nothing)'}: {wanted}{near}"


def nothing_about(contract_id: str, known: Iterable[KnownException]) -> str:
    """Of a contract that no exception, open or closed, is about; it may be mistyped."""
    contracts = frozenset(each.raised.contract_id for each in known if each.raised.contract_id is not None)
    return f"No exception is or was about contract {contract_id or '(nothing)'}{hint(contract_id, contracts)}"


def _is_of_contracts(each: KnownException, contracts: frozenset[str]) -> bool:
    return each.raised.project_id is None and each.raised.contract_id in contracts


def is_named_one_way(wanted: ExceptionSelection) -> None:
    """Raises BadParameter where they are named in both ways, or in none."""
    if wanted.ids and wanted.is_filter:
        raise typer.BadParameter(
            "name exceptions by id, or by --kind, --project, --contract and --owner, not both", param_hint="ID"
        )
    if not wanted.ids and not wanted.is_filter:
        raise typer.BadParameter(
            "name exceptions by id, or by --kind, --project, --contract or --owner", param_hint="ID"
        )


def chosen(port: ExceptionsPort, wanted: ExceptionSelection) -> list[KnownException]:
    """Open ones only. Raises BadParameter where an id is unknown or over, or nothing is named."""
    is_named_one_way(wanted)
    if not wanted.ids:
        return fitting((each for each in port.known.values() if each.is_open), wanted)
    found = [find(port, exception_id) for exception_id in dict.fromkeys(wanted.ids)]
    for each in found:
        if each.closed is not None:
            how = ended_text(each, port.closings((each,)).get(each.raised.exception_id))
            raise typer.BadParameter(
                f"exception {each.raised.exception_id} is over since {instant_text(each.closed.closed_at)}: {how}",
                param_hint="ID",
            )
    return found


def find(port: ExceptionsPort, exception_id: str) -> KnownException:
    found = port.known.get(exception_id)
    if found is None:
        raise port.unknown(exception_id)
    return found


def check_moment(exceptions: Sequence[KnownException], at: Instant) -> None:
    """Nobody decides about what is not there yet."""
    later = [each for each in exceptions if at < each.since]
    if later:
        each, more = later[-1], f", and {len(later) - 1:,} others too" if len(later) > 1 else ""
        raise typer.BadParameter(
            f"expected an instant after the exception: {each.raised.exception_id} was raised on {instant_text(each.since)}{more}, "
            f"and was not there on {instant_text(at)}",
            param_hint="--at",
        )


def decided_of(output: Path, known: Iterable[KnownException], reader: StoreReader) -> ClosedExceptions:
    """What people closed, with what of it is still over a cap or an order."""
    closed = [each for each in known if each.is_decided]
    over = [each for each in closed if each.raised.category in OVER]
    views = over_caps(output) if over and not reader.is_there else {}
    return ClosedExceptions(
        closed,
        closings(closed, partial(EngagementLog.open, output)),
        {each.raised.exception_id: _still_over(each.raised, reader, views) for each in over},
    )


def _still_over(raised: ExceptionRaised, reader: StoreReader, views: dict[str, Amount]) -> Amount:
    """By the books; without them no more than was said, nor than the contract has over its caps."""
    if not reader.is_there:
        return min(raised.blocks_amount, views.get(raised.contract_id or "", 0))
    state = reader.part(engagement_of(raised.exception_id), "cap", raised.subject_id)
    is_waived = isinstance(state, CapState) and state.exception_id == raised.exception_id and state.waived
    return state.over_amount if is_waived else 0


# Events


class FactLookup(NamedTuple):
    """What is known of facts: the store, and what was added to the input and is not taken in yet."""

    output: Path
    input_dir: Path
    reader: StoreReader


def decisions(
    versions: Mapping[str, int],
    exceptions: Sequence[KnownException],
    type_name: str,
    fields: dict[str, Any],
    who: Person,
    at: Instant,
) -> list[dict[str, Any]]:
    """One event an exception, each with the version after the last of its decisions."""
    return [
        {
            "type": type_name,
            "event_id": new_event_id(f"{SOURCE}.decision"),
            "occurred_at": instant_text(at),
            "source": SOURCE,
            "exception_id": each.raised.exception_id,
            "version": versions.get(each.raised.exception_id, 0) + 1,
            "requested_by": who.name,
            "identified_by": who.identified_by,
            **fields,
        }
        for each in exceptions
    ]


def decision_versions(books: FactLookup, exceptions: Sequence[ExceptionRaised]) -> dict[str, int]:
    """The last version of each, taken in or only written; 0 where nobody has decided anything."""
    found = _taken_in(books, {raised.exception_id for raised in exceptions})
    for event in _written(books):
        if event.exception_id in found:
            found[event.exception_id] = max(found[event.exception_id], event.version)
    return found


def pending(books: FactLookup) -> dict[str, ExceptionResolved | ExceptionWaived]:
    """What is written about exceptions and settles them, and was not taken in yet; the last of each."""
    written = events_to_come(books.input_dir, DECISIONS, books.output)
    return {event.exception_id: event for event in written if isinstance(event, ExceptionResolved | ExceptionWaived)}


def pending_text(event: ExceptionResolved | ExceptionWaived) -> str:
    what = "waived" if isinstance(event, ExceptionWaived) else "resolved"
    when = instant_text(event.occurred_at)
    return f"{what} on {when} {_people_of(event)}, which waits for the next run (milepost run) and decides it"


def corrections_to_come(books: FactLookup) -> list[Event]:
    """What was sent again and was not taken in yet."""
    return events_to_come(books.input_dir, RESENT, books.output)


def _people_of(event: ExceptionResolved | ExceptionWaived) -> str:
    approved = f", approved by {event.approved_by}" if event.approved_by is not None else ""
    return f"by {event.requested_by}{approved}"


def _written(books: FactLookup) -> list[ExceptionAssigned | ExceptionResolved | ExceptionWaived]:
    return [event for event in added_events(books.input_dir, DECISIONS) if isinstance(event, DECISION_TYPES)]


def _taken_in(books: FactLookup, exception_ids: Iterable[str]) -> dict[str, int]:
    """The last version of the decisions about each that the log has; 0 where there is none."""
    found = dict.fromkeys(exception_ids, 0)
    if books.reader.is_there:
        for exception_id in found:
            fact = books.reader.part(engagement_of(exception_id), "fact", f"exception/{exception_id}")
            found[exception_id] = fact.version if isinstance(fact, Fact) else 0
        return found
    for event in events_of(books.output):
        if isinstance(event, DECISION_TYPES) and event.exception_id in found:
            found[event.exception_id] = max(found[event.exception_id], event.version)
    return found


# The fact behind an exception


def fact_of(output: Path, reader: StoreReader, raised: ExceptionRaised) -> Event | None:
    """As it was said last, of a version that came twice as it stands; None where the exception is about no single fact."""
    if raised.subject_kind in (TIME_ENTRY, OVERFLOW):
        row = origin(row_id(raised.subject_kind, raised.subject_id))
        entry = reader.entry(engagement_of(raised.exception_id), row)
        work = (entry.work or entry.behind) if entry is not None else None
        if work is not None:
            return work.event
    newest: Event | None = None
    for event in events_of(output):
        if is_about(event, raised) and (newest is None or _is_newer(event, newest, raised)):
            newest = event
    return newest


def _is_newer(event: Event, newest: Event, raised: ExceptionRaised) -> bool:
    first_stands = raised.category == "conflicting_version" and version_of(event)
    return version_of(event) > version_of(newest) if first_stands else version_of(event) >= version_of(newest)


def held_of(output: Path, reader: StoreReader, known: Iterable[KnownException]) -> dict[str, tuple[HeldBalances, ...]]:
    """What open exceptions of balances keep out of the books: the newest that were stated. A version that conflicts keeps out nothing."""
    raised = [
        each.raised
        for each in known
        if each.is_open and each.raised.subject_kind == BALANCES and each.raised.category != "conflicting_version"
    ]
    stated: dict[str, BalancesBroughtForward] = {}
    for each in raised:
        part = reader.part(engagement_of(each.exception_id), BALANCES, each.subject_id) if reader.is_there else None
        if isinstance(part, BroughtForward):
            stated[each.subject_id] = part.event
    if any(each.subject_id not in stated for each in raised):
        for event in events_of(output):
            if isinstance(event, BalancesBroughtForward):
                before = stated.setdefault(event.project_id, event)
                stated[event.project_id] = event if event.version > before.version else before
    return {each.exception_id: tuple(held_by(stated[each.subject_id])) for each in raised if each.subject_id in stated}


def is_about(event: Event, raised: ExceptionRaised) -> bool:
    if isinstance(event, InvoicePosted | InvoiceRejected) and raised.subject_kind == "statement":
        return event.statement_id == raised.subject_id
    entity = ENTITIES.get(type(event).__name__)
    if entity is None or entity.kind != raised.subject_kind:
        return False
    as_written = "/".join(str(getattr(event, field)) for field in entity.id_fields)
    return raised.subject_id in (as_written, owner_key(event)[1])


def version_of(event: Event) -> int:
    field = ENTITIES[type(event).__name__].version_field
    version: int = getattr(event, field) if field is not None else 0
    return version


def corrected(
    books: FactLookup,
    raised: ExceptionRaised,
    fact: Event,
    settings: Sequence[str],
    approved_by: str | None,
    who: Person,
    at: Instant,
) -> dict[str, Any]:
    """The next version of the fact, or the fact itself where it has no versions. Who corrects it has submitted it, or asks for it, and
    somebody else approves."""
    said = record_to_json(fact)
    named = fields_of(settings)
    entity = ENTITIES[type(fact).__name__]
    if entity.version_field is not None:
        _check_same_fact(fact, raised, with_fields(said, settings))
    if entity.version_field is not None and entity.version_field not in named:
        said[entity.version_field] = _last_version(books, fact) + 1
    elif entity.version_field is None and not named & set(entity.id_fields) and not _is_replaced(fact, raised):
        raise typer.BadParameter(
            f"{type(fact).__name__} happens once for its {' and '.join(entity.id_fields)}; set another one",
            param_hint="--set",
        )
    said |= {"event_id": new_event_id(f"{SOURCE}.resend"), "occurred_at": instant_text(at), "recorded_at": None}
    if "approved_by" in said and "approved_by" not in named:
        if approved_by is None:
            raise typer.BadParameter(
                f"a {type(fact).__name__} is approved by somebody, and so is its correction", param_hint="--approved-by"
            )
        said["approved_by"] = approved_by
    if "rate" in named and "rate_approved_by" not in named and "rate_approved_by" in said:
        said["rate_approved_by"] = approved_by
    if "submitted_by" in said and "submitted_by" not in named:
        said["submitted_by"] = who.name
    if isinstance(fact, CreditMemoIssued | RevenueAdjusted | WrittenOff) and "requested_by" not in named:
        said["requested_by"] = who.name
    if "approved_at" in said and "approved_at" not in named:
        said["approved_at"] = None
    return with_fields(said, settings)


def not_sent_yet(books: FactLookup, events: Sequence[Said], named: Set[str]) -> list[Said]:
    """Corrections without those that were written before and wait for the next run; a version is part of one where it is named. Raises
    DecodeError."""
    written = [_content(event, named) for event in events_to_come(books.input_dir, RESENT, books.output)]
    return [each for each in events if _content(event_from_json(each), named) not in written]


def _content(event: Event, named: Set[str]) -> dict[str, object]:
    by_itself = {"event_id", "occurred_at", "recorded_at", ENTITIES[type(event).__name__].version_field} - named
    return {name: value for name, value in record_to_json(event).items() if name not in by_itself}


def _check_same_fact(fact: Event, raised: ExceptionRaised, wanted: Mapping[str, object]) -> None:
    """Raises BadParameter where a setting makes another fact of it, beside which this one would go on waiting."""
    entity, said = ENTITIES[type(fact).__name__], record_to_json(fact)
    for name in entity.id_fields:
        if wanted.get(name) == said.get(name):
            continue
        was, event = said.get(name) or "(nothing)", type(fact).__name__
        back = next(
            (f"take back {was} by {each}" for each, of in ENTITIES.items() if of.kind == entity.kind and _ends(each)),
            "",
        )
        waived = "waive this exception" if refusal_to_waive(raised) is None else ""
        instead = " or ".join(filter(None, (back, waived)))
        raise typer.BadParameter(
            f"{name} says which fact it is: with {wanted.get(name) or '(nothing)'} it is another one, and {was} would stay as it is, with "
            f"its exception. Send {event} of {wanted.get(name) or '(nothing)'} as an event of its own"
            + (f", and {instead}" if instead else ""),
            param_hint="--set",
        )


def _ends(event_type: str) -> bool:
    return event_type.endswith(("Withdrawn", "Revoked"))


def _is_replaced(fact: Event, raised: ExceptionRaised) -> bool:
    """What was refused whole and posted nothing, such as a payment, or an invoice that came before its statement, is sent under its own id
    again."""
    return (
        isinstance(
            fact, CreditMemoIssued | InvoicePosted | PaymentApplied | PaymentReceived | RevenueAdjusted | WrittenOff
        )
        and raised.category != "conflicting_version"
    )


def _last_version(books: FactLookup, fact: Event) -> int:
    """Of the fact's entity: a withdrawal counts, and so does what is only written."""
    kind, fact_id = key = owner_key(fact)
    last = version_of(fact)
    for event in added_events(books.input_dir, RESENT):
        if type(event).__name__ in ENTITIES and owner_key(event) == key:
            last = max(last, version_of(event))
    engagement_id = getattr(fact, "engagement_id", None)
    if kind == "time_entry" and engagement_id is not None:
        entry = books.reader.entry(engagement_id, fact_id)
        last = max(last, entry.version if entry is not None else 0)
    return last
