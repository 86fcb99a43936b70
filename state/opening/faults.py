"""What is wrong with balances that are to be brought forward, all of it at once.

Nothing of balances with a fault is in the books.
"""

from collections.abc import Iterator

from domain.billing.shares import parties_of
from domain.events.commercial import BalancesBroughtForward
from domain.exceptions import UNKNOWN
from domain.receivables.stated import StatedLine, stated_faults
from state.books import BroughtForward, Receivable
from state.draft import Draft
from state.opening.already_here import released_since, work_before
from state.opening.contract_faults import faults_of_contract
from state.opening.line_faults import beside_terms, faults_of_line, faults_of_milestones
from state.opening.stated import DIFFERS, OpeningFault, contracts_of, is_stated, row_of, stated_lines
from state.terms.opening import IN_BALANCES
from state.work.placing import taken_projects


def faults_of(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event = known.event
    yield from _unknown(draft, event)
    stated = stated_lines(draft, event)
    alone = [StatedLine(one.place, one.balance, one.contract.contract_id, one.plan.currency) for one in stated]
    for each in stated_faults(event, alone):
        message = f"{each.of}{row_of(each.source_row)}: {each.message}"
        yield OpeningFault(DIFFERS, message, each.field, each.contract_id)
    yield from work_before(draft, event)
    yield from released_since(draft, known)
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = [one for one in stated if one.contract.contract_id == contract_id]
        yield from faults_of_contract(draft, known, own)
    for one in stated:
        yield from faults_of_line(draft, one, event.as_of)
        yield from faults_of_milestones(draft, known, one)
    yield from _invoices(draft, known)
    yield from beside_terms(event, stated)


def _unknown(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    for place, balance in enumerate(event.lines):
        named = contracts_of(draft, event, balance)
        if len(named) == 1:
            continue
        of = f" of contract {balance.contract_id}" if balance.contract_id is not None else ""
        what = f"line {balance.line_id}{of}{row_of(balance.source_row)}"
        if named:
            several = ", ".join(contract.contract_id for contract in named)
            message = f"{what}: expected the contract, as {several} of project {event.project_id} have such a line"
            yield OpeningFault(UNKNOWN, message, f"lines[{place}].contract_id")
            continue
        known = taken_projects(draft).get(event.project_id, ())
        has = f"contracts {', '.join(known)} have none" if known else "it has no contract"
        message = f"{what}: expected a line in force of project {event.project_id}, {has}"
        yield OpeningFault(UNKNOWN, message, f"lines[{place}].line_id", balance.contract_id)


def _invoices(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    event, stated = known.event, stated_lines(draft, known.event)
    contracts = {one.contract.contract_id for one in stated}
    payers = {party.customer_id for each in stated for party in parties_of(each.contract.terms)}
    own = {one.invoice_id for one in known.receivables}
    for place, one in enumerate(event.receivables):
        of, at = f"invoice {one.invoice_id}{row_of(one.source_row)}", f"receivables[{place}]"
        if one.contract_id not in contracts and (one.contract_id is not None or len(contracts) > 1):
            message = f"{of}: expected one of the contracts of the lines, {', '.join(sorted(contracts)) or 'none'}, got {one.contract_id}"
            yield OpeningFault(UNKNOWN, message, f"{at}.contract_id", one.contract_id)
        if one.bill_to is not None and one.bill_to not in payers:
            message = f"{of}: expected a bill-to of the contract, {', '.join(sorted(payers))}, got {one.bill_to}"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
        if one.bill_to is None and len(payers) > 1:
            message = f"{of}: expected the bill-to that it was sent to, one of {', '.join(sorted(payers))}, got none"
            yield OpeningFault(UNKNOWN, message, f"{at}.bill_to", one.contract_id)
        found: Receivable | None = draft.part("receivable", one.invoice_id)
        if found is not None and one.invoice_id not in own:
            message = f"{of}: it is posted here for statement {found.statement_id} already"
            yield OpeningFault(IN_BALANCES, message, f"{at}.invoice_id", one.contract_id)
    named = {one.invoice_id for one in event.receivables}
    for opened in known.receivables:
        now: Receivable | None = draft.part("receivable", opened.invoice_id)
        if now is not None and now != opened and now.invoice_id not in named and is_stated(opened):
            message = f"invoice {opened.invoice_id}: it was paid or credited here since, so that it has to stay in the balances"
            yield OpeningFault(DIFFERS, message, "receivables", opened.contract_id)
