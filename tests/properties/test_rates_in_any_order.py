"""Exchange rates that come after the work come in any order to the same books, and so do corrections and amendments of billed work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, JournalEntry
from tests.folding import MEMORY_DISK
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

SETUP = """# Rates

```
entity    LE  EUR  Europe/Berlin
customer  C
person    bob  consultant of LE
person    eve  consultant of LE
cost      person bob 100.00 EUR
cost      person eve 90.00 GBP
project   P of LE
contract  K C LE USD  policy fx_date={fx_date}
  line L P
    rate 200.00
```

## A batch

```
{events}
```
"""
FIRST, ENDS = date(2026, 6, 1), date(2026, 6, 26)
days = st.integers(0, 20).map(lambda number: FIRST + timedelta(number))
worked = st.lists(st.tuples(st.sampled_from(["bob", "eve"]), days), min_size=1, max_size=5)
quoted = st.dictionaries(
    st.tuples(st.sampled_from(["EUR USD", "EUR GBP"]), days), st.integers(70, 140), min_size=1, max_size=14
)


def posted(fx_date: str, work: Sequence[tuple[str, date]], rates: Sequence[str]) -> list[tuple[object, ...]]:
    """What stands in the ledger, and what of the work is open, when the day of the rates has ended.

    Exceptions of forecasts are left out: that nobody has estimated a project is raised with its first forecast, and between two rates one
    may be made that waits for a rate in another order.
    """
    told = [f"{ENDS}  time T-{at} {who} 1 h on {day}" for at, (who, day) in enumerate(work)]
    steps = [*told, *rates, f"{ENDS}  day ended"]
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        path = Path(folder) / "rates.md"
        path.write_text(SETUP.format(fx_date=fx_date, events="\n".join(f"{step}\n  => ..." for step in steps)))
        (scenario,) = read_scenarios(path)
        books = play(scenario)
        books.close()
    journals: list[tuple[object, ...]] = []
    open_now: dict[str, tuple[object, ...]] = {}
    for _, record in books.folded:
        match record:
            case JournalEntry():
                lines = tuple((line.account, line.amount, line.ledger_amount) for line in record.lines)
                journals.append((record.affected_id, record.accounting_date, record.exchange_rate, *lines))
            case ExceptionRaised() if record.subject_kind == "time_entry":
                open_now[record.exception_id] = ("open", record.category, record.subject_id)
            case ExceptionClosed():
                open_now.pop(record.exception_id, None)
            case _:
                pass
    return sorted([*journals, *open_now.values()], key=repr)


@given(st.sampled_from(["accounting", "service"]), worked, quoted, st.data())
def test_the_order_of_a_days_rates_does_not_matter(
    fx_date: str, work: list[tuple[str, date]], quotes: dict[tuple[str, date], int], data: st.DataObject
) -> None:
    rates = [f"{ENDS}  exchange {pair} {rate / 100:.2f} on {day}" for (pair, day), rate in sorted(quotes.items())]
    other = data.draw(st.permutations(rates))
    assert posted(fx_date, work, other) == posted(fx_date, work, rates)


BILLED = """# Billed

```
entity    LE  EUR  Europe/Berlin
customer  C
person    bob  consultant of LE
cost      person bob 100.00 EUR
project   P of LE
card      STD global EUR
  rate 200.00
contract  K C LE EUR
  line L P
{rate}
```

## After June was billed

```
2026-06-03  time T-1 bob 10 h
2026-06-04  time T-2 bob 4 h
2026-06-30  day ended
{events}
2026-07-31  day ended
```
"""


def billed(rate: str, steps: Sequence[str]) -> dict[tuple[str, str], int]:
    """What both statements ask for, and what stands on each account."""
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        path = Path(folder) / "billed.md"
        text = BILLED.format(rate=rate, events="\n".join(steps))
        path.write_text(re.sub(r"(?m)^(2026-.*(?:\n  (?! =>).+)*)", r"\1\n  => ...", text))
        (scenario,) = read_scenarios(path)
        books = play(scenario)
        books.close()
    found: Counter[tuple[str, str]] = Counter()
    for _, record in books.folded:
        if isinstance(record, JournalEntry):
            for line in record.lines:
                found[line.account, record.currency] += line.amount
        elif isinstance(record, BillingStatement):
            found["billed", record.currency] += record.amount_due
    return dict(found)


@given(
    st.sampled_from(["    rate 200.00", ""]),
    st.lists(st.integers(150, 300), min_size=1, max_size=2),
    st.integers(0, 48),
    st.integers(0, 48),
    st.data(),
)
def test_billed_work_keeps_its_price_in_any_order(
    rate: str, rates: list[int], one: int, two: int, data: st.DataObject
) -> None:
    """Hours are corrected before or after the amendments and the cards; each hour of June's entries is at 200.00 (R8)."""
    steps = [f"2026-07-02  correct T-{at} {quarters / 4:.2f} h" for at, quarters in ((1, one), (2, two))]
    amended = [f"2026-07-02  amend K from 2026-06-01\n  line L P\n    rate {each}.00" for each in rates]
    cards = [f"2026-07-02  card STD global EUR\n  rate {each}.00" for each in rates]
    found = billed(rate, data.draw(st.permutations([*steps, *(amended if rate else cards)])))
    assert found["billed", "EUR"] == -found["4000", "EUR"] == (one + two) * 50 * 10_000
