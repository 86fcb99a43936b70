"""What customers keep of bills to come, and what deposits pay of them: expected statements in the order in which they will be cut.

Each withholds and releases by the terms of its day as it will when it is cut (`domain/billing/retention.py`), and a deposit billed by then
is set against it by its rule (`domain/terms/deposit.py`). What is retained is released on the day that the terms in force on it name, else
with the statement of the contract's last day; where neither is known it is expected in no month. A project's own bills count, in its
currency: what a contract bills of other projects is not known here.

    1,000.00 a month, 10 % retained until 31 July, 1,500.00 left of a deposit: of April's and May's bills 0.00 and 300.00 are expected,
    of June's 900.00; on 31 July 300.00 fall due
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.billing import retention as rule
from domain.billing.retention import NOTHING, BillToAccount, Retained
from domain.events.commercial import ContractSigned
from domain.events.common import Deposit
from domain.figure import called, exchanged, percent_taken
from domain.reference.exchange import Exchange
from domain.sums import summed
from domain.terms import methods
from domain.terms.deposit import DEPOSIT, DepositBefore, set_against
from domain.units import Amount
from state.billing.deposits import asked_beside, available_to, deposit_lines, used_by_payer
from state.billing.retention import account_of, holders, prices
from state.books import Contract, LineTotals, Project
from state.charges.terms_known import is_charged, last_day
from state.draft import Draft
from state.forecast.expected import ExpectedBill, billed_on, day_after, expected_deposit, issue_day, paid_on
from state.forecast.outlook import ONE_DAY, has_ended
from state.terms.periods import open_period
from state.terms.plan import LinePlan, contract_policies, stored_on, terms_on
from state.totals import month_of


class ExpectedWithholding(NamedTuple):
    """Of what one payer is expected to be billed on a day, in project currency; a bill of nothing is what a release comes with. `applied`
    is what of deposits is set against it."""

    contract_id: str
    bill_to: str
    day: date
    paid: str
    gross: Amount = 0
    withholding: Retained = NOTHING
    applied: tuple[Amount, ...] = ()

    @property
    def cash(self) -> Amount:
        """What is paid beside what is billed."""
        held = self.withholding
        return held.released - held.retained - sum(self.applied)


class DepositCharge(NamedTuple):
    """Of a deposit, in contract currency, with a day of the period in which it is billed."""

    amount: Amount
    day: date


def deposits_of(draft: Draft, contract: Contract) -> list[tuple[LinePlan, Deposit]]:
    return draft.of_terms("deposits of", contract, deposit_lines)


def is_deposit(draft: Draft, contract_id: str, line_id: str) -> bool:
    contract = draft.contract(contract_id)
    return contract is not None and any(plan.line.line_id == line_id for plan, _ in deposits_of(draft, contract))


def deposits_to_come(
    draft: Draft, project: Project, contract: Contract, to: Exchange, currency: str, as_of: date
) -> Iterator[ExpectedBill]:
    """What is charged of deposits and not on a statement yet, and those that are due on a day to come."""
    for plan, terms in deposits_of(draft, contract):
        if plan.line.project_id == project.project_id:
            for amount, day in deposit_charges(draft, project, contract, plan, terms, as_of):
                here = exchanged(amount, to, currency, plan.policies.money_mode)
                yield from expected_deposit(draft, contract, plan.line.line_id, here, day, currency)


def deposit_charges(
    draft: Draft, project: Project, contract: Contract, plan: LinePlan, terms: Deposit, as_of: date
) -> Iterator[DepositCharge]:
    line_id = plan.line.line_id
    totals = draft.line(contract.contract_id, line_id)
    if totals.billable != totals.issued:
        period = open_period(draft, contract)
        due = called(totals.billable - totals.issued, f"deposit of line {line_id}")
        yield DepositCharge(due, period.start if period is not None else as_of)
    is_agreed = any(line.line_id == line_id for line in contract.terms.lines)
    last = last_day(contract)
    is_over = has_ended(draft, project, as_of) or (last is not None and last < terms.due_on)
    if (
        terms.due_on > as_of
        and is_agreed
        and not is_over
        and not is_charged(draft, contract.contract_id, line_id, DEPOSIT)
    ):
        yield DepositCharge(terms.amount, terms.due_on)


def kept_back(
    draft: Draft,
    project: Project,
    contract: Contract,
    bills: Iterable[ExpectedBill],
    to: Exchange,
    currency: str,
    as_of: date,
) -> Iterator[ExpectedWithholding]:
    """`bills` are the contract's, in project currency, to which amounts of the contract are brought by `to`."""
    walk = _Walk(draft, project, contract, to, currency, as_of)
    by_day: dict[date, list[ExpectedBill]] = {}
    for bill in bills:
        if not bill.amount:
            continue
        by_day.setdefault(bill.billed, []).append(bill)
    named = walk.named_days()
    for day in sorted({*by_day, *named}):
        if day in by_day:
            yield from walk.cut(day, by_day[day])
        if day in named:
            yield from walk.release(day, day_after(draft, contract, day))
    yield from walk.release_with_last_bill()


class _Walk:
    """The accounts of one contract's bill-tos, as the bills to come leave them."""

    def __init__(
        self, draft: Draft, project: Project, contract: Contract, to: Exchange, currency: str, as_of: date
    ) -> None:
        self.draft = draft
        self.project_id = project.project_id
        self.contract = contract
        self.to = to
        self.currency = currency
        self.as_of = as_of
        self.last = last_day(contract)
        self.mode = contract_policies(draft, contract).money_mode
        self.deposits = [one for one in deposits_of(draft, contract) if one[0].line.project_id == project.project_id]
        self.left: dict[str, Amount] = {}
        self.billed: dict[str, Amount] = {}
        self.reached: dict[str, int | None] = {}
        self.available: dict[tuple[str, str], Amount] = {}
        self.used: dict[tuple[str, str], Amount] = {}
        self.asked: Counter[str] = Counter()
        for bill_to in holders(draft, contract.contract_id):
            self._open(bill_to)
        self.completed = self._completed_so_far(contract.terms)

    def _here(self, amount: Amount) -> Amount:
        return exchanged(amount, self.to, self.currency, self.mode)

    def _open(self, bill_to: str) -> None:
        if bill_to in self.left:
            return
        account = account_of(self.draft, self.contract.contract_id, bill_to)
        self.left[bill_to] = self._here(sum(one.left for one in account.withheld if one.project_id == self.project_id))
        self.billed[bill_to] = self._here(account.billed)
        self.reached[bill_to] = account.reached
        for plan, _ in self.deposits:
            line_id = plan.line.line_id
            self.available[line_id, bill_to] = self._here(
                available_to(self.draft, self.contract, line_id, bill_to) or 0
            )
            self.used[line_id, bill_to] = self._here(used_by_payer(self.draft, self.contract, line_id, bill_to))

    def _completed_so_far(self, terms: ContractSigned) -> Amount:
        """What may be billed of the lines that have a price: what is not issued of it is among the bills to come."""
        lines: list[LineTotals] = [
            self.draft.line(self.contract.contract_id, line.line_id) for line, _, _ in rule.priced_lines(terms)
        ]
        return self._here(sum(totals.billable for totals in lines))

    # A cut

    def cut(self, day: date, bills: Sequence[ExpectedBill]) -> Iterator[ExpectedWithholding]:
        terms = terms_on(self.contract, day)
        own = {plan.line.line_id for plan, _ in self.deposits}
        self.completed += sum(bill.amount for bill in bills if self._counts(terms, bill))
        gross = summed(((bill.bill_to, bill.paid), bill.amount) for bill in bills if bill.line_id not in own)
        for bill in bills:
            if bill.line_id in own:
                self._open(bill.bill_to)
                self.available[bill.line_id, bill.bill_to] += bill.amount
        for (bill_to, paid), amount in sorted(gross.items()):
            self._open(bill_to)
            held = self._withheld(terms, day, bill_to, amount)
            self.left[bill_to] += held.retained - held.released
            found = tuple(self._applied(day, bill_to, amount, held))
            made = ExpectedWithholding(self.contract.contract_id, bill_to, day, paid, amount, held, found)
            self.asked[bill_to] += amount + made.cash
            yield made

    def _counts(self, terms: ContractSigned, bill: ExpectedBill) -> bool:
        """Hours count where every line has a price on which hours earn."""
        priced = {line.line_id for line, _, _ in rule.priced_lines(terms)}
        if bill.is_due or not priced:
            return False
        if bill.line_id:
            return bill.line_id in priced
        return all(line.line_id in priced for line in terms.lines if methods.earns_by_hours(line.terms))

    def _withheld(self, terms: ContractSigned, day: date, bill_to: str, gross: Amount) -> Retained:
        agreed, left = terms.retention, self.left[bill_to]
        if agreed is None:
            return Retained(released=left)
        if rule.has_ended(agreed, self.last, day + ONE_DAY, issue_day(self.draft, self.contract, day)):
            return Retained(released=left) if agreed.release_on is None else NOTHING
        account = BillToAccount(left, self.billed[bill_to], self.reached[bill_to])
        price = self._here(sum(price for _, price in prices(self.draft, self.contract, day)))
        kept = rule.of_bill(agreed.steps, gross, account, (int(self.completed), price), self.currency, self.mode)
        self.billed[bill_to], self.reached[bill_to] = rule.billed_after(account.billed, gross), kept.reached
        return kept

    def _applied(self, day: date, bill_to: str, gross: Amount, held: Retained) -> Iterator[Amount]:
        places = [(plan.line.line_id, bill_to) for plan, _ in self.deposits]
        before = [
            DepositBefore(terms, self.available[place], self.used[place], self._share_of(plan, terms, gross))
            for (plan, terms), place in zip(self.deposits, places, strict=True)
        ]
        bill, asked = gross - held.retained, 0
        if before and bill < 0:
            asked = self._here(asked_beside(self.draft, self.contract, bill_to)) + self.asked[bill_to] + held.released
        is_last = self.last is not None and self.last <= day
        for at, amount in set_against(before, bill, asked, is_last=is_last):
            self.available[places[at]] -= amount
            self.used[places[at]] += amount
            yield amount

    def _share_of(self, plan: LinePlan, terms: Deposit, gross: Amount) -> Amount:
        percent = terms.percent or 0
        return percent_taken(gross, percent, self.currency, plan.policies.money_mode, "share of the bill", "R31")

    # Releases

    def named_days(self) -> list[date]:
        """On which all is released by a statement of its own, without grace: of each version of the terms the first on which it holds and
        its day is reached, the next where that is over."""
        found = []
        for stored in self.contract.history:
            agreed = stored.terms.retention
            if agreed is not None and agreed.release_on is not None:
                day = max(agreed.release_on, stored.effective_on, self.as_of + ONE_DAY)
                if stored_on(self.contract, day) is stored:
                    found.append(day)
        return sorted(found)

    def release(self, day: date, issued: date) -> Iterator[ExpectedWithholding]:
        for bill_to, left in sorted(self.left.items()):
            if left:
                paid = month_of(paid_on(self.draft, bill_to, issued))
                self.left[bill_to] = 0
                self.asked[bill_to] += left
                yield ExpectedWithholding(self.contract.contract_id, bill_to, day, paid, 0, Retained(released=left))

    def release_with_last_bill(self) -> Iterator[ExpectedWithholding]:
        """What bills to come leave retained, where the terms of the last one name no day; on the next day where its period is closed."""
        if self.last is None:
            return
        on = billed_on(self.draft, self.contract, self.last) or self.last
        agreed = terms_on(self.contract, on).retention
        if agreed is None or agreed.release_on is None:
            period = open_period(self.draft, self.contract)
            is_to_come = period is not None and period.start <= on
            day = on if is_to_come else max(on, self.as_of + ONE_DAY)
            yield from self.release(day, issue_day(self.draft, self.contract, day))
