"""One event's view of an engagement: reads the books as they were, collects what becomes of them. Sums of projects and service
days of their forecasts change in place.

The draft is local to one call of the fold; the store takes over what became of the books.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from domain.caps.consumption import ConsumptionOrders
from domain.events.delivery import ResourceAssigned
from domain.exceptions import CATALOGUE, ExceptionCategory, owner_of, resolution_of
from domain.figure import called, record
from domain.identity import composed, derived_id
from domain.money import format_amount
from domain.outputs import ExceptionClosed, ExceptionRaised
from domain.reference.book import EMPTY_BOOK, ReferenceBook
from domain.tuples import new_tuple
from domain.units import Amount, Hours, Instant
from domain.why import Why
from domain.work.rows import named
from state.books import (
    Assignments,
    AtStake,
    CapBucket,
    CapState,
    Contract,
    Entry,
    Issued,
    JournalStanding,
    LineTotals,
    OpenException,
    Project,
    StatementEntry,
    StatementState,
    Work,
)
from state.totals import (
    BY_DAY,
    DRAWS,
    DUE,
    FREE,
    MARK,
    add_faults,
    add_issued,
    add_posted,
    add_posted_revenue,
    add_price,
    add_revenue,
    add_work,
    earned_as_billed,
    earned_in_ledger,
    issued_on,
    open_keys,
    posted_in,
    with_own_sums,
)
from state.value import Value, plain

Key = TypeVar("Key")
Found = TypeVar("Found")
PartKey = tuple[str, str]
OpenKey = tuple[str, str, str, str, str]


# An exception names the first of the entries that it blocks.
ENTRIES_NAMED = 100
CURRENCIES_SHOWN = 10
# What an exception keeps from being posted or billed, as explanations have it.
BLOCKED = "amount blocked"
# Names the contracts of each project.
CONTRACTS: PartKey = ("index", "contracts")
AMOUNT_MAX = 10**18 - 1


class Parts(dict[PartKey, Any]):
    """The books of one engagement by kind and id; `ids` are the ids by kind, kept by `take`. `agreed` is another object whenever a contract
    changes, or which projects it names."""

    __slots__ = ("agreed", "ids")

    def __init__(self, parts: Iterable[tuple[PartKey, Any]] = ()) -> None:
        super().__init__(parts)
        self.agreed = object()
        self.ids: dict[str, set[str]] = {}
        for kind, part_id in self:
            self.ids.setdefault(kind, set()).add(part_id)

    def take(self, changed: Mapping[PartKey, Any], agreed: object) -> None:
        """Replace what changed; a part that is None goes."""
        self.agreed = agreed
        for key, value in changed.items():
            if value is None:
                if self.pop(key, None) is not None:
                    self.ids[key[0]].discard(key[1])
            else:
                if key not in self:
                    self.ids.setdefault(key[0], set()).add(key[1])
                self[key] = value


class Entries(Protocol):
    """The work entries of one engagement as of before the event."""

    @property
    def orders(self) -> ConsumptionOrders:
        """Of groups of lines with caps, as long as these are the rows."""

    def get(self, entry_id: str) -> Entry | None: ...

    def open_on(self, contract_id: str, line_id: str, since: str, until: str, person_id: str) -> list[Entry]:
        """Entries not settled on the line with service date in [since, until), in no particular order; of a person, or of all."""

    def parked(self) -> list[str]:
        """Entries with something waiting, in the order of their log offsets."""

    def everything(self) -> Iterable[Entry]:
        """All rows; for the rare event that rebuilds sums."""

    def journal(self, journal_id: str) -> JournalStanding | None: ...

    def statement(self, statement_id: str) -> tuple[StatementEntry, ...]: ...


class Cause(Value, frozen=True, array_like=True, gc=False):
    """The fact behind what happens, by kind, id and version, with its place in the log."""

    kind: str
    id: str
    version: int
    event_id: str
    occurred_at: Instant
    recorded_at: Instant
    correlation_id: str | None
    log_offset: int


class Memo:
    """What was worked out for one engagement from its contracts and the reference data, as long as these stay as they are, by what was
    asked.

    Lines, and what forecasts rest on, follow from contracts, assignments, legal entities and customers alone; bill rates also from rate
    cards, where which version of a person was asked for stands in the question. What follows from people and what they cost as well, such
    as rates of planned hours, stands apart: somebody comes, goes or costs something else every other day.
    """

    __slots__ = ("book", "lines", "people", "rates")

    def __init__(self) -> None:
        self.book = EMPTY_BOOK
        self.lines: dict[object, Any] = {}
        self.rates: dict[tuple[object, ...], object] = {}
        self.people: dict[object, Any] = {}

    def __len__(self) -> int:
        return len(self.lines) + len(self.rates) + len(self.people)

    def clear(self) -> None:
        self.lines.clear()
        self.rates.clear()
        self.people.clear()

    def go_by(self, book: ReferenceBook) -> None:
        """Forget what the book says otherwise than the one before it."""
        had, self.book = self.book, book
        if book.entities is not had.entities or book.customers is not had.customers or book.rules != had.rules:
            self.clear()
            return
        other_cards = book.cards is not had.cards
        if other_cards:
            self.rates.clear()
        if other_cards or book.persons is not had.persons or book.costs is not had.costs:
            self.people.clear()


class Plans(NamedTuple):
    """Memo of what follows from contracts and reference data alone: of one engagement, of all, and what exchange rates and closed
    periods decide, which change every day."""

    own: Memo
    shared: dict[Any, Any]
    daily: dict[Any, Any]


def nothing_known() -> Plans:
    return Plans(Memo(), {}, {})


class Move(NamedTuple):
    """What an event added to a project's hours, cost or revenue, by service date and currency; negative where it took back. `line` is the
    contract line that it is on, empty for work on none."""

    project_id: str
    line: str
    day: date
    currency: str
    hours: Hours
    cost: Amount
    revenue: Amount


class Asked(Protocol):
    def sum(self, number: Amount, address: str, title: str, currency: str) -> Amount:
        """A number that is the sum of what the fold recorded under an address."""

    def known(self, number: Amount, address: str) -> Amount:
        """A number that the fold recorded under an address."""

    def ahead(self, contract_id: str, line_id: str, as_of: date) -> object:
        """What is foreseen of a line (`state.forecast.ahead`)."""

    def added(self) -> Iterable[Entry]:
        """All rows as they are added to sums: those that are alike may be one."""


class Draft:
    """Reads fall through to the engagement as it was, writes stay here, where a part that is None is gone; but for the sums of projects
    (`moved`) and the service days of their forecasts, which change where they stand, unless the draft is a copy (`is_copy`)."""

    __slots__ = (
        "agreed",
        "asked",
        "before",
        "cause",
        "changed_on",
        "copied",
        "daily",
        "draws",
        "due",
        "engagement_id",
        "entries",
        "issued",
        "journals",
        "kinds",
        "loaded",
        "loads",
        "memo",
        "moves",
        "open_added",
        "open_removed",
        "outputs",
        "over_cap",
        "own",
        "parked",
        "parts",
        "positions",
        "reference",
        "repriced",
        "rows",
        "shared",
        "statements",
        "waits_added",
        "waits_removed",
        "watched",
        "why",
        "worked",
    )

    def __init__(
        self,
        engagement_id: str,
        before: Parts,
        entries: Entries,
        reference: ReferenceBook,
        cause: Cause,
        plans: Plans,
        own: tuple[str, ...] | None = None,
        why: Why | None = None,
        *,
        is_copy: bool = False,
    ) -> None:
        self.engagement_id = engagement_id
        self.before = before
        self.entries = entries
        self.reference = reference
        self.cause = cause
        self.memo, self.shared, self.daily = plans
        self.own = own
        # The recorder of an explanation; None in production.
        self.why = why
        # Where one asks rules with books of which each number says how it came about: what they cannot read there.
        self.asked: Asked | None = None
        self.parts: dict[PartKey, Any] = {}
        # Kinds of the parts that this event changed.
        self.kinds: set[str] = set()
        self.rows: dict[str, Entry] = {}
        self.outputs: list[Any] = []
        self.moves: list[Move] = []
        self.open_added: set[OpenKey] = set()
        self.open_removed: set[OpenKey] = set()
        self.parked: dict[str, int | None] = {}
        self.waits_added: set[tuple[str, str, str]] = set()
        self.waits_removed: set[tuple[str, str, str]] = set()
        self.due: set[tuple[str, str]] = set()
        self.statements: dict[str, tuple[StatementEntry, ...]] = {}
        self.journals: dict[str, JournalStanding] = {}
        self.issued: list[Any] = []
        # Entries changed by this event, by the contract lines on which they are or were open, with their keys by now.
        self.changed_on: dict[tuple[str, str], dict[str, list[OpenKey]]] = {}
        self.repriced: dict[str, tuple[Any, str]] = {}
        self.watched: dict[str, Any] = {}
        # Entries as they gave (1) or no longer give (-1) to the sums of their work.
        self.worked: list[tuple[Entry, int]] = []
        # Whether some of that work draws on what its line's terms include, and whether some changed row is over a cap or went on from it.
        self.draws = False
        self.over_cap = False
        # Whether balances are being loaded, and of which contracts they have been.
        self.loads = False
        self.loaded = set[str]()
        # As that of the books, with what this event changed.
        self.agreed = before.agreed
        # Of books on which something is only tried: projects of which the sums are a copy.
        self.copied: set[str] | None = set() if is_copy else None
        # What stands on 1160 and 2300 of contracts that earn over time, as far as this event looked at it.
        self.positions: dict[str, Any] = {}

    # Parts

    def part(self, kind: str, part_id: str) -> Any:
        key = (kind, part_id)
        return self.parts[key] if key in self.parts else self.before.get(key)

    def put(self, kind: str, part_id: str, value: Any) -> None:
        self.parts[kind, part_id] = value
        self.kinds.add(kind)
        if kind == "contract" or (kind, part_id) == CONTRACTS:
            self.agreed = object()

    def has(self, kind: str) -> bool:
        """Whether there may be parts of a kind."""
        return bool(self.before.ids.get(kind)) or kind in self.kinds

    def ids(self, kind: str) -> list[str]:
        """Ids of the parts of a kind, in ascending order."""
        before = self.before.ids.get(kind)
        if kind not in self.kinds:
            return sorted(before) if before else []
        found = set(before or ())
        for (of, part_id), value in self.parts.items():
            if of == kind:
                (found.discard if value is None else found.add)(part_id)
        return sorted(found)

    def project(self, project_id: str) -> Project:
        key = ("project", project_id)
        found: Project | None = self.parts.get(key) or self.before.get(key)
        return found if found is not None else Project(project_id)

    def listed(self, statement_id: str) -> tuple[StatementEntry, ...]:
        """What entries have on a statement, also on one that this event made."""
        made = self.statements.get(statement_id)
        return self.entries.statement(statement_id) if made is None else made

    def moved(self, project_id: str) -> Project:
        """The project with its sums, which the caller changes in place; its view is to be sent."""
        key = ("project", project_id)
        project: Project | None = self.parts.get(key) or self.before.get(key)
        if project is None:
            project = Project(project_id, changed=True)
        elif not project.changed:
            project = replace(project, changed=True)
        if self.copied is not None and project_id not in self.copied:
            self.copied.add(project_id)
            project = with_own_sums(project)
        self.parts[key] = project
        self.kinds.add("project")
        return project

    def put_project(self, project: Project) -> None:
        self.parts["project", project.project_id] = project
        self.kinds.add("project")

    def assignments(self, project_id: str) -> tuple[ResourceAssigned, ...]:
        """One object as long as none of the project changes."""
        key = ("assignments", project_id)
        found: Assignments | None = self.parts.get(key) or self.before.get(key)
        return found.stated if found is not None else ()

    def put_assignments(self, project_id: str, stated: tuple[ResourceAssigned, ...]) -> None:
        self.put("assignments", project_id, Assignments(project_id, stated))
        self.put_project(replace(self.project(project_id), changed=True))

    def contract(self, contract_id: str) -> Contract | None:
        key = ("contract", contract_id)
        found: Contract | None = self.parts[key] if key in self.parts else self.before.get(key)
        return found

    def contract_in_books(self, contract_id: str) -> Contract:
        """That of a line, a statement or a receivable of the books, which is there too."""
        key = ("contract", contract_id)
        found: Contract = self.parts[key] if key in self.parts else self.before[key]
        return found

    def contracts(self) -> list[Contract]:
        return [self.part("contract", contract_id) for contract_id in self.ids("contract")]

    def of_terms(self, name: str, contract: Contract, work_out: "Callable[[Draft, Contract], Found]") -> Found:
        """What follows from the versions of a contract's terms alone; worked out once for these, and kept by `name`."""
        key = (name, contract.contract_id, contract.version, len(contract.history))
        if key not in self.memo.lines:
            self.memo.lines[key] = work_out(self, contract)
        found: Found = self.memo.lines[key]
        return found

    def line(self, contract_id: str, line_id: str, project_id: str = "") -> LineTotals:
        return self.part("line", composed(contract_id, line_id)) or LineTotals(project_id)

    def billed_in(self, entry: Entry, contract_id: str, line_id: str) -> str:
        """The project in which statements have the entry on this line: once something of it is issued, for good."""
        issued, work = issued_on(entry, contract_id, line_id), entry.standing
        if issued is not None:
            return issued.project_id or self.line(contract_id, line_id).project_id
        assert work is not None, "an entry on a line has a price or was issued there"
        return work.earns_in

    def cap(self, contract_id: str, cap_id: str) -> CapState:
        return self.part("cap", composed(contract_id, cap_id)) or CapState()

    def bucket(self, part_id: str) -> CapBucket:
        return self.part("bucket", part_id) or CapBucket()

    def statement(self, statement_id: str) -> StatementState | None:
        found: StatementState | None = self.part("statement", statement_id)
        return found

    def statement_in_books(self, statement_id: str) -> StatementState:
        """One that was issued is kept."""
        key = ("statement", statement_id)
        found: StatementState = self.parts[key] if key in self.parts else self.before[key]
        return found

    # Entries

    def entry(self, entry_id: str) -> Entry | None:
        return self.rows[entry_id] if entry_id in self.rows else self.entries.get(entry_id)

    def entry_in_books(self, entry_id: str) -> Entry:
        """One that a statement or a row lists stays there."""
        found = self.rows[entry_id] if entry_id in self.rows else self.entries.get(entry_id)
        assert found is not None, f"entry {entry_id} is listed, and not in the books"
        return found

    def issued_in_books(self, entry_id: str, contract_id: str, line_id: str) -> tuple[Entry, Issued]:
        """An entry that a statement lists, and what is issued of it on a line."""
        entry = self.entry_in_books(entry_id)
        issued = issued_on(entry, contract_id, line_id)
        assert issued is not None, f"entry {entry_id} is listed, and not issued on line {line_id}"
        return entry, issued

    def journal(self, journal_id: str) -> JournalStanding | None:
        """Where a journal that goes to an ERP stands; None for one that was never made, or never goes there."""
        return self.journals.get(journal_id) or self.entries.journal(journal_id)

    def everything(self) -> Iterator[Entry]:
        """All rows as they are by now, those that this event changed first; for the rare event that rebuilds sums."""
        changed = dict(self.rows)
        yield from changed.values()
        yield from (entry for entry in self.entries.everything() if entry.entry_id not in changed)

    def added(self) -> Iterable[Entry]:
        """The same, for sums alone."""
        return self.everything() if self.asked is None else self.asked.added()

    def open_on(self, contract_id: str, line_id: str, since: str = "", until: str = "9999") -> list[Entry]:
        """Entries not settled on the line, service dates in [since, until), with what this event changed."""
        return self._open(contract_id, line_id, since, until, (line_id, line_id + DUE))

    def ratable_on(
        self, contract_id: str, line_id: str, since: str, until: str = "9999", person_id: str = ""
    ) -> list[Entry]:
        """Those of them that new terms may find, and those priced at zero and not cut; of a person, or of all."""
        return self._open(contract_id, line_id, since, until, (line_id, line_id + DUE, line_id + FREE), person_id)

    def capped_on(self, contract_id: str, line_id: str, since: str) -> list[Entry]:
        """Those of them from a day on, and the settled ones that have their room under a cap by day."""
        return self._open(contract_id, line_id, since, "9999", (line_id, line_id + DUE, line_id + BY_DAY))

    def due_on(self, contract_id: str, line_id: str, since: str, until: str) -> list[Entry]:
        """Those of them that have something to bill."""
        return self._open(contract_id, line_id, since, until, (line_id + DUE,))

    def free_on(self, contract_id: str, line_id: str, since: str = "", until: str = "9999") -> list[Entry]:
        """Entries priced at zero of which the period is not cut."""
        return self._open(contract_id, line_id, since, until, (line_id + FREE,))

    def drawing_on(self, contract_id: str, line_id: str, since: str) -> list[Entry]:
        """All entries that share what the line's terms include, also those that are issued."""
        return self._open(contract_id, line_id, since, "9999", (line_id + DRAWS,))

    def _open(
        self, contract_id: str, line_id: str, since: str, until: str, names: tuple[str, ...], whose: str = ""
    ) -> list[Entry]:
        stored = [entry for name in names for entry in self.entries.open_on(contract_id, name, since, until, whose)]
        changed = self.changed_on.get((contract_id, line_id))
        if not changed:
            return stored
        found = {entry.entry_id: entry for entry in stored}
        for entry_id, keys in changed.items():
            found.pop(entry_id, None)
            for contract, name, day, _, person_id in keys:
                if name in names and contract == contract_id and since <= day < until and whose in ("", person_id):
                    found[entry_id] = self.rows[entry_id]
        return list(found.values())

    def put_entry(self, before: Entry | None, after: Entry) -> None:
        """Replace a row, and with it every sum and index it contributes to."""
        stands = self.rows.get(after.entry_id, before)
        assert stands is before or stands == before, "a row is replaced as it stands"
        self.rows[after.entry_id] = after
        work = after.standing
        if work is not None and work.price is not None and (work.price.binding is not None or work.price.passed):
            self.over_cap = True
        if before is None or before.work is not after.work or before.behind is not after.behind:
            if before is not None:
                self._add_work(before, before.standing, -1)
            self._add_work(after, work, 1)
            self._move_waits(after.entry_id, before.work if before is not None else None, after.work)
        if before is not None and before.issued is not after.issued:
            self._add_issued(before, -1)
            self._add_issued(after, 1)
        self._move_index(before, after)

    def touch(self, entry: Entry) -> None:
        """Of a row that stays as it is: what rests on it is looked at, and sent, as if it had changed."""
        work = entry.standing
        assert work is not None, "what is touched stands"
        self.worked += ((entry, -1), (entry, 1))
        self.moves += (*moves_of(work, -1), *moves_of(work, 1))
        self.moved(work.project_id)
        self.moved(work.earns_in)

    def put_booked(self, before: Entry, after: Entry) -> None:
        """Replace a row of which only what is posted changed."""
        self.rows[after.entry_id] = after
        had, has = before.standing, after.standing
        if had is not None and has is not None:
            for project_id in dict.fromkeys((has.project_id, has.earns_in)):
                project = self.project(project_id)
                posted = add_posted(project.posted, posted_in(had, project_id), -1)
                posted = add_posted(posted, posted_in(has, project_id), 1)
                if posted != project.posted:
                    self.put_project(replace(project, posted=posted))

    def _add_issued(self, entry: Entry, sign: int) -> None:
        """Add (or take away) what of the entry is issued and invoiced on its contract lines."""
        for issued in entry.issued:
            part_id = composed(issued.contract_id, issued.line_id)
            totals: LineTotals = self.part("line", part_id)
            self.put("line", part_id, add_issued(totals, issued, sign, named(entry.entry_id)[0]))
            if (move := self.earned_move(issued, sign)) is not None:
                self.moves.append(move)
                add_revenue(self.moved(move.project_id), move.day, move.currency, move.revenue)
                self._add_billed(issued, move, sign)

    def earned_move(self, issued: Issued, sign: int) -> Move | None:
        """Revenue that an invoice recognises, on its service date; None where it recognises none."""
        revenue = sign * earned_as_billed(issued)
        if not revenue:
            return None
        contract = self.contract_in_books(issued.contract_id)
        project_id = issued.project_id or self.line(issued.contract_id, issued.line_id).project_id
        line = composed(issued.contract_id, issued.line_id)
        return Move(project_id, line, issued.day, contract.terms.currency, 0, 0, revenue)

    def _add_billed(self, issued: Issued, move: Move, sign: int) -> None:
        """What it is in ledger currency, where that is another."""
        contract = self.contract(issued.contract_id)
        entity = self.reference.entity(contract.terms.legal_entity_id) if contract is not None else None
        if entity is not None and entity.currency != move.currency:
            project, currencies = self.moved(move.project_id), (move.currency, entity.currency)
            ledger = sign * earned_in_ledger(issued)
            posted = add_posted_revenue(project.posted, move.day, currencies, move.revenue, ledger)
            self.put_project(replace(project, posted=posted))

    def _add_work(self, entry: Entry, work: Work | None, sign: int) -> None:
        """Add (or take away) what the entry, of which `work` stands, gives to its contract line and its project: value, burn, what
        waits."""
        self.worked.append((entry, sign))
        if work is None:
            return
        cost, price = work.cost, work.price
        if cost is not None or price is not None:
            own, earns_in = work.project_id, work.earns_in
            if price is not None and price.line_id:
                part_id = composed(price.contract_id, price.line_id)
                totals = self.part("line", part_id) or LineTotals(earns_in)
                self.put("line", part_id, add_price(totals, price, sign, earns_in))
                self.draws = self.draws or price.drawn is not None
            self.moves += moves_of(work, sign)
            add_work(self.moved(own), work, sign)
            if earns_in != own and price is not None:
                add_revenue(self.moved(earns_in), price.day, price.currency, sign * price.earns)
            for journal in work.journals:
                if journal.currency != journal.ledger_currency:
                    self._add_converted(work, {own, earns_in}, sign)
                    break
        if entry.work is not None and entry.work.faults:
            self.put_project(add_faults(self.project(entry.work.project_id), entry.work.faults, sign))

    def _add_converted(self, work: Work, project_ids: Iterable[str], sign: int) -> None:
        """What journals in another currency than their ledger's carry."""
        for project_id in sorted(project_ids):
            project = self.moved(project_id)
            posted = add_posted(project.posted, posted_in(work, project_id), sign)
            self.put_project(replace(project, posted=posted))

    def _move_index(self, before: Entry | None, after: Entry) -> None:
        entry_id = after.entry_id
        has, had = open_keys(after), open_keys(before) if before is not None else []
        for contract_id, name, *_ in (*had, *has):
            self.changed_on.setdefault((contract_id, name.partition(MARK)[0]), {})[entry_id] = has
        if had != has:
            _swap(had, has, self.open_removed, self.open_added)

    def _move_waits(self, entry_id: str, before: Work | None, after: Work | None) -> None:
        faults_before = before.faults if before is not None else ()
        faults = after.faults if after is not None else ()
        place_before = before.log_offset if before is not None and faults_before else None
        place = after.log_offset if after is not None and faults else None
        if faults_before == faults and place_before == place:
            return
        self.parked[entry_id] = place
        name = f"entry:{entry_id}"
        waits = {(kind, key, name) for fault in faults for kind, key in fault.waits}
        _swap(
            {(kind, key, name) for fault in faults_before for kind, key in fault.waits},
            waits,
            self.waits_removed,
            self.waits_added,
        )
        if place_before != place:
            self.waits_added |= waits

    # Outputs

    def emit(self, record: Any) -> None:
        self.outputs.append(record)

    def exception_id(self, category: ExceptionCategory, kind: str, subject_id: str) -> str:
        return derived_id(self.engagement_id, category, kind, subject_id)

    def open_exception(self, category: ExceptionCategory, kind: str, subject_id: str) -> OpenException | None:
        found: OpenException | None = self.part("exception", self.exception_id(category, kind, subject_id))
        return found

    def publish_raised(
        self,
        category: ExceptionCategory,
        subject_kind: str,
        subject_id: str,
        message: str,
        *,
        amount: Amount = 0,
        currency: str | None = None,
        **about: Any,
    ) -> str:
        """`about` as in `publish_exception`; the amount is what the event or the books say."""
        exception_id = self.exception_id(category, subject_kind, subject_id)
        if self.why is not None:
            record(self.why, blocked_at(exception_id), called(amount, BLOCKED))
            amount = plain(amount)
        consumption = AtStake(amount, currency, "fact") if amount else AtStake()
        self.publish_exception(exception_id, category, subject_kind, subject_id, message, at_stake=consumption, **about)
        return exception_id

    def publish_exception(
        self,
        exception_id: str,
        category: ExceptionCategory,
        subject_kind: str,
        subject_id: str,
        message: str,
        *,
        at_stake: AtStake,
        revision: int = 1,
        project_id: str | None = None,
        contract_id: str | None = None,
        person_id: str | None = None,
        field: str | None = None,
        blocks: int = 1,
        entries: tuple[str, ...] = (),
        raised_at: Instant | None = None,
        assignee: str | None = None,
    ) -> None:
        """An amount over what the output holds is left out: somebody wrote nonsense, and that must not stop the shard. Long, because it
        names every field of the output."""
        kind = CATALOGUE[category]
        amount, currency, basis, hours = at_stake.amount, at_stake.currency, at_stake.basis, at_stake.hours
        if abs(amount) > AMOUNT_MAX:
            amount, basis = 0, None
        if hours is not None and abs(hours) > AMOUNT_MAX:
            hours = None
        self.emit(
            ExceptionRaised(
                exception_id=exception_id,
                category=category,
                severity=kind.severity,
                owner_role=owner_of(category, subject_kind),
                subject_kind=subject_kind,
                subject_id=subject_id,
                project_id=project_id,
                contract_id=contract_id,
                engagement_id=self.engagement_id,
                person_id=person_id,
                message=message,
                field=field,
                blocks_amount=amount,
                blocks_currency=currency,
                blocks_count=blocks,
                blocks_basis=basis,
                blocks_hours=hours,
                entries=entries[:ENTRIES_NAMED],
                resolution=resolution_of(category, subject_kind),
                raised_at=self.cause.recorded_at if raised_at is None else raised_at,
                revision=revision,
                assignee=assignee,
            )
        )
        self._show_again(project_id, contract_id)

    def publish_closed(
        self,
        exception_id: str,
        category: ExceptionCategory,
        reason: str = "resolved",
        project_id: str | None = None,
        contract_id: str | None = None,
    ) -> None:
        self.emit(
            ExceptionClosed(
                exception_id=exception_id,
                category=category,
                closed_by_kind=self.cause.kind,
                closed_by_id=self.cause.id,
                closed_by_version=self.cause.version,
                closed_at=self.cause.recorded_at,
                reason=reason,
                project_id=project_id,
                contract_id=contract_id,
            )
        )
        self._show_again(project_id, contract_id)

    def _show_again(self, project_id: str | None, contract_id: str | None) -> None:
        """The views that list the exception go out again: the project's, else those of all the contract's projects."""
        for each in (project_id,) if project_id is not None else self.projects_of(contract_id):
            known: Project | None = self.part("project", each)
            if known is not None and not known.changed:
                self.put_project(replace(known, changed=True))

    def projects_of(self, contract_id: str | None) -> list[str]:
        """Projects that lines of the contract name."""
        taken: dict[str, tuple[str, ...]] = self.part("index", "contracts") or {}
        return [project_id for project_id, contracts in taken.items() if contract_id in contracts]

    def raise_exception(
        self,
        category: ExceptionCategory,
        subject_kind: str,
        subject_id: str,
        message: str,
        *,
        side: str = "",
        project_id: str | None = None,
        contract_id: str | None = None,
        person_id: str | None = None,
        field: str | None = None,
        amount: Amount = 0,
        currency: str | None = None,
        blocks: int = 1,
        entries: tuple[str, ...] = (),
        version: int = 0,
        revises: bool = False,
    ) -> None:
        """Raise an exception that is not an entry's and keep it open; the same one again changes nothing, or says what is wrong by now."""
        exception_id = self.exception_id(category, subject_kind, subject_id + side)
        noted: OpenException | None = self.part("exception", exception_id)
        if noted is not None and not revises:
            return
        amounts = {currency: amount} if currency is not None and amount else {}
        entries = entries[:ENTRIES_NAMED]
        if noted is None:
            self.publish_open(
                OpenException(
                    exception_id,
                    category,
                    subject_kind,
                    subject_id,
                    contract_id,
                    project_id,
                    message=message,
                    person_id=person_id,
                    field=field,
                    count=blocks,
                    amounts=amounts,
                    entries=entries,
                    raised_at=self.cause.recorded_at,
                    version=version,
                )
            )
            return
        now = replace(noted, message=message, field=field, count=blocks, amounts=amounts, entries=entries)
        if now != noted:
            self.revise_exception(now)

    def publish_open(self, noted: OpenException) -> None:
        """Raise such an exception, or its next revision, as it stands; amounts in several currencies are reported in words."""
        if self.why is not None:
            record(self.why, blocked_at(noted.exception_id), called(noted.at_stake.amount, BLOCKED))
            noted = plain(noted)
        self.put("exception", noted.exception_id, replace(noted, published_count=noted.count))
        message = noted.message
        if len(noted.amounts) > 1:
            amounts = (f"{format_amount(amount)} {currency}" for currency, amount in sorted(noted.amounts.items()))
            message = f"{message} (in all {', '.join(islice(amounts, CURRENCIES_SHOWN))})"
        self.publish_exception(
            noted.exception_id,
            noted.category,
            noted.subject_kind,
            noted.subject_id,
            message,
            at_stake=noted.at_stake,
            revision=noted.revision,
            project_id=noted.project_id,
            contract_id=noted.contract_id,
            person_id=noted.person_id,
            field=noted.field,
            blocks=noted.count,
            entries=noted.entries,
            raised_at=noted.raised_at,
            assignee=noted.assignee,
        )

    def revise_exception(self, noted: OpenException) -> None:
        self.publish_open(replace(noted, revision=noted.revision + 1))

    def resolve_exception(
        self, category: ExceptionCategory, subject_kind: str, subject_id: str, reason: str = "resolved", side: str = ""
    ) -> None:
        """Close such an exception if it is open."""
        self.close_exception(self.exception_id(category, subject_kind, subject_id + side), reason)

    def close_exception(self, exception_id: str, reason: str = "resolved") -> None:
        noted: OpenException | None = self.part("exception", exception_id)
        if noted is not None:
            self.put("exception", exception_id, None)
            self.publish_closed(exception_id, noted.category, reason, noted.project_id, noted.contract_id)


def blocked_at(exception_id: str) -> str:
    """Where a recorder has the amount that an exception says."""
    return f"{exception_id}#blocked"


def _swap(had: Collection[Key], has: Collection[Key], removed: set[Key], added: set[Key]) -> None:
    """Note the change from some index keys to others."""
    for key in had:
        if key not in has:
            added.discard(key)
            removed.add(key)
    for key in has:
        if key not in had:
            removed.discard(key)
            added.add(key)


def moves_of(work: Work, sign: int) -> list[Move]:
    """The cost and the revenue of the work, as moves."""
    moves = []
    cost, price, project_id = work.cost, work.price, work.project_id
    line = composed(price.contract_id, price.line_id) if price is not None and price.line_id else ""
    if cost is not None:
        move = (project_id, line, cost.day, cost.currency, sign * cost.hours, sign * cost.amount, 0)
        moves.append(new_tuple(Move, move))
    if price is not None and (revenue := price.earns):
        move = (price.project_id or project_id, line, price.day, price.currency, 0, 0, sign * revenue)
        moves.append(new_tuple(Move, move))
    return moves
