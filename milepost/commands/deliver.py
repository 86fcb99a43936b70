"""`milepost deliver`: what a run posted and issued goes into the ERPs, and their answers into the input of the next run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost import exit_codes
from milepost.console import say, shell_word, tell, write_json
from milepost.delivery.accounts_given import DEFAULT, AccountsFile, given_accounts
from milepost.options import Json, Output

if TYPE_CHECKING:
    from connectors.accounts_file import Accounts


def deliver(
    output: Output,
    accounts: AccountsFile = DEFAULT,
    input_: Annotated[
        Path | None,
        typer.Option("--input", help="Its input folder, which gets the answers; without it `input` beside the output."),
    ] = None,
    erp: Annotated[
        list[str] | None, typer.Option("--erp", help="Only this [erp.NAME]; may be repeated.", metavar="NAME")
    ] = None,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Wait until the ERP has posted what it took, and while it is away.")
    ] = False,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Write the invoices that wait as files, into the account's fallback.")
    ] = False,
    status: Annotated[
        bool,
        typer.Option(
            "--status", help="Send nothing: how many journals are posted, sent, to send and rejected, with the money."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Send journals and invoices to the ERPs, each once, and write their answers where the next run reads them."""
    from milepost.days import moment
    from milepost.deciding import input_folder
    from milepost.delivery.delivered_shown import (
        DeliveredSummary,
        as_json,
        as_lines,
        day_to_end,
        notes,
        waits_for_chart,
    )
    from milepost.delivery.delivering import deliver as deliver_to
    from milepost.delivery.delivering import delivered
    from milepost.delivery.lacking import lacks_if_any, to_write, without_chart
    from milepost.operate.stopping import stopping

    known = given_accounts(accounts)
    names = _chosen(known, erp or [])
    fallbacks = [name for name in names if _fallback(known, name)]
    if fallback:
        names = fallbacks
        if not names:
            raise typer.BadParameter(
                "no ERP account in --accounts has a fallback: write [erp.NAME] fallback", param_hint="--fallback"
            )
    folder = output if status else input_folder(input_, output)
    found: list[DeliveredSummary] = []
    if status:
        found = [each for name in names if (each := delivered(output, known, name)) is not None]
    else:
        with stopping() as stop:
            for name in names:
                if not stop.requested:
                    found.append(
                        deliver_to(output, folder, known, name, stop, until_done=until_done, in_files=fallback)
                    )
    is_waiting = waits_for_chart(found)
    lacking = lacks_if_any(known, output, is_waiting=is_waiting)
    missing = without_chart(lacking)
    unplaced = to_write(lacking, known, names) if is_waiting else []
    if json:
        write_json(as_json(found, missing))
    elif found:
        tell("\n".join(as_lines(found)))
        for note in notes(found):
            say(note)
    elif not missing:
        say("Nothing was delivered from this folder yet")
    for line in (*map(str, missing), *unplaced):
        say(line)
    if not status and (len(found) < len(names) or not all(each.is_sent for each in found)):
        say("Not all could be sent; the same command goes on from here")
        raise typer.Exit(exit_codes.TRY_AGAIN)
    if missing or unplaced:
        _say_what_to_write(accounts, output, is_company=bool(missing))
        if not status:
            raise typer.Exit(exit_codes.VIOLATION)
    if not json and not status:
        day = day_to_end(found, moment().date())
        until = "" if day is None else f" --until {day}"
        say(f"\nNext: milepost run --input {shell_word(folder)} --output {shell_word(output)}{until}")


def _say_what_to_write(accounts: Path, output: Path, *, is_company: bool) -> None:
    folder = shell_word(output)
    new = f"; `milepost accounts new --output {folder}` prints the tables to fill in" if is_company else ""
    say(f"Complete {accounts} and deliver again{new}")
    say(f"\nNext: milepost accounts check --accounts {shell_word(accounts)} --output {folder}")


def _fallback(accounts: Accounts, name: str) -> str | None:
    """Of kind files, for invoices of an account that is down."""
    found = accounts.erps[name].fallback
    if found is None:
        return None
    if found not in accounts.erps or accounts.erps[found].kind != "files":
        raise typer.BadParameter(
            f"[erp.{name}] fallback: expected the NAME of an [erp.NAME] of kind files, found {found!r}",
            param_hint="--accounts",
        )
    return found


def _chosen(accounts: Accounts, erps: list[str]) -> list[str]:
    """Those that a company's books go to."""
    used = sorted({chart.erp for chart in accounts.charts.values()})
    for name in erps:
        if name not in accounts.erps:
            raise typer.BadParameter(f"expected one of {', '.join(used)}, got {name!r}", param_hint="--erp")
    return [name for name in used if not erps or name in erps]
