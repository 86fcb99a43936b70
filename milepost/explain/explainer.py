"""Every figure of one engagement by its id.

| id | figure |
|---|---|
| `PRJ-1.9f0c…` | a journal, a statement, an exception: whatever Milepost gave the id |
| `PRJ-1.9f0c…#2` | the second line of a journal or statement |
| `PRJ-1.9f0c…#2/ledger` | of a journal line, the amount in ledger currency |
| `PRJ-1.K-1/C-1/2026-03-01/1#tax/1` | the first tax group of a statement; `#undetermined_tax/1` the first base that no policy covers |
| `T-1` | a time entry; `T-1#accrued` one of its figures, `T-1#accrued@123` as the record at log offset 123 left it |
| `expense/E-1` | a charge: also `delivery/D-1`, `fee/K-1/L-1/milestone/M-1`, `revenue/K-1/L-1/2026-01`; its figures likewise |
| `PRJ-1` | all balances of a project; `PRJ-1#accrued` one of them, `PRJ-1/K-1#accrued` where it has several contracts |
| `PRJ-1#forecast` | its latest forecast; `PRJ-1#eac_cost` one of the figures, in project currency; others as `forecast_paths` names them |
| `PRJ-1.77c0…` | an alert; `PRJ-1.77c0…#used_amount` one of its figures |
"""

from domain.explanation import Node
from domain.outputs import ExceptionRaised, ProjectView
from domain.why import Disagreement
from milepost.explain.alike_rows import AlikeRows
from milepost.explain.allocation import AllocationNodes
from milepost.explain.asked_books import AskedBooks
from milepost.explain.asked_rows import AskedRows
from milepost.explain.balances import FIGURES, BalanceNodes, CashAndOrderNodes
from milepost.explain.caps import CapNodes
from milepost.explain.charges import ChargeNodes, UnissuedNodes
from milepost.explain.cuts import cuts
from milepost.explain.drawing import DrawingNodes, RetainerLeftNodes
from milepost.explain.earned import EarnedNodes
from milepost.explain.entries import EntryNodes
from milepost.explain.entry_journals import EntryJournals
from milepost.explain.exceptions import AlertNodes, ExceptionNodes
from milepost.explain.fees import FeeNodes
from milepost.explain.forecast_changes import ForecastChanges
from milepost.explain.forecast_paths import ForecastPaths
from milepost.explain.forecasts import ForecastCapNodes, ForecastNodes, PriceNodes
from milepost.explain.funding import FundingNodes
from milepost.explain.given_up import GivenUpNodes
from milepost.explain.journals import Exchanges, JournalLines, JournalNodes, PositionNodes
from milepost.explain.liability import LiabilityNodes
from milepost.explain.nodes import Nodes
from milepost.explain.provisions import ProvisionNodes
from milepost.explain.published import refused
from milepost.explain.recorded import RecordedNodes
from milepost.explain.records import RecordNodes
from milepost.explain.refunds import RefundNodes
from milepost.explain.retention import RetentionNodes
from milepost.explain.sources import Sources
from milepost.explain.spending import SpendingNodes
from milepost.explain.statements import StatementNodes
from milepost.explain.taxes import TaxNodes
from milepost.explain.variable_price import VariableNodes
from state.trace import Trace


class Explainer:
    """What explains each kind of figure is made once, and knows all others."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.refused: list[Disagreement] = []
        self.sources = Sources(trace)
        self.recorded = RecordedNodes(self.sources)
        self.entries = EntryNodes(self)
        self.charges = ChargeNodes(self)
        self.fees = FeeNodes(self)
        self.variable = VariableNodes(self)
        self.over_time = EarnedNodes(self)
        self.spending = SpendingNodes(self)
        self.allocation = AllocationNodes(self)
        self.drawing = DrawingNodes(self)
        self.caps = CapNodes(self)
        self.unissued = UnissuedNodes(self)
        self.given_up = GivenUpNodes(self)
        self.statements = StatementNodes(self)
        self.retention = RetentionNodes(self)
        self.taxes = TaxNodes(self)
        self.funding = FundingNodes(self)
        self.lines = JournalLines(self)
        self.exchanges = Exchanges(self)
        self.positions = PositionNodes(self)
        self.entry_journals = EntryJournals(self)
        self.journals = JournalNodes(self)
        self.records = RecordNodes(self)
        self.liability = LiabilityNodes(self)
        self.provisions = ProvisionNodes(self)
        self.refunds = RefundNodes(self)
        self.listed = CashAndOrderNodes(self)
        self.retainers = RetainerLeftNodes(self)
        self.rows = AskedRows(self)
        self.alike = AlikeRows(self)
        self.prices = PriceNodes(self)
        self.books = AskedBooks(self)
        self.balances = BalanceNodes(self)
        self.forecasts = ForecastNodes(self)
        self.forecast_caps = ForecastCapNodes(self)
        self.changes = ForecastChanges(self)
        self.paths = ForecastPaths(self)
        self.alerts = AlertNodes(self)
        self.exceptions = ExceptionNodes(self)

    def close(self) -> None:
        """Nothing is explained any more. Numbers in rows hold what explains them, and Python looks for no such rings: these are opened."""
        self.sources.trace.close()
        self.recorded.resolvers.clear()
        for nodes in [one for one in vars(self).values() if isinstance(one, Nodes)]:
            vars(nodes).clear()

    @property
    def last(self) -> int:
        """The newest step."""
        return len(self.trace.steps) - 1

    def explain(self, wanted: str) -> Node | None:
        """None where the engagement has no such figure. One that differs from what its rule has says so, and others are explained."""
        try:
            return self._explained(wanted)
        except Disagreement as differs:
            self.refused.append(differs)
            return refused(wanted, differs)

    def _explained(self, wanted: str) -> Node | None:
        found = (self._part(whole, part) for whole, part in cuts(wanted, "#"))
        return self._record(wanted) or next((node for node in found if node is not None), None)

    def _record(self, wanted: str) -> Node | None:
        trace = self.trace
        if wanted in trace.journals:
            return self.journals.journal(wanted)
        if wanted in trace.statements:
            return self.statements.statement(wanted)
        if wanted in trace.exceptions:
            return self.exceptions.exception(wanted) if self._was_raised(wanted) else None
        alert = self.alerts.alert(wanted)
        if alert is not None:
            return alert
        if trace.entry_at(wanted, self.last) is not None:
            return self.records.entry(wanted, self.last)
        if wanted in trace.views:
            return self.balances.view(trace.views[wanted][-1])
        for project_id, contract_id in cuts(wanted, "/"):
            for said in trace.views.get(project_id, ())[-1:]:
                for one in said.record.balances:
                    if one.contract_id == contract_id:
                        return self.balances.balance(said, one)
        is_published = wanted == trace.engagement_id and trace.views
        return self._of_contract(wanted) or (self._engagement() if is_published else None)

    def _was_raised(self, exception_id: str) -> bool:
        return any(isinstance(one.record, ExceptionRaised) for one in self.trace.exceptions[exception_id])

    def _engagement(self) -> Node:
        views = tuple(self.balances.view(said[-1]) for _, said in sorted(self.trace.views.items()))
        return Node(f"Contract group {self.trace.engagement_id}", why=views, id=self.trace.engagement_id)

    def _of_contract(self, contract_id: str) -> Node | None:
        """The contract's balances on every project of the engagement."""
        found = tuple(
            self.balances.balance(said[-1], balance)._replace(title=f"project {project_id}, in {balance.currency}")
            for project_id, said in sorted(self.trace.views.items())
            for balance in said[-1].record.balances
            if balance.contract_id == contract_id
        )
        return Node(f"Contract {contract_id}", why=found, id=contract_id) if found else None

    def _tax(self, statement_id: str, name: str, number: int) -> Node | None:
        record, taxes = self.statements.record(statement_id), self.taxes
        if not 1 <= number <= len(record.tax if name == "tax" else record.undetermined_tax):
            return None
        return taxes.group(statement_id, number) if name == "tax" else taxes.open_group(statement_id, number)

    def _part(self, whole: str, part: str) -> Node | None:
        trace = self.trace
        number, _, which = part.partition("/")
        if whole in trace.journals and number.isdigit() and 1 <= int(number) <= len(trace.journals[whole].record.lines):
            if not which:
                return self.journals.line(whole, int(number))
            amount, ledger = self.lines.figures(whole, int(number))
            return {"amount": amount, "ledger": ledger}.get(which)
        if whole in trace.statements and part.isdigit() and 1 <= int(part) <= len(self.statements.lines(whole)):
            return self.statements.line(whole, int(part))
        if whole in trace.statements and which.isdigit() and number in {"tax", "undetermined_tax"}:
            return self._tax(whole, number, int(which))
        if whole in trace.exceptions and part == "amount" and self._was_raised(whole):
            return self.exceptions.blocks(whole)
        alert = self.alerts.figure(whole, part)
        if alert is not None:
            return alert
        if trace.entry_at(whole, self.last) is not None:
            return self._of_entry(whole, part)
        found = (self._balance(*place, whole, part) for place in ((whole, ""), *cuts(whole, "/")))
        return next((node for node in found if node is not None), None)

    def _of_entry(self, entry_id: str, part: str) -> Node | None:
        """`billable`, or `billable@123`: as the record at log offset 123 left it."""
        name, _, offset = part.rpartition("@")
        step = self.last
        if not name or not offset.isdigit():
            name = part
        else:
            step = self.trace.step_before(int(offset))
        wanted = f"{entry_id}#{name}"
        found = next((node for node in self.records.figures(entry_id, step) if node.id == wanted), None)
        at = self.entries.standing(entry_id, step) if found is None else None
        if at is not None:
            found = self.caps.named(at, name)
        return found._replace(id=f"{entry_id}#{part}") if found is not None else None

    def _balance(self, project_id: str, contract_id: str, whole: str, name: str) -> Node | None:
        said = self.trace.views.get(project_id)
        if said is None:
            return self.paths.node(project_id, name)
        view: ProjectView = said[-1].record
        burn = next((make for of, make in self.balances.burn(said[-1]) if of == f"{whole}#{name}"), None)
        if burn is not None:
            return burn()
        balances = [one for one in view.balances if contract_id in ("", one.contract_id)]
        parts = (*self.listed.parts(said[-1], balances, whole), *self.retainers.parts(said[-1]))
        listed = [make for of, make in parts if of == name]
        if len(listed) == 1:
            return listed[0]()
        if name not in FIGURES:
            return self.paths.node(project_id, name)
        return self.balances.figure(said[-1], balances[0], name) if len(balances) == 1 else None
