"""The accounting dataflow of one output folder, for Bytewax's own command.

    MILEPOST_OUTPUT=build/try/output python -m bytewax.run dataflows.accounting_files:get_flow
    python -m bytewax.run 'dataflows.accounting_files:get_flow("build/try/output")'

It folds what intake has written to the folder's engagement log and ends there, with the same bytes as `milepost run`.
"""

import atexit
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bytewax.dataflow import Dataflow

from connectors.files.engagement_log import EngagementLog
from connectors.files.output_lock import only_writer
from dataflows.accounting import build
from dataflows.embedded import STORE_SECONDS, close, open_accounting
from operators.accounting import AccountingTurn, CommittingSink, Faults, LogSource, Steps
from state.guards import LOG_MISSING, GuardStop
from state.rules import check_genesis

VARIABLE: Final = "MILEPOST_OUTPUT"


def get_flow(output: str | None = None) -> Dataflow:
    """The folder is this process's until it ends. A fault goes through the engine, which ends the process with it."""
    named = output or os.environ.get(VARIABLE)
    if not named:
        raise GuardStop(LOG_MISSING, f"{VARIABLE}: expected the output folder of `milepost run`, it is not set")
    folder = Path(named)
    held = ExitStack()
    atexit.register(held.close)
    log = held.enter_context(EngagementLog.open(folder))
    held.enter_context(only_writer(folder))
    check_genesis(log.genesis)
    accounting = open_accounting(folder, log.genesis)
    held.callback(close, accounting)
    steps = Steps([AccountingTurn(log, accounting.shard, accounting.outputs, STORE_SECONDS)], Faults())
    return build(LogSource(steps, more=lambda: False), steps.fold, CommittingSink(steps))
