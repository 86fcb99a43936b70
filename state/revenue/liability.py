"""Billing ahead of revenue: what was invoiced and may be billed, but is not recognised yet, is a contract liability (2300).

It arises where a line earns over time: its journals go through the position of the contract (state/ledger/position.py), and what an event
left on both sides, or below zero on one, is settled here at its end.

It arises, too, where billing is allotted apart from revenue (policy `cap_split_billing`). One position a contract and one side only (R46):
while the contract's invoices are ahead of its revenue the difference stands on 2300, else on its unbilled account. What was invoiced and
may not be billed any more is no liability to work: it is credited with the next statement and stands on the unbilled account until then.

    1,000.00 invoiced, of which 800.00 are recognised: Cr 2300 200.00; when 400.00 more are recognised: Dr 2300 200.00, 200.00 are unbilled
"""

from collections.abc import Iterable

from msgspec.structs import replace

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, CUSTOMER_DEPOSIT
from domain.capabilities import is_unrealised
from domain.figure import at_least, called, carried_at, converted, lesser, titled
from domain.identity import composed, parts_of
from domain.ledger.journal import Leg, merge
from domain.ledger.position import Balance, ContractPosition, settled
from domain.ledger.recorded import add_both, all_of, journal_line, parts_of_both
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange
from domain.units import Amount
from domain.work.rows import OPENING
from state.books import Contract, Liability
from state.draft import Draft
from state.ledger.position import is_over_time, standing
from state.ledger.posting import about, emit_placed
from state.rerating.rerate import line_ids
from state.revenue.beside import PlaceBeside, place_beside
from state.revenue.liability_record import RULE, LiabilityFigures, name_of
from state.terms.plan import newest_plan
from state.value import plain

KIND = "liability"
POSITION = "contract_position"


def after_event(draft: Draft) -> None:
    """Bring 2300 to what it has to be for every contract whose work the event changed."""
    touched = _touched(draft)
    for contract_id in sorted(touched) if len(touched) > 1 else touched:
        contract = draft.contract(contract_id)
        if contract is None or not contract.history:
            continue
        held: Liability | None = draft.part("liability", contract_id)
        if held is None and not may_arise(draft, contract):
            continue
        if (held is not None and held.lines) or _bills_apart(draft, contract):
            _settle(draft, contract)
        if is_over_time(draft, contract):
            _settle_position(draft, contract)


def _touched(draft: Draft) -> set[str]:
    """Contracts on which an entry is or was open, of which it is issued, or whose position was looked at."""
    found = set(draft.positions)
    for contract_id, _ in draft.changed_on:
        found.add(contract_id)
    for entry in draft.rows.values():
        for issued in entry.issued:
            found.add(issued.contract_id)
    return found


def may_arise(draft: Draft, contract: Contract) -> bool:
    """Whether any line bills apart from its revenue, or earns over time."""
    return bool(contract.history) and draft.of_terms(
        "ahead", contract, lambda *of: _bills_apart(*of) or is_over_time(*of)
    )


def _bills_apart(draft: Draft, contract: Contract) -> bool:
    return draft.of_terms("bills apart", contract, _has_line_apart)


def _has_line_apart(draft: Draft, contract: Contract) -> bool:
    plans = (newest_plan(draft, contract, line_id) for line_id in line_ids(contract))
    return any(plan is not None and plan.apart for plan in plans)


def _settle(draft: Draft, contract: Contract) -> None:
    held: Liability = draft.part("liability", contract.contract_id) or Liability()
    figures = LiabilityFigures(draft.why, contract) if draft.why is not None else None
    wanted, lines = _ahead(draft, contract, figures), dict(held.lines) if figures is None else figures.held(held)
    moves = {
        key: called(wanted.get(key, 0) - lines.get(key, (0, 0))[0], "moved")
        for key in sorted({*wanted, *lines})
        if wanted.get(key, 0) != lines.get(key, (0, 0))[0]
    }
    if not moves:
        return
    place = place_beside(draft, contract, held.posted_on)
    exchange = place.exchange if figures is None else figures.rate(place)
    legs: list[tuple[str, Leg]] = []
    stands = dict[str, Balance]()
    for key, amount in moves.items():
        line_id, account = parts_of(key)
        plan = newest_plan(draft, contract, line_id)
        assert plan is not None, "the line has totals"
        had = lines.pop(key, (0, 0))
        ledger = _in_ledger(amount, had, exchange, place.booking.ledger_currency, plan.policies.money_mode)
        purpose = "billing" if amount > 0 else "revenue"
        legs += (
            (plan.line.project_id, Leg(account, purpose, amount, ledger)),
            (plan.line.project_id, Leg(CONTRACT_LIABILITY, purpose, -amount, -ledger)),
        )
        if had[0] + amount:
            lines[key] = stands[key] = had[0] + amount, had[1] + ledger
    after = replace(held, lines=plain(lines), posted_on=place.booking.accounting_date)
    draft.put(
        "liability",
        contract.contract_id,
        after if lines or held.position is not None or held.brought is not None else None,
    )
    _post(draft, contract, place, legs, "contract_liability", deliver=contract.contract_id not in draft.loaded)
    if figures is not None:
        figures.record(stands)


def _settle_position(draft: Draft, contract: Contract) -> None:
    """What the event left of the position on one side only."""
    found = standing(draft, contract.contract_id)
    if legs := settled(found.position):
        _post_position(draft, contract, legs, POSITION)
        found = standing(draft, contract.contract_id)
    held: Liability = draft.part("liability", contract.contract_id) or Liability()
    now = replace(held, posted_on=found.posted_on, position=(found.position.asset, found.position.liability))
    if now != held:
        draft.put("liability", contract.contract_id, now)


def settle_brought(draft: Draft, contract: Contract, made: Iterable[object]) -> None:
    """What a load has `made` stands on one side in the ERP, whatever was posted here before, so that it is brought there by a memo. What
    that leaves on both sides beside what was sent is sent, too."""
    if not is_over_time(draft, contract):
        return
    held: Liability = draft.part("liability", contract.contract_id) or Liability()
    brought = ContractPosition(*held.brought) if held.brought is not None else ContractPosition()
    for record in made:
        if not isinstance(record, JournalEntry) or record.contract_id != contract.contract_id:
            continue
        if not record.deliver and not is_unrealised(record.rule):
            brought = _with_brought(draft, brought, record)
    if legs := settled(_as_recorded(draft, contract, brought)):
        brought = _with_brought(
            draft, brought, _post_position(draft, contract, legs, f"{POSITION}/{OPENING}", deliver=False)
        )
    draft.put("liability", contract.contract_id, replace(held, brought=(brought.asset, brought.liability)))


def _with_brought(draft: Draft, brought: ContractPosition, record: JournalEntry) -> ContractPosition:
    for number, line in enumerate(record.lines, 1):
        brought = brought.add(line.account, line.amount, line.ledger_amount)
        if draft.why is not None and line.account in (CONTRACT_ASSET, CONTRACT_LIABILITY):
            currencies = record.currency, record.ledger_currency
            part = journal_line(record.journal_id, number, (line.amount, line.ledger_amount), currencies)
            add_both(draft.why, _brought_on(record.contract_id or "", line.account), part)
    return brought


def _as_recorded(draft: Draft, contract: Contract, brought: ContractPosition) -> ContractPosition:
    if draft.why is None:
        return brought
    currencies = contract.terms.currency, draft.reference.known_entity(contract.terms.legal_entity_id).currency
    sides = []
    for account, balance in zip((CONTRACT_ASSET, CONTRACT_LIABILITY), brought, strict=True):
        parts = parts_of_both(draft.why, _brought_on(contract.contract_id, account))
        sides.append(all_of(f"brought on {account}", parts, currencies).of(balance) if parts else balance)
    return ContractPosition(*sides)


def _brought_on(contract_id: str, account: str) -> str:
    return composed("brought_on", contract_id, account)


def _post_position(
    draft: Draft, contract: Contract, legs: list[Leg], rule: str, *, deliver: bool = True
) -> JournalEntry:
    """In the project of the contract's first line."""
    project_id = contract.terms.lines[0].project_id if contract.terms.lines else ""
    place = place_beside(draft, contract, standing(draft, contract.contract_id).posted_on)
    return _post(draft, contract, place, [(project_id, leg) for leg in legs], rule, deliver=deliver)


def _ahead(draft: Draft, contract: Contract, figures: LiabilityFigures | None) -> dict[str, Amount]:
    """Invoiced and billable still, less what is recognised, by line and account; what one is ahead another may be behind."""
    ahead = {}
    for line_id in line_ids(contract):
        totals = draft.line(contract.contract_id, line_id)
        for account, sums in sorted(totals.accounts.items()):
            if account in (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT):
                continue
            recognised, billable, invoiced = figures.on_account(line_id, account, sums) if figures is not None else sums
            name = name_of(line_id, account)
            if beyond := called(lesser(invoiced, billable, f"{name}: invoiced and billable still") - recognised, name):
                ahead[composed(line_id, account)] = titled(beyond, f"{name}: ahead")
    left = at_least(called(sum(ahead.values()), "all lines"), 0, "the contract ahead of its revenue")
    found = {}
    for key, beyond in ahead.items():
        title = f"{name_of(*parts_of(key))}: ahead of its revenue"
        if taken := lesser(at_least(beyond, 0, "not below nothing"), left, title):
            found[key] = titled(taken, title, RULE)
            left = called(left - taken, "left for other lines")
    return found


def _in_ledger(amount: Amount, had: Balance, exchange: Exchange, currency: str, mode: str) -> Amount:
    """What adds at the rate of the day, what takes back as 2300 carries it."""
    if amount > 0:
        return converted(amount, exchange, currency, mode)
    return -had[1] if amount == -had[0] else carried_at(amount, had, currency, mode, "R52")


def _post(
    draft: Draft, contract: Contract, place: PlaceBeside, legs: list[tuple[str, Leg]], rule: str, *, deliver: bool
) -> JournalEntry:
    """One journal, its lines by project; it goes to the ERP also where the invoice itself is the ERP's."""
    by_project: dict[str, list[Leg]] = {}
    for project_id, leg in legs:
        by_project.setdefault(project_id, []).append(leg)
    placed = [(project_id, leg) for project_id in sorted(by_project) for leg in merge(by_project[project_id])]
    return emit_placed(
        draft,
        about(draft, ("contract", contract.contract_id, contract.version), rule),
        place.booking,
        placed,
        contract_id=contract.contract_id,
        customer_id=contract.terms.customer_id,
        deliver=deliver,
    )
