"""Redis comes to hold the newest view of each project, whatever happens to it meanwhile."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from typer.testing import CliRunner, Result

from connectors.json_records import record_to_json
from connectors.kafka.names import Names
from connectors.project_views import View
from connectors.redis.read_model import MovedElsewhere, ReadModel
from connectors.redis.settings import RedisSettings
from dataflows.view import ViewFlow
from milepost import exit_codes
from milepost.cli import app
from state.guards import OTHER_GENERATION, GuardStop
from tests.commands.documents import saved
from tests.kafka.firm import ROOT, Site, site
from tests.kafka.given_views import ViewGiver, project
from tests.kafka.servers import PATIENCE, Start, until
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer
from tests.servers.server import free_port

PAGE = ROOT / "docs" / "views.md"


@pytest.fixture
def of(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores")


@pytest.fixture
def model(redis_server: RedisServer) -> Iterator[ReadModel]:
    with closing(ReadModel(RedisSettings(url=redis_server.url))) as found:
        yield found


def run(line: str, of: Site, model: ReadModel) -> Result:
    told = [*of.options(), "--set", f"redis.url={model.settings.url}"]
    return CliRunner().invoke(app, [*shlex.split(line)[1:], *told])


class Following:
    """The dataflow in a thread of its own."""

    def __init__(self, of: Site, model: ReadModel, names: Names | None = None, look_seconds: float = 0.2) -> None:
        self.told: list[str] = []
        self.fault: Exception | None = None
        self._over = False
        self._flow = ViewFlow(
            of.clients, names or of.names, model, lambda: self._over, self.told.append, look_seconds=look_seconds
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._flow.run()
        except Exception as fault:  # noqa: BLE001 - raised by `end`
            self.fault = fault

    def end(self) -> None:
        self._over = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.fault is not None:
            raise self.fault


@contextmanager
def following(of: Site, *models: ReadModel, names: Names | None = None) -> Iterator[list[Following]]:
    with ExitStack() as ends:
        readers = [Following(of, model, names) for model in models]
        for reader in readers:
            ends.callback(reader.end)
        yield readers


def versions(model: ReadModel) -> dict[str, int]:
    found = {each: model.view(each) for each in model.project_ids()}
    return {each: view["view_version"] for each, view in found.items() if view is not None}


def holds(model: ReadModel, wanted: dict[str, int]) -> bool:
    return versions(model) == wanted


def taken(version: int, generation: str = "1", project_id: str = "P-1") -> View:
    return View(project_id, "E-1", generation, version, b'{"version":%d}' % version)


def kept(model: ReadModel) -> str:
    with closing(Redis.from_url(model.settings.url)) as client:
        found = client.hgetall(f"{model.settings.prefix}project:P-1")
    raw: dict[Any, Any] = dict(found)
    texts = {key.decode(): each.decode() for key, each in raw.items()}
    return f"{texts['generation']} {texts['version']} {texts['view']}"


@pytest.mark.parametrize("order", list(permutations((9, 10, 11))), ids=str)
def test_the_newest_version_wins_in_every_order(model: ReadModel, order: tuple[int, ...]) -> None:
    """Compared as numbers: 9 is older than 10."""
    model.prepare()
    newer = [
        model.take(0, str(place), str(place + 1), [taken(version)])
        if place
        else model.take(0, "", "1", [taken(version)])
        for place, version in enumerate(order)
    ]
    assert kept(model) == '1 11 {"version":11}'
    assert newer == [int(version > max(order[:place], default=0)) for place, version in enumerate(order)]


def test_another_generation_replaces_whatever_its_version(model: ReadModel) -> None:
    model.prepare()
    model.take(0, "", "a", [taken(11)])
    model.take(0, "a", "b", [taken(2, generation="2")])
    assert kept(model) == '2 2 {"version":2}'


def test_a_batch_from_another_place_changes_nothing(model: ReadModel) -> None:
    model.prepare()
    model.take(0, "", "a", [taken(1)])
    with pytest.raises(MovedElsewhere, match='partition 0 is at "a", not at ""'):
        model.take(0, "", "b", [taken(2), taken(5, project_id="P-2")])
    assert kept(model) == '1 1 {"version":1}'
    assert list(model.project_ids()) == ["P-1"]
    assert model.places() == {0: "a"}


def test_the_view_in_redis_is_what_dump_prints(of: Site, model: ReadModel) -> None:
    giver = ViewGiver(of)
    giver.give(project("P-1", 1), project("P-2", 1, "E-2"), project("P-1", 2, accrued=2_500_000))
    giver.give(project("P-3", 1, "E-2"), shard=1)
    with following(of, model):
        until(lambda: versions(model) == {"P-1": 2, "P-2": 1, "P-3": 1})
    found = model.view("P-1")
    assert found is not None
    assert {name: found[name] for name in ("generation", "shard", "log_offset", "output_seq")} == {
        "generation": "1",
        "shard": 0,
        "log_offset": 12,
        "output_seq": 2,
    }
    own = record_to_json(project("P-1", 2, accrued=2_500_000))
    assert found == {**found, **own}
    assert own["balances"][0]["accrued"] == "250.00"
    assert model.projects_of("E-2") == ["P-2", "P-3"]


def test_what_cannot_be_read_is_said_and_left_out(of: Site, model: ReadModel) -> None:
    giver = ViewGiver(of)
    giver.give(project("P-1", 1))
    giver._producer.produce(of.names.shared("project.views"), b"forged", b"P-9", partition=0)
    giver.give(project("P-2", 1))
    with following(of, model) as (reader,):
        until(lambda: versions(model) == {"P-1": 1, "P-2": 1})
    assert [each for each in reader.told if "left out" in each and "offset 1" in each]


def test_another_generation_is_read_from_the_beginning(of: Site, model: ReadModel) -> None:
    """Its views may have come while the one before was still followed, whose view ends then."""
    ViewGiver(of).give(project("P-1", 7), project("P-2", 3))
    second = of.names._replace(generation="2")
    ViewGiver(of, "2").give(project("P-1", 1))
    with pytest.raises(GuardStop) as stop, following(of, model) as (reader,):
        until(lambda: reader.fault is not None)
    assert (stop.value.code, versions(model)) == (OTHER_GENERATION, {"P-1": 7, "P-2": 3})
    with following(of, model, names=second):
        until(lambda: versions(model) == {"P-1": 1, "P-2": 3})


def test_before_the_first_midnight_it_is_said_when_views_come(of: Site, model: ReadModel) -> None:
    told = run("milepost show TIDE --from redis", of, model)
    assert told.exit_code == exit_codes.USAGE
    said = " ".join(told.output.split())
    assert "there are none yet: a project's first view comes when its first day ends" in said


# What may happen to Redis


def test_a_redis_that_comes_back_as_it_was_goes_on(of: Site, started: Start, tmp_path: Path) -> None:
    server = started(RedisServer(tmp_path / "redis"))
    giver = ViewGiver(of)
    giver.give(project("P-1", 1))
    with closing(ReadModel(RedisSettings(url=server.url))) as model, following(of, model) as (reader,):
        until(lambda: versions(model) == {"P-1": 1})
        server.kill()
        giver.give(project("P-1", 2))
        until(lambda: any("waiting for Redis" in each for each in reader.told))
        server.start()
        until(lambda: versions(model) == {"P-1": 2})


@pytest.mark.parametrize("quiet", [False, True], ids=["while more comes", "while nothing comes"])
def test_a_redis_that_comes_back_empty_is_filled(of: Site, started: Start, tmp_path: Path, quiet: bool) -> None:
    server = started(RedisServer(tmp_path / "redis"))
    giver = ViewGiver(of)
    giver.give(project("P-1", 1), project("P-2", 4))
    with closing(ReadModel(RedisSettings(url=server.url))) as model, following(of, model):
        until(lambda: versions(model) == {"P-1": 1, "P-2": 4})
        server.stop()
        for each in (tmp_path / "redis").glob("appendonlydir"):
            shutil.rmtree(each)
        if not quiet:
            giver.give(project("P-1", 2))
        server.start()
        until(lambda: versions(model) == {"P-1": 1 if quiet else 2, "P-2": 4})


def test_a_redis_that_comes_back_with_an_older_copy_goes_on_from_there(
    of: Site, started: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "redis"
    server = started(RedisServer(folder))
    giver = ViewGiver(of)
    giver.give(project("P-1", 1), project("P-2", 1))
    with closing(ReadModel(RedisSettings(url=server.url))) as model, following(of, model):
        until(lambda: versions(model) == {"P-1": 1, "P-2": 1})
        shutil.copytree(folder / "appendonlydir", tmp_path / "copy")
        giver.give(project("P-1", 2), project("P-3", 1))
        until(lambda: versions(model) == {"P-1": 2, "P-2": 1, "P-3": 1})
        server.stop()
        shutil.rmtree(folder / "appendonlydir")
        shutil.copytree(tmp_path / "copy", folder / "appendonlydir")
        server.start()
        until(lambda: versions(model) == {"P-1": 2, "P-2": 1, "P-3": 1})


def test_a_redis_that_lost_its_functions_gets_them_again(of: Site, model: ReadModel) -> None:
    giver = ViewGiver(of)
    giver.give(project("P-1", 1))
    with following(of, model):
        until(lambda: versions(model) == {"P-1": 1})
        with closing(Redis.from_url(model.settings.url)) as client:
            client.function_flush()
        giver.give(project("P-1", 2))
        until(lambda: versions(model) == {"P-1": 2})


def test_a_paused_redis_is_waited_for(of: Site, started: Start, tmp_path: Path) -> None:
    server = started(RedisServer(tmp_path / "redis"))
    giver = ViewGiver(of)
    giver.give(project("P-1", 1))
    with (
        closing(ReadModel(RedisSettings(url=server.url))) as model,
        closing(ReadModel(RedisSettings(url=server.url, timeout_seconds=0.5))) as impatient,
        following(of, impatient) as (reader,),
    ):
        until(lambda: versions(model) == {"P-1": 1})
        server.pause()
        giver.give(project("P-1", 2))
        until(lambda: any("waiting for Redis" in each for each in reader.told))
        server.resume()
        until(lambda: versions(model) == {"P-1": 2})


def test_two_readers_of_one_redis_do_no_harm(of: Site, model: ReadModel) -> None:
    """What both read is taken from one; the other is told and goes on. How often they meet is left to chance."""
    giver = ViewGiver(of)
    with closing(ReadModel(model.settings)) as other, following(of, model, other) as readers:
        for version in range(1, 1_000):
            giver.give(project("P-1", version), project(f"P-{version + 1}", 1))
            giver.give(project("Q-1", version), shard=1)
            wanted = {"P-1": version, "Q-1": version, **{f"P-{number}": 1 for number in range(2, version + 2)}}
            if version >= 30:
                until(partial(holds, model, wanted))
                if any("going on from where" in each for reader in readers for each in reader.told):
                    return
    pytest.fail("both readers were never there at once")


# Who may do what


def acl(user: str) -> list[str]:
    """Of the user, as the page has it."""
    lines = saved(PAGE)["users.acl"].splitlines()
    return next(line for line in lines if line.startswith(f"user {user} ")).split()[2:]


def allowed(server: RedisServer, user: str, folder: Path) -> ReadModel:
    rules = [">secret" if each.startswith("#") else each for each in acl(user)]
    with closing(Redis.from_url(server.url)) as client:
        client.execute_command("ACL", "SETUSER", user, "reset", *rules)
    secret = folder / f"{user}.secret"
    secret.write_text("secret\n", encoding="utf-8")
    return ReadModel(RedisSettings(url=server.url, username=user, password_file=secret))


@pytest.fixture
def guarded(started: Start, tmp_path: Path) -> RedisServer:
    """One of its own, as users outlive a test."""
    return started(RedisServer(tmp_path / "guarded"))


def test_the_users_of_the_page_may_do_what_they_need_and_no_more(
    of: Site, guarded: RedisServer, tmp_path: Path
) -> None:
    ViewGiver(of).give(project("P-1", 1))
    with (
        closing(allowed(guarded, "milepost-view", tmp_path)) as writer,
        closing(allowed(guarded, "milepost-reader", tmp_path)) as reader,
    ):
        with following(of, writer):
            until(lambda: versions(reader) == {"P-1": 1})
        assert reader.projects_of("E-1") == ["P-1"]
        assert writer.clear() == 3
        for model in (writer, reader):
            found = Redis.from_url(
                guarded.url, username=model.settings.username, password="secret", decode_responses=True
            )
            with closing(found) as client:
                for forbidden in (
                    "HGET other:1 a",
                    "CONFIG GET dir",
                    "FLUSHALL",
                    "KEYS *",
                    "ACL LIST",
                    "FUNCTION FLUSH",
                ):
                    with pytest.raises(NoPermissionError):
                        client.execute_command(*forbidden.split())
        with pytest.raises(NoPermissionError):
            reader.take(0, "", "a", [])
        with pytest.raises(NoPermissionError, match=r"function\|load"):
            reader.prepare()


def test_another_prefix_is_refused_and_nothing_is_written(guarded: RedisServer, tmp_path: Path) -> None:
    with closing(allowed(guarded, "milepost-view", tmp_path)) as writer:
        writer.prepare()
        elsewhere = ReadModel(writer.settings.model_copy(update={"prefix": "other:"}))
        with closing(elsewhere), pytest.raises(NoPermissionError):
            elsewhere.take(0, "", "a", [taken(1)])
    with closing(Redis.from_url(guarded.url)) as client:
        assert client.dbsize() == 0


def test_tls_with_a_certificate_that_is_named(started: Start, tmp_path: Path, own_name: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *made, *subject], check=True, capture_output=True)
    tls_port = str(free_port())
    files = {"tls-cert-file": str(certificate), "tls-key-file": str(key), "tls-auth-clients": "no"}
    started(RedisServer(tmp_path / "redis", settings={"tls-port": tls_port, **files}))
    url = f"rediss://127.0.0.1:{tls_port}/0"
    with closing(ReadModel(RedisSettings(url=url, ca_file=certificate))) as model:
        model.prepare()
        assert model.take(0, "", "a", [taken(1)]) == 1
    with closing(ReadModel(RedisSettings(url=url))) as model, pytest.raises(Exception, match="CERTIFICATE_VERIFY"):
        model.ping()


# Commands


def test_show_from_redis(of: Site, model: ReadModel) -> None:
    ViewGiver(of).give(project("P-1", 1), project("P-2", 1), project("P-3", 1, "E-2"))
    with following(of, model):
        until(lambda: len(versions(model)) == 3)
    told = run("milepost show P-2 --from redis", of, model)
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[:2] == [
        "Project P-2, Work on P-2, contract group E-1, company LE-DE",
        "as of 2026-03-02, from Redis: record 11 of shard 0, generation 1",
    ]
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "8 8 400.00 EUR 0.00" in lines
    assert "C-1 EUR 100.00 0.00 0.00 100.00 0.00 0.00 100.00" in lines
    assert "2,000.00 3,000.00 1,000.00 40.0 %" in lines
    assert "no billing rate (no_rate) delivery 1 50.00 EUR E-1.x1" in lines
    assert "E-1.C-1/1" in lines
    found = json.loads(run("milepost show P-2 --from redis --json", of, model).stdout)
    assert (found["version"], found["kind"]) == (1, "project_view")
    assert found["project"] == model.view("P-2")


def test_show_an_engagement_from_redis(of: Site, model: ReadModel) -> None:
    ViewGiver(of).give(project("P-1", 1), project("P-2", 1), project("P-3", 1, "E-2"))
    with following(of, model):
        until(lambda: len(versions(model)) == 3)
    told = run("milepost show E-1 --from redis", of, model)
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[:3] == [
        "Contract group E-1: 2 projects, 1 contract",
        "as of 2026-03-02 or later, project by project",
        "from Redis: record 10 of shard 0, generation 1, or after it",
    ]
    found = json.loads(run("milepost show E-1 --from redis --json", of, model).stdout)
    assert [each["project_id"] for each in found["projects"]] == ["P-1", "P-2"]


def test_show_says_what_is_missing(of: Site, model: ReadModel) -> None:
    ViewGiver(of).give(project("P-1", 1))
    with following(of, model):
        until(lambda: versions(model) == {"P-1": 1})
    told = run("milepost show P1 --from redis", of, model)
    assert told.exit_code == exit_codes.USAGE
    assert "P-1" in told.output
    assert run("milepost show P-1 --from redis --as-of 2026-03-01", of, model).exit_code == exit_codes.USAGE
    assert run("milepost show P-1", of, model).exit_code == exit_codes.USAGE
    nowhere = RedisSettings(url="redis://127.0.0.1:1/0")
    with closing(ReadModel(nowhere)) as away:
        gone = run("milepost show P-1 --from redis", of, away)
    assert gone.exit_code == exit_codes.TRY_AGAIN
    assert "Redis does not answer" in gone.output


def test_rebuilding_ends_with_the_same_content(of: Site, model: ReadModel) -> None:
    ViewGiver(of).give(*(project(f"P-{number}", 1) for number in range(1, 8)), project("P-1", 2))
    with following(of, model):
        until(lambda: versions(model) == {"P-1": 2, **{f"P-{number}": 1 for number in range(2, 8)}})
    before = content(model)
    with closing(Redis.from_url(model.settings.url)) as client:
        client.hset("milepost:project:P-99", mapping={"generation": "0", "version": "1", "view": "{}"})
        client.set("others:stay", "1")
    told = run("milepost view rebuild", of, model)
    assert told.exit_code == 0, told.output
    assert told.stdout == "10 keys were removed; 7 projects are in Redis again\n"
    assert content(model) == {**before, "others:stay": b"1"}
    with following(of, model):
        again = run("milepost view rebuild --json", of, model)
        assert json.loads(again.stdout) == {"version": 1, "keys_removed": 9, "projects": 7}


def content(model: ReadModel) -> dict[str, object]:
    with closing(Redis.from_url(model.settings.url)) as client:
        names = sorted(key.decode() for key in client.scan_iter())
        kinds: dict[str, Any] = {name: client.type(name) for name in names}
        reads: dict[bytes, Any] = {b"hash": client.hgetall, b"set": client.smembers, b"string": client.get}
        return {name: reads[kinds[name]](name) for name in names}


def test_the_flow_runs_under_bytewaxs_own_command(of: Site, model: ReadModel) -> None:
    ViewGiver(of).give(project("P-1", 1))
    settings = {
        "MILEPOST__KAFKA__BROKERS": of.settings.brokers,
        "MILEPOST__KAFKA__PREFIX": of.settings.prefix,
        "MILEPOST__KAFKA__PARTITIONS": str(of.settings.partitions),
        "MILEPOST__KAFKA__DEVELOPMENT": "true",
        "MILEPOST__REDIS__URL": model.settings.url,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "bytewax.run", "milepost.operate.serving:view_flow"]
    of.folder.mkdir(exist_ok=True)
    with subprocess.Popen(command, cwd=of.folder, env={**os.environ, **settings}) as process:
        try:
            until(lambda: versions(model) == {"P-1": 1})
            process.terminate()
            assert process.wait(PATIENCE) == exit_codes.DONE
        finally:
            process.kill()
