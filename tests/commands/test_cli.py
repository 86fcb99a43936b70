"""What `milepost` says about itself: complete, plain, and the same as the documents say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from milepost import exit_codes
from milepost.cli import app
from milepost.folders import SHORT
from state import guards
from tests.finished_run import finished_run

ROOT = Path(__file__).resolve().parents[2]


def verbs(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by the words that are typed for it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = dict(verbs(typer.main.get_command(app)))


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_teaches(verb: tuple[str, ...]) -> None:
    """A purpose of one sentence, an example, and what comes next."""
    text = said(*verb, "--help")
    assert re.search(rf"Example:\n +milepost {' '.join(verb)}", text), text
    assert re.search(r"Next:\n +\S", text), text


@pytest.mark.parametrize("verb", [(), *VERBS], ids=" ".join)
def test_help_fits_a_terminal(verb: tuple[str, ...]) -> None:
    assert [line for line in said(*verb, "--help").splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_paragraphs_of_a_help_are_not_indented_by_their_source(verb: tuple[str, ...]) -> None:
    """Only examples and options stand further in; words stand one space apart."""
    purpose = said(*verb, "--help").partition("  Example:")[0].partition("\n\n")[2]
    assert [line for line in purpose.splitlines() if "  " in line.strip() or line.startswith("   ")] == []


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_purposes_fit_in_the_list_of_commands(verb: tuple[str, ...]) -> None:
    assert "..." not in said(*verb[:-1], "--help").partition("Show this message")[2]


def test_every_verb_stands_in_a_group_of_the_help() -> None:
    text = said("--help")
    assert all(f"\n  {words[0]} " in text for words in VERBS)
    assert text.index("The firm:") < text.index("  ledger ") < text.index("The ERP:") < text.index("  deliver ")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_short_options_mean_the_same_everywhere(verb: tuple[str, ...]) -> None:
    for parameter in VERBS[verb].params:
        shorts = [name for name in parameter.opts if re.fullmatch("-[a-z]", name) and name != "-h"]
        assert shorts == [SHORT[name] for name in parameter.opts if name in SHORT]


def test_help_of_a_command_in_words() -> None:
    assert said("help", "exceptions", "list") == said("exceptions", "list", "--help")
    assert said("help") == said("--help")
    wrong = CliRunner().invoke(app, ["help", "ledgr"])
    assert (wrong.exit_code, "got ledgr; the nearest are ledger" in wrong.output) == (2, True)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_examples_name_options_that_exist(verb: tuple[str, ...]) -> None:
    command = VERBS[verb]
    known = {option for parameter in command.params for option in parameter.opts}
    example = (command.help or "").partition("Example:")[2].partition("Next:")[0]
    assert set(re.findall(r"--[a-z-]+", example)) <= known | {"--help"}


def test_the_table_of_exit_codes_has_a_page_of_the_help_and_of_the_documents() -> None:
    assert "milepost help exit-codes" in said("--help")
    text = " ".join(said("help", "exit-codes").split())
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"{code} {meaning}" in text
        assert f"| {code} |" in operations


def test_every_guard_has_a_code_of_its_own_in_the_table() -> None:
    codes = {name: value for name, value in vars(guards).items() if isinstance(value, int)}
    assert len(set(codes.values())) == len(codes)
    assert all(10 <= code <= 39 and code in exit_codes.MEANINGS for code in codes.values())


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_the_page_of_commands_names_every_verb(verb: tuple[str, ...]) -> None:
    assert f"`milepost {' '.join(verb)}`" in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_no_arguments_show_the_help() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "To begin:" in result.output


def test_wrong_words_end_with_two() -> None:
    for arguments in (["rum"], ["run"], ["run", "--inptu", "x"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("close", "check", "BERLIN", "2026-03"), "'period close' or 'period check'?"),
        (("approve", "BRIDGE.K-1/ACME/2026-03-01/1"), "'statement approve'?"),
        (("perod",), "'period'?"),
    ],
)
def test_a_command_of_a_group_is_found_by_its_own_name(words: tuple[str, ...], meant: str) -> None:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert f"No such command '{words[0]}'. Did you mean {meant}" in " ".join(result.stderr.split())


def test_it_runs_as_a_module_and_plain_where_no_terminal_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "milepost", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("Usage: milepost ")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_what_few_verbs_need_is_not_loaded_for_all() -> None:
    """Every process of Milepost waits for what its command imports."""
    few = "bytewax confluent_kafka fpdf joserfc pydantic redis simulation.story state.fold xlsxwriter"
    assert not loaded("import milepost.cli") & {*few.split()}


def test_a_process_loads_the_verb_that_is_called_and_no_other() -> None:
    found = loaded("from milepost.command_line import command_line; command_line(['--debug', 'serve', 'intake'])")
    assert {name for name in found if name.startswith("milepost.commands.")} == {
        "milepost.commands.given_settings",
        "milepost.commands.serve",
    }
    assert not found & {"rich", "pydantic"}


def test_plain_words_need_no_pydantic() -> None:
    """It would be a third of a command's start."""
    words = ["dump", "erp.postings", "--output", str(finished_run())]
    found = loaded(
        f"from milepost.command_line import command_line; command_line({words})({words}, standalone_mode=False)"
    )
    assert "milepost.commands.dump" in found
    assert "pydantic" not in found


def loaded(script: str) -> set[str]:
    """The modules that a process then has."""
    script = f"import sys; {script}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def typed(page: Path) -> Iterator[str]:
    """The commands in a document's examples."""
    for line in page.read_text(encoding="utf-8").splitlines():
        command = line.strip()
        if line.startswith(("milepost ", "    milepost ")) and "VERB" not in command:
            yield command


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_commands_in_the_documents_can_be_typed(page: Path) -> None:
    for command in typed(page):
        words = command.removeprefix("milepost ").split()
        verb = next((each for each in VERBS if tuple(words[: len(each)]) == each), None)
        if verb is None and words[0] == "statement":
            verb = ("statement", "show")
        assert verb is not None, command
        known = {option for parameter in VERBS[verb].params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.strip("[]") for word in words if word.strip("[").startswith("--")} <= known, command
