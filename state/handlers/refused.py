"""Events that the rules in force do not handle: refused by name, one exception a project (or contract) and type of event.

Its count and amounts go on with every further fact and are told at a day's end. A higher version of a fact takes the place of the
one before it; a repeat changes nothing.
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.events.catalogue import ENTITIES, Event
from domain.events.delivery import ExpenseWithdrawn, MilestoneRevoked
from domain.events.reference import LegalEntityDefined
from domain.reference import ReferenceBook, owner_key
from domain.refusals import REFUSALS, UNSUPPORTED, of_company, refused_policies, words_of
from domain.units import Amount
from state.books import OpenException, Refused
from state.draft import ENTRIES_NAMED, Cause, Draft, Plans, Transition

# What ends a fact of which nothing was posted has nothing to do.
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
            draft.put("refused", f"{kind}/{fact_id}", replace(known, version=version, exception_id="", amount=0))
            return
    draft.put("refused", f"{kind}/{fact_id}", _count(draft, event, fact_id, version))


def is_idle(event: Event) -> bool:
    """Reference data of which the books take nothing, or that may state such a thing."""
    return type(event).__name__ in REFUSALS or isinstance(event, LegalEntityDefined)


def refuse_reference(
    of: str,
    before: Any,
    event: Event,
    reference: ReferenceBook,
    entries: Any,
    why: Cause,
    plans: Plans,
) -> Transition:
    """One exception a type of event, and one a company with policies of which nothing would follow."""
    draft = Draft(of, before, entries, reference, why, plans)
    if isinstance(event, LegalEntityDefined):
        _refuse_policies(draft, event)
    else:
        _refuse_type(draft, event)
    return draft.transition()


def _refuse_type(draft: Draft, event: Event) -> None:
    kind, name = owner_key(event)[0], type(event).__name__
    if draft.part("refused", name) is None:
        exception_id = draft.exception_id(UNSUPPORTED, kind, name)
        draft.put("refused", name, Refused(0, exception_id, draft.cause.recorded_at, 0, None))
        draft.note(UNSUPPORTED, kind, name, words_of(name, name=name))


def _refuse_policies(draft: Draft, event: LegalEntityDefined) -> None:
    kind, entity_id = owner_key(event)
    refused = list(refused_policies(event.policies))
    message = of_company(entity_id, (what for _, what in refused))
    noted: OpenException | None = draft.part("exception", draft.exception_id(UNSUPPORTED, kind, entity_id))
    if noted is not None and (not refused or noted.message != message):
        draft.settle_note(UNSUPPORTED, kind, entity_id, "superseded")
    if refused:
        draft.note(UNSUPPORTED, kind, entity_id, message, field=refused[0][0])


def revise_counts(draft: Draft) -> None:
    """At a day's end: say how many there are by now."""
    for exception_id in draft.ids("exception"):
        noted: OpenException = draft.part("exception", exception_id)
        if noted.count != noted.told:
            draft.revise_note(noted)


def _count(draft: Draft, event: Event, fact_id: str, version: int) -> Refused:
    scope, name = _scope(draft, event), type(event).__name__
    exception_id = draft.exception_id(UNSUPPORTED, scope.kind, f"{scope.id}/{name}")
    amount, currency = _amount(event)
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is None:
        draft.note(
            UNSUPPORTED,
            scope.kind,
            scope.id,
            words_of(name, name=name, kind=scope.kind, id=scope.id),
            side=f"/{name}",
            project_id=scope.project_id,
            contract_id=scope.contract_id,
            amount=amount,
            currency=currency,
            entries=(fact_id,),
        )
        return Refused(version, exception_id, draft.cause.recorded_at, amount, currency)
    entries = noted.entries if len(noted.entries) >= ENTRIES_NAMED else (*noted.entries, fact_id)
    _put(draft, replace(noted, count=noted.count + 1, entries=entries), amount, currency)
    return Refused(version, exception_id, noted.raised_at, amount, currency)


def _take_out(draft: Draft, known: Refused, fact_id: str) -> None:
    """Out of the exception that counts it, unless that was settled meanwhile."""
    noted: OpenException | None = draft.part("exception", known.exception_id)
    if noted is None or noted.raised_at != known.since:
        return
    if noted.count == 1:
        draft.close_note(noted.exception_id, "superseded")
        return
    entries = tuple(entry for entry in noted.entries if entry != fact_id)
    _put(draft, replace(noted, count=noted.count - 1, entries=entries), -known.amount, known.currency)


def _put(draft: Draft, noted: OpenException, amount: Amount, currency: str | None) -> None:
    amounts = dict(noted.amounts)
    if currency is not None and amount:
        left = amounts.pop(currency, 0) + amount
        if left:
            amounts[currency] = left
    draft.put("exception", noted.exception_id, replace(noted, amounts=amounts))
    zone = _zone(draft, noted)
    if zone is not None:
        draft.due.add((zone, ""))


def _zone(draft: Draft, noted: OpenException) -> str | None:
    """The project's, else that of the first company; before there is any no day ends."""
    project = draft.part("project", noted.project_id) if noted.project_id is not None else None
    if project is not None and project.zone is not None:
        zone: str = project.zone
        return zone
    entities = draft.reference.entities
    return entities[min(entities)].zone if entities else None


def _scope(draft: Draft, event: Event) -> Scope:
    project_id: str | None = getattr(event, "project_id", None)
    contract_id: str | None = getattr(event, "contract_id", None)
    if project_id is not None:
        return Scope("project", project_id, project_id, contract_id)
    if contract_id is not None:
        return Scope("contract", contract_id, None, contract_id)
    return Scope("engagement", draft.engagement_id, None, None)


def _amount(event: Event) -> tuple[Amount, str | None]:
    amount, currency = getattr(event, "amount", None), getattr(event, "currency", None)
    return (amount, currency) if isinstance(amount, int) and isinstance(currency, str) else (0, None)
