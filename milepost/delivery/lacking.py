"""What accounts.toml has no place for: found by one rule for `accounts check` and for `deliver`, with the table to write it under."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from connectors.accounts_file import Accounts
from connectors.files.glance_rows import COMPANY as COMPANIES
from connectors.files.no_outputs import NoOutputs
from connectors.files.written import read_topic
from domain.counting import counted
from domain.delivery.lacks import COMPANY, TWICE, Lack, Lacks
from domain.money import format_amount
from domain.outputs import TOPICS, BillingStatement, JournalEntry
from milepost.console import money_text

# What is written where.
WRITE: Final = {
    "account": "[entities.{entity}.accounts]",
    "currency": "[entities.{entity}.currencies]",
    "period": "[entities.{entity}.periods]",
    "customer": "[entities.{entity}.customers]",
    "item": "[entities.{entity}.items]",
    COMPANY: "[entities.{entity}]",
    TWICE: "[entities.{entity}] without invoices_from, or policy ar_journal = erp",
}


def where(lack: Lack) -> str:
    """A table of accounts.toml; segments are named by themselves."""
    known = WRITE.get(lack.missing, f"[entities.{{entity}}.segments.{lack.missing}] values")
    return known.format(entity=lack.legal_entity_id)


def nothing_is_sent(legal_entity_id: str) -> str:
    chart = WRITE[COMPANY].format(entity=legal_entity_id)
    return f"{legal_entity_id}: accounts.toml has no {chart}, so nothing of this company is sent"


def lacks(accounts: Accounts, output: Path) -> Lacks:
    found = Lacks(accounts.charts)
    for name in ("JournalEntry", "BillingStatement"):
        for written in read_topic(output, TOPICS[name]):
            if isinstance(written.record, JournalEntry | BillingStatement):
                found.add(written.record)
    return found


def lacks_if_any(accounts: Accounts, output: Path, *, is_waiting: bool) -> Lacks:
    """The same, without reading all journals each time where nothing waits for the chart and each company has one."""
    from milepost.as_of import indexing
    from milepost.glance.firm import FirmAtMoment

    with suppress(NoOutputs):  # which `lacks` says
        if not is_waiting:
            with indexing() as tell, FirmAtMoment(output, None, tell) as firm:
                if firm.named(COMPANIES).keys() <= accounts.charts.keys():
                    return Lacks(accounts.charts)
    return lacks(accounts, output)


class CompanyWithoutChart(NamedTuple):
    """Nothing of it is sent, to any ERP."""

    legal_entity_id: str
    journals: int
    money: Counter[str]
    write: str

    def __str__(self) -> str:
        wait = counted(self.journals, "journal waits", "journals wait")
        return f"{nothing_is_sent(self.legal_entity_id)}; {wait}, of {money_text(self.money)}"

    def as_json(self) -> dict[str, object]:
        money = {currency: format_amount(amount) for currency, amount in sorted(self.money.items())}
        return {"legal_entity_id": self.legal_entity_id, "journals": self.journals, "money": money, "write": self.write}


def without_chart(lacks: Lacks) -> list[CompanyWithoutChart]:
    found: dict[str, CompanyWithoutChart] = {}
    for lack, held in lacks.found:
        if lack.missing == COMPANY:
            had = found.get(lack.legal_entity_id) or CompanyWithoutChart(
                lack.legal_entity_id, 0, Counter(), where(lack)
            )
            money = had.money + Counter({lack.currency: held.amount})
            found[lack.legal_entity_id] = had._replace(journals=had.journals + held.documents, money=money)
    return list(found.values())


def to_write(lacks: Lacks, accounts: Accounts, erps: list[str]) -> list[str]:
    """For companies of these ERP accounts: what their charts lack, each once, without the money, which delivery knows by what waits."""
    return list(
        dict.fromkeys(
            f"{lack.legal_entity_id}: write {lack.missing} {lack.name} under {where(lack)}"
            for lack, _ in lacks.found
            if lack.missing not in {COMPANY, TWICE} and accounts.charts[lack.legal_entity_id].erp in erps
        )
    )
