"""Events that the rules in force do not handle: refused by name, one exception a project (or contract) and type of event.

Its count goes on with every further fact and is reported at a day's end. A higher version of a fact takes the place of the
one before it; a repeat changes nothing.
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.events.catalogue import ENTITIES, Event
from domain.events.delivery import ExpenseWithdrawn, MilestoneRevoked
from domain.events.reference import AccountingPeriodClosed, LegalEntityDefined, TransferPriceSet
from domain.reference.book import PeriodChange, ReferenceBook, owner_key
from domain.refusals import UNSUPPORTED, of_company, refused_policies, words_of
from state import tallies
from state.books import OpenException, Refused
from state.draft import Cause, Draft, Plans, Transition

UNKNOWN = "unknown_reference"
# What ends a fact with nothing posted has nothing to do.
ENDINGS = (ExpenseWithdrawn, MilestoneRevoked)


class Scope(NamedTuple):
    """What the exception is about."""

    kind: str
    id: str
    project_id: str | None
    contract_id: str | None


def refuse(draft: Draft, event: Event) -> None:
    kind, fact_id = owner_key(event)
    field = ENTITIES[type(event).__name__].version_field
    version: int = getattr(event, field) if field is not None else 0
    known: Refused | None = draft.part("refused", f"{kind}/{fact_id}")
    if known is not None:
        if version <= known.version:
            return
        _take_out(draft, known, fact_id)
        if isinstance(event, ENDINGS):
            draft.put("refused", f"{kind}/{fact_id}", replace(known, version=version, exception_id=""))
            return
    draft.put("refused", f"{kind}/{fact_id}", _count(draft, event, fact_id, version))


def is_idle(event: Event) -> bool:
    """Reference data of which the books take nothing yet, or that may state such a thing."""
    return isinstance(event, LegalEntityDefined | PeriodChange | TransferPriceSet)


def refuse_reference(
    of: str,
    before: Any,
    event: Event,
    reference: ReferenceBook,
    entries: Any,
    why: Cause,
    plans: Plans,
) -> Transition:
    """One exception a company with policies of which nothing would follow, and one a period, or a transfer price, of no company."""
    draft = Draft(of, before, entries, reference, why, plans)
    if isinstance(event, LegalEntityDefined):
        _refuse_policies(draft, event)
        for change in reference.periods.get(event.legal_entity_id, {}).values():
            draft.resolve_exception(UNKNOWN, *owner_key(change))
        for price in reference.transfers.values():
            if event.legal_entity_id in (price.lending_entity_id, price.borrowing_entity_id):
                _miss_companies(draft, price)
    elif isinstance(event, PeriodChange):
        _miss_company(draft, event)
    elif isinstance(event, TransferPriceSet):
        _miss_companies(draft, event)
    return draft.transition()


def _miss_company(draft: Draft, event: PeriodChange) -> None:
    """It counts once the company is known; a mistyped one never is, so that somebody has to see it."""
    if draft.reference.entity(event.legal_entity_id) is None:
        what = "closing" if isinstance(event, AccountingPeriodClosed) else "reopening"
        message = (
            f"expected a company that is defined, got {event.legal_entity_id}; until it is, nothing follows from {what} its "
            f"period {event.period}"
        )
        draft.raise_exception(UNKNOWN, *owner_key(event), message, field="legal_entity_id")


def _miss_companies(draft: Draft, event: TransferPriceSet) -> None:
    """The first of the two that nobody defined; the exception goes with the last, or with a higher version that names others."""
    stated = (("lending_entity_id", event.lending_entity_id), ("borrowing_entity_id", event.borrowing_entity_id))
    missing = [(field, name) for field, name in stated if draft.reference.entity(name) is None]
    noted: OpenException | None = draft.part("exception", draft.exception_id(UNKNOWN, *owner_key(event)))
    if not missing:
        draft.resolve_exception(UNKNOWN, *owner_key(event))
        return
    field, name = missing[0]
    message = f"expected a company that is defined, got {name}; until it is, nothing is charged at the transfer price"
    if noted is None:
        draft.raise_exception(UNKNOWN, *owner_key(event), message, field=field)
    elif noted.message != message:
        draft.revise_exception(replace(noted, message=message, field=field))


def _refuse_policies(draft: Draft, event: LegalEntityDefined) -> None:
    kind, entity_id = owner_key(event)
    refused = list(refused_policies(event.policies))
    message = of_company(entity_id, (what for _, what in refused))
    noted: OpenException | None = draft.part("exception", draft.exception_id(UNSUPPORTED, kind, entity_id))
    if noted is not None and (not refused or noted.message != message):
        draft.resolve_exception(UNSUPPORTED, kind, entity_id, "superseded")
    if refused:
        draft.raise_exception(UNSUPPORTED, kind, entity_id, message, field=refused[0][0])


def revise_counts(draft: Draft) -> None:
    """At a day's end: say how many there are by now."""
    for exception_id in draft.ids("exception"):
        noted: OpenException = draft.part("exception", exception_id)
        if noted.count != noted.told:
            draft.revise_exception(noted)


def _count(draft: Draft, event: Event, fact_id: str, version: int) -> Refused:
    scope, name = _scope(draft, event), type(event).__name__
    noted = tallies.add(
        draft,
        UNSUPPORTED,
        scope.kind,
        scope.id,
        words_of(name, name=name, kind=scope.kind, id=scope.id),
        fact_id,
        0,
        None,
        side=f"/{name}",
        project_id=scope.project_id,
        contract_id=scope.contract_id,
    )
    return Refused(version, noted.exception_id, noted.raised_at)


def _take_out(draft: Draft, known: Refused, fact_id: str) -> None:
    """Out of the exception that counts it, unless that was settled meanwhile."""
    noted: OpenException | None = draft.part("exception", known.exception_id)
    if noted is not None and noted.raised_at == known.since:
        tallies.take(draft, known.exception_id, fact_id, 0, None, "superseded")


def _scope(draft: Draft, event: Event) -> Scope:
    project_id: str | None = getattr(event, "project_id", None)
    contract_id: str | None = getattr(event, "contract_id", None)
    if project_id is not None:
        return Scope("project", project_id, project_id, contract_id)
    if contract_id is not None:
        return Scope("contract", contract_id, None, contract_id)
    return Scope("engagement", draft.engagement_id, None, None)
