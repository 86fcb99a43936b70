"""Policy `overflow=next_rule`: which terms can pass on what is over a cap, and which line of the contract takes it."""

from collections.abc import Iterable, Iterator, Sequence

from domain.caps.consume import CapLimit
from domain.contract import Version, cap_group, cap_rules, contents, line_named, line_policies
from domain.events.common import ContractLine, TimeAndMaterials
from domain.policies import NEXT_RULE
from domain.refusals import words_of
from domain.terms import methods
from domain.work.rows import COUNTED_TIME


def lines_after(of: Iterable[ContractLine], line_id: str, task: str | None) -> Iterator[ContractLine]:
    """Of a contract's lines those after one that take the same work at hourly rates, in its order."""
    lines = iter(of)
    first = next((line for line in lines if line.line_id == line_id), None)
    for line in lines:
        is_rated = isinstance(line.terms, TimeAndMaterials) and methods.takes(line, "time")
        takes_task = not line.tasks or task in line.tasks
        if is_rated and takes_task and first is not None and line.project_id == first.project_id:
            yield line


def refused_overflow(history: Sequence[Version], line_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Fields and what about them is not handled, in any version: what was priced by one may stand beside what is by another."""
    refused = []
    for line_id in line_ids:
        hard = list(_hard(history, line_id, None))
        if hard and passes_on(history, line_id):
            field = f"lines[{line_id}].policies"
            refused += [(field, words_of("overflow", what=what)) for what in _unfit(history, line_id, hard)]
    return refused


def passes_on(history: Sequence[Version], line_id: str) -> bool:
    """Whether any version of the line does."""
    lines = ((version, line_named(version.terms, line_id)) for version in history)
    return any(
        line is not None and line_policies(version.terms, line, version.defaults).overflow == NEXT_RULE
        for version, line in lines
    )


def _hard(history: Sequence[Version], line_id: str, content: str | None) -> Iterator[CapLimit]:
    rules = cap_rules(history, line_id, content)
    return (limit for rule in rules for limit in rule.limits if limit.hard)


def _unfit(history: Sequence[Version], line_id: str, hard: Sequence[CapLimit]) -> Iterator[str]:
    """What goes on is time over the line's own cap, of which as much is earned as is billed."""
    lines = (line_named(version.terms, line_id) for version in history)
    if any(line is not None and not isinstance(line.terms, TimeAndMaterials) for line in lines):
        yield "a line with a cap that is not time and materials"
    if any(list(_hard(history, line_id, content)) for content in contents(history, line_id) if content != COUNTED_TIME):
        yield "a cap that counts more than time"
    if len(cap_group(history, line_id)) > 1:
        yield "a line under a shared cap"
    if any(limit.split == "prorate" or limit.split_billing != limit.split for limit in hard):
        yield "a cap that is prorated, or split in another way for billing"
    if not all(limit.limits_revenue for limit in hard):
        yield "a cap that does not limit revenue"
