"""Where an id may be cut. `/`, `#` and `@` stand between its parts, and in names of projects, contracts and customers as well."""

from collections.abc import Iterator


def cuts(wanted: str, sign: str) -> Iterator[tuple[str, str]]:
    """What stands before and after each of these signs, the last one first; what is meant is where both are known."""
    at = wanted.rfind(sign)
    while at >= 0:
        yield wanted[:at], wanted[at + 1 :]
        at = wanted.rfind(sign, 0, at)
