"""Secrets that are canaries: none of them may be found anywhere but in a request."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

# Whether a key is sound takes 40 ms to find out, and all tests sign with one.
RSAKey.import_key = cache(RSAKey.import_key)  # type: ignore[assignment]

CANARIES = ("canary-client-7f3a", "canary-secret-91bc", "canary-token-d20e", "canary-password-55ab")
TOKEN = "canary-bearer-3c1d"


@cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


def rsa_key(folder: Path) -> Path:
    return _written(folder / "rsa.pem", _rsa())


def ec_key(folder: Path) -> Path:
    return _written(folder / "ec.pem", ec.generate_private_key(ec.SECP256R1()))


def secret(folder: Path, name: str, value: str) -> dict[str, str]:
    """As accounts.toml names it."""
    path = folder / name
    path.write_text(f"{value}\n", encoding="utf-8")
    return {"file": str(path)}


def _written(path: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
