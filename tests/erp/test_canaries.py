"""No credential is found anywhere but in requests, and requests go nowhere but to the ERP: on each adapter.

Every place of a secret holds a canary. The ERP here answers with all that it was sent, in every form that ERPs have for their errors.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Final

import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from prometheus_client import REGISTRY, generate_latest

from connectors.delivery_store import Arrived, DeliveryStore
from connectors.erp import adapters
from connectors.erp.adapter import ErpUnreadable
from connectors.erp.connection import Connection
from dataflows import delivery
from dataflows.delivery_calls import CallPool, now
from dataflows.delivery_files import FileBooks
from domain.delivery.groups import GroupChanges as Waiting
from domain.delivery.outcomes import NotSent
from domain.delivery.standings import Changes
from tests.domain.delivery.journals import chart
from tests.erp.contract import Case, Opened, Plug, called, opened, read
from tests.erp.plugs import (
    NETSUITE,
    PLUGS,
    WITHOUT_CALLS,
    with_certificate,
    with_client_secret,
    with_password,
    with_signatures,
)
from tests.erp.secrets_at_hand import CANARIES, TOKEN, rsa_key
from tests.erp.server import Asked, Behaviour, Reply, serving
from tests.finished_run import finished_run

Auth = Callable[[Path], Mapping[str, object]]

AUTHS: Final = (with_certificate, with_client_secret, with_password, with_signatures)
STATUSES: Final = (200, 201, 400, 401, 403, 404, 409, 412, 422, 429, 500, 503)
ASSERTION: Final = re.compile(r"eyJ[\w-]{10,}\.")

BY_NAME = pytest.mark.parametrize("plug", PLUGS, ids=lambda plug: plug.name)
BY_AUTH = pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: auth.__name__)


def heard(asked: Asked) -> str:
    """All of a request; a password without its base 64."""
    who = asked.headers.get("authorization", "")
    decoded = base64.b64decode(who[6:]).decode() if who.startswith("Basic ") else ""
    return " ".join((asked.path, *asked.headers.values(), asked.body.decode(), decoded))


def echo(asked: Asked, status: int) -> Behaviour:
    said = heard(asked)
    body = {
        "error": said,
        "error_description": said,
        "title": said,
        "detail": said,
        "message": said,
        "items": [{"id": said, "name": said, "externalid": said}],
        "value": [{"code": said, "message": said}],
        "o:errorDetails": [{"detail": said, "o:errorCode": said, "o:errorPath": said}],
    }
    if status % 2:
        body["error"] = {"code": said, "message": said, "innererror": {"message": said, "type": said}}  # type: ignore[assignment]
    return Reply(status, body, {"location": f"/{TOKEN}", "x-said": TOKEN})


def escaped(asked: Asked, status: int) -> Behaviour:
    """The same, with letters as JSON may also write them."""
    body = json.dumps(echo(asked, status).body).replace("canary", r"\u0063anary")  # type: ignore[union-attr]
    return Reply(status, body.encode(), {"location": f"/{TOKEN}"})


@pytest.fixture
def shown(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[list[object]]:
    """What a test saw; with logs at their most talkative, output and metrics it has no secret."""
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    with stamina.set_testing(True, attempts=2):
        yield seen
    text = " ".join(
        (*map(str, seen), *map(repr, seen), caplog.text, *capfd.readouterr(), generate_latest(REGISTRY).decode())
    )
    key = rsa_key(tmp_path).read_text().splitlines()
    assert [each for each in (*CANARIES, TOKEN, "PRIVATE KEY", *key[1:-1]) if each in text] == []
    assert [each for each in CANARIES if base64.b64encode(each.encode()).decode()[:-4] in text] == []
    assert ASSERTION.search(text) is None


def everything(found: Opened, plug: Plug) -> Iterator[object]:
    """All that an adapter gives, raises and is."""
    yield found.erp
    for name in plug.sends:
        yield found.erp.send([plug.document(name)])
        yield found.erp.look_up([plug.document(name)])
    yield called(found.erp, "check", [])
    fault = called(found.erp, "ledger", [])
    yield fault
    if isinstance(fault, ErpUnreadable):
        yield "".join(traceback.format_exception(fault))


def test_every_adapter_is_under_the_contract() -> None:
    assert {*adapters.OPENERS} == {*(plug.name for plug in PLUGS), *WITHOUT_CALLS}


@BY_NAME
@BY_AUTH
def test_an_erp_that_repeats_what_it_was_sent(plug: Plug, auth: Auth, tmp_path: Path, shown: list[object]) -> None:
    for repeats, status in (*((echo, each) for each in STATUSES), (escaped, 200), (escaped, 400)):
        with opened(plug, tmp_path, lambda asked, r=repeats, s=status: r(asked, s), auth=auth) as found:  # type: ignore[misc]
            shown.extend(everything(found, plug))
            assert any(each in str(found.asked) for each in ("Bearer ", "Basic ", "OAuth "))


@BY_NAME
@pytest.mark.parametrize("auth", AUTHS[:2], ids=lambda auth: auth.__name__)
def test_a_token_url_that_repeats_what_it_was_sent(plug: Plug, auth: Auth, tmp_path: Path, shown: list[object]) -> None:
    for status in STATUSES:
        with opened(plug, tmp_path, lambda asked, s=status: echo(asked, s), auth=auth, gives_tokens=False) as found:  # type: ignore[misc]
            shown.extend(everything(found, plug))
            assert found.asked == []
            assert CANARIES[0] in str(found.server.asked) or ASSERTION.search(str(found.server.asked))


@BY_NAME
@BY_AUTH
def test_secrets_that_cannot_be_used(plug: Plug, auth: Auth, tmp_path: Path, shown: list[object]) -> None:
    """A file of another kind, or a line too many: the message names the place."""
    with opened(plug, tmp_path, lambda asked: echo(asked, 400), auth=auth) as found:
        for path in tmp_path.iterdir():
            path.write_text(f"{CANARIES[0]}\r\nx: {CANARIES[1]} é", encoding="utf-8")
        shown.extend(everything(found, plug))


@BY_NAME
@BY_AUTH
def test_settings_show_places_alone(plug: Plug, auth: Auth, tmp_path: Path, shown: list[object]) -> None:
    stated = {"kind": plug.name, "url": "https://erp.example", "auth": auth(tmp_path)}
    connection = Connection.model_validate({**stated, **plug.settings})
    shown.extend((connection, connection.model_dump(), connection.model_dump_json(), str(tmp_path)))
    assert str(tmp_path) in connection.model_dump_json()


@BY_AUTH
def test_what_delivery_keeps_and_publishes(auth: Auth, tmp_path: Path, shown: list[object]) -> None:
    """The ERP's words stand in the store, and in the answers that the books take in."""
    output, answers = tmp_path / "output", tmp_path / "input"
    copytree(finished_run(), output)
    answers.mkdir()
    charts = {"BERLIN": chart(legal_entity_id="BERLIN", grain="entry", invoices_from=date(2026, 1, 1))}
    with (
        opened(NETSUITE, tmp_path, repeated_in_rejections, auth=auth) as found,
        DeliveryStore(tmp_path / "kept" / "books.db", "1", "") as store,
        CallPool(found.erp) as pool,
    ):
        # Nothing was sent before, which is known.
        store.begin(0)
        store.keep(Changes(), Arrived({}, Waiting((), ()), is_all=True))
        books = FileBooks(output, answers)
        here = delivery.opened("books", books, store, charts, found.erp.limits, pool, now)
        here.carry_out(here.decide(here.turn()))
        here.carry_out(here.decide(here.turn()))
        here.end()
        files = [each for folder in (tmp_path / "kept", answers) for each in folder.rglob("*") if each.is_file()]
        shown.extend(each.read_bytes().decode("latin-1") for each in files)
        assert any("INVALID_CONTENT" in str(each) for each in store.kept().parcels)
        assert "INVALID_CONTENT" in str(list(books.answered()))


def repeated_in_rejections(asked: Asked) -> Behaviour:
    """A NetSuite that finds nothing, and refuses all in the words of the request."""
    if asked.path.endswith("suiteql") or "suiteql?" in asked.path:
        return Reply(200, {"items": [], "hasMore": False, "totalResults": 0})
    said = heard(asked)
    details = [{"detail": said, "o:errorCode": "INVALID_CONTENT", "o:errorPath": said}]
    return Reply(400, {"title": said, "status": 400, "o:errorDetails": details})


@BY_NAME
@pytest.mark.parametrize("case", ["taken", "invoice_taken", "ledger", "missing"])
def test_nobody_is_called_that_an_answer_names(plug: Plug, case: str, tmp_path: Path) -> None:
    """Redirects, next pages and places of records that point at another host are not followed."""
    if case in plug.lacks:
        pytest.skip(plug.lacks[case])
    golden = read(plug.folder / f"{case}.json")
    with serving(lambda _: Reply(200, {"items": [], "value": []})) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with opened(plug, tmp_path, pointing(golden, elsewhere), settings=golden.settings) as found:
            called(found.erp, golden.call, [plug.document(name) for name in golden.documents], golden.ticket)
            assert found.asked
        assert other.asked == []


def pointing(golden: Case, elsewhere: str) -> Callable[[Asked], Behaviour]:
    """The answers of a golden file, with links to another host; in the end a redirect there."""
    answers = iter([each["answer"] for each in golden.exchanges])

    def answer(_: Asked) -> Behaviour:
        following = next(answers, None)
        if following is None:
            return Reply(307, {}, {"location": elsewhere})
        said = following.get("body", "")
        text = said if isinstance(said, str) else json.dumps({**said, **linked(elsewhere)})
        headers = following.get("headers", {})
        pointed = {name: value.replace("{url}", elsewhere) for name, value in headers.items()}
        return Reply(following["status"], text.replace("{url}", elsewhere).encode(), pointed)

    return answer


def linked(url: str) -> Mapping[str, object]:
    return {
        "hasMore": True,
        "links": [{"rel": "next", "href": f"{url}/next"}],
        "next": f"{url}/next",
        "@odata.nextLink": f"{url}/next",
    }


@BY_NAME
def test_a_certificate_that_nobody_signed_is_not_accepted(plug: Plug, tmp_path: Path) -> None:
    """Not even the request for a token is sent."""
    with serving(lambda _: Reply(200, {}), tls=self_signed(tmp_path)) as server:
        settings = {"url": server.url, "insecure_loopback": False}
        with opened(plug, tmp_path, lambda _: Reply(200, {}), settings=settings, auth=with_password) as found:
            (sent,) = found.erp.send([plug.document(plug.sends[0])])
        assert server.asked == []
    assert isinstance(sent, NotSent)
    assert "its TLS certificate or protocol was not accepted" in sent.message


def self_signed(folder: Path) -> ssl.SSLContext:
    key_file = rsa_key(folder)
    key = load_pem_private_key(key_file.read_bytes(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[arg-type]
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, SHA256())  # type: ignore[arg-type]
    )
    certificate = folder / "certificate.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate, key_file)
    return found
