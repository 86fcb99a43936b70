"""The record of a piece of work as the time system sends it, with everything that is odd about some of them.

What an entry looks like is read from the luck of its work alone, so that a correction, a repeat and a withdrawal can be
made without keeping the first version.
"""

from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import HOURS_ONE, Hours, Instant, Rate
from simulation.calendar import HOUR, SATURDAY, SECOND, instant
from simulation.firm import Firm
from simulation.names import DESCRIPTIONS
from simulation.prices import price
from simulation.projects import SimulatedProject
from simulation.sources import PSA, recorded, stamped
from simulation.work import QUARTER, SimulatedWork

# Every so many entries, counted from one, so that even a small firm has each oddity: (every, remainder).
OLD_PROJECT_ID = (1000, 333)
MISTYPED_HOURS = (1500, 700)
SELF_APPROVED = (800, 400)
RATE_OF_ITS_OWN = (500, 250)
CONFLICT = (3000, 1200)

# Of 1,024 entries: not billable, written down, written up, overtime.
NOT_BILLABLE, WRITTEN_DOWN, WRITTEN_UP, OVERTIME = 26, 47, 52, 67
# By another draw: role stated, line named, clocked.
ROLE_STATED, LINE_NAMED, CLOCKED = 41, 123, 174

# Ends of the event ids of a version that is sent a second time, the same or with other content.
SENT_TWICE = ("-again", "-other")

HOURS_MISTYPED_MIN: Hours = 25 * HOURS_ONE


def is_odd(work: SimulatedWork, oddity: tuple[int, int]) -> bool:
    return work.serial % oddity[0] == oddity[1]


def entry_id(work: SimulatedWork) -> str:
    return f"T-{work.serial:07}"


def hours_of(work: SimulatedWork, version: int) -> Hours:
    """Worked hours as a version states them; the first of a mistyped one has the point in the wrong place."""
    if is_odd(work, MISTYPED_HOURS):
        return max(HOURS_MISTYPED_MIN, work.hours * 10) if version == 1 else work.hours
    if version == 1:
        return work.hours
    quarters = (work.luck >> 40) % 7 - 3 or 4
    return max(QUARTER, work.hours + (quarters - version + 2) * QUARTER)


def time_approved(firm: Firm, work: SimulatedWork, version: int, at: Instant) -> TimeApproved:
    person = firm.people[work.person]
    project = firm.projects[work.project]
    task = project.tasks[work.task]
    luck = work.luck
    hours = hours_of(work, version)
    kind = luck & 1023
    detail = luck >> 10 & 1023
    approver = project.deputy if project.manager is person else project.manager
    approved_by = person.person_id if is_odd(work, SELF_APPROVED) else approver.person_id
    wording = luck >> 58
    started_at = None
    if LINE_NAMED <= detail < CLOCKED and version == 1 and work.hours % QUARTER == 0:
        started_at = clocked_in(work, person.entity.zone, at, hours)
    own_rate = own_rate_of(work, project)
    return TimeApproved(
        **stamped(PSA, f"T-{work.serial:07}-{version}", at),
        entry_id=entry_id(work),
        version=version,
        project_id=project_id_of(work, project),
        person_id=person.person_id,
        approved_by=approved_by,
        submitted_by=None if wording % 16 == 15 and approved_by is not person.person_id else person.person_id,
        worked_on=work.worked_on if started_at is None else None,
        started_at=started_at,
        ended_at=None if started_at is None else started_at + hours * HOUR * (SECOND // HOURS_ONE),
        zone=None if started_at is None else person.entity.zone,
        hours=None if started_at is not None and wording % 2 else hours,
        role="manager" if detail < ROLE_STATED else None,
        line_id=line_named(firm, work, task) if ROLE_STATED <= detail < LINE_NAMED else None,
        task=task,
        description=DESCRIPTIONS[task][wording % 4] if wording < 36 else None,
        billable=kind >= NOT_BILLABLE and project.customer is not None,
        billable_hours=billable_hours(kind, hours),
        overtime=WRITTEN_UP <= kind < OVERTIME or work.worked_on.weekday() == SATURDAY,
        rate=own_rate,
        rate_approved_by=None if own_rate is None else project.deputy.person_id,
    )


def project_id_of(work: SimulatedWork, project: SimulatedProject) -> str:
    """Some people still use the id that the project had in an older system, which nobody else knows."""
    return f"OLD-{project.number + 1:04}" if is_odd(work, OLD_PROJECT_ID) else project.project_id


def billable_hours(kind: int, hours: Hours) -> Hours | None:
    """A quarter less or more than was worked, where the manager decided so."""
    if NOT_BILLABLE <= kind < WRITTEN_DOWN:
        return hours * 3 // 4
    if WRITTEN_DOWN <= kind < WRITTEN_UP:
        return hours * 5 // 4
    return None


def line_named(firm: Firm, work: SimulatedWork, task: str) -> str | None:
    contract = firm.contract_of.get(work.project)
    return contract.line_of[work.project, task] if contract else None


def own_rate_of(work: SimulatedWork, project: SimulatedProject) -> Rate | None:
    """An approved price for this entry alone."""
    if project.customer is None or not is_odd(work, RATE_OF_ITS_OWN):
        return None
    return price(project.manager.role, project.customer.market.currency, 95)


def clocked_in(work: SimulatedWork, zone: str, at: Instant, hours: Hours) -> Instant | None:
    """Start of clocked work, in the morning or the evening; None where it would not be over before it is approved."""
    second = (20 if work.luck >> 30 & 1 else 9) * HOUR + work.luck % 12 * 300
    started_at = instant(work.worked_on, second, zone)
    return started_at if started_at + hours * HOUR * (SECOND // HOURS_ONE) < at else None


def time_withdrawn(firm: Firm, work: SimulatedWork, version: int, at: Instant) -> TimeWithdrawn:
    return TimeWithdrawn(
        **stamped(PSA, f"T-{work.serial:07}-{version}", at),
        entry_id=entry_id(work),
        version=version,
        project_id=project_id_of(work, firm.projects[work.project]),
    )


def sent_again(event: TimeApproved, at: Instant) -> TimeApproved:
    """The same version once more, as a connector does after a timeout."""
    return event._replace(event_id=event.event_id + SENT_TWICE[0], recorded_at=recorded(at, PSA))


def contradicted(event: TimeApproved) -> TimeApproved:
    """The same version with half an hour more than was sent first, as a restored database does."""
    hours = event.hours or HOURS_ONE
    return event._replace(event_id=event.event_id + SENT_TWICE[1], hours=hours + HOURS_ONE // 2)
