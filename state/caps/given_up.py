"""Work that is given up before it is billed (`WrittenOff` of what is unbilled): how much of an entry can be, and how much of it counts.

The decision stays with the entry, under every version that it will have. Of it counts no more than the version in force is worth and
not issued, so that a correction never bills less than is on statements already, and a withdrawal leaves nothing on any account. What is
given up is no billable value: it takes no room of a cap (R15), and of an entry of which a part is over the cap, that part goes first.

    8 h at 200.00, 600.00 given up: 1,000.00 may be billed; corrected to 2 h 400.00 count as given up, to 10 h again 600.00
"""

from msgspec.structs import replace

from domain.caps.recorded import Kept
from domain.explanation import Node
from domain.figure import at_least, lesser
from domain.identity import composed
from domain.units import Amount
from domain.why import Why
from domain.work.rows import DELIVERY, EXPENSE, TIME_ENTRY, named, row_id
from state.books import Entry, Price
from state.totals import issued_of, issued_on, standing_price

# What a write-off finds of an entry is explained elsewhere, by this name.
LEFT_TO_GIVE_UP = "left_to_give_up"


def given_up_by(entry_id: str, write_off_id: str) -> str:
    """Where it is recorded what a write-off gave up of an entry."""
    return f"{given_up_of(entry_id)}#{write_off_id}"


def say_given_up(why: Why, entry_id: str, write_off_id: str, made: Node) -> None:
    """Before anything else is allotted: what was allotted in the event so far does not count it."""
    why.turn += 1
    why.record(given_up_by(entry_id, write_off_id), made.value or 0, made)
    why.place(given_up_of(entry_id), write_off_id, (), Kept(given_up=made))


def given_up_of(entry_id: str) -> str:
    """Where a recorder has since when each write-off counts."""
    return composed("given_up", entry_id)


def rows_of(name: str) -> tuple[str, ...]:
    """Ids of the rows that a write-off or a hold may mean: as statements name them, with their kind, or as their source does."""
    whole = row_id(*named(name))
    return tuple(dict.fromkeys((name, whole, *(row_id(kind, name) for kind in (TIME_ENTRY, EXPENSE, DELIVERY)))))


def left_of(entry: Entry) -> Amount:
    """What may be given up of the entry: accrued, held or over a cap; what is on statements may not."""
    price = standing_price(entry)
    if price is None or not price.line_id:
        return 0
    return max(_not_issued(entry, price) - price.written_off, 0)


def fitted(entry: Entry, price: Price) -> Price:
    """A price of the entry with what of it is given up."""
    if not entry.given_up:
        return price
    asked = sum(one.amount for one in entry.given_up if one.currency == price.currency)
    return replace(price, written_off=that_counts(asked, _not_issued(entry, price)))


def that_counts(asked: Amount, left: Amount) -> Amount:
    """Of what is given up, where so much is `left` that is not issued."""
    counts = asked if asked <= left else lesser(asked, left, "given up, as far as it is not issued")
    return counts if counts >= 0 else at_least(counts, 0, "nothing is given up")


def _not_issued(entry: Entry, price: Price) -> Amount:
    return price.value - issued_of(price, issued_on(entry, price.contract_id, price.line_id))
