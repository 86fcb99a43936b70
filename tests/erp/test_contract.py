"""The contract of adapters (tests/erp/contract.py), on each of them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import stamina

from connectors.erp import adapters, transport
from connectors.erp.connection import Connection, WrongConnection
from domain.delivery.outcomes import CREDENTIALS, UNREACHABLE, NotSent, Submitted, Taken, Throttled, Uncertain
from tests.erp.contract import CASES, SCOPE, Case, Plug, Script, called, fits, opened, play, read
from tests.erp.plugs import PLUGS
from tests.erp.secrets_at_hand import CANARIES, TOKEN
from tests.erp.server import Asked, Behaviour, Dripping, Endless, HungUp, Reply

EVERY_CASE = [(plug, path) for plug in PLUGS for path in sorted(plug.folder.glob("*.json"))]
CALLS = [(plug, path) for plug, path in EVERY_CASE if read(path).call in {"send", "look_up", "poll"}]
EVERY_DOCUMENT = [(plug, name) for plug in PLUGS for name in plug.sends]
BY_NAME = pytest.mark.parametrize("plug", PLUGS, ids=lambda plug: plug.name)


def _broken_off() -> Iterator[tuple[Plug, Path, int]]:
    """Sendings that succeed, by the exchange after which nothing but refusals comes: when something may be in the ERP already."""
    for plug, path in EVERY_CASE:
        case = read(path)
        if case.call != "send" or any(each.get("kind") != "Taken" for each in case.comes):  # type: ignore[attr-defined]
            continue
        methods = ["GET" if "suiteql" in e["request"]["path"] else e["request"]["method"] for e in case.exchanges]
        begun = [at for at, method in enumerate(methods) if method in {"POST", "PUT"}]
        part = [at for at, method in enumerate(methods) if method == "DELETE" and at < min(begun, default=0)]
        later = range(begun[0] + 1, len(methods)) if begun else ()
        yield from ((plug, path, at) for at in (*part[:1], *later))


BROKEN_OFF = list(_broken_off())

# No ERP says anything by these, so nobody may conclude anything from them.
SENSELESS: dict[str, Behaviour] = {
    "redirect": Reply(307, {}, {"location": "https://elsewhere.example/"}),
    "page of a proxy": Reply(200, b"<html>Please sign in</html>", {"content-type": "text/html"}),
    "empty": Reply(200, b""),
    "other JSON": Reply(200, ["a", {"b": None}]),
    "deep JSON": Reply(200, b"[" * 100_000),
    "no text": Reply(200, b"\xff\xfe\x00"),
    "no number": Reply(200, b'{"items": [{"id": NaN}], "value": Infinity}'),
    "refusal of a proxy": Reply(400, b"<html>Bad request</html>", {"content-type": "text/html"}),
    "not found by a proxy": Reply(404, b"<html>Not found</html>", {"content-type": "text/html"}),
    "accident": Reply(500, {"error": "canary"}),
    "down": Reply(503, b"down for maintenance"),
    "hung up": HungUp(),
    "endless": Endless(50_000_000),
    "dripping": Dripping(),
}
SENSELESS_BY_NAME = pytest.mark.parametrize("does", SENSELESS.values(), ids=SENSELESS.keys())


@pytest.fixture(autouse=True)
def nothing_secret(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What an ERP's client is given stays in its requests, also in logs of libraries at their most talkative."""
    caplog.set_level(logging.DEBUG)
    with stamina.set_testing(True, attempts=2):
        yield
    assert_no_secret(caplog.text)


def assert_no_secret(text: object) -> None:
    assert [each for each in (*CANARIES, TOKEN, "PRIVATE KEY") if each in str(text)] == []


@BY_NAME
def test_every_case_has_its_golden_file(plug: Plug) -> None:
    there = {path.stem for path in plug.folder.glob("*.json")}
    assert [case for case in CASES if case not in there and case not in plug.lacks] == []
    assert [case for case in plug.lacks if case in there or case not in CASES] == []


@pytest.mark.parametrize(("plug", "path"), EVERY_CASE, ids=[f"{plug.name}-{path.stem}" for plug, path in EVERY_CASE])
def test_requests_and_answers_are_as_in_the_golden_files(plug: Plug, path: Path, tmp_path: Path) -> None:
    case = read(path)
    comes, script = play(plug, case, tmp_path)
    assert script.too_many == []
    assert script.requests == [each["request"] for each in case.exchanges]
    assert fits(case.comes, comes), comes
    assert_no_secret(comes)


@pytest.mark.parametrize(("plug", "name"), EVERY_DOCUMENT, ids=[f"{plug.name}-{name}" for plug, name in EVERY_DOCUMENT])
@SENSELESS_BY_NAME
def test_nothing_is_concluded_from_senseless_answers(plug: Plug, name: str, does: Behaviour, tmp_path: Path) -> None:
    """Sending gives neither taken nor rejected, looking up never 'it is not there'."""
    seconds = 0.3 if isinstance(does, Dripping) else 20.0
    with opened(plug, tmp_path, lambda _: does, call_seconds=seconds) as found:
        (sent,) = found.erp.send([plug.document(name)])
        assert isinstance(sent, Uncertain | NotSent)
        looked_up = found.erp.look_up([plug.document(name)])
        assert isinstance(looked_up, Uncertain | NotSent)
        assert_no_secret((sent, looked_up, found.erp))


@BY_NAME
@SENSELESS_BY_NAME
def test_a_ledger_that_is_not_one_is_unreadable(plug: Plug, does: Behaviour, tmp_path: Path) -> None:
    seconds = 0.3 if isinstance(does, Dripping) else 20.0
    with opened(plug, tmp_path, lambda _: does, call_seconds=seconds) as found:
        assert str(type(called(found.erp, "ledger", []))) == "<class 'connectors.erp.adapter.ErpUnreadable'>"
        findings = called(found.erp, "check", [])
        assert isinstance(findings, list)
        assert [each for each in findings if not each.is_right]
        assert_no_secret(findings)


@pytest.mark.parametrize(("plug", "name"), EVERY_DOCUMENT, ids=[f"{plug.name}-{name}" for plug, name in EVERY_DOCUMENT])
def test_credentials_that_expired_are_renewed_once(plug: Plug, name: str, tmp_path: Path) -> None:
    """Refused twice, it stands: nothing was sent, and no third attempt is made."""
    with opened(plug, tmp_path, lambda _: Reply(401, {"error": f"{TOKEN} expired"})) as found:
        (sent,) = found.erp.send([plug.document(name)])
        assert isinstance(sent, NotSent)
        assert sent.why == CREDENTIALS
        assert len(found.asked) == max(found.tokens, 1) <= 2
        assert_no_secret(sent)
        wrong = [each for each in found.erp.check([SCOPE.subsidiary], SCOPE.until) if not each.is_right]
        assert {"credentials" in each.remedy for each in wrong} == {True}


@BY_NAME
def test_after_a_renewal_it_goes_on(plug: Plug, tmp_path: Path) -> None:
    """The first token is refused at its first use; the case goes on with the second."""
    case = read(plug.folder / "taken.json")
    script = Script(case.exchanges)

    def answers(asked: Asked) -> Behaviour:
        return Reply(401, {}) if asked.headers.get("authorization") == f"Bearer {TOKEN}-1" else script(asked)

    if plug.auth(tmp_path)["kind"] not in {"oauth2_certificate", "oauth2_client_secret"}:
        pytest.skip("it has no tokens")
    with opened(plug, tmp_path, answers, settings=case.settings) as found:
        (sent,) = found.erp.send([plug.document(name) for name in case.documents])
        assert isinstance(sent, Taken | Submitted)
        assert found.tokens == 2


@pytest.mark.parametrize(("plug", "name"), EVERY_DOCUMENT, ids=[f"{plug.name}-{name}" for plug, name in EVERY_DOCUMENT])
def test_an_erp_that_has_enough_says_when_to_come_back(plug: Plug, name: str, tmp_path: Path) -> None:
    with opened(plug, tmp_path, lambda _: Reply(429, b"", {"retry-after": "7"})) as found:
        assert list(found.erp.send([plug.document(name)])) == [Throttled(7.0)]
        assert found.erp.look_up([plug.document(name)]) == Throttled(7.0)


@pytest.mark.parametrize(("plug", "name"), EVERY_DOCUMENT, ids=[f"{plug.name}-{name}" for plug, name in EVERY_DOCUMENT])
def test_without_a_connection_nothing_was_sent(plug: Plug, name: str, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with opened(plug, tmp_path, lambda _: Reply(500), settings={"url": url}) as found:
            (sent,) = found.erp.send([plug.document(name)])
            looked_up = found.erp.look_up([plug.document(name)])
            wrong = [each for each in found.erp.check([SCOPE.subsidiary], SCOPE.until) if not each.is_right]
            assert found.asked == []
    assert isinstance(sent, NotSent)
    assert sent.why == UNREACHABLE
    assert isinstance(looked_up, NotSent)
    assert wrong
    assert {f"url = {url}" in each.remedy for each in wrong} == {True}


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("plug", "path", "at"), BROKEN_OFF, ids=[f"{plug.name}-{path.stem}-{at}" for plug, path, at in BROKEN_OFF]
)
def test_what_may_be_in_the_erp_is_never_called_unsent(
    plug: Plug, path: Path, at: int, status: int, tmp_path: Path
) -> None:
    """Else it would go again, or into a file, while a draft of it stands there."""
    case = read(path)
    script = Script(case.exchanges[:at], plug.readable)

    def answers(asked: Asked) -> Behaviour:
        return script(asked) if len(script.requests) < at else Reply(status, b"", {"retry-after": "7"})

    with opened(plug, tmp_path, answers, settings=case.settings) as found:
        for outcome in found.erp.send([plug.document(name) for name in case.documents]):
            assert isinstance(outcome, Uncertain | Taken), outcome


@pytest.mark.parametrize(("plug", "path"), CALLS, ids=[f"{plug.name}-{path.stem}" for plug, path in CALLS])
def test_a_call_is_over_in_its_time_however_many_requests_it_makes(
    plug: Plug, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes 8 of its 20 seconds: no request begins after the third, for the next process waits no longer."""
    now = [1_000.0]
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: now[0]))
    case = read(path)
    script = Script(case.exchanges, plug.readable)
    began: list[float] = []

    def answers(asked: Asked) -> Behaviour:
        began.append(now[0])
        now[0] += 8.0
        return script(asked)

    with opened(plug, tmp_path, answers, settings=case.settings, call_seconds=20.0) as found:
        called(found.erp, case.call, [plug.document(name) for name in case.documents], case.ticket)
    assert began in ([], [1_000.0], [1_000.0, 1_008.0], [1_000.0, 1_008.0, 1_016.0])


@BY_NAME
def test_the_key_travels_with_what_is_written(plug: Plug, tmp_path: Path) -> None:
    """So that the ERP can be asked by it: in the first request that holds an amount."""
    for name in ("taken", "invoice_taken"):
        if name not in plug.lacks:
            case: Case = read(plug.folder / f"{name}.json")
            key = plug.document(case.documents[0]).key
            assert any(key in str(each["request"]) for each in case.exchanges if each["request"]["method"] != "GET")


@BY_NAME
def test_secrets_that_are_missing_are_named_by_their_place(plug: Plug, tmp_path: Path) -> None:
    with opened(plug, tmp_path, lambda _: Reply(500)) as found:
        for path in tmp_path.iterdir():
            path.unlink()
        (sent,) = found.erp.send([plug.document(plug.sends[0])])
        assert isinstance(sent, NotSent)
        assert sent.why == CREDENTIALS
        assert str(tmp_path) in sent.message
        assert found.server.asked == []


@BY_NAME
def test_options_that_nobody_knows_are_refused(plug: Plug) -> None:
    connection = Connection.model_validate(
        {"kind": plug.name, "url": "https://erp.example", "options": {"canary": CANARIES[1]}}
    )
    with pytest.raises(WrongConnection, match=r"^\[erp.books.options\] canary: ") as fault:
        adapters.opened("books", connection)
    assert_no_secret(fault.value)


def test_an_erp_that_nobody_knows_is_refused() -> None:
    connection = Connection.model_validate({"kind": "abacus", "url": "https://erp.example"})
    with pytest.raises(
        WrongConnection, match=r"\[erp.books\] kind: expected one of files, .*netsuite.*, found 'abacus'"
    ):
        adapters.opened("books", connection)
