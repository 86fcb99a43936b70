"""Where brokers and registry are and how they are spoken to; sections of the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from connectors.section import Section, has_port, is_loopback

GENERATION_PATTERN: Final = r"^[A-Za-z0-9_-]{1,32}$"
PREFIX_PATTERN: Final = r"^([A-Za-z0-9][A-Za-z0-9_-]{0,62}[.])?$"

# What of librdkafka's settings is about reaching brokers; all else is fixed, as exactly-once depends on it.
CONNECTION_SETTINGS: Final = (
    *("security.", "sasl.", "ssl.", "enable.sasl.", "enable.ssl.", "https.ca."),
    *(
        "socket.",
        "reconnect.backoff.",
        "connections.max.idle.ms",
        "broker.address.",
        "client.dns.lookup",
        "client.rack",
    ),
)
# Those whose value is a secret, which stands in a file and never in the settings.
SECRET_WORDS: Final = ("password", "secret", "assertion.private.key.passphrase", "private.key.pem", "ssl.key.pem")
ENDPOINT_CHECK: Final = "ssl.endpoint.identification.algorithm"
CERTIFICATE_CHECK: Final = "enable.ssl.certificate.verification"
# Brokers look every ten seconds for transactions that have lived too long, and then still have to end them.
TIMED_OUT_MARGIN_SECONDS: Final = 20.0
# Of one broker on a laptop, which has nobody to copy to.
DEVELOPMENT: Final[Mapping[str, int]] = {"replication": 1, "min_in_sync": 1}


class KafkaSettings(Section):
    """Where the brokers are, and what the topics are called and made of."""

    brokers: str = Field("127.0.0.1:9092", description="Addresses to begin with, `host:port`, comma-separated.")
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN)] = Field(
        "", description="Stands before every topic, subject and transactional id; ends with a dot."
    )
    generation: Annotated[str, Field(pattern=GENERATION_PATTERN)] = Field(
        "1",
        description="Of the engagement log; another one is a log that was put back from a copy (`milepost log import`).",
    )
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        16, description="Shards: partitions of the log and of each output topic. Fixed for good."
    )
    input_partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        4, description="Of the event topics that `milepost topics create` makes; others may have any number."
    )
    development: bool = Field(
        default=False,
        description="One broker without copies: `replication` and `min_in_sync` are 1 where they are not set. "
        "A lost disk is lost money; never in production.",
    )
    replication: Annotated[int, Field(ge=1, le=9)] = Field(3, description="Copies of each partition, at least.")
    min_in_sync: Annotated[int, Field(ge=1, le=9)] = Field(
        2, description="Copies that must have a record before it counts as written, at least."
    )
    transaction_timeout_seconds: Annotated[float, Field(ge=1, le=900)] = Field(
        60.0, description="After which brokers give up a transaction of a process that is gone."
    )
    request_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = Field(
        30.0, description="The longest that a question to a broker may take."
    )
    buffer_kib: Annotated[int, Field(ge=1_024, le=1_048_576)] = Field(
        16_384, description="What a consumer holds ahead, in KiB."
    )
    security: Mapping[str, str] = Field(
        {}, description="librdkafka's own settings of connection, TLS and SASL, as they are called there; no secrets."
    )
    security_files: Mapping[str, Path] = Field(
        {}, description="The same, each with a file that holds the value: `sasl.password` and other secrets."
    )
    insecure: bool = Field(
        default=False,
        description="Lets `security` switch off that the brokers' certificates are checked. Said at every start.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_broker(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and str(given.get("development", "")).lower() in {"true", "1", "yes", "on"}:
            return {**DEVELOPMENT, **given}
        return given

    @field_validator("brokers")
    @classmethod
    def _addresses(cls, given: str) -> str:
        named = [part for part in given.split(",") if part.strip()]
        if not named or not all(map(_is_address, named)):
            raise ValueError("expected addresses such as kafka-1.example:9093, separated by commas")
        return given

    @field_validator("security", "security_files", mode="before")
    @classmethod
    def _dotted(cls, given: Any) -> Any:
        """Variables of the environment have no dots: `SASL_MECHANISM` is `sasl.mechanism`."""
        if isinstance(given, Mapping):
            return {str(name).lower().replace("_", "."): value for name, value in given.items()}
        return given

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.min_in_sync > self.replication:
            raise ValueError(f"min_in_sync is {self.min_in_sync}, expected at most replication, {self.replication}")
        for name in (*self.security, *self.security_files):
            if not name.startswith(CONNECTION_SETTINGS):
                raise ValueError(f"security: {name} is not about connection, TLS or SASL, so it cannot be set")
        if told := [name for name in self.security if any(word in name for word in SECRET_WORDS)]:
            raise ValueError(f"security: {told[0]} is a secret; name a file that holds it in security_files")
        if both := sorted(set(self.security) & set(self.security_files)):
            raise ValueError(f"{both[0]} stands in security and in security_files; expected one of them")
        if self.unchecked and not self.insecure:
            raise ValueError(
                f"security: {self.unchecked[0]} lets anybody pass for the brokers; leave it out, or set "
                "insecure = true beside it if that is meant"
            )
        return self

    @property
    def unchecked(self) -> list[str]:
        """Settings that switch off that the other side is who it says."""
        off = {ENDPOINT_CHECK: ("none", ""), CERTIFICATE_CHECK: ("false", "0", "f", "no")}
        return [name for name, values in off.items() if self.security.get(name, "-").strip().lower() in values]

    @property
    def is_encrypted(self) -> bool:
        return self.security.get("security.protocol", "plaintext").lower() in {"ssl", "sasl_ssl"}


def _is_address(text: str) -> bool:
    """`host`, `host:port`, or with a protocol before it, as librdkafka takes them."""
    host, colon, port = text.strip().rpartition("://")[2].rpartition(":")
    is_port = not colon or (port.isdecimal() and 0 < int(port) < 65_536)
    name = host if colon else port
    return is_port and bool(name) and not any(each.isspace() for each in name)


class RegistrySettings(Section):
    """The schema registry; secrets stand in files."""

    url: str = Field(
        "",
        description="Where its Confluent API begins, such as `https://registry.example:8081`; of Apicurio it ends with "
        "`/apis/ccompat/v7`.",
    )
    fixed_ids: bool = Field(
        default=False,
        description="No registry: ids follow from the schemas' texts (`milepost schemas ids`). For tests and small "
        "installations whose producers are given the ids.",
    )
    credentials_file: Path | None = Field(None, description="File with `user:password`.")
    token_file: Path | None = Field(None, description="File with a bearer token, instead of credentials.")
    ca_file: Path | None = Field(None, description="Certificates that are trusted, instead of the system's.")
    certificate_file: Path | None = Field(None, description="Our own certificate, for mutual TLS.")
    key_file: Path | None = Field(None, description="Its key, where it is not in the same file.")
    plain_http: bool = Field(
        default=False, description="Lets `url` be http to another machine; to this machine it always may."
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        5.0, description="The longest that one answer may take."
    )
    cache: Path | None = Field(
        None, description="File that keeps the ids through an outage; `registry.json` in the store's folder if not set."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.url and self.fixed_ids:
            raise ValueError("url and fixed_ids are both set; expected one of them")
        if self.credentials_file and self.token_file:
            raise ValueError("credentials_file and token_file are both set; expected one of them")
        if self.url:
            self._check_url()
        return self

    def _check_url(self) -> None:
        found = urlsplit(self.url)
        is_place = found.hostname and has_port(found) and not (found.query or found.fragment)
        if found.scheme not in {"http", "https"} or not is_place:
            raise ValueError("url: expected https://host[:port][/path]")
        if found.username is not None or found.password is not None:
            raise ValueError("url: has credentials in it; name a file that holds them in credentials_file")
        if found.scheme == "http" and not self.plain_http and not is_loopback(found.hostname):
            raise ValueError(
                "url: is plain http to another machine; use https, or set plain_http = true if that is meant"
            )
