"""With which of its released schemas each output is written: those that the log's genesis names, and from an activation
on those of the version of the rules.

So an old log gives the bytes that it gave, and what a release adds to an output comes with the rules that fill it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors.avro_codec import OUTPUT_CODECS, OutputCodec, output_versions, released_outputs
from schemas.frozen_rules import ROOT, edited, kept_lock
from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop
from state.rules import ACCOUNTING, RULES, begun_under, check_rules

FINGERPRINT_SHOWN: Final = 12


def output_bodies(genesis: Genesis, rules: int) -> dict[str, Callable[[Any], bytes]]:
    """As `state.batch.Encoders` asks for them. Raises GuardStop."""
    return {name: codec.encode_body for name, codec in output_codecs(genesis, rules).items()}


def output_codecs(genesis: Genesis, rules: int) -> dict[str, OutputCodec]:
    """By type. Raises GuardStop for schemas or rules that this release does not have."""
    check_rules({ACCOUNTING: rules})
    if rules == begun_under(genesis):
        return {name: _named(name, genesis.outputs.get(name)) for name in OUTPUT_CODECS}
    numbers = _numbers(rules)
    return {name: _numbered(name, numbers.get(name)) for name in OUTPUT_CODECS}


def frame_under(
    frame: Callable[[str, str, str | None], bytes], genesis: Genesis, topic: str, type_name: str, rules: int
) -> bytes:
    """What stands before a body that these rules make; `frame` knows it by the schema's fingerprint."""
    return frame(topic, type_name, output_codecs(genesis, rules)[type_name].fingerprint)


def todays_fingerprints() -> dict[str, str]:
    """For the genesis of a new log."""
    return {name: codec.fingerprint for name, codec in sorted(OUTPUT_CODECS.items())}


def check_files() -> None:
    """Raises GuardStop where a file of frozen rules is not as it was released."""
    for fault in edited(kept_lock(), ROOT):
        raise GuardStop(RULES_MISSING, f"{fault}. Where nobody works on the rules: install the release again")


def _numbers(rules: int) -> Mapping[str, int]:
    """None of them for the newest version while it is open: it writes with today's schemas."""
    versions = kept_lock().get(ACCOUNTING, {})
    if (found := versions.get(rules)) is not None:
        return found.outputs
    if rules == RULES[ACCOUNTING]:
        return {}
    raise GuardStop(
        RULES_MISSING,
        f"version {rules} of rule {ACCOUNTING} is not in rules.lock beside the code, so nobody knows what it writes; "
        "install the release whole",
    )


def _named(name: str, fingerprint: str | None) -> OutputCodec:
    """Where genesis does not name it, no output of the kind was there then."""
    found = OUTPUT_CODECS[name] if fingerprint is None else output_versions().get(fingerprint)
    if found is None:
        raise GuardStop(
            RULES_MISSING,
            f"the log was begun with a schema of {name} that this code does not have ({str(fingerprint)[:FINGERPRINT_SHOWN]}); "
            "run the release that has it",
        )
    return found


def _numbered(name: str, number: int | None) -> OutputCodec:
    return OUTPUT_CODECS[name] if number is None else output_versions()[released_outputs()[name][number].fingerprint]
