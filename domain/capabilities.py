"""What a capability has in lists that the whole house reads, declared once: accounts, policies, ways out of its exceptions, its check
before a close.

Its rule, promise, step of the fold and check are functions of its own files. They stand by name where they are called in order:
`domain/audit/promises.py`, `state/fold.py`, `milepost/closing/checks.py`.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

# Where a policy counts: on contract and company; on the company that keeps the books.
OF_CONTRACT, OF_BOOKS = "contract", "books"


class Policy(NamedTuple):
    """One of books and currencies, with the value that is built in."""

    name: str
    built_in: object
    counts_on: str


class CloseCheck(NamedTuple):
    """Before a period closes. `says` are kinds of subject of exceptions that it lists itself."""

    name: str
    title: str
    forbids: bool
    says: frozenset[str] = frozenset()


class Capability(NamedTuple):
    """`ways_out` and `owners` are by category and kind of subject, where they differ from the category's. Journals of rules that begin
    with one of `apart` move what is unrealised alone, and nothing that balances are carried at."""

    accounts: Mapping[str, str] = {}
    policies: tuple[Policy, ...] = ()
    ways_out: Mapping[tuple[str, str], str] = {}
    owners: Mapping[tuple[str, str], str] = {}
    promises: Mapping[str, str] = {}
    check: CloseCheck | None = None
    apart: tuple[str, ...] = ()


UNREALISED: Final = "7100"
REVALUATION: Final = Capability(
    accounts={UNREALISED: "Unrealised exchange difference"},
    policies=(Policy("fx_revaluation", "none", OF_BOOKS), Policy("unbilled_is_monetary", False, OF_BOOKS)),
    ways_out=dict.fromkeys(
        (("no_exchange_rate", "revaluation"), ("stale_exchange_rate", "revaluation")),
        "Publish the rate of the period's last day, or of one of the days before it: what is open then is revalued with it.",
    ),
    check=CloseCheck(
        "revaluation",
        "what is open in another currency is revalued",
        forbids=True,
        says=frozenset({"revaluation"}),
    ),
    apart=("revaluation",),
)

PROVISION, ONEROUS_LOSS = "2350", "5900"
PROVISIONS: Final = "provisions"
LOSS_PROVISION: Final = Capability(
    accounts={PROVISION: "Provision for onerous contract", ONEROUS_LOSS: "Onerous loss expense"},
    policies=(Policy("loss_provision", "none", OF_CONTRACT),),
    ways_out={
        **dict.fromkeys(
            (("no_exchange_rate", "provision"), ("stale_exchange_rate", "provision")),
            "Publish the rate that is named: what is provided for follows with it.",
        ),
        (
            "no_estimate",
            "provision",
        ): "Have the project manager send EstimateRevised with the line's line_id, in the contract's currency.",
    },
    owners={("no_estimate", "provision"): "delivery"},
    promises={
        PROVISIONS: "what is provided for the loss of a contract is never below zero, and leaves nothing in the ledger alone"
    },
)

CAPABILITIES: Final = (REVALUATION, LOSS_PROVISION)

POLICIES: Final = tuple(policy for each in CAPABILITIES for policy in each.policies)
BUILT_IN: Final[Mapping[str, object]] = {policy.name: policy.built_in for policy in POLICIES}
ACCOUNTS: Final = {account: name for each in CAPABILITIES for account, name in each.accounts.items()}
WAYS_OUT: Final = {of: way for each in CAPABILITIES for of, way in each.ways_out.items()}
OWNERS: Final = {of: owner for each in CAPABILITIES for of, owner in each.owners.items()}
PROMISES: Final = {name: promise for each in CAPABILITIES for name, promise in each.promises.items()}
CHECKS: Final = tuple(each.check for each in CAPABILITIES if each.check is not None)
_APART: Final = tuple(rule for each in CAPABILITIES for rule in each.apart)


def policies_of(counts_on: str) -> tuple[str, ...]:
    return tuple(policy.name for policy in POLICIES if policy.counts_on == counts_on)


def is_apart(rule: str) -> bool:
    """Whether a journal of the rule moves what is unrealised alone, and nothing that is carried."""
    return rule.startswith(_APART)
