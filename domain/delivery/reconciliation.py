"""What was posted beside what the ERP's ledger holds: sums by account and currency, and each difference with its likely cause.

Documents are compared by their key. Of one that both sides have, the first of these that differs is the cause: it stands there twice; it
is not posted there; its currency; its period; its date; its amount; its accounts. Where the ERP says that the entry was edited after it
was made, the cause is `changed`, with what differs.

    ours    MPK7  Dr 1150 100.00  Cr 4000 100.00
    theirs  MPK7  Dr 1150 100.00  Cr 4010 100.00     account: Cr 4000 100.00 there on 4010
            JE-9  Dr 4000  50.00  Cr 9999  50.00     by_hand: nobody but Milepost posts to 4000

Amounts are compared in the document's currency, or in the ledger's where the entry is in that, as some journals of exchange differences
are; then in the ledger's currency. An ERP that converts by itself may be off there by half a cent a line of the entry, on any account:

    ours    Dr 1150 1,000.01 USD = 900.01 EUR  Cr 4000 1,000.01 USD = 900.01 EUR     two lines at 0.90, so 0.01 EUR is no difference
    theirs  Dr 1150 1,000.01 USD = 990.01 EUR  Cr 4000 1,000.01 USD = 990.01 EUR     amount: 90.00 EUR
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from domain import accounts, capabilities
from domain.counting import counted
from domain.delivery.chart import EntityChart
from domain.delivery.documents import DocumentLine, JournalDocument, is_key
from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.events.common import LedgerDifference, LedgerSum
from domain.ledger.journal import debits
from domain.money import HALF_UP, convert, format_amount, smallest_unit
from domain.units import EXCHANGE_RATE_ONE, Amount

# Likely causes.
MISSING: Final = "missing"
TWICE: Final = "twice"
NOT_POSTED: Final = "not_posted"
CURRENCY: Final = "currency"
PERIOD: Final = "period"
DATE: Final = "date"
AMOUNT: Final = "amount"
ACCOUNT: Final = "account"
CHANGED: Final = "changed"
BY_HAND: Final = "by_hand"
WITHDRAWN: Final = "withdrawn"
REJECTED: Final = "rejected"
UNKNOWN: Final = "unknown"
MORE: Final = "more"

# An event has a bound; what is beyond is counted in one.
DIFFERENCES_MAX: Final = 1_000
_DIGEST_BYTES: Final = 12
NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}

# Nobody but Milepost posts to these. Others touch cash, receivables, payables and tax.
_OURS_ALONE: Final = frozenset(
    {
        accounts.WORK_IN_PROGRESS,
        accounts.LABOR_ABSORPTION,
        accounts.SERVICE_REVENUE,
        accounts.REIMBURSABLE_REVENUE,
        accounts.LABOR_COST,
        accounts.EXPENSE_COST,
        *capabilities.OURS,
    }
)
# These too, where the ERP's invoices are ours; else those who make the invoices clear them.
_OURS_BILLED: Final = frozenset(
    {
        accounts.UNBILLED_RECEIVABLE,
        accounts.CONTRACT_ASSET,
        accounts.RETENTION_RECEIVABLE,
        accounts.CONTRACT_LIABILITY,
        accounts.CUSTOMER_DEPOSIT,
        capabilities.REFUND_LIABILITY,
    }
)

_Sides: TypeAlias = tuple[Amount, Amount]
NONE: Final[_Sides] = (0, 0)


class _Seen(NamedTuple):
    """What of a document differs; `account` where it is one alone."""

    cause: str
    what: str
    amount: Amount
    currency: str
    account: str | None = None


class ExpectedDocument(NamedTuple):
    """A document that the ERP has answered; `is_posted`: with posted, not only with accepted."""

    document: JournalDocument
    is_posted: bool


class ErpInvoice(NamedTuple):
    """An invoice that the ERP has said it posted; `gross` is with its tax, `currency_id` what the ERP may call its currency.

    `net` is what it bills by account of the ERP, credits positive; empty where nobody says on which accounts it stands. `by_hand` is the
    invoice's own id, where delivery did not send it.
    """

    key: str
    statement_id: str
    posted_on: date
    currency: str
    currency_id: str
    gross: Amount
    net: tuple[tuple[str, Amount], ...] = ()
    by_hand: str = ""


class ErpPeriod(NamedTuple):
    """Half-open; `ids` are its names in the ERP."""

    name: str
    since: date
    to: date
    ids: frozenset[str]


class Reconciliation(NamedTuple):
    """`agreed` are journals and invoices that both sides have alike, `unposted` those that wait in the ERP for somebody to post them."""

    sums: tuple[LedgerSum, ...]
    differences: tuple[LedgerDifference, ...]
    agreed: int
    unposted: int


def compare(
    chart: EntityChart,
    period: ErpPeriod,
    expected: Iterable[ExpectedDocument],
    entries: Iterable[LedgerEntry],
    withdrawn: Mapping[str, tuple[str, ...]] = NOTHING,
    unanswered: Collection[str] = (),
    invoices: Iterable[ErpInvoice] = (),
    rejected: Mapping[str, tuple[str, ...]] = NOTHING,
) -> Reconciliation:
    """Of one company and period. `expected` and `entries` may reach beyond it, so that what was moved is found where it stands.

    `withdrawn` are keys, with their journals, that the ERP had refused for good, `rejected` those whose data or account it refused;
    `unanswered` are those that it may have and has not answered.
    """
    entries = list(entries)
    period = _named_there(period, entries)
    all_ours = {each.document.key: each for each in expected}
    ours = {key: each for key, each in all_ours.items() if each.document.period == period.name}
    billed = {each.key: each for each in invoices}
    theirs: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
    strangers: list[LedgerEntry] = []
    guarded = guarded_accounts(chart, period)
    for entry in entries:
        is_here, is_of_us = _is_in(entry, period), is_key(entry.key)
        if entry.key in ours or entry.key in billed or (is_of_us and is_here and entry.key not in all_ours):
            theirs[entry.key].append(entry)
        elif not is_of_us and is_here and any(line.account in guarded for line in entry.lines):
            strangers.append(entry)
    journals = {key: some for key, some in theirs.items() if key not in billed and key not in unanswered}
    found = [one for key, each in ours.items() for one in _of_ours(each, theirs.get(key, ()), period)]
    found += [
        _of_theirs(entry, withdrawn, rejected) for key, some in journals.items() if key not in ours for entry in some
    ]
    found += [one for entry in strangers for one in _made_by_hand(entry, guarded)]
    invoiced = [each for each in billed.values() if period.since <= each.posted_on < period.to]
    found += [one for each in invoiced for one in _of_invoice(each, theirs.get(each.key, ()), period, guarded)]
    there = {key for key, some in theirs.items() if any(entry.is_posted for entry in some)}
    standing = [entry for some in journals.values() for entry in some if entry.is_posted and _is_in(entry, period)]
    differing = {each.key for each in found}
    return Reconciliation(
        _sums(
            [each.document for key, each in ours.items() if each.is_posted or key in there],
            standing,
            [_only(entry, guarded) for entry in strangers],
        ),
        _bounded(sorted(found, key=lambda each: (-abs(each.amount), each.key, each.cause))),
        sum(key in there and key not in differing for key in (*ours, *(each.key for each in invoiced))),
        sum(not each.is_posted and key in theirs and key not in there for key, each in ours.items()),
    )


def _of_ours(each: ExpectedDocument, there: Sequence[LedgerEntry], period: ErpPeriod) -> Iterator[LedgerDifference]:
    document = each.document
    money = debits(document.lines)
    if not there:
        said = "was posted, and is not in the ERP's ledger" if each.is_posted else "was accepted, and is not in the ERP"
        yield _difference(document, MISSING, f"{document.key} {said}", money)
        return
    if len(there) > 1:
        named = ", ".join(sorted(entry.reference for entry in there))
        yield _difference(
            document, TWICE, f"{document.key} stands in the ERP {len(there)} times: {named}", money * (len(there) - 1)
        )
        return
    entry = there[0]
    if entry.is_changed and not entry.lines:
        said = f"{entry.reference} is not as it was made, and what {document.key} is there now cannot be read"
        yield _difference(document, CHANGED, said, money)
        return
    seen = _seen(document, entry, period, is_posted=each.is_posted)
    if seen is None:
        return
    cause, said = seen.cause, f"{entry.reference}: {seen.what}"
    if entry.is_changed and cause != NOT_POSTED:
        cause, said = CHANGED, f"{entry.reference} was edited in the ERP after it was made: {seen.what}"
    yield LedgerDifference(document.key, cause, said, seen.amount, seen.currency, seen.account, document.members)


def _seen(document: JournalDocument, entry: LedgerEntry, period: ErpPeriod, *, is_posted: bool) -> _Seen | None:
    """The first thing that differs."""

    def whole(cause: str, what: str) -> _Seen:
        return _Seen(cause, what, debits(document.lines), document.currency)

    if is_posted and not entry.is_posted:
        return whole(NOT_POSTED, "the ERP had posted it, and it is not posted there now")
    if entry.currency not in _currencies(document, entry):
        return whole(CURRENCY, f"expected {document.currency}, the ERP has {entry.currency}")
    if not _is_in(entry, period):
        where = entry.period or "another period"
        return whole(PERIOD, f"expected period {period.name}, the ERP has {where}, {entry.posted_on}")
    if entry.posted_on != document.accounting_date:
        return whole(DATE, f"expected {document.accounting_date}, the ERP has {entry.posted_on}")
    return _other_lines(document, entry) or (_converted_otherwise(document, entry) if entry.is_posted else None)


def _other_lines(document: JournalDocument, entry: LedgerEntry) -> _Seen | None:
    in_ledger = _is_in_ledger_currency(document, entry)
    currency = document.ledger_currency if in_ledger else document.currency
    ours, theirs = _by_account(document.lines, in_ledger=in_ledger), _by_account(entry.lines)
    differing = [account for account in sorted({*ours, *theirs}) if ours.get(account) != theirs.get(account)]
    return _unlike(ours, theirs, differing, currency) if differing else None


def _converted_otherwise(document: JournalDocument, entry: LedgerEntry) -> _Seen | None:
    """In the ledger's currency; where the ERP converts, half its smallest unit a line of the entry is left to it on each account."""
    currency = document.ledger_currency
    ours, theirs = (_by_account(lines, in_ledger=True) for lines in (document.lines, entry.lines))
    known, room = [ours], 0
    if currency not in {document.currency, entry.currency}:
        known.append({account: _at_rate(document, sides) for account, sides in _by_account(entry.lines).items()})
        room = len(entry.lines) * smallest_unit(currency)

    def is_near(account: str) -> bool:
        found = theirs.get(account, NONE)
        return any(
            all(2 * abs(a - b) <= room for a, b in zip(found, each.get(account, NONE), strict=True)) for each in known
        )

    differing = [account for account in sorted({*ours, *theirs}) if not is_near(account)]
    return _unlike(ours, theirs, differing, currency) if differing else None


def _at_rate(document: JournalDocument, sides: _Sides) -> _Sides:
    debit, credit = (
        convert(side, document.exchange_rate, EXCHANGE_RATE_ONE, document.ledger_currency, HALF_UP) for side in sides
    )
    return debit, credit


def _unlike(ours: Mapping[str, _Sides], theirs: Mapping[str, _Sides], differing: Sequence[str], currency: str) -> _Seen:
    """Of accounts that differ."""
    said = "; ".join(
        f"{account}: expected {_text(ours.get(account, NONE), currency)}, found {_text(theirs.get(account, NONE), currency)}"
        for account in differing[:5]
    )
    debited, credited = (
        [theirs.get(account, NONE)[side] - ours.get(account, NONE)[side] for account in differing] for side in (0, 1)
    )
    money = max(_changed(debited), _changed(credited))
    if sum(debited) or sum(credited):
        return _Seen(AMOUNT, said, money, currency, differing[0] if len(differing) == 1 else None)
    cause = AMOUNT if all(account in ours and account in theirs for account in differing) else ACCOUNT
    return _Seen(cause, said, money, currency, next((account for account in differing if account in ours), None))


def _changed(changes: Sequence[Amount]) -> Amount:
    """What is too much or too little on one side, whichever is more: what was moved from one account to another counts once."""
    return max(sum(each for each in changes if each > 0), -sum(each for each in changes if each < 0))


def _of_invoice(
    invoice: ErpInvoice, there: Sequence[LedgerEntry], period: ErpPeriod, guarded: Collection[str]
) -> Iterator[LedgerDifference]:
    """As of a journal, but its lines: what the customer owes; then what it bills, by account, where that is known."""
    said, whole = f"the invoice of {invoice.statement_id}", abs(invoice.gross)

    def difference(cause: str, message: str, amount: Amount) -> LedgerDifference:
        return LedgerDifference(invoice.key, cause, message, amount, invoice.currency)

    if not there:
        what = "was posted, and is not in the ERP's ledger"
        if invoice.by_hand:
            what = (
                f"was invoiced by hand as {invoice.by_hand}, and the ERP's ledger has no invoice under the statement's key, {invoice.key}: "
                "if it is there, give it that key as its external id"
            )
        yield difference(MISSING, f"{invoice.statement_id} {what}" if invoice.by_hand else f"{said} {what}", whole)
        return
    if len(there) > 1:
        named = ", ".join(sorted(entry.reference for entry in there))
        yield difference(TWICE, f"{said} stands in the ERP {len(there)} times: {named}", whole * (len(there) - 1))
        return
    entry = there[0]
    if not entry.is_posted:
        yield difference(NOT_POSTED, f"{said}, {entry.reference}, is not posted there now", whole)
    elif entry.currency not in {invoice.currency, invoice.currency_id}:
        yield difference(CURRENCY, f"{said}: expected {invoice.currency}, the ERP has {entry.currency}", whole)
    elif entry.posted_on != invoice.posted_on:
        cause = DATE if _is_in(entry, period) else PERIOD
        what = f"expected {invoice.posted_on}, the ERP has {entry.posted_on}"
        yield difference(CHANGED if entry.is_changed else cause, f"{said}, {entry.reference}: {what}", whole)
    else:
        owed = {account: debit + credit for account, (debit, credit) in _by_account(entry.lines).items()}
        net = dict(invoice.net) if entry.names_accounts else {}
        ours_alone = set(guarded) - net.keys() if net else set()
        receivable = _receivable(invoice, owed, net, ours_alone)
        if invoice.gross and receivable is None:
            what, money = _owed_otherwise(invoice, owed, net, ours_alone)
            yield difference(CHANGED if entry.is_changed else AMOUNT, f"{said}, {entry.reference}: {what}", money)
        elif what_and_money := _billed_otherwise(invoice, owed, net, ours_alone, receivable):
            what, money = what_and_money
            yield difference(ACCOUNT, f"{said}, {entry.reference}: {what}; check the items of the chart", money)


def _receivable(
    invoice: ErpInvoice, owed: Mapping[str, Amount], net: Mapping[str, Amount], ours_alone: Collection[str]
) -> str | None:
    """The account that has what the customer owes, and what he retains too where the chart gives both one account."""
    found = (
        account
        for account in sorted({*owed, *net}, key=lambda each: each in net)
        if account not in ours_alone and owed.get(account, 0) == invoice.gross - net.get(account, 0)
    )
    return next(found, None)


def _billed_otherwise(
    invoice: ErpInvoice,
    owed: Mapping[str, Amount],
    net: Mapping[str, Amount],
    ours_alone: Collection[str],
    receivable: str | None,
) -> tuple[str, Amount] | None:
    """On the accounts that it clears, and on those that only Milepost posts to: nothing else of it stands there."""
    if not net:
        return None
    moved = [
        (account, -net.get(account, 0), owed.get(account, 0))
        for account in sorted({*net, *(each for each in owed if each in ours_alone)} - {receivable})
        if owed.get(account, 0) != -net.get(account, 0)
    ]
    if not moved:
        return None
    what = "; ".join(
        f"expected {_one_side(expected, invoice.currency)} on {account}, found {_one_side(has, invoice.currency)}"
        for account, expected, has in moved
    )
    return what, _changed([has - expected for _, expected, has in moved])


def _owed_otherwise(
    invoice: ErpInvoice, owed: Mapping[str, Amount], net: Mapping[str, Amount], ours_alone: Collection[str]
) -> tuple[str, Amount]:
    """What was found, and by how much it differs. Which account is the receivable's only the ERP knows: the most on its side counts."""
    sign = 1 if invoice.gross > 0 else -1
    sums = sorted(((account, amount) for account, amount in owed.items() if amount), key=lambda each: -sign * each[1])
    found = (
        ", ".join(f"{account or 'no account'} {_one_side(amount, invoice.currency)}" for account, amount in sums[:5])
        or "nothing"
    )
    expected = f"expected {_one_side(invoice.gross, invoice.currency)}, with tax, on one account; found {found}"
    sums = [each for each in sums if each[0] not in ours_alone]
    if not sums or sums[0][1] * sign < 0:
        return expected, abs(invoice.gross)
    account, amount = sums[0]
    money = abs(invoice.gross - net.get(account, 0) - amount)
    return (
        f"{expected}. Taking {account} for what the customer owes, {format_amount(money)} {invoice.currency} differ",
        money,
    )


def _of_theirs(
    entry: LedgerEntry, withdrawn: Mapping[str, tuple[str, ...]], rejected: Mapping[str, tuple[str, ...]]
) -> LedgerDifference:
    money = debits(entry.lines)
    if entry.key in withdrawn:
        said = (
            f"{entry.reference}: the ERP had refused {entry.key}, which was replaced, and has it now; reverse it there"
        )
        return LedgerDifference(entry.key, WITHDRAWN, said, money, entry.currency, None, withdrawn[entry.key])
    if entry.key in rejected:
        said = (
            f"{entry.reference}: the ERP had rejected {entry.key}, and has {format_amount(money, entry.currency)} "
            f"{entry.currency} under it now; correct it there, and deliver again"
        )
        return LedgerDifference(entry.key, REJECTED, said, money, entry.currency, None, rejected[entry.key])
    said = f"{entry.reference} has a key of Milepost, {entry.key}, that no document of these books has"
    return LedgerDifference(entry.key, UNKNOWN, said, money, entry.currency)


def _made_by_hand(entry: LedgerEntry, guarded: Mapping[str, str]) -> Iterator[LedgerDifference]:
    """One an account and entry."""
    for account, (debit, credit) in sorted(_by_account(entry.lines).items()):
        if account in guarded:
            said = (
                f"{entry.reference} of {entry.posted_on} is not of Milepost, and is on {account} ({guarded[account]})"
            )
            yield LedgerDifference(entry.reference, BY_HAND, said, max(debit, -credit), entry.currency, account)


def guarded_accounts(chart: EntityChart, period: ErpPeriod) -> Mapping[str, str]:
    """Accounts of the ERP that nobody else posts to, with ours."""
    roles = _OURS_ALONE | (_OURS_BILLED if chart.issues_invoices_of(period.since) else frozenset())
    found = {rule.account: role for role in sorted(roles) for rule in chart.accounts.get(role, ())}
    shared = {rule.account for role, rules in chart.accounts.items() if role not in roles for rule in rules}
    return {account: role for account, role in found.items() if account not in shared}


def _named_there(period: ErpPeriod, entries: Iterable[LedgerEntry]) -> ErpPeriod:
    """Where the chart has no id of the period: with the one that most of our entries of its days have."""
    if period.ids != {period.name}:
        return period
    of_us = (entry for entry in entries if is_key(entry.key) and entry.period)
    common = Counter(entry.period for entry in of_us if period.since <= entry.posted_on < period.to).most_common(1)
    return period._replace(ids=period.ids | {name for name, _ in common})


def _is_in(entry: LedgerEntry, period: ErpPeriod) -> bool:
    """By the ERP's period where its id is known, else by its date."""
    return entry.period in period.ids or (
        not (entry.period and period.ids - {period.name}) and period.since <= entry.posted_on < period.to
    )


def _sums(
    ours: Iterable[JournalDocument], theirs: Sequence[LedgerEntry], strangers: Iterable[LedgerEntry]
) -> tuple[LedgerSum, ...]:
    """By account of the ERP and currency."""
    here: defaultdict[tuple[str, str], list[tuple[str, _Sides]]] = defaultdict(list)
    there: defaultdict[tuple[str, str], list[tuple[str, _Sides]]] = defaultdict(list)
    entries = {entry.key: entry for entry in theirs}
    for document in ours:
        entry = entries.get(document.key)
        in_ledger = entry is not None and _is_in_ledger_currency(document, entry)
        currency = document.ledger_currency if in_ledger else document.currency
        for account, sides in _by_account(document.lines, in_ledger=in_ledger).items():
            here[account, currency].append((document.key, sides))
    for each in (*theirs, *strangers):
        name = each.key if is_key(each.key) else each.reference
        for account, sides in _by_account(each.lines).items():
            there[account, each.currency].append((name, sides))
    return tuple(
        LedgerSum._make((*place, *_sum(here.get(place, [])), *_sum(there.get(place, []))))
        for place in sorted({*here, *there})
    )


def _sum(some: Sequence[tuple[str, _Sides]]) -> tuple[int, Amount, Amount, str]:
    """Credits negative, as in control totals."""
    keys = "\n".join(sorted(key for key, _ in some))
    digest = blake2b(keys.encode(), digest_size=_DIGEST_BYTES).hexdigest() if some else ""
    return len(some), sum(debit for _, (debit, _) in some), sum(credit for _, (_, credit) in some), digest


def _by_account(lines: Iterable[DocumentLine | LedgerLine], *, in_ledger: bool = False) -> dict[str, _Sides]:
    """Debits and credits; a line that is nothing in the currency is left out."""
    found: dict[str, _Sides] = {}
    for line in lines:
        amount = line.ledger_amount if in_ledger else line.amount
        debit, credit = found.get(line.account, (0, 0))
        if amount:
            found[line.account] = (debit + max(amount, 0), credit + min(amount, 0))
    return found


def _currencies(document: JournalDocument, entry: LedgerEntry) -> frozenset[str]:
    """In which it may stand in the ERP."""
    if entry.is_in_ledger_currency:
        return frozenset({document.ledger_currency})
    return frozenset({document.currency, document.currency_id})


def _is_in_ledger_currency(document: JournalDocument, entry: LedgerEntry) -> bool:
    """Though that is not the document's."""
    currency = entry.currency
    return currency in _currencies(document, entry) - {document.currency, document.currency_id}


def _only(entry: LedgerEntry, guarded: Mapping[str, str]) -> LedgerEntry:
    return entry._replace(lines=tuple(line for line in entry.lines if line.account in guarded))


def _difference(document: JournalDocument, cause: str, message: str, amount: Amount) -> LedgerDifference:
    return LedgerDifference(document.key, cause, message, amount, document.currency, None, document.members)


def _bounded(found: Sequence[LedgerDifference]) -> tuple[LedgerDifference, ...]:
    """Those with the most money; of the rest one difference a currency, with how many they are and their money."""
    rest: defaultdict[str, list[LedgerDifference]] = defaultdict(list)
    for each in found[DIFFERENCES_MAX:]:
        rest[each.currency].append(each)
    return (*found[:DIFFERENCES_MAX], *(_summed(currency, some) for currency, some in sorted(rest.items())))


def _summed(currency: str, some: Sequence[LedgerDifference]) -> LedgerDifference:
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(Counter(each.cause for each in some).items()))
    said = f"{counted(len(some), 'further difference')} of less money: {causes}"
    return LedgerDifference(f"more-{currency}", MORE, said, sum(abs(each.amount) for each in some), currency)


def _one_side(amount: Amount, currency: str) -> str:
    return _text((amount, 0) if amount > 0 else (0, amount), currency)


def _text(sides: _Sides, currency: str) -> str:
    debit, credit = sides
    listed = [
        f"{name} {format_amount(abs(amount), currency)}" for name, amount in (("Dr", debit), ("Cr", credit)) if amount
    ]
    return f"{' '.join(listed)} {currency}" if listed else "nothing"
