"""What a capability has in lists that the whole house reads, declared once: accounts, policies, ways out of its exceptions, its check
before a close.

Its rule, promise, step of the fold and check are functions of its own files. The step stands by name where it is called in order
(`state/fold.py`); the promise is `check` of the module of its name in `domain/audit/`, the check before a close `find` of that in
`milepost/closing/`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from domain.events.reference import TransferPriceSet
from domain.reference import transfer_prices
from domain.reference.exchange import MISSING_RATE

# Reference data that a capability alone asks for: its type, and its classes.
OwnReference = TransferPriceSet
OWN_CLASSES: Final = (TransferPriceSet,)

# Where a policy counts: on contract and company; on the company that keeps the books; of work that nobody is billed for on the company of
# its project, else anywhere.
OF_CONTRACT, OF_BOOKS, OF_WORK = "contract", "books", "work"
# What promises of the audit are about, in the order in which they are reported.
OF_JOURNALS, OF_BALANCES = "journals", "balances"


class Policy(NamedTuple):
    """One of books and currencies, with the value that is built in."""

    name: str
    built_in: object
    counts_on: str


class Category(NamedTuple):
    owner_role: str
    severity: str
    resolution: str


OwnCategoryName: TypeAlias = Literal["no_transfer_price", "rebate_above_estimate"]


class OwnCategory(NamedTuple):
    """One of exceptions that the capability alone raises; `title` is what tables call it. `of_person`: its cause is a person's missing
    record."""

    category: Category
    title: str
    of_person: bool = False


class Promise(NamedTuple):
    """One of the audit."""

    name: str
    text: str
    about: str


class CloseCheck(NamedTuple):
    """Before a period closes. `says` are kinds of subject of exceptions, and categories of its own, that it lists itself; `unchecked` is
    what stands in place of its title where there is nothing to look at."""

    name: str
    title: str
    forbids: bool
    says: frozenset[str] = frozenset()
    unchecked: str = ""


class ForwardAmount(NamedTuple):
    """An amount of each line of balances (`BalanceForward`), which they begin with by a journal of their own: `debit` to `credit`, for
    the purpose that its lines say."""

    field: str
    debit: str
    credit: str
    purpose: str


class ProjectColumn(NamedTuple):
    """What journals have on accounts, credit positive, where projects are shown at a glance; `spare` is as of columns there. `in_margin`:
    it counts in the company's margin."""

    name: str
    accounts: tuple[str, ...]
    spare: int
    in_margin: bool = False


class OwnEvent(NamedTuple):
    """Reference data of its own, which a higher version replaces whole. `german` is what finance calls it, `faults` what makes it unusable,
    by field; `wakes` are keys of what may wait for it (`domain/waiting.py`). Fields of `companies` name companies: `until` all of these are
    defined that follows."""

    german: str
    faults: Callable[[OwnReference], Iterable[tuple[str, str]]]
    wakes: Callable[[OwnReference], tuple[tuple[str, str], ...]]
    companies: tuple[str, ...]
    until: str


class Capability(NamedTuple):
    """`ways_out` and `owners` are by category and kind of subject, where they differ from the category's. Journals of rules that begin
    with one of `apart` move what is unrealised alone, and nothing that balances are carried at.

    Of the accounts nobody but Milepost posts to those of `ours`; those of `owed` are balances in money."""

    accounts: Mapping[str, str] = {}
    ours: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    ways_out: Mapping[tuple[str, str], str] = {}
    owners: Mapping[tuple[str, str], str] = {}
    categories: Mapping[OwnCategoryName, OwnCategory] = {}
    promise: Promise | None = None
    check: CloseCheck | None = None
    column: ProjectColumn | None = None
    brought_forward: ForwardAmount | None = None
    apart: tuple[str, ...] = ()
    events: Mapping[type[OwnReference], OwnEvent] = {}


DUE_FROM, DUE_TO = "1180", "2180"
INTERCOMPANY_REVENUE, INTERCOMPANY_COST = "4100", "5050"
INTERCOMPANY: Final = Capability(
    accounts={
        DUE_FROM: "Intercompany due from",
        DUE_TO: "Intercompany due to",
        INTERCOMPANY_REVENUE: "Intercompany revenue",
        INTERCOMPANY_COST: "Intercompany and subcontract cost",
    },
    ours=(INTERCOMPANY_REVENUE,),
    owed=(DUE_FROM, DUE_TO),
    policies=(Policy("intercompany_transfer", "rate", OF_WORK),),
    categories={
        "no_transfer_price": OwnCategory(
            Category(
                "finance",
                "warning",
                "Set a transfer price between both companies (TransferPriceSet) that states what policy intercompany_transfer asks for.",
            ),
            "no transfer price",
            of_person=True,
        )
    },
    ways_out={
        (
            "unknown_reference",
            "transfer_price",
        ): "Send the company (LegalEntityDefined), or the price with the right ones in a higher version."
    },
    owners={("unknown_reference", "transfer_price"): "finance"},
    promise=Promise(
        "pairs",
        "what one company charges another stands in both, in one currency, and is taken back in both",
        OF_JOURNALS,
    ),
    check=CloseCheck(
        "intercompany",
        "work for other companies is the same in both",
        forbids=True,
        says=frozenset({"no_transfer_price"}),
    ),
    # What the company charges others of the group for its people, less what it is charged.
    column=ProjectColumn("transferred", (INTERCOMPANY_REVENUE, INTERCOMPANY_COST), 18, in_margin=True),
    events={
        TransferPriceSet: OwnEvent(
            "Verrechnungspreis gesetzt",
            transfer_prices.faults,
            transfer_prices.wakes,
            companies=("lending_entity_id", "borrowing_entity_id"),
            until="nothing is charged at the transfer price",
        )
    },
)


UNREALISED: Final = "7100"
REVALUATION: Final = Capability(
    accounts={UNREALISED: "Unrealised exchange difference"},
    policies=(Policy("fx_revaluation", "none", OF_BOOKS), Policy("unbilled_is_monetary", False, OF_BOOKS)),
    ways_out=dict.fromkeys(
        ((category, "revaluation") for category in MISSING_RATE),
        "Publish the rate of the period's last day, or of one of the days before it: what is open then is revalued with it.",
    ),
    check=CloseCheck(
        "revaluation", "what is open in another currency is revalued", forbids=True, says=frozenset({"revaluation"})
    ),
    apart=("revaluation",),
)

PROVISION, ONEROUS_LOSS = "2350", "5900"
LOSS_PROVISION: Final = Capability(
    accounts={PROVISION: "Provision for onerous contract", ONEROUS_LOSS: "Onerous loss expense"},
    policies=(Policy("loss_provision", "none", OF_CONTRACT),),
    ways_out={
        **dict.fromkeys(
            ((category, "provision") for category in MISSING_RATE),
            "Publish the rate that is named: what is provided for follows with it.",
        ),
        (
            "no_estimate",
            "provision",
        ): "Have the project manager send EstimateRevised with the line's line_id, in the contract's currency.",
    },
    promise=Promise(
        "provisions",
        "what is provided for the loss of a contract is never below zero, and leaves nothing in the ledger alone",
        OF_BALANCES,
    ),
    column=ProjectColumn("provision", (PROVISION,), 20),
    brought_forward=ForwardAmount("provision", ONEROUS_LOSS, PROVISION, "provision"),
)

BEYOND_ESTIMATE: Final = "rebate_above_estimate"
REFUND_LIABILITY: Final = "2320"
REBATES_GIVEN: Final = "rebates_given"
REFUNDS: Final = Capability(
    accounts={REFUND_LIABILITY: "Refund liability"},
    owed=(REFUND_LIABILITY,),
    categories={
        BEYOND_ESTIMATE: OwnCategory(
            Category(
                "finance",
                "warning",
                "Have the estimate of the part raised to what was given (VariableConsiderationRevised), or settled at it: revenue follows. "
                "Until then what was given beyond it stands as a debit on 2320; once all parts are settled, a statement asks it back.",
            ),
            "rebate above the estimate",
        )
    },
    promise=Promise(
        "refunds",
        "no more is owed back to a customer than its invoices asked for, and nothing of it is left in the ledger alone",
        OF_BALANCES,
    ),
    column=ProjectColumn("owed_back", (REFUND_LIABILITY,), 21),
    # What memos gave settled invoices as a payment does, and is no cash (1010).
    brought_forward=ForwardAmount(REBATES_GIVEN, REFUND_LIABILITY, "1010", "credit"),
)

CAPABILITIES: Final = (INTERCOMPANY, REVALUATION, LOSS_PROVISION, REFUNDS)

POLICIES: Final = tuple(policy for each in CAPABILITIES for policy in each.policies)
BUILT_IN: Final[Mapping[str, object]] = {policy.name: policy.built_in for policy in POLICIES}
ACCOUNTS: Final = {account: name for each in CAPABILITIES for account, name in each.accounts.items()}
WAYS_OUT: Final = {of: way for each in CAPABILITIES for of, way in each.ways_out.items()}
OWNERS: Final = {of: owner for each in CAPABILITIES for of, owner in each.owners.items()}
CATEGORIES: Final = {name: own for each in CAPABILITIES for name, own in each.categories.items()}
OURS: Final = tuple(account for each in CAPABILITIES for account in each.ours)
OWED: Final = tuple(account for each in CAPABILITIES for account in each.owed)
COLUMNS: Final = tuple(each.column for each in CAPABILITIES if each.column is not None)
BROUGHT_FORWARD: Final = tuple(each.brought_forward for each in CAPABILITIES if each.brought_forward is not None)
OWN_REFERENCE: Final = {event: own for each in CAPABILITIES for event, own in each.events.items()}
PROMISES: Final = tuple(each.promise for each in CAPABILITIES if each.promise is not None)
CHECKS: Final = tuple(each.check for each in CAPABILITIES if each.check is not None)
_APART: Final = tuple(rule for each in CAPABILITIES for rule in each.apart)


def policies_of(counts_on: str) -> tuple[str, ...]:
    return tuple(policy.name for policy in POLICIES if policy.counts_on == counts_on)


def promises_of(about: str) -> dict[str, str]:
    return {promise.name: promise.text for promise in PROMISES if promise.about == about}


def is_unrealised(rule: str) -> bool:
    """Whether a journal of the rule moves what is unrealised alone, and nothing that is carried."""
    return rule.startswith(_APART)
