"""One ERP account as accounts.toml states it: `[erp.NAME]`, its `auth` and its `options`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from connectors.erp.adapter import Limits
from connectors.erp.credentials import SecretPlace
from connectors.model_faults import in_our_words
from connectors.section import Section, is_loopback

LONGEST_ASSERTION_SECONDS: Final = 3_540  # NetSuite takes assertions of less than 60 minutes

Url = Annotated[str, Field(max_length=1_000)]


class NoAuth(Section):
    """For file ledgers, and for tests."""

    kind: Literal["none"] = "none"


class CertificateAuth(Section):
    """OAuth 2 where a signed assertion stands for the client's secret (NetSuite, Microsoft, Oracle)."""

    kind: Literal["oauth2_certificate"]
    client_id: SecretPlace
    certificate_id: str = Field(description="The ERP's id of the certificate: `kid` of the assertion.")
    private_key: SecretPlace = Field(description="The certificate's private key, PEM.")
    algorithm: Literal["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] = "PS256"
    thumbprint: str | None = Field(None, description="`x5t#S256` of the certificate, which Microsoft asks for.")
    token_url: Url | None = Field(None, description="Default by adapter.")
    scope: str | None = Field(None, description="Default by adapter.")
    assertion_seconds: Annotated[int, Field(ge=60, le=LONGEST_ASSERTION_SECONDS)] = 300


class ClientSecretAuth(Section):
    """OAuth 2 client credentials with a secret (Microsoft Entra, Oracle IDCS)."""

    kind: Literal["oauth2_client_secret"]
    client_id: SecretPlace
    client_secret: SecretPlace
    token_url: Url | None = Field(None, description="Default by adapter.")
    scope: str | None = Field(None, description="Default by adapter.")


class OAuth1Auth(Section):
    """Signed requests (HMAC-SHA256) of NetSuite accounts that still have tokens."""

    kind: Literal["oauth1"]
    realm: str = Field(description="The account's id, such as `1234567` or `1234567_SB1`.")
    consumer_key: SecretPlace
    consumer_secret: SecretPlace
    token: SecretPlace
    token_secret: SecretPlace


class BasicAuth(Section):
    """A user and a password (Oracle Fusion)."""

    kind: Literal["basic"]
    user: SecretPlace
    password: SecretPlace


Auth = Annotated[NoAuth | CertificateAuth | ClientSecretAuth | OAuth1Auth | BasicAuth, Field(discriminator="kind")]


class WrongConnection(Exception):
    """What `[erp.NAME]` says cannot be: names the key, what was found and what to write; no secret."""


Options = TypeVar("Options", bound=BaseModel)


class Connection(Section):
    """`options` are for the adapter's own model; hosts of `url`, of the token's url and of `hosts` are the only ones called."""

    kind: str
    url: Url = ""
    hosts: tuple[str, ...] = Field((), description="Further hosts that may be called.")
    insecure_loopback: bool = Field(False, description="Lets http to this machine itself pass, for a simulated ERP.")
    concurrent: Annotated[int, Field(ge=1, le=200)] | None = None
    per_minute: Annotated[int, Field(ge=0)] | None = None
    lines: Annotated[int, Field(ge=2, le=100_000)] | None = None
    call_seconds: Annotated[float, Field(gt=0, le=900)] | None = None
    fallback: str | None = Field(
        None, description="NAME of an [erp.NAME] of kind files, for invoices while this one is down."
    )
    auth: Auth = NoAuth()
    options: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("url")
    @classmethod
    def _is_url(cls, given: str) -> str:
        if given:
            checked_url(given)
        return given.rstrip("/")

    @model_validator(mode="after")
    def _is_secure(self) -> Self:
        for url in self._urls:
            checked_url(url)
            if urlsplit(url).scheme != "https" and not (self.insecure_loopback and is_loopback(urlsplit(url).hostname)):
                raise ValueError(
                    f"{url}: expected https; http passes for this machine itself alone, with insecure_loopback = true"
                )
            if self.insecure_loopback and not is_loopback(urlsplit(url).hostname):
                raise ValueError(f"insecure_loopback = true: {url} is another machine; take the key out")
        return self

    @property
    def _urls(self) -> tuple[str, ...]:
        token = getattr(self.auth, "token_url", None)
        return (*filter(None, (self.url, token)),)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Lower case, without port."""
        return frozenset(urlsplit(each).hostname or "" for each in self._urls) | {each.lower() for each in self.hosts}

    def checked_options(self, name: str, model: type[Options]) -> Options:
        """`options` as the adapter's model reads them. Raises WrongConnection."""
        try:
            return model.model_validate(self.options)
        except ValidationError as fault:
            found = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'options'}: {in_our_words(each['msg'])}"
                for each in fault.errors(include_url=False, include_input=False, include_context=False)
            )
            raise WrongConnection(f"[erp.{name}.options] {found}") from None

    def limits(self, default: Limits) -> Limits:
        """The adapter's, where this says nothing else."""
        stated = {name: getattr(self, name) for name in ("lines", "concurrent", "per_minute", "call_seconds")}
        return default._replace(**{name: value for name, value in stated.items() if value is not None})


def checked_url(url: str) -> SplitResult:
    """The url's parts. Raises ValueError, without the url where it has credentials in it."""
    try:
        found = urlsplit(url)
        _ = found.port
    except ValueError:
        raise ValueError("expected https://host[:port][/path]") from None
    if found.username is not None or found.password is not None or found.query or found.fragment:
        raise ValueError(
            "url has credentials or options in it; expected https://host[:port][/path], secrets under auth"
        )
    if found.scheme not in {"https", "http"} or not found.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("expected https://host[:port][/path]")
    return found
