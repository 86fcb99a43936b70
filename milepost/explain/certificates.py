"""Figures of a certificate: over contract groups down to the lines of journals, as the books stood when the period closed.

| id | figure |
|---|---|
| `certificate/LE-DE/2026-02` | the period's last certificate; `certificate/LE-DE/2026-02@3` certificate 3 of the company |
| `…#1150` | an account in ledger currency; `#1150/debits` one of its figures |
| `…#1150/movement_change` | what the movement is more than in the certificate that this one replaces; `opening_change` likewise |
| `…#USD` | what moved in a transaction currency; `#USD/debits` one of its figures |
| `…#journals` | how many journals |

With `@PRJ-1` after it a figure is what one contract group gives to it: its journals, each down to its events.
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.figure_index import FigureIndex
from connectors.json_values import instant_text
from dataflows.certificates import certified
from domain.accounts import name_of
from domain.counting import counted
from domain.explanation import CONSTANT, ELSEWHERE, Arithmetic, Node, less, total
from domain.identity import engagement_of
from domain.ledger.close_certificate import Whole
from domain.ledger.trial_balance import PostedSum
from domain.money import format_amount
from domain.outputs import CertifiedAccount, CertifiedCurrency, JournalEntry
from domain.units import Amount
from domain.work.rows import spoken
from milepost.explain.explainer import Explainer
from milepost.explain.ledger import ACCOUNT_FIGURES, LedgerFigure, of_engagement, shares
from state.trace import event_ref

_ID: Final = re.compile(
    r"certificate/(?P<entity>.+?)/(?P<period>\d{4}-\d{2})(@(?P<number>\d{1,9}))?"
    r"(#(?P<of>journals|\d{4}|[A-Z]{3})(/(?P<figure>[a-z_]+))?(@(?P<engagement>.+))?)?"
)
JOURNALS: Final = "journals"
SINCE: Final = {"opening_change": "opening", "movement_change": "movement"}
CURRENCY_FIGURES: Final = (JOURNALS, "debits", "credits")
# Figures that are sums of what contract groups give.
SUMMED: Final = frozenset({"opening", "debits", "credits", JOURNALS})


class CertificateFigure(NamedTuple):
    """`number` is 0 for the period's last; `of` an account, a currency or `journals`; without `figure` all of them are meant."""

    entity_id: str
    period: str
    number: int = 0
    of: str = ""
    figure: str = ""
    engagement_id: str = ""

    @property
    def is_account(self) -> bool:
        return self.of.isdigit()

    @property
    def figures(self) -> tuple[str, ...]:
        """Of what is asked for; what changed since another certificate is of the whole firm."""
        if self.of in ("", JOURNALS):
            return (JOURNALS,)
        changes = SINCE if not self.engagement_id else ()
        return (*ACCOUNT_FIGURES, *changes) if self.is_account else CURRENCY_FIGURES

    @property
    def id(self) -> str:
        figure = f"/{self.figure}" if self.figure and self.of != JOURNALS else ""
        whose = f"@{self.engagement_id}" if self.engagement_id else ""
        of = f"#{self.of}{figure}{whose}" if self.of else ""
        return f"certificate/{self.entity_id}/{self.period}@{self.number}{of}"

    @property
    def of_ledger(self) -> LedgerFigure:
        """The same sum over lines of journals."""
        account = self.of if self.is_account else ""
        currency = self.of if not self.is_account and self.of != JOURNALS else ""
        return LedgerFigure(
            self.entity_id,
            self.period,
            account,
            currency,
            figure=self.figure,
            in_ledger=self.is_account,
            engagement_id=self.engagement_id or None,
        )


class Found(NamedTuple):
    """`engagement_id` and `until` say whose books were folded once more, and to which log offset.

    `differences` are figures to which the journals that are written do not come.
    """

    node: Node
    engagement_id: str | None = None
    until: int | None = None
    differences: tuple[str, ...] = ()


def certificate_figure(wanted: str) -> CertificateFigure | None:
    """What an id asks for; None where it is none of a certificate."""
    found = _ID.fullmatch(wanted)
    if found is None:
        return None
    figure = found["figure"] or (JOURNALS if found["of"] == JOURNALS else "")
    head = found["entity"], found["period"], int(found["number"] or 0)
    return CertificateFigure(*head, found["of"] or "", figure, found["engagement"] or "")


class CertificatesExplained:
    """`folded` gives a contract group's books as its log left them at an offset; `until` is, by shard, the first that is not known."""

    def __init__(
        self,
        output: Path,
        indexes: Sequence[FigureIndex],
        until: dict[int, int | None],
        folded: Callable[[str, int], Explainer],
    ) -> None:
        self._output, self._folded = output, folded
        self._indexes = {index.shard: index for index in indexes}
        self._until = until
        self._known: dict[tuple[str, int], _Certificate] = {}

    def explain(self, wanted: CertificateFigure) -> Found | str:
        """Of what is not there, what is."""
        every = self._certificates(wanted.entity_id)
        of_period = [each for each in every if each.period == wanted.period]
        if not of_period:
            periods = ", ".join(sorted({each.period for each in every}))
            return f"{wanted.entity_id} has certificates of {periods}" if periods else NONE
        numbers = {each.number: each for each in of_period}
        whole = numbers.get(wanted.number) if wanted.number else of_period[-1]
        if whole is None:
            return f"certificates of {wanted.period} of {wanted.entity_id} are {', '.join(map(str, numbers))}"
        key = wanted.entity_id, whole.number
        if key not in self._known:
            self._known[key] = _Certificate(whole, every, self._indexes, self._folded)
        found = self._known[key].explain(wanted._replace(number=whole.number))
        return found if isinstance(found, str) else found._replace(differences=self._known[key].told())

    def _certificates(self, entity_id: str) -> list[Whole]:
        partitions = next(iter(self._indexes.values())).genesis.partitions
        return [each for each in certified(self._output, entity_id, partitions) if self._is_known(each)]

    def _is_known(self, whole: Whole) -> bool:
        ends = ((self._until[position.shard], position.log_offset) for position, _ in whole.shards)
        return all(end is None or offset < end for end, offset in ends)


NONE: Final = "no period of the company has a certificate; milepost period close closes one, and the next run gives it"


class _Certificate:
    """One of them, with what the journals before it come to."""

    def __init__(
        self,
        whole: Whole,
        every: Sequence[Whole],
        indexes: dict[int, FigureIndex],
        folded: Callable[[str, int], Explainer],
    ) -> None:
        self._whole, self._every, self._indexes, self._folded = whole, every, indexes, folded
        self._cuts = {position.shard: position.log_offset for position, _ in whole.shards}
        self._differences: dict[str, None] = {}

    def explain(self, wanted: CertificateFigure) -> Found | str:
        books = self._whole.books
        accounts = [each.account for each in books.accounts]
        currencies = [each.currency for each in books.currencies]
        if wanted.of not in ("", JOURNALS, *accounts, *currencies):
            return f"certificate {self._whole.number} has accounts {', '.join(accounts)} and currencies {', '.join(currencies)}"
        figures = [each for each in wanted.figures if each not in SINCE or self._whole.replaces is not None]
        if wanted.figure not in ("", *figures):
            named = (wanted._replace(figure=each).id for each in figures)
            return f"its figures are {', '.join(named)}"
        if wanted.engagement_id and not self._gives(wanted):
            whose = ", ".join(sorted({each.engagement_id for each in self._sums if each.period <= wanted.period}))
            return f"contract groups with journals there are {whose}"
        if wanted.engagement_id and wanted.figure in SUMMED:
            return self._of_engagement(wanted)
        if wanted.figure:
            return Found(self._figure(wanted), wanted.engagement_id or None)
        return Found(self._heading(wanted, figures) if wanted.of else self._root(wanted))

    def told(self) -> tuple[str, ...]:
        """What was found to differ in what was explained last."""
        told = tuple(self._differences)
        self._differences.clear()
        return told

    def _gives(self, wanted: CertificateFigure) -> bool:
        """Whether the contract group has journals of it."""
        return any(wanted.of_ledger.counts(each) and each.period <= wanted.period for each in self._sums)

    # The whole

    def _root(self, wanted: CertificateFigure) -> Node:
        whole = self._whole
        figures = (
            self._figure(wanted._replace(of=JOURNALS, figure=JOURNALS)),
            *(self._heading(wanted._replace(of=each.account), ACCOUNT_FIGURES) for each in whole.books.accounts),
            *(self._heading(wanted._replace(of=each.currency), CURRENCY_FIGURES) for each in whole.books.currencies),
        )
        title = f"Certificate {whole.number} of {whole.entity_id}, period {whole.period}"
        return Node(title, why=(*self._closed_by(), *figures), facts=tuple(self._facts()), id=wanted.id)

    def _closed_by(self) -> list[Node]:
        position, _ = self._whole.shards[0]
        record = self._indexes[position.shard].record_at(position.log_offset)
        return [Node("closed by", event=event_ref(record.offset, record.event))]

    def _facts(self) -> list[tuple[str, str]]:
        whole, had = self._whole, self._whole.replaces
        ended = f"{whole.ended_to}" if whole.ended_to is not None else "none"
        facts = [
            ("days", f"{whole.first_day} to {whole.last_day}, the last that had ended {ended}"),
            ("asked and approved by", f"{whole.requested_by}, {whole.approved_by}"),
            ("reason", whole.reason or ""),
            ("earlier periods that were open", ", ".join(whole.open_before)),
            ("digest of its journals", whole.books.digest),
        ]
        if had is not None:
            facts.append(("replaces", f"certificate {had.number} of {counted(had.journals, 'journal')}"))
            who = f"{had.requested_by}, {had.approved_by}: {had.reason or ''}".rstrip(": ")
            facts.append(("opened again", f"{instant_text(had.at) if had.at is not None else ''} {who}".strip()))
        return [(name, value) for name, value in facts if value]

    def _heading(self, wanted: CertificateFigure, names: Sequence[str]) -> Node:
        figures = tuple(self._figure(wanted._replace(figure=name)) for name in names)
        name = f"account {wanted.of} {name_of(wanted.of)}" if wanted.is_account else f"in {wanted.of}"
        return Node(f"{self._title}: {name}", why=figures, id=wanted.id)

    @property
    def _title(self) -> str:
        return f"{self._whole.entity_id} {self._whole.period}, certificate {self._whole.number}"

    # One figure

    def _figure(self, wanted: CertificateFigure) -> Node:
        what = JOURNALS if wanted.of == JOURNALS else f"{wanted.of} {wanted.figure.replace('_', ' ')}"
        title = f"{self._title}: {what}"
        if wanted.engagement_id and wanted.figure in SUMMED:
            return self._part(wanted, title, self._shares(wanted).get(wanted.engagement_id, 0))

        def other(name: str) -> Node:
            return self._figure(wanted._replace(figure=name))

        if wanted.figure == "movement":
            return less(title, other("debits"), other("credits"), id=wanted.id)
        if wanted.figure == "closing":
            parts = other("opening"), other("movement")
            return total(title, parts, "amount", self._whole.ledger_currency, id=wanted.id)
        if wanted.figure in SINCE:
            return less(title, other(SINCE[wanted.figure]), self._before(wanted), id=wanted.id)
        unit, currency = self._unit(wanted)
        operands = [
            self._part(wanted._replace(engagement_id=each), f"of contract group {each}", value)
            for each, value in self._shares(wanted).items()
        ]
        return self._compared(total(title, operands, unit, currency, id=wanted.id), self._certified(wanted))

    def _compared(self, made: Node, certified_: int) -> Node:
        if made.value != certified_:
            texts = [
                format_amount(value) if made.unit == "amount" else f"{value}" for value in (certified_, made.value or 0)
            ]
            self._differences[f"{made.title}: certified {texts[0]}, its journals come to {texts[1]}"] = None
        return made

    def _part(self, wanted: CertificateFigure, title: str, value: int) -> Node:
        """What a contract group gives, to be asked for by itself."""
        return Node(title, value, *self._unit(wanted), Arithmetic(ELSEWHERE), id=wanted.id)

    def _before(self, wanted: CertificateFigure) -> Node:
        """The figure as the certificate before it had it."""
        had, name = self._whole.replaces, SINCE[wanted.figure]
        assert had is not None, "asked of a certificate that replaces another"
        of = self._account(wanted)
        value = (of.certified_opening if name == "opening" else of.certified_movement) or 0
        before = next(each for each in self._every if each.number == had.number)
        id_ = wanted._replace(number=had.number, figure=name).id
        is_there = any(each.account == wanted.of for each in before.books.accounts)
        title = f"{name} in certificate {had.number}"
        return Node(
            title,
            value,
            "amount",
            self._whole.ledger_currency,
            Arithmetic(ELSEWHERE if is_there else CONSTANT),
            id=id_ if is_there else "",
        )

    def _certified(self, wanted: CertificateFigure) -> int:
        if wanted.of == JOURNALS:
            return self._whole.books.journals
        if wanted.is_account:
            account = self._account(wanted)
            return {"opening": account.opening, "debits": account.debits, "credits": account.credits}[wanted.figure]
        of: CertifiedCurrency = next(each for each in self._whole.books.currencies if each.currency == wanted.of)
        return {JOURNALS: of.journal_count, "debits": of.debits, "credits": of.credits}[wanted.figure]

    def _account(self, wanted: CertificateFigure) -> CertifiedAccount:
        return next(each for each in self._whole.books.accounts if each.account == wanted.of)

    def _unit(self, wanted: CertificateFigure) -> tuple[str, str]:
        """With its currency."""
        if wanted.figure == JOURNALS:
            return "count", ""
        return "amount", self._whole.ledger_currency if wanted.is_account else wanted.of

    # What contract groups give

    def _shares(self, wanted: CertificateFigure) -> dict[str, Amount]:
        if wanted.figure != JOURNALS:
            of = wanted.of_ledger
            of = of._replace(engagement_id=None)
            return shares(of, [each for each in self._sums if of.counts(each) and each.period <= of.period])
        counted: dict[str, int] = {}
        for engagement_id, currency in self._journals:
            if wanted.of in (JOURNALS, currency):
                counted[engagement_id] = counted.get(engagement_id, 0) + 1
        return dict(sorted(counted.items()))

    @cached_property
    def _sums(self) -> list[PostedSum]:
        entity_id = self._whole.entity_id
        return [
            one for shard, offset in self._cuts.items() for one in self._indexes[shard].sums_until(entity_id, offset)
        ]

    @cached_property
    def _journals(self) -> list[tuple[str, str]]:
        """Contract group and currency of each journal of the period."""
        return [
            (engagement_of(each.journal_id), each.currency)
            for shard, offset in self._cuts.items()
            for each in self._indexes[shard].journals_until(self._whole.entity_id, offset)
            if each.period == self._whole.period
        ]

    def _of_engagement(self, wanted: CertificateFigure) -> Found:
        value = self._shares(wanted).get(wanted.engagement_id, 0)
        shard = next(shard for shard, index in self._indexes.items() if index.has_engagement(wanted.engagement_id))
        until = self._cuts[shard]
        explainer = self._folded(wanted.engagement_id, until)
        if wanted.figure == JOURNALS:
            made = self._counted(wanted, explainer, value)
        else:
            made = of_engagement(wanted.of_ledger, explainer, value)._replace(id=wanted.id)
        return Found(made, wanted.engagement_id, until)

    def _counted(self, wanted: CertificateFigure, explainer: Explainer, value: int) -> Node:
        """Its journals, each with what caused it."""
        operands = []
        for said in explainer.trace.journals.values():
            journal: JournalEntry = said.record
            is_of = (journal.legal_entity_id, journal.period) == (wanted.entity_id, wanted.period)
            if is_of and wanted.of in (JOURNALS, journal.currency):
                title = (
                    f"{journal.accounting_date} {journal.kind} of {spoken(journal.affected_kind)} {journal.affected_id}"
                )
                why = (explainer.journals.journal(journal.journal_id),)
                operands.append(Node(title, 1, "count", "", Arithmetic(CONSTANT), why=why, id=journal.journal_id))
        title = f"journals of contract group {wanted.engagement_id}"
        return self._compared(total(title, operands, "count", "", id=wanted.id), value)
