"""Months that statements of an event are billed and due in."""

from domain.billing.statement import ISSUED, SUPERSEDED
from domain.outputs import BillingStatement
from state.billing import reissue
from state.draft import Draft
from state.forecast.expected import IssuedMonths, add_to_months, statement_months
from state.forecast.outlook import known, project_terms
from state.totals import in_project


def take_statements(draft: Draft) -> None:
    """Months that statements of this event are billed and due in; what is counted already is not counted again."""
    for project_id, found in _issued(draft).items():
        forecast, _ = known(draft, project_id)
        lines = (draft.line(contract_id, line_id) for contract_id, line_id, _ in project_terms(draft, project_id).ever)
        issued = sum(in_project(line, project_id).issued for line in lines)
        if issued == sum(forecast.billed.values()) and all(one.amount == one.due for one in found):
            continue
        for one in found:
            add_to_months(draft, project_id, {one.bills: one.amount}, {one.pays: one.due})


def _issued(draft: Draft) -> dict[str, list[IssuedMonths]]:
    found: dict[str, list[IssuedMonths]] = {}
    first = 1
    for output in draft.outputs:
        if not isinstance(output, BillingStatement) or not (output.status == ISSUED or _was_issued(draft, output)):
            continue
        sign = 1 if output.status == ISSUED else -1
        first = 1 if output.part == 1 else first
        for project_id, one in statement_months(draft, output, first).items():
            found.setdefault(project_id, []).append(one._replace(amount=sign * one.amount, due=sign * one.due))
        first += len(output.lines)
    return found


def _was_issued(draft: Draft, statement: BillingStatement) -> bool:
    """Whether it is a revision that a new one of an issued statement supersedes; a draft was not counted."""
    return statement.status == SUPERSEDED and (reissue.ISSUED_STATEMENT, statement.statement_id) in draft.before
