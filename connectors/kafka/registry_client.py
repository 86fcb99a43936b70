"""Asks a schema registry over its Confluent API: for ids by subject and text, never for a text by id.

A registry is outside: it is spoken to at the one address of the settings, without redirects and proxies, each answer has
a time and a size, and nothing that a message says leads to a request.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from connectors.closing import Closable
from connectors.kafka.settings import RegistrySettings

ANSWER_BYTES_MAX: Final = 256 * 1024
CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
NOT_FOUND: Final = 404
SAID_CHARACTERS_MAX: Final = 300


class RegistryUnreachable(Exception):
    """It does not answer, or not as a registry; it can be asked again."""


class RegistryRefused(Exception):
    """It answers and will not do it: credentials, an incompatible schema, a registry for reading only."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message


class RegistryClient(Closable):
    """One connection, kept open. Raises RegistryUnreachable and RegistryRefused."""

    def __init__(self, settings: RegistrySettings) -> None:
        found = urlsplit(settings.url)
        self.url = settings.url
        self._settings = settings
        self._path = found.path.rstrip("/")
        self._https = found.scheme == "https"
        self._host = found.hostname or ""
        self._port = found.port
        self._headers = {"Accept": CONTENT_TYPE, "Content-Type": CONTENT_TYPE, **_authorization(settings)}
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def id_of(self, subject: str, text: str) -> int | None:
        """None where the subject has not this schema."""
        path = f"/subjects/{_quoted(subject)}"
        found = self._ask("POST", path, {"schema": text}, absent_is_none=True, says_what_is_absent=True)
        return None if found is None else self._id_in(found)

    def register(self, subject: str, text: str) -> int:
        """The id that it has from now on."""
        return self._id_in(self._ask("POST", f"/subjects/{_quoted(subject)}/versions", {"schema": text}))

    def disagreements(self, subject: str, text: str) -> list[str]:
        """What a new version would break; nothing for a subject that is not there."""
        path = f"/compatibility/subjects/{_quoted(subject)}/versions?verbose=true"
        found = self._ask("POST", path, {"schema": text}, absent_is_none=True)
        if not isinstance(found, dict) or found.get("is_compatible") is not False:
            return []
        said = found.get("messages")
        return (
            [str(each)[:SAID_CHARACTERS_MAX] for each in said] if isinstance(said, list) and said else ["incompatible"]
        )

    def compatibility(self, subject: str) -> str | None:
        """The subject's own level; None where it has none."""
        found = self._ask("GET", f"/config/{_quoted(subject)}", absent_is_none=True)
        level = found.get("compatibilityLevel") if isinstance(found, dict) else None
        return level if isinstance(level, str) else None

    def set_compatibility(self, subject: str, level: str) -> None:
        self._ask("PUT", f"/config/{_quoted(subject)}", {"compatibility": level})

    def subjects(self) -> int:
        """How many there are; a question that any registry answers."""
        found = self._ask("GET", "/subjects", bytes_max=16 * ANSWER_BYTES_MAX)
        if not isinstance(found, list):
            raise RegistryUnreachable(f"{self.url}: expected a list of subjects, so it is no schema registry")
        return len(found)

    def _id_in(self, found: Any) -> int:
        schema_id = found.get("id") if isinstance(found, dict) else None
        if not isinstance(schema_id, int) or isinstance(schema_id, bool) or not 0 < schema_id < 2**31:
            raise RegistryUnreachable(f"{self.url}: expected an answer with an id, so it is no schema registry")
        return schema_id

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        *,
        absent_is_none: bool = False,
        says_what_is_absent: bool = False,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Any:
        try:
            status, data = self._answer(method, path, body, bytes_max)
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            raise RegistryUnreachable(f"{self.url}: {_said(fault)}") from fault
        if status == NOT_FOUND and says_what_is_absent and not _is_of_a_registry(data):
            raise RegistryUnreachable(
                f"{self.url}: there is no schema registry at this path. registry.url is where its Confluent API begins, which "
                "of Apicurio is at /apis/ccompat/v7"
            )
        if status == NOT_FOUND and absent_is_none:
            return None
        if 200 <= status < 300:
            return self._parsed(data)
        if 400 <= status < 500:
            raise RegistryRefused(f"{self.url}: {_refusal(status, data)}", status)
        raise RegistryUnreachable(f"{self.url}: answers with status {status}")

    def _answer(self, method: str, path: str, body: Mapping[str, str] | None, bytes_max: int) -> tuple[int, bytes]:
        """Asks again on a new connection where an old one was closed meanwhile."""
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if self._connection is not None:
            try:
                return self._once(self._connection, method, path, sent, bytes_max)
            except (http.client.BadStatusLine, ConnectionError):
                self.close()
        self._connection = self._connect()
        return self._once(self._connection, method, path, sent, bytes_max)

    def _once(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, bytes_max: int
    ) -> tuple[int, bytes]:
        until = time.monotonic() + self._settings.timeout_seconds
        connection.request(method, self._path + path, body, self._headers)
        response = connection.getresponse()
        data = bytearray()
        while piece := response.read(16_384):
            data += piece
            if len(data) > bytes_max:
                raise http.client.HTTPException(f"answers with more than {bytes_max:,} bytes")
            if time.monotonic() > until:
                raise TimeoutError("timed out")
        return response.status, bytes(data)

    def _connect(self) -> http.client.HTTPConnection:
        timeout = self._settings.timeout_seconds
        if not self._https:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=_trust(self._settings))

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as fault:
            raise RegistryUnreachable(f"{self.url}: expected JSON, so it is no schema registry") from fault


def _quoted(subject: str) -> str:
    return quote(subject, safe="")


def _trust(settings: RegistrySettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate_file is not None:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context


def _authorization(settings: RegistrySettings) -> dict[str, str]:
    """Raises OSError where the file cannot be read."""
    if settings.credentials_file is not None:
        said = settings.credentials_file.read_text(encoding="utf-8").strip()
        return {"Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}
    if settings.token_file is not None:
        return {"Authorization": f"Bearer {settings.token_file.read_text(encoding='utf-8').strip()}"}
    return {}


def _refusal(status: int, data: bytes) -> str:
    """What the registry says of it, cut; it never sees our credentials in a body, so it cannot repeat them."""
    hint = {401: "; see credentials_file or token_file", 403: "; this user may not do it"}.get(status, "")
    try:
        said = json.loads(data)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"refuses with status {status}{hint}"
    return f"refuses with status {status}: {str(said)[:SAID_CHARACTERS_MAX]}{hint}"


def _is_of_a_registry(data: bytes) -> bool:
    """Whether subject or schema are not found (404xx), and not the path that was asked for."""
    try:
        return int(json.loads(data)["error_code"]) // 100 == NOT_FOUND
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _said(fault: Exception) -> str:
    match fault:
        case TimeoutError():
            return "does not answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {fault.verify_message}; see ca_file"
        case OSError() if fault.strerror:
            return fault.strerror
    return str(fault) or type(fault).__name__
