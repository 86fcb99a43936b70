"""A forecast by month and in other currencies: what is booked, what remains by its weights, billings and cash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.accounts import PROJECT_COST, REVENUE
from domain.billing.statement import ISSUED
from domain.events.common import RemainingWork
from domain.explanation import Arithmetic, Node, less, negated, total
from domain.figure import Recorded, as_recorded, called, node_of, spread
from domain.forecast import completion
from domain.forecast.completion import CompletionBasis, added, cost_to_come, expected_billings, figures, unbilled
from domain.money import smallest_unit
from domain.outputs import ForecastFigures, ForecastMonth, ForecastUpdate
from domain.receivables.credit_memo import ERROR_REBILL
from domain.units import Amount
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.forecast_cash import Bill, CashNodes
from milepost.explain.forecasts import COST, FIGURES, HOURS, REVENUES, ForecastContext, ForecastNodes
from milepost.explain.journals import JournalNodes
from milepost.explain.records import RecordNodes
from milepost.explain.sources import Sources
from milepost.explain.statements import StatementNodes
from state.books import Contract, Posted
from state.forecast.expected import (
    Calendar,
    ExpectedBill,
    fee_months,
    months_of,
    months_of_invoice,
    oldest_open,
    work_months,
)
from state.forecast.figures import (
    Shape,
    as_estimated,
    as_planned,
    estimated_at,
    estimates_at,
    remaining_months,
    shape_of,
)
from state.forecast.kept_back import deposit_charges, deposits_of, is_deposit
from state.forecast.outlook import ledger_currency, lines_of, project_contracts, project_terms
from state.forecast.planned import first_month
from state.opening.record import month_of_opening
from state.terms.opening import balances_of
from state.trace import TracedOutput

MEASURES = ("hours", "cost", "revenue", "billings", "cash")
SHEETS = ("project", "ledger", "group")

Tally = tuple[Node, Node, Node]


class ForecastSheet(NamedTuple):
    """A forecast in one currency."""

    figures: Mapping[str, Node]
    months: Mapping[str, Mapping[str, Node]]


class MonthNodes:
    def __init__(
        self,
        sources: Sources,
        entries: EntryNodes,
        statements: StatementNodes,
        journals: JournalNodes,
        records: RecordNodes,
        forecasts: ForecastNodes,
    ) -> None:
        self.sources = sources
        self.entries = entries
        self.statements = statements
        self.journals = journals
        self.records = records
        self.forecasts = forecasts
        self.beside = CashNodes(sources, statements, forecasts)
        self._memo: dict[tuple[int, str, str], ForecastSheet] = {}

    def sheet(self, said: TracedOutput, which: str) -> ForecastSheet | None:
        """None where the forecast was not published in the currency."""
        published: ForecastFigures | None = getattr(said.record, which)
        if published is None:
            return None
        key = (said.step, said.record.project_id, which)
        if key not in self._memo:
            self._memo[key] = self._sheet(said, which, published)
        return self._memo[key]

    def _sheet(self, said: TracedOutput, which: str, published: ForecastFigures) -> ForecastSheet:
        own = self.forecasts.context(said)
        of = _in(own, published.currency)
        ledger = ledger_currency(of.draft, of.forecast.legal_entity_id) or own.currency
        project = of.draft.project(own.update.project_id)
        posted = (
            which != "project"
            and published.currency == ledger
            and any(key.endswith(f"|{ledger}") for key in project.posted)
        )
        booked = self._booked(of, posted=posted)
        burn = self._burn(of, booked, posted=posted)
        if not posted:
            booked = _settled(booked, burn)
        remaining = self._remaining(own, of)
        months = self._months(own, of, published, booked, remaining)
        return ForecastSheet(self._figures(own, of, published, burn, remaining), months)

    # What is booked

    def _booked(self, of: ForecastContext, *, posted: bool) -> dict[str, Tally]:
        """By service month; with `posted` at the ledger amounts of journals, else converted at the rate of the forecast's day."""
        hours: dict[str, list[Node]] = {}
        money: dict[tuple[str, int], dict[str, list[Node]]] = {}
        carried: dict[tuple[str, int], list[tuple[str, Node, Node]]] = {}
        for at in self.forecasts.entries_of(of):
            cost, price = at.work.cost, at.work.price
            if cost is not None:
                month = _month(cost.day)
                hours.setdefault(month, []).append(self.entries.worked_on(at))
                money.setdefault((month, COST), {}).setdefault(cost.currency, []).append(self.entries.cost(at, cost))
            if price is not None and price.earns:
                node = self.records.recognised(at.entry.entry_id, of.said.step)
                money.setdefault((_month(price.day), REVENUES), {}).setdefault(price.currency, []).append(node)
            if posted:
                self._carry(at, of.currency, carried)
        for issued, currency, node, entry_id in self.forecasts.rows_as_billed(of):
            place = _month(issued.day), REVENUES
            money.setdefault(place, {}).setdefault(currency, []).append(node)
            if posted and currency != of.currency:
                ledger = self.records.as_billed_in_ledger(entry_id, issued, of.said.step, of.currency)
                carried.setdefault(place, []).append((currency, node, ledger))
        names = {*hours, *(month for month, _ in money), *(month for month, _ in carried)}
        return {
            month: (
                total(f"hours booked in {month}", hours.get(month, []), "hours"),
                self._money(
                    of, f"cost booked in {month}", money.get((month, COST), {}), carried.get((month, COST), [])
                ),
                self._money(
                    of,
                    f"revenue booked in {month}",
                    money.get((month, REVENUES), {}),
                    carried.get((month, REVENUES), []),
                ),
            )
            for month in sorted(names)
        }

    def _carry(
        self, at: VersionStanding, ledger: str, carried: dict[tuple[str, int], list[tuple[str, Node, Node]]]
    ) -> None:
        """What the entry's journals in other currencies have in the ledger."""
        for journal in at.work.journals:
            if journal.currency == journal.ledger_currency or journal.ledger_currency != ledger:
                continue
            for number, leg in enumerate(journal.lines, 1):
                amount, in_ledger = self._leg(journal, number)
                if leg.account in PROJECT_COST:
                    found = (journal.currency, amount, in_ledger)
                    carried.setdefault((_month(journal.service_date), COST), []).append(found)
                elif leg.account in REVENUE:
                    found = (journal.currency, negated("revenue", amount), negated("revenue", in_ledger))
                    carried.setdefault((_month(journal.service_date), REVENUES), []).append(found)

    def _leg(self, posted: Posted, number: int) -> tuple[Node, Node]:
        """A journal's line with its name, so that it can be asked for; in transaction and in ledger currency."""
        whose = f"{posted.journal_id}#{number}"
        amount, ledger = (
            Node(f"journal line {whose}", node.value, "amount", node.currency, Arithmetic("same", (node,)), id=whose)
            for node in self.journals.figures(posted.journal_id, number)
        )
        return amount, ledger

    def _money(
        self,
        of: ForecastContext,
        title: str,
        by_currency: Mapping[str, list[Node]],
        carried: Sequence[tuple[str, Node, Node]],
    ) -> Node:
        parts = [in_ledger for _, _, in_ledger in carried]
        for own in sorted({*by_currency, *(currency for currency, _, _ in carried)}):
            whole = total(f"{title} in {own}", by_currency.get(own, []), "amount", own)
            amounts = [amount for currency, amount, _ in carried if currency == own]
            if amounts:
                whole = less(f"{title} in {own}, not in journals", whole, *amounts)
            if whole.value or not amounts:
                parts.append(self.forecasts.converted(whole, own, of))
        return parts[0] if len(parts) == 1 else total(title, parts, "amount", of.currency)

    def _burn(self, of: ForecastContext, booked: Mapping[str, Tally], *, posted: bool) -> Tally:
        if not posted:
            return self.forecasts.booked(of)
        titles = ("hours booked", "cost posted", "revenue posted")
        made = [
            total(title, [tally[place] for tally in booked.values()], *_unit(place, of.currency))
            for place, title in enumerate(titles)
        ]
        return made[0], made[1], made[2]

    # What remains

    def _remaining(self, own: ForecastContext, of: ForecastContext) -> Tally:
        """Revenue is converted; cost is the floor of each track less what is booked, in the currency."""
        made = self.forecasts.made(own)
        if own.currency == of.currency:
            return made["etc_hours"], made["etc_cost"], made["etc_revenue"]
        cost = node_of(cost_to_come(self.forecasts.tracks(of)), "cost to come", currency=of.currency)
        return made["etc_hours"], cost, self.forecasts.converted(made["etc_revenue"], own.currency, of)

    def shape(self, own: ForecastContext) -> Shape:
        """The months of what remains, and the weights of each."""
        draft, update = own.draft, own.update
        planned, first = self.forecasts.planned.left(own), first_month(update.as_of)
        found = as_estimated(self._estimated(own), first) or as_planned(planned)
        if found is not None:
            months, *by = found
            named = ([called(each, f"of {month}") for month, each in zip(months, own_, strict=True)] for own_ in by)
            return Shape(months, *named)
        of = project_terms(draft, update.project_id)
        return shape_of(draft, draft.project(update.project_id), own.forecast, of, planned, update.as_of)

    def _estimated(self, own: ForecastContext) -> Iterator[RemainingWork]:
        """What the estimates say that the figures rest on."""
        project, offsets = own.draft.project(own.update.project_id), estimated_at(own.forecast)
        for event in estimates_at(own.draft, project, own.lines, offsets):
            yield from self.forecasts.estimated(event, own.forecast.currency).remaining

    def _spread(self, own: ForecastContext, of: ForecastContext, remaining: Tally) -> dict[str, list[list[Node]]]:
        """What remains, by the months in which it lies; what is left of prices in months of its own."""
        shape, found = self.shape(own), dict[str, list[list[Node]]]()
        prices = [
            (month, Recorded(self.forecasts.converted(node_of(amount, ""), own.currency, of)))
            for month, amount in self._prices(own, shape)
        ]
        for month, tally in remaining_months(shape, _recorded(remaining), prices, of.currency):
            for place, amount in enumerate(tally):
                if isinstance(amount, Recorded):
                    found.setdefault(month, [[], [], []])[place].append(amount.node)
        return found

    def _prices(self, own: ForecastContext, shape: Shape) -> list[tuple[str, Amount]]:
        """What is left of each line's price by the months in which it is earned, in project currency."""
        found: list[tuple[str, Amount]] = []
        for line in self.forecasts.lines_earning(own):
            if line.earning.total is None:
                continue
            prices, months, weights = self.forecasts.prices, shape.months, shape.revenue
            left = Recorded(self.forecasts.converted(prices.left(line), line.earning.currency, own))
            if line.ahead.fees:
                by = prices.weights(line, own.update.as_of)
                months = [month for month, _ in by]
                weights = [Recorded(node) if node is not None else 1 for _, node in by]
            parts = zip(months, spread(left, weights, smallest_unit(own.currency)), strict=True)
            found += [(month, part) for month, part in parts if part]
        return found

    # Billings and cash

    def _issued(self, of: ForecastContext) -> tuple[dict[str, Node], dict[str, Node]]:
        """What statements billed by month, and when it is due."""
        billed: dict[tuple[str, str], list[Node]] = {}
        due: dict[tuple[str, str], list[Node]] = {}
        project_id = of.update.project_id
        for statement_id, parts in self.sources.trace.statements.items():
            first = next((one for one in parts if one.record.status == ISSUED and one.step <= of.said.step), None)
            until = self.sources.trace.superseded.get(statement_id)
            if first is None or (until is not None and until <= of.said.step):
                continue
            all_lines = tuple(self.statements.lines(statement_id))
            if not any(line.project_id == project_id for line in all_lines) and not self.beside.is_of(
                statement_id, project_id
            ):
                continue
            record = first.record._replace(lines=all_lines)
            bills, pays = months_of(self.sources.draft(first.step), record.bill_to, record.to, record.currency)
            lines = [
                self.statements.line(statement_id, number)
                for number, line in enumerate(record.lines, 1)
                if line.project_id == project_id
            ]
            node = total(f"of statement {statement_id}", lines, "amount", record.currency)
            for sums, key, amount in (
                (billed, bills, node),
                (due, pays, self.beside.due(statement_id, project_id, node)),
            ):
                sums.setdefault((key[:7], key[8:]), []).append(amount)
        self._before_the_books(of, billed, due)
        self._credited(of, billed, due)
        return self._by_month(of, "billed by statements", billed), self._by_month(of, "due of statements", due)

    def _before_the_books(
        self, of: ForecastContext, billed: dict[tuple[str, str], list[Node]], due: dict[tuple[str, str], list[Node]]
    ) -> None:
        project_id, step = of.update.project_id, of.said.step
        balances = balances_of(self.sources.draft(step), project_id)
        if balances is None:
            return
        for name, months, sums in (("billed", balances.billed, billed), ("due", balances.due, due)):
            for month in months:
                address, title = month_of_opening(project_id, name, month), f"{name} before the books begin"
                node = self.entries.recorded.sum(address, title, step, month[8:])
                sums.setdefault((month[:7], month[8:]), []).append(node)

    def _credited(
        self, of: ForecastContext, billed: dict[tuple[str, str], list[Node]], due: dict[tuple[str, str], list[Node]]
    ) -> None:
        """Credit memos take from what is due, and from what is billed where it is billed again."""
        memos = self.statements.credits
        for credit in memos.all:
            journal = credit.journal
            mine = journal.lines[0].project_id == of.update.project_id
            keeps = memos.retained_in(credit) == of.update.project_id
            if credit.said.step > of.said.step or not (mine or keeps):
                continue
            draft = self.sources.draft(credit.said.step)
            invoice = memos.receivable(credit)
            # Of a bill of before the books begin there is no statement; the books know its period.
            records = self.statements.records(invoice.statement_id)
            statement = records[0] if records else draft.statement(invoice.statement_id)
            assert statement is not None, "what is credited was billed"
            bills, pays = months_of_invoice(draft, invoice, statement.to)
            node = negated(f"credited by {journal.affected_id}", memos.amount(credit))
            if mine and credit.kind == ERROR_REBILL:
                billed.setdefault((bills[:7], bills[8:]), []).append(node)
            parts = [node] if mine else []
            parts += [memos.kept_back(credit)] if keeps else []
            if len(parts) > 1:
                parts = [total("credited, but for what is retained of it", parts, "amount", journal.currency)]
            due.setdefault((pays[:7], pays[8:]), []).extend(parts)

    def _by_month(
        self, of: ForecastContext, title: str, found: Mapping[tuple[str, str], list[Node]]
    ) -> dict[str, Node]:
        months: dict[str, list[Node]] = {}
        for (month, own), nodes in sorted(found.items()):
            whole = total(title, nodes, "amount", own)
            months.setdefault(month, []).append(self.forecasts.converted(whole, own, of))
        return {
            month: nodes[0] if len(nodes) == 1 else total(title, nodes, "amount", of.currency)
            for month, nodes in months.items()
        }

    def _expected(self, own: ForecastContext) -> list[Bill]:
        """Work that is not on a statement yet and work to come, by the calendar of the project's first contract."""
        contracts = project_contracts(own.draft, own.update.project_id)
        if not contracts:
            return []
        made = self.forecasts.made(own)
        accrued, left = self._accrued(own), made["etc_revenue"]
        shape, step = self.shape(own), smallest_unit(own.currency)
        by_hours = Recorded(left) - sum(amount for _, amount in self._prices(own, shape))
        found: list[Bill] = []
        draft, first = own.draft, contracts[0]
        if accrued.value:
            for month, node in self._not_issued(own, accrued, oldest_open(draft, first, own.update.as_of)):
                found += self._paid(own, first, work_months(draft, first, month), node, is_due=True)
        parts = spread(called(by_hours, "what hours will earn"), shape.revenue, step)
        for month, part in zip(shape.months, parts, strict=True):
            if part:
                found += self._paid(own, first, work_months(draft, first, month), node_of(part, ""))
        return [*found, *self._expected_of_prices(own, shape), *self._expected_deposits(own)]

    def _expected_of_prices(self, own: ForecastContext, shape: Shape) -> Iterator[Bill]:
        """Fees on their days, and units agreed where the hours are."""
        prices = self.forecasts.prices
        for line in self.forecasts.lines_earning(own):
            if line.earning.total is None:
                continue
            currency = line.earning.currency
            for fee, node in prices.charges(line, own.update.as_of):
                on, here = fee_months(own.draft, line.contract, fee.day), self.forecasts.converted(node, currency, own)
                yield from self._paid(own, line.contract, on, here, line.earning.line_id)
            if not line.ahead.fees:
                whole = Recorded(self.forecasts.converted(prices.to_deliver(line), currency, own))
                parts = spread(whole, shape.revenue, smallest_unit(own.currency))
                for month, part in zip(shape.months, parts, strict=True):
                    if part:
                        on = work_months(own.draft, line.contract, month)
                        yield from self._paid(own, line.contract, on, node_of(part, whole.node.title))

    def _expected_deposits(self, own: ForecastContext) -> Iterator[Bill]:
        """What is charged of deposits and not on a statement yet, and those that are due on a day to come."""
        project = own.draft.project(own.update.project_id)
        for contract in project_contracts(own.draft, own.update.project_id):
            currency = contract.terms.currency
            for plan, terms in deposits_of(own.draft, contract):
                line_id = plan.line.line_id
                if plan.line.project_id != own.update.project_id:
                    continue
                for charge in deposit_charges(own.draft, project, contract, plan, terms, own.update.as_of):
                    title = f"deposit of line {line_id}"
                    if charge.is_to_come:
                        node = self.beside.deposit(plan, terms)
                    else:
                        node = self._accrued_on(own, contract.contract_id, line_id, currency)._replace(title=title)
                    node = as_recorded(charge.amount, node).node
                    here = self.forecasts.converted(node, currency, own)
                    yield from self._paid(own, contract, fee_months(own.draft, contract, charge.day), here, line_id)

    def _paid(
        self,
        own: ForecastContext,
        contract: Contract,
        on: Calendar,
        node: Node,
        line_id: str = "",
        *,
        is_due: bool = False,
    ) -> Iterator[Bill]:
        """To each payer its share, in the month in which it pays (R12)."""
        contract_id = contract.contract_id
        if on.is_funded and contract.terms.currency == own.currency:
            yield Bill(ExpectedBill(on.billed, "", node.value or 0, contract_id, "", line_id, is_due), node)
            return
        for party, month in zip(on.parties, on.paid, strict=True):
            part = node
            if len(on.parties) > 1:
                share = self.statements.shares.sharing(contract_id, on.parties, party.customer_id, own.said.step)
                part = share(f"falls to {party.customer_id}", node)
            bill = ExpectedBill(on.billed, month, part.value or 0, contract_id, party.customer_id, line_id, is_due)
            yield Bill(bill, part)

    def _accrued(self, own: ForecastContext) -> Node:
        """Billable and not issued, of the project's lines."""
        found: dict[str, list[Node]] = {}
        for contract_id, line_id, currency in lines_of(own.draft, own.update.project_id):
            if not is_deposit(own.draft, contract_id, line_id):
                whole = self._accrued_on(own, contract_id, line_id, currency)
                found.setdefault(currency, []).append(self.forecasts.converted(whole, currency, own))
        return total("accrued", [node for nodes in found.values() for node in nodes], "amount", own.currency)

    def _accrued_on(self, own: ForecastContext, contract_id: str, line_id: str, currency: str) -> Node:
        nodes = []
        for entry_id in sorted(self.sources.trace.entry_ids()):
            entry = self.sources.trace.entry_at(entry_id, own.said.step)
            work = entry.standing if entry is not None else None
            price = work.price if work is not None else None
            priced = price is not None and (price.contract_id, price.line_id) == (contract_id, line_id)
            issued = entry is not None and any(
                (one.contract_id, one.line_id) == (contract_id, line_id) for one in entry.issued
            )
            if entry is None or not (priced or issued):
                continue
            if own.draft.billed_in(entry, contract_id, line_id) == own.update.project_id:
                nodes.append(self.records.accrued_on(entry_id, contract_id, {line_id}, own.said.step))
        return total(f"accrued on line {line_id}", [node for node in nodes if node.value], "amount", currency)

    def _not_issued(self, own: ForecastContext, accrued: Node, oldest: str) -> list[tuple[str, Node]]:
        """By service month, as far as it is later than the oldest open period; of what is earned in project currency."""
        found, currency = dict[str, list[Node]](), own.currency
        for at in self.forecasts.entries_of(own):
            price = at.work.price
            if price is not None and price.earns and price.currency == currency:
                revenue = self.records.recognised(at.entry.entry_id, own.said.step)
                found.setdefault(_month(price.day), []).append(revenue)
        for issued, of, node, _ in self.forecasts.rows_as_billed(own):
            if of == currency:
                found.setdefault(_month(issued.day), []).append(node)
        earned = [
            (month, Recorded(total(f"revenue booked in {month} in {currency}", nodes, "amount", currency)))
            for month, nodes in found.items()
        ]
        bills = expected_billings(Recorded(accrued), earned, oldest)
        return [(month, node_of(amount, "accrued", currency=currency)) for month, amount in bills]

    # Months and figures

    def _months(
        self,
        own: ForecastContext,
        of: ForecastContext,
        published: ForecastFigures,
        booked: Mapping[str, Tally],
        remaining: Tally,
    ) -> dict[str, dict[str, Node]]:
        to_come = self._spread(own, of, remaining) if any(node.value for node in remaining) else {}
        billed, due = self._issued(of)
        bills = self.beside.by_payer(own, self._expected(own))
        expected = [(bill, self.forecasts.converted(node, own.currency, of)) for bill, node in bills]
        beside = [
            (paid, self.forecasts.converted(node, own.currency, of)) for paid, node in self.beside.cash(own, bills)
        ]
        found: dict[str, dict[str, Node]] = {}
        for row in published.months:
            month = row.month
            parts: dict[str, list[Node]] = {name: [] for name in MEASURES}
            for place, name in enumerate(MEASURES[:3]):
                whole = booked.get(month)
                parts[name] += [whole[place]] if whole is not None else []
                parts[name] += to_come[month][place] if month in to_come else []
            parts["billings"] += [billed[month]] if month in billed else []
            parts["cash"] += [due[month]] if month in due else []
            for bill, node in expected:
                if bill.month == month:
                    parts["billings"].append(node._replace(title="expected to be billed"))
                if bill.paid == month:
                    is_refund = (node.value or 0) < 0
                    title = "expected to be given back" if is_refund else "expected to be paid"
                    parts["cash"].append(node._replace(title=title))
            parts["cash"] += [node for paid, node in beside if paid == month]
            found[month] = {name: _checked(row, name, nodes, of.currency) for name, nodes in parts.items()}
        return found

    def _figures(
        self, own: ForecastContext, of: ForecastContext, published: ForecastFigures, burn: Tally, remaining: Tally
    ) -> dict[str, Node]:
        """All that a set of figures says; of the project's own currency what the forecast itself was made of."""
        found = self.forecasts.made(own)
        if own.currency != of.currency or burn[COST] is not found["burn_cost"]:
            found = self._in_other(own, of, burn, remaining)
        budget = self.forecasts.budget_used(own)
        if budget is not None:
            found = {**found, "budget_used_percent": budget}
        names = [*FIGURES, "budget_used_percent"]
        stated = {name: value for name in names if (value := getattr(published, name, None)) is not None}
        return {name: as_recorded(value, found[name]).node for name, value in stated.items()}

    def _in_other(self, own: ForecastContext, of: ForecastContext, burn: Tally, remaining: Tally) -> dict[str, Node]:
        made = self.forecasts.made(own)
        backlog, billed = (
            Recorded(self.forecasts.converted(node, own.currency, of))
            for node in (made["backlog"], self.forecasts.billed(own))
        )
        now, left = _recorded(burn), _recorded(remaining)
        rest = unbilled(Recorded(self.forecasts.booked(of)[REVENUES]), backlog, billed)
        return self.forecasts.nodes(
            figures(of.currency, CompletionBasis(now, left, added(now, left), backlog, rest, None), {})
        )


def _recorded(tally: Tally) -> completion.Tally:
    hours, cost, revenue = map(Recorded, tally)
    return hours, cost, revenue


def _in(own: ForecastContext, currency: str) -> ForecastContext:
    figures = own.update.project._replace(currency=currency)
    update: ForecastUpdate = own.update._replace(project=figures)
    return own._replace(update=update)


def _settled(booked: Mapping[str, Tally], burn: Tally) -> dict[str, Tally]:
    """Months sum to the whole: what converting them one by one leaves is the last one's."""
    months = dict(booked)
    used = [month for month, tally in booked.items() if any(node.value for node in tally)]
    if not used:
        return months
    last, made = max(used), list(months[max(used)])
    for place, whole in enumerate(burn):
        parts = [tally[place] for tally in booked.values()]
        if sum(node.value or 0 for node in parts) != whole.value:
            rest = less("what converting month by month leaves", whole, *parts)
            made[place] = total(made[place].title, (made[place], rest), made[place].unit, made[place].currency)
    months[last] = (made[0], made[1], made[2])
    return months


def _checked(row: ForecastMonth, name: str, nodes: Sequence[Node], currency: str) -> Node:
    value = getattr(row, name)
    unit, own = ("hours", "") if name == "hours" else ("amount", currency)
    kept = [node for node in nodes if node.value]
    made = total(f"{name} of {row.month}", kept, unit, own, rule="R57")
    return as_recorded(value, made).node


def _unit(place: int, currency: str) -> tuple[str, str]:
    return ("hours", "") if place == HOURS else ("amount", currency)


def _month(day: Any) -> str:
    month: str = day.isoformat()[:7]
    return month
