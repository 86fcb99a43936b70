"""Lines of balances that are known in the books, and what is wrong with some of them: line, field, figures, and what to do."""

from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.contract import category_of, held, included_id
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.exceptions import ExceptionCategory
from domain.identity import composed
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.work.rows import OPENING, row_id
from state.books import Contract, Receivable
from state.draft import Draft
from state.terms.plan import LinePlan, line_plan, newest_plan, versions
from state.work.placing import taken_projects

DIFFERS: Final = "balances_differ"
# Before the id of a shared cap.
SHARED = "shared:"
DAY = timedelta(days=1)


class OpeningFault(NamedTuple):
    """`waits` are the keys of what would mend it; `settles_in` is the zone whose day's end mends it, whatever comes."""

    category: ExceptionCategory
    message: str
    field: str
    contract_id: str | None = None
    waits: tuple[tuple[str, str], ...] = ()
    settles_in: str | None = None


class Stated(NamedTuple):
    """The balances of a line that is known."""

    place: int
    balance: BalanceForward
    contract: Contract
    plan: LinePlan

    @property
    def of(self) -> str:
        """The line, and where the source states it."""
        return f"line {self.balance.line_id}{row_of(self.balance.source_row)}"

    @property
    def row(self) -> str:
        """What work on the line came to; the names of its parts follow."""
        return row_id(OPENING, composed(self.contract.contract_id, self.balance.line_id))

    def differs(self, field: str, message: str) -> OpeningFault:
        of = f"lines[{self.place}].{field}"
        return OpeningFault(DIFFERS, f"{self.of}: {message}", of, self.contract.contract_id)


def stated_lines(draft: Draft, event: BalancesBroughtForward) -> tuple[Stated, ...]:
    """Those of the event's lines that are in force, in its order."""
    found = []
    for place, balance in enumerate(event.lines):
        named = contracts_of(draft, event, balance)
        plan = newest_plan(draft, named[0], balance.line_id) if len(named) == 1 else None
        if plan is not None:
            found.append(Stated(place, balance, named[0], plan))
    return tuple(found)


def contracts_of(draft: Draft, event: BalancesBroughtForward, balance: BalanceForward) -> list[Contract]:
    """Contracts in force that have the line, in the project of the event."""
    found = []
    for contract_id in taken_projects(draft).get(event.project_id, ()):
        contract = draft.contract(contract_id)
        if contract is None or not contract.in_force or balance.contract_id not in (None, contract_id):
            continue
        plan = newest_plan(draft, contract, balance.line_id)
        if plan is not None and plan.line.project_id == event.project_id:
            found.append(contract)
    return found


def former_terms(draft: Draft, stated: Stated, as_of: date) -> tuple[LinePlan, date] | None:
    """The terms of another kind that held before those of the line, with their last day, where the line has revenue of theirs: it earns as
    it is billed by now, and has earned more than was billed."""
    balance, contract = stated.balance, stated.contract
    if stated.plan.timing != WITH_INVOICE or balance.revenue <= balance.billed:
        return None
    before = date.max
    for version, since in reversed(held(versions(contract), balance.line_id)):
        plan = line_plan(draft, contract, version.number, balance.line_id)
        if plan is not None and plan.timing not in (WITH_INVOICE, OVER_TIME, NO_REVENUE) and before > since:
            return plan, min(before - DAY, as_of)
        before = since
    return None


def is_of_whole_line(cap_id: str, line_id: str) -> bool:
    """Whether all work on the line takes room of the cap, not expenses of a category or hours that are included."""
    return category_of(cap_id, line_id) is None and cap_id != included_id(line_id)


def is_stated(opened: Receivable) -> bool:
    """Not what stands for all that was paid."""
    return opened.invoiced_on is not None


def row_of(source_row: str | None) -> str:
    """Where the source states it, in brackets."""
    return f" ({source_row})" if source_row is not None else ""
