"""Where several pay: the statements of one cut bring together what their entries had accrued and not billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from domain.audit.findings import BILLED_ONCE, Seen, Violation, violation
from domain.money import format_amount
from domain.outputs import BillingStatement, StatementLine
from domain.units import Amount

# Contract line and entries.
LineKey = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class SharedCut:
    """The lines of the statements that follow each other for a contract and period.

    `wanted` is what they may bring, empty where that is not known.
    """

    last: tuple[Seen, BillingStatement] | None = None
    wanted: dict[LineKey, frozenset[Amount]] = field(default_factory=dict)
    brought: dict[LineKey, Amount] = field(default_factory=dict)

    def goes_on(self, record: object) -> bool:
        return self.last is None or (
            isinstance(record, BillingStatement)
            and (record.contract_id, record.period) == (self.last[1].contract_id, self.last[1].period)
        )

    def add(self, seen: Seen, statement: BillingStatement, lines: Mapping[int, frozenset[Amount]]) -> None:
        """`lines` is what each line's entries may bring, by its place, before anything of the statement was counted."""
        self.last = seen, statement
        for place, line in enumerate(statement.lines):
            key = _key(line)
            self.wanted.setdefault(key, lines[place])
            self.brought[key] = self.brought.get(key, 0) + line.amount

    def violations(self) -> Iterator[Violation]:
        for key, wanted in self.wanted.items():
            if self.last is not None and wanted and self.brought[key] not in wanted:
                seen, statement = self.last
                yield violation(
                    BILLED_ONCE,
                    seen,
                    f"statements of contract {statement.contract_id} to {statement.to}, line {key[0]}, "
                    f"entries {', '.join(key[1][:5])}",
                    f"{format_amount(max(wanted))} {statement.currency} over all payers, accrued and not billed before",
                    format_amount(self.brought[key]),
                )


def _key(line: StatementLine) -> LineKey:
    return line.line_id, line.entries
