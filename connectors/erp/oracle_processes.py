"""Oracle's scheduled processes: which are not over, and what one of them has started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from connectors.erp.answers import Answer, NotJson, listed, member, text_of
from connectors.erp.oracle_rest import Fields

REQUESTS: Final = "/ess/rest/scheduler/v1/requests"
MOST_PROCESSES: Final = 500

# What is held may be released, so it is not over.
OPEN_STATES: Final = (
    "PENDING_VALIDATION", "WAIT", "READY", "RUNNING", "PAUSED", "BLOCKED", "HOLD", "COMPLETED", "CANCELLING", "ERROR_AUTO_RETRY"
)  # fmt: skip
ENDED_STATES: Final = frozenset(
    {
        "SUCCEEDED", "WARNING", "ERROR", "FAILED", "CANCELED", "CANCELLED", "EXPIRED", "FINISHED", "VALIDATION FAILED", "VALIDATION_FAILED",
        "ERROR_MANUAL_RECOVERY", "SCHEDULE_ENDED",
    }
)  # fmt: skip
_FIELDS: Final = "requestId,absParentRequestId,state,jobDefinitionId,requestParameters"
# Definitions of those that bring journals in: the load of a file, the import and its child.
_IMPORTING: Final = ("InterfaceLoader", "JournalImport")
_IMPORT_PATH: Final = "generalLedger/programs/common"


class Process(NamedTuple):
    """One that is not over. `root` is the one that started it, or itself; `values` are those of its parameters."""

    number: str
    root: str
    state: str
    definition: str
    values: tuple[str, ...]


class ErpProcess(NamedTuple):
    """A process as the details of the one above it show it; `path` is that of its definition."""

    number: str
    path: str
    state: str

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_STATES

    @property
    def is_import(self) -> bool:
        return _IMPORT_PATH in self.path


def open_ones(submitter: str | None) -> str:
    """Path and query of those that are not over, of everybody where nobody is named."""
    states = " or ".join(f'state eq "{each}"' for each in OPEN_STATES)
    query = f"({states})" if submitter is None else f'({states}) and submitter eq "{submitter}"'
    return f"{REQUESTS}?q={quote(query)}&fields={_FIELDS}&limit={MOST_PROCESSES}"


def importing(found: Sequence[Fields]) -> list[Process]:
    """Those that may bring journals; one that does not say what it is may."""
    processes = [
        Process(
            text_of(each.get("requestId")),
            text_of(each.get("absParentRequestId")),
            text_of(each.get("state")),
            text_of(each.get("jobDefinitionId")),
            tuple(text_of(member(parameter, "value")) for parameter in listed(each.get("requestParameters"))),
        )
        for each in found
    ]
    return [each for each in processes if not each.definition or any(name in each.definition for name in _IMPORTING)]


def jobs(found: Sequence[Fields]) -> list[ErpProcess] | None:
    """Of the details of a process, itself first; none where Fusion does not know it, None where they cannot be read."""
    stated = found[0].get("RequestStatus") if found else "{}"
    try:
        whole = Answer(200, {}, stated.encode() if isinstance(stated, str) else b"").json()
        return list(_descendants(member(whole, "JOBS")))
    except (NotJson, RecursionError):
        return None


def _descendants(found: object) -> Iterator[ErpProcess]:
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, dict):
            number, path, state = (text_of(each.get(name)) for name in ("REQUESTID", "JOBPATH", "STATUS"))
            yield ErpProcess(number, path, state.upper())
            yield from _descendants(each.get("CHILD"))
