"""Pages on screen and phone, in light and dark."""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType

import pytest

from milepost import explained_html, pages
from milepost.forecasts import charts
from milepost.forecasts import page as forecast_page
from milepost.glance import forms
from milepost.statements import page as statement_page

_NAMED = re.compile(r"var\((--[a-z-]+)")
_DEFINED = re.compile(r"(--[a-z-]+):")


@pytest.mark.parametrize("of", [charts, explained_html, forecast_page, forms, pages, statement_page], ids=str)
def test_colours_of_a_page_are_those_that_change_with_the_dark(of: ModuleType) -> None:
    """One that is not defined would stay light in the dark: the first column of a table on a phone was white there, as its letters."""
    style = next(getattr(of, name) for name in ("_STYLE", "STYLE") if hasattr(of, name))
    of_light_and_dark = Counter(_DEFINED.findall(f"{pages.STYLE}{style}" if of is not pages else style))
    assert {name: of_light_and_dark[name] for name in _NAMED.findall(style) if of_light_and_dark[name] != 2} == {}
