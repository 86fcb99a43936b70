"""What may become of a document that was sent to an ERP.

An outcome is decided by class and code of the ERP's answer, never by its text, which differs by release and language.
"""

from datetime import date
from typing import Final, NamedTuple, TypeAlias

from domain.units import Amount, ExchangeRate

# Why nothing reached the ERP, of `NotSent`.
UNREACHABLE: Final = "unreachable"
CREDENTIALS: Final = "credentials"
NOT_PERMITTED: Final = "not_permitted"
# It waited here for so long that the call was not made: nothing of the ERP.
LATE: Final = "late"


class Taken(NamedTuple):
    """The ERP has the document. `is_posted`: it stands in the ledger, not only among what is to be posted.

    `is_duplicate`: it was there before this attempt. `tax_amount` and `exchange_rate` are the ERP's own, of an invoice.
    `period` is the period that the ERP posted to, where it says so.
    """

    reference: str
    posted_on: date
    is_posted: bool = True
    is_duplicate: bool = False
    tax_amount: Amount | None = None
    exchange_rate: ExchangeRate | None = None
    period: str | None = None


class RejectedData(NamedTuple):
    """The ERP will never take it as it is: an account, a dimension, a customer. `field` is the ERP's path to it."""

    code: str
    message: str
    field: str = ""


class RejectedPeriod(NamedTuple):
    """The ERP's period of the accounting date is closed or locked."""

    code: str
    message: str


class Throttled(NamedTuple):
    """Nothing was done; the ERP takes more after so many seconds, None where it does not say."""

    after_seconds: float | None = None


class NotSent(NamedTuple):
    """It is certain that the ERP has not got it: no connection, who we are was refused, or the call was not made."""

    why: str
    message: str


class Uncertain(NamedTuple):
    """No answer, or none that says what happened: the ERP is asked by key before anything is sent again.

    `throttled`: the ERP takes nothing more for now, after an earlier call of the same document may have left something there.
    """

    message: str
    throttled: Throttled | None = None


class Submitted(NamedTuple):
    """A batch interface has taken it for later; `ticket` is what to ask by."""

    ticket: str


# Nothing is known of what was asked.
Trouble: TypeAlias = Throttled | NotSent | Uncertain
# What comes of a document that an ERP is asked for by key; of one that it never had it says nothing.
Said: TypeAlias = Taken | RejectedData | RejectedPeriod | Trouble
Outcome: TypeAlias = Taken | RejectedData | RejectedPeriod | Throttled | NotSent | Uncertain | Submitted


def is_throttled(said: Outcome | None) -> bool:
    """The account waits as long as it was asked to; of the document this says nothing."""
    return isinstance(said, Throttled) or (isinstance(said, Uncertain) and said.throttled is not None)
