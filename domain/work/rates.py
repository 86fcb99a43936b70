"""Which bill rate an hour of work gets (R5), and why (R6).

Levels are tried in the order of policy `rate_precedence`; its default is the order below. A level that the policy
leaves out is never tried. Within a step the more specific rate wins; among equals the later `effective_from`, then the
higher card id, then the higher line index. Every criterion that a rate states must match, and its currency must be the
contract's.

    entry              the `rate` on the entry, if it names who approved it
    line_task          contract line: task + person, task + role, task
    line_person        contract line: person
    line_role          contract line: role, then blanket
    assignment         the assignment's bill rate
    line_card          the card that the line names, then the project's cards
    customer_card      the customer's cards, then its parents' upward
    organisation_card  cards of the practice, then the region, then the legal entity
    global_card        global cards
    person             the person's bill rate

Inside a card: person + task, person, role + task, role, task, blanket. Overtime takes the markup of the first rate in
this order that states one, also where the price is another's: 100 with 15 % is 115 an hour.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from domain.events.common import LineRate, RateCardLine, Terms, TimeAndMaterials
from domain.events.delivery import ResourceAssigned
from domain.events.reference import PersonDefined, RateCardPublished
from domain.reference.book import ReferenceBook, Scope, card_scope
from domain.units import Percent, Rate

LEVELS = (
    "entry",
    "line_task",
    "line_person",
    "line_role",
    "assignment",
    "line_card",
    "customer_card",
    "organisation_card",
    "global_card",
    "person",
)

MAX_REJECTED = 20
GLOBAL_SCOPE: Scope = ("global", "")

OTHER_CURRENCY = "other_currency"
NOT_IN_EFFECT = "not_in_effect"
NO_LINE_MATCHES = "no_line_matches"
NOT_APPROVED = "not_approved"
UNKNOWN_CARD = "unknown_card"
LESS_SPECIFIC = "less_specific"
TIE = "tie"

# What a rate states beside its price, the more specific first; the first that it states all of names it.
_IN_LINE = ("task+person", "task+role", "task", "person", "role", "blanket")
_IN_CARD = ("person+task", "person", "role+task", "role", "task", "blanket")
_OF_LEVEL: Mapping[str, tuple[str, ...]] = {
    "line_task": ("task+person", "task+role", "task"),
    "line_person": ("person",),
    "line_role": ("role", "blanket"),
}


# Practice, region and legal entity of work.
Organisation = tuple[str | None, str | None, str]


class RateQuery(NamedTuple):
    """One entry's question; `service_date` is the approval's where policy `rate_date` says so."""

    service_date: date
    currency: str
    person_id: str
    role: str | None
    task: str | None
    project_id: str
    customer_id: str
    legal_entity_id: str
    practice: str | None
    region: str | None
    terms: Terms
    entry_rate: Rate | None = None
    entry_rate_approver: str | None = None
    assignment_rate: tuple[Rate, str] | None = None
    overtime: bool = False
    precedence: Sequence[str] = LEVELS

    @property
    def organisation(self) -> Organisation:
        return self.practice, self.region, self.legal_entity_id


class RejectedRate(NamedTuple):
    """A rate that was looked at and does not hold here."""

    level: str
    source_id: str | None
    version: int | None
    reason: str


class RateDecision(NamedTuple):
    """The rate of an hour and where it comes from; `markup_source` names what states the overtime markup."""

    rate: Rate
    markup: Percent
    level: str
    matched: str
    source_kind: str
    source_id: str | None
    version: int | None
    line_index: int | None
    effective_from: date | None
    rejected: tuple[RejectedRate, ...]
    markup_source: str | None = None


class NoRate(NamedTuple):
    """No level has a rate for this work: never zero, always a question to someone."""

    rejected: tuple[RejectedRate, ...]


class _Search(NamedTuple):
    """The question, where to look, and what was looked at so far."""

    query: RateQuery
    book: ReferenceBook
    rejected: list[RejectedRate]


class _Candidate(NamedTuple):
    level: str
    matched: str
    rate: Rate
    markup: Percent | None
    source_kind: str
    source_id: str | None = None
    version: int | None = None
    line_index: int | None = None
    effective_from: date | None = None


def resolve_bill_rate(query: RateQuery, book: ReferenceBook) -> RateDecision | NoRate:
    search = _Search(query, book, [])
    candidates = _candidates(search)
    chosen = next(candidates, None)
    looked_at = tuple(search.rejected[:MAX_REJECTED])
    if chosen is None:
        return NoRate(looked_at)
    stating = _first_with_markup(chosen, candidates) if query.overtime else None
    return RateDecision(
        rate=chosen.rate,
        markup=stating.markup or 0 if stating is not None else 0,
        level=chosen.level,
        matched=chosen.matched,
        source_kind=chosen.source_kind,
        source_id=chosen.source_id,
        version=chosen.version,
        line_index=chosen.line_index,
        effective_from=chosen.effective_from,
        rejected=looked_at,
        markup_source=_named(stating) if stating is not None else None,
    )


def overage_decision(rate: Rate, line_id: str, version: int) -> RateDecision:
    """The line's terms state what an hour beyond those they include costs; no other rate is looked for."""
    return RateDecision(rate, 0, "line_overage", "overage_rate", "contract_line", line_id, version, None, None, ())


def role_of(entry_role: str | None, assignments: Iterable[ResourceAssigned], person: PersonDefined, day: date) -> str:
    """The entry's own, else that of the person's assignment covering the day, else the person's."""
    if entry_role is not None:
        return entry_role
    assignment = covering_assignment(assignments, person.person_id, day)
    return assignment.role if assignment is not None else person.role


def covering_assignment(assignments: Iterable[ResourceAssigned], person_id: str, day: date) -> ResourceAssigned | None:
    """The one of the person's that covers the day and gives both role and rate: the later start first, then the higher id."""
    found: ResourceAssigned | None = None
    for one in assignments:
        if one.person_id != person_id or day < one.starts_on or (one.ends_on is not None and one.ends_on < day):
            continue
        if found is None or (found.starts_on, found.assignment_id) < (one.starts_on, one.assignment_id):
            found = one
    return found


def card_scopes(
    book: ReferenceBook, project_id: str, customer_id: str, organisation: Organisation
) -> tuple[Scope, ...]:
    """Every scope whose cards may rate such work, the most specific first."""
    customers = tuple(("customer", each) for each in book.customer_chain(customer_id))
    return ("project", project_id), *customers, *_organisation_scopes(organisation), GLOBAL_SCOPE


def _first_with_markup(chosen: _Candidate, others: Iterator[_Candidate]) -> _Candidate | None:
    if chosen.markup is not None:
        return chosen
    return next((candidate for candidate in others if candidate.markup is not None), None)


def _named(candidate: _Candidate) -> str:
    parts = (candidate.source_kind, candidate.source_id, candidate.version, candidate.line_index)
    return "/".join(str(part) for part in parts if part is not None)


def _candidates(search: _Search) -> Iterator[_Candidate]:
    """Every rate that holds, in the order in which they win."""
    for level in search.query.precedence or LEVELS:
        yield from _FINDERS[level](search, level)


def _entry(search: _Search, level: str) -> Iterator[_Candidate]:
    query = search.query
    if query.entry_rate is None:
        return
    if query.entry_rate_approver is None:
        search.rejected.append(RejectedRate(level, None, None, NOT_APPROVED))
        return
    yield _Candidate(level, "entry", query.entry_rate, None, "entry")


def _line(search: _Search, level: str) -> Iterator[_Candidate]:
    query = search.query
    found = []
    for index, rate in enumerate(query.terms.rates if isinstance(query.terms, TimeAndMaterials) else ()):
        if not _matches(rate, query):
            continue
        matched = _stated(rate, _IN_LINE)
        if matched not in _OF_LEVEL[level]:
            continue
        since = rate.effective_from
        if since is not None and query.service_date < since:
            search.rejected.append(RejectedRate(level, None, None, NOT_IN_EFFECT))
            continue
        source = "contract_line"
        found.append(_Candidate(level, matched, rate.rate, rate.overtime_markup, source, None, None, index, since))
    yield from _ranked(found, _IN_LINE, search.rejected)


def _assignment(search: _Search, level: str) -> Iterator[_Candidate]:
    if search.query.assignment_rate is None:
        return
    rate, currency = search.query.assignment_rate
    if currency != search.query.currency:
        search.rejected.append(RejectedRate(level, None, None, OTHER_CURRENCY))
        return
    yield _Candidate(level, "assignment", rate, None, "assignment")


def _line_card(search: _Search, level: str) -> Iterator[_Candidate]:
    terms = search.query.terms
    named = terms.rate_card_id if isinstance(terms, TimeAndMaterials) else None
    if named is not None and named not in search.book.cards:
        search.rejected.append(RejectedRate(level, named, None, UNKNOWN_CARD))
    elif named is not None:
        yield from _of_cards(search, level, (named,), None)
    yield from _of_scope(search, level, ("project", search.query.project_id))


def _customer_card(search: _Search, level: str) -> Iterator[_Candidate]:
    for customer_id in search.book.customer_chain(search.query.customer_id):
        yield from _of_scope(search, level, ("customer", customer_id))


def _organisation_card(search: _Search, level: str) -> Iterator[_Candidate]:
    for scope in _organisation_scopes(search.query.organisation):
        yield from _of_scope(search, level, scope)


def _organisation_scopes(organisation: Organisation) -> tuple[Scope, ...]:
    stated = zip(("practice", "region", "legal_entity"), organisation, strict=True)
    return tuple((kind, scope_id) for kind, scope_id in stated if scope_id is not None)


def _global_card(search: _Search, level: str) -> Iterator[_Candidate]:
    yield from _of_scope(search, level, GLOBAL_SCOPE)


def _person(search: _Search, level: str) -> Iterator[_Candidate]:
    query = search.query
    person = search.book.person_on(query.person_id, query.service_date)
    if person is None or person.bill_rate is None:
        return
    rate, currency = person.bill_rate
    if currency != query.currency:
        search.rejected.append(RejectedRate(level, person.person_id, person.version, OTHER_CURRENCY))
        return
    since = person.effective_from
    yield _Candidate(level, "person", rate, None, "person", person.person_id, person.version, None, since)


_FINDERS: Mapping[str, Callable[[_Search, str], Iterator[_Candidate]]] = {
    "entry": _entry,
    "line_task": _line,
    "line_person": _line,
    "line_role": _line,
    "assignment": _assignment,
    "line_card": _line_card,
    "customer_card": _customer_card,
    "organisation_card": _organisation_card,
    "global_card": _global_card,
    "person": _person,
}


def _of_scope(search: _Search, level: str, scope: Scope) -> Iterator[_Candidate]:
    yield from _of_cards(search, level, search.book.cards_of(scope), scope)


def _of_cards(search: _Search, level: str, card_ids: Iterable[str], scope: Scope | None) -> Iterator[_Candidate]:
    """Rates of the cards that stand on one step; a card that the line names holds whatever its scope."""
    query, book, rejected = search
    found: list[_Candidate] = []
    for card_id in card_ids:
        card = book.card_on(card_id, query.service_date)
        if card is None:
            rejected.append(RejectedRate(level, card_id, None, NOT_IN_EFFECT))
        elif scope is not None and card_scope(card) != scope:
            continue
        elif card.currency != query.currency:
            rejected.append(RejectedRate(level, card_id, card.version, OTHER_CURRENCY))
        else:
            matching = [_of_card(card, index, level) for index in _matching_lines(search, card)]
            if not matching:
                rejected.append(RejectedRate(level, card_id, card.version, NO_LINE_MATCHES))
            found.extend(matching)
    yield from _ranked(found, _IN_CARD, rejected)


def _matching_lines(search: _Search, card: RateCardPublished) -> list[int]:
    """Lines whose every criterion is the entry's, found by what they state, so that a long card is not walked."""
    query = search.query
    lines = search.book.card_lines[card.rate_card_id, card.version]
    return [
        index
        for person_id in dict.fromkeys((query.person_id, None))
        for role in dict.fromkeys((query.role, None))
        for task in dict.fromkeys((query.task, None))
        for index in lines.get((person_id, role, task), ())
    ]


def _of_card(card: RateCardPublished, index: int, level: str) -> _Candidate:
    line = card.lines[index]
    return _Candidate(
        level,
        _stated(line, _IN_CARD),
        line.rate,
        line.overtime_markup,
        "rate_card",
        card.rate_card_id,
        card.version,
        index,
        card.effective_from,
    )


def _matches(rate: LineRate, query: RateQuery) -> bool:
    return (
        rate.person_id in (None, query.person_id)
        and rate.role in (None, query.role)
        and rate.task in (None, query.task)
    )


def _stated(rate: LineRate | RateCardLine, order: tuple[str, ...]) -> str:
    """The most specific of `order` that the rate states all of."""
    return _most_specific(rate.person_id is not None, rate.role is not None, rate.task is not None, order)


@cache
def _most_specific(person: bool, role: bool, task: bool, order: tuple[str, ...]) -> str:
    stated = {name for name, is_stated in (("person", person), ("role", role), ("task", task)) if is_stated}
    return next((matched for matched in order if stated.issuperset(matched.split("+"))), "blanket")


def _ranked(found: list[_Candidate], order: tuple[str, ...], rejected: list[RejectedRate]) -> Iterator[_Candidate]:
    """The winner of a step first, then what it beats."""
    if len(found) < 2:
        yield from found
        return
    ranked = sorted(found, key=_newest, reverse=True)
    ranked.sort(key=lambda candidate: order.index(candidate.matched))
    for loser in ranked[1:]:
        reason = TIE if loser.matched == ranked[0].matched else LESS_SPECIFIC
        rejected.append(RejectedRate(loser.level, loser.source_id, loser.version, reason))
    yield from ranked


def _newest(candidate: _Candidate) -> tuple[date, str, int]:
    return candidate.effective_from or date.min, candidate.source_id or "", candidate.line_index or 0
