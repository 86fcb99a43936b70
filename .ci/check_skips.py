"""Fails when a test that should have run did not: usage check_skips.py RESULTS.xml [REASON ...].

RESULTS.xml is what pytest's --junitxml writes. A skip is allowed when its reason contains one of the given texts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(results: Path, allowed: list[str]) -> str | None:
    """What is wrong, or None."""
    cases = list(ET.parse(results).iter("testcase"))
    skips = [(case, skip) for case in cases for skip in case.iter("skipped")]
    forbidden = [
        f"  {case.get('classname')}::{case.get('name')}: {skip.get('message')}"
        for case, skip in skips
        if not any(reason in (skip.get("message") or "") for reason in allowed)
    ]
    print(f"{len(cases)} tests, {len(skips)} skipped, {len(skips) - len(forbidden)} of these allowed")
    if not cases:
        return f"{results}: no test ran"
    if forbidden:
        return "these tests should have run and were skipped:\n" + "\n".join(forbidden)
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
