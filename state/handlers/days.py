"""A day has ended in a zone: billing periods close and exceptions are brought up to date; forecasts and views go out at the event's end."""

from domain.events.reference import DayEnded
from domain.identity import parts_of
from state import tallies
from state.caps.notices import restate_over
from state.caps.repricing import book_repriced
from state.draft import Draft
from state.handlers import payments, source_totals
from state.handlers.invoices import retry_unexchanged_invoices
from state.rerating.versions import retry_unexchanged
from state.revenue import fees, over_time
from state.statements.cut import close_periods, publish
from state.statements.late import issue_late
from state.terms.periods import zone_of


def on_day_ended(draft: Draft, event: DayEnded, rates_settle: bool) -> None:
    """Rates that came during the day finish what waits for them before periods close, so that its statement has the work; and what is
    late is billed with its own period before it would be with the next."""
    if rates_settle:
        retry_unexchanged(draft)
        retry_unexchanged_invoices(draft)
        payments.retry_waiting(draft)
        book_repriced(draft)
    for contract in draft.contracts():
        if contract.history and zone_of(draft, contract) == event.zone:
            fees.settle(draft, contract, event.date, ended=True)
        close_periods(draft, issue_late(draft, contract, event.zone), event.zone, event.date)
        entity = draft.reference.entity(contract.terms.legal_entity_id) if contract.history else None
        if entity is not None and entity.zone == event.zone:
            over_time.settle(draft, draft.contract(contract.contract_id) or contract, event.date)
    publish(draft)
    for part_id in draft.ids("cap"):
        capped = draft.contract(parts_of(part_id)[0])
        if capped is not None and capped.history and zone_of(draft, capped) == event.zone:
            restate_over(draft, part_id)
    source_totals.compare(draft, event.zone)
    tallies.publish_all(draft)
