"""A topic whose schemas became others goes on in a file beside."""

from __future__ import annotations

from pathlib import Path

from connectors.files.outputs import parts_of, topic_file, topic_of


def test_parts_come_in_the_order_of_the_rules_that_write_them() -> None:
    kept = {"erp.postings@10": 1, "alerts": 1, "erp.postings": 1, "erp.postings@2": 1}
    assert parts_of("erp.postings", kept) == ["erp.postings", "erp.postings@2", "erp.postings@10"]
    assert parts_of("exceptions", kept) == []


def test_a_part_has_a_file_of_its_own() -> None:
    files = [topic_file(Path("out"), part, 3) for part in ("erp.postings", "erp.postings@2")]
    assert [file.as_posix() for file in files] == [
        "out/outputs/erp.postings/3.avro",
        "out/outputs/erp.postings/3.2.avro",
    ]
    assert topic_of("erp.postings@2") == "erp.postings"
