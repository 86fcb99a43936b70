"""docs/extending.md adds a kind of terms, a revenue method, an event and an ERP; done to a copy of the sources, each does what it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.releases import ROOT, Release, copied

PAGE = ROOT / "docs" / "extending.md"
EVENT = "ProgressWithdrawn"
PRODUCT = ("domain", "state", "operators", "connectors", "dataflows", "milepost", "schemas")
GENERATED = re.compile(r"^domain/(events/|outputs\.py)|^schemas/avro/history/|__pycache__|\.pyc$")
FENCE = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def followed(root: Path, title: str) -> Release:
    """As somebody would who follows a part of the page."""
    made = copied(root)
    (part,) = re.findall(
        rf"^## {title}\n(.*?)(?=^## Another |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for language, file, text in FENCE.findall(part):
        if language == "diff":
            before = "\n".join(line[2:] for line in text.splitlines() if line.startswith("-"))
            after = "\n".join(line[2:] for line in text.splitlines() if line.startswith("+"))
            made.edit(file, before, after)
        elif language == "jsonl":
            with (made.root / file).open("a", encoding="utf-8") as lines:
                lines.write(text)
        else:
            path = made.root / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("~~~", "```"), encoding="utf-8")
    return made


def touched(made: Release) -> set[str]:
    """Files of the product that are new or read otherwise; what is made from the schemas is not written by anybody."""
    files = (
        path.relative_to(made.root).as_posix() for package in PRODUCT for path in (made.root / package).rglob("*.*")
    )
    return {file for file in files if not GENERATED.search(file) and _differs(made.root / file, ROOT / file)}


def _differs(made: Path, ours: Path) -> bool:
    return not ours.is_file() or made.read_bytes() != ours.read_bytes()


def with_standby(root: Path) -> Release:
    made = followed(root, "Another kind of terms")
    made.edit("domain/terms/methods.py", "    retainer,\n", "    retainer,\n    standby,\n")
    made.edit("domain/terms/methods.py", "    Retainer,\n", "    Retainer,\n    Standby,\n")
    made.done("schemas.generate")
    return made


def test_a_kind_of_terms_is_added_as_the_page_says(tmp_path: Path) -> None:
    made = with_standby(tmp_path / "copy")
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scenarios", "-k", "standby")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "2 passed" in played.stdout
    assert touched(made) == {
        "domain/terms/methods.py",
        "domain/terms/standby.py",
        "schemas/avro/common/ContractLine.avsc",
        "schemas/avro/common/Standby.avsc",
    }


def test_without_its_line_in_the_table_the_kind_fails_a_test(tmp_path: Path) -> None:
    made = with_standby(tmp_path / "copy")
    made.edit("domain/terms/methods.py", "    Standby: standby.KIND,\n", "")
    page = "tests/architecture/test_limits_page.py::test_every_kind_of_terms_is_handled"
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", page)
    assert "Standby" in played.stdout
    assert "1 failed" in played.stdout


def test_a_revenue_method_is_added_as_the_page_says(tmp_path: Path) -> None:
    made = followed(tmp_path / "copy", "Another revenue method")
    made.edit(
        "domain/revenue/methods.py", "import completed, cost_to_cost, ", "import completed, cost_to_cost, fifty_fifty, "
    )
    made.done("schemas.generate")
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scenarios", "-k", "fifty_fifty:")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "2 passed" in played.stdout
    assert touched(made) == {
        "domain/revenue/fifty_fifty.py",
        "domain/revenue/methods.py",
        "schemas/avro/common/RevenueMethod.avsc",
    }


def test_an_event_is_added_as_the_page_says(tmp_path: Path) -> None:
    made = followed(tmp_path / "copy", "Another event")
    made.edit(
        "state/fold.py",
        "    ProgressReported,\n    ProjectActivated,\n",
        f"    ProgressReported,\n    {EVENT},\n    ProjectActivated,\n",
    )
    made.edit("state/fold.py", "    postings,\n", "    postings,\n    progress_withdrawn,\n")
    made.edit(
        "state/intake/directory.py",
        "event: delivery.ProgressReported) -> Route",
        f"event: delivery.ProgressReported | delivery.{EVENT}) -> Route",
    )
    made.done("schemas.generate")
    played = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/state/test_progress_withdrawn.py")
    assert played.returncode == 0, played.stdout + played.stderr
    assert touched(made) == {
        "schemas/avro/events/ProgressWithdrawn.avsc",
        "schemas/examples.jsonl",
        "state/fold.py",
        "state/handlers/progress_withdrawn.py",
        "state/intake/directory.py",
    }


def test_an_erp_is_added_as_the_page_says(tmp_path: Path) -> None:
    """One file and one line are in the sources; its answers and its plug are in the tests."""
    made = followed(tmp_path / "copy", "Another ERP")
    shutil.copy(ROOT / "docs/examples/kontor.py", made.root / "connectors/erp/kontor.py")
    imported = "from connectors.erp.adapter import Erp\n"
    made.edit("connectors/erp/adapters.py", imported, f"from connectors.erp import kontor\n{imported}")
    shutil.copytree(ROOT / "tests/data/kontor", made.root / "tests/erp/golden/kontor", dirs_exist_ok=True)
    made.done("tests.erp.renew", "kontor", "rejected_period")
    held = made.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/erp", "-k", "kontor")
    assert held.returncode == 0, held.stdout + held.stderr
    assert touched(made) == {"connectors/erp/adapters.py", "connectors/erp/kontor.py"}
    renewed = (made.root / "tests/erp/golden/kontor/rejected_period.json").read_text(encoding="utf-8")
    assert '"kind": "RejectedPeriod"' in renewed

    made.edit("tests/erp/plugs.py", "PLUGS: Final = (KONTOR,", "PLUGS: Final = (")
    forgotten = made.python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/erp/test_canaries.py", "-k", "contract"
    )
    assert "kontor" in forgotten.stdout
    assert "1 failed" in forgotten.stdout
