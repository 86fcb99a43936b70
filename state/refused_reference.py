"""Reference data that the rules in force do not handle, or that names what nobody defined: one exception each, with what to do."""

from typing import Any

from domain.capabilities import OWN_CLASSES, OWN_REFERENCE, OwnReference
from domain.events.catalogue import Event
from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened, LegalEntityDefined
from domain.exceptions import UNKNOWN
from domain.reference.book import PeriodChange, ReferenceBook, owner_key
from domain.refusals import UNSUPPORTED, of_company, refused_policies
from state.draft import Cause, Draft, Plans


def is_idle(event: Event) -> bool:
    """Reference data of which the books take nothing yet, or that may state such a thing."""
    return isinstance(event, (LegalEntityDefined, AccountingPeriodClosed, AccountingPeriodReopened, *OWN_CLASSES))


def refuse_reference(
    of: str, before: Any, event: Event, reference: ReferenceBook, entries: Any, cause: Cause, plans: Plans
) -> Draft:
    """One exception a company with policies of which nothing would follow, and one a period, or a fact that names a company, of none."""
    draft = Draft(of, before, entries, reference, cause, plans)
    if isinstance(event, LegalEntityDefined):
        _refuse_policies(draft, event)
        for change in reference.periods.get(event.legal_entity_id, {}).values():
            draft.resolve_exception(UNKNOWN, *owner_key(change))
        for own in (own for kind in OWN_REFERENCE for own in reference.all_of(kind)):
            if event.legal_entity_id in _companies_of(own).values():
                _miss_companies(draft, own)
    elif isinstance(event, PeriodChange):
        _miss_company(draft, event)
    elif isinstance(event, OWN_CLASSES):
        _miss_companies(draft, event)
    return draft


def _miss_company(draft: Draft, event: PeriodChange) -> None:
    """It counts once the company is known; a mistyped one never is, so that somebody has to see it."""
    if draft.reference.entity(event.legal_entity_id) is None:
        what = "closing" if isinstance(event, AccountingPeriodClosed) else "reopening"
        message = (
            f"expected a company that is defined, got {event.legal_entity_id}; until it is, nothing follows from {what} its "
            f"period {event.period}"
        )
        draft.raise_exception(UNKNOWN, *owner_key(event), message, field="legal_entity_id")


def _companies_of(event: OwnReference) -> dict[str, str]:
    """By the field that names one."""
    return {field: getattr(event, field) for field in OWN_REFERENCE[type(event)].companies}


def _miss_companies(draft: Draft, event: OwnReference) -> None:
    """The first that nobody defined; the exception goes with the last, or with a higher version that names others."""
    stated = _companies_of(event).items()
    missing = [(field, name) for field, name in stated if draft.reference.entity(name) is None]
    if not missing:
        draft.resolve_exception(UNKNOWN, *owner_key(event))
        return
    field, name = missing[0]
    message = f"expected a company that is defined, got {name}; until it is, {OWN_REFERENCE[type(event)].until}"
    draft.raise_exception(UNKNOWN, *owner_key(event), message, field=field, revises=True)


def _refuse_policies(draft: Draft, event: LegalEntityDefined) -> None:
    kind, entity_id = owner_key(event)
    refused = list(refused_policies(event.policies))
    message = of_company(entity_id, (what for _, what in refused))
    noted = draft.open_exception(UNSUPPORTED, kind, entity_id)
    if noted is not None and (not refused or noted.message != message):
        draft.resolve_exception(UNSUPPORTED, kind, entity_id, "superseded")
    if refused:
        draft.raise_exception(UNSUPPORTED, kind, entity_id, message, field=refused[0][0])
