"""What belongs to which engagement, and so where an event goes.

A project is bound once: by its activation (which names its engagement, default its own id), by a contract line that
names it or by work that names both, whichever comes first. A contract goes to every engagement that its projects are bound to; its unbound
projects are bound to the engagement of the first line whose project is bound, else to where the contract already is,
else to the engagement that the event names, else to the contract's id. Ids that Milepost made begin with their
engagement. An `engagement_id` on any other event routes it where nothing else does; what is said of a project that way
binds it too, for one project is in one engagement, always: two would forecast it apart, each without the other's work.
A version of work that names a project of another engagement is refused where the work is.

| kind                    | id                       | belongs to                                            |
|-------------------------|--------------------------|-------------------------------------------------------|
| project                 | project                  | the engagement that it is bound to, for ever          |
| contract                | contract                 | every engagement of its projects                      |
| contract_line           | contract/line            | the engagement of the line's project                  |
| line, milestone         | as the contract names it | the same; several contracts may use one id            |
| bill_to                 | customer                 | every engagement with a contract that bills them      |
| time_entry, expense ... | their own                | where they first went; later versions follow          |
| invoice                 | the ERP's                | the engagement of its statement, or of the balances   |
|                         |                          | that bring it                                         |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from domain.capabilities import OWN_REFERENCE
from domain.delivery.answers import journals_of
from domain.events import commercial, control, delivery, finance, reference
from domain.events.catalogue import ENTITIES, Event
from domain.events.common import BillTo, Funding, Milestones
from domain.exceptions import ExceptionCategory
from domain.happened import day_of
from domain.identity import composed, engagement_of
from domain.work.rows import TIME_ENTRY, named, spoken

# Kind and id.
Key: TypeAlias = tuple[str, str]

# Anyone who joins one of these later must be told what was said about it before.
RETOLD: Final = frozenset({"contract", "bill_to", "hold"})
ALREADY_BOUND: Final = "project_already_bound"
# Facts that stay where they first went, and of which the highest version says all.
WORK: Final = (
    delivery.TimeApproved,
    delivery.TimeWithdrawn,
    delivery.ExpenseApproved,
    delivery.ExpenseWithdrawn,
    delivery.UnitsDelivered,
)


class Directory(Protocol):
    """What is known so far."""

    def engagements(self, kind: str, key: str) -> tuple[str, ...]:
        """Ascending; empty where nothing is known."""


class Link(NamedTuple):
    """From now on this id belongs to this engagement too."""

    kind: str
    id: str
    engagement_id: str


class Notice(NamedTuple):
    """What a person should know, about a subject."""

    category: ExceptionCategory
    subject_kind: str
    subject: str
    message: str


class Routed(NamedTuple):
    """Engagements in ascending order. `own` is None where all that the event names is of the one engagement.

    Else it gives, for each engagement, which projects of a contract, invoices of a payment, journals of a batch,
    entries of a write-off or hold are its own; nothing, of work that names a project of another engagement.
    """

    engagements: tuple[str, ...]
    links: tuple[Link, ...] = ()
    own: Mapping[str, tuple[str, ...]] | None = None
    notices: tuple[Notice, ...] = ()
    # Keys of kinds that are retold, and of work that was corrected (`versions_of`).
    remembered: tuple[Key, ...] = ()
    # Of which project an earlier version named another engagement's, and this one does not.
    in_place: Key | None = None


class Everywhere(NamedTuple):
    """Reference data: for every engagement of every partition."""


class Unrouted(NamedTuple):
    """Goes on when one of these is known; the first is what it is about."""

    waits_for: tuple[Key, ...]


Route: TypeAlias = Routed | Everywhere | Unrouted

EVERYWHERE: Final = Everywhere()


def route(directory: Directory, event: Event) -> Route:
    found = _ROUTES[type(event)](directory, event)
    if isinstance(event, WORK) and event.version > 1 and isinstance(found, Routed):
        # A lower version may come after it; none is lower than the first.
        return found._replace(remembered=(versions_of(event),))
    return found


def versions_of(event: Event) -> Key:
    """By which versions of a fact are found."""
    kind, key = subject_of(event)
    return f"{kind}/version", key


def subject_of(event: Event) -> Key:
    """Entity kind and id of what the event is about."""
    kind, *parts = _subject_parts(event)
    return kind, parts[0] if len(parts) == 1 else composed(*parts)


def _subject_parts(event: Event) -> tuple[str, ...]:
    """Its kind, and what its id is made of; empty what it does not state."""
    entity = ENTITIES[type(event).__name__]
    return entity.kind, *(str(getattr(event, field) or "") for field in entity.id_fields)


def named_fact(event: Event) -> str:
    """Its kind, id and day, for people."""
    return f"{fact_without_day(event)} of {day_of(event)}"


def fact_without_day(event: Event) -> str:
    _, *parts = _subject_parts(event)
    return " ".join(filter(None, (type(event).__name__, *parts)))


def retold(directory: Directory, event: Event, engagement_id: str) -> tuple[tuple[Link, ...], tuple[str, ...] | None]:
    """For an engagement that joins after the event: what the event links to it, and what of the event is its own."""
    match event:
        case commercial.ContractSigned() | commercial.ContractAmended():
            own = [each for each in _projects(event) if engagement_id in directory.engagements("project", each)]
            return _new(directory, _parties(event, (engagement_id,))), tuple(own)
        case delivery.BillingHoldPlaced() | delivery.BillingHoldReleased():
            return _new(directory, [Link("hold", event.hold_id, engagement_id)]), None
        case _:
            return (), None


def _everywhere(_directory: Directory, _event: Event) -> Everywhere:
    return EVERYWHERE


# Work


def _time(directory: Directory, event: delivery.TimeApproved) -> Route:
    """Work stays where it first went, also when a later version names another project."""
    known = directory.engagements("time_entry", event.entry_id)
    if known:
        return _in_its_place(directory, event, Routed(known), (TIME_ENTRY, event.entry_id))
    bound = directory.engagements("project", event.project_id)
    if bound:
        return Routed(bound, (Link("time_entry", event.entry_id, bound[0]),))
    if event.engagement_id is None:
        return Unrouted((("project", event.project_id),))
    link = Link("time_entry", event.entry_id, event.engagement_id)
    return Routed((event.engagement_id,), (link, Link("project", event.project_id, event.engagement_id)))


def _time_withdrawn(directory: Directory, event: delivery.TimeWithdrawn) -> Route:
    return _withdrawn(directory, event, ("time_entry", event.entry_id))


def _expense(directory: Directory, event: delivery.ExpenseApproved) -> Route:
    own = ("expense", event.expense_id)
    return _in_its_place(directory, event, _own_place(directory, event, own, [_project_key(event)]), own)


def _expense_withdrawn(directory: Directory, event: delivery.ExpenseWithdrawn) -> Route:
    return _withdrawn(directory, event, ("expense", event.expense_id))


def _withdrawn(directory: Directory, event: delivery.TimeWithdrawn | delivery.ExpenseWithdrawn, own: Key) -> Route:
    """A withdrawal may come before what it withdraws."""
    found = _own_place(directory, event, own, [_project_key(event)])
    return _binding(directory, event, found._replace(in_place=own) if isinstance(found, Routed) else found)


def _units(directory: Directory, event: delivery.UnitsDelivered) -> Route:
    own = ("delivery", event.delivery_id)
    return _in_its_place(directory, event, _own_place(directory, event, own, _line_keys(event)), own)


def _in_its_place(
    directory: Directory,
    event: delivery.TimeApproved | delivery.ExpenseApproved | delivery.UnitsDelivered,
    found: Route,
    own: Key,
) -> Route:
    """Refused where it is if its project is of another engagement: an engagement has no contract for it, and no forecast of it."""
    if not isinstance(found, Routed) or event.project_id is None:
        return found
    (engagement_id,) = found.engagements
    bound = directory.engagements("project", event.project_id)
    if not bound:
        return found._replace(links=(*found.links, Link("project", event.project_id, engagement_id)))
    if engagement_id in bound:
        return found._replace(in_place=own)
    message = (
        f"{spoken(own[0])} {own[1]} version {event.version} names project {event.project_id} of engagement {bound[0]} and is in "
        f"engagement {engagement_id}: nothing of it counts"
    )
    notice = Notice(ALREADY_BOUND, *own, message)
    return found._replace(own={engagement_id: ()}, notices=(notice,))


def _milestone(directory: Directory, event: delivery.MilestoneAccepted | delivery.MilestoneRevoked) -> Route:
    return _one(directory, event, [*_line_keys(event), ("milestone", event.milestone_id)])


def _progress(directory: Directory, event: delivery.ProgressReported) -> Route:
    return _one(directory, event, _line_keys(event))


def _assignment(directory: Directory, event: delivery.ResourceAssigned) -> Route:
    """Where the assignment was before hears that it has moved."""
    before = directory.engagements("assignment", event.assignment_id)
    bound = directory.engagements("project", event.project_id)
    engagement_id = bound[0] if bound else event.engagement_id
    if engagement_id is None:
        return Unrouted((("project", event.project_id),))
    named = [Link("assignment", event.assignment_id, engagement_id)]
    links = _new(directory, named if bound else [*named, Link("project", event.project_id, engagement_id)])
    own = {each: (event.project_id,) if each == engagement_id else () for each in before}
    return _shared((engagement_id, *before), {**own, engagement_id: (event.project_id,)}, links)


# Projects


def _activation(directory: Directory, event: delivery.ProjectActivated) -> Route:
    bound = directory.engagements("project", event.project_id)
    if not bound:
        engagement_id = event.engagement_id or event.project_id
        return Routed((engagement_id,), (Link("project", event.project_id, engagement_id),))
    if event.engagement_id in (None, *bound):
        return Routed(bound)
    message = f"project {event.project_id} belongs to engagement {bound[0]} and stays there, not {event.engagement_id}"
    return Routed(bound, notices=(Notice(ALREADY_BOUND, "project", event.project_id, message),))


def _of_project(
    directory: Directory, event: delivery.ProjectClosed | delivery.EstimateRevised | commercial.BalancesBroughtForward
) -> Route:
    return _binding(directory, event, _one(directory, event, [_project_key(event)]))


def _balances(directory: Directory, event: commercial.BalancesBroughtForward) -> Route:
    """Payments and credit memos of the invoices that it brings go where the project is."""
    found = _of_project(directory, event)
    for each in event.receivables:
        found = _with_link(directory, found, ("invoice", each.invoice_id))
    return found


def _binding(directory: Directory, event: Any, found: Route) -> Route:
    """What is said of a project, in an engagement that it names itself, binds the project there."""
    if event.project_id is None or not isinstance(found, Routed) or directory.engagements("project", event.project_id):
        return found
    return found._replace(links=(*found.links, Link("project", event.project_id, found.engagements[0])))


def _control_total(directory: Directory, event: finance.ControlTotal) -> Route:
    return EVERYWHERE if event.project_id is None else _one(directory, event, [_project_key(event)])


# Contracts


def _contract(directory: Directory, event: commercial.ContractSigned | commercial.ContractAmended) -> Route:
    standing = directory.engagements("contract", event.contract_id)
    projects = _projects(event)
    if not projects and not standing and isinstance(event, commercial.ContractAmended) and event.engagement_id is None:
        return Unrouted((("contract", event.contract_id),))
    bound = {project: directory.engagements("project", project) for project in projects}
    homes = chain((found[0] for found in bound.values() if found), standing, _given(event))
    home = next(homes, event.contract_id)
    placed = {project: found[0] if found else home for project, found in bound.items()}
    engagements = tuple(sorted({*placed.values(), *standing} or {home}))
    links = [
        *(Link("project", project, home) for project, found in bound.items() if not found),
        *(Link("contract", event.contract_id, each) for each in engagements),
        *_line_links(event, placed),
        *_parties(event, engagements),
    ]
    own = {each: tuple(project for project in projects if placed[project] == each) for each in engagements}
    return _shared(engagements, own, _new(directory, links), (("contract", event.contract_id),))


def _projects(event: commercial.ContractSigned | commercial.ContractAmended) -> tuple[str, ...]:
    """In the order of the lines, each once."""
    return tuple(dict.fromkeys(line.project_id for line in event.lines or ()))


def _line_links(
    event: commercial.ContractSigned | commercial.ContractAmended, placed: Mapping[str, str]
) -> Iterable[Link]:
    for line in event.lines or ():
        engagement_id = placed[line.project_id]
        yield Link("contract_line", _pair(event.contract_id, line.line_id), engagement_id)
        yield Link("line", line.line_id, engagement_id)
        if isinstance(line.terms, Milestones):
            yield from (Link("milestone", each.milestone_id, engagement_id) for each in line.terms.milestones)


def _parties(event: commercial.ContractSigned | commercial.ContractAmended, engagements: tuple[str, ...]) -> list[Link]:
    bill_to: tuple[BillTo, ...] = event.bill_to or ()
    funding: Funding | None = event.funding
    customers = [
        *(party.customer_id for party in bill_to),
        *(source.bill_to for source in (funding.sources if funding is not None else ())),
        *(() if event.customer_id is None else (event.customer_id,)),
    ]
    return [Link("bill_to", customer, each) for customer in customers for each in engagements]


def _of_contract(directory: Directory, event: commercial.ContractTerminated | delivery.StatementRequested) -> Route:
    """Concerns the contract in each of its engagements."""
    key = ("contract", event.contract_id)
    remembered = (key,) if isinstance(event, commercial.ContractTerminated) else ()
    return _all(directory, event, [key], remembered)


def _of_line(directory: Directory, event: commercial.VariableConsiderationRevised | finance.RevenueAdjusted) -> Route:
    """Money of one line must not be booked in two engagements."""
    return _one(directory, event, _line_keys(event))


# Holds


def _hold_placed(directory: Directory, event: delivery.BillingHoldPlaced) -> Route:
    scope = (event.scope.kind, event.scope.id)
    match scope[0]:
        case "project":
            found = _one(directory, event, [scope])
        case "line":
            found = _one(directory, event, [_project_key(event), scope])
        case "entry":
            found = _one(directory, event, [("time_entry", scope[1]), ("expense", scope[1]), _project_key(event)])
        case _:
            found = _all(directory, event, [scope], (scope,))
    return _with_earlier(directory, found, ("hold", event.hold_id))


def _hold_released(directory: Directory, event: delivery.BillingHoldReleased) -> Route:
    key = ("hold", event.hold_id)
    return _all(directory, event, [key], (key,))


def _with_earlier(directory: Directory, found: Route, key: Key) -> Route:
    """Where the hold stood before hears too that its scope has changed."""
    if not isinstance(found, Routed):
        return found
    left = [each for each in directory.engagements(*key) if each not in found.engagements]
    if left:
        own = {**dict.fromkeys(left, ()), **dict.fromkeys(found.engagements, (key[1],))}
        found = found._replace(engagements=tuple(sorted(own)), own=own)
    return _with_link(directory, found, key)


# Finance


def _invoice(directory: Directory, event: finance.InvoicePosted | finance.InvoiceRejected) -> Route:
    invoice = None if event.invoice_id is None else ("invoice", event.invoice_id)
    if event.statement_id is not None:
        return _made_by_us(directory, event, "statement", event.statement_id, invoice)
    assert event.statement is not None, "intake lets no invoice pass without a statement"
    keys = [("contract", event.statement.contract_id), _project_key(event)]
    return _with_link(directory, _one(directory, event, keys), invoice)


def _credit_memo(directory: Directory, event: finance.CreditMemoIssued) -> Route:
    return _one(directory, event, [("invoice", event.invoice_id), _project_key(event)])


def _payment(directory: Directory, event: finance.PaymentReceived) -> Route:
    """In full to every engagement whose invoices it pays; unapplied to the customer's first one."""
    payment = ("payment", event.payment_id)
    invoices = tuple(dict.fromkeys(each.invoice_id for each in event.applications))
    if invoices:
        return _split(directory, event, {invoice: [("invoice", invoice)] for invoice in invoices}, payment)
    if event.project_id is not None or event.engagement_id is not None:
        return _with_link(directory, _one(directory, event, [_project_key(event)]), payment)
    known = directory.engagements("bill_to", event.customer_id)[:1]
    return _with_link(directory, Routed(known), payment) if known else Unrouted((("bill_to", event.customer_id),))


def _payment_applied(directory: Directory, event: finance.PaymentApplied) -> Route:
    """In full to the engagements that have the payment and to those of the invoices; of one that was taken back, where that is reported."""
    payment = ("payment", event.payment_id)
    having = directory.engagements(*payment)
    if not having:
        return Unrouted((payment,))
    if directory.engagements("payment_reversal", event.payment_id):
        return Routed(having[:1])
    invoices = dict.fromkeys(each.invoice_id for each in event.applications)
    parts: dict[str, list[Key]] = {invoice: [("invoice", invoice)] for invoice in invoices}
    found = _split(directory, event._replace(engagement_id=None), parts, payment)
    if not isinstance(found, Routed) or set(found.engagements) == set(having):
        return found
    own = {each: _own_invoices(directory, each, invoices) for each in (*having, *found.engagements)}
    return _shared(tuple(own), own, found.links)


def _own_invoices(directory: Directory, engagement_id: str, invoices: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in invoices if engagement_id in directory.engagements("invoice", each))


def _payment_reversed(directory: Directory, event: finance.PaymentReversed) -> Route:
    found = _all(directory, event, [("payment", event.payment_id), _project_key(event)])
    return _with_link(directory, found, ("payment_reversal", event.payment_id))


def _write_off(directory: Directory, event: finance.WrittenOff) -> Route:
    if event.invoice_id is not None:
        return _one(directory, event, [("invoice", event.invoice_id), _project_key(event)])
    return _split(directory, event, {entry: _row_keys(entry) for entry in event.entries})


def _row_keys(name: str) -> list[Key]:
    """An entry as its source names it, or as statements do."""
    kind, fact_id = named(name)
    if kind != TIME_ENTRY:
        return [(kind, fact_id)]
    return [(kind, fact_id), ("expense", name), ("delivery", name)]


def _posting(directory: Directory, event: finance.PostingAccepted | finance.PostingRejected) -> Route:
    named = journals_of(event)
    if len(named) == 1:
        return _made_by_us(directory, event, "journal", named[0])
    found: dict[str, list[str]] = {}
    for journal in named:
        if not _is_made_by_us(journal):
            return _one(directory, event, [("journal", journal), _project_key(event)])
        found.setdefault(engagement_of(journal), []).append(journal)
    return _shared(tuple(found), {each: tuple(journals) for each, journals in found.items()})


def _statement(directory: Directory, event: control.StatementApproved | control.StatementReturned) -> Route:
    return _made_by_us(directory, event, "statement", event.statement_id)


def _exception(
    directory: Directory, event: control.ExceptionAssigned | control.ExceptionResolved | control.ExceptionWaived
) -> Route:
    """What is said of reference data goes where reference data goes."""
    if event.exception_id.startswith("."):
        return EVERYWHERE
    return _made_by_us(directory, event, "exception", event.exception_id)


def _notice(_directory: Directory, event: control.IntakeNoticed) -> Route:
    return Routed((event.engagement_id or event.subject,))


# Ways to find an engagement


def _one(directory: Directory, event: Any, keys: Iterable[Key | None], own: Key | None = None) -> Route:
    """The one engagement that the keys, the most telling first, lead to together."""
    named = tuple(key for key in keys if key is not None)
    found = _narrowed(directory, named)
    if len(found) != 1 and event.engagement_id is not None and (not found or event.engagement_id in found):
        found = (event.engagement_id,)
    if len(found) == 1:
        return _with_link(directory, Routed(found), own)
    return Unrouted((*named, *(() if own is None else (own,))))


def _narrowed(directory: Directory, keys: Iterable[Key]) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for kind, key in keys:
        known = directory.engagements(kind, key)
        found = tuple(each for each in found if each in known) or found or known
        if len(found) == 1:
            break
    return found


def _all(directory: Directory, event: Any, keys: Iterable[Key | None], remembered: tuple[Key, ...] = ()) -> Route:
    """Every engagement of the first key that is known."""
    named = tuple(key for key in keys if key is not None)
    found = next(filter(None, (directory.engagements(*key) for key in named)), _given(event))
    return Routed(found, remembered=remembered) if found else Unrouted(named)


def _own_place(directory: Directory, event: Any, own: Key, keys: list[Key | None]) -> Route:
    """Where it first went, else where the keys lead, which is then its place."""
    known = directory.engagements(*own)
    return Routed(known) if known else _one(directory, event, keys, own)


def _split(directory: Directory, event: Any, parts: Mapping[str, list[Key]], own: Key | None = None) -> Route:
    """To every engagement that has one of the parts, once all are known."""
    places = {part: _narrowed(directory, keys) for part, keys in parts.items()}
    missing = [key for part, keys in parts.items() if len(places[part]) != 1 for key in keys]
    if missing:
        return _with_link(directory, Routed(_given(event)), own) if _given(event) else Unrouted(tuple(missing))
    shares: dict[str, list[str]] = {}
    for part, (engagement_id, *_) in places.items():
        shares.setdefault(engagement_id, []).append(part)
    routed = _shared(tuple(shares), {each: tuple(share) for each, share in shares.items()})
    return _with_link(directory, routed, own)


def _made_by_us(directory: Directory, event: Any, kind: str, key: str, own: Key | None = None) -> Route:
    if _is_made_by_us(key):
        return _with_link(directory, Routed((engagement_of(key),)), own)
    return _one(directory, event, [(kind, key), _project_key(event)], own)


def _is_made_by_us(key: str) -> bool:
    return 0 < key.find(".") < len(key) - 1


def _shared(
    engagements: tuple[str, ...],
    own: Mapping[str, tuple[str, ...]],
    links: tuple[Link, ...] = (),
    remembered: tuple[Key, ...] = (),
) -> Routed:
    everyone = tuple(sorted(set(engagements)))
    return Routed(everyone, links, own if len(everyone) > 1 else None, (), remembered)


def _with_link(directory: Directory, found: Route, own: Key | None) -> Route:
    if own is None or not isinstance(found, Routed):
        return found
    links = _new(directory, [Link(*own, each) for each in found.engagements])
    return found._replace(links=(*found.links, *links))


def _new(directory: Directory, links: Iterable[Link]) -> tuple[Link, ...]:
    """Each link once, without those that stand already."""
    return tuple(
        link for link in dict.fromkeys(links) if link.engagement_id not in directory.engagements(link.kind, link.id)
    )


def _line_keys(event: Any) -> list[Key | None]:
    line_id, contract_id = event.line_id, event.contract_id
    return [
        ("contract_line", _pair(contract_id, line_id)) if contract_id is not None and line_id is not None else None,
        ("contract", contract_id) if contract_id is not None else None,
        _project_key(event),
        ("line", line_id) if line_id is not None else None,
    ]


def _project_key(event: Any) -> Key | None:
    return None if event.project_id is None else ("project", event.project_id)


def _pair(contract_id: str, line_id: str) -> str:
    return composed(contract_id, line_id)


def _given(event: Any) -> tuple[str, ...]:
    return () if event.engagement_id is None else (event.engagement_id,)


_REFERENCE_DATA: Final[tuple[type, ...]] = (
    reference.AccountingPeriodClosed,
    reference.AccountingPeriodReopened,
    reference.CostRateSet,
    reference.CustomerDefined,
    reference.DayEnded,
    reference.ExchangeRateSet,
    reference.IdentityLinked,
    finance.LedgerReconciled,
    reference.LegalEntityDefined,
    reference.PersonCapacitySet,
    reference.PersonDefined,
    reference.RateCardPublished,
    reference.RulesActivated,
    reference.TaxPolicyDefined,
    *OWN_REFERENCE,
)

# By class and not by `match`: the millions of time events must not pass fifty cases each.
_ROUTES: Final[Mapping[type, Callable[[Directory, Any], Route]]] = {
    commercial.BalancesBroughtForward: _balances,
    delivery.BillingHoldPlaced: _hold_placed,
    delivery.BillingHoldReleased: _hold_released,
    commercial.ContractAmended: _contract,
    commercial.ContractSigned: _contract,
    commercial.ContractTerminated: _of_contract,
    finance.ControlTotal: _control_total,
    finance.CreditMemoIssued: _credit_memo,
    delivery.EstimateRevised: _of_project,
    control.ExceptionAssigned: _exception,
    control.ExceptionResolved: _exception,
    control.ExceptionWaived: _exception,
    delivery.ExpenseApproved: _expense,
    delivery.ExpenseWithdrawn: _expense_withdrawn,
    control.IntakeNoticed: _notice,
    finance.InvoicePosted: _invoice,
    finance.InvoiceRejected: _invoice,
    delivery.MilestoneAccepted: _milestone,
    delivery.MilestoneRevoked: _milestone,
    finance.PaymentApplied: _payment_applied,
    finance.PaymentReceived: _payment,
    finance.PaymentReversed: _payment_reversed,
    finance.PostingAccepted: _posting,
    finance.PostingRejected: _posting,
    delivery.ProgressReported: _progress,
    delivery.ProjectActivated: _activation,
    delivery.ProjectClosed: _of_project,
    delivery.ResourceAssigned: _assignment,
    finance.RevenueAdjusted: _of_line,
    control.StatementApproved: _statement,
    delivery.StatementRequested: _of_contract,
    control.StatementReturned: _statement,
    delivery.TimeApproved: _time,
    delivery.TimeWithdrawn: _time_withdrawn,
    delivery.UnitsDelivered: _units,
    commercial.VariableConsiderationRevised: _of_line,
    finance.WrittenOff: _write_off,
    **dict.fromkeys(_REFERENCE_DATA, _everywhere),
}
