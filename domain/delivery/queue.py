"""The queue of an ERP account: which documents go to it now, and what becomes of them.

It knows no clock, client or store: its caller gives the time and the ERP's outcomes, keeps `changes` whole before anything is called
or published, and makes the calls that it is given. Of everything that a crash can leave, the queue goes on without sending twice:

- a document whose call began and did not end is unknown. The ERP is asked for it by key, and that it is missing is believed only when it
  was asked `call_seconds` after the call ended, or after the first look-up that follows a crash: so long it may still have an effect;
- where the store is lost, whatever may have been sent is looked up the same way: the document itself, and all that it may have become
  when an ERP refused its data and it was sent in halves;
- a journal that reverses another goes after that one is in the ledger, or in the same document;
- of a statement that is issued again the last revision goes, once it is certain that no earlier one did. Where the ERP has one, the
  last is rejected by name: an invoice in a ledger is credited and billed again by people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from domain.delivery import answers, standings
from domain.delivery.after_calls import became, missing, poll_wait, together
from domain.delivery.answers import Answer, AnswerSubject, Rejection
from domain.delivery.calls import Call, CallMaking, CallTerms, Given, Result
from domain.delivery.chart import Unmapped
from domain.delivery.choosing import Choosing
from domain.delivery.documents import INVOICE, Document, key_of, revision_of
from domain.delivery.order import Order, originals_first
from domain.delivery.outcomes import (
    LATE,
    NOT_PERMITTED,
    NotSent,
    Outcome,
    Said,
    Submitted,
    Taken,
    Throttled,
    Trouble,
    Uncertain,
    is_throttled,
)
from domain.delivery.pace import THROTTLED_STEP, Pace, back_off, seconds
from domain.delivery.recovery import PublishedStates, Tree
from domain.delivery.rows import ASKED, DIED, DueEntry, StandingRows, body_hash
from domain.delivery.standings import NOTHING_KEPT, Changes, Ended, Parcel, Settled, Standing, StoredStandings
from domain.units import Instant

# What was refused goes again when its chart has changed; else once a day, for the ERP's people may have mended something.
REFUSED_AGAIN_SECONDS: Final = 86_400
# The code of the rejection of a statement that was issued again after the ERP had its invoice.
INVOICED_BEFORE: Final = "INVOICED_BEFORE"
# No statement is issued again as often as that.
REVISIONS: Final = 100


class DeliveryQueue:
    """Owner of all standings of one ERP account."""

    def __init__(
        self,
        erp: str,
        making: CallMaking,
        terms: CallTerms,
        kept: StoredStandings = NOTHING_KEPT,
        known: Iterable[Answer] = (),
        only: str | None = None,
        is_to_come: Callable[[str], bool] = lambda _: False,
        is_read_again: bool = False,
    ) -> None:
        """`kept` is what the store has; `known` are answers that were published before, where the store was lost.

        `only` is a kind: what was never sent of it is sent, and nothing else is done. `is_to_come` says of a journal whether it is
        read and its day or period has not ended yet: what reverses it waits. `is_read_again`: the store was lost, and until `all_read`
        there may come what takes back something that is here.
        """
        self.pace = Pace(terms.per_minute, terms.concurrent)
        self._erp = erp
        self._making = making
        self._only = only
        self._terms = terms
        self._rows = StandingRows(kept)
        self._order = Order(self._rows, kept.closed, is_to_come)
        self._known = PublishedStates(known)
        self._is_read_again = is_read_again
        # Parcels that go on once all is read.
        self._held: set[int] = set()
        self._choosing = Choosing(
            self._rows, self._order, making, terms, only, self._known, self._documents, self._again
        )
        for standing in list(self._rows.standings.values()):
            if standing.key in self._rows.standings:
                self._restored(standing)
        for parcel in list(self._rows.parcels.values()):
            if parcel.state not in {standings.SENT, standings.TAKEN}:
                self._place(parcel, 0)

    # What comes

    def add(self, given: Sequence[Given], now: Instant, *, probe_from: Instant | None = None) -> None:
        """What the log has formed, in its order; `probe_from` where it may have been sent already: when the ERP can be asked for it."""
        for one in originals_first(given):
            for earlier in one.supersedes:
                self.withdraw(earlier)
            if self._is_settled(one):
                continue
            state = standings.TO_SEND if probe_from is None else standings.PROBE
            number = self._rows.number()
            parcel = Parcel(
                number,
                number,
                one.kind,
                one.entity,
                one.members,
                one.reverses,
                self._order.succeeding(one.replaces),
                state=state,
                not_before=probe_from or 0,
                came_at=now,
                withdrawn=one.withdrawn,
                supersedes=one.supersedes,
                is_unsent=probe_from == standings.NEVER_SENT,
            )
            self._rows.keep(parcel)
            self._order.hold(parcel)
            for _, replaced in parcel.replaces:
                self._order.release(replaced)
            self._place_freed(now)
            self._place(parcel, now)

    def all_read(self, now: Instant) -> None:
        """Nothing comes any more that was there when the store was lost."""
        self._is_read_again = False
        held, self._held = sorted(self._held), set()
        for number in held:
            if number in self._rows.parcels:
                self._place(self._rows.parcels[number], now)

    def withdraw(self, journal_id: str) -> None:
        """Of what the books have taken back: it leaves where it stands alone and is neither sent nor in the ledger."""
        number = self._order.holder.get(journal_id)
        if number is not None:
            parcel = self._rows.parcels[number]
            self._leaves(self._rows.keep(parcel._replace(withdrawn=(*parcel.withdrawn, journal_id))))

    def invoiced(self, statement_id: str) -> None:
        """The books have its invoice: where that is not delivery's own, the customer is not billed once more."""
        for name in (revision_of(statement_id, each) for each in range(1, REVISIONS + 1)):
            number = self._order.holder.get(name)
            if number is not None:
                self._rows.keep(self._rows.parcels[number]._replace(is_invoiced=True))
            self.withdraw(name)

    def _leaves(self, parcel: Parcel) -> bool:
        if not self._rows.is_taken_back(parcel):
            return False
        # What may have been sent before is looked up first.
        if parcel.state not in {standings.TO_SEND, standings.SENT, standings.REFUSED}:
            return False
        if any(self._rows.standings[key].state not in {standings.READY, standings.REJECTED} for key in parcel.keys):
            return False
        self._drop(parcel)
        return True

    # What to do

    def calls(self, now: Instant, room: int) -> list[Call]:
        """At most `room` calls that may begin now. Their intents are among the changes, to be kept before the calls are made."""
        found: list[Call] = []
        while len(found) < room and self.pace.may_call(now, self.in_flight):
            call = self._choosing.next(now)
            if call is None:
                break
            self.pace.began(now)
            self._choosing.began(call)
            found.append(call)
        return found

    @property
    def in_flight(self) -> int:
        return self._choosing.in_flight

    @property
    def at_hand(self) -> int:
        """Parcels that have no end yet, beside those that wait until all is read."""
        return len(self._rows.parcels) - len(self._held)

    @property
    def awaits_the_erp(self) -> bool:
        """Whether the ERP has documents that it has not posted yet."""
        return self._rows.standings_in[standings.SUBMITTED] + self._rows.standings_in[standings.ACCEPTED] > 0

    def count_to_look_up(self, kind: str) -> int:
        """Of documents that may have been sent before the store was lost."""
        return sum(each.kind == kind and each.state == standings.PROBE for each in self._rows.parcels.values())

    @property
    def is_done_for_now(self) -> bool:
        """Whether nothing can be done but wait: for a chart, a day's mark, the ERP's people, or a batch that is at work."""
        if self.in_flight or self._choosing.ready:
            return False
        return self._only is not None or not (
            self._rows.standings_in[standings.UNKNOWN] or self._rows.parcels_in[standings.PROBE]
        )

    def tally(self) -> tuple[dict[str, int], dict[str, Instant]]:
        return self._rows.tally()

    def members(self, key: str) -> tuple[str, ...]:
        """Of a document that is under way."""
        return self._rows.parcels[self._rows.standings[key].parcel].members

    def changed(self) -> Changes:
        """All since it was last asked."""
        changes, self._rows.changes = self._rows.changes, Changes()
        return changes

    def next_at(self, now: Instant) -> Instant | None:
        """When there may be something to do again, apart from what comes and calls that end; None: nothing else is waited for."""
        if not self.pace.has_room(self.in_flight):
            return None
        due = self._choosing.next_at(now)
        return None if due is None else max(due, self.pace.next_at(now))

    @property
    def troubled_since(self) -> Instant | None:
        """Since when the account cannot be called, or refuses all companies that something is to be done for; else None."""
        if self.pace.troubled_since is not None:
            return self.pace.troubled_since
        return self._choosing.refused_since

    def took(self, call: Call, result: Result, now: Instant) -> None:
        """What a call gave. Answers that follow are among the changes, to be kept before they are published."""
        self._choosing.ended(call)
        match call.kind:
            case "send":
                assert isinstance(result, list), "sending gives outcomes"
                self._took_sent(call, result, now)
            case "poll":
                assert result is None or isinstance(result, list), "polling gives outcomes"
                self._took_polled(call, result, now)
            case _:
                self._took_looked_up(call, result, now)

    # Making documents

    def _documents(self, parcel: Parcel, now: Instant) -> list[Standing]:
        """Those to send; none where the parcel cannot be sent as it is: then it is refused, or others have taken its place."""
        if not parcel.keys:
            made = self._making.documents(parcel)
            if isinstance(made[0], Unmapped):
                self._unmapped(parcel, made[0], now)
                return []
            if len(made) > 1 and len(parcel.members) > 1:
                # Too many lines: it was halved, and its halves go each by itself.
                self._split(parcel, self._making.halves(parcel), now)
                return []
            parcel = self._rows.sheets(parcel, made)
        found = self._rows.of(parcel)
        return [each for each in found if each.state == standings.READY]

    def _unmapped(self, parcel: Parcel, what: Unmapped, now: Instant) -> None:
        if len(parcel.members) > 1:
            self._split(parcel, self._making.halves(parcel), now)
            return
        parcel = self._rows.keep(parcel._replace(attempt=parcel.attempt + 1))
        self._refuse(parcel, Rejection(answers.ACCOUNT, what.missing, str(what), what.role), now)

    def _split(self, parcel: Parcel, members: Iterable[tuple[str, ...]], now: Instant) -> None:
        for child in self._in_its_place(parcel, members):
            self._place(child, now)

    def _in_its_place(self, parcel: Parcel, members: Iterable[tuple[str, ...]]) -> list[Parcel]:
        """Others with its order."""
        children = []
        self._rows.forget(parcel)
        for some in members:
            child = Parcel(
                self._rows.number(),
                parcel.order,
                parcel.kind,
                parcel.entity,
                some,
                tuple(pair for pair in parcel.reverses if pair[0] in some),
                tuple(pair for pair in parcel.replaces if pair[0] in some),
                came_at=parcel.came_at,
                withdrawn=tuple(each for each in parcel.withdrawn if each in some),
            )
            self._rows.keep(child)
            self._order.hold(child)
            children.append(child)
        return children

    # What came of calls

    def _took_sent(self, call: Call, outcomes: Sequence[Outcome], now: Instant) -> None:
        self._heed_all(call, outcomes, now)
        for document, outcome in zip(call.documents, outcomes, strict=True):
            standing = self._rows.standings[document.key]
            became(self._rows, standing, outcome, now)
        self._review_all(call.documents, now)

    def _took_polled(self, call: Call, outcomes: Sequence[Outcome] | None, now: Instant) -> None:
        outcomes = [Submitted(call.ticket) for _ in call.documents] if outcomes is None else outcomes
        self._heed_all(call, outcomes, now)
        for document, outcome in zip(call.documents, outcomes, strict=True):
            standing = self._rows.standings[document.key]
            if isinstance(outcome, Submitted | Throttled | NotSent):
                ticket = outcome.ticket if isinstance(outcome, Submitted) else standing.ticket
                self._rows.wait(standing._replace(ticket=ticket), now + poll_wait(standing.failures))
            else:
                became(self._rows, standing, outcome, now)
        self._review_all(call.documents, now)

    def _took_looked_up(self, call: Call, result: Result, now: Instant) -> None:
        assert isinstance(result, Mapping | Trouble), f"expected what was found, got {result}"
        if isinstance(result, Mapping):
            found = result
            self._heed_all(call, [found.get(each.key) for each in call.documents], now)
        else:
            found = {each.key: result for each in call.documents}
            self._heed(call, result, now)
        if call.probed:
            for number in call.probed:
                self._probed(self._rows.parcels[number], found, now)
            return
        for document in call.documents:
            standing = self._rows.standings[document.key]
            said = found.get(document.key)
            if is_throttled(said):
                self._rows.later(standing, max(self.pace.paused_until, now + THROTTLED_STEP))
            elif isinstance(said, NotSent | Uncertain):
                self._rows.wait(standing, together(now + back_off(standing.failures + 1)))
            elif isinstance(said, Taken) or (said and standing.state == standings.ACCEPTED):
                # A rejection may be of an earlier attempt, where nobody knows whether there was another.
                became(self._rows, standing, said, now)
            else:
                missing(self._rows, standing, call.at, now, self._terms.call_seconds)
        self._review_all(call.documents, now)

    def _heed_all(self, call: Call, outcomes: Sequence[Outcome | None], now: Instant) -> None:
        """Each kind once, for the account counts calls; a call of which something is known was answered.

        Trouble comes last: no answer in the same call takes it back.
        """
        known = [each for each in outcomes if not isinstance(each, Uncertain) or each.throttled]
        kinds = {type(each): each for each in known or outcomes}
        for outcome in sorted(kinds.values(), key=lambda each: isinstance(each, Trouble)):
            self._heed(call, outcome, now)

    def _heed(self, call: Call, outcome: Outcome | None, now: Instant) -> None:
        """What an outcome says of the account as a whole."""
        match outcome:
            case Throttled(after_seconds) | Uncertain(throttled=Throttled(after_seconds)):
                self.pace.throttled(call.at, now, after_seconds)
            case NotSent(why, _) if why == NOT_PERMITTED:
                self._choosing.refusals.refused(call.entity, now)
            case NotSent(why, _) if why != LATE:
                self.pace.failed(call.at, now)
            case NotSent():
                pass
            case Uncertain():
                self.pace.uncertain(call.at, now)
            case _:
                self.pace.answered()
                self._choosing.refusals.permitted(call.entity)

    # What became of a parcel

    def _review_all(self, documents: Iterable[Document], now: Instant) -> None:
        there = [self._rows.standings[each.key] for each in documents if each.key in self._rows.standings]
        for number in dict.fromkeys(each.parcel for each in there):
            self._review(self._rows.parcels[number], now)

    def _review(self, parcel: Parcel, now: Instant) -> None:
        """Says what became of it as soon as that is so of all its documents."""
        found = self._rows.of(parcel)
        states = {each.state for each in found}
        if standings.READY in states:
            if not self._leaves(parcel):
                self._choosing.may_go(parcel)
        elif states <= {standings.POSTED, standings.ACCEPTED}:
            self._taken(parcel, found, now)
        elif standings.REJECTED in states and states <= {standings.REJECTED, standings.POSTED, standings.ACCEPTED}:
            self._rejected(parcel, found, now)

    def _taken(self, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        is_posted = all(each.state == standings.POSTED for each in found)
        if not is_posted and parcel.state == standings.TAKEN:
            return
        documents = [each.document for each in found]
        taken = [each.taken for each in found if each.taken is not None]
        answer = answers.accepted(self._about(parcel, found), documents, taken, now)
        if answer is not None and not self._known.has(answer.event_id):
            self._rows.changes.answers.append(answer)
        if not is_posted:
            self._rows.keep(parcel._replace(state=standings.TAKEN))
            self._release(parcel, now)
            return
        for each in found:
            assert each.taken is not None, "what is posted has the ERP's reference"
            self._rows.changes.settled.append(
                Settled(each.key, each.taken.reference, each.taken.posted_on, parcel.members)
            )
        self._end(parcel, standings.POSTED, now)

    def _rejected(self, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        why = next(each.rejection for each in found if each.rejection is not None)
        is_in_part = any(each.taken is not None for each in found)
        if why.because == answers.PERIOD and is_in_part:
            # Part of the journal stands in the ledger: a replacement of it all would book that part twice.
            why = why._replace(because=answers.DATA)
        if why.because == answers.DATA and len(parcel.members) > 1:
            self._split(parcel, self._making.halves(parcel), now)
        elif why.because == answers.PERIOD and parcel.kind != INVOICE:
            self._say_rejected(parcel, found, why, now)
            for member in parcel.members:
                self._order.close(member, parcel.replaces)
            self._end(parcel, standings.REPLACED, now)
        else:
            self._refuse(parcel, why, now)

    def _refuse(self, parcel: Parcel, why: Rejection, now: Instant) -> None:
        """Until its chart has changed, or a day later; the same said again is not published again, and puts nothing off."""
        if parcel.state == standings.REFUSED and why == parcel.rejection:
            return
        if why != parcel.rejection:
            self._say_rejected(parcel, self._rows.of(parcel), why, now)
        if self._leaves(self._wait_refused(parcel._replace(state=standings.REFUSED, rejection=why), now)):
            return
        self._release(parcel, now)

    def _wait_refused(self, parcel: Parcel, now: Instant) -> Parcel:
        again = now + seconds(REFUSED_AGAIN_SECONDS)
        self._rows.due.put(parcel.entity, DueEntry(again, "", parcel.number))
        return self._rows.keep(parcel._replace(chart=self._making.chart(parcel.entity), not_before=again))

    def _release(self, parcel: Parcel, now: Instant) -> None:
        """What waits for it is looked at again."""
        for member in parcel.members:
            self._order.release(member)
        self._place_freed(now)

    def _again(self, parcel: Parcel, now: Instant) -> None:
        """With new documents, unless part of it is in the ledger: then those that are missing, as far as they are the same parts."""
        found = self._rows.of(parcel)
        if any(each.taken is not None for each in found):
            made = {each.key: each for each in self._making.documents(parcel) if not isinstance(each, Unmapped)}
            if made.keys() != set(parcel.keys):
                self._wait_refused(parcel, now)
                return
            for each in found:
                if each.taken is None:
                    document = made[each.key]
                    self._rows.update(
                        each._replace(
                            state=standings.READY,
                            document=document,
                            body_hash=body_hash(document),
                            attempt=each.attempt + 1,
                            rejection=None,
                        )
                    )
        else:
            attempt = max((each.attempt for each in found), default=parcel.attempt)
            for each in found:
                self._rows.gone(each.key)
            parcel = parcel._replace(keys=(), attempt=attempt)
        self._place(self._rows.keep(parcel._replace(state=standings.TO_SEND, not_before=0)), now)

    def _about(self, parcel: Parcel, found: Sequence[Standing]) -> AnswerSubject:
        documents = [each.document for each in found]
        key = answers.key_of_several(parcel.kind, parcel.members, documents)
        attempt = max((each.attempt for each in found), default=parcel.attempt)
        correlation = documents[0].correlation_id if documents else None
        return AnswerSubject(self._erp, parcel.kind, parcel.members, key, attempt, correlation)

    def _say_rejected(self, parcel: Parcel, found: Sequence[Standing], why: Rejection, now: Instant) -> None:
        statement = (parcel.supersedes or parcel.members)[0] if parcel.kind == INVOICE else None
        answer = answers.rejected(self._about(parcel, found), why, statement, now)
        if not self._known.has(answer.event_id):
            self._rows.changes.answers.append(answer)

    # After the loss of the store

    def _is_settled(self, given: Given) -> bool:
        """Whether all of it was posted, or its period refused, as was published before."""
        states = self._known.states(given.kind, given.members)
        if not all(state in {answers.POSTED, answers.PERIOD} for state in states):
            return False
        if given.kind == INVOICE:
            # A later revision asks for it.
            key = key_of(INVOICE, given.members)
            said = self._known.invoice(key)
            self._rows.changes.settled.append(Settled(key, said.invoice_id, said.posted_on, given.members))
        replaces = self._order.succeeding(given.replaces)
        for each, state in zip(given.members, states, strict=True):
            if state == answers.PERIOD:
                self._order.close(each, replaces)
        for known, standing in ((answers.POSTED, standings.POSTED), (answers.PERIOD, standings.REPLACED)):
            some = tuple(each for each, state in zip(given.members, states, strict=True) if state == known)
            if some:
                self._rows.changes.ended.append(Ended(standing, int(standing == standings.POSTED), some))
        for each in given.members:
            self._order.release(each)
        self._place_freed(0)
        return True

    def _probed(self, parcel: Parcel, found: Mapping[str, Said], now: Instant) -> None:
        probe = self._choosing.probes[parcel.number]
        probe.took(found)
        if not probe.is_done:
            again = max(now + back_off(probe.failures), self.pace.paused_until)
            self._rows.note_parcel(parcel._replace(not_before=again))
            self._rows.due.put(parcel.entity, DueEntry(again, "", parcel.number))
            return
        del self._choosing.probes[parcel.number]
        open_ones: list[int] = []
        parcel = self._rows.keep(parcel._replace(state=standings.TO_SEND, not_before=0))
        self._resolve(parcel, probe.tree, probe.found, now, open_ones)
        for number in open_ones:
            if number in self._rows.parcels:
                self._place(self._rows.parcels[number], now)

    def _resolve(
        self, parcel: Parcel, tree: Tree, found: Mapping[str, Taken], now: Instant, open_ones: list[int]
    ) -> None:
        """As it stands in the ledger: whole, in halves or halves of them, or not at all."""
        states = self._known.states(parcel.kind, parcel.members)
        attempts = self._known.attempt(parcel.kind, parcel.members)
        if all(state == answers.POSTED for state in states):
            self._end(parcel, standings.POSTED, now)
        elif any(each.key in found for each in tree.own):
            said = attempts - 1 if states[0] == answers.ACCEPTED else attempts
            parcel = self._rows.sheets(parcel._replace(attempt=said), tree.own)
            for each in tree.own:
                if each.key in found:
                    became(self._rows, self._rows.standings[each.key], found[each.key], now)
            parcel = self._rows.keep(parcel._replace(state=standings.SENT))
            self._review(parcel, now)
            open_ones.append(parcel.number)
        elif len(parcel.members) == 1:
            if states[0] == answers.ACCEPTED:
                self._end(parcel, standings.TAKEN, now)
            elif states[0] == answers.PERIOD:
                self._order.close(parcel.members[0], parcel.replaces)
                self._end(parcel, standings.REPLACED, now)
            else:
                open_ones.append(self._rows.keep(parcel._replace(attempt=attempts)).number)
        elif any(states) or tree.has(found):
            children = self._in_its_place(parcel, [each.members for each in tree.halves])
            for child, half in zip(children, tree.halves, strict=True):
                self._resolve(child, half, found, now, open_ones)
        else:
            open_ones.append(parcel.number)

    # Rows

    def _restored(self, standing: Standing) -> None:
        """A call that was under way when the process before died may have had its effect, or still have it."""
        if standing.state == standings.OPEN:
            standing = self._rows.update(standing._replace(state=standings.UNKNOWN, since=DIED))
        if standing.state in {standings.UNKNOWN, standings.ACCEPTED, standings.SUBMITTED}:
            if standing.not_before == ASKED:
                standing = self._rows.note(standing._replace(not_before=0))
            self._rows.later(standing, standing.not_before)
        elif standing.state == standings.READY:
            self._place(self._rows.parcels[standing.parcel], 0)

    def _place(self, parcel: Parcel, now: Instant) -> None:
        """Where it is found when it can go."""
        if self._is_read_again and self._may_be_taken_back(parcel):
            self._held.add(parcel.number)
            return
        if parcel.state == standings.PROBE and parcel.is_unsent and parcel.kind == self._only:
            parcel = self._rows.keep(parcel._replace(state=standings.TO_SEND, not_before=0))
        if self._leaves(parcel) or self._comes_too_late(parcel, now):
            return
        if parcel.state in {standings.PROBE, standings.REFUSED}:
            if parcel.state == standings.REFUSED and parcel.chart != self._making.chart(parcel.entity):
                self._again(parcel, now)
            else:
                if parcel.not_before == ASKED:
                    parcel = self._rows.keep(parcel._replace(not_before=0))
                self._rows.due.put(parcel.entity, DueEntry(parcel.not_before, "", parcel.number))
        elif parcel.state in {standings.TO_SEND, standings.SENT}:
            if not self._order.waits(parcel):
                self._choosing.may_go(parcel)
            elif (
                not parcel.keys
                and len(parcel.members) > 1
                and (self._order.is_stuck(parcel) or self._order.waits_for_itself(parcel))
            ):
                self._split(parcel, self._making.halves(parcel), now)

    def _may_be_taken_back(self, parcel: Parcel) -> bool:
        """By what comes later: of a statement another revision, of what was rejected a memo."""
        rejected = {answers.DATA, answers.ACCOUNT}
        return parcel.kind == INVOICE or not rejected.isdisjoint(self._known.states(parcel.kind, parcel.members))

    def _comes_too_late(self, parcel: Parcel, now: Instant) -> bool:
        """Of a revision: the ERP has an earlier one, which is neither overwritten nor billed beside it."""
        if parcel.state != standings.TO_SEND:
            return False
        for earlier in reversed(parcel.supersedes):
            reference = self._reference(earlier)
            if reference is not None:
                why = f"the ERP has {reference} of {earlier}, expected none of an earlier revision; credit it and bill again"
                rejection = Rejection(answers.DATA, INVOICED_BEFORE, why)
                self._refuse(parcel._replace(attempt=parcel.attempt + 1), rejection, now)
                return True
        return False

    def _reference(self, statement: str) -> str | None:
        """What the ERP calls the invoice of a revision that it has taken, posted or not."""
        number = self._order.holder.get(statement)
        if number is not None:
            found = self._rows.of(self._rows.parcels[number])
            return next((each.taken.reference for each in found if each.taken is not None), None)
        key = key_of(INVOICE, [statement])
        new = next((each.reference for each in self._rows.changes.settled if each.key == key), None)
        return new or self._making.reference(key)

    def _place_freed(self, now: Instant) -> None:
        for parcel in self._order.freed():
            self._place(parcel, now)

    def _drop(self, parcel: Parcel) -> None:
        self._forget(parcel, standings.INVOICED_BY_HAND if parcel.is_invoiced else standings.WITHDRAWN)
        if parcel.kind == INVOICE:
            self._order.let_go(parcel)
        else:
            self._order.drop(parcel)
        self._place_freed(0)

    def _end(self, parcel: Parcel, standing: str, now: Instant) -> None:
        self._forget(parcel, standing)
        self._order.let_go(parcel)
        self._place_freed(now)

    def _forget(self, parcel: Parcel, standing: str) -> None:
        is_there = standing in {standings.POSTED, standings.TAKEN}
        self._rows.changes.ended.append(Ended(standing, max(1, len(parcel.keys)) if is_there else 0, parcel.members))
        self._rows.forget(parcel)
