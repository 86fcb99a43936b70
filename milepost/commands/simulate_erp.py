"""`milepost simulate-erp`: an ERP to deliver to, which keeps books and behaves as badly as it is asked to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.delivery.chart import ENTITY_DAY, GRAINS
from milepost.console import echo, say
from milepost.operate.stopping import stopping
from simulation.erp.troubles import TroubleShare, TroubleTurn, parsed

# Those of `simulation.erp.simulated`, which is slow to load for all other commands.
KINDS: Final = ("netsuite", "dynamics365_finance", "business_central", "oracle_fusion")
WRONG_USAGE = 2
# Of the folder: which it was last.
PORT = "port"
LOOK_SECONDS = 0.1
# A real ERP has minutes; so long a delivery waits before it believes that what it cannot find was not done.
CALL_SECONDS = 5


def simulate_erp(
    folder: Annotated[Path, typer.Option("--folder", help="Folder of its books; they stay when it ends.")],
    kind: Annotated[str, typer.Option("--kind", help=f"Whose interface: {', '.join(KINDS)}.")] = "netsuite",
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65_535, help="Of this machine; 0 takes that of the last start, or a free one."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same troubles.")] = 7,
    trouble: Annotated[
        list[str] | None,
        typer.Option("--trouble", help="Such as lost=30, throttled=10, down=20@3000 or close=2026-06@9000; repeat it."),
    ] = None,
    latency: Annotated[int, typer.Option("--latency", min=0, help="Milliseconds that every answer takes.")] = 0,
    grain: Annotated[
        str, typer.Option("--grain", help=f"How its accounts.toml puts journals together: {', '.join(GRAINS)}.")
    ] = ENTITY_DAY,
    posting: Annotated[
        int, typer.Option("--posting", min=0, help="Milliseconds from taken to posted, where these are two steps.")
    ] = 0,
    concurrent: Annotated[
        int, typer.Option("--concurrent", min=0, help="Calls that it takes at once; 0 for any number.")
    ] = 0,
) -> None:
    """Be an ERP on a port of this machine until SIGTERM or Ctrl-C, and write an accounts.toml to deliver to it with."""
    from simulation.erp.accounts import client_of, written
    from simulation.erp.serving import served
    from simulation.erp.simulated import SimulatedErp

    if kind not in KINDS:
        raise typer.BadParameter(f"expected one of {', '.join(KINDS)}, got {kind!r}", param_hint="--kind")
    if grain not in GRAINS:
        raise typer.BadParameter(f"expected one of {', '.join(GRAINS)}, got {grain!r}", param_hint="--grain")
    try:
        erp = SimulatedErp(
            kind,
            folder / "books",
            troubles=_troubles(trouble or []),
            seed=seed,
            latency_seconds=latency / 1_000,
            posting_seconds=posting / 1_000,
            concurrent=concurrent,
        )
        serving = served(erp, folder / PORT, port)
        accounts = written(
            folder, kind, serving.url, erp.token_path, concurrent, call_seconds=CALL_SECONDS, grain=grain
        )
        erp.client = client_of(folder)
    except OSError as fault:
        echo(f"--folder {folder} --port {port}: cannot be used: {fault.strerror or fault}", err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    with stopping() as stop:
        say(f"{kind} at {serving.url}, books in {folder}, accounts in {accounts}; Ctrl-C stops")
        while not stop.requested:
            time.sleep(LOOK_SECONDS)
    serving.close()
    erp.close()


def _troubles(given: list[str]) -> list[TroubleShare | TroubleTurn]:
    try:
        return [parsed(text) for text in given]
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--trouble") from fault
