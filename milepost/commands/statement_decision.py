"""`milepost statement approve` and `return`: what a person decides about drafts of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from milepost.console import say
from milepost.recording import Recording, records, stated_reason

if TYPE_CHECKING:
    from domain.outputs import BillingStatement

Ids = Annotated[list[str], typer.Argument(metavar="STATEMENT", help="Ids of drafts.")]
APPROVED, RETURNED = "StatementApproved", "StatementReturned"


@records
def approve(recording: Recording, ids: Ids) -> None:
    """Approve drafts of statements: each is issued as it was drafted, unless its work has changed since."""
    drafts = _to_decide(recording, ids, APPROVED)
    _check_not_asked_by(recording, drafts)
    who = recording.who.name
    events = [
        recording.event(
            APPROVED, statement_id=one.statement_id, revision=one.revision, approved_by=who, requested_by=None
        )
        for one in drafts
    ]
    recording.send(events, "statement_id")


@records
def return_(
    recording: Recording, ids: Ids, reason: Annotated[str, typer.Option("--reason", help="What is to be corrected.")]
) -> None:
    """Return drafts of statements: their work waits for a correction, or for the next statement."""
    said = stated_reason(reason)
    events = [
        recording.event(RETURNED, statement_id=one.statement_id, revision=one.revision, reason=said)
        for one in _to_decide(recording, ids, RETURNED)
    ]
    recording.send(events, "statement_id")


def _to_decide(recording: Recording, ids: list[str], type_name: str) -> list[BillingStatement]:
    """Drafts without a decision. What is decided so already is said, and ends the command where nothing else is left."""
    from milepost.statements.named import newest_statement

    found = [newest_statement(recording.output, each) for each in dict.fromkeys(ids)]
    before: list[str] = []
    drafts: list[BillingStatement] = []
    with recording.books() as books:
        returned = {one.statement_id for one in books.parts(None, "draft") if one.returned == one.revision}
    for one in found:
        _check_asked(recording, one)
        known = _decided(recording, one, is_returned=one.statement_id in returned)
        if known is None:
            drafts.append(one)
        elif known == type_name:
            before.append(one.statement_id)
        else:
            raise typer.BadParameter(
                f"expected a draft that nobody has decided about; {one.statement_id} is {_words(known)}",
                param_hint="STATEMENT",
            )
    if before and not drafts:
        raise recording.done_before(f"{_words(type_name).capitalize()} already: {', '.join(before)}")
    if before:
        say(f"{_words(type_name).capitalize()} already, and left out: {', '.join(before)}")
    return drafts


def _check_asked(recording: Recording, one: BillingStatement) -> None:
    """Raises BadParameter where it was issued at once."""
    from connectors.files.lookup import was_drafted

    if one.status == "issued" and not was_drafted(recording.output, one.statement_id):
        raise typer.BadParameter(
            f"expected a draft; {one.statement_id} is issued, and asked for no approval", param_hint="STATEMENT"
        )


def _decided(recording: Recording, one: BillingStatement, *, is_returned: bool) -> str | None:
    """The kind of the decision that the newest revision has, taken in or only on its way."""
    from domain.events.control import StatementApproved, StatementReturned

    if one.status == "issued":
        return APPROVED
    for event in recording.recorded:
        if isinstance(event, StatementApproved | StatementReturned) and (event.statement_id, event.revision) == (
            one.statement_id,
            one.revision,
        ):
            return type(event).__name__
    return RETURNED if is_returned or one.status != "open" else None


def _words(type_name: str) -> str:
    return "approved" if type_name == APPROVED else "returned"


def _check_not_asked_by(recording: Recording, drafts: list[BillingStatement]) -> None:
    """Who asked for a statement does not approve it; the fold checks it again."""
    who = recording.who.name
    with recording.books() as books:
        asked = {draft.statement_id: draft.requested_by for draft in books.parts(None, "draft")}
    own = [one.statement_id for one in drafts if asked.get(one.statement_id) == who]
    if own:
        raise typer.BadParameter(
            f"{who} asked for {', '.join(own)} and cannot approve it; somebody else does, with --as", param_hint="--as"
        )
