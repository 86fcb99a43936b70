"""`milepost`, and `python -m milepost`."""

import gc
import signal
import sys

from connectors.compiled import ask_for_huge_pages
from milepost.operate.stopping import listen_as_first

# Commands make many values and few cycles: looking for garbage among them as often as Python does is an eighth of a command's time.
COLLECTED: tuple[int, int, int] = (500_000, 10, 10)


def main() -> None:
    listen_as_first()
    ask_for_huge_pages()
    gc.set_threshold(*COLLECTED)
    try:
        from milepost.command_line import command_line

        command_line(sys.argv[1:])(prog_name="milepost")
    except KeyboardInterrupt:
        # While it loads; where a command is at work the command line says the same.
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
