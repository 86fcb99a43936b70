"""Statements of a month written into folders: none over another, and nothing that was asked for is left out in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.test_statement_pdf import text_of
from tests.commands.two_companies import NUMBER, two_companies


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_companies(tmp_path_factory.mktemp("two"))


def sent(output: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["statement", "--output", str(output), "--period", "2026-03", *options])


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    return re.sub(r"[\s│]+", " ", result.stderr)


def test_two_companies_with_one_number_have_a_file_each(output: Path, tmp_path: Path) -> None:
    """Both issue INV-2026-0001: BERLIN for 800.00, WIEN for 400.00."""
    result = sent(output, "--pdf", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {f"BERLIN_{NUMBER}.pdf", f"WIEN_{NUMBER}.pdf"}
    assert "800.00" in text_of((tmp_path / f"BERLIN_{NUMBER}.pdf").read_bytes())
    assert "400.00" in text_of((tmp_path / f"WIEN_{NUMBER}.pdf").read_bytes())


@pytest.mark.parametrize(
    "option", [("--csv",), ("--json",), ("--html", "one.html"), ("--revision", "1"), ("--diff", "previous")]
)
def test_what_shows_one_statement_is_refused_beside_a_month(
    option: tuple[str, ...], output: Path, tmp_path: Path
) -> None:
    said = refused(sent(output, "--pdf", str(tmp_path / "pdf"), *option))
    assert f"Invalid value for {option[0]}: expected one statement's id with it, not --period" in said
    assert not (tmp_path / "pdf").exists()


def test_a_file_is_no_folder(output: Path, tmp_path: Path) -> None:
    said = refused(sent(output, "--pdf", str(tmp_path / "march.pdf")))
    assert "expected a folder beside --period, got the file" in said


def test_a_logo_that_is_no_picture_is_named_before_anything_is_written(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "WIEN.png").write_bytes(b"a letter, no picture")
    (tmp_path / "milepost.toml").write_text('[folder]\nlogos = "logos"\n')
    monkeypatch.chdir(tmp_path)
    said = refused(sent(output, "--pdf", str(tmp_path / "pdf")))
    assert "WIEN.png: expected a PNG picture, got 20 bytes that cannot be read as one; save it again" in said
    assert not (tmp_path / "pdf").exists()
