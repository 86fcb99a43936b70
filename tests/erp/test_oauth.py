"""Who we are to an ERP: tokens made once for all threads, renewed once, and secrets that nobody sees."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, unquote

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849.signature import verify_hmac_sha256
from pydantic import ValidationError

from connectors.erp.adapter import Limits
from connectors.erp.answers import Answer
from connectors.erp.connection import Connection, WrongConnection
from connectors.erp.session import Session, opened
from domain.delivery.outcomes import CREDENTIALS, UNREACHABLE, NotSent, Throttled
from tests.erp.secrets_at_hand import CANARIES, TOKEN, ec_key, rsa_key, secret
from tests.erp.server import Asked, Behaviour, HungUp, Reply, Server, serving

LIMITS = Limits(call_seconds=20.0)
OPEN: list[Session] = []


def session(server: Server, auth: Mapping[str, object], **options: object) -> Session:
    connection = Connection.model_validate({"kind": "x", "url": server.url, "insecure_loopback": True, "auth": auth})
    made = opened("books", connection, LIMITS, token_url=f"{server.url}/token", scope="a b", **options)  # type: ignore[arg-type]
    OPEN.append(made)
    return made


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def client_secret(folder: Path) -> dict[str, object]:
    return {
        "kind": "oauth2_client_secret",
        "client_id": secret(folder, "id", CANARIES[0]),
        "client_secret": secret(folder, "secret", CANARIES[1]),
    }


class Erp:
    """Gives tokens 1, 2, 3, ... and accepts the latest alone."""

    def __init__(self, token: Behaviour | None = None) -> None:
        self.given = 0
        self.token = token

    def __call__(self, asked: Asked) -> Behaviour:
        if asked.path == "/token":
            self.given += 1
            given = Reply(200, {"access_token": f"{TOKEN}-{self.given}", "expires_in": 3_600})
            return given if self.token is None else self.token
        right = asked.headers.get("authorization") == f"Bearer {TOKEN}-{self.given}"
        return Reply(200, {}) if right else Reply(401, {})


def status(found: object) -> int:
    assert isinstance(found, Answer), found
    return found.status


def test_one_token_serves_all_threads(tmp_path: Path) -> None:
    erp = Erp()
    with serving(erp) as server:
        who = session(server, client_secret(tmp_path))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: status(who.call("GET", server.url)), range(40)))
    assert found == [200] * 40
    assert erp.given == 1


def test_a_token_that_is_refused_is_renewed_once(tmp_path: Path) -> None:
    """The first is taken back by the ERP: forty calls of eight threads go on with one second token."""
    erp = Erp()
    with serving(erp) as server:
        who = session(server, client_secret(tmp_path))
        assert status(who.call("GET", server.url)) == 200
        first = f"Bearer {TOKEN}-1"
        together = threading.Barrier(8)
        refused: list[Asked] = []

        def takes_the_first_back(asked: Asked) -> Behaviour:
            if asked.headers.get("authorization") == first:
                refused.append(asked)
                return Reply(401, {})
            return erp(asked)

        server.answering = takes_the_first_back

        def call(_: int) -> int:
            together.wait()
            return status(who.call("GET", server.url))

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(call, range(8)))
    assert found == [200] * 8
    assert refused
    assert erp.given == 2


def test_a_second_refusal_stands(tmp_path: Path) -> None:
    with serving(lambda asked: Erp()(asked) if asked.path == "/token" else Reply(401, {})) as server:
        who = session(server, client_secret(tmp_path))
        assert status(who.call("POST", server.url, json={})) == 401
        assert [each.path for each in server.asked] == ["/token", "/", "/token", "/"]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (
            Reply(401, {"error": "invalid_client"}),
            NotSent(CREDENTIALS, "answer 401, invalid_client; check what auth says"),
        ),
        (
            Reply(400, {"error": f"{CANARIES[1]} is wrong"}),
            NotSent(CREDENTIALS, "answer 400, no code; check what auth says"),
        ),
        (Reply(200, {"access_token": "a b"}), NotSent(UNREACHABLE, "answer 200 without an access_token")),
        (Reply(200, b"<html>"), NotSent(UNREACHABLE, "answer 200, expected JSON, found 6 bytes that are not")),
        (Reply(503, {}), NotSent(UNREACHABLE, "answer 503 without an access_token")),
        (Reply(429, {}, {"retry-after": "9"}), Throttled(9.0)),
        (HungUp(), NotSent(UNREACHABLE, "the connection ended or the answer was not HTTP")),
    ],
)
def test_without_a_token_nothing_is_sent(tmp_path: Path, token: Behaviour, expected: object) -> None:
    with serving(Erp(token)) as server:
        who = session(server, client_secret(tmp_path))
        found = who.call("POST", server.url, json={})
        if isinstance(expected, NotSent):
            assert isinstance(found, NotSent)
            assert found.why == expected.why
            assert expected.message in found.message
        else:
            assert found == expected
        assert [each.path for each in server.asked] == ["/token"]


@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
def test_an_assertion_is_signed(tmp_path: Path, algorithm: str) -> None:
    """NetSuite: issuer, scope, audience, under 60 minutes; `kid` is the certificate's id."""
    made = rsa_key(tmp_path) if algorithm == "PS256" else ec_key(tmp_path)
    auth = {
        "kind": "oauth2_certificate",
        "client_id": secret(tmp_path, "id", CANARIES[0]),
        "certificate_id": "cert-1",
        "private_key": {"file": str(made)},
        "algorithm": algorithm,
    }
    with serving(Erp()) as server:
        who = session(server, auth, scope_in_assertion=True)
        assert status(who.call("GET", server.url)) == 200
        form = {name: value for name, (value,) in parse_qs(server.asked[0].body.decode()).items()}
        pem = made.read_bytes()
        key = RSAKey.import_key(pem) if algorithm == "PS256" else ECKey.import_key(pem)
        token = jwt.decode(form.pop("client_assertion"), key, algorithms=[algorithm])
        claims = dict(token.claims)
        assert form == {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }
        assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "cert-1"}
        assert claims.pop("exp") - claims.pop("iat") == 300
        assert claims == {"iss": CANARIES[0], "scope": ["a", "b"], "aud": f"{server.url}/token"}


def test_a_key_of_another_kind_is_named_by_its_place(tmp_path: Path) -> None:
    key = ec_key(tmp_path)
    auth = {
        "kind": "oauth2_certificate",
        "client_id": secret(tmp_path, "id", CANARIES[0]),
        "certificate_id": "cert-1",
        "private_key": {"file": str(key)},
    }
    with serving(Erp()) as server:
        found = session(server, auth).call("GET", server.url)
    assert found == NotSent(
        CREDENTIALS, f"expected a private key in PEM that signs PS256 in the file {key}: it is another"
    )


def test_requests_of_older_accounts_are_signed(tmp_path: Path) -> None:
    places = ("consumer_key", "consumer_secret", "token", "token_secret")
    auth = {"kind": "oauth1", "realm": "1234567"} | {
        name: secret(tmp_path, name, value) for name, value in zip(places, CANARIES, strict=True)
    }
    with serving(lambda _: Reply(200, {})) as server:
        url = f"{server.url}/record?q=externalId%20ANY_OF%20%5B%22a%22%5D&limit=5"
        assert status(session(server, auth).call("GET", url)) == 200
        header = server.asked[0].headers["authorization"]
        assert server.asked[0].path == url.removeprefix(server.url)
    assert header.startswith('OAuth realm="1234567",')
    fields = dict(part.strip().split("=", 1) for part in header.removeprefix("OAuth ").split(","))
    parameters = {name: value.strip('"') for name, value in fields.items() if name != "realm"}
    assert parameters["oauth_signature_method"] == "HMAC-SHA256"
    signature = unquote(parameters.pop("oauth_signature"))
    request = Request(url, "GET")
    request.params = [(name, unquote(value)) for name, value in parameters.items()] + parse_qsl(url.split("?")[1])
    request.signature = signature
    assert verify_hmac_sha256(request, CANARIES[1], CANARIES[3])


def test_a_rotated_password_counts_at_once(tmp_path: Path) -> None:
    auth = {"kind": "basic", "user": secret(tmp_path, "user", "u"), "password": secret(tmp_path, "password", "old")}

    def rotates(asked: Asked) -> Behaviour:
        secret(tmp_path, "password", "new")
        return Reply(200 if asked.headers["authorization"] == "Basic dTpuZXc=" else 401, {})

    with serving(rotates) as server:
        who = session(server, auth)
        assert status(who.call("GET", server.url)) == 200
        assert [each.headers["authorization"] for each in server.asked] == ["Basic dTpvbGQ=", "Basic dTpuZXc="]


@pytest.mark.parametrize("password", ['pa/ss+wo"rd', "hunter2"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_password_is_hidden_however_an_answer_writes_it(tmp_path: Path, password: str, encoding: str) -> None:
    auth = {
        "kind": "basic",
        "user": secret(tmp_path, "user", "erp"),
        "password": secret(tmp_path, "password", password),
    }
    by_number = "".join(f"\\u{ord(each):04X}" for each in password)
    in_json = json.dumps(password)[1:-1]
    body = f"""{{"raw": "erp, {in_json}!", "slashes": "{in_json.replace("/", chr(92) + "/")}", "all": ["{by_number}"],
        "within": {json.dumps(json.dumps({"p": password}).replace("/", chr(92) + "/"))}, "sum": 12.5}}"""
    with serving(lambda _: Reply(400, body.encode(encoding))) as server:
        found = session(server, auth).call("GET", server.url)
    assert isinstance(found, Answer)
    assert found.json() == {
        "raw": "erp, **********!",
        "slashes": "**********",
        "all": ["**********"],
        "within": '{"p": "**********"}',
        "sum": Decimal("12.5"),
    }


def test_a_secret_that_is_missing_is_named_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ERP_PASSWORD", raising=False)
    auth = {"kind": "basic", "user": secret(tmp_path, "user", "u"), "password": {"env": "ERP_PASSWORD"}}
    with serving(lambda _: Reply(200, {})) as server:
        found = session(server, auth).call("GET", server.url)
        auth["password"] = {"file": str(tmp_path / "none")}
        other = session(server, auth).call("GET", server.url)
        assert server.asked == []
    assert found == NotSent(
        CREDENTIALS, "expected a secret in the environment's ERP_PASSWORD: it is empty or not there"
    )
    assert other == NotSent(
        CREDENTIALS, f"expected a secret in the file {tmp_path / 'none'}: No such file or directory"
    )


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"url": "http://erp.example"}, "expected https"),
        ({"url": "http://erp.example", "insecure_loopback": True}, "expected https"),
        ({"url": "https://erp.example", "insecure_loopback": True}, "is another machine"),
        ({"url": "https://u:canary@erp.example"}, "credentials or options in it"),
        ({"url": "https://erp.example?key=canary"}, "credentials or options in it"),
        ({"url": "ftp://erp.example"}, "expected https://host"),
        ({"auth": {"kind": "basic", "user": "canary", "password": {"env": "P"}}}, "valid dict"),
        ({"auth": {"kind": "basic", "user": {"env": "U", "file": "f"}, "password": {"env": "P"}}}, "expected either"),
        ({"auth": {"kind": "apikey"}}, "does not match any of the expected tags"),
        ({"url": "https://erp.example", "concurrent": 0}, "greater than or equal to 1"),
        ({"url": "https://erp.example", "retries": 3}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_without_its_secret(stated: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as found:
        Connection.model_validate({"kind": "netsuite", **stated})
    assert message in str(found.value)
    assert "canary" not in str(found.value)


def test_a_token_needs_a_url_to_come_from(tmp_path: Path) -> None:
    connection = Connection.model_validate({"kind": "x", "url": "https://erp.example", "auth": client_secret(tmp_path)})
    with pytest.raises(WrongConnection, match=r"\[erp.books.auth\] token_url is missing"):
        opened("books", connection, LIMITS)


def test_settings_of_an_account_show_places_alone(tmp_path: Path) -> None:
    connection = Connection.model_validate(
        {"kind": "x", "url": "https://erp.example", "auth": client_secret(tmp_path), "concurrent": 4}
    )
    shown = repr(connection) + json.dumps(connection.model_dump(mode="json"))
    assert not [each for each in CANARIES if each in shown]
    assert connection.limits(Limits(lines=200, concurrent=10)) == Limits(lines=200, concurrent=4)
