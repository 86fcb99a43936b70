"""The settings: what an option says goes before the environment, that before the file, that before what is built in.

No secret stands in them: where one is needed they name a file. What is wrong is reported by name, place and what to write
instead, never with the value.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from connectors.kafka.settings import KafkaSettings, RegistrySettings
from connectors.model_faults import in_our_words
from connectors.redis.settings import RedisSettings
from connectors.section import Section
from dataflows.settings import AccountingSettings, DeliverySettings, IntakeSettings, MetricsSettings, StoreSettings
from domain.events.catalogue import ENTITIES
from milepost.closing.names import CHECKS, FORBIDDING
from milepost.folders import VARIABLES
from milepost.wrong_settings import WrongSettings

FILE_NAME: Final = "milepost.toml"
FILE_VARIABLE: Final = "MILEPOST_SETTINGS"
PREFIX: Final = "MILEPOST__"
DELIMITER: Final = "__"
BUILT_IN: Final = "built in"
CACHE_NAME: Final = "registry.json"


class FolderSettings(Section):
    """The folders of the firm that commands work on, where an option names no other."""

    input: Path | None = Field(
        None, description="Folder with the events: what `milepost run` reads and imports and decisions are written to."
    )
    output: Path | None = Field(None, description="Output folder of the runs, which all other commands read.")
    logos: Path | None = Field(
        None, description="Folder with logos for statements: `<legal entity>.png` or `<legal entity>.jpg`."
    )


class CloseSettings(Section):
    """What closing an accounting period takes."""

    forbids: tuple[str, ...] = Field(
        FORBIDDING,
        description="Checks that forbid `milepost period close` where they find something open, by the names of "
        f"`milepost period check`: any of {', '.join(CHECKS)}.",
    )

    @field_validator("forbids", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """A variable of the environment holds `erp, drafts`."""
        return [each.strip() for each in given.split(",") if each.strip()] if isinstance(given, str) else given

    @field_validator("forbids")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if name not in CHECKS:
                raise ValueError(f"{name} is no check{_closest(name, CHECKS)}")
        return given


class Settings(BaseSettings):
    """Made by `load`; making one reads neither a file nor the environment."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, env_prefix=PREFIX, env_nested_delimiter=DELIMITER
    )

    folder: FolderSettings = FolderSettings()
    close: CloseSettings = CloseSettings()
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    redis: RedisSettings = RedisSettings()
    store: StoreSettings = StoreSettings()
    intake: IntakeSettings = IntakeSettings()
    accounting: AccountingSettings = AccountingSettings()
    delivery: DeliverySettings = DeliverySettings()
    metrics: MetricsSettings = MetricsSettings()
    ownership: Mapping[str, tuple[str, ...]] = Field(
        {}, description="By kind of entity, the sources that may state it; a kind that is not named is open to all."
    )

    @field_validator("ownership", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A variable of the environment holds `kantata` or `kantata, harvest`."""
        if not isinstance(given, dict):
            return given
        return {
            kind: [each.strip() for each in found.split(",")] if isinstance(found, str) else found
            for kind, found in given.items()
        }

    @field_validator("ownership")
    @classmethod
    def _kinds(cls, given: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        kinds = sorted({entity.kind for entity in ENTITIES.values()})
        for kind in given:
            if kind not in kinds:
                raise ValueError(
                    f"{kind} is no kind of entity{_closest(kind, kinds)}; expected one of {', '.join(kinds)}"
                )
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def registry_cache(self) -> Path:
        return self.registry.cache or self.store.folder / CACHE_NAME


class Loaded(NamedTuple):
    """`origins` says by dotted name where a value comes from, for all that is not built in."""

    settings: Settings
    origins: Mapping[str, str]
    file: Path | None


class _Source(NamedTuple):
    """Values that come from one place; `name` says of a dotted name where it stands there."""

    values: dict[str, Any]
    name: str

    def place(self, dotted: str) -> str:
        if self.name == PREFIX:
            return PREFIX + dotted.upper().replace(".", DELIMITER)
        return self.name


def load(file: Path | None = None, options: Sequence[str] = ()) -> Loaded:
    """`options` are `section.name=value`. Raises WrongSettings."""
    path = _file(file)
    sources = [
        _Source({} if path is None else _read(path), str(path)),
        _Source(_environment(), PREFIX),
        *(
            _Source({"folder": {name.value: said}}, variable)
            for name, variable in VARIABLES.items()
            if (said := os.environ.get(variable))
        ),
        _Source(_options(options), "--set"),
    ]
    if unknown := [fault for source in sources for fault in _unknown(source)]:
        raise WrongSettings(unknown)
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source in sources:
        _merge(merged, source.values)
        origins.update({dotted: source.place(dotted) for dotted in _leaves(source.values, Settings)})
    try:
        return Loaded(Settings(**merged), origins, path)
    except ValidationError as fault:
        raise WrongSettings(list(_told(fault, origins))) from None


def check_names(file: Path | None = None, options: Sequence[str] = ()) -> None:
    """Of what was named and is used perhaps: values hold only with all places together. Raises WrongSettings."""
    named = {} if file is None else _read(_there(file, "--settings"))
    if unknown := [*_unknown(_Source(named, str(file))), *_unknown(_Source(_options(options), "--set"))]:
        raise WrongSettings(unknown)


def values(settings: Settings) -> dict[str, object]:
    """Every setting by its dotted name, in the order of the sections."""
    return dict(_values(settings, ""))


def _values(model: BaseModel, before: str) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _values(value, f"{name}.")
        else:
            yield before + name, value


def _file(named: Path | None) -> Path | None:
    """The file that is named, by option or environment, has to be there; the one in this folder may be."""
    said = os.environ.get(FILE_VARIABLE)
    for path, by in ((named, "--settings"), (Path(said) if said else None, FILE_VARIABLE)):
        if path is not None:
            return _there(path, by)
    here = Path(FILE_NAME)
    return here if here.is_file() else None


def _there(path: Path, by: str) -> Path:
    if not path.is_file():
        raise WrongSettings([f"{path}: no such file; {by} names it"])
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        at = str(fault).rpartition("(")[2].rstrip(")") if "(at " in str(fault) else "somewhere"
        raise WrongSettings([f"{path}: is no TOML {at}"]) from None
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "expected UTF-8"
        raise WrongSettings([f"{path}: cannot be read: {reason}"]) from None
    beside: dict[str, Any] = _beside(found, Settings, path.parent)
    return beside


def _beside(found: Any, model: type[BaseModel], folder: Path) -> Any:
    """Paths in the file count from its folder."""
    if not isinstance(found, dict):
        return found
    made = dict(found)
    for name, field in model.model_fields.items():
        value, kind = found.get(name), field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if name in found:
                made[name] = _beside(value, kind, folder)
        elif isinstance(value, str) and value and (kind is Path or Path in get_args(kind)):
            made[name] = str(folder / value)
        elif isinstance(value, dict) and Path in get_args(kind):
            made[name] = {
                key: str(folder / each) if isinstance(each, str) and each else each for key, each in value.items()
            }
    return made


def _environment() -> dict[str, Any]:
    try:
        found: dict[str, Any] = EnvSettingsSource(Settings)()
    except SettingsError as fault:
        section = str(fault).partition('"')[2].partition('"')[0].upper()
        raise WrongSettings([f"{PREFIX}{section}...: expected JSON where it is a list or a table"]) from None
    for variable in os.environ:
        section = variable.upper().removeprefix(PREFIX).lower().partition(DELIMITER)[0]
        if variable.upper().startswith(PREFIX) and section not in found:
            found[section] = {}
    return found


def _options(options: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in options:
        dotted, equals, value = option.partition("=")
        section, _, name = dotted.strip().partition(".")
        if not equals or not name:
            raise WrongSettings(["--set: expected section.name=value, such as kafka.brokers=127.0.0.1:9092"])
        within, _, key = name.partition(".")
        target = found.setdefault(section, {})
        if key:
            target.setdefault(within, {})[key] = _option_value(value)
        else:
            target[within] = _option_value(value)
    return found


def _option_value(text: str) -> Any:
    """Lists are written as TOML has them; all else is text, and made what its setting is."""
    if not text.startswith("["):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _unknown(source: _Source) -> Iterator[str]:
    sections = Settings.model_fields
    for section, found in source.values.items():
        if section not in sections:
            yield f"{source.place(section)}: {section} is no section{_closest(section, sections)}"
            continue
        kind = sections[section].annotation
        if not isinstance(kind, type) or not issubclass(kind, BaseModel):
            continue
        if not isinstance(found, dict):
            yield f"{source.place(section)}: {section} is a section, expected its settings in it"
            continue
        for name in found:
            if name not in kind.model_fields:
                dotted = f"{section}.{name}"
                known = [f"{each}.{inner}" for each in sections for inner in _names(sections[each].annotation)]
                yield f"{source.place(dotted)}: {dotted} is no setting{_closest(dotted, known)}"


def _names(kind: Any) -> list[str]:
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _closest(said: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    found = get_close_matches(said, list(known), n=1, cutoff=0.75)
    return (
        f"; did you mean {found[0]}?" if found else f"; expected one of {', '.join(known)}" if len(known) < 12 else ""
    )


def _merge(into: dict[str, Any], found: Mapping[str, Any]) -> None:
    for name, value in found.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            into[name] = dict(into[name])
            _merge(into[name], value)
        else:
            into[name] = value


def _leaves(found: Any, model: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, value in found.items():
        kind = model.model_fields[name].annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _leaves(value, kind, f"{name}.")
        else:
            yield before + name


def _told(fault: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    """Name, place and what was expected; the value is left out, as it may be a secret in the wrong place."""
    for error in fault.errors(include_input=False, include_url=False, include_context=False):
        dotted = ".".join(str(part) for part in error["loc"])
        owner = next((name for name in origins if dotted == name or dotted.startswith(f"{name}.")), None)
        places = sorted({place for name, place in origins.items() if name.startswith(f"{dotted}.")})
        place = origins[owner] if owner else ", ".join(places) if places else BUILT_IN
        yield f"{place}: {dotted}: {in_our_words(error['msg'])}"
