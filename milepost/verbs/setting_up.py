"""Settings, and help."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount


def mount_settings(on: typer.Typer) -> None:
    from milepost.commands import settings

    group = group_of(on, "settings", "Which settings hold, and where they come from.")
    mount(
        group,
        "show",
        settings.show,
        "The settings that hold.",
        example="milepost settings show --origin",
        then="milepost doctor",
    )
    mount(
        group,
        "schema",
        settings.schema,
        "The JSON Schema of the settings file.",
        example="milepost settings schema > milepost.schema.json",
        then="#:schema milepost.schema.json as the first line of milepost.toml, for editors",
    )


def mount_doctor(on: typer.Typer) -> None:
    from milepost.commands import doctor

    mount(
        on,
        "doctor",
        doctor.doctor,
        "See what can be reached, and what to do.",
        example="milepost doctor --set kafka.development=true",
        then="what it says, from the top: later lines often follow from earlier ones",
    )


def mount_help(on: typer.Typer) -> None:
    from milepost.verb_groups import help_

    mount(
        on,
        "help",
        help_,
        "What a command does; what exit codes say.",
        example="milepost help exit-codes",
        then="milepost --help lists all commands",
    )
