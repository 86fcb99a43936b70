"""The mapping of balances that a running firm brings: one file or several, each row a line, a cap, an invoice or another part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal, get_args

from pydantic import Field

from connectors.imports.cells import (
    CellPart,
    CurrencyCell,
    DateCell,
    FlagCell,
    HoursCell,
    IdCell,
    InstantCell,
    NumberCell,
    TextCell,
    VersionCell,
)
from connectors.imports.row_kinds import KindsMapping

RowKind = Literal[
    "line",
    "cap",
    "milestone",
    "retainer",
    "payer",
    "funding",
    "spent",
    "cost",
    "account",
    "invoiced",
    "entry",
    "receivable",
]
KINDS: Final[tuple[RowKind, ...]] = get_args(RowKind)
LEDGER: Final = "ledger_"


class ProjectFields(CellPart):
    """Of every row: whose balances they are, of which day, and how often they were stated before."""

    project_id: IdCell
    as_of: DateCell
    engagement_id: IdCell | None = None
    version: VersionCell | None = None
    occurred_at: InstantCell | None = None
    requested_by: IdCell | None = None
    approved_by: IdCell | None = None


class OfLine(CellPart):
    """What rows of a contract line have in common."""

    line_id: IdCell
    contract_id: IdCell | None = None


class BalanceLineFields(OfLine):
    """A contract line's balances; what is in ledger currency begins with `ledger_`, but cost and expenses, which always are."""

    currency: CurrencyCell | None = None
    hours: HoursCell | None = None
    billable_hours: HoursCell | None = None
    cost: NumberCell | None = None
    expenses: NumberCell | None = None
    revenue: NumberCell | None = None
    billed: NumberCell | None = None
    tax: NumberCell | None = None
    paid: NumberCell | None = None
    written_off: NumberCell | None = None
    cap_used: NumberCell | None = None
    over_cap: NumberCell | None = None
    retention: NumberCell | None = None
    deposit: NumberCell | None = None
    provision: NumberCell | None = None
    rebates_given: NumberCell | None = None
    units: NumberCell | None = None
    percent: NumberCell | None = None
    reimbursed: NumberCell | None = None
    unbilled_ended: NumberCell | None = None
    conceded: NumberCell | None = None
    given_back: NumberCell | None = None
    unbilled: NumberCell | None = None
    ledger_revenue: NumberCell | None = None
    ledger_unbilled: NumberCell | None = None
    ledger_tax: NumberCell | None = None
    ledger_paid: NumberCell | None = None
    ledger_written_off: NumberCell | None = None
    ledger_retention: NumberCell | None = None
    ledger_deposit: NumberCell | None = None


class CapFields(OfLine):
    """Use of a shared cap, a cap in hours or by month, or a purchase order."""

    cap_id: IdCell
    amount: NumberCell | None = None
    hours: HoursCell | None = None
    month: DateCell | None = None


class MilestoneFields(OfLine):
    """A milestone that was accepted."""

    milestone_id: IdCell
    accepted_on: DateCell


class RetainerFields(OfLine):
    """What is left of one retainer period."""

    starts_on: DateCell
    left: NumberCell
    expires_on: DateCell | None = None
    expired: NumberCell | None = None


class PayerFields(OfLine):
    """One bill-to's part of a line, where the contract has several."""

    customer_id: IdCell
    billed: NumberCell | None = None
    paid: NumberCell | None = None
    tax: NumberCell | None = None
    retention: NumberCell | None = None
    written_off: NumberCell | None = None
    deposit: NumberCell | None = None
    unbilled: NumberCell | None = None


class FundingFields(OfLine):
    """What of a funding source is used."""

    source_id: IdCell
    used: NumberCell


class SpentFields(OfLine):
    """What was spent of one budget of a price by progress of cost."""

    category: IdCell
    spent: NumberCell


class CostFields(OfLine):
    """What of a line's cost was spent in another currency, or on work that is not billable, with its hours; what begins with `ledger_` is
    the same in ledger currency."""

    spent_in: CurrencyCell
    cost: NumberCell | None = None
    ledger_cost: NumberCell | None = None
    expenses: NumberCell | None = None
    ledger_expenses: NumberCell | None = None
    hours: HoursCell | None = None
    billable: FlagCell | None = None


class AccountFields(OfLine):
    """What the ledger carries on an account, debit positive; of unbilled work also part by part."""

    account: IdCell
    ledger_amount: NumberCell
    part: IdCell | None = None


class InvoicedFields(OfLine):
    """What an open invoice bills of the line, or of one entry, net of tax and before retention; `ledger_revenue` is the ledger's revenue
    of it."""

    invoice_id: IdCell
    amount: NumberCell
    ledger_revenue: NumberCell | None = None
    entry_id: IdCell | None = None
    hours: HoursCell | None = None


class EntryFields(OfLine):
    """One entry of work that is on no statement, and what of it waits for room under a cap."""

    entry_id: IdCell
    worked_on: DateCell
    amount: NumberCell
    hours: HoursCell | None = None
    over_cap: NumberCell | None = None
    over_cap_hours: HoursCell | None = None
    person_id: IdCell | None = None
    task: IdCell | None = None
    role: IdCell | None = None
    rate: NumberCell | None = None
    markup_percent: NumberCell | None = None
    category: IdCell | None = None


class OpenInvoiceFields(CellPart):
    """An invoice that is not paid in full, or of which something is retained."""

    invoice_id: IdCell
    contract_id: IdCell | None = None
    bill_to: IdCell | None = None
    currency: CurrencyCell | None = None
    invoiced_on: DateCell
    due_on: DateCell | None = None
    net: NumberCell
    tax: NumberCell | None = None
    open: NumberCell
    retention: NumberCell | None = None
    ledger_open: NumberCell | None = None
    ledger_retention: NumberCell | None = None


class BalancesMapping(KindsMapping):
    """A section for each kind of row, and `project` for all."""

    KINDS: ClassVar[tuple[str, ...]] = KINDS
    WHERE: ClassVar[str] = "docs/mappings/balances.toml"

    files: Mapping[str, RowKind] = Field(default_factory=dict)
    project: ProjectFields
    line: BalanceLineFields
    cap: CapFields | None = None
    milestone: MilestoneFields | None = None
    retainer: RetainerFields | None = None
    payer: PayerFields | None = None
    funding: FundingFields | None = None
    spent: SpentFields | None = None
    cost: CostFields | None = None
    account: AccountFields | None = None
    invoiced: InvoicedFields | None = None
    entry: EntryFields | None = None
    receivable: OpenInvoiceFields | None = None

    def section(self, kind: RowKind) -> CellPart | None:
        found: CellPart | None = getattr(self, kind)
        return found

    def reads(self, kinds: frozenset[str]) -> Iterator[tuple[str, TextCell]]:
        """Every (key, cell) that is asked of rows of these kinds."""
        sections = [("project", self.project), *((kind, self.section(kind)) for kind in KINDS if kind in kinds)]
        if self.kind is not None:
            yield "kind", self.kind
        for name, part in sections:
            if part is not None:
                for field in type(part).model_fields:
                    cell = getattr(part, field)
                    if isinstance(cell, TextCell):
                        yield f"{name}.{field}", cell
