"""Where several pay and statements wait for approval: each payer is billed its share, whenever its own statement is issued.

Statements of one cut are approved apart, so that they cannot be held together against what their entries accrued. But a statement brings
its payer to what falls to it of the entries that it names, whatever the others were billed: the payer's lines with these entries are its
share of what they accrued by then, but for two cents of each.

    1,500.00 by 60 and 40 %; A is issued 900.00; 1,200.00 are left after a correction, and B's statement is of 480.00
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from domain.audit.findings import BILLED_ONCE, SeenOutput, Violation, violation
from domain.audit.terms import AuditedTerms
from domain.money import format_amount, is_currency, smallest_unit
from domain.outputs import BillingStatement, StatementLine
from domain.units import HUNDRED_PERCENT, Amount

# Contract, bill-to and contract line.
_Whose = tuple[str, str, str]


@dataclass(slots=True)
class ApprovedShares:
    """What was billed to each payer so far, by the entries of each line; and the contract lines that each entry was billed on."""

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
