"""What people hear of caps: exceptions `over_cap` and `cap_below_consumption`, and alerts at the thresholds.

An event speaks of where a cap stands at its end, not of the ways there.
"""

from msgspec.structs import replace

from domain.caps import Bucket, BucketKey, CapRule, crossed
from domain.identity import derived_id
from domain.money import format_amount
from domain.outputs import Alert
from state.books import CapState, Price
from state.draft import Draft
from state.plan import LinePlan, billing_zone


def after_event(draft: Draft) -> None:
    """Of every cap that the event touched, once its differences are posted."""
    for part_id, (plan, rule, key, before) in draft.watched.items():
        _watch(draft, plan, rule, key, before, draft.bucket(part_id).bucket)
    _close_empty(draft)


def count_over(draft: Draft, plan: LinePlan, had: Price | None, has: Price | None) -> None:
    """Keep the sums of exception `over_cap`, one for each cap; raised at once, brought up to date at the day's end."""
    for price, sign in ((had, -1), (has, 1)):
        if price is None or price.binding is None or price.final or price.billable >= price.value:
            continue
        state = draft.cap(plan.contract_id, price.binding)
        state = replace(
            state,
            over_amount=state.over_amount + sign * (price.value - price.billable),
            over_entries=state.over_entries + sign,
        )
        draft.put("cap", f"{plan.contract_id}/{price.binding}", state)
    for cap_id in sorted({price.binding for price in (had, has) if price is not None and price.binding is not None}):
        _announce_over(draft, plan, cap_id)


def _announce_over(draft: Draft, plan: LinePlan, cap_id: str) -> None:
    state = draft.cap(plan.contract_id, cap_id)
    if state.exception_id is None and state.over_entries > 0:
        raise_over(draft, plan.contract_id, plan.currency, cap_id, state)
    elif state.exception_id is not None and (state.over_amount, state.over_entries) != (
        state.reported_amount,
        state.reported_entries,
    ):
        zone = billing_zone(plan.terms, plan.entity, plan.policies)
        draft.due.add((zone, ""))


def raise_over(draft: Draft, contract_id: str, currency: str, cap_id: str, state: CapState) -> None:
    revision = state.revision + 1
    exception_id = draft.raise_exception(
        "over_cap",
        "cap",
        f"{contract_id}/{cap_id}",
        f"{format_amount(state.over_amount)} {currency} of {state.over_entries} entries is over cap {cap_id} of contract {contract_id}",
        revision=revision,
        contract_id=contract_id,
        amount=state.over_amount,
        currency=currency,
        blocks=state.over_entries,
    )
    draft.put(
        "cap",
        f"{contract_id}/{cap_id}",
        replace(
            state,
            exception_id=exception_id,
            reported_amount=state.over_amount,
            reported_entries=state.over_entries,
            revision=revision,
            waived=False,
        ),
    )


def refresh_over(draft: Draft, contract_id: str, currency: str, cap_id: str) -> None:
    """At a day's end, or when nothing is over any more."""
    state = draft.cap(contract_id, cap_id)
    if state.exception_id is None:
        return
    if state.over_entries == 0:
        if not state.waived:
            draft.close_exception(state.exception_id, "over_cap")
        nothing = replace(state, exception_id=None, reported_amount=0, reported_entries=0, waived=False)
        draft.put("cap", f"{contract_id}/{cap_id}", nothing)
    elif (state.over_amount, state.over_entries) != (state.reported_amount, state.reported_entries):
        raise_over(draft, contract_id, currency, cap_id, state)


def _close_empty(draft: Draft) -> None:
    """Close `over_cap` of every cap that this event left with nothing over."""
    for (kind, part_id), state in list(draft.parts.items()):
        if kind == "cap" and state is not None and state.exception_id is not None and state.over_entries == 0:
            contract_id, cap_id = part_id.rsplit("/", 1)
            refresh_over(draft, contract_id, "", cap_id)


def _watch(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, before: Bucket, after: Bucket) -> None:
    """Alerts at the thresholds, and `cap_below_consumption` while more is taken than the newest cap allows."""
    limit = rule.limits[-1]
    for measure, had, has in ((limit.amount, before.amount, after.amount), (limit.hours, before.hours, after.hours)):
        if measure is not None and had != has:
            reached, _ = crossed(rule.thresholds, measure, had, has)
            for percent in reached:
                _alert(draft, plan, rule, key, percent, after)
    below(draft, plan, rule, key, after)


def _alert(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, percent: int, bucket: Bucket) -> None:
    limit = rule.limits[-1]
    subject = f"{plan.contract_id}/{'/'.join(part for part in key if part)}"
    draft.emit(
        Alert(
            alert_id=derived_id(
                draft.engagement_id, "cap", subject, percent, draft.cause.kind, draft.cause.id, draft.cause.version
            ),
            kind="cap",
            subject_kind="cap",
            subject_id=subject,
            message=f"{percent / 10**6:g} % of cap {rule.cap_id} of contract {plan.contract_id} is used",
            threshold=percent,
            used_amount=bucket.amount,
            limit_amount=limit.amount,
            used_hours=bucket.hours,
            limit_hours=limit.hours,
            currency=plan.currency,
            contract_id=plan.contract_id,
            project_id=plan.line.project_id,
        )
    )


def below(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, bucket: Bucket) -> None:
    """Open while hours or amount taken are above what the newest version of the cap allows (RULES section 6, Caps)."""
    limit = rule.limits[-1]
    subject = f"{plan.contract_id}/{'/'.join(part for part in key if part)}"
    excess = bucket.amount - limit.amount if limit.amount is not None else 0
    excess_hours = bucket.hours - limit.hours if limit.hours is not None else 0
    state = draft.cap(plan.contract_id, rule.cap_id)
    part_id = f"{plan.contract_id}/{rule.cap_id}"
    if limit.hard and (excess > 0 or excess_hours > 0):
        draft.put("cap", part_id, replace(state, below=True))
        draft.note(
            "cap_below_consumption",
            "cap",
            subject,
            f"{format_amount(bucket.amount)} {plan.currency} and {bucket.hours / 10**6:g} h are taken from cap {rule.cap_id}, "
            f"more than it allows now",
            contract_id=plan.contract_id,
            amount=max(excess, 0),
            currency=plan.currency,
        )
    elif state.below:
        draft.put("cap", part_id, replace(state, below=False))
        draft.settle_note("cap_below_consumption", "cap", subject)
