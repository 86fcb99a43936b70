"""Policies: what vendors do differently is contract data, never an opinion in the code (RULES section 5).

Precedence: line over contract over entity over the built-in default; at each level a value that is stated wins over its preset.
What is agreed with the customer a contract takes from its entity with its terms; how books are kept is the entity's to say at any time
(`docs/decisions/policies-of-a-company.md`).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from domain.capabilities import BUILT_IN
from domain.events.common import Policies
from domain.refusals import is_accepted
from domain.units import Amount, Hours, Percent
from domain.work.rates import LEVELS


class Resolved(Policies):
    """Policies after every level has spoken: what has a default is stated."""

    __slots__ = ()

    rate_precedence: tuple[str, ...]
    increment_mode: str
    increment_scope: str
    money_mode: str
    cap_split: str
    cap_includes: tuple[str, ...]
    cap_thresholds: tuple[Percent, ...]
    grace_days: int
    rounding_limit: Amount
    hours_max_per_entry: Hours
    exchange_rate_type: str
    quantity_decimals: int
    rate_staleness_days: int
    tax_point: str
    dimensions_from: tuple[str, ...]


def _over(resolved: Resolved, stated: Iterable[tuple[str, object]]) -> Resolved:
    values: dict[str, Any] = dict(stated)
    return resolved._replace(**values)


_GENERAL = Resolved(
    rate_precedence=LEVELS,
    rate_date="service",
    no_rate="queue",
    increment_mode="up",
    increment_scope="entry",
    money_mode="half_up",
    rounding_scope="entry",
    cap_split="split",
    cap_includes=("time",),
    cap_order="service_date",
    overflow="hold",
    cap_thresholds=(75_000_000, 90_000_000, 100_000_000),
    grace_days=0,
    late_line="next_statement",
    forecast_denominator="eac",
    concession_returns_cap_room=False,
    rounding_limit=500,
    ar_journal="erp",
    cash_journal="erp",
    fx_date="accounting",
    statement_approval="none",
    hours_max_per_entry=24_000_000,
    cost_policy="expense",
    fx_policy="exchange_difference",
    exchange_rate_type="spot",
    quantity_decimals=2,
    rate_staleness_days=7,
    closed_period="next_open",
    tax_point="invoice",
    expenses_revenue="gross",
    dimensions_from=("entry", "project"),
)
DEFAULTS = _over(_GENERAL, BUILT_IN.items())

# Of policy `overflow`: what is over a cap goes on to the next line.
NEXT_RULE = "next_rule"

# How a vendor's product behaves, where it differs from the defaults (RULES section 5, presets).
PRESETS: Mapping[str, Policies] = {
    "d365": Policies(cap_split="reject_whole", fx_policy="remeasure_revenue", closed_period="next_open"),
    "oracle_ebs": Policies(cap_split="prorate", cap_split_billing="reject_whole"),
    "oracle_fusion": Policies(),
    "suiteprojects": Policies(cap_split="split", overflow=NEXT_RULE),
    "psft_split": Policies(cap_split="split", overflow="hold"),
}


@lru_cache(maxsize=4096)
def resolve(*levels: Policies | None) -> Resolved:
    """The policies that hold, without what is refused; levels from the most specific (line) to the least (entity), then the default."""
    resolved = DEFAULTS
    for level in reversed(list(_with_presets(levels))):
        stated = zip(Policies._fields, level, strict=True)
        resolved = _over(resolved, (one for one in stated if one[1] is not None and is_accepted(*one)))
    return resolved


def _with_presets(levels: tuple[Policies | None, ...]) -> Iterator[Policies]:
    for level in levels:
        if level is not None:
            yield level
            if level.preset is not None:
                yield PRESETS[level.preset]


# What is billed, how much of it and when, and what is earned by it.
AGREED = frozenset(
    {
        "rate_precedence",
        "rate_date",
        "no_rate",
        "increment_minutes",
        "increment_mode",
        "increment_scope",
        "minimum_minutes",
        "money_mode",
        "rounding_scope",
        "residual_party",
        "cap_split",
        "cap_split_billing",
        "cap_includes",
        "cap_order",
        "cap_limits_revenue",
        "overflow",
        "cap_thresholds",
        "billing_zone",
        "billing_cycle",
        "cut_off_day",
        "grace_days",
        "late_line",
        "hold_scope",
        "statement_approval",
        "revenue_method",
        "poc_precision",
        "poc_exclusions",
        "forecast_denominator",
        "concession_returns_cap_room",
        "hours_decimals",
        "quantity_decimals",
        "expenses_revenue",
    }
)


def agreed(entity: Policies | None) -> Policies:
    """Those that terms take from their entity for good."""
    return _only(entity, AGREED)


def bookkeeping(entity: Policies | None) -> Policies:
    """Those that the entity may change under its contracts."""
    return _only(entity, frozenset(Policies._fields) - AGREED)


def _only(level: Policies | None, names: frozenset[str]) -> Policies:
    """What the level states of these, its preset included."""
    stated: dict[str, Any] = {}
    for source in reversed(list(_with_presets((level,)))):
        stated |= {
            name: value
            for name, value in zip(Policies._fields, source, strict=True)
            if name in names and name != "preset" and value is not None
        }
    return Policies(**stated)
