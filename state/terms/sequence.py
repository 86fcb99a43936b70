"""In which order the versions of a contract count: each in its place, whenever it comes.

Terms of a higher version than those in force are taken, whatever ended the contract or changed nothing above them. Terms between a
signing and an amendment come too late: the amendment was made without them.

    signed 1, ended by 3, then amendment 2: its terms are in force and the end stays
    signed 1, amendment 3 of version 1, then amendment 2: refused, and said so
    signed 1, amendment 3 of version 2: waits for version 2
    signed 1, ended by 3, amendment 4 of version 3 or 2: waits for version 2, for the end has no terms of its own
"""

from collections.abc import Container

from msgspec.structs import replace

from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.identity import content_digest
from state.books import Contract
from state.facts import TRACE

TermsEvent = ContractSigned | ContractAmended | ContractTerminated


def with_version(contract: Contract, event: TermsEvent) -> Contract:
    """The contract that has seen the version."""
    if isinstance(event, ContractTerminated):
        contract = replace(contract, terminations=(*contract.terminations, event.version))
    number, digest = event.version, _digest(event)
    if number < contract.version:
        return replace(contract, passed={**contract.passed, number: digest})
    return replace(contract, version=number, digest=digest, passed=_seen(contract))


def is_seen(contract: Contract, event: TermsEvent) -> bool:
    return event.version in _seen(contract) or any(event.version == one.version for one in _waiting(contract))


def contradicts(contract: Contract, event: TermsEvent) -> bool:
    """Whether a version that was seen says otherwise now; no matter where newer terms have taken its place."""
    if event.version < newest_terms(contract):
        return False
    waiting = (_digest(one) for one in _waiting(contract) if one.version == event.version)
    return _digest(event) != next(waiting, _seen(contract).get(event.version))


def is_highest(contract: Contract, event: TermsEvent) -> bool:
    """Whether no higher version has come, nor the same."""
    return event.version > max(contract.version, *(one.version for one in _waiting(contract)), 0)


def _waiting(contract: Contract) -> tuple[TermsEvent, ...]:
    return contract.waiting if contract.ending is None else (*contract.waiting, contract.ending)


def newest_terms(contract: Contract) -> int:
    return contract.history[-1].version if contract.history else 0


def below_signing(contract: Contract, event: TermsEvent) -> bool:
    """Whether a signing of a higher version says it all again."""
    return event.version < _signed(contract)


def _signed(contract: Contract) -> int:
    """The version of the signing in force; 0 where it was refused and an amendment has the first terms."""
    return contract.history[0].version if contract.history and not contract.history[0].amends else 0


def below_newest_terms(contract: Contract, event: TermsEvent) -> bool:
    """Whether terms of a higher version are in force; one that was refused is not in its way."""
    return event.version < newest_terms(contract)


def is_reached(contract: Contract, event: ContractAmended) -> bool:
    """Whether the terms that the amendment replaces were seen."""
    return _is_known(contract, _seen(contract), version_of_terms(contract, event))


def version_of_terms(contract: Contract, event: ContractAmended) -> int:
    """The version whose terms it replaces: of a termination that below it."""
    number = event.replaces_version
    while number in contract.terminations:
        number -= 1
    return number


def _is_known(contract: Contract, seen: Container[int], number: int) -> bool:
    """A signing says all below it again."""
    return number in seen or (bool(contract.history) and number <= _signed(contract))


def terms_below(contract: Contract, event: ContractAmended) -> int:
    """The newest version below it that was seen and is no termination."""
    return max((number for number in _terms_seen(contract) if number < event.version), default=0)


def supersedes_seen(contract: Contract, event: TermsEvent) -> bool:
    """Whether no terms of a higher version were seen, refused ones included: what was said of those below it is settled."""
    return event.version > max(_terms_seen(contract), default=0)


def _terms_seen(contract: Contract) -> set[int]:
    return _seen(contract).keys() - set(contract.terminations)


def gaps(contract: Contract) -> set[int]:
    """Versions that wait and would not apply if all before them did."""
    seen, found = set(_seen(contract)), set()
    for event in contract.waiting:
        if _is_known(contract, seen, version_of_terms(contract, event)):
            seen.add(event.version)
        else:
            found.add(event.version)
    return found


def _seen(contract: Contract) -> dict[int, str]:
    return {**contract.passed, contract.version: contract.digest} if contract.version else contract.passed


def _digest(event: TermsEvent) -> str:
    return content_digest([value for name, value in zip(event._fields, event, strict=True) if name not in TRACE])
