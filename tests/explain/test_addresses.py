"""What has an address of its own and is asked for seldom: a contract group, a tax group of a statement, a base without a policy."""

from __future__ import annotations

from domain.money import parse_amount
from milepost.explain.recompute import recompute
from tests.explained import explainer_of
from tests.told import told

STATEMENT = "E.K/C/2026-01-01/1"
# 8 h at 33.33 come to 266.64; 19 % of that to 50.66.
STORY = (
    "entity LE EUR Europe/Berlin",
    "customer C region HOME",
    "tax_policy HOME services=19",
    "person bob consultant of LE",
    "cost person bob 10 EUR",
    "project P of LE",
    "contract K C LE EUR",
    "  line L P tasks dev",
    "    rate 33.33",
    "  line M P tax books",
    "    rate 10",
    "2026-01-05 time T-1 bob 8 h task dev",
    "2026-01-06 time T-2 bob 3 h",
    "2026-01-31 day ended",
)


def test_tax_groups_and_a_contract_group_are_explained_by_their_addresses() -> None:
    with told(STORY) as books:
        explainer = explainer_of(books, "E")
        tax, base, group, none = (
            explainer.explain(f"{STATEMENT}#tax/1"),
            explainer.explain(f"{STATEMENT}#undetermined_tax/1"),
            explainer.explain("E"),
            explainer.explain(f"{STATEMENT}#tax/2"),
        )
        assert explainer.refused == []
    assert tax is not None
    assert base is not None
    assert group is not None
    assert (tax.value, tax.currency, recompute(tax)) == (parse_amount("50.66"), "EUR", []), tax
    assert (base.value, base.currency, recompute(base)) == (parse_amount("30"), "EUR", []), base
    assert (group.title, [node.id for node in group.why]) == ("Contract group E", ["P"])
    assert none is None
