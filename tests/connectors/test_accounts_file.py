"""accounts.toml is read as it says, and what is wrong with it is named by table and key, with what to write."""

from datetime import date
from pathlib import Path

import pytest

from connectors.accounts_file import WrongAccounts, read_accounts
from connectors.erp.adapters import opened
from domain.delivery.chart import AccountRule, SegmentRule

EXAMPLE = Path(__file__).parents[2] / "docs/examples/accounts.toml"
ERP = '[erp.main]\nkind = "files"\n'


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    with pytest.raises(WrongAccounts) as fault:
        read_accounts(path)
    told = str(fault.value).split("\n")
    assert all(each.startswith(f"{path}: ") for each in told)
    return [each.removeprefix(f"{path}: ") for each in told]


def test_the_example_says_what_its_page_says() -> None:
    found = read_accounts(EXAMPLE)
    for name, connection in found.erps.items():
        opened(name, connection).close()
    assert sorted(found.charts_of("main")) == ["LE-DE"]
    chart = found.charts["LE-DE"]
    assert (chart.subsidiary, chart.invoices_from) == ("3", date(2026, 7, 1))
    assert chart.accounts["1150"] == (AccountRule("115"),)
    assert chart.accounts["4000"][-1] == AccountRule("411", (("practice", "structures"), ("region", "north")))
    assert chart.segments[0] == SegmentRule("department", "practice", {"structures": "12", "water": "13"}, "9")
    assert [chart.grain_on(date(2026, month, 1)) for month in (6, 7)] == ["entity_day", "period"]
    assert found.charts["LE-CH"].grain == "project_day"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[entities.DE]\nerp = "mian"\naccounts = {}\n',
            '[entities.DE] erp mian: expected a NAME of [erp.NAME]; the nearest is "main"',
        ),
        (
            '[entities.DE]\nerp = "main"\ngrain = "day"\naccounts = {}\n',
            "[entities.DE] grain: expected 'entry', 'project_day', 'entity_day' or 'period', came \"day\"",
        ),
        (
            '[entities.DE]\nerp = "main"\ngrian = "entry"\naccounts = {}\n',
            '[entities.DE] grian: not a key that is known; the nearest is "grain"',
        ),
        (
            '[entities.DE]\nerp = "main"\ninvoices = true\naccounts = {}\n',
            '[entities.DE] invoices: not a key that is known; the nearest is "invoices_from"',
        ),
        ('[entities.DE]\nerp = "main"\n', "[entities.DE] accounts: expected this key, it is missing"),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n1151 = 58\n',
            '[entities.DE.accounts] 1151: expected an account of Milepost; the nearest is "1150"',
        ),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n4000 = [{practise = "a", account = 1}]\n',
            '[entities.DE] practise: expected a dimension (your own are named under [entities.DE] dimensions); the nearest is "practice"',
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\nsegments.department.dimension = "grade"\n',
            (
                "[entities.DE] grade: expected a dimension (your own are named under [entities.DE] dimensions); known are practice, "
                "region, cost_center, project, contract, customer, purpose, currency"
            ),
        ),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n4000 = [{account = 1}, {region = "n", account = 2}, {account = 3}]\n',
            "[entities.DE.accounts] 4000, rule 3: no condition stands twice; keep one of them",
        ),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n4000 = [{region = "n"}]\n',
            "[entities.DE.accounts] 4000, rule 1: expected account = \"...\" with the ERP's account, it is missing",
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\ncurrencies = {euro = 1}\n',
            "[entities.DE.currencies] euro: expected the code of a currency, such as EUR",
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\ncurrencies = {EUR = ""}\n',
            '[entities.DE] currencies.EUR: expected the ERP\'s id between the quotes, came ""',
        ),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n4000 = 400\n5000 = ""  # Cost\n',
            (
                "[entities.DE.accounts] 1 of 2 have no account of the ERP yet: 5000 Project labor cost (line 7). Write it "
                'between the quotes, such as 5000 = "1200", or take the line out'
            ),
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\nperiods = {June = 1}\n',
            "[entities.DE.periods] June: expected a fiscal year and period, such as 2026-06",
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\nitems = {hours = 1}\n',
            "[entities.DE.items] hours: expected a kind of invoice line; known are time, expense, delivery, fee, retention, deposit",
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\n[entities.AT]\nerp = "main"\naccounts = {}\n',
            '[entities.AT] subsidiary: expected another one than that of [entities.DE] in [erp.main], found "" in both',
        ),
        (
            '[entities.DE]\nerp = "main"\naccounts = {}\n[entities.DE]\n',
            "a table or key stands twice; keep one of them: Cannot declare ('entities', 'DE') twice (at line 6, column 13)",
        ),
        (
            '[entities.DE]\nerp = "main"\n[entities.DE.accounts]\n4000 = 1\n4000 = 2\n',
            "a table or key stands twice; keep one of them: Cannot overwrite a value (at line 7, column 9)",
        ),
        ('[entities.DE]\nerp = main\n', "expected TOML: Invalid value (at line 4, column 7)"),
        ("[entity.DE]\n", '[entity]: expected the tables erp and entities; the nearest is "entities"'),
        ("", "[entities]: expected a table for each, such as [entities.DE]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_to_write(tmp_path: Path, text: str, told: str) -> None:
    assert faults(tmp_path, f"{ERP}{text}")[0] == told


INVOICED = """[entities.DE]
erp = "main"
dimensions = ["grade"]
{invoices_from}
[entities.DE.accounts]
1150 = [
    {{ account = 115 }},
    {{ practice = "water", account = 1151 }},
    {{ project = "P-1", grade = "A", purpose = "revenue", account = 1152 }},
    {{ project = "P-2", currency = "EUR", account = 1153 }},
]
1170 = [{{ account = 117 }}, {{ project = "P-1", account = 1171 }}, {{ contract = "K-1", account = 1172 }}]
2310 = [{{ account = 231 }}, {{ currency = "USD", account = 2311 }}, {{ customer = "C-1", account = 2312 }}]
4000 = [{{ account = 400 }}, {{ practice = "water", account = 410 }}]
"""


def test_an_invoice_and_what_it_clears_are_on_one_account(tmp_path: Path) -> None:
    """1,600.00 of water would be accrued on 1151, and invoiced from 115: 1,600.00 and -1,600.00 for good."""
    why = (
        "; lines of the ERP's invoices (invoices_from) have no others in common with journals, and would stand on another account "
        "than what they clear. Take the rule out, or write it with those"
    )
    of_work, of_all = "project, contract or currency", "contract or currency"
    assert faults(tmp_path, f"{ERP}{INVOICED.format(invoices_from='invoices_from = 2026-07-01')}") == [
        f"[entities.DE.accounts] 1150, rule 2: expected no condition but {of_work}, came practice{why}",
        f"[entities.DE.accounts] 1150, rule 3: expected no condition but {of_work}, came grade, purpose{why}",
        f"[entities.DE.accounts] 1170, rule 2: expected no condition but {of_all}, came project{why}",
        f"[entities.DE.accounts] 2310, rule 3: expected no condition but {of_all}, came customer{why}",
    ]


def test_a_company_whose_erp_issues_no_invoices_has_accounts_by_any_dimension(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(f"{ERP}{INVOICED.format(invoices_from='')}")
    found = read_accounts(path).charts["DE"].accounts
    assert found["1150"][1] == AccountRule("1151", (("practice", "water"),))
    assert found["1170"][1] == AccountRule("1171", (("project", "P-1"),))


def test_all_that_is_wrong_is_told_at_once_and_no_value_of_an_erp_account(tmp_path: Path) -> None:
    text = (
        '[erp.main]\nkind = "netsuite"\nurl = "https://user:hunter2@x"\nauth = {kind = "basic", user = "hunter2"}\n'
        '[entities.DE]\nerp = "main"\ngrain = "day"\naccounts = {}\n'
    )
    told = faults(tmp_path, text)
    assert len(told) >= 3
    assert "hunter2" not in "".join(told)


def test_a_file_that_is_not_there_names_the_page(tmp_path: Path) -> None:
    with pytest.raises(
        WrongAccounts, match=r"expected a file, No such file or directory; docs/accounts.md has an example"
    ):
        read_accounts(tmp_path / "accounts.toml")
