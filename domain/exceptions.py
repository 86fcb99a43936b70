"""The catalogue of exceptions: who owns one, how bad it is, and what would resolve it (EVENTS, Exceptions).

What resolves one is said by category, and where that depends on what it is about, by the kind of its subject too.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias, get_args

from domain.capabilities import CATEGORIES, OWNERS, WAYS_OUT, Category, OwnCategoryName
from domain.refusals import REFUSALS

# fmt: off
ExceptionCategory: TypeAlias = Literal[
    "after_project_end", "amendment_gap", "amount_out_of_range", "balances_differ", "cap_below_consumption",
    "conflicting_version", "hours_out_of_range", "in_balances", "intake_behind", "invalid_terms", "ledger_differs",
    "loss_making", "milestone_overdue", "misapplied", "no_contract", "no_contract_line", "no_cost_rate", "no_estimate",
    "no_exchange_rate", "no_rate", "not_authoritative", "outside_contract_dates", "over_cap", "over_credited",
    "over_funding", "over_purchase_order", "period_closed_no_open_period", "posted_twice", "posting_rejected",
    "project_already_bound", "rounding_over_limit", "self_approved", "skipped_by_operator", "source_differs",
    "stale_exchange_rate", "statement_differs_from_invoice", "tax_differs", "tax_undetermined", "unapproved_amendment",
    "unknown_milestone", "unknown_reference", "unmapped_account", "unrouted", "unsupported",
    OwnCategoryName,
]
# fmt: on
EVERY_CATEGORY: Final[tuple[ExceptionCategory, ...]] = tuple(sorted(get_args(ExceptionCategory)))
# Those that several rooms raise.
DIFFERENCE: Final = "statement_differs_from_invoice"
MISAPPLIED: Final = "misapplied"
NO_ESTIMATE: Final = "no_estimate"
OUTSIDE: Final = "outside_contract_dates"
OUT_OF_RANGE: Final = "amount_out_of_range"
SELF_APPROVED: Final = "self_approved"
UNKNOWN: Final = "unknown_reference"

CATALOGUE: Mapping[str, Category] = {
    "period_closed_no_open_period": Category(
        "finance", "error", "Reopen the accounting period, or let policy closed_period be next_open."
    ),
    "statement_differs_from_invoice": Category(
        "finance", "error", "Post the invoice with the statement's amount and a tax to match, or waive the difference."
    ),
    "over_credited": Category(
        "finance",
        "error",
        "Have the issuer of the credit memo send it again, under the same id, with entries or lines of the invoice, in whole units "
        "of its currency and no more than is left of them, or drop it by a waiver.",
    ),
    "posting_rejected": Category(
        "finance",
        "error",
        "Correct what the ERP names: its record or its period there, or the map in accounts.toml. An invoice that Milepost delivers "
        "goes out again by itself; post any other invoice again.",
    ),
    "balances_differ": Category(
        "finance",
        "error",
        "Correct the balances where they were taken from, and send them with a higher version; nothing of this one is in the books.",
    ),
    "ledger_differs": Category(
        "finance",
        "error",
        "Correct the entry in the ERP, or the chart: the next `milepost reconcile` closes it. Resolve what is right as it is, and say why; "
        "it comes back only if it changes.",
    ),
    "posted_twice": Category(
        "finance",
        "error",
        "Reverse one of both in the ERP, by hand there, then resolve this; Milepost made the journal once.",
    ),
    "unmapped_account": Category(
        "finance",
        "error",
        "Map in accounts.toml what is missing (`milepost accounts check` lists it); what waits for it goes out by itself.",
    ),
    "misapplied": Category(
        "finance", "error", "Send it again, under the same id, with no more than is left, or drop it by a waiver."
    ),
    "tax_undetermined": Category(
        "finance", "warning", "Define the region's tax policy with a rule for the category, or for * (the rest)."
    ),
    "tax_differs": Category(
        "finance",
        "warning",
        "Compare the invoice with the statement's tax basis; correct the invoice in the ERP, or the region's tax policy, then resolve it.",
    ),
    "cap_below_consumption": Category("finance", "warning", "Amend the cap or the price, or credit what is above it."),
    "rounding_over_limit": Category(
        "finance", "warning", "Check the exchange rates of the journal; raise rounding_limit if they are right."
    ),
    "loss_making": Category(
        "finance",
        "warning",
        "Agree a higher price by an amendment, or revise the estimate; what is left of it is a loss for the books to provide for.",
    ),
    "no_estimate": Category("delivery", "info", "Send EstimateRevised, or give the project or its line a cost budget."),
    "no_contract": Category("delivery", "warning", "Sign a contract with a line for the project."),
    "no_contract_line": Category(
        "delivery",
        "warning",
        "Amend the contract with a line that takes this work, or correct the entry's task or line.",
    ),
    "outside_contract_dates": Category("delivery", "warning", "Extend the contract, correct the date, or waive."),
    "over_cap": Category("delivery", "warning", "Raise the cap by an amendment, or accept the work as not billable."),
    "over_purchase_order": Category(
        "delivery",
        "warning",
        "Have the customer raise the order and amend the contract: of an order that another has followed by two amendments of one day, "
        "its number with the new limit, then the number in force again. Or accept the work as not billed.",
    ),
    "over_funding": Category(
        "commercial",
        "warning",
        "Raise a source's limit or add a rule by an amendment that holds for the work, or accept it as not billable.",
    ),
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
    "in_balances": Category(
        "delivery",
        "error",
        "Correct the date, withdraw it as part of the balances, or send balances of an earlier day with a higher version.",
    ),
    "no_rate": Category(
        "commercial", "warning", "Publish a rate card, or put a rate on the contract line, assignment or person."
    ),
    "amendment_gap": Category("commercial", "warning", "Send the amendment of the version it replaces."),
    "unapproved_amendment": Category(
        "commercial", "warning", "Approve the amendment and send it with a higher version."
    ),
    "invalid_terms": Category("commercial", "error", "Correct the terms and send them with a higher version."),
    "no_exchange_rate": Category("finance", "warning", "Publish the exchange rate for the date."),
    "stale_exchange_rate": Category(
        "finance", "warning", "Publish a newer exchange rate, or allow older ones by rate_staleness_days."
    ),
    "no_cost_rate": Category("finance", "warning", "Set a cost rate for the person or the role."),
    **{name: own.category for name, own in CATEGORIES.items()},
    "unknown_reference": Category("platform", "warning", "Send the record that is named."),
    "unrouted": Category(
        "platform",
        "warning",
        "Activate the project, or sign the contract that names it, or say by IdentityLinked which one is meant.",
    ),
    "not_authoritative": Category(
        "platform", "warning", "Send the fact from the system that owns it, or change [ownership]."
    ),
    "unsupported": Category("platform", "error", "Change the terms, or activate rules that handle them."),
    "intake_behind": Category("platform", "warning", "Let intake catch up; the day was ended without waiting for it."),
    "source_differs": Category(
        "platform",
        "error",
        "Send what is missing, or withdraw what the source no longer has; when the day ends on which both agree it is closed.",
    ),
    "skipped_by_operator": Category("platform", "error", "Correct what the skipped record was to do by a new event."),
    "project_already_bound": Category(
        "platform", "warning", "Leave the project where it is, or close it and open another."
    ),
}


_TAKE_BACK = "take it back (PaymentReversed)"
_AGAIN = "send it again, under the same id,"
_APPLY = f"S{_AGAIN[1:]}"
_DROP = "or drop it by a waiver."
_INCLUDED = (
    "Waive it if the balances include it: nothing is booked; else send them again without it, and it with a later day."
)
_SECOND = f"Have another person approve it and {_AGAIN} with who did, or have somebody else waive it."
_MEANT = "or say by IdentityLinked which one is meant"
_STANDS = "The first one stands and is posted: send what is to change as a fact of its own, under another id, and resolve this."

# Kinds of subject of which one thing alone is refused: what to do instead of it is the way out.
_REFUSED_ALONE: Mapping[str, str] = {
    "control_total": "control_total",
    "credit_memo": "deposit_conceded",
    "progress": "progress_unused",
    "variable_consideration": "expected_unit_price",
}


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


# By category and kind of subject, where the way out is another than that of the category.
_BY_SUBJECT: Mapping[tuple[str, str], str] = {
    (
        "amount_out_of_range",
        "project",
    ): "Correct the project's estimate, budget or planned hours: they, or their rates, are more than anybody can mean.",
    (
        "amount_out_of_range",
        "progress",
    ): "Report the progress with 0 to 100 per cent, no less than before, in a higher version. If work has to be done again, resolve it.",
    ("conflicting_version", "credit_memo"): _STANDS,
    ("conflicting_version", "payment"): _STANDS,
    ("conflicting_version", "payment_application"): _STANDS,
    ("conflicting_version", "revenue_adjustment"): _STANDS,
    ("conflicting_version", "write_off"): _STANDS,
    **dict.fromkeys(
        (
            ("project_already_bound", "time_entry"),
            ("project_already_bound", "expense"),
            ("project_already_bound", "delivery"),
        ),
        "Withdraw it, and approve it under a new id: work stays in the engagement where it first went.",
    ),
    **dict.fromkeys(
        (
            ("in_balances", "payment"),
            ("in_balances", "payment_application"),
            ("in_balances", "revenue_adjustment"),
            ("in_balances", "write_off"),
            ("in_balances", "credit_memo"),
        ),
        _INCLUDED,
    ),
    ("misapplied", "payment"): (
        f"Send it again, under the same id, with invoices of its customer and no more than is open, {_TAKE_BACK}, or waive it: "
        "then what does not fit stays unapplied."
    ),
    ("misapplied", "payment_application"): (
        f"{_APPLY} with what is unapplied of the payment and open of its customer's invoices, take back the payment (PaymentReversed), or "
        "waive it: then what does not fit stays as it is."
    ),
    ("misapplied", "revenue_adjustment"): f"{_APPLY} with what the message asks for, {_DROP}",
    (
        "no_exchange_rate",
        "contract_line",
    ): "Publish the rates of the days: what it cost counts as spent, of budgets at the next close of a billing period.",
    (
        "no_estimate",
        "contract_line",
    ): "Send EstimateRevised with the line's line_id, in the contract's currency: what was spent by then is earned with it.",
    (
        "self_approved",
        "accounting_period",
    ): "Have another person approve it and send it with a higher version; until then the period stays as it is.",
    (
        "invalid_terms",
        "accounting_period",
    ): "Send the period that was meant; or this one with a higher version, once it has begun. Until then it stays as it is.",
    ("period_closed_no_open_period", "brought_forward"): (
        "Reopen the accounting period of the day of the balances; then they are taken in."
    ),
    ("posting_rejected", "journal"): (
        "Correct what the ERP names: its record there, the map in accounts.toml, or the fact by a higher version. The journal goes out "
        "again by itself."
    ),
    ("self_approved", "contract"): "Have another person approve the amendment and send it with a higher version.",
    ("self_approved", "credit_memo"): _SECOND,
    ("self_approved", "exception"): "Have another person decide, or approve the decision.",
    ("self_approved", "statement"): "Have somebody approve the statement who has not asked for it.",
    ("self_approved", "revenue_adjustment"): _SECOND,
    (
        "self_approved",
        "variable_consideration",
    ): "Have another person approve it and send it with a higher version; until then the estimate before it holds.",
    (
        "amount_out_of_range",
        "variable_consideration",
    ): "Send it with an amount that the currency can be paid in, in a higher version.",
    (
        "outside_contract_dates",
        "variable_consideration",
    ): "Settle it (`settled`) with what is due, zero where nothing is: of a contract that is over no estimate counts.",
    ("self_approved", "write_off"): _SECOND,
    ("statement_differs_from_invoice", "draft"): (
        "Approve the draft (StatementApproved): the invoice is posted with it; or return it, and cancel the invoice in the ERP."
    ),
    (
        "unknown_reference",
        "accounting_period",
    ): "Send the company (LegalEntityDefined); or close or reopen the period of the right one, and resolve this.",
    ("unknown_reference", "contract"): (
        "Send the company or the customer that is named (LegalEntityDefined, CustomerDefined), or the terms with the right one in a "
        "higher version."
    ),
    ("unknown_reference", "contract_ending"): "Sign the contract, or send the termination of the right one.",
    ("unknown_reference", "credit_memo"): f"Post its invoice, or {_AGAIN} with the right one.",
    ("unknown_reference", "hold"): (
        "Have the entry approved, or sign the contract of the line, that it names; or send the hold with the right one in a higher "
        "version, or release it."
    ),
    ("statement_differs_from_invoice", "invoice"): (
        "Another invoice is posted for its statement, and nothing of this one: cancel or credit it in the ERP, then resolve this; or "
        "send it again with its own statement."
    ),
    ("statement_differs_from_invoice", "posted_invoice"): (
        "Move in the ledger what the message says and stop one of the two feeds, then resolve this: the books stay as they are."
    ),
    ("unknown_reference", "invoice"): (
        "Send the invoice with the id of a statement that was issued; the same one again where that is issued by now."
    ),
    ("unknown_reference", "payment"): (
        f"Post the invoice that it names, {_AGAIN} with the right one, or {_TAKE_BACK}; of one taken back before it came, send the "
        "payment."
    ),
    ("unknown_reference", "payment_application"): (
        f"Send the payment, post the invoice, or {_AGAIN} with the right ones, and with the payment's exchange rate where that is "
        "asked for."
    ),
    ("unknown_reference", "posting"): (
        "Let delivery read the outputs of this generation alone, and look in the ERP for what it posted of another; then resolve this."
    ),
    (
        "unknown_reference",
        "revenue_adjustment",
    ): f"Sign the contract, or amend it with the line that it names, or {_AGAIN} with the right one.",
    ("unknown_reference", "statement"): (
        "Decide about the newest revision of a draft that waits (`milepost statement` lists them), and resolve this if it is about "
        "another id."
    ),
    ("unknown_reference", "statement_request"): "Sign the contract, or request the statement of the right one.",
    ("unknown_reference", "time_entry"): "Send the record that is named, or correct the entry.",
    (
        "unknown_reference",
        "variable_consideration",
    ): "Sign the contract, or amend it with the line and its part, from the day of the revision on; or send it with the right one.",
    ("unknown_reference", "write_off"): (
        f"Post the invoice, or have the work approved, that it names, or {_AGAIN} with the right one."
    ),
    (
        "unrouted",
        "bill_to",
    ): "Sign a contract that bills the customer, or name an invoice of it, a project or an engagement.",
    ("unrouted", "contract"): f"Sign the contract, {_MEANT}.",
    ("unrouted", "delivery"): "Send the delivery that is named, or name the right one.",
    ("unrouted", "expense"): f"Have the expense approved, {_MEANT}.",
    ("unrouted", "hold"): "Send the hold that is released, or name the right one.",
    ("unrouted", "invoice"): f"Post the invoice of its statement, {_MEANT}.",
    ("unrouted", "payment"): f"Send the payment that is taken back or applied, {_MEANT}.",
    ("unrouted", "statement"): "Name a statement that was issued, by its whole id; `milepost statement` lists them.",
    ("unrouted", "time_entry"): f"Have the entry approved, {_MEANT}.",
    ("unsupported", "engagement"): "Book in the ledger what the event asks for, or activate rules that handle it.",
    ("unsupported", "legal_entity"): "Send the company without the policy, or with a value of it that is handled.",
    (
        "unsupported",
        "payment",
    ): f"Send it in the currency of its invoices, {_TAKE_BACK}, or waive it: then it stays unapplied.",
    (
        "unsupported",
        "payment_application",
    ): f"{_APPLY} with invoices in the payment's currency, or waive it: then it stays unapplied.",
    ("unsupported", "project"): "Book in the ledger what the event asks for, or activate rules that handle it.",
    (
        "unsupported",
        "write_off",
    ): f"Amend the price, or credit the work once it is invoiced, as the message says, {_DROP}",
    **{("unsupported", kind): _sentence(REFUSALS[name].instead) for kind, name in _REFUSED_ALONE.items()},
    **WAYS_OUT,
}


# Whose matter it is, where that is another's than the category's: who posts money, and who agrees terms.
_OWNERS: Mapping[tuple[str, str], str] = {
    **{
        (category, kind): "finance"
        for category in ("conflicting_version", "self_approved", "unknown_reference", "unsupported")
        for kind in ("credit_memo", "payment", "payment_application", "revenue_adjustment", "write_off")
    },
    **{
        ("in_balances", kind): "finance"
        for kind in ("credit_memo", "payment", "payment_application", "revenue_adjustment", "write_off")
    },
    **{
        (category, "variable_consideration"): "finance"
        for category in (
            *(
                "amount_out_of_range",
                "conflicting_version",
                "outside_contract_dates",
                "self_approved",
                "unknown_reference",
            ),
            "unsupported",
        )
    },
    **OWNERS,
    ("unsupported", "legal_entity"): "finance",
    ("unsupported", "person_capacity"): "delivery",
    ("conflicting_version", "contract"): "commercial",
    ("invalid_terms", "accounting_period"): "finance",
    ("self_approved", "accounting_period"): "finance",
    ("self_approved", "contract"): "commercial",
    ("self_approved", "exception"): "finance",
    ("self_approved", "statement"): "finance",
    ("unknown_reference", "accounting_period"): "finance",
    ("unknown_reference", "contract"): "commercial",
    ("unknown_reference", "contract_ending"): "commercial",
    ("unknown_reference", "hold"): "finance",
    ("unknown_reference", "invoice"): "finance",
    ("unknown_reference", "posting"): "finance",
    ("unknown_reference", "statement"): "finance",
    ("unknown_reference", "statement_request"): "finance",
}


# An event that raises one of these is not in force; one after a gap is as soon as the gap is filled.
REFUSED: Final[frozenset[ExceptionCategory]] = frozenset(
    {"conflicting_version", "invalid_terms", "unsupported", "unapproved_amendment", "self_approved"}
)
BEHIND_A_GAP: Final = "amendment_gap"


def owner_of(category: str, subject_kind: str) -> str:
    """The role whose matter an exception about such a subject is."""
    return _OWNERS.get((category, subject_kind), CATALOGUE[category].owner_role)


def resolution_of(category: str, subject_kind: str) -> str:
    """What would resolve an exception about such a subject."""
    return _BY_SUBJECT.get((category, subject_kind), CATALOGUE[category].resolution)


def ways_out() -> Iterator[tuple[ExceptionCategory, str, str]]:
    """Every category with what it may be about and the way out; no kind of subject where it is, and its owner, the same for all others."""
    for category in EVERY_CATEGORY:
        for of, subject_kind in sorted({*_BY_SUBJECT, *_OWNERS}):
            if of == category:
                yield category, subject_kind, resolution_of(of, subject_kind)
        yield category, "", CATALOGUE[category].resolution
