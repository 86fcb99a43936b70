"""How every field counts: the table of stories (`stories.tsv`), and the short list of what is only carried, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from domain.refusals import ACCEPTED, REFUSALS
from tests.every_fact.schema_fields import fields, named, records

TABLE: Final = Path(__file__).parent / "stories.tsv"

# Of every event. What stands in the position of each output that an event causes is shown by a test of its own.
HEADER: Final[Mapping[str, str]] = {
    "event_id": "stands with every output that the event causes",
    "occurred_at": "stands with every output that the event causes",
    "recorded_at": "stands with every output that the event causes",
    "correlation_id": "stands with every output that the event causes",
    "source": "intake asks by it which system may say what (`not_authoritative`)",
    "engagement_id": "intake sends the event to its engagement by it",
    "project_id": "intake sends the event to its engagement by it",
    "version": "a higher one replaces a lower one (tests/properties/test_arrival.py, test_repeats.py)",
    "requested_by": "who asked for it, for the record; where nobody may decide alone there is a story",
    "approved_by": "who approved it, for the record; where nobody may decide alone there is a story",
}
# Events that are dealt with before any engagement, with the tests that show it.
BEFORE_THE_BOOKS: Final[Mapping[str, str]] = {
    "IdentityLinked": "intake replaces other names by it (tests/state/intake/test_directory.py)",
    "IntakeNoticed": "intake writes it itself, and an exception says it (tests/state/intake/test_intake.py)",
    "RulesActivated": "the shard stops where it has no such rules (tests/state/test_rules.py)",
}
# What is in events that are refused as a whole, or in a part of a line that is.
REFUSED_WITH: Final[Mapping[str, str]] = {"FundingForward": "balances_in_parts"}
FOR_PEOPLE: Final = "words for people, in the log"
AS_BEFORE: Final = "repeats what the fact that it ends has said"
CARRIED: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("AccountingPeriodClosed.reason", "AccountingPeriodReopened.reason"),
            *(
                "BillingHoldPlaced.reason",
                "BillingHoldReleased.reason",
                "ContractAmended.reason",
                "ExceptionResolved.reason",
                "RevenueAdjusted.reason",
                "VariableConsideration.kind",
                "VariableConsiderationRevised.reason",
            ),
            *("ExceptionWaived.reason", "StatementReturned.reason", "WrittenOff.reason"),
            *("CustomerDefined.name", "LegalEntityDefined.name", "PersonDefined.name"),
        ),
        FOR_PEOPLE,
    ),
    **dict.fromkeys(
        (
            *("BillingHoldReleased.scope", "BillingHoldReleased.placed_on", "MilestoneRevoked.accepted_on"),
            *("PaymentReversed.exchange_rate", "PaymentReversed.applications"),
            *(
                f"ProjectClosed.{name}"
                for name in ("name", "legal_entity_id", "customer_id", "manager", "starts_on", "budget", "dimensions")
            ),
        ),
        AS_BEFORE,
    ),
    "BillingHoldPlaced.placed_on": "for showing: a hold acts from its place in the log",
    "ContractSigned.signed_on": "for the record: terms hold from starts_on",
    "ContractAmended.signed_on": "for the record: terms hold from effective_on",
    "ExceptionAssigned.identified_by": "how the person was known, for the record",
    "ExceptionResolved.identified_by": "how the person was known, for the record",
    "ExceptionWaived.identified_by": "how the person was known, for the record",
    "ExpenseApproved.supplier_id": "who is paid, for the ERP: Milepost credits one clearing account",
    "CostRateSet.cost_rate_id": "identity: versions are counted for it",
    **dict.fromkeys(
        ("WrittenOff.what", "WrittenOff.what=unbilled", "WrittenOff.what=receivable"),
        "says which of entries and invoice_id is stated; either alone is asked for where an event is read",
    ),
    "TimeApproved.zone": "for showing: the day is that of the billing zone",
    "EstimateRevised.contract_id": "intake finds the engagement of a line by it",
    "ProjectActivated.customer_id": "whose project it is, for people: the contract says who is billed",
    "ProjectActivated.manager": "for people",
    "StatementRequested.request_id": "identity: a repeat is known by it",
}


# What takes more than one engagement, or names that no scenario has.
SHOWN_BY_A_TEST: Final[Mapping[str, str]] = {
    "PaymentApplied.exchange_rate": "tests/state/test_shared_application.py",
    **dict.fromkeys(
        (
            *("BalanceForward.percent", "BalanceForward.units", "ReceivableForward.ledger_open"),
            *(f"CapForward.{name}" for name in ("cap_id", "amount", "hours", "month")),
            *(
                f"LedgerForward.{name}"
                for name in ("revenue", "unbilled", "tax", "paid", "written_off", "retention", "deposit")
            ),
        ),
        "tests/moving_in/stories.md",
    ),
    "ReceivableForward.source_row": "tests/scenarios/brought_forward.md",
    "ReceivableForward.retention": "tests/scenarios/brought_forward.md",
    "ReceivableForward.ledger_retention": "tests/moving_in/stories.md",
    "BalanceForward.unbilled": "tests/moving_in/stories.md",
    "SpentForward.source_row": "tests/commands/test_import_balances.py",
    "CapForward.source_row": "tests/explain/test_balances.py",
    "CostForward.source_row": "tests/commands/test_import_balances.py",
    "AccountForward.source_row": "tests/commands/test_import_balances.py",
    "EntryForward.source_row": "tests/commands/test_import_balances.py",
    **dict.fromkeys(
        (
            f"EntryForward.{name}"
            for name in (
                *("entry_id", "worked_on", "amount", "hours", "over_cap", "over_cap_hours"),
                *("person_id", "task", "role", "rate", "markup_percent", "category"),
            )
        ),
        "tests/moving_in/stories.md",
    ),
    "InvoicedForward.source_row": "tests/scenarios/brought_forward.md",
    **dict.fromkeys(
        (f"InvoicedForward.{name}" for name in ("invoice_id", "amount", "ledger_revenue")),
        "tests/scenarios/brought_forward.md",
    ),
    **dict.fromkeys((f"InvoicedForward.{name}" for name in ("entry_id", "hours")), "tests/moving_in/stories.md"),
    **dict.fromkeys(
        (f"AccountForward.{name}" for name in ("account", "ledger_amount", "part")), "tests/moving_in/stories.md"
    ),
    **dict.fromkeys(
        (
            f"CostForward.{name}"
            for name in ("currency", "cost", "ledger_cost", "expenses", "ledger_expenses", "hours", "billable")
        ),
        "tests/moving_in/stories.md",
    ),
    "PayerForward.source_row": "tests/commands/test_import_balances.py",
    "RetainerForward.source_row": "tests/commands/test_import_balances.py",
    "MilestoneForward.source_row": "tests/commands/test_import_balances.py",
    **dict.fromkeys(
        (
            *(f"CustomerDefined.{name}" for name in ("vat_id", "tax_registration", "registration_number")),
            *(f"LegalEntityDefined.{name}" for name in ("vat_id", "tax_registration", "registration_number")),
            *("CustomerDefined.buyer_reference", "LegalEntityDefined.legal_note"),
            *(f"PostalAddress.{name}" for name in ("street", "postal_code", "city", "region", "country")),
            *("Endpoint.scheme", "Endpoint.id", "Contact.name", "Contact.email", "Contact.phone"),
            *(f"BankAccount.{name}" for name in ("account", "bic", "bank_name", "holder")),
        ),
        "tests/commands/test_party_fields.py",
    ),
    **dict.fromkeys(
        (
            *(f"NumberRange.{name}" for name in ("range_id", "format", "first_number")),
            *("NumberRange.takes", "NumberRange.takes=statement", "NumberRange.takes=credit"),
            *("NumberRange.restarts", "NumberRange.restarts=never", "NumberRange.restarts=year"),
        ),
        "tests/reliability/test_statement_numbers.py",
    ),
    "NumberRange.restarts=fiscal_year": "tests/domain/test_number_ranges.py",
    "TaxRule.kind=outside_scope": "tests/commands/sendable_firm.py",
    "TaxRule.reason": "tests/commands/test_e_invoice.py",
    **dict.fromkeys(("PostingAccepted.posted_on", "PostingAccepted.period"), "tests/state/test_standings.py"),
    **dict.fromkeys(
        (
            "PersonDefined.cost_center",
            *("Policies.dimensions_from", "Policies.dimensions_from=entry", "Policies.dimensions_from=project"),
        ),
        "tests/state/test_dimensions.py",
    ),
    **dict.fromkeys(
        (f"PersonCapacitySet.{name}" for name in ("person_id", "version", "month", "hours", "time_off")),
        "tests/glance/test_people.py",
    ),
}


class Row(NamedTuple):
    """`how` as `twins.counts` says it, in a story by its name."""

    how: str
    story: str


def refused_whole(key: str) -> str | None:
    """The refusal of the event or part that has the field; None where the field counts for itself."""
    record = key.partition(".")[0]
    name = REFUSED_WITH.get(record, record)
    return name if name in REFUSALS else None


def carried(key: str) -> str | None:
    """Why a field changes no output by itself; None where a story has to show it."""
    record = key.partition(".")[0]
    if record in BEFORE_THE_BOOKS:
        return BEFORE_THE_BOOKS[record]
    return CARRIED.get(key) or CARRIED.get(key.partition("=")[0])


def is_refused_policy(key: str) -> bool:
    return key.partition("=")[0] in {f"Policies.{name}" for name in ACCEPTED}


def counts_by_its_fields(key: str) -> set[str]:
    """The records that a field holds; empty for all others."""
    return {name for name in named(fields()[key]["type"]) if name in records()}


def needs_a_story(key: str) -> bool:
    instead = refused_whole(key) or carried(key) or SHOWN_BY_A_TEST.get(key) or key.partition(".")[2] in HEADER
    return not (instead or is_refused_policy(key) or counts_by_its_fields(key))


def read() -> dict[str, Row]:
    lines = (line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if line)
    return {key: Row(how, story) for key, how, story in lines}


def write(rows: Mapping[str, Row]) -> None:
    lines = (f"{key}\t{row.how}\t{row.story}\n" for key, row in sorted(rows.items()))
    TABLE.write_text("".join(lines), encoding="utf-8")
