"""Fields set again in an event that was said before."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from milepost.corrected import with_fields
from tests.commands.tiny_firm import founding, worked

CONTRACT = founding()[-1]


def test_what_lies_deeper_is_set_by_its_path() -> None:
    made = with_fields(CONTRACT, ["lines[0].terms.rates[0].rate=120", "lines[0].line_id=L-2"])
    (line,) = made["lines"]
    assert (line["line_id"], line["terms"]["rates"][0]["rate"]) == ("L-2", "120")
    assert CONTRACT["lines"][0]["line_id"] == "L-1"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hours=7.5", "7.5"),
        ("version=2", 2),
        ("billable=false", False),
        ("task=12", "12"),
        ("task=null", None),
        ("hours=null", None),
        ("description=a=b", "a=b"),
        ('dimensions={"region": "emea"}', {"region": "emea"}),
    ],
)
def test_a_value_is_text_where_the_field_takes_text(setting: str, value: Any) -> None:
    """And JSON where it does not."""
    assert with_fields(worked("T-1", 2), [setting])[setting.partition("=")[0]] == value


@pytest.mark.parametrize(("setting", "value"), [("version=2", 2), ("task=12", "12")])
def test_that_does_not_rest_on_what_else_is_wrong(setting: str, value: Any) -> None:
    wrong = {"entry": "T-1", "task_id": "X", **worked("T-1", 2)}
    assert with_fields(wrong, [setting])[setting.partition("=")[0]] == value


@pytest.mark.parametrize(
    "path", ["lines[1].line_id", "lines.line_id", "nothing.at.all", "[0]", "a..b", "", "customer_id.x"]
)
def test_a_path_that_leads_nowhere_is_told(path: str) -> None:
    with pytest.raises(typer.BadParameter):
        with_fields(CONTRACT, [f"{path}=1"])
