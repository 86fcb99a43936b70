"""Contracts: signed, amended in version order, terminated. Terms that contradict or are not handled post nothing.

An amendment over a gap waits; one without an approver changes nothing and is superseded by the next. What comes after a higher version
counts in its place (`state.terms.sequence`), or an exception says why it cannot.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.billing.parties import undefined
from domain.billing.periods import period_of
from domain.billing.shares import parties_of, several_pay
from domain.contract import BEGINNING, amend, line_policies
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import ContractLine
from domain.exceptions import UNKNOWN, ExceptionCategory
from domain.identity import composed
from domain.policies import agreed
from domain.refusals import UNSUPPORTED, of_contract, of_line
from domain.terms import methods
from state.billing.refusal import TermsRefused, refused_treatment, terms_refused
from state.books import Contract, Project, TermsVersion
from state.charges.unplaced import note_unplaced
from state.draft import Draft
from state.handlers import deliveries
from state.rerating.outside import list_outside
from state.rerating.rerate import line_ids, rerate_contract
from state.rerating.versions import leave_line, retry_parked
from state.revenue import fees
from state.statements.cut import note_unpaid, serve_waiting
from state.terms.periods import schedule
from state.terms.plan import billing_cycle, contract_policies, terms_on
from state.terms.sequence import (
    TermsEvent,
    below_newest_terms,
    below_signing,
    contradicts,
    gaps,
    is_highest,
    is_reached,
    is_seen,
    newest_terms,
    supersedes_seen,
    terms_below,
    version_of_terms,
    with_version,
)
from state.work.placing import taken_projects

# Why terms were never in force; a reference that is missing is another matter.
REFUSED: Final[tuple[ExceptionCategory, ...]] = ("invalid_terms", UNSUPPORTED)
NOT_IN_FORCE: Final = (*REFUSED, UNKNOWN)
# Why an amendment changes nothing: nobody has approved it, or who asked for it.
UNAPPROVED: Final[tuple[ExceptionCategory, ...]] = ("unapproved_amendment", "self_approved")


def on_contract_signed(draft: Draft, event: ContractSigned) -> None:
    stated, event = event.lines, event._replace(lines=own_lines(draft, event.lines))
    base = draft.contract(event.contract_id) or Contract(event.contract_id, 0, "")
    if not _is_unseen(draft, base, event) or below_signing(base, event):
        return
    if below_newest_terms(base, event):
        _refuse_late(draft, base, event)
        return
    seen = with_version(base, event)
    if base.in_force and (fixed := _fixed(base, event)):
        draft.put("contract", event.contract_id, seen)
        _refuse_fixed(draft, event, fixed)
        return
    signed = replace(
        seen,
        history=(TermsVersion(event.version, BEGINNING, False, event),),
        waiting=tuple(waiting for waiting in base.waiting if waiting.version > event.version),
        invalid=None,
        former=_former(base, event),
        divided=base.divided or event.lines != stated,
    )
    _apply(draft, _ended_before(draft, signed), base, None)
    _apply_waiting(draft, event.contract_id)


def own_lines(draft: Draft, lines: tuple[ContractLine, ...]) -> tuple[ContractLine, ...]:
    """Of a contract over several engagements each takes the lines of its own projects; a cap that names another's is `invalid_terms`."""
    return lines if draft.own is None else tuple(line for line in lines if line.project_id in draft.own)


def _former(base: Contract, event: ContractSigned) -> tuple[TermsVersion, ...]:
    """Terms of the contract until now that have a line which the signing does not have, or by which several paid otherwise what may be
    billed."""
    known, parties = {line.line_id for line in event.lines}, parties_of(event)
    until_now = (*base.former, *(base.history if base.in_force else ()))
    return tuple(
        stored
        for stored in until_now
        if any(line.line_id not in known for line in stored.terms.lines)
        or (base.sequences and several_pay(stored.terms) and parties_of(stored.terms) != parties)
    )


def on_contract_amended(draft: Draft, event: ContractAmended) -> None:
    stated = event.lines
    if stated is not None:
        event = event._replace(lines=own_lines(draft, stated))
    contract = draft.contract(event.contract_id) or Contract(event.contract_id, 0, "")
    if event.lines != stated:
        contract = replace(contract, divided=True)
    if not _is_unseen(draft, contract, event) or below_signing(contract, event):
        return
    if below_newest_terms(contract, event):
        _refuse_late(draft, contract, event)
    elif not _is_due(contract, event) or _lacks(draft, contract, event):
        _wait(draft, contract, event)
    else:
        _amend(draft, contract, event)
        _apply_waiting(draft, event.contract_id)


def on_contract_terminated(draft: Draft, event: ContractTerminated) -> None:
    """One that comes before its contract waits for it."""
    contract = draft.contract(event.contract_id) or Contract(event.contract_id, 0, "")
    if not _is_unseen(draft, contract, event):
        return
    if not contract.history:
        _end_later(draft, contract, event)
        draft.raise_exception(
            "unknown_reference",
            "contract_ending",
            event.contract_id,
            f"contract {event.contract_id} is terminated before it is known",
            contract_id=event.contract_id,
        )
    else:
        _end(draft, contract, event)


def _end_later(draft: Draft, contract: Contract, event: ContractTerminated) -> None:
    """Of several that wait that of the highest version; the others are seen."""
    waits = contract.ending
    if waits is None:
        draft.put("contract", event.contract_id, replace(contract, ending=event))
    else:
        below, ending = (waits, event) if event.version > waits.version else (event, waits)
        draft.put("contract", event.contract_id, replace(with_version(contract, below), ending=ending))


def _end(draft: Draft, contract: Contract, event: ContractTerminated) -> None:
    """Of two terminations that of the higher version counts."""
    ended = _with_end(contract, event)
    draft.put("contract", event.contract_id, ended)
    if event.version < max(ended.terminations):
        _apply_waiting(draft, event.contract_id)
        return
    fees.settle(draft, ended)
    list_outside(draft, ended)
    note_unplaced(draft)
    retry_parked(draft)
    _apply_waiting(draft, event.contract_id)


def _with_end(contract: Contract, event: ContractTerminated) -> Contract:
    seen = with_version(contract, event)
    return seen if event.version < max(seen.terminations) else replace(seen, terminated_on=event.effective_on)


def _ended_before(draft: Draft, contract: Contract) -> Contract:
    """A termination that came before the contract holds from its beginning: what waited for the contract is judged by both."""
    ending = contract.ending
    if ending is None:
        return contract
    draft.resolve_exception("unknown_reference", "contract_ending", contract.contract_id)
    contract = replace(contract, ending=None)
    return contract if is_seen(contract, ending) else _with_end(contract, ending)


def on_reference_for_contracts(draft: Draft, contract_ids: Iterable[str]) -> None:
    """A record that contracts or amendments wait for has come; the work that waits for them is posted once, when all are in force."""
    known = [contract for contract_id in contract_ids if (contract := draft.contract(contract_id)) is not None]
    # Its company or customer was not known: what came for it meanwhile is judged in the order of its versions.
    waited = [contract for contract in known if contract.invalid == UNKNOWN]
    applied = [one for one in waited if _take_into_force(draft, replace(one, invalid=None), one, None)]
    for contract in known:
        _apply_waiting(draft, contract.contract_id)
    if applied:
        retry_parked(draft)
    for contract in applied:
        serve_waiting(draft, contract.contract_id)


# Versions


def _is_unseen(draft: Draft, contract: Contract, event: TermsEvent) -> bool:
    """Whether the version comes for the first time; the same one with other content is a conflict."""
    if not is_seen(contract, event):
        if is_highest(contract, event):
            draft.resolve_exception("conflicting_version", "contract", event.contract_id, "superseded")
        return True
    if contradicts(contract, event):
        draft.raise_exception(
            "conflicting_version",
            "contract",
            event.contract_id,
            f"version {event.version} of contract {event.contract_id} came twice with different content; the first one stands",
            contract_id=event.contract_id,
        )
    return False


def _refuse_late(draft: Draft, contract: Contract, event: ContractSigned | ContractAmended) -> None:
    newest, seen = newest_terms(contract), with_version(contract, event)
    draft.put("contract", event.contract_id, seen)
    _apply_waiting(draft, event.contract_id)
    _say_late(draft, draft.contract(event.contract_id) or seen, event, newest)


def _say_late(draft: Draft, contract: Contract, event: ContractSigned | ContractAmended, newest: int) -> None:
    """Once all that waited applied: a valid version closes what was said of those before it."""
    if isinstance(event, ContractAmended) and _why_unapproved(event) is not None:
        return
    contract_id = event.contract_id
    draft.raise_exception(
        "invalid_terms",
        "contract_version",
        composed(contract_id, str(event.version)),
        f"version {event.version} of contract {contract_id} changes nothing: expected before version {newest}, which was made "
        f"without it, got after it; state what still holds of it in an amendment with a version above {contract.version}",
        contract_id=contract_id,
        field="version",
    )


def _wait(draft: Draft, contract: Contract, event: ContractAmended) -> None:
    """Until the version that it replaces is known, the company of the contract, and everyone it bills."""
    waiting = tuple(sorted((*contract.waiting, event), key=lambda amendment: amendment.version))
    waits = replace(contract, waiting=waiting)
    draft.put("contract", event.contract_id, waits)
    _note_lacking(draft, event.contract_id)
    missing = gaps(waits)
    if contract.history and not missing:
        draft.resolve_exception("amendment_gap", "contract", event.contract_id)
    if contract.history and event.version not in missing:
        return
    draft.raise_exception(
        "amendment_gap",
        "contract",
        event.contract_id,
        f"amendment {event.version} replaces version {_replaced(contract, event)}, known is {terms_below(contract, event) or 'none'}",
        contract_id=event.contract_id,
    )


def _replaced(contract: Contract, event: ContractAmended) -> str:
    """As the amendment states it; of a termination with the version whose terms it left."""
    stated, terms = event.replaces_version, version_of_terms(contract, event)
    return str(stated) if stated == terms else f"{stated}, a termination, and so the terms of version {terms}"


def _apply_waiting(draft: Draft, contract_id: str) -> None:
    contract = draft.contract(contract_id)
    waited = contract is not None and _may_go_on(draft, contract)
    late: list[tuple[ContractAmended, int]] = []
    while contract is not None and _may_go_on(draft, contract):
        event = _next(contract)
        assert event is not None, "it may go on"
        contract = replace(contract, waiting=tuple(one for one in contract.waiting if one is not event))
        if below_newest_terms(contract, event):
            if not is_reached(contract, event):  # one that waited for a customer alone a higher one takes back
                late.append((event, newest_terms(contract)))
            draft.put("contract", contract_id, with_version(contract, event))
        else:
            draft.put("contract", contract_id, contract)
            _amend(draft, contract, event)
        contract = draft.contract(contract_id)
    if contract is not None and not contract.waiting:
        draft.resolve_exception("amendment_gap", "contract", contract_id)
    _note_lacking(draft, contract_id)
    if waited:
        retry_parked(draft)
        serve_waiting(draft, contract_id)
    if contract is not None:
        for event, newest in late:
            _say_late(draft, contract, event, newest)


def _may_go_on(draft: Draft, contract: Contract) -> bool:
    """Whether an amendment that waited may apply now."""
    event = _next(contract)
    return event is not None and not _lacks(draft, contract, event)


def _next(contract: Contract) -> ContractAmended | None:
    return next((event for event in contract.waiting if _is_due(contract, event)), None)


def _is_due(contract: Contract, event: ContractAmended) -> bool:
    """Whether what comes before the amendment is known, or can come no more."""
    if not contract.history or contract.invalid == UNKNOWN:
        return False
    return is_reached(contract, event) or below_newest_terms(contract, event)


def _lacks(draft: Draft, contract: Contract, event: ContractAmended) -> bool:
    """Whether an approved amendment bills customers that nobody has defined."""
    if below_newest_terms(contract, event) or _why_unapproved(event) is not None:
        return False
    return bool(undefined(draft.reference, amend(contract.terms, event)))


def _note_lacking(draft: Draft, contract_id: str) -> None:
    """What the amendment that comes next waits for."""
    contract = draft.contract(contract_id)
    event = _next(contract) if contract is not None else None
    if contract is not None and event is not None and _lacks(draft, contract, event):
        _wait_for_references(draft, contract, amend(contract.terms, event), f"amendment {event.version} of ")


# Companies and customers that terms name


def _wait_for_references(draft: Draft, contract: Contract, terms: ContractSigned, first: str = "") -> None:
    """The exception says what is missing still; each record that comes wakes the contract."""
    contract_id = contract.contract_id
    missing = undefined(draft.reference, terms)
    draft.waits_added |= {(one.kind, one.id, f"contract:{contract_id}") for one in missing}
    message = f"{first}contract {contract_id} waits: {'; '.join(f'{one.field}: {one.message}' for one in missing)}"
    draft.raise_exception(
        UNKNOWN, "contract", contract_id, message, contract_id=contract_id, field=missing[0].field, revises=True
    )


def _amend(draft: Draft, contract: Contract, event: ContractAmended) -> None:
    if supersedes_seen(contract, event):
        contract = _superseded(draft, contract)
    seen = with_version(contract, event)
    why = _why_unapproved(event)
    if why is not None:
        category = UNAPPROVED[event.approved_by is not None]
        draft.put("contract", event.contract_id, replace(seen, unapproved=category))
        draft.raise_exception(
            category,
            "contract",
            event.contract_id,
            f"amendment {event.version} of contract {event.contract_id} changes nothing: {why}",
            contract_id=event.contract_id,
            field="approved_by",
        )
        return
    if contract.invalid not in REFUSED and (fixed := _fixed(contract, event)):
        draft.put("contract", event.contract_id, seen)
        _refuse_fixed(draft, event, fixed)
        return
    amended = amend(contract.terms, event)
    if contract.invalid not in REFUSED and (why := refused_treatment(contract, event, amended)):
        _refuse_treatment(draft, seen, why)
        return
    terms = TermsVersion(
        event.version,
        event.effective_on,
        event.retroactive,
        amended,
        catches_up=event.treatment == "catch_up",
        separate=event.treatment == "separate",
        amends=True,
    )
    if contract.invalid in REFUSED:  # nothing was ever in force: the terms as amended are the first
        first = replace(seen, invalid=None, history=(replace(terms, effective_on=BEGINNING),))
        _apply(draft, first, contract, None)
        return
    newer = replace(seen, history=(*contract.history, terms))
    _apply(draft, newer, contract, event.effective_on)


def _why_unapproved(event: ContractAmended) -> str | None:
    if event.approved_by is None:
        return "nobody has approved it"
    return f"{event.approved_by} asked for it and approved it" if event.approved_by == event.requested_by else None


def _fixed(contract: Contract, event: ContractSigned | ContractAmended) -> list[str]:
    """What a later version states otherwise although it cannot change."""
    return [
        name
        for name in ("currency", "customer_id", "legal_entity_id")
        if getattr(event, name) not in (None, getattr(contract.terms, name))
    ]


def _refuse_fixed(draft: Draft, event: ContractSigned | ContractAmended, fixed: list[str]) -> None:
    draft.raise_exception(
        "invalid_terms",
        "contract_version",
        composed(event.contract_id, str(event.version)),
        f"version {event.version} of contract {event.contract_id}: {', '.join(fixed)} cannot change; sign a new contract",
        contract_id=event.contract_id,
        field=fixed[0],
    )


def _refuse_treatment(draft: Draft, contract: Contract, why: str) -> None:
    """What was in force stays in force."""
    contract_id = contract.contract_id
    draft.put("contract", contract_id, contract)
    message = f"contract {contract_id}: {of_contract([why])}"
    draft.raise_exception(UNSUPPORTED, "contract", contract_id, message, contract_id=contract_id, field="treatment")


def _settle_refused(draft: Draft, contract_id: str) -> None:
    """A valid version ends what was said of those before it."""
    for exception_id in draft.ids("exception"):
        said = draft.part("exception", exception_id)
        if said.category == "invalid_terms" and said.contract_id == contract_id:
            draft.resolve_exception(said.category, said.subject_kind, said.subject_id)


def _superseded(draft: Draft, contract: Contract) -> Contract:
    """The contract without amendments that nobody approved, or their own requester: a late one has an exception beside a higher one's."""
    if contract.unapproved is None:
        return contract
    for category in UNAPPROVED:
        draft.resolve_exception(category, "contract", contract.contract_id, "superseded")
    return replace(contract, unapproved=None)


# What new terms do


def _apply(draft: Draft, contract: Contract, before: Contract, since: date | None) -> None:
    """Take the newest terms into force, or refuse them by name and keep what was in force (`before`)."""
    if _take_into_force(draft, contract, before, since) and not _may_go_on(draft, contract):
        retry_parked(draft)
        serve_waiting(draft, contract.contract_id)


def _take_into_force(draft: Draft, contract: Contract, before: Contract, since: date | None) -> bool:
    """Whether the terms are in force now; what waits for them is still to be retried."""
    contract_id = contract.contract_id
    contract = _with_defaults(draft, contract)
    refused = _missing(draft, contract, before) or terms_refused(draft, contract)
    for category in NOT_IN_FORCE:
        if refused is None or refused.category != category:
            draft.resolve_exception(category, "contract", contract_id)
    if refused is not None:
        _refuse(draft, contract, before, refused)
        return False
    _settle_refused(draft, contract_id)
    _note_refused_lines(draft, contract)
    draft.put("contract", contract_id, contract)
    _bind_projects(draft, contract)
    draft.put("contract", contract_id, _scheduled(draft, contract, before))
    leave_line(draft, contract, since)
    rerate_contract(draft, contract, since)
    in_force = draft.contract_in_books(contract_id)
    fees.settle(draft, in_force)
    list_outside(draft, contract)
    note_unplaced(draft)
    deliveries.serve_waiting(draft)
    note_unpaid(draft, in_force)
    return True


def _with_defaults(draft: Draft, contract: Contract) -> Contract:
    """What new terms leave open of what is agreed the entity says, as it is now; terms taken before keep what it said then."""
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    if entity is None:
        return contract
    defaults = agreed(entity.policies)
    history = (
        stored if stored.defaults is not None else replace(stored, defaults=defaults) for stored in contract.history
    )
    return replace(contract, history=tuple(history))


def _refuse(draft: Draft, contract: Contract, before: Contract, refused: TermsRefused) -> None:
    contract_id = contract.contract_id
    kept = (
        replace(contract, history=before.history, former=before.former)
        if before.in_force
        else replace(contract, invalid=refused.category)
    )
    draft.put("contract", contract_id, kept)
    _bind_projects(draft, kept)
    if refused.category == UNKNOWN:
        _wait_for_references(draft, contract, contract.terms)
        return
    message = f"contract {contract_id}: {refused.message}"
    draft.raise_exception(
        refused.category, "contract", contract_id, message, contract_id=contract_id, field=refused.field
    )


def _missing(draft: Draft, contract: Contract, before: Contract) -> TermsRefused | None:
    """A company or a customer that is not defined: terms wait for them, but a second signing, which would be over before they come."""
    found = undefined(draft.reference, contract.terms)
    if not found:
        return None
    message = "; ".join(f"{one.field}: {one.message}" for one in found)
    return TermsRefused("invalid_terms" if before.in_force else UNKNOWN, found[0].field, message)


def _note_refused_lines(draft: Draft, contract: Contract) -> None:
    terms = contract.terms
    defaults = contract.history[-1].defaults
    refused = {
        line.line_id: why
        for line in terms.lines
        if (why := methods.refused_line(line, line_policies(terms, line, defaults), terms.lines)) is not None
    }
    for line_id in line_ids(contract):
        subject = composed(contract.contract_id, line_id)
        if line_id in refused:
            draft.raise_exception(
                UNSUPPORTED,
                "contract_line",
                subject,
                of_line(line_id, refused[line_id][1]),
                contract_id=contract.contract_id,
                field=refused[line_id][0],
            )
        else:
            draft.resolve_exception(UNSUPPORTED, "contract_line", subject)


def _bind_projects(draft: Draft, contract: Contract) -> None:
    """Index the contract by the projects that any version of it names, and tell these their zone."""
    taken = dict(taken_projects(draft))
    projects = {line.project_id for line in contract.every_line}
    for project_id in sorted(projects):
        known = taken.get(project_id, ())
        if contract.contract_id not in known:
            taken[project_id] = tuple(sorted((*known, contract.contract_id)))
        project: Project = draft.project(project_id)
        entity = draft.reference.entity(contract.terms.legal_entity_id)
        if project.zone is None and entity is not None:
            draft.put_project(replace(project, zone=entity.zone, changed=True))
        elif draft.part("project", project_id) is None:
            draft.put_project(project)
    draft.put("index", "contracts", taken)


def _scheduled(draft: Draft, contract: Contract, before: Contract) -> Contract:
    """The billing period that closes next: from that of the contract's start on, which may move until the first is closed; a second
    signing may cut it otherwise, too."""
    had = contract.period_start
    first = _first_terms(contract)
    signed_again = len(contract.history) == 1
    corrected = before.in_force and (signed_again or _first_terms(before).starts_on != first.starts_on)
    if had is None or (corrected and had == _first_day(draft, before)):
        contract = replace(contract, period_start=_first_day(draft, contract))
    schedule(draft, contract)
    return contract


def _first_terms(contract: Contract) -> ContractSigned:
    """Those that say when the contract starts: later ones only if they are in force on that day."""
    return terms_on(contract, contract.history[0].terms.starts_on)


def _first_day(draft: Draft, contract: Contract) -> date:
    """Of the billing period in which the contract starts; its start where it is billed on request."""
    terms = _first_terms(contract)
    entity = draft.reference.known_entity(terms.legal_entity_id)
    cycle = billing_cycle(terms, contract_policies(draft, contract, terms.starts_on))
    first = period_of(cycle, terms.starts_on, terms.starts_on, entity.fiscal_calendar)
    return first.start if first is not None else terms.starts_on
