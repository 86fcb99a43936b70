"""How a command ends: a guard with its own code, a full disk as a guard, everything else as a failure in one sentence."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import typer

from connectors.files.no_outputs import NoOutputs
from connectors.files.output_lock import OutputInUse
from connectors.files.writing import IN_THE_WAY, way_out
from connectors.imports.refusals import ImportRefused
from connectors.model_faults import in_our_words
from milepost import exit_codes
from milepost.console import printable, say
from milepost.plain_words import PlainGroup
from milepost.wrong_settings import WrongSettings
from state.guards import LOG_DAMAGED, OUTPUT_UNWRITABLE, GuardStop

UNWRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, *IN_THE_WAY)


class TellingGroup(PlainGroup):
    """Ends with a message and a code instead of a traceback, unless `--debug` asks for one."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as fault:
            close_quietly()
            raise typer.Exit(exit_codes.READER_GONE) from fault
        except Exception as fault:
            if is_handled(fault) or ctx.params.get("debug"):
                if isinstance(fault, typer.BadParameter):
                    fault.message = printable(in_our_words(fault.message))
                raise
            code, message = ending_of(fault)
            say(message)
            raise typer.Exit(code) from fault


def is_handled(fault: Exception) -> bool:
    """Exits and wrong usage end in the command line's own way."""
    return type(fault).__module__.startswith("typer")


def close_quietly() -> None:
    """Nobody reads on; what is still to be written, also at the very end, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if not stream.isatty():
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def ending_of(fault: Exception) -> tuple[int, str]:
    """Exit code and message."""
    found = [ending for cause in causes(fault) if (ending := _known_ending(cause))]
    if found:
        return found[0]
    first = list(causes(fault))[-1]
    what = f"{type(first).__name__}: {first}"
    return exit_codes.FAILURE, f"milepost stopped: {what}\nWhat was committed stays. `milepost --debug ...` tells where"


def causes(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault and what it came from; the engine wraps what its steps raise. One that names itself as its cause comes once."""
    seen: set[int] = set()
    while fault is not None and id(fault) not in seen:
        seen.add(id(fault))
        yield fault
        fault = fault.__cause__


def _known_ending(fault: BaseException) -> tuple[int, str] | None:
    # Codec, store and clients are loaded by commands that need them; this module is loaded by all.
    from confluent_kafka import KafkaException
    from redis.exceptions import NoPermissionError

    from connectors.containers import ContainerDamaged
    from connectors.kafka.partitions import failed
    from state.store.store import StoreError

    match fault:
        case GuardStop():
            return fault.code, fault.message
        case KafkaException():
            return _known_ending(failed(fault))
        case WrongSettings() | NoOutputs() | ImportRefused():
            return exit_codes.USAGE, str(fault)
        case OutputInUse() | StoreError():
            return exit_codes.TRY_AGAIN, str(fault)
        case NoPermissionError():
            return exit_codes.FAILURE, f"Redis: {fault}. docs/views.md has the rights that each user needs"
        case ContainerDamaged():
            return LOG_DAMAGED, f"{fault}. docs/operations.md says how to make outputs again from the log"
        case OSError() if fault.errno in UNWRITABLE:
            where = f"{fault.filename}: " if fault.filename else ""
            return OUTPUT_UNWRITABLE, f"{where}{fault.strerror}. {way_out(fault)} and run again"
    return None
