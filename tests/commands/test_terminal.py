"""On a terminal no number, date or id is divided, however narrow it is: shown with real pseudo-terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from milepost.commands.forecast import bar, bar_length
from milepost.console import amount_text, fitted, tell
from milepost.drawn_tables import IDS, drawn
from milepost.forecasts.shown import MonthShown
from milepost.printer import Printer
from milepost.tables import Table
from tests.commands.simulated_firm import simulated_run
from tests.commands.test_import_exports import COMPANY, milepost
from tests.connectors.imports import made_exports
from tests.connectors.imports.made_exports import made_work
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, written

MARK = "<<<>>>"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Runs each command of its arguments, which are divided by MARK, and ends what each printed with MARK.
SCRIPT = f"""
import sys
from milepost.cli import app
command = []
for word in sys.argv[1:]:
    if word != {MARK!r}:
        command.append(word)
        continue
    try:
        app(command)
    except SystemExit:
        pass
    sys.stdout.write({MARK!r} + "\\n")
    sys.stdout.flush()
    command = []
"""


def on_a_terminal(width: int, *commands: list[str]) -> list[str]:
    """What each command prints on a terminal that wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    words = [word for command in commands for word in (*command, MARK)]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    printed = b"".join(read_all(ours))
    assert process.wait() == 0
    plain = COLOURS.sub("", printed.decode()).replace("\r\n", "\n")
    return plain.split(f"{MARK}\n")[:-1]


def read_all(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # how a terminal says that nobody writes any more
            return
        if not chunk:
            return
        yield chunk


def whole_words(text: str) -> set[str]:
    """Figures, dates and parts of ids."""
    return {word.strip("(),;:.") for word in text.split() if any(sign.isdigit() for sign in word)}


@cache
def said_to_no_terminal(*command: str) -> str:
    """The same for every width."""
    return str(milepost(*command).stdout)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_what_reading_commands_print_stays_whole(width: int) -> None:
    output = str(simulated_run())
    project = "PRJ-00001"
    (statement, *_) = re.findall(
        r'"statement_id":"([^"]+)"', milepost("statement", "--output", output, "--json").stdout
    )
    commands = [
        ["statement", "--output", output],
        ["statement", statement, "--output", output],
        ["show", project, "--output", output],
        ["ledger", "--output", output],
        ["forecast", project, "--output", output],
        ["exceptions", "list", "--output", output],
        ["verify", "--output", output],
    ]
    for command, shown in zip(commands, on_a_terminal(width, *commands), strict=True):
        lost = whole_words(said_to_no_terminal(*command)) - whole_words(shown)
        assert not lost, (command, sorted(lost)[:10], shown[:2000])
        long = [line for line in shown.splitlines() if len(line) > width and " " in line.strip()]
        assert not long, (command, long[:3])


@pytest.mark.parametrize("width", [80, 100, 200])
def test_what_an_import_and_its_run_print_stays_whole(tmp_path: Path, width: int) -> None:
    """With refused rows, several currencies' worth of notes, and the commands that come next."""
    rows = [{"Hours": "many", "Notes": "a"}, {"Date": "2062-03-02"}, {"Invoiced?": "Yes", "Notes": "b"}]
    (tmp_path / "refused.csv").write_text(written(HARVEST_ROW, *rows))
    (tmp_path / "hours.csv").write_text(made_exports.harvest(made_work(7, 120, approved=0.9)))
    books = [str(tmp_path / name) for name in ("input", "output")]
    commands = [
        ["import", "harvest", str(tmp_path / "refused.csv"), "--out", books[0], "--bootstrap", *COMPANY, "--dry-run"],
        ["import", "harvest", str(tmp_path / "hours.csv"), "--out", books[0], "--bootstrap", *COMPANY],
        ["run", "--input", books[0], "--output", books[1], "--until", "2026-03-31"],
        ["statement", "--output", books[1]],
    ]
    refused, imported, ran, listed = on_a_terminal(width, *commands)
    for shown in (refused, imported, ran, listed):
        long = [line for line in shown.splitlines() if len(line) > width and len(line.split()) > 1]
        assert [line for line in long if not re.search(r"'.*'|/", line)] == []
    told = " ".join(refused.split())
    assert 'refused 1 row, 7.50 hours, 750.00 EUR: line 4: column "Date": the work is of a day after today' in told
    assert "1 row, 7.50 hours, 750.00 EUR invoiced in Harvest" in told
    assert whole_words(milepost("statement", "--output", books[1]).stdout) <= whole_words(listed)
    following = re.search(
        r"Next: (milepost run .*?)\n +milepost show (.*?) --output", imported.replace("\\\n", ""), re.DOTALL
    )
    assert following is not None
    assert " ".join(following[1].split()).endswith("--until 2026-03-31")


CHART, BARS = frozenset({1, 2, 3}), frozenset({4})
LONG = "Kessler & Sohn.Kessler & Sohn-time/Kessler & Sohn/2026-01-01/1"
WIDE = Table(
    "Statements",
    ("statement", "what", "from", "amount due"),
    [(LONG, "the first of the year, and what came late", "2026-01-01", "1,234,567.89")],
    frozenset({3}),
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_row_that_has_no_room_is_a_list_of_its_cells(width: int) -> None:
    made = drawn(WIDE, width)
    assert isinstance(made, str) is (width < 200)
    if isinstance(made, str):
        assert all(whole in made for whole in (LONG, "2026-01-01", "1,234,567.89"))
        assert all(len(line) <= width or LONG in line for line in made.splitlines())


def test_sentences_are_as_wide_as_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    tell("statement K/C/2026-01-01/1 waits for an exchange rate of 2026-01-31")
    assert capsys.readouterr().out == "statement K/C/2026-01-01/1 waits for an\n  exchange rate of 2026-01-31\n"
    assert Printer().width == 40


def test_a_line_is_broken_between_words_and_never_in_quotes() -> None:
    assert fitted('note the project "Acme: Website" has 1,234.50 EUR', 24).splitlines() == [
        "note the project",
        '  "Acme: Website" has',
        "  1,234.50 EUR",
    ]


def test_a_command_that_is_too_long_goes_on_in_the_next_line_as_a_shell_takes_it() -> None:
    line = "Next: milepost run --input 'my books/input' --output out --until 2026-03-31"
    assert fitted(line, 50).splitlines() == [
        "Next: milepost run --input 'my books/input' \\",
        "  --output out --until 2026-03-31",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "milepost statement can't be read here, as 'two words' and one ' are of no command that is known",
        "  imported     1,200     830.00   3,000.00 EUR, 1,250.00 CHF, 99,000 JPY, 12.500 KWD, 4,800.00 USD",
    ],
)
def test_nothing_of_a_line_is_lost_and_its_columns_stay_where_they_are(line: str) -> None:
    pieces = fitted(line, 60).splitlines()
    assert "".join("".join(pieces).replace("\\", "").split()) == "".join(line.split())
    assert line.startswith(pieces[0].removesuffix(" \\"))


def test_two_texts_beside_each_other_give_way_only_between_words() -> None:
    """An id in the one keeps its room, and the other, with shorter words, gives way."""
    why, event = "volume, rate, exchange rate", "exchange rate set spot/EUR/USD/2026-03-30,"
    console = Printer(width=60, file=StringIO())
    console.print(
        drawn(Table("Moves", ("as of", "causes", "events"), [("2026-03-30", why, " ".join([event] * 3))]), 60)
    )
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert shown.count("spot/EUR/USD/2026-03-30,") == 3
    assert max(map(len, shown.splitlines())) <= 60


@pytest.mark.parametrize("most", [100_0000, 45_678_0000, 12_345_678_0000])
def test_bars_of_a_chart_stay_in_one_line(most: int) -> None:
    """With a bar before the mark of the plan, on a terminal of 80 columns."""
    months = [
        MonthShown("2026-01", plan=most, burned=most // 4, to_come=0),
        MonthShown("2026-02", plan=0, burned=0, to_come=most),
    ]
    figures = [tuple(map(amount_text, (row.plan, row.burned, row.to_come))) for row in months]
    length = bar_length(figures)
    bars = [bar(row, most, length) for row in months]
    rows = [(row.month, *told, made) for row, told, made in zip(months, figures, bars, strict=True)]
    made = drawn(
        Table("Burn", ("month", "plan", "burned", "to come", "burned  to come  | plan"), rows, CHART, unbroken=BARS), 80
    )
    written_to = StringIO()
    Console(width=80, file=written_to).print(made)
    shown = written_to.getvalue()
    assert all(one in shown for one in bars)
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_ids_are_columns_that_tables_have() -> None:
    """A column that is called otherwise later would be broken again."""
    source = "".join(path.read_text() for path in Path("milepost").rglob("*.py"))
    assert [name for name in sorted(IDS) if f'"{name}"' not in source] == []


def test_a_trial_balance_leaves_out_what_others_say_before_it_becomes_a_list() -> None:
    """Eight columns of a company with millions, on 80: debits less credits are the movement, and the currency stands in the title."""
    columns = ("account", "name", "currency", "opening", "debits", "credits", "movement", "closing")
    row = ("1120", "Bank", "EUR", "-286,926.18", "24,807.44", "571,548.58", "-546,741.14", "-1,133,667.32")
    table = Table("Trial balance", columns, [row], frozenset(range(3, 8)), spare=("movement", "currency"))
    console = Printer(width=80, file=StringIO())
    console.print(drawn(table, 80))
    assert isinstance(console.file, StringIO)
    first, _, last = (line for line in console.file.getvalue().splitlines() if line.strip())
    assert first.split() == ["account", "name", "opening", "debits", "credits", "closing"]
    assert last.split()[-4:] == ["-286,926.18", "24,807.44", "571,548.58", "-1,133,667.32"]
