"""Rows of the books: every piece of work has one, under an id that says what it is.

Time has its own id, since that is what people know it by. Every other fact has its kind before it, so that an expense 17 and an entry
of time 17 are two rows: `17` and `expense/17`. Time that is named like such a row has its kind before it, too.
"""

from collections.abc import Mapping

from domain.identity import composed, parts_of

TIME_ENTRY = "time_entry"
EXPENSE = "expense"
DELIVERY = "delivery"
FEE = "fee"
SCHEDULED_REVENUE = "revenue"
# What somebody adds to revenue, or takes away, by hand.
ADJUSTMENT = "revenue_adjustment"
# What work on a contract line came to before the books begin.
OPENING = "brought_forward"
# Before the id of an entry in the row of one that balances list; of one that an open invoice bills, after the invoice's.
ENTRY = "entry"
INVOICED = "invoiced"
# Ends the name of the row of units that share steps of a price with those to come: one row, billed in part or not.
UNITS = "units"
# Ends of the names of rows that balances bring: over a cap, and where that was a lower one or of another month.
OVER_CAP = "over_cap"
OVER_FORMER = "over_cap/former"
# The same of what is earned, and over a cap that limits billing alone.
OVER_BILLING = "over_billing"
OVER_BILLING_FORMER = "over_billing/former"
# The beginning, in the names of such rows of a line, of what was done in months before that of the balances.
BEFORE_MONTH = "earlier_months"
# The part of an entry that is over the cap of its line and goes on to the next; its id is the row that it is a part of.
OVERFLOW = "overflow"
# What is billed or earned and is no time.
CHARGES = (EXPENSE, DELIVERY, FEE, SCHEDULED_REVENUE, ADJUSTMENT, OPENING)
# Charges that only earn: there is nothing to bill of them.
ONLY_EARNED = (SCHEDULED_REVENUE, ADJUSTMENT)
# Charges that have a cost of their own.
COSTLY = (EXPENSE, OPENING)
# Every kind of row.
ROWS = frozenset({TIME_ENTRY, *CHARGES, OVERFLOW})

# What a contract line takes them as.
TAKEN_AS: Mapping[str, str] = {TIME_ENTRY: "time", EXPENSE: "expense", DELIVERY: "units"}

# What caps count: time, expenses (also of one category: `expense/travel`), and what terms charge for what they deliver.
COUNTED_TIME = "time"
COUNTED_EXPENSE = "expense"
COUNTED_FEE = "fee"
# No cap counts it, and no price has it: revenue that is adjusted by hand.
COUNTED_ADJUSTMENT = "adjustment"
# The row of balances that has what was conceded before.
CONCEDED = "conceded"

_SPOKEN: Mapping[str, str] = {TIME_ENTRY: "entry", SCHEDULED_REVENUE: "revenue of", OVERFLOW: "overflow of"}
_MARKED = tuple(f"{kind}/" for kind in (TIME_ENTRY, *CHARGES, OVERFLOW))


def row_id(kind: str, fact_id: str) -> str:
    if kind == TIME_ENTRY and not fact_id.startswith(_MARKED):
        return fact_id
    return f"{kind}/{fact_id}"


def fee_row(contract_id: str, line_id: str, name: str) -> str:
    """Of what a contract line charges by itself."""
    return row_id(FEE, f"{composed(contract_id, line_id)}/{name}")


def named(row: str) -> tuple[str, str]:
    """Kind and id of the fact behind a row."""
    if not row.startswith(_MARKED):
        return TIME_ENTRY, row
    kind, _, fact_id = row.partition("/")
    return kind, fact_id


def may_be_billed_in_part(kind: str, fact_id: str) -> bool:
    """Of a row that balances bring: whether part of it may be billed when the books begin. Of other rows what is billed stands apart."""
    return kind == FEE or (kind == OPENING and fact_id.endswith(f"/{UNITS}"))


def is_over_former(row: str) -> bool:
    """Whether it is work over a cap of before, which takes no room of the one in force."""
    return row.startswith(f"{OPENING}/") and row.endswith((f"/{OVER_FORMER}", f"/{OVER_BILLING_FORMER}"))


def is_over_former_billing(row: str) -> bool:
    """Whether it is earned all the same, as the cap limits billing alone."""
    return row.startswith(f"{OPENING}/") and row.endswith(f"/{OVER_BILLING_FORMER}")


def is_of_earlier_month(row: str) -> bool:
    """Whether it is work of months before that of its balances, which caps by month counted then: `brought_forward/K/L/earlier_months`."""
    return row.startswith(f"{OPENING}/") and row.split("/")[3:4] == [BEFORE_MONTH]


def is_conceded(row: str) -> bool:
    """Whether it is what credit memos took off the price before: `brought_forward/K/L/conceded`."""
    return row.startswith(f"{OPENING}/") and row.split("/")[3:4] == [CONCEDED]


def counted_as(kind: str, category: str | None = None) -> str:
    """What caps count a row as, by the kind of its fact."""
    if kind == EXPENSE:
        return f"{COUNTED_EXPENSE}/{category or ''}"
    if kind == ADJUSTMENT:
        return COUNTED_ADJUSTMENT
    return COUNTED_TIME if kind in (TIME_ENTRY, OVERFLOW, OPENING) else COUNTED_FEE


def is_for_expenses(row: str) -> bool:
    """Whether it is what balances bring of a line's expenses: `brought_forward/K/L/expense/hotel`."""
    kind, fact_id = named(row)
    return kind == OPENING and fact_id.split("/")[2:3] == [EXPENSE]


def origin(row: str) -> str:
    """The row that it is a part of, however often it went on from line to line; else itself."""
    kind, fact_id = named(row)
    return origin(fact_id) if kind == OVERFLOW else row


def spoken(kind: str) -> str:
    return _SPOKEN.get(kind, kind.replace("_", " "))


def is_one_sum(row: str) -> bool:
    """Whether it is unbilled work that balances state as one sum, whatever days it is of."""
    return row.startswith(f"{OPENING}/") and not is_listed(row)


def listed_part(entry_id: str, category: str | None) -> str:
    """How the row of an entry that balances list is called within its line: an expense of a line that charges for work (category empty) as
    one of its expenses."""
    return f"{EXPENSE}//{ENTRY}/{entry_id}" if category == "" else f"{ENTRY}/{entry_id}"


def listed_as(row: str) -> str | None:
    """What the old system called the entry of a row that balances list, or an open invoice of before bills: T-1 of
    `brought_forward/K/L/entry/T-1` and of `brought_forward/K/L/invoiced/INV-7/T-1`."""
    if not row.startswith(f"{OPENING}/"):
        return None
    kind, _, name = (
        row.split("/", maxsplit=3)[-1].removeprefix(f"{BEFORE_MONTH}/").removeprefix(f"{EXPENSE}//").partition("/")
    )
    if kind == INVOICED:
        return parts_of(name)[-1]
    return name if kind == ENTRY else None


def is_listed(row: str) -> bool:
    """Whether balances have it as an entry of its own, that was not billed when the books began."""
    return row.startswith(f"{OPENING}/") and f"/{ENTRY}/" in row
