"""Input files are what they were, or the run stops with their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.files import input_files
from connectors.files.input_files import check_last_line, list_inputs, scan, whole_lines
from state.guards import INPUT_CHANGED, INPUT_UNREADABLE, GuardStop


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "SEGMENT_BYTES", 16)
    monkeypatch.setattr(input_files, "TAIL_BYTES", 8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "time.jsonl"
    found.write_bytes(bytes(range(100)))
    return found


@pytest.mark.parametrize("length", [1, 15, 16, 17, 32, 50, 64, 100])
@pytest.mark.parametrize("thorough", [True, False])
def test_growth_does_not_change_what_was_read(path: Path, length: int, thorough: bool) -> None:
    """Hashed on from the last segment or from the beginning, the fingerprint is that of the whole."""
    known = scan(path, length, None, thorough=True)
    assert scan(path, 100, known, thorough=thorough) == scan(path, 100, None, thorough=True)
    assert scan(path, length, known, thorough=thorough) == known


@pytest.mark.parametrize("changed_at", [0, 15, 16, 33, 49])
def test_a_changed_byte_is_found(path: Path, changed_at: int) -> None:
    known = scan(path, 50, None, thorough=True)
    data = bytearray(path.read_bytes())
    data[changed_at] ^= 1
    path.write_bytes(data)
    with pytest.raises(GuardStop, match=r"time\.jsonl: this input was read before and has changed") as stop:
        scan(path, 100, known, thorough=True)
    assert stop.value.code == INPUT_CHANGED


def test_a_quick_look_compares_the_last_bytes(path: Path) -> None:
    known = scan(path, 50, None, thorough=True)
    data = bytearray(path.read_bytes())
    data[49] ^= 1
    path.write_bytes(data)
    with pytest.raises(GuardStop):
        scan(path, 100, known, thorough=False)


def test_a_file_that_became_shorter_has_changed(path: Path) -> None:
    known = scan(path, 100, None, thorough=True)
    path.write_bytes(bytes(range(99)))
    with pytest.raises(GuardStop, match="ends at byte 99"):
        scan(path, 100, known, thorough=True)


@pytest.mark.parametrize(
    ("text", "had", "expected"),
    [("a\nbb\nccc", 0, 5), ("a\nbb\n", 0, 5), ("abc", 0, 0), ("a\nbb", 2, 2), ("x" * 30 + "\n" + "y" * 30, 0, 31)],
)
def test_an_unfinished_line_does_not_count(tmp_path: Path, text: str, had: int, expected: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    assert whole_lines(path, len(text), had) == expected


@pytest.mark.parametrize(("text", "had"), [("a\nb", 2), ("ab\nc", 2), ("ab\r\nc", 2), ("ab", 2), ("ab", 0)])
def test_new_lines_may_follow(tmp_path: Path, text: str, had: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(text.encode())
    check_last_line(path, had, len(text))


def test_a_line_that_was_read_must_not_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("abc\n")
    with pytest.raises(GuardStop, match="has gone on since"):
        check_last_line(path, 2, 4)


def test_inputs_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    """At any depth; beside them files that no run reads. Hidden and unfinished files, rejected rows and outputs are neither."""
    names = ["b.jsonl", "a/z.avro", "B.avro", "a.jsonl", "notes.txt", "a/time.json", "b.JSONL", "out/log/0.avro"]
    names += [".c.jsonl", "x.rejected.jsonl", "b.jsonl~", "c.jsonl.tmp"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a.jsonl").is_file()
    inputs, not_read = list_inputs(tmp_path, tmp_path / "out")
    assert inputs == ["B.avro", "a.jsonl", "a/z.avro", "b.jsonl"]
    assert not_read == ["a/time.json", "b.JSONL", "notes.txt"]


def test_an_input_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(GuardStop, match="expected a folder") as stop:
        list_inputs(tmp_path / "in", tmp_path / "out")
    assert stop.value.code == INPUT_UNREADABLE


def test_links_to_files_are_read_and_links_that_would_be_passed_over_stop_the_run(tmp_path: Path) -> None:
    """Events behind a link that is not followed would be missing without a word."""
    events, elsewhere, outputs = (tmp_path / name for name in ("in", "elsewhere", "out"))
    for folder in (events, elsewhere, outputs):
        folder.mkdir()
    (elsewhere / "a.jsonl").touch()
    (events / "a.jsonl").symlink_to(elsewhere / "a.jsonl")
    (events / "outputs").symlink_to(outputs)
    assert list_inputs(events, outputs).inputs == ["a.jsonl"]
    for name, said in (
        (elsewhere, "links to folders are not followed"),
        (tmp_path / "gone", "links to a file that is"),
        (events / "b.jsonl", "cannot be read: Too many levels"),
    ):
        (events / "b.jsonl").symlink_to(name)
        with pytest.raises(GuardStop, match=rf"b\.jsonl: .*{said}") as stop:
            list_inputs(events, outputs)
        assert stop.value.code == INPUT_UNREADABLE
        (events / "b.jsonl").unlink()


def test_a_name_nobody_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a\nb.jsonl").touch()
    with pytest.raises(GuardStop, match="rename it"):
        list_inputs(tmp_path, tmp_path / "out")
