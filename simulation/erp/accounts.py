"""What a delivery needs to know to reach a simulated ERP: accounts.toml and the secrets that it names, in the ERP's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from joserfc.jwk import RSAKey

FILE: Final = "accounts.toml"
CLIENT: Final = "client_id"
KEY: Final = "key.pem"
CERTIFICATE_ID: Final = "simulated"


def written(folder: Path, kind: str, url: str, token_path: str, concurrent: int) -> Path:
    """Secrets of an earlier start stay. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, secret in ((CLIENT, "milepost"), (KEY, "")):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secret or _key(), encoding="utf-8")
    path = folder / FILE
    new = folder / f"{FILE}.new"
    new.write_text(_text(folder.absolute(), kind, url, token_path, concurrent), encoding="utf-8")
    return new.replace(path)


def _text(folder: Path, kind: str, url: str, token_path: str, concurrent: int) -> str:
    account = {"kind": kind, "url": url}
    lines = [
        "[erp.simulated]",
        *_fields(account),
        "insecure_loopback = true",
        *([f"concurrent = {concurrent}"] if concurrent else []),
        "",
        "[erp.simulated.auth]",
        *_fields({"kind": "oauth2_certificate", "certificate_id": CERTIFICATE_ID, "token_url": f"{url}{token_path}"}),
        f"client_id = {{file = {_quoted(folder / CLIENT)}}}",
        f"private_key = {{file = {_quoted(folder / KEY)}}}",
    ]
    return "\n".join(lines) + "\n"


def _fields(fields: Mapping[str, str]) -> list[str]:
    return [f"{name} = {_quoted(value)}" for name, value in fields.items()]


def _quoted(value: object) -> str:
    """As TOML writes a text."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key() -> str:
    return RSAKey.generate_key(2_048, private=True).as_pem(private=True).decode()
