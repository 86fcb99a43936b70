"""Whom terms name: the company that bills, the customer, and others that are billed. Terms of somebody unknown wait for the record: nobody
could say which cards rate the work, in which region it is taxed, and whom to send a statement.
"""

from typing import NamedTuple

from domain.billing.shares import FIELD
from domain.events.commercial import ContractSigned
from domain.reference.book import ReferenceBook


class Undefined(NamedTuple):
    """`kind` and `id` are the key of what would wake the terms (`domain/waiting.py`)."""

    field: str
    kind: str
    id: str

    @property
    def message(self) -> str:
        what = "legal entity" if self.kind == "entity" else self.kind
        return f"expected a {what} that is defined, got {self.id}"


def undefined(book: ReferenceBook, terms: ContractSigned) -> list[Undefined]:
    """In the order of the fields."""
    sources = terms.funding.sources if terms.funding is not None else ()
    customers = [
        ("customer_id", terms.customer_id),
        *((f"{FIELD}[{place}].customer_id", party.customer_id) for place, party in enumerate(terms.bill_to)),
        *((f"funding.sources[{place}].bill_to", source.bill_to) for place, source in enumerate(sources)),
    ]
    found = (
        [] if book.entity(terms.legal_entity_id) else [Undefined("legal_entity_id", "entity", terms.legal_entity_id)]
    )
    return [*found, *(Undefined(field, "customer", name) for field, name in customers if book.customer(name) is None)]
