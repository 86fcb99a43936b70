"""What an exit code of `milepost` says; scripts and schedulers rely on them."""

from collections.abc import Mapping
from textwrap import fill
from typing import Final

from milepost.console import HELP_WIDTH
from state import guards

DONE: Final = 0
FAILURE: Final = 1
USAGE: Final = 2
VIOLATION: Final = 3
TRY_AGAIN: Final = 75
INTERRUPTED: Final = 130
# What a shell reports of a program that a closed pipe ends.
READER_GONE: Final = 141

MEANINGS: Final[Mapping[int, str]] = {
    DONE: "everything is accounted for, also with open exceptions and dead letters",
    FAILURE: "it failed; the message says why",
    USAGE: "wrong usage: an option, an argument or a file that was named",
    VIOLATION: "verify found a violation, explain a figure that does not hold, log compare something to post, accounts check "
    "or deliver something without a place, period check or close something open that forbids it, or reconcile or ledger --against "
    "a difference",
    guards.INPUT_CHANGED: "guard: input that was read before has changed or is gone",
    guards.OUTPUT_UNWRITABLE: "guard: the output folder cannot be written, or the disk is full",
    guards.LOG_DAMAGED: "guard: the engagement log or an output file is damaged",
    guards.INTAKE_STATE_LOST: "guard: intake's state is lost or damaged",
    guards.OTHER_GENERATION: "guard: log, store and outputs are not of one generation",
    guards.LOG_MISSING: "guard: there is no engagement log",
    guards.INPUT_UNREADABLE: "guard: the input folder cannot be read",
    guards.OUTPUTS_DIFFER: "guard: the log now gives other outputs than were written",
    guards.RULES_MISSING: "guard: the log was kept under rules that this version does not have",
    guards.STORE_DAMAGED: "guard: the store is damaged again after it was rebuilt; the disk may be failing",
    guards.TOPIC_CHANGED: "guard: a topic was made again, cut off, or has another number of partitions",
    guards.PROGRESS_MISSING: "guard: there are outputs and no progress of the shard that wrote them",
    guards.HANGING_TRANSACTION: "guard: a transaction on the topics does not end",
    guards.TORN_OUTPUTS: "guard: outputs and progress on the topics do not agree",
    guards.FENCED: "guard: another process has taken over this shard, this ERP account or intake",
    guards.WRONG_TOPIC_SETTINGS: "guard: topics are missing or have settings that could lose or repeat records",
    guards.POISON: "guard: a record cannot be processed; the message names shard, offset and event",
    guards.BROKER_UNREACHABLE: "guard: the brokers do not answer",
    guards.SCHEMA_UNKNOWN: "guard: a schema is not registered, or the registry's ids have changed",
    guards.REGISTRY_UNREACHABLE: "guard: the registry does not answer, and no schema ids are kept from before",
    guards.REFUSED_BY_BROKER: "guard: the brokers refuse it: not allowed, too large, or not of their version",
    guards.CLOCKS_APART: "guard: the clocks of this machine and of the brokers do not agree, or have jumped",
    TRY_AGAIN: "another run is using the output folder, this one was stopped half-way, or an ERP was away; try again",
    INTERRUPTED: "stopped with Ctrl-C",
    READER_GONE: "the reader of the output stopped, such as `| head`",
}


def table() -> str:
    """The table that `milepost --help` shows."""
    return "\n".join(
        fill(meaning, HELP_WIDTH, initial_indent=f"{code:>5}  ", subsequent_indent=" " * 7, break_on_hyphens=False)
        for code, meaning in sorted(MEANINGS.items())
    )
