"""Finds a figure by its id and explains it: from the index to the engagement, folded once more up to now, to the tree."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from connectors.closing import Closable
from connectors.files.figure_index import FigureIndex
from connectors.files.moments import Moment, cut_at, shards_at
from connectors.telling import Tell
from dataflows import stored_steps
from dataflows.embedded import seldom_collecting
from dataflows.retrace import Retraced, retrace
from domain.explanation import Node
from domain.identity import composed, engagement_of, parts_of
from domain.ledger.trial_balance import PostedSum
from domain.outputs import JournalEntry
from domain.work.rows import FEE, SCHEDULED_REVENUE, named, origin
from milepost.explain.certificates import CertificateFigure, CertificatesExplained, certificate_figure
from milepost.explain.cuts import cuts
from milepost.explain.explainer import Explainer
from milepost.explain.ledger import LedgerFigure, explain_ledger, ledger_figure, of_engagement
from milepost.explain.recompute import everything
from milepost.glance.financial import STATEMENT
from milepost.glance.firm import FirmAtMoment
from milepost.glance.tables import (
    OF_JOURNALS,
    TableFigureId,
    TablesExplained,
    explained_of_journals,
    explained_statement,
    options_text,
    table_figure,
)
from state.stored_trace import StoredTrace

# Kinds of facts by whose id a figure may be asked for, in this order.
NAMED: Final = ("time_entry", "project", "contract", "invoice")
NEAREST_MAX: Final = 5
# Ids among which the nearest are looked for, of each kind.
ALIKE_READ: Final = 300


class Explained(NamedTuple):
    """A figure's tree; `differences` are outputs of its engagement that are not what the log makes, `rules` the version in force."""

    node: Node
    engagement_id: str | None
    differences: tuple[str, ...] = ()
    rules: int = 1
    # What was kept of its engagement and could not be used.
    notes: tuple[str, ...] = ()


class NotFound(NamedTuple):
    """`nearest` are ids that may be meant; `why` says what there is instead, where more is known."""

    nearest: tuple[str, ...]
    why: str = ""


class Ahead(NamedTuple):
    """Long engagements: those whose steps are kept, those whose outputs are not what the log makes, and why others are not kept. Of what
    each question reads instead of the log and the outputs, why it cannot be written."""

    kept: list[str]
    differing: list[str]
    not_kept: dict[str, str]
    unwritable: list[str]


class _Known(NamedTuple):
    retraced: Retraced
    explainer: Explainer


class Explanations(Closable):
    """Explanations of one output folder, as of a moment where one is given; engagements that were asked for stay at hand."""

    def __init__(self, output: Path, tell: Tell, moment: Moment | None = None) -> None:
        self._opened = ExitStack()
        self._output, self._tell, self._moment = output, tell, moment
        self._indexes = [FigureIndex(output, shard) for shard in shards_at(output, moment)]
        self._until: dict[FigureIndex, int | None] = {}
        for index in self._indexes:
            index.extend(tell)
            self._until[index] = cut_at(index, moment).offset if moment is not None else None
        self._known: dict[tuple[str, int | None], _Known] = {}
        self._sums: dict[str, list[PostedSum]] = {}
        # Why steps that are kept are not used, by engagement.
        self._notes: dict[str, list[str]] = {}
        # Engagements whose kept steps have failed, and those that the question read, the last one at the end.
        self._whole: set[str] = set()
        self._read: list[str] = []

    def close(self) -> None:
        self._opened.close()
        for known in self._known.values():
            known.explainer.close()
        self._known.clear()
        for index in self._indexes:
            index.close()

    def explain(self, wanted: str) -> Explained | NotFound:
        """Raises ContainerDamaged and GuardStop."""
        self._read.clear()
        found = self._answer(wanted)
        if not isinstance(found, Explained):
            return found
        index = self._indexes[0] if found.engagement_id is None else self._index_of(found.engagement_id)
        notes = tuple(note for each in dict.fromkeys(self._read) for note in self._notes.get(each, ()))
        return found._replace(rules=index.rules_at(self._until[index]), notes=notes)

    def keep_ahead(self, ended: Callable[[], bool] = lambda: False) -> Ahead:
        """Keep the steps of every long engagement, so that no question has to; `ended` is asked before each."""
        long = [(index, each) for index in self._indexes for each in index.longest(stored_steps.AHEAD_FROM)]
        ahead = Ahead([], [], {}, [index.not_kept for index in self._indexes if not index.is_kept])
        with seldom_collecting():
            for number, (index, engagement_id) in enumerate(long):
                self._tell("keep steps", number, len(long))
                if ended():
                    break
                if not index.is_kept:
                    ahead.not_kept[engagement_id] = "the folder of the index cannot be written"
                    continue
                if stored_steps.lacks_room(index, engagement_id):
                    ahead.not_kept[engagement_id] = stored_steps.NO_ROOM
                    continue
                found = retrace(index, engagement_id, ahead=True)
                found.trace.close()
                if found.differences:
                    ahead.differing.append(engagement_id)
                elif found.not_kept:
                    ahead.not_kept[engagement_id] = found.not_kept
                else:
                    ahead.kept.append(engagement_id)
        return ahead

    def _answer(self, wanted: str) -> Explained | NotFound:
        """Where kept steps do not give what they gave, their engagement is folded whole; they are dropped if that answers."""
        try:
            return self._explain(wanted)
        except stored_steps.UNREADABLE as fault:
            failed = self._read[-1] if self._read else ""
            stored = [
                key
                for key, known in self._known.items()
                if key[0] == failed and isinstance(known.retraced.trace, StoredTrace)
            ]
            if not stored:
                raise
            for key in stored:
                self._known.pop(key).explainer.close()
            self._whole.add(failed)
            found = self._answer(wanted)
            stored_steps.drop(self._index_of(failed), failed)
            self._note(failed, f"could not be used, all was folded again: {fault}")
            return found

    def _explain(self, wanted: str) -> Explained | NotFound:
        if (of_table := table_figure(wanted)) is not None:
            if of_table.unknown:
                known = options_text(of_table.kind)
                return NotFound((), f"{of_table.kind} takes each once of the options {known}; got {of_table.unknown}")
            node = self._of_table(of_table)
            if node is not None:
                return Explained(node, None)
        of_certificate = certificate_figure(wanted)
        if of_certificate is not None and any(of_certificate.entity_id in each.entities() for each in self._indexes):
            return self._of_certificate(of_certificate)
        of_ledger = ledger_figure(wanted)
        if of_ledger is not None and any(of_ledger.entity_id in each.entities() for each in self._indexes):
            return self._of_ledger(of_ledger)
        for engagement_id in self._candidates(wanted):
            found = self.engagement(engagement_id)
            node = found.explainer.explain(wanted)
            if node is not None:
                return Explained(node, engagement_id, _told(found.retraced))
        return self._not_found(wanted)

    def _not_found(self, wanted: str) -> NotFound:
        """An id of something that there is asks for a figure that it has not; else ids that are written alike."""
        for whole, _ in cuts(wanted, "#"):
            for engagement_id in self._candidates(whole):
                explainer = self.engagement(engagement_id).explainer
                node = explainer.explain(whole)
                if node is not None:
                    named = [one.id for one in everything(node) if _is_figure(one.id, whole)]
                    named += explainer.paths.ids(whole)
                    return NotFound((), f"its figures are {', '.join(dict.fromkeys(named))}" if named else "")
        of_table = table_figure(wanted)
        if (
            of_table is not None
            and of_table.kind not in (STATEMENT, *OF_JOURNALS)
            and (there := self._tables.there_are(of_table))
        ):
            near = _nearest(wanted, there)
            same_row = there[0].rpartition("#")[0] == wanted.rpartition("#")[0]
            return NotFound(
                (), f"its figures are {', '.join(there)}" if same_row else f"the nearest are {', '.join(near)}"
            )
        return NotFound(tuple(self._alike(wanted.partition("#")[0])))

    def _alike(self, whole: str) -> list[str]:
        """Of what an engagement was given ids for where the id names one, else of what begins as it does."""
        owner = engagement_of(whole) if "." in whole else ""
        if owner and self._has_engagement(owner):
            trace = self.engagement(owner).retraced.trace
            return _nearest(whole, [*trace.journals, *trace.statements, *trace.exceptions])
        for length in range(len(whole), -1, -1):
            if known := [one for each in self._indexes for one in each.like(whole[:length], ALIKE_READ)]:
                return _nearest(whole, known)
        return []

    def _candidates(self, wanted: str) -> list[str]:
        """Engagements that may know the id, the likeliest first."""
        found: list[str] = []
        for whole in (wanted, *(before for before, _ in cuts(wanted, "#"))):
            if "." in whole:
                found.append(engagement_of(whole))
            found.append(whole)
            for name in (whole, *(before for before, _ in cuts(whole, "/"))):
                for kind in NAMED:
                    found += self._engagements_of(kind, name)
            kind, fact_id = named(origin(whole))
            if kind in (FEE, SCHEDULED_REVENUE):
                found += self._engagements_of("contract", parts_of(fact_id)[0])
            else:
                found += self._engagements_of(kind, fact_id)
        return [each for each in dict.fromkeys(found) if each and self._has_engagement(each)]

    def _engagements_of(self, kind: str, fact_id: str) -> list[str]:
        return [found for index in self._indexes for found in index.engagements_of(kind, composed(fact_id))]

    def _has_engagement(self, engagement_id: str) -> bool:
        return any(each.has_engagement(engagement_id) for each in self._indexes)

    def _index_of(self, engagement_id: str) -> FigureIndex:
        """Each engagement is in one shard."""
        return next((each for each in self._indexes if each.has_engagement(engagement_id)), self._indexes[0])

    def engagement(self, engagement_id: str, until: int | None = None) -> _Known:
        """As far as all is explained, or up to an earlier log offset."""
        index = self._index_of(engagement_id)
        end = self._until[index] if until is None else until
        self._read.append(engagement_id)
        if (engagement_id, end) not in self._known:
            retraced = retrace(index, engagement_id, end, whole=engagement_id in self._whole)
            for note in retraced.notes:
                self._note(engagement_id, f"were not used: {note}")
            self._known[engagement_id, end] = _Known(retraced, Explainer(retraced.trace))
        return self._known[engagement_id, end]

    def _note(self, engagement_id: str, note: str) -> None:
        self._notes.setdefault(engagement_id, []).append(f"steps kept of {engagement_id} {note}")

    # Tables at a glance

    def _of_table(self, wanted: TableFigureId) -> Node | None:
        if wanted.kind == STATEMENT:
            return explained_statement(self._sums_of(wanted.whose[0]), wanted)
        if wanted.kind in OF_JOURNALS:
            return explained_of_journals(self._journals(), wanted)
        return self._tables.explain(wanted)

    def _journals(self) -> Iterator[JournalEntry]:
        for index, until in self._until.items():
            yield from index.all_journals(until)

    @cached_property
    def _tables(self) -> TablesExplained:
        return TablesExplained(self._opened.enter_context(FirmAtMoment(self._output, self._moment, self._tell)))

    # Certificates

    @cached_property
    def _certificates(self) -> CertificatesExplained:
        until = {index.shard: end for index, end in self._until.items()}
        return CertificatesExplained(
            self._output, self._indexes, until, lambda whose, end: self.engagement(whose, end).explainer
        )

    def _of_certificate(self, wanted: CertificateFigure) -> Explained | NotFound:
        found = self._certificates.explain(wanted)
        if isinstance(found, str):
            return NotFound((), found)
        if found.engagement_id is None:
            return Explained(found.node, None, found.differences)
        known = self.engagement(found.engagement_id, found.until)
        return Explained(found.node, found.engagement_id, (*found.differences, *_told(known.retraced)))

    # Ledgers

    def _sums_of(self, entity_id: str) -> list[PostedSum]:
        if entity_id not in self._sums:
            self._sums[entity_id] = [
                one
                for index, until in self._until.items()
                for one in (index.sums(entity_id) if until is None else index.sums_until(entity_id, until))
            ]
        return self._sums[entity_id]

    def _of_ledger(self, wanted: LedgerFigure) -> Explained | NotFound:
        sums = self._sums_of(wanted.entity_id)
        periods = sorted({posted.period for posted in sums})
        if wanted.period not in periods:
            return NotFound((), f"{wanted.entity_id} has journals in {_named(periods)}")
        node = explain_ledger(wanted, sums)
        if node is None:
            return NotFound(tuple(_accounts(wanted, sums)))
        if wanted.engagement_id is None or not wanted.figure or node.value is None:
            return Explained(node, wanted.engagement_id)
        if wanted.figure in ("closing", "movement"):
            return Explained(node, wanted.engagement_id)
        found = self.engagement(wanted.engagement_id)
        made = of_engagement(wanted, found.explainer, node.value)
        return Explained(made, wanted.engagement_id, _told(found.retraced))


def _is_figure(figure_id: str, whole: str) -> bool:
    """Of what is asked for, and not as some record left it."""
    figure = figure_id.removeprefix(f"{whole}#")
    return figure != figure_id and "@" not in figure


def _nearest(whole: str, known: list[str]) -> list[str]:
    """Those written most alike first."""
    alike = SequenceMatcher(b=whole)

    def distance(each: str) -> tuple[float, str]:
        alike.set_seq1(each)
        return -alike.ratio(), each

    return sorted(known, key=distance)[:NEAREST_MAX]


def _named(periods: list[str]) -> str:
    """`2026-01 to 2026-03 and 2026-05`; nothing where there are none."""
    stretches: list[list[str]] = []
    for period in periods:
        if stretches and period == _next(stretches[-1][-1]):
            stretches[-1].append(period)
        else:
            stretches.append([period])
    named = [each[0] if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in stretches]
    return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:]))) or "no period"


def _next(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12}-{month % 12 + 1:02}"


def _told(retraced: Retraced) -> tuple[str, ...]:
    return tuple(difference.what for difference in retraced.differences)


def _accounts(wanted: LedgerFigure, sums: list[PostedSum]) -> list[str]:
    """Accounts of the period, where the one that was asked for has nothing."""
    accounts = sorted({posted.account for posted in sums if posted.period == wanted.period})
    return [wanted._replace(account=account, figure="", engagement_id=None).id for account in accounts][:NEAREST_MAX]
