"""`milepost explain`: why a figure is what it is, down to the events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from milepost import exit_codes
from milepost.as_of import AsOf, indexing, moment_of
from milepost.console import say, shape, write_json
from milepost.html_file import HtmlFile, write_page
from milepost.options import Json, Output

if TYPE_CHECKING:
    from domain.explanation import Node
    from milepost.explain.explanations import Explained

# So many figures that are not explained are named.
NOTED: Final = 10
FIGURES: Final = "a project, an entry, a journal, a statement or another figure"
# What ids look like, for somebody who has none at hand.
SHAPES: Final = (
    "Ids look like PRJ-1, T-17, expense/E-4, E-1.K-1/ACME/2026-03-01/1, or PRJ-1#accrued for one figure of it"
)


def explain(
    id_: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="Of a journal, statement, exception, time entry, charge, project, contract or contract group; one of their figures "
            "(ID#2, ID#accrued); of a ledger (LE-DE/2026-02/1150#closing); or of a certificate (certificate/LE-DE/2026-02#1150).",
        ),
    ] = None,
    *,
    output: Output,
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="Show so many levels; without it all.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show long sums whole.")] = False,
    html: HtmlFile = None,
    json: Json = False,
    as_of: AsOf = None,
    ahead: Annotated[
        bool,
        typer.Option("--ahead", help="Instead of an ID: get long contract groups ready, so that no question waits."),
    ] = False,
) -> None:
    """Explain any figure: its arithmetic, rules, policies, rates and caps, down to fields of events."""
    from dataflows.embedded import not_collecting
    from milepost.delivery.in_erp import NOWHERE, in_erp
    from milepost.explain.explanations import Explained, Explanations
    from milepost.explain.recompute import everything
    from milepost.statements.named import figure_by_number
    from milepost.unknown_id import unknown_id, what_it_is

    if ahead == (id_ is not None):
        raise typer.BadParameter("expected one of ID and --ahead", param_hint="ID")
    if id_ is None:
        others = {"--html": html is not None, "--as-of": as_of is not None, "--depth": depth is not None, "--all": all_}
        for name in (name for name, is_given in others.items() if is_given):
            raise typer.BadParameter(f"expected one of --ahead and {name}, got both", param_hint=name)
        _keep_ahead(output, json=json)
        return
    if json and html is not None:
        raise typer.BadParameter("expected one of --json and --html, got both", param_hint="--html")
    moment = moment_of(as_of, "--as-of") if as_of is not None else None
    with not_collecting():
        with indexing() as tell, Explanations(output, tell, moment) as explanations:
            found = explanations.explain(id_)
            there = NOWHERE if isinstance(found, Explained) else in_erp(output, id_)
            if there.only is not None and isinstance(of_it := explanations.explain(there.only), Explained):
                found = of_it
                say(f"{id_} is {next(what_it_is(output, id_, there))}")
            elif not isinstance(found, Explained) and (meant := figure_by_number(output, id_)) is not None:
                of_it = explanations.explain(meant)
                found = of_it if isinstance(of_it, Explained) else found
                say(f"{id_} is {meant}")
        if not isinstance(found, Explained):
            if found.why or as_of is not None:
                near = f"; the nearest are {', '.join(found.nearest)}" if found.nearest else ""
                then = f" as of {as_of}" if as_of is not None else ""
                raise typer.BadParameter(f"no figure is called {id_}{then}{near or f'; {found.why}'}", param_hint="ID")
            raise unknown_id(output, id_, FIGURES, found.nearest, "milepost projects", looks=SHAPES, there=there)
        # Text shows few of what a long sum adds up, and each time all are looked through it takes a tenth of a second.
        nodes = list(everything(found.node, of_rows=json or html is not None))
        alarms, notes = _alarms(found, nodes), _notes(nodes)
        _tell(found, nodes, output, alarms, notes, depth, html, all_=all_, json=json)
        for line in (*found.notes, *notes, *alarms):
            say(line)
        if alarms:
            raise typer.Exit(exit_codes.VIOLATION)


def _keep_ahead(output: Path, *, json: bool) -> None:
    from milepost.explain.explanations import Explanations
    from milepost.operate.stopping import Stop, unwinding
    from milepost.operate.supervisor import until_told
    from state.guards import OUTPUT_UNWRITABLE

    with unwinding(), indexing() as tell, Explanations(output, tell) as explanations:
        ahead = explanations.keep_ahead(until_told(Stop()))
    if json:
        write_json(shape(1, **ahead._asdict()))
    else:
        say(f"Long contract groups that are ready: {len(ahead.kept):,}")
    for engagement_id in ahead.differing:
        say(f"Differs from what the log makes: {engagement_id}; `milepost verify` lists what")
    for engagement_id, why in ahead.not_kept.items():
        say(f"Not ready: {engagement_id}: {why}")
    for why in ahead.unwritable:
        say(
            f"Nothing can be kept ready: {why}. Make room or give this user write access; until then each question reads the whole log"
        )
    if ahead.differing:
        raise typer.Exit(exit_codes.VIOLATION)
    if ahead.unwritable:
        raise typer.Exit(OUTPUT_UNWRITABLE)
    if ahead.not_kept:
        raise typer.Exit(exit_codes.FAILURE)


def _alarms(found: Explained, nodes: list[Node]) -> list[str]:
    """What must never be: outputs that are not what the log makes, and arithmetic that gives another figure."""
    from milepost.explain.recompute import wrong_of

    wrong = [f"Does not recompute: {one.what}" for one in wrong_of(nodes)]
    differs = [f"Differs from what the log makes: {one}" for one in found.differences]
    return [*differs, *wrong]


def _notes(nodes: list[Node]) -> list[str]:
    """Figures that are as the log makes them, and whose explanation is not complete."""
    from milepost.explain.recompute import disagreeing
    from milepost.explained import formula, value_text

    found = disagreeing(nodes)
    told = [f"Not explained: {node.title}: {value_text(node)} = {formula(node)}" for node in found[:NOTED]]
    return told if len(found) <= NOTED else [*told, f"Not explained: {len(found) - NOTED:,} others"]


def _head(found: Explained, nodes: list[Node]) -> list[str]:
    from domain.counting import counted
    from milepost.explain.recompute import counted_nodes, events_of, stated_of

    taken = len(stated_of(nodes))
    rest = f"; {taken:,} of them as the outputs have it" if taken else ""
    figures = counted(counted_nodes(nodes), "figure or fact", "figures and facts")
    return [f"Rules version {found.rules}; {figures} from {counted(len(events_of(nodes)), 'event')}{rest}"]


def _tell(
    found: Explained,
    nodes: list[Node],
    output: Path,
    alarms: list[str],
    notes: list[str],
    depth: int | None,
    html: Path | None,
    *,
    all_: bool,
    json: bool,
) -> None:
    if json:
        from milepost.explained import as_json

        write_json(
            shape(
                1,
                engagement_id=found.engagement_id,
                rules_version=str(found.rules),
                holds=not alarms,
                alarms=alarms,
                not_explained=notes,
                **as_json(found.node, nodes),
            )
        )
    elif html is not None:
        from milepost.explained_html import page

        head = [f"Output folder {output}", *_head(found, nodes)]
        write_page(html, page(found.node, head, [*notes, *alarms]))
    else:
        from milepost.explained_text import show

        show(found.node, depth, everything=all_)
        for line in _head(found, nodes):
            say(line)
