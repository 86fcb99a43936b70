"""What a delivery needs to know to reach a simulated ERP: accounts.toml and the secrets that it names, in the ERP's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from joserfc.jwk import RSAKey

from domain.accounts import NAMES
from domain.delivery.chart import ENTITY_DAY
from simulation.erp.books import COMPANIES, ErpCompany
from simulation.erp.clients import Client
from simulation.erp.oracle_fusion import ledger_name

NAME: Final = "simulated"
FILE: Final = "accounts.toml"
CLIENT: Final = "client_id"
KEY: Final = "key.pem"
CERTIFICATE_ID: Final = "certificate-1"


def written(
    folder: Path,
    kind: str,
    url: str,
    token_path: str,
    concurrent: int = 0,
    *,
    call_seconds: int = 0,
    companies: Sequence[ErpCompany] = COMPANIES,
    grain: str = ENTITY_DAY,
    documents: int = 0,
) -> Path:
    """Accounts have Milepost's numbers there too. Secrets of an earlier start stay. 0 leaves a limit to the adapter. Raises OSError.

    `documents` are journals of one import, where the ERP imports.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, secret in ((CLIENT, "milepost"), (KEY, "")):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secret or _key(), encoding="utf-8")
    lines = [
        *_account(folder.absolute(), kind, url, token_path, concurrent, call_seconds),
        *_options(kind, companies, documents),
        *(line for company in companies for line in _entity(company, grain)),
    ]
    path = folder / FILE
    new = folder / f"{FILE}.new"
    new.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return new.replace(path)


def client_of(folder: Path) -> Client:
    """Who delivers with what was written there. Raises OSError."""
    return Client(*((folder / name).read_text(encoding="utf-8").strip() for name in (CLIENT, KEY)))


def _account(folder: Path, kind: str, url: str, token_path: str, concurrent: int, call_seconds: int) -> list[str]:
    return [
        f"[erp.{NAME}]",
        *_fields({"kind": kind, "url": url}),
        "insecure_loopback = true",
        *([f"call_seconds = {call_seconds}"] if call_seconds else []),
        *([f"concurrent = {concurrent}"] if concurrent else []),
        "",
        f"[erp.{NAME}.auth]",
        *_fields({"kind": "oauth2_certificate", "certificate_id": CERTIFICATE_ID, "token_url": f"{url}{token_path}"}),
        f"client_id = {{ file = {_quoted(folder / CLIENT)} }}",
        f"private_key = {{ file = {_quoted(folder / KEY)} }}",
    ]


def _options(kind: str, companies: Sequence[ErpCompany], documents: int) -> list[str]:
    if kind != "oracle_fusion":
        return []
    # An import whose answer was lost is among the processes at once here.
    made = ["", f"[erp.{NAME}.options]", "settle_seconds = 0"]
    made += [f"documents = {documents}"] if documents else []
    for company in companies:
        made += ["", f"[erp.{NAME}.options.ledgers.{company.id}]", *_fields({"name": ledger_name(company)})]
        made += _fields({"data_access_set": company.id})
    return made


def _entity(company: ErpCompany, grain: str) -> list[str]:
    table = f"entities.{company.legal_entity_id}"
    return [
        "",
        f"[{table}]",
        *_fields({"erp": NAME, "subsidiary": company.id, "grain": grain}),
        "",
        f"[{table}.accounts]",
        *_fields({role: role for role in NAMES}),
    ]


def _fields(fields: Mapping[str, str]) -> list[str]:
    return [f"{name} = {_quoted(value)}" for name, value in fields.items()]


def _quoted(value: object) -> str:
    """As TOML writes a text."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key() -> str:
    return RSAKey.generate_key(2_048, private=True).as_pem(private=True).decode()
