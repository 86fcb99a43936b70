"""Differences between the ledgers that somebody resolved: they are right as they are, as the books have it."""

from pathlib import Path

from dataflows.books_read import reading_books
from domain.delivery.reconciled import Reconciled
from domain.events.common import LedgerDifference
from domain.identity import composed
from state.batch import REFERENCE
from state.handlers.reconciliations import ACCEPTED, by_subject, is_accepted, subject_of


def accepted_of(output: Path, found: Reconciled) -> frozenset[LedgerDifference]:
    """Without the books' store none is known."""
    scope = composed(found.legal_entity_id, found.period.name)
    differences = found.compared.differences
    with reading_books(output) as reader:
        subjects = {
            subject
            for subject, each in by_subject(scope, differences).items()
            if is_accepted(reader.part(REFERENCE, "fact", f"{ACCEPTED}/{subject}"), each)
        }
    return frozenset(each for each in differences if subject_of(scope, each) in subjects)
