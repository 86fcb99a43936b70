"""Numbers as scaled integers: exact, fast, and the same as the Avro decimals they travel as.

An `Amount` of 12.50 is 125_000. Decimals appear only at the edges, when people or files are read and written.
"""

from __future__ import annotations

from typing import TypeAlias

Amount: TypeAlias = int  # 10^-4 of the currency unit
Hours: TypeAlias = int  # 10^-6 hour
Rate: TypeAlias = int  # 10^-6 currency for one hour or unit
Percent: TypeAlias = int  # 10^-6 per cent: 10 % is 10_000_000
Quantity: TypeAlias = int  # 10^-6 unit
ExchangeRate: TypeAlias = int  # 10^-12 units of `to` for one `from`
Instant: TypeAlias = int  # microseconds since 1970-01-01T00:00Z

AMOUNT_SCALE = 4
HOURS_SCALE = 6
RATE_SCALE = 6
PERCENT_SCALE = 6
QUANTITY_SCALE = 6
EXCHANGE_RATE_SCALE = 12

AMOUNT_ONE = 10**AMOUNT_SCALE
HOURS_ONE = 10**HOURS_SCALE
# Of 10^-6 hour: what time by start and end has beyond that is kept in these.
MICROSECONDS_A_MILLIONTH = 3_600
MICROSECONDS_A_SECOND = 1_000_000
MICROSECONDS_A_DAY = 86_400 * MICROSECONDS_A_SECOND
RATE_ONE = 10**RATE_SCALE
PERCENT_ONE = 10**PERCENT_SCALE
QUANTITY_ONE = 10**QUANTITY_SCALE
EXCHANGE_RATE_ONE = 10**EXCHANGE_RATE_SCALE
HUNDRED_PERCENT = 100 * PERCENT_ONE
HOURS_TIMES_RATE_PER_AMOUNT = 10**8

# Digits of the Avro decimal behind each unit: (precision, scale).
DECIMALS: dict[str, tuple[int, int]] = {
    "amount": (18, AMOUNT_SCALE),
    "hours": (18, HOURS_SCALE),
    "rate": (18, RATE_SCALE),
    "percent": (18, PERCENT_SCALE),
    "quantity": (18, QUANTITY_SCALE),
    "exchange_rate": (24, EXCHANGE_RATE_SCALE),
}
