"""A statement goes out under its name, with its tax, and is kept until its invoice comes."""

from collections.abc import Sequence

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.retention import NOTHING, Retained
from domain.billing.statement import ISSUED, due_on, rounding_note
from domain.explanation import negated
from domain.identity import statement_id
from domain.outputs import BillingStatement, StatementLine
from domain.reference.zones import local_date
from domain.sums import summed
from domain.terms.deposit import asked_of
from domain.units import Amount
from domain.why import Why
from state.billing import retention
from state.billing.statement_lines import in_parts
from state.billing.statement_tax import Taxed, note_undetermined, say_groups, taxed
from state.books import Contract, StatementEntry, StatementState
from state.draft import Draft
from state.forecast.expected import expected_on
from state.terms.plan import contract_policies


def emit(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    lines: Sequence[StatementLine],
    listed: Sequence[StatementEntry],
    kept: Retained = NOTHING,
    sequence: int | None = None,
) -> str:
    current = draft.contract_in_books(contract.contract_id)
    if sequence is None:
        sequence = _next_sequence(draft, current, period)
    made = statement_id(draft.engagement_id, contract.contract_id, bill_to, period.start.isoformat(), sequence)
    project_id = min((line.project_id for line in lines), default="")
    pieces = retention.keep(draft, contract.contract_id, bill_to, made, project_id, kept)
    if draft.why is not None:
        _say_issued(draft.why, made, contract, lines)
        if lines or kept != NOTHING:
            _say_asked(draft.why, made, (contract.contract_id, bill_to), kept)
    tax, billed = taxed(draft, current, bill_to, period, listed), sum(len(line.entries) for line in lines)
    if draft.why is not None:
        say_groups(draft, draft.why, made, current, listed, billed, tax)
    note_undetermined(draft, made, current, tax)
    deposits_applied = sum(line.amount for line in lines) - sum(one.amount for one in listed)
    whole = _statement(draft, contract, period, bill_to, made, lines, kept, deposits_applied, tax)
    draft.issued += in_parts(whole)
    draft.statements[made] = tuple(listed)
    draft.put(
        "statement",
        made,
        StatementState(
            made,
            contract.contract_id,
            bill_to,
            period.start,
            period.to,
            sequence,
            whole.currency,
            whole.amount_due,
            expected_on(draft, whole),
            retention=pieces,
            is_retained_from=kept.counts,
            tax=tax.total,
            set_against=len(listed) - billed,
        ),
    )
    return made


def _say_asked(why: Why, made: str, place: tuple[str, str], kept: Retained) -> None:
    """What it asks for, before deposits are set against it."""
    why.add(asked_of(*place), why.figure(f"{made}#gross"))
    if kept.retained:
        why.add(asked_of(*place), negated("retained", why.figure(f"{made}#retained")))
    if kept.released:
        why.add(asked_of(*place), why.figure(f"{made}#released"))


def _say_issued(why: Why, made: str, contract: Contract, lines: Sequence[StatementLine]) -> None:
    for line_id, amount in summed((line.line_id, line.amount) for line in lines).items():
        part = retention.of_line(made, line_id, amount, contract.terms.currency)
        why.add(retention.issued_of(contract.contract_id, line_id), part)


def name_of(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, sequence: int | None) -> str:
    """Under which the statement will be issued."""
    start = period.start.isoformat()
    if sequence is None:
        current = draft.contract(contract.contract_id) or contract
        sequence = current.sequences.get(start, 0) + 1
    return statement_id(draft.engagement_id, contract.contract_id, bill_to, start, sequence)


def _next_sequence(draft: Draft, contract: Contract, period: BillingPeriod) -> int:
    """Of the contract's statements that begin on the day, to whomever they are billed."""
    name = period.start.isoformat()
    sequence = contract.sequences.get(name, 0) + 1
    draft.put("contract", contract.contract_id, replace(contract, sequences={**contract.sequences, name: sequence}))
    return sequence


def _statement(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    made: str,
    lines: Sequence[StatementLine],
    kept: Retained,
    deposits_applied: Amount,
    tax: Taxed,
) -> BillingStatement:
    """With all its lines."""
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    total = sum(line.amount for line in lines)
    amount_due = total - kept.retained + kept.released - deposits_applied
    day = local_date(draft.cause.recorded_at, entity.zone) if entity is not None else None
    return BillingStatement(
        statement_id=made,
        revision=1,
        contract_id=contract.contract_id,
        bill_to=bill_to,
        currency=terms.currency,
        legal_entity_id=entity.legal_entity_id if entity is not None else terms.legal_entity_id,
        period=period.start,
        to=period.to,
        status=ISSUED,
        lines=tuple(lines),
        total=total,
        retained=kept.retained,
        released=kept.released,
        deposits_applied=deposits_applied,
        amount_due=amount_due,
        rounding=rounding_note(contract_policies(draft, contract, period.start), terms.currency),
        line_count=len(lines),
        control_total=total,
        tax=tax.groups.known,
        undetermined_tax=tax.groups.undetermined,
        tax_region=tax.region,
        issued_on=day,
        due_on=due_on(day, draft.reference.customer(bill_to), amount_due + (tax.groups.total or 0)),
    )
