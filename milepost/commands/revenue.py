"""`milepost revenue adjust`: revenue of a contract line that somebody adds or takes away by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.console import amount_text, say
from milepost.days import day_option
from milepost.options import MayApprove, Reason
from milepost.recording import Recording, records, stated_reason

if TYPE_CHECKING:
    from domain.events.finance import RevenueAdjusted
    from domain.units import Amount
    from state.books import Adjustment, Contract
    from state.store.reader import StoreReader


# Long by its options: each is a parameter.
@records
def adjust(
    recording: Recording,
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="Id of a contract.")],
    line: Annotated[str, typer.Argument(metavar="LINE", help="Id of one of its lines.")],
    amount: Annotated[
        str, typer.Argument(metavar="AMOUNT", help="In contract currency, such as 1000.00, or -1000.00 to take away.")
    ],
    reason: Reason,
    approved_by: MayApprove = None,
    on: Annotated[date | None, day_option("--on", "Its day; without it today.")] = None,
    back_on: Annotated[
        date | None, day_option("--reverse-on", "The day on which it reverses itself; without it it stays.")
    ] = None,
    adjustment_id: Annotated[
        str | None, typer.Option("--adjustment-id", help="Without it made of contract, line, day and amount.")
    ] = None,
) -> None:
    """Add to the revenue of a contract line, or take away; above policy approval_limit by two people. Nothing is billed of it."""
    from dataflows.whatif import DAYS_ON_MAX
    from domain.events.finance import RevenueAdjusted
    from domain.money import format_amount
    from milepost.deciding import other_person
    from milepost.exceptions.second_person import SecondPerson

    other_person(approved_by, recording.who)
    why, adjusted_on = stated_reason(reason), recording.day(on, "--on")
    if back_on is not None and back_on.isoformat() <= adjusted_on:
        raise typer.BadParameter(f"expected a day after {adjusted_on}, got {back_on}", param_hint="--reverse-on")
    reverse_on = None if back_on is None else recording.day(back_on, "--reverse-on", DAYS_ON_MAX)
    with recording.books() as books:
        signed = _known(books, contract, line)
        begins = signed.terms.starts_on
        if adjusted_on < begins.isoformat():
            raise typer.BadParameter(
                f"expected a day from {begins} on, on which contract {contract} starts; got {adjusted_on}",
                param_hint="--on",
            )
        currency = signed.terms.currency
        changed = _amount(amount, currency)
        named = adjustment_id or f"{contract}/{line}/{adjusted_on}/{format_amount(changed)}"
        taken_in: tuple[Adjustment, ...] = books.parts_with_id("revenue_adjustment", named)
        limit = SecondPerson(books).limit_of(signed)
    is_above = limit is not None and abs(changed) > limit.amount
    recorded = [
        each for each in recording.recorded if isinstance(each, RevenueAdjusted) and each.adjustment_id == named
    ]
    said = contract, line, changed, date.fromisoformat(adjusted_on), back_on
    _check_repeats(taken_in, recorded, said, approved_by if is_above else None, recording)
    event = recording.event(
        "RevenueAdjusted",
        adjustment_id=named,
        contract_id=contract,
        line_id=line,
        amount=format_amount(changed),
        currency=currency,
        adjusted_on=adjusted_on,
        reason=why,
        approved_by=approved_by,
        reverse_on=reverse_on,
    )
    recording.send([event], "contract_id")
    back = f"; {back_on} takes it back" if back_on is not None else ""
    say(f"{amount_text(changed)} {currency} on line {line} of contract {contract} on {adjusted_on}{back}")
    if limit is not None and is_above and approved_by is None:
        say(
            f"It is above {limit.text}: nothing is posted, and the next run raises self_approved, until somebody other than "
            f"{recording.who.name} approves it. The same command with --approved-by NAME says who did"
        )


def _known(books: StoreReader, contract_id: str, line_id: str) -> Contract:
    """Raises BadParameter where no contract in force has the id, or it has no such line."""
    from connectors.files.lookup import hint

    found: tuple[Contract, ...] = books.parts_with_id("contract", contract_id)
    signed = [each for each in found if each.in_force]
    if not signed:
        every = frozenset(each.contract_id for each in books.parts(None, "contract"))
        raise typer.BadParameter(
            f"expected a contract that is in force, got {contract_id or '(nothing)'}{hint(contract_id, every)}",
            param_hint="CONTRACT",
        )
    lines = frozenset(line.line_id for each in signed for stored in each.history for line in stored.terms.lines)
    if line_id not in lines:
        raise typer.BadParameter(
            f"expected a line of contract {contract_id}, got {line_id or '(nothing)'}{hint(line_id, lines)}",
            param_hint="LINE",
        )
    return signed[0]


def _amount(text: str, currency: str) -> Amount:
    """Raises BadParameter."""
    from milepost.statements.open_invoices import amount_of

    sign = -1 if text.startswith("-") else 1
    return sign * amount_of(text.removeprefix("-"), currency, "AMOUNT", "above or below zero,")


Said = tuple[str, str, "Amount", date, date | None]


def _check_repeats(
    taken_in: Sequence[Adjustment],
    recorded: Sequence[RevenueAdjusted],
    said: Said,
    approved_by: str | None,
    recording: Recording,
) -> None:
    """The same once more changes nothing, unless somebody approves what waits for that; another one needs an id of its own. Of one that is
    refused the newest content counts."""
    posted = [each.event for each in taken_in if not each.category]
    refused = [each.event for each in taken_in if each.category]
    for before in (posted or [*refused, *recorded])[-1:]:
        is_same = said == (before.contract_id, before.line_id, before.amount, before.adjusted_on, before.reverse_on)
        if is_same and (posted or approved_by is None or before.approved_by is not None):
            raise recording.done_before(
                f"Adjustment {before.adjustment_id} is recorded already; another one of the same day and amount needs an --adjustment-id "
                "of its own"
            )
        if not is_same and (posted or not refused):
            raise _other(before)


def _other(before: RevenueAdjusted) -> typer.BadParameter:
    back = f", back on {before.reverse_on}" if before.reverse_on is not None else ""
    return typer.BadParameter(
        f"adjustment {before.adjustment_id} is recorded already: {amount_text(before.amount)} {before.currency} on line "
        f"{before.line_id} of contract {before.contract_id} on {before.adjusted_on}{back}. "
        "What is to change is an adjustment of its own, with another id",
        param_hint="--adjustment-id",
    )
