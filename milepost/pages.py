"""Pages as HTML: whole in one file, nothing loaded from anywhere, fit for the screen and for paper.

A long text without blanks is broken anywhere, so that it pushes no figure off the page; what is wider than a narrow
screen moves sideways, with a shadow at the edge that has more beyond it.

Every text goes through `tag`, which escapes it; only what `tag` made is taken as markup.
"""

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

from milepost.console import printable

VOID: Final = frozenset({"meta", "br", "hr", "col", "img"})
# No script, no request: what a mail client or a browser may do with a page of ours.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE: Final = """
:root { --ink: #1c2430; --soft: #5d6878; --line: #d5dbe3; --shade: #f4f6f9; --accent: #1f5f99; --warn: #9a4b00; --paper: #fff;
  --edge: rgb(28 36 48 / 28%); }
* { box-sizing: border-box; }
html { background: #e9edf2; }
body { margin: 0; color: var(--ink); font: 14px/1.45 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
main { max-width: 210mm; margin: 24px auto; padding: 16mm 16mm 14mm; background: #fff; box-shadow: 0 1px 6px rgb(28 36 48 / 20%);
  overflow-wrap: anywhere; }
h1 { margin: 0 0 4px; font-size: 24px; line-height: 1.2; overflow-wrap: break-word; }
h2 { margin: 26px 0 8px; font-size: 15px; }
p { margin: 0 0 8px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: 6px 8px; border-bottom: 1.5px solid var(--ink); text-align: left; vertical-align: bottom;
  font-size: 12px; font-weight: 600; overflow-wrap: normal; }
td { min-width: 6.5em; padding: 6px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.right { min-width: 0; text-align: right; white-space: nowrap; }
.soft { color: var(--soft); }
.small { font-size: 12px; }
.nowrap { white-space: nowrap; }
.mark { display: inline-block; margin: 2px 6px 0 0; padding: 0 6px; border: 1px solid currentcolor; border-radius: 8px;
  color: var(--warn); font-size: 11px; white-space: nowrap; }
.banner { margin: 0 0 18px; padding: 8px 12px; border-left: 4px solid var(--warn); background: #fdf3e7; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9fabbb; --line: #38424f; --shade: #232b35; --accent: #7db8ec; --warn: #f0a95c;
    --paper: #1a212a; --edge: rgb(0 0 0 / 70%); color-scheme: dark; }
  html { background: #10151b; }
  main { background: var(--paper); box-shadow: none; }
  .banner { background: #33271a; }
  .logo { padding: 6px; border-radius: 4px; background: #fff; }
}
thead { display: table-header-group; }
tr, .keep { break-inside: avoid; }
h2 { break-after: avoid; }
@media screen {
  .wide { overflow-x: auto; background:
    linear-gradient(to right, var(--paper) 40%, transparent) left / 36px 100% local no-repeat,
    linear-gradient(to left, var(--paper) 40%, transparent) right / 36px 100% local no-repeat,
    linear-gradient(to right, var(--edge), transparent) left / 14px 100% scroll no-repeat,
    linear-gradient(to left, var(--edge), transparent) right / 14px 100% scroll no-repeat; }
}
@media (max-width: 720px) {
  main { margin: 0; padding: 20px 16px; box-shadow: none; }
  th, td { padding: 6px 4px; }
  .small { font-size: 11px; }
}
@media print {
  html { background: none; }
  body { font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; margin: 0; padding: 0; box-shadow: none; }
}
"""


class Html(str):
    """Markup, safe as it stands."""

    __slots__ = ()


Content: TypeAlias = "str | Iterable[Content]"


def tag(name: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """An element. Text in it is escaped; `class_` is the attribute class, `stroke_width` is stroke-width; None leaves out."""
    head = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = markup(*content)
    if name in VOID:
        return Html(f"<{name}{head}>")
    return Html(f"<{name}{head}>{inside}</{name}>")


def escaped(text: str) -> str:
    """Text as a page shows it."""
    return escape(printable(text))


def markup(*content: Content) -> Html:
    """Pieces one after the other; what is not markup is escaped."""
    return Html("".join(_piece(each) for each in content))


def _piece(content: Content) -> str:
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return escaped(content)
    return markup(*content)


def page(title: str, *content: Content, language: str, paper: str, style: str = "") -> str:
    """A whole document; `paper` is A4 or letter, with page numbers at its foot."""
    sheet = f'@page {{ size: {paper}; margin: 16mm 15mm 18mm; @bottom-right {{ content: counter(page) " / " counter(pages); '
    sheet += "font: 8pt Helvetica, Arial, sans-serif; color: #5d6878; } }"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="generator", content="Milepost"),
        tag("title", title),
        Html(f"<style>{STYLE}{sheet}\n{style}</style>"),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *content)), lang=language)}\n"


def row(title: Content, *figures: Content, class_: str | None = None) -> Html:
    return tag("tr", tag("td", title), (tag("td", figure, class_="right") for figure in figures), class_=class_)


def table(columns: Iterable[tuple[Content, bool]], *bodies: Content, class_: str | None = None) -> Html:
    """`columns` are titles, and whether figures stand under them; `bodies` are `tbody` elements."""
    heads = (tag("th", title, class_="right" if right else None, scope="col") for title, right in columns)
    return tag("div", tag("table", tag("thead", tag("tr", heads)), *bodies, class_=class_), class_="wide")
