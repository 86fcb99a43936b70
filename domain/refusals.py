"""All that the rules in force refuse by name: an accepted fact counts in some output, carries an identity, or stands here.

Each is an exception `unsupported` with the field, the line and an owner. The list only shrinks (`tests/every_fact` pins it), and
`docs/limits.md` is written from it (`python -m schemas.limits_page`). A place that refuses takes its words from here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from domain.capabilities import OF_BOOKS, OF_CONTRACT, policies_of
from domain.events.common import ContractLine, Policies
from domain.policy_faults import Fault

UNSUPPORTED: Final = "unsupported"
# What a refusal stops, in the order of the page.
CONTRACT: Final = "contract"
AMENDMENT: Final = "amendment"
LINE: Final = "contract_line"
COMPANY: Final = "legal_entity"
WORK: Final = "work"
PAYMENT: Final = "payment"
TAKEN_BACK: Final = "taken_back"


class Refusal(NamedTuple):
    """`message` is what the exception says, its names in braces; `asked`, `where` and `instead` are for people who look it up."""

    stops: str
    message: str
    asked: str
    where: str
    instead: str


# What a policy may say, of a list its elements; any other value is refused. Terms that contradict the others of their contract are
# refused below.
ACCEPTED: Final[Mapping[str, tuple[object, ...]]] = {
    "residual_party": (),
    "hold_scope": (),
    "dimensions_from": ("entry", "project"),
}
# What such a policy asks for, and what to do instead.
_POLICIES: Final[Mapping[str, tuple[str, str]]] = {
    "residual_party": (
        "the residual cent of a split to one party",
        "`rounding_party` of a bill-to; of funding the largest remainder takes it",
    ),
    "hold_scope": ("a hold that covers something else than its event says", "the `scope` of the hold"),
    "dimensions_from": (
        "dimensions of a task, a contract line or a company, which state none",
        "`dimensions` of the entry or of the project",
    ),
}
# What a price may include besides work and its payment: what it is, and what to do instead.
_PRICE_FEATURES: Final[Mapping[str, tuple[str, str]]] = {
    "material_right": (
        "an option that gives the customer what it would not get without the contract (IFRS 15.B39-B43)",
        "a line of its own for the option, with its `standalone_price`, and progress reported when it is used or expires",
    ),
    "financing_component": (
        "a price with interest in it, since it is paid long before or after the work (IFRS 15.60-65)",
        "the cash price as the price of the terms; interest is booked in the ledger",
    ),
    "non_cash_consideration": (
        "a price that is paid in something else than money (IFRS 15.66-69)",
        "its fair value at signing, in contract currency, as the price of the terms; what is received is booked in the ledger",
    ),
}

# A statement, a cut and a journal are the whole contract's, and cost is the company's: what a line or a contract says of these would
# change nothing.
OF_A_CONTRACT: Final = (
    "billing_zone",
    "billing_cycle",
    "cut_off_day",
    "grace_days",
    "approval_limit",
    "ar_journal",
    "cash_journal",
    *policies_of(OF_CONTRACT),
)
OF_A_COMPANY: Final = ("cost_policy", *policies_of(OF_BOOKS))
NOT_OF_A_LINE: Final = (*OF_A_CONTRACT, *OF_A_COMPANY)


def _shown(value: object) -> str:
    match value:
        case tuple():
            return ",".join(value)
        case bool():
            return str(value).lower()
        case _:
            return str(value)


REFUSALS: Final[Mapping[str, Refusal]] = {
    "order_over_engagements": Refusal(
        CONTRACT,
        "a purchase order's limit of a contract over several engagements",
        "a limit of a purchase order, of a contract with projects of several engagements",
        "`purchase_order.limit`",
        "a contract for each; the number alone is taken",
    ),
    "funding_with_deposit": Refusal(
        CONTRACT,
        "funding with a deposit (line {line})",
        "a deposit in a contract that sources fund, in the same or in another version of the terms",
        "`funding` with a line of terms `Deposit`",
        "shares in `bill_to`, or a contract of its own for the deposit",
    ),
    "funding_over_engagements": Refusal(
        CONTRACT,
        "limits of funding sources over several engagements",
        "limits of funding sources, in a contract over several engagements",
        "`funding.sources.limit`",
        "sources without limit, or a contract for each engagement",
    ),
    "overflow": Refusal(
        CONTRACT,
        "policy overflow=next_rule of {what}",
        "what is over a cap going on to the next line, where the cap is shared by lines or is a purchase order's, prorated, split in "
        "another way for billing, does not limit revenue, or counts more than time; or is of a line of other terms than time and materials",
        "policy `overflow` with `next_rule` on a line under such a cap",
        "a cap of the line's own that counts time alone, or `overflow=hold`",
    ),
    "prorate_beside_billing_caps": Refusal(
        CONTRACT,
        "cap_split prorate where some caps limit revenue and others only billing",
        "prorated caps that limit revenue, beside a purchase order's limit or caps that bind billing alone",
        "`cap_split=prorate` or `split` of a cap",
        "another split, at least of billing",
    ),
    "prorate_billing_alone": Refusal(
        CONTRACT,
        "cap_split_billing prorate where cap_split is not",
        "prorated billing of a cap that is not prorated",
        "policy `cap_split_billing=prorate` without `cap_split=prorate`",
        "both, or neither",
    ),
    "rounding_by_line": Refusal(
        CONTRACT,
        "{policy} with {whom}",
        "rounding of statement lines as a whole, with several bill-tos or funding",
        "policies `rounding_scope=line`, and `increment_scope=statement_line` with increments or a minimum",
        "the same by entry",
    ),
    "reissue": Refusal(
        CONTRACT,
        "late_line=reissue with {what}",
        "issuing statements again for late work, with several bill-tos (also one after the other), funding, retention, a deposit, "
        "approval, a prorated cap, `overflow` other than `hold` or statements on request, in the same or in another version of the terms",
        "policy value `late_line=reissue` with it",
        "`late_line=next_statement`",
    ),
    "late_line_of_a_line": Refusal(
        CONTRACT,
        "late_line of one line, other than its contract's",
        "another way with late work on one line than on its contract",
        "policy `late_line` of a line",
        "the same on the contract",
    ),
    "revenue_under_way": Refusal(
        CONTRACT,
        "another revenue_policy of line {line}, which includes hours or what was bought and is under way",
        "another way to recognise a retainer, or milestones that include hours, that is under way",
        "another `revenue_policy` of a line in an amendment",
        "end the line, and add one for the rest",
    ),
    "method_without_price": Refusal(
        CONTRACT,
        "revenue_policy {method} of line {line} under way: {terms} have no price that is earned so",
        "another way to recognise a line under way that its kind of terms does not have; work at rates earns as charged, under a cap too",
        "another `revenue_policy` of a line in an amendment",
        "end the line, and add one at a fixed price for the rest, which may earn by hours or cost",
    ),
    "policy_of_a_contract": Refusal(
        CONTRACT,
        "policy {policy} of a contract: it is looked for on the company alone",
        "what counts for a company as a whole, on one contract",
        f"policy {', '.join(f'`{name}`' for name in OF_A_COMPANY)} of a contract",
        "the same on the company",
    ),
    "catch_up": Refusal(
        AMENDMENT,
        "treatment catch_up {where}",
        "revenue caught up at once, where no line goes on that earns over time: what is earned as it is charged has nothing to catch up; "
        "and in a contract over several engagements, none of which sees the lines of another",
        "`treatment=catch_up`",
        "`prospective`; from an earlier day, what is not issued is priced again",
    ),
    "separate": Refusal(
        AMENDMENT,
        "treatment separate, where line {line} is changed or ends",
        "an amendment as a contract of its own that changes or ends a line",
        "`treatment=separate`",
        "`separate` with lines that are added and no other change of lines, or `prospective`",
    ),
    "revenue_method": Refusal(
        LINE,
        "revenue {method} of terms {terms} is not handled by the rules in force",
        "revenue by progress, cost or hours",
        "a `revenue_policy` or policy `revenue_method` that terms of the line's kind do not have ([policies](policies.md))",
        "a method of the kind, or terms of another kind",
    ),
    "expenses_net": Refusal(
        LINE,
        "policy expenses_revenue=net of a line that charges expenses is not handled by the rules in force",
        "expenses as an agent, without revenue and cost of one's own",
        "policy `expenses_revenue=net` on a line that charges expenses",
        "`gross`",
    ),
    "policy_of_a_line": Refusal(
        LINE,
        "policy {policy} of a line: it is looked for on {level} alone",
        "what counts for a contract or a company as a whole, on one line",
        f"policies {', '.join(f'`{name}`' for name in NOT_OF_A_LINE)} of a line",
        "the same on the contract, or on the company",
    ),
    "standalone_price": Refusal(
        LINE,
        "{field} of terms {terms} is not handled by the rules in force: the line has no price for all that it is for; {instead}",
        "a share of the contract's price, or a variable part of one, of a line without a price for all of it: what is charged as it is "
        "worked, delivered or drawn; milestones that include hours; a subscription with a minimum",
        "`standalone_price`, `standalone_residual` or `variable_consideration` of a line of such terms",
        "leave it out: what is charged as it comes stands outside the allocation (right to invoice)",
    ),
    "earned_as_billed": Refusal(
        LINE,
        "{field} of a line that earns by {method} is not handled by the rules in force: it earns what it charges; {instead}",
        "a share of the contract's price, or a variable part of one, of a line that earns what it charges",
        "`standalone_price`, `standalone_residual` or `variable_consideration` of a line that earns `as_billed` or `right_to_invoice`",
        "state a `revenue_policy` that earns over time",
    ),
    "shared_over_engagements": Refusal(
        CONTRACT,
        "{field} in a contract over several engagements",
        "a price, or a measure of progress, that lines of several engagements share, none of which sees the lines of another",
        "`standalone_price`, or one `performance_obligation` of several lines, in a contract with projects of several engagements",
        "a contract for each",
    ),
    "shared_ends": Refusal(
        CONTRACT,
        "line {line} no more as one that shares a price",
        "a line that shares a price and ends before its contract, or shares it no more, or begins to",
        "`lines` of an amendment without a line that has a `standalone_price`, or with it on a line that had none",
        "amend the prices and leave the line as it is, or end the contract and sign another",
    ),
    "performance_obligation": Refusal(
        LINE,
        "performance_obligation {name} with line {other} of a line that earns by {method} is not handled by the rules in force; {instead}",
        "one measure of progress for several lines that do not earn by what is spent",
        "the same `performance_obligation` on several lines, of which one earns by days, by reports, by milestones or as it is billed",
        "state `revenue_policy` cost_to_cost or hours on each of them, or one line for them",
    ),
    "expected_unit_price": Refusal(
        LINE,
        "expected_unit_price of variable part {item} is not handled by the rules in force; {instead}",
        "an estimate of the average price of a unit, where steps make it vary",
        "`expected_unit_price` of `variable_consideration`, or of `VariableConsiderationRevised`",
        "state `amount` or `outcomes` of the line as a whole",
    ),
    "part_begins": Refusal(
        CONTRACT,
        "line {line} with a variable part of its price, as one that had none",
        "an amendment that adds a variable part to the price of a line that had none, or takes away its last, where the line is earned in "
        "parts of its own (a subscription, milestones)",
        "`variable_consideration` of a line of an amendment",
        "end the contract and sign another, or a line of its own for the part",
    ),
    "alone_for_what_is_left": Refusal(
        CONTRACT,
        "another price for what is left of lines that share one, of which line {line} has a part for itself",
        "a prospective amendment of lines that share a price, where one has a variable part for itself alone",
        "`of_line_alone` of a variable part, with `treatment=prospective`",
        "`catch_up`",
    ),
    **{
        f"PriceFeature.{name}": Refusal(
            LINE,
            f"price_includes {name} is not handled by the rules in force; {{instead}}",
            asked,
            f"`price_includes` with `{name}`",
            instead,
        )
        for name, (asked, instead) in _PRICE_FEATURES.items()
    },
    **{
        f"Policies.{name}": Refusal(
            COMPANY,
            f"policy {name}={{value}} is not handled by the rules in force",
            asked,
            f"policy `{name}`"
            + (f" other than {', '.join(f'`{_shown(_)}`' for _ in stated)}" if (stated := ACCEPTED[name]) else ""),
            instead,
        )
        for name, (asked, instead) in _POLICIES.items()
    },
    "progress_unused": Refusal(
        WORK,
        "progress of {as_of} is reported of line {line}, which is billed {how} and does not earn by reports; {instead}",
        "progress of a line that is neither billed nor earns by reported progress",
        "`ProgressReported`",
        "amend the line to be billed by reported progress, without budgets, or to earn by it (`revenue_policy` `reported`); or leave the "
        "report, and resolve the exception",
    ),
    "control_total": Refusal(
        WORK,
        "a control total of {kind} for {period}, of no project or of another kind than time, expense or units, is compared with nothing; "
        "{instead}",
        "control totals of a company as a whole, and those of milestones, invoices and payments",
        "`ControlTotal` without `project_id`, or with such a `kind`",
        "send the source's totals of time, expenses or units by project, and resolve the exception",
    ),
    "payment_currency": Refusal(
        PAYMENT,
        "invoice {invoice} is in {theirs}: a payment in {ours} is not applied to it",
        "a payment in another currency than its invoice",
        "`currency` of `PaymentReceived` or `PaymentApplied`",
        "send it in the currency of its invoices; waived, it stays unapplied",
    ),
    "deposit_conceded": Refusal(
        TAKEN_BACK,
        "{kind} of a deposit ({entry}) is not handled, it has no price that could be less; {instead}",
        "a price concession or goodwill on a deposit",
        "`kind` of `CreditMemoIssued`",
        "credit the work that it is set against, or drop it by a waiver",
    ),
    "write_off_over_time": Refusal(
        TAKEN_BACK,
        "what line {line} of contract {contract} charges earns apart from what is billed of it; {instead}",
        "a write-off of work of which what is billed earns apart: fees and prices over time, what goes beyond a retainer, deposits",
        "`entries` of `WrittenOff`",
        "amend the price, and the revenue falls with it",
    ),
    "write_off_passed_on": Refusal(
        TAKEN_BACK,
        "what is over the cap of line {line} goes on to the next line (overflow=next_rule), giving up a part of {entry} is not handled; "
        "{instead}",
        "a write-off of a part of work whose line passes on what is over its cap (`overflow=next_rule`)",
        "`entries` of `WrittenOff`",
        "credit it once it is invoiced",
    ),
    "balances_in_parts": Refusal(
        LINE,
        "balances of line {line} of contract {contract}: {what} is not handled by the rules in force; {instead}",
        "balances brought forward of a contract that sources fund",
        "a line of `BalancesBroughtForward`",
        "send what happened on the contract from its beginning",
    ),
}


def words_of(name: str, /, **case: object) -> str:
    refusal = REFUSALS[name]
    return refusal.message.format(**case, instead=refusal.instead)


def of_line(line_id: str, why: str) -> str:
    """What an exception says that refuses one line."""
    return f"line {line_id}: {why}"


def of_company(entity_id: str, whys: Iterable[str]) -> str:
    """What an exception says that refuses policies of a company."""
    return f"legal entity {entity_id} is taken without: {'; '.join(whys)}"


def of_contract(whys: Iterable[str]) -> str:
    """What an exception says that refuses a contract or an amendment."""
    return f"not handled by the rules in force: {', '.join(dict.fromkeys(whys))}"


def refused_of_contract(stated: Policies | None) -> Iterator[Fault]:
    for name in OF_A_COMPANY if stated is not None else ():
        if getattr(stated, name) is not None:
            yield f"policies.{name}", words_of("policy_of_a_contract", policy=name)
    yield from refused_policies(stated)


def _refused_of_line(stated: Policies | None) -> Iterator[Fault]:
    for name in NOT_OF_A_LINE if stated is not None else ():
        if getattr(stated, name) is not None:
            level = "the contract or its company" if name in OF_A_CONTRACT else "the company"
            yield f"policies.{name}", words_of("policy_of_a_line", policy=name, level=level)
    yield from refused_policies(stated)


def is_accepted(name: str, value: object) -> bool:
    """Whether a policy may say the value; of a list all of it."""
    found = ACCEPTED.get(name)
    return found is None or all(one in found for one in (value if isinstance(value, tuple) else (value,)))


def refused_policies(stated: Policies | None) -> Iterator[Fault]:
    """Of one level: what it states, its preset aside, that nothing would follow from."""
    for name in ACCEPTED if stated is not None else ():
        value = getattr(stated, name)
        if value is not None and not is_accepted(name, value):
            yield f"policies.{name}", words_of(f"Policies.{name}", value=_shown(value))


def refused_parts(line: ContractLine) -> Iterator[Fault]:
    """Of a line: what is said of it that nothing would follow from."""
    for item in line.variable_consideration:
        if item.expected_unit_price is not None:
            yield "variable_consideration", words_of("expected_unit_price", item=item.item_id)
    for feature in line.price_includes:
        yield "price_includes", words_of(f"PriceFeature.{feature}")
    yield from _refused_of_line(line.policies)
