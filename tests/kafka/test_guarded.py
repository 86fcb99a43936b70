"""Users, passwords, rights and certificates: a firm's day on brokers and a Redis that let in only whom they know."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from connectors.redis.settings import RedisSettings
from milepost import exit_codes
from state.guards import REFUSED_BY_BROKER
from tests.chaos.site import Site
from tests.kafka.bad_day import BadDay, milepost
from tests.kafka.guarded import allow, certificate, denied, guarded_site, settings_of
from tests.kafka.servers import Start
from tests.kafka.test_view import acl
from tests.servers.kafka import Broker, Tls
from tests.servers.redis import RedisServer
from tests.servers.server import free_port

EVENTS = 400
WRONG = "canary-of-nobody-77ac"
SECRETS = {name: f"canary-of-{name}-5e1d" for name in ("intake", "accounting", "view", "redis")}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def redis(started: Start, tls: Tls, tmp_path: Path) -> RedisSettings:
    """Over TLS, as the user of docs/views.md."""
    plain = RedisServer(tmp_path / "redis")
    port = free_port()
    encrypted = {"tls-port": str(port), "tls-cert-file": str(tls.certificate), "tls-key-file": str(tls.key)}
    server = RedisServer(tmp_path / "redis", plain.port, settings={**encrypted, "tls-auth-clients": "no"})
    rules = [f">{SECRETS['redis']}" if each.startswith("#") else each for each in acl("milepost-view")]
    with closing(Redis.from_url(started(server).url)) as client:
        client.execute_command("ACL", "SETUSER", "milepost-view", "reset", *rules)
    secret = tmp_path / "redis.secret"
    secret.write_text(f"{SECRETS['redis']}\n", encoding="utf-8")
    url = f"rediss://127.0.0.1:{port}/0"
    return RedisSettings(url=url, username="milepost-view", password_file=secret, ca_file=tls.certificate)


@pytest.fixture(scope="module")
def guarded(started_once: Start, tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Who is refused changes nothing there."""
    users, folder = {name: SECRETS[name] for name in ("intake", "accounting", "view")}, tmp_path_factory.mktemp("site")
    site = guarded_site(started_once(Broker(folder / "kafka", users=users, tls=tls)), folder / "site")
    allow(site.broker, site.kafka)
    return site


def in_file(redis: RedisSettings) -> str:
    return (
        f'[redis]\nurl = "{redis.url}"\nusername = "{redis.username}"\n'
        f'password_file = "{redis.password_file}"\nca_file = "{redis.ca_file}"\n'
    )


def test_each_process_with_its_own_user_and_no_more_rights_than_it_needs(
    guarded: Site, tls: Tls, redis: RedisSettings
) -> None:
    """Two over TLS with SCRAM, the view without and with PLAIN; its Redis over TLS. Nothing is refused, and no secret is said."""
    settings = {
        "intake": settings_of(guarded, "intake", mechanism="SCRAM-SHA-512", ca=tls.certificate),
        "accounting": settings_of(guarded, "accounting", mechanism="SCRAM-SHA-512", ca=tls.certificate),
        "view": settings_of(guarded, "view", mechanism="PLAIN", ca=None, more=in_file(redis)),
    }
    with BadDay(guarded, EVENTS, settings=settings, redis=redis) as day:
        day.check()
        told = "".join(day.log_of(name) for name in settings)
    assert denied(guarded.broker) == set()
    for name, file in settings.items():
        for command in (["settings", "show", "--json"], ["doctor", "--for", name, "--json", "--timeout", "60"]):
            ran = milepost(*command, "--settings", str(file))
            assert ran.returncode == 0, ran.stdout
            told += ran.stdout + ran.stderr
    assert not [name for name, secret in SECRETS.items() if secret in told]


def test_a_wrong_password_is_told_and_not_repeated(guarded: Site, tls: Tls) -> None:
    """It is for a person; whoever has mended the file starts it again."""
    file = settings_of(guarded, "accounting", mechanism="SCRAM-SHA-512", ca=tls.certificate)
    (guarded.folder / "accounting.secret").write_text(WRONG, encoding="utf-8")
    told = ["--settings", str(file), "--set", f"store.folder={guarded.folder}/store"]
    served = milepost("serve", "accounting", "--all-shards", *told)
    assert served.returncode == REFUSED_BY_BROKER
    assert "the brokers refuse it, not allowed: " in served.stderr
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in served.stderr
    assert "See user, password and certificate in [kafka]" in served.stderr
    looked = milepost("doctor", "--for", "accounting", *told, "--timeout", "60")
    assert looked.returncode == exit_codes.FAILURE
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in looked.stdout
    assert "accounting  kept back by brokers" in looked.stdout
    assert WRONG not in served.stdout + served.stderr + looked.stdout + looked.stderr
    (guarded.folder / "accounting.secret").write_text(SECRETS["accounting"], encoding="utf-8")
    assert milepost("doctor", "--for", "accounting", *told, "--timeout", "60").returncode == exit_codes.DONE


def test_a_certificate_that_nobody_vouches_for_is_told(guarded: Site, tls: Tls, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = certificate(elsewhere)
    file = settings_of(guarded, "accounting", mechanism="SCRAM-SHA-512", ca=other.certificate)
    looked = milepost("doctor", "--for", "accounting", "--settings", str(file), "--timeout", "60")
    assert looked.returncode == exit_codes.FAILURE
    assert "certificate verify failed" in looked.stdout
