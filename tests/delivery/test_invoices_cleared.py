"""What the ERP's invoices post and what is delivered beside them come to our books, account by account, in the ERP's own ledger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.files.added_events import added_events
from connectors.files.delivered import ANSWERS
from connectors.files.written import read_topic
from domain.delivery.chart import ENTITY_DAY, ENTRY, ITEM_KINDS
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.ledger.clearing import CLEARED
from domain.outputs import TOPICS, JournalEntry
from domain.units import AMOUNT_ONE
from milepost.cli import app
from simulation.erp.accounts import written
from simulation.erp.serving import serving
from simulation.erp.simulated import SimulatedErp
from tests.commands.tiny_firm import Event, event, write
from tests.delivery.test_deliver import COMPANY, Firm
from tests.finished_run import history, project_and_contract, worked

# Whose invoices the ERP makes, and a period that nobody closes.
OF_OTHERS = {"InvoicePosted", "AccountingPeriodClosed"}
# When a project comes, and its contract.
AT = ("2026-01-02T08:01:00Z", "2026-01-02T08:02:00Z")
# Of the simulated NetSuite, by number: one posts to the account of its last four digits.
ITEMS = dict.fromkeys(ITEM_KINDS, "771150") | {"retention": "771170", "deposit": "772310"}


def _firm_of_all_sorts() -> list[Event]:
    """Hours in two currencies; a price over time with 10 % retained, of which a deposit pays 270.00 and 930.00 of it are kept; revenue
    as it is billed; and a price in another currency, 2,700 USD, that is earned as 775.00, 705.88 and 808.70 EUR, and invoiced at
    1.00: 410.42 EUR of difference."""
    over_time = {"type": "FixedPrice", "price": "2700", "schedule": [{"on": "2026-01-31", "amount": "2700"}]}
    deposit = {"type": "Deposit", "amount": "1200", "due_on": "2026-01-03", "applied": "percent", "percent": "10"}
    hours = {"type": "TimeAndMaterials", "rates": [{"rate": "100"}]}
    return [
        *(each for each in history() if each["type"] not in OF_OTHERS),
        *project_and_contract(
            "DAM",
            "K-3",
            "EUR",
            AT,
            [
                {"line_id": "L-1", "terms": over_time, "policies": {"revenue_method": "straight_line_days"}},
                {"line_id": "L-2", "terms": deposit},
            ],
            ends_on="2026-03-31",
            retention={"steps": [{"at_percent": "0", "withhold_percent": "10", "release_percent": "0"}]},
        ),
        *project_and_contract(
            "LOCK",
            "K-5",
            "USD",
            AT,
            [{"line_id": "L-1", "terms": over_time, "policies": {"revenue_method": "straight_line_days"}}],
            ends_on="2026-03-31",
        ),
        *project_and_contract(
            "WEIR", "K-4", "USD", AT, [{"line_id": "L-1", "terms": hours}], policies={"revenue_method": "as_billed"}
        ),
        event(
            "ExchangeRateSet",
            "2026-03-31T06:00:00Z",
            rate_type="spot",
            from_currency="EUR",
            to_currency="USD",
            date="2026-03-31",
            version=1,
            rate="1.15",
        ),
        worked("V-1", "2026-01-13", "9", "2026-01-13T18:00:00Z", "WEIR"),
    ]


@pytest.mark.parametrize("grain", [ENTRY, ENTITY_DAY])
def test_every_account_of_the_erp_ends_as_ours(tmp_path: Path, grain: str) -> None:
    with _delivering(tmp_path, grain, ITEMS) as firm:
        for until in ("2026-04-30", "2026-04-30", "2026-05-31"):
            _run(firm, until)
            sent = firm.deliver("--until-done")
            assert sent.exit_code == 0, sent.output
        booked = [
            each.record
            for each in read_topic(firm.output, TOPICS["JournalEntry"])
            if isinstance(each.record, JournalEntry)
        ]
        assert sorted(each.affected_id for each in booked if each.rule == CLEARED) == [
            "BRIDGE.K-1/ACME/2026-01-01/1",
            "BRIDGE.K-1/ACME/2026-02-01/1",
            "DAM.K-3/ACME/2026-01-01/1",
            "LOCK.K-5/ACME/2026-01-01/1",
            "WEIR.K-4/ACME/2026-01-01/1",
        ]
        assert firm.theirs() == _ours(booked)
        assert _theirs_in_dollars(firm) == _ours_in_dollars(booked)
        balances = {account: f"{amount / AMOUNT_ONE:,.2f}" for account, amount in sorted(firm.theirs().items())}
        assert balances == {
            "1100": "11,830.00",
            "2150": "-2,280.00",
            "4000": "-11,246.86",
            "5000": "2,280.00",
            "7110": "-583.14",
        }
        agreed = _reconcile(firm)
        assert agreed.exit_code == 0, agreed.output
        assert "Both ledgers agree" in agreed.stdout


def test_items_that_post_elsewhere_than_the_chart_says_are_found(tmp_path: Path) -> None:
    """The item of fees is on revenue: 2,700.00 of DAM and its deposits are not on the accounts that the books clear."""
    with _delivering(tmp_path, ENTRY, ITEMS | {"fee": "774000"}) as firm:
        _run(firm, "2026-04-30")
        assert firm.deliver("--until-done").exit_code == 0
        found = _reconcile(firm)
        assert "DAM.K-3/ACME/2026-01-01/1" in found.stdout
        assert "expected Cr 2700.00 EUR on 1150, found nothing; expected nothing on 4000, found Cr" in found.stdout
        assert "check the items of the chart" in found.stdout


@contextmanager
def _delivering(folder: Path, grain: str, items: Mapping[str, str]) -> Iterator[Firm]:
    events = sorted(_firm_of_all_sorts(), key=lambda each: str(each["occurred_at"]))
    write(folder / "firm" / "input", events)
    erp = SimulatedErp("netsuite", folder / "books", companies=(COMPANY,))
    with closing(erp), serving(erp) as server:
        accounts = written(folder, "netsuite", server.url, erp.token_path, 4, companies=(COMPANY,), grain=grain)
        text = accounts.read_text().replace("[entities.BERLIN]", "[entities.BERLIN]\ninvoices_from = 2026-01-01")
        listed = ["[entities.BERLIN.items]", *(f'{kind} = "{item}"' for kind, item in items.items())]
        accounts.write_text("\n".join([text, *listed, ""]))
        yield Firm(folder / "firm", erp, accounts)


def _run(firm: Firm, until: str) -> None:
    run = ["run", "--input", str(firm.input), "--output", str(firm.output), "--until", until]
    assert CliRunner().invoke(app, run).exit_code == 0


def _reconcile(firm: Firm) -> Result:
    return CliRunner().invoke(app, ["reconcile", "--output", str(firm.output), "--accounts", str(firm.accounts)])


def test_a_statement_that_somebody_else_invoiced_is_not_invoiced_again(tmp_path: Path) -> None:
    """People entered WEIR's invoice by hand and said so, before delivery or after the ERP had rejected it."""
    with _delivering(tmp_path, ENTRY, ITEMS) as firm:
        firm.act("refuse=771150")
        _run(firm, "2026-04-30")
        assert firm.deliver("--until-done").exit_code == 0
        statement = "WEIR.K-4/ACME/2026-01-01/1"
        rejected = [each for each in added_events(firm.input, ANSWERS) if isinstance(each, InvoiceRejected)]
        assert statement in {each.statement_id for each in rejected}
        by_hand = event(
            "InvoicePosted",
            "2026-05-01T10:00:00Z",
            invoice_id="HAND-1",
            posted_on="2026-04-30",
            amount="900",
            statement_id=statement,
            exchange_rate="0.9",
            clears_unbilled=True,
        )
        write(firm.input / "by-hand", [by_hand])
        _run(firm, "2026-05-01")
        firm.act("take=771150")
        text = firm.accounts.read_text()
        mended = '[entities.BERLIN.customers]\nACME = "7"\n\n[entities.BERLIN.items]'
        firm.accounts.write_text(text.replace("[entities.BERLIN.items]", mended))
        assert firm.deliver("--until-done").exit_code == 0
        posted = [each for each in added_events(firm.input, ANSWERS) if isinstance(each, InvoicePosted)]
        assert {each.statement_id for each in posted} == set(firm.statements()) - {statement}
        shown = json.loads(firm.deliver("--status", "--json").stdout)["erps"][0]["documents"]
        by_hand = shown["invoiced_by_hand"]
        assert (by_hand["journals_and_statements"], by_hand["money"]) == (1, {"USD": "900.00"})
        assert by_hand["reasons"][0]["why"] == "the books have an invoice of theirs that delivery did not send"
        assert "withdrawn" not in shown
        assert "invoiced by hand" in firm.deliver("--status").stdout
        compared = " ".join(_reconcile(firm).output.split())
        assert (
            f"{statement} was invoiced by hand as HAND-1, and the ERP's ledger has no invoice under the statement's key"
            in compared
        )


def _theirs_in_dollars(firm: Firm) -> Counter[str]:
    found: Counter[str] = Counter()
    for entry in firm.erp.entries():
        for line in entry.lines if entry.currency == "USD" else ():
            found[line.account] += line.amount
    return Counter({account: amount for account, amount in found.items() if amount})


def _ours_in_dollars(booked: list[JournalEntry]) -> Counter[str]:
    found: Counter[str] = Counter()
    for journal in booked:
        for line in journal.lines if journal.currency == "USD" else ():
            found[line.account] += line.amount
    return Counter({account: amount for account, amount in found.items() if amount})


def _ours(booked: list[JournalEntry]) -> Counter[str]:
    """In ledger currency, memos too."""
    found: Counter[str] = Counter()
    for journal in booked:
        for line in journal.lines:
            found[line.account] += line.ledger_amount
    return Counter({account: amount for account, amount in found.items() if amount})
