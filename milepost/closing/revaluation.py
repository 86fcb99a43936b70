"""What is open in another currency at the period's end and is not revalued: no rate, or its last day has not ended."""

from collections.abc import Iterator
from typing import Final

from connectors.files.found_exceptions import KnownException
from domain.capabilities import REFUND_LIABILITY
from domain.exceptions import CATALOGUE
from domain.identity import parts_of
from domain.ledger.revaluation import CUMULATIVE, is_held
from domain.money import format_amount
from domain.policies import Resolved, resolve
from domain.reference.exchange import NO_RATE
from domain.units import Amount
from milepost.closing.items import Closing, OpenPoint
from milepost.console import shell_word
from milepost.exceptions.words import titled
from state.books import Contract, Monetary
from state.charges.rebates import provides
from state.ledger.foreign import KIND
from state.ledger.revaluation import WAITING

FINANCE: Final = CATALOGUE[NO_RATE].owner_role


def find(closing: Closing) -> Iterator[OpenPoint]:
    """By currency. Where the company asks for none by now, those that wait for a rate since it asked for it."""
    policies, waiting = resolve(closing.entity.policies), _waiting(closing)
    for currency, accounts in sorted(_not_valued(closing, policies).items()):
        if policies.fx_revaluation == "none" and currency not in waiting:
            continue
        shown = ", ".join(
            f"{account} {format_amount(amount, currency)}" for account, amount in sorted(accounts.items())
        )
        why, command = _why(closing, waiting.get(currency))
        yield OpenPoint(f"{shown} {currency} at {closing.last}: {why}", len(accounts), None, "", FINANCE, command)


def _waiting(closing: Closing) -> dict[str, KnownException]:
    """By currency, what says that its rate is missing."""
    place = closing.whose, closing.period.name
    found = {}
    for each in closing.open_exceptions:
        if each.raised.subject_kind == WAITING:
            entity_id, currency, period = parts_of(each.raised.subject_id)
            if (entity_id, period) == place:
                found[currency] = each
    return found


def _not_valued(closing: Closing, policies: Resolved) -> dict[str, dict[str, Amount]]:
    """Balances by currency and account."""
    found: dict[str, dict[str, Amount]] = {}
    with_parts = {one.contract_id for _, one in closing.books.all_of("contract", Contract) if provides(one)}
    for part_id, known in closing.books.all_of(KIND, Monetary):
        entity_id, currency, account, contract_id, _ = parts_of(part_id)
        if account == REFUND_LIABILITY and contract_id not in with_parts:
            continue
        if entity_id != closing.whose or not is_held(account, policies) or _is_valued(closing, policies, known):
            continue
        if open_ := sum(amount for name, (amount, _) in known.moves.items() if name <= closing.period.name):
            of = found.setdefault(currency, {})
            of[account] = of.get(account, 0) + open_
    return found


def _is_valued(closing: Closing, policies: Resolved, known: Monetary) -> bool:
    """With `cumulative` a later period's value holds what came late into an earlier one."""
    name = closing.period.name
    if policies.fx_revaluation == CUMULATIVE:
        return any(each >= name for each in known.valued)
    return name in known.valued


def _why(closing: Closing, waiting: KnownException | None) -> tuple[str, str]:
    if waiting is not None:
        category = waiting.raised.category
        return f"not revalued, {titled(category)}", closing.command(f"exceptions list --kind {category}")
    ended = closing.books.ended_to(closing.entity.zone)
    if ended < f"{closing.last}":
        return "not revalued, the day has not ended", closing.command(f"run --until {closing.last}")
    command = closing.command(f"ledger --entity {shell_word(closing.whose)} --period {closing.period.name}")
    return "not revalued, the company asks for it since a later day", command
