"""Tables of project views: what funds contracts, what limits their billing, cash that is applied to no invoice, journals in the ERP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.identity import composed, escape
from domain.money import format_decimal
from domain.units import QUANTITY_SCALE
from milepost.console import amount_text
from milepost.tables import Table, percent_text

if TYPE_CHECKING:
    from connectors.files.lookup import Viewed
    from domain.outputs import ViewBalance


def funds(viewed: Sequence[Viewed]) -> list[Table]:
    return [*sources(viewed), *orders(viewed), *unapplied(viewed), *retainers(viewed), *postings(viewed)]


def sources(viewed: Sequence[Viewed]) -> list[Table]:
    """What is used and left of each source that funds a contract, over all of its projects, as the newest view has it; `id` is what
    `milepost explain` takes."""
    rows = [
        (
            balance.contract_id,
            one.source_id,
            one.bill_to,
            balance.currency,
            *("none" if amount is None else amount_text(amount) for amount in (one.limit, one.used)),
            "" if one.left is None else amount_text(one.left),
            f"{whose}#sources/{escape(one.source_id)}",
        )
        for whose, balance in _newest(viewed)
        for one in balance.sources
    ]
    columns = ("contract", "source", "bill to", "currency", "limit", "used", "left", "id")
    return [Table("Funding", columns, rows, frozenset({4, 5, 6}))] if rows else []


def orders(viewed: Sequence[Viewed]) -> list[Table]:
    """Every purchase order with a limit, over all lines of its contract; `id` is what `milepost explain` takes."""
    from domain.forecast.completion import percent

    rows = [
        (
            balance.contract_id,
            one.number,
            f"{one.effective_from}" if one.effective_from is not None else "the beginning",
            balance.currency,
            *map(amount_text, (one.limit, one.used, one.left)),
            percent_text(percent(one.used, one.limit)) if one.limit else "",
            f"{whose}#orders/{escape(one.number)}",
        )
        for whose, balance in _newest(viewed)
        for one in balance.orders
    ]
    columns = ("contract", "order", "work from", "currency", "limit", "used", "left", "used %", "id")
    return [Table("Purchase orders", columns, rows, frozenset({4, 5, 6, 7}))] if rows else []


def unapplied(viewed: Sequence[Viewed]) -> list[Table]:
    """By payment; several projects of a customer have the same."""
    found = {
        (one.payment_id, one.legal_entity_id): (each.view.project_id, one)
        for each in _by_age(viewed)
        for one in each.view.unapplied
    }
    rows = [
        (
            one.payment_id,
            one.customer_id,
            one.legal_entity_id,
            one.currency,
            amount_text(one.amount),
            f"{project_id}#unapplied/{escape(one.payment_id)}/{escape(one.legal_entity_id)}",
        )
        for _, (project_id, one) in sorted(found.items())
    ]
    columns = ("payment", "customer", "company", "currency", "amount", "id")
    return [Table("Unapplied cash", columns, rows, frozenset({4}))] if rows else []


def retainers(viewed: Sequence[Viewed]) -> list[Table]:
    """What each has left to draw, and what of it expires next."""
    rows = []
    for each in viewed:
        for one in each.view.retainers:
            id_ = f"{each.view.project_id}#retainers/{composed(one.contract_id, one.line_id)}/left"
            left, expires = (format_decimal(quantity, QUANTITY_SCALE, 2) for quantity in (one.left, one.expires))
            until = (expires, f"{one.expires_on}") if one.expires_on is not None else ("", "never")
            rows.append((one.contract_id, one.line_id, one.unit, left, *until, id_))
    columns = ("contract", "line", "unit", "left", "expires", "on", "id")
    return [Table("Retainers, with fees of the next day", columns, rows, frozenset({3, 4}))] if rows else []


def postings(viewed: Sequence[Viewed]) -> list[Table]:
    """Journals by where they stand in the ERP; nothing where no ERP has answered."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for each in viewed:
        for one in each.view.postings:
            count, amount = sums.get((one.currency, one.standing), (0, 0))
            sums[one.currency, one.standing] = count + one.journal_count, amount + one.amount
    if all(standing == "to_send" for _, standing in sums):
        return []
    rows = [
        (standing.replace("_", " "), currency, f"{count:,}", amount_text(amount))
        for (currency, standing), (count, amount) in sorted(sums.items())
    ]
    return [Table("Journals in the ERP", ("standing", "currency", "journals", "debits"), rows, frozenset({2, 3}))]


def _newest(viewed: Sequence[Viewed]) -> list[tuple[str, ViewBalance]]:
    """Of each contract the newest balance, by whichever of its projects has it, with the name that it has there."""
    found: dict[str, tuple[str, ViewBalance]] = {}
    for each in _by_age(viewed):
        view = each.view
        for balance in view.balances:
            several = len(view.balances) > 1
            found[balance.contract_id] = (
                f"{view.project_id}/{balance.contract_id}" if several else view.project_id,
                balance,
            )
    return [one for _, one in sorted(found.items())]


def _by_age(viewed: Sequence[Viewed]) -> list[Viewed]:
    return sorted(viewed, key=lambda each: (each.position.recorded_at, each.position.output_seq))
