"""What customers retain of the statements of a contract, and what is released to them (R32): one account for each bill-to.

A statement decides when it is cut (`decide`), keeps that on the bill-to's account once it has its name (`keep`), and its invoice moves it
between 1100 and 1170 (`moved`): what is withheld at the invoice's rate, what leaves 1170 as the statement that withheld it carries it. A
credit memo gives back the part of it that is retained (`credit`).

    10,000.00 retained at 0.90 are carried at 9,000.00; 4,000.00 of them leave at 3,600.00, whatever the rate is by then
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RETENTION_RECEIVABLE
from domain.billing import retention as rule
from domain.billing.periods import BillingPeriod
from domain.billing.retention import NOTHING, BillToAccount, Retained
from domain.events.commercial import ContractSigned
from domain.events.common import Retention
from domain.explanation import Node, constant, negated, total
from domain.figure import as_recorded, node_of
from domain.identity import composed, escape, parts_of
from domain.ledger.journal import Leg
from domain.ledger.position import relieved
from domain.ledger.recorded import Carried, add_both, nodes_of
from domain.reference.zones import local_date
from domain.units import Amount
from domain.why import Why, elsewhere
from state.books import Contract, RetentionAccount, StatementState, Withheld
from state.charges.terms_known import last_day
from state.draft import Draft
from state.terms.known import Slot
from state.terms.periods import zone_of
from state.terms.plan import contract_policies, terms_on

DAY = timedelta(days=1)
OVER = "the contract is over, or retention no more agreed"
# By the statement that withheld it and the project of its lines; above zero what is withheld, below what leaves.
Pieces = tuple[tuple[str, str, Amount], ...]


def account_of(draft: Draft, contract_id: str, bill_to: str) -> RetentionAccount:
    found: RetentionAccount | None = draft.part("retention", composed(contract_id, bill_to))
    return found or RetentionAccount()


def holders(draft: Draft, contract_id: str) -> list[str]:
    """Bill-tos of whose statements something is retained."""
    places = ((part_id, parts_of(part_id)) for part_id in draft.ids("retention"))
    return sorted(
        bill_to for part_id, (of, bill_to) in places if of == contract_id and draft.part("retention", part_id).left
    )


def decide(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    bill_to: str,
    lines: Mapping[str, Amount],
    beside: Mapping[str, Amount],
    of: str,
) -> Retained:
    """Of a bill that has these amounts of contract lines before tax, deposits left out; `beside` are those of bills to others that the
    same cut brings after it, which complete the price for all alike. `of` is the statement, named for a recorder alone."""
    day, gross = period.to - DAY, sum(lines.values())
    terms = terms_on(contract, day)
    account = account_of(draft, contract.contract_id, bill_to)
    before, why, currency = account.left, draft.why, contract.terms.currency
    if why is not None:
        _say_account(why, of, composed(contract.contract_id, bill_to), account, currency)
        _say_bill(why, of, lines, currency)
    if terms.retention is None or has_ended(draft, contract, period, terms.retention):
        # A day that is named releases with a statement of its own; a draft of before it was agreed releases nothing of it.
        agreed = terms.retention
        frees = agreed.release_on is None if agreed is not None else not _is_agreed_since(contract, day)
        return rule.all_of(before, gross, OVER, why, of) if before and frees else NOTHING
    mode = contract_policies(draft, contract, day).money_mode
    completion, completed = (0, 0), list[Node]()
    if gross >= 0:
        completion = _completion(draft, contract, terms, lines, beside)
        completed = _completed(why, terms, of, lines, beside) if why is not None else []
    account_before = BillToAccount(before, account.billed, account.reached)
    return rule.of_bill(terms, gross, account_before, completion, currency, mode, why, of, completed)


def _is_agreed_since(contract: Contract, day: date) -> bool:
    """Whether terms after the day retain, of which a period is cut."""
    cut = contract.period_start or contract.requested_to or day
    return any(stored.terms.retention is not None and day < stored.effective_on < cut for stored in contract.history)


def _completion(
    draft: Draft, contract: Contract, terms: ContractSigned, lines: Mapping[str, Amount], beside: Mapping[str, Amount]
) -> tuple[Amount, Amount]:
    """What is billed of the lines that have a price, this cut included, and their prices by the terms of the day."""
    priced = rule.priced_lines(terms)
    billed = sum(
        draft.line(contract.contract_id, line.line_id).issued + lines.get(line.line_id, 0) + beside.get(line.line_id, 0)
        for line, _, _ in priced
    )
    return billed, sum(price for _, price, _ in priced)


def has_ended(draft: Draft, contract: Contract, period: BillingPeriod, agreed: Retention) -> bool:
    """Whether nothing is withheld any more: the day of release is over, or without one the contract."""
    today = local_date(draft.cause.recorded_at, zone_of(draft, contract))
    if agreed.release_on is not None:
        return agreed.release_on < today
    last = last_day(contract)
    return last is not None and last < min(period.to, today)


def falls_free(draft: Draft, contract: Contract, period: BillingPeriod) -> list[str]:
    """Bill-tos to whom the cut of a period releases, also where nothing is billed: the contract is over and names no day."""
    held = holders(draft, contract.contract_id)
    if not held:
        return []
    agreed = terms_on(contract, period.to - DAY).retention
    if agreed is not None and (agreed.release_on is not None or not has_ended(draft, contract, period, agreed)):
        return []
    last = last_day(contract)
    return held if agreed is not None or (last is not None and last < period.to) else []


def released_on(contract: Contract, day: date) -> date | None:
    """The day, by the terms in force on `day`, on which all is released if it is over by then."""
    agreed = terms_on(contract, day).retention
    on = agreed.release_on if agreed is not None else None
    return on if on is not None and on <= day else None


def is_over(draft: Draft, contract: Contract, period: BillingPeriod) -> bool:
    """Whether the period's statement withholds nothing any more."""
    agreed = terms_on(contract, period.to - DAY).retention
    return agreed is not None and has_ended(draft, contract, period, agreed)


def is_free(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str) -> bool:
    """Whether a statement without lines releases to the bill-to: the day that is named is over, or the contract."""
    if bill_to in falls_free(draft, contract, period):
        return True
    today = local_date(draft.cause.recorded_at, zone_of(draft, contract))
    return released_on(contract, today) is not None and bill_to in holders(draft, contract.contract_id)


def all_released(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, of: str) -> Retained:
    account, why = account_of(draft, contract.contract_id, bill_to), draft.why
    on = released_on(contract, period.to - DAY)
    if why is not None:
        _say_account(why, of, composed(contract.contract_id, bill_to), account, contract.terms.currency)
    return rule.all_of(account.left, 0, f"on {on}" if on is not None else OVER, why, of)


def keep(draft: Draft, contract_id: str, bill_to: str, statement_id: str, project_id: str, kept: Retained) -> Pieces:
    """Bring the account to what the statement says; of what was retained the oldest goes first."""
    if kept == NOTHING:
        return ()
    account, why = account_of(draft, contract_id, bill_to), draft.why
    held = {one.statement_id: one.left for one in account.withheld}
    leaves = rule.leaving(kept.released + max(-kept.retained, 0), held, why, statement_id)
    pieces = [
        (one.statement_id, one.project_id, -leaves[one.statement_id])
        for one in account.withheld
        if one.statement_id in leaves
    ]
    withheld = [replace(one, left=one.left - leaves.get(one.statement_id, 0)) for one in account.withheld]
    if kept.retained > 0:
        pieces.append((statement_id, project_id, kept.retained))
        withheld.append(Withheld(statement_id, project_id, kept.retained))
    part_id = composed(contract_id, bill_to)
    if why is not None:
        _say_kept(why, statement_id, f"retention/{part_id}", pieces)
    billed = account.billed
    if kept.counts:
        part = why.figure(f"{statement_id}#gross") if why is not None else None
        billed = rule.billed_after(billed, kept.gross, why, f"retention/{part_id}", part)
    reached = kept.reached if kept.counts else account.reached
    draft.put("retention", part_id, RetentionAccount(_open(withheld), billed, reached))
    return tuple(pieces)


def _open(held: list[Withheld]) -> tuple[Withheld, ...]:
    """What is over is kept no longer; an invoice that comes later finds it again."""
    return tuple(one for one in held if one.left or one.posted or one.posted_ledger)


class MovedLeg(NamedTuple):
    project_id: str
    leg: Leg


def moved(draft: Draft, statement: StatementState, slot: Slot, mode: str) -> list[MovedLeg]:
    """The invoice of the statement is posted: what it moves on 1170, by statement that withheld it."""
    return list(_moved(draft, statement, slot, mode)) if statement.retention else []


def _moved(draft: Draft, statement: StatementState, slot: Slot, mode: str) -> Iterator[MovedLeg]:
    for withheld_by, project_id, amount in statement.retention:
        account = account_of(draft, statement.contract_id, statement.bill_to)
        found = next((one for one in account.withheld if one.statement_id == withheld_by), None)
        had = found or Withheld(withheld_by, project_id, 0)
        goes, why = amount, draft.why
        if why is not None:
            piece = why.figure(f"{statement.statement_id}#piece/{withheld_by}")
            goes = as_recorded(amount, piece)
            why.add(_on_1170(statement.contract_id, project_id), piece)
        leg = _leg(why, had, goes, slot, mode)
        now = replace(had, posted=had.posted + amount, posted_ledger=had.posted_ledger + int(leg.ledger_amount))
        held = [now if one is found else one for one in account.withheld] + ([now] if found is None else [])
        part_id = composed(statement.contract_id, statement.bill_to)
        draft.put("retention", part_id, replace(account, withheld=_open(held)))
        yield MovedLeg(project_id, leg)


def _leg(why: Why | None, had: Withheld, amount: Amount, slot: Slot, mode: str) -> Leg:
    """What leaves 1170 of what a statement withheld, or comes to stand there."""
    stands, currencies = (had.posted, had.posted_ledger), (slot.currency, slot.entity.currency)
    of = carried_at(had.statement_id)
    if why is not None:
        title = f"{had.statement_id}: on 1170"
        sums = why.sum(of, title, currencies[0]), why.sum(f"{of}/ledger", f"{title}, in ledger currency", currencies[1])
        stands = Carried(*sums).of(stands)
    ledger = -relieved(-amount, stands, slot.exchange, slot.entity.currency, mode)
    if why is not None:
        add_both(why, of, nodes_of((amount, ledger), currencies))
    return Leg(RETENTION_RECEIVABLE, "retention", amount, ledger)


def left_of(draft: Draft, statement: StatementState) -> Amount:
    """What the statement withheld, and nothing released or took back."""
    account = account_of(draft, statement.contract_id, statement.bill_to)
    return sum(one.left for one in account.withheld if one.statement_id == statement.statement_id)


def credit(
    draft: Draft, statement: StatementState, gross: Amount, kept_back: Amount, slot: Slot, mode: str
) -> MovedLeg | None:
    """A credit memo takes back of the statement's bill, and of that what is retained; it leaves 1170 as it is carried there."""
    account, why = account_of(draft, statement.contract_id, statement.bill_to), draft.why
    part_id = composed(statement.contract_id, statement.bill_to)
    billed = account.billed
    if statement.is_retained_from:
        part = node_of(-gross, "credited") if why is not None and gross else None
        billed = rule.billed_after(billed, -int(gross), why, f"retention/{part_id}", part)
    had = next((one for one in account.withheld if one.statement_id == statement.statement_id), None)
    held, leaves = list(account.withheld), None
    if had is not None and kept_back:
        goes = int(kept_back)
        if why is not None:
            piece = node_of(-kept_back, "credited")
            of_project = f"retention/{part_id}/{escape(had.project_id)}"
            for address in (f"retention/{part_id}", of_project, _on_1170(statement.contract_id, had.project_id)):
                why.add(address, piece)
            why.add(f"{statement.statement_id}#still_retained", piece)
        leg = _leg(why, had, -kept_back, slot, mode)
        posted, posted_ledger = had.posted - goes, had.posted_ledger + int(leg.ledger_amount)
        now = replace(had, left=had.left - goes, posted=posted, posted_ledger=posted_ledger)
        held = [now if one is had else one for one in held]
        leaves = MovedLeg(had.project_id, leg)
    after = RetentionAccount(_open(held), billed, account.reached)
    if after != account:
        draft.put("retention", part_id, after)
    return leaves


def balance(draft: Draft, contract_id: str, project_id: str) -> Amount:
    """What stands on 1170 of the contract in a project."""
    ids = draft.ids("retention")
    if not ids:
        return 0
    found = [draft.part("retention", part_id) for part_id in ids if parts_of(part_id)[0] == contract_id]
    return sum(one.posted for account in found for one in account.withheld if one.project_id == project_id)


# What a recorder takes of the accounts


def _say_account(why: Why, of: str, account_id: str, account: RetentionAccount, currency: str) -> None:
    """What stands before the bill, and that it withholds and releases nothing, until its rule says more."""
    why.record(f"{of}#before", account.left, why.sum(f"retention/{account_id}", "retained before", currency))
    why.record(f"{of}#billed_before", account.billed, rule.billed_before(why, f"retention/{account_id}", currency))
    for name in ("retained", "released"):
        why.record(f"{of}#{name}", 0, constant(f"nothing is {name}", 0, "amount", currency))


def _say_bill(why: Why, of: str, lines: Mapping[str, Amount], currency: str) -> None:
    parts = [of_line(of, line_id, amount, currency) for line_id, amount in lines.items()]
    made = total("lines, without deposits", parts, "amount", currency)
    why.record(f"{of}#gross", sum(lines.values()), made)


def of_line(of: str, line_id: str, amount: Amount, currency: str) -> Node:
    """What a statement bills of a contract line."""
    return elsewhere(f"line {line_id}", amount, composed("statement_line", of, line_id), currency)


def issued_of(contract_id: str, line_id: str) -> str:
    """Address of the sum that statements have billed of a contract line."""
    return composed("issued", contract_id, line_id)


def _completed(
    why: Why, terms: ContractSigned, of: str, lines: Mapping[str, Amount], beside: Mapping[str, Amount]
) -> list[Node]:
    """Of the lines that have a price: what is billed before, by this bill, and by those to others that the same cut brings."""
    found = []
    for line, _, _ in rule.priced_lines(terms):
        line_id = line.line_id
        before = why.sum(issued_of(terms.contract_id, line_id), f"billed before of line {line_id}", terms.currency)
        found += [before] if before.value else []
        if line_id in lines:
            found.append(of_line(of, line_id, lines[line_id], terms.currency))
        if line_id in beside:
            title, address = f"billed to others of line {line_id}", composed("beside", of, line_id)
            found.append(elsewhere(title, beside[line_id], address, terms.currency))
    return found


def _say_kept(why: Why, of: str, account: str, pieces: Sequence[tuple[str, str, Amount]]) -> None:
    """The statement stands, and with it what it moves of what is retained."""
    retained, released = why.figure(f"{of}#retained"), why.figure(f"{of}#released")
    if retained.value:
        why.add(account, retained)
    if released.value:
        why.add(account, negated("released", released))
    for withheld_by, project_id, amount in pieces:
        if withheld_by == of:
            why.record(f"{of}#piece/{of}", amount, retained)
        piece = why.figure(f"{of}#piece/{withheld_by}")
        why.add(f"{withheld_by}#still_retained", piece)
        why.add(f"{account}/{escape(project_id)}", piece)


def _on_1170(contract_id: str, project_id: str) -> str:
    return composed("posted_retention", contract_id, project_id)


def carried_at(withheld_by: str) -> str:
    """Address of what stands on 1170 of what a statement withheld; with `/ledger` in ledger currency."""
    return f"{withheld_by}#on_1170"
