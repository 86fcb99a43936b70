"""Money as scaled integers: amounts in 10^-4 of the currency unit, exact until the one rounding a caller asks for.

The smallest unit of a currency is its ISO 4217 exponent, so an amount of a currency with two decimals is a multiple of
100 and one in yen a multiple of 10,000. Every rounding of money is done here.

    8 h at 100.00 with 15 % overtime:  8_000_000 x 100_000_000 x 1.15 / 10^8 = 9_200_000 = 920.00
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.units import (
    HOURS_TIMES_RATE_PER_AMOUNT,
    HUNDRED_PERCENT,
    MICROSECONDS_A_MILLIONTH,
    Amount,
    Hours,
    Percent,
    Rate,
)

HALF_UP = "half_up"
HALF_EVEN = "half_even"

AMOUNT_DECIMALS = 4

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")

_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER
        ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# Withdrawn since 2005, still found in books that go back that far.
_WITHDRAWN_BY_EXPONENT = {
    0: "BYR",
    2: "ANG AZM BGN CSD CUC CYP EEK GHC HRK LTL LVL MRO MTL MZM ROL SDD SIT SKK SLL STD TMM VEF ZMK ZWL",
}


def _exponents() -> dict[str, int]:
    tables = (_CODES_BY_EXPONENT, _WITHDRAWN_BY_EXPONENT)
    return {code: exponent for table in tables for exponent, codes in table.items() for code in codes.split()}


class _Steps(dict[str, Amount]):
    """The smallest unit of each currency."""

    def __missing__(self, currency: str) -> Amount:
        raise _unknown_currency(currency)


_EXPONENTS = _exponents()
STEPS = _Steps({code: 10 ** (AMOUNT_DECIMALS - exponent) for code, exponent in _EXPONENTS.items()})


def is_currency(code: str) -> bool:
    """ISO 4217, upper case; metals, test codes and other codes without a smallest unit are none."""
    return code in _EXPONENTS


def minor_units(currency: str) -> int:
    """Digits after the point of an amount in the currency."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise _unknown_currency(currency) from None


def smallest_unit(currency: str) -> Amount:
    """The smallest amount of the currency that can be paid: 0.01 of most is 100."""
    return STEPS[currency]


def round_ratio(numerator: int, denominator: int, step: int, mode: str) -> int:
    """`numerator / denominator` to the nearest multiple of `step`.

    half_up takes the half away from zero, half_even to the even multiple.
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    unit = denominator * step
    if mode == HALF_UP:
        if numerator < 0:
            return -((unit - 2 * numerator) // (2 * unit)) * step
        return (2 * numerator + unit) // (2 * unit) * step
    if mode == HALF_EVEN:
        whole, rest = divmod(numerator, unit)
        if 2 * rest > unit or (2 * rest == unit and whole & 1):
            whole += 1
        return whole * step
    raise ValueError(f"rounding: expected {HALF_UP} or {HALF_EVEN}, got {mode!r}")


def spread(total: int, weights: Sequence[int], step: int, mode: str = HALF_UP) -> list[int]:
    """Shares in proportion to the weights, each the difference of two rounded sums, so that they sum to the total (R12)."""
    if not total:
        return [0] * len(weights)
    whole = sum(weights)
    unit = whole * step
    double = 2 * unit
    shares = []
    passed = given = 0
    for weight in weights:
        passed += weight
        if passed == whole:
            reached = total
        elif total > 0 and mode == HALF_UP:
            # Forecasts spread much: a call less than `round_ratio`.
            reached = (2 * total * passed + unit) // double * step
        else:
            reached = round_ratio(total * passed, whole, step, mode)
        shares.append(reached - given)
        given = reached
    return shares


def round_amount(amount: Amount, currency: str, mode: str) -> Amount:
    """To the smallest unit of the currency."""
    return round_ratio(amount, 1, smallest_unit(currency), mode)


def extend(hours: Hours, rate: Rate, markup: Percent, currency: str, mode: str, finer: int = 0) -> Amount:
    """hours x rate x (1 + markup / 100), rounded once to the smallest unit of the currency (R7, R10).

    `finer` is what time by start and end has beyond six decimals of an hour, in microseconds: 10 min are 0.166666 h and 2,400 of them.
    """
    if finer:
        return round_ratio(
            (hours * MICROSECONDS_A_MILLIONTH + finer) * rate * (HUNDRED_PERCENT + markup),
            HOURS_TIMES_RATE_PER_AMOUNT * MICROSECONDS_A_MILLIONTH * HUNDRED_PERCENT,
            smallest_unit(currency),
            mode,
        )
    if not markup:
        return round_ratio(hours * rate, HOURS_TIMES_RATE_PER_AMOUNT, STEPS[currency], mode)
    return round_ratio(
        hours * rate * (HUNDRED_PERCENT + markup),
        HOURS_TIMES_RATE_PER_AMOUNT * HUNDRED_PERCENT,
        smallest_unit(currency),
        mode,
    )


def extend_at(
    hours: Hours,
    rate: Rate,
    numerator: int,
    denominator: int,
    markup: Percent,
    currency: str,
    mode: str,
    finer: int = 0,
) -> Amount:
    """As `extend`, of a rate in another currency at an exact exchange rate."""
    return round_ratio(
        (hours * MICROSECONDS_A_MILLIONTH + finer) * rate * numerator * (HUNDRED_PERCENT + markup),
        HOURS_TIMES_RATE_PER_AMOUNT * MICROSECONDS_A_MILLIONTH * denominator * HUNDRED_PERCENT,
        smallest_unit(currency),
        mode,
    )


def percent_of(amount: Amount, percent: Percent, currency: str, mode: str) -> Amount:
    """10 means ten per cent."""
    return round_ratio(amount * percent, HUNDRED_PERCENT, smallest_unit(currency), mode)


def convert(amount: Amount, numerator: int, denominator: int, currency: str, mode: str) -> Amount:
    """`amount` times an exact exchange rate, rounded once to the smallest unit of the currency it becomes."""
    return round_ratio(amount * numerator, denominator, STEPS[currency], mode)


def allocate(total: Amount, weights: Sequence[int], currency: str, rounding_party: int = 0) -> tuple[Amount, ...]:
    """Shares of `total` in proportion to `weights`, in smallest units and with the exact sum (R12).

    Units left over go to the largest remainders; among equals the rounding party comes first, then the order given.
    A total finer than the smallest unit is shared in 10^-4; where all weights are zero the rounding party takes all.
    """
    if not weights or min(weights) < 0:
        raise ValueError(
            f"allocation of {format_amount(total)} {currency}: expected weights of zero or more, got {tuple(weights)}"
        )
    if total < 0:
        return tuple(-share for share in allocate(-total, weights, currency, rounding_party))
    step = smallest_unit(currency)
    if total % step:
        step = 1
    units = total // step
    weight = sum(weights)
    if not weight:
        return tuple(total if party == rounding_party else 0 for party in range(len(weights)))
    shares = [units * each // weight for each in weights]
    remainders = [units * each % weight for each in weights]
    by_claim = sorted(range(len(weights)), key=lambda party: (-remainders[party], party != rounding_party, party))
    for party in by_claim[: units - sum(shares)]:
        shares[party] += 1
    return tuple(share * step for share in shares)


def carried_part(part: Amount, whole: tuple[Amount, Amount], currency: str, mode: str) -> Amount:
    """The ledger amount of a part of a balance (amount, ledger amount): in proportion, and all that is carried for the whole of it."""
    amount, ledger = whole
    if part == amount:
        return ledger
    return round_ratio(ledger * part, amount, smallest_unit(currency), mode) if amount else 0


def parse_decimal(text: str, decimals: int) -> int:
    """`text` in units of 10^-decimals; digits beyond that are refused, never rounded."""
    match = _DECIMAL.fullmatch(text)
    fraction = (match[3] or "").rstrip("0") if match else ""
    if match is None or len(fraction) > decimals:
        raise ValueError(f"expected digits with at most {decimals} after the point, such as 1234.5, got {text!r}")
    scaled = int(match[2] + fraction.ljust(decimals, "0"))
    return -scaled if match[1] else scaled


def format_decimal(value: int, decimals: int, at_least: int = 0) -> str:
    """Plain digits without exponent, without trailing zeros beyond `at_least` digits after the point."""
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    fraction = fraction[:at_least] + fraction[at_least:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parse_amount(text: str) -> Amount:
    return parse_decimal(text, AMOUNT_DECIMALS)


def format_amount(amount: Amount, currency: str | None = None) -> str:
    """With the decimals of the currency (two where none is named), and more only where the amount has them."""
    return format_decimal(amount, AMOUNT_DECIMALS, 2 if currency is None else minor_units(currency))


def step_text(step: Amount) -> str:
    """What amounts are rounded to: 0.01, 1 of a currency without decimals, 0.001."""
    return format_decimal(step, AMOUNT_DECIMALS)


def _unknown_currency(currency: str) -> ValueError:
    return ValueError(f"currency: expected an ISO 4217 code such as EUR, got {currency!r}")
