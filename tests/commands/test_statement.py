"""`milepost statement`: pages, tables and files of a statement foot, and say what is unusual."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from connectors.files.lookup import FoundStatement, statement_revisions
from connectors.files.statement_background import Background
from domain.outputs import BillingStatement, StatementLine, StatementTax, UndeterminedTax
from milepost.cli import app
from milepost.locales import writing
from milepost.statements.diff import difference, difference_tables
from milepost.statements.groups import EntryShare, GroupBy, grouped_lines
from milepost.statements.sheet import StatementSheet, tax_sums
from tests.commands.simulated_firm import simulated_run
from tests.commands.test_show_details import statement_line
from tests.finished_run import BRIDGE_FEBRUARY, BRIDGE_JANUARY, TUNNEL_FEBRUARY, TUNNEL_JANUARY, finished_run

CAPPED = "K-00003.K-00003/C-00001/2026-02-16/1"


def statement(wanted: str, *arguments: str, output: Path | None = None) -> Result:
    return CliRunner().invoke(app, ["statement", wanted, "--output", str(output or finished_run()), *arguments])


def simulated(*arguments: str) -> str:
    result = statement(CAPPED, *arguments, output=simulated_run())
    assert result.exit_code == 0, result.output
    return result.stdout


def of(wanted: str) -> FoundStatement:
    return statement_revisions(finished_run(), wanted)[-1]


# For people


def test_a_statement_as_the_customer_gets_it() -> None:
    result = statement(TUNNEL_JANUARY)
    assert result.exit_code == 0, result.output
    assert "to Acme from Berlin, contract K-2" in result.stdout
    assert "period 1–31 Jan 2026, issued on 1 Feb 2026" in result.stdout
    assert re.search(r"5–6 Jan 2026 +senior +ADA +12.00 +100.00 +1,200.00", result.stdout)
    assert re.search(r"Amount due, net of tax +€2,000.00", result.stdout)


def test_corrections_and_earlier_work_are_marked() -> None:
    text = statement(BRIDGE_FEBRUARY).stdout
    assert re.search(r"senior \(earlier period, correction\) +ADA +-7.00 +100.00 +-700.00", text)
    assert "US$-100.00" in text or "-US$100.00" in text


def test_what_is_given_back_is_a_credit() -> None:
    """-100.00 is due: the customer gets it, and no days to pay it in."""
    text = statement(BRIDGE_FEBRUARY).stdout
    assert re.search(r"Amount credited, net of tax +US\$100.00", text)
    assert "Amount due" not in text
    page = statement(BRIDGE_FEBRUARY, "--html", "-").stdout
    assert "<h1>Credit memo</h1>" in page
    assert "Terms of payment" not in page
    assert "<h1>Gutschrift</h1>" in statement(BRIDGE_FEBRUARY, "--html", "-", "--locale", "de_DE").stdout


def test_tax_stands_below_what_is_due() -> None:
    """19 % of 22,245.00; the page says so in the words of the country."""
    text = simulated()
    assert re.search(r"Tax 19% on €22,245.00 +€4,226.55\n +Amount due with tax +€26,471.55", text)
    page = simulated("--html", "-", "--locale", "de_DE")
    assert "Steuer 19 % auf 22.245,00 €" in page.replace("\u00a0", " ")
    assert "maßgeblich ist die Rechnung" in page
    assert "Tax" not in statement(TUNNEL_JANUARY).stdout
    assert "All amounts are net of tax" in statement(TUNNEL_JANUARY, "--html", "-").stdout


LAST = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("tax", "due", "shown"),
    [
        (
            (StatementTax("services", 10_000_0000, 19_000_000, 1_900_0000, "output", LAST),),
            10_000_0000,
            [("Tax 19% on €10,000.00", "€1,900.00"), ("Amount due with tax", "€11,900.00")],
        ),
        (
            (StatementTax("services", 100_0000, 0, 0, "reverse_charge"), StatementTax("x", 1_0000, 0, 0, "exempt")),
            101_0000,
            [
                ("Tax, reverse charge, on €100.00", "€0.00"),
                ("Tax, exempt, on €1.00", "€0.00"),
                ("Amount due with tax", "€101.00"),
            ],
        ),
        (
            (StatementTax("a", 1_0000, 5_000_000, 500, "output", LAST), UndeterminedTax("b", 2_0000, LAST)),
            3_0000,
            [("Tax 5% on €1.00", "€0.05"), ("Tax b on €2.00", "undetermined")],
        ),
        (
            (StatementTax("services", -100_0000, 19_000_000, -19_0000, "output", LAST),),
            -100_0000,
            [("Tax 19% on €100.00", "€19.00"), ("Amount credited with tax", "€119.00")],
        ),
        (
            (
                StatementTax("services", 100_0000, 19_000_000, 19_0000, "output", LAST),
                StatementTax("travel", 200_0000, 19_000_000, 38_0000, "output", LAST),
            ),
            300_0000,
            [
                ("Tax services 19% on €100.00", "€19.00"),
                ("Tax travel 19% on €200.00", "€38.00"),
                ("Amount due with tax", "€357.00"),
            ],
        ),
        ((UndeterminedTax("services", 100_0000, LAST),), 100_0000, [("Tax services on €100.00", "undetermined")]),
        # As statements once said it.
        ((StatementTax("services", 100_0000, 0, 0, None),), 100_0000, [("Tax services on €100.00", "undetermined")]),
    ],
)
def test_what_is_not_charged_or_not_known_is_said(
    tax: tuple[StatementTax | UndeterminedTax, ...], due: int, shown: list[tuple[str, str]]
) -> None:
    issued = of(TUNNEL_JANUARY)
    known = tuple(one for one in tax if isinstance(one, StatementTax))
    missing = tuple(one for one in tax if isinstance(one, UndeterminedTax))
    bill = issued.statement._replace(tax=known, undetermined_tax=missing, tax_region="DE", amount_due=due)
    issued = issued._replace(statement=bill)
    assert (
        list(tax_sums(StatementSheet(issued, Background(), "project", (), writing("en_GB", "EUR"), names=True)))
        == shown
    )


def test_words_amounts_and_dates_of_a_country() -> None:
    text = statement(TUNNEL_JANUARY, "--locale", "de_DE").stdout
    assert re.search(r"5\.–6\. Jan\. 2026 +senior +ADA +12,00 +100,00 +1\.200,00", text)
    assert re.search(r"Zu zahlen netto +2\.000,00\s€", text)


def test_without_names_only_roles_are_given() -> None:
    for form in ((), ("--html", "-"), ("--csv",), ("--json",)):
        text = simulated("--no-names", *form)
        assert "consultant" in text or "principal" in text
        assert not re.search(r"Rojas|Tanaka|Haas|P-DE-", text), form
    assert "Rojas" in simulated("--html", "-")


@pytest.mark.parametrize("by", get_args(GroupBy))
def test_groups_foot(by: str) -> None:
    found = json.loads(simulated("--group-by", by, "--json"))
    groups = found["groups"]
    assert sum(Decimal(group["amount"]) for group in groups) == Decimal(found["statement"]["total"])
    for group in groups:
        assert sum(Decimal(line["amount"]) for line in group["lines"]) == Decimal(group["amount"])
        assert sum(Decimal(line["quantity"]) for line in group["lines"]) == Decimal(group["quantity"])
    printed = [Decimal(line["quantity"]) for line in found["statement"]["lines"]]
    apart = sum((Decimal(group["quantity"]) for group in groups), Decimal(0)) - sum(printed, Decimal(0))
    assert abs(apart) <= Decimal("0.01") * len(printed), "groups have the hours as worked, the record those printed"


def test_a_line_of_several_weeks_is_divided_by_what_its_entries_accrued() -> None:
    """U-1 on Monday the 5th, U-2 on the 6th, and U-9 a week later: 8 + 4 h, then 6 h."""
    line = statement_line(18, 100, 0, 1800)._replace(
        entries=("U-1", "U-2", "U-9"), service_from=day(5), service_to=day(12), person_id="ADA"
    )
    shares = {
        "U-1": EntryShare(800_0000, day(5)),
        "U-2": EntryShare(400_0000, day(6)),
        "U-9": EntryShare(600_0000, day(12)),
    }
    groups = grouped_lines(statement_of(line), "week", shares)
    assert [(group.key, group.amount, group.quantity, group.lines_only[0].entries) for group in groups] == [
        ("2026-01-05", 1200_0000, 12_000_000, ("U-1", "U-2")),
        ("2026-01-12", 600_0000, 6_000_000, ("U-9",)),
    ]


def test_a_line_of_one_of_several_payers_is_divided_by_what_it_bills_of_each_entry() -> None:
    """0:50 h and 1:10 h at 99.99 accrue 83.33 and 116.66; 60 % of it are 119.99, 50.00 and 69.99, and so 0.5 and 0.7 h."""
    line = statement_line(0, 0, 0, 0)._replace(
        quantity=1_200_000,
        rate=999_900,
        amount=119_9900,
        entries=("U-1", "U-9"),
        entry_amounts=(50_0000, 69_9900),
        service_from=day(5),
        service_to=day(12),
    )
    shares = {"U-1": EntryShare(83_3300, day(5)), "U-9": EntryShare(116_6600, day(12))}
    groups = grouped_lines(statement_of(line), "week", shares)
    assert [(group.key, group.amount, group.quantity) for group in groups] == [
        ("2026-01-05", 50_0000, 500_000),
        ("2026-01-12", 69_9900, 700_000),
    ]


def test_a_line_whose_entries_say_another_amount_stays_whole() -> None:
    line = statement_line(18, 100, 0, 1800)._replace(entries=("U-1", "U-9"), service_from=day(5), service_to=day(12))
    shares = {"U-1": EntryShare(800_0000, day(5)), "U-9": EntryShare(900_0000, day(12))}
    for known in (shares, {}):
        (group,) = grouped_lines(statement_of(line), "week", known)
        assert (group.key, group.lines_only) == (None, (line,))


# Pages


class Checked(HTMLParser):
    """Every element is closed, and nothing is loaded from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br", "hr", "col"}:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def checked(text: str) -> Checked:
    found = Checked()
    found.feed(text)
    found.close()
    assert found.open == []
    assert found.links == []
    assert "url(" not in text
    assert "<script" not in text
    assert "@import" not in text
    return found


def test_a_page_is_whole_and_loads_nothing() -> None:
    found = checked(simulated("--html", "-", "--locale", "de_DE"))
    text = " ".join(found.texts).replace("\xa0", " ")
    for word in (
        "Leistungsnachweis",
        "Alster Pharma GmbH",
        "Brandt & Keller Beratung GmbH",
        "Berichtigung",
        "22.245,00 €",
    ):
        assert word in text
    assert "@page { size: A4" in simulated("--html", "-", "--locale", "de_DE")
    assert "@page { size: letter" in simulated("--html", "-", "--locale", "en_US")


def test_what_others_wrote_is_text_and_not_markup(tmp_path: Path) -> None:
    """A description is typed by somebody; a page for a customer must not run it."""
    from tests.commands.tiny_firm import founding, worked, write

    write(tmp_path / "in", [*founding(), worked("T-1", 2, description="<script>alert(1)</script> & more")])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-02"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    result = statement("BRIDGE.K-1/ACME/2026-03-01/1", "--html", "-", output=tmp_path / "out")
    assert "<script>alert(1)</script> & more" in "".join(checked(result.stdout).texts)


def test_no_text_pushes_a_figure_off_the_page(tmp_path: Path) -> None:
    """A link of 150 characters is broken where the column ends; only dates and figures must stay on one line."""
    from tests.commands.tiny_firm import founding, worked, write

    link = f"https://wiki.example/{'abcdefghi/' * 13}"
    write(tmp_path / "in", [*founding(), worked("T-1", 2, description=link)])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-02"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    page = statement("BRIDGE.K-1/ACME/2026-03-01/1", "--html", "-", output=tmp_path / "out").stdout
    assert re.search(r"main \{[^}]*overflow-wrap: anywhere;", page)
    one_line = re.findall(r'<td class="[^"]*\b(?:nowrap|right)\b[^"]*"[^>]*>([^<]*)', page)
    assert "2 Mar 2026" in one_line
    assert [text for text in one_line if re.search("[a-z]{4}", text)] == []
    assert re.search(
        rf'<td class="what"><div>{link}</div></td><td>ADA</td><td class="right hours" data-label="Hours">', page
    )


def test_a_long_note_is_cut_in_a_table_and_whole_for_machines(tmp_path: Path) -> None:
    from tests.commands.tiny_firm import founding, worked, write

    note = "Workshop on the interface of the ledger, " * 12
    write(tmp_path / "in", [*founding(), worked("T-1", 2, description=note.strip())])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-02"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    wanted = "BRIDGE.K-1/ACME/2026-03-01/1"
    shown = CliRunner().invoke(app, ["show", wanted, "--output", str(tmp_path / "out")]).stdout
    table = statement(wanted, output=tmp_path / "out").stdout
    for text in (shown, table):
        assert re.search(r"  Workshop on the interface of the ledger, Workshop on the\.\.\.  ", text)
        assert max(map(len, text.splitlines())) < 200
    for form in (("--json",), ("--csv",), ("--html", "-")):
        assert note.strip() in statement(wanted, *form, output=tmp_path / "out").stdout


# For machines


def test_rows_for_a_spreadsheet() -> None:
    rows = list(csv.DictReader(io.StringIO(statement(BRIDGE_FEBRUARY, "--csv", "--locale", "de_DE").stdout)))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("-100.00")
    first = next(row for row in rows if row["flags"] == "correction prior_period")
    assert (first["quantity"], first["rate"], first["amount"], first["currency"]) == ("-7", "100", "-700.00", "USD")
    assert (first["person_id"], first["entries"], first["service_from"]) == ("ADA", "T-1", "2026-01-05")


def test_no_text_becomes_a_formula(tmp_path: Path) -> None:
    from tests.commands.tiny_firm import founding, worked, write

    write(tmp_path / "in", [*founding(), worked("T-1", 2, description='=HYPERLINK("http://x","y")', task="-2")])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-02"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    text = statement("BRIDGE.K-1/ACME/2026-03-01/1", "--csv", output=tmp_path / "out").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["description"], row["task"], row["role"]) == ('\'=HYPERLINK("http://x","y")', "'-2", "senior")


def test_no_id_becomes_a_formula(tmp_path: Path) -> None:
    from tests.commands.tiny_firm import event, founding, worked, write

    *others, contract = founding()
    line = {**contract["lines"][0], "line_id": "=L"}
    person = event(
        "PersonDefined",
        "2026-03-01T08:00:06Z",
        person_id="@BO",
        version=1,
        legal_entity_id="BERLIN",
        role="senior",
        cost_center="1",
    )
    cost = event(
        "CostRateSet",
        "2026-03-01T08:00:07Z",
        cost_rate_id="BO",
        version=1,
        person_id="@BO",
        currency="EUR",
        rate="40",
        effective_from="2026-01-01",
    )
    entry = worked("+T", 2, person_id="@BO")
    write(tmp_path / "in", [*others, {**contract, "lines": [line]}, person, cost, entry])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-02"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    text = statement("BRIDGE.K-1/ACME/2026-03-01/1", "--csv", "--group-by", "person", output=tmp_path / "out").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["line_id"], row["person_id"], row["entries"], row["group"]) == ("'=L", "'@BO", "'+T", "'@BO")


def test_one_form_at_a_time_and_no_persons_without_names() -> None:
    for arguments, told in (
        (("--html", "-", "--json"), "expected one of --html, --csv and --json"),
        (("--no-names", "--group-by", "person"), "expected --names with --group-by person"),
        (("--locale", "xx"), "expected a language and country such as de_DE"),
        (("--revision", "2"), "expected one of its revisions, 1; got 2"),
        (("--diff", "previous", "--html", "-"), "a difference is shown as text or --json"),
        (("--diff", "1"), "expected another revision or statement, got the same"),
        (("--diff", "previous"), "is the first statement of contract K-1"),
        (("--diff", TUNNEL_JANUARY), "expected another statement of contract K-1"),
    ):
        result = statement(BRIDGE_JANUARY, *arguments)
        assert result.exit_code == 2, arguments
        assert told in re.sub(r"\s+", " ", result.stderr)
    unknown = statement("BRIDGE.K-1/ACME/2026-05-01/1")
    assert "expected the id of a statement, got BRIDGE.K-1/ACME/2026-05-01/1; the nearest are" in unknown.stderr
    assert BRIDGE_JANUARY in unknown.stderr


# Differences


def test_what_a_successor_corrects() -> None:
    """T-1 of January was 8 h and is 1 h; that gave T-3 and T-4 room under the cap, of which January had billed a part."""
    text = statement(BRIDGE_FEBRUARY, "--diff", "previous").stdout
    assert f"From statement {BRIDGE_JANUARY} to {BRIDGE_FEBRUARY}" in text
    assert re.search(r"corrected +ADA \(senior\) +L-1, senior .* -7 +-700.00 +-700.00", text)
    assert re.search(r"total +2,000.00 +-100.00 +-100.00", text)
    assert statement(BRIDGE_JANUARY, "--diff", BRIDGE_FEBRUARY).stdout == text


def test_a_revision_that_differs_in_tax_alone() -> None:
    one = of(TUNNEL_JANUARY).statement
    known = StatementTax("a", 2000_0000, 19_000_000, 380_0000, "output", LAST)
    before = one._replace(tax=(known,), undetermined_tax=())
    after = one._replace(revision=2, tax=(), undetermined_tax=(UndeterminedTax("a", 2000_0000, LAST),))
    found = difference(before, after)
    assert found.fields == (("tax", "a 380.00 on 2000.00", "a undetermined on 2000.00"),)
    [head, _] = difference_tables(found, names=True)
    assert head.rows == [("tax", "a 380.00 on 2,000.00", "a undetermined on 2,000.00")]
    assert found.changes == ()
    assert difference(after, one._replace(revision=3, tax=(), undetermined_tax=())).fields == ()


def test_a_difference_as_json() -> None:
    found = json.loads(statement(BRIDGE_FEBRUARY, "--diff", "previous", "--json").stdout)
    assert (found["version"], found["kind"], found["amount"]) == (1, "statement_difference", "-100.00")
    assert sum(Decimal(change["amount"]) for change in found["changes"]) == Decimal("-100.00")
    assert found["before"]["statement_id"] == BRIDGE_JANUARY


def test_revisions_differ_line_by_line() -> None:
    """Three lines of 800; the second revision has one hour less on the first, lacks the second and has a new one."""
    ada, bob, eva = (
        statement_line(8, 100, 0, 800)._replace(person_id=name, entries=(name,)) for name in ("ADA", "BOB", "EVA")
    )
    less = ada._replace(quantity=7_000_000, amount=700_0000)
    found = difference(statement_of(ada, bob)._replace(status="open"), statement_of(less, eva)._replace(revision=2))
    assert [(change.kind, change.line.person_id, change.quantity, change.amount) for change in found.changes] == [
        ("changed", "ADA", -1_000_000, -100_0000),
        ("added", "EVA", 8_000_000, 800_0000),
        ("removed", "BOB", -8_000_000, -800_0000),
    ]
    assert (found.is_of_revisions, found.amount) == (True, -100_0000)
    assert ("status", "draft", "issued") in difference_tables(found)[0].rows


def test_a_draft_is_told_once_however_often_its_revision_changes_state(tmp_path: Path) -> None:
    from tests.audit.tampering import Told, copied, rewrite

    def drafted(told: Told) -> list[Told]:
        if not (isinstance(told.record, BillingStatement) and told.record.statement_id == BRIDGE_JANUARY):
            return [told]
        states = ((1, "open"), (1, "superseded"), (2, "open"), (2, "issued"))
        return [Told(told.position, told.record._replace(revision=number, status=status)) for number, status in states]

    folder = copied(finished_run(), tmp_path)
    rewrite(folder, drafted)
    found = [each.statement for each in statement_revisions(folder, BRIDGE_JANUARY)]
    assert [(each.revision, each.status) for each in found] == [(1, "superseded"), (2, "issued")]
    assert all(sum(line.amount for line in each.lines) == each.total for each in found)


def test_the_newest_revision_is_shown_and_parts_are_joined(tmp_path: Path) -> None:
    from tests.audit.tampering import Told, copied, rewrite

    def revised(told: Told) -> list[Told]:
        if not (isinstance(told.record, BillingStatement) and told.record.statement_id == BRIDGE_JANUARY):
            return [told]
        first, *others = told.record.lines
        parts = ((first,), tuple(others))
        second = [
            told.record._replace(revision=2, lines=lines, part=part, parts=2) for part, lines in enumerate(parts, 1)
        ]
        return [
            Told(told.position, told.record._replace(status="superseded")),
            *(Told(told.position, each) for each in second),
        ]

    folder = copied(finished_run(), tmp_path)
    rewrite(folder, revised)
    assert [
        (len(each.statement.lines), each.statement.status) for each in statement_revisions(folder, BRIDGE_JANUARY)
    ] == [(2, "superseded"), (2, "issued")]
    assert "revision 2, issued" in statement(BRIDGE_JANUARY, output=folder).stdout
    earlier = statement(BRIDGE_JANUARY, "--revision", "1", output=folder).stdout
    assert "superseded on 1 Feb 2026\nSuperseded by a later revision." in earlier
    assert (
        "Superseded by a later revision"
        in statement(BRIDGE_JANUARY, "--revision", "1", "--html", "-", output=folder).stdout
    )
    assert "Changes: none" in statement(BRIDGE_JANUARY, "--diff", "1", output=folder).stdout


def day(number: int) -> date:
    return date(2026, 1, number)


def statement_of(*lines: StatementLine) -> BillingStatement:
    total = sum(line.amount for line in lines)
    template = of(TUNNEL_JANUARY).statement
    return template._replace(
        lines=lines, total=total, amount_due=total, control_total=total, line_count=len(lines), statement_id="S"
    )


def test_all_statements_are_listed() -> None:
    """January's and February's of both projects; BRIDGE gives back 100 in February."""
    result = CliRunner().invoke(app, ["statement", "--output", str(finished_run())])
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()[2:]]
    assert {(row[0], row[3], row[4], row[5]) for row in rows} == {
        (BRIDGE_JANUARY, "2026-01-01", "2026-01-31", "2,000.00"),
        (TUNNEL_JANUARY, "2026-01-01", "2026-01-31", "2,000.00"),
        (BRIDGE_FEBRUARY, "2026-02-01", "2026-02-28", "-100.00"),
        (TUNNEL_FEBRUARY, "2026-02-01", "2026-02-28", "400.00"),
    }
    listed = json.loads(CliRunner().invoke(app, ["statement", "--json", "--output", str(finished_run())]).stdout)
    assert [one["statement_id"] for one in listed["statements"]] == [row[0] for row in rows]
    known = CliRunner().invoke(app, ["statement", "--output", str(finished_run()), "--as-of", "2026-02-10"]).stdout
    assert BRIDGE_JANUARY in known
    assert BRIDGE_FEBRUARY not in known


def test_a_page_is_of_one_statement() -> None:
    result = CliRunner().invoke(app, ["statement", "--html", "-", "--output", str(finished_run())])
    assert result.exit_code == 2
    assert "expected the id of a statement" in result.stderr


def test_a_fee_that_a_cap_limits_is_an_amount_and_no_part_of_an_hour(tmp_path: Path) -> None:
    """100.00 of a fee of 300.00: not 0.333333 hours at 300.00."""
    from tests.commands.tiny_firm import founding, run, write

    *others, contract = founding()
    contract["lines"][0]["terms"] = {"type": "Subscription", "per": "month", "fee": "300.00"}
    contract["shared_caps"] = [
        {"cap_id": "S", "lines": ["L-1"], "kind": "hard", "amount": "100.00", "includes": ["fee"]}
    ]
    contract.update(starts_on="2026-03-01", signed_on="2026-03-01")
    write(tmp_path / "input", [*others, contract])
    run(tmp_path, "--until", "2026-04-01")
    arguments = ["statement", "BRIDGE.K-1/ACME/2026-03-01/1", "--output", str(tmp_path / "output")]
    text = CliRunner().invoke(app, arguments).stdout
    (line,) = [line for line in text.splitlines() if "Fee" in line]
    assert line.split()[-1] == "100.00"
    assert "0.33" not in text
    assert "300.00" not in text


def test_an_expense_that_a_cap_limits_is_no_part_of_an_hour(tmp_path: Path) -> None:
    """600.00 of 999.00 with 10 % added, 1,098.90: not 0.545951 hours at 999.00."""
    from tests.commands.tiny_firm import event, founding, run, write

    *others, contract = founding()
    contract["lines"][0]["terms"] = {"type": "Expenses", "markup": "10", "cap": {"kind": "hard", "amount": "600.00"}}
    spent = {"project_id": "BRIDGE", "spent_on": "2026-03-13", "category": "travel", "amount": "999.00"}
    approved = {"currency": "EUR", "person_id": "ADA", "approved_by": "BEN"}
    travel = event("ExpenseApproved", "2026-03-14T18:00:00Z", expense_id="E-1", version=1, **spent, **approved)
    write(tmp_path / "input", [*others, contract, travel])
    run(tmp_path, "--until", "2026-04-01")
    arguments = ["statement", "BRIDGE.K-1/ACME/2026-03-01/1", "--output", str(tmp_path / "output")]
    text = CliRunner().invoke(app, arguments).stdout
    (line,) = [line for line in text.splitlines() if "travel" in line]
    assert re.split(r"  +", line.strip())[-3:] == ["ADA", "999.00", "600.00"]
    page = CliRunner().invoke(app, [*arguments, "--html", "-"]).stdout
    assert ("999.00" in page, "+ 10%" in page, "0.54" in text + page) == (True, True, False)
