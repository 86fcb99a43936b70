"""What is due, company by company."""

from domain.delivery.rows import Due, DueEntry


def test_the_first_of_all_companies_comes_first_and_each_has_its_own() -> None:
    due = Due()
    due.put("DE", DueEntry(30, "MP3", 3))
    due.put("US", DueEntry(20, "MP2", 2))
    due.put("DE", DueEntry(10, "MP1", 1))
    assert due.first_at == 10
    assert due.pop_of("US", 15) is None, "it is due at 20"
    assert due.pop(25) == DueEntry(10, "MP1", 1)
    assert due.pop(25) == DueEntry(20, "MP2", 2)
    assert (due.pop(25), due.first_at) == (None, 30)
    assert due.pop_of("DE", 30) == DueEntry(30, "MP3", 3)
    assert due.pop(30) is None, "that was all"
