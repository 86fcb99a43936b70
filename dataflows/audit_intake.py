"""What a run knows beside log and outputs: the log's genesis, its rounds, what intake remembers, and the pages of the store.

All of it follows from the log or says how the log came about, so that one of them alone cannot be changed unnoticed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from connectors.avro_codec import OUTPUT_CODECS, output_versions
from connectors.files import rounds
from connectors.files.engagement_log import EngagementLog
from connectors.files.input_files import KnownFile
from connectors.files.intake_store import IntakeStore
from connectors.files.rebuilt import STORE as INTAKE_DB
from connectors.files.rounds import InputRound
from connectors.telling import Tell
from dataflows.whatif_folder import copy_database
from dataflows.whatif_intake import known_from_log
from domain.audit.findings import GENESIS, INTAKE, STORE, Checked, Violation
from state import genesis
from state.genesis import Genesis
from state.guards import GuardStop
from state.rules import RULES
from state.store.page_sums import PageSums
from state.store.snapshot import Damaged

# What leads from an id to its one engagement, and is all in the log; with the words for a row of it. Contracts and those who pay them
# may be in several, of which the log says less.
LEARNED = {
    "links WHERE kind = 'project'": "{0} {1} of engagement {2}",
    "entries": "entry {0} of engagement {1}",
    "identities": "{1} {2} of source {0}, which is {3}",
}


def genesis_holds(folder: Path, found: Genesis, generation: str, shard: int) -> Checked:
    """What stands at the head of the log: names that there are, and the log that progress and rounds speak of."""
    wrong = list(_wrong_names(found))
    if (found.generation, found.partition) != (generation, shard):
        wrong.append(
            _of_head("generation and shard", f"{generation}, {shard}", f"{found.generation}, {found.partition}")
        )
    first = next(iter(_rounds(folder)), None)
    if first is not None and first.genesis is not None and first.genesis != genesis.to_json(found):
        wrong.append(_of_head(rounds.NAME, "the genesis of the log", first.genesis))
    return Checked(GENESIS, 1 + len(found.rules) + len(found.outputs), tuple(wrong))


def _rounds(folder: Path) -> list[InputRound]:
    """None where they cannot be read, which `intake_agrees` says."""
    try:
        return rounds.read_rounds(folder)
    except GuardStop:
        return []


def _wrong_names(found: Genesis) -> Iterator[Violation]:
    for rule, version in found.rules.items():
        if not 1 <= version <= RULES.get(rule, 0):
            yield _of_head(f"rule {rule}", f"a version of {', '.join(sorted(RULES))}", str(version))
    versions = output_versions()
    for name, fingerprint in found.outputs.items():
        known = versions.get(fingerprint)
        if known is None or known.name != name:
            what = "an unknown schema" if known is None else f"that of {known.name}"
            yield _of_head(f"schema of {name}", "one of an output that there is", f"{what}, {fingerprint}")
    for name in sorted(OUTPUT_CODECS.keys() - found.outputs.keys()) if found.outputs else ():
        yield _of_head(f"schema of {name}", "the schema that it was written with", "nothing")


def _of_head(subject: str, expected: str, found: str) -> Violation:
    return Violation(GENESIS, "", None, f"genesis of the log: {subject}", expected, found)


def pages_hold(path: Path) -> Checked:
    """The store's pages are those that were written, also where no row of theirs is read."""
    if not path.exists():
        return Checked(STORE, 0, ())
    try:
        PageSums(path)
    except Damaged as fault:
        return Checked(STORE, 1, (Violation(STORE, "", None, str(path), "the pages that were written", str(fault)),))
    return Checked(STORE, 1, ())


def intake_agrees(folder: Path, log: EngagementLog, scratch: Path, tell: Tell, *, learn: bool) -> Checked:
    """Rounds and intake's memory beside the log. `learn` makes the memory again from the log and compares what leads to engagements."""
    path = folder / INTAKE_DB
    try:
        found = rounds.read_rounds(folder)
    except GuardStop as fault:
        return Checked(INTAKE, 1, (_wrong(rounds.NAME, "rounds that can be read", fault.message),))
    if not path.exists():
        return Checked(INTAKE, len(found), ())
    copy_database(path, scratch / INTAKE_DB)
    try:
        with closing(IntakeStore(scratch / INTAKE_DB)) as memory:
            wrong = [*_rotten(scratch / INTAKE_DB), *_differences(found, memory, log)]
        if learn and not wrong:
            known_from_log(scratch / "learned.db", [log], tell)
            wrong += _unlearned(scratch / INTAKE_DB, scratch / "learned.db")
    except (GuardStop, sqlite3.DatabaseError) as fault:
        wrong = [_wrong(INTAKE_DB, "a memory of intake that can be read", str(fault))]
    return Checked(INTAKE, len(found) + 1, tuple(wrong))


def _rotten(path: Path) -> Iterator[Violation]:
    with closing(sqlite3.connect(path)) as db:
        for (said,) in db.execute("PRAGMA quick_check(3)"):
            if said != "ok":
                yield _wrong(INTAKE_DB, "pages that fit together", said)


def _differences(found: list[InputRound], memory: IntakeStore, log: EngagementLog) -> Iterator[Violation]:
    progress = memory.progress()
    if progress is None:
        if log.end:
            yield _wrong(INTAKE_DB, f"intake at record {log.end} of the log", "intake that has read nothing")
        return
    if progress.round != len(found):
        yield _wrong(rounds.NAME, f"{progress.round} rounds, which intake has read", f"{len(found)} rounds")
    if progress.log.offset != log.end:
        yield _wrong(INTAKE_DB, f"intake at record {log.end} of the log", f"at record {progress.log.offset}")
    last = {file.name: (file.length, file.digest) for each in found[: progress.round] for file in each.files}
    files: dict[str, KnownFile] = memory.files()
    for name in sorted(last.keys() | files.keys()):
        known = files.get(name)
        read = (known.fingerprint.length, known.fingerprint.digest.hex()) if known is not None else None
        if last.get(name) != read:
            yield _wrong(rounds.NAME, f"{name} as intake has read it, {_bytes(read)}", _bytes(last.get(name)))


def _bytes(read: tuple[int, str] | None) -> str:
    return "not at all" if read is None else f"{read[0]:,} bytes with digest {read[1]}"


def _unlearned(path: Path, again: Path) -> Iterator[Violation]:
    with closing(sqlite3.connect(path)) as db:
        db.execute("ATTACH ? AS again", (str(again),))
        for table, words in LEARNED.items():
            for there, other, is_there in (("main", "again", True), ("again", "main", False)):
                statement = f"SELECT * FROM {there}.{table} EXCEPT SELECT * FROM {other}.{table} LIMIT 3"  # noqa: S608 - names of ours
                for row in db.execute(statement):
                    told = words.format(*row)
                    yield _wrong(INTAKE_DB, *(("what the log says", told) if is_there else (told, "nothing of it")))


def _wrong(subject: str, expected: str, found: str) -> Violation:
    return Violation(INTAKE, "", None, subject, expected, found)
