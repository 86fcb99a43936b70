"""Exceptions that count what they are about: facts, or journals, with what these come to by currency.

The first is published at once; how many there are by then is published at a day's end. The one that is left last closes the exception.
"""

from msgspec.structs import replace

from domain.exceptions import ExceptionCategory
from domain.units import Amount
from state.books import OpenException
from state.draft import ENTRIES_NAMED, Draft


def add(
    draft: Draft,
    category: ExceptionCategory,
    subject_kind: str,
    subject_id: str,
    message: str,
    entry: str,
    amount: Amount,
    currency: str | None,
    *,
    side: str = "",
    project_id: str | None = None,
    contract_id: str | None = None,
    field: str | None = None,
) -> OpenException:
    """The exception as it stands with the entry; subject and `side` name it."""
    exception_id = draft.exception_id(category, subject_kind, subject_id + side)
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is None:
        draft.raise_exception(
            category,
            subject_kind,
            subject_id,
            message,
            side=side,
            project_id=project_id,
            contract_id=contract_id,
            field=field,
            amount=amount,
            currency=currency,
            entries=(entry,),
        )
    else:
        entries = noted.entries if len(noted.entries) >= ENTRIES_NAMED else (*noted.entries, entry)
        _put(draft, replace(noted, count=noted.count + 1, entries=entries), amount, currency)
    found: OpenException = draft.part("exception", exception_id)
    return found


def take(draft: Draft, exception_id: str, entry: str, amount: Amount, currency: str | None, reason: str) -> None:
    """Take an entry out that was added; nothing where the exception is not open."""
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is None:
        return
    if noted.count == 1:
        draft.close_exception(exception_id, reason)
        return
    entries = tuple(each for each in noted.entries if each != entry)
    _put(draft, replace(noted, count=noted.count - 1, entries=entries), -amount, currency)


def publish(draft: Draft, exception_id: str) -> None:
    """How many there are by now, before the day's end; nothing where that was published, or the exception is not open."""
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is not None and noted.count != noted.published_count:
        draft.revise_exception(noted)


def publish_all(draft: Draft) -> None:
    """At a day's end."""
    for exception_id in draft.ids("exception"):
        publish(draft, exception_id)


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
