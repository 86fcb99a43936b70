"""Ids that are the same on every replay.

Business identity is made of what a thing is about, never of its place in the log: the same journal, statement or exception
gets the same id from any shard, generation or batch.
"""

from hashlib import blake2b


def escape(part: str) -> str:
    """Make an id safe inside a composed one: `.` and `/` separate parts, `%` introduces an escape."""
    if "." in part or "/" in part or "%" in part:
        return part.replace("%", "%25").replace(".", "%2E").replace("/", "%2F")
    return part


def composed(*parts: str) -> str:
    """One id made of several."""
    return "/".join(map(escape, parts))


def parts_of(composed_id: str) -> list[str]:
    return [unescape(part) for part in composed_id.split("/")]


def derived_id(engagement_id: str, *parts: object) -> str:
    """An id that routes itself to its engagement: `<engagement>.<96 bits of hash>`."""
    text = "\x1f".join(map(str, parts))
    return f"{escape(engagement_id)}.{blake2b(text.encode(), digest_size=12).hexdigest()}"


def statement_id(engagement_id: str, contract_id: str, bill_to: str, period: str, sequence: int) -> str:
    return f"{escape(engagement_id)}.{escape(contract_id)}/{escape(bill_to)}/{period}/{sequence}"


def engagement_of(composed_id: str) -> str:
    """The engagement that an id made by Milepost begins with."""
    return unescape(composed_id.split(".", 1)[0])


def unescape(part: str) -> str:
    return part.replace("%2F", "/").replace("%2E", ".").replace("%25", "%")


def content_digest(content: object) -> str:
    """Digest of an event's content, for facts whose events are not kept."""
    return blake2b(repr(content).encode(), digest_size=12).hexdigest()
