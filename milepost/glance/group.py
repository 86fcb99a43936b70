"""`milepost ledger --group`: what companies of the group charge and owe each other, and what the group makes once that is taken out."""

from collections.abc import Container, Iterable
from functools import partial
from typing import Final

from domain.accounts import PROJECT_COST, REVENUE
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY_COST, INTERCOMPANY_REVENUE
from domain.identity import composed
from domain.ledger.group import TRANSFERRED, CompanyPair, CompanyResult, Group, GroupResult, PairLine, results
from domain.outputs import JournalEntry
from milepost.glance.figures import AMOUNT, LEDGER, UNKNOWN, Elsewhere, Figure, Part, SameRow, less, moved_part, sum_of
from milepost.glance.sheet import TOTAL, CellKind, Glance, GlanceColumn, GlanceReport, GlanceRow, in_rows, keyed, row_of

GROUP: Final = "group"
# Before the id of a company; that of two companies has theirs and the currency.
COMPANY: Final = "company"
PAIRS: Final = (
    GlanceColumn("lender", "from company", CellKind.ID),
    GlanceColumn("borrower", "to", CellKind.ID),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("pairs", "pairs", CellKind.COUNT, 1),
    GlanceColumn("charged", INTERCOMPANY_REVENUE),
    GlanceColumn("borne", INTERCOMPANY_COST),
    GlanceColumn("difference", "difference"),
    GlanceColumn("due_from", DUE_FROM),
    GlanceColumn("due_to", DUE_TO),
    GlanceColumn("due_difference", "difference owed"),
    GlanceColumn("lender_currency", "ledger", CellKind.TEXT, 3),
    GlanceColumn("charged_in_ledger", f"{INTERCOMPANY_REVENUE} there", CellKind.AMOUNT, 2),
    GlanceColumn("borrower_currency", "ledger of the other", CellKind.TEXT, 4),
    GlanceColumn("borne_in_ledger", f"{INTERCOMPANY_COST} there", CellKind.AMOUNT, 2),
    GlanceColumn("exchange_difference", "exchange difference", CellKind.AMOUNT, 1),
)
RESULTS: Final = (
    GlanceColumn("company", "company", CellKind.ID),
    GlanceColumn("currency", "ledger currency", CellKind.TEXT),
    GlanceColumn("revenue", "revenue"),
    GlanceColumn("cost", "cost"),
    GlanceColumn("transferred", "charged to others"),
    GlanceColumn("profit", "profit"),
)


def group_report(journals: Iterable[JournalEntry], period: str | None) -> GlanceReport:
    """Of the journals of a period, or of all; `journals` are all."""
    group = Group(period)
    for journal in journals:
        group.add(journal)
    asked = (f"period={period}",) if period is not None else ()
    of = f" in {period}" if period is not None else ""
    pairs, companies = group.pairs(), group.companies()
    rows = [_company(group, each) for each in companies]
    wholes = results(companies)
    totals = [_whole(each, [row for row in rows if row.cells["currency"] == each.ledger_currency]) for each in wholes]
    titles = (
        f"What companies charge and owe each other{of}, in the currency of the transfer",
        f"What companies make{of}, and the group without what they charge each other",
    )
    return GlanceReport(
        GROUP,
        titles[1],
        (
            ("pairs", Glance(GROUP, titles[0], "", PAIRS, [_pair(group, each) for each in pairs], asked=asked)),
            ("results", Glance(GROUP, titles[1], "", RESULTS, rows, totals, asked=asked)),
        ),
        [*_agree(pairs, period), *_currencies(wholes)],
    )


def _pair(group: Group, pair: CompanyPair) -> GlanceRow:
    texts = {
        **{name: getattr(pair, name) or None for name in ("lender", "borrower", "currency")},
        **{name: getattr(pair, name) or None for name in ("lender_currency", "borrower_currency")},
        "pairs": pair.pairs,
    }
    figures = {
        name: Figure(getattr(pair, name), partial(_parts, group, pair, account, sign, measure))
        for name, account, sign, measure in (
            ("charged", INTERCOMPANY_REVENUE, -1, AMOUNT),
            ("borne", INTERCOMPANY_COST, 1, AMOUNT),
            ("due_from", DUE_FROM, 1, AMOUNT),
            ("due_to", DUE_TO, -1, AMOUNT),
            ("charged_in_ledger", INTERCOMPANY_REVENUE, -1, LEDGER),
            ("borne_in_ledger", INTERCOMPANY_COST, 1, LEDGER),
        )
    }
    figures["difference"] = less(figures, "charged", "borne")
    figures["due_difference"] = less(figures, "due_from", "due_to")
    compared = pair.exchange_difference is not None
    figures["exchange_difference"] = less(figures, "charged_in_ledger", "borne_in_ledger") if compared else UNKNOWN
    return row_of(pair[:3], texts, figures)


def _parts(group: Group, pair: CompanyPair, account: str, sign: int, measure: str) -> list[Part]:
    return [_line(line, sign, measure) for line in group.lines_of(pair) if line.account == account]


def _line(line: PairLine, sign: int, measure: str) -> Part:
    value = line.amount if measure == AMOUNT else line.ledger_amount
    id_ = f"{line.journal_id}#{line.number}/{measure}"
    return Part(sign * value, Elsewhere(f"{line.accounting_date} {line.account}", id_, sign < 0))


def _company(group: Group, company: CompanyResult) -> GlanceRow:
    """Each figure as the company's ledger has it, by period and account."""

    def of(accounts: Container[str], sign: int) -> Figure:
        return sum_of(
            [moved_part(company.legal_entity_id, *each, is_credit=sign < 0) for each in group.moved(company, accounts)]
        )

    figures = {"revenue": of(REVENUE, -1), "cost": of(PROJECT_COST, 1), "transferred": of(TRANSFERRED, -1)}
    margin = less(figures, "revenue", "cost")._replace(title="revenue less cost")
    parts = [Part(margin.value or 0, margin), Part(company.transferred, SameRow("transferred"))]
    figures["profit"] = Figure(company.profit, lambda: parts)
    texts = {"company": company.legal_entity_id, "currency": company.ledger_currency}
    return keyed(composed(COMPANY, company.legal_entity_id), texts, figures)


def _whole(whole: GroupResult, rows: list[GlanceRow]) -> GlanceRow:
    """Of companies that keep their books in one currency; what they charge each other is in no profit."""
    figures = {
        name: Figure(value, partial(in_rows, rows, name))
        for name, value in (("revenue", whole.revenue), ("cost", whole.cost), ("transferred", whole.eliminated))
    }
    figures["profit"] = less(figures, "revenue", "cost")
    texts = {"company": GROUP, "currency": whole.ledger_currency}
    return keyed(composed(TOTAL, whole.ledger_currency), texts, figures)


def _agree(pairs: list[CompanyPair], period: str | None) -> list[str]:
    wrong = sum(1 for pair in pairs if any(pair.differences))
    if wrong and period is not None:
        why = "where one of the two had closed it, its half is in its next open period"
        return [f"{wrong} pairs of companies do not agree in {period}: {why}; without --period all halves are together"]
    if wrong:
        return [f"{wrong} pairs of companies do not agree: milepost verify says which journals"]
    agree = "All pairs agree: what is charged and owed is nothing in the group, in the currency of each transfer"
    return [agree] if pairs else []


def _currencies(wholes: list[GroupResult]) -> list[str]:
    if len(wholes) < 2:
        return []
    return [
        "Each row of the group is of companies that keep their books in that currency; what they charge each other cancels across rows"
    ]
