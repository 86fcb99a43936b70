"""A contract to fill in: one line of a kind of terms as TOML, each field with what it means and its unit."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from milepost.terms_text import SIGNED, written

HEAD: Final = (
    "A contract with one line of {kind} terms. Replace ids, days and figures; add lines as further [[lines]], of any kind.\n"
    "A comment `Not set` names what else may be stated; docs/events.md#contractsigned says what it is.\n"
    "Then: milepost contract sign FILE.toml"
)
RATES: Final = [{"rate": "150.00", "role": "senior"}, {"rate": "120.00"}]
CAP: Final = {"kind": "hard", "amount": "30000.00"}


class TermsName(StrEnum):
    """As `import contracts` calls them."""

    HOURLY = "hourly"
    FIXED = "fixed"
    MILESTONES = "milestones"
    RETAINER = "retainer"
    SUBSCRIPTION = "subscription"
    COST_PLUS = "cost_plus"
    UNITS = "units"
    EXPENSES = "expenses"
    DEPOSIT = "deposit"


TERMS: Final[Mapping[TermsName, Mapping[str, object]]] = {
    TermsName.HOURLY: {"type": "TimeAndMaterials", "rates": RATES, "cap": CAP},
    TermsName.FIXED: {
        "type": "FixedPrice",
        "price": "20000.00",
        "schedule": [{"on": "2026-03-31", "amount": "12000.00"}, {"on": "2026-06-30", "amount": "8000.00"}],
    },
    TermsName.MILESTONES: {
        "type": "Milestones",
        "milestones": [
            {"milestone_id": "M-1", "name": "Design", "amount": "8000.00", "due_on": "2026-03-31"},
            {"milestone_id": "M-2", "name": "Handover", "amount": "12000.00", "due_on": "2026-06-30"},
        ],
    },
    TermsName.RETAINER: {
        "type": "Retainer",
        "fee": "2000.00",
        "unit": "hours",
        "quantity": "20",
        "per": "month",
        "in_advance": True,
        "overage_rate": "120.00",
    },
    TermsName.SUBSCRIPTION: {"type": "Subscription", "fee": "500.00", "per": "month", "in_advance": True},
    TermsName.COST_PLUS: {"type": "CostPlus", "fee_percent": "15", "cap": CAP},
    TermsName.UNITS: {"type": "UnitPrice", "unit": "page", "unit_price": "40.00"},
    TermsName.EXPENSES: {
        "type": "Expenses",
        "markup": "10",
        "limits": [{"category": "hotel", "amount": "2000.00"}],
        "cap": {"kind": "hard", "amount": "5000.00"},
    },
    TermsName.DEPOSIT: {"type": "Deposit", "amount": "5000.00", "due_on": "2026-01-31"},
}


def form(kind: TermsName) -> str:
    """A whole contract that can be signed as it is, where its ids are known."""
    contract = {
        "contract_id": "K-100",
        "customer_id": "CUSTOMER",
        "legal_entity_id": "COMPANY",
        "currency": "EUR",
        "signed_on": "2026-01-01",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "billing_cycle": {"kind": "monthly"},
        "lines": [{"line_id": "1", "project_id": "PROJECT", "terms": dict(TERMS[kind])}],
    }
    return written(contract, HEAD.format(kind=kind.value), SIGNED)
