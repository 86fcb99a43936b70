"""What changed a forecast by cause: the rules that were asked since the one before it, asked again in order (`state.forecast.outlook`)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from connectors.files.forecast_history import CAUSES
from domain.counting import counted
from domain.explanation import EventRef, Node, total
from domain.figure import as_recorded, node_of
from domain.forecast.completion import named
from domain.identity import composed, unescape
from domain.work.rows import ROWS, spoken
from domain.work.rows import named as work_of
from milepost.explain.asked_books import numbered_estimate
from milepost.explain.nodes import Nodes
from milepost.words import event_name
from state.books import BookedProgress, Entry, Estimate, Forecast, ForecastState
from state.draft import Draft, Move
from state.forecast.bases import State, weigh
from state.forecast.outlook import CHANGES, MOVES, SPLITS, WEIGHS, known, moves_in, take_in
from state.forecast.revised import split_volume
from state.trace import EntriesAt, TracedOutput

MEASURES = ("cost", "revenue")
# By cause and measure what each event changed.
Parts = dict[tuple[str, str], list[Node]]


class ForecastChanges(Nodes):
    def begin(self) -> None:
        self._found: dict[tuple[str, int, int], Parts] = {}

    def by(self, said: TracedOutput, before: TracedOutput, cause: str, measure: str, value: int, title: str) -> Node:
        key = said.record.project_id, before.step, said.step
        if key not in self._found:
            self._found[key] = self._all(said, before)
        currency = said.record.project.currency
        made = total(title, self._found[key].get((cause, measure), ()), "amount", currency)
        return self.recorded.bound(as_recorded(value, made).node)

    def _all(self, said: TracedOutput, before: TracedOutput) -> Parts:
        project_id, found = said.record.project_id, Parts()
        states = [self._published(before)]
        for asked in self._asked(said, before):
            facts = dict(asked.facts)
            step = int(facts["step"])
            forecast, outlook = known(self._again(asked.title, project_id, facts, states), project_id)
            if forecast.currency != states[-1][0].currency:
                found.clear()
            event = self.sources.cause(step)
            for cause, change in outlook.changes.items():
                title = self._moved_by(asked.title, cause, step, event)
                for measure, moved in zip(MEASURES, change, strict=True):
                    if moved:
                        node = node_of(moved, title, currency=forecast.currency)
                        found.setdefault((cause, measure), []).append(node._replace(title=title, event=event))
            states.append((forecast, _named(outlook, unescape(event.id))))
        return found

    def _moved_by(self, rule: str, cause: str, step: int, event: EventRef) -> str:
        """The event; where it cannot have this cause, the work that waited for it."""
        by = f"{event_name(event.type)} {unescape(event.id)}"
        if rule == SPLITS:
            return f"split by {by}"
        rows = (
            [] if event.kind in ROWS or cause in CAUSES.get(event.type, ()) else self.sources.trace.entries_moved(step)
        )
        if not rows:
            return f"moved by {by}"
        kind, fact_id = work_of(rows[0])
        work = f"{spoken(kind)} {fact_id}" if len(rows) == 1 else counted(len(rows), "entry")
        return f"moved by {work}, with {by}"

    def _published(self, before: TracedOutput) -> State:
        """What a forecast left."""
        weighed = self.nodes.forecasts.made(before).weighed
        kept: Forecast = self.sources.trace.part_at("forecast", before.record.project_id, before.step)
        whole = weighed.completion
        outlook = replace(weighed.outlook, eac_cost=whole.cost, eac_revenue=whole.revenue)
        return replace(weighed.forecast, published=kept.published, sequence=kept.sequence), outlook

    def _again(self, rule: str, project_id: str, facts: Mapping[str, str], states: Sequence[State]) -> Draft:
        step = int(facts["step"])
        if rule == MOVES:
            return self._moved(project_id, step, states[-1], facts["cause"])
        as_of = date.fromisoformat(facts["as of"])
        draft = self.nodes.books.of_project(project_id, step, as_of, int(facts["turn"]))
        _put(draft, project_id, states[-1])
        if rule == WEIGHS:
            weigh(draft, project_id, as_of, facts["cause"] or None)
        else:
            after = known(draft, project_id)
            changes = split_volume(draft, project_id, self._revised(step), states[-2], after, as_of)
            draft.put("outlook", project_id, replace(after[1], changes=changes))
        return draft

    def _asked(self, said: TracedOutput, before: TracedOutput) -> Iterator[Node]:
        update = said.record
        for sequence in range(before.record.sequence, update.sequence):
            yield from self.sources.trace.why.parts_at(composed(CHANGES, update.project_id, str(sequence)), said.step)

    def _moved(self, project_id: str, step: int, state: State, cause: str) -> Draft:
        draft = self.sources.trace.draft_at(step)
        if state[0].earning:
            had, has = (self.nodes.books.lines_at(one) for one in (step - 1, step))
            draft.before.update((("line", each), had.get(each)) for each in {**had, **has})
            for each, line in has.items():
                draft.put("line", each, line)
            self._take_charged(draft, state[0], step)
        _put(draft, project_id, state)
        take_in(draft, project_id, list(self._moves(draft, project_id, step)), cause)
        return draft

    def _take_charged(self, draft: Draft, forecast: Forecast, step: int) -> None:
        """Terms of lines, and what they charge by themselves, after the step and before it."""
        trace, rows = self.sources.trace, self.nodes.rows
        draft.entries = RowsBefore(self, step)
        for line in forecast.earning:
            for kind, part_id in (("contract", line.contract_id), ("fees", composed(line.contract_id, line.line_id))):
                had, has = (trace.part_at(kind, part_id, at) for at in (step - 1, step))
                draft.put(kind, part_id, has)
                draft.before[kind, part_id] = had
                if kind == "fees" and has is not None:
                    found = ((row, rows.at(row, step)) for row in has.rows)
                    draft.rows.update((row, entry) for row, entry in found if entry is not None)

    def _moves(self, draft: Draft, project_id: str, step: int) -> Iterator[Move]:
        """What the step gave to the project, and took from it."""
        rows = self.nodes.rows
        for row in self.sources.trace.entries_moved(step):
            was, now = rows.at(row, step - 1), rows.at(row, step)
            had = moves_in(draft, was, project_id) if was is not None else []
            has = moves_in(draft, now, project_id) if now is not None else []
            yield from (move for move in has if move not in had)
            gone = (move for move in had if move not in has)
            yield from (one._replace(hours=-one.hours, cost=-one.cost, revenue=-one.revenue) for one in gone)

    def _revised(self, step: int) -> Iterator[tuple[Estimate | None, Estimate]]:
        trace, draft = self.sources.trace, self.nodes.books.at(step)
        for part_id, history in trace.parts_of("estimate"):
            if any(number == step for number, _ in history):
                was, now = (trace.part_at("estimate", part_id, at) for at in (step - 1, step))
                yield (numbered_estimate(draft, was) if was is not None else None), numbered_estimate(draft, now)


class RowsBefore(EntriesAt):
    """As they stood before a step, each number with its figure."""

    def __init__(self, changes: ForecastChanges, step: int) -> None:
        super().__init__(changes.sources.trace, step - 1)
        self._rows = changes.nodes.rows

    def get(self, entry_id: str) -> Entry | None:
        return self._rows.at(entry_id, self._step)


def _put(draft: Draft, project_id: str, state: State) -> None:
    draft.put("forecast", project_id, state[0])
    draft.put("outlook", project_id, replace(state[1], changes={}))


def _named(outlook: ForecastState, event_id: str) -> ForecastState:
    """What is booked goes on from a number with a name, so that no sum grows with every event."""
    progress = {
        name: BookedProgress(
            {of: named(tally, f"booked, {event_id} included") for of, tally in part.now.items()},
            {of: named(tally, f"expected at least, {event_id} included") for of, tally in part.floor.items()},
        )
        for name, part in outlook.progress.items()
    }
    return replace(outlook, progress=progress)
