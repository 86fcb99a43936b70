"""What a recorder takes of funding (state/billing/funding.py): what sources pay of a row, what of that is on statements of its payers, and
what they have back of it.

How a cut drew it the rule says when somebody asks: it is asked again with numbers that say where they come from. What it made stands with
the row until it is drawn again; what a statement bills of a source is recorded of that alone, for it may be a draft.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from domain.billing.funding import RULE, FundsDrawn, Portion, by_source, paid_of
from domain.billing.statement import LinePieces
from domain.explanation import Node
from domain.figure import PlacedAmount, Recorded, Together, as_kept, called, node_of, node_titled, record
from domain.identity import composed
from domain.numbered import in_a_contract
from domain.sums import summed
from domain.units import Amount
from domain.why import Why, elsewhere
from domain.work.recorded import known_of
from state.billing.payers import Billed
from state.books import Contract, Issued
from state.draft import Draft
from state.totals import standing_price
from state.value import plain

# What a source has paid by a turn, which has an explanation of its own.
USED_OF_SOURCE, PAID = "used_of_source", "paid"
# A number with how it came about, by its address.
Numbers: TypeAlias = Callable[[Amount, str], Amount]


# What was recorded


def recorded(draft: Draft, entry_id: str, issued: Issued) -> Issued:
    """With numbers that say how they came about, where somebody explains."""
    if draft.why is None or not issued.is_funded:
        return issued
    return with_numbers(entry_id, issued, partial(as_kept, draft.why))


def with_numbers(entry_id: str, issued: Issued, number: Numbers) -> Issued:
    of = _of(entry_id, issued)
    return replace(
        issued,
        funded=tuple(
            tuple(paid._replace(amount=number(paid.amount, _pays(of, place, paid.source_id))) for paid in portion)
            for place, portion in enumerate(issued.funded)
        ),
        freed=tuple((source_id, number(back, _freed(of, source_id))) for source_id, back in issued.freed),
        payers=tuple(
            replace(
                part,
                sources=tuple(
                    (source_id, number(amount, _stands(of, part.customer_id, source_id)))
                    for source_id, amount in part.sources
                ),
            )
            for part in issued.payers
        ),
    )


def with_issued(draft: Draft, one: Billed) -> Billed:
    return one._replace(issued=recorded(draft, one.entry.entry_id, one.issued)) if one.issued is not None else one


def billed_of(draft: Draft, statement_id: str, sources: Mapping[str, Amount]) -> dict[str, Amount]:
    """What a statement bills of each source, likewise."""
    number: Numbers | None = draft.asked.known if draft.asked is not None else None
    if draft.why is not None:
        number = partial(as_kept, draft.why)
    if number is None:
        return dict(sources)
    return {source_id: number(amount, _billed(statement_id, source_id)) for source_id, amount in sources.items()}


# What a rule made


def say(draft: Draft, entry_id: str, had: Issued | None, now: Issued) -> Issued:
    """What sources pay of the row from now on; without the nodes."""
    why = draft.why
    if why is None:
        return now
    if now.is_funded:
        why.turn += 1
        of, before = _of(entry_id, now), paid_of(had.funded, had.freed) if had is not None else {}
        for address, amount in _numbers(of, now):
            record(why, address, amount)
        paid = paid_of(now.funded, now.freed)
        for source_id in {**before, **paid}:
            pays = paid.get(source_id, 0)
            part = PlacedAmount(pays, f"{entry_id}: {source_id} pays", PAID) if pays else None
            why.place(used_at(now.contract_id, source_id), of, (entry_id, now.line_id), part)
    return plain(now)


def _numbers(of: str, now: Issued) -> Iterator[tuple[str, Amount]]:
    for place, portion in enumerate(now.funded):
        yield from ((_pays(of, place, paid.source_id), paid.amount) for paid in portion)
    yield from ((_freed(of, source_id), back) for source_id, back in now.freed)
    for part in now.payers:
        for source_id, amount in part.sources:
            yield _stands(of, part.customer_id, source_id), amount


def say_billed(why: Why, statement_id: str, groups: Sequence[LinePieces]) -> None:
    for source_id, amount in summed(one for group in groups for one in group.sources.items()).items():
        record(why, _billed(statement_id, source_id), called(amount, f"{source_id}: billed more by {statement_id}"))


# A cut


def used_by_now(why: Why, contract: Contract, used: Mapping[str, Amount]) -> dict[str, Recorded]:
    """With what an explanation finds."""
    return {
        source_id: Recorded(
            elsewhere(
                f"{source_id}: used",
                amount,
                composed(USED_OF_SOURCE, contract.contract_id, source_id, str(why.turn)),
                contract.terms.currency,
            )
        )
        for source_id, amount in used.items()
    }


def with_due(draft: Draft, contract: Contract, one: Billed) -> Billed:
    """All that is due of the row, and what is issued of it."""
    entry_id, now = one.entry.entry_id, draft.why.now if draft.why is not None else 0
    kind, currency = "gone" if standing_price(one.entry) is None else "due", contract.terms.currency
    address = known_of(kind, entry_id, (contract.contract_id, one.piece.line_id), now, currency)
    total = Recorded(elsewhere(f"{entry_id}: due", one.total, address, currency))
    made = with_issued(draft, one)
    issued = replace(made.issued, amount=0) if made.issued is not None else None
    return made._replace(piece=one.piece._replace(amount=total), issued=issued)


def numbered(contract: Contract) -> Contract:
    """Its terms say where their numbers stand."""
    history, former = (
        tuple(replace(stored, terms=in_a_contract(stored.terms)) for stored in several)
        for several in (contract.history, contract.former)
    )
    return replace(contract, history=history, former=former)


def made_later(
    found: Sequence[FundsDrawn], rows: Sequence[Billed], ask: Callable[[], Sequence[FundsDrawn]]
) -> list[FundsDrawn]:
    """What was drawn, as the rule says it when it is asked again."""
    made = Together(lambda: _nodes(ask(), rows))
    return [
        FundsDrawn(
            tuple(
                tuple(
                    paid._replace(amount=made.later(paid.amount, f"{place}/{at}/{paid.source_id}")) for paid in portion
                )
                for at, portion in enumerate(drawn.portions)
            ),
            made.later(drawn.rest, f"{place}/rest") if drawn.rest else 0,
        )
        for place, drawn in enumerate(found)
    ]


def _nodes(found: Sequence[FundsDrawn], rows: Sequence[Billed]) -> dict[str, Node]:
    nodes = {}
    for place, (drawn, one) in enumerate(zip(found, rows, strict=True)):
        of = one.entry.entry_id
        for at, portion in enumerate(drawn.portions):
            for paid in portion:
                nodes[f"{place}/{at}/{paid.source_id}"] = node_of(paid.amount, f"{of}: {paid.source_id} pays")
        nodes[f"{place}/rest"] = node_titled(drawn.rest, f"{of}: nobody pays")
    return nodes


def falls(entry_id: str, portions: Sequence[Portion], payers: Iterable[str]) -> dict[str, Amount]:
    """What sources of each payer pay."""
    return {
        payer: called(sum(by_source(portions, payer).values()), f"{entry_id}: falls to {payer}", RULE)
        for payer in payers
    }


# Addresses


def used_at(contract_id: str, source_id: str) -> str:
    """Of what rows have of a source."""
    return composed(USED_OF_SOURCE, contract_id, source_id)


def _of(entry_id: str, issued: Issued) -> str:
    return composed(issued.contract_id, issued.line_id, entry_id)


def _pays(of: str, place: int, source_id: str) -> str:
    return f"{of}#pays/{place}/{source_id}"


def _freed(of: str, source_id: str) -> str:
    return f"{of}#freed/{source_id}"


def _stands(of: str, customer_id: str, source_id: str) -> str:
    return f"{of}#stands/{composed(customer_id, source_id)}"


def _billed(statement_id: str, source_id: str) -> str:
    return f"{statement_id}#billed/{source_id}"
