"""An explanation as one page that needs nothing else: a click opens a figure, printing opens all of them."""

from collections.abc import Iterator, Mapping
from typing import Final

from domain.explanation import EventRef, Node
from milepost.explain.recompute import events_of, everything
from milepost.explained import below, event_called, event_text, formula, policies_text, shared, value_text
from milepost.pages import STYLE, escaped

# Figures below this many levels are closed at first.
OPEN_LEVELS: Final = 2

# Nothing is loaded from anywhere; the page's own few lines of script open and close.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_STYLE: Final = """
main { max-width: 75rem; overflow-wrap: anywhere; }
header p { color: var(--soft); margin: 2px 0; }
.alarm { color: var(--warn); font-weight: bold; }
details, .leaf { border-left: 1px solid var(--line); margin: 2px 0 2px 6px; padding-left: 12px; }
a { color: var(--accent); } summary { cursor: pointer; } summary:focus-visible { outline: 2px solid var(--accent); }
summary::marker { color: var(--accent); }
.value { font-variant-numeric: tabular-nums; font-weight: 600; } .how { color: var(--soft); font-variant-numeric: tabular-nums; }
.rule { border: 1px solid var(--line); border-radius: 4px; font-size: 11px; padding: 0 4px; }
ul { color: var(--soft); font-size: 13px; list-style: none; margin: 2px 0; padding-left: 16px; } .event { color: inherit; }
nav { margin: 12px 0; } nav button { padding: 4px 10px; border: 1px solid var(--line); border-radius: 4px; margin-right: 8px;
  background: var(--shade); color: var(--ink); font: inherit; cursor: pointer; }
@media (max-width: 720px) { details, .leaf { margin-left: 1px; padding-left: 5px; } ul { padding-left: 8px; } }
@media print {
  nav { display: none; } body { font-size: 8pt; } ul, .rule { font-size: 7pt; }
  details, .leaf { padding-left: 8px; } h1, summary { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; display: block; }
}
"""
_SCRIPT: Final = """
const all = open => document.querySelectorAll("details").forEach(each => { each.open = open; });
let before = [];
addEventListener("beforeprint", () => { before = [...document.querySelectorAll("details:not([open])")]; all(true); });
addEventListener("afterprint", () => before.forEach(each => { each.open = false; }));
addEventListener("hashchange", () => {
  for (let each = document.getElementById(location.hash.slice(1)); each; each = each.parentElement) { each.open = true; }
});
"""


def page(root: Node, head: list[str], alarms: list[str]) -> str:
    """`head` says what folder and rules; `alarms` what does not hold."""
    told = "".join(f"<p>{escaped(line)}</p>" for line in head)
    alarmed = "".join(f'<p class="alarm">{escaped(line)}</p>' for line in alarms)
    events = {event: f"e{place}" for place, event in enumerate(events_of(everything(root)))}
    rows = "".join(f'<li id="{name}">{escaped(event_text(event))}</li>' for event, name in events.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escaped(root.title)}</title><style>{STYLE}{_STYLE}</style></head><body><main>"
        f"<header><h1>{escaped(root.title)}</h1>{told}{alarmed}</header>"
        '<nav><button onclick="all(true)">Open all</button><button onclick="all(false)">Close all</button></nav>'
        f"<section>{''.join(_parts(root, events))}</section>"
        f'<details open><summary>Events that it rests on</summary><ul class="events">{rows}</ul></details></main>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _parts(root: Node, events: Mapping[EventRef, str]) -> Iterator[str]:
    """Each node once, a link where it comes again."""
    names: dict[int, str] = {}
    stack: list[tuple[Node, int] | str] = [(root, 0)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        node, level = item
        nodes = below(node)
        if not nodes:
            yield f'<div class="leaf">{_line(node)}{_notes(node, events)}</div>'
        elif shared(node) in names:
            yield f'<div class="leaf">{_line(node)} <a href="#{names[shared(node)]}">as above</a></div>'
        else:
            name = names[shared(node)] = f"n{len(names)}"
            opened = " open" if level < OPEN_LEVELS else ""
            yield f'<details id="{name}"{opened}><summary>{_line(node)}</summary>{_notes(node, events)}'
            stack.append("</details>")
            stack += [(one, level + 1) for one in reversed(nodes)]


def _line(node: Node) -> str:
    value = f': <span class="value">{escaped(value_text(node))}</span>' if node.value is not None else ""
    how = formula(node)
    made = f' <span class="how">= {escaped(how)}</span>' if how else ""
    rule = f' <span class="rule">{escaped(node.rule)}</span>' if node.rule else ""
    return f"{escaped(node.title)}{value}{made}{rule}"


def _notes(node: Node, events: Mapping[EventRef, str]) -> str:
    notes = []
    if node.event is not None:
        notes.append(f'<li><a href="#{events[node.event]}">{escaped(event_called(node.event))}</a></li>')
    notes += [f"<li>{escaped(name)}: {escaped(value)}</li>" for name, value in node.facts]
    if node.policies:
        notes.append(f"<li>{escaped(policies_text(node.policies))}</li>")
    if node.id:
        notes.append(f"<li>id: {escaped(node.id)}</li>")
    return f"<ul>{''.join(notes)}</ul>" if notes else ""
