"""The commands of the documents run as they are printed, page by page and in their order, and print what the page says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.documents import PAGES, ROOT, Typed, name_of, saved, stands_in, typed
from tests.commands.simulated_firm import SIZES, simulated_run
from tests.connectors.imports import made_exports
from tests.connectors.imports.made_exports import made_work
from tests.finished_run import finished_run

# Why a command that stands in a document is not run here.
NOT_RUN: Final[Mapping[str, str]] = {
    "make demo": ".ci/run makes it",
    "make test": "it would run this test",
    "make chaos": "it takes minutes; tests/reliability/test_chaos.py runs its short form",
    "make endurance": "it takes minutes; tests/reliability/test_endurance.py runs its short form",
    "make fuzz": "it takes minutes; tests/fuzz/test_fuzz.py plays twelve cases",
    "make mutations": "it takes minutes; tests/mutations/test_mutations.py looks at some",
    "make kafka": "it runs until it is stopped; tests/kafka/test_servers.py runs it",
    'make kafka KAFKA_ARGS="--redis --prometheus"': "it runs until it is stopped; tests/kafka/test_servers.py runs it",
    **dict.fromkeys(
        (
            "milepost dead-letters list --output books/output",
            "milepost dead-letters show time.jsonl:17 --output books/output",
            "milepost dead-letters resend time.jsonl:17 --set worked_on=2026-03-04 --output books/output",
            "milepost dead-letters resend time.jsonl:18 --edited repaired.json --output books/output",
        ),
        "no letter of the simulated firm is dead; test_dead_letters.py runs them",
    ),
    **dict.fromkeys(
        (
            "milepost invoice mark BRIDGE.K-1/ACME/2026-03-01/1 --invoice-id INV-1 --posted-on 2026-04-02",
            "milepost payment add ACME 1190.00 EUR --on 2026-04-20 --for INV-1",
            "milepost statement approve BRIDGE.K-1/ACME/2026-04-01/1 --as ben",
            "milepost payment apply PAY-7 --for INV-2",
            'milepost statement return BRIDGE.K-1/ACME/2026-04-01/1 --reason "T-1 was six hours"',
            "milepost contract sign contract.toml",
            'milepost contract amend K-1 --effective-on 2026-05-01 --reason "new rate" --approved-by ben',
            'milepost revenue adjust K-1 L 1000.00 --on 2026-03-31 --reverse-on 2026-04-01 --reason "bonus for March" --approved-by ben',
            'milepost period close BERLIN 2026-03 --reason "March is reported" --approved-by ben',
        ),
        "they decide about a firm; test_recording.py, test_contract_sign.py, test_payment_apply.py and test_period.py run them",
    ),
    **dict.fromkeys(
        (
            "milepost period check BERLIN 2026-03 --output books/output",
            'milepost period close BERLIN 2026-03 --reason "March is reported" --approved-by ben --output books/output',
            (
                'milepost period close BERLIN 2026-03 --reason "March is reported" --approved-by ben --accept erp="sent tomorrow" '
                "--output books/output"
            ),
            "milepost period certificate BERLIN 2026-03 --out 2026-03.json --output books/output",
            "milepost verify --certificate 2026-03.json --output copy",
        ),
        "they close a month of a firm; test_period_check.py and test_certificate.py run them",
    ),
    **dict.fromkeys(
        (
            "milepost topics create --dry-run",
            "milepost topics create",
            "milepost topics check",
            "milepost schemas register --dry-run",
            "milepost schemas register",
            "milepost doctor",
            "milepost serve intake",
            "milepost serve accounting --all-shards",
            "milepost verify --kafka",
            "milepost verify --kafka --follow",
            "milepost verify --kafka --keep books/audited",
            "python docs/examples/kafka_producer.py books/input 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7",
            "python docs/examples/kafka_producer.py request-psa.projects.jsonl 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7",
            "python docs/examples/kafka_reader.py billing.statements 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7",
            "python docs/examples/kafka_reader.py exceptions 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7",
        ),
        "they need brokers; tests/kafka/test_topics_commands.py runs the page",
    ),
    **dict.fromkeys(
        (
            "milepost deliver --output books/output --accounts accounts.toml",
            "milepost reconcile --entity LE-DE --period 2026-02 --accounts accounts.toml --output books/output",
            "milepost reconcile --kafka --output books/audited --accounts accounts.toml",
            "milepost show MPK7Q2V5C4T3N6W2XYZA --accounts accounts.toml --output books/output",
        ),
        "they need an ERP and its accounts; test_accounts.py, test_reconcile.py and tests/delivery run them",
    ),
    **dict.fromkeys(
        ("milepost status", "milepost status --json", "milepost lag"),
        "they need brokers; tests/kafka/test_metrics.py runs them",
    ),
    "milepost simulate-erp --kind netsuite --folder build/erp --trouble lost=30 --trouble close=2026-06@9000": (
        "it runs until it is stopped; tests/simulation/test_simulated_erp.py runs it"
    ),
    "milepost serve accounting --all-shards --set metrics.host=0.0.0.0 --set metrics.port=9464": (
        "it runs until it is stopped; tests/kafka/test_metrics_served.py runs it"
    ),
}
# What ends with a code of its own, because the page shows a difference.
ENDS_WITH: Final[Mapping[str, int]] = {
    "milepost ledger --against docs/examples/moving-in/july-ledger.csv --map docs/mappings/trial-balance.toml --from 2026-07-01 --to"
    " 2026-07-31 --output build/moving-in/output": 3
}
EXAMPLE: Final = "docs/examples/harvest-q1.csv"
JAVA_MISSING: Final = "no javac and java here: THE JAVA EXAMPLE of docs/producers.md WAS NOT RUN"
ALL: Final = {name_of(page): list(typed(page)) for page in PAGES}
RUN: Final = [name for name, commands in ALL.items() if any(each.line not in NOT_RUN for each in commands)]


@pytest.mark.parametrize("name", RUN)
def test_commands_run_as_printed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(ROOT / name, tmp_path)
    given = saved(ROOT / name).keys()
    for each in ALL[name]:
        if each.line in NOT_RUN or each.command.startswith("java "):
            continue
        if given.isdisjoint(each.command.split()) and "docs/examples/" not in each.command:
            bring_export(each.command)
        printed = execute(each)
        if each.target is not None:
            Path(each.target).write_text(printed, encoding="utf-8")
        elif " --html " in each.command:
            page = Path(each.command.partition(" --html ")[2].split()[0])
            assert page.read_text(encoding="utf-8").startswith("<!doctype html>"), each.line
        elif " --pdf " in each.command:
            made = Path(each.command.partition(" --pdf ")[2].split()[0])
            files = list(made.iterdir()) if made.is_dir() else [made]
            assert all(file.read_bytes().startswith(b"%PDF-") for file in files), each.line
            assert files, each.line
        elif each.command.startswith("milepost "):
            assert printed.strip(), each.line
        assert each.said is None or stands_in(each.said, printed), f"{each.line}\n{printed}"


def test_what_is_not_run_stands_in_a_document() -> None:
    assert NOT_RUN.keys() | ENDS_WITH.keys() <= {each.line for commands in ALL.values() for each in commands}


@pytest.mark.parametrize("name", ["docs/statements.md", "docs/forecast.md"])
def test_the_pages_and_the_tests_speak_of_one_firm(name: str) -> None:
    assert f"milepost simulate {' '.join(SIZES)} --out build/small/input" in [each.line for each in ALL[name]]


def test_no_two_firms_have_one_folder() -> None:
    """Anyone who types one page after another would else mix them, or be refused."""
    made = {
        each.line for commands in ALL.values() for each in commands if each.command.startswith("milepost simulate ")
    }
    folders = [line.partition(" --out ")[2] for line in made]
    assert sorted(folders) == sorted(set(folders))


def test_the_pages_that_are_read_first_share_no_folder() -> None:
    """README, quick start and moving in are typed one after the other."""
    folders = [
        {
            re.sub(r"/(input|output).*", "", folder)
            for each in ALL[name]
            for folder in re.findall(r"--(?:out|input|output) (\S+)", each.line)
        }
        for name in ("README.md", "docs/quick-start.md", "docs/moving-in.md")
    ]
    assert all(folders)
    assert sum(map(len, folders)) == len(set.union(*folders)), folders


def test_the_examples_in_java_and_python_write_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip(JAVA_MISSING)
    monkeypatch.chdir(tmp_path)
    lay_out(ROOT / "docs/producers.md", tmp_path)
    commands = [
        each for each in ALL["docs/producers.md"] if each.command.startswith(("python docs/examples/producer", "java "))
    ]
    for each in commands:
        execute(each)
    written = [Path(each.command.split()[-1]) for each in commands]
    python, java = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in written)
    assert python == java


def test_the_example_backwards_bills_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/producers.md says of what has to be in order."""
    monkeypatch.chdir(tmp_path)
    lay_out(ROOT / "docs/producers.md", tmp_path)
    execute(Typed("python docs/examples/producer.py in-order", None, None))
    order = ("finance.reference", "hr.people", "psa.projects", "crm.contracts", "psa.time")
    lines = [line for topic in order for line in Path(f"in-order/{topic}.jsonl").read_text().splitlines()]
    Path("backwards").mkdir()
    Path("backwards/all.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    printed = execute(Typed("milepost run --input backwards --output output --until 2026-03-31", None, None))
    assert stands_in("...\nexceptions open 0\n...\nEUR 2,100.00 2,100.00\n...", printed), printed


def lay_out(page: Path, folder: Path) -> None:
    """What a reader has before the first command: a copy of the repository, the page's files, and the firm that it speaks of."""
    for name in ("docs", "schemas"):
        (folder / name).symlink_to(ROOT / name)
    commands = ALL[name_of(page)]
    for file, text in saved(page).items():
        (folder / file).write_text(text, encoding="utf-8")
    speaks_of = any("build/small/output" in each.command for each in commands)
    if speaks_of and not any(each.command.startswith("milepost simulate ") for each in commands):
        shutil.copytree(simulated_run().parent, folder / "build" / "small")
    made = any(each.command.startswith("milepost run ") for each in commands)
    if not made and any("books/output" in each.command for each in commands):
        shutil.copytree(finished_run(), folder / "books" / "output")


def execute(each: Typed) -> str:
    """What it prints."""
    if each.command.startswith("milepost "):
        result = CliRunner().invoke(app, shlex.split(each.command)[1:])
        assert result.exit_code == ENDS_WITH.get(each.line, 0), f"{each.line}\n{result.output}"
        return result.stdout
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        shlex.split(each.command), env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{each.line}\n{done.stderr}"
    return done.stdout


def bring_export(command: str) -> None:
    """The file that an import reads, as the product that it names would export it."""
    match command.split():
        case ["milepost", "import", "ecb", file, *_]:
            # The bank's file goes on after what a page closes.
            days = (f"2026-{month:02d}-{day:02d},1.1,0.85,\n" for month in (1, 2, 3, 4) for day in range(1, 29))
            Path(file).write_text("Date,USD,GBP,\n" + "".join(days), encoding="utf-8")
        case ["milepost", "import", "solidtime", file, *_]:
            made_exports.solidtime_zip(Path(file), made_work(7, 120))
        case ["milepost", "import", ("toggl" | "clockify" | "kimai") as product, file, *_]:
            Path(file).write_text(getattr(made_exports, product)(made_work(7, 120)), encoding="utf-8")
        case ["milepost", "import", _, file, *_]:
            Path(file).write_text(made_exports.harvest(made_work(7, 500, approved=0.96)), encoding="utf-8")


def test_the_export_to_try_is_a_made_up_studios() -> None:
    shipped = (ROOT / EXAMPLE).read_bytes().decode()
    assert shipped == made_exports.harvest(made_work(7, 500, approved=0.96))
