"""A year's first export as firms have it: 1,500 rows, 24 clients, 5 currencies, and all that is wrong with such files.

What is billed, by client and currency, equals a sum that the standard library makes of the same file, by rules written out
here once more: approved, billable, not invoiced, of a day that has come, readable, not there twice; rounded hours x rate.
"""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

from tests.commands.test_import_exports import COMPANY, milepost, run

HEADER = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Hours Rounded,Billable?,Invoiced?,Approved?,First Name,Last Name,"
    "Roles,Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,External Reference URL"
).split(",")
ROWS = 1_500
CLIENTS = 24
CURRENCIES = {"EUR": "Euro", "USD": "US Dollar", "GBP": "British Pound", "CHF": "Swiss Franc", "JPY": "Japanese Yen"}
# (name, code): every client has them, so that names and codes alone tell nothing.
PROJECTS = (("Website", ""), ("App", "APP-1"), ("Support: 2nd level", ""))
PEOPLE = (("Ada", "Brandt", "62,5"), ("Bo", "Lindqvist", "48,0"), ("Chloé", "Martin", "51,0"), ("Dev", "Rao", ""))
NOTES = ("", "Plan, part 1", 'the "new" page', "tests\nand review", "Größe; Maß", "=1+1", "ünïcödé ✓")
# The project of one client whose rows name two currencies; no row of it can be billed.
TORN = ("Client 05 GmbH", "Support: 2nd level")
FIRST, DAYS = date(2026, 1, 1), 88


def client_name(number: int) -> str:
    return ("Client {:02d} GmbH", "Client {:02d}, Inc.", "Ç & Söhne {:02d}")[number % 3].format(number)


def comma(value: Decimal) -> str:
    """As a German account writes: `1.250,5`."""
    return f"{value:,f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def messy_export(path: Path) -> None:
    chance = random.Random(12)
    clients = [(client_name(number), list(CURRENCIES)[number % 5]) for number in range(CLIENTS)]
    rows: list[list[str]] = []
    while len(rows) < ROWS:
        client, currency = chance.choice(clients)
        project, code = chance.choice(PROJECTS)
        first, last, cost = chance.choice(PEOPLE)
        day = FIRST + timedelta(days=chance.randrange(DAYS))
        hours = Decimal(chance.randrange(1, 950)) / 100
        rounded = (hours * 4).to_integral_value(ROUND_CEILING) / 4
        rate = Decimal(chance.choice(("95", "120.5", "33.33", "1000"))) * (100 if currency == "JPY" else 1)
        billable = chance.random() < 0.85
        value = (rounded * rate).quantize(Decimal("0.01"), ROUND_HALF_UP) if billable else Decimal(0)
        row = {
            "Date": day.isoformat(),
            "Client": client,
            "Project": project,
            "Project Code": code,
            "Task": chance.choice(("Design", "Development", "")),
            "Notes": f"{chance.choice(NOTES)} {len(rows)}",
            "Hours": comma(hours),
            "Hours Rounded": comma(rounded),
            "Billable?": "Yes" if billable else "No",
            "Invoiced?": chance.choice(("Yes", "No", "No", "")),
            "Approved?": chance.choice(("Yes", "Yes", "Yes", "Yes", "No", "")),
            "First Name": first,
            "Last Name": last,
            "Billable Rate": comma(rate) if billable else "",
            "Billable Amount": comma(value),
            "Cost Rate": cost,
            "Currency": f"{CURRENCIES[currency]} - {currency}",
        }
        if (client, project) == TORN and chance.random() < 0.5:
            row["Currency"] = "US Dollar - USD" if currency != "USD" else "Euro - EUR"
        spoil(row, chance)
        rows.append([row.get(column, "") for column in HEADER])
        if chance.random() < 0.02 and len(rows) < ROWS:
            rows.append(rows[-1])
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


def spoil(row: dict[str, str], chance: random.Random) -> None:
    """One row in twelve has something wrong with it."""
    match chance.randrange(96):
        case 0:
            row["Date"] = row["Date"].replace("2026", "2062")
        case 1:
            row["Date"] = "2026-02-30"
        case 2:
            row["Hours"] = "many"
        case 3:
            row["Hours"] = row["Hours Rounded"] = "25,0"
        case 4:
            row["Hours"] = "-1,0"
        case 5:
            row["Client"] = "  "
        case 6:
            row["First Name"] = row["Last Name"] = ""
        case 7:
            row["Billable?"] = "maybe"


def billed_by_the_file(path: Path, today: date) -> dict[tuple[str, str], Decimal]:
    """By the standard library alone."""
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    seen: set[tuple[str, ...]] = set()
    for row in readable(path):
        key = tuple(row.values())
        if key in seen or date.fromisoformat(row["Date"]) > today:
            continue
        seen.add(key)
        if (row["Client"], row["Project"]) == TORN or row["Approved?"] != "Yes":
            continue
        if row["Billable?"] != "Yes" or row["Invoiced?"] == "Yes":
            continue
        currency = row["Currency"][-3:]
        step = Decimal(1) if currency == "JPY" else Decimal("0.01")
        value = (number(row["Hours Rounded"]) * number(row["Billable Rate"])).quantize(step, ROUND_HALF_UP)
        found[row["Client"], currency] += value
    return dict(found)


def readable(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                date.fromisoformat(row["Date"])
                hours = number(row["Hours"])
            except (ValueError, InvalidOperation):
                continue
            named = row["Client"].strip() and row["First Name"] and row["Billable?"] in ("Yes", "No")
            if named and 0 <= hours <= 24:
                yield row


def number(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", "."))


def statements(folder: Path) -> dict[tuple[str, str], Decimal]:
    """Totals of the last revision of each issued statement, by customer and currency."""
    dumped = milepost("dump", "billing.statements", "--output", folder / "output", "--json").stdout
    last = {}
    for line in dumped.splitlines():
        statement = json.loads(line)
        last[statement["statement_id"]] = statement
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in last.values():
        found[each["bill_to"], each["currency"]] += Decimal(each["total"])
    return dict(found)


def test_a_messy_first_export_bills_the_right_clients_the_right_amounts(tmp_path: Path) -> None:
    file = tmp_path / "hours.csv"
    messy_export(file)
    days = (FIRST + timedelta(days=passed) for passed in range(-10, DAYS + 10))
    rates = tmp_path / "rates.csv"
    rates.write_text("Date,USD,GBP,CHF,JPY\n" + "".join(f"{day},1.09,0.85,0.94,161.3\n" for day in days))
    assert milepost("import", "ecb", rates, "--out", tmp_path / "input").exit_code == 0
    imported = milepost(
        "import", "harvest", file, "--out", tmp_path / "input", "--bootstrap", "--cost-rate", 40, *COMPANY, "--json"
    )
    assert imported.exit_code == 0, imported.output
    told = json.loads(imported.stdout)
    ran = run(tmp_path, "--until", "2026-04-30")
    expected = billed_by_the_file(file, date(2026, 12, 31))
    assert told["read"]["rows"] == ROWS
    assert (len({client for client, _ in expected}), len({currency for _, currency in expected})) == (CLIENTS, 5)
    assert statements(tmp_path) == expected
    billed = {currency: sum(value for (_, of), value in expected.items() if of == currency) for currency in CURRENCIES}
    assert {currency: Decimal(amount) for currency, amount in told["billed"].items()} == billed
    assert {currency: Decimal(money["issued"]) for currency, money in ran["money"].items()} == billed
    assert (ran["dead_letters"], ran["unrouted"], ran["exceptions_open"]) == (0, 0, 0)
    assert milepost("verify", "--output", tmp_path / "output").exit_code == 0
