"""Where several pay: the statements of one cut bring together what their entries had accrued and not billed.

Payers may have the same entries on lines that differ, since one of them was credited something that is billed again: lines of a contract
line that have an entry in common are looked at together.

Of what sources fund a statement lists the entries that its payer has something of, so that a contract line is looked at as a whole; and
what no source is left for waits, so that it is the most that they bring. Where drafts are approved one by one, one may charge what another
payer's has still to give back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from domain.audit.findings import BILLED_ONCE, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms
from domain.money import format_amount, is_currency, smallest_unit
from domain.outputs import BillingStatement, StatementLine
from domain.units import HUNDRED_PERCENT, Amount

Part = TypeVar("Part")
# Contract, bill-to and contract line.
_Whose = tuple[str, str, str]


@dataclass(slots=True)
class ApprovedShares:
    """Where several pay and statements wait for approval: each payer is billed its share, whenever its own statement is issued.

    Statements of one cut are approved apart, so that they cannot be held together against what their entries accrued. But a statement
    brings its payer to what falls to it of the entries that it names, whatever the others were billed: the payer's lines with these
    entries are its share of what they accrued by then, but for two cents of each.

        1,500.00 by 60 and 40 %; A is issued 900.00; 1,200.00 are left after a correction, and B's statement is of 480.00

    What was billed to each payer so far, by the entries of each line; and the contract lines that each entry was billed on.
    """

    billed: dict[_Whose, list[tuple[frozenset[str], Amount]]] = field(default_factory=dict)
    lines: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    credited: set[tuple[str, str]] = field(default_factory=set)

    def credit(self, contract_id: str, entry_id: str) -> None:
        """It is billed again to one payer alone, which statements do not tell."""
        self.credited.add((contract_id, entry_id))

    def see(self, statement: BillingStatement) -> None:
        """Before its lines are added: what moved from one of them to another is on both."""
        for line in statement.lines:
            for entry_id in line.entries:
                self.lines.setdefault((statement.contract_id, entry_id), set()).add(line.line_id)

    def add(
        self,
        seen: SeenOutput,
        statement: BillingStatement,
        line: StatementLine,
        accrued: Mapping[str, Amount | None],
        terms: AuditedTerms,
    ) -> Iterator[Violation]:
        """`accrued` is by entry of the line, None where that is not known."""
        contract_id, entries = statement.contract_id, frozenset(line.entries)
        had = self.billed.setdefault((contract_id, statement.bill_to, line.line_id), [])
        had.append((entries, line.amount))
        with_these = [one for one in had if one[0] & entries]
        amounts = [amount for amount in accrued.values() if amount is not None]
        has_moved = any(len(self.lines[contract_id, entry_id]) > 1 for entry_id in entries)
        is_credited = any((contract_id, entry_id) in self.credited for entry_id in entries)
        if (
            statement.bill_to not in terms.shares
            or len(amounts) < len(entries)
            or has_moved
            or is_credited
            or any(not one[0] <= entries for one in with_these)
        ):
            return
        total, billed = sum(amounts), sum(amount for _, amount in with_these)
        cents = (smallest_unit(statement.currency) if is_currency(statement.currency) else 1) * 2 * len(entries)
        bounds = [total * share // HUNDRED_PERCENT for share in terms.shares[statement.bill_to]]
        if not min(bounds) - cents <= billed <= max(bounds) + cents:
            yield violation(
                BILLED_ONCE,
                seen,
                f"{statement.statement_id} line {line.line_id}, entries {', '.join(line.entries[:5])}",
                f"{' to '.join(format_amount(one) for one in sorted(set(bounds)))} {statement.currency}, the share of "
                f"{statement.bill_to} in {format_amount(total)}, on its statements",
                format_amount(billed),
            )


class Brings(NamedTuple):
    """What an entry may bring: what it has accrued and not billed, or all that is not billed `here`, where it has moved to the line; on a
    line of its own also one of `alone`."""

    left: Amount
    here: Amount
    alone: frozenset[Amount]


@dataclass(slots=True)
class SharedCut:
    """The lines of the statements that follow each other for a contract and period; `known` is by contract line and entry, None where
    it is not."""

    last: tuple[SeenOutput, BillingStatement] | None = None
    lines: list[StatementLine] = field(default_factory=list)
    known: dict[tuple[str, str], Brings | None] = field(default_factory=dict)

    funded: dict[str, dict[str, Amount | None]] = field(default_factory=dict)
    paid: dict[str, Amount] = field(default_factory=dict)
    beside: dict[str, Amount] = field(default_factory=dict)

    def goes_on(self, record: object) -> bool:
        return self.last is None or (
            isinstance(record, BillingStatement)
            and (record.contract_id, record.period) == (self.last[1].contract_id, self.last[1].period)
        )

    def add(
        self, seen: SeenOutput, statement: BillingStatement, line: StatementLine, brings: Mapping[str, Brings | None]
    ) -> None:
        """`brings` is by entry of the line, before anything of the statement was counted."""
        self.last = seen, statement
        self.lines.append(line)
        for entry_id, one in brings.items():
            self.known.setdefault((line.line_id, entry_id), one)

    def add_funded(
        self,
        seen: SeenOutput,
        statement: BillingStatement,
        line: StatementLine,
        left: Mapping[str, Amount | None],
        beside: Amount,
    ) -> None:
        """`left` is what each entry of a line had accrued and not billed, None where that is not known; `beside` what other payers may
        have to give back."""
        self.last = seen, statement
        known = self.funded.setdefault(line.line_id, {})
        for entry_id, amount in left.items():
            known.setdefault(entry_id, amount)
        self.paid[line.line_id] = self.paid.get(line.line_id, 0) + line.amount
        self.beside[line.line_id] = max(self.beside.get(line.line_id, 0), beside)

    def violations(self) -> Iterator[Violation]:
        yield from self._too_much()
        for line_id, entries, amount in self._together():
            wanted = self._wanted(line_id, entries)
            if self.last is not None and wanted and amount not in wanted:
                seen, statement = self.last
                yield violation(
                    BILLED_ONCE,
                    seen,
                    f"statements of contract {statement.contract_id} to {statement.to}, line {line_id}, "
                    f"entries {', '.join(entries[:5])}",
                    f"{format_amount(max(wanted))} {statement.currency} over all payers, accrued and not billed before",
                    format_amount(amount),
                )

    def _together(self) -> list[tuple[str, tuple[str, ...], Amount]]:
        """Contract line, entries and amount of the lines that have an entry in common."""
        return _joined(
            [(line.line_id, line.entries, line.amount) for line in self.lines],
            lambda one, other: one[0] == other[0] and not set(one[1]).isdisjoint(other[1]),
            lambda one, other: (one[0], tuple(dict.fromkeys((*one[1], *other[1]))), one[2] + other[2]),
        )

    def _wanted(self, line_id: str, entries: tuple[str, ...]) -> frozenset[Amount]:
        """Empty where it is not known."""
        brings = [self.known[line_id, entry_id] for entry_id in entries]
        known = [one for one in brings if one is not None]
        if len(known) < len(brings):
            return frozenset()
        sums = frozenset({sum(one.left for one in known), sum(one.here for one in known)})
        return sums | (known[0].alone if len(known) == 1 else frozenset())

    def _too_much(self) -> Iterator[Violation]:
        for line_ids, known in self._moved_together():
            left = [amount for amount in known.values() if amount is not None]
            paid = sum(self.paid[line_id] - self.beside[line_id] for line_id in line_ids)
            if self.last is not None and len(left) == len(known) and paid > sum(left):
                seen, statement = self.last
                yield violation(
                    BILLED_ONCE,
                    seen,
                    f"statements of contract {statement.contract_id} to {statement.to}, line {' and '.join(line_ids)}, "
                    f"entries {', '.join([*known][:5])}",
                    f"at most {format_amount(sum(left))} {statement.currency} of all sources, accrued and not billed before",
                    format_amount(sum(self.paid[line_id] for line_id in line_ids)),
                )

    def _moved_together(self) -> list[tuple[list[str], dict[str, Amount | None]]]:
        """Contract lines between which an entry has moved, with what their entries had left."""
        return _joined(
            [([line_id], known) for line_id, known in self.funded.items()],
            lambda one, other: not one[1].keys().isdisjoint(other[1]),
            lambda one, other: ([*one[0], *other[0]], one[1] | other[1]),
        )


def _joined(
    parts: Iterable[Part], belong: Callable[[Part, Part], bool], together: Callable[[Part, Part], Part]
) -> list[Part]:
    """Each part with those before it to which it belongs, directly or through others."""
    found: list[Part] = []
    for part in parts:
        whole, others = part, []
        for one in found:
            if belong(one, whole):
                whole = together(one, whole)
            else:
                others.append(one)
        found = [*others, whole]
    return found
