"""How long work reports its progress."""

from collections.abc import Callable

# What is being done, how far it is, and how much there is.
Tell = Callable[[str, int, int], None]
