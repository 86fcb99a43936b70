"""What a `with` closes at its end."""

from abc import ABC, abstractmethod
from typing import Self


class Closable(ABC):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None: ...
