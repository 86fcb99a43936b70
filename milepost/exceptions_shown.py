"""Exceptions for people and for machines: by cause with the money at risk, and one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from connectors.files.found_exceptions import Known, Step
from connectors.json_records import record_to_json
from connectors.json_values import decimal_text, instant_text
from domain.events.catalogue import Event
from domain.outputs import ExceptionClosed, ExceptionRaised
from domain.units import AMOUNT_SCALE, Instant
from milepost.console import amount_text, shape
from milepost.tables import Table, hours_text

SHOWN: Final = 20
DAY: Final = 24 * 3600 * 1_000_000
# Categories whose cause is a person's missing record, or the terms of the project.
OF_PERSONS: Final = frozenset({"no_rate", "no_cost_rate", "unknown_reference"})
TRACING: Final = frozenset({"event_id", "recorded_at", "correlation_id", "engagement_id"})


class Group(NamedTuple):
    """Exceptions with one cause; amounts by currency, without signs."""

    category: str
    about: str
    owner_role: str
    severity: str
    exceptions: int
    blocks: int
    amounts: dict[str, int]
    oldest: Instant
    assignees: tuple[str, ...]


def about(raised: ExceptionRaised) -> str:
    """What the cause lies with: the person without a rate, the project without a contract, else the subject itself."""
    if raised.category in OF_PERSONS and raised.person_id is not None:
        return f"person {raised.person_id}"
    if raised.contract_id is not None:
        return f"contract {raised.contract_id}"
    if raised.project_id is not None:
        return f"project {raised.project_id}"
    return f"{raised.subject_kind.replace('_', ' ')} {raised.subject_id}"


def groups_of(known: Iterable[Known]) -> list[Group]:
    """The gravest first, then those with the most exceptions."""
    found: dict[tuple[str, str], list[Known]] = {}
    for each in known:
        found.setdefault((each.raised.category, about(each.raised)), []).append(each)
    groups = [_group(category, of, members) for (category, of), members in found.items()]
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(groups, key=lambda group: (order[group.severity], -group.exceptions, group.category, group.about))


def _group(category: str, of: str, members: Sequence[Known]) -> Group:
    first = members[0].raised
    return Group(
        category,
        of,
        first.owner_role,
        first.severity,
        len(members),
        sum(each.raised.blocks_count for each in members),
        amounts_of(members),
        min(each.since for each in members),
        tuple(sorted({each.raised.assignee for each in members if each.raised.assignee is not None})),
    )


def amounts_of(known: Iterable[Known]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in known:
        if each.raised.blocks_currency is not None:
            sums[each.raised.blocks_currency] += abs(each.raised.blocks_amount)
    return {currency: sums[currency] for currency in sorted(sums) if sums[currency]}


def days(since: Instant, until: Instant) -> int:
    return max(0, until - since) // DAY


# For people


def group_table(known: Sequence[Known], as_of: Instant) -> Table:
    rows = [
        (
            group.category,
            group.about,
            group.owner_role,
            f"{group.exceptions:,}",
            f"{group.blocks:,}",
            money_text(group.amounts),
            f"{days(group.oldest, as_of):,}",
            ", ".join(group.assignees),
        )
        for group in groups_of(known)
    ]
    columns = ("category", "about", "owner", "exceptions", "blocks", "at risk", "oldest, days", "assignee")
    sums = (
        "all",
        "",
        "",
        f"{len(known):,}",
        f"{sum(each.raised.blocks_count for each in known):,}",
        money_text(amounts_of(known)),
        "",
        "",
    )
    return Table("By cause", columns, [*rows, *([sums] if rows else [])], frozenset({3, 4, 5, 6}), 1 if rows else 0)


def single_table(known: Sequence[Known], as_of: Instant, limit: int) -> Table:
    rows = [
        (
            each.raised.exception_id,
            each.raised.category,
            f"{each.raised.subject_kind.replace('_', ' ')} {each.raised.subject_id}",
            amount_of(each.raised),
            f"{days(each.since, as_of):,}",
            each.raised.assignee or each.raised.owner_role,
            "open" if each.closed is None else each.closed.reason,
        )
        for each in known[:limit]
    ]
    title = "Exceptions" + (f", {limit:,} of {len(known):,}" if len(known) > limit else "")
    columns = ("id", "category", "subject", "at risk", "age, days", "with", "state")
    return Table(title, columns, rows, frozenset({3, 4}))


def amount_of(raised: ExceptionRaised) -> str:
    """At the rate that would be used; `cost` where only that is known; hours where nothing is."""
    if raised.blocks_amount:
        return f"{amount_text(raised.blocks_amount)} {raised.blocks_currency}" + (
            " (cost)" if raised.blocks_basis == "cost" else ""
        )
    return f"{hours_text(raised.blocks_hours)} h" if raised.blocks_hours else ""


def money_text(amounts: dict[str, int]) -> str:
    return " + ".join(f"{amount_text(amount)} {currency}" for currency, amount in amounts.items())


def head(known: Known, as_of: Instant) -> list[str]:
    raised = known.raised
    state = (
        "open" if known.closed is None else f"over since {instant_text(known.closed.closed_at)} ({known.closed.reason})"
    )
    places = [f"{name} {value}" for name, value in _places(raised) if value]
    return [
        f"Exception {raised.exception_id}: {raised.category}, {raised.severity}, {state}",
        raised.message,
        "",
        f"  subject    {raised.subject_kind.replace('_', ' ')} {raised.subject_id}"
        + (f", field {raised.field}" if raised.field else ""),
        *([f"  of         {', '.join(places)}"] if places else []),
        f"  with       {raised.assignee or 'nobody'}, a matter of {raised.owner_role}",
        f"  blocks     {raised.blocks_count:,}" + (f", {amount_of(raised)}" if amount_of(raised) else ""),
        f"  raised     {instant_text(known.since)}, {days(known.since, as_of):,} days before {instant_text(as_of)}",
        *([f"  entries    {', '.join(raised.entries[:SHOWN])}"] if raised.entries else []),
        f"  way out    {raised.resolution}",
    ]


def _places(raised: ExceptionRaised) -> list[tuple[str, str | None]]:
    return [
        ("engagement", raised.engagement_id),
        ("project", raised.project_id),
        ("contract", raised.contract_id),
        ("person", raised.person_id),
    ]


def fact_table(event: Event) -> Table:
    """The fact as it was said last, without what is for tracing only."""
    said = {
        name: value
        for name, value in record_to_json(event).items()
        if name not in {*TRACING, "type"} and value not in (None, [], {})
    }
    rows = [(name, str(value)) for name, value in said.items()]
    return Table(f"The fact, {type(event).__name__}", ("field", "value"), rows)


def history_table(steps: Sequence[Step]) -> Table:
    rows = [(instant_text(step.at), _said(step.said), _cause(step.cause)) for step in steps]
    return Table("History", ("recorded", "what", "by"), rows)


def _said(said: ExceptionRaised | ExceptionClosed) -> str:
    if isinstance(said, ExceptionClosed):
        return f"closed, {said.reason}"
    parts = [f"raised, revision {said.revision}", amount_of(said), f"with {said.assignee}" if said.assignee else ""]
    return ", ".join(part for part in parts if part)


def _cause(event: Event) -> str:
    """Its type with who asked, who approved, why and how that is known, where it says so."""
    words = [type(event).__name__]
    for name, before in (
        ("requested_by", "of"),
        ("approved_by", "approved by"),
        ("reason", "because"),
        ("identified_by", "-"),
    ):
        value = getattr(event, name, None)
        if value:
            words.append(f"{before} {value}")
    return " ".join(words)


# For machines


def list_json(known: Sequence[Known], as_of: Instant) -> dict[str, Any]:
    """Version 1 of the shape."""
    groups = [
        {
            **group._asdict(),
            "amounts": amounts_json(group.amounts),
            "oldest": instant_text(group.oldest),
            "oldest_days": days(group.oldest, as_of),
        }
        for group in groups_of(known)
    ]
    return shape(
        1,
        as_of=instant_text(as_of),
        count=len(known),
        amounts=amounts_json(amounts_of(known)),
        groups=groups,
        exceptions=[known_json(each, as_of) for each in known],
    )


def known_json(known: Known, as_of: Instant) -> dict[str, Any]:
    return {
        **record_to_json(known.raised),
        "state": "open" if known.is_open else "closed",
        "since": instant_text(known.since),
        "age_days": days(known.since, as_of),
        "closed": record_to_json(known.closed) if known.closed is not None else None,
    }


def amounts_json(amounts: dict[str, int]) -> dict[str, str]:
    return {currency: decimal_text(AMOUNT_SCALE, 2, amount) for currency, amount in amounts.items()}


def show_json(known: Known, as_of: Instant, fact: Event | None, steps: Sequence[Step]) -> dict[str, Any]:
    return shape(
        1,
        exception=known_json(known, as_of),
        fact=record_to_json(fact) if fact is not None else None,
        history=[
            {"at": instant_text(step.at), "said": record_to_json(step.said), "cause": record_to_json(step.cause)}
            for step in steps
        ],
    )
