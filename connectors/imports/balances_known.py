"""What a folder of events knows of contracts, so that balances of lines that there are not are refused by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from connectors.imports.folder_events import Event, events_of, id_of, keep_newest
from connectors.json_values import WrongValue, read_instant
from domain.units import Instant

CONTRACTS = ("ContractSigned", "ContractAmended")
DEPOSIT = "Deposit"


class KnownContract(NamedTuple):
    """All that any version of it says: the project and milestones of each line, which of them are deposits, and who is billed."""

    contract_id: str
    currency: str | None
    project_of: Mapping[str, str]
    deposits: frozenset[str]
    milestones: Mapping[str, frozenset[str]] = {}
    bill_tos: frozenset[str] = frozenset()


class KnownFirm(NamedTuple):
    """By project: `recorded_at` is when the last word on its contracts comes, `stated` are its newest balances of before; `ledger_of`
    is the currency of its company's ledger."""

    contracts: Mapping[str, KnownContract]
    engagement_of: Mapping[str, str]
    recorded_at: Mapping[str, Instant]
    stated: Mapping[str, Event]
    ledger_of: Mapping[str, str]

    def projects(self) -> frozenset[str]:
        return frozenset(project for contract in self.contracts.values() for project in contract.project_of.values())

    def lines(self, project_id: str) -> Iterator[tuple[str, str]]:
        """(contract, line) of the project."""
        for contract in self.contracts.values():
            for line_id, project in contract.project_of.items():
                if project == project_id:
                    yield contract.contract_id, line_id


def read_firm(folder: Path, without: Collection[Path]) -> KnownFirm:
    """`without` are files that are to be written over. A folder that is not there yet knows nothing."""
    contracts: dict[str, KnownContract] = {}
    recorded_at: dict[str, Instant] = {}
    projects, companies, stated = dict[str, Event](), dict[str, Event](), dict[str, Event]()
    newest = {"ProjectActivated": projects, "LegalEntityDefined": companies, "BalancesBroughtForward": stated}
    for event in events_of((folder,), without):
        kind = str(event.get("type"))
        if kind in CONTRACTS:
            _contract(contracts, event)
            _recorded(recorded_at, contracts[id_of(event)], event)
        elif kind in newest:
            keep_newest(newest[kind], id_of(event), event)
    engagement_of = {
        project_id: str(event.get("engagement_id") or project_id) for project_id, event in projects.items()
    }
    of_company = {
        project_id: companies.get(str(event.get("legal_entity_id"))) for project_id, event in projects.items()
    }
    ledger_of = {
        project_id: str(company.get("currency")) for project_id, company in of_company.items() if company is not None
    }
    return KnownFirm(contracts, engagement_of, recorded_at, stated, ledger_of)


def _contract(contracts: dict[str, KnownContract], event: Event) -> None:
    contract_id = id_of(event)
    known = contracts.get(contract_id) or KnownContract(contract_id, None, {}, frozenset())
    lines = [line for line in event.get("lines") or () if isinstance(line, Mapping)]
    projects = {str(line.get("line_id")): str(line.get("project_id")) for line in lines}
    deposits = {str(line.get("line_id")) for line in lines if _kind(line.get("terms")) == DEPOSIT}
    milestones = dict(known.milestones)
    for line in lines:
        line_id, terms = str(line.get("line_id")), line.get("terms")
        stated = terms.get("milestones") if isinstance(terms, Mapping) else None
        milestones[line_id] = milestones.get(line_id, frozenset()) | set(_named(stated, "milestone_id"))
    funding = event.get("funding")
    sources = funding.get("sources") if isinstance(funding, Mapping) else None
    billed = {
        *_named(event.get("bill_to"), "customer_id"),
        *_named(sources, "bill_to"),
        *_named([event], "customer_id"),
    }
    contracts[contract_id] = KnownContract(
        contract_id,
        event.get("currency") or known.currency,
        {**known.project_of, **projects},
        known.deposits | deposits,
        milestones,
        known.bill_tos | billed,
    )


def _named(listed: object, name: str) -> Iterator[str]:
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping) and each.get(name) is not None:
            yield str(each[name])


def _kind(terms: object) -> object:
    return terms.get("type") if isinstance(terms, Mapping) else None


def _recorded(recorded_at: dict[str, Instant], contract: KnownContract, event: Event) -> None:
    with suppress(WrongValue):
        at = read_instant(event.get("recorded_at") or event.get("occurred_at"))
        for project in contract.project_of.values():
            recorded_at[project] = max(at, recorded_at.get(project, at))
