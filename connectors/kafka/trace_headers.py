"""What says of a message which request it belongs to: W3C trace context, and the producer's correlation id.

These headers travel beside the bytes from a producer's message to the log, the outputs and the ERP's call; nothing that is
hashed, chained or folded knows of them. What is not as the standard has it is left out, as it goes on to others.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.kafka.clients import Headers
from connectors.kafka.published import Headers as Written

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
# An extension of CloudEvents, whose attributes have no hyphens.
CORRELATION: Final = "ce_correlationid"
_FORMS: Final = {
    TRACEPARENT: re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"),
    TRACESTATE: re.compile(rb"[\x20-\x7e]{1,512}"),
    CORRELATION: re.compile(rb"[\x21-\x7e]{1,128}"),
}


def trace_headers(headers: Headers | None) -> Written:
    """Those of a message, in one order; a state without its parent says nothing."""
    given = dict(headers or ())
    if given.keys().isdisjoint(_FORMS):
        return []
    found = {name: given[name] for name, form in _FORMS.items() if form.fullmatch(given.get(name) or b"")}
    if TRACEPARENT not in found:
        found.pop(TRACESTATE, None)
    return list(found.items())


def correlated(headers: Written, correlation_id: str | None) -> Written:
    """With the event's own correlation id, where it has one."""
    if correlation_id is None:
        return headers
    return [*(each for each in headers if each[0] != CORRELATION), (CORRELATION, correlation_id.encode())]
