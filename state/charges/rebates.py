"""What was given of rebates: by credit memos of a contract line, and by statements that credit what is settled of its variable parts."""

from collections.abc import Iterable
from typing import Final

from domain.identity import composed, parts_of
from domain.revenue.variable_price import fee_name
from domain.terms.kind import RebatesGiven
from domain.work.rows import fee_row
from state.books import Contract, Issued, RefundLiability
from state.draft import Draft

KIND: Final = "refund"


def standing(draft: Draft, contract_id: str, line_id: str) -> RefundLiability:
    return draft.part(KIND, composed(contract_id, line_id)) or RefundLiability()


def provides(contract: Contract | None) -> bool:
    """Whether a line has variable parts in any version of the terms; else accounting provides for what credit memos give, outside."""
    versions = contract.history if contract is not None else ()
    return any(line.variable_consideration for stored in versions for line in stored.terms.lines)


def rebates_of(draft: Draft, contract_id: str, line_id: str, settled: Iterable[str]) -> RebatesGiven:
    """`settled` are items. Without memos nobody asks what statements have."""
    given = standing(draft, contract_id, line_id).given
    if not given:
        return RebatesGiven()
    by_statements = {
        item_id: -sum(one.amount for one in issued_of_item(draft, contract_id, line_id, item_id)) for item_id in settled
    }
    return RebatesGiven(given, by_statements)


def issued_of_item(draft: Draft, contract_id: str, line_id: str, item_id: str) -> list[Issued]:
    """What statements have of what is settled of an item."""
    entry = draft.entry(charge_row(contract_id, line_id, item_id))
    issued = entry.issued if entry is not None else ()
    return [one for one in issued if (one.contract_id, one.line_id) == (contract_id, line_id)]


def charge_row(contract_id: str, line_id: str, item_id: str) -> str:
    return fee_row(contract_id, line_id, fee_name(item_id))


def given_now(draft: Draft) -> set[str]:
    """Contracts of which credit memos give a rebate by the event."""
    found = set()
    for kind, part_id in draft.parts if KIND in draft.kinds else ():
        if kind == KIND:
            had: RefundLiability = draft.before.get((kind, part_id)) or RefundLiability()
            has: RefundLiability = draft.parts[kind, part_id] or RefundLiability()
            if had.given != has.given:
                found.add(parts_of(part_id)[0])
    return found
