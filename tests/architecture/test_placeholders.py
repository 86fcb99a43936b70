"""Values of SQL are given in the order of their `?`."""

import re

from tests.architecture.ratchets import ROOMS, ROOT


def test_no_placeholder_is_numbered() -> None:
    """Python 3.12 warns where a list is given for `?1`, and 3.14 refuses it; the tests may run on 3.11, which does neither."""
    found = [
        str(path.relative_to(ROOT))
        for room in (*ROOMS, "tests")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"[ (]\?[1-9]\b", path.read_text(encoding="utf-8")) and path.name != "test_placeholders.py"
    ]
    assert found == []
