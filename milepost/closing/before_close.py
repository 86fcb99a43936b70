"""What `milepost period close` asks before it records a close: nothing open that forbids it, but for what is accepted by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from milepost import exit_codes
from milepost.closing.names import CHECKS
from milepost.console import echo, write_json

if TYPE_CHECKING:
    from domain.events.reference import LegalEntityDefined
    from domain.reference.book import ReferenceBook
    from domain.reference.fiscal import AccountingPeriod
    from milepost.recording import Recording


def checked_reason(
    recording: Recording, entity: LegalEntityDefined, period: AccountingPeriod, reason: str, accept: Sequence[str]
) -> str:
    """The reason of the close with those of all that is accepted. Raises BadParameter, and ends with 3 where something forbids it."""
    from milepost.closing.checks import checked, first_period
    from milepost.closing.items import closing_book, open_closing
    from milepost.closing.shown import results_json, show_results

    accepted = accepted_checks(accept)
    with recording.books() as books:
        book = with_recorded(recording, closing_book(books))
    with open_closing(recording.output, entity, period, book) as closing:
        _check_first(closing.whose, period, first_period(closing))
        results = checked(closing, recording.settings.close.forbids, accepted)
    _check_accepted(accepted, {each.check for each in results if each.items})
    stopping = [each for each in results if each.stops]
    if stopping:
        if recording.is_json:
            write_json(results_json(entity.legal_entity_id, period, results))
        else:
            show_results(entity.legal_entity_id, period, [each for each in results if each.items])
            ways = " ".join(f"--accept {each.check}=REASON" for each in stopping)
            echo(
                f"\nPeriod {period.name} of {entity.legal_entity_id} stays open. Mend what is listed, or close it all the same with {ways}"
            )
        raise typer.Exit(exit_codes.VIOLATION)
    reasons = [f"{each.check} accepted: {each.accepted}" for each in results if each.accepted and each.items]
    return "; ".join([reason, *reasons])


def accepted_checks(accept: Sequence[str]) -> dict[str, str]:
    """Reasons by check. Raises BadParameter."""
    found: dict[str, str] = {}
    for each in accept:
        name, is_stated, reason = each.partition("=")
        if name not in CHECKS:
            raise typer.BadParameter(
                f"expected CHECK=REASON with one of {', '.join(CHECKS)}, got {each or '(nothing)'}",
                param_hint="--accept",
            )
        if not is_stated or not reason.strip():
            raise typer.BadParameter(
                f"expected {name}=REASON with a reason in words, got {each}", param_hint="--accept"
            )
        found[name] = reason.strip()
    return found


def _check_accepted(accepted: Mapping[str, str], open_: set[str]) -> None:
    """Nothing is accepted that is not there: the record would say so."""
    for name in accepted:
        if name not in open_:
            raise typer.BadParameter(
                f"expected a check that finds something open, got {name}, which finds nothing; leave it out",
                param_hint="--accept",
            )


def _check_first(whose: str, period: AccountingPeriod, first: str | None) -> None:
    if first is not None and period.name < first:
        raise typer.BadParameter(
            f"expected a period of {whose} from {first} on, its first with a journal or a close, got {period.name}; "
            "there is nothing to close before it",
            param_hint="PERIOD",
        )


def with_recorded(recording: Recording, book: ReferenceBook) -> ReferenceBook:
    """With closes that are recorded and not taken in yet."""
    from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened
    from domain.reference.book import apply

    for each in recording.recorded:
        if isinstance(each, AccountingPeriodClosed | AccountingPeriodReopened):
            book = apply(book, each)
    return book
