"""The metrics page of a process that serves, as the section [metrics] of the settings has it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from connectors.metrics.health import Health
from connectors.metrics.page import page
from connectors.metrics.registry import Metrics
from dataflows.measured import guard_stops_counted
from milepost.console import say
from milepost.settings import Settings
from milepost.wrong_settings import WrongSettings
from state.rules import RULES_VERSION


class Measured(NamedTuple):
    """What a dataflow's measurements are hung on."""

    metrics: Metrics
    health: Health


@contextmanager
def serving_metrics(settings: Settings, dataflow: str) -> Iterator[Measured]:
    """Listens where a port is set; counts in any case. Raises WrongSettings where it cannot listen."""
    told = settings.metrics
    measured = Measured(Metrics(release(), RULES_VERSION), Health(told.stuck_seconds))
    with ExitStack() as held:
        if told.port:
            try:
                held.enter_context(page(told.host, told.port, measured.metrics.registry, measured.health))
            except OSError as fault:
                raise WrongSettings(
                    [f"metrics.host, metrics.port: cannot listen on {told.host}:{told.port}: {fault.strerror}"]
                ) from fault
            say(f"metrics at http://{told.host}:{told.port}/metrics")
        held.enter_context(guard_stops_counted(measured.metrics, settings.store.folder, dataflow))
        yield measured


def release() -> str:
    try:
        return version("milepost")
    except PackageNotFoundError:
        return "unreleased"
