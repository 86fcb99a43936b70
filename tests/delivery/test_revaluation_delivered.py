"""Revaluation goes to every ERP once, in the ledger's currency, with what takes it back; both ledgers have the same on 7100."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from domain.capabilities import is_unrealised
from domain.delivery.chart import ENTRY
from domain.delivery.ledgers import LedgerLine
from domain.outputs import JournalEntry, JournalLine
from milepost.cli import app
from tests.commands.tiny_firm import write
from tests.delivery.test_deliver import Firm, delivering_to
from tests.finished_run import history

POLICIES = {
    "fx_revaluation": "reversing",
    "unbilled_is_monetary": True,
    "cash_journal": "milepost",
    "ar_journal": "milepost",
}


@cache
def _made() -> TemporaryDirectory[str]:
    """The finished run of a firm that revalues at each month's end what BRIDGE is billed in dollars."""
    folder = TemporaryDirectory(prefix="milepost-revalued-run-")
    events = [{**each, "policies": POLICIES} if each["type"] == "LegalEntityDefined" else each for each in history()]
    source = write(Path(folder.name) / "input", sorted(events, key=lambda each: str(each["occurred_at"])))
    done = CliRunner().invoke(app, ["run", "--input", str(source), "--output", str(Path(folder.name) / "output")])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(params=["netsuite", "business_central"])
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    """What is sent is posted."""
    with delivering_to(tmp_path, ENTRY, kind=request.param, run=Path(_made().name)) as found:
        yield found


@pytest.fixture(params=["dynamics365_finance", "oracle_fusion"])
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    """People of the ERP, or a job of theirs, post what is sent: until then nothing is sent that takes it back."""
    with delivering_to(tmp_path, ENTRY, kind=request.param, run=Path(_made().name)) as found:
        yield found


def revalued(firm: Firm) -> list[JournalEntry]:
    return [each for each in firm.journals() if is_unrealised(each.rule)]


def on_7100(each: Iterable[JournalLine | LedgerLine]) -> int:
    return sum(line.ledger_amount for line in each if line.account == "7100")


def there(firm: Firm) -> list[int]:
    """What entries of the ERP have on 7100."""
    found = [on_7100(each.lines) for each in firm.erp.entries()]
    return sorted(amount for amount in found if amount)


def test_it_goes_once_in_the_currency_of_the_ledger(firm: Firm) -> None:
    """Ledger amounts alone: 7100 moves in both by the same, every journal is there once, and all accounts agree."""
    own = revalued(firm)
    assert {each.kind for each in own} == {"posting", "reversal"}
    assert all(line.amount == 0 and each.currency == "USD" for each in own for line in each.lines)
    done = firm.deliver()
    assert done.exit_code == 0, done.output
    firm.check_once()
    assert there(firm) == sorted(on_7100(each.lines) for each in own) != []


def test_it_is_taken_back_once_it_is_posted(slow: Firm) -> None:
    """One of 77.60 at the end of January; its reversal waits."""
    done = slow.deliver()
    assert done.exit_code == 0, done.output
    assert there(slow) == sorted(on_7100(each.lines) for each in revalued(slow) if each.kind == "posting") != []
