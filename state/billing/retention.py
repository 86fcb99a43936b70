"""What customers retain of the statements of a contract, and what is released to them (R32): one account for each bill-to.

A statement decides when it is cut (`decide`), keeps that on the bill-to's account once it has its name (`keep`), and its invoice moves it
between 1100 and 1170 (`moved`): what is withheld at the invoice's rate, what leaves 1170 as the statement that withheld it carries it. A
credit memo gives back the part of it that is retained (`credit`).

    10,000.00 retained at 0.90 are carried at 9,000.00; 4,000.00 of them leave at 3,600.00, whatever the rate is by then
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RETENTION_RECEIVABLE
from domain.billing import retention as rule
from domain.billing.periods import BillingPeriod
from domain.billing.retention import BILLED, NOTHING, BillToAccount, Retained
from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Milestones, Retention, RetentionStep
from domain.explanation import Node, constant
from domain.figure import Recorded, as_recorded, called, node_of, record, titled
from domain.identity import composed, escape, parts_of
from domain.ledger.journal import Leg
from domain.ledger.position import relieved
from domain.ledger.recorded import Carried, add_both, nodes_of
from domain.numbered import in_force
from domain.terms import methods
from domain.terms.kind import TermsInForce
from domain.units import Amount
from domain.why import Why, elsewhere, in_terms
from state.books import Contract, RetentionAccount, StatementState, Withheld
from state.charges.terms_known import known_of, last_day
from state.draft import Draft
from state.terms.known import Slot
from state.terms.periods import today
from state.terms.plan import contract_policies, terms_on
from state.value import plain

DAY = timedelta(days=1)
OVER = "the contract is over, or retention no more agreed"
# Of all that was retained, with the day or why.
RELEASED = "released, all of it: {}"
GROSS = "lines, without deposits"
# What a recorder has of a statement, by its name and these.
KEPT = ("retained", "released")
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
    currency, account = contract.terms.currency, _before(draft, contract, bill_to)
    if draft.why is not None:
        lines = {
            line_id: as_recorded(amount, of_line(of, line_id, amount, currency)) for line_id, amount in lines.items()
        }
        beside = {
            line_id: as_recorded(amount, _to_others(of, line_id, amount, currency))
            for line_id, amount in beside.items()
        }
    gross = called(sum(lines.values()), GROSS)
    kept = _decided(draft, contract, period, account, lines, beside, gross)
    return _said(draft, of, kept, gross, currency)


def _decided(
    draft: Draft,
    contract: Contract,
    period: BillingPeriod,
    account: BillToAccount,
    lines: Mapping[str, Amount],
    beside: Mapping[str, Amount],
    gross: Amount,
) -> Retained:
    day = period.to - DAY
    terms = terms_on(contract, day)
    agreed = terms.retention
    if agreed is None or has_ended(draft, contract, period, agreed):
        # A day that is named releases with a statement of its own; a draft of before it was agreed releases nothing of it.
        frees = agreed.release_on is None if agreed is not None else not _is_agreed_since(contract, day)
        if not account.left or not frees:
            return NOTHING
        return Retained(released=titled(account.left, RELEASED.format(OVER)), gross=gross)
    steps, mode = agreed.steps, contract_policies(draft, contract, day).money_mode
    if draft.why is not None:
        steps = tuple(_step(terms, place, step) for place, step in enumerate(steps))
    completion = _completion(draft, contract, day, lines, beside) if gross >= 0 else (0, 0)
    return rule.of_bill(steps, gross, account, completion, contract.terms.currency, mode)


def _is_agreed_since(contract: Contract, day: date) -> bool:
    """Whether terms after the day retain, of which a period is cut."""
    cut = contract.period_start or contract.requested_to or day
    return any(stored.terms.retention is not None and day < stored.effective_on < cut for stored in contract.history)


def prices(
    draft: Draft, contract: Contract, day: date, numbered: Callable[[TermsInForce], TermsInForce] | None = None
) -> Iterator[tuple[ContractLine, Amount]]:
    """Of lines that have one, by the terms of the day: what was charged by earlier terms stays in it, as an accepted milestone."""
    terms = terms_on(contract, day)
    for line, worth, path in rule.priced_lines(terms):
        known = known_of(draft, contract, line.line_id)
        held = [agreed for agreed in known.held if agreed.since <= day]
        if len(held) > 1 and methods.earns_to_the_end(line):
            yield line, methods.comes_to(held if numbered is None else [numbered(agreed) for agreed in held], known)
        else:
            yield line, worth if numbered is None else _price(terms, line, worth, path)


def _completion(
    draft: Draft, contract: Contract, day: date, lines: Mapping[str, Amount], beside: Mapping[str, Amount]
) -> tuple[Amount, Amount]:
    """What is billed of the lines that have a price, this cut included, and their prices by the terms of the day."""
    billed, price, currency = 0, 0, contract.terms.currency
    for line, of_line in prices(draft, contract, day, in_force if draft.why is not None else None):
        before, line_id = draft.line(contract.contract_id, line.line_id).issued, line.line_id
        if draft.why is not None:
            title = f"billed before of line {line_id}"
            before = as_recorded(before, draft.why.sum(issued_of(contract.contract_id, line_id), title, currency))
        billed += before + lines.get(line_id, 0) + beside.get(line_id, 0)
        price += of_line
    return called(billed, "billed, this bill included"), called(price, "price")


def has_ended(draft: Draft, contract: Contract, period: BillingPeriod, agreed: Retention) -> bool:
    """Whether nothing is withheld any more."""
    return rule.has_ended(agreed, last_day(contract), period.to, today(draft, contract))


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
    return released_on(contract, today(draft, contract)) is not None and bill_to in holders(draft, contract.contract_id)


def all_released(draft: Draft, contract: Contract, period: BillingPeriod, bill_to: str, of: str) -> Retained:
    on = released_on(contract, period.to - DAY)
    left = _before(draft, contract, bill_to).left
    kept = Retained(released=titled(left, RELEASED.format(f"on {on}" if on is not None else OVER)))
    return _said(draft, of, kept, 0, contract.terms.currency)


def keep(draft: Draft, contract_id: str, bill_to: str, statement_id: str, project_id: str, kept: Retained) -> Pieces:
    """Bring the account to what the statement says; of what was retained the oldest goes first."""
    if kept == NOTHING:
        return ()
    account, why, part_id = account_of(draft, contract_id, bill_to), draft.why, composed(contract_id, bill_to)
    held = {one.statement_id: one.left for one in account.withheld}
    if why is not None:
        kept = _recorded(why, statement_id, kept)
        held = {of: _held(why, of, left) for of, left in held.items()}
    leaves = rule.leaving(called(kept.released + max(-kept.retained, 0), "released and taken back"), held)
    pieces = [
        (one.statement_id, one.project_id, -leaves[one.statement_id])
        for one in account.withheld
        if one.statement_id in leaves
    ]
    withheld = [replace(one, left=one.left - int(leaves.get(one.statement_id, 0))) for one in account.withheld]
    if kept.retained > 0:
        pieces.append((statement_id, project_id, kept.retained))
        withheld.append(Withheld(statement_id, project_id, int(kept.retained)))
    if why is not None:
        _say_kept(why, statement_id, f"retention/{part_id}", pieces, kept)
    billed = _billed_after(why, part_id, account, kept.gross) if kept.counts else account.billed
    reached = kept.reached if kept.counts else account.reached
    draft.put("retention", part_id, RetentionAccount(_open(withheld), billed, reached))
    return plain(tuple(pieces))


def _open(held: list[Withheld]) -> tuple[Withheld, ...]:
    """What is over is kept no longer; an invoice that comes later finds it again."""
    return tuple(one for one in held if one.left or one.posted or one.posted_ledger)


class MovedLeg(NamedTuple):
    project_id: str
    leg: Leg


def moved(draft: Draft, statement: StatementState, slot: Slot, mode: str) -> list[MovedLeg]:
    """The invoice of the statement is posted: what it moves on 1170, by statement that withheld it."""
    found = []
    for withheld_by, project_id, amount in statement.retention:
        account = account_of(draft, statement.contract_id, statement.bill_to)
        stored = next((one for one in account.withheld if one.statement_id == withheld_by), None)
        had = stored or Withheld(withheld_by, project_id, 0)
        goes, why = amount, draft.why
        if why is not None:
            piece = why.figure(f"{statement.statement_id}#piece/{withheld_by}")
            goes = as_recorded(amount, piece)
            why.add(_on_1170(statement.contract_id, project_id), piece)
        leg = _leg(why, had, goes, slot, mode)
        now = replace(had, posted=had.posted + amount, posted_ledger=had.posted_ledger + int(leg.ledger_amount))
        held = [now if one is stored else one for one in account.withheld] + ([now] if stored is None else [])
        part_id = composed(statement.contract_id, statement.bill_to)
        draft.put("retention", part_id, replace(account, withheld=_open(held)))
        found.append(MovedLeg(project_id, leg))
    return found


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
    if statement.is_retained_from and gross:
        billed = _billed_after(why, part_id, account, called(-gross, "credited"))
    had = next((one for one in account.withheld if one.statement_id == statement.statement_id), None)
    held, leaves = list(account.withheld), None
    if had is not None and kept_back:
        goes = int(kept_back)
        if why is not None:
            piece = node_of(-kept_back, "credited")
            of_project = f"retention/{part_id}/{escape(had.project_id)}"
            for address in (f"retention/{part_id}", of_project, _on_1170(statement.contract_id, had.project_id)):
                why.add(address, piece)
            why.add(still_retained(statement.statement_id), piece)
        leg = _leg(why, had, -kept_back, slot, mode)
        posted, posted_ledger = had.posted - goes, had.posted_ledger + int(leg.ledger_amount)
        now = replace(had, left=had.left - goes, posted=posted, posted_ledger=posted_ledger)
        held = [now if one is had else one for one in held]
        leaves = MovedLeg(had.project_id, leg)
    after = RetentionAccount(_open(held), billed, account.reached)
    if after != account:
        draft.put("retention", part_id, after)
    return leaves


def count_no_more(draft: Draft, contract_id: str, bill_to: str, statement_id: str, gross: Amount) -> None:
    """What was billed of it with a statement of balances that others take the place of."""
    account, part_id = account_of(draft, contract_id, bill_to), composed(contract_id, bill_to)
    if draft.why is not None:
        gross = as_recorded(gross, draft.why.figure(f"{statement_id}#gross"))
    billed = _billed_after(draft.why, part_id, account, called(-gross, "taken back"))
    draft.put("retention", part_id, replace(account, billed=billed))


def balance(draft: Draft, contract_id: str, project_id: str) -> Amount:
    """What stands on 1170 of the contract in a project."""
    ids = draft.ids("retention")
    if not ids:
        return 0
    found = [draft.part("retention", part_id) for part_id in ids if parts_of(part_id)[0] == contract_id]
    return sum(one.posted for account in found for one in account.withheld if one.project_id == project_id)


# What a recorder takes of the accounts


def _before(draft: Draft, contract: Contract, bill_to: str) -> BillToAccount:
    """What stands before a bill."""
    account, why = account_of(draft, contract.contract_id, bill_to), draft.why
    left, billed = account.left, account.billed
    if why is not None:
        address = f"retention/{composed(contract.contract_id, bill_to)}"
        left = as_recorded(left, why.sum(address, "retained before", contract.terms.currency))
        billed = _billed(why, address, billed, contract.terms.currency)
    return BillToAccount(left, billed, account.reached)


def _billed(why: Why, address: str, billed: Amount, currency: str) -> Amount:
    """Nothing to begin with."""
    kept = why.figure_at(f"{address}#billed", why.now)
    return as_recorded(billed, kept or constant(BILLED, 0, "amount", currency))


def _billed_after(why: Why | None, part_id: str, account: RetentionAccount, more: Amount) -> Amount:
    billed, address = account.billed, f"retention/{part_id}"
    if why is None or not isinstance(more, Recorded):
        return rule.billed_after(billed, more)
    after = rule.billed_after(_billed(why, address, billed, more.node.currency), more)
    record(why, f"{address}#billed", after)
    return int(after)


def _said(draft: Draft, of: str, kept: Retained, gross: Amount, currency: str) -> Retained:
    """What the statement bills, withholds and releases, as it is kept."""
    if draft.why is not None:
        named = (("gross", gross, GROSS), *((name, getattr(kept, name), f"nothing is {name}") for name in KEPT))
        for name, amount, title in named:
            draft.why.record(f"{of}#{name}", amount, node_of(amount, title, currency=currency))
    return plain(kept)


def _recorded(why: Why, of: str, kept: Retained) -> Retained:
    retained, released = (Recorded(why.figure(f"{of}#{name}")) for name in KEPT)
    gross = Recorded(why.figure(f"{of}#gross")) if kept.counts else kept.gross
    return kept._replace(retained=retained, released=released, gross=gross)


def _held(why: Why, withheld_by: str, left: Amount) -> Amount:
    """What is left of what a statement withheld."""
    currency = why.figure(f"{withheld_by}#retained").currency
    return as_recorded(left, why.sum(still_retained(withheld_by), f"{withheld_by}: retained", currency))


def _step(terms: ContractSigned, place: int, step: RetentionStep) -> RetentionStep:
    """With fields of the terms."""
    withheld, released = (
        Recorded(in_terms(name.replace("_", " "), percent, "percent", terms, f"retention.steps[{place}].{name}"))
        for name, percent in (("withhold_percent", step.withhold_percent), ("release_percent", step.release_percent))
    )
    return step._replace(withhold_percent=withheld, release_percent=released)


def _price(terms: ContractSigned, line: ContractLine, price: Amount, path: str) -> Amount:
    """As fields of the line state it."""
    several = line.terms.milestones if isinstance(line.terms, Milestones) else ()
    stated = [(one.amount, f"{path}[{place}].amount") for place, one in enumerate(several)] or [(price, path)]
    title = f"price of line {line.line_id}"
    return sum(Recorded(in_terms(title, amount, "amount", terms, of, line.line_id)) for amount, of in stated)


def of_line(of: str, line_id: str, amount: Amount, currency: str) -> Node:
    """What a statement bills of a contract line."""
    return elsewhere(f"line {line_id}", amount, composed("statement_line", of, line_id), currency)


def issued_of(contract_id: str, line_id: str) -> str:
    """Address of the sum that statements have billed of a contract line."""
    return composed("issued", contract_id, line_id)


def _to_others(of: str, line_id: str, amount: Amount, currency: str) -> Node:
    return elsewhere(f"billed to others of line {line_id}", amount, composed("beside", of, line_id), currency)


def _say_kept(why: Why, of: str, account: str, pieces: Sequence[tuple[str, str, Amount]], kept: Retained) -> None:
    """The statement stands, and with it what it moves of what is retained."""
    for amount in (kept.retained, -kept.released):
        if amount:
            why.add(account, node_of(amount, "released"))
    for withheld_by, project_id, amount in pieces:
        piece = node_of(amount, f"{withheld_by}: leaves")
        why.record(f"{of}#piece/{withheld_by}", amount, piece)
        why.add(still_retained(withheld_by), piece)
        why.add(f"{account}/{escape(project_id)}", piece)


def still_retained(statement_id: str) -> str:
    """Address of what is left of what a statement withheld."""
    return f"{statement_id}#still_retained"


def _on_1170(contract_id: str, project_id: str) -> str:
    return composed("posted_retention", contract_id, project_id)


def carried_at(withheld_by: str) -> str:
    """Address of what stands on 1170 of what a statement withheld; with `/ledger` in ledger currency."""
    return f"{withheld_by}#on_1170"
