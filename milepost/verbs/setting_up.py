"""Settings, and help."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs

VERBS: Final[Verbs] = {
    "settings": VerbGroup(
        "Which settings hold, and where they come from.",
        {
            "show": Verb(
                "settings.show", "The settings that hold.", "milepost settings show --origin", "milepost doctor"
            ),
            "schema": Verb(
                "settings.schema",
                "The JSON Schema of the settings file.",
                "milepost settings schema > milepost.schema.json",
                "#:schema milepost.schema.json as the first line of milepost.toml, for editors",
            ),
        },
    ),
    "doctor": Verb(
        "doctor.doctor",
        "See what can be reached, and what to do.",
        "milepost doctor --set kafka.development=true",
        "what it says, from the top: later lines often follow from earlier ones",
    ),
    "help": Verb(
        "help.help_",
        "What a command does; what exit codes say.",
        "milepost help exit-codes",
        "milepost --help lists all commands",
    ),
}
