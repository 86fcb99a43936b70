"""`milepost contract amend` and `sign`: terms of a contract, checked and seen in figures before anybody writes them."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import orjson
import typer

from milepost.console import say, shell_word, tell
from milepost.contract_form import TermsName, form
from milepost.days import day_option
from milepost.options import Approver, Reason, Yes
from milepost.recording import Recording, records, stated_reason
from milepost.tables import plain, show

if TYPE_CHECKING:
    from connectors.imports.contract_versions import TermsFault
    from dataflows.whatif import WhatIf
    from domain.events.commercial import ContractSigned
    from state.books import Contract
    from state.store.reader import StoreReader


FILE_NAME = "terms.toml"


class Treatment(StrEnum):
    SEPARATE = "separate"
    PROSPECTIVE = "prospective"
    CATCH_UP = "catch_up"


class TermsGiven(NamedTuple):
    """How the new terms are said: fields, a file, or neither, for the editor."""

    settings: Sequence[str]
    file: Path | None


# Long by its options: each is a parameter.
@records
def amend(
    recording: Recording,
    id_: Annotated[str, typer.Argument(metavar="CONTRACT", help="Id of a contract.")],
    effective_on: Annotated[date, day_option("--effective-on", "First day of the new terms.")],
    reason: Reason,
    approved_by: Approver,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Such as lines[0].terms.cap.amount=12000; may be repeated."),
    ] = None,
    terms: Annotated[
        Path | None, typer.Option("--file", help="The new terms as TOML. Without --file and --set they are edited.")
    ] = None,
    treatment: Annotated[
        Treatment,
        typer.Option("--treatment", help="How revenue follows: a contract of its own, what remains, all at once."),
    ] = Treatment.PROSPECTIVE,
    retroactive: Annotated[
        bool, typer.Option("--retroactive", help="New caps hold for work before that day too.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Amend a contract: its present terms, edited; what that would do; and, with a yes, the event that says so."""
    from dataflows.whatif import DAYS_ON_MAX
    from milepost.deciding import confirmed, other_person

    if set_ and terms is not None:
        raise typer.BadParameter("expected one of --set and --file, got both", param_hint="--file")
    other_person(approved_by, recording.who)
    first = recording.day(effective_on, "--effective-on", DAYS_ON_MAX)
    known = _known(recording, id_)
    version = _next_version(recording, known)
    with _text_kept(is_dry_run=recording.is_dry_run) as text:
        changed = _changed(known, TermsGiven(set_ or (), terms), text)
        if not changed:
            raise recording.done_before(f"The terms of contract {id_} are these already")
        event = recording.event(
            "ContractAmended",
            contract_id=id_,
            version=version,
            replaces_version=known.history[-1].version,
            effective_on=first,
            treatment=treatment.value,
            retroactive=retroactive or None,
            approved_by=approved_by,
            reason=stated_reason(reason),
            **changed,
        )
        if not recording.is_dry_run:
            tell_effects(effects_of(recording, event), json=recording.is_json)
            confirmed(f"Write the amendment of contract {id_}?", yes=yes)
        recording.send([event], "contract_id")


@contextmanager
def _text_kept(*, is_dry_run: bool) -> Iterator[Path]:
    """Where the terms are edited. The file goes when the amendment is written, or changes nothing; else it stays, and is named."""
    folder = Path(mkdtemp(prefix="milepost-amend-"))
    path = folder / FILE_NAME
    is_done = False
    try:
        yield path
        is_done = not is_dry_run
    except typer.Exit as ended:
        is_done = not ended.exit_code
        raise
    finally:
        if path.exists() and not is_done:
            say(f"The edited terms are kept. Give them again with --file {shell_word(path)}")
        else:
            rmtree(folder)


def _known(recording: Recording, contract_id: str) -> Contract:
    """As it stands. Raises BadParameter where there are no terms to amend."""
    from milepost.unknown_id import unknown_id

    with recording.books() as books:
        found: tuple[Contract, ...] = books.parts_with_id("contract", contract_id)
        known = frozenset(each.contract_id for each in books.parts(None, "contract")) if not found else frozenset[str]()
    if not found:
        raise unknown_id(recording.output, contract_id, "a contract", known, "milepost dump project.views", "CONTRACT")
    contract = found[0]
    if not contract.in_force:
        raise typer.BadParameter(
            f"contract {contract_id} is not in force{f': {contract.invalid}' if contract.invalid else ''}; sign it again, put right",
            param_hint="CONTRACT",
        )
    if contract.terminated_on is not None:
        raise typer.BadParameter(f"contract {contract_id} ended on {contract.terminated_on}", param_hint="CONTRACT")
    return contract


def _next_version(recording: Recording, known: Contract) -> int:
    """Raises BadParameter where an amendment is on its way: its terms are not the present ones yet."""
    from domain.events.commercial import ContractAmended

    last = max(known.version, *(each.version for each in known.waiting), 0)
    for event in recording.recorded:
        if isinstance(event, ContractAmended) and event.contract_id == known.contract_id and event.version > last:
            raise typer.BadParameter(
                f"version {event.version} of contract {known.contract_id} is recorded and waits for the next run. "
                "milepost run takes it in; then amend it",
                param_hint="CONTRACT",
            )
    return last + 1


def _changed(known: Contract, given: TermsGiven, text: Path) -> dict[str, object]:
    """The fields that differ, whole. Raises BadParameter where the terms are none, or take a field away."""
    from connectors.json_records import record_to_json
    from milepost.corrected import with_fields
    from milepost.terms_text import amendable, read, terms_of

    said = record_to_json(known.terms)
    before = terms_of(said)
    if given.settings:
        stated = {each.partition("=")[0].partition(".")[0].partition("[")[0] for each in given.settings}
        check_fields(stated, amendable(), "the terms", "--set")
        wanted = terms_of(with_fields(said, given.settings))
        return _differing(said, before, wanted, "--set")
    if given.file is not None:
        return _differing(said, before, read(text_of(given.file)))
    return _edited(known, said, before, text)


def check_fields(names: Iterable[str], known: Collection[str], whole: str, param: str) -> None:
    if odd := sorted(name for name in names if name not in known):
        raise typer.BadParameter(
            f"expected fields of {whole}, such as {', '.join(sorted(known))}; got {', '.join(odd)}", param_hint=param
        )


def text_of(path: Path, param: str = "--file") -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "expected UTF-8"
        raise typer.BadParameter(f"{path}: {reason}", param_hint=param) from fault


def _differing(
    said: Mapping[str, object], before: Mapping[str, object], wanted: Mapping[str, object], option: str = "--file"
) -> dict[str, object]:
    from connectors.decode_error import DecodeError
    from connectors.json_records import event_from_json, record_to_json
    from milepost.terms_text import amendable, terms_of

    gone = [name for name in before if name not in wanted]
    if gone:
        whole = "; a file states all terms, as the editor shows them" if option == "--file" else ""
        raise typer.BadParameter(
            f"{', '.join(gone)} cannot be taken away, only get another value{whole}", param_hint=option
        )
    check_fields(wanted, amendable(), "the terms", option)
    try:
        read_back = terms_of(record_to_json(event_from_json({**said, **wanted, "type": "ContractSigned"})))
    except DecodeError as fault:
        raise typer.BadParameter(f"{fault.field_path}: {fault.reason}", param_hint=option) from fault
    return {name: value for name, value in read_back.items() if value != before.get(name)}


def _edited(known: Contract, said: Mapping[str, object], before: Mapping[str, object], path: Path) -> dict[str, object]:
    """In the reader's editor, again until it can be read or somebody gives up."""
    from milepost.deciding import is_terminal
    from milepost.terms_text import read, written

    if not is_terminal():
        raise typer.BadParameter("expected --set or --file where no terminal is for an editor", param_hint="--set")
    head = (
        f"Contract {known.contract_id}, version {known.version}. Change what is new, save, and leave the editor.\n"
        "Without a change nothing is written. docs/events.md#contractamended says what else a field may be."
    )
    path.write_text(written(before, head), encoding="utf-8")
    while True:
        last = path.read_bytes()
        _edit(path)
        if not path.exists():
            path.write_bytes(last)
            raise typer.BadParameter("the editor left no file; nothing was written", param_hint="--set")
        try:
            return _differing(said, before, read(text_of(path)))
        except typer.BadParameter as fault:
            say(fault.message)
            typer.confirm("Edit it again?", default=True, abort=True, err=True)


def _edit(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 - the reader's own editor
    except OSError as fault:
        raise typer.BadParameter(
            f"the editor {editor} cannot be started: {fault.strerror}; set EDITOR, or use --set or --file",
            param_hint="--set",
        ) from fault
    if done.returncode:
        raise typer.BadParameter(
            f"the editor {editor} ended with {done.returncode}; nothing was written", param_hint="--set"
        )


def effects_of(recording: Recording, event: Mapping[str, object], param: str = "CONTRACT") -> WhatIf:
    """As the next event of the log. Raises BadParameter where it would be refused."""
    from dataflows.whatif import NoChange, UnreadableChange, what_if
    from dataflows.whatif_intake import ShardMissing
    from milepost.as_of import indexing

    with TemporaryDirectory(prefix="milepost-contract-") as folder:
        change = Path(folder) / "change.jsonl"
        change.write_bytes(orjson.dumps(event) + b"\n")
        try:
            with indexing() as progress:
                found = what_if(recording.output, change, None, progress, None)
        except (NoChange, UnreadableChange, ShardMissing) as fault:
            raise typer.BadParameter(str(fault), param_hint=param) from fault
    if found.refused:
        refused = found.refused[0]
        raise typer.BadParameter(f"it would be refused: {refused.category}: {refused.resolution}", param_hint=param)
    return found


def tell_effects(found: WhatIf, *, json: bool) -> None:
    """On stderr where stdout is for a machine."""
    from milepost.whatif_shown import head, tables

    if json:
        say("\n".join([*head(found), *(line for table in tables(found) for line in plain(table))]))
        return
    tell("\n".join(head(found)) + "\n")
    show(*tables(found))


SIGNED: Final = "ContractSigned"
PARAM: Final = "FILE"


def _print_form(kind: TermsName | None) -> None:
    if kind is not None:
        tell(form(kind).rstrip("\n"))
        raise typer.Exit


@records
def sign(
    recording: Recording,
    terms: Annotated[Path, typer.Argument(metavar=PARAM, help="The contract as TOML; --form begins one.")],
    _form: Annotated[
        TermsName | None,
        typer.Option(
            "--form",
            metavar="KIND",
            is_eager=True,
            callback=_print_form,
            help=f"Print a contract of such terms to fill in: {', '.join(TermsName)}.",
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Sign a contract: its terms from a file; what is wrong with them; what they would do; and, with a yes, the event that says so."""
    from milepost.deciding import confirmed
    from milepost.terms_text import read, signable

    stated = read(text_of(terms, PARAM), PARAM)
    check_fields(stated, signable(), "a contract", PARAM)
    contract_id = str(stated.get("contract_id") or "")
    event = recording.event(SIGNED, **{**stated, "version": 1})
    faults = [f"{fault.path}: {fault.reason}" for fault in faults_of(event)]
    if faults:
        raise typer.BadParameter(_listed(terms, faults), param_hint=PARAM)
    with recording.books() as books:
        event["version"] = _first_version(books, recording, contract_id)
        faults = list(_undefined(books, _signed(event)))
        for project_id in _unknown_projects(books, _signed(event)):
            say(
                f"Warning: project {project_id} is not known; what its line charges is billed all the same. "
                "Correct the id if it is mistyped, else send ProjectActivated"
            )
    if faults:
        raise typer.BadParameter(_listed(terms, faults), param_hint=PARAM)
    if not recording.is_dry_run:
        tell_effects(effects_of(recording, event, PARAM), json=recording.is_json)
        confirmed(f"Write contract {contract_id}?", yes=yes)
    recording.send([event], "contract_id")


def _listed(file: Path, faults: list[str]) -> str:
    return f"{file}: " + "; ".join(faults)


def faults_of(event: Mapping[str, object]) -> Iterator[TermsFault]:
    """What the schemas and a run would say of it: the first fault of the contract and of each of its lines, else all contradictions."""
    from connectors.imports.checked import fault_of
    from connectors.imports.contract_versions import TermsFault, contradictions_of

    lines = event.get("lines")
    one_by_one = [[each] for each in lines] if isinstance(lines, list) and len(lines) > 1 else [lines]
    found = {}
    for place, own in enumerate(one_by_one):
        wrong = fault_of({**event, "lines": own} if own is not None else event)
        if wrong is not None:
            path = wrong.field_path.replace("lines[0]", f"lines[{place}]", 1)
            found[path] = TermsFault(path, wrong.reason)
    if found:
        yield from found.values()
        return
    for fault in contradictions_of(_signed(event), None):
        yield fault._replace(reason=fault.reason.removeprefix(f"{fault.path}: "))


def _signed(event: Mapping[str, object]) -> ContractSigned:
    from connectors.json_records import event_from_json
    from domain.events.commercial import ContractSigned

    terms = event_from_json(dict(event))
    assert isinstance(terms, ContractSigned), "it has the type"
    return terms


def _first_version(books: StoreReader, recording: Recording, contract_id: str) -> int:
    """Raises BadParameter where the contract is signed already: it can be amended."""
    from domain.events.commercial import ContractSigned

    for known in books.parts_with_id("contract", contract_id):
        if known.in_force:
            raise typer.BadParameter(
                f"contract_id: contract {contract_id} is signed already, version {known.version}. To change it: "
                f"milepost contract amend {contract_id} --file, with the fields that change",
                param_hint=PARAM,
            )
    of = [each for each in recording.recorded if isinstance(each, ContractSigned) and each.contract_id == contract_id]
    versions = [known.version for known in books.parts_with_id("contract", contract_id)]
    waiting = [each.version for each in of if each.version > max(versions, default=0)]
    if waiting:
        raise typer.BadParameter(
            f"contract_id: version {max(waiting)} of contract {contract_id} is recorded and waits for the next run. "
            "milepost run takes it in",
            param_hint=PARAM,
        )
    return max(versions, default=0) + 1


def _undefined(books: StoreReader, terms: ContractSigned) -> Iterator[str]:
    """The company and the customers that are not defined."""
    from connectors.files.lookup import hint
    from dataflows.books_read import reference_book
    from domain.billing.parties import undefined

    book = reference_book(books, "LegalEntityDefined", "CustomerDefined")
    for one in undefined(book, terms):
        known = frozenset(book.entities if one.kind == "entity" else book.customers)
        yield f"{one.field}: {one.message}{hint(one.id, known)}"


def _unknown_projects(books: StoreReader, terms: ContractSigned) -> list[str]:
    known = {each.project_id for each in books.parts(None, "project") if each.activated is not None}
    return sorted({line.project_id for line in terms.lines} - known)
