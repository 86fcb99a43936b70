"""The catalogue of exceptions: who owns one, how bad it is, and what would resolve it (EVENTS, Exceptions)."""

from collections.abc import Mapping
from typing import NamedTuple


class Category(NamedTuple):
    owner_role: str
    severity: str
    resolution: str


CATALOGUE: Mapping[str, Category] = {
    "period_closed_no_open_period": Category(
        "finance", "error", "Reopen the accounting period, or let policy closed_period be next_open."
    ),
    "statement_differs_from_invoice": Category(
        "finance", "error", "Post the invoice with the statement's amount, or waive the difference."
    ),
    "over_credited": Category(
        "finance",
        "error",
        "Have whoever issued the credit memo send it again, under the same id, with what is left of the invoice, or drop it by a waiver.",
    ),
    "posting_rejected": Category("finance", "error", "Correct the cause in the ERP and post the invoice again."),
    "misapplied": Category(
        "finance",
        "error",
        "Send it again with invoices of its customer and no more than is open, or reverse it; of a payment that is waived what "
        "does not fit stays unapplied.",
    ),
    "cap_below_consumption": Category("finance", "warning", "Amend the cap or the price, or credit what is above it."),
    "rounding_over_limit": Category(
        "finance", "warning", "Check the exchange rates of the journal; raise rounding_limit if they are right."
    ),
    "no_estimate": Category("finance", "info", "Send EstimateRevised, or give the project or its line a cost budget."),
    "no_contract": Category("delivery", "warning", "Sign a contract with a line for the project."),
    "no_contract_line": Category(
        "delivery",
        "warning",
        "Amend the contract with a line that takes this work, or correct the entry's task or line.",
    ),
    "outside_contract_dates": Category("delivery", "warning", "Extend the contract, correct the date, or waive."),
    "over_cap": Category("delivery", "warning", "Raise the cap by an amendment, or accept the work as not billable."),
    "hours_out_of_range": Category("delivery", "error", "Correct the hours, raise hours_max_per_entry, or waive."),
    "amount_out_of_range": Category("delivery", "error", "Correct the amounts or quantities in a higher version."),
    "self_approved": Category("delivery", "error", "Have another person approve a new version, or waive."),
    "conflicting_version": Category("delivery", "error", "Send the right content with a higher version."),
    "unknown_milestone": Category(
        "delivery", "warning", "Put the milestone on a contract line by an amendment, or revoke its acceptance."
    ),
    "milestone_overdue": Category(
        "delivery", "warning", "Have the milestone accepted, or move its due date by an amendment."
    ),
    "after_project_end": Category("delivery", "warning", "Move the project's end, correct the date, or waive."),
    "no_rate": Category(
        "commercial", "warning", "Publish a rate card, or put a rate on the contract line, assignment or person."
    ),
    "amendment_gap": Category("commercial", "warning", "Send the amendment of the version it replaces."),
    "unapproved_amendment": Category(
        "commercial", "warning", "Approve the amendment and send it with a higher version."
    ),
    "invalid_terms": Category("commercial", "error", "Correct the terms and send them with a higher version."),
    "no_exchange_rate": Category("platform", "warning", "Publish the exchange rate for the date."),
    "stale_exchange_rate": Category(
        "platform", "warning", "Publish a newer exchange rate, or allow older ones by rate_staleness_days."
    ),
    "no_cost_rate": Category("platform", "warning", "Set a cost rate for the person or the role."),
    "unknown_reference": Category("platform", "warning", "Send the record that is named."),
    "unrouted": Category("platform", "warning", "Activate the project, or sign the contract that names it."),
    "not_authoritative": Category(
        "platform", "warning", "Send the fact from the system that owns it, or change [ownership]."
    ),
    "unsupported": Category("platform", "error", "Change the terms, or activate rules that handle them."),
    "intake_behind": Category("platform", "warning", "Let intake catch up; the day was ended without waiting for it."),
    "skipped_by_operator": Category("platform", "error", "Correct what the skipped record was to do by a new event."),
    "project_already_bound": Category(
        "platform", "warning", "Leave the project where it is, or close it and open another."
    ),
}
