"""Exceptions for people: by cause with the money at risk, what people closed, and one by one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connectors.files.found_exceptions import ExceptionStep, KnownException
from connectors.json_records import record_to_json
from domain.capabilities import CATEGORIES
from domain.counting import counted
from domain.events.catalogue import ENTITIES, Event
from domain.events.commercial import BalancesBroughtForward
from domain.identity import parts_of
from domain.outputs import ExceptionClosed, ExceptionRaised
from domain.units import MICROSECONDS_A_DAY, Amount, Instant
from milepost.console import amount_text
from milepost.days import instant_day
from milepost.exceptions.effects import effect_of
from milepost.exceptions.words import message_text, subject_text, title_of, titled
from milepost.tables import Table, hours_text
from milepost.words import event_name

SHOWN: Final = 20
# The column of costs that stand where no value is known.
COST_ONLY: Final = "(cost)"
# Categories whose cause is a person's missing record, or the terms of the project.
OF_PERSONS: Final = frozenset(
    {"no_rate", "no_cost_rate", "unknown_reference", *(name for name, own in CATEGORIES.items() if own.of_person)}
)
# What balances hold, in the order of HeldBalances.
HELD: Final = ("revenue", "billed", "open invoices")
APPROVED: Final = {"approved_by": "approved by", "reason": "because"}
TRACING: Final = frozenset({"event_id", "recorded_at", "correlation_id", "engagement_id"})


class HeldBalances(NamedTuple):
    """What balances of a project say of a contract while nothing of them is in the books, in the contract's currency."""

    project_id: str
    contract_id: str
    revenue: Amount
    billed: Amount
    open_invoices: Amount


class ClosedExceptions(NamedTuple):
    """What people closed, by event that ended it and, over a cap, with what is still not billed."""

    known: Sequence[KnownException]
    ended: Mapping[str, Event]
    not_billed: Mapping[str, Amount]


class DecidedGroup(NamedTuple):
    """Exceptions that people closed in one way; `not_billed` is what still stands over caps, and `costs` as in `CauseGroup`."""

    category: str
    decision: str
    effect: str
    exceptions: int
    amounts: dict[str, int]
    not_billed: dict[str, int]
    costs: dict[str, int]


class CauseGroup(NamedTuple):
    """Exceptions with one cause; amounts by currency, without signs. `costs` are of work of which no value is known, and in no amount.
    `oldest_days` is how long the one was open that was open longest."""

    category: str
    about: str
    owner_role: str
    severity: str
    exceptions: int
    blocks: int
    amounts: dict[str, int]
    oldest: Instant
    oldest_days: int
    assignees: tuple[str, ...]
    costs: dict[str, int]


def about(raised: ExceptionRaised) -> str:
    """What the cause lies with: the person without a rate, the project without a contract, else the subject itself."""
    if raised.category in OF_PERSONS and raised.person_id is not None:
        return f"person {raised.person_id}"
    if raised.contract_id is not None:
        return f"contract {raised.contract_id}"
    if raised.project_id is not None:
        return f"project {raised.project_id}"
    return subject_text(raised)


def groups_of(known: Iterable[KnownException], as_of: Instant) -> list[CauseGroup]:
    """The gravest first, then those with the most exceptions."""
    found: dict[tuple[str, str], list[KnownException]] = {}
    for each in known:
        found.setdefault((each.raised.category, about(each.raised)), []).append(each)
    groups = [_group(category, of, members, as_of) for (category, of), members in found.items()]
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(groups, key=lambda group: (order[group.severity], -group.exceptions, group.category, group.about))


def _group(category: str, of: str, members: Sequence[KnownException], as_of: Instant) -> CauseGroup:
    first = members[0].raised
    return CauseGroup(
        category,
        of,
        first.owner_role,
        first.severity,
        len(members),
        entries_of(members),
        amounts_of(members),
        min(each.since for each in members),
        max(days_open(each, as_of) for each in members),
        tuple(sorted({each.raised.assignee for each in members if each.raised.assignee is not None})),
        costs_of(members),
    )


def entries_of(known: Iterable[KnownException]) -> int:
    """How many wait; one that waits with its cost and with its price is one."""
    raised = [each.raised for each in known]
    named = [(each.engagement_id, entry) for each in raised for entry in each.entries]
    return sum(each.blocks_count for each in raised) - len(named) + len(set(named))


def amounts_of(known: Iterable[KnownException]) -> dict[str, int]:
    """Values and stated amounts; a cost is neither."""
    return _sums(each.raised for each in known if not is_at_cost(each.raised))


def costs_of(known: Iterable[KnownException]) -> dict[str, int]:
    return _sums(each.raised for each in known if is_at_cost(each.raised))


def is_at_cost(raised: ExceptionRaised) -> bool:
    """Whether its amount is what the work cost, since nobody knows its value."""
    return raised.blocks_basis == "cost"


def _sums(raised: Iterable[ExceptionRaised]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in raised:
        if each.blocks_currency is not None:
            sums[each.blocks_currency] += abs(each.blocks_amount)
    return {currency: sums[currency] for currency in sorted(sums) if sums[currency]}


def days_open(known: KnownException, as_of: Instant) -> int:
    """Whole days until it was closed, or until now."""
    until = as_of if known.closed is None else known.closed.closed_at
    return max(0, until - known.since) // MICROSECONDS_A_DAY


def decided_groups(decided: ClosedExceptions) -> list[DecidedGroup]:
    """By category and decision."""
    found: dict[tuple[str, str, str], list[KnownException]] = {}
    for each in decided.known:
        reason = each.closed.reason if each.closed is not None else ""
        effect = effect_of(each.raised, "ExceptionWaived" if reason == "waived" else "ExceptionResolved") or ""
        found.setdefault((each.raised.category, reason, str(effect)), []).append(each)
    return [
        DecidedGroup(*key, len(members), amounts_of(members), _not_billed(members, decided), costs_of(members))
        for key, members in sorted(found.items())
    ]


def _not_billed(members: Iterable[KnownException], decided: ClosedExceptions) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in members:
        if each.raised.blocks_currency is not None:
            sums[each.raised.blocks_currency] += decided.not_billed.get(each.raised.exception_id, 0)
    return {currency: sums[currency] for currency in sorted(sums) if sums[currency]}


# How it ended


def ended_text(known: KnownException, event: Event | None) -> str:
    """By whom it was decided, with whose approval and why; else which fact ended it."""
    closed = known.closed
    if closed is None:
        return "open"
    if known.is_decided and event is not None:
        return f"{closed.reason} {', '.join(_words_of(event, requested_by='by', **APPROVED))}"
    if closed.closed_by_kind == ENTITIES["IntakeNoticed"].kind:
        _, _, place, _ = parts_of(closed.closed_by_id)
        return f"{closed.reason} by what came in {place}"
    kind = closed.closed_by_kind.replace("_", " ")
    fact = closed.closed_by_id if closed.closed_by_kind == "time_entry" else "/".join(parts_of(closed.closed_by_id))
    return f"{closed.reason} by {kind} {fact}" + (
        f" version {closed.closed_by_version}" if closed.closed_by_version else ""
    )


def _words_of(event: Event, **words: str) -> list[str]:
    """What the event says of the fields, each after its word."""
    return [f"{word} {value}" for name, word in words.items() if (value := getattr(event, name, None))]


# For people


def group_table(known: Sequence[KnownException], as_of: Instant, limit: int | None = None) -> Table:
    """The sums are of all, however many are shown."""
    groups = groups_of(known, as_of)
    rows = [
        (
            titled(group.category),
            group.about,
            group.owner_role,
            f"{group.exceptions:,}",
            f"{group.blocks:,}",
            money_text(group.amounts),
            money_text(group.costs),
            f"{group.oldest_days:,}",
            ", ".join(group.assignees),
        )
        for group in groups[:limit]
    ]
    title = "By cause" + (f", {len(rows):,} of {len(groups):,} (--all shows them)" if len(rows) < len(groups) else "")
    columns = ("exception", "about", "owner", "exceptions", "entries", "at risk", COST_ONLY, "oldest, days", "assignee")
    sums = (
        "all",
        "",
        "",
        f"{len(known):,}",
        f"{entries_of(known):,}",
        money_text(amounts_of(known)),
        money_text(costs_of(known)),
        "",
        "",
    )
    return Table(title, columns, [*rows, *([sums] if rows else [])], frozenset({3, 4, 5, 6, 7}), 1 if rows else 0)


def decided_table(decided: ClosedExceptions) -> Table:
    rows = [
        (
            titled(group.category),
            group.decision,
            f"{group.exceptions:,}",
            money_text(group.amounts),
            money_text(group.costs),
            money_text(group.not_billed),
            group.effect,
        )
        for group in decided_groups(decided)
    ]
    columns = ("exception", "decision", "exceptions", "amount", COST_ONLY, "still over caps", "what came of it")
    return Table("Closed by people", columns, rows, frozenset({2, 3, 4, 5}))


def single_table(
    known: Sequence[KnownException], as_of: Instant, limit: int | None, ended: Mapping[str, Event]
) -> Table:
    shown = known[:limit]
    rows = [
        (
            each.raised.exception_id,
            title_of(each.raised.category),
            _subject(each.raised),
            amount_of(each.raised),
            f"{days_open(each, as_of):,}",
            each.raised.assignee or each.raised.owner_role,
            ended_text(each, ended.get(each.raised.exception_id)),
        )
        for each in shown
    ]
    title = "Exceptions" + (f", {len(shown):,} of {len(known):,} (--all shows them)" if len(shown) < len(known) else "")
    columns = ("id", "exception", "subject", "at risk", "open, days", "with", "state")
    return Table(title, columns, rows, frozenset({3, 4}))


def _subject(raised: ExceptionRaised) -> str:
    """Of what is not known also what waits for it, as its message says."""
    what = message_text(raised.message).partition(": ")[0]
    return f"{subject_text(raised)}: {what}" if raised.category == "unrouted" else subject_text(raised)


def amount_of(raised: ExceptionRaised) -> str:
    """At the rate that would be used; `cost` where only that is known; hours where nothing is."""
    if raised.blocks_amount:
        return f"{amount_text(raised.blocks_amount)} {raised.blocks_currency}" + (
            f" {COST_ONLY}" if is_at_cost(raised) else ""
        )
    return f"{hours_text(raised.blocks_hours)} h" if raised.blocks_hours else ""


def money_text(amounts: dict[str, int]) -> str:
    return " + ".join(f"{amount_text(amount)} {currency}" for currency, amount in amounts.items())


def held_by(balances: BalancesBroughtForward) -> list[HeldBalances]:
    """By contract, since each has a currency of its own; only like is added."""
    sums: dict[str, HeldBalances] = {}
    for line in balances.lines:
        of = _held_of(sums, balances, line.contract_id)
        sums[of.contract_id] = of._replace(revenue=of.revenue + line.revenue, billed=of.billed + line.billed)
    for invoice in balances.receivables:
        of = _held_of(sums, balances, invoice.contract_id)
        sums[of.contract_id] = of._replace(open_invoices=of.open_invoices + invoice.open)
    return [of for of in sums.values() if of.revenue or of.billed or of.open_invoices]


def _held_of(sums: Mapping[str, HeldBalances], of: BalancesBroughtForward, contract_id: str | None) -> HeldBalances:
    return sums.get(contract_id or "") or HeldBalances(of.project_id, contract_id or "", 0, 0, 0)


def held_table(held: Iterable[HeldBalances]) -> Table:
    """One load may wait for several causes, so a contract stands once, and in no sum of what is at risk."""
    rows = [
        (of.project_id, of.contract_id, *map(amount_text, (of.revenue, of.billed, of.open_invoices)))
        for of in dict.fromkeys(held)
    ]
    columns = ("project", "contract", *HELD)
    return Table("Balances that wait, in the contract's currency; in no sum above", columns, rows, frozenset({2, 3, 4}))


def head(
    known: KnownException,
    as_of: Instant,
    ended: Event | None,
    held: Iterable[HeldBalances],
    nearest: Sequence[str],
    *,
    whole: bool,
) -> list[str]:
    """`nearest` are known ids that look like the one that is not."""
    raised = known.raised
    state = "open" if known.closed is None else f"over since {instant_day(known.closed.closed_at)}"
    places = [f"{name} {value}" for name, value in _places(raised) if value]
    age = counted(days_open(known, as_of), "day")
    return [
        f"Exception {raised.exception_id}: {titled(raised.category)}, {raised.severity}, {state}",
        message_text(raised.message),
        "",
        *([f"  ended      {ended_text(known, ended)}"] if known.closed is not None else []),
        f"  subject    {subject_text(raised)}" + (f", field {raised.field}" if raised.field else ""),
        *([f"  of         {', '.join(places)}"] if places else []),
        f"  with       {raised.assignee or 'nobody'}, a matter of {raised.owner_role}",
        f"  blocks     {counted(raised.blocks_count, 'item')}"
        + (f", {amount_of(raised)}" if amount_of(raised) else ""),
        *(f"  holds      {_held_text(of)}" for of in held),
        f"  raised     {instant_day(known.since)}, "
        + (f"open for {age}" if known.closed is not None else f"{age} before {instant_day(as_of)}"),
        *([f"  entries    {_entries(raised, whole=whole)}"] if raised.entries else []),
        *([f"  nearest    {', '.join(nearest)}"] if nearest else []),
        f"  way out    {raised.resolution}",
    ]


def _held_text(held: HeldBalances) -> str:
    told = ", ".join(f"{what} {amount_text(amount)}" for what, amount in zip(HELD, held[2:], strict=True) if amount)
    return f"{told} of {f'contract {held.contract_id}' if held.contract_id else 'its contract'}, in its currency"


def _entries(raised: ExceptionRaised, *, whole: bool) -> str:
    """The first ones, and how many there are besides; an exception names no more than the first hundred."""
    shown = raised.entries if whole else raised.entries[:SHOWN]
    said = [", ".join(shown)]
    if hidden := len(raised.entries) - len(shown):
        said.append(f"and {hidden:,} more (--all shows them)")
    if unnamed := raised.blocks_count - len(raised.entries):
        said.append(f"and {unnamed:,} that it does not name")
    return ", ".join(said)


def _places(raised: ExceptionRaised) -> list[tuple[str, str | None]]:
    return [
        ("contract group", raised.engagement_id if raised.engagement_id != raised.project_id else None),
        ("project", raised.project_id),
        ("contract", raised.contract_id),
        ("person", raised.person_id),
    ]


def _stated(value: Any) -> Any:
    """Without what was left out, however deep."""
    if isinstance(value, dict):
        return {name: _stated(one) for name, one in value.items() if one not in (None, [], {})}
    return [_stated(one) for one in value] if isinstance(value, list) else value


def _rows_of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A field in words; each part of a list of records in a row of its own, numbered."""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        yield from ((f"{name} {number}", _in_words(one)) for number, one in enumerate(value, 1))
    else:
        yield name, _in_words(value)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {f'({_in_words(one)})' if isinstance(one, dict | list) else one}" for name, one in value.items()
        )
    if isinstance(value, list):
        return (
            "; ".join(map(_in_words, value))
            if any(isinstance(one, dict) for one in value)
            else ", ".join(map(str, value))
        )
    return str(value)


def fact_table(event: Event) -> Table:
    """The fact as it was said last."""
    return Table(f"The fact: {event_name(type(event).__name__)}", ("field", "value"), rows_of(event))


def rows_of(event: Event) -> list[tuple[str, str]]:
    """Its fields in words, without what is for tracing only."""
    said = {
        name: value
        for name, value in record_to_json(event).items()
        if name not in {*TRACING, "type"} and value not in (None, [], {})
    }
    return [row for name, value in said.items() for row in _rows_of(name, _stated(value))]


def history_table(steps: Sequence[ExceptionStep]) -> Table:
    rows = [(f"{instant_day(step.at)}", _said(step.said), _cause(step.cause)) for step in steps]
    return Table("History", ("on", "what", "by"), rows)


def _said(said: ExceptionRaised | ExceptionClosed) -> str:
    if isinstance(said, ExceptionClosed):
        return f"closed, {said.reason}"
    parts = [f"raised, revision {said.revision}", amount_of(said), f"with {said.assignee}" if said.assignee else ""]
    return ", ".join(part for part in parts if part)


def _cause(event: Event) -> str:
    """Its type with who asked, who approved, why and how that is known, where it says so."""
    said = _words_of(event, requested_by="asked by", **APPROVED, identified_by="known by")
    return ", ".join([event_name(type(event).__name__), *said])
