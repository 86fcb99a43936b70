"""Oracle Fusion's REST resources: rows of a collection, and refusals by code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from connectors.erp.answers import Answer, ErpRefusal, NotJson, listed, member, refused, text_of, words
from domain.delivery.outcomes import NOT_PERMITTED, NotSent, Trouble, Uncertain

RESOURCES: Final = "/fscmRestApi/resources/11.13.18.05"
# With it children are objects that say whether there are more, and refusals have codes.
HEADERS: Final = {"rest-framework-version": "4"}

Fields: TypeAlias = Mapping[str, object]


def as_set_up(wrong: ErpRefusal | Trouble, what: str) -> Trouble:
    """Of a request that has nothing of a document in it that could be wrong."""
    if isinstance(wrong, ErpRefusal):
        return NotSent(NOT_PERMITTED, f"Fusion refused {what} ({wrong.code}): {wrong.message}")
    return wrong


def fault(answer: Answer, what: str) -> ErpRefusal | Trouble | None:
    """None: it was done. Decided by status and `o:errorCode`."""
    if (trouble := refused(answer)) is not None:
        return trouble
    if 200 <= answer.status < 300:
        return None
    for each in listed(answer.stated().get("o:errorDetails")):
        if code := text_of(member(each, "o:errorCode")):
            return ErpRefusal(code, words(member(each, "detail")), words(member(each, "o:errorPath")))
    return Uncertain(f"Fusion answered {answer.status} to {what} without a code that says what happened")


def items(answer: Answer | Trouble, what: str) -> list[Fields] | Trouble:
    """The rows of a collection."""
    if not isinstance(answer, Answer):
        return answer
    wrong = fault(answer, what)
    if wrong is not None:
        return as_set_up(wrong, what)
    try:
        found = answer.fields().get("items")
    except NotJson as no_json:
        return Uncertain(f"Fusion's answer to {what}: {no_json}")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return Uncertain(f"Fusion's answer to {what} has no items")
    return found


def children(value: object) -> list[Fields]:
    """Of a row: a list, or an object that has one."""
    found = listed(member(value, "items") if isinstance(value, dict) else value)
    return [each for each in found if isinstance(each, dict)]
