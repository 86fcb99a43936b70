"""Where a setting comes from, what is refused, and that no secret is ever said."""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from dataflows.measured import INTAKE
from milepost.cli import app
from milepost.operate import doctoring
from milepost.operate.doctoring import examine, kept_back
from milepost.operate.doctoring_erps import FAIL, OK, WARN
from milepost.settings import Settings, load, values
from milepost.wrong_settings import WrongSettings

CANARY = "canary-8d1f0c"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MILEPOST_SETTINGS", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def wrong(*options: str) -> str:
    with pytest.raises(WrongSettings) as refused:
        load(None, options)
    return str(refused.value)


def test_an_option_goes_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("milepost.toml").write_text("[kafka]\npartitions = 2\ngeneration = 'file'\nprefix = 'file.'\n")
    monkeypatch.setenv("MILEPOST__KAFKA__GENERATION", "environment")
    monkeypatch.setenv("MILEPOST__KAFKA__PREFIX", "environment.")
    loaded = load(None, ["kafka.prefix=option."])
    kafka = loaded.settings.kafka
    assert (kafka.partitions, kafka.generation, kafka.prefix, kafka.replication) == (2, "environment", "option.", 3)
    assert loaded.origins == {
        "kafka.partitions": "milepost.toml",
        "kafka.generation": "MILEPOST__KAFKA__GENERATION",
        "kafka.prefix": "--set",
    }


def test_the_file_is_that_of_the_option_else_of_the_variable_else_the_one_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("milepost.toml", "b.toml", "c.toml"):
        (tmp_path / name).write_text(f"[kafka]\ngeneration = '{name[0]}'\n")
    assert load().settings.kafka.generation == "m"
    monkeypatch.setenv("MILEPOST_SETTINGS", "b.toml")
    assert load().settings.kafka.generation == "b"
    assert load(Path("c.toml")).settings.kafka.generation == "c"
    with pytest.raises(WrongSettings, match="--settings names it"):
        load(Path("d.toml"))


def test_paths_in_the_file_count_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "milepost.toml").write_text(
        "[store]\nfolder = 'store'\n[kafka.security_files]\n'sasl.password' = '/run/pw'\n'ssl.key.password' = 'key'\n"
    )
    settings = load(Path("etc/milepost.toml")).settings
    assert settings.store.folder == Path("etc/store")
    assert settings.kafka.security_files == {"sasl.password": Path("/run/pw"), "ssl.key.password": Path("etc/key")}
    assert settings.registry_cache == Path("etc/store/registry.json")


def test_an_empty_path_in_the_file_is_not_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[store]\nfolder = ""\n[kafka.security_files]\n"sasl.password" = ""\n', encoding="utf-8")
    with pytest.raises(WrongSettings) as fault:
        load(file)
    assert [each.removeprefix(f"{file}: ") for each in fault.value.faults] == [
        "kafka: security_files: expected a path, got (nothing)",
        "store: folder: expected a path, got (nothing)",
    ]


def test_lists_and_dotted_names_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST__OWNERSHIP__TIME_ENTRY", "kantata, harvest")
    monkeypatch.setenv("MILEPOST__KAFKA__SECURITY__SASL_MECHANISM", "PLAIN")
    settings = load().settings
    assert settings.ownership == {"time_entry": ("kantata", "harvest")}
    assert settings.kafka.security == {"sasl.mechanism": "PLAIN"}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("kafka.brokres=x", "--set: kafka.brokres is no setting; did you mean kafka.brokers?"),
        ("kafak.brokers=x", "--set: kafak is no section; did you mean kafka?"),
        *(
            (f"kafka.brokers={brokers}", "--set: kafka.brokers: expected addresses such as kafka-1.example:9093")
            for brokers in ("", ",", ":9092", "a:9092,:9092", "a:port", "a:0", "a:65536", "a b:9092")
        ),
        ("kafka.partitions=many", "--set: kafka.partitions: expected a valid integer"),
        ("kafka.min_in_sync=4", "min_in_sync is 4, expected at most replication, 3"),
        ("kafka.security.enable.idempotence=false", "enable.idempotence is not about connection, TLS or SASL"),
        ("kafka.security.ssl.endpoint.identification.algorithm=none", "lets anybody pass for the brokers"),
        ("kafka.security.enable.ssl.certificate.verification=false", "lets anybody pass for the brokers"),
        ("registry.url=http://registry.example", "is plain http to another machine"),
        ("registry.url=ftp://registry.example", "expected https://host"),
        *(
            (f"registry.url={url}", "expected https://host")
            for url in ("http://127.0.0.1:99999", "https://registry.example:port", "https://registry.example:0")
        ),
        *(
            (f"redis.url={url}", "redis: url: expected redis://host:port/db")
            for url in ("redis://127.0.0.1:99999/0", "redis://redis.example:port", "redis://redis.example/first")
        ),
        *(
            (f"{name}=", f"--set: {name.replace('.', ': ')}: expected a path, got (nothing)")
            for name in ("store.folder", "folder.output", "registry.token_file", "redis.ca_file", "delivery.accounts")
        ),
        ("accounting.process=1", "process is 1, expected less than processes, 1"),
        ('ownership.time_entri=["a"]', "time_entri is no kind of entity; did you mean time_entry?"),
        ("kafka", "expected section.name=value"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(option: str, said: str) -> None:
    assert said in wrong(option)


@pytest.mark.parametrize("brokers", ["kafka-1:9093, kafka-2:9093", "kafka,", "SSL://kafka:9093", "[::1]:9092"])
def test_brokers_are_named_as_their_client_takes_them(brokers: str) -> None:
    assert load(options=[f"kafka.brokers={brokers}"]).settings.kafka.brokers == brokers


@pytest.mark.parametrize("url", ["redis://h", "redis://h/", "redis://h:6379/15", "rediss://[::1]:6380/0"])
def test_redis_is_named_with_or_without_port_and_database(url: str) -> None:
    assert load(options=[f"redis.url={url}"]).settings.redis.url == url


def test_unknown_variables_of_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST__STORE__FODLER", "x")
    assert "MILEPOST__STORE__FODLER: store.fodler is no setting; did you mean store.folder?" in wrong()
    monkeypatch.setenv("MILEPOST__STOER", "x")
    assert "stoer is no section; did you mean store?" in wrong()


@pytest.mark.parametrize(
    "option",
    [
        f"kafka.security.sasl.password={CANARY}",
        f"kafka.security.ssl.key.pem={CANARY}",
        f"kafka.security.sasl.oauthbearer.client.secret={CANARY}",
        f"kafka.pasword={CANARY}",
        f"kafka.partitions={CANARY}",
        f"kafka.prefix={CANARY}!",
        f"registry.url=https://user:{CANARY}@registry.example",
        f"redis.url=redis://:{CANARY}@redis.example",
        f"redis.password={CANARY}",
        f"ownership={CANARY}",
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CANARY not in wrong(option)
    name, _, value = option.partition("=")
    monkeypatch.setenv("MILEPOST__" + name.upper().replace(".", "__", 1).replace(".", "_"), value)
    result = run("settings", "show")
    assert result.exit_code == 2
    assert CANARY not in result.output


def test_a_broken_file_is_told_without_its_text(tmp_path: Path) -> None:
    (tmp_path / "milepost.toml").write_text(f"[kafka]\npassword = {CANARY}\n")
    said = wrong()
    assert "milepost.toml: is no TOML at line 2" in said
    assert CANARY not in said


def test_the_content_of_secret_files_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("kafka", "redis", "registry"):
        (tmp_path / name).write_text(f"user:{CANARY}")
    options = [
        "kafka.security_files.sasl.password=kafka",
        "redis.password_file=redis",
        "redis.url=redis://127.0.0.1:1/0",
        "registry.credentials_file=registry",
        "registry.url=http://127.0.0.1:1",
        "kafka.brokers=127.0.0.1:1",
    ]
    told = [part for option in options for part in ("--set", option)]
    shown = [run("settings", "show", *told), run("settings", "show", "--json", "--origin", *told)]
    looked = run("doctor", "--timeout", "2", *told)
    assert [each.exit_code for each in (*shown, looked)] == [0, 0, 1]
    loaded = load(None, options)
    for text in (*(each.output for each in (*shown, looked)), repr(loaded), str(loaded.settings), caplog.text):
        assert CANARY not in text
    assert '"registry"' in shown[0].stdout


def test_an_unsafe_connection_is_said_each_time() -> None:
    unsafe = (*("--set", "kafka.security.enable.ssl.certificate.verification=false"), *("--set", "kafka.insecure=true"))
    assert (
        "UNSAFE: kafka.insecure lets enable.ssl.certificate.verification stand"
        in run("settings", "show", *unsafe).stderr
    )
    assert "UNSAFE" not in run("settings", "show").stderr


def test_every_setting_is_shown_with_its_origin() -> None:
    found = json.loads(run("settings", "show", "--json", "--origin", "--set", "metrics.port=9108").stdout)
    assert set(found["settings"]) == set(values(Settings()))
    assert found["settings"]["metrics.port"] == {"value": 9108, "origin": "--set"}
    assert found["settings"]["kafka.partitions"] == {"value": 16, "origin": "built in"}


def test_the_schema_describes_every_setting_and_refuses_others() -> None:
    schema = json.loads(run("settings", "schema").stdout)
    assert schema["additionalProperties"] is False
    for section in schema["$defs"].values():
        assert section["additionalProperties"] is False
        assert all(each.get("description") for each in section["properties"].values())


def test_doctor_says_by_process_what_keeps_it_back() -> None:
    nowhere = ("kafka.brokers=127.0.0.1:1", "registry.url=http://127.0.0.1:1", "redis.url=redis://127.0.0.1:1/0")
    told = ["doctor", "--timeout", "2", "--json", *(part for each in nowhere for part in ("--set", each))]
    brokers = ["brokers", "topics"]
    others = [*brokers, "log", "registry"]
    assert json.loads(run(*told).stdout)["kept_back"] == {
        "intake": [*brokers, "log", "clock", "registry"],
        "accounting": others,
        "view": [*brokers, "redis"],
        "delivery": others,
    }
    view = json.loads(run(*told, "--for", "view").stdout)
    assert view["kept_back"] == {"view": [*brokers, "redis"]}
    assert [each["check"] for each in view["findings"]] == ["settings", *brokers, "redis", "store"]


def test_a_site_that_does_not_speak_of_redis_needs_none() -> None:
    found = json.loads(run("doctor", "--timeout", "2", "--json", "--set", "kafka.brokers=127.0.0.1:1").stdout)
    assert [each["state"] for each in found["findings"] if each["check"] == "redis"] == ["ok"]


def test_doctor_tells_all_that_cannot_be_reached(tmp_path: Path) -> None:
    nowhere = ("kafka.brokers=127.0.0.1:1", "registry.url=http://127.0.0.1:1", "redis.url=redis://127.0.0.1:1/0")
    result = run("doctor", "--timeout", "2", "--json", *(part for each in nowhere for part in ("--set", each)))
    assert result.exit_code == 1
    found = {each["check"]: each["state"] for each in json.loads(result.stdout)["findings"]}
    assert {name for name, state in found.items() if state == "fail"} == {
        *("brokers", "topics", "log", "clock", "registry", "redis")
    }
    assert found["rules"] == "ok"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("ahead", "state"), [(1, OK), (600, WARN), (7200, FAIL)])
def test_doctor_tells_clocks_that_are_apart_and_fails_where_intake_would_stop(
    ahead: float, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intake stops at an hour; no other process asks the brokers for the time."""
    stamped: Future[SimpleNamespace] = Future()
    stamped.set_result(SimpleNamespace(timestamp=int((time.time() + ahead) * 1000)))
    clients = SimpleNamespace(
        settings=load().settings.kafka,
        topics=lambda names: dict.fromkeys(names, SimpleNamespace(partitions=1)),
        admin=SimpleNamespace(list_offsets=lambda asked, **_: dict.fromkeys(asked, stamped)),
    )
    monkeypatch.setattr(doctoring, "KafkaClients", lambda _: clients)
    found = examine(load(), 20.0)
    assert [each.state for each in found if each.check == "clock"] == [state]
    back = kept_back(found)
    assert [part for part in back if "clock" in back[part]] == [INTAKE] * (state == FAIL)
