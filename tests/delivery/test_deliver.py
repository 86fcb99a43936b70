"""`milepost deliver` to a simulated NetSuite: each journal once, wherever it is killed, whatever of its own is lost."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.accounts_file import read_accounts
from connectors.delivery_store import Arrived, DeliveryStore
from connectors.erp import adapters
from connectors.files.added_events import added_events
from connectors.files.delivered import ANSWERS
from connectors.files.found_exceptions import exceptions_of, latest_of
from connectors.files.written import WrittenOutput, read_topic
from domain.billing.statement import ISSUED
from domain.delivery.chart import ENTITY_DAY, ENTRY, ITEM_KINDS
from domain.delivery.groups import GroupChanges as Waiting
from domain.delivery.outcomes import Taken
from domain.delivery.standings import Changes
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.outputs import TOPICS, BillingStatement, ExceptionRaised, JournalEntry
from domain.units import AMOUNT_ONE
from milepost.cli import app
from milepost.delivery import delivering, lacking
from milepost.delivery.delivering import companies_of, store_path
from simulation.erp.accounts import NAME, written
from simulation.erp.books import ErpCompany
from simulation.erp.serving import serving
from simulation.erp.simulated import SimulatedErp
from simulation.erp.troubles import Trouble, TroubleShare, TroubleTurn, parsed
from tests import forked
from tests.commands.tiny_firm import write
from tests.delivery.dying import POINTS
from tests.finished_run import finished_run, history, uninvoiced_run

COMPANY = ErpCompany("1", "EUR", "BERLIN")
VIOLATION, TRY_AGAIN = 3, 75


@dataclass
class Firm:
    """A finished run, and the ERP that its books go to."""

    folder: Path
    erp: SimulatedErp
    accounts: Path

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def input(self) -> Path:
        return self.folder / "input"

    def arguments(self, *options: str) -> list[str]:
        return ["deliver", "--output", str(self.output), "--accounts", str(self.accounts), *options]

    def deliver(self, *options: str) -> Result:
        return CliRunner().invoke(app, self.arguments(*options))

    def run(self) -> Result:
        return CliRunner().invoke(app, ["run", "--input", str(self.input), "--output", str(self.output)])

    def issue_invoices_from(self, day: str) -> None:
        text = self.accounts.read_text().replace("[entities.BERLIN]", f"[entities.BERLIN]\ninvoices_from = {day}")
        items = ["[entities.BERLIN.items]", *(f'{kind} = "771150"' for kind in ITEM_KINDS)]
        self.accounts.write_text("\n".join([text, *items, ""]))

    def act(self, text: str) -> None:
        turn = parsed(text)
        assert isinstance(turn, TroubleTurn), text
        self.erp.act(turn)

    def journals(self) -> list[JournalEntry]:
        records = (each.record for each in read_topic(self.output, TOPICS["JournalEntry"]))
        return [each for each in records if isinstance(each, JournalEntry) and each.deliver and each.lines]

    def never_accepted(self) -> list[JournalEntry]:
        records = (each.record for each in read_topic(self.output, TOPICS["JournalEntry"]))
        return [each for each in records if isinstance(each, JournalEntry) and each.rule == "never_accepted"]

    def statements(self) -> list[str]:
        records = (each.record for each in read_topic(self.output, TOPICS["BillingStatement"]))
        return sorted(
            each.statement_id for each in records if isinstance(each, BillingStatement) and each.status == ISSUED
        )

    def ours(self, *, with_memos: bool = False) -> Counter[str]:
        """What the run posted, by account and in ledger currency, without what comes to nothing.

        `with_memos`: also what takes back journals that the ERP never accepted.
        """
        found: Counter[str] = Counter()
        for journal in self.never_accepted() + self.journals() if with_memos else self.journals():
            for line in journal.lines:
                found[line.account] += line.ledger_amount
        return Counter({account: amount for account, amount in found.items() if amount})

    def theirs(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for entry in self.erp.entries():
            for line in entry.lines:
                found[line.account] += line.ledger_amount
        return Counter({account: amount for account, amount in found.items() if amount})

    def check_once(self) -> None:
        keys = Counter(entry.key for entry in self.erp.entries())
        assert [key for key, count in keys.items() if count != 1] == []
        assert self.theirs() == self.ours()

    def lines(self) -> dict[str, int]:
        """What `--status` says: journals and statements by how they stand, which add up to what the books have."""
        shown = json.loads(self.deliver("--status", "--json").stdout)["erps"][0]["documents"]
        found = {standing: line["journals_and_statements"] for standing, line in shown.items()}
        records = (each.record for each in read_topic(self.output, TOPICS["JournalEntry"]))
        journals = [each for each in records if isinstance(each, JournalEntry)]
        invoices = self.statements() if "invoices = true" in self.accounts.read_text() else []
        assert found.pop("read") == len(journals) + len(invoices)
        assert sum(found.values()) == len(journals) + len(invoices)
        for currency in ("EUR", "USD"):
            money = [Decimal(line["money"].get(currency, 0)) for name, line in shown.items() if name != "read"]
            assert sum(money) == Decimal(shown["read"]["money"][currency])
        assert found.pop("not_delivered", 0) == len(journals) - len(self.journals())
        return found

    def answers(self) -> list[PostingAccepted | PostingRejected]:
        found = added_events(self.input, ANSWERS)
        return [each for each in found if isinstance(each, PostingAccepted | PostingRejected)]


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with delivering_to(tmp_path, ENTRY) as found:
        yield found


@pytest.fixture
def uninvoiced(tmp_path: Path) -> Iterator[Firm]:
    """Nobody has invoiced its statements."""
    with delivering_to(tmp_path, ENTRY, run=uninvoiced_run().parent) as found:
        yield found


@contextmanager
def delivering_to(
    folder: Path, grain: str, *troubles: TroubleShare | TroubleTurn, kind: str = "netsuite", run: Path | None = None
) -> Iterator[Firm]:
    """`run` is the folder of input and output; without it those of the finished run."""
    shutil.copytree(run or finished_run().parent, folder / "firm")
    erp = SimulatedErp(kind, folder / "books", companies=(COMPANY,), troubles=troubles)
    with closing(erp), serving(erp) as server:
        accounts = written(folder, kind, server.url, erp.token_path, 4, companies=(COMPANY,), grain=grain)
        # A call of a delivery that died may have an effect for so long, and is waited for.
        text = accounts.read_text().replace("concurrent = 4", "concurrent = 4\ncall_seconds = 1.0")
        accounts.write_text(text)
        yield Firm(folder / "firm", erp, accounts)


def know_that_nothing_was_sent(firm: Firm) -> str:
    """So that nothing is looked up before it goes; gives the store's companies."""
    entities = companies_of(read_accounts(firm.accounts).charts)
    with DeliveryStore(store_path(firm.output, NAME), "1", entities) as store:
        store.begin(0)
        store.keep(Changes(), Arrived({}, Waiting((), ()), is_all=True))
    return entities


def test_each_journal_goes_once_and_its_answer_comes_back(firm: Firm) -> None:
    done = firm.deliver()
    assert done.exit_code == 0, done.output
    firm.check_once()
    count = len(firm.journals())
    assert done.stdout.splitlines()[1].split()[:4] == [NAME, "posted", str(count), str(count)]
    assert firm.lines() == {"posted": count}
    posted = [each for each in firm.answers() if isinstance(each, PostingAccepted)]
    assert {journal for each in posted for journal in each.journals} == {each.journal_id for each in firm.journals()}
    assert {each.state for each in posted} == {"posted"}

    assert firm.run().exit_code == 0
    again = firm.deliver()
    assert again.exit_code == 0, again.output
    firm.check_once()
    assert len(firm.answers()) == len(posted), "nothing was sent, so nothing is answered"


def test_answers_to_books_that_end_long_ago_are_of_their_last_moment(firm: Firm) -> None:
    """An answer of today would let every day up to today end."""
    latest = latest_of(firm.output)
    assert firm.deliver().exit_code == 0
    assert {each.occurred_at for each in firm.answers()} == {latest}
    assert firm.run().exit_code == 0
    assert latest_of(firm.output) == latest


def test_a_day_is_one_journal_of_the_erp(tmp_path: Path) -> None:
    with delivering_to(tmp_path, ENTITY_DAY) as firm:
        assert firm.deliver().exit_code == 0
        sent = {journal for each in firm.answers() for journal in each.journals}
        days_ended = [each for each in firm.journals() if each.journal_id in sent]
        assert len(firm.erp.entries()) < len(days_ended)
        assert len(sent) == len(days_ended)
        waiting = len(firm.journals()) - len(days_ended)
        assert firm.lines() == {"posted": len(sent)} | ({"waiting": waiting} if waiting else {})


def test_what_the_erp_refuses_waits_and_goes_when_it_takes_it(firm: Firm) -> None:
    """Account 5000 is inactive in the ERP; the chart then names another."""
    firm.act("refuse=5000")
    refused = firm.deliver("--json")
    assert refused.exit_code == 0, refused.output
    costs = {each.journal_id for each in firm.journals() if any(line.account == "5000" for line in each.lines)}
    rejected = {journal for each in firm.answers() if isinstance(each, PostingRejected) for journal in each.journals}
    assert rejected
    assert rejected <= costs
    told = json.loads(refused.stdout)["erps"][0]
    assert not told["is_done"]
    assert told["is_sent"], "nothing more can be done now"
    assert told["documents"]["rejected"]["documents"] == len(rejected)
    assert "5000" in told["documents"]["rejected"]["reasons"][0]["why"]
    assert firm.lines()["rejected"] == len(rejected)
    assert "What is rejected goes again a day later, and at once after a change" in firm.deliver("--status").stderr

    firm.act("take=5000")
    text = firm.accounts.read_text()
    firm.accounts.write_text(text.replace('5100 = "5100"', '5100 = "5000"'))
    assert firm.deliver().exit_code == 0
    keys = Counter(entry.key for entry in firm.erp.entries())
    assert max(keys.values()) == 1
    assert len(firm.erp.entries()) == len(firm.journals())


def test_an_erp_that_is_away_has_nothing_and_all_is_to_send(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PATIENCE_SECONDS", 1)
    know_that_nothing_was_sent(firm)
    firm.act("down=3600")
    away = firm.deliver()
    assert away.exit_code == TRY_AGAIN
    assert "not sent yet: the ERP was away" in away.stdout
    url = read_accounts(firm.accounts).erps[NAME].url
    assert f"{NAME}: the ERP cannot be used now. {url}: no token: answer 503" in away.stderr
    assert firm.lines() == {"to_send": len(firm.journals())}

    firm.act("down=0")
    assert firm.deliver().exit_code == 0
    assert firm.lines() == {"posted": len(firm.journals())}


@pytest.mark.parametrize(
    ("waited", "is_over"), [(None, False), (0, False), (60_000_000, False), (60_000_001, True), (61_000_000, True)]
)
def test_an_erp_that_is_away_is_left_after_a_minute(
    monkeypatch: pytest.MonkeyPatch, waited: int | None, *, is_over: bool
) -> None:
    """In microseconds; one that can be called is never left."""
    began = 1_772_000_000_000_000
    monkeypatch.setattr(delivering, "now", lambda: began + (waited or 0))
    queue = SimpleNamespace(troubled_since=None if waited is None else began)
    delivery: Any = SimpleNamespace(queue=queue)
    assert delivering._Patience(delivery).is_over() is is_over


def test_a_company_that_the_accounts_do_not_name_is_said_with_its_money(firm: Firm) -> None:
    """20 journals of 5,820.00 EUR and 3,500.00 USD go nowhere."""
    firm.accounts.write_text(firm.accounts.read_text().replace("entities.BERLIN", "entities.PARIS"))
    done = firm.deliver()
    assert done.exit_code == VIOLATION, done.output
    assert (
        "BERLIN: accounts.toml has no [entities.BERLIN], so nothing of this company is sent; "
        "20 journals wait, of 5,820.00 EUR, 3,500.00 USD" in done.stderr
    )
    assert f"Complete {firm.accounts} and deliver again; `milepost accounts new --output" in done.stderr
    assert f"Next: milepost accounts check --accounts {firm.accounts} --output" in done.stderr
    shown = firm.deliver("--status", "--json")
    assert shown.exit_code == 0, "it says how things stand, and does nothing"
    waits = {"EUR": "5820.00", "USD": "3500.00"}
    assert json.loads(shown.stdout)["companies_without_chart"] == [
        {"legal_entity_id": "BERLIN", "journals": 20, "money": waits, "write": "[entities.BERLIN]"}
    ]


def test_where_each_company_has_its_chart_no_journal_is_read_for_that(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(output: Path, topic: str) -> Iterator[WrittenOutput]:
        read.append(topic)
        return read_topic(output, topic)

    monkeypatch.setattr(lacking, "read_topic", noted)
    assert firm.deliver().exit_code == 0
    assert read == []
    firm.accounts.write_text(firm.accounts.read_text().replace("entities.BERLIN", "entities.PARIS"))
    assert firm.deliver().exit_code == VIOLATION
    assert read == ["erp.postings", "billing.statements"]


def test_money_that_waits_for_the_chart_is_one_figure_everywhere(firm: Firm) -> None:
    """Without account 1150 no revenue has a place: delivery, the exceptions and reconcile say the same journals and money."""
    mapped = firm.accounts.read_text()
    firm.accounts.write_text("\n".join(line for line in mapped.splitlines() if not line.startswith("1150 ")))
    for _ in range(2):
        done = firm.deliver()
        assert done.exit_code == VIOLATION, done.output
        assert "BERLIN: write account 1150 under [entities.BERLIN.accounts]" in done.stderr
        assert firm.run().exit_code == 0
    line = json.loads(firm.deliver("--status", "--json").stdout)["erps"][0]["documents"]["unmapped"]
    assert [each["why"] for each in line["reasons"]] == ["no account of the ERP for 1150"]
    assert line["documents"] == line["reasons"][0]["documents"] == 0, "no document is made of them"
    assert (line["journals_and_statements"], line["money"]) == (10, {"EUR": "3860.00", "USD": "1900.00"})
    taken_back = {each.reverses for each in firm.never_accepted()}
    waiting = [each for each in firm.journals() if any(line.account == "1150" for line in each.lines)]
    debits = Counter[str]()
    for each in waiting:
        if not {each.journal_id, each.reverses} & taken_back:
            debits[each.currency] += sum(line.amount for line in each.lines if line.amount > 0)
    assert debits == {"EUR": 3_860 * AMOUNT_ONE, "USD": 1_900 * AMOUNT_ONE}

    def asked(*command: str) -> dict[str, Any]:
        found = CliRunner().invoke(app, [*command, "--output", str(firm.output), "--json"])
        shown: dict[str, Any] = json.loads(found.stdout)
        return shown

    raised = [each for each in asked("exceptions", "list")["groups"] if each["category"] == "unmapped_account"]
    absent = [
        each
        for each in asked("reconcile", "--look", "--accounts", str(firm.accounts))["not_in_erp"]
        if each["standing"] == "unmapped"
    ]
    assert sum(each["blocks"] for each in raised) == sum(each["journals"] for each in absent) == 10
    for currency, amount in line["money"].items():
        assert sum(Decimal(each["amounts"].get(currency, 0)) for each in raised) == Decimal(amount)
        assert sum(Decimal(each["money"].get(currency, 0)) for each in absent) == Decimal(amount)

    firm.accounts.write_text(mapped)
    assert firm.deliver().exit_code == 0
    assert firm.run().exit_code == 0
    assert "unmapped_account" not in json.dumps(asked("exceptions", "list")["groups"])
    assert "unmapped" not in firm.lines()


def test_an_erp_that_loses_answers_has_each_journal_once(tmp_path: Path) -> None:
    with delivering_to(tmp_path, ENTRY, TroubleShare(Trouble.LOST, 40), TroubleShare(Trouble.FAILS, 10)) as firm:
        assert firm.deliver("--until-done").exit_code == 0
        firm.check_once()


@pytest.mark.parametrize("point", POINTS)
def test_a_delivery_that_is_killed_goes_on(firm: Firm, point: str) -> None:
    for count in (1, 3):
        killed = forked.run(
            [sys.executable, "-m", "tests.delivery.dying", point, str(count), *firm.arguments()], text=True
        )
        assert killed.returncode in {-signal.SIGKILL, 0}, killed.stderr
        if count == 1:
            assert killed.returncode == -signal.SIGKILL, "it comes to the point"
    done = firm.deliver()
    assert done.exit_code == 0, done.output
    firm.check_once()


def test_without_its_store_everything_is_looked_up_first(firm: Firm) -> None:
    """Half of the journals are in the ERP, one more than was answered."""
    killed = forked.run([sys.executable, "-m", "tests.delivery.dying", "before_result", "2", *firm.arguments()])
    assert killed.returncode == -signal.SIGKILL
    assert firm.erp.entries()
    for path in store_path(firm.output, NAME).parent.glob(f"{NAME}.db*"):
        if path.suffix != ".lock":
            path.unlink()
    assert firm.deliver().exit_code == 0
    firm.check_once()
    assert firm.lines() == {"posted": len(firm.journals())}


def test_an_older_copy_of_the_store_is_not_believed(firm: Firm) -> None:
    path = store_path(firm.output, NAME)
    DeliveryStore(path, "1", "").close()
    copy = path.read_bytes()
    assert firm.deliver().exit_code == 0
    count = len(firm.answers())
    for other in path.parent.glob(f"{NAME}.db-*"):
        other.unlink()
    path.write_bytes(copy)
    again = firm.deliver()
    assert again.exit_code == 0, again.output
    assert "was dropped" in again.stderr
    firm.check_once()
    assert len(firm.answers()) == count


def test_a_second_delivery_of_the_same_folder_waits_its_turn(firm: Firm) -> None:
    with DeliveryStore(store_path(firm.output, NAME), "1", ""):
        second = firm.deliver()
    assert second.exit_code == TRY_AGAIN
    assert "another process delivers to this account" in second.stderr
    assert not firm.erp.entries()


def test_a_first_delivery_to_an_erp_that_is_away_names_it_and_speaks_of_no_other(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its port is closed; all is asked for by key before it is sent, and was never sent before."""
    monkeypatch.setattr(delivering, "PATIENCE_SECONDS", 1)
    firm.act("away=3600")
    away = firm.deliver()
    assert away.exit_code == TRY_AGAIN
    url = read_accounts(firm.accounts).erps[NAME].url
    assert f"{NAME}: the ERP cannot be used now. {url}: no token: 127.0.0.1: no connection" in away.stderr
    assert "the ERP is asked for it by its key before it is sent" in away.stdout
    assert "before this one" not in away.stdout + firm.deliver("--status").stdout
    told = json.loads(firm.deliver("--status", "--json").stdout)["erps"][0]
    assert (told["is_done"], told["is_sent"], told["is_read"]) == (False, False, True)


def test_status_says_how_far_it_is_and_sends_nothing(firm: Firm) -> None:
    assert "Nothing was delivered" in firm.deliver("--status").stderr
    assert not firm.erp.entries()
    assert firm.deliver().exit_code == 0
    said = firm.deliver("--status")
    assert "posted" in said.stdout
    assert said.exit_code == 0


def test_an_account_that_there_is_not_is_wrong_usage(firm: Firm) -> None:
    wrong = firm.deliver("--erp", "abacus")
    assert wrong.exit_code == 2
    assert f"expected one of {NAME}, got 'abacus'" in " ".join(wrong.stderr.split())


def fall_back_on_files(firm: Firm) -> Path:
    """Gives the folder."""
    folder = firm.folder / "paper"
    paper = ["[erp.paper]", 'kind = "files"', "[erp.paper.options]", f'folder = "{folder}"', 'layout = "netsuite_csv"']
    text = firm.accounts.read_text().replace("[erp.simulated]", '[erp.simulated]\nfallback = "paper"')
    text = text.replace("[entities.BERLIN]", "[entities.BERLIN]\ninvoices_from = 2026-01-01")
    items = ["[entities.BERLIN.items]", *(f'{kind} = "771150"' for kind in ITEM_KINDS)]
    firm.accounts.write_text("\n".join([text, *items, *paper, ""]))
    return folder


def test_after_a_lost_store_no_invoice_is_written_before_it_was_looked_up(uninvoiced: Firm) -> None:
    folder = fall_back_on_files(uninvoiced)
    DeliveryStore(store_path(uninvoiced.output, NAME), "1", "MUNICH").close()
    uninvoiced.act("down=3600")
    refused = uninvoiced.deliver("--fallback")
    said = " ".join(refused.stderr.split())
    assert refused.exit_code == TRY_AGAIN
    assert "companies MUNICH, expected BERLIN with invoices from 2026-01-01" in said
    assert f"{len(uninvoiced.statements())} invoices may have been sent before" in said
    assert not list(folder.glob("*.csv"))


def test_invoices_go_into_files_while_the_platform_is_down_and_are_known_later(uninvoiced: Firm) -> None:
    """Three statements queue at the first delivery; they are written, entered by somebody under their keys, and found there."""
    folder = fall_back_on_files(uninvoiced)
    entities = companies_of(read_accounts(uninvoiced.accounts).charts)
    uninvoiced.act("down=3600")
    written_down = uninvoiced.deliver("--fallback", "--json")
    assert written_down.exit_code == 0, written_down.output
    known = json.loads(written_down.stdout)["erps"][0]["documents"]
    count = known["accepted"]["documents"]
    assert count == len(uninvoiced.statements())
    assert any(folder.glob("*.csv"))
    assert known["probe"]["documents"] == len(uninvoiced.journals()), (
        "journals wait for the ERP, and are looked up first"
    )

    with DeliveryStore(store_path(uninvoiced.output, NAME), "1", entities) as store:
        invoices = [each.document for each in store.kept().standings]
    uninvoiced.act("down=0")
    adapter = adapters.opened(NAME, read_accounts(uninvoiced.accounts).erps[NAME])
    outcomes = [each for document in invoices for each in adapter.send([document])]
    assert [each for each in outcomes if not isinstance(each, Taken)] == []
    adapter.close()
    assert uninvoiced.deliver("--until-done").exit_code == 0
    posted = [each for each in added_events(uninvoiced.input, ANSWERS) if isinstance(each, InvoicePosted)]
    assert sorted(each.statement_id or "" for each in posted) == uninvoiced.statements()
    keys = Counter(entry.key for entry in uninvoiced.erp.entries())
    assert [key for key, found in keys.items() if found != 1] == []
    assert len(keys) == count + len(uninvoiced.journals())


def test_a_fallback_is_files(firm: Firm) -> None:
    text = firm.accounts.read_text()
    firm.accounts.write_text(text.replace("[erp.simulated]", '[erp.simulated]\nfallback = "simulated"'))
    wrong = firm.deliver()
    assert wrong.exit_code == 2
    assert "expected the NAME of an [erp.NAME] of kind files, found 'simulated'" in " ".join(wrong.stderr.split())


def test_a_closed_period_is_answered_with_replacements_on_the_first_open_day(firm: Firm) -> None:
    """The ERP has closed January: what belongs there is posted in February, and the books say so too."""
    january = {each.journal_id for each in firm.journals() if each.period == "2026-01"}
    firm.act("close=2026-01")
    # A reversal waits for the replacement of what it reverses, and is refused for its own period only then.
    while True:
        count = len(firm.answers())
        assert firm.deliver().exit_code == 0
        assert firm.run().exit_code == 0
        if len(firm.answers()) == count:
            break

    rejected = [each for each in firm.answers() if isinstance(each, PostingRejected)]
    assert {each.because for each in rejected} == {"period"}
    refused = {journal for each in rejected for journal in each.journals}
    assert refused <= january
    replacing = [each for each in firm.journals() if each.replaces]
    assert {each.period for each in replacing} == {"2026-02"}

    posted = {journal for each in firm.answers() if isinstance(each, PostingAccepted) for journal in each.journals}
    assert not posted & january
    assert set(Counter(entry.key for entry in firm.erp.entries()).values()) == {1}
    assert len(firm.erp.entries()) == len(posted)
    # What was refused is in our own books too, and taken back there; so the sums by account are the ERP's.
    assert firm.theirs() == firm.ours(with_memos=True)
    assert firm.lines() == {"posted": 14, "replaced": 11, "withdrawn": 3}, "nothing waits"
    assert (len(posted), len(refused)) == (14, 11)
    assert json.loads(firm.deliver("--status", "--json").stdout)["erps"][0]["is_done"]


def test_replacements_wait_for_their_day_and_it_is_said_which(tmp_path: Path) -> None:
    """At entity and day, what a closed January was replaced by goes when the day of the answers has ended in the books."""
    with delivering_to(tmp_path, ENTITY_DAY) as firm:
        firm.act("close=2026-01")
        assert firm.deliver().exit_code == 0
        refused = {journal for each in firm.answers() if isinstance(each, PostingRejected) for journal in each.journals}
        assert firm.lines()["replaced"] == len(refused)
        (told,) = json.loads(firm.deliver("--status", "--json").stdout)["erps"]
        assert told["is_read"]
        assert firm.run().exit_code == 0
        (told,) = json.loads(firm.deliver("--status", "--json").stdout)["erps"]
        assert (told["is_done"], told["is_sent"], told["is_read"]) == (False, False, False), (
            "replacements are not read yet"
        )
        assert "the run has written more since; `milepost deliver` reads it" in firm.deliver("--status").stderr

        waits = firm.deliver()
        assert waits.exit_code == 0, "it is not the ERP that is waited for"
        answered = {journal for each in firm.answers() for journal in each.journals}
        answered |= {each.reverses or "" for each in firm.never_accepted()}
        left = [each for each in firm.journals() if each.journal_id not in answered]
        assert sum(bool(each.replaces) for each in left) == 8, "eight of a closed January, beside one of the last day"
        assert firm.lines()["waiting"] == len(left) == 9
        told = json.loads(firm.deliver("--status", "--json").stdout)["erps"][0]
        assert not told["is_done"]
        (waiting,) = told["documents"]["waiting"]["reasons"]
        debits = Counter[str]()
        for each in left:
            debits[each.currency] += sum(line.amount for line in each.lines if line.amount > 0)
        assert waiting["money"] == {name: f"{amount / AMOUNT_ONE:.2f}" for name, amount in debits.items()}
        day = waiting["until"]
        assert f"until {day} is over" in waits.stdout
        assert f"--until {day}" in waits.stderr

        until = ["run", "--input", str(firm.input), "--output", str(firm.output), "--until", day]
        assert CliRunner().invoke(app, until).exit_code == 0
        assert firm.deliver().exit_code == 0
        assert firm.lines().keys() == {"posted", "replaced", "withdrawn"}
        assert firm.theirs() == firm.ours(with_memos=True)


def test_what_was_invoiced_before_the_erp_issues_invoices_is_not_invoiced_again(uninvoiced: Firm) -> None:
    """The journals are in the ERP when it begins to issue invoices with February's: two statements of January stay out."""
    assert uninvoiced.deliver().exit_code == 0
    uninvoiced.issue_invoices_from("2026-02-01")
    result = uninvoiced.deliver("--until-done")
    assert result.exit_code == 0, result.output
    assert "BERLIN: 2 statements are not sent, since their period ended before 2026-02-01" in result.stderr
    posted = [each for each in added_events(uninvoiced.input, ANSWERS) if isinstance(each, InvoicePosted)]
    assert sorted(each.statement_id or "" for each in posted) == [
        each for each in uninvoiced.statements() if "2026-02-01" in each
    ]
    assert len(uninvoiced.erp.entries()) == len(uninvoiced.journals()) + len(posted)


def waiting_for_the_chart(firm: Firm) -> list[ExceptionRaised]:
    return [
        each.raised
        for each in exceptions_of(firm.output).values()
        if each.is_open and each.raised.category == "unmapped_account"
    ]


def invoicing(firm: Firm) -> None:
    """Four statements that nobody has invoiced; the ERP issues all invoices."""
    shutil.rmtree(firm.output)
    uninvoiced = [each for each in history() if each["type"] != "InvoicePosted"]
    write(firm.input, sorted(uninvoiced, key=lambda each: str(each["occurred_at"])))
    assert firm.run().exit_code == 0
    text = firm.accounts.read_text().replace("[entities.BERLIN]", "[entities.BERLIN]\ninvoices_from = 2026-01-01")
    items = ["[entities.BERLIN.items]", *(f'{kind} = "771150"' for kind in ITEM_KINDS)]
    firm.accounts.write_text("\n".join([text, *items, ""]))


def test_an_invoice_whose_customer_is_not_in_the_chart_goes_by_itself_once_it_is(firm: Firm) -> None:
    """The chart has another customer alone."""
    invoicing(firm)
    charted = firm.accounts.read_text()
    firm.accounts.write_text(f'{charted}\n[entities.BERLIN.customers]\nNOBODY = "17"\n')
    done = firm.deliver()
    assert done.exit_code == VIOLATION, done.output
    assert "BERLIN: write customer ACME under [entities.BERLIN.customers]" in done.stderr
    rejected = [each for each in added_events(firm.input, ANSWERS) if isinstance(each, InvoiceRejected)]
    assert sorted(each.statement_id or "" for each in rejected) == firm.statements()
    assert {(each.because, each.code) for each in rejected} == {("account", "customer")}
    assert len(firm.erp.entries()) == len(firm.journals())

    assert firm.run().exit_code == 0
    waiting = waiting_for_the_chart(firm)
    assert sorted(each.subject_id for each in waiting) == firm.statements()
    assert all("no customer of the ERP for " in each.message for each in waiting)
    assert {each.resolution for each in waiting} == {
        "Map in accounts.toml what is missing (`milepost accounts check` lists it); what waits for it goes out by itself."
    }

    firm.accounts.write_text(charted)
    assert firm.deliver("--until-done").exit_code == 0
    assert firm.run().exit_code == 0
    assert not waiting_for_the_chart(firm)
    posted = [each for each in added_events(firm.input, ANSWERS) if isinstance(each, InvoicePosted)]
    assert sorted(each.statement_id or "" for each in posted) == firm.statements()
