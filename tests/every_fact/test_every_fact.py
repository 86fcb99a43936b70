"""Every accepted fact counts or is refused.

Each field of each event, and each value of each enumeration (policies among them), has a story in `stories.tsv` in which another value
changes what comes out, or is refused as `unsupported`; or it is only carried, for the reason that `table.py` gives. The stories are folded
both ways. A new field fails here until it has its story: `python -m tests.every_fact.find` looks for one among all scenarios.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Policies
from domain.events.reference import LegalEntityDefined
from domain.outputs import ExceptionRaised
from domain.refusals import ACCEPTED, REFUSALS, UNSUPPORTED, is_accepted
from schemas.policies_page import IDLE
from tests.every_fact.schema_fields import BY_NAME, fields, records
from tests.every_fact.table import (
    CARRIED,
    REFUSED_WITH,
    SHOWN_BY_A_TEST,
    counts_by_its_fields,
    is_refused_policy,
    needs_a_story,
    read,
)
from tests.every_fact.twins import REFUSED, SHOWN, at, changed, counts, places, story, twin
from tests.every_fact.values import values
from tests.harness import Books

ROOT = Path(__file__).parents[2]
PLAIN = "contracts: An amendment re-rates from its day what is not issued"
ROWS = read()
BY_STORY: dict[str, list[str]] = defaultdict(list)
for _key, _row in ROWS.items():
    BY_STORY[_row.story].append(_key)
# What is refused today. The list only shrinks: take a name out with what it refuses, and add none.
REFUSED_TODAY = frozenset(
    """
    order_over_engagements funding_with_deposit funding_over_engagements overflow prorate_beside_billing_caps prorate_billing_alone
    rounding_by_line reissue late_line_of_a_line revenue_under_way policy_of_a_contract catch_up separate revenue_method expenses_net
    method_without_price policy_of_a_line standalone_price earned_as_billed shared_over_engagements shared_ends
    performance_obligation expected_unit_price part_begins alone_for_what_is_left Policies.residual_party Policies.hold_scope
    Policies.dimensions_from progress_unused payment_currency deposit_conceded
    write_off_over_time write_off_passed_on balances_in_parts
    control_total PriceFeature.material_right PriceFeature.financing_component PriceFeature.non_cash_consideration
    """.split()
)


@pytest.mark.parametrize("name", sorted(BY_STORY))
def test_a_story_shows_what_it_is_named_for(name: str) -> None:
    wrong = {key: (found, ROWS[key].how) for key in BY_STORY[name] if (found := counts(key, name)) != ROWS[key].how}
    assert not wrong, f"found, expected: {wrong}; `python -m tests.every_fact.find` looks for other stories"


def test_every_field_and_value_has_its_row() -> None:
    without = [key for key in fields() if key not in ROWS and needs_a_story(key)]
    assert not without, "show it in a story or refuse it: python -m tests.every_fact.find"


def test_what_counts_by_its_fields_has_some() -> None:
    shown = {key.partition(".")[0] for key in (*ROWS, *SHOWN_BY_A_TEST)} | set(REFUSED_WITH)
    for key in fields():
        if key not in ROWS and needs_a_story(key) is False and (held := counts_by_its_fields(key)):
            assert held & shown, key


def test_nothing_is_listed_that_there_is_not() -> None:
    assert {*ROWS, *CARRIED, *SHOWN_BY_A_TEST} <= set(fields())
    assert set(REFUSED_WITH) <= set(records())
    assert not {*ROWS} & {*CARRIED, *SHOWN_BY_A_TEST}
    for key, path in SHOWN_BY_A_TEST.items():
        assert key.partition(".")[2].partition("=")[0] in (ROOT / path).read_text(encoding="utf-8")


def refused_values() -> Iterator[tuple[str, Any]]:
    """Every value of a policy that is an enumeration or true or false; of the others some."""
    for name in ACCEPTED:
        field = next(one for one in BY_NAME["Policies"]["fields"] if one["name"] == name)
        yield from (
            (name, value)
            for value in values(field, f"Policies.{name}", None)
            if value is not None and not is_accepted(name, value)
        )


@pytest.mark.parametrize(("name", "value"), list(refused_values()), ids=str)
@pytest.mark.parametrize("level", ["line", "contract", "company"])
def test_a_value_of_a_policy_of_which_nothing_would_follow_is_refused(name: str, value: Any, level: str) -> None:
    """By name, with an owner; what is accepted is what happens without it."""
    log, base = story(PLAIN)
    kind = LegalEntityDefined if level == "company" else ContractSigned
    offset = next(record.offset for record in log if isinstance(record.event, kind))
    way = ("lines", 0, "policies") if level == "line" else ("policies",)
    (said,) = _new(base, twin(log, offset, way, stating(name, value)))
    assert (said.category, said.field) == (UNSUPPORTED, f"policies.{name}")
    assert said.owner_role
    assert f"{name}=" in said.message
    if name in IDLE:
        for accepted in ACCEPTED[name]:
            assert twin(log, offset, way, stating(name, accepted)) == base


def stating(name: str, value: Any) -> Policies:
    stated: dict[str, Any] = {name: value}
    return Policies(**stated)


def _new(base: tuple[Any, ...], other: tuple[Any, ...] | None) -> list[ExceptionRaised]:
    """Exceptions about terms and companies that the one has and the other has not; work that waits for the terms is not named."""
    known = {one.exception_id for one in base if isinstance(one, ExceptionRaised)}
    raised = [one for one in other or () if isinstance(one, ExceptionRaised) and one.exception_id not in known]
    return [
        one
        for one in raised
        if one.subject_kind in ("contract", "contract_line", "legal_entity") and one.category == UNSUPPORTED
    ][:1]


def test_every_policy_counts_or_is_refused() -> None:
    shown = {key.removeprefix("Policies.") for key, row in ROWS.items() if row.how == SHOWN}
    by_their_fields = {"forecast_threshold", "billing_cycle"}
    elsewhere = {key.removeprefix("Policies.") for key in SHOWN_BY_A_TEST}
    assert set(Policies._fields) <= shown | set(ACCEPTED) | by_their_fields | elsewhere
    assert all(is_refused_policy(f"Policies.{name}") for name in ACCEPTED)


def test_parts_of_a_line_are_refused() -> None:
    log, base = story(PLAIN)
    offset = next(record.offset for record in log if isinstance(record.event, ContractSigned))
    for name in ("standalone_price", "variable_consideration"):
        field = next(one for one in BY_NAME["ContractLine"]["fields"] if one["name"] == name)
        value = next(values(field, f"{ContractLine.__name__}.{name}", None))
        (said,) = _new(base, twin(log, offset, ("lines", 0, name), value))
        assert (said.subject_kind, said.field) == ("contract_line", name)


@pytest.mark.parametrize("field", ["event_id", "occurred_at", "recorded_at", "correlation_id"])
def test_what_traces_an_event_stands_with_its_outputs(field: str) -> None:
    log, _ = story(PLAIN)
    place = next(one for one in places(log, "TimeApproved"))
    event = log[place.offset].event
    other = event.occurred_at + 1 if field.endswith("_at") else "other"
    books = Books()
    books.replay(log[: place.offset])
    before = len(books.folded)
    books.fold(changed(event, (field,), other))
    said = {getattr(folded.position, field) for folded in books.folded[before:]}
    books.close()
    assert at(event, (field,)) != other
    assert said == {other}


def test_the_refusals_only_shrink() -> None:
    assert set(REFUSALS) <= REFUSED_TODAY, "let the fact count instead of refusing it"


def test_the_walk_finds_what_nothing_looks_at() -> None:
    assert counts("ContractSigned.source", PLAIN) == ""
    assert counts("TimeApproved.hours", PLAIN) == SHOWN
    assert counts("ContractLine.standalone_price", PLAIN) == REFUSED
