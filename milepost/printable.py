"""Text that leaves: names and notes as people may have written them, for a terminal, a page or a table.

A name can hold characters that nobody sees and that act all the same: ESC moves a terminal's cursor or names its window, U+202E turns
what follows around, so that 100 reads 001. Each is written as JSON writes it, such as `\\u202e`: visible for people, and in JSON the
same text for machines. Line breaks and tabs stay; a caller that needs one line takes them out first.
"""

from __future__ import annotations

import re
from typing import Final

# Control characters but tab and line feed, separators of lines and paragraphs, marks of direction, and format characters that show nothing.
# Joiners (U+200C, U+200D) stay: Persian, Hindi and families of emoji are written with them.
UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)


def printable(text: str) -> str:
    return UNSEEN.sub(_as_json_writes_it, text)


def _as_json_writes_it(found: re.Match[str]) -> str:
    """Above U+FFFF in two halves."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
