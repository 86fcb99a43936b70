"""The account roles that journals post to, with the names people read; numbers are mapped to a ledger's own on delivery."""

from __future__ import annotations

from collections.abc import Mapping

from domain.capabilities import ACCOUNTS

BANK = "1010"
RECEIVABLE = "1100"
UNAPPLIED_CASH = "1120"
UNBILLED_RECEIVABLE = "1150"
CONTRACT_ASSET = "1160"
RETENTION_RECEIVABLE = "1170"
WORK_IN_PROGRESS = "1300"
INPUT_TAX = "1400"
EXPENSE_CLEARING = "2100"
LABOR_ABSORPTION = "2150"
CONTRACT_LIABILITY = "2300"
CUSTOMER_DEPOSIT = "2310"
OUTPUT_TAX = "2400"
SERVICE_REVENUE = "4000"
REIMBURSABLE_REVENUE = "4050"
LABOR_COST = "5000"
EXPENSE_COST = "5100"
BAD_DEBT = "6900"
EXCHANGE_DIFFERENCE = "7110"
CURRENCY_ROUNDING = "7190"

# Recognised and not invoiced: unbilled = 1150 + 1160, the contract position takes deferred revenue off.
UNBILLED = (UNBILLED_RECEIVABLE, CONTRACT_ASSET)
CONTRACT_POSITION = (*UNBILLED, CONTRACT_LIABILITY)
# Presented net for each contract, on one side only (R46).
CONTRACT_SIDES = (CONTRACT_ASSET, CONTRACT_LIABILITY)
# Of customers: what companies of the group charge each other is neither revenue nor cost of the group.
REVENUE = (SERVICE_REVENUE, REIMBURSABLE_REVENUE)
PROJECT_COST = (LABOR_COST, EXPENSE_COST, WORK_IN_PROGRESS)

NAMES: Mapping[str, str] = {
    BANK: "Bank",
    RECEIVABLE: "Accounts receivable",
    UNAPPLIED_CASH: "Unapplied cash",
    UNBILLED_RECEIVABLE: "Unbilled receivable",
    CONTRACT_ASSET: "Contract asset",
    RETENTION_RECEIVABLE: "Retention receivable",
    WORK_IN_PROGRESS: "Work in progress, cost",
    INPUT_TAX: "Input tax",
    EXPENSE_CLEARING: "Accounts payable, expense clearing",
    LABOR_ABSORPTION: "Payroll accrual, labor absorption",
    CONTRACT_LIABILITY: "Contract liability, deferred revenue",
    CUSTOMER_DEPOSIT: "Customer deposit",
    OUTPUT_TAX: "Output tax",
    SERVICE_REVENUE: "Service revenue",
    REIMBURSABLE_REVENUE: "Reimbursable revenue",
    LABOR_COST: "Project labor cost",
    EXPENSE_COST: "Project expense cost",
    BAD_DEBT: "Bad debt",
    EXCHANGE_DIFFERENCE: "Realised exchange difference",
    CURRENCY_ROUNDING: "Currency rounding",
    **ACCOUNTS,
}


def cost_account(against: str) -> str:
    """Where cost stands in the end that is owed on `against`."""
    return EXPENSE_COST if against == EXPENSE_CLEARING else LABOR_COST


def name_of(account: str) -> str:
    return NAMES.get(account, "")
