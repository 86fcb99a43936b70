"""What simulated ERPs of Microsoft understand of OData: filters as conditions of SQLite, and the way to the next page."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from simulation.erp.books import ErpBooks
from simulation.erp.interface import HttpRequest, Reply

PAGE_ROWS: Final = 1_000

_TOKEN: Final = re.compile(
    r"(?P<enum>[A-Za-z_.]+'[^']*')|(?P<text>'(?:[^']|'')*')|(?P<instant>\d{4}-\d\d-\d\d(?:T[\d:]+Z)?)|(?P<number>\d+)|"
    r"(?P<word>[A-Za-z_]\w*)|(?P<mark>[()])|\s+"
)
_KEY: Final = re.compile(rb"MP[A-Z2-7]{18}")
_WORDS: Final = {"eq": "=", "ne": "<>", "le": "<=", "ge": ">=", "lt": "<", "gt": ">", "and": "AND", "or": "OR"}


def condition(text: str) -> tuple[str, list[str | int]]:
    """A filter as SQLite's condition with its values; no filter lets every row pass. Raises ValueError."""
    made, values, at = [], list[str | int](), 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"Syntax error at position {at} in '{text}'.")
        at = found.end()
        match found.lastgroup:
            case "word":
                made.append(_WORDS.get(found[0], found[0]))
            case "mark":
                made.append(found[0])
            case "number":
                made.append("?")
                values.append(int(found[0]))
            case "text" | "enum" | "instant":
                made.append("?")
                _, quote, rest = found[0].partition("'")
                values.append(rest[:-1].replace("''", "'") if quote else found[0])
    return " ".join(made) or "1", values


def page(
    books: ErpBooks,
    asked: HttpRequest,
    query: str,
    values: Sequence[object],
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Reply:
    """Of the rows of a query, and the way to the next one."""
    top, skip = min(int(asked.query.get("$top", PAGE_ROWS)), PAGE_ROWS), int(asked.query.get("$skiptoken", 0))
    rows = books.rows(f"{query} LIMIT {top + 1} OFFSET {skip}", values)
    answer: dict[str, Any] = {"value": [shown(row) for row in rows[:top]]}
    if len(rows) > top and "$top" not in asked.query:
        answer["@odata.nextLink"] = next_page(asked, skip + top)
    return Reply(200, answer)


def decimals(row: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """With numbers where these names stand for some."""
    return {name: Decimal(value or 0) if name in names else value for name, value in row.items()}


def next_page(asked: HttpRequest, skip: int) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.query.items() if name != "$skiptoken")
    return f"http://{asked.headers.get('host', '')}{asked.path}?{query}&$skiptoken={skip}".replace(" ", "%20")


def written_key(asked: HttpRequest) -> str | None:
    """The key in what is written, and where; None of what only reads."""
    if asked.method == "GET":
        return None
    found = _KEY.search(asked.body)
    return f"{found[0].decode() if found else ''} {asked.method} {asked.path}"
