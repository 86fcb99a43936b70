"""`milepost contract sign`: a new contract from a TOML file, checked and seen in figures before anybody writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from milepost.commands.contract import check_fields, effects_of, tell_effects, text_of
from milepost.console import say, tell
from milepost.contract_form import TermsName, form
from milepost.options import Yes
from milepost.recording import Recording, records

if TYPE_CHECKING:
    from connectors.imports.contract_versions import TermsFault
    from domain.events.commercial import ContractSigned
    from state.store.reader import StoreReader

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
        event["version"] = _next_version(books, recording, contract_id)
        faults = list(_undefined(books, _signed(event)))
        for project_id in _unknown_projects(books, _signed(event)):
            say(f"Warning: project {project_id} is not known; its line waits until ProjectActivated comes")
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


def _next_version(books: StoreReader, recording: Recording, contract_id: str) -> int:
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
