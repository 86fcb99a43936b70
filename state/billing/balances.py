"""What a project has used, and what of a contract's lines stands in it: accrued, billed, earned, and kept from being billed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.accounts import CUSTOMER_DEPOSIT
from domain.outputs import CurrencyAmount, ViewBurn
from domain.sums import summed
from domain.tuples import new_tuple
from domain.units import Amount
from state.billing.held import rows_held
from state.billing.payers import held_of
from state.books import Contract, Entry, Hold, LineTotals, Project
from state.draft import Draft
from state.terms.plan import bill_tos
from state.totals import outstanding


class LineBalances(NamedTuple):
    """Of some of a contract's lines, in its currency."""

    accrued: Amount
    held: Amount
    over_cap: Amount
    unbilled: Amount
    billed: Amount
    invoiced: Amount
    written_off: Amount
    recognised: Amount
    contract_position: Amount


def burn_of(project: Project) -> ViewBurn:
    costs = summed((key[8:], cost) for key, (_, cost, _) in project.months.items() if cost)
    burn = project.burn
    return new_tuple(ViewBurn, (burn.hours, burn.billable_hours, _by_currency(costs), _by_currency(burn.memo)))


def _by_currency(amounts: Mapping[str, Amount]) -> tuple[CurrencyAmount, ...]:
    return tuple([new_tuple(CurrencyAmount, (currency, amount)) for currency, amount in sorted(amounts.items())])


def balances_of(
    draft: Draft, project_id: str, contract: Contract, lines: Sequence[tuple[str, LineTotals]]
) -> LineBalances:
    """`lines` are the contract's lines of the project, with their sums there."""
    accrued = over = issued = invoiced = recognised = deposits = written_off = 0
    for _, totals in lines:
        accrued += totals.billable - totals.issued
        over += totals.over
        written_off += totals.written_off
        issued += totals.issued
        invoiced += totals.invoiced
        recognised += totals.recognised
        kept, _, invoiced_ahead = totals.accounts.get(CUSTOMER_DEPOSIT, (0, 0, 0))
        deposits += invoiced_ahead - kept
    holds = [hold for hold_id in draft.ids("hold") if not (hold := draft.part("hold", hold_id)).released]
    held = _held(draft, project_id, contract, lines, holds) if holds else 0
    billed = invoiced - deposits if deposits else invoiced
    position = recognised - invoiced
    sums = accrued, held, over, recognised - billed, issued, invoiced, written_off, recognised, position
    return new_tuple(LineBalances, sums)


def _held(
    draft: Draft, project_id: str, contract: Contract, lines: Sequence[tuple[str, LineTotals]], holds: list[Hold]
) -> Amount:
    """What of the accrued holds keep from being billed."""
    held = 0
    entries = [row for hold in holds if hold.scope == "entry" for row in rows_held(draft, hold.scope_id)]
    debtors = frozenset(hold.scope_id for hold in holds if hold.scope == "bill_to") & bill_tos(contract)
    other_projects = frozenset(hold.scope_id for hold in holds if hold.scope == "project")
    for line_id, totals in lines:
        if _all_held(holds, project_id, contract, line_id):
            held += totals.billable - totals.issued
        elif debtors or other_projects:
            for entry in draft.due_on(contract.contract_id, line_id, "", "9999"):
                if draft.billed_in(entry, contract.contract_id, line_id) != project_id:
                    continue
                if entry.entry_id in entries or _worked_in(entry) in other_projects:
                    held += outstanding(entry, contract.contract_id, line_id)
                elif debtors:
                    held += held_of(draft, contract, entry, line_id, debtors)
        else:
            held += sum(_of_row(draft, entry_id, contract, line_id, project_id) for entry_id in entries)
    return held


def _all_held(holds: list[Hold], project_id: str, contract: Contract, line_id: str) -> bool:
    names = {("contract", contract.contract_id), ("line", line_id), ("project", project_id)}
    if len(debtors := bill_tos(contract)) == 1:
        names |= {("bill_to", debtor) for debtor in debtors}
    return any((hold.scope, hold.scope_id) in names for hold in holds)


def _of_row(draft: Draft, entry_id: str, contract: Contract, line_id: str, project_id: str) -> Amount:
    entry = draft.entry(entry_id)
    due = outstanding(entry, contract.contract_id, line_id) if entry is not None else 0
    if entry is None or not due or draft.billed_in(entry, contract.contract_id, line_id) != project_id:
        return 0
    return due


def _worked_in(entry: Entry) -> str | None:
    return entry.standing.project_id if entry.standing is not None else None
