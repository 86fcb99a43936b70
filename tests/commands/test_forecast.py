"""`milepost forecast`: burn against plan, and what moved it, all of it from what was told."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.files.forecast_history import forecast_history, moving_events
from connectors.files.lookup import projects_with_forecasts
from domain.events.catalogue import ENTITIES
from domain.forecast.changes import CAUSES
from domain.outputs import ForecastMonth
from milepost.cli import app
from milepost.commands.forecast import BAR_WIDTH, bar
from milepost.forecasts.as_posted import as_posted
from milepost.forecasts.charts import Bar, WaterfallStep, month_bars, steps
from milepost.forecasts.page import forecast_page
from milepost.forecasts.shown import MEASURES, MonthShown, forecast_shown, months
from milepost.forecasts.words import WORDS
from milepost.locales import writing
from milepost.tables import completion_table
from tests.commands.simulated_firm import simulated_run
from tests.commands.test_statement import checked
from tests.commands.tiny_firm import event, founding, worked, write


def forecast(project_id: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["forecast", project_id, "--output", str(simulated_run()), *arguments])


PROJECTS = ("PRJ-00001", "PRJ-00002", "PRJ-00003", "PRJ-00004", "PRJ-00005", "PRJ-00006", "INT-DE", "INT-US")


def test_these_are_all_projects_of_the_firm() -> None:
    assert projects_with_forecasts(simulated_run()) == set(PROJECTS)


@pytest.mark.parametrize("project_id", PROJECTS)
def test_months_and_causes_foot(project_id: str) -> None:
    """Burn by month is the burn, with what is to come it is what is at completion, and causes sum to the change.

    Months of a project in another currency than its company's are converted one by one, so half a cent each may be lost.
    """
    found = json.loads(forecast(project_id, "--json").stdout)
    now = found["forecast"]["project"]
    for measure in MEASURES:
        rows = [row[measure] for row in found["months"] if measure in row]
        burned, to_come = (sum(Decimal(row[name]) for row in rows) for name in ("burned", "to_come"))
        lost = Decimal("0.005") * len(rows) if measure != "hours" else 0
        assert abs(burned - Decimal(now[f"burn_{measure}"])) <= lost
        assert abs(burned + to_come - Decimal(now[f"eac_{measure}"])) <= lost
    history = forecast_history(simulated_run(), project_id)
    base = next(each.update for each in history if each.update.sequence == found["since"]["sequence"])
    assert (
        sum(Decimal(each["margin"]) for each in found["causes"])
        == Decimal(now["margin"]) - Decimal(base.project.margin) / 10_000
    )


def test_what_moved_it_since_a_day() -> None:
    """The last forecast up to that day is what it is measured from."""
    found = json.loads(forecast("PRJ-00004", "--since", "2026-02-14", "--json").stdout)
    assert found["since"]["as_of"] == "2026-02-13"
    assert all(move["as_of"] > "2026-02-13" for move in found["moves"])
    text = forecast("PRJ-00004", "--since", "2026-02-14").stdout
    assert "What moved it since 2026-02-13" in text
    # 165.00 an hour was estimated each time; what caps by month leave no room for has no cause.
    assert re.search(r"volume +45,330.93 +73,910.00 +28,579.07 +13 time approved, 2 estimate revised", text)
    assert re.search(r"rate +14,537.03 +0.00 +-14,537.03 +2 estimate revised", text)
    assert re.search(r"change +59,796.89 +73,910.00 +14,113.11", text)


def test_a_move_names_the_events_that_can_have_done_it() -> None:
    found = json.loads(forecast("PRJ-00004", "--json").stdout)
    estimates = [
        each["event"]
        for move in found["moves"]
        for each in move["events"]
        if each["event"].startswith("EstimateRevised")
    ]
    assert estimates == [
        "EstimateRevised PRJ-00004",
        "EstimateRevised PRJ-00004 version 2",
        "EstimateRevised PRJ-00004 version 3",
    ]
    for move in found["moves"]:
        causes = {delta["cause"] for delta in move["deltas"]}
        assert all(causes & set(each["causes"]) for each in move["events"])


def test_another_currency_begins_the_comparison_anew() -> None:
    """PRJ-00003 was in EUR until its contract in GBP was bound."""
    history = forecast_history(simulated_run(), "PRJ-00003")
    assert (history[0].update.project.currency, history[-1].update.project.currency) == ("EUR", "GBP")
    found = forecast_shown(history, moving_events(simulated_run(), history), None, None)
    assert found.plan.project.currency == "GBP"
    assert {update.project.currency for update in found.history} == {"GBP"}
    assert months(found, "cost")


def test_a_chart_of_blocks() -> None:
    assert bar(MonthShown("2026-01", plan=50, burned=75, to_come=25), most=100) == (
        "█" * 18 + "|" + "█" * 8 + "░" * (BAR_WIDTH - 27)
    )
    assert bar(MonthShown("2026-01", plan=0, burned=0, to_come=0), most=0) == ""
    assert "|" not in bar(MonthShown("2026-01", plan=0, burned=5, to_come=0), most=5)


def test_labels_of_a_chart_stay_apart() -> None:
    """A year of months in two lines; of three years every third month or so."""
    for months_count in (3, 11, 12, 36):
        drawn = month_bars([Bar("Sept 2026", 5, 5, 10)] * months_count, str, "Cost")
        labels = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]+)<', drawn)
        places = sorted({float(x) for x, _ in labels})
        width = max(len(text) for _, text in labels) * 6
        assert all(after - before > width for before, after in pairwise(places))


def test_the_chart_over_time_begins_with_the_plan() -> None:
    """PRJ-00004 has a plan of 138,600.00, and a contract of the same day that takes 13,530.00 off."""
    [begin] = re.findall(r'd="(M[^"]+)" class="line first"', forecast("PRJ-00004", "--html", "-").stdout)
    assert re.match(r"M64 [\d.]+ H64 V", begin)


def test_a_page_has_no_names_of_event_types() -> None:
    for locale, text in (
        ("en_GB", "estimate revised PRJ-00004 version 2"),
        ("de_DE", "Schätzung geändert PRJ-00004 Fassung 2"),
    ):
        texts = " ".join(checked(forecast("PRJ-00004", "--html", "-", "--locale", locale).stdout).texts)
        assert text in texts
        assert not re.search("|".join(ENTITIES), texts)


def test_percentages_are_rounded() -> None:
    assert writing("en_GB", "EUR").percent_rounded(-51_465_995) == "-51.5%"
    assert writing("de_DE", "EUR").percent_rounded(75_142_589) == "75,1 %"


def test_figures_below_zero_are_drawn_within_the_chart() -> None:
    """A correction may take back more than a month has; a margin may be a loss."""
    drawn = [
        month_bars([Bar("Jan", -50, 0, 10), Bar("Feb", 100, 20, 10)], str, "Cost"),
        steps(
            [WaterfallStep("a", 100, True), WaterfallStep("b", -250, False), WaterfallStep("c", -150, True)],
            str,
            "Margin",
        ),
        month_bars([Bar("Jan", 0, 0, 0)], str, "Nothing"),
    ]
    for chart in drawn:
        for name, value in re.findall(r' (x|y|width|height)="([^"]+)"', chart):
            assert 0 <= float(value) <= 700, (name, value)


@pytest.mark.parametrize("project_id", PROJECTS)
def test_a_page_is_whole_and_loads_nothing(project_id: str) -> None:
    result = forecast(project_id, "--html", "-", "--locale", "de_DE")
    assert result.exit_code == 0, result.output
    text = " ".join(checked(result.stdout).texts)
    assert "Umsatz bei Fertigstellung" in text
    assert "Was sich seit" in text
    assert "None" not in text


def test_a_page_writes_as_its_reader_does() -> None:
    text = forecast("PRJ-00004", "--html", "-", "--locale", "de_DE").stdout
    assert "175.540,00\xa0€" in text
    assert "16. Apr. 2026" in text


@pytest.mark.parametrize("project_id", PROJECTS)
def test_a_german_page_has_no_english_word(project_id: str) -> None:
    """Every text that is not a name, a figure or an event's label is of the German words."""
    english = {re.escape(text): key for key, text in WORDS["en"].items() if text != WORDS["de"][key]}
    patterns = [re.sub(r"\\{\w+\\}", ".+", text) for text in english]
    found = checked(forecast(project_id, "--html", "-", "--locale", "de_DE").stdout).texts
    assert [text for text in found if any(re.fullmatch(pattern, text) for pattern in patterns)] == []


def test_both_languages_say_the_same_and_every_cause() -> None:
    places = {
        language: {key: re.findall(r"{\w+}", text) for key, text in words.items()} for language, words in WORDS.items()
    }
    assert places["de"] == places["en"]
    assert set(CAUSES) <= set(WORDS["en"])


def test_wrong_options_are_said() -> None:
    for arguments, message in (
        (("--html", "-", "--json"), "expected one of --html and --json, got both"),
        (("--html", "-", "--locale", "xx"), "expected a language and country such as de_DE"),
        (("--since", "soon"), "expected a day such as 2026-03-31, got soon"),
        (("--measure", "money"), "expected one of cost, revenue, hours; got money"),
    ):
        result = forecast("PRJ-00004", *arguments)
        assert result.exit_code == 2
        assert message in re.sub(r"\s+", " ", result.stderr), result.stderr


# Caps


def of_a_cap(folder: Path, kind: str, *hours: str, **cap: str) -> tuple[str, Any]:
    """What text and JSON say of a line with a cap at 100 EUR an hour, worked on from 2 March on, a day each."""
    events = founding()
    events[-1]["lines"][0]["terms"]["cap"] = {"kind": kind, **cap}
    work = [worked(f"T-{number}", number + 1, each) for number, each in enumerate(hours, 1)]
    source = write(folder / "input", [*events, *work])
    output = str(folder / "output")
    assert (
        CliRunner().invoke(app, ["run", "--input", str(source), "--output", output, "--until", "2026-03-20"]).exit_code
        == 0
    )
    text, json_text = (
        CliRunner().invoke(app, ["forecast", "BRIDGE", "--output", output, *more]).stdout for more in ((), ("--json",))
    )
    page = CliRunner().invoke(app, ["forecast", "BRIDGE", "--output", output, "--html", "-"]).stdout
    assert ("since 3 Mar 2026" in page) == ("used up since" in text)
    return text, json.loads(json_text)


def test_a_cap_that_is_used_up_says_since_when_and_what_waits(tmp_path: Path) -> None:
    """1,000: T-1 takes 800 and T-2 the other 200 on 3 March; 600 of T-2 and 800 of T-3 wait."""
    text, found = of_a_cap(tmp_path, "hard", "8", "8", "8", amount="1000")
    said = (
        "cap L-1 of contract K-1 is used up since 2026-03-03 by time approved T-2; 2 entries wait over it, 1,400.00 EUR"
    )
    assert said in text
    [one] = found["used_up"]
    assert (one["since"], one["event"], one["kind"]) == ("2026-03-03T18:00:00Z", "TimeApproved T-2", "hard")
    assert (one["waiting_amount"], one["waiting_entries"]) == ("1400.00", 2)
    assert one["exception_id"].startswith("BRIDGE.")


def test_a_cap_that_is_just_used_up_has_nothing_over_it(tmp_path: Path) -> None:
    text, _ = of_a_cap(tmp_path, "hard", "8", "2", amount="1000")
    assert "cap L-1 of contract K-1 is used up since 2026-03-03 by time approved T-2; nothing waits over it" in text


def test_a_soft_cap_holds_nothing_back(tmp_path: Path) -> None:
    text, found = of_a_cap(tmp_path, "soft", "8", "8", hours="10")
    assert (
        "soft cap L-1 of contract K-1 is used up since 2026-03-03 by time approved T-2; it is soft, so nothing is held back"
        in text
    )
    assert found["used_up"][0]["waiting_amount"] == "0.00"


def test_a_cap_without_an_alert_at_its_limit_is_used_up_since_a_forecast_said_so(tmp_path: Path) -> None:
    text, found = of_a_cap(tmp_path, "hard", "8", "8", amount="1000", thresholds=["50"])  # type: ignore[arg-type]
    assert "is used up since 2026-03-03; " in text
    assert found["used_up"][0]["event"] is None


def test_a_cap_with_room_is_not_used_up(tmp_path: Path) -> None:
    """At the budget of 10,000 for March: 800 are done, and 200 of 9,200 are used up on the day after the last forecast."""
    text, found = of_a_cap(tmp_path, "hard", "8", amount="1000")
    assert found["used_up"] == []
    assert re.search(r"cap L-1 of contract K-1 will be used up on 2026-03-\d\d", text)


def test_months_show_what_the_forecast_says_is_burned() -> None:
    """Of 2,000.00 of February nothing is invoiced, of March 1,000.00; 500.00 are planned in April, which the plan did not have."""
    published = forecast_history(simulated_run(), "PRJ-00001")[-1]
    by_month = [("2026-02", 20_000_000, 0), ("2026-03", 10_000_000, 10_000_000), ("2026-04", 5_000_000, 0)]
    rows = tuple(ForecastMonth(month, 0, 0, now, 0, 0, 0, 0, burned) for month, now, burned in by_month)
    now = published.update.project._replace(months=rows)
    shown = forecast_shown(
        [published._replace(update=published.update._replace(project=now, deltas=()))], (), None, None
    )
    planned = shown._replace(plan=shown.plan._replace(project=now._replace(months=rows[:2])))
    assert months(planned, "revenue") == (
        MonthShown("2026-02", 20_000_000, 0, 20_000_000),
        MonthShown("2026-03", 10_000_000, 10_000_000, 0),
        MonthShown("2026-04", 0, 0, 5_000_000),
    )


def test_what_differs_in_the_ledger_by_exchange_rates_is_said() -> None:
    """1,000.00 EUR of cost, worked at 1.10, on a day with 1.20."""
    published = forecast_history(simulated_run(), "PRJ-00001")[-1]
    now = published.update.project._replace(currency="USD", eac_cost=12_000_000, months=())
    posted = now._replace(eac_cost=11_000_000, margin=now.margin + 1_000_000)
    update = published.update._replace(project=now, ledger=posted, deltas=())
    assert as_posted(update) is posted
    assert as_posted(update._replace(ledger=now)) is None
    assert as_posted(update._replace(ledger=posted._replace(currency="EUR"))) is None
    table = completion_table("", now, posted)
    assert (table.columns[-1], table.rows[1][3:]) == ("at rates as posted", ("1,200.00", "1,100.00"))
    shown = forecast_shown([published._replace(update=update)], (), None, None)
    said = "mit den gebuchten "
    assert re.search(f"{said}[^ ]+ Umsatz, 1.100,00 Kosten", forecast_page(shown, writing("de_DE", "USD"), "cost"))
    same = shown._replace(latest=update._replace(ledger=now))
    assert said not in forecast_page(same, writing("de_DE", "USD"), "cost")


def test_a_move_of_an_expense_names_it_and_is_among_the_figures_of_its_project(tmp_path: Path) -> None:
    """The budget of 10,000.00 was foreseen for the work; 9,600.00 with 5 % and the 800.00 of T-1 are 880.00 more."""
    contract = next(each for each in founding() if each["type"] == "ContractSigned")
    contract["lines"].append({"line_id": "X", "project_id": "BRIDGE", "terms": {"type": "Expenses", "markup": "5"}})
    spent = event(
        "ExpenseApproved",
        "2026-03-06T10:00:00Z",
        expense_id="E-1",
        version=1,
        project_id="BRIDGE",
        person_id="ADA",
        category="travel",
        spent_on="2026-03-05",
        amount="9600.00",
        currency="EUR",
        approved_by="BEN",
    )
    again = {**spent, "event_id": "again", "occurred_at": "2026-03-09T10:00:00Z", "version": 2, "amount": "10600.00"}
    other = {
        **spent,
        "event_id": "other",
        "expense_id": "E-2",
        "occurred_at": "2026-03-12T10:00:00Z",
        "amount": "200.00",
    }
    withdrawn = event("ExpenseWithdrawn", "2026-03-13T10:00:00Z", expense_id="E-2", version=2, approved_by="BEN")
    back = {**other, "event_id": "back", "occurred_at": "2026-03-16T10:00:00Z", "version": 3, "amount": "400.00"}
    others = [each for each in founding() if each["type"] != "ContractSigned"]
    write(tmp_path / "input", [*others, contract, worked("T-1", 2), spent, again, other, withdrawn, back])
    output = ["--output", str(tmp_path / "output")]
    run = CliRunner().invoke(app, ["run", "--input", str(tmp_path / "input"), *output, "--until", "2026-03-31"])
    assert run.exit_code == 0, run.stderr
    shown = CliRunner().invoke(app, ["forecast", "BRIDGE", *output]).stdout
    assert "  2026-03-06  5,920.00    880.00  -5,040.00  volume      expense approved E-1\n" in shown
    assert "  2026-03-09  1,000.00  1,050.00      50.00  correction  expense approved E-1 version 2\n" in shown
    assert "  2026-03-16    400.00    420.00      20.00  volume      expense approved E-2 version 3\n" in shown
    listed = CliRunner().invoke(app, ["explain", "BRIDGE#x", *output]).stderr
    moved = re.findall(r"BRIDGE#since/1/(?:volume|correction)/\w+", listed)
    assert [each.rpartition("/")[2] for each in moved] == ["cost", "revenue", "margin"] * 2
    for figure in moved:
        assert CliRunner().invoke(app, ["explain", figure, *output]).exit_code == 0


def test_milestones_and_progress_are_among_the_events_that_can_have_moved_it(tmp_path: Path) -> None:
    """Those of the project's own lines."""
    contract = next(each for each in founding() if each["type"] == "ContractSigned")
    milestone = {"milestone_id": "M1", "name": "Design", "amount": "500.00", "due_on": "2026-04-30"}
    contract["lines"] += [
        {"line_id": "M", "project_id": "BRIDGE", "terms": {"type": "Milestones", "milestones": [milestone]}},
        {
            "line_id": "F",
            "project_id": "BRIDGE",
            "terms": {"type": "FixedPrice", "price": "900.00", "by_progress": True},
        },
    ]
    accepted = event(
        "MilestoneAccepted",
        "2026-03-05T10:00:00Z",
        milestone_id="M1",
        version=1,
        accepted_on="2026-03-05",
        approved_by="BEN",
        project_id="BRIDGE",
    )
    report = {"line_id": "F", "percent": "40", "as_of": "2026-03-06", "contract_id": contract["contract_id"]}
    reported = event("ProgressReported", "2026-03-06T10:00:00Z", version=1, **report)
    elsewhere = event("ProgressReported", "2026-03-06T11:00:00Z", version=1, **{**report, "line_id": "OTHER"})
    others = [each for each in founding() if each["type"] != "ContractSigned"]
    write(tmp_path / "input", [*others, contract, accepted, reported, elsewhere])
    output = tmp_path / "output"
    arguments = ["run", "--input", str(tmp_path / "input"), "--output", str(output), "--until", "2026-03-31"]
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 0, run.stderr
    labels = [each.label for each in moving_events(output, forecast_history(output, "BRIDGE"))]
    assert labels[-2:] == ["MilestoneAccepted M1", f"ProgressReported {contract['contract_id']}/F"]
