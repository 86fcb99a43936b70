"""Some twenty rules with one line changed in each: another choice, bound or order, as a firm or a mistake might have it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

FOLLOW: Final = "follow"
REFUSED: Final = "refused by the recorder"


class Change(NamedTuple):
    """`before` stands once in the file; `scenarios` show the rule. What explanations do with it: they `FOLLOW`, or the recorder refuses a
    step whose arithmetic is not the rule's (`REFUSED`). None may derive its rule by itself and say something else."""

    rule: str
    file: str
    before: str
    after: str
    scenarios: tuple[str, ...]
    ends: Literal["follow", "refused by the recorder"] = FOLLOW


CHANGES: Final = (
    Change(
        "a cap allows 1.00 more",
        "domain/caps/consume.py",
        "(rest := max((most.amount or 0) - so_far.amount, 0)) < left",
        "(rest := max((most.amount or 0) + 10_000 - so_far.amount, 0)) < left",
        ("caps.md",),
        ends=REFUSED,
    ),
    Change(
        "what does not fit whole is billed in part",
        "domain/caps/consume.py",
        'if limit.split == "reject_whole" and',
        'if limit.split == "reject_none" and',
        ("caps.md",),
    ),
    Change(
        "work consumes a cap by approval, not by service date",
        "domain/caps/consume.py",
        "if by_approval else (day.isoformat(), approved, entry_id)",
        "if by_approval else (approved, day.isoformat(), entry_id)",
        ("caps.md",),
    ),
    Change(
        "a price is earned from the day after its first on",
        "domain/revenue/straight_line.py",
        "min(max((day - course.first).days + 1, 0), days), days",
        "min(max((day - course.first).days, 0), days), days",
        ("straight_line.md",),
    ),
    Change(
        "what was earned before an amendment is earned again",
        "domain/revenue/over_time.py",
        'spread.amount - earned, "left to earn"',
        'spread.amount, "left to earn"',
        ("measured_revenue.md",),
    ),
    Change(
        "the first step of a retention holds for ever",
        "domain/billing/retention.py",
        "step, done = found[-1],",
        "step, done = found[0],",
        ("retention.md",),
    ),
    Change(
        "a source of funding ends a rule a cent early",
        "domain/billing/funding.py",
        "lasts: Amount = left * HUNDRED_PERCENT // percent // step * step",
        "lasts: Amount = max(left * HUNDRED_PERCENT // percent // step * step - step, 0)",
        ("funding.md",),
        ends=REFUSED,
    ),
    Change(
        "shares of bill-tos: cents go to the smallest remainder",
        "domain/money.py",
        "(-remainders[party], party != rounding_party, party)",
        "(remainders[party], party != rounding_party, party)",
        ("bill_tos.md",),
        ends=REFUSED,
    ),
    Change(
        "a deposit that is applied at the end is set against every statement",
        "domain/terms/deposit.py",
        "if not left or (rule == AT_END and not is_last):",
        "if not left:",
        ("deposit.md",),
    ),
    Change(
        "what is left of a retainer goes over whole",
        "domain/terms/retainer.py",
        'over[name] = lesser(rest, room, "goes over")',
        "over[name] = rest",
        ("retainer.md",),
    ),
    Change(
        "a fee that ends or changes within a period is charged to the period's end",
        "domain/terms/subscription.py",
        "paid_to = period.last if _is_kept(agreed, terms, period) else last",
        "paid_to = period.last",
        ("subscription.md",),
    ),
    Change(
        "a milestone is charged the day after it was accepted",
        "domain/terms/milestones.py",
        "day = max(accepted_on, agreed.since)",
        "day = max(accepted_on + timedelta(days=1), agreed.since)",
        ("milestones.md",),
    ),
    Change(
        "progress is charged by the last report but at most half the price",
        "domain/terms/fixed_price.py",
        "due = agreed.part_of(terms.price, report.percent, HUNDRED_PERCENT, said)",
        "due = agreed.part_of(terms.price, min(report.percent, HUNDRED_PERCENT // 2), HUNDRED_PERCENT, said)",
        ("fixed_price.md",),
    ),
    Change(
        "all of a budget is charged once something of it is spent",
        "domain/terms/fixed_price.py",
        'used = lesser(period.cost.get(budget.category, 0), budget.cost, "spent, at most")',
        "used = budget.cost if period.cost.get(budget.category) else 0",
        ("fixed_price.md",),
    ),
    Change(
        "a minimum of a broken period is that of all of it",
        "domain/terms/subscription.py",
        "days = (last - period.first).days + 1 if terms.proration == BY_DAY else period.days",
        "days = period.days",
        ("subscription.md",),
    ),
    Change(
        "a step of prices begins with its last unit",
        "domain/terms/tiers.py",
        "if tier.up_to is None or quantity <= tier.up_to)",
        "if tier.up_to is None or quantity < tier.up_to)",
        ("unit_price.md",),
        ends=REFUSED,
    ),
    Change(
        "expenses with a table of prices are passed on at cost",
        "domain/terms/expenses.py",
        "if mileage.category == category:",
        "if not mileage.category:",
        ("expenses.md",),
    ),
    Change(
        "hours at cost are charged without a fee",
        "domain/terms/cost_plus.py",
        "    return terms.fee_percent\n",
        "    return terms.fee_percent // 2\n",
        ("cost_plus.md",),
        ends=REFUSED,
    ),
    Change(
        "increments round down, whatever terms say",
        "domain/work/increments.py",
        "round_increment(seconds, increment_minutes, increment_mode or UP)",
        "round_increment(seconds, increment_minutes, DOWN)",
        ("money.md", "rates.md"),
        ends=REFUSED,
    ),
    Change(
        "of two rates of a step the older wins",
        "domain/work/rates.py",
        "ranked = sorted(found, key=_newest, reverse=True)",
        "ranked = sorted(found, key=_newest)",
        ("rates.md",),
    ),
    Change(
        "the assignment that starts first gives the role",
        "domain/work/rates.py",
        "(found.starts_on, found.assignment_id) < (one.starts_on, one.assignment_id)",
        "(found.starts_on, found.assignment_id) > (one.starts_on, one.assignment_id)",
        ("rates.md",),
    ),
    Change(
        "a rule for all the rest is before the category's own",
        "domain/billing/tax.py",
        "for named in (category, REST):",
        "for named in (REST, category):",
        ("tax.md",),
    ),
    Change(
        "hours credited of a line are taken of its first row",
        "domain/receivables/credit_memo.py",
        "spread(hours, [max(row.hours, 0) for row in rows], 1)",
        "spread(hours, [int(not place) for place in range(len(rows))], 1)",
        ("credits.md",),
        ends=REFUSED,
    ),
    Change(
        "an invoice takes what a row carries at its own rate",
        "state/billing/reliefs.py",
        "return relieved(amount, had, slot.exchange, slot.entity.currency, mode)",
        "return converted(amount, slot.exchange, slot.entity.currency, mode)",
        ("exchange.md",),
    ),
    Change(
        "what is released leaves 1170 at the invoice's rate",
        "state/billing/retention.py",
        "ledger = -relieved(-amount, stands,",
        "ledger = -relieved(-amount, (0, 0),",
        ("retention.md",),
    ),
    Change(
        "caps do not limit what a forecast expects",
        "domain/forecast/completion.py",
        "if ceiling is None or wanted <= ceiling:",
        "if ceiling is None or wanted >= 0:",
        ("forecasts.md",),
    ),
)
