"""Lines of a statement as they are printed, and the records that a long statement is published in."""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from domain.billing.statement import (
    HOUR,
    LinePieces,
    Printed,
    is_at_its_rate,
    line_amount,
    line_hours,
    one_piece,
    printed_charge,
    shown_quantity,
)
from domain.caps.consume import bucket_key, counting, limit_on
from domain.explanation import Node, evaluated, total
from domain.identity import composed
from domain.money import format_amount, format_decimal
from domain.outputs import BillingStatement, SourceAmount, StatementLine
from domain.units import PERCENT_SCALE, Amount, Percent, Quantity
from domain.why import Why, rounding
from domain.work.recorded import HOURS, INCREMENTS, MARKUP, RATE, figure_of, in_steps, seconds_of
from state.books import Contract
from state.caps.claims import allotments, bucket_id, rules_for
from state.draft import Draft
from state.terms.plan import LinePlan
from state.work.charge_record import of_row
from state.work.price_record import uses_of

LINES_A_PART = 2_000
ENTRIES_A_PART = 4_000
# A line of a statement, which has an explanation of its own.
PRINTED = "printed_line"
# A statement as it stood after a step, by its id and the step.
STATEMENT_AT = "statement_at"


def printed_amount(draft: Draft, group: LinePieces, plan: LinePlan, cents: Counter[str]) -> Amount:
    """A line is rounded as a whole as long as the hard caps and the order that count it have room: where they are used up, or the cents do
    not fit, it is what its entries are, so that all that they allow is billed and no more.

    `cents` are those of the statement's lines before it, by what they take them from.
    """
    amount = line_amount(group, plan.policies, plan.currency)
    more = amount - group.amount
    if not more:
        return amount
    last, allotment = group.pieces[-1], allotments(plan)[-1]
    found = []
    for rule in counting(rules_for(plan, allotment), last.day):
        limit, key = limit_on(rule, last.day), bucket_key(rule, last.day, last.person_id)
        bucket = bucket_id(plan, allotment, key)
        if limit.hard and limit.amount is not None:
            if limit.amount - draft.bucket(bucket).bucket.amount - cents[bucket] < max(more, plan.step):
                return group.amount
            found.append(bucket)
    cents.update(dict.fromkeys(found, more))
    return amount


def line_at(statement_id: str, number: int) -> str:
    """Address of a line that is rounded as a whole."""
    return f"{statement_id}#line/{number}"


def say_line(why: Why, address: str, group: LinePieces, plan: LinePlan, amount: Amount) -> None:
    """Its hours at its rate."""
    policies, first, names = plan.policies, group.first, ["rounding_scope", "money_mode"]
    worked = [of_row(why, piece.entry_id, HOURS, piece.hours, "", "hours") for piece in group.pieces]
    hours = total("hours of the line", worked, "hours")
    if policies.increment_scope == "statement_line":
        both = list(zip(worked, group.pieces, strict=True))
        stated = [each for each, piece in both if piece.stated]
        taken = "hours of the line that take steps" if stated else "hours of the line"
        stepped = total(taken, [each for each, piece in both if not piece.stated], "hours")
        stepped = in_steps("hours of the line, in steps", stepped, policies, uses_of(plan))
        hours = total("hours of the line, and those stated", (stepped, *stated), "hours") if stated else stepped
        names += INCREMENTS
    operation, parameters = "extend", rounding(plan.currency, policies.money_mode)
    if group.finer and hours.value == group.hours and (seconds := _seconds(why, group)) is not None:
        hours, operation, parameters = seconds, "of_seconds", {**parameters, "of": "extend"}
    operands = [hours, of_row(why, first.entry_id, RATE, first.rate, plan.currency, "rate")]
    if first.markup:
        operands.append(of_row(why, first.entry_id, MARKUP, first.markup, "", "percent"))
    made = evaluated("at its rate", operation, operands, parameters, "amount", plan.currency, rule="R10")
    if made.value == amount or not group.finer:
        why.record(address, amount, made._replace(policies=uses_of(plan)(*names)))


def _seconds(why: Why, group: LinePieces) -> Node | None:
    """Its exact time, which six decimals of an hour may miss; None where some hours are stated."""
    worked = [why.figure_at(figure_of(piece.entry_id, HOURS), why.now) for piece in group.pieces]
    times = [seconds for hours in worked if hours is not None and (seconds := seconds_of(hours)) is not None]
    return total("seconds of the line", times, "seconds") if len(times) == len(worked) else None


def printed_line(draft: Draft, contract: Contract, plan: LinePlan, group: LinePieces, amount: Amount) -> StatementLine:
    """The hours that it shows count on the contract line."""
    first = group.first
    if first.unit != HOUR:
        printed = printed_charge(first, amount, plan.currency, plan.policies.money_mode)
    elif is_at_its_rate(group, amount, plan.policies, plan.currency):
        printed = Printed(_shown(draft, contract, plan, group), HOUR, first.rate, first.markup)
    else:
        printed = one_piece(amount)
    sources, days = group.sources, [piece.day for piece in group.pieces]
    what = first.task or first.role or ("Time" if first.unit == HOUR else first.unit.capitalize())
    return StatementLine(
        line_id=first.line_id,
        project_id=first.project_id,
        description=_described(
            (first.description or what) if len(group.pieces) == 1 else what, first.share, sources, plan.currency
        ),
        quantity=printed.quantity,
        unit=printed.unit,
        rate=printed.rate,
        amount=amount,
        service_from=min(days),
        service_to=max(days),
        markup_percent=printed.markup,
        person_id=first.person_id or None,
        task=first.task,
        role=first.role or None,
        entries=tuple([piece.entry_id for piece in group.pieces]),
        flags=first.flags,
        sources=tuple(SourceAmount(source_id, int(paid)) for source_id, paid in sources.items()),
        tax_category=plan.line.tax_category,
        entry_amounts=_entry_amounts(group, amount) if len(group.pieces) > 1 else (),
    )


def _entry_amounts(group: LinePieces, amount: Amount) -> tuple[Amount, ...]:
    """The last one takes what the line is rounded by, as the entry does in the books."""
    *others, last = [piece.amount for piece in group.pieces]
    return (*others, last + amount - group.amount)


def _described(what: str, share: Percent, sources: Mapping[str, Amount], currency: str) -> str:
    """Where several pay, with the share that the line is; where sources do, with their names, and of several with what each pays."""
    if len(sources) > 1:
        paid_by = ", ".join(f"{source_id} {format_amount(paid, currency)}" for source_id, paid in sources.items())
        return f"{what} ({paid_by})"
    if sources:
        return f"{what} ({', '.join(sources)})"
    return f"{what} ({format_decimal(share, PERCENT_SCALE)} %)" if share else what


def _shown(draft: Draft, contract: Contract, plan: LinePlan, group: LinePieces) -> Quantity:
    """Hours to print, rounded over all that the line ever showed."""
    first = group.first
    totals = draft.line(contract.contract_id, first.line_id, first.project_id)
    hours = line_hours(group, plan.policies)
    quantity = shown_quantity(totals.shown_hours, totals.shown_quantity, hours, plan.policies.quantity_decimals)
    draft.put(
        "line",
        composed(contract.contract_id, first.line_id),
        replace(totals, shown_hours=totals.shown_hours + hours, shown_quantity=totals.shown_quantity + quantity),
    )
    return quantity


def in_parts(whole: BillingStatement) -> list[BillingStatement]:
    """All but the longest statements are one record."""
    parts = _parts(whole.lines)
    return [whole._replace(lines=tuple(part), part=number, parts=len(parts)) for number, part in enumerate(parts, 1)]


def _parts(lines: Sequence[StatementLine]) -> list[list[StatementLine]]:
    """Of at most so many lines and entries."""
    parts: list[list[StatementLine]] = [[]]
    entries = 0
    for line in lines:
        if parts[-1] and (len(parts[-1]) >= LINES_A_PART or entries + len(line.entries) > ENTRIES_A_PART):
            parts.append([])
            entries = 0
        parts[-1].append(line)
        entries += len(line.entries)
    return parts
