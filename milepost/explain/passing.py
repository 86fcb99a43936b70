"""What of an entry is over the cap of its line and went on to the next (policy `overflow=next_rule`), and what of that stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.explanation import Node, agreeing, less, stated, total
from domain.money import HALF_UP
from milepost.explain.arithmetic import evaluated, least, step_of
from milepost.explain.sources import Sources
from state.assess import rate_for
from state.books import PartOf, Price
from state.known import worker_on
from state.passed_on import part_row
from state.plan import plan_of

if TYPE_CHECKING:
    from milepost.explain.entries import EntryNodes, Standing


class PassingNodes:
    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries
        self._memo: dict[tuple[str, int], Node] = {}
        self._went_back: dict[tuple[str, int], Node | None] = {}

    def hours(self, at: Standing, part_of: PartOf) -> Node:
        """Hours of a part: of its whole's hours as much as of its value went on (R17)."""
        title = f"{at.entry.entry_id}: hours that went on"
        whole = self.entries.standing(part_of.row, at.step)
        told = stated(title, at.work.event.hours or 0, "hours")
        if whole is None or whole.work.price is None:
            return told
        return agreeing(self._passed_hours(title, whole), told)

    def passed(self, at: Standing) -> Node:
        """The value that is not billable on the entry's own line."""
        price = _price(at)
        title = f"{at.entry.entry_id}: passed on"
        told = stated(title, price.passed, "amount", price.currency, rule="R17")
        return agreeing(less(title, self.entries.value(at), self.entries.billable(at), rule="R17"), told)

    def passed_hours(self, at: Standing) -> Node:
        """As many as the part has."""
        title = f"{at.entry.entry_id}: hours passed on"
        return agreeing(self._passed_hours(title, at), stated(title, _price(at).passed_hours, "hours", rule="R17"))

    def _passed_hours(self, title: str, at: Standing) -> Node:
        """What of the hours that amount pays for; where all of it is gone for good, the hours that are."""
        price, amount = _price(at), self.passed(at)
        if not price.gone or price.passed != price.gone:
            return self._hours_of(title, at, amount)
        return self._gone_hours(title, at, amount)

    def gone(self, at: Standing, issued_here: Node) -> tuple[Node, Node]:
        """What is issued on lines behind, in money and hours: what went on before it was, all that the own line has not issued, or what
        the hours are worth that were left of it by a credit."""
        price = _price(at)
        title = f"{at.entry.entry_id}: issued on lines behind"
        told = stated(title, price.gone, "amount", price.currency, rule="R16")
        since = self._since(at)
        before = self.entries.standing(at.entry.entry_id, since - 1)
        known = before.work.price if before is not None else None
        rest = less(title, self.entries.value(at), issued_here, rule="R19")
        if before is not None and known is not None and (known.passed, known.value) == (price.gone, price.value):
            made: Node | None = self.passed(before)._replace(title=title)
        else:
            made = rest if rest.value == price.gone else self._left_of_it(title, at, since)
        amount = agreeing(made, told)
        hours = self._gone_hours(f"{at.entry.entry_id}: hours issued on lines behind", at, amount)
        return amount, agreeing(hours, stated(hours.title, price.gone_hours, "hours"))

    def _left_of_it(self, title: str, at: Standing, since: int) -> Node | None:
        """What the hours that are gone are worth at the entry's own price."""
        value, whole = self.entries.value(at), self.entries.hours_at(at.entry.entry_id, at.step)
        plan = plan_of(self.sources.draft(at.step), _price(at))
        mode = plan.policies.money_mode if plan is not None else HALF_UP
        parameters: dict[str, Any] = {"step": step_of(value.currency), "mode": mode}
        made = [
            evaluated(title, "proportion", (value, hours, whole), parameters, "amount", value.currency, rule="R16")
            for hours in self._hours_behind(at, since)
        ]
        return next((one for one in made if one.value == _price(at).gone), made[-1] if made else None)

    def _gone_hours(self, title: str, at: Standing, amount: Node) -> Node:
        """Hours that are issued on lines behind; where not all of them count, what of the hours the amount pays for."""
        made, known = self._hours_of(title, at, amount), _price(at).gone_hours
        if made.value == known:
            return made
        key = (at.entry.entry_id, at.step)
        if key not in self._memo:
            # What is gone is the hours of the part since then, and would explain itself by itself.
            self._memo[key] = stated(title, known, "hours", rule="R16")
            behind = self._hours_behind(at, self._since(at))
            self._memo[key] = next((one for one in behind if one.value == known), made)
        return self._memo[key]._replace(title=title)

    def _hours_behind(self, at: Standing, since: int) -> list[Node]:
        """Of the part: those that were on its last statement with what went on from there, those that are final, and in proportion to what
        is still issued of it. Read before the step that gave the part other hours, which are these."""
        row = part_row(at.entry.entry_id)
        part, before = self.entries.standing(row, since), self.entries.standing(row, since - 1)
        found = [] if part is None else self._on_statements(part)
        if before is not None and before.work.price is not None:
            own, hours = before.work.price, self.entries.hours_at(row, since - 1)
            issued: Node = self.entries.pieces.issued(row, own.contract_id, own.line_id, at.step)
            parameters: dict[str, Any] = {"step": "0.000001", "mode": "half_up"}
            operands = (hours, issued, self.entries.value(before))
            found.append(evaluated(f"{row}: hours issued", "proportion", operands, parameters, "hours", rule="R20"))
            found.append(hours)
        return found

    def _on_statements(self, part: Standing) -> list[Node]:
        """Hours that caps allowed when the part was listed last, alone and with those on statements of lines behind."""
        row, price = part.entry.entry_id, _price(part)
        listed = self.entries.pieces.listed_of(row, price.contract_id, price.line_id, part.step)
        cut = self.entries.standing(row, listed[-1].step - 1) if listed else None
        hours = self.entries.caps.granted_hours(cut) if cut is not None else None
        if hours is None:
            return []
        behind = self._hours_behind(part, part.step) if price.gone_hours else []
        title = f"{row}: hours issued, with those on lines behind"
        return [hours, *(total(title, (hours, one), "hours", rule="R16") for one in behind)]

    def _hours_of(self, title: str, at: Standing, value: Node) -> Node:
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "half_up"}
        operands = (self.entries.hours_at(at.entry.entry_id, at.step), value, self.entries.value(at))
        return evaluated(title, "proportion", operands, parameters, "hours", rule="R17")

    # What went back

    def before_it_went_back(self, part: Standing, step: int) -> Node | None:
        """What a part came to by the terms of the step that took it back: rated anew with the hours that it had before."""
        key = (part.entry.entry_id, step)
        if key not in self._went_back:
            self._went_back[key] = self._before_it_went_back(part, step)
        return self._went_back[key]

    def _before_it_went_back(self, part: Standing, step: int) -> Node | None:
        price, event, draft = _price(part), part.work.time, self.sources.draft(step)
        plan = plan_of(draft, price)
        worker = worker_on(draft, event.person_id, price.day) if event is not None else None
        if event is None or plan is None or worker is None:
            return None
        project = draft.project(event.project_id)
        rated = rate_for(draft, event, project, worker.person, price.role, plan, price.day)
        if rated.decision is None:
            return None
        rate = self.entries.rating.decided(event, price, plan, draft, rated.decision)
        operands = [self.entries.hours_at(part.entry.entry_id, part.step), rate]
        if rated.markup:
            operands.append(self.entries.rating.markup_decided(rated.markup, plan, draft, rated.decision))
        parameters: dict[str, Any] = {"step": step_of(price.currency), "mode": plan.policies.money_mode}
        title = f"{part.entry.entry_id}: before it went back"
        value = evaluated(title, "extend", operands, parameters, "amount", price.currency, rule="R10")
        return least(title, [value, *self.entries.caps.rooms_under(part, plan, step)])

    def _since(self, at: Standing) -> int:
        """The step since which that much of this value is issued behind."""
        price = _price(at)
        since: int = at.step
        for step, _ in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            before = self.entries.standing(at.entry.entry_id, step - 1)
            known = before.work.price if before is not None else None
            since = step
            if known is None or (known.gone, known.value) != (price.gone, price.value):
                break
        return since


def _price(at: Standing) -> Price:
    assert at.work.price is not None, "the work is priced"
    return at.work.price
