"""Options that several commands have, in the same words; those that stand together are fields of a NamedTuple.

Typer reads a command's parameters from its signature. What stands around a verb therefore says which parameters the whole has. A parameter
that is such a NamedTuple stands for its fields: `expanded` puts them in its place.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from inspect import Parameter
from pathlib import Path
from typing import Annotated, NamedTuple, TypeGuard, TypeVar, get_type_hints

import typer

from milepost.console import LOCALE


def known_locale(name: str) -> str:
    """Raises BadParameter, also where nothing of what is asked for is written in it."""
    if name != LOCALE:
        from milepost.locales import writing

        writing(name, "EUR")
    return name


Output = Annotated[Path, typer.Option("--output", help="Output folder of a run.")]
Input = Annotated[
    Path | None,
    typer.Option("--input", help="Its input folder, which gets one more file; without it `input` beside the output."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]
Approver = Annotated[str, typer.Option("--approved-by", help="Who approves; not the one who asks.")]
MayApprove = Annotated[str | None, typer.Option("--approved-by", help="Who approves; not the one who asks.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write it without asking.")]
Locale = Annotated[
    str, typer.Option("--locale", callback=known_locale, help="How a page writes amounts and dates, such as de_DE.")
]
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
SummaryJson = Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")]


def checked_name(name: str, what: str = "a name", option: str | None = None) -> str:
    """Names are compared as written. Raises BadParameter where it is none, or nobody could see how it is written."""
    if not name or name != name.strip() or not name.isprintable():
        raise typer.BadParameter(f"expected {what}, without blanks around it, got {name!r}", param_hint=option)
    return name


Verb = Callable[..., None]
Shared = TypeVar("Shared", bound=NamedTuple)
Made = TypeVar("Made")


def sharing(
    options: type[Shared],
    verb: Callable[..., Made],
    use: Callable[[Shared, Callable[..., Made]], None],
    not_loaded: Iterable[str] = (),
) -> Verb:
    """The command that takes the options and those of the verb but its first, which `use` gives it: a recording, say, or a firm.

    `not_loaded` are names in the verb's annotations that exist only while types are checked.
    """

    @wraps(verb)
    def seen(**given: object) -> None:
        shared = _made(options, given)
        use(shared, partial(verb, **given))

    first, *others = _fields(options)
    return with_parameters(seen, (first, *parameters_of(verb, not_loaded)[1:], *others))


def expanded(verb: Verb) -> Verb:
    """The command with the options of each NamedTuple that the verb takes, at its place."""
    parameters = parameters_of(verb)
    groups = {each.name: each.annotation for each in parameters if _is_group(each.annotation)}
    if not groups:
        return verb

    @wraps(verb)
    def seen(**given: object) -> None:
        verb(**{name: _made(kind, given) for name, kind in groups.items()}, **given)

    return with_parameters(
        seen, (one for each in parameters for one in (_fields(each.annotation) if each.name in groups else [each]))
    )


def _is_group(kind: object) -> TypeGuard[type[NamedTuple]]:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _fields(kind: type[NamedTuple]) -> Iterator[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    for name in kind._fields:
        if _is_group(hints[name]):
            yield from _fields(hints[name])
        else:
            default = kind._field_defaults.get(name, Parameter.empty)
            yield Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[name])


def _made(kind: type[Shared], given: dict[str, object]) -> Shared:
    """Of what is given, which keeps what the verb takes by itself."""
    made: Callable[..., Shared] = kind
    hints = get_type_hints(kind)
    return made(*(_made(hints[name], given) if _is_group(hints[name]) else given.pop(name) for name in kind._fields))


def one_form(**given: bool) -> None:
    """Raises BadParameter where more than one option was given of those that say in which form to show."""
    names = [f"--{name}" for name, is_given in given.items() if is_given]
    if len(names) > 1:
        *others, last = (f"--{name}" for name in given)
        expected = f"expected one of {', '.join(others)} and {last}"
        raise typer.BadParameter(f"{expected}, got {' and '.join(names)}", param_hint=names[-1])


def parameters_of(verb: Callable[..., object], not_loaded: Iterable[str] = ()) -> list[Parameter]:
    """With the annotations themselves where they are written as text."""
    found = inspect.signature(verb, eval_str=True, locals=dict.fromkeys(not_loaded, object))
    return list(found.parameters.values())


def with_parameters(seen: Verb, parameters: Iterable[Parameter]) -> Verb:
    """As typer reads it. All go by name, so that a required one may come after one that is not."""
    keywords = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
    seen.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    seen.__annotations__ = {each.name: each.annotation for each in keywords}
    return seen
