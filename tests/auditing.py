"""What must hold in any books, recomputed from journals and rows and compared with the sums that the fold keeps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.accounts import PROJECT_COST, REVENUE
from domain.audit.balances import ledger_rests
from domain.audit.engagement import AuditedEngagement
from domain.audit.entries import accounts_of
from domain.audit.findings import SeenOutput
from domain.audit.terms import terms_of
from domain.caps.consume import bucket_key, counting
from domain.contract import Version, bind_billing_alone, cap_group, cap_rules, line_named, line_policies
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Policies, TimeAndMaterials
from domain.events.delivery import BillingHoldPlaced
from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened, LegalEntityDefined
from domain.forecast.exhaustion import DAYS_KEPT
from domain.identity import composed, parts_of
from domain.ledger.journal import NEVER_ACCEPTED
from domain.money import smallest_unit
from domain.outputs import BillingStatement, JournalEntry
from domain.reference.book import approves_itself
from domain.reference.fiscal import period_named
from domain.reference.zones import local_date, universal_day
from state.book_checks import EngagementBooks, books_agree
from state.books import Burn, CapBucket, CapState, Contract, Entry, LineTotals, Price, Project, SpentInMonth
from state.caps.lately import is_of_no_day
from state.charges.spent import spent_by, with_work
from state.store import snapshot
from state.store.store import SEPARATOR, Store
from state.terms.plan import version_of, versions
from state.totals import month_of, open_keys
from tests.folding import Books, Logged, Said, balances, without_zeros

UNBILLED = ("1150", "1160")
CONTRACT_POSITION = (*UNBILLED, "2300")


def entries_of(store: Store, engagement_id: str) -> list[Entry]:
    rows = store.db.execute(
        "SELECT data FROM entries JOIN engagements USING (no) WHERE engagements.id = ? ORDER BY entries.id",
        (engagement_id,),
    )
    return [snapshot.decode_entry(data) for (data,) in rows]


def engagements(store: Store) -> list[str]:
    return [found for (found,) in store.db.execute("SELECT id FROM engagements WHERE id <> '' ORDER BY id")]


# Outputs


def check_journals(journals: Iterable[JournalEntry]) -> None:
    """Each balances in both currencies, has its id alone, and a reversal is the exact mirror of one that stood.

    What is taken back stands again once its reversal is taken back, as of two that the ERP never had.
    """
    standing: dict[str, JournalEntry] = {}
    reversed_ids: set[str] = set()
    for journal in journals:
        assert journal.journal_id not in standing, f"two journals {journal.journal_id}"
        assert journal.lines, f"journal {journal.journal_id} has no lines"
        assert sum(line.amount for line in journal.lines) == 0, journal
        assert sum(line.ledger_amount for line in journal.lines) == 0, journal
        assert all(line.amount or line.ledger_amount for line in journal.lines), f"a line at zero in {journal}"
        units = smallest_unit(journal.currency), smallest_unit(journal.ledger_currency)
        assert not any(line.amount % units[0] or line.ledger_amount % units[1] for line in journal.lines), journal
        if journal.currency == journal.ledger_currency:
            assert all(line.amount == line.ledger_amount for line in journal.lines), journal
        if journal.reverses is not None:
            mirrored = standing[journal.reverses]
            assert journal.reverses not in reversed_ids, f"{journal.reverses} is reversed twice"
            reversed_ids.add(journal.reverses)
            reversed_ids.discard(mirrored.reverses or "")
            assert _lines(journal, -1) == _lines(mirrored, 1), f"{journal} is no mirror of {mirrored}"
            assert journal.exchange_rate == mirrored.exchange_rate
        standing[journal.journal_id] = journal


def _lines(journal: JournalEntry, sign: int) -> list[tuple[object, ...]]:
    return [
        (
            line.account,
            line.purpose,
            sign * line.amount,
            sign * line.ledger_amount,
            line.project_id,
            tuple(line.dimensions.items()),
        )
        for line in journal.lines
    ]


def check_statements(statements: Iterable[BillingStatement]) -> None:
    """The total is the sum of the printed lines, and a statement is issued once, and again only when what was issued is superseded."""
    seen: dict[str, tuple[int, str]] = {}
    for statement in statements:
        before = seen.get(statement.statement_id)
        if statement.status == "superseded":
            assert before == (statement.revision, "issued"), statement
        else:
            assert before in (None, (statement.revision - 1, "superseded")), f"two statements {statement.statement_id}"
        seen[statement.statement_id] = statement.revision, statement.status
        assert statement.lines or statement.revision > 1, f"statement {statement.statement_id} has no lines"
        assert (
            statement.total
            == sum(line.amount for line in statement.lines)
            == statement.control_total
            == statement.amount_due
        )


def check_numbers(said: Sequence[Said]) -> None:
    """Outputs are numbered without gaps, and within a record of the log from 0."""
    assert [one.position.output_seq for one in said] == list(range(len(said)))
    ordinals: Counter[int] = Counter()
    last = 0
    for one in said:
        place = one.position
        assert place.log_offset >= last
        last = place.log_offset
        assert place.ordinal == ordinals[place.log_offset]
        ordinals[place.log_offset] += 1


def check_periods(history: Sequence[Logged], said: Iterable[Said]) -> None:
    """Nothing is posted to a period that is closed when the event is folded, but for memos of what the ERP never had in it."""
    closed: dict[tuple[str, str], tuple[int, bool]] = {}
    companies: dict[str, LegalEntityDefined] = {}
    offset = -1
    for one in said:
        while offset < one.position.log_offset:
            offset += 1
            event = history[offset].event
            if isinstance(event, LegalEntityDefined):
                companies[event.legal_entity_id] = event
            if isinstance(event, AccountingPeriodClosed) and not _has_begun(companies, event):
                continue
            if isinstance(event, AccountingPeriodClosed | AccountingPeriodReopened) and not approves_itself(event):
                key = event.legal_entity_id, event.period
                if event.version > closed.get(key, (0, False))[0]:
                    closed[key] = event.version, isinstance(event, AccountingPeriodClosed)
        if isinstance(one.record, JournalEntry) and one.record.rule != NEVER_ACCEPTED:
            key = one.record.legal_entity_id, one.record.period
            assert not closed.get(key, (0, False))[1], f"{one.record} is posted to a closed period"


def _has_begun(companies: Mapping[str, LegalEntityDefined], event: AccountingPeriodClosed) -> bool:
    """Else the close is refused."""
    company = companies.get(event.legal_entity_id)
    period = period_named(company.fiscal_calendar, event.period) if company is not None else None
    return company is None or period is None or period.start <= local_date(event.occurred_at, company.zone)


def check_exceptions(said: Iterable[Said]) -> None:
    """What is closed was open, and what is raised again says so by its revision."""
    open_now: dict[str, int] = {}
    for one in said:
        kind = type(one.record).__name__
        if kind == "ExceptionRaised":
            had = open_now.get(one.record.exception_id)
            assert had is None or one.record.revision > had, f"raised twice: {one.record}"
            open_now[one.record.exception_id] = one.record.revision
            if one.record.category in ("over_cap", "over_purchase_order"):
                named = one.record.entries
                assert len(set(named)) == len(named) == min(one.record.blocks_count, 100), (
                    f"names not all: {one.record}"
                )
        elif kind == "ExceptionClosed":
            assert one.record.exception_id in open_now, f"closed, but not open: {one.record}"
            del open_now[one.record.exception_id]


# Sums and indexes that the fold keeps


def check_sums(store: Store, engagement_id: str, ledgers: Mapping[str, str]) -> None:
    """Every sum is that of its entries: contract lines, burn and months of projects, work that waits. `ledgers`: currency by company."""
    entries = entries_of(store, engagement_id)
    parts = store.engagement(engagement_id).parts
    lines = line_totals(entries)
    for (kind, part_id), part in parts.items():
        if kind == "line":
            assert sums_of(part) == lines.get(part_id, dict.fromkeys(LINE_SUMS, 0)), f"line {part_id}"
        elif kind == "project":
            _check_project(part, entries, parts, ledgers)
        elif kind == "spending":
            own = [one for entry in entries if (one := spent_by(entry)) is not None and composed(*one[:2]) == part_id]
            by_month = {
                month: with_work(SpentInMonth(), [(one, 1) for one in own if month_of(one.day) == month], part.apart)
                for month in sorted({month_of(one.day) for one in own})
            }
            expected = {month: sums for month, sums in by_month.items() if sums.days}
            assert part.months == tuple(expected), f"spending {part_id}"
            for month, sums in expected.items():
                assert parts["spent", composed(*parts_of(part_id), month)] == sums, f"spent {part_id} in {month}"
    assert {part_id for kind, part_id in parts if kind == "line"} >= set(lines)
    used = {one.project_id for entry in entries for one in (entry.work, entry.behind) if one is not None}
    assert {part_id for kind, part_id in parts if kind == "project"} >= used


def _check_project(
    project: Project, entries: Iterable[Entry], parts: Mapping[tuple[str, str], Any], ledgers: Mapping[str, str]
) -> None:
    hours = billable = elsewhere = 0
    memo: Counter[str] = Counter()
    posted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    months: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    waiting: Counter[str] = Counter()
    for entry in entries:
        standing, price = entry.standing, standing_price(entry)
        for issued in entry.issued:
            of_line = parts["line", composed(issued.contract_id, issued.line_id)]
            billed_in = issued.project_id or of_line.project_id
            if issued.account in REVENUE and billed_in == project.project_id:
                terms = parts["contract", issued.contract_id].terms
                month = f"{issued.day:%Y-%m}|{terms.currency}"
                months[month][2] += issued.invoiced
                ledger = ledgers.get(terms.legal_entity_id, terms.currency)
                if ledger != terms.currency:
                    posted[f"{month}|{ledger}"][2] += issued.invoiced
                    posted[f"{month}|{ledger}"][3] += issued.invoiced_ledger
        if entry.work is not None and entry.work.project_id == project.project_id:
            waiting.update(fault.category for fault in entry.work.faults)
        if standing is None:
            continue
        if standing.project_id == project.project_id:
            if standing.cost is not None:
                cost = standing.cost
                hours += cost.hours
                figures = months[f"{cost.day:%Y-%m}|{cost.currency}"]
                figures[0] += cost.hours
                figures[1] += cost.amount
            if price is not None:
                billable += price.hours - price.passed_hours
                memo[price.currency] += price.memo
                elsewhere += standing.time is not None and standing.time.billed_elsewhere
        if price is not None and (price.project_id or standing.project_id) == project.project_id:
            months[f"{price.day:%Y-%m}|{price.currency}"][2] += price.earns
        for journal in standing.journals:
            is_here = (journal.project_id or standing.project_id) == project.project_id
            if is_here and journal.currency != journal.ledger_currency:
                sums = posted[f"{journal.service_date:%Y-%m}|{journal.currency}|{journal.ledger_currency}"]
                for line in journal.lines:
                    if line.account in {*PROJECT_COST, *REVENUE}:
                        sign, place = (-1, 2) if line.account in REVENUE else (1, 0)
                        sums[place] += sign * line.amount
                        sums[place + 1] += sign * line.ledger_amount
    assert project.burn == Burn(hours, billable, {key: sum_ for key, sum_ in memo.items() if sum_}, elsewhere)
    assert without_all_zeros(project.posted) == without_all_zeros(posted)
    assert without_all_zeros(project.months) == without_all_zeros(months)
    assert project.waiting == dict(waiting)


def without_all_zeros(months: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {month: tuple(figures) for month, figures in months.items() if any(figures)}


# By account: what is recognised, may be billed and is invoiced.
ON_ACCOUNT = ("recognised", "billable", "invoiced")
LINE_SUMS = ("hours", "value", "recognised", "billable", "over", "written_off", "issued", "invoiced")


def sums_of(totals: LineTotals) -> dict[str, int]:
    by_account = {
        f"{name} on {account}": amount
        for account, amounts in totals.accounts.items()
        for name, amount in zip(ON_ACCOUNT, amounts, strict=True)
        if amount
    }
    return {name: getattr(totals, name) for name in LINE_SUMS} | by_account


def line_totals(entries: Iterable[Entry]) -> dict[str, dict[str, int]]:
    """What the standing prices of entries and what was issued of them come to, by contract line."""
    found: defaultdict[str, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(LINE_SUMS, 0)))
    for entry in entries:
        price = standing_price(entry)
        if price is not None and price.line_id:
            sums = found[composed(price.contract_id, price.line_id)]
            sums["hours"] += price.hours - price.passed_hours
            sums["value"] += price.value - price.passed
            sums["recognised"] += price.recognised + price.rounding
            sums["billable"] += price.billable + price.rounding
            sums[f"recognised on {price.account}"] += price.recognised + price.rounding
            sums[f"billable on {price.account}"] += price.billable + price.rounding
            sums["over"] += price.chargeable - price.passed - price.billable
            sums["written_off"] += price.written_off
        for issued in entry.issued:
            sums = found[composed(issued.contract_id, issued.line_id)]
            sums["issued"] += issued.amount
            sums["invoiced"] += issued.invoiced
            sums[f"invoiced on {issued.account}"] += issued.invoiced
            if issued.account in REVENUE:
                sums["recognised"] += issued.invoiced
                sums[f"recognised on {issued.account}"] += issued.invoiced
    return {
        key: {name: amount for name, amount in sums.items() if amount or name in LINE_SUMS}
        for key, sums in found.items()
    }


def standing_price(entry: Entry) -> Price | None:
    return entry.standing.price if entry.standing is not None else None


def check_indexes(store: Store, engagement_id: str) -> None:
    """The indexes hold exactly what the rows say: open lines, parked entries and what they wait for."""
    entries = entries_of(store, engagement_id)
    (no,) = store.db.execute("SELECT no FROM engagements WHERE id = ?", (engagement_id,)).fetchone()
    said_open = {
        (f"{contract}{SEPARATOR}{line}", *place) for entry in entries for contract, line, *place in open_keys(entry)
    }
    assert set(store.db.execute("SELECT line, day, id, person FROM open_entries WHERE no = ?", (no,))) == said_open
    parked = {
        (entry.entry_id, entry.work.log_offset) for entry in entries if entry.work is not None and entry.work.faults
    }
    assert set(store.db.execute("SELECT id, log_offset FROM parked WHERE no = ?", (no,))) == parked
    waits = {
        (kind, key, f"entry:{entry.entry_id}", entry.work.log_offset)
        for entry in entries
        if entry.work is not None
        for fault in entry.work.faults
        for kind, key in fault.waits
    }
    found = store.db.execute(
        "SELECT kind, key, name, log_offset FROM waits WHERE no = ? AND name LIKE 'entry:%'", (no,)
    )
    assert set(found) == waits


def check_buckets(store: Store, engagement_id: str, now: int) -> None:
    """A bucket holds what its entries were granted, of a whole term also by the days of the last weeks before `now`, and the sums of
    `over_cap` what they were refused; nothing else is taken."""
    parts = store.engagement(engagement_id).parts
    first = universal_day(now) - DAYS_KEPT
    by_day: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    taken: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    lacking: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    over: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries_of(store, engagement_id):
        price, standing = standing_price(entry), entry.standing
        if price is None or standing is None or not price.line_id:
            continue
        for part_id, (amount, hours) in _granted(parts["contract", price.contract_id], price, standing.person_id):
            taken[part_id][0] += amount
            taken[part_id][1] += hours
            if part_id.endswith("/") and price.day.toordinal() >= first and not is_of_no_day(entry.entry_id):
                by_day[part_id].update(
                    {(price.day.toordinal(), "amount"): amount, (price.day.toordinal(), "hours"): hours}
                )
            wanted = price.claimed
            lacks = max(wanted[0] - amount, 0), max((wanted[1] if wanted[0] else 0) - hours, 0)
            lacking[part_id] = [had + more for had, more in zip(lacking[part_id], (any(lacks), *lacks), strict=True)]
        waits = price.claimed[0] - price.billable - price.passed
        if price.binding is not None and waits > 0:
            over[composed(price.contract_id, price.binding)][0] += waits
            over[composed(price.contract_id, price.binding)][1] += 1
    for (kind, part_id), part in parts.items():
        if kind == "bucket":
            assert isinstance(part, CapBucket)
            assert [part.bucket.amount, part.bucket.hours] == taken.pop(part_id, [0, 0]), (part_id, part)
            days = {day: sums for day, sums in part.days.items() if day >= first}
            kept = {
                (day, name): one
                for day, sums in days.items()
                for name, one in zip(("amount", "hours"), sums, strict=True)
            }
            assert without_zeros(kept) == without_zeros(by_day[part_id]), (part_id, part)
            assert [part.refused, part.refused_amount, part.refused_hours] == lacking[part_id], (part_id, part)
        elif kind == "cap":
            assert isinstance(part, CapState)
            assert [part.over_amount, part.over_entries] == over.pop(part_id, [0, 0]), (part_id, part)
    assert not any(any(sums) for sums in taken.values()), dict(taken)
    assert not over, dict(over)


def _granted(contract: Contract, price: Price, person_id: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Bucket, amount and hours of what one entry was granted."""
    history = versions(contract)
    if all(line_named(version.terms, price.line_id) is None for version in history):
        history = tuple(version_of(stored) for stored in contract.former)
    group = cap_group(history, price.line_id)
    apart = any(_bills_apart(history, line_id) for line_id in group) or bind_billing_alone(history, group)
    allowed, billable = (price.allowed, price.allowed_hours), (price.billable, price.billable_hours)
    for rule in counting(cap_rules(history, price.line_id, price.content), price.day):
        cap_id, period = bucket_key(rule, price.day, person_id)
        for allotment, granted in (("revenue", allowed), ("billing", billable)) if apart else (("", billable),):
            if allotment == "revenue" and rule.counted_again:
                continue
            yield f"{composed(price.contract_id, allotment, cap_id)}/{period}", granted


def _bills_apart(history: Sequence[Version], line_id: str) -> bool:
    """Whether a hard cap over the line is split in another way for billing than for revenue, in any version that still counts."""
    named = [line_named(version.terms, line_id) for version in history]
    retroactive = [place for place, version in enumerate(history) if version.retroactive and named[place]]
    since = retroactive[-1] if retroactive else 0
    for version, line in zip(history[since:], named[since:], strict=True):
        stated = line_policies(version.terms, line, version.defaults)
        own = [line.terms.cap] if line is not None and isinstance(line.terms, TimeAndMaterials) else []
        for cap in (*own, *(cap for cap in version.terms.shared_caps if line_id in cap.lines)):
            if cap is not None and cap.kind == "hard" and "time" in (cap.includes or stated.cap_includes or ()):
                split = cap.split or stated.cap_split or "split"
                if (stated.cap_split_billing or split) != split:
                    return True
    return False


def check_trial_balance(books: Books) -> None:
    """Cost is what is booked, the contract position recognised less invoiced, receivables what is invoiced."""
    expected: Counter[tuple[str, str, str]] = Counter()
    for engagement_id in engagements(books.shard.store):
        for entry in entries_of(books.shard.store, engagement_id):
            _expect_entry(expected, books, engagement_id, entry)
    actual: Counter[tuple[str, str, str]] = Counter()
    for (entity, currency, account), amount in balances(books.journals).items():
        actual[entity, currency, "position" if account in CONTRACT_POSITION else account] += amount
    assert without_zeros(actual) == without_zeros(expected)


def _expect_entry(expected: Counter[tuple[str, str, str]], books: Books, engagement_id: str, entry: Entry) -> None:
    standing, price = entry.standing, standing_price(entry)
    if standing is not None and standing.cost is not None:
        cost = standing.cost
        expected[cost.legal_entity_id, cost.currency, cost.account] += cost.amount
        expected[cost.legal_entity_id, cost.currency, "1400"] += cost.tax
        expected[cost.legal_entity_id, cost.currency, cost.against] -= cost.amount + cost.tax
    parts = books.shard.store.engagement(engagement_id).parts
    if price is not None and price.line_id:
        terms = parts["contract", price.contract_id].terms
        recognised = price.recognised + price.rounding
        expected[terms.legal_entity_id, price.currency, "position"] += recognised
        expected[terms.legal_entity_id, price.currency, price.revenue] -= recognised
    for issued in entry.issued:
        terms = parts["contract", issued.contract_id].terms
        relieved = issued.account if issued.account in REVENUE else "position"
        expected[terms.legal_entity_id, terms.currency, relieved] -= issued.invoiced
        expected[terms.legal_entity_id, terms.currency, "1100"] += issued.invoiced


def check_liabilities(books: Books) -> None:
    """What stands on 2300 is what the books keep of each contract, never on the other side, and gone in both currencies at once."""
    posted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for journal in books.journals:
        for line in journal.lines:
            if line.account == "2300":
                posted[journal.contract_id or ""][0] -= line.amount
                posted[journal.contract_id or ""][1] -= line.ledger_amount
    kept: dict[str, list[int]] = {}
    for engagement_id in engagements(books.shard.store):
        for (kind, part_id), part in books.shard.store.engagement(engagement_id).parts.items():
            if kind == "liability":
                amounts = list(part.lines.values())
                assert all(amount > 0 for amount, _ in amounts), part
                if part.position is not None:  # where a line earns over time, all that stands on 2300
                    amounts = [(-amount, -ledger) for amount, ledger in part.position[1:]]
                kept[part_id] = [sum(amount for amount, _ in amounts), sum(ledger for _, ledger in amounts)]
    said, held = ({key: sums for key, sums in found.items() if any(sums)} for found in (posted, kept))
    assert said == held


def check_positions(books: Books) -> None:
    """Where an entry has nothing left unbilled in contract currency it has none in ledger currency either."""
    left: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for journal in books.journals:
        for line in journal.lines:
            if line.account in UNBILLED and journal.contract_id is not None:
                left[journal.contract_id, line.account][0] += line.amount
                left[journal.contract_id, line.account][1] += line.ledger_amount
    entries = [entry for one in engagements(books.shard.store) for entry in entries_of(books.shard.store, one)]
    if all(
        price is None or price.recognised + price.rounding == sum(i.invoiced for i in e.issued)
        for e in entries
        for price in [standing_price(e)]
    ):
        assert all(ledger == 0 for amount, ledger in left.values() if amount == 0), dict(left)


def check_rests(books: Books, history: Sequence[Logged]) -> None:
    """What `verify` says: rows and journals agree, and nothing is left in the ledger where the contract currency is zero."""
    events = [one.event for one in history]
    entities: defaultdict[str, list[Policies]] = defaultdict(list)
    for defined in events:
        if isinstance(defined, LegalEntityDefined):
            entities[defined.legal_entity_id].append(defined.policies or Policies())
    terms = terms_of((one for one in events if isinstance(one, ContractSigned | ContractAmended)), entities)
    outputs = tuple(SeenOutput("", *said) for said in books.said)
    has_holds = any(isinstance(one, BillingHoldPlaced) for one in events)
    for engagement_id in engagements(books.shard.store):
        told = AuditedEngagement(engagement_id, outputs, terms, has_holds)
        retold = accounts_of(told)
        assert not ledger_rests(told, retold.entries).violations
        rows = entries_of(books.shard.store, engagement_id)
        parts = books.shard.store.engagement(engagement_id).parts
        assert not books_agree(EngagementBooks(engagement_id, parts, rows), retold.entries).violations


def check(books: Books, history: Sequence[Logged]) -> None:
    """Everything above."""
    check_journals(books.journals)
    check_statements(books.statements)
    check_numbers(books.said)
    check_periods(history, books.said)
    check_exceptions(books.said)
    ledgers = {journal.legal_entity_id: journal.ledger_currency for journal in books.journals}
    now = max((one.position.recorded_at for one in books.said), default=0)
    for engagement_id in engagements(books.shard.store):
        check_sums(books.shard.store, engagement_id, ledgers)
        check_indexes(books.shard.store, engagement_id)
        check_buckets(books.shard.store, engagement_id, now)
    check_trial_balance(books)
    check_liabilities(books)
    check_rests(books, history)
