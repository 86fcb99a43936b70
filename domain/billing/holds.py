"""What a billing hold keeps off statements: what it names, or what only payers that it names would be billed."""

from collections.abc import Iterable, Set

from domain.work.rows import TIME_ENTRY, named, origin

ENTRY, BILL_TO, CONTRACT, LINE, PROJECT = "entry", "bill_to", "contract", "line", "project"
# What holds name: its kind and its id.
Scope = tuple[str, str]


def places(contract_id: str, line_id: str, projects: Iterable[str]) -> set[Scope]:
    """Of an entry that a contract line bills: in which project it is billed, and in which it was worked."""
    return {(CONTRACT, contract_id), (LINE, line_id), *((PROJECT, project_id) for project_id in projects)}


def projects_of(billed_in: str, worked_in: str, *, stands_there: bool) -> tuple[str, str]:
    """Where the line bills the entry, and where it was worked for it. What a line gives back of work that stands on another by now was not
    worked where that is."""
    return billed_in, worked_in if stands_there else billed_in


def entry_scopes(row: str) -> set[Scope]:
    """How holds may name an entry, a part of it by the whole. Time has its own id, and what is no time its kind before it; the id alone
    means an expense only where no time has it."""
    whole = origin(row)
    kind, fact_id = named(whole)
    return {(ENTRY, whole), (ENTRY, f"{TIME_ENTRY}/{fact_id}" if kind == TIME_ENTRY else fact_id)}


def keeps_back(held: Set[Scope], names: Set[Scope], payers: Iterable[str]) -> bool:
    """Whether holds that are placed cover it."""
    return not held.isdisjoint(names) or all((BILL_TO, payer) in held for payer in payers)
