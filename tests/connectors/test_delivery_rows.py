"""What waits for its day is kept as bytes and read back as it was."""

from datetime import date

from connectors.delivery_rows import of_bytes, to_bytes
from domain.delivery.groups import OpenGroups, SeenJournal, WaitingJournal
from domain.outputs import BillingStatement
from domain.units import EXCHANGE_RATE_ONE
from tests.domain.delivery.journals import chart, journal, line, mark, position

DAY = date(2026, 6, 3)


def test_rows_are_read_back_as_they_were() -> None:
    """The exchange rate, 30 million, has more than 64 bits."""
    rare = journal("J-1", [line("1150", 1, practice="bridges")], exchange_rate=30_000_000 * EXCHANGE_RATE_ONE)
    statement = BillingStatement(
        "S-1", 1, "K-1", "C-1", "EUR", "DE", DAY, DAY, "issued", (), 0, 0, 0, 0, 0, "", 0, 0, part=1, parts=2
    )
    groups = OpenGroups(2, {"DE": chart()})
    groups.add(position(0, 0), rare)
    groups.add(position(0, 1), mark(DAY, 1, ended="2026-05"))
    groups.add(position(1, 1), mark(DAY, 1, currencies=2))
    groups.add(position(0, 2), journal("J-2"))
    groups.add_part(position(0, 3), statement)
    rows = dict(groups.changes().kept)
    kept = {name: to_bytes(row) for name, row in rows.items()}
    assert {name: of_bytes(name, row) for name, row in kept.items()} == rows
    assert sorted(rows) == ["journal/0/0", "journal/0/2", "part/0/3", "seen/0/2", "side/0/DE", "side/1/DE"]


def test_a_row_that_is_kept_today_can_be_read_tomorrow() -> None:
    """As version 1 wrote it; fields that are added later have defaults."""
    kept = (
        b'[["J-1","posting","DE","EUR","EUR",1000000000000,"2026-06-03","2026-06","accrual","time_entry","T-J-1",1,"time_entry",'
        b'"T-J-1",1,true,[["1150","revenue",1000000,1000000,"P-1",null,{}],["4000","revenue",-1000000,-1000000,"P-1",null,{}]],null,'
        b'null,null,"K-1","C-1"],"c",7]'
    )
    assert of_bytes("journal/0/0", kept) == WaitingJournal(journal("J-1"), "c", 7)
    assert of_bytes("seen/0/2", b'["DE"]') == SeenJournal("DE")
    side = (
        b'{"count":2,"since":[5],"totals":{"2026-06-04":{"EUR":[6,3,1,""]}},'
        b'"marks":[["2026-06-03",4,"2026-05"]],"bound":1,"upto":"2026-06-03"}'
    )
    assert to_bytes(of_bytes("side/0/DE", side)) == side
