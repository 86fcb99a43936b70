"""Who may not decide about work: a fault of their own work nobody lets pass alone, and nobody has a word in their own approval.

Ada submits and approves eight hours (`self_approved`): neither her waiver nor her approval of somebody else's counts. Forty hours of
hers on one day (`hours_out_of_range`) she may ask to waive, and somebody else approves.
"""

from domain.events.delivery import TimeApproved
from domain.exceptions import SELF_APPROVED
from domain.work.rows import spoken
from state.books import Charge


def why_not(
    category: str, work: TimeApproved | Charge, requested_by: str, approved_by: str | None, *, is_waiver: bool
) -> str | None:
    """What is wrong with the persons of a decision about work that waits; None where nothing is."""
    if category == SELF_APPROVED:
        return _of_own_approval(work, requested_by, approved_by)
    return _of_own_work(work, requested_by, approved_by) if is_waiver else None


def of_own_decision(name: str) -> str:
    return f"it is about a decision of {name}, which somebody else settles"


def _of_own_approval(work: TimeApproved | Charge, requested_by: str, approved_by: str | None) -> str | None:
    concerned = {work.submitted_by, work.approved_by} - {None}
    for name in (requested_by, approved_by):
        if name in concerned:
            return f"{name} submitted and approved {_name(work)} and decides nothing about that"
    return _of_own_work(work, requested_by, approved_by)


def _of_own_work(work: TimeApproved | Charge, requested_by: str, approved_by: str | None) -> str | None:
    whose = f"{_name(work)} is work of {work.person_id}"
    if work.submitted_by not in (None, work.person_id):
        whose = f"{whose}, submitted by {work.submitted_by}"
    own = {work.person_id, work.submitted_by} - {None, ""}
    if approved_by in own:
        return f"{whose}; {approved_by} cannot approve the decision"
    if requested_by in own and approved_by is None:
        return f"{whose}; the decision of {requested_by} needs another person's approval"
    return None


def _name(work: TimeApproved | Charge) -> str:
    return f"entry {work.entry_id}" if isinstance(work, TimeApproved) else f"{spoken(work.kind)} {work.charge_id}"
