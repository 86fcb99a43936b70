"""Named tuples on the path of every event."""

from typing import Final

# A named tuple's own constructor is a Python function; its parent's, which takes the class and its fields, is three times as fast.
new_tuple: Final = tuple.__new__
