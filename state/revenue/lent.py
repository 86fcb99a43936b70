"""Work for another legal entity: its cost stands in the entity of the person, its revenue in that of the contract, and the transfer between
them is finance's to post.

Exception `unsupported` of a person and a contract shows what that work costs as money at risk. It is raised with the first work and closed
when none is left; another amount is published at a day's end. Once somebody settled it, it counts what came since; work that is taken back
afterwards stands below zero, since the transfer was posted with it.
"""

from msgspec.structs import replace

from domain.identity import composed, parts_of
from domain.refusals import UNSUPPORTED, words_of
from domain.units import Amount
from state.books import Cost, Entry, Lent, OpenException
from state.draft import Draft
from state.terms.periods import zone_of

KIND = "person_contract"
PART = "lent"


def lent_cost(draft: Draft, entry: Entry) -> tuple[str, Cost] | None:
    """Person and contract, and what the work costs, where another entity bears that than has the contract."""
    work = entry.standing
    if work is None or work.cost is None or work.price is None:
        return None
    contract = draft.contract(work.price.contract_id)
    if contract is None or contract.terms.legal_entity_id == work.cost.legal_entity_id or not work.person_id:
        return None
    return composed(work.person_id, work.price.contract_id), work.cost


def after_event(draft: Draft) -> None:
    """Of what the event changed."""
    found: dict[str, Lent] = {}
    for entry, sign in draft.worked:
        if (one := lent_cost(draft, entry)) is not None:
            part_id, cost = one
            found[part_id] = _with(found.get(part_id) or _known(draft, part_id), cost, sign)
    for part_id, lent in found.items():
        if lent != _known(draft, part_id):
            draft.put(PART, part_id, lent if lent != Lent() else None)
            _announce(draft, part_id, lent)


def retell(draft: Draft) -> None:
    """At a day's end: say how much it is by now."""
    for part_id in draft.ids(PART):
        noted = _noted(draft, part_id)
        if noted is not None and (revised := _as_it_is(noted, draft.part(PART, part_id))) != noted:
            draft.revise_exception(revised)


def settle(draft: Draft, part_id: str) -> None:
    """Somebody has posted the transfer of what there is so far."""
    lent = _known(draft, part_id)
    settled = replace(lent, settled=lent.cost, settled_entries=lent.entries)
    draft.put(PART, part_id, settled if settled != Lent() else None)


def _known(draft: Draft, part_id: str) -> Lent:
    return draft.part(PART, part_id) or Lent()


def _with(lent: Lent, cost: Cost, sign: int) -> Lent:
    amounts = dict(lent.cost)
    amounts[cost.currency] = amounts.get(cost.currency, 0) + sign * cost.amount
    return replace(lent, cost=_not_zero(amounts), entries=lent.entries + sign)


def _announce(draft: Draft, part_id: str, lent: Lent) -> None:
    """Raised and closed at once; another amount is published at the day's end."""
    noted = _noted(draft, part_id)
    if not _open_cost(lent) and lent.entries == lent.settled_entries:
        draft.resolve_exception(UNSUPPORTED, KIND, part_id)
    elif noted is None:
        _raise(draft, part_id, lent)
    elif _as_it_is(noted, lent) != noted:
        contract = draft.contract(parts_of(part_id)[1])
        assert contract is not None, "work has a price on it"
        draft.due.add((zone_of(draft, contract), ""))


def _raise(draft: Draft, part_id: str, lent: Lent) -> None:
    person_id, contract_id = parts_of(part_id)
    contract = draft.contract(contract_id)
    assert contract is not None, "work has a price on it"
    noted = OpenException(
        draft.exception_id(UNSUPPORTED, KIND, part_id),
        UNSUPPORTED,
        KIND,
        part_id,
        contract_id,
        message=words_of(
            "other_company", person=person_id, contract=contract_id, borrows=contract.terms.legal_entity_id
        ),
        person_id=person_id,
        raised_at=draft.cause.recorded_at,
    )
    draft.publish_open(_as_it_is(noted, lent))


def _as_it_is(noted: OpenException, lent: Lent) -> OpenException:
    return replace(noted, amounts=_open_cost(lent), count=max(lent.entries - lent.settled_entries, 1))


def _open_cost(lent: Lent) -> dict[str, Amount]:
    """By currency, less what was settled."""
    amounts = dict(lent.cost)
    for currency, amount in lent.settled.items():
        amounts[currency] = amounts.get(currency, 0) - amount
    return _not_zero(amounts)


def _not_zero(amounts: dict[str, Amount]) -> dict[str, Amount]:
    return {currency: amount for currency, amount in sorted(amounts.items()) if amount}


def _noted(draft: Draft, part_id: str) -> OpenException | None:
    noted: OpenException | None = draft.part("exception", draft.exception_id(UNSUPPORTED, KIND, part_id))
    return noted
