"""Contracts that will cost more than they earn: exception `loss_making`, with the difference at risk (RULES section 6, A loss).

Cost at completion of the contract's projects is compared with the most that they may earn (`state/forecast/revenue_max.py`). The sums are
kept by contract and change by what an event moved. A project of several contracts counts with the first by id.

    300.00 incurred and 900.00 to come for a price of 1,000.00: 200.00 at risk

A project that nobody has estimated, and that has no price, does not count. Where it is not known of another one what it may earn, the loss
is not known, and the exception stays as it is: open, settled or not raised. So it does of work that nobody pays for, where revenue at
completion was always zero, and of a contract over several engagements, each of which knows only its own part. Where another system bills
work of a project, as a tracker did before the first import, it alone knows what that earns: nothing is raised, and what is open is closed.

It is raised and closed with the event that makes or ends the loss, and forecasts of the contract that do not show it yet go out before it;
another amount is said at the day's end. A loss that somebody has settled is raised again once it is more than that, or was gone meanwhile.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from domain.money import format_amount
from domain.units import Amount
from state.books import Contract, ContractAtCompletion, ContractShare, Forecast, ForecastState, OpenException, Project
from state.draft import Draft, PartKey
from state.forecast.outlook import Ended, ProjectTerms, known, project_terms, register
from state.forecast.revenue_max import revenue_max, revenue_terms

CATEGORY: Final = "loss_making"
KIND = "contract"
PART = "contract_outlook"
_KEPT_IN_FORECASTS = frozenset({"forecast", "outlook", "project"})


def take_in(draft: Draft, visited: Iterable[str] = (), ended: Ended | None = None) -> list[str]:
    """Bring the sums up to date with what the event moved; returns the contracts that it concerns, or of which projects are visited."""
    found: set[str] = set()
    for project_id in sorted(_moved(draft).union(visited)):
        found.update(take_in_project(draft, project_id, ended))
    for contract_id in found:
        of = at_completion(draft, contract_id)
        if of.settled and _loss(draft, contract_id, of) == 0:
            draft.put(PART, contract_id, replace(of, settled=0))
    return sorted(found)


def take_in_project(draft: Draft, project_id: str, ended: Ended | None = None) -> tuple[str, ...]:
    """Returns the contracts that the project counted and counts with."""
    forecast, outlook = known(draft, project_id)
    terms = project_terms(draft, project_id)
    contracts = terms.contracts
    had, share = forecast.share, None
    if contracts:
        share = _share(draft, draft.project(project_id), terms, forecast, outlook, ended)
    if share != had:
        draft.put("forecast", project_id, replace(forecast, share=share))
        _exchange(draft, had, share)
    earns = outlook.eac_revenue or (share is not None and share.revenue_max)
    if contracts and earns and not (of := at_completion(draft, contracts[0].contract_id)).is_paid:
        draft.put(PART, contracts[0].contract_id, replace(of, is_paid=True))
    if share is None:
        return (had.contract_id,) if had is not None else ()
    is_same = had is None or had.contract_id == share.contract_id
    return (share.contract_id,) if had is None or is_same else (had.contract_id, share.contract_id)


def is_to_say(draft: Draft, contract_id: str, *, day_ends: bool) -> bool:
    """Whether the exception is to be raised or closed, or at the day's end said with another amount."""
    of, key = at_completion(draft, contract_id), _key_of(draft, contract_id)
    loss = _loss(draft, contract_id, of)
    if loss is None:
        return False
    noted: OpenException | None = draft.part(*key)
    if noted is not None:
        return loss == 0 or (day_ends and loss != _amount(noted))
    # Where somebody has settled it with this event, it is raised with the next one, or when the day ends.
    return loss > of.settled and (day_ends or key not in draft.parts)


def say(draft: Draft, contract_id: str) -> None:
    loss = _loss(draft, contract_id, at_completion(draft, contract_id))
    if not loss:
        draft.resolve_exception(CATEGORY, KIND, contract_id)
    else:
        draft.raise_exception(
            CATEGORY,
            KIND,
            contract_id,
            _message(draft, contract_id),
            contract_id=contract_id,
            amount=loss,
            currency=_currency(draft, contract_id),
            revises=True,
        )
    for project_id in draft.projects_of(contract_id):
        register(draft, project_id)


def settle(draft: Draft, noted: OpenException) -> None:
    """Somebody has settled the loss that the exception says."""
    contract_id = noted.subject_id
    draft.put(PART, contract_id, replace(at_completion(draft, contract_id), settled=_amount(noted)))


def projects_of(draft: Draft, contract_id: str) -> list[str]:
    """Projects that count with the contract, ids ascending."""
    shares = ((each, known(draft, each)[0].share) for each in sorted(draft.projects_of(contract_id)))
    return [each for each, share in shares if share is not None and share.contract_id == contract_id]


def at_completion(draft: Draft, contract_id: str) -> ContractAtCompletion:
    key = (PART, contract_id)
    return draft.parts.get(key) or draft.before.get(key) or ContractAtCompletion()


# What a project adds


def _moved(draft: Draft) -> set[str]:
    """Projects of which something changed that the sums rest on."""
    found: set[str] = set()
    for (kind, part_id), after in draft.parts.items():
        if kind in _KEPT_IN_FORECASTS:
            found.add(part_id)
        elif kind == "contract" and _has_other_terms(draft.before.get((kind, part_id)), after):
            found.update(draft.projects_of(part_id))
    return found


def _has_other_terms(before: Contract | None, after: Contract) -> bool:
    return before is None or before.history is not after.history or before.invalid != after.invalid


def _share(
    draft: Draft, project: Project, of: ProjectTerms, forecast: Forecast, outlook: ForecastState, ended: Ended | None
) -> ContractShare | None:
    """Of the first of its contracts; None where it does not count."""
    contract_id = of.contracts[0].contract_id
    terms = revenue_terms(draft, project, of, forecast, ended)
    if not terms.is_measured:
        return None
    if project.burn.elsewhere:
        return ContractShare(contract_id, elsewhere=True)
    if forecast.currency != of.currency:
        return ContractShare(contract_id)
    found = revenue_max(draft, project, terms, forecast, outlook, ended)
    if found is None:
        return ContractShare(contract_id)
    return ContractShare(contract_id, outlook.eac_cost, found.amount, found.by_cap)


def _exchange(draft: Draft, had: ContractShare | None, share: ContractShare | None) -> None:
    """Let the sums have the new share for the one before."""
    if had is not None and share is not None and had.contract_id == share.contract_id:
        _add(draft, share.contract_id, ((had, -1), (share, 1)))
        return
    for one, sign in ((had, -1), (share, 1)):
        if one is not None:
            _add(draft, one.contract_id, ((one, sign),))


def _add(draft: Draft, contract_id: str, shares: Iterable[tuple[ContractShare, int]]) -> None:
    of = at_completion(draft, contract_id)
    cost, revenue, projects, unknown, elsewhere = of.cost, of.revenue, of.projects, of.unknown, of.elsewhere
    for share, sign in shares:
        cost += sign * share.eac_cost
        projects += sign
        elsewhere += sign * share.elsewhere
        if share.revenue_max is None:
            unknown += sign
        else:
            revenue += sign * share.revenue_max
    now = ContractAtCompletion(cost, revenue, projects, unknown, of.is_paid, of.settled, elsewhere)
    draft.put(PART, contract_id, now)


# The exception


def _loss(draft: Draft, contract_id: str, of: ContractAtCompletion) -> Amount | None:
    """None where it is not known; no loss is named where another system knows what the contract earns."""
    contract = draft.contract(contract_id)
    if contract is not None and of.elsewhere:
        return 0
    if contract is None or contract.divided or of.unknown or not of.is_paid:
        return None
    if not of.projects and any(
        project_terms(draft, project_id).contracts[:1] == (contract,) for project_id in draft.projects_of(contract_id)
    ):
        return None
    return max(of.cost - of.revenue, 0)


def _key_of(draft: Draft, contract_id: str) -> PartKey:
    """Of the exception in the books."""
    key = ("loss", contract_id)
    found: PartKey | None = draft.memo.lines.get(key)
    if found is None:
        found = draft.memo.lines[key] = ("exception", draft.exception_id(CATEGORY, KIND, contract_id))
    return found


def _amount(noted: OpenException) -> Amount:
    """In the contract's currency, which is the only one."""
    return sum(noted.amounts.values())


def _currency(draft: Draft, contract_id: str) -> str:
    return draft.contract_in_books(contract_id).terms.currency


def _message(draft: Draft, contract_id: str) -> str:
    of, currency = at_completion(draft, contract_id), _currency(draft, contract_id)
    shares = (known(draft, project_id)[0].share for project_id in projects_of(draft, contract_id))
    earns = "earns at most" if any(share is not None and share.by_cap for share in shares) else "earns"
    cost, revenue = format_amount(of.cost, currency), format_amount(of.revenue, currency)
    return f"contract {contract_id} makes a loss: it costs {cost} {currency} at completion and {earns} {revenue}"
