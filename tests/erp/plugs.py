"""The adapters that the contract is tested on: one line each, beside the one in connectors/erp/adapters.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.erp.contract import Plug
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
)

PLUGS: Final = (NETSUITE, DYNAMICS_FINANCE)
# Adapters that call nobody, and so are under no contract of calls.
WITHOUT_CALLS: Final = ("files",)
