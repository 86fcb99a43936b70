"""Milestones accepted and progress reported of which nothing can be charged: each is reported by an exception until a line takes it."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.exceptions import OUT_OF_RANGE, OUTSIDE, UNKNOWN, ExceptionCategory
from domain.identity import composed, parts_of
from domain.refusals import UNSUPPORTED, words_of
from domain.revenue.variable_price import has_item, is_payable
from domain.terms import methods
from state.books import Acceptance, Contract, Fact, ItemRevisions, OpenException, Reports
from state.charges.terms_known import agreed_versions, by_the_end, is_over, takers
from state.draft import Draft
from state.terms.plan import newest_plan

UNKNOWN_MILESTONE: Final = "unknown_milestone"
# A variable part of a price, in the books.
ITEM = "variable_consideration"
# What is said here, by kind of subject and category.
SAID: Final = {
    ("milestone", UNKNOWN_MILESTONE),
    ("milestone", OUTSIDE),
    ("progress", UNKNOWN),
    ("progress", UNSUPPORTED),
    ("progress", OUTSIDE),
    (ITEM, UNKNOWN),
    (ITEM, OUTSIDE),
    (ITEM, OUT_OF_RANGE),
}
_WAIVED: Final = "waived"


def note_unplaced(draft: Draft) -> None:
    """Said again whenever such a fact comes, or terms change."""
    for milestone_id in draft.ids("milestone"):
        _note_milestone(draft, milestone_id, draft.part("milestone", milestone_id))
    for part_id in draft.ids("reports"):
        _note_progress(draft, part_id, draft.part("reports", part_id))
    for part_id in draft.ids(ITEM):
        note_item(draft, part_id, draft.part(ITEM, part_id))


def _note_milestone(draft: Draft, milestone_id: str, fact: Acceptance) -> None:
    """An acceptance waits that no contract line lists, or several; or that came after the contract was terminated."""
    of = takers(draft, milestone_id, fact)
    said = f"milestone {milestone_id} was accepted on {fact.accepted_on}, but"
    unknown, outside = None, None
    if fact.accepted_on is not None and not of:
        unknown = "milestone_id", f"{said} no contract line lists it"
    elif len(of) > 1:
        lines = ", ".join(composed(one.contract_id, one.line_id) for one in of)
        unknown = "line_id", f"{said} several contract lines list it: {lines}; a higher version has to name one"
    elif of and of[0].is_over:
        outside = "accepted_on", f"{said} contract {of[0].contract_id} was terminated by then"
    contract_id = of[0].contract_id if outside is not None else fact.contract_id
    _say(draft, UNKNOWN_MILESTONE, "milestone", milestone_id, contract_id, unknown)
    _say(draft, OUTSIDE, "milestone", milestone_id, contract_id, outside)


def _note_progress(draft: Draft, part_id: str, reports: Reports) -> None:
    """Progress of a line that no contract has, or of days after the contract was terminated; or of a line that is not billed by it."""
    contract_id, line_id = parts_of(part_id)
    of = list(_having(draft, contract_id, line_id))
    unknown, outside, unused = None, None, None
    if not of:
        whose = f"contract {contract_id} does not have" if contract_id else "no contract has"
        unknown = "line_id", f"progress is reported of line {line_id}, which {whose}"
    for version, as_of, _ in (one for one in reports.said if one[0]):  # what balances state is of before the end
        if of and all(is_over(draft, contract, line_id, f"progress/{version}", as_of) for contract in of):
            outside = (
                "as_of",
                f"progress of {as_of} is reported of line {line_id}, whose contract was terminated by then",
            )
    _, as_of, _ = max(reports.said)
    if of and not any(_takes_reports(draft, contract, line_id, as_of) for contract in of):
        unused = ("percent", words_of("progress_unused", as_of=as_of, line=line_id, how=_billed(draft, of[0], line_id)))
    _say(draft, UNKNOWN, "progress", spoken(part_id), contract_id or None, unknown)
    _say(draft, UNSUPPORTED, "progress", spoken(part_id), contract_id or None, unused)
    _say(draft, OUTSIDE, "progress", spoken(part_id), contract_id or None, outside)


def note_item(draft: Draft, part_id: str, known: ItemRevisions) -> None:
    """A variable part of a price that no terms of its day state, or of the contract's last one; of which a contract that was terminated by
    then waits for what is due; or that its currency cannot be paid in."""
    contract_id, line_id, item_id = parts_of(part_id)
    contract, newest = draft.contract(contract_id), known.said[-1]
    unknown, outside, finer = None, None, None
    if contract is None or not contract.in_force:
        unknown = "contract_id", f"part {item_id}: contract {contract_id} is not signed, or not in force"
    else:
        held = agreed_versions(draft, replace(contract, terminated_on=None), line_id)
        currency, ended = contract.terms.currency, contract.terminated_on
        day = by_the_end(contract, newest.as_of)
        if not has_item(held, item_id, day):
            what = f"line {line_id} of contract {contract_id} has no part {item_id} in its terms of {day}"
            unknown = "item_id", f"{what}: it is revised, and nothing follows from that"
        if ended is not None and ended <= newest.as_of and not newest.settled:
            outside = (
                "settled",
                f"part {item_id} is estimated, but contract {contract_id} was terminated by {newest.as_of}",
            )
        if not is_payable(newest, currency):
            finer = (
                "amount",
                f"version {newest.version} of part {item_id}: its amount is finer than {currency} can be paid",
            )
    _say(draft, UNKNOWN, ITEM, part_id, contract_id, unknown)
    _say(draft, OUTSIDE, ITEM, part_id, contract_id, outside)
    _say(draft, OUT_OF_RANGE, ITEM, part_id, contract_id, finer)


def waive(draft: Draft, noted: OpenException) -> None:
    """It stays waived as long as the fact says the same, whatever becomes of terms."""
    draft.put("fact", f"{_WAIVED}/{noted.exception_id}", _fact(draft, noted.subject_kind, noted.subject_id))


def _fact(draft: Draft, kind: str, subject: str) -> Fact:
    """What was said of it last; what balances brought forward has no version."""
    named: Fact | None = draft.part("fact", f"{kind}/{subject}") or draft.part("fact", f"{kind}//{subject}")
    return named or Fact(0, "")


def _say(
    draft: Draft,
    category: ExceptionCategory,
    kind: str,
    subject: str,
    contract_id: str | None,
    why: tuple[str, str] | None,
) -> None:
    mark = f"{_WAIVED}/{draft.exception_id(category, kind, subject)}"
    waived: Fact | None = draft.part("fact", mark)
    if waived is not None and (why is None or waived != _fact(draft, kind, subject)):
        draft.put("fact", mark, None)
        waived = None
    if why is None:
        draft.resolve_exception(category, kind, subject)
    elif waived is None:
        draft.raise_exception(category, kind, subject, why[1], contract_id=contract_id, field=why[0])


def _having(draft: Draft, contract_id: str, line_id: str) -> Iterator[Contract]:
    """Contracts in force any of whose terms have the line."""
    for contract in draft.contracts():
        lines = {line.line_id for line in contract.every_line}
        if contract.in_force and contract_id in ("", contract.contract_id) and line_id in lines:
            yield contract


def _takes_reports(draft: Draft, contract: Contract, line_id: str, as_of: date) -> bool:
    """Whether the line is billed by reported progress on the day of a report, or on any later one."""
    versions = agreed_versions(draft, replace(contract, terminated_on=None), line_id)
    return any(agreed.before > as_of and methods.by_reports(agreed.line, agreed.policies) for agreed in versions)


def _billed(draft: Draft, contract: Contract, line_id: str) -> str:
    plan = newest_plan(draft, contract, line_id)
    return "as its budgets are spent" if plan is not None and methods.by_budgets(plan.line) else "otherwise"


def spoken(part_id: str) -> str:
    """A line without its contract where the reports of it name none."""
    return part_id.removeprefix("/")
