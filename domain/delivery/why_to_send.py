"""Why a parcel that is to be sent has not gone: what it waits for, from rows that a store keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from domain.delivery import answers, standings
from domain.delivery.standings import Parcel

FREE: Final = "not sent yet: the ERP was away, or delivery was stopped"
AFTER_OTHER: Final = "goes after what it reverses"
AFTER_POSTING: Final = "what it reverses is accepted and not posted yet"
AFTER_REJECTED: Final = "what it reverses is rejected"
AFTER_CHART: Final = "what it reverses waits for the chart"
AFTER_ITS_DAY: Final = "what it reverses waits for its day or accounting period to end"
AFTER_REVISION: Final = "goes once it is certain that no earlier revision is in the ERP"
AFTER_REPLACEMENT: Final = "what it reverses was refused for its period; the next run replaces it"

# Of several the one that takes longest to go away is named.
_ORDER: Final = (AFTER_OTHER, AFTER_POSTING, AFTER_CHART, AFTER_REJECTED)


def why_to_send(
    parcels: Sequence[Parcel], closed: Mapping[str, str], to_come: Collection[str] = frozenset()
) -> dict[int, str]:
    """By the parcel's number, of those that are to be sent. `closed` as a store keeps it, `to_come` wait for a day or period to end."""
    holder = {member: each for each in parcels for member in each.members}
    replaced_by = {replaced: member for each in parcels for member, replaced in each.replaces}
    found = {}
    for parcel in parcels:
        if parcel.state != standings.TO_SEND:
            continue
        if any(each in holder for each in parcel.supersedes):
            found[parcel.number] = AFTER_REVISION
            continue
        originals = [replaced_by.get(original, original) for _, original in parcel.reverses]
        if any(closed.get(each) for each in originals):
            found[parcel.number] = AFTER_REPLACEMENT
            continue
        if any(each in to_come for each in originals):
            found[parcel.number] = AFTER_ITS_DAY
            continue
        ahead = (holder[each] for each in originals if each in holder and holder[each].number != parcel.number)
        found[parcel.number] = max((_after(each) for each in ahead), key=_ORDER.index, default=FREE)
    return found


def _after(parcel: Parcel) -> str:
    match parcel.state:
        case standings.TAKEN:
            return AFTER_POSTING
        case standings.REFUSED:
            is_unmapped = parcel.rejection is not None and parcel.rejection.because == answers.ACCOUNT
            return AFTER_CHART if is_unmapped else AFTER_REJECTED
        case _:
            return AFTER_OTHER
