"""What work of the last weeks takes of caps over the whole term, by service day: the pace at which they are used (R57).

What balances bring forward is of days that nobody knows, so it is not in the pace.
"""

from domain.caps.consume import BucketKey
from domain.forecast.exhaustion import DAYS_KEPT, DAYS_MAX
from domain.reference.zones import universal_day
from domain.units import Amount, Hours
from domain.work.rows import OPENING, named, origin
from state.caps.claims import GrantedRequest
from state.draft import Draft

TakenByDay = dict[int, tuple[Amount, Hours]]


def with_share(draft: Draft, key: BucketKey, days: TakenByDay, share: GrantedRequest, sign: int) -> TakenByDay:
    """Of the last DAYS_KEPT days by the log's own time; older ones are dropped once DAYS_MAX are kept."""
    claim, granted = share.claim, share.granted
    first, day = universal_day(draft.cause.recorded_at) - DAYS_KEPT, claim.day.toordinal()
    if key[1] or day < first or is_of_no_day(claim.entry_id):
        return days
    amount, hours = days.get(day, (0, 0))
    kept = days if len(days) < DAYS_MAX else {each: taken for each, taken in days.items() if each >= first}
    return {**kept, day: (amount + sign * granted.amount, hours + sign * granted.hours)}


def is_of_no_day(row: str) -> bool:
    return named(origin(row))[0] == OPENING
