"""Exceptions for machines: shapes that keep their meaning from version to version."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.files.found_exceptions import ExceptionStep, KnownException
from connectors.json_records import record_to_json
from connectors.json_values import instant_text
from domain.events.catalogue import Event
from domain.money import format_amount
from domain.units import Instant
from milepost.console import shape
from milepost.exceptions.shown import (
    ClosedExceptions,
    HeldBalances,
    amounts_of,
    costs_of,
    days_open,
    decided_groups,
    groups_of,
)
from milepost.exceptions.waiting import Conflict, conflict_json


def list_json(
    known: Sequence[KnownException],
    as_of: Instant,
    decided: ClosedExceptions,
    held: Mapping[str, Sequence[HeldBalances]],
) -> dict[str, Any]:
    """Version 1 of the shape. `costs` are of what has no known value, and in no amount; so is what balances that wait hold."""
    return shape(
        1,
        as_of=instant_text(as_of),
        count=len(known),
        amounts=amounts_json(amounts_of(known)),
        costs=amounts_json(costs_of(known)),
        groups=groups_json(known, as_of),
        decided=[
            {
                **group._asdict(),
                "amounts": amounts_json(group.amounts),
                "costs": amounts_json(group.costs),
                "not_billed": amounts_json(group.not_billed),
            }
            for group in decided_groups(decided)
        ],
        exceptions=[
            known_json(each, as_of, decided.ended.get(each.raised.exception_id))
            | {"held": held_json(held.get(each.raised.exception_id, ()))}
            for each in known
        ],
    )


def groups_json(known: Iterable[KnownException], as_of: Instant) -> list[dict[str, Any]]:
    return [
        {
            **group._asdict(),
            "amounts": amounts_json(group.amounts),
            "costs": amounts_json(group.costs),
            "oldest": instant_text(group.oldest),
        }
        for group in groups_of(known, as_of)
    ]


def known_json(known: KnownException, as_of: Instant, ended: Event | None) -> dict[str, Any]:
    """`decision` is the event by which a person closed it."""
    return {
        **record_to_json(known.raised),
        "state": "open" if known.is_open else "closed",
        "since": instant_text(known.since),
        "age_days": days_open(known, as_of),
        "closed": record_to_json(known.closed) if known.closed is not None else None,
        "decision": record_to_json(ended) if known.is_decided and ended is not None else None,
    }


def amounts_json(amounts: dict[str, int]) -> dict[str, str]:
    return {currency: format_amount(amount) for currency, amount in amounts.items()}


def held_json(held: Iterable[HeldBalances]) -> list[dict[str, str]]:
    return [
        of._asdict() | {name: format_amount(getattr(of, name)) for name in ("revenue", "billed", "open_invoices")}
        for of in held
    ]


def show_json(
    known: KnownException,
    as_of: Instant,
    ended: Event | None,
    fact: Event | None,
    steps: Sequence[ExceptionStep],
    held: Iterable[HeldBalances],
    nearest: Sequence[str],
    waiting: Sequence[Event],
    conflict: Conflict | None,
) -> dict[str, Any]:
    return shape(
        1,
        nearest=list(nearest),
        exception=known_json(known, as_of, ended) | {"held": held_json(held)},
        fact=record_to_json(fact) if fact is not None else None,
        conflict=conflict_json(conflict),
        waiting=[record_to_json(each) for each in waiting],
        history=[
            {"at": instant_text(step.at), "said": record_to_json(step.said), "cause": record_to_json(step.cause)}
            for step in steps
        ],
    )
