"""Looks at everything that a start needs. Each check has a time, and none depends on another having passed."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import redis
from confluent_kafka import KafkaError, KafkaException, TopicPartition, libversion
from confluent_kafka.admin import OffsetSpec

from connectors.accounts_file import WrongAccounts, read_accounts
from connectors.erp.connection import WrongConnection
from connectors.files.output_lock import is_written
from connectors.kafka.clients import KafkaClients
from connectors.kafka.lost_topics import lost_topics
from connectors.kafka.names import GENESIS_KEY, Names
from connectors.kafka.pinned_schemas import pinned_schemas
from connectors.kafka.registry import SchemaPlace, check_kept, kept_ids
from connectors.kafka.registry_client import RegistryClient, RegistryRefused, RegistryUnreachable
from connectors.kafka.rights import topics_of
from connectors.kafka.topics import BY_NAME, faults
from connectors.metrics.catalogue import DATAFLOWS
from connectors.redis.settings import RedisSettings
from connectors.section import is_loopback
from dataflows.measured import ACCOUNTING, DELIVERY, INTAKE, VIEW
from dataflows.midnight import APART_MAX
from domain.counting import counted
from domain.reference.zones import database_version
from milepost.operate.doctoring_erps import FAIL, OK, WARN, CheckFound, looked_at
from milepost.settings import Loaded, Settings
from milepost.wrong_settings import WrongSettings
from state import genesis
from state.guards import GuardStop
from state.rules import RULES, check_genesis

# Checks that not every process needs.
NEEDED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("log", "registry", "rules"), (INTAKE, ACCOUNTING, DELIVERY)),
    "clock": (INTAKE,),
    "redis": (VIEW,),
    "erp": (DELIVERY,),
}
FREE_BYTES_MIN: Final = 100 * 1024 * 1024
FREE_BYTES_WELL: Final = 2 * 1024 * 1024 * 1024
SKEW_SECONDS_MAX: Final = 2.0
SHOWN_MAX: Final = 3
REFUSALS: Final = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
RIGHTS_MISSING: Final = "give this user the rights that docs/topics.md lists"


class Diagnosis(NamedTuple):
    """What a check found."""

    check: str
    state: str
    said: str
    next: str


class Check(NamedTuple):
    """`look` may take long and may raise; what it raises is a failure with `remedy`."""

    name: str
    look: Callable[[], Iterable[CheckFound]]
    remedy: str


def examine(loaded: Loaded, seconds: float, parts: Sequence[str] = DATAFLOWS) -> list[Diagnosis]:
    """What these processes need: all checks side by side, each at most so long."""
    checks = [check for check in _checks(loaded, seconds, parts) if any(_needs(part, check.name) for part in parts)]
    waiting = [(check, _begun(check)) for check in checks]
    until = time.monotonic() + seconds
    return [finding for check, found in waiting for finding in _ended(check, found, until - time.monotonic(), seconds)]


def kept_back(findings: Sequence[Diagnosis], parts: Sequence[str] = DATAFLOWS) -> dict[str, list[str]]:
    """By process, the checks that failed and that it needs; none where it would start and work."""
    failed = dict.fromkeys(finding.check for finding in findings if finding.state == FAIL)
    return {part: [check for check in failed if _needs(part, check)] for part in parts}


def _needs(part: str, check: str) -> bool:
    return part in NEEDED_BY.get(check, DATAFLOWS)


def _checks(loaded: Loaded, seconds: float, parts: Sequence[str]) -> list[Check]:
    settings = loaded.settings
    kafka = settings.kafka.model_copy(update={"request_timeout_seconds": max(1.0, min(seconds * 0.8, 300.0))})
    reach = f"see that {kafka.brokers} can be reached from here and that kafka.security is what the brokers ask for"
    return [
        Check("settings", lambda: _settings(loaded), "mend what it says"),
        Check("brokers", lambda: _brokers(KafkaClients(kafka)), reach),
        Check("topics", lambda: _topics(KafkaClients(kafka), topics_of(parts), settings.intake.accepted_topics), reach),
        Check("log", lambda: _log(KafkaClients(kafka), seconds), reach),
        Check("clock", lambda: _clock(KafkaClients(kafka)), reach),
        Check("registry", lambda: _registry(settings), "start the registry, or mend registry.url"),
        Check(
            "redis",
            lambda: _redis(loaded),
            "start Redis, or mend [redis]; only the view and what reads it need it: it waits, and goes on when Redis is back",
        ),
        *_erps(settings),
        Check("store", lambda: _store(settings.store.folder), "make room, give access, or set store.folder"),
        Check("rules", _rules, "run the release that wrote the log"),
    ]


def _erps(settings: Settings) -> list[Check]:
    """One for each account, so that one that does not answer takes no time from another. A site without [delivery] has none."""
    path = settings.delivery.accounts
    if path is None:
        return [Check("erp", lambda: [CheckFound(OK, "delivery.accounts is not set: nothing is delivered")], "")]
    try:
        accounts = read_accounts(path)
    except WrongAccounts as fault:
        faults = str(fault).splitlines()
        return [Check("erp", lambda: [CheckFound(FAIL, each, "mend accounts.toml") for each in faults], "")]
    return [
        Check("erp", partial(looked_at, accounts, erp, datetime.now(UTC).date()), f"see [erp.{erp}] of {path}")
        for erp in accounts.erps
    ]


def _begun(check: Check) -> Queue[list[CheckFound]]:
    """In a thread that ends with the process, as a client may hang in a call that cannot be stopped."""
    found: Queue[list[CheckFound]] = Queue()

    def look() -> None:
        try:
            found.put(list(check.look()))
        except KafkaException as fault:
            error = fault.args[0]
            remedy = RIGHTS_MISSING if error.code() in REFUSALS else check.remedy
            found.put([CheckFound(FAIL, f"{error.name()}: {error.str()}", remedy)])
        except Exception as fault:  # noqa: BLE001  one check that fails in its own way keeps no other from being reported
            found.put([CheckFound(FAIL, _said(fault), check.remedy)])

    threading.Thread(target=look, daemon=True).start()
    return found


def _ended(check: Check, found: Queue[list[CheckFound]], left: float, seconds: float) -> list[Diagnosis]:
    try:
        findings = found.get(timeout=max(left, 0.01))
    except Empty:
        findings = [CheckFound(FAIL, f"no answer within {seconds:g} seconds", check.remedy)]
    return [Diagnosis(check.name, *each) for each in findings]


def _said(fault: Exception) -> str:
    """Never with the content of a file that was read."""
    match fault:
        case OSError() if fault.strerror:
            return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
        case (
            GuardStop()
            | WrongSettings()
            | WrongConnection()
            | RegistryUnreachable()
            | RegistryRefused()
            | redis.RedisError()
        ):
            return str(fault).splitlines()[0]
    return type(fault).__name__


def _settings(loaded: Loaded) -> Iterator[CheckFound]:
    kafka = loaded.settings.kafka
    yield CheckFound(OK, f"from {loaded.file or 'what is built in'}; {len(loaded.origins)} set")
    for name, path in kafka.security_files.items():
        if not os.access(path, os.R_OK):
            yield CheckFound(FAIL, f"{path} cannot be read", f"kafka.security_files names it for {name}")
        elif path.stat().st_mode & 0o007:
            yield CheckFound(WARN, f"{path} can be read by everybody", f"chmod 600 {path}")
    if kafka.unchecked:
        yield CheckFound(WARN, f"{kafka.unchecked[0]} is switched off", "take it and kafka.insecure out")
    if kafka.development:
        yield CheckFound(WARN, "kafka.development: records have no copies", "take it out in production")
    if not kafka.is_encrypted and not all(is_loopback(_host(each)) for each in kafka.brokers.split(",")):
        yield CheckFound(
            WARN,
            "what is sent to the brokers is not encrypted",
            "set security.protocol to SASL_SSL or SSL in kafka.security",
        )


def _host(address: str) -> str:
    return urlsplit(f"//{address.strip()}").hostname or ""


def _brokers(clients: KafkaClients) -> Iterator[CheckFound]:
    found = clients.cluster()
    yield CheckFound(
        OK,
        f"{len(found.brokers)} in cluster {found.cluster_id}, {counted(len(found.topics), 'topic')} to be seen; "
        f"librdkafka {libversion()[0]}",
    )
    if len(found.brokers) < clients.settings.replication:
        yield CheckFound(
            FAIL,
            f"{len(found.brokers)} brokers, and topics need {clients.settings.replication} copies",
            "add brokers, or set kafka.development = true where one broker is meant",
        )


def _topics(clients: KafkaClients, names: Sequence[str], accepted: Mapping[str, str]) -> Iterator[CheckFound]:
    """Those that held something are distinguished from those that were never made."""
    ours = Names.of(clients.settings)
    full = [BY_NAME[name].full_name(ours) for name in names]
    lost = lost_topics(clients, ours, full, clients.settings.request_timeout_seconds, accepted)
    for each in lost:
        yield CheckFound(FAIL, f"{each.topic} {each.what}", each.next)
    found = faults(clients, clients.settings, names)
    gone = {each.topic for each in lost}
    absent = [fault for fault in found if fault.setting == "topic" and fault.topic not in gone]
    wrong = [fault for fault in found if fault.setting != "topic"]
    if absent:
        names = ", ".join(fault.topic for fault in absent[:SHOWN_MAX]) + ", ..." * (len(absent) > SHOWN_MAX)
        yield CheckFound(FAIL, f"{len(absent)} are not there: {names}", "milepost topics create")
    for fault in wrong[:SHOWN_MAX]:
        severity = WARN if fault.is_harmless else FAIL
        yield CheckFound(severity, str(fault), f"milepost topics check shows all; {fault.way_out}")
    if not found and not lost:
        yield CheckFound(OK, "all are there and as they must be")


def _log(clients: KafkaClients, seconds: float) -> Iterator[CheckFound]:
    """The genesis record of the first partition."""
    name = Names.of(clients.settings).log
    if clients.topics([name])[name] is None:
        yield CheckFound(WARN, "not begun: the topic is not there")
        return
    with closing(clients.consumer()) as consumer:
        consumer.assign([TopicPartition(name, 0, 0)])
        message = consumer.poll(seconds / 2)
    if message is None or message.error() is not None or message.key() != GENESIS_KEY:
        began = message is not None and message.error() is None
        said = "its first record is no genesis" if began else "not begun: it holds no record"
        yield CheckFound(FAIL if began else WARN, said, "see docs/operations.md, code 13" if began else "")
        return
    kept = genesis.from_json((message.value() or b"").decode())
    check_genesis(kept)
    if (kept.generation, kept.partitions) != (clients.settings.generation, clients.settings.partitions):
        yield CheckFound(
            FAIL,
            f"is of generation {kept.generation} with {kept.partitions} partitions",
            "set kafka.generation and kafka.partitions to these",
        )
        return
    yield CheckFound(
        OK, f"generation {kept.generation}, {kept.partitions} partitions, zone database {kept.zone_database}"
    )


def _clock(clients: KafkaClients) -> Iterator[CheckFound]:
    """Brokers tell no time; what they stamped last must not lie in our future."""
    name = Names.of(clients.settings).log
    found = clients.topics([name])[name]
    if found is None:
        yield CheckFound(OK, "nothing to compare with yet")
        return
    asked: dict[TopicPartition, Any] = {
        TopicPartition(name, number): OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
        for number in range(found.partitions)
    }
    answers = clients.admin.list_offsets(asked, request_timeout=clients.settings.request_timeout_seconds)
    stamped = max(future.result().timestamp for future in answers.values())
    if stamped < 0:
        yield CheckFound(OK, "nothing to compare with yet")
        return
    ahead = stamped / 1000 - time.time()
    if ahead > SKEW_SECONDS_MAX:
        state = FAIL if ahead > APART_MAX / 1e6 else WARN
        yield CheckFound(state, f"the brokers' clock is {ahead:,.0f} seconds ahead of ours", "set both by NTP")
    else:
        yield CheckFound(OK, f"the last record of the log was written {max(-ahead, 0):,.0f} seconds ago")


def _registry(settings: Settings) -> Iterator[CheckFound]:
    if settings.registry.fixed_ids:
        yield CheckFound(OK, "none is used; ids are fixed")
        return
    if not settings.registry.url:
        yield CheckFound(
            FAIL, "registry.url is not set", "set registry.url, or registry.fixed_ids = true to do without one"
        )
        return
    current = [each for each in pinned_schemas() if each.is_current]
    try:
        with RegistryClient(settings.registry) as client:
            found = {
                SchemaPlace(subject, each.digest): client.id_of(subject, each.text)
                for each in current
                for subject in each.subjects(settings.kafka.prefix)
            }
    except RegistryUnreachable as fault:
        if not (kept := kept_ids(settings.registry, settings.registry_cache)):
            raise
        yield CheckFound(
            WARN,
            f"{fault}; {settings.registry_cache} keeps {kept} ids, with which processes start and run",
            "start the registry, or mend registry.url, before schemas are added",
        )
        return
    absent = [place.subject for place, schema_id in found.items() if schema_id is None]
    ids = {place: schema_id for place, schema_id in found.items() if schema_id is not None}
    try:
        check_kept(settings.registry, settings.kafka.prefix, settings.registry_cache, ids)
    except GuardStop as stop:
        yield CheckFound(FAIL, stop.message, "see docs/operations.md, code 29")
        return
    if absent:
        yield CheckFound(
            FAIL, f"{len(absent)} schemas are not registered, {absent[0]} first", "milepost schemas register"
        )
    else:
        yield CheckFound(OK, f"{len(current)} schemas are registered")


def _redis(loaded: Loaded) -> Iterator[CheckFound]:
    """A site without the view has none, and says nothing of it."""
    told = loaded.settings.redis
    is_set = any(name.startswith("redis.") for name in loaded.origins)
    try:
        yield from _redis_at(told)
    except (redis.ConnectionError, redis.TimeoutError):
        if is_set:
            raise
        yield CheckFound(OK, f"[redis] is not set, and none answers at {told.url}; only the view needs one")


def _redis_at(told: RedisSettings) -> Iterator[CheckFound]:
    trust = {"ssl_ca_certs": str(told.ca_file)} if told.ca_file and told.url.startswith("rediss") else {}
    client = redis.Redis.from_url(
        told.url,
        username=told.username or None,
        password=told.password(),
        socket_timeout=told.timeout_seconds,
        socket_connect_timeout=told.timeout_seconds,
        **trust,
    )
    try:
        client.ping()
        try:
            user = _text(client.acl_whoami())
        except redis.ResponseError:
            user = told.username
    finally:
        client.close()
    yield CheckFound(OK, f"answers; this is user {user}")
    if user == "default" and not is_loopback(urlsplit(told.url).hostname):
        yield CheckFound(
            WARN,
            "the default user may do everything",
            f"make a user that may only touch {told.prefix}*, and set redis.username and redis.password_file",
        )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _store(folder: Path) -> Iterator[CheckFound]:
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield CheckFound(FAIL, f"{there} is no folder that can be written", "give access, or set store.folder")
        return
    free = shutil.disk_usage(there).free
    room = f"{free / 1024**3:,.1f} GiB free"
    if free < FREE_BYTES_MIN:
        yield CheckFound(FAIL, f"{folder}: {room}", "make room")
    elif free < FREE_BYTES_WELL:
        yield CheckFound(WARN, f"{folder}: {room}", "make room before it is needed")
    elif is_written(folder):
        yield CheckFound(
            WARN, f"{folder}: {room}; a process is using it", "nothing, where that is the one that is meant"
        )
    else:
        yield CheckFound(OK, f"{folder}: {room}{'' if folder.exists() else '; made at the first start'}")


def _rules() -> Iterator[CheckFound]:
    told = ", ".join(f"{rule} {version}" for rule, version in RULES.items())
    yield CheckFound(OK, f"{told}; zone database {database_version()}")
