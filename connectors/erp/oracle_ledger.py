"""The general ledger of Oracle Fusion, read by journal batches of the periods that a scope has days of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from connectors.erp.adapter import ErpUnreadable
from connectors.erp.answers import amount_of, day_of, listed, member, quoted, text_of
from connectors.erp.oracle_rest import RESOURCES, Fields, children
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope
from domain.units import Amount

GENERAL_LEDGER: Final = 101
PAGE_ROWS: Final = 200

_OUR_KEY: Final = re.compile(r"MP[A-Z2-7]{18}")
_ID: Final = re.compile(r"[0-9]{1,18}")

# The rows of a collection below RESOURCES. Raises ErpUnreadable.
Read: TypeAlias = Callable[[str], list[Fields]]


def entries(read: Read, scope: LedgerScope, name: str, account: Callable[[str], str]) -> Iterator[LedgerEntry]:
    """Of the ledger of this name; `account` is the natural account of a combination. Raises ErpUnreadable."""
    for period in _periods(read, scope):
        for batch in _batches(read, period):
            for header in _all_children(read, batch, batch, "journalHeaders"):
                on = day_of(header.get("DefaultEffectiveDate"))
                if header.get("LedgerName") == name and on is not None and scope.since <= on <= scope.until:
                    yield _entry(read, batch, header, on, account)


def key_of_batch(batch: Fields) -> str:
    """Ours, that the batch's name begins with; empty where it has another."""
    found = _OUR_KEY.match(text_of(batch.get("BatchName")))
    return found.group() if found else ""


def _periods(read: Read, scope: LedgerScope) -> list[str]:
    query = (
        f"LedgerId={scope.subsidiary} and ApplicationId={GENERAL_LEDGER} "
        f"and StartDate<='{scope.until.isoformat()}' and EndDate>='{scope.since.isoformat()}'"
    )
    found = read(f"accountingPeriodStatusLOV?q={quote(query)}&onlyData=true&limit={PAGE_ROWS}")
    if names := [name for each in found if (name := text_of(each.get("PeriodNameId")))]:
        return names
    raise ErpUnreadable(
        f"Fusion's ledger {scope.subsidiary} has no period from {scope.since} to {scope.until}; check its id"
    )


def _batches(read: Read, period: str) -> Iterator[Fields]:
    """Page after page by where the last one ended: offsets would slip while people post."""
    last = 0
    while True:
        query = f"DefaultPeriodName={quoted(period)} and JeBatchId>{last}"
        path = f"journalBatches?q={quote(query)}&expand=journalHeaders.journalLines&orderBy=JeBatchId:asc"
        found = read(f"{path}&limit={PAGE_ROWS}")
        for batch in found:
            number = text_of(batch.get("JeBatchId"))
            if not _ID.fullmatch(number) or int(number) <= last:
                raise ErpUnreadable(
                    "Fusion's journal batches could not be read: ids are missing or out of order; try again"
                )
            last = int(number)
            yield batch
        if len(found) < PAGE_ROWS:
            return


def _all_children(read: Read, batch: Fields, parent: Fields, name: str) -> list[Fields]:
    """Of a batch or journal, also those beyond the ones that came with it."""
    found = children(parent.get(name))
    has_more = member(parent.get(name), "hasMore") is True
    while has_more:
        page = read(f"{_path_to(parent, name, batch)}?limit={PAGE_ROWS}&offset={len(found)}&onlyData=true")
        found += page
        has_more = len(page) == PAGE_ROWS
    return found


def _path_to(parent: Fields, name: str, batch: Fields) -> str:
    links = [text_of(member(each, "href")) for each in listed(parent.get("links")) if member(each, "name") == name]
    try:
        path = urlsplit(links[-1]).path.partition(f"{RESOURCES}/")[2] if links else ""
    except ValueError:
        path = ""
    if not path.startswith("journalBatches/"):
        number = text_of(batch.get("JeBatchId"))
        raise ErpUnreadable(f"Fusion's batch {number} could not be read: it has no link to the rest of {name}")
    return path


def _entry(read: Read, batch: Fields, header: Fields, on: date, account: Callable[[str], str]) -> LedgerEntry:
    number = text_of(batch.get("JeBatchId"))
    try:
        lines = tuple(
            LedgerLine(
                account(text_of(each.get("AccountCombination"))),
                _net(each, "EnteredDr", "EnteredCr"),
                _net(each, "AccountedDr", "AccountedCr"),
            )
            for each in _all_children(read, batch, header, "journalLines")
        )
    except ValueError:
        raise ErpUnreadable(f"Fusion's batch {number} could not be read: expected amounts; try again") from None
    return LedgerEntry(
        key=key_of_batch(batch),
        reference=number,
        posted_on=on,
        period=text_of(header.get("PeriodName")),
        currency=text_of(header.get("CurrencyCode")),
        is_posted=batch.get("Status") == "P",
        lines=lines,
    )


def _net(line: Fields, debit: str, credit: str) -> Amount:
    """Raises ValueError."""
    return amount_of(_or_zero(line.get(debit))) - amount_of(_or_zero(line.get(credit)))


def _or_zero(value: object) -> object:
    return 0 if value is None else value
