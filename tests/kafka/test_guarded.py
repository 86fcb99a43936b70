"""Users, passwords, rights and certificates: a firm's day on brokers and a Redis that let in only whom they know."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from connectors.redis.settings import RedisSettings
from milepost import exit_codes
from simulation.chaos.site import Site
from simulation.servers.kafka import Broker, Tls
from simulation.servers.redis import RedisServer
from simulation.servers.server import free_port
from tests.kafka.bad_day import BadDay, milepost
from tests.kafka.guarded import allow, certificate, denied, guarded_site, settings_of
from tests.kafka.servers import Start
from tests.kafka.test_view import acl

EVENTS = 400
WRONG = "canary-of-nobody-77ac"
SECRETS = {name: f"canary-of-{name}-5e1d" for name in ("intake", "accounting", "view", "redis")}


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return certificate(tmp_path)


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


@pytest.fixture
def guarded(started: Start, tls: Tls, tmp_path: Path) -> Site:
    users = {name: SECRETS[name] for name in ("intake", "accounting", "view")}
    site = guarded_site(started(Broker(tmp_path / "kafka", users=users, tls=tls)), tmp_path / "site")
    allow(site.broker, site)
    return site


def in_file(redis: RedisSettings) -> str:
    return (
        f'[redis]\nurl = "{redis.url}"\nusername = "{redis.username}"\n'
        f'password_file = "{redis.password_file}"\nca_file = "{redis.ca_file}"\n'
    )


@pytest.mark.timeout(600)
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
        for command in (["settings", "show", "--json"], ["doctor", "--for", name, "--json"]):
            ran = milepost(*command, "--settings", str(file))
            assert ran.returncode == 0, ran.stdout
            told += ran.stdout + ran.stderr
    assert not [name for name, secret in SECRETS.items() if secret in told]


@pytest.mark.timeout(600)
def test_a_wrong_password_is_told_and_not_repeated_and_work_goes_on_when_it_is_right(guarded: Site, tls: Tls) -> None:
    settings = {
        name: settings_of(guarded, name, mechanism="SCRAM-SHA-512", ca=tls.certificate)
        for name in ("intake", "accounting")
    }
    secret = guarded.folder / "accounting.secret"
    secret.write_text(WRONG, encoding="utf-8")
    with BadDay(guarded, EVENTS, settings=settings, dataflows=list(settings)) as day:
        day.said("accounting", "ended with 28 (guard: the brokers do not answer, or refuse this user)")
        told = next(
            line for line in day.log_of("accounting").splitlines() if "the brokers refuse this client: " in line
        )
        assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in told
        assert "See [kafka] security and security_files" in told
        looked = milepost("doctor", "--for", "accounting", "--settings", str(settings["accounting"]), "--timeout", "5")
        assert looked.returncode == exit_codes.FAILURE
        assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in looked.stdout
        assert "accounting  kept back by brokers" in looked.stdout
        secret.write_text(SECRETS["accounting"], encoding="utf-8")
        day.check()
        assert WRONG not in day.log_of("accounting") + looked.stdout + looked.stderr


def test_a_certificate_that_nobody_vouches_for_is_told(guarded: Site, tls: Tls, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = certificate(elsewhere)
    file = settings_of(guarded, "accounting", mechanism="SCRAM-SHA-512", ca=other.certificate)
    looked = milepost("doctor", "--for", "accounting", "--settings", str(file), "--timeout", "5")
    assert looked.returncode == exit_codes.FAILURE
    assert "certificate verify failed" in looked.stdout
