"""What is said of settings that cannot be used."""

from collections.abc import Sequence


class WrongSettings(Exception):
    """What is wrong, one sentence each; none holds a value."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(*faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)
