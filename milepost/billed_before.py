"""Statements that a run has issued of days which balances of before include: it came before them, and they cannot be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from connectors.files.no_outputs import NoOutputs
from connectors.files.written import records_of
from connectors.imports.balances_known import read_firm
from domain.billing.statement import ISSUED
from domain.counting import counted
from domain.outputs import BillingStatement
from domain.units import Amount
from milepost.console import amount_text


def billed_before(input_dir: Path, output: Path, projects: Collection[str], as_of: date) -> Iterator[str]:
    """By project and contract, in words."""
    of = {
        (contract.contract_id, project_id)
        for contract in read_firm(input_dir, ()).contracts.values()
        for project_id in contract.project_of.values()
        if project_id in projects
    }
    counts, sums = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in _issued(output):
        if (one.to - as_of).days <= 0:
            counts[one.contract_id, one.currency] += 1
            sums[one.contract_id, one.currency] += one.total
    for contract_id, project_id in sorted(of):
        for (billed, currency), count in sorted(counts.items()):
            if billed == contract_id:
                amount: Amount = sums[billed, currency]
                what = counted(count, "statement")
                yield (
                    f"project {project_id}: a run has issued {what} of contract {contract_id} over {amount_text(amount)} {currency} for "
                    f"days up to {as_of}, which the balances include"
                )


def _issued(output: Path) -> Iterator[BillingStatement]:
    """As last revised."""
    newest: dict[str, BillingStatement] = {}
    try:
        for one in records_of(output, BillingStatement):
            if one.part == 1 and one.status == ISSUED:
                newest[one.statement_id] = one
    except (NoOutputs, OSError):
        return
    yield from newest.values()
