"""Ids that are the same on every replay.

Business identity is made of what a thing is about, never of its place in the log: the same journal, statement or exception
gets the same id from any shard, generation or batch.
"""

import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Final

ID_CHARACTERS_MAX: Final = 128
# Words of some scripts need them; any other invisible character makes two ids that look the same.
_JOINERS: Final = "\u200c\u200d"
_HIDDEN: Final = frozenset({"Cf", "Cs", "Zl", "Zp"})


_BEFORE = "brought-forward-"
# What stands for the invoices of before that are paid, and for the deposits that were set against them.
PAID_BEFORE: Final = "paid"
DEPOSITS_BEFORE: Final = f"{PAID_BEFORE}/deposits"


@lru_cache(maxsize=4_096)
def escape(part: str) -> str:
    """Make an id safe inside a composed one: `.` and `/` separate parts, `%` introduces an escape."""
    if "." in part or "/" in part or "%" in part:
        return part.replace("%", "%25").replace(".", "%2E").replace("/", "%2F")
    return part


@lru_cache(maxsize=65_536)
def composed(*parts: str) -> str:
    """One id made of several."""
    return "/".join(map(escape, parts))


@lru_cache(maxsize=65_536)
def parts_of(composed_id: str) -> tuple[str, ...]:
    return tuple([unescape(part) for part in composed_id.split("/")])


def derived_id(engagement_id: str, *parts: object) -> str:
    """An id that routes itself to its engagement: `<engagement>.<96 bits of hash>`."""
    text = "\x1f".join(map(str, parts))
    return f"{escape(engagement_id)}.{blake2b(text.encode(), digest_size=12).hexdigest()}"


def statement_id(engagement_id: str, contract_id: str, bill_to: str, period: str, sequence: int) -> str:
    return f"{escape(engagement_id)}.{escape(contract_id)}/{escape(bill_to)}/{period}/{sequence}"


def opening_statement_id(contract: tuple[str, str], bill_to: str, balances: tuple[str, int], number: int) -> str:
    """What stands for bills of before the books begin, which nobody was sent from here; of engagement and contract, and of the version of
    a project's balances."""
    (engagement_id, contract_id), (project_id, version) = contract, balances
    beginning = f"{escape(engagement_id)}.{escape(contract_id)}/{escape(bill_to)}"
    return f"{beginning}/{_BEFORE}{escape(project_id)}-{version}/{number}"


def is_opening_statement(named: str) -> bool:
    return named.split("/")[2:3] != [] and named.split("/")[2].startswith(_BEFORE)


def bill_to_of(opening_statement: str) -> str:
    """Whom such a bill was sent to."""
    return unescape(opening_statement.split("/")[1])


def opening_of(named: str) -> str:
    """Of such a statement the project and the version of its balances: `BRIDGE-1`."""
    return named.split("/")[2].removeprefix(_BEFORE)


def returned_cash_id(balances: tuple[str, int], payment_id: str, invoice_id: str) -> str:
    """What the version of a project's balances takes off an invoice of a payment's cash."""
    project_id, version = balances
    return f"{_BEFORE}{escape(project_id)}-{version}/{escape(payment_id)}/{escape(invoice_id)}"


def returned_cash(application_id: str) -> tuple[str, str, str] | None:
    """Project, payment and invoice of such an id."""
    parts = application_id.split("/")
    if len(parts) != 3 or not parts[0].startswith(_BEFORE):
        return None
    project_id = parts[0].removeprefix(_BEFORE).rpartition("-")[0]
    return unescape(project_id), unescape(parts[1]), unescape(parts[2])


def engagement_of(composed_id: str) -> str:
    """The engagement that an id made by Milepost begins with."""
    return unescape(composed_id.split(".", 1)[0])


def unescape(part: str) -> str:
    if "%" in part:
        return part.replace("%2F", "/").replace("%2E", ".").replace("%25", "%")
    return part


def content_digest(content: object) -> str:
    """Digest of an event's content, for facts whose events are not kept."""
    return blake2b(repr(content).encode(), digest_size=12).hexdigest()


def fault_of_id(value: str) -> str | None:
    """Why a string is no id."""
    if not 1 <= len(value) <= ID_CHARACTERS_MAX:
        return f"an id of {len(value)} characters, expected 1 to {ID_CHARACTERS_MAX}"
    if value != value.strip():
        return "an id with space around it"
    if value.isascii() and value.isprintable():
        return None
    if not unicodedata.is_normalized("NFC", value):
        return "an id that is not in Unicode normalization form C"
    control = next((sign for sign in value if unicodedata.category(sign) == "Cc"), None)
    if control is not None:
        return f"an id with the control character U+{ord(control):04X}"
    hidden = next((sign for sign in value if unicodedata.category(sign) in _HIDDEN and sign not in _JOINERS), None)
    if hidden is not None:
        return f"an id with the invisible character U+{ord(hidden):04X}"
    if any(ord(sign) & 0xFFFE == 0xFFFE for sign in value):
        return "an id with a code point that Unicode keeps from interchange"
    return None
