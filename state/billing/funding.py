"""What the sources of a contract pay at a cut, and how far they are used.

What is due is shared in consumption order (R16), over all lines of the contract. First whatever became less gives back, so that what
comes has the room; then each draws in turn what nobody pays of it yet. Portions stay with the entry once a statement of anyone has a part
of it; what nobody pays is due again at every cut. What sources have paid is summed by contract line, with everything else of its entries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.billing.funding import (
    RULE,
    DueOfSources,
    FundsDrawn,
    Paid,
    Portion,
    SourceLimits,
    by_source,
    drawn_in_turn,
    early_charges,
    give_back,
    kept,
    kept_by_draft,
    left_of,
    limits_of,
    still_billed,
    sum_of,
    take,
    takes_room,
)
from domain.caps.consume import Order, crossed, order_of
from domain.counting import counted
from domain.events.commercial import ContractSigned
from domain.figure import called, in_all
from domain.identity import composed, derived_id
from domain.money import format_amount
from domain.outputs import Alert, ViewSource
from domain.sums import summed
from domain.units import Amount
from domain.why import Why, in_terms
from state.billing import funding_record
from state.billing.approval import NOBODY, PendingCut, cut_of, drafts_of, reserved
from state.billing.issued_record import issued_by_now
from state.billing.payers import Billed, PayerShare, billed_day, funded_terms, less_billed, part_of
from state.billing.shares_record import DueRow, say_falls
from state.books import Contract, FundingNotice, Issued, OpenStatement
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.terms.plan import contract_policies
from state.totals import issued_on, price_and_issued, standing_price, to_bill, with_issued
from state.value import plain

OVER: Final = "over_funding"
SUBJECT = "funding"


class Funded(NamedTuple):
    """What sources pay of the total of the entry at `place`, and the `rest` that no rule is left for."""

    place: int
    total: Amount
    portions: tuple[Portion, ...]
    rest: Amount


class FundingTurn(NamedTuple):
    """What draws together, which the drafts of one cut hold or (none) the next will; and what drafts of other cuts keep of the sources."""

    cut: PendingCut | None
    due: Sequence[Billed]
    claims: Mapping[str, Amount]


def is_ever_funded(contract: Contract) -> bool:
    return any(terms.funding is not None for terms in terms_of(contract))


def terms_of(contract: Contract) -> Iterator[ContractSigned]:
    """The oldest first."""
    return (stored.terms for stored in (*contract.former, *contract.history))


def limits(contract: Contract) -> SourceLimits:
    return limits_of(terms.funding for terms in terms_of(contract) if terms.funding is not None)


def takes_back_room(one: Billed) -> bool:
    """Whether others may have drawn on the room that the entry made."""
    return one.by_sources and one.issued is not None and takes_room(one.issued.funded, stands_of(one.issued), one.total)


def used(draft: Draft, contract: Contract) -> dict[str, Amount]:
    """By source, over all lines that the contract ever had."""
    lines = (draft.line(contract.contract_id, line_id) for line_id in line_ids(contract))
    found = summed(one for line in lines for one in line.funded.items())
    return {source_id: in_all(amount, f"{source_id}: used", RULE) for source_id, amount in found.items()}


def claimed(
    draft: Draft, contract: Contract, due: Iterable[Billed] = (), cut: PendingCut | None = None
) -> dict[str, Amount]:
    """By source what is kept of it beyond what is used: by drafts of all cuts, or of those that were made before one; and by payers who are
    to be credited and have no statement of it among what is `due`.

    What is given back is there for others once it is issued: until then the source is billed what stands on its statements.
    """
    found: dict[str, Amount] = {}
    for opened in drafts_of(draft, contract.contract_id):
        if cut is not None and cut_of(opened) == cut:
            continue
        given_back = _given_back(draft, opened)
        said = _said(opened) if cut is None or cut_of(opened) < cut else {}
        bills = funding_record.billed_of(draft, opened.statement_id, said)
        for source_id, amount in kept_by_draft(bills, given_back).items():
            take(found, {source_id: in_all(amount, f"{source_id}: kept by the draft {opened.statement_id}", "R26")})
    drawn = {(one.entry.entry_id, one.piece.line_id): one.apart for one in due}
    for row, issued, payers in _not_credited(draft, contract, drawn, cut):
        for source_id, amount in still_billed(stands_of(issued), issued.funded, payers).items():
            take(found, {source_id: in_all(amount, f"{source_id}: kept until {row} is credited", RULE)})
    return found


def _not_credited(
    draft: Draft, contract: Contract, drawn: Mapping[tuple[str, str], frozenset[str]], cut: PendingCut | None
) -> Iterator[tuple[str, Issued, frozenset[str]]]:
    """Rows, and their payers with more on statements than sources pay by now, which is given back neither by a draft of another cut nor by
    what is `drawn` now: of that, by row and line, the payers who have no statement of it."""
    funding = [terms.funding for terms in terms_of(contract) if terms.funding is not None]
    if len({source.bill_to for one in funding for source in one.sources}) < 2:
        return  # who pays all of a row has all that is given back of it on one statement
    drafted = reserved(one for one in drafts_of(draft, contract.contract_id) if cut is None or cut_of(one) != cut)
    for line_id in line_ids(contract):
        for entry in draft.due_on(contract.contract_id, line_id, "", "9999"):
            issued = issued_on(entry, contract.contract_id, line_id)
            if issued is None or not issued.is_funded:
                continue
            every = frozenset(part.customer_id for part in issued.payers)
            payers = every & drawn.get((entry.entry_id, line_id), every) - drafted.get(entry.entry_id, NOBODY)
            if still_billed(stands_of(issued), issued.funded, payers):
                yield entry.entry_id, funding_record.recorded(draft, entry.entry_id, issued), payers


def stands_of(issued: Issued) -> Portion:
    """What is on statements of its payers, by source."""
    return tuple(Paid(one, part.customer_id, amount) for part in issued.payers for one, amount in part.sources)


def _said(opened: OpenStatement) -> dict[str, Amount]:
    """What the draft bills of each source."""
    sources = (one for part in opened.published for line in part.lines for one in line.sources)
    return summed((one.source_id, one.amount) for one in sources)


def _given_back(draft: Draft, opened: OpenStatement) -> dict[str, Amount]:
    """What stands on the payer's statements of the draft's rows and counts as used no more, since others had their part of it back."""
    found: dict[str, Amount] = {}
    entries = (entry for row in opened.rows for entry in (draft.entry(row),) if entry is not None)
    for row, one in ((entry.entry_id, one) for entry in entries for one in entry.issued):
        if one.contract_id == opened.contract_id and one.is_funded:
            issued = funding_record.recorded(draft, row, one)
            take(found, dict(part_of(issued, opened.bill_to).sources))
            give_back(found, by_source(issued.funded, opened.bill_to))
    return found


def funded(draft: Draft, contract: Contract, due: Sequence[Billed], claims: Mapping[str, Amount]) -> list[Funded]:
    """Of those that sources pay, in consumption order, beside what drafts of other cuts keep of the sources."""
    uses = used(draft, contract)
    places = sorted((place for place, one in enumerate(due) if one.by_sources), key=lambda place: _order(due[place]))
    rows = [due[place] for place in places]
    drawn = _drawn(contract, rows, {**uses}, plain(claims))
    if draft.why is not None:
        of = funding_record.used_by_now(draft.why, contract, uses)
        again = [funding_record.with_due(draft, contract, one) for one in rows]

        def ask() -> list[FundsDrawn]:
            return _drawn(funding_record.numbered(contract), again, {**of}, claims)

        drawn = funding_record.made_later(drawn, rows, ask)
    return [Funded(place, due[place].total, one.portions, one.rest) for place, one in zip(places, drawn, strict=True)]


def _drawn(
    contract: Contract, rows: Sequence[Billed], uses: dict[str, Amount], claims: Mapping[str, Amount]
) -> list[FundsDrawn]:
    take(uses, claims)
    return drawn_in_turn([_due(contract, one) for one in rows], uses, limits(contract), contract.terms.currency)


def settle_credited(draft: Draft, contract: Contract, until: date) -> None:
    """Sources have back what credit memos took off statements of entries that bring nothing more, since no statement will say so."""
    drafted = reserved(drafts_of(draft, contract.contract_id))
    for line_id in line_ids(contract):
        for entry in draft.due_on(contract.contract_id, line_id, "", until.isoformat()):
            price, issued = price_and_issued(entry, contract.contract_id, line_id)
            if issued is None or not issued.is_funded or to_bill(price, issued) or entry.entry_id in drafted:
                continue
            had, place = funding_record.recorded(draft, entry.entry_id, issued), (contract.contract_id, line_id)
            left = issued_by_now(draft.why, (*place, entry.entry_id), issued.amount, contract.terms.currency)
            stays = kept(had.funded, left, contract.terms.currency, f"{entry.entry_id}: ")
            paid = {part: by_source(stays, part.customer_id) for part in issued.payers}
            if all(found == {one: amount for one, amount in part.sources if amount} for part, found in paid.items()):
                payers = (replace(part, amount=part.issued, sources=tuple(one.items())) for part, one in paid.items())
                now = replace(issued, payers=tuple(payers), funded=stays)
                _say_falls(draft, contract, entry.entry_id, now)
                draft.put_entry(entry, with_issued(entry, funding_record.say(draft, entry.entry_id, issued, now)))


def _say_falls(draft: Draft, contract: Contract, entry_id: str, now: Issued) -> None:
    if draft.why is not None:
        row = DueRow(entry_id, now.line_id, int(sum_of(now.funded)))
        payers = [part.customer_id for part in now.payers]
        say_falls(draft.why, contract, row, funding_record.falls(entry_id, now.funded, payers), by_sources=True)


def _order(one: Billed) -> tuple[Order, str]:
    price = standing_price(one.entry)
    approved_at = price.approved_at if price is not None else 0
    return order_of(one.piece.day, approved_at, one.entry.entry_id, by_approval=False), one.piece.line_id


def _due(contract: Contract, one: Billed) -> DueOfSources:
    funding, had = funded_terms(contract, billed_day(one.entry, one.issued)).funding, one.issued
    if had is None:
        return DueOfSources(one.total, funding=funding, entry_id=one.entry.entry_id, apart=one.apart)
    return DueOfSources(one.total, had.funded, had.freed, funding, one.entry.entry_id, stands_of(had), one.apart)


# What payers are billed


def shares(
    draft: Draft, contract: Contract, due: Sequence[Billed], held: frozenset[str], claims: Mapping[str, Amount]
) -> Iterator[PayerShare]:
    """What each payer that no hold covers is billed. Where a source has had several payers, one is not charged before another has given
    back what is charged."""
    several = have_several_payers(contract)
    found: list[PayerShare] = []
    for one in funded(draft, contract, due, claims):
        billed = funding_record.with_issued(draft, due[one.place])
        payers = [party.customer_id for party in billed.parties]
        falls = tuple(funding_record.falls(billed.entry.entry_id, one.portions, payers).values())
        for number, party in enumerate(billed.parties):
            if several or party.customer_id not in held:
                share = _share(billed, one, falls, number)
                found += [share] if share.piece.amount or share.piece.sources else []
    if several:
        apart = None if any(one.plan.policies.statement_approval == "required" for one in due) else held
        waiting = early_charges(
            [(one.bill_to, dict(one.piece.sources)) for one in found],
            _on_statements(draft, contract, due, claims),
            limits(contract).newest,
            apart,
        )
        found = [one for place, one in enumerate(found) if place not in waiting and one.bill_to not in held]
    yield from found


def have_several_payers(contract: Contract) -> bool:
    """Whether versions of the terms bill somebody else for a source."""
    funding = [terms.funding for terms in terms_of(contract) if terms.funding is not None]
    billed = {(source.source_id, source.bill_to) for one in funding for source in one.sources}
    return len({source_id for source_id, _ in billed}) < len(billed)


def _on_statements(
    draft: Draft, contract: Contract, due: Iterable[Billed], claims: Mapping[str, Amount]
) -> dict[str, Amount]:
    """By source what statements have, also of what was drawn again since, and what drafts of other cuts keep."""
    found = used(draft, contract)
    take(found, claims)
    for one in due:
        if not one.by_sources or one.issued is None:
            continue
        for part in one.issued.payers:
            if part.customer_id not in one.apart:
                give_back(found, by_source(one.issued.funded, part.customer_id))
                take(found, dict(part.sources))
    return found


def _share(billed: Billed, one: Funded, falls: tuple[Amount, ...], number: int) -> PayerShare:
    """What a payer is billed; hours and quantity go with the amount."""
    customer_id = billed.parties[number].customer_id
    parts = plain(falls)
    hours, quantity = (_in_proportion(whole, parts, number, one.total) for whole in (billed.hours, billed.quantity))
    sources = by_source(one.portions, customer_id)
    had = billed.had(number)
    for source_id, amount in had.sources if had is not None else ():
        sources[source_id] = sources.get(source_id, 0) - amount
    paid = tuple(sorted((source_id, amount) for source_id, amount in sources.items() if amount))
    own = less_billed(billed, number, falls[number], hours, quantity)._replace(sources=paid)
    return PayerShare(one.place, customer_id, own, falls, one.portions)


def _in_proportion(quantity: int, falls: Sequence[Amount], number: int, total: Amount) -> int:
    """To the amount, by cumulative rounding down: all parts together are the whole where all is paid."""
    if not total:
        return 0
    before = sum(falls[:number])
    return quantity * (before + falls[number]) // total - quantity * before // total


# What people hear of sources


def note_unpaid(draft: Draft, contract: Contract, turns: Iterable[FundingTurn]) -> None:
    """Exception `over_funding`: what no source is left for of all that is due. What was waived is published again once there is more."""
    waiting, entries = [], []
    for turn in turns:
        for one in funded(draft, contract, turn.due, turn.claims):
            if one.rest:
                waiting.append(one)
                entries.append(turn.due[one.place].entry.entry_id)
    amount = called(sum(one.rest for one in waiting), "nobody pays", RULE)
    noticed: FundingNotice = draft.part("funding", contract.contract_id) or FundingNotice()
    now = FundingNotice(int(amount), len(waiting))
    if now == noticed:
        return
    draft.put("funding", contract.contract_id, now if waiting else None)
    if not waiting:
        draft.resolve_exception(OVER, SUBJECT, contract.contract_id)
        return
    if amount <= noticed.amount and draft.open_exception(OVER, SUBJECT, contract.contract_id) is None:
        return
    currency = contract.terms.currency
    message = (
        f"{format_amount(amount, currency)} {currency} of {counted(len(waiting), 'entry')} are due and no rule of the funding of contract "
        f"{contract.contract_id} is left for them: {_left_text(draft, contract)}"
    )
    draft.raise_exception(
        OVER,
        SUBJECT,
        contract.contract_id,
        message,
        contract_id=contract.contract_id,
        field="funding",
        amount=amount,
        currency=currency,
        blocks=len(waiting),
        entries=tuple(entries),
        revises=True,
    )


def _left_text(draft: Draft, contract: Contract) -> str:
    left = [
        f"{source.source_id} has {format_amount(source.left, contract.terms.currency)} of "
        f"{format_amount(source.limit or 0, contract.terms.currency)} left"
        for source in sources_of(draft, contract)
        if source.left is not None
    ]
    return ", ".join(left) or "none has a limit"


def sources_of(draft: Draft, contract: Contract) -> tuple[ViewSource, ...]:
    """Limits by the newest terms, and what is used over the whole contract; what drafts keep is not left any more."""
    funding = contract.terms.funding
    if funding is None:
        return ()
    uses = used(draft, contract)
    taken = dict(uses)
    claims = claimed(draft, contract)
    take(taken, claims if draft.asked is not None else plain(claims))
    left = left_of(funding, taken)
    return tuple(
        ViewSource(
            source.source_id, source.bill_to, uses.get(source.source_id, 0), source.limit, left.get(source.source_id)
        )
        for source in funding.sources
    )


def alert(draft: Draft, contract: Contract, before: Mapping[str, Amount]) -> None:
    """At the thresholds of caps, how far a source's limit is used; `before` is what was used before the cut (R23)."""
    thresholds = contract_policies(draft, contract).cap_thresholds
    for source in sources_of(draft, contract):
        if source.limit is None:
            continue
        had = before.get(source.source_id, 0)
        subject = composed(contract.contract_id, source.source_id)
        for percent in crossed(thresholds, source.limit, had, source.limit, source.used):
            about = (percent, draft.cause.kind, draft.cause.id, draft.cause.version)
            alert_id = derived_id(draft.engagement_id, SUBJECT, subject, *about)
            if draft.why is not None:
                _say_used(draft.why, alert_id, contract, source)
            draft.emit(
                Alert(
                    alert_id=alert_id,
                    kind=SUBJECT,
                    subject_kind="source",
                    subject_id=subject,
                    message=f"{percent / 10**6:g} % of source {source.source_id} of contract {contract.contract_id} is used",
                    threshold=percent,
                    used_amount=source.used,
                    limit_amount=source.limit,
                    currency=contract.terms.currency,
                    contract_id=contract.contract_id,
                )
            )


def _say_used(why: Why, alert_id: str, contract: Contract, source: ViewSource) -> None:
    terms = contract.terms
    used = funding_record.used_by_now(why, contract, {source.source_id: source.used})
    why.record(f"{alert_id}#used_amount", source.used, used[source.source_id].node)
    place = next(
        place
        for place, one in enumerate(terms.funding.sources if terms.funding else ())
        if one.source_id == source.source_id
    )
    limit, path = source.limit or 0, f"funding.sources[{place}].limit"
    why.record(f"{alert_id}#limit_amount", limit, in_terms(f"{source.source_id}: limit", limit, "amount", terms, path))
