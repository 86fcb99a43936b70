"""What an audit says: which promise, how often it was looked at, and the first places where it does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.audit.about import about
from domain.capabilities import OF_BALANCES, OF_JOURNALS, promises_of
from domain.outputs import Output, Position

FILES = "files"
GENESIS = "genesis"
INTAKE = "intake"
OUTPUT_SEQ = "output_seq"
CAUSES = "causes"
INPUT_CHAIN = "input_chain"
OUTPUT_CHAIN = "output_chain"
JOURNALS = "journals"
PERIODS = "periods"
JOURNAL_IDS = "journal_ids"
REVERSALS = "reversals"
EXCEPTIONS = "exceptions"
STATEMENTS = "statements"
NUMBERS = "numbers"
TAX = "tax"
BILLED_ONCE = "billed_once"
INVOICES = "invoices"
POSITION = "position"
LEDGER_REST = "ledger_rest"
PRICES = "prices"
CAPS = "caps"
SOURCES = "sources"
VIEWS = "views"
FORECASTS = "forecasts"
CONTROL_TOTALS = "control_totals"
CERTIFICATES = "certificates"
BOOKS = "books"
STORE = "store"
REFOLD = "refold"

# In the order in which they are reported.
PROMISES: Mapping[str, str] = {
    FILES: "every output file holds what progress says and can be read",
    GENESIS: "the log begins with rules and schemas that exist, and with its first round",
    INTAKE: "rounds and intake's memory say what the log says",
    OUTPUT_SEQ: "outputs are numbered without gap or repeat",
    CAUSES: "every output follows from a record of the log, in the log's order",
    INPUT_CHAIN: "the log is the one that was processed",
    OUTPUT_CHAIN: "the outputs are the ones that were written",
    JOURNALS: "journals balance in transaction and in ledger currency, in whole units of each",
    PERIODS: "journals are in the period of their date, which was open",
    JOURNAL_IDS: "no journal is there twice",
    REVERSALS: "a reversal mirrors one journal, and no journal is reversed twice",
    **promises_of(OF_JOURNALS),
    EXCEPTIONS: "exceptions are raised before they are closed",
    STATEMENTS: "statements foot in whole units of their currency, their parts are complete, and the customers they bill are defined",
    NUMBERS: "numbers of statements have no gap in their range, and none is used twice",
    TAX: "a statement shows the tax that its region's policy gives",
    BILLED_ONCE: "a statement bills what was accrued and not billed before",
    INVOICES: "a billing journal posts one statement with its amounts, and hours are credited at its rates",
    POSITION: "contract balance = recognised - invoiced",
    LEDGER_REST: "no ledger amount is left where the contract currency is zero, and what is revalued is worth its amount at the rate",
    **promises_of(OF_BALANCES),
    PRICES: "no event takes what is earned over time above the price in force, with all that its variable parts may add",
    CAPS: "no more is billed or recognised than a cap allows",
    SOURCES: "sources that fund a contract pay what their lines say, up to their limits",
    VIEWS: "project views say what journals and statements say",
    FORECASTS: "forecasts follow each other, sum by month, and their changes are explained",
    CONTROL_TOTALS: "control totals are those of the journals before them",
    CERTIFICATES: "certificates of closes say what the journals before them come to, and name the certificate before",
    BOOKS: "the books' sums are those of their entries, and the entries' those of their journals",
    STORE: "the store holds the books that the log gives, in the pages that were written",
    REFOLD: "recomputing everything from the log gives the same bytes",
}


# What folding again, causes and numbers tell of an output counts after what the business says of it.
MECHANICAL = (REFOLD, CAUSES, OUTPUT_SEQ)
# They only say that something is wrong.
CHAINS = frozenset({INPUT_CHAIN, OUTPUT_CHAIN})
VIOLATIONS_KEPT = 20


class Finding(NamedTuple):
    """`checked` is None for what was not looked at; of the violations the first are kept."""

    check: str
    promise: str
    checked: int | None
    violations: int
    first: tuple[Violation, ...]


class Report(NamedTuple):
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Violation | None:
        found = _in_order(each for finding in self.findings for each in finding.first)
        return found[0] if found else None

    @property
    def violations(self) -> int:
        return sum(finding.violations for finding in self.findings)


class AuditTally:
    """Grows while an audit goes on; keeps few violations however many there are."""

    def __init__(self) -> None:
        self._checked: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[Violation]] = {}

    def count(self, check: str, checked: int) -> None:
        self._checked[check] = self._checked.get(check, 0) + checked

    def add(self, violations: Iterable[Violation]) -> None:
        for each in violations:
            self._counts[each.check] = self._counts.get(each.check, 0) + 1
            first = self._first.setdefault(each.check, [])
            first.append(each)
            if len(first) > 50 * VIOLATIONS_KEPT:
                self._first[each.check] = _in_order(first)[:VIOLATIONS_KEPT]

    def take(self, checked: Checked) -> None:
        self.count(checked.check, checked.checked)
        self.add(checked.violations)

    def has_found(self, check: str) -> bool:
        return bool(self._counts.get(check))

    def report(self) -> Report:
        return Report(
            tuple(
                Finding(
                    name,
                    promise,
                    self._checked.get(name),
                    self._counts.get(name, 0),
                    tuple(_in_order(self._first.get(name, ()))[:VIOLATIONS_KEPT]),
                )
                for name, promise in PROMISES.items()
            )
        )


class SeenOutput(NamedTuple):
    """An output where it stands."""

    topic: str
    position: Position
    record: Output


class Violation(NamedTuple):
    """`output_seq` is None for what is not about one output; `output` says in words what stands there."""

    check: str
    topic: str
    output_seq: int | None
    subject: str
    expected: str
    found: str
    output: str = ""


class Differs(NamedTuple):
    """What was expected of a thing that is named elsewhere, and what was found."""

    expected: str
    found: str


class Checked(NamedTuple):
    """How many things a check looked at, and what it found wrong."""

    check: str
    checked: int
    violations: tuple[Violation, ...] = ()


def violation(check: str, seen: SeenOutput, subject: str, expected: object, found: object) -> Violation:
    return Violation(
        check, seen.topic, seen.position.output_seq, subject, str(expected), str(found), about(seen.record)
    )


def _in_order(violations: Iterable[Violation]) -> list[Violation]:
    """What tells most first: a file that cannot be read, unless folding again says what is missing in it; then outputs by their numbers,
    where everything that follows from a wrong one stands after it, and of one output the more basic promise first; then what is not
    about one output; last the chains, which say only that something is wrong.
    """
    found = list(violations)
    rank = {
        check: place
        for place, check in enumerate((*(each for each in PROMISES if each not in MECHANICAL), *MECHANICAL))
    }
    is_known = any(each.check == REFOLD and each.output_seq is not None for each in found)
    return sorted(
        found,
        key=lambda each: (
            is_known or each.check != FILES,
            each.check in CHAINS,
            each.check == STORE,
            each.output_seq is None,
            each.output_seq or 0,
            rank[each.check],
            each.subject,
        ),
    )
