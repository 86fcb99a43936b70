"""The adapters that the contract is tested on: one line each, beside the one in connectors/erp/adapters.py."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from domain.delivery.documents import Document, JournalDocument, Segment
from tests.erp.contract import DOCUMENTS, Plug
from tests.erp.secrets_at_hand import CANARIES, rsa_key, secret


def with_certificate(folder: Path) -> Mapping[str, object]:
    return {
        "kind": "oauth2_certificate",
        "client_id": secret(folder, "client_id", CANARIES[0]),
        "certificate_id": "cert-1",
        "private_key": {"file": str(rsa_key(folder))},
    }


def with_client_secret(folder: Path) -> Mapping[str, object]:
    return {
        "kind": "oauth2_client_secret",
        "client_id": secret(folder, "client_id", CANARIES[0]),
        "client_secret": secret(folder, "client_secret", CANARIES[1]),
    }


def with_password(folder: Path) -> Mapping[str, object]:
    return {
        "kind": "basic",
        "user": secret(folder, "user", CANARIES[0]),
        "password": secret(folder, "password", CANARIES[3]),
    }


def with_signatures(folder: Path) -> Mapping[str, object]:
    return {
        "kind": "oauth1",
        "realm": "1234567_SB1",
        "consumer_key": secret(folder, "consumer_key", CANARIES[0]),
        "consumer_secret": secret(folder, "consumer_secret", CANARIES[1]),
        "token": secret(folder, "token", CANARIES[2]),
        "token_secret": secret(folder, "token_secret", CANARIES[3]),
    }


NETSUITE: Final = Plug(
    name="netsuite",
    auth=with_certificate,
    token_path="/services/rest/auth/oauth2/v1/token",
    settings={"options": {"tax_codes": {"standard": "7"}}},
)


def in_department(value: str, name: str = "department") -> JournalDocument:
    """The contract's journal with another segment of its revenue."""
    journal = DOCUMENTS["journal"]
    assert isinstance(journal, JournalDocument)
    debit, credit = journal.lines
    return journal._replace(lines=(debit, credit._replace(segments=(Segment(name, value),))))


DYNAMICS_FINANCE: Final = Plug(
    name="dynamics365_finance",
    auth=with_client_secret,
    token_path="/tenant/oauth2/v2.0/token",
    settings={
        "options": {
            "account_format": ["MainAccount", "department"],
            "default_dimension_format": ["BusinessUnit", "department"],
            "tax_groups": {"standard": "FULL"},
        }
    },
    documents={
        "journal_delimiter": in_department("A-12"),
        "journal_other_dimension": in_department("12", name="costcenter"),
    },
)


def without_packing(request: dict[str, Any]) -> dict[str, Any]:
    """Rows of an import file as their columns that are not empty, counted from 0; the group's number by its name."""
    body = request.get("body", {})
    if "DocumentContent" not in body:
        return request
    with ZipFile(BytesIO(base64.b64decode(body["DocumentContent"]))) as archive:
        (name,) = archive.namelist()
        rows = list(csv.reader(StringIO(archive.read(name).decode())))
    columns = [{str(at): value for at, value in enumerate(row) if value} for row in rows]
    file = {"name": name, "columns": sorted({len(row) for row in rows}), "rows": columns}
    group = body["ParameterList"].split(",")[3]
    whole = {**request, "body": {**body, "DocumentContent": file}}
    shown: dict[str, Any] = json.loads(json.dumps(whole).replace(group, "{group}"))
    return shown


def as_in_oracle(document: Document) -> Document:
    """Periods have names; invoices are billed by contract, project and event type."""
    if isinstance(document, JournalDocument):
        return document._replace(period_id="Jun-26")
    time, travel = document.lines
    lines = (
        time._replace(item="Milepost Time", segments=(*time.segments, Segment("project", "PCS10028"))),
        travel._replace(item="Milepost Expense", segments=(Segment("contract_line", "2"),)),
    )
    return document._replace(period_id="Jun-26", customer="C10028", lines=lines)


ORACLE_FUSION: Final = Plug(
    name="oracle_fusion",
    auth=with_client_secret,
    token_path="/oauth2/v1/token",
    settings={
        "options": {
            "segments": ["company", "account", "department"],
            "ledgers": {
                "1": {
                    "name": "US Primary Ledger",
                    "data_access_set": "11",
                    "segments": {"company": "101", "department": "000"},
                    "business_unit": "US Business Unit",
                }
            },
        }
    },
    documents={name: as_in_oracle(each) for name, each in DOCUMENTS.items() if name != "journal_unmapped"},
    readable=without_packing,
)

BUSINESS_CENTRAL: Final = Plug(
    name="business_central",
    auth=with_certificate,
    token_path="/tenant/oauth2/v2.0/token",
    settings={"options": {"tax_codes": {"standard": "S"}}},
    lacks={"other_subsidiary": "A company is part of the address; a key is asked for in the document's own."},
)

PLUGS: Final = (NETSUITE, DYNAMICS_FINANCE, ORACLE_FUSION, BUSINESS_CENTRAL)
# Adapters that call nobody, and so are under no contract of calls.
WITHOUT_CALLS: Final = ("files",)
